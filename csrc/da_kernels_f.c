/* Single precision kernels. */
#include "da_kernels.h"
#include "da_ops.h"
#include "da_simd.h"
#include <math.h>
#define T float
#define SFX f
#define M(fn) fn##f
#include "da_kernels.inc"
