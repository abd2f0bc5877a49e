/* Sums that compute what they add up: a pass through L1 less for each operation. The bits are those of one after the other. */
#include "da_lanes_private.h"

static int reads(const da_micro *m, int reg) {
    int n = m->code == DA_L_LOAD ? 0 : da_lanes_arity(m->code);
    return (n > 0 && m->a == reg) || (n > 1 && m->b == reg) || (n > 2 && m->c == reg);
}

static int writes(const da_micro *m, int reg) { return (m->code < DA_L_VALUES || m->code == DA_L_LOAD) && m->dst == reg; }

/* The operation that makes what operation `reader` finds in a register, if nobody else reads it; -1: there is none. */
static int32_t only_maker(const da_region *r, int32_t reader, int reg) {
    int32_t made = reader - 1, k;
    while (made >= 0 && !writes(&r->micros[made], reg)) made--;
    if (made < 0 || r->micros[made].code >= DA_L_VALUES) return -1;
    for (k = made + 1; k < r->n_micros && (k <= reader || !writes(&r->micros[k - 1], reg)); k++)
        if (k != reader && reads(&r->micros[k], reg)) return -1;
    return made;
}

static int makes(const da_inst *i, int32_t slot) {
    if (i->code == DA_L_BOTH) return i->d == slot || i->b == slot;
    return (i->code < DA_L_VALUES || i->code == DA_L_LOAD) && i->d == slot;
}

/* Whether what an operation that is taken out reads is still there at the sum: lanes, which nothing between writes. */
static int at_hand(const da_lanes *l, int32_t from, int32_t sum) {
    const da_inst *i = &l->insts[from];
    if (i->variant) return 0;
    for (int32_t k = from + 1; k < sum; k++) {
        const da_inst *other = &l->insts[k];
        if (makes(other, i->a) || (da_lanes_arity(i->code) > 1 && makes(other, i->b))) return 0;
    }
    return 1;
}

/* Sums of products, and of squares of differences. */
static void fuse_sum(da_lanes *l, const da_region *r, int32_t sum) {
    int32_t product = only_maker(r, sum, r->micros[sum].a), difference = -1;
    if (product < 0 || (r->micros[product].code != DA_mul && r->micros[product].code != DA_square)) return;
    da_inst *s = &l->insts[sum], *p = &l->insts[product];
    int square = p->code == DA_square;
    if (square) difference = only_maker(r, product, r->micros[product].a);
    if (difference >= 0 && r->micros[difference].code == DA_sub) {
        da_inst *d = &l->insts[difference];
        p->code = DA_L_DONE;
        if (at_hand(l, difference, sum)) {
            s->a = d->a, s->b = d->b, s->c = DA_SUM_SQUARES, d->code = DA_L_DONE;
            return;
        }
        p->code = DA_square;
    }
    if (at_hand(l, product, sum)) s->a = p->a, s->b = square ? p->a : p->b, s->c = DA_SUM_PRODUCTS, p->code = DA_L_DONE;
}

/* The LOAD that makes a slot which only one operation reads; NULL: there is none. */
static da_inst *only_load(da_lanes *l, int32_t slot) {
    da_inst *load = NULL;
    int readers = 0;
    for (int32_t k = 0; k < l->n_insts; k++) {
        da_inst *i = &l->insts[k];
        if (i->code == DA_L_LOAD && i->d == slot) load = i;
        int n = da_slots_read(i);
        readers += (n > 0 && i->a == slot) || (n > 1 && i->b == slot) || (n > 2 && i->c == slot);
    }
    return readers == 1 ? load : NULL;
}

/* A sum over rows need not have copies of an operand that is the same for many rows: it finds the row in memory. */
static void find_rows(da_lanes *l, const da_region *r, da_inst *sum) {
    if (r->axis != DA_AXIS_LAST || sum->c < DA_N_REDUCTIONS || sum->a == sum->b || r->n_inner >= r->ndim) return;
    for (int k = 0; k < 2; k++) {
        int32_t a = sum->a;
        da_inst *load = only_load(l, a);
        if (load && !r->operands[load->operand].stride[r->ndim - r->n_inner - 1]) {
            load->variant = 1, sum->d = load->operand;
            return;
        }
        sum->a = sum->b, sum->b = a; /* either operand may be the first */
    }
}

/* Takes out what is done elsewhere. */
static void compact(da_lanes *l) {
    int32_t n = 0;
    for (int32_t k = 0; k < l->n_insts; k++) {
        if (l->insts[k].code == DA_L_DONE) continue;
        if (l->insts[k].code == DA_L_LOAD || l->insts[k].code == DA_L_STORE) l->moves[l->insts[k].b] = n;
        l->insts[n++] = l->insts[k];
    }
    l->n_insts = n;
}

void da_fuse_sums(da_lanes *l, const da_region *r) {
    for (int32_t k = 0; k < r->n_micros; k++)
        if (r->micros[k].code == DA_L_REDUCE && r->reductions[r->micros[k].operand].op == DA_SUM) fuse_sum(l, r, k);
    compact(l);
    for (int32_t k = 0; k < l->n_insts; k++)
        if (l->insts[k].code == DA_L_REDUCE) find_rows(l, r, &l->insts[k]);
}
