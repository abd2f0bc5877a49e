"""Set operations: which element comes where is a question of order, the elements keep their derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack, value
from ..primitive import implements
from ._util import existing


@implements(np.unique)
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None,
    **options: Any,
) -> Any:
    found = np.unique(value(ar), True, return_inverse, return_counts, axis, **options)
    result = np.take(ar, found[1], axis=axis)
    rest = found[1:] if return_index else found[2:]
    return (result, *rest) if rest else result


def _unique_parts(function: Any) -> Any:
    def handler(x: Any) -> Any:
        found = function(value(x))
        values = np.take(x, np.unique(value(x), return_index=True, equal_nan=False)[1])
        return type(found)(values, *found[1:]) if isinstance(found, tuple) else values

    return implements(function)(handler)


for _function in existing("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    _unique_parts(_function)


@implements(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    return np.unique(np.concatenate([pack(ar1), pack(ar2)], axis=None))


@implements(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    ar1 = pack(ar1)
    found = np.intersect1d(value(ar1), value(pack(ar2)), assume_unique, True)
    result = np.take(ar1, found[1]) if is_traced(ar1) else np.take(pack(ar2), found[2])
    return (result, *found[1:]) if return_indices else result


@implements(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    ar1 = pack(ar1)
    first = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return first[~np.isin(value(first), value(pack(ar2)))]


@implements(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    ar1, ar2 = (x if assume_unique else np.unique(x) for x in (pack(ar1), pack(ar2)))
    both = np.sort(np.concatenate([ar1, ar2], axis=None))
    v = value(both)
    if v.size == 0:
        return both
    fresh = np.concatenate([[True], v[1:] != v[:-1], [True]])
    return both[fresh[1:] & fresh[:-1]]
