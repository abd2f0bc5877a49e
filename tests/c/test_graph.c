/* The passes on scalar graphs and the plans made of them, each alone and all together, against plain evaluation of the graph as
 * it was. */
#include "check.h"
#include "graphs.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *current; /* what is being tested */

static void verify(const da_graph *g) {
    const char *wrong = da_graph_verify(g);
    CHECK(!wrong, "%s: %s", current, wrong);
}

/* The same bits, but for the sign of NaN. */
static int identical(double a, double b) { return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0; }

static void compare(const double *got, const double *want, int n, double tolerance) {
    for (int k = 0; k < n; k++)
        CHECK(tolerance > 0 ? close_to(got[k], want[k], tolerance) : identical(got[k], want[k]),
              "%s: root %d is %.17g, not %.17g", current, k, got[k], want[k]);
}

/* How far each root moves when the inputs move by half a unit in the last place or so: malloc'ed. A random graph may lose most
 * of its digits. */
static double *sensitivity(const da_graph *g, world *w, const double *want) {
    double *most = calloc((size_t)g->n_roots + 1, sizeof *most), *was = malloc((size_t)w->size * sizeof *was);
    for (int trial = 0; trial < 8; trial++) {
        double *buffer = w->buffers[trial % WORLD_INPUTS];
        memcpy(was, buffer, (size_t)w->size * sizeof *was);
        for (int i = 0; i < w->size; i++) buffer[i] *= 1 + random_in(-1, 1) * 0x1p-52;
        double *moved = graph_roots(g, w);
        for (int k = 0; k < g->n_roots; k++) most[k] = fmax(most[k], fabs(moved[k] - want[k]));
        memcpy(buffer, was, (size_t)w->size * sizeof *was);
        free(moved);
    }
    free(was);
    return most;
}

/* To a tolerance, or what an ulp in an input makes of it, whichever is more (`loose` may be NULL); 0: the same bits. */
static void compare_graph(const da_graph *g, world *w, const double *want, double tolerance, const double *loose) {
    verify(g);
    double *got = graph_roots(g, w);
    for (int k = 0; loose && k < g->n_roots && tolerance > 0; k++)
        if (fabs(got[k] - want[k]) <= 10 * loose[k]) got[k] = want[k];
    compare(got, want, g->n_roots, tolerance);
    free(got);
}

/* A plan has the bits of the graph it is made of. */
static void compare_plan(const da_graph *g, world *w, int options) {
    da_plan plan;
    double *want = graph_roots(g, w), *got = malloc((size_t)(g->n_roots + 1) * sizeof *got);
    CHECK(!da_plan_make(g, options, &plan), "%s: no plan", current);
    plan_run(&plan, w, got);
    compare(got, want, g->n_roots, 0);
    da_plan_free(&plan);
    free(want);
    free(got);
}

/* So has a register program, where there can be one. */
static void compare_lanes(const da_graph *g, world *w) {
    da_lane_program program;
    int status = da_graph_lanes(g, &program);
    CHECK(status == 0 || status == DA_LANES_UNFIT, "%s: status %d", current, status);
    if (status) return;
    double *want = graph_roots(g, w), *got = malloc((size_t)(g->n_roots + 1) * sizeof *got);
    lanes_run(&program, w, got);
    compare(got, want, g->n_roots, 0);
    da_lane_program_free(&program);
    free(want);
    free(got);
}

static int fold_fast(da_graph *g) { return da_graph_fold(g, 0); }
static int fold_exact(da_graph *g) { return da_graph_fold(g, DA_OPT_EXACT); }
static int all_fast(da_graph *g) {
    da_graph_stats stats;
    return da_graph_optimise(g, DA_OPT_ALL, &stats);
}
static int all_exact(da_graph *g) {
    da_graph_stats stats;
    return da_graph_optimise(g, DA_OPT_ALL | DA_OPT_EXACT, &stats);
}
static int all_lanes(da_graph *g) {
    da_graph_stats stats;
    return da_graph_optimise(g, DA_OPT_ALL | DA_OPT_LANES, &stats);
}
static int sums(da_graph *g) { return da_graph_sums(g, 0); }
static int chains(da_graph *g) { return da_graph_sums(g, DA_OPT_LANES); }
static int sums_and_back(da_graph *g) { return sums(g) || da_graph_expand(g); }

