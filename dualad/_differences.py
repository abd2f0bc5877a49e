"""Directional derivatives by central differences on a ladder of steps, extrapolated to step zero.

C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Adv. Eng. Software 4 (1982) 75-76: Neville's scheme on halved
steps, of which every entry of the result keeps the member with the smallest error estimate. No step has to suit all entries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

LEVELS = 14  # halvings of the step: from 0.1 to 1e-5 of the scale of x
FAILS = (ArithmeticError, ValueError)  # math.log(-1), 1/0: the step has left the domain


class Differences(NamedTuple):
    """Entrywise: the derivative, its estimated error (infinite where no step gave a finite value), the step, and the part of the
    error that roundoff makes at that step."""

    derivative: np.ndarray
    error: np.ndarray
    step: np.ndarray
    noise: np.ndarray


def directional(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, v: np.ndarray, eps: float = 2.0**-52) -> Differences:
    """Derivative of `f` at `x` along `v`, all flat real vectors; `eps` is the unit roundoff of the values of `f`."""
    first, *others = _starts(x, v)
    found = _ladder(f, x, v, first, eps)
    for start in others:
        if np.all(found.error <= 1e-8 * np.abs(found.derivative).max(initial=0.0)):
            break
        found = _better(found, _ladder(f, x, v, start, eps))
    return found


def _starts(x: np.ndarray, v: np.ndarray) -> list[float]:
    """First steps to try: on the scale of the whole point, then on that of its smallest entry (log, sqrt, powers near 0)."""
    on = v != 0
    if not on.any():
        return [0.1]
    wide = 0.1 * max(1.0, np.abs(x[on]).max()) / np.abs(v[on]).max()
    near = 0.1 * np.abs(x[on] / v[on])
    near = near[near > 0].min(initial=wide)
    return [wide, near, 1e-3 * near] if near < 0.1 * wide else [wide, 1e-3 * wide]


def _better(a: Differences, b: Differences) -> Differences:
    return Differences(*(np.where(b.error < a.error, q, p) for p, q in zip(a, b, strict=True)))


def _ladder(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, v: np.ndarray, h: float, eps: float) -> Differences:
    previous: list[np.ndarray] = []
    best = None
    for _ in range(LEVELS):
        above, below = _probe(f, x + h * v), _probe(f, x - h * v)
        if above is not None and below is not None:
            with np.errstate(all="ignore"):
                row = _neville((above - below) / (2 * h), previous)
                noise = eps * np.maximum(np.abs(above), np.abs(below)) / h
                member = _best_of(row, previous, noise, h)
            best = member if best is None else _better(best, member)
            previous = row
        else:
            previous = []
        h /= 2
    if best is None:
        size = np.size(f(x))
        best = Differences(np.full(size, np.nan), np.full(size, np.inf), np.zeros(size), np.zeros(size))
    return best


def _probe(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray | None:
    try:
        with np.errstate(all="ignore"):
            return f(x)
    except FAILS:
        return None


def _neville(first: np.ndarray, previous: list[np.ndarray]) -> list[np.ndarray]:
    row = [first]
    for j, older in enumerate(previous, start=1):
        row.append(row[-1] + (row[-1] - older) / (4.0**j - 1.0))
    return row


def _best_of(row: list[np.ndarray], previous: list[np.ndarray], noise: np.ndarray, h: float) -> Differences:
    size = row[0].size
    best = Differences(row[0], np.full(size, np.inf), np.full(size, h), noise)
    for j in range(1, len(row)):
        spread = np.maximum(np.abs(row[j] - row[j - 1]), np.abs(row[j] - previous[j - 1]))
        error = np.where(np.isfinite(spread), spread + noise, np.inf)
        best = _better(best, Differences(row[j], error, np.full(size, h), noise))
    return best
