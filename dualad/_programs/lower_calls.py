"""Steps of their own for NumPy's functions: what needs no call of Python at replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._replay import CODES, OPS
from .ir import FLOATS, Assemble, Ids, Reduce, Scalar, View, size_of, whole

Rule = Callable[..., Any]
PRIMITIVES: dict[str, Rule] = {}
MATRIX = 512  # multiplications from which on a matrix product pays: below, calling BLAS for it takes longer


def primitive(*names: str) -> Callable[[Rule], Rule]:
    """Registers how primitives of these names are lowered: ``rule(lowering, operands, params, value)``, None when it does not apply."""

    def register(rule: Rule) -> Rule:
        for name in names:
            PRIMITIVES[name] = rule
        return rule

    return register


# ---- reductions ----

REDUCTIONS = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}


def reduce(low: Any, op: str, x: Any, axes: Any, kept: bool, value: Any) -> Any:
    """A reduction over axes (None: all; else negative numbers)."""
    out = np.asarray(value)
    if isinstance(x, Scalar):
        x = Ids(np.array(x.node, np.int32), out.dtype)
    if low.exact or isinstance(x, np.ndarray) or out.dtype not in FLOATS or not hasattr(x, "dtype") or x.dtype != out.dtype:
        return low.call(_Reduction(op, axes, kept), op, ((x,), {}), value)
    n = len(x.shape)
    reduced = tuple(range(n)) if axes is None else tuple(sorted(a % n for a in (axes if isinstance(axes, tuple) else (axes,))))
    rest = tuple(a for a in range(n) if a not in reduced)
    count = size_of(tuple(x.shape[a] for a in reduced))
    if isinstance(x, View) and x.size <= low.small:
        x = Ids(low.nodes_of(x), x.dtype)
    if isinstance(x, Ids) and x.nodes.size <= low.small and count:
        return _small(low, op, x, rest + reduced, count, out)
    if not count:
        return np.broadcast_to(out, out.shape).copy()
    view = low.view_of(x)
    if not rest:
        how, columns = "all", count
    elif reduced == tuple(range(len(reduced))):
        how, columns = "first", size_of(tuple(view.shape[a] for a in rest))
    else:
        view, how, columns = view.like(lambda a: a.transpose(rest + reduced)), "last", count
    key = ("reduce", op, view.key(), how, columns, out.shape)
    if key not in low.same or not low.merges:
        result = low.new_value(out.shape, out.dtype)
        low.add(Reduce(op, result, view, how, columns))
        low.same[key] = result
    return whole(low.same[key])


def _small(low: Any, op: str, x: Ids, order: tuple[int, ...], count: int, out: np.ndarray) -> Ids:
    """A reduction of few elements in the scalar graph, from left to right."""
    rows = x.nodes.transpose(order).reshape(-1, count)
    total = rows[:, 0]
    flags = low.flags(out.dtype)
    for k in range(1, count):
        total = low.graph.apply(OPS[REDUCTIONS[op]], flags, total, rows[:, k])
    return Ids(total.reshape(out.shape), out.dtype)


class _Reduction:
    """NumPy's reduction as a function of the array."""

    __slots__ = ("axes", "kept", "op")

    def __init__(self, op: str, axes: Any, kept: bool) -> None:
        self.op, self.axes, self.kept = op, axes, kept

    def key(self) -> Any:
        return self.op, self.axes, self.kept

    def __call__(self, x: Any) -> Any:
        ufunc: Any = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[self.op]
        return ufunc.reduce(x, self.axes, None, None, self.kept)


