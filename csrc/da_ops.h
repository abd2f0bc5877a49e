/* The operation table as C: opcodes, facts about each operation, partial derivatives as bytecode. */
#ifndef DA_OPS_H
#define DA_OPS_H
#include <stddef.h>
#include <stdint.h>

#define DA_LN2 0.693147180559945309417232121458176568
#define DA_LN10 2.30258509299404568401799145468436421
#define DA_PI 3.14159265358979323846264338327950288

enum { DA_EXACT = 1, DA_STEP = 2, DA_HOLO = 4 };

#define UNARY(name, np, val, dx, props, xl, xh) DA_##name,
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh) DA_##name,
typedef enum {
#include "ops.def"
    DA_N_OPS,
    DA_INPUT = DA_N_OPS, /* scalar leaf of the tape */
    DA_ELEM,             /* scalar read from array node a at flat offset aux */
    DA_ARRAY             /* array node; aux is its record */
} da_op;
#undef UNARY
#undef BINARY

/* An operand of a bytecode step: the operation's own x, y, result z, or the result of step k (DA_REF_STEP + k). */
enum { DA_REF_X, DA_REF_Y, DA_REF_Z, DA_REF_STEP };
enum { DA_MAX_STEPS = 12, DA_CONST = -1 };

typedef struct {
    int16_t op; /* a table operation, or DA_CONST */
    int16_t a, b;
    double c;
} da_step;

/* One partial derivative: steps in order, the value is `result`. `needs` has bit 1 for x, 2 for y, 4 for z. */
typedef struct {
    int16_t n, result;
    uint8_t needs;
    da_step steps[DA_MAX_STEPS];
} da_code;

typedef struct {
    const char *name, *numpy, *value_text, *partial_text[2];
    int arity, flags;
    double lo[2], hi[2];
} da_op_info;

extern const da_op_info da_ops[DA_N_OPS];
/* Fills the bytecode table; call once before anything below. */
void da_ops_init(void);
const da_code *da_partial_code(int op, int arg);

/* Value and partials on doubles, and the bytecode run on doubles (they agree; the tests compare them). */
double da_value(int op, double x, double y);
double da_partial(int op, int arg, double x, double y, double z);
double da_run_code(const da_code *code, double x, double y, double z);
#endif
