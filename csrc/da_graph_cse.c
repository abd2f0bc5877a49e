/* Equal nodes become one: hash-consing in one pass, since operands are merged before their users. */
#include "da_graph_pass.h"
#include <stdlib.h>
#include <string.h>

/* The same bits whichever operand comes first (but for the payload of NaN). */
static int commutes(int op) { return op == DA_add || op == DA_mul || op == DA_eq || op == DA_ne; }

/* Finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t bits_of(double c) {
    uint64_t bits;
    memcpy(&bits, &c, sizeof bits);
    return bits;
}

static uint64_t hash(const da_gnode *d) {
    uint64_t operands = d->op == DA_G_CONST ? bits_of(d->c) : (uint64_t)(uint32_t)d->a << 32 | (uint32_t)d->b;
    uint64_t third = d->op < DA_G_OPS ? (uint64_t)(uint32_t)d->aux << 32 : 0;
    return mix(operands + mix(third | (uint64_t)d->op << 1 | !(d->flags & DA_F32)));
}

static int equal(const da_gnode *x, const da_gnode *y) {
    if (x->op != y->op || !da_same_precision(x, y)) return 0;
    if (x->op == DA_G_CONST) return bits_of(x->c) == bits_of(y->c);
    return x->a == y->a && x->b == y->b && (x->op >= DA_G_OPS || x->aux == y->aux);
}

/* Where the node stands in the table, or should. */
static uint64_t slot_of(const da_rewrite *r, const da_gnode *d) {
    uint64_t at = hash(d) & r->mask;
    while (r->table[at] >= 0 && !equal(d, &r->out.nodes[r->table[at]])) at = (at + 1) & r->mask;
    return at;
}

/* A table for `n` nodes with those of `out`, at most half full; 0 or -1. */
static int make_table(da_rewrite *r, int32_t n) {
    uint64_t size = 16;
    while (size < 2 * (uint64_t)n) size *= 2;
    free(r->table);
    r->table = malloc(size * sizeof *r->table);
    if (!r->table) return -1;
    memset(r->table, 0xff, size * sizeof *r->table);
    r->mask = size - 1;
    for (int32_t i = 0; i < r->out.n; i++)
        if (r->out.nodes[i].op <= DA_G_LEAF) r->table[slot_of(r, &r->out.nodes[i])] = i;
    return 0;
}

int da_rewrite_merge(da_rewrite *r) { return make_table(r, r->in->n); }

/* Constants second, so that rules find them there. */
static int out_of_order(const da_graph *out, const da_gnode *d) {
    int const_a = out->nodes[d->a].op == DA_G_CONST, const_b = out->nodes[d->b].op == DA_G_CONST;
    return const_a != const_b ? const_a : d->a > d->b;
}

int32_t da_rewrite_add(da_rewrite *r, da_gnode d) {
    if (!r->table || d.op > DA_G_LEAF) return da_graph_push(&r->out, d);
    if (commutes(d.op) && out_of_order(&r->out, &d)) {
        int32_t a = d.a;
        d.a = d.b, d.b = a;
    }
    if (2 * (uint64_t)r->out.n > r->mask && make_table(r, 2 * r->out.n)) return -1;
    uint64_t at = slot_of(r, &d);
    if (r->table[at] < 0) r->table[at] = da_graph_push(&r->out, d);
    return r->table[at];
}

int32_t da_rewrite_find(const da_rewrite *r, da_gnode d) { return r->table ? r->table[slot_of(r, &d)] : -1; }

int da_graph_cse(da_graph *g) {
    da_rewrite r;
    if (da_rewrite_begin(&r, g)) return -1;
    int failed = da_rewrite_merge(&r);
    for (int32_t i = 0; i < g->n && !failed; i++) {
        r.to[i] = da_rewrite_keep(&r, &g->nodes[i]);
        failed = r.to[i] < 0;
    }
    return da_rewrite_end(&r, g, failed);
}
