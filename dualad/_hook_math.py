"""The functions of Python's `math` on traced scalars: values from `math` itself, derivatives from the operation table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from . import _core
from .primitive import Primitive
from .rules.special import gaussian

# math function -> operation of the table
_TABLE = {
    "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "exp": "exp", "exp2": "exp2",
    "expm1": "expm1", "log2": "log2", "log10": "log10", "log1p": "log1p", "sqrt": "sqrt", "cbrt": "cbrt", "fabs": "fabs", "pow": "pow",
    "copysign": "copysign", "fmod": "fmod", "degrees": "degrees", "radians": "radians", "nextafter": "nextafter",
}  # fmt: skip


def _scalar(x: Any) -> Any:
    """A traced scalar; arrays of one element count as their element, as `math` has it."""
    x = _core.pack(x)
    return x.reshape(())[()] if _core.is_traced(x) and x.ndim and x.size == 1 else x


def _from_table(name: str, operation: str) -> Callable[..., Any]:
    function = getattr(math, name)

    def call(*args: Any) -> Any:
        args = tuple(_scalar(a) for a in args)
        return _core.valued(operation, _plainly(function, *args), *args)

    return call


def _plainly(function: Callable[..., Any], *args: Any) -> Any:
    """The plain result; of an error, which the user's code may catch, a program takes note."""
    try:
        return function(*[_core.plain(a) for a in args])
    except Exception:
        _core.note_error()
        raise


def _as_float(function: Callable[..., Any]) -> Callable[..., Any]:
    """Composite functions: of the operators on traced values, which are those of Python floats."""
    return lambda *args, **kwargs: function(*[_scalar(a) for a in args], **kwargs)


def _log(x: Any, base: Any = None) -> Any:
    out = _core.valued("log", _plainly(math.log, x), x)
    return out if base is None else out / (_core.valued("log", _plainly(math.log, base), base))


# operation of the table -> math function
LIBRARY: dict[str, Callable[..., Any]] = {operation: getattr(math, name) for name, operation in _TABLE.items() if hasattr(math, name)}
LIBRARY["log"] = math.log

_hypot = Primitive(
    "hypot",
    lambda *xs: math.hypot(*[float(x) for x in xs]),
    lambda i, t, ans, *xs: _core.smul(t, _core.sdiv(xs[i], ans)),
    lambda i, g, ans, *xs: _core.smul(g, _core.sdiv(xs[i], ans)),
)

_fsum = Primitive("fsum", lambda *xs: math.fsum(xs), lambda i, t, ans, *xs: t, lambda i, g, ans, *xs: g)


def _dist(p: Any, q: Any) -> Any:
    return _hypot(*[a - b for a, b in zip(p, q, strict=True)])


def _sum(values: Any) -> Any:
    return _fsum(*values)


def _prod(iterable: Any, *, start: Any = 1) -> Any:
    for v in iterable:
        start = start * v
    return start


def _modf(x: Any) -> Any:
    whole = math.modf(_core.plain(x))[1]
    return x - whole, whole


def _ldexp(x: Any, i: Any) -> Any:
    return x * math.ldexp(1.0, i)


# ---- the error and gamma functions, which the table does not hold ----


def _slope(function: Callable[..., Any], slope: Callable[..., Any]) -> Primitive:
    """A scalar primitive from its value and derivative."""
    return Primitive(
        function.__name__,
        lambda x: function(float(x)),
        lambda i, t, ans, x: _core.smul(t, slope(x, ans)),
        lambda i, g, ans, x: _core.smul(g, slope(x, ans)),
    )


def _polygamma(n: int, x: float) -> float:
    """psi^(n)(x) by upward recurrence and the asymptotic series (Abramowitz & Stegun 6.4.6, 6.4.11; reflection from 6.4.7 by recurrence)."""
    if x <= 0 and x == math.floor(x):
        return math.nan
    total, sign, fact = 0.0, (-1.0) ** (n + 1), math.factorial(n)
    while x < 20.0:
        total += sign * fact / x ** (n + 1)
        x += 1.0
    total += (math.log(x) if n == 0 else sign * math.factorial(n - 1) / x**n) + sign * fact / (2 * x ** (n + 1))
    for k, bernoulli in enumerate(_BERNOULLI, 1):
        rising = math.factorial(2 * k + n - 1) / math.factorial(2 * k)
        total += sign * bernoulli * rising / x ** (2 * k + n)
    return total


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
_polygammas: dict[int, Primitive] = {}


def polygamma(n: int) -> Primitive:
    """The primitive psi^(n), whose derivative is psi^(n+1)."""
    if n not in _polygammas:

        def value(x: Any) -> float:
            return _polygamma(n, float(x))

        value.__name__ = f"polygamma_{n}"
        _polygammas[n] = _slope(value, lambda x, ans: polygamma(n + 1)(x))
    return _polygammas[n]


_erf = _slope(math.erf, lambda x, ans: gaussian(x))
_erfc = _slope(math.erfc, lambda x, ans: -gaussian(x))
_gamma = _slope(math.gamma, lambda x, ans: ans * polygamma(0)(x))
_lgamma = _slope(math.lgamma, lambda x, ans: polygamma(0)(x))


def _plain(name: str) -> Callable[..., Any]:
    """Integers, booleans and the like: no derivative."""
    function = getattr(math, name)
    return lambda *args, **kwargs: function(*[_core.plain(_scalar(a)) for a in args], **kwargs)


RULES: dict[str, Callable[..., Any]] = {name: _from_table(name, operation) for name, operation in _TABLE.items() if hasattr(math, name)}
RULES |= {"log": _as_float(_log), "hypot": _as_float(_hypot), "dist": _dist, "fsum": _sum, "prod": _prod, "modf": _as_float(_modf)}
RULES |= {"ldexp": _as_float(_ldexp), "erf": _as_float(_erf), "erfc": _as_float(_erfc), "gamma": _as_float(_gamma), "lgamma": _as_float(_lgamma)}
RULES |= {name: _plain(name) for name in ("floor", "ceil", "trunc", "isnan", "isinf", "isfinite", "isclose")}
