"""The base of all layers: weights made at the first call, plain NumPy in `call`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import LayerError, ShapeError
from . import constraints, initializers, regularizers
from ._document import LAYERS, claim, is_own, revived
from ._names import Configured, plain, snake, undefined
from ._numbered import unique_name
from .config import float_name
from .graph import Node, Tensor, leaves, mapped
from .random import Stream
from .variables import Variable, mode, scope


def batch_shape(x: Any) -> tuple[int | None, ...]:
    """The shape of a tensor or array with None for the batch."""
    return x.shape if isinstance(x, Tensor) else (None, *np.shape(x)[1:])


class Layer(Configured):
    """A function with weights.

    A layer of your own sets options in ``__init__``, makes weights in ``build(input_shape)`` with `add_weight`, and computes in ``call(inputs)`` with
    plain NumPy; its derivative comes from dualad. ``call`` may take ``training``.

    Parameters
    ----------
    name : str, optional
        By default the class's name with a number.
    trainable : bool
        Whether optimizers change its weights.
    dtype : {"float32", "float64"}, optional
        By default `floatx`.
    activity_regularizer : callable or name, optional
        A term of the loss made of the outputs, divided by the batch size.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> class Scale(nn.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", "factor")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()(np.ones((1, 2), "float32")).tolist()
    [[1.0, 1.0]]
    """

    takes_training = False
    _own: dict[str, Any]  # variables by attribute
    _layers: dict[str, Any]  # layers by attribute
    _frozen: set[int]
    _stream: Stream | None
    built: bool

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not is_own(cls):
            LAYERS[cls.__name__] = cls
        code = getattr(cls.__dict__.get("call"), "__code__", None)
        if code is not None:
            cls.takes_training = "training" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    def __init__(self, *, name: str | None = None, trainable: bool = True, dtype: Any = None, activity_regularizer: Any = None) -> None:
        self.__dict__.update(_own={}, _layers={}, built=False, _stream=None)
        self.name = name or unique_name(snake(type(self).__name__))
        self.trainable = trainable
        self.dtype = float_name(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_shape: Any = None
        self.nodes: list[Node] = []

    def __setattr__(self, name: str, value: Any) -> None:
        if "_own" not in self.__dict__:
            raise LayerError(f"{type(self).__name__}.__init__ must call super().__init__() before it sets {name}")
        for table, kind in ((self._own, Variable), (self._layers, Layer)):
            table.pop(name, None)
            if isinstance(value, kind) or (isinstance(value, (list, tuple)) and value and all(isinstance(v, kind) for v in value)):
                table[name] = value
        object.__setattr__(self, name, value)
        if name == "trainable":  # of all inside, as in Keras
            for inner in list(self.sublayers())[1:]:
                object.__setattr__(inner, name, value)

    # ---- to be written by layers ----

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of a shape, in which None stands for the batch."""

    def call(self, inputs: Any) -> Any:
        """The outputs."""
        raise undefined(self, "call(self, inputs)")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the outputs for a shape of the inputs; by default found by a run on zeros."""
        from .graph import shape_by_running

        return shape_by_running(self, input_shape)

    # ---- weights ----

    def add_weight(self, shape: Any = (), initializer: Any = "glorot_uniform", name: str | None = None, trainable: bool = True, regularizer: Any = None,
                   constraint: Any = None, dtype: Any = None) -> Variable:
        """A new variable of this layer; assign it to an attribute."""
        shape = tuple(int(n) for n in shape)
        first = initializers.get("zeros" if claim(shape, f"{self.name}/{name}") else initializer)
        draw: Callable[..., Any] = first.drawn_by(self.random.generator) if hasattr(first, "drawn_by") else first
        variable = Variable(draw(shape, float_name(dtype or self.dtype)), name or "variable", trainable, regularizers.get(regularizer),
                            constraints.get(constraint))
        variable.path = f"{self.name}/{variable.name}"
        return variable

    @property
    def random(self) -> Stream:
        """The layer's own stream of random numbers; ``seed`` of the layer, if it has one."""
        if self._stream is None:
            self._stream = Stream(getattr(self, "seed", None))
        return self._stream

    def draw(self, kind: str, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Random numbers, ``"uniform"`` in [0, 1) or ``"normal"``, new in each step; a compiled step takes them as inputs."""
        current = scope()
        dtype = np.dtype(dtype or self.dtype)
        return self.random.draw(kind, tuple(shape), dtype) if current is None else current.draw(self.random, kind, tuple(shape), dtype)

    def add_loss(self, value: Any) -> None:
        """Adds a number to the loss of the model that is running."""
        current = scope()
        if current is not None:
            current.losses.append(value)

    def sublayers(self) -> Iterator[Layer]:
        """This layer and all inside it, each once."""
        seen: set[int] = set()
        waiting: list[Layer] = [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            yield layer
            waiting.extend(reversed([x for group in layer._layers.values() for x in (group if isinstance(group, (list, tuple)) else [group])]))

    def _variables(self, wanted: Callable[[Layer, Variable], bool]) -> list[Variable]:
        out: dict[int, Variable] = {}

        def visit(layer: Layer, trainable: bool, above: tuple[int, ...]) -> None:
            trainable = trainable and layer.trainable
            for group in layer._own.values():
                for v in group if isinstance(group, (list, tuple)) else [group]:
                    if wanted(layer, v) and (id(v) not in out):
                        out[id(v)] = v
                    states[id(v)] = states.get(id(v), True) and trainable
            for group in layer._layers.values():
                for inner in group if isinstance(group, (list, tuple)) else [group]:
                    if id(inner) not in above:
                        visit(inner, trainable, (*above, id(inner)))

        states: dict[int, bool] = {}
        visit(self, True, (id(self),))
        self.__dict__["_frozen"] = {k for k, free in states.items() if not free}
        return list(out.values())

    @property
    def weights(self) -> list[Variable]:
        """All variables, in the order of the layers."""
        return self._variables(lambda layer, v: True)

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """What optimizers change."""
        found = self._variables(lambda layer, v: v.trainable)
        return [v for v in found if id(v) not in self._frozen]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """What they do not: states, and the weights of layers with ``trainable=False``."""
        free = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in free]

    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all variables' arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, arrays: Any) -> None:
        """Sets all variables, in the order of `weights`; none is changed when one does not fit."""
        own, arrays = self.weights, [np.asarray(a) for a in arrays]
        if len(own) != len(arrays):
            raise ShapeError(f"{self.name} has {len(own)} weights, not {len(arrays)}" + ("" if self.built else "; it is not built yet: call it on data first"))
        for v, a in zip(own, arrays):
            if v.shape != a.shape:
                raise ShapeError(f"{v.path} has shape {v.shape}, not {a.shape}")
        for v, a in zip(own, arrays):
            v.assign(a)

    def count_params(self) -> int:
        """How many numbers the weights are."""
        return sum(v.size for v in self.weights)

    # ---- calling ----

    def __call__(self, inputs: Any, *more: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """On tensors: a node of a model. On arrays: the outputs."""
        if more:
            inputs = [inputs, *more]
        if any(isinstance(x, Tensor) for x in leaves(inputs)):
            return self._symbolic(inputs, kwargs)
        inputs = mapped(self._array, inputs)
        self._ensure_built(inputs)
        return self._run(inputs, training, kwargs)

    def _array(self, x: Any) -> Any:
        x = x.value if isinstance(x, Variable) else x
        if hasattr(x, "dtype") and hasattr(x, "shape"):
            return x.astype(self.dtype) if getattr(x.dtype, "kind", "f") in "biu" and self.casts else x
        x = np.asarray(x)
        return x.astype(self.dtype) if x.dtype.kind in "biuf" and self.casts else x

    casts = True  # whether numbers that come in are made floating-point

    def _run(self, inputs: Any, training: bool | None, kwargs: dict[str, Any]) -> Any:
        current = scope()
        if training is not None and (current is None or current.training != training):
            with mode(training):
                return self._run(inputs, training, kwargs)
        if current is not None:
            current.entering(self)
        if self.takes_training:
            kwargs = {**kwargs, "training": bool(current is not None and current.training) if training is None else training}
        out = self.call(inputs, **kwargs)
        if self.activity_regularizer is not None:
            self.add_loss(self.activity_regularizer(out) / np.shape(leaves(out)[0])[0])
        return out

    def _ensure_built(self, inputs: Any) -> None:
        shape = mapped(batch_shape, inputs)
        if not self.built:
            self.build(shape)
            self.built = True
            self.input_shape = shape
        self.check_input(shape)

    def check_input(self, shape: Any) -> None:
        """Raises where inputs of this shape cannot be taken."""

    def _symbolic(self, inputs: Any, kwargs: dict[str, Any]) -> Any:
        self._ensure_built(inputs)
        node = Node(self, inputs, kwargs, self.compute_output_shape(mapped(batch_shape, inputs)))
        self.nodes.append(node)
        return node.outputs

    @property
    def output(self) -> Any:
        """The tensor that the layer's first call on tensors gave."""
        if not self.nodes:
            raise LayerError(f"{self.name} was not called on tensors yet, so it has no output tensor")
        return self.nodes[0].outputs

    @property
    def input(self) -> Any:
        """The tensor of its first call."""
        return self.output and self.nodes[0].inputs

    def get_config(self) -> dict[str, Any]:
        config = {"name": self.name, **{f: plain(getattr(self, f)) for f in self.fields}}
        if not self.trainable:
            config["trainable"] = False
        if self.dtype != "float32":
            config["dtype"] = self.dtype
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = plain(self.activity_regularizer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**revived(config))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
