/* Run-time choice of the instruction set. gcc makes one clone of a loop per level and picks at load time; elsewhere one version.
 * Off under sanitizers, whose run time is not up yet when the choice is made. */
#ifndef DA_SIMD_H
#define DA_SIMD_H
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && defined(__linux__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(DA_NO_CLONES)
#define DA_HAS_CLONES 1
#define DA_SIMD_LEVELS "baseline x86-64-v3 x86-64-v4"
#define DA_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define DA_HAS_CLONES 0
#define DA_SIMD_LEVELS "baseline"
#define DA_CLONES
#endif
#endif
