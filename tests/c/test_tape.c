/* The tape's memory: growth without moving, truncation, reuse, and every allocation failing once. */
#include "check.h"
#include "da_memory.h"
#include "program.h"
#include <string.h>

static void push_many(da_tape *t, uint32_t n) {
    for (uint32_t k = 0; k < n; k++) da_tape_op(t, DA_INPUT, 0, 0, 0, 0, t->n);
}

static int holds_counter(const da_tape *t) {
    for (uint32_t k = 0; k < t->n; k++)
        if (da_tape_at(t, k)->v != k) return 0;
    return 1;
}

static void test_growth(void) {
    da_tape t;
    da_tape_init(&t);
    CHECK(t.n == 0 && t.n_chunks == 0, "a new tape holds nothing");
    push_many(&t, 1);
    const da_node *first = da_tape_at(&t, 0);
    push_many(&t, 10 * DA_CHUNK);
    CHECK(da_tape_at(&t, 0) == first, "growth moved a node");
    CHECK(t.n == 10 * DA_CHUNK + 1 && t.n_chunks == 11, "%u nodes in %u chunks", t.n, t.n_chunks);
    CHECK(holds_counter(&t), "a node changed");
    da_tape_free(&t);
    CHECK(t.n == 0 && t.chunks == NULL, "freed");
    da_tape_free(&t); /* twice does no harm */
}

static void test_truncate(void) {
    static const uint32_t lengths[] = {3 * DA_CHUNK + 5, 3 * DA_CHUNK, 3 * DA_CHUNK - 1, DA_CHUNK + 1, DA_CHUNK, 7, 1, 0};
    da_tape t;
    da_tape_init(&t);
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        push_many(&t, 4 * DA_CHUNK - t.n);
        da_tape_truncate(&t, lengths[k]);
        CHECK(t.n == lengths[k] && t.n_chunks == (lengths[k] + DA_CHUNK - 1) / DA_CHUNK, "%u nodes, %u chunks", t.n, t.n_chunks);
        push_many(&t, 2);
        CHECK(t.n == lengths[k] + 2 && holds_counter(&t), "recording after truncation to %u", lengths[k]);
    }
    da_tape_free(&t);
}

/* A big tape gives its memory back but for a few chunks, which the next one uses. */
static void test_reuse(void) {
    da_tape t;
    long before = alloc_live;
    da_tape_init(&t);
    push_many(&t, 20 * DA_CHUNK);
    da_tape_free(&t);
    CHECK(alloc_live - before <= 3, "%ld allocations are kept", alloc_live - before);
    CHECK(mapped_live <= 3 * DA_CHUNK_BYTES, "%zu bytes are kept", mapped_live);
    long count = alloc_count;
    push_many(&t, DA_CHUNK);
    CHECK(alloc_count - count == 1, "a small tape after a big one allocated %ld times", alloc_count - count);
    da_tape_free(&t);
    da_tape_init(&t);
    push_many(&t, 1);
    da_tape t2;
    da_tape_init(&t2);
    push_many(&t2, 1);
    CHECK(da_tape_at(&t, 0) != da_tape_at(&t2, 0), "two tapes share a chunk");
    da_tape_free(&t);
    da_tape_free(&t2);
}

static void test_failing_growth(void) {
    int failed = 1;
    for (long k = 1; failed; k++) {
        da_tape t;
        da_tape_init(&t);
        alloc_count = 0, alloc_fail_at = k;
        failed = 0;
        while (t.n < 20u * DA_CHUNK && !failed) failed = da_tape_op(&t, DA_INPUT, 0, 0, 0, 0, t.n) < 0;
        alloc_fail_at = 0;
        uint32_t n = t.n;
        CHECK(holds_counter(&t), "failure of allocation %ld broke the tape", k);
        push_many(&t, DA_CHUNK + 1);
        CHECK(t.n == n + DA_CHUNK + 1 && holds_counter(&t), "no recording after the failure of allocation %ld", k);
        da_tape_free(&t);
        CHECK(k < 100, "the failures do not end");
    }
}

/* x = x*x + 1, over and over: its adjoint needs several nodes a step, so that the emitting sweep must add chunks. */
static void record(da_tape *t, uint32_t n) {
    da_tape_op(t, DA_INPUT, 0, 0, 0, 0, 0.5);
    while (t->n < n) {
        double v = da_tape_at(t, t->n - 1)->v;
        da_tape_op(t, DA_mul, 0, t->n - 1, t->n - 1, 0, v * v);
        da_tape_op(t, DA_sub, DA_B_CONST, t->n - 1, 0, 0.25, v * v - 0.25);
    }
}

static void test_failing_emission(void) {
    static da_ref adj[3 * DA_CHUNK];
    int64_t end = -2;
    for (long k = 1; end == -2; k++) {
        da_tape t;
        da_tape_init(&t);
        record(&t, 2 * DA_CHUNK + 1);
        uint32_t n = t.n;
        memset(adj, 0, sizeof adj);
        adj[n - 1] = (da_ref){1, 0, DA_REF_CONST};
        alloc_count = 0, alloc_fail_at = k;
        end = da_emit_reverse(&t, n - 1, 0, adj);
        alloc_fail_at = 0;
        CHECK(end == -1 || end == -2, "ended at %d", (int)end);
        CHECK(t.n_chunks == (t.n + DA_CHUNK - 1) / DA_CHUNK, "%u nodes in %u chunks", t.n, t.n_chunks);
        da_tape_truncate(&t, n);
        memset(adj, 0, sizeof adj);
        adj[n - 1] = (da_ref){1, 0, DA_REF_CONST};
        CHECK(da_emit_reverse(&t, n - 1, 0, adj) == -1, "no sweep after the failure of allocation %ld", k);
        da_tape_free(&t);
        CHECK(k < 100, "the failures do not end");
    }
}

int main(void) {
    da_ops_init();
    test_growth();
    test_truncate();
    test_reuse();
    test_failing_growth();
    test_failing_emission();
    return check_end("tape");
}
