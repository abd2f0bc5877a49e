"""Wrong arguments and results: each gives a defined result or an error that shows the offending thing and what to do."""

import math

import numpy as np
import pytest
from compare import assert_close, assert_identical
from misuse import EVERY, X3, check_next_call, refused, right_or_refused

import dualad as da
from dualad import errors


@pytest.fixture(autouse=True)
def next_call_works():
    """After each test of this file, whatever went wrong in it."""
    yield
    check_next_call()


# ---- what a function returns ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(3,), (2, 2), (0,)])
def test_grad_of_a_function_that_is_not_scalar(shape):
    x = np.ones(shape)
    for transform in (da.grad, da.value_and_grad, da.hessian):
        with refused(errors.ShapeError, str(shape), "jacobian"):
            transform(lambda x: x * 2)(x)
    with refused(errors.ShapeError, str(shape)):
        da.hvp(lambda x: x * 2)(x, x)


def test_grad_of_a_complex_function():
    with refused(errors.DtypeError, "complex", "holomorphic"):
        da.grad(lambda x: x * 1j)(0.5)
    with refused(errors.DtypeError, "complex", "holomorphic"):
        da.grad(lambda z: z * z)(0.5 + 1j)


@EVERY
@pytest.mark.parametrize("result", ["text", None, object(), {1, 2}, b"bytes", lambda: 1], ids=lambda r: type(r).__name__)
def test_results_that_are_not_numbers(run, result):
    with refused((errors.DtypeError, errors.TreeError), type(result).__name__.removesuffix("Type")):
        run(lambda x: result, 0.5)


def test_a_forgotten_return_is_named():
    def forgot(x):
        x * 2

    with refused((errors.DtypeError, errors.TreeError), "None", "return", "forgot"):
        da.grad(forgot)(1.0)


@pytest.mark.parametrize("result", [[1.0, 2.0], (1.0, 2.0), {"a": 1.0}], ids=["list", "tuple", "dict"])
def test_grad_of_a_tree(result):
    for f in (lambda x: result, lambda x: [x, x], lambda x: {"a": x}):
        with refused((errors.TreeError, errors.ShapeError, errors.DtypeError), "jacobian"):
            da.grad(f)(1.0)


@pytest.mark.parametrize("constant", [1.0, 2, True, np.float64(3.0), np.array(1.5)], ids=repr)
def test_constants_have_gradient_zero_of_the_right_shape(constant):
    f = lambda x: constant
    assert da.grad(f)(0.5) == 0.0
    assert_close(da.grad(f)(X3), np.zeros(3))
    assert_close(da.hessian(f)(X3), np.zeros((3, 3)))
    assert_close(da.jacobian(f)(X3), np.zeros(3))
    assert_close(da.jacobian(f, mode="forward")(np.ones((2, 3))), np.zeros((2, 3)))
    assert_close(da.jacobian(lambda x: np.arange(4.0))(X3), np.zeros((4, 3)))
    y, dy = da.jvp(lambda x: np.arange(4.0), (X3,), (X3,))
    assert_close(dy, np.zeros(4))
    assert_close(y, np.arange(4.0))
    assert_close(da.vjp(f, X3)[1](1.0)[0], np.zeros(3))
    gradient = da.grad(f)({"a": X3, "b": [1.0]})
    assert_close(gradient["a"], np.zeros(3))
    assert gradient["b"] == [0.0]
    assert da.derivative(f, order=3)(0.5) == 0.0
    assert_close(da.taylor(f, 0.5, 3)[2], 0.0)
    assert da.value_and_grad(f)(0.5)[0] == constant


def test_integer_results_have_gradient_zero():
    assert_close(da.grad(lambda x: np.argmax(x))(X3), np.zeros(3))
    assert_close(da.grad(lambda x: len(x))(X3), np.zeros(3))
    assert_close(da.grad(lambda x: np.sum(x > 0))(X3), np.zeros(3))


def test_has_aux_needs_a_pair():
    for transform in (da.grad, da.value_and_grad, da.jacobian):
        with pytest.raises(TypeError, match=r"has_aux.*pair"):
            transform(lambda x: x * 2, has_aux=True)(1.0)


