#include "graphs.h"
#include "check.h"
#include "da_kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void world_init(world *w, int size) {
    memset(w, 0, sizeof *w);
    w->n = WORLD_INPUTS, w->size = size;
    for (int k = 0; k < WORLD_BUFFERS; k++) w->buffers[k] = calloc((size_t)size, sizeof(double));
    for (int k = 0; k < WORLD_INPUTS; k++)
        for (int i = 0; i < size; i++) w->buffers[k][i] = random_in(0.3, 1.2);
}

void world_free(world *w) {
    for (int k = 0; k < WORLD_BUFFERS; k++) free(w->buffers[k]);
}

/* What the imaginary array step does with its operands. */
static void fill(world *w, int number, double sum) {
    for (int i = 0; i < w->size; i++) w->buffers[number][i] = 0.4 + 0.7 * fabs(sin(sum + i));
}

static double single(int op, double x, double y) {
    float xf = (float)x, yf = (float)y, z;
    da_value_kernel_f(op)(1, &xf, 0, &yf, 0, &z);
    return z;
}

/* One value code. */
static double apply(int code, int f32, double a, double b, double c) {
    switch (code) {
    case DA_L_SELECT: return f32 ? (float)(a != 0 ? b : c) : a != 0 ? b : c;
    case DA_L_MULADD: return f32 ? (float)a * (float)b + (float)c : a * b + c;
    case DA_L_MULSUB: return f32 ? (float)a * (float)b - (float)c : a * b - c;
    case DA_L_NMULADD: return f32 ? (float)c - (float)a * (float)b : c - a * b;
    case DA_L_ADDMUL: return f32 ? ((float)a + (float)b) * (float)c : (a + b) * c;
    case DA_L_SUBMUL: return f32 ? ((float)a - (float)b) * (float)c : (a - b) * c;
    case DA_L_MULMUL: return f32 ? (float)a * (float)b * (float)c : a * b * c;
    case DA_L_SMULADD: return f32 ? (float)single(DA_smul, a, b) + (float)c : da_value(DA_smul, a, b) + c;
    case DA_L_SMULSUB: return f32 ? (float)single(DA_smul, a, b) - (float)c : da_value(DA_smul, a, b) - c;
    case DA_L_NSMULADD: return f32 ? (float)c - (float)single(DA_smul, a, b) : c - da_value(DA_smul, a, b);
    default: return f32 ? single(code, a, b) : da_value(code, a, b);
    }
}

/* The order of da_lanes.h, written down a second time. */
static double reduce(double *t, int n) {
    int leaves = 0;
    for (int at = 0; at < n; at += DA_LEAF) {
        double p[16];
        for (int j = 0; j < 16; j++) p[j] = -0.0;
        for (int k = at; k < n && k < at + DA_LEAF; k++) p[(k - at) % 16] += t[k];
        for (int half = 8; half; half /= 2)
            for (int j = 0; j < half; j++) p[j] += p[j + half];
        t[leaves++] = p[0];
    }
    for (; leaves > 1; leaves = (leaves + 1) / 2)
        for (int j = 0; 2 * j < leaves; j++) t[j] = 2 * j + 1 < leaves ? t[2 * j] + t[2 * j + 1] : t[2 * j];
    return t[0];
}

static double node_value(const da_graph *g, int i, world *w, const double *v) {
    const da_gnode *d = &g->nodes[i];
    if (d->op < DA_G_OPS) return apply(d->op, d->flags & DA_F32, v[d->a], d->b < 0 ? 0 : v[d->b], d->aux < 0 ? 0 : v[d->aux]);
    if (d->op == DA_G_CONST) return d->c;
    if (d->op == DA_G_LEAF) return w->buffers[d->a][d->b];
    double *terms = malloc((size_t)(d->b + 1) * sizeof *terms), sum = 0;
    for (int k = 0; k < d->b; k++) sum += terms[k] = v[g->deps[d->aux + k]];
    if (d->op == DA_G_SUM) sum = reduce(terms, d->b);
    else fill(w, d->a, sum), sum = 0;
    free(terms);
    return sum;
}

void graph_run(const da_graph *g, world *w, double *values) {
    for (int i = 0; i < g->n; i++) values[i] = node_value(g, i, w, values);
}

