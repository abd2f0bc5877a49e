"""How often predictions are right: accuracies, precision, recall, F1, the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ParameterError, ShapeError
from .._names import undefined
from ..losses._base import pair
from ._base import Metric, as_number, columns, numbers, of_function, ratio, spread_weights


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where prediction and target are equal, else 0.

    >>> accuracy(np.array([1, 2]), np.array([1, 3]))
    array([1., 0.])
    """
    t, y = pair(y_true, y_pred)
    return (t == y).astype(np.float64)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where the prediction is on the right side of the threshold, else 0.

    >>> binary_accuracy(np.array([1.0, 0.0]), np.array([0.9, 0.6]))
    array([1., 0.])
    """
    t, y = pair(y_true, y_pred)
    return (t == (y > threshold)).astype(np.float64)


def _labels(y_true: Any, y_pred: Any, sparse: bool) -> tuple[np.ndarray, np.ndarray]:
    """Integer labels beside the scores of all classes."""
    y, t = np.asarray(y_pred), np.asarray(y_true)
    if not sparse:
        t, y = pair(t, y)
        return np.argmax(t, axis=-1), y
    if t.ndim == y.ndim and t.shape[-1] == 1:
        t = t[..., 0]
    if t.shape != y.shape[:-1]:
        raise ShapeError(f"labels of shape {t.shape} do not fit scores of shape {y.shape}: give one integer for each of {y.shape[:-1]}")
    return t.astype(np.int64), y


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the highest score is that of the one-hot label, else 0.

    >>> categorical_accuracy(np.array([[0, 1], [1, 0]]), np.array([[0.2, 0.8], [0.3, 0.7]]))
    array([1., 0.])
    """
    labels, y = _labels(y_true, y_pred, sparse=False)
    return (labels == np.argmax(y, axis=-1)).astype(np.float64)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the highest score is that of the label, else 0.

    >>> sparse_categorical_accuracy(np.array([1, 0]), np.array([[0.2, 0.8], [0.3, 0.7]]))
    array([1., 0.])
    """
    labels, y = _labels(y_true, y_pred, sparse=True)
    return (labels == np.argmax(y, axis=-1)).astype(np.float64)


def _in_top(labels: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Whether fewer than k classes have a higher score than the label's."""
    own = np.take_along_axis(y, labels[..., None], axis=-1)
    return (np.sum(y > own, axis=-1) < k).astype(np.float64)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the one-hot label is among the k highest scores, else 0.

    >>> top_k_categorical_accuracy(np.array([[0, 0, 1]]), np.array([[0.5, 0.2, 0.3]]), k=2)
    array([1.])
    """
    return _in_top(*_labels(y_true, y_pred, sparse=False), k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the label is among the k highest scores, else 0.

    >>> sparse_top_k_categorical_accuracy(np.array([2]), np.array([[0.5, 0.2, 0.3]]), k=2)
    array([1.])
    """
    return _in_top(*_labels(y_true, y_pred, sparse=True), k)


Accuracy = of_function("Accuracy", accuracy, "How often predictions equal the targets.")
BinaryAccuracy = of_function("BinaryAccuracy", binary_accuracy, "How often probabilities are on the right side of a threshold.", ("threshold", 0.5))
CategoricalAccuracy = of_function("CategoricalAccuracy", categorical_accuracy, "How often the highest score is that of the one-hot label.")
SparseCategoricalAccuracy = of_function("SparseCategoricalAccuracy", sparse_categorical_accuracy, "How often the highest score is that of the label.")
TopKCategoricalAccuracy = of_function("TopKCategoricalAccuracy", top_k_categorical_accuracy,
                                      "How often the one-hot label is among the k highest scores.", ("k", 5))
SparseTopKCategoricalAccuracy = of_function("SparseTopKCategoricalAccuracy", sparse_top_k_categorical_accuracy,
                                            "How often the label is among the k highest scores.", ("k", 5))


