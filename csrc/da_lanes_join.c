/* Joins arithmetic to stretches of machine code (da_machine.h). Kernels and stretches take turns: first whatever kernels can
 * run, then whatever arithmetic can be done with what there is, and so on, so that there are few and long stretches; LOADs come
 * first and STOREs last. What passes from one to the other is kept in a block, all else in registers. */
#include "da_lanes_private.h"
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 512, /* micro-operations that are put in order together: the blocks of what is made early are bounded */
    LONGEST = 1024,
    NOBODY = -1
};

/* An instruction on values instead of slots. */
typedef struct {
    int32_t in[3], out[2]; /* values, or NOBODY */
    int32_t turn;          /* when it runs: all of a stretch have the same */
    int32_t stretch;       /* number, or NOBODY */
} item;

typedef struct {
    int32_t slot;       /* of constants and named values; NOBODY: to be found */
    int32_t made, last; /* turns; last: it is read */
    uint8_t there, crosses;
} value;

typedef struct {
    da_lanes *l;
    item *items;      /* by instruction */
    int32_t *order;   /* instructions */
    int32_t *current; /* value in a slot */
    int32_t *free_blocks;
    value *values;
    da_machine_value *kept;
    da_stretch *stretches;
    da_machine_op *ops;
    da_inst *insts; /* the new ones */
    int32_t n_values, n_stretches, n_ops, n_blocks, n_free, n_order;
} plan;

static int is_arithmetic(const da_inst *i) { return da_machine_has(i->code); }

/* ---- values ---- */

static int32_t new_value(plan *p, int32_t slot) {
    p->values[p->n_values] = (value){.slot = slot};
    return p->n_values++;
}

static int32_t make(plan *p, int32_t slot) {
    int32_t v = new_value(p, slot < p->l->n_regs ? NOBODY : slot);
    p->current[slot] = v;
    return v;
}

static void read_instruction(plan *p, int32_t k) {
    const da_inst *i = &p->l->insts[k];
    int32_t slots[3] = {i->a, i->b, i->c};
    item *to = &p->items[k];
    *to = (item){{NOBODY, NOBODY, NOBODY}, {NOBODY, NOBODY}, 0, NOBODY};
    for (int n = 0; n < da_slots_read(i); n++) to->in[n] = p->current[slots[n]];
    if (i->code < DA_L_VALUES || i->code == DA_L_LOAD || i->code == DA_L_BOTH) to->out[0] = make(p, i->d);
    if (i->code == DA_L_BOTH) to->out[1] = make(p, i->b);
}

static void read_all(plan *p) {
    const da_lanes *l = p->l;
    for (int32_t k = 0; k < l->n_splats + l->n_filled; k++) {
        p->current[l->n_regs + k] = new_value(p, l->n_regs + k);
        p->values[k].there = 1;
    }
    for (int32_t k = 0; k < l->n_insts; k++) read_instruction(p, k);
}

/* ---- order ---- */

static int is_ready(const plan *p, int32_t inst) {
    for (int k = 0; k < 3; k++) {
        int32_t v = p->items[inst].in[k];
        if (v != NOBODY && !p->values[v].there) return 0;
    }
    return 1;
}

static void append(plan *p, int32_t inst) {
    p->order[p->n_order++] = inst;
    for (int k = 0; k < 2; k++)
        if (p->items[inst].out[k] != NOBODY) p->values[p->items[inst].out[k]].there = 1;
}

/* Appends what is ready and what becomes ready by that, of one kind; the others move up. How many are left. */
static int32_t append_ready(plan *p, int32_t *waiting, int32_t n, int arithmetic) {
    int32_t left = 0;
    for (int32_t k = 0; k < n; k++) {
        if (is_arithmetic(&p->l->insts[waiting[k]]) == arithmetic && is_ready(p, waiting[k])) append(p, waiting[k]);
        else waiting[left++] = waiting[k];
    }
    return left;
}

static void append_code(plan *p, int32_t code) {
    for (int32_t k = 0; k < p->l->n_insts; k++)
        if (p->l->insts[k].code == code) append(p, k);
}

