"""Strategies: one training step on several threads or processes. Batches are split into shards, whose gradients are added in a fixed order."""

from __future__ import annotations

from typing import Any

from ...errors import StrategyError
from .._names import lookup
from .base import Strategy
from .mpi import Mpi
from .threads import Threads

__all__ = ["Mpi", "Strategy", "Threads", "get"]


def get(given: Any) -> Strategy:
    """The strategy of a name, with its defaults; a strategy as it is.

    Parameters
    ----------
    given : {"threads", "mpi"} or Strategy

    Raises
    ------
    UnknownNameError
        No such name.
    StrategyError
        Neither a name nor a strategy.

    Examples
    --------
    >>> from dualad import nn
    >>> nn.strategies.get("threads").shards
    8
    """
    if isinstance(given, str):
        made: Strategy = lookup("strategy", given, {"threads": Threads, "mpi": Mpi})()
        return made
    if not isinstance(given, Strategy):
        raise StrategyError(f"strategy={given!r}; it is 'threads', 'mpi', or an instance such as nn.strategies.Threads(workers=2)")
    return given
