/* What several passes need: counts of uses, sorting. */
#include "da_graph_pass.h"
#include <string.h>

static void use(int32_t *uses, int32_t *user, int32_t x, int32_t i) {
    if (x < 0) return;
    uses[x]++;
    if (user) user[x] = i;
}

void da_graph_uses(const da_graph *g, int32_t *uses, int32_t *user) {
    memset(uses, 0, (size_t)g->n * sizeof *uses);
    for (int32_t i = 0; i < g->n; i++) {
        const da_gnode *d = &g->nodes[i];
        if (d->op < DA_G_OPS) {
            use(uses, user, d->a, i);
            use(uses, user, d->b, i);
            use(uses, user, d->aux, i);
        } else if (d->op >= DA_G_ARRAY) {
            for (int32_t k = 0; k < d->b; k++) use(uses, user, g->deps[d->aux + k], -1);
        }
    }
    for (int32_t k = 0; k < g->n_roots; k++) use(uses, user, g->roots[k], -1);
}

static void insertion_sort(da_keyed *list, int32_t n) {
    for (int32_t i = 1; i < n; i++) {
        da_keyed x = list[i];
        int32_t k = i;
        for (; k > 0 && list[k - 1].key > x.key; k--) list[k] = list[k - 1];
        list[k] = x;
    }
}

static int is_sorted(const da_keyed *list, int32_t n) {
    for (int32_t i = 1; i < n; i++)
        if (list[i - 1].key > list[i].key) return 0;
    return 1;
}

/* By bytes from the lowest, leaving out those that all keys share: recorded loops come sorted, or differ in few bytes. */
void da_sort_keyed(da_keyed *list, da_keyed *spare, int32_t n) {
    if (is_sorted(list, n)) return;
    if (n < 48) return insertion_sort(list, n);
    uint64_t differ = 0;
    for (int32_t i = 1; i < n; i++) differ |= list[i].key ^ list[0].key;
    da_keyed *from = list, *to = spare;
    for (int shift = 0; shift < 64; shift += 8) {
        if (!(differ >> shift & 255)) continue;
        int32_t start[257] = {0};
        for (int32_t i = 0; i < n; i++) start[(from[i].key >> shift & 255) + 1]++;
        for (int d = 0; d < 256; d++) start[d + 1] += start[d];
        for (int32_t i = 0; i < n; i++) to[start[from[i].key >> shift & 255]++] = from[i];
        da_keyed *other = from;
        from = to, to = other;
    }
    if (from != list) memcpy(list, from, (size_t)n * sizeof *list);
}
