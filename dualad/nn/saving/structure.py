"""Models as plain values: the graph of layers, each written once, and back."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ParameterError, SaveError
from .._document import check_config, is_own, layer_from, once, revived, shapes
from .._names import plain
from ..graph import Input, Tensor, leaves, mapped

LARGEST = 2**30  # numbers in one sample of a loaded model


@once
def config_of(model: Any) -> dict[str, Any]:
    """The config of a model (see `Saved.get_config`)."""
    from ..layer import Layer

    config = Layer.get_config(model)
    common = {k: v for k, v in config.items() if k in ("name", "trainable", "dtype")}
    kind = _kind(type(model))
    if kind == "sequential":
        start = model.__dict__.get("start")
        return {**common, "input": None if start is None else _described_input(start), "layers": [plain(layer) for layer in model.stack]}
    if kind == "graph" and model.plan is not None:
        return {**common, **_graph(model.plan)}
    if is_own(type(model)):
        check_config(type(model), config)
    return config


def _kind(cls: Any) -> str:
    """How models of a class are made again: from a graph, from layers, or by its own ``__init__``."""
    return str(getattr(cls.__init__, "made_of", "class"))


def _described_input(t: Tensor) -> dict[str, Any]:
    return {"shape": list(t.shape), "dtype": t.dtype, "name": t.name}


def _graph(plan: Any) -> dict[str, Any]:
    """Inputs, layers, nodes in the order in which they run, and outputs."""
    places = {id(t): [-1, k] for k, t in enumerate(leaves(plan.inputs))}
    layers = plan.layers()
    numbers = {id(layer): k for k, layer in enumerate(layers)}

    def described(x: Any) -> Any:
        if isinstance(x, dict):
            return {"dict": {k: described(v) for k, v in x.items()}}
        if isinstance(x, (list, tuple)):
            return {"list": [described(e) for e in x]}
        return {"tensor": places[id(x)]} if isinstance(x, Tensor) else {"value": plain(x)}

    nodes = []
    for n, node in enumerate(plan.nodes):
        nodes.append({"layer": numbers[id(node.layer)], "inputs": described(node.inputs), "kwargs": {k: plain(v) for k, v in node.kwargs.items()}})
        places.update({id(t): [n, k] for k, t in enumerate(leaves(node.outputs))})
    return {"inputs": [_described_input(t) for t in leaves(plan.inputs)], "structure": described(plan.inputs), "layers": [plain(x) for x in layers],
            "nodes": nodes, "outputs": described(plan.outputs)}


@once
def model_from(cls: Any, config: dict[str, Any]) -> Any:
    """The model of a config (see `Saved.from_config`)."""
    config = dict(config)
    if "nodes" in config:
        return _from_graph(cls, config)
    if _kind(cls) == "sequential":
        start, layers = config.pop("input", None), [layer_from(x) for x in config.pop("layers")]
        model = cls(**config)
        for x in [*([] if start is None else [_input(start)]), *layers]:
            model.add(x)
            _check_size(model.plan.outputs if model.plan is not None else [])
        return model
    return _of_class(cls, revived(config))


def _of_class(cls: Any, config: dict[str, Any]) -> Any:
    """A model of a class of its own; what every layer has, such as the name, is set afterwards where ``__init__`` does not take it."""
    code = getattr(cls.__init__, "__code__", None)
    takes_all = code is None or bool(code.co_flags & 8)  # **kwargs
    known = () if code is None else code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    later = {} if takes_all else {k: config.pop(k) for k in ("name", "trainable", "dtype") if k in config and k not in known}
    model = cls(**config)
    for k, v in later.items():
        setattr(model, k, v)
    return model


def _input(data: dict[str, Any]) -> Tensor:
    shape = shapes(data["shape"])
    if not isinstance(shape, tuple) or not shape or (data["name"] is not None and not isinstance(data["name"], str)):
        raise ParameterError(f"the model has an input without shape or name: {data!r}")
    tensor = Input(shape[1:], shape[0], data["dtype"], data["name"])
    _check_size(tensor)
    return tensor


def _from_graph(cls: Any, config: dict[str, Any]) -> Any:
    inputs = [_input(x) for x in config.pop("inputs")]
    layers = [layer_from(x) for x in config.pop("layers")]
    made: dict[int, list[Any]] = {-1: inputs}

    def read(x: Any) -> Any:
        ((kind, content),) = x.items()
        if kind == "dict":
            return {k: read(v) for k, v in content.items()}
        if kind == "list":
            return [read(e) for e in content]
        if kind == "value":
            return content
        n, k = content
        if n not in made or not 0 <= k < len(made[n]):
            raise ParameterError(f"the model's graph has no tensor {content}")
        return made[n][k]

    for n, node in enumerate(config.pop("nodes")):
        if not 0 <= node["layer"] < len(layers):
            raise ParameterError(f"the model's graph has no layer {node['layer']}")
        made[n] = leaves(layers[node["layer"]](read(node["inputs"]), **node["kwargs"]))
        _check_size(made[n])
    structure, outputs = read(config.pop("structure")), read(config.pop("outputs"))
    return cls(structure, outputs, **config)


def _check_size(tensors: Any) -> None:
    for t in leaves(tensors):
        if math.prod(n or 1 for n in t.shape[1:]) > LARGEST:
            raise ParameterError(f"the model has a tensor of shape {t.shape}: more than {LARGEST} numbers in a sample are not loaded")


def clone_model(model: Any, input_tensors: Any = None, clone_function: Any = None, recursive: bool = False) -> Any:
    """A model of the same layers with new weights.

    Parameters
    ----------
    model : Model
    input_tensors : ignored unless None
        There for code written for Keras; call the clone on tensors instead.
    clone_function : callable, optional
        Makes the new layer from a layer; by default ``type(layer).from_config(layer.get_config())``.
    recursive : bool
        Whether `clone_function` is called for the layers of nested models too.

    Returns
    -------
    Model

    Examples
    --------
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((4,)), nn.Dense(2)])
    >>> nn.clone_model(model).count_params()
    10
    """
    if input_tensors is not None:
        raise SaveError("clone_model takes no input_tensors: call the clone on them, clone_model(model)(tensors)")
    with_function = clone_function is not None and (hasattr(model, "stack") or model.plan is not None)
    return _cloned(model, clone_function, recursive) if with_function else layer_from(plain(model))


def _cloned(model: Any, function: Any, recursive: bool) -> Any:
    if hasattr(model, "stack"):
        start = model.__dict__.get("start")
        first = [] if start is None else [Input(start.shape[1:], start.shape[0], start.dtype, start.name)]
        return type(model)([*first, *(_clone_of(layer, function, recursive) for layer in model.stack)], name=model.name)
    new = {id(layer): _clone_of(layer, function, recursive) for layer in model.plan.layers()}
    made = {id(t): Input(t.shape[1:], t.shape[0], t.dtype, t.name) for t in leaves(model.plan.inputs)}
    find = lambda t: made[id(t)] if isinstance(t, Tensor) else t
    for node in model.plan.nodes:
        outputs = new[id(node.layer)](mapped(find, node.inputs), **node.kwargs)
        made |= {id(t): y for t, y in zip(leaves(node.outputs), leaves(outputs), strict=True)}
    return type(model)(mapped(find, model.plan.inputs), mapped(find, model.plan.outputs), name=model.name)


def _clone_of(layer: Any, function: Any, recursive: bool) -> Any:
    if recursive and getattr(layer, "plan", None) is not None:
        return _cloned(layer, function, recursive)
    return function(layer)

