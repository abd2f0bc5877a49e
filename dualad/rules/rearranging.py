"""Flipping, rolling, rotating and repeating elements along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from ..primitive import Primitive, implements
from ._util import lead, ndim, neg_axis, reshape, shape, size
from .shaping import swapaxes

# ---- reversal and rotation ----


_ALL = slice(None)
flip = implements(np.flip)(_core.flip)


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    if ndim(m) < 2:
        raise ValueError("Input must be >= 2-d.")
    return m[:, ::-1]


@implements(np.flipud)
def flipud(m: Any) -> Any:
    if ndim(m) < 1:
        raise ValueError("Input must be >= 1-d.")
    return m[::-1]


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    np.rot90(np.empty(shape(m), "b"), k, axes)  # raises NumPy's own complaints about axes
    k %= 4
    if k == 0:
        return m[:]
    if k == 2:
        return flip(flip(m, axes[0]), axes[1])
    return swapaxes(flip(m, axes[1]), *axes) if k == 1 else flip(swapaxes(m, *axes), axes[1])


def _roll_vjp(i: int, g: Any, ans: Any, x: Any, shift: Any, axis: Any) -> Any:
    return roll_p(g, shift=tuple(-k for k in shift), axis=axis)


def _roll_impl(x: Any, shift: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    if len(axis) > 1 or not x.shape[axis[0]]:
        return np.roll(x, shift, axis)
    after = (_ALL,) * (-1 - axis[0])  # one axis: its two parts change places, which takes NumPy several calls
    cut = -shift[0] % x.shape[axis[0]]
    return np.concatenate((x[(..., slice(cut, None), *after)], x[(..., slice(cut), *after)]), axis[0])


roll_p = Primitive("roll", _roll_impl, vjp=_roll_vjp, linear=True)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    n = ndim(a)
    if axis is None and n != 1:
        return reshape(roll(reshape(a, (-1,)), shift, 0), shape(a))
    axis = 0 if axis is None else axis
    if type(shift) is int and type(axis) is int:
        return roll_p(a, shift=(shift,), axis=(neg_axis(axis, n),))
    shifts, axes = np.broadcast_arrays(shift, axis)
    if shifts.ndim > 1:
        raise ValueError("'shift' and 'axis' should be scalars or 1D sequences")
    pairs = tuple(int(k) for k in shifts.ravel()), tuple(neg_axis(int(k), n) for k in axes.ravel())
    return roll_p(a, shift=pairs[0], axis=pairs[1])


# ---- repetition ----


def _tile_impl(x: Any, reps: tuple[int, ...]) -> Any:
    return np.tile(x, reps)


def _tile_jvp(i: int, t: Any, ans: Any, x: Any, reps: tuple[int, ...]) -> Any:
    s, n = shape(t)[: lead(t, x)], len(reps)
    t = reshape(t, s + (1,) * (n - ndim(x)) + shape(x))
    return np.tile(t, (1,) * len(s) + reps)


def _tile_vjp(i: int, g: Any, ans: Any, x: Any, reps: tuple[int, ...]) -> Any:
    n, seeds = len(reps), shape(g)[: lead(g, ans)]
    sizes = (1,) * (n - ndim(x)) + shape(x)
    g = reshape(g, seeds + tuple(k for pair in zip(reps, sizes, strict=True) for k in pair))
    return reshape(np.sum(g, axis=tuple(range(-2 * n, 0, 2))), seeds + shape(x))


tile_p = Primitive("tile", _tile_impl, _tile_jvp, _tile_vjp)


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    reps = tuple(int(k) for k in reps) if np.iterable(reps) else (int(reps),)
    return tile_p(A, reps=(1,) * (ndim(A) - len(reps)) + reps)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    new_shape = (new_shape,) if isinstance(new_shape, (int, np.integer)) else tuple(new_shape)
    n = size(a)
    index = np.resize(np.arange(n), new_shape) if n else np.resize(np.empty(0, int), new_shape)
    return np.take(reshape(a, (-1,)), index) if n else np.zeros_like(a, shape=new_shape)
