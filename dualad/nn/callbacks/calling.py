"""The list that calls the callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import CallbackError
from .base import HOOKS, Callback, History


class CallbackList:
    """Calls the callbacks of one `fit`, `evaluate` or `predict`; those hooks that nobody overrides cost nothing."""

    def __init__(self, callbacks: Any, model: Any, params: dict[str, Any], verbose: Any, loop: Any = None, training: bool = True) -> None:
        given = [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        for c in given:
            if isinstance(c, type) or not hasattr(c, "set_model"):
                raise CallbackError(f"a callback is an instance of a class derived from nn.callbacks.Callback, not {c!r}" +
                                    (f"; write {c.__name__}()" if isinstance(c, type) else ""))
        self.callbacks = list(given)
        if training:
            history = next((c for c in given if isinstance(c, History)), None)
            if history is None:
                history = History()
                self.callbacks.append(history)
            model._set(history=history)
        bar = _bar(verbose)
        if bar is not None:
            self.callbacks.append(bar)
        self.callbacks.sort(key=lambda c: getattr(c, "last", False))
        for c in self.callbacks:
            c.set_model(model)
            c.set_params(params)
            c.loop = loop
        self.active = {hook: [c for c in self.callbacks if _overrides(c, hook)] for hook in HOOKS}

    def call(self, hook: str, *args: Any) -> None:
        """Calls a hook of all; the last argument, the logs, may be left out."""
        if len(args) < 1 + ("epoch" in hook or "batch" in hook):
            args = (*args, {})
        for c in self.active[hook]:
            getattr(c, hook)(*args)

    def batch(self, hook: str, k: int, logs: Callable[[], dict[str, Any]] | None) -> None:
        """Calls a hook of a batch; the logs are made when somebody is there."""
        active = self.active[hook]
        if active:
            now = None
            for c in active:
                if getattr(c, "lazy", False):
                    getattr(c, hook)(k, logs)
                    continue
                if now is None:
                    now = logs() if logs is not None else {}
                getattr(c, hook)(k, now)


def _overrides(c: Any, hook: str) -> bool:
    own = getattr(type(c), hook, None)
    return hook in vars(c) or (own is not None and own is not getattr(Callback, hook))


def _bar(verbose: Any) -> Any:
    """The progress display of a level of `verbose`."""
    import sys

    if verbose not in ("auto", 0, 1, 2):  # False and True are 0 and 1
        raise CallbackError(f"verbose={verbose!r}; it is 'auto', 0 (nothing), 1 (a bar) or 2 (a line an epoch)")
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 0
    if not verbose:
        return None
    from .progress import ProgbarLogger

    return ProgbarLogger(2 if verbose == 2 else 1)
