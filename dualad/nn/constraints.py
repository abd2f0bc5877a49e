"""Constraints: what is done to a weight after each update."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ParameterError
from ._names import Configured, deserialize, undefined
from ._names import serialize as serialize
from .config import epsilon

Axis = int | tuple[int, ...]


def _axis(axis: Any) -> Axis:
    return tuple(int(a) for a in axis) if isinstance(axis, (list, tuple)) else int(axis)


def _norms(w: Any, axis: Axis) -> Any:
    return np.sqrt(np.sum(np.square(w), axis=axis, keepdims=True))


class Constraint(Configured):
    """Base of constraints: a callable from a weight to the weight that replaces it. Derive from it, or pass any such function."""

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """The weight within the constraint."""
        raise undefined(self, "__call__(self, w)")


class MaxNorm(Constraint):
    """Norms of at most `max_value` (Srivastava et al., 2014).

    Parameters
    ----------
    max_value : float
    axis : int or tuple of int
        Over which the norms are taken: 0 for a dense kernel's incoming weights.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import constraints
    >>> constraints.MaxNorm(1.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(6)
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    fields = ("max_value", "axis")

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        if not max_value >= 0:
            raise ParameterError(f"MaxNorm(max_value={max_value!r}); it must be at least 0")
        self.max_value, self.axis = max_value, _axis(axis)

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """The weight, where its norm is too large scaled down."""
        norms = _norms(w, self.axis)
        return w * (np.minimum(norms, self.max_value) / (epsilon() + norms))


class NonNeg(Constraint):
    """No negative weights.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import constraints
    >>> constraints.NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """The weight with zeros for what was negative."""
        return np.where(w < 0, 0, w).astype(w.dtype)


class UnitNorm(Constraint):
    """Norms of 1.

    Parameters
    ----------
    axis : int or tuple of int

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import constraints
    >>> constraints.UnitNorm()(np.array([[3.0], [4.0]])).round(6)
    array([[0.6],
           [0.8]])
    """

    fields = ("axis",)

    def __init__(self, axis: Any = 0) -> None:
        self.axis = _axis(axis)

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """The weight divided by its norms."""
        return w / (epsilon() + _norms(w, self.axis))


class MinMaxNorm(Constraint):
    """Norms between two bounds, or closer to them.

    Parameters
    ----------
    min_value, max_value : float
    rate : float
        1 enforces the bounds; less moves towards them.
    axis : int or tuple of int

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import constraints
    >>> constraints.MinMaxNorm(5.0, 10.0)(np.array([[0.6], [0.8]])).round(4)
    array([[3.],
           [4.]])
    """

    fields = ("min_value", "max_value", "rate", "axis")

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        if not 0 <= min_value <= max_value:
            raise ParameterError(f"MinMaxNorm(min_value={min_value!r}, max_value={max_value!r}); they must be ordered and at least 0")
        if not 0 <= rate <= 1:
            raise ParameterError(f"MinMaxNorm(rate={rate!r}); it must lie in [0, 1]")
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, _axis(axis)

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """The weight with its norms moved towards the bounds."""
        norms = _norms(w, self.axis)
        desired = self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (epsilon() + norms))


CONSTRAINTS: dict[str, Any] = {c.__name__: c for c in (MaxNorm, NonNeg, UnitNorm, MinMaxNorm)}


def get(identifier: Any) -> Any:
    """The constraint of a name, config or callable; None for None.

    Parameters
    ----------
    identifier : None, str, dict, callable

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ParameterError
        It is none of these, or the config does not fit.

    Examples
    --------
    >>> from dualad.nn import constraints
    >>> constraints.get("non_neg")
    NonNeg()
    """
    return deserialize("constraint", identifier, CONSTRAINTS)


# as they are called in Keras, too
max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
