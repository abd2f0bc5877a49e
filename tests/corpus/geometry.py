"""Rotations, cameras, curves and distances.

R. Hartley, A. Zisserman, Multiple View Geometry (2003).
"""

import itertools
import math

import numpy as np

from .entry import Entry


def rodrigues(rvec):
    """Rotation matrix of a rotation vector, with the limit at zero."""
    theta = np.linalg.norm(rvec)
    if theta < 1e-12:
        return np.eye(3)
    k = rvec / theta
    K = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return np.eye(3) + math.sin(theta) * K + (1 - math.cos(theta)) * K @ K


def bundle_residual(camera, point, observed):
    """Residual of one observation in the format of "Bundle Adjustment in the Large": rotation, translation, focal length,
          distortion."""
    r, t = camera[:3], camera[3:6]
    f, k1, k2 = camera[6:]
    theta2 = r @ r
    theta = math.sqrt(theta2)
    axis = r / theta
    c, s = math.cos(theta), math.sin(theta)
    P = point * c + np.cross(axis, point) * s + axis * np.dot(axis, point) * (1 - c) + t
    p = -P[:2] / P[2]
    n2 = p[0] ** 2 + p[1] ** 2
    return f * (1 + k1 * n2 + k2 * n2**2) * p - observed


def bundle_all(cameras, points, observations):
    """All residuals, stored pair by pair."""
    res = np.zeros(2 * len(observations))
    for k, (i, j, u, v) in enumerate(observations):
        res[2 * k : 2 * k + 2] = bundle_residual(cameras[i], points[j], np.array([u, v]))
    return res


def quaternion_rotate(q, v):
    w, x, y, z = q / np.sqrt(np.sum(q**2))
    R = np.zeros((3, 3))
    R[0] = [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)]
    R[1] = [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)]
    R[2] = [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]
    return R.dot(v)


def de_casteljau(control, t):
    """Point of a Bezier curve; the control points are overwritten."""
    b = control.copy()
    n = len(b)
    for r in range(1, n):
        b[: n - r] = (1 - t) * b[: n - r] + t * b[1 : n - r + 1]
    return b[0]


def polygon_area(xy):
    area = 0.0
    for i in range(len(xy)):
        x1, y1 = xy[i - 1]
        x2, y2 = xy[i]
        area += x1 * y2 - x2 * y1
    return abs(area) / 2


def haversine(lat1, lon1, lat2, lon2):
    p1, p2 = math.radians(lat1), math.radians(lat2)
    a = math.sin((p2 - p1) / 2) ** 2 + math.cos(p1) * math.cos(p2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(a))


def path_length(points):
    return sum(math.dist(p, q) for p, q in itertools.pairwise(points))


def icp_cost(pose, source, target):
    """Sum of squared distances to the nearest neighbours after a rigid motion."""
    c, s = np.cos(pose[0]), np.sin(pose[0])
    moved = source @ np.array([[c, s], [-s, c]]) + pose[1:]
    cost = 0.0
    for p in moved:
        nearest = np.argmin([np.sum((p - t) ** 2) for t in target])
        cost += np.sum((p - target[nearest]) ** 2)
    return cost


def ray_sphere(origin, direction, center, radius):
    """Distance along a ray to a sphere, or infinity."""
    d = direction / np.linalg.norm(direction)
    oc = origin - center
    b = np.dot(oc, d)
    disc = b * b - (np.dot(oc, oc) - radius**2)
    if disc < 0:
        return np.inf
    return -b - math.sqrt(disc)


def bspline_basis(i, p, u, knots):
    """Cox-de Boor recursion."""
    if p == 0:
        return 1.0 if knots[i] <= u < knots[i + 1] else 0.0
    left = right = 0.0
    if knots[i + p] != knots[i]:
        left = (u - knots[i]) / (knots[i + p] - knots[i]) * bspline_basis(i, p - 1, u, knots)
    if knots[i + p + 1] != knots[i + 1]:
        right = (knots[i + p + 1] - u) / (knots[i + p + 1] - knots[i + 1]) * bspline_basis(i + 1, p - 1, u, knots)
    return left + right


def bspline_curve(u, coef):
    knots = [0, 0, 0, 0, 0.4, 0.7, 1, 1, 1, 1]
    return sum(c * bspline_basis(i, 3, u, knots) for i, c in enumerate(coef))


