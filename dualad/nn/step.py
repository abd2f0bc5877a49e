"""A training, test or prediction step for batches of one shape, compiled: derivatives come from dualad, and a step replays them in C."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..errors import CompileWarning, DualadError
from ..program import Program, record
from ..transforms import value_and_grad
from . import activations
from .data import Batch
from .graph import leaves
from .variables import Scope, Variable, moves, run_in

MAX_PROGRAMS = 8  # of one kind of step that branches on values; after that it runs as plain Python
TRAIN, TEST, PREDICT = "train", "test", "predict"


class Step:
    """One kind of step of a model, for batches like `batch`.

    `run` leaves the gradients in the model's flat gradient buffer, and new states (moving averages) in their variables.
    """

    def __init__(self, model: Any, kind: str, batch: Batch, eagerly: bool = False) -> None:
        self.model, self.kind, self.eagerly = model, kind, eagerly
        free = model.trainable_weights
        self.variables = free if kind == TRAIN else []
        held = {id(v) for v in self.variables}
        self.states = [v for v in model.weights if id(v) not in held]
        self.programs: list[Replay] = []
        self.second: Any = None  # the compiled Hessian-vector product, once somebody needs it, and the last evaluation (see whole_batch)
        self.known: Any = None
        self._discover(batch)
        self._bind()

    def _discover(self, batch: Any) -> None:
        """A run on plain arrays: which random numbers are drawn, which states change, what comes out."""
        with run_in(Scope(self.kind == TRAIN)) as scope, np.errstate(all="ignore"):
            _, updates, parts, outputs = self._results(scope, *batch)
        self.draws = [(stream, kind, x) for stream, kind, _, x in scope.draws]
        self.updated = [v for v, _ in updates]
        self.n_parts = len(parts)
        self.outputs = [np.empty(np.shape(x), x.dtype) for x in outputs]
        self.fresh = True  # the numbers drawn serve the first run

    def _results(self, scope: Scope, xs: list[Any], ys: list[Any], weights: list[Any]) -> tuple[Any, list[tuple[Variable, Any]], list[Any], list[Any]]:
        """The loss, new states, single losses, and outputs where somebody reads them."""
        model = self.model
        total: Any = 0.0
        parts: list[Any] = []
        with activations.keeping_logits():
            outputs = leaves(model(model.input_structure(xs)))
            if self.kind != PREDICT:
                total, parts = model.compute_losses(xs, ys, outputs, weights)
                for v in model.weights:
                    if v.regularizer is not None:
                        total = total + v.regularizer(v.value)
                for term in scope.losses:
                    total = total + term
        keep = self.kind == PREDICT or model.reads_outputs
        return total, list(scope.updates.items()), parts, outputs if keep else []

    # ---- recording ----

    def _objective(self, values: list[Any], states: list[Any], draws: list[Any], xs: list[Any], ys: list[Any], weights: list[Any]) -> Any:
        bound = dict(zip([*self.variables, *self.states], [*values, *states]))
        with run_in(Scope(self.kind == TRAIN, bound, draws)) as scope:
            total, updates, parts, outputs = self._results(scope, xs, ys, weights)
        return total, ([x for _, x in updates], parts, outputs)

    def _all(self, *args: Any) -> list[Any]:
        """Everything a step gives, in one list: loss, gradients, states, single losses, outputs."""
        with np.errstate(all="ignore"):  # as in a program
            if self.kind == TRAIN:
                (total, aux), grads = value_and_grad(self._objective, has_aux=True)(*args)
            else:
                (total, aux), grads = self._objective(*args), []
        return [total, *grads, *(x for part in aux for x in part)]

    def _bind(self) -> None:
        """The arrays that all runs share: what is read before the batch, and where results go (None for numbers)."""
        self.before = ([v.array for v in self.variables], [v.array for v in self.states], [x for _, _, x in self.draws])
        self.targets: list[Any] = [None, *self.model.gradients_of(self.variables), *(v.array for v in self.updated), *[None] * self.n_parts, *self.outputs]
        self.first = 1 + len(self.variables) + len(self.updated)
        self.bound_at = moves[0]
        for program in self.programs:
            program.bind(self.targets)

    # ---- running ----

    def run(self, batch: Batch) -> tuple[float, list[float], list[Any]]:
        """Loss, single losses and outputs (which the next run overwrites)."""
        if self.bound_at != moves[0]:
            self._bind()
        if not self.fresh:
            for stream, kind, x in self.draws:
                stream.fill(kind, x)
        self.fresh = False
        results = None if self.eagerly else self._replayed(batch)
        if results is None:
            results = self._eager(batch)
        n = self.first
        return float(results[0]), [float(x) for x in results[n : n + self.n_parts]], results[n + self.n_parts :]

    def _replayed(self, batch: Batch) -> list[Any] | None:
        flat = [x for part in (*self.before, *batch) for x in part if x is not None]
        for program in self.programs:
            results = program.run(flat)
            if results is not None:
                return results
        if len(self.programs) == MAX_PROGRAMS:
            return None
        try:
            self.programs.insert(0, Replay(record(self._all, *self.before, *batch), self.targets))
        except DualadError as error:
            self.eagerly = True
            warnings.warn(f"the {self.kind} step of {self.model.name} runs as plain Python: {error}", CompileWarning, stacklevel=2)
            return None
        return self.programs[0].run(flat)

    def _eager(self, batch: Batch) -> list[Any]:
        results = self._all(*self.before, *batch)
        for place, x in zip(self.targets, results, strict=True):
            if place is not None:
                place[...] = x
        return results


class Replay:
    """A program with the arrays that take its results."""

    def __init__(self, program: Program, targets: list[Any]) -> None:
        self.program, self.into = program, program.machine.into
        self.bind(targets)

    def bind(self, targets: list[Any]) -> None:
        """Takes the arrays for the results."""
        kinds = self.program.machine.parts["outputs"]
        self.given = [t if kind[0] == "array" and kind[2] is None else None for t, kind in zip(targets, kinds, strict=True)]
        # results that are constants, as the gradient of a weight that nothing depends on
        self.copied = [(k, t) for k, t in enumerate(targets) if t is not None and self.given[k] is None]

    def run(self, flat: list[Any]) -> list[Any] | None:
        """The results; None where the program was recorded for another course, or for other values than these."""
        results: Any = self.into(flat, self.given.copy())
        if results is None or results is NotImplemented:
            return None
        for k, t in self.copied:
            t[...] = results[k]
            results[k] = t
        done: list[Any] = results
        return done
