/* The lane interpreter: elementwise programs over a domain, in blocks of lanes that stay in L1, one dispatch per micro-
 * operation and block. One machine for three uses: fused array chains with broadcasting and the reductions that consume them
 * (da_region), re-rolled scalar programs (da_group, da_scalar), and batches: a region whose domain is the samples and whose
 * operands have the stride of a sample.
 *
 * Same bits: the result for an element depends on the values of its operands alone. Not on its position, the size of the
 * domain, block boundaries or threads; and it is the same in a region, a group and scalar code. Inexact functions therefore
 * run on whole vectors only.
 *
 * Nothing here is global; a prepared program is immutable and may run in many threads at once, each with its own scratch. */
#ifndef DA_LANES_H
#define DA_LANES_H
#include "da_ops.h"

/* ---- codes: the table operations 0..DA_N_OPS-1 (dst = op(a, b)), then these; groups and scalar code know them too ---- */
#define LANE1(NAME, value) DA_L_##NAME,
#define LANE2 LANE1
#define LANE3 LANE1
enum {
    DA_L_FIRST = DA_N_OPS - 1,
#include "da_lanes_codes.inc"          /* DA_L_AND ... DA_L_SELECT, DA_L_MULADD ...: dst = code(a, b, c) */
    DA_L_VALUES,                       /* codes below this one have a value for each element */
    DA_L_LOAD = DA_L_VALUES,           /* register dst <- operand */
    DA_L_STORE,                        /* operand <- register a */
    DA_L_REDUCE,                       /* register a into reduction `operand` of the region; in a group: one number from a */
    DA_L_SCALARS,                      /* groups only: scalar code, n da_scalars from a.offset on */
    DA_L_N
};
#undef LANE1
#undef LANE2
#undef LANE3
/* Number of register operands of a value code: 1, 2 or 3. */
int da_lanes_arity(int code);
const char *da_lanes_name(int code);

/* ---- memory ---- */
/* Of elements in memory; registers: DA_T_F64 or DA_T_F32. */
typedef enum { DA_T_F64, DA_T_F32, DA_T_BOOL, DA_T_I64, DA_T_I32, DA_T_N } da_type;
enum { DA_MAX_DIMS = 8 };

/* A buffer bound for a run: aligned to its element size. Different buffers must not overlap. */
typedef struct {
    void *data;
    size_t bytes;
} da_span;

/* Where element i[0], ..., i[ndim-1] of the domain stands: buffer[offset + sum stride[d] * i[d]], in elements of `type`; a
 * stride of 0 broadcasts. With an index list (index_buffer >= 0): buffer[offset + list[index_offset + sum stride[d] *
 * i[d]]], the list being int32 or int64 (index_type). A stored element must not be written twice, nor read by another
 * element. A buffer that is both loaded and stored is read at the LOAD: registers keep the old values. Loading converts to
 * the register's type (bool: 0 or 1); storing converts back (bool: != 0; integers: truncation, INT64_MIN where that cannot
 * be). */
typedef struct {
    int32_t buffer, index_buffer; /* index_buffer -1: none */
    uint8_t type, index_type;
    int64_t offset, index_offset;
    int64_t stride[DA_MAX_DIMS];
} da_operand;

/* ---- regions ---- */
typedef struct {
    uint16_t code, dst, a, b, c, unused;
    int32_t operand; /* of LOAD and STORE; the reduction of REDUCE */
} da_micro;

_Static_assert(sizeof(da_micro) == 16, "a micro-operation is 16 bytes");

/* A value that is the same for all elements: `value`, or element `offset` of an operand's buffer (its strides do not count).
 * Costs neither L1 nor a load per element. */
typedef struct {
    double value;
    int32_t operand; /* -1: `value` */
} da_splat;

typedef enum { DA_SUM, DA_PROD, DA_MAX, DA_MIN, DA_N_REDUCTIONS } da_reduction_op; /* MAX and MIN pass a NaN on */
/* Result k goes to element offset + k * stride[0] of the operand. An empty sum is 0, an empty product 1, an empty MAX -inf, MIN
 * inf. Of equal zeros with different signs MAX and MIN give one, the same in every run.
 *
 * Order of the sum of n values x (products likewise), fixed by n alone: leaves of DA_LEAF consecutive values; within a leaf 16
 * partial sums p[j] = x[j] + x[16 + j] + x[32 + j] + ... from left to right, then p[j] += p[j + 8] (j < 8), p[j] += p[j + 4]
 * (j < 4), 2, 1, where both exist; then the leaves pairwise: (0, 1), (2, 3), ... level by level, an odd last one passing up.
 * DA_AXIS_FIRST: rows within a group of DA_LEAF rows from top to bottom, then the groups pairwise as above. */
