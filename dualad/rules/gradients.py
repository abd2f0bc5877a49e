"""``np.gradient``: finite differences along axes, differentiable in the samples and in their coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack, value
from ..primitive import implements
from ._util import cast, dtype, ndim, neg_axes, neg_axis, reshape, shape
from .cumulative import along


def _spacings(f: Any, axes: list[int], varargs: tuple[Any, ...]) -> list[Any]:
    """Distance (scalar, or one for every step) along each axis."""
    n = len(varargs)
    if n == 0:
        return [1.0] * len(axes)
    given = [x if is_traced(x) or np.isscalar(x) else np.asanyarray(x) for x in map(pack, varargs)]
    if n == 1 and ndim(given[0]) == 0:
        return given * len(axes)
    if n != len(axes):
        raise TypeError("invalid number of arguments")
    steps = []
    for x, axis in zip(given, axes, strict=True):
        if ndim(x) == 0:
            steps.append(x)
            continue
        if ndim(x) != 1:
            raise ValueError("distances must be either scalars or 1d")
        if shape(x)[0] != shape(f)[axis]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        d = np.diff(x.astype(float) if x.dtype.kind in "iu" else x)
        steps.append(d[0] if not is_traced(d) and (d == d[0]).all() else d)
    return steps


def _interior(f: Any, d: Any, axis: int, uniform: bool) -> Any:
    if uniform:
        return (f[along(axis, 2)] - f[along(axis, None, -2)]) / (2.0 * d)
    wide = (-1,) + (1,) * (-1 - axis)
    d1, d2 = d[:-1], d[1:]
    a, b, c = -d2 / (d1 * (d1 + d2)), (d2 - d1) / (d1 * d2), d1 / (d2 * (d1 + d2))
    a, b, c = reshape(a, wide), reshape(b, wide), reshape(c, wide)
    return a * f[along(axis, None, -2)] + b * f[along(axis, 1, -1)] + c * f[along(axis, 2)]


def _edges(f: Any, d: Any, axis: int, uniform: bool, order: int) -> tuple[Any, Any]:
    def at(k: int) -> Any:
        return f[along(axis, k, k + 1 if k != -1 else None)]

    if order == 1:
        return (at(1) - at(0)) / (d if uniform else d[0]), (at(-1) - at(-2)) / (d if uniform else d[-1])
    if uniform:
        first, last = (-1.5 / d, 2.0 / d, -0.5 / d), (0.5 / d, -2.0 / d, 1.5 / d)
    else:
        p, q = d[0], d[1]
        first = (-(2.0 * p + q) / (p * (p + q)), (p + q) / (p * q), -p / (q * (p + q)))
        p, q = d[-2], d[-1]
        last = (q / (p * (p + q)), -(q + p) / (p * q), (2.0 * q + p) / (q * (p + q)))
    return (
        first[0] * at(0) + first[1] * at(1) + first[2] * at(2),
        last[0] * at(-3) + last[1] * at(-2) + last[2] * at(-1),
    )


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = pack(f)
    f = f if is_traced(f) else np.asanyarray(f)
    n = ndim(f)
    if axis is None or isinstance(axis, int):
        axes = list(neg_axes(axis, n))
    else:
        axes = [neg_axis(int(k), n) for k in axis]
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    if not is_traced(f) and f.dtype.kind not in "fc":
        f = f.astype(float)
    results = []
    for axis_, d in zip(axes, _spacings(f, axes, varargs), strict=True):
        if shape(f)[axis_] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required."
            )
        uniform = ndim(d) == 0
        first, last = _edges(f, d, axis_, uniform, edge_order)
        y = np.concatenate([first, _interior(f, d, axis_, uniform), last], axis=axis_)
        y = cast(y, dtype(f))
        results.append(y if uniform else _as_uniform(y, f, d, axis_, edge_order))
    return results[0] if len(axes) == 1 else tuple(results)


def _as_uniform(y: Any, f: Any, d: Any, axis: int, order: int) -> Any:
    """NumPy takes the formula for equal steps when traced steps happen to be equal: its value, with the general derivative."""
    steps = value(d)
    if not is_traced(d) or not (steps == steps[0]).all():
        return y
    own = value(y)
    rounding = np.gradient(value(f), steps[0], axis=axis, edge_order=order) - own
    return y + np.where(np.isfinite(rounding), rounding, 0).astype(own.dtype)
