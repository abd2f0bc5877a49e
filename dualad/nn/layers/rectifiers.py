"""Activations as layers, with their options."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LayerError
from .. import activations, constraints, initializers, regularizers
from ..layer import Layer
from ._checks import not_negative, one_input, same_size


class _Same(Layer):
    """A layer whose outputs have the shape of its inputs."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def check_input(self, shape: Any) -> None:
        one_input(self, shape)


class ReLU(_Same):
    """`activations.relu` with its options.

    Parameters
    ----------
    max_value : float, optional
    negative_slope, threshold : float

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.ReLU(max_value=6.0, negative_slope=0.5)(np.array([[-2.0, 3.0, 9.0]], "float32")).tolist()
    [[-1.0, 3.0, 6.0]]
    """

    fields = ("max_value", "negative_slope", "threshold")

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else not_negative(self, "max_value", max_value)
        self.negative_slope, self.threshold = not_negative(self, "negative_slope", negative_slope), not_negative(self, "threshold", threshold)

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_Same):
    """`x` above zero, ``negative_slope * x`` below (Maas, Hannun and Ng, 2013).

    Parameters
    ----------
    negative_slope : float

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.LeakyReLU(negative_slope=0.5)(np.array([[-2.0, 3.0]], "float32")).tolist()
    [[-1.0, 3.0]]
    """

    fields = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = not_negative(self, "negative_slope", negative_slope)

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, self.negative_slope)


class PReLU(_Same):
    """`LeakyReLU` with a slope that is learnt for each feature (He, Zhang, Ren and Sun, 2015).

    Parameters
    ----------
    alpha_initializer, alpha_regularizer, alpha_constraint
        Of the slopes.
    shared_axes : list of int, optional
        Axes (from 1) along which the slope is the same: ``[1, 2]`` for one a channel of an image.

    Examples
    --------
    >>> from dualad import nn
    >>> layer = nn.layers.PReLU(shared_axes=[1, 2])
    >>> layer.build((None, 28, 28, 3))
    >>> layer.alpha.shape
    (1, 1, 3)
    """

    fields = ("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")

    def __init__(self, alpha_initializer: Any = "zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None, shared_axes: Any = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer, self.alpha_regularizer = initializers.get(alpha_initializer), regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = None if shared_axes is None else [int(a) for a in np.atleast_1d(shared_axes)]

    def build(self, input_shape: Any) -> None:
        one_input(self, input_shape)
        shared = self.shared_axes or []
        if any(not 1 <= a < len(input_shape) for a in shared):
            raise LayerError(f"{self.name}: shared_axes={shared}; the axes of a sample of the shape {input_shape} are 1 to {len(input_shape) - 1}")
        shape = [1 if axis in shared else n for axis, n in enumerate(input_shape)][1:]
        if None in shape:
            raise LayerError(f"{self.name} has one slope a feature and needs to know how many there are; got the shape {input_shape}: name the axes of "
                             "unknown length in shared_axes")
        self.alpha = self.add_weight(shape, self.alpha_initializer, "alpha", regularizer=self.alpha_regularizer, constraint=self.alpha_constraint)

    def check_input(self, shape: Any) -> None:
        one_input(self, shape)
        if len(shape) != self.alpha.ndim + 1:
            raise LayerError(f"the layer {self.name} takes inputs with {self.alpha.ndim + 1} axes; got the shape {shape}")
        for axis, n in enumerate(self.alpha.shape, 1):
            if axis not in (self.shared_axes or ()):
                same_size(self, shape, axis, n, f"features along axis {axis}")

    def call(self, inputs: Any) -> Any:
        return np.where(inputs > 0, inputs, self.alpha.value * inputs)


class ELU(_Same):
    """`activations.elu` with its option.

    Parameters
    ----------
    alpha : float

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.ELU(alpha=2.0)(np.array([[-100.0, 3.0]], "float32")).tolist()
    [[-2.0, 3.0]]
    """

    fields = ("alpha",)

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = not_negative(self, "alpha", alpha)

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, self.alpha)


class Softmax(_Same):
    """Softmax along one axis or several.

    Parameters
    ----------
    axis : int or list of int

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Softmax()(np.zeros((1, 4), "float32")).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """

    fields = ("axis",)

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else [int(a) for a in axis]

    def call(self, inputs: Any) -> Any:
        if isinstance(self.axis, int):
            return activations.softmax(inputs, axis=self.axis)
        axes = tuple(self.axis)
        e = np.exp(inputs - np.max(inputs, axis=axes, keepdims=True))
        return e / np.sum(e, axis=axes, keepdims=True)
