"""Enlarging of sequences and images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layer import Layer
from ._checks import axes, channels_last, choice, several
from .shaping import IMAGE, SEQUENCE


def repeated(x: Any, times: tuple[int, ...]) -> Any:
    """Each step of the axes after the batch several times: by broadcasting, the adjoint of which is a plain sum."""
    for k, n in enumerate(times):
        if n > 1:
            before, after = np.shape(x)[: k + 2], np.shape(x)[k + 2 :]
            x = np.broadcast_to(x.reshape(*before, 1, *after), (*before, n, *after)).reshape(*before[:-1], before[-1] * n, *after)
    return x


def bilinear(n: int, times: int, dtype: Any) -> np.ndarray:
    """The matrix that enlarges an axis by interpolation between the middles of its n cells."""
    place = np.clip((np.arange(n * times) + 0.5) / times - 0.5, 0, n - 1)
    low = np.minimum(place.astype(int), max(n - 2, 0))
    out = np.zeros((n * times, n))
    rows = np.arange(n * times)
    out[rows, low] = 1 - (place - low)
    if n > 1:
        out[rows, low + 1] = place - low
    return out.astype(dtype)


class UpSampling1D(Layer):
    """Each step of sequences ``(batch, steps, channels)`` several times.

    Parameters
    ----------
    size : int

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]], "float32"))[0, :, 0].tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    fields = ("size",)

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = several(self, "size", size, 1)[0]

    def check_input(self, shape: Any) -> None:
        axes(self, shape, SEQUENCE)

    def call(self, inputs: Any) -> Any:
        return repeated(inputs, (self.size,))

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, n, channels = input_shape
        return (batch, None if n is None else n * self.size, channels)


class UpSampling2D(Layer):
    """Images ``(batch, height, width, channels)``, enlarged by whole factors.

    Parameters
    ----------
    size : int or (int, int)
        Factors of height and width.
    interpolation : {"nearest", "bilinear"}
        Bilinear interpolation lies between the middles of pixels; the margin repeats the outermost.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.UpSampling2D((1, 2), interpolation="bilinear")(np.array([[[[0.0], [4.0]]]], "float32"))[0, 0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    fields = ("size", "interpolation")

    def __init__(self, size: Any = (2, 2), data_format: Any = None, interpolation: str = "nearest", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = several(self, "size", size, 2)
        channels_last(self, data_format)
        self.interpolation = choice(self, "interpolation", interpolation, ("nearest", "bilinear"))

    def check_input(self, shape: Any) -> None:
        axes(self, shape, IMAGE)

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return repeated(inputs, self.size)
        n, h, w, c = np.shape(inputs)
        tall, wide = (bilinear(k, times, inputs.dtype) for k, times in zip((h, w), self.size))
        rows = tall @ inputs.reshape(n, h, w * c)
        return (wide @ rows.reshape(n * len(tall), w, c)).reshape(n, len(tall), len(wide), c)

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, *inner, channels = input_shape
        return (batch, *(None if n is None else n * k for n, k in zip(inner, self.size)), channels)
