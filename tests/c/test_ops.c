/* The operation table: its facts, its values against the C library, its partials against their bytecode and against differences. */
#include "check.h"
#include "da_ops.h"
#include <math.h>
#include <string.h>

enum { POINTS = 200 };
static const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, 1e-310, 1e300, -1e300, 710.0, INFINITY, -INFINITY, NAN};
enum { N_SPECIAL = sizeof special / sizeof *special };

static int by_name(const char *name) {
    for (int op = 0; op < DA_N_OPS; op++)
        if (!strcmp(da_ops[op].name, name)) return op;
    return -1;
}

static double sample(int op, int arg) { return random_in(da_ops[op].lo[arg], da_ops[op].hi[arg]); }

static void test_facts(void) {
    for (int op = 0; op < DA_N_OPS; op++) {
        const da_op_info *o = &da_ops[op];
        CHECK(by_name(o->name) == op, "%s stands twice in the table", o->name);
        for (int other = 0; other < op; other++)
            CHECK(!*o->numpy || strcmp(o->numpy, da_ops[other].numpy), "ufunc %s stands twice", o->numpy);
        CHECK(o->arity == 1 || o->arity == 2, "%s", o->name);
        CHECK(*o->value_text && *o->partial_text[0], "%s has no text", o->name);
        CHECK((o->arity == 2) == (*o->partial_text[1] != 0), "%s", o->name);
        for (int arg = 0; arg < o->arity; arg++) {
            const da_code *code = da_partial_code(op, arg);
            CHECK(o->lo[arg] < o->hi[arg], "%s has an empty domain", o->name);
            CHECK(code->n <= DA_MAX_STEPS && code->result >= 0 && code->result < DA_REF_STEP + code->n, "%s", o->name);
            for (int k = 0; k < code->n; k++)
                CHECK(code->steps[k].a < DA_REF_STEP + k && code->steps[k].b < DA_REF_STEP + k, "%s looks ahead", o->name);
        }
    }
}

static double square(double x) { return x * x; }
static double reciprocal(double x) { return 1 / x; }
static double add(double x, double y) { return x + y; }
static double sub(double x, double y) { return x - y; }
static double mul(double x, double y) { return x * y; }
static double quotient(double x, double y) { return x / y; }
static double floor_quotient(double x, double y) { return floor(x / y); }
static double modulo(double x, double y) { return fma(-floor(x / y), y, x); }
static double log_sum(double x, double y) { return log(exp(x) + exp(y)); }
static double log2_sum(double x, double y) { return log2(exp2(x) + exp2(y)); }
static double larger(double x, double y) { return x > y ? x : y; }
static double smaller(double x, double y) { return x < y ? x : y; }
static double inverse_cosh_squared(double x) { return 1 / (cosh(x) * cosh(x)); }
static double expit(double x) { return 0.5 + 0.5 * tanh(x / 2); }

