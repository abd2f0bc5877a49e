"""The table of a model's layers."""

from __future__ import annotations

from typing import Any

from ..errors import DualadError
from .callbacks.progress import can_print
from .graph import Tensor, leaves, mapped
from .layer import Layer

Row = tuple[str, str, str, str, str]  # layer, shape, parameters, where from, whether trained
_HEADS: Row = ("Layer (type)", "Output Shape", "Param #", "Connected to", "Trainable")
_BOX = ("┏━┳┓", "┃┃┃", "┡━╇┩", "│││", "├─┼┤", "└─┴┘")
_ASCII = ("+-++", "|||", "+=++", "|||", "+-++", "+-++")


def summary(model: Any, print_fn: Any = None, line_length: int | None = None, expand_nested: bool = False, show_trainable: bool = False) -> None:
    """Prints the table (see `Saved.summary`)."""
    rows = rows_of(model, expand_nested)
    shown = [0, 1, 2, *([3] if any(row[3] for row in rows) else []), *([4] if show_trainable else [])]
    lines = [f'Model: "{model.name}"', *_table([[row[k] for k in shown] for row in [_HEADS, *rows]], line_length), *_totals(model), *_hint()]
    text = "\n".join(lines)
    (print_fn or print)(text if print_fn or can_print(text) else text.encode("ascii", "replace").decode())


# ---- rows ----


def rows_of(model: Any, expand: bool, indent: str = "") -> list[Row]:
    rows: list[Row] = []
    plan = model.plan
    chain = plan is None or _is_chain(plan)
    if plan is not None and (not chain or not hasattr(model, "stack")):
        rows += [(f"{indent}{t.name} (Input)", _text(t.shape), "0", "", "-") for t in leaves(plan.inputs)]
    first = {} if plan is None else {id(node.layer): node for node in reversed(plan.nodes)}
    for layer in model.layers if plan is None else plan.layers():
        node = first.get(id(layer))
        origins = "" if chain or node is None else ", ".join(_origin(t) for t in leaves(node.inputs) if isinstance(t, Tensor))
        kind = getattr(layer, "operation", type(layer).__name__)
        count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
        trained = "-" if not layer.weights else "Y" if layer.trainable else "N"
        rows.append((f"{indent}{layer.name} ({kind})", _shape(layer, node), count, origins, trained))
        if expand and hasattr(layer, "plan"):
            rows += rows_of(layer, expand, indent + "  └ " if not indent else "    " + indent)
    return rows


def _is_chain(plan: Any) -> bool:
    """Whether each layer's only input is the output of the one before."""
    at = leaves(plan.inputs)
    for node in plan.nodes:
        given = leaves(node.inputs)
        if len(at) != 1 or len(given) != 1 or given[0] is not at[0]:
            return False
        at = leaves(node.outputs)
    return True


def _origin(t: Tensor) -> str:
    if t.node is None:
        return t.name
    outputs = leaves(t.node.outputs)
    return t.node.layer.name + (f"[{next(k for k, y in enumerate(outputs) if y is t)}]" if len(outputs) > 1 else "")


def _shape(layer: Layer, node: Any) -> str:
    if node is not None:
        return _text(mapped(lambda t: t.shape, node.outputs))
    if layer.input_shape is None:
        return "?"
    try:
        return _text(layer.compute_output_shape(layer.input_shape))
    except DualadError:
        return "?"


def _text(shape: Any) -> str:
    if isinstance(shape, dict):
        return ", ".join(f"{k}: {_text(v)}" for k, v in shape.items())
    return ", ".join(map(_text, shape)) if isinstance(shape, list) else str(shape)


# ---- drawing ----


def _table(rows: list[list[str]], line_length: int | None) -> list[str]:
    box = _BOX if can_print("".join(_BOX)) else _ASCII
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    if line_length is not None:  # the first column gives way, down to its heading
        widths[0] = max(len(_HEADS[0]), line_length - sum(w + 3 for w in widths[1:]) - 4)
    bars = [edges[0] + edges[2].join(edges[1] * (w + 2) for w in widths) + edges[-1] for edges in box]
    lines = [bars[0]]
    for n, row in enumerate(rows):
        edges = box[1] if n == 0 else box[3]
        cells = [_fitted(text, w, right=k == 2) for k, (text, w) in enumerate(zip(row, widths))]
        lines.append(f"{edges[0]} " + f" {edges[1]} ".join(cells) + f" {edges[2]}")
        lines.append(bars[5 if n == len(rows) - 1 else 2 if n == 0 else 4])
    return lines


def _fitted(text: str, width: int, right: bool) -> str:
    text = text if len(text) <= width else text[: width - 1] + "…"
    return text.rjust(width) if right else text.ljust(width)


# ---- below the table ----


def _totals(model: Any) -> list[str]:
    free, fixed = model.trainable_weights, model.non_trainable_weights
    lines = [f" {name} params: {_amount([v.array for v in group])}" for name, group in (("Total", [*free, *fixed]), ("Trainable", free),
                                                                                      ("Non-trainable", fixed))]
    arrays = list(getattr(model.optimizer, "_arrays", {}).values())
    return [*lines, f" Optimizer params: {_amount(arrays)}"] if arrays else lines


def _amount(arrays: list[Any]) -> str:
    return f"{sum(a.size for a in arrays):,} ({size(sum(a.nbytes for a in arrays))})"


def size(count: int) -> str:
    """Bytes, readably.

    >>> size(0), size(16896), size(3 << 20)
    ('0.00 B', '16.50 KB', '3.00 MB')
    """
    units = ["B", "KB", "MB", "GB", "TB"]
    k = min((max(count, 1).bit_length() - 1) // 10, len(units) - 1)
    return f"{count / 1024**k:.2f} {units[k]}"


def _hint() -> list[str]:
    """What would make matrix products faster on this machine."""
    import ctypes

    from .. import _core, _info

    kernel = _info.openblas("corename", ctypes.c_char_p) or b""
    return [f" {line}" for line in _info.advice(_core.simd_level(), kernel.decode()).splitlines()]
