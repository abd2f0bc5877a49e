/* Adjoints in blocks: long tapes against a plain sweep over one array, the memory they take, and every allocation failing once. */
#include "check.h"
#include "da_memory.h"
#include "program.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << DA_ROW_BITS, INPUTS = 3, NEVER = 0 };

/* Operands lie up to `near` nodes below, and one of `far` anywhere. Products with small constants keep the adjoints in range. Arrays,
 * at which the sweep stops, stand where blocks begin and here and there. */
static void make(da_tape *t, uint32_t n, uint32_t near, uint32_t far) {
    da_tape_init(t);
    for (int k = 0; k < INPUTS; k++) da_tape_op(t, DA_INPUT, 0, 0, 0, 0, 1);
    while (t->n < n) {
        uint32_t reach = near < t->n && (far == NEVER || random_below(far)) ? near : t->n;
        uint32_t a = t->n - 1 - random_below(reach), b = t->n - 1 - random_below(reach);
        if (t->n % BLOCK == 0 || random_below(3000) == 0) *da_tape_push(t) = (da_node){.op = DA_ARRAY};
        else if (random_below(2)) da_tape_op(t, DA_sub, 0, a, b, 0, 1);
        else da_tape_op(t, DA_mul, DA_B_CONST, a, 0, random_in(-0.4, 0.4), 1);
    }
}

/* The oracle, in the order of the sweep: equal in every bit. */
static void plain(const da_tape *t, int64_t hi, int64_t lo, double *adj, int lanes) {
    for (int64_t i = hi; i >= lo; i--) {
        const da_node *d = da_tape_at(t, (uint32_t)i);
        for (int k = 0; k < lanes && d->op < DA_N_OPS; k++) {
            double g = adj[(i - lo) * lanes + k];
            if (d->a >= lo) adj[(d->a - lo) * lanes + k] += d->op == DA_sub ? g : g * d->c;
            if (d->op == DA_sub && d->b >= lo) adj[(d->b - lo) * lanes + k] -= g;
        }
    }
}

/* Seeds on a few nodes, one in every block. */
static void seed(da_adjoints *s, double *adj, int64_t hi, int64_t lo, int lanes) {
    uint32_t gap = s->bits > DA_ROW_BITS ? 1 : 1u << s->bits;
    for (int64_t i = hi; i >= lo; i -= 1 + random_below(gap))
        for (int k = 0; k < lanes; k++) adj[(i - lo) * lanes + k] = da_adjoint(s, i)[k] = random_in(-1, 1);
}

/* Sweeps down to `stop`; whether it stopped at each array above. */
static int sweep(const da_tape *t, int64_t hi, int64_t stop, da_adjoints *s) {
    int64_t want = hi, i = hi + 1;
    do {
        i = da_reverse(t, i - 1, stop, s, NULL);
        while (want >= stop && da_tape_at(t, (uint32_t)want)->op != DA_ARRAY) want--;
    } while (i == want-- && i >= stop);
    return i == stop - 1;
}

/* The adjoints of the lowest block, which outlives the sweep. */
static void compare(const da_tape *t, int64_t hi, int64_t lo, int lanes) {
    double *adj = calloc((size_t)(hi - lo + 1) * (size_t)lanes, sizeof *adj);
    da_adjoints s;
    CHECK(!da_adjoints_init(&s, lo, hi, lanes), "no memory");
    seed(&s, adj, hi, lo, lanes);
    plain(t, hi, lo, adj, lanes);
    CHECK(sweep(t, hi, lo ? lo : INPUTS, &s), "the sweep did not stop where it should");
    int wrong = 0, nonzero = 0;
    for (int64_t i = lo; i <= hi && (i - lo) >> s.bits == 0; i++)
        for (int k = 0; k < lanes; k++) {
            wrong += !same(da_adjoint(&s, i)[k], adj[(i - lo) * lanes + k]);
            nonzero += adj[(i - lo) * lanes + k] != 0;
        }
    CHECK(!wrong && nonzero, "%d lanes from node %d: %d adjoints are wrong, %d not zero", lanes, (int)lo, wrong, nonzero);
    da_adjoints_free(&s);
    free(adj);
}