static const struct {
    const char *name;
    int (*run)(da_graph *g);
    double tolerance; /* 0: the same bits */
} passes[] = {
    {"fold", fold_fast, 1e-7},        {"fold exactly", fold_exact, 0}, {"merge", da_graph_cse, 0},
    {"dead code", da_graph_dead, 0},  {"sums", sums, 1e-9},   {"expand", sums_and_back, 1e-9},
    {"fuse", da_graph_fuse, 0},       {"all", all_fast, 1e-7},         {"all, exact", all_exact, 0},
    {"chains", chains, 1e-9},         {"all, for lanes", all_lanes, 1e-7},
};
enum { N_PASSES = sizeof passes / sizeof *passes };

/* Every pass on the graph, and the plans of what comes out. */
static void test_passes(const da_graph *g, world *w) {
    verify(g);
    double *want = graph_roots(g, w), *loose = sensitivity(g, w, want);
    compare_plan(g, w, 0);
    compare_plan(g, w, DA_OPT_GROUPS);
    compare_lanes(g, w);
    for (int k = 0; k < N_PASSES; k++) {
        da_graph h;
        current = passes[k].name;
        CHECK(!da_graph_copy(&h, g) && !passes[k].run(&h), "%s: no memory", current);
        compare_graph(&h, w, want, passes[k].tolerance, loose);
        compare_plan(&h, w, DA_OPT_GROUPS);
        compare_lanes(&h, w);
        da_graph_free(&h);
    }
    free(want);
    free(loose);
}

static void test_random(void) {
    for (int k = 0; k < 300; k++) {
        world w;
        da_graph g;
        world_init(&w, WORLD_SIZE);
        graph_random(&g, &w, 5 + k, k % 4);
        test_passes(&g, &w);
        da_graph_free(&g);
        world_free(&w);
    }
}

static void test_loops(void) {
    for (int k = 0; k < 120; k++) {
        world w;
        da_graph g;
        int lanes = 3 + (int)random_below(k % 10 ? 60 : 900);
        world_init(&w, 2 * lanes + 10);
        graph_loop(&g, 2 + (int)random_below(20), lanes);
        test_passes(&g, &w);
        da_graph_free(&g);
        world_free(&w);
    }
}

/* ---- shapes that loops and recursion would stumble over ---- */

/* All passes, a plan and a register program; compared with plain evaluation to `tolerance`. */
static void run_all(da_graph *g, const char *name, double tolerance, int lanes) {
    world w;
    world_init(&w, WORLD_SIZE);
    double *want = graph_roots(g, &w);
    current = name;
    CHECK(!all_fast(g), "%s: no memory", name);
    compare_graph(g, &w, want, tolerance, NULL);
    compare_plan(g, &w, DA_OPT_GROUPS);
    if (lanes) compare_lanes(g, &w);
    free(want);
    world_free(&w);
    da_graph_free(g);
}

static void make_chain(da_graph *g, int op, int n) {
    da_graph_init(g);
    int32_t x = da_graph_leaf(g, 0, 0, -1, 0), y = da_graph_leaf(g, 1, 0, -1, 0), z = x;
    for (int k = 0; k < n; k++) z = da_graph_op(g, op, 0, z, da_ops[op].arity == 2 ? (k & 1 ? x : y) : -1);
    da_graph_root(g, z);
}

enum { MANY = 1000000 };

static void test_long(void) {
    da_graph g;
    make_chain(&g, DA_sin, MANY);
    run_all(&g, "a long chain", 0, 1);
    make_chain(&g, DA_add, MANY);
    run_all(&g, "a long sum", 1e-9, 1);
    make_chain(&g, DA_sub, MANY / 10);
    run_all(&g, "a long difference", 1e-9, 1);
    make_chain(&g, DA_maximum, MANY / 10);
    run_all(&g, "a long maximum", 0, 1);
}

static void test_wide(void) {
    da_graph g;
    da_graph_init(&g);
    int32_t x = da_graph_leaf(&g, 0, 0, -1, 0);
    for (int k = 0; k < MANY; k++) da_graph_root(&g, da_graph_op(&g, DA_mul, 0, x, da_graph_const(&g, 2 + k, 0)));
    run_all(&g, "one wide level", 0, 0);
    da_graph_init(&g);
    x = da_graph_const(&g, 1.5, 0);
    for (int k = 0; k < 1000; k++) da_graph_root(&g, x = da_graph_op(&g, DA_sqrt, 0, x, -1));
    run_all(&g, "constants", 0, 1);
}

