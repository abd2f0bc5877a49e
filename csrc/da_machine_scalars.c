/* From lane groups and scalar code to the operations of stretches. Results always go to the bank; what was just computed or read
 * is known by its place, and is in a register or not as da_machine.c decides. Vectors that do not stand side by side are put together
 * from registers where these hold them: a load of what several instructions have just stored would wait for the stores. */
#include "da_machine_scalars.h"
#include "da_lanes_private.h"
#include <stdlib.h>
#include <string.h>

enum {
    FEWEST = 4,          /* operations: the call of a stretch takes as long as an instruction or two of scalar code */
    MOST_LANES = 128,    /* of a group: from there on a kernel is as fast */
    FEW_LANES = 32,      /* likewise in a long program, whose code would come from memory instead of the cache */
    LONG = 5000,         /* operations of a long program: 120 kB of code */
    MOST_OPS = 1 << 23,  /* so that code is less than 2 GB */
    MOST_BANK = 1 << 27, /* so that displacements have 32 bits */
    RECENT = 40,         /* operations after which a store has reached the cache */
    CONSTANTS = 64,
    ROOM = 64, /* operations and values that a part of an item makes at most */
    NOBODY = -1
};

/* By position of the bank. one, two, whole, splat: the value of this form that begins there. */
typedef struct {
    int32_t one, two, whole, splat;
    int32_t maker;   /* the value that was stored there last */
    int32_t written; /* when */
} cell;

/* A group, and an instruction in it if it is scalar code. */
typedef struct {
    int32_t group, at;
} cursor;

typedef struct {
    const da_groups_part *part;
    const da_scalar *scalars;
    const uint8_t *outside;
    cell *cells;
    da_machine_op *ops;
    da_machine_value *values;
    int32_t *since; /* when a value was made, or first read */
    double *constants;
    da_stretch *stretches;
    da_group *groups;
    int32_t n_ops, n_values, n_constants, n_stretches, n_groups;
    int32_t room_ops, room_values, room_constants, room_stretches, room_groups;
    int32_t known[CONSTANTS];   /* values of constants, by their bits */
    int32_t clock, start;       /* now; when the stretch began */
    int32_t first_op, lanes;    /* of the stretch */
    int32_t n_joined, most_lanes; /* of a group */
    int32_t first_group;          /* of the part */
    cursor first; /* of the stretch */
    int open, failed;
} joiner;

/* Four lanes or fewer of an operand: a number, or places in the bank or a buffer. */
typedef struct {
    double number;
    int32_t is_number, same; /* same: one place for all */
    int32_t buffer, at[DA_PACK];
} lanes_of;

static int width_of(da_form form) { return form == DA_FORM_WHOLE ? DA_PACK : form == DA_FORM_TWO ? 2 : 1; }

static void reserve(joiner *j, void *list, int32_t n, int32_t *room, size_t size) {
    void **p = list;
    if (j->failed || n + ROOM <= *room) return;
    void *q = realloc(*p, 2 * (size_t)(n + ROOM) * size);
    if (q) *p = q, *room = 2 * (n + ROOM);
    else j->failed = 1;
}

/* Whether there is room for what follows. */
static int have_room(joiner *j) {
    int32_t room = j->room_values;
    reserve(j, &j->since, j->n_values, &room, sizeof *j->since);
    reserve(j, &j->values, j->n_values, &j->room_values, sizeof *j->values);
    reserve(j, &j->ops, j->n_ops, &j->room_ops, sizeof *j->ops);
    reserve(j, &j->constants, j->n_constants, &j->room_constants, sizeof *j->constants);
    reserve(j, &j->stretches, j->n_stretches, &j->room_stretches, sizeof *j->stretches);
    reserve(j, &j->groups, j->n_groups, &j->room_groups, sizeof *j->groups);
    if (j->n_ops > MOST_OPS) j->failed = 1;
    return !j->failed;
}

/* ---- values ---- */

