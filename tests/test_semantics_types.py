"""The decisions about types, shapes, memory and exceptions, one test or more each."""

import itertools
import math
import operator

import numpy as np
import pytest
from compare import assert_close, assert_identical
from program_checks import assert_same

import dualad as da

forward = lambda f: lambda x: da.jvp(f, (x,), (np.ones(np.shape(x)),))[1]


def gradients(f, x):
    """The gradient by both modes."""
    return da.jacobian(f, mode="forward")(x), da.jacobian(f, mode="reverse")(x)


# ---- dtypes ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_floats_keep_their_precision(dtype, rng):
    x = rng.standard_normal(3).astype(dtype)
    f = lambda x: np.sum(np.sin(x) * 2.5 + x[0] / 3 - x**2 + np.maximum(x, 0)) * 0.5
    assert da.value_and_grad(f)(x)[0].dtype == dtype
    for made in (da.grad(f), da.jacobian(f), da.hessian(f), da.jacobian(lambda x: x * 2, mode="forward")):
        assert made(x).dtype == dtype
    assert da.hvp(f)(x, x).dtype == dtype
    y, dy = da.jvp(f, (x,), (x,))
    assert y.dtype == dy.dtype == dtype
    assert da.grad(lambda s: s * s * 0.5)(dtype(1.5)).dtype == dtype
    assert da.derivative(lambda s: np.sin(s) * 2.0)(dtype(1.5)).dtype == dtype
    assert da.grad(lambda x: np.mean(x @ x.reshape(3, 1)) + np.var(x) + np.linalg.norm(x))(x).dtype == dtype


def test_mixed_precision_gradients_have_the_dtype_of_their_argument(rng):
    a, b = rng.standard_normal(3).astype(np.float32), rng.standard_normal(3)
    ga, gb = da.grad(lambda a, b: np.sum(a * b * b), argnums=(0, 1))(a, b)
    assert (ga.dtype, gb.dtype) == (np.float32, np.float64)
    assert_close(gb, 2 * a * b, rtol=1e-14)
    assert da.grad(lambda a: np.sum(a.astype(np.float64) ** 2))(a).dtype == np.float32


def test_integers_as_the_point_are_taken_as_float64():
    assert da.grad(lambda x: x**2)(3) == 6.0
    assert isinstance(da.grad(lambda x: x**2)(3), float)
    g = da.grad(lambda x: np.sum(x**2) / 2)(np.array([1, 2, 3]))
    assert g.dtype == np.float64
    assert_close(g, np.array([1.0, 2.0, 3.0]))
    assert da.grad(lambda x: x[0] ** 2 + x[1] ** 2)([1, 2]) == [2.0, 4.0]
    assert da.jvp(lambda x: x * x, (3,), (1,)) == (9.0, 6.0)
    assert_close(da.jacobian(np.sin)(np.arange(3, dtype=np.int32)), np.diag(np.cos(np.arange(3.0))))
    assert_close(da.hessian(lambda x: np.sum(x**3))(np.array([1, 2])), np.diag([6.0, 12.0]))


# ---- shapes ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 1, 2), (0,), (0, 3)])
@pytest.mark.parametrize("out", [(), (2,), (3, 1), (0,)])
@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
def test_shapes_of_jacobians(shape, out, mode, rng):
    x = rng.standard_normal(shape) if shape else 0.3
    weights = rng.standard_normal(out + shape)
    axes = tuple(range(len(out), len(out) + len(shape)))
    f = lambda x: np.sum(weights * np.sin(x), axis=axes) if shape else weights * np.sin(x)
    jac = da.jacobian(f, mode=mode)(x)
    assert np.shape(jac) == out + shape
    assert_close(jac, weights * np.cos(x), rtol=1e-14)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,)])
def test_shapes_of_gradients_and_hessians(shape, rng):
    x = rng.standard_normal(shape) if shape else 0.3
    f = lambda x: np.sum(np.sin(x)) * 1.0
    assert np.shape(da.grad(f)(x)) == shape
    hess = da.hessian(f)(x)
    assert np.shape(hess) == shape + shape
    assert_close(np.reshape(hess, (np.size(x), np.size(x))), -np.diag(np.reshape(np.sin(x), -1)))


def test_scalars_give_scalars():
    for x in (0.3, np.float64(0.3), np.array(0.3)):
        for g in (da.grad(np.sin)(x), da.derivative(np.sin)(x), da.jvp(np.sin, (x,), (1.0,))[1], da.jacobian(np.sin)(x)):
            assert_close(g, np.cos(0.3))
            assert float(g) == float(np.asarray(g))
    assert isinstance(da.grad(lambda x: x * x)(0.3), float)
    assert isinstance(da.hessian(lambda x: x * x)(0.3), float)


