/* The emitting sweep: the adjoints that it writes on the tape equal the numeric ones, and their own derivatives are the second ones. */
#include "check.h"
#include "program.h"
#include <math.h>
#include <string.h>

static const da_ref unit = {1, 0, DA_REF_CONST};

enum { NODES = 16, ALL = PROGRAM_INPUTS + NODES, PROGRAMS = 400, MOST = 4096 };

/* The gradient of the last node, numerically, when the inputs are `in` (node values are refreshed in place). */
static void gradient(da_tape *t, const double *in, double *g) {
    double values[ALL], adj[ALL] = {0};
    da_tape first = *t;
    first.n = ALL;
    program_run(&first, in, values);
    for (uint32_t i = 0; i < ALL; i++) da_tape_at(t, i)->v = values[i];
    adj[ALL - 1] = 1;
    program_sweep(t, ALL - 1, 0, adj, 1, NULL);
    memcpy(g, adj, sizeof(double) * PROGRAM_INPUTS);
}

typedef struct {
    da_tape *t;
    const double *in, *v, *w;
} slope_of;

/* <w, gradient(in + s * v)> */
static double slope(double s, const void *data) {
    const slope_of *o = data;
    double in[PROGRAM_INPUTS], g[PROGRAM_INPUTS], sum = 0;
    for (int k = 0; k < PROGRAM_INPUTS; k++) in[k] = o->in[k] + s * o->v[k];
    gradient(o->t, in, g);
    for (int k = 0; k < PROGRAM_INPUTS; k++) sum += o->w[k] * g[k];
    return sum;
}

static void emit(da_tape *t, da_ref *adj) {
    memset(adj, 0, sizeof *adj * ALL);
    adj[ALL - 1] = unit;
    CHECK(da_emit_reverse(t, ALL - 1, 0, adj) == -1, "the sweep stopped");
}

static double value_of(const da_tape *t, da_ref r) {
    return r.kind == DA_REF_NONE ? 0 : r.kind == DA_REF_CONST ? r.c : da_tape_at(t, r.node)->v;
}

/* <w, H v> by a numeric reverse sweep over the emitted nodes. */
static double second(const da_tape *t, const da_ref *g, const double *v, const double *w) {
    double adj[MOST] = {0}, sum = 0;
    CHECK(t->n <= MOST, "%u nodes", t->n);
    for (int k = 0; k < PROGRAM_INPUTS; k++)
        if (g[k].kind == DA_REF_NODE) adj[g[k].node] += w[k];
    CHECK(program_sweep(t, t->n - 1, 0, adj, 1, NULL) == -1, "the sweep stopped");
    for (int k = 0; k < PROGRAM_INPUTS; k++) sum += adj[k] * v[k];
    return sum;
}

static int test_program(void) {
    da_tape t;
    da_tape_init(&t);
    program_make(&t, NODES);
    double in[64] = {0}, g[PROGRAM_INPUTS], v[PROGRAM_INPUTS], w[PROGRAM_INPUTS], want;
    for (uint32_t k = 0; k < PROGRAM_INPUTS; k++) in[k] = da_tape_at(&t, k)->v, v[k] = random_in(-1, 1), w[k] = random_in(-1, 1);
    da_ref adj[ALL];
    gradient(&t, in, g);
    emit(&t, adj);
    for (int k = 0; k < PROGRAM_INPUTS; k++)
        CHECK(close_to(value_of(&t, adj[k]), g[k], 1e-12), "input %d: %.15g, not %.15g", k, value_of(&t, adj[k]), g[k]);
    double got = second(&t, adj, v, w), again = second(&t, adj, w, v);
    CHECK(close_to(got, again, 1e-9), "the Hessian is not symmetric: %.15g, %.15g", got, again);
    slope_of o = {&t, in, v, w};
    int judged = differentiate(slope, &o, 0, 1e-4, 1e-6, &want);
    if (judged) CHECK(close_to(got, want, 1e-6), "second derivative %.12g, not %.12g", got, want);
    da_tape_free(&t);
    return judged;
}

