"""Tests that the operation table generates: float32, complex numbers, points where a derivative is a matter of definition."""

import itertools

import exact
import numpy as np
import pytest
from compare import assert_close, assert_identical
from table import BINARY, HOLO, OPS, complex_points, draw, unit

import dualad as da
from dualad import _core


# ---- float32 --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OPS)
def test_float32_stays_float32(name, rng):
    f, arity = getattr(np, name), OPS[name]["arity"]
    out = np.float64 if name == "float_power" else np.float32
    for shape in ((9,), (2, 3), ()):
        args = draw(name, [shape] * arity, rng, np.float32)
        wide = [a.astype(np.float64) for a in args]
        ones = [np.ones(shape, np.float32) for _ in args]
        y, dy = da.jvp(f, args, ones)
        assert_identical(y, f(*args))
        assert np.asarray(dy).dtype == out
        assert_close(dy, da.jvp(f, wide, [o.astype(np.float64) for o in ones])[1], rtol=2e-5, atol=1e-6)
        value, pull = da.vjp(f, *args)
        assert_identical(value, f(*args))
        for got, want in zip(pull(np.ones(shape, out)), da.vjp(f, *wide)[1](np.ones(shape)), strict=True):
            assert np.asarray(got).dtype == np.float32
            assert_close(got, want, rtol=2e-5, atol=1e-6)
        second = da.elementwise_grad(da.elementwise_grad(f))
        assert np.asarray(second(*args)).dtype == np.float32
        assert_close(second(*args), second(*wide), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BINARY)
def test_mixed_precision_follows_numpy(name, rng):
    f = getattr(np, name)
    x, y = draw(name, [(4,), (4,)], rng)
    x32, y32 = x.astype(np.float32), y.astype(np.float32)
    for args in ((x32, y), (x, y32), (x32, float(y[0])), (float(x[0]), y32), (x32, np.float64(y[0]))):
        want = f(*args)
        value, pull = da.vjp(f, *args)
        assert_identical(value, want)
        for a, g in zip(args, pull(np.ones(4, want.dtype)), strict=True):
            assert np.shape(g) == np.shape(a)
            if isinstance(a, np.ndarray):
                assert g.dtype == a.dtype
        dy = da.jvp(f, args, tuple(np.ones(np.shape(a), np.asarray(a).dtype) for a in args))[1]
        assert dy.dtype == want.dtype


