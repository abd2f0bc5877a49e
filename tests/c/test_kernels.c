/* The array kernels of both precisions against the scalar functions. */
#include "check.h"
#include "da_kernels.h"
#include "da_ops.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 67 }; /* no multiple of any vector width */
static const int lengths[] = {0, 1, 3, 8, 33, N};
enum { N_LENGTHS = sizeof lengths / sizeof *lengths };

typedef struct {
    double x[N], y[N], z[N], g[N];
} block;

/* Multiples of 1/64 in the domain: exact in single precision too, so that steps fall on the same side. */
static double sample(int op, int arg) {
    double lo = da_ops[op].lo[arg], hi = da_ops[op].hi[arg];
    return ceil(lo * 64) / 64 + random_below((uint32_t)((hi - lo) * 64)) / 64.0;
}

static void fill(block *b, int op) {
    for (int i = 0; i < N; i++) {
        b->x[i] = sample(op, 0), b->y[i] = da_ops[op].arity == 2 ? sample(op, 1) : 0;
        b->g[i] = random_below(8) ? (random_below(128) + 1) / 64.0 : 0;
    }
}

static double seeded(const block *b, int op, int arg, int i, int sx, int sy) {
    double x = b->x[i * sx], y = b->y[i * sy], z = da_value(op, x, y);
    return b->g[i] == 0 ? 0 : b->g[i] * da_partial(op, arg, x, y, z);
}

static void test_value_d(const block *b, int op, int n, int sx, int sy) {
    double out[N + 1], one;
    out[n] = -77;
    da_value_kernel_d(op)((size_t)n, b->x, sx, b->y, sy, out);
    for (int i = 0; i < n; i++) {
        double want = da_value(op, b->x[i * sx], b->y[i * sy]);
        double allowed = da_ops[op].flags & DA_EXACT ? 0 : 4;
        CHECK(ulps(out[i], want) <= allowed, "%s[%d]: %.17g, not %.17g", da_ops[op].name, i, out[i], want);
        da_value_kernel_d(op)(1, b->x + i * sx, sx, b->y + i * sy, sy, &one);
        CHECK(one == out[i], "%s: an element depends on its place or on the length", da_ops[op].name);
    }
    CHECK(out[n] == -77, "%s writes past the end", da_ops[op].name);
}

static void test_seed_d(block *b, int op, int arg, int n, int sx, int sy) {
    double out[N + 1], one;
    out[n] = -77;
    for (int i = 0; i < n; i++) b->z[i] = da_value(op, b->x[i * sx], b->y[i * sy]);
    da_seed_kernel_d(op, arg)((size_t)n, b->x, sx, b->y, sy, b->z, b->g, out);
    for (int i = 0; i < n; i++) {
        double want = seeded(b, op, arg, i, sx, sy);
        CHECK(close_to(out[i], want, 1e-14), "%s: seed %d[%d]: %.17g, not %.17g", da_ops[op].name, arg, i, out[i], want);
        da_seed_kernel_d(op, arg)(1, b->x + i * sx, sx, b->y + i * sy, sy, b->z + i, b->g + i, &one);
        CHECK(one == out[i], "%s: an element depends on its place or on the length", da_ops[op].name);
    }
    CHECK(out[n] == -77, "%s writes past the end", da_ops[op].name);
}

typedef struct {
    float x[N], y[N], z[N], g[N], out[N + 1];
} block_f;

static void narrow(block_f *f, const block *b) {
    for (int i = 0; i < N; i++) f->x[i] = (float)b->x[i], f->y[i] = (float)b->y[i], f->g[i] = (float)b->g[i];
    f->out[N] = -77;
}

/* The unit in the last place is another one in single precision. */
static double value_f(int op, float x, float y) {
    if (op == DA_spacing) return (nextafterf(fabsf(x), INFINITY) - fabsf(x)) * (x < 0 ? -1 : 1);
    if (op == DA_nextafter) return nextafterf(x, y);
    return da_value(op, x, y);
}

static void test_single(const block *b, int op, int sx, int sy) {
    block_f f;
    narrow(&f, b);
    da_value_kernel_f(op)(N, f.x, sx, f.y, sy, f.out);
    for (int i = 0; i < N; i++) {
        double want = value_f(op, f.x[i * sx], f.y[i * sy]);
        CHECK(close_to(f.out[i], want, 1e-6), "%s(%g, %g) in single precision: %.9g, not %.9g", da_ops[op].name,
              f.x[i * sx], f.y[i * sy], f.out[i], want);
        f.z[i] = f.out[i];
    }
    for (int arg = 0; arg < da_ops[op].arity; arg++) {
        da_seed_kernel_f(op, arg)(N, f.x, sx, f.y, sy, f.z, f.g, f.out);
        for (int i = 0; i < N; i++) {
            double want = seeded(b, op, arg, i, sx, sy);
            CHECK(close_to(f.out[i], want, 2e-5), "%s: seed %d in single precision: %.9g, not %.9g", da_ops[op].name, arg, f.out[i], want);
        }
    }
    CHECK(f.out[N] == -77, "%s writes past the end", da_ops[op].name);
}

static void test_operation(int op) {
    block b;
    int two = da_ops[op].arity == 2;
    for (int s = 0; s < 4; s++) {
        int sx = s & 1, sy = two ? s >> 1 : 0;
        fill(&b, op);
        for (int k = 0; k < N_LENGTHS; k++) {
            test_value_d(&b, op, lengths[k], sx, sy);
            for (int arg = 0; arg <= two; arg++) test_seed_d(&b, op, arg, lengths[k], sx, sy);
        }
        test_single(&b, op, sx, sy);
    }
    CHECK(two == (da_seed_kernel_d(op, 1) != NULL) && two == (da_seed_kernel_f(op, 1) != NULL), "%s", da_ops[op].name);
}

/* An exactly zero seed gives zero whatever the partial is; another one does not hide it. */
static void test_strong_zero(void) {
    double x[2] = {0, 0}, z[2] = {-INFINITY, -INFINITY}, g[2] = {0, 1}, out[2];
    da_seed_kernel_d(DA_log, 0)(2, x, 1, x, 0, z, g, out);
    CHECK(out[0] == 0 && out[1] == INFINITY, "%g %g", out[0], out[1]);
}

static void test_levels(void) {
    const char *level = da_simd_level();
    CHECK(*level && strstr(da_simd_levels(), level), "%s is none of: %s", level, da_simd_levels());
}

int main(void) {
    da_ops_init();
    for (int op = 0; op < DA_N_OPS; op++) test_operation(op);
    test_strong_zero();
    test_levels();
    return check_end("kernels");
}
