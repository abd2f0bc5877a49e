"""The variational autoencoder."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import LayerError, LossError, ParameterError
from ..graph import Input, Tensor, leaves, mapped
from ..layers import Activation, Dense
from ..model import Model
from ..random import Stream
from .base import Autoencoder, as_model
from .penalised import not_negative


class Heads(Model):
    """Means and logarithms of variances, each a Dense layer over the features of a model.

    Parameters
    ----------
    features : Model
    latent_dim : int
    """

    fields = ("features", "latent_dim")

    def __init__(self, features: Any, latent_dim: int, *, name: str | None = None, trainable: bool = True, dtype: Any = None) -> None:
        features = as_model(features, "encoder")
        super().__init__(name=name, trainable=trainable, dtype=dtype or features.dtype)
        self.features, self.latent_dim = features, latent_dim
        self.mean, self.log_var = (Dense(latent_dim, name=n, dtype=self.dtype) for n in ("z_mean", "z_log_var"))
        if features.plan is not None:
            self._join()

    def build(self, input_shape: Any = None) -> None:
        if input_shape is None or self.built:
            return
        self.features.build(input_shape)
        if self.features.plan is None:
            super().build(input_shape)
        else:
            self._join()

    def _join(self) -> None:
        x = mapped(lambda t: Input(t.shape[1:], dtype=t.dtype), self.features.plan.inputs)
        h = self.features(x)
        self.connect(x, [self.mean(h), self.log_var(h)])

    def call(self, inputs: Any) -> Any:
        h = self.features(inputs)
        return [self.mean(h), self.log_var(h)]


class VAE(Autoencoder):
    r"""A variational autoencoder: codes are drawn from normal distributions, whose means and variances the encoder gives.

    Parameters
    ----------
    encoder : Model, layer, or list of layers
        Gives features, over which two Dense layers are put; or ``[mean, log_var]`` itself (a model with two outputs, or any model
        without `latent_dim`).
    decoder : Model, layer, or list of layers
    latent_dim : int, optional
        The size of the code.
    beta : float
        The weight of the divergence from the standard normal distribution (Higgins and others, 2017).
    capacity : float
        Of the code in nats: the divergence is drawn to this number in place of 0 (Burgess and others, 2018).
    seed : int, optional
        Of the draws.

    Raises
    ------
    LayerError
        The encoder does not give what is needed.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.VAE([nn.Input((8,)), nn.Dense(16, activation="relu")], [nn.Dense(8, activation="sigmoid")], latent_dim=2, seed=0)
    >>> model.compile(optimizer="adam", loss="binary_crossentropy")
    >>> history = model.fit(np.random.default_rng(0).random((64, 8), dtype="float32"), epochs=2, verbose=0)
    >>> sorted(history.history)
    ['kl_loss', 'loss', 'reconstruction_loss']
    >>> model.sample(5).shape
    (5, 8)

    Notes
    -----
    ``loss = reconstruction_loss + beta * abs(kl_loss - capacity)``, in which the reconstruction loss is the compiled one times
    the numbers in a sample - their sum, not their mean, so that with binary cross-entropy and ``beta=1`` it is the negative
    evidence lower bound - and :math:`\mathrm{KL} = -\frac12 \sum_j (1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2)` averaged over the
    batch. Codes are drawn while training; `evaluate`, `predict` and `encode` take the means. Kingma and Welling (2014),
    *Auto-encoding variational Bayes*.
    """

    fields = ("encoder", "decoder", "latent_dim", "beta", "capacity", "seed")
    penalty_name = "kl_loss"
    _beta: float
    _capacity: float

    def __init__(self, encoder: Any, decoder: Any, latent_dim: int | None = None, beta: float = 1.0, capacity: float = 0.0, seed: int | None = None,
                 **kwargs: Any) -> None:
        encoder = as_model(encoder, "encoder")
        outputs = encoder.plan.outputs if encoder.plan is not None else None
        if latent_dim is not None and not isinstance(encoder, Heads) and (outputs is None or isinstance(outputs, Tensor)):
            encoder = Heads(encoder, latent_dim, name=f"{encoder.name}_heads")
        elif isinstance(outputs, Tensor):
            raise LayerError(f"the encoder {encoder.name!r} gives features of shape {outputs.shape}: say latent_dim=..., the size of the code, to put mean and "
                             "log_var over them; or let it give [mean, log_var]")
        self.__dict__.update(_beta=not_negative("beta", beta), _capacity=not_negative("capacity", capacity))
        super().__init__(encoder, decoder, **kwargs)
        self.latent_dim, self.seed = latent_dim, seed

    @classmethod
    def _stacks(cls, shape: tuple[int, ...], inner: list[int], code: int, activation: Any, code_activation: Any) -> tuple[list[Any], list[Any]]:
        encoder, decoder = super()._stacks(shape, inner, code, activation, code_activation)
        return encoder[:-1] if len(encoder) > 2 else [encoder[0], Activation("linear")], decoder

    @classmethod
    def dense(cls, inputs: Any, units: Any, *args: Any, **options: Any) -> Any:
        """As `Autoencoder.dense`; the last of `units` is `latent_dim`.

        Examples
        --------
        >>> from dualad import nn
        >>> nn.VAE.dense(64, [32, 2]).encoder.output_shape
        [(None, 2), (None, 2)]
        """
        return super().dense(inputs, units, *args, latent_dim=units[-1], **options)

    # ---- options that may change between epochs ----

    @property
    def beta(self) -> float:
        """The weight of the divergence. It can be set; steps are then compiled anew."""
        return self._beta

    @beta.setter
    def beta(self, x: Any) -> None:
        self._change(_beta=not_negative("beta", x))

    @property
    def capacity(self) -> float:
        """The divergence that is aimed at. It can be set, as `beta`."""
        return self._capacity

    @capacity.setter
    def capacity(self, x: Any) -> None:
        self._change(_capacity=not_negative("capacity", x))

    def _change(self, **options: float) -> None:
        if any(self.__dict__[name] != x for name, x in options.items()):
            self.__dict__.update(options)
            if self._steps:
                self._set(_steps={})

    # ---- computing ----

    def _code(self, encoded: Any) -> Any:
        return self._moments(encoded)[0]

    def _moments(self, encoded: Any) -> list[Any]:
        if not isinstance(encoded, (list, tuple)) or len(encoded) < 2:
            raise LayerError(f"the encoder {self.encoder.name!r} of a VAE gives [mean, log_var], or features where latent_dim is given; got one array")
        return [encoded[0], encoded[1]]

    def call(self, inputs: Any, training: bool = False) -> Any:
        mean, log_var = self._moments(self.encoder(inputs))
        self.note(lambda: divergence(mean, log_var))
        if training:
            mean = mean + np.exp(0.5 * log_var) * self.draw("normal", np.shape(mean))
        return self.decoder(mean)

    def scaled(self, loss: Any, outputs: list[Any]) -> Any:
        if len(outputs) > 1:
            raise LossError(f"a VAE has one output; the decoder {self.decoder.name!r} gives {len(outputs)}")
        return loss * math.prod(np.shape(outputs[0])[1:])

    def weighed(self, penalty: Any) -> Any:
        return self.beta * (np.abs(penalty - self.capacity) if self.capacity else penalty)

    def sample(self, n: int = 1, seed: int | None = None) -> Any:
        """New samples, decoded from codes drawn from the standard normal distribution.

        Parameters
        ----------
        n : int
        seed : int, optional
            For the same samples each time; by default the layer's stream goes on.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ParameterError(f"n={n!r}; a whole number of samples is needed")
        stream = self.random if seed is None else Stream(seed)
        shape = leaves(self.decoder.input_shape) if self.decoder.input_shape is not None else None
        if not shape:
            raise LayerError(f"{self.name} is not built yet, so the size of its code is not known; call build(input_shape=(None, ...)) or fit first")
        return self.decode(stream.draw("normal", (int(n), *shape[1:]), np.dtype(self.dtype)))


def divergence(mean: Any, log_var: Any) -> Any:
    """The divergence of normal distributions from the standard one (Kullback and Leibler), summed over the code and averaged over
    the batch.

    Examples
    --------
    >>> import numpy as np
    >>> float(divergence(np.array([[2.0]]), np.array([[0.0]])))
    2.0
    """
    return -0.5 * np.sum(1 + log_var - mean**2 - np.exp(log_var)) / np.shape(mean)[0]
