"""Cholesky and QR decompositions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import Primitive, implements
from ._matrix import adjoint, as_diagonal, diagonal, floating, half_lower, hermitian_from, lower, to_triangle, transpose
from ._util import dtype, is_complex, shape

# ---- cholesky (Murray, arXiv:1602.07527); only one triangle of the matrix is read ----


def _cholesky_jvp(i: int, t: Any, ans: Any, a: Any, upper: bool) -> Any:
    factor = adjoint(ans) if upper else ans
    inverse = np.linalg.inv(factor)
    inner = np.matmul(np.matmul(inverse, hermitian_from(t, upper)), adjoint(inverse))
    moved = np.matmul(factor, half_lower(inner))
    return adjoint(moved) if upper else moved


def _cholesky_vjp(i: int, g: Any, ans: Any, a: Any, upper: bool) -> Any:
    factor, g = (adjoint(ans), adjoint(g)) if upper else (ans, g)
    inverse = np.linalg.inv(factor)
    inner = half_lower(np.matmul(adjoint(factor), g))
    full = np.matmul(np.matmul(adjoint(inverse), inner), inverse)
    return to_triangle(0.5 * (full + adjoint(full)), upper)


cholesky_p = Primitive("cholesky", lambda a, upper: np.linalg.cholesky(a, upper=upper), _cholesky_jvp, _cholesky_vjp)


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The derivative is with respect to the triangle that is read; the other entries have derivative zero."""
    return cholesky_p(floating(a), upper=bool(upper))


# ---- qr; LAPACK makes the diagonal of R real ----


def _parts(q: Any, r: Any) -> tuple[Any, Any, Any]:
    """The first min(m, n) columns of Q, the same rows of R, and the inverse of R's square part."""
    k = min(shape(r)[-1], shape(q)[-2])
    q, r = q[..., :k], r[..., :k, :]
    return q, r, np.linalg.inv(r[..., :k])


def _skew(c: Any) -> Any:
    """The skew-Hermitian matrix that has the strict lower triangle and the imaginary diagonal of `c`."""
    low = lower(c, True)
    r = low - adjoint(low)
    return r + as_diagonal(1j * np.imag(diagonal(c))) if is_complex(c) else r


def _unskew(g: Any) -> Any:
    """Adjoint of `_skew`."""
    r = lower(g - adjoint(g), True)
    return r + as_diagonal(1j * np.imag(diagonal(g))) if is_complex(g) else r


def _thin_jvp(t: Any, q: Any, r: Any, inverse: Any) -> tuple[Any, Any]:
    """``dQ = (dA R^-1 - Q c) + Q W, dR = Q^H dA - W R`` with ``c = Q^H dA R^-1`` and W its skew part."""
    k, seen = shape(inverse)[-1], np.matmul(adjoint(q), t)
    c = np.matmul(seen[..., :k], inverse)
    w = _skew(c)
    return np.matmul(t[..., :k], inverse) + np.matmul(q, w - c), np.triu(seen - np.matmul(w, r))


def _thin_vjp(gq: Any, gr: Any, q: Any, r: Any, inverse: Any) -> Any:
    """Adjoint of `_thin_jvp`."""
    gr, seen = np.triu(gr), np.matmul(adjoint(q), gq)
    gw = _unskew(seen - np.matmul(gr, adjoint(r)))
    first = np.matmul(gq + np.matmul(q, gw - seen), adjoint(inverse))
    whole = np.matmul(q, gr)
    k, n = shape(inverse)[-1], shape(r)[-1]
    return whole + first if k == n else np.concatenate((whole[..., :k] + first, whole[..., k:]), axis=-1)


def _qr_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    return _thin_jvp(t, *_parts(*ans))


def _qr_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    return _thin_vjp(*g, *_parts(*ans))


qr_p = Primitive("qr", lambda a: tuple(np.linalg.qr(a)), _qr_jvp, _qr_vjp, outputs=2)

# ---- complete: Householder's reflections tie the further columns to the first, Q2 = E2 + (E1 - Q1) (I - Q11^H)^-1 Q21^H ----


def _reflected(q: Any) -> tuple[Any, Any, Any]:
    """``E1 - Q1``, ``(I - Q11^H)^-1`` and their product with Q21^H behind it, for the first columns `q`."""
    k = shape(q)[-1]
    start = np.eye(shape(q)[-2], k, dtype=dtype(q)) - q
    inverse = np.linalg.inv(adjoint(start[..., :k, :]))
    return start, inverse, np.matmul(inverse, adjoint(q[..., k:, :]))


