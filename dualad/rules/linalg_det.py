"""Determinants; of a (nearly) singular matrix the adjugate comes from singular vectors, so derivatives are finite and exact."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced
from ..primitive import Direct, Primitive, implements
from ._matrix import adjoint, as_diagonal, conj, diagonal, floating, real, transpose
from ._util import constant, is_complex, reshape, shape

# ---- the adjugate, d det(A) = tr(adj(A) dA) ----


@constant
def _safe_inverse(a: np.ndarray) -> np.ndarray | None:
    """The inverse, if ``det(a) * inv(a)`` keeps at least half of the digits for every matrix of the stack."""
    try:
        with np.errstate(all="ignore"):
            inverse = np.linalg.inv(a)
            condition = np.abs(a).sum(-1).max(-1, initial=0) * np.abs(inverse).sum(-1).max(-1, initial=0)
    except np.linalg.LinAlgError:
        return None
    return inverse if np.all(condition < np.finfo(a.dtype).eps ** -0.5) else None


def _others(s: Any, pairs: bool) -> Any:
    """Products of all singular values but one (a vector), or but two different ones (a matrix with a zero diagonal)."""
    n = shape(s)[-1]
    out = np.eye(n, dtype=bool)
    if not pairs:
        return np.prod(np.where(out, 1.0, reshape(s, (*shape(s)[:-1], 1, n))), axis=-1)
    left_out = out[:, None, :] | out[None, :, :]
    products = np.prod(np.where(left_out, 1.0, reshape(s, (*shape(s)[:-1], 1, 1, n))), axis=-1)
    return np.where(out, 0.0, products)


def _adjugate_impl(a: np.ndarray) -> np.ndarray:
    u, s, vh = np.linalg.svd(a)
    turn = np.linalg.det(u) * np.linalg.det(vh)
    r = np.matmul(adjoint(vh) * _others(s, False)[..., None, :], adjoint(u)) * turn[..., None, None]
    return r.astype(a.dtype, copy=False)


def _rotated(t: Any, vh: Any, u: Any, turn: Any, pairs: Any) -> Any:
    """Derivative of the adjugate: in the singular basis the other diagonal entries move a diagonal one."""
    m = np.matmul(np.matmul(adjoint(u), t), adjoint(vh))
    d = np.matmul(pairs, reshape(diagonal(m), (*shape(m)[:-1], 1)))
    moved = as_diagonal(reshape(d, shape(d)[:-1])) - pairs * m
    return np.matmul(np.matmul(adjoint(vh), moved), adjoint(u)) * turn


def _adjugate_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    u, s, vh = np.linalg.svd(a)
    turn = reshape(np.linalg.det(u) * np.linalg.det(vh), (*shape(a)[:-2], 1, 1))
    return _rotated(t, vh, u, turn, _others(s, True))


def _adjugate_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    u, s, vh = np.linalg.svd(a)
    turn = reshape(np.linalg.det(u) * np.linalg.det(vh), (*shape(a)[:-2], 1, 1))
    m = np.matmul(np.matmul(vh, g), u) * conj(turn)
    pairs = _others(s, True)
    d = np.matmul(pairs, reshape(diagonal(m), (*shape(m)[:-1], 1)))
    moved = as_diagonal(reshape(d, shape(d)[:-1])) - pairs * m
    return np.matmul(np.matmul(u, moved), vh)


_adjugate_p = Primitive("adjugate", _adjugate_impl, _adjugate_jvp, _adjugate_vjp)


def _cofactors(ans: Any, a: Any) -> Any:
    """Partial derivatives of the determinant, one an entry of `a`; differentiable to any order where `a` is well conditioned."""
    inverse = _safe_inverse(a)
    if inverse is None:
        return transpose(_adjugate_p(a))
    return transpose(np.linalg.inv(a) if is_traced(a) else inverse) * reshape(ans, (*shape(ans), 1, 1))


def _det_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    return np.sum(_cofactors(ans, a) * t, axis=(-2, -1))


def _det_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    return reshape(g, (*shape(g), 1, 1)) * conj(_cofactors(ans, a))


det_p = Primitive("det", np.linalg.det, _det_jvp, _det_vjp)


@implements(np.linalg.det, direct=Direct(det_p, 1))
def det(a: Any) -> Any:
    return det_p(floating(a))


# ---- slogdet ----

_Result = type(np.linalg.slogdet(np.eye(1)))


def _slogdet_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    moved = np.sum(transpose(np.linalg.inv(a)) * t, axis=(-2, -1))
    if not is_complex(a):
        return np.zeros(shape(moved), moved.dtype), moved
    return ans[0] * (1j * np.imag(moved)), np.real(moved)


def _slogdet_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    back = adjoint(np.linalg.inv(a))
    if not is_complex(a):
        return reshape(g[1], (*shape(g[1]), 1, 1)) * back
    total = real(g[1]) + 1j * np.imag(conj(ans[0]) * g[0])
    return reshape(total, (*shape(total), 1, 1)) * back


slogdet_p = Primitive("slogdet", lambda a: tuple(np.linalg.slogdet(a)), _slogdet_jvp, _slogdet_vjp, outputs=2)


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """Sign and logarithm of the absolute determinant; at a singular matrix the logarithm has no derivative and `inv` says so."""
    return _Result(*slogdet_p(floating(a)))
