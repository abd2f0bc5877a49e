"""Linear systems and inverses: solve, inv, pinv, det, slogdet, lstsq and their tensor forms."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .._core import value
from ..primitive import Direct, Primitive, implements
from ._matrix import (
    adjoint,
    align,
    as_diagonal,
    conj,
    floating,
    hermitian_from,
    matvec,
    sum_to,
    to_triangle,
)
from ._util import dtype, lead, ndim, reshape, shape

# ---- solve ----


def _solve_columns(a: Any, c: Any, vector: bool, seeds: int) -> Any:
    """``a^-1 c`` for columns `c` with or without a seed axis; one factorisation serves all seeds."""
    if vector:
        c = reshape(c, (*shape(c), 1))
    if not seeds:
        r = np.linalg.solve(a, c)
    else:  # the seeds become further columns
        s, m = shape(c)[0], shape(c)[-1]
        wide = np.moveaxis(c, 0, -1)
        r = np.linalg.solve(a, reshape(wide, (*shape(wide)[:-2], m * s)))
        r = np.moveaxis(reshape(r, (*shape(r)[:-1], m, s)), -1, 0)
    return reshape(r, shape(r)[:-1]) if vector else r


def _solve_jvp(i: int, t: Any, ans: Any, a: Any, b: Any) -> Any:
    vector, seeds = ndim(b) == 1, lead(t, b if i else a)
    if i == 1:
        t = t if vector else align(t, b, ndim(ans))
        if vector and ndim(a) > 2 and seeds:
            t = reshape(t, shape(t)[:1] + (1,) * (ndim(a) - 2) + shape(t)[1:])
        return _solve_columns(a, t, vector, seeds)
    t = align(t, a, ndim(ans) + vector)
    moved = matvec(t, ans) if vector else np.matmul(t, ans)
    return -_solve_columns(a, moved, vector, seeds)


def _solve_vjp(i: int, g: Any, ans: Any, a: Any, b: Any) -> Any:
    vector = ndim(b) == 1
    r = _solve_columns(adjoint(a), g, vector, lead(g, ans))
    if i == 1:
        return sum_to(r, shape(b), shape(ans))
    if vector:
        moved = reshape(r, (*shape(r), 1)) * reshape(conj(ans), (*shape(ans)[:-1], 1, shape(ans)[-1]))
    else:
        moved = np.matmul(r, adjoint(ans))
    stack = shape(ans)[: -1 if vector else -2]
    return -sum_to(moved, shape(a), stack + shape(a)[-2:])


solve_p = Primitive("solve", np.linalg.solve, _solve_jvp, _solve_vjp)


@implements(np.linalg.solve, direct=Direct(solve_p, 2))
def solve(a: Any, b: Any) -> Any:
    return solve_p(floating(a), floating(b))


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = floating(a), floating(b)
    if axes is not None:
        order = list(range(ndim(a)))
        for k in axes:
            order.remove(k)
            order.insert(ndim(a), k)
        a = np.transpose(a, order)
    to = shape(a)[-(ndim(a) - ndim(b)) :]
    n = prod(to)
    if prod(shape(a)) != n**2:
        raise np.linalg.LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])")
    return reshape(solve_p(reshape(a, (n, n)), reshape(b, (n,))), to)


# ---- inv ----


def _inv_jvp(i: int, t: Any, ans: Any, a: Any) -> Any:
    return -np.matmul(np.matmul(ans, t), ans)


def _inv_vjp(i: int, g: Any, ans: Any, a: Any) -> Any:
    back = adjoint(ans)
    return -np.matmul(np.matmul(back, g), back)


inv_p = Primitive("inv", np.linalg.inv, _inv_jvp, _inv_vjp)


@implements(np.linalg.inv, direct=Direct(inv_p, 1))
def inv(a: Any) -> Any:
    return inv_p(floating(a))


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    a, s = floating(a), shape(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    n = prod(s[ind:])
    return reshape(inv_p(reshape(a, (n, -1))), s[ind:] + s[:ind])


# ---- pinv: Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973), for perturbations that keep the rank ----


def _minus(x: Any) -> Any:
    """``I - x`` for square `x`."""
    return as_diagonal(np.ones(shape(x)[-1], dtype(x))) - x


def _pinv_jvp(i: int, t: Any, p: Any, a: Any, hermitian: bool, **cut: Any) -> Any:
    if hermitian:
        a, t = hermitian_from(a), hermitian_from(t)
    th, ph = adjoint(t), adjoint(p)
    left = np.matmul(np.matmul(p, ph), np.matmul(th, _minus(np.matmul(a, p))))
    right = np.matmul(np.matmul(_minus(np.matmul(p, a)), th), np.matmul(ph, p))
    return left + right - np.matmul(np.matmul(p, t), p)


def _pinv_vjp(i: int, g: Any, p: Any, a: Any, hermitian: bool, **cut: Any) -> Any:
    if hermitian:
        a = hermitian_from(a)
    gh, ph = adjoint(g), adjoint(p)
    left = np.matmul(_minus(np.matmul(a, p)), np.matmul(gh, np.matmul(p, ph)))
    right = np.matmul(np.matmul(ph, p), np.matmul(gh, _minus(np.matmul(p, a))))
    r = left + right - np.matmul(np.matmul(ph, g), ph)
    return to_triangle(r) if hermitian else r


pinv_p = Primitive("pinv", lambda a, hermitian, **cut: np.linalg.pinv(a, hermitian=hermitian, **cut), _pinv_jvp, _pinv_vjp)


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    cut = {} if rtol is np._NoValue else {"rtol": value(rtol)}
    if rcond is not None:
        cut["rcond"] = value(rcond)
    return pinv_p(floating(a), hermitian=hermitian, **cut)
