"""From what users give to batches: arrays, structures and iterables, checked against the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DataError
from .compiling import Compiling
from .data import ArraySource, Batch, IterableSource, as_data
from .graph import leaves
from .objective import check_shapes, structure

DEFAULT_BATCH = 32


class Feeding(Compiling):
    """Where batches come from, for `Model`."""

    def names_in(self) -> list[str]:
        if self.plan is None:
            return []
        inputs = self.plan.inputs
        return list(inputs) if isinstance(inputs, dict) else [t.name for t in leaves(inputs)]

    def _arrays(self, x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> tuple[list[Any], list[Any], list[Any]]:
        """Inputs, targets and weights as lists of arrays."""
        xs = [as_data(a, "x") for a in structure(x, self.names_in())]
        names = self.output_names()
        ys = [None] * len(names) if y is None else [None if a is None else as_data(a, "y") for a in structure(y, names)]
        ws: list[Any] = [None] * len(names)
        if sample_weight is not None:
            ws = [None if a is None else as_data(a, "sample_weight") for a in structure(sample_weight, names)]
        if len(ws) == 1 and len(ys) > 1:
            ws = ws * len(ys)
        if class_weight is not None:
            ws = [_class_weights(class_weight, ys[0], ws[0]), *ws[1:]]
        return xs, ys, ws

    def _dtypes(self, xs: list[Any], ys: list[Any], ws: list[Any]) -> list[Any]:
        """The types in which a step takes the arrays: floating-point but for integer inputs and labels."""
        wanted = [t.dtype for t in leaves(self.plan.inputs)] if self.plan is not None else [self.input_dtype(x) for x in xs]
        return [*wanted, *(self.dtype if y is None or y.dtype.kind in "bf" or not self._labels(k) else y.dtype for k, y in enumerate(ys)),
                *[self.dtype] * len(ws)]

    def input_dtype(self, x: np.ndarray) -> Any:
        """The type of inputs of a model without graph: integers stay where the first layer counts on them."""
        layers = getattr(self, "layers", [])
        return x.dtype if layers and not layers[0].casts else self.dtype

    def _labels(self, k: int) -> bool:
        loss = self.objective.losses[k] if self.objective is not None else None
        return "Sparse" in type(loss).__name__

    def source(self, x: Any, y: Any = None, sample_weight: Any = None, batch_size: int | None = None, steps: int | None = None,
               class_weight: Any = None, target: bool = True) -> Any:
        """Where batches come from. Without `y`, the targets are the inputs themselves where the losses need targets."""
        if x is None:
            raise DataError("there is no data: give x, an array with one sample in each row, or an iterable of batches")
        batches = hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))
        if batches and not isinstance(x, (np.ndarray, list, tuple, dict)) and not hasattr(x, "__array__"):
            if y is not None:
                raise DataError("y is part of what an iterable gives: batches (x, y)")
            return self._iterable(x, steps, target)
        if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
            raise DataError(f"batch_size={batch_size!r}; a whole number of at least 1 is needed")
        xs, ys, ws = self._arrays(x, y, sample_weight, class_weight)
        if target and y is None and self._given is not None and self._given[0] is not None:
            ys = self._same_targets(xs)
        self._prepared([a[:1] for a in xs])
        if target:
            check_shapes(self.output_names(), ys, self.output_shapes)
            self._need_targets(ys)
            if self.objective is not None:
                self.objective.targets(ys, self.output_shapes)
        return ArraySource(xs, ys, ws, int(batch_size or (len(xs[0]) if target and self.whole_batch else DEFAULT_BATCH)), self._dtypes(xs, ys, ws))

    def _prepared(self, xs: list[Any]) -> None:
        dtypes = self._dtypes(xs, [], [])
        if len(xs[0]) == 0:
            raise DataError("the data holds no samples")
        batch: Batch = ([np.asarray(x, d) for x, d in zip(xs, dtypes)], [], [])
        if self._given is not None:
            self._prepare(batch)
        elif self._steps is None:  # only to predict: the weights stay where they are, perhaps in another model's flat array
            outputs = leaves(self(self.input_structure(batch[0])))  # type: ignore[operator]
            self._set(output_shapes=[(None, *np.shape(y)[1:]) for y in outputs], _steps={})

    def _need_targets(self, ys: list[Any]) -> None:
        if self.objective is None:
            return
        for name, loss, y in zip(self.output_names(), self.objective.losses, ys):
            if loss is not None and y is None:
                raise DataError(f"the output {name!r} has a loss but no targets; give y")

    def _same_targets(self, xs: list[Any]) -> list[Any]:
        """The inputs as targets: an autoencoder's."""
        n = len(self.output_names())
        if len(xs) != n:
            raise DataError(f"no targets were given; the inputs can serve as targets when there are as many as outputs, not {len(xs)} for {n}")
        return xs

    def _iterable(self, x: Any, steps: int | None, target: bool) -> IterableSource:
        def typed(x: Any, y: Any, w: Any) -> Batch:
            xs, ys, ws = self._arrays(x, y, w)
            if target and y is None and self._given is not None and self._given[0] is not None:
                ys = self._same_targets(xs)
            self._prepared([a[:1] for a in xs])
            if target:
                check_shapes(self.output_names(), ys, self.output_shapes)
                self._need_targets(ys)
            dtypes = iter(self._dtypes(xs, ys, ws))
            a, b, c = ([None if x is None else np.asarray(x, next_type) for x, next_type in zip(part, dtypes)] for part in (xs, ys, ws))
            return a, b, c

        return IterableSource(x, steps, typed)


def _class_weights(class_weight: dict[int, float], y: Any, weights: Any) -> np.ndarray:
    if y is None:
        raise DataError("class_weight needs targets")
    labels = np.argmax(y, -1) if y.ndim > 1 and y.shape[-1] > 1 else np.reshape(y, len(y)).astype(int)
    missing = set(np.unique(labels).tolist()) - set(class_weight)
    if missing:
        raise DataError(f"class_weight has no weight for the labels {sorted(missing)}")
    found = np.array([class_weight[k] for k in range(max(class_weight) + 1) if k in class_weight])
    keys = np.array(sorted(class_weight))
    out = found[np.searchsorted(keys, labels)]
    return out if weights is None else out * weights
