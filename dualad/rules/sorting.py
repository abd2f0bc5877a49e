"""Sorting and partial sorting: a permutation, ties in their original order."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import sorted_copy
from ..primitive import Direct, Primitive, implements
from ._util import constant, ndim, neg_axis, reshape, shape
from .indexing import add_along, take_along


@constant
def stable_order(x: Any, axis: int) -> Any:
    """The stable permutation that sorts `x`; NaN goes last."""
    return np.argsort(x, axis=axis, kind="stable")


@constant
def _order_of(x: Any, ans: Any, axis: int) -> Any:
    """A permutation that turns `x` into its rearrangement `ans`."""
    order = np.empty(shape(x), np.intp)
    np.put_along_axis(order, np.argsort(ans, axis=axis, kind="stable"), np.argsort(x, axis=axis, kind="stable"), axis)
    return order


def _rearrangement(name: str, impl: Any) -> Primitive:
    def order(x: Any, ans: Any, axis: int) -> Any:
        return stable_order(x, axis) if name == "sort" else _order_of(x, ans, axis)

    def jvp(i: int, t: Any, ans: Any, x: Any, axis: int, **_: Any) -> Any:
        return take_along(t, order(x, ans, axis), axis)

    def vjp(i: int, g: Any, ans: Any, x: Any, axis: int, **_: Any) -> Any:
        return add_along(g, order(x, ans, axis), axis, shape(x))

    return Primitive(name, impl, jvp, vjp)


def _sorted(x: Any, axis: int, kind: Any) -> Any:
    y = np.array(x, order="K")
    y.sort(axis, kind)
    return y


sort_p = _rearrangement("sort", _sorted)
partition_p = _rearrangement("partition", lambda x, axis, kth, kind: np.partition(x, kth, axis, kind))


@implements(np.sort, direct=Direct(sort_p, 1, call=sorted_copy, axis=-1, kind=None))
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    if kind is not None and stable is not None:
        raise ValueError("`kind` and `stable` parameters can't be provided at the same time. Use only one of them.")
    if axis is None:
        a, axis = reshape(a, (-1,)), -1
    return sort_p(a, axis=neg_axis(axis, ndim(a)), kind="stable" if stable else kind)


@implements(np.sort_complex)
def sort_complex(a: Any) -> Any:
    a = sort(a)
    return a if a.dtype.kind == "c" else a.astype(np.result_type(a.dtype, np.complex64))


@implements(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    if axis is None:
        a, axis = reshape(a, (-1,)), -1
    return partition_p(a, axis=neg_axis(axis, ndim(a)), kth=kth, kind=kind)
