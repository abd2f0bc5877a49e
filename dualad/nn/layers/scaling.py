"""Layers that scale their inputs by fixed numbers, by their norm, or by what data showed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...errors import LayerError
from ._checks import one_input, same_size
from .normalization import axes_of
from .rectifiers import _Same


class UnitNormalization(_Same):
    """Divides each sample by its Euclidean norm along an axis.

    Parameters
    ----------
    axis : int or list of int

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.UnitNormalization()(np.array([[3.0, 4.0]])).round(3).tolist()
    [[0.6, 0.8]]
    """

    fields = ("axis",)

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else [int(a) for a in axis]

    def call(self, inputs: Any) -> Any:
        axes = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        return inputs / np.sqrt(np.maximum(np.sum(np.square(inputs), axis=axes, keepdims=True), 1e-12))


class Rescaling(_Same):
    """``inputs * scale + offset``.

    Parameters
    ----------
    scale, offset : float

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Rescaling(1 / 255)(np.array([[0, 255]], "uint8")).tolist()
    [[0.0, 1.0]]
    """

    fields = ("scale", "offset")

    def __init__(self, scale: float, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale + self.offset


class Normalization(_Same):
    """``(inputs - mean) / sqrt(variance)`` with the mean and variance of data that it was shown.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes that keep a mean and a variance of their own; None: one for all numbers.
    mean, variance : float or array, optional
        When they are known.
    invert : bool
        The way back, from normalised to original numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> layer = nn.layers.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]]))
    >>> layer(np.array([[5.0]], "float32")).tolist()
    [[3.0]]
    """

    fields = ("axis", "mean", "variance", "invert")

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise LayerError("Normalization takes both mean and variance, or neither and then adapt(data)")
        self.axis = axis if axis is None or isinstance(axis, int) else [int(a) for a in axis]
        self.mean, self.variance, self.invert = mean, variance, invert

    def build(self, input_shape: Any) -> None:
        one_input(self, input_shape)
        self.kept = () if self.axis is None else tuple(sorted(axes_of(self, self.axis, input_shape)))
        self.kept_shape = tuple(input_shape[a] for a in self.kept)
        self.average = self.add_weight(self.kept_shape, "zeros", "mean", trainable=False)
        self.spread = self.add_weight(self.kept_shape, "ones", "variance", trainable=False)
        if self.mean is not None:
            for variable, given in ((self.average, self.mean), (self.spread, self.variance)):
                variable.assign(np.broadcast_to(np.asarray(given, self.dtype), self.kept_shape))

    def check_input(self, shape: Any) -> None:
        one_input(self, shape)
        for a, n in zip(self.kept, self.kept_shape):
            same_size(self, shape, a, n, f"numbers along axis {a}")

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Takes mean and variance from data.

        Parameters
        ----------
        data : array, or iterable of batches
        batch_size : ignored
            For code written for Keras.
        steps : int, optional
            How many batches of an iterable to take.

        Raises
        ------
        LayerError
            The data is empty, or mean and variance were given already.
        """
        if self.mean is not None:
            raise LayerError(f"{self.name} was given its mean and variance; adapt would replace them")
        count, total, squares = 0, np.zeros(()), np.zeros(())
        shift: Any = None
        for k, batch in enumerate([data] if hasattr(data, "shape") or not isinstance(data, Iterable) else data):
            if steps is not None and k == steps:
                break
            x = np.asarray(batch, float)
            if x.size == 0:
                continue
            self._ensure_built(x)
            rest = tuple(a for a in range(x.ndim) if a not in self.kept)
            shift = np.mean(x, axis=rest, keepdims=True) if shift is None else shift  # sums of squares near zero keep their digits
            count += x.size // max(1, int(np.prod(self.kept_shape)))
            total = total + np.sum(x - shift, axis=rest)
            squares = squares + np.sum(np.square(x - shift), axis=rest)
        if not count:
            raise LayerError(f"{self.name}.adapt got no data")
        mean = total / count
        self.average.assign((mean + shift.reshape(self.kept_shape)).astype(self.dtype))
        self.spread.assign((squares / count - mean**2).astype(self.dtype))

    def call(self, inputs: Any) -> Any:
        shape = np.shape(inputs)
        place = [shape[a] if a in self.kept else 1 for a in range(len(shape))]
        mean, spread = (v.value.reshape(place) for v in (self.average, self.spread))
        width = np.maximum(np.sqrt(spread), 1e-7)
        return inputs * width + mean if self.invert else (inputs - mean) / width
