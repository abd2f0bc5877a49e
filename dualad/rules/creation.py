"""Arrays made from numbers with ``like=`` a traced value, and the same memory seen as another type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import bare_value, is_traced, pack, value
from ..errors import DtypeError
from ..primitive import Primitive, implements, method
from ._util import is_inexact, ndim, plain_array, reshape, shape

# NumPy hands over the arguments without `like`. These take no traced values; a buffer becomes traced with the first traced store.
for _function in (
    np.zeros, np.ones, np.empty, np.eye, np.identity, np.tri, np.fromfunction, np.fromiter, np.frombuffer, np.fromfile,
    np.fromstring, np.loadtxt, np.genfromtxt,
):
    implements(_function)(_function)


def ordered(x: Any, order: Any) -> Any:
    """A traced array, copied where it must be in C or Fortran order ("C", "F") and is not."""
    return np.copy(x, order=order) if order in ("C", "F") and ndim(x) > 1 and not bare_value(x).flags[f"{order}_CONTIGUOUS"] else x


def _converter(function: Callable[..., Any], copies: bool, order: Any = None) -> Callable[..., Any]:
    """A function that makes arrays of arrays, in their own order or the given one."""

    def handler(a: Any, dtype: Any = None, *args: Any, ndmin: int = 0, copy: Any = copies, **options: Any) -> Any:
        x = pack(a)
        if not is_traced(x):
            return np.array(x, dtype, ndmin=ndmin, copy=copy, **options) if copies else function(x, dtype, *args, **options)
        if dtype is not None and np.dtype(dtype) != x.dtype:
            x = x.astype(dtype)
        elif copy:
            x = np.copy(x, order=options.get("order") or "K")
        x = ordered(x, order or options.get("order"))
        missing = max(ndmin, 0 if copies or function in (np.asarray, np.asanyarray, np.require) else 1) - len(shape(x))
        return reshape(x, (1,) * missing + shape(x)) if missing > 0 else x

    return implements(function)(handler)


array = _converter(np.array, copies=True)
for _function in (np.asarray, np.asanyarray, np.require):
    _converter(_function, copies=False)
_converter(np.ascontiguousarray, copies=False, order="C")
_converter(np.asfortranarray, copies=False, order="F")


@implements(np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **options: Any) -> Any:
    fill = pack(fill_value)
    if not is_traced(fill):
        return np.full(shape, fill, dtype, order, **options)
    fill = fill if dtype is None else fill.astype(dtype)
    return np.copy(np.broadcast_to(fill, shape))


@implements(np.arange)
def arange(*ends: Any, dtype: Any = None, **options: Any) -> Any:
    plain = np.arange(*(value(x) for x in ends), dtype=dtype, **options)
    if plain.dtype.kind not in "fc" or not any(is_traced(x) for x in ends):
        return plain
    start, step = (ends[0] if len(ends) > 1 else 0), (ends[2] if len(ends) > 2 else 1)
    return (start + step * np.arange(plain.size)).astype(plain.dtype)


# ---- floats as complex numbers, and back ----

view_p = Primitive(
    "view", lambda x, kind: np.ascontiguousarray(x).view(kind),
    lambda i, t, ans, x, kind: view_p(t, kind=kind), lambda i, g, ans, x, kind: view_p(g, kind=x.dtype),
)


def _is_array_class(x: Any) -> bool:
    return isinstance(x, type) and issubclass(x, np.ndarray)


@method("view")
def view(a: Any, dtype: Any = None, type: Any = None) -> Any:
    kind = a.dtype if dtype is None or _is_array_class(dtype) else np.dtype(dtype)
    if kind == a.dtype:
        return reshape(a, shape(a))
    plain = plain_array(a).view(kind)  # raises where NumPy does
    if not is_inexact(kind):
        return plain
    if kind.char.lower() != a.dtype.char.lower():
        raise DtypeError(f"a view of {a.dtype} as {kind} reads the bits as other numbers: that has no derivative; astype converts")
    return view_p(a, kind=kind)


@method("to_device")
def to_device(a: Any, device: Any, /, *, stream: Any = None) -> Any:
    np.zeros(()).to_device(device, stream=stream)  # raises for any other than the CPU
    return a
