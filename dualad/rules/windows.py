"""Functions applied line by line or axis by axis, and sliding windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack
from ..primitive import Primitive, implements
from ._util import ndim, neg_axis, reshape, shape, size
from .indexing import scatter_p


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    arr = pack(arr)
    arr = arr if is_traced(arr) else np.asanyarray(arr)
    axis = neg_axis(axis, ndim(arr))
    lines = np.moveaxis(arr, axis, -1)
    before = shape(lines)[:-1]
    if 0 in before:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [pack(func1d(row, *args, **kwargs)) for row in reshape(lines, (-1, shape(lines)[-1]))]
    y = np.stack(results)
    y = reshape(y, before + shape(y)[1:])
    # the axes of one result take the place of the axis
    n, own = len(before), ndim(y) - len(before)
    at = n + 1 + axis
    return np.transpose(y, (*range(at), *range(n, n + own), *range(at, n)))


@implements(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    n = ndim(a)
    for axis in [axes] if np.ndim(axes) == 0 else axes:
        axis = n + axis if axis < 0 else axis
        result = func(a, axis)
        a = result if ndim(result) == ndim(a) else np.expand_dims(result, axis)
        if ndim(a) != n:
            raise ValueError("function is not returning an array of the correct shape")
    return a


def _windows(x: Any, window: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    return np.lib.stride_tricks.sliding_window_view(x, window, axes)


def _windows_vjp(i: int, g: Any, ans: Any, x: Any, window: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    places = _windows(np.arange(size(x)).reshape(shape(x)), window, axes)
    summed = scatter_p(g, index=places, axis=-1, length=size(x))
    return reshape(summed, shape(summed)[:-1] + shape(x))


windows_p = Primitive("sliding_window_view", _windows, vjp=_windows_vjp, linear=True)


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False) -> Any:
    x = pack(x)
    window = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    if axis is None:
        axis = range(ndim(x))
        if len(window) != len(axis):
            raise ValueError("Since axis is None, must provide window_shape for all dimensions of `x`; "
                             f"got {len(window)} window_shape elements and `x.ndim` is {ndim(x)}.")
    axes = tuple(neg_axis(a, ndim(x)) for a in (axis if np.iterable(axis) else (axis,)))
    return windows_p(x, window=window, axes=axes)
