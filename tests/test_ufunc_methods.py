"""Ufuncs outside the table, with keyword arguments, on object arrays, and through their methods."""

import numpy as np
import pytest
from rule_check import check, raised, same
from rule_inputs import COMPLEX, CUBE, EMPTY, MASK, MATRIX, POSITIVE, ROW, SCALAR, VECTOR, cases, rows

import dualad as da
from dualad._core import operations

REORDERABLE = [np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2]
BINARY = [*REORDERABLE, np.subtract, np.divide, np.hypot]
NAMES = [u.__name__ for u in BINARY]


@pytest.mark.parametrize("ufunc", BINARY, ids=NAMES)
def test_reduce(ufunc):
    check(ufunc.reduce, MATRIX)
    check(lambda a: ufunc.reduce(a, axis=1, keepdims=True), MATRIX)
    check(lambda a: ufunc.reduce(a, axis=-2), CUBE)
    check(lambda a: ufunc.reduce(a, dtype=np.float64), MATRIX)
    check(ufunc.reduce, VECTOR[:1])


@pytest.mark.parametrize("ufunc", REORDERABLE, ids=[u.__name__ for u in REORDERABLE])
def test_reduce_of_several_axes(ufunc):
    check(lambda a: ufunc.reduce(a, axis=None), MATRIX)
    check(lambda a: ufunc.reduce(a, axis=(0, 2), keepdims=True), CUBE)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, np.hypot])
def test_reduce_with_initial_and_where(ufunc):
    check(lambda a: ufunc.reduce(a, axis=1, initial=0.25, where=MASK), MATRIX)
    check(lambda a: ufunc.reduce(a, axis=0, initial=a[0, 0] * 0.5), MATRIX)


def test_reduce_of_log_sums_with_a_mask():
    check(lambda a: np.logaddexp.reduce(a, axis=1, where=MASK), MATRIX)
    x = np.array([-np.inf, 0.5, 700.0, 701.0])
    g = da.grad(np.logaddexp.reduce)(x)
    np.testing.assert_allclose(g, np.exp(x - np.logaddexp.reduce(x)), rtol=1e-12)


@pytest.mark.parametrize("ufunc", BINARY, ids=NAMES)
def test_accumulate(ufunc):
    check(ufunc.accumulate, MATRIX)
    check(lambda a: ufunc.accumulate(a, axis=1), MATRIX)
    check(lambda a: ufunc.accumulate(a, axis=1, dtype=np.float64), CUBE)


@pytest.mark.parametrize("ufunc", BINARY, ids=NAMES)
def test_outer(ufunc):
    check(lambda a, b: ufunc.outer(a, b), MATRIX, VECTOR)
    check(lambda a, b: ufunc.outer(a, b), SCALAR, VECTOR)
    check(lambda a: ufunc.outer(a, [1.0, 2.0, -1.5]), VECTOR)


@pytest.mark.parametrize("ufunc", BINARY, ids=NAMES)
def test_reduceat(ufunc):
    check(lambda a: ufunc.reduceat(a, [0, 2, 1, 3], axis=1), MATRIX)
    check(lambda a: ufunc.reduceat(a, [1, 0, 2]), CUBE[0])


def store(change):
    def f(a, *operands):
        a = a * 1
        change(a, *operands)
        return a

    return f