double *graph_roots(const da_graph *g, world *w) {
    double *values = malloc((size_t)(g->n + 1) * sizeof *values), *roots = malloc((size_t)(g->n_roots + 1) * sizeof *roots);
    graph_run(g, w, values);
    for (int k = 0; k < g->n_roots; k++) roots[k] = values[g->roots[k]];
    free(values);
    return roots;
}

/* ---- random graphs ---- */

static int inside(int op, int arg, double x) { return x >= da_ops[op].lo[arg] && x <= da_ops[op].hi[arg]; }

/* A constant, an element, or one of the `known` nodes, mostly one inside the domain. */
static int32_t operand(da_graph *g, int known, const double *v, int op, int arg, int f32) {
    static const double constants[] = {0, -0.0, 1, -1, 2, 3, 4, -2, 0.5, 0.25, 8, 0.703125};
    if (random_below(4) == 0) return da_graph_const(g, constants[random_below(12)], f32);
    if (random_below(4) == 0) return da_graph_leaf(g, (int32_t)random_below(WORLD_INPUTS), (int32_t)random_below(10), -1, 0);
    for (int trial = 0; trial < 50; trial++) {
        int32_t i = (int32_t)random_below((uint32_t)known);
        if (g->nodes[i].op != DA_G_ARRAY && (random_below(3) == 0 || inside(op, arg, v[i]))) return i;
    }
    return 0;
}

static void push_array(da_graph *g, world *w, double *v) {
    int n = 1 + (int)random_below(3), number = w->n++;
    int32_t start = g->n_deps;
    for (int k = 0; k < n; k++) da_graph_dep(g, (int32_t)random_below((uint32_t)g->n));
    int32_t array = da_graph_push(g, (da_gnode){0, number, n, DA_G_ARRAY, 0, start});
    v[array] = node_value(g, array, w, v);
    for (int k = 0; k < 5; k++) {
        int32_t leaf = da_graph_leaf(g, number, (int32_t)random_below(8), array, 0);
        v[leaf] = node_value(g, leaf, w, v);
    }
}

void graph_random(da_graph *g, world *w, int n_ops, int with) {
    static const int frequent[] = {DA_add, DA_sub, DA_mul, DA_neg, DA_smul, DA_pow, DA_div, DA_add, DA_sub, DA_mul};
    double *v = malloc(((size_t)n_ops * 8 + 100) * sizeof *v);
    da_graph_init(g);
    for (int k = 0; k < 4; k++) v[da_graph_leaf(g, k % WORLD_INPUTS, k, -1, 0)] = w->buffers[k % WORLD_INPUTS][k];
    for (int done = 0, before; done < n_ops; done++) {
        if (with & WITH_ARRAYS && w->n < WORLD_BUFFERS && random_below(20) == 0) push_array(g, w, v);
        before = g->n;
        int op = random_below(2) ? frequent[random_below(10)] : (int)random_below(DA_N_OPS);
        int f32 = with & WITH_F32 && random_below(3) == 0 ? DA_F32 : 0;
        int32_t a = operand(g, before, v, op, 0, f32), b = da_ops[op].arity == 2 ? operand(g, before, v, op, 1, f32) : -1;
        if (random_below(10) == 0) da_graph_push(g, (da_gnode){0, a, a, DA_L_SELECT, (uint16_t)f32, b < 0 ? a : b});
        else da_graph_op(g, op, f32, a, b);
        for (; before < g->n; before++) v[before] = node_value(g, before, w, v);
        if (!isfinite(v[g->n - 1]) || fabs(v[g->n - 1]) > 1e6) g->n--; /* keeps most values in range */
        else if (random_below(10) == 0) da_graph_root(g, g->n - 1);
    }
    free(v);
}

/* ---- unrolled loops ---- */

static const int loop_ops[] = {DA_add,    DA_sub,     DA_mul, DA_smul, DA_sin, DA_tanh,
                               DA_square, DA_maximum, DA_mul, DA_add,  DA_sub, DA_neg};

