"""The graph of a recording while it grows: values, operands in their forms, and the steps that are made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._replay import OPS, Graph
from . import algebra, exact
from .capture import Capture
from .ir import COPIED, NATIVE, Call, Elementwise, Gathered, Ids, Operand, Scalar, Step, Value, View, contiguous, size_of, whole

SMALL = 32  # arrays up to this size are computed element by element in the scalar graph
F32 = _core.NODE_FLAGS["f32"]
ARRAY_NODE = _core.NODE_OPS["array"]
F8 = np.dtype(float)
Array = View | Ids | np.ndarray  # what an array node is known as
# by operation, and one more: those whose result IEEE does not fix
INEXACT = np.array([not op["exact"] for op in _core.operations()] + [False])


class Operands:
    """The graph of a recording while it grows. Buffers 0 and 1 are the bank of scalars and the scalar inputs."""

    def __init__(self, recorded: Capture, exact: bool = False, small: int = SMALL, passes: frozenset[str] = frozenset(("fold", "cse"))) -> None:
        self.recorded, self.exact, self.small = recorded, exact, small
        self.folds, self.merges = "fold" in passes, "cse" in passes
        self.prim: Any = None  # the primitive that is being lowered
        self.symbol_flags = 0
        self.graph = Graph()
        self.ids = np.full(len(recorded.nodes), -1, np.int32)  # graph nodes of scalar tape nodes
        self.arrays: dict[int, Array] = {}  # by tape node
        self.values: list[Value] = []
        self.steps: list[Step] = []
        self.same: dict[Any, Any] = {}  # steps seen before
        self.held: list[Any] = []

    # ---- values and operands ----

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

    def operand(self, node: int, plain: Any) -> Any:
        """What stands for a tape node (or a constant): View, Ids, ndarray, float, or Scalar."""
        if node < 0:
            return plain
        if self.recorded.nodes["op"][node] == ARRAY_NODE:
            return self.arrays[node]
        return Scalar(int(self.ids[node]), exact.form_of(plain) if self.exact else None)

    def nodes_of(self, x: Any, dtype: Any = None) -> np.ndarray:
        """Graph nodes of the elements of an operand."""
        if isinstance(x, Scalar):
            return np.array(x.node, np.int32)
        if isinstance(x, Ids):
            return x.nodes
        if isinstance(x, View):
            if x.value.constant is not None:
                return self.graph.constants(x.value.constant.reshape(-1)[x.offsets()].astype(float), self.flags(x.dtype))
            return self.graph.leaves(x.value.buffer, x.offsets(), self._node_of(x.value), self.flags(x.dtype))
        return self.graph.constants(np.asarray(x, float), self.flags(dtype))

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

    # ---- steps ----

    def elementwise(self, code: int, operands: list[Any], shape: tuple[int, ...], dtype: Any) -> Array:
        """An operation with broadcasting: in the scalar graph when everything is small, else a step."""
        dtype = np.dtype(dtype)
        operands = [self.simple(x) for x in operands]
        if self.folds:
            code, operands = algebra.simplified(self, code, operands, dtype)
            same = algebra.identity(self, code, operands, shape, dtype)
            if same is not None:
                return same
        if size_of(shape) <= self.small and all(elements(x) <= self.small for x in operands):
            nodes = [np.broadcast_to(self.nodes_of_any(x, dtype), shape) for x in operands]
            return Ids(self.graph.apply(code, self.flags(dtype), *nodes), dtype)
        return self.step(code, [self.spread(x, shape) for x in operands], shape, dtype)

    def step(self, code: int, operands: list[Any], shape: tuple[int, ...], dtype: Any) -> View:
        """An elementwise step, or the same one from before."""
        key = _step_key(code, operands, shape, dtype)
        if key not in self.same or not self.merges:
            out = self.new_value(shape, dtype)
            self.add(Elementwise(code, out, operands))
            self.same[key] = out
        return whole(self.same[key])

    def known(self, code: int, operands: list[Any], shape: tuple[int, ...], dtype: Any) -> View | None:
        """The result of an elementwise step, if there is that step."""
        value = self.same.get(_step_key(code, operands, shape, dtype)) if self.merges else None
        return None if value is None else whole(value)

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
        if x.size > 65536 and x.index is None and not x.whole():  # rather a copy in memory than a list of places
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

    def call(self, function: Callable[..., Any], name: str, tree: Any, result: Any) -> Any:
        """A step that calls a Python function on arrays; `tree` is (args, kwargs) with operands in it."""
        operands: list[Any] = []
        tree = self._slots(tree, operands)
        several = isinstance(result, (tuple, list))
        forms = exact.forms(operands) if self.exact else None
        key = ("call", name, _function_key(function), _tree_key(tree), tuple(_key(x) for x in operands), forms)
        if key in self.same and self.merges:
            return self.same[key]
        out = [self.new_value(np.shape(r), np.asarray(r).dtype) for r in (result if several else [result])]
        if not operands:  # nothing of it depends on an input
            return tuple(np.asarray(r) for r in result) if several else np.asarray(result)
        self.add(Call(function, name, tree, operands, out, several, forms))
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
            operands.append(tree if isinstance(tree, Scalar) else self.view_of(tree).formed(tree.form))
            return _core.Slot(len(operands) - 1)
        if isinstance(tree, dict):
            return {k: self._slots(v, operands) for k, v in tree.items()}
        parts = [self._slots(x, operands) for x in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)


class Uniform:
    """A constant array whose elements are all the same number."""

    __slots__ = ("number", "shape")

    def __init__(self, number: float, shape: tuple[int, ...]) -> None:
        self.number, self.shape = number, shape


def elements(x: Any) -> int:
    return size_of(x.shape) if hasattr(x, "shape") else 1


def _key(x: Any) -> Any:
    return x.key() if isinstance(x, View) else ("scalar", x.node) if isinstance(x, Scalar) else x


def _step_key(code: int, operands: list[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    return code, shape, np.dtype(dtype).str, tuple(_key(x) for x in operands)


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
