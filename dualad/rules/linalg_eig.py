"""Eigenvalues and eigenvectors.

Where eigenvalues coincide, the vectors of one eigenspace are held fixed against each other. That is right for functions of the
eigenspace as a whole (its projector) and for sums of its eigenvalues; a function that tells its vectors apart has no derivative
there. One that joins the vectors of an eigenspace to functions of its eigenvalue (``V f(w) V^H``) would need f', which no rule of
`eigh` can see: whenever the derivative really meets such an eigenspace, a RuntimeWarning says so.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._core import value
from ..primitive import Primitive, implements
from ._matrix import adjoint, as_diagonal, conj, diagonal, floating, hermitian_from, real, to_triangle
from ._util import constant, is_complex, reshape, shape

# ---- differences of eigenvalues ----


@constant
def coinciding(w: np.ndarray) -> np.ndarray:
    """Pairs of eigenvalues (or singular values) that are equal to rounding; the diagonal included."""
    n = w.shape[-1]
    largest = np.abs(w).max(axis=-1, initial=0)[..., None, None]
    return np.abs(w[..., None, :] - w[..., :, None]) <= 4 * n * np.finfo(w.dtype).eps * largest


def row(w: Any) -> Any:
    return reshape(w, (*shape(w)[:-1], 1, shape(w)[-1]))


def column(w: Any) -> Any:
    return reshape(w, (*shape(w), 1))


def reciprocal_gaps(w: Any, same: Any) -> Any:
    """``F_ij = 1 / (w_j - w_i)``, zero where the two coincide."""
    return np.where(same, 0, 1 / np.where(same, 1, row(w) - column(w)))


@constant
def _are_met(same: np.ndarray, *couplings: np.ndarray) -> bool:
    """Whether a derivative couples different vectors of one eigenspace."""
    off = same & ~np.eye(same.shape[-1], dtype=bool)
    if not off.any():
        return False
    return any(np.any(np.where(off, np.abs(m), 0) > 1e-8 * np.abs(m).max(initial=0)) for m in couplings)


def warn_if_met(same: np.ndarray, name: str, *couplings: np.ndarray) -> None:
    """Warns when a derivative couples different vectors of one eigenspace."""
    if _are_met(same, *couplings):
        warnings.warn(
            f"{name}: coinciding values; the derivative is that of functions which treat each eigenspace as a whole",
            RuntimeWarning, stacklevel=2,
        )


# ---- eigh: Hermitian matrices, of which LAPACK reads one triangle ----


def _phase_index(n: int, UPLO: str) -> int:
    """LAPACK's reduction to tridiagonal form leaves this component of every complex eigenvector real."""
    return 0 if UPLO == "L" else n - 1


def _phase_scale(v: Any, k: int) -> Any:
    """``1 / v_k`` for the component that is real, 0 where it vanishes and the phase is free."""
    x = np.real(v[..., k, :])
    free = np.abs(value(x)) < 1e-8
    return np.where(free, 0, 1 / np.where(free, 1, x))


def _eigh_jvp(i: int, t: Any, ans: Any, a: Any, UPLO: str) -> Any:
    w, v = ans
    m = np.matmul(np.matmul(adjoint(v), hermitian_from(t, UPLO == "U")), v)
    same = coinciding(w)
    warn_if_met(same, "eigh", m)
    dv = np.matmul(v, reciprocal_gaps(w, same) * m)
    if is_complex(v) and shape(v)[-1]:
        k = _phase_index(shape(v)[-1], UPLO)
        dv = dv - v * row(1j * np.imag(dv[..., k, :]) * _phase_scale(v, k))
    return real(diagonal(m)), dv


def _eigh_vjp(i: int, g: Any, ans: Any, a: Any, UPLO: str) -> Any:
    (w, v), (gw, gv) = ans, g
    if is_complex(v) and shape(v)[-1]:  # the adjoint of the phase correction
        k = _phase_index(shape(v)[-1], UPLO)
        turn = np.imag(np.sum(conj(v) * gv, axis=-2)) * _phase_scale(v, k)
        gv = gv - np.where(np.arange(shape(v)[-1])[:, None] == k, row(1j * turn), 0)
    x = np.matmul(adjoint(v), gv)
    same = coinciding(w)
    warn_if_met(same, "eigh", x)
    m = as_diagonal(gw) + reciprocal_gaps(w, same) * x
    full = np.matmul(np.matmul(v, m), adjoint(v))
    return to_triangle(0.5 * (full + adjoint(full)), UPLO == "U")


eigh_p = Primitive("eigh", lambda a, UPLO: tuple(np.linalg.eigh(a, UPLO)), _eigh_jvp, _eigh_vjp, outputs=2)


