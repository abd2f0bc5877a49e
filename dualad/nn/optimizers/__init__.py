"""Optimizers with Keras's names, defaults and formulas, each update one program over a flat array of parameters."""

from __future__ import annotations

from typing import Any

from .. import schedules
from .._names import deserialize
from .._names import serialize as serialize
from .adaptive import Adam, Adamax, AdamW, Lion, Nadam
from .base import Optimizer
from .core import FlatOptimizer
from .first_order import SGD, Adadelta, Adagrad, Ftrl, RMSprop
from .second_order import LBFGS, NewtonCG

__all__ = [
    "LBFGS", "OPTIMIZERS", "SGD", "Adadelta", "Adagrad",
    "Adam", "AdamW", "Adamax", "FlatOptimizer", "Ftrl", "Lion", "Nadam", "NewtonCG", "Optimizer", "RMSprop", "get",
    "schedules", "serialize",
]

OPTIMIZERS: dict[str, Any] = {c.__name__: c for c in (SGD, Adagrad, Adadelta, RMSprop, Adam, AdamW, Nadam, Adamax, Lion, Ftrl, LBFGS, NewtonCG)}


def get(identifier: Any) -> Any:
    """The optimizer of a name, config or class.

    Parameters
    ----------
    identifier : None, str, dict, Optimizer or class

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ParameterError
        It is none of these, or the config does not fit.

    Examples
    --------
    >>> from dualad.nn import optimizers
    >>> optimizers.get("adam").learning_rate
    0.001
    """
    return deserialize("optimizer", identifier, OPTIMIZERS)
