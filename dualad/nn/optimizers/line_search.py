"""A line search for the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

SUFFICIENT, CURVATURE = 1e-4, 0.9  # c1 and c2 of the conditions, as for quasi-Newton methods
INSIDE = 0.1  # a step of an interval stays by this part of its length away from the ends


class Point:
    """A point on the line: step, value, slope, gradient."""

    __slots__ = ("gradient", "slope", "step", "value")

    def __init__(self, step: float, value: float, slope: float, gradient: Any = None) -> None:
        self.step, self.value, self.slope, self.gradient = step, value, slope, gradient


def strong_wolfe(along: Callable[[float], Point], start: Point, first: float, evaluations: int, noise: float = 0.0) -> Point | None:
    """A step that decreases the value enough and at which the slope is small.

    Parameters
    ----------
    along : callable
        The point of a step.
    start : Point
        Of step 0; its slope is negative.
    first : float
        The first step to try.
    evaluations : int
        Calls of `along` at most. Where they do not do, the lowest point that decreases the value enough.
    noise : float
        By how much values that should be equal may differ, from rounding.

    Returns
    -------
    Point or None
        None where no step decreases the value.

    Examples
    --------
    >>> square = lambda t: Point(t, (t - 1) ** 2, 2 * (t - 1))
    >>> strong_wolfe(square, square(0.0), 4.0, 20).step
    1.0

    Notes
    -----
    Nocedal and Wright (2006), *Numerical Optimization*, algorithms 3.5 and 3.6, with cubic interpolation (3.59).
    """
    before, step = start, first
    for left in range(evaluations, 0, -1):
        here = along(step)
        if _too_high(here, start, noise) or (before is not start and here.value >= before.value + noise):
            return _zoomed(along, start, before, here, left - 1, noise)
        if abs(here.slope) <= -CURVATURE * start.slope:
            return here
        if here.slope >= 0:
            return _zoomed(along, start, here, before, left - 1, noise)
        wanted = _cubic(before, here)
        length = here.step - before.step
        before, step = here, here.step + min(max(wanted - here.step, length), 9 * length)
    return before if before is not start else None


def _too_high(p: Point, start: Point, noise: float) -> bool:
    return not math.isfinite(p.value) or not p.value <= start.value + SUFFICIENT * p.step * start.slope + noise


def _zoomed(along: Callable[[float], Point], start: Point, low: Point, high: Point, left: int, noise: float) -> Point | None:
    """A step between the lowest point so far and another, between which one must lie."""
    for _ in range(left):
        a, b = sorted((low.step, high.step))
        if b - a <= 1e-12 * b:
            break
        margin = INSIDE * (b - a)
        here = along(min(max(_cubic(low, high), a + margin), b - margin))
        if _too_high(here, start, noise) or here.value >= low.value + noise:
            high = here
            continue
        if abs(here.slope) <= -CURVATURE * start.slope:
            return here
        if here.slope * (high.step - low.step) >= 0:
            high = low
        low = here
    return low if low is not start else None


def _cubic(p: Point, q: Point) -> float:
    """Where the cubic through two points with their slopes has its minimum; the middle where it has none."""
    middle = (p.step + q.step) / 2
    if not (math.isfinite(q.value) and math.isfinite(q.slope)):
        return middle
    d1 = p.slope + q.slope - 3 * (p.value - q.value) / (p.step - q.step)
    square = d1 * d1 - p.slope * q.slope
    if not 0 <= square < math.inf:
        return middle
    d2 = math.copysign(math.sqrt(square), q.step - p.step)
    below = q.slope - p.slope + 2 * d2
    return q.step - (q.step - p.step) * (q.slope + d2 - d1) / below if below else middle
