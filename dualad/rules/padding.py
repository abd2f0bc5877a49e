"""``np.pad`` in all modes. Padding that copies elements is a gather; the other modes join blocks axis by axis, as NumPy does."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack, value
from ..primitive import implements
from ._util import cast, ndim, reshape, shape, size
from .cumulative import along

_STATISTICS = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


def _pairs(x: Any, n: int) -> list[tuple[Any, Any]]:
    """A (before, after) pair for each of `n` axes; the entries may be traced."""
    x = pack(x)
    if not is_traced(x):
        return [tuple(pair) for pair in np.broadcast_to(np.asarray(x), (n, 2)).tolist()]
    x = np.broadcast_to(x, (n, 2))
    return [(x[k, 0], x[k, 1]) for k in range(n)]


def _widths(x: Any, pad_width: Any) -> list[tuple[int, int]]:
    n = ndim(x)
    if isinstance(pad_width, dict):
        widths: list[Any] = [(0, 0)] * n
        for axis, width in pad_width.items():
            widths[axis] = (width, width) if isinstance(width, int) else tuple(width)
        pad_width = widths
    return [(int(a), int(b)) for a, b in np.broadcast_to(np.asarray(pad_width), (n, 2))]


def _block(v: Any, x: Any, axis: int, width: int) -> Any:
    """A block of `width` along `axis` filled with `v`, which broadcasts to a slice of `x`, in the dtype of `x`."""
    s = list(shape(x))
    s[axis] = width
    return np.broadcast_to(cast(v, x.dtype), tuple(s))


def _constant(x: Any, axis: int, widths: tuple[int, int], fill: tuple[Any, Any]) -> list[Any]:
    return [_block(v, x, axis, w) for v, w in zip(fill, widths, strict=True)]


def _ramp(x: Any, axis: int, widths: tuple[int, int], ends: tuple[Any, Any]) -> list[Any]:
    edges = x[along(axis, 0, 1)], x[along(axis, -1)]
    parts = []
    for k, (w, end, edge) in enumerate(zip(widths, ends, edges, strict=True)):
        edge = np.squeeze(edge, axis)
        steps = np.linspace(end, edge, w, endpoint=False, axis=axis)
        steps = steps.astype(x.dtype)
        parts.append(steps[along(axis, None, None, -1)] if k else steps)
    return parts


def _statistic(x: Any, axis: int, widths: tuple[int, int], lengths: tuple[Any, Any], mode: str) -> list[Any]:
    n, function = shape(x)[axis], _STATISTICS[mode]
    sizes = [n if k is None or k > n else int(k) for k in lengths]
    if 0 in sizes and mode in ("maximum", "minimum"):
        raise ValueError("stat_length of 0 yields no value for padding")
    first = function(x[along(axis, 0, sizes[0])], axis=axis, keepdims=True)
    last = first if sizes == [n, n] else function(x[along(axis, n - sizes[1], n)], axis=axis, keepdims=True)
    return _constant(x, axis, widths, (first, last))


def _reflect_odd(x: Any, axis: int, widths: tuple[int, int], period: int, with_edge: bool) -> Any:
    """`x` padded by its reflection through the edge points, again and again until the widths are filled."""
    left, right = widths
    while left > 0 or right > 0:
        n = shape(x)[axis]
        n = n // period * period if with_edge else (n - 1) // (period - 1) * (period - 1)
        skip = 0 if with_edge else 1
        a, b, parts = min(n, left), min(n, right), [x]
        if a:
            parts.insert(0, 2 * x[along(axis, 0, 1)] - x[along(axis, skip, skip + a)][along(axis, None, None, -1)])
        if b:
            stop = shape(x)[axis] - skip
            parts.append(2 * x[along(axis, -1)] - x[along(axis, stop - b, stop)][along(axis, None, None, -1)])
        x = np.concatenate(parts, axis=axis)
        left, right = left - a, right - b
    return x


def _by_function(x: Any, widths: list[tuple[int, int]], function: Any, options: dict[str, Any]) -> Any:
    """User-supplied padding: the function changes each line in place."""
    x = pad(x, widths)
    for axis in range(ndim(x)):
        lines = np.moveaxis(x, axis, -1)
        s = shape(lines)
        rows = []
        for row in reshape(lines, (-1, s[-1])):
            line = np.copy(row)
            function(line, widths[axis], axis, options)
            rows.append(line)
        x = np.moveaxis(reshape(np.stack(rows), s), -1, axis) if rows else x
    return x


def _gathered(x: Any, widths: list[tuple[int, int]], mode: str, options: dict[str, Any]) -> Any:
    index = np.pad(np.arange(size(x)).reshape(shape(x)), widths, mode, **options)
    return np.take(reshape(x, (-1,)), index)


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    array = pack(array)
    array = array if is_traced(array) else np.asarray(array)
    if callable(mode):
        return _by_function(array, _widths(array, pad_width), mode, kwargs)
    stand_in = {k: value(pack(v)) for k, v in kwargs.items()}
    np.pad(np.zeros(shape(array)), pad_width, mode, **stand_in)  # raises NumPy's own complaints
    widths, n = _widths(array, pad_width), ndim(array)
    odd = kwargs.get("reflect_type", "even") == "odd"
    if mode in ("edge", "wrap") or (mode in ("reflect", "symmetric") and not odd):
        return _gathered(array, widths, mode, stand_in)
    option = {"constant": ("constant_values", 0), "linear_ramp": ("end_values", 0)}.get(mode, ("stat_length", None))
    extras = _pairs(kwargs.get(option[0], option[1]), n)
    x = array
    for k, pair in enumerate(widths):
        axis = k - n
        if pair == (0, 0):
            continue
        if mode in ("reflect", "symmetric"):
            period = shape(array)[k]
            if period > 1:
                x = _reflect_odd(x, axis, pair, period, mode == "symmetric")
                continue
            parts = _constant(x, axis, pair, (x[along(axis, 0, 1)], x[along(axis, -1)]))
        elif mode in ("constant", "empty"):
            parts = _constant(x, axis, pair, extras[k] if mode == "constant" else (0, 0))
        elif mode == "linear_ramp":
            parts = _ramp(x, axis, pair, extras[k])
        else:
            parts = _statistic(x, axis, pair, extras[k], mode)
        x = np.concatenate([parts[0], x, parts[1]], axis=axis)
    return x
