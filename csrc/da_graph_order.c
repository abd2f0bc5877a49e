/* The order of lanes: members of a group are numbered so that their operands stand one after the other. */
#include "da_graph_planner.h"
#include <string.h>

/* Codes whose first two operands may be swapped without a change of bits. */
static int swappable(int op) {
    return op == DA_add || op == DA_mul || op == DA_eq || op == DA_ne || op == DA_L_AND || op == DA_L_OR || op == DA_L_MULADD ||
           op == DA_L_MULSUB || op == DA_L_NMULADD || op == DA_L_ADDMUL || op == DA_L_MULMUL;
}

static uint64_t rank_of(const da_planner *p, int32_t x) { return x < 0 ? 0 : (uint64_t)p->rank[x]; }

static void sort_by(da_planner *p, int32_t n, uint64_t (*key)(const da_planner *, const da_gnode *)) {
    for (int32_t k = 0; k < n; k++) p->keys[k].key = key(p, &p->nodes[p->keys[k].id]);
    da_sort_keyed(p->keys, p->spare, n);
}

static uint64_t by_third(const da_planner *p, const da_gnode *d) { return rank_of(p, d->aux); }
static uint64_t by_operands(const da_planner *p, const da_gnode *d) { return rank_of(p, d->a) << 32 | rank_of(p, d->b); }

void da_view(da_planner *p, const int32_t *ids, int operands, int32_t n) {
    p->n_view = 0, p->n_lanes = n;
    if (!operands) {
        for (int32_t i = 0; i < n; i++) p->view[0][i] = p->place[ids[i]];
        p->n_view = 1;
        return;
    }
    for (int k = 0; k < 3 && da_operand_of(&p->nodes[ids[0]], k) >= 0; k++) {
        for (int32_t i = 0; i < n; i++) p->view[k][i] = p->place[da_operand_of(&p->nodes[ids[i]], k)];
        p->n_view++;
    }
}

/* The end of the longest run from `first` whose places are affine. */
static int32_t affine_end(const int64_t *place, int32_t first, int32_t n) {
    if (first + 1 >= n) return n;
    int64_t last = place[first + 1], stride = last - place[first];
    if (da_space(place[first]) != da_space(last)) return first + 1;
    for (int32_t k = first + 2; k < n; k++) {
        if (place[k] - last != stride || da_space(place[k]) != da_space(last)) return k;
        last = place[k];
    }
    return n;
}

int32_t da_piece_end(const da_planner *p, int32_t first, int32_t n) {
    int32_t at = first;
    while (at < n) {
        int32_t end = n;
        for (int k = 0; k < p->n_view; k++) end = affine_end(p->view[k], at, end);
        if (end - at >= DA_RUN_MIN) return at == first ? end : at;
        at = end - at == 2 && end < n ? at + 1 : end; /* the first of the two may be what did not fit the next run */
    }
    return n;
}

da_survey da_look(const int64_t *place, int32_t n) {
    da_survey s = {1, 1, n > 1 ? place[1] - place[0] : 0};
    for (int32_t k = 1; k < n; k++) {
        s.one_space &= da_space(place[k]) == da_space(place[0]);
        s.affine &= place[k] - place[k - 1] == s.stride;
    }
    s.affine &= s.one_space && s.stride == (int32_t)s.stride;
    return s;
}

/* ---- which order ---- */

static int is_exact(int op) { return op >= DA_N_OPS || da_ops[op].flags & DA_EXACT; }

/* Of n lanes of which all packs but `gathered` have operands that stand side by side. */
static int64_t scalar_cost(int op, int32_t n, int padded, int32_t gathered) {
    int32_t packs = n / DA_PACK + padded, rest = padded ? 0 : n % DA_PACK;
    if (!is_exact(op)) return (int64_t)(packs + rest) * DA_COST_INEXACT;
    return (int64_t)packs * DA_COST_PACK + gathered * (int64_t)(DA_COST_GATHERED - DA_COST_PACK) + rest * DA_COST_SCALAR;
}

static int64_t whole_cost(int op, int32_t n) {
    if (is_exact(op)) return DA_COST_GROUP + (int64_t)n * DA_COST_LANE;
    return DA_COST_GROUP + (int64_t)n * DA_COST_INEXACT_LANE + (n % DA_WHOLE ? DA_COST_COPIED : 0);
}

int64_t da_ideal_cost(int op, int32_t n) {
    int64_t alone = scalar_cost(op, n, n % DA_PACK == DA_PACK - 1, 0), whole = whole_cost(op, n);
    return alone < whole ? alone : whole;
}

