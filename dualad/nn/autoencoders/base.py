"""The plain autoencoder, from which the others derive."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import GraphError, ShapeError
from .. import layers
from .._names import lookup
from ..data import Batch, as_data
from ..graph import Input, leaves, mapped
from ..layer import Layer
from ..model import Model, Sequential
from ..objective import Objective
from ..variables import scope

CHUNK = 4096  # samples whose reconstructions are held at once


class Autoencoder(Model):
    """A decoder after an encoder; ``fit(x)`` trains it to give back `x`.

    Parameters
    ----------
    encoder, decoder : Model, layer, or list of layers
        The decoder takes what the encoder gives.
    name : str, optional

    Raises
    ------
    GraphError
        A part is no model, layer or list of layers.
    ShapeError
        The decoder does not take the code.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Autoencoder([nn.Dense(2, activation="relu")], [nn.Dense(8, activation="sigmoid")])
    >>> model.build(input_shape=(None, 8))
    >>> model.compile(optimizer="adam", loss="binary_crossentropy")
    >>> x = np.random.default_rng(0).random((64, 8), dtype="float32")
    >>> history = model.fit(x, epochs=2, verbose=0)
    >>> model.encode(x).shape, model.reconstruct(x).shape, model.anomaly_score(x).shape
    ((64, 2), (64, 8), (64,))

    Notes
    -----
    Hinton and Salakhutdinov (2006), *Reducing the dimensionality of data with neural networks*.
    """

    fields: tuple[str, ...] = ("encoder", "decoder")
    penalty_name: str | None = None  # of what is added to the loss of the reconstruction; both stand in the logs

    def __init__(self, encoder: Any, decoder: Any, *, name: str | None = None, trainable: bool = True, dtype: Any = None) -> None:
        encoder, decoder = as_model(encoder, "encoder"), as_model(decoder, "decoder")
        super().__init__(name=name, trainable=trainable, dtype=dtype or encoder.dtype)
        self.encoder, self.decoder = encoder, decoder
        if encoder.plan is not None:
            self._join()

    @classmethod
    def dense(cls, inputs: Any, units: Sequence[int], activation: Any = "relu", output_activation: Any = "sigmoid", code_activation: Any = None,
              **options: Any) -> Any:
        """One of fully connected layers, the decoder as the mirror image of the encoder.

        Parameters
        ----------
        inputs : int or tuple
            How many numbers a sample has, or its shape.
        units : sequence of int
            Of the encoder's layers; the last is the size of the code.
        activation, output_activation : name or function
            Of the inner layers, and of the last one: "sigmoid" for data in [0, 1], "linear" for others.
        code_activation : name or function, optional
            By default `activation`.
        **options
            For the class: ``weight=`` of a penalty, ``name=``...

        Examples
        --------
        >>> from dualad import nn
        >>> model = nn.Autoencoder.dense(784, [128, 32])
        >>> [layer.units for layer in [*model.encoder.layers, *model.decoder.layers]]
        [128, 32, 128, 784]
        """
        shape = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
        *inner, code = units
        encoder, decoder = cls._stacks(shape, inner, code, activation, code_activation or activation)
        decoder += [layers.Dense(math.prod(shape), activation=output_activation), *([layers.Reshape(shape)] if len(shape) > 1 else [])]
        return cls(Sequential(encoder, name="encoder"), Sequential(decoder, name="decoder"), **options)

    @classmethod
    def _stacks(cls, shape: tuple[int, ...], inner: list[int], code: int, activation: Any, code_activation: Any) -> tuple[list[Any], list[Any]]:
        """Encoder, and decoder without its last layer."""
        dense = [layers.Dense(n, activation=activation) for n in inner]
        encoder = [Input(shape), *([layers.Flatten()] if len(shape) > 1 else []), *dense, layers.Dense(code, activation=code_activation)]
        return encoder, [Input((code,)), *[layers.Dense(n, activation=activation) for n in reversed(inner)]]

    # ---- building ----

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights, for batches of this shape, such as ``(None, 784)``."""
        if input_shape is None or self.built:
            return
        self.encoder.build(input_shape)
        if self.encoder.plan is None:
            super().build(input_shape)
        else:
            self._join()

    def _join(self) -> None:
        """Connects the parts."""
        x = mapped(lambda t: Input(t.shape[1:], dtype=t.dtype), self.encoder.plan.inputs)
        code = self._code(self.encoder(x))
        if isinstance(self.decoder, Sequential) and self.decoder.plan is None and self.decoder.layers:
            self.decoder.build(code.shape)
        try:
            out = self.decoder(code)
        except ShapeError as error:
            raise ShapeError(f"the decoder {self.decoder.name!r} does not take the code of the encoder {self.encoder.name!r}, of shape "
                             f"{mapped(lambda t: t.shape, code)}: {error}") from error
        self.connect(x, out)

    def _code(self, encoded: Any) -> Any:
        """What the decoder takes, of what the encoder gives."""
        return encoded

    def call(self, inputs: Any) -> Any:
        return self.decoder(self._code(self.encoder(inputs)))

    @property
    def layers(self) -> list[Layer]:
        return [self.encoder, self.decoder]

    # ---- training ----

    def compile(self, optimizer: Any = "adam", loss: Any = "mse", *args: Any, **options: Any) -> None:
        """Says how to train, as `Model.compile`; by default Adam and the mean squared error."""
        super().compile(optimizer, loss, *args, **options)

    def _prepare(self, batch: Batch) -> Objective:
        objective = super()._prepare(batch)
        if self.penalty_name is not None:
            objective.extra = ["reconstruction_loss", self.penalty_name]
        return objective

    def compute_losses(self, xs: list[Any], ys: list[Any], outputs: list[Any], weights: list[Any]) -> tuple[Any, list[Any]]:
        loss, parts = super().compute_losses(xs, ys, outputs, weights)
        if self.penalty_name is None:
            return loss, parts
        penalty = self.penalty(xs)
        loss = self.scaled(loss, outputs)
        return loss + self.weighed(penalty), [*parts, loss, penalty]

    def penalty(self, xs: list[Any]) -> Any:
        """What is measured beside the reconstruction, for a traced batch: by default what `note` was given while it ran."""
        current = scope()
        assert current is not None
        return current.parts[self.penalty_name or ""]

    def note(self, penalty: Callable[[], Any]) -> None:
        """Measures the penalty while a batch runs of which a loss may be wanted."""
        current = scope()
        if current is not None:
            current.parts[self.penalty_name or ""] = penalty()

    def scaled(self, loss: Any, outputs: list[Any]) -> Any:
        """The loss of the reconstruction as it counts beside the penalty."""
        return loss

    def weighed(self, penalty: Any) -> Any:
        """The penalty as it counts in the loss."""
        return penalty

    # ---- use ----

    def encode(self, x: Any, batch_size: int | None = None) -> Any:
        """The codes of samples.

        Parameters
        ----------
        x : array
        batch_size : int
            32 by default.
        """
        return self._code(self.encoder.predict(x, batch_size, verbose=0))

    def decode(self, z: Any, batch_size: int | None = None) -> Any:
        """What the decoder makes of codes."""
        return self.decoder.predict(z, batch_size, verbose=0)

    def reconstruct(self, x: Any, batch_size: int | None = None) -> Any:
        """What comes out for samples."""
        return self.predict(x, batch_size, verbose=0)

    def anomaly_score(self, x: Any, metric: Any = "mse", batch_size: int | None = None) -> np.ndarray:
        """How badly each sample is reconstructed: high for those unlike the training data.

        Parameters
        ----------
        x : array
            May be larger than memory when mapped from a file.
        metric : {"mse", "mae"} or function
            The mean squared or absolute error over a sample's numbers; a function of (samples, reconstructions) to one number for
            each sample.

        Returns
        -------
        array, one number for each sample

        Raises
        ------
        UnknownNameError
            No such metric.
        """
        error: Callable[[Any, Any], Any] = metric if callable(metric) else lookup("anomaly metric", metric, _ERRORS)
        x = as_data(x, "x")
        scores = [error(part, self.reconstruct(part, batch_size)) for part in (x[k : k + CHUNK] for k in range(0, max(len(x), 1), CHUNK))]
        return np.concatenate(scores)


def _mean(errors: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.mean(errors.reshape(len(errors), -1), axis=1)
    return out


_ERRORS = {"mse": lambda x, y: _mean((x - y) ** 2), "mae": lambda x, y: _mean(np.abs(x - y))}


def as_model(part: Any, what: str) -> Model:
    """A part of an autoencoder as a model."""
    if isinstance(part, Model):
        return part
    if isinstance(part, Layer):
        return Sequential([part], name=what)
    if isinstance(part, (list, tuple)) and part:
        return Sequential(list(part), name=what)
    hint = "; write Model(inputs, outputs)" if leaves(part) and hasattr(leaves(part)[0], "node") else ""
    raise GraphError(f"the {what} is a model, a layer or a list of layers; got {part!r}{hint}")
