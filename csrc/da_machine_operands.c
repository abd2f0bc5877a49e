/* The operands of joined operations. What was just computed or read is known by its place, and is in a register or not as da_machine.c
 * decides. Vectors that do not stand side by side are put together from registers where these hold them: a load of what several
 * instructions have just stored would wait for the stores. */
#include "da_machine_joiner.h"
#include <stdlib.h>
#include <string.h>

enum {
    RECENT = 40, /* operations after which a store has reached the cache */
    ROOM = 64    /* operations and values that four lanes need at most */
};

static void reserve(da_joiner *j, void *list, int32_t n, int32_t *room, size_t size) {
    void **p = list;
    if (j->failed || n + ROOM <= *room) return;
    void *q = realloc(*p, 2 * (size_t)(n + ROOM) * size);
    if (q) *p = q, *room = 2 * (n + ROOM);
    else j->failed = 1;
}

int da_joiner_has_room(da_joiner *j) {
    int32_t room = j->room_values;
    reserve(j, &j->since, j->n_values, &room, sizeof *j->since);
    reserve(j, &j->values, j->n_values, &j->room_values, sizeof *j->values);
    reserve(j, &j->ops, j->n_ops, &j->room_ops, sizeof *j->ops);
    reserve(j, &j->constants, j->n_constants, &j->room_constants, sizeof *j->constants);
    reserve(j, &j->stretches, j->n_stretches, &j->room_stretches, sizeof *j->stretches);
    reserve(j, &j->groups, j->n_groups, &j->room_groups, sizeof *j->groups);
    return !j->failed;
}

/* ---- values ---- */

int32_t da_new_value(da_joiner *j, da_kept kept, int32_t buffer, int32_t at, da_form form) {
    j->values[j->n_values] = (da_machine_value){.kept = kept, .at = at, .slot = 2 * buffer, .form = form}; /* a span: pointer and bytes */
    j->since[j->n_values] = j->clock;
    return j->n_values++;
}

int32_t da_new_op(da_joiner *j, int code, da_form form, int immediate, int32_t d, int32_t x, int32_t y, int32_t z) {
    j->ops[j->n_ops++] = (da_machine_op){.code = code, .d = d, .x = {x, y, z}, .form = form, .immediate = immediate};
    return d;
}

static int32_t moved(da_joiner *j, int code, int immediate, int32_t x, int32_t y) {
    da_form form = code == DA_MOVE_TWO ? DA_FORM_TWO : code == DA_MOVE_ROUND ? DA_FORM_SINGLE : DA_FORM_WHOLE;
    return da_new_op(j, code, form, immediate, da_new_value(j, DA_KEPT_NOWHERE, 0, 0, form), x, y, 0);
}

static int32_t constant(da_joiner *j, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    int32_t *known = &j->known[(bits ^ bits >> 52 ^ bits >> 26) % DA_KNOWN_CONSTANTS];
    if (*known != DA_NOBODY && !memcmp(&j->constants[j->values[*known].at], &number, sizeof number)) return *known;
    j->constants[j->n_constants] = number;
    return *known = da_new_value(j, DA_KEPT_CONSTANT, 0, j->n_constants++, DA_FORM_WHOLE);
}

void da_note_read(da_joiner *j, int32_t at, int width) {
    for (int k = 0; k < width; k++)
        if (j->cells[at + k].maker != DA_NOBODY) j->values[j->cells[at + k].maker].stays = 0;
}

/* When the last of some positions was written. */
static int32_t written(const da_joiner *j, int32_t at, int width) {
    int32_t last = j->start;
    for (int k = 0; k < width; k++)
        if (j->cells[at + k].written > last) last = j->cells[at + k].written;
    return last;
}

/* The value that stands in the bank from `at` on, by its cell: what is known already, if nothing was written over it. */
static int32_t from_bank(da_joiner *j, int32_t *known, da_kept kept, int32_t at, da_form form) {
    int width = kept == DA_KEPT_SPLAT ? 1 : da_form_width(form);
    if (*known == DA_NOBODY || j->since[*known] < written(j, at, width)) {
        *known = da_new_value(j, kept, 0, at, form);
        da_note_read(j, at, width);
    }
    return *known;
}

static int32_t range(da_joiner *j, int32_t buffer, int32_t at, da_form form) {
    if (buffer != DA_LANE_BANK) return da_new_value(j, DA_KEPT_BUFFER, buffer, at, form);
    da_cell *c = &j->cells[at];
    return from_bank(j, form == DA_FORM_WHOLE ? &c->whole : form == DA_FORM_TWO ? &c->two : &c->one, DA_KEPT_BLOCK, at, form);
}

