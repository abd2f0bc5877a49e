"""Polynomials as coefficient arrays: evaluation, calculus, arithmetic, roots and fits.

All are NumPy's own sequences of array operations in terms of traced ones, so that values are the same bit for bit.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._core import is_traced, value
from ..primitive import Primitive, implements
from ._matrix import conj, operand
from ._util import cast, dtype, is_complex, ndim, real_dtype, reshape, shape


def _coefficients(p: Any) -> Any:
    """At least one axis; a `poly1d` gives its coefficients."""
    p = operand(p.coeffs if isinstance(p, np.poly1d) else p)
    return p if ndim(p) else reshape(p, (1,))


def _scaled(p: Any) -> Any:
    """Plain integers as float64, the rest as it is."""
    return p if is_traced(p) or p.dtype.kind in "fc" else p.astype(float)


# ---- evaluation and calculus ----


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Horner's rule."""
    p = operand(p.coeffs if isinstance(p, np.poly1d) else p)
    x = x if isinstance(x, np.poly1d) else operand(x)
    y = 0 if isinstance(x, np.poly1d) else np.zeros(shape(x), dtype(x))[()]
    for k in range(len(p)):
        y = y * x + p[k]
    return y


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = operand(p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p if m else +p


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = np.zeros(m) if k is None else _coefficients(k)
    if len(k) == 1 and m > 1:
        k = k[0] * np.ones(m)
    if len(k) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = operand(p)
    for i in range(m):
        p = np.concatenate((np.true_divide(p, np.arange(len(p), 0, -1)), k[i : i + 1]))
    return p if m else +p


# ---- arithmetic ----


def _padded(a: Any, n: int) -> Any:
    """Leading zeros up to length `n`."""
    return np.concatenate((np.zeros(n - len(a), dtype(a)), a)) if len(a) < n else a


def _aligned(a1: Any, a2: Any) -> tuple[Any, Any]:
    a1, a2 = _coefficients(a1), _coefficients(a2)
    n = max(len(a1), len(a2))
    return _padded(a1, n), _padded(a2, n)


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    a1, a2 = _aligned(a1, a2)
    return a1 + a2


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    a1, a2 = _aligned(a1, a2)
    return a1 - a2


def _trimmed(p: Any) -> Any:
    """Without leading zeros, as `poly1d` keeps its coefficients (their number depends on the values, not their derivatives)."""
    p = _coefficients(p)
    set_ = np.flatnonzero(value(p) != 0)
    return p[int(set_[0]) :] if len(set_) else np.zeros(1, dtype(p))


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    return np.convolve(_trimmed(a1), _trimmed(a2))


@implements(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    u, v = _coefficients(u) + 0.0, _coefficients(v) + 0.0
    m, n = len(u) - 1, len(v) - 1
    scale, q, r = 1.0 / v[0], [], u
    for k in range(m - n + 1):
        d = scale * r[k]
        q.append(d)
        r = np.concatenate((r[:k], r[k : k + n + 1] - d * v, r[k + n + 1 :]))
    plain = value(r)
    start = 0
    while start < len(plain) - 1 and np.allclose(plain[start], 0, rtol=1e-14):
        start += 1
    kind = np.result_type(dtype(u), dtype(v))
    return np.stack(q) if q else np.zeros(1, kind), r[start:]


# ---- roots: p(r) = 0 gives dr = -dp(r) / p'(r), for simple roots, those at zero included ----


def _root_slopes(r: Any, p: Any) -> tuple[Any, Any]:
    """Powers of each root, highest first, and the slope of the polynomial there."""
    n = shape(p)[0]
    powers = np.vander(r, n)
    return powers, np.matmul(powers[:, 1:], p[:-1] * np.arange(n - 1, 0, -1).astype(real_dtype(p)))


def _roots_jvp(i: int, t: Any, ans: Any, p: Any) -> Any:
    powers, slopes = _root_slopes(ans, p)
    return -np.matmul(t, powers.T) / slopes


def _roots_vjp(i: int, g: Any, ans: Any, p: Any) -> Any:
    powers, slopes = _root_slopes(ans, p)
    r = np.matmul(-g / conj(slopes), conj(powers))
    return r if is_complex(p) else np.real(r)


roots_p = Primitive("roots", np.roots, _roots_jvp, _roots_vjp)


@implements(np.roots)
def roots(p: Any) -> Any:
    return roots_p(_scaled(_coefficients(p)))


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    z = _coefficients(seq_of_zeros)
    s = shape(z)
    if len(s) == 2 and s[0] == s[1] and s[0] != 0:
        z = np.linalg.eigvals(z)
    elif len(s) != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if shape(z)[0] == 0:
        return 1.0
    a = np.ones(1, dtype(z))
    for k in range(shape(z)[0]):
        a = np.convolve(a, np.stack((np.ones((), dtype(z))[()], -z[k])))
    if is_complex(a):
        plain = cast(value(z), np.dtype(complex))
        if np.all(np.sort(plain) == np.sort(plain.conjugate())):
            a = np.real(a)
    return a


def _power_slopes(x: Any, columns: int, increasing: bool) -> Any:
    """Derivatives ``k x^(k-1)`` of the powers in each row of a Vandermonde matrix."""
    if columns < 2:
        return np.zeros((*shape(x), columns), dtype(x))
    slopes = np.vander(x, columns - 1, True) * np.arange(1, columns).astype(real_dtype(x))
    slopes = np.concatenate((np.zeros((*shape(x), 1), dtype(slopes)), slopes), axis=-1)
    return slopes if increasing else slopes[..., ::-1]


def _vander_jvp(i: int, t: Any, ans: Any, x: Any, columns: int, increasing: bool) -> Any:
    return (reshape(t, (*shape(t), 1)) * _power_slopes(x, columns, increasing)).astype(dtype(ans))


def _vander_vjp(i: int, g: Any, ans: Any, x: Any, columns: int, increasing: bool) -> Any:
    return np.sum(g * conj(_power_slopes(x, columns, increasing)), axis=-1).astype(dtype(x))


vander_p = Primitive("vander", lambda x, columns, increasing: np.vander(x, columns, increasing), _vander_jvp, _vander_vjp)


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    x = operand(x)
    if ndim(x) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    return vander_p(x, columns=shape(x)[0] if N is None else int(N), increasing=bool(increasing))


# ---- fits ----


def _weighted(lhs: Any, rhs: Any, w: Any) -> tuple[Any, Any]:
    w = operand(w) + 0.0
    if ndim(w) != 1:
        raise TypeError("expected a 1-d array for weights")
    if shape(w)[0] != shape(rhs)[0]:
        raise TypeError("expected w and y to have the same length")
    tall = reshape(w, (shape(w)[0], 1))
    return lhs * tall, rhs * (tall if ndim(rhs) == 2 else w)


def _check_fit(x: Any, y: Any, deg: int) -> None:
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if ndim(x) != 1:
        raise TypeError("expected 1D vector for x")
    if shape(x)[0] == 0:
        raise TypeError("expected non-empty vector for x")
    if ndim(y) < 1 or ndim(y) > 2:
        raise TypeError("expected 1D or 2D array for y")
    if shape(x)[0] != shape(y)[0]:
        raise TypeError("expected x and y to have same length")


@implements(np.polyfit)
def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    order = int(deg) + 1
    x, y = operand(x) + 0.0, operand(y) + 0.0
    _check_fit(x, y, deg)
    if rcond is None:
        rcond = shape(x)[0] * np.finfo(dtype(x)).eps
    lhs, rhs = vander(x, order), y
    if w is not None:
        lhs, rhs = _weighted(lhs, rhs, w)
    scale = np.sqrt((lhs * lhs).sum(axis=0))
    lhs = lhs / scale
    c, residuals, rank, s = np.linalg.lstsq(lhs, rhs, rcond)
    c = (c.T / scale).T
    if rank != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    if full:
        return c, residuals, rank, s, rcond
    return (c, _fit_covariance(lhs, scale, residuals, y, shape(x)[0] - order, cov)) if cov else c


def _fit_covariance(lhs: Any, scale: Any, residuals: Any, y: Any, free: int, cov: Any) -> Any:
    base = np.linalg.inv(np.dot(lhs.T, lhs)) / np.outer(scale, scale)
    if cov == "unscaled":
        factor: Any = 1
    elif free <= 0:
        raise ValueError("the number of data points must exceed order to scale the covariance matrix")
    else:
        factor = residuals / free
    return (base if ndim(y) == 1 else reshape(base, (*shape(base), 1))) * factor
