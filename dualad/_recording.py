"""One run of a function on fresh variables, and the sweeps over what it recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _core, _hook
from .errors import DetachedError, DualadError, UnhashableError


def watched(f: Any, call: Callable[[Any], Any], variables: list[Any], check: Callable[..., Any], *options: Any, exact: bool = False) -> Any:
    """``check(call(variables), *options)``; where a traced value could not become a plain number, once more under the hook.

    A refusal counts also where the user's code or NumPy caught it, for a derivative would be lost. `exact`: object arrays, whose products are
    sums of Python's where those of numbers are BLAS's, count only where there is no other way.
    """
    known = _hook.known(f)
    if not known and not _hook.inside():
        out, failure = _attempt(call, variables, check, options)
        if failure is None:
            return out
        if failure is DOUBT:
            trusted = known is False and not exact
            return out if trusted else _confirmed(f, out, lambda: _attempt(call, variables, check, options), exact)
    with _hook.hooked(f):
        out, failure = _attempt(call, variables, check, options)
    if failure is not None and failure is not DOUBT:
        try:
            raise failure.error()
        finally:
            del failure  # or the exception, its traceback and this frame would be a cycle
    _hook.remember(f)
    return out


def _confirmed(f: Any, out: Any, again: Callable[[], tuple[Any, Any]], exact: bool) -> Any:
    """A result that came by way of object arrays, on which NumPy can go wrong without a word (`.imag`, `.dtype`): the first time a function
    makes them, it is compared with a run under the hook, where none are made."""
    with _hook.hooked(f):
        other, failure = again()
    if failure is not None and failure is not DOUBT:
        return out
    if _same_values(out[0], other[0]):
        _hook.trust(f)
        return other if exact else out
    _hook.remember(f)
    return other


def _same_values(a: Any, b: Any) -> bool:
    a, b = (a, b) if isinstance(a, list) else ([a], [b])
    pairs = [(np.asarray(_core.plain(x)), np.asarray(_core.plain(y))) for x, y in zip(a, b)]
    return len(a) == len(b) and all(x.dtype == y.dtype and np.array_equal(x, y, equal_nan=True) for x, y in pairs)


class Failure:
    """Why a run has to be repeated: a refused conversion, or an error after traced scalars had gone into an object array."""

    def __init__(self, refusal: str | None, cause: Exception | None) -> None:
        self.refusal, self.cause = refusal, cause

    def error(self) -> Exception:
        """What to raise when the hook could not help."""
        if self.refusal is None:
            assert self.cause is not None
            return self.cause
        line = _hook.user_line(self.cause)
        out = DetachedError(self.refusal + (line if line not in self.refusal else "") + _OUT_OF_REACH)
        out.__cause__ = self.cause
        return out


DOUBT = Failure(None, None)  # the run went well, but made object arrays

_OUT_OF_REACH = (
    ". Buffers from np.zeros and its like, and math.*, take traced values; beyond dualad's reach are float(x) itself, names imported from "
    "their module (from numpy import zeros: write np.zeros; from math import sin: write math.sin), and plain buffers made by .copy(), by "
    "arithmetic or outside the function (write np.array(x0) or np.zeros_like(x) inside it)"
)


def _attempt(call: Callable[[Any], Any], variables: list[Any], check: Callable[..., Any], options: tuple[Any, ...]) -> tuple[Any, Any]:
    """(result, None), or (None, Failure) when the run should be repeated under the hook."""
    before = _core.watch()
    try:
        out = check(call(_core.handles(variables)), *options)
    except Exception as error:
        refusal, probed = _core.unwatch(before)
        if refusal is None and isinstance(error, DetachedError):
            refusal = str(error)
        if refusal is not None or _mends(error, probed):
            return None, Failure(refusal, error)
        raise
    except BaseException:
        _core.unwatch(before)
        raise
    refusal, probed = _core.unwatch(before)
    return out, (DOUBT if probed else None) if refusal is None else Failure(refusal, None)


def _mends(error: Exception, probed: bool) -> bool:
    """True for an error that a run without object arrays, or without hashing, may not have."""
    if isinstance(error, UnhashableError):
        return True
    return probed and isinstance(error, (TypeError, ValueError, AttributeError, IndexError)) and not isinstance(error, DualadError)


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

    def run(self, f: Any, call: Callable[[list[Any]], Any], check: Callable[..., Any], *options: Any) -> Any:
        """Runs the function, checks its result with ``check(result, *options)`` and ends the recording."""
        try:
            return watched(f, call, self.variables, check, *options)
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
