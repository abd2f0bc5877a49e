"""Models as ONNX graphs."""

from __future__ import annotations

from .export import export

__all__ = ["export"]
