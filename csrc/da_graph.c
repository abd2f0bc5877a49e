/* Memory of the scalar graph, its verifier, rewriting, dead code, and the passes in order. */
#include "da_graph_pass.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 1 << 30 };

void da_graph_init(da_graph *g) { memset(g, 0, sizeof *g); }

void da_graph_free(da_graph *g) {
    free(g->nodes);
    free(g->deps);
    free(g->roots);
    da_graph_init(g);
}

int da_graph_copy(da_graph *to, const da_graph *from) {
    *to = *from;
    to->nodes = malloc(((size_t)from->n + 1) * sizeof *to->nodes);
    to->deps = malloc(((size_t)from->n_deps + 1) * sizeof *to->deps);
    to->roots = malloc(((size_t)from->n_roots + 1) * sizeof *to->roots);
    to->cap = from->n, to->cap_deps = from->n_deps, to->cap_roots = from->n_roots;
    if (!to->nodes || !to->deps || !to->roots) return da_graph_free(to), -1;
    if (from->n) memcpy(to->nodes, from->nodes, (size_t)from->n * sizeof *to->nodes);
    if (from->n_deps) memcpy(to->deps, from->deps, (size_t)from->n_deps * sizeof *to->deps);
    if (from->n_roots) memcpy(to->roots, from->roots, (size_t)from->n_roots * sizeof *to->roots);
    return 0;
}

/* Room for one more element; 0 or -1. */
static int reserve(void **p, int32_t n, int32_t *cap, size_t size) {
    if (n < *cap) return 0;
    if (n >= MAX_NODES) return -1;
    int32_t more = n < 32 ? 64 : 2 * n;
    void *q = realloc(*p, (size_t)more * size);
    if (!q) return -1;
    *p = q;
    *cap = more;
    return 0;
}

int32_t da_graph_push(da_graph *g, da_gnode node) {
    void *p = g->nodes;
    if (g->n == g->cap && reserve(&p, g->n, &g->cap, sizeof *g->nodes)) return -1;
    g->nodes = p;
    g->nodes[g->n] = node;
    return g->n++;
}

static int32_t append(int32_t **list, int32_t *n, int32_t *cap, int32_t value) {
    void *p = *list;
    if (*n == *cap && reserve(&p, *n, cap, sizeof value)) return -1;
    *list = p;
    (*list)[*n] = value;
    return (*n)++;
}

int32_t da_graph_dep(da_graph *g, int32_t node) { return append(&g->deps, &g->n_deps, &g->cap_deps, node); }
int32_t da_graph_root(da_graph *g, int32_t node) { return append(&g->roots, &g->n_roots, &g->cap_roots, node); }

/* ---- verifier ---- */

static const char *verify_list(const da_graph *g, int32_t i) {
    const da_gnode *d = &g->nodes[i];
    if (d->aux < 0 || d->b < 0 || d->b > g->n_deps - d->aux) return "operands outside the list";
    for (int32_t k = d->aux; k < d->aux + d->b; k++) {
        if (g->deps[k] < 0 || g->deps[k] >= i) return "an operand of a list that does not stand before its user";
        if (d->op == DA_G_SUM && g->nodes[g->deps[k]].op == DA_G_ARRAY) return "a sum of an array";
    }
    return d->op == DA_G_SUM && d->b < 1 ? "an empty sum" : NULL;
}

static int is_value_before(const da_graph *g, int32_t x, int32_t i) { return x >= 0 && x < i && g->nodes[x].op != DA_G_ARRAY; }

static const char *verify_node(const da_graph *g, int32_t i) {
    const da_gnode *d = &g->nodes[i];
    if (d->op < DA_G_OPS) {
        int arity = da_lanes_arity(d->op);
        if (!is_value_before(g, d->a, i) || (arity > 1 && !is_value_before(g, d->b, i)) ||
            (arity > 2 && !is_value_before(g, d->aux, i)))
            return "an operand that is no value before its user";
        return (arity < 2 && d->b != -1) || (arity < 3 && d->aux != -1) ? "too many operands" : NULL;
    }
    if (d->op == DA_G_CONST) return NULL;
    if (d->op == DA_G_LEAF) {
        if (d->a < 0 || d->b < 0) return "a leaf without a place";
        if (d->aux != -1 && (d->aux < 0 || d->aux >= i || g->nodes[d->aux].op != DA_G_ARRAY)) return "a leaf of what is no array";
        return NULL;
    }
    return d->op == DA_G_ARRAY || d->op == DA_G_SUM ? verify_list(g, i) : "an unknown operation";
}

