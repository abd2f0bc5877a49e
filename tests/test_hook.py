"""The hook for unmodified code: what it reaches, what it leaves alone, and that nothing of it stays behind."""

import math
import threading
import tracemalloc
from math import sin
from unittest import mock

import numpy as np
import pytest
from compare import assert_close, assert_identical
from numpy import zeros

import dualad as da
from dualad import errors
from dualad.testing import check_grads

X = np.array([0.5, 1.0, 2.0])


def buffers(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        out[i] = math.sin(x[i]) * (out[i - 1] + 1.0)
    total = np.empty_like(out)
    total[:] = out
    total[1:] += out[:-1] ** 2
    return total


def test_buffers_and_math_in_both_modes_and_to_second_order():
    check_grads(buffers, (X,))
    assert_identical(da.vjp(buffers, X)[0], buffers(X))
    assert_close(da.jacobian(buffers, mode="forward")(X), da.jacobian(buffers, mode="reverse")(X))


@pytest.mark.parametrize("make", [
    lambda v: np.array([v[0], 0.0, v[1]]), lambda v: np.asarray([[v[0], 1.0]])[0], lambda v: np.full(2, v[0]), lambda v: np.eye(2) @ v[:2],
    lambda v: np.vectorize(lambda t: t * t if t > 0.7 else math.exp(t))(v), lambda v: np.linalg.inv(np.array([[v[0], 1.0], [0.0, v[1]]])),
    lambda v: np.array(X) * v, lambda v: np.ones((2, 3)) * v, lambda v: np.ascontiguousarray(v) * 2,
])  # fmt: skip
def test_makers(make):
    def f(v):
        out = make(v)
        b = np.zeros(out.shape)
        b[...] = out
        return b

    check_grads(f, (X,))


@pytest.mark.parametrize("name", sorted(set(dir(math)) & {
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh", "exp", "expm1", "log", "log2", "log10", "log1p",
    "sqrt", "fabs", "degrees", "radians", "erf", "erfc", "gamma", "lgamma", "exp2", "cbrt",
}))  # fmt: skip
def test_math(name):
    function = getattr(math, name)

    def f(x):
        return getattr(math, name)(x)

    assert da.value_and_grad(f)(0.6)[0] == function(0.6)
    check_grads(f, (0.6,))


def test_math_of_several_numbers():
    check_grads(lambda a, b: math.atan2(a, b) * math.pow(a, b) + math.hypot(a, b, 2.0) + math.log(a, b + 3.0), (0.6, 0.9))
    check_grads(lambda a, b: math.fsum([a, b, a * b]) + math.prod([a, b]) + math.dist([a, b], [b, 0.1]) + math.fmod(a, b), (0.6, 0.9))
    check_grads(lambda a: math.gamma(a) * math.lgamma(a), (-1.3,))


def test_math_raises_what_math_raises():
    with pytest.raises(ValueError, match="math domain error"):
        da.grad(lambda x: math.sqrt(x))(-1.0)
    with pytest.raises(OverflowError):
        da.grad(lambda x: math.exp(x))(1e4)
    assert da.grad(lambda x: float(math.floor(2.7)) * x)(2.0) == 2.0


def imported_names(x):
    out = zeros(3)
    out[0] = x[0]
    return out


@pytest.mark.parametrize(("f", "line"), [
    (imported_names, "out[0] = x[0]"), (lambda x: sin(x[0]), "sin(x[0])"), (lambda x: float(x[0]) * 2.0, "float(x[0])"),
])  # fmt: skip
def test_out_of_reach_names_the_line_and_the_change(f, line):
    with pytest.raises(errors.DetachedError) as caught:
        da.vjp(f, X)
    assert line in str(caught.value)
    assert "write np.zeros" in str(caught.value)


def test_a_captured_buffer_is_an_error_not_a_zero():
    captured = X.copy()

    def f(x):
        captured[0] = x[0]
        return np.sum(captured)

    with pytest.raises(errors.DetachedError, match="outside the function"):
        da.grad(f)(X)


def test_a_swallowed_refusal_runs_again():
    def f(x):
        try:
            return math.sin(x)
        except TypeError:
            return 0.0

    assert da.grad(f)(0.5) == math.cos(0.5)


def test_everything_is_put_back():
    before = {name: getattr(np, name) for name in ("zeros", "array", "vectorize")} | {"sin": math.sin}
    da.grad(lambda x: np.sum(buffers(x)))(X)
    with pytest.raises(ZeroDivisionError):
        da.grad(lambda x: math.sin(x) / 0)(1.0)
    assert {name: getattr(np, name) for name in ("zeros", "array", "vectorize")} | {"sin": math.sin} == before


def test_other_threads_see_plain_numpy():
    seen = []

    def f(x):
        y = math.sin(x)
        thread = threading.Thread(target=lambda: seen.append((type(np.zeros(2)), math.sin(0.5))))
        thread.start()
        thread.join()
        return y

    assert da.grad(f)(0.5) == math.cos(0.5)
    assert seen[-1] == (np.ndarray, math.sin(0.5))


def test_a_function_that_needed_the_hook_runs_once_from_then_on():
    count = mock.Mock()

    def f(x):
        count()
        return math.sin(x)

    gradient = da.grad(f)
    gradient(0.5)
    assert count.call_count == 2
    gradient(0.6)
    assert count.call_count == 3


def test_what_is_remembered_is_of_the_users_function():
    def needs(x):
        return math.sin(x[0]) * x[1]

    def needs_not(x):
        return np.sum(np.array([x[0] * x[1], x[1]]))

    for transform in (da.hvp, da.vhp):
        transform(needs)(X, X)
        count = mock.Mock(side_effect=lambda x: np.sum(x**2))
        transform(lambda x, count=count: count(x))(X, X)
        assert count.call_count == 1
        assert_close(transform(needs_not)(X, X), np.array([1.0, 0.5, 0.0]))

    def nothing(x):
        return None

    with pytest.raises(errors.DtypeError, match="nothing returned None"):
        da.hvp(nothing)(X, X)


def test_primitives_see_plain_numpy_inside_the_hook():
    seen = []

    def opaque(x):
        out = np.zeros(2)
        out[:] = x[0] * x[1], math.sin(x[1])
        seen.append(type(out))
        return out

    f = da.from_jacobian(opaque, lambda x: np.array([[x[1], x[0]], [0.0, np.cos(x[1])]]))

    def needs(x):
        return f(x * math.exp(x[0]))

    check_grads(needs, (X[:2],))
    assert set(seen) == {np.ndarray}


def test_arguments_that_the_function_stores_into_are_fresh_in_the_second_run():
    def f(x):
        x[0] = x[0] * 2
        return x[0] + math.sin(x[1])

    assert_close(da.grad(f)(X), np.array([2.0, math.cos(1.0), 0.0]))
    assert_identical(X, np.array([0.5, 1.0, 2.0]))


def test_isinstance_takes_the_branch_of_the_plain_value():
    def f(x):
        assert isinstance(x, np.ndarray)
        assert isinstance(x[0], float)
        assert isinstance(x[0], np.float64)
        return x[0] if np.isscalar(x[0]) else x[1]

    assert_close(da.grad(f)(X), np.array([1.0, 0.0, 0.0]))
    assert isinstance(da.Dual(1.0), da.Dual)
    assert isinstance(da.Dual(1.0), float)


@pytest.mark.parametrize("differentiate", [lambda f, x: da.grad(f)(x), lambda f, x: da.jvp(f, (x,), (np.ones_like(x),))[1]])
def test_n_stores_need_memory_for_n(differentiate):
    def loop(x):
        out = np.zeros(len(x))
        for i in range(1, len(x)):
            out[i] = 0.5 * out[i - 1] + x[i]
        return out[-1]

    peaks = []
    for n in (300, 3000):
        x = np.linspace(0.0, 1.0, n)
        differentiate(loop, x)
        tracemalloc.start()
        differentiate(loop, x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 15 * peaks[0]
