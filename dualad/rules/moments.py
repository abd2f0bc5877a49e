"""Variance and standard deviation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import sdiv, smul, value
from ..primitive import Direct, Primitive, implements
from ._util import conj, is_complex, ndim, unbroadcast, widen
from .reductions import drops, element_count, masked, reduce_params, reduced_axes, reexpand

_NONE = np._NoValue


def _var_impl(function: Any, method: Any = None) -> Any:
    def impl(
        x: Any, mean: Any = _NONE, axis: Any = None, keepdims: bool = False, kind: Any = None, where: Any = True, ddof: Any = 0
    ) -> Any:
        if method is not None and mean is _NONE and where is True:
            return method(np.asarray(x), axis, kind, None, ddof, keepdims)
        return function(x, axis, kind, None, ddof, keepdims, where=where, mean=mean)

    return impl


def _deviation(x: Any, mean: tuple[Any, ...], axis: Any, where: Any) -> Any:
    """``x`` minus its mean, zero where masked off."""
    return masked(x - (mean[0] if mean else np.mean(x, axis=axis, keepdims=True, where=where)), where)


def _degrees(x: Any, axis: Any, where: Any, ddof: Any) -> Any:
    """Degrees of freedom, the divisor of the variance, kept at or above zero as NumPy does."""
    n = element_count(x, axis, where)
    return max(n - ddof, 0) if where is True else np.maximum(n - ddof, 0)


def _direction(x: Any, mean: tuple[Any, ...], ans: Any, axis: Any, keepdims: bool, where: Any, ddof: Any, root: bool) -> Any:
    """Gradient of the variance (or of its root) with respect to `x`, elementwise."""
    d, n = _deviation(x, mean, axis, where), _degrees(x, axis, where, ddof)
    if root:
        # at a vanishing deviation the derivative is 0, as for a norm
        return sdiv(d, reexpand(ans, x, axis, keepdims) * n)
    return d * (2 / n if isinstance(n, np.ndarray) or n else np.inf)


def moment_rules(root: bool) -> tuple[Any, Any]:
    def jvp(
        i: int, t: Any, ans: Any, x: Any, *mean: Any,
        axis: Any, keepdims: bool, kind: Any = None, where: Any = True, ddof: Any = 0, **_: Any,
    ) -> Any:
        d = _direction(x, mean, ans, axis, keepdims, where, ddof, root)
        p = smul(masked(t, where) if i == 0 else -widen(t, mean[0], ndim(x)), conj(d))
        return np.sum(p.real if is_complex(p) else p, axis=reduced_axes(x, axis), keepdims=keepdims)

    def vjp(
        i: int, g: Any, ans: Any, x: Any, *mean: Any,
        axis: Any, keepdims: bool, kind: Any = None, where: Any = True, ddof: Any = 0, **_: Any,
    ) -> Any:
        d = _direction(x, mean, ans, axis, keepdims, where, ddof, root)
        p = smul(reexpand(g, x, axis, keepdims), d)
        return p if i == 0 else unbroadcast(-p, mean[0], x)

    return jvp, vjp


var_p = Primitive("var", _var_impl(np.var, np.ndarray.var), *moment_rules(False))
std_p = Primitive("std", _var_impl(np.std, np.ndarray.std), *moment_rules(True))


def _moment(prim: Primitive) -> Any:
    def handler(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = _NONE,
        *, where: Any = _NONE, mean: Any = _NONE, correction: Any = _NONE,
    ) -> Any:
        if correction is not _NONE:
            if ddof != 0:
                raise ValueError("ddof and correction can't be provided simultaneously.")
            ddof = correction
        if drops(dtype):
            a, mean = value(a), value(mean)
        params = reduce_params(a, axis, keepdims, dtype, where)
        if ddof:
            params["ddof"] = ddof
        return prim(a, **params) if mean is _NONE else prim(a, mean, **params)

    return handler


var = implements(np.var, direct=Direct(var_p, 1, axis=None, keepdims=False))(_moment(var_p))
std = implements(np.std, direct=Direct(std_p, 1, axis=None, keepdims=False))(_moment(std_p))
