"""Kinematics, dynamics and estimation of robots.

M. W. Spong, S. Hutchinson, M. Vidyasagar, Robot Modeling and Control (2006).
"""

import functools
import math

import numpy as np

from .entry import Entry


def planar_arm(q, lengths):
    """Positions of all joints of a planar chain."""
    x = y = angle = 0.0
    points = []
    for theta, l in zip(q, lengths):
        angle += theta
        x += l * math.cos(angle)
        y += l * math.sin(angle)
        points.append([x, y])
    return np.array(points)


def dh_matrix(theta, d, a, alpha):
    ct, st, ca, sa = math.cos(theta), math.sin(theta), math.cos(alpha), math.sin(alpha)
    return np.array([[ct, -st * ca, st * sa, a * ct], [st, ct * ca, -ct * sa, a * st], [0, sa, ca, d], [0, 0, 0, 1]])


def puma_pose(q):
    """Six joints by Denavit-Hartenberg matrices, multiplied by functools.reduce."""
    right = math.pi / 2
    table = [(0.0, 0.0, right), (0.0, 0.43, 0.0), (0.15, 0.02, -right), (0.43, 0.0, right), (0.0, 0.0, -right), (0.1, 0.0, 0.0)]
    return functools.reduce(np.matmul, [dh_matrix(t, d, a, alpha) for t, (d, a, alpha) in zip(q, table)])


def two_link_torque(q, dq, ddq):
    """Inverse dynamics of a two-link arm: M(q) q'' + C(q, q') q' + g(q)."""
    m1, m2, l1, lc1, lc2, I1, I2, g = 1.0, 0.8, 0.5, 0.25, 0.2, 0.02, 0.015, 9.81
    c2, s2 = np.cos(q[1]), np.sin(q[1])
    M = np.empty((2, 2))
    M[0, 0] = m1 * lc1**2 + m2 * (l1**2 + lc2**2 + 2 * l1 * lc2 * c2) + I1 + I2
    M[0, 1] = M[1, 0] = m2 * (lc2**2 + l1 * lc2 * c2) + I2
    M[1, 1] = m2 * lc2**2 + I2
    h = -m2 * l1 * lc2 * s2
    C = np.array([[h * dq[1], h * (dq[0] + dq[1])], [-h * dq[0], 0.0]])
    far = m2 * lc2 * g * np.cos(q[0] + q[1])
    G = np.array([(m1 * lc1 + m2 * l1) * g * np.cos(q[0]) + far, far])
    return M @ ddq + C @ dq + G


def inverse_kinematics(target, l1=1.0, l2=0.7):
    x, y = target
    c2 = (x**2 + y**2 - l1**2 - l2**2) / (2 * l1 * l2)
    s2 = math.sqrt(1 - c2**2)
    q2 = math.atan2(s2, c2)
    q1 = math.atan2(y, x) - math.atan2(l2 * s2, l1 + l2 * c2)
    return q1, q2


def ekf_slam_step(x, P, u, z):
    """Extended Kalman filter of a unicycle with one landmark; the state is updated in place."""
    x = x.copy()
    dt = 0.1
    th = x[2]
    x[0] += u[0] * dt * np.cos(th)
    x[1] += u[0] * dt * np.sin(th)
    x[2] += u[1] * dt
    F = np.eye(5)
    F[0, 2], F[1, 2] = -u[0] * dt * np.sin(th), u[0] * dt * np.cos(th)
    P = F @ P @ F.T + 0.01 * np.eye(5)
    d = x[3:] - x[:2]
    r2 = d @ d
    r = np.sqrt(r2)
    H = np.zeros((2, 5))
    H[0, :2], H[0, 3:] = -d / r, d / r
    H[1] = [d[1] / r2, -d[0] / r2, -1, -d[1] / r2, d[0] / r2]
    innovation = z - np.array([r, math.atan2(d[1], d[0]) - x[2]])
    S = H @ P @ H.T + 0.05 * np.eye(2)
    K = np.linalg.solve(S, H @ P).T
    return x + K @ innovation


def pid_simulation(gains):
    """A PID loop with a saturated actuator."""
    kp, ki, kd = gains
    pos = vel = integral = cost = 0.0
    previous = 1.0
    for _ in range(60):
        error = 1.0 - pos
        integral += error * 0.05
        force = kp * error + ki * integral + kd * (error - previous) / 0.05
        force = max(-5.0, min(5.0, force))
        previous = error
        vel += (force - 0.3 * vel) * 0.05
        pos += vel * 0.05
        cost += error**2 * 0.05
    return cost


def lqr_riccati(A, B, q):
    """Finite-horizon gains backwards in time."""
    Q, R = np.diag(q), np.eye(1)
    P = Q
    for _ in range(10):
        K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
        P = Q + A.T @ P @ (A - B @ K)
    return K


def spline_path_length(via):
    """Catmull-Rom spline through points, length by summing small steps."""
    length = 0.0
    for p0, p1, p2, p3 in zip(via[:-3], via[1:-2], via[2:-1], via[3:]):
        previous = p1
        for k in range(1, 6):
            t = k / 5
            point = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
            length += np.linalg.norm(point - previous)
            previous = point
    return length


def planar_jacobian(q, lengths):
    angles, n = np.cumsum(q), len(q)
    out = np.zeros((n, 2, 2 * n))
    for j in range(n):
        for k in range(j + 1):
            out[j, 0, k] = -sum(lengths[i] * math.sin(angles[i]) for i in range(k, j + 1))
            out[j, 1, k] = sum(lengths[i] * math.cos(angles[i]) for i in range(k, j + 1))
            out[j, :, n + k] = math.cos(angles[k]), math.sin(angles[k])
    return out.reshape(2 * n, 2 * n)


_rng = np.random.default_rng(10)
CORPUS = [
    Entry(planar_arm, (np.array([0.3, -0.5, 0.9]), np.array([1.0, 0.8, 0.4])), "math, append, list of lists to array",
          planar_jacobian, (0, 1)),
    Entry(puma_pose, (_rng.normal(size=6),), "math, reduce, array of scalars"),
    Entry(two_link_torque, (_rng.normal(size=2), _rng.normal(size=2), _rng.normal(size=2)), "loop-store, chained assignment",
          "mpmath", (0, 1, 2)),
    Entry(inverse_kinematics, (np.array([0.9, 0.8]),), "math, math.atan2, tuple result"),
    Entry(ekf_slam_step, (np.array([0.1, 0.2, 0.3, 2.0, 1.5]), 0.1 * np.eye(5), np.array([1.0, 0.2]), np.array([2.2, 0.35])),
          "copy, tuple-store, row from list, math", "mpmath", (0, 1, 2, 3)),
    Entry(pid_simulation, (np.array([6.0, 0.8, 1.2]),), "max, min, +="),
    Entry(lqr_riccati, (np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([[0.0], [0.1]]), np.array([1.0, 0.5])), "solve, diag",
          "complex", (0, 1, 2)),
    Entry(spline_path_length, (_rng.normal(size=(6, 2)),), "zip of slices, norm, +="),
]
