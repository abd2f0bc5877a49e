/* Taylor coefficients of any table operation. With p = dz/dx, also made of table operations,
 *   k z_k = sum_{j=1..k} j x_j p_{k-j}     (and the same sum for y)
 * (Griewank & Walther, Evaluating Derivatives, ch. 13). The series of p is computed by the same rule from its own partials. Each
 * step down needs one coefficient less, and equal expressions are one series (sin and cos refer to each other), so this ends. */
#include "da_taylor.h"
#include "da_inline.h"
#include <stdlib.h>
#include <string.h>

enum { LEAF = -2, CONSTANT = DA_CONST, ROOT = 2, UNBUILT = -1 };

struct da_series {
    int op, a, b;        /* LEAF, CONSTANT, or op(a, b) on other series */
    int done;            /* coefficients known */
    int partial[2];      /* series of the partials, or UNBUILT */
    double *c, *w;       /* coefficients c_k for k = 0..order, and k * c_k; one block of memory, kept for reuse */
};

void da_taylor_init(da_taylor *w, int order) {
    memset(w, 0, sizeof *w);
    w->order = order;
}

void da_taylor_free(da_taylor *w) {
    for (int i = 0; i < w->cap; i++) free(w->s[i].c);
    free(w->s);
    da_taylor_init(w, w->order);
}

static int grow(da_taylor *w) {
    int cap = w->cap ? 2 * w->cap : 32;
    da_series *s = realloc(w->s, (size_t)cap * sizeof *s);
    if (!s) return -1;
    memset(s + w->cap, 0, (size_t)(cap - w->cap) * sizeof *s);
    w->s = s;
    w->cap = cap;
    return 0;
}

/* A series with memory of its own, or -1. */
static int add_series(da_taylor *w, int op, int a, int b) {
    if (w->n == w->cap && grow(w)) return w->failed = 1, -1;
    da_series *s = &w->s[w->n];
    double *c = s->c ? s->c : malloc(2 * (size_t)(w->order + 1) * sizeof *c);
    if (!c) return w->failed = 1, -1;
    *s = (da_series){op, a, b, 0, {UNBUILT, UNBUILT}, c, c + w->order + 1};
    return w->n++;
}

static int add_constant(da_taylor *w, double c) {
    for (int i = 0; i < w->n; i++)
        if (w->s[i].op == CONSTANT && w->s[i].c[0] == c) return i;
    int i = add_series(w, CONSTANT, 0, 0);
    if (i < 0) return -1;
    memset(w->s[i].c, 0, 2 * (size_t)(w->order + 1) * sizeof(double));
    w->s[i].c[0] = c;
    w->s[i].done = w->order + 1;
    return i;
}

/* op(a, b), or the series that is it already. */
static int add_step(da_taylor *w, int op, int a, int b) {
    for (int i = 0; i < w->n; i++)
        if (w->s[i].op == op && w->s[i].a == a && w->s[i].b == b) return i;
    if (w->s[a].op == CONSTANT && (da_ops[op].arity == 1 || w->s[b].op == CONSTANT))
        return add_constant(w, da_value_of(op, w->s[a].c[0], w->s[b].c[0]));
    return add_series(w, op, a, b);
}

static int build_partial(da_taylor *w, int i, int arg) {
    const da_code *code = da_partial_code(w->s[i].op, arg);
    int v[DA_REF_STEP + DA_MAX_STEPS];
    v[DA_REF_X] = w->s[i].a, v[DA_REF_Y] = w->s[i].b, v[DA_REF_Z] = i;
    for (int k = 0; k < code->n; k++) {
        const da_step *t = &code->steps[k];
        int r = t->op == DA_CONST ? add_constant(w, t->c) : add_step(w, t->op, v[t->a], da_ops[t->op].arity == 2 ? v[t->b] : v[t->a]);
        if (r < 0) return -1;
        v[DA_REF_STEP + k] = r;
    }
    return w->s[i].partial[arg] = v[code->result];
}

static int compute(da_taylor *w, int i, int upto);

/* What operand `arg` contributes to k * z_k. */
static double contribution(da_taylor *w, int i, int arg, int k) {
    int a = arg ? w->s[i].b : w->s[i].a;
    if (w->s[a].op == CONSTANT) return 0;
    int p = w->s[i].partial[arg] == UNBUILT ? build_partial(w, i, arg) : w->s[i].partial[arg];
    if (p < 0 || compute(w, a, k) || compute(w, p, k - 1)) return w->failed = 1, 0;
    const double *jx = w->s[a].w, *q = w->s[p].c;
    int strong = w->s[i].op == DA_smul && arg; /* there an exactly zero first factor wins over infinity */
    if (w->s[p].op == CONSTANT) return strong && q[0] == 0 ? 0 : da_smul(jx[k], q[0]);
    double sum = 0;
    for (int j = 1; j <= k; j++) sum += jx[j] * q[k - j];
    if (sum == sum) return sum;
    sum = 0;
    for (int j = 1; j <= k; j++)
        if (!(strong && q[k - j] == 0)) sum += da_smul(jx[j], q[k - j]);
    return sum;
}

/* Makes coefficients 0..upto of series i known. */
static int compute(da_taylor *w, int i, int upto) {
    while (w->s[i].done <= upto) {
        int k = w->s[i].done, op = w->s[i].op, two = da_ops[op].arity == 2;
        double c;
        if (k == 0) {
            if (compute(w, w->s[i].a, 0) || (two && compute(w, w->s[i].b, 0))) return -1;
            c = da_value_of(op, w->s[w->s[i].a].c[0], two ? w->s[w->s[i].b].c[0] : 0);
        } else {
            c = contribution(w, i, 0, k) + (two ? contribution(w, i, 1, k) : 0);
            if (w->failed) return -1;
            c /= k;
        }
        w->s[i].c[k] = c;
        w->s[i].w[k] = k * c;
        w->s[i].done = k + 1;
    }
    return 0;
}

/* A series whose coefficients stand in the caller's memory; a constant when all but the first are zero. */
static int add_leaf(da_taylor *w, const double *c) {
    int i = add_series(w, LEAF, -1 - w->n, 0);
    if (i < 0) return -1;
    memcpy(w->s[i].c, c, (size_t)(w->order + 1) * sizeof *c);
    for (int k = 0; k <= w->order; k++) w->s[i].w[k] = k * c[k];
    w->s[i].done = w->order + 1;
    w->s[i].op = CONSTANT;
    for (int k = 1; k <= w->order; k++)
        if (c[k] != 0) w->s[i].op = LEAF;
    return i;
}

int da_taylor_op(da_taylor *w, int op, const double *x, const double *y, double *z) {
    int two = da_ops[op].arity == 2;
    w->n = 0;
    w->failed = 0;
    int a = add_leaf(w, x), b = two ? add_leaf(w, y) : a;
    if (a < 0 || b < 0) return -1;
    int r = add_series(w, op, a, b);
    if (r < 0) return -1;
    w->s[r].c[0] = z[0];
    w->s[r].w[0] = 0;
    w->s[r].done = 1;
    if (compute(w, r, w->order)) return -1;
    memcpy(z, w->s[r].c, (size_t)(w->order + 1) * sizeof *z);
    return 0;
}
