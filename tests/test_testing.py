"""`check_grads` and `check_primitive`: what they accept and what they say. The wrong rules are in test_mutants.py."""

import math
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import dualad as da
from dualad._differences import directional
from dualad.testing import check_grads, check_primitive

X = np.array([0.3, -1.2, 0.8])


def wrong(k, factor=2.0):
    """Identity whose derivative is off in entry `k`."""

    @da.primitive
    def off(x):
        return x + 0.0

    def scale(t, ans, x):
        return t * np.where(np.arange(x.size).reshape(x.shape) == k, factor, 1.0)

    off.defjvp(scale)
    off.defvjp(scale)
    return off


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda x: np.sin(x) * x, (X,)),
        (lambda x: np.sum(x**2), (X,)),
        (lambda x, y: x * y + y, (X, 2.0)),
        (lambda x: x * x * x, (1.5,)),
        (lambda x: x * x, (np.float32(1.5),)),
        (lambda x: np.exp(x), (X.astype(np.float32),)),
        (lambda z: z * z + np.conj(z), (np.array([1 + 2j, 0.5 - 1j]),)),
        (lambda z: np.abs(z) ** 2, (1.0 + 2.0j,)),
        (lambda x: x + 1j * x**2, (X,)),
        (lambda x: np.log(x), (np.array([1e-7, 1.0, 1e7]),)),
        (lambda x, n: x**n, (X, 3)),
        (lambda x: (x, {"a": np.sum(x), "n": 3}), (X,)),
    ],
)
def test_right_derivatives_pass(f, args):
    check_grads(f, args)


def test_a_single_argument_needs_no_tuple():
    check_grads(lambda x: x * x, X)
    check_grads(lambda p: p["a"] * p["b"][0], {"a": X, "b": [2.0, "a label"]})


Pair = namedtuple("Pair", "left right")


@dataclass
class Net:
    weights: np.ndarray
    bias: float


def test_trees_in_and_out():
    check_grads(lambda p: Pair(p.left * 2, p.right * p.left), (Pair(X, 3.0),))
    check_grads(lambda net, x: {"y": net.weights @ x + net.bias}, (Net(np.ones((2, 3)), 0.5), X))


def test_third_order():
    check_grads(lambda x: np.sum(np.sin(x) * x), (X,), order=3)


def test_large_arguments_are_searched_for_the_entry():
    x = np.linspace(-1, 1, 400).reshape(20, 20)
    with pytest.raises(AssertionError, match=r"result\[3, 7\] with respect to args\[0\]\[3, 7\]"):
        check_grads(wrong(67), (x,), order=1, modes=("fwd",))
    with pytest.raises(AssertionError, match=r"result\[3, 7\] with respect to args\[0\]\[3, 7\]"):
        check_grads(wrong(67), (x,), order=1, modes=("rev",))


@pytest.mark.parametrize(("mode", "name"), [("fwd", "forward"), ("rev", "reverse")])
def test_the_message_names_mode_entry_and_numbers(mode, name):
    def f(p):
        return {"y": wrong(1)(p["w"])}

    with pytest.raises(AssertionError) as caught:
        check_grads(f, ({"w": X},), modes=(mode,))
    text = str(caught.value)
    for part in (f"order 1, {name}", "result['y'][1]", "args[0]['w'][1]", "expected 1", "got 2", "got / expected = 2", "step"):
        assert part in text, text


def test_the_message_names_the_part_of_a_complex_number():
    @da.primitive
    def off(z):
        return z * 1.0

    off.defjvp(lambda t, ans, z: np.real(t) + 0.5j * np.imag(t))
    with pytest.raises(AssertionError, match=r"imaginary part of args\[0\]\[0\]"):
        check_grads(off, (np.array([1.0 + 1.0j]),), order=1, modes=("fwd",))


def test_the_message_of_second_order_names_both_modes():
    @da.primitive
    def cube(x):
        return x**3

    cube.defjvp(lambda t, ans, x: t * 3 * da.value(x) ** 2)
    cube.defvjp(lambda g, ans, x: g * 3 * x**2)
    with pytest.raises(AssertionError, match=r"order 2, (forward|reverse) over forward"):
        check_grads(cube, (1.5,))


def test_where_no_derivative_exists_the_differences_do_not_settle():
    for f in (np.floor, np.sqrt):
        with pytest.raises(AssertionError, match="differentiable at this point"):
            check_grads(f, (np.array([2.5, 0.0]),), order=1)


def test_at_a_kink_the_mean_of_both_sides_is_expected():
    check_grads(lambda x: np.maximum(x, 0.0), (np.array([1.0, 0.0]),), order=1)
    check_grads(np.abs, (np.array([0.0]),), order=1)


def test_a_tolerance_can_be_given():
    nearly = wrong(0, 1.0 + 1e-4)
    with pytest.raises(AssertionError):
        check_grads(nearly, (X,), order=1)
    check_grads(nearly, (X,), order=1, rtol=1e-3)
    check_grads(nearly, (X,), order=1, atol=1e-3)


def test_small_functions_are_not_excused_by_an_absolute_tolerance():
    off = wrong(0)
    with pytest.raises(AssertionError):
        check_grads(lambda x: 1e-12 * off(x), (X,), order=1)


def test_bad_calls():
    with pytest.raises(ValueError, match="modes"):
        check_grads(lambda x: x, (X,), modes=("both",))
    with pytest.raises(ValueError, match="order"):
        check_grads(lambda x: x, (X,), order=0)
    with pytest.raises(TypeError, match="floating"):
        check_grads(lambda n: n, (3,))


def test_check_primitive_on_numpy_functions():
    check_primitive(np.cumsum, np.array([[1.0, 2.0, 0.5], [3.0, 4.0, -1.0]]), axis=1)
    check_primitive(np.matmul, np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4))
    check_primitive(np.multiply, X, 2.0)


def test_differences_near_a_boundary_and_on_small_scales():
    one = np.ones(1)
    cases = [
        (lambda x: np.array([math.log(x[0])]), 1e-8, 1e8),
        (lambda x: np.array([math.sqrt(x[0])]), 1e-4, 50.0),
        (np.abs, 1e-2, 1.0),
        (lambda x: np.sin(100 * x), 0.3, 100 * math.cos(30)),
        (lambda x: 1e-20 * x**2, 1.0, 2e-20),
        (lambda x: x**2, 1e6, 2e6),
    ]
    for f, x, expected in cases:
        found = directional(f, np.array([x]), one)
        np.testing.assert_allclose(found.derivative, expected, rtol=1e-9)
        assert found.error[0] <= 1e-8 * abs(expected)


def test_differences_say_when_they_fail():
    found = directional(lambda x: np.array([math.sqrt(x[0])]), np.zeros(1), np.ones(1))
    assert np.isinf(found.error[0])
