/* The adjoints of a reverse sweep: a row of `lanes` doubles a node, in blocks that stay in the cache. A block exists from the first
 * contribution to one of its nodes until the sweep has passed it, then serves another one: a long tape whose operands are near costs
 * a few blocks, not one double a node. */
#ifndef DA_ADJOINT_H
#define DA_ADJOINT_H
#include <stddef.h>
#include <stdint.h>

enum { DA_ROW_BITS = 12 }; /* a block of one lane: 4096 nodes, 32 KB */

typedef struct {
    double **block;    /* by (node - lo) >> bits; NULL: all zero */
    int64_t lo;        /* the first node */
    int64_t n_blocks;
    int bits, lanes;
    double *only;      /* the block of a small sweep, which needs no more */
    double *spare;     /* blocks to be used again, linked through their first bytes */
    char *next;        /* the rest of the newest chunk, and how many bytes that is */
    size_t left;
    void **chunks;
    size_t n_chunks;
} da_adjoints;

/* All zero, for nodes lo..hi. 0, or -1 when out of memory; da_adjoints_free is right then, too, and on a zeroed struct. */
int da_adjoints_init(da_adjoints *s, int64_t lo, int64_t hi, int lanes);
void da_adjoints_free(da_adjoints *s);
/* Makes block k; the block, or NULL when out of memory. */
double *da_adjoints_block(da_adjoints *s, int64_t k);
/* The sweep has come down to `node`: the block above has been used up. False when the block of `node` is all zero. */
int da_adjoints_enter(da_adjoints *s, int64_t node);

/* The row of row number j = node - lo, to add to; NULL when out of memory. `bits` and `lanes` are those of `s`. */
static inline double *da_adjoints_row(da_adjoints *s, int64_t j, int bits, int lanes) {
    double *b = s->block[j >> bits];
    if (!b && !(b = da_adjoints_block(s, j >> bits))) return NULL;
    return b + (j & (((int64_t)1 << bits) - 1)) * lanes;
}

/* The adjoints of a node, to read or to add to; NULL when out of memory. */
static inline double *da_adjoint(da_adjoints *s, int64_t node) { return da_adjoints_row(s, node - s->lo, s->bits, s->lanes); }
#endif
