/* Facts and bytecode of the operation table. */
#include "da_ops.h"
#include "da_inline.h"
#include <assert.h>

#define EXACT DA_EXACT
#define STEP DA_STEP
#define HOLO DA_HOLO
#define UNARY(name, np, val, dx, props, xl, xh) {#name, np, #val, {#dx, ""}, 1, props, {xl, 0}, {xh, 0}},
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh) \
    {#name, np, #val, {#dx, #dy}, 2, props, {xl, yl}, {xh, yh}},
const da_op_info da_ops[DA_N_OPS] = {
#include "ops.def"
};
#undef UNARY
#undef BINARY

static da_code codes[DA_N_OPS][2];

/* Appends a step, or finds the same one: common subexpressions of a formula are computed once. */
static int step(da_code *p, int op, int a, int b, double c) {
    for (int k = 0; k < p->n; k++) {
        const da_step *s = &p->steps[k];
        if (s->op == op && s->a == a && s->b == b && s->c == c) return DA_REF_STEP + k;
    }
    assert(p->n < DA_MAX_STEPS);
    p->steps[p->n] = (da_step){(int16_t)op, (int16_t)a, (int16_t)b, c};
    return DA_REF_STEP + p->n++;
}

static void finish(da_code *p, int result) {
    p->result = (int16_t)result;
    unsigned seen = result < DA_REF_STEP ? 1u << result : 0;
    for (int k = 0; k < p->n; k++) {
        const da_step *s = &p->steps[k];
        if (s->op == DA_CONST) continue;
        if (s->a < DA_REF_STEP) seen |= 1u << s->a;
        if (da_ops[s->op].arity == 2 && s->b < DA_REF_STEP) seen |= 1u << s->b;
    }
    p->needs = (uint8_t)seen;
}

void da_ops_init(void) {
    if (codes[DA_copy][0].n) return;
    enum { X = DA_REF_X, Y = DA_REF_Y, Z = DA_REF_Z };
    (void)Y;
#define C(c) step(p, DA_CONST, 0, 0, c)
#define OP1(name, a) step(p, DA_##name, a, 0, 0)
#define OP2(name, a, b) step(p, DA_##name, a, b, 0)
#include "da_notation.h"
#define BUILD(name, arg, e)                    \
    {                                          \
        da_code *p = &codes[DA_##name][arg];   \
        finish(p, e);                          \
    }
#define UNARY(name, np, val, dx, props, xl, xh) BUILD(name, 0, dx)
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh) BUILD(name, 0, dx) BUILD(name, 1, dy)
#include "ops.def"
#undef UNARY
#undef BINARY
#undef BUILD
#include "da_notation_end.h"
}

const da_code *da_partial_code(int op, int arg) { return &codes[op][arg]; }

double da_value(int op, double x, double y) { return da_value_of(op, x, y); }

double da_partial(int op, int arg, double x, double y, double z) {
    return arg ? da_partial1_of(op, x, y, z) : da_partial0_of(op, x, y, z);
}

double da_run_code(const da_code *code, double x, double y, double z) {
    double v[DA_REF_STEP + DA_MAX_STEPS];
    v[DA_REF_X] = x, v[DA_REF_Y] = y, v[DA_REF_Z] = z;
    for (int k = 0; k < code->n; k++) {
        const da_step *s = &code->steps[k];
        v[DA_REF_STEP + k] = s->op == DA_CONST ? s->c : da_value_of(s->op, v[s->a], v[s->b]);
    }
    return v[code->result];
}