const char *da_graph_verify(const da_graph *g) {
    for (int32_t i = 0; i < g->n; i++) {
        const char *wrong = verify_node(g, i);
        if (wrong) return wrong;
    }
    for (int32_t k = 0; k < g->n_roots; k++)
        if (g->roots[k] < 0 || g->roots[k] >= g->n || g->nodes[g->roots[k]].op == DA_G_ARRAY) return "a root that is no value";
    return NULL;
}

/* ---- rewriting ---- */

int da_rewrite_begin(da_rewrite *r, const da_graph *in) {
    r->in = in;
    r->table = NULL;
    da_graph_init(&r->out);
    r->to = malloc(((size_t)in->n + 1) * sizeof *r->to);
    return r->to ? 0 : -1;
}

int32_t da_rewrite_keep(da_rewrite *r, const da_gnode *node) {
    da_gnode d = *node;
    if (d.op < DA_G_OPS) {
        d.a = r->to[d.a];
        if (d.b >= 0) d.b = r->to[d.b];
        if (d.aux >= 0) d.aux = r->to[d.aux];
    } else if (d.op == DA_G_LEAF) {
        if (d.aux >= 0) d.aux = r->to[d.aux];
    } else if (d.op != DA_G_CONST) {
        d.aux = r->out.n_deps;
        for (int32_t k = 0; k < d.b; k++)
            if (da_graph_dep(&r->out, r->to[r->in->deps[node->aux + k]]) < 0) return -1;
    }
    return da_rewrite_add(r, d);
}

int da_rewrite_end(da_rewrite *r, da_graph *g, int failed) {
    for (int32_t k = 0; k < g->n_roots && !failed; k++) failed = da_graph_root(&r->out, r->to[g->roots[k]]) < 0;
    free(r->to);
    free(r->table);
    da_graph_free(failed ? &r->out : g);
    if (!failed) *g = r->out;
    return failed ? -1 : 0;
}

/* ---- dead code ---- */

/* Marks what the roots need: users stand behind their operands, so one way back suffices. */
static void mark(const da_graph *g, char *live) {
    for (int32_t k = 0; k < g->n_roots; k++) live[g->roots[k]] = 1;
    for (int32_t i = g->n - 1; i >= 0; i--) {
        const da_gnode *d = &g->nodes[i];
        if (!live[i]) continue;
        if (d->op < DA_G_OPS) {
            live[d->a] = 1;
            if (d->b >= 0) live[d->b] = 1;
            if (d->aux >= 0) live[d->aux] = 1;
        } else if (d->op == DA_G_LEAF) {
            if (d->aux >= 0) live[d->aux] = 1;
        } else if (d->op != DA_G_CONST) {
            for (int32_t k = 0; k < d->b; k++) live[g->deps[d->aux + k]] = 1;
        }
    }
}

int da_graph_dead(da_graph *g) {
    da_rewrite r;
    char *live = calloc((size_t)g->n + 1, 1);
    if (!live || da_rewrite_begin(&r, g)) return free(live), -1;
    mark(g, live);
    int failed = 0;
    for (int32_t i = 0; i < g->n && !failed; i++) {
        r.to[i] = live[i] ? da_rewrite_keep(&r, &g->nodes[i]) : -1;
        failed = live[i] && r.to[i] < 0;
    }
    free(live);
    return da_rewrite_end(&r, g, failed);
}

int da_graph_optimise(da_graph *g, int options, da_graph_stats *stats) {
    stats->recorded = g->n;
    if (options & DA_OPT_FOLD ? da_graph_fold(g, options) : options & DA_OPT_CSE ? da_graph_cse(g) : 0) return -1;
    stats->merged = g->n;
    if (options & DA_OPT_DEAD && da_graph_dead(g)) return -1;
    stats->live = g->n;
    if (options & DA_OPT_SUMS && !(options & DA_OPT_EXACT) && da_graph_sums(g, options)) return -1;
    stats->summed = g->n;
    if (options & DA_OPT_FUSE && da_graph_fuse(g)) return -1;
    stats->fused = g->n;
    return 0;
}
