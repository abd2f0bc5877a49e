"""Reductions that pass over NaN: the mask of numbers takes the place of ``where``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import value
from ..primitive import Primitive, implements
from .cumulative import without_nan
from .moments import moment_rules
from .prod import prod as prod_handler
from .reductions import drops, mean_rules, reduce_params
from .reductions import sum as sum_handler

_NONE = np._NoValue


@implements(np.nansum)
def nansum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NONE, initial: Any = _NONE, where: Any = _NONE
) -> Any:
    return sum_handler(without_nan(a, 0), axis, dtype, None, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NONE, initial: Any = _NONE, where: Any = _NONE
) -> Any:
    return prod_handler(without_nan(a, 1), axis, dtype, None, keepdims, initial, where)


def _numbers(a: Any, where: Any) -> Any:
    """Mask of the elements that take part."""
    mask = ~np.isnan(value(a))
    return mask if where is _NONE or where is True else mask & value(where)


def _asked(where: Any) -> dict[str, Any]:
    """The user's own mask for NumPy, which finds NaN itself."""
    return {} if where is True else {"where": where}


def _nanmean_impl(x: Any, axis: Any, keepdims: bool, where: Any, asked: Any, kind: Any = None) -> Any:
    return np.nanmean(x, axis, kind, None, keepdims, **_asked(asked))


nanmean_p = Primitive("nanmean", _nanmean_impl, *mean_rules)


def _nan_moment_impl(function: Any) -> Any:
    def impl(
        x: Any, mean: Any = _NONE, *, axis: Any, keepdims: bool, where: Any, asked: Any, kind: Any = None, ddof: Any = 0
    ) -> Any:
        return function(x, axis, kind, None, ddof, keepdims, mean=mean, **_asked(asked))

    return impl


nanvar_p = Primitive("nanvar", _nan_moment_impl(np.nanvar), *moment_rules(False))
nanstd_p = Primitive("nanstd", _nan_moment_impl(np.nanstd), *moment_rules(True))


def _params(a: Any, axis: Any, keepdims: Any, kind: Any, where: Any) -> dict[str, Any]:
    params = reduce_params(a, axis, keepdims, kind, _NONE)
    return {**params, "where": _numbers(a, where), "asked": True if where is _NONE else value(where)}


@implements(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NONE, *, where: Any = _NONE) -> Any:
    return nanmean_p(value(a) if drops(dtype) else a, **_params(a, axis, keepdims, dtype, where))


def _nan_moment(prim: Primitive) -> Any:
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
        params = {**_params(a, axis, keepdims, dtype, where), "ddof": ddof}
        return prim(a, **params) if mean is _NONE else prim(a, mean, **params)

    return handler


nanvar, nanstd = implements(np.nanvar)(_nan_moment(nanvar_p)), implements(np.nanstd)(_nan_moment(nanstd_p))
