"""Products of two arrays: dot, matmul and their relatives."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..primitive import Direct, Primitive, implements
from ._matrix import adjoint, align, conj, operand, sum_to, transpose
from ._util import lead, ndim, neg_axis, reshape, shape, size, widen

# ---- matmul ----


def _matrices(a: Any, b: Any) -> tuple[Any, Any]:
    """Both operands as (stacked) matrices: a vector on the left is a row, on the right a column."""
    a = reshape(a, (1, *shape(a))) if ndim(a) == 1 else a
    return a, reshape(b, (*shape(b), 1)) if ndim(b) == 1 else b


def _matmul_jvp(i: int, t: Any, ans: Any, a: Any, b: Any) -> Any:
    if not lead(t, b if i else a):
        return np.matmul(a, t) if i else np.matmul(t, b)
    na, nb, seeds = ndim(a), ndim(b), shape(t)[:1]
    if i == 0 and na <= 2 and nb <= 2:
        return np.matmul(t, b)
    if i == 1 and na <= 2 and nb == 1:
        return np.matmul(t, transpose(a) if na == 2 else a)
    whole = _matrices(a, b)
    n = max(ndim(whole[0]), ndim(whole[1]))
    t = align(reshape(t, seeds + shape(whole[i])), whole[i], n)
    r = np.matmul(whole[0], t) if i else np.matmul(t, whole[1])
    return reshape(r, seeds + shape(ans))


def _matmul_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    na, nb = ndim(a), ndim(b)
    if na == 2 and nb == 2:
        return np.matmul(adjoint(a), g) if i else np.matmul(g, adjoint(b))
    if na <= 2 and nb == 1:
        return _vector_vjp(i, g, a, b)
    return _stacked_vjp(i, g, ans, a, b)


def _vector_vjp(i: int, g: Any, a: Any, b: Any) -> Any:
    """Matrix times vector, or vector times vector."""
    if i and ndim(a) == 2:
        return np.matmul(g, conj(a))
    s, other = shape(g), conj(a if i else b)
    return reshape(g, (*s, 1)) * other if s else g * other


def _stacked_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    """Any combination of vectors and stacks of matrices."""
    seeds, to = shape(g)[: lead(g, ans)], shape(b if i else a)
    a, b = _matrices(a, b)
    (*sa, n, k), (*sb, _, m) = shape(a), shape(b)
    stack = np.broadcast_shapes(tuple(sa), tuple(sb))
    if i and not sb:  # one product over all rows instead of a stack of products and their sum
        rows = n * prod(sa)
        return reshape(np.matmul(adjoint(reshape(a, (rows, k))), reshape(g, (*seeds, rows, m))), seeds + to)
    g = reshape(g, (*seeds, *stack, n, m))
    if i:
        r = sum_to(np.matmul(adjoint(a), g), shape(b), (*stack, k, m))
    else:
        r = sum_to(np.matmul(g, adjoint(b)), shape(a), (*stack, n, k))
    return reshape(r, seeds + to)


matmul_p = Primitive("matmul", np.matmul, _matmul_jvp, _matmul_vjp)

# ---- dot, inner, tensordot: sums over chosen axes of both, the free axes of the one before those of the other ----


def _free(n: int, summed: tuple[int, ...]) -> tuple[int, ...]:
    """The axes (counted from the end) that are not summed."""
    return tuple(k for k in range(-n, 0) if k not in summed)


def _contract_jvp(i: int, t: Any, a: Any, b: Any, ia: tuple[int, ...], ib: tuple[int, ...]) -> Any:
    if i == 0:
        return np.tensordot(t, b, (ia, ib))
    r = np.tensordot(a, t, (ia, ib))
    return np.moveaxis(r, ndim(a) - len(ia), 0) if lead(t, b) else r


def _contract_vjp(i: int, g: Any, ans: Any, a: Any, b: Any, ia: tuple[int, ...], ib: tuple[int, ...]) -> Any:
    na, nb, seeds = ndim(a), ndim(b), lead(g, ans)
    if i == 0:
        fb = _free(nb, ib)
        r = np.tensordot(g, conj(b), (tuple(range(-len(fb), 0)), fb))
        order = _free(na, ia) + tuple(ia[ib.index(k)] for k in sorted(ib))
    else:
        fa = _free(na, ia)
        r = np.tensordot(conj(a), g, (fa, tuple(range(seeds, seeds + len(fa)))))
        if seeds:
            r = np.moveaxis(r, len(ia), 0)
        order = tuple(ib[ia.index(k)] for k in sorted(ia)) + _free(nb, ib)
    n = len(order)
    back = tuple(seeds + order.index(k) for k in range(-n, 0))
    return r if back == tuple(range(seeds, seeds + n)) else np.transpose(r, (*range(seeds), *back))


def _scaled_jvp(i: int, t: Any, a: Any, b: Any) -> Any:
    """Product with a scalar (an array without axes)."""
    other, x = (a, b) if i else (b, a)
    return widen(t, x, max(ndim(x), ndim(other))) * other


def _scaled_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    x, other = (b, a) if i else (a, b)
    return sum_to(g * conj(other), shape(x), shape(ans))


def _product_rules(last: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Rules of dot (`last` = -2) and inner (`last` = -1): the axis of a matrix on the right that is summed."""

    def jvp(i: int, t: Any, ans: Any, a: Any, b: Any) -> Any:
        na, nb = ndim(a), ndim(b)
        if not na or not nb:
            return _scaled_jvp(i, t, a, b)
        if na <= 2 and (nb == 1 or (nb == 2 and last == -2)):
            return _matmul_jvp(i, t, ans, a, b)
        return _contract_jvp(i, t, a, b, (-1,), (max(last, -nb),))

    def vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
        na, nb = ndim(a), ndim(b)
        if na == 2 and nb == 2 and last == -2:
            return np.matmul(adjoint(a), g) if i else np.matmul(g, adjoint(b))
        if not na or not nb:
            return _scaled_vjp(i, g, ans, a, b)
        if na <= 2 and nb == 1:
            return _vector_vjp(i, g, a, b)
        return _contract_vjp(i, g, ans, a, b, (-1,), (max(last, -nb),))

    return jvp, vjp


