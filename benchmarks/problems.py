"""The functions that the benchmarks differentiate: ordinary Python and NumPy, nothing of dualad in them."""

from __future__ import annotations

from typing import Any

import numpy as np


def rosenbrock_loop(x: Any) -> Any:
    """Rosenbrock's function (Computer J. 3, 1960, chained as in More, Garbow and Hillstrom) as a Python loop over scalars."""
    s = 0.0
    for i in range(len(x) - 1):
        s = s + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return s


def rosenbrock(x: Any) -> Any:
    """The same function on whole arrays."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_gradient(x: np.ndarray) -> np.ndarray:
    """Its gradient written by hand: the oracle, and what a patient person would get."""
    g = np.zeros_like(x)
    d = x[1:] - x[:-1] ** 2
    g[1:] = 200.0 * d
    g[:-1] += -400.0 * x[:-1] * d - 2.0 * (1.0 - x[:-1])
    return g


def start(n: int) -> np.ndarray:
    """A point off the minimum, the same in every run."""
    return np.linspace(-1.2, 1.3, n)


def broyden(x: Any) -> Any:
    """Broyden's tridiagonal residual (More, Garbow and Hillstrom 1981, problem 30), written with scalars: 3 entries a row."""
    n = len(x)
    r = []
    for i in range(n):
        left = x[i - 1] if i > 0 else 0.0
        right = x[i + 1] if i + 1 < n else 0.0
        r.append((3.0 - 2.0 * x[i]) * x[i] - left - 2.0 * right + 1.0)
    return np.array(r)


def integral_equation(x: Any) -> Any:
    """Discrete integral equation (More, Garbow and Hillstrom 1981, problem 29), written with scalars: a dense Jacobian."""
    n = len(x)
    h = 1.0 / (n + 1)
    t = [(i + 1) * h for i in range(n)]
    cubes = [(x[j] + t[j] + 1.0) ** 3 for j in range(n)]
    below, above = 0.0, 0.0
    for j in range(n):
        above = above + (1.0 - t[j]) * cubes[j]
    r = []
    for i in range(n):
        below = below + t[i] * cubes[i]
        above = above - (1.0 - t[i]) * cubes[i]
        r.append(x[i] + 0.5 * h * ((1.0 - t[i]) * below + t[i] * above))
    return np.array(r)


def bratu(x: Any) -> Any:
    """Bratu's boundary value problem u'' + exp(u) = 0 by central differences, on whole arrays: a tridiagonal Jacobian."""
    u = np.concatenate(([0.0], x, [0.0]))
    h = 1.0 / (len(u) - 1)
    return (u[2:] - 2.0 * u[1:-1] + u[:-2]) / h**2 + np.exp(u[1:-1])


def dense_layer(x: Any) -> Any:
    """tanh(A x + b) on whole arrays: a dense Jacobian."""
    n = len(x)
    a, b = _weights(n)
    return np.tanh(a @ x + b)


_WEIGHTS: dict[int, tuple[np.ndarray, np.ndarray]] = {}


def _weights(n: int) -> tuple[np.ndarray, np.ndarray]:
    if n not in _WEIGHTS:
        rng = np.random.default_rng(n)
        _WEIGHTS[n] = rng.standard_normal((n, n)) / n**0.5, rng.standard_normal(n)
    return _WEIGHTS[n]


def rational(x: Any) -> Any:
    """A scalar expression of 20 operations, arithmetic only: on floats nothing could be faster."""
    a = x * x + 1.0
    b = a / (x + 3.0)
    c = b * a - x / a
    d = (c + 0.5) * (b - 2.0)
    e = d / (a + b)
    return e * e + c * x - d / 3.0 + 1.0 / (x + 2.0)


def transcendental(x: Any) -> Any:
    """A scalar expression of 20 operations, six of them NumPy functions."""
    a = np.sin(x) * np.exp(-x * x)
    b = np.log(x + 2.0) + np.sqrt(x * x + 1.0)
    c = np.tanh(a * b) / (1.0 + a)
    d = np.cos(b - c) * c
    return d * d + a


