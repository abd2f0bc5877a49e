/* Groups, scalar code and steps of a plan. A leaf or constant that must stand in the bank is named ~node until
 * da_emit_leaves_and_constants knows its position. */
#include "da_graph_planner.h"
#include <stdlib.h>
#include <string.h>

/* Room for `more` elements; 0 or -1. */
static int reserve(void *list, int32_t n, int32_t more, int32_t *cap, size_t size) {
    void **p = list;
    if (n + more <= *cap) return 0;
    int32_t room = n + more < 32 ? 64 : 2 * (n + more);
    void *q = realloc(*p, (size_t)room * size);
    if (!q) return -1;
    *p = q, *cap = room;
    return 0;
}

static int push_group(da_planner *p, da_group group) {
    da_plan *plan = p->plan;
    if (reserve(&plan->groups, plan->n_groups, 1, &p->cap_groups, sizeof *plan->groups)) return -1;
    plan->groups[plan->n_groups++] = group;
    return 0;
}

static int reserve_consts(da_planner *p, int32_t n) {
    da_plan *plan = p->plan;
    int32_t cap = p->cap_consts;
    if (reserve(&plan->const_at, plan->n_consts, n, &cap, sizeof *plan->const_at)) return -1;
    return reserve(&plan->const_value, plan->n_consts, n, &p->cap_consts, sizeof *plan->const_value);
}

static int32_t push_const(da_planner *p, double c) {
    p->plan->const_at[p->plan->n_consts] = p->next;
    p->plan->const_value[p->plan->n_consts++] = c;
    return p->next++;
}

static da_lane affine(int64_t at, int64_t stride) {
    return (da_lane){.offset = at, .stride = (int32_t)stride, .buffer = DA_LANE_BANK, .kind = DA_LANE_AFFINE, .type = DA_T_F64};
}

static uint8_t type_of(const da_gnode *leaf) { return leaf->flags & DA_F32 ? DA_T_F32 : DA_T_F64; }

da_lane da_lane_of(const da_planner *p, int32_t x) {
    const da_gnode *d = &p->nodes[x];
    if (d->op == DA_G_CONST) return (da_lane){.value = d->c, .kind = DA_LANE_VALUE, .type = DA_T_F64};
    if (d->op == DA_G_ARRAY) return (da_lane){.offset = d->a, .buffer = DA_PLACE_ARRAY, .kind = DA_LANE_AFFINE};
    da_lane lane = affine(d->op == DA_G_LEAF ? d->b : p->position[x], 0);
    if (d->op == DA_G_LEAF) lane.buffer = (int16_t)d->a, lane.type = type_of(d);
    return lane;
}

/* ---- operands of a piece ---- */

/* A range of constants in the bank. */
static int const_lane(da_planner *p, da_values v, int32_t n, da_lane *lane) {
    *lane = affine(p->next, 1);
    if (reserve_consts(p, n)) return -1;
    for (int32_t k = 0; k < n; k++) push_const(p, p->nodes[da_value_at(p, v, k)].c);
    return 0;
}

static int gather_lane(da_planner *p, da_values v, int32_t n, const da_survey *s, da_lane *lane) {
    da_plan *plan = p->plan;
    const da_gnode *d = &p->nodes[da_value_at(p, v, 0)];
    int from_buffer = s->one_space && d->op == DA_G_LEAF;
    *lane = affine(plan->n_lists, 0);
    lane->kind = DA_LANE_INDEXED;
    if (from_buffer) lane->buffer = (int16_t)d->a, lane->type = type_of(d);
    if (reserve(&plan->lists, plan->n_lists, n, &p->cap_lists, sizeof *plan->lists)) return -1;
    for (int32_t k = 0; k < n; k++) {
        int32_t x = da_value_at(p, v, k);
        int outside = !from_buffer && p->nodes[x].op >= DA_G_OPS && p->nodes[x].op <= DA_G_LEAF;
        plan->lists[plan->n_lists++] = outside ? ~x : (int32_t)p->place[x];
    }
    return 0;
}

static int all_one(const da_planner *p, da_values v, int32_t n) {
    for (int32_t k = 1; k < n; k++)
        if (da_value_at(p, v, k) != da_value_at(p, v, 0)) return 0;
    return 1;
}

/* `place`: where they stand, in view. */
static int make_lane(da_planner *p, da_values v, const int64_t *place, int32_t n, da_lane *lane) {
    da_survey s = da_look(place, n);
    int32_t x = da_value_at(p, v, 0);
    const da_gnode *d = &p->nodes[x];
    if (d->op == DA_G_CONST && s.one_space && !all_one(p, v, n)) return const_lane(p, v, n, lane);
    if (!s.affine) return gather_lane(p, v, n, &s, lane);
    *lane = da_lane_of(p, x);
    lane->stride = (int32_t)s.stride;
    return 0;
}

