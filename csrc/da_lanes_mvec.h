/* Vector mathematics: which functions of glibc's libmvec the lane kernels call. gcc turns a call in a loop into the vector
 * variant of the loop's width when the function carries the `simd` attribute; -ffast-math, which glibc's own declarations ask
 * for, is not needed, nor a library besides libm, whose linker script names libmvec. sin, cos, exp, log and pow came with glibc
 * 2.22, the others with 2.35. Without libmvec (other compilers and C libraries, sanitizers, DA_NO_MVEC from the probe in
 * setup.py) the same loops call libm. Include instead of math.h.
 *
 * Largest error found in 800,000 values, against long double, in units in the last place, double/single (glibc 2.36, SSE4 and
 * AVX2; glibc promises 4): tan 2.9/3.4, asin 2.8/2.8, acos 2.1/2.4, atan 1.6/2.2, atan2 2.6/3.2, hypot 1.9/1.4, sinh 1.9/1.9, cosh
 * 1.5/1.9, asinh 2.1/1.9, acosh 2.5/2.6, atanh 2.3/2.0, exp2 1.6/1.1, expm1 2.9/1.7, log 1.6/7.0, log2 1.9/2.3, log10 1.5/2.0, log1p
 * 2.5/1.9, pow 1.0/0.6, cbrt 1.5/4.9; single precision of what da_lanes_functions.h has in double: sin 2.0, cos 2.1, exp 2.8; of formulas
 * on top, logistic 2.4/3.7, tanh 3.0, sech2 3.9. Zeros, infinities and NaN are libm's (tests/c/test_lanes_functions.c). */
#ifndef DA_LANES_MVEC_H
#define DA_LANES_MVEC_H
#include "da_simd.h"
#include <math.h>

#if DA_HAS_CLONES && defined(__GLIBC__) && !defined(DA_NO_MVEC)
#if __GLIBC_PREREQ(2, 22)
#define DA_SIMD __attribute__((simd("notinbranch"), const, nothrow, leaf))
#define DA_VECTOR1(fn) DA_SIMD double fn(double); DA_SIMD float fn##f(float);
#define DA_VECTOR2(fn) DA_SIMD double fn(double, double); DA_SIMD float fn##f(float, float);
#define DA_SINCE_22(...) __VA_ARGS__
#if __GLIBC_PREREQ(2, 35)
#define DA_SINCE_35(...) __VA_ARGS__
#else
#define DA_SINCE_35(...)
#endif
#define VECTOR(minor, operands, fn) DA_SINCE_##minor(DA_VECTOR##operands(fn))
#include "da_mvec.def"
#undef VECTOR
#undef DA_SINCE_22
#undef DA_SINCE_35
#if __GLIBC_PREREQ(2, 35)
/* A function is vectorised where it is inlined, and gcc of itself does not inline it where `optimize` pragmas differ. */
#define DA_FORMULA static inline __attribute__((always_inline))
/* In single precision: with w = expm1(2 |x|), |tanh(x)| = t = w / (2 + w), and sech2(x) = (1 - t) (1 + t) = 2 / (2 + w) * (1 + t). Far
 * out the exponent is smaller by 32, so that w does not overflow. */
DA_FORMULA float da_growthf(float x) {
    float y = 2 * fabsf(x);
    y = y > 110 ? 110 : y;
    return expm1f(y > 60 ? y - 32 : y);
}
DA_FORMULA float da_tanhf(float x) {
    float w = da_growthf(x);
    return copysignf(w / (2 + w), x);
}
DA_FORMULA float da_sech2f(float x) {
    float w = da_growthf(x), d = 2 + w;
    return 2 / d * (1 + w / d) * (2 * fabsf(x) > 60 ? 0x1.c8464f7616468p-47f : 1);
}
#define tanhf(x) da_tanhf(x)
#define DA_HAS_SECH2F 1
#endif
#undef DA_FORMULA
#undef DA_VECTOR1
#undef DA_VECTOR2
#undef DA_SIMD
#endif
#endif
#endif