# ---- aliasing -------------------------------------------------------------------------------------------------------
RECORDED = {
    "product": lambda x: x * x,
    "sin": lambda x: np.sin(x),
    "identity": lambda x: x,
    "index": lambda x: x[::2] * x[0],
    "reshape": lambda x: np.reshape(x, (2, 2)) @ np.reshape(x, (2, 2)).T,
    "matmul": lambda x: np.outer(x, x) @ x,
    "power": lambda x: x**3,
    "divide": lambda x: 1 / x,
}


@pytest.mark.parametrize("name", RECORDED)
def test_inputs_are_not_touched_and_may_change_afterwards(name, rng, locked):
    f = RECORDED[name]
    x = locked(rng.uniform(0.5, 2.0, 4))
    jac, y = da.jacobian(f)(x), f(x)
    v, c = locked(rng.standard_normal(4), rng.standard_normal(np.shape(y)))
    moving = x.copy()
    value, pull = da.vjp(f, moving)
    tangent, linear = da.linearize(f, moving)
    before = pull(c)[0]
    moving[:] = np.nan
    assert_close(value, y)
    assert_close(tangent, y)
    assert_close(pull(c)[0], np.tensordot(c, jac, np.ndim(y)), rtol=1e-13)
    assert_close(before, np.tensordot(c, jac, np.ndim(y)), rtol=1e-13)
    assert_close(linear(v), jac @ v, rtol=1e-13)


def test_a_constant_buffer_reused_in_a_loop_does_not_change_the_past(rng):
    x = rng.standard_normal(3)
    data = rng.standard_normal((5, 3))

    def f(x):
        buffer, total = np.empty(3), 0.0
        for row in data:
            buffer[:] = row
            total = total + np.sum(np.sin(x * buffer)) + np.dot(x, buffer) ** 2
        buffer[:] = np.nan
        return total

    want = np.sum(np.cos(x * data) * data, axis=0) + np.sum(2 * (data @ x)[:, None] * data, axis=0)
    for g in gradients(f, x):
        assert_close(g, want, rtol=1e-13)
    assert_close(da.hessian(f)(x), -np.diag(np.sum(np.sin(x * data) * data**2, axis=0)) + 2 * data.T @ data, rtol=1e-13)


@pytest.mark.parametrize("name", RECORDED)
def test_results_share_no_memory(name, rng):
    f = RECORDED[name]
    x, v = rng.uniform(0.5, 2.0, 4), rng.standard_normal(4)
    value, pull = da.vjp(f, x)
    c = rng.standard_normal(np.shape(value))
    pulled, again = pull(c)[0], pull(c)[0]
    y, dy = da.jvp(f, (x,), (v,))
    y2, linear = da.linearize(f, x)
    made = [value, pulled, again, y, dy, y2, linear(v), da.jacobian(f)(x), *da.value_and_jacobian(f)(x)]
    for a, b in itertools.combinations([x, v, c, *made], 2):
        assert not np.shares_memory(a, b)
    kept = pull(c)[0].copy()
    pulled[:] = np.nan
    value[...] = np.nan
    assert np.array_equal(pull(c)[0], kept)
    for a in made:
        assert a.flags.writeable


def test_gradients_of_several_arguments_are_separate(rng):
    x = rng.standard_normal(3)
    ga, gb = da.grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(x, x)
    assert not np.shares_memory(ga, gb)
    tree = da.grad(lambda t: np.sum(t["a"] + t["b"] + t["c"]))({"a": x, "b": x, "c": x})
    assert not np.shares_memory(tree["a"], tree["b"])
    tree["a"][:] = 7
    assert_close(tree["c"], np.ones(3))
    da.grad(lambda x: np.sum(x[0:2] * 1.0))(x)[0] = 5.0


