"""Outliers by an autoencoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import OutlierMixin

from ._autoencoder import Autoencoding
from ._common import check


class AutoencoderDetector(OutlierMixin, Autoencoding):
    """Finds outliers: samples that an autoencoder, trained on all of them, gives back badly.

    Methods follow scikit-learn: `predict` gives 1 for inliers and -1 for outliers, and `decision_function` and `score_samples` are high for
    inliers. Attributes, and `anomaly_score`, follow PyOD: they are high, or 1, for outliers.

    Parameters
    ----------
    contamination : float
        The share of outliers in the training data, above 0 and at most 0.5; it sets the threshold.
    hidden, latent, activation, output_activation, epochs, ...
        As in `AutoencoderTransformer`.

    Attributes
    ----------
    decision_scores_ : array (n_samples,)
        `anomaly_score` of the training data.
    threshold_ : float
        Scores above it are outliers.
    labels_ : array (n_samples,) of int
        1 for outliers in the training data, 0 for the others.
    offset_ : float
        ``-threshold_``: ``decision_function(X) = score_samples(X) - offset_``.
    model_, parts_, loss_curve_, n_iter_
        As in `AutoencoderTransformer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn.estimators import AutoencoderDetector
    >>> rng = np.random.default_rng(0)
    >>> t = rng.normal(size=(200, 1))
    >>> X = np.hstack([t, 2 * t, -t]) + 0.01 * rng.normal(size=(200, 3))
    >>> X[:4] = [3, -6, 4]  # not on the line
    >>> model = AutoencoderDetector(contamination=0.02, hidden=(), latent=1, epochs=300, learning_rate=0.01, random_state=0).fit(X)
    >>> np.flatnonzero(model.labels_).tolist(), model.predict(X[:5]).tolist()
    ([0, 1, 2, 3], [-1, -1, -1, -1, 1])
    """

    def __init__(self, contamination: float = 0.1, hidden: Any = (128,), latent: int = 32, activation: Any = "relu", *,
                 output_activation: Any = "linear", epochs: int = 100, batch_size: int = 128, learning_rate: float = 0.001, optimizer: Any = "adam",
                 loss: Any = "mse", l2: float = 0.0, denoising: float = 0.0, validation_fraction: float = 0.1, early_stopping: bool = False,
                 tol: float = 1e-4, n_iter_no_change: int = 10, random_state: Any = None, verbose: bool = False) -> None:
        super().__init__(hidden, latent, activation, output_activation=output_activation, epochs=epochs, batch_size=batch_size,
                         learning_rate=learning_rate, optimizer=optimizer, loss=loss, l2=l2, denoising=denoising,
                         validation_fraction=validation_fraction, early_stopping=early_stopping, tol=tol, n_iter_no_change=n_iter_no_change,
                         random_state=random_state, verbose=verbose)
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None) -> Any:
        """Trains, and sets the threshold such that the share `contamination` of the samples lies above it (see `AutoencoderTransformer.fit`)."""
        check("contamination", self.contamination, 0, 0.5, above=True)
        super().fit(X)
        self.decision_scores_ = self._errors(X)
        self.threshold_ = float(np.percentile(self.decision_scores_, 100 * (1 - self.contamination)))
        self.offset_ = -self.threshold_
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(int)
        return self

    def anomaly_score(self, X: Any) -> np.ndarray:
        """The mean squared error of the reconstruction of each sample: PyOD's ``decision_function``."""
        return self._errors(X)

    def score_samples(self, X: Any) -> np.ndarray:
        """`anomaly_score`, negative."""
        return -self._errors(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """``threshold_ - anomaly_score(X)``: negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """1 for inliers, -1 for outliers."""
        return np.where(self.decision_function(X) >= 0, 1, -1)
