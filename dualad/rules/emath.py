"""``numpy.emath``: real operands outside the real domain turn complex."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack, value
from ..primitive import implements
from ._util import dtype, is_complex


def _widened(x: Any, outside: Any) -> Any:
    x = pack(x)
    x = x if is_traced(x) else np.asarray(x)
    if is_complex(x) or not np.any(outside(value(x))):
        return x
    kind = np.result_type(dtype(x), np.complex64)
    return x.astype(kind) if hasattr(x, "astype") else np.asarray(x, kind)


def _negative(v: Any) -> Any:
    return v < 0


def _beyond_one(v: Any) -> Any:
    return np.abs(v) > 1


def _register(name: str, outside: Any) -> None:
    ufunc = getattr(np, name)
    implements(getattr(np.emath, name))(lambda x: ufunc(_widened(x, outside)))


for _name, _outside in {
    "sqrt": _negative, "log": _negative, "log10": _negative, "log2": _negative, "arccos": _beyond_one, "arcsin": _beyond_one,
    "arctanh": _beyond_one,
}.items():
    _register(_name, _outside)


@implements(np.emath.logn)
def logn(n: Any, x: Any) -> Any:
    return np.log(_widened(x, _negative)) / np.log(_widened(n, _negative))


@implements(np.emath.power)
def power(x: Any, p: Any) -> Any:
    x = _widened(x, _negative)
    p = pack(p)
    if not is_traced(p):
        p = np.asarray(p)
        p = p.astype(float) if p.dtype.kind in "iu" and np.any(p < 0) else p
    return np.power(x, p)
