/* Chains of additions become sums whose terms may be added side by side, and back. */
#include "da_graph_pass.h"
#include <stdlib.h>

/* ---- the order of a reduction (da_lanes.h), as additions ---- */

enum { WAYS = 16 };

/* Appends x + y; the level of a node is 1 + that of its highest operand. */
static int32_t add(da_graph *out, int32_t *level, int op, int32_t x, int32_t y) {
    int32_t i = da_graph_op(out, op, 0, x, y);
    if (i >= 0 && level) level[i] = 1 + (level[x] > level[y] ? level[x] : level[y]);
    return i;
}

/* t[to] += t[from]; 0 or -1. */
static int add_to(da_graph *out, int32_t *level, int32_t *t, int32_t to, int32_t from) {
    return (t[to] = add(out, level, DA_add, t[to], t[from])) < 0 ? -1 : 0;
}

/* The sum of t[0..n), n <= DA_LEAF, into t[0]. */
static int add_leaf(da_graph *out, int32_t *level, int32_t *t, int32_t n) {
    for (int32_t k = WAYS; k < n; k++)
        if (add_to(out, level, t, k % WAYS, k)) return -1;
    for (int32_t half = WAYS / 2; half; half /= 2)
        for (int32_t j = 0; j < half && j + half < n; j++)
            if (add_to(out, level, t, j, j + half)) return -1;
    return 0;
}

/* Appends the additions of t[0..n), n >= 1; uses up t. The sum, or -1 when out of memory. */
static int32_t add_all(da_graph *out, int32_t *level, int32_t *t, int32_t n) {
    int32_t leaves = 0;
    for (int32_t k = 0; k < n; k += DA_LEAF) {
        if (add_leaf(out, level, t + k, n - k < DA_LEAF ? n - k : DA_LEAF)) return -1;
        t[leaves++] = t[k];
    }
    for (; leaves > 1; leaves = (leaves + 1) / 2)
        for (int32_t j = 0; 2 * j < leaves; j++) {
            t[j] = t[2 * j];
            if (2 * j + 1 < leaves && add_to(out, level, t, j, 2 * j + 1)) return -1;
        }
    return t[0];
}

int da_graph_expand(da_graph *g) {
    da_rewrite r;
    int32_t *terms = malloc(((size_t)g->n_deps + 1) * sizeof *terms);
    if (!terms || da_rewrite_begin(&r, g)) return free(terms), -1;
    int failed = 0;
    for (int32_t i = 0; i < g->n && !failed; i++) {
        const da_gnode *d = &g->nodes[i];
        if (d->op == DA_G_SUM) {
            for (int32_t k = 0; k < d->b; k++) terms[k] = r.to[g->deps[d->aux + k]];
            r.to[i] = add_all(&r.out, NULL, terms, d->b);
        } else {
            r.to[i] = da_rewrite_keep(&r, d);
        }
        failed = r.to[i] < 0;
    }
    free(terms);
    return da_rewrite_end(&r, g, failed);
}

/* ---- finding sums ---- */

typedef struct {
    da_rewrite r;
    int32_t *uses, *user; /* of nodes of the old graph */
    int32_t *terms;       /* of the chain that a node belongs to; 1 for other nodes */
    int32_t *level;       /* of nodes of the new graph, which is not larger */
    int32_t *stack;       /* terms to look at: node, or ~node to be subtracted */
    int32_t *list;        /* terms of one chain */
    da_keyed *keys, *spare;
    int in_turn; /* short sums as chains */
} finder;

static int is_link(const da_gnode *d) { return (d->op == DA_add || d->op == DA_sub) && !(d->flags & DA_F32); }

/* Whether a node is an inner one of a chain: only a further addition reads it. */
static int is_inner(const finder *f, int32_t i) {
    const da_gnode *nodes = f->r.in->nodes;
    return is_link(&nodes[i]) && f->uses[i] == 1 && f->user[i] >= 0 && is_link(&nodes[f->user[i]]);
}

/* Terms below each node, then, from the top, those of the whole chain. */
static void count_terms(finder *f) {
    const da_graph *g = f->r.in;
    for (int32_t i = 0; i < g->n; i++) {
        const da_gnode *d = &g->nodes[i];
        f->terms[i] = 1;
        if (is_link(d)) f->terms[i] = (is_inner(f, d->a) ? f->terms[d->a] : 1) + (is_inner(f, d->b) ? f->terms[d->b] : 1);
    }
    for (int32_t i = g->n - 1; i >= 0; i--)
        if (is_inner(f, i)) f->terms[i] = f->terms[f->user[i]];
}

/* Terms of the chain that ends in `top`, as new nodes with keys: the added ones from the front of `keys`, returned is their
 * number; the subtracted ones from the back of the terms[top] keys. */
