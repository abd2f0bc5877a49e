"""Methods of traced values: those of ndarray, and one for every elementwise ufunc (NumPy's object-array loops call them)."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import _core
from .._core import number, run_plain, value
from ..primitive import Primitive, implements, method
from ._util import cast, dtype, is_inexact, ndim, plain_array, shape
from .cumulative import cumprod, cumsum
from .diagonals import diagonal, trace
from .extrema import max_, min_, ptp
from .indexing import compress, put, repeat, take
from .moments import std, var
from .prod import prod
from .reductions import mean
from .reductions import sum as sum_
from .selection import choose, clip, round_
from .shaping import ravel, squeeze, swapaxes

_function: Any
for _name, _function in {
    "sum": sum_, "mean": mean, "std": std, "var": var, "prod": prod, "max": max_, "min": min_, "ptp": ptp,
    "cumsum": cumsum, "cumprod": cumprod, "ravel": ravel, "squeeze": squeeze, "swapaxes": swapaxes, "round": round_,
    "repeat": repeat, "take": take, "diagonal": diagonal, "trace": trace, "choose": choose, "put": put,
}.items():
    method(_name)(_function)

for _name in ("argmax", "argmin", "any", "all", "argsort", "nonzero", "searchsorted", "argpartition"):
    method(_name)(run_plain(getattr(np, _name)))


# ---- shape ----

method("reshape")(_core.reshape_method)
method("transpose")(_core.transpose_method)


@method("flatten")
def flatten(a: Any, order: str = "C") -> Any:
    return copy_p(ravel(a, order))


@method("compress")
def compress_method(a: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    return compress(condition, a, axis)


@method("clip")
def clip_method(a: Any, min: Any = None, max: Any = None, out: Any = None, **kwargs: Any) -> Any:
    return clip(a, min, max, **kwargs)


@method("dot")
def dot(a: Any, b: Any, out: Any = None) -> Any:
    return np.dot(a, b)


# ---- copies and casts ----

copy_p = Primitive("copy", lambda x, order="C": np.array(x, order=order), lambda i, t, *_, **__: t, lambda i, g, *_, **__: g)


@implements(np.copy)
def copy_function(a: Any, order: str = "K", subok: bool = False) -> Any:
    return copy_p(a, order=order)


@method("copy")
def copy(a: Any, order: str = "C") -> Any:
    return copy_p(a, order=order) if isinstance(value(a), np.ndarray) else a


method("__copy__")(lambda a: copy_p(a))
method("__deepcopy__")(lambda a, memo: copy_p(a))

astype_p = Primitive(
    "astype", lambda x, kind: np.asarray(x).astype(kind)[()],
    lambda i, t, ans, x, kind: cast(t, kind),
    lambda i, g, ans, x, kind: cast(g.real if dtype(g).kind == "c" and dtype(x).kind != "c" else g, dtype(x)),
)


def _as_objects(a: Any) -> np.ndarray:
    """An object array of the traced elements."""
    out = np.empty(shape(a), object)
    for index in np.ndindex(*shape(a)):
        out[index] = a[index] if index else _element(a)
    return out


@method("astype")
def astype(a: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True) -> Any:
    kind = np.dtype(dtype)
    if kind.kind == "O":
        return _as_objects(a)
    if not is_inexact(kind):
        return plain_array(a).astype(kind, casting=casting)[()]
    own = a.dtype
    if not np.can_cast(own, kind, casting):
        return plain_array(a).astype(kind, casting=casting)  # raises
    if kind == own:
        return copy_p(a) if copy else a
    return astype_p(a.real if own.kind == "c" and kind.kind != "c" else a, kind=kind)


@implements(np.astype)
def astype_function(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    return astype(x, dtype, copy=copy)


# ---- elements ----


def _element(a: Any) -> Any:
    """The scalar in a 0-d array; a scalar itself."""
    return a[()] if isinstance(value(a), np.ndarray) else a


@method("item")
def item(a: Any, *index: Any) -> Any:
    if not index:
        if int(np.prod(shape(a))) != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return number(a[(0,) * ndim(a)] if ndim(a) else _element(a))
    if len(index) == 1 and not isinstance(index[0], tuple):
        return number(a[tuple(int(k) for k in np.unravel_index(operator.index(index[0]) % max(1, int(np.prod(shape(a)))), shape(a)))])
    return number(a[index[0] if isinstance(index[0], tuple) else index])


@method("tolist")
def tolist(a: Any) -> Any:
    return [tolist(a[k]) for k in range(shape(a)[0])] if ndim(a) else number(_element(a))


@method("fill")
def fill(a: Any, value: Any) -> None:
    a[...] = value


@method("sort")
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    a[...] = np.sort(a, axis, kind, order, stable=stable)


@method("partition")
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> None:
    a[...] = np.partition(a, kth, axis, kind, order)


# ---- one method for every elementwise ufunc ----


def _ufunc_method(ufunc: np.ufunc) -> Any:
    return lambda x, *others: ufunc(x, *others)


def _has_object_loop(ufunc: np.ufunc) -> bool:
    return any(set(types) <= set("O->") for types in ufunc.types)


def _register_ufuncs() -> None:
    # vars, not dir: asking a module for every name in dir would import NumPy's lazy submodules
    for name, ufunc in vars(np).items():
        if isinstance(ufunc, np.ufunc) and ufunc.signature is None and name not in _core.METHODS and _has_object_loop(ufunc):
            method(name)(_ufunc_method(ufunc))


_register_ufuncs()