static int32_t new_value(joiner *j, da_kept kept, int32_t buffer, int32_t at, da_form form) {
    j->values[j->n_values] = (da_machine_value){.kept = kept, .at = at, .slot = 2 * buffer, .form = form}; /* a span: pointer and bytes */
    j->since[j->n_values] = j->clock;
    return j->n_values++;
}

static int32_t new_op(joiner *j, int code, da_form form, int immediate, int32_t d, int32_t x, int32_t y, int32_t z) {
    j->ops[j->n_ops++] = (da_machine_op){.code = code, .d = d, .x = {x, y, z}, .form = form, .immediate = immediate};
    return d;
}

static int32_t moved(joiner *j, int code, int immediate, int32_t x, int32_t y) {
    da_form form = code == DA_MOVE_TWO ? DA_FORM_TWO : code == DA_MOVE_ROUND ? DA_FORM_SINGLE : DA_FORM_WHOLE;
    return new_op(j, code, form, immediate, new_value(j, DA_KEPT_NOWHERE, 0, 0, form), x, y, 0);
}

static int32_t constant(joiner *j, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    int32_t *known = &j->known[(bits ^ bits >> 52 ^ bits >> 26) % CONSTANTS];
    if (*known != NOBODY && !memcmp(&j->constants[j->values[*known].at], &number, sizeof number)) return *known;
    j->constants[j->n_constants] = number;
    return *known = new_value(j, DA_KEPT_CONSTANT, 0, j->n_constants++, DA_FORM_WHOLE);
}

/* Somebody reads positions from memory. */
static void note_read(joiner *j, int32_t at, int width) {
    for (int k = 0; k < width; k++)
        if (j->cells[at + k].maker != NOBODY) j->values[j->cells[at + k].maker].stays = 0;
}

/* When the last of some positions was written. */
static int32_t written(const joiner *j, int32_t at, int width) {
    int32_t last = j->start;
    for (int k = 0; k < width; k++)
        if (j->cells[at + k].written > last) last = j->cells[at + k].written;
    return last;
}

/* The value that stands in the bank from `at` on, by its cell: what is known already, if nothing was written over it. */
static int32_t from_bank(joiner *j, int32_t *known, da_kept kept, int32_t at, da_form form) {
    int width = kept == DA_KEPT_SPLAT ? 1 : width_of(form);
    if (*known == NOBODY || j->since[*known] < written(j, at, width)) {
        *known = new_value(j, kept, 0, at, form);
        note_read(j, at, width);
    }
    return *known;
}

static int32_t range(joiner *j, int32_t buffer, int32_t at, da_form form) {
    if (buffer != DA_LANE_BANK) return new_value(j, DA_KEPT_BUFFER, buffer, at, form);
    cell *c = &j->cells[at];
    return from_bank(j, form == DA_FORM_WHOLE ? &c->whole : form == DA_FORM_TWO ? &c->two : &c->one, DA_KEPT_BLOCK, at, form);
}

static int32_t splat(joiner *j, int32_t buffer, int32_t at) {
    if (buffer != DA_LANE_BANK) return new_value(j, DA_KEPT_BUFFER_SPLAT, buffer, at, DA_FORM_WHOLE);
    return from_bank(j, &j->cells[at].splat, DA_KEPT_SPLAT, at, DA_FORM_WHOLE);
}

/* ---- vectors that are put together ---- */

static int side_by_side(const int32_t *at, int n) {
    for (int k = 1; k < n; k++)
        if (at[k] != at[0] + k) return 0;
    return 1;
}

/* The vector of this stretch that still stands where position `at` is, or NOBODY. */
static int32_t maker(const joiner *j, int32_t at) {
    int32_t v = j->cells[at].maker;
    if (v == NOBODY || j->since[v] <= j->start || j->values[v].form != DA_FORM_WHOLE) return NOBODY;
    return j->since[v] >= written(j, j->values[v].at, DA_PACK) ? v : NOBODY;
}

