/* Re-rolling: operations of one kind and one level of dependency become groups of lanes. Levels in order; in a level array
 * steps, sums and groups run at once, narrow groups become scalar code, which waits until something reads it, so that runs of
 * it are long. */
#include "da_graph_planner.h"
#include <stdlib.h>
#include <string.h>

void da_plan_free(da_plan *plan) {
    free(plan->groups);
    free(plan->scalars);
    free(plan->lists);
    free(plan->const_at);
    free(plan->const_value);
    free(plan->root_places);
    free(plan->dep_places);
    free(plan->steps);
    memset(plan, 0, sizeof *plan);
}

static int32_t above(const da_planner *p, int32_t level, int32_t x) {
    return x >= 0 && p->level[x] > level ? p->level[x] : level;
}

static int32_t level_of(const da_planner *p, const da_gnode *d) {
    if (d->op < DA_G_OPS) return 1 + above(p, above(p, above(p, 0, d->a), d->b), d->aux);
    if (d->op <= DA_G_LEAF) return d->op == DA_G_LEAF ? above(p, 0, d->aux) : 0;
    int32_t level = 0;
    for (int32_t k = 0; k < d->b; k++) level = above(p, level, p->g->deps[d->aux + k]);
    return level + 1;
}

static uint64_t by_group(const da_planner *p, int32_t i) {
    return (uint64_t)p->level[i] << 32 | (uint64_t)p->nodes[i].op << 16 | (p->nodes[i].flags & DA_F32);
}

/* Levels, leaves in the order of their places, and what is computed in the order of groups. */
static int survey_graph(da_planner *p) {
    int32_t n = 0, m = 0;
    for (int32_t i = 0; i < p->g->n; i++) {
        const da_gnode *d = &p->nodes[i];
        p->level[i] = level_of(p, d);
        if (p->level[i] > p->plan->levels) p->plan->levels = p->level[i];
        p->position[i] = p->scalar_at[i] = -1;
        p->padded[i] = 0;
        p->rank[i] = 0;
        p->place[i] = d->op == DA_G_LEAF ? da_place(d->a + 1, d->b) : da_place(-1, 0);
        if (d->op == DA_G_LEAF && (d->a > INT16_MAX)) return DA_PLAN_BUFFERS;
        if (d->op == DA_G_LEAF) p->keys[m++] = (da_keyed){(uint64_t)d->a << 32 | (uint64_t)d->b, i};
    }
    da_sort_keyed(p->keys, p->spare, m);
    p->n_leaves = m;
    for (int32_t k = 0; k < m; k++) {
        p->leaves[k] = p->keys[k].id;
        p->rank[p->keys[k].id] = 1 + k;
    }
    for (int32_t i = 0; i < p->g->n; i++)
        if (p->nodes[i].op != DA_G_CONST && p->nodes[i].op != DA_G_LEAF) p->keys[n++] = (da_keyed){by_group(p, i), i};
    da_sort_keyed(p->keys, p->spare, n);
    p->n_order = n;
    for (int32_t k = 0; k < n; k++) p->order[k] = p->keys[k].id;
    return 0;
}

/* Each by itself, as scalar code. */
static int emit_scalars(da_planner *p, const int32_t *members, int32_t n) {
    for (int32_t k = 0; k < n; k++) {
        da_take_position(p, members[k]);
        if (da_emit_scalar(p, members[k])) return -1;
    }
    return 0;
}

static int emit_kind(da_planner *p, int32_t *members, int32_t n, int options) {
    const da_gnode *d = &p->nodes[members[0]];
    if (d->op < DA_G_OPS) {
        if (n == 1 || d->flags & DA_F32 || !(options & DA_OPT_GROUPS)) return emit_scalars(p, members, n);
        da_order_lanes(p, members, n);
        return da_emit_members(p, members, n);
    }
    for (int32_t k = 0; k < n; k++)
        if (d->op == DA_G_SUM ? da_emit_sum(p, members[k]) : da_emit_step(p, members[k])) return -1;
    return 0;
}

