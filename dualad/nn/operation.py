"""Operators and NumPy functions of tensors, as layers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ParameterError
from ._names import lookup, plain
from .graph import Tensor, getitem, provides_operations
from .layer import Layer


@provides_operations
class Operation(Layer):
    """One NumPy function of tensors and constants; calling it takes the tensors, in the order in which they stand in the arguments.

    Examples
    --------
    >>> from dualad import nn
    >>> x = nn.Input((3,))
    >>> (2 * x + 1).shape, np.concatenate([x, x], axis=1).shape
    ((None, 3), (None, 6))
    """

    casts = False

    def __init__(self, function: Callable[..., Any], operation: str, args: Any, kwargs: dict[str, Any], name: str | None = None) -> None:
        super().__init__(name=name or None)
        self.function, self.operation = function, operation
        count = itertools.count()
        self.args, self.kwargs = walked(lambda x: _Slot(next(count)) if isinstance(x, Tensor) else x, (tuple(args), kwargs))

    def call(self, inputs: Any) -> Any:
        values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        args, kwargs = walked(lambda x: values[x.k] if isinstance(x, _Slot) else x, (self.args, self.kwargs))
        return self.function(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "operation": self.operation, "args": _written(self.args), "kwargs": _written(self.kwargs)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Operation:
        out = cls(function_of(config["operation"]), config["operation"], (), {}, config["name"])
        out.args, out.kwargs = _read(config["args"]), _read(config["kwargs"])
        return out


class _Slot:
    """The place of input k."""

    def __init__(self, k: int) -> None:
        self.k = k


def walked(f: Callable[[Any], Any], x: Any) -> Any:
    """The same tuples, lists and dicts with `f` of each part."""
    if isinstance(x, (tuple, list)):
        return type(x)([walked(f, e) for e in x])
    return {k: walked(f, v) for k, v in x.items()} if isinstance(x, dict) else f(x)


def _written(x: Any) -> Any:
    """Arguments as plain values, each in a dict of one entry that says what it is."""
    if isinstance(x, (tuple, list)):
        return {type(x).__name__: [_written(e) for e in x]}
    if isinstance(x, dict):
        return {"dict": {k: _written(v) for k, v in x.items()}}
    if isinstance(x, _Slot):
        return {"input": x.k}
    if isinstance(x, slice):
        return {"slice": [x.start, x.stop, x.step]}
    if isinstance(x, (np.ndarray, np.generic)):  # their type takes part in the result's, unlike a Python number's
        return {"array": [x.dtype.name, x.tolist()]}
    return {"ellipsis": 0} if x is Ellipsis else {"value": plain(x)}


_READ: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda x: tuple(_read(e) for e in x), "list": lambda x: [_read(e) for e in x], "dict": lambda x: {k: _read(v) for k, v in x.items()},
    "input": _Slot, "slice": lambda x: slice(*x), "ellipsis": lambda x: Ellipsis, "value": lambda x: x,
    "array": lambda x: np.array(x[1], np.dtype(x[0]))}


def _read(x: dict[str, Any]) -> Any:
    ((kind, content),) = x.items()
    return lookup("argument", kind, _READ)(content)


def function_of(name: str) -> Callable[..., Any]:
    """The function of an operation's name: NumPy's ufuncs and functions of arrays, none that reads or writes files."""
    if name == "getitem":
        return getitem
    from .._programs.callables import numpy_functions

    known = numpy_functions()
    names = {"sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power"}
    base, _, method = name.rpartition("_")
    found = known.get(f"numpy.{names.get(name, name)}")
    if found is None and method in ("reduce", "accumulate"):
        found = getattr(known.get(f"numpy.{base}"), method, None)
    if found is None:
        raise ParameterError(f"the saved model uses an operation {name!r}, which is no function of arrays in NumPy")
    return found
