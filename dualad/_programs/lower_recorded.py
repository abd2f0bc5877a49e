"""Steps of their own for recorded calls without derivative: comparisons and masks, conversions, what the rules of derivatives compute beside them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._replay import CODES, OPS
from .ir import FLOATS, NATIVE, Assemble, Ids, Scalar, View, size_of, whole
from .lower_calls import Rule, basic, reduce, select

BOOL = np.dtype(bool)
CALLS: dict[Any, Rule] = {}
_COMPARISONS = {np.less: ("lt", 0), np.less_equal: ("le", 0), np.equal: ("eq", 0), np.not_equal: ("ne", 0),
                np.greater: ("lt", 1), np.greater_equal: ("le", 1)}
_LOGICAL = {np.logical_and: "and", np.logical_or: "or", np.logical_not: "not",
            np.bitwise_and: "and", np.bitwise_or: "or", np.invert: "not"}
_SIZES = {np.isfinite: "lt", np.isinf: "eq"}  # how the absolute value compares with infinity


def called(*keys: Any) -> Callable[[Rule], Rule]:
    """Registers how calls of functions are lowered: ``rule(lowering, args, kwargs, value)``, None when it does not apply. Keys: the function; of methods
    (a ufunc, its method) or ("method", name); of the functions of rules (module, name)."""

    def register(rule: Rule) -> Rule:
        CALLS.update(dict.fromkeys(keys, rule))
        return rule

    return register


def _key(function: Any) -> Any:
    if type(function) is _core._UfuncMethod:
        return function.ufunc, function.method
    if type(function) is _core._MethodCall:
        return "method", function.name
    where = getattr(function, "__module__", ""), getattr(function, "__name__", "")
    return where if where in CALLS else function


def recorded(low: Any, function: Any, tree: Any, value: Any) -> Any:
    """A recorded call of a function that has a step of its own; of several results `value` is a tuple."""
    args, kwargs = tree
    rule = CALLS.get(_key(function))
    if rule is not None:
        return rule(low, args, kwargs, value)
    if isinstance(value, tuple) or kwargs or any(not low.numeric(x) for x in args):
        return None
    if function in (np.logical_xor, np.bitwise_xor):
        return masks(low, OPS["ne"], list(args), value) if all(low.dtype_of(x) == BOOL for x in args) else None
    if function in _COMPARISONS:
        name, swapped = _COMPARISONS[function]
        return masks(low, OPS[name], list(reversed(args)) if swapped else list(args), value)
    if function is np.isnan:
        return masks(low, OPS["ne"], [args[0], args[0]], value)
    if function in _SIZES and low.dtype_of(args[0]) in FLOATS:
        return masks(low, OPS[_SIZES[function]], [low.elementwise(OPS["abs"], [args[0]], value.shape, low.dtype_of(args[0])), np.inf], value)
    if function in _LOGICAL and all(low.dtype_of(x) == BOOL for x in args):
        return masks(low, CODES[_LOGICAL[function]], list(args), value)
    if isinstance(function, np.ufunc) and _core.table_operation(function) >= 0 and value.dtype in FLOATS:
        code = _core.table_operation(function)
        exact = not low.exact or low.is_exact(code)
        return low.elementwise(code, list(args), value.shape, value.dtype) if exact and all(low.dtype_of(x) in NATIVE for x in args) else None
    if function is np.where and len(args) == 3:
        return select(low, args[0], args[1], args[2], value)
    if getattr(function, "__name__", "") == "_detach":
        return Ids(np.array(args[0].node), value.dtype) if isinstance(args[0], Scalar) else args[0] if isinstance(args[0], (View, Ids)) else None
    return None


# ---- masks ----


def masks(low: Any, code: int, operands: list[Any], value: np.ndarray) -> Any:
    """An operation whose result is boolean."""
    operands = [low.simple(x) for x in operands]
    if any(low.dtype_of(x) not in (*FLOATS, BOOL) for x in operands):
        return None
    if value.size <= low.small and (code < len(OPS) or code in _OF_TRUTHS):
        nodes = [np.broadcast_to(low.nodes_of_any(x, np.float64), value.shape) for x in operands]
        return Ids(_OF_TRUTHS[code](low, *nodes) if code in _OF_TRUTHS else low.graph.apply(code, 0, *nodes), BOOL)
    return low.step(code, [low.spread(x, value.shape) for x in operands], value.shape, BOOL)


def _same(low: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Scalar nodes for x == y, in which a NaN equals a NaN."""
    apply = low.graph.apply
    nans = apply(OPS["mul"], 0, apply(OPS["ne"], 0, x, x), apply(OPS["ne"], 0, y, y))
    return np.asarray(apply(OPS["maximum"], 0, apply(OPS["eq"], 0, x, y), nans))


# the machine's own codes as operations of the table on zeros and ones
_OF_TRUTHS: dict[int, Rule] = {
    CODES["same"]: _same,
    CODES["and"]: lambda low, x, y: low.graph.apply(OPS["mul"], 0, x, y),
    CODES["or"]: lambda low, x, y: low.graph.apply(OPS["maximum"], 0, x, y),
    CODES["not"]: lambda low, x: low.graph.apply(OPS["eqz"], 0, x),
}


# ---- what the rules of dualad compute beside derivatives ----


