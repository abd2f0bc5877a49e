/* Numeric sweeps over the scalar nodes of a tape. */
#include "da_inline.h"
#include "da_tape.h"

/* Operand values of a node. */
static inline double value_a(const da_tape *t, const da_node *d) {
    return d->flags & DA_A_CONST ? d->c : da_tape_at(t, d->a)->v;
}
static inline double value_b(const da_tape *t, const da_node *d) {
    return d->flags & DA_B_CONST ? d->c : da_tape_at(t, d->b)->v;
}

/* The partials of a node with respect to its operands; a constant operand's is left alone where that saves work. */
static inline void partials(const da_tape *t, const da_node *d, double *pa, double *pb) {
    double z = d->v, x, y;
    switch (d->op) {
#define UNARY(name, np, val, dx, props, xl, xh) \
    case DA_##name: x = value_a(t, d); *pa = p0_##name##_d(x, 0, z); break;
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh)         \
    case DA_##name:                                                    \
        x = value_a(t, d), y = value_b(t, d);                          \
        if (!(d->flags & DA_A_CONST)) *pa = p0_##name##_d(x, y, z);    \
        if (!(d->flags & DA_B_CONST)) *pb = p1_##name##_d(x, y, z);    \
        break;
#include "ops.def"
#undef UNARY
#undef BINARY
    default: break;
    }
}

static inline int has_a(const da_node *d, int64_t lo) { return !(d->flags & DA_A_CONST) && d->a >= lo; }
static inline int has_b(const da_node *d, int64_t lo) {
    return da_ops[d->op].arity == 2 && !(d->flags & DA_B_CONST) && d->b >= lo;
}

static int64_t reverse_one(const da_tape *t, int64_t hi, int64_t lo, double *adj, const da_buffer *bufs) {
    for (int64_t i = hi; i >= lo; i--) {
        const da_node *d = da_tape_at(t, (uint32_t)i);
        if (d->op == DA_ARRAY) return i;
        double g = adj[i - lo];
        if (g == 0 || d->op == DA_INPUT) continue;
        if (d->op == DA_ELEM) {
            if (d->a < lo) continue;
            double *p = bufs[da_tape_at(t, d->a)->aux].p;
            if (!p) return i;
            p[d->aux] += g;
            continue;
        }
        double pa = 0, pb = 0;
        partials(t, d, &pa, &pb);
        if (has_a(d, lo)) adj[d->a - lo] += g * pa;
        if (has_b(d, lo)) adj[d->b - lo] += g * pb;
    }
    return lo - 1;
}

static inline void add_lanes(double *to, const double *g, double p, int lanes) {
    for (int k = 0; k < lanes; k++) to[k] += da_smul(g[k], p);
}

static int any_nonzero(const double *g, int lanes) {
    for (int k = 0; k < lanes; k++)
        if (g[k] != 0) return 1;
    return 0;
}

int64_t da_reverse(const da_tape *t, int64_t hi, int64_t lo, double *adj, int lanes, const da_buffer *bufs) {
    if (lanes == 1) return reverse_one(t, hi, lo, adj, bufs);
    for (int64_t i = hi; i >= lo; i--) {
        const da_node *d = da_tape_at(t, (uint32_t)i);
        if (d->op == DA_ARRAY) return i;
        const double *g = adj + (i - lo) * lanes;
        if (d->op == DA_INPUT || !any_nonzero(g, lanes)) continue;
        if (d->op == DA_ELEM) {
            if (d->a < lo) continue;
            const da_buffer *b = &bufs[da_tape_at(t, d->a)->aux];
            if (!b->p) return i;
            for (int k = 0; k < lanes; k++) b->p[k * b->size + d->aux] += g[k];
            continue;
        }
        double pa = 0, pb = 0;
        partials(t, d, &pa, &pb);
        if (has_a(d, lo)) add_lanes(adj + (d->a - lo) * lanes, g, pa, lanes);
        if (has_b(d, lo)) add_lanes(adj + (d->b - lo) * lanes, g, pb, lanes);
    }
    return lo - 1;
}

int64_t da_forward(const da_tape *t, int64_t lo, int64_t hi, int64_t base, double *tan, int lanes, const da_buffer *bufs) {
    for (int64_t i = lo; i <= hi; i++) {
        const da_node *d = da_tape_at(t, (uint32_t)i);
        if (d->op == DA_ARRAY) return i;
        if (d->op == DA_INPUT) continue;
        double *to = tan + (i - base) * lanes;
        if (d->op == DA_ELEM) {
            if (d->a < base) continue;
            const da_buffer *b = &bufs[da_tape_at(t, d->a)->aux];
            if (!b->p) return i;
            for (int k = 0; k < lanes; k++) to[k] = b->p[k * b->size + d->aux];
            continue;
        }
        double pa = 0, pb = 0;
        partials(t, d, &pa, &pb);
        if (has_a(d, base)) add_lanes(to, tan + (d->a - base) * lanes, pa, lanes);
        if (has_b(d, base)) add_lanes(to, tan + (d->b - base) * lanes, pb, lanes);
    }
    return hi + 1;
}
