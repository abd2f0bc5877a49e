/* Passing over strong zeros gives the bits that computing everything gives; and it is not done where results may not be zero. */
#include "check.h"
#include "da_lanes_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 40000 };
enum { X, G, H, STORED, SUM, MINUS_SUM, BUFFERS };
static double data[BUFFERS][SIZE], spread[BUFFERS][SIZE];

typedef struct {
    da_region region;
    da_operand operands[BUFFERS];
    da_micro micros[12];
    da_reduction reductions[2];
} program;

static uint16_t summed = DA_L_SMULADD; /* how the second product goes to the first */
static uint8_t mask_type;              /* of G; otherwise that of the registers */
static int reversed;                   /* X runs backwards within a row */

/* smul(g, x), smul(g, x) + smul(h, x) and its negative over rows of `groups` runs; g and h the same for a run, or spread out. */
static void make(program *p, int type, int64_t rows, int64_t groups, int64_t run, int stores, int sums, int spread_out, int repeats) {
    *p = (program){.region = {.type = (uint8_t)type, .ndim = 3, .n_inner = 2, .axis = DA_AXIS_FIRST, .n_regs = 5,
                              .n_operands = BUFFERS, .n_reductions = 2 * sums, .shape = {rows, groups, run},
                              .micros = p->micros, .operands = p->operands, .reductions = p->reductions}};
    for (int k = 0; k < BUFFERS; k++) {
        da_operand *o = &p->operands[k];
        int factor = (k == G || k == H) && !spread_out;
        *o = (da_operand){
            .buffer = k, .index_buffer = -1, .type = (uint8_t)type, .stride = {groups * run, run, 1}};
        if (factor) o->stride[0] = groups, o->stride[1] = 1, o->stride[2] = 0;
        if (k == X && repeats) o->stride[0] = 0; /* the same for all rows */
        if (k == X && reversed) o->stride[2] = -1, o->offset = run - 1;
        if (k == G) o->type = mask_type;
        if (k >= SUM) o->stride[0] = 1, o->stride[1] = o->stride[2] = 0;
    }
    p->reductions[0] = (da_reduction){DA_SUM, SUM}, p->reductions[1] = (da_reduction){DA_SUM, MINUS_SUM};
    const da_micro all[] = {
        {.code = DA_L_LOAD, .dst = 0, .operand = X}, {.code = DA_L_LOAD, .dst = 1, .operand = G},
        {.code = DA_smul, .dst = 2, .a = 1, .b = 0}, {.code = DA_L_LOAD, .dst = 3, .operand = H},
        {.code = summed, .dst = 3, .a = 3, .b = 0, .c = 2}, {.code = DA_neg, .dst = 4, .a = 3},
        {.code = DA_L_STORE, .a = 4, .operand = STORED}, {.code = DA_L_REDUCE, .a = 2, .operand = 0},
        {.code = DA_L_REDUCE, .a = 4, .operand = 1}};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        if (all[k].code == DA_L_STORE ? stores : all[k].code != DA_L_REDUCE || sums) p->micros[p->region.n_micros++] = all[k];
    }
}

static void *block(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64); }

static int run(const program *p, double (*buffers)[SIZE]) {
    da_span spans[BUFFERS];
    for (int k = 0; k < BUFFERS; k++) spans[k] = (da_span){buffers[k], sizeof buffers[k]};
    da_lanes_status status = da_region_check(&p->region, spans, BUFFERS);
    CHECK(status == DA_LANES_OK, "%s", da_lanes_error(status));
    da_lanes *l = da_lanes_new(&p->region);
    int factors = l->n_factors;
    int64_t units = da_lanes_units(l, &p->region), cut = units / 2;
    void *scratch = block(da_lanes_scratch(l)), *partials = block(da_lanes_partials(l, &p->region));
    da_lanes_run(l, &p->region, spans, cut, units, scratch, partials);
    da_lanes_run(l, &p->region, spans, 0, cut, scratch, partials);
    da_lanes_finish(l, &p->region, spans, partials);
    free(scratch), free(partials);
    da_lanes_free(l);
    return factors;
}

static double special(void) {
    static const double values[] = {0.0, -0.0, INFINITY, -INFINITY, NAN};
    return random_below(20) ? random_in(-2, 2) : values[random_below(5)];
}

