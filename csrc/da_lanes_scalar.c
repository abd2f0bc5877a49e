/* Scalar code on a bank of doubles. */
#include "da_lanes_private.h"
#include <math.h>
#define EXACT DA_EXACT
#define STEP DA_STEP
#define HOLO DA_HOLO

#define T float
#define SFX f
#define M(fn) fn##f
#define LABELS_BEFORE [0 ... DA_L_F32 - 1] = &&other,
#define LABELS_AFTER
#include "da_numeric.inc"
#include "da_lanes_scalar.inc"
#undef T
#undef SFX
#undef M

#define T double
#define SFX d
#define M(fn) fn
#define LABELS_BEFORE
#define LABELS_AFTER [DA_L_VALUES ... DA_L_F32 + DA_L_VALUES - 1] = &&other
#include "da_numeric.inc"
#include "da_lanes_scalar.inc"

void da_scalar_run(const da_scalar *code, size_t n, double *bank) {
    const da_scalar *end = code + n;
    while (code < end) {
        code = run_d(code, end, bank);
        code = run_f(code, end, bank);
    }
}
