/* Sums that compute products and squares themselves have the bits of those made one after the other, over all axes; and nothing
 * is taken out that somebody else reads. */
#include "check.h"
#include "da_lanes_private.h"
#include <stdlib.h>
#include <string.h>

enum { SIZE = 30000 };
enum { X, Y, KEPT, SUM, BUFFERS };
static double data[BUFFERS][SIZE], sums[SIZE];

typedef struct {
    da_region region;
    da_operand operands[BUFFERS];
    da_micro micros[8];
    da_reduction reduction;
} program;

enum { PRODUCT, SQUARE, SQUARED_DIFFERENCE, KINDS };

/* The sum of x * y, x^2 or (x - y)^2 over [blocks, rows, cols]; x is the same for all blocks, or for all rows of a block.
 * `kept`: what is summed is stored, too. */
static void make(program *p, int type, int kind, int axis, const int64_t *shape, int same_rows, int in_place, int kept) {
    int64_t blocks = shape[0], rows = shape[1], cols = shape[2];
    *p = (program){.region = {.type = (uint8_t)type, .ndim = 3, .n_inner = 1, .axis = (uint8_t)axis, .n_regs = 4,
                              .n_operands = BUFFERS, .n_reductions = 1, .by_kernels = 1, .shape = {blocks, rows, cols},
                              .micros = p->micros, .operands = p->operands,
                              .reductions = &p->reduction},
                   .reduction = {DA_SUM, SUM}};
    for (int k = 0; k < BUFFERS; k++)
        p->operands[k] = (da_operand){.buffer = k, .index_buffer = -1, .type = (uint8_t)type, .stride = {rows * cols, cols, 1}};
    p->operands[X].stride[same_rows ? 1 : 0] = 0;
    if (same_rows) p->operands[X].stride[0] = cols;
    p->operands[SUM] = (da_operand){.buffer = SUM, .index_buffer = -1, .type = (uint8_t)type, .stride = {1}};
    uint16_t first = in_place ? 0 : 2, second = in_place ? first : 3, n = 0;
    p->micros[n++] = (da_micro){.code = DA_L_LOAD, .dst = 0, .operand = X};
    p->micros[n++] = (da_micro){.code = DA_L_LOAD, .dst = 1, .operand = Y};
    if (kind == SQUARED_DIFFERENCE) p->micros[n++] = (da_micro){.code = DA_sub, .dst = first, .a = 0, .b = 1};
    uint16_t from = kind == SQUARED_DIFFERENCE ? first : 0;
    p->micros[n++] = (da_micro){.code = kind == PRODUCT ? DA_mul : DA_square, .dst = second, .a = from, .b = kind == PRODUCT};
    if (kept) p->micros[n++] = (da_micro){.code = DA_L_STORE, .a = second, .operand = KEPT};
    p->micros[n++] = (da_micro){.code = DA_L_REDUCE, .a = second, .operand = 0};
    p->region.n_micros = n;
}

static void *block(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64); }

/* Runs it; how many operations were taken out. */
static int run_on(const program *p, const da_span *spans) {
    da_lanes_status status = da_region_check(&p->region, spans, BUFFERS);
    CHECK(status == DA_LANES_OK, "%s", da_lanes_error(status));
    da_lanes *l = da_lanes_new(&p->region);
    int gone = p->region.n_micros - l->n_insts;
    int64_t units = da_lanes_units(l, &p->region);
    void *scratch = block(da_lanes_scratch(l)), *partials = block(da_lanes_partials(l, &p->region));
    memset(data[SUM], 0, sizeof data[SUM]);
    da_lanes_run(l, &p->region, spans, units / 2, units, scratch, partials);
    da_lanes_run(l, &p->region, spans, 0, units / 2, scratch, partials);
    da_lanes_finish(l, &p->region, spans, partials);
    free(scratch), free(partials);
    da_lanes_free(l);
    return gone;
}

