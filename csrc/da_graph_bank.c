/* The bank made small: ranges whose values nobody reads any more are used again, so that the lanes of a loop stay in cache. */
#include "da_graph_planner.h"
#include <stdlib.h>
#include <string.h>

/* A maximal range of positions that must stay side by side, because one operand runs over them. */
typedef struct {
    int32_t start, n, to; /* moves to `to` */
    int32_t born, last;   /* when it is written first, and read last */
    int32_t lasts;        /* also after the run: results, constants */
    int32_t next;         /* in a list of dead ones */
} segment;

typedef struct {
    int32_t at, n;
} hole;

enum { SHORT = 8 };

typedef struct {
    da_plan *plan;
    int32_t *owner; /* segment of a position */
    int32_t *time;  /* when each group begins: a group takes one unit, scalar code one for each da_scalar */
    int32_t dead[SHORT + 1]; /* lists of segments by length whose places are free, the last one first: it is still in the cache */
    segment *segments;
    hole *holes;    /* free ranges by position, none touching another */
    da_keyed *by_birth, *by_death, *spare;
    int32_t n_segments, n_holes, end;
} packer;

typedef void visit(packer *k, da_lane *lane, int32_t n, int32_t time);

/* Every operand in the bank, with the time when it is read. Roots count as read after the last group. */
static void visit_reads(packer *k, visit *f) {
    da_plan *plan = k->plan;
    for (int32_t i = 0; i < plan->n_groups; i++) {
        da_group *g = &plan->groups[i];
        if (g->code == DA_L_SCALARS) continue;
        int arity = g->code < DA_L_VALUES ? da_lanes_arity(g->code) : 1;
        f(k, &g->a, g->n, k->time[i]);
        if (arity > 1) f(k, &g->b, g->n, k->time[i]);
        if (arity > 2) f(k, &g->c, g->n, k->time[i]);
    }
    for (int32_t s = 0; s < plan->n_steps; s++)
        for (int32_t j = 0; j < plan->steps[s].n_deps; j++)
            f(k, &plan->dep_places[plan->steps[s].first_dep + j], 1, k->time[plan->steps[s].n_groups]);
    for (int32_t r = 0; r < plan->n_roots; r++) f(k, &plan->root_places[r], 1, k->time[plan->n_groups]);
}

static int in_bank(const da_lane *lane) { return lane->kind != DA_LANE_VALUE && lane->buffer == DA_LANE_BANK; }

/* `owner` first counts the operands that begin, less those that end, at a position. */
static void join_range(packer *k, int64_t first, int64_t last) { k->owner[first]++, k->owner[last]--; }

static void join(packer *k, da_lane *lane, int32_t n, int32_t time) {
    (void)time;
    if (!in_bank(lane) || lane->kind != DA_LANE_AFFINE) return;
    int64_t other = lane->offset + (int64_t)(n - 1) * lane->stride;
    if (lane->offset < other) join_range(k, lane->offset, other);
    else join_range(k, other, lane->offset);
}

static void join_packs(packer *k) {
    da_scalar_form f;
    for (const da_scalar *s = k->plan->scalars, *end = s + k->plan->n_scalars; s < end; s += f.slots) {
        f = da_scalar_form_of(s->code);
        join_range(k, s->dst, s->dst + f.lanes - 1);
        for (int32_t j = 0; j < f.n_positions; j++) {
            int32_t at = da_scalar_positions(s)[j];
            join_range(k, at, at + f.width - 1);
        }
    }
}

static void make_segments(packer *k) {
    visit_reads(k, join);
    join_packs(k);
    for (int32_t i = 0; i < k->plan->n_groups; i++)
        if (k->plan->groups[i].code < DA_L_VALUES) join(k, &k->plan->groups[i].dst, k->plan->groups[i].n, i);
    int32_t open = 0;
    for (int32_t at = 0; at < k->plan->bank_size; at++) {
        if (!open) k->segments[k->n_segments++] = (segment){.start = at, .born = INT32_MAX, .last = -1};
        open += k->owner[at];
        k->owner[at] = k->n_segments - 1;
        k->segments[k->n_segments - 1].n++;
    }
}

static void read_at(packer *k, int64_t at, int32_t time) {
    segment *s = &k->segments[k->owner[at]];
    if (time > s->last) s->last = time;
    if (time == k->time[k->plan->n_groups]) s->lasts = 1;
}

static void write_at(packer *k, int64_t at, int32_t time) {
    segment *s = &k->segments[k->owner[at]];
    if (time < s->born) s->born = time;
    if (time > s->last) s->last = time;
}

