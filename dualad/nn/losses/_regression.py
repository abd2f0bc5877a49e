"""Losses between numbers: squared, absolute and relative errors, directions, counts, margins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ParameterError
from ..activations import relu, softplus
from ..config import epsilon
from ._base import Loss, pair


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """``mean((y_pred - y_true)**2)`` over the last axis.

    >>> mean_squared_error(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    array([5.])
    """
    t, y = pair(y_true, y_pred)
    return np.mean(np.square(y - t), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """``mean(|y_pred - y_true|)`` over the last axis.

    >>> mean_absolute_error(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    array([2.])
    """
    t, y = pair(y_true, y_pred)
    return np.mean(np.abs(y - t), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """``100 * mean(|(y_pred - y_true) / y_true|)`` over the last axis, with denominators of at least `config.epsilon`.

    >>> mean_absolute_percentage_error(np.array([[1.0, 2.0]]), np.array([[2.0, 2.0]]))
    array([50.])
    """
    t, y = pair(y_true, y_pred)
    return 100.0 * np.mean(np.abs((t - y) / np.maximum(np.abs(t), epsilon())), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """``mean((log(1 + y_pred) - log(1 + y_true))**2)`` over the last axis; negative numbers count as 0.

    >>> mean_squared_logarithmic_error(np.array([[0.0]]), np.array([[np.e - 1]])).round(4)
    array([1.])
    """
    t, y = pair(y_true, y_pred)
    return np.mean(np.square(np.log1p(np.maximum(y, epsilon())) - np.log1p(np.maximum(t, epsilon()))), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Squares of errors up to `delta`, linear beyond (Huber, 1964); the mean over the last axis.

    >>> huber(np.zeros((1, 2)), np.array([[1.0, 3.0]]))
    array([1.5])
    """
    t, y = pair(y_true, y_pred)
    error = y - t
    size = np.abs(error)
    return np.mean(np.where(size <= delta, 0.5 * np.square(error), delta * size - 0.5 * delta**2), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """``mean(log(cosh(y_pred - y_true)))`` over the last axis.

    >>> log_cosh(np.zeros((1, 1)), np.array([[1000.0]])).round(4)
    array([999.3069])
    """
    t, y = pair(y_true, y_pred)
    error = y - t
    return np.mean(error + softplus(-2.0 * error) - math.log(2.0), axis=-1)


def _unit(x: Any, axis: int) -> Any:
    return x / np.sqrt(np.maximum(np.sum(np.square(x), axis=axis, keepdims=True), 1e-12))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine between targets and predictions: -1 for equal directions.

    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]]))
    array([-1.])
    """
    t, y = pair(y_true, y_pred)
    return -np.sum(_unit(t, axis) * _unit(y, axis), axis=axis)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """``mean(y_pred - y_true * log(y_pred))`` over the last axis: the negative log-likelihood of counts.

    >>> poisson(np.array([[2.0]]), np.array([[1.0]])).round(4)
    array([1.])
    """
    t, y = pair(y_true, y_pred)
    return np.mean(y - t * np.log(y + epsilon()), axis=-1)


def _signs(t: Any) -> Any:
    """Labels of -1 and 1; where all are 0 or 1, 0 becomes -1. A selection, so that programs can recompute it."""
    binary = np.all((t == 0) | (t == 1))
    return np.where(binary, 2 * t - 1, t)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """``mean(max(1 - y_true * y_pred, 0))`` over the last axis, for labels -1 and 1 (or 0 and 1).

    >>> hinge(np.array([[-1.0, 1.0]]), np.array([[0.5, 0.5]]))
    array([1.])
    """
    t, y = pair(y_true, y_pred)
    return np.mean(relu(1 - _signs(t) * y), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """``mean(max(1 - y_true * y_pred, 0)**2)`` over the last axis, for labels -1 and 1 (or 0 and 1).

    >>> squared_hinge(np.array([[-1.0, 1.0]]), np.array([[0.5, 0.5]]))
    array([1.25])
    """
    t, y = pair(y_true, y_pred)
    return np.mean(np.square(relu(1 - _signs(t) * y)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """``max(1 + highest wrong score - right score, 0)``, for one-hot labels.

    >>> categorical_hinge(np.array([[0.0, 1.0]]), np.array([[0.5, 0.75]]))
    array([0.75])
    """
    t, y = pair(y_true, y_pred)
    return relu(np.max((1 - t) * y, axis=-1) - np.sum(t * y, axis=-1) + 1)


class MeanSquaredError(Loss):
    """The mean of squared errors.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> float(losses.MeanSquaredError()(np.zeros((2, 2)), np.array([[1.0, 3.0], [0.0, 0.0]])))
    2.5
    """

    call = staticmethod(mean_squared_error)


class MeanAbsoluteError(Loss):
    """The mean of absolute errors (see `mean_absolute_error`)."""

    call = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(Loss):
    """The mean of relative errors in percent (see `mean_absolute_percentage_error`)."""

    call = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(Loss):
    """The mean of squared differences of logarithms (see `mean_squared_logarithmic_error`)."""

    call = staticmethod(mean_squared_logarithmic_error)
    accepts, instead = (0.0, math.inf), "use 'mean_squared_error'"


class Huber(Loss):
    """Squares of small errors, absolute values of large ones (see `huber`).

    Parameters
    ----------
    delta : float
        Where one passes into the other.
    reduction, name
        As in `Loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> float(losses.Huber(delta=2.0)(np.zeros((1, 2)), np.array([[1.0, 3.0]])))
    2.25
    """

    fields = ("delta", "reduction", "name")

    def __init__(self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        if not delta > 0:
            raise ParameterError(f"Huber(delta={delta!r}); it must be positive")
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the samples."""
        return huber(y_true, y_pred, self.delta)


class LogCosh(Loss):
    """The mean of ``log(cosh(error))`` (see `log_cosh`)."""

    call = staticmethod(log_cosh)


class CosineSimilarity(Loss):
    """Minus the cosine between targets and predictions (see `cosine_similarity`).

    Parameters
    ----------
    axis : int
    reduction, name
        As in `Loss`.
    """

    fields = ("axis", "reduction", "name")

    def __init__(self, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the samples."""
        return cosine_similarity(y_true, y_pred, self.axis)


class Poisson(Loss):
    """The negative log-likelihood of counts (see `poisson`)."""

    call = staticmethod(poisson)
    accepts, instead = (0.0, math.inf), "use 'mean_squared_error'"


class Hinge(Loss):
    """The margin loss for labels -1 and 1 (see `hinge`)."""

    call = staticmethod(hinge)
    accepts, instead = (-1.0, 1.0), "give labels -1 and 1, or 0 and 1"


class SquaredHinge(Loss):
    """The squared margin loss for labels -1 and 1 (see `squared_hinge`)."""

    call = staticmethod(squared_hinge)
    accepts, instead = (-1.0, 1.0), "give labels -1 and 1, or 0 and 1"


class CategoricalHinge(Loss):
    """The margin loss for one-hot labels (see `categorical_hinge`)."""

    call = staticmethod(categorical_hinge)
    accepts, instead = (0.0, 1.0), "give one-hot labels"
