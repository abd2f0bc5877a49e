/* Lane groups of re-rolled scalar programs. */
#include "da_lanes_private.h"
#include "da_machine_scalars.h"

enum { SOME = DA_LEAF }; /* lanes copied at a time */

/* Arity, and whether IEEE 754 fixes the result, so that any loop gives the same bits. */
enum { ANY_LOOP = 4 };
#define UNARY(name, np, val, dx, props, xl, xh) 1 | ((props) & DA_EXACT ? ANY_LOOP : 0),
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh) 2 | ((props) & DA_EXACT ? ANY_LOOP : 0),
#define LANE1(NAME, E) 1 | ANY_LOOP,
#define LANE2(NAME, E) 2 | ANY_LOOP,
#define LANE3(NAME, E) 3 | ANY_LOOP,
#define EXACT DA_EXACT
#define STEP DA_STEP
#define HOLO DA_HOLO
static const uint8_t facts[DA_L_VALUES] = {
#include "ops.def"
#include "da_lanes_codes.inc"
};

static da_place place_of(const da_lane *l, const da_groups *env) {
    da_place at = {l->buffer == DA_LANE_BANK ? (char *)env->bank : env->spans[l->buffer].data, NULL, l->type, DA_T_I32};
    if (l->kind == DA_LANE_INDEXED) at.list = env->lists + l->offset;
    return at;
}

/* Lanes of doubles from a list of positions or a stride apart to `x`: here, without a call and its choices, 0.5 ns each. */
static inline void gather(double *x, const da_lane *l, const da_groups *env, int64_t n) {
    const double *base = l->buffer == DA_LANE_BANK ? env->bank : env->spans[l->buffer].data;
    const int32_t *list = env->lists + l->offset;
    if (l->kind == DA_LANE_INDEXED)
        for (int64_t i = 0; i < n; i++) x[i] = base[list[i]];
    else
        for (int64_t i = 0, at = l->offset; i < n; i++, at += l->stride) x[i] = base[at];
}

/* Lanes from..from + n - 1 of an operand to `x`. */
static void load(double *x, const da_lane *l, const da_groups *env, int64_t from, size_t n) {
    if (l->kind == DA_LANE_VALUE) {
        for (size_t i = 0; i < n; i++) x[i] = l->value;
        return;
    }
    da_place at = place_of(l, env);
    if (l->kind == DA_LANE_INDEXED) da_load_piece_d(x, &at, from, 1, n);
    else da_load_piece_d(x, &at, l->offset + from * l->stride, l->stride, n);
}

static void store(const double *x, const da_lane *l, const da_groups *env, int64_t from, size_t n) {
    da_place at = place_of(l, env);
    if (l->kind == DA_LANE_INDEXED) da_store_piece_d(x, &at, from, 1, n);
    else da_store_piece_d(x, &at, l->offset + from * l->stride, l->stride, n);
}

/* The lanes where they are: doubles next to one another, or one for all (*splat); else NULL. */
static double *in_place(const da_lane *l, const da_groups *env, int *splat) {
    *splat = l->kind == DA_LANE_VALUE || !l->stride;
    if (l->kind == DA_LANE_VALUE) return (double *)&l->value;
    if (l->kind != DA_LANE_AFFINE || l->type != DA_T_F64 || l->stride & ~1) return NULL;
    return (l->buffer == DA_LANE_BANK ? env->bank : (double *)env->spans[l->buffer].data) + l->offset;
}

/* What a group computes with: kernel, operands in place (else NULL: they are copied), which of them are splats. */
typedef struct {
    da_kernel_d kernel;
    const da_lane *lanes[3];
    double *p[3], *d;
    int arity, splats;
} work;

static work prepare(const da_group *g, const da_groups *env) {
    work w = {.lanes = {&g->a, &g->b, &g->c}, .arity = facts[g->code] & 3};
    int splat;
    for (int k = 0; k < w.arity; k++) {
        w.p[k] = in_place(w.lanes[k], env, &splat);
        if (w.p[k]) w.splats |= splat << k;
    }
    if (w.splats & 1 && !da_lane_kernels_d[g->code][w.splats]) w.splats &= ~1, w.p[0] = NULL;
    w.kernel = da_lane_kernels_d[g->code][w.splats];
    w.d = in_place(&g->dst, env, &splat);
    if (splat) w.d = NULL;
    return w;
}

/* Lanes from..from + n - 1, n <= SOME, by copies, in whole vectors. */
static void run_some(const work *w, const da_group *g, const da_groups *env, int64_t from, size_t n) {
    _Alignas(64) double copies[4][SOME];
    double *p[3] = {copies[1], copies[2], copies[3]};
    size_t padded = (n + DA_WHOLE - 1) / DA_WHOLE * DA_WHOLE;
    for (int k = 0; k < w->arity; k++) {
        if (w->splats >> k & 1) {
            p[k] = w->p[k];
        } else if (w->p[k] && n == padded) {
            p[k] = w->p[k] + from;
        } else {
            load(p[k], w->lanes[k], env, from, n);
            for (size_t i = n; i < padded; i++) p[k][i] = p[k][n - 1]; /* what the function is defined for */
        }
    }
    int straight = w->d && n == padded;
    w->kernel(padded, straight ? w->d + from : copies[0], p[0], p[1], p[2]);
    if (!straight) store(copies[0], &g->dst, env, from, n);
}

