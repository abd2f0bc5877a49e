"""Tests that the operation table generates: values and derivatives of each operation inside the domain that its line states."""

import itertools

import exact
import numpy as np
import pytest
from compare import assert_close, assert_identical
from table import BINARY, OPS, TABLE, UNARY, draw, points, unit

import dualad as da


def layouts(name, rng):
    """Operands in every memory layout that NumPy's loops tell apart."""
    arity = OPS[name]["arity"]
    for n in (1, 2, 7, 8, 16, 33, 200):
        yield f"contiguous {n}", draw(name, [(n,)] * arity, rng)
    long = draw(name, [(66,)] * arity, rng)
    yield "strided", [a[::2] for a in long]
    yield "reversed", [a[::-1] for a in long]
    yield "columns", [a.reshape(6, 11)[:, 3] for a in long]
    yield "transposed", [a.reshape(6, 11).T for a in long]
    yield "Fortran", [np.asfortranarray(a.reshape(6, 11)) for a in long]
    yield "one operand strided", [long[0].reshape(2, 33)[:, ::2], *[a.reshape(2, 33)[:, :17].copy() for a in long[1:]]]
    yield "3-d", [a.reshape(2, 3, 11)[:, ::-1, 1::3] for a in long]
    yield "unaligned", [np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(np.float64) for a in long]
    yield "0-d", draw(name, [()] * arity, rng)
    yield "empty", [np.empty((0,))] * arity
    yield "empty 2-d", [np.empty((3, 0))] * arity
    yield "python", draw(name, [None] * arity, rng)
    yield "numpy scalar", [np.float64(v) for v in draw(name, [None] * arity, rng)]
    yield "stretched", [np.broadcast_to(a, (4, 5)) for a in draw(name, [(5,), (4, 1)][:arity], rng)]
    if arity == 2:
        yield "broadcast", draw(name, [(3, 1), (4,)], rng)
        yield "broadcast 3-d", draw(name, [(2, 1, 3), (4, 1)], rng)
        yield "array, python", draw(name, [(5,), None], rng)
        yield "python, array", draw(name, [None, (5,)], rng)
        yield "0-d, array", draw(name, [(), (5,)], rng)
        yield "array, empty", [np.empty((0,)), draw(name, [(), None], rng)[0]]


def traced_values(f, args):
    """The value of f under every kind of tracing, every choice of traced operands."""
    tangents = [np.ones(np.shape(a)) if np.ndim(a) else 1.0 for a in args]
    for chosen in itertools.product((False, True), repeat=len(args)):
        if not any(chosen):
            continue
        slots = [i for i, c in enumerate(chosen) if c]
        g = lambda *xs, slots=slots: f(*[xs[slots.index(i)] if i in slots else a for i, a in enumerate(args)])
        xs, ts = tuple(args[i] for i in slots), tuple(tangents[i] for i in slots)
        yield da.jvp(g, xs, ts)[0]
        yield da.vjp(g, *xs)[0]
        yield da.jvp(lambda *a, g=g, ts=ts: da.jvp(g, a, ts)[0], xs, ts)[0]
        yield da.vjp(lambda *a, g=g, ts=ts: da.jvp(g, a, ts)[0], *xs)[0]
        yield da.vjp(lambda *a, g=g: da.vjp(g, *a)[0], *xs)[0]


# ---- the table itself -----------------------------------------------------------------------------------------------
def test_every_line_says_what_it_must():
    names = [op["name"] for op in TABLE]
    assert len(set(names)) == len(names) >= 60
    for op in TABLE:
        assert op["arity"] == len(op["lo"]) == len(op["hi"]) == len(op["partials"])
        assert all(lo < hi for lo, hi in zip(op["lo"], op["hi"], strict=True))
        assert op["value"].strip()
        assert all(p.strip() for p in op["partials"])


def test_every_ufunc_of_the_table_has_an_independent_definition():
    known = {*exact.FUNCTIONS, *exact.STATED}
    assert set(OPS) == known


