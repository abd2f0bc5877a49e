/* What the files of the lane interpreter share. */
#ifndef DA_LANES_PRIVATE_H
#define DA_LANES_PRIVATE_H
#include "da_lanes.h"
#include "da_machine.h"

typedef void (*da_kernel_d)(size_t n, double *d, const double *a, const double *b, const double *c);
typedef void (*da_kernel_f)(size_t n, float *d, const float *a, const float *b, const float *c);
/* By code and splat operands (bits 1, 2, 4 for a, b, c); NULL: no such kernel. See da_lanes_kernels.inc. */
extern const da_kernel_d da_lane_kernels_d[DA_L_VALUES][8];
extern const da_kernel_f da_lane_kernels_f[DA_L_VALUES][8];
/* tanh and sech2 of one operand, which may be where tanh goes. */
typedef void (*da_pair_d)(size_t n, double *tanhs, double *sech2s, const double *a);
typedef void (*da_pair_f)(size_t n, float *tanhs, float *sech2s, const float *a);
extern const da_pair_d da_lane_tanh_sech2_d;
extern const da_pair_f da_lane_tanh_sech2_f;
enum {
    DA_L_BOTH = DA_L_N, /* tanh of a into d, sech2 of a into b */
    DA_L_STRETCH,       /* machine code, which begins at `operand` (of a group: a.offset) of the code */
    DA_L_DONE           /* computed elsewhere: taken out before anything runs (da_fuse_sums) */
};

#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#define DA_HAS_SHUFFLE 1 /* gcc from 12 on, and clang */
#endif
#endif

enum { DA_PAD = 16 }; /* blocks are padded to 16 lanes: a whole vector of floats of any instruction set */
enum { DA_NO_SLOT = -1, DA_BUNDLED = -1 };
enum { DA_MAX_FACTORS = 4, DA_MIN_RUN = 8, DA_MAX_RUNS = DA_LANES_MAX_BLOCK / DA_MIN_RUN, DA_RUN_COST = 16 };

/* Reductions beyond da_reduction_op. */
enum { DA_SUM_PRODUCTS = DA_N_REDUCTIONS, DA_SUM_SQUARES };

/* A micro-operation on slots (variant: which operands are splats; of STORE and REDUCE: whether zeros passed over are -0; of LOAD:
 * whether only a sum over rows reads it). A slot is a pointer to lanes: of a register block, a splat, or memory. */
typedef struct {
    uint16_t code, variant;
    int32_t d, a, b, c; /* LOAD and STORE: b is the number among the moves; REDUCE: of a and b, in the way c; a
                         * may be one row in memory if d, an operand, says so */
    int32_t operand;
} da_inst;

/* Slots: n_regs blocks, n_splats single values, n_filled blocks with a splat in all lanes (for codes without a kernel for it),
 * and n_named ones, each written once: by a LOAD or for a STORE, in memory where possible, else in a block of their own, and by an
 * operation that is done before its turn. What a STORE reads is named or filled, so that it is still there at the end of a tile. */
struct da_lanes {
    int32_t block; /* lanes: DA_LEAF * 2^k, so that a block is a whole subtree of a sum */
    int32_t n_insts, n_regs, n_splats, n_filled, n_named, n_moves, n_operands, n_reductions;
    int32_t n_factors, factors[DA_MAX_FACTORS]; /* operands that make all results zero where they are zero; see da_lanes_skip.c */
    uint8_t type, stores; /* whether there are stores */
    da_inst *insts;
    int32_t *filled; /* the splat in each filled block */
    int32_t *moves;  /* LOADs and STOREs, by kind, buffer and offset */
    uint8_t *shared; /* operand's buffer is both loaded and written: no slot or result may point into it */
    int32_t *ranks;  /* by operand, of a LOAD: when it is read last; of a STORE: when it is written; see da_lanes_may_overwrite */
    da_machine_code code;
    int32_t n_joined; /* micro-operations in it */
};

/* Slots that an instruction reads: the first so many of a, b, c. */
int da_slots_read(const da_inst *inst);
/* Lanes of a block where there are so many registers. */
int32_t da_block_for(const da_lanes *lanes, int32_t n_regs);
/* Fills in `ranks`; place[k]: where instruction k stands in the order (NULL: at k). */
void da_note_ranks(da_lanes *lanes, const int32_t *place);
/* Joins arithmetic to machine code as the last step of preparation. 0: there is none, and nothing has changed. */
int da_join(da_lanes *lanes);

