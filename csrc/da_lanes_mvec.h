/* Vector mathematics: which functions of glibc's libmvec the lane kernels call. gcc turns a call in a loop into the vector
 * variant of the loop's width when the function carries the `simd` attribute; -ffast-math, which glibc's own declarations ask
 * for, is not needed, nor a library besides libm, whose linker script names libmvec. sin, cos, exp, log and pow came with glibc
 * 2.22, the others with 2.35. Without libmvec (other compilers and C libraries, sanitizers, DA_NO_MVEC from the probe in
 * setup.py) the same loops call libm. Include instead of math.h.
 *
 * Largest error found in 800,000 values, against long double, in units in the last place, double/single (glibc 2.36, SSE4 and
 * AVX2; glibc promises 4): sin 3.4/2.0, cos 3.5/2.1, tan 2.9/3.4, asin 2.8/2.8, acos 2.1/2.4, atan 1.6/2.2, atan2 2.6/3.2, hypot
 * 1.9/1.4, sinh 1.9/1.9, cosh 1.5/1.9, asinh 2.1/1.9, acosh 2.5/2.6, atanh 2.3/2.0, exp 3.0/2.8, exp2 1.6/1.1,
 * expm1 2.9/1.7, log 1.6/5.2, log2 1.9/2.3, log10 1.5/2.0, log1p 2.5/1.9, pow 1.0/0.6, cbrt 1.5/4.9; of formulas on top of them,
 * logistic 4.0/3.7, tanh 3.7/3.9 (glibc's own 2.1/1.0). Zeros, infinities and NaN are libm's (tests/c/test_lanes_functions.c). */
#ifndef DA_LANES_MVEC_H
#define DA_LANES_MVEC_H
#include "da_simd.h"
#include <math.h>

#if DA_HAS_CLONES && defined(__GLIBC__) && !defined(DA_NO_MVEC)
#if __GLIBC_PREREQ(2, 22)
#define DA_HAS_MVEC 1
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
/* 2.0 ns a double (AVX2) instead of 3.3 with glibc's tanh. Every sign and zero is kept, and nothing cancels. */
#define DA_TANH(T, name, expm1, fabs, copysign)     \
    static inline T name(T x) {                     \
        T e = expm1(-2 * fabs(x));                  \
        return copysign(-e / (2 + e), x);           \
    }
DA_TANH(double, da_tanh, expm1, fabs, copysign)
DA_TANH(float, da_tanhf, expm1f, fabsf, copysignf)
#undef DA_TANH
#define tanh(x) da_tanh(x)
#define tanhf(x) da_tanhf(x)
#endif
#undef DA_VECTOR1
#undef DA_VECTOR2
#undef DA_SIMD
#endif
#endif
#ifndef DA_HAS_MVEC
#define DA_HAS_MVEC 0
#endif
#endif
