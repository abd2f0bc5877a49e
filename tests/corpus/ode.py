"""Right-hand sides of ordinary differential equations.

E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I (1993) and II (1996), unless named otherwise.
"""

import math

import numpy as np

from .entry import Entry


def lorenz(state, t=0.0, sigma=10.0, rho=28.0, beta=8.0 / 3.0):
    """As `scipy.integrate.odeint` wants it: a list of numbers."""
    x, y, z = state
    return [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]


def lotka_volterra(t, z, a, b, c, d):
    x, y = z
    return np.array([a * x - b * x * y, -c * y + d * x * y])


def robertson(t, y):
    dy = np.zeros(3)
    dy[0] = -0.04 * y[0] + 1e4 * y[1] * y[2]
    dy[2] = 3e7 * y[1] ** 2
    dy[1] = -dy[0] - dy[2]
    return dy


def van_der_pol(t, y, mu):
    dydt = np.empty_like(y)
    dydt[0] = y[1]
    dydt[1] = mu * (1 - y[0] ** 2) * y[1] - y[0]
    return dydt


def pleiades(t, u):
    """Seven stars in the plane with masses 1..7: x, y, x', y'."""
    n = 7
    x, y = u[:n], u[n : 2 * n]
    du = np.zeros(4 * n)
    du[: 2 * n] = u[2 * n :]
    for i in range(n):
        for j in range(n):
            if i != j:
                r = math.sqrt((x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2)
                m = j + 1
                du[2 * n + i] += m * (x[j] - x[i]) / r**3
                du[3 * n + i] += m * (y[j] - y[i]) / r**3
    return du


def hires(t, y):
    """High irradiance response of photomorphogenesis."""
    f = np.zeros(8)
    f[0] = -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007
    f[1] = 1.71 * y[0] - 8.75 * y[1]
    f[2] = -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4]
    f[3] = 8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3]
    f[4] = -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6]
    f[5] = -280.0 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6]
    f[6] = 280.0 * y[5] * y[7] - 1.81 * y[6]
    f[7] = -f[6]
    return f


def brusselator_1d(t, y, alpha=1.0 / 50.0):
    """Method of lines; u and v interleaved, u = 1 and v = 3 at both ends."""
    n = y.size // 2
    u, v = y[0::2], y[1::2]
    c = alpha * (n + 1) ** 2
    dy = np.zeros_like(y)
    du, dv = dy[0::2], dy[1::2]
    du[:] = 1.0 + u**2 * v - 4.0 * u
    dv[:] = 3.0 * u - u**2 * v
    du[1:-1] += c * (u[:-2] - 2 * u[1:-1] + u[2:])
    dv[1:-1] += c * (v[:-2] - 2 * v[1:-1] + v[2:])
    du[0] += c * (1.0 - 2 * u[0] + u[1])
    du[-1] += c * (u[-2] - 2 * u[-1] + 1.0)
    dv[0] += c * (3.0 - 2 * v[0] + v[1])
    dv[-1] += c * (v[-2] - 2 * v[-1] + 3.0)
    return dy


def brusselator_2d(t, y, n=4, alpha=0.1):
    """Periodic in both directions, in loops over the grid."""
    u = y[: n * n].reshape(n, n)
    v = y[n * n :].reshape(n, n)
    dudt, dvdt = np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            up, down, left, right = (i - 1) % n, (i + 1) % n, (j - 1) % n, (j + 1) % n
            lap_u = u[up, j] + u[down, j] + u[i, left] + u[i, right] - 4 * u[i, j]
            lap_v = v[up, j] + v[down, j] + v[i, left] + v[i, right] - 4 * v[i, j]
            dudt[i, j] = 1 + u[i, j] ** 2 * v[i, j] - 4.4 * u[i, j] + alpha * n**2 * lap_u
            dvdt[i, j] = 3.4 * u[i, j] - u[i, j] ** 2 * v[i, j] + alpha * n**2 * lap_v
    return np.concatenate([dudt.ravel(), dvdt.ravel()])


def n_body(t, state, masses, G=1.0, softening=0.05):
    """Bodies in space, pair by pair with Newton's third law."""
    n = len(masses)
    pos = state[: 3 * n].reshape(n, 3)
    vel = state[3 * n :].reshape(n, 3)
    acc = np.zeros_like(pos)
    for i in range(n):
        for j in range(i + 1, n):
            d = pos[j] - pos[i]
            f = G * d / (np.dot(d, d) + softening**2) ** 1.5
            acc[i] += masses[j] * f
            acc[j] -= masses[i] * f
    return np.concatenate((vel.flatten(), acc.flatten()))


