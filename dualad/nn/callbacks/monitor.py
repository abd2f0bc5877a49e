"""What callbacks share that watch a number of the logs."""

from __future__ import annotations

import math
from typing import Any

from ...errors import CallbackError
from .base import Callback

_MORE_IS_BETTER = ("acc", "auc", "precision", "recall", "f1", "r2", "cosine_similarity")


class Monitoring(Callback):
    """Base of callbacks that compare a number of the logs with the best so far.

    Parameters
    ----------
    monitor : str
        Its name in the logs.
    mode : {"auto", "min", "max"}
        Whether less or more is better. "auto": more for accuracies, AUC, precision, recall, F1, R2 and cosine similarity, less for all others.
    min_delta : float
        What counts as better must be so by more than this.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise CallbackError(f"{type(self).__name__}(mode={mode!r}); it is 'auto', 'min' or 'max'")
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(float(min_delta))
        self.rising = mode == "max" or (mode == "auto" and any(word in monitor.lower() for word in _MORE_IS_BETTER))
        self.best = self.worst = -math.inf if self.rising else math.inf

    def is_better(self, value: float, than: float) -> bool:
        """Whether a value is better by more than `min_delta`; NaN never is."""
        return bool(value - self.min_delta > than if self.rising else value + self.min_delta < than)

    def on_train_begin(self, logs: Any = None) -> None:
        measured, name = getattr(self.loop, "validation", self) is not None, self.monitor.removeprefix("val_")
        if not measured and name != self.monitor and name in self.model.metrics_names:
            raise CallbackError(f"{type(self).__name__} monitors {self.monitor!r}, but fit has neither validation_data nor validation_split; "
                                f"give one, or monitor={name!r}")

    def value(self, logs: Any, epoch: int | None = None) -> float | None:
        """The number in the logs; None in an epoch without validation.

        Raises
        ------
        CallbackError
            The logs do not have it; the message says what they have.
        """
        logs = logs or {}
        if self.monitor in logs:
            return float(logs[self.monitor])
        every = getattr(self.loop, "frequency", 1)
        if self.monitor.startswith("val_") and epoch is not None and (epoch + 1) % every:
            return None
        raise CallbackError(f"{type(self).__name__} monitors {self.monitor!r}, which the logs do not have; they have {', '.join(map(repr, logs))}")
