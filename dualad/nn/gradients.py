"""Derivatives for hand-written training loops and penalties: gradients of a function of variables, and a Jacobian for each
sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._calls import StandIn
from ..errors import GradientError, ShapeError
from ..jacobians import jacobian
from ..transforms import value_and_grad
from .variables import Variable, bound, mode

LOST = ("Call the model itself, model(x), not model.predict(x), and keep float() and .numpy() out of the loss; or does it come from another model, or "
         "from arrays that nobody watches?")


def value_and_gradients(f: Callable[[], Any], variables: Sequence[Variable], training: bool = False) -> tuple[Any, list[Any]]:
    """The value of a loss and its gradient for each variable, from one run.

    Parameters
    ----------
    f : callable
        Takes nothing and returns the loss, one number, computed with models or layers, or from the variables, in plain NumPy.
    variables : list of Variable
        Such as ``model.trainable_weights``.
    training : bool
        Whether dropout and its like are on in models that `f` calls.

    Returns
    -------
    value : number
    gradients : list of arrays
        In the order of the variables; zeros where `f` does not depend on one.

    Raises
    ------
    GradientError
        The loss is a plain number: its derivative was lost on the way.
    ShapeError
        The loss is not one number.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> layer = nn.Dense(1, use_bias=False, kernel_initializer="ones")
    >>> x = np.array([[1.0, 2.0]], "float32"); y = layer(x)
    >>> loss, (gradient,) = nn.value_and_gradients(lambda: np.sum(layer(x) ** 2), layer.trainable_weights)
    >>> float(loss), gradient.tolist()
    (9.0, [[6.0], [12.0]])
    """
    variables = list(variables)
    for v in variables:
        if not isinstance(v, Variable):
            raise GradientError(f"gradients are taken for variables, such as model.trainable_weights; got {_core._short(v)} of type {type(v).__name__}")
    changed: list[Variable] = []

    def loss(values: list[Any]) -> Any:
        with bound(dict(zip(variables, values))) as inside, mode(training):
            out = f()
        out = _core.pack(out) if isinstance(out, np.ndarray) else out
        if variables and not _core.is_traced(out):
            raise GradientError(f"the loss is {_core._short(out)}, in which nothing depends on the variables. {LOST}")
        changed[:] = inside.updates
        return out, list(inside.updates.values())

    (value, updates), gradients = value_and_grad(StandIn(loss, f), has_aux=True)([v.value for v in variables])
    for v, x in zip(changed, updates):  # moving averages
        v.assign(x)
    return value, gradients


def batch_jacobian(f: Callable[[Any], Any], x: Any, outputs: int | None = None) -> Any:
    """The Jacobian of each sample's result with respect to this sample, for an `f` that treats samples apart.

    Parameters
    ----------
    f : callable
        A batch ``(b, n...)`` to ``(b, m...)``, row k of the result from row k of the batch alone (not so where a batch is
        normalised).
    x : array (b, n...)
    outputs : int, optional
        How many numbers `f` gives for a sample; by default found by a run on one sample of zeros.

    Returns
    -------
    array (b, m..., n...)
        Element ``[k, i, j]`` is the derivative of ``f(x)[k, i]`` with respect to ``x[k, j]``.

    Raises
    ------
    ShapeError
        The result has another number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn.gradients import batch_jacobian
    >>> batch_jacobian(np.square, np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[[2.0, 0.0], [0.0, 4.0]], [[6.0, 0.0], [0.0, 8.0]]]

    Notes
    -----
    The sum of all rows of the result has the derivatives of row k in row k of the batch: a sweep for each of the m outputs. Where
    inputs are fewer, one shift of all samples takes their place: a sweep for each of the n inputs.
    """
    shape = np.shape(x)
    if not shape:
        raise ShapeError("batch_jacobian needs a batch, an array of shape (b, n...); got one number")

    def checked(x: Any) -> Any:
        y = f(x)
        if np.shape(y)[:1] != np.shape(x)[:1]:
            raise ShapeError(f"a batch of shape {np.shape(x)} gives a result of shape {np.shape(y)}; batch_jacobian needs one row for each sample")
        return y

    if outputs is None:
        with np.errstate(all="ignore"):
            outputs = np.size(checked(np.zeros((1, *shape[1:]), x.dtype)))
    if outputs < np.prod(shape[1:]):
        return np.moveaxis(jacobian(StandIn(lambda x: np.sum(checked(x), axis=0), f))(x), -len(shape), 0)
    return jacobian(StandIn(lambda shift: checked(x + shift), f))(np.zeros(shape[1:], x.dtype))
