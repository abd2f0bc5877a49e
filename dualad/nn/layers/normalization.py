"""Layers that bring numbers to a common scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LayerError, ShapeError
from .. import constraints, initializers, regularizers
from ..layer import Layer
from ..variables import Variable
from ._checks import fraction, not_negative, one_input, same_size
from .rectifiers import _Same


def axes_of(layer: Layer, axis: Any, shape: Any) -> tuple[int, ...]:
    """The axes, counted from the front."""
    one_input(layer, shape)
    found = tuple(a % len(shape) if -len(shape) <= a < len(shape) else len(shape) for a in np.atleast_1d(axis).tolist())
    if any(a in (0, len(shape)) for a in found):
        raise LayerError(f"{layer.name}: axis={axis}; the axes of a sample of the shape {shape} are 1 to {len(shape) - 1}, or -1 for the last")
    if any(shape[a] is None for a in found):
        raise ShapeError(f"the layer {layer.name} needs to know the size of axis {axis}; got the shape {shape}")
    return found


class _Scaled(_Same):
    """A normalisation with a learnt scale `gamma` and shift `beta`."""

    center: bool
    scale: bool
    gamma: Variable
    beta: Variable

    def options(self, center: bool, scale: bool, epsilon: float, **given: Any) -> None:
        """Sets what both kinds have in common."""
        self.center, self.scale, self.epsilon = center, scale, not_negative(self, "epsilon", epsilon)
        for name, what in given.items():
            module: Any = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}[name.split("_")[1]]
            setattr(self, name, module.get(what))

    def add_scale(self, shape: tuple[int, ...]) -> None:
        """Makes the weights."""
        for name, wanted in (("gamma", self.scale), ("beta", self.center)):
            if wanted:
                kind = {k: getattr(self, f"{name}_{k}") for k in ("initializer", "regularizer", "constraint")}
                setattr(self, name, self.add_weight(shape, kind["initializer"], name, regularizer=kind["regularizer"], constraint=kind["constraint"]))


class BatchNormalization(_Scaled):
    """Mean 0 and variance 1 for each feature over the batch, then ``gamma * x + beta`` (Ioffe and Szegedy, 2015).

    Outside of training, and with ``trainable = False``, moving averages take the place of the batch's mean and variance.

    Parameters
    ----------
    axis : int
        The axis of the features.
    momentum : float
        Moving averages become ``momentum * average + (1 - momentum) * batch``.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether there is a `beta`, a `gamma`.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer : name or Initializer
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : name or callable, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> y = nn.layers.BatchNormalization()(np.array([[1.0], [3.0]], "float32"), training=True)
    >>> np.round(y, 2).tolist()
    [[-1.0], [1.0]]
    """

    fields = ("axis", "momentum", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer", "moving_mean_initializer",
              "moving_variance_initializer", "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint")

    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
                 moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis, self.momentum = int(axis), fraction(self, "momentum", momentum, closed=True)
        self.options(center, scale, epsilon, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer, beta_regularizer=beta_regularizer,
                     gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint, gamma_constraint=gamma_constraint)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: Any) -> None:
        (axis,) = axes_of(self, self.axis, input_shape)
        n = (input_shape[axis],)
        self.add_scale(n)
        self.moving_mean = self.add_weight(n, self.moving_mean_initializer, "moving_mean", trainable=False)
        self.moving_variance = self.add_weight(n, self.moving_variance_initializer, "moving_variance", trainable=False)

    def check_input(self, shape: Any) -> None:
        (axis,) = axes_of(self, self.axis, shape)
        same_size(self, shape, axis, self.moving_mean.size, f"features along axis {self.axis}")

    def call(self, inputs: Any, training: bool = False) -> Any:
        rank = np.ndim(inputs)
        axis = self.axis % rank
        others = tuple(a for a in range(rank) if a != axis)

        def along(v: Any) -> Any:
            return v if axis == rank - 1 else v.reshape(-1, *[1] * (rank - 1 - axis))

        if training and self.trainable:
            mean = np.mean(inputs, axis=others)
            centered = inputs - along(mean)
            variance = np.mean(np.square(centered), axis=others)
            for average, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                average.assign(average.value * self.momentum + new * (1 - self.momentum))
        else:
            variance = self.moving_variance.value
            centered = inputs - along(self.moving_mean.value)
        factor = 1 / np.sqrt(variance + self.epsilon)
        out = centered * along(factor * self.gamma.value if self.scale else factor)
        return out + along(self.beta.value) if self.center else out


class LayerNormalization(_Scaled):
    """Mean 0 and variance 1 for each sample over some axes, then ``gamma * x + beta`` (Ba, Kiros and Hinton, 2016).

    Parameters
    ----------
    axis : int or list of int
        The axes over which to normalise.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether there is a `beta`, a `gamma`.
    beta_initializer, gamma_initializer : name or Initializer
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : name or callable, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> np.round(nn.layers.LayerNormalization()(np.array([[1.0, 3.0]], "float32")), 2).tolist()
    [[-1.0, 1.0]]
    """

    fields = ("axis", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer", "beta_regularizer", "gamma_regularizer",
              "beta_constraint", "gamma_constraint")

    def __init__(self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
                 gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else [int(a) for a in axis]
        self.options(center, scale, epsilon, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer, beta_regularizer=beta_regularizer,
                     gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint, gamma_constraint=gamma_constraint)

    def build(self, input_shape: Any) -> None:
        self.sizes = [input_shape[a] for a in sorted(axes_of(self, self.axis, input_shape))]
        self.add_scale(tuple(self.sizes))

    def check_input(self, shape: Any) -> None:
        for a, n in zip(sorted(axes_of(self, self.axis, shape)), self.sizes):
            same_size(self, shape, a, n, f"numbers along axis {a}")

    def call(self, inputs: Any) -> Any:
        shape = np.shape(inputs)
        axes = tuple(a % len(shape) for a in np.atleast_1d(self.axis).tolist())
        place = [shape[a] if a in axes else 1 for a in range(min(axes), len(shape))]

        def along(v: Any) -> Any:
            return v if v.ndim == len(place) else v.reshape(place)

        centered = inputs - np.mean(inputs, axis=axes, keepdims=True)
        out = centered / np.sqrt(np.mean(np.square(centered), axis=axes, keepdims=True) + self.epsilon)
        if self.scale:
            out = out * along(self.gamma.value)
        return out + along(self.beta.value) if self.center else out
