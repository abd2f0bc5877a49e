"""Where Python's course depends on values: another course is another version, and never a wrong result."""

import math
import warnings

import numpy as np
import pytest
from program_checks import branch, check, taken

import dualad as da
from dualad import errors

TABLE = [10.0, 20.0, 30.0, 40.0]
X = np.array([0.3, -1.2, 2.5, 0.9])


def loop(x):
    n = 0
    while x < 10.0:
        x = x * 2.0
        n += 1
    return x + n


BRANCHES = {
    "if": (branch, [(0.5,), (2.0,), (0.7,), (3.0,)], 2),
    "while": (loop, [(3.0,), (3.1,), (9.0,), (3.2,)], 2),
    "bool": (lambda x: x + 1.0 if x else -1.0, [(2.0,), (0.0,), (-0.0,), (3.0,)], 2),
    "and": (lambda x, y: x if x > 0 and y > 0 else y, [(1.0, 2.0), (-1.0, 2.0), (1.0, -2.0), (2.0, 3.0)], 3),
    "int": (lambda x: x * int(x), [(2.5,), (2.7,), (3.5,)], 2),
    "floor": (lambda x: x - math.floor(x), [(2.5,), (2.7,), (3.5,)], 2),
    "round": (lambda x: x * round(x), [(2.4,), (2.1,), (3.4,)], 2),
    "list": (lambda x: x * TABLE[int(x)], [(2.4,), (2.1,), (1.4,)], 2),
    "dict": (lambda x: x * {0: 5.0, 1: 7.0}[int(x > 0)], [(2.4,), (2.1,), (-1.4,)], 2),
    "array": (lambda x: x[0] * np.array(TABLE)[int(x[1] > 0)], [(X,), (1.1 * X,), (-X,)], 2),
    "range": (lambda x: sum((x**k for k in range(int(x))), 0.0), [(3.5,), (3.2,), (5.1,)], 2),
    "all": (lambda x: np.sum(x) if np.all(x > -5) else np.prod(x), [(X,), (2 * X,), (9 * X,)], 2),
    "any": (lambda x: np.sum(x) if (x > 2).any() else np.prod(x), [(X,), (1.1 * X,), (0.1 * X,)], 2),
    "comparison of arrays": (lambda x: x[0] if np.max(x) > 2 else x[1], [(X,), (1.1 * X,), (0.1 * X,)], 2),
    "nan": (lambda x: 1.0 * x if x == x else -1.0, [(2.0,), (math.nan,), (3.0,), (math.nan,)], 2),
    "comparison with nan": (lambda x: 1.0 * x if x > 0 else 2.0 * x, [(math.nan,), (1.0,), (-1.0,)], 2),
    "nonzero": (lambda x: np.sum(x[np.nonzero(x > 0)]), [(X,), (1.1 * X,), (-X,), (np.abs(X),)], 3),
    "number of selected": (lambda x: np.nonzero(x > 0)[0].size * np.sum(x), [(X,), (1.1 * X,), (-X,), (np.abs(X),)], 3),
    "length of selected": (lambda x: len(x[x > 0]) * np.sum(x), [(X,), (1.1 * X,), (-X,), (np.abs(X),)], 3),
    "sorted": (lambda x: x[0] * max(x) + min(x[1], x[2]), [(X,), (1.1 * X,), (-X,)], 2),
    "zero": (lambda x: 1.0 / x if x != 0 else -1.0, [(2.0,), (0.0,), (3.0,), (-0.0,)], 2),
    "isnan": (lambda x: np.sum(x) if not np.isnan(x).any() else 0.0 * x[0], [(X,), (1.1 * X,), (X * [1, 1, 1, math.nan],)], 2),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_another_course_is_another_version(name):
    f, points, recordings = BRANCHES[name]
    assert taken(f, *points) <= recordings


@pytest.mark.parametrize("name", ["if", "while", "int", "array", "all", "nonzero"])
def test_the_gradient_follows_the_course(name):
    f, points, recordings = BRANCHES[name]
    assert taken(da.grad(f), *points) <= recordings


# Data that depends on values is computed again and needs no second version.
DATA = {
    "argmax": lambda x: x[np.argmax(x)] ** 2,
    "argsort": lambda x: x[np.argsort(x)] * np.arange(4.0),
    "sort": lambda x: np.sort(x) * np.arange(4.0),
    "where": lambda x: np.where(x > 0, x, x * x),
    "mask as a factor": lambda x: (x > 0) * x,
    "floor": lambda x: x - np.floor(x),
    "astype": lambda x: x * x.astype(int),
    "take": lambda x: np.take_along_axis(np.array(TABLE), np.argsort(x), 0) * x,
    "take of the nearest": lambda x: x * np.take_along_axis(np.array(TABLE), np.searchsorted(np.array([-1.0, 0.5, 1.5]), x), 0),
    "max": lambda x: np.max(x) ** 2,
    "median": lambda x: np.median(x) ** 2,
    "sign": lambda x: np.sign(x) * x,
    "abs": lambda x: np.abs(x),
    "clip": lambda x: np.clip(x, -1, 1) ** 2,
    "count": lambda x: np.sum(x) / np.count_nonzero(x < 100.0),
    "cumulative maximum": lambda x: np.maximum.accumulate(x),
    "round": lambda x: np.round(x) * x,
    "isfinite": lambda x: np.where(np.isfinite(x), x, 0.0),
    "interp": lambda x: np.interp(x, [-2.0, 0.0, 1.0, 3.0], [1.0, 4.0, 2.0, 0.0]),
}
DIFFERENTIABLE = [name for name in DATA if name != "astype"]


@pytest.mark.parametrize("name", DATA)
def test_data_needs_no_second_version(name):
    assert taken(DATA[name], (X,), (-X,), (X[::-1].copy(),), (3.3 * X,)) == 1


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_of_data_need_no_second_version(name):
    f = da.grad(lambda x: np.sum(np.sin(DATA[name](x))))
    assert taken(f, (X,), (-X,), (X[::-1].copy(),), (3.3 * X,)) == 1


def test_large_arrays_too():
    x = np.random.default_rng(0).normal(size=500)
    for name in DIFFERENTIABLE:
        if name not in ("argsort", "sort", "take", "take of the nearest", "cumulative maximum"):
            assert taken(da.grad(lambda x, name=name: np.sum(np.sin(DATA[name](x)))), (x,), (-x,), (x[::-1].copy(),)) == 1, name


# ---- arrays without derivative that change in place ----


def in_place(change):
    """A function that chooses by a mask, after a change of the mask."""
    def f(x):
        mask = x > 0
        change(mask, x)
        return np.where(mask, x * x, 0.5)

    return f


def ordered(change):
    def f(x):
        order = np.argsort(x)
        change(order, x)
        return x[order] * np.arange(4.0)

    return f


def counter(x):
    n = np.count_nonzero(x > 0)
    before = n
    n += 1
    n *= 2
    return x * n + before


def copied(x):
    mask = x > 0
    other = mask.copy()
    other[0] = True
    return np.where(mask, x, 0.0) + np.where(other, x, 1.0)


def aliased(x):
    mask = x > 0
    other = mask
    other[0] = True
    return np.where(mask, x, 0.0)


def put_in_order(x):
    ranks = np.zeros(4)
    ranks[np.argsort(x)] = np.arange(4.0)
    return ranks * x


def histogram(x):
    counts = np.zeros(3, int)
    np.add.at(counts, np.searchsorted([-1.0, 1.0], x), 1)
    counts[0] += 1
    return counts * x[:3]


def plain_buffer(x):
    mask = np.zeros(4, bool)
    np.greater(np.floor(x), 0, out=mask)
    counts = np.zeros(4, int)
    np.cumsum(mask, out=counts)
    return np.where(mask, x, counts)


CHANGED = {
    "store": in_place(lambda m, x: m.__setitem__(0, True)),
    "masked store": in_place(lambda m, x: m.__setitem__(x < -1, True)),
    "and": in_place(lambda m, x: m.__iand__(x < 1)),
    "out": in_place(lambda m, x: np.logical_and(m, x < 1, out=m)),
    "functions": in_place(lambda m, x: (np.putmask(m, x < 1, False), np.copyto(m, True, where=x < -1))),
    "index": ordered(lambda i, x: i.__setitem__(0, 2)),
    "arithmetic": ordered(lambda i, x: (i.__iadd__(1), i.__imod__(4))),
    "method": ordered(lambda i, x: i.sort()),
    "counter": counter, "copied": copied, "aliased": aliased,
}  # fmt: skip
DECIDED = {"put in order": put_in_order, "histogram": histogram, "plain buffer": plain_buffer}


@pytest.mark.parametrize("name", CHANGED)
def test_changes_in_place_are_replayed(name):
    for f in (CHANGED[name], da.jacobian(CHANGED[name])):
        assert taken(f, (X,), (-X,), (X[::-1].copy(),), (X,)) == 1


@pytest.mark.parametrize("name", DECIDED)
def test_plain_arrays_that_take_such_values_are_guards(name):
    for f in (DECIDED[name], da.jacobian(DECIDED[name])):
        assert 1 < taken(f, (X,), (-X,), (X[::-1].copy(),), (X,)) <= 3


@pytest.mark.parametrize("view", [lambda m: m[1:], lambda m: m.reshape(2, 2), lambda m: m[::-1]])
def test_changes_through_views_run_by_themselves(view):
    def f(x):
        mask = x > 0
        view(mask)[0] = True
        return np.where(mask, x, 0.0)

    compiled = da.compile(f)
    with pytest.warns(errors.CompileWarning, match="not be changed while there are views of it"):
        check(compiled, f, (X,), (-X,))


@pytest.mark.parametrize("shape", [(4,), (50,), (5, 10)], ids=str)
def test_stores_at_masks(shape):
    """np.array(x) makes an object array first, so that the function runs twice: the guards must be those of the run that counts."""
    def f(x):
        y = np.array(x)
        y[y > 0.2] = 0.1
        return y

    def g(x):
        y = x * 1.0
        mask = y > 0.2
        y[mask] = 0.1
        y[mask] += 1.0
        return y

    x = np.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.CompileWarning)
        check(da.compile(f), f, (x,), (-1.3 * x,), (x,), (0.01 * x,))
    assert taken(g, (x,), (-1.3 * x,), (x,), (0.01 * x,)) <= 3
