"""Weights by name: names that do not depend on what else the process has made, and files of weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import LayerError, SavedFileError, SaveError, TrainingWarning
from .._names import snake
from . import container

PREFIX = "weights/"


def named_weights(model: Any) -> dict[str, Any]:
    """The variables of a layer or model by their paths in it, such as ``encoder/dense_1/kernel``.

    Automatic names are counted anew within each layer, so that they are the same in every process.

    Examples
    --------
    >>> from dualad import nn
    >>> from dualad.nn.saving.weights import named_weights
    >>> list(named_weights(nn.Sequential([nn.Input((2,)), nn.Dense(2, name="code"), nn.Dense(2), nn.Dense(2, use_bias=False)])))
    ['code/kernel', 'code/bias', 'dense/kernel', 'dense/bias', 'dense_1/kernel']
    """
    out: dict[str, Any] = {}
    seen: set[int] = set()

    def visit(layer: Any, prefix: str) -> None:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        names: dict[str, int] = {}
        for v in _parts(layer._own):
            if id(v) not in seen:
                seen.add(id(v))
                out[prefix + _counted(v.name, names)] = v
        for inner in _parts(layer._layers):
            visit(inner, f"{prefix}{_counted(_label(inner), names)}/")

    visit(model, "")
    return out


def _parts(groups: dict[str, Any]) -> Iterator[Any]:
    """The single entries of attributes that hold one or several, each once."""
    seen: set[int] = set()
    for group in groups.values():
        for x in group if isinstance(group, (list, tuple)) else [group]:
            if id(x) not in seen:
                seen.add(id(x))
                yield x


def _label(layer: Any) -> str:
    base = snake(type(layer).__name__)
    return base if re.fullmatch(rf"{re.escape(base)}(_\d+)?", layer.name) else str(layer.name)


def _counted(name: str, names: dict[str, int]) -> str:
    name = name.replace("/", "_")
    n = names[name] = names.get(name, -1) + 1
    return f"{name}_{n}" if n else name


def save_weights(model: Any, path: Any, overwrite: bool = True) -> None:
    """Writes the weights of a model (see `Saved.save_weights`)."""
    refuse_existing(path, overwrite)
    if not model.built:
        raise LayerError(f"{model.name} has no weights yet: call it on data, or model.build(input_shape), before saving")
    container.write(path, {"kind": "weights"}, arrays_of(model))


def refuse_existing(path: Any, overwrite: bool) -> None:
    import os

    if not overwrite and os.path.exists(path):
        raise SaveError(f"{os.fspath(path)} is there already; overwrite=True replaces it")


def arrays_of(model: Any) -> dict[str, np.ndarray]:
    """The arrays of all weights, as a file names them."""
    return {f"{PREFIX}{name}": v.array for name, v in named_weights(model).items()}


def load_weights(model: Any, path: Any, skip_mismatch: bool = False) -> None:
    """Reads weights into a model (see `Saved.load_weights`)."""
    _, arrays = container.read(path, ("weights", "model"))
    found = {name.removeprefix(PREFIX): a for name, a in arrays.items() if name.startswith(PREFIX)}
    if not found and container.is_safetensors(path):  # of another library
        found = arrays
    if not model.built:
        raise LayerError(f"{model.name} has no weights yet: call it on data, or model.build(input_shape), before loading")
    set_weights(model, found, path, skip_mismatch)


def set_weights(model: Any, found: dict[str, np.ndarray], path: Any, skip_mismatch: bool = False) -> None:
    """Sets weights by name; none where one does not fit, unless mismatches are to be skipped."""
    own = named_weights(model)
    problems = {name: p for name in own if (p := _problem(name, own[name], found))}
    problems |= {name: f"the file holds {name!r}, which {model.name} does not have{_nearest(name, own)}" for name in found if name not in own}
    if problems and not skip_mismatch:
        more = f" ({len(problems)} mismatches in all; skip_mismatch=True loads the rest)" if len(problems) > 1 else ""
        raise SavedFileError(f"the weights in {path} are not those of {model.name}: {next(iter(problems.values()))}{more}")
    if problems:
        warnings.warn(f"skipped while loading {path}: {'; '.join(problems.values())}", TrainingWarning, stacklevel=4)
    for name, v in own.items():
        if name not in problems:
            v.array[...] = found[name]


def _problem(name: str, variable: Any, found: dict[str, np.ndarray]) -> str:
    if name not in found:
        return f"the file has no {name!r} of shape {variable.shape}{_nearest(name, found)}"
    a = found[name]
    if a.shape != variable.shape:
        return f"{name!r} has shape {variable.shape} in the model and {a.shape} in the file"
    if not np.can_cast(a.dtype, variable.dtype, "same_kind"):
        return f"{name!r} is {variable.dtype} in the model and {a.dtype} in the file"
    return ""


def _nearest(name: str, names: Any) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" (the nearest name is {near[0]!r})" if near else ""
