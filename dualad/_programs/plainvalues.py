"""What a program file says in JSON: numbers, options, trees of arguments, structures. Arrays stand apart, by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._replay import SCALAR_DTYPE
from ..errors import ProgramFileError
from ..tree import LEAF
from .callables import function_of, name_of
from .encode import GROUP, MICRO, OPERAND, REDUCTION, SPLAT
from .ir import size_of
from .lower_calls import AddUp

DTYPES = {
    np.dtype(t).str[1:]: np.dtype(t) for t in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
}
RECORDS = {"micro": MICRO, "operand": OPERAND, "splat": SPLAT, "reduction": REDUCTION, "group": GROUP, "scalar": SCALAR_DTYPE}
TYPES = {t.__name__: t for t in (float, int, bool, complex)} | {f"numpy.{t.name}": t.type for t in DTYPES.values()}
_NO_VALUE = getattr(np, "_NoValue", None)
_CONTAINERS = {"tuple": tuple, "list": list, "dict": dict, "None": None}
MAX_DEPTH = 100


def require(condition: Any, what: str) -> None:
    """Raises ProgramFileError unless the condition holds."""
    if not condition:
        raise ProgramFileError(f"the program file is damaged: {what}")


def integer(x: Any, lo: int, hi: int, what: str) -> int:
    """A checked integer of a file, lo <= x < hi."""
    require(type(x) is int and lo <= x < hi, what)
    return int(x)


def listed(x: Any, what: str, size: int | None = None) -> list[Any]:
    """A checked list of a file."""
    require(type(x) is list and (size is None or len(x) == size), what)
    return list(x)


class Arrays:
    """The arrays of a file, by number."""

    def __init__(self, arrays: list[np.ndarray] | None = None) -> None:
        self.all: list[np.ndarray] = arrays or []

    def add(self, array: Any, what: str) -> int:
        """Takes an array in; its number."""
        a = np.array(array, order="C")
        if a.dtype.names is None:
            a = a.astype(a.dtype.newbyteorder("="))
            if a.dtype.str[1:] not in DTYPES:
                raise ProgramFileError(f"{what} holds an array of dtype {a.dtype}, which a program file cannot hold")
        self.all.append(a)
        return len(self.all) - 1

    def get(self, number: Any, what: str, dtype: Any = None, ndim: int | None = None) -> np.ndarray:
        """An array by its number in a file."""
        a = self.all[integer(number, 0, len(self.all), what)]
        require((dtype is None or a.dtype == dtype) and (ndim is None or a.ndim == ndim), what)
        require(dtype is not None or a.dtype.names is None, what)
        return a


# ---- values ----


def encoded(x: Any, arrays: Arrays, what: str) -> Any:
    """A value as JSON."""
    kind = type(x)
    if x is None or kind in (bool, int, str):
        return x
    if kind is float:
        return {"float": x.hex()}
    if kind is list:
        return [encoded(e, arrays, what) for e in x]
    if kind is tuple:
        return {"tuple": [encoded(e, arrays, what) for e in x]}
    if kind is dict:
        return {"dict": [[encoded(k, arrays, what), encoded(v, arrays, what)] for k, v in x.items()]}
    if kind is slice:
        return {"slice": [encoded(e, arrays, what) for e in (x.start, x.stop, x.step)]}
    if kind is complex:
        return {"complex": [x.real.hex(), x.imag.hex()]}
    if kind is bytes:
        return {"bytes": x.hex()}
    if kind is np.ndarray:
        return {"array": arrays.add(x, what)}
    if isinstance(x, np.generic):
        return {"number": arrays.add(x, what)}
    if kind is _core.Slot:
        return {"slot": x.k}
    if kind is AddUp:
        return {"add up": [arrays.add(x.places, what), list(x.shape), x.dtype.str[1:]]}
    return _encoded_object(x, what)


def _encoded_object(x: Any, what: str) -> Any:
    if x is Ellipsis:
        return {"ellipsis": None}
    if _NO_VALUE is not None and x is _NO_VALUE:
        return {"no value": None}
    if isinstance(x, np.dtype) and x.str[1:] in DTYPES and x.isnative:
        return {"dtype": x.str[1:]}
    for name, t in TYPES.items():
        if x is t:
            return {"type": name}
    if callable(x) and not isinstance(x, type):
        return {"function": name_of(x, what)}
    raise ProgramFileError(f"{what} holds {_core._short(x)} of type {type(x).__name__}, which a program file cannot hold")


def decoded(x: Any, arrays: Arrays, slots: int = 0, depth: int = 0) -> Any:
    """The value of its JSON; `slots` is the number of operands that it may refer to."""
    require(depth < MAX_DEPTH, "values are nested too deep")
    if x is None or type(x) in (bool, int, str):
        return x
    if type(x) is list:
        return [decoded(e, arrays, slots, depth + 1) for e in x]
    require(type(x) is dict and len(x) == 1, "a value")
    ((kind, content),) = x.items()
    if kind in ("tuple", "slice"):
        parts = [decoded(e, arrays, slots, depth + 1) for e in listed(content, kind, 3 if kind == "slice" else None)]
        return tuple(parts) if kind == "tuple" else slice(*parts)
    if kind == "dict":
        pairs = [listed(pair, "an item of a dict", 2) for pair in listed(content, "a dict")]
        items = [(decoded(k, arrays, 0, depth + 1), decoded(v, arrays, slots, depth + 1)) for k, v in pairs]
        return dict(items)
    return _decoded_leaf(kind, content, arrays, slots)


def _decoded_leaf(kind: str, content: Any, arrays: Arrays, slots: int) -> Any:
    if kind == "float":
        return float.fromhex(content)
    if kind == "complex":
        return complex(*[float.fromhex(c) for c in listed(content, "a complex number", 2)])
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "array":
        a = arrays.get(content, "an array")
        a.flags.writeable = False
        return a
    if kind == "number":
        return arrays.get(content, "a number", ndim=0)[()]
    if kind == "slot":
        return _core.Slot(integer(content, 0, slots, "the number of an operand"))
    if kind == "ellipsis":
        return Ellipsis
    if kind == "add up":
        return _add_up(listed(content, "places", 3), arrays)
    if kind == "no value":
        return _NO_VALUE
    tables: dict[str, dict[str, Any]] = {"dtype": DTYPES, "type": TYPES}
    if kind in tables:
        require(type(content) is str and content in tables[kind], f"an unknown {kind}")
        return tables[kind][content]
    require(kind == "function", "an unknown kind of value")
    return function_of(content)


def _add_up(content: list[Any], arrays: Arrays) -> AddUp:
    places, shape, dtype = content
    given = tuple(integer(n, 0, 1 << 40, "a shape") for n in listed(shape, "a shape"))
    a = arrays.get(places, "places", DTYPES["i8"], 1)
    require(not a.size or (a.min() >= 0 and a.max() < size_of(given)), "places")
    require(type(dtype) is str and dtype in DTYPES, "a dtype")
    return AddUp(a, given, DTYPES[dtype])


# ---- structures of arguments and results ----


def encoded_structure(structure: Any, arrays: Arrays, what: str) -> Any:
    """A tree's structure (see dualad.tree) as JSON."""
    if structure == LEAF:
        return "*"
    kind, names, children = structure
    if kind not in _CONTAINERS.values():
        raise ProgramFileError(
            f"{what} is a {kind.__name__}, a class that a program file cannot hold: it holds dicts, lists, tuples and None"
        )
    label = next(name for name, t in _CONTAINERS.items() if t is kind)
    inner = children if isinstance(children, int) else [encoded_structure(c, arrays, what) for c in children]
    return [label, None if names is None else [encoded(n, arrays, what) for n in names], inner]


def decoded_structure(x: Any, arrays: Arrays, depth: int = 0) -> tuple[Any, int]:
    """A structure and the number of its leaves."""
    require(depth < MAX_DEPTH, "a structure is nested too deep")
    if x == "*":
        return LEAF, 1
    label, names, inner = listed(x, "a structure", 3)
    require(type(label) is str and label in _CONTAINERS, "an unknown container")
    if type(inner) is int:
        children, count, size = integer(inner, 0, 1 << 24, "a number of leaves"), inner, inner
    else:
        parts = [decoded_structure(c, arrays, depth + 1) for c in listed(inner, "a structure")]
        children, count, size = tuple(p[0] for p in parts), sum(p[1] for p in parts), len(parts)  # type: ignore[assignment]
    require(label != "None" or size == 0, "a structure")
    require((names is not None) == (label == "dict"), "a structure")
    if names is not None:
        names = tuple(decoded(n, arrays) for n in listed(names, "names", size))
        require(len(set(names)) == size, "names")
    return (_CONTAINERS[label], names, children), count