@called(("dualad.rules.extrema", "_tied"))
def _tied(low: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Which elements equal the extremum of their row (a NaN equals a NaN), how many they are, and the share of the element to start from."""
    x, ans, initial, axis, keepdims, where = args
    mask, n = (np.asarray(v) for v in value[:2])
    alone = initial is None and where is True
    if low.exact or (alone and value[2] is not None) or low.dtype_of(x) not in FLOATS or not low.numeric(ans):
        return None
    top = ans if keepdims else low.moved(low.simple(ans) if isinstance(ans, float) else ans, lambda a: a.reshape(n.shape))
    found = masks(low, CODES["same"], [x, top], mask)
    if found is not None and where is not True:
        found = masks(low, CODES["and"], [found, where], mask)
    if found is None:
        return None
    counted = reduce(low, "sum", low.elementwise(OPS["copy"], [found], mask.shape, n.dtype), axis, True, n)
    return (found, counted, None) if alone else _with_start(low, found, counted, top, initial, value)


def _with_start(low: Any, found: Any, counted: Any, top: Any, initial: Any, value: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The same, where the extremum may be that of a mask or the element to start from."""
    n, hit = np.asarray(value[1]), None
    if initial is not None:
        same = masks(low, CODES["same"], [initial, top], np.empty(n.shape, bool))
        if same is None:
            return None
        share = low.elementwise(OPS["copy"], [same], n.shape, n.dtype)
        counted = low.elementwise(OPS["add"], [counted, share], n.shape, n.dtype)
        hit = low.moved(low.elementwise(OPS["div"], [share, counted], n.shape, n.dtype), lambda a: a.reshape(np.shape(value[2])))
    return found, low.elementwise(OPS["maximum"], [counted, 1.0], n.shape, n.dtype), hit


# ---- conversions and shapes ----


@called(("method", "astype"), np.float64, np.float32)
def _converted(low: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: np.ndarray) -> Any:
    """A plain value as floating-point numbers or truth values."""
    if kwargs or value.dtype not in (*FLOATS, BOOL) or not isinstance(args[0], (View, Ids, Scalar)):
        return None
    return masks(low, OPS["ne"], [args[0], 0.0], value) if value.dtype == BOOL else converted(low, args[0], value)


def converted(low: Any, x: Any, value: np.ndarray) -> Any:
    """An array in another dtype."""
    kind = low.dtype_of(x)
    if kind not in NATIVE:
        return None
    if value.dtype == np.float64 or kind in (BOOL, np.float32) or value.size <= low.small:
        return low.elementwise(OPS["copy"], [x], value.shape, value.dtype)
    out = low.new_value(value.shape, value.dtype)  # through memory: in a region of double precision nothing rounds to single precision
    low.add(Assemble(out, [(whole(out), low.spread(x, value.shape))]))
    return whole(out)


@called(np.broadcast_to)
def _broadcast(low: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: np.ndarray) -> Any:
    if kwargs or len(args) != 2 or not isinstance(args[0], (View, Ids)) or low.exact:
        return None
    return low.moved(args[0], lambda a: np.broadcast_to(a, value.shape))


@called(operator.getitem)
def _element(low: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: np.ndarray) -> Any:
    """Elements at fixed places, as a view."""
    x, index = args
    return low.moved(x, lambda a: np.asarray(a[index])) if isinstance(x, (View, Ids)) and basic(index) and not low.exact else None


@called(np.any, ("method", "any"))
def _any(low: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: np.ndarray) -> Any:
    """Whether a mask is true somewhere: the sum of its ones is not zero, which is cheaper to compute than an extremum."""
    options = {**dict(zip(("axis",), args[1:], strict=False)), **kwargs}
    if not _is_mask(low, args[0]) or len(args) > 2 or options.keys() - {"axis", "keepdims"} or low.exact:
        return None
    if low.holds_recorded(options) or isinstance(options.get("axis"), list):
        return None
    ones = low.elementwise(OPS["copy"], [args[0]], args[0].shape, float)
    count = reduce(low, "sum", ones, options.get("axis"), bool(options.get("keepdims")), np.zeros(value.shape))
    return masks(low, OPS["ne"], [count, 0.0], value)


@called(np.all, ("method", "all"))
def _all(low: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: np.ndarray) -> Any:
    """Whether a mask is false nowhere."""
    if not _is_mask(low, args[0]):
        return None
    found = _any(low, (masks(low, CODES["not"], [args[0]], np.empty(args[0].shape, bool)), *args[1:]), kwargs, value)
    return None if found is None else masks(low, CODES["not"], [found], value)


def _is_mask(low: Any, x: Any) -> bool:
    return isinstance(x, (View, Ids)) and x.dtype == BOOL and bool(size_of(x.shape))


@called((np.add, "reduce"))
def _counted(low: Any, args: tuple[Any, ...], kwargs: dict[str, Any], value: np.ndarray) -> Any:
    """How many elements of a mask are true: a count is the same in every order."""
    if len(args) != 1 or kwargs.keys() - {"axis", "dtype", "keepdims"} or value.dtype not in FLOATS or low.exact or low.dtype_of(args[0]) != BOOL:
        return None
    ones = low.elementwise(OPS["copy"], [args[0]], args[0].shape, value.dtype)
    return reduce(low, "sum", ones, kwargs.get("axis", 0), bool(kwargs.get("keepdims")), value)
