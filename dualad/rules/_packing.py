"""Functions of libraries, made to take lists of traced numbers as they take lists of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core


def _of_numbers(x: Any) -> bool:
    """True for object arrays and (nested) lists of numbers, not of arrays."""
    if isinstance(x, (list, tuple)):
        return all(_of_numbers(e) if isinstance(e, (list, tuple)) else np.ndim(_core.plain(e)) == 0 for e in x)
    return type(x) is np.ndarray and x.dtype == object


class Packing:
    """A function or ufunc that takes lists and object arrays of traced numbers too; everything else is the original's."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self._original = original

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._original(*[_core.pack(a) if _of_numbers(a) else a for a in args], **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
