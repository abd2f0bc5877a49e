/* Regions made ready to run, and what of running them does not depend on the precision. */
#include "da_lanes_private.h"
#include <stdlib.h>
#include <string.h>

#define LANE1(NAME, value) {#NAME, 1},
#define LANE2(NAME, value) {#NAME, 2},
#define LANE3(NAME, value) {#NAME, 3},
static const struct {
    const char *name;
    int arity;
} own_codes[] = {
#include "da_lanes_codes.inc"
    {"LOAD", 0}, {"STORE", 1}, {"REDUCE", 1}, {"SCALARS", 0},
};
#undef LANE1
#undef LANE2
#undef LANE3

int da_lanes_arity(int code) { return code < DA_N_OPS ? da_ops[code].arity : own_codes[code - DA_N_OPS].arity; }
const char *da_lanes_name(int code) { return code < DA_N_OPS ? da_ops[code].name : own_codes[code - DA_N_OPS].name; }

static const uint8_t size_logs[DA_T_N] = {3, 2, 0, 3, 2};
int da_type_size(int type) { return 1 << size_logs[type]; }

/* ---- preparation ---- */

/* What da_lanes_new knows of each register while it goes through the program. */
typedef struct {
    int32_t slot; /* where its value is */
    int32_t made; /* the micro-operation that made it; -1: none that may write to memory */
} reg_state;

static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

static int is_splat(const da_region *r, int reg) { return reg >= r->n_regs; }

/* Bits of the operands of a micro-operation that are splats, and those of them that must fill a block as there is no kernel for
 * them. */
static int splats_of(const da_region *r, const da_micro *m, int *fill) {
    int arity = da_lanes_arity(m->code), bits = 0;
    if (arity > 0) bits |= is_splat(r, m->a);
    if (arity > 1) bits |= is_splat(r, m->b) << 1;
    if (arity > 2) bits |= is_splat(r, m->c) << 2;
    *fill = bits & 1 && (m->code >= DA_L_VALUES || !da_lane_kernels_d[m->code][bits]);
    return *fill ? bits & ~1 : bits;
}

/* Marks `operand`, which is written, and those read from the same buffer. */
static void mark_writes(da_lanes *l, const da_region *r, int32_t operand) {
    int32_t buffer = r->operands[operand].buffer;
    for (int32_t k = 0; k < r->n_micros; k++) {
        int32_t other = r->micros[k].operand;
        if (r->micros[k].code == DA_L_LOAD && r->operands[other].buffer == buffer) l->shared[operand] = l->shared[other] = 1;
    }
    for (int32_t k = 0; k < r->n_splats; k++)
        if (r->splats[k].operand >= 0 && r->operands[r->splats[k].operand].buffer == buffer) l->shared[operand] = 1;
}

static void mark_shared(da_lanes *l, const da_region *r) {
    for (int32_t i = 0; i < r->n_micros; i++)
        if (r->micros[i].code == DA_L_STORE) mark_writes(l, r, r->micros[i].operand);
    for (int32_t k = 0; k < r->n_reductions; k++) mark_writes(l, r, r->reductions[k].operand);
}

/* The splats that need a block: filled[k]; returns how many. */
static int32_t find_filled(const da_region *r, int32_t *filled, int32_t *block_of) {
    int32_t n = 0;
    for (int32_t k = 0; k < r->n_splats; k++) block_of[k] = -1;
    for (int32_t i = 0; i < r->n_micros; i++) {
        int fill;
        splats_of(r, &r->micros[i], &fill);
        if (!fill || block_of[r->micros[i].a - r->n_regs] >= 0) continue;
        filled[n] = r->micros[i].a - r->n_regs;
        block_of[filled[n]] = n;
        n++;
    }
    return n;
}

