"""Norms of vectors and matrices, every order; at zero their derivative is zero."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .._core import smul, value
from ..primitive import Direct, Primitive, implements
from ._matrix import conj, floating, real
from ._util import expand, is_complex, ndim, neg_axes, reshape, shape, undispatched

# ---- Euclidean and Frobenius norms ----


def _wide(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A value of the shape of the norm of `x`, with the summed axes back as axes of length one."""
    return g if keepdims else expand(g, neg_axes(axis, ndim(x)))


def _over(x: Any, norm: Any) -> Any:
    """``x / norm``; zero where the norm is zero, also where it only underflowed."""
    return x / np.where(value(norm) == 0, np.inf, norm)


_norm = undispatched(np.linalg.norm)


def _two_impl(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    return _norm(x, ord, axis, keepdims)


def _two_jvp(i: int, t: Any, ans: Any, x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    return _over(np.sum(real(conj(x) * t), axis=neg_axes(axis, ndim(x)), keepdims=keepdims), ans)


def _two_vjp(i: int, g: Any, ans: Any, x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    if ndim(ans) == ndim(g) == 0 and not is_complex(x):
        return smul(g, _over(x, ans))
    return _wide(g, x, axis, keepdims) * _over(x, _wide(ans, x, axis, keepdims))


two_p = Primitive("norm", _two_impl, _two_jvp, _two_vjp)

# ---- sums of powers ----


def _power_partial(x: Any, ans: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    """``sign(x) (|x| / norm)^(p-1)``, zero where x or the norm is zero."""
    size, total = np.absolute(x), _wide(ans, x, axis, keepdims)
    flat = value(total) == 0
    ratio = np.where((value(size) == 0) | flat, 1, size) / np.where(flat, 1, total)
    return np.where(flat, 0, np.sign(x) * ratio ** (ord - 1))


def _power_jvp(i: int, t: Any, ans: Any, x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    return np.sum(real(conj(_power_partial(x, ans, ord, axis, keepdims)) * t), axis=neg_axes(axis, ndim(x)), keepdims=keepdims)


def _power_vjp(i: int, g: Any, ans: Any, x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    return _wide(g, x, axis, keepdims) * _power_partial(x, ans, ord, axis, keepdims)


power_p = Primitive("power_norm", _two_impl, _power_jvp, _power_vjp)


def _vector(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    """Norm along one axis."""
    axes = neg_axes(axis, ndim(x))
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    if ord is None or ord == 2:
        return two_p(x, ord=ord, axis=axes[0], keepdims=keepdims)
    if ord == np.inf:
        return np.max(np.absolute(x), axis=axes[0], keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return np.min(np.absolute(x), axis=axes[0], keepdims=keepdims)
    if ord == 1:
        return np.sum(np.absolute(x), axis=axes[0], keepdims=keepdims)
    if ord == 0:
        return np.linalg.norm(value(x), 0, axes[0], keepdims)
    return power_p(x, ord=float(ord), axis=axes[0], keepdims=keepdims)


def _matrix(x: Any, ord: Any, axis: tuple[int, int], keepdims: bool) -> Any:
    """Norm of the matrices in two axes."""
    nd = ndim(x)
    row, column = (normalize_axis_index(k, nd) for k in axis)
    if row == column:
        raise ValueError("Duplicate axes given.")
    if ord is None or ord in ("fro", "f"):
        pair = (row - nd, column - nd)
        return two_p(x, ord=ord, axis=pair, keepdims=keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        first, second = (row, column) if abs(ord) == 1 else (column, row)
        sums = np.sum(np.absolute(x), axis=first)
        second -= second > first
        r = np.max(sums, axis=second, initial=0) if ord > 0 else np.min(sums, axis=second)
    elif ord in (2, -2, "nuc"):
        s = np.linalg.svdvals(np.moveaxis(x, (row, column), (-2, -1)))
        if ord == "nuc":
            r = np.sum(s, axis=-1, initial=0)
        else:
            r = np.max(s, axis=-1, initial=0) if ord == 2 else np.min(s, axis=-1)
    else:
        raise ValueError("Invalid norm order for matrices.")
    if not keepdims:
        return r
    return reshape(r, tuple(1 if k in (row, column) else n for k, n in enumerate(shape(x))))


@implements(np.linalg.norm, direct=Direct(two_p, 1, call=_norm, ord=None, axis=None, keepdims=False))
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x, keepdims = floating(x), bool(keepdims)
    nd = ndim(x)
    if axis is None:
        if ord is None or (ord in ("f", "fro") and nd == 2) or (ord == 2 and nd == 1):
            return two_p(x, ord=ord, axis=None, keepdims=keepdims)
        axis = tuple(range(nd))
    elif not isinstance(axis, tuple):
        try:
            axis = (int(axis),)
        except Exception as e:
            raise TypeError("'axis' must be None, an integer or a tuple of integers") from e
    if len(axis) == 1:
        return _vector(x, ord, axis[0], keepdims)
    if len(axis) == 2:
        return _matrix(x, ord, axis, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _with_ones(r: Any, s: tuple[int, ...], axis: Any) -> Any:
    gone = normalize_axis_tuple(range(len(s)) if axis is None else axis, len(s))
    return reshape(r, tuple(1 if k in gone else n for k, n in enumerate(s)))


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    x = floating(x)
    s, flat, along = shape(x), x, axis
    if axis is None:
        flat, along = np.ravel(x), 0
    elif isinstance(axis, tuple):
        gone = normalize_axis_tuple(axis, len(s))
        rest = tuple(k for k in range(len(s)) if k not in gone)
        flat = reshape(np.transpose(x, gone + rest), (prod(s[k] for k in gone), *(s[k] for k in rest)))
        along = 0
    r = norm(flat, ord, along)
    return _with_ones(r, s, axis) if keepdims else r


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return norm(x, ord, (-2, -1), keepdims)
