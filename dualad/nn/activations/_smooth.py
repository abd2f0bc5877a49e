"""Activations with derivatives of every order: sigmoid and its relatives, gelu, softmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import _core
from ..._replay import OPS
from ...primitive import Primitive
from ...rules.special import gaussian
from ...transforms import jvp, stop_gradient
from ._logits import remember

_logistic = _core.table_call(OPS["logistic"])


def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``, to full relative precision on both sides.

    Parameters
    ----------
    x : array

    Returns
    -------
    array
        Of the same shape and type.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import activations
    >>> activations.sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    if _core.is_traced(x):
        # The table's logistic function has no ufunc of NumPy, but it is the derivative of one: a single operation in a program.
        y = jvp(softplus, (x,), (np.ones_like(x),))[1]
    elif _core.is_recorded(x):
        y = np.exp(-np.logaddexp(0, -x))
    else:
        y = _logistic(x)
    return remember("sigmoid", y, x)


def log_sigmoid(x: Any) -> Any:
    """``log(sigmoid(x))``.

    >>> log_sigmoid(np.array([-1000.0, 1000.0]))
    array([-1000.,    -0.])
    """
    return -np.logaddexp(0, -x)


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))``.

    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    return np.logaddexp(x, 0)


def silu(x: Any) -> Any:
    """``x * sigmoid(x)``, also called swish (Ramachandran, Zoph and Le, 2017).

    >>> silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    return x * sigmoid(x)


def mish(x: Any) -> Any:
    """``x * tanh(softplus(x))`` (Misra, 2019).

    >>> mish(np.array([-1000.0, 1000.0]))
    array([  -0., 1000.])
    """
    return x * np.tanh(softplus(x))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent.

    >>> tanh(np.array([0.0, 1000.0]))
    array([0., 1.])
    """
    return np.tanh(x)


def softsign(x: Any) -> Any:
    """``x / (1 + |x|)``.

    >>> softsign(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    return x / (1 + np.abs(x))


def squareplus(x: Any, b: float = 4) -> Any:
    """``(x + sqrt(x**2 + b)) / 2``, a softplus without transcendental functions (Barron, 2021).

    >>> squareplus(np.array([0.0, 1.5]))
    array([1., 2.])
    """
    return (x + np.sqrt(x * x + b)) / 2


def exponential(x: Any) -> Any:
    """``exp(x)``.

    >>> exponential(np.array([0.0]))
    array([1.])
    """
    return np.exp(x)


def linear(x: Any) -> Any:
    """The input itself.

    >>> linear(3.0)
    3.0
    """
    return x


def _erf(x: Any) -> Any:
    """The error function: SciPy's where that is installed, which is faster."""
    try:
        from scipy.special import erf as function
    except ImportError:
        function = np.frompyfunc(math.erf, 1, 1)
    x = np.asarray(x)
    return np.asarray(function(x)).astype(x.dtype)[()]


def _erf_rule(i: int, t: Any, ans: Any, x: Any) -> Any:
    return t * gaussian(x)


erf = Primitive("erf", _erf, _erf_rule, _erf_rule)


def gelu(x: Any, approximate: bool = False) -> Any:
    """``x`` times the normal distribution function of ``x`` (Hendrycks and Gimpel, 2016).

    Parameters
    ----------
    x : array
    approximate : bool
        By tanh, to about 1e-3, and much faster: a program does not leave C for it.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import activations
    >>> np.round(activations.gelu(np.array([-1.0, 0.0, 1.0])), 4)
    array([-0.1587,  0.    ,  0.8413])
    """
    if approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))


# ---- normalised over an axis ----


def _centred(x: Any, axis: int) -> Any:
    # The shift cancels in the result, so no derivative need pass through the maximum.
    return x - stop_gradient(np.max(x, axis=axis, keepdims=True))


def softmax(x: Any, axis: int = -1) -> Any:
    """``exp(x) / sum(exp(x))`` over an axis.

    Parameters
    ----------
    x : array
    axis : int

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import activations
    >>> activations.softmax(np.array([[1000.0, 1000.0], [0.0, -1000.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    e = np.exp(_centred(x, axis))
    y = e / np.sum(e, axis=axis, keepdims=True)
    return remember("softmax", y, x) if axis in (-1, np.ndim(x) - 1) else y


def log_softmax(x: Any, axis: int = -1) -> Any:
    """``log(softmax(x))`` over an axis.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    z = _centred(x, axis)
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))
