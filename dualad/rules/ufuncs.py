"""Ufuncs outside the operation table, ufuncs called with keyword arguments, and ``outer``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import is_traced, pack, run_plain, value
from ..primitive import Primitive, implements
from ._util import cast, constant, dtype, flat, is_inexact, ndim, reshape, shape, still
from .selection import clip_with

STEPS = (
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isnan, np.isfinite, np.isinf, np.isnat,
    np.signbit, np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.bitwise_and, np.bitwise_or, np.bitwise_xor,
    np.invert, np.left_shift, np.right_shift, np.gcd, np.lcm,
)
_STEPS = frozenset(STEPS)


def _register_step(ufunc: np.ufunc) -> None:
    on_plain = run_plain(ufunc)

    def handler(*inputs: Any, **kwargs: Any) -> Any:
        if "where" in kwargs:
            kwargs["out"] = None  # as the user wrote it, or NumPy warns of uninitialised elements
        return on_plain(*inputs, **kwargs)

    implements(ufunc)(handler)


for _ufunc in STEPS:
    _register_step(_ufunc)


# ---- the remaining floating ufuncs ----


def _elementary(ufunc: np.ufunc) -> Any:
    """Registers the rule of a ufunc outside the table; keyword arguments are dealt with first."""

    def register(function: Any) -> Any:
        def handler(*inputs: Any, **kwargs: Any) -> Any:
            return call(ufunc, *inputs, **kwargs) if kwargs else function(*inputs)

        return implements(ufunc)(handler)

    return register


@_elementary(np.divmod)
def divmod_(x: Any, y: Any) -> Any:
    return np.floor_divide(x, y), np.remainder(x, y)


fraction_p = Primitive("fraction", lambda x: np.modf(x)[0], jvp=lambda i, t, *_: t, vjp=lambda i, g, *_: g)
whole_p = flat("whole", lambda x: np.modf(x)[1])


@_elementary(np.modf)
def modf(x: Any) -> Any:
    return fraction_p(x), whole_p(x)


ldexp_p = Primitive(
    "ldexp", lambda x, n: np.ldexp(x, n),
    lambda i, t, ans, x, n: np.ldexp(t, n), lambda i, g, ans, x, n: np.ldexp(g, n),
)


@_elementary(np.ldexp)
def ldexp(x: Any, n: Any) -> Any:
    n = still(n)
    x = pack(x)
    to = np.broadcast_shapes(shape(x), n.shape)
    return ldexp_p(x if shape(x) == to else np.broadcast_to(x, to), n=n)


@constant
def _exponent(x: Any) -> Any:
    return np.frexp(x)[1]


def _frexp_rule(i: int, t: Any, ans: Any, x: Any) -> Any:
    return np.ldexp(t, -_exponent(x))


mantissa_p = Primitive("mantissa", lambda x: np.frexp(x)[0], _frexp_rule, _frexp_rule)


@_elementary(np.frexp)
def frexp(x: Any) -> Any:
    return mantissa_p(x), _exponent(x)


@_elementary(np._core.umath.clip)
def clip_ufunc(a: Any, low: Any, high: Any) -> Any:
    return clip_with(pack(a), pack(low), pack(high), {})


# ---- keyword arguments ----


def _kinds(ufunc: np.ufunc, kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
    """Dtypes of the operands, or None where NumPy chooses."""
    kind, signature = kwargs.get("dtype"), kwargs.get("signature", kwargs.get("sig"))
    if kind is None and isinstance(signature, (tuple, list)):
        return tuple(signature)[: ufunc.nin] if len(signature) > 1 else (signature[0],) * ufunc.nin
    if kind is None and isinstance(signature, str) and "->" in signature:
        return tuple(signature.split("->")[0])
    kind = signature if kind is None else kind
    return None if kind is None else (np.dtype(kind),) * ufunc.nin


def _selected(inputs: list[Any], mask: Any) -> list[Any] | None:
    """Operands in which the elements that the mask leaves out repeat a selected one, so that they raise no new warnings."""
    to = np.broadcast_shapes(mask.shape, *map(shape, inputs))
    mask = np.broadcast_to(mask, to)
    if not mask.any():
        return None
    first = np.unravel_index(int(np.argmax(mask)), to)
    wide = [np.broadcast_to(x, to) for x in inputs]
    return [np.where(mask, x, np.broadcast_to(value(x), to)[first]) for x in wide]


def call(ufunc: np.ufunc, *inputs: Any, **kwargs: Any) -> Any:
    """``ufunc(*inputs, **kwargs)`` with `where`, `dtype`, `signature`, `casting`, `order`; unselected elements are zero."""
    operands = [pack(x) for x in inputs]
    kinds = _kinds(ufunc, kwargs)
    if ufunc in _STEPS or (kinds and not all(k is None or is_inexact(k) for k in kinds)):
        return ufunc(*(value(x) for x in operands), out=None, **kwargs)
    mask = kwargs.pop("where", True)
    if kinds:
        for x, kind in zip(operands, kinds, strict=True):
            if kind is not None and not np.can_cast(dtype(x), kind, kwargs.get("casting", "same_kind")):
                return ufunc(*(value(x) for x in operands), **kwargs)  # raises
        operands = [x if kind is None else cast(x, np.dtype(kind)) for x, kind in zip(operands, kinds, strict=True)]
    if mask is True:
        return ufunc(*operands)
    mask = np.asarray(value(mask), bool)
    chosen = _selected(operands, mask)
    if chosen is None:
        to = np.broadcast_shapes(mask.shape, *map(shape, operands))
        return np.zeros(to, np.result_type(*(dtype(x) for x in operands)))
    result = ufunc(*chosen)
    return tuple(np.where(mask, y, 0) for y in result) if isinstance(result, tuple) else np.where(mask, result, 0)


def outer(ufunc: np.ufunc, a: Any, b: Any, **kwargs: Any) -> Any:
    """``ufunc(a[i...], b[j...])`` for all pairs of elements."""
    a, b = (x if is_traced(x) else np.asarray(x) for x in (pack(a), pack(b)))
    a = reshape(a, shape(a) + (1,) * ndim(b))
    return call(ufunc, a, b, **kwargs) if kwargs else ufunc(a, b)


_core.UFUNC_METHODS["__call__"] = call
_core.UFUNC_METHODS["outer"] = outer