/* Lanes from one block to the next: a cache line more than a block, or lane i of all blocks would stand in the same few sets of
 * L1, and bundles, which pass through many blocks at once, would find nothing there. */
static inline size_t da_apart(const da_lanes *l) { return (size_t)l->block + (l->type == DA_T_F64 ? 8 : 16); }

static inline int32_t da_first_named(const da_lanes *l) { return l->n_regs + l->n_splats + l->n_filled; }

/* The domain cut into units. A block is `rows` whole rows, or a part of one row. */
typedef struct {
    /* segments: of a row, each of `width` columns; groups: of DA_LEAF rows (DA_AXIS_FIRST) */
    int64_t rows, cols, rows_per_block, width, segments, groups, units;
} da_tiles;
da_tiles da_tiles_of(const da_lanes *lanes, const da_region *region);
/* Partial results of each reduction. */
int64_t da_tiles_partials(const da_tiles *tiles, int axis);

/* Elements of memory, by position or by an index list of positions. */
typedef struct {
    char *base;
    const void *list; /* NULL: none */
    uint8_t type, index_type;
} da_place;

/* An operand with its buffer: dimensions, all or the inner ones, merged where its strides allow. */
typedef struct {
    da_place place;
    int64_t after; /* elements of the buffer from `place` on */
    int64_t shape[DA_MAX_DIMS], stride[DA_MAX_DIMS];
    uint8_t ndim, shared;
    uint8_t loaded, one_row; /* once for all tiles; as the row that all rows of a tile are */
} da_bound;
/* Dimensions from `first` on. */
void da_bind(da_bound *bound, const da_region *region, int operand, const da_span *spans, int first);

/* A walk through the elements of a domain: `run` positions from pos on, one `stride` of the last dimension apart, then the next
 * piece. */
typedef struct {
    int64_t i[DA_MAX_DIMS], pos, run;
} da_cursor;
void da_cursor_at(da_cursor *c, const da_bound *b, int64_t start);
static inline void da_cursor_next(da_cursor *c, const da_bound *b) {
    int last = b->ndim - 1, k = last;
    c->pos -= c->i[last] * b->stride[last], c->i[last] = 0, c->run = b->shape[last];
    while (--k >= 0) {
        c->pos += b->stride[k];
        if (++c->i[k] < b->shape[k]) return;
        c->pos -= b->stride[k] * b->shape[k], c->i[k] = 0;
    }
}
int da_type_size(int type);

/* The bytes of the parts of scratch, in order; the blocks follow. */
typedef struct {
    size_t slots, bounds, bundles, splats, spills, total;
} da_layout;
da_layout da_layout_of(const da_lanes *lanes);

/* Lets sums of a translated region compute products and squares that nobody else reads. */
void da_fuse_sums(da_lanes *lanes, const da_region *region);
/* Finds the factors of a region that is translated. */
void da_find_factors(da_lanes *lanes, const da_region *region);

void da_lanes_run_d(const da_lanes *lanes, const da_region *region, const da_span *spans, int64_t first, int64_t last,
                    char *scratch, double *partials);
void da_lanes_run_f(const da_lanes *lanes, const da_region *region, const da_span *spans, int64_t first, int64_t last,
                    char *scratch, float *partials);
void da_lanes_finish_d(const da_lanes *lanes, const da_region *region, const da_span *spans, double *partials);
void da_lanes_finish_f(const da_lanes *lanes, const da_region *region, const da_span *spans, float *partials);

/* Positions pos, pos + stride, ... (in the list, if there is one) to or from n lanes. */
void da_load_piece_d(double *d, const da_place *at, int64_t pos, int64_t stride, size_t n);
void da_store_piece_d(const double *x, const da_place *at, int64_t pos, int64_t stride, size_t n);
double da_reduce_d(int op, const double *x, size_t n);
void da_load_piece_f(float *d, const da_place *at, int64_t pos, int64_t stride, size_t n);
void da_store_piece_f(const float *x, const da_place *at, int64_t pos, int64_t stride, size_t n);
float da_reduce_f(int op, const float *x, size_t n);
#endif
