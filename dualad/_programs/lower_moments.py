"""Moments, norms and other reductions, of the elements of a mask too, as the array operations that they are made of, so that they fuse."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import OPS
from .ir import size_of
from .lower_calls import PRIMITIVES, REDUCTIONS, primitive, select
from .lower_formulas import LARGE, apply, axes_of, own, reduced, shape_of
from .lower_recorded import BOOL, masks


def _mask(low: Any, params: dict[str, Any]) -> Any:
    """The mask of what takes part: True where it is everything, None where it is unknown."""
    where = params.get("where", True)
    if low.is_recorded(where):
        where = low.operand(where.node, None)
    return where if where is True or getattr(where, "dtype", None) == BOOL else None


def _kept(low: Any, mask: Any, x: Any, dtype: Any) -> Any:
    """An operand with zeros where the mask is off."""
    return x if mask is True else select(low, mask, x, 0.0, np.empty(np.broadcast_shapes(shape_of(mask), shape_of(x)), dtype))


def _count(low: Any, mask: Any, x: Any, axis: Any, kept: bool, dtype: Any) -> Any:
    """How many elements take part."""
    if mask is True:
        return float(size_of(tuple(x.shape[a] for a in axes_of(x, axis))))
    if isinstance(mask, np.ndarray):
        return np.asarray(np.sum(np.broadcast_to(mask, x.shape), axis, float, keepdims=kept), dtype)
    ones = low.elementwise(OPS["copy"], [mask], mask.shape, dtype)
    return reduced(low, "sum", low.moved(ones, lambda a: np.broadcast_to(a, x.shape)), axis, kept, dtype)


def _said(params: dict[str, Any], value: np.ndarray) -> dict[str, Any]:
    """The parameters of a reduction but its mask, of which `where` says all, and the dtype where it is that of the result."""
    kind = params.get("kind")
    plain = kind is None or np.dtype(kind) == value.dtype
    return {k: v for k, v in params.items() if k not in ("where", "asked") and not (plain and k == "kind")}


def _moment_of(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """(array, mask, axis, keepdims) of a moment; None where it is none of the array's own dtype."""
    mask = _mask(low, params)
    plain = _said(params, value)
    if plain.keys() - {"axis", "keepdims", "ddof"} or low.holds_recorded(plain) or mask is None or not own(low, operands, value):
        return None
    x = operands[0]
    if np.broadcast_shapes(*map(shape_of, operands)) != x.shape:
        return None
    return x, mask, params.get("axis"), bool(params.get("keepdims"))


# ---- moments ----


def _mean_of(low: Any, x: Any, mask: Any, axis: Any, kept: bool) -> Any:
    total = reduced(low, "sum", _kept(low, mask, x, x.dtype), axis, kept, x.dtype)
    return apply(low, "div", [total, _count(low, mask, x, axis, kept, x.dtype)], x.dtype)


