"""Derivatives between tensors, as a layer: the part of the graph between them runs again, differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GradientError, ParameterError
from ..jacobians import jacobian
from ..transforms import grad
from .gradients import batch_jacobian
from .graph import Plan, Tensor, leaves
from .layer import Layer
from .variables import Variable, bound


def derivative(kind: str, ys: list[Any], xs: list[Any]) -> Any:
    """The tensors of a derivative of tensors, for tensors and variables.

    Parameters
    ----------
    kind : {"gradients", "jacobian", "batch_jacobian"}
    ys : list of Tensor
    xs : list of Tensor and Variable
        For Jacobians one of each.

    Returns
    -------
    Tensor, or for ``"gradients"`` a list of them
    """
    for x in xs:
        if isinstance(x, Tensor) and "float" not in x.dtype:
            raise GradientError(f"the tensor {x.name!r} holds integers ({x.dtype}), along which there is no derivative; take it for the output of the layer "
                                "that makes floating-point numbers of them (Embedding)")
    layer = Derivative(kind, ys, xs)
    return layer([*layer.roots, *layer.points])


class Derivative(Layer):
    """The derivative of `ys` for `xs` (see `derivative`); takes the values of the inputs that `ys` depend on, and of those `xs`
    that are tensors.

    Where no `xs` lies before another, the graph is cut at them: only what comes after runs again. Else it runs from its inputs,
    and zeros are added to inner `xs`, for which the derivative is taken; that of an earlier one then goes through the later ones
    too.
    """

    casts = False

    def __init__(self, kind: str, ys: list[Tensor], xs: list[Any]) -> None:
        super().__init__(dtype=ys[0].dtype)
        self.kind, self.ys, self.xs = kind, ys, xs
        self.points = [x for x in xs if isinstance(x, Tensor)]
        _, before = _walked([t for x in self.points if x.node is not None for t in leaves(x.node.inputs)], set())
        layers = [x.node.layer for x in (*self.points, *before) if x.node is not None]
        earlier = {id(v) for layer in layers for v in layer.weights} | {id(t) for t in before}
        self.cut = not any(id(x) in earlier for x in xs)
        given = [x for x in self.points if self.cut or x.node is None]
        self.roots, met = _walked(ys, {id(x) for x in given})
        self.roots = [t for t in self.roots if not any(t is x for x in given)]
        self.plan = Plan([*self.roots, *given], ys)
        self.inner = self.plan.layers()
        self._need({id(t) for t in met} | {id(v) for layer in self.inner for v in layer.weights})

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "xs":  # may be variables, which belong to other layers
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def _need(self, met: set[int]) -> None:
        for x in self.xs:
            if id(x) not in met:
                raise GradientError(f"{' + '.join(repr(y.name) for y in self.ys)} does not depend on {x!r} (Keras would return None). Is it computed from "
                                    "this very tensor, not from another Input, or from another layer's weights?")

    def call(self, inputs: Any) -> Any:
        arrays = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        known, points = arrays[: len(self.roots)], iter(arrays[len(self.roots) :])
        values: list[Any] = []
        for x in self.xs:
            value = x.value if isinstance(x, Variable) else next(points)
            values.append(np.zeros(np.shape(value), value.dtype) if self._shifted(x) else value)

        def f(values: list[Any]) -> list[Any]:
            pairs = list(zip(self.xs, values))
            given = [v for x, v in pairs if isinstance(x, Tensor) and not self._shifted(x)]
            with bound({x: v for x, v in pairs if isinstance(x, Variable)}):
                return leaves(self.plan.run([*known, *given], shifts={id(x): v for x, v in pairs if self._shifted(x)}))

        if self.kind == "gradients":
            return grad(lambda values: total(f(values)))(values)
        one = lambda x: f([x])[0]
        return jacobian(one)(values[0]) if self.kind == "jacobian" else batch_jacobian(one, values[0])

    def _shifted(self, x: Any) -> bool:
        return isinstance(x, Tensor) and not self.cut and x.node is not None

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.kind == "gradients":
            return [tuple(x.shape) for x in self.xs]
        (y,), (x,) = self.ys, self.xs
        return (*y.shape, *x.shape[self.kind == "batch_jacobian" :])

    def get_config(self) -> dict[str, Any]:
        raise ParameterError("a model with derivatives inside (K.gradients) cannot be written down; save the model that they were taken of")


def total(ys: list[Any]) -> Any:
    """The sum of all elements of all."""
    out = np.sum(ys[0])
    for y in ys[1:]:
        out = out + np.sum(y)
    return out


def _walked(start: list[Any], stop: set[int]) -> tuple[list[Tensor], list[Tensor]]:
    """The inputs from which tensors are computed, and all tensors on the way, with `start`; nothing before those in `stop`."""
    seen: dict[int, Tensor] = {}
    waiting = list(start)
    while waiting:
        t = waiting.pop()
        if isinstance(t, Tensor) and id(t) not in seen:
            seen[id(t)] = t
            if id(t) not in stop and t.node is not None:
                waiting.extend(leaves(t.node.inputs))
    return [t for t in seen.values() if t.node is None][::-1], list(seen.values())
