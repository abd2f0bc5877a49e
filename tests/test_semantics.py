"""The decisions about meaning, one test or more each: ties, kinks, zeros, infinities, powers, complex numbers."""

import itertools
import math

import numpy as np
import pytest
from compare import assert_close

import dualad as da

forward = lambda f: lambda x: da.jvp(f, (x,), (np.ones(np.shape(x)),))[1]
reverse = lambda f: lambda x: da.vjp(f, x)[1](np.ones(np.shape(f(x))))[0]
BOTH = pytest.mark.parametrize("d", [forward, reverse], ids=["forward", "reverse"])
INF = np.inf


def gradients(f, x):
    """The gradient by both modes."""
    return da.jacobian(f, mode="forward")(x), da.jacobian(f, mode="reverse")(x)


# ---- ties and kinks -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("f", [np.max, np.min, np.amax, lambda x: x.max(), np.maximum.reduce, lambda x: np.max(x, axis=0)])
def test_tied_extremes_share_equally(f):
    x = np.array([2.0, 2.0, 2.0])
    for g in gradients(f, x):
        assert_close(g, np.full(3, 1 / 3), rtol=1e-15)


def test_ties_among_some():
    for g in gradients(np.max, np.array([3.0, 1.0, 3.0, 2.0])):
        assert_close(g, np.array([0.5, 0.0, 0.5, 0.0]))
    x = np.array([[1.0, 1.0, 0.0], [5.0, 7.0, 7.0]])
    for g in gradients(lambda x: np.max(x, axis=1), x):
        assert_close(g[0, 0], np.array([0.5, 0.5, 0.0]))
        assert_close(g[1, 1], np.array([0.0, 0.5, 0.5]))


def test_builtin_max_min_sorted_follow_their_comparisons():
    point = [2.0, 2.0]
    assert da.grad(lambda x: max(x[0], x[1]))(point) == [1.0, 0.0]
    assert da.grad(lambda x: min(x[0], x[1]))(point) == [1.0, 0.0]
    assert da.grad(lambda x: max(x))([1.0, 3.0, 2.0]) == [0.0, 1.0, 0.0]
    assert da.grad(lambda x: sorted(x)[0] * 2)([3.0, 1.0, 2.0]) == [0.0, 2.0, 0.0]
    assert da.grad(lambda x: sum(x))([3.0, 1.0]) == [1.0, 1.0]
    assert da.grad(lambda x: sum(x) + sorted(x)[-1])(np.array([3.0, 1.0])).tolist() == [2.0, 1.0]


@BOTH
def test_kinks(d):
    assert d(abs)(0.0) == 0.0
    assert d(np.abs)(np.float64(-0.0)) == 0.0
    assert d(lambda x: np.maximum(x, 0.0))(0.0) == 0.5
    assert d(lambda x: max(x, 0.0))(0.0) == 1.0
    assert d(lambda x: max(0.0, x))(0.0) == 0.0
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert_close(d(lambda x: np.clip(x, 0.0, 1.0))(x), np.array([0.0, 1.0, 1.0, 1.0, 0.0]))
    assert_close(d(np.abs)(x), np.sign(x))


@BOTH
def test_second_derivative_at_a_kink_is_that_of_the_chosen_branch(d):
    f = lambda x: x**2 if x > 1.0 else 5.0 * x**3
    assert d(d(f))(1.0) == 30.0
    assert d(d(lambda x: np.where(x > 1.0, x**2, 5.0 * x**3)))(1.0) == 30.0
    assert d(d(lambda x: abs(x) * x))(0.0) == 0.0