/* Two vectors that hold four positions; the second may be NOBODY. 0: there are none. */
static int two_makers(const joiner *j, const int32_t *at, int32_t *v) {
    v[0] = maker(j, at[0]), v[1] = NOBODY;
    for (int k = 0; k < DA_PACK; k++) {
        int32_t m = maker(j, at[k]);
        if (m == NOBODY) return 0;
        if (m == v[0] || m == v[1]) continue;
        if (v[1] != NOBODY) return 0;
        v[1] = m;
    }
    return 1;
}

/* Lanes of v in the places where the operand wants them; other lanes stay. */
static int32_t permuted(joiner *j, const int32_t *at, int32_t v) {
    int order = 0, first = j->values[v].at;
    for (int k = 0; k < DA_PACK; k++) {
        int lane = at[k] >= first && at[k] < first + DA_PACK ? at[k] - first : k;
        order |= lane << 2 * k;
    }
    return order == 0xe4 ? v : moved(j, DA_MOVE_PERMUTE, order, v, 0);
}

static int32_t from_makers(joiner *j, const int32_t *at, const int32_t *v) {
    if (v[1] == NOBODY) return permuted(j, at, v[0]);
    int32_t first = j->values[v[0]].at, shift = at[0] - first;
    if (side_by_side(at, DA_PACK) && j->values[v[1]].at == first + DA_PACK) {
        int32_t middle = moved(j, DA_MOVE_TURN, 0x21, v[0], v[1]);
        if (shift == 2) return middle;
        return shift == 1 ? moved(j, DA_MOVE_SHUFFLE, 5, v[0], middle) : moved(j, DA_MOVE_SHUFFLE, 5, middle, v[1]);
    }
    int mask = 0, second = j->values[v[1]].at;
    for (int k = 0; k < DA_PACK; k++) mask |= (at[k] >= second && at[k] < second + DA_PACK) << k;
    int32_t x = permuted(j, at, v[0]), y = permuted(j, at, v[1]);
    return moved(j, DA_MOVE_BLEND, mask, x, y);
}

/* Whether the range was stored a while ago, or at once. */
static int is_settled(const joiner *j, int32_t at, int width) {
    int one = 1;
    for (int k = 1; k < width; k++) one &= j->cells[at + k].written == j->cells[at].written;
    return one || written(j, at, width) < j->clock - RECENT;
}

static int32_t two_from(joiner *j, int32_t buffer, const int32_t *at) {
    if (at[0] == at[1]) return splat(j, buffer, at[0]);
    int near = at[1] == at[0] + 1 && (buffer != DA_LANE_BANK || is_settled(j, at[0], 2));
    if (near) return range(j, buffer, at[0], DA_FORM_TWO);
    int32_t x = range(j, buffer, at[0], DA_FORM_ONE), y = range(j, buffer, at[1], DA_FORM_ONE);
    return moved(j, DA_MOVE_TWO, 0, x, y);
}

static int32_t whole_from(joiner *j, int32_t buffer, const int32_t *at) {
    int32_t v[2];
    int bank = buffer == DA_LANE_BANK, near = side_by_side(at, DA_PACK);
    if (near && (!bank || is_settled(j, at[0], DA_PACK))) return range(j, buffer, at[0], DA_FORM_WHOLE);
    if (bank && two_makers(j, at, v)) return from_makers(j, at, v);
    int32_t low = two_from(j, buffer, at), high = two_from(j, buffer, at + 2);
    return moved(j, DA_MOVE_JOIN, 1, low, high);
}

static int32_t operand(joiner *j, const lanes_of *l, da_form form) {
    if (l->is_number) return constant(j, l->number);
    if (width_of(form) == 1) {
        int32_t x = l->same ? splat(j, l->buffer, l->at[0]) : range(j, l->buffer, l->at[0], DA_FORM_ONE);
        return form == DA_FORM_SINGLE && j->values[x].form != DA_FORM_SINGLE ? moved(j, DA_MOVE_ROUND, 0, x, 0) : x;
    }
    if (l->same) return splat(j, l->buffer, l->at[0]);
    return form == DA_FORM_TWO ? two_from(j, l->buffer, l->at) : whole_from(j, l->buffer, l->at);
}

