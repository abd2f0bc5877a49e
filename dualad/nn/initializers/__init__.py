"""Initial values of weights; random ones come from Philox streams."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._names import deserialize
from .._names import serialize as serialize
from ._plain import Constant, Identity, Initializer, Ones, Zeros
from ._random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomInitializer,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    fans,
)

__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "Initializer", "LecunNormal", "LecunUniform", "Ones",
    "Orthogonal", "RandomInitializer", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros", "fans", "get", "serialize",
]

INITIALIZERS: dict[str, Any] = {c.__name__: c for c in (
    Zeros, Ones, Constant, Identity, RandomNormal, TruncatedNormal, RandomUniform, Orthogonal, VarianceScaling, GlorotUniform, GlorotNormal,
    HeUniform, HeNormal, LecunUniform, LecunNormal)} | {"normal": RandomNormal, "uniform": RandomUniform, "eye": Identity}


def get(identifier: Any) -> Any:
    """The initializer of a name, config or callable; None for None.

    Parameters
    ----------
    identifier : None, str, dict, array or callable
        An array stands for `Constant`; a callable takes ``(shape, dtype=None)``.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ParameterError
        It is none of these, or the config does not fit.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> initializers.get("he_normal")
    HeNormal(seed=None)
    """
    return Constant(identifier) if isinstance(identifier, np.ndarray) else deserialize("initializer", identifier, INITIALIZERS)
