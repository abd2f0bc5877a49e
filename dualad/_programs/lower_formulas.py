"""Functions that NumPy computes by a few array operations - bounds, products of vectors, differences - as these operations, so that they fuse."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import CODES, OPS
from ..rules.selection import CLIPS
from .ir import FLOATS, Ids, Scalar, View, size_of
from .lower_calls import assembled, primitive, reduce, select
from .lower_recorded import called, converted, masks
from .lower_symbolic import symbolic

LARGE = 1 << 14  # elements from which on NumPy is faster where one pass of its own does all: what a call takes is nothing then


def fits(low: Any, operands: list[Any], value: np.ndarray) -> bool:
    """Whether a formula may stand for the function: real floats throughout, of which at least one is computed."""
    if low.exact or value.dtype not in FLOATS or any(not low.numeric(x) for x in operands):
        return False
    given = [x for x in operands if isinstance(x, (View, Ids, Scalar))]
    plain = [np.asarray(x).dtype for x in operands if not isinstance(x, (View, Ids, Scalar))]
    return bool(given) and all(low.dtype_of(x) in FLOATS for x in given) and all(kind.kind in "biuf" and kind.itemsize <= 8 for kind in plain)


def own(low: Any, operands: list[Any], value: np.ndarray) -> bool:
    """Whether moreover the first operand is an array of the result's own dtype."""
    return fits(low, operands, value) and isinstance(operands[0], (View, Ids)) and operands[0].dtype == value.dtype


def shape_of(x: Any) -> tuple[int, ...]:
    return x.shape if hasattr(x, "shape") else ()


def apply(low: Any, name: str, operands: list[Any], dtype: Any) -> Any:
    """An operation of the table with broadcasting."""
    return low.elementwise(OPS[name], operands, np.broadcast_shapes(*map(shape_of, operands)), dtype)


def axes_of(x: Any, axis: Any) -> set[int]:
    """The axes that a reduction takes away."""
    n = len(shape_of(x))
    return {a % n for a in (range(n) if axis is None else axis if isinstance(axis, tuple) else (axis,))}


def reduced(low: Any, op: str, x: Any, axes: Any, kept: bool, dtype: Any) -> Any:
    """A reduction of what a formula has computed."""
    gone = axes_of(x, axes)
    shape = tuple(1 if a in gone else k for a, k in enumerate(shape_of(x)) if kept or a not in gone)
    if isinstance(x, np.ndarray):  # folded
        return np.asarray(getattr(np, op)(x, axis=axes, keepdims=kept), dtype)
    return reduce(low, op, x, axes, kept, np.zeros(shape, dtype))


# ---- bounds ----


_BOUNDS = {CLIPS[True, True]: ("maximum", "minimum"), CLIPS[True, False]: ("maximum",), CLIPS[False, True]: ("minimum",)}


