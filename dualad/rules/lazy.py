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


def replacements() -> dict[str, Callable[..., Any]]:
    """What takes traced values in place of functions of `scipy.special`, by name; empty while SciPy is not imported."""
    if "scipy.special" not in sys.modules:
        return {}
    from .scipy_functions import FUNCTIONS

    return FUNCTIONS


_core.UNKNOWN_UFUNC[:] = [_register]