def test_every_floating_ufunc_of_numpy_is_in_the_table():
    """All ufuncs with a loop from doubles to one double; what returns integers, booleans or two results is not elementary."""
    composed = {"conjugate", "matmul", "vecdot", "matvec", "vecmat"}
    for name in sorted({u.__name__ for u in vars(np).values() if isinstance(u, np.ufunc)}):
        ufunc = getattr(np, name)
        if {"d->d", "dd->d"} & set(ufunc.types):
            assert name in OPS or name in composed, f"np.{name} has no line in the table"


# ---- values ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OPS)
def test_values_are_numpys_bit_for_bit(name, rng):
    f = getattr(np, name)
    for layout, args in layouts(name, rng):
        for a in args:
            if isinstance(a, np.ndarray):
                a.flags.writeable = False
        want = f(*args)
        for got in traced_values(f, args):
            try:
                assert_identical(got, want)
            except AssertionError as e:
                raise AssertionError(f"{name}, {layout}: {e}") from e


@pytest.mark.parametrize("name", OPS)
def test_values_at_special_points(name):
    points = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan, 5e-324, 1e-310, 1e308, -1e308, 1e-8, 710.0, -745.5]
    f = getattr(np, name)
    with np.errstate(all="ignore"):
        arrays = [np.array(c) for c in zip(*itertools.product(points, repeat=OPS[name]["arity"]), strict=True)]
        for got in traced_values(f, arrays):
            assert_identical(got, f(*arrays))
        for args in zip(*arrays, strict=True):
            want = f(*args)
            assert_identical(da.jvp(f, args, (1.0,) * len(args))[0], want)
            assert_identical(da.vjp(f, *args)[0], want)


@pytest.mark.parametrize("name", OPS)
def test_warnings_are_numpys(name):
    """np.errstate decides what becomes of a floating-point event in the value; derivatives never report any."""
    f, arity = getattr(np, name), OPS[name]["arity"]
    for point in itertools.product([0.0, 1.0, -2.0, 1000.0, np.inf], repeat=arity):
        for args in (tuple(map(np.float64, point)), tuple(np.array([p, 0.5]) for p in point)):
            plain = _events(f, args)
            assert _events(lambda *a: da.jvp(f, a, tuple(0.5 * np.ones(np.shape(x)) for x in a)), args) == plain, (name, args)
            assert _events(lambda *a: da.vjp(f, *a)[1](np.ones(np.shape(a[0]))), args) == plain, (name, args)


def _events(f, args):
    seen = set()
    with np.errstate(all="call", call=lambda kind, flag: seen.add(kind)):
        f(*args)
    return seen


# ---- derivatives ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OPS)
def test_first_derivatives(name, rng):
    f, arity = getattr(np, name), OPS[name]["arity"]
    at = points(name, rng)
    arrays = tuple(np.array(c) for c in zip(*at, strict=True))
    for i in range(arity):
        want = [exact.derivative(name, p, unit(i, arity)) for p in at]
        for p, w in zip(at, want, strict=True):
            for args in (p, tuple(map(np.float64, p)), tuple(map(np.array, p))):
                one = lambda x, args=args, i=i: f(*args[:i], x, *args[i + 1 :])
                assert_close(da.jvp(f, args, unit(i, arity, 1.0))[1], w, rtol=1e-13)
                assert_close(da.jvp(one, (args[i],), (1.0,))[1], w, rtol=1e-13)
                assert_close(da.grad(f, i)(*args), w, rtol=1e-13)
                assert_close(da.grad(one)(args[i]), w, rtol=1e-13)
        ones = np.ones(len(at))
        assert_close(da.jvp(f, arrays, tuple(u * ones for u in unit(i, arity)))[1], np.array(want), rtol=1e-13)
        assert_close(da.vjp(f, *arrays)[1](ones)[i], np.array(want), rtol=1e-13)
        assert_close(da.jacobian(f, i)(*arrays), np.diag(want), rtol=1e-13)
        assert_close(da.jacobian(f, i, mode="forward")(*arrays), np.diag(want), rtol=1e-13)
        assert_close(da.elementwise_grad(f, i)(*arrays), np.array(want), rtol=1e-13)


