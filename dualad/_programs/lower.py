"""From a recording to a graph: scalar nodes in C, array steps, moves as views. What has no step of its own becomes a call of NumPy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._replay import ARITY, NAMES, OPS
from . import exact, lower_calls, lower_formulas, lower_moments, lower_recorded, lower_symbolic  # noqa: F401 - some of them only register rules
from .capture import Capture
from .ir import COPIED, FLOATS, NATIVE, Assemble, Call, Ids, Scalar, View, contiguous, whole
from .operands import F8, F32, INEXACT, SMALL, Array, Operands, elements

# Functions and methods, not ufuncs, whose results have a shape that the operands' shapes determine.
SHAPED = frozenset((
    "_UfuncMethod", "all", "allclose", "any", "argmax", "argmin", "argsort", "array_equal", "astype", "broadcast_to", "clip", "copy", "count_nonzero",
    "cumsum", "float", "isclose", "max", "mean", "min", "reshape", "round", "searchsorted", "sort", "sum", "take_along_axis", "transpose",
))  # fmt: skip
_INPUT = _core.NODE_OPS["input"]
_SQUARE = OPS["square"]


class Guard:
    """A value on which the course of the recording depended; the program holds while it stays the same bit for bit."""

    __slots__ = ("expected", "line", "operands")

    def __init__(self, operands: list[Any], expected: np.ndarray, line: Any) -> None:
        self.operands, self.expected, self.line = operands, expected, line


class Lowering(Operands):
    """Lowers a recording node by node."""

    def __init__(self, recorded: Capture, exact: bool = False, small: int = SMALL, passes: frozenset[str] = frozenset(("fold", "cse"))) -> None:
        super().__init__(recorded, exact, small, passes)
        self.found = np.zeros((len(recorded.nodes), 4), np.int32)  # how scalar nodes find the elements of array nodes
        self.pool = np.zeros(64, np.int32)
        self.pooled = 0
        self.scalar_inputs: list[int] = []  # leaf numbers, in the order of the scalar input buffer
        for k, node in enumerate(recorded.inputs):
            if recorded.nodes["op"][node] == _INPUT:
                flags = int(recorded.nodes["flags"][node]) & F32
                self.ids[node] = self.graph.leaves(1, np.array([len(self.scalar_inputs)]), -1, flags)[0]
                self.scalar_inputs.append(k)

    def run(self) -> None:
        """Lowers every node, in the order of the tape."""
        start, nodes = 0, self.recorded.nodes
        for step in self.recorded.steps:
            self._scalars(start, step["node"])
            start = step["node"] + 1
            array = self._lower(step)
            if self.exact and isinstance(array, (View, Ids)):
                array = array.formed(exact.form_of(step["value"], step["memory"]))
            self._note(step["node"], array)
        self._scalars(start, len(nodes))

    def _scalars(self, start: int, stop: int) -> None:
        if start < stop:
            for node in np.unique(self.recorded.nodes["a"][start:stop][self.recorded.nodes["op"][start:stop] == _core.NODE_OPS["elem"]]):
                if not self.found[node, 0]:
                    self._find(int(node))
            if self.exact:
                self._exact_scalars(start, stop)
            else:
                self._to_graph(start, stop)

    def _to_graph(self, start: int, stop: int) -> None:
        self.graph.tape(self.recorded.nodes, start, stop, self.ids, self.found, self.pool)

    def _exact_scalars(self, start: int, stop: int) -> None:
        """The same, but what IEEE does not fix is computed by NumPy or Python."""
        ops, nodes = self.recorded.nodes["op"], self.recorded.nodes
        called = INEXACT[np.minimum(ops[start:stop], len(NAMES))] | (nodes["flags"][start:stop] & _core.NODE_FLAGS["libm"] != 0) & (ops[start:stop] == _SQUARE)
        for k in np.flatnonzero(called) + start:
            self._to_graph(start, int(k))
            start, code, flags = int(k) + 1, int(ops[k]), int(nodes["flags"][k])
            kind = np.float32 if flags & F32 else np.float64
            given = [(nodes["a"][k], _core.NODE_FLAGS["a_const"]), (nodes["b"][k], _core.NODE_FLAGS["b_const"])][: ARITY[code]]
            operands = tuple(kind(nodes["c"][k]) if flags & const else Scalar(int(self.ids[node])) for node, const in given)
            if code == _SQUARE:  # as Python has it, a power
                code, operands = OPS["pow"], (*operands, kind(2))
            function = exact.ScalarCall(code, kind, bool(flags & _core.NODE_FLAGS["libm"]))
            out = self.call(function, NAMES[code], (operands, {}), kind(nodes["v"][k]))
            self.ids[k] = self.nodes_of(out)
        self._to_graph(start, stop)

    # ---- arrays by tape node ----

    def _note(self, node: int, array: Any) -> None:
        if isinstance(array, Scalar):
            array = Ids(np.array(array.node, np.int32), F8)
        self.arrays[node] = np.asarray(array) if isinstance(array, float) else array

    def _find(self, node: int) -> None:
        """Tells the graph where scalar nodes find the elements of an array node."""
        array = self.arrays[node]
        if isinstance(array, np.ndarray):
            array = Ids(self.graph.constants(array, self.flags(array.dtype)), array.dtype)
        if isinstance(array, Ids):
            self.found[node] = (1, self._pool(array.nodes), 0, 0)
        elif array.index is None and array.strides == contiguous(array.shape):
            self.found[node] = (2, array.offset, array.value.buffer, self._node_of(array.value))
        else:
            self.found[node] = (3, self._pool(array.offsets()), array.value.buffer, self._node_of(array.value))

    def _pool(self, numbers: np.ndarray) -> int:
        """Keeps numbers for the graph to look up; where they start."""
        at, n = self.pooled, numbers.size
        if at + n > self.pool.size:
            self.pool = np.concatenate([self.pool, np.zeros(max(n, self.pool.size), np.int32)])
        self.pool[at : at + n] = numbers.reshape(-1)
        self.pooled += n
        return at

    # ---- records ----

    def _lower(self, step: dict[str, Any]) -> Array:
        return getattr(self, "_" + step["kind"])(step)

    def _input(self, step: dict[str, Any]) -> Array:
        if step["node"] not in self.recorded.inputs:
            return np.array(step["value"])
        value = np.asarray(step["value"])
        return whole(self.new_value(value.shape, value.dtype, given=self.recorded.inputs.index(step["node"])))

    def _table(self, step: dict[str, Any]) -> Array:
        code, out = step["op"], np.asarray(step["value"])
        operands = [self.operand(step["a"], step["x"])]
        if ARITY[code] == 2:
            operands.append(self.operand(step["b"], step["y"]))
        if out.dtype not in FLOATS or any(self.dtype_of(x) not in NATIVE for x in operands) or (self.exact and INEXACT[code]):
            function = exact.function_of(step) if self.exact else _core.table_call(code)
            return self.call(function, NAMES[code], (tuple(operands), {}), step["value"])
        return self.elementwise(code, operands, out.shape, out.dtype)

    def _move(self, step: dict[str, Any]) -> Array:
        x, how, kind = self.operand(step["a"], None), step["params"], _core.MOVES[step["op"]]
        if isinstance(x, Scalar):
            x = Ids(np.array(x.node, np.int32), np.asarray(step["value"]).dtype)
        if kind in ("sum", "sum_kept"):
            return lower_calls.reduce(self, "sum", x, how, kind == "sum_kept", step["value"])
        if kind == "reshape":
            return self.moved(x, lambda a: a.reshape(how))
        if kind == "transpose":
            return self.moved(x, lambda a: a.transpose(how))
        return self.moved(x, lambda a: np.broadcast_to(a, how))

    def _get(self, step: dict[str, Any]) -> Array:
        x, index = self.operand(step["a"], None), step["params"]
        if _core.holds_recorded(index):
            return self._decided(operator.getitem, "getitem", ((x, index), {}), step["value"])
        return self.moved(x, lambda a: np.asarray(a[index]))

    def _set(self, step: dict[str, Any]) -> Array:
        value, index = np.asarray(step["value"]), step["params"]
        base = self.operand(step["a"], None)
        if base is None:  # the array was plain: what the store left alone is in the result
            base = np.array(step["value"])
        new = self.operand(step["b"], step["y"])
        if _core.holds_recorded(index) or value.dtype not in COPIED:
            return self.call(_stored, "store", ((base, index, new), {}), value)
        if elements(base) <= self.small and elements(new) <= self.small:
            nodes = np.array(np.broadcast_to(self.nodes_of(base, value.dtype), value.shape))
            nodes[index] = self.nodes_of(new, value.dtype)
            return Ids(nodes, value.dtype)
        out = self.new_value(value.shape, value.dtype)
        place = self.moved(whole(out), lambda a: np.asarray(a[index]))
        assert isinstance(place, View)
        if place.index is not None and np.unique(place.index).size != place.index.size:
            return self.call(_stored, "store", ((base, index, new), {}), value)
        parts = [(whole(out), self.spread(self.simple(base), value.shape)), (place, self.spread(self.simple(new), place.shape))]
        self.add(Assemble(out, parts))
        return whole(out)

    def _pack(self, step: dict[str, Any]) -> Array:
        value = np.asarray(step["value"])
        if value.dtype not in FLOATS:
            plain = tuple(self.operand(int(n), v) for n, v in zip(step["nodes"], value.reshape(-1), strict=True))
            return self.call(_packed, "array", ((plain, value.shape, value.dtype), {}), value)
        flags = self.flags(value.dtype)
        given = step["nodes"] >= 0
        nodes = np.empty(value.size, np.int32)
        nodes[given] = self.ids[step["nodes"][given]]
        nodes[~given] = self.graph.constants(value.reshape(-1)[~given].astype(float), flags)
        return Ids(nodes.reshape(value.shape), value.dtype)

    def _primitive(self, step: dict[str, Any]) -> Array:
        prim, params = step["prim"], step["params"]
        operands = [self.operand(n, a) for n, a in zip(step["nodes"], step["args"], strict=True)]
        rule = lower_calls.PRIMITIVES.get(prim.name)
        self.prim = prim
        if rule is not None and prim.outputs == 1 and np.asarray(step["value"]).dtype in NATIVE:
            out = rule(self, operands, params, np.asarray(step["value"]))
            if out is not None:
                return out
        return self.call(prim.impl, prim.name, (tuple(operands), params), step["value"])

    def _output(self, step: dict[str, Any]) -> Array:
        return self.arrays[step["a"]][step["b"]]  # type: ignore[index]

    def _call(self, step: dict[str, Any]) -> Array:
        function, tree = step["x"], step["args"]
        operands = [self.operand(n, None) for n in step["nodes"]]
        if function is operator.getitem and isinstance(self.arrays.get(step["nodes"][0]), tuple):
            return self.arrays[step["nodes"][0]][tree[0][1]]  # type: ignore[index]
        several = isinstance(step["value"], tuple)
        value = step["value"] if several else np.asarray(step["value"])
        if several or (not isinstance(step["value"], list) and value.dtype in NATIVE):
            out = lower_recorded.recorded(self, function, _core.fill(tree, operands), value)
            if out is not None:
                return out
        name = getattr(function, "__name__", type(function).__name__)
        if isinstance(function, np.ufunc) or getattr(function, "name", name) in SHAPED:
            return self.call(function, name, _core.fill(tree, operands), step["value"])
        return self._decided(function, name, _core.fill(tree, operands), step["value"])

    def _decided(self, function: Callable[..., Any], name: str, tree: Any, result: Any) -> Any:
        """A call whose result may have another shape for other values."""
        out = self.call(function, name, tree, result)
        step = next((v.value.step for v in (out if isinstance(out, tuple) else (out,)) if isinstance(v, View)), None)
        if isinstance(step, Call):
            step.decides = True
        return out

    # ---- what must come out ----

    def guards(self) -> list[Guard]:
        """The recording's guards: scalar nodes or arrays with the values they had."""
        out = []
        for node, line in self.recorded.guards.items():
            x = self.operand(node, None)
            if isinstance(x, Scalar):
                out.append(Guard([x], np.array([self.recorded.nodes["v"][node]]), line))
            elif isinstance(x, Ids):
                out.append(Guard([Scalar(int(n)) for n in x.nodes.reshape(-1)], self._recorded_value(node).reshape(-1).astype(float), line))
            elif isinstance(x, View):
                out.append(Guard([self.copied(x) if x.value.given < 0 else x], self._recorded_value(node), line))
        return out

    def _recorded_value(self, node: int) -> np.ndarray:
        return np.array(self.recorded.steps[int(self.recorded.nodes["aux"][node])]["value"])


def _stored(base: Any, index: Any, new: Any) -> Any:
    """A copy of an array with something stored at an index."""
    out = np.array(base)
    out[index] = new
    return out


def _packed(items: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    return np.array(items, dtype).reshape(shape)
