"""Compiled models: losses, steps, and the flat arrays in which weights and gradients lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LossError
from .data import Batch
from .graph import leaves, mapped
from .objective import Objective, not_compiled, structure
from .random import Stream
from .step import TRAIN, Step

if TYPE_CHECKING:
    from .variables import Variable


class Compiling:
    """What `compile` brings, for `Model`."""

    name: str
    built: bool
    dtype: str
    plan: Any
    trainable_weights: list[Variable]
    weights: list[Variable]

    optimizer: Any = None
    objective: Objective | None = None
    strategy: Any = None
    stop_training = False
    history: Any = None
    run_eagerly = False
    _steps: Any = None
    _packed: Any = None
    _shuffle: Stream | None = None
    same_data: Any = None  # while all steps of a fit have one and the same batch: an object of that fit

    # ---- compiling ----

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None, weighted_metrics: Any = None,
                run_eagerly: bool = False, jit_compile: Any = "auto") -> None:
        """Says how to train.

        Parameters
        ----------
        optimizer : name, Optimizer or config
        loss : name, Loss or function, or a list or dict of them by output
            A function gets targets and outputs, and returns one number for each sample, or one in all. None: what layers add with ``add_loss``.
        loss_weights : float, list or dict, optional
        metrics, weighted_metrics : list of names, metrics or functions, or a dict by output, optional
        run_eagerly : bool
            Run steps as plain Python, to debug a layer or loss.
        jit_compile : ignored
            For code written for Keras: steps are always compiled, unless `run_eagerly`.

        Raises
        ------
        UnknownNameError
            No such optimizer, loss or metric; the message gives the nearest name.
        """
        from . import losses as known_losses
        from . import metrics as known_metrics
        from . import optimizers

        made = optimizers.get(optimizer)
        for x in leaves(loss):  # names are looked up before anything changes
            if x is not None:
                known_losses.get(x)
        for x in leaves([metrics, weighted_metrics]):
            if isinstance(x, str):
                known_metrics.get(x)
        self._set(optimizer=made, run_eagerly=run_eagerly, stop_training=False)
        self._given = (loss, loss_weights, metrics, weighted_metrics)
        self._forget_steps()
        self._set(objective=None)

    _given: tuple[Any, Any, Any, Any] | None = None

    def _set(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def _forget_steps(self) -> None:
        self._set(_steps={}, _packed=None)

    def output_names(self) -> list[str]:
        """Names of the outputs, as losses and metrics may be given by."""
        if self.plan is not None:
            outputs = self.plan.outputs
            return list(outputs) if isinstance(outputs, dict) else [t.node.layer.name if t.node else t.name for t in leaves(outputs)]
        return getattr(self, "_names", None) or ["output"]

    def _prepare(self, batch: Batch) -> Objective:
        """Builds what needs to have seen data."""
        if self._given is None:
            raise LossError(not_compiled(self))
        if self._packed is None or not self._holds(self.trainable_weights):
            outputs = leaves(self(self.input_structure([x[:1] for x in batch[0]])))  # type: ignore[operator]
            if self.plan is None:
                self._set(_names=[f"output_{k + 1}" for k in range(len(outputs))] if len(outputs) > 1 else ["output"])
            self.output_shapes = [(None, *np.shape(y)[1:]) for y in outputs]
            self._pack()
        if self.objective is None:
            self._set(objective=Objective(self.output_names(), self._given, self.output_shapes))
        assert self.objective is not None
        return self.objective

    output_shapes: Any = ()

    def _holds(self, free: list[Variable]) -> bool:
        """Whether these are the weights in the flat array; another model that has some of them may have moved them to its own."""
        flat, _, _, packed = self._packed
        return len(free) == len(packed) and all(v is w and (v.array.base is flat or not v.size) for v, w in zip(free, packed))

    def _pack(self) -> None:
        """Moves all trainable weights into one flat array, with one flat gradient beside it."""
        free = self.trainable_weights
        dtypes = {v.dtype for v in free}
        if len(dtypes) > 1:
            raise LossError(f"the trainable weights of {self.name} are of types {sorted(map(str, dtypes))}; give all layers the same dtype")
        size = sum(v.size for v in free)
        dtype = dtypes.pop() if dtypes else np.dtype(self.dtype)
        flat, gradient, at = np.empty(size, dtype), np.zeros(size, dtype), 0
        places: dict[int, np.ndarray] = {}
        for v in free:
            v.move(flat[at : at + v.size].reshape(v.shape))
            places[id(v)] = gradient[at : at + v.size].reshape(v.shape)
            at += v.size
        self._set(_packed=(flat, gradient, places, free), _steps={})
        if free and self.optimizer is not None and not getattr(self.optimizer, "whole_batch", False):
            if getattr(self.optimizer, "variables", None) and [id(v) for v in self.optimizer.variables] == [id(v) for v in free]:
                state = self.optimizer.state()
                self.optimizer.build(free)
                self.optimizer.set_state(state)
            else:
                self.optimizer.build(free)

    def gradients_of(self, variables: list[Variable]) -> list[np.ndarray]:
        """Their places in the flat gradient."""
        return [self._packed[2][id(v)] for v in variables]

    @property
    def whole_batch(self) -> bool:
        """Whether the optimizer evaluates the loss of a batch at several points (L-BFGS, Newton-CG)."""
        return bool(getattr(self.optimizer, "whole_batch", False))

    @property
    def flat_weights(self) -> np.ndarray:
        """The trainable weights as one array: the memory in which they lie."""
        out: np.ndarray = self._packed[0]
        return out

    @property
    def flat_gradient(self) -> np.ndarray:
        """The gradient that the last step left."""
        out: np.ndarray = self._packed[1]
        return out

    @property
    def shuffle_stream(self) -> Stream:
        """The stream of random numbers that orders samples."""
        if self._shuffle is None:
            self._set(_shuffle=Stream())
        assert self._shuffle is not None
        return self._shuffle

    # ---- losses, to be overridden ----

    def compute_losses(self, xs: list[Any], ys: list[Any], outputs: list[Any], weights: list[Any]) -> tuple[Any, list[Any]]:
        """The loss and its parts (see `compute_loss`), for a traced batch."""
        if type(self).compute_loss is not Compiling.compute_loss:
            return self.compute_loss(*(part[0] if len(part) == 1 else part for part in (xs, ys, outputs, weights))), []
        assert self.objective is not None
        return self.objective.total(ys, outputs, weights)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch; override it for one of your own, in plain NumPy."""
        return self.compute_losses(leaves(x), leaves(y), leaves(y_pred), leaves(sample_weight))[0]

    def loss(self, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The compiled loss of targets and outputs, without penalties; a number."""
        if self.objective is None:
            if self._given is None:
                raise LossError(not_compiled(self))
            names = self.output_names()
            self._set(objective=Objective(names, self._given, [(None, *np.shape(p)[1:]) for p in leaves(y_pred)]))
        assert self.objective is not None
        names = self.objective.names
        weights = structure(sample_weight, names) if sample_weight is not None else [None] * len(names)
        return self.objective.total(structure(y, names), leaves(y_pred), weights)[0]

    @property
    def reads_outputs(self) -> bool:
        """Whether a step must hand out the outputs."""
        return bool(self.objective and self.objective.metrics)

    # ---- steps ----

    def input_structure(self, xs: list[Any]) -> Any:
        """The list of input arrays as the model takes it."""
        wanted = self.plan.inputs if self.plan is not None else None
        if wanted is None:
            return xs[0] if len(xs) == 1 else xs
        rest = iter(xs)
        return mapped(lambda t: next(rest), wanted)

    def step(self, kind: str, batch: Batch) -> Step:
        """The compiled step for batches of this shape."""
        key = (kind, *[None if x is None else (x.shape, x.dtype.num) for part in batch for x in part])
        steps = self._steps
        if key not in steps:
            steps[key] = Step(self, kind, batch, self.run_eagerly)
        return steps[key]

    def train_step(self, batch: Batch) -> tuple[float, list[float], list[Any]]:
        """One update; the loss, single losses and outputs."""
        if self.whole_batch:
            from .whole_batch import train_step

            result = train_step(self, self.step(TRAIN, batch), batch)
            self.constrain()
            return result
        result = self.run_step(TRAIN, batch)
        self.update()
        return result

    def run_step(self, kind: str, batch: Batch) -> tuple[float, list[float], list[Any]]:
        """A step without update, by the strategy of `fit` if there is one."""
        return self.step(kind, batch).run(batch) if self.strategy is None else self.strategy.run(kind, batch)

    def update(self) -> None:
        """Lets the optimizer use the flat gradient, then applies constraints."""
        flat, gradient, _, _ = self._packed
        if flat.size:
            self.optimizer.apply_flat(flat, gradient)
        self.constrain()

    def constrain(self) -> None:
        """Applies constraints."""
        for v in self._packed[3]:
            if v.constraint is not None:
                v.array[...] = v.constraint(v.array)
