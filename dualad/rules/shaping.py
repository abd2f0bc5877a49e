"""Shape and axis manipulation: the same elements in another arrangement."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .._core import bind, is_traced, pack, value
from ..primitive import Primitive, implements
from ._util import constant, lead, ndim, neg_axis, reshape, shape, spread_tangent, unbroadcast

_NONE = np._NoValue


# ---- reshape ----
# The commonest calls go to `bind` directly: calling the primitive is one more Python frame.


def _reshape_impl(x: Any, to: tuple[int, ...], order: str = "C") -> Any:
    return x.reshape(to) if type(x) is np.ndarray and order == "C" else np.reshape(x, to, order)


def _seeded_reshape(t: Any, seeds: int, to: tuple[int, ...], order: str) -> Any:
    """Reshapes all but the seed axis, which in column-major order has to wait at the end."""
    if order == "C" or not seeds:
        return reshape_p(t, to=shape(t)[:seeds] + to, order=order)
    t = reshape_p(np.moveaxis(t, 0, -1), to=to + shape(t)[:1], order=order)
    return np.moveaxis(t, -1, 0)


def _reshape_jvp(i: int, t: Any, ans: Any, x: Any, to: tuple[int, ...], order: str = "C") -> Any:
    return _seeded_reshape(t, lead(t, x), shape(ans), order)


def _reshape_vjp(i: int, g: Any, ans: Any, x: Any, to: tuple[int, ...], order: str = "C") -> Any:
    if order == "C":
        if type(g) is np.ndarray and g.ndim == ndim(ans):
            return g.reshape(shape(x))
        return reshape(g, shape(g)[: ndim(g) - ndim(ans)] + shape(x))
    return _seeded_reshape(g, lead(g, ans), shape(x), order)


reshape_p = Primitive("reshape", _reshape_impl, _reshape_jvp, _reshape_vjp)


def concrete_order(x: Any, order: str) -> str:
    """'C' or 'F' for any of NumPy's order letters, which may ask how the elements lie in memory."""
    if order in ("C", "F"):
        return order
    if order not in ("A", "K"):
        np.ravel(np.zeros(1), order)  # raises NumPy's own complaint
    return "F" if _strides(x) == "F" else "C"


@constant
def _strides(x: Any) -> Any:
    """'C' or 'F' for a contiguous operand, else its strides."""
    if np.ndim(x) == 0 or x.flags.c_contiguous:
        return "C"
    return "F" if x.flags.f_contiguous else x.strides


def to_shape(x: Any, to: Any, order: str = "C") -> Any:
    """`x` in shape `to`; one entry may be -1."""
    to = tuple([k if type(k) is int else operator.index(k) for k in (to if isinstance(to, (tuple, list)) else (to,))])
    return bind(reshape_p, (x,), {"to": to}) if order == "C" else reshape_p(x, to=to, order=concrete_order(x, order))


@implements(np.reshape)
def reshape_(a: Any, /, shape: Any = None, order: str = "C", *, copy: Any = None) -> Any:
    if copy is False:
        np.reshape(value(a), shape, order, copy=False)  # raises where a view is impossible
    return to_shape(a, shape, order)


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    strides = _strides(a) if order == "K" else "C"
    if isinstance(strides, tuple):
        # elements in memory order: axes sorted by decreasing stride
        return to_shape(np.transpose(a, sorted(range(len(strides)), key=lambda k: -abs(strides[k]))), -1)
    return to_shape(a, -1, order)


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    return reshape_p(a, to=np.squeeze(np.empty(shape(a), "b"), axis).shape)


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    if type(axis) is int:
        s = shape(a)
        at = neg_axis(axis, len(s) + 1) + len(s) + 1
        return reshape_p(a, to=s[:at] + (1,) + s[at:])
    return reshape_p(a, to=np.expand_dims(np.empty(shape(a), "b"), axis).shape)


def at_least(x: Any, n: int) -> Any:
    """`x` with at least `n` axes, new ones where ``np.atleast_1d`` and its kin put them."""
    s = shape(x)
    if len(s) >= n:
        return x
    if n == 1:
        to: tuple[int, ...] = (1,)
    elif n == 2:
        to = (1,) * (2 - len(s)) + s
    else:
        to = ((1, 1, 1), (1, *s, 1), (*s, 1))[len(s)]
    return reshape(x, to)