/* For each STORE the operation that makes its value, if that may write to memory: aim[i] of the operation is the STORE. */
static void find_aims(const da_region *r, reg_state *regs, int32_t *aim) {
    for (int32_t k = 0; k < r->n_regs; k++) regs[k].made = -1;
    for (int32_t i = 0; i < r->n_micros; i++) {
        const da_micro *m = &r->micros[i];
        aim[i] = -1;
        if (m->code < DA_L_VALUES) regs[m->dst].made = i;
        else if (m->code == DA_L_LOAD) regs[m->dst].made = -1;
        else if (m->code == DA_L_STORE && !is_splat(r, m->a) && regs[m->a].made >= 0 && aim[regs[m->a].made] < 0)
            aim[regs[m->a].made] = i;
    }
}

enum { ALONE = -1, SECOND = -2 };

/* Pairs of tanh and sech2 of one register, which are computed together: other[i] of the first is the second. */
static void find_pairs(const da_region *r, int32_t *other) {
    for (int32_t i = 0; i < r->n_micros; i++) other[i] = ALONE;
    for (int32_t i = 0; i < r->n_micros; i++) {
        const da_micro *m = &r->micros[i];
        int wanted = m->code == DA_tanh ? DA_sech2 : m->code == DA_sech2 ? DA_tanh : -1;
        if (wanted < 0 || other[i] != ALONE || is_splat(r, m->a) || m->dst == m->a) continue;
        for (int32_t k = i + 1; k < r->n_micros; k++) {
            const da_micro *p = &r->micros[k];
            if (p->code == wanted && p->a == m->a && other[k] == ALONE) {
                other[i] = k, other[k] = SECOND;
                break;
            }
            if (p->code <= DA_L_LOAD && p->dst == m->a) break;
        }
    }
}

/* A new slot of its own. */
static int32_t name_slot(da_lanes *l) { return da_first_named(l) + l->n_named++; }

/* Makes operation i that of a pair. */
static void join(da_lanes *l, int32_t i, int32_t other, const int32_t *aim) {
    da_inst *s = &l->insts[i];
    int32_t slot = name_slot(l);
    l->insts[other].d = slot;
    if (aim[other] >= 0) l->insts[aim[other]].d = slot;
    s->b = s->code == DA_tanh ? slot : s->d;
    if (s->code != DA_tanh) s->d = slot;
    s->code = DA_L_BOTH;
}

static void translate(da_lanes *l, const da_region *r, reg_state *regs, const int32_t *aim, const int32_t *block_of,
                      const int32_t *other) {
    for (int32_t k = 0; k < r->n_regs; k++) regs[k].slot = k;
    for (int32_t i = 0; i < r->n_micros; i++) l->insts[i].d = DA_NO_SLOT;
    for (int32_t i = 0; i < r->n_micros; i++) {
        const da_micro *m = &r->micros[i];
        da_inst *s = &l->insts[i];
        int fill, arity = da_lanes_arity(m->code);
        s->code = m->code, s->operand = m->operand;
        s->variant = (uint16_t)splats_of(r, m, &fill);
        if (arity > 0)
            s->a = fill ? r->n_regs + r->n_splats + block_of[m->a - r->n_regs] : is_splat(r, m->a) ? m->a : regs[m->a].slot;
        if (arity > 1) s->b = is_splat(r, m->b) ? m->b : regs[m->b].slot;
        if (arity > 2) s->c = is_splat(r, m->c) ? m->c : regs[m->c].slot;
        if (m->code == DA_L_REDUCE) s->b = s->a, s->c = r->reductions[m->operand].op;
        if (m->code == DA_L_LOAD) {
            s->d = regs[m->dst].slot = name_slot(l);
        } else if (m->code < DA_L_VALUES) {
            int early = other[i] == SECOND; /* its register was still in use when the first of the pair made it */
            if (!early) s->d = aim[i] >= 0 ? (l->insts[aim[i]].d = name_slot(l)) : m->dst;
            regs[m->dst].slot = s->d;
            if (early) s->code = DA_L_DONE;
            if (other[i] >= 0) join(l, i, other[i], aim);
        }
        l->stores |= m->code == DA_L_STORE;
        if (m->code == DA_L_LOAD || m->code == DA_L_STORE) l->moves[l->n_moves++] = i;
    }
}

