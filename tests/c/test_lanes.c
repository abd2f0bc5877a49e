/* Regions of the lane interpreter against scalar code, element by element, with a tolerance of zero; reductions against their
 * order as documented; groups; programs from untrusted sources; allocation failures. */
#include "check.h"
#include "da_lanes.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REGS = 7, INPUTS = 4, OUTPUTS = 3, REDUCTIONS = 2, MICROS = 40, BUFFER = 20000, LISTS = 2 };
enum { OPERANDS = INPUTS + OUTPUTS + REDUCTIONS, BUFFERS = OPERANDS + LISTS };

/* A region with everything it points to. */
typedef struct {
    da_region region;
    da_micro micros[MICROS];
    da_operand operands[OPERANDS];
    da_splat splats[3];
    da_reduction reductions[REDUCTIONS];
    double data[BUFFERS][BUFFER], want[BUFFERS][BUFFER];
    da_span spans[BUFFERS];
    int64_t n;
} program;

static double get(const void *p, int type, int64_t i) {
    switch (type) {
    case DA_T_F64: return ((const double *)p)[i];
    case DA_T_F32: return ((const float *)p)[i];
    case DA_T_BOOL: return ((const uint8_t *)p)[i] != 0;
    case DA_T_I64: return (double)((const int64_t *)p)[i];
    default: return ((const int32_t *)p)[i];
    }
}

static void put(void *p, int type, int64_t i, double x) {
    switch (type) {
    case DA_T_F64: ((double *)p)[i] = x; return;
    case DA_T_F32: ((float *)p)[i] = (float)x; return;
    case DA_T_BOOL: ((uint8_t *)p)[i] = x != 0; return;
    case DA_T_I64: ((int64_t *)p)[i] = fabs(x) < 9e18 ? (int64_t)x : INT64_MIN; return;
    default: ((int32_t *)p)[i] = fabs(x) < 2147483648.0 ? (int32_t)x : INT32_MIN;
    }
}

static int same_bits(double a, double b) { return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0; }

/* ---- random programs ---- */

/* Operand `k` on buffer `k`: contiguous, broadcast, reversed, strided, or by an index list. Outputs write nothing twice. */
static void random_operand(program *p, int k, int output) {
    da_operand *o = &p->operands[k];
    const da_region *r = &p->region;
    int64_t step = 1 + random_below(3) / 2, reach = 0;
    int kind = (int)random_below(4);
    *o = (da_operand){.buffer = k, .index_buffer = -1, .offset = random_below(5)};
    o->type = (uint8_t)(random_below(2) ? r->type : random_below(DA_T_N));
    for (int d = r->ndim - 1; d >= 0; d--) {
        int64_t size = r->shape[d] ? r->shape[d] : 1;
        int reverse = kind == 1 && random_below(2), broadcast = kind == 2 && !output && random_below(2);
        o->stride[d] = broadcast ? 0 : reverse ? -step : step;
        if (reverse) o->offset += (size - 1) * step;
        if (!broadcast) reach += (size - 1) * step, step = reach + 1 + (kind == 3);
    }
    if (k >= LISTS || random_below(3)) return;
    /* the same places, through a list in the next buffer that is free */
    o->index_buffer = OPERANDS + k, o->index_type = random_below(2) ? DA_T_I32 : DA_T_I64;
    o->index_offset = o->offset, o->offset = 3;
    for (int64_t i = 0; i < BUFFER; i++)
        put(p->data[o->index_buffer], o->index_type, i, (double)((i * 7919) % 997));
}

static void random_micros(program *p) {
    da_region *r = &p->region;
    int n = 0, splats = r->n_splats;
    for (int k = 0; k < INPUTS; k++) p->micros[n++] = (da_micro){.code = DA_L_LOAD, .dst = (uint16_t)k, .operand = k};
    for (int k = INPUTS; k < REGS; k++)
        p->micros[n++] = (da_micro){.code = DA_mul, .dst = (uint16_t)k, .a = 0, .b = (uint16_t)(k % INPUTS)};
    int out = 0, reduced = 0;
    while (n < MICROS) {
        uint16_t regs[4];
        for (int i = 0; i < 4; i++)
            regs[i] = (uint16_t)(random_below(5) || !i ? random_below(REGS) : REGS + random_below((uint32_t)splats));
        int last = n >= MICROS - OUTPUTS - REDUCTIONS;
        if (out < OUTPUTS && (last || !random_below(8))) {
            p->micros[n++] = (da_micro){.code = DA_L_STORE, .a = regs[1], .operand = INPUTS + out++};
        } else if (reduced < r->n_reductions && (last || !random_below(8))) {
            p->micros[n++] = (da_micro){.code = DA_L_REDUCE, .a = regs[1], .operand = reduced++};
        } else if (last || !random_below(20)) {
            p->micros[n++] = (da_micro){.code = DA_L_LOAD, .dst = regs[0], .operand = (int32_t)random_below(INPUTS)};
        } else {
            uint16_t code = (uint16_t)random_below(DA_L_VALUES);
            if (!random_below(4)) code = random_below(2) ? DA_tanh : DA_sech2; /* computed together where they meet */
            p->micros[n++] = (da_micro){.code = code, .dst = regs[0], .a = regs[1], .b = regs[2], .c = regs[3]};
        }
    }
    r->n_micros = n;
}

