"""Shapes, axes and broadcasting for derivative rules, for plain and traced values with or without a seed axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .._core import is_traced, pack, run_plain, value
from ..primitive import Primitive

_ndarray = np.ndarray


def shape(x: Any) -> tuple[int, ...]:
    """Shape of a plain or traced value; ``()`` for Python numbers."""
    try:
        return x.shape
    except AttributeError:
        return np.shape(x)


def ndim(x: Any) -> int:
    """Number of axes of a plain or traced value."""
    try:
        return x.ndim
    except AttributeError:
        return np.ndim(x)


def size(x: Any) -> int:
    """Number of elements of a plain or traced value."""
    n = 1
    for k in shape(x):
        n *= k
    return n


def dtype(x: Any) -> np.dtype:
    """NumPy dtype of a plain or traced value (Python numbers: their default dtype)."""
    try:
        return x.dtype
    except AttributeError:
        return np.result_type(np.asarray(x))


def is_complex(x: Any) -> bool:
    """Whether the value's dtype is complex."""
    return dtype(x).kind == "c"


def is_inexact(kind: Any) -> bool:
    """Whether a dtype (anything that ``np.dtype`` takes) can carry a derivative: floating or complex."""
    return np.dtype(kind).kind in "fc"


def real_dtype(x: Any) -> np.dtype:
    """Dtype of the real part: float32 for complex64, float64 for complex128, the dtype itself when real."""
    kind = dtype(x)
    return np.dtype(kind.char.lower()) if kind.kind == "c" else kind


def conj(x: Any) -> Any:
    """Complex conjugate; a real value comes back as it is."""
    return np.conjugate(x) if dtype(x).kind == "c" else x


def cast(x: Any, kind: Any) -> Any:
    """`x` in another floating or complex dtype, the derivative kept."""
    return x if dtype(x) == kind else x.astype(kind) if hasattr(x, "astype") else np.asarray(x, kind)


def lead(t: Any, x: Any) -> int:
    """1 when `t`, a tangent or cotangent of `x`, carries a seed axis, else 0."""
    return ndim(t) - ndim(x)


def neg_axis(axis: Any, n: int) -> int:
    """The axis counted from the end, so that it names the same axis when a seed axis stands before it."""
    if type(axis) is int and -n <= axis < n:
        return axis if axis < 0 else axis - n
    return normalize_axis_index(axis, n) - n


def neg_axes(axis: Any, n: int) -> tuple[int, ...]:
    """Axes as an ascending tuple counted from the end; None stands for all axes."""
    if axis is None:
        return tuple(range(-n, 0))
    if type(axis) is int:
        return (neg_axis(axis, n),)
    return tuple(sorted(k - n for k in normalize_axis_tuple(axis, n)))


def reshape(x: Any, to: Sequence[int]) -> Any:
    """``x`` in shape `to` (C order), without the detour through NumPy's dispatcher for plain arrays."""
    return x.reshape(to) if type(x) is _ndarray else np.reshape(x, to)


def expand(g: Any, axes: int | tuple[int, ...]) -> Any:
    """Puts axes of length one back where a reduction over `axes` (from the operand's end, ascending) removed them."""
    s = shape(g)
    if type(axes) is int:
        at = len(s) + 1 + axes
        return reshape(g, s[:at] + (1,) + s[at:])
    if not axes:
        return g
    to, n = list(s), len(s) + len(axes)
    for k in axes:
        to.insert(n + k, 1)
    return reshape(g, to)


def spread(g: Any, to: tuple[int, ...]) -> Any:
    """``g`` repeated to shape `to`: a fresh array for plain values, so that it can be added to in place."""
    if shape(g) == to:
        return g
    if not is_traced(g):
        out = np.empty(to, dtype(g))
        out[...] = g
        return out
    return np.broadcast_to(g, to)


def widen(t: Any, x: Any, n: int) -> Any:
    """Lets tangent `t` of `x` broadcast against an array of `n` >= ndim(x) axes: the seed axis, if any, stays in front."""
    s, k = shape(t), ndim(x)
    if k == n or len(s) == k:
        return t
    return reshape(t, s[:1] + (1,) * (n - k) + s[1:])


def spread_tangent(t: Any, x: Any, ans: Any) -> Any:
    """Tangent `t` of `x` repeated to the shape of `ans` (which `x` broadcasts to), seed axis kept in front."""
    return spread(widen(t, x, ndim(ans)), shape(t)[: lead(t, x)] + shape(ans))


def unbroadcast(g: Any, x: Any, ans: Any) -> Any:
    """Adjoint of broadcasting `x` to the shape of `ans`: cotangent `g` of `ans` summed over the axes that were repeated."""
    to, full = shape(x), shape(ans)
    if to == full:
        return g
    extra, seeds = len(full) - len(to), ndim(g) - len(full)
    kept = tuple(k - len(to) for k, n in enumerate(to) if n == 1 and full[extra + k] != 1)
    add = np.add.reduce if type(g) is _ndarray else np.sum  # the same sum, without the detours of np.sum
    if kept:
        g = add(g, axis=kept, keepdims=True)
    if extra:
        g = add(g, axis=tuple(range(seeds, seeds + extra)))
    return g


def zeros_for(t: Any, x: Any, like: Any) -> np.ndarray:
    """Zeros in the shape and dtype of `like`, with the seed axis that `t` has over `x`."""
    return np.zeros(shape(t)[: lead(t, x)] + shape(like), dtype(like))


def flat(name: str, impl: Any) -> Primitive:
    """A primitive that is piecewise constant in its arguments: the value keeps its place in the trace, the derivative is zero."""

    def jvp(i: int, t: Any, ans: Any, *args: Any, **params: Any) -> Any:
        return zeros_for(t, args[i], ans)

    def vjp(i: int, g: Any, ans: Any, *args: Any, **params: Any) -> Any:
        return zeros_for(g, ans, args[i])

    return Primitive(name, impl, jvp, vjp)


def constant(function: Any) -> Any:
    """Decorator: the function sees plain values and its result has no derivative (masks, orders, counts inside rules)."""
    return run_plain(function)


def still(x: Any) -> Any:
    """The plain value of a mask, index or other static array, as a copy that nobody can overwrite later."""
    if type(x) is _ndarray and x.dtype.kind != "O":
        return x.copy()
    return np.array(value(pack(x)))


def existing(*names: str) -> tuple[Any, ...]:
    """The functions of these names that this NumPy has."""
    known = vars(np)  # hasattr would import submodules that NumPy loads lazily
    return tuple(known[name] for name in names if name in known)