# ---- special points of the derivatives ------------------------------------------------------------------------------
INF = np.inf
SPECIAL = {
    "absolute": [((0.0,), (0.0,)), ((-0.0,), (0.0,)), ((INF,), (1.0,)), ((-INF,), (-1.0,))],
    "fabs": [((0.0,), (0.0,))],
    "sqrt": [((0.0,), (INF,)), ((INF,), (0.0,))],
    "cbrt": [((0.0,), (INF,)), ((-8.0,), (1 / 12,)), ((INF,), (0.0,))],
    "square": [((0.0,), (0.0,))],
    "exp": [((INF,), (INF,)), ((-INF,), (0.0,)), ((-745.2,), (0.0,))],
    "exp2": [((-INF,), (0.0,))],
    "expm1": [((-INF,), (0.0,)), ((1e-300,), (1.0,))],
    "log": [((0.0,), (INF,)), ((INF,), (0.0,))],
    "log1p": [((-1.0,), (INF,)), ((1e-300,), (1.0,)), ((INF,), (0.0,))],
    "tanh": [((0.0,), (1.0,)), ((400.0,), (0.0,)), ((INF,), (0.0,)), ((20.0,), (1.6993417021166355e-17,)),
             ((-360.0,), (8.1289232096971726e-313,))],
    "arctan": [((INF,), (0.0,)), ((1e200,), (0.0,))],
    "arcsin": [((1.0,), (INF,)), ((-1.0,), (INF,))],
    "arccos": [((1.0,), (-INF,)), ((-1.0,), (-INF,))],
    "arcsinh": [((1e200,), (1e-200,)), ((INF,), (0.0,))],
    "arccosh": [((1.0,), (INF,)), ((1e200,), (1e-200,)), ((INF,), (0.0,))],
    "arctanh": [((1.0,), (INF,)), ((0.0,), (1.0,))],
    "hypot": [((0.0, 0.0), (0.0, 0.0)), ((3e200, 4e200), (0.6, 0.8)), ((0.0, 2.0), (0.0, 1.0)), ((-3e-200, 4e-200), (-0.6, 0.8))],
    "arctan2": [((0.0, 0.0), (0.0, 0.0)), ((3e200, 4e200), (1.6e-201, -1.2e-201)), ((1.0, 0.0), (0.0, -1.0))],
    "maximum": [((2.0, 2.0), (0.5, 0.5)), ((0.0, -0.0), (0.5, 0.5)), ((INF, INF), (0.5, 0.5)), ((np.nan, 1.0), (1.0, 0.0))],
    "minimum": [((2.0, 2.0), (0.5, 0.5)), ((-INF, -INF), (0.5, 0.5)), ((1.0, np.nan), (0.0, 1.0))],
    "fmax": [((2.0, 2.0), (0.5, 0.5)), ((np.nan, 1.0), (0.0, 1.0)), ((1.0, np.nan), (1.0, 0.0))],
    "fmin": [((2.0, 2.0), (0.5, 0.5)), ((np.nan, 1.0), (0.0, 1.0)), ((1.0, np.nan), (1.0, 0.0))],
    "logaddexp": [((-INF, -INF), (0.5, 0.5)), ((1e3, -1e3), (1.0, 0.0)), ((INF, 0.0), (1.0, 0.0)), ((0.0, -INF), (1.0, 0.0))],
    "logaddexp2": [((-INF, -INF), (0.5, 0.5)), ((3000.0, -3000.0), (1.0, 0.0))],
    "power": [((0.0, 2.0), (0.0, 0.0)), ((0.0, 1.0), (1.0, 0.0)), ((0.0, 0.5), (INF, 0.0)), ((1.0, 0.0), (0.0, 0.0))],
    "divide": [((1.0, INF), (0.0, 0.0)), ((0.0, 3.0), (1 / 3, 0.0))],
    "multiply": [((0.0, INF), (INF, 0.0)), ((0.0, 0.0), (0.0, 0.0))],
    "heaviside": [((0.0, 0.5), (0.0, 1.0)), ((1.0, 0.5), (0.0, 0.0))],
    "copysign": [((0.0, 1.0), (0.0, 0.0)), ((3.0, -0.0), (-1.0, 0.0))],
    "remainder": [((-7.0, 3.0), (1.0, 3.0)), ((7.5, -2.0), (1.0, 4.0))],
    "fmod": [((-7.0, 3.0), (1.0, 2.0))],
}


