"""The transforms that users call: each runs the function on traced values and sweeps what was recorded."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _core
from ._calls import LEVELS, Argnums, Selected, StandIn, function_name, leaves_and_aux, result_leaves, scalar_result, split_aux
from ._recording import Recording, watched
from .errors import DtypeError
from .tree import flatten, matching, unflatten


class Transform(ABC):
    """A transformed function. Keeps the function's name and docstring; picklable when the function is."""

    label = "transform"

    def __init__(self, f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> None:
        if not callable(f):
            raise TypeError(f"{self.label} needs a function, not {_core._short(f)} of type {type(f).__name__}")
        self.f, self.argnums, self.has_aux, self.holomorphic = f, argnums, has_aux, holomorphic
        functools.update_wrapper(self, f, updated=())

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<dualad.{self.label} of {function_name(self.f)}>"

    @abstractmethod
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the transformed function."""

    def _with_aux(self, y: Any) -> tuple[Any, Any]:
        return split_aux(y, self.f) if self.has_aux else (y, None)

    def _leaves(self, y: Any) -> tuple[list[Any], Any, Any]:
        return leaves_and_aux(y, self.f, self.has_aux)


class ValueAndGrad(Transform):
    label = "value_and_grad"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value, gradient, aux = self.compute(args, kwargs)
        return ((value, aux), gradient) if self.has_aux else (value, gradient)

    def _checked(self, y: Any) -> tuple[Any, Any]:
        y, aux = self._with_aux(y)
        return scalar_result(y, self.f, self.holomorphic), aux

    def compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
        """(value, gradient, auxiliary data)."""
        selected = Selected(self.f, self.argnums, args, kwargs)
        if self.holomorphic:
            _need_complex(selected.leaves, self.f)
        recording = Recording(selected.leaves)
        y, aux = recording.run(self.f, selected, self._checked)
        gradient = recording.pull([y], [1.0])
        if self.holomorphic:
            gradient = [np.conj(g) for g in gradient]
        if aux is not None:
            aux = _map_any(recording.finish, aux)
        return recording.finish(y), unflatten(selected.structure, gradient), aux


class Grad(ValueAndGrad):
    label = "grad"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _, gradient, aux = self.compute(args, kwargs)
        return (gradient, aux) if self.has_aux else gradient


class ElementwiseGrad(Transform):
    label = "elementwise_grad"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        selected = Selected(self.f, self.argnums, args, kwargs)
        recording = Recording(selected.leaves)
        leaves, _, _ = recording.run(self.f, selected, self._leaves)
        ones = [np.ones_like(_core.plain(y)) for y in leaves]
        return unflatten(selected.structure, recording.pull(leaves, ones))


def _need_complex(leaves: list[Any], f: Any) -> None:
    for x in leaves:
        if not np.iscomplexobj(_core.plain(x)):
            raise DtypeError(f"holomorphic=True, but an argument of {function_name(f)} is real ({_core._short(_core.plain(x))}); pass complex values")


def _map_any(function: Callable[[Any], Any], tree: Any) -> Any:
    """Applies `function` to the traced leaves of any tree."""
    leaves, structure = flatten(tree)
    packed = [_core.pack(x) if isinstance(x, np.ndarray) else x for x in leaves]
    return unflatten(structure, [function(x) if _core.is_traced(x) else x for x in packed])


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> ValueAndGrad:
    """A function that returns the value of `f` and its gradient, from one run.

    Parameters
    ----------
    f : callable
        Plain NumPy code returning a real scalar.
    argnums : int, str, or tuple of them
        Which arguments to differentiate, by position or name.
    has_aux : bool
        `f` returns ``(value, other)``; `other` is passed through: the result is ``((value, other), gradient)``.
    holomorphic : bool
        `f` is holomorphic: the result is the complex derivative.

    Returns
    -------
    callable
        ``(value, gradient)``; the gradient has the structure and shapes of the argument (a tuple of them for a tuple `argnums`).

    Raises
    ------
    ShapeError
        The result is not a scalar.
    DtypeError
        The result is complex, or an argument is not made of numbers.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))

    Notes
    -----
    Reverse mode (Linnainmaa 1970; Griewank & Walther, *Evaluating Derivatives*, ch. 3.2). Of a complex argument the gradient is the
    direction of steepest ascent, so that ``z - t * gradient`` decreases `f`.
    """
    return ValueAndGrad(f, argnums, has_aux, holomorphic)


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> Grad:
    """The gradient of a scalar function, in reverse mode. Parameters and errors as in `value_and_grad`.

    Returns
    -------
    callable
        Returns the gradient, of the argument's structure and shapes; with `has_aux` the pair ``(gradient, other)``.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.grad(lambda x, y: x * np.sin(y), argnums=(0, 1))(2.0, 0.0)
    (0.0, 2.0)
    """
    return Grad(f, argnums, has_aux, holomorphic)


def elementwise_grad(f: Callable[..., Any], argnums: Argnums = 0) -> ElementwiseGrad:
    """The derivative of a function that works element by element, for all elements at once.

    It is the gradient of the sum of the result; for a function that mixes elements use `jacobian`.

    Returns
    -------
    callable
        Returns an array of the argument's shape.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.elementwise_grad(np.square)(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    """
    return ElementwiseGrad(f, argnums)