/* ---- scalar code ---- */

int da_emit_pending(da_planner *p) {
    int32_t n = p->plan->n_scalars - p->pending;
    if (!n) return 0;
    da_group group = {.code = DA_L_SCALARS, .n = n, .a.offset = p->pending};
    p->pending = p->plan->n_scalars;
    return push_group(p, group);
}

/* Before something reads x that is not scalar code. */
static int settle(da_planner *p, int32_t x) { return p->scalar_at[x] >= p->pending ? da_emit_pending(p) : 0; }

static int32_t bank_name(const da_planner *p, int32_t x) {
    int op = p->nodes[x].op;
    return op == DA_G_CONST || op == DA_G_LEAF ? ~x : p->position[x];
}

/* An instruction with room for its operands; NULL when out of memory. */
static da_scalar *push_scalar(da_planner *p, int32_t code, int32_t dst) {
    da_plan *plan = p->plan;
    int32_t slots = da_scalar_form_of(code).slots;
    if (reserve(&plan->scalars, plan->n_scalars, slots, &p->cap_scalars, sizeof *plan->scalars)) return NULL;
    da_scalar *s = plan->scalars + plan->n_scalars;
    memset(s, 0, (size_t)slots * sizeof *s);
    s->code = code, s->dst = dst;
    p->recent = plan->n_scalars;
    plan->n_scalars += slots;
    return s;
}

int da_emit_scalar(da_planner *p, int32_t i) {
    const da_gnode *d = &p->nodes[i];
    p->scalar_at[i] = p->plan->n_scalars;
    da_scalar *s = push_scalar(p, d->op | (d->flags & DA_F32 ? DA_L_F32 : 0), p->position[i]);
    if (!s) return -1;
    int32_t *positions = da_scalar_positions(s);
    for (int k = 0; k < da_lanes_arity(d->op); k++) positions[k] = bank_name(p, da_operand_of(d, k));
    return 0;
}

/* The range of the bank for four values that da_side_by_side found: its position, or the name of the first; -1 when out of memory. */
static int range_name(da_planner *p, da_values v, int32_t *name) {
    da_lane lane;
    *name = bank_name(p, da_value_at(p, v, 0));
    if (p->nodes[da_value_at(p, v, 0)].op != DA_G_CONST || all_one(p, v, DA_PACK)) return 0;
    if (const_lane(p, v, DA_PACK, &lane)) return -1;
    *name = (int32_t)lane.offset;
    return 0;
}

/* DA_L_CHAINED if operand a is what the last instruction computes, and that and the operation of the pack allow it. */
static int32_t chain_flag(const da_planner *p, const da_pack *pack, int32_t code) {
    const da_scalar *last = p->plan->scalars + p->recent;
    int32_t x = p->nodes[pack->ids[0]].a;
    if (p->recent < p->pending || p->plan->n_scalars == p->pending) return 0;
    if (da_scalar_form_of(last->code).lanes < DA_PACK || !da_scalar_form_of(code + DA_L_CHAINED).slots) return 0;
    int follows = p->scalar_at[x] == p->recent && p->position[x] == last->dst && da_one_range(p, pack, 0);
    return follows ? DA_L_CHAINED : 0;
}

static int emit_pack(da_planner *p, const da_pack *pack) {
    int32_t first = pack->ids[0], op = p->nodes[first].op;
    int near = da_side_by_side(p, pack);
    int32_t code = op + (near ? DA_L_PACK : DA_L_GATHERED), chained = chain_flag(p, pack, code);
    for (int32_t k = 0; k < DA_PACK; k++) p->scalar_at[pack->ids[k]] = p->plan->n_scalars;
    p->padded[first] = pack->ids[3] == pack->ids[2];
    da_scalar *s = push_scalar(p, code + chained, p->position[first]);
    if (!s) return -1;
    int32_t *at = da_scalar_positions(s);
    for (int which = 0; which < da_lanes_arity(op); which++) {
        da_values v = {pack->ids, which};
        int32_t x = da_value_at(p, v, 0);
        if (near && range_name(p, v, at++)) return -1;
        for (int32_t k = 0; k < DA_PACK && !near; k++)
            *at++ = chained && !which ? p->position[x] + k : bank_name(p, da_value_at(p, v, k));
    }
    return 0;
}

/* ---- groups ---- */

/* As scalar code: packs, and one by one what is left. */
static int emit_alone(da_planner *p, const int32_t *members, int32_t n, int padded) {
    int32_t k = 0;
    for (; k + DA_PACK <= n + padded; k += DA_PACK) {
        da_pack pack = da_pack_of(members + k, n - k);
        if (emit_pack(p, &pack)) return -1;
    }
    for (; k < n; k++)
        if (da_emit_scalar(p, members[k])) return -1;
    return 0;
}

