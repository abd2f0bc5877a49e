"""Models: layers connected as a graph, or written as a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import GraphError, ShapeError
from .graph import Input, Plan, Tensor, leaves, mapped
from .layer import Layer, batch_shape
from .operation import Operation as _Operation  # noqa: F401 - what operators of tensors become
from .report import Reported
from .saving.mixin import Saved
from .training import Trainer

Init = TypeVar("Init", bound=Callable[..., None])


def made_of(kind: str) -> Callable[[Init], Init]:
    """Marks the ``__init__`` of models that a saved config describes in full; a class that overrides it needs a `get_config`."""

    def mark(init: Init) -> Init:
        init.__dict__["made_of"] = kind
        return init

    return mark


class Model(Saved, Reported, Trainer, Layer):
    """Layers between inputs and outputs, with training.

    Parameters
    ----------
    inputs, outputs : Tensor, list or dict of them, optional
        Made by `Input`, and by layers called on it. Without them: derive a class, make layers in ``__init__``, write ``call(inputs)``.
    name : str, optional

    Raises
    ------
    GraphError
        The outputs do not come from the inputs; the message names both.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> x = nn.Input(shape=(8,))
    >>> code = nn.Dense(2, activation="relu")(x)
    >>> model = nn.Model(x, nn.Dense(8, activation="sigmoid")(code))
    >>> model.compile(optimizer="adam", loss="binary_crossentropy")
    >>> data = np.random.default_rng(0).random((64, 8), dtype="float32")
    >>> history = model.fit(data, data, epochs=2, verbose=0)
    >>> model.predict(data, verbose=0).shape
    (64, 8)
    """

    @made_of("graph")
    def __init__(self, inputs: Any = None, outputs: Any = None, *, name: str | None = None, trainable: bool = True, dtype: Any = None) -> None:
        first = leaves(inputs)[0]
        super().__init__(name=name, trainable=trainable, dtype=dtype or (first.dtype if isinstance(first, Tensor) and "float" in first.dtype else None))
        self.plan: Plan | None = None
        if (inputs is None) != (outputs is None):
            raise GraphError("a model needs inputs and outputs: Model(inputs, outputs); a derived class needs neither")
        if inputs is not None:
            self.connect(inputs, outputs)

    def connect(self, inputs: Any, outputs: Any) -> None:
        """Makes the graph between tensors the model's."""
        self.__dict__["plan"] = Plan(inputs, outputs)
        self.graph_layers = self.plan.layers() if self.plan else []
        self.built = True
        self.input_shape = mapped(batch_shape, inputs)

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order in which they run."""
        inner = list(self.sublayers())
        own = [x for group in self._layers.values() for x in (group if isinstance(group, (list, tuple)) else [group])]
        return [x for x in inner[1:] if any(x is y for y in own)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or number."""
        if index is not None:
            return self.layers[index]
        from ._names import lookup

        found: Layer = lookup("layer", name, {layer.name: layer for layer in self.layers})
        return found

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights. For a derived class: by a run on zeros; samples of ``input_shape[1:]``."""
        if self.built or input_shape is None:
            return
        shape = input_shape if isinstance(input_shape, (dict, list)) else tuple(input_shape)
        self.built = True
        self.input_shape = shape
        self.compute_output_shape(shape)

    def check_input(self, shape: Any) -> None:
        if self.plan is None:
            return
        wanted, given = leaves(self.plan.inputs), _shapes(shape)
        if len(wanted) != len(given):
            raise ShapeError(f"{self.name} has {len(wanted)} inputs ({', '.join(x.name for x in wanted)}); got {len(given)}")
        for x, got in zip(wanted, given):
            if len(x.shape) != len(got) or any(m is not None and n is not None and m != n for m, n in zip(x.shape[1:], got[1:])):
                raise ShapeError(f"{self.name} takes batches of shape {x.shape} at its input {x.name!r}; got {('batch', *got[1:])}".replace("'batch'", "batch"))

    def call(self, inputs: Any) -> Any:
        if self.plan is None:
            raise GraphError(f"{type(self).__name__} has no graph: write call(self, inputs), or give inputs and outputs")
        return self.plan.run(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.plan is None:
            return super().compute_output_shape(input_shape)
        return mapped(lambda t: t.shape, self.plan.outputs)

    @property
    def inputs(self) -> list[Tensor]:
        """The input tensors of the graph."""
        return leaves(self._graph().inputs)

    @property
    def outputs(self) -> list[Tensor]:
        """The output tensors of the graph."""
        return leaves(self._graph().outputs)

    @property
    def input(self) -> Any:
        return self._graph().inputs

    @property
    def output(self) -> Any:
        return self._graph().outputs

    @property
    def output_shape(self) -> Any:
        """The shape of the outputs, with None for the batch."""
        return self.compute_output_shape(self.input_shape)

    def _graph(self) -> Plan:
        if self.plan is None:
            raise GraphError(f"{self.name} is not made of tensors; call it on an Input to connect it: y = model(nn.Input(shape=...))")
        return self.plan

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None) -> Any:
        """The outputs for data, in batches.

        Parameters
        ----------
        x : array, or list or dict of arrays for several inputs, or iterable of batches
        batch_size : int
            32 by default.

        Returns
        -------
        ndarray, or a list or dict of them as the outputs are
        """
        return super().predict(x, batch_size, verbose, steps, callbacks)


def _shapes(shape: Any) -> list[Any]:
    from .graph import is_shape

    if is_shape(shape):
        return [shape]
    return [s for e in (shape.values() if isinstance(shape, dict) else shape) for s in _shapes(e)]


class Sequential(Model):
    """Layers one after another.

    Parameters
    ----------
    layers : list of Layer or Input, optional
    name : str, optional

    Examples
    --------
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((4,)), nn.Dense(3, activation="tanh"), nn.Dense(1)])
    >>> model.output_shape, model.count_params()
    ((None, 1), 19)
    """

    @made_of("sequential")
    def __init__(self, layers: Any = None, *, name: str | None = None, trainable: bool = True, dtype: Any = None) -> None:
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        self.stack: list[Layer] = []
        self.__dict__["start"] = None
        for layer in layers or ():
            self.add(layer)

    start: Any  # the Input tensor, when it is known

    def add(self, layer: Any) -> None:
        """Puts a layer at the end; an `Input` at the start fixes the shape."""
        if isinstance(layer, Tensor):
            if self.stack or self.plan is not None:
                raise GraphError("an Input is the first of a Sequential")
            self.__dict__["start"] = layer
        elif isinstance(layer, Layer):
            self.stack = [*self.stack, layer]
        else:
            raise GraphError(f"a Sequential is made of layers and one Input at its start; got {type(layer).__name__}")
        start = self.start
        if start is None and len(self.stack) == 1 and isinstance(layer, Model) and layer.plan is not None:
            start = self.__dict__["start"] = Input(layer.inputs[0].shape[1:], dtype=layer.inputs[0].dtype)
        if start is not None and self.stack:
            self._connect(start)

    def pop(self) -> Layer:
        """Takes the last layer off."""
        last = self.stack[-1]
        self.stack = self.stack[:-1]
        if self.start is not None and self.stack:
            self._connect(self.start)
        return last

    def _connect(self, start: Tensor) -> None:
        x = start
        self.dtype = start.dtype if "float" in start.dtype else self.dtype
        for layer in self.stack:
            x = layer(x)
        self.connect(start, x)

    @property
    def layers(self) -> list[Layer]:
        return list(self.stack)

    def build(self, input_shape: Any = None) -> None:
        if input_shape is not None and self.plan is None:
            self.__dict__["start"] = Input(tuple(input_shape)[1:], dtype=self.dtype)
            self._connect(self.start)

    def call(self, inputs: Any) -> Any:
        for layer in self.stack:
            inputs = layer(inputs)
        return inputs
