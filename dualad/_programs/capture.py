"""Recording one call of a function as a program: everything computed from the inputs becomes nodes of one tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._calls import function_name
from .._recording import watched
from ..errors import DetachedError, DtypeError, EscapedError
from ..tree import flatten


class Output:
    """One leaf of the result: node -1 is a constant. `kind` is the Python type of a number, None for an array."""

    __slots__ = ("kind", "node", "value")

    def __init__(self, node: int, value: Any) -> None:
        self.node, self.value = node, value
        self.kind = None if isinstance(value, np.ndarray) else type(value)


class Capture:
    """What a call did: scalar nodes, array steps, guards, and where the result's leaves stand."""

    __slots__ = ("guards", "inputs", "kinds", "nodes", "outputs", "steps", "structure")

    def __init__(self, tape: Any, leaves: list[Any], inputs: list[Any], results: list[Any], structure: Any, guards: dict[int, Any]) -> None:
        self.kinds = [None if isinstance(x, np.ndarray) else type(x) for x in leaves]
        self.nodes = _core.recorded_nodes(tape)
        self.steps = [_core.recorded_step(tape, k) for k in range(int(np.count_nonzero(self.nodes["op"] == _core.NODE_OPS["array"])))]
        self.guards = guards
        self.inputs = [_core.node_of(tape, x) for x in inputs]
        self.outputs = [Output(_core.node_of(tape, y), _core.bare_value(y)) for y in results]
        self.structure = structure


def capture(f: Any, call: Callable[[list[Any]], Any], leaves: list[Any], exact: bool = False) -> Capture:
    """Records ``call(leaves)``; no transform may be recording in this thread. `f` is the function that errors speak of."""
    tape = _core.begin_program()
    try:
        inputs = _core.program_inputs(tape, leaves)

        def fresh_call(variables: list[Any]) -> Any:
            _core.forget_guards(tape)
            return call(variables)

        def checked(y: Any) -> tuple[list[Any], Any, dict[int, Any]]:
            return (*_results(y, f), _core.recorded_guards(tape))  # of this run: there may be a second one, only to compare with

        try:
            found = watched(f, fresh_call, inputs, checked, exact=exact)
        except DetachedError:
            _core.allow_conversions(tape)
            found = watched(f, fresh_call, inputs, checked, exact=exact)
        return Capture(tape, leaves, inputs, *found)
    finally:
        _core.end(tape)


def _results(y: Any, f: Any) -> tuple[list[Any], Any]:
    leaves, structure = flatten(_core.pack(y) if isinstance(y, np.ndarray) else y)
    return [_result(_core.pack(x), f) for x in leaves], structure


def _result(x: Any, f: Any) -> Any:
    if _core.is_traced(x) and (_core.parts(x) is not None or _core.escaped(x)):
        raise EscapedError(f"{function_name(f)} returned a traced value of a transform that had ended before (kept in a global, a closure or an "
                           "attribute?); return it from that transform, or keep dualad.value(x)")
    if _core.is_traced(x) or isinstance(x, (bool, int, float, complex, np.generic)) or (isinstance(x, np.ndarray) and x.dtype.kind in "biufc"):
        return x
    raise DtypeError(f"{function_name(f)} returned {_core._short(x)} of type {type(x).__name__}; a compiled function returns numbers, arrays and trees "
                     "of them")
