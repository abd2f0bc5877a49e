"""An ONNX graph under construction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....errors import ExportError


class Graph:
    """Nodes and constants; values are known by name.

    Parameters
    ----------
    onnx : module
    opset : int
    dtype : str
        In which the model computes.
    convert : callable
        ``(graph, layer, names, shapes) -> names``: the outputs of any layer, for layers that hold others.
    """

    def __init__(self, onnx: Any, opset: int, dtype: str, convert: Callable[..., list[str]]) -> None:
        self.onnx, self.opset, self.dtype, self.convert = onnx, opset, np.dtype(dtype), convert
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._count = 0
        self._known: dict[Any, str] = {}

    def name(self) -> str:
        """A new name."""
        self._count += 1
        return f"#{self._count}"

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output, and the output's name."""
        return self.ops(kind, inputs, 1, **attributes)[0]

    def ops(self, kind: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """A node with several outputs."""
        names = [self.name() for _ in range(count)]
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def constant(self, value: Any, dtype: Any = None) -> str:
        """An array in the graph, by default of the model's type."""
        a = np.ascontiguousarray(value, dtype or self.dtype)
        a = a.reshape(np.shape(value))  # ascontiguousarray makes 0-d arrays 1-d
        key = (a.dtype.str, a.shape, a.tobytes())
        if key not in self._known:
            self._known[key] = self.name()
            self.constants.append(self.onnx.numpy_helper.from_array(a, self._known[key]))
        return self._known[key]

    def numbers(self, *values: int) -> str:
        """Whole numbers: shapes, axes."""
        return self.constant(values, np.int64)

    # ---- operators whose form depends on the version, or that are short for several ----

    def reduce(self, kind: str, x: str, axes: Sequence[int], keepdims: bool) -> str:
        """ReduceMean, ReduceMax...: since version 18 the axes are an input (of ReduceSum since 13)."""
        if self.opset >= 18 or kind == "ReduceSum":
            return self.op(kind, x, self.numbers(*axes), keepdims=int(keepdims))
        return self.op(kind, x, axes=list(axes), keepdims=int(keepdims))

    def reshape(self, x: str, *shape: int) -> str:
        """0 keeps the length of an axis, -1 stands for what is left."""
        return self.op("Reshape", x, self.numbers(*shape))

    def transpose(self, x: str, *axes: int) -> str:
        return self.op("Transpose", x, perm=list(axes))

    def slice(self, x: str, axis: int, start: int, stop: int, step: int = 1) -> str:
        return self.op("Slice", x, *(self.numbers(n) for n in (start, stop, axis, step)))

    def reversed(self, x: str, axis: int) -> str:
        return self.slice(x, axis, -1, -(2**62), -1)


def sample_sizes(layer: Any, shape: Any) -> list[int]:
    """The shape of a sample, all of it known."""
    if any(n is None for n in shape[1:]):
        raise ExportError(f"the layer {layer.name} ({type(layer).__name__}) has inputs of shape {shape}; its ONNX form needs all lengths but the batch's")
    return [int(n) for n in shape[1:]]
