"""Shape and axis manipulation: the same elements in another arrangement."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import is_traced, pack, reshape, swapaxes, transpose
from ..primitive import implements
from ._util import constant, ndim, neg_axis, shape

# ---- reshape ----

implements(np.reshape)(_core.np_reshape)


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    strides = _strides(a) if order == "K" else "C"
    if isinstance(strides, tuple):
        # elements in memory order: axes sorted by decreasing stride
        return reshape(transpose(a, sorted(range(len(strides)), key=lambda k: -abs(strides[k]))), -1)
    return reshape(a, -1) if order == "C" else _core.np_reshape(a, -1, strides if order == "K" else order)


@constant
def _strides(x: Any) -> Any:
    """'C' or 'F' for a contiguous operand, else its strides."""
    if np.ndim(x) == 0 or x.flags.c_contiguous:
        return "C"
    return "F" if x.flags.f_contiguous else x.strides


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    return reshape(a, np.squeeze(np.empty(shape(a), "b"), axis).shape)


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    if type(axis) is int:
        s = shape(a)
        at = neg_axis(axis, len(s) + 1) + len(s) + 1
        return reshape(a, s[:at] + (1,) + s[at:])
    return reshape(a, np.expand_dims(np.empty(shape(a), "b"), axis).shape)


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

implements(np.transpose)(transpose)
implements(np.swapaxes)(swapaxes)


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
    return transpose(a, tuple(k - 1 - n for k in np.moveaxis(probe, source, destination).shape))


@implements(np.rollaxis)
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    n = ndim(a)
    probe = np.broadcast_to(np.zeros((), "b"), tuple(range(1, n + 1)))
    return transpose(a, tuple(k - 1 - n for k in np.rollaxis(probe, axis, start).shape))


# ---- broadcasting ----

implements(np.broadcast_to)(_core.broadcast_to)


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
