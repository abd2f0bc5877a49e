"""Functions of SciPy whose derivatives would lose digits in the textbook formula: every order computed directly.

The error function's scaled relatives, ``(exp(x) - 1) / x``, ``log(1 + u) / u`` and the complete elliptic integrals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ._scipy import derivatives
from .special import quadrature

_NODES, _WEIGHTS = quadrature()


def _wide(x: Any) -> Any:
    """An operand in double precision, and the type that the result has."""
    x = np.asarray(x)
    kind = x.dtype if x.dtype.kind in "fc" else np.dtype(float)
    return x.astype(np.result_type(kind, float)), kind


def _piecewise(x: Any, inside: Any, near: Callable[[Any], Any], far: Callable[[Any], Any]) -> Any:
    """``near(x)`` where `inside`, elsewhere ``far(x)``, each computed only where it is wanted."""
    out = np.empty(x.shape, x.dtype)
    with np.errstate(all="ignore"):
        out[inside], out[~inside] = near(x[inside]), far(x[~inside])
    return out


# ---- erfcx: E' = 2 x E - 2 / sqrt(pi), then E_(n+1) = 2 x E_n + 2 n E_(n-1) ----

_TERMS = 250


def _erfcx_forward(x: Any, order: int) -> Any:
    """The recurrence: no cancellation for x < 0, little below 1."""
    before, e = special.erfcx(x), 2 * x * special.erfcx(x) - 2 / math.sqrt(math.pi)
    for n in range(1, order):
        before, e = e, 2 * x * e + 2 * n * before
    return e


def _erfcx_fraction(x: Any, order: int) -> Any:
    """The continued fraction of E_n / E_(n-1): for x >= 1 erfcx is the recurrence's minimal solution."""
    last = order + _TERMS
    r, out = x - np.sqrt(x * x + 2 * last), special.erfcx(x)
    for n in range(last - 1, 0, -1):
        if n >= order:
            r = 2 * n / (r - 2 * x)
        else:
            out, r = out * r, 2 * n / (r - 2 * x)
    return out * r


def _erfcx_impl(x: Any, order: int) -> Any:
    if order == 0:
        return special.erfcx(x)
    x, kind = _wide(x)
    small = np.full(x.shape, True) if kind.kind == "c" else ~(x >= 1)
    out = _piecewise(x, small, lambda x: _erfcx_forward(x, order), lambda x: _erfcx_fraction(x, order))
    return out.astype(kind)[()]


erfcx = derivatives("scipy.special.erfcx", _erfcx_impl)


# ---- dawsn: D' = 1 - 2 x D, then D_(n+1) = -2 x D_n - 2 n D_(n-1) ----


def _dawsn_recurrence(x: Any, order: int) -> Any:
    before, d = special.dawsn(x), 1 - 2 * x * special.dawsn(x)
    for n in range(1, order):
        before, d = d, -2 * x * d - 2 * n * before
    return d


def _dawsn_far(x: Any, order: int) -> Any:
    """The asymptotic series sum_k (2k-1)!! / 2^(k+1) x^-(2k+1), term by term."""
    total: Any = 0.0
    for k in range(30, -1, -1):
        c = math.prod(range(1, 2 * k, 2)) / 2.0 ** (k + 1) * math.prod(range(2 * k + 1, 2 * k + 1 + order))
        total = total + c / x ** (2 * k)
    return (-1.0) ** order * total / x ** (order + 1)


def _dawsn_impl(x: Any, order: int) -> Any:
    if order == 0:
        return special.dawsn(x)
    x, kind = _wide(x)
    near = np.full(x.shape, True) if kind.kind == "c" else ~(np.abs(x) > 6 + 0.5 * order)
    out = _piecewise(x, near, lambda x: _dawsn_recurrence(x, order), lambda x: _dawsn_far(x, order))
    return out.astype(kind)[()]


dawsn = derivatives("scipy.special.dawsn", _dawsn_impl)


# ---- exprel: the integral of exp(x s) over s in [0, 1] ----


