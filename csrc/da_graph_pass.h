/* What the passes on the scalar graph share: a rewrite builds a new graph from an old one, node by node. */
#ifndef DA_GRAPH_PASS_H
#define DA_GRAPH_PASS_H
#include "da_graph.h"
#include "da_tape.h" /* DA_F32 */

typedef struct {
    const da_graph *in;
    da_graph out;
    int32_t *to; /* what a node of `in` has become in `out` */
    int32_t *table; /* nodes of `out` by hash, or NULL: equal nodes stay apart */
    uint64_t mask;
} da_rewrite;

/* 0, or -1 when out of memory. */
int da_rewrite_begin(da_rewrite *r, const da_graph *in);
/* From now on equal nodes are one; 0 or -1. */
int da_rewrite_merge(da_rewrite *r);
/* A new node on nodes of `out`, or an equal one; -1 when out of memory. */
int32_t da_rewrite_add(da_rewrite *r, da_gnode node);
/* The node of `out` that equals it; -1: there is none, or nodes are not merged. */
int32_t da_rewrite_find(const da_rewrite *r, da_gnode node);
/* The node as it is, on the new operands; its index in `out`, or -1 when out of memory. */
int32_t da_rewrite_keep(da_rewrite *r, const da_gnode *node);
/* Ends the rewrite: *g becomes `out` with its roots, unless `failed` or memory is short. 0 or -1. */
int da_rewrite_end(da_rewrite *r, da_graph *g, int failed);

/* How many nodes, deps and roots read each node, and the last node that does (-1: a dep or root); `user` may be NULL. */
void da_graph_uses(const da_graph *g, int32_t *uses, int32_t *user);

/* Sorts by key, stably; `id` goes along. `spare` has room for as many. */
typedef struct {
    uint64_t key;
    int32_t id;
} da_keyed;
void da_sort_keyed(da_keyed *list, da_keyed *spare, int32_t n);

static inline int da_same_precision(const da_gnode *x, const da_gnode *y) { return !((x->flags ^ y->flags) & DA_F32); }
#endif
