/* The numeric sweeps on random scalar programs: against differences, against each other, with lanes, elements and lower bounds. */
#include "check.h"
#include "program.h"
#include <math.h>
#include <string.h>

enum { LANES = 5, ALL = PROGRAM_INPUTS + PROGRAM_NODES, PROGRAMS = 400 };

typedef struct {
    da_tape t;
    double in[64], weights[ALL * LANES]; /* weights: the seeds, node by node, lane by lane */
} program;

static void make(program *p) {
    da_tape_init(&p->t);
    program_make(&p->t, PROGRAM_NODES);
    memset(p->in, 0, sizeof p->in);
    for (int k = 0; k < PROGRAM_INPUTS; k++) p->in[k] = da_tape_at(&p->t, (uint32_t)k)->v;
    for (int k = 0; k < ALL * LANES; k++) p->weights[k] = random_below(3) ? 0 : random_in(-1, 1);
}

static void lane(const program *p, int k, double *out) {
    for (int i = 0; i < ALL; i++) out[i] = p->weights[i * LANES + k];
}

/* Returns how many entries differences could judge. */
static int test_gradient(const program *p) {
    double adj[ALL], seeds[ALL], want;
    lane(p, 0, adj);
    memcpy(seeds, adj, sizeof adj);
    CHECK(program_sweep(&p->t, ALL - 1, 0, adj, 1, NULL) == -1, "the sweep stopped");
    int judged = 0;
    for (int k = 0; k < PROGRAM_INPUTS; k++) {
        program_line l = {&p->t, p->in, seeds, k};
        if (!differentiate(program_along, &l, p->in[k], 1e-4, 1e-7, &want)) continue;
        CHECK(close_to(adj[k], want, 1e-7), "input %d: %.12g, not %.12g", k, adj[k], want);
        judged++;
    }
    return judged;
}

static void test_lanes(const program *p) {
    double many[ALL * LANES], one[ALL];
    memcpy(many, p->weights, sizeof many);
    CHECK(program_sweep(&p->t, ALL - 1, 0, many, LANES, NULL) == -1, "the sweep stopped");
    for (int k = 0; k < LANES; k++) {
        lane(p, k, one);
        program_sweep(&p->t, ALL - 1, 0, one, 1, NULL);
        for (int i = 0; i < PROGRAM_INPUTS; i++) CHECK(same(one[i], many[i * LANES + k]), "lane %d", k);
    }
}

static void test_forward(const program *p) {
    double tan[ALL * LANES] = {0}, adj[ALL], one[ALL], dot_f[LANES] = {0}, dot_r[LANES] = {0};
    for (int i = 0; i < PROGRAM_INPUTS * LANES; i++) tan[i] = random_in(-1, 1);
    double in[PROGRAM_INPUTS * LANES];
    memcpy(in, tan, sizeof in);
    CHECK(da_forward(&p->t, 0, ALL - 1, 0, tan, LANES, NULL) == ALL, "the sweep stopped");
    lane(p, 0, adj);
    memcpy(one, adj, sizeof one);
    program_sweep(&p->t, ALL - 1, 0, adj, 1, NULL);
    for (int k = 0; k < LANES; k++) { /* <w, J v> = <J' w, v> */
        for (int i = 0; i < ALL; i++) dot_f[k] += one[i] * tan[i * LANES + k];
        for (int i = 0; i < PROGRAM_INPUTS; i++) dot_r[k] += adj[i] * in[i * LANES + k];
        CHECK(close_to(dot_f[k], dot_r[k], 1e-10), "lane %d: %.15g, %.15g", k, dot_f[k], dot_r[k]);
    }
}

/* Sweeping only down to a node in the middle treats what lies below it as constants, and leaves its memory alone. */
static void test_lower_bound(const program *p) {
    int64_t lo = PROGRAM_INPUTS + random_below(PROGRAM_NODES);
    double full[ALL], part[ALL];
    lane(p, 0, full);
    memcpy(part, full, sizeof full);
    program_sweep(&p->t, ALL - 1, lo, full + lo, 1, NULL);
    CHECK(!memcmp(full, part, sizeof(double) * (size_t)lo), "wrote below the bound");
    program_sweep(&p->t, ALL - 1, 0, part, 1, NULL);
    CHECK(same(full[ALL - 1], part[ALL - 1]), "the bound changed an adjoint");
    program_sweep(&p->t, lo - 1, 0, full, 1, NULL); /* what flows through nodes from lo on was cut */
    int below = da_depends_below(&p->t, lo, ALL - 1), found = 0;
    for (int64_t i = lo; i < ALL; i++) {
        const da_node *d = da_tape_at(&p->t, (uint32_t)i);
        found |= !(d->flags & DA_A_CONST) && d->a < lo;
        found |= da_ops[d->op].arity == 2 && !(d->flags & DA_B_CONST) && d->b < lo;
    }
    CHECK(below == found, "depends below: %d, not %d", below, found);
    CHECK(da_depends_below(&p->t, 0, ALL - 1) == 0, "nothing lies below 0");
}

enum { SIZE = 6, READS = 5, ELEM_NODES = READS + 1 + 20 };

