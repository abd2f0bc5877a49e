/* Truncated Taylor arithmetic from the operation table. */
#ifndef DA_TAYLOR_H
#define DA_TAYLOR_H
#include "da_ops.h"

typedef struct da_series da_series;

/* Work space for series of one order; reused from operation to operation. */
typedef struct {
    da_series *s;
    int n, cap, order, failed;
} da_taylor;

void da_taylor_init(da_taylor *w, int order);
void da_taylor_free(da_taylor *w);

/* z[0..order] = coefficients of op(x(t), y(t)), given those of x and y (y may be NULL for one operand) and z[0], the recorded value.
 * 0, or -1 when out of memory. */
int da_taylor_op(da_taylor *w, int op, const double *x, const double *y, double *z);
#endif
