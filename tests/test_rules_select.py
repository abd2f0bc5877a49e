"""Selection, indexing, diagonals, stores, sorting, interpolation, sets: value, both modes, seeds, second order, float32."""

import copy
import pickle

import numpy as np
import pytest
from rule_check import check, raised
from rule_inputs import (
    ALL,
    ARRAYS,
    COMPLEX,
    CUBE,
    EMPTY,
    HOLED,
    MASK,
    MATRIX,
    POSITIVE,
    REAL,
    ROW,
    SCALAR,
    VECTOR,
    cases,
    products,
    rows,
)

import dualad as da

ANY_RANK = {
    "where": lambda a: np.where(np.arange(2)[:, None, None, None] > 0, a, 2.0),
    "where_both": lambda a: np.where([True, False], np.expand_dims(a, -1), np.expand_dims(a, -1) * 3),
    "take": lambda a: np.take(np.ravel(a), [0, 0, -1]),
    "take_wrap": lambda a: np.take(a, [[0, 1], [5, 9]], mode="wrap"),
    "take_clip": lambda a: np.take(a, [-7, 99], mode="clip"),
    "diagflat": lambda a: np.diagflat(a, 1),
    "nan_to_num": np.nan_to_num,
}
WITH_AXES = {
    "take_last": lambda a: np.take(a, [[0, 1], [1, -1]], axis=-1),
    "take_one": lambda a: np.take(a, 1, axis=0),
    "extract": lambda a: np.extract(np.arange(np.size(a)) % 2, a),
    "delete": lambda a: np.delete(a, [0, 1], axis=-1),
    "delete_slice": lambda a: np.delete(a, slice(0, None, 2)),
    "delete_mask": lambda a: np.delete(a, [True, *[False] * (np.shape(a)[-1] - 1)], axis=-1),
    "insert": lambda a: np.insert(a, 1, 9.0, axis=-1),
    "insert_flat": lambda a: np.insert(a, [0, 2], [7.0, 8.0]),
    "insert_many": lambda a: np.insert(a, [1, 1, 0], a[..., :1], axis=-1),
    "insert_row": lambda a: np.insert(a, 1, a[0], axis=0),
    "insert_slice": lambda a: np.insert(a, slice(0, 2), a[..., :2], axis=-1),
    "along": lambda a: np.take_along_axis(a, np.argsort(np.real(a), axis=0), axis=0),
    "along_flat": lambda a: np.take_along_axis(a, np.array([2, 0, 0]), axis=None),
    "along_last": lambda a: np.take_along_axis(a, np.zeros((*np.shape(a)[:-1], 6), int), axis=-1),
    "sort": np.sort,
    "sort_first": lambda a: np.sort(a, axis=0),
    "sort_flat": lambda a: np.sort(a, axis=None, kind="stable"),
    "partition": lambda a: np.partition(a, 1, axis=-1),
    "partition_two": lambda a: np.partition(a, (0, 2), axis=None),
    "unique": np.unique,
}
MATRICES = {
    "diagonal": np.diagonal, "trace": np.trace, "tril": np.tril,
    "diagonal_offset": lambda a: np.diagonal(a, 1, -1, 0),
    "diagonal_none": lambda a: np.diagonal(a, 9),
    "trace_offset": lambda a: np.trace(a, -1, 1, 0),
    "triu": lambda a: np.triu(a, 1),
    "linalg_diagonal": lambda a: np.linalg.diagonal(a, offset=-1),
    "linalg_trace": lambda a: np.linalg.trace(a, offset=1),
}


@pytest.mark.parametrize(("f", "x"), [*products(ANY_RANK, ALL), *products(WITH_AXES, ARRAYS),
                                      *products(MATRICES, {"matrix": MATRIX, "cube": CUBE, "complex": COMPLEX})])
def test_one_operand(f, x):
    check(f, x)


