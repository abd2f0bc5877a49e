"""Medians, percentiles and quantiles: weighted means of two neighbours in sorted order."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack, smul, value
from ..primitive import Primitive, implements
from ._util import cast, constant, lead, ndim, neg_axes, real_dtype, reshape, shape
from .indexing import add_along, take_along
from .sorting import stable_order

_NONE = np._NoValue

# slope of the virtual index n*q + ... in q is n + 1 - alpha - beta; the other methods are steps (Hyndman and Fan, 1996)
_SLOPE = {
    "interpolated_inverted_cdf": 0.0, "hazen": 0.0, "weibull": 1.0, "linear": -1.0,
    "median_unbiased": 1 / 3, "normal_unbiased": 1 / 4,
}


@constant
def _positions(x: Any, q: Any, function: Any, options: dict[str, Any], skip_nan: bool) -> tuple[Any, Any, Any, Any]:
    """Lower and upper rank, weight of the upper one and number of elements, for each line (broadcasting) and each q.

    The function applied to 0, 1, 2, ... returns the position itself, whatever the method.
    """
    n = x.shape[-1]
    counts = np.count_nonzero(x == x, axis=-1) if skip_nan else np.full((1,) * (x.ndim - 1), n)
    position = np.zeros((*counts.shape, np.size(q) if q is not None else 1))
    for m in np.unique(counts[counts > 0]):
        ramp = np.arange(m, dtype=float)
        position[counts == m] = np.ravel(function(ramp, **options) if q is None else function(ramp, q, **options))
    low = np.floor(position).astype(np.intp)
    high = np.ceil(position).astype(np.intp)
    weight = (position - low).astype(real_dtype(x))
    return low, high, weight, counts[..., None]


@constant
def _weighted_rank(x: Any, ans: Any) -> Any:
    """Index of the first element in sorted order that equals the result, per line and q."""
    order = np.argsort(x, axis=-1, kind="stable")
    ranked = np.take_along_axis(x, order, -1)
    rank = np.argmax(ranked[..., None, :] == np.asarray(ans)[..., :, None], axis=-1)
    return np.take_along_axis(order, rank, -1)


def _elements(x: Any, ans: Any, q: Any, function: Any, options: dict[str, Any], skip_nan: bool) -> tuple[Any, Any, Any, Any]:
    """Indices of the two neighbours, weight of the second, number of elements."""
    if "weights" in options:
        index = _weighted_rank(x, ans)
        return index, index, np.zeros((1,), real_dtype(x)), None
    low, high, weight, n = _positions(x, q, function, options, skip_nan)
    order = stable_order(x, -1)
    to = (*shape(x)[:-1], low.shape[-1])
    low, high = np.broadcast_to(low, to), np.broadcast_to(high, to)
    if is_traced(q):
        # the weight moves with q, which second derivatives see
        weight = weight + reshape(q - value(q), (-1,)) * cast(_slope_of(n, function, options), weight.dtype)
    return np.take_along_axis(order, low, -1), np.take_along_axis(order, high, -1), weight, n


def _slope_of(n: Any, function: Any, options: dict[str, Any]) -> Any:
    """Derivative of the virtual index with respect to q, for lines of `n` elements (None: a step)."""
    method = options.get("method", "linear")
    if n is None or method not in _SLOPE:
        return 0.0
    return (n + _SLOPE[method]) * (0.01 if function in (np.percentile, np.nanpercentile) else 1.0)


def _quantile_impl(x: Any, q: Any, function: Any, options: dict[str, Any], skip_nan: bool) -> Any:
    if q is None:
        return np.asarray(function(x, axis=-1, **options))[..., None]
    y = np.asarray(function(x, q, axis=-1, **options))
    return y[..., None] if np.ndim(q) == 0 else np.moveaxis(y.reshape((np.size(q),) + y.shape[np.ndim(q) :]), 0, -1)


def _slope(x: Any, q: Any, pair: tuple[Any, Any], n: Any, function: Any, options: dict[str, Any]) -> Any:
    """Derivative with respect to q: gap between the neighbours times the slope of the virtual index."""
    return (take_along(x, pair[1], -1) - take_along(x, pair[0], -1)) * cast(_slope_of(n, function, options), real_dtype(x))


def _quantile_jvp(i: int, t: Any, ans: Any, x: Any, q: Any, function: Any, options: dict[str, Any], skip_nan: bool) -> Any:
    a, b, w, n = _elements(x, ans, q, function, options, skip_nan)
    if i == 1:
        t = reshape(t, shape(t)[: lead(t, q)] + (1,) * (ndim(ans) - 1) + (-1,))
        return smul(t, _slope(x, q, (a, b), n, function, options))
    return take_along(t, a, -1) * (1 - w) + take_along(t, b, -1) * w


def _quantile_vjp(i: int, g: Any, ans: Any, x: Any, q: Any, function: Any, options: dict[str, Any], skip_nan: bool) -> Any:
    a, b, w, n = _elements(x, ans, q, function, options, skip_nan)
    if i == 1:
        p = smul(g, _slope(x, q, (a, b), n, function, options))
        p = np.sum(p, axis=tuple(range(-ndim(ans), -1)))
        return reshape(p, shape(g)[: lead(g, ans)] + shape(q))
    return add_along(g * (1 - w), a, -1, shape(x)) + add_along(g * w, b, -1, shape(x))


quantile_p = Primitive("quantile", _quantile_impl, _quantile_jvp, _quantile_vjp)


def _merge(x: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """The reduced axes moved to the end and merged; also those axes."""
    axes = neg_axes(axis, ndim(x))
    kept = tuple(k for k in range(-ndim(x), 0) if k not in axes)
    if axes != tuple(range(-len(axes), 0)):
        x = np.transpose(x, kept + axes)
    s = shape(x)[: len(kept)]
    return (x if len(axes) == 1 else reshape(x, (*s, -1))), axes


def _apply(a: Any, q: Any, axis: Any, keepdims: Any, function: Any, options: dict[str, Any], skip_nan: bool) -> Any:
    a, q = pack(a), pack(q)
    a = a if is_traced(a) else np.asanyarray(a)
    if q is not None and not is_traced(q) and not isinstance(q, (float, int)):
        q = np.asanyarray(q)
    n = ndim(a)
    if "weights" in options:
        weights = value(pack(options["weights"]))
        if np.shape(weights) != shape(a):
            if axis is None:
                raise TypeError("Axis must be specified when shapes of a and weights differ.")
            axes = tuple(k % n for k in (axis if isinstance(axis, tuple) else (axis,)))
            weights = np.asarray(weights).transpose(np.argsort(axes))
            weights = weights.reshape(tuple(m if k in axes else 1 for k, m in enumerate(shape(a))))
        options = {**options, "weights": _merge(np.broadcast_to(weights, shape(a)), axis)[0]}
    x, axes = _merge(a, axis)
    y = quantile_p(x, q, function=function, options=options, skip_nan=skip_nan)
    kept = tuple(1 if k in axes else shape(a)[k] for k in range(-n, 0)) if keepdims not in (False, _NONE) else shape(y)[:-1]
    y = reshape(np.moveaxis(y, -1, 0), (() if q is None else shape(q)) + kept)
    return y if ndim(y) else y[()]


def _quantile(function: Any, skip_nan: bool) -> Any:
    def handler(
        a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
        keepdims: Any = False, *, weights: Any = None,
    ) -> Any:
        options = {"method": method} if method != "linear" else {}
        if weights is not None:
            options["weights"] = weights
        return _apply(a, q, axis, keepdims, function, options, skip_nan)

    return implements(function)(handler)


def _median(function: Any, skip_nan: bool) -> Any:
    def handler(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
        return _apply(a, None, axis, keepdims, function, {}, skip_nan)

    return implements(function)(handler)


quantile, percentile = _quantile(np.quantile, False), _quantile(np.percentile, False)
nanquantile, nanpercentile = _quantile(np.nanquantile, True), _quantile(np.nanpercentile, True)
median, nanmedian = _median(np.median, False), _median(np.nanmedian, True)
