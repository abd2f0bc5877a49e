"""Least squares, and the functions of singular values alone: svdvals, rank, condition number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import value
from ..primitive import Primitive, implements, plain
from ._matrix import adjoint, floating, real
from ._util import constant, dtype, lead, ndim, reshape, shape

# ---- lstsq: x = pinv(a) b with the rank kept, the residuals, the singular values ----


def _lstsq_impl(a: Any, b: Any, rcond: Any) -> tuple[Any, Any, Any]:
    x, residuals, _, s = np.linalg.lstsq(a, b, rcond)
    return x, residuals, s


def _columns(x: Any, vector: bool) -> Any:
    return reshape(x, (*shape(x), 1)) if vector else x


def _inverse(a: Any, rcond: Any) -> Any:
    return np.linalg.pinv(a, rcond=_cut(a, rcond))


@constant
def _cut(a: Any, rcond: Any) -> float:
    return np.finfo(a.dtype).eps * max(a.shape) if rcond is None else rcond


def _lstsq_jvp(i: int, t: Any, ans: Any, a: Any, b: Any, rcond: Any) -> Any:
    vector = ndim(b) == 1
    x, p = _columns(ans[0], vector), _inverse(a, rcond)
    rest = _columns(b, vector) - np.matmul(a, x)
    if i == 1:
        seen = _columns(t, vector)
        dx, ds = np.matmul(p, seen), np.zeros(shape(t)[: lead(t, b)] + shape(ans[2]), dtype(ans[2]))
    else:
        seen, th = -np.matmul(t, x), adjoint(t)
        ph = adjoint(p)
        y = np.matmul(th, np.matmul(ph, x))
        dx = np.matmul(p, seen) + np.matmul(p, np.matmul(ph, np.matmul(th, rest))) + y - np.matmul(p, np.matmul(a, y))
        ds = _svdvals_jvp(0, t, ans[2], a)
    squares = 2.0 * np.sum(real(np.conjugate(rest) * seen), axis=-2)
    if shape(ans[1]) == (0,):
        squares = np.zeros((*shape(squares)[:-1], 0), dtype(ans[1]))
    return reshape(dx, shape(dx)[:-1]) if vector else dx, squares, ds


def _lstsq_vjp(i: int, g: Any, ans: Any, a: Any, b: Any, rcond: Any) -> Any:
    vector = ndim(b) == 1
    x, p, gx = _columns(ans[0], vector), _inverse(a, rcond), _columns(g[0], vector)
    ph, rest = adjoint(p), _columns(b, vector) - np.matmul(a, x)
    r = np.matmul(ph, gx)
    if shape(ans[1]) != (0,):
        r = r + 2.0 * rest * reshape(g[1], (*shape(g[1])[:-1], 1, shape(g[1])[-1]))
    if i == 1:
        return reshape(r, shape(r)[:-1]) if vector else r
    left = np.matmul(rest, adjoint(np.matmul(p, np.matmul(ph, gx))))
    q = gx - np.matmul(p, np.matmul(a, gx))
    right = np.matmul(np.matmul(ph, x), adjoint(q))
    return left + right - np.matmul(r, adjoint(x)) + _svdvals_vjp(0, g[2], ans[2], a)


lstsq_p = Primitive("lstsq", _lstsq_impl, _lstsq_jvp, _lstsq_vjp, outputs=3)


@constant
def _rank(s: Any, a: Any, rcond: Any) -> Any:
    """The number of singular values that LAPACK's gelsd counts."""
    return np.intc(np.sum(s > _cut(a, rcond) * s.max())) if s.size else np.intc(0)


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    a = floating(a)
    rcond = value(rcond)
    x, residuals, s = lstsq_p(a, floating(b), rcond=rcond)
    return x, residuals, _rank(s, a, rcond), s


# ---- singular values ----


def _svdvals_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    moved = real(np.sum(np.conjugate(u) * np.matmul(t, adjoint(vh)), axis=-2))
    return np.where(value(ans) == 0, 0, moved)


def _svdvals_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    g = np.where(value(ans) == 0, 0, g)
    return np.matmul(u * reshape(g, (*shape(g)[:-1], 1, shape(g)[-1])), vh)


svdvals_p = Primitive("svdvals", lambda a: np.linalg.svd(a, compute_uv=False), _svdvals_jvp, _svdvals_vjp)


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """Singular values; one that is exactly zero counts as a modulus at its origin: derivative zero."""
    return svdvals_p(floating(x))


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """NumPy's own sequence: a quotient of singular values, or a product of two norms."""
    x = floating(x)
    if p is None or p in {2, -2}:
        if 0 in shape(x)[-2:]:
            raise np.linalg.LinAlgError("cond is not defined on empty arrays")
        s = svdvals_p(x)
        with np.errstate(all="ignore"):
            r = np.divide(s[..., -1], s[..., 0]) if p == -2 else np.divide(s[..., 0], s[..., -1])
    else:
        r = np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(_inverse_or_nan(x), p, axis=(-2, -1))
    lost = np.isnan(value(r)) & ~np.isnan(value(x)).any(axis=(-2, -1))
    return np.where(lost, np.inf, r)[()] if np.any(lost) else r


def _inverse_or_nan(x: Any) -> Any:
    """The inverse; where there is none, NaN as in NumPy's condition numbers."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        if ndim(x) == 2:
            return np.full(shape(x), np.nan, dtype(x))
        return np.stack([_inverse_or_nan(x[k]) for k in range(shape(x)[0])])


plain(np.linalg.matrix_rank)
