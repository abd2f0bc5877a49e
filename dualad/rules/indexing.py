"""Gathering elements by index, and putting them: each gather is linear and its adjoint is a scatter-add."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import Recorded, is_traced, pack, value
from ..errors import DetachedError
from ..primitive import Primitive, implements
from ._util import decision, ndim, neg_axis, reshape, shape, size, still

_ndarray = np.ndarray

# ---- take along one axis, and its adjoint ----


def _take_impl(x: Any, index: Any, axis: int, length: int, mode: str = "raise") -> Any:
    return x.take(index, axis) if mode == "raise" else x.take(index, axis, mode=mode)


def _gather_impl(x: Any, index: Any, axis: int, length: int) -> Any:
    return x.take(index, axis)


def _scatter_impl(g: Any, index: Any, axis: int, length: int) -> Any:
    """Zeros of `length` along `axis`, to which the slices of `g` are added at `index` (1-d or 0-d)."""
    after = -axis - 1
    s = g.shape
    before = s[: len(s) - index.ndim - after]
    tail = s[len(s) - after :] if after else ()
    if not before:
        out = np.zeros((length, *tail), g.dtype)
        np.add.at(out, index.reshape(-1), g.reshape(index.size, *tail))
        return out
    rows = int(np.prod(before, dtype=int))
    out = np.zeros((length, rows, *tail), g.dtype)
    np.add.at(out, index.ravel(), np.moveaxis(g.reshape(rows, index.size, *tail), 1, 0))
    return np.moveaxis(out, 0, 1).reshape(before + (length,) + tail)


def _scattered(g: Any, index: Any, axis: int, length: int) -> Any:
    return scatter_p(g, index=index, axis=axis, length=length)


def _gathered(g: Any, index: Any, axis: int, length: int) -> Any:
    return gather_p(g, index=index, axis=axis, length=length)


def _take_vjp(i: int, g: Any, ans: Any, x: Any, index: Any, axis: int, length: int, mode: str = "raise") -> Any:
    return _scattered(g, _wrapped(index, length, mode), axis, length)


gather_p = Primitive("gather", _gather_impl, vjp=lambda i, g, ans, x, **params: _scattered(g, **params), linear=True)
scatter_p = Primitive("scatter", _scatter_impl, vjp=lambda i, g, ans, x, **params: _gathered(g, **params), linear=True)
take_p = Primitive("take", _take_impl, vjp=_take_vjp, linear=True)


def _wrapped(index: Any, n: int, mode: str) -> Any:
    """The index as ``mode="raise"`` would have it."""
    if mode == "raise" or n == 0:
        return index
    return index % n if mode == "wrap" else np.clip(index, 0, n - 1)


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    a = pack(a)
    if axis is None:
        a, axis = a if ndim(a) == 1 else reshape(a, (-1,)), -1
    else:
        axis = neg_axis(axis, ndim(a))
    if mode == "raise" and axis == -ndim(a) and type(indices) is _ndarray and indices.dtype.kind == "i" and indices.ndim:
        return a[indices]  # along the first axis it is indexing, which the engine records by itself
    index = still(indices)
    if not is_traced(a) and type(index) is not Recorded:
        return np.take(a, index, axis=axis, mode=mode)
    params = {} if mode == "raise" else {"mode": mode}
    return take_p(a, index=index, axis=axis, length=shape(a)[axis], **params)


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    a = reshape(a, (-1,)) if axis is None else a
    axis = -1 if axis is None else neg_axis(axis, ndim(a))
    n = shape(a)[axis]
    return take_p(a, index=np.repeat(np.arange(n), value(repeats)), axis=axis, length=n)


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    condition = np.asarray(value(pack(condition)))
    if condition.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return take(a, np.flatnonzero(condition), axis)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return take(arr, np.flatnonzero(np.asarray(value(pack(condition)))))


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    arr = reshape(arr, (-1,)) if axis is None else arr
    axis = -1 if axis is None else neg_axis(axis, ndim(arr))
    return take(arr, np.delete(np.arange(shape(arr)[axis]), value(obj)), axis)


# ---- take along an axis with an index for every line, and its adjoint ----


def _lines(index: Any, to: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """Index tuple that pairs `index` along `axis` with every position of the other axes of an array of shape `to`."""
    n = len(to)
    index = index.reshape((1,) * (n - index.ndim) + index.shape)
    grid = [np.arange(k).reshape((-1,) + (1,) * (n - 1 - j)) for j, k in enumerate(to)]
    grid[axis] = index
    return tuple(grid)


def _along_impl(x: Any, index: Any, axis: int, length: int) -> Any:
    return x[_lines(index, x.shape, axis)]


def _spill_impl(g: Any, index: Any, axis: int, length: int, full: tuple[int, ...]) -> Any:
    to = g.shape[: g.ndim - len(full)] + full
    out = np.zeros(to, g.dtype)
    np.add.at(out, _lines(index, to, axis), g)
    return out


def _along_vjp(i: int, g: Any, ans: Any, x: Any, index: Any, axis: int, length: int) -> Any:
    return spill_p(g, index=index, axis=axis, length=length, full=shape(x))


def _spill_vjp(i: int, g: Any, ans: Any, x: Any, index: Any, axis: int, length: int, full: tuple[int, ...]) -> Any:
    return along_p(g, index=index, axis=axis, length=length)


along_p = Primitive("take_along_axis", _along_impl, vjp=_along_vjp, linear=True)
spill_p = Primitive("add_along_axis", _spill_impl, vjp=_spill_vjp, linear=True)


def take_along(x: Any, index: Any, axis: int) -> Any:
    """``np.take_along_axis`` for a plain index and a negative axis; `x` may have a seed axis more than `index`."""
    return along_p(x, index=index, axis=axis, length=shape(x)[axis])


def add_along(g: Any, index: Any, axis: int, full: tuple[int, ...]) -> Any:
    """Adjoint of `take_along` for an operand of shape `full` (without seed axis)."""
    return spill_p(g, index=index, axis=axis, length=full[axis], full=full)


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    index = still(indices)
    if axis is None:
        if index.ndim != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        arr, axis = reshape(arr, (-1,)), -1
    if not is_traced(arr):
        return np.take_along_axis(arr, index, axis)
    if index.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if index.ndim != ndim(arr):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return take_along(arr, index, neg_axis(axis, ndim(arr)))


# ---- stores into a traced array ----


def need_traced(a: Any, name: str) -> None:
    """A plain array cannot hold traced values: an error that says what to write instead."""
    if not is_traced(a):
        raise DetachedError(
            f"{name} cannot store a traced value in a plain array of shape {np.shape(a)}, it would lose its derivative"
        )


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    need_traced(arr, "put_along_axis")
    index = decision(indices)
    if axis is None:
        arr[np.unravel_index(index % size(arr), shape(arr))] = pack(values)
        return
    arr[_lines(index, shape(arr), neg_axis(axis, ndim(arr)))] = pack(values)


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    need_traced(dst, "copyto")
    src = pack(src)
    dst[...] = src if where is True else np.where(decision(where), src, dst)


def _cycled(v: Any, n: int) -> Any:
    """`n` values taken from `v` over and over."""
    v = reshape(v if is_traced(v) else np.asarray(v), (-1,))
    return v if size(v) == n else np.take(v, np.arange(n) % size(v))


@implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    need_traced(a, "put")
    index, n = np.asarray(value(pack(ind))).ravel(), size(a)
    v = pack(v)
    if index.size == 0 or size(v) == 0:
        return
    if mode == "raise":
        np.put(np.empty(n, "b"), index, 0)  # raises where an index is out of bounds
        index = np.where(index < 0, index + n, index)
    index = _wrapped(index, n, mode)
    # of repeated positions the last store wins
    last = index.size - 1 - np.unique(index[::-1], return_index=True)[1]
    v = np.take(_cycled(v, index.size), last)
    a[np.unravel_index(index[last], shape(a)) if ndim(a) else ...] = v if ndim(a) else v[0]


@implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    need_traced(a, "putmask")
    mask = decision(mask)
    if mask.shape != shape(a):
        raise ValueError("putmask: mask and data must be the same size")
    values = pack(values)
    if size(values):
        a[...] = np.where(mask, reshape(_cycled(values, size(a)), shape(a)), a)


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    need_traced(arr, "place")
    mask, vals = decision(mask).reshape(shape(arr)), np.ravel(pack(vals))
    if not size(vals):
        if np.any(mask):
            raise ValueError("Cannot insert from an empty array!")
        return
    order = np.cumsum(mask.reshape(-1) != 0) - 1  # of the places that take a value
    arr[...] = np.where(mask, reshape(np.take(vals, order % size(vals)), shape(arr)), arr)


# ---- insertion ----


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    arr, values = pack(arr), pack(values)
    arr = arr if is_traced(arr) else np.asarray(arr)
    arr = reshape(arr, (-1,)) if axis is None else arr
    axis = -1 if axis is None else neg_axis(axis, ndim(arr))
    s = shape(arr)
    obj = value(obj)
    scalar = not isinstance(obj, slice) and (np.ndim(obj) == 0 or (np.size(obj) == 1 and np.asarray(obj).dtype != bool))
    kind = value(arr).dtype
    values = values.astype(kind) if is_traced(values) else np.asarray(values, dtype=kind)
    if scalar:
        values = reshape(values, (1,) * (len(s) - ndim(values)) + shape(values))
        values = np.moveaxis(values, 0, axis) if np.ndim(obj) == 0 else values
        count = shape(values)[axis]
        obj = np.asarray(obj).reshape(-1)[0] if np.ndim(obj) else obj
    else:
        count = np.insert(np.zeros(s[axis], "b"), obj, 0).size - s[axis]
    order = np.insert(np.arange(s[axis]), obj, s[axis] + np.arange(count))
    full = list(s)
    full[axis] = count
    return take(np.concatenate([arr, np.broadcast_to(values, tuple(full))], axis=axis), order, axis)