typedef struct {
    int32_t code, buffer, inst;
    int64_t offset;
} move_key;

static int compare_moves(const void *a, const void *b) {
    const move_key *x = a, *y = b;
    if (x->code != y->code) return x->code < y->code ? -1 : 1;
    if (x->buffer != y->buffer) return x->buffer < y->buffer ? -1 : 1;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->inst < y->inst ? -1 : 1;
}

/* Neighbours in memory become neighbours among the moves: see da_lanes_bundle.inc. */
static void sort_moves(da_lanes *l, const da_region *r, move_key *keys) {
    for (int32_t k = 0; k < l->n_moves; k++) {
        const da_inst *s = &l->insts[l->moves[k]];
        const da_operand *o = &r->operands[s->operand];
        keys[k] = (move_key){s->code, o->buffer, l->moves[k], o->offset};
    }
    qsort(keys, (size_t)l->n_moves, sizeof *keys, compare_moves);
    for (int32_t k = 0; k < l->n_moves; k++) {
        l->moves[k] = keys[k].inst;
        l->insts[keys[k].inst].b = k;
    }
}

/* Lanes of a block: the register file in 24 KB of L1, but at least 2 KB a register. Measured (20 to 60 registers): 64 lanes of
 * doubles cost 1.5 times as much as 256, because each dispatch is an indirect jump that is often mispredicted; from L2 costs
 * less. What sums read and compute themselves passes through L1 once: only there the largest block pays. */
int32_t da_block_for(const da_lanes *l, int32_t n_regs) {
    int32_t bytes = l->type == DA_T_F64 ? 8 : 4, computed = 0;
    for (int32_t k = 0; k < l->n_insts; k++) computed |= l->insts[k].code < DA_L_VALUES || l->insts[k].code == DA_L_BOTH;
    if (!computed) return DA_LANES_MAX_BLOCK;
    int32_t lanes = DA_LANES_MAX_BLOCK / 2;
    while (lanes * bytes > 2048 && (int64_t)(n_regs + l->n_filled) * lanes * bytes > 24 * 1024) lanes /= 2;
    return lanes;
}

da_lanes *da_lanes_new(const da_region *r) {
    size_t micros = (size_t)r->n_micros, splats = (size_t)r->n_splats, operands = (size_t)r->n_operands;
    da_lanes *l = calloc(1, sizeof *l + micros * (sizeof(da_inst) + sizeof(int32_t)) + (splats + operands) * sizeof(int32_t) + operands);
    char *temporary = malloc(micros * (sizeof(move_key) + 2 * sizeof(int32_t)) + (size_t)r->n_regs * sizeof(reg_state) +
                             splats * sizeof(int32_t) + 1);
    if (!l || !temporary) {
        free(l), free(temporary);
        return NULL;
    }
    l->insts = (da_inst *)(l + 1);
    l->moves = (int32_t *)(l->insts + micros);
    l->filled = l->moves + micros;
    l->ranks = l->filled + splats;
    l->shared = (uint8_t *)(l->ranks + operands);
    l->type = r->type;
    l->n_insts = r->n_micros, l->n_regs = r->n_regs, l->n_splats = r->n_splats;
    l->n_operands = r->n_operands, l->n_reductions = r->n_reductions;
    move_key *keys = (move_key *)(void *)temporary;
    reg_state *regs = (reg_state *)(keys + micros);
    int32_t *aim = (int32_t *)(regs + r->n_regs), *other = aim + micros, *block_of = other + micros;
    mark_shared(l, r);
    l->n_filled = find_filled(r, l->filled, block_of);
    find_aims(r, regs, aim);
    find_pairs(r, other);
    translate(l, r, regs, aim, block_of, other);
    sort_moves(l, r, keys);
    da_find_factors(l, r);
    da_fuse_sums(l, r);
    l->block = da_block_for(l, l->n_regs);
    if (r->by_kernels || !da_join(l)) da_note_ranks(l, NULL);
    free(temporary);
    return l;
}

