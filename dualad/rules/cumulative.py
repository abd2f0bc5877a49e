"""Running sums and products, and differences."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .._core import array_operand, is_traced, pack, spread, value
from ..primitive import Primitive, implements
from ._util import cast, conj, dtype, existing, ndim, neg_axis, reshape, shape
from .joining import join
from .reductions import drops

_NONE = np._NoValue
_FULL = slice(None)


def along(axis: int, start: Any = None, stop: Any = None, step: Any = None) -> tuple[Any, ...]:
    """Index of a slice along a negative axis."""
    return (..., slice(start, stop, step), *(_FULL,) * (-1 - axis))


def _flat_or_axis(a: Any, axis: Any) -> tuple[Any, int]:
    """Operand and negative axis; without an axis the operand is flattened."""
    if axis is None:
        return (a if ndim(a) == 1 else reshape(a, (-1,))), -1
    return a, neg_axis(axis, ndim(a))


# ---- running sum ----


def _cumsum_impl(x: Any, axis: int, kind: Any = None) -> Any:
    return np.add.accumulate(x, axis, kind)


def _cumsum_vjp(i: int, g: Any, ans: Any, x: Any, axis: int, kind: Any = None) -> Any:
    back = along(axis, None, None, -1)
    return cumsum_p(g[back], axis=axis)[back]


cumsum_p = Primitive("cumsum", _cumsum_impl, vjp=_cumsum_vjp, linear=True)


@implements(np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    a, axis = _flat_or_axis(value(a) if drops(dtype) else a, axis)
    return cumsum_p(a, axis=axis) if dtype is None else cumsum_p(a, axis=axis, kind=dtype)


# ---- first-order linear recurrence s[k] = a[k] * s[k - 1] + b[k] along the last axis ----


def _recurrence_impl(a: Any, b: Any) -> Any:
    a, b = np.broadcast_arrays(a, b)
    out = np.empty(b.shape, np.result_type(a, b))
    if out.ndim == 1 and out.dtype.itemsize <= 8 * (1 + (out.dtype.kind == "c")):
        # Python numbers are several times faster than array steps of one element
        s, steps = 0.0, []
        for p, q in zip(a.tolist(), b.tolist(), strict=True):
            s = p * s + q
            steps.append(s)
        out[...] = steps
        return out
    s = np.zeros(out.shape[:-1], out.dtype)
    for k in range(out.shape[-1]):
        s = a[..., k] * s + b[..., k]
        out[..., k] = s
    return out


def _delayed(x: Any, first: float) -> Any:
    """The sequence one step later: `first`, then all but the last element."""
    if shape(x)[-1] == 0:
        return x
    return np.concatenate([np.full((*shape(x)[:-1], 1), first, dtype(x)), x[..., :-1]], axis=-1)


def _recurrence_jvp(i: int, t: Any, ans: Any, a: Any, b: Any) -> Any:
    return recurrence_p(a, t * _delayed(ans, 0) if i == 0 else t)


def _recurrence_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    later = _delayed(conj(a)[..., ::-1], 0)
    s = recurrence_p(later, g[..., ::-1])[..., ::-1]
    return s * conj(_delayed(ans, 0)) if i == 0 else s


recurrence_p = Primitive("recurrence", _recurrence_impl, _recurrence_jvp, _recurrence_vjp)


# ---- running product, true derivative with zeros: no division ----


def _cumprod_impl(x: Any, axis: int, kind: Any = None) -> Any:
    return np.multiply.accumulate(x, axis, kind)


def _last(x: Any, axis: int) -> Any:
    return x if axis == -1 else np.swapaxes(x, axis, -1)


def _cumprod_jvp(i: int, t: Any, ans: Any, x: Any, axis: int, kind: Any = None) -> Any:
    x, y, t = _last(x, axis), _last(ans, axis), _last(t, axis)
    return _last(recurrence_p(x, t * _delayed(y, 1)), axis)


def _cumprod_vjp(i: int, g: Any, ans: Any, x: Any, axis: int, kind: Any = None) -> Any:
    x, y, g = _last(x, axis), _last(ans, axis), _last(g, axis)
    later = _delayed(conj(x)[..., ::-1], 0)
    s = recurrence_p(later, g[..., ::-1])[..., ::-1]
    return _last(s * conj(_delayed(y, 1)), axis)


cumprod_p = Primitive("cumprod", _cumprod_impl, _cumprod_jvp, _cumprod_vjp)


@implements(np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    a, axis = _flat_or_axis(value(a) if drops(dtype) else a, axis)
    return cumprod_p(a, axis=axis) if dtype is None else cumprod_p(a, axis=axis, kind=dtype)


# ---- array-API spellings and NaN variants ----


def _cumulative(accumulate: Any, start: int) -> Any:
    def handler(x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False) -> Any:
        if axis is None and ndim(x) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        x = reshape(x, (1,)) if ndim(x) == 0 else x
        axis = -1 if axis is None else neg_axis(axis, ndim(x))
        y = accumulate(x, axis, dtype)
        if not include_initial:
            return y
        first = list(shape(y))
        first[axis] = 1
        return np.concatenate([np.full(first, start, y.dtype), y], axis=axis)

    return handler


implements(*existing("cumulative_sum"))(_cumulative(cumsum, 0))
implements(*existing("cumulative_prod"))(_cumulative(cumprod, 1))


def without_nan(a: Any, fill: float) -> Any:
    """`a` with `fill` in place of NaN."""
    mask = np.isnan(value(a))
    return np.where(mask, fill, a) if mask.any() else a


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return cumsum(without_nan(a, 0), axis, dtype)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return cumprod(without_nan(a, 1), axis, dtype)


# ---- differences ----


def _difference_vjp(i: int, g: Any, ans: Any, x: Any, axis: int) -> Any:
    s = list(shape(g))
    if shape(x)[axis] == 0:
        return np.zeros(s, dtype(x))
    s[axis] = 1
    edge = np.zeros(s, dtype(g))
    return -difference_p(np.concatenate([edge, g, edge], axis=axis), axis=axis)


def _differences(x: Any, axis: int) -> Any:
    return np.subtract(x[along(axis, 1)], x[along(axis, None, -1)])


difference_p = Primitive("diff", _differences, vjp=_difference_vjp, linear=True)


def _edge(part: Any, a: Any, axis: int) -> Any:
    """A value to prepend or append, a scalar spread across the other axes."""
    part = array_operand(part)
    if ndim(part):
        return part
    s = list(shape(a))
    s[axis] = 1
    return spread(part, tuple(s))


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: Any = -1, prepend: Any = _NONE, append: Any = _NONE) -> Any:
    if n == 0:
        return a
    if n < 0:
        raise ValueError("order must be non-negative but got " + repr(n))
    a = array_operand(a)
    if ndim(a) == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = neg_axis(axis, ndim(a))
    if prepend is not _NONE or append is not _NONE:
        before = [] if prepend is _NONE else [_edge(prepend, a, axis)]
        after = [] if append is _NONE else [_edge(append, a, axis)]
        a = join([*before, a, *after], axis)
    for _ in range(operator.index(n)):
        a = difference_p(a, axis=axis)
    return a


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = pack(ary)
    steps = np.diff(reshape(ary if is_traced(ary) else np.asanyarray(ary), (-1,)))
    ends = [None if end is None else pack(end) for end in (to_begin, to_end)]
    ends = [end if end is None else reshape(end if is_traced(end) else np.asanyarray(end), (-1,)) for end in ends]
    for name, end in zip(("to_begin", "to_end"), ends, strict=True):
        if end is not None and not np.can_cast(end.dtype, steps.dtype, "same_kind"):
            raise TypeError(f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule.")
    parts = [cast(part, steps.dtype) for part in (ends[0], steps, ends[1]) if part is not None]
    return steps if len(parts) == 1 else np.concatenate(parts)


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    y = pack(y)
    y = y if is_traced(y) else np.asanyarray(y)
    n = ndim(y)
    axis = neg_axis(axis, n)
    d = dx
    if x is not None:
        x = pack(x)
        x = x if is_traced(x) else np.asanyarray(x)
        d = np.diff(x, axis=-1 if ndim(x) == 1 else axis)
        d = reshape(d, (-1,) + (1,) * (-1 - axis)) if ndim(x) == 1 else d
    return np.sum(d * (y[along(axis, 1)] + y[along(axis, None, -1)]) / 2.0, axis=axis)
