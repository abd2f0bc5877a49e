/* One register program for batches: a linear order with few live registers, registers by liveness. A register is a block of
 * lanes that should stay in L1, so half the registers are twice the lanes for each dispatch. */
#include "da_graph_pass.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    const da_graph *g;
    int32_t *need;      /* registers that computing a node takes (Sethi, Ullman 1970, as if the graph were a tree) */
    int32_t *order;     /* nodes other than constants, in the order of computation */
    int32_t *last;      /* where in that order a node is read last */
    int32_t *reg;       /* register of a node; constants: splat */
    int32_t *stack;
    int32_t *first_root, *next_root; /* roots of a node: a list */
    char *done;
    int32_t n_order, n_regs;
} scheduler;

static int32_t operand_of(const da_gnode *d, int k) { return d->op >= DA_G_OPS ? -1 : k == 0 ? d->a : k == 1 ? d->b : d->aux; }

static void find_needs(scheduler *s) {
    for (int32_t i = 0; i < s->g->n; i++) {
        int32_t r[3] = {0, 0, 0};
        for (int k = 0; k < 3; k++) {
            int32_t x = operand_of(&s->g->nodes[i], k), need = x < 0 ? 0 : s->need[x];
            for (int j = 0; j < 3; j++) /* into descending order */
                if (need > r[j]) {
                    int32_t smaller = r[j];
                    r[j] = need, need = smaller;
                }
        }
        int32_t most = r[0] > 1 ? r[0] : 1;
        if (r[1] && r[1] + 1 > most) most = r[1] + 1;
        if (r[2] && r[2] + 2 > most) most = r[2] + 2;
        s->need[i] = s->g->nodes[i].op == DA_G_CONST ? 0 : most;
    }
}

/* The operand of i that must still be computed and needs most registers, or -1. */
static int32_t next_operand(const scheduler *s, int32_t i) {
    int32_t best = -1;
    for (int k = 0; k < 3; k++) {
        int32_t x = operand_of(&s->g->nodes[i], k);
        if (x >= 0 && !s->done[x] && (best < 0 || s->need[x] > s->need[best])) best = x;
    }
    return best;
}

/* Appends what node i needs and is not there yet, and i. */
static void schedule(scheduler *s, int32_t i) {
    int32_t depth = 0;
    if (!s->done[i]) s->stack[depth++] = i;
    while (depth) {
        int32_t x = s->stack[depth - 1], y = next_operand(s, x);
        if (y >= 0) {
            s->stack[depth++] = y;
            continue;
        }
        depth--;
        s->done[x] = 1;
        s->order[s->n_order++] = x;
    }
}

static void mark_constants(scheduler *s) {
    s->n_order = 0;
    for (int32_t i = 0; i < s->g->n; i++) s->done[i] = s->g->nodes[i].op == DA_G_CONST;
}

static void order_by_roots(scheduler *s) {
    mark_constants(s);
    for (int32_t k = 0; k < s->g->n_roots; k++) schedule(s, s->g->roots[k]);
}

/* As recorded, but leaves where they are needed. All is live: the graph has no dead code. */
static void order_by_number(scheduler *s) {
    mark_constants(s);
    for (int32_t i = 0; i < s->g->n; i++)
        if (s->g->nodes[i].op < DA_G_OPS) schedule(s, i);
    for (int32_t k = 0; k < s->g->n_roots; k++) schedule(s, s->g->roots[k]);
}

/* Registers for the order as it stands; those freed last are taken first, for they are in the cache. */
static void assign(scheduler *s) {
    int32_t n_free = 0, *free_regs = s->stack;
    s->n_regs = 0;
    memset(s->last, 0xff, (size_t)s->g->n * sizeof *s->last);
    for (int32_t at = 0; at < s->n_order; at++)
        for (int k = 0; k < 3; k++) {
            int32_t x = operand_of(&s->g->nodes[s->order[at]], k);
            if (x >= 0) s->last[x] = at;
        }
    for (int32_t at = 0; at < s->n_order; at++) {
        int32_t i = s->order[at];
        for (int k = 0; k < 3; k++) {
            int32_t x = operand_of(&s->g->nodes[i], k);
            if (x < 0 || s->last[x] != at || s->g->nodes[x].op == DA_G_CONST) continue;
            s->last[x] = -1; /* once, if it is read twice */
            free_regs[n_free++] = s->reg[x];
        }
        s->reg[i] = n_free ? free_regs[--n_free] : s->n_regs++;
        if (s->last[i] < 0) free_regs[n_free++] = s->reg[i]; /* only stored */
    }
}

/* ---- output ---- */

static void list_roots(scheduler *s) {
    memset(s->first_root, 0xff, (size_t)s->g->n * sizeof *s->first_root);
    for (int32_t k = s->g->n_roots - 1; k >= 0; k--) {
        s->next_root[k] = s->first_root[s->g->roots[k]];
        s->first_root[s->g->roots[k]] = k;
    }
}

