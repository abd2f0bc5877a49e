"""Clipping of gradients by norms, one a variable or one for all; clipping by value is part of the update itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ParameterError
from ...program import record


def check(clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None) -> None:
    """Raises ParameterError unless at most one of the three is given, and positive."""
    limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
    given = {name: x for name, x in limits.items() if x is not None}
    if len(given) > 1:
        raise ParameterError(f"only one of clipnorm, clipvalue and global_clipnorm can be set, not {' and '.join(given)}")
    for name, x in given.items():
        if not x > 0:
            raise ParameterError(f"{name}={x!r}; it must be positive")


class Norms:
    """Factors that bring the norms of parts of a flat array down to a limit.

    The squares are summed by a program, whose order of summation depends on the lengths alone: a run resumed elsewhere gives the same bits.

    Parameters
    ----------
    limit : float
    slices : sequence of slice
        The parts.
    like : array
        A flat array of the type and length to come.

    Examples
    --------
    >>> import numpy as np
    >>> Norms(1.0, [slice(0, 2), slice(2, 3)], np.zeros(3)).factors(np.array([3.0, 4.0, 0.5]))
    array([0.2, 1. ])
    """

    def __init__(self, limit: float, slices: Sequence[slice], like: np.ndarray) -> None:
        self.limit, self.slices, self.dtype = limit, list(slices), like.dtype

        def squares(g: Any) -> Any:
            return tuple(np.sum(np.square(g[where])) for where in self.slices)

        self.squares = record(squares, like)

    def factors(self, g: np.ndarray) -> np.ndarray:
        """The factor of each part: 1 where its norm is within the limit."""
        norms = np.sqrt(np.array(self.squares(g), self.dtype))
        return (self.limit / np.maximum(norms, self.limit)).astype(self.dtype)

    def clipped(self, g: np.ndarray) -> np.ndarray:
        """A new array, each part scaled by its factor."""
        out = np.empty_like(g)
        for where, factor in zip(self.slices, self.factors(g)):
            np.multiply(g[where], factor, out=out[where])
        return out