@BOTH
def test_steps_have_derivative_zero(d):
    x = np.array([-1.5, 0.0, 0.4, 2.0])
    for f in (np.round, np.rint, np.floor, np.ceil, np.trunc, np.sign, np.fix, lambda x: x // 1.0, lambda x: 1.0 * (x > 0)):
        assert_close(d(f)(x), np.zeros(4))
    for f in (round, math.floor, lambda x: x // 0.3, lambda x: float(x > 0) * 2.0, lambda x: (x > 0) * 1.0, np.sign):
        assert d(lambda x, f=f: f(x) + 0.0 * x)(0.4) == 0.0
    assert d(lambda x: x % 0.3)(1.0) == 1.0
    quotient = lambda x: divmod(x, 0.3)
    assert d(lambda x: quotient(x)[0] + 0 * x)(1.0) == 0.0
    assert d(lambda x: quotient(x)[1])(1.0) == 1.0


@BOTH
def test_comparisons_are_by_value_and_plain(d):
    def f(x):
        assert x == 3.0
        assert x != 2
        assert 2 < x <= 3
        assert isinstance(x > 2, (bool, np.bool_))
        return x * x

    assert d(f)(3.0) == 6.0
    y = np.array([1.0, 2.0])

    def g(x):
        assert isinstance(x > 1.5, np.ndarray)
        assert np.array_equal(x == y, [True, True])
        assert np.argmax(x) == 1
        assert np.isfinite(x).all()
        assert np.all(np.argsort(-x) == [1, 0])
        return x * 2

    assert_close(d(g)(y), np.array([2.0, 2.0]))


# ---- zero times infinity --------------------------------------------------------------------------------------------
@BOTH
def test_a_dead_branch_may_be_infinite(d):
    """No "double where" is needed."""
    x = np.array([0.0, 4.0, -1.0])
    with np.errstate(all="ignore"):
        assert_close(d(lambda x: np.where(x > 0, np.sqrt(x), 0.0))(x), np.array([0.0, 0.25, 0.0]))
        assert_close(d(lambda x: np.where(x > 0, np.log(x), x))(x), np.array([1.0, 0.25, 1.0]))
        assert_close(d(lambda x: np.where(x == 0, 1.0, np.sin(x) / x))(np.array([0.0, 2.0]))[0], 0.0)
        assert_close(d(d(lambda x: np.where(x > 0, np.sqrt(x), 0.0)))(x), np.array([0.0, -1 / 32, 0.0]))
        # whichever way the sweep runs, a zero that arrives at an infinite slope ends there
        assert_close(da.jvp(lambda x: np.log(x * 0.0) + x, (2.0,), (1.0,))[1], 1.0)
        assert_close(da.grad(lambda x: np.sqrt(x) * 0.0)(0.0), 0.0)


def test_independent_arguments_do_not_meet_infinities():
    with np.errstate(all="ignore"):
        for g in gradients(lambda x: np.stack([x[0] * 2.0, np.sqrt(x[1])]), np.array([1.0, 0.0])):
            assert_close(g, np.array([[2.0, 0.0], [0.0, INF]]))
        assert_close(da.jvp(lambda x, y: np.sqrt(x) + y, (0.0, 1.0), (0.0, 1.0))[1], 1.0)


@BOTH
def test_nan_stays_nan(d):
    value, _ = da.jvp(lambda x: x * 0.0, (np.nan,), (1.0,))
    assert math.isnan(value)
    assert math.isnan(da.jvp(lambda x: x * 0.0, (INF,), (1.0,))[0])
    assert math.isnan(d(np.sin)(np.nan))
    assert math.isnan(d(lambda x: x * np.nan)(1.0))


@BOTH
def test_infinite_slopes(d):
    with np.errstate(all="ignore"):
        assert d(np.sqrt)(0.0) == INF
        assert d(np.log)(0.0) == INF
        assert d(lambda x: x**0.5)(0.0) == INF
        assert d(np.cbrt)(0.0) == INF


# ---- norms and angles at the origin ---------------------------------------------------------------------------------
def test_norms_at_zero():
    zero = np.zeros(3)
    for f in (np.linalg.norm, lambda x: np.hypot(x[0], x[1]), lambda x: np.hypot(np.hypot(x[0], x[1]), x[2])):
        for g in gradients(f, zero):
            assert_close(g, zero)
    for g in gradients(lambda x: np.arctan2(x[0], x[1]), zero):
        assert_close(g, zero)
    for g in gradients(np.linalg.norm, np.array([3.0, 0.0, -4.0])):
        assert_close(g, np.array([0.6, 0.0, -0.8]), rtol=1e-15)
    for g in gradients(np.linalg.norm, np.array([3e-200, 4e-200])):
        assert np.all(np.abs(g) <= 1.0)  # NumPy's own value underflows to 0 here
    for g in gradients(lambda x: np.linalg.norm(x, axis=1), np.array([[3.0, 4.0], [0.0, 0.0]])):
        assert_close(g[1], np.zeros((2, 2)))
        assert_close(g[0, 0], np.array([0.6, 0.8]))
    assert da.grad(abs)(0j) == 0


# ---- powers ---------------------------------------------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize("kind", [float, np.float64, lambda v: np.array([v, v])], ids=["float", "float64", "array"])
def test_powers_with_constant_exponent(d, kind):
    for x, n in itertools.product((0.0, -0.0, -2.0, 3.0), (0, 1, 2, 3, 5, 2.0, 3.0, np.int64(2), np.float64(3.0))):
        falling = np.cumprod([float(n), float(n - 1), float(n - 2)])
        order = [c * x ** max(n - k, 0) for k, c in enumerate(falling, 1)]
        f, one = (lambda t, n=n: t**n), np.ones(np.shape(kind(x)))
        for want in order:
            f = d(f)
            assert_close(f(kind(x)), want * one, rtol=1e-14)
        assert_close(d(lambda t, n=n: np.power(t, n))(kind(x)), order[0] * one, rtol=1e-14)
    for x, n in itertools.product((-2.0, 3.0), (-1, -2, -1.0, -3.0)):
        assert_close(d(lambda t, n=n: t**n)(kind(x)), n * x ** (n - 1) * np.ones(np.shape(kind(x))), rtol=1e-14)


@BOTH
def test_powers_with_variable_exponent(d):
    with np.errstate(all="ignore"):
        for y in (0.5, 1.0, 2.0, 3.5):
            assert d(lambda t: 0.0**t)(y) == 0.0
            assert d(lambda t: np.float64(0.0) ** t)(y) == 0.0
            assert d(d(lambda t: 0.0**t))(y) == 0.0
            assert d(lambda t: np.power(0.0, t))(y) == 0.0
        assert d(lambda t: 1.0**t)(2.0) == 0.0
        assert_close(d(lambda t: 2.0**t)(3.0), 8 * np.log(2))
        assert_close(d(lambda t: 2**t)(3.0), 8 * np.log(2))
        assert_close(d(lambda t: t**t)(2.0), 4 * (np.log(2) + 1))
        assert_close(d(lambda t: math.e**t)(1.0), math.e)


def test_second_and_mixed_derivatives_of_powers_at_zero():
    f = lambda p: p[0] ** p[1]
    with np.errstate(all="ignore"):
        assert_close(da.grad(f)(np.array([0.0, 2.0])), np.array([0.0, 0.0]))
        h = da.hessian(f)(np.array([0.0, 3.0]))
        assert_close(h, np.zeros((2, 2)))
        h = da.hessian(f)(np.array([0.0, 2.0]))
        assert h[0, 0] == 2.0
        assert h[1, 1] == 0.0
        assert h[0, 1] == h[1, 0] == 0.0  # d/dx (x**2 log x) -> 0
        assert_close(da.hessian(f)(np.array([2.0, 3.0])), _power_hessian(2.0, 3.0))
        assert_close(da.grad(lambda x: np.sum(x ** np.array([1.0, 2.0, 3.0])))(np.zeros(3)), np.array([1.0, 0.0, 0.0]))
        g = da.grad(lambda x: np.sum(x ** np.array([1, 2, 3])))
        assert_close(g(np.array([-1.0, -2.0, -3.0])), np.array([1.0, -4.0, 27.0]))


def _power_hessian(x, y):
    mixed = x ** (y - 1) * (1 + y * np.log(x))
    return np.array([[y * (y - 1) * x ** (y - 2), mixed], [mixed, x**y * np.log(x) ** 2]])


# ---- the finite derivative wherever there is one --------------------------------------------------------------------
def test_products_with_zeros():
    for x, want in (([0.0, 2.0, 3.0], [6.0, 0.0, 0.0]), ([0.0, 0.0, 3.0], [0.0, 0.0, 0.0]), ([1.0, 2.0, 3.0], [6.0, 3.0, 2.0])):
        for g in gradients(np.prod, np.array(x)):
            assert_close(g, np.array(want))
        for g in gradients(np.multiply.reduce, np.array(x)):
            assert_close(g, np.array(want))
    assert_close(da.hessian(np.prod)(np.array([0.0, 2.0, 3.0])), np.array([[0.0, 3.0, 2.0], [3.0, 0.0, 0.0], [2.0, 0.0, 0.0]]))
    for g in gradients(np.cumprod, np.array([2.0, 0.0, 3.0])):
        assert_close(g, np.array([[1.0, 0, 0], [0, 2.0, 0], [0, 6.0, 0]]))


@BOTH
def test_no_overflow_and_no_cancellation_on_the_way(d):
    with np.errstate(all="ignore"):
        assert d(lambda x: np.logaddexp(x, 0.0))(800.0) == 1.0
        assert_close(d(lambda x: np.logaddexp(x, 0.0))(-800.0 + 100), np.exp(-700.0), rtol=1e-13, atol=0)
        assert_close(d(np.tanh)(20.0), 4 * np.exp(-40.0), rtol=1e-13, atol=0)
        assert_close(d(np.expm1)(1e-18), 1.0)
        assert_close(d(np.log1p)(1e-18), 1.0)
        assert d(np.arctan)(1e200) == 0.0
        assert_close(d(np.arcsinh)(1e200), 1e-200, atol=0)
        assert_close(d(np.sinc)(0.0), 0.0)
        assert_close(d(d(np.sinc))(0.0), -(np.pi**2) / 3)
        assert d(np.i0)(0.0) == 0.0


# ---- complex: steepest descent --------------------------------------------------------------------------------------
def test_the_complex_gradient_is_the_direction_of_steepest_ascent():
    z = 0.6 - 0.8j
    for f, want in (
        (lambda z: np.abs(z) ** 2, 2 * z),
        (np.abs, z / abs(z)),
        (np.real, 1.0),
        (np.imag, 1j),
        (lambda z: np.real(z * z), 2 * np.conj(z)),
        (lambda z: (z * np.conj(z)).real, 2 * z),
        (np.angle, 1j * z / abs(z) ** 2),
        (lambda z: abs(z), z / abs(z)),
    ):
        g = da.grad(f)(z)
        assert_close(complex(g), complex(want))
        for t in (1.0 + 0j, 1j, 0.3 - 0.2j):
            assert_close(da.jvp(f, (z,), (t,))[1], np.real(np.conj(want) * t))
        assert f(z - 1e-3 * g) < f(z)
    assert_close(da.grad(lambda z: z**3 * np.exp(z), holomorphic=True)(z), (3 * z**2 + z**3) * np.exp(z))


def test_real_input_through_complex_numbers():
    f = lambda x: np.abs(np.exp(1j * x) + x) ** 2  # |e^ix + x|^2 = 1 + 2x cos x + x^2
    want = 2 * np.cos(0.7) - 2 * 0.7 * np.sin(0.7) + 2 * 0.7
    for d in (forward, reverse):
        got = d(f)(0.7)
        assert not np.iscomplexobj(got)
        assert_close(got, want, rtol=1e-14)


def test_holomorphic_jacobian():
    z = np.array([0.5 + 1j, -0.3j])
    f = lambda z: np.stack([z[0] * z[1], np.exp(z[0])])
    want = np.array([[z[1], z[0]], [np.exp(z[0]), 0]])
    for mode in ("forward", "reverse"):
        assert_close(da.jacobian(f, mode=mode, holomorphic=True)(z), want)
