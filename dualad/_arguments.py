"""How the arguments of a custom function divide: positional ones are differentiated, keyword-only ones are static."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from .errors import DetachedError, DtypeError

if TYPE_CHECKING:
    import inspect


class Arguments:
    """The parameters of `fun`: `names` of the positional ones (None when open-ended), `defaults` of the keyword-only ones."""

    def __init__(self, fun: Callable[..., Any], name: str) -> None:
        import inspect

        self.function = name
        self.names: list[str] | None = None
        self.defaults: dict[str, Any] = {}
        try:
            self._signature = inspect.signature(fun)
        except (TypeError, ValueError):  # functions of C libraries often have none
            return
        parameters = self._signature.parameters.values()
        self.defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}
        if not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            self.names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]

    def bind(self, args: list[Any], params: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional parameters given by name or default become positional; checks what may be traced."""
        names = self.names
        if names is not None and (len(args) != len(names) or any(name in params for name in names)):
            given = self._filled(names, self._signature.bind(*args, **params))
            args, params = [_core.pack(a) for a in given.values()], {k: v for k, v in params.items() if k not in given}
        for name, value in params.items():
            if holds_traced(value):
                raise DetachedError(
                    f"the keyword-only argument {name!r} of {self.function} is static, but got a traced value, whose derivative "
                    "would be lost; make it a positional parameter, or pass dualad.value(...) for a constant"
                )
        return [self._number(i, a) for i, a in enumerate(args)], dict(params)

    def _filled(self, names: list[str], bound: inspect.BoundArguments) -> dict[str, Any]:
        """The positional arguments, up to the first one that is left at a default which is no number (``out=None``)."""
        filled = {}
        for name in names:
            value = bound.arguments.get(name, self._signature.parameters[name].default)
            if name not in bound.arguments and not isinstance(value, (int, float, complex, np.ndarray, np.number)):
                break
            filled[name] = value
        return filled

    def _number(self, i: int, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            value = np.asarray(value)
        if _core.is_traced(value) or isinstance(value, (int, float, complex, np.number, np.bool_)):
            return value
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
            return value
        what = f"argument {i}" if self.names is None else f"argument {self.names[i]!r}"
        raise DtypeError(
            f"the positional {what} of {self.function} must be a number or an array of numbers, got {type(value).__name__}; "
            "anything else goes into keyword-only parameters"
        )


def holds_traced(value: Any) -> bool:
    """True when a traced value is in `value` or in the dicts, lists and tuples of it."""
    if isinstance(value, dict):
        return any(map(holds_traced, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(holds_traced, value))
    return _core.is_traced(value)
