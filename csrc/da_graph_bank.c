/* The bank made small: ranges whose values nobody reads any more are used again, so that the lanes of a loop stay in cache. */
#include "da_graph_planner.h"
#include <stdlib.h>
#include <string.h>

/* A maximal range of positions that must stay side by side, because one operand runs over them. */
typedef struct {
    int32_t start, n, to; /* moves to `to` */
    int32_t born, last;   /* group that writes it first, and that reads it last */
    int32_t lasts;        /* also after the run: results, constants */
} segment;

typedef struct {
    int32_t at, n;
} hole;

typedef struct {
    da_plan *plan;
    int32_t *owner; /* segment of a position */
    segment *segments;
    hole *holes;    /* free ranges by position, none touching another */
    da_keyed *by_birth, *by_death, *spare;
    int32_t n_segments, n_holes, end;
} packer;

typedef void visit(packer *k, da_lane *lane, int32_t n, int32_t group);

/* Every operand in the bank, with the group that reads it. Roots count as read by one after the last. */
static void visit_reads(packer *k, visit *f) {
    da_plan *plan = k->plan;
    for (int32_t i = 0; i < plan->n_groups; i++) {
        da_group *g = &plan->groups[i];
        if (g->code == DA_L_SCALARS) continue;
        int arity = g->code < DA_L_VALUES ? da_lanes_arity(g->code) : 1;
        f(k, &g->a, g->n, i);
        if (arity > 1) f(k, &g->b, g->n, i);
        if (arity > 2) f(k, &g->c, g->n, i);
    }
    for (int32_t s = 0; s < plan->n_steps; s++)
        for (int32_t j = 0; j < plan->steps[s].n_deps; j++)
            f(k, &plan->dep_places[plan->steps[s].first_dep + j], 1, plan->steps[s].n_groups);
    for (int32_t r = 0; r < plan->n_roots; r++) f(k, &plan->root_places[r], 1, plan->n_groups);
}

static int in_bank(const da_lane *lane) { return lane->kind != DA_LANE_VALUE && lane->buffer == DA_LANE_BANK; }

/* `owner` first counts the operands that begin, less those that end, at a position. */
static void join(packer *k, da_lane *lane, int32_t n, int32_t group) {
    (void)group;
    if (!in_bank(lane) || lane->kind != DA_LANE_AFFINE) return;
    int64_t other = lane->offset + (int64_t)(n - 1) * lane->stride;
    k->owner[lane->offset < other ? lane->offset : other]++;
    k->owner[lane->offset < other ? other : lane->offset]--;
}

static void make_segments(packer *k) {
    visit_reads(k, join);
    for (int32_t i = 0; i < k->plan->n_groups; i++)
        if (k->plan->groups[i].code < DA_L_VALUES) join(k, &k->plan->groups[i].dst, k->plan->groups[i].n, i);
    int32_t open = 0;
    for (int32_t at = 0; at < k->plan->bank_size; at++) {
        if (!open) k->segments[k->n_segments++] = (segment){at, 0, 0, INT32_MAX, -1, 0};
        open += k->owner[at];
        k->owner[at] = k->n_segments - 1;
        k->segments[k->n_segments - 1].n++;
    }
}

static void read_at(packer *k, int64_t at, int32_t group) {
    segment *s = &k->segments[k->owner[at]];
    if (group > s->last) s->last = group;
    if (group == k->plan->n_groups) s->lasts = 1;
}

static void write_at(packer *k, int64_t at, int32_t group) {
    segment *s = &k->segments[k->owner[at]];
    if (group < s->born) s->born = group;
    if (group > s->last) s->last = group;
}

static void find_last(packer *k, da_lane *lane, int32_t n, int32_t group) {
    if (!in_bank(lane)) return;
    if (lane->kind == DA_LANE_AFFINE) read_at(k, lane->offset, group);
    else
        for (int32_t j = 0; j < n; j++) read_at(k, k->plan->lists[lane->offset + j], group);
}

static void find_lives(packer *k) {
    da_plan *plan = k->plan;
    visit_reads(k, find_last);
    for (int32_t i = 0; i < plan->n_groups; i++) {
        const da_group *g = &plan->groups[i];
        if (g->code == DA_L_SCALARS) {
            for (const da_scalar *s = plan->scalars + g->a.offset, *end = s + g->n; s < end; s++) {
                read_at(k, s->a, i);
                read_at(k, s->b, i);
                read_at(k, s->c, i);
                write_at(k, s->dst, i);
                /* single numbers would make a hole each, up to a million */
                if (k->segments[k->owner[s->dst]].n == 1) k->segments[k->owner[s->dst]].lasts = 1;
            }
        } else {
            write_at(k, g->dst.offset, i);
        }
    }
    for (int32_t c = 0; c < plan->n_consts; c++) k->segments[k->owner[plan->const_at[c]]].lasts = 1;
}

