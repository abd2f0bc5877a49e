"""Energies, forces, optics, quantum and statistical mechanics."""

import math

import numpy as np

from .entry import Entry


def lennard_jones(positions, epsilon=1.0, sigma=1.0):
    energy = 0.0
    n = len(positions)
    for i in range(n - 1):
        for j in range(i + 1, n):
            r = np.linalg.norm(positions[i] - positions[j])
            s6 = (sigma / r) ** 6
            energy += 4 * epsilon * (s6 * s6 - s6)
    return energy


def pair_forces(positions, charges):
    """Coulomb forces, vectorised over index pairs and scattered back with np.add.at."""
    i, j = np.triu_indices(len(positions), k=1)
    d = positions[i] - positions[j]
    r3 = np.sum(d**2, axis=1) ** 1.5
    f = (charges[i] * charges[j] / r3)[:, None] * d
    F = np.zeros_like(positions)
    np.add.at(F, i, f)
    np.subtract.at(F, j, f)
    return F


def spring_network(x, stiffness, springs, rest=1.0):
    f = np.zeros_like(x)
    for k, (a, b) in zip(stiffness, springs):
        d = x[b] - x[a]
        length = np.sqrt(d @ d)
        pull = k * (length - rest) * d / length
        f[a] += pull
        f[b] -= pull
    return f


def numerov(energy, n=60):
    """Shooting for the harmonic oscillator: the wave function's value at the far end."""
    x = np.linspace(-4, 4, n + 1)
    h = x[1] - x[0]
    k2 = 2 * energy - x**2
    psi = np.zeros(n + 1)
    psi[1] = 1e-3
    for i in range(1, n):
        new = 2 * (1 - 5 * h**2 / 12 * k2[i]) * psi[i] - (1 + h**2 / 12 * k2[i - 1]) * psi[i - 1]
        psi[i + 1] = new / (1 + h**2 / 12 * k2[i + 1])
    return psi[-1]


def ising_transfer(J, h, n=6):
    """Free energy of the ring of spins by its transfer matrix."""
    T = np.array([[math.exp(J + h), math.exp(-J)], [math.exp(-J), math.exp(J - h)]])
    Z = np.trace(np.linalg.matrix_power(T, n))
    return -np.log(Z) / n


def mean_field_magnetisation(beta, field):
    m = 0.5
    for _ in range(200):
        new = math.tanh(beta * m + field)
        if abs(new - m) < 1e-11:
            break
        m = new
    return m


def projectile(v0, angle, drag):
    """Range with quadratic drag: stepped until it lands, the last step interpolated."""
    x, y = 0.0, 0.0
    vx, vy = v0 * math.cos(angle), v0 * math.sin(angle)
    dt = 0.02
    while True:
        speed = math.hypot(vx, vy)
        x_old, y_old = x, y
        x += vx * dt
        y += vy * dt
        vx -= drag * speed * vx * dt
        vy -= (9.81 + drag * speed * vy) * dt
        if y < 0:
            break
    return x_old + (x - x_old) * y_old / (y_old - y)


def thin_film(thickness, index):
    """Reflectance of a stack of layers by complex 2 x 2 matrices."""
    M = np.eye(2, dtype=complex)
    for d, n in zip(thickness, index):
        delta = 2 * np.pi * n * d
        M = M @ np.array([[np.cos(delta), 1j * np.sin(delta) / n], [1j * n * np.sin(delta), np.cos(delta)]])
    B = M[0, 0] + 1.5 * M[0, 1]
    C = M[1, 0] + 1.5 * M[1, 1]
    r = (B - C) / (B + C)
    return np.abs(r) ** 2


def ray_through_lens(y, u, surfaces):
    """Meridional trace through spherical surfaces by Snell's law."""
    z, n1 = -10.0, 1.0
    for vertex, R, n2 in surfaces:
        dz, dy = math.cos(u), math.sin(u)
        cz = vertex + R
        b = (z - cz) * dz + y * dy
        c = (z - cz) ** 2 + y**2 - R**2
        t = -b - math.copysign(math.sqrt(b * b - c), R)
        z, y = z + t * dz, y + t * dy
        normal = math.asin(y / R)
        incidence = u + normal
        refracted = math.asin(n1 / n2 * math.sin(incidence))
        u = refracted - normal
        n1 = n2
    return y, u


def two_level_rabi(omega, detuning, t):
    """Population by a complex matrix exponential written as a Taylor loop."""
    H = 0.5 * np.array([[detuning, omega], [omega, -detuning]])
    psi = np.array([1.0 + 0j, 0.0])
    term = psi
    for k in range(1, 40):
        term = -1j * t * (H @ term) / k
        psi = psi + term
    return abs(psi[1]) ** 2


def van_der_waals(V, T, a, b):
    """Pressure and compressibility in reduced units."""
    P = T / (V - b) - a / V**2
    Z = P * V / T
    return {"P": P, "Z": Z}