static void find_order(plan *p) {
    const da_lanes *l = p->l;
    int32_t waiting[WINDOW], n = 0;
    if (l->n_operands && memchr(l->shared, 1, (size_t)l->n_operands)) { /* what is stored may be loaded again */
        for (int32_t k = 0; k < l->n_insts; k++) append(p, k);
        return;
    }
    append_code(p, DA_L_LOAD);
    for (int32_t k = 0; k < l->n_insts; k++) {
        if (l->insts[k].code != DA_L_LOAD && l->insts[k].code != DA_L_STORE) waiting[n++] = k;
        if (n < WINDOW && k < l->n_insts - 1) continue;
        while (n) {
            n = append_ready(p, waiting, n, 0);
            n = append_ready(p, waiting, n, 1);
        }
    }
    append_code(p, DA_L_STORE);
}

/* ---- stretches ---- */

static void add_stretch(plan *p, int32_t from, int32_t to) {
    p->stretches[p->n_stretches] = (da_stretch){.first = p->n_ops, .n = to - from};
    for (int32_t k = from; k < to; k++) {
        const item *i = &p->items[p->order[k]];
        p->items[p->order[k]].stretch = p->n_stretches;
        p->ops[p->n_ops++] = (da_machine_op){.code = p->l->insts[p->order[k]].code, .d = i->out[0], .x = {i->in[0], i->in[1], i->in[2]}};
    }
    p->n_stretches++;
}

static void find_stretches(plan *p) {
    for (int32_t k = 0, end; k < p->n_order; k = end) {
        end = k;
        while (end < p->n_order && end - k < LONGEST && is_arithmetic(&p->l->insts[p->order[end]])) end++;
        if (end - k > 1) add_stretch(p, k, end);
        if (end == k) end++;
    }
}

static void find_turns(plan *p) {
    int32_t turn = 0, before = NOBODY;
    for (int32_t k = 0; k < p->n_order; k++) {
        item *i = &p->items[p->order[k]];
        if (i->stretch == NOBODY || i->stretch != before) turn++;
        before = i->stretch;
        i->turn = turn;
        for (int n = 0; n < 2; n++)
            if (i->out[n] != NOBODY) p->values[i->out[n]].made = p->values[i->out[n]].last = turn, p->values[i->out[n]].crosses = before == NOBODY;
        for (int n = 0; n < 3; n++) {
            if (i->in[n] == NOBODY) continue;
            value *v = &p->values[i->in[n]];
            v->crosses |= v->made != turn;
            v->last = turn;
        }
    }
}

/* ---- blocks ---- */

static int needs_block(const value *v) { return v->slot == NOBODY && v->crosses; }

static void release(plan *p, const item *i) {
    for (int n = 0; n < 3; n++) {
        if (i->in[n] == NOBODY) continue;
        value *v = &p->values[i->in[n]];
        if (!needs_block(v) || v->last != i->turn) continue;
        p->free_blocks[p->n_free++] = p->kept[i->in[n]].at;
        v->last = NOBODY; /* once */
    }
}

static void reserve(plan *p, const item *i) {
    for (int n = 0; n < 2; n++) {
        if (i->out[n] == NOBODY || !needs_block(&p->values[i->out[n]])) continue;
        p->kept[i->out[n]] = (da_machine_value){.kept = DA_KEPT_BLOCK, .at = p->n_free ? p->free_blocks[--p->n_free] : p->n_blocks++};
    }
}

/* A stretch, and the pair of functions, may write a block before they have read all that they read. */
static void find_blocks(plan *p) {
    for (int32_t k = 0, end; k < p->n_order; k = end) {
        const item *first = &p->items[p->order[k]];
        int at_once = first->stretch != NOBODY || p->l->insts[p->order[k]].code == DA_L_BOTH;
        for (end = k; end < p->n_order && p->items[p->order[end]].turn == first->turn; end++) {
            if (!at_once) release(p, &p->items[p->order[end]]);
            reserve(p, &p->items[p->order[end]]);
        }
        for (int32_t j = k; j < end && at_once; j++) release(p, &p->items[p->order[j]]);
    }
}

/* A slot after the blocks, by its new number. */
static int32_t renumbered(const plan *p, int32_t slot) { return slot + p->n_blocks - p->l->n_regs; }

static void find_kept(plan *p) {
    const da_lanes *l = p->l;
    for (int32_t k = 0; k < p->n_values; k++) {
        const value *v = &p->values[k];
        if (k < l->n_splats) p->kept[k] = (da_machine_value){.kept = DA_KEPT_SPLAT, .at = k};
        else if (k < l->n_splats + l->n_filled) p->kept[k] = (da_machine_value){.kept = DA_KEPT_SPLAT, .at = l->filled[k - l->n_splats]};
        else if (v->slot != NOBODY) p->kept[k] = (da_machine_value){.kept = DA_KEPT_SLOT, .at = renumbered(p, v->slot)};
        else if (!v->crosses) p->kept[k] = (da_machine_value){.kept = DA_KEPT_NOWHERE};
    }
}