/* x*x*x: three emitting sweeps in a row give 3x^2, 6x and 6. */
static void test_third_order(void) {
    da_tape t;
    da_tape_init(&t);
    da_tape_op(&t, DA_INPUT, 0, 0, 0, 0, 2);
    da_tape_op(&t, DA_mul, 0, 0, 0, 0, 4);
    da_tape_op(&t, DA_mul, 0, 1, 0, 0, 8);
    const double want[] = {12, 12, 6};
    da_ref y = {0, 2, DA_REF_NODE};
    for (int order = 0; order < 3; order++) {
        CHECK(y.kind == DA_REF_NODE, "order %d is a constant", order);
        da_ref adj[64];
        memset(adj, 0, sizeof adj);
        adj[y.node] = unit;
        CHECK(da_emit_reverse(&t, y.node, 0, adj) == -1, "the sweep stopped");
        y = adj[0];
        CHECK(value_of(&t, y) == want[order], "order %d: %g, not %g", order + 1, value_of(&t, y), want[order]);
    }
    da_tape_free(&t);
}

/* Constant factors and unit seeds need no nodes: the adjoint of 3*x + 5 is the constant 3. */
static void test_folding(void) {
    da_tape t;
    da_tape_init(&t);
    da_tape_op(&t, DA_INPUT, 0, 0, 0, 0, 2);
    da_tape_op(&t, DA_mul, DA_A_CONST, 0, 0, 3, 6);
    da_tape_op(&t, DA_add, DA_B_CONST, 1, 0, 5, 11);
    da_ref adj[3] = {[2] = {1, 0, DA_REF_CONST}};
    da_emit_reverse(&t, 2, 0, adj);
    CHECK(t.n == 3 && adj[0].kind == DA_REF_CONST && adj[0].c == 3, "%u nodes", t.n);
    da_tape_free(&t);
}

/* sqrt(x) * y at x = y = 0: the zero cotangent of the root wins over its infinite slope. */
static void test_strong_zero(void) {
    da_tape t;
    da_tape_init(&t);
    da_tape_op(&t, DA_INPUT, 0, 0, 0, 0, 0);
    da_tape_op(&t, DA_INPUT, 0, 0, 0, 0, 0);
    da_tape_op(&t, DA_sqrt, 0, 0, 0, 0, 0);
    da_tape_op(&t, DA_mul, 0, 2, 1, 0, 0);
    da_ref adj[4] = {[3] = {1, 0, DA_REF_CONST}};
    CHECK(da_emit_reverse(&t, 3, 0, adj) == -1, "the sweep stopped");
    CHECK(value_of(&t, adj[0]) == 0 && value_of(&t, adj[1]) == 0, "%g %g", value_of(&t, adj[0]), value_of(&t, adj[1]));
    da_tape_free(&t);
}

/* Array nodes, and elements with an adjoint, are left to the caller. */
static void test_stops(void) {
    da_tape t;
    da_tape_init(&t);
    *da_tape_push(&t) = (da_node){.op = DA_ARRAY};
    *da_tape_push(&t) = (da_node){.v = 2, .op = DA_ELEM, .aux = 3};
    *da_tape_push(&t) = (da_node){.v = 5, .op = DA_ELEM, .aux = 4};
    da_tape_op(&t, DA_square, 0, 1, 0, 0, 4);
    da_ref adj[4] = {[3] = {1, 0, DA_REF_CONST}};
    CHECK(da_emit_reverse(&t, 3, 0, adj) == 1, "passed an element with an adjoint, or stopped at one without");
    CHECK(value_of(&t, adj[1]) == 4, "%g", value_of(&t, adj[1]));
    CHECK(da_emit_reverse(&t, 0, 0, adj) == 0, "passed an array node");
    CHECK(da_emit_reverse(&t, 3, 2, adj + 2) == 1, "an operand below the bound was touched");
    da_tape_free(&t);
}

int main(void) {
    da_ops_init();
    int judged = 0;
    for (int k = 0; k < PROGRAMS; k++) judged += test_program();
    CHECK(judged > PROGRAMS / 2, "differences could judge %d programs only", judged);
    test_third_order();
    test_folding();
    test_strong_zero();
    test_stops();
    return check_end("emit");
}
