/* Scalar code on a bank of doubles. */
#include "da_lanes_private.h"
#include <math.h>
#include <string.h>
#define EXACT DA_EXACT
#define STEP DA_STEP
#define HOLO DA_HOLO

da_scalar_form da_scalar_form_of(int32_t code) {
    da_scalar_form f = {.op = code & 255, .lanes = 1, .width = 1, .slots = 1};
    if (code < 0 || code >> 10 || f.op >= DA_L_VALUES) return f.slots = 0, f;
    f.n_positions = da_lanes_arity(f.op);
    if (code >= DA_L_PACK) f.lanes = f.width = DA_PACK;
    if (code < DA_L_GATHERED) return f;
    enum { INTS = sizeof(da_scalar) / sizeof(int32_t) };
    f.width = 1, f.n_positions *= DA_PACK, f.slots = (2 + f.n_positions + INTS - 1) / INTS;
    return f;
}

#define T float
#define SFX f
#define M(fn) fn##f
#define FIRST DA_L_F32
#define OTHERS [0 ... DA_L_VALUES - 1] = &&other, [DA_L_PACK ... DA_L_GATHERED + DA_L_VALUES - 1] = &&other,
#include "da_numeric.inc"
#include "da_lanes_scalar.inc"
#undef T
#undef SFX
#undef M

#define T double
#define SFX d
#define M(fn) fn
#define FIRST 0
#define OTHERS [DA_L_F32 ... DA_L_F32 + DA_L_VALUES - 1] = &&other,
#define PACKS
#include "da_numeric.inc"
#include "da_lanes_scalar.inc"

void da_scalar_run(const da_scalar *code, size_t n, double *bank) {
    const da_scalar *end = code + n;
    while (code < end) {
        code = run_d(code, end, bank);
        code = run_f(code, end, bank);
    }
}
