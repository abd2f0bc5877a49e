/* The role of a node is how its value is used: by which operation, as which operand, and what becomes of that. In an unrolled
 * loop, nodes of one role are the same line of code in different iterations; the components of a small vector have different
 * roles. Groups whose lanes are ordered by role first have operands that stand side by side ("structure of arrays"). */
#include "da_graph_planner.h"
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t role, uint64_t use) {
    uint64_t z = (role ^ use * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu; /* MurmurHash3's finalizer */
    z = (z ^ (z >> 33)) * 0xc4ceb9fe1a85ec53u;
    return z ^ (z >> 33);
}

/* Adds to the roles `to` of the operands of node i what its own role gives them. The order of users does not matter. */
static void pass_on(const da_graph *g, int32_t i, uint64_t role, uint64_t *to) {
    const da_gnode *d = &g->nodes[i];
    if (d->op >= DA_G_ARRAY) { /* a reduction or step wants its own operands together, not those of all reductions */
        for (int32_t k = 0; k < d->b; k++) to[g->deps[d->aux + k]] += mix(role, (uint64_t)i << 20);
    } else if (d->op < DA_G_OPS) {
        for (int k = 0; k < 3; k++)
            if (da_operand_of(d, k) >= 0) to[da_operand_of(d, k)] += mix(role, (uint64_t)d->op << 2 | (uint64_t)k);
    }
}

static void find_roles(const da_graph *g, da_role_kind kind, uint64_t *role, uint64_t *before) {
    enum { NEAR = 3 };
    size_t bytes = (size_t)g->n * sizeof *role;
    memset(role, 0, bytes);
    for (int32_t k = 0; k < g->n_roots; k++) role[g->roots[k]] = 1;
    if (kind == DA_ROLES_DEEP) {
        for (int32_t i = g->n - 1; i >= 0; i--) pass_on(g, i, role[i], role);
        return;
    }
    for (int round = 0; round < NEAR; round++) {
        memcpy(before, role, bytes);
        memset(role, 0, bytes);
        for (int32_t i = 0; i < g->n; i++) pass_on(g, i, before[i], role);
    }
}

/* Numbers the roles in the order in which they appear: class[i] < the number of classes, which is returned. */
static int32_t number_roles(int32_t n, const uint64_t *role, int32_t *table, uint64_t mask, int32_t *class) {
    int32_t classes = 0;
    for (int32_t i = 0; i < n; i++) {
        uint64_t at = role[i] & mask;
        while (table[at] >= 0 && role[table[at]] != role[i]) at = (at + 1) & mask;
        if (table[at] < 0) {
            table[at] = i;
            class[i] = classes++;
        } else {
            class[i] = class[table[at]];
        }
    }
    return classes;
}

int da_find_classes(da_planner *p, da_role_kind kind) {
    const da_graph *g = p->g;
    size_t n = (size_t)g->n + 1, size = 16;
    while (size < 2 * n) size *= 2;
    uint64_t *role = malloc(2 * n * sizeof *role);
    int32_t *table = malloc(size * sizeof *table);
    int failed = !role || !table;
    if (!failed) {
        memset(table, 0xff, size * sizeof *table);
        find_roles(g, kind, role, role + n);
        p->n_classes = number_roles(g->n, role, table, size - 1, p->class);
    }
    free(role);
    free(table);
    return failed ? -1 : 0;
}

/* Members by class; those of small classes together at the end. The end of each part goes to p->ends; returns the number of
 * parts. */
int32_t da_split_members(da_planner *p, int32_t *members, int32_t n) {
    int32_t parts = 0, small = 0, *count = p->count, *start = p->trial;
    if (n < 2 * DA_RUN_MIN) return p->ends[0] = n, 1;
    for (int32_t k = 0; k < n; k++) count[p->class[members[k]]]++;
    for (int32_t k = 0, next = 0; k < n; k++) {
        int32_t c = p->class[members[k]];
        if (count[c] >= DA_RUN_MIN) { /* seen first: from now on `count` is the part, marked */
            p->ends[parts] = next;
            next += count[c];
            count[c] = ~parts++;
        } else if (count[c] >= 0) {
            small++;
        }
    }
    p->ends[parts] = n - small;
    for (int32_t k = 0; k < n; k++) {
        int32_t c = count[p->class[members[k]]];
        start[p->ends[c < 0 ? ~c : parts]++] = members[k];
    }
    for (int32_t k = 0; k < n; k++) count[p->class[members[k]]] = 0;
    memcpy(members, start, (size_t)n * sizeof *members);
    return small ? parts + 1 : parts;
}
