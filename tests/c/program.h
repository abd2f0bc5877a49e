/* Random scalar programs on a tape, and their plain evaluation: the oracle of the sweep tests. */
#ifndef PROGRAM_H
#define PROGRAM_H
#include "da_tape.h"

enum { PROGRAM_INPUTS = 4, PROGRAM_NODES = 40 };

/* Appends inputs and then random operations, each applied where its domain of the table allows. */
void program_make(da_tape *t, int n_ops);
/* Appends one random operation on nodes from..n-1; 1 when one fitted. */
int program_step(da_tape *t, uint32_t from);
/* The values of all nodes when the inputs (or elements: any leaf, in order) are `in`. */
void program_run(const da_tape *t, const double *in, double *values);
/* sum_k w[k] * values[k] over all nodes, as a function of leaf `which`. */
typedef struct {
    const da_tape *t;
    const double *in, *weights;
    int which;
} program_line;
double program_along(double x, const void *line);

/* da_reverse with adj[(i - lo) * lanes + k] as the adjoints, both ways. */
int64_t program_sweep(const da_tape *t, int64_t hi, int64_t lo, double *adj, int lanes, const da_buffer *bufs);
#endif
