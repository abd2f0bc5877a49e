"""Piecewise linear interpolation and phase unwrapping."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import array_operand, is_traced, pack, smul, spread, value
from ..primitive import Direct, Primitive, implements
from ._util import conj, constant, is_complex, lead, ndim, reshape, shape, undispatched
from .indexing import gather_p, scatter_p, take

# ---- interp: arguments x, xp, fp and, when given, left and right ----


@constant
def _cells(x: Any, xp: Any) -> tuple[Any, Any, Any, Any]:
    """Index of the knots on both sides of each x, and which x lie below and above all knots."""
    x, n = np.asarray(x), len(xp)
    low = np.clip(np.searchsorted(xp, x, "right") - 1, 0, max(n - 2, 0))
    below, above = np.asarray(x < xp[0]), np.asarray(x > xp[-1])
    outside = np.where(below, 0, n - 1)
    return np.where(below | above, outside, low), np.where(below | above, outside, np.minimum(low + 1, n - 1)), below, above


class _Cell:
    """What the rules need to know about the place of each x among the knots."""

    def __init__(self, x: Any, xp: Any, fp: Any, ends: tuple[bool, bool]) -> None:
        self.low, self.high, self.below, self.above = _cells(x, xp)
        self.n = shape(xp)[0]
        flat = self.below | self.above | (self.low == self.high)
        a, b = take(xp, self.low), take(xp, self.high)
        gap = np.where(flat, 1.0, b - a)
        self.weight = np.where(flat, 0.0, (x - a) / gap)
        self.slope = np.where(flat, 0.0, (take(fp, self.high) - take(fp, self.low)) / gap)
        # where left or right was given, the outermost knot says nothing about the values beyond it
        self.replaced = (self.below & ends[0]) | (self.above & ends[1])

    def gather(self, t: Any) -> Any:
        """Interpolates `t`, given at the knots."""
        low, high = (gather_p(t, index=k, axis=-1, length=self.n) for k in (self.low, self.high))
        return low * (1 - self.weight) + high * self.weight

    def scatter(self, g: Any) -> Any:
        """Adjoint of `gather`."""
        low = scatter_p(g * (1 - self.weight), index=self.low, axis=-1, length=self.n)
        return low + scatter_p(g * self.weight, index=self.high, axis=-1, length=self.n)


_plain_interp = undispatched(np.interp)


def _interp_impl(x: Any, xp: Any, fp: Any, *given: Any, ends: tuple[bool, bool]) -> Any:
    return _plain_interp(x, xp, fp, given[0] if ends[0] else None, given[-1] if ends[1] else None)


def _end_mask(i: int, cell: _Cell, ends: tuple[bool, bool]) -> Any:
    return cell.below if i == 3 and ends[0] else cell.above


def _interp_jvp(i: int, t: Any, ans: Any, x: Any, xp: Any, fp: Any, *given: Any, ends: tuple[bool, bool]) -> Any:
    cell = _Cell(x, xp, fp, ends)
    if i == 0:
        return smul(t, cell.slope)
    if i == 1:
        return -smul(cell.gather(t), cell.slope)
    if i == 2:
        return np.where(cell.replaced, 0, cell.gather(t))
    t = reshape(t, shape(t) + (1,) * ndim(ans)) if ndim(t) else t
    return np.where(_end_mask(i, cell, ends), t, 0)


def _interp_vjp(i: int, g: Any, ans: Any, x: Any, xp: Any, fp: Any, *given: Any, ends: tuple[bool, bool]) -> Any:
    cell = _Cell(x, xp, fp, ends)
    if i == 0:
        return smul(g, conj(cell.slope))
    if i == 1:
        p = smul(g, conj(cell.slope))
        return -cell.scatter(np.real(p) if is_complex(p) else p)
    if i == 2:
        return cell.scatter(np.where(cell.replaced, 0, g))
    return np.sum(np.where(_end_mask(i, cell, ends), g, 0), axis=tuple(range(-ndim(ans), 0)))


interp_p = Primitive("interp", _interp_impl, _interp_jvp, _interp_vjp)


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """Operands moved into one period, the knots sorted and continued on both sides."""
    if value(period) == 0:
        raise ValueError("period must be a non-zero value")
    period = abs(period)
    x, xp = x % period, xp % period
    order = np.argsort(value(xp))
    xp, fp = np.take(xp, order), np.take(fp, order)
    return x, np.concatenate([xp[-1:] - period, xp, xp[:1] + period]), np.concatenate([fp[-1:], fp, fp[:1]])


@implements(np.interp, direct=Direct(interp_p, 3, call=_plain_interp, ends=(False, False)))
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp, fp = pack(x), array_operand(xp), array_operand(fp)
    x = x if is_traced(x) or not isinstance(x, (list, tuple)) else np.asarray(x)
    if left is right is period is None:
        return interp_p(x, xp, fp, ends=(False, False))
    left, right, period = pack(left), pack(right), pack(period)
    if period is not None:
        if ndim(xp) != 1 or ndim(fp) != 1:
            raise ValueError("Data points must be 1-D sequences")
        if shape(xp)[0] != shape(fp)[0]:
            raise ValueError("fp and xp are not of the same length")
        x, xp, fp = _periodic(x, xp, fp, period)
        left = right = None
    given = [v for v in (left, right) if v is not None]
    return interp_p(x, xp, fp, *given, ends=(left is not None, right is not None))


# ---- unwrap: adds multiples of the period ----


@constant
def _turns(p: Any, ans: Any, period: Any) -> Any:
    return np.rint((ans - p) / period)


def _unwrap_jvp(i: int, t: Any, ans: Any, p: Any, period: Any, discont: Any, axis: int) -> Any:
    if i == 0:
        return t
    t = reshape(t, shape(t) + (1,) * ndim(ans)) if ndim(t) else t
    return spread(t * _turns(p, ans, period), shape(t)[: lead(t, ans)] + shape(ans))


def _unwrap_vjp(i: int, g: Any, ans: Any, p: Any, period: Any, discont: Any, axis: int) -> Any:
    return g if i == 0 else np.sum(g * _turns(p, ans, period), axis=tuple(range(-ndim(ans), 0)))


unwrap_p = Primitive(
    "unwrap", lambda p, period, discont, axis: np.unwrap(p, discont, axis, period=period), _unwrap_jvp, _unwrap_vjp
)


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2 * np.pi) -> Any:
    p = pack(p)
    return unwrap_p(p if is_traced(p) else np.asarray(p), period, discont=value(discont), axis=axis)