def _eigvalsh_jvp(i: int, t: Any, ans: Any, a: Any, UPLO: str) -> Any:
    v = np.linalg.eigh(a, UPLO)[1]
    return real(np.sum(conj(v) * np.matmul(hermitian_from(t, UPLO == "U"), v), axis=-2))


def _eigvalsh_vjp(i: int, g: Any, ans: Any, a: Any, UPLO: str) -> Any:
    v = np.linalg.eigh(a, UPLO)[1]
    return to_triangle(np.matmul(v * row(g), adjoint(v)), UPLO == "U")


eigvalsh_p = Primitive("eigvalsh", lambda a, UPLO: np.linalg.eigvalsh(a, UPLO), _eigvalsh_jvp, _eigvalsh_vjp)

_EighResult = type(np.linalg.eigh(np.eye(1)))
_EigResult = type(np.linalg.eig(np.eye(1)))


def _triangle(UPLO: str) -> str:
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return UPLO.upper()


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """The derivative is with respect to the triangle that is read; the other entries have derivative zero."""
    return _EighResult(*eigh_p(floating(a), UPLO=_triangle(UPLO)))


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return eigvalsh_p(floating(a), UPLO=_triangle(UPLO))


# ---- eig: LAPACK scales each vector to length one and turns it so that its largest component is real ----


@constant
def _largest(v: np.ndarray) -> np.ndarray:
    """Mask of the component of largest modulus in each column."""
    if v.size == 0:
        return np.zeros(v.shape, dtype=bool)
    return np.arange(v.shape[-2])[:, None] == np.abs(v).argmax(axis=-2)[..., None, :]


def _eig_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    w, v = ans
    m = np.matmul(np.linalg.inv(v), np.matmul(t, v))
    same = coinciding(w)
    warn_if_met(same, "eig", m)
    u = np.matmul(v, reciprocal_gaps(w, same) * m)
    dv = u - v * row(real(np.sum(conj(v) * u, axis=-2)))
    if is_complex(v):
        at = _largest(v)
        turn = np.imag(np.sum(np.where(at, u, 0), axis=-2)) / np.real(np.sum(np.where(at, v, 0), axis=-2))
        dv = dv - v * row(1j * turn)
    return diagonal(m), dv


def _eig_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    (w, v), (gw, gv) = ans, g
    s = np.sum(conj(v) * gv, axis=-2)
    gu = gv - v * row(real(s))
    if is_complex(v):
        at = _largest(v)
        turn = np.imag(s) / np.real(np.sum(np.where(at, v, 0), axis=-2))
        gu = gu - np.where(at, row(1j * turn), 0)
    x = np.matmul(adjoint(v), gu)
    same = coinciding(w)
    warn_if_met(same, "eig", x)
    m = as_diagonal(gw) + conj(reciprocal_gaps(w, same)) * x
    back = adjoint(np.linalg.inv(v))
    return real_if(np.matmul(np.matmul(back, m), adjoint(v)), a)


def real_if(g: Any, x: Any) -> Any:
    """A complex cotangent of a real argument without its imaginary part."""
    return g if is_complex(x) else real(g)


eig_p = Primitive("eig", lambda a: tuple(np.linalg.eig(a)), _eig_jvp, _eig_vjp, outputs=2)


@implements(np.linalg.eig)
def eig(a: Any) -> Any:
    return _EigResult(*eig_p(floating(a)))


@constant
def _order(wanted: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The place in `w` of each wanted eigenvalue, no place twice: LAPACK's two paths may order them differently."""
    distance = np.abs(wanted[..., :, None] - w[..., None, :])
    out = np.zeros(wanted.shape, dtype=np.intp)
    for k in range(wanted.shape[-1]):
        out[..., k] = distance[..., k, :].argmin(axis=-1)
        np.put_along_axis(distance, out[..., k, None, None], np.inf, axis=-1)
    return out


def _vectors(ans: Any, a: Any) -> Any:
    """Eigenvectors in the order of the eigenvalues `ans`."""
    w, v = np.linalg.eig(a)
    return np.take_along_axis(v, row(_order(ans, w)), axis=-1)


def _eigvals_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    v = _vectors(ans, a)
    return np.sum(np.swapaxes(np.linalg.inv(v), -1, -2) * np.matmul(t, v), axis=-2)


def _eigvals_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    v = _vectors(ans, a)
    return real_if(np.matmul(adjoint(np.linalg.inv(v)) * row(g), adjoint(v)), a)


eigvals_p = Primitive("eigvals", np.linalg.eigvals, _eigvals_jvp, _eigvals_vjp)


@implements(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    return eigvals_p(floating(a))
