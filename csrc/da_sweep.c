/* Numeric sweeps over the scalar nodes of a tape. */
#include "da_inline.h"
#include "da_simd.h"
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

enum { AHEAD = 2048 }; /* bytes; downwards the hardware runs ahead less far, and not beyond a page */

/* Nodes i..first, of one block and one chunk, for one seed: the case of every gradient. Each operation has its own code, so that no
 * partial goes through memory. g is not zero where it is used: g * p is the strong product. */
static int64_t reverse_one(const da_tape *t, int64_t i, int64_t first, da_adjoints *adj, const da_buffer *bufs) {
    const int64_t lo = adj->lo;
    const da_node *nodes = da_tape_at(t, (uint32_t)first);
    const double *rows = da_adjoint(adj, first);
    for (int64_t k = i - first; k >= 0; k--) {
        const da_node *d = nodes + k;
        const double g = rows[k];
        __builtin_prefetch((const void *)((uintptr_t)d - AHEAD));
        if (g == 0 && d->op != DA_ARRAY) continue;
        switch (d->op) {
#define GIVE(node, partial)                                                     \
    if ((node) >= lo) {                                                         \
        double *to = da_adjoints_row(adj, (node) - lo, DA_ROW_BITS, 1);         \
        if (!to) return DA_NO_MEMORY;                                           \
        *to += g * (partial);                                                   \
    }
#define UNARY(name, np, val, dx, props, xl, xh)                                 \
    case DA_##name: GIVE(d->a, p0_##name##_d(da_tape_at(t, d->a)->v, 0, d->v)) break;
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh)                    \
    case DA_##name: {                                                           \
        double x = value_a(t, d), y = value_b(t, d);                            \
        if (!(d->flags & DA_A_CONST)) GIVE(d->a, p0_##name##_d(x, y, d->v))     \
        if (!(d->flags & DA_B_CONST)) GIVE(d->b, p1_##name##_d(x, y, d->v))     \
        break;                                                                  \
    }
#include "ops.def"
#undef UNARY
#undef BINARY
#undef GIVE
        case DA_ARRAY: return first + k;
        case DA_ELEM:
            if (d->a >= lo) {
                double *p = bufs[da_tape_at(t, d->a)->aux].p;
                if (!p) return first + k;
                p[d->aux] += g;
            }
            break;
        default: break; /* an input */
        }
    }
    return first - 1;
}

DA_CLONES static void add_scaled(double *restrict to, const double *restrict g, double p, int lanes) {
    for (int k = 0; k < lanes; k++) to[k] += g[k] * p;
}

/* A finite partial makes zero of zero by itself; others need the strong zero. */
static inline void add_lanes(double *to, const double *g, double p, int lanes) {
    if (p - p == 0) add_scaled(to, g, p, lanes);
    else
        for (int k = 0; k < lanes; k++) to[k] += da_smul(g[k], p);
}

static int any_nonzero(const double *g, int lanes) {
    for (int k = 0; k < lanes; k++)
        if (g[k] != 0) return 1;
    return 0;
}

/* The same for several seeds. */
static int64_t reverse_lanes(const da_tape *t, int64_t i, int64_t first, da_adjoints *adj, const da_buffer *bufs) {
    const int64_t lo = adj->lo;
    const int lanes = adj->lanes;
    const double *rows = da_adjoint(adj, first);
    for (; i >= first; i--) {
        const da_node *d = da_tape_at(t, (uint32_t)i);
        if (d->op == DA_ARRAY) return i;
        const double *g = rows + (i - first) * lanes;
        if (d->op == DA_INPUT || !any_nonzero(g, lanes)) continue;
        if (d->op == DA_ELEM) {
            if (d->a < lo) continue;
            const da_buffer *b = &bufs[da_tape_at(t, d->a)->aux];
            if (!b->p) return i;
            for (int k = 0; k < lanes; k++) b->p[k * b->size + d->aux] += g[k];
            continue;
        }
        double pa = 0, pb = 0, *to;
        partials(t, d, &pa, &pb);
        if (has_a(d, lo)) {
            if (!(to = da_adjoint(adj, d->a))) return DA_NO_MEMORY;
            add_lanes(to, g, pa, lanes);
        }
        if (has_b(d, lo)) {
            if (!(to = da_adjoint(adj, d->b))) return DA_NO_MEMORY;
            add_lanes(to, g, pb, lanes);
        }
    }
    return first - 1;
}

/* The lowest node that shares node i's block and chunk. */
static int64_t run_start(const da_adjoints *adj, int64_t i) {
    int64_t block = adj->lo + (((i - adj->lo) >> adj->bits) << adj->bits), chunk = i & ~(int64_t)(DA_CHUNK - 1);
    return block > chunk ? block : chunk;
}

/* Where nothing has an adjoint, only array nodes matter: theirs are kept elsewhere. */
static int64_t find_array(const da_tape *t, int64_t i, int64_t first) {
    while (i >= first && da_tape_at(t, (uint32_t)i)->op != DA_ARRAY) i--;
    return i;
}

int64_t da_reverse(const da_tape *t, int64_t hi, int64_t stop, da_adjoints *adj, const da_buffer *bufs) {
    for (int64_t i = hi; i >= stop;) {
        int64_t first = run_start(adj, i);
        if (first < stop) first = stop;
        i = !da_adjoints_enter(adj, i) ? find_array(t, i, first)
            : adj->lanes == 1          ? reverse_one(t, i, first, adj, bufs)
                                       : reverse_lanes(t, i, first, adj, bufs);
        if (i >= first || i == DA_NO_MEMORY) return i;
    }
    return stop - 1;
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
