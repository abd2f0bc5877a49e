#include "program.h"
#include "check.h"
#include <math.h>
#include <string.h>

static int inside(int op, int arg, double x) { return x >= da_ops[op].lo[arg] && x <= da_ops[op].hi[arg]; }

/* An operand: a node, or now and then a constant. */
static double operand(const da_tape *t, uint32_t from, int op, int arg, int may_be_const, uint32_t *node, int *constant) {
    *constant = may_be_const && random_below(4) == 0;
    if (*constant) return random_below(2) ? random_in(da_ops[op].lo[arg], da_ops[op].hi[arg]) : ceil(da_ops[op].lo[arg]);
    *node = from + random_below(t->n - from);
    return da_tape_at(t, *node)->v;
}

int program_step(da_tape *t, uint32_t from) {
    for (int trial = 0; trial < 200; trial++) {
        int op = (int)random_below(DA_N_OPS), two = da_ops[op].arity == 2, ca = 0, cb = 0;
        uint32_t a = 0, b = 0;
        double x = operand(t, from, op, 0, two, &a, &ca), y = two ? operand(t, from, op, 1, !ca, &b, &cb) : 0;
        if (da_tape_at(t, a)->op == DA_ARRAY || da_tape_at(t, b)->op == DA_ARRAY) continue;
        if (!inside(op, 0, x) || (two && !inside(op, 1, y))) continue;
        double z = da_value(op, x, y);
        if (!isfinite(z)) continue;
        return da_tape_op(t, op, (ca ? DA_A_CONST : 0) | (cb ? DA_B_CONST : 0), a, b, ca ? x : y, z) >= 0;
    }
    return 0;
}

void program_make(da_tape *t, int n_ops) {
    for (int k = 0; k < PROGRAM_INPUTS; k++) da_tape_op(t, DA_INPUT, 0, 0, 0, 0, random_in(0.4, 1.6));
    for (int k = 0; k < n_ops; k++) CHECK(program_step(t, 0), "no operation fits");
}

void program_run(const da_tape *t, const double *in, double *values) {
    for (uint32_t i = 0; i < t->n; i++) {
        const da_node *d = da_tape_at(t, i);
        if (d->op == DA_ARRAY) values[i] = 0;
        else if (d->op >= DA_N_OPS) values[i] = *in++;
        else values[i] = da_value(d->op, d->flags & DA_A_CONST ? d->c : values[d->a],
                                  da_ops[d->op].arity == 1 ? 0 : d->flags & DA_B_CONST ? d->c : values[d->b]);
    }
}

double program_along(double x, const void *data) {
    const program_line *l = data;
    double in[64], values[256], s = 0;
    memcpy(in, l->in, sizeof in);
    in[l->which] = x;
    program_run(l->t, in, values);
    for (uint32_t i = 0; i < l->t->n; i++) s += l->weights[i] * values[i];
    return s;
}

int64_t program_sweep(const da_tape *t, int64_t hi, int64_t lo, double *adj, int lanes, const da_buffer *bufs) {
    da_adjoints s;
    size_t row = (size_t)lanes * sizeof(double);
    CHECK(!da_adjoints_init(&s, lo, hi, lanes), "no memory");
    for (int64_t i = lo; i <= hi; i++) memcpy(da_adjoint(&s, i), adj + (i - lo) * lanes, row);
    int64_t end = da_reverse(t, hi, lo, &s, bufs);
    for (int64_t i = lo; i <= hi; i++) memcpy(adj + (i - lo) * lanes, da_adjoint(&s, i), row);
    da_adjoints_free(&s);
    return end;
}
