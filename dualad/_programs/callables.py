"""The functions that a program file may name: NumPy's without side effects, the implementations of dualad's primitives, and a few
helpers. Nothing is imported or evaluated for a name; it is looked up in tables made from what is there already."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._replay import NAMES
from ..errors import ProgramFileError
from . import lower, lower_calls

# Of NumPy's dispatching functions: what writes to files or into operands, reads files, calls functions or prints.
_EXCLUDED = frozenset(
    (
        "save",
        "savez",
        "savez_compressed",
        "savetxt",
        "load",
        "loadtxt",
        "genfromtxt",
        "fromregex",
        "fromfile",
        "memmap",
        "copyto",
        "put",
        "place",
        "putmask",
        "put_along_axis",
        "fill_diagonal",
        "resize",
        "apply_along_axis",
        "apply_over_axes",
        "piecewise",
        "fromfunction",
        "array2string",
        "array_repr",
        "array_str",
        "array_function_from_dispatcher",
    )
)
_CREATORS = ("array", "asarray", "asanyarray", "ascontiguousarray", "zeros", "ones", "empty", "full", "arange", "eye", "identity")
_METHODS = frozenset(
    (
        "all",
        "any",
        "argmax",
        "argmin",
        "argpartition",
        "argsort",
        "astype",
        "choose",
        "clip",
        "compress",
        "conj",
        "conjugate",
        "copy",
        "cumprod",
        "cumsum",
        "diagonal",
        "dot",
        "flatten",
        "max",
        "mean",
        "min",
        "nonzero",
        "prod",
        "ravel",
        "repeat",
        "reshape",
        "round",
        "searchsorted",
        "squeeze",
        "std",
        "sum",
        "swapaxes",
        "take",
        "trace",
        "transpose",
        "var",
    )
)
ATTRIBUTES = frozenset(("T", "mT", "real", "imag"))
_UFUNC_METHODS = ("reduce", "accumulate", "outer", "reduceat")
_HELPERS: dict[str, Callable[..., Any]] = {
    "getitem": operator.getitem,
    "round": round,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "as_float64": _core._as_float64, "detach": _core._detach,
    "stored": lower._stored,
    "packed": lower._packed,
}


@functools.cache
def numpy_functions() -> dict[str, Any]:
    """The public functions by qualified name."""
    dispatching = type(np.sum)
    found: dict[str, Any] = {}
    for space, prefix in ((np, "numpy."), (np.linalg, "numpy.linalg."), (np.fft, "numpy.fft.")):
        for name, x in vars(space).items():
            if not name.startswith("_") and name not in _EXCLUDED and isinstance(x, (np.ufunc, dispatching)):
                found[prefix + name] = x
    for name in _CREATORS:
        found[f"numpy.{name}"] = getattr(np, name)
    for t in (np.bool_, np.int64, np.int32, np.float64, np.float32, np.complex128, np.complex64):
        found[f"numpy.{np.dtype(t).name}"] = t
    return found


def _table() -> dict[tuple[str, ...], Any]:
    """Every function that has a name of its own, by that name. Made anew: rules of SciPy's functions come with SciPy."""
    table: dict[tuple[str, ...], Any] = {("numpy", name): x for name, x in numpy_functions().items()}
    table |= {("dualad", name): x for name, x in _HELPERS.items()}
    table |= {("operation", name): _core.table_call(k) for k, name in enumerate(NAMES)}
    for name, implementations in _core.IMPLEMENTATIONS.items():
        table |= {("primitive", name, str(k)): x for k, x in enumerate(implementations)}
    return table


def name_of(function: Any, what: str) -> list[Any]:
    """What a file calls a function; ProgramFileError when it has no such name."""
    if type(function) is _core._UfuncMethod and function.method in _UFUNC_METHODS:
        return ["method of", name_of(function.ufunc, what), function.method]
    if type(function) is _core._MethodCall and function.name in _METHODS:
        return ["array method", function.name]
    if type(function) is lower_calls._Reduction:
        return ["reduction", function.op, _listed(function.axes), bool(function.kept)]
    if function is getattr:
        return ["attribute"]
    for name, x in _table().items():
        if x is function or getattr(x, "_implementation", x) is function:
            return list(name)
    raise ProgramFileError(
        f"{what} calls {_core._short(function)}, which a program file cannot name: it holds NumPy's functions and those that "
        "dualad defines, not functions of other modules"
    )


def function_of(name: Any) -> Callable[..., Any]:
    """The function of a name from a file."""
    if not isinstance(name, list) or not name:
        raise ProgramFileError("a function's name is damaged")
    kind, rest = name[0], name[1:]
    if kind == "method of" and len(rest) == 2 and rest[1] in _UFUNC_METHODS:
        ufunc = function_of(rest[0])
        if isinstance(ufunc, np.ufunc):
            return _core._UfuncMethod(ufunc, rest[1])
    elif kind == "array method" and len(rest) == 1 and rest[0] in _METHODS:
        return _core._MethodCall(rest[0])
    elif kind == "reduction" and len(rest) == 3 and rest[0] in lower_calls.REDUCTIONS:
        return lower_calls._Reduction(rest[0], _unlisted(rest[1]), bool(rest[2]))
    elif kind == "attribute" and not rest:
        return attribute
    elif all(isinstance(part, str) for part in name) and (found := _table().get(tuple(name))) is not None:
        return found
    raise ProgramFileError(f"the program calls {_core._short(name)}, which this dualad does not know or does not allow in a file")


def attribute(x: Any, name: str) -> Any:
    """`getattr` for what a file may ask of an array."""
    if name not in ATTRIBUTES:
        raise ProgramFileError(f"a program file must not read the attribute {name!r} of an array")
    return getattr(x, name)


def _listed(axes: Any) -> Any:
    return list(axes) if isinstance(axes, tuple) else axes


def _unlisted(axes: Any) -> Any:
    if isinstance(axes, list) and all(type(a) is int for a in axes):
        return tuple(axes)
    if axes is None or type(axes) is int:
        return axes
    raise ProgramFileError("the axes of a reduction are damaged")
