// Adjoints written by hand from the formulas of problems.py: what a patient person would write instead of using a library.
// One thread, row-major arrays, double precision; built by native.py with -O3 -march=native.
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

struct Vec {
    double x, y, z;
};

double dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
Vec cross(Vec a, Vec b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
Vec scaled(Vec a, double s) { return {a.x * s, a.y * s, a.z * s}; }
Vec plus(Vec a, Vec b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }

// The values of one observation that its adjoint reads.
struct Observation {
    double angle, c, s, along;  // along = axis . point
    Vec axis, point, seen;
    double u, v, square, stretch, x, y;  // image, radial factor, image after distortion
};

Observation observe(const double *in) {
    Observation o;
    const Vec rotation{in[0], in[1], in[2]};
    o.point = {in[11] - in[3], in[12] - in[4], in[13] - in[5]};
    o.angle = std::sqrt(dot(rotation, rotation));
    o.axis = scaled(rotation, 1 / o.angle);
    o.c = std::cos(o.angle);
    o.s = std::sin(o.angle);
    o.along = dot(o.axis, o.point);
    o.seen = plus(plus(scaled(o.point, o.c), scaled(cross(o.axis, o.point), o.s)), scaled(o.axis, o.along * (1 - o.c)));
    o.u = o.seen.x / o.seen.z;
    o.v = o.seen.y / o.seen.z;
    o.square = o.u * o.u + o.v * o.v;
    o.stretch = 1 + in[9] * o.square + in[10] * o.square * o.square;
    o.x = o.u * o.stretch;
    o.y = o.v * o.stretch;
    return o;
}

// Adds nothing: writes the 15 derivatives of x_bar * first + y_bar * second residual.
void sweep(const Observation &o, const double *in, const double *feature, double x_bar, double y_bar, double *out) {
    const double focal = in[6], weight = in[14];
    out[14] = x_bar * (o.x * focal + in[7] - feature[0]) + y_bar * (o.y * focal + in[8] - feature[1]);
    x_bar *= weight;
    y_bar *= weight;
    out[7] = x_bar;
    out[8] = y_bar;
    out[6] = x_bar * o.x + y_bar * o.y;
    x_bar *= focal;
    y_bar *= focal;
    const double stretch_bar = x_bar * o.u + y_bar * o.v;
    out[9] = stretch_bar * o.square;
    out[10] = stretch_bar * o.square * o.square;
    const double square_bar = stretch_bar * (in[9] + 2 * in[10] * o.square);
    const double u_bar = x_bar * o.stretch + 2 * o.u * square_bar, v_bar = y_bar * o.stretch + 2 * o.v * square_bar;
    const double depth = 1 / o.seen.z;
    const Vec seen_bar{u_bar * depth, v_bar * depth, -(u_bar * o.u + v_bar * o.v) * depth};
    const double lean = dot(o.axis, seen_bar), rest = 1 - o.c;
    const double c_bar = dot(seen_bar, o.point) - lean * o.along, s_bar = dot(seen_bar, cross(o.axis, o.point));
    const Vec point_bar = plus(plus(scaled(seen_bar, o.c), scaled(cross(seen_bar, o.axis), o.s)), scaled(o.axis, lean * rest));
    const Vec axis_bar = plus(scaled(cross(o.point, seen_bar), o.s), plus(scaled(seen_bar, o.along * rest), scaled(o.point, lean * rest)));
    const double angle_bar = s_bar * o.c - c_bar * o.s - dot(axis_bar, o.axis) / o.angle;
    const Vec rotation_bar = plus(scaled(axis_bar, 1 / o.angle), scaled(o.axis, angle_bar));
    out[0] = rotation_bar.x;
    out[1] = rotation_bar.y;
    out[2] = rotation_bar.z;
    out[3] = -point_bar.x;
    out[4] = -point_bar.y;
    out[5] = -point_bar.z;
    out[11] = point_bar.x;
    out[12] = point_bar.y;
    out[13] = point_bar.z;
}

// Determinant of the rows from `row` on and the columns not in `used`; adds `bar` times its derivative to `out`.
double minor_adjoint(const double *a, int n, int row, unsigned used, double bar, double *out) {
    if (row == n) return 1;
    double total = 0, sign = 1;
    for (int k = 0; k < n; k++) {
        if (used >> k & 1) continue;
        const double entry = sign * a[row * n + k];
        const double below = minor_adjoint(a, n, row + 1, used | 1u << k, bar * entry, out);
        total += entry * below;
        out[row * n + k] += bar * sign * below;
        sign = -sign;
    }
    return total;
}

void slope(const double *y, int n, double *out) {
    for (int i = 0; i < n; i++) out[i] = (y[(i + 1) % n] - y[(i + n - 2) % n]) * y[(i + n - 1) % n] - y[i] + 8.0;
}

// Adds to y_bar what slope_bar asks for at the state y.
void slope_adjoint(const double *y, int n, const double *slope_bar, double *y_bar) {
    for (int i = 0; i < n; i++) {
        const int next = (i + 1) % n, before = (i + n - 1) % n, second = (i + n - 2) % n;
        y_bar[next] += slope_bar[i] * y[before];
        y_bar[second] -= slope_bar[i] * y[before];
        y_bar[before] += slope_bar[i] * (y[next] - y[second]);
        y_bar[i] -= slope_bar[i];
    }
}

}  // namespace

