/* Machine code against kernels: long programs with more values than registers, every code, numbers at the ends of the range, results over
 * arguments; and systems that give no memory for it. */
#include "check.h"
#include "da_lanes.h"
#include "da_machine.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REGS = 60, INPUTS = 20, OUTPUTS = 12, SPLATS = 5, MICROS = 1500, LANES = 1300, BUFFERS = INPUTS + OUTPUTS };

typedef struct {
    da_region region;
    da_micro micros[MICROS];
    da_operand operands[BUFFERS];
    da_splat splats[SPLATS];
    double data[BUFFERS][LANES + 16];
    da_span spans[BUFFERS];
} program;

static const double odd[] = {0.0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 5e-324, -5e-324, 2.2e-308, 1.7e308, -1.7e308, 0.5, 1e-40, 3e38, 2.5, -1.5, 1e16};

static double random_number(int often_odd) {
    if (random_below(often_odd ? 2 : 40)) return random_in(-3, 3);
    return odd[random_below(sizeof odd / sizeof *odd)];
}

static void put(program *p, int k, int i, double x) {
    if (p->region.type == DA_T_F64) p->data[k][i] = x;
    else ((float *)(void *)p->data[k])[i] = (float)x;
}

/* `functions`: one of so many operations is no arithmetic, and cuts stretches. */
static void make(program *p, int type, int n, int functions, int often_odd, int64_t stride) {
    da_region *r = &p->region;
    *r = (da_region){.type = (uint8_t)type, .ndim = 1, .n_regs = REGS, .n_operands = BUFFERS, .n_splats = SPLATS, .shape = {LANES / stride},
                     .micros = p->micros, .operands = p->operands, .splats = p->splats};
    int at = 0;
    for (int k = 0; k < BUFFERS; k++) {
        p->operands[k] = (da_operand){.buffer = k, .index_buffer = -1, .type = (uint8_t)type, .stride = {stride}};
        p->spans[k] = (da_span){p->data[k], sizeof p->data[k]};
        for (int i = 0; i < LANES + 16; i++) put(p, k, i, k < INPUTS ? random_number(often_odd) : -7);
    }
    for (int k = 0; k < SPLATS; k++) p->splats[k] = (da_splat){random_number(often_odd), -1};
    for (int k = 0; k < REGS; k++) {
        if (k < INPUTS) p->micros[at++] = (da_micro){.code = DA_L_LOAD, .dst = (uint16_t)k, .operand = k};
        else p->micros[at++] = (da_micro){.code = DA_sub, .dst = (uint16_t)k, .a = (uint16_t)random_below((uint32_t)k), .b = REGS};
    }
    while (at < n) {
        uint16_t x[4], code = (uint16_t)random_below(DA_L_VALUES);
        for (int i = 0; i < 4; i++) x[i] = (uint16_t)(i && !random_below(8) ? REGS + random_below(SPLATS) : random_below(REGS));
        if (!da_machine_has(code) && (!functions || random_below((uint32_t)functions))) continue;
        if (code == DA_copysign) continue; /* the sign of a NaN follows the order of operands, which compilers may choose */
        p->micros[at++] = (da_micro){.code = code, .dst = x[0], .a = x[1], .b = x[2], .c = x[3]};
    }
    for (int k = 0; k < OUTPUTS; k++)
        p->micros[at++] = (da_micro){.code = DA_L_STORE, .a = (uint16_t)random_below(REGS), .operand = INPUTS + k};
    r->n_micros = at;
}

static void *block(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64); }

static void run(program *p, const da_span *spans, int by_kernels) {
    p->region.by_kernels = (uint8_t)by_kernels;
    CHECK(da_region_check(&p->region, p->spans, BUFFERS) == DA_LANES_OK, "the program");
    da_lanes *l = da_lanes_new(&p->region);
    void *scratch = block(da_lanes_scratch(l));
    da_lanes_run(l, &p->region, spans, 0, da_lanes_units(l, &p->region), scratch, NULL);
    free(scratch);
    da_lanes_free(l);
}

/* Whether two buffers are the same, where a NaN is a NaN. */
static int same_lanes(int type, const void *a, const void *b) {
    for (int i = 0; i < LANES; i++) {
        double x = type == DA_T_F64 ? ((const double *)a)[i] : ((const float *)a)[i];
        double y = type == DA_T_F64 ? ((const double *)b)[i] : ((const float *)b)[i];
        if (memcmp(&x, &y, sizeof x) && (x == x || y == y)) return 0;
    }
    return 1;
}

static void test_bits(program *p) {
    static double want[OUTPUTS][LANES + 16];
    int type = random_below(2) ? DA_T_F64 : DA_T_F32;
    make(p, type, 100 + (int)random_below(MICROS - 200), (int)random_below(3) * 10, (int)random_below(2), random_below(4) ? 1 : 5);
    run(p, p->spans, 1);
    memcpy(want, p->data[INPUTS], sizeof want);
    for (int k = INPUTS; k < BUFFERS; k++)
        for (int i = 0; i < LANES + 16; i++) put(p, k, i, -7);
    run(p, p->spans, 0);
    for (int k = 0; k < OUTPUTS; k++) CHECK(same_lanes(type, want[k], p->data[INPUTS + k]), "output %d", k);
}

