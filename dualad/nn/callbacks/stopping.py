"""Callbacks that end a training."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ...errors import TrainingWarning
from .base import Callback
from .monitor import Monitoring


class EarlyStopping(Monitoring):
    """Stops when a number has not become better for a while.

    Parameters
    ----------
    monitor : str
    min_delta : float
        What counts as better must be so by more than this.
    patience : int
        Epochs without anything better after which training stops.
    verbose : int
        1 prints when it stops.
    mode : {"auto", "min", "max"}
    baseline : float, optional
        Epochs count as no better until the number is better than this.
    restore_best_weights : bool
        At the end, set the weights of the best epoch.
    start_from_epoch : int
        Epochs before it do not count.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Dense(1)])
    >>> model.compile(nn.optimizers.SGD(0.0), "mse")
    >>> stop = nn.callbacks.EarlyStopping(monitor="loss", patience=2)
    >>> history = model.fit(np.ones((8, 2), "float32"), np.ones((8, 1)), epochs=50, callbacks=[stop], verbose=0)
    >>> len(history.epoch), stop.stopped_epoch
    (3, 2)
    """

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
                 baseline: float | None = None, restore_best_weights: bool = False, start_from_epoch: int = 0) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._begin()

    def _begin(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best, self.best_weights = self.worst, None

    best_weights: list[np.ndarray] | None

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self.value(logs, epoch)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.is_better(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.is_better(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def state(self) -> dict[str, Any]:
        return {"wait": self.wait, "best": self.best, "best_epoch": self.best_epoch, "stopped_epoch": self.stopped_epoch, "best_weights": self.best_weights}

    def set_state(self, state: dict[str, Any]) -> None:
        self.wait, self.best_epoch, self.stopped_epoch = int(state["wait"]), int(state["best_epoch"]), int(state["stopped_epoch"])
        kept = state["best_weights"]
        self.best, self.best_weights = float(state["best"]), None if kept is None else [np.asarray(a) for a in kept]


class TerminateOnNaN(Callback):
    """Stops when the loss is no finite number, and warns where the first such number arose.

    The last batch is run once more with the weights before its update, layer by layer. `layer` is the name of the layer, `reason` the whole sentence.

    Examples
    --------
    >>> import numpy as np, warnings
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((1,)), nn.Dense(1, "exponential", name="growing"), nn.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> model.get_layer("growing").kernel.assign([[1000.0]])
    >>> stop = nn.callbacks.TerminateOnNaN()
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     history = model.fit(np.ones((4, 1), "float32"), epochs=5, callbacks=[stop], verbose=0)
    >>> stop.layer
    'growing'
    """

    layer: str | None = None
    reason: str | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.before: np.ndarray = self.model.flat_weights.copy()
        self.layer = self.reason = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        np.copyto(self.before, self.model.flat_weights)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        from .finite import first_not_finite

        self.layer, where = first_not_finite(self.model, self.loop.batch, self.before)
        self.reason = f"the loss of batch {batch} in epoch {self.loop.epoch + 1} is {loss}, training ends: {where}"
        warnings.warn(self.reason, TrainingWarning, stacklevel=2)
        self.model.stop_training = True
