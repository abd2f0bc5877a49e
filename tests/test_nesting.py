"""Transforms inside transforms: every mix, closures over several levels, pullbacks that live on."""

import itertools

import mpmath as mp
import numpy as np
import pytest
from compare import assert_close

import dualad as da

forward = lambda f: lambda x: da.jvp(f, (x,), (np.ones(np.shape(x)),))[1]
pulled = lambda f: lambda x: da.vjp(f, x)[1](1.0)[0]
pushed = lambda f: lambda x: da.linearize(f, x)[1](1.0)
MODES = {
    "R": da.grad,
    "F": forward,
    "V": pulled,
    "L": pushed,
    "J": lambda f: da.jacobian(f, mode="forward"),
    "K": lambda f: da.jacobian(f, mode="reverse"),
    "D": da.derivative,
}
SCALAR = {
    "sin(x*x)*exp(x)": lambda m, x: m.sin(x * x) * m.exp(x),
    "x**4": lambda m, x: x**4,
    "quotient": lambda m, x: (1 - x) / (2 + m.cos(x) * x),
    "x**x": lambda m, x: x**x,
    "loop": lambda m, x: sum(m.sin(k * x) / k for k in range(1, 5)),
}


def nested(f, word):
    for mode in word:
        f = MODES[mode](f)
    return f


# ---- mixes ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SCALAR)
def test_every_mix_to_order_3(name):
    f = SCALAR[name]
    want = [float(mp.diff(lambda x: f(mp, x), mp.mpf("0.7"), k)) for k in range(4)]
    for k in (1, 2, 3):
        for word in itertools.product(MODES, repeat=k):
            assert_close(nested(lambda x: f(np, x), word)(0.7), want[k], rtol=1e-12)


@pytest.mark.parametrize("name", SCALAR)
def test_forward_and_reverse_to_order_5(name):
    f = SCALAR[name]
    want = [float(mp.diff(lambda x: f(mp, x), mp.mpf("0.7"), k)) for k in range(6)]
    for k in (4, 5):
        for word in itertools.product("RF", repeat=k):
            assert_close(nested(lambda x: f(np, x), word)(np.float64(0.7)), want[k], rtol=1e-11)
    assert_close(da.derivative(lambda x: f(np, x), order=5)(0.7), want[5], rtol=1e-11)


@pytest.mark.parametrize("word", ["".join(w) for w in itertools.product("RFD", repeat=3)])
def test_closures_over_three_levels(word):
    def tower(m, a, b, c):
        inner = lambda x, u, v: c(lambda w: m.sin(u * v * w) * x * w)(v * u)
        middle = lambda x, u: b(lambda v: v * v * inner(x, u, v))(u * x)
        return lambda x: a(lambda u: u * middle(x, u))(x)

    d = lambda f: lambda x: mp.diff(f, x)
    with mp.workdps(40):
        reference = tower(mp, d, d, d)
        want = [float(reference(mp.mpf("0.6"))), float(mp.diff(reference, mp.mpf("0.6")))]
    got = tower(np, *(MODES[c] for c in word))
    assert_close(got(0.6), want[0], rtol=1e-12)
    for mode in "RFD":
        assert_close(MODES[mode](got)(0.6), want[1], rtol=1e-12)


@pytest.mark.parametrize("a", "RFVLD")
@pytest.mark.parametrize("b", "RFVLD")
def test_perturbations_are_not_confused(a, b):
    outer, inner = MODES[a], MODES[b]
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: x * y)(1.0))(4.0) == 8.0
    assert outer(lambda x: inner(lambda y: x * 1.0)(x))(1.0) == 0.0
    assert outer(lambda x: inner(lambda y: x * x * y * y)(x))(2.0) == 24.0
    assert outer(lambda x: inner(lambda y: y * y)(3.0))(2.0) == 0.0
    assert outer(inner(lambda x: 1.0))(2.0) == 0.0
    assert outer(lambda x: inner(lambda y: inner(lambda z: x * y * z)(y))(x))(3.0) == 1.0


def test_the_same_function_at_two_levels():
    """Levels belong to calls, never to functions (Manzyuk et al. 2019, perturbation confusion in higher-order functions)."""
    shifted = lambda f: lambda x: lambda h: f(x + h)
    for d in (forward, da.grad):
        slope = d(lambda x: shifted(np.exp)(x)(0.5))
        assert_close(d(slope)(1.0), np.exp(1.5), rtol=1e-14)
    square = lambda x: x * x
    assert da.grad(lambda x: da.grad(square)(x) * da.grad(square)(2 * x))(1.5) == 16 * 1.5


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    h = np.diag(-400 * x[:-1], 1) + np.diag(-400 * x[:-1], -1)
    h[np.arange(len(x) - 1), np.arange(len(x) - 1)] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    h[np.arange(1, len(x)), np.arange(1, len(x))] += 200
    return h


