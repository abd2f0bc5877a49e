/* Two operations become one superinstruction where nobody else reads the inner result: one pass through memory instead of two. */
#include "da_graph_pass.h"
#include <stdlib.h>

/* What an operation with a given inner one as its first or second operand becomes; 0: nothing. A square counts as a product. */
static int fused_code(int outer, int inner, int second) {
    int product = inner == DA_mul || inner == DA_square, strong = inner == DA_smul;
    switch (outer) {
    case DA_add: return product ? DA_L_MULADD : strong ? DA_L_SMULADD : 0;
    case DA_sub: return product ? (second ? DA_L_NMULADD : DA_L_MULSUB) : strong ? (second ? DA_L_NSMULADD : DA_L_SMULSUB) : 0;
    case DA_mul: return product ? DA_L_MULMUL : inner == DA_add ? DA_L_ADDMUL : inner == DA_sub ? DA_L_SUBMUL : 0;
    default: return 0;
    }
}

/* The operand of node i that it takes in, or -1. An inner node is not one that took in another; the later operand is preferred,
 * for its value is the last one to be known. */
static int32_t choose(const da_graph *g, int32_t i, const int32_t *uses, const int32_t *inner) {
    const da_gnode *d = &g->nodes[i];
    if (d->op >= DA_N_OPS || d->b < 0) return -1;
    int32_t best = -1;
    for (int second = 0; second < 2; second++) {
        int32_t x = second ? d->b : d->a;
        const da_gnode *e = &g->nodes[x];
        int fits = e->op < DA_N_OPS && fused_code(d->op, e->op, second) && da_same_precision(d, e);
        if (fits && uses[x] == 1 && inner[x] < 0 && x > best) best = x;
    }
    return best;
}

static int32_t fuse_node(da_rewrite *r, const da_gnode *d, int32_t x) {
    const da_gnode *e = &r->in->nodes[x];
    int second = x == d->b;
    int32_t a = r->to[e->a], b = e->b < 0 ? a : r->to[e->b], c = r->to[second ? d->a : d->b];
    return da_graph_push(&r->out, (da_gnode){0, a, b, (uint16_t)fused_code(d->op, e->op, second), d->flags, c});
}

int da_graph_fuse(da_graph *g) {
    da_rewrite r;
    size_t n = (size_t)g->n + 1;
    int32_t *uses = malloc(2 * n * sizeof *uses);
    char *taken = calloc(n, 1);
    int failed = !uses || !taken || da_rewrite_begin(&r, g);
    if (!failed) {
        int32_t *inner = uses + n;
        da_graph_uses(g, uses, NULL);
        for (int32_t i = 0; i < g->n; i++) {
            inner[i] = choose(g, i, uses, inner);
            if (inner[i] >= 0) taken[inner[i]] = 1;
        }
        for (int32_t i = 0; i < g->n && !failed; i++) {
            r.to[i] = -1;
            if (taken[i]) continue;
            r.to[i] = inner[i] >= 0 ? fuse_node(&r, &g->nodes[i], inner[i]) : da_rewrite_keep(&r, &g->nodes[i]);
            failed = r.to[i] < 0;
        }
        failed = da_rewrite_end(&r, g, failed);
    }
    free(uses);
    free(taken);
    return failed ? -1 : 0;
}
