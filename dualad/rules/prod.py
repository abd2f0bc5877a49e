"""The product of elements: its true derivative, also where elements are zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import smul, value
from ..primitive import Primitive, implements
from ._util import conj, constant, dtype, expand, is_complex, ndim, reshape, shape
from .reductions import drops, masked, reduce_params, reduced_axes, reexpand

_NONE = np._NoValue
_multiply_reduce, _multiply_accumulate = np.multiply.reduce, np.multiply.accumulate


def _prod_impl(x: Any, initial: Any = None, axis: Any = None, keepdims: bool = False, kind: Any = None, where: Any = True) -> Any:
    if initial is None and where is True:
        return _multiply_reduce(x, axis, kind, None, keepdims)
    return _multiply_reduce(x, axis, kind, None, keepdims, 1 if initial is None else initial, where)


def gather_axes(x: Any, axes: tuple[int, ...]) -> Any:
    """`x` with `axes` moved to the end and merged into one, anything before them untouched."""
    if axes == (-1,):
        return x
    n = len(axes)
    x = np.moveaxis(x, axes, tuple(range(-n, 0))) if axes else x
    s = shape(x)
    return reshape(x, s[: len(s) - n] + (int(np.prod(s[len(s) - n :], dtype=int)),))


def _scatter_axes(y: Any, axes: tuple[int, ...], full: tuple[int, ...]) -> Any:
    """Inverse of `gather_axes` for an array of shape `full`, seed axes in front allowed."""
    if axes == (-1,):
        return y
    n = len(full)
    kept = tuple(full[k] for k in range(-n, 0) if k not in axes)
    seeds = shape(y)[: ndim(y) - 1 - len(kept)]
    y = reshape(y, seeds + kept + tuple(full[k] for k in axes))
    return np.moveaxis(y, tuple(range(-len(axes), 0)), axes) if axes else y


def _in_range(*products: Any) -> bool:
    """Whether no partial product has overflowed or lost digits."""
    limits = np.finfo(products[0].dtype)
    sizes = [np.abs(p) for p in products]
    return all(bool((p >= limits.tiny).all() and (p <= limits.max).all()) for p in sizes)


@constant
def _stays_in_range(x: Any) -> bool:
    """The same for the running products of `x` from both ends."""
    return _in_range(_multiply_accumulate(x, -1), _multiply_accumulate(x[..., ::-1], -1))


@constant
def _scale(x: Any) -> Any:
    """Exponents e for which x / 2**e has running products close to one."""
    size = np.where((x == 0) | ~np.isfinite(x), 0, np.log2(np.abs(x)))
    return np.diff(np.rint(np.cumsum(size, axis=-1)), axis=-1, prepend=0).astype(int)


def _shift(x: Any, exponent: Any) -> Any:
    """``x * 2**exponent`` without overflow on the way."""
    if is_complex(x):
        return np.ldexp(np.real(x), exponent) + 1j * np.ldexp(np.imag(x), exponent)
    return np.ldexp(x, exponent)


def others_product(x: Any) -> Any:
    """Product of all other elements along the last axis: no division, so exact with zeros."""
    s = shape(x)
    if s[-1] < 2:
        return np.ones(s, dtype(x))
    if type(x) is np.ndarray:
        before, after = np.ones_like(x), np.ones_like(x)
        _multiply_accumulate(x[..., :-1], -1, None, before[..., 1:])
        _multiply_accumulate(x[..., :0:-1], -1, None, after[..., -2::-1])
        if _in_range(before, after):
            return before * after
    if _stays_in_range(x):
        return _others(x)
    e = _scale(x)
    return _shift(_others(_shift(x, -e)), np.sum(e, axis=-1, keepdims=True) - e)


def _others(x: Any) -> Any:
    """Products of the elements before times those after."""
    one = np.ones(shape(x)[:-1] + (1,), dtype(x))
    before = np.concatenate([one, np.cumprod(x[..., :-1], axis=-1)], axis=-1)
    after = np.concatenate([np.cumprod(x[..., :0:-1], axis=-1)[..., ::-1], one], axis=-1)
    return before * after


def _prod_partial(x: Any, initial: tuple[Any, ...], axes: tuple[int, ...], where: Any) -> Any:
    if where is not True:
        x = np.where(where, x, 1)
    if len(axes) == 1:
        p = others_product(x if axes == (-1,) else x.swapaxes(axes[0], -1))
        p = p if axes == (-1,) else p.swapaxes(axes[0], -1)
    else:
        p = _scatter_axes(others_product(gather_axes(x, axes)), axes, shape(x))
    return masked(p * initial[0] if initial else p, where)


def _prod_jvp(
    i: int, t: Any, ans: Any, x: Any, *initial: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True
) -> Any:
    axes = reduced_axes(x, axis)
    if i == 1:
        p = np.prod(x, axis=axes, keepdims=keepdims, where=where)
        return smul(t if ndim(t) == 0 else expand(t, tuple(range(-ndim(ans), 0))), p)
    return np.sum(smul(t, _prod_partial(x, initial, axes, where)), axis=axes, keepdims=keepdims, dtype=kind)


def _prod_vjp(
    i: int, g: Any, ans: Any, x: Any, *initial: Any, axis: Any, keepdims: bool, kind: Any = None, where: Any = True
) -> Any:
    axes = reduced_axes(x, axis)
    if i == 1:
        p = np.prod(x, axis=axes, keepdims=keepdims, where=where)
        return np.sum(smul(g, conj(p)), axis=tuple(range(-ndim(ans), 0)))
    return smul(reexpand(g, x, axis, keepdims), conj(_prod_partial(x, initial, axes, where)))


prod_p = Primitive("prod", _prod_impl, _prod_jvp, _prod_vjp)


@implements(np.prod)
def prod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NONE, initial: Any = _NONE, where: Any = _NONE
) -> Any:
    if drops(dtype):
        a, initial = value(a), value(initial)
    params = reduce_params(a, axis, keepdims, dtype, where)
    return prod_p(a, **params) if initial is _NONE else prod_p(a, initial, **params)