@pytest.mark.parametrize(("f", "xs"), cases(
    diag=(lambda a: np.diag(a, 2), VECTOR),
    diag_back=(lambda a: np.diag(a, -1), MATRIX),
    tril_vector=(np.tril, VECTOR),
    where=(lambda a, b: np.where(MASK, a, b), MATRIX, ROW),
    where_small=(lambda a, b: np.where(MASK, a, b), rows((3, 1)), SCALAR),
    where_float_mask=(lambda a: np.where(MASK.astype(float), a, 0), MATRIX),
    where_traced_mask=(lambda a: np.where(a > 0, a * a, -a), MATRIX),
    select=(lambda a, b: np.select([MASK, ~MASK & (np.arange(4) > 1)], [a, b], default=a * 2), MATRIX, ROW),
    select_default=(lambda a: np.select([a > 1, a > 0], [a, a * a], 0.5), MATRIX),
    choose=(lambda a, b: np.choose([0, 1, 1, 0], [a, b]), MATRIX, ROW),
    choose_wrap=(lambda a, b: np.choose(MASK * 2 - 1, [a, b], mode="wrap"), MATRIX, ROW),
    choose_clip=(lambda a: np.choose([5, -5], np.stack([a[:2], a[1:3], a[2:4]]), mode="clip"), VECTOR),
    clip=(lambda a, low, high: np.clip(a, low, high), MATRIX, np.array(-0.4), ROW + 1),
    clip_high=(lambda a: np.clip(a, None, 0.5), MATRIX),
    clip_low=(lambda a, low: np.clip(a, low, None), MATRIX, np.full((3, 1), -0.3)),
    **({} if np.lib.NumpyVersion(np.__version__) < "2.1.0" else {
        "clip_names": (lambda a: np.clip(a, min=-0.5, max=0.5), MATRIX),
        "clip_none": (lambda a: np.clip(a), MATRIX),
    }),
    clip_crossed=(lambda a, low, high: np.clip(a, low, high), MATRIX, np.array(0.5), np.array(-0.5)),
    clip_double=(lambda a: np.clip(a, -0.5, 0.5, dtype=np.float64), MATRIX),
    piecewise=(lambda a: np.piecewise(a, [a < 0, a > 1], [lambda t: t * t, 3.0, lambda t: -3 * t]), MATRIX),
    piecewise_arguments=(lambda a: np.piecewise(a, [a < 0], [lambda t, k: t * k, lambda t, k: t**k], 2), MATRIX),
    compress=(lambda a: np.compress([True, False, True], a, axis=0), MATRIX),
    insert_traced=(lambda a, b: np.insert(a, [1, 3], b, axis=1), MATRIX, rows((3, 2))),
    insert_scalar_index=(lambda a, b: np.insert(a, 2, b, axis=1), MATRIX, rows(3)),
    insert_vector=(lambda a, b: np.insert(a, 2, b), VECTOR, rows(3)),
    insert_list_index=(lambda a, b: np.insert(a, [2], b, axis=1), MATRIX, rows((3, 2))),
    interp=(lambda x, xp, fp: np.interp(x, xp, fp), rows((2, 3)), np.array([-0.6, 0.7, 1.5, 3.0]), ROW),
    interp_ends=(lambda x, xp, fp: np.interp(x, xp, fp, fp[1] * 2, fp[0]), rows((2, 3)), np.array([-0.1, 0.07, 0.1, 0.3]), ROW),
    interp_left=(lambda x, fp: np.interp(x, [-0.1, 0.07, 0.1, 0.3], fp, left=fp[1]), rows((2, 3)), ROW),
    interp_right=(lambda x, fp: np.interp(x, [-0.1, 0.07, 0.1, 0.3], fp, right=fp[1]), rows((2, 3)), ROW),
    interp_scalar=(lambda x, fp: np.interp(x, [-0.1, 0.07, 0.1, 0.3], fp), np.array(0.09), ROW),
    interp_one_knot=(lambda x, fp: np.interp(x, [0.2], fp), rows(3), rows(1)),
    interp_values=(lambda fp: np.interp(0.4, [0.0, 0.3, 1.0, 2.0], fp), ROW),
    unwrap=(lambda a: np.unwrap(a * 9, axis=0), MATRIX),
    unwrap_period=(lambda a: np.unwrap(a * 9, period=5 + a[0, 0]), MATRIX),
    unwrap_discont=(lambda a: np.unwrap(a * 9, discont=4.0, period=3.0), VECTOR),
    union=(lambda a, b: np.union1d(a, b), VECTOR, rows(2)),
    difference=(lambda a: np.setdiff1d(a, [99.0]), VECTOR),
    exclusive=(lambda a: np.setxor1d(a, [99.0, a[0]]), VECTOR),
    intersection=(lambda a: np.intersect1d(a, a[::-1]), VECTOR),
    unique_rows=(lambda a: np.unique(a, axis=0), MATRIX),
    unique_parts=(lambda a: np.unique(a, True, True, True)[0], VECTOR),
    unique_values=(lambda a: np.unique_values(a), VECTOR),
    unique_counts=(lambda a: np.unique_counts(a).values, VECTOR),
    trim=(lambda a: np.trim_zeros(np.pad(a, 2)), VECTOR),
    emath=(lambda a: np.emath.sqrt(a) + np.emath.log(a) + np.emath.logn(2.0, a) + np.emath.power(a, 2), POSITIVE),
    empty_sort=(lambda a: np.sort(a, axis=0), EMPTY),
    empty_take=(lambda a: np.take(a, [0, 1], axis=1), EMPTY),
    empty_where=(lambda a: np.where(np.ones((0, 3), bool), a, 2.0), EMPTY),
))
def test_arguments(f, xs):
    check(f, *xs)


