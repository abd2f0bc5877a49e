"""Shapes, axes, joining, splitting, padding: value, both modes, seeds, second order, float32."""

import numpy as np
import pytest
from rule_check import check, raised
from rule_inputs import ALL, ARRAYS, COMPLEX, CUBE, EMPTY, MATRIX, REAL, ROW, SCALAR, VECTOR, cases, products, rows

import dualad as da

ANY_RANK = {
    "ravel": np.ravel,
    "reshape": lambda a: np.reshape(a, (-1, 1)),
    "reshape_fortran": lambda a: np.reshape(a, (1, -1), order="F"),
    "transpose": np.transpose,
    "expand_dims": lambda a: np.expand_dims(a, (0, -1)),
    "atleast_1d": np.atleast_1d,
    "atleast_2d": np.atleast_2d,
    "atleast_3d": np.atleast_3d,
    "broadcast_to": lambda a: np.broadcast_to(a, (2, *np.shape(a))),
    "tile": lambda a: np.tile(a, 2),
    "tile_more": lambda a: np.tile(a, (2, 1, 3)),
    "repeat_flat": lambda a: np.repeat(a, 3),
    "resize": lambda a: np.resize(a, (3, 7)),
    "flip": np.flip,
    "roll_flat": lambda a: np.roll(a, 2),
    "copy": np.copy,
    "stack": lambda a: np.stack([a, a * 2], axis=-1),
    "stack_plain": lambda a: np.stack([a, np.float32(2) * np.ones(np.shape(a), np.float32)], axis=0),
    "hstack": lambda a: np.hstack([a, a * 2]),
    "vstack": lambda a: np.vstack([a, a * a]),
    "dstack": lambda a: np.dstack([a, a]),
    "block": lambda a: np.block([[a, a], [a, 2 * a]]),
}
WITH_AXES = {
    "repeat": lambda a: np.repeat(a, 3, axis=-1),
    "roll": lambda a: np.roll(a, (1, 2), (0, -1)),
    "roll_twice": lambda a: np.roll(a, (1, 1), 0),
    "flipud": np.flipud,
    "concatenate": lambda a: np.concatenate([a, 2 * a, a], axis=-1),
    "concatenate_flat": lambda a: np.concatenate([a, a * a], axis=None),
    "split": lambda a: np.split(a, np.shape(a)[-1], axis=-1),
    "split_at": lambda a: np.split(a, [1, 1, 2]),
    "array_split": lambda a: np.array_split(a, 2),
    "unstack": lambda a: np.unstack(a, axis=-1),
    "append": lambda a: np.append(a, a * 2, axis=0),
    "squeeze": lambda a: np.squeeze(np.expand_dims(a, 1)),
    "resize_empty": lambda a: np.resize(a, (0, 2)),
}
MATRICES = {
    "roll": lambda a: np.roll(a, 1, 0),
    "fliplr": np.fliplr,
    "flip_axes": lambda a: np.flip(a, (0, -1)),
    "rot90": np.rot90,
    "rot180": lambda a: np.rot90(a, 2),
    "rot270": lambda a: np.rot90(a, 3, (-1, 0)),
    "swapaxes": lambda a: np.swapaxes(a, 0, -1),
    "moveaxis": lambda a: np.moveaxis(a, 0, -1),
    "moveaxis_two": lambda a: np.moveaxis(a, (0, 1), (-1, 0)),
    "rollaxis": lambda a: np.rollaxis(a, -1),
    "matrix_transpose": np.matrix_transpose,
    "T": lambda a: a.T,
    "mT": lambda a: a.mT,
    "transpose_axes": lambda a: np.transpose(a, tuple(range(1, np.ndim(a))) + (0,)),
    "hsplit": lambda a: np.hsplit(a, [1]),
    "vsplit": lambda a: np.vsplit(a, [1]),
    "ravel_fortran": lambda a: np.ravel(a, "F"),
    "ravel_memory": lambda a: np.ravel(np.swapaxes(a, 0, -1), "K"),
    "reshape_any": lambda a: np.reshape(np.transpose(a), -1, order="A"),
}


