"""``reduce``, ``accumulate``, ``reduceat`` and ``at`` of every ufunc."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import add_up, is_traced, pack, smul, value
from ..primitive import Primitive
from ._util import cast, dtype, is_inexact, ndim, neg_axes, neg_axis, reshape, shape
from .cumulative import cumprod, cumsum
from .extrema import fmax_p, fmin_p, max_p, min_p
from .indexing import gather_p, need_traced, scatter_p
from .prod import gather_axes, prod_p
from .reductions import masked, reduce_params, reduced_axes, reexpand, sum_p

_NONE = np._NoValue


# ---- log of a sum of exponentials ----


def _weights(x: Any, ans: Any, axis: Any, keepdims: bool, base: Any) -> Any:
    """Share of each element in the sum; where x equals the result, infinite or not, it is one."""
    top = reexpand(ans, x, axis, keepdims)
    return base(np.where(np.equal(x, top), 0, x - top))


def _log_sum(name: str, ufunc: np.ufunc, base: Any) -> Primitive:
    def impl(x: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True) -> Any:
        return ufunc.reduce(x, axis, kind, None, keepdims, where=where)

    def jvp(i: int, t: Any, ans: Any, x: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True) -> Any:
        p = masked(smul(t, _weights(x, ans, axis, keepdims, base)), where)
        return np.sum(p, axis=reduced_axes(x, axis), keepdims=keepdims)

    def vjp(i: int, g: Any, ans: Any, x: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True) -> Any:
        return masked(smul(reexpand(g, x, axis, keepdims), _weights(x, ans, axis, keepdims, base)), where)

    return Primitive(name, impl, jvp, vjp)


def _add_up(x: Any, *initial: Any, axis: Any, keepdims: bool, **options: Any) -> Any:
    return sum_p(x, *initial, axis=axis, keepdims=keepdims, **options) if initial or options else add_up(x, axis, keepdims)


_REDUCE = {
    np.add: _add_up, np.multiply: prod_p, np.maximum: max_p, np.minimum: min_p, np.fmax: fmax_p, np.fmin: fmin_p,
    np.logaddexp: _log_sum("logaddexp.reduce", np.logaddexp, np.exp),
    np.logaddexp2: _log_sum("logaddexp2.reduce", np.logaddexp2, np.exp2),
}
_ACCUMULATE = {np.add: cumsum, np.multiply: cumprod}


# ---- reduce and accumulate ----


def _steps(ufunc: np.ufunc, x: Any, start: Any, mask: Any) -> list[Any]:
    """The running results of applying a ufunc along the last axis, one after the other."""
    n = shape(x)[-1]
    results, first = [], 0
    if start is None:
        start, first = x[..., 0], 1
        results.append(start)
    for k in range(first, n):
        y = ufunc(start, x[..., k])
        start = y if mask is True else np.where(mask[..., k], y, start)
        results.append(start)
    return results


def reduce(
    ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False,
    initial: Any = _NONE, where: Any = True,
) -> Any:
    """``ufunc.reduce``: by a primitive where there is one, else step by step."""
    x = pack(array)
    x = x if is_traced(x) else np.asarray(x)
    prim = _REDUCE.get(ufunc)
    if prim is not None and (dtype is None or is_inexact(dtype)):
        params = reduce_params(x, axis, keepdims, dtype, where)
        if initial is _NONE:
            return prim(x, **params)
        if ufunc not in (np.logaddexp, np.logaddexp2):
            return prim(x, initial, **params) if initial is not None else _without_start(ufunc, prim, x, params)
    return _reduce_by_steps(ufunc, x, axis, dtype, bool(keepdims), initial, where)


def _without_start(ufunc: np.ufunc, prim: Any, x: Any, params: dict[str, Any]) -> Any:
    """``initial=None``: no identity, so that an empty reduction is an error."""
    if 0 in (shape(x)[k] for k in reduced_axes(x, params["axis"])):
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    return prim(x, **params)


def _reduce_by_steps(ufunc: np.ufunc, x: Any, axis: Any, kind: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    where = value(where)
    options = {} if where is True else {"where": where}
    plain_initial = {} if initial is _NONE else {"initial": value(initial)}
    expected = ufunc.reduce(value(x), axis, kind, None, keepdims, **plain_initial, **options)
    if not is_inexact(dtype(expected)):
        return expected
    x = x if kind is None else cast(x, np.dtype(kind))
    axes = neg_axes(axis, ndim(x))
    mask = True if where is True else gather_axes(np.broadcast_to(where, shape(x)), axes)
    lines = gather_axes(x, axes)
    start = None
    if initial is not _NONE and initial is not None:
        initial = pack(initial)
        initial = cast(initial, dtype(x)) if is_traced(initial) else np.asarray(initial, dtype(x))
        start = np.broadcast_to(initial, shape(lines)[:-1])
    if start is None and (mask is not True or shape(lines)[-1] == 0):
        start = np.full(shape(lines)[:-1], ufunc.identity, dtype(x))
    results = _steps(ufunc, lines, start, mask)
    result = results[-1] if results else start
    return reshape(result, shape(expected)) if keepdims else result


def accumulate(ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """``ufunc.accumulate``: running sums and products by their primitives, the others step by step."""
    x = pack(array)
    if ufunc in _ACCUMULATE:
        if ndim(x) == 0:
            raise TypeError("cannot accumulate on a scalar")
        return _ACCUMULATE[ufunc](x, axis, dtype)
    expected = ufunc.accumulate(value(x), axis, dtype)
    if not is_inexact(expected.dtype) or expected.size == 0:
        return expected
    x = x if dtype is None else cast(x, np.dtype(dtype))
    axis = neg_axis(axis, ndim(x))
    return np.stack(_steps(ufunc, np.moveaxis(x, axis, -1), None, True), axis=axis)


# ---- reduceat ----


def _segments(indices: Any, n: int) -> tuple[Any, Any]:
    """Position of every element that takes part, and the segment that it belongs to."""
    stops = np.append(indices[1:], n)
    sizes = np.maximum(stops - indices, 1)
    owner = np.repeat(np.arange(len(indices)), sizes)
    starts = np.cumsum(sizes) - sizes
    return indices[owner] + np.arange(len(owner)) - starts[owner], owner


def _add_reduceat_vjp(i: int, g: Any, ans: Any, x: Any, indices: Any, axis: int, kind: Any = None) -> Any:
    n = shape(x)[axis]
    place, owner = _segments(indices, n)
    return scatter_p(gather_p(g, index=owner, axis=axis, length=len(indices)), index=place, axis=axis, length=n)


add_reduceat_p = Primitive(
    "add.reduceat", lambda x, indices, axis, kind=None: np.add.reduceat(x, indices, axis, kind),
    vjp=_add_reduceat_vjp, linear=True,
)


def reduceat(ufunc: np.ufunc, array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """``ufunc.reduceat``: a reduction over each segment."""
    x, index = pack(array), np.asarray(value(pack(indices)))
    expected = ufunc.reduceat(value(x), index, axis, dtype)
    if not is_inexact(expected.dtype) or expected.size == 0:
        return expected
    axis, index = neg_axis(axis, ndim(x)), index.astype(np.intp)
    if ufunc is np.add:
        return add_reduceat_p(x, indices=index, axis=axis, **({} if dtype is None else {"kind": np.dtype(dtype)}))
    n = shape(x)[axis]
    place, owner = _segments(index, n)
    parts = [np.take(x, place[owner == k], axis=axis) for k in range(len(index))]
    return np.stack([reduce(ufunc, part, axis, dtype) for part in parts], axis=axis)


# ---- at ----


def _add_at_impl(a: Any, b: Any, index: Any) -> Any:
    out = np.array(a)
    np.add.at(out.reshape(-1), index, b)
    return out


def _add_at_jvp(i: int, t: Any, ans: Any, a: Any, b: Any, index: Any) -> Any:
    if i == 0:
        return t
    seeds = shape(t)[:-1]
    return reshape(scatter_p(t, index=index, axis=-1, length=int(np.prod(shape(a), dtype=int))), seeds + shape(a))


def _add_at_vjp(i: int, g: Any, ans: Any, a: Any, b: Any, index: Any) -> Any:
    if i == 0:
        return g
    seeds = shape(g)[: ndim(g) - ndim(a)]
    return np.take(reshape(g, (*seeds, -1)), index, axis=-1)


add_at_p = Primitive("add.at", _add_at_impl, _add_at_jvp, _add_at_vjp)


def _is_basic(indices: Any) -> bool:
    parts = indices if isinstance(indices, tuple) else (indices,)
    return all(isinstance(k, (int, np.integer, slice)) or k is None or k is Ellipsis for k in parts)


def at(ufunc: np.ufunc, a: Any, indices: Any, *b: Any) -> None:
    """``ufunc.at``: stores in the order of the indices, repeated ones again and again."""
    need_traced(a, f"{ufunc.__name__}.at")
    indices = tuple(value(k) for k in indices) if isinstance(indices, tuple) else value(pack(indices))
    operands = tuple(pack(x) for x in b)
    if _is_basic(indices):
        a[indices] = ufunc(a[indices], *operands)
        return
    place = np.arange(int(np.prod(shape(a), dtype=int))).reshape(shape(a))[indices]
    to, place = place.shape, place.ravel()
    operands = tuple(reshape(np.broadcast_to(x, to), (-1,)) for x in operands)
    # how often each position has been met before
    order = np.argsort(place, kind="stable")
    ranked = place[order]
    fresh = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])) if place.size else np.empty(0, int)
    seen = np.empty(place.size, np.intp)
    seen[order] = np.arange(place.size) - np.repeat(fresh, np.diff(np.append(fresh, place.size)))
    if place.size and seen.max() > 0 and ufunc in (np.add, np.subtract):
        kind = dtype(a)
        a[...] = add_at_p(a, cast(operands[0] if ufunc is np.add else -operands[0], kind), index=place)
        return
    for turn in range(int(seen.max()) + 1 if place.size else 0):
        chosen = np.flatnonzero(seen == turn)
        where = np.unravel_index(place[chosen], shape(a))
        a[where] = ufunc(a[where], *(np.take(x, chosen) for x in operands))


_core.UFUNC_METHODS.update({"reduce": reduce, "accumulate": accumulate, "reduceat": reduceat, "at": at})
