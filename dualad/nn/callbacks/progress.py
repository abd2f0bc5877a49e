"""The progress bar."""

from __future__ import annotations

import sys
import time
from typing import Any

from .base import Callback

WIDTH = 20
PAUSE = 0.05  # seconds between two drawings


class ProgbarLogger(Callback):
    """Shows the progress, as `verbose` of `fit`, `evaluate` and `predict` asks.

    Parameters
    ----------
    verbose : {1, 2}
        1: a bar with the steps, their time and the logs; on a terminal it is redrawn while they run, elsewhere it is written when they are done.
        2: a line an epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.zeros((4, 1), "float32"), epochs=2, verbose=2)  # doctest: +ELLIPSIS
    Epoch 1/2
    1/1 - ...s - ...s/step - loss: 0.0000e+00
    Epoch 2/2
    1/1 - ...s - ...s/step - loss: 0.0000e+00
    """

    lazy = True  # logs are made when they are shown
    training = False

    def __init__(self, verbose: int = 1) -> None:
        self.verbose = verbose
        self.steps: int | None = None
        self.done = 0

    @property
    def _speaks(self) -> bool:
        return self.loop is None or bool(self.loop.leads)

    def _begin(self) -> None:
        self.steps = self.params.get("steps")
        self.done = self.loop.cursor if self.training else 0
        self.first, self.began, self.drawn = self.done, time.perf_counter(), 0.0
        self.live = self.verbose == 1 and sys.stdout.isatty() and self._speaks

    def on_train_begin(self, logs: Any = None) -> None:
        self.training = True
        self._begin()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begin()
        if self._speaks:
            print(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._step(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_train_end(self, logs: Any = None) -> None:
        self.training = False

    def on_test_begin(self, logs: Any = None) -> None:
        if not self.training:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self.training:
            self._step(logs)

    def on_test_end(self, logs: Any = None) -> None:
        if not self.training:
            self._finish(logs)

    on_predict_begin, on_predict_batch_end, on_predict_end = on_test_begin, on_test_batch_end, on_test_end

    # ---- drawing ----

    def _step(self, logs: Any) -> None:
        self.done += 1
        if not self.live:
            return
        now = time.perf_counter()
        if now - self.drawn >= PAUSE:
            self.drawn = now
            sys.stdout.write("\r" + self._fitted(self._line((logs() if callable(logs) else logs) or {}, now)))
            sys.stdout.flush()

    def _finish(self, logs: Any) -> None:
        if not self._speaks:
            return
        line = self._line(logs or {}, time.perf_counter(), finished=True)
        if self.live:
            sys.stdout.write("\r" + self._fitted(line).rstrip() + "\x1b[K\n")
        else:
            print(line)
        sys.stdout.flush()

    def _line(self, logs: dict[str, Any], now: float, finished: bool = False) -> str:
        spent = now - self.began
        each = spent / max(self.done - self.first, 1)
        total = self.done if finished or not self.steps else self.steps
        numbers = [f"{name}: {_number(value)}" for name, value in logs.items()]
        count = f"{self.done:{len(str(total))}d}/{total}" if self.steps or finished else f"{self.done}/?"
        if self.verbose == 2:
            return " - ".join([count, f"{spent:.0f}s", f"{duration(each)}/step", *numbers])
        left = spent if finished or not self.steps else each * (total - self.done)
        full, rest = ("━", "─") if can_print("━─") else ("=", ".")
        filled = WIDTH * self.done // max(total, 1)
        return " - ".join([f"{count} {full * filled}{rest * (WIDTH - filled)} {left:.0f}s {duration(each)}/step", *numbers])

    def _fitted(self, line: str) -> str:
        """As long as the terminal is wide, so that a redrawn line covers the one before."""
        import shutil

        width = shutil.get_terminal_size().columns - 1
        return line[:width].ljust(width)


def can_print(text: str) -> bool:
    """Whether the standard output has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def duration(seconds: float) -> str:
    """``12ms``, ``3s``.

    >>> duration(2.5), duration(0.0121), duration(8e-05)
    ('2s', '12ms', '80us')
    """
    return f"{seconds:.0f}s" if seconds >= 1 else f"{1e3 * seconds:.0f}ms" if seconds >= 1e-3 else f"{1e6 * seconds:.0f}us"


def _number(x: Any) -> str:
    if isinstance(x, (int, float)):
        return f"{x:.4f}" if abs(x) > 1e-3 else f"{x:.4e}"
    return str(x)
