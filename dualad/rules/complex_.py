"""Complex values: parts, conjugate, argument, modulus and the other functions that are not holomorphic."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from .._core import sdiv
from ..primitive import Primitive, implements, method, plain
from ._matrix import conj, operand
from ._util import dtype, is_complex, shape


def _lift(g: Any, x: Any) -> Any:
    """A real cotangent in the dtype of the complex argument `x`."""
    return g.astype(dtype(x)) if hasattr(g, "astype") else complex(g)


def _imag_vjp(i: int, g: Any, ans: Any, x: Any) -> Any:
    return g * 1j


real_p = Primitive("real", np.real, lambda i, t, ans, x: np.real(t), lambda i, g, ans, x: _lift(g, x))
imag_p = Primitive("imag", np.imag, lambda i, t, ans, x: np.imag(t), _imag_vjp)
conj_p = Primitive("conjugate", np.conjugate, lambda i, t, ans, x: np.conjugate(t), lambda i, g, ans, x: np.conjugate(g))


@implements(np.real)
def real(val: Any) -> Any:
    val = operand(val)
    return real_p(val) if is_complex(val) else val


@implements(np.imag)
def imag(val: Any) -> Any:
    """The imaginary part; that of a real value is a plain zero."""
    val = operand(val)
    return imag_p(val) if is_complex(val) else np.zeros(shape(val), dtype(val))[()]


@implements(np.conjugate)
def conjugate(x: Any, /, **kwargs: Any) -> Any:
    x = operand(x)
    if kwargs.get("dtype") is not None:
        x = x.astype(kwargs["dtype"])
    return conj_p(x) if is_complex(x) else +x


method("conj", "conjugate")(conjugate)


def _holomorphic(function: Any, slope: Any) -> Primitive:
    """A function of one complex operand from its derivative, where the table's formula holds for real values only."""
    return Primitive(
        function.__name__,
        function,
        lambda i, t, ans, z: t * slope(z),
        lambda i, g, ans, z: g * np.conjugate(slope(z)),
    )


def _arcsin_slope(z: Any) -> Any:
    """-(z - 1) instead of 1 - z keeps the sign of a zero imaginary part, which tells the side of the branch cut."""
    return 1 / np.sqrt(-(z - 1) * (1 + z))


complex_arcsin = _holomorphic(np.arcsin, _arcsin_slope)
complex_arccos = _holomorphic(np.arccos, lambda z: -_arcsin_slope(z))
# the table uses hypot, which avoids overflow but is not holomorphic
complex_arcsinh = _holomorphic(np.arcsinh, lambda z: 1 / np.sqrt(1 + z * z))


def _abs_jvp(i: int, t: Any, ans: Any, z: Any) -> Any:
    return sdiv(np.real(conj(z) * t), ans)


def _abs_vjp(i: int, g: Any, ans: Any, z: Any) -> Any:
    return sdiv(g * z, ans)


complex_abs = Primitive("complex_abs", np.absolute, _abs_jvp, _abs_vjp)
complex_size = Primitive("complex_size", abs, _abs_jvp, _abs_vjp)  # Python's abs: a float of a complex, and of numbers not always NumPy's bits


def _sign_rule(i: int, t: Any, ans: Any, z: Any) -> Any:
    """``z / |z|``, zero at the origin, where the derivative is taken as zero too; the rule is its own adjoint."""
    r = np.absolute(z)
    return sdiv(t - ans * np.real(conj(ans) * t), np.where(_core.value(r) == 0, np.inf, r))


complex_sign = Primitive("complex_sign", np.sign, _sign_rule, _sign_rule)


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    z = operand(z)
    a = np.arctan2(imag_p(z), real_p(z)) if is_complex(z) else np.arctan2(0.0, z)
    return a * (180 / np.pi) if deg else a


@implements(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    a = operand(a)
    return real_p(a) if is_complex(a) and not np.iscomplexobj(np.real_if_close(_core.value(a), tol)) else a


_core.COMPLEX.update(
    abs=complex_size, absolute=complex_abs, arccos=complex_arccos, arcsin=complex_arcsin, arcsinh=complex_arcsinh, sign=complex_sign
)

plain(np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj)
