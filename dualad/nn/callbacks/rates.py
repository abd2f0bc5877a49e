"""Callbacks that change the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import CallbackError
from .base import Callback
from .monitor import Monitoring


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, learning_rate)`` or ``schedule(epoch)`` gives the new rate; epochs count from 0.
    verbose : int
        1 prints it.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> halve = nn.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> model.fit(np.ones((4, 1), "float32"), epochs=3, callbacks=halve, verbose=0).history["learning_rate"]
    [0.005, 0.0025, 0.00125]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise CallbackError(f"LearningRateScheduler(schedule={schedule!r}); it is a function of the epoch, or of epoch and learning rate")
        self.schedule, self.verbose = schedule, verbose
        self.takes_rate = _arguments(schedule) > 1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        rate = self.schedule(epoch, self.model.optimizer.learning_rate) if self.takes_rate else self.schedule(epoch)
        try:
            self.model.optimizer.learning_rate = float(rate)
        except (TypeError, ValueError) as error:
            raise CallbackError(f"the schedule of LearningRateScheduler gave {rate!r} in epoch {epoch}: {error}") from error
        if self.verbose:
            print(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate


def _arguments(f: Callable[..., Any]) -> int:
    """How many arguments by position a function takes."""
    import inspect

    kinds = [p.kind for p in inspect.signature(f).parameters.values()]
    return 2 if inspect.Parameter.VAR_POSITIONAL in kinds else sum(k is not inspect.Parameter.KEYWORD_ONLY for k in kinds)


class ReduceLROnPlateau(Monitoring):
    """Lowers the learning rate when a number has not become better for a while.

    Parameters
    ----------
    monitor : str
    factor : float
        What the rate is multiplied by; below 1.
    patience : int
        Epochs without anything better before that.
    verbose : int
        1 prints the new rate.
    mode : {"auto", "min", "max"}
    min_delta : float
        What counts as better must be so by more than this.
    cooldown : int
        Epochs after a reduction that do not count.
    min_lr : float
        The rate never falls below it.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Dense(1)])
    >>> model.compile(nn.optimizers.SGD(1e-9), "mse")
    >>> lower = nn.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=2)
    >>> rates = model.fit(np.ones((4, 1), "float32"), epochs=5, callbacks=lower, verbose=0).history["learning_rate"]
    >>> [round(rate / 1e-9, 9) for rate in rates]
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
                 min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 < factor < 1:
            raise CallbackError(f"ReduceLROnPlateau(factor={factor!r}); it must lie between 0 and 1")
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.wait = self.cooldown_counter = 0
        self.best = self.worst

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self.value(logs, epoch)
        logs["learning_rate"] = self.model.optimizer.learning_rate
        if current is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(current, self.best):
            self.best, self.wait = current, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        if optimizer.learning_rate > self.min_lr:
            optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
            if self.verbose:
                print(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {optimizer.learning_rate}.")
            self.cooldown_counter, self.wait = self.cooldown, 0

    def state(self) -> dict[str, Any]:
        return {"wait": self.wait, "cooldown": self.cooldown_counter, "best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        self.wait, self.cooldown_counter, self.best = int(state["wait"]), int(state["cooldown"]), float(state["best"])