/* Lanes first .. first + n of those in view. */
static int emit_piece(da_planner *p, const int32_t *members, int32_t first, int32_t n) {
    const da_gnode *d = &p->nodes[members[first]];
    int scalar;
    int64_t cost = da_piece_cost(p, members, first, n, &scalar);
    p->cost += cost;
    p->gathers += cost - da_ideal_cost(d->op, n);
    if (scalar) return emit_alone(p, members + first, n, da_is_padded(p, first, n));
    da_group group = {.code = d->op, .n = n, .dst = affine(p->position[members[first]], 1)};
    da_lane *operands[3] = {&group.a, &group.b, &group.c};
    for (int which = 0; which < p->n_view; which++) {
        da_values v = {members + first, which};
        for (int32_t k = 0; k < n; k++)
            if (settle(p, da_value_at(p, v, k))) return -1;
        if (make_lane(p, v, p->view[which] + first, n, operands[which])) return -1;
        p->plan->gathered += operands[which]->kind == DA_LANE_INDEXED;
    }
    p->plan->wide++;
    p->plan->lanes += n;
    return push_group(p, group);
}

/* The lanes of one operation and level get consecutive positions, whichever groups they are computed in: long affine runs
 * alone, what is between them together. Behind them is room for the lane that a pack of three computes twice. */
int da_emit_members(da_planner *p, const int32_t *members, int32_t n) {
    for (int32_t k = 0; k < n; k++) da_take_position(p, members[k]);
    if (n >= DA_PACK - 1) p->next++;
    da_view(p, members, 1, n);
    for (int32_t begin = 0, end; begin < n; begin = end) {
        end = da_piece_end(p, begin, n);
        if (emit_piece(p, members, begin, end - begin)) return -1;
    }
    return 0;
}

/* ---- sums and steps ---- */

/* bank[result ..] = the values, by runs: copies beat one gather when the runs are long. */
static int emit_copies(da_planner *p, const int32_t *ids, int32_t n, int32_t result) {
    da_view(p, ids, 0, n);
    for (int32_t begin = 0, end; begin < n; begin = end) {
        end = da_piece_end(p, begin, n);
        da_group group = {.code = DA_copy, .n = end - begin, .dst = affine(result + begin, 1)};
        da_values v = {ids + begin, DA_THEMSELVES};
        if (make_lane(p, v, p->view[0] + begin, end - begin, &group.a) || push_group(p, group)) return -1;
        p->cost += DA_COST_GROUP + DA_COST_MOVED + (int64_t)(end - begin) * DA_COST_MOVED_LANE;
    }
    return 0;
}

int da_emit_sum(da_planner *p, int32_t i) {
    const da_gnode *d = &p->nodes[i];
    const int32_t *terms = p->g->deps + d->aux;
    da_group group = {.code = DA_L_REDUCE, .op = DA_SUM, .n = d->b};
    for (int32_t k = 0; k < d->b; k++)
        if (settle(p, terms[k])) return -1;
    da_view(p, terms, 0, d->b);
    if (da_piece_end(p, 0, d->b) == d->b) {
        if (make_lane(p, (da_values){terms, DA_THEMSELVES}, p->view[0], d->b, &group.a)) return -1;
    } else {
        group.a = affine(p->next, 1);
        p->next += d->b;
        if (emit_copies(p, terms, d->b, (int32_t)group.a.offset)) return -1;
    }
    da_take_position(p, i);
    group.dst = affine(p->position[i], 0);
    return push_group(p, group);
}

int da_emit_step(da_planner *p, int32_t i) {
    da_plan *plan = p->plan;
    const da_gnode *d = &p->nodes[i];
    for (int32_t k = 0; k < d->b; k++)
        if (settle(p, p->g->deps[d->aux + k])) return -1;
    if (reserve(&plan->steps, plan->n_steps, 1, &p->cap_steps, sizeof *plan->steps)) return -1;
    plan->steps[plan->n_steps++] = (da_plan_step){d->a, plan->n_groups, plan->n_deps, d->b};
    for (int32_t k = 0; k < d->b; k++) plan->dep_places[plan->n_deps++] = da_lane_of(p, p->g->deps[d->aux + k]);
    p->position[i] = plan->n_steps - 1; /* of an array: its step */
    return 0;
}

/* ---- leaves and constants in the bank ---- */

/* How many of each must stand in the bank, because of names in index lists and scalar code: of a constant that is an operand of a
 * pack, one for each lane; leaves of which the first is named, all. */
