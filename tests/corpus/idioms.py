"""Ways of writing that scripts are full of, each in a small function."""

import functools
import math
import operator

import numpy as np

from .entry import Entry


def views_of_views(x):
    a = np.zeros((4, 6))
    inner = a[1:-1, 1:-1]
    inner[:] = x.reshape(2, 4)
    corner = inner[:, ::2]
    corner *= 3.0
    corner[0] += inner[1, 1::2]
    return a


def transposed_store(x):
    n = len(x)
    a = np.zeros((n, n))
    t = a.T
    for i in range(n):
        t[i, : i + 1] = x[: i + 1] ** 2
    return a + a.T


def running_product(x):
    """functools.reduce and itertools-like accumulation by hand."""
    parts = [1.0]
    for v in x:
        parts.append(parts[-1] * v)
    return functools.reduce(operator.add, parts) * functools.reduce(operator.mul, list(x))


def apply_along(x):
    def normalise(row):
        return row / np.sqrt(np.sum(row**2))

    return np.apply_along_axis(normalise, 1, x)


def piecewise_masks(x):
    y = np.zeros(x.shape)
    y[x < 0] = np.exp(x[x < 0]) - 1
    y[x >= 0] = x[x >= 0] ** 2
    big = x > 1
    y[big] += np.log(x[big])
    return y


def scalar_branches(x):
    """A function of one number, mapped by np.vectorize."""

    def g(t):
        if t < -1:
            return math.exp(t)
        elif t < 1:
            return t**3
        return math.sqrt(t)

    return np.vectorize(g)(x)


def list_of_arrays(x):
    rows = []
    for k in range(3):
        rows.append(np.sin(k * x))
    return np.array(rows)


def joined(x):
    head, tail = x[:2], x[2:]
    return np.r_[head * 2, 1.0, np.c_[tail, tail**2].ravel()]


def in_place_methods(x):
    y = x.copy()
    y += 1.0
    y *= x
    y **= 2
    y /= 1.0 + x**2
    y[::2] -= y[1::2]
    return y


def matrix_by_blocks(a, B):
    n = len(a)
    M = np.zeros((2 * n, 2 * n))
    M[:n, :n] = np.diag(a)
    M[:n, n:] = B
    M[n:, :n] = B.T
    M[n:, n:] = np.outer(a, a)
    return M


def fancy_scatter(x):
    out = np.zeros(6)
    out[[4, 1, 1]] = x[:3]
    out[np.array([0, 5])] += x[[0, 0]]
    return out


def ordered_statistics(x):
    s = sorted(x, reverse=True)
    return max(x) - min(x) + s[1] * abs(s[-1]) + round(2.7) * sum(s[:2]) + pow(s[0], 2)


def polynomial_horner(coef, x):
    result = 0
    for c in coef:
        result = result * x + c
    return result


def histogram_soft(x, centers):
    counts = np.zeros_like(centers)
    for v in x:
        d = np.abs(centers - v)
        counts[np.argmin(d)] += 1 - d.min()
    return counts


class Oscillator:
    """State kept in attributes and updated by a method."""

    def __init__(self, k, c):
        self.k, self.c = k, c
        self.state = np.zeros(2)

    def step(self, force, dt=0.1):
        x, v = self.state
        self.state[0] = x + dt * v
        self.state[1] = v + dt * (force - self.k * x - self.c * v)


def object_with_state(k, c):
    osc = Oscillator(k, c)
    trace = np.empty(12)
    for i in range(12):
        osc.step(1.0)
        trace[i] = osc.state[0]
    return trace


def memo_table(p):
    """Dynamic programming with a dictionary of intermediate results."""
    table = {0: 1.0, 1: p}

    def cell(n):
        if n not in table:
            table[n] = 2 * p * cell(n - 1) - cell(n - 2)
        return table[n]

    return cell(6)


def single_precision(x):
    w = np.zeros(3, dtype=np.float32)
    for i in range(3):
        w[i] = x[i] * np.float32(0.5) + np.sin(x[i])
    return w


def math_medley(x):
    a, b, c = x
    values = [
        math.sinh(a) + math.cosh(b), math.tanh(c), math.asin(a / 4), math.acos(b / 4), math.atan(c), math.asinh(a),
        math.acosh(1 + b**2), math.atanh(c / 4), math.expm1(a), math.log10(b), math.log2(b), math.log(b, 3.0), math.pow(b, c),
        math.fabs(a), math.degrees(c), math.fsum([a, b, c]), math.prod([a, b, c]), math.erfc(a), math.gamma(b),
        math.hypot(a, b, c), math.fmod(c, 0.7), math.modf(c)[0],
    ]  # fmt: skip
    return np.array(values)


_rng = np.random.default_rng(16)
_x = np.array([-1.4, 0.3, 1.7, -0.6, 0.8, 1.2])
CORPUS = [
    Entry(views_of_views, (_rng.normal(size=8),), "view-store, views of views, *=, +="),
    Entry(transposed_store, (_rng.normal(size=4),), "store through .T"),
    Entry(running_product, (_x,), "reduce, append, list of array", "complex"),
    Entry(apply_along, (_rng.normal(size=(3, 3)),), "apply_along_axis", "complex"),
    Entry(piecewise_masks, (_x,), "mask-store, +="),
    Entry(scalar_branches, (_x,), "vectorize, math, branches"),
    Entry(list_of_arrays, (_x,), "list of arrays to array", "complex"),
    Entry(joined, (_x,), "np.r_, np.c_", "complex"),
    Entry(in_place_methods, (_x,), "+=, *=, **=, /=, strided -=", "complex"),
    Entry(matrix_by_blocks, (_rng.normal(size=2), _rng.normal(size=(2, 2))), "block-store", "mpmath", (0, 1)),
    Entry(fancy_scatter, (_x,), "index-array store, repeated index"),
    Entry(ordered_statistics, (_x,), "sorted, max, min, abs, round, pow", order=1),
    Entry(polynomial_horner, (np.array([2.0, -1.0, 0.5]), 1.3), "integer start", lambda c, x: np.array([[x**2, x, 1.0,
          2 * c[0] * x + c[1]]]), (0, 1)),
    Entry(histogram_soft, (_x, np.array([-1.0, 0.0, 1.0])), "argmin, += at a computed index", "mpmath", (0, 1), order=1),
    Entry(object_with_state, (2.0, 0.3), "class, attributes, loop-store", "mpmath", (0, 1)),
    Entry(memo_table, (0.7,), "recursion, dictionary", "complex"),
    Entry(single_precision, (np.array([0.5, 1.0, 2.0], dtype=np.float32),), "float32, loop-store", rtol=2e-6, order=1),
    Entry(math_medley, (np.array([0.7, 1.6, 1.1]),), "math"),
]