/* ---- operations ---- */

static void note_written(joiner *j, int32_t v, int32_t at, da_form form) {
    cell *c = &j->cells[at];
    j->since[v] = ++j->clock;
    j->values[v].stays = j->outside != NULL;
    for (int k = 0; k < width_of(form); k++) c[k].maker = v, c[k].written = j->clock;
    *(form == DA_FORM_WHOLE ? &c->whole : form == DA_FORM_TWO ? &c->two : &c->one) = v;
}

static void operate(joiner *j, int code, da_form form, const lanes_of *x, int32_t buffer, int32_t to) {
    int32_t v[3] = {0};
    if (!have_room(j)) return;
    for (int k = 0; k < da_lanes_arity(code); k++) v[k] = operand(j, &x[k], form);
    int32_t d = new_value(j, buffer == DA_LANE_BANK ? DA_KEPT_BLOCK : DA_KEPT_BUFFER, buffer, to, form);
    new_op(j, code, form, 0, d, v[0], v[1], v[2]);
    j->lanes += width_of(form);
    if (buffer == DA_LANE_BANK) note_written(j, d, to, form);
    else j->clock++;
}

static void operate_scalar(joiner *j, const da_scalar *s) {
    da_scalar_form f = da_scalar_form_of(s->code);
    const int32_t *positions = da_scalar_positions(s);
    lanes_of x[3];
    for (int k = 0; k < da_lanes_arity(f.op); k++) {
        x[k] = (lanes_of){.buffer = DA_LANE_BANK};
        for (int i = 0; i < f.lanes; i++) x[k].at[i] = f.width == f.lanes ? positions[k] + i : positions[k * DA_PACK + i];
        x[k].same = f.lanes > 1;
        for (int i = 1; i < f.lanes; i++) x[k].same &= x[k].at[i] == x[k].at[0];
    }
    operate(j, f.op, f.lanes > 1 ? DA_FORM_WHOLE : s->code & DA_L_F32 ? DA_FORM_SINGLE : DA_FORM_ONE, x, DA_LANE_BANK, s->dst);
}

static lanes_of lanes_at(const joiner *j, const da_lane *l, int64_t from, int n) {
    lanes_of x = {.buffer = l->buffer};
    if (l->kind == DA_LANE_VALUE) return x.number = l->value, x.is_number = 1, x;
    x.same = l->kind == DA_LANE_AFFINE && !l->stride;
    for (int i = 0; i < n; i++)
        x.at[i] = l->kind == DA_LANE_AFFINE ? (int32_t)(l->offset + (from + i) * l->stride) : j->part->lists[l->offset + from + i];
    return x;
}

