"""Penalties on weights and activities, in plain NumPy on plain or traced arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ParameterError, ShapeError
from ._names import Configured, deserialize, undefined
from ._names import serialize as serialize


def _factor(owner: str, name: str, x: Any) -> float:
    """A finite number that is not negative."""
    if isinstance(x, bool) or not isinstance(x, (int, float, np.number)) or not math.isfinite(x) or x < 0:
        raise ParameterError(f"{owner}({name}={x!r}); {name} must be a finite number of at least 0")
    return float(x)


class Regularizer(Configured):
    """Base of penalties: a callable from an array to a scalar. Derive from it, or pass any such function."""

    def __call__(self, x: Any) -> Any:
        """The penalty of an array."""
        raise undefined(self, "__call__(self, x)")


class L1L2(Regularizer):
    """``l1 * sum(|x|) + l2 * sum(x**2)``.

    Parameters
    ----------
    l1, l2 : float

    Raises
    ------
    ParameterError
        A negative or non-finite factor.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import regularizers
    >>> penalty = regularizers.L1L2(l1=0.5, l2=2.0)
    >>> float(penalty(np.array([1.0, -3.0])))
    22.0
    """

    fields: tuple[str, ...] = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        name = type(self).__name__
        self.l1, self.l2 = _factor(name, "l1", l1), _factor(name, "l2", l2)

    def __call__(self, x: Any) -> Any:
        """The penalty of an array."""
        absolute = self.l1 * np.sum(np.abs(x)) if self.l1 else 0.0
        squares = self.l2 * np.sum(np.square(x)) if self.l2 else 0.0
        return absolute + squares


class L1(L1L2):
    """``l1 * sum(|x|)``.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import regularizers
    >>> float(regularizers.L1(0.5)(np.array([1.0, -3.0])))
    2.0
    """

    fields = ("l1",)

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """``l2 * sum(x**2)``.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import regularizers
    >>> float(regularizers.L2(0.5)(np.array([1.0, -3.0])))
    5.0
    """

    fields = ("l2",)

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean absolute cosine between different rows (or columns) of a matrix.

    Parameters
    ----------
    factor : float
    mode : {"rows", "columns"}

    Raises
    ------
    ParameterError
        Another mode, a negative factor.
    ShapeError
        Called with anything but a matrix of at least two rows (columns).

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import regularizers
    >>> float(regularizers.OrthogonalRegularizer(factor=1.0)(np.eye(3)))
    0.0
    """

    fields = ("factor", "mode")

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ParameterError(f"OrthogonalRegularizer(mode={mode!r}); mode is 'rows' or 'columns'")
        self.factor, self.mode = _factor("OrthogonalRegularizer", "factor", factor), mode

    def __call__(self, x: Any) -> Any:
        """The penalty of a matrix."""
        size = np.shape(x)[0 if self.mode == "rows" else -1] if np.ndim(x) == 2 else 0
        if size < 2:
            raise ShapeError(f"OrthogonalRegularizer(mode={self.mode!r}) takes a matrix of at least two {self.mode}, not the shape {np.shape(x)}")
        vectors = x if self.mode == "rows" else np.transpose(x)
        unit = vectors / np.sqrt(np.sum(np.square(vectors), axis=1, keepdims=True))
        cosines = np.abs(unit @ np.transpose(unit)) * (1 - np.eye(size, dtype=x.dtype))
        return self.factor * 0.5 * np.sum(cosines) / (size * (size - 1) / 2)


REGULARIZERS: dict[str, Any] = {c.__name__: c for c in (L1, L2, L1L2, OrthogonalRegularizer)} | {"orthogonal": OrthogonalRegularizer}


def get(identifier: Any) -> Any:
    """The regularizer of a name, config or callable; None for None.

    Parameters
    ----------
    identifier : None, str, dict, callable
        ``"l2"``; ``{"class_name": "L2", "config": {"l2": 0.1}}``; any function from an array to a scalar.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ParameterError
        It is none of these, or the config does not fit.

    Examples
    --------
    >>> from dualad.nn import regularizers
    >>> regularizers.get("l2")
    L2(l2=0.01)
    """
    return deserialize("regularizer", identifier, REGULARIZERS)


# as they are called in Keras, too
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