def test_all_the_ways_to_a_hessian(rng):
    x, v = rng.standard_normal(5), rng.standard_normal(5)
    want = rosenbrock_hessian(x)
    ways = {
        "hessian": da.hessian(rosenbrock),
        "jacobian of grad": da.jacobian(da.grad(rosenbrock)),
        "jacfwd of jacrev": da.jacobian(da.jacobian(rosenbrock, mode="reverse"), mode="forward"),
        "jacrev of jacfwd": da.jacobian(da.jacobian(rosenbrock, mode="forward"), mode="reverse"),
        "jacfwd of jacfwd": da.jacobian(da.jacobian(rosenbrock, mode="forward"), mode="forward"),
        "rows of hvp": lambda x: np.stack([da.hvp(rosenbrock)(x, e) for e in np.eye(5)]),
        "rows of vhp": lambda x: np.stack([da.vhp(rosenbrock)(x, e) for e in np.eye(5)]),
        "linearize of grad": lambda x: np.stack([da.linearize(da.grad(rosenbrock), x)[1](e) for e in np.eye(5)]),
        "vjp of grad": lambda x: np.stack([da.vjp(da.grad(rosenbrock), x)[1](e)[0] for e in np.eye(5)]),
        "grad of jvp": lambda x: np.stack([da.grad(lambda y, e=e: da.jvp(rosenbrock, (y,), (e,))[1])(x) for e in np.eye(5)]),
        "grad of grad dot": lambda x: np.stack([da.grad(lambda y, e=e: da.grad(rosenbrock)(y) @ e)(x) for e in np.eye(5)]),
        "value_and_jacobian": lambda x: da.value_and_jacobian(da.grad(rosenbrock))(x)[1],
    }
    for name, way in ways.items():
        try:
            assert_close(way(x), want, rtol=1e-13)
            along = da.jvp(way, (x,), (v,))[1]
            third = da.jacobian(da.hessian(rosenbrock))(x)
            assert_close(along, third @ v, rtol=1e-12)
        except AssertionError as e:
            raise AssertionError(f"{name}: {e}") from e


def test_transforms_of_pullbacks(rng):
    """A pullback is a function of the point and of the cotangent, and both may move at once."""
    f = lambda x: np.sin(x[:, None] * x) @ x
    x, u, c, w = (rng.standard_normal(4) for _ in range(4))
    both = lambda x, c: da.vjp(f, x)[1](c)[0]
    first, second = da.jacobian(f)(x), da.jacobian(da.jacobian(f))(x)
    assert_close(da.jvp(both, (x, c), (u, w))[1], c @ (second @ u) + w @ first, rtol=1e-12)
    assert_close(da.grad(lambda c: both(x, c) @ u)(c), first @ u, rtol=1e-12)
    assert_close(da.jacobian(lambda c: both(x, c))(c), first.T, rtol=1e-12)
    assert_close(da.jacobian(both)(x, c), np.einsum("i,ijk->jk", c, second), rtol=1e-12)
    third = da.jvp(lambda x, c: da.jvp(both, (x, c), (u, w))[1], (x, c), (u, w))[1]
    cubic = da.jacobian(da.jacobian(da.jacobian(f)))(x)
    assert_close(third, c @ (cubic @ u @ u) + 2 * (w @ (second @ u)), rtol=1e-11)


def test_an_optimizer_inside_a_gradient():
    """Differentiating through twenty steps of gradient descent (the learning rate's gradient)."""

    def final(rate):
        x = np.array([1.0, -2.0])
        for _ in range(20):
            x = x - rate * da.grad(lambda x: np.sum(np.cosh(x)) + x[0] * x[1])(x)
        return np.sum(x * x)

    h = 1e-5
    differences = (final(0.1 - 2 * h) - 8 * final(0.1 - h) + 8 * final(0.1 + h) - final(0.1 + 2 * h)) / (12 * h)
    assert_close(da.grad(final)(0.1), differences, rtol=1e-8)
    assert_close(da.grad(final)(0.1), da.derivative(final)(0.1), rtol=1e-12)
    assert_close(da.grad(da.grad(final))(0.1), da.derivative(final, order=2)(0.1), rtol=1e-11)


def test_newton_by_hessian_inside_a_jacobian():
    """Implicit function through converged Newton steps: solve x**3 + a*x = b for x, dx/da = -x/(3x**2 + a)."""

    def root(a):
        x = 1.0
        for _ in range(30):
            g = lambda x: x**4 / 4 + a * x**2 / 2 - 2.0 * x
            x = x - da.grad(g)(x) / da.hessian(g)(x)
        return x

    x = root(1.5)
    assert_close(x**3 + 1.5 * x, 2.0)
    for mode in "RFVLJK":
        assert_close(MODES[mode](root)(1.5), -x / (3 * x**2 + 1.5), rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_taylor_in_and_around_other_transforms(order):
    f = lambda x: np.exp(np.sin(x)) / (1 + x * x)
    want = [float(mp.taylor(lambda x: mp.exp(mp.sin(x)) / (1 + x * x), 0.3, order + 1)[k]) for k in range(order + 2)]
    for got, w in zip(da.taylor(f, 0.3, order), want, strict=False):
        assert_close(got, w, rtol=1e-12)
    last = lambda x: da.taylor(f, x, order)[order]
    for mode in "RF":
        assert_close(MODES[mode](last)(0.3), (order + 1) * want[order + 1], rtol=1e-11)
        assert_close(da.taylor(MODES[mode](f), 0.3, order)[order], (order + 1) * want[order + 1], rtol=1e-11)