@primitive("max", "min", "sum", "prod")
def _reduction(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    if set(params) - {"axis", "keepdims"} or len(operands) != 1:
        return None
    return reduce(low, low.prim.name, operands[0], params.get("axis"), bool(params.get("keepdims")), value)


# ---- rearrangements ----


@primitive("copy")
def _copy(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    return operands[0]


@primitive("flip", "roll", "diagonal", "take", "gather", "tile", "take_along_axis", "sliding_window_view")
def _rearrange(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The elements of one operand at fixed places: the implementation applied to the places."""
    if low.holds_recorded(params) or isinstance(operands[0], np.ndarray):
        return None
    return low.moved(operands[0], lambda a: np.asarray(low.prim.impl(a, **params)))


@primitive("concatenate", "stack")
def _joined(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    if "kind" in params or value.dtype not in FLOATS:
        return None
    shapes = [np.shape(x) if isinstance(x, (float, int)) else x.shape for x in operands]
    if value.size <= low.small:
        simple = [low.nodes_of_any(low.simple(x), value.dtype) for x in operands]
        nodes = low.prim.impl(*[np.broadcast_to(x, s) for x, s in zip(simple, shapes, strict=True)], **params)
        return Ids(np.asarray(nodes, np.int32, order="C"), value.dtype)
    out = low.new_value(value.shape, value.dtype)
    axis, at = params["axis"] % value.ndim, 0
    parts: list[tuple[View, Any]] = []
    for x, s in zip(operands, shapes, strict=True):
        n = 1 if low.prim.name == "stack" else s[axis]
        index = (slice(None),) * axis + (at if low.prim.name == "stack" else slice(at, at + n),)
        place = whole(out).like(lambda a, index=index: np.asarray(a[index]))  # type: ignore[misc]
        assert place is not None
        if place.size:
            parts.append((place, low.spread(low.simple(x), place.shape)))
        at += n
    low.add(Assemble(out, parts))
    return whole(out)


@primitive("scatter")
def _scatter(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The adjoint of indexing: zeros with the cotangent added in."""
    if low.holds_recorded(params) or value.dtype not in FLOATS or isinstance(operands[0], np.ndarray):
        return None
    if value.size > low.small and not params.get("lead", True) and basic(params["index"]):  # a view; no list of places is needed
        return assembled(low, operands[0], value, lambda a: np.asarray(a[params["index"]]))
    places = _places(params, value)
    if value.size <= low.small and places.size <= low.small:
        return _scattered(low, operands[0], places, value)
    if np.bincount(places.reshape(-1), minlength=1).max() > 1:
        return None if low.exact else low.call(AddUp(places, value.shape, value.dtype), "scatter", ((operands[0],), {}), value)
    return assembled(low, operands[0], value, lambda a: np.asarray(a.reshape(-1)[places]))


def assembled(low: Any, g: Any, value: np.ndarray, where: Any) -> View:
    """Zeros with the cotangent at its place."""
    out = low.new_value(value.shape, value.dtype)
    place = low.moved(whole(out), where)
    low.add(Assemble(out, [(whole(out), 0.0), (place, low.spread(low.simple(g), place.shape))]))
    return whole(out)


def basic(index: Any) -> bool:
    """Whether an index makes a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(i, (int, np.integer, slice, type(None), type(Ellipsis))) and not isinstance(i, (bool, np.bool_)) for i in parts)


def _places(params: dict[str, Any], value: np.ndarray) -> np.ndarray:
    """The flat place of each element of the cotangent in the result."""
    everything = np.arange(value.size).reshape(value.shape)
    if "lead" not in params:
        return np.take(everything, params["index"], axis=params["axis"])
    if not params["lead"]:
        return np.asarray(everything[params["index"]])
    return np.stack([np.asarray(rows[params["index"]]) for rows in everything])


def _scattered(low: Any, g: Any, places: np.ndarray, value: np.ndarray) -> Ids:
    """The same in the scalar graph."""
    flags, given = low.flags(value.dtype), low.nodes_of_any(low.simple(g), value.dtype)
    nodes = np.array(np.broadcast_to(low.graph.constants(np.array(0.0), flags), (value.size,)))
    taken: set[int] = set()
    for place, node in zip(places.reshape(-1), np.broadcast_to(given, places.shape).reshape(-1), strict=True):
        one = np.array(node, np.int32)
        nodes[place] = low.graph.apply(OPS["add"], flags, np.array(nodes[place], np.int32), one) if int(place) in taken else one
        taken.add(int(place))
    return Ids(nodes.reshape(value.shape), value.dtype)


class AddUp:
    """Zeros to which the elements of an array are added at fixed places."""

    __slots__ = ("dtype", "places", "shape")

    def __init__(self, places: np.ndarray, shape: tuple[int, ...], dtype: Any) -> None:
        self.places, self.shape, self.dtype = np.ascontiguousarray(places.reshape(-1)), shape, np.dtype(dtype)

    def key(self) -> Any:
        return self.places.tobytes(), self.shape, self.dtype.str

    def __call__(self, g: Any) -> Any:
        return np.bincount(self.places, g.reshape(-1), int(np.prod(self.shape, dtype=int))).astype(self.dtype, copy=False).reshape(self.shape)


# ---- choices ----


@primitive("where")
def _where(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    mask, x, y = operands
    return select(low, mask, x, y, value)


def select(low: Any, mask: Any, x: Any, y: Any, value: np.ndarray) -> Any:
    """np.where(mask, x, y)."""
    if value.dtype not in FLOATS:
        return None
    mask, x, y = (low.simple(z) for z in (mask, x, y))
    shape = value.shape
    if value.size <= low.small:
        m, a, b = (np.broadcast_to(low.nodes_of_any(z, value.dtype), shape) for z in (mask, x, y))
        flags, apply = low.flags(value.dtype), low.graph.apply
        kept = apply(OPS["smul"], flags, m, a)
        other = apply(OPS["smul"], flags, apply(OPS["eqz"], flags, m), b)
        return Ids(apply(OPS["add"], flags, kept, other), value.dtype)
    return low.step(CODES["select"], [low.spread(z, shape) for z in (mask, x, y)], shape, value.dtype)


# ---- the rest ----


@primitive("image")
def _image(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """np.zeros_like and its like: a constant (of np.empty_like, too, whose contents mean nothing)."""
    return None if low.holds_recorded(params) else np.array(value)


@primitive("einsum")
def _einsum(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """Contractions of large arrays go through matrix products."""
    if low.exact or set(params["options"]) - {"optimize"}:  # how to optimise is decided here
        return None
    product = _product(params["text"], [x if isinstance(x, np.ndarray) else low.simple(x) for x in operands], value)
    if product is not None:
        order, first, second, shape = product
        a, b = (low.moved(x, lambda a, axes=axes: a.transpose(axes)) for x, axes in (first, second))
        out = low.call(np.matmul, "matmul", ((a, b), {}), np.empty(shape, value.dtype))
        return low.moved(out, lambda a: a.transpose(order))
    return low.call(Contraction(params["text"]), "einsum", (tuple(operands), {}), value)


def _product(text: str, operands: list[Any], value: np.ndarray) -> Any:
    """How one matrix product of transposed operands gives a contraction: (axes of its result, two of (operand, axes), shape of its result). None where
    it does not, or where the matrices are so small that np.einsum's own loop is faster."""
    inputs, _, result = text.partition("->")
    names = inputs.split(",")
    if len(names) != 2 or any(getattr(x, "dtype", None) != value.dtype for x in operands) or value.dtype not in FLOATS:
        return None
    if "." in text or any(len(set(n)) != len(n) for n in (*names, result)):
        return None
    batch = [n for n in names[0] if n in names[1] and n in result]
    summed = [n for n in names[0] if n in names[1] and n not in result]
    free = [[n for n in mine if n not in other] for mine, other in (names, names[::-1])]
    if len(summed) != 1 or any(len(f) != 1 or f[0] not in result for f in free):
        return None
    first = 0 if result.index(free[0][0]) < result.index(free[1][0]) else 1  # columns are what varies faster in the result
    row, column = free[first][0], free[1 - first][0]
    sizes = {n: size for mine, x in zip(names, operands, strict=True) for n, size in zip(mine, x.shape, strict=True)}
    if sizes[row] * sizes[column] * sizes[summed[0]] < MATRIX:
        return None
    orders = [*batch, row, summed[0]], [*batch, summed[0], column], [*batch, row, column]
    pairs = [(operands[k], [names[k].index(n) for n in order]) for k, order in zip((first, 1 - first), orders, strict=False)]
    return [orders[2].index(n) for n in result], *pairs, tuple(sizes[n] for n in orders[2])


class Contraction:
    """np.einsum in the order and by the matrix products that NumPy finds best."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def key(self) -> Any:
        return self.text

    def __call__(self, *arrays: Any) -> Any:
        return np.einsum(self.text, *arrays, optimize=True)