static void test_roots(void) {
    da_graph g;
    da_graph_init(&g);
    run_all(&g, "nothing", 0, 1);
    make_chain(&g, DA_add, 20);
    g.n_roots = 0;
    run_all(&g, "no roots", 0, 1);
    make_chain(&g, DA_sub, 20);
    for (int k = 0; k < 40; k++) da_graph_root(&g, g.roots[0]);
    run_all(&g, "one root many times", 1e-12, 1);
    da_graph_init(&g);
    for (int k = 0; k < 3; k++) {
        da_graph_root(&g, da_graph_leaf(&g, 1, k, -1, 0));
        da_graph_root(&g, da_graph_const(&g, k, 0));
    }
    da_graph_root(&g, da_graph_leaf(&g, 1, 1, -1, DA_F32));
    run_all(&g, "roots that are leaves and constants", 0, 1);
}

/* ---- packs ---- */

/* Three steps of some states on a ring, four operations each: neighbours are gathered, the state itself and numbers stand side by
 * side. */
static void make_ring(da_graph *g, int n) {
    int32_t y[4], slope[4];
    da_graph_init(g);
    for (int i = 0; i < n; i++) y[i] = da_graph_leaf(g, 0, i, -1, 0);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < n; i++) slope[i] = da_graph_op(g, DA_mul, 0, y[(i + 1) % n], y[(i + 2) % n]);
        for (int i = 0; i < n; i++) slope[i] = da_graph_op(g, DA_sub, 0, slope[i], da_graph_const(g, 1 + step * i, 0));
        for (int i = 0; i < n; i++) slope[i] = da_graph_op(g, DA_sin, 0, slope[i], -1);
        for (int i = 0; i < n; i++) y[i] = da_graph_op(g, DA_add, 0, y[i], slope[i]);
    }
    for (int i = 0; i < n; i++) da_graph_root(g, y[i]);
}

/* Of four states, or three whose last stands twice in a pack: then also the leaves, which do not, are gathered. Differences and
 * final sums chain. */
static void test_packs(int states, int gathered) {
    world w;
    da_graph g;
    da_plan plan;
    da_scalar_form f;
    int n = 0, got = 0, chained = 0;
    world_init(&w, WORLD_SIZE);
    make_ring(&g, states);
    current = "packs";
    compare_plan(&g, &w, DA_OPT_GROUPS);
    CHECK(!da_plan_make(&g, DA_OPT_GROUPS, &plan), "no plan");
    for (int at = 0; at < plan.n_scalars; at += f.slots, n++) {
        f = da_scalar_form_of(plan.scalars[at].code);
        CHECK(f.lanes == DA_PACK, "instruction %d is no pack", n);
        got += f.width == 1, chained += f.chained;
    }
    CHECK(n == 12 && got == gathered && chained == 6, "%d packs, %d gathered, %d chained", n, got, chained);
    da_plan_free(&plan);
    da_graph_free(&g);
    world_free(&w);
}

/* ---- single rules ---- */

static da_graph unit; /* graph of one rule */
static int32_t leaf(int k) { return da_graph_leaf(&unit, 0, k, -1, 0); }
static int32_t number(double c) { return da_graph_const(&unit, c, 0); }
static int32_t op(int code, int32_t a, int32_t b) { return da_graph_op(&unit, code, 0, a, b); }

/* How many operations are left of `root` (nodes are thrown away after that); `only`: of that code, if not negative. */
static int left(int32_t root, int options, int only) {
    da_graph_root(&unit, root);
    CHECK(!da_graph_fold(&unit, options | DA_OPT_CSE) && !da_graph_dead(&unit), "no memory");
    int n = 0;
    for (int k = 0; k < unit.n; k++) n += only < 0 ? unit.nodes[k].op < DA_G_OPS : unit.nodes[k].op == only;
    da_graph_free(&unit);
    return n;
}

#define LEFT(want, options, root) CHECK(left(root, options, -1) == (want), "not %d operations", want)
#define QUOTIENTS(want, options, root) CHECK(left(root, options, DA_div) == (want), "not %d quotients", want)

/* 1 / y, and after it c / y or, without c, (x / y) / y. */
static int32_t beside_reciprocal(double c) {
    int32_t y = leaf(1), r = op(DA_recip, y, -1), x = c != 0 ? number(c) : op(DA_div, leaf(0), y);
    return op(DA_add, r, op(DA_div, x, y));
}