static int emit_all(da_planner *p, int options) {
    for (int32_t begin = 0, end; begin < p->n_order; begin = end) {
        uint64_t group = by_group(p, p->order[begin]);
        for (end = begin + 1; end < p->n_order && by_group(p, p->order[end]) == group;) end++;
        if (emit_kind(p, p->order + begin, end - begin, options)) return -1;
    }
    if (da_emit_pending(p) || da_emit_leaves_and_constants(p)) return -1;
    p->plan->n_roots = p->g->n_roots;
    for (int32_t k = 0; k < p->g->n_roots; k++) p->plan->root_places[k] = da_lane_of(p, p->g->roots[k]);
    p->plan->bank_size = p->next;
    return 0;
}

/* A plan whose groups are split by roles. */
static int make_plan(da_planner *p, da_role_kind roles, int options, da_plan *plan) {
    const da_graph *g = p->g;
    memset(plan, 0, sizeof *plan);
    p->plan = plan;
    p->next = p->pending = p->cap_groups = p->cap_scalars = p->cap_lists = p->cap_consts = p->cap_steps = 0;
    p->cost = p->ideal = p->gathers = 0;
    p->n_classes = 1;
    plan->root_places = malloc(((size_t)g->n_roots + 1) * sizeof *plan->root_places);
    plan->dep_places = malloc(((size_t)g->n_deps + 1) * sizeof *plan->dep_places);
    int status = plan->root_places && plan->dep_places ? 0 : -1;
    if (!status && roles != DA_ROLES_NONE) status = da_find_classes(p, roles);
    if (!status) status = survey_graph(p);
    if (!status) status = emit_all(p, options);
    if (status) da_plan_free(plan);
    return status;
}

/* Loops over components of small vectors want their lanes ordered by role; stencils do not, since near the boundary all roles
 * differ. So plans of each kind are made, unless those before gather little, and the cheapest is taken. */
static int make_best(da_planner *p, int options, da_plan *plan) {
    int status = make_plan(p, DA_ROLES_NONE, options, plan);
    int64_t best = p->cost, gathers = p->gathers;
    for (int roles = DA_ROLES_DEEP; roles <= DA_ROLES_NEAR && !status && gathers > p->ideal / 8; roles++) {
        da_plan other;
        status = make_plan(p, (da_role_kind)roles, options, &other);
        if (!status && p->cost < best) {
            da_plan worse = *plan;
            *plan = other, other = worse;
            best = p->cost, gathers = p->gathers;
        }
        if (!status) da_plan_free(&other);
    }
    if (!status) status = da_pack_bank(plan);
    if (status) da_plan_free(plan);
    return status;
}

int da_plan_make(const da_graph *g, int options, da_plan *plan) {
    enum { LISTS = 11 };
    da_planner p = {.g = g};
    size_t n = (size_t)g->n + 1;
    memset(plan, 0, sizeof *plan);
    int32_t *ints = malloc(LISTS * n * sizeof *ints);
    p.nodes = malloc(n * sizeof *p.nodes);
    p.place = malloc(n * sizeof *p.place);
    p.keys = malloc(2 * n * sizeof *p.keys);
    size_t lanes = (size_t)(g->n > g->n_deps ? g->n : g->n_deps) + 1; /* a sum may have one term many times */
    int64_t *view = malloc(3 * lanes * sizeof *view);
    int status = ints && p.nodes && p.place && p.keys && view ? 0 : -1;
    if (!status) {
        int32_t **lists[LISTS] = {&p.level, &p.order, &p.rank,  &p.position, &p.scalar_at,
                                  &p.leaves, &p.trial, &p.class, &p.count,    &p.ends, &p.padded};
        for (size_t k = 0; k < LISTS; k++) *lists[k] = ints + k * n;
        memset(p.count, 0, n * sizeof *p.count);
        for (size_t k = 0; k < 3; k++) p.view[k] = view + k * lanes;
        p.spare = p.keys + n;
        if (g->n) memcpy(p.nodes, g->nodes, (size_t)g->n * sizeof *p.nodes);
        status = make_best(&p, options, plan);
    }
    free(ints);
    free(p.nodes);
    free(p.place);
    free(p.keys);
    free(view);
    return status;
}
