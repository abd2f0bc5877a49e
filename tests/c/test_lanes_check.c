/* Lane programs from untrusted sources: each kind of error is found, and what passes the check after random damage runs within
 * its buffers (the address sanitizer watches). Also groups against scalar code. */
#include "check.h"
#include "da_lanes.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 300, REGS = 3, MICROS = 6, OPERANDS = 5, BUFFERS = 5, GROUPS = 6, SCALARS = 12, BANK = 64, LISTS = 40 };

static void *block(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64); }

/* ---- regions ---- */

typedef struct {
    da_region region;
    da_micro micros[MICROS];
    da_operand operands[OPERANDS];
    da_splat splats[1];
    da_reduction reductions[1];
} program;

/* x by a list, y by rows; stores x * y + 2 and sums it. */
static program valid(void) {
    program p = {
        .region = {.type = DA_T_F64, .ndim = 2, .n_inner = 1, .axis = DA_AXIS_LAST, .n_regs = REGS, .n_micros = MICROS,
                   .n_operands = OPERANDS, .n_splats = 1, .n_reductions = 1, .shape = {10, N / 10}},
        .micros = {{.code = DA_L_LOAD, .dst = 0, .operand = 0}, {.code = DA_L_LOAD, .dst = 1, .operand = 1},
                   {.code = DA_L_MULADD, .dst = 2, .a = 0, .b = 1, .c = REGS}, {.code = DA_sin, .dst = 1, .a = 2},
                   {.code = DA_L_STORE, .a = 2, .operand = 2}, {.code = DA_L_REDUCE, .a = 1, .operand = 0}},
        .operands = {{.buffer = 0, .index_buffer = 3, .index_type = DA_T_I32, .stride = {N / 10, 1}},
                     {.buffer = 1, .index_buffer = -1, .stride = {0, 1}},
                     {.buffer = 2, .index_buffer = -1, .stride = {N / 10, 1}},
                     {.buffer = 4, .index_buffer = -1, .stride = {1}},
                     {.buffer = 0, .index_buffer = -1}},
        .splats = {{0, 4}},
        .reductions = {{DA_SUM, 3}},
    };
    return p;
}

static void point(program *p) {
    p->region.micros = p->micros, p->region.operands = p->operands;
    p->region.splats = p->splats, p->region.reductions = p->reductions;
}

/* Buffers of exactly the size that is needed. */
static void make_buffers(da_span *spans) {
    static const size_t sizes[BUFFERS] = {N * 8, N / 10 * 8, N * 8, N * 4, 10 * 8};
    for (int k = 0; k < BUFFERS; k++) spans[k] = (da_span){calloc(1, sizes[k]), sizes[k]};
    for (int i = 0; i < N; i++) ((int32_t *)spans[3].data)[i] = i * 7 % N;
}

static void run(const program *p, const da_span *spans) {
    int64_t n = 1;
    for (int d = 0; d < p->region.ndim; d++) n *= p->region.shape[d];
    if (n > 1 << 16) return; /* broadcasts only: right, but too long for a test */
    da_lanes *l = da_lanes_new(&p->region);
    void *scratch = block(da_lanes_scratch(l)), *partials = block(da_lanes_partials(l, &p->region));
    da_lanes_run(l, &p->region, spans, 0, da_lanes_units(l, &p->region), scratch, partials);
    da_lanes_finish(l, &p->region, spans, partials);
    free(scratch), free(partials);
    da_lanes_free(l);
}

/* Overwrites a small field somewhere with an interesting number. */
static void damage(void *at, size_t bytes) {
    static const int64_t numbers[] = {0, 1, -1, 2, 3, 5, 299, 300, 301, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1ll << 61};
    int64_t x = random_below(2) ? numbers[random_below(sizeof numbers / sizeof *numbers)] : (int64_t)random_below(70);
    size_t width = (size_t)1 << random_below(bytes < 8 ? 3 : 4), place = random_below((uint32_t)(bytes / width)) * width;
    memcpy((char *)at + place, &x, width);
}

