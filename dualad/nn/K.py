"""Keras's backend names for derivatives: `gradients`, `jacobian` and `batch_jacobian` of models and of plain functions, and
`function`.

Given tensors (``model.output``, ``model.input``, the output of a layer, ``model.trainable_weights``) they return tensors, which
are evaluated on data with `function`, or made outputs of a `Model`. Given a model or a function, and arrays, they return the
numbers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import jacobians, transforms
from .._core import _short
from ..errors import GradientError
from . import gradients as _per_sample
from .config import epsilon, floatx, set_floatx
from .derivative import derivative, total
from .graph import Tensor, leaves
from .layer import Layer
from .model import Model
from .step import PREDICT
from .variables import Variable

__all__ = ["batch_jacobian", "epsilon", "floatx", "function", "gradients", "jacobian", "set_floatx"]


def gradients(ys: Any, xs: Any) -> list[Any]:
    """The gradient of the sum of all elements of `ys` for each of `xs`.

    Parameters
    ----------
    ys : Tensor, list of Tensor, Model, or function
        A function takes the arrays one by one; a model takes them as it takes its inputs.
    xs : Tensor, Variable or list of them, where `ys` is made of tensors; else an array or list of arrays

    Returns
    -------
    list
        One entry for each of `xs`, also when there is one: tensors for tensors, arrays for arrays.

    Raises
    ------
    GradientError
        `ys` does not depend on one of `xs` (Keras returned None); `ys` are numbers, which hold no history; `xs` are integers.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> x = nn.Input((2,))
    >>> y = nn.Dense(1, kernel_initializer="ones")(x) ** 2
    >>> saliency = nn.K.function([x], nn.K.gradients(y, x))
    >>> saliency([np.array([[1.0, 2.0]])])[0].tolist()
    [[6.0, 6.0]]

    The same of a function, at once:

    >>> nn.K.gradients(lambda a, b: a * b, [np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    [array([3., 4.]), array([1., 2.])]
    """
    if _symbolic("gradients", ys, xs):
        out = derivative("gradients", leaves(ys), _several(xs))
        return leaves(out)
    arrays = [_floating(x) for x in _several(xs)]
    return list(transforms.grad(lambda given: total(leaves(_called(ys, xs, given))))(arrays))


def jacobian(y: Any, x: Any) -> Any:
    """All derivatives of `y` for `x`: shape ``y.shape + x.shape``, the batch in both.

    Parameters
    ----------
    y : Tensor, Model or function
    x : Tensor or Variable; or array

    Returns
    -------
    Tensor or array

    Raises
    ------
    GradientError
        As `gradients`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.K.jacobian(lambda x: x[:1] * x, np.array([1.0, 2.0])).tolist()
    [[2.0, 0.0], [2.0, 1.0]]
    """
    if _symbolic("jacobian", y, x):
        return derivative("jacobian", _one("y", y), _one("x", x))
    return jacobians.jacobian(lambda x: _called(y, x, [x]))(_floating(_one("x", x)[0]))


def batch_jacobian(y: Any, x: Any) -> Any:
    """For each sample the Jacobian of its result with respect to itself: ``(b, m..., n...)`` for `y` ``(b, m...)`` and `x`
    ``(b, n...)``.

    The samples must not depend on each other (so no BatchNormalization in training); then these are the blocks of `jacobian` that
    are not zero.

    Parameters
    ----------
    y : Tensor, Model or function
    x : Tensor or array

    Returns
    -------
    Tensor or array

    Raises
    ------
    GradientError
        As `gradients`; `x` is a variable, which has no samples.
    ShapeError
        `y` and `x` have different numbers of samples.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((2,)), nn.Dense(3)])
    >>> J = nn.K.batch_jacobian(model, np.ones((5, 2), "float32"))
    >>> J.shape, bool(np.allclose(J[0], model.layers[0].kernel.numpy().T))
    ((5, 3, 2), True)
    """
    if _symbolic("batch_jacobian", y, x):
        if any(isinstance(v, Variable) for v in leaves(x)):
            raise GradientError("batch_jacobian is taken for inputs, which have samples; for a variable use K.jacobian")
        return derivative("batch_jacobian", _one("y", y), _one("x", x))
    return _per_sample.batch_jacobian(lambda x: _called(y, x, [x]), _floating(_one("x", x)[0]))


class function:
    """Tensors evaluated on data.

    Parameters
    ----------
    inputs : Tensor or list of Tensor
        Also inner tensors, whose values are then given.
    outputs : Tensor or list of Tensor
        Of layers, or made by `gradients` and its like, or computed from those.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> x = nn.Input((2,))
    >>> f = nn.K.function([x], [2 * x, np.sum(x, axis=1)])
    >>> [a.tolist() for a in f([np.array([[1.0, 2.0]])])]
    [[[2.0, 4.0]], [3.0]]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.model = Model(list(_several(inputs)), list(_several(outputs)), name=name or "function")
        self.model._set(_steps={})

    def __call__(self, inputs: Any, *more: Any) -> Any:
        """The outputs, as a list where `outputs` is one.

        Parameters
        ----------
        inputs : array or list of arrays
            In the order of the tensors.
        """
        given = [inputs, *more] if more or not isinstance(inputs, (list, tuple)) or isinstance(self.inputs, Tensor) else list(inputs)
        tensors = _several(self.inputs)
        if len(given) != len(tensors):
            raise GradientError(f"this function takes {len(tensors)} arrays, for {', '.join(t.name for t in tensors)}; got {len(given)}")
        arrays = [np.asarray(x, t.dtype) for x, t in zip(given, tensors)]
        self.model.check_input([x.shape for x in arrays])
        batch: Any = (arrays, [], [])
        results = [r.copy() for r in self.model.step(PREDICT, batch).run(batch)[2]]
        return results if isinstance(self.outputs, (list, tuple)) else results[0]


