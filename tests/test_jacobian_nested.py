"""Jacobians that an outer transform differentiates or a program records: forwards, backwards, row by row."""

import numpy as np
import pytest
from compare import assert_close, assert_identical

import dualad as da

T = np.linspace(0.0, 1.0, 7)


def tall(p):
    return p[0] * np.exp(-p[1] * T) + p[2]


def wide(x):
    return np.array([np.sum(x**2), x[0] * x[-1]])


def loop(x):
    out = []
    for i in range(len(x) - 1):
        out.append(x[i] * x[i + 1] + np.sin(x[i]))
    return np.array(out)


CASES = [(tall, np.array([1.0, 2.0, 3.0])), (wide, np.arange(1.0, 60.0)), (loop, np.arange(1.0, 9.0))]


@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
@pytest.mark.parametrize(("f", "x"), CASES, ids=["tall", "wide", "loop"])
def test_compiled(f, x, mode):
    compiled = da.compile(da.jacobian(f, mode=mode))
    for point in (x, x[::-1].copy(), 0.5 * x):
        assert_close(compiled(point), da.jacobian(f)(point), rtol=1e-12, atol=1e-13)
    assert compiled.stats()["recordings"] == 1


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(("f", "x"), CASES[::2], ids=["tall", "loop"])
def test_second_derivatives(f, x, mode):
    twice = da.jacobian(da.jacobian(f, mode=mode))(x)
    for i in range(len(twice)):
        assert_close(twice[i], da.hessian(lambda z, i=i: f(z)[i])(x), rtol=1e-12, atol=1e-13)


def test_trees_numbers_and_several_arguments():
    def f(a, b):
        return {"u": a * b["k"] * T, "v": a}

    j = da.jacobian(f, argnums=(0, 1))
    got, want = da.compile(j)(2.0, {"k": 3.0}), j(2.0, {"k": 3.0})
    assert_close(got["u"][0], want["u"][0], rtol=1e-15, atol=0.0)
    assert_close(got["u"][1]["k"], want["u"][1]["k"], rtol=1e-15, atol=0.0)
    for a, b in zip(got["v"], want["v"]):
        assert_identical(a["k"] if isinstance(a, dict) else a, b["k"] if isinstance(b, dict) else b)


def test_no_inputs():
    assert da.compile(da.jacobian(lambda x: np.ones(3) * np.sum(x)))(np.zeros(0)).shape == (3, 0)


def test_the_auxiliary_data_and_the_value_come_along():
    compiled = da.compile(da.value_and_jacobian(lambda p: (tall(p), p[0]), has_aux=True))
    (value, aux), j = compiled(np.array([1.0, 2.0, 3.0]))
    assert_close(value, tall(np.array([1.0, 2.0, 3.0])), rtol=1e-12, atol=0.0)
    assert aux == 1.0
    assert j.shape == (7, 3)
