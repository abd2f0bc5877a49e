"""Losses between probabilities: cross-entropies and divergences.

Where the predictions are logits, or come out of a sigmoid or softmax within `activations.keeping_logits`, cross-entropies are computed from the logits:
nothing overflows and no digits are lost where probabilities come close to 0 or 1. Other probabilities are kept `config.epsilon` away from both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ParameterError, ShapeError
from ..activations import log_softmax, logits_of, sigmoid, softplus
from ..config import epsilon
from ._base import Loss, array, pair, predictions


def _logits(kind: str, y: Any, from_logits: bool, last: bool = True) -> Any:
    """The logits behind predictions, None where they are not known."""
    if from_logits:
        return y
    known = logits_of(y)
    return known[1] if known and known[0] == kind and last else None


def _within(p: Any, lo: float, hi: float) -> Any:
    return np.minimum(np.maximum(p, lo), hi)


def _probabilities(p: Any) -> Any:
    return _within(p, epsilon(), 1.0 - epsilon())


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """``sum(y_true * log(y_true / y_pred))`` over the last axis (Kullback and Leibler, 1951).

    >>> kl_divergence(np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])).round(4)
    array([0.1438])
    """
    t, y = pair(y_true, y_pred)
    t, y = _within(t, epsilon(), 1.0), _within(y, epsilon(), 1.0)
    return np.sum(t * np.log(t / y), axis=-1)


def _binary(t: Any, y: Any, from_logits: bool) -> Any:
    x = _logits("sigmoid", y, from_logits)
    if x is not None:
        return softplus(x) - x * t
    p = _probabilities(y)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """``mean(-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred))`` over an axis.

    Parameters
    ----------
    y_true : array
        In [0, 1].
    y_pred : array
        Probabilities; logits with `from_logits`.
    from_logits : bool
    label_smoothing : float
        Targets are moved towards 1/2 by this fraction.
    axis : int

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> losses.binary_crossentropy(np.array([[0.0, 1.0]]), np.array([[-1000.0, 1000.0]]), from_logits=True)
    array([0.])
    """
    t, y = pair(y_true, y_pred)
    if label_smoothing:
        t = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return np.mean(_binary(t, y, from_logits), axis=axis)


def binary_focal_crossentropy(y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
                              from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """Binary cross-entropy times ``(1 - p)**gamma``, p the probability given to the right answer (Lin et al., 2017).

    Parameters
    ----------
    y_true, y_pred, from_logits, label_smoothing, axis
        As in `binary_crossentropy`.
    apply_class_balancing : bool
        Weighs ones with `alpha`, zeros with ``1 - alpha``.
    alpha, gamma : float

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> losses.binary_focal_crossentropy(np.array([[1.0]]), np.array([[0.5]])).round(4)
    array([0.1733])
    """
    t, y = pair(y_true, y_pred)
    if label_smoothing:
        t = t * (1.0 - label_smoothing) + 0.5 * label_smoothing
    p = sigmoid(y) if from_logits else _probabilities(y)
    value = (1 - (t * p + (1 - t) * (1 - p))) ** gamma * _binary(t, y, from_logits)
    if apply_class_balancing:
        value = (t * alpha + (1 - t) * (1 - alpha)) * value
    return np.mean(value, axis=axis)


def _log_probabilities(y: Any, from_logits: bool, axis: int) -> Any:
    x = _logits("softmax", y, from_logits, axis in (-1, y.ndim - 1))
    if x is not None:
        return log_softmax(x, axis)
    return np.log(_probabilities(y / np.sum(y, axis=axis, keepdims=True)))


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """``-sum(y_true * log(y_pred))`` over an axis, predictions scaled to a sum of 1.

    Parameters
    ----------
    y_true : array
        One-hot labels, or probabilities.
    y_pred : array
        Probabilities; logits with `from_logits`.
    from_logits : bool
    label_smoothing : float
        Targets are moved towards equal probabilities by this fraction.
    axis : int

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> losses.categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.75, 0.25]])).round(4)
    array([1.3863])
    """
    t, y = pair(y_true, y_pred)
    if label_smoothing:
        t = t * (1.0 - label_smoothing) + label_smoothing / y.shape[axis]
    return -np.sum(t * _log_probabilities(y, from_logits, axis), axis=axis)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1) -> Any:
    """``-log(y_pred[label])``, predictions scaled to a sum of 1.

    Parameters
    ----------
    y_true : array of int, shape of `y_pred` without `axis` (or with 1 there)
        Labels from 0 on.
    y_pred : array
        Probabilities; logits with `from_logits`.
    from_logits : bool
    ignore_class : int, optional
        Samples with this label have the value 0.
    axis : int

    Raises
    ------
    ShapeError
        Labels that do not fit the predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> losses.sparse_categorical_crossentropy(np.array([1]), np.array([[0.75, 0.25]])).round(4)
    array([1.3863])
    """
    y, labels = predictions(y_pred), _labels(y_true, y_pred, axis)
    if ignore_class is None:
        return -_taken(_log_probabilities(y, from_logits, axis), labels, axis)
    valid = labels != ignore_class
    return np.where(valid, -_taken(_log_probabilities(y, from_logits, axis), np.where(valid, labels, 0), axis), 0)


def _labels(y_true: Any, y_pred: Any, axis: int) -> Any:
    labels = array(y_true)
    shape = tuple(np.delete(np.shape(y_pred), axis))
    if labels.ndim == len(shape) + 1 and labels.shape[axis] == 1:
        labels = np.squeeze(labels, axis)
    if labels.shape != shape:
        raise ShapeError(f"labels of shape {labels.shape} do not fit predictions of shape {np.shape(y_pred)}: give one integer for each of {shape}, or use "
                         "categorical_crossentropy for one-hot targets")
    return labels if labels.dtype.kind in "iu" else labels.astype(np.int64)


def _taken(x: Any, labels: Any, axis: int) -> Any:
    return np.squeeze(np.take_along_axis(x, np.expand_dims(labels, axis), axis), axis)


class KLDivergence(Loss):
    """The Kullback-Leibler divergence (see `kl_divergence`)."""

    call = staticmethod(kl_divergence)
    accepts, instead = (0.0, 1.0), "give probabilities"


def _check_smoothing(owner: str, label_smoothing: float) -> float:
    if not 0 <= label_smoothing <= 1:
        raise ParameterError(f"{owner}(label_smoothing={label_smoothing!r}); it must lie in [0, 1]")
    return label_smoothing


class BinaryCrossentropy(Loss):
    """The cross-entropy of independent yes-or-no answers, or of intensities in [0, 1] (see `binary_crossentropy`).

    Parameters
    ----------
    from_logits, label_smoothing, axis
        As in `binary_crossentropy`.
    reduction, name
        As in `Loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import losses
    >>> round(float(losses.BinaryCrossentropy()(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]]))), 4)
    0.6931
    """

    fields: tuple[str, ...] = ("from_logits", "label_smoothing", "axis", "reduction", "name")
    accepts, instead = (0.0, 1.0), "scale the data to [0, 1], or use 'mean_squared_error' with a linear output"

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.from_logits, self.label_smoothing, self.axis = from_logits, _check_smoothing(type(self).__name__, label_smoothing), axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the samples."""
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """Binary cross-entropy that attends to what is still wrong (see `binary_focal_crossentropy`).

    Parameters
    ----------
    apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis
        As in `binary_focal_crossentropy`.
    reduction, name
        As in `Loss`.
    """

    fields = ("apply_class_balancing", "alpha", "gamma", *BinaryCrossentropy.fields)

    def __init__(self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
                 label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the samples."""
        return binary_focal_crossentropy(y_true, y_pred, self.apply_class_balancing, self.alpha, self.gamma, self.from_logits, self.label_smoothing,
                                         self.axis)


class CategoricalCrossentropy(BinaryCrossentropy):
    """The cross-entropy of one answer among several, for one-hot labels (see `categorical_crossentropy`).

    Parameters
    ----------
    from_logits, label_smoothing, axis
        As in `categorical_crossentropy`.
    reduction, name
        As in `Loss`.
    """

    instead = "give one-hot labels or probabilities; for integers there is 'sparse_categorical_crossentropy'"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the samples."""
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class SparseCategoricalCrossentropy(Loss):
    """The cross-entropy of one answer among several, for integer labels (see `sparse_categorical_crossentropy`).

    Parameters
    ----------
    from_logits, ignore_class, axis
        As in `sparse_categorical_crossentropy`. Ignored samples do not count in means.
    reduction, name
        As in `Loss`.
    """

    fields = ("from_logits", "ignore_class", "reduction", "axis", "name")

    def __init__(self, from_logits: bool = False, ignore_class: int | None = None, reduction: str | None = "sum_over_batch_size", axis: int = -1,
                 name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values of the samples."""
        values = sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)
        if self.ignore_class is None or self.reduction not in ("sum_over_batch_size", "mean"):
            return values
        valid = np.sum((_labels(y_true, y_pred, self.axis) != self.ignore_class).astype(values.dtype))
        return values * (values.size / np.maximum(valid, 1))