def _atleast(n: int) -> Any:
    def handler(*arys: Any) -> Any:
        results = [at_least(x if is_traced(x) else np.asanyarray(x), n) for x in map(pack, arys)]
        return results[0] if len(results) == 1 else tuple(results)

    return handler


atleast_1d, atleast_2d, atleast_3d = (
    implements(function)(_atleast(n)) for n, function in enumerate((np.atleast_1d, np.atleast_2d, np.atleast_3d), 1)
)


# ---- transposition ----


_REVERSED = tuple(tuple(range(-1, -n - 1, -1)) for n in range(9))


def _transpose_impl(x: Any, axes: tuple[int, ...]) -> Any:
    if type(x) is np.ndarray and x.ndim == len(axes):
        return x.transpose(axes)
    return np.transpose(x, (*range(ndim(x) - len(axes)), *axes))


def _transpose_vjp(i: int, g: Any, ans: Any, x: Any, axes: tuple[int, ...]) -> Any:
    n = len(axes)
    if n > 2 and axes != _REVERSED[min(n, 8)]:  # others undo themselves
        inverse = [0] * n
        for k, axis in enumerate(axes):
            inverse[axis + n] = k - n
        axes = tuple(inverse)
    return transpose_p(g, axes=axes)


transpose_p = Primitive("transpose", _transpose_impl, vjp=_transpose_vjp, linear=True)


@implements(np.transpose)
def transpose(a: Any, axes: Any = None) -> Any:
    n = ndim(a)
    if axes is None:
        return bind(transpose_p, (a,), {"axes": _REVERSED[n] if n < len(_REVERSED) else tuple(range(-1, -n - 1, -1))})
    if len(axes) != n:
        raise ValueError("axes don't match array")
    axes = tuple(neg_axis(k, n) for k in axes)
    if len(set(axes)) < n:
        raise ValueError("repeated axis in transpose")
    return transpose_p(a, axes=axes)


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    n = ndim(a)
    axes = list(range(-n, 0))
    axis1, axis2 = neg_axis(axis1, n), neg_axis(axis2, n)
    axes[axis1], axes[axis2] = axis2, axis1
    return transpose_p(a, axes=tuple(axes))


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    if ndim(x) < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {ndim(x)}")
    return swapaxes(x, -1, -2)


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    n = ndim(a)
    # a stand-in whose axis lengths are their numbers shows where each axis goes, with NumPy's own checks
    probe = np.broadcast_to(np.zeros((), "b"), tuple(range(1, n + 1)))
    return transpose_p(a, axes=tuple(k - 1 - n for k in np.moveaxis(probe, source, destination).shape))


@implements(np.rollaxis)
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    n = ndim(a)
    probe = np.broadcast_to(np.zeros((), "b"), tuple(range(1, n + 1)))
    return transpose_p(a, axes=tuple(k - 1 - n for k in np.rollaxis(probe, axis, start).shape))


# ---- broadcasting ----


def _broadcast_impl(x: Any, to: tuple[int, ...]) -> Any:
    return np.broadcast_to(x, to)


def _broadcast_jvp(i: int, t: Any, ans: Any, x: Any, to: tuple[int, ...]) -> Any:
    return spread_tangent(t, x, ans)


def _broadcast_vjp(i: int, g: Any, ans: Any, x: Any, to: tuple[int, ...]) -> Any:
    return unbroadcast(g, x, ans)


broadcast_p = Primitive("broadcast_to", _broadcast_impl, _broadcast_jvp, _broadcast_vjp)


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return broadcast_p(array, to=tuple(shape) if isinstance(shape, (tuple, list)) else (operator.index(shape),))


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    args = tuple(pack(x) for x in args)
    to = np.broadcast_shapes(*map(shape, args))
    return tuple(x if shape(x) == to else np.broadcast_to(x, to) for x in args)


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    grids = [x if is_traced(x) else np.asanyarray(x) for x in map(pack, xi)]
    grids = [reshape(x, (1,) * k + (-1,) + (1,) * (n - 1 - k)) for k, x in enumerate(grids)]
    if indexing == "xy" and n > 1:
        grids[0] = reshape(grids[0], (1, -1) + (1,) * (n - 2))
        grids[1] = reshape(grids[1], (-1, 1) + (1,) * (n - 2))
    if not sparse:
        grids = list(np.broadcast_arrays(*grids)) if n else []
    return tuple(np.copy(x) for x in grids) if copy else tuple(grids)
