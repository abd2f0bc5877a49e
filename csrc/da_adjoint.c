/* Memory of the adjoints. */
#include "da_adjoint.h"
#include "da_memory.h"
#include <stdlib.h>
#include <string.h>

enum { FLAT_BITS = 62, BLOCK_BYTES = (int)sizeof(double) << DA_ROW_BITS };

static size_t block_bytes(const da_adjoints *s) { return ((size_t)s->lanes * sizeof(double)) << s->bits; }

/* Many lanes make shorter blocks. One that does not fit into a chunk becomes the only one. */
static int row_bits(int lanes) {
    int bits = DA_ROW_BITS;
    while (bits && ((size_t)lanes * sizeof(double)) << bits > BLOCK_BYTES) bits--;
    return (size_t)lanes * sizeof(double) > DA_CHUNK_BYTES ? FLAT_BITS : bits;
}

int da_adjoints_init(da_adjoints *s, int64_t lo, int64_t hi, int lanes) {
    memset(s, 0, sizeof *s);
    s->lo = lo;
    s->lanes = lanes;
    s->bits = row_bits(lanes);
    size_t n_blocks = (size_t)((hi - lo) >> s->bits) + 1;
    s->n_blocks = (int64_t)n_blocks;
    if (n_blocks == 1) {
        s->block = &s->only;
        s->only = calloc((size_t)(hi - lo + 1) * (size_t)lanes, sizeof(double));
        return s->only ? 0 : -1;
    }
    size_t n_chunks = n_blocks / (DA_CHUNK_BYTES / block_bytes(s)) + 1;
    s->block = calloc(n_blocks + n_chunks, sizeof(void *));
    if (!s->block) return -1;
    s->chunks = (void **)(s->block + n_blocks);
    return 0;
}

void da_adjoints_free(da_adjoints *s) {
    for (size_t k = 0; k < s->n_chunks; k++) da_chunk_free(s->chunks[k]);
    free(s->only);
    if (s->block != &s->only) free(s->block);
    memset(s, 0, sizeof *s);
}

static double *carve(da_adjoints *s) {
    size_t bytes = block_bytes(s);
    if (s->left < bytes) {
        char *chunk = da_chunk_new(s->n_chunks > 0);
        if (!chunk) return NULL;
        s->chunks[s->n_chunks++] = s->next = chunk;
        s->left = DA_CHUNK_BYTES;
    }
    double *b = (double *)s->next;
    s->next += bytes;
    s->left -= bytes;
    return b;
}

double *da_adjoints_block(da_adjoints *s, int64_t k) {
    double *b = s->spare;
    if (b) memcpy(&s->spare, b, sizeof(double *));
    else if (!(b = carve(s))) return NULL;
    return s->block[k] = memset(b, 0, block_bytes(s));
}

int da_adjoints_enter(da_adjoints *s, int64_t node) {
    int64_t k = (node - s->lo) >> s->bits;
    double *used = k + 1 < s->n_blocks ? s->block[k + 1] : NULL;
    if (used) {
        memcpy(used, &s->spare, sizeof(double *));
        s->spare = used;
        s->block[k + 1] = NULL;
    }
    return s->block[k] != NULL;
}
