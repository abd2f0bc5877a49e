"""Activations in pieces: relu and its family, shrinkage. At a kink the derivative is that of the left branch."""

from __future__ import annotations

from typing import Any

import numpy as np


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """The rectifier: ``x`` above `threshold`, ``negative_slope * (x - threshold)`` up to it, never more than `max_value`.

    Parameters
    ----------
    x : array
    negative_slope, threshold : float
    max_value : float, optional

    Returns
    -------
    array
        Of the same shape and type.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import activations
    >>> activations.relu(np.array([-10.0, 0.5, 10.0]), negative_slope=0.1, max_value=6)
    array([-1. ,  0.5,  6. ])
    """
    below = negative_slope * (x - threshold) if negative_slope else 0
    y = np.where(x <= threshold, below, x)
    return y if max_value is None else np.where(x >= max_value, max_value, y)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """`relu` that lets a part of negative values through (Maas, Hannun and Ng, 2013).

    >>> leaky_relu(np.array([-10.0, 3.0]))
    array([-2.,  3.])
    """
    return relu(x, negative_slope)


def relu6(x: Any) -> Any:
    """`relu` with a maximum of 6.

    >>> relu6(np.array([-1.0, 5.0, 7.0]))
    array([0., 5., 6.])
    """
    return relu(x, max_value=6)


def hard_sigmoid(x: Any) -> Any:
    """``relu6(x + 3) / 6``.

    >>> hard_sigmoid(np.array([-3.0, 0.0, 3.0]))
    array([0. , 0.5, 1. ])
    """
    return relu6(x + 3) / 6


def hard_silu(x: Any) -> Any:
    """``x * hard_sigmoid(x)`` (Howard et al., 2019).

    >>> hard_silu(np.array([-4.0, 0.0, 4.0]))
    array([-0.,  0.,  4.])
    """
    return x * hard_sigmoid(x)


def hard_tanh(x: Any) -> Any:
    """`x` between -1 and 1.

    >>> hard_tanh(np.array([-4.0, 0.5, 4.0]))
    array([-1. ,  0.5,  1. ])
    """
    return np.where(x >= 1, 1, np.where(x <= -1, -1, x))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` above zero, ``alpha * (exp(x) - 1)`` below (Clevert, Unterthiner and Hochreiter, 2016).

    >>> elu(np.array([-1000.0, 0.0, 1000.0]), alpha=2.0)
    array([  -2.,    0., 1000.])
    """
    positive = x > 0
    return np.where(positive, x, alpha * np.expm1(np.where(positive, 0, x)))  # the inner where keeps exp from overflowing


def celu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` above zero, ``alpha * (exp(x / alpha) - 1)`` below (Barron, 2017).

    >>> celu(np.array([-1000.0, 3.0]), alpha=2.0)
    array([-2.,  3.])
    """
    return alpha * elu(x / alpha)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def selu(x: Any) -> Any:
    """`elu`, scaled so that activations keep mean 0 and variance 1 (Klambauer et al., 2017).

    >>> np.round(selu(np.array([-1000.0, 1.0])), 4)
    array([-1.7581,  1.0507])
    """
    return SELU_SCALE * elu(x, SELU_ALPHA)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` moved towards zero by `threshold`.

    >>> soft_shrink(np.array([-2.0, 0.3, 2.0]))
    array([-1.5,  0. ,  1.5])
    """
    return relu(x - threshold) - relu(-x - threshold)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where its absolute value exceeds `threshold`, else 0.

    >>> hard_shrink(np.array([-2.0, 0.3, 2.0]))
    array([-2.,  0.,  2.])
    """
    return np.where(np.abs(x) <= threshold, 0, x)


def tanh_shrink(x: Any) -> Any:
    """``x - tanh(x)``.

    >>> tanh_shrink(np.array([0.0, 1000.0]))
    array([  0., 999.])
    """
    return x - np.tanh(x)
