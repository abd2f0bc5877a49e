"""What all estimators share: networks from plain numbers, seeds, pickling, predictions, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from ...errors import ParameterError
from .. import activations, callbacks, layers, optimizers, regularizers
from ..graph import Input
from ..model import Model, Sequential
from ..random import Stream

FLOATS = (np.float64, np.float32)  # a model computes in the type of the data; float64 where that is neither
ROWS = 4096  # samples that are predicted at once

# scikit-learn's names beside those of `activations`
NAMES = {"identity": "linear", "logistic": "sigmoid"}


def activation_of(name: Any) -> Any:
    """An activation by scikit-learn's name or ours."""
    return activations.get(NAMES.get(name, name) if isinstance(name, str) else name)


def sizes_of(what: str, given: Any) -> list[int]:
    """Sizes of layers from an int or a sequence."""
    sizes = [given] if not hasattr(given, "__len__") else list(given)
    for n in sizes:
        check(what, n, 1, whole=True)
    return [int(n) for n in sizes]


def check(name: str, x: Any, least: float, most: float = math.inf, whole: bool = False, above: bool = False) -> None:
    """Raises ParameterError unless x is a number from `least` (or above it) to `most`."""
    number = isinstance(x, (int, np.integer) if whole else (int, float, np.number)) and not isinstance(x, bool)
    if not number or not least <= x <= most or (above and x == least):
        kind = "a whole number" if whole else "a number"
        end = "" if most == math.inf else f" and at most {most}"
        raise ParameterError(f"{name}={x!r}; {kind} {'above' if above else 'of at least'} {least}{end} is needed")


class Network:
    """Layers of a dense network, as numbers: what is needed to build it again.

    Parameters
    ----------
    sizes : list of int
        Inputs, units of each layer.
    functions : list
        Activations of the layers.
    dtype : str
    l2 : float
        Weight of the penalty of kernels.
    noise : float
        Standard deviation of what is added to the inputs in training.
    parts : list of int
        How many layers each of the models has that are made of the stack: an autoencoder is an encoder and a decoder.
    """

    def __init__(self, sizes: list[int], functions: list[Any], dtype: str, l2: float = 0.0, noise: float = 0.0, parts: list[int] | None = None) -> None:
        self.sizes, self.functions, self.dtype, self.l2, self.noise = sizes, functions, dtype, l2, noise
        self.parts = parts or [len(functions)]

    def build(self, seed: int) -> tuple[Model, list[Model]]:
        """The model and its parts."""
        rest, inputs = iter(zip(self.sizes[1:], self.functions)), self.sizes[0]
        parts: list[Model] = []
        for k, count in enumerate(self.parts):
            stack: list[Any] = [layers.GaussianNoise(self.noise, dtype=self.dtype)] if self.noise and k == 0 else []
            for _, (units, function) in zip(range(count), rest):
                penalty = regularizers.L2(self.l2) if self.l2 else None
                stack.append(layers.Dense(units, activation=function, kernel_regularizer=penalty, dtype=self.dtype))
            for j, layer in enumerate(stack):
                layer.seed = [seed, k, j]  # a stream of its own, whatever else the process draws
            parts.append(Sequential([Input((inputs,), dtype=self.dtype), *stack]))
            inputs = parts[-1].output_shape[-1]
        model = parts[0] if len(parts) == 1 else Sequential([Input((self.sizes[0],), dtype=self.dtype), *parts])
        model._set(_shuffle=Stream(seed))
        return model, parts


class Neural(BaseEstimator):
    """Base of estimators. ``model_`` is the `Model` that was trained, ``network_`` what it was built from."""

    def _start(self, network: Network, seed: int) -> None:
        """A new model."""
        self.network_ = network
        self.model_, self.parts_ = network.build(seed)

    def _check(self, X: Any, reset: bool = False, **options: Any) -> Any:
        """Data as an array; the number and names of features are kept or compared."""
        return validate_data(self, X, reset=reset, dtype=FLOATS, **options)

    # ---- pickling: weights and the optimizer's state, not compiled programs ----

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "model_" in state:
            model = state.pop("model_")
            del state["parts_"]
            state["model_"] = {"weights": model.get_weights(), "shuffle": model.shuffle_stream.state}
            optimizer = model.optimizer
            state["model_"]["optimizer"] = (type(optimizer), optimizer.get_config(), optimizer.state(), model._given[0])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        saved = state.pop("model_", None)
        super().__setstate__(state)
        if saved is not None:
            self._start(self.network_, 0)
            self.model_.set_weights(saved["weights"])
            self.model_.shuffle_stream.state = saved["shuffle"]
            kind, config, kept, loss = saved["optimizer"]
            optimizer = kind.from_config(config)
            self.model_.compile(optimizer, loss)
            optimizer.build(self.model_.trainable_weights)
            optimizer.set_state(kept)


def outputs_of(model: Model, X: np.ndarray) -> np.ndarray:
    """The outputs for samples of the model's type; in pieces, so that memory does not grow with hidden layers."""
    X = np.asarray(X, model.dtype)
    with np.errstate(all="ignore"):
        pieces = [model(X[at : at + ROWS]) for at in range(0, len(X), ROWS)]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def optimizer_of(name: Any, rate: float, **options: Any) -> Any:
    """An optimizer by name, with its learning rate and those options that it has; or a copy of an instance, as it is."""
    if not isinstance(name, str):
        return optimizers.get(optimizers.serialize(name))
    made = optimizers.get(name)
    return type(made)(**{key: value for key, value in {"learning_rate": rate, **options}.items() if key in made.fields})


class Convergence(callbacks.Callback):
    """Stops when loss or validation score has not improved by `tol` for more than `patience` epochs.

    Parameters
    ----------
    tol : float
    patience : float
    score : callable, optional
        Gives the validation score, which then decides; the best weights are kept.
    verbose : bool
    slower : callable, optional
        Called instead of stopping; returns whether to stop all the same.
    """

    def __init__(self, tol: float, patience: float, score: Callable[[], float] | None, verbose: bool, slower: Callable[[], bool] | None = None) -> None:
        self.tol, self.patience, self.score, self.verbose, self.slower = tol, patience, score, verbose, slower
        self.losses: list[float] = []
        self.scores: list[float] = []
        self.best_loss, self.best_score, self.waited = math.inf, -math.inf, 0
        self.weights: list[np.ndarray] | None = None
        self.converged = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.losses.append(logs["loss"])
        better = self._scored() if self.score is not None else self._lost()
        self.waited = 0 if better else self.waited + 1
        if self.verbose:
            print(f"Iteration {len(self.losses)}, loss = {self.losses[-1]:.8f}" + (f", validation score = {self.scores[-1]:.6f}" if self.scores else ""))
        if self.waited > self.patience:
            self.waited = 0
            if self.slower is None or self.slower():
                self.converged = True
                self.model.stop_training = True

    def _scored(self) -> bool:
        assert self.score is not None
        value = self.score()
        self.scores.append(value)
        better = value >= self.best_score + self.tol
        if value > self.best_score:
            self.best_score, self.weights = value, self.model.get_weights()
        return better

    def _lost(self) -> bool:
        better = self.losses[-1] <= self.best_loss - self.tol
        self.best_loss = min(self.best_loss, self.losses[-1])
        return better

    def restore(self) -> None:
        """Sets the weights of the best score, if scores were taken."""
        if self.weights is not None:
            self.model.set_weights(self.weights)