def scalar_chain(x: Any, operations: int) -> Any:
    """A long computation of `operations` scalar operations: y <- y + 1e-8 (x y - 1), four a step.

    Neither its values nor its adjoints grow or fade over 1e7 operations: denormal numbers would time the processor, not the tape.
    """
    y = x
    for _ in range(operations // 4):
        a = y * x
        a = a * 1e-8
        y = y + a
        y = y - 1e-8
    return y


# ---- programs: also run with `jax.numpy` or `torch` in the place of NumPy (see `peers.twin`) ----


def elementwise(x: Any) -> Any:
    """A sum over a chain of elementwise functions: what fusion and vector mathematics are for."""
    return np.sum(np.sin(x) * np.exp(-x * x) + np.tanh(x) / (1 + x * x))


def reprojection(sample: Any, feature: Any) -> Any:
    """One observation of bundle adjustment: `sample` is the camera (rotation vector, centre, focal length, principal point, two radial
    terms), the point and the weight, 15 numbers; the weighted distance from where the point was seen.

    Triggs, McLauchlan, Hartley and Fitzgibbon, Bundle adjustment - a modern synthesis, 2000; the formulation of Srajer, Kukelova and
    Fitzgibbon, A benchmark of selected algorithmic differentiation tools, 2018.
    """
    rotation, centre, focal, principal, radial = sample[0:3], sample[3:6], sample[6], sample[7:9], sample[9:11]
    point, weight = sample[11:14] - centre, sample[14]
    angle = np.sqrt(np.sum(rotation**2))
    axis = rotation / angle
    c, s = np.cos(angle), np.sin(angle)
    seen = point * c + np.cross(axis, point) * s + axis * np.dot(axis, point) * (1.0 - c)
    image = seen[:2] / seen[2]
    square = np.sum(image**2)
    distorted = image * (1.0 + radial[0] * square + radial[1] * square**2)
    return weight * (distorted * focal + principal - feature)


def weight_residual(weight: Any) -> Any:
    """Keeps a weight of bundle adjustment near one."""
    return 1.0 - weight**2


def mixture(logits: Any, means: Any, factors: Any, x: Any) -> Any:
    """Log-likelihood of a Gaussian mixture with a Wishart prior; `factors` are the logarithm of the diagonal and the lower triangle of
    each inverse Cholesky factor (Srajer, Kukelova and Fitzgibbon 2018)."""
    n, d = x.shape
    k = len(logits)
    place = np.array([[1 + i * (i - 1) // 2 + j if j < i else 0 for j in range(d)] for i in range(d)])
    lower = np.concatenate((np.zeros((k, 1)), factors[:, d:]), axis=1)[:, place]
    diagonal = np.exp(factors[:, :d])
    centred = x[:, None, :] - means
    scaled = diagonal * centred + np.einsum("kij,nkj->nki", lower, centred)
    inner = logits + np.sum(factors[:, :d], axis=1) - 0.5 * np.sum(scaled**2, axis=2)
    prior = 0.5 * (np.sum(diagonal**2) + np.sum(factors[:, d:] ** 2)) - np.sum(factors[:, :d])
    return np.sum(log_sum_exp_rows(inner)) - n * log_sum_exp(logits) - prior


def log_sum_exp(x: Any) -> Any:
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def log_sum_exp_rows(x: Any) -> Any:
    top = np.max(x, axis=1, keepdims=True)
    return top[:, 0] + np.log(np.sum(np.exp(x - top), axis=1))


def clusters(centres: Any, points: Any) -> Any:
    """The cost of k-means: the squared distance of every point to its nearest centre."""
    return np.sum(np.min(np.sum((points[:, None, :] - centres) ** 2, axis=2), axis=1))


def least_squares(x: Any, a: Any, b: Any) -> Any:
    r = a @ x - b
    return 0.5 * np.sum(r * r)


def determinant(a: Any) -> Any:
    """Determinant by expansion along the first row, minor by minor: n! products, as in every textbook and no library."""
    n = len(a)

    def minor(row: int, columns: tuple[int, ...]) -> Any:
        if row == n:
            return 1.0
        total, sign = 0.0, 1.0
        for k, column in enumerate(columns):
            total = total + sign * a[row, column] * minor(row + 1, columns[:k] + columns[k + 1 :])
            sign = -sign
        return total

    return minor(0, tuple(range(n)))


def lorenz(y: list[Any], force: float = 8.0) -> list[Any]:
    """Lorenz's model of 1996: n states on a circle."""
    n = len(y)
    return [(y[(i + 1) % n] - y[i - 2]) * y[i - 1] - y[i] + force for i in range(n)]


def runge_kutta(y: Any, steps: int, h: float = 0.01) -> Any:
    """Sum of squares of the state after `steps` classical Runge-Kutta steps of Lorenz's model, written with scalars."""
    n = len(y)
    y = [y[i] for i in range(n)]
    for _ in range(steps):
        k1 = lorenz(y)
        k2 = lorenz([y[i] + 0.5 * h * k1[i] for i in range(n)])
        k3 = lorenz([y[i] + 0.5 * h * k2[i] for i in range(n)])
        k4 = lorenz([y[i] + h * k3[i] for i in range(n)])
        y = [y[i] + h / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]) for i in range(n)]
    return sum(v * v for v in y)


def runge_kutta_step(y: Any, h: float = 0.01) -> Any:
    """One step of it on whole arrays, for compilers of array programs: scalars they compile for minutes."""

    def slope(y: Any) -> Any:
        return (np.roll(y, -1) - np.roll(y, 2)) * np.roll(y, 1) - y + 8.0

    k1 = slope(y)
    k2 = slope(y + 0.5 * h * k1)
    k3 = slope(y + 0.5 * h * k2)
    k4 = slope(y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
