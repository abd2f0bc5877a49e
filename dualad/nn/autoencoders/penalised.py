"""Autoencoders whose code is kept sparse, or flat."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ParameterError
from .._names import lookup
from ..gradients import batch_jacobian
from .base import Autoencoder, as_model

UNBOUNDED = {"linear", "relu", "tanh", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus"}  # activations that leave (0, 1)


def not_negative(what: str, x: Any) -> float:
    """A weight: a finite number of at least 0."""
    if isinstance(x, bool) or not isinstance(x, (int, float, np.number)) or not 0 <= x < np.inf:
        raise ParameterError(f"{what}={x!r}; a finite number of at least 0 is needed")
    return float(x)


class SparseAutoencoder(Autoencoder):
    r"""Few of the code's elements are active at a time.

    Parameters
    ----------
    encoder, decoder : Model, layer, or list of layers
        For ``"kl"`` the last layer of the encoder gives numbers in (0, 1): sigmoid.
    sparsity : {"l1", "kl"}
        The penalty: the sum of absolute values of a code, averaged over the batch; or
        :math:`\sum_j t \log(t/a_j) + (1-t) \log((1-t)/(1-a_j))` for the mean activations a of the batch and the target t.
    target : float
        The mean activation that ``"kl"`` wants.
    weight : float, optional
        Of the penalty in the loss; by default 1e-4 for ``"l1"``, 1e-2 for ``"kl"``.

    Raises
    ------
    ParameterError
        An option out of its range; ``"kl"`` with an encoder that ends in another activation than sigmoid.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.SparseAutoencoder.dense(8, [4], code_activation="sigmoid", sparsity="kl", target=0.1)
    >>> model.compile(optimizer="adam", loss="mse")
    >>> history = model.fit(np.random.default_rng(0).random((64, 8), dtype="float32"), verbose=0)
    >>> sorted(history.history)
    ['loss', 'reconstruction_loss', 'sparsity_loss']

    Notes
    -----
    ``loss = reconstruction_loss + weight * sparsity_loss``. Ng (2011), *Sparse autoencoder*, lecture notes CS294A.
    """

    fields = ("encoder", "decoder", "sparsity", "target", "weight")
    penalty_name = "sparsity_loss"

    def __init__(self, encoder: Any, decoder: Any, sparsity: str = "l1", target: float = 0.05, weight: float | None = None, **kwargs: Any) -> None:
        encoder = as_model(encoder, "encoder")
        kind = lookup("sparsity", sparsity, {"l1": "l1", "kl": "kl"})
        last = getattr(encoder.layers[-1], "activation", None) if encoder.layers else None
        ends = getattr(last, "__name__", "")
        if kind == "kl" and ends in UNBOUNDED:
            raise ParameterError(f"sparsity='kl' compares mean activations in (0, 1) with the target, but the encoder ends in {ends!r}; end it in 'sigmoid' "
                                 "(dense: code_activation='sigmoid'), or use sparsity='l1'")
        super().__init__(encoder, decoder, **kwargs)
        if not 0 < target < 1:
            raise ParameterError(f"target={target!r}; a mean activation between 0 and 1 is needed")
        self.sparsity, self.target = kind, float(target)
        self.weight = not_negative("weight", (1e-4 if kind == "l1" else 1e-2) if weight is None else weight)

    def _code(self, encoded: Any) -> Any:
        self.note(lambda: self._measured(encoded))
        return encoded

    def _measured(self, code: Any) -> Any:
        if self.sparsity == "l1":
            return np.sum(np.abs(code)) / np.shape(code)[0]
        t, tiny = self.target, 1e-7
        active = np.clip(np.mean(np.reshape(code, (np.shape(code)[0], -1)), axis=0), tiny, 1 - tiny)
        return np.sum(t * (np.log(t) - np.log(active)) + (1 - t) * (np.log(1 - t) - np.log(1 - active)))

    def weighed(self, penalty: Any) -> Any:
        return self.weight * penalty


class ContractiveAutoencoder(Autoencoder):
    """The code changes little where the input does: the squared Frobenius norm of the encoder's Jacobian, averaged over the
    samples, is part of the loss.

    Parameters
    ----------
    encoder, decoder : Model, layer, or list of layers
        In the encoder, no layer may mix samples (BatchNormalization).
    weight : float
        Of the penalty in the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.ContractiveAutoencoder.dense(8, [4], activation="sigmoid", weight=1e-3)
    >>> model.compile(optimizer="adam", loss="mse")
    >>> history = model.fit(np.random.default_rng(0).random((64, 8), dtype="float32"), verbose=0)
    >>> sorted(history.history)
    ['contraction_loss', 'loss', 'reconstruction_loss']

    Notes
    -----
    ``loss = reconstruction_loss + weight * contraction_loss``. The Jacobian is dualad's, of any encoder; a step costs about as
    many sweeps as the code has numbers. Rifai, Vincent, Muller, Glorot and Bengio (2011), *Contractive auto-encoders: explicit
    invariance during feature extraction*.
    """

    fields = ("encoder", "decoder", "weight")
    penalty_name = "contraction_loss"

    def __init__(self, encoder: Any, decoder: Any, weight: float = 1e-4, **kwargs: Any) -> None:
        super().__init__(encoder, decoder, **kwargs)
        self.weight = not_negative("weight", weight)

    def contraction(self, x: Any) -> Any:
        """The squared Frobenius norm of the encoder's Jacobian at each sample."""
        shape = self.encoder.output_shape[1:]
        J = batch_jacobian(self.encoder, x, int(np.prod(shape)) if all(shape) else None)
        return np.sum(np.reshape(J, (np.shape(J)[0], -1)) ** 2, axis=1)

    def penalty(self, xs: list[Any]) -> Any:
        return np.mean(self.contraction(xs[0]))

    def weighed(self, penalty: Any) -> Any:
        return self.weight * penalty
