"""Exceptions in the middle of a trace, exceptions of NumPy under tracing, and very deep programs."""

import contextlib
import operator

import numpy as np
import pytest
from compare import assert_close
from misuse import EVERY, X3, check_next_call

import dualad as da
from dualad import errors


@pytest.fixture(autouse=True)
def next_call_works():
    """After each test of this file, whatever went wrong in it."""
    yield
    check_next_call()


# ---- exceptions in the middle ---------------------------------------------------------------------------------------
class OwnError(Exception):
    pass


@EVERY
@pytest.mark.parametrize("kind", [OwnError, KeyboardInterrupt, SystemExit, StopIteration, errors.ShapeError])
def test_exceptions_of_the_user_pass_through(run, kind):
    def f(x):
        y = np.sin(x) * x
        raise kind("mine", y.ndim)

    with pytest.raises(kind) as caught:
        run(f, 0.5)
    assert caught.value.args == ("mine", 0)


def test_an_exception_inside_a_nested_transform_can_be_caught_and_survived():
    def bad(y):
        raise OwnError(y * 2)

    def f(x):
        for transform in (da.grad, da.hessian, da.jacobian, lambda g: lambda x: da.jvp(g, (x,), (x,))):
            with contextlib.suppress(OwnError):
                transform(lambda y: np.sin(y * x) * bad(y))(x)
        return x * da.grad(lambda y: y * y * x)(x)

    for g in (da.grad(f), lambda x: da.jvp(f, (x,), (1.0,))[1], da.derivative(f)):
        assert_close(g(2.0), 24.0)
    assert_close(da.grad(da.grad(f))(2.0), 24.0)


def test_an_exception_in_a_rule_during_the_sweep():
    @da.primitive
    def touchy(x):
        return x * 2.0

    def rule(g, ans, x):
        raise OwnError("in the rule")

    touchy.defvjp(rule)
    y, pull = da.vjp(lambda x: np.sin(touchy(x)) * 3.0, 0.5)
    for _ in range(2):
        with pytest.raises(OwnError, match="in the rule"):
            pull(1.0)
    assert_close(y, np.sin(1.0) * 3.0)


RAISES = {
    "broadcast": lambda x: x + np.ones(2),
    "broadcast two": lambda x: x[:2] * x,
    "matmul": lambda x: x @ np.ones((2, 2)),
    "index": lambda x: x[7],
    "negative index": lambda x: x[-4],
    "too many indices": lambda x: x[0, 0],
    "float index": lambda x: x[0.5],
    "mask": lambda x: x[np.array([True, False])],
    "reshape": lambda x: x.reshape(2, 2),
    "np.reshape": lambda x: np.reshape(x, (4,)),
    "axis": lambda x: np.sum(x, axis=1),
    "method axis": lambda x: x.sum(axis=3),
    "truth": lambda x: x if x else 0.0,
    "truth of comparison": lambda x: x if x > 0 else -x,
    "len": lambda x: len(x[0]),
    "iterate a scalar": lambda x: list(x[0]),
    "index a scalar": lambda x: x[0][0],
    "unpack": lambda x: [a for a, b in [x]],
    "concatenate": lambda x: np.concatenate([x, np.ones((2, 2))]),
    "stack": lambda x: np.stack([x, x[:2]]),
    "call": lambda x: x(),
    "add text": lambda x: x + "text",
    "add None": lambda x: x * None,
    "compare None": lambda x: x < None,
    "store": lambda x: operator.setitem(x * 1.0, 7, 1.0),
    "store shape": lambda x: operator.setitem(x * 1.0, slice(0, 2), np.ones(3)),
    "singular": lambda x: np.linalg.inv(np.reshape(np.concatenate([x[:2], x[:2]]), (2, 2))),
    "bad ufunc call": lambda x: np.add(x),
    "bad keyword": lambda x: np.sin(x, nothing=1),
    "einsum": lambda x: np.einsum("ij->i", x),
}


@pytest.mark.parametrize("name", RAISES)
def test_a_traced_function_raises_where_the_plain_one_does(name):
    f = RAISES[name]
    with pytest.raises(Exception) as plain:  # noqa: PT011  (whatever NumPy raises)
        f(X3.copy())
    scalar = lambda x: np.sum(f(x))
    for run in (da.grad(scalar), lambda x: da.jvp(f, (x,), (x,)), da.hessian(scalar)):
        with pytest.raises(Exception) as traced:  # noqa: PT011
            run(X3)
        same = isinstance(traced.value, type(plain.value)) or issubclass(type(plain.value), type(traced.value))
        assert same, f"{type(plain.value)}: {plain.value}\n{type(traced.value)}: {traced.value}"


# ---- depth ----------------------------------------------------------------------------------------------------------
def chain(x, n):
    for _ in range(n):
        x = x * 0.999999 + 1e-6
    return x


def test_a_tape_of_a_million_scalar_nodes():
    n = 500_000
    want = 0.999999**n
    assert_close(da.grad(lambda x: chain(x, n))(0.5), want, rtol=1e-9)
    _, pull = da.vjp(lambda x: chain(x, n), np.float64(0.5))
    assert_close(pull(1.0)[0], want, rtol=1e-9)
    assert_close(pull(2.0)[0], 2 * want, rtol=1e-9)
    del pull  # freeing is iterative


def test_a_deep_tape_of_array_nodes():
    n = 50_000
    _, pull = da.vjp(lambda x: chain(x, n), X3)
    assert_close(pull(np.ones(3))[0], np.full(3, 0.999999**n), rtol=1e-10)
    del pull
    assert_close(da.jvp(lambda x: chain(x, n), (X3,), (X3,))[1], X3 * 0.999999**n, rtol=1e-10)


def test_deep_chains_of_views_and_rules():
    def f(x):
        for _ in range(10_000):
            x = x.reshape(3, 1)[::-1, 0] * 1.0
        return np.sum(x * X3)

    assert_close(da.grad(f)(X3), X3)


def test_deep_higher_order():
    n = 20_000
    f = lambda x: chain(x * x, n)
    want = 2 * 0.999999**n
    for second in (da.grad(da.grad(f)), da.derivative(f, order=2), lambda x: da.jvp(da.grad(f), (x,), (1.0,))[1], da.hessian(f)):
        assert_close(second(0.5), want, rtol=1e-10)


def test_recursive_functions():
    power = lambda x, n: 1.0 if n == 0 else x * power(x, n - 1)
    assert_close(da.grad(lambda x: power(x, 200))(1.01), 200 * 1.01**199, rtol=1e-12)
    forever = lambda x: forever(x * 1.0)
    with pytest.raises(RecursionError):
        da.grad(forever)(1.0)