def orbital_elements(r, v, mu=1.0):
    """Semi-major axis, eccentricity and inclination from position and velocity."""
    h = np.cross(r, v)
    e = np.cross(v, h) / mu - r / np.linalg.norm(r)
    energy = np.dot(v, v) / 2 - mu / np.linalg.norm(r)
    return [-mu / (2 * energy), np.linalg.norm(e), math.acos(h[2] / np.linalg.norm(h))]


def radiative_transfer(tau, source):
    """Layers from bottom to top; emission and absorption."""
    intensity = 1.0
    profile = []
    for t, s in zip(reversed(tau), reversed(source)):
        intensity = intensity * math.exp(-t) + s * (1 - math.exp(-t))
        profile.append(intensity)
    return np.array(profile[::-1])


def shallow_water_step(h, u, g=9.81, dt=0.01, dx=1.0):
    """Lax-Friedrichs step with reflecting ends, written through out=."""
    flux_h = np.empty_like(h)
    np.multiply(h, u, out=flux_h)
    flux_u = np.zeros_like(u)
    np.add(0.5 * u**2, g * h, out=flux_u)
    h_new, u_new = h.copy(), u.copy()
    h_new[1:-1] = 0.5 * (h[:-2] + h[2:]) - dt / (2 * dx) * (flux_h[2:] - flux_h[:-2])
    u_new[1:-1] = 0.5 * (u[:-2] + u[2:]) - dt / (2 * dx) * (flux_u[2:] - flux_u[:-2])
    u_new[0], u_new[-1] = -u_new[1], -u_new[-2]
    return np.concatenate([h_new, u_new])


def partition_function(levels, beta):
    Z = sum(math.exp(-beta * e) for e in levels)
    U = sum(e * math.exp(-beta * e) for e in levels) / Z
    return -math.log(Z) / beta, U, beta * U + math.log(Z)


def rabi_closed(omega, detuning, t):
    W = math.hypot(omega, detuning)
    s, c = math.sin(W * t / 2), math.cos(W * t / 2)
    along = -2 * s**2 * omega**2 / W**3 + omega**2 / W**2 * s * c * t  # derivative by W
    return np.array([[2 * omega / W**2 * s**2 + along * omega / W, along * detuning / W, omega**2 / W * s * c]])


_rng = np.random.default_rng(15)
_pos = np.array([[0.0, 0.0, 0.0], [1.1, 0.1, 0.0], [0.2, 1.2, 0.1], [0.5, 0.4, 1.1]])
CORPUS = [
    Entry(lennard_jones, (_pos,), "norm, powers, +=", "mpmath"),
    Entry(pair_forces, (_pos, np.array([1.0, -1.0, 0.5, 2.0])), "np.add.at, np.subtract.at, triu_indices", "mpmath", (0, 1)),
    Entry(spring_network, (_pos[:, :2], np.array([2.0, 1.0, 3.0]), [(0, 1), (1, 2), (0, 3)]), "row +=, row -=, zip", "complex",
          (0, 1)),
    Entry(numerov, (0.6,), "loop-store, linspace", rtol=1e-9),
    Entry(ising_transfer, (0.4, 0.1), "math, array of scalars, matrix_power", "mpmath", (0, 1)),
    Entry(mean_field_magnetisation, (1.4, 0.1), "math, break", "mpmath", (0, 1)),
    Entry(projectile, (20.0, 0.7, 0.01), "while True, math, break", "mpmath", (0, 1, 2), order=1),
    Entry(thin_film, (np.array([0.2, 0.13]), np.array([1.38, 2.1])), "complex matrices, zip, abs", "mpmath", (0, 1)),
    Entry(ray_through_lens, (1.0, 0.02, [(0.0, 20.0, 1.5), (2.0, -25.0, 1.0)]), "math, tuple result", "mpmath", (0, 1)),
    Entry(two_level_rabi, (1.2, 0.5, 2.0), "complex, abs, array of scalars", rabi_closed, (0, 1, 2)),
    Entry(van_der_waals, (1.5, 1.1, 0.4, 0.2), "dictionary result", "complex", (0, 1, 2, 3)),
    Entry(orbital_elements, (np.array([1.0, 0.2, 0.1]), np.array([-0.1, 0.9, 0.3])), "cross, norm, math.acos, list result",
          "mpmath", (0, 1)),
    Entry(radiative_transfer, (_rng.uniform(0.1, 1, 4), _rng.uniform(0.5, 1, 4)), "reversed, math, append", "mpmath", (0, 1)),
    Entry(shallow_water_step, (_rng.uniform(1, 2, 6), _rng.normal(size=6)), "out=, tuple-store, copy", "mpmath", (0, 1)),
    Entry(partition_function, (np.array([0.0, 0.7, 1.5]), 1.3), "math, sum of generator, tuple result", "mpmath", (0, 1)),
]