def geodetic_to_ecef(lat, lon, alt):
    """WGS 84."""
    a, e2 = 6378.137, 6.69437999014e-3
    N = a / math.sqrt(1 - e2 * math.sin(lat) ** 2)
    x = (N + alt) * math.cos(lat) * math.cos(lon)
    y = (N + alt) * math.cos(lat) * math.sin(lon)
    z = (N * (1 - e2) + alt) * math.sin(lat)
    return np.array([x, y, z])


def signed_distance(p, a, b):
    """Distance of a point to a segment with the parameter clipped."""
    ab = b - a
    h = np.clip(np.dot(p - a, ab) / np.dot(ab, ab), 0.0, 1.0)
    return np.linalg.norm(p - a - h * ab)


def tetrahedron_quality(v):
    """Volume over the cube of the mean edge, edges gathered in a list."""
    edges = [v[j] - v[i] for i in range(4) for j in range(i + 1, 4)]
    mean_edge = sum(np.sqrt((e * e).sum()) for e in edges) / len(edges)
    return np.dot(edges[0], np.cross(edges[1], edges[2])) / 6 / mean_edge**3


def shoelace_gradient(xy):
    after, before = np.roll(xy, -1, 0), np.roll(xy, 1, 0)
    d = (after - before)[:, ::-1] * [1, -1] / 2
    return d.reshape(1, -1)


_rng = np.random.default_rng(11)
_inner = [[-6.0, 500.0, 0.01, 1e-3], [-7.0, 480.0, 0.02, 2e-3]]
_cams = np.column_stack([0.2 * _rng.normal(size=(2, 3)), _rng.normal(size=(2, 2)), _inner])
_pts = _rng.normal(size=(3, 3))
_observations = [(0, 0, 10.0, 5.0), (0, 1, -20.0, 8.0), (1, 1, 4.0, 4.0), (1, 2, 30.0, -9.0)]
CORPUS = [
    Entry(rodrigues, (np.array([0.3, -0.8, 0.5]),), "math, norm, array of scalars, branches"),
    Entry(bundle_residual, (_cams[0], _pts[0], np.array([10.0, 5.0])), "math, cross, unpacking", "mpmath", (0, 1)),
    Entry(bundle_all, (_cams, _pts, _observations), "slice-store, math, enumerate", "mpmath", (0, 1)),
    Entry(quaternion_rotate, (_rng.normal(size=4), _rng.normal(size=3)), "row from list, unpacking", "mpmath", (0, 1)),
    Entry(de_casteljau, (_rng.normal(size=(5, 2)), 0.35), "overlapping slice-store, copy", "complex", (0, 1)),
    Entry(polygon_area, (np.array([[0.0, 0.0], [2.0, 0.2], [2.5, 1.7], [0.4, 1.5]]),), "unpacking, abs", shoelace_gradient),
    Entry(haversine, (52.5, 13.4, 48.1, 11.6), "math, math.radians", "mpmath", (0, 1, 2, 3)),
    Entry(path_length, (_rng.normal(size=(5, 3)),), "math.dist, itertools, sum of generator"),
    Entry(icp_cost, (np.array([0.2, 0.1, -0.1]), _rng.normal(size=(5, 2)), _rng.normal(size=(6, 2))),
          "argmin of list, iteration"),
    Entry(ray_sphere, (np.array([0.1, 0.0, -5.0]), np.array([0.0, 0.05, 1.0]), np.array([0.2, 0.1, 0.0]), 1.3), "math, branches",
          "mpmath", (0, 1, 2, 3)),
    Entry(bspline_curve, (0.55, _rng.normal(size=6)), "recursion, chained comparison, sum of generator", "mpmath", (0, 1)),
    Entry(geodetic_to_ecef, (0.8, 0.2, 0.3), "math, array of scalars", "mpmath", (0, 1, 2)),
    Entry(signed_distance, (np.array([0.3, 0.9]), np.array([-0.5, 0.1]), np.array([1.2, 0.2])), "clip, norm", "mpmath", (0, 1,
          2)),
    Entry(tetrahedron_quality, (_rng.normal(size=(4, 3)),), "list of arrays, cross, sum of generator", "complex"),
]
