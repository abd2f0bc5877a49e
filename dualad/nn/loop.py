"""The training loop. Its state - epoch, batch, order of the samples, sums of losses - can be saved at any batch and set again."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, LossError
from .callbacks import CallbackList
from .objective import not_compiled
from .schedules import PerEpoch
from .step import TEST, TRAIN

if TYPE_CHECKING:
    from .feeding import Feeding


class Tally:
    """Means of losses over the samples of an epoch."""

    def __init__(self, names: list[str]) -> None:
        self.names = ["loss", *names]
        self.sums = [0.0] * len(self.names)
        self.count = 0

    def add(self, loss: float, parts: list[float], n: int) -> None:
        """Takes the means of n samples in."""
        self.count += n
        for k, value in enumerate((loss, *parts)):
            self.sums[k] += value * n

    def results(self) -> dict[str, Any]:
        return {name: s / max(self.count, 1) for name, s in zip(self.names, self.sums)}

    def state(self) -> dict[str, Any]:
        return {"sums": list(self.sums), "count": self.count}

    def set_state(self, state: dict[str, Any]) -> None:
        sums = [float(s) for s in state["sums"]]
        if len(sums) != len(self.sums):
            raise DataError(f"the sums that were saved are those of {len(sums)} losses, not of {', '.join(self.names)}")
        self.sums, self.count = sums, int(state["count"])


def run_batch(model: Feeding, batch: Any, kind: str, tally: Tally) -> None:
    """One step, taken into the losses and metrics."""
    loss, parts, outputs = model.train_step(batch) if kind == TRAIN else model.run_step(TEST, batch)
    if not math.isfinite(loss):
        check_finite(batch)
    tally.add(loss, parts, len(batch[0][0]))
    objective = model.objective
    if objective is not None and objective.metrics:
        objective.update(batch[1], outputs, batch[2])


def run_epoch(model: Feeding, source: Any, kind: str, order: np.ndarray | None, watchers: CallbackList) -> dict[str, Any]:
    """All batches of a source; the losses and metrics."""
    objective = model.objective
    if objective is None:
        raise LossError(not_compiled(model))
    objective.reset()
    tally = Tally(objective.part_names())
    limit, k = len(source), 0
    while (not limit or k < limit) and (batch := source.batch(k, order)) is not None:
        watchers.batch("on_test_batch_begin", k, None)
        run_batch(model, batch, kind, tally)
        watchers.batch("on_test_batch_end", k, lambda: {**tally.results(), **objective.results()})
        k += 1
    if k == 0:
        raise DataError("the data holds no batches")
    return {**tally.results(), **objective.results()}


def check_finite(batch: Any) -> None:
    """Raises where the numbers of a batch are the reason for a loss that is none."""
    for what, part in zip(("inputs", "targets", "sample weights"), batch):
        for a in part:
            if a is not None and a.dtype.kind == "f" and not np.all(np.isfinite(a)):
                place = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
                raise DataError(f"the {what} hold {a[place]} (in this batch at {place}): remove or replace such samples, for example with np.nan_to_num")


class Fit:
    """One call of `fit`."""

    def __init__(self, model: Feeding, options: dict[str, Any]) -> None:
        self.model, self.strategy = model, self._strategy(options["strategy"])  # first: errors must reach other processes
        if model._given is None:
            raise LossError(not_compiled(model))
        self.epochs, self.epoch = _count("epochs", options["epochs"]), _count("initial_epoch", options["initial_epoch"])
        self.shuffle, self.frequency = options["shuffle"], _count("validation_freq", options["validation_freq"])
        x, y, weights = options["x"], options["y"], options["sample_weight"]
        validation = options["validation_data"]
        if options["validation_split"]:
            x, y, weights, validation = split(model, x, y, weights, options["validation_split"], validation)
        self.source = model.source(x, y, weights, options["batch_size"], options["steps_per_epoch"], options["class_weight"])
        one = model.whole_batch and self.source.size is not None and len(self.source) == 1
        self.shuffle = self.shuffle and not one  # the loss of all samples is the same in any order
        model._set(same_data=object() if one else None)
        self.validation = self._validation(validation, options)
        self._tell_schedule()
        self.cursor = 0
        self.batch: Any = None  # the last one
        self.order: np.ndarray | None = None
        self.tally: Tally | None = None
        self.logs: dict[str, Any] = {}
        params = {"epochs": self.epochs, "steps": self.steps() or None, "verbose": options["verbose"]}
        self.watchers = CallbackList(options["callbacks"], model, params, options["verbose"], loop=self)

    def _tell_schedule(self) -> None:
        """A schedule that counts epochs needs to know how many steps one is."""
        rate = getattr(self.model.optimizer, "_learning_rate", None)
        if isinstance(rate, PerEpoch) and rate.steps_per_epoch is None and self.steps():
            rate.steps_per_epoch = self.steps()

    def _validation(self, data: Any, options: dict[str, Any]) -> Any:
        if data is None:
            return None
        size = options["validation_batch_size"] or options["batch_size"]
        if isinstance(data, (tuple, list)):
            if not 1 <= len(data) <= 3:
                raise DataError(f"validation_data is (x, y) or (x, y, sample_weight), not {len(data)} parts")
            x, y, w = (*data, None, None)[:3]
            return self.model.source(x, y, w, size)
        return self.model.source(data, None, None, size, options["validation_steps"])

    def _strategy(self, given: Any) -> Any:
        if given is None:
            return None
        from .strategies import get

        return get(given)

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files, where there are several."""
        return self.strategy is None or self.strategy.rank == 0

    def steps(self) -> int:
        """Batches in an epoch; 0 where nobody knows."""
        return len(self.source)

    # ---- running ----

    def run(self) -> Any:
        """Trains; the history."""
        model, watchers = self.model, self.watchers
        if model.objective is None and self.source.size is None:
            self._first_batch()
        model._set(stop_training=False)
        with nullcontext() if self.strategy is None else self.strategy.over(self):
            watchers.call("on_train_begin")
            while self.tally is not None or (self.epoch < self.epochs and not model.stop_training):
                self._epoch()
            watchers.call("on_train_end", self.logs)
        if hasattr(model.optimizer, "finalize_variable_values"):
            model.optimizer.finalize_variable_values()
        return model.history

    def _first_batch(self) -> None:
        """Builds a model from the first batch of an iterable, which is put back."""
        source, first = self.source, self.source.batch(0, None)
        if first is None:
            raise DataError("the iterable gave no batch")
        if not source.indexed:
            source.iterator, source.taken = _chained(first_given=first, rest=source.iterator), 0
            typed = source._parts
            source._parts = lambda item: item.batch if isinstance(item, _Ready) else typed(item)

    def _epoch(self) -> None:
        """One epoch, or the rest of one that was interrupted."""
        model, watchers = self.model, self.watchers
        assert model.objective is not None
        if self.tally is None:  # a new epoch
            self.order = model.shuffle_stream.permutation(self._samples()) if self.shuffle and self._samples() else None
            model.objective.reset()
            self.tally = Tally(model.objective.part_names())
            watchers.call("on_epoch_begin", self.epoch)
        self._batches()
        logs = {**self.tally.results(), **model.objective.results()}
        if self.validation is not None and (self.epoch + 1) % self.frequency == 0:
            logs |= self._measure()
        self.logs, self.tally, self.cursor = logs, None, 0
        self.epoch += 1
        watchers.call("on_epoch_end", self.epoch - 1, logs)

    def _samples(self) -> int:
        """How many things there are to order: samples of arrays, or batches of a `Sequence`."""
        return self.source.size or (len(self.source.given) if self.source.indexed else 0)

    def _batches(self) -> None:
        model, watchers, tally = self.model, self.watchers, self.tally
        objective = model.objective
        assert tally is not None
        assert objective is not None
        limit, started = self.steps(), self.cursor
        current = lambda: {**tally.results(), **objective.results()}
        while (not limit or self.cursor < limit) and not model.stop_training:
            batch = self.source.batch(self.cursor, self.order)
            if batch is None:
                break
            self.batch = batch
            watchers.batch("on_train_batch_begin", self.cursor, None)
            run_batch(model, batch, TRAIN, tally)
            self.cursor += 1
            watchers.batch("on_train_batch_end", self.cursor - 1, current)
        if self.cursor == started == 0:
            raise DataError(f"the iterable had no batch left for epoch {self.epoch + 1}; give steps_per_epoch, or an iterable that starts anew (with __iter__)")

    def _measure(self) -> dict[str, Any]:
        """Losses and metrics on the validation data."""
        model, watchers = self.model, self.watchers
        watchers.call("on_test_begin")
        logs = run_epoch(model, self.validation, TEST, None, watchers)
        watchers.call("on_test_end", logs)
        return {f"val_{name}": value for name, value in logs.items()}

    # ---- state ----

    def state(self) -> dict[str, Any]:
        """Where the loop is: numbers, lists and arrays."""
        assert self.model.objective is not None
        within = self.tally is not None
        return {"epoch": self.epoch, "cursor": self.cursor, "order": self.order if within else None, "tally": self.tally.state() if self.tally else None,
                "logs": dict(self.logs), "stopped": bool(self.model.stop_training), "sources": [self.source.taken, getattr(self.validation, "taken", 0)],
                "metrics": [m.state() for _, _, _, m in self.model.objective.metrics], "shuffle": self.model.shuffle_stream.state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""
        objective = self.model.objective
        assert objective is not None
        self.epoch, self.cursor, self.order = int(state["epoch"]), int(state["cursor"]), self._checked_order(state["order"])
        if self.epoch < 0 or self.cursor < 0 or (state["tally"] is None and self.cursor):
            raise DataError(f"a training does not go on from epoch {self.epoch}, batch {self.cursor}")
        self.logs = dict(state["logs"])
        self.model._set(stop_training=bool(state["stopped"]))
        for source, taken in zip((self.source, self.validation), state["sources"]):
            if source is not None:
                source.skip(int(taken))
        self.tally = None
        if state["tally"] is not None:
            self.tally = Tally(objective.part_names())
            self.tally.set_state(state["tally"])
        for (_, _, _, metric), kept in zip(objective.metrics, state["metrics"], strict=True):
            metric.set_state(kept)
            metric.result()  # fails now, not later, where the state is none of its
        self.model.shuffle_stream.state = state["shuffle"]

    def _checked_order(self, order: Any) -> np.ndarray | None:
        """An order of the samples from a file."""
        n = self._samples()
        if order is None:
            return None
        if not isinstance(order, np.ndarray) or order.shape != (n,) or order.dtype.kind != "i" or not np.array_equal(np.sort(order), np.arange(n)):
            raise DataError(f"the order of samples that was saved is none of {n} samples")
        return order


class _Ready:
    def __init__(self, batch: Any) -> None:
        self.batch = batch


def _chained(first_given: Any, rest: Any) -> Any:
    yield _Ready(first_given)
    yield from rest


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < (0 if name == "initial_epoch" else 1):
        raise DataError(f"{name}={value!r}; a whole number{'' if name == 'initial_epoch' else ' of at least 1'} is needed")
    return int(value)


def split(model: Feeding, x: Any, y: Any, weights: Any, part: float, validation: Any) -> tuple[Any, Any, Any, Any]:
    """Takes the last samples for validation."""
    if not 0 < part < 1:
        raise DataError(f"validation_split={part!r}; a part of the samples between 0 and 1 is needed")
    if validation is not None:
        raise DataError("give validation_split or validation_data, not both")
    if not isinstance(x, (np.ndarray, list, tuple, dict)):
        raise DataError("validation_split needs arrays; for iterables give validation_data")
    xs, ys, ws = model._arrays(x, y, weights)
    n = len(xs[0])
    first = int(n * (1 - part))
    if first in (0, n):
        raise DataError(f"validation_split={part} of {n} samples leaves none to {'train' if first == 0 else 'measure'} on")

    def cut(arrays: list[Any], where: slice) -> Any:
        return None if all(a is None for a in arrays) else [None if a is None else a[where] for a in arrays]

    head = [cut(part, slice(0, first)) for part in (xs, ys, ws)]
    return head[0], head[1], head[2], tuple(cut(part, slice(first, n)) for part in (xs, ys, ws))
