"""Fully connected layers and activations."""

from __future__ import annotations

from typing import Any

from ...errors import LayerError, ShapeError
from .. import activations, constraints, initializers, regularizers
from ..layer import Layer
from ._checks import last_axis, positive, prepare


class Dense(Layer):
    """``activation(x @ kernel + bias)`` over the last axis.

    Parameters
    ----------
    units : int
        Outputs.
    activation : name or callable, optional
    use_bias : bool
    kernel_initializer, bias_initializer : name or Initializer
    kernel_regularizer, bias_regularizer, activity_regularizer : name or Regularizer, optional
    kernel_constraint, bias_constraint : name or Constraint, optional

    Examples
    --------
    >>> from dualad import nn
    >>> nn.Dense(32, activation="relu")(nn.Input((784,))).shape
    (None, 32)
    """

    fields = ("units", "activation", "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
              "bias_constraint")

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        n = last_axis(self, input_shape)
        self.kernel = self.add_weight((n, self.units), self.kernel_initializer, "kernel", regularizer=self.kernel_regularizer,
                                      constraint=self.kernel_constraint)
        if self.use_bias:
            self.bias = self.add_weight((self.units,), self.bias_initializer, "bias", regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def check_input(self, shape: Any) -> None:
        if last_axis(self, shape) != self.kernel.shape[0]:
            raise ShapeError(f"the layer {self.name} takes inputs with {self.kernel.shape[0]} numbers in the last axis; got the shape {shape}")

    def call(self, inputs: Any) -> Any:
        out = inputs @ self.kernel.value
        if self.use_bias:
            out = out + self.bias.value
        return self.activation(out)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)


class Activation(Layer):
    """A function of each element (softmax: of the last axis).

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.Activation("relu")(np.array([[-1.0, 2.0]], "float32")).tolist()
    [[0.0, 2.0]]
    """

    fields = ("activation",)

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class DenseTranspose(Layer):
    """``activation(x @ dense.kernel.T + bias)``: the mirror image of a Dense layer, with its kernel and a bias of its own (tied weights).

    Parameters
    ----------
    dense : Dense
        The layer whose kernel is used; it is called before this one, or `features` is given.
    activation : name or callable, optional
    use_bias : bool
    bias_initializer, bias_regularizer, bias_constraint : as in `Dense`
    features : int, optional
        How many numbers `dense` takes; needed where this layer is called first.

    Raises
    ------
    LayerError
        `dense` is no Dense layer, or has no kernel yet and `features` is not given.

    Examples
    --------
    >>> from dualad import nn
    >>> x = nn.Input((784,))
    >>> encode = nn.Dense(32, activation="relu")
    >>> nn.DenseTranspose(encode, activation="sigmoid")(encode(x)).shape
    (None, 784)
    """

    fields = ("dense", "activation", "use_bias", "bias_initializer", "bias_regularizer", "bias_constraint", "features")

    def __init__(self, dense: Dense, activation: Any = None, use_bias: bool = True, bias_initializer: Any = "zeros", bias_regularizer: Any = None,
                 bias_constraint: Any = None, features: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(dense, Dense):
            raise LayerError(f"DenseTranspose takes the Dense layer whose kernel it shares; got {type(dense).__name__}")
        self.dense = dense
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.bias_initializer, self.bias_regularizer = initializers.get(bias_initializer), regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.features = None if features is None else positive(self, "features", features)

    def build(self, input_shape: Any) -> None:
        if not self.dense.built:
            if self.features is None:
                raise LayerError(f"{self.name} shares the kernel of {self.dense.name}, which is not built yet: call {self.dense.name} first, or give features, "
                                 "the number of its inputs")
            prepare(self.dense, (None, self.features))
        self.features = int(self.dense.kernel.shape[0])
        if self.use_bias:
            self.bias = self.add_weight((self.features,), self.bias_initializer, "bias", regularizer=self.bias_regularizer,
                                        constraint=self.bias_constraint)

    def check_input(self, shape: Any) -> None:
        if last_axis(self, shape) != self.dense.units:
            raise ShapeError(f"the layer {self.name} takes inputs with {self.dense.units} numbers in the last axis, the units of {self.dense.name}; "
                             f"got the shape {shape}")

    def call(self, inputs: Any) -> Any:
        out = inputs @ self.dense.kernel.value.T
        return self.activation(out + self.bias.value if self.use_bias else out)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.features)
