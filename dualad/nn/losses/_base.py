"""What all losses share: shapes, weights, reductions."""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from ... import _core
from ...errors import ParameterError, ShapeError
from .._names import Configured, snake, undefined
from ..config import floatx

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


def array(x: Any, dtype: Any = None) -> Any:
    """A traced or recorded value as it is; anything else as an array."""
    if _core.is_traced(x) or _core.is_recorded(x):
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)
    return np.asarray(x) if dtype is None else np.asarray(x, dtype=dtype)


def predictions(y: Any) -> Any:
    """Predictions as an array; lists and integers become `config.floatx`."""
    y = array(y)
    return y if y.dtype.kind == "f" else y.astype(floatx())


def same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Arrays whose ranks differ by a last axis of one element, with the same rank: ``(n,)`` beside ``(n, 1)`` becomes ``(n, 1)``; of higher ranks
    that axis is dropped."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, np.expand_dims(b, -1)) if b.ndim == 1 else (np.squeeze(a, -1), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (np.expand_dims(a, -1), b) if a.ndim == 1 else (a, np.squeeze(b, -1))
    return a, b


def pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Targets and predictions of one shape and of the predictions' type.

    Raises
    ------
    ShapeError
        Their shapes differ.
    """
    y_pred = predictions(y_pred)
    y_true, y_pred = same_rank(array(y_true, y_pred.dtype), y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(f"targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}")
    return y_true, y_pred


def weighted(values: Any, sample_weight: Any) -> Any:
    """Values times weights, which broadcast from the left: one weight a sample.

    Raises
    ------
    ShapeError
        The weights do not fit the values.
    """
    w = array(sample_weight, values.dtype)
    w, values = same_rank(w, values)
    if w.ndim > values.ndim or any(m not in (1, n) for m, n in zip(w.shape, values.shape)):
        raise ShapeError(f"sample weights of shape {np.shape(sample_weight)} do not fit values of shape {values.shape}: give one weight a sample")
    return values * np.reshape(w, w.shape + (1,) * (values.ndim - w.ndim))


def reduce(values: Any, sample_weight: Any, reduction: str | None) -> Any:
    """The values of samples as one number, as `reduction` says (see `Loss`)."""
    if sample_weight is not None:
        values = weighted(values, sample_weight)
    if reduction in ("none", None):
        return values
    total = np.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        sum_of_weights = np.sum(weighted(np.ones(values.shape, values.dtype), sample_weight))
        return total / np.where(sum_of_weights == 0, 1, sum_of_weights)
    return total / max(1, math.prod(values.shape))


class Loss(Configured):
    """Base of losses: a callable from targets and predictions to a number. Derive from it and define `call`.

    Parameters
    ----------
    reduction : {"sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None}
        The first two divide the (weighted) sum by the number of values, whatever the weights; "mean_with_sample_weight" divides by the sum of
        the weights; None leaves the values of the samples.
    name : str, optional

    Raises
    ------
    ParameterError
        Another reduction.
    """

    fields: tuple[str, ...] = ("reduction", "name")
    accepts: tuple[float, float] | None = None  # where the targets must lie
    instead = ""  # what to do about targets that do not

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        if reduction not in REDUCTIONS:
            raise ParameterError(f"reduction={reduction!r}; it is one of {', '.join(map(repr, REDUCTIONS))}")
        self.reduction, self.name = reduction, name or snake(type(self).__name__)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the samples."""
        raise undefined(self, "call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss.

        Parameters
        ----------
        y_true, y_pred : array (n, ...)
            Plain or traced, of one shape.
        sample_weight : array (n,), optional

        Returns
        -------
        scalar
            Of the predictions' type; an array where `reduction` is None.

        Raises
        ------
        ShapeError
            Shapes that do not fit.
        """
        return reduce(self.call(y_true, y_pred), sample_weight, self.reduction)


class FunctionLoss(Loss):
    """A loss from a function of targets and predictions to values of samples.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)``, plain NumPy.
    reduction, name
        As in `Loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> fourth = losses.FunctionLoss(lambda t, y: np.mean((y - t) ** 4, axis=-1), name="fourth")
    >>> float(fourth(np.zeros((2, 3)), np.full((2, 3), 2.0)))
    16.0
    """

    fields = ("function", "reduction", "name")

    def __init__(self, function: Callable[..., Any], reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        if not callable(function):
            raise ParameterError(f"FunctionLoss(function={function!r}); it takes a callable: pass custom_objects={{{function!r}: the_function}} when loading")
        super().__init__(reduction, name or getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the samples."""
        return self.function(y_true, y_pred)
