/* Machine code for stretches: runs of arithmetic whose inner values stay in vector registers. A kernel reads its operands from
 * the cache and writes its result back, 0.2 ns a lane; inside a stretch an operation costs an instruction for a whole vector, a
 * third of that. The instructions are those of IEEE 754, one for each operation and without contraction, so the bits are those of the
 * kernels. x86-64 with AVX2; elsewhere, and where the system maps no executable memory, the kernels do everything. */
#ifndef DA_MACHINE_H
#define DA_MACHINE_H
#include <stddef.h>
#include <stdint.h>

/* Where a value is kept outside of registers. */
typedef enum {
    DA_KEPT_NOWHERE,     /* it is made and read in one stretch only */
    DA_KEPT_BLOCK,       /* block number `at` */
    DA_KEPT_SLOT,        /* where slot `at` points to */
    DA_KEPT_SPLAT,       /* splat number `at`: the same for all lanes */
    DA_KEPT_CONSTANT,    /* constant number `at`, likewise */
    DA_KEPT_BUFFER,      /* double `at` of where slot `slot` points to */
    DA_KEPT_BUFFER_SPLAT /* likewise, the same for all lanes */
} da_kept;

/* Lanes of an operation or a value: whole vectors, two or one double; one that is rounded to single precision. */
typedef enum { DA_FORM_WHOLE, DA_FORM_TWO, DA_FORM_ONE, DA_FORM_SINGLE } da_form;

typedef struct {
    da_kept kept;
    int32_t at, slot;
    da_form form;
    int stays; /* read as this value only: written where it is kept if its register is needed before the last of them has read it */
} da_machine_value;

/* Codes of operations that only move doubles, beside the value codes of da_lanes.h. */
enum {
    DA_MOVE_PERMUTE = 1024, /* lanes of x[0], in the order that `immediate` says */
    DA_MOVE_BLEND,          /* lanes of x[0], of x[1] where `immediate` has bits */
    DA_MOVE_TURN,           /* the upper half of x[0] and the lower one of x[1] */
    DA_MOVE_SHUFFLE,        /* in each half one lane of x[0] and one of x[1] */
    DA_MOVE_TWO,            /* two of one */
    DA_MOVE_JOIN,           /* a whole vector of two halves */
    DA_MOVE_ROUND           /* x[0] in single precision */
};

/* value d = code(value x[0], ...) */
typedef struct {
    int32_t code, d, x[3];
    da_form form;
    int32_t immediate; /* of moves */
} da_machine_op;

/* Operations first..first + n - 1, which become a function. */
typedef struct {
    int32_t first, n;
    int32_t entry; /* filled in: where it begins, in bytes of the code */
} da_stretch;

enum { DA_VECTOR_BYTES = 32 };

typedef struct da_machine_code {
    void *memory; /* executable */
    size_t bytes;
    int32_t n_spills; /* vectors that a run needs, at 32 bytes */
} da_machine_code;

/* Whether this processor runs machine code and the system maps it. */
int da_machine_works(void);
/* Whether this processor runs machine code, and there is some for an operation (of da_lanes.h, below DA_L_VALUES). */
int da_machine_runs(void);
int da_machine_has(int code);

/* What is written. */
typedef struct {
    da_stretch *stretches;
    const da_machine_op *ops;
    const da_machine_value *values;
    const double *constants;
    int32_t n_stretches, n_values, n_constants;
    size_t apart; /* bytes from one block to the next */
    int single;   /* of floats */
} da_machine_text;

/* Writes the code of all stretches. 0 when that cannot be: then nothing is kept. */
int da_machine_write(da_machine_code *code, const da_machine_text *text);
void da_machine_free(da_machine_code *code);

/* Runs a stretch on `bytes` of lanes, whole vectors of 32 bytes. */
void da_machine_run(const da_machine_code *code, int32_t entry, void *blocks, const void *splats, void *slots, size_t bytes,
                    void *spills);
#endif