def _exprel_far(x: Any, order: int) -> Any:
    e = special.exprel(x)
    for n in range(1, order + 1):
        e = (np.exp(x) - n * e) / x
    return e


def _exprel_impl(x: Any, order: int) -> Any:
    if order == 0:
        return special.exprel(x)
    x, kind = _wide(x)

    def near(x: Any) -> Any:
        return np.sum(np.exp(x[..., None] * _NODES) * (_NODES**order * _WEIGHTS), axis=-1)

    return _piecewise(x, np.abs(x) <= 20 + order, near, lambda x: _exprel_far(x, order)).astype(kind)[()]


exprel = derivatives("scipy.special.exprel", _exprel_impl)


# ---- log(1 + u) / u: the integral of 1 / (1 + u s) over s in [0, 1] ----


def _logrel_far(u: Any, order: int) -> Any:
    found = np.log1p(u) / u
    for n in range(1, order + 1):
        found = ((-1.0) ** (n - 1) * math.factorial(n - 1) / (1 + u) ** n - n * found) / u
    return found


def _logrel_impl(u: Any, order: int) -> Any:
    u, kind = _wide(u)

    def near(u: Any) -> Any:
        return (-1.0) ** order * math.factorial(order) * np.sum(_NODES**order * _WEIGHTS / (1 + u[..., None] * _NODES) ** (order + 1), -1)

    inside = np.abs(u) <= 0.9 if kind.kind == "c" else (u >= -0.9) & (u <= 8)
    return _piecewise(u, inside, near, lambda u: _logrel_far(u, order)).astype(kind)[()]


logrel = derivatives("log1p(u)/u", _logrel_impl)


# ---- ellipk and ellipe, in p = 1 - m: K(m) = pi/2 2F1(1/2, 1/2; 1; m), E(m) = pi/2 2F1(-1/2, 1/2; 1; m) ----


def _rising(a: float, n: int) -> float:
    return math.prod(a + k for k in range(n))


def _hypergeometric(a: float, m: Any, order: int) -> Any:
    """d^n/dm^n of pi/2 2F1(a, 1/2; 1; m)."""
    factor = 0.5 * math.pi * _rising(a, order) * _rising(0.5, order) / math.factorial(order)
    return factor * special.hyp2f1(a + order, 0.5 + order, 1 + order, m)


def _first_kinds(p: Any, order: int) -> list[Any]:
    """K and its derivatives in m up to `order`, from Carlson's integral and Legendre's equation; for m away from 0."""
    m = 1 - p
    found = [special.ellipkm1(p), special.elliprd(0.0, 1.0, p) / 6]
    for n in range(order - 1):
        found.append(((n + 0.5) ** 2 * found[n] - (n + 1) * (1 - 2 * m) * found[n + 1]) / (m * p))
    return found


def _second_kind(p: Any, order: int) -> Any:
    """The n-th derivative of E in m from ``2 m E' = E - K``; for m away from 0."""
    k, e = _first_kinds(p, order), -special.elliprd(0.0, p, 1.0) / 6
    for n in range(1, order):
        e = ((1 - 2 * n) * e - k[n]) / (2 * (1 - p))
    return e


def _elliptic(a: float, far: Callable[[Any, int], Any]) -> Callable[..., Any]:
    def impl(p: Any, order: int) -> Any:
        p, kind = _wide(p)
        sign = (-1.0) ** order
        near = np.abs(1 - p) <= 0.5
        out = _piecewise(p, near, lambda p: sign * _hypergeometric(a, 1 - p, order), lambda p: sign * far(p, order))
        return out.astype(kind)[()]

    return impl


_ellipk_tail = _elliptic(0.5, lambda p, n: _first_kinds(p, n)[n])
_ellipe_tail = _elliptic(-0.5, lambda p, n: _second_kind(p, n))
ellipkm1 = derivatives("scipy.special.ellipkm1", lambda p, order: _ellipk_tail(p, order) if order else special.ellipkm1(p))
ellipe_of_p = derivatives("scipy.special.ellipe", _ellipe_tail)
