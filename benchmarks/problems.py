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
