"""Recurrent layers and their wrappers in ONNX, which wants the steps first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import ExportError
from .graph import Graph, sample_sizes

_NAMES = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "softsign": "Softsign", "softplus": "Softplus"}
_ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}  # where ONNX's gates stand among ours


def _gates(layer: Any, a: np.ndarray) -> np.ndarray:
    """The last axis in ONNX's order of the gates, first."""
    parts = np.split(a, layer.gates, axis=-1)
    return np.concatenate([parts[k] for k in _ORDER[type(layer).__name__]], axis=-1).T[None]


def _bias(layer: Any) -> np.ndarray:
    both = np.zeros((2, layer.gates * layer.units), layer.kernel.dtype)
    if layer.use_bias:
        both[: len(np.atleast_2d(layer.bias.array))] = layer.bias.array
    return np.concatenate([_gates(layer, row)[0] for row in both])[None]


def recurrent(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    kind = type(layer).__name__
    functions = [layer.activation] if kind == "SimpleRNN" else [layer.recurrent_activation, layer.activation]
    if any(getattr(f, "__name__", "") not in _NAMES for f in functions):
        raise ExportError(f"the layer {layer.name} ({kind}) has an activation that ONNX's recurrent operators lack; they have {', '.join(_NAMES)}")
    chosen = [_NAMES[f.__name__] for f in functions] + ([_NAMES[layer.activation.__name__]] if kind == "LSTM" else [])
    x = g.transpose(names[0], 1, 0, 2)
    x = g.reversed(x, 0) if layer.go_backwards else x
    states = [g.op("Unsqueeze", s, g.numbers(0)) for s in names[1:]]
    weights = [g.constant(_gates(layer, layer.kernel.array)), g.constant(_gates(layer, layer.recurrent_kernel.array)), g.constant(_bias(layer))]
    options = {"linear_before_reset": int(layer.reset_after)} if kind == "GRU" else {}
    y, *last = g.ops(kind.replace("Simple", ""), [x, *weights, *([""] if states else []), *states], 1 + layer.states, hidden_size=layer.units,
                     activations=chosen, **options)
    last = [g.op("Squeeze", s, g.numbers(0)) for s in last]
    out = g.transpose(g.op("Squeeze", y, g.numbers(1)), 1, 0, 2) if layer.return_sequences else last[0]
    return [out, *last] if layer.return_state else [out]


def bidirectional(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    n = layer.forward_rnn.states
    first, *a = recurrent(g, layer.forward_rnn, [names[0], *names[1 : 1 + n]], shapes)
    second, *b = recurrent(g, layer.backward_rnn, [names[0], *names[1 + n :]], shapes)
    if layer.forward_rnn.return_sequences:
        second = g.reversed(second, 1)
    if layer.merge_mode is None:
        return [first, second, *a, *b]
    if layer.merge_mode == "concat":
        out = g.op("Concat", first, second, axis=-1)
    else:
        out = g.op("Mul" if layer.merge_mode == "mul" else "Add", first, second)
        out = g.op("Mul", out, g.constant(0.5)) if layer.merge_mode == "ave" else out
    return [out, *a, *b]


def time_distributed(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    steps, *rest = sample_sizes(layer, shapes[0])
    inner = (None, *rest)
    out = g.convert(g, layer.layer, [g.reshape(names[0], -1, *rest)], [inner])
    after = layer.layer.compute_output_shape(inner)
    return [g.reshape(out[0], -1, steps, *after[1:])]
