"""Time steppers: explicit, adaptive, implicit, symplectic; derivatives with respect to initial values and parameters."""

import numpy as np

from .entry import Entry


def rk4_pendulum(p):
    """The whole trajectory of a damped pendulum, row by row."""
    theta0, omega0, damping = p

    def rhs(t, y):
        return np.array([y[1], -np.sin(y[0]) - damping * y[1]])

    n, h = 20, 0.1
    t = np.linspace(0, n * h, n + 1)
    y = np.zeros((n + 1, 2))
    y[0] = theta0, omega0
    for i in range(n):
        k1 = rhs(t[i], y[i])
        k2 = rhs(t[i] + h / 2, y[i] + h / 2 * k1)
        k3 = rhs(t[i] + h / 2, y[i] + h / 2 * k2)
        k4 = rhs(t[i] + h, y[i] + h * k3)
        y[i + 1] = y[i] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def euler_decay(rate, y0=1.0, h=0.01, steps=50):
    ys = [y0]
    for _ in range(steps):
        ys.append(ys[-1] - h * rate * ys[-1])
    return ys[-1]


def adaptive_heun(y0, tol=1e-4):
    """Step size from the error estimate; steps are accepted or repeated."""
    t, t_end, h = 0.0, 2.0, 0.5
    y = y0.copy()

    def f(t, y):
        return np.array([y[1], (1 - y[0] ** 2) * y[1] - y[0]])

    while t < t_end:
        h = min(h, t_end - t)
        k1 = f(t, y)
        k2 = f(t + h, y + h * k1)
        err = np.max(np.abs(h / 2 * (k2 - k1)))
        if err <= tol or h < 1e-6:
            t += h
            y = y + h / 2 * (k1 + k2)
        h *= min(2.0, max(0.2, 0.9 * (tol / (err + 1e-300)) ** 0.5))
    return y


def leapfrog_orbit(state, steps=25, dt=0.05):
    """Kepler orbit, kick-drift-kick, with in-place updates of position and velocity."""
    q = state[:2].copy()
    p = state[2:].copy()
    energy = np.empty(steps)
    for n in range(steps):
        p -= 0.5 * dt * q / np.linalg.norm(q) ** 3
        q += dt * p
        p -= 0.5 * dt * q / np.linalg.norm(q) ** 3
        energy[n] = 0.5 * np.dot(p, p) - 1 / np.linalg.norm(q)
    return energy


def implicit_euler(k, h=0.1, steps=5):
    """Stiff kinetics; Newton's method with a hand-written Jacobian in each step."""
    y = np.array([1.0, 0.0, 0.0])
    for _ in range(steps):
        new = y.copy()
        for _ in range(20):
            a, b, c = new
            decay, back, loss = h * k[0] * a, h * k[1] * b * c, h * k[2] * b**2
            r = new - y + np.array([decay - back, back + loss - decay, -loss])
            J = np.eye(3)
            J[0] += [h * k[0], -h * k[1] * c, -h * k[1] * b]
            J[1] += [-h * k[0], h * k[1] * c + 2 * h * k[2] * b, h * k[1] * b]
            J[2, 1] = -2 * h * k[2] * b
            step = np.linalg.solve(J, r)
            new = new - step
            if np.linalg.norm(step) < 1e-9:
                break
        y = new
    return y


def heat_explicit(u0, kappa, dt=1e-3, steps=20):
    """The old habit: one buffer, its interior overwritten in every step."""
    u = u0.copy()
    dx = 1.0 / (len(u) - 1)
    for _ in range(steps):
        u[1:-1] += dt * kappa / dx**2 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u[0] = u[1]
        u[-1] = 0.0
    return u


def adams_bashforth(y0, lam, h=0.05, steps=30):
    f_old = None
    y = y0
    for _ in range(steps):
        f_new = lam * y * (1 - y)
        y = y + h * f_new if f_old is None else y + h * (1.5 * f_new - 0.5 * f_old)
        f_old = f_new
    return y


def upwind_advection(u, speed, dt=0.02, steps=10):
    """Conservative upwind fluxes by the sign of the speed, periodic."""
    u = np.array(u)
    n = len(u)
    for _ in range(steps):
        flux = np.zeros(n + 1)
        for i in range(n + 1):
            flux[i] = speed * u[i - 1] if speed > 0 else speed * u[i % n]
        u -= dt * n * (flux[1:] - flux[:-1])
    return u


def shooting_blasius(s, eta_max=6.0, n=60):
    """f''' = -f f''/2 with the unknown f''(0) = s: the residual f'(eta_max) - 1."""
    h = eta_max / n
    F = np.zeros((n + 1, 3))
    F[0, 2] = s
    for i in range(n):
        f, fp, fpp = F[i, 0], F[i, 1], F[i, 2]
        mid = [f + h / 2 * fp, fp + h / 2 * fpp, fpp - h / 4 * f * fpp]
        F[i + 1, 0] = f + h * mid[1]
        F[i + 1, 1] = fp + h * mid[2]
        F[i + 1, 2] = fpp - h * mid[0] * mid[2] / 2
    return F[-1, 1] - 1.0


_rng = np.random.default_rng(2)
CORPUS = [
    Entry(rk4_pendulum, (np.array([1.0, 0.2, 0.1]),), "row-store, closure, array of scalars"),
    Entry(euler_decay, (1.7,), "list, append", lambda rate: np.array([-0.5 * (1 - 0.01 * rate) ** 49])),
    Entry(adaptive_heun, (np.array([2.0, 0.0]),), "while, min, max, branches, copy", order=1, rtol=1e-9),
    Entry(leapfrog_orbit, (np.array([1.0, 0.0, 0.0, 1.1]),), "copy, -=, loop-store, norm"),
    Entry(implicit_euler, (np.array([0.04, 20.0, 30.0]),), "newton, solve, break, copy"),
    Entry(heat_explicit, (_rng.normal(size=9), 1.3), "copy, slices, +=", "complex", (0, 1)),
    Entry(adams_bashforth, (0.1, 2.0), "None until set", "complex", (0, 1)),
    Entry(upwind_advection, (_rng.normal(size=6), 0.7), "loop-store, branches, -=", "mpmath", (0, 1)),
    Entry(shooting_blasius, (0.33,), "loop-store, zeros"),
]
