/* The emitting reverse sweep over scalar nodes: the adjoint computation becomes ordinary nodes, from the bytecode of the partials. */
#include "da_inline.h"
#include "da_tape.h"

static da_ref constant(double c) { return (da_ref){c, 0, DA_REF_CONST}; }
static da_ref node_ref(uint32_t i) { return (da_ref){0, i, DA_REF_NODE}; }
static int is_const(da_ref r, double c) { return r.kind == DA_REF_CONST && r.c == c; }

/* What needs no node: constants fold, a factor of one and a zero summand disappear. 1 when folded into *out. */
static int folded(int op, da_ref a, da_ref b, int arity, da_ref *out) {
    if (a.kind == DA_REF_CONST && (arity == 1 || b.kind == DA_REF_CONST)) {
        *out = constant(da_value_of(op, a.c, b.c));
        return 1;
    }
    switch (op) {
    case DA_copy: case DA_pos: *out = a; return 1;
    case DA_mul:
    case DA_smul:
        if (is_const(a, 1)) return *out = b, 1;
        if (is_const(b, 1)) return *out = a, 1;
        if (op == DA_smul && is_const(a, 0)) return *out = constant(0), 1;
        return 0;
    case DA_add:
        if (is_const(a, 0)) return *out = b, 1;
        if (is_const(b, 0)) return *out = a, 1;
        return 0;
    case DA_sub:
    case DA_pow:
        if (is_const(b, op == DA_pow)) return *out = a, 1;
        return 0;
    default: return 0;
    }
}

/* Applies `op` to references; the value is computed, the node appended. 0, or -1 when out of memory. */
static int apply(da_tape *t, int op, da_ref a, da_ref b, int f32, da_ref *out) {
    int arity = da_ops[op].arity;
    if (folded(op, a, b, arity, out)) return 0;
    double x = a.kind == DA_REF_NODE ? da_tape_at(t, a.node)->v : a.c;
    double y = arity == 1 ? 0 : b.kind == DA_REF_NODE ? da_tape_at(t, b.node)->v : b.c;
    double z = da_value_of(op, x, y);
    if (f32) z = (float)z;
    int flags = f32 | (a.kind == DA_REF_CONST ? DA_A_CONST : 0) | (arity == 2 && b.kind == DA_REF_CONST ? DA_B_CONST : 0);
    int64_t i = da_tape_op(t, op, flags, a.node, b.node, flags & DA_A_CONST ? x : y, z);
    if (i < 0) return -1;
    *out = node_ref((uint32_t)i);
    return 0;
}

int da_emit_add(da_tape *t, da_ref *adj, da_ref ref) {
    if (ref.kind == DA_REF_NONE || is_const(ref, 0)) return 0;
    if (adj->kind == DA_REF_NONE) return *adj = ref, 0;
    return apply(t, DA_add, *adj, ref, 0, adj);
}

/* The partial of node i for operand `arg`, as a reference. */
static int emit_partial(da_tape *t, uint32_t i, int arg, da_ref *out) {
    const da_node d = *da_tape_at(t, i);
    const da_code *code = da_partial_code(d.op, arg);
    da_ref v[DA_REF_STEP + DA_MAX_STEPS];
    v[DA_REF_X] = d.flags & DA_A_CONST ? constant(d.c) : node_ref(d.a);
    v[DA_REF_Y] = d.flags & DA_B_CONST ? constant(d.c) : node_ref(d.b);
    v[DA_REF_Z] = node_ref(i);
    for (int k = 0; k < code->n; k++) {
        const da_step *s = &code->steps[k];
        if (s->op == DA_CONST) v[DA_REF_STEP + k] = constant(s->c);
        else if (apply(t, s->op, v[s->a], da_ops[s->op].arity == 2 ? v[s->b] : constant(0), d.flags & DA_F32, &v[DA_REF_STEP + k]))
            return -1;
    }
    *out = v[code->result];
    return 0;
}

static int push_to(da_tape *t, uint32_t i, int arg, da_ref g, da_ref *adj) {
    da_ref p, r;
    if (emit_partial(t, i, arg, &p)) return -1;
    if (apply(t, DA_smul, g, p, 0, &r)) return -1;
    return da_emit_add(t, adj, r);
}

int64_t da_emit_reverse(da_tape *t, int64_t hi, int64_t lo, da_ref *adj) {
    for (int64_t i = hi; i >= lo; i--) {
        const da_node d = *da_tape_at(t, (uint32_t)i);
        if (d.op == DA_ARRAY) return i;
        da_ref g = adj[i - lo];
        if (g.kind == DA_REF_NONE || d.op == DA_INPUT) continue;
        if (d.op == DA_ELEM) {
            if (d.a < lo) continue;
            return i;
        }
        if (!(d.flags & DA_A_CONST) && d.a >= lo && push_to(t, (uint32_t)i, 0, g, &adj[d.a - lo])) return DA_NO_MEMORY;
        if (da_ops[d.op].arity == 2 && !(d.flags & DA_B_CONST) && d.b >= lo && push_to(t, (uint32_t)i, 1, g, &adj[d.b - lo]))
            return DA_NO_MEMORY;
    }
    return lo - 1;
}
