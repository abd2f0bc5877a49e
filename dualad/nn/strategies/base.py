"""What strategies share: a batch as shards, computed by whoever it may be, and their results put together in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...errors import ShapeError, StrategyError
from ..data import Batch
from ..step import TRAIN
from .blas import set_blas_threads
from .shards import Part, Row, Shared, add, advance, ranges, tree


def whole(owner: Any, name: str, n: Any) -> int:
    """A number of at least 1."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise StrategyError(f"{type(owner).__name__}({name}={n!r}); a whole number of at least 1 is needed")
    return int(n)


class Layout:
    """The shards of batches of one shape that this process computes, with their memory."""

    def __init__(self, strategy: Strategy, kind: str, batch: Batch) -> None:
        model = strategy.model
        self.kind, self.n = kind, len(batch[0][0])
        self.ranges = ranges(self.n, strategy.shards)
        self.equal = self.n % len(self.ranges) == 0
        self.mine = [k for k in range(len(self.ranges)) if strategy.owner(k, len(self.ranges)) == strategy.rank]
        self.sums, self.dtype = losses_that_sum(model), model.dtype
        shared: dict[int, Shared] = {}
        self.parts: dict[int, Part] = {}
        for k in sorted({0, *self.mine}):  # every process knows part 0: which numbers are drawn, which states there are
            size = self.ranges[k][1] - self.ranges[k][0]
            self.parts[k] = Part(model, kind, self.cut(batch, k), shared.setdefault(size, Shared()))
        first = self.parts[0]
        self.streams, self.updated = list(first.streams.values()), first.updated
        self.rows = {k: self.parts[k].row() for k in sorted({0, *self.mine})}
        self.received = first.row()
        self.outputs = [self._whole(y, first) for y in first.outputs]
        for k in self.mine:
            a, b = self.ranges[k]
            self.parts[k].write_to(self.rows[k], [y[a:b] for y in self.outputs])

    def _whole(self, y: np.ndarray, first: Part) -> np.ndarray:
        rows = self.ranges[0][1]
        if y.ndim == 0 or len(y) != rows:
            raise ShapeError(f"an output of {first.model.name} has the shape {y.shape} for {rows} samples; the first axis must stay the batch")
        return np.empty((self.n, *y.shape[1:]), y.dtype)

    def cut(self, batch: Batch, k: int) -> Batch:
        """The samples of shard k, such that the mean of all shards' losses is that of the batch."""
        a, b = self.ranges[k]
        xs, ys, ws = ([None if x is None else x[a:b] for x in part] for part in batch)
        for output in self.sums:
            given = ws[output]
            w: np.ndarray = np.ones(b - a, self.dtype) if given is None else given
            ws[output] = w * w.dtype.type(self.n / (b - a))
        return xs, ys, ws


def losses_that_sum(model: Any) -> list[int]:
    """The outputs whose loss is a sum over samples, not a mean."""
    found = []
    for k, loss in enumerate(model.objective.losses):
        reduction = getattr(loss, "reduction", "mean")
        if reduction == "mean_with_sample_weight":
            raise StrategyError("a loss with reduction='mean_with_sample_weight' cannot be put together from shards; use 'sum_over_batch_size'")
        if reduction == "sum":
            found.append(k)
    return found


class Strategy:
    """Base of strategies.

    A batch of n samples is split into `shards` parts of equal size (they differ by one where n is no multiple). Their losses, gradients and new
    states are computed by separate calls and then averaged in pairs, in an order that depends on n and `shards` alone; random numbers belong to
    shards. So results are the same, bit for bit, however many threads or processes there are. They are those of training without a strategy up to
    rounding, but for dropout and noise (other numbers) and batch normalisation (each shard by its own mean and variance).

    Each shard has a gradient of its own in memory, and products of matrices with few rows take longer: more shards serve more workers, fewer are faster.

    Losses of your own (`compute_loss`, `add_loss`) must be means over the samples.
    """

    shards = 8
    rank, size = 0, 1
    blas_threads: int | None = 1
    model: Any = None
    _blas_before: int | None = None

    def owner(self, k: int, count: int) -> int:
        """The process that computes shard k of `count`."""
        return 0

    def begin(self, fit: Any) -> None:
        """Takes a model over at the start of `fit`."""
        model = fit.model
        if getattr(model.optimizer, "whole_batch", False):
            raise StrategyError(f"the optimizer {type(model.optimizer).__name__} evaluates the loss several times a step; it cannot be used with a strategy")
        self.model = model
        if self.blas_threads is not None:
            self._blas_before = set_blas_threads(self.blas_threads)
        model._set(strategy=self)

    def failed(self, error: BaseException) -> None:
        """Told of an exception that ends `fit`."""

    def finish(self) -> None:
        """Told that `fit` has trained to its end."""

    @contextmanager
    def over(self, fit: Any) -> Iterator[None]:
        """Trains a model for a while."""
        if self.model is not None:
            raise StrategyError(f"this {type(self).__name__} is training {self.model.name}; make another one for {fit.model.name}")
        try:
            self.begin(fit)
            yield
            self.finish()
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            self.end(fit)

    def end(self, fit: Any) -> None:
        """Leaves the model at the end of `fit`, also when an exception ends it."""
        fit.model._set(strategy=None)
        self.model = None
        if self._blas_before is not None:
            set_blas_threads(self._blas_before)
            self._blas_before = None

    def run(self, kind: str, batch: Batch) -> tuple[float, list[float], list[Any]]:
        """One step without the update: loss, single losses, outputs. Gradients are then in the model's flat gradient, states in their variables."""
        layout = self._layout(kind, batch)
        self.compute(layout, batch)
        total = self.combine(layout)
        if layout.equal and len(layout.ranges) > 1:
            total.scale(1 / len(layout.ranges))
        if kind == TRAIN:
            self.model.flat_gradient[...] = total.gradient
        for v, x in zip(layout.updated, total.states):
            v.array[...] = x
        for stream in layout.streams:
            advance(stream)
        losses = total.losses.tolist()
        return losses[0], losses[1:], layout.outputs

    def _layout(self, kind: str, batch: Batch) -> Layout:
        """Kept among the model's steps: what makes these outdated concerns shards, too."""
        key = ("shards", self.shards, self.rank, self.size, kind, *[None if x is None else (x.shape, x.dtype.num) for part in batch for x in part])
        steps = self.model._steps
        if key not in steps:
            steps[key] = Layout(self, kind, batch)
        layout: Layout = steps[key]
        return layout

    def compute(self, layout: Layout, batch: Batch) -> None:
        """Computes the shards of this process."""
        for k in layout.mine:
            self.one(layout, batch, k)

    def one(self, layout: Layout, batch: Batch, k: int) -> None:
        """Computes shard k; weighted by its size where shards differ."""
        layout.parts[k].compute(k, layout.cut(batch, k))
        if not layout.equal:
            a, b = layout.ranges[k]
            layout.rows[k].scale((b - a) / layout.n)

    def combine(self, layout: Layout) -> Row:
        """The sum of all rows."""
        add(layout.rows, tree(len(layout.ranges)))
        return layout.rows[0]
