"""Algebra on array steps: what the passes over the scalar graph do for scalars (csrc/da_graph_fold.c). Operations that leave an operand as it is,
signs and constant factors that another operation can take in: each is a pass over an array less."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import OPS
from .ir import Elementwise, Scalar, View

_ADD, _SUB, _MUL, _SMUL, _DIV, _NEG = (OPS[name] for name in ("add", "sub", "mul", "smul", "div", "neg"))
_SQUARE, _RECIP, _POWERS = OPS["square"], OPS["recip"], (OPS["pow"], OPS["float_power"])
# never below zero, and no -0: there x**0.5 and sqrt(x) agree also in the limits
_NOT_NEGATIVE = frozenset(OPS[name] for name in ("square", "abs", "fabs", "exp", "exp2", "cosh", "hypot"))
_LIMIT = 1e30  # a product of constant factors up to this size leaves also numbers of single precision theirs, but near their limits


def identity(low: Any, code: int, operands: list[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """The operand that an operation returns unchanged, broadcast; None when it does something."""
    kept, numbers = None, [_number(x) for x in operands]
    if code in (OPS["copy"], OPS["pos"]):
        kept = operands[0]
    elif code in (_MUL, _SMUL):
        kept = operands[0] if numbers[1] == 1 else operands[1] if numbers[0] == 1 else None
    elif code == _ADD and not low.exact:
        kept = operands[0] if numbers[1] == 0 else operands[1] if numbers[0] == 0 else None
    elif code in (_SUB, _DIV):
        kept = operands[0] if numbers[1] == (0 if code == _SUB else 1) else None
    elif code == _NEG:
        kept = _opposite(operands[0])
    if code == _SMUL and numbers[0] == 0:
        return np.zeros(shape, dtype)
    if kept is None or getattr(kept, "dtype", dtype) != dtype:
        return None
    if _number(kept) is not None:
        return np.full(shape, _number(kept), dtype)
    if isinstance(kept, Scalar) and dtype != np.float64:
        return None
    return low.moved(kept, lambda a: np.broadcast_to(a, shape))


def simplified(low: Any, code: int, operands: list[Any], dtype: Any) -> tuple[int, list[Any]]:
    """An operation on arrays in its cheapest form."""
    while (simpler := _simpler(low, code, operands, dtype)) is not None:
        code, operands = simpler
    return code, operands


def _simpler(low: Any, code: int, operands: list[Any], dtype: Any) -> Any:
    if code in (_ADD, _SUB):
        return _sum(low, code, operands[0], operands[1], dtype)
    if code in (_MUL, _SMUL, _DIV):
        return _product(low, code, operands[0], operands[1], dtype)
    if code == _NEG:
        c, x = _scaled(operands[0])
        return None if c is None else (_MUL, [-c, x])
    if code in _POWERS and not low.exact:
        return _power(low, operands[0], _number(operands[1]), dtype)
    return None


def _power(low: Any, x: Any, p: float | None, dtype: Any) -> Any:
    """Small constant exponents. Of a negative one the reciprocal is taken first: 1 / x**2 would vanish where the power does not."""
    if p is None or getattr(x, "dtype", None) != dtype:
        return None
    if p == 3:
        return _MUL, [x, low.elementwise(_SQUARE, [x], x.shape, dtype)]
    if p == 4:
        return _SQUARE, [low.elementwise(_SQUARE, [x], x.shape, dtype)]
    if p == -2:
        return _SQUARE, [low.elementwise(_RECIP, [x], x.shape, dtype)]
    made = _maker(x)
    if p == 0.5 and made is not None and made.code in _NOT_NEGATIVE:
        return OPS["sqrt"], [x]
    return (_SQUARE, [x]) if p == 2 else (_RECIP, [x]) if p == -1 else None


def _sum(low: Any, code: int, x: Any, y: Any, dtype: Any) -> Any:
    """Differences instead of sums of negatives; twice an operand instead of one after the other."""
    for one, other in ((x, y), (y, x)) if code == _ADD else ((x, y),):
        rest = None if low.exact else _without(code, one, other)
        if rest is not None:
            return code, [rest, low.elementwise(_MUL, [2.0, other], other.shape, dtype)]
    b = _negated(low, y)
    a = _negated(low, x) if code == _ADD or b is not None else None
    if code == _SUB:
        return None if b is None else (_ADD, [x, b]) if a is None else (_SUB, [b, a])
    if a is not None and b is not None and (_same(x, y) or not low.exact):  # of x + -x the sign of the zero would be another one
        shape = np.broadcast_shapes(*(z.shape for z in (a, b) if isinstance(z, View)))
        return _NEG, [low.elementwise(_ADD, [a, b], shape, dtype)]
    return (_SUB, [x, b]) if b is not None else None if a is None else (_SUB, [y, a])


def _product(low: Any, code: int, x: Any, y: Any, dtype: Any) -> Any:
    """Signs and constant factors of products and quotients. A strong product is one by rule only where its first factor may be zero."""
    c, d = _number(x), _number(y)
    if code == _SMUL and c is not None and dtype.type(c) != 0:
        return _MUL, [x, y]
    a, b = _opposite(x), _opposite(y)
    if a is not None and b is not None:
        return code, [a, b]
    if code != _SMUL and (-1 in (c, d) and (code == _MUL or d == -1)):
        return _NEG, [x if d == -1 else y]
    if code != _SMUL and c is not None and b is not None:
        return code, [-c, b]
    if d is not None and a is not None:
        return code, [a, -d]
    if code == _DIV and not low.exact:
        return _by_reciprocal(low, x, y, dtype)
    if code == _MUL and (c is None) != (d is None) and not low.exact:
        factor, inner = _scaled(y if d is None else x)
        both = None if factor is None else factor * (c if d is None else d)  # type: ignore[operator]
        if both is not None and 1 / _LIMIT < abs(both) < _LIMIT:
            return _MUL, [both, inner]
    return None


def _by_reciprocal(low: Any, x: Any, y: Any, dtype: Any) -> Any:
    """(z / y) / y, which is in the derivative of z / y, by the reciprocal of y where that is there anyway: in the derivative it is."""
    made = _maker(x)
    if made is None or made.code != _DIV or not x.whole() or not _same(made.operands[1], y) or y.shape != x.shape:
        return None
    reciprocal = low.known(_RECIP, [y], y.shape, dtype)
    return None if reciprocal is None else (_MUL, [x, reciprocal])


def _number(x: Any) -> float | None:
    """The number that an operand is everywhere."""
    return x if isinstance(x, float) else getattr(x, "number", None)


def _maker(x: Any) -> Elementwise | None:
    """The elementwise step that makes an operand."""
    step = x.value.step if isinstance(x, View) else None
    return step if isinstance(step, Elementwise) else None


def _through(x: View, source: Any) -> View | None:
    """An operand of the step that makes x, rearranged as x rearranges the result."""
    if not isinstance(source, View) or source.dtype != x.dtype:
        return None
    if x.whole():
        return source
    return View(source.value, x.offset, x.shape, x.strides, x.index) if source.whole() else None


def _opposite(x: Any) -> View | None:
    """y where x is the step -y."""
    made = _maker(x)
    return _through(x, made.operands[0]) if made is not None and made.code == _NEG else None


def _scaled(x: Any) -> tuple[float | None, Any]:
    """(c, y) where x is the step c * y."""
    made = _maker(x)
    if made is not None and made.code == _MUL:
        for c, y in (made.operands, made.operands[::-1]):
            if isinstance(c, float) and (source := _through(x, y)) is not None:
                return c, source
    return None, None


def _negated(low: Any, x: Any) -> View | None:
    """y where x is -y, or a product with -z: then y is the product with z. (The strong product of a zero z has another sign.)"""
    made = _maker(x)
    if made is None or made.code not in ((_NEG, _MUL) if low.exact else (_NEG, _MUL, _SMUL)):
        return None
    if made.code == _NEG:
        return _opposite(x)
    if x.dtype == made.out[0].dtype and x.whole():
        a, b = made.operands
        for factors in ([_opposite(a), b], [a, _opposite(b)]):
            if factors[0] is not None and factors[1] is not None:
                return low.step(made.code, factors, x.shape, x.dtype)
    return None


def _without(code: int, x: Any, y: Any) -> View | None:
    """z where x is the step z + y or z - y, as `code` says."""
    made = _maker(x)
    if made is not None and isinstance(y, View) and made.code == code and x.whole() and x.shape == y.shape:
        for z, second in (made.operands, made.operands[::-1]) if code == _ADD else (made.operands,):
            if _same(second, y) and isinstance(z, View):
                return z
    return None


def _same(x: Any, y: Any) -> bool:
    return isinstance(x, View) and isinstance(y, View) and x.key() == y.key()
