"""Automatic names of layers, models and inputs: a word and a number."""

from __future__ import annotations

_counts: dict[str, int] = {}


def unique_name(base: str) -> str:
    """``dense``, ``dense_1``, ``dense_2``..."""
    n = _counts[base] = _counts.get(base, -1) + 1
    return f"{base}_{n}" if n else base


def clear_session() -> None:
    """Starts the numbering of automatic names anew."""
    _counts.clear()
