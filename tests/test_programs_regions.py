"""What becomes of whole models: which operations their regions are made of, and that the results stay those of eager code."""

import numpy as np
import pytest
from program_checks import assert_same, check

import dualad as da
from dualad._programs.build import parts_of
from dualad._programs.capture import capture
from dualad._replay import CODES, OPS

CODE_NAMES = {v: k for k, v in {**OPS, **CODES}.items()}
RNG = np.random.default_rng(11)


def regions(f, *args):
    """The names of the micro-operations of each region of a program."""
    parts = parts_of(capture(f, lambda leaves: f(*leaves), list(args)))
    return [[CODE_NAMES[m["code"]] for m in r.micros] for r in parts["regions"]]


def nearest(centres, points):
    return np.sum(np.min(np.sum((points[:, None, :] - centres) ** 2, axis=2), axis=1))


def curvature(centres, points):
    return da.jvp(lambda c: da.grad(nearest)(c, points), (centres,), (np.ones_like(centres),))


@pytest.mark.parametrize("d", [3, 16])
def test_nearest_centres(d):
    """Cotangents of a minimum, which are zero nearly everywhere: ties, infinities and NaNs among the points too."""
    centres, points = RNG.normal(size=(40, d)), RNG.normal(size=(700, d))
    points[5] = (centres[3] + centres[7]) / 2
    centres[9] = centres[8]
    other = points.copy()
    other[300:310] = centres[:10]
    wild = points.copy()
    wild[17], wild[18, 0] = np.inf, np.nan
    check(da.compile(curvature), curvature, (centres, points), (centres[::-1].copy(), other))
    with np.errstate(all="ignore"):
        assert_same(da.compile(curvature)(centres, wild), curvature(centres, wild))


def test_a_mask_is_chosen_by_where_it_multiplies():
    """The cotangents themselves, an array of the size of the distances, never go through memory."""
    found = regions(curvature, RNG.normal(size=(40, 16)), RNG.normal(size=(700, 16)))
    chosen = [r for r in found if "select" in r]
    assert len(chosen) == 1
    assert chosen[0].count("reduce") == 2
    assert "store" not in chosen[0]
    assert all(found), "a region without operations"


def test_ties_are_one_operation():
    found = regions(da.grad(np.max), RNG.normal(size=40_000))
    assert sum(r.count("same") for r in found) == 1
    assert not any({"eq", "ne", "and", "or", "copy"} & set(r) for r in found)


@pytest.mark.parametrize("n", [5, 31, 33, 40_000])
@pytest.mark.parametrize("extremum", [np.max, np.min])
def test_ties_and_nans(n, extremum):
    x = np.round(RNG.normal(size=n), 1)
    f = da.grad(extremum)
    g = da.compile(f)
    for bad in (None, np.nan, np.inf, -np.inf, 0.0, -0.0):
        y = x.copy()
        if bad is not None:
            y[[1, n // 2]] = bad
        assert_same(g(y), f(y))