static void test_long_tapes(void) {
    static const uint32_t nears[] = {2, 100, BLOCK, 3 * BLOCK};
    for (size_t k = 0; k < sizeof nears / sizeof *nears; k++) {
        da_tape t;
        make(&t, 2 * DA_CHUNK + 77, nears[k], 50);
        for (int lanes = 1; lanes <= 5; lanes += 2) {
            compare(&t, t.n - 1, 0, lanes);
            compare(&t, t.n - 1 - random_below(BLOCK), 1 + random_below(DA_CHUNK + 5), lanes);
        }
        da_tape_free(&t);
    }
}

/* So many seeds that a block holds a few nodes, or one, or that a row is longer than a chunk. */
static void test_many_lanes(void) {
    da_tape t;
    make(&t, 60, 10, 5);
    compare(&t, t.n - 1, 0, 1000);
    compare(&t, t.n - 1, 7, 5000);
    compare(&t, 9, 0, (int)(DA_CHUNK_BYTES / sizeof(double)) + 1);
    da_tape_free(&t);
}

/* Blocks serve again once they have been swept: near operands need one chunk, however long the tape. */
static void test_memory(void) {
    da_tape t;
    da_adjoints s;
    make(&t, 4 * DA_CHUNK, 100, NEVER);
    CHECK(!da_adjoints_init(&s, 0, t.n - 1, 5), "no memory");
    da_adjoint(&s, t.n - 1)[2] = 1;
    CHECK(sweep(&t, t.n - 1, INPUTS, &s), "the sweep did not stop where it should");
    CHECK(s.n_chunks == 1, "%zu chunks of adjoints", s.n_chunks);
    da_adjoints_free(&s);
    CHECK(!da_adjoints_init(&s, 0, t.n - 1, 1), "no memory");
    CHECK(sweep(&t, t.n - 1, INPUTS, &s) && s.n_chunks == 0, "a sweep of zeros took %zu chunks", s.n_chunks);
    da_adjoints_free(&s);
    da_adjoints_free(&s); /* twice does no harm */
    da_tape_free(&t);
}

/* Seeds the last nodes and sweeps past the arrays; how it ended. */
static int64_t attempt(const da_tape *t, int lanes) {
    da_adjoints s;
    int64_t end = t->n;
    if (da_adjoints_init(&s, 0, end - 1, lanes)) end = DA_NO_MEMORY;
    for (int64_t i = end - 1; i > t->n - t->n / 16 && end != DA_NO_MEMORY; i--) {
        double *g = da_adjoint(&s, i);
        if (g) g[lanes - 1] = 1;
        else end = DA_NO_MEMORY;
    }
    while (end >= INPUTS) end = da_reverse(t, end - 1, INPUTS, &s, NULL);
    da_adjoints_free(&s);
    return end;
}

static void test_failures(uint32_t n, int lanes, int fewest) {
    da_tape t;
    make(&t, n, BLOCK, 1); /* all anywhere */
    int64_t end = DA_NO_MEMORY;
    int failed = -1;
    while (end == DA_NO_MEMORY) {
        alloc_count = 0, alloc_fail_at = ++failed + 1;
        end = attempt(&t, lanes);
        alloc_fail_at = 0;
        CHECK(end == DA_NO_MEMORY || end == INPUTS - 1, "ended at %d", (int)end);
        CHECK(attempt(&t, lanes) == INPUTS - 1, "no sweep after the failure of allocation %d", failed + 1);
    }
    CHECK(failed >= fewest, "only %d allocations could fail", failed);
    da_tape_free(&t);
}

int main(void) {
    da_ops_init();
    test_long_tapes();
    test_many_lanes();
    test_memory();
    test_failures(50, 1, 1);
    test_failures(2 * DA_CHUNK, 1, 1);
    test_failures(DA_CHUNK, 40, 4);
    return check_end("adjoint");
}