static int run(const program *p) {
    da_span spans[BUFFERS];
    for (int k = 0; k < BUFFERS; k++) spans[k] = (da_span){data[k], sizeof data[k]};
    return run_on(p, spans);
}

static void test_bits(int k) {
    int type = k % 2 ? DA_T_F64 : DA_T_F32, kind = k / 2 % KINDS, axis = k / 6 % 3;
    int same_rows = (int)random_below(2), in_place = (int)random_below(2), wide = random_below(4) == 0;
    int64_t cols = 1 + random_below(wide ? 3000 : 40), rows = 1 + random_below(wide ? 3 : 60), most = SIZE / (rows * cols);
    int64_t shape[3] = {1 + random_below(most < 30 ? (uint32_t)most : 30), rows, cols};
    for (int64_t i = 0; i < SIZE; i++) {
        for (int b = X; b <= Y; b++) {
            double x = random_below(50) ? random_in(-2, 2) : -0.0;
            if (type == DA_T_F64) data[b][i] = x;
            else ((float *)(void *)data[b])[i] = (float)x;
        }
    }
    program p;
    make(&p, type, kind, axis, shape, same_rows, in_place, 1);
    CHECK(run(&p) == 0, "taken out what is stored");
    memcpy(sums, data[SUM], sizeof sums);
    make(&p, type, kind, axis, shape, same_rows, in_place, 0);
    int gone = run(&p);
    CHECK(gone == (kind == SQUARED_DIFFERENCE ? 2 : 1), "kind %d: %d taken out", kind, gone);
    CHECK(!memcmp(sums, data[SUM], sizeof sums), "type %d, kind %d, axis %d, %ld x %ld x %ld, same rows %d", type, kind, axis,
          (long)shape[0], (long)rows, (long)cols, same_rows);
}

/* An operand that is overwritten before the sum. */
static void test_overwritten(void) {
    program p;
    make(&p, DA_T_F64, PRODUCT, DA_AXIS_ALL, (const int64_t[]){2, 3, 40}, 0, 0, 0);
    const da_micro micros[] = {{.code = DA_L_LOAD, .dst = 0, .operand = X}, {.code = DA_L_LOAD, .dst = 1, .operand = Y},
                               {.code = DA_neg, .dst = 2, .a = 0}, {.code = DA_mul, .dst = 3, .a = 2, .b = 1},
                               {.code = DA_neg, .dst = 2, .a = 1}, {.code = DA_L_REDUCE, .a = 3, .operand = 0}};
    memcpy(p.micros, micros, sizeof micros);
    p.region.n_micros = sizeof micros / sizeof *micros;
    CHECK(run(&p) == 0, "an operand of the product is overwritten");
}

/* Nothing is read behind the last row: the buffers end there, and the sanitizer sees it. */
static void test_ends(void) {
    for (int64_t cols = 1; cols <= 40; cols++) {
        program p;
        make(&p, DA_T_F64, SQUARED_DIFFERENCE, DA_AXIS_LAST, (const int64_t[]){1, 16, cols}, 0, 0, 0);
        size_t bytes = (size_t)cols * 16 * sizeof(double);
        double *x = malloc(bytes), *y = malloc(bytes);
        for (int64_t i = 0; i < cols * 16; i++) x[i] = 3, y[i] = 1;
        da_span spans[] = {{x, bytes}, {y, bytes}, {data[KEPT], sizeof data[KEPT]}, {data[SUM], sizeof data[SUM]}};
        run_on(&p, spans);
        for (int i = 0; i < 16; i++) CHECK(data[SUM][i] == 4.0 * (double)cols, "%ld columns: [%d] %g", (long)cols, i, data[SUM][i]);
        free(x), free(y);
    }
}

int main(void) {
    for (int k = 0; k < 720; k++) test_bits(k);
    test_overwritten();
    test_ends();
    return check_end("lanes_fuse");
}
