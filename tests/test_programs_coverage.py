"""Every sample of the coverage table as a program: recorded at one point, right at others, without a second recording."""

import warnings

import numpy as np
import pytest
from coverage_checks import Sample
from coverage_ufuncs import samples
from program_checks import difference, perturbed
from test_coverage import SAMPLED, UFUNCS, exists

import dualad as da

MOVES = (0, 0, 1e-3, 1e-2)
# np.arange of traced ends: its length depends on them.
AGAIN = ("np.arange(like=)",)


def numbers(y):
    """The floating arrays and numbers of a result, also where their content is not to be looked at."""
    if isinstance(y, (tuple, list)):
        return [e for part in y for e in numbers(part)]
    kind = y.dtype.kind if hasattr(y, "dtype") else np.dtype(type(y)).kind
    return [y] if kind in "fcO" else []


def forms(sample):
    """The value, the pullback of fixed cotangents and the tangent along a fixed direction, as functions of the operands."""
    s = Sample(*sample)

    def value(*xs):
        return numbers(s.function(*xs))

    weights = numbers(s.function(*s.xs))
    if any(np.asarray(w).dtype == object for w in weights):
        return s.xs, [value]
    return s.xs, [value, lambda *xs: da.vjp(value, *xs)[1](s.ws), lambda *xs: da.jvp(value, xs, s.ts)]


def wrong(case, sample):
    """What is wrong with the programs of a sample, or None."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        xs, functions = forms(sample)
        for k, f in enumerate(functions):
            compiled = da.compile(f)
            for move in MOVES:
                point = perturbed(xs, move)
                got, want = compiled(*point), f(*point)
                found = difference(got, want)
                if found is not None:
                    return f"form {k}, move {move}: {found}"
            stats = compiled.stats()
            if stats["eager"] or (stats["recordings"] > 1 and case not in AGAIN):
                return f"form {k}: {stats}"
    return None


@pytest.mark.parametrize("case", [case for case in SAMPLED if exists(case)])
def test_samples(case):
    assert [w for w in (wrong(case, sample) for sample in SAMPLED[case]) if w] == []


@pytest.mark.parametrize("name", UFUNCS)
def test_ufuncs(name):
    found = [(method, wrong(name, sample)) for method, calls in samples(name, UFUNCS[name]).items() for sample in calls]
    assert [pair for pair in found if pair[1]] == []
