"""What layers check of their options and inputs, and say where it does not hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...errors import LayerError, ShapeError, UnknownNameError
from .._names import lookup
from ..layer import Layer


def prepare(layer: Layer, shape: Any) -> None:
    """Builds a layer inside another, and checks what it is going to get."""
    if not layer.built:
        layer.build(shape)
        layer.built = True
        layer.input_shape = shape
    layer.check_input(shape)


def positive(layer: Layer, what: str, n: Any) -> int:
    """A number of units, filters...: whole and at least 1."""
    if isinstance(n, bool) or not hasattr(n, "__index__") or n < 1:
        raise LayerError(f"{type(layer).__name__}: {what}={n!r}; a whole number of at least 1 is needed")
    return int(n)


def last_axis(layer: Layer, shape: Any) -> int:
    """The size of the last axis, which weights depend on."""
    one_input(layer, shape)
    if len(shape) < 2 or shape[-1] is None:
        raise ShapeError(f"the layer {layer.name} takes batches of samples, (batch, ..., n) with a known n; got the shape {shape}")
    return int(shape[-1])


def one_input(layer: Layer, shape: Any) -> None:
    """Raises where a layer of one input got several."""
    if isinstance(shape, (list, dict)):
        raise ShapeError(f"the layer {layer.name} takes one input; got {len(shape)}")


def axes(layer: Layer, shape: Any, wanted: str) -> None:
    """Raises where an input has another number of axes than `wanted`, a text such as ``(batch, height, width, channels)``."""
    one_input(layer, shape)
    if len(shape) != wanted.count(",") + 1:
        raise ShapeError(f"the layer {layer.name} takes inputs of shape {wanted}; got the shape {shape}")


def same_size(layer: Layer, shape: Any, axis: int, n: int, what: str) -> None:
    """Raises where an axis has another size than the weights were made for."""
    if shape[axis] is not None and shape[axis] != n:
        raise ShapeError(f"the layer {layer.name} takes inputs with {n} {what}; got the shape {shape}")


def several(layer: Layer, what: str, given: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """`rank` whole numbers from one or from a sequence: sizes of kernels, strides..."""
    numbers = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,) * rank
    if len(numbers) != rank or any(isinstance(n, bool) or not hasattr(n, "__index__") or n < least for n in numbers):
        needed = "a whole number" if rank == 1 else f"a whole number or {rank} of them"
        raise LayerError(f"{type(layer).__name__}: {what}={given!r}; {needed} of at least {least} is needed")
    return tuple(int(n) for n in numbers)


def sides(layer: Layer, what: str, given: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """Numbers before and after along each axis: from one for all, one an axis, or two an axis."""
    if rank == 1 and isinstance(given, Sequence) and len(given) == 2 and not isinstance(given[0], Sequence):
        given = (given,)  # (before, after)
    outer = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,) * rank
    if len(outer) != rank:
        raise LayerError(f"{type(layer).__name__}: {what}={given!r}; a whole number, one for each of {rank} axes, or a pair for each is needed")
    pairs = tuple(several(layer, what, n, 2, 0) for n in outer)
    return tuple((first, last) for first, last in pairs)


def fraction(layer: Layer, what: str, x: Any, closed: bool = False) -> float:
    """A share of what is dropped: from 0 to below 1 (`closed`: to 1)."""
    if isinstance(x, bool) or not hasattr(x, "__float__") or not (0 <= x < 1 or (closed and x == 1)):
        raise LayerError(f"{type(layer).__name__}: {what}={x!r}; a number from 0 to {'' if closed else 'below '}1 is needed")
    return float(x)


def not_negative(layer: Layer, what: str, x: Any) -> float:
    """A width of noise and the like: finite and at least 0."""
    if isinstance(x, bool) or not hasattr(x, "__float__") or not 0 <= x < math.inf:
        raise LayerError(f"{type(layer).__name__}: {what}={x!r}; a finite number of at least 0 is needed")
    return float(x)


def choice(layer: Layer, what: str, name: Any, known: Sequence[str]) -> str:
    """One of a few words."""
    try:
        return lookup(what, name, {k: k for k in known})
    except UnknownNameError as error:
        raise UnknownNameError(f"{type(layer).__name__}: {error}") from None


def channels_last(layer: Layer, data_format: Any) -> str:
    """The only layout of images and sequences that is supported."""
    if data_format not in (None, "channels_last"):
        raise LayerError(f"{type(layer).__name__}: data_format={data_format!r}; only 'channels_last' is supported. Bring the channels to the end first: "
                         "np.moveaxis(x, 1, -1), or a Permute layer")
    return "channels_last"


def unsupported(layer: Layer, what: str, given: Any, instead: str) -> None:
    """Raises where an option of Keras is on that has no counterpart here."""
    if given:
        raise LayerError(f"{type(layer).__name__}: {what}={given!r} is not supported; {instead}")