/* ---- the new program ---- */

static int32_t slot_of(const plan *p, int32_t v) {
    return p->values[v].slot == NOBODY ? p->kept[v].at : renumbered(p, p->values[v].slot);
}

/* An instruction that is not joined, on the new slots. */
static da_inst moved(const plan *p, int32_t k) {
    da_inst i = p->l->insts[k];
    const item *from = &p->items[k];
    int32_t *slots[3] = {&i.a, &i.b, &i.c};
    for (int n = 0; n < 3; n++)
        if (from->in[n] != NOBODY) *slots[n] = slot_of(p, from->in[n]);
    if (from->out[0] != NOBODY) i.d = slot_of(p, from->out[0]);
    if (from->out[1] != NOBODY) i.b = slot_of(p, from->out[1]);
    if (i.code == DA_L_STORE && i.d != DA_NO_SLOT) i.d = renumbered(p, i.d);
    return i;
}

static void rewrite(plan *p) {
    da_lanes *l = p->l;
    int32_t n = 0, before = NOBODY;
    for (int32_t k = 0; k < p->n_order; k++) {
        int32_t s = p->items[p->order[k]].stretch;
        if (s != NOBODY && s == before) continue;
        if (s != NOBODY) p->insts[n] = (da_inst){.code = DA_L_STRETCH, .d = DA_NO_SLOT, .operand = p->stretches[s].entry};
        else p->insts[n] = moved(p, p->order[k]);
        if (p->insts[n].code == DA_L_LOAD || p->insts[n].code == DA_L_STORE) l->moves[p->insts[n].b] = n;
        n++, before = s;
    }
    memcpy(l->insts, p->insts, (size_t)n * sizeof *p->insts);
    l->n_insts = n, l->n_regs = p->n_blocks, l->n_joined = p->n_ops;
}

/* Where in the order each instruction stands: for da_lanes_may_overwrite. */
static void keep_ranks(plan *p) {
    for (int32_t k = 0; k < p->n_order; k++) p->free_blocks[p->order[k]] = k; /* no longer needed otherwise */
    da_note_ranks(p->l, p->free_blocks);
}

static int join(plan *p) {
    da_lanes *l = p->l;
    int32_t block = l->block;
    read_all(p);
    find_order(p);
    find_stretches(p);
    if (!p->n_stretches) return 0;
    find_turns(p);
    find_blocks(p);
    find_kept(p);
    l->block = da_block_for(l, p->n_blocks);
    size_t item_size = l->type == DA_T_F64 ? 8 : 4;
    da_machine_text text = {.stretches = p->stretches, .ops = p->ops, .values = p->kept, .n_stretches = p->n_stretches, .n_values = p->n_values,
                            .apart = da_apart(l) * item_size, .single = item_size == 4};
    if (!da_machine_write(&l->code, &text)) {
        l->block = block;
        return 0;
    }
    keep_ranks(p);
    rewrite(p);
    return 1;
}

int da_join(da_lanes *l) {
    size_t n = (size_t)l->n_insts, slots = (size_t)(da_first_named(l) + l->n_named), values = slots + 2 * n;
    size_t bytes = n * (sizeof(item) + sizeof(da_stretch) + sizeof(da_machine_op) + sizeof(da_inst) + sizeof(int32_t)) + slots * sizeof(int32_t) +
                   values * (sizeof(value) + sizeof(da_machine_value) + sizeof(int32_t));
    if (!da_machine_runs()) return 0;
    char *memory = calloc(1, bytes + 1);
    if (!memory) return 0;
    plan p = {.l = l};
    p.items = (item *)(void *)memory;
    p.stretches = (da_stretch *)(p.items + n);
    p.ops = (da_machine_op *)(p.stretches + n);
    p.insts = (da_inst *)(p.ops + n);
    p.values = (value *)(p.insts + n);
    p.kept = (da_machine_value *)(p.values + values);
    p.order = (int32_t *)(p.kept + values);
    p.current = p.order + n;
    p.free_blocks = p.current + slots;
    int done = join(&p);
    free(memory);
    return done;
}
