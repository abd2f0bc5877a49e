/* Double precision values and partials, inline, for the scalar paths: fold to one formula when `op` is a constant. */
#ifndef DA_INLINE_H
#define DA_INLINE_H
#include "da_ops.h"
#include <math.h>
#define T double
#define SFX d
#define M(fn) fn
#include "da_numeric.inc"
#undef T
#undef SFX
#undef M

DA_INLINE double da_value_of(int op, double x, double y) {
    (void)y;
    switch (op) {
#define UNARY(name, np, val, dx, props, xl, xh) case DA_##name: return v_##name##_d(x);
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh) case DA_##name: return v_##name##_d(x, y);
#include "ops.def"
#undef UNARY
#undef BINARY
    default: return NAN;
    }
}

DA_INLINE double da_partial0_of(int op, double x, double y, double z) {
    switch (op) {
#define UNARY(name, np, val, dx, props, xl, xh) case DA_##name: return p0_##name##_d(x, y, z);
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh) case DA_##name: return p0_##name##_d(x, y, z);
#include "ops.def"
#undef UNARY
#undef BINARY
    default: return NAN;
    }
}

DA_INLINE double da_partial1_of(int op, double x, double y, double z) {
    switch (op) {
#define UNARY(name, np, val, dx, props, xl, xh)
#define BINARY(name, np, val, dx, dy, props, xl, xh, yl, yh) case DA_##name: return p1_##name##_d(x, y, z);
#include "ops.def"
#undef UNARY
#undef BINARY
    default: return NAN;
    }
}

DA_INLINE double da_smul(double g, double p) { return g == 0 ? 0 : g * p; }
#endif
