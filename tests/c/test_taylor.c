/* Truncated Taylor series of every operation: against the partials, against the series at a point further on, and out of memory. */
#include "check.h"
#include "da_taylor.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ORDER = 20, COMPARED = 7, POINTS = 60 };
static const double STEP = 0.01; /* a tenth of the smallest radius of convergence in the table's domains */

typedef struct {
    double x[ORDER + 1], y[ORDER + 1], z[ORDER + 1];
} series;

static double sample(int op, int arg) { return random_in(da_ops[op].lo[arg], da_ops[op].hi[arg]); }

/* Two straight lines through a point of the domain, and the operation along them. */
static void expand(da_taylor *w, int op, series *s, double at, const double line[4]) {
    memset(s, 0, sizeof *s);
    s->x[0] = line[0] + at * line[1], s->x[1] = line[1];
    s->y[0] = line[2] + at * line[3], s->y[1] = line[3];
    s->z[0] = da_value(op, s->x[0], s->y[0]);
    CHECK(da_taylor_op(w, op, s->x, da_ops[op].arity == 2 ? s->y : NULL, s->z) == 0, "%s: out of memory", da_ops[op].name);
}

static double binomial(int n, int k) { return k == 0 ? 1 : binomial(n - 1, k - 1) * n / k; }

/* Coefficient j of the series around `STEP`, from the series around 0. */
static double shifted(const double *z, int j) {
    double sum = 0;
    for (int k = ORDER; k >= j; k--) sum += binomial(k, j) * z[k] * pow(STEP, k - j);
    return sum;
}

static int agrees(const series *here, const series *there) {
    for (int j = 0; j < COMPARED; j++)
        if (!close_to(shifted(here->z, j), there->z[j], 1e-6)) return 0;
    return 1;
}

static void test_operation(int op) {
    int two = da_ops[op].arity == 2, agreed = 0;
    da_taylor w;
    da_taylor_init(&w, ORDER);
    for (int i = 0; i < POINTS; i++) {
        double line[4] = {sample(op, 0), random_in(0.5, 1), two ? sample(op, 1) : 0, two ? random_in(-1, -0.5) : 0};
        for (int arg = 0; arg < 2; arg++)
            if (line[2 * arg] > 0.5 * (da_ops[op].lo[arg] + da_ops[op].hi[arg])) line[2 * arg + 1] = -fabs(line[2 * arg + 1]);
            else line[2 * arg + 1] = fabs(line[2 * arg + 1]); /* into the domain */
        series here, there;
        expand(&w, op, &here, 0, line);
        expand(&w, op, &there, STEP, line);
        agreed += agrees(&here, &there);
        double z0 = here.z[0], slope = da_partial(op, 0, line[0], line[2], z0) * line[1];
        if (two) slope += da_partial(op, 1, line[0], line[2], z0) * line[3];
        CHECK(close_to(here.z[1], slope, 1e-14), "%s: first coefficient %.17g, not %.17g", da_ops[op].name, here.z[1], slope);
    }
    /* a kink, a jump or a tie may lie between the two points, but not often */
    CHECK(agreed >= POINTS * 9 / 10, "%s: the series agree at %d of %d points", da_ops[op].name, agreed, POINTS);
    da_taylor_free(&w);
}

/* Series that everyone knows, along a curve and with a constant operand. */
static void test_known(void) {
    da_taylor w;
    da_taylor_init(&w, 6);
    double x[7] = {0, 1}, n[7] = {2}, z[7] = {1}, curve[7] = {0, 0, 1}, factorial = 1;
    da_taylor_op(&w, DA_exp, x, NULL, z);
    for (int k = 1; k <= 6; k++) factorial *= k, CHECK(close_to(z[k] * factorial, 1, 1e-15), "exp, %d: %g", k, z[k]);
    z[0] = 0;
    da_taylor_op(&w, DA_sin, curve, NULL, z); /* sin(t^2) = t^2 - t^6/6 */
    CHECK(z[1] == 0 && z[2] == 1 && z[3] == 0 && z[4] == 0 && z[5] == 0 && close_to(z[6], -1.0 / 6, 1e-15), "sin(t^2): %g", z[6]);
    z[0] = 4;
    da_taylor_op(&w, DA_mul, n, n, z);
    CHECK(z[0] == 4 && z[1] == 0 && z[6] == 0, "constants: %g", z[1]);
    for (n[0] = 1; n[0] <= 6; n[0]++) { /* t^n at 0, where log t and t^-1 are infinite */
        z[0] = 0;
        da_taylor_op(&w, DA_pow, x, n, z);
        for (int k = 0; k <= 6; k++) CHECK(z[k] == (k == n[0]), "t^%g, %d: %g", n[0], k, z[k]);
    }
    da_taylor_free(&w);
}

static void test_order_zero(void) {
    da_taylor w;
    da_taylor_init(&w, 0);
    double x[1] = {2}, z[1] = {4};
    CHECK(da_taylor_op(&w, DA_square, x, NULL, z) == 0 && z[0] == 4, "%g", z[0]);
    da_taylor_free(&w);
}

static void test_failing_allocation(void) {
    long before = alloc_live;
    int failed = 1;
    for (long k = 1; failed && k < 1000; k++) {
        da_taylor w;
        da_taylor_init(&w, ORDER);
        double x[ORDER + 1] = {0.5, 1}, z[ORDER + 1] = {acos(0.5)}, again[ORDER + 1] = {acos(0.5)};
        alloc_count = 0, alloc_fail_at = k;
        failed = da_taylor_op(&w, DA_arccos, x, NULL, z);
        alloc_fail_at = 0;
        CHECK(da_taylor_op(&w, DA_arccos, x, NULL, again) == 0, "nothing works after the failure of allocation %ld", k);
        CHECK(close_to(again[1], -1 / sqrt(0.75), 1e-15), "wrong after the failure of allocation %ld", k);
        da_taylor_free(&w);
        CHECK(alloc_live == before, "%ld allocations are left", alloc_live - before);
    }
    CHECK(!failed, "the failures do not end");
}

int main(void) {
    da_ops_init();
    for (int op = 0; op < DA_N_OPS; op++) test_operation(op);
    test_known();
    test_order_zero();
    test_failing_allocation();
    return check_end("taylor");
}