typedef struct {
    int32_t op, operand;
} da_reduction;
enum { DA_LEAF = 128 };

/* Which elements a reduction takes together, the domain seen as rows x columns: the last n_inner dimensions are the columns. */
typedef enum {
    DA_AXIS_ALL,  /* all: one result */
    DA_AXIS_LAST, /* the elements of a row: one result a row */
    DA_AXIS_FIRST /* the elements of a column: one result a column */
} da_axis;

/* An elementwise program. Register numbers: 0..n_regs-1 are blocks of lanes; n_regs + k is splat k (never a dst). Operands
 * may be the dst of the same micro-operation. `shape` and the offsets and strides of operands may change between runs. */
typedef struct {
    uint8_t type;                /* of the registers: DA_T_F64 or DA_T_F32 */
    uint8_t ndim, n_inner, axis; /* axis, n_inner: of all reductions of the region */
    uint8_t by_kernels;          /* no machine code, whatever the processor */
    int32_t n_regs, n_micros, n_operands, n_splats, n_reductions;
    int64_t shape[DA_MAX_DIMS];
    const da_micro *micros;
    const da_operand *operands;
    const da_splat *splats;
    const da_reduction *reductions;
} da_region;

typedef enum {
    DA_LANES_OK,
    DA_LANES_CODE,     /* unknown code, type, axis or reduction */
    DA_LANES_REGISTER, /* register or bank position out of range, or read before it is written */
    DA_LANES_OPERAND,  /* number of an operand, reduction or buffer out of range; a misaligned or missing buffer; a reduction
                        * made twice or not at all */
    DA_LANES_SHAPE,    /* dimensions out of range, negative, or more than 2^62 elements */
    DA_LANES_BOUNDS,   /* an operand reaches outside its buffer */
    DA_LANES_INDEX,    /* an index list does */
    DA_LANES_WRITES,   /* a store that writes an element twice (stride 0) */
    DA_LANES_MEMORY    /* out of memory */
} da_lanes_status;
const char *da_lanes_error(da_lanes_status status);

/* Verifies a region from an untrusted source, buffers included; index lists are read. What passes runs without touching
 * memory outside the buffers. `micros` etc. must be as long as n_micros says. */
da_lanes_status da_region_check(const da_region *region, const da_span *spans, int n_spans);
/* The part that depends on shape, operands and buffers: for a region that was checked before and got other ones. */
da_lanes_status da_region_check_operands(const da_region *region, const da_span *spans, int n_spans);

/* A region's micro-operations made ready to run. NULL when out of memory. Keeps no pointer into the region. */
typedef struct da_lanes da_lanes;
da_lanes *da_lanes_new(const da_region *region);
void da_lanes_free(da_lanes *lanes);

/* Bytes of scratch of one running thread, and of the partial results of one run (0 without reductions); both aligned to 64
 * by the caller. */
size_t da_lanes_scratch(const da_lanes *lanes);
size_t da_lanes_partials(const da_lanes *lanes, const da_region *region);
/* Units of work (0 for an empty domain), and elements of the domain in one unit, at most 128 * DA_LANES_MAX_BLOCK. Work of a
 * unit: elements times micro-operations, 0.1 to 0.5 ns each, 1 ns for a transcendental function. */
int64_t da_lanes_units(const da_lanes *lanes, const da_region *region);
int64_t da_lanes_unit_size(const da_lanes *lanes, const da_region *region);
enum { DA_LANES_MAX_BLOCK = 2048 };

/* Runs units first..last-1. Ranges may run in any order and in several threads (same `partials`, own `scratch`). */
void da_lanes_run(const da_lanes *lanes, const da_region *region, const da_span *spans, int64_t first, int64_t last,
                  void *scratch, void *partials);
