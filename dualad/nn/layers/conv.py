"""Convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LayerError, ShapeError
from .. import activations, constraints, initializers, regularizers
from ..layer import Layer
from ._checks import axes, channels_last, choice, positive, same_size, several
from ._convolve import convolve, depthwise, margins, output_size, reach
from .shaping import IMAGE, SEQUENCE


class _Convolution(Layer):
    """What all convolutions have in common; `rank` axes lie between batch and channels."""

    rank = 2
    paddings: tuple[str, ...] = ("valid", "same")
    channels: int
    fields: tuple[str, ...] = ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias",
                               "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
                               "bias_constraint")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
                 activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive(self, "filters", filters)
        self._window(kernel_size, strides, padding, data_format, dilation_rate)
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)

    def _window(self, kernel_size: Any, strides: Any, padding: str, data_format: Any, dilation_rate: Any) -> None:
        self.kernel_size = several(self, "kernel_size", kernel_size, self.rank)
        self.strides = several(self, "strides", strides, self.rank)
        self.dilation_rate = several(self, "dilation_rate", dilation_rate, self.rank)
        self.padding = choice(self, "padding", padding, self.paddings)
        channels_last(self, data_format)

    @property
    def wanted(self) -> str:
        """The shape of inputs, in words."""
        return IMAGE if self.rank == 2 else SEQUENCE

    def _channels(self, shape: Any) -> int:
        axes(self, shape, self.wanted)
        if shape[-1] is None:
            raise ShapeError(f"the layer {self.name} needs to know the number of channels, the last axis; got the shape {shape}")
        return int(shape[-1])

    def add_kernel(self, shape: tuple[int, ...], bias: int) -> None:
        """Makes the weights."""
        self.kernel = self.add_weight(shape, self.kernel_initializer, "kernel", regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        self.add_bias(bias)

    def add_bias(self, n: int) -> None:
        """Makes the bias, if there is one."""
        if self.use_bias:
            self.bias = self.add_weight((n,), self.bias_initializer, "bias", regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def check_input(self, shape: Any) -> None:
        self._channels(shape)
        same_size(self, shape, -1, self.channels, "channels")
        self.check_size(shape)

    def check_size(self, shape: Any) -> None:
        """Raises where images are smaller than the kernel."""
        axes(self, shape, self.wanted)
        for n, k, d in zip(shape[1:-1], self.kernel_size, self.dilation_rate):
            if n is not None and self.padding == "valid" and n < reach(k, d):
                raise ShapeError(f"the layer {self.name} has a kernel that spans {tuple(map(reach, self.kernel_size, self.dilation_rate))}, more than inputs "
                                 f"of the shape {shape} hold; padding='same' would add zeros around them")

    def padded(self, x: Any) -> Any:
        """The inputs as images, with the zeros that the padding asks for."""
        numbers = zip(np.shape(x)[1:-1], self.kernel_size, self.strides, self.dilation_rate)
        added = [margins(n, k, s, d, self.padding) for n, k, s, d in numbers]
        if any(sum(pair) for pair in added):
            x = np.pad(x, ((0, 0), *added, (0, 0)))
        return x[:, None] if self.rank == 1 else x

    def finished(self, out: Any) -> Any:
        """With bias and activation, in the rank of the inputs."""
        if self.rank == 1:
            out = out.reshape(out.shape[0], *out.shape[2:])
        return self.activation(out + self.bias.value if self.use_bias else out)

    def image_sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Strides and dilations with the axis that sequences have not."""
        return (1,) * (2 - self.rank) + self.strides, (1,) * (2 - self.rank) + self.dilation_rate

    def image_kernel(self, kernel: Any) -> Any:
        """The kernel of sequences with that axis."""
        return kernel[None] if self.rank == 1 else kernel

    def output_sizes(self, shape: Any) -> list[int | None]:
        """The axes between batch and channels of the outputs."""
        numbers = zip(shape[1:-1], self.kernel_size, self.strides, self.dilation_rate)
        return [output_size(n, k, s, d, self.padding) for n, k, s, d in numbers]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *self.output_sizes(input_shape), self.filters)