static void test_rules(void) {
    enum { FAST = 0, EXACT = DA_OPT_EXACT };
    LEFT(0, EXACT, op(DA_mul, leaf(0), number(1)));
    LEFT(0, EXACT, op(DA_mul, number(1), leaf(0)));
    LEFT(0, EXACT, op(DA_div, leaf(0), number(1)));
    LEFT(0, EXACT, op(DA_sub, leaf(0), number(0)));
    LEFT(0, EXACT, op(DA_add, leaf(0), number(-0.0)));
    LEFT(1, EXACT, op(DA_add, leaf(0), number(0)));
    LEFT(0, FAST, op(DA_add, leaf(0), number(0)));
    LEFT(1, FAST, op(DA_mul, leaf(0), number(0)));
    LEFT(0, EXACT, op(DA_smul, number(0), leaf(0)));
    LEFT(0, EXACT, op(DA_smul, number(1), leaf(0)));
    LEFT(1, EXACT, op(DA_smul, leaf(0), number(1)));
    LEFT(0, FAST, op(DA_smul, leaf(0), number(1)));
    LEFT(1, FAST, op(DA_smul, leaf(0), number(INFINITY)));
    LEFT(0, EXACT, op(DA_neg, op(DA_neg, leaf(0), -1), -1));
    LEFT(1, EXACT, op(DA_sub, leaf(0), op(DA_neg, leaf(1), -1)));
    LEFT(1, EXACT, op(DA_mul, op(DA_neg, leaf(0), -1), op(DA_neg, leaf(1), -1)));
    LEFT(1, EXACT, op(DA_mul, op(DA_neg, leaf(0), -1), number(3)));
    LEFT(1, FAST, op(DA_add, op(DA_mul, number(100), leaf(0)), op(DA_mul, number(100), leaf(0))));
    LEFT(2, FAST, op(DA_pow, leaf(0), number(3)));
    LEFT(1, EXACT, op(DA_pow, leaf(0), number(3)));
    LEFT(0, EXACT, op(DA_pow, leaf(0), number(0)));
    LEFT(1, FAST, op(DA_pow, leaf(0), number(0.5)));
    LEFT(0, EXACT, op(DA_sqrt, number(2), -1));
    LEFT(1, EXACT, op(DA_exp, number(2), -1));
    LEFT(0, FAST, op(DA_exp, number(2), -1));
    LEFT(0, EXACT, op(DA_lt, number(2), number(3)));
    LEFT(1, EXACT, op(DA_add, op(DA_mul, leaf(0), leaf(0)), number(-0.0)));
    QUOTIENTS(0, FAST, beside_reciprocal(0.5));
    QUOTIENTS(1, EXACT, beside_reciprocal(0.5));
    QUOTIENTS(1, FAST, beside_reciprocal(3));
    QUOTIENTS(1, FAST, beside_reciprocal(0));
    QUOTIENTS(2, EXACT, beside_reciprocal(0));
    QUOTIENTS(2, FAST, op(DA_div, op(DA_div, leaf(0), leaf(1)), leaf(1)));
}

/* ---- memory ---- */

/* 0, or -1 when memory was short somewhere; the graph then still means the same. */
static int attempt(const da_graph *g, world *w, const double *want) {
    da_graph h;
    da_plan plan;
    da_lane_program program;
    int failed = da_graph_copy(&h, g);
    if (!failed && all_fast(&h)) {
        failed = -1;
        alloc_fail_at = 0;
        compare_graph(&h, w, want, 1e-7, NULL);
    }
    if (!failed) failed = da_plan_make(&h, DA_OPT_ALL, &plan);
    if (!failed) {
        da_plan_free(&plan);
        failed = da_graph_lanes(&h, &program);
        if (!failed) da_lane_program_free(&program);
        if (failed == DA_LANES_UNFIT) failed = 0;
    }
    da_graph_free(&h);
    return failed;
}

static void test_failures(int loop) {
    world w;
    da_graph g;
    world_init(&w, 300);
    if (loop) graph_loop(&g, 12, 100);
    else graph_random(&g, &w, 300, WITH_F32 | WITH_ARRAYS);
    double *want = graph_roots(&g, &w);
    long live = alloc_live;
    int failed = 0, n = 0;
    current = "failing allocations";
    do {
        alloc_count = 0, alloc_fail_at = ++n;
        failed = attempt(&g, &w, want);
        CHECK(failed == -1 || alloc_count < n, "%d after allocation %d failed", failed, n);
        alloc_fail_at = 0;
        CHECK(alloc_live == live, "%ld blocks lost when allocation %d fails", alloc_live - live, n);
    } while (failed);
    CHECK(n > 30, "only %d allocations could fail", n);
    free(want);
    da_graph_free(&g);
    world_free(&w);
}

int main(void) {
    da_ops_init();
    test_random();
    test_loops();
    test_long();
    test_wide();
    test_roots();
    test_rules();
    test_packs(4, 3);
    test_packs(3, 4);
    test_failures(0);
    test_failures(1);
    return check_end("graph");
}
