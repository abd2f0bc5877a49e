"""From a recording to a graph: scalar nodes in C, array steps, moves as views. What has no step of its own becomes a call of NumPy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._replay import ARITY, NAMES, OPS, Graph
from . import lower_calls, lower_symbolic  # noqa: F401 - lower_symbolic registers its rules
from .capture import Capture
from .ir import (
    COPIED,
    FLOATS,
    NATIVE,
    Assemble,
    Call,
    Elementwise,
    Gathered,
    Ids,
    Operand,
    Scalar,
    Step,
    Value,
    View,
    contiguous,
    size_of,
    whole,
)

SMALL = 32  # arrays up to this size are computed element by element in the scalar graph
F32 = _core.NODE_FLAGS["f32"]
# Functions and methods, not ufuncs, whose results have a shape that the operands' shapes determine.
SHAPED = frozenset((
    "_UfuncMethod", "all", "allclose", "any", "argmax", "argmin", "argsort", "array_equal", "astype", "broadcast_to", "clip", "copy", "count_nonzero",
    "cumsum", "float", "isclose", "max", "mean", "min", "reshape", "round", "searchsorted", "sort", "sum", "take_along_axis", "transpose",
))  # fmt: skip
_INPUT, _ARRAY = _core.NODE_OPS["input"], _core.NODE_OPS["array"]
BOOL, F8 = np.dtype(bool), np.dtype(float)
Array = View | Ids | np.ndarray  # what an array node is known as


# by operation, and one more: those whose result IEEE does not fix
INEXACT = np.array([not op["exact"] for op in _core.operations()] + [False])


class _Exact:
    """A scalar operation as NumPy computes it."""

    __slots__ = ("code", "kind")

    def __init__(self, code: int, kind: Any) -> None:
        self.code, self.kind = code, kind

    def key(self) -> Any:
        return self.code, self.kind

    def __call__(self, *args: Any) -> Any:
        return self.kind(_core.table_call(self.code)(*[self.kind(a) for a in args]))


class Guard:
    """A value on which the course of the recording depended; the program holds while it stays the same bit for bit."""

    __slots__ = ("expected", "line", "operands")

    def __init__(self, operands: list[Any], expected: np.ndarray, line: Any) -> None:
        self.operands, self.expected, self.line = operands, expected, line


class Lowering:
    """The graph of a recording while it grows. Buffers 0 and 1 are the bank of scalars and the scalar inputs."""

    def __init__(self, recorded: Capture, exact: bool = False, small: int = SMALL, passes: frozenset[str] = frozenset(("fold", "cse"))) -> None:
        self.recorded, self.exact, self.small = recorded, exact, small
        self.folds, self.merges = "fold" in passes, "cse" in passes
        self.prim: Any = None  # the primitive that is being lowered
        self.symbol_flags = 0
        n = len(recorded.nodes)
        self.graph = Graph()
        self.ids = np.full(n, -1, np.int32)  # graph nodes of scalar tape nodes
        self.found = np.zeros((n, 4), np.int32)
        self.pool = np.zeros(64, np.int32)
        self.pooled = 0
        self.arrays: dict[int, Array] = {}  # by tape node
        self.values: list[Value] = []
        self.steps: list[Step] = []
        self.scalar_inputs: list[int] = []  # leaf numbers, in the order of the scalar input buffer
        self.same: dict[Any, Any] = {}  # steps seen before
        self.held: list[Any] = []
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
            self._note(step["node"], self._lower(step))
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
        """The same, but what IEEE does not fix is computed by NumPy."""
        ops, nodes = self.recorded.nodes["op"], self.recorded.nodes
        for k in np.flatnonzero(INEXACT[np.minimum(ops[start:stop], len(NAMES))]) + start:
            self._to_graph(start, int(k))
            start, code, flags = int(k) + 1, int(ops[k]), int(nodes["flags"][k])
            kind = np.float32 if flags & F32 else np.float64
            given = [(nodes["a"][k], _core.NODE_FLAGS["a_const"]), (nodes["b"][k], _core.NODE_FLAGS["b_const"])][: ARITY[code]]
            operands = tuple(kind(nodes["c"][k]) if flags & const else Scalar(int(self.ids[node])) for node, const in given)
            out = self.call(_Exact(code, kind), NAMES[code], (operands, {}), kind(nodes["v"][k]))
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
            array = Ids(self.graph.constants(array, F32 if array.dtype == np.float32 else 0), array.dtype)
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

    @staticmethod
    def _node_of(value: Value) -> int:
        return value.step.node if value.step is not None else -1

    def new_value(self, shape: tuple[int, ...], dtype: Any, given: int = -1, constant: np.ndarray | None = None) -> Value:
        v = Value(len(self.values) + 2, tuple(shape), np.dtype(dtype), given, constant)
        self.values.append(v)
        return v

    def constant(self, array: np.ndarray) -> View:
        """A constant array as a value; equal arrays only once."""
        a = np.array(array, order="C")
        key = ("constant", a.shape, a.dtype.str, a.tobytes() if a.nbytes <= 4096 else id(array))
        if key not in self.same:
            self.same[key] = (self.new_value(a.shape, a.dtype, constant=a), array)
        return whole(self.same[key][0])

    # ---- operands ----

    def operand(self, node: int, plain: Any) -> Any:
        """What stands for a tape node (or a constant): View, Ids, ndarray, float, or Scalar."""
        if node < 0:
            return plain
        return self.arrays[node] if self.recorded.nodes["op"][node] == _ARRAY else Scalar(int(self.ids[node]))

    def nodes_of(self, x: Any, dtype: Any = None) -> np.ndarray:
        """Graph nodes of the elements of an operand."""
        if isinstance(x, Scalar):
            return np.array(x.node, np.int32)
        if isinstance(x, Ids):
            return x.nodes
        if isinstance(x, View):
            if x.value.constant is not None:
                return self.graph.constants(x.value.constant.reshape(-1)[x.offsets()].astype(float), F32 if x.dtype == np.float32 else 0)
            return self.graph.leaves(x.value.buffer, x.offsets(), self._node_of(x.value), F32 if x.dtype == np.float32 else 0)
        return self.graph.constants(np.asarray(x, float), F32 if dtype == np.float32 else 0)

    def nodes_of_any(self, x: Any, dtype: Any) -> np.ndarray:
        """The same, of uniform constants and numbers too."""
        return self.nodes_of(x.number if isinstance(x, Uniform) else x, dtype)

    @staticmethod
    def is_exact(code: int) -> bool:
        """Whether IEEE fixes the result of an operation."""
        return not INEXACT[code]

    @staticmethod
    def holds_recorded(tree: Any) -> bool:
        """Whether parameters hold values that the recording computed."""
        return _core.holds_recorded(tree)

    @staticmethod
    def is_recorded(x: Any) -> bool:
        """Whether a parameter is such a value."""
        return _core.is_recorded(x)

    @staticmethod
    def flags(dtype: Any) -> int:
        """Flags of scalar nodes of a dtype."""
        return F32 if dtype == np.float32 else 0

    @staticmethod
    def numeric(x: Any) -> bool:
        """Whether an argument is a number or an array."""
        return isinstance(x, (View, Ids, Scalar, Uniform, np.ndarray, np.generic, bool, int, float))

    @staticmethod
    def dtype_of(x: Any) -> np.dtype[Any]:
        """The dtype of an operand; numbers count as float64."""
        return x.dtype if isinstance(x, (View, Ids)) else np.asarray(x).dtype if isinstance(x, (np.ndarray, np.generic)) else F8

    def view_of(self, x: Any) -> View:
        """An operand as a view of an array in memory."""
        if isinstance(x, View):
            return x
        if isinstance(x, Ids):
            key = ("gathered", x.nodes.tobytes(), x.shape, x.dtype.str)
            if key not in self.same:
                out = self.new_value(x.shape, x.dtype)
                self.add(Gathered(out, x.nodes))
                self.same[key] = out
            return whole(self.same[key])
        if isinstance(x, Scalar):
            return self.view_of(Ids(np.array(x.node, np.int32), F8))
        return self.constant(np.asarray(x))

    def add(self, step: Step) -> None:
        """Appends a step: an opaque node of the graph that depends on what it reads."""
        deps = [x.node if isinstance(x, Scalar) else self._node_of(x.value) for x in step.operands if isinstance(x, (Scalar, View))]
        step.node = self.graph.array(len(self.steps), [d for d in deps if d >= 0])
        self.steps.append(step)

    # ---- lowering ----

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
            return self.call(_core.table_call(code), NAMES[code], (tuple(operands), {}), step["value"])
        return self.elementwise(code, operands, out.shape, out.dtype)

    def elementwise(self, code: int, operands: list[Any], shape: tuple[int, ...], dtype: Any) -> Array:
        """An operation with broadcasting: in the scalar graph when everything is small, else a step."""
        dtype = np.dtype(dtype)
        operands = [self.simple(x) for x in operands]
        same = lower_calls.identity(self, code, operands, shape, dtype) if self.folds else None
        if same is not None:
            return same
        if size_of(shape) <= self.small and all(_elements(x) <= self.small for x in operands):
            nodes = [np.broadcast_to(self.nodes_of_any(x, dtype), shape) for x in operands]
            return Ids(self.graph.apply(code, F32 if dtype == np.float32 else 0, *nodes), dtype)
        return self.step(code, [self.spread(x, shape) for x in operands], shape, dtype)

    def step(self, code: int, operands: list[Any], shape: tuple[int, ...], dtype: Any) -> View:
        """An elementwise step, or the same one from before."""
        key = (code, shape, np.dtype(dtype).str, tuple(_key(x) for x in operands))
        if key not in self.same or not self.merges:
            out = self.new_value(shape, dtype)
            self.add(Elementwise(code, out, operands))
            self.same[key] = out
        return whole(self.same[key])

    def simple(self, x: Any) -> Any:
        """An operand in its simplest form: a uniform constant as a number, a single element as a scalar."""
        if isinstance(x, (View, Ids, Scalar, float)):
            return x
        a = np.asarray(x)
        if a.dtype.kind not in "biuf" or a.dtype == np.longdouble:
            return a
        if a.size and (a.size == 1 or (a.reshape(-1)[0] == a).all()):
            return Uniform(float(a.reshape(-1)[0]), a.shape)
        return a

    def spread(self, x: Any, shape: tuple[int, ...]) -> Operand:
        """An operand of an elementwise step: broadcast to its shape, or the same for all elements."""
        if isinstance(x, Uniform):
            return x.number
        if isinstance(x, (Scalar, float)):
            return x
        if isinstance(x, Ids) and x.nodes.size == 1:
            return Scalar(int(x.nodes.reshape(-1)[0]))
        if isinstance(x, np.ndarray) and x.dtype not in NATIVE:
            x = x.astype(float)
        moved = self.view_of(x).like(lambda a: np.broadcast_to(a, shape))
        assert moved is not None
        return moved

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

    def moved(self, x: Any, function: Callable[[np.ndarray], np.ndarray]) -> Array:
        """A rearranged operand: a view where memory allows it."""
        if isinstance(x, Uniform):
            x = np.full(x.shape, x.number)
        if isinstance(x, np.ndarray):
            return np.asarray(function(x))
        if isinstance(x, Scalar):
            x = Ids(np.array(x.node, np.int32), F8)
        if isinstance(x, Ids):
            nodes = np.asarray(function(x.nodes))
            return Ids(nodes, x.dtype) if nodes.size <= 4 * self.small else self.moved(self.view_of(x), function)
        out = x.like(function)
        if out is not None:
            return out
        if x.size > 65536 and x.index is None:  # rather a copy in memory than a list of places
            return self.moved(self.copied(x), function)
        index = np.asarray(function(x.offsets()), np.int64, order="C")
        return View(x.value, 0, index.shape, contiguous(index.shape), index)

    def copied(self, x: View) -> View:
        """A view as an array of its own."""
        if x.whole():
            return x
        if x.dtype not in COPIED:
            return self.call(np.array, "copy", ((x,), {}), np.empty(x.shape, x.dtype))
        return self.step(OPS["copy"], [x], x.shape, x.dtype)

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
        if _elements(base) <= self.small and _elements(new) <= self.small:
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
        flags = F32 if value.dtype == np.float32 else 0
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
        if isinstance(step["value"], tuple):
            several = lower_calls.several(self, function, _core.fill(tree, operands), step["value"])
            if several is not None:
                return several  # type: ignore[return-value]
        elif not isinstance(step["value"], list) and np.asarray(step["value"]).dtype in NATIVE:
            out = lower_calls.recorded(self, function, _core.fill(tree, operands), np.asarray(step["value"]))
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

    def call(self, function: Callable[..., Any], name: str, tree: Any, result: Any) -> Any:
        """A step that calls a Python function on arrays; `tree` is (args, kwargs) with operands in it."""
        operands: list[Any] = []
        tree = self._slots(tree, operands)
        several = isinstance(result, (tuple, list))
        key = ("call", name, _function_key(function), _tree_key(tree), tuple(_key(x) for x in operands))
        if key in self.same and self.merges:
            return self.same[key]
        out = [self.new_value(np.shape(r), np.asarray(r).dtype) for r in (result if several else [result])]
        if not operands:  # nothing of it depends on an input
            return tuple(np.asarray(r) for r in result) if several else np.asarray(result)
        self.add(Call(function, name, tree, operands, out, several))
        views = tuple(whole(v) for v in out)
        self.same[key] = views if several else views[0]
        self.held.append((function, tree))  # keys hold their identities
        return self.same[key]

    def _slots(self, tree: Any, operands: list[Any]) -> Any:
        """A tree of arguments with Slots for the operands in it."""
        if isinstance(tree, Uniform):
            return np.full(tree.shape, tree.number)
        if _core.is_recorded(tree):
            tree = self.operand(tree.node, None)
        if isinstance(tree, np.ndarray) or not isinstance(tree, (View, Ids, Scalar, tuple, list, dict)):
            return tree
        if isinstance(tree, (View, Ids, Scalar)):
            operands.append(tree if isinstance(tree, Scalar) else self.view_of(tree))
            return _core.Slot(len(operands) - 1)
        if isinstance(tree, dict):
            return {k: self._slots(v, operands) for k, v in tree.items()}
        parts = [self._slots(x, operands) for x in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)

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


class Uniform:
    """A constant array whose elements are all the same number."""

    __slots__ = ("number", "shape")

    def __init__(self, number: float, shape: tuple[int, ...]) -> None:
        self.number, self.shape = number, shape


def _elements(x: Any) -> int:
    return size_of(x.shape) if hasattr(x, "shape") else 1


def _key(x: Any) -> Any:
    return x.key() if isinstance(x, View) else ("scalar", x.node) if isinstance(x, Scalar) else x


def _function_key(function: Any) -> Any:
    """What tells functions of calls apart; those that dualad makes anew for each call compare by what they do."""
    return function.key() if hasattr(function, "key") else id(function)


def _tree_key(tree: Any) -> Any:
    """A tree of arguments as something that can be a key: arrays and unknown objects by identity."""
    if isinstance(tree, (tuple, list)):
        return type(tree).__name__, tuple(_tree_key(x) for x in tree)
    if isinstance(tree, dict):
        return tuple((k, _tree_key(v)) for k, v in tree.items())
    if isinstance(tree, _core.Slot):
        return "slot", tree.k
    return (type(tree).__name__, repr(tree)) if isinstance(tree, (int, float, str, bool, complex, type(None), np.generic, slice)) else id(tree)


def _stored(base: Any, index: Any, new: Any) -> Any:
    """A copy of an array with something stored at an index."""
    out = np.array(base)
    out[index] = new
    return out


def _packed(items: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    return np.array(items, dtype).reshape(shape)
