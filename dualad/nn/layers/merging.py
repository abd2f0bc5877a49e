"""Layers of several inputs, and functions that make and call them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LayerError, ShapeError
from .._names import undefined
from ..layer import Layer


class _Merge(Layer):
    """Takes a list of inputs whose shapes can be broadcast against each other."""

    least, most = 1, 0  # how many inputs; most 0: any number

    def check_input(self, shape: Any) -> None:
        n = len(shape) if isinstance(shape, list) else 0
        if n < self.least or (self.most and n > self.most):
            wanted = f"exactly {self.most}" if self.most else f"at least {self.least}"
            raise LayerError(f"the layer {self.name} takes a list of inputs, {wanted}; got {f'{n} of them' if n else f'one of shape {shape}'}")
        self.check_shapes(shape)

    def check_shapes(self, shapes: list[Any]) -> None:
        """Raises where the inputs do not fit each other."""
        self._broadcast(shapes)

    def _broadcast(self, shapes: list[Any]) -> tuple[Any, ...]:
        rank = max(len(s) for s in shapes)
        out: list[Any] = []
        for axis in range(-rank, 0):
            sizes = [s[axis] for s in shapes if len(s) >= -axis]
            known = {n for n in sizes if n not in (None, 1)}
            if len(known) > 1:
                raise ShapeError(f"the layer {self.name} takes inputs of the same shape; got {', '.join(map(str, shapes))}")
            out.append(known.pop() if known else None if None in sizes else 1)
        return tuple(out)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._broadcast(input_shape)

    def call(self, inputs: Any) -> Any:
        out = inputs[0]
        for x in inputs[1:]:
            out = self.merged(out, x)
        return out

    def merged(self, a: Any, b: Any) -> Any:
        """Two inputs as one."""
        raise undefined(self, "merged(self, a, b)")


class Add(_Merge):
    """The sum of inputs.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Add()([np.ones((1, 2), "float32"), np.ones((1, 2), "float32")]).tolist()
    [[2.0, 2.0]]
    """

    def merged(self, a: Any, b: Any) -> Any:
        return a + b


class Subtract(_Merge):
    """The first of two inputs without the second.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Subtract()([np.ones((1, 2), "float32"), np.ones((1, 2), "float32")]).tolist()
    [[0.0, 0.0]]
    """

    least = most = 2

    def merged(self, a: Any, b: Any) -> Any:
        return a - b


class Multiply(_Merge):
    """The product of inputs, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Multiply()([np.full((1, 2), 3.0), np.full((1, 2), 2.0)]).tolist()
    [[6.0, 6.0]]
    """

    def merged(self, a: Any, b: Any) -> Any:
        return a * b


class Average(Add):
    """The mean of inputs.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Average()([np.full((1, 2), 3.0), np.full((1, 2), 1.0)]).tolist()
    [[2.0, 2.0]]
    """

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) / len(inputs)


class Maximum(_Merge):
    """The largest of the inputs, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Maximum()([np.array([[1.0, 5.0]]), np.array([[2.0, 3.0]])]).tolist()
    [[2.0, 5.0]]
    """

    def merged(self, a: Any, b: Any) -> Any:
        return np.maximum(a, b)


class Minimum(_Merge):
    """The smallest of the inputs, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Minimum()([np.array([[1.0, 5.0]]), np.array([[2.0, 3.0]])]).tolist()
    [[1.0, 3.0]]
    """

    def merged(self, a: Any, b: Any) -> Any:
        return np.minimum(a, b)


class Concatenate(_Merge):
    """Inputs one after the other along an axis.

    Parameters
    ----------
    axis : int

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Concatenate()([nn.Input((3,)), nn.Input((4,))]).shape
    (None, 7)
    """

    fields = ("axis",)

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = int(axis)

    def check_shapes(self, shapes: list[Any]) -> None:
        rank = len(shapes[0])
        if not -rank <= self.axis < rank or self.axis % rank == 0:
            raise LayerError(f"{self.name}: axis={self.axis}; the axes of samples of the shape {shapes[0]} are 1 to {rank - 1}, or -1 for the last")
        for s in shapes[1:]:
            if len(s) != rank or any(m is not None and n is not None and m != n and k != self.axis % rank for k, (m, n) in enumerate(zip(shapes[0], s))):
                raise ShapeError(f"the layer {self.name} takes inputs of the same shape but for axis {self.axis}; got {', '.join(map(str, shapes))}")

    def call(self, inputs: Any) -> Any:
        return np.concatenate(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        out = [next((s[k] for s in input_shape if s[k] is not None), None) for k in range(len(input_shape[0]))]
        sizes = [s[self.axis] for s in input_shape]
        out[self.axis] = None if None in sizes else sum(sizes)
        return tuple(out)


class Dot(_Merge):
    """Products of two inputs, summed along an axis of each, sample by sample.

    Parameters
    ----------
    axes : int or (int, int)
        Of the first and the second input, the batch being axis 0.
    normalize : bool
        Divides by the norms along these axes: the cosine of vectors.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Dot(axes=(1, 2))([nn.Input((3, 5)), nn.Input((2, 3))]).shape
    (None, 5, 2)
    """

    fields = ("axes", "normalize")
    least = most = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes = axes if isinstance(axes, int) else [int(a) for a in axes]
        if isinstance(self.axes, list) and len(self.axes) != 2:
            raise LayerError(f"Dot: axes={axes!r}; one axis, or one for each of the two inputs, is needed")
        self.normalize = normalize

    def _pair(self, shapes: Any) -> tuple[int, int]:
        given = [self.axes, self.axes] if isinstance(self.axes, int) else self.axes
        for a, s in zip(given, shapes):
            if not -len(s) <= a < len(s) or a % len(s) == 0:
                raise LayerError(f"{self.name}: axes={self.axes}; the axes of samples of the shape {s} are 1 to {len(s) - 1}, or -1 for the last")
        return given[0] % len(shapes[0]), given[1] % len(shapes[1])

    def check_shapes(self, shapes: list[Any]) -> None:
        i, j = self._pair(shapes)
        m, n = shapes[0][i], shapes[1][j]
        if m is not None and n is not None and m != n:
            raise ShapeError(f"the layer {self.name} multiplies along axes of the same size; got {m} in {shapes[0]} and {n} in {shapes[1]}")

    def call(self, inputs: Any) -> Any:
        a, b = inputs
        i, j = self._pair([np.shape(a), np.shape(b)])
        if self.normalize:
            a, b = (x / np.sqrt(np.maximum(np.sum(np.square(x), axis=k, keepdims=True), 1e-12)) for x, k in ((a, i), (b, j)))
        a, b = np.moveaxis(a, i, -1), np.moveaxis(b, j, -1)
        batch, *left, k = np.shape(a)
        right = np.shape(b)[1:-1]
        out = a.reshape(batch, -1, k) @ np.swapaxes(b.reshape(batch, -1, k), 1, 2)
        return out.reshape(batch, *(*left, *right) or (1,))

    def compute_output_shape(self, input_shape: Any) -> Any:
        i, j = self._pair(input_shape)
        rest = [n for k, n in enumerate(input_shape[0]) if k not in (0, i)] + [n for k, n in enumerate(input_shape[1]) if k not in (0, j)]
        return (input_shape[0][0], *(rest or [1]))


def add(inputs: Any, **kwargs: Any) -> Any:
    """``Add(**kwargs)(inputs)``."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any, normalize: bool = False, **kwargs: Any) -> Any:
    """``Dot(axes, normalize, **kwargs)(inputs)``."""
    return Dot(axes, normalize, **kwargs)(inputs)
