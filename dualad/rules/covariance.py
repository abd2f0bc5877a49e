"""Covariance and correlation matrices, as NumPy computes them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._core import value
from ..primitive import implements
from ._matrix import conj, operand
from ._util import dtype as dtype_of
from ._util import is_complex, ndim, reshape, shape


def _variables(m: Any, kind: np.dtype, turn: bool) -> Any:
    """One variable a row."""
    m = m.astype(kind)
    if ndim(m) < 2:
        m = reshape(m, (1, shape(m)[0] if ndim(m) else 1))
    return m.T if turn else m


def _one_weight(w: Any, n: int, what: str, samples: str) -> Any:
    w = operand(w)
    w = w.astype(float) if dtype_of(w).kind in "iub" else w
    if what == "fweights" and not np.all(value(w) == np.around(value(w))):
        raise TypeError("fweights must be integer")
    if ndim(w) > 1:
        raise RuntimeError(f"cannot handle multidimensional {what}")
    if shape(w)[0] != n:
        raise RuntimeError(f"incompatible numbers of samples and {what}")
    if np.any(value(w) < 0):
        raise ValueError(f"{what} cannot be negative")
    return w


def _normaliser(n: int, w: Any, total: Any, aweights: Any, ddof: int) -> Any:
    if w is None:
        return n - ddof
    if ddof == 0:
        return total
    return total - ddof if aweights is None else total - ddof * np.sum(w * aweights) / total


@implements(np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None, aweights: Any = None,
    *, dtype: Any = None,
) -> Any:
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    m, y = operand(m), None if y is None else operand(y)
    if ndim(m) > 2 or (y is not None and ndim(y) > 2):
        raise ValueError(f"{'m' if ndim(m) > 2 else 'y'} has more than 2 dimensions")
    kinds = [dtype_of(m)] if y is None else [dtype_of(m), dtype_of(y)]
    kind = np.result_type(*kinds, np.float64) if dtype is None else np.dtype(dtype)
    x = _variables(m, kind, not rowvar and ndim(m) != 1)
    if shape(x)[0] == 0:
        return np.array([]).reshape(0, 0)
    if y is not None:
        rows = _variables(y, kind, False)
        x = np.concatenate((x, rows.T if not rowvar and shape(rows)[0] != 1 else rows))
    n = shape(x)[1]
    f = None if fweights is None else _one_weight(fweights, n, "fweights", "samples")
    a = None if aweights is None else _one_weight(aweights, n, "aweights", "samples")
    w = a if f is None else f if a is None else f * a
    ddof = (0 if bias else 1) if ddof is None else int(ddof)
    return _scatter(x, w, a, ddof)


def _scatter(x: Any, w: Any, a: Any, ddof: int) -> Any:
    """Weighted products of the centred variables over their normaliser."""
    if w is None:
        mean, total = np.mean(x, axis=1), None
    else:
        mean, total = np.average(x, axis=1, weights=w, returned=True)
        total = total[0]
    factor = _normaliser(shape(x)[1], w, total, a, ddof)
    if value(factor) <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=3)
        factor = 0.0
    x = x - reshape(mean, (*shape(mean), 1))
    c = np.dot(x, conj((x if w is None else x * w).T))
    return np.squeeze(c * np.true_divide(1, factor))


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = cov(x, y, rowvar, dtype=dtype)
    if ndim(c) == 0:
        return c / c
    d = np.diagonal(c)
    deviation = np.sqrt(np.real(d) if is_complex(c) else d)
    c = c / reshape(deviation, (*shape(deviation), 1)) / deviation
    if is_complex(c):
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)
