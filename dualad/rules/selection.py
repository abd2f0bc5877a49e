"""Choosing between values: by mask, by index, by bounds."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .._core import Recorded, bare_value, elementwise_since, is_traced, pack, recorded_steps, reshape, value
from ..primitive import Direct, Primitive, implements
from ._util import cast, constant, decision, dtype, flat, is_complex, ndim, shape, still, unbroadcast, widen, zeros_for

_NONE = np._NoValue

# ---- where ----


def _where_jvp(i: int, t: Any, ans: Any, mask: Any, *values: Any) -> Any:
    n, own = ndim(ans), values[i - 1]
    if shape(own) != shape(ans):
        t = widen(t, own, n) + zeros_for(t, own, ans)
    t = cast(t, dtype(ans))
    return np.where(mask, t, 0) if i == 1 else np.where(mask, 0, t)


def _where_vjp(i: int, g: Any, ans: Any, mask: Any, *values: Any) -> Any:
    return unbroadcast(np.where(mask, g, 0) if i == 1 else np.where(mask, 0, g), values[i - 1], ans)


where_p = Primitive("where", np.where, _where_jvp, _where_vjp)
_BOOL = np.dtype(bool)


@implements(np.where, direct=Direct(where_p, 3, masks=1))
def where(condition: Any, x: Any = _NONE, y: Any = _NONE, /) -> Any:
    mask = condition
    if type(mask) is not np.ndarray or mask.dtype is not _BOOL:
        mask = still(condition)
        if not hasattr(mask, "dtype"):  # a comparison of Python floats in a program
            mask = mask != 0
        mask = mask if mask.dtype is _BOOL else mask.astype(bool)
    if y is not _NONE:
        x, y = pack(x), pack(y)
        return where_p(mask, x, y) if is_traced(x) or is_traced(y) else np.where(mask, x, y)
    if x is not _NONE:
        raise ValueError("either both or neither of x and y should be given")
    return np.nonzero(mask)


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if len(condlist) == 0:
        raise ValueError("select with an empty condition list is not possible")
    masks = [decision(c) for c in condlist]
    for k, mask in enumerate(masks):
        if mask.dtype.type is not np.bool:
            raise TypeError(f"invalid entry {k} in condlist: should be boolean ndarray")
    result = pack(default)
    for mask, choice in zip(masks[::-1], [pack(c) for c in choicelist][::-1], strict=True):
        result = np.where(mask, choice, result)
    return result


@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    index = decision(a)
    choices = [pack(c) for c in (choices if isinstance(choices, (list, tuple)) else pack(choices))]
    n = len(choices)
    if mode == "wrap":
        index = index % n
    elif mode == "clip":
        index = np.clip(index, 0, n - 1)
    elif not np.all((index >= 0) & (index < n)):
        raise ValueError("invalid entry in choice array")
    result = choices[-1]
    for k in range(n - 2, -1, -1):
        result = np.where(index == k, choices[k], result)
    to = np.broadcast_shapes(index.shape, *map(shape, choices))
    return result if shape(result) == to else np.broadcast_to(result, to)


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = pack(x)
    if np.isscalar(condlist) or (not isinstance(value(condlist[0]), (list, np.ndarray)) and ndim(x) != 0):
        condlist = [condlist]
    masks = [decision(c) for c in condlist]
    masks = [m if m.dtype == bool else m != 0 for m in masks]
    n = len(funclist)
    if n == len(masks) + 1:
        masks.append(np.logical_not(functools.reduce(np.logical_or, masks)))
    elif n != len(masks):
        raise ValueError(f"with {len(masks)} condition(s), either {len(masks)} or {len(masks) + 1} functions are expected")
    kind = dtype(x)
    y: Any = np.zeros(shape(x), kind)
    for mask, function in zip(masks, funclist, strict=True):
        piece = _piece(x, mask, lambda v, f=function: pack(f(v, *args, **kw))) if callable(function) else function
        y = y if piece is None else np.where(mask, piece, y)
    return y if dtype(y) == kind else y.astype(kind)


def _piece(x: Any, mask: Any, f: Any) -> Any:
    """An array that is f of the elements in the mask there; None where there are none."""
    if type(mask) is Recorded:
        if not np.any(mask):  # a guard: what f would do is not known
            return None
        inside = np.take(reshape(x, (-1,)), np.argmax(mask.reshape(-1)))
        start = recorded_steps()
        full = f(np.where(mask, x, inside))  # of elements inside only, which f is made for
        if _elementwise(f, bare_value(x), bare_value(mask), bare_value(full), start):
            return full
        mask = np.asarray(mask)
    part = x[mask]
    if shape(part)[0] == 0:
        return None
    at = np.zeros(shape(x), int)
    at[mask] = np.arange(shape(part)[0])
    return np.take(np.broadcast_to(f(part), shape(part)), at)


def _elementwise(f: Any, x: Any, mask: Any, full: Any, start: int) -> bool:
    """Whether a function that was recorded from step `start` on has the values that it has for some of the elements alone."""
    if not elementwise_since(start):
        return False
    some = mask.copy()
    if some.all() and some.size > 1:
        some.reshape(-1)[0] = False
    want, got = bare_value(f(x[some])), np.broadcast_to(full, x.shape)[some]
    return bool(np.allclose(np.broadcast_to(want, got.shape), got, 1e-6, 0.0, equal_nan=True))


# ---- clip: the derivative passes on the closed interval ----


@constant
def _clip_masks(x: Any, low: Any, high: Any) -> tuple[Any, Any, Any]:
    """Where the result is the operand, the lower bound, the upper bound."""
    under = np.less(x, low) if low is not None else np.False_
    over = np.greater(np.maximum(x, low) if low is not None else x, high) if high is not None else np.False_
    return ~(under | over), under & ~over, over


def _clip_rules(bounds: Any) -> tuple[Any, Any]:
    def masks(args: tuple[Any, ...]) -> list[Any]:
        low, high = bounds(*args[1:])
        inside, under, over = _clip_masks(args[0], low, high)
        return [inside] + ([under] if low is not None else []) + ([over] if high is not None else [])

    def jvp(i: int, t: Any, ans: Any, *args: Any) -> Any:
        if shape(args[i]) != shape(ans):
            t = widen(t, args[i], ndim(ans)) + zeros_for(t, args[i], ans)
        return np.where(masks(args)[i], cast(t, dtype(ans)), 0)

    def vjp(i: int, g: Any, ans: Any, *args: Any) -> Any:
        return unbroadcast(np.where(masks(args)[i], g, 0), args[i], ans)

    return jvp, vjp


CLIPS = {
    (True, True): Primitive("clip", lambda x, a, b: _clip(x, a, b), *_clip_rules(lambda a, b: (a, b))),
    (True, False): Primitive("clip", lambda x, a: _clip(x, a, None), *_clip_rules(lambda a: (a, None))),
    (False, True): Primitive("clip", lambda x, b: _clip(x, None, b), *_clip_rules(lambda b: (None, b))),
}


def _clip(x: Any, low: Any, high: Any) -> Any:
    return x.clip(low, high) if type(x) is np.ndarray else np.clip(x, low, high)


@implements(np.clip, direct=Direct(CLIPS[True, True], 3))
def clip(
    a: Any, a_min: Any = _NONE, a_max: Any = _NONE, out: Any = None, *, min: Any = _NONE, max: Any = _NONE, **kwargs: Any
) -> Any:
    if a_min is _NONE and a_max is _NONE:
        a_min, a_max = (None if min is _NONE else min), (None if max is _NONE else max)
    elif a_min is _NONE or a_max is _NONE:
        missing = "a_min" if a_min is _NONE else "a_max"
        raise TypeError(f"clip() missing 1 required positional argument: '{missing}'")
    elif min is not _NONE or max is not _NONE:
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    if kwargs:
        return clip_with(pack(a), pack(a_min), pack(a_max), kwargs)
    bounds = [x for x in (a_min, a_max) if x is not None]
    return CLIPS[a_min is not None, a_max is not None](a, *bounds) if bounds else +a


def clip_with(a: Any, low: Any, high: Any, options: dict[str, Any]) -> Any:
    """Clip with the keyword arguments of a ufunc: `dtype` casts the operands, `where` keeps the operand elsewhere."""
    kind, mask = options.get("dtype"), options.get("where", True)
    if kind is not None:
        a, low, high = (x if x is None else cast(x, np.dtype(kind)) for x in (a, low, high))
    bounds = [x for x in (low, high) if x is not None]
    result = CLIPS[low is not None, high is not None](a, *bounds) if bounds else +a
    return result if mask is True else np.where(mask, result, a)


# ---- replacing what is not a number ----


@constant
def _finite(x: Any) -> tuple[Any, Any]:
    return np.isfinite(np.real(x)), np.isfinite(np.imag(x)) if is_complex(x) else None


def _keep_finite(t: Any, x: Any) -> Any:
    real, imag = _finite(x)
    if imag is None:
        return np.where(real, t, 0)
    return np.where(real, np.real(t), 0) + 1j * np.where(imag, np.imag(t), 0)


nan_to_num_p = Primitive(
    "nan_to_num",
    lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    lambda i, t, ans, x, **params: _keep_finite(t, x),
    lambda i, g, ans, x, **params: _keep_finite(g, x),
)


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    nan, posinf, neginf = (value(k) for k in (nan, posinf, neginf))
    result = nan_to_num_p(x, nan=nan, posinf=posinf, neginf=neginf)
    if not copy:
        x[...] = result
    return result if copy else x


@implements(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    return np.real(a) if is_complex(a) and not np.iscomplexobj(np.real_if_close(value(a), tol)) else a


# ---- steps ----

round_p = flat("round", lambda x, decimals: np.round(x, decimals))
fix_p = flat("fix", lambda x: np.fix(x))


@implements(np.round, np.around)
def round_(a: Any, decimals: int = 0, out: Any = None) -> Any:
    return round_p(a, decimals=decimals)


@implements(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    return fix_p(x)
