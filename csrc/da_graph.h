/* The scalar graph: what a recorded program computes with single numbers, as one array of nodes, operands before their users.
 * Passes rewrite it; da_plan_make turns it into groups of lanes ("re-rolling"), da_graph_lanes into one register program for
 * batches.
 *
 *   da_graph_init(&g);  fill with da_graph_push, da_graph_dep, da_graph_root
 *   da_graph_optimise(&g, DA_OPT_ALL, &stats);
 *   da_plan_make(&g, DA_OPT_ALL, &plan);  ... da_groups_run ...;  da_plan_free(&plan);
 *   da_graph_free(&g);
 *
 * Functions that allocate return 0, or -1 when out of memory: the graph is then as it was, and an output is empty. All are
 * iterative. */
#ifndef DA_GRAPH_H
#define DA_GRAPH_H
#include "da_lanes.h"

/* What a node is: a value code of da_lanes.h (a table operation, a comparison, a logical operation, a selection, a
 * superinstruction) of operands a, b and aux, -1 where there are fewer; or one of these. */
enum {
    DA_G_CONST = DA_L_VALUES, /* the number c */
    DA_G_LEAF,                /* element b of buffer a; aux is the DA_G_ARRAY that fills the buffer, or -1 for an input */
    DA_G_ARRAY,               /* an opaque step on arrays, the caller's number a; its operands are deps[aux .. aux + b) */
    DA_G_SUM                  /* the sum of deps[aux .. aux + b), in the order that da_lanes.h gives for reductions */
};
enum { DA_G_OPS = DA_L_VALUES }; /* below: codes that compute a value from operands */

/* flags: DA_F32 of da_tape.h - computed in single precision; never merged or grouped with double precision. */
typedef struct {
    double c;
    int32_t a, b;
    uint16_t op, flags;
    int32_t aux;
} da_gnode;
_Static_assert(sizeof(da_gnode) == 24, "a node of the graph is 24 bytes");

typedef struct {
    da_gnode *nodes;
    int32_t *deps;  /* operands of array steps (also other array steps) and of sums */
    int32_t *roots; /* nodes whose values somebody outside reads; operands of array steps need not be listed */
    int32_t n, cap, n_deps, cap_deps, n_roots, cap_roots;
} da_graph;

void da_graph_init(da_graph *g);
void da_graph_free(da_graph *g);
/* *to becomes a copy; 0 or -1. */
int da_graph_copy(da_graph *to, const da_graph *from);
/* Each appends one and returns its index, or -1 when out of memory (or at 2^30). */
int32_t da_graph_push(da_graph *g, da_gnode node);
int32_t da_graph_dep(da_graph *g, int32_t node);
int32_t da_graph_root(da_graph *g, int32_t node);
static inline int32_t da_graph_op(da_graph *g, int op, int flags, int32_t a, int32_t b) {
    return da_graph_push(g, (da_gnode){0, a, b, (uint16_t)op, (uint16_t)flags, -1});
}
static inline int32_t da_graph_const(da_graph *g, double c, int flags) {
    return da_graph_push(g, (da_gnode){c, -1, -1, DA_G_CONST, (uint16_t)flags, -1});
}
static inline int32_t da_graph_leaf(da_graph *g, int32_t buffer, int32_t element, int32_t array, int flags) {
    return da_graph_push(g, (da_gnode){0, buffer, element, DA_G_LEAF, (uint16_t)flags, array});
}

/* What is wrong with the graph (order, ranges of operands, unknown operations), or NULL. Tests call it after each pass. */
const char *da_graph_verify(const da_graph *g);

/* ---- passes ---- */

enum {
    DA_OPT_FOLD = 1,    /* constants, identities, strength reduction */
    DA_OPT_CSE = 2,     /* equal nodes become one */
    DA_OPT_DEAD = 4,    /* what no root needs goes */
    DA_OPT_SUMS = 8,    /* chains of + and - become trees and reductions; off under DA_OPT_EXACT */
    DA_OPT_FUSE = 16,   /* two operations become one superinstruction; the same bits */
    DA_OPT_GROUPS = 32, /* da_plan_make: lane-wide groups; off: scalar code alone */
    DA_OPT_ALL = 63,
    DA_OPT_EXACT = 64,  /* the same bits as the graph before, also the signs of zeros; only NaN may change its sign */
    DA_OPT_LANES = 128  /* for da_graph_lanes, where levels do not count but operations do: short sums stay chains */
};

/* Nodes after each pass; folding and merging are one. */
typedef struct {
    int32_t recorded, merged, live, summed, fused;
} da_graph_stats;

