"""Tensors that stand for batches while a model is put together, and what they are computed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DetachedError, GraphError, ShapeError
from ._numbered import unique_name
from .config import float_name

Shape = tuple[int | None, ...]


def leaves(x: Any) -> list[Any]:
    """The parts of nested lists and dicts."""
    if isinstance(x, dict):
        return [leaf for k in x for leaf in leaves(x[k])]
    if isinstance(x, (list, tuple)):
        return [leaf for e in x for leaf in leaves(e)]
    return [x]


def mapped(f: Callable[[Any], Any], x: Any) -> Any:
    """The same structure with `f` of each part."""
    if isinstance(x, dict):
        return {k: mapped(f, v) for k, v in x.items()}
    return [mapped(f, e) for e in x] if isinstance(x, (list, tuple)) else f(x)


class Tensor:
    """A batch that is not there yet: its shape, with None for the number of samples, and the node that computes it.

    Operators and NumPy functions on tensors become layers of the model.
    """

    __array_priority__ = 100.0

    def __init__(self, shape: Shape, dtype: str, node: Node | None, name: str) -> None:
        self.shape, self.dtype, self.node, self.name = shape, dtype, node, name

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<Tensor {self.name}, shape {self.shape}, {self.dtype}>"

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return operation(getattr(ufunc, method), f"{ufunc.__name__}{'' if method == '__call__' else '_' + method}", args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return operation(function, function.__name__, args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        return operation(getitem, "getitem", (self, key), {})

    def reshape(self, *shape: Any) -> Any:
        return operation(np.reshape, "reshape", (self, shape[0] if len(shape) == 1 else shape), {})

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        return operation(np.sum, "sum", (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return operation(np.mean, "mean", (self,), {"axis": axis, "keepdims": keepdims})

    def __bool__(self) -> bool:
        raise DetachedError(f"{self!r} has no value yet, so Python cannot branch on it; use np.where, or write a Layer with the branch in its call")

    def __float__(self) -> float:
        raise DetachedError(f"{self!r} has no value yet; call the model on data to get numbers")

    def __iter__(self) -> Any:
        raise DetachedError(f"{self!r} has no value yet and cannot be iterated; index it, x[:, 0], or write a Layer")


def _operator(name: str, ufunc: Any) -> tuple[Any, Any]:
    return (lambda self, other: operation(ufunc, name, (self, other), {})), (lambda self, other: operation(ufunc, name, (other, self), {}))


for _name, _ufunc in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("truediv", np.divide), ("pow", np.power), ("matmul", np.matmul)):
    _forward, _backward = _operator(_name, _ufunc)
    setattr(Tensor, f"__{_name}__", _forward)
    setattr(Tensor, f"__r{_name}__", _backward)
setattr(Tensor, "__neg__", lambda self: operation(np.negative, "negative", (self,), {}))  # noqa: B010 - beside the others


def getitem(x: Any, key: Any) -> Any:
    """``x[key]`` as a function."""
    return x[key]


def operation(function: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """A NumPy function of tensors as a layer."""
    return _operations[0](function, name, args, kwargs)([x for x in leaves([args, kwargs]) if isinstance(x, Tensor)])


_operations: list[Any] = []  # the class of such layers, which is made of this module's parts (see `provides_operations`)


def provides_operations(cls: Any) -> Any:
    """Marks the class of layers that operators and NumPy functions of tensors become."""
    _operations[:] = [cls]
    return cls


class Node:
    """One call of a layer on tensors."""

    def __init__(self, layer: Any, inputs: Any, kwargs: dict[str, Any], shapes: Any) -> None:
        self.layer, self.inputs, self.kwargs = layer, inputs, kwargs
        self.outputs = _tensors(shapes, layer, self)


def _tensors(shapes: Any, layer: Any, node: Node) -> Any:
    if isinstance(shapes, dict):
        return {k: _tensors(v, layer, node) for k, v in shapes.items()}
    if isinstance(shapes, list):
        return [_tensors(s, layer, node) for s in shapes]
    return Tensor(tuple(shapes), layer.dtype, node, layer.name)


def Input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, name: str | None = None) -> Tensor:
    """The place of data in a model.

    Parameters
    ----------
    shape : tuple of int or None
        Of one sample, without the batch. None: any length.
    batch_size : int, optional
        When it never changes.
    dtype : {"float32", "float64", "int32", "int64"}, optional
    name : str, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from dualad import nn
    >>> x = nn.Input(shape=(784,))
    >>> nn.Dense(32, activation="relu")(x).shape
    (None, 32)
    """
    if isinstance(shape, (int, np.integer)):
        raise ShapeError(f"shape={shape}; a shape is a tuple, so for vectors of {shape} numbers write Input(shape=({shape},))")
    if shape is None or not all(n is None or (isinstance(n, (int, np.integer)) and n > 0) for n in shape):
        raise ShapeError(f"shape={shape!r}; give the shape of one sample, such as Input(shape=(784,))")
    kind = dtype if dtype in ("int32", "int64") else float_name(dtype)
    return Tensor((batch_size, *(None if n is None else int(n) for n in shape)), kind, None, name or unique_name("input"))


class Plan:
    """The nodes between inputs and outputs, in an order in which they can run."""

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = inputs, outputs
        for x in leaves([inputs, outputs]):
            if not isinstance(x, Tensor):
                raise GraphError(f"a model's inputs and outputs are tensors, made by Input and by layers called on them; got {type(x).__name__}")
        self.nodes = self._ordered()

    def _ordered(self) -> list[Node]:
        given = {id(x) for x in leaves(self.inputs)}
        done: set[int] = set()
        order: list[Node] = []
        waiting: list[tuple[Tensor, bool]] = [(x, False) for x in reversed(leaves(self.outputs))]
        while waiting:
            x, visited = waiting.pop()
            if id(x) in given:
                continue
            if x.node is None:
                raise GraphError(self._not_reached(x))
            if visited:
                if id(x.node) not in done:
                    done.add(id(x.node))
                    order.append(x.node)
            elif id(x.node) not in done:
                waiting.append((x, True))
                waiting.extend((y, False) for y in reversed(leaves(x.node.inputs)) if isinstance(y, Tensor))
        return order

    def _not_reached(self, x: Tensor) -> str:
        named = ", ".join(f"{i.name!r} with shape {i.shape}" for i in leaves(self.inputs))
        return (f"the outputs are computed from the input {x.name!r} with shape {x.shape}, which is not an input of this model ({named}). "
                f"Where {x.name!r} belongs to another part, such as a decoder, make that part a Model of its own and call it on this one's code: "
                "decoded = decoder(encoder(x))")

    def run(self, inputs: Any, visit: Callable[[Any, Any], Any] | None = None, shifts: dict[int, Any] | None = None) -> Any:
        """The outputs for arrays in the structure of the inputs; `shifts`, by ids of tensors, are added to what is computed."""
        values: dict[int, Any] = {id(t): x for t, x in zip(leaves(self.inputs), leaves(inputs))}
        for node in self.nodes:
            out = node.layer(mapped(lambda t: values[id(t)] if isinstance(t, Tensor) else t, node.inputs), **node.kwargs)
            for t, x in zip(leaves(node.outputs), leaves(out), strict=True):
                values[id(t)] = x if shifts is None or id(t) not in shifts else x + shifts[id(t)]
            if visit is not None:
                visit(node.layer, out)
        return mapped(lambda t: values[id(t)], self.outputs)

    def layers(self) -> list[Any]:
        """The layers, each once."""
        return list({id(node.layer): node.layer for node in self.nodes}.values())


def shape_by_running(layer: Any, input_shape: Any) -> Any:
    """The shape of a layer's outputs, by runs on zeros with two numbers for what is unknown."""

    def zeros(n: int) -> Any:
        return _shaped(lambda s: np.zeros([n if k is None else k for k in s], layer.dtype), input_shape)

    with np.errstate(all="ignore"):  # zeros may be divided by zeros
        first, second = (mapped(np.shape, layer._run(zeros(n), False, {})) if not isinstance(input_shape, list) or input_shape
                         else () for n in (2, 3))

    def unknown(a: Sequence[int], b: Sequence[int]) -> Shape:
        return tuple(m if m == n else None for m, n in zip(a, b))

    return _paired(unknown, first, second)


def is_shape(x: Any) -> bool:
    """Whether x is one shape, not a list of several."""
    return isinstance(x, tuple) and all(n is None or isinstance(n, (int, np.integer)) for n in x)


def _shaped(f: Callable[[Any], Any], x: Any) -> Any:
    if is_shape(x):
        return f(x)
    return {k: _shaped(f, v) for k, v in x.items()} if isinstance(x, dict) else [_shaped(f, e) for e in x]


def _paired(f: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if is_shape(a):
        return f(a, b)
    return {k: _paired(f, a[k], b[k]) for k in a} if isinstance(a, dict) else [_paired(f, x, y) for x, y in zip(a, b)]
