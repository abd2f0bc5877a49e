"""Shapes, axes and broadcasting for derivative rules, for plain and traced values with or without a seed axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._core import Recorded, ndim_of, neg_axis, pack, reshape, run_plain, shape_of, sum_to, value
from ..primitive import Primitive

_ndarray = np.ndarray
ndim, shape = ndim_of, shape_of


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


def neg_axes(axis: Any, n: int) -> tuple[int, ...]:
    """Axes as an ascending tuple counted from the end; None stands for all axes."""
    if axis is None:
        return tuple(range(-n, 0))
    if type(axis) is int:
        return (neg_axis(axis, n),)
    return tuple(sorted(k - n for k in normalize_axis_tuple(axis, n)))


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


def widen(t: Any, x: Any, n: int) -> Any:
    """Lets tangent `t` of `x` broadcast against an array of `n` >= ndim(x) axes: the seed axis, if any, stays in front."""
    s, k = shape(t), ndim(x)
    if k == n or len(s) == k:
        return t
    return reshape(t, s[:1] + (1,) * (n - k) + s[1:])


def unbroadcast(g: Any, x: Any, ans: Any) -> Any:
    """Adjoint of broadcasting `x` to the shape of `ans`: cotangent `g` of `ans` summed over the axes that were repeated."""
    return sum_to(g, shape(x), ndim(g) > ndim(ans))


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
    x = value(pack(x))
    return x if type(x) is Recorded else np.array(x)


def plain_array(x: Any) -> Any:
    """The plain value as an array; while a program is recorded it stays part of the program."""
    x = value(pack(x))
    return x if type(x) is Recorded else np.asarray(x)


def decision(x: Any) -> Any:
    """A mask or an index as an array without derivative; while a program is recorded it stays part of the program."""
    x = plain_array(x)
    return x if hasattr(x, "dtype") else np.copy(x)  # a number of Python's that is part of it


def existing(*names: str) -> tuple[Any, ...]:
    """The functions of these names that this NumPy has."""
    known = vars(np)  # hasattr would import submodules that NumPy loads lazily
    return tuple(known[name] for name in names if name in known)


def undispatched(function: Any) -> Any:
    """NumPy's function itself, for plain arguments: nobody else has to be asked."""
    return getattr(function, "_implementation", function)
