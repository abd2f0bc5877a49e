"""Settings that all of `dualad.nn` reads: the default floating-point type and the fuzz factor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..errors import ParameterError

FLOAT_TYPES = ("float32", "float64")
_settings: dict[str, str] = {"floatx": "float32"}
_local = threading.local()
_EPSILON = 1e-7


def floatx() -> str:
    """The default type of weights and data.

    Returns
    -------
    str
        ``"float32"``, unless `set_floatx` changed it.

    Examples
    --------
    >>> from dualad.nn import config
    >>> config.floatx()
    'float32'
    """
    return getattr(_local, "floatx", None) or _settings["floatx"]


@contextmanager
def floats_of(name: str) -> Iterator[None]:
    """Another default type for this thread, for a while."""
    before = getattr(_local, "floatx", None)
    _local.floatx = name
    try:
        yield
    finally:
        _local.floatx = before


def set_floatx(name: str) -> None:
    """Sets the default type of weights and data, for layers made from now on.

    Parameters
    ----------
    name : {"float32", "float64"}
        Or the NumPy type of that name.

    Raises
    ------
    ParameterError
        For any other type.

    Examples
    --------
    >>> from dualad.nn import config
    >>> config.set_floatx("float64"); config.floatx()
    'float64'
    >>> config.set_floatx("float32")
    """
    _settings["floatx"] = float_name(name)


def float_name(dtype: object) -> str:
    """The name of a floating-point type that `dualad.nn` computes in; None stands for the default."""
    if dtype is None:
        return floatx()
    try:
        name = np.dtype(dtype).name  # type: ignore[call-overload]
    except TypeError:
        name = str(dtype)
    if name not in FLOAT_TYPES:
        raise ParameterError(f"dtype={dtype!r}; dualad.nn computes in {' or '.join(FLOAT_TYPES)}")
    return str(name)


def epsilon() -> float:
    """The fuzz factor that keeps logarithms and quotients finite.

    Returns
    -------
    float
        1e-7, as in Keras.

    Examples
    --------
    >>> from dualad.nn import config
    >>> config.epsilon()
    1e-07
    """
    return _EPSILON
