/* Double precision kernels. */
#include "da_kernels.h"
#include "da_ops.h"
#include "da_simd.h"
#include <math.h>
#define T double
#define SFX d
#define M(fn) fn
#include "da_kernels.inc"

const char *da_simd_levels(void) { return DA_SIMD_LEVELS; }

const char *da_simd_level(void) {
#if DA_HAS_CLONES
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "x86-64-v4";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return "x86-64-v3";
#endif
    return "baseline";
}
