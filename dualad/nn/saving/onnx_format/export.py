"""Writing of models in the ONNX format, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...._version import __version__
from ....errors import ExportError, MissingExtraError
from ..._document import is_own
from ...graph import leaves
from .. import files
from . import basic, images, sequences
from .functions import operation
from .graph import Graph

OPSETS = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10}  # versions of the operators, and the format's version that came with them

LAYERS: dict[str, Callable[[Graph, Any, list[str], list[Any]], list[str]]] = {
    "Dense": basic.dense, "DenseTranspose": basic.dense, "Activation": basic.activated, "Flatten": basic.flatten, "Reshape": basic.reshape,
    "Permute": basic.permute, "RepeatVector": basic.repeat, "Embedding": basic.embedding, "Concatenate": basic.concatenate, "Add": basic.merged("Add"),
    "Subtract": basic.merged("Sub"), "Multiply": basic.merged("Mul"), "Average": basic.merged("Add"), "Maximum": basic.merged("Max"),
    "Minimum": basic.merged("Min"), "ReLU": basic.rectifier, "LeakyReLU": basic.leaky, "PReLU": basic.learnt_slope, "ELU": basic.elu,
    "Softmax": basic.softmax, "BatchNormalization": basic.batch_normalization, "LayerNormalization": basic.layer_normalization,
    "UnitNormalization": basic.unit_normalization, "Rescaling": basic.rescaling, "Normalization": basic.normalization,
    "Conv1D": images.convolution, "Conv2D": images.convolution, "DepthwiseConv2D": images.convolution, "SeparableConv2D": images.convolution,
    "Conv1DTranspose": images.transposed, "Conv2DTranspose": images.transposed, "UpSampling1D": images.enlarged, "UpSampling2D": images.enlarged,
    "ZeroPadding1D": images.padded, "ZeroPadding2D": images.padded, "Cropping1D": images.cropped, "Cropping2D": images.cropped,
    "LSTM": sequences.recurrent, "GRU": sequences.recurrent, "SimpleRNN": sequences.recurrent, "Bidirectional": sequences.bidirectional,
    "TimeDistributed": sequences.time_distributed, "Operation": operation,
    **{f"{kind}Pooling{rank}D": images.pooling for kind in ("Max", "Average") for rank in (1, 2)},
    **{f"Global{kind}Pooling{rank}D": images.global_pooling for kind in ("Max", "Average") for rank in (1, 2)},
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization",
                     "InputLayer"), basic.identity)}


def converted(g: Graph, layer: Any, names: list[str], shapes: list[Any]) -> list[str]:
    """The outputs of a layer, or of a model's graph, for inputs with names and shapes."""
    if getattr(layer, "plan", None) is not None:
        return _plan(g, layer.plan, names)
    kind = type(layer).__name__
    if is_own(type(layer)) or kind not in LAYERS:
        raise ExportError(f"the layer {layer.name} ({kind}) has no ONNX form; export a model without it, such as the encoder or decoder alone")
    return LAYERS[kind](g, layer, names, shapes)


def _plan(g: Graph, plan: Any, names: list[str]) -> list[str]:
    known = {id(t): name for t, name in zip(leaves(plan.inputs), names, strict=True)}
    for node in plan.nodes:
        tensors = leaves(node.inputs)
        if any(id(t) not in known for t in tensors):
            raise ExportError(f"the layer {node.layer.name} is called on something that is no tensor; such calls have no ONNX form")
        outputs = converted(g, node.layer, [known[id(t)] for t in tensors], [t.shape for t in tensors])
        known |= {id(t): name for t, name in zip(leaves(node.outputs), outputs, strict=True)}
    return [known[id(t)] for t in leaves(plan.outputs)]


def export(model: Any, path: Any, opset: int = 17, batch_size: int | None = None) -> None:
    """Writes a model (see `Saved.export`)."""
    if opset not in OPSETS:
        raise ExportError(f"opset={opset!r}; it is one of {', '.join(map(str, OPSETS))}")
    if model.plan is None:
        raise ExportError(f"{model.name} has no graph of layers, which the ONNX form is made of: connect it, nn.Model(x, model.call(x)) with x = nn.Input(...)")
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise MissingExtraError("the ONNX format needs the package onnx: pip install 'dualad[onnx]'") from None
    made = _document(onnx, model, opset, batch_size)
    try:
        onnx.checker.check_model(made, full_check=True)
        data = made.SerializeToString()
    except Exception as error:
        raise ExportError(f"the ONNX form of {model.name} is not valid: {error}") from error
    files.replace(path, lambda file: _write(file, data))


def _write(file: Any, data: bytes) -> None:
    file.write(data)


def _document(onnx: Any, model: Any, opset: int, batch_size: int | None) -> Any:
    g = Graph(onnx, opset, model.dtype, converted)
    inputs, outputs = leaves(model.plan.inputs), leaves(model.plan.outputs)
    given = _distinct([t.name for t in inputs])
    results = _plan(g, model.plan, given)
    named = [n if n not in given else f"{n}_out" for n in _distinct(model.output_names())]
    for result, name in zip(results, named, strict=True):
        g.nodes.append(onnx.helper.make_node("Identity", [result], [name]))
    infos = [[_info(onnx, name, t, batch_size) for name, t in zip(names, tensors)] for names, tensors in ((given, inputs), (named, outputs))]
    graph = onnx.helper.make_graph(g.nodes, model.name, *infos, initializer=g.constants)
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], producer_name="dualad", producer_version=__version__)
    made.ir_version = OPSETS[opset]
    return made


def _distinct(names: list[str]) -> list[str]:
    out: list[str] = []
    for name in names:
        out.append(name if name not in out else f"{name}_{len(out)}")
    return out


def _info(onnx: Any, name: str, t: Any, batch_size: int | None) -> Any:
    shape = [("batch" if k == 0 else f"{name}_{k}") if n is None else n for k, n in enumerate(t.shape)]
    if batch_size is not None:
        shape[0] = batch_size
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(t.dtype)), shape)