/* Constants have rank 0; leaves of one buffer are copied to the bank in the order of their ranks. */
int da_one_range(const da_planner *p, const da_pack *pack, int which) {
    da_values v = {pack->ids, which};
    int32_t x = da_value_at(p, v, 0), step = p->rank[x] ? 1 : 0, n = pack->ids[3] == pack->ids[2] ? 3 : 4;
    const da_gnode *first = &p->nodes[x];
    for (int32_t k = 1; k < n; k++) {
        int32_t y = da_value_at(p, v, k);
        const da_gnode *d = &p->nodes[y];
        if (p->rank[y] != p->rank[x] + k * step || (d->op == DA_G_LEAF) != (first->op == DA_G_LEAF)) return 0;
        if (d->op == DA_G_LEAF && (d->a != first->a || d->aux != first->aux)) return 0;
        if (p->scalar_at[y] != p->scalar_at[x]) return 0; /* a load from several stores waits until all are in the cache */
    }
    return n == DA_PACK || !step || p->padded[x];
}

int da_side_by_side(const da_planner *p, const da_pack *pack) {
    for (int k = 0; k < da_lanes_arity(p->nodes[pack->ids[0]].op); k++)
        if (!da_one_range(p, pack, k)) return 0;
    return 1;
}

int64_t da_piece_cost(const da_planner *p, const int32_t *ids, int32_t first, int32_t n, int *scalar) {
    int moved = 0, op = p->nodes[ids[first]].op, padded = da_is_padded(p, first, n);
    int32_t gathered = 0;
    for (int k = 0; k < p->n_view; k++) {
        da_survey s = da_look(p->view[k] + first, n);
        moved += !s.affine || (s.stride != 0 && s.stride != 1);
    }
    for (int32_t k = first; k + DA_PACK <= first + n + padded; k += DA_PACK) {
        da_pack pack = da_pack_of(ids + k, first + n - k);
        gathered += !da_side_by_side(p, &pack);
    }
    int64_t group = whole_cost(op, n) + (moved ? DA_COST_MOVED : 0) + (int64_t)moved * n * DA_COST_MOVED_LANE;
    int64_t alone = scalar_cost(op, n, padded, gathered);
    *scalar = alone <= group;
    return *scalar ? alone : group;
}

static int64_t order_cost(da_planner *p, const int32_t *ids, int32_t n) {
    int64_t cost = 0;
    int scalar;
    da_view(p, ids, 1, n);
    for (int32_t begin = 0, end; begin < n; begin = end) {
        end = da_piece_end(p, begin, n);
        cost += da_piece_cost(p, ids, begin, end - begin, &scalar);
    }
    return cost;
}

/* The order p->trial replaces `members` if it costs less than `cost`; the lower cost. */
static int64_t try_order(da_planner *p, int32_t *members, int32_t n, int64_t cost) {
    int64_t other = order_cost(p, p->trial, n);
    if (other >= cost) return cost;
    memcpy(members, p->trial, (size_t)n * sizeof *members);
    return other;
}

/* Members come as they were recorded, which is how loops go; sweeps backward go the other way. If neither makes one run of all
 * lanes, what stands where the operands do may be better. */
static void order_part(da_planner *p, int32_t *members, int32_t n) {
    const int64_t fine = da_ideal_cost(p->nodes[members[0]].op, n);
    int64_t cost = order_cost(p, members, n);
    if (cost <= fine || n < 3) return;
    for (int32_t k = 0; k < n; k++) {
        p->trial[k] = members[n - 1 - k];
        p->keys[k].id = members[k];
    }
    cost = try_order(p, members, n, cost);
    if (cost <= fine) return;
    if (p->nodes[members[0]].aux >= 0) sort_by(p, n, by_third);
    sort_by(p, n, by_operands);
    for (int32_t k = 0; k < n; k++) p->trial[k] = p->keys[k].id;
    try_order(p, members, n, cost);
}

void da_order_lanes(da_planner *p, int32_t *members, int32_t n) {
    for (int32_t k = 0; k < n; k++) {
        da_gnode *d = &p->nodes[members[k]];
        if (swappable(d->op) && p->rank[d->a] < p->rank[d->b]) { /* constants second, then leaves */
            int32_t a = d->a;
            d->a = d->b, d->b = a;
        }
    }
    int32_t parts = p->n_classes > 1 ? da_split_members(p, members, n) : (p->ends[0] = n, 1);
    for (int32_t k = 0, begin = 0; k < parts; begin = p->ends[k++]) order_part(p, members + begin, p->ends[k] - begin);
    p->ideal += da_ideal_cost(p->nodes[members[0]].op, n);
}
