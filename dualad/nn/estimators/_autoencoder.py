"""Dimension reduction by an autoencoder."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ...errors import ParameterError
from ._common import Convergence, Network, Neural, activation_of, check, optimizer_of, outputs_of, sizes_of


class Autoencoding(Neural):
    """An encoder and a decoder that mirrors it, trained to give back their inputs."""

    def __init__(self, hidden: Any = (128,), latent: int = 32, activation: Any = "relu", *, output_activation: Any = "linear", epochs: int = 100,
                 batch_size: int = 128, learning_rate: float = 0.001, optimizer: Any = "adam", loss: Any = "mse", l2: float = 0.0,
                 denoising: float = 0.0, validation_fraction: float = 0.1, early_stopping: bool = False, tol: float = 1e-4,
                 n_iter_no_change: int = 10, random_state: Any = None, verbose: bool = False) -> None:
        self.hidden, self.latent, self.activation, self.output_activation = hidden, latent, activation, output_activation
        self.epochs, self.batch_size, self.learning_rate, self.optimizer = epochs, batch_size, learning_rate, optimizer
        self.loss, self.l2, self.denoising = loss, l2, denoising
        self.validation_fraction, self.early_stopping, self.tol, self.n_iter_no_change = validation_fraction, early_stopping, tol, n_iter_no_change
        self.random_state, self.verbose = random_state, verbose

    def _check_parameters(self) -> list[int]:
        for name in ("latent", "epochs", "batch_size", "n_iter_no_change"):
            check(name, getattr(self, name), 1, whole=True)
        for name in ("l2", "denoising", "tol"):
            check(name, getattr(self, name), 0)
        check("learning_rate", self.learning_rate, 0, above=True)
        check("validation_fraction", self.validation_fraction, 0, 1)
        return sizes_of("hidden", self.hidden)

    def fit(self, X: Any, y: Any = None) -> Any:
        """Trains.

        Parameters
        ----------
        X : array (n_samples, n_features)
        y : ignored

        Returns
        -------
        self
        """
        hidden = self._check_parameters()
        X = self._check(X, reset=True)
        random = check_random_state(self.random_state)
        function, last = activation_of(self.activation), activation_of(self.output_activation)
        functions = [*[function] * len(hidden), activation_of("linear"), *[function] * len(hidden), last]
        sizes = [X.shape[1], *hidden, int(self.latent), *hidden[::-1], X.shape[1]]
        network = Network(sizes, functions, X.dtype.name, self.l2, self.denoising, [len(hidden) + 1] * 2)
        self._start(network, int(random.randint(2**31 - 1)))
        self.model_.compile(optimizer_of(self.optimizer, self.learning_rate), self.loss)
        train, held = X, None
        if self.early_stopping:
            train, held = train_test_split(X, test_size=self.validation_fraction, random_state=random)
            if not len(held):
                raise ParameterError(f"validation_fraction={self.validation_fraction} of {len(X)} samples leaves none for validation")
        self._train(train, held)
        self._n_features_out = int(self.latent)
        return self

    def _train(self, X: np.ndarray, held: np.ndarray | None) -> None:
        score = None if held is None else lambda: -float(np.mean(errors_of(self.model_, held)))
        # without validation data all epochs run
        patience = self.n_iter_no_change if self.early_stopping else math.inf
        watch = Convergence(self.tol, patience, score, bool(self.verbose))
        self.model_.fit(X, batch_size=self.batch_size, epochs=self.epochs, verbose=0, callbacks=[watch])
        watch.restore()
        self.loss_curve_, self.n_iter_ = watch.losses, len(watch.losses)
        self.validation_scores_ = watch.scores if held is not None else None

    def reconstruct(self, X: Any) -> np.ndarray:
        """What the decoder makes of the codes of samples."""
        check_is_fitted(self, "model_")
        return outputs_of(self.model_, self._check(X))

    def _errors(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        return errors_of(self.model_, self._check(X))


def errors_of(model: Any, X: np.ndarray) -> np.ndarray:
    """The mean squared error of the reconstruction of each sample."""
    return np.mean((outputs_of(model, X) - X) ** 2, axis=1)


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Autoencoding):
    """Reduces dimensions by an autoencoder of fully connected layers (Hinton and Salakhutdinov, 2006).

    The encoder has the layers `hidden` and `latent` linear outputs; the decoder has the same in reverse. Features should be of similar
    scale: put a `StandardScaler` before, or scale to [0, 1] and take ``output_activation="sigmoid"``.

    Parameters
    ----------
    hidden : int or sequence of int
        Layers of the encoder before the last; empty for none.
    latent : int
        Size of the code.
    activation : name or callable
        Of hidden layers.
    output_activation : name or callable
        Of the decoder's outputs.
    epochs, batch_size : int
    learning_rate : float
    optimizer : name or Optimizer
    loss : name or Loss
        Of `dualad.nn.losses`.
    l2 : float
        Weight of the squared kernels in the loss.
    denoising : float
        Standard deviation of noise that is added to the inputs in training (Vincent et al., 2008).
    validation_fraction : float
        Share of the samples that is kept for `early_stopping`.
    early_stopping : bool
        Stop when the reconstruction of these samples has not become better by `tol` for `n_iter_no_change` epochs, and keep the best weights.
    tol, n_iter_no_change
        See `early_stopping`.
    random_state : int, RandomState or None
    verbose : bool

    Attributes
    ----------
    model_ : Model
        The autoencoder.
    parts_ : list of Model
        Encoder and decoder.
    loss_curve_ : list of float
        The loss of each epoch.
    validation_scores_ : list of float or None
    n_iter_ : int
        Epochs.

    Raises
    ------
    ParameterError
        A parameter outside its range (a ValueError).

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn.estimators import AutoencoderTransformer
    >>> t = np.linspace(0, 1, 100)
    >>> X = np.stack([t, t**2, 1 - t], axis=1)  # a curve
    >>> model = AutoencoderTransformer(hidden=(16,), latent=1, epochs=200, learning_rate=0.01, random_state=0).fit(X)
    >>> model.transform(X).shape, bool(model.score(X) > -0.01)
    ((100, 1), True)
    """

    def transform(self, X: Any) -> np.ndarray:
        """The codes of samples: array (n_samples, latent)."""
        check_is_fitted(self, "model_")
        return outputs_of(self.parts_[0], self._check(X))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Samples of codes: array (n_samples, n_features)."""
        check_is_fitted(self, "model_")
        codes = np.asarray(X)
        if codes.ndim != 2 or codes.shape[1] != self._n_features_out:
            raise ParameterError(f"codes have the shape (n_samples, {self._n_features_out}); got {codes.shape}")
        return outputs_of(self.parts_[1], codes)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean squared error of the reconstruction, negative: higher is better."""
        return -float(np.mean(self._errors(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
