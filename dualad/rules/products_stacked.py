"""Products over the last axes of stacks: the matmul family of ufuncs, cross, chains and powers of matrices."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .._core import value
from ..primitive import Direct, Primitive, implements
from ._matrix import adjoint, align, conj, matvec, operand, sum_to, transpose
from ._util import dtype, lead, ndim, reshape, shape
from .products import matmul_p

# ---- vecdot, matvec, vecmat ----


def _column(g: Any) -> Any:
    return reshape(g, (*shape(g), 1))


def _row(g: Any) -> Any:
    return reshape(g, (*shape(g)[:-1], 1, shape(g)[-1]))


def _stacked_jvp(function: Any, core: tuple[int, int]) -> Any:
    """Tangent of a bilinear function: itself, with the stacks aligned so that a seed axis stays in front."""

    def jvp(i: int, t: Any, ans: Any, a: Any, b: Any) -> Any:
        x = b if i else a
        if lead(t, x):
            t = align(t, x, max(ndim(a) - core[0], ndim(b) - core[1]) + core[i])
        return function(a, t) if i else function(t, b)

    return jvp


def _vecdot_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    g = _column(g) if shape(g) else g
    return sum_to(g * a if i else conj(g) * b, shape(b if i else a), shape(ans) + shape(a)[-1:])


def _matvec_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    stack = shape(ans)[:-1]
    if i == 0:
        return sum_to(_column(g) * _row(conj(b)), shape(a), stack + shape(a)[-2:])
    return sum_to(matvec(adjoint(a), g), shape(b), stack + shape(b)[-1:])


def _vecmat_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    stack = shape(ans)[:-1]
    if i == 0:
        return sum_to(matvec(b, conj(g)), shape(a), stack + shape(a)[-1:])
    return sum_to(_column(a) * _row(g), shape(b), stack + shape(b)[-2:])


vecdot_p = Primitive("vecdot", np.vecdot, _stacked_jvp(np.vecdot, (1, 1)), _vecdot_vjp)

# ---- the ufunc calls, with axes=, axis=, keepdims= and dtype= ----


def _to_end(x: Any, axes: Any, core: int) -> Any:
    axes = (axes,) if np.ndim(axes) == 0 else tuple(axes)
    return np.moveaxis(x, axes, tuple(range(-len(axes), 0))) if axes != tuple(range(-core, 0)) else x


def _general(primitive: Primitive, core: tuple[int, int, int], a: Any, b: Any, axes: Any = None, axis: Any = None,
             keepdims: bool = False, dtype: Any = None, **ignored: Any) -> Any:
    """A call with keywords, with the core axes moved to the end; `casting`, `order` and `subok` change no value."""
    if dtype is not None:
        a, b = a.astype(dtype), b.astype(dtype)
    if axis is not None:
        axes = [axis, axis, *([axis] if keepdims else [])]
    if axes is not None:
        a, b = _to_end(a, axes[0], core[0]), _to_end(b, axes[1], core[1])
    r = primitive(a, b)
    if keepdims:
        r = _column(r) if shape(r) else reshape(r, (1,))
    if axes is not None and len(axes) == 3 and axes[2] not in ((), None):
        out = (axes[2],) if np.ndim(axes[2]) == 0 else tuple(axes[2])
        r = np.moveaxis(r, tuple(range(-len(out), 0)), out)
    return r


def _stack_function(primitive: Primitive, core: tuple[int, int, int]) -> Any:
    def handler(a: Any, b: Any, /, **kwargs: Any) -> Any:
        a, b = operand(a), operand(b)
        return _general(primitive, core, a, b, **kwargs) if kwargs else primitive(a, b)

    return handler


matmul = implements(np.matmul, np.linalg.matmul, direct=Direct(matmul_p, 2))(_stack_function(matmul_p, (2, 2, 2)))
vecdot = implements(np.vecdot, direct=Direct(vecdot_p, 2))(_stack_function(vecdot_p, (1, 1, 0)))
if hasattr(np, "matvec"):  # since NumPy 2.2
    matvec_p = Primitive("matvec", np.matvec, _stacked_jvp(np.matvec, (2, 1)), _matvec_vjp)
    vecmat_p = Primitive("vecmat", np.vecmat, _stacked_jvp(np.vecmat, (1, 2)), _vecmat_vjp)
    implements(np.matvec)(_stack_function(matvec_p, (2, 1, 1)))
    implements(np.vecmat)(_stack_function(vecmat_p, (1, 2, 1)))


@implements(np.linalg.vecdot)
def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return vecdot(x1, x2) if axis == -1 else vecdot(x1, x2, axis=axis)


# ---- cross ----


def _three(x: Any) -> Any:
    """Vectors of the plane as vectors of space with a third component of zero."""
    return x if shape(x)[-1] == 3 else np.concatenate((x, np.zeros((*shape(x)[:-1], 1), dtype(x))), axis=-1)


def _cross_jvp(i: int, t: Any, ans: Any, a: Any, b: Any) -> Any:
    x, flat = (b if i else a), shape(a)[-1] == shape(b)[-1] == 2
    t = _three(align(t, x, ndim(ans) + flat))
    r = np.cross(_three(a), t) if i else np.cross(t, _three(b))
    return r[..., 2] if flat else r


def _cross_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    x = b if i else a
    if shape(a)[-1] == shape(b)[-1] == 2:
        g = _column(g) if shape(g) else reshape(g, (1,))
        g = np.concatenate((np.zeros((*shape(g)[:-1], 2), dtype(g)), g), axis=-1)
        full = shape(ans)
    else:
        full = shape(ans)[:-1]
    r = np.cross(g, _three(conj(a))) if i else np.cross(_three(conj(b)), g)
    n = shape(x)[-1]
    return sum_to(r if n == 3 else r[..., :2], shape(x), (*full, n))


cross_p = Primitive("cross", np.cross, _cross_jvp, _cross_vjp)


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = operand(a), operand(b)
    axisa, axisb = normalize_axis_index(axisa, ndim(a), "axisa"), normalize_axis_index(axisb, ndim(b), "axisb")
    r = cross_p(_to_end(a, axisa - ndim(a), 1), _to_end(b, axisb - ndim(b), 1))
    return r if axisc == -1 or ndim(r) < 2 else np.moveaxis(r, -1, axisc)


@implements(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = operand(x1), operand(x2)
    if shape(x1)[axis] != 3 or shape(x2)[axis] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors, "
                         f"but they are {shape(x1)[axis]} and {shape(x2)[axis]} dimensional instead.")
    return cross(x1, x2, axis=axis)


# ---- chains and powers of matrices ----


def _chain(parts: Any) -> Any:
    return parts[0] if len(parts) == 1 else np.linalg.multi_dot(parts)


def _as_matrices(arrays: Any) -> list[Any]:
    """The first array, if a vector, as a row, the last as a column."""
    out = list(arrays)
    if ndim(out[0]) == 1:
        out[0] = reshape(out[0], (1, *shape(out[0])))
    if ndim(out[-1]) == 1:
        out[-1] = reshape(out[-1], (*shape(out[-1]), 1))
    return out


def _multi_dot_jvp(i: int, t: Any, ans: Any, *arrays: Any) -> Any:
    seeds = shape(t)[: lead(t, arrays[i])]
    if not seeds:
        return np.linalg.multi_dot([*arrays[:i], t, *arrays[i + 1 :]])
    arrays = _as_matrices(arrays)
    r = reshape(t, seeds + shape(arrays[i]))
    if i:
        r = np.matmul(_chain(arrays[:i]), r)
    if i + 1 < len(arrays):
        r = np.matmul(r, _chain(arrays[i + 1 :]))
    return reshape(r, seeds + shape(ans))


def _multi_dot_vjp(i: int, g: Any, ans: Any, *arrays: Any) -> Any:
    seeds, to = shape(g)[: lead(g, ans)], shape(arrays[i])
    arrays = _as_matrices(arrays)
    r = reshape(g, (*seeds, shape(arrays[0])[0], shape(arrays[-1])[1]))
    if i:
        r = np.matmul(adjoint(_chain(arrays[:i])), r)
    if i + 1 < len(arrays):
        r = np.matmul(r, adjoint(_chain(arrays[i + 1 :])))
    return reshape(r, seeds + to)


multi_dot_p = Primitive("multi_dot", lambda *arrays: np.linalg.multi_dot(arrays), _multi_dot_jvp, _multi_dot_vjp)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Any:
    return multi_dot_p(*(operand(x) for x in arrays))


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """NumPy's own sequence of products (binary powers), so that the value is the same bit for bit."""
    a, n = operand(a), _index(n)
    if ndim(a) < 2 or shape(a)[-1] != shape(a)[-2]:
        return np.linalg.matrix_power(value(a), n)  # the error that NumPy raises
    if n == 0:
        return np.broadcast_to(np.eye(shape(a)[-1], dtype=dtype(a)), shape(a)).copy()
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 3:
        return np.matmul(np.matmul(a, a), a)
    power = result = None
    while n:
        power = a if power is None else np.matmul(power, power)
        n, bit = divmod(n, 2)
        if bit:
            result = power if result is None else np.matmul(result, power)
    return +result if result is a else result


def _index(n: Any) -> int:
    try:
        return index(n)
    except TypeError as e:
        raise TypeError("exponent must be an integer") from e


# ---- the array-API spellings ----


@implements(np.linalg.diagonal)
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return np.diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return np.trace(x, offset, -2, -1, dtype)


@implements(np.linalg.matrix_transpose)
def linalg_matrix_transpose(x: Any, /) -> Any:
    if ndim(x) < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {ndim(x)}")
    return transpose(x)
