"""Losses: functions to the values of samples, and classes that weigh and reduce them. Plain NumPy on plain or traced arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._names import deserialize
from .._names import serialize as serialize
from ._base import FunctionLoss, Loss, reduce
from ._probability import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    sparse_categorical_crossentropy,
)
from ._regression import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    squared_hinge,
)

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity", "FunctionLoss", "Hinge",
    "Huber", "KLDivergence", "LogCosh", "Loss", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge", "binary_crossentropy", "binary_focal_crossentropy",
    "categorical_crossentropy", "categorical_hinge", "check_targets", "cosine_similarity", "get", "hinge", "huber", "kl_divergence", "log_cosh",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "reduce", "serialize",
    "sparse_categorical_crossentropy", "squared_hinge",
]

_CLASSES: dict[str, type[Loss]] = {c.__name__: c for c in (
    MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, Huber, LogCosh, CosineSimilarity, Poisson, Hinge,
    SquaredHinge, CategoricalHinge, KLDivergence, BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy)}
_ALIASES = {"mse": MeanSquaredError, "mae": MeanAbsoluteError, "mape": MeanAbsolutePercentageError, "msle": MeanSquaredLogarithmicError,
            "kld": KLDivergence, "bce": BinaryCrossentropy}
LOSSES: dict[str, Any] = {**_CLASSES, **_ALIASES, "FunctionLoss": FunctionLoss}
_FUNCTIONS = {f: _CLASSES[name] for name, f in {
    "MeanSquaredError": mean_squared_error, "MeanAbsoluteError": mean_absolute_error, "MeanAbsolutePercentageError": mean_absolute_percentage_error,
    "MeanSquaredLogarithmicError": mean_squared_logarithmic_error, "Huber": huber, "LogCosh": log_cosh, "CosineSimilarity": cosine_similarity,
    "Poisson": poisson, "Hinge": hinge, "SquaredHinge": squared_hinge, "CategoricalHinge": categorical_hinge, "KLDivergence": kl_divergence,
    "BinaryCrossentropy": binary_crossentropy, "BinaryFocalCrossentropy": binary_focal_crossentropy,
    "CategoricalCrossentropy": categorical_crossentropy, "SparseCategoricalCrossentropy": sparse_categorical_crossentropy}.items()}


def get(identifier: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss of a name, config, class or function; None for None.

    Parameters
    ----------
    identifier : None, str, dict, Loss or callable
        ``"mse"``, ``"MeanSquaredError"``, ``"mean_squared_error"``; a function of ``(y_true, y_pred)`` to values of samples.
    custom_objects : dict, optional
        Losses of one's own by name, for loading.

    Returns
    -------
    Loss or None
        Functions are wrapped, so that the result always takes sample weights.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ParameterError
        It is none of these, or the config does not fit.

    Examples
    --------
    >>> from dualad.nn import losses
    >>> losses.get("bce").name
    'binary_crossentropy'
    """
    if hasattr(identifier, "__code__") and identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]()
    if isinstance(identifier, dict) and identifier.get("class_name") == "FunctionLoss" and custom_objects:
        config = identifier["config"]
        identifier = {**identifier, "config": {**config, "function": custom_objects.get(config["function"], config["function"])}}
    found = deserialize("loss", identifier, LOSSES, custom_objects)
    return found if found is None or isinstance(found, Loss) else FunctionLoss(found)


def check_targets(loss: Any, y: Any, classes: int | None = None) -> str | None:
    """What is wrong with targets, as a sentence; None when nothing is.

    Parameters
    ----------
    loss : Loss, str or callable
    y : array
        Targets. They are read once from end to end; give a part of what does not fit into memory.
    classes : int, optional
        How many classes the model tells apart, for integer labels.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> losses.check_targets("mse", np.array([-3.0, 2.0])) is None
    True
    >>> print(losses.check_targets("bce", np.array([-3.0, 2.0])))
    the targets lie in [-3, 2], but binary_crossentropy takes targets in [0, 1]: scale the data to [0, 1], or use 'mean_squared_error' with a linear output
    """
    loss, y = get(loss), np.asarray(y)
    if not y.size:
        return "the targets are empty"
    lo, hi = float(y.min()), float(y.max())
    if not np.isfinite(lo) or not np.isfinite(hi):
        bad = ~np.isfinite(y)
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        return f"the targets hold {np.count_nonzero(bad)} values that are NaN or infinite, the first at {first}"
    if isinstance(loss, SparseCategoricalCrossentropy):
        return _check_labels(loss, y, classes)
    if loss is None or loss.accepts is None or (loss.accepts[0] <= lo and hi <= loss.accepts[1]):
        return None
    wanted = f"[{loss.accepts[0]:g}, {loss.accepts[1]:g}]" if loss.accepts[1] < np.inf else f"of at least {loss.accepts[0]:g}"
    return f"the targets lie in [{lo:g}, {hi:g}], but {loss.name} takes targets {'in ' if wanted[0] == '[' else ''}{wanted}: {loss.instead}"


def _check_labels(loss: SparseCategoricalCrossentropy, y: np.ndarray, classes: int | None) -> str | None:
    labels = y[y != loss.ignore_class] if loss.ignore_class is not None else y
    if labels.dtype.kind == "f" and (labels != np.round(labels)).any():
        return f"{loss.name} takes integer labels, but the targets hold {labels[labels != np.round(labels)].flat[0]:g}"
    if labels.size and (labels.min() < 0 or (classes is not None and labels.max() >= classes)):
        upto = f" to {classes - 1}" if classes is not None else " on"
        return f"the labels go from {labels.min():g} to {labels.max():g}, but {loss.name} takes them from 0{upto}"
    return None