static void random_program(program *p) {
    da_region *r = &p->region;
    *r = (da_region){.type = random_below(3) ? DA_T_F64 : DA_T_F32, .axis = (uint8_t)random_below(3), .n_regs = REGS,
                     .n_operands = OPERANDS, .n_splats = 3, .micros = p->micros, .operands = p->operands,
                     .splats = p->splats, .reductions = p->reductions};
    r->n_reductions = (int32_t)random_below(REDUCTIONS + 1);
    r->by_kernels = random_below(4) == 0;
    r->ndim = (uint8_t)random_below(4), r->n_inner = (uint8_t)random_below(r->ndim + 1u);
    p->n = 1;
    for (int d = 0; d < r->ndim; d++) {
        r->shape[d] = random_below(4) ? 1 + random_below(30) : r->ndim == 1 ? random_below(4000) : d == 0 ? 300 : 0;
        if (p->n * r->shape[d] > 4000) r->shape[d] = 1;
        p->n *= r->shape[d];
    }
    for (int k = 0; k < BUFFERS; k++) {
        for (int i = 0; i < BUFFER; i++) p->data[k][i] = random_in(-2, 2);
        p->spans[k] = (da_span){p->data[k], sizeof p->data[k]};
    }
    for (int k = 0; k < OPERANDS; k++) {
        random_operand(p, k, k >= INPUTS);
        for (int i = 0; i < BUFFER; i++) put(p->data[k], p->operands[k].type, i, random_in(-2, 2));
    }
    for (int k = 0; k < REDUCTIONS; k++) {
        p->operands[INPUTS + OUTPUTS + k].stride[0] = 1 + k, p->operands[INPUTS + OUTPUTS + k].offset = 2;
        p->reductions[k] = (da_reduction){(int32_t)random_below(DA_N_REDUCTIONS), INPUTS + OUTPUTS + k};
    }
    p->splats[0] = (da_splat){1.5, -1}, p->splats[1] = (da_splat){-0.25, -1}, p->splats[2] = (da_splat){0, 1};
    random_micros(p);
}

/* ---- the oracle ---- */

static int64_t place(const program *p, const da_operand *o, int64_t e) {
    int64_t at = o->index_buffer < 0 ? o->offset : o->index_offset;
    for (int d = p->region.ndim - 1; d >= 0; d--) at += e % p->region.shape[d] * o->stride[d], e /= p->region.shape[d];
    return o->index_buffer < 0 ? at : o->offset + (int64_t)get(p->data[o->index_buffer], o->index_type, at);
}

static double rounded(const program *p, double x) { return p->region.type == DA_T_F64 ? x : (float)x; }

static double combine(const program *p, int op, double a, double b) {
    static const int codes[] = {DA_add, DA_mul, DA_maximum, DA_minimum};
    double bank[2] = {a, b};
    da_scalar s = {codes[op] + (p->region.type == DA_T_F64 ? 0 : DA_L_F32), 0, 0, 1, 0};
    da_scalar_run(&s, 1, bank);
    return bank[0];
}

/* Pairwise, level by level. */
static double tree(const program *p, int op, double *x, int64_t n) {
    for (; n > 1; n = (n + 1) / 2)
        for (int64_t i = 0; i < (n + 1) / 2; i++) x[i] = 2 * i + 1 < n ? combine(p, op, x[2 * i], x[2 * i + 1]) : x[2 * i];
    return x[0];
}