/* A range of the bank, or one value for all lanes (bit `k` of *splats); else NULL. */
static inline double *in_bank(const da_lane *l, double *bank, int k, int *splats) {
    if (l->kind == DA_LANE_VALUE) {
        *splats |= 1 << k;
        return (double *)&l->value;
    }
    return l->kind == DA_LANE_AFFINE && l->stride == 1 && l->buffer == DA_LANE_BANK ? bank + l->offset : NULL;
}

/* Computes whole vectors where they stand, if all operands are ranges of the bank or values, which most are; returns how many
 * lanes. */
static int64_t run_in_bank(const da_group *g, double *bank) {
    int splats = 0, arity = facts[g->code] & 3;
    double *d = in_bank(&g->dst, bank, 3, &splats), *a = in_bank(&g->a, bank, 0, &splats);
    double *b = arity > 1 ? in_bank(&g->b, bank, 1, &splats) : a, *c = arity > 2 ? in_bank(&g->c, bank, 2, &splats) : a;
    da_kernel_d kernel = da_lane_kernels_d[g->code][splats & 7];
    int64_t n = facts[g->code] & ANY_LOOP ? g->n : g->n - g->n % DA_WHOLE;
    if (!d || !a || !b || !c || !kernel || !n) return 0;
    kernel((size_t)n, d, a, b, c);
    return n;
}

/* An operand where it stands, or copied; NULL if it needs to be converted. */
static inline double *near(const da_lane *l, const da_group *g, const da_groups *env, int k, int *splats, double *copy) {
    double *p = in_bank(l, env->bank, k, splats);
    if (p || l->type != DA_T_F64) return p;
    gather(copy, l, env, g->n);
    return copy;
}

/* The same with operands that are gathered first: a few lanes of an operation whose loop may be any. 28 ns for 20 lanes with one
 * such operand, instead of 71 by the general way below. Returns whether it was done. */
static int run_gathered(const da_group *g, const da_groups *env) {
    _Alignas(64) double copies[3][SOME];
    int splats = 0, arity = facts[g->code] & 3;
    double *d = in_bank(&g->dst, env->bank, 3, &splats);
    if (!d || !(facts[g->code] & ANY_LOOP) || g->n > SOME) return 0;
    double *a = near(&g->a, g, env, 0, &splats, copies[0]), *b = arity > 1 ? near(&g->b, g, env, 1, &splats, copies[1]) : a;
    double *c = arity > 2 ? near(&g->c, g, env, 2, &splats, copies[2]) : a;
    da_kernel_d kernel = da_lane_kernels_d[g->code][splats & 7];
    if (!a || !b || !c || !kernel) return 0;
    kernel((size_t)g->n, d, a, b, c);
    return 1;
}

static void run_values(const da_group *g, const da_groups *env) {
    int64_t n = g->n, done = run_in_bank(g, env->bank);
    if (done == n || (!done && run_gathered(g, env))) return;
    work w = prepare(g, env);
    for (; done < n; done += SOME) run_some(&w, g, env, done, (size_t)(n - done < SOME ? n - done : SOME));
}

double da_lanes_reduce(int op, const double *x, int64_t n) { return da_reduce_d(op, x, (size_t)n); }

/* A leaf at a time, in the order of da_lanes.h: see da_lanes_reduce.inc. */
static double reduce_copies(const da_group *g, const da_groups *env) {
    double x[SOME], stack[64];
    size_t depth = 0, leaves = 0;
    for (int64_t i = 0; i < g->n; i += SOME) {
        size_t n = (size_t)(g->n - i < SOME ? g->n - i : SOME);
        load(x, &g->a, env, i, n);
        stack[depth++] = da_reduce_d(g->op, x, n);
        for (size_t k = leaves++; k & 1; k >>= 1) depth--, stack[depth - 1] = da_reduce_d(g->op, stack + depth - 1, 2);
    }
    for (; depth > 1; depth--) stack[depth - 2] = da_reduce_d(g->op, stack + depth - 2, 2);
    return depth ? stack[0] : da_reduce_d(g->op, NULL, 0);
}

static void run_reduction(const da_group *g, const da_groups *env) {
    int splat;
    const double *x = in_place(&g->a, env, &splat);
    double result = x && !splat ? da_reduce_d(g->op, x, (size_t)g->n) : reduce_copies(g, env);
    store(&result, &g->dst, env, 0, 1);
}

static void run_stretch(const da_group *g, const da_groups *env) {
    _Alignas(DA_VECTOR_BYTES) char spills[DA_JOINED_SPILLS * DA_VECTOR_BYTES];
    da_machine_run(env->code, (int32_t)g->a.offset, env->bank, env->bank, (void *)env->spans, DA_VECTOR_BYTES, spills);
}

void da_groups_run(const da_group *groups, size_t n, const da_groups *env) {
    for (const da_group *g = groups; g < groups + n; g++) {
        if (g->code < DA_L_VALUES) run_values(g, env);
        else if (g->code == DA_L_REDUCE) run_reduction(g, env);
        else if (g->code == DA_L_STRETCH) run_stretch(g, env);
        else da_scalar_run(env->scalars + g->a.offset, (size_t)g->n, env->bank);
    }
}
