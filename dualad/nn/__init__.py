"""The autoencoder trainer: models in Keras's words on NumPy arrays, with derivatives from dualad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    K,
    activations,
    autoencoders,
    callbacks,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    plots,
    regularizers,
    saving,
    schedules,
    scores,
    strategies,
    utils,
)
from ._document import register
from ._lazy import attributes
from .autoencoders import VAE, Autoencoder, ContractiveAutoencoder, DenoisingAutoencoder, SparseAutoencoder
from .config import epsilon, floatx, set_floatx
from .gradients import value_and_gradients
from .graph import Input, Tensor
from .layers import *  # noqa: F403
from .layers import __all__ as _layers
from .model import Model, Sequential
from .tape import GradientTape

if TYPE_CHECKING:
    from .saving import clone_model, load_model, model_from_json

__all__ = [
    "Autoencoder", "ContractiveAutoencoder", "DenoisingAutoencoder", "GradientTape", "Input", "K", "Model", "Sequential",
    "SparseAutoencoder", "Tensor", "VAE", "activations", "autoencoders", "callbacks", "clone_model", "constraints",
    "datasets", "epsilon", "floatx", "initializers", "layers", "load_model", "losses", "metrics", "model_from_json",
    "optimizers", "plots", "register", "regularizers", "saving", "schedules", "scores", "set_floatx", "strategies", "utils",
    "value_and_gradients", *_layers,
]

__getattr__ = attributes(__name__, dict.fromkeys(("clone_model", "load_model", "model_from_json"), ".saving"))
