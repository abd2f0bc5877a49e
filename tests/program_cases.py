"""Functions whose programs the tests save, load, print, export and compile."""

import numpy as np

import dualad as da


def rosenbrock(x):
    s = 0.0
    for i in range(len(x) - 1):
        s = s + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return s


def chain(x):
    return np.sum(np.sin(x) * np.exp(-x * x) + np.tanh(x) / (1 + x * x))


def squares(x):
    out = np.zeros(3)
    for i in range(3):
        out[i] = x[i] ** 2
    return out


def ring(y):
    """A few states, each driven by its neighbours, with weights of their own: packs of scalar code."""
    n = len(y)
    y = [y[i] for i in range(n)]
    for _ in range(3):
        slope = [(y[(i + 1) % n] - y[i - 2]) * y[i - 1] - np.float64(i + 2) * y[i] for i in range(n)]
        y = [y[i] + 0.1 * np.sin(slope[i]) for i in range(n)]
    return sum(v * v for v in y)


_rng = np.random.default_rng(7)
MATRIX = _rng.normal(size=(5, 5)) + 5 * np.eye(5)
WIDE = _rng.normal(size=(40, 50))
LONG = _rng.normal(size=400)

# name -> (function, arguments); what has a C form
NATIVE = {
    "scalar": (lambda x: x * x + np.sin(x), (2.0,)),
    "float64 scalar": (lambda x: x * x + np.sin(x), (np.float64(2.0),)),
    "float32 scalar": (lambda x: x * np.float32(3) + np.sin(x), (np.float32(2.0),)),
    "branch": (da.grad(lambda x: x * x + 1 if x > 0 else -x), (2.0,)),
    "loop": (da.grad(rosenbrock), (np.linspace(0, 1, 100),)),
    "packs": (da.value_and_grad(ring), (np.array([0.3, -0.5, 1.1, 0.2]),)),
    "packs of three": (da.value_and_grad(ring), (np.array([0.3, -0.5, 1.1]),)),
    "region": (da.value_and_grad(chain), (np.linspace(0, 1, 1000),)),
    "float32": (da.value_and_grad(chain), (np.linspace(0, 1, 1000, dtype=np.float32),)),
    "jacobian": (da.jacobian(lambda x: np.array([x[0] * x[1], np.sin(x[1])])), (np.array([1.0, -1]),)),
    "stores": (da.jacobian(squares), (np.array([1.0, -1, 3]),)),
    "tree": (lambda d: {"a": d["w"] * 2, "b": [d["b"], None, (d["w"].sum(),)], "c": np.arange(3)}, ({"w": WIDE, "b": np.float64(2)},)),
    "where": (da.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), x * 3))), (LONG,)),
    "axes": (lambda x: (x.sum(0), x.max(1), x.prod(0), (x * x).min(0), x.sum(1), x.max()), (_rng.normal(size=(300, 50)),)),
    "long sum": (lambda x: (np.sum(x), np.sum(x[:-1] * x[1:])), (_rng.normal(size=5003),)),
    "strided": (lambda x: (np.sum(x[::-1, ::2] * 2, axis=1), x.T + 1), (WIDE,)),
    "option": (lambda x, n=2, mode="a": x**n, (np.arange(3.0),)),
    "mean": (da.grad(lambda x: np.mean(np.var(x, axis=0))), (WIDE,)),
    "clip": (da.grad(lambda x: np.sum(np.clip(x, -0.5, 0.5) ** 2)), (LONG,)),
    "empty": (lambda x: np.sum(x), (np.zeros(0),)),
    "rounding": (lambda x: (x % 0.3, x // 0.7, np.spacing(x), np.heaviside(x, 0.5), np.logaddexp(x, 1.0)), (LONG,)),
}
# and what calls NumPy
CALLS = {
    "solve": (da.grad(lambda a, b: np.sum(np.linalg.solve(a, b) ** 2)), (MATRIX, np.arange(5.0))),
    "sort": (da.grad(lambda x: np.sum(np.sort(x) * np.arange(400.0))), (LONG,)),
    "argmax": (lambda x: x[np.argmax(x)], (LONG,)),
    "index": (lambda x, i: np.sum(x[i]), (LONG, np.array([1, 2]))),
    "fft": (da.grad(lambda a: np.sum(np.abs(np.fft.fft(a)) ** 2)), (LONG,)),
    "complex": (lambda z: np.exp(z * 2) * np.conj(z), (LONG + 1j,)),
    "svd": (da.grad(lambda x: np.sum(np.linalg.svd(x, compute_uv=False))), (MATRIX,)),
    "cumsum": (da.grad(lambda x: np.sum(np.cumsum(x) ** 2)), (LONG,)),
    "repeated index": (da.grad(lambda x: np.sum(x[[3, 1, 1, 200]] ** 2)), (LONG,)),
}
ALL = NATIVE | CALLS


def record(name):
    function, arguments = ALL[name]
    return da.record(function, *arguments), arguments


def assert_same(got, want, tolerance=0.0):
    """Equal structures, types, shapes, dtypes, and values to `tolerance` (float32: as many ulps)."""
    (a, first), (b, second) = da.tree.flatten(got), da.tree.flatten(want)
    assert first == second
    for x, y in zip(a, b, strict=True):
        assert type(x) is type(y)
        x, y = np.asarray(x), np.asarray(y)
        assert x.dtype == y.dtype
        assert x.shape == y.shape
        scale = tolerance * (2**29 if x.dtype == np.float32 else 1)
        assert np.allclose(x, y, rtol=scale, atol=scale * np.max(np.abs(y), initial=0.0), equal_nan=True)
