"""Losses as metrics, and what else tells how far predictions are off."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ParameterError
from .. import losses
from ..losses._base import pair
from ._base import Mean, Metric, as_number, columns, numbers, of_function, ratio, spread_weights


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine between targets and predictions, 1 for equal directions.

    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]]))
    array([1.])
    """
    return -losses.cosine_similarity(y_true, y_pred, axis)


_LOGITS, _SMOOTHING = ("from_logits", False), ("label_smoothing", 0.0)
MeanSquaredError = of_function("MeanSquaredError", losses.mean_squared_error, "The mean of squared errors.")
MeanAbsoluteError = of_function("MeanAbsoluteError", losses.mean_absolute_error, "The mean of absolute errors.")
MeanAbsolutePercentageError = of_function("MeanAbsolutePercentageError", losses.mean_absolute_percentage_error, "The mean of relative errors in percent.")
MeanSquaredLogarithmicError = of_function("MeanSquaredLogarithmicError", losses.mean_squared_logarithmic_error,
                                          "The mean of squared differences of logarithms.")
Huber = of_function("Huber", losses.huber, "The mean of Huber's loss.", ("delta", 1.0))
LogCoshError = of_function("LogCoshError", losses.log_cosh, "The mean of log(cosh(error)).")
Poisson = of_function("Poisson", losses.poisson, "The mean negative log-likelihood of counts.")
Hinge = of_function("Hinge", losses.hinge, "The mean margin loss.")
SquaredHinge = of_function("SquaredHinge", losses.squared_hinge, "The mean squared margin loss.")
CategoricalHinge = of_function("CategoricalHinge", losses.categorical_hinge, "The mean margin loss for one-hot labels.")
KLDivergence = of_function("KLDivergence", losses.kl_divergence, "The mean Kullback-Leibler divergence.")
BinaryCrossentropy = of_function("BinaryCrossentropy", losses.binary_crossentropy, "The mean binary cross-entropy.", _LOGITS, _SMOOTHING)
BinaryFocalCrossentropy = of_function("BinaryFocalCrossentropy", losses.binary_focal_crossentropy, "The mean focal cross-entropy.",
                                      ("apply_class_balancing", False), ("alpha", 0.25), ("gamma", 2.0), _LOGITS, _SMOOTHING)
CategoricalCrossentropy = of_function("CategoricalCrossentropy", losses.categorical_crossentropy, "The mean cross-entropy of one-hot labels.",
                                      _LOGITS, _SMOOTHING, ("axis", -1))
SparseCategoricalCrossentropy = of_function("SparseCategoricalCrossentropy", losses.sparse_categorical_crossentropy,
                                            "The mean cross-entropy of integer labels.", _LOGITS, ("axis", -1))
CosineSimilarity = of_function("CosineSimilarity", cosine_similarity, "The mean cosine between targets and predictions.", ("axis", -1))


class RootMeanSquaredError(Mean):
    """The root of the mean of squared errors.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import metrics
    >>> metrics.RootMeanSquaredError()(np.zeros((1, 2)), np.array([[3.0, -3.0]]))
    3.0
    """

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Takes a batch in."""
        t, y = pair(numbers(y_true), numbers(y_pred))
        super().update_state(np.square(np.asarray(y, np.float64) - t), sample_weight)

    def result(self) -> float:
        """The root of the mean so far."""
        return math.sqrt(super().result())


class R2Score(Metric):
    """The coefficient of determination: 1 for perfect predictions, 0 for those no better than the mean.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average", None}
        How the scores of several columns become one; None leaves them.
    num_regressors : int
        Adjusts the score for the number of independent variables.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import metrics
    >>> metrics.R2Score()(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [2.0]]))
    0.5
    """

    fields = ("class_aggregation", "num_regressors", "name")

    def __init__(self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str | None = None) -> None:
        if class_aggregation not in ("uniform_average", "variance_weighted_average", None):
            raise ParameterError(f"R2Score(class_aggregation={class_aggregation!r}); it is 'uniform_average', 'variance_weighted_average' or None")
        if num_regressors < 0:
            raise ParameterError(f"R2Score(num_regressors={num_regressors!r}); it must be at least 0")
        super().__init__(name)
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors

    def initial(self) -> dict[str, Any]:
        """The state before any data."""
        return {"weight": 0.0, "mean": 0.0, "deviations": 0.0, "residuals": 0.0, "samples": 0.0}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch in. Deviations are kept around the running mean: sums of squares would cancel (Chan, Golub and LeVeque, 1983)."""
        t, y = pair(numbers(y_true), numbers(y_pred))
        t, y = (columns(np.asarray(a, np.float64)) for a in (t, y))
        self._check_columns("mean", t)
        w = np.array(spread_weights(sample_weight, t.shape))
        weight, before, mean_before = w.sum(axis=0), self._state["weight"], self._state["mean"]
        mean = ratio(np.sum(w * t, axis=0), weight)
        shift = mean - mean_before
        self._add(weight=weight, residuals=np.sum(w * np.square(y - t), axis=0), samples=len(t), mean=shift * ratio(weight, before + weight),
                  deviations=np.sum(w * np.square(t - mean), axis=0) + np.square(shift) * ratio(before * weight, before + weight))

    def result(self) -> Any:
        """The score so far; 0 before any data, and for columns without variance."""
        s = self._state
        total = np.asarray(s["deviations"], np.float64)
        score = np.where(total == 0, 0.0, 1 - ratio(s["residuals"], total))
        if self.class_aggregation == "uniform_average":
            score = score.mean()
        elif self.class_aggregation == "variance_weighted_average":
            score = ratio(np.sum(score * total), np.sum(total))
        if self.num_regressors and s["samples"] - self.num_regressors - 1 > 0:
            score = 1 - (1 - score) * (s["samples"] - 1) / (s["samples"] - self.num_regressors - 1)
        return as_number(score)