/* Each code alone, with the result of a subtraction before it so that there is something to join: all pairs of odd numbers. */
static void test_code(program *p, int code, int type) {
    enum { N = sizeof odd / sizeof *odd };
    static double want[LANES + 16];
    make(p, type, 0, 0, 0, 1);
    for (int i = 0; i < LANES; i++) put(p, 0, i, odd[i % N]), put(p, 1, i, odd[i / N % N]), put(p, 2, i, odd[(i * 7 + i / N) % N]);
    const da_micro micros[] = {{.code = DA_L_LOAD, .dst = 0, .operand = 0}, {.code = DA_L_LOAD, .dst = 1, .operand = 1},
                               {.code = DA_L_LOAD, .dst = 2, .operand = 2}, {.code = DA_copy, .dst = 3, .a = 0},
                               {.code = (uint16_t)code, .dst = 4, .a = 3, .b = 1, .c = 2}, {.code = DA_L_STORE, .a = 4, .operand = INPUTS}};
    memcpy(p->micros, micros, sizeof micros);
    p->region.n_micros = sizeof micros / sizeof *micros;
    run(p, p->spans, 1);
    memcpy(want, p->data[INPUTS], sizeof want);
    run(p, p->spans, 0);
    CHECK(same_lanes(type, want, p->data[INPUTS]), "%s, type %d", da_lanes_name(code), type);
}

/* Results that take the place of arguments, wherever that is allowed. */
static void test_over_arguments(program *p, int by_kernels) {
    static double want[OUTPUTS][LANES + 16], kept[INPUTS][LANES + 16];
    make(p, DA_T_F64, 80 + (int)random_below(60), 10, 0, 1);
    run(p, p->spans, 1);
    memcpy(want, p->data[INPUTS], sizeof want);
    memcpy(kept, p->data, sizeof kept);
    p->region.by_kernels = (uint8_t)by_kernels;
    da_lanes *l = da_lanes_new(&p->region);
    for (int in = 0; in < INPUTS; in += 3) {
        int out = (int)random_below(OUTPUTS);
        if (!da_lanes_may_overwrite(l, in, INPUTS + out)) continue;
        da_span spans[BUFFERS];
        memcpy(spans, p->spans, sizeof spans);
        memcpy(p->data, kept, sizeof kept);
        spans[INPUTS + out].data = spans[in].data;
        run(p, spans, by_kernels);
        for (int k = 0; k < OUTPUTS; k++)
            CHECK(same_lanes(DA_T_F64, want[k], spans[INPUTS + k].data), "output %d over argument %d, then output %d", out, in, k);
    }
    da_lanes_free(l);
}

/* x + 1 and 3 x: the first must not be written over x, the second may. */
static void test_order(program *p) {
    for (int by_kernels = 0; by_kernels < 2; by_kernels++) {
        make(p, DA_T_F64, 0, 0, 0, 1);
        const da_micro micros[] = {{.code = DA_L_LOAD, .dst = 0, .operand = 0}, {.code = DA_add, .dst = 1, .a = 0, .b = REGS},
                                   {.code = DA_mul, .dst = 2, .a = 0, .b = REGS + 1}, {.code = DA_L_STORE, .a = 1, .operand = INPUTS},
                                   {.code = DA_L_STORE, .a = 2, .operand = INPUTS + 1}};
        memcpy(p->micros, micros, sizeof micros);
        p->region.n_micros = 5, p->region.by_kernels = (uint8_t)by_kernels;
        da_lanes *l = da_lanes_new(&p->region);
        CHECK(!da_lanes_may_overwrite(l, 0, INPUTS), "x is read after x + 1 is written");
        CHECK(da_lanes_may_overwrite(l, 0, INPUTS + 1), "nothing is read after 3 x is written");
        da_lanes_free(l);
        p->micros[p->region.n_micros++] = (da_micro){.code = DA_L_LOAD, .dst = 3, .operand = 0}; /* for nobody */
        l = da_lanes_new(&p->region);
        CHECK(!da_lanes_may_overwrite(l, 0, INPUTS), "the first load of x counts, too");
        da_lanes_free(l);
    }
}

/* Whatever allocation fails, there is a program, which gives the same, or none. */
static void test_failures(program *p) {
    static double want[OUTPUTS][LANES + 16];
    make(p, DA_T_F64, 300, 20, 0, 1);
    run(p, p->spans, 1);
    memcpy(want, p->data[INPUTS], sizeof want);
    p->region.by_kernels = 0;
    for (int k = 1; k < 9; k++) {
        alloc_count = 0, alloc_fail_at = k;
        da_lanes *l = da_lanes_new(&p->region);
        alloc_fail_at = 0;
        if (l) {
            void *scratch = block(da_lanes_scratch(l));
            memset(p->data[INPUTS], 0, sizeof want);
            da_lanes_run(l, &p->region, p->spans, 0, da_lanes_units(l, &p->region), scratch, NULL);
            free(scratch);
            for (int out = 0; out < OUTPUTS; out++) CHECK(same_lanes(DA_T_F64, want[out], p->data[INPUTS + out]), "allocation %d failed", k);
        }
        da_lanes_free(l);
    }
    CHECK(alloc_live == 0 && mapped_live == 0, "%ld blocks and %zu bytes leaked", alloc_live, mapped_live);
}

int main(void) {
    program *p = malloc(sizeof *p);
    for (int i = 0; i < 150; i++) test_bits(p);
    for (int code = 0; code < DA_L_VALUES; code++)
        for (int type = DA_T_F64; type <= DA_T_F32; type++) test_code(p, code, type);
    for (int i = 0; i < 60; i++) test_over_arguments(p, i % 2);
    test_order(p);
    test_failures(p);
    free(p);
    return check_end("machine");
}