# ---- exceptions where the plain function raises ---------------------------------------------------------------------
RAISES = {
    "1/x": (lambda x: 1 / x, 0.0),
    "1.0/x": (lambda x: 1.0 / x, 0.0),
    "x/0.0": (lambda x: x / 0.0, 1.0),
    "x/x": (lambda x: x / x, 0.0),
    "x//0": (lambda x: x // 0, 1.0),
    "x % 0": (lambda x: x % 0.0, 1.0),
    "divmod": (lambda x: divmod(x, 0.0), 1.0),
    "0.0**x": (lambda x: 0.0**x, -1.0),
    "x**-1": (lambda x: x**-1, 0.0),
    "overflow": (lambda x: x**2, 1e200),
    "out of range": (lambda x: [x][1], 1.0),
    "assert": (lambda x: operator.truediv(x, x - x), 1.0),
}


@pytest.mark.parametrize("name", RAISES)
def test_python_floats_raise_as_python_floats_do(name):
    f, x = RAISES[name]
    with pytest.raises(Exception) as plain:  # noqa: PT011  (whatever Python raises)
        f(x)
    for run in (da.grad(f), lambda x: da.jvp(f, (x,), (1.0,)), lambda x: da.vjp(f, x), da.derivative(f, order=2), da.hessian(f)):
        with pytest.raises(type(plain.value)) as traced:
            run(x)
        if name != "divmod":  # Python says "float divmod()" for what // calls "float floor division by zero"
            assert str(traced.value) == str(plain.value)


@pytest.mark.parametrize("name", ["1/x", "x/0.0", "x/x", "0.0**x", "x**-1", "overflow"])
def test_numpy_scalars_do_not_raise(name):
    f, x = RAISES[name]
    with np.errstate(all="ignore"):
        for kind in (np.float64, np.array, lambda v: np.array([v])):
            want = f(kind(x))
            assert_identical(da.jvp(f, (kind(x),), (np.ones(np.shape(kind(x))),))[0], want)
            assert_identical(da.vjp(f, kind(x))[0], want)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        f(np.float64(x))
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        da.grad(f)(np.float64(x))


def test_a_negative_float_to_a_fractional_power_is_complex():
    plain = (-1.0) ** 0.5
    value, slope = da.jvp(lambda x: x**0.5, (-1.0,), (1.0,))
    assert_close(value, plain)
    assert_close(slope, 0.5 * (-1.0) ** -0.5)
    assert_close(da.grad(lambda x: (x**0.5).imag)(-4.0), -0.25)
    with np.errstate(invalid="ignore"):
        assert math.isnan(da.jvp(lambda x: x**0.5, (np.float64(-1.0),), (1.0,))[0])


def test_what_a_scalar_stands_for_decides_its_type():
    """Python floats are weak, NumPy scalars are not (NEP 50)."""
    single = np.ones(3, np.float32)
    for x, want in ((0.5, np.float32), (np.float64(0.5), np.float64), (np.float32(0.5), np.float32), (np.array(0.5), np.float64)):
        assert (x * single).dtype == want
        assert da.jvp(lambda x: x * single, (x,), (1.0,))[0].dtype == want
        assert da.vjp(lambda x: x * single, x)[0].dtype == want
        assert da.jvp(lambda x: (x * x + 1.0) * single, (x,), (1.0,))[1].dtype == want
    assert isinstance(da.jvp(lambda x: x * 2, (0.5,), (1.0,))[0], float)
    assert not isinstance(da.jvp(lambda x: x * 2, (0.5,), (1.0,))[0], np.float64)
    assert isinstance(da.jvp(np.sin, (0.5,), (1.0,))[0], np.float64)


AXES = [np.newaxis, (None, None), (..., None), (None, ...), Ellipsis, (), True, (None, True), np.array(True)]


@pytest.mark.parametrize("index", AXES, ids=str)
def test_numbers_of_numpy_take_new_axes(index):
    """A NumPy number is indexed as an array without axes; Python's are not."""
    def f(v):
        return v[index] * v

    x = np.float64(1.7)
    assert type(da.value_and_grad(lambda v: np.sum(f(v)))(x)[0]) is np.float64
    got = []
    da.grad(lambda v: (got.append(da.value(v[index])), np.sum(v[index]))[1])(x)
    assert_same(got[0], x[index], exact=True)
    for h in (lambda v: np.sum(f(v)), lambda v: np.sum(f(v[None][0]))):
        assert da.grad(h)(x) == 2 * x
        assert da.derivative(h, order=2)(x) == 2
        assert da.compile(da.grad(h))(x) == 2 * x
    assert np.array_equal(da.jvp(f, (x,), (np.float64(1.0),))[1], np.full(np.shape(f(x)), 2 * x))


@pytest.mark.parametrize("index", [0, (0,), slice(None), (None, 0), "a"], ids=str)
def test_numbers_of_numpy_have_no_items(index):
    with pytest.raises(IndexError):
        np.float64(1.7)[index]
    with pytest.raises(IndexError):
        da.grad(lambda v: v[index])(np.float64(1.7))
    with pytest.raises(TypeError):
        da.grad(lambda v: v[index])(1.7)


X = np.array([-1.03, 2.07, 0.53, -0.31, 1.23, -2.1])


@pytest.mark.parametrize("exact", [False, True])
def test_items_are_numbers_of_python(exact):
    def f(x):
        z = (x * 1j).item(2)
        return x.item(1), x.tolist(), x[3].item(), x[3].tolist(), x.astype(np.float32).item(0), z, x.reshape(2, 3).tolist(), 1 / x[0].item()

    compiled = da.compile(f, exact=exact)
    for x in (X, X[::-1].copy(), X * 1.1):
        assert_same(compiled(x), f(x), exact)
    assert compiled.stats()["recordings"] == 1
    for kind in (float, np.float32, np.float16, np.complex64, complex):
        h = lambda x, kind=kind: x.astype(kind).item(1)
        assert type(da.compile(h, exact=exact)(X)) is type(h(X))
    assert da.grad(lambda x: x.astype(np.float32).item(2) * x.item(1))(X)[2] == np.float32(X[1])
    with pytest.raises(ZeroDivisionError):
        da.grad(lambda x: 1 / x.item(0))(np.zeros(3))
