"""Layers that draw random numbers in training: dropout, noise, and the sampling of variational autoencoders."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import LayerError, ShapeError
from ..layer import Layer
from ._checks import axes, fraction, not_negative
from .rectifiers import _Same


class Dropout(_Same):
    """Sets a share of the inputs to zero in training and scales the others by ``1 / (1 - rate)``; nothing otherwise (Srivastava et al., 2014).

    Parameters
    ----------
    rate : float
        The share, from 0 to below 1 (at 1, all is dropped).
    noise_shape : tuple of int or None, optional
        The shape of the mask, with 1 for axes along which it is the same, and None for the size of the input.
    seed : int, optional
        Of the layer's own stream of random numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> y = nn.layers.Dropout(0.5, seed=1)(np.ones((1, 50), "float32"), training=True)
    >>> sorted(set(y[0].tolist()))
    [0.0, 2.0]
    """

    fields: tuple[str, ...] = ("rate", "noise_shape", "seed")

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = fraction(self, "rate", rate, closed=True)
        self.noise_shape = None if noise_shape is None else [None if n is None else int(n) for n in noise_shape]
        self.seed = seed

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the mask for inputs of a shape."""
        if self.noise_shape is None:
            return shape
        if len(self.noise_shape) != len(shape) or any(m not in (None, 1, n) for m, n in zip(self.noise_shape, shape)):
            raise ShapeError(f"{self.name}: the mask of shape {tuple(self.noise_shape)} (noise_shape) does not fit inputs of shape {shape}")
        return tuple(n if m is None else m for m, n in zip(self.noise_shape, shape))

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        return dropped(self, inputs, self.rate, self.mask_shape(np.shape(inputs)))


def dropped(layer: Layer, x: Any, rate: float, shape: tuple[int, ...]) -> Any:
    """`x` without a share of its elements."""
    if rate == 1:
        return x * 0
    return np.where(layer.draw("uniform", shape, x.dtype) >= rate, x * (1 / (1 - rate)), 0)


class _SpatialDropout(Dropout):
    """Drops whole channels."""

    fields = ("rate", "seed")
    wanted = ""

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)

    def check_input(self, shape: Any) -> None:
        axes(self, shape, self.wanted)

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0], *[1] * (len(shape) - 2), shape[-1])


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of sequences ``(batch, steps, channels)`` (Tompson et al., 2015).

    Parameters
    ----------
    rate : float
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> y = nn.layers.SpatialDropout1D(0.5, seed=1)(np.ones((1, 4, 3), "float32"), training=True)
    >>> bool((y == y[:, :1]).all())
    True
    """

    wanted = "(batch, steps, channels)"


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images ``(batch, height, width, channels)`` (Tompson et al., 2015).

    Parameters
    ----------
    rate : float
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> y = nn.layers.SpatialDropout2D(0.5, seed=1)(np.ones((1, 4, 4, 3), "float32"), training=True)
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    wanted = "(batch, height, width, channels)"


class GaussianNoise(_Same):
    """Adds normal noise of mean 0 in training; nothing otherwise.

    Parameters
    ----------
    stddev : float
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> x = np.zeros((1000, 10), "float32")
    >>> round(float(nn.layers.GaussianNoise(2.0, seed=1)(x, training=True).std()), 1)
    2.0
    """

    fields = ("stddev", "seed")

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev, self.seed = not_negative(self, "stddev", stddev), seed

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        return inputs + self.stddev * self.draw("normal", np.shape(inputs), inputs.dtype)


class GaussianDropout(_Same):
    """Multiplies by normal noise of mean 1 and variance ``rate / (1 - rate)`` in training; nothing otherwise (Srivastava et al., 2014).

    Parameters
    ----------
    rate : float
        From 0 to below 1.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> y = nn.layers.GaussianDropout(0.5, seed=1)(np.ones((1000, 10), "float32"), training=True)
    >>> round(float(y.mean()), 1), round(float(y.std()), 1)
    (1.0, 1.0)
    """

    fields = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.seed = fraction(self, "rate", rate), seed

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        return inputs * (1 + math.sqrt(self.rate / (1 - self.rate)) * self.draw("normal", np.shape(inputs), inputs.dtype))


ALPHA = -1.7580993408473766  # what selu tends to at minus infinity


class AlphaDropout(_Same):
    """Dropout to the lower limit of `selu` that keeps mean and variance (Klambauer et al., 2017).

    Parameters
    ----------
    rate : float
        From 0 to below 1.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> x = np.random.default_rng(0).standard_normal((1000, 10)).astype("float32")
    >>> round(float(nn.layers.AlphaDropout(0.3, seed=1)(x, training=True).std()), 1)
    1.0
    """

    fields = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.seed = fraction(self, "rate", rate), seed

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        q = self.rate
        a = ((1 - q) * (1 + q * ALPHA**2)) ** -0.5
        kept = self.draw("uniform", np.shape(inputs), inputs.dtype) >= q
        return np.where(kept, a * inputs - a * ALPHA * q, a * ALPHA * (1 - q))


class Sampling(Layer):
    """Draws codes from normal distributions: ``mean + exp(log_var / 2) * noise`` (the reparametrisation of Kingma and Welling, 2014).

    It takes the list ``[mean, log_var]`` and draws in prediction too; in a variational autoencoder predict with the mean to avoid that.

    Parameters
    ----------
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> z = nn.layers.Sampling(seed=1)([np.ones((1000, 2), "float32"), np.full((1000, 2), -2.0, "float32")])
    >>> round(float(z.mean()), 1), round(float(z.std()), 1)     # exp(-1) = 0.37
    (1.0, 0.4)
    """

    fields = ("seed",)

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed

    def check_input(self, shape: Any) -> None:
        if not isinstance(shape, list) or len(shape) != 2:
            raise LayerError(f"the layer {self.name} takes a list of two inputs, the mean and the logarithm of the variance; got the shape {shape}")
        if tuple(shape[0][1:]) != tuple(shape[1][1:]):
            raise ShapeError(f"the layer {self.name} takes a mean and a logarithm of the variance of the same shape; got {shape[0]} and {shape[1]}")

    def call(self, inputs: Any) -> Any:
        mean, log_var = inputs
        return mean + np.exp(0.5 * log_var) * self.draw("normal", np.shape(mean), mean.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]
