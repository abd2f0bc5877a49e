"""Discrete Fourier transforms: linear maps, whose adjoint is the opposite transform with the opposite normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..primitive import Primitive, implements
from ._matrix import conj, floating
from ._util import dtype, ndim, neg_axis, shape

_OPPOSITE = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _opposite(norm: Any) -> str:
    try:
        return _OPPOSITE[norm]
    except KeyError:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".') from None


def _fit(x: Any, axis: int, n: int) -> Any:
    """Cuts or pads with zeros along an axis, as the transforms treat their input; its own adjoint with the lengths exchanged."""
    have = shape(x)[axis]
    if have == n:
        return x
    if have > n:
        return x[(..., slice(n), *(slice(None),) * (-1 - axis))]
    s = list(shape(x))
    s[axis] = n - have
    return np.concatenate((x, np.zeros(s, dtype(x))), axis=axis)


def _complex_transform(name: str, forward: Callable[..., Any], backward: Callable[..., Any]) -> Primitive:
    def vjp(i: int, g: Any, ans: Any, x: Any, n: int, axis: int, norm: Any) -> Any:
        return _fit(backward(g, n, axis, _opposite(norm)), axis, shape(x)[axis])

    return Primitive(name, lambda x, n, axis, norm: forward(x, n, axis, norm), vjp=vjp, linear=True)


fft_p = _complex_transform("fft", np.fft.fft, np.fft.ifft)
ifft_p = _complex_transform("ifft", np.fft.ifft, np.fft.fft)


def _weights(n: int, inner: float, axis: int, like: Any) -> np.ndarray:
    """One for the terms of a half spectrum that are their own mirror images, `inner` for those that stand for two."""
    w = np.full(n // 2 + 1, inner, np.finfo(dtype(like)).dtype)
    w[0] = 1
    if n % 2 == 0:
        w[-1] = 1
    return w.reshape((-1,) + (1,) * (-1 - axis))


def _rfft_vjp(i: int, g: Any, ans: Any, x: Any, n: int, axis: int, norm: Any) -> Any:
    return _fit(np.fft.irfft(g * _weights(n, 0.5, axis, g), n, axis, _opposite(norm)), axis, shape(x)[axis])


def _irfft_vjp(i: int, g: Any, ans: Any, x: Any, n: int, axis: int, norm: Any) -> Any:
    half = np.fft.rfft(g, n, axis, _opposite(norm)) * _weights(n, 2.0, axis, g)
    return _fit(half, axis, shape(x)[axis])


rfft_p = Primitive("rfft", lambda x, n, axis, norm: np.fft.rfft(x, n, axis, norm), vjp=_rfft_vjp, linear=True)
irfft_p = Primitive("irfft", lambda x, n, axis, norm: np.fft.irfft(x, n, axis, norm), vjp=_irfft_vjp, linear=True)


def _one_axis(primitive: Primitive, default: Callable[[int], int]) -> Callable[..., Any]:
    """The public signature, with the length filled in and the axis counted from the end."""

    def handler(a: Any, n: int | None = None, axis: int = -1, norm: Any = None) -> Any:
        a = floating(a)
        axis = neg_axis(axis, ndim(a))
        n = default(shape(a)[axis]) if n is None else int(n)
        if n < 1:
            raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
        _opposite(norm)
        return primitive(a, n=n, axis=axis, norm=norm)

    return handler


fft = implements(np.fft.fft)(_one_axis(fft_p, lambda n: n))
ifft = implements(np.fft.ifft)(_one_axis(ifft_p, lambda n: n))
rfft = implements(np.fft.rfft)(_one_axis(rfft_p, lambda n: n))
irfft = implements(np.fft.irfft)(_one_axis(irfft_p, lambda n: 2 * (n - 1)))


@implements(np.fft.hfft)
def hfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None) -> Any:
    return irfft(conj(floating(a)), n, axis, _opposite(norm))


@implements(np.fft.ihfft)
def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: Any = None) -> Any:
    return conj(rfft(a, n, axis, _opposite(norm)))


# ---- several axes: the same sequence of one-dimensional transforms as in NumPy, so that the value is the same bit for bit ----


def _plan(a: Any, s: Any, axes: Any, halved: bool = False) -> list[tuple[int, int]]:
    """Length and axis of each one-dimensional transform, in NumPy's order of arguments."""
    given = s is not None
    if axes is None:
        axes = range(-len(s) if given else -ndim(a), 0)
    axes = [int(k) for k in axes]
    if given and len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    wanted = s if given else [None] * len(axes)
    sizes = [shape(a)[k] if n is None or n == -1 else int(n) for n, k in zip(wanted, axes, strict=True)]
    if halved and not given:
        sizes[-1] = 2 * (shape(a)[axes[-1]] - 1)
    return list(zip(sizes, axes, strict=True))


def _every_axis(one: Callable[..., Any], default_axes: Any) -> Callable[..., Any]:
    def handler(a: Any, s: Any = None, axes: Any = default_axes, norm: Any = None) -> Any:
        a = floating(a)
        for n, k in reversed(_plan(a, s, axes)):
            a = one(a, n, k, norm)
        return a

    return handler


def _half_forward(default_axes: Any) -> Callable[..., Any]:
    def handler(a: Any, s: Any = None, axes: Any = default_axes, norm: Any = None) -> Any:
        a = floating(a)
        *others, (n, k) = _plan(a, s, axes)
        a = rfft(a, n, k, norm)
        for n, k in reversed(others):
            a = fft(a, n, k, norm)
        return a

    return handler


def _half_backward(default_axes: Any) -> Callable[..., Any]:
    def handler(a: Any, s: Any = None, axes: Any = default_axes, norm: Any = None) -> Any:
        a = floating(a)
        *others, last = _plan(a, s, axes, halved=True)
        for n, k in others:
            a = ifft(a, n, k, norm)
        return irfft(a, *last, norm)

    return handler


implements(np.fft.fftn)(_every_axis(fft, None))
implements(np.fft.fft2)(_every_axis(fft, (-2, -1)))
implements(np.fft.ifftn)(_every_axis(ifft, None))
implements(np.fft.ifft2)(_every_axis(ifft, (-2, -1)))
implements(np.fft.rfftn)(_half_forward(None))
implements(np.fft.rfft2)(_half_forward((-2, -1)))
implements(np.fft.irfftn)(_half_backward(None))
implements(np.fft.irfft2)(_half_backward((-2, -1)))

# ---- shifts ----


def _shift(x: Any, axes: Any, half: Callable[[int], int]) -> Any:
    x = floating(x)
    if axes is None:
        axes = tuple(range(ndim(x)))
    shifts = half(shape(x)[axes]) if isinstance(axes, (int, np.integer)) else [half(shape(x)[k]) for k in axes]
    return np.roll(x, shifts, axes)


@implements(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    return _shift(x, axes, lambda n: n // 2)


@implements(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    return _shift(x, axes, lambda n: -(n // 2))
