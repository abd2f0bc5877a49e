"""NumPy function by function: nothing without a rule or a reason, every sample right, and the published table up to date."""

import importlib.util
import operator
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from coverage_checks import CHECKS, Sample, status
from coverage_methods import ARRAY, ARRAY_REASONS, LIKE, PLAIN_NUMPY
from coverage_samples_more import FAMILIES, PASSING, REASONS
from coverage_ufuncs import ULPS, reason, samples, ufuncs
from rule_inputs import MATRIX

import dualad as da

DOCS = Path(__file__).parent.parent / "docs"
SAMPLED = {f"np.{space}{name}": calls for space, table in FAMILIES.values() for name, calls in table.items()}
SAMPLED.update({f"x.{name}": calls for name, calls in ARRAY.items()})
SAMPLED.update({f"np.{name}(like=)": calls for name, calls in LIKE.items()})
SAMPLED.update({f"plain np.{name}": calls for name, calls in PLAIN_NUMPY.items()})
UFUNCS = {name: f for name, f in ufuncs().items() if reason(f) is None}


@pytest.fixture(scope="module")
def maker():
    """The script that writes the table."""
    spec = importlib.util.spec_from_file_location("make_coverage", DOCS / "make_coverage.py")
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def find(name):
    """A function by its name below numpy; None where this NumPy has none."""
    try:
        return operator.attrgetter(name)(np)
    except AttributeError:
        return None


def exists(case):
    return not case.startswith("np.") or "(" in case or find(case[3:]) is not None


def test_nothing_is_without_rule_or_reason(maker):
    assert maker.without_rule() == []


def test_a_new_function_would_be_noticed(maker, monkeypatch):
    monkeypatch.setattr(np, "novelty", np.cbrt, raising=False)
    np.novelty = type("Dispatched", (), {"_implementation": None})()
    assert maker.without_rule() == ["numpy.novelty"]


def test_reasons_are_for_functions_without_sample():
    sampled = {space + name for space, table in FAMILIES.values() for name in table}
    assert not sampled & set(REASONS)
    assert not set(ARRAY) & set(ARRAY_REASONS)


@pytest.mark.parametrize("case", [case for case in SAMPLED if exists(case)])
def test_samples(case):
    for sample in SAMPLED[case]:
        for check in CHECKS:
            getattr(Sample(*sample), check)()


@pytest.mark.parametrize("name", UFUNCS)
def test_ufuncs(name):
    for method, calls in samples(name, UFUNCS[name]).items():
        assert status(calls, ULPS.get(name, 0)) == dict.fromkeys(CHECKS), method


@pytest.mark.parametrize("name", [name for name in REASONS if PASSING.get(name, 1) and find(name)])
def test_what_has_no_derivative_gives_the_plain_result(name):
    call, function = PASSING.get(name, lambda f, x: f(x)), find(name)
    plain = call(function, MATRIX)

    def f(x):
        return x, call(function, x)

    same(da.jvp(f, (MATRIX,), (MATRIX,), has_aux=True)[2], plain)
    same(da.vjp(f, MATRIX, has_aux=True)[2], plain)


def same(a, b):
    """Equal, element by element, and not traced."""
    if isinstance(b, (tuple, list)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        assert not da.is_traced(a)
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", [name for name, f in ufuncs().items() if reason(f) in ("true or false", "integer result")])
def test_ufuncs_without_derivative_give_the_plain_result(name):
    ufunc = ufuncs()[name]
    x = MATRIX[:, :3]
    operands = (x, x.T)[: ufunc.nin]
    seen = []
    da.vjp(lambda *xs: (seen.append(ufunc(*xs)), xs[0])[1], *operands)
    same(seen[0], ufunc(*operands))


def test_the_checks_catch_wrong_rules():
    def rule(jvp, vjp):
        @da.primitive
        def cube(x):
            return x**3

        cube.defjvp(jvp)
        cube.defvjp(vjp)
        return status([(cube, MATRIX)])

    def slope(x):
        return 3 * x**2

    right = rule(lambda t, ans, x: t * slope(x), lambda g, ans, x: g * slope(x))
    assert right == dict.fromkeys(CHECKS)
    assert rule(lambda t, ans, x: -t * slope(x), lambda g, ans, x: g * slope(x))["forward"]
    assert rule(lambda t, ans, x: t * slope(x), lambda g, ans, x: -g * slope(x))["reverse"]
    assert rule(lambda t, ans, x: t * slope(x), lambda g, ans, x: g * slope(da.value(x)))["second"]


def test_the_published_table_is_up_to_date(maker):
    page = maker.FILE.read_text(encoding="utf-8")
    assert "**no**" not in page
    made_with = re.search(r"NumPy (\d+\.\d+)\.", page).group(1)
    if np.__version__.startswith(made_with + "."):
        assert page == maker.text().replace(np.__version__, re.search(r"NumPy (\S+);", page).group(1))
