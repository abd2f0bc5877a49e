"""What a compiled model minimises: losses of its outputs with weights, and the metrics beside them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..errors import LossError, ShapeError
from . import losses as losses_module
from . import metrics as metrics_module
from .graph import leaves

LOOKED_AT, PIECE = 1 << 26, 1 << 21  # bytes of targets in all and at once: mapped files may be larger than memory


def per_output(what: str, given: Any, names: list[str]) -> list[Any]:
    """One entry for each output, from a single one, a list, or a dict by output name."""
    if isinstance(given, dict):
        unknown = set(given) - set(names)
        if unknown:
            raise LossError(f"{what} for {sorted(unknown)}; the outputs are {names}")
        return [given.get(name) for name in names]
    if isinstance(given, (list, tuple)) and len(names) > 1:
        if len(given) != len(names):
            raise LossError(f"{len(given)} {what} for {len(names)} outputs {names}")
        return list(given)
    return [given] * len(names)


class Objective:
    """Losses and metrics of the outputs of one model."""

    def __init__(self, names: list[str], given: tuple[Any, Any, Any, Any], shapes: list[Any]) -> None:
        loss, loss_weights, metrics, weighted_metrics = given
        self.names = names
        self.losses = [losses_module.get(x) if x is not None else None for x in per_output("losses", loss, names)]
        self.weights = [1.0 if w is None else float(w) for w in per_output("loss weights", loss_weights, names)]
        self.metrics: list[tuple[int, bool, str, Any]] = []  # output, whether weighted, name in logs, metric
        for these, weighted in ((metrics, False), (weighted_metrics, True)):
            self._add_metrics(these, weighted, shapes)
        self.warned = False
        self.extra: list[str] = []  # names of parts that the model reports of its own

    def _add_metrics(self, given: Any, weighted: bool, shapes: list[Any]) -> None:
        several = len(self.names) > 1
        flat = isinstance(given, (list, tuple)) and not (several and len(given) == len(self.names) and any(isinstance(g, (list, tuple)) for g in given))
        for k, entry in enumerate([given] * len(self.names) if flat else per_output("metrics", given, self.names)):
            for x in entry if isinstance(entry, (list, tuple)) else [entry]:
                if x is None:
                    continue
                metric = metrics_module.get(x, self.losses[k], shapes[k])
                name = x if isinstance(x, str) else metric.name
                self.metrics.append((k, weighted, f"{self.names[k]}_{name}" if several else name, metric))

    def total(self, ys: list[Any], outputs: list[Any], weights: list[Any]) -> tuple[Any, list[Any]]:
        """The weighted sum of the losses, and each of them where there are several outputs."""
        parts, total = [], 0.0
        for k, loss in enumerate(self.losses):
            if loss is None:
                continue
            part = loss(ys[k], outputs[k], weights[k])
            parts.append(part)
            total = total + (part if self.weights[k] == 1.0 else self.weights[k] * part)
        return total, parts if len(self.names) > 1 else []

    def part_names(self) -> list[str]:
        """Names of the single losses in logs, where there are several, and of what the model reports beside them."""
        named = [f"{name}_loss" for name, loss in zip(self.names, self.losses) if loss is not None]
        return [*(named if len(self.names) > 1 else []), *self.extra]

    def targets(self, ys: list[Any], shapes: list[Any]) -> None:
        """Warns once where targets lie outside of what the loss takes."""
        for y, loss in zip(ys, self.losses):
            if loss is None or self.warned:
                continue
            row = max(1, y[:1].nbytes)
            step = max(1, PIECE // row)
            for at in range(0, min(len(y), max(1, LOOKED_AT // row)), step):
                piece = y[at : at + step]
                if piece.dtype.kind == "f" and not np.all(np.isfinite(piece)):
                    continue  # training raises where it meets them
                message = losses_module.check_targets(loss, piece)
                if message:
                    self.warned = True
                    warnings.warn(message, UserWarning, stacklevel=5)
                    break

    def update(self, ys: list[Any], outputs: list[Any], weights: list[Any]) -> None:
        """Takes a batch into the metrics."""
        for k, weighted, _, metric in self.metrics:
            metric.update_state(ys[k], outputs[k], weights[k] if weighted else None)

    def reset(self) -> None:
        for _, _, _, metric in self.metrics:
            metric.reset_state()

    def results(self) -> dict[str, Any]:
        """The metrics so far, by name."""
        return {name: metric.result() for _, _, name, metric in self.metrics}


def not_compiled(model: Any) -> str:
    """What to do before training."""
    return f"{model.name} is not compiled; call model.compile(optimizer='adam', loss=...) first"


def check_shapes(names: list[str], ys: list[Any], shapes: list[Any]) -> None:
    """Targets must fit the outputs as far as both are known."""
    for name, y, shape in zip(names, ys, shapes):
        if y is not None and shape is not None and len(shape) == np.ndim(y):
            got = np.shape(y)
            if any(m is not None and m != n and 1 not in (m, n) for m, n in zip(shape[1:], got[1:])):
                raise ShapeError(f"the output {name!r} has shape {shape}; its targets have shape {got}")


def structure(x: Any, names: list[str]) -> list[Any]:
    """Arrays of inputs or outputs as a list in their order, from a list, a dict by name, or one array."""
    if isinstance(x, dict):
        missing = [n for n in names if n not in x]
        if missing:
            raise ShapeError(f"the data has no {missing[0]!r}; it holds {sorted(x)}")
        return [x[n] for n in names]
    return leaves(x)