@pytest.mark.parametrize(("f", "x"), [*products(ANY_RANK, ALL), *products(WITH_AXES, ARRAYS),
                                      *products(MATRICES, {"matrix": MATRIX, "cube": CUBE, "complex": COMPLEX})])
def test_one_operand(f, x):
    check(f, x)


@pytest.mark.parametrize(("f", "xs"), cases(
    repeat_counts=(lambda a: np.repeat(a, [1, 0, 2, 3, 1]), VECTOR),
    dsplit=(lambda a: np.dsplit(a, 2), CUBE),
    squeeze_axis=(lambda a: np.squeeze(a, 1), rows((3, 1, 2))),
    column_stack=(lambda a, b: np.column_stack([a, b]), rows((4, 2)), ROW),
    concatenate=(lambda a, b: np.concatenate([a, b, a]), MATRIX, rows((2, 4))),
    concatenate_dtype=(lambda a, b: np.concatenate([a, b], dtype=np.float64), MATRIX, rows((2, 4))),
    stack_three=(lambda a, b, c: np.stack([a, b, c], 1), ROW, rows(4), rows(4, 2)),
    hstack=(lambda a, b: np.hstack((a, b)), VECTOR, SCALAR),
    append_list=(lambda a, b: np.append(a, [b, b * b]), MATRIX, SCALAR),
    block=(lambda a, b, c: np.block([[a, b], [c]]), rows((2, 2)), rows((2, 3)), rows((1, 5))),
    broadcast_arrays=(lambda a, b: np.broadcast_arrays(a, b), MATRIX, ROW),
    meshgrid=(lambda a, b: np.meshgrid(a, b), VECTOR, rows(3)),
    meshgrid_ij=(lambda a, b, c: np.meshgrid(a, b, c, indexing="ij"), rows(2), rows(3), rows(4)),
    meshgrid_sparse=(lambda a, b: np.meshgrid(a, b, sparse=True), VECTOR, rows(3)),
    atleast_many=(lambda a, b: np.atleast_2d(a, b), VECTOR, SCALAR),
    empty_concatenate=(lambda a: np.concatenate([a, a]), EMPTY),
    empty_transpose=(np.transpose, EMPTY),
    empty_tile=(lambda a: np.tile(a, 2), EMPTY),
    linspace=(lambda a, b: np.linspace(a, b, 7), SCALAR, np.array(2.0)),
    linspace_arrays=(lambda a, b: np.linspace(a, b, 4, endpoint=False, axis=-1), MATRIX, ROW),
    linspace_step=(lambda a, b: np.linspace(a, b, 4, retstep=True), MATRIX, SCALAR),
    logspace=(lambda a, b: np.logspace(a, b, 5), np.array(0.3), np.array(1.0)),
    logspace_base=(lambda a, b, c: np.logspace(a, b, 5, base=c), np.array(0.3), np.array(1.0), np.array(2.5)),
    geomspace=(lambda a, b: np.geomspace(a, b, 5, axis=1), rows((2, 3)) ** 2 + 0.5, rows(3) ** 2 + 1),
    geomspace_one=(lambda a, b: np.geomspace(a, b, 1), np.array(1.0), np.array(2.0)),
    windows=(lambda a: np.lib.stride_tricks.sliding_window_view(a, (2, 2)), MATRIX),
    apply_along=(lambda a: np.apply_along_axis(lambda r: r * np.sum(r), 0, a), CUBE),
    apply_along_scalar=(lambda a: np.apply_along_axis(np.sum, 1, a), CUBE),
    apply_along_matrix=(lambda a: np.apply_along_axis(lambda r: np.multiply.outer(r, r), 1, a), CUBE),
    apply_over=(lambda a: np.apply_over_axes(np.sum, a, [0, 2]), CUBE),
))
def test_several_operands(f, xs):
    check(f, *xs)