# ---- what was given ----


def _several(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) else [x]


def _one(what: str, x: Any) -> list[Any]:
    found = _several(x)
    if len(found) != 1:
        raise GradientError(f"a Jacobian is taken of one tensor for one tensor; {what} is a list of {len(found)}: call it for each")
    return found


def _symbolic(name: str, ys: Any, xs: Any) -> bool:
    """Whether tensors are given, not a function and arrays."""
    if all(isinstance(y, Tensor) for y in leaves(ys)):
        for x in leaves(xs):
            if not isinstance(x, (Tensor, Variable)):
                raise GradientError(f"K.{name} of tensors is taken for tensors or variables, and evaluated with K.function; got {_short(x)}. For numbers "
                                    f"at once give the model itself: K.{name}(model, x)")
        return True
    if not callable(ys):
        raise GradientError(f"K.{name} takes the derivative of tensors (model.output), of a model or of a function; got {_short(ys)}: numbers do not know what "
                            "they were computed from. In a loop of your own use nn.GradientTape or nn.value_and_gradients")
    for x in leaves(xs):
        if isinstance(x, (Tensor, Variable)):
            raise GradientError(f"K.{name} of a function is taken at arrays; got {x!r}. " + (
                "Give the tensor, model.output, in place of the model" if isinstance(ys, Layer) else "For variables use nn.value_and_gradients(f, variables)"))
    return False


def _floating(x: Any) -> Any:
    a = np.asarray(x)
    if a.dtype.kind in "biu":
        raise GradientError(f"the point is an array of {a.dtype}, along which there is no derivative; give floating-point numbers, x.astype('float32')")
    return a


def _called(f: Callable[..., Any], given: Any, arrays: list[Any]) -> Any:
    """The function of the arrays; a model takes a list as one argument."""
    return f(*arrays) if not isinstance(f, Layer) or not isinstance(given, (list, tuple)) else f(list(arrays))