/* Independent statements of the values, each within so many ulps. */
static const struct {
    const char *name;
    double (*f1)(double);
    double (*f2)(double, double);
    double ulps;
} known[] = {
    {"abs", fabs, NULL, 0},       {"fabs", fabs, NULL, 0},           {"rint", rint, NULL, 0},       {"floor", floor, NULL, 0},
    {"ceil", ceil, NULL, 0},      {"trunc", trunc, NULL, 0},         {"square", square, NULL, 0},   {"sqrt", sqrt, NULL, 0},
    {"cbrt", cbrt, NULL, 4},      {"recip", reciprocal, NULL, 0},    {"exp", exp, NULL, 4},         {"exp2", exp2, NULL, 4},
    {"expm1", expm1, NULL, 4},    {"log", log, NULL, 4},             {"log2", log2, NULL, 4},       {"log10", log10, NULL, 4},
    {"log1p", log1p, NULL, 4},    {"sin", sin, NULL, 4},             {"cos", cos, NULL, 4},         {"tan", tan, NULL, 4},
    {"arcsin", asin, NULL, 4},    {"arccos", acos, NULL, 4},         {"arctan", atan, NULL, 4},     {"sinh", sinh, NULL, 4},
    {"cosh", cosh, NULL, 4},      {"tanh", tanh, NULL, 4},           {"arcsinh", asinh, NULL, 4},   {"arccosh", acosh, NULL, 4},
    {"arctanh", atanh, NULL, 4},  {"logistic", expit, NULL, 64},     {"sech2", inverse_cosh_squared, NULL, 8},
    {"add", NULL, add, 0},         {"sub", NULL, sub, 0},
    {"mul", NULL, mul, 0},        {"div", NULL, quotient, 0},        {"smul", NULL, mul, 0},        {"sdiv", NULL, quotient, 0},
    {"floordiv", NULL, floor_quotient, 0}, {"mod", NULL, modulo, 256}, {"fmod", NULL, fmod, 0},     {"pow", NULL, pow, 4},
    {"float_power", NULL, pow, 4}, {"hypot", NULL, hypot, 4},        {"arctan2", NULL, atan2, 4},   {"copysign", NULL, copysign, 0},
    {"nextafter", NULL, nextafter, 0}, {"diff", NULL, sub, 0},       {"logaddexp", NULL, log_sum, 1e4}, {"logaddexp2", NULL, log2_sum, 1e4},
    {"maximum", NULL, larger, 0}, {"minimum", NULL, smaller, 0},     {"fmax", NULL, fmax, 0},       {"fmin", NULL, fmin, 0},
};

static void test_values(void) {
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        int op = by_name(known[k].name);
        CHECK(op >= 0, "%s is missing", known[k].name);
        for (int i = 0; op >= 0 && i < POINTS; i++) {
            double x = sample(op, 0), y = sample(op, 1);
            double want = known[k].f1 ? known[k].f1(x) : known[k].f2(x, y), got = da_value(op, x, y);
            CHECK(ulps(got, want) <= known[k].ulps, "%s(%.17g, %.17g) = %.17g, not %.17g", known[k].name, x, y, got, want);
        }
    }
}

/* The results that IEEE arithmetic and NumPy fix at the edges. */
static void test_edges(void) {
    CHECK(da_value(DA_smul, 0, INFINITY) == 0 && da_value(DA_smul, 0, NAN) == 0, "zero wins in smul");
    CHECK(da_value(DA_sdiv, 0, 0) == 0, "zero wins in sdiv");
    CHECK(isnan(da_value(DA_smul, 1, NAN)), "smul passes NaN on");
    CHECK(isnan(da_value(DA_maximum, NAN, 1)) && isnan(da_value(DA_minimum, 1, NAN)), "maximum and minimum pass NaN on");
    CHECK(da_value(DA_fmax, NAN, 1) == 1 && da_value(DA_fmin, 1, NAN) == 1, "fmax and fmin pass NaN over");
    CHECK(da_value(DA_logaddexp, -INFINITY, -INFINITY) == -INFINITY, "log(0 + 0)");
    CHECK(da_value(DA_logaddexp, 1000, 1000) == 1000 + DA_LN2, "no overflow in logaddexp");
    CHECK(da_value(DA_mod, -1, 3) == 2 && da_value(DA_mod, 1, -3) == -2, "the remainder has the sign of the divisor");
    CHECK(da_value(DA_floordiv, -1, 3) == -1, "floor division rounds down");
    CHECK(isnan(da_value(DA_sign, NAN, 0)) && da_value(DA_sign, -2, 0) == -1, "sign");
    CHECK(da_value(DA_spacing, 1, 0) == 0x1p-52, "spacing");
    CHECK(da_value(DA_heaviside, 0, 0.25) == 0.25 && da_value(DA_heaviside, 2, 0.25) == 1, "heaviside");
    CHECK(da_value(DA_logistic, -1000, 0) == 0 && da_value(DA_logistic, 1000, 0) == 1, "logistic saturates");
    CHECK(da_partial(DA_pow, 0, 0, 2, 0) == 0 && da_partial(DA_pow, 0, 0, 1, 0) == 1, "d(x**n)/dx at 0");
    CHECK(da_partial(DA_pow, 1, 0, 2, 0) == 0, "d(x**y)/dy at x = 0");
    CHECK(da_partial(DA_pow, 0, -2, 3, -8) == 12, "d(x**3)/dx at -2");
    CHECK(da_partial(DA_abs, 0, 0, 0, 0) == 0, "abs'(0)");
    CHECK(da_partial(DA_hypot, 0, 0, 0, 0) == 0 && da_partial(DA_hypot, 1, 0, 0, 0) == 0, "hypot at the origin");
    CHECK(da_partial(DA_maximum, 0, 1, 1, 1) == 0.5 && da_partial(DA_maximum, 1, 1, 1, 1) == 0.5, "ties share");
    CHECK(da_partial(DA_sqrt, 0, 0, 0, 0) == INFINITY, "sqrt'(0)");
    CHECK(da_partial(DA_tanh, 0, 20, 0, 1) > 0, "tanh'(20) does not vanish");
    CHECK(da_value(DA_sech2, 0, 0) == 1 && da_value(DA_sech2, -INFINITY, 0) == 0 && isnan(da_value(DA_sech2, NAN, 0)), "sech2");
    CHECK(fabs(da_value(DA_sech2, 360, 0) / 8.12892320969717e-313 - 1) < 1e-10, "sech2 has no overflow on the way to 0");
}

