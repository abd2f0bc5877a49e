/* Which lane groups and instructions of scalar code become stretches, and their operations. */
#include "da_machine_joiner.h"
#include "da_lanes_private.h"
#include <stdlib.h>

enum {
    FEWEST = 6,          /* operations: the call of a stretch takes as long as an instruction or two of scalar code */
    MOST_LANES = 128,    /* of a group: from there on a kernel is as fast */
    FEW_LANES = 64,      /* likewise in a long program, whose code would come from memory instead of the cache */
    MOST = 1 << 18,      /* of a program: a million took 9.7 ms from memory, 4.4 by the interpreter, 150,000 took 0.13 ms instead of 0.35 */
    LONG = 12000,        /* operations of a long program: 250 kB of code */
    MOST_BANK = 1 << 27  /* so that displacements have 32 bits */
};

/* ---- operations ---- */

static void note_written(da_joiner *j, int32_t v, int32_t at, da_form form) {
    da_cell *c = &j->cells[at];
    j->since[v] = ++j->clock;
    j->values[v].stays = j->outside != NULL;
    for (int k = 0; k < da_form_width(form); k++) c[k].maker = v, c[k].written = j->clock;
    *(form == DA_FORM_WHOLE ? &c->whole : form == DA_FORM_TWO ? &c->two : &c->one) = v;
}

static void operate(da_joiner *j, int code, da_form form, const da_lanes_at *x, int32_t buffer, int32_t to) {
    int32_t v[3] = {0};
    if (!da_joiner_has_room(j)) return;
    for (int k = 0; k < da_lanes_arity(code); k++) v[k] = da_joined_operand(j, &x[k], form);
    int32_t d = da_new_value(j, buffer == DA_LANE_BANK ? DA_KEPT_BLOCK : DA_KEPT_BUFFER, buffer, to, form);
    da_new_op(j, code, form, 0, d, v[0], v[1], v[2]);
    j->lanes += da_form_width(form);
    if (buffer == DA_LANE_BANK) note_written(j, d, to, form);
    else j->clock++;
}

static void operate_scalar(da_joiner *j, const da_scalar *s) {
    da_scalar_form f = da_scalar_form_of(s->code);
    const int32_t *positions = da_scalar_positions(s);
    da_lanes_at x[3];
    for (int k = 0; k < da_lanes_arity(f.op); k++) {
        x[k] = (da_lanes_at){.buffer = DA_LANE_BANK};
        for (int i = 0; i < f.lanes; i++) x[k].at[i] = f.width == f.lanes ? positions[k] + i : positions[k * DA_PACK + i];
        x[k].same = f.lanes > 1;
        for (int i = 1; i < f.lanes; i++) x[k].same &= x[k].at[i] == x[k].at[0];
    }
    operate(j, f.op, f.lanes > 1 ? DA_FORM_WHOLE : s->code & DA_L_F32 ? DA_FORM_SINGLE : DA_FORM_ONE, x, DA_LANE_BANK, s->dst);
}

static da_lanes_at lanes_at(const da_joiner *j, const da_lane *l, int64_t from, int n) {
    da_lanes_at x = {.buffer = l->buffer};
    if (l->kind == DA_LANE_VALUE) return x.number = l->value, x.is_number = 1, x;
    x.same = l->kind == DA_LANE_AFFINE && !l->stride;
    for (int i = 0; i < n; i++)
        x.at[i] = l->kind == DA_LANE_AFFINE ? (int32_t)(l->offset + (from + i) * l->stride) : j->part->lists[l->offset + from + i];
    return x;
}

static void operate_group(da_joiner *j, const da_group *g) {
    const da_lane *lanes[3] = {&g->a, &g->b, &g->c};
    for (int64_t i = 0, n; i < g->n; i += n) {
        da_form form = g->n - i >= DA_PACK ? DA_FORM_WHOLE : g->n - i >= 2 ? DA_FORM_TWO : DA_FORM_ONE;
        da_lanes_at x[3];
        n = da_form_width(form);
        for (int k = 0; k < da_lanes_arity(g->code); k++) x[k] = lanes_at(j, lanes[k], i, (int)n);
        operate(j, g->code, form, x, g->dst.buffer, (int32_t)(g->dst.offset + i));
    }
}