void graph_loop(da_graph *g, int body, int lanes) {
    int ops[64], from[64][2], n = 0;
    int32_t values[64], carried, terms = -1;
    da_graph_init(g);
    for (int k = 0; k < body; k++) {
        ops[k] = loop_ops[random_below(12)];
        for (int j = 0; j < 2; j++) from[k][j] = (int)random_below((uint32_t)k + 5);
    }
    int back = random_below(2) ? (int)random_below((uint32_t)body) : -1;
    int shift = (int)random_below(3), stride = 1 + (int)random_below(2);
    carried = da_graph_const(g, 0.25, 0);
    for (int i = 0; i < lanes; i++) {
        values[0] = da_graph_leaf(g, 0, i * stride, -1, 0);
        values[1] = da_graph_leaf(g, 0, i + shift, -1, 0);
        values[2] = da_graph_leaf(g, 1, lanes - i, -1, 0);
        values[3] = da_graph_const(g, i % 7 ? 0.5 : i, 0);
        values[4] = carried;
        for (n = 0; n < body; n++)
            values[n + 5] = da_graph_op(g, ops[n], 0, values[from[n][0]], da_ops[ops[n]].arity == 2 ? values[from[n][1]] : -1);
        if (back >= 0) carried = da_graph_op(g, DA_sin, 0, values[back + 5], -1);
        if (random_below(3) == 0) da_graph_root(g, values[n + 4]);
        terms = terms < 0 ? values[n + 4] : da_graph_op(g, random_below(5) ? DA_add : DA_sub, 0, terms, values[n + 4]);
    }
    da_graph_root(g, terms);
}

/* ---- plans ---- */

enum { UNKNOWN, WRITTEN, CONSTANT };
typedef struct {
    const da_plan *plan;
    world *w;
    double *bank;
    char *known; /* about positions of the bank */
} machine;

static double read_bank(machine *m, int64_t at) {
    int ok = at >= 0 && at < m->plan->bank_size && m->known[at];
    CHECK(ok, "position %d read before it is written", (int)at);
    return ok ? m->bank[at] : NAN;
}

static double read_lane(machine *m, const da_lane *l, int64_t k) {
    if (l->kind == DA_LANE_VALUE) return l->value;
    CHECK(l->kind == DA_LANE_AFFINE || l->offset + k < m->plan->n_lists, "a gather outside the lists");
    int64_t at = l->kind == DA_LANE_AFFINE ? l->offset + k * l->stride : m->plan->lists[l->offset + k];
    if (l->buffer == DA_LANE_BANK) return read_bank(m, at);
    CHECK(at >= 0 && at < m->w->size && l->buffer < m->w->n, "element %d of buffer %d", (int)at, l->buffer);
    return m->w->buffers[l->buffer][at];
}

static void write_bank(machine *m, int64_t at, double x) {
    int ok = at >= 0 && at < m->plan->bank_size && m->known[at] != CONSTANT;
    CHECK(ok, "position %d of a constant written, or outside", (int)at);
    if (ok) m->bank[at] = x, m->known[at] = WRITTEN;
}

/* Lane `lane` of the operands; `last` is where the instruction before has written. */
static void read_operands(machine *m, const da_scalar *s, const da_scalar_form *f, int lane, int32_t last, double *x) {
    const int32_t *at = da_scalar_positions(s);
    for (int k = 0; k < da_lanes_arity(f->op); k++) {
        int32_t from = f->lanes > f->width ? at[k * f->lanes + lane] : at[k] + lane;
        CHECK(from < s->dst || from >= s->dst + f->lanes || f->lanes == 1, "a pack reads position %d, which it writes", from);
        CHECK(k || !f->chained || from == last + lane, "lane %d of a chained pack is position %d", lane, from);
        x[k] = read_bank(m, from);
    }
}

static void run_scalars(machine *m, const da_scalar *code, int n) {
    da_scalar_form f;
    int32_t last = -DA_PACK;
    for (const da_scalar *s = code, *end = code + n; s < end; s += f.slots) {
        f = da_scalar_form_of(s->code);
        CHECK(f.slots && f.slots <= end - s, "code %d", s->code);
        int f32 = s->code >= DA_L_F32 && f.lanes == 1;
        double x[3] = {0, 0, 0}, r[DA_PACK];
        for (int lane = 0; lane < f.lanes; lane++) {
            read_operands(m, s, &f, lane, last, x);
            r[lane] = apply(f.op, f32, x[0], x[1], x[2]);
        }
        for (int lane = 0; lane < f.lanes; lane++) write_bank(m, s->dst + lane, r[lane]);
        last = f.lanes > 1 ? s->dst : -DA_PACK;
    }
}