/* As da_lanes.h says. */
static double reduced(const program *p, int op, const double *x, int64_t n, int first) {
    static const double empty[] = {0, 1, -INFINITY, INFINITY};
    static double leaves[BUFFER];
    int64_t n_leaves = 0;
    if (!n) return empty[op];
    for (int64_t at = 0; at < n; at += DA_LEAF) {
        int64_t m = n - at < DA_LEAF ? n - at : DA_LEAF, ways = first ? 1 : 16;
        double part[16];
        for (int64_t j = 0; j < m; j++) part[j % ways] = j < ways ? x[at + j] : combine(p, op, part[j % ways], x[at + j]);
        for (int64_t w = ways / 2; w; w /= 2)
            for (int64_t j = 0; j < w; j++)
                if (j + w < m) part[j] = combine(p, op, part[j], part[j + w]);
        leaves[n_leaves++] = part[0];
    }
    return tree(p, op, leaves, n_leaves);
}

static double values[REDUCTIONS][BUFFER], row[BUFFER];

static void expect_element(program *p, int64_t e) {
    const da_region *r = &p->region;
    double bank[REGS + 3];
    for (int k = 0; k < 3; k++) {
        const da_splat *s = &p->splats[k];
        const da_operand *o = &p->operands[s->operand < 0 ? 0 : s->operand];
        int64_t at = o->offset;
        if (o->index_buffer >= 0) at += (int64_t)get(p->data[o->index_buffer], o->index_type, o->index_offset);
        bank[REGS + k] = rounded(p, s->operand < 0 ? s->value : get(p->data[o->buffer], o->type, at));
    }
    for (int i = 0; i < r->n_micros; i++) {
        const da_micro *m = &p->micros[i];
        const da_operand *o = &p->operands[m->code >= DA_L_VALUES ? m->operand : 0];
        da_scalar s = {m->code + (r->type == DA_T_F64 ? 0 : DA_L_F32), m->dst, m->a, m->b, m->c};
        if (m->code < DA_L_VALUES) da_scalar_run(&s, 1, bank);
        else if (m->code == DA_L_LOAD) bank[m->dst] = rounded(p, get(p->data[o->buffer], o->type, place(p, o, e)));
        else if (m->code == DA_L_STORE) put(p->want[o->buffer], o->type, place(p, o, e), bank[m->a]);
        else values[m->operand][e] = bank[m->a];
    }
}

static void expect_reduction(program *p, int k) {
    const da_region *r = &p->region;
    const da_operand *o = &p->operands[p->reductions[k].operand];
    int64_t rows = 1, cols = 1;
    for (int d = 0; d < r->ndim; d++) *(r->axis == DA_AXIS_ALL || d >= r->ndim - r->n_inner ? &cols : &rows) *= r->shape[d];
    int first = r->axis == DA_AXIS_FIRST;
    int64_t results = first ? cols : rows, n = first ? rows : cols;
    for (int64_t i = 0; i < results; i++) {
        for (int64_t j = 0; j < n; j++) row[j] = values[k][first ? j * cols + i : i * cols + j];
        put(p->want[o->buffer], o->type, o->offset + i * o->stride[0], reduced(p, p->reductions[k].op, row, n, first));
    }
}

static void *block(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64); }

/* In pieces, the last one first, each with scratch of its own. */
static void run(program *p) {
    da_lanes *l = da_lanes_new(&p->region);
    int64_t units = da_lanes_units(l, &p->region), cut = units ? random_below((uint32_t)units) : 0;
    void *a = block(da_lanes_scratch(l)), *b = block(da_lanes_scratch(l)), *partials = block(da_lanes_partials(l, &p->region));
    da_lanes_run(l, &p->region, p->spans, cut, units, a, partials);
    da_lanes_run(l, &p->region, p->spans, 0, cut, b, partials);
    da_lanes_finish(l, &p->region, p->spans, partials);
    free(a), free(b), free(partials);
    da_lanes_free(l);
}

static void test_region(program *p) {
    random_program(p);
    da_lanes_status status = da_region_check(&p->region, p->spans, BUFFERS);
    CHECK(status == DA_LANES_OK, "%s", da_lanes_error(status));
    if (status) return;
    memcpy(p->want, p->data, sizeof p->want);
    for (int64_t e = 0; e < p->n; e++) expect_element(p, e);
    for (int k = 0; k < p->region.n_reductions; k++) expect_reduction(p, k);
    run(p);
    for (int k = 0; k < BUFFERS; k++) {
        int type = k < OPERANDS ? p->operands[k].type : DA_T_BOOL;
        int64_t bad = -1;
        for (int64_t i = 0; i < BUFFER && bad < 0; i++) {
            double got = get(p->data[k], type, i), want = get(p->want[k], type, i);
            int zeros = k >= INPUTS + OUTPUTS && got == 0 && want == 0; /* an extremum may be either of 0 and -0 */
            if (!zeros && !same_bits(got, want)) bad = i;
        }
        CHECK(bad < 0, "buffer %d, type %d, axis %d: [%ld] is %.17g, not %.17g", k, type, p->region.axis, (long)bad,
              get(p->data[k], type, bad), get(p->want[k], type, bad));
    }
}

