"""Layers of one line, and those that stand for something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import LayerError
from .. import regularizers
from .._document import own_objects
from ..graph import Input, Tensor
from ..layer import Layer
from .rectifiers import _Same


class Lambda(Layer):
    """A function of the inputs, in plain NumPy.

    A model with it can be saved when the function has a name (``def``), and loaded when it is given again, in ``custom_objects``: files never hold code.

    Parameters
    ----------
    function : callable
        Takes the inputs; takes ``training`` too if it has such an argument.
    output_shape : tuple of int or None, optional
        Of a sample; by default found by a run on zeros.
    arguments : dict, optional
        More keyword arguments for the function.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.Lambda(lambda x: x ** 2)(np.array([[3.0]], "float32")).tolist()
    [[9.0]]
    """

    fields = ("function", "output_shape", "arguments")

    def __init__(self, function: Callable[..., Any] | str, output_shape: Any = None, arguments: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(function, str):  # from a file
            function = own_objects().get(function, function)
        if not callable(function):
            raise LayerError(f"Lambda takes a function; got {function!r}" + (f": give it when loading, custom_objects={{{function!r}: the function}}"
                                                                             if isinstance(function, str) else ""))
        self.function = function
        self.output_shape = None if output_shape is None else tuple(output_shape)
        self.arguments = dict(arguments or {})
        code = getattr(self.function, "__code__", None)
        self.passes_training = code is not None and "training" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    def call(self, inputs: Any, training: bool = False) -> Any:
        more = {"training": training} if self.passes_training and "training" not in self.arguments else {}
        return self.function(inputs, **self.arguments, **more)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.output_shape is None:
            return super().compute_output_shape(input_shape)
        first = input_shape[0] if isinstance(input_shape, list) else input_shape
        return (first[0], *self.output_shape)


class ActivityRegularization(_Same):
    """Lets the inputs pass and adds ``l1 * sum(abs(x)) + l2 * sum(x ** 2)``, divided by the batch size, to the loss.

    Parameters
    ----------
    l1, l2 : float

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.layers.ActivityRegularization(l1=0.1)(np.ones((1, 2), "float32")).tolist()
    [[1.0, 1.0]]
    """

    fields = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]  # it follows from l1 and l2
        return config


class Masking(Layer):
    """Not supported: no layer here passes a mask on. It raises, and says what to do.

    Raises
    ------
    LayerError
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        raise LayerError("Masking is not supported: layers pass no masks on. Group sequences of the same length into batches, or give the padded steps the "
                         "weight 0 in the loss (sample_weight)")


def InputLayer(shape: Any = None, batch_size: int | None = None, dtype: Any = None, name: str | None = None, input_shape: Any = None) -> Tensor:
    """`Input` under its other name, for the start of a Sequential.

    Parameters
    ----------
    shape : tuple of int or None
        Of one sample; `input_shape` is its old name.
    batch_size : int, optional
    dtype : {"float32", "float64", "int32", "int64"}, optional
    name : str, optional

    Examples
    --------
    >>> from dualad import nn
    >>> nn.Sequential([nn.layers.InputLayer(shape=(4,)), nn.Dense(2)]).output_shape
    (None, 2)
    """
    return Input(shape if shape is not None else input_shape, batch_size, dtype, name)
