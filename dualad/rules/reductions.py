"""Reductions: sums, means, products, variances."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import add_up, is_traced, pack, quotient_mean, spread, value
from ..primitive import Primitive, implements
from ._util import (
    cast,
    dtype,
    expand,
    is_inexact,
    lead,
    ndim,
    neg_axes,
    neg_axis,
    real_dtype,
    reshape,
    shape,
    size,
    still,
)

_NONE = np._NoValue
_add_reduce = np.add.reduce


def reduced_axes(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes that a reduction with normalised `axis` removes, counted from the end."""
    if type(axis) is int:
        return (axis,)
    return tuple(range(-ndim(x), 0)) if axis is None else axis


def normal_axis(x: Any, axis: Any) -> Any:
    """None as it is, one axis as a negative int, several as a tuple of negative ints."""
    if axis is None:
        return None
    return neg_axis(axis, ndim(x)) if type(axis) is int else neg_axes(axis, ndim(x))


def reexpand(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Cotangent `g` of a reduction of `x` with the reduced axes put back as axes of length one."""
    return g if keepdims else expand(g, reduced_axes(x, axis))


def _spread_back(g: Any, ans: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    seeds = lead(g, ans)
    if not (seeds or keepdims) and axis is None:
        return spread(g, shape(x))
    return spread(reexpand(g, x, axis, keepdims), shape(g)[:seeds] + shape(x))


def masked(x: Any, where: Any) -> Any:
    """`x` with exact zeros where the mask is off."""
    return x if where is True else np.where(where, x, 0)


# ---- sum ----


def _sum_impl(x: Any, initial: Any = None, axis: Any = None, keepdims: bool = False, kind: Any = None, where: Any = True) -> Any:
    if initial is None:
        if where is True:
            return _add_reduce(x, axis, kind, None, keepdims)
        return _add_reduce(x, axis, kind, None, keepdims, where=where)
    return _add_reduce(x, axis, kind, None, keepdims, initial, where)


def _sum_jvp(
    i: int, t: Any, ans: Any, x: Any, *initial: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True, **_: Any
) -> Any:
    if i == 1:
        return spread(t if ndim(t) == 0 else expand(t, tuple(range(-ndim(ans), 0))), shape(t) + shape(ans))
    return sum_p(t, axis=reduced_axes(x, axis), keepdims=keepdims, kind=kind, where=where)


def _sum_vjp(
    i: int, g: Any, ans: Any, x: Any, *initial: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True, **_: Any
) -> Any:
    if i == 1:
        return np.sum(g, axis=tuple(range(-ndim(ans), 0)))
    return masked(_spread_back(g, ans, x, axis, keepdims), where)


# Sums with a start, a mask or another dtype; the engine's own `add_up` makes the others.
sum_p = Primitive("sum", _sum_impl, _sum_jvp, _sum_vjp)


def reduce_params(x: Any, axis: Any, keepdims: Any, kind: Any, where: Any) -> dict[str, Any]:
    """Normalised keyword parameters; only what differs from the default, to keep the common case short."""
    if axis is None and keepdims is _NONE and kind is None and where is _NONE:
        return {"axis": None, "keepdims": False}
    if axis is not None:
        axis = normal_axis(x, axis)
    params = {"axis": axis, "keepdims": bool(keepdims) if keepdims is not _NONE else False}
    if kind is not None:
        params["kind"] = np.dtype(kind)
    if where is not _NONE and where is not True:
        params["where"] = still(where)
    return params


def drops(kind: Any) -> bool:
    """Whether an explicit result dtype has no room for a derivative."""
    return kind is not None and not is_inexact(kind)


@implements(np.sum)
def sum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NONE, initial: Any = _NONE, where: Any = _NONE
) -> Any:
    if dtype is None and initial is _NONE and (where is _NONE or where is True):
        return add_up(a, axis, keepdims is not _NONE and keepdims)
    if drops(dtype):
        a, initial = value(a), value(initial)
    params = reduce_params(a, axis, keepdims, dtype, where)
    return sum_p(a, **params) if initial is _NONE else sum_p(a, initial, **params)


# ---- mean ----


def element_count(x: Any, axis: Any, where: Any) -> Any:
    """Number of elements behind each mean, with the reduced axes kept."""
    axes, s = reduced_axes(x, axis), shape(x)
    if where is True:
        n = 1
        for k in axes:
            n *= s[k]
        return n
    return _add_reduce(np.broadcast_to(where, s), axes, float, None, True).astype(real_dtype(x))


def _mean_impl(x: Any, axis: Any = None, keepdims: bool = False, kind: Any = None, where: Any = True) -> Any:
    return np.mean(x, axis, kind, None, keepdims) if where is True else np.mean(x, axis, kind, None, keepdims, where=where)


def _mean_jvp(i: int, t: Any, ans: Any, x: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True, **_: Any) -> Any:
    return mean_p(t, axis=reduced_axes(x, axis), keepdims=keepdims, kind=kind, where=where)


def _mean_vjp(i: int, g: Any, ans: Any, x: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True, **_: Any) -> Any:
    if where is True:
        n = element_count(x, axis, True)
        return _spread_back(g / n if n else g, ans, x, axis, keepdims)
    g = reexpand(g, x, axis, keepdims) / element_count(x, axis, where)
    return masked(spread(g, shape(g)[: ndim(g) - ndim(x)] + shape(x)), where)


mean_rules = (_mean_jvp, _mean_vjp)
mean_p = Primitive("mean", _mean_impl, *mean_rules)


@implements(np.mean)
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NONE, *, where: Any = _NONE) -> Any:
    if dtype is None and where is _NONE:
        quotient = quotient_mean(a, axis, keepdims is not _NONE and keepdims)
        if quotient is not None:
            return quotient
    return mean_p(value(a) if drops(dtype) else a, **reduce_params(a, axis, keepdims, dtype, where))


# ---- weighted mean ----


def _broadcast_weights(a: Any, weights: Any, axis: Any) -> Any:
    """Weights in the shape of `a` (or broadcasting to it), with NumPy's complaints."""
    if shape(weights) == shape(a):
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = tuple(k % ndim(a) for k in (axis if type(axis) is tuple else (axis,)))
    if shape(weights) != tuple(shape(a)[k] for k in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = np.transpose(weights, tuple(int(k) for k in np.argsort(axes)))
    return reshape(weights, tuple(n if k in axes else 1 for k, n in enumerate(shape(a))))


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = _NONE) -> Any:
    a, weights = pack(a), pack(weights)
    a = a if is_traced(a) else np.asanyarray(a)
    axis = tuple(normal_axis(a, k) for k in axis) if type(axis) in (tuple, list) else normal_axis(a, axis)
    keep = {} if keepdims is _NONE else {"keepdims": keepdims}
    if weights is None:
        result = np.mean(a, axis=axis, **keep)
        scale = np.asarray(size(a) / max(size(result), 1), dtype(result))
    else:
        weights = _broadcast_weights(a, weights if is_traced(weights) else np.asanyarray(weights), axis)
        kind = np.result_type(dtype(a), dtype(weights), *(["f8"] if dtype(a).kind in "iub" else []))
        a, weights = cast(a, kind), cast(weights, kind)
        scale = np.sum(weights, axis=axis, **keep)
        if np.any(value(scale) == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        result = np.sum(a * weights, axis=axis, **keep) / scale
    return (result, np.broadcast_to(scale, shape(result)).copy()) if returned else result