static void test_damaged_regions(void) {
    da_span spans[BUFFERS];
    int passed = 0;
    make_buffers(spans);
    for (int i = 0; i < 200000; i++) {
        program p = valid();
        for (uint32_t k = 0; k <= random_below(3); k++) {
            switch (random_below(4)) {
            case 0: damage(p.micros, sizeof p.micros); break;
            case 1: damage(p.operands, sizeof p.operands); break;
            case 2: damage(p.region.shape, sizeof p.region.shape); break;
            default: damage(&p.region, 4), damage(p.splats, sizeof p.splats), damage(p.reductions, sizeof p.reductions);
            }
        }
        if (!random_below(8)) damage(&p.region.n_regs, sizeof p.region.n_regs);
        point(&p);
        if (da_region_check(&p.region, spans, BUFFERS) == DA_LANES_OK) passed++, run(&p, spans);
    }
    CHECK(passed > 1000, "only %d passed: the test tests nothing", passed);
    for (int k = 0; k < BUFFERS; k++) free(spans[k].data);
}

static void expect(const program *changed, da_lanes_status want) {
    da_span spans[BUFFERS];
    program p = *changed;
    make_buffers(spans);
    point(&p);
    da_lanes_status got = da_region_check(&p.region, spans, BUFFERS);
    CHECK(got == want, "%s, not %s", da_lanes_error(got), da_lanes_error(want));
    for (int k = 0; k < BUFFERS; k++) free(spans[k].data);
}

static void test_errors(void) {
    program p;
#define BROKEN(change, status) p = valid(), change, expect(&p, status)
    BROKEN((void)0, DA_LANES_OK);
    BROKEN(p.micros[3].code = DA_L_N, DA_LANES_CODE);
    BROKEN(p.region.type = DA_T_I64, DA_LANES_CODE);
    BROKEN(p.reductions[0].op = DA_N_REDUCTIONS, DA_LANES_CODE);
    BROKEN(p.micros[2].dst = REGS, DA_LANES_REGISTER);
    BROKEN(p.micros[2].c = REGS + 1, DA_LANES_REGISTER);
    BROKEN(p.micros[0].code = DA_sin, DA_LANES_REGISTER);
    BROKEN(p.micros[0].operand = OPERANDS, DA_LANES_OPERAND);
    BROKEN(p.micros[5] = p.micros[4], DA_LANES_OPERAND);
    BROKEN(p.micros[4] = p.micros[5], DA_LANES_OPERAND);
    BROKEN(p.operands[1].buffer = BUFFERS, DA_LANES_OPERAND);
    BROKEN(p.region.shape[0] = -1, DA_LANES_SHAPE);
    BROKEN(p.region.shape[0] = INT64_MAX, DA_LANES_SHAPE);
    BROKEN(p.region.ndim = DA_MAX_DIMS + 1, DA_LANES_SHAPE);
    BROKEN(p.region.shape[1]++, DA_LANES_INDEX);
    BROKEN(p.operands[1].offset = 1, DA_LANES_BOUNDS);
    BROKEN(p.operands[1].stride[0] = INT64_MIN, DA_LANES_BOUNDS);
    BROKEN(p.operands[0].offset = 1, DA_LANES_INDEX);
    BROKEN(p.operands[2].stride[0] = 0, DA_LANES_WRITES);
    BROKEN(p.operands[3].stride[0] = 2, DA_LANES_BOUNDS);
#undef BROKEN
    for (int k = 0; k <= DA_LANES_MEMORY; k++) CHECK(*da_lanes_error((da_lanes_status)k), "status %d", k);
}

/* ---- groups ---- */

typedef struct {
    da_group groups[GROUPS];
    da_scalar scalars[SCALARS];
    int32_t lists[LISTS];
} plan;

static da_lane random_lane(int result) {
    da_lane l = {.buffer = DA_LANE_BANK, .kind = (uint8_t)(result ? 1 + random_below(2) : random_below(3)), .stride = 1};
    if (l.kind == DA_LANE_VALUE) l.value = 0.5;
    else if (l.kind == DA_LANE_INDEXED) l.offset = random_below(LISTS / 2);
    else l.offset = random_below(BANK / 4), l.stride = 1 + (int32_t)random_below(2);
    if (!random_below(4) && l.kind != DA_LANE_VALUE) l.buffer = 0, l.type = DA_T_F32;
    return l;
}

/* Instructions of all forms, single ones to fill the rest. */
static void random_scalars(da_scalar *s, int n) {
    for (int k = 0; k < n * (int)(sizeof *s / sizeof(int32_t)); k++) ((int32_t *)s)[k] = (int32_t)random_below(BANK - DA_PACK + 1);
    for (const da_scalar *end = s + n; s < end; s += da_scalar_form_of(s->code).slots) {
        s->code = (int32_t)(random_below(DA_L_VALUES) + 256 * random_below(4));
        if (da_scalar_form_of(s->code).slots > end - s) s->code &= 255;
    }
}

