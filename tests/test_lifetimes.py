"""How long things live: pullbacks that outlive, interleave and move to other threads; and that nothing is left behind."""

import contextlib
import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import mpmath as mp
import numpy as np
from compare import assert_close

import dualad as da

forward = lambda f: lambda x: da.jvp(f, (x,), (np.ones(np.shape(x)),))[1]
MODES = {
    "R": da.grad,
    "F": forward,
    "V": lambda f: lambda x: da.vjp(f, x)[1](1.0)[0],
    "L": lambda f: lambda x: da.linearize(f, x)[1](1.0),
}


def nested(f, word):
    for mode in word:
        f = MODES[mode](f)
    return f


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_pullbacks_outlive_and_interleave(rng):
    pulls = []
    for k in range(5):
        x = rng.standard_normal(3)
        pulls.append((da.vjp(lambda x, k=k: np.sin(k * x) * x[0], x)[1], da.jacobian(lambda x, k=k: np.sin(k * x) * x[0])(x)))
    c = rng.standard_normal(3)
    for i in (3, 0, 4, 1, 0, 2, 3):
        pull, jac = pulls[i]
        assert_close(pull(c)[0], c @ jac, rtol=1e-14)
    del pulls[1:4]
    assert_close(pulls[1][0](c)[0], c @ pulls[1][1], rtol=1e-14)


def test_a_pullback_inside_an_unrelated_recording():
    _, pull = da.vjp(lambda x: np.sin(x) * x, 0.7)
    slope = np.cos(0.7) * 0.7 + np.sin(0.7)
    assert_close(da.grad(lambda z: pull(z)[0] * z)(3.0), 2 * 3.0 * slope, rtol=1e-14)
    assert_close(da.derivative(lambda z: pull(z)[0] * z, order=2)(3.0), 2 * slope, rtol=1e-14)
    assert_close(da.grad(lambda z: pull(1.0)[0] * z)(3.0), slope, rtol=1e-14)
    assert_close(pull(1.0)[0], slope, rtol=1e-14)


def test_pullbacks_made_inside_a_trace_and_used_in_it():
    def f(x):
        y, one = da.vjp(lambda t: t * t * x, x)
        z, two = da.vjp(lambda t: np.sin(t) * y, x)
        return one(two(1.0)[0])[0] + two(one(x)[0])[0] * z

    def by_hand(m, x):
        one = lambda c: 2 * x * x * c
        two = lambda c: m.cos(x) * x**3 * c
        return one(two(1)) + two(one(x)) * m.sin(x) * x**3

    want = [float(mp.diff(lambda x: by_hand(mp, x), mp.mpf("0.8"), k)) for k in range(4)]
    assert_close(f(0.8), want[0], rtol=1e-14)
    for k in (1, 2, 3):
        for word in itertools.product("RFVL", repeat=k):
            assert_close(nested(f, word)(0.8), want[k], rtol=1e-12)


def test_a_linearized_function_may_be_called_again_and_again(rng):
    x = rng.standard_normal(4)
    f = lambda x: np.exp(x) * x[::-1]
    y, linear = da.linearize(f, x)
    assert_close(y, f(x))
    jac = da.jacobian(f)(x)
    for _ in range(3):
        v = rng.standard_normal(4)
        assert_close(linear(v), jac @ v, rtol=1e-13)
    assert_close(da.grad(lambda v: np.sum(linear(v) ** 2))(x), 2 * jac.T @ (jac @ x), rtol=1e-13)


def test_a_pullback_on_another_thread(rng):
    x, c = rng.standard_normal(50), rng.standard_normal(50)
    f = lambda x: np.cumsum(np.sin(x)) * x
    _, pull = da.vjp(f, x)
    want = pull(c)[0]
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: pull(c)[0], range(16)):
            assert np.array_equal(got, want)


def test_transforms_in_many_threads_at_once(rng):
    points = rng.standard_normal((24, 6))
    want = [da.hessian(rosenbrock)(x) for x in points]
    start = threading.Barrier(4)

    def work(k):
        start.wait()
        return [da.hessian(rosenbrock)(x) for x in points[k::4]]

    with ThreadPoolExecutor(4) as pool:
        for k, results in enumerate(pool.map(work, range(4))):
            for got, w in zip(results, want[k::4], strict=True):
                assert np.array_equal(got, w)


def test_nothing_is_left_to_the_garbage_collector(no_garbage, rng):
    x = np.linspace(0.1, 1.0, 5)
    energy = lambda x: np.sum(np.sin(x) * x[::-1]) + (x @ x) ** 2
    for transform in (da.grad, da.hessian, da.value_and_grad, da.jacobian, da.value_and_jacobian):
        transform(energy)(x)
    da.jvp(energy, (x,), (x,))
    y, pull = da.vjp(energy, x)
    pull(1.0)
    da.linearize(energy, x)[1](x)
    da.hvp(energy)(x, x)
    da.vhp(energy)(x, x)
    da.grad(lambda t: da.jvp(energy, (t,), (x,))[1])(x)
    da.derivative(lambda t: np.exp(t) * t, order=4)(0.3)
    da.taylor(np.sin, 0.3, 5)
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError):
            da.grad(fails_midway)(x)
    del y, pull


def fails_midway(x):
    return np.sum(np.sin(x)) * (1 // 0)


def test_references_are_given_back(rng):
    """The tape holds operands only as long as somebody can still sweep it."""
    x, constant = rng.standard_normal(4), rng.standard_normal(4)
    f = lambda x: np.sum(np.sin(x * constant) @ constant)
    before = sys.getrefcount(x), sys.getrefcount(constant)
    for transform in (da.grad, da.hessian, da.value_and_grad, lambda f: da.jacobian(da.grad(f), mode="reverse")):
        transform(f)(x)
        assert (sys.getrefcount(x), sys.getrefcount(constant)) == before
    pull = da.vjp(f, x)[1]
    pull(1.0)
    del pull
    assert (sys.getrefcount(x), sys.getrefcount(constant)) == before
