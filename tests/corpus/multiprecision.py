"""The corpus in 200-bit arithmetic: each module once more, with mpmath behind the names `np` and `math`.

The source stays as it is; only what those two names give differs: arrays hold mpmath numbers, functions are mpmath's, `linalg` is
written out. Central differences at this precision are exact to far more than double precision.
"""

import functools
import importlib.util
import math
import sys
from typing import Any

import mpmath
import numpy as np

BITS = 200


def lift(x: Any) -> Any:
    """Floats and complex numbers as mpmath's; integers, booleans and what is lifted already stay."""
    if isinstance(x, np.ndarray):
        return _lift_each(x) if x.dtype.kind in "fc" else x
    if isinstance(x, (complex, np.complexfloating)):
        return mpmath.mpc(complex(x))
    return mpmath.mpf(float(x)) if isinstance(x, (float, np.floating)) else x


def _lift_each(x: np.ndarray) -> np.ndarray:
    out = np.empty(x.shape, dtype=object)
    for i in np.ndindex(*x.shape):
        out[i] = lift(x[i])
    return out


def _each(function: Any) -> Any:
    """An elementwise function of a number or an array."""
    return np.frompyfunc(lambda x: function(lift(x)), 1, 1)


def _logaddexp(a: Any, b: Any) -> Any:
    top = max(a, b)
    return top if mpmath.isinf(top) else top + mpmath.log(mpmath.exp(a - top) + mpmath.exp(b - top))


_ELEMENTWISE = {
    "exp": mpmath.exp, "log": mpmath.log, "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan, "sqrt": mpmath.sqrt,
          "tanh": mpmath.tanh,
    "sinh": mpmath.sinh, "cosh": mpmath.cosh, "arctan": mpmath.atan, "arcsin": mpmath.asin, "arccos": mpmath.acos,
          "expm1": mpmath.expm1,
    "log1p": mpmath.log1p, "floor": mpmath.floor,
}  # fmt: skip


class Linalg:
    """The few functions of `np.linalg` that the corpus uses, by elimination."""

    LinAlgError = np.linalg.LinAlgError
    matrix_power = staticmethod(np.linalg.matrix_power)

    @staticmethod
    def _eliminate(A: Any, b: Any) -> Any:
        A, b, sign = lift(np.array(A)).copy(), lift(np.array(b, dtype=object)).copy(), 1
        n = len(A)
        for k in range(n):
            p = max(range(k, n), key=lambda i: abs(A[i, k]))
            if p != k:
                A[[k, p]], b[[k, p]], sign = A[[p, k]], b[[p, k]], -sign
            for i in range(k + 1, n):
                m = A[i, k] / A[k, k]
                A[i, k:] = A[i, k:] - m * A[k, k:]
                b[i] = b[i] - m * b[k]
        return A, b, sign

    @classmethod
    def solve(cls, A: Any, b: Any) -> Any:
        A, b, _ = cls._eliminate(A, b)
        x = b.copy()
        for i in reversed(range(len(A))):
            x[i] = (b[i] - (A[i, i + 1 :] @ x[i + 1 :] if i + 1 < len(A) else 0)) / A[i, i]
        return x

    @classmethod
    def inv(cls, A: Any) -> Any:
        return cls.solve(A, _lift_each(np.eye(len(A))))

    @classmethod
    def det(cls, A: Any) -> Any:
        A, _, sign = cls._eliminate(A, np.zeros(len(A)))
        return sign * np.prod(np.diag(A))

    @staticmethod
    def cholesky(S: Any) -> Any:
        n = len(S)
        L = _lift_each(np.zeros((n, n)))
        for i in range(n):
            for j in range(i + 1):
                s = S[i, j] - sum(L[i, k] * L[j, k] for k in range(j))
                L[i, j] = mpmath.sqrt(s) if i == j else s / L[j, j]
        return L

    @staticmethod
    def norm(x: Any, ord: Any = None) -> Any:
        return np.max(np.abs(x)) if ord == np.inf else mpmath.sqrt(np.sum(np.abs(x) ** 2))


class NumPy:
    """Stands for `numpy`: what is not replaced here is NumPy's own, which takes objects."""

    linalg = Linalg
    logaddexp = staticmethod(np.frompyfunc(_logaddexp, 2, 1))
    hypot = staticmethod(np.frompyfunc(mpmath.hypot, 2, 1))

    def __getattr__(self, name: str) -> Any:
        if name in _ELEMENTWISE:
            return _each(_ELEMENTWISE[name])
        return getattr(np, name)

    @staticmethod
    def _made(function: Any) -> Any:
        @functools.wraps(function)
        def make(*args: Any, dtype: Any = None, **kwargs: Any) -> Any:
            if dtype is None or np.dtype(dtype).kind in "fc":
                dtype = None
            return lift(function(*args, **kwargs) if dtype is None else function(*args, dtype=dtype, **kwargs))

        return make

    @staticmethod
    def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
        return lift(np.full(shape, lift(fill_value), dtype=object))

    @staticmethod
    def _like(fill: float) -> Any:
        return lambda x: NumPy.full(np.shape(x), fill)

    @staticmethod
    def mean(x: Any) -> Any:
        return np.sum(x) / np.size(x)

    @staticmethod
    def vectorize(function: Any) -> Any:
        return np.frompyfunc(function, 1, 1)


for _name in ("zeros", "ones", "eye", "array", "asarray", "linspace"):
    setattr(NumPy, _name, staticmethod(NumPy._made(getattr(np, _name))))
NumPy.empty = staticmethod(NumPy.zeros)
NumPy.zeros_like = NumPy.empty_like = staticmethod(NumPy._like(0.0))
NumPy.ones_like = staticmethod(NumPy._like(1.0))


class Math:
    """Stands for `math`."""

    _SAME = ("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp",
             "expm1", "log1p", "sqrt", "erf", "erfc", "gamma", "log10", "radians", "degrees", "log")  # fmt: skip
    pow, fabs, fsum, prod = pow, abs, sum, math.prod
    lgamma = staticmethod(mpmath.loggamma)
    log2 = staticmethod(lambda x: mpmath.log(x, 2))
    hypot = staticmethod(lambda *xs: mpmath.sqrt(sum(x * x for x in xs)))
    dist = staticmethod(lambda p, q: mpmath.sqrt(sum((a - b) ** 2 for a, b in zip(p, q))))
    floor = staticmethod(lambda x: int(mpmath.floor(x)))
    fmod = staticmethod(lambda x, y: x - y * int(x / y))
    modf = staticmethod(lambda x: (x - int(x), int(x)))
    copysign = staticmethod(lambda x, y: abs(x) if y >= 0 else -abs(x))

    def __getattr__(self, name: str) -> Any:
        if name not in self._SAME:
            return getattr(math, name)
        function = getattr(mpmath, name)
        return lambda *xs: function(*[lift(x) for x in xs])


@functools.cache
def module(name: str) -> Any:
    """The module `name` once more, over mpmath."""
    spec = importlib.util.find_spec(name)
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    assert sys.modules[name] is not copy
    copy.np, copy.math = NumPy(), Math()
    return copy


def function(f: Any) -> Any:
    """The corpus function `f` over mpmath."""
    return getattr(module(f.__module__), f.__name__)
