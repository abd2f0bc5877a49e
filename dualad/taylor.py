"""Higher derivatives along a line: truncated Taylor series instead of nested transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _core
from ._calls import function_name, result_leaves
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
    points = [_core.as_point(p, f"the argument of {function_name(f)}") for p in leaves]
    ones = [np.ones_like(_core.plain(p)) for p in points] if direction is None else matching(structure, direction, "direction")
    seeds = [_core.as_tangent(d, p, "direction") for d, p in zip(ones, points)]
    recording = Recording(points)
    results, shape = recording.run(lambda v: f(unflatten(structure, v)), result_leaves, f)
    nested = any(_core.is_traced(p) for p in (*points, *seeds)) or _core.highest_level(results) >= 0
    if nested or _core.depends_outside(recording.tape, recording.lo):
        return _nested(f, unflatten(structure, points), unflatten(structure, seeds), order)
    first = [recording.finish(r) for r in results]
    on_tape = [r for r in results if _core.on_tape(r, recording.tape, recording.lo)] if order else []
    series = iter(_core.expand(recording.tape, recording.lo, recording.inputs, on_tape, seeds, order))
    higher = [next(series) if order and _core.on_tape(r, recording.tape, recording.lo) else [0 * v] * order for r, v in zip(results, first)]
    rows = [[_like(c[k], r) for c, r in zip(higher, results)] for k in range(order)]
    return [unflatten(shape, row) for row in [first, *rows]]


def _check_order(order: Any) -> None:
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 0:
        raise ValueError(f"order={order!r}; it must be an integer of at least 0")


def _nested(f: Callable[..., Any], x: Any, direction: Any, order: int) -> list[Any]:
    out, g = [f(x)], f
    for k in range(1, order + 1):
        g = _Along(g, direction)
        out.append(_divided(g(x), math.factorial(k)))
    return out


def _divided(tree: Any, by: float) -> Any:
    leaves, structure = flatten(tree)
    return unflatten(structure, [leaf / by for leaf in leaves])


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
        if isinstance(self.argnums, str):
            rest = {k: v for k, v in kwargs.items() if k != self.argnums}
            x, function = kwargs[self.argnums], lambda x: self.f(*args, **rest, **{self.argnums: x})
        else:
            x, function = args[self.argnums], lambda x: self.f(*args[: self.argnums], x, *args[self.argnums :][1:], **kwargs)
        if np.shape(_core.plain(x)) != ():
            raise ShapeError(f"derivative needs a scalar argument, but that of {function_name(self.f)} has shape {np.shape(_core.plain(x))}; use "
                             "dualad.elementwise_grad, jacobian, or taylor with a direction")
        named = _Named(function, self.f)
        if self.order == 0:
            return function(x)
        if self.order == 1:
            return jvp(named, (x,), (np.ones_like(_core.plain(x)),))[1]
        leaves, structure = flatten(taylor(named, x, self.order)[self.order])
        return unflatten(structure, [c * math.factorial(self.order) for c in leaves])


class _Named:
    """A function under the name of another, for error messages."""

    def __init__(self, call: Callable[..., Any], named: Callable[..., Any]) -> None:
        self.call, self.__name__ = call, function_name(named)

    def __call__(self, x: Any) -> Any:
        return self.call(x)


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
