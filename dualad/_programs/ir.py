"""What a program is made of between recording and machine: arrays, views of them, and steps on arrays.

Scalar operations are nodes of a graph in C (`dualad._replay.Graph`); a step on arrays is an opaque node of the same graph.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .._replay import TYPES

Shape = tuple[int, ...]
# dtypes that the machine reads and writes; everything else passes through calls of NumPy
NATIVE = {np.dtype(name): kind for name, kind in TYPES.items()}
# those that a register of doubles holds without loss
COPIED = (np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.bool_), np.dtype(np.int32))
FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


class Value:
    """An array that a program is given, holds as a constant, or computes into a buffer of its own."""

    __slots__ = ("_step", "buffer", "constant", "dtype", "given", "shape")

    def __init__(self, buffer: int, shape: Shape, dtype: np.dtype[Any], given: int = -1, constant: np.ndarray | None = None) -> None:
        self.buffer, self.shape, self.dtype = buffer, shape, dtype
        self.given = given  # the number of the input leaf
        self.constant = constant
        self._step: weakref.ref[Step] | None = None  # weak: a step holds its values, and nothing must wait for the garbage collector

    @property
    def step(self) -> Step | None:
        """The step that fills it."""
        return None if self._step is None else self._step()

    @step.setter
    def step(self, step: Step) -> None:
        self._step = weakref.ref(step)

    @property
    def size(self) -> int:
        return size_of(self.shape)


def size_of(shape: Shape) -> int:
    n = 1
    for k in shape:
        n *= k
    return n


def contiguous(shape: Shape) -> Shape:
    """Strides of a C-ordered array, in elements."""
    out, n = [], 1
    for k in reversed(shape):
        out.append(n)
        n *= k
    return tuple(reversed(out))


class View:
    """Elements of a value: ``offset + sum(strides * index)``, or those that the flat `index` lists. `form`: see exact.py."""

    __slots__ = ("form", "index", "offset", "shape", "strides", "value")

    def __init__(self, value: Value, offset: int, shape: Shape, strides: Shape, index: np.ndarray | None = None, form: Any = None) -> None:
        self.value, self.offset, self.shape, self.strides, self.index, self.form = value, offset, shape, strides, index, form

    def formed(self, form: Any) -> View:
        """The same view with a form."""
        return View(self.value, self.offset, self.shape, self.strides, self.index, form)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    @property
    def size(self) -> int:
        return size_of(self.shape)

    def whole(self) -> bool:
        """Whether it is its value as it lies in memory."""
        return self.index is None and self.offset == 0 and self.shape == self.value.shape and self.strides == contiguous(self.shape)

    def key(self) -> Any:
        return (id(self.value), self.offset, self.shape, self.strides, None if self.index is None else id(self.index))

    def offsets(self) -> np.ndarray:
        """The flat offset of every element."""
        if self.index is not None:
            return self.index
        out = np.full(self.shape, self.offset, np.int64)
        for axis, (n, stride) in enumerate(zip(self.shape, self.strides, strict=True)):
            out += np.arange(n).reshape((n,) + (1,) * (len(self.shape) - axis - 1)) * stride
        return out

    def like(self, function: Callable[[np.ndarray], np.ndarray]) -> View | None:
        """The view that NumPy's `function` makes of it (reshape, transpose, basic indexing); None where it would copy."""
        if self.index is not None:
            index = np.asarray(function(self.index), order="C")
            return View(self.value, 0, index.shape, contiguous(index.shape), index)
        reach = [(n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True)]
        start = -sum(r for r in reach if r < 0)
        base = np.empty(start + sum(r for r in reach if r > 0) + 1, np.int8)  # one byte an element; only addresses count
        probe = np.lib.stride_tricks.as_strided(base[start:], self.shape, self.strides, writeable=False)
        out = function(probe)
        if not out.size:
            return View(self.value, self.offset, out.shape, contiguous(out.shape))
        if not np.may_share_memory(out, base):
            return None
        # an axis of length one has any stride; with this one an array that is broadcast to its own shape is still the whole value
        strides = tuple(own if n == 1 else k for n, k, own in zip(out.shape, out.strides, contiguous(out.shape), strict=True))
        return View(self.value, self.offset + _address(out) - _address(base) - start, out.shape, strides)


def _address(a: np.ndarray) -> int:
    return int(a.__array_interface__["data"][0])


def whole(value: Value) -> View:
    return View(value, 0, value.shape, contiguous(value.shape))


class Ids:
    """An array whose elements are scalar nodes of the graph (int32, in the array's shape)."""

    __slots__ = ("dtype", "form", "nodes")

    def __init__(self, nodes: np.ndarray, dtype: np.dtype[Any], form: Any = None) -> None:
        self.nodes, self.dtype, self.form = nodes, dtype, form

    def formed(self, form: Any) -> Ids:
        """The same array with a form."""
        return Ids(self.nodes, self.dtype, form)

    @property
    def shape(self) -> Shape:
        return self.nodes.shape


class Scalar:
    """A scalar node of the graph as an operand of a step, the same for all elements."""

    __slots__ = ("form", "node")
    shape: Shape = ()

    def __init__(self, node: int, form: Any = None) -> None:
        self.node, self.form = node, form


Operand = View | Scalar | float


class Step:
    """One operation on arrays; `out` are the values it fills, `operands` what it reads."""

    __slots__ = ("__weakref__", "node", "operands", "out")

    def __init__(self, out: list[Value], operands: list[Any]) -> None:
        self.out, self.operands = out, operands
        self.node = -1
        for v in out:
            v.step = self


class Elementwise(Step):
    """out = code(operands), element by element; `code` is a table operation or one of the machine's own."""

    __slots__ = ("code",)

    def __init__(self, code: int, out: Value, operands: list[Any]) -> None:
        super().__init__([out], operands)
        self.code = code


class Reduce(Step):
    """A sum, product, maximum or minimum of an operand: `how` is "all", "last" (of the rows of length `columns`) or "first"."""

    __slots__ = ("columns", "how", "op")

    def __init__(self, op: str, out: Value, operand: View, how: str, columns: int) -> None:
        super().__init__([out], [operand])
        self.op, self.how, self.columns = op, how, columns


class Assemble(Step):
    """Parts written one after the other into a new array: concatenation, stores, arrays made of scalars."""

    __slots__ = ("parts",)

    def __init__(self, out: Value, parts: list[tuple[View, Any]]) -> None:
        super().__init__([out], [source for _, source in parts])
        self.parts = parts  # (place in `out`, operand)


class Gathered(Step):
    """Scalar nodes written into an array, in its order."""

    __slots__ = ()

    def __init__(self, out: Value, nodes: np.ndarray) -> None:
        super().__init__([out], [Scalar(int(n)) for n in nodes.reshape(-1)])


class Call(Step):
    """A call of a Python function on arrays: `tree` is (args, kwargs) with Slots that count `operands`.

    It `decides` when the shape of its result may depend on values. Then it runs even if nobody reads the result, because the
    recording went on with that shape."""

    __slots__ = ("decides", "forms", "function", "name", "several", "tree")

    def __init__(self, function: Callable[..., Any], name: str, tree: Any, operands: list[Any], out: list[Value], several: bool,
                 forms: tuple[Any, ...] | None = None) -> None:
        super().__init__(out, operands)
        self.decides, self.forms = False, forms
        self.function, self.name, self.tree, self.several = function, name, tree, several
