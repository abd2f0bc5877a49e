"""The autoencoder trainer: models in Keras's words on NumPy arrays, with derivatives from dualad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    activations,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    saving,
    schedules,
    utils,
)
from ._document import register
from ._lazy import attributes
from .config import epsilon, floatx, set_floatx
from .graph import Input, Tensor
from .layers import *  # noqa: F403
from .layers import __all__ as _layers
from .model import Model, Sequential

if TYPE_CHECKING:
    from . import K, autoencoders, datasets, plots, scores, strategies
    from .autoencoders import VAE, Autoencoder, ContractiveAutoencoder, DenoisingAutoencoder, SparseAutoencoder
    from .gradients import value_and_gradients
    from .saving import clone_model, load_model, model_from_json
    from .tape import GradientTape

__all__ = [
    "Autoencoder", "ContractiveAutoencoder", "DenoisingAutoencoder", "GradientTape", "Input", "K", "Model", "Sequential",
    "SparseAutoencoder", "Tensor", "VAE", "activations", "autoencoders", "callbacks", "clone_model", "constraints",
    "datasets", "epsilon", "floatx", "initializers", "layers", "load_model", "losses", "metrics", "model_from_json",
    "optimizers", "plots", "register", "regularizers", "saving", "schedules", "scores", "set_floatx", "strategies", "utils",
    "value_and_gradients", *_layers,
]

__getattr__ = attributes(
    __name__,
    {**dict.fromkeys(("clone_model", "load_model", "model_from_json"), ".saving"), "GradientTape": ".tape", "value_and_gradients": ".gradients",
     **dict.fromkeys(("VAE", "Autoencoder", "ContractiveAutoencoder", "DenoisingAutoencoder", "SparseAutoencoder"), ".autoencoders")},
    ("K", "autoencoders", "datasets", "estimators", "plots", "scores", "strategies"))


def __dir__() -> list[str]:
    return __all__
