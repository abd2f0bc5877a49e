"""Largest and smallest elements: tied elements share the derivative equally."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import smul
from ..primitive import Primitive, implements
from ._util import constant, expand, ndim, real_dtype, shape
from .reductions import reduce_params, reduced_axes, reexpand

_NONE = np._NoValue


@constant
def _tied(x: Any, ans: Any, initial: Any, axis: Any, keepdims: bool, where: Any) -> tuple[Any, Any, Any]:
    """Which elements equal the result, how many they are (reduced axes kept), and the share of the initial value."""
    axes = reduced_axes(x, axis)
    top = np.asarray(reexpand(ans, x, axis, keepdims))
    mask = np.asarray(x == top)
    kind = real_dtype(x)
    n = np.add.reduce(mask, axes, kind, None, True)
    if where is True and initial is None and n.all():
        return mask, n, None
    mask = (mask | ((x != x) & (top != top))) & where
    n = np.add.reduce(mask, axes, kind, None, True)
    hit = None
    if initial is not None:
        hit = np.asarray((initial == top) | ((initial != initial) & (top != top)), kind)
        n = n + hit
        hit = (hit / n).reshape(shape(ans))
    return mask, np.maximum(n, 1), hit


def _impl(function: Any) -> Any:
    def impl(x: Any, initial: Any = _NONE, axis: Any = None, keepdims: bool = False, where: Any = True, kind: Any = None) -> Any:
        if initial is _NONE and where is True and kind is None:
            return function(x, axis=axis, keepdims=keepdims)
        options = {} if kind is None else {"dtype": kind}
        if initial is not _NONE:
            options["initial"] = initial
        return function(x, axis=axis, keepdims=keepdims, where=where, **options)

    return impl


def _jvp(i: int, t: Any, ans: Any, x: Any, *initial: Any, axis: Any, keepdims: bool, where: Any = True, kind: Any = None) -> Any:
    mask, n, hit = _tied(x, ans, initial[0] if initial else None, axis, keepdims, where)
    if i == 1:
        return smul(expand(t, tuple(range(-ndim(ans), 0))) if ndim(t) else t, hit)
    return np.sum(np.where(mask, t, 0) / n, axis=reduced_axes(x, axis), keepdims=keepdims)


def _vjp(i: int, g: Any, ans: Any, x: Any, *initial: Any, axis: Any, keepdims: bool, where: Any = True, kind: Any = None) -> Any:
    mask, n, hit = _tied(x, ans, initial[0] if initial else None, axis, keepdims, where)
    if i == 1:
        return np.sum(smul(g, hit), axis=tuple(range(-ndim(ans), 0)))
    return np.where(mask, reexpand(g, x, axis, keepdims) / n, 0)


def _extremum(name: str, function: Any) -> Primitive:
    return Primitive(name, _impl(function), _jvp, _vjp)


max_p, min_p = _extremum("max", np.maximum.reduce), _extremum("min", np.minimum.reduce)
fmax_p, fmin_p = _extremum("fmax", np.fmax.reduce), _extremum("fmin", np.fmin.reduce)
nanmax_p, nanmin_p = _extremum("nanmax", np.nanmax), _extremum("nanmin", np.nanmin)


def _handler(prim: Primitive) -> Any:
    def handler(
        a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NONE, initial: Any = _NONE, where: Any = _NONE
    ) -> Any:
        params = reduce_params(a, axis, keepdims, None, where)
        return prim(a, **params) if initial is _NONE else prim(a, initial, **params)

    return handler


max_, min_ = implements(np.max, np.amax)(_handler(max_p)), implements(np.min, np.amin)(_handler(min_p))
nanmax, nanmin = implements(np.nanmax)(_handler(nanmax_p)), implements(np.nanmin)(_handler(nanmin_p))


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NONE) -> Any:
    params = reduce_params(a, axis, keepdims, None, _NONE)
    return max_p(a, **params) - min_p(a, **params)

