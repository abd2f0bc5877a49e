"""Parts that are loaded when they are first asked for: `import dualad.nn` pays only for what every model needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def attributes(package: str, modules: dict[str, str], submodules: tuple[str, ...] = ()) -> Callable[[str], Any]:
    """A package's ``__getattr__`` (PEP 562).

    Parameters
    ----------
    package : str
        Its ``__name__``.
    modules : dict of str to str
        For each of the lazy names the module that defines it, relative to the package.
    submodules : tuple of str
        Modules of the package that are lazy themselves.

    Examples
    --------
    >>> find = attributes("dualad.nn.saving", {"load_model": ".models"})
    >>> find("load_model").__module__
    'dualad.nn.saving.models'
    """

    def find(name: str) -> Any:
        if name not in modules and name not in submodules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        found = import_module(f".{name}", package) if name in submodules else getattr(import_module(modules[name], package), name)
        setattr(sys.modules[package], name, found)
        return found

    return find
