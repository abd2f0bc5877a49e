"""Convolutions of images, channels last, in plain NumPy: slices, and products of matrices.

How the slices are put together decides how fast the compiled step is (float32, 32 images of 28 x 28, kernel 3 x 3, value and both gradients, one core):

===========================================  ================  =================
milliseconds                                 1 -> 16 channels  16 -> 16 channels
===========================================  ================  =================
sliding_window_view, one product             2.3               28
gathered places (np.take), one product       2.2               26
slices of all taps side by side, one product 2.0               28
slices of a kernel's row, a product a row    2.9               15
===========================================  ================  =================

The adjoint of windows and of gathered places is a scatter-add in index order; that of slices is plain block arithmetic. Hence slices: of all taps where
there are few channels, by rows of the kernel otherwise, which needs a third of the memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FEW = 4  # numbers in a row of taps up to which one wide product beats several narrow ones (one channel; with 3 it is 5.4 ms against 4.1)


def reach(kernel: int, dilation: int) -> int:
    """How many cells a kernel spans."""
    return (kernel - 1) * dilation + 1


def output_size(n: int | None, kernel: int, stride: int, dilation: int, padding: str) -> int | None:
    """The length of an axis after a convolution."""
    if n is None:
        return None
    return -(-n // stride) if padding != "valid" else (n - reach(kernel, dilation)) // stride + 1


def margins(n: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[int, int]:
    """How many cells are added before and after an axis: for ``same`` the odd one goes to the end."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return reach(kernel, dilation) - 1, 0
    total = max((-(-n // stride) - 1) * stride + reach(kernel, dilation) - n, 0)
    return total // 2, total - total // 2


def taps(out: int, kernel: int, stride: int, dilation: int) -> list[slice]:
    """The cells that each place of the kernel meets, along one axis."""
    return [slice(k * dilation, k * dilation + (out - 1) * stride + 1, stride) for k in range(kernel)]


def windows(shape: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[list[slice], list[slice]]:
    """The slices of rows and columns, for images of a shape (batch, height, width, ...)."""
    rows, columns = (taps((n - reach(k, d)) // s + 1, k, s, d) for n, k, s, d in zip(shape[1:3], kernel, strides, dilation))
    return rows, columns


def convolve(x: Any, kernel: Any, strides: tuple[int, ...] = (1, 1), dilation: tuple[int, ...] = (1, 1)) -> Any:
    """The convolution (cross-correlation) of images with a kernel, without padding.

    Parameters
    ----------
    x : array of shape (n, height, width, c)
    kernel : array of shape (kh, kw, c, filters)
    strides, dilation : (int, int)

    Returns
    -------
    array of shape (n, oh, ow, filters)
    """
    kh, kw, c, filters = np.shape(kernel)
    rows, columns = windows(np.shape(x), (kh, kw), strides, dilation)
    if kw * c <= FEW or kh == 1:
        pieces = [_cut(x, r, s) for r in rows for s in columns]
        return _product(_side_by_side(pieces), kernel.reshape(kh * kw * c, filters))
    everything = slice(0, np.shape(x)[1], 1)
    strip = _side_by_side([_cut(x, everything, s) for s in columns])
    weights = kernel.reshape(kh, kw * c, filters)
    out = _product(_cut(strip, rows[0]), weights[0])
    for k in range(1, kh):
        out = out + _product(_cut(strip, rows[k]), weights[k])
    return out


def _cut(x: Any, *parts: slice) -> Any:
    """`x[:, rows, columns]`; x itself where that is all of it."""
    whole = all(part == slice(0, n, 1) for part, n in zip(parts, np.shape(x)[1:]))
    return x if whole else x[(slice(None), *parts)]


def _side_by_side(pieces: list[Any]) -> Any:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)


def _product(x: Any, weights: Any) -> Any:
    *outer, n = np.shape(x)
    return (x.reshape(-1, n) @ weights).reshape(*outer, np.shape(weights)[1])


def spread(x: Any, kernel: Any, strides: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    """The adjoint of `convolve`: each pixel adds the kernel, times its value, to the result.

    The result is computed by its phases: at places that are the same modulo the stride, it is a convolution of `x` with every stride-th part of the
    kernel. One convolution has the phases as channels, which are then laid between each other.

    Parameters
    ----------
    x : array of shape (n, height, width, c)
    kernel : array of shape (kh, kw, filters, c)
    strides, dilation : (int, int)
        One of them is 1 along each axis.

    Returns
    -------
    array of shape (n, oh, ow, filters)
        oh is at least ``(height - 1) * stride + (kh - 1) * dilation + 1``; what lies beyond that is zero.
    """
    n, c = np.shape(x)[0], np.shape(x)[3]
    kh, kw, filters, _ = np.shape(kernel)
    (sh, sw), (mh, mw) = strides, (-(-k // s) for k, s in zip((kh, kw), strides))
    if (mh * sh, mw * sw) != (kh, kw):
        kernel = np.pad(kernel, ((0, mh * sh - kh), (0, mw * sw - kw), (0, 0), (0, 0)))
    phases = np.transpose(kernel.reshape(mh, sh, mw, sw, filters, c)[::-1, :, ::-1], (0, 2, 5, 1, 3, 4)).reshape(mh, mw, c, sh * sw * filters)
    ph, pw = ((m - 1) * d for m, d in zip((mh, mw), dilation))
    if ph or pw:
        x = np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    out = convolve(x, phases, (1, 1), dilation)
    if (sh, sw) == (1, 1):
        return out
    _, oh, ow, _ = np.shape(out)
    return np.transpose(out.reshape(n, oh, ow, sh, sw, filters), (0, 1, 3, 2, 4, 5)).reshape(n, oh * sh, ow * sw, filters)


def depthwise(x: Any, kernel: Any, strides: tuple[int, ...] = (1, 1), dilation: tuple[int, ...] = (1, 1)) -> Any:
    """Each channel convolved with kernels of its own.

    Parameters
    ----------
    x : array of shape (n, height, width, c)
    kernel : array of shape (kh, kw, c, m)
    strides, dilation : (int, int)

    Returns
    -------
    array of shape (n, oh, ow, c * m)
    """
    kh, kw, c, m = np.shape(kernel)
    rows, columns = windows(np.shape(x), (kh, kw), strides, dilation)
    out: Any = None
    for i, r in enumerate(rows):
        for j, s in enumerate(columns):
            term = _cut(x, r, s)[..., None] * kernel[i, j]
            out = term if out is None else out + term
    return out.reshape(*np.shape(out)[:3], c * m)
