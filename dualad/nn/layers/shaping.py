"""Layers that rearrange, repeat, pad and crop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import LayerError, ShapeError
from ..layer import Layer
from ._checks import axes, one_input, positive, sides

SEQUENCE, IMAGE = "(batch, steps, channels)", "(batch, height, width, channels)"


class _Rearranging(Layer):
    def check_input(self, shape: Any) -> None:
        one_input(self, shape)


class Flatten(_Rearranging):
    """Each sample as a vector.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Flatten()(nn.Input((28, 28, 3))).shape
    (None, 2352)
    """

    def call(self, inputs: Any) -> Any:
        shape = np.shape(inputs)
        return inputs.reshape(shape[0], math.prod(shape[1:]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        rest = input_shape[1:]
        return (input_shape[0], None if None in rest else math.prod(rest))


class Reshape(_Rearranging):
    """Each sample in another shape.

    Parameters
    ----------
    target_shape : tuple of int
        Of a sample, without the batch; one number may be -1, for what is left.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Reshape((7, -1))(nn.Input((28,))).shape
    (None, 7, 4)
    """

    fields = ("target_shape",)

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = (target_shape,) if hasattr(target_shape, "__index__") else tuple(target_shape)
        if any(not hasattr(n, "__index__") or n < -1 or n == 0 for n in given) or sum(n == -1 for n in given) > 1:
            raise LayerError(f"Reshape: target_shape={target_shape!r}; whole numbers of at least 1 are needed, and -1 at most once")
        self.target_shape = tuple(int(n) for n in given)

    def check_input(self, shape: Any) -> None:
        super().check_input(shape)
        if None not in shape[1:]:
            size, known = math.prod(shape[1:]), math.prod(n for n in self.target_shape if n != -1)
            if size % known or (size != known and -1 not in self.target_shape):
                raise ShapeError(f"the layer {self.name} makes samples of shape {self.target_shape}; the {size} numbers of a sample of the shape "
                                 f"{shape} cannot be arranged so")

    def call(self, inputs: Any) -> Any:
        shape = np.shape(inputs)
        return inputs.reshape(shape[0], *self._filled(shape[1:]))

    def _filled(self, rest: Any) -> tuple[Any, ...]:
        known = math.prod(n for n in self.target_shape if n != -1)
        left = None if None in rest else math.prod(rest) // known
        return tuple(left if n == -1 else n for n in self.target_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *self._filled(input_shape[1:]))


class Permute(_Rearranging):
    """The axes of each sample in another order.

    Parameters
    ----------
    dims : tuple of int
        The axes from 1 on: ``(2, 1)`` exchanges the first two of a sample.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Permute((3, 1, 2))(nn.Input((28, 14, 3))).shape
    (None, 3, 28, 14)
    """

    fields = ("dims",)

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(int(d) for d in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise LayerError(f"Permute: dims={dims!r}; each of the numbers 1 to {len(self.dims)} is needed once")

    def check_input(self, shape: Any) -> None:
        super().check_input(shape)
        if len(shape) != len(self.dims) + 1:
            raise ShapeError(f"the layer {self.name} takes samples with {len(self.dims)} axes; got the shape {shape}")

    def call(self, inputs: Any) -> Any:
        return np.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *(input_shape[d] for d in self.dims))


class RepeatVector(Layer):
    """A sequence that repeats each sample `n` times: what a decoder of sequences starts from.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.RepeatVector(5)(nn.Input((32,))).shape
    (None, 5, 32)
    """

    fields = ("n",)

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = positive(self, "n", n)

    def check_input(self, shape: Any) -> None:
        axes(self, shape, "(batch, features)")

    def call(self, inputs: Any) -> Any:
        batch, features = np.shape(inputs)
        return np.copy(np.broadcast_to(inputs[:, None, :], (batch, self.n, features)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], self.n, input_shape[1])


class _Padding(Layer):
    """Zeros around the axes between batch and channels."""

    fields = ("padding",)
    wanted = ""

    def __init__(self, padding: Any = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = sides(self, "padding", padding, self.wanted.count(",") - 1)

    def check_input(self, shape: Any) -> None:
        axes(self, shape, self.wanted)

    def call(self, inputs: Any) -> Any:
        return np.pad(inputs, ((0, 0), *self.padding, (0, 0)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        inner = (None if n is None else n + a + b for n, (a, b) in zip(input_shape[1:-1], self.padding))
        return (input_shape[0], *inner, input_shape[-1])


class ZeroPadding1D(_Padding):
    """Zeros before and after sequences ``(batch, steps, channels)``.

    Parameters
    ----------
    padding : int or (int, int)
        On both sides, or before and after.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.ZeroPadding1D((2, 1))(nn.Input((10, 3))).shape
    (None, 13, 3)
    """

    wanted = SEQUENCE


class ZeroPadding2D(_Padding):
    """Zeros around images ``(batch, height, width, channels)``.

    Parameters
    ----------
    padding : int, (int, int) or ((int, int), (int, int))
        On all sides; for height and width; or top, bottom, left, right in two pairs.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.ZeroPadding2D(((1, 0), (2, 2)))(nn.Input((10, 10, 3))).shape
    (None, 11, 14, 3)
    """

    wanted = IMAGE


class _Cropping(Layer):
    """Takes the ends of the axes between batch and channels off."""

    fields = ("cropping",)
    wanted = ""

    def __init__(self, cropping: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = sides(self, "cropping", cropping, self.wanted.count(",") - 1)

    def check_input(self, shape: Any) -> None:
        axes(self, shape, self.wanted)
        for n, (a, b) in zip(shape[1:-1], self.cropping):
            if n is not None and a + b >= n:
                raise ShapeError(f"the layer {self.name} crops {self.cropping}, which leaves nothing of inputs of the shape {shape}")

    def call(self, inputs: Any) -> Any:
        inner = (slice(a, n - b) for n, (a, b) in zip(np.shape(inputs)[1:-1], self.cropping))
        return inputs[(slice(None), *inner)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        inner = (None if n is None else n - a - b for n, (a, b) in zip(input_shape[1:-1], self.cropping))
        return (input_shape[0], *inner, input_shape[-1])


class Cropping1D(_Cropping):
    """Sequences ``(batch, steps, channels)`` without their first and last steps.

    Parameters
    ----------
    cropping : int or (int, int)
        On both sides, or before and after.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Cropping1D(2)(nn.Input((10, 3))).shape
    (None, 6, 3)
    """

    wanted = SEQUENCE

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, **kwargs)


class Cropping2D(_Cropping):
    """Images ``(batch, height, width, channels)`` without their margins.

    Parameters
    ----------
    cropping : int, (int, int) or ((int, int), (int, int))
        On all sides; of height and width; or top, bottom, left, right in two pairs.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Cropping2D(((1, 0), (2, 2)))(nn.Input((10, 10, 3))).shape
    (None, 9, 6, 3)
    """

    wanted = IMAGE

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), **kwargs: Any) -> None:
        super().__init__(cropping, **kwargs)
