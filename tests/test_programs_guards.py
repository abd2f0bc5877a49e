"""Where Python's course depends on values: another course is another version, and never a wrong result."""

import math
import warnings

import numpy as np
import pytest
from program_checks import assert_same, check

import dualad as da
from dualad import errors

TABLE = [10.0, 20.0, 30.0, 40.0]
X = np.array([0.3, -1.2, 2.5, 0.9])


def taken(f, *points):
    """Recordings that calls at the points need; every result is compared."""
    compiled = da.compile(f)
    check(compiled, f, *points)
    stats = compiled.stats()
    assert stats["reasons"] == []
    return stats["recordings"]


def branch(x):
    if x > 1.0:
        return x * x
    return -x


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


# ---- versions ----


def test_versions_are_bounded_and_results_stay_right():
    compiled = da.compile(lambda x: x * int(x), max_versions=3)
    for k in list(range(10)) * 2:
        assert compiled(k + 0.5) == (k + 0.5) * k
    assert len(compiled.stats()["versions"]) == 3


def test_the_versions_kept_are_used():
    compiled = da.compile(branch)
    for x in (0.5, 2.0) * 10:
        assert compiled(x) == branch(x)
    stats = compiled.stats()
    assert (stats["recordings"], stats["eager"]) == (2, 0)
    assert sum(version["replays"] for version in stats["versions"]) == 18


def test_statistics_count_what_happened():
    compiled = da.compile(lambda x: np.sum(np.sin(x)))
    assert compiled.stats() == {"calls": 0, "recordings": 0, "eager": 0, "reasons": [], "versions": []}
    for _ in range(3):
        compiled(np.ones(100))
    version = compiled.stats()["versions"][0]
    assert version["replays"] == 2
    assert version["guards"] == 0
    assert version["regions"] == 1


# ---- arguments that are not numbers ----


def test_static_arguments_are_constants():
    seen = []

    def f(x, power=2, *, name="sin", scale=None, data=()):
        seen.append(power)
        y = getattr(np, name)(x) ** power
        return y if scale is None else [y * s for s in (scale, *data)]

    compiled = da.compile(f)
    calls = [
        ((X,), {}), ((X,), {"power": 3}), ((X, 3), {}), ((X,), {"name": "cos"}), ((X,), {"scale": 2}), ((X,), {"scale": 2.0}),
        ((X,), {"scale": 3.0}), ((X,), {"scale": True}), ((X,), {"scale": 2.0, "data": (1.0, 3.0)}),
    ]
    for _ in range(2):
        for args, kwargs in calls:
            assert_same(compiled(*args, **kwargs), f(*args, **kwargs))
    assert compiled.stats()["recordings"] == 8  # scale=3.0 is the program of scale=2.0


def test_equal_options_of_different_types_are_different():
    compiled = da.compile(lambda x, n: x * n if isinstance(n, bool) else x + n)
    for n in (1, True, 0, False):
        check(compiled, lambda x, n: x * n if isinstance(n, bool) else x + n, (2.0, n))


def test_trees_in_and_out():
    def f(p):
        return {"a": (p["w"] @ p["x"], [p["s"]]), "b": p["s"] * 2}

    p = {"w": np.eye(3) + 1, "x": np.arange(3.0), "s": 2.0}
    q = {"w": np.eye(3) - 1, "x": np.arange(3.0) * 2, "s": -2.0}
    assert taken(f, (p,), (q,), ({"s": 1.0, "x": p["x"], "w": p["w"]},)) <= 2
    assert taken(lambda x: [], (1.0,), (2.0,)) == 1
    assert taken(lambda x: {"a": None}["a"] or (x, ()), (1.0,), (2.0,)) == 1


def test_an_option_that_cannot_be_hashed_is_an_error():
    with pytest.raises(errors.DtypeError, match="hashable options; <lambda> got"):
        da.compile(lambda x, s: x)(1.0, {1, 2})