static void random_plan(plan *p) {
    for (int k = 0; k < LISTS; k++) p->lists[k] = (int32_t)random_below(BANK);
    random_scalars(p->scalars, SCALARS);
    for (int k = 0; k < GROUPS; k++) {
        p->groups[k] = (da_group){.code = (uint16_t)random_below(DA_L_VALUES), .n = 1 + (int)random_below(LISTS / 2)};
        da_group *g = &p->groups[k];
        if (!random_below(5)) g->code = DA_L_REDUCE, g->op = (uint16_t)random_below(DA_N_REDUCTIONS);
        g->dst = random_lane(1), g->a = random_lane(0), g->b = random_lane(0), g->c = random_lane(0);
        if (!random_below(6)) g->code = DA_L_SCALARS, g->n = SCALARS, g->a.offset = 0;
    }
}

static void test_damaged_groups(void) {
    double *bank = malloc(BANK * sizeof *bank);
    da_span span = {malloc(BANK * sizeof(float)), BANK * sizeof(float)};
    int passed = 0;
    for (int i = 0; i < 50000; i++) {
        plan p;
        random_plan(&p);
        for (int k = 0; k < BANK; k++) bank[k] = random_in(-1, 1), ((float *)span.data)[k] = 1;
        da_groups env = {.bank = bank, .bank_size = BANK, .spans = &span, .n_spans = 1, .lists = p.lists, .n_lists = LISTS,
                         .scalars = p.scalars, .n_scalars = SCALARS};
        if (random_below(2)) damage(&p, sizeof p);
        if (da_groups_check(p.groups, GROUPS, &env) == DA_LANES_OK) passed++, da_groups_run(p.groups, GROUPS, &env);
    }
    CHECK(passed > 1000, "only %d passed: the test tests nothing", passed);
    free(bank), free(span.data);
}

/* Element i of an operand in plain words. */
static double element(const da_lane *l, const da_groups *env, int64_t i) {
    if (l->kind == DA_LANE_VALUE) return l->value;
    int64_t at = l->kind == DA_LANE_AFFINE ? l->offset + i * l->stride : env->lists[l->offset + i];
    return l->buffer == DA_LANE_BANK ? env->bank[at] : ((const float *)env->spans[l->buffer].data)[at];
}

/* Results go to a range of their own: lanes 64.. of a larger bank. */
static void test_group(void) {
    enum { ROOM = LISTS };
    double bank[BANK + ROOM], want[ROOM];
    float single[BANK];
    plan p;
    random_plan(&p);
    for (int k = 0; k < BANK; k++) bank[k] = random_in(-2, 2), single[k] = (float)random_in(-2, 2);
    da_span span = {single, sizeof single};
    da_groups env = {.bank = bank, .bank_size = BANK + ROOM, .spans = &span, .n_spans = 1, .lists = p.lists, .n_lists = LISTS};
    da_group *g = &p.groups[0];
    if (g->code >= DA_L_VALUES) return;
    g->dst = (da_lane){.offset = BANK, .stride = 1 + (g->n < 10), .buffer = DA_LANE_BANK, .kind = DA_LANE_AFFINE};
    for (int i = 0; i < g->n; i++) {
        double cell[4] = {element(&g->a, &env, i), element(&g->b, &env, i), element(&g->c, &env, i), 0};
        da_scalar_run(&(da_scalar){g->code, 3, 0, 1, 2}, 1, cell);
        want[i] = cell[3];
    }
    CHECK(da_groups_check(g, 1, &env) == DA_LANES_OK, "%s", da_lanes_name(g->code));
    da_groups_run(g, 1, &env);
    for (int i = 0; i < g->n; i++) {
        double got = bank[BANK + i * g->dst.stride];
        CHECK((got != got && want[i] != want[i]) || memcmp(&got, &want[i], sizeof got) == 0, "%s[%d]: %.17g, not %.17g",
              da_lanes_name(g->code), i, got, want[i]);
    }
}

