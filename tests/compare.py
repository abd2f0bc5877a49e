"""Comparisons that the tests share: strict about type, shape and finiteness, relative to the largest entry."""

import numpy as np

PLAIN = (int, float, complex, np.ndarray, np.generic)


def assert_close(got, want, rtol=1e-11, atol=1e-14):
    """Fails unless `got` is a plain value of the shape of `want`, within rtol of the largest finite entry plus atol."""
    assert type(got).__name__ not in ("Dual", "Var"), f"a traced value got out: {got!r}"
    assert isinstance(got, PLAIN), f"not a plain value: {got!r} ({type(got)})"
    assert not (isinstance(got, np.ndarray) and got.dtype == object), f"an object array: {got!r}"
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"shape {got.shape} instead of {want.shape}\n got {got}\nwant {want}"
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    finite = np.isfinite(want)
    assert np.all(same | finite), f"got {got}\nwant {want}"
    scale = np.max(np.abs(want), initial=0.0, where=finite)
    wrong = ~same & ~(np.abs(np.where(same, 0, got - np.where(finite, want, 0))) <= rtol * scale + atol)
    assert not np.any(wrong), f"{np.sum(wrong)} of {want.size} entries are off\n got {got}\nwant {want}\n diff {got - want}"


def assert_identical(got, want):
    """Fails unless both are bit for bit the same plain value: type of element, shape, sign of zero; any NaN equals any NaN."""
    assert type(got).__name__ not in ("Dual", "Var"), f"a traced value got out: {got!r}"
    assert isinstance(got, PLAIN), f"not a plain value: {got!r} ({type(got)})"
    got, want = np.asarray(got), np.asarray(want)
    assert (got.shape, got.dtype) == (want.shape, want.dtype), f"{got.shape} {got.dtype} instead of {want.shape} {want.dtype}"
    nan = np.isnan(got) & np.isnan(want)
    zero = np.zeros((), got.dtype)
    assert np.where(nan, zero, got).tobytes() == np.where(nan, zero, want).tobytes(), f"got {got!r}\nwant {want!r}"
