"""The short ways that plain calls of NumPy functions take to their records: same values, derivatives, errors, and few copies."""

import numpy as np
import pytest
from compare import assert_close
from rule_checks import array, check, check_same

import dualad as da
from dualad import _core

RNG = np.random.default_rng(12)
X = array(RNG, 6)
A = array(RNG, 3, 3) + 3 * np.eye(3)
CUBE = array(RNG, 2, 3, 4)


def recorded(f, *points):
    """The records that f makes of its arguments."""
    tape = _core.begin()
    try:
        variables, _ = _core.fresh_all(tape, [p.copy() for p in points])
        first = len(points)
        f(*variables)
        n = sum(1 for op in _core.recorded_nodes(tape)["op"] if op == _core.NODE_OPS["array"])
        return [_core.recorded_step(tape, k) for k in range(first, n)]
    finally:
        _core.end(tape)


# ---- what functions compute when no option asks for more ----

USUAL = {
    "sort": (np.sort, X), "sort_matrix": (np.sort, A), "sort_columns": (np.sort, np.asfortranarray(A)),
    "sort_back": (np.sort, X[::-1]),
    "trace": (np.trace, A), "trace_wide": (np.trace, CUBE[0]), "trace_cube": (np.trace, CUBE), "norm": (np.linalg.norm, X),
    "norm_matrix": (np.linalg.norm, A), "interp": (lambda x: np.interp(x, np.arange(4.0), np.arange(4.0) ** 2), X),
    "einsum": (lambda x: np.einsum("ij,jk->ik", x, A), A), "einsum_one": (lambda x: np.einsum("ii", x), A),
    "einsum_options": (lambda x: np.einsum("ij,jk", x, A, optimize=True), A),
    "einsum_lists": (lambda x: np.einsum(x, [0, 1], [1, 0]), A),
    "flip": (np.flip, X), "flip_all": (np.flip, CUBE), "flip_axis": (lambda x: np.flip(x, 1), CUBE),
    "flip_axes": (lambda x: np.flip(x, (0, -1)), CUBE),
    "concatenate": (lambda x: np.concatenate((x, A)), A), "concatenate_axis": (lambda x: np.concatenate([A, x], axis=1), A),
    "concatenate_flat": (lambda x: np.concatenate((x, A), None), A),
    "concatenate_kind": (lambda x: np.concatenate((x, A), dtype="f4"), A),
    "stack": (lambda x: np.stack((x, A)), A), "stack_axis": (lambda x: np.stack([A, x], axis=-1), A),
}  # fmt: skip


@pytest.mark.parametrize("case", USUAL)
def test_usual_calls(case):
    f, x = USUAL[case]
    check_same(f, x)
    if case != "concatenate_kind":
        check(lambda x: f(x * x), x)


WRONG = [np.trace, np.sort, lambda x: np.concatenate((x, 1.0)), lambda x: np.flip(x, 1), lambda x: np.stack((x, X[:2]))]


@pytest.mark.parametrize("f", WRONG)
def test_they_raise_what_numpy_raises(f):
    wrong = np.array(1.0) if f is np.sort else X
    with pytest.raises((ValueError, IndexError)) as plain:
        f(wrong)
    with pytest.raises(type(plain.value)):
        da.vjp(f, wrong)


@pytest.mark.parametrize(("join", "to"), [(np.concatenate, (4,)), (np.stack, (2, 2))])
def test_out_by_position(join, to):
    def f(x):
        out = np.zeros(to)
        join((x, 2 * x), 0, out)
        return np.sum(out * out)

    assert_close(da.grad(f)(np.array([1.0, 2.0])), [10.0, 20.0])


# ---- plain operands ----


def test_an_operand_that_did_not_change_is_copied_once():
    y = array(RNG, 6)

    def f(x):
        x * y
        np.dot(x, y)
        np.outer(x, y)
        y[2] = np.nan
        x * y
        x * y
        y[2] = 0.0
        x * y

    steps = [s for s in recorded(f, X) if s["kind"] in ("table", "primitive")]
    held = [s["y"] if s["kind"] == "table" else s["args"][1] for s in steps]
    assert held[0] is held[1] is held[2]
    assert held[3] is held[4]
    assert not any(a is y for a in held)
    assert held[2] is not held[3] is not held[5]
    assert [a[2] == a[2] for a in held] == [True, True, True, False, False, True]


