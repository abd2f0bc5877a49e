"""Rules of the functions of `scipy.special` that are written in Python, which NumPy's dispatch does not reach.

The hook puts these in their place for the calls of users' code. Values are SciPy's own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from .._core import FUNCTIONS as HANDLERS
from .._core import pack, smul, value
from ..errors import NoRuleError
from ..primitive import Primitive
from . import scipy_special  # noqa: F401 - the functions below call its ufuncs
from ._matrix import floating
from ._packing import Packing
from ._scipy import elementwise, require_plain
from ._util import conj, constant, expand, is_complex, ndim, neg_axes, reshape, shape
from .scipy_gamma import polygamma as polygamma_p

# ---- logsumexp ----


def _lse(args: tuple[Any, ...], axis: tuple[int, ...], return_sign: bool) -> Any:
    """SciPy's function, which takes an empty array with a single axis only."""
    b = args[1] if len(args) > 1 else None
    return special.logsumexp(args[0], axis=axis[0] if len(axis) == 1 else axis, b=b, return_sign=return_sign)


def _lse_impl(*args: Any, axis: tuple[int, ...], return_sign: bool) -> Any:
    return _lse(args, axis, True)[0] if return_sign else _lse(args, axis, False)


def _lse_weight(i: int, ans: Any, args: tuple[Any, ...], axis: tuple[int, ...], return_sign: bool) -> Any:
    """The partial in element `i` of (a, b): that of the sum of b exp(a), over the sum."""
    w = np.exp(args[0] - expand(ans, axis))
    if len(args) > 1 and i == 0:
        w = smul(args[1], w)
    return w * expand(_lse_sign(*args, axis=axis), axis) if return_sign else w


@constant
def _lse_sign(*args: Any, axis: tuple[int, ...]) -> Any:
    return _lse(args, axis, True)[1]


logsumexp_p = Primitive(
    "scipy.special.logsumexp",
    _lse_impl,
    lambda i, t, ans, *args, axis, return_sign: np.sum(smul(t, _lse_weight(i, ans, args, axis, return_sign)), axis=axis),
    lambda i, g, ans, *args, axis, return_sign: smul(expand(g, axis), conj(_lse_weight(i, ans, args, axis, return_sign))),
)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    args = [floating(x) for x in (a, b) if x is not None]
    if return_sign and any(is_complex(x) for x in args):
        raise NoRuleError("scipy.special.logsumexp with return_sign=True has no derivative rule for complex values")
    to = np.broadcast_shapes((1,), *map(shape, args))
    args = [x if shape(x) == to else np.broadcast_to(x, to) for x in args]
    axes = neg_axes(axis, len(to))
    out = logsumexp_p(*args, axis=axes, return_sign=return_sign)
    sign = _lse_sign(*args, axis=axes) if return_sign else None
    if keepdims:
        out, sign = expand(out, axes), expand(sign, axes) if return_sign else None
    return (out, sign) if return_sign else out


# ---- softmax ----


def _softmax_product(s: Any, t: Any, axis: tuple[int, ...]) -> Any:
    st = smul(t, s)
    return st - s * np.sum(st, axis=axis, keepdims=True)


softmax_p = Primitive(
    "scipy.special.softmax",
    lambda x, axis: special.softmax(x, axis=axis),
    lambda i, t, ans, x, axis: _softmax_product(ans, t, axis),
    lambda i, g, ans, x, axis: _softmax_product(conj(ans), g, axis),
)
log_softmax_p = Primitive(
    "scipy.special.log_softmax",
    lambda x, axis: special.log_softmax(x, axis=axis),
    lambda i, t, ans, x, axis: t - np.sum(smul(t, np.exp(ans)), axis=axis, keepdims=True),
    lambda i, g, ans, x, axis: g - conj(np.exp(ans)) * np.sum(g, axis=axis, keepdims=True),
)


def softmax(x: Any, axis: Any = None) -> Any:
    x = floating(x)
    return softmax_p(x, axis=neg_axes(axis, ndim(x)))


def log_softmax(x: Any, axis: Any = None) -> Any:
    x = floating(x)
    return log_softmax_p(x, axis=neg_axes(axis, ndim(x)))


