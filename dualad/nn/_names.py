"""Names to objects and back: what `get`, `get_config`, `serialize` and `deserialize` are in every module of `dualad.nn`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ParameterError
from . import _document
from ._lookup import lookup as lookup
from ._lookup import snake as snake


def plain(x: Any) -> Any:
    """A value as JSON knows it: arrays and tuples as lists, NumPy numbers as Python's, configured objects as dicts.

    >>> plain({"rates": (np.float32(0.5), 1), "boundaries": np.arange(2)})
    {'rates': [0.5, 1], 'boundaries': [0, 1]}
    """
    if x is None or isinstance(x, (bool, int, str)):
        return x
    if isinstance(x, float):
        return float(x)  # np.float64 is one
    if isinstance(x, (np.generic, np.ndarray)):
        return x.tolist()
    if isinstance(x, (list, tuple)):
        return [plain(item) for item in x]
    if isinstance(x, dict):
        return {str(key): plain(item) for key, item in x.items()}
    if isinstance(x, np.random.Generator):
        return None  # a stream cannot be written as a number; its owner's checkpoint keeps the state
    return serialize(x)


def undefined(owner: Any, method: str) -> NotImplementedError:
    """The error where a derived class lacks what it must define; `method` with its arguments.

    >>> str(undefined(1.0, "update(self, p)"))
    'float has no update method: define update(self, p)'
    """
    return NotImplementedError(f"{type(owner).__name__} has no {method.partition('(')[0]} method: define {method}")


class Configured:
    """Base of what is made from plain values, and remade from them.

    `fields` are the constructor's arguments, kept as attributes of the same names.
    """

    fields: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain JSON values."""
        return {name: plain(getattr(self, name)) for name in self.fields}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


def serialize(obj: Any) -> Any:
    """An object as plain values: None as None, a function as its name, anything else as ``{"class_name": ..., "config": ...}``.

    Raises
    ------
    ParameterError
        The object has no `get_config`; or the function no name to find it by (a lambda).

    Examples
    --------
    >>> from dualad.nn import regularizers
    >>> serialize(regularizers.L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if obj is None or isinstance(obj, str):
        return obj
    if hasattr(obj, "sublayers") and not isinstance(obj, type):
        return _document.written(obj)
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        return {"class_name": _document.name_of(type(obj)), "config": obj.get_config()}
    name = getattr(obj, "__name__", "<lambda>")
    if callable(obj) and name.isidentifier():
        return name
    raise ParameterError(f"{obj!r} cannot be written down: give it a name (def) and pass it in custom_objects when loading, or a get_config method")


def deserialize(kind: str, data: Any, table: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The object that `serialize` wrote, or that a user names.

    Parameters
    ----------
    kind : str
        For messages: ``"loss"``.
    data : None, str, dict, callable or instance
        Callables and instances are returned as they are; a class, also by its name, is called without arguments.
    table : dict
        Classes and functions by name.
    custom_objects : dict, optional
        More of them.

    Raises
    ------
    UnknownNameError
        No such name.
    ParameterError
        A dict without ``class_name``, or with a config that the class does not take; something that is neither name nor callable.

    Examples
    --------
    >>> from dualad.nn import regularizers
    >>> deserialize("regularizer", {"class_name": "L2", "config": {"l2": 0.5}}, {"L2": regularizers.L2})
    L2(l2=0.5)
    """
    own = {**_document.own_objects(), **(custom_objects or {})}
    name = data.get("class_name") if isinstance(data, dict) else data
    if isinstance(name, str) and name in own:  # others of a user's are of other kinds, and no suggestions for this name
        table = {**table, name: own[name]}
    if isinstance(data, dict):
        return _from_dict(kind, data, table)
    found = lookup(kind, data, table) if isinstance(data, str) else data
    if found is None or (callable(found) and not isinstance(found, type)):
        return found
    if isinstance(found, type):
        return found()
    if hasattr(found, "get_config"):
        return found
    raise ParameterError(f"a {kind} is given as a name, an instance, a callable or a dict with class_name and config, not {found!r} of type "
                         f"{type(found).__name__}")


def _from_dict(kind: str, data: dict[str, Any], table: dict[str, Any]) -> Any:
    if not isinstance(data.get("class_name"), str) or not isinstance(data.get("config", {}), dict):
        raise ParameterError(f"the dict of a {kind} needs 'class_name' (a string) and 'config' (a dict); got the keys {sorted(map(str, data))}")
    made = lookup(kind, data["class_name"], table)
    try:
        return made.from_config(data.get("config", {})) if hasattr(made, "from_config") else made
    except TypeError as error:
        raise ParameterError(f"the {kind} {data['class_name']} does not take this config: {error}") from error