static void make_elements(da_tape *t, double *in) {
    da_tape_init(t);
    *da_tape_push(t) = (da_node){.op = DA_ARRAY, .aux = 1}; /* record 1, of SIZE elements */
    for (int k = 0; k < READS; k++) {
        in[k] = random_in(0.4, 1.6);
        *da_tape_push(t) = (da_node){.v = in[k], .op = DA_ELEM, .aux = (uint32_t)(k ? k : 1)}; /* offset 1 twice, 0 and 5 never */
    }
    while (t->n < ELEM_NODES) CHECK(program_step(t, 1), "no operation fits");
}

/* The sweep of one seed goes its own way; `want` is what lane 1 of `weights` gave. */
static void test_one_lane(const da_tape *t, const double *weights, const double *want) {
    double adj[ELEM_NODES], room[SIZE] = {0};
    da_buffer bufs[2] = {{NULL, 0}, {NULL, SIZE}};
    for (int i = 0; i < ELEM_NODES; i++) adj[i] = weights[i * 2 + 1];
    int64_t stop = program_sweep(t, ELEM_NODES - 1, 0, adj, 1, bufs);
    bufs[1].p = room;
    if (stop > 0) CHECK(program_sweep(t, stop, 0, adj, 1, bufs) == 0, "did not stop at the array");
    for (int k = 0; k < SIZE; k++) CHECK(same(room[k], want[k]), "element %d: %.17g, not %.17g", k, room[k], want[k]);
}

/* Elements of an array: the sweep stops for a buffer, then adds into it, and stops at the array itself. */
static void test_elements(void) {
    da_tape t;
    double in[64] = {0}, adj[ELEM_NODES * 2] = {0}, room[SIZE * 2] = {0}, tan[ELEM_NODES * 2] = {0}, dot_f = 0, dot_r = 0;
    make_elements(&t, in);
    da_buffer bufs[2] = {{NULL, 0}, {NULL, SIZE}};
    for (int i = READS + 1; i < ELEM_NODES; i++) adj[i * 2 + 1] = 1;
    double weights[ELEM_NODES * 2];
    memcpy(weights, adj, sizeof adj);
    int64_t stop = program_sweep(&t, ELEM_NODES - 1, 0, adj, 2, bufs);
    CHECK(stop <= READS, "stopped at %d", (int)stop);
    if (stop > 0) {
        CHECK(da_tape_at(&t, (uint32_t)stop)->op == DA_ELEM, "stopped at %d", (int)stop);
        bufs[1].p = room;
        CHECK(program_sweep(&t, stop, 0, adj, 2, bufs) == 0, "did not stop at the array");
    }
    for (int k = 0; k < SIZE; k++) CHECK(room[k] == 0, "a lane leaked");
    CHECK(room[SIZE] == 0 && room[SIZE + 5] == 0, "an element that was never read has an adjoint");
    test_one_lane(&t, weights, room + SIZE);

    double direction[SIZE * 2];
    for (int k = 0; k < SIZE * 2; k++) direction[k] = random_in(-1, 1);
    CHECK(da_forward(&t, 0, ELEM_NODES - 1, 0, tan, 2, bufs) == 0, "did not stop at the array");
    bufs[1].p = NULL;
    CHECK(da_forward(&t, 1, ELEM_NODES - 1, 0, tan, 2, bufs) == 1, "did not stop for the buffer");
    bufs[1].p = direction;
    CHECK(da_forward(&t, 1, ELEM_NODES - 1, 0, tan, 2, bufs) == ELEM_NODES, "the sweep stopped");
    for (int i = 0; i < ELEM_NODES; i++) dot_f += weights[i * 2 + 1] * tan[i * 2 + 1];
    for (int k = 0; k < SIZE; k++) dot_r += room[SIZE + k] * direction[SIZE + k];
    CHECK(close_to(dot_f, dot_r, 1e-10), "%.15g, %.15g", dot_f, dot_r);
    da_tape_free(&t);
}

/* A zero adjoint stops there: sqrt(0) * 0 must not become NaN. */
static void test_strong_zero(void) {
    da_tape t;
    da_tape_init(&t);
    da_tape_op(&t, DA_INPUT, 0, 0, 0, 0, 0);
    da_tape_op(&t, DA_sqrt, 0, 0, 0, 0, 0);
    da_tape_op(&t, DA_mul, DA_B_CONST, 1, 0, 0, 0);
    double one[3] = {0, 0, 1}, two[6] = {0, 0, 0, 0, 1, 2}, tan[3] = {1, 0, 0}, still[3] = {0, 0, 0};
    program_sweep(&t, 2, 0, one, 1, NULL);
    program_sweep(&t, 2, 0, two, 2, NULL);
    CHECK(one[0] == 0 && two[0] == 0 && two[1] == 0, "%g %g %g", one[0], two[0], two[1]);
    da_forward(&t, 0, 2, 0, still, 1, NULL);
    CHECK(still[1] == 0 && still[2] == 0, "%g %g", still[1], still[2]);
    da_forward(&t, 0, 2, 0, tan, 1, NULL);
    CHECK(tan[1] == INFINITY, "%g", tan[1]);
    da_tape_free(&t);
}

int main(void) {
    da_ops_init();
    int judged = 0;
    for (int k = 0; k < PROGRAMS; k++) {
        program p;
        make(&p);
        judged += test_gradient(&p);
        test_lanes(&p);
        test_forward(&p);
        test_lower_bound(&p);
        test_elements();
        da_tape_free(&p.t);
    }
    CHECK(judged > PROGRAMS * PROGRAM_INPUTS / 2, "differences could judge %d entries only", judged);
    test_strong_zero();
    return check_end("sweep");
}