/* Micro-operations that run as machine code. */
int32_t da_lanes_joined(const da_lanes *lanes);
/* Whether the buffer of a stored operand may be that of a loaded one, element by element: each is read before it is written. For
 * regions whose operands all step through memory alike. */
int da_lanes_may_overwrite(const da_lanes *lanes, int32_t loaded, int32_t stored);
/* After all units have run: combines partial results and stores those of reductions. Uses up `partials`. */
void da_lanes_finish(const da_lanes *lanes, const da_region *region, const da_span *spans, void *partials);

/* ---- scalar code: bank[dst] = code(bank[a], bank[b], bank[c]) ---- */
enum {
    /* Added to the code, one at most. */
    DA_L_F32 = 256,      /* operands and result are floats kept in doubles, computed in single precision */
    DA_L_PACK = 512,     /* DA_PACK lanes: bank[dst + i] = code(bank[a + i], bank[b + i], bank[c + i]) */
    DA_L_GATHERED = 768, /* the same with a position for each lane: DA_PACK of `a`, then those of `b`, then those of `c` */
    /* Added to the code of a pack too: `a` is what the pack before has written, which is still in registers. The position is
     * there all the same. Sums and products only: see da_lanes_chained.inc. */
    DA_L_CHAINED = 1024,
    DA_PACK = 4
};
/* An instruction. A gathered pack goes on in the memory of the next ones: see da_scalar_form. */
typedef struct {
    int32_t code, dst, a, b, c;
} da_scalar;

/* How an instruction is laid out. It writes `lanes` positions from dst on. From `a` on stand n_positions of operands, each the
 * first of `width`; the next instruction stands `slots` da_scalars further on. A pack reads no position that it writes. */
typedef struct {
    int32_t op, lanes, width, n_positions, slots; /* slots 0: there is no such code */
    int32_t chained;
} da_scalar_form;
da_scalar_form da_scalar_form_of(int32_t code);
static inline int32_t *da_scalar_positions(const da_scalar *s) { return (int32_t *)s + 2; }

/* Arithmetic inline; what is not EXACT through the vector kernels, so that the bits are those of lanes. n counts da_scalars. */
void da_scalar_run(const da_scalar *code, size_t n, double *bank);
da_lanes_status da_scalar_check(const da_scalar *code, size_t n, int64_t bank_size);

/* ---- lane groups of a re-rolled scalar program: one code on n consecutive values of a bank of doubles ---- */
typedef enum { DA_LANE_VALUE, DA_LANE_AFFINE, DA_LANE_INDEXED } da_lane_kind;
enum { DA_LANE_BANK = -1, DA_WHOLE = 8 }; /* DA_WHOLE: doubles of a whole vector of any instruction set */
/* Element i of an operand: `value`; buffer[offset + i * stride]; or buffer[list[offset + i]]. Buffer DA_LANE_BANK: the bank. */
typedef struct {
    union {
        double value;
        int64_t offset;
    };
    int32_t stride;
    int16_t buffer;
    uint8_t kind, type; /* type: of the buffer's elements; DA_T_F64 for the bank */
} da_lane;

/* dst[i] = code(a[i], b[i], c[i]), 0 <= i < n; dst is affine or indexed, in the bank or (results) in a buffer. Operands must
 * not overlap dst, unless equal to it. DA_L_REDUCE: dst[0] = reduction `op` of a[0..n-1], in the order above. DA_L_SCALARS:
 * runs the scalar code in the n da_scalars from a.offset on. */
typedef struct {
    uint16_t code, op;
    int32_t n;
    da_lane dst, a, b, c;
} da_group;

/* What a list of groups refers to. */
typedef struct {
    double *bank;
    int64_t bank_size;
    const da_span *spans; /* buffers */
    int32_t n_spans;
    const int32_t *lists; /* index lists, one after the other */
    int64_t n_lists;
    const da_scalar *scalars;
    int64_t n_scalars;
    const struct da_machine_code *code; /* of joined groups: see da_machine_scalars.h */
} da_groups;

void da_groups_run(const da_group *groups, size_t n, const da_groups *env);
/* Verifies groups, the scalar code and the index lists they use. */
da_lanes_status da_groups_check(const da_group *groups, size_t n, const da_groups *env);

/* Sum, product, maximum or minimum of n doubles in the documented order. */
double da_lanes_reduce(int op, const double *x, int64_t n);
#endif
