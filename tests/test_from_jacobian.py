"""Rules from a Jacobian: opaque functions, second order, several arguments, how often it is evaluated."""

import numpy as np
import pytest

import dualad as da
from dualad.errors import NoRuleError, RuleError
from dualad.testing import check_grads, check_primitive

X = np.array([0.3, -1.2, 0.8])
Y = np.array([1.5, 0.4, -0.7])
A = np.array([[2.0, -1.0, 0.5], [0.3, 1.0, -2.0]])


def opaque_rotate(x):
    """A C library could stand here."""
    return np.array([float(x[0]) * float(x[1]), float(x[1]) ** 2])


def test_a_function_by_its_jacobian():
    f = da.from_jacobian(opaque_rotate, lambda x: np.array([[x[1], x[0]], [0.0, 2 * x[1]]]))
    check_primitive(f, np.array([2.0, 3.0]))  # second order: the Jacobian is plain NumPy
    np.testing.assert_array_equal(da.jacobian(f)(np.array([2.0, 3.0])), [[3.0, 2.0], [0.0, 6.0]])
    assert f.__name__ == "opaque_rotate"


def test_an_opaque_jacobian_gives_first_derivatives_and_a_clear_error_beyond():
    def jac(x):
        a, b = float(x[0]), float(x[1])
        return np.array([[b, a], [0.0, 2 * b]])

    f = da.primitive(opaque_rotate, jacobian=jac)
    x = np.array([2.0, 3.0])
    check_primitive(f, x, order=1)
    with pytest.raises(NoRuleError, match="from_jacobian"):
        da.hessian(lambda x: np.sum(f(x)))(x)
    np.testing.assert_array_equal(da.jacobian(f)(x), [[3.0, 2.0], [0.0, 6.0]])

    second = da.from_jacobian(jac, lambda x: np.array([[[0.0, 1.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 2.0]]]))
    check_grads(da.from_jacobian(opaque_rotate, second), (x,), order=2)


@pytest.mark.parametrize(("x", "y"), [(2.0, 3.0), (X, 3.0), (X, Y)])
def test_jacobians_of_several_arguments(x, y):
    def f(x, y):
        return x * y

    def jac(x, y):
        if np.ndim(x) == 0:
            return y, x
        return np.eye(3) * y, (x if np.ndim(y) == 0 else np.diag(x))

    check_primitive(da.from_jacobian(f, jac), x, y)


def test_a_jacobian_of_matrices():
    b = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.1]])
    f = da.from_jacobian(lambda a: a @ b, lambda a: np.einsum("ik,lj->ijkl", np.eye(2), b))
    check_primitive(f, A)


def test_the_jacobian_is_evaluated_once_per_call():
    calls = []

    def jac(x, y):
        calls.append(1)
        return np.diag(y), np.diag(x)

    f = da.from_jacobian(lambda x, y: x * y, jac)
    da.jacobian(f, argnums=(0, 1), mode="reverse")(X, Y)
    assert len(calls) == 1


def test_the_jacobian_belongs_to_the_recorded_call():
    """A simulator whose settings change between calls: no stale Jacobian."""
    settings = {"k": 1.0}
    f = da.from_jacobian(lambda x: settings["k"] * x, lambda x: settings["k"] * np.eye(3))
    x = np.zeros(3)
    first = da.jacobian(f)(x)
    settings["k"] = 5.0
    np.testing.assert_array_equal(da.jacobian(f)(x), 5 * first)


def test_a_complex_jacobian():
    f = da.from_jacobian(lambda z: z * z, lambda z: np.diag(2 * z))
    check_grads(f, (np.array([1 + 2j, 0.3 - 1j]),), order=2)


def test_a_jacobian_of_wrong_shape():
    f = da.from_jacobian(lambda x: x * x, lambda x: 2 * x)
    with pytest.raises(RuleError, match=r"shape \(3,\), expected \(3, 3\)"):
        da.vjp(f, X)[1](X)
    f = da.from_jacobian(lambda x, y: x * y, lambda x, y: np.diag(y))
    with pytest.raises(RuleError, match="tuple of 2"):
        da.vjp(f, X, Y)[1](X)


def test_a_jacobian_that_hides_its_refusal_does_not_lose_a_derivative():
    """The Jacobian swallows the error that a traced value raises and returns something constant instead."""

    def jac(x):
        try:
            return np.array([[2 * float(x[0])]])
        except TypeError:
            return np.array([[0.0]])

    f = da.from_jacobian(lambda x: x * x, jac)
    np.testing.assert_array_equal(da.jacobian(f)(np.array([3.0])), [[6.0]])
    with pytest.raises(NoRuleError, match="from_jacobian"):
        da.hessian(lambda x: np.sum(f(x)))(np.array([3.0]))