dot_p = Primitive("dot", np.dot, *_product_rules(-2))
inner_p = Primitive("inner", np.inner, *_product_rules(-1))


@implements(np.dot, direct=Direct(dot_p, 2))
def dot(a: Any, b: Any) -> Any:
    return dot_p(operand(a), operand(b))


@implements(np.inner, direct=Direct(inner_p, 2))
def inner(a: Any, b: Any) -> Any:
    return inner_p(operand(a), operand(b))


tensordot_p = Primitive(
    "tensordot",
    lambda a, b, ia, ib: np.tensordot(a, b, (ia, ib)),
    lambda i, t, ans, a, b, ia, ib: _contract_jvp(i, t, a, b, ia, ib),
    _contract_vjp,
)


def _tensordot_axes(a: Any, b: Any, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    try:
        iter(axes)
    except TypeError:
        n = int(axes)
        ia, ib = range(-n, 0), range(n)
    else:
        ia, ib = ((k,) if np.ndim(k) == 0 else tuple(k) for k in axes)
    if len(ia) != len(ib):
        raise ValueError("shape-mismatch for sum")
    return tuple(neg_axis(int(k), ndim(a)) for k in ia), tuple(neg_axis(int(k), ndim(b)) for k in ib)


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = operand(a), operand(b)
    ia, ib = _tensordot_axes(a, b, axes)
    return tensordot_p(a, b, ia=ia, ib=ib)


# ---- vdot, outer, kron ----


def _vdot_jvp(i: int, t: Any, ans: Any, a: Any, b: Any) -> Any:
    if not lead(t, b if i else a):
        return np.vdot(a, t) if i else np.vdot(t, b)
    rows = reshape(t, (shape(t)[0], size(b if i else a)))
    return np.matmul(rows, conj(np.ravel(a))) if i else np.matmul(conj(rows), np.ravel(b))


def _vdot_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    x, other = (b, a) if i else (a, b)
    g = reshape(g if i else conj(g), (*shape(g), 1)) * np.ravel(other)
    return reshape(g, shape(g)[:-1] + shape(x))


vdot_p = Primitive("vdot", np.vdot, _vdot_jvp, _vdot_vjp)


@implements(np.vdot, direct=Direct(vdot_p, 2))
def vdot(a: Any, b: Any, /) -> Any:
    return vdot_p(operand(a), operand(b))


def _outer_jvp(i: int, t: Any, ans: Any, a: Any, b: Any) -> Any:
    n, m = shape(ans)
    seeds = shape(t)[: lead(t, b if i else a)]
    if i == 0:
        return reshape(t, (*seeds, n, 1)) * np.ravel(b)
    return reshape(t, (*seeds, 1, m)) * reshape(a, (n, 1))


def _outer_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    r = np.matmul(conj(np.ravel(a)), g) if i else np.matmul(g, conj(np.ravel(b)))
    return reshape(r, shape(r)[:-1] + shape(b if i else a))


def _outer_impl(a: Any, b: Any) -> Any:
    if type(a) is np.ndarray and type(b) is np.ndarray:
        return np.multiply(a.reshape(-1, 1), b.reshape(-1))  # as NumPy does, without its way there
    return np.outer(a, b)


outer_p = Primitive("outer", _outer_impl, _outer_jvp, _outer_vjp)


@implements(np.outer, direct=Direct(outer_p, 2))
def outer(a: Any, b: Any) -> Any:
    return outer_p(operand(a), operand(b))


@implements(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    x1, x2 = operand(x1), operand(x2)
    if ndim(x1) != 1 or ndim(x2) != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are x1.ndim={ndim(x1)} and x2.ndim={ndim(x2)}.")
    return outer_p(x1, x2)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    """One multiplication an entry, as in NumPy, so that the value is the same bit for bit."""
    a, b = operand(a), operand(b)
    n = max(ndim(a), ndim(b))
    sa, sb = (1,) * (n - ndim(a)) + shape(a), (1,) * (n - ndim(b)) + shape(b)
    if not n:
        return np.multiply(a, b)
    left = reshape(a, tuple(k for p in sa for k in (p, 1)))
    right = reshape(b, tuple(k for q in sb for k in (1, q)))
    return reshape(np.multiply(left, right), tuple(p * q for p, q in zip(sa, sb, strict=True)))