@primitive("clip")
def _clip(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The smaller of the upper bound and the larger of the lower bound and the operand."""
    if not fits(low, operands, value):
        return None
    x = operands[0]
    for bound, name in zip(operands[1:], _BOUNDS[low.prim], strict=True):
        x = apply(low, name, [x, bound], value.dtype)
    return x


@called(("dualad.rules.selection", "_clip_masks"))
def _clip_masks(low: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Where the result of a clip is the operand, the lower bound, the upper bound."""
    given = [x for x in args if x is not None]
    dtype = np.result_type(*(x if isinstance(x, (int, float)) else low.dtype_of(x) for x in given))
    if not fits(low, given, np.empty((), dtype)):
        return None
    x, lower, upper = (b if b is None or isinstance(b, (View, Ids, Scalar)) else np.asarray(b, dtype) for b in args)  # numbers rounded as NumPy does
    inside, under, over = (np.empty(np.shape(v), bool) for v in value)

    def truth(name: str, operands: list[Any], like: np.ndarray) -> Any:
        return masks(low, CODES[name], operands, like)

    below = np.False_ if lower is None else masks(low, OPS["lt"], [x, lower], under)
    raised = x if lower is None else apply(low, "maximum", [x, lower], dtype)
    above = np.False_ if upper is None else masks(low, OPS["lt"], [upper, raised], over)
    if upper is None:
        return truth("not", [below], inside), below, above
    if lower is None:
        return truth("not", [above], inside), below, above
    return truth("not", [truth("or", [below, above], inside)], inside), truth("and", [below, truth("not", [above], over)], under), above


# ---- products of vectors ----


@primitive("outer")
def _outer(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    out = symbolic(low, operands, params, value)
    if out is not None or not fits(low, operands, value):
        return out
    a, b = (_array(x) for x in operands)
    return apply(low, "mul", [low.moved(a, lambda z: z.reshape(-1, 1)), low.moved(b, lambda z: z.reshape(1, -1))], value.dtype)


@primitive("vdot")
def _vdot(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    out = symbolic(low, operands, params, value)
    if out is not None or not fits(low, operands, value):
        return out
    a, b = (low.moved(_array(x), lambda z: z.reshape(-1)) for x in operands)
    return reduced(low, "sum", apply(low, "mul", [a, b], value.dtype), None, False, value.dtype)


@primitive("vecdot")
def _vecdot(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    out = symbolic(low, operands, params, value)
    if out is not None or params or not fits(low, operands, value) or max(size_of(shape_of(x)) for x in operands) > LARGE:
        return out
    return reduced(low, "sum", apply(low, "mul", operands, value.dtype), -1, False, value.dtype)


def _array(x: Any) -> Any:
    return x if hasattr(x, "shape") else np.asarray(x, float)


@primitive("cross")
def _cross(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The components are numbered in a circle: two products of rearranged operands."""
    out = symbolic(low, operands, params, value)
    if out is not None or not fits(low, operands, value) or any(shape_of(x)[-1] != 3 for x in operands):
        return out
    (a, a_next), (b, b_next) = ([low.moved(x, lambda z, order=order: z[..., order]) for order in ([1, 2, 0], [2, 0, 1])] for x in operands)
    products = [apply(low, "mul", pair, value.dtype) for pair in ([a, b_next], [a_next, b])]
    return apply(low, "sub", products, value.dtype)


# ---- diagonals, triangles, differences ----


@primitive("trace")
def _trace(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    out, x = symbolic(low, operands, params, value), operands[0]
    if out is not None or params.get("kind") is not None or not own(low, operands, value):
        return out
    diagonal = low.moved(x, lambda a: np.diagonal(a, params["offset"], *params["axes"]))
    return reduced(low, "sum", diagonal, -1, False, value.dtype)


@primitive("on_diagonal")
def _on_diagonal(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    out = symbolic(low, operands, params, value)
    if out is not None or not fits(low, operands, value) or not operands[0].shape[-1]:
        return out
    return assembled(low, operands[0], value, lambda a: np.diagonal(a, params["offset"], *params["axes"]))


@primitive("tril", "triu")
def _triangle(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    out = symbolic(low, operands, params, value)
    if out is not None or not fits(low, operands, value):
        return out
    lower, x = low.prim.name == "tril", operands[0]
    mask = np.tri(value.shape[-2], value.shape[-1], params["k"] - (not lower), dtype=bool)
    return select(low, mask, x, 0.0, value) if lower else select(low, mask, 0.0, x, value)


@primitive("astype")
def _astype(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    return converted(low, operands[0], value) if fits(low, operands, value) else None


@primitive("diff")
def _difference(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    out = symbolic(low, operands, params, value)
    if out is not None or not fits(low, operands, value) or not value.size:
        return out
    x, end = operands[0], (slice(None),) * (-1 - params["axis"])
    later, earlier = (low.moved(x, lambda a, part=part: a[(..., part, *end)]) for part in (slice(1, None), slice(None, -1)))
    return apply(low, "sub", [later, earlier], value.dtype)
