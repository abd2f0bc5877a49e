/* Machine code of lane groups and scalar code against the interpreter: random lists with every form of operand and instruction, every code
 * alone on numbers at the ends of the range, and systems that give no memory for it. */
#include "check.h"
#include "da_lanes.h"
#include "da_machine_scalars.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BANK = 400, BUFFER = 200, BUFFERS = 3, SINGLES = 2, LISTS = 1200, SCALARS = 3000, GROUPS = 60, PARTS = 2 };

typedef struct {
    double bank[BANK], buffers[BUFFERS][BUFFER]; /* the last buffer is one of floats */
} memory;

typedef struct {
    memory start;
    da_group groups[PARTS][GROUPS];
    da_scalar scalars[SCALARS];
    int32_t lists[PARTS][LISTS];
    int32_t n_groups[PARTS], n_lists[PARTS], n_scalars;
    const da_scalar *last; /* instruction, if it was a pack and the next one may chain */
    int32_t only;          /* operations that machine code knows */
} program;

static const double odd[] = {0.0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 5e-324, -5e-324, 2.2e-308, 1.7e308, -1.7e308, 0.5, 1e-40, 3e38, 2.5, -1.5, 1e16, 1 + 0x1p-24};
enum { N_ODD = sizeof odd / sizeof *odd };

static double random_number(void) { return random_below(8) ? random_in(-3, 3) : odd[random_below(N_ODD)]; }

static int random_code(const program *p) {
    int code;
    do code = (int)random_below(DA_L_VALUES);
    while (code == DA_copysign || ((p->only || random_below(12)) && !da_machine_has(code))); /* that shows the sign of a NaN */
    return code;
}

/* ---- scalar code ---- */

/* Positions from `first` on are not below `to`, or end before: a pack reads nothing that it writes. */
static int32_t random_position(int width, int32_t to, int lanes) {
    for (;;) {
        int32_t at = random_below(3) ? (int32_t)random_below(12) * 4 : (int32_t)random_below(BANK - 3);
        if (lanes == 1 || at + width <= to || at >= to + lanes) return at;
    }
}

static void add_scalar(program *p) {
    static const int32_t forms[] = {0, 0, DA_L_F32, DA_L_PACK, DA_L_PACK, DA_L_GATHERED, DA_L_GATHERED};
    da_scalar *s = &p->scalars[p->n_scalars];
    da_scalar_form f;
    int32_t form = forms[random_below(7)];
    do s->code = random_code(p) + form;
    while (p->last && form >= DA_L_PACK && random_below(3) && !da_scalar_form_of(s->code + DA_L_CHAINED).slots);
    int chains = p->last && da_scalar_form_of(s->code + DA_L_CHAINED).slots;
    if (chains) s->code += DA_L_CHAINED;
    f = da_scalar_form_of(s->code);
    do s->dst = random_below(2) ? (int32_t)random_below(12) * 4 : (int32_t)random_below(BANK - 3);
    while (chains && s->dst < p->last->dst + DA_PACK && p->last->dst < s->dst + DA_PACK);
    int32_t *at = da_scalar_positions(s), near = random_position(8, s->dst, f.lanes);
    for (int k = 0; k < f.n_positions; k++) {
        at[k] = random_below(2) && near + 8 < BANK ? near + (int32_t)random_below(8 - (uint32_t)f.width + 1) : random_position(f.width, s->dst, f.lanes);
        if (chains && k < DA_PACK / f.width) at[k] = p->last->dst + k;
    }
    p->last = f.lanes == DA_PACK ? s : NULL;
    p->n_scalars += f.slots;
}

/* ---- groups ---- */

static int overlaps(int32_t a, int32_t b, int32_t n) { return a < b + n && b < a + n; }

/* `to`: where n results go in the bank; a range that overlaps it is the same. */
static da_lane random_operand(program *p, int part, int32_t n, int32_t to) {
    da_lane l = {.buffer = DA_LANE_BANK, .kind = DA_LANE_AFFINE, .type = DA_T_F64, .stride = 1};
    int outside = !random_below(4), stride = (int)random_below(4) - 1;
    if (!random_below(6)) return (da_lane){.value = random_number(), .kind = DA_LANE_VALUE, .type = DA_T_F64};
    if (outside) l.buffer = (int16_t)random_below(BUFFERS), l.type = l.buffer == SINGLES ? DA_T_F32 : DA_T_F64;
    int32_t size = outside ? BUFFER : BANK;
    if (!random_below(4) && p->n_lists[part] + n <= LISTS) {
        l.kind = DA_LANE_INDEXED, l.stride = 0, l.offset = p->n_lists[part];
        for (int32_t i = 0, at; i < n; p->lists[part][l.offset + i++] = at)
            do at = (int32_t)random_below((uint32_t)(random_below(2) && to > 30 ? 30 : size));
            while (!outside && overlaps(at, to, n));
        p->n_lists[part] += n;
        return l;
    }
    l.stride = random_below(3) || n > 30 ? 1 : stride;
    do l.offset = (int32_t)random_below((uint32_t)size);
    while (l.offset + n * l.stride > size || l.offset + n * l.stride < 0);
    if (outside) return l;
    int32_t low = (int32_t)(l.stride < 0 ? l.offset + n * l.stride : l.offset), span = n * (l.stride ? abs(l.stride) : 1) + 1;
    if (low < to + n && to < low + span) l.offset = to, l.stride = 1;
    return l;
}

