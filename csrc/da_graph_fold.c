/* Constant folding, algebraic identities, strength reduction. Rules look at the operands' new nodes, which are folded already. */
#include "da_graph_pass.h"
#include <math.h>

/* A node in the making, op(a, b) on nodes of `out`. A rule that finds it equal to a node makes it DA_copy of that. */
typedef struct {
    da_rewrite *r;
    int op, flags, exact, lanes, failed;
    int32_t a, b;
} term;

static const da_gnode *at(const term *t, int32_t i) { return &t->r->out.nodes[i]; }
static int is_op(const term *t, int32_t i, int op) { return at(t, i)->op == op; }
static int is_const(const term *t, int32_t i) { return is_op(t, i, DA_G_CONST); }
static int is_number(const term *t, int32_t i, double c) { return is_const(t, i) && at(t, i)->c == c; }

/* A rule's result; always 1: rewritten. */
static int becomes(term *t, int op, int32_t a, int32_t b) {
    t->op = op, t->a = a, t->b = b;
    return 1;
}
static int is_same_as(term *t, int32_t a) { return becomes(t, DA_copy, a, -1); }

/* Nodes that a rule needs. */
static int32_t new_const(term *t, double c) {
    int32_t i = da_rewrite_add(t->r, (da_gnode){c, -1, -1, DA_G_CONST, (uint16_t)t->flags, -1});
    t->failed |= i < 0;
    return i;
}
static int32_t new_op(term *t, int op, int32_t a) {
    int32_t i = da_rewrite_add(t->r, (da_gnode){0, a, -1, (uint16_t)op, (uint16_t)t->flags, -1});
    t->failed |= i < 0;
    return i;
}

/* op(a, b) is -op(a', b), or the other way round: signs go on to sums, which take them in. In groups they would come between. */
static int sign_out(term *t, int op, int32_t a, int32_t b) {
    int squared = op == DA_mul && a == b;
    int32_t i = da_rewrite_add(t->r, (da_gnode){0, a, squared ? -1 : b, (uint16_t)(squared ? DA_square : op), (uint16_t)t->flags, -1});
    t->failed |= i < 0;
    return becomes(t, DA_neg, i, -1);
}

/* The sign of one factor, or of a dividend or divisor. */
static int sign_of_operand(term *t) {
    if (!t->lanes || t->exact) return 0;
    if (is_op(t, t->a, DA_neg)) return sign_out(t, t->op, at(t, t->a)->a, t->b);
    if (is_op(t, t->b, DA_neg)) return sign_out(t, t->op, t->a, at(t, t->b)->a);
    return 0;
}

static int fold_const(term *t) {
    int binary = t->b >= 0;
    if (!is_const(t, t->a) || (binary && !is_const(t, t->b))) return 0;
    if (t->exact && !(da_ops[t->op].flags & DA_EXACT)) return 0;
    double bank[] = {at(t, t->a)->c, binary ? at(t, t->b)->c : 0, 0};
    da_scalar code = {t->op | (t->flags & DA_F32 ? DA_L_F32 : 0), 2, 0, 1, 1};
    da_scalar_run(&code, 1, bank); /* the bits of a replay */
    return is_same_as(t, new_const(t, bank[2]));
}

static int is_power_of_two(double c) {
    int exponent;
    return fabs(frexp(c, &exponent)) == 0.5;
}

/* (x * c) * 2^k is x * (c * 2^k) unless the product leaves the range of normal numbers. 1: done. */
static int scale_product(term *t, int32_t product, double factor) {
    const da_gnode *d = at(t, product);
    int32_t x = d->a;
    if (t->exact || d->op != DA_mul || !is_const(t, d->b) || !is_power_of_two(factor)) return 0;
    double c = at(t, d->b)->c * factor;
    if (!(fabs(c) > 1e-30 && fabs(c) < 1e30)) return 0; /* also in single precision, only x near its limits tells the two apart */
    return becomes(t, DA_mul, x, new_const(t, c));
}

/* x + 0; only x + (-0) keeps the sign of a zero x. */
static int adds_nothing(const term *t, int32_t i, int exact_sign) {
    return is_number(t, i, 0) && (!t->exact || !signbit(at(t, i)->c) == !exact_sign);
}

