"""Root finding, quadrature and series: loops that run until they have converged."""

import math

import numpy as np

from .entry import Entry


def newton_cube_root(a):
    x = 1.0
    while abs(x**3 - a) > 1e-12 * abs(a):
        x = x - (x**3 - a) / (3 * x**2)
    return x


def bisection_then_newton(p):
    """Bisection to a coarse tolerance, polished by Newton's method: x exp(x) = p, Lambert's function."""
    lo, hi = 0.0, 10.0
    while hi - lo > 1e-3:
        mid = 0.5 * (lo + hi)
        if mid * math.exp(mid) < p:
            lo = mid
        else:
            hi = mid
    x = 0.5 * (lo + hi)
    for _ in range(4):
        x -= (x * math.exp(x) - p) / (math.exp(x) * (1 + x))
    return x


def bisection_bracket(a, b):
    """The midpoint after bisection moves with the ends of the bracket."""

    def f(x):
        return x**2 - 2.0

    fa = f(a)
    while (b - a) / 2.0 > 1e-2:
        c = (a + b) / 2.0
        if fa * f(c) <= 0:
            b = c
        else:
            a, fa = c, f(c)
    return (a + b) / 2.0


def kepler(M, e):
    """Eccentric anomaly E - e sin E = M."""
    E = M if e < 0.8 else math.pi
    delta = 1.0
    count = 0
    while abs(delta) > 1e-12 and count < 50:
        delta = (E - e * math.sin(E) - M) / (1 - e * math.cos(E))
        E -= delta
        count += 1
    return E


def secant(k):
    def f(x):
        return np.cos(x) - k * x

    x0, x1 = 0.0, 1.0
    for _ in range(30):
        if abs(x1 - x0) < 1e-11:
            break
        x0, x1 = x1, x1 - f(x1) * (x1 - x0) / (f(x1) - f(x0))
    return x1


def newton_system(p):
    """Intersection of a circle and a hyperbola with Cramer's rule by hand."""
    x, y = 2.0, 0.5
    for _ in range(50):
        f1, f2 = x * x + y * y - p[0], x * y - p[1]
        if max(abs(f1), abs(f2)) < 1e-12:
            break
        det = 2 * x * x - 2 * y * y
        x, y = x - (f1 * x - 2 * y * f2) / det, y - (2 * x * f2 - y * f1) / det
    return np.array([x, y])


def polish_roots(coef, guesses):
    """All roots of a polynomial by Horner's scheme, Newton and deflation."""
    c = coef.copy()
    roots = np.zeros(len(guesses))
    for k, x in enumerate(guesses):
        for _ in range(40):
            p, dp = c[0], 0.0
            for a in c[1:]:
                dp = dp * x + p
                p = p * x + a
            step = p / dp
            x = x - step
            if abs(step) < 1e-11:
                break
        roots[k] = x
        q = np.empty(len(c) - 1)
        q[0] = c[0]
        for j in range(1, len(q)):
            q[j] = c[j] + x * q[j - 1]
        c = q
    return roots


def agm(a, b):
    """Arithmetic-geometric mean."""
    while abs(a - b) > 1e-13:
        a, b = (a + b) / 2, math.sqrt(a * b)
    return a


def bessel_series(x):
    """J0 by its power series, term by term until nothing is added."""
    term = total = 1.0
    k = 0
    while abs(term) > 1e-17:
        k += 1
        term *= -(x * x / 4) / k**2
        total += term
    return total


