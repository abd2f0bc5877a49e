"""The published corpus: every function differentiates as it is written, in every mode, and matches an independent reference."""

import copy
import inspect
import re

import corpus
import numpy as np
import pytest
from compare import assert_close, assert_identical
from corpus import references, table

import dualad as da
from dualad import errors

ENTRIES = corpus.entries()
WORKING = [entry for entry in ENTRIES if entry.works]
REFUSED = [entry for entry in ENTRIES if not entry.works]
each = pytest.mark.parametrize("entry", WORKING, ids=lambda entry: entry.name)


def assert_within(got, want, rtol, scale):
    """Entry by entry, relative to `scale`: the sum of the magnitudes of the terms that make the entry up."""
    error = np.abs(got - want)
    assert np.all(error <= rtol * scale + 1e-15 * np.max(scale) + 1e-14), f"got {got}\nwant {want}\nerror {error}\nscale {scale}"


def assert_rows_close(got, want, entry):
    """Row by row, so that a badly scaled output cannot hide another."""
    assert got.shape == want.shape
    for k, (a, b) in enumerate(zip(got, want)):
        try:
            assert_close(a, b, rtol=entry.rtol, atol=1e-15 * np.abs(want).max() + 1e-14)
        except AssertionError as error:
            raise AssertionError(f"output {k} of {entry.name}: {error}") from None


def plain_value(entry):
    """The value without dualad; functions that overwrite their arguments get copies."""
    return entry.f(*copy.deepcopy(entry.args))


def same_structure(got, want):
    if isinstance(want, dict):
        return type(got) is type(want) and list(got) == list(want) and all(same_structure(got[k], want[k]) for k in want)
    if isinstance(want, (list, tuple)):
        return type(got) is type(want) and len(got) == len(want) and all(map(same_structure, got, want))
    return True


def assert_same_value(got, want):
    """Structure, and every number bit for bit."""
    assert same_structure(got, want), f"got {got!r}\nwant {want!r}"
    for a, b in zip(references.leaves(got), references.leaves(want)):
        assert_identical(a, b)


def as_matrix(derivative, outputs, inputs):
    """The matrix of a Jacobian that comes as output structure of input structures."""
    blocks = iter(references.leaves(derivative))
    rows = [np.hstack([np.reshape(next(blocks), (np.size(y), np.size(x))) for x in inputs]) for y in outputs]
    assert next(blocks, None) is None
    return np.vstack(rows)


@pytest.fixture
def unchanged(entry):
    """Fails when a test changed the arguments of its entry."""
    before = copy.deepcopy(entry.args)
    yield
    assert same_structure(entry.args, before)
    for a, b in zip(references.leaves(entry.args), references.leaves(before)):
        assert_identical(a, b) if isinstance(b, (float, np.ndarray)) else None


@each
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobian(entry, mode, unchanged):
    value, derivative = da.value_and_jacobian(entry.f, argnums=entry.argnums, mode=mode)(*entry.args)
    want = plain_value(entry)
    assert_same_value(value, want)
    got = as_matrix(derivative, references.leaves(want), references.leaves(references.point(entry)))
    assert_rows_close(got, references.jacobian(entry), entry)


@each
def test_products(entry, unchanged, rng):
    """jvp and vjp along random directions; grad where the function is scalar."""
    f, at, want = references.on_point(entry, entry.f), references.point(entry), plain_value(entry)
    jacobian = references.jacobian(entry)
    kind = references.flat(at).dtype
    v, w = rng.normal(size=jacobian.shape[1]).astype(kind), rng.normal(size=jacobian.shape[0]).astype(kind)
    value, along = da.jvp(f, at, references.shaped(at, v))
    assert_same_value(value, want)
    assert_within(references.flat(along), jacobian @ v, entry.rtol, np.abs(jacobian) @ np.abs(v))
    value, pull = da.vjp(f, *at)
    assert_same_value(value, want)
    assert_within(references.flat(pull(references.shaped(want, w))), w @ jacobian, entry.rtol, np.abs(w) @ np.abs(jacobian))
    if isinstance(want, float):
        value, gradient = da.value_and_grad(entry.f, argnums=entry.argnums)(*entry.args)
        assert_same_value(value, want)
        assert_rows_close(np.atleast_2d(references.flat(gradient)), jacobian, entry)


@pytest.mark.parametrize("entry", [entry for entry in WORKING if entry.order > 1], ids=lambda entry: entry.name)
def test_second_order(entry, unchanged, rng):
    """u' H v of a weighted sum of the outputs: forward over reverse, reverse over reverse, forward over forward."""
    f, at, outputs = references.on_point(entry, entry.f), references.point(entry), references.leaves(plain_value(entry))
    weights = rng.normal(size=sum(np.size(y) for y in outputs))
    parts = references.shaped(outputs, weights)

    def total(x):
        return sum(np.sum(w * y) for w, y in zip(parts, references.leaves(f(*x))))

    u, v = rng.normal(size=(2, references.flat(at).size))
    direction, other = references.shaped(at, v), references.shaped(at, u)
    want = references.second(entry, weights, u, v)
    by_hvp = references.flat(da.hvp(total)(at, direction))
    scale = np.abs(u) @ np.abs(by_hvp)
    # a Hessian that vanishes is rounding in the gradient
    scale += 1e-4 * np.abs(weights) @ np.abs(references.jacobian(entry)) @ np.abs(u)
    for got in (
        u @ by_hvp,
        u @ references.flat(da.vhp(total)(at, direction)),
        da.jvp(lambda x: da.jvp(total, (x,), (direction,))[1], (at,), (other,))[1],
    ):
        assert_within(got, want, 1e-8, scale)


CALLS = {
    "jvp": lambda f, x: da.jvp(f, (x,), (np.ones_like(x),)),
    "vjp": lambda f, x: da.vjp(f, x)[1](f(x)),
    "forward": lambda f, x: da.jacobian(f, mode="forward")(x),
    "reverse": lambda f, x: da.jacobian(f, mode="reverse")(x),
}


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry.name)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_out_of_reach(entry, call):
    """The error names the line and the change."""
    lines, first = inspect.getsourcelines(entry.f)
    (number,) = [first + k for k, text in enumerate(lines) if text.strip() == entry.line]
    with pytest.raises(errors.DetachedError) as caught:
        call(entry.f, *entry.args)
    message = str(caught.value)
    assert re.search(rf"unreachable\.py:{number}\b", message), message
    assert entry.says in message, message


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry.name)
def test_the_change_that_the_error_asks_for(entry, tmp_path):
    """With it the function differentiates, and the value is that of the unchanged function."""
    source, (old, new) = inspect.getsource(entry.f), entry.change
    assert source.count(old) == 1
    path = tmp_path / "changed.py"
    path.write_text(source.replace(old, new))
    names = dict(vars(inspect.getmodule(entry.f)))
    exec(compile(path.read_text(), path, "exec"), names)
    changed = names[entry.f.__name__]
    point = entry.args[0]
    want = entry.f(point.copy())
    value, forward = da.value_and_jacobian(changed, mode="forward")(point)
    assert_identical(value, want)
    assert_close(forward, da.jacobian(changed, mode="reverse")(point))
    step = 1e-5
    columns = [(changed(point + step * e) - changed(point - step * e)) / (2 * step) for e in np.eye(point.size)]
    assert_close(forward, np.stack(columns, axis=-1), rtol=1e-8)


def test_the_page_in_the_docs():
    """It is written by `python -m corpus.table` and holds every entry once."""
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    assert table.PAGE.read_text() == table.page()
