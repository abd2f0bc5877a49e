"""Activations: elementwise functions and softmax, in plain NumPy on plain or traced arrays.

All keep the type of their input, stay finite where the function is, and pass a NaN on. At a kink the derivative is that of the left branch:
``relu'(0) = 0``.
"""

from __future__ import annotations

from typing import Any, Callable

from .._names import deserialize
from .._names import serialize as serialize
from ._logits import keeping_logits, logits_of
from ._rectifiers import (
    celu,
    elu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    relu,
    relu6,
    selu,
    soft_shrink,
    tanh_shrink,
)
from ._smooth import (
    exponential,
    gelu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    squareplus,
    tanh,
)

swish = silu
__all__ = [
    "celu", "elu", "exponential", "gelu", "get", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "keeping_logits", "leaky_relu", "linear",
    "log_sigmoid", "log_softmax", "logits_of", "mish", "relu", "relu6", "selu", "serialize", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "squareplus", "swish", "tanh", "tanh_shrink",
]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (
        relu, leaky_relu, relu6, elu, celu, selu, gelu, sigmoid, hard_sigmoid, tanh, hard_tanh, softplus, softsign, squareplus, silu, hard_silu,
        mish, exponential, linear, softmax, log_softmax, log_sigmoid, soft_shrink, hard_shrink, tanh_shrink)
} | {"swish": silu, "hard_swish": hard_silu}


def get(identifier: Any) -> Any:
    """The activation of a name.

    Parameters
    ----------
    identifier : None, str or callable
        None stands for `linear`; a callable is returned as it is.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ParameterError
        It is none of these.

    Examples
    --------
    >>> from dualad.nn import activations
    >>> activations.get("swish") is activations.silu
    True
    """
    return linear if identifier is None else deserialize("activation", identifier, FUNCTIONS)
