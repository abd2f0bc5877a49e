"""The corpus as programs: recorded at one point, right at others, without a second recording where the course is the same."""

import copy

import corpus
import numpy as np
import pytest
from program_checks import assert_same, perturbed

import dualad as da

WORKING = [entry for entry in corpus.entries() if entry.works]
MOVES = (0, 1e-3, 1e-2)
HESSIANS = (
    "ode", "integrators", "linear_algebra", "finite_elements", "images", "statistics", "time_series", "finance", "robotics",
    "geometry", "physics", "idioms",
)  # fmt: skip
each = pytest.mark.parametrize("entry", WORKING, ids=lambda entry: entry.name)


def follow(h, args, exact=False):
    """A compiled function at the entry's point and beside it, against the function itself; its statistics."""
    compiled = da.compile(h, exact=exact)
    with np.errstate(all="ignore"):
        for move in MOVES:
            point = perturbed(args, move)
            assert_same(compiled(*copy.deepcopy(point)), h(*copy.deepcopy(point)), exact)
    return compiled.stats()


@each
def test_value(entry):
    stats = follow(entry.f, entry.args)
    assert stats["reasons"] == []
    assert stats["recordings"] <= len(MOVES)


@each
def test_jacobian(entry):
    stats = follow(da.jacobian(entry.f, argnums=entry.argnums), entry.args)
    assert stats["reasons"] == []


@pytest.mark.parametrize("entry", WORKING, ids=lambda entry: entry.name)
def test_exact_value_has_the_same_bits(entry):
    follow(entry.f, entry.args, exact=True)


def scalar_entries():
    """One entry a field whose result is a single number of one array of at most six numbers."""
    for field in HESSIANS:
        for entry in WORKING:
            x = entry.args[0]
            if entry.name.startswith(field + ".") and np.shape(x) and np.size(x) <= 6 and entry.argnums == 0:
                yield entry
                break


@pytest.mark.parametrize("entry", list(scalar_entries()), ids=lambda entry: entry.name)
def test_hessian(entry):
    def total(x, *rest):
        return sum(np.sum(np.asarray(y) * 1.0) if np.ndim(y) else y for y in da.tree.flatten(entry.f(x, *rest))[0])

    follow(da.hessian(total), entry.args)


def test_most_functions_are_recorded_once():
    """A second recording at a nearby point means that a value leaked into the program."""
    again = set()
    for entry in WORKING:
        stats = follow(entry.f, entry.args)
        if stats["recordings"] > 1:
            again.add(entry.name)
    assert len(again) <= 7, sorted(again)
