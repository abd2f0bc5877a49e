"""The transforms that users call: each runs the function on traced values and sweeps what was recorded."""

from __future__ import annotations

import functools
import inspect
import threading
from typing import Any, Callable, Sequence

import numpy as np

from . import _core
from .errors import DetachedError, DtypeError, DualadError, EscapedError, ShapeError, TreeError
from .tree import flatten, matching, unflatten

Argnums = Any  # int, str, or a tuple of them


class _Levels(threading.local):
    """The forward transforms that are running in this thread."""

    def __init__(self) -> None:
        self.live: list[int] = [0]


LEVELS = _Levels()


# ---- arguments and results ----


class Selected:
    """The differentiated arguments of a call as a list of leaves, and the call with other leaves in their place."""

    __slots__ = ("args", "f", "keys", "kwargs", "leaves", "single", "structure")

    def __init__(self, f: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.f, self.args, self.kwargs = f, args, kwargs
        self.single = not isinstance(argnums, (tuple, list))
        wanted = (argnums,) if self.single else tuple(argnums)
        self.keys = [self._key(k) for k in wanted]
        if len(set(self.keys)) != len(self.keys):
            raise TypeError(f"argnums={argnums!r} names an argument of {_name(f)} twice; each may be differentiated once")
        chosen = [kwargs[k] if isinstance(k, str) else args[k] for k in self.keys]
        leaves, self.structure = flatten(chosen[0] if self.single else tuple(chosen))
        self.leaves = _core.points(leaves, self._name)

    def _key(self, k: Any) -> int | str:
        if isinstance(k, str):
            if k in self.kwargs:
                return k
            names = _parameter_names(self.f)
            if k in names and names.index(k) < len(self.args):
                return names.index(k)
            raise TypeError(f"argnums names {k!r}, which was not passed to {_name(self.f)} (parameters: {', '.join(names) or 'unknown'})")
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
            raise TypeError(f"argnums must be an int, a parameter name or a tuple of them, not {k!r}")
        if not -len(self.args) <= k < len(self.args):
            raise TypeError(f"argnums={k}, but {_name(self.f)} was called with {len(self.args)} positional arguments; pass the argument to "
                            "differentiate by position, or give its name as argnums")
        return int(k) % len(self.args)

    def _name(self, leaf: int) -> str:
        where = f"argument {self.keys[0]!r}" if self.single else f"one of the arguments {tuple(self.keys)}"
        return f"{where} of {_name(self.f)}" + (f" (leaf {leaf})" if leaf else "")

    def __call__(self, leaves: list[Any]) -> Any:
        tree = unflatten(self.structure, leaves)
        args, kwargs = list(self.args), self.kwargs
        for key, value in zip(self.keys, (tree,) if self.single else tree):
            if isinstance(key, str):
                kwargs = {**kwargs, key: value}
            else:
                args[key] = value
        return self.f(*args, **kwargs)


def _parameter_names(f: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return []


def _name(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__) if not isinstance(f, Transform) else f"{f.label}({_name(f.f)})"


def _split_aux(y: Any, f: Any) -> tuple[Any, Any]:
    if not isinstance(y, tuple) or len(y) != 2:
        raise TypeError(f"has_aux=True: {_name(f)} must return a pair (result, auxiliary data), but returned {_core._short(_core.value(y))}")
    return y


def _result_leaves(y: Any, f: Any) -> tuple[list[Any], Any]:
    """Checked leaves of a function's result: numbers, arrays and traced values."""
    if y is None:
        raise DtypeError(f"{_name(f)} returned None; a differentiated function must return its result (is a return statement missing?)")
    packed = _core.pack(y) if isinstance(y, np.ndarray) else y
    leaves, structure = flatten(packed)
    return [_result_leaf(x, f) for x in leaves], structure


def _leaves_and_aux(y: Any, f: Any, has_aux: bool) -> tuple[list[Any], Any, Any]:
    """Checked result leaves, their structure, auxiliary data."""
    y, aux = _split_aux(y, f) if has_aux else (y, None)
    return (*_result_leaves(y, f), aux)


def _result_leaf(x: Any, f: Any) -> Any:
    x = _core.pack(x)
    if _core.is_traced(x):
        _check_alive(x, f)
        return x
    if isinstance(x, (bool, int, float, complex, np.number, np.bool_)):
        return x
    if isinstance(x, np.ndarray) and x.dtype.kind in "biufc":
        return x
    raise DtypeError(f"{_name(f)} returned {_core._short(x)} of type {type(x).__name__}, which has no derivative; return numbers or arrays "
                     "(other results: has_aux=True)")


def _check_alive(x: Any, f: Any) -> None:
    while (parts := _core.parts(x)) is not None:
        if parts[0] not in LEVELS.live:
            raise EscapedError(f"{_name(f)} returned a Dual of a transform that had ended before (kept in a global, a closure or an "
                               "attribute?); return it from that transform, or keep dualad.value(x)")
        x = parts[1]
    if _core.escaped(x):
        raise EscapedError(f"{_name(f)} returned a traced value of a transform that had ended before, or of another thread; keep "
                           "dualad.value(x) where the plain number is meant")


def _scalar_result(y: Any, f: Any, holomorphic: bool) -> Any:
    """The scalar that a gradient is taken of."""
    y = _core.pack(y)
    if y is None or not (_core.is_traced(y) or isinstance(y, (int, float, complex, np.generic, np.ndarray))):
        if isinstance(y, (list, tuple, dict)):
            raise ShapeError(f"{_name(f)} returned a {type(y).__name__}; grad needs one scalar (sum it up, or use dualad.jacobian; for "
                             "(value, other results) use has_aux=True)")
        _result_leaves(y, f)
    y = _result_leaf(y, f)
    shape = np.shape(_core.plain(y))
    if shape != ():
        raise ShapeError(f"{_name(f)} returned an array of shape {shape}; grad needs a scalar (use np.sum, or dualad.jacobian for all "
                         "derivatives, dualad.elementwise_grad for an elementwise function)")
    if np.iscomplexobj(_core.plain(y)) and not holomorphic:
        raise DtypeError(f"{_name(f)} returned the complex number {_core._short(_core.plain(y))}; grad needs a real result (np.real, np.abs), "
                         "or holomorphic=True for the complex derivative of a holomorphic function")
    return y


def _plain_result(y: Any, tape: Any) -> Any:
    """A result as its user gets it: without the traces of a tape that has ended; what is returned shares no memory."""
    parts = _core.parts(y)
    if parts is not None:
        return _core.join(parts[0], _plain_result(parts[1], tape), _plain_result(parts[2], tape))
    if _core.is_traced(y):
        return y if tape.recording else _core.value(y)
    return y.copy() if isinstance(y, np.ndarray) else y


# ---- sweeping nested results ----


def _watched(run: Callable[[], Any]) -> Any:
    """Runs, and makes an error of every traced value that could not become a plain number, also where the user's code or NumPy caught
    the first one: its derivative would be lost."""
    before = _core.swap_refusal(None)
    try:
        out = run()
    except DualadError:
        raise
    except Exception as error:
        message = _core.swap_refusal(None)
        if message is None:
            raise
        raise DetachedError(message) from error
    finally:
        message = _core.swap_refusal(before)
    if message is not None:
        raise DetachedError(message)
    return out


class Recording:
    """One run of a function on fresh variables, and the sweeps over what it recorded."""

    __slots__ = ("inputs", "lo", "tape", "variables")

    def __init__(self, leaves: list[Any]) -> None:
        self.tape = _core.begin()
        try:
            self.variables, self.lo = _core.fresh_all(self.tape, leaves)
        except BaseException:
            _core.end(self.tape)
            raise
        self.inputs = [_innermost(v) for v in self.variables]

    def run(self, call: Callable[[list[Any]], Any], check: Callable[..., Any], *options: Any) -> Any:
        """Runs the function, checks its result with ``check(result, *options)`` and ends the recording."""
        try:
            return _watched(lambda: check(call(self.variables), *options))
        finally:
            _core.end(self.tape)

    def pull(self, results: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """Cotangents of the variables. A Dual result or cotangent is taken apart: parts pair as in dual multiplication."""
        level = max([_level(y) for y in (*results, *cotangents)], default=-1)
        if level < 0:
            pairs = [(y, c) for y, c in zip(results, cotangents) if _core.on_tape(y, self.tape, self.lo)]
            return _core.pull(self.tape, self.lo, self.inputs, [y for y, _ in pairs], [c for _, c in pairs], 0)
        split = [(_at_level(y, level), _at_level(c, level)) for y, c in zip(results, cotangents)]
        primal = self.pull([y[0] for y, _ in split], [c[0] for _, c in split])
        cross = [(y[0], c[1]) for y, c in split if c[1] is not None] + [(y[1], c[0]) for y, c in split if y[1] is not None]
        tangent = self.pull([y for y, _ in cross], [c for _, c in cross])
        return [_core.join(level, p, t) for p, t in zip(primal, tangent)]

    def finish(self, y: Any) -> Any:
        return _plain_result(y, self.tape)


def _level(x: Any) -> int:
    parts = _core.parts(x) if _core.is_traced(x) else None
    return -1 if parts is None else parts[0]


def _at_level(x: Any, level: int) -> tuple[Any, Any]:
    """Primal and tangent at a level; None for a tangent that is not there."""
    parts = _core.parts(x) if _core.is_traced(x) else None
    return (parts[1], parts[2]) if parts is not None and parts[0] == level else (x, None)


def _innermost(v: Any) -> Any:
    while (parts := _core.parts(v)) is not None:
        v = parts[1]
    return v


# ---- the transforms as objects: picklable, with the name and docstring of the function ----


class Transform:
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
        return f"<dualad.{self.label} of {_name(self.f)}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def _with_aux(self, y: Any) -> tuple[Any, Any]:
        return _split_aux(y, self.f) if self.has_aux else (y, None)

    def _leaves(self, y: Any) -> tuple[list[Any], Any, Any]:
        return _leaves_and_aux(y, self.f, self.has_aux)


class ValueAndGrad(Transform):
    label = "value_and_grad"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value, gradient, aux = self.compute(args, kwargs)
        return ((value, aux), gradient) if self.has_aux else (value, gradient)

    def _checked(self, y: Any) -> tuple[Any, Any]:
        y, aux = self._with_aux(y)
        return _scalar_result(y, self.f, self.holomorphic), aux

    def compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
        """(value, gradient, auxiliary data)."""
        selected = Selected(self.f, self.argnums, args, kwargs)
        if self.holomorphic:
            _need_complex(selected.leaves, self.f)
        recording = Recording(selected.leaves)
        y, aux = recording.run(selected, self._checked)
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
        leaves, _, _ = recording.run(selected, self._leaves)
        ones = [np.ones_like(_core.plain(y)) for y in leaves]
        return unflatten(selected.structure, recording.pull(leaves, ones))


def _need_complex(leaves: list[Any], f: Any) -> None:
    for x in leaves:
        if not np.iscomplexobj(_core.plain(x)):
            raise DtypeError(f"holomorphic=True, but an argument of {_name(f)} is real ({_core._short(_core.plain(x))}); pass complex values")


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
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(f"jvp takes {name} as a tuple of arguments, e.g. jvp(f, (x,), (v,)); got {type(given).__name__}")
    leaves, structure = flatten(tuple(primals))
    points = [_core.as_point(x, f"a primal of {_name(f)}") for x in leaves]
    directions = matching(structure, tuple(tangents), "the tangents argument of jvp")
    directions = [_core.as_tangent(t, p, f"tangent {k}") for k, (t, p) in enumerate(zip(directions, points))]
    level = _core.new_level()
    LEVELS.live.append(level)
    try:
        variables = unflatten(structure, _core.lift(points, directions, level))
        results, shape, aux = _watched(lambda: _leaves_and_aux(f(*variables), f, has_aux))
    finally:
        LEVELS.live.remove(level)
    parts = [_core.split(r, level) for r in results]
    out = unflatten(shape, [_owned(p) for p, _ in parts]), unflatten(shape, [_owned(t) for _, t in parts])
    return (*out, _map_any(lambda x: _core.split(x, level)[0], aux)) if has_aux else out


def _owned(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


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
    recording = Recording([_core.as_point(x, f"a primal of {_name(f)}") for x in leaves])
    results, shape, aux = recording.run(lambda variables: f(*unflatten(structure, variables)), _leaves_and_aux, f, has_aux)

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
    >>> lin(2.0)
    2.0

    Notes
    -----
    A forward sweep over the tape of one recording; inside another transform `f` is run again on Duals instead.
    """
    leaves, structure = flatten(tuple(primals))
    points = [_core.as_point(x, f"a primal of {_name(f)}") for x in leaves]
    recording = Recording(points)
    results, shape = recording.run(lambda variables: f(*unflatten(structure, variables)), _result_leaves, f)
    nested = _core.depends_outside(recording.tape, recording.lo) or any(_core.is_traced(p) for p in points)
    nested = nested or any(_level(r) >= 0 for r in results)

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
            raise TypeError(f"hvp(f)(x, v) takes the arguments of {_name(self.f)} and the vector v after them; got {len(args)} arguments")
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
        return Grad(self._value)(tree)

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


__all__ = ["TreeError", "elementwise_grad", "grad", "hvp", "jvp", "linearize", "stop_gradient", "value_and_grad", "vhp", "vjp"]
