"""Programs against the functions they were recorded from: other arguments, strict comparison, what a program is made of."""

import copy

import numpy as np

import dualad as da
from dualad import tree

SINGLE = (np.float16, np.float32, np.complex64)


def perturbed(args, scale, seed=0):
    """The arguments with every real or complex number moved by up to `scale` of itself; everything else copied."""
    rng = np.random.default_rng(seed)

    def moved(x):
        if isinstance(x, np.ndarray) and x.dtype.kind in "fc":
            return (x * (1 + scale * rng.uniform(-1, 1, x.shape))).astype(x.dtype)
        if isinstance(x, (np.inexact, float)):
            return type(x)(x * (1 + scale * rng.uniform(-1, 1)))
        return copy.deepcopy(x)

    leaves, structure = tree.flatten(args)
    return tree.unflatten(structure, [moved(x) for x in leaves])


def difference(got, want, exact=False):
    """None when two results are the same in structure, type, dtype, shape and value; else what differs first.

    Values: bit for bit if `exact` (any NaN equals any NaN), else to 1e-9 (1e-4 in single precision) of the largest entry."""
    a, b = tree.flatten(got), tree.flatten(want)
    if a[1] != b[1]:
        return f"structure {a[1]} instead of {b[1]}"
    for x, y in zip(a[0], b[0], strict=True):
        if type(x) is not type(y):
            return f"{type(x)} instead of {type(y)}"
        x, y = np.asarray(x), np.asarray(y)
        if x.dtype != y.dtype or x.shape != y.shape:
            return f"{x.dtype}{x.shape} instead of {y.dtype}{y.shape}"
        if not (_bits(x, y) if exact else _close(x, y)):
            return f"{x!r} instead of {y!r}"
    return None


def _bits(x, y):
    if x.dtype.kind not in "fc":
        return np.array_equal(x, y)
    nan = np.isnan(x) & np.isnan(y)
    zero = np.zeros((), x.dtype)
    return np.where(nan, zero, x).tobytes() == np.where(nan, zero, y).tobytes()


def _close(x, y):
    if x.dtype.kind not in "fc":
        return np.array_equal(x, y)
    tolerance = 1e-4 if x.dtype in SINGLE[1:] else 1e-2 if x.dtype == np.float16 else 1e-9
    scale = np.max(np.abs(y), initial=0.0, where=np.isfinite(y))
    return np.allclose(x, y, tolerance, tolerance * scale + 1e-14, equal_nan=True)


def assert_same(got, want, exact=False):
    found = difference(got, want, exact)
    assert found is None, found


def check(compiled, f, *points, exact=False):
    """Calls at points (tuples of arguments), each against the function itself; arguments stay as they were."""
    for point in points:
        want = f(*copy.deepcopy(point))
        given = copy.deepcopy(point)
        assert_same(compiled(*given), want, exact)
        assert_same(given, point, exact=True)


def taken(f, *points):
    """Recordings that calls at the points need; every result is compared."""
    compiled = da.compile(f)
    check(compiled, f, *points)
    stats = compiled.stats()
    assert stats["reasons"] == []
    return stats["recordings"]


def branch(x):
    if x > 1.0:
        return x * x
    return -x
