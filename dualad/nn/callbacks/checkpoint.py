"""Models saved while they are trained."""

from __future__ import annotations

import os
from typing import Any

from ...errors import CallbackError
from .backup import frequency
from .monitor import Monitoring


class ModelCheckpoint(Monitoring):
    """Saves the model, or its weights, after epochs or batches.

    Parameters
    ----------
    filepath : path-like
        Ending in ``.npz`` (or ``.safetensors``). Names in braces are filled in: ``{epoch}``, counted from 1, and what the logs have, such as
        ``"model-{epoch:02d}-{val_loss:.2f}.npz"``; with a number as `save_freq` also ``{batch}``.
    monitor : str
    verbose : int
        1 prints what is saved.
    save_best_only : bool
        Only when `monitor` is better than ever.
    save_weights_only : bool
        The weights (`save_weights`) instead of the model (`save`).
    mode : {"auto", "min", "max"}
    save_freq : "epoch" or int
        After each epoch, or after so many batches.
    initial_value_threshold : float, optional
        The number to be better than at first.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keep = nn.callbacks.ModelCheckpoint(os.path.join(folder, "model-{epoch:02d}.npz"))
    ...     history = model.fit(np.ones((4, 1), "float32"), epochs=2, callbacks=keep, verbose=0)
    ...     sorted(os.listdir(folder))
    ['model-01.npz', 'model-02.npz']
    """

    def __init__(self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False, save_weights_only: bool = False,
                 mode: str = "auto", save_freq: Any = "epoch", initial_value_threshold: float | None = None) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith((".npz", ".safetensors")):
            raise CallbackError(f"ModelCheckpoint(filepath={self.filepath!r}); files end in .npz or .safetensors")
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq = frequency(self, save_freq)
        self.best = self.worst if initial_value_threshold is None else float(initial_value_threshold)
        self.seen = self.epoch = 0
        if self.save_freq != "epoch":
            self.on_train_batch_end = self._count  # type: ignore[method-assign]

    def on_train_begin(self, logs: Any = None) -> None:
        if self.save_best_only:
            super().on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(logs or {}, epoch=epoch + 1)

    def _count(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen % self.save_freq == 0:
            self._save(logs or {}, epoch=self.epoch + 1, batch=batch + 1)

    def _save(self, logs: dict[str, Any], **numbers: int) -> None:
        if self.save_best_only:
            current = self.value(logs, None if "batch" in numbers else numbers["epoch"] - 1)
            if current is None or not self.is_better(current, self.best):
                return
            self.best = current
        try:
            path = self.filepath.format(**numbers, **logs)
        except (KeyError, IndexError) as error:
            raise CallbackError(f"ModelCheckpoint(filepath={self.filepath!r}) needs {error}; there are {', '.join([*numbers, *logs])}") from error
        if self.loop is None or self.loop.leads:
            (self.model.save_weights if self.save_weights_only else self.model.save)(path)
            if self.verbose:
                print(f"Epoch {numbers['epoch']}: saving {'weights' if self.save_weights_only else 'model'} to {path}")

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "seen": self.seen, "epoch": self.epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self.seen, self.epoch = float(state["best"]), int(state["seen"]), int(state["epoch"])
