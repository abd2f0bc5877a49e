"""Helpers with the names they have in Keras."""

from __future__ import annotations

from ._numbered import clear_session
from .random import set_random_seed

__all__ = ["clear_session", "set_random_seed"]