static int32_t splat(da_joiner *j, int32_t buffer, int32_t at) {
    if (buffer != DA_LANE_BANK) return da_new_value(j, DA_KEPT_BUFFER_SPLAT, buffer, at, DA_FORM_WHOLE);
    return from_bank(j, &j->cells[at].splat, DA_KEPT_SPLAT, at, DA_FORM_WHOLE);
}

/* ---- vectors that are put together ---- */

static int side_by_side(const int32_t *at, int n) {
    for (int k = 1; k < n; k++)
        if (at[k] != at[0] + k) return 0;
    return 1;
}

/* The vector of this stretch that still stands where position `at` is, or DA_NOBODY. */
static int32_t maker(const da_joiner *j, int32_t at) {
    int32_t v = j->cells[at].maker;
    if (v == DA_NOBODY || j->since[v] <= j->start || j->values[v].form != DA_FORM_WHOLE) return DA_NOBODY;
    return j->since[v] >= written(j, j->values[v].at, DA_PACK) ? v : DA_NOBODY;
}

/* Two vectors that hold four positions; the second may be DA_NOBODY. 0: there are none. */
static int two_makers(const da_joiner *j, const int32_t *at, int32_t *v) {
    v[0] = maker(j, at[0]), v[1] = DA_NOBODY;
    for (int k = 0; k < DA_PACK; k++) {
        int32_t m = maker(j, at[k]);
        if (m == DA_NOBODY) return 0;
        if (m == v[0] || m == v[1]) continue;
        if (v[1] != DA_NOBODY) return 0;
        v[1] = m;
    }
    return 1;
}

/* Lanes of v in the places where the operand wants them; other lanes stay. */
static int32_t permuted(da_joiner *j, const int32_t *at, int32_t v) {
    int order = 0, first = j->values[v].at;
    for (int k = 0; k < DA_PACK; k++) {
        int lane = at[k] >= first && at[k] < first + DA_PACK ? at[k] - first : k;
        order |= lane << 2 * k;
    }
    return order == 0xe4 ? v : moved(j, DA_MOVE_PERMUTE, order, v, 0);
}

static int32_t from_makers(da_joiner *j, const int32_t *at, const int32_t *v) {
    if (v[1] == DA_NOBODY) return permuted(j, at, v[0]);
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
static int is_settled(const da_joiner *j, int32_t at, int width) {
    int one = 1;
    for (int k = 1; k < width; k++) one &= j->cells[at + k].written == j->cells[at].written;
    return one || written(j, at, width) < j->clock - RECENT;
}

static int32_t two_from(da_joiner *j, int32_t buffer, const int32_t *at) {
    if (at[0] == at[1]) return splat(j, buffer, at[0]);
    int near = at[1] == at[0] + 1 && (buffer != DA_LANE_BANK || is_settled(j, at[0], 2));
    if (near) return range(j, buffer, at[0], DA_FORM_TWO);
    int32_t x = range(j, buffer, at[0], DA_FORM_ONE), y = range(j, buffer, at[1], DA_FORM_ONE);
    return moved(j, DA_MOVE_TWO, 0, x, y);
}

static int32_t whole_from(da_joiner *j, int32_t buffer, const int32_t *at) {
    int32_t v[2];
    int bank = buffer == DA_LANE_BANK, near = side_by_side(at, DA_PACK);
    if (near && (!bank || is_settled(j, at[0], DA_PACK))) return range(j, buffer, at[0], DA_FORM_WHOLE);
    if (bank && two_makers(j, at, v)) return from_makers(j, at, v);
    int32_t low = two_from(j, buffer, at), high = two_from(j, buffer, at + 2);
    return moved(j, DA_MOVE_JOIN, 1, low, high);
}

int32_t da_joined_operand(da_joiner *j, const da_lanes_at *l, da_form form) {
    if (l->is_number) return constant(j, l->number);
    if (da_form_width(form) == 1) {
        int32_t x = l->same ? splat(j, l->buffer, l->at[0]) : range(j, l->buffer, l->at[0], DA_FORM_ONE);
        return form == DA_FORM_SINGLE && j->values[x].form != DA_FORM_SINGLE ? moved(j, DA_MOVE_ROUND, 0, x, 0) : x;
    }
    if (l->same) return splat(j, l->buffer, l->at[0]);
    return form == DA_FORM_TWO ? two_from(j, l->buffer, l->at) : whole_from(j, l->buffer, l->at);
}