@pytest.mark.parametrize(("f", "xs"), cases(
    add_rows=(lambda a, b: np.add.at(a, [0, 2, 0], b), MATRIX, rows((3, 4))),
    add_elements=(lambda a, b: np.add.at(a, ([0, 2, 0], [1, 1, 1]), b), MATRIX, rows(3)),
    add_distinct=(lambda a, b: np.add.at(a, ([0, 2], [1, 1]), b), MATRIX, rows(2)),
    add_scalar_to_mask=(lambda a, b: np.add.at(a, MASK, b), MATRIX, SCALAR),
    add_slice=(lambda a, b: np.add.at(a, (slice(None), 1), b), MATRIX, rows(3)),
    subtract_columns=(lambda a, b: np.subtract.at(a, (slice(None), [1, 1]), b), MATRIX, rows((3, 2))),
    multiply=(lambda a, b: np.multiply.at(a, [0, 2, 0], b), MATRIX, POSITIVE),
    maximum=(lambda a, b: np.maximum.at(a, [1, 1, 0], b), VECTOR, rows(3)),
    negative=(lambda a: np.negative.at(a, [0, 0, 0, 1]), MATRIX),
    exp=(lambda a: np.exp.at(a, [0, 0, 1]), VECTOR * 0.3),
    nothing=(lambda a, b: np.add.at(a, np.array([], int), b), VECTOR, SCALAR),
))
def test_at(f, xs):
    check(store(f), *xs, seeds=len(xs) == 1)


def test_where_without_and_with_out():
    with np.errstate(all="raise"):
        y, dy = da.jvp(lambda a: np.log(a, where=MATRIX > 0, out=np.zeros_like(a)), (MATRIX,), (np.ones((3, 4)),))
    np.testing.assert_array_equal(y, np.log(MATRIX, where=MATRIX > 0, out=np.zeros((3, 4))))
    np.testing.assert_array_equal(dy, np.where(MATRIX > 0, 1 / MATRIX, 0))
    check(lambda a: np.exp(a, where=MASK, out=a * 2), MATRIX)
    check(lambda a, b: np.multiply(a, b, where=MASK[0], out=a * 3), MATRIX, ROW, seeds=False)
    check(lambda a: np.where(MASK, np.exp(a, where=MASK, out=None), 0), MATRIX)
    assert np.all(da.vjp(lambda a: np.exp(a, where=False, out=None), MATRIX)[0] == 0)


def test_out_takes_the_result():
    def f(a):
        out = np.zeros_like(a)
        np.multiply(a, a, out=out)
        np.add(out, 1.0, out)
        np.sum(a * out, axis=0, out=out[0])
        return out

    check(f, MATRIX)


def test_dtype_signature_casting_and_order():
    check(lambda a: np.multiply(a, a, dtype=np.float64), MATRIX)
    check(lambda a: np.sin(a, dtype=np.float64, order="F"), MATRIX)
    check(lambda a: np.add(a, 1.0, signature="dd->d"), MATRIX)
    check(lambda a: np.add(a, 1.0, signature=(np.float64, np.float64, np.float64)), MATRIX)
    y, dy = da.jvp(lambda a: np.exp(a, dtype=np.float32), (MATRIX,), (MATRIX,))
    same(y, np.exp(MATRIX, dtype=np.float32))
    assert dy.dtype == np.float32
    with pytest.raises(TypeError, match="Cannot cast"):
        da.vjp(lambda a: np.exp(a, dtype=np.float32, casting="safe"), MATRIX)
    assert da.vjp(lambda a: [np.less(a, 0, where=MASK, out=None), a], MATRIX)[0][0].dtype == bool


@pytest.mark.parametrize(("f", "xs"), cases(
    modf=(np.modf, MATRIX * 3),
    frexp=(lambda a: np.frexp(a)[0], MATRIX * 3),
    ldexp=(lambda a: np.ldexp(a, [1, 2, -3, 4]), MATRIX),
    ldexp_wide=(lambda a: np.ldexp(a, [[1], [2]]), VECTOR),
    divmod=(lambda a, b: np.divmod(a, b), POSITIVE * 7.3, np.array(1.7)),
    divmod_operator=(lambda a, b: divmod(a, b), POSITIVE * 7.3, np.array(1.7)),
))
def test_outside_the_table(f, xs):
    check(f, *xs)