static void store(const scheduler *s, da_lane_program *p, int32_t i) {
    for (int32_t k = s->first_root[i]; k >= 0; k = s->next_root[k])
        p->micros[p->n_micros++] = (da_micro){.code = DA_L_STORE, .a = (uint16_t)s->reg[i], .operand = p->n_leaves + k};
}

/* The program; p->micros etc. have room. Operands of stores follow those of loads, so leaves are counted first. */
static void write_program(scheduler *s, da_lane_program *p) {
    p->n_regs = s->n_regs, p->n_roots = s->g->n_roots;
    for (int32_t i = 0; i < s->g->n; i++) {
        if (s->g->nodes[i].op != DA_G_CONST) continue;
        s->reg[i] = p->n_regs + p->n_splats;
        p->splats[p->n_splats++] = s->g->nodes[i].c;
    }
    for (int32_t at = 0; at < s->n_order; at++) p->n_leaves += s->g->nodes[s->order[at]].op == DA_G_LEAF;
    int32_t leaf = 0;
    for (int32_t at = 0; at < s->n_order; at++) {
        int32_t i = s->order[at];
        const da_gnode *d = &s->g->nodes[i];
        da_micro m = {.code = d->op, .dst = (uint16_t)s->reg[i]};
        if (d->op == DA_G_LEAF) {
            m.code = DA_L_LOAD, m.operand = leaf;
            p->leaf_buffer[leaf] = d->a, p->leaf_element[leaf++] = d->b;
        } else {
            m.a = (uint16_t)s->reg[d->a];
            m.b = d->b < 0 ? m.a : (uint16_t)s->reg[d->b];
            m.c = d->aux < 0 ? m.a : (uint16_t)s->reg[d->aux];
        }
        p->micros[p->n_micros++] = m;
        store(s, p, i);
    }
    for (int32_t i = 0; i < s->g->n; i++)
        if (s->g->nodes[i].op == DA_G_CONST) store(s, p, i);
}

void da_lane_program_free(da_lane_program *p) {
    free(p->micros);
    free(p->splats);
    free(p->leaf_buffer);
    free(p->leaf_element);
    memset(p, 0, sizeof *p);
}

/* Room for the whole graph; 0 or -1. */
static int reserve_program(da_lane_program *p, const da_graph *g) {
    size_t n = (size_t)g->n + 1;
    p->micros = malloc((n + (size_t)g->n_roots) * sizeof *p->micros);
    p->splats = malloc(n * sizeof *p->splats);
    p->leaf_buffer = malloc(n * sizeof *p->leaf_buffer);
    p->leaf_element = malloc(n * sizeof *p->leaf_element);
    return p->micros && p->splats && p->leaf_buffer && p->leaf_element ? 0 : -1;
}

static int make_program(const da_graph *g, da_lane_program *p) {
    size_t n = (size_t)g->n + 1;
    int32_t *ints = malloc((6 * n + (size_t)g->n_roots) * sizeof *ints);
    char *done = malloc(n);
    int status = !ints || !done || reserve_program(p, g) ? -1 : 0;
    if (!status) {
        scheduler s = {g, ints, ints + n, ints + 2 * n, ints + 3 * n, ints + 4 * n, ints + 5 * n, ints + 6 * n, done, 0, 0};
        find_needs(&s);
        order_by_number(&s);
        assign(&s);
        int32_t recorded = s.n_regs;
        order_by_roots(&s);
        assign(&s);
        if (recorded < s.n_regs) {
            order_by_number(&s);
            assign(&s);
        }
        list_roots(&s);
        write_program(&s, p);
        if (p->n_regs + p->n_splats > UINT16_MAX) status = DA_LANES_UNFIT;
    }
    free(ints);
    free(done);
    return status;
}

/* The common precision of all operations into *type; 0, or DA_LANES_UNFIT. */
static int find_type(const da_graph *g, uint8_t *type) {
    int32_t single = 0, operations = 0;
    for (int32_t i = 0; i < g->n; i++) {
        const da_gnode *d = &g->nodes[i];
        if (d->op == DA_G_ARRAY) return DA_LANES_UNFIT;
        if (d->op == DA_G_CONST || d->op == DA_G_LEAF) continue;
        operations++;
        single += (d->flags & DA_F32) != 0;
    }
    *type = operations && single == operations ? DA_T_F32 : DA_T_F64;
    return single && single < operations ? DA_LANES_UNFIT : 0;
}

int da_graph_lanes(const da_graph *graph, da_lane_program *program) {
    da_graph g;
    memset(program, 0, sizeof *program);
    int status = da_graph_copy(&g, graph);
    if (!status && (da_graph_dead(&g) || da_graph_expand(&g) || da_graph_fuse(&g))) status = -1;
    if (!status) status = find_type(&g, &program->type);
    if (!status) status = make_program(&g, program);
    da_graph_free(&g);
    if (status) da_lane_program_free(program);
    return status;
}
