"""Choices by masks and indices that are computed from the arguments: part of the program, not a reason to record again."""

import numpy as np
import pytest
from program_checks import assert_same, taken

import dualad as da

RNG = np.random.default_rng(5)
X = np.array([-1.03, 2.07, 0.53, -0.31, 1.23, -2.1])
Y = np.array([1.04, -2.2, -0.55, 0.7, -1.1, 0.4])
GRID, OTHER = RNG.normal(size=(2, 9, 5))


def stored(store):
    """A function that stores into a copy of its argument."""

    def f(x):
        y = x * 2.0
        store(y, x)
        return y

    return f


def by_order(x, values):
    return np.choose(np.argsort(np.argsort(x, axis=-1), axis=-1) % len(values), values)


SAME_SHAPE = {
    "select": lambda x: np.select([x < -0.5, x > 1], [x * x, np.sin(x)], x * 3),
    "select, numbers": lambda x: np.select([x < 0, x > 1], [0.0, x]),
    "choose": lambda x: np.choose((x > 0).astype(int), [x * x, np.sin(x)]),
    "choose, wrapped": lambda x: np.choose(np.floor(x * 2).astype(int), [x * x, np.sin(x), x], mode="wrap"),
    "choose, clipped": lambda x: np.choose(np.floor(x * 2).astype(int), [x * x, np.sin(x), x], mode="clip"),
    "choose, in order": lambda x: by_order(x, [x * x, np.sin(x), 2 * x, x + 1]),
    "piecewise": lambda x: np.piecewise(x, [x < -0.5, x > 1], [lambda v: v**2, np.sin, lambda v: 3 * v]),
    "piecewise, numbers": lambda x: np.piecewise(x, [x < 0], [-1.0, lambda v, k: np.sqrt(v) * k], 2.5),
    "piecewise, branches in it": lambda x: np.piecewise(x, [x < 0], [lambda v: np.where(v < -0.5, v, v * v), np.log]),
    "put_along_axis": stored(lambda y, x: np.put_along_axis(y, np.argsort(x, axis=-1)[..., :2], np.cos(x[..., :2]), -1)),
    "put_along_axis, repeated": stored(lambda y, x: np.put_along_axis(y, np.argsort(x, axis=-1) // 3, np.cos(x), -1)),
    "put_along_axis, flat": stored(lambda y, x: np.put_along_axis(y, np.argsort(x, axis=None)[:3], np.cos(x.reshape(-1)[:3]), None)),
    "copyto": stored(lambda y, x: np.copyto(y, x**2, where=x > 0)),
    "copyto, broadcast": stored(lambda y, x: np.copyto(y, x.sum() ** 2, where=x[..., :1] > 0)),
    "putmask": stored(lambda y, x: np.putmask(y, x > 0, x.reshape(-1)[:4] ** 2)),
    "place": stored(lambda y, x: np.place(y, x > 0, x.reshape(-1)[:2] ** 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME_SHAPE)
@pytest.mark.parametrize("points", [(X, Y, -X), (GRID, OTHER, -GRID)], ids=["small", "large"])
def test_masks_are_computed_anew(name, points):
    f = SAME_SHAPE[name]
    for h in (f, da.jacobian(f), da.grad(lambda x: np.sum(f(x) ** 2)), lambda x: da.jvp(f, (x,), (np.cos(x),))):
        assert taken(h, *[(p,) for p in points]) == 1


@pytest.mark.parametrize("name", SAME_SHAPE)
def test_values_are_numpys(name):
    """Eager runs, which share the rules."""
    f = SAME_SHAPE[name]
    for x in (X, Y, GRID):
        assert_same(da.value_and_grad(lambda x: np.sum(f(x) * np.cos(x)))(x)[0], np.sum(f(x) * np.cos(x)))
        numerical = [(np.sum(f(x + 1e-6 * e)) - np.sum(f(x - 1e-6 * e))) / 2e-6 for e in np.eye(x.size).reshape(-1, *x.shape)]
        np.testing.assert_allclose(da.grad(lambda x: np.sum(f(x)))(x).reshape(-1), numerical, rtol=1e-6, atol=1e-7)


NOT_ELEMENTWISE = {
    "mean": lambda v: v - np.mean(v), "length": lambda v: v * len(v), "first": lambda v: v * v[0], "sorted": np.sort,
    "ramp": lambda v: v + np.arange(v.size), "total": lambda v: v.sum() * np.ones(v.shape),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_ELEMENTWISE)
@pytest.mark.parametrize("first", [X, np.abs(X), -np.abs(X)], ids=["some", "all", "none"])
def test_pieces_that_are_not_elementwise(name, first):
    """A function of all the elements of a piece gets just these, in every program."""
    f = lambda x: np.piecewise(x, [x > 0], [NOT_ELEMENTWISE[name], np.exp])
    compiled = da.compile(f)
    for x in (first, Y, np.abs(X), X, -np.abs(Y), Y):
        assert_same(compiled(x), f(x))


def test_pieces_outside_their_domain():
    """A function is asked for elements of its own piece only."""
    def root(v):
        if np.any(da.value(v) < 0):
            raise ValueError("negative")
        return np.sqrt(v)

    with np.errstate(all="raise"):
        assert taken(lambda x: np.piecewise(x, [x > 0], [np.log, lambda v: v * 0]), (X,), (Y,)) == 1
    f = lambda x: np.piecewise(x, [x >= 0], [root, lambda v: -v])
    assert_same(da.compile(f)(X), f(X))


def test_a_choice_out_of_bounds():
    compiled = da.compile(lambda x: np.choose(np.floor(x).astype(int), [x, x * x]))
    assert_same(compiled(np.array([0.5, 1.5])), np.array([0.5, 2.25]))
    with pytest.raises(ValueError, match="invalid entry"):
        compiled(np.array([0.5, 2.5]))


@pytest.mark.parametrize("f", [lambda x: np.extract(x > 0, x) * 2, lambda x: np.compress(x > 0, x) * 2], ids=["extract", "compress"])
def test_shapes_that_follow_a_mask_are_guards(f):
    assert taken(f, (X,), (X * 1.01,), (Y,)) == 2
