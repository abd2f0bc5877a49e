"""Transposed convolutions: the way from small images to large ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LayerError
from ._checks import axes, several
from ._convolve import reach, spread
from .conv import _Convolution


def placed(kernel: int, stride: int, padding: str, output_padding: int | None) -> tuple[int, int]:
    """Where outputs begin in what the kernels add up to, and how much longer than ``(n - 1) * stride`` they are.

    Without `output_padding`, ``same`` gives ``n * stride`` cells, the gradient of a convolution of that many; ``valid`` all that a kernel reaches,
    and at least a stride each.
    """
    if padding == "valid":
        return 0, kernel + (max(stride - kernel, 0) if output_padding is None else output_padding)
    total = kernel + stride - 2 if output_padding is None else kernel + kernel % 2 - 2 + output_padding  # zeros around the spread-out inputs
    before = min(total // 2 + total % 2, kernel - 1)
    return kernel - 1 - before, total - kernel + 2


class _ConvTranspose(_Convolution):
    fields = (*_Convolution.fields, "output_padding")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None, data_format: Any = None,
                 dilation_rate: Any = 1, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, activation, **kwargs)
        self.output_padding = None if output_padding is None else several(self, "output_padding", output_padding, self.rank, 0)
        for s, d, p in zip(self.strides, self.dilation_rate, self.output_padding or (0,) * self.rank):
            if s > 1 and d > 1:
                raise LayerError(f"{type(self).__name__}: strides={self.strides} with dilation_rate={self.dilation_rate}; one of them must be 1")
            if p >= s and self.output_padding is not None:
                raise LayerError(f"{type(self).__name__}: output_padding={self.output_padding} must be less than strides={self.strides}")

    def build(self, input_shape: Any) -> None:
        self.channels = self._channels(input_shape)
        self.add_kernel((*self.kernel_size, self.filters, self.channels), self.filters)

    def check_size(self, shape: Any) -> None:
        axes(self, shape, self.wanted)

    def _placed(self) -> list[tuple[int, int]]:
        numbers = zip(self.kernel_size, self.strides, self.dilation_rate, self.output_padding or (None,) * self.rank)
        return [placed(reach(k, d), s, self.padding, p) for k, s, d, p in numbers]

    def output_sizes(self, shape: Any) -> list[Any]:
        return [None if n is None else (n - 1) * s + more for n, s, (_, more) in zip(shape[1:-1], self.strides, self._placed())]

    def call(self, inputs: Any) -> Any:
        x = inputs[:, None] if self.rank == 1 else inputs
        out = spread(x, self.image_kernel(self.kernel.value), *self.image_sizes())
        first = [0] * (2 - self.rank) + [start for start, _ in self._placed()]
        sizes = [1] * (2 - self.rank) + self.output_sizes(np.shape(inputs))
        missing = [max(start + n - have, 0) for start, n, have in zip(first, sizes, np.shape(out)[1:3])]
        if any(missing):
            out = np.pad(out, ((0, 0), *((0, n) for n in missing), (0, 0)))
        (i, j), (h, w) = first, sizes
        return self.finished(out if np.shape(out)[1:3] == (h, w) else out[:, i : i + h, j : j + w])


class Conv1DTranspose(_ConvTranspose):
    """The adjoint of `Conv1D`: from short sequences ``(batch, steps, channels)`` to long ones.

    Parameters
    ----------
    filters, kernel_size, strides, dilation_rate : int
    padding : {"valid", "same"}
    output_padding : int, optional
        Cells at the end; less than the stride.
    activation, use_bias, kernel_initializer, ... : as in `Dense`

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Conv1DTranspose(8, 3, strides=2, padding="same")(nn.Input((50, 4))).shape
    (None, 100, 8)
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose):
    """The adjoint of `Conv2D`: from small images ``(batch, height, width, channels)`` to large ones.

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or (int, int)
        Along each axis, stride or dilation is 1.
    padding : {"valid", "same"}
        Same: outputs are `strides` times as large as the inputs.
    output_padding : int or (int, int), optional
        Cells at the end; less than the strides.
    activation, use_bias, kernel_initializer, ... : as in `Dense`

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Conv2DTranspose(16, 3, strides=2, padding="same")(nn.Input((7, 7, 32))).shape
    (None, 14, 14, 16)
    """