def adaptive_simpson(w):
    """Recursive quadrature of a peak of width w on [0, 1]."""

    def f(x):
        return 1.0 / (w**2 + (x - 0.3) ** 2)

    def recurse(a, fa, b, fb, m, fm, whole, tol, depth):
        lm, rm = (a + m) / 2, (m + b) / 2
        flm, frm = f(lm), f(rm)
        left, right = (m - a) / 6 * (fa + 4 * flm + fm), (b - m) / 6 * (fm + 4 * frm + fb)
        if depth <= 0 or abs(left + right - whole) <= 15 * tol:
            return left + right + (left + right - whole) / 15
        first = recurse(a, fa, m, fm, lm, flm, left, tol / 2, depth - 1)
        return first + recurse(m, fm, b, fb, rm, frm, right, tol / 2, depth - 1)

    fa, fb, fm = f(0.0), f(1.0), f(0.5)
    return recurse(0.0, fa, 1.0, fb, 0.5, fm, (fa + 4 * fm + fb) / 6, 1e-4, 8)


def continued_fraction(x, n=12):
    """tan x, recursively."""

    def tail(k):
        return 2 * k + 1 if k == n else 2 * k + 1 - x * x / tail(k + 1)

    return x / tail(0)


def fixed_point(theta):
    """A vector fixed point y = tanh(W y + theta), iterated in place until it stands."""
    W = np.array([[0.2, -0.4, 0.1], [0.3, 0.1, -0.2], [-0.1, 0.25, 0.3]])
    y = np.zeros(3)
    change = 1.0
    while change > 1e-10:
        new = np.tanh(W @ y + theta)
        change = np.abs(new - y).max()
        y[:] = new
    return y


def golden_section(p):
    """Minimum value of a parabola-like function over a bracket: the value at the best point found."""

    def f(x):
        return (x - p[0]) ** 2 + p[1] * math.cosh(x)

    invphi = (math.sqrt(5) - 1) / 2
    a, b = -1.0, 2.0
    c, d = b - invphi * (b - a), a + invphi * (b - a)
    while abs(b - a) > 1e-5:
        if f(c) < f(d):
            b = d
        else:
            a = c
        c, d = b - invphi * (b - a), a + invphi * (b - a)
    return f((a + b) / 2)


def romberg(k):
    """Extrapolation table of the trapezoidal rule in one array."""
    n = 5
    R = np.zeros((n, n))
    for i in range(n):
        x = np.linspace(0.0, 1.0, 2**i + 1)
        R[i, 0] = np.trapezoid(np.exp(-k * x**2), x)
        for j in range(1, i + 1):
            R[i, j] = R[i, j - 1] + (R[i, j - 1] - R[i - 1, j - 1]) / (4**j - 1)
    return R[-1, -1]


CORPUS = [
    Entry(newton_cube_root, (5.0,), "while, tolerance", lambda a: np.array([a ** (-2 / 3) / 3])),
    Entry(bisection_then_newton, (3.0,), "while, math, branches"),
    Entry(bisection_bracket, (0.9, 2.1), "while, branches, closure", "complex", (0, 1)),
    Entry(kepler, (1.2, 0.4), "while, math, and", lambda M, e: np.array([1.0, math.sin(kepler(M,
          e))]) / (1 - e * math.cos(kepler(M, e))), (0, 1)),
    Entry(secant, (0.8,), "break, closure, swap"),
    Entry(newton_system, (np.array([4.2, 1.1]),), "break, max, unpacking"),
    Entry(polish_roots, (np.array([1.0, -6.2, 11.0, -5.5]), [0.7, 2.1, 3.3]), "loop-store, copy, break, enumerate"),
    Entry(agm, (1.0, 3.0), "while, math, swap", "mpmath", (0, 1)),
    Entry(bessel_series, (2.3,), "while, *=, chained assignment"),
    Entry(adaptive_simpson, (0.2,), "recursion, branches, closure"),
    Entry(continued_fraction, (0.8,), "recursion", lambda x: np.array([1 / math.cos(x) ** 2])),
    Entry(fixed_point, (np.array([0.5, -0.3, 0.8]),), "while, max, slice-store"),
    Entry(golden_section, (np.array([0.6, 0.2]),), "while, math, branches"),
    Entry(romberg, (1.5,), "loop-store, linspace, trapezoid"),
]
