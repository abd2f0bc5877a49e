/* Random scalar graphs, their plain evaluation, and a plain executor of plans: the oracle of the graph tests. */
#ifndef GRAPHS_H
#define GRAPHS_H
#include "da_graph.h"
#include "da_tape.h"

enum { WORLD_BUFFERS = 40, WORLD_SIZE = 64, WORLD_INPUTS = 2 };
/* Memory that leaves read: inputs, then what array step k writes, buffer k. */
typedef struct {
    double *buffers[WORLD_BUFFERS];
    int n, size;
} world;
void world_init(world *w, int size);
void world_free(world *w);

enum { WITH_F32 = 1, WITH_ARRAYS = 2 };
/* Random operations, each where its domain of the table allows; about every tenth value is a root. */
void graph_random(da_graph *g, world *w, int n_ops, int with);
/* A body of operations unrolled `lanes` times over shifted elements, some carried from one to the next, and sums over all. */
void graph_loop(da_graph *g, int body, int lanes);

/* Values of all nodes; array steps write their buffers. */
void graph_run(const da_graph *g, world *w, double *values);
/* Values of the roots: malloc'ed. */
double *graph_roots(const da_graph *g, world *w);
/* Values of the roots by the plan, which is checked on the way. */
void plan_run(const da_plan *plan, world *w, double *roots);
/* Values of the roots by the register program, which is checked on the way. */
void lanes_run(const da_lane_program *program, const world *w, double *roots);
#endif