/* ---- stores into what is loaded; order of loads ---- */

static void test_in_place(void) {
    enum { N = 1000 };
    static double x[N + 16], want[N];
    da_micro micros[] = {{.code = DA_L_LOAD, .dst = 0}, {.code = DA_exp, .dst = 1, .a = 0},
                         {.code = DA_L_STORE, .a = 1, .operand = 1}, {.code = DA_add, .dst = 1, .a = 1, .b = 0},
                         {.code = DA_L_STORE, .a = 1, .operand = 0}};
    da_operand operands[] = {{.buffer = 0, .index_buffer = -1, .stride = {1}}, {.buffer = 0, .index_buffer = -1, .stride = {1}}};
    da_region r = {.ndim = 1, .n_regs = 2, .n_micros = 5, .n_operands = 2, .shape = {N}, .micros = micros, .operands = operands};
    da_span span = {x, sizeof x};
    for (int i = 0; i < N; i++) {
        double bank[2] = {x[i] = random_in(-1, 1), 0};
        da_scalar_run(&(da_scalar){DA_exp, 1, 0, 0, 0}, 1, bank);
        want[i] = bank[1] + bank[0];
    }
    da_lanes *l = da_lanes_new(&r);
    void *scratch = block(da_lanes_scratch(l));
    da_lanes_run(l, &r, &span, 0, da_lanes_units(l, &r), scratch, NULL);
    for (int i = 0; i < N; i++) CHECK(x[i] == want[i], "[%d]: %.17g, not %.17g", i, x[i], want[i]);
    free(scratch);
    da_lanes_free(l);
}

/* Sums of rows that go where the rows, or a number that all of them read, stood: buffer `results`. */
static void test_results_in_place(int results) {
    enum { ROWS = 2000, COLS = 20, AT = 7 };
    static double x[ROWS * COLS + 16], number[ROWS], want[ROWS];
    da_micro micros[] = {{.code = DA_L_LOAD, .dst = 0}, {.code = DA_mul, .dst = 0, .a = 0, .b = 1}, {.code = DA_L_REDUCE, .a = 0}};
    da_operand operands[] = {{.buffer = 0, .index_buffer = -1, .stride = {COLS, 1}}, {.buffer = results, .index_buffer = -1, .stride = {1}},
                             {.buffer = 1, .index_buffer = -1, .offset = AT}};
    da_region r = {.ndim = 2, .n_inner = 1, .axis = DA_AXIS_LAST, .n_regs = 1, .n_micros = 3, .n_operands = 3, .n_splats = 1,
                   .n_reductions = 1, .shape = {ROWS, COLS}, .micros = micros, .operands = operands,
                   .splats = &(da_splat){0, 2}, .reductions = &(da_reduction){DA_SUM, 1}};
    da_span spans[] = {{x, sizeof x}, {number, sizeof number}};
    for (int i = 0; i < ROWS * COLS; i++) x[i] = random_in(-1, 1);
    number[AT] = 1.25;
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLS; j++) row[j] = x[i * COLS + j] * number[AT];
        want[i] = da_lanes_reduce(DA_SUM, row, COLS);
    }
    da_lanes *l = da_lanes_new(&r);
    int64_t units = da_lanes_units(l, &r);
    void *scratch = block(da_lanes_scratch(l)), *partials = block(da_lanes_partials(l, &r));
    CHECK(units > 1, "one unit");
    for (int64_t u = 0; u < units; u++) da_lanes_run(l, &r, spans, u, u + 1, scratch, partials);
    da_lanes_finish(l, &r, spans, partials);
    const double *got = spans[results].data;
    for (int i = 0; i < ROWS; i++) CHECK(got[i] == want[i], "%d, [%d]: %.17g, not %.17g", results, i, got[i], want[i]);
    free(scratch), free(partials);
    da_lanes_free(l);
}

/* ---- batches: samples stand one after the other, their numbers side by side ---- */

/* What the outputs are: a function of an input, a constant, an input, and the function once more. */
enum { MOST_IN = 12, MOST_OUT = 67, MOST_SAMPLES = 1200 };

