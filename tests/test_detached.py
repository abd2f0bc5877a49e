"""Values that leave their trace, or would lose their derivative, or meet a function without rule: right, or an error."""

import copy
import functools
import math
import operator
import pickle
import threading

import numpy as np
import pytest
from compare import assert_close
from misuse import EVERY, TRANSFORMS, X3, check_next_call, refused, right_or_refused
from numpy._core.overrides import array_function_dispatch

import dualad as da
from dualad import errors


@pytest.fixture(autouse=True)
def next_call_works():
    """After each test of this file, whatever went wrong in it."""
    yield
    check_next_call()


# ---- values that leave their trace ----------------------------------------------------------------------------------
USES = {
    "arithmetic": lambda v: v * 2.0,
    "reflected": lambda v: 2.0 - v,
    "ufunc": np.sin,
    "function": np.sum,
    "two of them": lambda v: v + v,
    "matmul": lambda v: v @ X3,
    "index": lambda v: v[0],
    "reshape": lambda v: v.reshape(3, 1),
    "array": lambda v: X3 * v,
    "in a later grad": lambda v: da.grad(lambda x: np.sum(x * v))(X3),
    "as a later result": lambda v: da.grad(lambda x: np.sum(v))(X3),
    "as a later point": lambda v: da.grad(np.sum)(v),
    "in a later jvp": lambda v: da.jvp(lambda x: x * v, (X3,), (X3,)),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("trace", ["grad", "vjp", "jvp", "jacobian", "nested"])
def test_a_traced_value_that_escapes_says_so(trace, use, request):
    kept = []

    def f(x):
        kept.append(x * 1.0)
        return np.sum(x * x)

    if trace == "jvp" and "later" not in request.node.callspec.id:
        return  # a Dual carries its own derivative: it may be kept and computed with, but not enter another transform
    if trace == "nested":
        da.grad(lambda x: da.jvp(f, (x,), (x,))[1])(X3)
    else:
        pull = TRANSFORMS[trace](f, X3) if trace != "vjp" else da.vjp(f, X3)
        assert pull is not None
    with refused(errors.EscapedError, "value"):
        use(kept[0])
    assert isinstance(repr(kept[0]), str)


def keeps_a_node(x):
    kept = []

    def inner(y):
        kept.append(y * x)
        return y * y

    da.grad(inner)(x)
    return kept[0]


def keeps_a_dual(x):
    kept = []

    def inner(y):
        kept.append(y * x)
        return y * y

    da.jvp(inner, (x,), (1.0,))
    return kept[0]


@pytest.mark.parametrize("keep", [keeps_a_node, keeps_a_dual])
def test_an_inner_value_that_escapes_into_the_outer_trace(keep):
    """It is either taken for what it is worth there (y is x, so the result is x**3) or refused."""
    f = lambda x: keep(x) * x
    right_or_refused(f, 2.0, 12.0, (errors.EscapedError,))
    right_or_refused(da.grad(f), 2.0, 12.0, (errors.EscapedError,))
    right_or_refused(lambda x: da.jvp(f, (x,), (1.0,))[1], 2.0, 12.0, (errors.EscapedError,))


def test_recording_from_another_thread():
    def f(x):
        failure = []

        def work():
            try:
                failure.append(x * 2.0)
            except errors.EscapedError as e:
                failure.append(e)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert isinstance(failure[0], errors.EscapedError)
        assert "thread" in str(failure[0])
        return x * 3.0

    assert da.grad(f)(1.0) == 3.0
    assert_close(da.grad(lambda x: np.sum(f(x)))(X3), np.full(3, 3.0))


# ---- values that would lose their derivative ------------------------------------------------------------------------
@EVERY
@pytest.mark.parametrize("convert", [float, complex, np.float64, np.float32, math.sin], ids=lambda c: c.__name__)
def test_conversion_to_a_plain_number(run, convert):
    with refused(errors.DetachedError, "value"):
        run(lambda x: x * convert(x), 0.5)


def test_conversion_of_an_element_and_a_small_array():
    for convert in (lambda x: float(x[0]), lambda x: float(np.sum(x)), lambda x: float(x[:1][0])):
        f = lambda x, convert=convert: convert(x) * x[1]
        for run in (da.grad(f), lambda x, f=f: da.jvp(f, (x,), (x,))):
            with refused(errors.DetachedError, "value"):
                run(X3)


def test_integer_casts_are_steps():
    """Stated: derivative zero, as of floor and round."""
    assert da.grad(lambda x: x * int(x))(2.5) == 2.0
    assert da.jvp(lambda x: x * int(x), (2.5,), (1.0,))[1] == 2.0
    assert_close(da.grad(lambda x: x[1] * math.floor(x[0]) + [1.0, 5.0, 7.0][int(x[2])] * x[0])(X3), np.array([7.0, 0.0, 0.0]))


def test_an_index_must_be_an_integer():
    with pytest.raises(TypeError):
        da.grad(lambda x: [1.0, 2.0][x])(1.0)
    with pytest.raises(TypeError):
        da.grad(lambda x: sum(range(x)) * x)(1.0)
    with pytest.raises(TypeError):
        da.grad(lambda x: operator.index(x) * x)(1.0)


MATH = {
    "sin": math.cos,
    "exp": math.exp,
    "sqrt": lambda x: 0.5 / math.sqrt(x),
    "log": lambda x: 1 / x,
    "tanh": lambda x: 1 / math.cosh(x) ** 2,
}


@pytest.mark.parametrize("name", MATH)
def test_functions_of_math(name):
    right_or_refused(lambda x: getattr(math, name)(x), 0.5, MATH[name](0.5))
    right_or_refused(lambda x: getattr(math, name)(x) * x, 0.5, MATH[name](0.5) * 0.5 + getattr(math, name)(0.5))


def stored(x, buffer):
    buffer[0] = x[1] * x[2]
    buffer[1] = 3.0
    buffer[2] = x[0] ** 2
    return np.sum(buffer * np.array([1.0, 2.0, 3.0]))


STORES = {
    "zeros": lambda x: stored(x, np.zeros(3)),
    "empty": lambda x: stored(x, np.empty(3)),
    "zeros_like": lambda x: stored(x, np.zeros_like(x)),
    "full": lambda x: stored(x, np.full(3, 7.0)),
    "slice": lambda x: _slice_store(x),
    "out": lambda x: np.sum(np.multiply(x, [x[2], x[1], x[0]], out=np.zeros(3))),
    "fill": lambda x: _fill(x),
    "put": lambda x: _put(x),
}
WANT = {
    "slice": np.array([1.0, 2.0, 6.0]),
    "out": np.array([2 * X3[2], 2 * X3[1], 2 * X3[0]]),
    "fill": np.array([0.0, 3.0, 0.0]),
    "put": np.array([1.0, 1.0, 0.0]),
}


def _slice_store(x):
    y = np.zeros(3)
    y[:2] = x[:2]
    y[2] = 2 * x[2]
    return y @ np.array([1.0, 2.0, 3.0])


def _fill(x):
    y = np.zeros(3)
    y.fill(x[1])
    return np.sum(y)


def _put(x):
    y = np.zeros(3)
    np.put(y, [0, 1], x[:2])
    return np.sum(y)


@pytest.mark.parametrize("name", STORES)
def test_stores_into_plain_arrays(name):
    want = WANT.get(name, np.array([6 * X3[0], X3[2], X3[1]]))
    right_or_refused(STORES[name], X3, want, (errors.DetachedError, errors.NoRuleError))


CONVERSIONS = {
    "asarray": lambda x: np.asarray(x),
    "array": lambda x: np.array(x),
    "array of floats": lambda x: np.array([x[0], x[1], x[2]], dtype=float),
    "asarray of floats": lambda x: np.asarray([x[0], x[1], x[2]], dtype=np.float64),
    "array of rows": lambda x: np.array([x[:2], x[1:]])[0, 0] + np.array([x, x])[0],
    "fromiter": lambda x: np.fromiter((v for v in x), float),
    "tolist": lambda x: np.stack([v * 1.0 for v in x.tolist()]),
    "astype object": lambda x: x.astype(object) * 1.0,
    "plain dot": lambda x: np.ones((3, 3)).dot(x),
    "vectorize": lambda x: np.vectorize(lambda v: v * 2.0)(x),
    "copy": lambda x: copy.copy(x) * 1.0,
    "deepcopy": lambda x: copy.deepcopy(x) * 1.0,
    "copy of an array": lambda x: np.copy(x),
    "buffer": lambda x: np.frombuffer(x),
    "memoryview": lambda x: np.asarray(memoryview(x)),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversions_of_arrays(name):
    f = CONVERSIONS[name]
    factor = {"plain dot": np.ones((3, 3)), "vectorize": 2 * np.eye(3)}.get(name, np.eye(3))
    if name == "array of rows":
        factor = np.eye(3) + np.array([[1.0, 0, 0]] * 3)
    kinds = (errors.DetachedError, errors.NoRuleError)
    right_or_refused(f, X3, factor, (*kinds, TypeError) if name in ("buffer", "memoryview") else kinds)


def test_a_refusal_that_user_code_swallows_is_not_a_silent_zero():
    def f(x):
        try:
            return math.sin(x)
        except TypeError:
            return 0.0

    right_or_refused(f, 0.5, math.cos(0.5))


# ---- no rule --------------------------------------------------------------------------------------------------------
@array_function_dispatch(lambda x: (x,))
def mystery(x):
    return np.sin(x)


def test_a_function_without_rule_is_named():
    assert_close(mystery(X3), np.sin(X3))
    scalar = lambda x: np.sum(mystery(x))
    for run in (da.grad(scalar), lambda x: da.jvp(mystery, (x,), (x,)), da.hessian(scalar)):
        with refused(errors.NoRuleError, "mystery", "primitive"):
            run(X3)


def test_a_ufunc_without_rule_is_named():
    unknown = np.frompyfunc(lambda x, y: x + y, 2, 1)
    for run in (da.grad(lambda x: np.sum(unknown(x, 1.0))), lambda x: da.jvp(lambda x: unknown(x, x), (x,), (x,))):
        with refused(errors.NoRuleError, "primitive"):
            run(X3)


def test_unknown_methods_are_attribute_errors():
    for f in (lambda x: x.nothing, lambda x: x.no_such_method()):
        with pytest.raises(AttributeError, match=r"nothing|no_such_method"):
            da.grad(lambda x, f=f: f(x))(X3)
    assert not da.grad(lambda x: 0.0 if not hasattr(x, "nothing") else x)(1.0)


# ---- hashing, pickling ----------------------------------------------------------------------------------------------
@EVERY
def test_traced_values_are_unhashable(run):
    for f in (lambda x: {x: 1.0}[x], lambda x: len({x}) * x, lambda x: hash(x) * x, functools.lru_cache(lambda x: x * 2.0)):
        with refused(errors.UnhashableError, "value"):
            run(f, 0.5)
    with refused(errors.UnhashableError, "cache"):
        run(functools.lru_cache(lambda x: x * 2.0), 0.5)


def test_live_values_cannot_be_pickled():
    def f(x):
        with refused(errors.DualadError, "pickle", "dualad.value"):
            pickle.dumps(x)
        return np.sum(x)

    da.grad(f)(X3)
    da.grad(f)(0.5)