def test_shapes_and_dtypes_have_versions_of_their_own():
    f = da.value_and_grad(lambda x: np.sum(x**3))
    compiled = da.compile(f)
    points = [(X,), (X[:2],), (X.astype(np.float32),), (X.reshape(2, 2),), (np.float64(1.5),), (1.5,), (np.float32(1.5),)]
    check(compiled, f, *points, *points)
    assert compiled.stats()["recordings"] == len(points)


# ---- constants ----

SCALE = 2.0


def scaled(x):
    return x * SCALE


def test_globals_are_constants(monkeypatch):
    compiled = da.compile(scaled)
    assert compiled(3.0) == 6.0
    monkeypatch.setattr("test_programs_guards.SCALE", 5.0)
    assert compiled(3.0) == 6.0


def test_check_finds_a_changed_global(monkeypatch):
    compiled = da.compile(scaled, check=True)
    assert compiled(3.0) == 6.0
    assert compiled(4.0) == 8.0
    monkeypatch.setattr("test_programs_guards.SCALE", 5.0)
    with pytest.raises(errors.CheckError, match="read a global, closure or attribute that has changed"):
        compiled(3.0)


def test_a_captured_array_is_copied():
    a = np.ones(50)
    compiled = da.compile(lambda x: x * a)
    compiled(np.ones(50))
    a[:] = 7.0
    np.testing.assert_array_equal(compiled(np.ones(50)), np.ones(50))


# ---- errors ----

RAISING = {
    "division": (lambda x: 1.0 / x, (2.0,), (0.0,), ZeroDivisionError),
    "modulo": (lambda x: 5.0 % x, (2.0,), (0.0,), ZeroDivisionError),
    "power": (lambda x: x**-1.5, (2.0,), (0.0,), ZeroDivisionError),
    "large power": (lambda x: x**300.0, (2.0,), (1e10,), OverflowError),
    "logarithm": (lambda x: math.log(x), (2.0,), (-1.0,), ValueError),
    "root": (lambda x: math.sqrt(x), (2.0,), (-1.0,), ValueError),
    "exponential": (lambda x: math.exp(x), (2.0,), (1e4,), OverflowError),
    "inverse": (lambda x: np.linalg.inv(x), (np.eye(3) * 2,), (np.zeros((3, 3)),), np.linalg.LinAlgError),
    "cholesky": (lambda x: np.linalg.cholesky(x), (np.eye(40) * 2,), (-np.eye(40),), np.linalg.LinAlgError),
    "index": (lambda x: np.take(np.array(TABLE), x.astype(int)), (X,), (99 * X,), IndexError),
    "list index": (lambda x: x * TABLE[int(x)], (2.5,), (99.0,), IndexError),
    "own": (lambda x: x if x > 0 else TABLE.undefined, (2.5,), (-2.0,), AttributeError),
}


@pytest.mark.parametrize("name", RAISING)
def test_errors_are_those_of_the_function(name):
    f, good, bad, error = RAISING[name]
    compiled = da.compile(f)
    for _ in range(2):
        assert_same(compiled(*good), f(*good))
        with pytest.raises(error) as plain:
            f(*bad)
        with pytest.raises(error) as got:
            compiled(*bad)
        assert str(got.value) == str(plain.value)
    fresh = da.compile(f)
    with pytest.raises(error):
        fresh(*bad)
    assert_same(fresh(*good), f(*good))


def caught(operation, error):
    """A function that goes another way after an error."""
    def f(x):
        try:
            return operation(x)
        except error:
            return 0.0 * x - 1.0

    return f


