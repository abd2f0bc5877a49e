"""The registers in which NumPy's functions find their rules."""

from __future__ import annotations

from typing import Any, Callable

from . import _core
from ._core import Direct, Primitive

__all__ = ["Direct", "Primitive", "implements", "method", "plain"]


def implements(
    *functions: Callable[..., Any], direct: Direct | None = None, out: int | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the decorated handler for NumPy functions. `out=` never reaches it: the engine stores the result itself.

    `direct` is for handlers that do no more in a plain call than to call a primitive. `out` is the position of that argument, which
    a compiled handler does not show.
    """

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            _core.FUNCTIONS[function] = handler
            if direct is not None:
                _core.DIRECT[function] = direct
            _note_out(function, handler)
            if out is not None:
                _core.OUT_AT[function] = out
        return handler

    return register


def _note_out(key: Any, handler: Callable[..., Any]) -> None:
    """Remembers where `out` stands among the positional arguments: the engine takes it out of there too."""
    code = getattr(handler, "__code__", None)
    if code is not None and "out" in code.co_varnames[: code.co_argcount]:
        _core.OUT_AT[key] = code.co_varnames.index("out")


def method(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the decorated function as a method (first argument: the traced value) of traced values."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            _note_out(name, handler)
            _core.METHODS[name] = _core.storing(name, handler) if name in _core.OUT_AT else handler
        return handler

    return register


def plain(*functions: Callable[..., Any]) -> None:
    """Registers functions whose result has no derivative (integers, booleans, shapes): they run on the plain values."""
    for function in functions:
        _core.FUNCTIONS[function] = _core.run_plain(function)
