"""Metrics: streaming numbers over the batches of an epoch, summed in float64."""

from __future__ import annotations

import math
from typing import Any, Callable

import numpy as np

from ... import _core
from ...errors import ParameterError, ShapeError
from .._names import Configured, snake, undefined
from ..losses._base import same_rank


def numbers(x: Any) -> np.ndarray:
    """A plain array; traced values have no place in a metric."""
    return np.asarray(_core.value(x))


def ratio(a: Any, b: Any) -> Any:
    """``a / b``, zero where `b` is."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape)), where=b != 0)


def spread_weights(sample_weight: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Weights of samples (or of elements) as an array of the shape.

    Raises
    ------
    ShapeError
        They do not fit.
    """
    if sample_weight is None:
        return np.ones(shape)
    w = np.asarray(numbers(sample_weight), np.float64)
    if w.ndim == len(shape) + 1 and w.shape[-1] == 1:
        w = w[..., 0]
    if w.ndim > len(shape) or any(m not in (1, n) for m, n in zip(w.shape, shape)):
        raise ShapeError(f"sample weights of shape {w.shape} do not fit values of shape {shape}: give one weight a sample")
    return np.broadcast_to(w.reshape(w.shape + (1,) * (len(shape) - w.ndim)), shape)


def columns(a: np.ndarray) -> np.ndarray:
    """Samples by rows, all further axes as one."""
    return a.reshape(len(a), math.prod(a.shape[1:]))


def as_number(x: Any) -> Any:
    """A float where there is one number, else the array."""
    x = np.asarray(x, np.float64)
    return float(x.reshape(())) if x.size == 1 else x


class Metric(Configured):
    """Base of metrics. Derive from it and define `initial`, `update_state` and `result`.

    The state is a dict of numbers and arrays, which `update_state` adds to.

    Parameters
    ----------
    name : str, optional
    """

    fields: tuple[str, ...] = ("name",)

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake(type(self).__name__)
        self._state: dict[str, Any] = self.initial()

    def initial(self) -> dict[str, Any]:
        """The state before any data: zeros, which take the shape of what is added."""
        raise undefined(self, "initial(self)")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch in."""
        raise undefined(self, "update_state(self, y_true, y_pred, sample_weight=None)")

    def result(self) -> Any:
        """The number so far."""
        raise undefined(self, "result(self)")

    def reset_state(self) -> None:
        """Forgets all data."""
        self._state = self.initial()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def state(self) -> dict[str, Any]:
        """A copy of the state, for checkpoints."""
        return {name: x.copy() if isinstance(x, np.ndarray) else float(x) for name, x in self._state.items()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave.

        Raises
        ------
        ParameterError
            The state is that of another metric.
        """
        if set(state) != set(self._state):
            raise ParameterError(f"the state of {self.name} holds {sorted(self._state)}, not {sorted(state)}")
        self._state = {name: np.array(x, np.float64) if np.ndim(x) else float(x) for name, x in state.items()}

    def _add(self, **amounts: Any) -> None:
        """Adds to the state."""
        for name, x in amounts.items():
            self._state[name] = self._state[name] + (x if np.ndim(x) else float(x))

    def _check_columns(self, name: str, a: np.ndarray) -> None:
        """Raises ShapeError where a batch has another number of columns than those before."""
        seen = np.shape(self._state[name])
        if seen and seen != a.shape[1:]:
            raise ShapeError(f"{self.name} has seen batches of {seen[0]} columns, and now one of {a.shape[1]}")


class Sum(Metric):
    """The (weighted) sum of values.

    Examples
    --------
    >>> from dualad.nn import metrics
    >>> total = metrics.Sum()
    >>> total.update_state([1.0, 2.0]); total.update_state([4.0], sample_weight=0.5)
    >>> total.result()
    5.0
    """

    def initial(self) -> dict[str, Any]:
        """The state before any data."""
        return {"total": 0.0}

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Takes values in."""
        v = np.asarray(numbers(values), np.float64)
        self._add(total=np.sum(v * spread_weights(sample_weight, v.shape)))

    def result(self) -> float:
        """The sum."""
        return float(self._state["total"])


class Mean(Metric):
    """The (weighted) mean of values, one of each sample: further axes are averaged.

    Examples
    --------
    >>> from dualad.nn import metrics
    >>> mean = metrics.Mean()
    >>> mean.update_state([1.0, 3.0], sample_weight=[1, 3]); mean.result()
    2.5
    """

    def initial(self) -> dict[str, Any]:
        """The state before any data."""
        return {"total": 0.0, "count": 0.0}

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Takes values in."""
        v = np.atleast_1d(np.asarray(numbers(values), np.float64))
        if sample_weight is None:
            samples = v.mean(axis=tuple(range(1, v.ndim))) if v.ndim > 1 else v
            self._add(total=samples.sum(), count=len(samples))
            return
        w, v = same_rank(np.atleast_1d(np.asarray(numbers(sample_weight), np.float64)), v)
        if w.ndim < v.ndim:
            v = v.mean(axis=tuple(range(w.ndim, v.ndim)))
        w = spread_weights(w, v.shape)
        self._add(total=np.sum(v * w), count=np.sum(w))

    def result(self) -> float:
        """The mean; 0 before any data."""
        return float(ratio(self._state["total"], self._state["count"]))


class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions.

    Parameters
    ----------
    fn : callable
        ``fn(y_true, y_pred, **options)`` gives the values of the samples.
    name : str, optional
    **options
        Passed to `fn`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import metrics
    >>> worst = metrics.MeanMetricWrapper(lambda t, y: np.max(np.abs(y - t), axis=-1), name="worst")
    >>> worst(np.zeros((2, 2)), np.array([[1.0, -3.0], [1.0, 0.0]]))
    2.0
    """

    fields = ("fn", "name")

    def __init__(self, fn: Callable[..., Any], name: str | None = None, **options: Any) -> None:
        if not callable(fn):
            raise ParameterError(f"MeanMetricWrapper(fn={fn!r}); it takes a callable: pass custom_objects={{{fn!r}: the_function}} when loading")
        super().__init__(name or getattr(fn, "__name__", None))
        self.fn, self.options = fn, options

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain JSON values."""
        return {**super().get_config(), **self.options}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Takes a batch in."""
        super().update_state(self.fn(numbers(y_true), numbers(y_pred), **self.options), sample_weight)


def of_function(name: str, function: Callable[..., Any], sentence: str, *options: tuple[str, Any]) -> type[MeanMetricWrapper]:
    """A class for the mean of one function, whose options are the constructor's arguments."""

    def __init__(self: MeanMetricWrapper, *args: Any, **kwargs: Any) -> None:
        given = dict(zip([option for option, _ in options] + ["name"], args)) | kwargs
        unknown = set(given) - {option for option, _ in options} - {"name"}
        if unknown or len(args) > len(options) + 1:
            raise TypeError(f"{name} takes {', '.join([option for option, _ in options] + ['name'])}, not {args} {kwargs}")
        label = given.pop("name", None)
        MeanMetricWrapper.__init__(self, function, label or snake(name), **{**dict(options), **given})

    def get_config(self: MeanMetricWrapper) -> dict[str, Any]:
        return {**self.options, "name": self.name}

    doc = f"{sentence}\n\n    Parameters\n    ----------\n    " + "\n    ".join([f"{option} : {default!r} by default" for option, default in options] +
                                                                                ["name : str, optional"]) + "\n    "
    return type(name, (MeanMetricWrapper,), {"__init__": __init__, "get_config": get_config, "__doc__": doc, "__module__": function.__module__})
