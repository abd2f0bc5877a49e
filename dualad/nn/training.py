"""Training of models: `fit`, `evaluate`, `predict`, and steps on single batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import LossError, ShapeError
from . import callbacks as callbacks_module
from .feeding import Feeding
from .graph import leaves, mapped
from .loop import Fit, run_epoch
from .objective import not_compiled
from .step import PREDICT, TEST, TRAIN


class Trainer(Feeding):
    """Training, for `Model`."""

    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto", callbacks: Any = None,
            validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True, class_weight: Any = None, sample_weight: Any = None,
            initial_epoch: int = 0, steps_per_epoch: int | None = None, validation_steps: int | None = None,
            validation_batch_size: int | None = None, validation_freq: int = 1, strategy: Any = None) -> Any:
        """Trains.

        Parameters
        ----------
        x : array, list or dict of arrays, or iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``
            One sample in each row; may be larger than memory when mapped from a file (`numpy.load` with ``mmap_mode="r"``).
        y : likewise, optional
            Targets. Without them the inputs are the targets, as in an autoencoder.
        batch_size : int
            Samples in a step; 32 by default, for L-BFGS and Newton-CG all.
        epochs : int
            Up to which epoch to train; the first one is `initial_epoch`.
        verbose : {"auto", 0, 1, 2}
            Nothing, a bar, or a line an epoch. "auto" is a bar on a terminal and nothing elsewhere.
        callbacks : list of Callback, optional
        validation_split : float
            The part of the samples, from the end, that is kept from training to measure on.
        validation_data : (x, y) or (x, y, sample_weight), or iterable, optional
        shuffle : bool
            Orders samples anew in each epoch.
        class_weight : dict, optional
            Weights of samples by integer label.
        sample_weight : array, optional
        steps_per_epoch, validation_steps : int, optional
            How many batches of an iterable without end make an epoch.
        validation_freq : int
            Measure in every so manieth epoch.
        strategy : {"threads", "mpi"} or Strategy, optional
            Splits batches over threads or processes.

        Returns
        -------
        History
            ``history.history`` has a list of numbers, one for each epoch, for the loss, each metric, and each with ``val_``.

        Raises
        ------
        ShapeError, DataError
            What does not fit, and where.

        Examples
        --------
        >>> import numpy as np
        >>> from dualad import nn
        >>> nn.utils.set_random_seed(0)
        >>> model = nn.Sequential([nn.Dense(1)])
        >>> model.compile(optimizer=nn.optimizers.SGD(0.1), loss="mse")
        >>> x = np.linspace(-1, 1, 64, dtype="float32")[:, np.newaxis]
        >>> history = model.fit(x, 2 * x, epochs=30, verbose=0)
        >>> history.history["loss"][-1] < 1e-3
        True
        """
        return Fit(self, locals()).run()

    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto", sample_weight: Any = None,
                 steps: int | None = None, callbacks: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics on data, without training.

        Returns
        -------
        float, list or dict
            The loss alone, or with metrics, or by name with `return_dict`.
        """
        source = self.source(x, y, sample_weight, batch_size, steps)
        watchers = callbacks_module.CallbackList(callbacks, self, {"steps": len(source) or None, "verbose": verbose}, verbose, training=False)
        watchers.call("on_test_begin")
        logs = run_epoch(self, source, TEST, None, watchers)
        watchers.call("on_test_end", logs)
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None) -> Any:
        source = self.source(x, None, None, batch_size, steps, target=False)
        watchers = callbacks_module.CallbackList(callbacks, self, {"steps": len(source) or None, "verbose": verbose}, verbose, training=False)
        watchers.call("on_predict_begin")
        out: list[Any] = []
        pieces: list[list[np.ndarray]] = []
        at = k = 0
        limit = len(source)
        while (not limit or k < limit) and (batch := source.batch(k, None)) is not None:
            watchers.call("on_predict_batch_begin", k)
            n = len(batch[0][0])
            results = self.step(PREDICT, (batch[0], [], [])).run((batch[0], [], []))[2]
            if source.size is None:
                pieces.append([r.copy() for r in results])
            else:
                if not out:
                    out = [np.empty((source.size, *r.shape[1:]), r.dtype) for r in results]
                for o, r in zip(out, results):
                    if len(r) != n:
                        raise ShapeError(f"an output of {self.name} has {len(r)} rows for a batch of {n} samples; the first axis must stay the batch")
                    o[at : at + n] = r
            at, k = at + n, k + 1
            watchers.call("on_predict_batch_end", k - 1, {})
        if source.size is None:
            out = [np.concatenate(part) for part in zip(*pieces)]
        watchers.call("on_predict_end")
        return self.output_structure(out)

    def output_structure(self, outputs: list[Any]) -> Any:
        """The list of output arrays as the model gives it."""
        if self.plan is not None:
            rest = iter(outputs)
            return mapped(lambda t: next(rest), self.plan.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False) -> Any:
        """One update on one batch; the loss of the batch before it, and metrics."""
        return self._on_batch(TRAIN, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics of one batch."""
        return self._on_batch(TEST, x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        return self.predict(x, batch_size=len(leaves(x)[0]), verbose=0)

    def _on_batch(self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
        if self._given is None:
            raise LossError(not_compiled(self))
        self._set(same_data=None)
        source = self.source(x, y, sample_weight, len(leaves(x)[0]) or 1, class_weight=class_weight)
        batch = source.batch(0, None)
        assert self.objective is not None
        self.objective.reset()
        loss, parts, outputs = self.train_step(batch) if kind == TRAIN else self.step(TEST, batch).run(batch)
        if self.reads_outputs:
            self.objective.update(batch[1], outputs, batch[2])
        logs = {"loss": loss, **dict(zip(self.objective.part_names(), parts)), **self.objective.results()}
        if return_dict:
            return logs
        return loss if len(logs) == 1 else list(logs.values())

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` gives."""
        if self.objective is None:
            return ["loss"]
        return ["loss", *self.objective.part_names(), *[name for _, _, name, _ in self.objective.metrics]]