static int fold_add(term *t) {
    if (adds_nothing(t, t->a, 1)) return is_same_as(t, t->b);
    if (adds_nothing(t, t->b, 1)) return is_same_as(t, t->a);
    if (is_op(t, t->b, DA_neg)) return becomes(t, DA_sub, t->a, at(t, t->b)->a);
    if (is_op(t, t->a, DA_neg)) return becomes(t, DA_sub, t->b, at(t, t->a)->a);
    return t->a == t->b ? scale_product(t, t->a, 2) : 0;
}

static int fold_sub(term *t) {
    if (adds_nothing(t, t->b, 0)) return is_same_as(t, t->a);
    if (adds_nothing(t, t->a, 1)) return becomes(t, DA_neg, t->b, -1);
    if (is_op(t, t->b, DA_neg)) return becomes(t, DA_add, t->a, at(t, t->b)->a);
    return t->lanes && !t->exact && is_op(t, t->a, DA_neg) ? sign_out(t, DA_add, at(t, t->a)->a, t->b) : 0;
}

/* -x times c, or -x by c: the sign goes into the constant. */
static int sign_into_const(term *t, int32_t x, int32_t c, int32_t *into) {
    if (!is_op(t, x, DA_neg) || !is_const(t, c)) return 0;
    *into = new_const(t, -at(t, c)->c);
    return 1;
}

static int fold_mul(term *t) {
    if (is_const(t, t->a)) { /* constants second */
        int32_t a = t->a;
        t->a = t->b, t->b = a;
    }
    int32_t c;
    if (is_number(t, t->b, 1)) return is_same_as(t, t->a);
    if (is_number(t, t->b, -1)) return becomes(t, DA_neg, t->a, -1);
    if (t->a == t->b) return becomes(t, DA_square, t->a, -1);
    if (is_op(t, t->a, DA_neg) && is_op(t, t->b, DA_neg)) return becomes(t, DA_mul, at(t, t->a)->a, at(t, t->b)->a);
    if (sign_into_const(t, t->a, t->b, &c)) return becomes(t, DA_mul, at(t, t->a)->a, c);
    return is_const(t, t->b) ? scale_product(t, t->a, at(t, t->b)->c) : sign_of_operand(t);
}

/* 1 / c when c is a power of two whose reciprocal is a number of the precision too: x / c and x * (1 / c) are then the same. */
static double exact_reciprocal(const term *t, double c) {
    double r = 1 / c;
    if (!is_power_of_two(c) || !isfinite(r) || (t->flags & DA_F32 && (double)(float)r != r)) return 0;
    return r;
}

/* 2^k / y, and (x / y) / y, which is in the derivative of x / y, where the reciprocal of y is there anyway: in the derivative it is. */
static int by_reciprocal(term *t) {
    const da_gnode *d = at(t, t->a);
    double c = d->op == DA_G_CONST ? fabs(d->c) : 0;
    int scaled = c > 1e-30 && c < 1e30 && is_power_of_two(c), again = (d->op == DA_div || d->op == DA_sdiv) && d->b == t->b;
    if (t->exact || (!scaled && !again)) return 0;
    int32_t r = da_rewrite_find(t->r, (da_gnode){0, t->b, -1, DA_recip, (uint16_t)t->flags, -1});
    return r >= 0 && becomes(t, t->op == DA_sdiv ? DA_smul : DA_mul, t->a, r);
}

static int fold_div(term *t) {
    int32_t c;
    if (is_number(t, t->b, 1)) return is_same_as(t, t->a);
    if (is_number(t, t->a, 1)) return becomes(t, DA_recip, t->b, -1);
    if (is_op(t, t->a, DA_neg) && is_op(t, t->b, DA_neg)) return becomes(t, DA_div, at(t, t->a)->a, at(t, t->b)->a);
    if (sign_into_const(t, t->a, t->b, &c)) return becomes(t, DA_div, at(t, t->a)->a, c);
    if (sign_into_const(t, t->b, t->a, &c)) return becomes(t, DA_div, c, at(t, t->b)->a);
    double r = is_const(t, t->b) ? exact_reciprocal(t, at(t, t->b)->c) : 0;
    if (r != 0) return becomes(t, DA_mul, t->a, new_const(t, r));
    return by_reciprocal(t) || sign_of_operand(t);
}

/* smul and sdiv differ from mul and div where the first operand is zero: in value if the second is not finite (or a zero
 * divisor), in the sign of the zero otherwise. */
static int fold_strong(term *t) {
    int plain = t->op == DA_smul ? DA_mul : DA_div;
    if (is_number(t, t->a, 0)) return is_same_as(t, new_const(t, 0));
    if (is_const(t, t->a)) return becomes(t, plain, t->a, t->b);
    if (t->exact) return 0;
    double p = is_const(t, t->b) ? at(t, t->b)->c : NAN;
    if (isfinite(p) && p != 0) return becomes(t, plain, t->a, t->b);
    return (t->op == DA_sdiv && by_reciprocal(t)) || sign_of_operand(t);
}

