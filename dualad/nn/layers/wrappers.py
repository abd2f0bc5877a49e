"""Layers around layers: sequences in both directions, and a layer for each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LayerError, ShapeError
from ..graph import mapped
from ..layer import Layer
from ._checks import one_input, prepare
from .recurrent import Recurrent

MODES = ("concat", "sum", "mul", "ave", None)


class Bidirectional(Layer):
    """A recurrent layer that reads sequences forwards, beside one that reads them backwards (Schuster and Paliwal, 1997).

    Parameters
    ----------
    layer : LSTM, GRU or SimpleRNN
        The forward one is a new layer with its options.
    merge_mode : {"concat", "sum", "mul", "ave", None}
        How the outputs are joined; None: a list of both.
    backward_layer : likewise, optional
        With ``go_backwards=True``; by default one with the options of `layer`.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.Bidirectional(nn.layers.LSTM(8, return_sequences=True))(nn.Input((20, 3))).shape
    (None, 20, 16)
    """

    fields = ("layer", "merge_mode", "backward_layer")

    def __init__(self, layer: Recurrent, merge_mode: str | None = "concat", backward_layer: Recurrent | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for given in (layer, backward_layer):
            if given is not None and not isinstance(given, Recurrent):
                raise LayerError(f"Bidirectional takes a recurrent layer (LSTM, GRU, SimpleRNN); got {type(given).__name__}")
        if merge_mode not in MODES:
            raise LayerError(f"Bidirectional: merge_mode={merge_mode!r}; it is one of {', '.join(map(repr, MODES))}")
        if backward_layer is not None and backward_layer.go_backwards == layer.go_backwards:
            raise LayerError(f"Bidirectional: the backward layer needs go_backwards={not layer.go_backwards}")
        self.merge_mode = merge_mode
        self.__dict__.update(layer=layer, backward_layer=backward_layer)  # options: their copies below hold the weights
        self.forward_rnn = _copy(layer, "forward", layer.go_backwards)
        self.backward_rnn = _copy(backward_layer or layer, "backward", not layer.go_backwards)

    def __call__(self, inputs: Any, *more: Any, initial_state: Any = None, training: bool | None = None, **kwargs: Any) -> Any:
        """The outputs for sequences; `initial_state` lists the states of the forward layer, then those of the backward one."""
        if initial_state is not None:
            more = (*more, *initial_state)
        return super().__call__(inputs, *more, training=training, **kwargs)

    def _shared(self, inputs: Any) -> tuple[Any, Any]:
        """What each direction gets: the sequences, and its half of the states."""
        if not isinstance(inputs, list):
            return inputs, inputs
        x, *states = inputs
        n = self.forward_rnn.states
        if len(states) != 2 * n:
            raise LayerError(f"the layer {self.name} has {2 * n} states, {n} for each direction; its initial_state holds {len(states)}")
        return [x, *states[:n]], [x, *states[n:]]

    def build(self, input_shape: Any) -> None:
        for layer, shape in zip((self.forward_rnn, self.backward_rnn), self._shared(input_shape)):
            prepare(layer, shape)

    def check_input(self, shape: Any) -> None:
        self.build(shape)

    def call(self, inputs: Any) -> Any:
        first, second = (layer(x) for layer, x in zip((self.forward_rnn, self.backward_rnn), self._shared(inputs)))
        states: list[Any] = []
        if self.forward_rnn.return_state:
            (first, *a), (second, *b) = first, second
            states = [*a, *b]
        if self.forward_rnn.return_sequences:
            second = second[:, ::-1]
        out = self._merged(first, second)
        return [*(out if isinstance(out, list) else [out]), *states] if states else out

    def _merged(self, a: Any, b: Any) -> Any:
        if self.merge_mode is None:
            return [a, b]
        if self.merge_mode == "concat":
            return np.concatenate([a, b], axis=-1)
        if self.merge_mode == "mul":
            return a * b
        return a + b if self.merge_mode == "sum" else (a + b) / 2

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes = self.forward_rnn.compute_output_shape(self._shared(input_shape)[0])
        out, *states = shapes if isinstance(shapes, list) else [shapes]
        both = [out, out] if self.merge_mode is None else [(*out[:-1], 2 * out[-1] if self.merge_mode == "concat" else out[-1])]
        return [*both, *states, *states] if states or self.merge_mode is None else both[0]


def _copy(layer: Recurrent, direction: str, backwards: bool) -> Recurrent:
    made: Recurrent = type(layer).from_config({**layer.get_config(), "name": f"{direction}_{layer.name}", "go_backwards": backwards})
    return made


class TimeDistributed(Layer):
    """A layer applied to each step of sequences ``(batch, steps, ...)``, with the same weights.

    Parameters
    ----------
    layer : Layer

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.TimeDistributed(nn.layers.Conv2D(4, 3))(nn.Input((10, 28, 28, 1))).shape
    (None, 10, 26, 26, 4)
    """

    fields = ("layer",)

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise LayerError(f"TimeDistributed takes a layer; got {type(layer).__name__}")
        self.layer = layer

    def _inner(self, shape: Any) -> Any:
        one_input(self, shape)
        if len(shape) < 3:
            raise ShapeError(f"the layer {self.name} takes sequences of shape (batch, steps, ...); got the shape {shape}")
        return (None, *shape[2:])

    def build(self, input_shape: Any) -> None:
        prepare(self.layer, self._inner(input_shape))

    def check_input(self, shape: Any) -> None:
        self.build(shape)

    def call(self, inputs: Any) -> Any:
        n, steps, *rest = np.shape(inputs)
        out = self.layer(inputs.reshape(n * steps, *rest))
        return mapped(lambda y: y.reshape(n, steps, *np.shape(y)[1:]), out)

    def compute_output_shape(self, input_shape: Any) -> Any:
        inner = self.layer.compute_output_shape(self._inner(input_shape))
        front = input_shape[:2]
        return [(*front, *s[1:]) for s in inner] if isinstance(inner, list) else (*front, *inner[1:])
