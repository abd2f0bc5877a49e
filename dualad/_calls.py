"""What the transforms share about a call: the differentiated arguments, and what a function may return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _core
from .errors import DtypeError, EscapedError, ShapeError
from .tree import LEAF, flatten, unflatten

Argnums = Any  # int, str, or a tuple of them


class Levels(threading.local):
    """The forward transforms that are running in this thread."""

    def __init__(self) -> None:
        self.live: list[int] = [0]


LEVELS = Levels()


class Selected:
    """The differentiated arguments of a call as a list of leaves, and the call with other leaves in their place."""

    __slots__ = ("args", "f", "keys", "kwargs", "leaves", "single", "structure")

    def __init__(self, f: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.f, self.args, self.kwargs = f, args, kwargs
        self.single = not isinstance(argnums, (tuple, list))
        self.keys: list[int | str]
        if type(argnums) is int and 0 <= argnums < len(args):
            self.keys = [argnums]
            leaves, self.structure = flatten(args[argnums])
            self.leaves = _core.points(leaves, self.leaf_name)
            return
        wanted = (argnums,) if self.single else tuple(argnums)
        self.keys = [self._key(k) for k in wanted]
        if len(set(self.keys)) != len(self.keys):
            raise TypeError(f"argnums={argnums!r} names an argument of {function_name(f)} twice; each may be differentiated once")
        chosen = [kwargs[k] if isinstance(k, str) else args[k] for k in self.keys]
        leaves, self.structure = flatten(chosen[0] if self.single else tuple(chosen))
        self.leaves = _core.points(leaves, self.leaf_name)

    def _key(self, k: Any) -> int | str:
        if isinstance(k, str):
            if k in self.kwargs:
                return k
            names = _parameter_names(self.f)
            if k in names and names.index(k) < len(self.args):
                return names.index(k)
            raise TypeError(f"argnums names {k!r}, which was not passed to {function_name(self.f)} (parameters: {', '.join(names) or 'unknown'})")
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
            raise TypeError(f"argnums must be an int, a parameter name or a tuple of them, not {k!r}")
        if not -len(self.args) <= k < len(self.args):
            raise TypeError(f"argnums={k}, but {function_name(self.f)} was called with {len(self.args)} positional arguments; pass the argument to "
                            "differentiate by position, or give its name as argnums")
        return int(k) % len(self.args)

    def leaf_name(self, leaf: int) -> str:
        where = f"argument {self.keys[0]!r}" if self.single else f"one of the arguments {tuple(self.keys)}"
        return f"{where} of {function_name(self.f)}" + (f" (leaf {leaf})" if leaf else "")

    def __call__(self, leaves: list[Any]) -> Any:
        tree = unflatten(self.structure, leaves)
        if len(self.args) == 1 and self.keys == [0]:
            return self.f(tree, **self.kwargs)
        args, kwargs = list(self.args), self.kwargs
        for key, value in zip(self.keys, (tree,) if self.single else tree):
            if isinstance(key, str):
                kwargs = {**kwargs, key: value}
            else:
                args[key] = value
        return self.f(*args, **kwargs)


class StandIn:
    """A function made of the user's function `f`: errors, and what is remembered of functions, speak of `f`."""

    __slots__ = ("__name__", "call", "f")

    def __init__(self, call: Callable[[Any], Any], f: Any) -> None:
        self.call, self.f, self.__name__ = call, f, function_name(f)

    def __call__(self, x: Any) -> Any:
        return self.call(x)


def _parameter_names(f: Callable[..., Any]) -> list[str]:
    import inspect

    try:
        return list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return []


def function_name(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__) if not hasattr(f, "label") else f"{f.label}({function_name(f.f)})"


def split_aux(y: Any, f: Any) -> tuple[Any, Any]:
    if not isinstance(y, tuple) or len(y) != 2:
        raise TypeError(f"has_aux=True: {function_name(f)} must return a pair (result, auxiliary data), but returned {_core._short(_core.value(y))}")
    return y


def result_leaves(y: Any, f: Any) -> tuple[list[Any], Any]:
    """Checked leaves of a function's result: numbers, arrays and traced values."""
    if _core.usual_result(y, LEVELS.live):
        return [y], LEAF
    if y is None:
        raise DtypeError(f"{function_name(f)} returned None; a differentiated function must return its result (is a return statement missing?)")
    packed = _core.pack(y) if isinstance(y, np.ndarray) else y
    if packed is not y and _core.usual_result(packed, LEVELS.live):
        return [packed], LEAF
    leaves, structure = flatten(packed)
    return [_result_leaf(x, f) for x in leaves], structure


def leaves_and_aux(y: Any, f: Any, has_aux: bool) -> tuple[list[Any], Any, Any]:
    """Checked result leaves, their structure, auxiliary data."""
    y, aux = split_aux(y, f) if has_aux else (y, None)
    return (*result_leaves(y, f), aux)


def _result_leaf(x: Any, f: Any) -> Any:
    x = _core.pack(x)
    if _core.is_traced(x):
        _check_alive(x, f)
        return x
    if isinstance(x, (bool, int, float, complex, np.number, np.bool_)):
        return x
    if isinstance(x, np.ndarray) and x.dtype.kind in "biufc":
        return x
    raise DtypeError(f"{function_name(f)} returned {_core._short(x)} of type {type(x).__name__}, which has no derivative; return numbers or arrays "
                     "(other results: has_aux=True)")


def _check_alive(x: Any, f: Any) -> None:
    while (parts := _core.parts(x)) is not None:
        if parts[0] not in LEVELS.live:
            raise EscapedError(f"{function_name(f)} returned a Dual of a transform that had ended before (kept in a global, a closure or an "
                               "attribute?); return it from that transform, or keep dualad.value(x)")
        x = parts[1]
    if _core.escaped(x):
        raise EscapedError(f"{function_name(f)} returned a traced value of a transform that had ended before, or of another thread; keep "
                           "dualad.value(x) where the plain number is meant")


def scalar_result(y: Any, f: Any, holomorphic: bool) -> Any:
    """The scalar that a gradient is taken of."""
    if _core.is_real_scalar(y):
        return y
    y = _core.pack(y)
    if y is None or not (_core.is_traced(y) or isinstance(y, (int, float, complex, np.generic, np.ndarray))):
        if isinstance(y, (list, tuple, dict)):
            raise ShapeError(f"{function_name(f)} returned a {type(y).__name__}; grad needs one scalar (sum it up, or use dualad.jacobian; for "
                             "(value, other results) use has_aux=True)")
        result_leaves(y, f)
    y = _result_leaf(y, f)
    shape = np.shape(_core.plain(y))
    if shape != ():
        raise ShapeError(f"{function_name(f)} returned an array of shape {shape}; grad needs a scalar (use np.sum, or dualad.jacobian for all "
                         "derivatives, dualad.elementwise_grad for an elementwise function)")
    if np.iscomplexobj(_core.plain(y)) and not holomorphic:
        raise DtypeError(f"{function_name(f)} returned the complex number {_core._short(_core.plain(y))}; grad needs a real result (np.real, np.abs), "
                         "or holomorphic=True for the complex derivative of a holomorphic function")
    return y


