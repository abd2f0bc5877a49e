"""Nested dicts and lists with arrays in them as JSON values and a table of arrays, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import SavedFileError, SaveError


def split(x: Any, arrays: dict[str, np.ndarray], path: str) -> Any:
    """JSON values for x; its arrays go into the table, under names that begin with `path`.

    Raises
    ------
    SaveError
        Something that is no number, string, list, dict, array or None; the message says where.

    Examples
    --------
    >>> import numpy as np
    >>> table = {}
    >>> split({"steps": 3, "slot": np.ones(2), "best": float("inf")}, table, "state")
    {'steps': 3, 'slot': {'$array': 'state/slot'}, 'best': {'$float': 'inf'}}
    >>> list(table)
    ['state/slot']
    """
    if x is None or isinstance(x, (bool, str)):
        return x
    if isinstance(x, (int, np.integer)):
        return int(x)
    if isinstance(x, np.ndarray):
        if x.dtype.kind not in "biuf":
            raise SaveError(f"{path} is an array of {x.dtype}; only numbers can be saved")
        arrays[path] = x
        return {"$array": path}
    if isinstance(x, (float, np.floating)):
        return float(x) if math.isfinite(x) else {"$float": str(float(x))}
    if isinstance(x, np.bool_):
        return bool(x)
    if isinstance(x, dict):
        for key in x:
            if not isinstance(key, str) or key.startswith("$"):
                raise SaveError(f"{path} has the key {key!r}; keys are strings that do not begin with $")
        return {key: split(value, arrays, f"{path}/{key}") for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [split(value, arrays, f"{path}/{k}") for k, value in enumerate(x)]
    raise SaveError(f"{path} is {x!r} of type {type(x).__name__}; a file holds numbers, strings, lists, dicts and arrays")


def joined(x: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What `split` took apart."""
    if isinstance(x, list):
        return [joined(value, arrays) for value in x]
    if not isinstance(x, dict):
        return x
    if set(x) == {"$array"}:
        if x["$array"] not in arrays:
            raise SavedFileError(f"the file mentions an array {x['$array']!r} that it does not hold")
        return np.array(arrays[x["$array"]])
    if set(x) == {"$float"}:
        return float(x["$float"])
    return {key: joined(value, arrays) for key, value in x.items()}