/* A reduction of a group is that of an array, however its operand is addressed. */
static void test_group_reduction(void) {
    enum { MANY = 1000 };
    static double bank[2 * MANY + 1], plain[MANY];
    static int32_t list[MANY];
    for (int i = 0; i < 2 * MANY; i++) bank[i] = random_in(-1, 1);
    for (int n = 0; n < MANY; n += 1 + n / 3) {
        for (int op = 0; op < DA_N_REDUCTIONS; op++) {
            for (int i = 0; i < n; i++) plain[i] = bank[list[i] = 2 * i];
            double want = da_lanes_reduce(op, plain, n);
            da_group g = {.code = DA_L_REDUCE, .op = (uint16_t)op, .n = n,
                          .dst = {.offset = 2 * MANY, .stride = 1, .buffer = DA_LANE_BANK, .kind = DA_LANE_AFFINE},
                          .a = {.offset = 0, .stride = 2, .buffer = DA_LANE_BANK, .kind = DA_LANE_AFFINE}};
            da_groups env = {.bank = bank, .bank_size = 2 * MANY + 1, .lists = list, .n_lists = MANY};
            da_groups_run(&g, 1, &env);
            CHECK(bank[2 * MANY] == want, "%d of %d strided: %.17g, not %.17g", op, n, bank[2 * MANY], want);
            g.a = (da_lane){.offset = 0, .buffer = DA_LANE_BANK, .kind = DA_LANE_INDEXED};
            da_groups_run(&g, 1, &env);
            CHECK(bank[2 * MANY] == want, "%d of %d listed: %.17g, not %.17g", op, n, bank[2 * MANY], want);
        }
    }
}

/* The code of every form, whole and cut off, with every position in turn outside the bank. */
static void test_damaged_scalars(void) {
    enum { ROOM = 16 };
    for (int32_t code = -1; code < DA_L_CHAINED; code++) {
        da_scalar_form f = da_scalar_form_of(code);
        CHECK(!f.slots == (code < 0 || code % 256 >= DA_L_VALUES), "form of code %d", code);
        da_scalar s[3] = {{.code = code, .dst = ROOM - f.lanes}};
        int32_t *at = da_scalar_positions(s);
        for (int k = 0; k < f.n_positions; k++) at[k] = ROOM - f.width;
        CHECK(da_scalar_check(s, (size_t)f.slots, ROOM) == DA_LANES_OK, "code %d", code);
        CHECK(da_scalar_check(s, f.slots ? (size_t)f.slots - 1 : 1, ROOM) == (f.slots == 1 ? DA_LANES_OK : DA_LANES_CODE), "code %d", code);
        for (int k = -1; k < f.n_positions && f.slots; k++) {
            int32_t *one = k < 0 ? &s->dst : at + k, was = *one;
            *one = was + 1;
            CHECK(da_scalar_check(s, (size_t)f.slots, ROOM) == DA_LANES_REGISTER, "position %d of code %d", k, code);
            *one = -1;
            CHECK(da_scalar_check(s, (size_t)f.slots, ROOM) == DA_LANES_REGISTER, "position %d of code %d", k, code);
            *one = was;
        }
    }
}

/* A chained pack must follow the pack whose results it names. */
static void test_damaged_chains(void) {
    enum { ROOM = 16 };
    da_scalar s[3] = {{DA_exp + DA_L_PACK, 4, 0, 0, 0}, {DA_add + DA_L_PACK + DA_L_CHAINED, 8, 4, 0, 0}};
    CHECK(da_scalar_check(s, 2, ROOM) == DA_LANES_OK, "a chain");
    CHECK(da_scalar_check(s + 1, 1, ROOM) == DA_LANES_REGISTER, "nothing before");
    s[1].a = 0;
    CHECK(da_scalar_check(s, 2, ROOM) == DA_LANES_REGISTER, "something else before");
    s[0].code = DA_exp, s[1].a = 4;
    CHECK(da_scalar_check(s, 2, ROOM) == DA_LANES_REGISTER, "no pack before");
    s[0].code = DA_exp + DA_L_PACK, s[1].code += DA_L_GATHERED - DA_L_PACK;
    for (int k = 0; k < 2 * DA_PACK; k++) da_scalar_positions(s + 1)[k] = 4 + k % DA_PACK;
    CHECK(da_scalar_check(s, 3, ROOM) == DA_LANES_OK, "a gathered chain");
    da_scalar_positions(s + 1)[2] = 5;
    CHECK(da_scalar_check(s, 3, ROOM) == DA_LANES_REGISTER, "lanes in another order");
    CHECK(!da_scalar_form_of(DA_div + DA_L_PACK + DA_L_CHAINED).slots, "a quotient does not chain");
    CHECK(!da_scalar_form_of(DA_add + DA_L_CHAINED).slots, "no pack");
}

int main(void) {
    test_errors();
    test_damaged_chains();
    test_damaged_scalars();
    test_damaged_regions();
    test_damaged_groups();
    for (int i = 0; i < 2000; i++) test_group();
    test_group_reduction();
    return check_end("lanes_check");
}
