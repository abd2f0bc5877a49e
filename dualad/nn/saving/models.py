"""Whole models in files: structure, weights, how they were compiled, and the optimizer's state."""

from __future__ import annotations

import json
import os
from typing import Any

from ...errors import ParameterError, SavedFileError, SaveError
from .. import losses, metrics
from .._document import custom_object_scope, layer_from, once, own_objects, weights_within
from .._names import plain
from . import container, tree
from .weights import PREFIX, arrays_of, refuse_existing, set_weights

OPTIMIZER = "optimizer"


def save_model(model: Any, path: Any, overwrite: bool = True, include_optimizer: bool = True, notes: dict[str, Any] | None = None) -> None:
    """Writes a model to a file (see `Saved.save`), with notes of the caller: plain values."""
    name = os.fspath(path)
    if not name.endswith((".npz", ".safetensors")):
        what = "Keras's formats are not written" if name.endswith((".keras", ".h5", ".hdf5", ".tf")) else "a model's file ends in .npz, or in .safetensors"
        raise SaveError(f"{name}: {what}; write model.save({os.path.splitext(name)[0] + '.npz'!r})")
    refuse_existing(path, overwrite)
    document: dict[str, Any] = {"kind": "model", "model": plain(model), "built": model.built}
    if notes is not None:
        document["notes"] = plain(notes)
    arrays = arrays_of(model)
    if include_optimizer and model.optimizer is not None:
        document["compile"] = compile_config(model)
        state = model.optimizer.state() if hasattr(model.optimizer, "state") else None
        document[OPTIMIZER] = tree.split(state, arrays, OPTIMIZER)
    container.write(path, document, arrays)


def notes_of(path: Any) -> dict[str, Any]:
    """The notes in a model's file; empty where there are none."""
    found = container.read(path, ("model",))[0].get("notes")
    return found if isinstance(found, dict) else {}


def compile_config(model: Any) -> dict[str, Any]:
    """What `compile` was given, as plain values."""
    loss, loss_weights, metrics, weighted = model._given
    try:
        return {"optimizer": plain(model.optimizer), "loss": plain(loss), "loss_weights": plain(loss_weights), "metrics": plain(metrics),
                "weighted_metrics": plain(weighted), "run_eagerly": bool(model.run_eagerly)}
    except ParameterError as error:
        raise SaveError(f"how {model.name} was compiled cannot be saved: {error}; or leave it out: save(path, include_optimizer=False)") from error


def load_model(path: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True) -> Any:
    """The model that `Model.save` wrote.

    Parameters
    ----------
    path : path-like
        Nothing in the file is executed; functions of a `Lambda` and classes of your own must be given, or registered with `nn.register`.
    custom_objects : dict, optional
        Classes and functions of your own by name.
    compile : bool
        Compile it as it was, and set the optimizer's state, so that training goes on.

    Returns
    -------
    Model

    Raises
    ------
    SavedFileError
        The file cannot be read, is damaged, or was made by a newer version.
    ParameterError, UnknownNameError
        It names a class or function that is not known.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(2, activation="tanh")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "model.npz"))
    ...     again = nn.load_model(os.path.join(folder, "model.npz"))
    >>> x = np.ones((1, 3), "float32")
    >>> bool((again.predict(x, verbose=0) == model.predict(x, verbose=0)).all())
    True
    """
    document, arrays = container.read(path, ("model",))
    weights = {name.removeprefix(PREFIX): a for name, a in arrays.items() if name.startswith(PREFIX)}
    with container.damaged(path), custom_object_scope(custom_objects):
        with weights_within(sum(a.size for a in weights.values())):
            model = layer_from(document["model"])
        if not hasattr(model, "compile"):
            raise SavedFileError("it holds a layer, not a model")
        if model.built or weights:
            set_weights(model, weights, os.fspath(path))
        if compile and document.get("compile") is not None:
            _compiled(model, document, arrays)
    return model


def _compiled(model: Any, document: dict[str, Any], arrays: dict[str, Any]) -> None:
    given = document["compile"]
    loss, metric, weighted = _objects(losses.get, given["loss"]), *(_objects(metrics.get, given[k]) for k in ("metrics", "weighted_metrics"))
    model.compile(given["optimizer"], loss, given["loss_weights"], metric, weighted, bool(given["run_eagerly"]))
    state = tree.joined(document[OPTIMIZER], arrays)
    if state is None:
        return
    size = sum(v.size for v in model.trainable_weights)
    for name, a in state.items():
        if name.startswith("slot/") and a.shape != (size,):
            raise SavedFileError(f"the optimizer's {name} has shape {a.shape}; the model has {size} trainable numbers")
    model.optimizer.set_state(state)


def _objects(get: Any, x: Any) -> Any:
    """Losses or metrics of a config. Names of users' own objects are looked up now, while they are known; those of dualad are left to `compile`."""
    own = own_objects()
    if isinstance(x, str):
        return own.get(x, x)
    if isinstance(x, list):
        return [_objects(get, e) for e in x]
    if isinstance(x, dict):
        return get(x, custom_objects=own) if "class_name" in x else {k: _objects(get, v) for k, v in x.items()}
    return x


@once
def to_json(model: Any, **options: Any) -> str:
    """A model's structure as JSON (see `Saved.to_json`)."""
    return json.dumps({"format": container.FORMAT, "kind": "structure", "model": plain(model)}, **options)


def model_from_json(text: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """The model of a structure that `Model.to_json` wrote, with new weights.

    Parameters
    ----------
    text : str
    custom_objects : dict, optional
        Classes and functions of your own by name.

    Raises
    ------
    SavedFileError, ParameterError, UnknownNameError
        The text is damaged, or names what is not known.

    Examples
    --------
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(2)])
    >>> nn.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    with container.damaged("the JSON"), custom_object_scope(custom_objects):
        document = container.parsed(text)
        if document["format"] > container.FORMAT:
            raise SavedFileError(f"it has format {document['format']}, made by a newer dualad; this one reads formats up to {container.FORMAT}")
        return layer_from(document["model"])