@pytest.mark.parametrize("name", SPECIAL)
def test_derivatives_at_special_points(name):
    f = getattr(np, name)
    with np.errstate(all="ignore"):
        for args, want in SPECIAL[name]:
            for kind in (np.float64, lambda v: np.array([v, v]), lambda v: np.full((2, 3), v)):
                values = tuple(map(kind, args))
                for i, w in enumerate(want):
                    full = np.full(np.shape(values[0]), w)
                    tangents = tuple(np.full(np.shape(values[0]), float(k == i)) for k in range(len(args)))
                    assert_close(da.jvp(f, values, tangents)[1], full, rtol=1e-14, atol=0)
                    assert_close(da.vjp(f, *values)[1](np.ones_like(full))[i], full, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", OPS)
def test_nan_is_passed_on_and_a_zero_is_strong(name, rng):
    """A NaN primal stays a NaN value; an exactly zero tangent or cotangent contributes zero whatever the partial is."""
    f, arity = getattr(np, name), OPS[name]["arity"]
    with np.errstate(all="ignore"):
        for bad in itertools.product([0.0, np.inf, -np.inf, np.nan, 1.0], repeat=arity):
            for args in (bad, tuple(np.array([b, b]) for b in bad)):
                zeros = tuple(np.zeros(np.shape(a)) for a in args)
                assert_close(da.jvp(f, args, zeros)[1], np.zeros(np.shape(args[0])))
                for g in da.vjp(f, *args)[1](zeros[0]):
                    assert_close(g, np.zeros(np.shape(args[0])))


# ---- complex --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", HOLO)
def test_complex_derivatives(name, rng):
    f, arity = getattr(np, name), OPS[name]["arity"]
    args = complex_points(name, rng, (3,))
    value, pull = da.vjp(f, *args)
    assert_identical(value, f(*args))
    g, t = (rng.standard_normal(3) + 1j * rng.standard_normal(3) for _ in range(2))
    for i in range(arity):
        d = np.array([exact.derivative(name, tuple(map(complex, p)), unit(i, arity)) for p in zip(*args, strict=True)], complex)
        tangents = tuple(t if k == i else 0 * t for k in range(arity))
        assert_close(da.jvp(f, args, tangents)[1], d * t, rtol=1e-12)
        assert_close(pull(g)[i], g * np.conj(d), rtol=1e-12)
        scalars = tuple(complex(a[0]) for a in args)
        assert_close(da.grad(f, i, holomorphic=True)(*scalars), d[0], rtol=1e-12)
        real = lambda *a: np.real(f(*a))
        assert_close(da.grad(real, i)(*scalars), np.conj(d[0]), rtol=1e-12)


@pytest.mark.parametrize("name", HOLO)
def test_complex64_stays_complex64(name, rng):
    if name == "float_power":
        return  # NumPy itself computes it in complex128
    f = getattr(np, name)
    args = [a.astype(np.complex64) for a in complex_points(name, rng, (3,))]
    y, dy = da.jvp(f, args, [np.ones(3, np.complex64)] * len(args))
    assert_identical(y, f(*args))
    assert dy.dtype == np.complex64
    assert all(c.dtype == np.complex64 for c in da.vjp(f, *args)[1](np.ones(3, np.complex64)))


@pytest.mark.parametrize("name", [n for n in HOLO if OPS[n]["arity"] == 2])
def test_real_and_complex_operands_mix(name, rng):
    """A real argument gets a real cotangent, also beside a complex one."""
    f = getattr(np, name)
    a, b = complex_points(name, rng, (3,))
    for args in ((a.real, b), (a, b.real)):
        value, pull = da.vjp(f, *args)
        assert_identical(value, f(*args))
        g = rng.standard_normal(3) + 1j * rng.standard_normal(3)
        for x, c in zip(args, pull(g), strict=True):
            assert c.dtype == x.dtype
        t = [rng.standard_normal(3).astype(x.dtype) for x in args]
        dy = da.jvp(f, args, t)[1]
        left = np.sum(np.real(np.conj(g) * dy))
        right = sum(np.sum(np.real(np.conj(c) * s)) for c, s in zip(pull(g), t, strict=True))
        assert_close(left, right, rtol=1e-12, atol=1e-13)


# ---- strong products ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["smul", "sdiv"])
def test_strong_products(name):
    f = getattr(_core, name)
    plain = (lambda g, p: g * p) if name == "smul" else (lambda g, p: g / p)
    weak = {"smul": [np.inf, np.nan, -np.inf], "sdiv": [0.0, np.nan]}[name]
    for p in weak:
        assert f(0.0, p) == 0.0
        assert_close(f(np.array([0.0, 2.0]), np.array([p, 4.0])), np.array([0.0, plain(2.0, 4.0)]))
        assert_close(da.grad(lambda g, p=p: f(g, 4.0))(0.0), plain(1.0, 4.0))
        assert_close(da.grad(lambda p: f(0.0, p))(p), 0.0)
    assert_close(da.grad(f, argnums=(0, 1))(2.0, 4.0)[0], plain(1.0, 4.0))
    point = np.array([2.0, 4.0])
    assert_close(da.hessian(lambda x: f(x[0], x[1]))(point), da.hessian(lambda x: plain(x[0], x[1]))(point))
