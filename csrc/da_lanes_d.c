/* Double precision lanes. */
#include "da_lanes_private.h"
#include <string.h>
#if defined(__GNUC__) && !defined(__clang__)
/* Selections vectorise, both sides being computed (nobody reads the exception flags), and a function of a selection is not called
 * for each side. */
#pragma GCC optimize("no-trapping-math", "no-thread-jumps")
#endif
#include "da_lanes_mvec.h"
#if DA_HAS_CLONES
#include "da_lanes_functions.h"
#endif
#define T double
#define SFX d
#define M(fn) fn
#include "da_numeric.inc"
#include "da_lanes_kernels.inc"
#include "da_lanes_reduce.inc"
#include "da_lanes_memory.inc"
#include "da_lanes_run.inc"