@pytest.mark.parametrize(
    "other", [lambda y: y.view("i8"), lambda y: y.reshape(3, 2), lambda y: np.asfortranarray(y.reshape(2, 3)), lambda y: -0.0 * y]
)
def test_a_copy_serves_only_what_is_the_same_in_every_bit(other):
    for y in (array(RNG, 6), np.zeros(6)):
        z = other(y)
        for a, b in ((y, z), (z, y)):
            x = np.ones(np.shape(a))
            want = np.array(a, float), np.array(b, float)
            got = da.grad(lambda x: np.sum(x * a))(x), da.grad(lambda x: np.sum(x * b))(np.ones(np.shape(b)))
            both = da.grad(lambda x: np.sum(x * a) + np.sum(np.reshape(x, np.shape(b)) * b))(x)
            for g, w in zip(got, want, strict=True):
                np.testing.assert_array_equal(g, w)
            np.testing.assert_array_equal(both, want[0] + want[1].reshape(np.shape(a)))


def test_a_buffer_used_again_leaves_the_past_alone():
    def f(x):
        buffer, s = np.empty(6), 0.0
        for k in range(40):
            np.copyto(buffer, k % 3 + 1.0)
            s = s + np.dot(x, buffer) + np.sum(x * buffer) + np.where(buffer > 1.0, x, buffer)[0]
        return s

    class Plain:  # keeps the hook out: the buffer is a plain array
        buffer = np.empty(6)

    def g(x):
        s = 0.0
        for k in range(40):
            Plain.buffer[...] = k % 3 + 1.0
            s = s + np.dot(x, Plain.buffer) + np.sum(x * Plain.buffer) + np.where(Plain.buffer > 1.0, x, Plain.buffer)[0]
        return s

    want = np.full(6, 2.0 * sum(k % 3 + 1.0 for k in range(40)))
    want[0] += sum(k % 3 > 0 for k in range(40))
    assert_close(da.grad(g)(X), want)
    assert_close(da.grad(f)(X), want)


def test_linear_functions_hold_no_copies():
    y = array(RNG, 6)
    steps = recorded(lambda x: np.concatenate((x, y)) + np.stack((y, x)).ravel(), X)
    assert all(a is y for s in steps if s["kind"] == "primitive" for a, n in zip(s["args"], s["nodes"], strict=True) if n < 0)

    def f(x):
        out = np.concatenate((x, y)) * 2.0
        y[...] = np.nan  # after the value was taken
        return np.sum(out[:6])

    assert_close(da.grad(f)(X), np.full(6, 2.0))
    y[...] = 1.0
    assert_close(da.linearize(lambda x: np.concatenate((y, x)), X)[1](X), np.concatenate((0 * X, X)))


# ---- the sweep over basic indexing, and sums over the first axes ----

PARTS = {
    "row": lambda x: x[1], "last": lambda x: x[-1], "back": lambda x: x[::-1], "steps": lambda x: x[0, ::-2, 1],
    "column": lambda x: x[:, 1, 0],
    "inner": lambda x: x[1, 2], "new_axis": lambda x: x[None, 1], "rest": lambda x: x[..., 3],
    "numpy_int": lambda x: x[np.int64(1)],
    "vector_back": lambda x: x.ravel()[::-1], "vector_steps": lambda x: x.ravel()[20:3:-5],
    "vector_none": lambda x: x.ravel()[7:7],
}  # fmt: skip


@pytest.mark.parametrize("kind", "df")
@pytest.mark.parametrize("part", PARTS)
def test_parts_that_overlap_add_up(part, kind):
    take, x = PARTS[part], CUBE.astype(kind)
    want = np.zeros(x.shape)
    np.add.at(want.reshape(-1), take(np.arange(x.size).reshape(x.shape)), 2 * take(x) + 3.0)
    g = da.grad(lambda x: np.sum(take(x) * take(x)) + 3.0 * np.sum(take(x)))(x)
    assert_close(g, want.astype(kind), rtol=1e-6 if kind == "f" else 1e-12)


@pytest.mark.parametrize(("rows", "length"), [(1, 9), (2, 9), (40, 9), (40, 3), (0, 9), (5, 0), (17, 8)])
def test_sums_over_the_first_axes(rows, length):
    g, x = array(RNG, rows, 2, length), array(RNG, length)
    assert_close(da.vjp(lambda x: np.broadcast_to(x, (rows, 2, length)), x)[1](g)[0], g.sum((0, 1)))
    t = array(RNG, rows, 2, length)
    assert_close(da.jvp(lambda x: np.sum(x, axis=(0, 1)), (g,), (t,))[1], t.sum((0, 1)))
    assert_close(da.jvp(lambda x: np.sum(x, axis=0, keepdims=True), (g,), (t,))[1], t.sum(0, keepdims=True))
    assert_close(da.jvp(lambda x: np.sum(x, axis=1), (g,), (t,))[1], t.sum(1))
