"""One run of a function on fresh variables, and the sweeps over what it recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _core
from .errors import DetachedError, DualadError


def watched(call: Callable[[Any], Any], argument: Any, check: Callable[..., Any], *options: Any) -> Any:
    """``check(call(argument), *options)``, where a refused conversion to a plain number is an error.

    Also where the user's code or NumPy caught the refusal: a derivative would be lost.
    """
    before = _core.swap_refusal(None)
    try:
        out = check(call(argument), *options)
    except DualadError:
        raise
    except Exception as error:
        message = _core.swap_refusal(None)
        if message is None:
            raise
        raise DetachedError(message) from error
    finally:
        message = _core.swap_refusal(before)
    if message is not None:
        raise DetachedError(message)
    return out


def _plain_result(y: Any, tape: Any) -> Any:
    """A result as its user gets it: without the traces of a tape that has ended; what is returned shares no memory."""
    parts = _core.parts(y)
    if parts is not None:
        return _core.join(parts[0], _plain_result(parts[1], tape), _plain_result(parts[2], tape))
    if _core.is_traced(y):
        return y if tape.recording else _core.value(y)
    return y.copy() if isinstance(y, np.ndarray) else y


class Recording:
    """One run of a function on fresh variables, and the sweeps over what it recorded."""

    __slots__ = ("inputs", "lo", "tape", "variables")

    def __init__(self, leaves: list[Any]) -> None:
        self.tape = _core.begin()
        try:
            self.variables, self.lo = _core.fresh_all(self.tape, leaves)
        except BaseException:
            _core.end(self.tape)
            raise
        self.inputs = _core.innermost(self.variables)

    def run(self, call: Callable[[list[Any]], Any], check: Callable[..., Any], *options: Any) -> Any:
        """Runs the function, checks its result with ``check(result, *options)`` and ends the recording."""
        try:
            return watched(call, self.variables, check, *options)
        finally:
            _core.end(self.tape)

    def pull(self, results: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """Cotangents of the variables. A Dual result or cotangent is taken apart: parts pair as in dual multiplication."""
        level = max(_core.highest_level(results), _core.highest_level(cotangents))
        if level < 0:
            return _core.pull(self.tape, self.lo, self.inputs, results, cotangents, 0)
        split = [(_at_level(y, level), _at_level(c, level)) for y, c in zip(results, cotangents)]
        primal = self.pull([y[0] for y, _ in split], [c[0] for _, c in split])
        cross = [(y[0], c[1]) for y, c in split if c[1] is not None] + [(y[1], c[0]) for y, c in split if y[1] is not None]
        tangent = self.pull([y for y, _ in cross], [c for _, c in cross])
        return [_core.join(level, p, t) for p, t in zip(primal, tangent)]

    def finish(self, y: Any) -> Any:
        return _plain_result(y, self.tape)


def _at_level(x: Any, level: int) -> tuple[Any, Any]:
    """Primal and tangent at a level; None for a tangent that is not there."""
    parts = _core.parts(x) if _core.is_traced(x) else None
    return (parts[1], parts[2]) if parts is not None and parts[0] == level else (x, None)
