"""Which axis of each argument counts the samples of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ShapeError
from .tree import flatten


class Axes:
    """Which axis of each leaf of the arguments counts the samples; None: the leaf is the same for all."""

    __slots__ = ("axes", "size")

    def __init__(self, in_axes: Any, args: tuple[Any, ...], name: str) -> None:
        per_argument = in_axes if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        if len(per_argument) != len(args):
            raise ShapeError(f"in_axes has {len(per_argument)} entries, but {name} was called with {len(args)} arguments")
        self.axes: list[int | None] = []
        self.size = -1
        for k, (axis, arg) in enumerate(zip(per_argument, args, strict=True)):
            leaves = flatten(arg)[0]
            given = [axis] * len(leaves) if axis is None or isinstance(axis, int) else _axes_of_tree(axis, arg, k)
            for x, a in zip(leaves, given, strict=True):
                self.axes.append(self._checked(x, a, k, name))
        if self.size < 0:
            raise ShapeError(f"no argument of {name} has an axis of samples; in_axes={in_axes!r}")

    def _checked(self, x: Any, axis: int | None, k: int, name: str) -> int | None:
        if axis is None:
            return None
        shape = np.shape(x)
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(f"argument {k} of {name} has shape {shape} and no axis {axis}; in_axes names the axis of samples, None for an argument that is "
                             "the same for all")
        axis %= len(shape)
        if self.size >= 0 and shape[axis] != self.size:
            raise ShapeError(f"argument {k} of {name} has {shape[axis]} samples, those before it {self.size}")
        self.size = shape[axis]
        return axis


def _axes_of_tree(axes: Any, arg: Any, k: int) -> list[Any]:
    """Axes given in the structure of an argument (None inside is an axis, not an empty tree)."""
    if isinstance(axes, dict) and isinstance(arg, dict) and list(axes) == list(arg):
        return [a for key in arg for a in _axes_of_tree(axes[key], arg[key], k)]
    if isinstance(axes, (tuple, list)) and isinstance(arg, (tuple, list)) and len(axes) == len(arg):
        return [a for x, y in zip(axes, arg, strict=True) for a in _axes_of_tree(x, y, k)]
    if axes is None or isinstance(axes, int):
        return [axes] * len(flatten(arg)[0])
    raise ShapeError(f"in_axes of argument {k} has another structure than the argument")