static void check_code(int op, int arg, double x, double y) {
    const da_code *code = da_partial_code(op, arg);
    double z = da_value(op, x, y), want = da_partial(op, arg, x, y, z), got = da_run_code(code, x, y, z);
    CHECK(same(got, want), "%s: partial %d at (%g, %g) is %.17g by bytecode, %.17g inline", da_ops[op].name, arg, x, y, got, want);
    double unused = 12345.678; /* operands that the code says it does not need must not matter */
    got = da_run_code(code, code->needs & 1 ? x : unused, code->needs & 2 ? y : unused, code->needs & 4 ? z : unused);
    CHECK(same(got, want), "%s: partial %d needs more than it says", da_ops[op].name, arg);
    if (da_ops[op].flags & DA_STEP) CHECK(want == 0, "%s is a step with a slope", da_ops[op].name);
}

static void test_bytecode(void) {
    for (int op = 0; op < DA_N_OPS; op++)
        for (int arg = 0; arg < da_ops[op].arity; arg++) {
            for (int i = 0; i < POINTS; i++) check_code(op, arg, sample(op, 0), sample(op, 1));
            for (int i = 0; i < N_SPECIAL; i++)
                for (int j = 0; j < N_SPECIAL; j++)
                    check_code(op, arg, special[i], special[j]);
        }
}

typedef struct {
    int op, arg;
    double x, y;
} line;

static double along(double v, const void *data) {
    const line *l = data;
    return l->arg ? da_value(l->op, l->x, v) : da_value(l->op, v, l->y);
}

static void test_differences(void) {
    for (int op = 0; op < DA_N_OPS; op++)
        for (int arg = 0; arg < da_ops[op].arity; arg++) {
            int smooth = 0;
            for (int i = 0; i < POINTS; i++) {
                line l = {op, arg, sample(op, 0), sample(op, 1)};
                double want, got = da_partial(op, arg, l.x, l.y, da_value(op, l.x, l.y));
                if (!differentiate(along, &l, arg ? l.y : l.x, 1e-3, 1e-9, &want)) continue;
                smooth++;
                CHECK(close_to(got, want, 1e-9), "%s: partial %d at (%g, %g) is %.12g, not %.12g", da_ops[op].name, arg, l.x, l.y, got, want);
            }
            CHECK(smooth > POINTS * 3 / 4, "%s: differences were usable at %d points only", da_ops[op].name, smooth);
        }
}

int main(void) {
    da_ops_init();
    da_ops_init(); /* twice does no harm */
    test_facts();
    test_values();
    test_edges();
    test_bytecode();
    test_differences();
    return check_end("ops");
}