def _binary(owner: str, y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
    t, y = pair(numbers(y_true), numbers(y_pred))
    if t.size and not np.isin(t, (0, 1)).all():
        raise ParameterError(f"{owner} takes targets 0 and 1; they hold {t[~np.isin(t, (0, 1))].flat[0]:g}")
    return t.astype(bool), y


class _Thresholded(Metric):
    """Base of metrics that count right and wrong answers above thresholds.

    Parameters
    ----------
    thresholds : float or sequence of float
        A prediction above it says yes.
    class_id : int, optional
        The column to look at; all by default.
    name : str, optional
    """

    fields = ("thresholds", "class_id", "name")

    def __init__(self, thresholds: float | Sequence[float] = 0.5, class_id: int | None = None, name: str | None = None) -> None:
        limits = np.atleast_1d(np.asarray(0.5 if thresholds is None else thresholds, np.float64))
        if not ((limits >= 0) & (limits <= 1)).all():
            raise ParameterError(f"{type(self).__name__}(thresholds={thresholds!r}); they must lie in [0, 1]")
        super().__init__(name)
        self.thresholds, self.class_id = thresholds, class_id
        self._limits = limits

    def initial(self) -> dict[str, Any]:
        """The state before any data."""
        return {"right": 0.0, "wrong": 0.0}

    def counted(self, t: np.ndarray, yes: np.ndarray) -> np.ndarray:
        """Which elements count."""
        raise undefined(self, "counted(self, t, yes)")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch in."""
        t, y = _binary(self.name, y_true, y_pred)
        w = spread_weights(sample_weight, t.shape)
        if self.class_id is not None:
            t, y, w = t[..., self.class_id], y[..., self.class_id], w[..., self.class_id]
        yes = [y > limit for limit in self._limits]
        right = np.array([np.sum(w[t & above]) for above in yes])
        self._add(right=right, wrong=np.array([np.sum(w[self.counted(t, above)]) for above in yes]) - right)

    def result(self) -> Any:
        """The fraction so far, one for each threshold; 0 before any data."""
        return as_number(ratio(self._state["right"], self._state["right"] + self._state["wrong"]))


class Precision(_Thresholded):
    """How many of the predicted ones are ones: ``TP / (TP + FP)``.

    Parameters
    ----------
    thresholds : float or sequence of float
        A prediction above it says yes.
    class_id : int, optional
        The column to look at; all by default.
    name : str, optional

    Examples
    --------
    >>> from dualad.nn import metrics
    >>> metrics.Precision()([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.1]).__round__(4)
    0.6667
    """

    def counted(self, t: np.ndarray, yes: np.ndarray) -> np.ndarray:
        """Which elements count."""
        return yes


class Recall(_Thresholded):
    """How many of the ones are predicted: ``TP / (TP + FN)``.

    Parameters
    ----------
    thresholds : float or sequence of float
        A prediction above it says yes.
    class_id : int, optional
        The column to look at; all by default.
    name : str, optional

    Examples
    --------
    >>> from dualad.nn import metrics
    >>> metrics.Recall()([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.1]).__round__(4)
    0.6667
    """

    def counted(self, t: np.ndarray, yes: np.ndarray) -> np.ndarray:
        """Which elements count."""
        return t


class F1Score(Metric):
    """The harmonic mean of precision and recall.

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}
        How the scores of the columns become one: None leaves them; "micro" counts over all, "macro" takes the mean, "weighted" one by the number
        of ones.
    threshold : float, optional
        A prediction above it says yes; by default the highest in each row does.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import metrics
    >>> metrics.F1Score(threshold=0.5)(np.array([[1], [1], [0]]), np.array([[0.9], [0.2], [0.1]])).__round__(4)
    0.6667
    """

    fields = ("average", "threshold", "name")

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str | None = None) -> None:
        if average not in (None, "micro", "macro", "weighted"):
            raise ParameterError(f"F1Score(average={average!r}); it is None, 'micro', 'macro' or 'weighted'")
        super().__init__(name)
        self.average, self.threshold = average, threshold

    def initial(self) -> dict[str, Any]:
        """The state before any data."""
        return {"right": 0.0, "said": 0.0, "true": 0.0}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch in."""
        t, y = _binary(self.name, y_true, y_pred)
        t, y = columns(t), columns(y)
        self._check_columns("true", t)
        yes = y > self.threshold if self.threshold is not None else (y >= y.max(axis=-1, keepdims=True)) & (np.abs(y) > 1e-9)
        w = spread_weights(sample_weight, t.shape)
        self._add(right=np.sum(w * (t & yes), axis=0), said=np.sum(w * yes, axis=0), true=np.sum(w * t, axis=0))

    def result(self) -> Any:
        """The score so far; 0 before any data."""
        right, said, true = (np.atleast_1d(self._state[name]) for name in ("right", "said", "true"))
        if self.average == "micro":
            right, said, true = right.sum(), said.sum(), true.sum()
        score = ratio(2 * right, said + true)  # 2 P R / (P + R), without the division by P and R
        if self.average == "macro":
            score = score.mean()
        elif self.average == "weighted":
            score = np.sum(score * ratio(true, true.sum()))
        return as_number(score)


class AUC(Metric):
    """The area under the receiver operating characteristic: the probability that a one scores higher than a zero.

    Counts are kept at `num_thresholds` thresholds between 0 and 1 and joined by trapezoids, as in Keras: exact for scores that fall between
    different thresholds. Predictions must lie in [0, 1].

    Parameters
    ----------
    num_thresholds : int
    name : str, optional

    Examples
    --------
    >>> from dualad.nn import metrics
    >>> metrics.AUC()([0, 0, 1, 1], [0.1, 0.5, 0.3, 0.9])
    0.75
    """

    fields = ("num_thresholds", "name")

    def __init__(self, num_thresholds: int = 200, name: str | None = None) -> None:
        if isinstance(num_thresholds, bool) or not isinstance(num_thresholds, (int, np.integer)) or num_thresholds < 2:
            raise ParameterError(f"AUC(num_thresholds={num_thresholds!r}); it must be an integer of at least 2")
        self.num_thresholds = int(num_thresholds)
        super().__init__(name)
        # the outer two lie outside, so that the curve goes from corner to corner
        self._limits = np.array([-1e-7, *(np.arange(1, num_thresholds - 1) / (num_thresholds - 1)), 1 + 1e-7])

    def initial(self) -> dict[str, Any]:
        """The state before any data."""
        return {"ones": np.zeros(self.num_thresholds), "zeros": np.zeros(self.num_thresholds)}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch in."""
        t, y = _binary(self.name, y_true, y_pred)
        if y.size and not (y.min() >= 0 and y.max() <= 1):
            raise ParameterError(f"AUC takes predictions in [0, 1]; they lie in [{y.min():g}, {y.max():g}]: scale them (for example by their largest value)")
        w = np.array(spread_weights(sample_weight, t.shape))
        below = np.searchsorted(self._limits, y.ravel())  # thresholds that a prediction exceeds
        self._add(**{name: np.bincount(below[chosen], w.ravel()[chosen], self.num_thresholds + 1)[:0:-1].cumsum()[::-1]
                     for name, chosen in (("ones", t.ravel()), ("zeros", ~t.ravel()))})

    def result(self) -> float:
        """The area so far; 0 before any data."""
        tpr, fpr = (ratio(self._state[name], self._state[name][0]) for name in ("ones", "zeros"))
        return float(np.sum((fpr[:-1] - fpr[1:]) * (tpr[:-1] + tpr[1:]) / 2))
