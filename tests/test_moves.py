"""Moves (rearranging, repeating, adding up) are records of the engine: every sweep, every kind of operand, and views that are stored into."""

import numpy as np
import pytest
from compare import assert_close
from rule_checks import array, check, check_same

import dualad as da
from dualad.primitive import Primitive

RNG = np.random.default_rng(11)
MOVES = {
    "reshape": lambda x: np.reshape(x, (3, 2, 2)),
    "reshape_unknown": lambda x: x.reshape(-1, 4),
    "reshape_columns": lambda x: x.reshape((4, 3), order="F"),
    "ravel_columns": lambda x: np.ravel(x, "F"),
    "flatten": lambda x: x.flatten(),
    "T": lambda x: x.T,
    "transpose_axes": lambda x: np.transpose(x.reshape(2, 3, 2), (1, -1, 0)),
    "transpose_method": lambda x: x.reshape(2, 3, 2).transpose(2, 0, 1),
    "swapaxes": lambda x: np.swapaxes(x.reshape(2, 1, 6), -1, 0),
    "moveaxis": lambda x: np.moveaxis(x.reshape(2, 3, 2), 0, -1),
    "expand_dims": lambda x: np.expand_dims(x, (0, -1)),
    "squeeze": lambda x: np.squeeze(x.reshape(3, 1, 4), 1),
    "broadcast": lambda x: np.broadcast_to(x.reshape(3, 1, 4), (2, 3, 2, 4)),
    "broadcast_same": lambda x: np.broadcast_to(x, x.shape),
    "sum": lambda x: np.sum(x),
    "sum_kept": lambda x: np.sum(x, keepdims=True),
    "sum_axis": lambda x: x.sum(axis=0),
    "sum_axes": lambda x: np.sum(x.reshape(2, 3, 2), axis=(2, 0)),
    "sum_axis_kept": lambda x: np.sum(x, axis=-1, keepdims=True),
    "add_reduce": lambda x: np.add.reduce(x, axis=1),
    "sum_of_vector": lambda x: np.sum(x.ravel(), axis=0),
    "mean": lambda x: np.mean(x),
    "mean_axis": lambda x: x.mean(axis=1),
    "mean_axis_kept": lambda x: np.mean(x, axis=0, keepdims=True),
    "mean_axes": lambda x: np.mean(x, axis=(0, 1)),
}
OPERANDS = {
    "plain": array(RNG, 3, 4),
    "columns": np.asfortranarray(array(RNG, 3, 4)),
    "steps": array(RNG, 6, 8)[::2, ::-2],
    "single": array(RNG, 3, 4, kind="f"),
    "complex": array(RNG, 3, 4, kind="D"),
}


@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("move", MOVES)
def test_values_and_derivatives(move, operand):
    f, x = MOVES[move], OPERANDS[operand]
    check_same(f, x)
    check(lambda x: f(x * x) * 1.5, x, order=1 if x.dtype.char == "f" else 2)


@pytest.mark.parametrize("operand", OPERANDS)
def test_orders_that_ask_for_the_layout_in_memory(operand):
    for f in (lambda x: np.reshape(x, (6, 2), "A"), lambda x: np.ravel(x, "K"), lambda x: np.ravel(x.T, "A")):
        check_same(f, OPERANDS[operand])


@pytest.mark.parametrize("move", MOVES)
def test_taylor_and_linearize(move):
    f, x = MOVES[move], OPERANDS["plain"]
    v = array(RNG, 3, 4)
    first, second = da.taylor(lambda x: f(x * x), x, 2, v)[1:]
    y, linear = da.linearize(lambda x: f(np.exp(x)), x)
    assert_close(linear(v), f(np.exp(x) * v))
    assert_close(first, f(2 * x * v))
    assert_close(second, f(v * v))
    assert_close(y, f(np.exp(x)))


@pytest.mark.parametrize("f", [
    lambda x: np.reshape(x, (1, 1)), lambda x: np.broadcast_to(x, (2, 3)), lambda x: np.sum(x) * x, lambda x: np.transpose(x) * x,
    lambda x: np.mean(np.broadcast_to(np.reshape(x, ()), (3,)) ** 2),
])  # fmt: skip
@pytest.mark.parametrize("x", [0.7, np.float64(0.7), np.array(0.7)])
def test_scalars_and_arrays_without_axes(f, x):
    check_same(f, x)
    check(lambda x: f(np.sin(x)), x)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_no_elements(shape):
    x = np.zeros(shape)
    for f in (lambda x: np.sum(x), lambda x: np.sum(x, axis=0), lambda x: x.T, lambda x: np.broadcast_to(x, (2, *shape)), np.ravel):
        check_same(f, x)
        assert da.jacobian(f)(x).shape == f(x).shape + shape
        assert da.jacobian(f, mode="forward")(x).shape == f(x).shape + shape


