"""The base of callbacks, and the history."""

from __future__ import annotations

from typing import Any

HOOKS = ("on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end", "on_test_begin", "on_test_end",
         "on_test_batch_begin", "on_test_batch_end", "on_predict_begin", "on_predict_end", "on_predict_batch_begin", "on_predict_batch_end")


class Callback:
    """What is told of the course of training. Derive from it and override what you need.

    `model`, `params` (epochs, steps, verbose) and `loop` (the state of `fit`) are set before the first call.

    Examples
    --------
    >>> from dualad import nn
    >>> class Quiet(nn.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         if logs["loss"] < 0.01:
    ...             self.model.stop_training = True
    """

    model: Any = None
    params: Any = None
    loop: Any = None
    last = False  # whether it is told after all others
    lazy = False  # whether it gets, after batches, a function that makes the logs

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Any = None) -> None: ...

    def on_train_end(self, logs: Any = None) -> None: ...

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None: ...

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None: ...

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None: ...

    def on_test_begin(self, logs: Any = None) -> None: ...

    def on_test_end(self, logs: Any = None) -> None: ...

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None: ...

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None: ...

    def on_predict_begin(self, logs: Any = None) -> None: ...

    def on_predict_end(self, logs: Any = None) -> None: ...

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None: ...

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None: ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it: numbers, strings, lists, arrays."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""


class History(Callback):
    """The numbers of all epochs: ``history["loss"]`` is a list with one for each, ``epoch`` their numbers."""

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(self, names: Any = None, ax: Any = None) -> Any:
        """Draws the numbers over the epochs (see `nn.plots.history`)."""
        from ..plots import history

        return history(self, names, ax)

    def state(self) -> dict[str, Any]:
        return {"history": {k: list(v) for k, v in self.history.items()}, "epoch": list(self.epoch)}

    def set_state(self, state: dict[str, Any]) -> None:
        self.history = {k: list(v) for k, v in state["history"].items()}
        self.epoch = [int(k) for k in state["epoch"]]