# ---- gamma and its like ----


def _multigamma_slope(ans: Any, a: Any, d: Any) -> Any:
    return sum(special.psi(a - 0.5 * j) for j in range(int(d)))


multigamma_p = elementwise("scipy.special.multigammaln", lambda a, d: special.multigammaln(a, d), _multigamma_slope)
factorial_p = elementwise(
    "scipy.special.factorial", lambda n, **how: special.factorial(n, **how), lambda ans, n, **how: smul(ans, special.psi(n + 1))
)


def multigammaln(a: Any, d: Any) -> Any:
    require_plain(d, "multigammaln", "d")
    return multigamma_p(floating(a), d=d)


def factorial(n: Any, exact: bool = False, **kwargs: Any) -> Any:
    return special.factorial(value(n), exact, **kwargs) if exact else factorial_p(pack(n), exact=False, **kwargs)


def polygamma(n: Any, x: Any) -> Any:
    require_plain(n, "polygamma", "n")
    return polygamma_p(floating(x), n=np.array(n))


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    if exact:
        return special.comb(value(N), value(k), exact=True, repetition=repetition)
    N, k = floating(N), floating(k)
    if repetition:
        return _chosen(_empty(N, k), 1.0, special.binom(N + k - 1, k))
    return _chosen(_countable(N, k), special.binom(N, k), 0.0)


def perm(N: Any, k: Any, exact: bool = False) -> Any:
    if exact:
        return special.perm(value(N), value(k), exact=True)
    N, k = floating(N), floating(k)
    return _chosen(_countable(N, k), special.poch(N - k + 1, k), 0.0)


@constant
def _empty(N: Any, k: Any) -> Any:
    return (k == 0) & (N >= 0)


@constant
def _countable(N: Any, k: Any) -> Any:
    return (k <= N) & (N >= 0) & (k >= 0)


def _chosen(mask: Any, yes: Any, no: Any) -> Any:
    """np.where, with a scalar for operands without axes as SciPy has it."""
    out = np.where(mask, yes, no)
    return out if ndim(out) else reshape(out, ())[()]


# ---- spherical Bessel functions ----


def _step(f: Callable[..., Any], n: Any, sign: float, outer: float) -> Any:
    """``f_n' = outer (n f_(n-1) + sign (n+1) f_(n+1)) / (2n+1)``, which holds for the derivatives of f too."""
    below = n * f(np.maximum(n - 1, 0))
    return outer * (below + sign * (n + 1) * f(n + 1)) / (2 * n + 1)


def _spherical(name: str, sign: float, outer: float) -> Callable[..., Any]:
    """SciPy gives the first derivative itself."""
    original = getattr(special, name)

    def slope(ans: Any, z: Any, n: Any, derivative: bool) -> Any:
        return _step(lambda m: primitive(z, n=m, derivative=True), n, sign, outer) if derivative else primitive(z, n=n, derivative=True)

    primitive = elementwise(f"scipy.special.{name}", lambda z, n, derivative: original(n, z, derivative), slope)

    def function(n: Any, z: Any, derivative: bool = False) -> Any:
        require_plain(n, name, "n")
        return primitive(floating(z), n=np.array(n), derivative=derivative)

    function.__name__ = name
    return function


_SPHERICAL = [
    _spherical(name, sign, outer)
    for name, sign, outer in (("spherical_jn", -1.0, 1.0), ("spherical_yn", -1.0, 1.0), ("spherical_in", 1.0, 1.0), ("spherical_kn", 1.0, -1.0))
]


# ---- in place of SciPy's ----


_FUNCTIONS = (logsumexp, softmax, log_softmax, multigammaln, factorial, polygamma, comb, perm, *_SPHERICAL)


def _replacements(dispatching: Callable[..., Any]) -> list[tuple[Any, str, Any]]:
    """(module, name, replacement) of these functions and of the ufuncs that have a rule."""
    out = [(special, f.__name__, dispatching(getattr(special, f.__name__), f)) for f in _FUNCTIONS]
    return out + [(special, name, Packing(f)) for name, f in vars(special).items() if isinstance(f, np.ufunc) and f in HANDLERS]


replacements = functools.cache(_replacements)
