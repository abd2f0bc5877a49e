"""Higher derivatives along a line: truncated Taylor series instead of nested transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _core
from ._calls import Selected, StandIn, function_name, result_leaves
from ._recording import Recording
from .errors import ShapeError
from .transforms import Transform, _like, jvp
from .tree import flatten, matching, unflatten


def taylor(f: Callable[..., Any], x: Any, order: int, direction: Any = None) -> list[Any]:
    """The Taylor coefficients of ``f(x + t * direction)`` in t, up to `order`.

    Parameters
    ----------
    f : callable
    x : number, array or tree
        The point.
    order : int
        Highest power of t, at least 0.
    direction : like x, optional
        All ones by default: the coefficients of a function of one variable, or of an elementwise function.

    Returns
    -------
    list
        ``order + 1`` coefficients of the structure of ``f(x)``; the k-th derivative along the direction is k! times the k-th.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> [float(c) for c in da.taylor(np.exp, 0.0, 3)]
    [1.0, 1.0, 0.5, 0.16666666666666666]

    Notes
    -----
    O(order**2) a recorded operation (Griewank & Walther, *Evaluating Derivatives*, ch. 13), where nested Duals cost 2**order. Inside
    another transform nested `jvp` calls are used, which cost more.
    """
    _check_order(order)
    leaves, structure = flatten(x)
    points = _core.points(leaves, lambda k: f"argument leaf {k} of {function_name(f)}")
    ones = [np.ones_like(_core.plain(p)) for p in points] if direction is None else matching(structure, direction, "direction")
    seeds = [_core.as_tangent(d, p, "direction") for d, p in zip(ones, points)]
    series = Series(StandIn(lambda v: f(unflatten(structure, v)), f), f, points, seeds, order)
    return [series.coefficient(k) for k in range(order + 1)]


class Series:
    """The Taylor series of a function of leaves along `seeds`: swept over one recording, or by nested `jvp` inside other transforms."""

    def __init__(self, call: Callable[[list[Any]], Any], f: Callable[..., Any], points: list[Any], seeds: list[Any], order: int) -> None:
        self.call, self.points, self.seeds, self.order = call, points, seeds, order
        recording = Recording(points)
        self.results, self.shape = recording.run(f, call, result_leaves, f)
        traced = any(map(_core.is_traced, points)) or any(map(_core.is_traced, seeds))
        self.nested = traced or _core.highest_level(self.results) >= 0 or _core.depends_outside(recording.tape, recording.lo)
        if not self.nested:
            self._expand(recording)

    def _expand(self, recording: Recording) -> None:
        self.first = [recording.finish(r) for r in self.results]
        known = [_core.on_tape(r, recording.tape, recording.lo) for r in self.results]
        moving = [r for r, k in zip(self.results, known) if k] if self.order else []
        series = iter(_core.expand(recording.tape, recording.lo, recording.inputs, moving, self.seeds, self.order) if moving else [])
        self.higher = [next(series) if k and self.order else [0 * v] * self.order for k, v in zip(known, self.first)]

    def coefficient(self, k: int) -> Any:
        """The coefficient of order `k`, in the structure of the result."""
        if self.nested:
            return self._by_jvp(k)
        leaves = self.first if k == 0 else [_like(c[k - 1], r) for c, r in zip(self.higher, self.results)]
        return unflatten(self.shape, leaves)

    def _by_jvp(self, k: int) -> Any:
        g = self.call
        for _ in range(k):
            g = _Along(g, self.seeds)
        leaves, structure = flatten(g(self.points))
        return unflatten(structure, [leaf / math.factorial(k) for leaf in leaves])


def _check_order(order: Any) -> None:
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 0:
        raise ValueError(f"order={order!r}; it must be an integer of at least 0")


class _Along:
    """The derivative of a function of one argument along a fixed direction."""

    def __init__(self, f: Callable[..., Any], direction: Any) -> None:
        self.f, self.direction = f, direction

    def __call__(self, x: Any) -> Any:
        return jvp(self.f, (x,), (self.direction,))[1]


class Derivative(Transform):
    label = "derivative"

    def __init__(self, f: Callable[..., Any], order: int = 1, argnums: Any = 0) -> None:
        _check_order(order)
        super().__init__(f, argnums)
        self.order = order

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        selected = Selected(self.f, self.argnums, args, kwargs)
        points = selected.leaves
        shape = np.shape(_core.plain(points[0])) if len(points) == 1 else None
        if shape != ():
            what = f"{len(points)} numbers" if shape is None else f"shape {shape}"
            raise ShapeError(f"derivative needs one scalar argument, but that of {function_name(self.f)} has {what}; use "
                             "dualad.elementwise_grad, jacobian, or taylor with a direction")
        if self.order == 0:
            return selected(points)
        ones = [np.ones_like(_core.plain(points[0]))[()]]
        if self.order == 1:
            return jvp(StandIn(lambda v: selected([v]), self.f), (points[0],), (ones[0],))[1]
        leaves, structure = flatten(Series(selected, self.f, points, ones, self.order).coefficient(self.order))
        return unflatten(structure, [c * math.factorial(self.order) for c in leaves])


def derivative(f: Callable[..., Any], order: int = 1, argnums: Any = 0) -> Derivative:
    """The n-th derivative of a function of a scalar, through Taylor coefficients.

    Parameters
    ----------
    f : callable
        Returns a number, an array or a tree.
    order : int
        Which derivative; 0 is the function itself.
    argnums : int or str
        The scalar argument.

    Returns
    -------
    callable
        Returns the derivative, of the structure that `f` returns.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.derivative(lambda x: x**5, order=3)(2.0)
    240.0
    """
    return Derivative(f, order, argnums)
