"""Layers in ONNX operators: all but images and sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import ExportError
from .functions import activation
from .graph import Graph, sample_sizes


def dense(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    kernel = layer.dense.kernel.array.T if hasattr(layer, "dense") else layer.kernel.array
    x = g.op("MatMul", names[0], g.constant(kernel))
    return [activation(g, layer, g.op("Add", x, g.constant(layer.bias.array)) if layer.use_bias else x)]


def activated(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [activation(g, layer, names[0])]


def identity(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return names


# ---- shapes ----


def flatten(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [g.op("Flatten", names[0], axis=1)]


def reshape(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    target = [-1 if n is None else n for n in layer.compute_output_shape(shapes[0])[1:]]
    return [g.reshape(names[0], 0, *target)]


def permute(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [g.transpose(names[0], 0, *layer.dims)]


def repeat(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [g.op("Expand", g.op("Unsqueeze", names[0], g.numbers(1)), g.numbers(1, layer.n, 1))]


def embedding(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    where = g.op("Cast", names[0], to=g.onnx.TensorProto.INT64)
    return [g.op("Gather", g.constant(layer.embeddings.array), where, axis=0)]


# ---- several inputs ----


def merged(kind: str) -> Any:
    """Inputs put together two by two."""

    def form(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
        out = names[0]
        for x in names[1:]:
            out = g.op(kind, out, x)
        return [g.op("Mul", out, g.constant(1 / len(names))) if type(layer).__name__ == "Average" else out]

    return form


def concatenate(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [g.op("Concat", *names, axis=layer.axis)]


# ---- rectifiers ----


def rectifier(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    if layer.threshold:
        raise ExportError(f"the layer {layer.name} (ReLU) has threshold={layer.threshold}, which has no ONNX form here")
    x = g.op("LeakyRelu", names[0], alpha=float(layer.negative_slope)) if layer.negative_slope else g.op("Relu", names[0])
    return [x if layer.max_value is None else g.op("Min", x, g.constant(layer.max_value))]


def leaky(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [g.op("LeakyRelu", names[0], alpha=float(layer.negative_slope))]


def learnt_slope(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [g.op("PRelu", names[0], g.constant(layer.alpha.array))]


def elu(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [g.op("Elu", names[0], alpha=float(layer.alpha))]


def softmax(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    if not isinstance(layer.axis, int):
        raise ExportError(f"the layer {layer.name} (Softmax) has several axes, {layer.axis}; ONNX has one")
    return [g.op("Softmax", names[0], axis=layer.axis)]


# ---- normalisation ----


def _along(a: Any, axes: list[int], rank: int) -> np.ndarray:
    """An array with its axes at those of batches with `rank` axes."""
    shape = [1] * rank
    for axis, n in zip(axes, np.shape(a)):
        shape[axis] = n
    return np.reshape(a, shape)


def batch_normalization(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    """One factor and one term for each feature."""
    rank = len(shapes[0])
    factor = 1 / np.sqrt(layer.moving_variance.array.astype(np.float64) + layer.epsilon)
    factor = factor * layer.gamma.array if layer.scale else factor
    term = (layer.beta.array if layer.center else 0) - layer.moving_mean.array * factor
    factor, term = (g.constant(_along(a, [layer.axis % rank], rank)) for a in (factor, term))
    return [g.op("Add", g.op("Mul", names[0], factor), term)]


def layer_normalization(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    rank = len(shapes[0])
    axes = sorted(a % rank for a in np.atleast_1d(layer.axis).tolist())
    centered = g.op("Sub", names[0], g.reduce("ReduceMean", names[0], axes, True))
    variance = g.reduce("ReduceMean", g.op("Mul", centered, centered), axes, True)
    x = g.op("Div", centered, g.op("Sqrt", g.op("Add", variance, g.constant(layer.epsilon))))
    x = g.op("Mul", x, g.constant(_along(layer.gamma.array, axes, rank))) if layer.scale else x
    return [g.op("Add", x, g.constant(_along(layer.beta.array, axes, rank))) if layer.center else x]


def unit_normalization(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    squares = g.reduce("ReduceSum", g.op("Mul", names[0], names[0]), np.atleast_1d(layer.axis).tolist(), True)
    return [g.op("Div", names[0], g.op("Sqrt", g.op("Max", squares, g.constant(1e-12))))]


def rescaling(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    return [g.op("Add", g.op("Mul", names[0], g.constant(layer.scale)), g.constant(layer.offset))]


def normalization(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    sample_sizes(layer, shapes[0])
    x = layer.call(np.zeros((1, *shapes[0][1:]), g.dtype)), layer.call(np.ones((1, *shapes[0][1:]), g.dtype))
    return [g.op("Add", g.op("Mul", names[0], g.constant(x[1] - x[0])), g.constant(x[0]))]