static int32_t collect(finder *f, int32_t top) {
    int32_t depth = 0, plus = 0, minus = f->terms[top];
    f->stack[depth++] = top;
    while (depth) {
        int32_t x = f->stack[--depth], i = x < 0 ? ~x : x;
        const da_gnode *d = &f->r.in->nodes[i];
        if (i == top || is_inner(f, i)) {
            int negative = (x < 0) ^ (d->op == DA_sub);
            f->stack[depth++] = negative ? ~d->b : d->b;
            f->stack[depth++] = x < 0 ? ~d->a : d->a;
            continue;
        }
        int32_t n = f->r.to[i];
        uint64_t key = (uint64_t)f->level[n] << 38 | (uint64_t)f->r.out.nodes[n].op << 30 | (uint64_t)n;
        f->keys[x < 0 ? --minus : plus++] = (da_keyed){key, n};
    }
    return plus;
}

/* The sum of n sorted terms as one node, or -1. */
static int32_t add_terms(finder *f, da_keyed *keys, int32_t n) {
    da_graph *out = &f->r.out;
    da_sort_keyed(keys, f->spare, n);
    for (int32_t k = 0; k < n; k++) f->list[k] = keys[k].id;
    if (n < DA_SUM_LONG) return add_all(out, f->level, f->list, n);
    int32_t start = out->n_deps, level = 0;
    for (int32_t k = 0; k < n; k++) {
        if (da_graph_dep(out, f->list[k]) < 0) return -1;
        if (f->level[f->list[k]] > level) level = f->level[f->list[k]];
    }
    int32_t i = da_graph_push(out, (da_gnode){0, -1, n, DA_G_SUM, 0, start});
    if (i >= 0) f->level[i] = level + 1;
    return i;
}

/* Whether superinstructions take a node in. */
static int is_product(const finder *f, int32_t n) {
    int op = f->r.out.nodes[n].op;
    return op == DA_mul || op == DA_smul || op == DA_square;
}

/* The terms one after the other, so that each product is taken in: only the first needs an operation of its own, if it is one. */
static int32_t add_in_turn(finder *f, int32_t plus, int32_t minus) {
    da_keyed *keys = f->keys;
    int32_t first = 0, x;
    da_sort_keyed(keys, f->spare, plus);
    da_sort_keyed(keys + plus, f->spare, minus);
    while (first < plus && is_product(f, keys[first].id)) first++;
    if (first == plus) first = 0;
    x = keys[first].id;
    for (int32_t k = 0; k < plus + minus && x >= 0; k++)
        if (k != first) x = add(&f->r.out, f->level, k < plus ? DA_add : DA_sub, x, keys[k].id);
    return x;
}

static int32_t make_sum(finder *f, int32_t top) {
    int32_t plus = collect(f, top), minus = f->terms[top] - plus;
    if (f->in_turn && plus + minus < WAYS) return add_in_turn(f, plus, minus);
    int32_t x = add_terms(f, f->keys, plus);
    if (!minus || x < 0) return x;
    int32_t y = add_terms(f, f->keys + plus, minus);
    return y < 0 ? -1 : add(&f->r.out, f->level, DA_sub, x, y);
}

static int32_t keep(finder *f, const da_gnode *d) {
    int32_t i = da_rewrite_keep(&f->r, d), level = -1;
    if (i < 0) return -1;
    const da_gnode *n = &f->r.out.nodes[i];
    int32_t operands[3] = {n->op < DA_G_OPS ? n->a : -1, n->op < DA_G_OPS ? n->b : -1, n->op <= DA_G_LEAF ? n->aux : -1};
    for (int k = 0; k < 3; k++)
        if (operands[k] >= 0 && f->level[operands[k]] > level) level = f->level[operands[k]];
    if (n->op >= DA_G_ARRAY)
        for (int32_t k = 0; k < n->b; k++)
            if (f->level[f->r.out.deps[n->aux + k]] > level) level = f->level[f->r.out.deps[n->aux + k]];
    f->level[i] = level + 1;
    return i;
}

static int rewrite(finder *f) {
    const da_graph *g = f->r.in;
    for (int32_t i = 0; i < g->n; i++) {
        int in_sum = is_link(&g->nodes[i]) && f->terms[i] >= DA_SUM_MIN;
        f->r.to[i] = -1;
        if (in_sum && is_inner(f, i)) continue;
        f->r.to[i] = in_sum ? make_sum(f, i) : keep(f, &g->nodes[i]);
        if (f->r.to[i] < 0) return -1;
    }
    return 0;
}

int da_graph_sums(da_graph *g, int options) {
    finder f = {.in_turn = (options & DA_OPT_LANES) != 0};
    size_t n = (size_t)g->n + 2;
    int32_t *ints = malloc(6 * n * sizeof *ints);
    da_keyed *keys = malloc(2 * n * sizeof *keys);
    int failed = !ints || !keys || da_rewrite_begin(&f.r, g);
    if (!failed) {
        f.uses = ints, f.user = ints + n, f.terms = ints + 2 * n;
        f.level = ints + 3 * n, f.stack = ints + 4 * n, f.list = ints + 5 * n;
        f.keys = keys, f.spare = keys + n;
        da_graph_uses(g, f.uses, f.user);
        count_terms(&f);
        failed = da_rewrite_end(&f.r, g, rewrite(&f));
    }
    free(ints);
    free(keys);
    return failed ? -1 : 0;
}