void da_lanes_free(da_lanes *lanes) {
    if (lanes) da_machine_free(&lanes->code);
    free(lanes);
}

int32_t da_lanes_joined(const da_lanes *l) { return l->n_joined; }

int da_slots_read(const da_inst *i) {
    switch (i->code) {
    case DA_L_LOAD:
    case DA_L_STRETCH:
    case DA_L_DONE: return 0;
    case DA_L_BOTH: return 1;
    case DA_L_REDUCE: return 2;
    default: return da_lanes_arity(i->code);
    }
}

/* ---- the domain ---- */

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* At most `most` elements, so that blocks of them begin where inner dimensions do: then what broadcasts over the outer ones is
 * the same for each block, and what lies in memory in rows is not cut. Whole vectors if there are some, as stores in place want.
 * Only the last `dims` dimensions count. */
static int64_t aligned(const da_region *r, int64_t most, int dims) {
    int64_t inner = 1;
    int d = r->ndim - 1, end = r->ndim - dims;
    for (; d >= end && inner * r->shape[d] <= most; d--) inner *= r->shape[d];
    if (inner <= 1) return most;
    int64_t n = most / inner, even = d > 0 ? ceil_div(r->shape[d], ceil_div(r->shape[d], n)) : 0, step = 1;
    if (d > 0 && r->shape[d] % even == 0) return even * inner;
    while (step * inner % DA_PAD) step *= 2;
    return (n > step ? n - n % step : n) * inner;
}

da_tiles da_tiles_of(const da_lanes *l, const da_region *r) {
    int64_t rows = 1, cols = 1;
    int inner = r->n_reductions && r->axis != DA_AXIS_ALL ? r->n_inner : r->ndim;
    for (int k = 0; k < r->ndim; k++) *(k < r->ndim - inner ? &rows : &cols) *= r->shape[k];
    int by_columns = r->n_reductions && r->axis == DA_AXIS_FIRST;
    /* one tile, found without a division: 5 ns each, of 100 for a small region */
    if (rows <= l->block && cols <= l->block && rows * cols <= l->block && !by_columns)
        return (da_tiles){rows, cols, rows, l->block, 1, 1, rows && cols};
    da_tiles t = {rows, cols, 1, l->block, 1, 1, 0};
    if (cols > l->block) {
        if (!r->n_reductions || by_columns) t.width = aligned(r, l->block, inner); /* else the order of sums depends on it */
        t.segments = ceil_div(cols, t.width);
    } else if (cols) {
        t.rows_per_block = aligned(r, l->block, r->ndim) / cols;
    }
    if (by_columns) {
        t.groups = rows ? ceil_div(rows, DA_LEAF) : 1;
        if (t.rows_per_block > DA_LEAF) t.rows_per_block = DA_LEAF;
        t.units = t.groups * t.segments;
    } else {
        t.units = ceil_div(rows, t.rows_per_block) * t.segments;
    }
    if (!rows || !cols) t.units = 0;
    return t;
}

int64_t da_tiles_partials(const da_tiles *t, int axis) {
    return axis == DA_AXIS_FIRST ? t->groups * t->cols : t->rows * t->segments;
}

int64_t da_lanes_units(const da_lanes *l, const da_region *r) { return da_tiles_of(l, r).units; }

int64_t da_lanes_unit_size(const da_lanes *l, const da_region *r) {
    da_tiles t = da_tiles_of(l, r);
    int64_t rows = r->n_reductions && r->axis == DA_AXIS_FIRST ? DA_LEAF : t.rows_per_block;
    int64_t cols = t.cols < t.width ? t.cols : t.width;
    return (rows < t.rows ? rows : t.rows) * cols;
}