static void put(double *to, int type, int64_t i, double x) {
    if (type == DA_T_BOOL) ((uint8_t *)to)[i] = x != 0;
    else if (type == DA_T_F64) to[i] = x;
    else ((float *)(void *)to)[i] = (float)x;
}

static void test_bits(int type, int stores, int sums) {
    int64_t run_length = 8 + random_below(30), groups = 1 + random_below(90), most = SIZE / (run_length * groups);
    int64_t rows = 1 + random_below(random_below(2) ? (uint32_t)most : 4); /* sums of few terms may be -0 */
    mask_type = (uint8_t)(random_below(2) ? type : DA_T_BOOL), reversed = (int)random_below(2);
    uint32_t zeros = random_below(5) ? random_below(101) : 100, minus = random_below(2);
    for (int64_t i = 0; i < SIZE; i++) put(data[X], type, i, random_below(5) ? special() : -0.0);
    memcpy(spread[X], data[X], sizeof spread[X]);
    for (int64_t i = 0; i < rows * groups; i++) {
        double zero = minus && random_below(2) ? -0.0 : 0.0;
        double g = random_below(100) < zeros ? zero : special(), h = g == 0 && random_below(8) ? 0 : special();
        put(data[G], mask_type, i, g), put(data[H], type, i, h);
        for (int64_t j = i * run_length; j < (i + 1) * run_length; j++) put(spread[G], mask_type, j, g), put(spread[H], type, j, h);
    }
    program p;
    int repeats = (int)random_below(2);
    static const uint16_t sums_of_products[] = {DA_L_SMULADD, DA_L_SMULSUB, DA_L_NSMULADD};
    summed = sums_of_products[random_below(3)];
    make(&p, type, rows, groups, run_length, stores, sums, 0, repeats);
    CHECK(run(&p, data) == 2, "the factors were not found");
    make(&p, type, rows, groups, run_length, stores, sums, 1, repeats);
    run(&p, spread);
    for (int k = STORED; k < BUFFERS; k++) {
        int64_t n = k == STORED ? rows * groups * run_length : groups * run_length, bad = -1;
        if (k == STORED ? !stores : !sums) continue;
        for (int64_t i = 0; i < n && bad < 0; i++) {
            double a = type == DA_T_F64 ? data[k][i] : ((float *)(void *)data[k])[i];
            double b = type == DA_T_F64 ? spread[k][i] : ((float *)(void *)spread[k])[i];
            if (!(a != a && b != b) && (a != b || signbit(a) != signbit(b))) bad = i;
        }
        CHECK(bad < 0, "type %d, %ld x %ld x %ld, buffer %d: [%ld]", type, (long)rows, (long)groups, (long)run_length, k,
              (long)bad);
    }
}

/* What may not be zero where the factors are. */
static void test_not_found(void) {
    mask_type = DA_T_F64;
    const da_micro last[] = {{.code = DA_mul, .dst = 4, .a = 1, .b = 0}, {.code = DA_smul, .dst = 4, .a = 0, .b = 1},
                             {.code = DA_add, .dst = 4, .a = 2, .b = 4}, {.code = DA_exp, .dst = 4, .a = 2}};
    for (size_t k = 0; k < sizeof last / sizeof *last; k++) {
        program p;
        make(&p, DA_T_F64, 4, 4, 8, 1, 0, 0, 0);
        p.micros[5] = last[k];
        if (last[k].code == DA_add) p.micros[4] = (da_micro){.code = DA_mul, .dst = 4, .a = 0, .b = 0};
        int found = run(&p, data);
        CHECK(found == (last[k].a == 0 && last[k].code == DA_smul ? 1 : 0), "%s: %d", da_lanes_name(last[k].code), found);
    }
    program p;
    make(&p, DA_T_F64, 4, 4, 8, 0, 1, 0, 0);
    p.reductions[1].op = DA_MAX;
    CHECK(run(&p, data) == 0, "a maximum is not a sum");
}

int main(void) {
    for (int k = 0; k < 300; k++) test_bits(k % 2 ? DA_T_F64 : DA_T_F32, k % 3 != 0, k % 3 != 1);
    test_not_found();
    return check_end("lanes_skip");
}