static void mark_names(const da_planner *p, char *used) {
    const da_plan *plan = p->plan;
    da_scalar_form f;
    for (int32_t k = 0; k < plan->n_lists; k++)
        if (plan->lists[k] < 0) used[~plan->lists[k]] = 1;
    for (const da_scalar *s = plan->scalars, *end = s + plan->n_scalars; s < end; s += f.slots) {
        f = da_scalar_form_of(s->code);
        for (int32_t k = 0; k < f.n_positions; k++) {
            int32_t x = ~da_scalar_positions(s)[k];
            if (x < 0) continue;
            if (p->nodes[x].op == DA_G_CONST) used[x] = used[x] > f.width ? used[x] : (char)f.width;
            else
                for (int32_t j = 0; j < f.width; j++) used[p->leaves[p->rank[x] - 1 + j]] = 1;
        }
    }
}

static void resolve(const int32_t *position, int32_t *name) {
    if (*name < 0) *name = position[~*name];
}

static void resolve_names(da_planner *p) {
    da_plan *plan = p->plan;
    da_scalar_form f;
    for (int32_t k = 0; k < plan->n_lists; k++) resolve(p->position, &plan->lists[k]);
    for (da_scalar *s = plan->scalars, *end = s + plan->n_scalars; s < end; s += f.slots) {
        f = da_scalar_form_of(s->code);
        for (int32_t k = 0; k < f.n_positions; k++) resolve(p->position, da_scalar_positions(s) + k);
    }
}

/* When a group of the list may run: a copy of the leaves of step s after that step, before the other groups there. */
static int32_t copy_time(int32_t step) { return 2 * (step + 1); }

/* Puts the copies, which stand behind the first n_main groups, where they belong. */
static int place_copies(da_planner *p, int32_t n_main, const int32_t *times) {
    da_plan *plan = p->plan;
    int32_t n = plan->n_groups, step = 0;
    if (n == n_main) return 0;
    da_keyed *keys = malloc(2 * (size_t)n * sizeof *keys);
    da_group *groups = malloc((size_t)n * sizeof *groups);
    if (!keys || !groups) return free(keys), free(groups), -1;
    for (int32_t k = 0; k < n; k++) {
        while (k < n_main && step < plan->n_steps && plan->steps[step].n_groups <= k) step++;
        keys[k] = (da_keyed){(uint64_t)(k < n_main ? 2 * step + 1 : times[k - n_main]), k};
    }
    da_sort_keyed(keys, keys + n, n);
    step = 0;
    for (int32_t k = 0; k < n; k++) {
        for (; step < plan->n_steps && keys[k].key >= (uint64_t)copy_time(step); step++) plan->steps[step].n_groups = k;
        groups[k] = plan->groups[keys[k].id];
    }
    for (; step < plan->n_steps; step++) plan->steps[step].n_groups = n;
    free(keys);
    free(plan->groups);
    plan->groups = groups;
    return 0;
}

/* Copies of the used leaves, by place; each buffer's in a range of the bank. times[k]: when copy k may run. */
static int emit_leaf_copies(da_planner *p, const char *used, int32_t *ids, int32_t *times) {
    int32_t n = 0, n_main = p->plan->n_groups;
    for (int32_t k = 0; k < p->n_leaves; k++)
        if (used[p->leaves[k]]) ids[n++] = p->leaves[k];
    for (int32_t begin = 0, end; begin < n; begin = end) {
        int32_t first = p->plan->n_groups, array = p->nodes[ids[begin]].aux, buffer = p->nodes[ids[begin]].a;
        for (end = begin + 1; end < n && p->nodes[ids[end]].a == buffer && p->nodes[ids[end]].aux == array;) end++;
        if (emit_copies(p, ids + begin, end - begin, p->next)) return -1;
        for (int32_t k = begin; k < end; k++) p->position[ids[k]] = p->next++;
        for (int32_t k = first; k < p->plan->n_groups; k++) times[k - n_main] = copy_time(array < 0 ? -1 : p->position[array]);
    }
    return place_copies(p, n_main, times);
}

int da_emit_leaves_and_constants(da_planner *p) {
    size_t n = (size_t)p->g->n + 1;
    char *used = calloc(n, 1);
    int32_t *ids = malloc(2 * n * sizeof *ids);
    int failed = !used || !ids;
    if (!failed) {
        mark_names(p, used);
        for (int32_t i = 0; i < p->g->n && !failed; i++) {
            if (!used[i] || p->nodes[i].op != DA_G_CONST) continue;
            failed = reserve_consts(p, used[i]);
            p->position[i] = p->next;
            for (int k = 0; k < used[i] && !failed; k++) push_const(p, p->nodes[i].c);
        }
        failed = failed || emit_leaf_copies(p, used, ids, ids + n);
        if (!failed) resolve_names(p);
    }
    free(used);
    free(ids);
    return failed ? -1 : 0;
}
