/* The tape: a flat, chunked list of nodes. Chunks never move, so growth copies nothing. */
#ifndef DA_TAPE_H
#define DA_TAPE_H
#include "da_adjoint.h"
#include "da_ops.h"

/* Node flags; a constant operand's value is in c. DA_LIBM: the value is the C library's, as Python's operators and `math` have it,
 * not NumPy's, which may differ in the last bit. */
enum { DA_A_CONST = 1, DA_B_CONST = 2, DA_F32 = 4, DA_LIBM = 8 };
enum { DA_CHUNK_BITS = 16, DA_CHUNK = 1 << DA_CHUNK_BITS };
#define DA_MAX_NODES UINT32_MAX
enum { DA_NO_MEMORY = -2 }; /* what a sweep that runs out of it returns */

typedef struct {
    double v;      /* value */
    double c;      /* value of the constant operand, if any */
    uint32_t a, b; /* operand nodes */
    uint16_t op, flags;
    uint32_t aux;  /* DA_ELEM: flat offset; DA_ARRAY: record */
} da_node;

_Static_assert(sizeof(da_node) == 32, "a node is 32 bytes");

typedef struct {
    da_node *cur, *end; /* where the next node goes; equal when a chunk must be added */
    da_node **chunks;
    uint32_t n;         /* nodes */
    uint32_t n_chunks, cap_chunks;
    const void *owner;  /* token of the recording thread; NULL when recording has ended */
} da_tape;

/* An adjoint or tangent buffer of an array node: `lanes` rows of `size` doubles. */
typedef struct {
    double *p;
    int64_t size;
} da_buffer;

void da_tape_init(da_tape *t);
void da_tape_free(da_tape *t);
/* Adds a chunk; 0, or -1 when out of memory or nodes. Leaves the tape as it was on failure. */
int da_tape_grow(da_tape *t);
/* Forgets all nodes from `n` on. */
void da_tape_truncate(da_tape *t, uint32_t n);

static inline da_node *da_tape_at(const da_tape *t, uint32_t i) {
    return &t->chunks[i >> DA_CHUNK_BITS][i & (DA_CHUNK - 1)];
}

/* The next free node, or NULL when out of memory. */
static inline da_node *da_tape_push(da_tape *t) {
    if (t->cur == t->end && da_tape_grow(t)) return NULL;
    t->n++;
    return t->cur++;
}

/* Appends table operation `op`; returns the node's index, or -1 when out of memory. */
static inline int64_t da_tape_op(da_tape *t, int op, int flags, uint32_t a, uint32_t b, double c, double v) {
    da_node *d = da_tape_push(t);
    if (!d) return -1;
    *d = (da_node){v, c, a, b, (uint16_t)op, (uint16_t)flags, 0};
    return t->n - 1;
}

/* Numeric reverse sweep over nodes hi..stop: adds to the adjoints of operands from adj->lo on, and uses up those of the nodes that it
 * passes. Stops at what it cannot do and returns that node: an array node, or a DA_ELEM of an array without a buffer in `bufs` (by
 * record). Returns stop - 1 at the end, or DA_NO_MEMORY. */
int64_t da_reverse(const da_tape *t, int64_t hi, int64_t stop, da_adjoints *adj, const da_buffer *bufs);

/* Numeric forward sweep over nodes lo..hi: tan[(i - base) * lanes + k] is the tangent of node i for seed k. Stops as da_reverse does;
 * returns hi + 1 at the end. */
int64_t da_forward(const da_tape *t, int64_t lo, int64_t hi, int64_t base, double *tan, int lanes, const da_buffer *bufs);

/* True when a scalar node in [lo, hi] has an operand below lo: the recording depends on something outside it. */
int da_depends_below(const da_tape *t, int64_t lo, int64_t hi);

/* The scalar adjoint of an emitting sweep: nothing (an exact zero), a constant, or a node. */
typedef struct {
    double c;
    uint32_t node;
    uint32_t kind;
} da_ref;
enum { DA_REF_NONE, DA_REF_CONST, DA_REF_NODE };

/* Emitting reverse sweep over nodes hi..lo: appends the adjoint computation to the tape; adj[i - lo] is the adjoint of node i. Returns
 * the node it stops at (array nodes, and every DA_ELEM with a nonzero adjoint), lo - 1 at the end, or DA_NO_MEMORY. */
int64_t da_emit_reverse(da_tape *t, int64_t hi, int64_t lo, da_ref *adj);
/* adj += ref on the tape. 0, or -1 when out of memory. */
int da_emit_add(da_tape *t, da_ref *adj, da_ref ref);
#endif
