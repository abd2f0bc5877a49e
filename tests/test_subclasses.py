"""Arrays of a subclass of np.ndarray: plain arrays where they are nothing more, an error where their arithmetic is their own; never a constant."""

import numpy as np
import pytest

import dualad as da
from dualad import errors


class Named(np.ndarray):
    """As libraries derive arrays to carry a name or a file."""


class Scaled(np.ndarray):
    """With arithmetic of its own, as arrays with units have it."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return NotImplemented


X = np.array([3.0, 4.0])
Y = np.array([1.0, 2.0]).view(Named)
WITH = {
    "x * y": lambda x, y: x * y, "y * x": lambda x, y: y * x, "x - y": lambda x, y: x - y, "y / x": lambda x, y: y / x, "y ** x": lambda x, y: y**x,
    "multiply": np.multiply, "arctan2": np.arctan2, "dot": np.dot, "where": lambda x, y: np.where(y > 1.5, x * x, y * x), "matmul": lambda x, y: x @ y,
    "stack": lambda x, y: np.stack([x, y]) * x, "outer": np.outer, "comparison": lambda x, y: x * (x > y), "index": lambda x, y: x[y > 1.5],
}


@pytest.mark.parametrize("f", WITH.values(), ids=WITH)
@pytest.mark.parametrize("transform", [
    da.jacobian, lambda f: lambda x: da.jvp(f, (x,), (np.ones(2),))[1], lambda f: da.compile(da.jacobian(f)), lambda f: da.jacobian(da.jacobian(f)),
], ids=["reverse", "forward", "compiled", "second order"])
def test_operands(f, transform):
    got, want = (transform(lambda x, y=y: f(x, y))(X) for y in (Y, np.asarray(Y)))
    np.testing.assert_array_equal(got, want)
    assert type(got) is type(want)


def test_arguments():
    np.testing.assert_array_equal(da.grad(lambda x: np.sum(x * x))(Y), 2 * np.asarray(Y))
    np.testing.assert_array_equal(da.jvp(lambda x: x * x, (Y,), (Y,))[1], [2, 8])
    for f in (da.compile(lambda x: 2 * x), da.vectorize(lambda x: 2 * x)):
        for shift in (0, 5):  # the second call replays
            got = f(Y + shift)
            np.testing.assert_array_equal(got, 2 * (np.asarray(Y) + shift))
            assert type(got) is np.ndarray


def test_files_mapped_into_memory(tmp_path):
    mapped = np.memmap(tmp_path / "data", float, "w+", shape=2)
    mapped[:] = 1.0, 2.0
    np.testing.assert_array_equal(da.grad(lambda x: np.sum(mapped * x * x))(X), 2 * np.asarray(mapped) * X)
    np.testing.assert_array_equal(da.grad(lambda x: np.sum(x * x))(mapped), [2, 4])


ODD = [np.ma.array([1.0, 2.0], mask=[0, 1]), np.array([[1.0, 2.0]]).view(np.matrix), np.array([1.0, 2.0]).view(Scaled)]


@pytest.mark.parametrize("odd", ODD, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("use", [
    lambda a: da.grad(lambda x: np.sum(x * x))(a), lambda a: da.grad(lambda x: np.sum(x * a))(X), lambda a: da.grad(lambda x: np.sum(np.multiply(a, x)))(X),
    lambda a: da.compile(lambda x: 2 * x)(a), lambda a: da.vectorize(lambda x: 2 * x)(a),
], ids=["argument", "operator", "ufunc", "compile", "vectorize"])
def test_arithmetic_of_their_own_is_refused(odd, use):
    with pytest.raises((errors.DtypeError, TypeError)):
        use(odd)
