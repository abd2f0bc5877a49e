"""Everything that a training is at one batch, so that it goes on from there bit for bit."""

from __future__ import annotations

import os
import zlib
from typing import Any

import numpy as np

from ...errors import SavedFileError
from .. import random
from .._names import plain
from . import container, tree
from .weights import arrays_of, named_weights, set_weights


def save(fit: Any, path: Any) -> None:
    """Writes the state of a `Fit` to a file, whole or not at all.

    Raises
    ------
    SaveError
        The file cannot be written, or a callback's state holds what a file cannot.
    """
    model = fit.model
    arrays = {f"model/{name}": a for name, a in arrays_of(model).items()}
    state = {"optimizer": model.optimizer.state(), "loop": fit.state(), "random": random.global_state(),
             "streams": [None if layer._stream is None else layer._stream.state for layer in model.sublayers()],
             "callbacks": [[type(c).__name__, c.state()] for c in _with_state(fit)]}
    container.write(path, {"kind": "checkpoint", "of": _belongs_to(fit), "state": tree.split(state, arrays, "state")}, arrays)


def restore(fit: Any, path: Any) -> None:
    """Sets a `Fit` to the state in a file.

    Raises
    ------
    SavedFileError
        The file is damaged, or is that of another model, optimizer or of other data; nothing is changed then.
    """
    document, arrays = container.read(path, ("checkpoint",))
    with container.damaged(path):
        _compare(_belongs_to(fit), document["of"])
        state = tree.joined(document["state"], arrays)
        _set(fit, state, {name.removeprefix("model/weights/"): a for name, a in arrays.items() if name.startswith("model/")}, path)


def _set(fit: Any, state: dict[str, Any], weights: dict[str, np.ndarray], path: Any) -> None:
    model = fit.model
    kept = dict(_matched(fit, state["callbacks"]))
    layers = list(model.sublayers())
    if len(layers) != len(state["streams"]):
        raise SavedFileError(f"it holds the streams of {len(state['streams'])} layers; {model.name} has {len(layers)}")
    model.optimizer.set_state(state["optimizer"])
    set_weights(model, weights, os.fspath(path))
    for layer, stream in zip(layers, state["streams"]):
        if stream is None:
            layer._stream = None
        else:
            layer.random.state = stream
    random.set_global_state(state["random"])  # after the streams, some of which were made just now
    fit.set_state(state["loop"])
    for c in _with_state(fit):
        if id(c) in kept:
            c.set_state(kept[id(c)])
    for step in (model._steps or {}).values():
        step.fresh = False  # what a step has drawn before belongs to another course


def _with_state(fit: Any) -> list[Any]:
    """The callbacks that have one."""
    from ..callbacks.base import Callback

    return [c for c in fit.watchers.callbacks if getattr(type(c), "state", Callback.state) is not Callback.state]


def _matched(fit: Any, saved: list[Any]) -> list[tuple[int, Any]]:
    """The states by the callbacks that they belong to: the first of a class for the first of that name."""
    left = _with_state(fit)
    out = []
    for name, state in saved:
        c = next((c for c in left if type(c).__name__ == name), None)
        if c is None:
            raise SavedFileError(f"it was written by a training with the callback {name}, which is not among those given now")
        left.remove(c)
        out.append((id(c), state))
    return out


# ---- what a checkpoint belongs to ----


def _belongs_to(fit: Any) -> dict[str, Any]:
    """What must be the same when the training goes on; in JSON values."""
    model = fit.model
    optimizer = plain(model.optimizer)
    if isinstance(optimizer, dict):  # a callback may have changed the learning rate
        optimizer["config"] = {k: v for k, v in optimizer["config"].items() if k not in ("learning_rate", "name")}
    return {"weights": [[name, list(v.shape), v.dtype.name] for name, v in named_weights(model).items()], "optimizer": optimizer,
            "metrics": list(model.metrics_names), "data": _data(fit.source), "validation data": None if fit.validation is None else _data(fit.validation),
            "shuffle": bool(fit.shuffle)}


def _data(source: Any) -> dict[str, Any]:
    if source.size is None:
        return {"batches": len(source)}
    ends = [None if a is None else [zlib.crc32(np.asarray(a[k : k + 1]).tobytes()) for k in (0, source.size - 1)] for a in source.arrays]
    return {"samples": int(source.size), "batch_size": int(source.batch_size), "first and last sample (checksums)": ends}


def _compare(here: Any, there: Any, what: str = "") -> None:
    """Raises at the first difference."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in [*here, *(k for k in there if k not in here)]:
            _compare(here.get(key), there.get(key), f"{what}, {key}" if what else key)
    elif isinstance(here, list) and isinstance(there, list) and what == "weights":
        for k in range(max(len(here), len(there))):
            a, b = (x[k] if k < len(x) else "nothing" for x in (here, there))
            _compare(str(a), str(b), f"weight number {k}")
    elif here != there:
        raise SavedFileError(f"it is the checkpoint of another training: {what} is {there!r} there and {here!r} here; give the same model and data, or another "
                             "path to start anew")