/* Folds constants; rewrites x*1, x/1, x-0, x+0, -(-x), x+-y, smul(1, p), smul(0, p), pow(x, 2)... x*0 stays (NaN, infinity).
 * Without DA_OPT_EXACT a zero may change its sign, and powers with small constant exponents become products. With DA_OPT_CSE
 * nodes are merged as they come: (100 * a) + (100 * a) becomes 200 * a only when both terms are seen to be one. */
int da_graph_fold(da_graph *g, int options);
int da_graph_cse(da_graph *g);
int da_graph_dead(da_graph *g);
/* Trees of + and - with DA_SUM_MIN or more terms, whose inner nodes nobody else reads. The terms are ordered by level,
 * operation and number, those added and those subtracted apart. Whatever becomes of them, they are added in the order that
 * da_lanes.h gives for reductions: DA_SUM_LONG terms or more as a DA_G_SUM, fewer as that very tree of additions. With DA_OPT_LANES
 * sums of up to 15 terms take in one term after the other. */
int da_graph_sums(da_graph *g, int options);
enum { DA_SUM_MIN = 4, DA_SUM_LONG = 64 };
/* Every DA_G_SUM becomes its tree of additions (da_graph_lanes does this; the bits stay). */
int da_graph_expand(da_graph *g);
/* Products, sums and differences that only one node reads go into its superinstruction. */
int da_graph_fuse(da_graph *g);
/* The passes in this order, those that `options` names. On failure the passes before stay done (the graph means the same). */
int da_graph_optimise(da_graph *g, int options, da_graph_stats *stats);

/* ---- the plan: one call of the program ---- */

/* A step on arrays, run after the groups before it. Its operands stand at dep_places[first_dep .. first_dep + n_deps). */
typedef struct {
    int32_t number; /* the caller's */
    int32_t n_groups; /* groups[.. n_groups) run before it */
    int32_t first_dep, n_deps;
} da_plan_step;

/* Run groups[0 .. steps[0].n_groups), step 0, and so on, then the rest, with da_groups_run. Leaves are read where they stand,
 * or copied to the bank by a group of DA_copy. The type of a leaf's buffer is DA_T_F32 for flag DA_F32 else DA_T_F64: the
 * caller may know better. Constants go to bank[const_at[k]] = const_value[k] before the first run; nothing else writes there.
 * root_places[k] says where root k is: a DA_LANE_VALUE, or a DA_LANE_AFFINE with stride 0 in the bank or (a leaf) in a buffer;
 * likewise dep_places, where an operand that is itself an array step has buffer DA_PLACE_ARRAY and its number as offset. */
typedef struct {
    da_group *groups;
    da_scalar *scalars;
    int32_t *lists;
    int32_t *const_at;
    double *const_value;
    da_lane *root_places, *dep_places;
    da_plan_step *steps;
    int32_t n_groups, n_scalars, n_lists, n_consts, n_roots, n_deps, n_steps, bank_size;
    int32_t levels, wide, gathered, lanes; /* groups of operations, their gathered operands, their lanes */
} da_plan;
enum { DA_PLACE_ARRAY = -2 };

/* 0; -1 when out of memory; DA_PLAN_BUFFERS when a leaf's buffer has a number that a da_lane cannot hold. */
int da_plan_make(const da_graph *g, int options, da_plan *plan);
void da_plan_free(da_plan *plan);
enum { DA_PLAN_BUFFERS = -3 };

/* ---- batches: one program for many samples, a register is a block of lanes ---- */

/* A linear order with few live registers. Constants are splats: register n_regs + k is splats[k]. Operand k < n_leaves of the
 * region loads element leaf_element[k] of buffer leaf_buffer[k]; operand n_leaves + k receives root k, as soon as it is known. */
typedef struct {
    da_micro *micros;
    double *splats;
    int32_t *leaf_buffer, *leaf_element;
    int32_t n_micros, n_splats, n_leaves, n_roots, n_regs;
    uint8_t type; /* of the registers: DA_T_F64 or DA_T_F32 */
} da_lane_program;

/* 0; -1 when out of memory; DA_LANES_UNFIT for a graph with array steps or of both precisions, or with more than 65535
 * registers and constants. Sums become additions in the same order: a sample has the bits of a plan for the same graph. */
int da_graph_lanes(const da_graph *g, da_lane_program *program);
enum { DA_LANES_UNFIT = -4 };
void da_lane_program_free(da_lane_program *program);
#endif
