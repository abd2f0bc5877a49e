/* Verification of lane programs from untrusted sources: what passes touches no memory outside its buffers. */
#include "da_lanes_private.h"
#include <stdlib.h>

const char *da_lanes_error(da_lanes_status status) {
    switch (status) {
    case DA_LANES_OK: return "no error";
    case DA_LANES_CODE: return "unknown code, type, axis or reduction";
    case DA_LANES_REGISTER: return "register or bank position out of range, or read before it is written";
    case DA_LANES_OPERAND: return "operand or buffer out of range, missing or misaligned";
    case DA_LANES_SHAPE: return "bad shape";
    case DA_LANES_BOUNDS: return "an operand reaches outside its buffer";
    case DA_LANES_INDEX: return "an index list reaches outside its buffer, or outside the one it indexes";
    case DA_LANES_WRITES: return "a store writes an element twice";
    case DA_LANES_MEMORY: return "out of memory";
    }
    return "unknown status";
}

/* ---- operands ---- */

enum { LIMIT = 62 }; /* positions stay below 2^62 in magnitude: sums of two do not overflow */
static int small(int64_t x) { return x < (int64_t)1 << LIMIT && x > -((int64_t)1 << LIMIT); }

/* The lowest and highest position that `stride` reaches from `offset` over `shape`; 0 when one of them is out of all bounds. */
static int extent(int ndim, const int64_t *shape, const int64_t *stride, int64_t offset, int64_t *lo, int64_t *hi) {
    if (!small(offset)) return 0;
    *lo = *hi = offset;
    for (int k = 0; k < ndim; k++) {
        int64_t step;
        if (!small(stride[k]) || __builtin_mul_overflow(shape[k] - 1, stride[k], &step) || !small(step)) return 0;
        *(step < 0 ? lo : hi) += step;
        if (!small(*lo) || !small(*hi)) return 0;
    }
    return 1;
}

static int64_t elements_of(const da_span *span, int type) { return (int64_t)(span->bytes / (size_t)da_type_size(type)); }

static da_lanes_status span_ok(int buffer, int type, const da_span *spans, int n_spans, int64_t *elements) {
    if (type >= DA_T_N) return DA_LANES_CODE;
    if (buffer < 0 || buffer >= n_spans) return DA_LANES_OPERAND;
    size_t size = (size_t)da_type_size(type);
    *elements = elements_of(&spans[buffer], type);
    if ((!spans[buffer].data && *elements) || (uintptr_t)spans[buffer].data % size) return DA_LANES_OPERAND;
    return DA_LANES_OK;
}

/* Every index between the positions lo and hi of a list, whether used or not, must be inside. */
static int indices_ok(const void *list, int type, int64_t lo, int64_t hi, int64_t offset, int64_t elements) {
    for (int64_t k = lo; k <= hi; k++) {
        int64_t i = type == DA_T_I32 ? ((const int32_t *)list)[k] : ((const int64_t *)list)[k];
        if (!small(i) || offset + i < 0 || offset + i >= elements) return 0;
    }
    return 1;
}

/* What holds for an operand whoever uses it: buffers exist, and it starts in them. */
static da_lanes_status place_ok(const da_operand *o, const da_span *spans, int n_spans) {
    int64_t elements;
    da_lanes_status status = span_ok(o->buffer, o->type, spans, n_spans, &elements);
    if (status) return status;
    if (o->offset < 0 || o->offset > elements) return DA_LANES_BOUNDS;
    if (o->index_buffer < 0) return DA_LANES_OK;
    if (o->index_type != DA_T_I32 && o->index_type != DA_T_I64) return DA_LANES_CODE;
    status = span_ok(o->index_buffer, o->index_type, spans, n_spans, &elements);
    return status ? status : o->index_offset < 0 || o->index_offset > elements ? DA_LANES_INDEX : DA_LANES_OK;
}

/* An operand that passed place_ok, over a domain. */
static da_lanes_status operand_ok(const da_operand *o, int ndim, const int64_t *shape, const da_span *spans) {
    int64_t elements = elements_of(&spans[o->buffer], o->type), lo, hi;
    for (int k = 0; k < ndim; k++)
        if (!shape[k]) return DA_LANES_OK; /* nothing is touched */
    if (o->index_buffer < 0) {
        int ok = extent(ndim, shape, o->stride, o->offset, &lo, &hi) && lo >= 0 && hi < elements;
        return ok ? DA_LANES_OK : DA_LANES_BOUNDS;
    }
    const da_span *list = &spans[o->index_buffer];
    int ok = extent(ndim, shape, o->stride, o->index_offset, &lo, &hi) && lo >= 0 && hi < elements_of(list, o->index_type) &&
             indices_ok(list->data, o->index_type, lo, hi, o->offset, elements);
    return ok ? DA_LANES_OK : DA_LANES_INDEX;
}