/* ---- which groups and instructions ---- */

static int lane_fits(const da_lane *l) {
    if (l->kind == DA_LANE_VALUE) return 1;
    if (l->type != DA_T_F64) return 0;
    return l->kind == DA_LANE_INDEXED || (l->offset < MOST_BANK && l->offset + (int64_t)MOST_LANES * l->stride < MOST_BANK);
}

static int group_fits(const da_group *g, int32_t most_lanes) {
    const da_lane *lanes[3] = {&g->a, &g->b, &g->c};
    if (g->code >= DA_L_VALUES || !da_machine_has(g->code) || g->n > most_lanes) return 0;
    int fits = lane_fits(&g->dst) && g->dst.kind == DA_LANE_AFFINE && (g->dst.stride == 1 || g->n == 1);
    for (int k = 0; k < da_lanes_arity(g->code); k++) fits = fits && lane_fits(lanes[k]);
    return fits;
}

/* Operations that there would be about if all groups of up to MOST_LANES were joined. */
static int64_t size_of(const da_groups_part *parts, int32_t n) {
    int64_t size = 0;
    for (int32_t k = 0; k < n; k++)
        for (int32_t i = 0; i < parts[k].n; i++) {
            const da_group *g = &parts[k].groups[i];
            size += g->code == DA_L_SCALARS ? g->n : group_fits(g, MOST_LANES) ? g->n / DA_PACK + 1 : 0;
        }
    return size;
}

static da_group_cursor after(const da_joiner *j, da_group_cursor c) {
    const da_group *g = &j->part->groups[c.group];
    if (g->code == DA_L_SCALARS && g->n) {
        c.at += da_scalar_form_of(j->scalars[g->a.offset + c.at].code).slots;
        if (c.at < g->n) return c;
    }
    return (da_group_cursor){c.group + 1, 0};
}

/* ---- stretches, and the groups between them ---- */

static void note_lane(da_joiner *j, const da_lane *l, int32_t n) {
    if (l->kind == DA_LANE_VALUE || l->buffer != DA_LANE_BANK) return;
    for (int64_t i = 0; i < n; i++) da_note_read(j, l->kind == DA_LANE_AFFINE ? (int32_t)(l->offset + i * l->stride) : j->part->lists[l->offset + i], 1);
}

static void note_scalars(da_joiner *j, const da_scalar *s, int32_t n) {
    da_scalar_form f;
    for (const da_scalar *end = s + n; s < end; s += f.slots) {
        f = da_scalar_form_of(s->code);
        for (int32_t k = 0; k < f.n_positions; k++) da_note_read(j, da_scalar_positions(s)[k], f.width);
    }
}

/* What a group reads that is run as before. */
static void note_group(da_joiner *j, const da_group *g) {
    const da_lane *lanes[3] = {&g->a, &g->b, &g->c};
    if (g->code == DA_L_SCALARS) note_scalars(j, j->scalars + g->a.offset, g->n);
    int n = g->code == DA_L_REDUCE ? 1 : g->code < DA_L_VALUES ? da_lanes_arity(g->code) : 0;
    for (int k = 0; k < n; k++) note_lane(j, lanes[k], g->n);
}

static void push_group(da_joiner *j, da_group g) {
    if (!da_joiner_has_room(j)) return;
    note_group(j, &g);
    da_group *last = j->n_groups > j->first_group ? &j->groups[j->n_groups - 1] : NULL;
    int more = g.code == DA_L_SCALARS && last && last->code == DA_L_SCALARS && last->a.offset + last->n == g.a.offset;
    if (more) last->n += g.n;
    else j->groups[j->n_groups++] = g;
}

/* What stands from one place to another, to be run as before. */
static void push_groups(da_joiner *j, da_group_cursor from, da_group_cursor to) {
    for (int32_t k = from.group; k < to.group || (k == to.group && to.at); k++) {
        da_group g = j->part->groups[k];
        int32_t first = k == from.group ? from.at : 0;
        if (g.code == DA_L_SCALARS) g.n = (k == to.group ? to.at : g.n) - first, g.a.offset += first;
        push_group(j, g);
    }
}

