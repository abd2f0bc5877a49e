"""Joining and splitting arrays."""

from __future__ import annotations

import operator
from itertools import pairwise
from typing import Any

import numpy as np

from .._core import array_operand as operand
from .._core import concatenate_arrays, joining, stack_arrays, stacking, value
from ..primitive import Primitive, implements
from ._util import existing, ndim, neg_axis, reshape, shape
from .shaping import at_least

_FULL = slice(None)


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    """Index of a part along a negative axis."""
    return (..., part, *(_FULL,) * (-1 - axis))


# ---- concatenate ----


def _concatenate_vjp(i: int, g: Any, ans: Any, *arrays: Any, axis: int, **_: Any) -> Any:
    start = 0
    for x in arrays[:i]:
        start += shape(x)[axis]
    return g[_along(axis, slice(start, start + shape(arrays[i])[axis]))]


concatenate_p = Primitive("concatenate", concatenate_arrays, vjp=_concatenate_vjp, linear=True)
join = implements(np.concatenate, out=2)(joining(concatenate_p))


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    return join((arr, values), axis)


# ---- stack ----


def _stack_vjp(i: int, g: Any, ans: Any, *arrays: Any, axis: int, **_: Any) -> Any:
    return g[_along(axis, i)]


stack_p = Primitive("stack", stack_arrays, vjp=_stack_vjp, linear=True)
implements(np.stack, out=2)(stacking(stack_p))


def _stacker(n: int, axis: int) -> Any:
    def handler(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
        arrays = [at_least(operand(x), n) for x in tup]
        return join(arrays, 0 if axis == 1 and ndim(arrays[0]) == 1 else axis, dtype=dtype, casting=casting)

    return handler


vstack, hstack = implements(np.vstack)(_stacker(2, 0)), implements(np.hstack)(_stacker(1, 1))
dstack = implements(np.dstack)(_stacker(3, 2))


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    arrays = [operand(x) for x in tup]
    return join([x if ndim(x) >= 2 else reshape(x, (-1, 1)) for x in arrays], 1)


# ---- block ----


def _leading(x: Any, n: int) -> Any:
    """`x` with axes of length one put in front until it has `n`."""
    return reshape(x, (1,) * (n - ndim(x)) + shape(x)) if ndim(x) < n else x


def _block_depth(arrays: Any) -> tuple[int, int]:
    """Depth of the nested lists and the largest number of axes in them, with NumPy's complaints."""
    if type(arrays) is tuple:
        raise TypeError("arrays is a tuple. Only lists can be used to arrange blocks, not tuples.")
    if type(arrays) is not list:
        return 0, ndim(arrays)
    if not arrays:
        raise ValueError("List at arrays cannot be empty")
    found = [_block_depth(x) for x in arrays]
    if len({depth for depth, _ in found}) > 1:
        raise ValueError("List depths are mismatched.")
    return found[0][0] + 1, max(n for _, n in found)


@implements(np.block)
def block(arrays: Any) -> Any:
    depth, n = _block_depth(arrays)
    n = max(depth, n)

    def build(part: Any, level: int) -> Any:
        if level == depth:
            return _leading(operand(part), n)
        return join([build(x, level + 1) for x in part], level - depth)

    return build(arrays, 0)


# ---- split ----


def _bounds(n: int, sections: Any) -> list[int]:
    """Start of every part, then the end, for a number of sections or the cut positions."""
    if np.ndim(sections):
        return [0, *(operator.index(k) for k in sections), n]
    sections = operator.index(sections)
    if sections <= 0:
        raise ValueError("number sections must be larger than 0.")
    each, extra = divmod(n, sections)
    return [k * each + min(k, extra) for k in range(sections + 1)]


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    axis = neg_axis(axis, ndim(ary))
    cuts = _bounds(shape(ary)[axis], value(indices_or_sections))
    return [ary[_along(axis, slice(a, b))] for a, b in pairwise(cuts)]


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    if np.ndim(indices_or_sections) == 0 and shape(ary)[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def _splitter(name: str, least: int, axis: int) -> Any:
    def handler(ary: Any, indices_or_sections: Any) -> Any:
        if ndim(ary) < least:
            raise ValueError(f"{name} only works on arrays of {least} or more dimensions")
        return split(ary, indices_or_sections, axis if ndim(ary) > axis else 0)

    return handler


hsplit = implements(np.hsplit)(_splitter("hsplit", 1, 1))
vsplit = implements(np.vsplit)(_splitter("vsplit", 2, 0))
dsplit = implements(np.dsplit)(_splitter("dsplit", 3, 2))


@implements(*existing("unstack"))
def unstack(x: Any, /, *, axis: Any = 0) -> Any:
    if ndim(x) == 0:
        raise ValueError("Input array must be at least 1-d.")
    axis = neg_axis(axis, ndim(x))
    return tuple(x[_along(axis, k)] for k in range(shape(x)[axis]))
