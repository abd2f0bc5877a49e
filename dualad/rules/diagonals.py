"""Diagonals and triangles."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import pack, value
from ..primitive import Direct, Primitive, implements
from ._util import ndim, neg_axis, reshape, shape
from .reductions import drops


def _diagonal_impl(x: Any, offset: int, axes: tuple[int, int], full: tuple[int, ...]) -> Any:
    return np.diagonal(x, offset, *axes)


def _spread_impl(g: Any, offset: int, axes: tuple[int, int], full: tuple[int, ...]) -> Any:
    """Zeros of shape `full` (seed axis in front) with `g` on the diagonal: the adjoint of `_diagonal_impl`."""
    g = np.asarray(g)
    out = np.zeros(g.shape[: g.ndim - len(full) + 1] + full, g.dtype)
    i = np.arange(g.shape[-1])
    np.moveaxis(out, axes, (-2, -1))[..., i + max(-offset, 0), i + max(offset, 0)] = g
    return out


diagonal_p = Primitive("diagonal", _diagonal_impl, vjp=lambda i, g, ans, x, **params: on_diagonal_p(g, **params), linear=True)
on_diagonal_p = Primitive("on_diagonal", _spread_impl, vjp=lambda i, g, ans, x, **params: diagonal_p(g, **params), linear=True)


def _diagonal_axes(x: Any, axis1: Any, axis2: Any) -> tuple[int, int]:
    """Two different axes of an array, counted from the end."""
    n = ndim(x)
    if n < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    axes = neg_axis(axis1, n), neg_axis(axis2, n)
    if axes[0] == axes[1]:
        raise ValueError("axis1 and axis2 cannot be the same")
    return axes


@implements(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    return diagonal_p(a, offset=int(offset), axes=_diagonal_axes(a, axis1, axis2), full=shape(a))


@implements(np.linalg.diagonal)
def last_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return diagonal(x, offset, -2, -1)


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    if ndim(v) == 1:
        n = shape(v)[0] + abs(k)
        return on_diagonal_p(v, offset=int(k), axes=(-2, -1), full=(n, n))
    if ndim(v) == 2:
        return diagonal(v, k)
    raise ValueError("Input must be 1- or 2-d.")


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    return diag(reshape(v, (-1,)), k)


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    # NumPy marks on a stand-in which elements it would fill, with its own checks
    marks = np.zeros(shape(a), bool)
    np.fill_diagonal(marks, True, wrap)
    where = np.flatnonzero(marks)
    val = pack(val)
    val = np.take(reshape(val, (-1,)), np.arange(where.size) % max(1, int(np.prod(shape(val))))) if ndim(val) else val
    a[np.unravel_index(where, shape(a))] = val


# ---- trace ----


def _trace_impl(x: Any, offset: int, axes: tuple[int, int], kind: Any = None) -> Any:
    return x.trace(offset, *axes, kind)


def _trace_vjp(i: int, g: Any, ans: Any, x: Any, offset: int, axes: tuple[int, int], kind: Any = None) -> Any:
    full = shape(x)
    rows, columns = full[axes[0]], full[axes[1]]
    n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    g = np.broadcast_to(reshape(g, (*shape(g), 1)), (*shape(g), n))
    return on_diagonal_p(g, offset=offset, axes=axes, full=full)


trace_p = Primitive("trace", _trace_impl, vjp=_trace_vjp, linear=True)


@implements(np.trace, direct=Direct(trace_p, 1, ndim=2, call=np.ndarray.trace, offset=0, axes=(-2, -1)))
def trace(a: Any, offset: int = 0, axis1: Any = 0, axis2: Any = 1, dtype: Any = None, out: Any = None) -> Any:
    axes = _diagonal_axes(a, axis1, axis2)
    if dtype is None:
        return trace_p(a, offset=int(offset), axes=axes)
    return trace_p(value(a) if drops(dtype) else a, offset=int(offset), axes=axes, kind=dtype)


@implements(np.linalg.trace)
def last_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return trace(x, offset, -2, -1, dtype)


# ---- triangles ----


def _triangle(name: str, function: Any) -> Any:
    prim = Primitive(name, lambda x, k: function(x, k), linear=True, vjp=lambda i, g, ans, x, k: prim(g, k=k))

    def handler(m: Any, k: int = 0) -> Any:
        return prim(m if ndim(m) != 1 else np.broadcast_to(m, shape(m) * 2), k=k)

    return implements(function)(handler)


tril, triu = _triangle("tril", np.tril), _triangle("triu", np.triu)