/* ---- regions ---- */

static int arrays_ok(const da_region *r) {
    return (r->type == DA_T_F64 || r->type == DA_T_F32) && r->axis <= DA_AXIS_FIRST && r->n_inner <= r->ndim &&
           r->n_micros >= 0 && r->n_operands >= 0 && r->n_splats >= 0 && r->n_reductions >= 0 && r->n_regs >= 0 &&
           r->n_regs <= UINT16_MAX && r->n_splats <= UINT16_MAX - r->n_regs;
}

/* Splats are set from the start, registers once an operation has written them. */
static int is_set(const da_region *r, const uint8_t *set, int reg) {
    return reg < r->n_regs ? set[reg] : reg < r->n_regs + r->n_splats;
}

static da_lanes_status micro_ok(const da_region *r, const da_micro *m, uint8_t *set, uint8_t *reduced) {
    if (m->code >= DA_L_SCALARS) return DA_LANES_CODE;
    int arity = da_lanes_arity(m->code);
    if ((arity > 0 && !is_set(r, set, m->a)) || (arity > 1 && !is_set(r, set, m->b)) || (arity > 2 && !is_set(r, set, m->c)))
        return DA_LANES_REGISTER;
    if (m->code >= DA_L_VALUES) {
        int reduce = m->code == DA_L_REDUCE;
        if (m->operand < 0 || m->operand >= (reduce ? r->n_reductions : r->n_operands)) return DA_LANES_OPERAND;
        if (reduce && reduced[m->operand]++) return DA_LANES_OPERAND;
    }
    if (m->code <= DA_L_LOAD) {
        if (m->dst >= r->n_regs) return DA_LANES_REGISTER;
        set[m->dst] = 1;
    }
    return DA_LANES_OK;
}

/* Every register is written before it is read, and every reduction made exactly once. */
static da_lanes_status micros_ok(const da_region *r) {
    uint8_t *set = calloc(1, (size_t)r->n_regs + (size_t)r->n_reductions + 1), *reduced = set + r->n_regs;
    if (!set) return DA_LANES_MEMORY;
    da_lanes_status status = DA_LANES_OK;
    for (int32_t i = 0; i < r->n_micros && !status; i++) status = micro_ok(r, &r->micros[i], set, reduced);
    for (int32_t k = 0; k < r->n_reductions && !status; k++)
        if (!reduced[k]) status = DA_LANES_OPERAND;
    free(set);
    return status;
}

static int shape_ok(const da_region *r) {
    if (r->ndim > DA_MAX_DIMS) return 0;
    int64_t n = 1;
    for (int k = 0; k < r->ndim; k++) {
        if (r->shape[k] < 0 || __builtin_mul_overflow(n, r->shape[k] ? r->shape[k] : 1, &n) || !small(n)) return 0;
    }
    return 1;
}

static da_lanes_status reduction_ok(const da_region *r, const da_reduction *d, const da_span *spans) {
    if (d->op < 0 || d->op >= DA_N_REDUCTIONS) return DA_LANES_CODE;
    if (d->operand < 0 || d->operand >= r->n_operands || r->operands[d->operand].index_buffer >= 0) return DA_LANES_OPERAND;
    int outer = r->ndim - r->n_inner;
    int64_t results = 1;
    for (int k = 0; k < r->ndim; k++)
        if (r->axis == (k < outer ? DA_AXIS_LAST : DA_AXIS_FIRST)) results *= r->shape[k];
    const da_operand *o = &r->operands[d->operand];
    if (results > 1 && !o->stride[0]) return DA_LANES_WRITES;
    return operand_ok(o, 1, &results, spans);
}

static int repeats(const da_region *r, const da_operand *o) {
    int found = 0;
    for (int k = 0; k < r->ndim; k++) {
        if (!r->shape[k]) return 0;
        found |= r->shape[k] > 1 && !o->stride[k];
    }
    return found;
}

da_lanes_status da_region_check_operands(const da_region *r, const da_span *spans, int n_spans) {
    if (!shape_ok(r)) return DA_LANES_SHAPE;
    da_lanes_status status = DA_LANES_OK;
    for (int32_t k = 0; k < r->n_operands && !status; k++) status = place_ok(&r->operands[k], spans, n_spans);
    for (int32_t k = 0; k < r->n_splats && !status; k++) {
        int32_t operand = r->splats[k].operand;
        if (operand >= r->n_operands) return DA_LANES_OPERAND;
        if (operand >= 0) status = operand_ok(&r->operands[operand], 0, r->shape, spans);
    }
    for (int32_t i = 0; i < r->n_micros && !status; i++) {
        const da_micro *m = &r->micros[i];
        if (m->code != DA_L_LOAD && m->code != DA_L_STORE) continue;
        status = operand_ok(&r->operands[m->operand], r->ndim, r->shape, spans);
        if (!status && m->code == DA_L_STORE && repeats(r, &r->operands[m->operand])) status = DA_LANES_WRITES;
    }
    for (int32_t k = 0; k < r->n_reductions && !status; k++) status = reduction_ok(r, &r->reductions[k], spans);
    return status;
}

