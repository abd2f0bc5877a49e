"""Convolutions, pooling and enlarging in ONNX, which wants channels first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...layers._convolve import margins, reach
from .functions import activation
from .graph import Graph


def _first(g: Graph, x: str, rank: int) -> str:
    return g.transpose(x, 0, rank + 1, *range(1, rank + 1))


def _last(g: Graph, x: str, rank: int) -> str:
    return g.transpose(x, 0, *range(2, rank + 2), 1)


def _padding(layer: Any, shape: Any, kernel: Any, dilation: Any) -> dict[str, Any]:
    """Explicit margins where they are known."""
    numbers = list(zip(shape[1:-1], kernel, layer.strides, dilation))
    if layer.padding == "same" and any(n is None and s > 1 for n, _, s, _ in numbers):
        return {"auto_pad": "SAME_UPPER"}
    pairs = [margins(k * d if n is None else n, k, s, d, layer.padding) for n, k, s, d in numbers]
    return {"pads": [a for a, _ in pairs] + [b for _, b in pairs]}


def _finished(g: Graph, layer: Any, x: str) -> list[str]:
    x = _last(g, x, layer.rank)
    return [activation(g, layer, g.op("Add", x, g.constant(layer.bias.array)) if layer.use_bias else x)]


def _kernel_first(kernel: np.ndarray) -> np.ndarray:
    """(..., in, out) as (out, in, ...)."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def convolution(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    x = _first(g, names[0], layer.rank)
    padding = _padding(layer, shapes[0], layer.kernel_size, layer.dilation_rate)
    options = {"strides": list(layer.strides), "dilations": list(layer.dilation_rate), **padding}
    if hasattr(layer, "depthwise_kernel"):
        kernel = np.moveaxis(layer.depthwise_kernel.array, (-2, -1), (0, 1))  # (channels, multiplier, ...)
        channels = kernel.shape[0]
        x = g.op("Conv", x, g.constant(kernel.reshape(-1, 1, *kernel.shape[2:])), group=channels, **options)
        if hasattr(layer, "pointwise_kernel"):
            x = g.op("Conv", x, g.constant(_kernel_first(layer.pointwise_kernel.array)))
    else:
        x = g.op("Conv", x, g.constant(_kernel_first(layer.kernel.array)), group=layer.groups, **options)
    return _finished(g, layer, x)


def transposed(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    """The whole of what the kernels add up to, cut to the layer's part, or with zeros after it."""
    before, after, more = [], [], []
    for (start, length), k, d in zip(layer._placed(), layer.kernel_size, layer.dilation_rate):
        rest = reach(k, d) - start - length
        before.append(start)
        after.append(max(rest, 0))
        more.append(max(-rest, 0))
    x = g.op("ConvTranspose", _first(g, names[0], layer.rank), g.constant(_kernel_first(layer.kernel.array)), strides=list(layer.strides),
             dilations=list(layer.dilation_rate), pads=before + after, output_padding=more)
    return _finished(g, layer, x)


def pooling(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    average = "Average" in type(layer).__name__
    options = {"count_include_pad": 0} if average else {}
    x = g.op("AveragePool" if average else "MaxPool", _first(g, names[0], layer.rank), kernel_shape=list(layer.pool_size), strides=list(layer.strides),
             **_padding(layer, shapes[0], layer.pool_size, (1,) * layer.rank), **options)
    return [_last(g, x, layer.rank)]


def global_pooling(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    kind = "ReduceMean" if "Average" in type(layer).__name__ else "ReduceMax"
    return [g.reduce(kind, names[0], list(range(1, len(shapes[0]) - 1)), layer.keepdims)]


def enlarged(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    rank = len(shapes[0]) - 2
    sizes = layer.size if rank == 2 else (layer.size,)
    smooth = getattr(layer, "interpolation", "nearest") == "bilinear"
    options = ({"mode": "linear", "coordinate_transformation_mode": "half_pixel"} if smooth else
               {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"})
    x = g.op("Resize", _first(g, names[0], rank), "", g.constant((1, 1, *sizes), np.float32), **options)
    return [_last(g, x, rank)]


def padded(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    before, after = ([pair[k] for pair in layer.padding] for k in (0, 1))
    return [g.op("Pad", names[0], g.numbers(0, *before, 0, 0, *after, 0), g.constant(0.0))]


def cropped(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    x = names[0]
    for axis, (a, b) in enumerate(layer.cropping, 1):
        x = g.slice(x, axis, a, -b if b else 2**62)
    return [x]