# ---- arguments ------------------------------------------------------------------------------------------------------
NOT_NUMBERS = ["text", object(), b"bytes", np.array(["a", "b"]), np.array([1, None]), np.datetime64(1, "s")]


@EVERY
@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda v: type(v).__name__)
def test_points_that_are_not_numbers(run, value):
    with refused((errors.DtypeError, errors.TreeError)):
        run(lambda x: 1.0, value)


def test_none_is_an_empty_tree():
    assert da.grad(lambda x: 1.0)(None) is None
    gradient = da.grad(lambda t: t["a"] ** 2)({"a": 3.0, "b": None})
    assert gradient == {"a": 6.0, "b": None}


def test_the_message_names_the_bad_leaf():
    with refused((errors.DtypeError, errors.TreeError), "str", "text"):
        da.grad(lambda t: t["a"])({"a": 1.0, "b": ["text"]})


@pytest.mark.parametrize("transform", [da.grad, da.jacobian, da.hessian, da.value_and_grad, da.elementwise_grad])
def test_argnums_that_do_not_fit(transform):
    f = lambda x, y: x * y
    for argnums, word in ((2, "2"), (-3, "-3"), ((0, 5), "5")):
        with pytest.raises(TypeError, match=f"argnums={word}.* 2 positional"):
            transform(f, argnums=argnums)(1.0, 2.0)
    for argnums in ("nothing", (0, "nothing")):
        with pytest.raises(TypeError, match=r"'nothing'.*x, y"):
            transform(f, argnums=argnums)(1.0, 2.0)
    for argnums in (1.5, None, (0.5,), {0: 1}, True):
        with pytest.raises(TypeError, match="argnums"):
            transform(f, argnums=argnums)(1.0, 2.0)
    for argnums in ((0, 0), (0, -2), (0, "x")):
        with pytest.raises(TypeError, match="argnums"):
            transform(f, argnums=argnums)(1.0, 2.0)


def test_calls_without_arguments_and_non_functions():
    with pytest.raises(TypeError):
        da.grad(lambda x: x)()
    with pytest.raises(TypeError, match="3"):
        da.grad(3)
    with pytest.raises(TypeError, match="y"):
        da.grad(lambda x, y: x)(1.0)


def test_unknown_modes_and_orders():
    with pytest.raises(ValueError, match=r"sideways.*forward.*reverse") as caught:
        da.jacobian(np.sin, mode="sideways")(X3)
    assert "sideways" in str(caught.value)
    for order in (-1, 1.5, "two"):
        with pytest.raises((ValueError, TypeError), match=str(order)):
            da.derivative(np.sin, order=order)(0.5)
        with pytest.raises((ValueError, TypeError), match=str(order)):
            da.taylor(np.sin, 0.5, order)
    assert da.derivative(np.sin, order=0)(0.5) == np.sin(0.5)


# ---- tangents and cotangents ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("tangent", [np.ones(2), np.ones((3, 1)), 1.0, np.ones((1, 3))], ids=lambda t: str(np.shape(t)))
def test_tangents_of_the_wrong_shape(tangent):
    words = (str(np.shape(tangent)), "(3,)")
    with refused(errors.ShapeError, *words):
        da.jvp(np.sin, (X3,), (tangent,))
    with refused(errors.ShapeError, *words):
        da.linearize(np.sin, X3)[1](tangent)
    with refused(errors.ShapeError, *words):
        da.hvp(lambda x: np.sum(x**3))(X3, tangent)
    with refused(errors.ShapeError, *words):
        da.vhp(lambda x: np.sum(x**3))(X3, tangent)
    with refused(errors.ShapeError, *words):
        da.vjp(np.sin, X3)[1](tangent)


def test_tangents_of_the_wrong_type():
    for bad in ("text", None, object(), np.array(["a", "b", "c"]), [1.0, 2.0, 3.0]):
        with refused((errors.DtypeError, errors.TreeError)):
            da.jvp(np.sin, (X3,), (bad,))
        with refused((errors.DtypeError, errors.TreeError)):
            da.vjp(np.sin, X3)[1](bad)
    with refused(errors.DtypeError, "complex"):
        da.jvp(np.sin, (X3,), (1j * X3,))
    with refused(errors.DtypeError, "complex"):
        da.vjp(np.sin, X3)[1](1j * X3)