extern "C" {

// in: count x 15, features: count x 2; jacobian: count x 2 x 15, weights: count (derivative of the weight's residual)
void bundle(const double *in, const double *features, int64_t count, double *jacobian, double *weights) {
    for (int64_t k = 0; k < count; k++) {
        const Observation o = observe(in + 15 * k);
        sweep(o, in + 15 * k, features + 2 * k, 1, 0, jacobian + 30 * k);
        sweep(o, in + 15 * k, features + 2 * k, 0, 1, jacobian + 30 * k + 15);
        weights[k] = -2 * in[15 * k + 14];
    }
}

double log_sum_exp(const double *x, int64_t n, double *gradient) {
    double top = x[0], total = 0;
    for (int64_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    for (int64_t i = 0; i < n; i++) total += gradient[i] = std::exp(x[i] - top);
    for (int64_t i = 0; i < n; i++) gradient[i] /= total;
    return top + std::log(total);
}

// Gradient and diagonal of the Hessian of the cost of k-means: centres k x d, points n x d.
void clusters(const double *centres, const double *points, int64_t k, int64_t n, int64_t d, double *gradient, double *diagonal) {
    for (int64_t i = 0; i < k * d; i++) gradient[i] = diagonal[i] = 0;
    for (int64_t p = 0; p < n; p++) {
        const double *x = points + p * d;
        double least = INFINITY;
        int64_t nearest = 0;
        for (int64_t j = 0; j < k; j++) {
            double square = 0;
            for (int64_t i = 0; i < d; i++) square += (x[i] - centres[j * d + i]) * (x[i] - centres[j * d + i]);
            if (square < least) least = square, nearest = j;
        }
        for (int64_t i = 0; i < d; i++) {
            gradient[nearest * d + i] += 2 * (centres[nearest * d + i] - x[i]);
            diagonal[nearest * d + i] += 2;
        }
    }
}

void least_squares(const double *x, const double *a, const double *b, int64_t n, int64_t m, double *gradient) {
    for (int64_t j = 0; j < m; j++) gradient[j] = 0;
    for (int64_t i = 0; i < n; i++) {
        double r = -b[i];
        for (int64_t j = 0; j < m; j++) r += a[i * m + j] * x[j];
        for (int64_t j = 0; j < m; j++) gradient[j] += r * a[i * m + j];
    }
}

double determinant(const double *a, int64_t n, double *gradient) {
    for (int64_t i = 0; i < n * n; i++) gradient[i] = 0;
    return minor_adjoint(a, (int)n, 0, 0, 1, gradient);
}

// Gradient of the sum of squares of the state after `steps` Runge-Kutta steps of Lorenz's model.
void runge_kutta(const double *start, int64_t count, int64_t steps, double h, double *gradient) {
    const int n = (int)count;
    std::vector<double> stages(4 * n * steps), k(4 * n), y(start, start + n), bar(n), stage_bar(n), k_bar(n), next(n);
    const double reach[4] = {0, 0.5 * h, 0.5 * h, h}, share[4] = {h / 6, h / 3, h / 3, h / 6};
    for (int64_t step = 0; step < steps; step++) {
        double *at = &stages[4 * n * step];
        for (int s = 0; s < 4; s++) {
            for (int i = 0; i < n; i++) at[s * n + i] = y[i] + (s ? reach[s] * k[(s - 1) * n + i] : 0);
            slope(at + s * n, n, &k[s * n]);
        }
        for (int s = 0; s < 4; s++)
            for (int i = 0; i < n; i++) y[i] += share[s] * k[s * n + i];
    }
    for (int i = 0; i < n; i++) bar[i] = 2 * y[i];
    for (int64_t step = steps; step-- > 0;) {
        const double *at = &stages[4 * n * step];
        next = bar;
        for (int s = 3; s >= 0; s--) {
            for (int i = 0; i < n; i++) k_bar[i] = share[s] * bar[i] + (s < 3 ? reach[s + 1] * stage_bar[i] : 0);
            for (int i = 0; i < n; i++) stage_bar[i] = 0;
            slope_adjoint(at + s * n, n, k_bar.data(), stage_bar.data());
            for (int i = 0; i < n; i++) next[i] += stage_bar[i];
        }
        bar.swap(next);
    }
    for (int i = 0; i < n; i++) gradient[i] = bar[i];
}

}  // extern "C"