static void operate_group(joiner *j, const da_group *g) {
    const da_lane *lanes[3] = {&g->a, &g->b, &g->c};
    for (int64_t i = 0, n; i < g->n; i += n) {
        da_form form = g->n - i >= DA_PACK ? DA_FORM_WHOLE : g->n - i >= 2 ? DA_FORM_TWO : DA_FORM_ONE;
        lanes_of x[3];
        n = width_of(form);
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

static cursor after(const joiner *j, cursor c) {
    const da_group *g = &j->part->groups[c.group];
    if (g->code == DA_L_SCALARS) {
        c.at += da_scalar_form_of(j->scalars[g->a.offset + c.at].code).slots;
        if (c.at < g->n) return c;
    }
    return (cursor){c.group + 1, 0};
}

/* ---- stretches, and the groups between them ---- */

static void note_lane(joiner *j, const da_lane *l, int32_t n) {
    if (l->kind == DA_LANE_VALUE || l->buffer != DA_LANE_BANK) return;
    for (int64_t i = 0; i < n; i++) note_read(j, l->kind == DA_LANE_AFFINE ? (int32_t)(l->offset + i * l->stride) : j->part->lists[l->offset + i], 1);
}

static void note_scalars(joiner *j, const da_scalar *s, int32_t n) {
    da_scalar_form f;
    for (const da_scalar *end = s + n; s < end; s += f.slots) {
        f = da_scalar_form_of(s->code);
        for (int32_t k = 0; k < f.n_positions; k++) note_read(j, da_scalar_positions(s)[k], f.width);
    }
}

/* What a group reads that is run as before. */
static void note_group(joiner *j, const da_group *g) {
    const da_lane *lanes[3] = {&g->a, &g->b, &g->c};
    if (g->code == DA_L_SCALARS) note_scalars(j, j->scalars + g->a.offset, g->n);
    int n = g->code == DA_L_REDUCE ? 1 : g->code < DA_L_VALUES ? da_lanes_arity(g->code) : 0;
    for (int k = 0; k < n; k++) note_lane(j, lanes[k], g->n);
}

static void push_group(joiner *j, da_group g) {
    if (!have_room(j)) return;
    note_group(j, &g);
    da_group *last = j->n_groups > j->first_group ? &j->groups[j->n_groups - 1] : NULL;
    int more = g.code == DA_L_SCALARS && last && last->code == DA_L_SCALARS && last->a.offset + last->n == g.a.offset;
    if (more) last->n += g.n;
    else j->groups[j->n_groups++] = g;
}

/* What stands from one place to another, to be run as before. */
static void push_groups(joiner *j, cursor from, cursor to) {
    for (int32_t k = from.group; k < to.group || (k == to.group && to.at); k++) {
        da_group g = j->part->groups[k];
        int32_t first = k == from.group ? from.at : 0;
        if (g.code == DA_L_SCALARS) g.n = (k == to.group ? to.at : g.n) - first, g.a.offset += first;
        push_group(j, g);
    }
}

static void begin_stretch(joiner *j, cursor at) {
    j->open = 1, j->first = at, j->first_op = j->n_ops, j->lanes = 0;
    j->start = ++j->clock;
}

/* Closes the stretch, if one is open, before `end`. */
static void end_stretch(joiner *j, cursor end) {
    int32_t n = j->n_ops - j->first_op;
    if (!j->open || !have_room(j)) return;
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

static void join_part(joiner *j) {
    cursor end = {j->part->n, 0};
    for (cursor c = {0, 0}, next; c.group < end.group && !j->failed; c = next) {
        const da_group *g = &j->part->groups[c.group];
        int scalar = g->code == DA_L_SCALARS;
        if (scalar && !g->n) { next = (cursor){c.group + 1, 0}; continue; }
        next = after(j, c);
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

static int write(joiner *j, da_joined_groups *out) {
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
    joiner j = {.scalars = bank->scalars, .outside = bank->outside, .most_lanes = size_of(parts, n) > LONG ? FEW_LANES : MOST_LANES};
    *out = (da_joined_groups){.groups = NULL};
    if (!da_machine_runs() || bank->size >= MOST_BANK) return 0;
    j.cells = malloc((size_t)(bank->size + 1) * sizeof *j.cells);
    j.failed = !j.cells;
    for (int32_t k = 0; k < bank->size && j.cells; k++) j.cells[k] = (cell){NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, 0};
    for (int k = 0; k < CONSTANTS; k++) j.known[k] = NOBODY;
    for (int32_t k = 0; k < n && !j.failed; k++) {
        j.part = &parts[k], j.first_group = j.n_groups;
        join_part(&j);
        parts[k].end = j.n_groups;
    }
    for (int32_t k = 0; k < bank->size && !j.failed; k++)
        if (bank->outside && bank->outside[k]) note_read(&j, k, 1);
    int done = write(&j, out);
    free(j.cells), free(j.ops), free(j.values), free(j.since), free(j.constants), free(j.stretches), free(j.groups);
    return done;
}

void da_joined_groups_free(da_joined_groups *joined) {
    if (joined->groups) da_machine_free(&joined->code);
    free(joined->groups);
    joined->groups = NULL;
}
