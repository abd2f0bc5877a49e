"""Outputs of sigmoid and softmax that remember their logits, from which cross-entropies are computed stably."""

from __future__ import annotations

import threading
from typing import Any

_active = threading.local()


class keeping_logits:
    """A context in which outputs of `sigmoid` and `softmax` remember what they were computed from.

    Contexts nest; each thread has its own.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import activations
    >>> with activations.keeping_logits() as logits:
    ...     y = activations.sigmoid(np.zeros(2))
    >>> logits.of(y)
    ('sigmoid', array([0., 0.]))
    """

    def __init__(self) -> None:
        self._kept: list[tuple[str, Any, Any]] = []

    def __enter__(self) -> keeping_logits:
        _stack().append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _stack().remove(self)

    def of(self, y: Any) -> tuple[str, Any] | None:
        """The kind (``"sigmoid"``, ``"softmax"`` over the last axis) and the logits of an output; None for any other object."""
        for kind, output, x in reversed(self._kept):
            if output is y:
                return kind, x
        return None


def _stack() -> list[keeping_logits]:
    if not hasattr(_active, "contexts"):
        _active.contexts = []
    return _active.contexts


def logits_of(y: Any) -> tuple[str, Any] | None:
    """What the innermost `keeping_logits` context knows of `y`."""
    contexts = _stack()
    return contexts[-1].of(y) if contexts else None


def remember(kind: str, y: Any, x: Any) -> Any:
    contexts = _stack()
    if contexts:
        contexts[-1]._kept.append((kind, y, x))
    return y
