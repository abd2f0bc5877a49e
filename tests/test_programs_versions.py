"""Versions of compiled functions, options, constants, errors, and programs in the hand."""

import math
import warnings

import numpy as np
import pytest
from program_checks import assert_same, branch, check, taken

import dualad as da
from dualad import errors

TABLE = [10.0, 20.0, 30.0, 40.0]
X = np.array([0.3, -1.2, 2.5, 0.9])


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
    monkeypatch.setattr("test_programs_versions.SCALE", 5.0)
    assert compiled(3.0) == 6.0


def test_check_finds_a_changed_global(monkeypatch):
    compiled = da.compile(scaled, check=True)
    assert compiled(3.0) == 6.0
    assert compiled(4.0) == 8.0
    monkeypatch.setattr("test_programs_versions.SCALE", 5.0)
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
    with pytest.raises(errors.GuardError, match=rf"another course.*{branch.__code__.co_filename}:{branch.__code__.co_firstlineno + 1}"):
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
