/* Scalar code on a bank of doubles. */
#include "da_lanes_private.h"
#include <math.h>
#include <string.h>
#define EXACT DA_EXACT
#define STEP DA_STEP
#define HOLO DA_HOLO

static int may_chain(int op) {
    switch (op) {
#define DO(name, code, ...) case code:
#define LANE3(NAME, E) case DA_L_##NAME:
#include "da_lanes_chained.inc"
#undef DO
#undef LANE3
        return 1;
    default: return 0;
    }
}

da_scalar_form da_scalar_form_of(int32_t code) {
    enum { INTS = sizeof(da_scalar) / sizeof(int32_t) };
    int32_t plain = code & ~DA_L_CHAINED;
    da_scalar_form f = {.op = plain & 255, .lanes = 1, .width = 1, .slots = 1, .chained = plain != code};
    if (plain < 0 || plain >= DA_L_CHAINED || f.op >= DA_L_VALUES) return f.slots = 0, f;
    if (f.chained && (plain < DA_L_PACK || !may_chain(f.op))) return f.slots = 0, f;
    f.n_positions = da_lanes_arity(f.op);
    if (plain >= DA_L_PACK) f.lanes = f.width = DA_PACK;
    if (plain >= DA_L_GATHERED) f.width = 1, f.n_positions *= DA_PACK, f.slots = (2 + f.n_positions + INTS - 1) / INTS;
    return f;
}

/* Half a pack: what a register of every instruction set holds. */
typedef double two __attribute__((vector_size(2 * sizeof(double))));

enum { CODES = DA_L_CHAINED + DA_L_GATHERED + DA_L_VALUES };

#define T float
#define SFX f
#define M(fn) fn##f
#define FIRST DA_L_F32
#define OTHERS [0 ... DA_L_VALUES - 1] = &&other, [DA_L_PACK ... CODES - 1] = &&other,
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
