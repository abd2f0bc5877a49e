/* Array kernels from the operation table: values, and products of a seed with a partial. */
#ifndef DA_KERNELS_H
#define DA_KERNELS_H
#include <stddef.h>

/* o[i] = op(x[i * sx], y[i * sy]), strides 0 or 1. */
typedef void (*da_value_d)(size_t n, const double *x, ptrdiff_t sx, const double *y, ptrdiff_t sy, double *o);
typedef void (*da_value_f)(size_t n, const float *x, ptrdiff_t sx, const float *y, ptrdiff_t sy, float *o);
/* o[i] = smul(g[i], partial(x[i * sx], y[i * sy], z[i])). */
typedef void (*da_seed_d)(size_t n, const double *x, ptrdiff_t sx, const double *y, ptrdiff_t sy, const double *z, const double *g, double *o);
typedef void (*da_seed_f)(size_t n, const float *x, ptrdiff_t sx, const float *y, ptrdiff_t sy, const float *z, const float *g, float *o);

da_value_d da_value_kernel_d(int op);
da_value_f da_value_kernel_f(int op);
da_seed_d da_seed_kernel_d(int op, int arg);
da_seed_f da_seed_kernel_f(int op, int arg);

/* The instruction set the kernels run with here: "baseline", "x86-64-v3" or "x86-64-v4"; and those compiled in. */
const char *da_simd_level(void);
const char *da_simd_levels(void);
#endif