def test_tangents_of_the_wrong_number_or_structure():
    f = lambda t: t["a"] * 2
    for bad in ({"b": 1.0}, {"a": 1.0, "b": 1.0}, {}, [1.0], 1.0, {"a": [1.0]}):
        with refused((errors.TreeError, errors.ShapeError, errors.DtypeError)):
            da.jvp(f, ({"a": 1.0},), (bad,))
    for bad in (lambda: da.jvp(lambda x, y: x, (1.0, 2.0), (1.0,)), lambda: da.jvp(lambda x: x, 1.0, 1.0)):
        with pytest.raises((TypeError, ValueError), match=r"tangent|tuple"):
            bad()
    with pytest.raises((TypeError, ValueError), match="tangent"):
        da.linearize(lambda x, y: x, 1.0, 2.0)[1](1.0)
    pull = da.vjp(lambda x: {"y": x, "z": (x,)}, 1.0)[1]
    for bad in (1.0, {"y": 1.0}, {"y": 1.0, "z": 1.0}, {"y": 1.0, "z": (1.0, 2.0)}):
        with refused((errors.TreeError, errors.ShapeError, errors.DtypeError)):
            pull(bad)


def test_duals_by_hand_are_checked():
    with refused(errors.ShapeError, "(3,)", "(2,)"):
        da.Dual(X3, np.ones(2))
    with refused(errors.ShapeError):
        da.Dual(X3, 1.0)
    with refused(errors.DtypeError):
        da.Dual("text", 1.0)
    assert da.Dual(1.0).tangent == 0.0


# ---- numbers that are not ordinary ----------------------------------------------------------------------------------
@EVERY
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_defined(run, value):
    run(lambda x: x * x + np.tanh(x), value)
    f = lambda x: np.maximum(x, 0.0) * 2.0
    assert_identical(np.float64(da.jvp(f, (np.float64(value),), (1.0,))[0]), np.float64(f(np.float64(value))))


def test_nan_in_one_element_stays_there():
    x = np.array([1.0, np.nan, 2.0])
    g = da.grad(lambda x: np.sum(np.sin(x) * x))(x)
    assert_close(g, np.cos(x) * x + np.sin(x))
    assert np.isnan(g[1])


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.clongdouble])
def test_rare_precisions(dtype):
    """Half and extended precision either work in their own precision or are refused by name."""
    if np.dtype(dtype) in (np.dtype(np.float64), np.dtype(np.complex128)):
        return  # a platform without extended precision
    x = np.array([0.5, 1.5], dtype)
    refusal = None
    try:
        g = da.grad(lambda x: np.sum(np.real(x * x)))(x)
    except errors.DtypeError as e:
        refusal = e
    if refusal is not None:
        assert np.dtype(dtype).name in str(refusal)
    else:
        assert g.dtype == x.dtype
        assert_close(g, 2 * x, rtol=1e-3 if dtype is np.float16 else 1e-14)


def test_subclasses_of_arrays():
    masked = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
    right_or_refused(lambda x: x * x, masked, np.diag([2.0, 0.0, 6.0]), (errors.DtypeError,))
    right_or_refused(lambda x: np.sum(x * masked), X3, np.array([1.0, 0.0, 3.0]), (errors.DtypeError, errors.NoRuleError))


def test_empty_arrays():
    x = np.zeros(0)
    assert_close(da.grad(lambda x: np.sum(x * x))(x), x)
    assert_close(da.jacobian(lambda x: np.sin(x))(x), np.zeros((0, 0)))
    assert_close(da.jvp(lambda x: x * 2, (x,), (x,))[1], x)
    assert da.grad(lambda t: np.sum(t["a"]))({"a": x})["a"].shape == (0,)
    assert da.grad(lambda t: 1.0)({}) == {}
    assert da.grad(lambda t: 1.0)([]) == []