SINGULAR, REGULAR = np.zeros((3, 3)), np.eye(3) + 0.1
CAUGHT = {
    "division": (caught(lambda x: 1.0 / x, ZeroDivisionError), 0.0, 2.0),
    "overflow": (caught(lambda x: x**300.0, OverflowError), 1e10, 2.0),
    "logarithm": (caught(math.log, ValueError), -1.0, 2.0),
    "root": (caught(lambda x: math.sqrt(x) * x, ValueError), -1.0, 2.0),
    "inverse": (caught(np.linalg.inv, np.linalg.LinAlgError), SINGULAR, REGULAR),
    "index": (caught(lambda x: np.take_along_axis(X, x.astype(int), 0) * x, IndexError), 99 * np.ones(4), np.arange(4.0)),
    "list index": (caught(lambda x: x * TABLE[int(x)], IndexError), 99.0, 2.0),
    "key": (caught(lambda x: x * {1: 2.0}[int(x)], KeyError), 99.0, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUGHT)
def test_errors_that_the_function_catches(name):
    """Whichever course is recorded first."""
    f, bad, good = CAUGHT[name]
    for first, second in ((bad, good), (good, bad)):
        compiled = da.compile(f)
        check(compiled, f, (first,), (second,), (first,), (second,), (1.01 * np.asarray(good) if np.ndim(good) else 1.01 * good,))


def test_a_root_that_was_complex_first():
    f = lambda x: x**0.5
    check(da.compile(f), f, (-2.0,), (2.0,), (-3.0,), (3.0,))


def test_numpy_numbers_do_not_raise():
    f = lambda x: 1 / x
    with np.errstate(all="ignore"):
        assert taken(f, (np.float64(2.0),), (np.float64(0.0),), (np.float64(-1.0),)) == 1


def test_a_negative_root_turns_complex():
    assert taken(lambda x: x**0.5, (2.0,), (-2.0,), (3.0,)) <= 2


def test_complex_of_python_floats_that_become_infinite():
    with np.errstate(all="ignore"):
        check(da.compile(lambda x: x * 1e300), lambda x: x * 1e300, (1.0,), (1e300,), (-1e300,))


# ---- recorded programs ----


def test_a_program_names_the_line_of_its_guard():
    program = da.record(branch, 2.0)
    assert program(3.0) == 9.0
    with pytest.raises(errors.GuardError, match=rf"another course.*{__file__}:{branch.__code__.co_firstlineno + 1}"):
        program(0.5)


def test_a_program_takes_the_recorded_shapes_only():
    program = da.record(np.sum, X)
    for other in (X[:2], X.astype(np.float32), 2.0):
        with pytest.raises(errors.GuardError, match=r"other shapes or types|another structure"):
            program(other)
    with pytest.raises(errors.GuardError, match="another structure or with other options"):
        program(X, 0)


def test_a_program_says_that_python_might_raise():
    with pytest.raises(errors.GuardError, match="division by zero, overflow or invalid operation"):
        da.record(lambda x: 1.0 / x, 2.0)(0.0)


def test_what_cannot_be_recorded_runs_by_itself():
    compiled = da.compile(lambda x: "text" if x > 0 else x)
    with pytest.warns(errors.CompileWarning, match="runs without a program: .* returned 'text'"):
        assert compiled(1.0) == "text"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled(2.0) == "text"
    assert compiled.stats()["eager"] == 2


def test_recording_inside_a_transform_is_an_error():
    with pytest.raises(errors.EscapedError):
        da.grad(lambda x: da.record(lambda y: y, 1.0)(1.0) * x)(2.0)


def test_a_function_that_always_takes_another_course_is_given_up():
    compiled = da.compile(lambda x: x * float(str(float(x))))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for k in range(200):
            assert compiled(k + 0.5) == (k + 0.5) ** 2
    assert [w.category for w in caught] == [errors.CompileWarning]
    assert compiled.stats()["recordings"] < 100


def test_options_are_checked():
    with pytest.raises(TypeError, match="compile needs a function, not 3"):
        da.compile(3)
    with pytest.raises(ValueError, match=r"passes=\['speed'\]; there are"):
        da.compile(np.sin, passes=["speed"])
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="max_versions must be a positive integer"):
            da.compile(np.sin, max_versions=wrong)