@pytest.mark.parametrize("name", OPS)
def test_second_derivatives(name, rng):
    f, arity = getattr(np, name), OPS[name]["arity"]
    forward = lambda g, i: lambda *a: da.jvp(g, a, tuple(np.full(np.shape(x), float(k == i)) for k, x in enumerate(a)))[1]
    modes = {"F": forward, "R": lambda g, i: da.elementwise_grad(g, i)}
    at = points(name, rng, 3)
    arrays = tuple(np.array(c) for c in zip(*at, strict=True))
    for i, k in itertools.product(range(arity), repeat=2):
        orders = tuple(a + b for a, b in zip(unit(i, arity), unit(k, arity), strict=True))
        want = [exact.derivative(name, p, orders) for p in at]
        for first, second in itertools.product("FR", repeat=2):
            g = modes[second](modes[first](f, i), k)
            assert_close(g(*arrays), np.array(want), rtol=1e-12)
            assert_close(g(*at[0]), want[0], rtol=1e-12)


@pytest.mark.parametrize("name", UNARY)
def test_taylor_coefficients(name, rng):
    f = getattr(np, name)
    (x,) = points(name, rng, 1)[0]
    want = [float(f(x))] + [exact.derivative(name, (x,), (k,)) for k in range(1, 7)]
    coefficients = da.taylor(f, x, 6)
    assert len(coefficients) == 7
    for k, c in enumerate(coefficients):
        assert_close(c * float(np.prod(np.arange(1.0, k + 1))), want[k], rtol=1e-10)
        if k:
            assert_close(da.derivative(f, order=k)(x), want[k], rtol=1e-10)


@pytest.mark.parametrize("name", BINARY)
def test_taylor_coefficients_of_two_operands(name, rng):
    f, point = getattr(np, name), points(name, rng, 1)[0]
    for i, k in itertools.product(range(2), range(1, 5)):
        g = lambda t, i=i: f(*point[:i], t, *point[i + 1 :])
        assert_close(da.derivative(g, order=k)(point[i]), exact.derivative(name, point, unit(i, 2, k)), rtol=1e-11, atol=1e-13)
    both = [exact.derivative(name, point, orders) for orders in ((2, 0), (1, 1), (0, 2))]
    path = lambda t: f(point[0] + t, point[1] + 0.5 * t)
    assert_close(da.derivative(path, order=2)(0.0), both[0] + both[1] + both[2] / 4, rtol=1e-11, atol=1e-13)


SHAPES = (
    [[(5,)], [(2, 3)], [()]],
    [[(5,), (5,)], [(3, 1), (4,)], [(), (4,)], [(4,), ()], [(2, 1, 3), (4, 1)], [(1,), (4,)], [(3,), None]],
)


@pytest.mark.parametrize("name", OPS)
def test_reverse_is_the_adjoint_of_forward(name, rng):
    f, arity = getattr(np, name), OPS[name]["arity"]
    for shapes in SHAPES[arity - 1]:
        args = draw(name, shapes, rng)
        tangents = [rng.standard_normal(np.shape(a)) if np.ndim(a) else rng.standard_normal() for a in args]
        y, dy = da.jvp(f, args, tangents)
        g = rng.standard_normal(np.shape(y))
        cotangents = da.vjp(f, *args)[1](g)
        for a, c in zip(args, cotangents, strict=True):
            assert np.shape(c) == np.shape(a)
        left, right = np.sum(g * dy), sum(np.sum(c * t) for c, t in zip(cotangents, tangents, strict=True))
        size = np.sum(np.abs(g * dy))
        assert abs(left - right) <= 1e-13 * max(1.0, size), (name, shapes)


@pytest.mark.parametrize("name", OPS)
def test_many_seeds_are_a_stack_of_single_ones(name, rng):
    """Also with the number of seeds equal to a dimension, where broadcasting hides a missing axis."""
    f, arity = getattr(np, name), OPS[name]["arity"]
    for shapes in ([(4,), (4,)], [(4, 1), (4,)], [(2, 2), (2,)]):
        args = draw(name, shapes[:arity], rng)
        for i in range(arity):
            out = np.shape(f(*args))
            pull = da.vjp(f, *args)[1]
            rows = [pull(e)[i] for e in np.eye(int(np.prod(out))).reshape(-1, *out)]
            assert_close(da.jacobian(f, i, mode="reverse")(*args), np.reshape(rows, out + args[i].shape), rtol=1e-14)
            assert_close(da.jacobian(f, i, mode="forward")(*args), np.reshape(rows, out + args[i].shape), rtol=1e-13)