static void begin_stretch(da_joiner *j, da_group_cursor at) {
    j->open = 1, j->first = at, j->first_op = j->n_ops, j->lanes = 0;
    j->start = ++j->clock;
}

/* Closes the stretch, if one is open, before `end`. */
static void end_stretch(da_joiner *j, da_group_cursor end) {
    int32_t n = j->n_ops - j->first_op;
    if (!j->open || !da_joiner_has_room(j)) return;
    j->open = 0;
    if (n < FEWEST) {
        j->n_ops = j->first_op;
        push_groups(j, j->first, end);
        return;
    }
    j->stretches[j->n_stretches] = (da_stretch){.first = j->first_op, .n = n};
    push_group(j, (da_group){.code = DA_L_STRETCH, .a.offset = j->n_stretches++});
    j->n_joined += j->lanes;
}

static void join_part(da_joiner *j) {
    da_group_cursor end = {j->part->n, 0};
    for (da_group_cursor c = {0, 0}, next; c.group < end.group && !j->failed; c = next) {
        const da_group *g = &j->part->groups[c.group];
        int scalar = g->code == DA_L_SCALARS;
        next = after(j, c);
        if (!g->n && g->code != DA_L_REDUCE) continue; /* an empty sum is 0 */
        const da_scalar *s = scalar ? j->scalars + g->a.offset + c.at : NULL;
        if (scalar ? !da_machine_has(da_scalar_form_of(s->code).op) : !group_fits(g, j->most_lanes)) {
            end_stretch(j, c);
            push_groups(j, c, next);
            continue;
        }
        if (!j->open) begin_stretch(j, c);
        if (scalar) operate_scalar(j, s);
        else operate_group(j, g);
    }
    end_stretch(j, end);
}

static int write(da_joiner *j, da_joined_groups *out) {
    da_machine_text text = {.stretches = j->stretches, .ops = j->ops, .values = j->values, .constants = j->constants, .n_stretches = j->n_stretches,
                            .n_values = j->n_values, .n_constants = j->n_constants, .apart = sizeof(double)};
    if (j->failed || !j->n_stretches || !da_machine_write(&out->code, &text)) return 0;
    if (out->code.n_spills > DA_JOINED_SPILLS) return da_machine_free(&out->code), 0;
    for (int32_t k = 0; k < j->n_groups; k++)
        if (j->groups[k].code == DA_L_STRETCH) j->groups[k].a.offset = j->stretches[j->groups[k].a.offset].entry;
    out->groups = j->groups, out->n_groups = j->n_groups, out->n_joined = j->n_joined;
    j->groups = NULL;
    return 1;
}

int da_groups_join(da_joined_groups *out, da_groups_part *parts, int32_t n, const da_joined_bank *bank) {
    int64_t size = size_of(parts, n);
    da_joiner j = {.scalars = bank->scalars, .outside = bank->outside, .most_lanes = size > LONG ? FEW_LANES : MOST_LANES};
    *out = (da_joined_groups){.groups = NULL};
    if (!da_machine_runs() || size > MOST || bank->size >= MOST_BANK) return 0;
    j.cells = malloc((size_t)(bank->size + 1) * sizeof *j.cells);
    j.failed = !j.cells;
    for (int32_t k = 0; k < bank->size && j.cells; k++) j.cells[k] = (da_cell){DA_NOBODY, DA_NOBODY, DA_NOBODY, DA_NOBODY, DA_NOBODY, 0};
    for (int k = 0; k < DA_KNOWN_CONSTANTS; k++) j.known[k] = DA_NOBODY;
    for (int32_t k = 0; k < n && !j.failed; k++) {
        j.part = &parts[k], j.first_group = j.n_groups;
        join_part(&j);
        parts[k].end = j.n_groups;
    }
    for (int32_t k = 0; k < bank->size && !j.failed; k++)
        if (bank->outside && bank->outside[k]) da_note_read(&j, k, 1);
    int done = write(&j, out);
    free(j.cells), free(j.ops), free(j.values), free(j.since), free(j.constants), free(j.stretches), free(j.groups);
    return done;
}

void da_joined_groups_free(da_joined_groups *joined) {
    if (joined->groups) da_machine_free(&joined->code);
    free(joined->groups);
    joined->groups = NULL;
}
