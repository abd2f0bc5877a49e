"""Layers as plain values and back, each once however often it is shared; and the classes of users' own that may be named there."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import ParameterError
from ._lookup import lookup
from .config import floats_of

LAYERS: dict[str, Any] = {}  # the classes of dualad.nn itself
_registered: dict[str, Any] = {}
_local = threading.local()


def own_objects() -> dict[str, Any]:
    """What users have registered, or given for the time being, by name."""
    return {**_registered, **getattr(_local, "objects", {})}


@contextmanager
def custom_object_scope(objects: dict[str, Any] | None) -> Iterator[None]:
    """Makes classes and functions known by name for a while.

    Examples
    --------
    >>> from dualad import nn
    >>> def halved(x): return x / 2
    >>> with nn.saving.custom_object_scope({"halved": halved}):
    ...     layer = nn.Dense.from_config({"units": 3, "activation": "halved"})
    >>> layer.activation is halved
    True
    """
    before = getattr(_local, "objects", {})
    _local.objects = {**before, **(objects or {})}
    try:
        yield
    finally:
        _local.objects = before


def register(thing: Any = None, *, name: str | None = None) -> Any:
    """Makes a class or function of your own known to `load_model`, as a decorator.

    Parameters
    ----------
    thing : class or function
    name : str, optional
        Under another name than its own.

    Raises
    ------
    ParameterError
        Another one is registered under that name.

    Examples
    --------
    >>> from dualad import nn
    >>> import numpy as np
    >>> @nn.register
    ... class Doubled(nn.Layer):
    ...     def call(self, inputs):
    ...         return 2 * inputs
    >>> nn.model_from_json(nn.Sequential([nn.Input((1,)), Doubled()]).to_json()).predict(np.array([[2.0]]), verbose=0).tolist()
    [[4.0]]
    """

    def add(thing: Any) -> Any:
        called = name or thing.__name__
        before = _registered.get(called, thing)
        if before is not thing and (before.__module__, before.__qualname__) != (thing.__module__, thing.__qualname__):
            raise ParameterError(f"{called!r} is registered already, for {before!r}; give another name: nn.register(name=...)")
        _registered[called] = thing
        return thing

    return add if thing is None else add(thing)


def name_of(cls: Any) -> str:
    """The name under which a class or function is written."""
    return next((name for name, x in _registered.items() if x is cls), str(cls.__name__))


def is_own(cls: type) -> bool:
    """Whether a class is a user's, not one of dualad."""
    return not f"{cls.__module__}.".startswith("dualad.")


@contextmanager
def weights_within(count: int) -> Iterator[None]:
    """While a file is loaded: layers may make no more weights than it holds numbers, and make them zero."""
    _local.allowance = count
    try:
        yield
    finally:
        _local.allowance = None


def claim(shape: tuple[int, ...], path: str) -> bool:
    """Takes a new weight off what `weights_within` allows; False where nothing limits it."""
    left = getattr(_local, "allowance", None)
    if left is None:
        return False
    _local.allowance = left - math.prod(shape)
    if _local.allowance < 0:
        raise ParameterError(f"the file holds too few numbers for its layers: {path} of shape {shape} is more than is left")
    return True


class _Document:
    """The layers met so far: their numbers while writing, and by number while reading."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no id is used again
        self.made: dict[int, Any] = {}


def once(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function within which each layer is written, or read, once."""

    @functools.wraps(f)
    def inside(*args: Any, **kwargs: Any) -> Any:
        before = getattr(_local, "document", None)
        _local.document = before or _Document()
        try:
            return f(*args, **kwargs)
        finally:
            _local.document = before

    return inside


# ---- writing ----


@once
def written(layer: Any) -> dict[str, Any]:
    """A layer as plain values. Within one document the second mention of a layer is only its number."""
    document = _local.document
    number = document.numbers.get(id(layer))
    if number is not None:
        return {"layer": number}
    number = document.numbers[id(layer)] = len(document.kept)
    document.kept.append(layer)
    cls = type(layer)
    config = layer.get_config()
    entry = {"class_name": name_of(cls), "config": config, "layer": number}
    if is_own(cls):
        check_config(cls, config)
        entry["own"] = True
    if getattr(layer, "plan", layer) is None and layer.input_shape is not None:  # a model without graph is built by a run
        entry["build"] = layer.input_shape
    return entry


def check_config(cls: type, config: dict[str, Any]) -> None:
    """Raises where a class of the user's would lose options."""
    code = getattr(cls.__init__, "__code__", None)  # type: ignore[misc]
    names = () if code is None else code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    lost = [n for n in names if n not in config and n not in ("name", "trainable", "dtype", "activity_regularizer", "layers", "inputs", "outputs")]
    if lost:
        raise ParameterError(f"{cls.__name__}.__init__ takes {lost[0]!r}, which its get_config does not write, so it cannot be saved: add the class attribute "
                             f"fields = ({', '.join(map(repr, lost))},), or write get_config")


# ---- reading ----


@once
def layer_from(data: Any) -> Any:
    """The layer that `written` described; layers are returned as they are.

    Raises
    ------
    ParameterError, UnknownNameError
        It describes none.
    """
    if not isinstance(data, dict):
        if hasattr(data, "sublayers"):
            return data
        raise ParameterError(f"a layer is described by a dict with class_name and config, not by {data!r}")
    made, number = _local.document.made, data.get("layer")
    if "class_name" not in data:
        if number not in made:
            raise ParameterError(f"the layer number {number!r} is mentioned before it is described")
        return made[number]
    with floats_of("float32"):  # what a config that says nothing means
        layer = _made(data)
    if isinstance(number, int):
        made[number] = layer
    if data.get("build") is not None and not layer.built:
        layer.build(shapes(data["build"]))
    return layer


def _made(data: dict[str, Any]) -> Any:
    own, name, config = own_objects(), data["class_name"], data.get("config")
    if data.get("own") and name not in own:
        raise ParameterError(f"the saved model has a layer of the class {name!r}, which is not part of dualad: give custom_objects={{{name!r}: the class}}, or "
                             "decorate the class with nn.register")
    cls = own[name] if isinstance(name, str) and name in own else lookup("layer", name, LAYERS)
    if not isinstance(cls, type) or not hasattr(cls, "sublayers"):
        raise ParameterError(f"{name!r} is {cls!r}, no class of layers")
    if not isinstance(config, dict):
        raise ParameterError(f"the config of a {name} is a dict, not {type(config).__name__}")
    try:
        layer = cls.from_config(config)  # type: ignore[attr-defined]
    except TypeError as error:
        raise ParameterError(f"the layer {name} does not take this config: {error}") from error
    return layer


def revived(x: Any) -> Any:
    """Plain values with layers in the place of their descriptions."""
    if isinstance(x, dict):
        return layer_from(x) if isinstance(x.get("layer"), int) and set(x) <= _KEYS else {k: revived(v) for k, v in x.items()}
    return [revived(e) for e in x] if isinstance(x, list) else x


_KEYS = {"class_name", "config", "layer", "own", "build"}


def shapes(x: Any) -> Any:
    """Shapes from JSON: lists of numbers and None as tuples."""
    if isinstance(x, dict):
        return {k: shapes(v) for k, v in x.items()}
    if not isinstance(x, (list, tuple)):
        raise ParameterError(f"{x!r} is no shape")
    if all(n is None or (isinstance(n, int) and not isinstance(n, bool) and n >= 0) for n in x):
        return tuple(x)
    return [shapes(e) for e in x]
