/* The working state of da_plan_make: da_graph_order.c decides the order of a group's lanes, da_graph_emit.c writes the groups,
 * da_graph_plan.c goes through the levels. */
#ifndef DA_GRAPH_PLANNER_H
#define DA_GRAPH_PLANNER_H
#include "da_graph_pass.h"

typedef struct {
    const da_graph *g;
    da_gnode *nodes;    /* a copy: operands of commutative operations are swapped */
    int32_t *level;     /* 0: constants, inputs; else 1 + that of the highest operand; a leaf of an array step: the step's */
    int32_t *order;     /* what is computed, by level, operation, number */
    int32_t *rank;      /* sort coordinate of a value: constants 0, leaves by place, then values by position in the bank */
    int32_t *position;  /* in the bank, -1: not there (yet) */
    int64_t *place;     /* see da_place */
    int32_t *scalar_at; /* the scalar instruction that computes a value, -1: none */
    int32_t *padded;    /* whether a value is the first of a pack of three, whose last lane stands once more behind it */
    int32_t *leaves;    /* by buffer and element */
    int64_t *view[3];   /* places of the operands of the lanes at hand, lane by lane: see da_view */
    int32_t n_lanes;    /* in view */
    int n_view;
    int32_t *trial;     /* an order of lanes that is tried */
    int32_t *class;     /* of nodes by their role */
    int32_t *count;     /* of members by class, all 0 between groups */
    int32_t *ends;      /* of the parts of a group */
    int32_t n_classes;
    int64_t cost, ideal, gathers; /* estimated: so far; if all groups were whole and nothing gathered; of what is not */
    da_keyed *keys, *spare;
    int32_t n_order, n_leaves;
    int32_t next;       /* first free position */
    int32_t pending;    /* first scalar instruction that no group runs yet */
    int32_t recent;     /* the last scalar instruction */
    int32_t cap_groups, cap_scalars, cap_lists, cap_consts, cap_steps;
    da_plan *plan;
} da_planner;

/* Places are numbers whose differences are strides, within a space: the bank is space 0, buffer k space k + 1, constants -1
 * (all alike, for a range of the bank can be made of any). */
static inline int64_t da_place(int32_t space, int32_t at) { return (int64_t)((uint64_t)(uint32_t)space << 32 | (uint32_t)at); }
static inline int32_t da_space(int64_t place) { return (int32_t)(place >> 32); }

/* The next position of the bank, for node x. */
static inline void da_take_position(da_planner *p, int32_t x) {
    p->place[x] = p->position[x] = p->next;
    p->rank[x] = p->n_leaves + 1 + p->next++;
}

static inline int32_t da_operand_of(const da_gnode *d, int k) { return k == 0 ? d->a : k == 1 ? d->b : d->aux; }

/* Estimated time in 1/16 ns, measured with da_groups_run and da_scalar_run on x86-64 with AVX2, results read soon after they are
 * written: a group of exact operations on contiguous operands takes 8 ns + 0.2 ns a lane; an operand that is not, 12 ns more, and
 * 1 ns a lane; a scalar instruction 2 ns (1.4 where jumps are predicted), a pack 2.4 to 3, or 4 if it gathers. An inexact function
 * runs on whole vectors: one for a scalar instruction or pack, 28 ns; in a group 1.4 ns a lane, and 40 ns if the last vector is
 * not full, for then all are copied. */
enum {
    DA_COST_GROUP = 130, DA_COST_LANE = 3,
    DA_COST_MOVED = 200, DA_COST_MOVED_LANE = 16, /* more for operands that are gathered or have a stride */
    DA_COST_SCALAR = 32, DA_COST_PACK = 45, DA_COST_GATHERED = 66,
    DA_COST_INEXACT = 450, DA_COST_INEXACT_LANE = 22, DA_COST_COPIED = 640,
    DA_RUN_MIN = 12 /* a run of lanes with affine operands is a group of its own from here; shorter ones are gathered together */
};

/* The values that `which` operand of nodes `ids` names, lane by lane; or the nodes themselves. */
typedef struct {
    const int32_t *ids;
    int which;
} da_values;
enum { DA_THEMSELVES = -1 };

static inline int32_t da_value_at(const da_planner *p, da_values v, int32_t k) {
    return v.which == DA_THEMSELVES ? v.ids[k] : da_operand_of(&p->nodes[v.ids[k]], v.which);
}

typedef enum {
    DA_ROLES_NONE,
    DA_ROLES_DEEP, /* down to the results */
    DA_ROLES_NEAR  /* three operations ahead */
} da_role_kind;
int da_find_classes(da_planner *p, da_role_kind kind); /* 0, or -1 when out of memory */
/* Members by class, those of small classes together at the end; the end of part k goes to p->ends[k]. The number of parts. */
int32_t da_split_members(da_planner *p, int32_t *members, int32_t n);

/* Lays the places of all operands of the nodes side by side in p->view; of the nodes themselves in p->view[0] if not
 * `operands`. */
void da_view(da_planner *p, const int32_t *ids, int operands, int32_t n);
/* Cuts the lanes in view into pieces. The one from `first` on ends here: it is a run of DA_RUN_MIN or more lanes whose places
 * are affine, or all up to the next such run. */
int32_t da_piece_end(const da_planner *p, int32_t first, int32_t n);
/* The nodes of a pack: three or four of `ids`, the last of three twice. */
typedef struct {
    int32_t ids[DA_PACK];
} da_pack;
static inline da_pack da_pack_of(const int32_t *ids, int32_t n) {
    return (da_pack){{ids[0], ids[1], ids[2], ids[n < DA_PACK ? 2 : 3]}};
}
/* How many nodes at the end of n lanes in view from `first` on a pack must take twice: the last one, if there is room behind it. */
static inline int da_is_padded(const da_planner *p, int32_t first, int32_t n) {
    return n % DA_PACK == DA_PACK - 1 && first + n == p->n_lanes;
}
/* Whether an operand of a pack stands side by side in the bank, in a range that only needs to be known by its first: constants can
 * always be laid there so. */
int da_one_range(const da_planner *p, const da_pack *pack, int which);
int da_side_by_side(const da_planner *p, const da_pack *pack); /* all operands */
/* The cost of nodes ids[first .. first + n), all of one operation and in view, and whether scalar code is as good as a group. */
int64_t da_ideal_cost(int op, int32_t n); /* of lanes whose operands all stand side by side */
int64_t da_piece_cost(const da_planner *p, const int32_t *ids, int32_t first, int32_t n, int *scalar);

/* What n places have in common. */
typedef struct {
    int affine, one_space;
    int64_t stride;
} da_survey;
da_survey da_look(const int64_t *place, int32_t n);

/* Puts the members of a group of one operation and level into the order of their lanes. */
void da_order_lanes(da_planner *p, int32_t *members, int32_t n);
/* All below: 0, or -1 when out of memory. */
int da_emit_members(da_planner *p, const int32_t *members, int32_t n); /* one group, in lane order */
int da_emit_scalar(da_planner *p, int32_t node);
int da_emit_sum(da_planner *p, int32_t node);
int da_emit_step(da_planner *p, int32_t node);
int da_emit_pending(da_planner *p);
int da_emit_leaves_and_constants(da_planner *p); /* at the end */
int da_pack_bank(da_plan *plan); /* the finished plan with a smaller bank; 0, or -1 when out of memory */
da_lane da_lane_of(const da_planner *p, int32_t x); /* of one value, for roots and deps */
#endif
