"""Variables: the arrays that training changes. While a step is differentiated or recorded, a scope holds traced values in their place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._core import value
from ..errors import ShapeError


class Scope:
    """What one run of a model reads and leaves behind, apart from its arguments.

    `values` are taken in place of the arrays of variables; `updates` are what layers assigned (moving averages); `draws` are the random numbers,
    in order; `losses` are what layers added to the loss. `training` says whether dropout and its like are on.
    """

    def __init__(self, training: bool, values: dict[Variable, Any] | None = None, draws: list[Any] | None = None) -> None:
        self.training = training
        self.values = {} if values is None else values
        self.given = draws
        self.draws: list[tuple[Any, str, tuple[int, ...], Any]] = []  # stream, kind, shape, value
        self.updates: dict[Variable, Any] = {}
        self.losses: list[Any] = []
        self.parts: dict[str, Any] = {}  # losses that have a name of their own in logs

    def settle(self) -> None:
        """Writes what layers assigned into the variables."""
        for v, x in self.updates.items():
            v.array[...] = value(x)

    def entering(self, layer: Any) -> None:
        """Told before a layer is called."""

    def draw(self, stream: Any, kind: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """The next random numbers: given ones where the run is recorded, new ones otherwise."""
        x = stream.draw(kind, shape, dtype) if self.given is None else self.given[len(self.draws)]
        self.draws.append((stream, kind, shape, x))
        return x


_local = threading.local()
moves = [0]  # how often variables got other memory: compiled steps hold on to it


def scope() -> Scope | None:
    """The scope of the run that this thread is in."""
    return getattr(_local, "scope", None)


@contextmanager
def run_in(new: Scope) -> Iterator[Scope]:
    """Makes `new` the scope of this thread for a while."""
    old = scope()
    _local.scope = new
    try:
        yield new
    finally:
        _local.scope = old


@contextmanager
def mode(training: bool) -> Iterator[None]:
    """Turns dropout and its like on or off for a while."""
    current = scope()
    if current is None:
        with run_in(Scope(training)) as new:
            yield
        new.settle()
        return
    before, current.training = current.training, training
    try:
        yield
    finally:
        current.training = before


class _Over(dict[Any, Any]):
    """Values of variables before those of the scope around."""

    def __init__(self, values: dict[Variable, Any], around: Scope) -> None:
        super().__init__(values)
        self.around = around

    def get(self, v: Any, default: Any = None) -> Any:
        return self[v] if v in self else self.around.updates.get(v, self.around.values.get(v, default))


@contextmanager
def bound(values: dict[Variable, Any]) -> Iterator[Scope]:
    """Puts (traced) values in the place of variables for a while; the run around it, if there is one, sees nothing else of what happens inside."""
    around = scope()
    new = Scope(False, values) if around is None else Scope(around.training, _Over(values, around))
    if around is not None:
        new.draw = around.draw  # type: ignore[method-assign]
    with run_in(new):
        yield new


class Variable:
    """An array that layers own: weights, and states such as moving averages.

    Parameters
    ----------
    value : array
        The first value; its shape and dtype stay.
    name : str
    trainable : bool
        Whether optimizers change it.
    regularizer, constraint : callable, optional
        A term of the loss; what is applied after each update.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn.variables import Variable
    >>> w = Variable(np.zeros((2, 3)), "kernel")
    >>> w.assign(np.ones((2, 3)))
    >>> (np.ones(2) @ w).tolist()
    [2.0, 2.0, 2.0]
    """

    __array_ufunc__ = None  # arrays leave operators to the variable, which knows the value of the scope

    def __init__(self, value: Any, name: str, trainable: bool = True, regularizer: Callable[[Any], Any] | None = None,
                 constraint: Callable[[Any], Any] | None = None) -> None:
        self.array = np.array(value)
        self.name = self.path = name
        self.trainable = trainable
        self.regularizer, self.constraint = regularizer, constraint

    @property
    def value(self) -> Any:
        """The array; a traced value while a step is differentiated."""
        current = scope()
        return self.array if current is None else current.updates.get(self, current.values.get(self, self.array))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    @property
    def size(self) -> int:
        return self.array.size

    @property
    def ndim(self) -> int:
        return self.array.ndim

    def numpy(self) -> np.ndarray:
        """A copy of the array."""
        return self.array.copy()

    def assign(self, value: Any) -> None:
        """Sets the elements; while a model runs in training, they change when the step is done."""
        if np.shape(value) != self.shape:
            raise ShapeError(f"{self.path} has shape {self.shape}; it cannot be assigned a value of shape {np.shape(value)}")
        current = scope()
        if current is None:
            self.array[...] = value
        else:
            current.updates[self] = value

    def assign_add(self, value: Any) -> None:
        """Adds to the elements."""
        self.assign(self.value + value)

    def move(self, place: np.ndarray) -> None:
        """Makes `place`, an array of the same shape and dtype, the variable's memory."""
        place[...] = self.array
        self.array = place
        moves[0] += 1

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __repr__(self) -> str:
        return f"<Variable {self.path}, shape {self.shape}, {self.dtype}>"

    @property
    def T(self) -> Any:
        return self.value.T


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Variable) else x


def _operator(name: str) -> Any:
    def forward(self: Any, other: Any) -> Any:
        return getattr(np, name)(self.value, _value(other))

    def backward(self: Any, other: Any) -> Any:
        return getattr(np, name)(other, self.value)

    return forward, backward


for _dunder, _function in (("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("truediv", "divide"), ("pow", "power"), ("matmul", "matmul")):
    _forward, _backward = _operator(_function)
    setattr(Variable, f"__{_dunder}__", _forward)
    setattr(Variable, f"__r{_dunder}__", _backward)
setattr(Variable, "__neg__", lambda self: -self.value)  # noqa: B010 - beside the others
