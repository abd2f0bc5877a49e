/* sin, cos, exp, tanh and sech2 of doubles in plain C without branches, which loops turn into vector code of any width. They stand in for
 * glibc's vector functions where derivatives need them most: 0.9, 1.0, 0.9 ns against 1.0, 1.1, 1.15 (AVX2), tanh with sech2 2.1 against
 * 2.6; where another thread shares the core, and instructions count, 1.1 to 1.3 against 1.7 to 2.0. Of 3 million values the worst were
 * wrong by 2.6, 2.6, 1.0, 2.1 and 3.2 units in the last place (glibc: 3.4, 3.5, 3.0, 3.9, 3.9).
 *
 * The argument is reduced by constants in parts, whose products are exact (Cody and Waite, Software Manual for the Elementary
 * Functions, 1980); then minimax polynomials (Remez). Loops may contract products and sums: with and without, errors are the same. */
#ifndef DA_LANES_FUNCTIONS_H
#define DA_LANES_FUNCTIONS_H
#include "da_ops.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

#define DA_FUNCTION static inline __attribute__((always_inline))

DA_FUNCTION uint64_t da_bits(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
DA_FUNCTION double da_from_bits(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* x + DA_ROUND is rounded to an integer, which the lowest bits are. */
#define DA_ROUND 0x1.8p52

/* 2^k for the k in the lowest bits of DA_ROUND + k. */
DA_FUNCTION double da_power_of_2(uint64_t k) { return da_from_bits((k << 52) + ((uint64_t)1023 << 52)); }

/* e^r = 1 + da_less_one(r) for |r| <= log(2) / 2, with an error below 2^-58. */
DA_FUNCTION double da_less_one(double r) {
    double q = 0x1.af85a974786aep-26;
    q = q * r + 0x1.28b048f1f2346p-22;
    q = q * r + 0x1.71dddfb50b117p-19;
    q = q * r + 0x1.a019969406ca2p-16;
    q = q * r + 0x1.a01a01baed010p-13;
    q = q * r + 0x1.6c16c185a7250p-10;
    q = q * r + 0x1.111111110d61ap-7;
    q = q * r + 0x1.5555555550031p-5;
    q = q * r + 0x1.5555555555561p-3;
    q = q * r + 0x1.000000000000bp-1;
    return r + r * r * q;
}

/* e^x = (1 + p) scale rest, powers of 2 that together may be beyond the range of doubles; of near arguments `rest` is 1. The bits of
 * results are the same. */
typedef struct {
    double p, scale, rest;
} da_growth;

DA_FUNCTION da_growth da_grow(double x, int near) {
    if (!near) {
        x = x > 710 ? 710 : x; /* NaN stays */
        x = x < -760 ? -760 : x;
    }
    const double t = x * 0x1.71547652b82fep+0 + DA_ROUND, k = t - DA_ROUND, h = k * 0.5 + DA_ROUND;
    const double p = da_less_one((x - k * 0x1.62e42fefa3800p-1) - k * 0x1.ef35793c76730p-45);
    if (near) return (da_growth){p, da_power_of_2(da_bits(t)), 1};
    return (da_growth){p, da_power_of_2(da_bits(h)), da_power_of_2(da_bits(k - (h - DA_ROUND) + DA_ROUND))};
}

DA_FUNCTION double da_exp_of(double x, int near) {
    const da_growth e = da_grow(x, near);
    return (e.scale + e.scale * e.p) * e.rest;
}

/* With w = expm1(-2 |x|): |tanh(x)| = -w / (2 + w), and sech2(x) = 4 (1 + w) / (2 + w)^2. Nothing cancels. Where both are wanted, as
 * of every tanh that is differentiated, they share the exponential. */
DA_FUNCTION double da_tanh_of(double x, int near) {
    const da_growth e = da_grow(-2 * fabs(x), near);
    const double scale = e.scale * e.rest, w = (scale - 1) + scale * e.p, d = (scale + 1) + scale * e.p;
    return copysign(w / d, x);
}
DA_FUNCTION double da_sech2_of(double x, int near) {
    const da_growth e = da_grow(-2 * fabs(x), near);
    const double scale = e.scale * e.rest, d = (scale + 1) + scale * e.p, rest = scale * e.p - (d - (scale + 1));
    return 4 * (e.scale + e.scale * e.p) / (d * d + 2 * rest * d) * e.rest;
}

/* sin(x - k pi), with its sign changed if `odd` is. */
DA_FUNCTION double da_sine(double x, double k, uint64_t odd) {
    const double r = ((x - k * 0x1.921fb54440000p+1) - k * 0x1.68c234c4c0000p-38) - k * 0x1.98a2e03707345p-76, z = r * r;
    double q = 0x1.88264bdb5ef78p-49; /* sin(r) = r (1 + z q), error below 2^-61 */
    q = q * z - 0x1.ae42fe7e8af02p-41;
    q = q * z + 0x1.6123cab3f9961p-33;
    q = q * z - 0x1.ae6454c98fd01p-26;
    q = q * z + 0x1.71de3a5283fb6p-19;
    q = q * z - 0x1.a01a01a014832p-13;
    q = q * z + 0x1.11111111110c0p-7;
    q = q * z - 0x1.5555555555555p-3;
    return da_from_bits(da_bits(r * (1 + z * q)) ^ odd << 63);
}
DA_FUNCTION double da_reduced_sin(double x) {
    const double t = x * 0x1.45f306dc9c883p-2 + DA_ROUND;
    return da_sine(x, t - DA_ROUND, da_bits(t));
}
DA_FUNCTION double da_reduced_cos(double x) {
    const double t = (x * 0x1.45f306dc9c883p-2 - 0.5) + DA_ROUND;
    return da_sine(x, (t - DA_ROUND) + 0.5, da_bits(t) + 1);
}
/* Up to DA_FAR_ANGLE multiples of pi times its parts are exact; the C library does the others. Vector code computes both. */
#define DA_FAR_ANGLE 1e5
DA_FUNCTION double da_sin_of(double x, int near) { return near || fabs(x) <= DA_FAR_ANGLE ? da_reduced_sin(x) : sin(x); }
DA_FUNCTION double da_cos_of(double x, int near) { return near || fabs(x) <= DA_FAR_ANGLE ? da_reduced_cos(x) : cos(x); }

/* ---- what kernels use: arguments that are all near take fewer operations, and give the same bits ---- */

/* Where far arguments begin; 0: the operation is none of these. */
DA_FUNCTION double da_far(int code) {
    return code == DA_sin || code == DA_cos ? DA_FAR_ANGLE : code == DA_exp ? 700 : code == DA_tanh || code == DA_sech2 ? 340 : 0;
}
DA_FUNCTION int da_all_near(size_t n, const double *x, double far) {
    uint64_t some = 0;
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++) some |= fabs(x[i]) <= far ? 0 : ~(uint64_t)0;
    return !some;
}
DA_FUNCTION double da_near(int code, double x) {
    switch (code) {
    case DA_sin: return da_sin_of(x, 1);
    case DA_cos: return da_cos_of(x, 1);
    case DA_exp: return da_exp_of(x, 1);
    case DA_tanh: return da_tanh_of(x, 1);
    default: return da_sech2_of(x, 1);
    }
}

/* Any arguments: what the formulas of da_numeric.inc call. */
#define sin(x) da_sin_of(x, 0)
#define cos(x) da_cos_of(x, 0)
#define exp(x) da_exp_of(x, 0)
#define tanh(x) da_tanh_of(x, 0)
#endif
