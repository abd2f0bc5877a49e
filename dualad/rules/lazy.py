"""Rules of libraries that dualad does not import itself: registered once the user has imported them and one is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

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


_core.UNKNOWN_UFUNC[:] = [_register]
