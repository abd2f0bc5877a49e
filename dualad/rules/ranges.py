"""Evenly and geometrically spaced numbers between traced ends."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .._core import is_traced, pack, smul, value
from ..primitive import Primitive, implements
from ._util import conj, expand, is_inexact, ndim, neg_axis, real_dtype, reshape, shape


def _weights(num: int, endpoint: bool, axis: int, kind: Any) -> Any:
    """Weight of the stop value at each of the numbers, along a negative axis."""
    return (np.arange(num) / max(1, num - 1 if endpoint else num)).astype(kind).reshape((-1,) + (1,) * (-1 - axis))


def _linspace_impl(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    return np.linspace(start, stop, num, endpoint, axis=axis)


def _linspace_vjp(i: int, g: Any, ans: Any, start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    w = _weights(num, endpoint, axis, real_dtype(g))
    return np.sum(g * (w if i else 1 - w), axis=axis)


linspace_p = Primitive("linspace", _linspace_impl, vjp=_linspace_vjp, linear=True)


def _geometric_partial(i: int, ans: Any, ends: tuple[Any, Any], num: int, endpoint: bool, axis: int) -> Any:
    w = _weights(num, endpoint, axis, real_dtype(ans))
    return ans * (w if i else 1 - w) / expand(ends[i], axis)


def _geomspace_jvp(i: int, t: Any, ans: Any, start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    return smul(expand(t, axis), _geometric_partial(i, ans, (start, stop), num, endpoint, axis))


def _geomspace_vjp(i: int, g: Any, ans: Any, start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    return np.sum(smul(g, conj(_geometric_partial(i, ans, (start, stop), num, endpoint, axis))), axis=axis)


geomspace_p = Primitive(
    "geomspace", lambda start, stop, num, endpoint, axis: np.geomspace(start, stop, num, endpoint, axis=axis),
    _geomspace_jvp, _geomspace_vjp,
)


def _ends(start: Any, stop: Any) -> tuple[Any, Any]:
    """Both ends in their common shape."""
    start, stop = pack(start), pack(stop)
    to = np.broadcast_shapes(shape(start), shape(stop))
    return tuple(x if shape(x) == to else np.broadcast_to(x, to) for x in (start, stop))


@implements(np.linspace)
def linspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: Any = 0,
    *, device: Any = None,
) -> Any:
    start, stop = _ends(start, stop)
    num, axis = operator.index(num), neg_axis(axis, ndim(start) + 1)
    if dtype is not None and not is_inexact(dtype):
        y = np.linspace(value(start), value(stop), num, endpoint, dtype=dtype, axis=axis)
    else:
        y = linspace_p(start, stop, num=num, endpoint=endpoint, axis=axis)
        y = y if dtype is None or y.dtype == dtype else y.astype(dtype)
    if not retstep:
        return y
    parts = num - 1 if endpoint else num
    return y, (stop - start) / parts if parts > 0 else np.nan


@implements(np.logspace)
def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: Any = 0
) -> Any:
    start, stop, base = pack(start), pack(stop), pack(base)
    if ndim(base):
        n = max(ndim(start), ndim(stop), ndim(base))
        ends = (x if is_traced(x) else np.asarray(x) for x in (start, stop, base))
        start, stop, base = (reshape(x, (1,) * (n - ndim(x)) + shape(x)) for x in ends)
        base = np.expand_dims(base, axis)
    y = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    if dtype is None:
        return y
    return y.astype(dtype) if is_traced(y) else np.asarray(y).astype(dtype)


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: Any = 0) -> Any:
    start, stop = _ends(start, stop)
    num, axis = operator.index(num), neg_axis(axis, ndim(start) + 1)
    if dtype is not None and not is_inexact(dtype):
        return np.geomspace(value(start), value(stop), num, endpoint, dtype=dtype, axis=axis)
    y = geomspace_p(start, stop, num=num, endpoint=endpoint, axis=axis)
    return y if dtype is None or y.dtype == dtype else y.astype(dtype)
