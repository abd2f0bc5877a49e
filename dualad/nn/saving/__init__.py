"""Models, weights and checkpoints in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._document import custom_object_scope, register
from .._lazy import attributes

if TYPE_CHECKING:
    from .models import load_model, model_from_json, save_model
    from .structure import clone_model

__all__ = ["clone_model", "custom_object_scope", "load_model", "model_from_json", "register", "save_model"]

__getattr__ = attributes(__name__, {"clone_model": ".structure", "load_model": ".models", "model_from_json": ".models", "save_model": ".models"})


def __dir__() -> list[str]:
    return __all__