def test_interp_of_complex_values_and_with_a_period():
    check(lambda x, fp: np.interp(x, [-0.1, 0.07, 0.1, 0.3], fp), rows((2, 3)), ROW + 1j * rows(4, 1), single=False)
    check(lambda x, xp, fp, p: np.interp(x, xp, fp, period=p), rows((2, 3)), np.array([0.1, 0.7, 1.5, 3.0]), ROW, np.array(3.3),
          single=False, seeds=False)


def store(change):
    """The function that makes a copy of its first operand and changes that in place."""

    def f(a, *operands):
        a = a * 1
        change(a, *operands)
        return a

    return f


def whole(a, b):
    a[...] = b


@pytest.mark.parametrize(("f", "xs"), cases(
    copyto=(lambda a, b: np.copyto(a, b), MATRIX, ROW),
    copyto_where=(lambda a, b: np.copyto(a, b, where=MASK), MATRIX, ROW),
    copyto_row_mask=(lambda a, b: np.copyto(a, b, where=MASK[0]), MATRIX, SCALAR),
    put=(lambda a, b: np.put(a, [1, 3, 1, -1], b), MATRIX, rows(2)),
    put_all=(lambda a, b: np.put(a, [1, 3, 1, -1], b), MATRIX, rows(4)),
    put_wrap=(lambda a, b: np.put(a, [1, 33, -31], b, mode="wrap"), MATRIX, rows(3)),
    put_clip=(lambda a, b: np.put(a, [1, 33, -31], b, mode="clip"), MATRIX, SCALAR),
    put_method=(lambda a, b: a.put([2, 0], b), MATRIX, rows(2)),
    putmask=(lambda a, b: np.putmask(a, MASK, b), MATRIX, rows(5)),
    place=(lambda a, b: np.place(a, MASK, b), MATRIX, rows(3)),
    put_along=(lambda a, b: np.put_along_axis(a, np.array([[0], [1], [2]]), b, axis=1), MATRIX, rows((3, 1))),
    put_along_flat=(lambda a, b: np.put_along_axis(a, np.array([0, 5, -1]), b, axis=None), MATRIX, rows(3)),
    fill_diagonal=(lambda a, b: np.fill_diagonal(a, b), MATRIX, SCALAR),
    fill_diagonal_values=(lambda a, b: np.fill_diagonal(a, b), MATRIX, rows(3)),
    fill_diagonal_wrapped=(lambda a, b: np.fill_diagonal(a, b, wrap=True), rows((7, 3)), rows(2)),
    fill=(lambda a, b: a.fill(b), MATRIX, SCALAR),
    sort=(lambda a: a.sort(axis=0), MATRIX),
    partition=(lambda a: a.partition(1), MATRIX),
    whole=(whole, MATRIX, ROW),
))
def test_stores(f, xs):
    check(store(f), *xs, seeds=len(xs) == 1)