@primitive("mean", "nanmean")
def _mean(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    found = _moment_of(low, operands, params, value)
    return None if found is None else _mean_of(low, *found)


@primitive("var", "std", "nanvar", "nanstd")
def _moment(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The mean square of the deviations from the mean, which the caller may have given."""
    found, name = _moment_of(low, operands, params, value), low.prim.name
    if found is None:
        return None
    x, mask, axis, kept = found
    mean = operands[1] if len(operands) == 2 else _mean_of(low, x, mask, axis, True)
    deviations = _kept(low, mask, apply(low, "sub", [x, mean], x.dtype), x.dtype)
    squares = reduced(low, "sum", apply(low, "square", [deviations], x.dtype), axis, kept, x.dtype)
    degrees = _degrees(low, _count(low, mask, x, axis, kept, x.dtype), float(params.get("ddof", 0)), name.startswith("nan"), x.dtype)
    variance = apply(low, "div", [squares, degrees], x.dtype)
    return apply(low, "sqrt", [variance], x.dtype) if name.endswith("std") else variance


def _degrees(low: Any, count: Any, ddof: float, passes_nan: bool, dtype: Any) -> Any:
    """The divisor of a variance. Where nothing is left of it the functions that pass over NaN give NaN, the others divide by zero."""
    if isinstance(count, float) and not passes_nan:
        return max(count - ddof, 0.0)
    left = apply(low, "sub", [count, ddof], dtype)
    if not passes_nan:
        return apply(low, "maximum", [left, 0.0], dtype)
    some = masks(low, OPS["lt"], [0.0, left], np.empty(shape_of(left), bool))
    return select(low, some, left, np.nan, np.empty(shape_of(left), dtype))


# ---- sums and extrema ----

_NEUTRAL = {"sum": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}
_unmasked = PRIMITIVES["sum"]


@primitive("max", "min", "sum", "prod")
def _reduction(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """Also of the elements of a mask, and with an element more to start from."""
    name, mask, x = low.prim.name, _mask(low, params), operands[0]
    if mask is True and len(operands) == 1:
        return _unmasked(low, operands, params, value)
    if _said(params, value).keys() - {"axis", "keepdims"} or mask is None or not own(low, operands, value):
        return None
    if mask is True and not size_of(x.shape):  # an extremum of nothing but the start
        return None
    if mask is not True:
        x = select(low, mask, x, _NEUTRAL[name], np.empty(np.broadcast_shapes(mask.shape, x.shape), x.dtype))
    total = reduced(low, name, x, params.get("axis"), bool(params.get("keepdims")), x.dtype)
    return total if len(operands) == 1 else apply(low, REDUCTIONS[name], [total, operands[1]], x.dtype)


@primitive("nanmax", "nanmin", "fmax", "fmin")
def _extremum_of_numbers(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The extremum of what is not NaN; of nothing but NaN it is NaN."""
    x, name, axis, kept = operands[0], low.prim.name[-3:], params.get("axis"), bool(params.get("keepdims"))
    if _said(params, value).keys() - {"axis", "keepdims"} or len(operands) != 1 or not own(low, operands, value) or not size_of(x.shape):
        return None
    if _mask(low, params) is not True or size_of(x.shape) > LARGE:
        return None
    missing = masks(low, OPS["ne"], [x, x], np.empty(x.shape, bool))
    top = reduced(low, name, select(low, missing, _NEUTRAL[name], x, np.empty(x.shape, x.dtype)), axis, kept, x.dtype)
    nothing = reduced(low, "min", low.elementwise(OPS["copy"], [missing], x.shape, x.dtype), axis, kept, x.dtype)
    return select(low, nothing, np.nan, top, value)


# ---- norms ----


@primitive("norm")
def _norm(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The root of the sum of squares."""
    x = operands[0]
    if not own(low, operands, value):
        return None
    squares = apply(low, "square", [x], x.dtype)
    return apply(low, "sqrt", [reduced(low, "sum", squares, params["axis"], params["keepdims"], x.dtype)], x.dtype)


@primitive("power_norm")
def _power_norm(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The root of a sum of powers."""
    x, order = operands[0], params["ord"]
    if not own(low, operands, value) or low.is_recorded(order):
        return None
    powers = apply(low, "pow", [apply(low, "abs", [x], x.dtype), order], x.dtype)
    return apply(low, "pow", [reduced(low, "sum", powers, params["axis"], params["keepdims"], x.dtype), 1 / order], x.dtype)


@primitive("logaddexp.reduce")
def _log_sum(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The logarithm of the sum of exponentials, of which the largest is taken out where it is finite."""
    x, axis, mask = operands[0], params["axis"], _mask(low, params)
    if _said(params, value).keys() - {"axis", "keepdims"} or mask is not True or not own(low, operands, value) or not size_of(x.shape):
        return None
    top = reduced(low, "max", x, axis, True, x.dtype)
    finite = masks(low, OPS["lt"], [apply(low, "abs", [top], x.dtype), np.inf], np.empty(shape_of(top), bool))
    top = select(low, finite, top, 0.0, np.empty(shape_of(top), x.dtype))
    total = reduced(low, "sum", apply(low, "exp", [apply(low, "sub", [x, top], x.dtype)], x.dtype), axis, True, x.dtype)
    out = apply(low, "add", [apply(low, "log", [total], x.dtype), top], x.dtype)
    return low.moved(out, lambda a: a.reshape(value.shape))
