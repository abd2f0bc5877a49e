"""Rules of libraries that dualad does not import itself: registered once the user has imported them and one is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core


def _register(ufunc: Any) -> bool:
    """Asked about a ufunc without a rule: True when it has one now. SciPy's ufuncs carry nothing that says whose they are."""
    if "scipy.special" not in sys.modules:
        return False
    from . import scipy_special  # noqa: F401 - imported for its registrations

    return ufunc in _core.FUNCTIONS


def replacements(dispatching: Callable[..., Any]) -> list[tuple[Any, str, Any]]:
    """(module, name, what takes traced values in its place) of `scipy.special`; empty while SciPy is not imported.

    `dispatching` makes a function that chooses between an original and its rule.
    """
    if "scipy.special" not in sys.modules:
        return []
    from . import scipy_functions

    return scipy_functions.replacements(dispatching)


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


_core.UNKNOWN_UFUNC[:] = [_register]
