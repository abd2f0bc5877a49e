"""Variables as one flat array: a view where they lie one after another in memory, else gathered and scattered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ParameterError, ShapeError


def _address(a: np.ndarray) -> int:
    return int(a.__array_interface__["data"][0])


def joint_view(arrays: Sequence[np.ndarray]) -> np.ndarray | None:
    """The flat array that consecutive views of one buffer make up; None when they do not.

    Examples
    --------
    >>> import numpy as np
    >>> buffer = np.arange(6.0)
    >>> joint_view([buffer[1:3], buffer[3:6].reshape(3, 1)])
    array([1., 2., 3., 4., 5.])
    >>> joint_view([buffer[3:6], buffer[1:3]]) is None
    True
    """
    base: Any = arrays[0]
    while isinstance(base.base, np.ndarray):
        base = base.base
    if not base.flags.c_contiguous or base.dtype != arrays[0].dtype:
        return None
    begin = end = _address(arrays[0])
    for a in arrays:
        if _address(a) != end or not a.flags.c_contiguous:
            return None
        end += a.nbytes
    first, last = (begin - _address(base)) // base.itemsize, (end - _address(base)) // base.itemsize
    return base.reshape(-1)[first:last] if first >= 0 and last <= base.size else None


class Flat:
    """Variables and what one flat array of them looks like.

    Parameters
    ----------
    variables : sequence
        Objects with ``value`` (an array), ``name``, ``shape`` and ``assign(array)``.

    Raises
    ------
    ParameterError
        No variables; different floating-point types; the same one twice.
    """

    def __init__(self, variables: Sequence[Any]) -> None:
        self.variables = list(variables)
        if not self.variables:
            raise ParameterError("an optimizer needs at least one variable to train")
        self.places = {id(v): k for k, v in enumerate(self.variables)}
        if len(self.places) < len(self.variables):
            raise ParameterError("a variable was given to the optimizer twice; give each one once")
        self.dtype = np.dtype(self.variables[0].value.dtype)
        for v in self.variables:
            if v.value.dtype != self.dtype:
                raise ParameterError(f"the variables of one optimizer have one type; {v.name} is {v.value.dtype}, {self.variables[0].name} {self.dtype}")
        ends = np.cumsum([v.value.size for v in self.variables]).tolist()
        self.slices = [slice(a, b) for a, b in zip([0, *ends], ends)]
        self.size: int = ends[-1]
        self._seen: list[np.ndarray] = []
        self._view: np.ndarray | None = None
        self._gradient = np.empty(self.size, self.dtype)

    def __reduce__(self) -> Any:
        return Flat, (self.variables,)  # places go by identity, which a copy does not share

    def parameters(self) -> np.ndarray:
        """The variables as a flat array; `scatter` it after changes."""
        values = [v.value for v in self.variables]
        if len(self._seen) != len(values) or any(a is not b for a, b in zip(values, self._seen)):
            self._seen, self._view = values, joint_view(values)
        return np.concatenate([a.reshape(-1) for a in values]) if self._view is None else self._view

    def scatter(self, p: np.ndarray) -> None:
        """Writes a flat array of parameters back to the variables, unless it is made of them."""
        if self._view is None:
            for v, where in zip(self.variables, self.slices):
                v.assign(p[where].reshape(v.shape))

    def gradient(self, grads: dict[int, Any]) -> np.ndarray:
        """Gradients by the places of their variables as a flat array, zero for the others."""
        for k, (v, where) in enumerate(zip(self.variables, self.slices)):
            if k not in grads:
                self._gradient[where] = 0
                continue
            g = np.asarray(grads[k])
            if g.shape != tuple(v.shape):
                raise ShapeError(f"the gradient of {v.name} has the shape {g.shape}; the variable's is {tuple(v.shape)}")
            self._gradient[where] = g.reshape(-1)
        return self._gradient
