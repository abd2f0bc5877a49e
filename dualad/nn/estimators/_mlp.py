"""Multilayer perceptrons with the parameters of scikit-learn's, trained by compiled programs."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ...errors import ParameterError
from .. import losses
from .._names import undefined
from ..callbacks.base import Callback
from ._common import NAMES, Convergence, Network, Neural, activation_of, check, optimizer_of, outputs_of, sizes_of

RATES = ("constant", "invscaling", "adaptive")
SLOWEST = 1e-6  # an adaptive learning rate is not made smaller


def half_squared_error(y: Any, outputs: Any) -> Any:
    """Half of the squared error of each sample, summed over outputs: what scikit-learn's regressors descend. (What they report is the mean.)"""
    return 0.5 * np.sum((outputs - y) ** 2, axis=-1)


class Perceptron(Neural):
    """What regressor and classifier share. The parameters are those of `sklearn.neural_network.MLPRegressor`, without `max_fun`.

    ``solver`` may also be the name or an instance of any other optimizer of `dualad.nn.optimizers`, and ``activation`` any of
    `dualad.nn.activations`. Weights start as in `dualad.nn.Dense`. The model trains in float32 when the data is, else in float64.
    """

    def __init__(self, hidden_layer_sizes: Any = (100,), activation: Any = "relu", *, solver: Any = "adam", alpha: float = 0.0001,
                 batch_size: Any = "auto", learning_rate: str = "constant", learning_rate_init: float = 0.001, power_t: float = 0.5,
                 max_iter: int = 200, shuffle: bool = True, random_state: Any = None, tol: float = 1e-4, verbose: bool = False,
                 warm_start: bool = False, momentum: float = 0.9, nesterovs_momentum: bool = True, early_stopping: bool = False,
                 validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
                 n_iter_no_change: float = 10) -> None:
        self.hidden_layer_sizes, self.activation, self.solver, self.alpha = hidden_layer_sizes, activation, solver, alpha
        self.batch_size, self.learning_rate, self.learning_rate_init, self.power_t = batch_size, learning_rate, learning_rate_init, power_t
        self.max_iter, self.shuffle, self.random_state, self.tol = max_iter, shuffle, random_state, tol
        self.verbose, self.warm_start, self.momentum, self.nesterovs_momentum = verbose, warm_start, momentum, nesterovs_momentum
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.beta_1, self.beta_2, self.epsilon, self.n_iter_no_change = beta_1, beta_2, epsilon, n_iter_no_change

    # ---- to be given by derived classes ----

    def _targets(self, y: Any, fresh: bool) -> np.ndarray:
        """Targets as the loss takes them; `fresh` when nothing is known of them yet."""
        raise undefined(self, "_targets(self, y, fresh)")

    def _head(self) -> tuple[int, str, Any]:
        """Outputs, their activation, and the loss."""
        raise undefined(self, "_head(self)")

    # ---- training ----

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Trains.

        Parameters
        ----------
        X : array (n_samples, n_features)
        y : array (n_samples,) or (n_samples, n_outputs)
        sample_weight : array (n_samples,), optional

        Returns
        -------
        self
        """
        fresh = not (self.warm_start and hasattr(self, "model_"))
        return self._fit(X, y, sample_weight, fresh, incremental=False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One pass over the data, going on from where training is (see `fit`)."""
        return self._fit(X, y, sample_weight, not hasattr(self, "model_"), incremental=True)

    def _fit(self, X: Any, y: Any, sample_weight: Any, fresh: bool, incremental: bool) -> Any:
        self._check_parameters()
        if incremental and self.early_stopping:
            raise ParameterError("partial_fit does not support early_stopping=True: it has no data to keep for validation")
        X, y = self._check(X, reset=fresh, y=y, multi_output=True, **self._y_options)
        targets = self._targets(y, fresh)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=X.dtype)
        if fresh:
            self._random = check_random_state(self.random_state)
            # the penalty is per sample: a weight of two counts as two
            self._new_model(X, self._batch(len(X)) * (1.0 if weights is None else float(np.mean(weights)) or 1.0))
        held: tuple[Any, Any, Any] | None = None
        if self.early_stopping:
            X, targets, weights, held = self._split(X, targets, weights)
        self._train(X, targets, weights, held, incremental)
        return self

    _y_options: ClassVar[dict[str, Any]] = {}
    _flat_y: bool

    def _check_parameters(self) -> None:
        for name, least, most in (("alpha", 0, math.inf), ("tol", 0, math.inf), ("momentum", 0, 1), ("validation_fraction", 0, 1),
                                  ("beta_1", 0, 1), ("beta_2", 0, 1), ("n_iter_no_change", 1, math.inf)):
            check(name, getattr(self, name), least, most)
        for name in ("learning_rate_init", "power_t", "epsilon"):
            check(name, getattr(self, name), 0, above=name != "power_t")
        check("max_iter", self.max_iter, 1, whole=True)
        if self.batch_size != "auto":
            check("batch_size", self.batch_size, 1, whole=True)
        if self.learning_rate not in RATES:
            raise ParameterError(f"learning_rate={self.learning_rate!r}; it is one of {', '.join(map(repr, RATES))}; the number is learning_rate_init")

    def _new_model(self, X: np.ndarray, batch: float) -> None:
        hidden = sizes_of("hidden_layer_sizes", self.hidden_layer_sizes)
        outputs, activation, loss = self._head()
        function = activation_of(self.activation)
        network = Network([X.shape[1], *hidden, outputs], [*[function] * len(hidden), activation], X.dtype.name, self.alpha / (2 * batch))
        self._start(network, int(self._random.randint(2**31 - 1)))
        options = {"momentum": self.momentum, "nesterov": self.nesterovs_momentum and self.momentum > 0} if self.solver == "sgd" else \
                  {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        self.model_.compile(optimizer_of(self.solver, self.learning_rate_init, **options), loss)
        self.n_outputs_, self.n_layers_ = outputs, len(hidden) + 2
        self.out_activation_ = next((theirs for theirs, ours in NAMES.items() if ours == activation), activation)
        self.t_ = 0
        self.loss_curve_: list[float] = []
        self.best_loss_: float | None = math.inf
        self.validation_scores_: list[float] | None = None
        self.best_validation_score_: float | None = None

    def _batch(self, n: int) -> int:
        if self.batch_size == "auto":
            whole = getattr(optimizer_of(self.solver, self.learning_rate_init), "whole_batch", False)
            return n if whole else min(200, n)
        if self.batch_size > n:
            warnings.warn(f"batch_size={self.batch_size} is more than the {n} samples; all are taken as one batch", UserWarning, stacklevel=5)
        return int(min(self.batch_size, n))

    def _split(self, X: np.ndarray, targets: np.ndarray, weights: Any) -> tuple[Any, Any, Any, Any]:
        """Data to train on, and what is kept for validation."""
        parts = train_test_split(X, targets, np.ones(len(X)) if weights is None else weights, test_size=self.validation_fraction,
                                 random_state=self._random, stratify=self._stratified(targets))
        if len(parts[1]) < 2:
            raise ParameterError(f"validation_fraction={self.validation_fraction} of {len(X)} samples leaves {len(parts[1])} for validation; 2 are needed")
        return parts[0], parts[2], None if weights is None else parts[4], (parts[1], parts[3], None if weights is None else parts[5])

    def _stratified(self, targets: np.ndarray) -> Any:
        """What a split keeps the shares of."""
        return None

    def _train(self, X: np.ndarray, targets: np.ndarray, weights: Any, held: Any, incremental: bool) -> None:
        model = self.model_
        score = None if held is None else lambda: float(self._score_on(*held))
        watch = Convergence(self.tol, self.n_iter_no_change, score, bool(self.verbose), self._slower if self._adaptive() else None)
        watch.losses, watch.best_loss = self.loss_curve_, math.inf if self.best_loss_ is None else self.best_loss_
        self.n_iter_ = 0
        try:
            model.fit(X, targets, batch_size=self._batch(len(X)), epochs=1 if incremental else self.max_iter, shuffle=self.shuffle,
                      sample_weight=weights, verbose=0, callbacks=[watch, _Pace(self, len(X))])
        except KeyboardInterrupt:
            warnings.warn("training was interrupted; the model is as it was then", UserWarning, stacklevel=4)
        watch.restore()
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.inf
        if held is None:
            self.best_loss_ = watch.best_loss
        else:
            self.best_loss_, self.validation_scores_, self.best_validation_score_ = None, watch.scores, watch.best_score
        if not incremental and not watch.converged and self.n_iter_ == self.max_iter:
            warnings.warn(f"the maximum of iterations ({self.max_iter}) is reached and training has not converged yet: raise max_iter or tol",
                          ConvergenceWarning, stacklevel=4)

    def _adaptive(self) -> bool:
        return self.learning_rate == "adaptive" and self.solver == "sgd"

    def _slower(self) -> bool:
        """A fifth of the learning rate; whether it is too small to go on."""
        optimizer = self.model_.optimizer
        if optimizer.learning_rate <= SLOWEST:
            return True
        optimizer.learning_rate = optimizer.learning_rate / 5
        return False

    def _score_on(self, X: np.ndarray, targets: np.ndarray, weights: Any) -> float:
        raise undefined(self, "_score_on(self, X, targets, weights)")

    # ---- what was found ----

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The kernels, one for each layer."""
        return [a for a in self.model_.get_weights() if a.ndim == 2]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The biases."""
        return [a for a in self.model_.get_weights() if a.ndim == 1]

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        return outputs_of(self.model_, self._check(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")


class _Pace(Callback):
    """Counts epochs and samples, and lets the learning rate follow them."""

    def __init__(self, owner: Perceptron, n: int) -> None:
        self.owner, self.n = owner, n

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        owner = self.owner
        owner.n_iter_ += 1
        owner.t_ += self.n
        if owner.learning_rate == "invscaling" and owner.solver == "sgd":
            self.model.optimizer.learning_rate = owner.learning_rate_init / (owner.t_ + 1) ** owner.power_t


class MLPRegressor(RegressorMixin, Perceptron):
    """A multilayer perceptron for regression, with the parameters of scikit-learn's. The loss is half of the squared error, summed over outputs.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
    activation : name or callable
        scikit-learn's names ("identity", "logistic", "tanh", "relu"), or any of `dualad.nn.activations`.
    solver : {"adam", "sgd", "lbfgs"}, name or Optimizer
        Any of `dualad.nn.optimizers`: by name, with `learning_rate_init`, and `momentum` or `beta_1`, `beta_2`, `epsilon` if it has them; or an
        instance, with its own options. "lbfgs" and "newton_cg" make an iteration with all samples in each epoch.
    alpha : float
        L2 penalty of the kernels, divided by two and by the batch size.
    batch_size : int or "auto"
        "auto" is 200, or all samples where there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}
        For "sgd".
    learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, \
validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change
        As in `sklearn.neural_network.MLPRegressor`.

    Attributes
    ----------
    model_ : Model
        What was trained.
    coefs_, intercepts_ : list of array
    loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_, n_iter_, t_, n_layers_, n_outputs_, out_activation_
        As in scikit-learn.

    Raises
    ------
    ParameterError
        A parameter outside its range (a ValueError).

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn.estimators import MLPRegressor
    >>> X = np.linspace(-1, 1, 200)[:, np.newaxis]
    >>> model = MLPRegressor((8,), activation="tanh", solver="lbfgs", random_state=0).fit(X, X[:, 0] ** 2)
    >>> bool(model.score(X, X[:, 0] ** 2) > 0.95)
    True
    """

    _y_options: ClassVar[dict[str, Any]] = {"y_numeric": True}

    def _targets(self, y: Any, fresh: bool) -> np.ndarray:
        if y.ndim == 2 and y.shape[1] == 1:
            warnings.warn("y is a column of shape (n_samples, 1); a 1-d array was expected: use y.ravel()", DataConversionWarning, stacklevel=4)
        self._flat_y = y.ndim == 1 or y.shape[1] == 1 if fresh else self._flat_y
        targets = y.reshape(len(y), -1)
        if not fresh and targets.shape[1] != self.n_outputs_:
            raise ParameterError(f"y has {targets.shape[1]} columns; the model was trained with {self.n_outputs_}")
        self._columns = targets.shape[1]
        return targets

    def _head(self) -> tuple[int, str, Any]:
        return self._columns, "linear", losses.FunctionLoss(half_squared_error, "mean_with_sample_weight")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output, tags.target_tags.multi_output = True, True
        return tags

    def predict(self, X: Any) -> np.ndarray:
        """The outputs for samples: array (n_samples,), or (n_samples, n_outputs) as `y` was."""
        out = self._outputs(X)
        return out[:, 0] if self._flat_y else out

    def _score_on(self, X: np.ndarray, targets: np.ndarray, weights: Any) -> float:
        from sklearn.metrics import r2_score

        return r2_score(targets, outputs_of(self.model_, X), sample_weight=weights)
