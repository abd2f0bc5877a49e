/* Memory of the tape. */
#include "da_memory.h"
#include "da_tape.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(da_node) * DA_CHUNK == DA_CHUNK_BYTES, "the nodes fill a chunk");

/* Chunks from this one on are huge pages: what the last one wastes is little then beside the rest. */
enum { HUGE_FROM = 16 };

void da_tape_init(da_tape *t) { memset(t, 0, sizeof *t); }

void da_tape_free(da_tape *t) {
    for (uint32_t k = 0; k < t->n_chunks; k++) da_chunk_free(t->chunks[k]);
    free(t->chunks);
    da_tape_init(t);
}

int da_tape_grow(da_tape *t) {
    if (t->n > DA_MAX_NODES - DA_CHUNK) return -1;
    if (t->n_chunks == t->cap_chunks) {
        uint32_t cap = t->cap_chunks ? 2 * t->cap_chunks : 8;
        da_node **p = realloc(t->chunks, cap * sizeof *p);
        if (!p) return -1;
        t->chunks = p;
        t->cap_chunks = cap;
    }
    da_node *c = da_chunk_new(t->n_chunks >= HUGE_FROM);
    if (!c) return -1;
    t->chunks[t->n_chunks++] = c;
    t->cur = c;
    t->end = c + DA_CHUNK;
    return 0;
}

void da_tape_truncate(da_tape *t, uint32_t n) {
    uint32_t keep = (n + DA_CHUNK - 1) >> DA_CHUNK_BITS;
    while (t->n_chunks > keep) da_chunk_free(t->chunks[--t->n_chunks]);
    t->n = n;
    t->cur = t->end = NULL;
    if (keep) {
        t->end = t->chunks[keep - 1] + DA_CHUNK;
        t->cur = t->end - ((size_t)keep * DA_CHUNK - n);
    }
}

int da_depends_below(const da_tape *t, int64_t lo, int64_t hi) {
    for (int64_t i = lo; i <= hi; i++) {
        const da_node *d = da_tape_at(t, (uint32_t)i);
        if (d->op == DA_ELEM ? d->a < lo
                             : d->op < DA_N_OPS && ((!(d->flags & DA_A_CONST) && d->a < lo) ||
                                                    (da_ops[d->op].arity == 2 && !(d->flags & DA_B_CONST) && d->b < lo)))
            return 1;
    }
    return 0;
}
