"""The classifier among the perceptrons."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import column_or_1d

from ...errors import ParameterError
from .. import losses
from ._common import outputs_of
from ._mlp import Perceptron


def log_loss(y: Any, outputs: Any) -> Any:
    """Cross-entropy of each sample, summed over labels as in scikit-learn."""
    return outputs.shape[-1] * losses.binary_crossentropy(y, outputs)


class MLPClassifier(ClassifierMixin, Perceptron):
    """A multilayer perceptron for classification, with the parameters of scikit-learn's and cross-entropy as loss.

    Two classes have one logistic output, more have a softmax; a matrix of zeros and ones is taken as several labels a sample.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, ...
        As in `MLPRegressor`.

    Attributes
    ----------
    classes_ : array
    model_, coefs_, intercepts_, loss_curve_, ...
        As in `MLPRegressor`.

    Raises
    ------
    ParameterError
        A parameter outside its range, or labels that `partial_fit` was not told of.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dualad.nn.estimators import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((16,), learning_rate_init=0.02, max_iter=300, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _many: bool

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:  # type: ignore[override] # as in scikit-learn
        """One pass over the data.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array, optional
            All labels there will be; needed in the first call.
        """
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ParameterError("the first call of partial_fit needs classes, all labels that there will be: partial_fit(X, y, classes=[...])")
        if classes is not None:
            given = unique_labels(classes)
            if not first and not np.array_equal(given, self.classes_):
                raise ParameterError(f"classes={classes!r} are not those of the first call, {self.classes_!r}")
            self._promised = given
        try:
            return super().partial_fit(X, y, sample_weight)
        finally:
            self.__dict__.pop("_promised", None)

    def _targets(self, y: Any, fresh: bool) -> np.ndarray:
        check_classification_targets(y)
        many = type_of_target(y).startswith("multilabel")
        if not many:
            y = column_or_1d(y, warn=True)
        if fresh:
            promised = self.__dict__.get("_promised")
            self._many, self.classes_ = many, unique_labels(y) if promised is None else promised
        if many != self._many:
            raise ParameterError(f"y is {'a matrix of labels' if many else 'one label a sample'}; the model was trained with the other")
        if many:
            if not fresh and y.shape[1] != self.n_outputs_:
                raise ParameterError(f"y has {y.shape[1]} columns; the model was trained with {self.n_outputs_}")
            self._columns = y.shape[1]
            return np.asarray(y, np.float32)
        places = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        strange = self.classes_[places] != y
        if np.any(strange):
            raise ParameterError(f"y holds {np.asarray(y)[strange][0]!r}, which is not in classes {self.classes_!r}")
        self._columns = 1 if len(self.classes_) <= 2 else len(self.classes_)
        return places.astype(np.float32).reshape(-1, 1) if self._columns == 1 else places.astype(np.int32)

    def _head(self) -> tuple[int, str, Any]:
        if self._many or self._columns == 1:
            return self._columns, "sigmoid", losses.FunctionLoss(log_loss, "mean_with_sample_weight")
        return self._columns, "softmax", losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")

    def _stratified(self, targets: np.ndarray) -> Any:
        return None if self._many else targets

    def _labels(self, outputs: np.ndarray) -> np.ndarray:
        if self._many:
            return (outputs > 0.5).astype(int)
        places = (outputs[:, 0] > 0.5).astype(int) if outputs.shape[1] == 1 else np.argmax(outputs, axis=1)
        labels: np.ndarray = self.classes_[np.minimum(places, len(self.classes_) - 1)]
        return labels

    def predict(self, X: Any) -> np.ndarray:
        """The labels of samples."""
        return self._labels(self._outputs(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes: array (n_samples, n_classes)."""
        out = self._outputs(X)
        if self._many or out.shape[1] > 1:
            return out
        return np.hstack([1 - out, out]) if len(self.classes_) == 2 else np.ones_like(out)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _score_on(self, X: np.ndarray, targets: np.ndarray, weights: Any) -> float:
        found, wanted = outputs_of(self.model_, X), targets
        if self._many or found.shape[1] == 1:
            right = np.all((found > 0.5) == (wanted > 0.5), axis=1)
        else:
            right = np.argmax(found, axis=1) == wanted
        return float(np.average(right, weights=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