def test_lanes_of_every_order():
    f = lambda x: np.sum(np.transpose(np.broadcast_to(np.reshape(x, (2, 1, 3)), (2, 2, 3)), (2, 0, 1)) ** 3, axis=(0, 2)) / 4
    x = array(RNG, 6)
    rows = np.repeat(np.eye(2), 3, axis=1) * 1.5
    assert_close(da.jacobian(f)(x), rows * x**2)
    assert_close(da.jacobian(f, mode="forward")(x), rows * x**2)
    assert_close(da.hessian(lambda x: f(x).sum())(x), np.diag(3 * x))
    assert_close(da.jacobian(da.jacobian(f))(x), rows[:, :, None] * np.eye(6) * 2 * x)
    assert_close(da.jacobian(da.jacobian(f, mode="forward"), mode="reverse")(x), rows[:, :, None] * np.eye(6) * 2 * x)


@pytest.mark.parametrize("view", [
    lambda a: np.reshape(a, (2, 3)), lambda a: a.reshape((3, 2), order="F"), lambda a: a.reshape(2, 3).T, lambda a: a[::-1].reshape(3, 2),
    lambda a: np.swapaxes(a.reshape(1, 2, 3), 0, 2), np.flip, lambda a: np.fliplr(a.reshape(2, 3)),
])  # fmt: skip
def test_views_are_stored_into_both_ways(view):
    def f(x):
        a = x * 2.0
        v = view(a)
        v[0] = v[0] ** 2  # reaches a
        a[5] = x[0] * x[1]  # reaches v
        v *= 1.0 + x[2]
        return a + np.sum(v[-1]) * x

    x = array(RNG, 6)
    assert_close(da.jvp(f, (x,), (x,))[0], f(x))
    assert_close(da.vjp(f, x)[0], f(x))
    check(f, x)


def test_a_copy_is_no_view():
    def f(x):
        a = x * 2.0
        v = a.reshape(2, 3)[:, ::2].reshape(4)  # not possible without a copy
        v[0] = x[5]
        return np.concatenate((a, v, x.reshape(2, 3).flatten()))

    x = array(RNG, 6)
    check_same(f, x)
    check(f, x)


def test_a_copy_on_request_is_no_view():
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        pytest.skip("reshape has no copy= yet")

    def f(x):
        a = x * 2.0
        v = np.reshape(a, (2, 3), copy=True)
        v[0] = 0.0
        return a

    check_same(f, array(RNG, 6))


def test_tangents_of_views_survive_stores():
    def f(x):
        a = np.zeros(3) + x
        out = 0.0
        for k in range(3):
            out = out + np.sum(a.reshape(3, 1) * x)
            a[k] = x[k] ** 2
        return out

    check(f, array(RNG, 3))


def failure(call, *args):
    """Type and text of the exception that a call ends with."""
    try:
        call(*args)
    except Exception as e:
        return type(e), str(e)


def test_raises_where_numpy_raises():
    x = np.ones((2, 3))
    for f in (
        lambda x: np.reshape(x, 5), lambda x: np.reshape(x, (2, 3), order="X"), lambda x: np.transpose(x, (0, 0)),
        lambda x: np.transpose(x, (0,)), lambda x: np.swapaxes(x, 0, 2), lambda x: np.broadcast_to(x, (3,)),
        lambda x: np.broadcast_to(x, (2, 4)), lambda x: np.broadcast_to(x, (-1, 3)), lambda x: np.sum(x, axis=2),
        lambda x: np.sum(x, axis=(0, 0)), lambda x: np.mean(x, axis=5),
    ):  # fmt: skip
        assert failure(da.vjp, f, x) == failure(f, x) is not None


def test_warnings_are_those_of_the_value():
    with np.errstate(all="raise"):
        huge = np.full(4, 1e308)
        for f in (np.sum, lambda x: np.sum(x.reshape(2, 2), axis=0)):
            with pytest.raises(FloatingPointError):
                da.vjp(f, huge)
            da.jvp(f, (np.ones(4),), (huge,))  # the tangent overflows without a word
    state = np.geterr()
    da.grad(lambda x: np.sum(np.sort(x)[::-1]))(np.ones(3))
    assert np.geterr() == state


def test_direct_calls_prepare_what_has_to_be():
    """Only arrays go to a primitive without its handler: lists, integers and keywords get there as before."""
    x, whole = array(RNG, 3), np.array([1, 2, 3])
    for f in (
        lambda x: np.dot(x, [1, 2, 3]), lambda x: np.dot(b=x, a=whole), lambda x: np.outer([x[0], 2.0], x), lambda x: np.outer(x, 3.0),
        lambda x: np.linalg.solve(np.diag(whole), x), lambda x: np.linalg.inv(np.diag(x) + np.eye(3, dtype=int)), lambda x: x @ whole,
        lambda x: np.clip(x, None, 0.1), lambda x: np.clip(x, [0, 0, 0], x[::-1]), lambda x: np.dot(x, 2.0),
    ):  # fmt: skip
        check_same(f, x)
        check(f, x)


def test_primitives_are_called_with_plain_functions():
    inner = Primitive("f", np.linalg.inv)
    assert inner.impl is getattr(np.linalg.inv, "_implementation", np.linalg.inv)
    assert repr(inner) == "Primitive('f')"
    pair = Primitive("g", lambda x, y: x * y, (lambda t, ans, x, y: t * y, lambda t, ans, x, y: x * t))
    assert_close(da.jvp(pair, (2.0, 3.0), (1.0, 0.5))[1], 4.0)
