"""Activations and NumPy functions in ONNX operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import ExportError
from ... import activations
from ...operation import Operation, walked
from .graph import Graph

Form = Callable[[Graph, str], str]


def _gelu(g: Graph, x: str) -> str:
    inner = g.op("Erf", g.op("Mul", x, g.constant(0.5**0.5)))
    return g.op("Mul", g.op("Mul", x, g.constant(0.5)), g.op("Add", inner, g.constant(1.0)))


def _clip(low: float, high: float) -> Form:
    return lambda g, x: g.op("Clip", x, g.constant(low), g.constant(high))


def _selu(g: Graph, x: str) -> str:
    return g.op("Selu", x, alpha=1.6732632423543772, gamma=1.0507009873554805)


ACTIVATIONS: dict[str, Form] = {
    "linear": lambda g, x: x, "relu": lambda g, x: g.op("Relu", x), "relu6": _clip(0.0, 6.0), "hard_tanh": _clip(-1.0, 1.0), "gelu": _gelu, "selu": _selu,
    "leaky_relu": lambda g, x: g.op("LeakyRelu", x, alpha=0.2), "elu": lambda g, x: g.op("Elu", x), "celu": lambda g, x: g.op("Celu", x),
    "sigmoid": lambda g, x: g.op("Sigmoid", x), "tanh": lambda g, x: g.op("Tanh", x), "softplus": lambda g, x: g.op("Softplus", x),
    "softsign": lambda g, x: g.op("Softsign", x), "exponential": lambda g, x: g.op("Exp", x),
    "hard_sigmoid": lambda g, x: g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    "hard_silu": lambda g, x: g.op("HardSwish", x), "silu": lambda g, x: g.op("Mul", x, g.op("Sigmoid", x)),
    "mish": lambda g, x: g.op("Mul", x, g.op("Tanh", g.op("Softplus", x))),
    "softmax": lambda g, x: g.op("Softmax", x, axis=-1), "log_softmax": lambda g, x: g.op("LogSoftmax", x, axis=-1),
    "log_sigmoid": lambda g, x: g.op("Neg", g.op("Softplus", g.op("Neg", x))),
}


def activation(g: Graph, layer: Any, x: str, function: Any = None) -> str:
    """The activation of a layer."""
    function = layer.activation if function is None else function
    name = getattr(function, "__name__", "")
    if name not in ACTIVATIONS or getattr(activations, name, None) is not function:
        raise ExportError(f"the layer {layer.name} ({type(layer).__name__}) has the activation {name or function!r}, which has no ONNX form here; there are "
                          f"{', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name](g, x)


# ---- operators and NumPy functions of tensors ----

_UNARY = {"negative": "Neg", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "tanh": "Tanh", "absolute": "Abs", "abs": "Abs", "sin": "Sin", "cos": "Cos",
          "reciprocal": "Reciprocal", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "positive": "Identity"}
_BINARY = {"add": "Add", "sub": "Sub", "subtract": "Sub", "mul": "Mul", "multiply": "Mul", "truediv": "Div", "true_divide": "Div", "divide": "Div",
           "pow": "Pow", "power": "Pow", "matmul": "MatMul", "maximum": "Max", "minimum": "Min"}
_REDUCED = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "amax": "ReduceMax", "min": "ReduceMin", "amin": "ReduceMin"}


def operation(g: Graph, layer: Operation, names: list[str], shapes: list[Any]) -> list[str]:
    """A NumPy function as it stands in a model."""
    order = iter(names)
    args, kwargs = walked(lambda x: _Value(next(order)) if hasattr(x, "k") else x, (layer.args, layer.kwargs))
    kind = layer.operation

    def value(x: Any) -> str:
        return x.name if isinstance(x, _Value) else g.constant(x)

    if kind in _UNARY and not kwargs:
        return [g.op(_UNARY[kind], value(args[0]))]
    if kind == "square" and not kwargs:
        return [g.op("Mul", value(args[0]), value(args[0]))]
    if kind in _BINARY and not kwargs:
        return [g.op(_BINARY[kind], *map(value, args))]
    if kind == "concatenate":
        axis = kwargs.get("axis", args[1] if len(args) > 1 else 0)
        return [g.op("Concat", *map(value, args[0]), axis=axis)]
    if kind == "getitem":
        return [_item(g, layer, value(args[0]), args[1])]
    rank = len(shapes[0])
    if kind in _REDUCED and set(kwargs) <= {"axis", "keepdims"}:
        axis = kwargs.get("axis", args[1] if len(args) > 1 else None)
        axes = range(rank) if axis is None else np.atleast_1d(axis).tolist()
        return [g.reduce(_REDUCED[kind], value(args[0]), list(axes), bool(kwargs.get("keepdims", False)))]
    if kind == "transpose":
        axes = kwargs.get("axes", args[1] if len(args) > 1 else range(rank)[::-1])
        return [g.transpose(value(args[0]), *axes)]
    if kind == "reshape" and len(args) == 2:
        return [g.reshape(value(args[0]), *np.atleast_1d(args[1]).tolist())]
    raise ExportError(f"the operation {kind!r} of the layer {layer.name}, with such arguments, has no ONNX form here")


class _Value:
    def __init__(self, name: str) -> None:
        self.name = name


def _item(g: Graph, layer: Operation, x: str, key: Any) -> str:
    """Slices and whole numbers, counted from the front."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if any(not isinstance(p, (slice, int, np.integer)) or isinstance(p, bool) for p in parts):
        raise ExportError(f"the layer {layer.name} takes x[{key!r}]; only slices and whole numbers have an ONNX form here")
    dropped = []
    for axis, part in enumerate(parts):
        if isinstance(part, slice):
            step = 1 if part.step is None else part.step
            if part != slice(None):
                start = (0 if step > 0 else -1) if part.start is None else part.start
                stop = (2**62 if step > 0 else -(2**62)) if part.stop is None else part.stop
                x = g.slice(x, axis, start, stop, step)
        else:
            x = g.slice(x, axis, int(part), int(part) + 1 if part != -1 else 2**62)
            dropped.append(axis)
    return g.op("Squeeze", x, g.numbers(*dropped)) if dropped else x