static void add_group(program *p, int part) {
    da_group *g = &p->groups[part][p->n_groups[part]++];
    int32_t n = random_below(20) ? (int32_t)random_below(24) : 150, to = (int32_t)random_below((uint32_t)(BANK - n));
    if (random_below(2)) to = to / 4 * 4;
    *g = (da_group){.code = (uint16_t)random_code(p), .n = n, .dst = {.offset = to, .stride = 1, .buffer = DA_LANE_BANK, .kind = DA_LANE_AFFINE, .type = DA_T_F64}};
    g->a = random_operand(p, part, n, to), g->b = random_operand(p, part, n, to), g->c = random_operand(p, part, n, to);
    if (!random_below(20)) g->code = DA_L_REDUCE, g->op = DA_SUM;
    if (!random_below(8)) g->dst.buffer = 0, g->dst.offset = (int32_t)random_below((uint32_t)(BUFFER - n));
    if (g->dst.buffer == 0) /* no operand from there */
        for (int k = 0; k < 3; k++) {
            da_lane *l = k == 0 ? &g->a : k == 1 ? &g->b : &g->c;
            if (l->kind != DA_LANE_VALUE && l->buffer == 0) l->buffer = 1;
        }
}

static void make(program *p, int only) {
    memset(p, 0, sizeof *p);
    p->only = only;
    for (int k = 0; k < BANK; k++) p->start.bank[k] = random_number();
    for (int k = 0; k < BUFFERS; k++)
        for (int i = 0; i < BUFFER; i++) p->start.buffers[k][i] = random_number();
    for (int i = 0; i < BUFFER; i++) ((float *)(void *)p->start.buffers[SINGLES])[i] = (float)random_number();
    for (int part = 0; part < PARTS; part++)
        while (p->n_groups[part] < GROUPS - 1) {
            int32_t first = p->n_scalars, many = (int32_t)random_below(30);
            if (random_below(2)) add_group(p, part);
            p->last = NULL;
            while (many-- && p->n_scalars < SCALARS - 20) add_scalar(p);
            if (!random_below(4)) continue; /* code that nobody runs */
            p->groups[part][p->n_groups[part]++] = (da_group){.code = DA_L_SCALARS, .n = p->n_scalars - first, .a.offset = first};
        }
}

/* ---- running ---- */

static da_groups environment(const program *p, int part, memory *m, da_span *spans, const da_machine_code *code) {
    for (int k = 0; k < BUFFERS; k++) spans[k] = (da_span){m->buffers[k], sizeof m->buffers[k]};
    return (da_groups){.bank = m->bank, .bank_size = BANK, .spans = spans, .n_spans = BUFFERS, .lists = p->lists[part], .n_lists = LISTS,
                       .scalars = p->scalars, .n_scalars = SCALARS, .code = code};
}

static void interpret(const program *p, memory *m) {
    da_span spans[BUFFERS];
    *m = p->start;
    for (int part = 0; part < PARTS; part++) {
        da_groups env = environment(p, part, m, spans, NULL);
        da_lanes_status status = da_groups_check(p->groups[part], (size_t)p->n_groups[part], &env);
        CHECK(status == DA_LANES_OK, "the program: %s", da_lanes_error(status));
        if (status == DA_LANES_OK) da_groups_run(p->groups[part], (size_t)p->n_groups[part], &env);
    }
}

/* Operations that were joined; the memory afterwards, or as at the beginning where there is no machine code. */
static int32_t run_joined(const program *p, memory *m, const uint8_t *outside) {
    da_span spans[BUFFERS];
    da_joined_groups joined;
    da_groups_part parts[PARTS];
    *m = p->start;
    for (int part = 0; part < PARTS; part++) parts[part] = (da_groups_part){p->groups[part], p->n_groups[part], 0, p->lists[part]};
    if (!da_groups_join(&joined, parts, PARTS, &(da_joined_bank){p->scalars, BANK, outside})) return 0;
    for (int part = 0, first = 0; part < PARTS; first = parts[part++].end) {
        da_groups env = environment(p, part, m, spans, &joined.code);
        da_groups_run(joined.groups + first, (size_t)(parts[part].end - first), &env);
    }
    int32_t n = joined.n_joined;
    da_joined_groups_free(&joined);
    return n;
}

