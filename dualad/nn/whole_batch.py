"""Steps of optimizers that evaluate the loss of one batch at several points (L-BFGS, Newton-CG)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiled import compile as compiled
from ..transforms import hvp
from .data import Batch
from .step import Step


class WholeBatch:
    """The loss of one batch as a function of all trainable weights, with the same random numbers each time."""

    def __init__(self, model: Any, step: Step, batch: Batch) -> None:
        self.model, self.step, self.batch = model, step, batch
        self.first: Any = None
        self.states: list[np.ndarray] = []

    def evaluate(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient."""
        self.model.flat_weights[...] = theta
        result = self._known(theta) if self.first is None else None
        if result is None:
            self.model.optimizer.evaluations += 1
            if self.first is not None:
                self.step.fresh = True  # no new random numbers
            loss, parts, outputs = self.step.run(self.batch)
            result = loss, parts, outputs, self.model.flat_gradient.copy()
            self.step.known = self.model.same_data, theta.copy(), result
        if self.first is None:
            loss, parts, outputs, _ = result
            self.first = loss, parts, [np.copy(x) for x in outputs]
            self.states = [v.numpy() for v in self.step.updated]
        return result[0], result[3]

    def _known(self, theta: np.ndarray) -> Any:
        """What the last iteration found where this one begins, if nothing has changed since: one evaluation less."""
        data, at, result = self.step.known or (None, theta, None)
        same = data is not None and data is self.model.same_data and not self.step.draws and not self.step.updated and np.array_equal(at, theta)
        return result if same else None

    def product(self, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """The Hessian times a vector."""
        self.model.flat_weights[...] = theta
        self.model.optimizer.products += 1
        step, parts, at = self.step, [], 0
        for v in step.variables:
            parts.append(vector[at : at + v.size].reshape(v.shape))
            at += v.size
        if step.second is None:
            step.second = compiled(hvp(lambda *args: step._objective(*args)[0]))
        return np.concatenate([np.reshape(x, -1) for x in step.second(*step.before, *self.batch, parts)])

    def finish(self) -> None:
        """Leaves moving averages as the first evaluation made them."""
        for v, x in zip(self.step.updated, self.states):
            v.array[...] = x


def train_step(model: Any, step: Step, batch: Batch) -> tuple[float, list[float], list[Any]]:
    """One iteration; the loss, single losses and outputs before it."""
    problem = WholeBatch(model, step, batch)
    model.optimizer.minimize_step(problem.evaluate, problem.product, model.flat_weights)
    problem.finish()
    out: tuple[float, list[float], list[Any]] = problem.first
    return out
