"""Initializers without randomness, and the base of all."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from ...errors import ShapeError
from .._names import Configured, undefined
from ..config import floatx

Shape = tuple[int, ...]
Draw = Callable[..., np.ndarray]


class Initializer(Configured):
    """Base of initializers: ``initializer(shape, dtype=None)`` gives an array."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """An array of the shape; `dtype` is `config.floatx` unless given."""
        return self.drawn_by(None)(shape, dtype)

    def drawn_by(self, generator: np.random.Generator | None) -> Draw:
        """A callable like this one whose random numbers come from `generator`, unless this one has a seed of its own."""

        def draw(shape: Any, dtype: Any = None) -> np.ndarray:
            shape = (shape,) if isinstance(shape, int) else tuple(shape)
            return np.asarray(self.values(shape, generator)).astype(dtype or floatx())

        return draw

    def values(self, shape: Shape, generator: np.random.Generator | None) -> np.ndarray:
        """The numbers in float64."""
        raise undefined(self, "values(self, shape, generator)")


class Zeros(Initializer):
    """Zeros.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> initializers.Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    def values(self, shape: Shape, generator: np.random.Generator | None) -> np.ndarray:
        """The numbers in float64."""
        return np.zeros(shape)


class Ones(Initializer):
    """Ones.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> initializers.Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    def values(self, shape: Shape, generator: np.random.Generator | None) -> np.ndarray:
        """The numbers in float64."""
        return np.ones(shape)


class Constant(Initializer):
    """One value, or an array that broadcasts to the shape.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> initializers.Constant(0.5)((2,), "float64")
    array([0.5, 0.5])
    """

    fields = ("value",)

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def values(self, shape: Shape, generator: np.random.Generator | None) -> np.ndarray:
        """The numbers in float64."""
        value = np.asarray(self.value, dtype=np.float64)
        try:
            return np.broadcast_to(value, shape)
        except ValueError:
            raise ShapeError(f"Constant has a value of shape {value.shape}, which does not broadcast to the weight's shape {shape}") from None


class Identity(Initializer):
    """`gain` times the identity matrix.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> initializers.Identity(2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    fields = ("gain",)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def values(self, shape: Shape, generator: np.random.Generator | None) -> np.ndarray:
        """The numbers in float64."""
        if len(shape) != 2:
            raise ShapeError(f"Identity makes matrices; the weight has the shape {shape}")
        return self.gain * np.eye(*shape)
