"""Recurrent layers: loops over the steps of sequences. A compiled training step is unrolled, one piece of program a step of the sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LayerError, ShapeError
from .. import activations, constraints, initializers, regularizers
from .._names import undefined
from ..layer import Layer
from ._checks import axes, fraction, positive, same_size, unsupported
from .shaping import SEQUENCE


def unstacked(x: Any) -> list[Any]:
    """The parts of x along its first axis.

    By halving: the adjoint of taking one part of n is an array of zeros of the whole size, so that n single parts would cost n times the whole; halves
    cost 2 log2(n) times.
    """
    n = np.shape(x)[0]
    if n <= 2:
        return [x[k] for k in range(n)]
    return unstacked(x[: n // 2]) + unstacked(x[n // 2 :])


class Recurrent(Layer):
    """What recurrent layers have in common; use `SimpleRNN`, `LSTM` or `GRU`.

    A derived class says how many `gates` and `states` it has, and computes one step.
    """

    gates = states = 1
    fields: tuple[str, ...] = ("units", "activation", "use_bias", "kernel_initializer", "recurrent_initializer", "bias_initializer",
                               "kernel_regularizer", "recurrent_regularizer", "bias_regularizer", "kernel_constraint", "recurrent_constraint",
                               "bias_constraint", "dropout", "recurrent_dropout", "return_sequences", "return_state", "go_backwards", "seed")

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: int | None = None, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, unroll: bool = False, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive(self, "units", units)
        self.activation, self.use_bias = activations.get(activation), use_bias
        for part, initializer, regularizer, constraint in (("kernel", kernel_initializer, kernel_regularizer, kernel_constraint),
                                                           ("recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint),
                                                           ("bias", bias_initializer, bias_regularizer, bias_constraint)):
            setattr(self, f"{part}_initializer", initializers.get(initializer))
            setattr(self, f"{part}_regularizer", regularizers.get(regularizer))
            setattr(self, f"{part}_constraint", constraints.get(constraint))
        self.dropout, self.recurrent_dropout = fraction(self, "dropout", dropout), fraction(self, "recurrent_dropout", recurrent_dropout)
        self.return_sequences, self.return_state, self.go_backwards, self.seed = return_sequences, return_state, go_backwards, seed
        unsupported(self, "stateful", stateful, "take the states with return_state=True and give them to the next call as initial_state")

    # ---- weights and shapes ----

    def build(self, input_shape: Any) -> None:
        x = self._sequence(input_shape)
        if x[-1] is None:
            raise ShapeError(f"the layer {self.name} needs to know the number of features of a step, the last axis; got the shape {x}")
        self.features, width = int(x[-1]), self.gates * self.units
        self.kernel = self._weight("kernel", (self.features, width))
        self.recurrent_kernel = self._weight("recurrent", (self.units, width))
        if self.use_bias:
            self.bias = self._weight("bias", self.bias_shape())

    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias."""
        return (self.gates * self.units,)

    def _weight(self, part: str, shape: tuple[int, ...]) -> Any:
        kind = {k: getattr(self, f"{part}_{k}") for k in ("initializer", "regularizer", "constraint")}
        name = "recurrent_kernel" if part == "recurrent" else part
        return self.add_weight(shape, kind["initializer"], name, regularizer=kind["regularizer"], constraint=kind["constraint"])

    def _sequence(self, shape: Any) -> Any:
        """The shape of the sequences, which states may follow."""
        parts = shape if isinstance(shape, list) else [shape]
        if len(parts) not in (1, 1 + self.states):
            raise LayerError(f"the layer {self.name} has {self.states} state{'s' * (self.states > 1)}; its initial_state holds {len(parts) - 1}")
        axes(self, parts[0], SEQUENCE)
        return parts[0]

    def check_input(self, shape: Any) -> None:
        x = self._sequence(shape)
        same_size(self, x, -1, self.features, "features a step")
        if x[1] == 0:
            raise ShapeError(f"the layer {self.name} takes sequences of at least one step; got the shape {x}")
        for s in shape[1:] if isinstance(shape, list) else ():
            if len(s) != 2 or s[1] != self.units:
                raise ShapeError(f"the layer {self.name} takes states of shape (batch, {self.units}); got {s}")

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, steps, _ = self._sequence(input_shape)
        state = (batch, self.units)
        out = (batch, steps, self.units) if self.return_sequences else state
        return [out, *[state] * self.states] if self.return_state else out

    # ---- computing ----

    def __call__(self, inputs: Any, *more: Any, initial_state: Any = None, training: bool | None = None, **kwargs: Any) -> Any:
        """The outputs for sequences; `initial_state` is a state or the list of them, zeros by default."""
        if initial_state is not None:
            more = (*more, *(initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]))
        return super().__call__(inputs, *more, training=training, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        x, *state = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        n = np.shape(x)[0]
        state = state or [np.zeros((n, self.units), x.dtype)] * self.states
        mask = None
        if training and self.dropout:
            x = x * self._mask((n, 1, self.features), self.dropout, x.dtype)
        if training and self.recurrent_dropout:
            mask = self._mask((n, self.units), self.recurrent_dropout, x.dtype)
        parts, outputs = unstacked(self._projected(x)), []
        weights = self.loop_weights()
        for z in reversed(parts) if self.go_backwards else parts:
            state = self.step(z, state, weights, mask)
            outputs.append(state[0])
        out = np.stack(outputs, axis=1) if self.return_sequences else outputs[-1]
        return [out, *state] if self.return_state else out

    def _mask(self, shape: tuple[int, ...], rate: float, dtype: Any) -> Any:
        """What keeps a share of the elements and scales them; the same for all steps of a sequence (Gal and Ghahramani, 2016)."""
        return np.where(self.draw("uniform", shape, dtype) >= rate, np.dtype(dtype).type(1 / (1 - rate)), 0)

    def _projected(self, x: Any) -> Any:
        """The inputs' part of all gates, for all steps in one product: of shape (steps, batch, gates * units)."""
        n, steps, features = np.shape(x)
        out = np.transpose(x, (1, 0, 2)).reshape(steps * n, features) @ self.kernel.value
        if self.use_bias:
            out = out + self.input_bias()
        return out.reshape(steps, n, self.gates * self.units)

    def input_bias(self) -> Any:
        """The bias that goes to the inputs' part."""
        return self.bias.value

    def loop_weights(self) -> Any:
        """The weights that every step uses."""
        return self.recurrent_kernel.value

    def step(self, z: Any, state: list[Any], weights: Any, mask: Any) -> list[Any]:
        """The states after one step, the output first; `mask` is the recurrent dropout's."""
        raise undefined(self, "step(self, z, state, weights, mask)")

    def masked(self, h: Any, mask: Any) -> Any:
        """The last output as the gates see it."""
        return h if mask is None else h * mask


class SimpleRNN(Recurrent):
    """``h = activation(x @ kernel + h @ recurrent_kernel + bias)``, step by step (Elman, 1990).

    Parameters
    ----------
    units : int
    activation : name or callable
    use_bias, kernel_initializer, recurrent_initializer, bias_initializer, ... : as in `Dense`
    dropout, recurrent_dropout : float
        Of the inputs and of the state; the same for all steps of a sequence.
    return_sequences : bool
        The outputs of all steps, not of the last only.
    return_state : bool
        The list of the output and the last states.
    go_backwards : bool
        From the last step to the first; the outputs come in this order.
    seed : int, optional
    unroll : ignored
        For code written for Keras: compiled steps are always unrolled.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.SimpleRNN(8, return_sequences=True)(nn.Input((20, 3))).shape
    (None, 20, 8)
    """

    def step(self, z: Any, state: list[Any], weights: Any, mask: Any) -> list[Any]:
        return [self.activation(z + self.masked(state[0], mask) @ weights)]


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gate).

    With ``i, f, g, o`` the four parts of ``x @ kernel + h @ recurrent_kernel + bias``, in this order:
    ``c = sigmoid(f) * c + sigmoid(i) * tanh(g)`` and ``h = sigmoid(o) * tanh(c)``. The states are h and c.

    Parameters
    ----------
    units : int
    activation, recurrent_activation : name or callable
        In the place of tanh and of sigmoid.
    unit_forget_bias : bool
        The forget gate's bias starts at 1.
    use_bias, kernel_initializer, ..., dropout, return_sequences, ... : as in `SimpleRNN`

    Examples
    --------
    >>> from dualad import nn
    >>> out, h, c = nn.layers.LSTM(8, return_state=True)(nn.Input((20, 3)))
    >>> out.shape, h.shape, c.shape
    ((None, 8), (None, 8), (None, 8))
    """

    gates, states = 4, 2
    fields = (*Recurrent.fields, "recurrent_activation", "unit_forget_bias")

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 unit_forget_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, **kwargs)
        self.recurrent_activation, self.unit_forget_bias = activations.get(recurrent_activation), unit_forget_bias

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.use_bias and self.unit_forget_bias:
            self.bias.array[self.units : 2 * self.units] = 1

    def step(self, z: Any, state: list[Any], weights: Any, mask: Any) -> list[Any]:
        h, c = state
        u = self.units
        z = z + self.masked(h, mask) @ weights
        both = self.recurrent_activation(z[:, : 2 * u])
        c = both[:, u:] * c + both[:, :u] * self.activation(z[:, 2 * u : 3 * u])
        return [self.recurrent_activation(z[:, 3 * u :]) * self.activation(c), c]


class GRU(Recurrent):
    """Gated recurrent units (Cho et al., 2014).

    With ``z, r, n`` the three parts of the inputs and of the state: ``z`` and ``r`` are sigmoids of the sums of both,
    ``n = tanh(x_n + r * (h @ recurrent_kernel_n + bias))``, ``h = z * h + (1 - z) * n``.

    Parameters
    ----------
    units : int
    activation, recurrent_activation : name or callable
        In the place of tanh and of sigmoid.
    reset_after : bool
        Whether the reset gate r comes after the product with the recurrent kernel, as above; the state then has a bias of its own. False: before,
        ``(r * h) @ recurrent_kernel_n``, as in the first version of the paper.
    use_bias, kernel_initializer, ..., dropout, return_sequences, ... : as in `SimpleRNN`

    Examples
    --------
    >>> from dualad import nn
    >>> nn.layers.GRU(8)(nn.Input((20, 3))).shape
    (None, 8)
    """

    gates = 3
    fields = (*Recurrent.fields, "recurrent_activation", "reset_after")

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 reset_after: bool = True, **kwargs: Any) -> None:
        super().__init__(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, **kwargs)
        self.recurrent_activation, self.reset_after = activations.get(recurrent_activation), reset_after

    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def input_bias(self) -> Any:
        return self.bias.value[0] if self.reset_after else self.bias.value

    def loop_weights(self) -> Any:
        u, kernel = self.units, self.recurrent_kernel.value
        if self.reset_after:
            return kernel, self.bias.value[1] if self.use_bias else None
        return kernel[:, : 2 * u], kernel[:, 2 * u :]

    def step(self, z: Any, state: list[Any], weights: Any, mask: Any) -> list[Any]:
        h, u = state[0], self.units
        seen = self.masked(h, mask)
        if self.reset_after:
            inner = seen @ weights[0] if weights[1] is None else seen @ weights[0] + weights[1]
            gates = self.recurrent_activation(z[:, : 2 * u] + inner[:, : 2 * u])
            new = self.activation(z[:, 2 * u :] + gates[:, u:] * inner[:, 2 * u :])
        else:
            gates = self.recurrent_activation(z[:, : 2 * u] + seen @ weights[0])
            new = self.activation(z[:, 2 * u :] + (gates[:, u:] * seen) @ weights[1])
        update = gates[:, :u]
        return [update * h + (1 - update) * new]