class _Conv(_Convolution):
    fields = (*_Convolution.fields, "groups")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
                 groups: int = 1, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, activation, **kwargs)
        self.groups = positive(self, "groups", groups)
        if self.filters % self.groups:
            raise LayerError(f"{type(self).__name__}: {self.filters} filters cannot be shared out among {self.groups} groups")

    def build(self, input_shape: Any) -> None:
        channels = self.channels = self._channels(input_shape)
        if channels % self.groups:
            raise ShapeError(f"the layer {self.name} has {self.groups} groups; the {channels} channels of inputs of the shape {input_shape} cannot be "
                             "shared out among them")
        self.add_kernel((*self.kernel_size, channels // self.groups, self.filters), self.filters)

    def call(self, inputs: Any) -> Any:
        x, kernel = self.padded(inputs), self.image_kernel(self.kernel.value)
        strides, dilation = self.image_sizes()
        if self.groups == 1:
            return self.finished(convolve(x, kernel, strides, dilation))
        c, f = kernel.shape[2], self.filters // self.groups
        parts = [convolve(x[..., g * c : g * c + c], kernel[..., g * f : g * f + f], strides, dilation) for g in range(self.groups)]
        return self.finished(np.concatenate(parts, axis=-1))


class Conv1D(_Conv):
    """Convolution of sequences ``(batch, steps, channels)``.

    Parameters
    ----------
    filters, kernel_size : int
    strides, dilation_rate : int
    padding : {"valid", "same", "causal"}
        Causal: output t depends on inputs up to t.
    groups : int
        Channels and filters in groups of their own.
    activation, use_bias, kernel_initializer, ... : as in `Dense`

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Conv1D(8, 3, strides=2, padding="same")(nn.Input((101, 4))).shape
    (None, 51, 8)
    """

    rank = 1
    paddings = ("valid", "same", "causal")


class Conv2D(_Conv):
    """Convolution of images ``(batch, height, width, channels)``.

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or (int, int)
        For height and width.
    padding : {"valid", "same"}
        Same: with zeros around the images, so that the outputs have their size divided by the strides, rounded up.
    data_format : None or "channels_last"
    groups : int
        Channels and filters in groups of their own.
    activation, use_bias, kernel_initializer, ... : as in `Dense`

    Raises
    ------
    ShapeError
        The images are smaller than the kernel, or have another number of channels than the first ones.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Conv2D(16, (3, 3), strides=2, padding="same", activation="relu")(nn.Input((28, 28, 1))).shape
    (None, 14, 14, 16)
    """


class _Depthwise(_Convolution):
    """Channels with kernels of their own."""

    def build(self, input_shape: Any) -> None:
        channels = self.channels = self._channels(input_shape)
        self.depthwise_kernel = self.add_weight((*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer, "depthwise_kernel",
                                                regularizer=self.depthwise_regularizer, constraint=self.depthwise_constraint)

    def _depth(self, multiplier: Any, initializer: Any, regularizer: Any, constraint: Any) -> None:
        self.depth_multiplier = positive(self, "depth_multiplier", multiplier)
        self.depthwise_initializer, self.depthwise_regularizer = initializers.get(initializer), regularizers.get(regularizer)
        self.depthwise_constraint = constraints.get(constraint)

    def _by_channel(self, inputs: Any) -> Any:
        return depthwise(self.padded(inputs), self.depthwise_kernel.value, *self.image_sizes())


class DepthwiseConv2D(_Depthwise):
    """Convolution of each channel of images with kernels of its own.

    Parameters
    ----------
    kernel_size, strides, dilation_rate : int or (int, int)
    padding : {"valid", "same"}
    depth_multiplier : int
        Kernels, and outputs, for each channel.
    activation, use_bias, depthwise_initializer, ... : as in `Dense`

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.DepthwiseConv2D(3, depth_multiplier=2)(nn.Input((28, 28, 4))).shape
    (None, 26, 26, 8)
    """

    fields = ("kernel_size", "strides", "padding", "depth_multiplier", "dilation_rate", "activation", "use_bias", "depthwise_initializer",
              "bias_initializer", "depthwise_regularizer", "bias_regularizer", "depthwise_constraint", "bias_constraint")

    def __init__(self, kernel_size: Any, strides: Any = 1, padding: str = "valid", depth_multiplier: int = 1, data_format: Any = None,
                 dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(1, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer=bias_initializer,
                         bias_regularizer=bias_regularizer, activity_regularizer=activity_regularizer, bias_constraint=bias_constraint, **kwargs)
        self._depth(depth_multiplier, depthwise_initializer, depthwise_regularizer, depthwise_constraint)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.add_bias(self.depth_multiplier * input_shape[-1])

    def call(self, inputs: Any) -> Any:
        return self.finished(self._by_channel(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *self.output_sizes(input_shape), self.depth_multiplier * input_shape[-1])


class SeparableConv2D(_Depthwise):
    """`DepthwiseConv2D`, then a product over the channels: a convolution with far fewer weights.

    Parameters
    ----------
    filters : int
    kernel_size, strides, dilation_rate : int or (int, int)
    padding : {"valid", "same"}
    depth_multiplier : int
    activation, use_bias, depthwise_initializer, pointwise_initializer, ... : as in `Dense`

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.SeparableConv2D(16, 3)(nn.Input((28, 28, 4))).shape
    (None, 26, 26, 16)
    """

    fields = ("filters", *DepthwiseConv2D.fields, "pointwise_initializer", "pointwise_regularizer", "pointwise_constraint")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
                 depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", depthwise_regularizer: Any = None,
                 pointwise_regularizer: Any = None, depthwise_constraint: Any = None, pointwise_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer=bias_initializer, **kwargs)
        self._depth(depth_multiplier, depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self.pointwise_initializer, self.pointwise_regularizer = initializers.get(pointwise_initializer), regularizers.get(pointwise_regularizer)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.pointwise_kernel = self.add_weight((1, 1, self.depth_multiplier * input_shape[-1], self.filters), self.pointwise_initializer,
                                                "pointwise_kernel", regularizer=self.pointwise_regularizer, constraint=self.pointwise_constraint)
        self.add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        return self.finished(convolve(self._by_channel(inputs), self.pointwise_kernel.value))
