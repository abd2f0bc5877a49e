"""Metrics: streaming, weighted, in plain NumPy and float64 sums. ``update_state``, ``result``, ``reset_state`` as in Keras."""

from __future__ import annotations

from typing import Any

from .. import losses
from .._names import deserialize
from .._names import serialize as serialize
from ._base import Mean, MeanMetricWrapper, Metric, Sum
from ._classification import (
    AUC,
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    F1Score,
    Precision,
    Recall,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from ._regression import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    R2Score,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    cosine_similarity,
)

__all__ = [
    "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalAccuracy", "CategoricalCrossentropy", "CategoricalHinge",
    "CosineSimilarity", "F1Score", "Hinge", "Huber", "KLDivergence", "LogCoshError", "Mean", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanMetricWrapper", "MeanSquaredError", "MeanSquaredLogarithmicError", "Metric", "Poisson", "Precision", "R2Score", "Recall",
    "RootMeanSquaredError", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "SparseTopKCategoricalAccuracy", "SquaredHinge", "Sum",
    "TopKCategoricalAccuracy", "accuracy", "binary_accuracy", "categorical_accuracy", "cosine_similarity", "get", "serialize",
    "sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy", "top_k_categorical_accuracy",
]

_CLASSES: tuple[type[Metric], ...] = (
    Mean, Sum, MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, RootMeanSquaredError, R2Score, Huber,
    LogCoshError, Poisson, Hinge, SquaredHinge, CategoricalHinge, KLDivergence, CosineSimilarity, BinaryCrossentropy, BinaryFocalCrossentropy,
    CategoricalCrossentropy, SparseCategoricalCrossentropy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, Precision, Recall, F1Score, AUC)
_SHORT = {"mse": MeanSquaredError, "mae": MeanAbsoluteError, "mape": MeanAbsolutePercentageError, "msle": MeanSquaredLogarithmicError,
          "rmse": RootMeanSquaredError, "r2": R2Score, "kld": KLDivergence, "bce": BinaryCrossentropy, "log_cosh": LogCoshError, "f1": F1Score}
_BY_LOSS: dict[str, tuple[Any, Any, Any]] = {  # for one output, for integer labels, else
    "accuracy": (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy),
    "crossentropy": (BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy)}
_BY_LOSS |= {"acc": _BY_LOSS["accuracy"], "ce": _BY_LOSS["crossentropy"]}
METRICS: dict[str, Any] = {**{c.__name__: c for c in _CLASSES}, **_SHORT, **dict.fromkeys(_BY_LOSS), "Accuracy": Accuracy,
                           "MeanMetricWrapper": MeanMetricWrapper}


def get(identifier: Any, loss: Any = None, output_shape: tuple[int | None, ...] | None = None,
        custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric of a name, config, class, loss or function.

    Parameters
    ----------
    identifier : None, str, dict, Metric, Loss or callable
        ``"accuracy"`` (``"acc"``) and ``"crossentropy"`` (``"ce"``) depend on the other arguments; functions of ``(y_true, y_pred)`` to values of
        samples are averaged.
    loss : Loss or str, optional
        A sparse one means integer labels.
    output_shape : tuple, optional
        The model's; a last axis of 1 means yes-or-no answers.
    custom_objects : dict, optional
        Metrics of one's own by name, for loading.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ParameterError
        It is none of these, or the config does not fit.

    Examples
    --------
    >>> from dualad.nn import metrics
    >>> metrics.get("accuracy", "sparse_categorical_crossentropy", (None, 10))
    SparseCategoricalAccuracy(name='accuracy')
    """
    if isinstance(identifier, str) and identifier in _BY_LOSS:
        one, sparse, other = _BY_LOSS[identifier]
        if output_shape is not None and output_shape[-1] == 1:
            return one(name=identifier)
        return (sparse if isinstance(losses.get(loss), losses.SparseCategoricalCrossentropy) else other)(name=identifier)
    if isinstance(identifier, losses.Loss):
        return MeanMetricWrapper(identifier.call, identifier.name)
    if isinstance(identifier, dict) and identifier.get("class_name") == "MeanMetricWrapper" and custom_objects:
        config = identifier["config"]
        identifier = {**identifier, "config": {**config, "fn": custom_objects.get(config["fn"], config["fn"])}}
    found = deserialize("metric", identifier, METRICS, custom_objects)
    if isinstance(identifier, str) and identifier in _SHORT:
        found.name = identifier
    return found if found is None or isinstance(found, Metric) else MeanMetricWrapper(found)