# ---- forward mode ----


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """The value of ``f(*primals)`` and its derivative along `tangents` (Jacobian-vector product), in forward mode.

    Parameters
    ----------
    f : callable
    primals : tuple
        The arguments: numbers, arrays or trees of them.
    tangents : tuple
        The direction: the same structure and shapes.
    has_aux : bool
        `f` returns ``(value, other)``; the result is ``(value, tangent, other)``.

    Returns
    -------
    (value, tangent)
        Both of the structure that `f` returns.

    Raises
    ------
    TreeError, ShapeError
        A tangent does not match its primal.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.jvp(lambda x: x**3, (2.0,), (1.0,))
    (8.0, 12.0)

    Notes
    -----
    Dual numbers (Wengert 1964; Griewank & Walther, *Evaluating Derivatives*, ch. 3.1).
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        name, given = ("tangents", tangents) if isinstance(primals, (tuple, list)) else ("primals", primals)
        raise TypeError(f"jvp takes {name} as a tuple of arguments, e.g. jvp(f, (x,), (v,)); got {type(given).__name__}")
    leaves, structure = flatten(tuple(primals))
    points = _core.points(leaves, lambda k: f"primal {k} of {function_name(f)}")
    directions = matching(structure, tuple(tangents), "the tangents argument of jvp")
    directions = [_core.as_tangent(t, p, "a tangent") for t, p in zip(directions, points)]
    level = _core.new_level()
    LEVELS.live.append(level)
    try:
        variables = _core.lift(points, directions, level)
        results, shape, aux = watched(f, lambda leaves: f(*unflatten(structure, leaves)), variables, leaves_and_aux, f, has_aux)
    finally:
        LEVELS.live.remove(level)
    primal_parts, tangent_parts = _core.owned_parts(results, level)
    out = unflatten(shape, primal_parts), unflatten(shape, tangent_parts)
    return (*out, _map_any(lambda x: _core.split(x, level)[0], aux)) if has_aux else out


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``f(*primals)`` and the pullback that maps cotangents of the result to cotangents of the arguments.

    Parameters
    ----------
    f : callable
    *primals
        The arguments: numbers, arrays or trees of them.
    has_aux : bool
        `f` returns ``(value, other)``; the result is ``(value, pull, other)``.

    Returns
    -------
    value
        What `f` returned.
    pull : callable
        ``pull(cotangent)`` returns a tuple, one cotangent an argument. It may be called often, later, and from other threads.

    Raises
    ------
    TreeError, ShapeError
        By `pull`, when the cotangent does not match the value.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> y, pull = da.vjp(lambda x, w: x @ w, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> pull(1.0)
    (array([3., 4.]), array([1., 2.]))
    """
    leaves, structure = flatten(tuple(primals))
    recording = Recording(_core.points(leaves, lambda k: f"primal {k} of {function_name(f)}"))
    results, shape, aux = recording.run(f, lambda variables: f(*unflatten(structure, variables)), leaves_and_aux, f, has_aux)

    def pull(cotangent: Any) -> Any:
        given = matching(shape, cotangent, "the cotangent")
        cotangents = [_core.as_tangent(c, _core.plain(r), "the cotangent") for c, r in zip(given, results)]
        return unflatten(structure, recording.pull(results, cotangents))

    out = unflatten(shape, [recording.finish(r) for r in results]), pull
    return (*out, _map_any(recording.finish, aux)) if has_aux else out


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``f(*primals)`` and its derivative there as a linear function of tangents, without running `f` again.

    Parameters
    ----------
    f : callable
    *primals
        The point.

    Returns
    -------
    value
    linear : callable
        ``linear(*tangents)``: the tangent of the result.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> y, lin = da.linearize(np.sin, 0.0)
    >>> float(lin(2.0))
    2.0

    Notes
    -----
    A forward sweep over the tape of one recording; inside another transform `f` is run again on Duals instead.
    """
    leaves, structure = flatten(tuple(primals))
    points = _core.points(leaves, lambda k: f"primal {k} of {function_name(f)}")
    recording = Recording(points)
    results, shape = recording.run(f, lambda variables: f(*unflatten(structure, variables)), result_leaves, f)
    nested = _core.depends_outside(recording.tape, recording.lo) or any(_core.is_traced(p) for p in points)
    nested = nested or _core.highest_level(results) >= 0

    def linear(*tangents: Any) -> Any:
        given = matching(structure, tangents, "the tangents")
        if nested or any(_core.is_traced(t) for t in given):
            return jvp(f, primals, tangents)[1]
        seeds = [_core.as_tangent(t, p, f"tangent {k}") for k, (t, p) in enumerate(zip(given, points))]
        on_tape = [r for r in results if _core.on_tape(r, recording.tape, recording.lo)]
        moved = iter(_core.push(recording.tape, recording.lo, recording.inputs, on_tape, [np.asarray(t)[None] for t in seeds], 1))
        out = [next(moved)[0] if _core.on_tape(r, recording.tape, recording.lo) else np.zeros_like(_core.plain(r)) for r in results]
        return unflatten(shape, [_like(t, r) for t, r in zip(out, results)])

    return unflatten(shape, [recording.finish(r) for r in results]), linear


def _like(t: Any, result: Any) -> Any:
    """A tangent as the Python type of its primal."""
    v = _core.plain(result)
    return float(t) if isinstance(v, float) and not isinstance(v, np.generic) else t


# ---- second order ----


class Hvp(Transform):
    label = "hvp"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            raise TypeError(f"hvp(f)(x, v) takes the arguments of {function_name(self.f)} and the vector v after them; got {len(args)} arguments")
        *rest, v = args
        selected = Selected(self.f, self.argnums, tuple(rest), kwargs)
        tree = unflatten(selected.structure, selected.leaves)
        return self.product(_GradOf(selected), tree, v)

    @staticmethod
    def product(gradient: Callable[..., Any], x: Any, v: Any) -> Any:
        return jvp(gradient, (x,), (v,))[1]


class Vhp(Hvp):
    label = "vhp"

    @staticmethod
    def product(gradient: Callable[..., Any], x: Any, v: Any) -> Any:
        return vjp(gradient, x)[1](v)[0]


class _GradOf:
    """The gradient as a function of the selected arguments only."""

    def __init__(self, selected: Selected) -> None:
        self.selected = selected

    def __call__(self, tree: Any) -> Any:
        return Grad(StandIn(self._value, self.selected.f))(tree)

    def _value(self, tree: Any) -> Any:
        return self.selected(flatten(tree)[0])


def hvp(f: Callable[..., Any], argnums: Argnums = 0) -> Hvp:
    """The product of the Hessian of a scalar function with a vector, at the cost of a few gradients.

    Returns
    -------
    callable
        ``hvp(f)(*args, v)``; `v` and the result have the structure of the differentiated argument.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])

    Notes
    -----
    Forward over reverse mode (Pearlmutter 1994, *Fast exact multiplication by the Hessian*).
    """
    return Hvp(f, argnums)


def vhp(f: Callable[..., Any], argnums: Argnums = 0) -> Vhp:
    """The product of a vector with the Hessian, reverse over reverse; equal to `hvp` for a smooth function.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.vhp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return Vhp(f, argnums)


def stop_gradient(x: Any) -> Any:
    """`x` as a constant: its value, without derivative, in any tree.

    Examples
    --------
    >>> import dualad as da
    >>> da.grad(lambda x: x * da.stop_gradient(x))(3.0)
    3.0
    """
    leaves, structure = flatten(x)
    return unflatten(structure, [_core.value(leaf) for leaf in leaves])

