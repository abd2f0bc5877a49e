"""Autoencoders: an encoder and a decoder, trained to give back what came in, and what else is asked of the code between them."""

from __future__ import annotations

from .base import Autoencoder
from .denoising import DenoisingAutoencoder
from .penalised import ContractiveAutoencoder, SparseAutoencoder
from .variational import VAE, Heads

__all__ = ["VAE", "Autoencoder", "ContractiveAutoencoder", "DenoisingAutoencoder", "Heads", "SparseAutoencoder"]
