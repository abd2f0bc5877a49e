"""Deliberately wrong derivative rules: `check_grads` and `check_primitive` must catch every one, and pass the right ones."""

import numpy as np
import pytest

import dualad as da
from dualad.primitive import Primitive
from dualad.testing import check_grads, check_primitive

X = np.array([[0.3, -1.2, 0.8], [1.1, 0.4, -0.6]])
Y = np.array([0.7, -0.5, 1.3])


def scaled(jvp, vjp, **options):
    """x * y with broadcasting of y."""
    return Primitive("scaled", lambda x, y: x * y, jvp, vjp, **options)


def right_jvp(i, t, ans, x, y):
    return t * y if i == 0 else x * t if np.ndim(t) == np.ndim(y) else x * t[:, None, :]


def right_vjp(i, g, ans, x, y):
    return g * y if i == 0 else np.sum(g * x, axis=-2)


WRONG_JVP = {
    "sign": lambda i, t, ans, x, y: -right_jvp(i, t, ans, x, y),
    "factor": lambda i, t, ans, x, y: 2.0 * right_jvp(i, t, ans, x, y) if i == 1 else right_jvp(i, t, ans, x, y),
    "operand": lambda i, t, ans, x, y: t * x if i == 0 else right_jvp(i, t, ans, x, y),
    "constant": lambda i, t, ans, x, y: right_jvp(i, t, ans, x, y) * 1.0001,
    "one entry": lambda i, t, ans, x, y: right_jvp(i, t, ans, x, y) * np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]),
    "zero": lambda i, t, ans, x, y: 0.0 * right_jvp(i, t, ans, x, y),
    "not linear": lambda i, t, ans, x, y: right_jvp(i, t, ans, x, y) * np.abs(t),
    "seed axis": lambda i, t, ans, x, y: t * y if i == 0 else x * t if np.ndim(t) == 1 else right_jvp(i, t, ans, x, y)[::-1],
}
WRONG_VJP = {
    "sign": lambda i, g, ans, x, y: -right_vjp(i, g, ans, x, y),
    "factor": lambda i, g, ans, x, y: 0.5 * right_vjp(i, g, ans, x, y) if i == 1 else right_vjp(i, g, ans, x, y),
    "operand": lambda i, g, ans, x, y: g * x if i == 0 else right_vjp(i, g, ans, x, y),
    "constant": lambda i, g, ans, x, y: right_vjp(i, g, ans, x, y) * 0.9999,
    "no unbroadcast": lambda i, g, ans, x, y: right_vjp(i, g, ans, x, y) if i == 0 else g * x,
    "half unbroadcast": lambda i, g, ans, x, y: g * y if i == 0 else (g * x)[..., 0, :],
    "seed axis": lambda i, g, ans, x, y: g * y if i == 0 else np.sum(g * x, axis=-2) if np.ndim(g) == 2 else (g * x)[:, 0],
    "fixed axis": lambda i, g, ans, x, y: g * y if i == 0 else np.sum(g * x, axis=0),
    "zero": lambda i, g, ans, x, y: 0.0 * right_vjp(i, g, ans, x, y),
    "swapped": lambda i, g, ans, x, y: g * y if i == 0 else right_vjp(i, g, ans, x, y)[..., ::-1],
}


def test_the_right_rules_pass():
    p = scaled(right_jvp, right_vjp)
    check_primitive(p, X, Y)
    check_grads(p, (X, Y), order=3)


@pytest.mark.parametrize("name", WRONG_JVP)
def test_a_wrong_jvp_is_caught(name):
    with pytest.raises((AssertionError, da.errors.RuleError)):
        check_primitive(scaled(WRONG_JVP[name], right_vjp), X, Y)


@pytest.mark.parametrize("name", WRONG_VJP)
def test_a_wrong_vjp_is_caught(name):
    with pytest.raises((AssertionError, da.errors.RuleError)):
        check_primitive(scaled(right_jvp, WRONG_VJP[name]), X, Y)


@pytest.mark.parametrize("name", sorted(set(WRONG_JVP) - {"seed axis"}))
def test_check_grads_alone_catches_a_wrong_jvp(name):
    with pytest.raises((AssertionError, da.errors.RuleError)):
        check_grads(scaled(WRONG_JVP[name], right_vjp, looped=True), (X, Y), order=1)


@pytest.mark.parametrize("name", sorted(set(WRONG_VJP) - {"seed axis", "fixed axis"}))
def test_check_grads_alone_catches_a_wrong_vjp(name):
    with pytest.raises((AssertionError, da.errors.RuleError)):
        check_grads(scaled(right_jvp, WRONG_VJP[name], looped=True), (X, Y), order=1, modes=("rev",))


def test_a_wrong_second_derivative_is_caught():
    """The first derivative is right, but the rule hides its dependence on x."""

    def rule(i, seed, ans, x):
        return 3 * seed * da.value(x) ** 2

    cube = Primitive("cube", lambda x: x**3, rule, rule)
    check_grads(cube, (X,), order=1)
    with pytest.raises(AssertionError, match="order 2"):
        check_grads(cube, (X,), order=2)


def test_a_wrong_conjugate_is_caught():
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    good = Primitive("sq", lambda z: z * z, lambda i, t, ans, z: 2 * t * z, lambda i, g, ans, z: 2 * g * np.conj(z))
    check_grads(good, (z,))
    bad = Primitive("sq", lambda z: z * z, lambda i, t, ans, z: 2 * t * z, lambda i, g, ans, z: 2 * g * z)
    with pytest.raises(AssertionError):
        check_grads(bad, (z,), order=1)


def test_a_value_that_changes_under_tracing_is_caught():
    def f(x):
        return x * 1.0000001 if da.is_traced(x) else x

    with pytest.raises(AssertionError, match="another value"):
        check_grads(f, (X,))


def test_a_lost_dtype_is_caught():
    p = Primitive("double", lambda x: 2 * x, lambda i, t, ans, x: 2 * t, lambda i, g, ans, x: 2 * g)
    check_primitive(p, X)

    def upcast(x):
        return x.astype(np.float64) if x.dtype == np.float32 and da.is_traced(x) else x

    with pytest.raises(AssertionError):
        check_primitive(upcast, X)