OUTSIDE = np.zeros(3)


@pytest.mark.parametrize("call", [
    lambda a, b: np.copyto(a, b), lambda a, b: np.put(a, [0], b), lambda a, b: np.putmask(a, [True] * 3, b),
    lambda a, b: np.place(a, [True] * 3, b), lambda a, b: np.put_along_axis(a, np.array([0]), b, 0), lambda a, b: np.add.at(a, [0], b[0]),
])  # fmt: skip
def test_plain_arrays_from_outside_refuse_traced_values(call):
    with pytest.raises(da.errors.DetachedError, match="outside the function"):
        da.vjp(lambda b: (call(OUTSIDE, b), b)[1], VECTOR[:3])
    np.testing.assert_array_equal(OUTSIDE, np.zeros(3))


def test_wanted_and_dead_branches():
    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(da.grad(lambda a: np.sum(np.where(a > 0, np.sqrt(a), 0.0)))(x), [0, 0.25])
    y, dy = da.jvp(lambda a: np.where(a > 0, np.log(a), 0.0), (x + 1,), (np.ones(2),))
    np.testing.assert_array_equal(dy, [1, 0.2])
    assert y.shape == (2,)


def test_clip_passes_on_its_closed_interval():
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, np.nan])
    np.testing.assert_array_equal(da.jvp(lambda a: np.clip(a, -1, 1), (x,), (np.ones(6),))[1], [0, 1, 1, 1, 0, 1])


def test_ties_keep_their_order():
    x = np.array([1.0, 0.0, 1.0, 0.0])
    np.testing.assert_array_equal(da.jacobian(np.sort)(x), np.eye(4)[[1, 3, 0, 2]])
    np.testing.assert_array_equal(da.jvp(np.sort, (x,), (np.arange(4.0),))[1], [1, 3, 0, 2])


def test_nan_sorts_last_and_nan_to_num_stops_the_derivative():
    y, dy = da.jvp(lambda a: np.sort(a, axis=1), (HOLED,), (MATRIX,))
    np.testing.assert_array_equal(np.isnan(y).sum(axis=1), np.isnan(HOLED).sum(axis=1))
    assert np.isfinite(dy).all()
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(da.jvp(np.nan_to_num, (x,), (np.ones(4),))[1], [1, 0, 0, 0])
    z = np.array([complex(1, np.inf), complex(np.nan, 2)])
    np.testing.assert_array_equal(da.jvp(np.nan_to_num, (z,), (np.full(2, 1 + 1j),))[1], [1, 1j])


def test_index_arrays_are_remembered_as_they_were():
    index, mask = np.array([0, 0, 2]), np.array([True, False, True, False, True])
    y, pull = da.vjp(lambda a: [np.take(a, index), np.where(mask, a, 0), np.repeat(a, index[:1] + 1)], VECTOR)
    index[...], mask[...] = 4, False
    g = pull([np.ones(3), np.ones(5), np.ones(5)])
    np.testing.assert_array_equal(g[0] if isinstance(g, tuple) else g, [4, 1, 3, 1, 2])
    assert len(y) == 3


def test_steps_have_derivative_zero():
    for f in (lambda a: np.round(a, 1), np.fix, lambda a: a.round(2), lambda a: np.around(a)):
        y, dy = da.jvp(f, (MATRIX,), (MATRIX,))
        np.testing.assert_array_equal(y, f(MATRIX))
        np.testing.assert_array_equal(dy, np.zeros((3, 4)))
        assert np.all(da.grad(lambda a, f=f: np.sum(f(a)))(MATRIX) == 0)


