"""Functions applied line by line or axis by axis, sliding windows, set operations, and ``numpy.emath``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack, value
from ..primitive import implements
from ._util import dtype, existing, ndim, neg_axis, reshape, shape, size


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


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False) -> Any:
    places = np.lib.stride_tricks.sliding_window_view(np.arange(size(x)).reshape(shape(x)), window_shape, axis)
    return np.take(reshape(x, (-1,)), places)


# ---- sets: which element comes where is a question of order, the elements keep their derivative ----


@implements(np.unique)
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None,
    **options: Any,
) -> Any:
    found = np.unique(value(ar), True, return_inverse, return_counts, axis, **options)
    result = np.take(ar, found[1], axis=axis)
    rest = found[1:] if return_index else found[2:]
    return (result, *rest) if rest else result


def _unique_parts(function: Any) -> Any:
    def handler(x: Any) -> Any:
        found = function(value(x))
        values = np.take(x, np.unique(value(x), return_index=True, equal_nan=False)[1])
        return type(found)(values, *found[1:]) if isinstance(found, tuple) else values

    return implements(function)(handler)


for _function in existing("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    _unique_parts(_function)


@implements(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    return np.unique(np.concatenate([pack(ar1), pack(ar2)], axis=None))


@implements(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    ar1 = pack(ar1)
    found = np.intersect1d(value(ar1), value(pack(ar2)), assume_unique, True)
    result = np.take(ar1, found[1]) if is_traced(ar1) else np.take(pack(ar2), found[2])
    return (result, *found[1:]) if return_indices else result


@implements(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    ar1 = pack(ar1)
    first = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return first[~np.isin(value(first), value(pack(ar2)))]


@implements(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    ar1, ar2 = (x if assume_unique else np.unique(x) for x in (pack(ar1), pack(ar2)))
    both = np.sort(np.concatenate([ar1, ar2], axis=None))
    v = value(both)
    if v.size == 0:
        return both
    fresh = np.concatenate([[True], v[1:] != v[:-1], [True]])
    return both[fresh[1:] & fresh[:-1]]


# ---- numpy.emath: real operands outside the real domain turn complex ----


def _widened(x: Any, outside: Any) -> Any:
    x = pack(x)
    x = x if is_traced(x) else np.asarray(x)
    v = np.asarray(value(x))
    if v.dtype.kind == "c" or not np.any(outside(v)):
        return x
    kind = np.result_type(dtype(x), np.complex64)
    return x.astype(kind) if hasattr(x, "astype") else np.asarray(x, kind)


def _negative(v: Any) -> Any:
    return v < 0


def _beyond_one(v: Any) -> Any:
    return np.abs(v) > 1


def _register(name: str, outside: Any) -> None:
    ufunc = getattr(np, name)
    implements(getattr(np.emath, name))(lambda x: ufunc(_widened(x, outside)))


for _name, _outside in {
    "sqrt": _negative, "log": _negative, "log10": _negative, "log2": _negative, "arccos": _beyond_one, "arcsin": _beyond_one,
    "arctanh": _beyond_one,
}.items():
    _register(_name, _outside)


@implements(np.emath.logn)
def logn(n: Any, x: Any) -> Any:
    return np.log(_widened(x, _negative)) / np.log(_widened(n, _negative))


@implements(np.emath.power)
def power(x: Any, p: Any) -> Any:
    x = _widened(x, _negative)
    p = pack(p)
    if not is_traced(p):
        p = np.asarray(p)
        p = p.astype(float) if p.dtype.kind in "iu" and np.any(p < 0) else p
    return np.power(x, p)
