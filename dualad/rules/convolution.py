"""Convolution and correlation of sequences: bilinear, each the adjoint of the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack
from ..primitive import Primitive, implements
from ._util import cast, conj, dtype, shape


def _offset(n: int, m: int, length: int, mode: Any) -> int:
    """Where the result of `length` starts in the full convolution of sequences of n and m elements."""
    if mode == "full":
        return 0
    short = min(n, m)
    return short - 1 if mode == "valid" else (short - 1) // 2


def _full(g: Any, start: int, total: int) -> Any:
    """Cotangent `g` of a part of the full result with zeros around it."""
    after = total - start - shape(g)[0]
    if not (start or after):
        return g
    return np.concatenate([np.zeros(start, dtype(g)), g, np.zeros(after, dtype(g))])


def _correlation_offset(n: int, m: int, length: int, mode: Any) -> int:
    """The same for a correlation, which NumPy computes with its operands exchanged, and reverses, when the first is shorter."""
    start = _offset(n, m, length, mode)
    return start if n >= m else n + m - 1 - start - length


def _convolve_jvp(i: int, t: Any, ans: Any, a: Any, v: Any, mode: Any) -> Any:
    return np.convolve(t, v, mode) if i == 0 else np.convolve(a, t, mode)


def _convolve_vjp(i: int, g: Any, ans: Any, a: Any, v: Any, mode: Any) -> Any:
    n, m = shape(a)[0], shape(v)[0]
    g = _full(g, _offset(n, m, shape(ans)[0], mode), n + m - 1)
    return np.correlate(g, a if i else v, "valid")


def _correlate_jvp(i: int, t: Any, ans: Any, a: Any, v: Any, mode: Any) -> Any:
    return np.correlate(t, v, mode) if i == 0 else np.correlate(a, t, mode)


def _correlate_vjp(i: int, g: Any, ans: Any, a: Any, v: Any, mode: Any) -> Any:
    n, m = shape(a)[0], shape(v)[0]
    g = _full(g, _correlation_offset(n, m, shape(ans)[0], mode), n + m - 1)
    if i == 0:
        return np.convolve(g, v, "full")[m - 1 : m - 1 + n]
    return conj(np.correlate(g, a, "valid"))[::-1]


convolve_p = Primitive("convolve", lambda a, v, mode: np.convolve(a, v, mode), _convolve_jvp, _convolve_vjp, looped=True)
correlate_p = Primitive("correlate", lambda a, v, mode: np.correlate(a, v, mode), _correlate_jvp, _correlate_vjp, looped=True)


def _operands(a: Any, v: Any) -> tuple[Any, Any]:
    a, v = (x if is_traced(x) else np.asarray(x) for x in (pack(a), pack(v)))
    a, v = (np.reshape(x, (1,)) if shape(x) == () else x for x in (a, v))
    kind = np.result_type(a.dtype, v.dtype)
    return cast(a, kind), cast(v, kind)


_MODES = {0: "valid", 1: "same", 2: "full"}


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = _operands(a, v)
    return convolve_p(a, v, mode=_MODES.get(mode, mode))


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v = _operands(a, v)
    return correlate_p(a, v, mode=_MODES.get(mode, mode))