/* The first hole with room for n, or new room at the end. */
static int32_t take(packer *k, int32_t n) {
    for (int32_t h = 0; h < k->n_holes; h++) {
        hole *x = &k->holes[h];
        if (x->n < n) continue;
        int32_t at = x->at;
        x->at += n, x->n -= n;
        if (!x->n) memmove(x, x + 1, (size_t)(--k->n_holes - h) * sizeof *x);
        return at;
    }
    k->end += n;
    return k->end - n;
}

static void give_back(packer *k, int32_t at, int32_t n) {
    int32_t h = 0;
    while (h < k->n_holes && k->holes[h].at < at) h++;
    int before = h > 0 && k->holes[h - 1].at + k->holes[h - 1].n == at, after = h < k->n_holes && at + n == k->holes[h].at;
    if (before) k->holes[h - 1].n += n;
    if (before && after) {
        k->holes[h - 1].n += k->holes[h].n;
        memmove(k->holes + h, k->holes + h + 1, (size_t)(--k->n_holes - h) * sizeof *k->holes);
    } else if (after) {
        k->holes[h].at = at, k->holes[h].n += n;
    } else if (!before) {
        memmove(k->holes + h + 1, k->holes + h, (size_t)(k->n_holes++ - h) * sizeof *k->holes);
        k->holes[h] = (hole){at, n};
    }
}

/* What lasts goes to the front, the others where there is room when they are born. */
static void place_segments(packer *k) {
    int32_t n = 0;
    for (int32_t i = 0; i < k->n_segments; i++) {
        segment *s = &k->segments[i];
        if (s->lasts) s->to = take(k, s->n);
        else k->by_birth[n] = (da_keyed){(uint64_t)s->born, i}, k->by_death[n++] = (da_keyed){(uint64_t)s->last, i};
    }
    da_sort_keyed(k->by_birth, k->spare, n);
    da_sort_keyed(k->by_death, k->spare, n);
    for (int32_t i = 0, dead = 0; i < n; i++) {
        segment *s = &k->segments[k->by_birth[i].id];
        for (; k->by_death[dead].key < k->by_birth[i].key; dead++) {
            const segment *old = &k->segments[k->by_death[dead].id];
            give_back(k, old->to, old->n);
        }
        s->to = take(k, s->n);
    }
}

static int32_t moved(const packer *k, int64_t at) {
    const segment *s = &k->segments[k->owner[at]];
    return (int32_t)(at - s->start) + s->to;
}

static void move_lane(packer *k, da_lane *lane, int32_t n, int32_t group) {
    (void)group;
    if (!in_bank(lane)) return;
    if (lane->kind == DA_LANE_AFFINE) lane->offset = moved(k, lane->offset);
    else
        for (int32_t j = 0; j < n; j++) k->plan->lists[lane->offset + j] = moved(k, k->plan->lists[lane->offset + j]);
}

static void move_all(packer *k) {
    da_plan *plan = k->plan;
    visit_reads(k, move_lane);
    for (int32_t i = 0; i < plan->n_groups; i++)
        if (plan->groups[i].code != DA_L_SCALARS) move_lane(k, &plan->groups[i].dst, 1, i);
    for (int32_t c = 0; c < plan->n_consts; c++) plan->const_at[c] = moved(k, plan->const_at[c]);
    for (int32_t i = 0; i < plan->n_scalars; i++) {
        da_scalar *s = &plan->scalars[i];
        *s = (da_scalar){s->code, moved(k, s->dst), moved(k, s->a), moved(k, s->b), moved(k, s->c)};
    }
    plan->bank_size = k->end;
}

int da_pack_bank(da_plan *plan) {
    packer k = {.plan = plan};
    size_t n = (size_t)plan->bank_size + 1;
    k.owner = calloc(n, sizeof *k.owner);
    k.segments = malloc(n * sizeof *k.segments);
    k.holes = malloc(n * sizeof *k.holes);
    k.by_birth = malloc(3 * n * sizeof *k.by_birth);
    int failed = !k.owner || !k.segments || !k.holes || !k.by_birth;
    if (!failed) {
        k.by_death = k.by_birth + n, k.spare = k.by_birth + 2 * n;
        make_segments(&k);
        find_lives(&k);
        place_segments(&k);
        move_all(&k);
    }
    free(k.owner);
    free(k.segments);
    free(k.holes);
    free(k.by_birth);
    return failed ? -1 : 0;
}
