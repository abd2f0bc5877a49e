"""Test problems of nonlinear least squares and optimisation.

J. J. More, B. S. Garbow, K. E. Hillstrom, Testing unconstrained optimization software, ACM Trans. Math. Softw. 7 (1981) 17-41;
the number in each docstring is the problem's number there.
"""

import math

import numpy as np

from .entry import Entry


def rosenbrock(x):
    """(1), n-dimensional, by a loop."""
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def freudenstein_roth(x):
    """(2)"""
    return np.array([-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]])


def beale(x):
    """(5)"""
    return [y - x[0] * (1 - x[1] ** i) for i, y in enumerate((1.5, 2.25, 2.625), 1)]


def helical_valley(x):
    """(7), with the quadrants told apart by if."""
    theta = math.atan(x[1] / x[0]) / (2 * math.pi)
    if x[0] < 0:
        theta += 0.5
    return np.array([10 * (x[2] - 10 * theta), 10 * (math.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


def bard(x):
    """(8)"""
    y = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]
    f = np.zeros(15)
    for i in range(1, 16):
        u, v = i, 16 - i
        f[i - 1] = y[i - 1] - (x[0] + u / (v * x[1] + min(u, v) * x[2]))
    return f


def meyer(x):
    """(10), badly scaled."""
    y = np.array([34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872])
    t = 45 + 5 * np.arange(1, 17)
    return x[0] * np.exp(x[1] / (t + x[2])) - y


def powell_singular(x):
    """(13)"""
    f = np.empty(4)
    f[0] = x[0] + 10 * x[1]
    f[1] = 5**0.5 * (x[2] - x[3])
    f[2] = (x[1] - 2 * x[2]) ** 2
    f[3] = 10**0.5 * (x[0] - x[3]) ** 2
    return f


def wood(x):
    """(14)"""
    x1, x2, x3, x4 = x
    f = 100 * (x1**2 - x2) ** 2 + (x1 - 1) ** 2 + (x3 - 1) ** 2 + 90 * (x3**2 - x4) ** 2
    return f + 10.1 * ((x2 - 1) ** 2 + (x4 - 1) ** 2) + 19.8 * (x2 - 1) * (x4 - 1)


def kowalik_osborne(x):
    """(15)"""
    y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
    u = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
    return y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def biggs_exp6(x, m=13):
    """(18)"""
    f = np.zeros(m)
    for i in range(m):
        t = 0.1 * (i + 1)
        y = math.exp(-t) - 5 * math.exp(-10 * t) + 3 * math.exp(-4 * t)
        f[i] = x[2] * math.exp(-t * x[0]) - x[3] * math.exp(-t * x[1]) + x[5] * math.exp(-t * x[4]) - y
    return f


def watson(x):
    """(20)"""
    n = len(x)
    f = np.zeros(31)
    for i in range(29):
        t = (i + 1) / 29
        s1 = sum(j * x[j] * t ** (j - 1) for j in range(1, n))
        s2 = sum(x[j] * t**j for j in range(n))
        f[i] = s1 - s2**2 - 1
    f[29] = x[0]
    f[30] = x[1] - x[0] ** 2 - 1
    return f


def penalty_one(x, a=1e-5):
    """(23)"""
    return a * sum((xi - 1) ** 2 for xi in x) + (sum(xi**2 for xi in x) - 0.25) ** 2


def variably_dimensioned(x):
    """(25)"""
    n = x.size
    f = np.zeros(n + 2)
    f[:n] = x - 1
    f[n] = np.arange(1, n + 1) @ (x - 1)
    f[n + 1] = f[n] ** 2
    return f


def trigonometric(x):
    """(26)"""
    n = len(x)
    f = n - np.sum(np.cos(x)) - np.sin(x)
    f += np.arange(1, n + 1) * (1 - np.cos(x))
    return f


def brown_almost_linear(x):
    """(27)"""
    n = len(x)
    f = np.array([x[i] + sum(x) - (n + 1) for i in range(n)])
    f[-1] = np.prod(x) - 1
    return f


def discrete_integral(x):
    """(29)"""
    n = len(x)
    h = 1.0 / (n + 1)
    f = np.zeros(n)
    for i in range(n):
        ti = (i + 1) * h
        s1 = s2 = 0.0
        for j in range(n):
            tj = (j + 1) * h
            cube = (x[j] + tj + 1) ** 3
            if j <= i:
                s1 += tj * cube
            else:
                s2 += (1 - tj) * cube
        f[i] = x[i] + h * ((1 - ti) * s1 + ti * s2) / 2
    return f


def broyden_tridiagonal(x):
    """(30)"""
    f = (3 - 2 * x) * x + 1
    f[1:] -= x[:-1]
    f[:-1] -= 2 * x[1:]
    return f


def chebyquad(x):
    """(35), shifted Chebyshev polynomials by their recurrence."""
    n = len(x)
    fvec = np.zeros(n)
    for j in range(n):
        t1, t2 = 1.0, 2 * x[j] - 1
        t = 2 * t2
        for i in range(n):
            fvec[i] += t2
            t1, t2 = t2, t * t2 - t1
    for i in range(n):
        fvec[i] /= n
        if i % 2 == 1:
            fvec[i] += 1 / ((i + 1) ** 2 - 1)
    return fvec


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g.reshape(1, -1)


def powell_jacobian(x):
    a, b = 2 * (x[1] - 2 * x[2]), 2 * 10**0.5 * (x[0] - x[3])
    return np.array([[1, 10, 0, 0], [0, 0, 5**0.5, -(5**0.5)], [0, a, -2 * a, 0], [b, 0, 0, -b]])


def broyden_jacobian(x):
    n = len(x)
    return np.diag(3 - 4 * x) - np.eye(n, k=-1) - 2 * np.eye(n, k=1)


_rng = np.random.default_rng(12)
CORPUS = [
    Entry(rosenbrock, (_rng.normal(size=6),), "loop, +=", rosenbrock_gradient),
    Entry(freudenstein_roth, (np.array([0.5, -2.0]),), "array of scalars", "complex"),
    Entry(beale, (np.array([1.0, 0.8]),), "list comprehension, list result", "complex"),
    Entry(helical_valley, (np.array([-1.0, 0.3, 0.2]),), "math, branches, array of scalars"),
    Entry(bard, (np.array([0.8, 1.1, 0.9]),), "loop-store, min of plain"),
    Entry(meyer, (np.array([0.02, 4000.0, 250.0]),), "vectorised, integer data", "complex"),
    Entry(powell_singular, (np.array([3.0, -1.0, 0.0, 1.0]),), "loop-store, empty", powell_jacobian),
    Entry(wood, (np.array([-3.0, -1.0, -3.0, -1.0]),), "unpacking", "complex"),
    Entry(kowalik_osborne, (np.array([0.25, 0.39, 0.415, 0.39]),), "vectorised", "complex"),
    Entry(biggs_exp6, (np.array([1.0, 2.0, 1.1, 0.9, 1.2, 0.8]),), "loop-store, math"),
    Entry(watson, (0.3 * _rng.normal(size=5),), "loop-store, sum of generator"),
    Entry(penalty_one, (_rng.normal(size=4),), "sum of generator", "complex"),
    Entry(variably_dimensioned, (_rng.normal(size=5),), "slice-store, reads of own stores"),
    Entry(trigonometric, (_rng.normal(size=4),), "+= on a result", "complex"),
    Entry(brown_almost_linear, (_rng.uniform(0.4, 0.9, 4),), "list to array, store, prod", "complex"),
    Entry(discrete_integral, (_rng.normal(size=5),), "loop-store, branches, chained assignment"),
    Entry(broyden_tridiagonal, (_rng.normal(size=6),), "slice -=", broyden_jacobian),
    Entry(chebyquad, (np.arange(1, 6) / 6.0,), "loop-store, +=, /=, recurrence"),
]