def _complete_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    q, r, inverse = _parts(*ans)
    k = shape(q)[-1]
    dq, dr = _thin_jvp(t, q, r, inverse)
    start, turn, tail = _reflected(q)
    dtail = np.matmul(turn, np.matmul(adjoint(dq[..., :k, :]), tail) + adjoint(dq[..., k:, :]))
    dq2 = np.matmul(start, dtail) - np.matmul(dq, tail)
    rows = np.zeros((*shape(dr)[:-2], shape(ans[1])[-2] - k, shape(dr)[-1]), dtype(dr))
    return np.concatenate((dq, dq2), axis=-1), np.concatenate((dr, rows), axis=-2)


def _complete_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    q, r, inverse = _parts(*ans)
    k = shape(q)[-1]
    start, turn, tail = _reflected(q)
    gq, gq2 = g[0][..., :k], g[0][..., k:]
    y = np.matmul(adjoint(turn), np.matmul(adjoint(start), gq2))
    top = np.matmul(tail, adjoint(y))
    gq = gq - np.matmul(gq2, adjoint(tail)) + np.concatenate((top, adjoint(y)), axis=-2)
    return _thin_vjp(gq, g[1][..., :k, :], q, r, inverse)


complete_p = Primitive("qr_complete", lambda a: tuple(np.linalg.qr(a, "complete")), _complete_jvp, _complete_vjp, outputs=2)

# ---- raw: Householder vectors V and scales tau; E1 - Q = V W with W upper triangular and tau on its diagonal ----


def _raw_parts(ans: Any, a: Any) -> tuple[Any, ...]:
    """The thin decomposition, the number j of true reflections, V of those, and the inverses of its top and of W."""
    q, r = np.linalg.qr(a)
    m, k = shape(q)[-2:]
    j = k - 1 if m == k and not is_complex(a) else k  # a real column of length one is not reflected
    v = np.tril(transpose(ans[0])[..., :j], -1) + np.eye(m, j, dtype=dtype(q))
    top = np.linalg.inv(v[..., :j, :])
    w = np.matmul(top, (np.eye(m, k, dtype=dtype(q)) - q)[..., :j, :j])
    return q, r, np.linalg.inv(r[..., :k]), j, v, top, w, np.linalg.inv(w)


def _raw_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    q, r, inverse, j, v, top, w, back = _raw_parts(ans, a)
    dq, dr = _thin_jvp(t, q, r, inverse)
    x = -np.matmul(np.matmul(top, dq[..., :j, :j]), back)
    dw = np.matmul(np.triu(x), w)
    dv1 = np.matmul(v[..., :j, :], lower(x, True))
    dv2 = -np.matmul(dq[..., j:, :j] + np.matmul(v[..., j:, :], dw), back)
    m, n, k = shape(q)[-2], shape(r)[-1], shape(q)[-1]
    seeds = shape(dr)[:-2]
    dv = np.concatenate((np.concatenate((dv1, dv2), axis=-2), np.zeros((*seeds, m, n - j), dtype(dr))), axis=-1)
    dr = np.concatenate((dr, np.zeros((*seeds, m - k, n), dtype(dr))), axis=-2)
    dtau = np.concatenate((diagonal(dw), np.zeros((*seeds, k - j), dtype(dr))), axis=-1)
    return transpose(lower(dv, True) + np.triu(dr)), dtau


def _raw_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    q, r, inverse, j, v, top, w, back = _raw_parts(ans, a)
    k, gh = shape(q)[-1], transpose(g[0])
    gv, v1, v2 = lower(gh[..., :j], True), v[..., :j, :], v[..., j:, :]
    z = np.matmul(gv[..., j:, :], adjoint(back))
    gw = as_diagonal(g[1][..., :j]) - np.matmul(adjoint(v2), z)
    gx = lower(np.matmul(adjoint(v1), gv[..., :j, :]), True) + np.triu(np.matmul(gw, adjoint(w)))
    first = np.matmul(np.matmul(adjoint(top), gx), adjoint(back))
    gq = -np.concatenate((first, z), axis=-2)
    gq = np.concatenate((gq, np.zeros((*shape(gq)[:-1], k - j), dtype(gq))), axis=-1)
    return _thin_vjp(gq, gh[..., :k, :], q, r, inverse)


raw_p = Primitive("qr_raw", lambda a: tuple(np.linalg.qr(a, "raw")), _raw_jvp, _raw_vjp, outputs=2)

_Result = type(np.linalg.qr(np.eye(1)))


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    a = floating(a)
    if mode == "complete" and shape(a)[-2] > shape(a)[-1]:
        return _Result(*complete_p(a))
    if mode in ("reduced", "complete"):
        return _Result(*qr_p(a))
    if mode == "r":
        return qr_p(a)[1]
    if mode == "raw":
        return raw_p(a)
    raise ValueError(f"Unrecognized mode '{mode}'")
