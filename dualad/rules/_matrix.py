"""Helpers that the matrix rules share: adjoints, alignment of stacked matrices, triangles, and guarded reciprocals."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from ._util import is_complex, ndim, reshape, shape, widen

operand, floating = _core.array_operand, _core.floating_operand


def conj(x: Any) -> Any:
    """Complex conjugate; a real value is passed on without a copy."""
    return np.conjugate(x) if is_complex(x) else x


def transpose(x: Any) -> Any:
    """Swaps the last two axes."""
    return x.T if ndim(x) == 2 else np.swapaxes(x, -1, -2)


def adjoint(x: Any) -> Any:
    """Conjugate transpose of the last two axes."""
    return conj(transpose(x))


def real(x: Any) -> Any:
    """Real part; a real value is passed on."""
    return np.real(x) if is_complex(x) else x


def align(t: Any, x: Any, n: int) -> Any:
    """Tangent `t` of the stacked matrices (or vectors) `x`, its seed axis in front of as many axes as the result has."""
    return widen(t, x, max(n, ndim(x)))


def sum_to(g: Any, to: tuple[int, ...], full: tuple[int, ...]) -> Any:
    """Adjoint of broadcasting shape `to` to shape `full`, for a cotangent `g` of shape `full` or with a seed axis before it."""
    return _core.sum_to(g, to, ndim(g) > len(full))


def diagonal(x: Any) -> Any:
    """Diagonals of stacked matrices."""
    return np.diagonal(x, 0, -2, -1)


def as_diagonal(d: Any) -> Any:
    """Stacked diagonal matrices from their diagonals; the rest is exactly zero, whatever the diagonal holds."""
    s = shape(d)
    return np.where(np.eye(s[-1], dtype=bool), reshape(d, (*s, 1)), 0)


def lower(x: Any, strict: bool = False) -> Any:
    """Lower triangles of stacked matrices, with or without the diagonal."""
    return np.tril(x, -1 if strict else 0)


def half_lower(x: Any) -> Any:
    """Lower triangle with half of the real diagonal: the map that turns a Hermitian matrix L^-1 dA L^-H into L^-1 dL."""
    return lower(x, True) + as_diagonal(real(diagonal(x)) * 0.5)


def hermitian_from(x: Any, upper: bool = False) -> Any:
    """The Hermitian matrix that LAPACK sees when it reads only one triangle of `x` (the imaginary diagonal is ignored)."""
    off = np.triu(x, 1) if upper else np.tril(x, -1)
    return off + adjoint(off) + as_diagonal(real(diagonal(x)))


def to_triangle(g: Any, upper: bool = False) -> Any:
    """Adjoint of `hermitian_from`: the cotangent of the whole matrix, gathered on the triangle that is read."""
    both = g + adjoint(g)
    off = np.triu(both, 1) if upper else np.tril(both, -1)
    return off + as_diagonal(real(diagonal(g)))


def matvec(a: Any, x: Any) -> Any:
    """Stacked matrix times stacked vector (np.matvec is younger than the oldest supported NumPy)."""
    return np.matmul(a, x[..., None])[..., 0]
