"""Functions that NumPy writes in Python and whose derivatives need care: sinc and the Bessel function i0."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..primitive import Primitive, implements
from ._matrix import conj, floating


def gaussian(x: Any) -> Any:
    """``2 exp(-x**2) / sqrt(pi)``, the derivative of the error function."""
    return (2 / math.sqrt(math.pi)) * np.exp(-x * x)


# ---- i0: d^m/dx^m I0(x) is the mean over the circle of cos(a)^m exp(x cos(a)), of which the even or odd part in x remains ----


def _bessel_impl(x: Any, order: int) -> Any:
    """The mean by the midpoint rule, which converges geometrically; every term has the same sign, so no digits are lost."""
    if order == 0:
        return np.i0(x)
    x = np.asarray(x)
    n = 24 + order + int(6 * np.sqrt(np.abs(x, where=np.isfinite(x), out=np.zeros(x.shape)).max(initial=0)))
    c = np.cos((np.arange(n) + 0.5) * (np.pi / (2 * n)))
    z = x.astype(float)[..., None] * c
    with np.errstate(over="ignore", invalid="ignore"):
        return np.mean(c**order * (np.sinh(z) if order % 2 else np.cosh(z)), axis=-1).astype(x.dtype)[()]


def _bessel_rule(i: int, t: Any, ans: Any, x: Any, order: int) -> Any:
    return t * bessel_p(x, order=order + 1)


bessel_p = Primitive("i0", _bessel_impl, _bessel_rule, _bessel_rule)


@implements(np.i0)
def i0(x: Any) -> Any:
    return bessel_p(floating(x), order=0)


# ---- sinc: the integral of cos(pi x s) over s in [0, 1], differentiated under the integral ----

_SERIES_WITHIN = 4.0


@lru_cache(maxsize=1)
def quadrature() -> tuple[Any, Any]:
    """Nodes and weights on [0, 1]; made when wanted, for NumPy imports its polynomials then."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    return 0.5 * (nodes + 1), 0.5 * weights


def _quarter_turns(z: Any, m: int) -> Any:
    """``cos(z + m pi/2)``, exactly zero where it is."""
    r = np.sin(z) if m % 2 else np.cos(z)
    return -r if m % 4 in (1, 2) else r


def _sinc_impl(x: Any, order: int) -> Any:
    """Near zero by quadrature, elsewhere by the recurrence ``x s_m + m s_(m-1) = pi^(m-1) sin(pi x + m pi/2)``."""
    if order == 0:
        return np.sinc(x)
    x = np.asarray(x)
    wide = x.astype(complex if x.dtype.kind == "c" else float)
    near = np.abs(wide) <= _SERIES_WITHIN + order
    far = np.where(near, 1.0, wide)
    s = np.sinc(far)
    for m in range(1, order + 1):
        s = (np.pi ** (m - 1) * _quarter_turns(np.pi * far, m - 1) - m * s) / far
    nodes, weights = quadrature()
    inner = np.where(near, wide, 0.0)[..., None] * (np.pi * nodes)
    close = np.sum(_quarter_turns(inner, order) * ((np.pi * nodes) ** order * weights), axis=-1)
    return np.where(near, close, s).astype(x.dtype)[()]


sinc_p = Primitive(
    "sinc",
    _sinc_impl,
    lambda i, t, ans, x, order: t * sinc_p(x, order=order + 1),
    lambda i, g, ans, x, order: g * conj(sinc_p(x, order=order + 1)),
)


@implements(np.sinc)
def sinc(x: Any) -> Any:
    return sinc_p(floating(x), order=0)