/* Never below zero, and no -0: there pow(x, 0.5) and sqrt(x) agree also in the limits (pow(-inf, 0.5) is inf). */
static int not_negative(const term *t, int32_t i) {
    int op = at(t, i)->op;
    return op == DA_square || op == DA_abs || op == DA_fabs || op == DA_exp || op == DA_exp2 || op == DA_cosh || op == DA_hypot;
}

/* Small constant exponents. Of a negative one the reciprocal is taken first: 1 / x^2 would vanish for |x| > 1.3e154, where pow
 * does not. */
static int fold_pow(term *t) {
    if (!is_const(t, t->b)) return 0;
    double p = at(t, t->b)->c;
    if (p == 0) return is_same_as(t, new_const(t, 1));
    if (t->exact) return 0;
    if (p == 1) return is_same_as(t, t->a);
    if (p == 2) return becomes(t, DA_square, t->a, -1);
    if (p == 3) return becomes(t, DA_mul, t->a, new_op(t, DA_square, t->a));
    if (p == 4) return becomes(t, DA_square, new_op(t, DA_square, t->a), -1);
    if (p == -1) return becomes(t, DA_recip, t->a, -1);
    if (p == -2) return becomes(t, DA_square, new_op(t, DA_recip, t->a), -1);
    if (p == 0.5 && not_negative(t, t->a)) return becomes(t, DA_sqrt, t->a, -1);
    return 0;
}

/* Even functions lose the sign of their operand. */
static int fold_even(term *t) {
    int op = at(t, t->a)->op;
    return op == DA_neg || op == DA_abs || op == DA_fabs ? becomes(t, t->op, at(t, t->a)->a, -1) : 0;
}

/* Whether t and everything a rule would look at have the precision of t: an operation in single precision rounds its operands. */
static int one_precision(const term *t, int32_t i) {
    const da_gnode *d = at(t, i);
    if ((d->flags ^ t->flags) & DA_F32) return 0;
    return d->op >= DA_N_OPS || d->b >= 0 || !((at(t, d->a)->flags ^ t->flags) & DA_F32);
}

static int step(term *t) {
    if (t->failed) return 0;
    if (fold_const(t)) return 1;
    if (!one_precision(t, t->a) || (t->b >= 0 && !one_precision(t, t->b))) return 0;
    switch (t->op) {
    case DA_pos: return is_same_as(t, t->a);
    case DA_neg: return is_op(t, t->a, DA_neg) ? is_same_as(t, at(t, t->a)->a) : 0;
    case DA_square: case DA_abs: case DA_fabs: return fold_even(t);
    case DA_add: return fold_add(t);
    case DA_sub: return fold_sub(t);
    case DA_mul: return fold_mul(t);
    case DA_div: return fold_div(t);
    case DA_smul: case DA_sdiv: return fold_strong(t);
    case DA_pow: case DA_float_power: return fold_pow(t);
    default: return 0;
    }
}

static int32_t fold_node(da_rewrite *r, const da_gnode *d, int options) {
    if (d->op >= DA_N_OPS) return da_rewrite_keep(r, d);
    term t = {r, d->op, d->flags, (options & DA_OPT_EXACT) != 0, (options & DA_OPT_LANES) != 0, 0, r->to[d->a], d->b < 0 ? -1 : r->to[d->b]};
    if (t.op == DA_copy) fold_const(&t); /* the copy may round */
    while (t.op != DA_copy && step(&t)) continue;
    if (t.failed) return -1;
    if (t.op == DA_copy && !((at(&t, t.a)->flags ^ t.flags) & DA_F32)) return t.a;
    return da_rewrite_add(r, (da_gnode){0, t.a, t.b, (uint16_t)t.op, (uint16_t)t.flags, -1});
}

int da_graph_fold(da_graph *g, int options) {
    da_rewrite r;
    if (da_rewrite_begin(&r, g)) return -1;
    int failed = options & DA_OPT_CSE && da_rewrite_merge(&r);
    for (int32_t i = 0; i < g->n && !failed; i++) {
        r.to[i] = fold_node(&r, &g->nodes[i], options);
        failed = r.to[i] < 0;
    }
    return da_rewrite_end(&r, g, failed);
}
