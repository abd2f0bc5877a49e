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
    DA_KEPT_NOWHERE, /* it is made and read in one stretch only */
    DA_KEPT_BLOCK,   /* block number `at` */
    DA_KEPT_SLOT,    /* where slot `at` points to */
    DA_KEPT_SPLAT    /* splat number `at`: the same for all lanes */
} da_kept;

typedef struct {
    da_kept kept;
    int32_t at;
} da_machine_value;

/* value d = code(value x[0], ...) */
typedef struct {
    int32_t code, d, x[3];
} da_machine_op;

/* Operations first..first + n - 1, which become a function. */
typedef struct {
    int32_t first, n;
    int32_t entry; /* filled in: where it begins, in bytes of the code */
} da_stretch;

typedef struct {
    void *memory; /* executable */
    size_t bytes;
    int32_t n_spills; /* vectors that a run needs, at 32 bytes */
} da_machine_code;

/* Whether this processor runs machine code and the system maps it. */
int da_machine_works(void);
/* Whether this processor runs machine code, and there is some for an operation (of da_lanes.h, below DA_L_VALUES). */
int da_machine_runs(void);
int da_machine_has(int code);

/* Writes the code of all stretches, for blocks that are `apart` bytes from one another; `single`: of floats. 0 when that
 * cannot be: then nothing is kept. */
int da_machine_write(da_machine_code *code, da_stretch *stretches, int32_t n, const da_machine_op *ops,
                     const da_machine_value *values, int32_t n_values, size_t apart, int single);
void da_machine_free(da_machine_code *code);

/* Runs a stretch on `bytes` of lanes, whole vectors of 32 bytes. */
void da_machine_run(const da_machine_code *code, int32_t entry, void *blocks, const void *splats, void *slots, size_t bytes,
                    void *spills);
#endif
