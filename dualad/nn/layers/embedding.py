"""Vectors for whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DataError
from .. import constraints, initializers, regularizers
from ..layer import Layer
from ._checks import one_input, positive, unsupported


class Embedding(Layer):
    """A learnt vector for each of the numbers 0 to ``input_dim - 1``: words, characters, users.

    Parameters
    ----------
    input_dim : int
        How many numbers there are.
    output_dim : int
        The length of a vector.
    embeddings_initializer, embeddings_regularizer, embeddings_constraint
    mask_zero : bool
        Masks are not supported; True is refused.
    weights : array, optional
        The first vectors, of shape ``(input_dim, output_dim)``.

    Raises
    ------
    DataError
        Numbers that are none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Embedding(100, 8)(np.array([[1, 7, 7]])).shape
    (1, 3, 8)
    """

    fields = ("input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer", "embeddings_constraint")
    casts = False

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
                 embeddings_constraint: Any = None, mask_zero: bool = False, weights: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        unsupported(self, "mask_zero", mask_zero, "weight the samples or steps of the loss instead (sample_weight)")
        self.input_dim, self.output_dim = positive(self, "input_dim", input_dim), positive(self, "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer, self.embeddings_constraint = regularizers.get(embeddings_regularizer), constraints.get(embeddings_constraint)
        if weights is not None:
            self.build(None)
            self.built = True
            self.embeddings.assign(np.asarray(weights[0] if isinstance(weights, list) and len(weights) == 1 else weights, self.dtype))

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_weight((self.input_dim, self.output_dim), self.embeddings_initializer, "embeddings",
                                          regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint)

    def check_input(self, shape: Any) -> None:
        one_input(self, shape)

    def call(self, inputs: Any) -> Any:
        if inputs.dtype.kind not in "iu":
            inputs = inputs.astype(np.int64)
        if isinstance(inputs, np.ndarray):
            self._check_range(inputs)
        return np.take(self.embeddings.value, inputs, axis=0)

    def _check_range(self, numbers: np.ndarray) -> None:
        outside = numbers[(numbers < 0) | (numbers >= self.input_dim)]
        if outside.size:
            raise DataError(f"the layer {self.name} has vectors for the numbers 0 to {self.input_dim - 1}; the inputs hold {outside.flat[0]}")

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)
