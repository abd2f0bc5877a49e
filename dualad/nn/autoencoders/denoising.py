"""Autoencoders that are given damaged samples, and trained to mend them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ParameterError
from .._names import lookup
from ..graph import mapped
from .base import Autoencoder

NOISES = {"gaussian": "gaussian", "masking": "masking", "salt_and_pepper": "salt_and_pepper"}


class DenoisingAutoencoder(Autoencoder):
    """While training, the input is damaged anew in each step; the target is what it was before.

    Parameters
    ----------
    encoder, decoder : Model, layer, or list of layers
    noise : {"gaussian", "masking", "salt_and_pepper"}
        Numbers from a normal distribution are added; elements are set to 0; elements are set to one of the two `limits`.
    level : float
        The standard deviation, or the part of the elements.
    limits : (low, high)
        Of the data, for salt and pepper.
    seed : int, optional
        Of the noise.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.DenoisingAutoencoder.dense(8, [4], noise="masking", level=0.5, seed=0)
    >>> model.compile(optimizer="adam", loss="mse")
    >>> x = np.ones((100, 8), "float32")
    >>> history = model.fit(x, epochs=2, verbose=0)
    >>> np.unique(model.corrupt(x)).tolist()
    [0.0, 1.0]

    Notes
    -----
    Vincent, Larochelle, Bengio and Manzagol (2008), *Extracting and composing robust features with denoising autoencoders*.
    """

    fields = ("encoder", "decoder", "noise", "level", "limits", "seed")

    def __init__(self, encoder: Any, decoder: Any, noise: str = "gaussian", level: float = 0.1, limits: Any = (0.0, 1.0), seed: int | None = None,
                 **kwargs: Any) -> None:
        super().__init__(encoder, decoder, **kwargs)
        self.noise, self.level, self.seed = lookup("noise", noise, NOISES), float(level), seed
        self.limits = tuple(float(x) for x in limits)
        if not 0 <= self.level < np.inf or (self.level > 1 and self.noise != "gaussian"):
            raise ParameterError(f"level={level!r}; it is a standard deviation of at least 0 for 'gaussian', else a part of the elements between 0 and 1")
        if len(self.limits) != 2 or not self.limits[0] < self.limits[1]:
            raise ParameterError(f"limits={limits!r}; the lowest and highest value of the data are needed, such as (0, 1)")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return super().call(mapped(self.corrupt, inputs) if training else inputs)

    def corrupt(self, x: Any) -> Any:
        """Samples with new noise, as the encoder gets them in training."""
        shape = np.shape(x)
        if self.noise == "gaussian":
            return x + self.level * self.draw("normal", shape)
        u = self.draw("uniform", shape)
        if self.noise == "masking":
            return x * (u >= self.level)
        low, high = self.limits
        return np.where(u < self.level / 2, np.asarray(low, u.dtype), np.where(u > 1 - self.level / 2, np.asarray(high, u.dtype), x))
