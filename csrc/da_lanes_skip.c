/* Where a region need not compute: strong zeros. The cotangent of a minimum, a selection or an index is zero nearly everywhere,
 * and `smul` makes everything that it multiplies exactly zero. A region all of whose results are such products passes over the
 * parts of its domain where the factors are zero (da_lanes_skip.inc), with the same bits: 12 times as fast where one of 100
 * factors is not zero. */
#include "da_lanes_private.h"
#include <math.h>

/* What a register holds where the loads in `factors` are all zero (0: not known): a zero of known sign, or of either. */
typedef struct {
    uint32_t factors;
    enum { PLUS, MINUS, EITHER } sign;
} zero_of;

enum { MAX_REGS = 64, MAX_LOADS = 32 };

static zero_of sum(zero_of a, zero_of b) {
    if (!a.factors || !b.factors) return (zero_of){0, EITHER};
    int sign = a.sign == PLUS || b.sign == PLUS ? PLUS : a.sign == MINUS && b.sign == MINUS ? MINUS : EITHER;
    return (zero_of){a.factors | b.factors, sign};
}

static zero_of negative(zero_of a) {
    return (zero_of){a.factors, a.sign == EITHER ? EITHER : a.sign == PLUS ? MINUS : PLUS};
}

/* What is chosen where a mask is zero. */
static zero_of other(zero_of mask, zero_of c, const da_splat *splat) {
    if (splat && splat->operand < 0 && splat->value == 0) return (zero_of){mask.factors, signbit(splat->value) ? MINUS : PLUS};
    return (zero_of){mask.factors && c.factors ? mask.factors | c.factors : 0, c.sign};
}

static zero_of value_of(const da_micro *m, const zero_of *regs, const da_region *r) {
    const zero_of none = {0, EITHER};
    zero_of a = m->a < r->n_regs ? regs[m->a] : none, b = m->b < r->n_regs ? regs[m->b] : none;
    zero_of c = m->c < r->n_regs ? regs[m->c] : none;
    zero_of product = {a.factors, PLUS};
    switch (m->code) {
    case DA_smul: return product;
    case DA_L_SMULADD: return sum(product, c);
    case DA_L_SMULSUB: return sum(product, negative(c));
    case DA_L_NSMULADD: return sum(c, negative(product));
    case DA_L_SELECT: return other(a, c, m->c < r->n_regs ? NULL : &r->splats[m->c - r->n_regs]);
    case DA_copy: return a;
    case DA_neg: return negative(a);
    case DA_add: return sum(a, b);
    case DA_sub: return sum(a, negative(b));
    default: return none;
    }
}

/* The loads that must be zero, and in l->insts[].variant of STORE and REDUCE whether their zero is negative; 0: no skipping. */
static uint32_t find_zeros(da_lanes *l, const da_region *r, int32_t *loaded) {
    zero_of regs[MAX_REGS];
    int loads = 0;
    uint32_t needed = 0;
    for (int32_t k = 0; k < r->n_regs; k++) regs[k] = (zero_of){0, EITHER};
    for (int32_t i = 0; i < r->n_micros; i++) {
        const da_micro *m = &r->micros[i];
        if (m->code == DA_L_LOAD) {
            if (loads == MAX_LOADS) return 0;
            loaded[loads] = m->operand;
            regs[m->dst] = (zero_of){1u << loads++, EITHER};
        } else if (m->code < DA_L_VALUES) {
            regs[m->dst] = value_of(m, regs, r);
        } else {
            if (m->a >= r->n_regs || !regs[m->a].factors || regs[m->a].sign == EITHER) return 0;
            needed |= regs[m->a].factors;
            l->insts[i].variant = regs[m->a].sign == MINUS;
        }
    }
    return needed;
}

void da_find_factors(da_lanes *l, const da_region *r) {
    int32_t loaded[MAX_LOADS];
    if (r->n_regs > MAX_REGS) return;
    for (int32_t k = 0; k < r->n_reductions; k++)
        if (r->axis != DA_AXIS_FIRST || r->reductions[k].op != DA_SUM) return;
    uint32_t needed = find_zeros(l, r, loaded);
    for (int k = 0; k < MAX_LOADS && needed >> k; k++) {
        if (!(needed >> k & 1)) continue;
        if (l->n_factors == DA_MAX_FACTORS) {
            l->n_factors = 0;
            return;
        }
        l->factors[l->n_factors++] = loaded[k];
    }
}
