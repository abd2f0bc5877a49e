"""Where the first number that is not finite arises in a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import leaves
from ..step import TRAIN
from ..variables import Scope, run_in


def first_not_finite(model: Any, batch: Any, weights: np.ndarray) -> tuple[str | None, str]:
    """The name of the layer, and a sentence; for a batch and the flat weights that it was run with.

    Random numbers are those of the step before; states (moving averages) are not changed.
    """
    values, at = {}, 0
    for v in model.trainable_weights:
        values[v] = weights[at : at + v.size].reshape(v.shape)
        at += v.size
    for layer in model.sublayers():
        for v in leaves(list(layer._own.values())):
            if v in values and not np.all(np.isfinite(values[v])):
                return layer.name, (f"the weights {v.path} of the layer {layer.name} hold {_first(values[v])} already before this batch, so the gradient of "
                                    "the batch before was not finite (a smaller learning rate or clipnorm may help)")
    found: list[tuple[str, str]] = []
    outputs = _run(model, batch, values, found)
    if found:
        return found[0]
    if not all(np.all(np.isfinite(y)) for y in outputs):
        return None, "the outputs are not finite although those of all layers are"
    return None, "the outputs of all layers are finite; the loss of them is not"


def _run(model: Any, batch: Any, values: dict[Any, np.ndarray], found: list[tuple[str, str]]) -> list[Any]:
    """Runs the model and notes the layers that make numbers that are not finite of numbers that are; inner layers end first."""
    draws = [x for _, _, x in model.step(TRAIN, batch).draws]
    layers = [layer for layer in model.sublayers() if layer is not model]
    for layer in layers:
        layer.__dict__["call"] = _watched(layer, layer.call, found)
    try:
        with run_in(Scope(True, values, draws)), np.errstate(all="ignore"):
            return leaves(model(model.input_structure(batch[0])))
    finally:
        for layer in layers:
            del layer.__dict__["call"]


def _watched(layer: Any, call: Any, found: list[tuple[str, str]]) -> Any:
    def watched(inputs: Any, **kwargs: Any) -> Any:
        out = call(inputs, **kwargs)
        bad = [y for y in leaves(out) if not np.all(np.isfinite(y))]
        if bad and not found and all(np.all(np.isfinite(x)) for x in leaves(inputs)):
            found.append((layer.name, f"the layer {layer.name} ({type(layer).__name__}) is the first whose outputs hold {_first(bad[0])}; "
                                      "its inputs are finite"))
        return out

    return watched


def _first(a: Any) -> float:
    a = np.asarray(a)
    return float(a[~np.isfinite(a)].flat[0])
