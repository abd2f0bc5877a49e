"""Callbacks that write down what happens, or call functions."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ...errors import CallbackError, MissingExtraError
from .base import HOOKS, Callback


class LambdaCallback(Callback):
    """Calls functions.

    Parameters
    ----------
    **hooks : callable
        By the name of the hook: ``on_epoch_end(epoch, logs)``, ``on_train_batch_begin(batch, logs)``, ``on_train_begin(logs)``...

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> told = nn.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, sorted(logs)))
    >>> history = model.fit(np.ones((4, 1), "float32"), epochs=2, callbacks=told, verbose=0)
    0 ['loss']
    1 ['loss']
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        from .._names import lookup

        short = {"on_batch_begin": "on_train_batch_begin", "on_batch_end": "on_train_batch_end"}
        known = {hook: hook for hook in HOOKS} | short
        for name, f in hooks.items():
            if f is None:
                continue
            if not callable(f):
                raise CallbackError(f"LambdaCallback({name}={f!r}); it is a function")
            setattr(self, lookup("hook", name, known), f)


class CSVLogger(Callback):
    """Writes a line of numbers for each epoch to a file.

    A training that goes on from a checkpoint goes on with the lines: those that came after the checkpoint are written anew.

    Parameters
    ----------
    filename : path-like
    separator : str
    append : bool
        Go on with an existing file; otherwise it is replaced.

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "log.csv")
    ...     history = model.fit(np.zeros((4, 1), "float32"), epochs=2, callbacks=nn.callbacks.CSVLogger(file), verbose=0)
    ...     print(file.read_text().split())
    ['epoch,loss', '0,0.0', '1,0.0']
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self.size: int | None = None  # of the file, as far as this training has written it

    def on_train_begin(self, logs: Any = None) -> None:
        self.keys, self.size = None, None
        if self.append and os.path.exists(self.filename) and os.path.getsize(self.filename):
            with open(self.filename, newline="") as file:
                self.keys = file.readline().strip().split(self.separator)[1:]
            self.size = os.path.getsize(self.filename)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        import csv

        logs = logs or {}
        fresh = self.keys is None
        if self.keys is None:
            self.keys = sorted(logs)
            if getattr(self.loop, "validation", None) is not None and not any(k.startswith("val_") for k in self.keys):
                self.keys += [f"val_{k}" for k in self.model.metrics_names]  # measured in later epochs
        if self.loop is not None and not self.loop.leads:
            return
        with open(self.filename, "w" if self.size is None else "r+", newline="") as file:
            file.seek(self.size or 0)
            file.truncate()
            rows = csv.writer(file, delimiter=self.separator, lineterminator="\n")
            if fresh:
                rows.writerow(["epoch", *self.keys])
            rows.writerow([epoch, *[_cell(logs.get(key, "NA")) for key in self.keys]])
            file.flush()
            self.size = os.fstat(file.fileno()).st_size

    def state(self) -> dict[str, Any]:
        return {"keys": self.keys, "size": self.size}

    def set_state(self, state: dict[str, Any]) -> None:
        self.keys, self.size = state["keys"], state["size"]
        if self.size is not None and (not os.path.exists(self.filename) or os.path.getsize(self.filename) < self.size):
            raise CallbackError(f"CSVLogger: {self.filename} is shorter than when the checkpoint was written; put the file back, or give another path")


def _cell(x: Any) -> Any:
    return f'"[{", ".join(map(str, x))}]"' if hasattr(x, "__len__") and not isinstance(x, str) else x


class TensorBoard(Callback):
    """Writes the logs for TensorBoard (needs the extra ``tensorboard``).

    Parameters
    ----------
    log_dir : path-like
        Gets the folders ``train`` and ``validation``.
    histogram_freq : int
        Histograms of all weights after every so many epochs; 0: never.
    update_freq : "epoch", "batch" or int
        Losses and metrics also within epochs: after each batch, or every so many.

    Raises
    ------
    MissingExtraError
        The package tensorboardX is not installed.
    """

    def __init__(self, log_dir: Any = "logs", histogram_freq: int = 0, update_freq: Any = "epoch") -> None:
        try:
            import tensorboardX  # type: ignore[import-untyped, unused-ignore]
        except ImportError:
            raise MissingExtraError("TensorBoard needs tensorboardX: pip install 'dualad[tensorboard]'") from None
        from .backup import frequency

        self._package = tensorboardX
        self.log_dir, self.histogram_freq = os.fspath(log_dir), histogram_freq
        self.update_freq = frequency(self, 1 if update_freq == "batch" else update_freq)
        self.seen, self.from_epoch = 0, None
        self._writers: dict[str, Any] = {}
        if self.update_freq != "epoch":
            self.on_train_batch_end = self._batch  # type: ignore[method-assign]

    from_epoch: int | None

    def on_train_begin(self, logs: Any = None) -> None:
        self.seen, self.from_epoch = 0, None

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            self._writers[part] = self._package.SummaryWriter(os.path.join(self.log_dir, part), purge_step=self.from_epoch)
        return self._writers[part]

    def _batch(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen % self.update_freq == 0 and self.loop.leads:
            for name, value in (logs or {}).items():
                self._writer("train").add_scalar(f"batch_{name}", value, self.seen)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not self.loop.leads:
            return
        for name, value in (logs or {}).items():
            part = "validation" if name.startswith("val_") else "train"
            self._writer(part).add_scalar("epoch_" + name.removeprefix("val_"), value, epoch)
        if self.histogram_freq and (epoch + 1) % self.histogram_freq == 0:
            from ..saving.weights import named_weights

            for name, v in named_weights(self.model).items():
                self._writer("train").add_histogram(name, v.array, epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def state(self) -> dict[str, Any]:
        return {"seen": self.seen, "epoch": self.loop.epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        self.seen, self.from_epoch = int(state["seen"]), int(state["epoch"])