MODES = ["constant", "edge", "wrap", "reflect", "symmetric", "linear_ramp", "mean", "maximum", "minimum", "median"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("x", [pytest.param(x, id=name) for name, x in ARRAYS.items()])
def test_pad(mode, x):
    if x is COMPLEX and mode in ("maximum", "minimum", "median"):
        x = COMPLEX.real
    check(lambda a: np.pad(a, 2, mode), x)
    check(lambda a: np.pad(a, [(1, 4)] * np.ndim(a), mode), x)


def double_edges(line, widths, axis, options):
    line[: widths[0]] = line[widths[0]] * 2
    line[len(line) - widths[1] :] = options.get("fill", 10.0)


@pytest.mark.parametrize(("f", "xs"), cases(
    reflect_odd=(lambda a: np.pad(a, 7, "reflect", reflect_type="odd"), MATRIX),
    symmetric_odd=(lambda a: np.pad(a, (5, 9), "symmetric", reflect_type="odd"), VECTOR),
    single=(lambda a: np.pad(a, 2, "reflect", reflect_type="odd"), rows(1)),
    stat_length=(lambda a: np.pad(a, (1, 4), "mean", stat_length=2), MATRIX),
    stat_lengths=(lambda a: np.pad(a, (1, 4), "maximum", stat_length=((2, 1), (3, 9))), MATRIX),
    values=(lambda a: np.pad(a, (1, 2), constant_values=(3.0, 4.0)), CUBE),
    traced_values=(lambda a: np.pad(a, (1, 2), constant_values=a[0, 0]), MATRIX),
    traced_pairs=(lambda a: np.pad(a, (1, 2), "linear_ramp", end_values=((a[0, 0], 1.0), (2.0, a[1, 1]))), MATRIX),
    ramp=(lambda a: np.pad(a, ((0, 0), (2, 1)), "linear_ramp", end_values=3.0), MATRIX),
    axes=(lambda a: np.pad(a, {0: 2, -1: (1, 2)}), MATRIX),
    function=(lambda a: np.pad(a, 2, double_edges, fill=3.0), MATRIX),
))
def test_pad_options(f, xs):
    check(f, *xs)


def test_stores_through_views_reach_the_base():
    def f(x):
        y = x * 1.0
        y.reshape(3, 2)[1] = x[0] * 10
        y.T[0] = x[5] * y.T[0]
        np.ravel(y)[5] = 7.0
        np.moveaxis(np.reshape(y, (2, 3)), 0, 1)[2, 0] = x[1]
        return y

    def plain(x):
        y = x * 1.0
        y.reshape(3, 2)[1] = x[0] * 10
        y.T[0] = x[5] * y.T[0]
        np.ravel(y)[5] = 7.0
        np.moveaxis(np.reshape(y, (2, 3)), 0, 1)[2, 0] = x[1]
        return y

    check(f, np.arange(1.0, 7.0))
    np.testing.assert_array_equal(da.vjp(f, np.arange(1.0, 7.0))[0], plain(np.arange(1.0, 7.0)))


def test_list_and_object_array_operands():
    x = np.array([0.3, 0.7])
    check(lambda a: np.concatenate([a, [a[0] * a[1], 2.0]]), x)
    check(lambda a: np.stack([[a[0], a[1] * a[0]], a]), x)
    check(lambda a: np.vstack([np.array([a[0], a[1] * 3]), a]), x)
    check(lambda a: np.where([True, False], a, [a[1], a[0]]), x)


@pytest.mark.parametrize("call", [
    lambda x: np.reshape(x, (5, 5)), lambda x: np.transpose(x, (0, 0)), lambda x: np.transpose(x, (0,)),
    lambda x: np.squeeze(x, 0),
    lambda x: np.swapaxes(x, 0, 2), lambda x: np.broadcast_to(x, (3, 5)), lambda x: np.concatenate([x, x[0]]),
    lambda x: np.stack([x, x[:2]]), lambda x: np.split(x, 2), lambda x: np.expand_dims(x, 5), lambda x: np.flip(x, 3),
    lambda x: np.rot90(x, 1, (0, 0)), lambda x: np.hsplit(x[0, 0], 1), lambda x: np.pad(x, 1, "nonsense"),
    lambda x: np.pad(x, -1),
    lambda x: np.tile(x, -1), lambda x: np.repeat(x, -1), lambda x: np.moveaxis(x, 0, 7), lambda x: np.block([[x], x]),
    lambda x: np.array_split(x, 0), lambda x: np.roll(x, 1, 5), lambda x: np.matrix_transpose(x[0]), lambda x: np.fliplr(x[0]),
])
def test_raises_where_numpy_raises(call):
    kind = raised(call, MATRIX)
    for mode in (lambda: da.vjp(call, MATRIX), lambda: da.jvp(call, (MATRIX,), (MATRIX,))):
        with pytest.raises(kind):
            mode()


def test_results_share_no_memory_with_inputs():
    for f in (np.ravel, np.transpose, lambda a: np.broadcast_to(a, (2, 3, 4)), lambda a: a.reshape(4, 3), np.flip):
        y, dy = da.jvp(f, (MATRIX,), (MATRIX,))
        assert not np.shares_memory(y, MATRIX)
        assert not np.shares_memory(dy, MATRIX)
        assert not np.shares_memory(da.vjp(f, MATRIX)[0], MATRIX)


def test_shapes_and_types_are_plain():
    def f(x):
        assert (np.shape(x), np.ndim(x), np.size(x), np.size(x, 0)) == ((3, 4), 2, 12, 3)
        assert not np.iscomplexobj(x)
        assert np.isrealobj(x)
        assert np.result_type(x, np.float32) == np.float64
        assert np.array_equal(x, MATRIX)
        assert np.isfinite(x).all()
        assert isinstance(np.argsort(x, axis=None), np.ndarray)
        assert np.argmax(x) == np.argmax(MATRIX)
        assert np.searchsorted(np.sort(x, axis=None), 0.0) == np.sum(MATRIX < 0)
        return x

    da.vjp(f, MATRIX)
    da.jvp(f, (MATRIX,), (MATRIX,))


def test_buffers_in_the_image_of_a_traced_array_take_stores():
    def f(x):
        out = np.zeros_like(x)
        for i in range(len(x)):
            out[i] = x[i] ** 2
        rest = np.empty_like(x, shape=(2,))
        rest[0], rest[1] = x[0] * x[1], x[2]
        ones = np.ones_like(x)
        ones[1] = x[1]
        return np.concatenate([out, rest, ones, np.full_like(x, x[0]), np.full_like(x, 3.0)])

    check(f, VECTOR)
    assert isinstance(da.vjp(lambda x: [np.zeros_like(x, dtype=int), x], VECTOR)[0][0], np.ndarray)
    assert np.all(da.grad(lambda x: np.sum(np.zeros_like(x)))(VECTOR) == 0)


@pytest.mark.parametrize("x", [pytest.param(x, id=name) for name, x in REAL.items()])
def test_methods_of_shape(x):
    check(lambda a: a.reshape(-1), x)
    check(lambda a: a.reshape((-1, 1)), x)
    check(lambda a: a.flatten() * a.ravel(), x)
    check(lambda a: a.transpose(), x)
    check(lambda a: a.transpose(*range(np.ndim(a) - 1, -1, -1)), x)
    check(lambda a: a.transpose(tuple(range(np.ndim(a)))), x)
    check(lambda a: a.swapaxes(0, -1), x)
    check(lambda a: a[None].squeeze(0), x)
    check(lambda a: a.repeat(2, axis=0), x)
    check(lambda a: a.copy() * a, x)
