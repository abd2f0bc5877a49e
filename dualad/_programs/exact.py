"""What keeps the bits of an exact program: its calls compute as the function did, by the same library and operator, with numbers of the same types
and arrays that lie in memory in the same way. BLAS takes another path for a column than for a packed copy of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._hook_math import LIBRARY
from .._replay import NAMES
from .ir import View, contiguous


class ScalarCall:
    """A scalar operation as NumPy computes it, or (`libm`) Python's operators and `math` with the C library. Of these, an error is one also where
    the number was NumPy's: then the function itself runs, which knows better."""

    __slots__ = ("code", "function", "kind", "libm", "number")

    def __init__(self, code: int, kind: Any, libm: bool) -> None:
        self.code, self.kind, self.libm = code, kind, libm
        self.number = float if libm and kind is np.float64 else kind
        self.function: Any = _core.operator_call(code) if libm else _core.table_call(code)
        if self.number is float:
            self.function = LIBRARY.get(NAMES[code], self.function)

    def key(self) -> Any:
        return self.code, self.kind, self.libm

    def __call__(self, *args: Any) -> Any:
        return self.kind(self.function(*[self.number(a) for a in args]))


class Power:
    """x ** exponent for a constant exponent."""

    __slots__ = ("exponent",)

    def __init__(self, exponent: Any) -> None:
        self.exponent = exponent

    def key(self) -> Any:
        return type(self.exponent), self.exponent

    def __call__(self, x: Any) -> Any:
        return x**self.exponent


def function_of(step: dict[str, Any]) -> Callable[..., Any]:
    """What computed a recorded table operation: Python divides complex numbers in another way than NumPy, ** of arrays takes shortcuts."""
    code = step["op"]
    if step["operator"] and step["params"] is not None:
        return Power(step["params"])
    return (step["operator"] and _core.operator_call(code)) or _core.table_call(code)


def form_of(value: Any, memory: Any = None) -> Any:
    """How the function had a value: the type of a number, (strides, address) of an array."""
    return memory or (type(value) if isinstance(value, (float, complex, np.inexact)) else None)


def forms(operands: list[Any]) -> tuple[Any, ...] | None:
    """What to make of the operands of a call: None (as they are), the type of a number, strides, or (k, axes): operand k transposed. None for
    all of them where there is nothing to do."""
    out: list[Any] = []
    for x in operands:
        array = isinstance(x, View) and isinstance(x.form, tuple)
        out.append(_array_form(x, operands, out) if array else x.form)
    return tuple(out) if any(form is not None for form in out) else None


def _array_form(x: View, operands: list[Any], done: list[Any]) -> Any:
    if x.size <= 1:
        return None
    strides, address = x.form
    apart = True  # from the memory of the operands before
    for k, form in enumerate(done):
        y = operands[k]
        if not isinstance(y, View) or not isinstance(y.form, tuple):
            continue
        same = form is None and (y.value, y.offset, y.index) == (x.value, x.offset, x.index)
        axes = _axes(y, x) if address == y.form[1] else None
        if axes is not None:  # of a matrix times its own transpose BLAS computes one half
            return None if same and _lies(x) else (k, axes)
        apart = apart and not same
    return None if apart and _lies(x) else _core.layout(x.shape, strides, x.dtype.itemsize)


def _axes(y: View, x: View) -> tuple[int, ...] | None:
    """The axes with which x is y transposed."""
    left = list(zip(y.shape, y.form[0], strict=True))
    axes = []
    for axis in zip(x.shape, x.form[0], strict=True):
        if axis not in left:
            return None
        axes.append(left.index(axis))
        left[axes[-1]] = (-1, -1)
    return tuple(axes) if len(axes) == len(left) else None


def _lies(x: View) -> bool:
    """Whether the program has an array in memory as the function did."""
    size = x.dtype.itemsize
    own = contiguous(x.shape) if x.index is not None else x.strides
    return _core.layout(x.shape, tuple(s * size for s in own), size) == _core.layout(x.shape, x.form[0], size)


def input_layouts(recorded: Any) -> list[Any]:
    """How each argument must lie in memory; None for numbers and arrays in C order."""
    return [_layout(recorded, node) if recorded.nodes["op"][node] == _core.NODE_OPS["array"] else None for node in recorded.inputs]


def _layout(recorded: Any, node: int) -> Any:
    value = recorded.steps[int(recorded.nodes["aux"][node])]["value"]
    if not isinstance(value, np.ndarray) or value.flags.c_contiguous:
        return None
    return _core.layout(value.shape, value.strides, value.itemsize)