@pytest.mark.parametrize("x", [pytest.param(x, id=name) for name, x in REAL.items()])
def test_methods(x):
    check(lambda a: a.clip(-0.1, 0.2), x)
    check(lambda a: a.take([1, 2]) * a.take(0), x)
    check(lambda a: a.compress([True, True], axis=0), x)
    check(lambda a: a.item(1) * a.item(0), x, single=False)
    check(lambda a: np.stack(np.ravel(a).tolist()), x, single=False)
    check(lambda a: a.astype(np.float64), x)
    check(lambda a: a.astype(complex) * 1j, x, seeds=False, single=False)
    check(lambda a: copy.copy(a) * copy.deepcopy(a), x)
    if np.ndim(x) > 1:
        check(lambda a: a.diagonal() * a.trace().sum(), x)
        check(lambda a: a.item((0,) * np.ndim(a)) * a.item(*(0,) * np.ndim(a)), x, single=False)


def test_methods_that_answer_questions():
    def f(x):
        assert x.argmax() == np.argmax(MATRIX)
        assert x.argmin(axis=0).tolist() == np.argmin(MATRIX, axis=0).tolist()
        assert (x > -99).all()
        assert x.any()
        assert x.argsort(axis=None)[0] == np.argmin(MATRIX)
        assert len(x.nonzero()) == 2
        assert np.ravel(np.sort(x, axis=None)).searchsorted(0.0) == np.sum(MATRIX < 0)
        assert x.astype(int).dtype == int
        assert not da.is_traced(x.astype(bool))
        with pytest.raises(AttributeError, match="tobytes"):
            x.tobytes()
        return x

    da.vjp(f, MATRIX)
    da.jvp(f, (MATRIX,), (MATRIX,))


def test_a_cast_keeps_the_derivative_of_floating_kinds():
    y, dy = da.jvp(lambda a: a.astype(np.float32), (MATRIX,), (MATRIX,))
    assert y.dtype == dy.dtype == np.float32
    assert da.grad(lambda a: np.sum(a.astype(np.float32) ** 2))(MATRIX).dtype == np.float64
    assert np.all(da.grad(lambda a: np.sum(a.astype(int) * a))(MATRIX) == MATRIX.astype(int))
    with pytest.raises(TypeError, match="Cannot cast"):
        da.vjp(lambda a: a.astype(np.float32, casting="safe"), MATRIX)


@pytest.mark.parametrize("call", [
    lambda x: np.take(x, 99), lambda x: np.choose([0, 3], [x[0, :2], x[1, :2]]), lambda x: np.clip(x, 1),
    lambda x: np.take_along_axis(x, np.array([0]), 1), lambda x: np.insert(x, 99, 0), lambda x: np.select([], []),
    lambda x: np.select([MASK], [x, x]), lambda x: np.diag(np.ones((2, 2, 2)) * x[0, 0]), lambda x: np.trace(x[0]),
    lambda x: np.put(x * 1, [99], x[0, 0]), lambda x: np.place(x * 1, MASK, []), lambda x: np.putmask(x * 1, MASK[0], x),
    lambda x: np.interp(x, [1.0, 2.0], [1.0, 2.0, 3.0]), lambda x: np.extract([True] * 13, x), lambda x: np.where(MASK, x),
    lambda x: np.sort(x, axis=4), lambda x: np.partition(x, 9), lambda x: np.fill_diagonal(x[0] * 1, 1.0), lambda x: x.item(),
    lambda x: np.compress([[True]], x), lambda x: np.delete(x, 77), lambda x: np.sort(x, kind="heapsort", stable=True),
])
def test_raises_where_numpy_raises(call):
    kind = raised(call, MATRIX)
    with pytest.raises(kind):
        da.vjp(call, MATRIX)
    with pytest.raises(kind):
        da.jvp(call, (MATRIX,), (MATRIX,))


def test_functions_with_rules_pickle_when_their_function_does():
    assert pickle.loads(pickle.dumps(da.grad(np.sum)))(VECTOR).tolist() == [1.0] * 5