da_lanes_status da_region_check(const da_region *r, const da_span *spans, int n_spans) {
    if (!arrays_ok(r)) return DA_LANES_CODE;
    if (!shape_ok(r)) return DA_LANES_SHAPE;
    da_lanes_status status = micros_ok(r);
    return status ? status : da_region_check_operands(r, spans, n_spans);
}

/* ---- scalar code and groups ---- */

/* Whether operand a of `s` is what the instruction before, of form `b`, has written. */
static int follows(const da_scalar *s, const da_scalar_form *f, const da_scalar *before, const da_scalar_form *b) {
    if (!before || b->lanes != DA_PACK) return 0;
    for (int32_t k = 0; k < DA_PACK / f->width; k++)
        if (da_scalar_positions(s)[k] != before->dst + k) return 0;
    return 1;
}

da_lanes_status da_scalar_check(const da_scalar *code, size_t n, int64_t bank_size) {
    const da_scalar *end = code + n, *before = NULL;
    da_scalar_form f, last = {0};
    for (const da_scalar *s = code; s < end; before = s, s += f.slots, last = f) {
        f = da_scalar_form_of(s->code);
        if (!f.slots || f.slots > end - s) return DA_LANES_CODE;
        int ok = s->dst >= 0 && s->dst <= bank_size - f.lanes;
        const int32_t *positions = da_scalar_positions(s);
        for (int32_t k = 0; k < f.n_positions; k++) ok = ok && positions[k] >= 0 && positions[k] <= bank_size - f.width;
        if (!ok || (f.chained && !follows(s, &f, before, &last))) return DA_LANES_REGISTER;
    }
    return DA_LANES_OK;
}

static da_lanes_status lane_ok(const da_lane *l, int64_t n, const da_groups *env) {
    if (l->kind == DA_LANE_VALUE || !n) return DA_LANES_OK;
    if (l->kind > DA_LANE_INDEXED || (l->buffer == DA_LANE_BANK && l->type != DA_T_F64)) return DA_LANES_CODE;
    int64_t elements = env->bank_size, lo, hi;
    if (l->buffer != DA_LANE_BANK) {
        da_lanes_status status = span_ok(l->buffer, l->type, env->spans, env->n_spans, &elements);
        if (status) return status;
    }
    if (l->kind == DA_LANE_AFFINE) {
        int64_t stride = l->stride;
        return extent(1, &n, &stride, l->offset, &lo, &hi) && lo >= 0 && hi < elements ? DA_LANES_OK : DA_LANES_BOUNDS;
    }
    int ok = l->offset >= 0 && l->offset <= env->n_lists - n &&
             indices_ok(env->lists, DA_T_I32, l->offset, l->offset + n - 1, 0, elements);
    return ok ? DA_LANES_OK : DA_LANES_INDEX;
}

static da_lanes_status group_ok(const da_group *g, const da_groups *env) {
    if (g->code >= DA_L_N || g->code == DA_L_LOAD || g->code == DA_L_STORE) return DA_LANES_CODE;
    if (g->n < 0) return DA_LANES_SHAPE;
    if (g->code == DA_L_SCALARS) {
        if (g->a.offset < 0 || g->a.offset > env->n_scalars - g->n) return DA_LANES_OPERAND;
        return da_scalar_check(env->scalars + g->a.offset, (size_t)g->n, env->bank_size);
    }
    if (g->code == DA_L_REDUCE && g->op >= DA_N_REDUCTIONS) return DA_LANES_CODE;
    int64_t results = g->code == DA_L_REDUCE ? 1 : g->n;
    if (g->dst.kind == DA_LANE_VALUE) return DA_LANES_OPERAND;
    if (g->dst.kind == DA_LANE_AFFINE && !g->dst.stride && results > 1) return DA_LANES_WRITES;
    const da_lane *operands[3] = {&g->a, &g->b, &g->c};
    da_lanes_status status = lane_ok(&g->dst, results, env);
    for (int k = 0; k < da_lanes_arity(g->code) && !status; k++) status = lane_ok(operands[k], g->n, env);
    return status;
}

da_lanes_status da_groups_check(const da_group *groups, size_t n, const da_groups *env) {
    da_lanes_status status = DA_LANES_OK;
    for (const da_group *g = groups; g < groups + n && !status; g++) status = group_ok(g, env);
    return status;
}