static double batch_output(int type, const double *in, int k, int input) {
    double bank[2] = {get(in, type, input), -7};
    if (k % 4 == 1) return 0.5;
    if (k % 4 == 2) return bank[0];
    da_scalar_run(&(da_scalar){DA_sin + (type == DA_T_F64 ? 0 : DA_L_F32), 1, 0, 0, 0}, 1, bank);
    return bank[1];
}

static void test_batch(int type, int n, int inputs, int outputs, int gap) {
    static double in[MOST_SAMPLES * (MOST_IN + 2)], out[MOST_SAMPLES * (MOST_OUT + 2)];
    da_micro micros[MOST_IN + 2 * MOST_OUT];
    da_operand operands[MOST_IN + MOST_OUT];
    int count = 0, at = 0;
    for (int k = 0; k < inputs; k++) {
        int swapped = k ^ (k + 1 < inputs && !(k & 1)); /* not in the order of memory */
        operands[k] = (da_operand){0, -1, (uint8_t)type, 0, swapped, 0, {inputs + gap}};
        micros[count++] = (da_micro){.code = DA_L_LOAD, .dst = (uint16_t)k, .operand = k};
    }
    for (int k = 0; k < outputs; k++) {
        uint16_t from[4] = {MOST_IN, MOST_IN + 1, (uint16_t)at, MOST_IN};
        operands[inputs + k] = (da_operand){1, -1, (uint8_t)type, 0, k, 0, {outputs + gap}};
        if (k % 4 == 0) micros[count++] = (da_micro){.code = DA_sin, .dst = MOST_IN, .a = (uint16_t)(at = (at + 5) % inputs)};
        micros[count++] = (da_micro){.code = DA_L_STORE, .a = from[k % 4], .operand = inputs + k};
    }
    for (int i = 0; i < (int)(sizeof in / sizeof *in); i++) put(in, type, i, random_in(-1, 1));
    for (int i = 0; i < (int)(sizeof out / sizeof *out); i++) put(out, type, i, -7);
    da_span spans[2] = {{in, sizeof in}, {out, sizeof out}};
    da_splat half = {0.5, -1};
    da_region r = {.type = (uint8_t)type, .ndim = 1, .n_regs = MOST_IN + 1, .n_micros = count, .n_operands = inputs + outputs,
                   .n_splats = 1, .shape = {n}, .micros = micros, .operands = operands, .splats = &half};
    CHECK(da_region_check(&r, spans, 2) == DA_LANES_OK, "batch of %d", n);
    da_lanes *l = da_lanes_new(&r);
    void *scratch = block(da_lanes_scratch(l));
    da_lanes_run(l, &r, spans, 0, da_lanes_units(l, &r), scratch, NULL);
    for (int i = 0; i < n; i++) {
        at = 0;
        for (int k = 0; k < outputs + gap; k++) {
            if (k < outputs && k % 4 == 0) at = (at + 5) % inputs;
            int input = i * (inputs + gap) + (int)operands[at].offset;
            double want = k < outputs ? batch_output(type, in, k, input) : -7, got = get(out, type, i * (outputs + gap) + k);
            CHECK(same_bits(got, want), "sample %d of %d, output %d: %.17g, not %.17g", i, n, k, got, want);
        }
    }
    free(scratch);
    da_lanes_free(l);
}

static void test_batches(void) {
    for (int n = 1; n < MOST_SAMPLES; n += 1 + n / 2)
        for (int inputs = 1; inputs <= MOST_IN; inputs += 3)
            for (int outputs = 1; outputs <= MOST_OUT; outputs += outputs < 12 ? 2 : 9)
                for (int gap = 0; gap < 3; gap += 2) test_batch(n & 1 ? DA_T_F64 : DA_T_F32, n, inputs, outputs, gap);
}

static void test_failures(program *p) {
    alloc_count = 0, alloc_fail_at = 1;
    CHECK(da_region_check(&p->region, p->spans, BUFFERS) == DA_LANES_MEMORY, "check");
    for (int k = 1; k <= 2; k++) {
        alloc_count = 0, alloc_fail_at = k;
        da_lanes *l = da_lanes_new(&p->region);
        CHECK(!l, "allocation %d failed, and nobody noticed", k);
        da_lanes_free(l);
    }
    alloc_fail_at = 0;
    CHECK(alloc_live == 0, "%ld blocks leaked", alloc_live);
}

int main(void) {
    program *p = malloc(sizeof *p);
    for (int i = 0; i < 300; i++) test_region(p);
    test_in_place();
    test_results_in_place(0);
    test_results_in_place(1);
    test_batches();
    test_failures(p);
    free(p);
    return check_end("lanes");
}