static void find_last(packer *k, da_lane *lane, int32_t n, int32_t time) {
    if (!in_bank(lane)) return;
    if (lane->kind == DA_LANE_AFFINE) read_at(k, lane->offset, time);
    else
        for (int32_t j = 0; j < n; j++) read_at(k, k->plan->lists[lane->offset + j], time);
}

static void find_lives_in_scalars(packer *k, const da_group *g, int32_t time) {
    da_scalar_form f;
    for (const da_scalar *s = k->plan->scalars + g->a.offset, *end = s + g->n; s < end; s += f.slots, time += f.slots) {
        f = da_scalar_form_of(s->code);
        for (int32_t j = 0; j < f.n_positions; j++) read_at(k, da_scalar_positions(s)[j], time);
        write_at(k, s->dst, time);
    }
}

static void find_lives(packer *k) {
    da_plan *plan = k->plan;
    visit_reads(k, find_last);
    for (int32_t i = 0; i < plan->n_groups; i++) {
        const da_group *g = &plan->groups[i];
        if (g->code == DA_L_SCALARS) find_lives_in_scalars(k, g, k->time[i]);
        else write_at(k, g->dst.offset, k->time[i]);
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

/* Many short ones come and go: each takes the place of one of its length, found at once, and holes do not become many. */
static void place_segment(packer *k, segment *s) {
    int32_t *dead = s->n <= SHORT ? &k->dead[s->n] : NULL;
    if (dead && *dead >= 0) {
        s->to = k->segments[*dead].to;
        *dead = k->segments[*dead].next;
    } else {
        s->to = take(k, s->n);
    }
}

static void free_segment(packer *k, int32_t id) {
    segment *s = &k->segments[id];
    if (s->n > SHORT) give_back(k, s->to, s->n);
    else s->next = k->dead[s->n], k->dead[s->n] = id;
}

/* What lasts goes to the front, the others where there is room when they are born, if they ever are. */
static void place_segments(packer *k) {
    int32_t n = 0;
    for (int32_t i = 0; i < k->n_segments; i++) {
        segment *s = &k->segments[i];
        if (s->lasts) s->to = take(k, s->n);
        else if (s->last >= 0) k->by_birth[n] = (da_keyed){(uint64_t)s->born, i}, k->by_death[n++] = (da_keyed){(uint64_t)s->last, i};
    }
    da_sort_keyed(k->by_birth, k->spare, n);
    da_sort_keyed(k->by_death, k->spare, n);
    for (int32_t i = 0, dead = 0; i < n; i++) {
        while (k->by_death[dead].key < k->by_birth[i].key) free_segment(k, k->by_death[dead++].id);
        place_segment(k, &k->segments[k->by_birth[i].id]);
    }
}

static int32_t moved(const packer *k, int64_t at) {
    const segment *s = &k->segments[k->owner[at]];
    return (int32_t)(at - s->start) + s->to;
}

static void move_lane(packer *k, da_lane *lane, int32_t n, int32_t time) {
    (void)time;
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
    da_scalar_form f;
    for (da_scalar *s = plan->scalars, *end = s + plan->n_scalars; s < end; s += f.slots) {
        f = da_scalar_form_of(s->code);
        s->dst = moved(k, s->dst);
        for (int32_t j = 0; j < f.n_positions; j++) da_scalar_positions(s)[j] = moved(k, da_scalar_positions(s)[j]);
    }
    plan->bank_size = k->end;
}

static void find_times(packer *k) {
    const da_plan *plan = k->plan;
    int32_t time = 0;
    for (int32_t i = 0; i < plan->n_groups; i++) {
        k->time[i] = time;
        time += plan->groups[i].code == DA_L_SCALARS ? plan->groups[i].n : 1;
    }
    k->time[plan->n_groups] = time;
}

int da_pack_bank(da_plan *plan) {
    packer k = {.plan = plan};
    size_t n = (size_t)plan->bank_size + 1;
    memset(k.dead, 0xff, sizeof k.dead);
    k.owner = calloc(n, sizeof *k.owner);
    k.time = malloc(((size_t)plan->n_groups + 1) * sizeof *k.time);
    k.segments = malloc(n * sizeof *k.segments);
    k.holes = malloc(n * sizeof *k.holes);
    k.by_birth = malloc(3 * n * sizeof *k.by_birth);
    int failed = !k.owner || !k.time || !k.segments || !k.holes || !k.by_birth;
    if (!failed) {
        k.by_death = k.by_birth + n, k.spare = k.by_birth + 2 * n;
        find_times(&k);
        make_segments(&k);
        find_lives(&k);
        place_segments(&k);
        move_all(&k);
    }
    free(k.owner);
    free(k.time);
    free(k.segments);
    free(k.holes);
    free(k.by_birth);
    return failed ? -1 : 0;
}