/* Equal bits, where a NaN is a NaN. */
static int same_bits(double x, double y) { return !memcmp(&x, &y, sizeof x) || (x != x && y != y); }

static void compare(const memory *want, const memory *got, const uint8_t *outside, const char *what) {
    for (int k = 0; k < BANK; k++) CHECK((outside && !outside[k]) || same_bits(want->bank[k], got->bank[k]), "%s: bank[%d] is %.17g, not %.17g", what, k, got->bank[k], want->bank[k]);
    for (int k = 0; k < SINGLES; k++)
        for (int i = 0; i < BUFFER; i++) CHECK(same_bits(want->buffers[k][i], got->buffers[k][i]), "%s: buffer %d[%d]", what, k, i);
}

static void test_bits(program *p) {
    static memory want, got;
    make(p, (int)random_below(2));
    interpret(p, &want);
    uint8_t read[BANK], *outside = random_below(2) ? read : NULL;
    for (int k = 0; k < BANK; k++) read[k] = !random_below(20);
    int32_t n = run_joined(p, &got, outside);
    CHECK(n > 0 || !da_machine_works(), "nothing was joined");
    if (n) compare(&want, &got, outside, "a random program");
}

/* One code in one form on odd numbers, behind and before others: what it reads was just computed, or not. */
static void test_code(program *p, int32_t code) {
    static memory want, got;
    da_scalar_form f = da_scalar_form_of(code);
    if (!f.slots || f.chained) return;
    for (int i = 0; i < N_ODD * N_ODD; i += 3) {
        memset(p, 0, sizeof *p);
        for (int k = 0; k < BANK; k++) p->start.bank[k] = k < 12 ? odd[(i * (1 + k / 4) + k + i / N_ODD * (k >= 4)) % N_ODD] : 0;
        for (int32_t k = 0; k < 6; k++) p->scalars[p->n_scalars++] = (da_scalar){DA_copy + DA_L_PACK, 20 + 4 * (k % 3), 4 * (k % 3), 0, 0};
        for (int fresh = 0; fresh < 2; fresh++) {
            da_scalar *s = &p->scalars[p->n_scalars];
            s->code = code, s->dst = 40 + 4 * fresh;
            for (int k = 0; k < f.n_positions; k++) da_scalar_positions(s)[k] = 20 * fresh + (f.n_positions > 3 ? (5 * k + i) % 12 : 4 * k);
            p->n_scalars += f.slots;
        }
        p->groups[0][0] = (da_group){.code = DA_L_SCALARS, .n = p->n_scalars}, p->n_groups[0] = 1;
        interpret(p, &want);
        if (run_joined(p, &got, NULL)) compare(&want, &got, NULL, da_lanes_name(f.op));
    }
}

/* Whatever allocation fails, there is machine code, which gives the same, or none. */
static void test_failures(program *p) {
    static memory want, got;
    make(p, 1);
    interpret(p, &want);
    int failed = 0, done = 0;
    for (int k = 1; k < 60; k++) {
        alloc_count = 0, alloc_fail_at = k;
        int32_t n = run_joined(p, &got, NULL);
        alloc_fail_at = 0;
        n ? done++ : failed++;
        if (n) compare(&want, &got, NULL, "an allocation failed");
        CHECK(alloc_live == 0 && mapped_live == 0, "%ld blocks and %zu bytes leaked", alloc_live, mapped_live);
    }
    CHECK(!da_machine_works() || (failed > 5 && done > 5), "%d allocations were tried", failed);
}

/* Nothing that reaches over the end of what a group or a displacement may be, and nothing of nothing. */
static void test_none(void) {
    da_joined_groups joined;
    da_groups_part part = {NULL, 0, 7, NULL};
    CHECK(!da_groups_join(&joined, &part, 1, &(da_joined_bank){NULL, BANK, NULL}) && !joined.groups, "no groups");
    CHECK(!da_groups_join(&joined, &part, 1, &(da_joined_bank){NULL, (int64_t)1 << 40, NULL}) && !joined.groups, "a large bank");
    da_joined_groups_free(&joined);
}

int main(void) {
    program *p = malloc(sizeof *p);
    for (int i = 0; i < 600; i++) test_bits(p);
    for (int32_t code = 0; code < DA_L_CHAINED; code++)
        if (da_machine_has(da_scalar_form_of(code).op)) test_code(p, code);
    test_failures(p);
    test_none();
    free(p);
    return check_end("machine_scalars");
}