def double_pendulum(t, state, L1=1.0, L2=0.8, m1=1.0, m2=1.5, g=9.81):
    th1, w1, th2, w2 = state
    delta = th2 - th1
    den1 = (m1 + m2) * L1 - m2 * L1 * math.cos(delta) ** 2
    dw1 = m2 * L1 * w1**2 * math.sin(delta) * math.cos(delta) + m2 * g * math.sin(th2) * math.cos(delta)
    dw1 = (dw1 + m2 * L2 * w2**2 * math.sin(delta) - (m1 + m2) * g * math.sin(th1)) / den1
    den2 = (L2 / L1) * den1
    dw2 = -m2 * L2 * w2**2 * math.sin(delta) * math.cos(delta) + (m1 + m2) * g * math.sin(th1) * math.cos(delta)
    dw2 = (dw2 - (m1 + m2) * (L1 * w1**2 * math.sin(delta) + g * math.sin(th2))) / den2
    return w1, dw1, w2, dw2


def seir(y, beta, sigma, gamma):
    S, E, I, _ = y
    N = sum(y)
    infection = beta * S * I / N
    return np.array([-infection, infection - sigma * E, sigma * E - gamma * I, gamma * I])


def mass_action(c, k, reactants, products):
    """Chemical kinetics from tables of species: rates by products, balances by +=."""
    dc = np.zeros(len(c))
    for rate, left, right in zip(k, reactants, products):
        r = rate
        for s in left:
            r *= c[s]
        for s in left:
            dc[s] -= r
        for s in right:
            dc[s] += r
    return dc


def lotka_volterra_jacobian(t, z, a, b, c, d):
    x, y = z
    return np.array([[a - b * y, -b * x, x, -x * y, 0, 0], [d * y, -c + d * x, 0, 0, -y, x * y]])


def robertson_jacobian(t, y):
    last = np.array([0.0, 6e7 * y[1], 0.0])
    first = np.array([-0.04, 1e4 * y[2], 1e4 * y[1]])
    return np.array([first, -first - last, last])


def van_der_pol_jacobian(t, y, mu):
    return np.array([[0.0, 1.0, 0.0], [-2 * mu * y[0] * y[1] - 1, mu * (1 - y[0] ** 2), (1 - y[0] ** 2) * y[1]]])


_rng = np.random.default_rng(1)
_STARS = np.array([3.0, 3.0, -1.0, -3.0, 2.0, -2.0, 2.0, 3.0, -3.0, 2.0, 0.0, 0.0, -4.0, 4.0])
CORPUS = [
    Entry(lorenz, (np.array([1.0, -2.0, 20.0]),), "list result, unpacking", "complex"),
    Entry(lotka_volterra, (0.0, np.array([1.2, 0.7]), 1.5, 1.0, 3.0, 0.9), "array of scalars", lotka_volterra_jacobian, (1, 2, 3,
          4, 5)),
    Entry(robertson, (0.0, np.array([0.9, 2e-5, 0.1])), "loop-store, zeros", robertson_jacobian, 1),
    Entry(van_der_pol, (0.0, np.array([2.0, -0.6]), 5.0), "empty_like, loop-store", van_der_pol_jacobian, (1, 2)),
    Entry(pleiades, (0.0, np.concatenate([_STARS, _rng.normal(size=14)])), "loop-store, math, +=, slices", "mpmath", 1),
    Entry(hires, (0.0, _rng.uniform(0.1, 1.0, 8)), "loop-store, zeros", "mpmath", 1),
    Entry(brusselator_1d, (0.0, _rng.uniform(0.5, 3.0, 12)), "view-store, slices, +=", "complex", 1),
    Entry(brusselator_2d, (0.0, _rng.uniform(0.5, 3.0, 32)), "loop-store, reshape", "mpmath", 1),
    Entry(n_body, (0.0, _rng.normal(size=18), np.array([1.0, 2.0, 0.5])), "row-store, +=", "mpmath", (1, 2)),
    Entry(double_pendulum, (0.0, np.array([0.4, 1.0, -0.9, 0.3])), "math, tuple result", "mpmath", 1),
    Entry(seir, (np.array([990.0, 7.0, 3.0, 2.0]), 0.6, 0.2, 0.1), "sum, array of scalars", "complex", (0, 1, 2, 3)),
    Entry(mass_action, (_rng.uniform(0.2, 1.0, 4), [1.3, 0.4], [(0, 1), (2,)], [(2,), (0, 3)]), "loop-store, *=, zip", "mpmath",
          (0, 1)),
]