def test_steps_give_plain_results():
    def f(a):
        for ufunc in (np.isnan, np.isfinite, np.isinf, np.signbit, np.logical_not):
            same(ufunc(a), ufunc(MATRIX))
        for ufunc in (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.logical_and):
            same(ufunc(a, 0.2), ufunc(MATRIX, 0.2))
            same(ufunc(0.2, a), ufunc(0.2, MATRIX))
        same(np.frexp(a)[1], np.frexp(MATRIX)[1])
        same(np.logical_or.reduce(a), np.logical_or.reduce(MATRIX))
        same(np.less.outer(a, VECTOR), np.less.outer(MATRIX, VECTOR))
        return a

    da.vjp(f, MATRIX)
    da.jvp(f, (MATRIX,), (MATRIX,))


def test_integer_ufuncs_raise_as_numpy_does():
    for call in (lambda a: np.bitwise_and(a, 1), lambda a: np.left_shift(a, 1), lambda a: np.gcd(a, 2), lambda a: np.invert(a)):
        with pytest.raises(TypeError):
            call(MATRIX)
        with pytest.raises(TypeError):
            da.vjp(call, MATRIX)


UNARY = [op["numpy"] for op in operations() if op["numpy"] and op["arity"] == 1 and "O->O" in getattr(np, op["numpy"]).types]


@pytest.mark.parametrize("name", UNARY)
def test_object_arrays_call_the_methods_of_their_elements(name):
    ufunc = getattr(np, name)
    x = np.array([1.2, 1.7]) if name == "arccosh" else np.array([0.3, 0.6])

    def by_objects(a):
        return list(ufunc(np.array([a[0], a[1]], dtype=object)))

    y, dy = da.jvp(by_objects, (x,), (np.ones(2),))
    z, dz = da.jvp(ufunc, (x,), (np.ones(2),))
    np.testing.assert_allclose(y, z, rtol=1e-15)
    np.testing.assert_allclose(np.asarray(dy, float), dz, rtol=1e-14)


def test_reductions_of_object_arrays():
    def f(a):
        cells = np.array([a[0], a[1] * a[0], 2.0], dtype=object)
        return [np.sum(cells), np.prod(cells), cells.dot(cells), np.max(cells)]

    y, dy = da.jvp(f, (np.array([0.3, 0.7]),), (np.array([1.0, 2.0]),))
    np.testing.assert_allclose(y, [2.51, 2 * 0.3 * 0.21, 0.09 + 0.21**2 + 4, 2.0])
    np.testing.assert_allclose(np.asarray(dy, float), [2.3, 2 * (0.21 + 0.3 * 1.3), 0.6 + 0.42 * 1.3, 0], rtol=1e-14)


@pytest.mark.parametrize("call", [
    lambda x: np.subtract.reduce(x, axis=(0, 1)), lambda x: np.maximum.reduce(x[:0]), lambda x: np.add.accumulate(x[0, 0]),
    lambda x: np.add.reduceat(x, [9]), lambda x: np.sin.reduce(x), lambda x: np.add.reduce(x, axis=4),
    lambda x: np.maximum.reduce(x, where=MASK), lambda x: np.add.reduce(x[:0], initial=None), lambda x: np.add.outer(x),
])
def test_raises_where_numpy_raises(call):
    kind = raised(call, MATRIX)
    with pytest.raises(kind):
        da.vjp(call, MATRIX)
    with pytest.raises(kind):
        da.jvp(call, (MATRIX,), (MATRIX,))


def test_empty_and_complex():
    check(np.add.reduce, EMPTY)
    check(lambda a: np.multiply.reduce(a, axis=1), EMPTY)
    check(lambda a: np.add.accumulate(a, axis=1), EMPTY)
    check(np.add.reduce, COMPLEX)
    check(lambda a: np.multiply.accumulate(a, axis=1), COMPLEX)
    check(lambda a: np.subtract.reduce(a, axis=1), COMPLEX)
    check(lambda a: np.divide.accumulate(a, axis=1), COMPLEX)