static void run_group(machine *m, const da_group *p) {
    if (p->code == DA_L_SCALARS) {
        run_scalars(m, m->plan->scalars + p->a.offset, p->n);
    } else if (p->code == DA_L_REDUCE) {
        double *terms = malloc((size_t)p->n * sizeof *terms);
        for (int k = 0; k < p->n; k++) terms[k] = read_lane(m, &p->a, k);
        write_bank(m, p->dst.offset, reduce(terms, p->n));
        free(terms);
    } else {
        int arity = da_lanes_arity(p->code);
        for (int k = 0; k < p->n; k++)
            write_bank(m, p->dst.offset + k, apply(p->code, 0, read_lane(m, &p->a, k), arity > 1 ? read_lane(m, &p->b, k) : 0,
                                                   arity > 2 ? read_lane(m, &p->c, k) : 0));
    }
}

static void run_step(machine *m, const da_plan_step *s) {
    double sum = 0;
    for (int k = s->first_dep; k < s->first_dep + s->n_deps; k++)
        if (m->plan->dep_places[k].buffer != DA_PLACE_ARRAY) sum += read_lane(m, &m->plan->dep_places[k], 0);
    fill(m->w, s->number, sum);
}

void plan_run(const da_plan *plan, world *w, double *roots) {
    machine m = {plan, w, calloc((size_t)plan->bank_size + 1, sizeof(double)), calloc((size_t)plan->bank_size + 1, 1)};
    for (int k = 0; k < plan->n_consts; k++) {
        write_bank(&m, plan->const_at[k], plan->const_value[k]);
        m.known[plan->const_at[k]] = CONSTANT;
    }
    for (int k = WORLD_INPUTS; k < w->n; k++) memset(w->buffers[k], 0xff, (size_t)w->size * sizeof(double)); /* NaN */
    for (int k = 0, step = 0; k <= plan->n_groups; k++) {
        for (; step < plan->n_steps && plan->steps[step].n_groups == k; step++) run_step(&m, &plan->steps[step]);
        if (k < plan->n_groups) run_group(&m, &plan->groups[k]);
    }
    for (int k = 0; k < plan->n_roots; k++) roots[k] = read_lane(&m, &plan->root_places[k], 0);
    free(m.bank);
    free(m.known);
}

/* ---- register programs ---- */

static double read_register(const da_lane_program *p, const double *regs, const char *known, int r) {
    if (r >= p->n_regs) {
        CHECK(r < p->n_regs + p->n_splats, "register %d", r);
        return p->splats[r - p->n_regs];
    }
    CHECK(known[r], "register %d read before it is written", r);
    return regs[r];
}

void lanes_run(const da_lane_program *p, const world *w, double *roots) {
    double *regs = calloc((size_t)p->n_regs + 1, sizeof *regs);
    char *known = calloc((size_t)p->n_regs + 1, 1);
    for (int k = 0; k < p->n_roots; k++) roots[k] = NAN;
    for (int k = 0; k < p->n_micros; k++) {
        const da_micro *m = &p->micros[k];
        CHECK(m->code == DA_L_STORE || m->dst < p->n_regs, "register %d written", m->dst);
        if (m->code == DA_L_LOAD) {
            CHECK(m->operand >= 0 && m->operand < p->n_leaves, "leaf %d", m->operand);
            regs[m->dst] = w->buffers[p->leaf_buffer[m->operand]][p->leaf_element[m->operand]];
        } else if (m->code == DA_L_STORE) {
            CHECK(m->operand >= p->n_leaves && m->operand < p->n_leaves + p->n_roots, "root %d", m->operand);
            roots[m->operand - p->n_leaves] = read_register(p, regs, known, m->a);
            continue;
        } else {
            int arity = da_lanes_arity(m->code);
            double a = read_register(p, regs, known, m->a), b = arity > 1 ? read_register(p, regs, known, m->b) : 0;
            regs[m->dst] = apply(m->code, p->type == DA_T_F32, a, b, arity > 2 ? read_register(p, regs, known, m->c) : 0);
        }
        known[m->dst] = 1;
    }
    free(regs);
    free(known);
}
