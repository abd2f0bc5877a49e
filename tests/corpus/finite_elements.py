"""Assembly and solution of finite-element and finite-volume systems.

T. J. R. Hughes, The Finite Element Method (2000).
"""

import math

import numpy as np

from .entry import Entry


def bar_tip(EA):
    """Elastic bar of two-node elements, fixed on the left, pulled on the right: the displacements."""
    n = len(EA)
    h = 1.0 / n
    K = np.zeros((n + 1, n + 1))
    for e in range(n):
        ke = EA[e] / h * np.array([[1.0, -1.0], [-1.0, 1.0]])
        ix = [e, e + 1]
        K[np.ix_(ix, ix)] += ke
    F = np.zeros(n + 1)
    F[-1] = 1.0
    u = np.zeros(n + 1)
    u[1:] = np.linalg.solve(K[1:, 1:], F[1:])
    return u


def truss_compliance(areas):
    """A plane truss: bars between nodes, compliance F.u."""
    nodes = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    bars = [(0, 1), (0, 3), (2, 1), (2, 3), (1, 3)]
    K = np.zeros((8, 8))
    for A, (i, j) in zip(areas, bars):
        dx, dy = nodes[j] - nodes[i]
        L = math.hypot(dx, dy)
        c, s = dx / L, dy / L
        T = np.array([-c, -s, c, s])
        dofs = [2 * i, 2 * i + 1, 2 * j, 2 * j + 1]
        K[np.ix_(dofs, dofs)] += A / L * np.outer(T, T)
    free = [2, 3, 6, 7]
    F = np.array([0.0, -1.0, 0.0, -0.5])
    u = np.linalg.solve(K[np.ix_(free, free)], F)
    return F @ u


def beam_deflection(EI, q):
    """Cantilever of Hermite elements with a distributed load."""
    n = len(EI)
    h = 1.0 / n
    K = np.zeros((2 * n + 2, 2 * n + 2))
    F = np.zeros(2 * n + 2)
    shape = np.array([[12, 6 * h, -12, 6 * h], [6 * h, 4 * h**2, -6 * h, 2 * h**2], [-12, -6 * h, 12, -6 * h],
                      [6 * h, 2 * h**2, -6 * h, 4 * h**2]])  # fmt: skip
    for e in range(n):
        sl = slice(2 * e, 2 * e + 4)
        K[sl, sl] += EI[e] / h**3 * shape
        F[sl] += q * h * np.array([0.5, h / 12, 0.5, -h / 12])
    return np.linalg.solve(K[2:, 2:], F[2:])[-2]


def triangle_stiffness(xy, kappa):
    """Laplace operator on a mesh of linear triangles whose vertices move."""
    triangles = [(0, 1, 2), (1, 3, 2), (3, 4, 2)]
    K = np.zeros((len(xy), len(xy)))
    for tri in triangles:
        p = xy[list(tri)]
        (x0, y0), (x1, y1), (x2, y2) = p
        B = np.array([[y1 - y2, y2 - y0, y0 - y1], [x2 - x1, x0 - x2, x1 - x0]])
        area = 0.5 * ((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))
        ke = kappa / (4 * area) * B.T @ B
        for a in range(3):
            for b in range(3):
                K[tri[a], tri[b]] += ke[a, b]
    return K


def gauss_quadrature_quad(xy):
    """Area and second moment of a bilinear quadrilateral by 2 x 2 Gauss points."""
    g = 1 / math.sqrt(3)
    area = moment = 0.0
    for xi in (-g, g):
        for eta in (-g, g):
            N = 0.25 * np.array([(1 - xi) * (1 - eta), (1 + xi) * (1 - eta), (1 + xi) * (1 + eta), (1 - xi) * (1 + eta)])
            dN = 0.25 * np.array([[-(1 - eta), 1 - eta, 1 + eta, -(1 + eta)], [-(1 - xi), -(1 + xi), 1 + xi, 1 - xi]])
            J = dN @ xy
            detJ = J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]
            x = N @ xy
            area += detJ
            moment += detJ * x[0] ** 2
    return np.array([area, moment])


def bratu_residual(u, lam):
    """Nonlinear boundary-value problem u'' + lam exp(u) = 0 by finite differences."""
    n = len(u)
    h = 1.0 / (n + 1)
    r = np.zeros(n)
    for i in range(n):
        left = u[i - 1] if i > 0 else 0.0
        right = u[i + 1] if i < n - 1 else 0.0
        r[i] = (left - 2 * u[i] + right) / h**2 + lam * np.exp(u[i])
    return r


def poisson_sor(f, omega=1.5, sweeps=15):
    """Successive over-relaxation, overwriting the grid point by point."""
    n = f.shape[0]
    u = np.zeros((n + 2, n + 2))
    for _ in range(sweeps):
        for i in range(1, n + 1):
            for j in range(1, n + 1):
                new = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] + f[i - 1, j - 1])
                u[i, j] += omega * (new - u[i, j])
    return u[1:-1, 1:-1]


def simp_compliance(rho, penal=3.0):
    """Topology optimisation of a chain: penalised densities, scattered with np.add.at."""
    n = len(rho)
    E = 1e-3 + rho**penal * (1 - 1e-3)
    rows = np.concatenate([np.arange(n), np.arange(n), np.arange(1, n + 1), np.arange(1, n + 1)])
    cols = np.concatenate([np.arange(n), np.arange(1, n + 1), np.arange(n), np.arange(1, n + 1)])
    K = np.zeros((n + 1, n + 1))
    np.add.at(K, (rows, cols), np.concatenate([E, -E, -E, E]))
    F = np.linspace(0.0, 1.0, n + 1)
    u = np.linalg.solve(K[1:, 1:], F[1:])
    return u @ F[1:]


def bar_jacobian(EA):
    """u_k = h * sum_{e<k} 1/EA_e."""
    n = len(EA)
    return np.vstack([np.zeros(n), -np.tri(n) / (n * EA**2)])


_rng = np.random.default_rng(4)
_MESH = np.array([[0.0, 0.0], [1.0, 0.1], [0.2, 0.9], [1.2, 1.0], [0.6, 1.8]])
CORPUS = [
    Entry(bar_tip, (_rng.uniform(1, 2, 5),), "K[np.ix_(...)] +=, solve, slice-store", bar_jacobian),
    Entry(truss_compliance, (_rng.uniform(1, 2, 5),), "K[np.ix_(...)] +=, math, solve"),
    Entry(beam_deflection, (_rng.uniform(1, 2, 3), 0.8), "slice-object +=, solve", "mpmath", (0, 1)),
    Entry(triangle_stiffness, (_MESH, 1.7), "loop-store, +=, index list", "mpmath", (0, 1)),
    Entry(gauss_quadrature_quad, (np.array([[0.0, 0.1], [2.0, 0.0], [2.2, 1.5], [-0.1, 1.2]]),),
          "+=, math constants, array of scalars",
          "complex"),
    Entry(bratu_residual, (_rng.normal(size=6), 1.2), "loop-store, branches", "mpmath", (0, 1)),
    Entry(poisson_sor, (_rng.normal(size=(3, 3)),), "loop-store, +=, grid"),
    Entry(simp_compliance, (_rng.uniform(0.3, 1, 5),), "np.add.at, solve, powers"),
]
