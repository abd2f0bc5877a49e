"""Small products and the like in the scalar graph: the implementation itself, run by NumPy on arrays of symbols."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import OPS
from .ir import FLOATS, Ids, size_of
from .lower_calls import PRIMITIVES, primitive

# The most multiplications that are written out.
WORK = 4096


class Symbol:
    """A scalar node of the graph with the arithmetic that NumPy's object loops use."""

    __slots__ = ("low", "node")

    def __init__(self, low: Any, node: int) -> None:
        self.low, self.node = low, node

    def _apply(self, op: str, left: Any, right: Any) -> Symbol:
        a, b = (x.node if isinstance(x, Symbol) else int(self.low.graph.constants(np.array(float(x)), self.low.symbol_flags)) for x in (left, right))
        low = self.low
        return Symbol(low, int(low.graph.apply(OPS[op], low.symbol_flags, np.array(a, np.int32), np.array(b, np.int32))))

    def __add__(self, other: Any) -> Symbol:
        return self if _is(other, 0.0) else self._apply("add", self, other)

    def __radd__(self, other: Any) -> Symbol:
        return self if _is(other, 0.0) else self._apply("add", other, self)

    def __sub__(self, other: Any) -> Symbol:
        return self._apply("sub", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return self._apply("sub", other, self)

    def __mul__(self, other: Any) -> Symbol:
        return self if _is(other, 1.0) else self._apply("mul", self, other)

    def __rmul__(self, other: Any) -> Symbol:
        return self if _is(other, 1.0) else self._apply("mul", other, self)

    def __neg__(self) -> Symbol:
        low = self.low
        return Symbol(low, int(low.graph.apply(OPS["neg"], low.symbol_flags, np.array(self.node, np.int32))))

    def conjugate(self) -> Symbol:
        return self


def _is(x: Any, number: float) -> bool:
    return not isinstance(x, Symbol) and x == number


@primitive("cross", "dot", "matmul", "inner", "outer", "vdot", "vecdot", "matvec", "vecmat", "tensordot", "cumsum", "cumprod", "diff", "trace",
           "multi_dot", "convolve", "correlate", "vander", "on_diagonal", "kron", "tril", "triu", "repeat")
def symbolic(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    """The result in scalar nodes; None where it is too large, or NumPy's implementation does not take symbols."""
    if value.dtype not in FLOATS or low.holds_recorded(params) or low.exact or any(not low.numeric(x) for x in operands):
        return None
    simple = [low.simple(x) for x in operands]
    sizes = [size_of(getattr(x, "shape", ())) for x in simple]
    if value.size > low.small or max(sizes) > max(low.small, 64) or value.size * max(sizes) > WORK:
        return None
    low.symbol_flags = low.flags(value.dtype)
    try:
        out = np.asarray(low.prim.impl(*[_symbols(low, x, value.dtype) for x in simple], **params))
    except (TypeError, ValueError, AttributeError):
        return None
    if out.shape != value.shape:
        return None
    nodes = [x.node if isinstance(x, Symbol) else int(low.graph.constants(np.array(float(x)), low.symbol_flags)) for x in out.reshape(-1)]
    return Ids(np.array(nodes, np.int32).reshape(value.shape), value.dtype)


_contraction = PRIMITIVES["einsum"]


@primitive("einsum")
def _einsum(low: Any, operands: list[Any], params: dict[str, Any], value: np.ndarray) -> Any:
    out = symbolic(low, operands, params, value)
    return _contraction(low, operands, params, value) if out is None else out


def _symbols(low: Any, x: Any, dtype: Any) -> Any:
    """An operand as an object array of symbols; constants stay numbers."""
    if isinstance(x, np.ndarray):
        return x.astype(object)
    if hasattr(x, "number"):
        return np.full(x.shape, x.number).astype(object)
    nodes = low.nodes_of_any(x, dtype)
    out = np.empty(nodes.shape, object)
    for at in np.ndindex(*nodes.shape):
        out[at] = Symbol(low, int(nodes[at]))
    return out
