"""Singular value decomposition.

Degenerate singular values follow the same convention as degenerate eigenvalues (`linalg_eig`). The vectors of an exactly zero
singular value of a rectangular matrix are arbitrary; they are held fixed. Complex vectors are free up to a common phase of each
pair; its change is split evenly between the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import value
from ..primitive import Primitive, implements
from ._matrix import adjoint, as_diagonal, conj, diagonal, floating, real, transpose
from ._util import constant, is_complex, shape
from .linalg_eig import coinciding, column, row, warn_if_met
from .linalg_lstsq import svdvals_p


def _reciprocal(s: Any) -> Any:
    """``1 / s``, zero where s is zero."""
    zero = value(s) == 0
    return np.where(zero, 0, 1 / np.where(zero, 1, s))


def _gaps(s: Any, same: Any) -> Any:
    """``F_ij = 1 / (s_j^2 - s_i^2)``, zero where the two coincide."""
    r, c = row(s), column(s)
    return np.where(same, 0, 1 / np.where(same, 1, (r - c) * (r + c)))


@constant
def _both_present(s: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Coinciding pairs without those that are both zero, which only span the null space."""
    present = s > 4 * s.shape[-1] * np.finfo(s.dtype).eps * s.max(axis=-1, keepdims=True, initial=0)
    return same & present[..., None, :] & present[..., :, None]


def _thin(ans: Any) -> tuple[Any, Any, Any, Any, Any]:
    """U, s, V of the reduced decomposition and the further columns of U and V, if any."""
    u, s, vh = ans
    k, v = shape(s)[-1], adjoint(vh)
    return u[..., :k], s, v[..., :k], u[..., k:], v[..., k:]


def _complement(du: Any, u: Any, rest: Any) -> Any:
    """Tangent of the further columns: they stay orthogonal to the first ones."""
    return -np.matmul(u, np.matmul(adjoint(du), rest))


def _svd_jvp(i: int, t: Any, ans: Any, a: Any, full: bool) -> Any:
    u, s, v, u2, v2 = _thin(ans)
    tv, thu = np.matmul(t, v), np.matmul(adjoint(t), u)
    p = np.matmul(adjoint(u), tv)
    same = coinciding(s)
    warn_if_met(_both_present(s, same), "svd", p)
    gaps, inverse, ph = _gaps(s, same), _reciprocal(s), adjoint(p)
    turn_u = gaps * (p * row(s) + column(s) * ph)
    turn_v = gaps * (column(s) * p + ph * row(s))
    if is_complex(u):
        phase = as_diagonal(0.5j * np.imag(diagonal(p)) * inverse)
        turn_u, turn_v = turn_u + phase, turn_v - phase
    du = np.matmul(u, turn_u) + (tv - np.matmul(u, p)) * row(inverse)
    dv = np.matmul(v, turn_v) + (thu - np.matmul(v, ph)) * row(inverse)
    if shape(u2)[-1]:
        du = np.concatenate((du, _complement(du, u, u2)), axis=-1)
    if shape(v2)[-1]:
        dv = np.concatenate((dv, _complement(dv, v, v2)), axis=-1)
    return du, real(diagonal(p)), adjoint(dv)


def _fold(g: Any, u: Any, rest: Any, k: int) -> Any:
    """Cotangent of all columns brought to the first `k`: the adjoint of `_complement`."""
    if not shape(rest)[-1]:
        return g
    return g[..., :k] - np.matmul(rest, np.matmul(adjoint(g[..., k:]), u))


def _svd_vjp(i: int, g: Any, ans: Any, a: Any, full: bool) -> Any:
    u, s, v, u2, v2 = _thin(ans)
    k = shape(s)[-1]
    gu, gv = _fold(g[0], u, u2, k), _fold(adjoint(g[2]), v, v2, k)
    x, y = np.matmul(adjoint(u), gu), np.matmul(adjoint(v), gv)
    same = coinciding(s)
    warn_if_met(_both_present(s, same), "svd", x, y)
    gaps, inverse = _gaps(s, same), _reciprocal(s)
    p = gaps * (x - adjoint(x)) * row(s) + column(s) * (gaps * (y - adjoint(y))) + as_diagonal(g[1])
    if is_complex(u):
        p = p + as_diagonal(0.5j * np.imag(diagonal(x) - diagonal(y)) * inverse)
    left = np.matmul(u, p) + (gu - np.matmul(u, x)) * row(inverse)
    right = (gv - np.matmul(v, y)) * row(inverse)
    return np.matmul(left, adjoint(v)) + np.matmul(u, adjoint(right))


svd_p = Primitive("svd", lambda a, full: tuple(np.linalg.svd(a, full)), _svd_jvp, _svd_vjp, outputs=3)

_Result = type(np.linalg.svd(np.eye(1)))


def _hermitian(a: Any, compute_uv: bool) -> Any:
    """NumPy's own way for Hermitian matrices: eigenvalues sorted by modulus, their signs moved into V."""
    if not compute_uv:
        return np.sort(np.absolute(np.linalg.eigvalsh(a)))[..., ::-1]
    s, u = np.linalg.eigh(a)
    sign = np.copysign(1.0, value(s))
    s = np.absolute(s)
    order = np.argsort(value(s))[..., ::-1]
    sign, s = np.take_along_axis(sign, order, -1), np.take_along_axis(s, order, -1)
    u = np.take_along_axis(u, order[..., None, :], -1)
    return _Result(u, s, conj(transpose(u * row(sign))))


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = floating(a)
    if hermitian:
        return _hermitian(a, compute_uv)
    return _Result(*svd_p(a, full=bool(full_matrices))) if compute_uv else svdvals_p(a)