size_t da_lanes_partials(const da_lanes *l, const da_region *r) {
    da_tiles t = da_tiles_of(l, r);
    return (size_t)l->n_reductions * (size_t)da_tiles_partials(&t, r->axis) * (l->type == DA_T_F64 ? 8 : 4);
}

/* ---- scratch and operands ---- */

da_layout da_layout_of(const da_lanes *l) {
    size_t item = l->type == DA_T_F64 ? 8 : 4, blocks = (size_t)(l->n_regs + l->n_filled + l->n_named);
    da_layout at = {rounded((size_t)(da_first_named(l) + l->n_named) * sizeof(void *)),
                    rounded((size_t)l->n_operands * (l->n_factors ? 2 : 1) * sizeof(da_bound)), rounded((size_t)l->n_moves * sizeof(int32_t)),
                    rounded((size_t)l->n_splats * item), rounded((size_t)l->code.n_spills * DA_VECTOR_BYTES), 0};
    at.total = at.slots + at.bounds + at.bundles + at.splats + at.spills + blocks * da_apart(l) * item;
    return at;
}

size_t da_lanes_scratch(const da_lanes *l) { return da_layout_of(l).total; }

/* Dimensions of one element go, and two become one where the operand steps through both evenly. */
static void merge_dimensions(da_bound *b, int ndim, const int64_t *shape, const int64_t *stride) {
    int n = 0;
    for (int k = 0; k < ndim; k++) {
        int64_t whole;
        if (shape[k] == 1) continue;
        if (n && !__builtin_mul_overflow(stride[k], shape[k], &whole) && b->stride[n - 1] == whole) {
            b->shape[n - 1] *= shape[k], b->stride[n - 1] = stride[k];
        } else {
            b->shape[n] = shape[k], b->stride[n++] = stride[k];
        }
    }
    if (!n) b->shape[0] = 1, b->stride[0] = 0, n = 1;
    b->ndim = (uint8_t)n;
}

void da_bind(da_bound *b, const da_region *r, int operand, const da_span *spans, int first) {
    const da_operand *o = &r->operands[operand];
    const da_span *s = &spans[o->buffer];
    char *base = (char *)s->data + o->offset * da_type_size(o->type);
    b->place = (da_place){.base = base, .type = o->type, .index_type = o->index_type};
    b->after = (int64_t)(s->bytes >> size_logs[o->type]) - o->offset;
    b->shared = b->loaded = b->one_row = 0;
    if (o->index_buffer >= 0)
        b->place.list = (const char *)spans[o->index_buffer].data + o->index_offset * da_type_size(o->index_type);
    merge_dimensions(b, r->ndim - first, r->shape + first, o->stride + first);
}

void da_cursor_at(da_cursor *c, const da_bound *b, int64_t start) {
    c->pos = 0;
    for (int k = b->ndim - 1; k >= 0; k--) {
        c->i[k] = k ? start % b->shape[k] : start;
        c->pos += c->i[k] * b->stride[k];
        if (k) start /= b->shape[k];
    }
    c->run = b->shape[b->ndim - 1] - c->i[b->ndim - 1];
}

/* ---- running ---- */

void da_lanes_run(const da_lanes *l, const da_region *region, const da_span *spans, int64_t first, int64_t last, void *scratch,
                  void *partials) {
    if (l->type == DA_T_F64) da_lanes_run_d(l, region, spans, first, last, scratch, partials);
    else da_lanes_run_f(l, region, spans, first, last, scratch, partials);
}

void da_lanes_finish(const da_lanes *l, const da_region *region, const da_span *spans, void *partials) {
    if (l->type == DA_T_F64) da_lanes_finish_d(l, region, spans, partials);
    else da_lanes_finish_f(l, region, spans, partials);
}
