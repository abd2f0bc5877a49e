"""A function as a map between flat real vectors, with its derivative by differences, by forward and by reverse mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from . import _core, transforms
from ._differences import Differences, directional

EVERY = 24  # up to so many numbers in the arguments each is varied by itself; above, random directions and a search
LOOSE = {"e": 2e-2, "f": 1e-3, "F": 1e-3}  # relative tolerance by precision; 1e-6 in double


class Leaf(NamedTuple):
    """A number or array inside a tree, with the text that names it."""

    path: str
    value: Any


def leaves(tree: Any, path: str) -> Iterator[Leaf]:
    """The numbers and arrays of a tree in order: dicts, lists, tuples, dataclasses."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}[{key!r}]")
    elif isinstance(tree, (list, tuple)):
        names = getattr(tree, "_fields", None)
        for k, value in enumerate(tree):
            yield from leaves(value, f"{path}.{names[k]}" if names else f"{path}[{k}]")
    elif is_dataclass(tree) and not isinstance(tree, type):
        for field in fields(tree):
            yield from leaves(getattr(tree, field.name), f"{path}.{field.name}")
    else:
        yield Leaf(path, _core.pack(tree))


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """A tree of the same structure with other leaves."""
    if isinstance(tree, dict):
        return {key: rebuild(value, values) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        items = [rebuild(value, values) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if is_dataclass(tree) and not isinstance(tree, type):
        return replace(tree, **{f.name: rebuild(getattr(tree, f.name), values) for f in fields(tree)})
    return next(values)


def inexact(value: Any) -> bool:
    """True for floating and complex numbers and arrays, which can carry a derivative."""
    if hasattr(value, "dtype"):
        return np.dtype(value.dtype).kind in "fc"
    return isinstance(value, (float, complex)) or (_core.is_traced(value) and not isinstance(_core.value(value), int))


def flat(values: Any) -> np.ndarray:
    """Numbers and arrays as one real vector; a complex number counts as two."""
    parts = [np.zeros(0)]
    for value in values:
        a = np.asarray(value)
        a = a.astype(complex).reshape(-1).view(float) if a.dtype.kind == "c" else a.astype(float).reshape(-1)
        parts.append(a)
    return np.concatenate(parts)


def split(vector: np.ndarray, like: list[Any], exact: bool = True) -> list[Any]:
    """The reverse of `flat`: values of the types and dtypes of `like` (`exact=False`: in double precision)."""
    out, at = [], 0
    for value in like:
        a = np.asarray(value)
        width = a.size * (2 if a.dtype.kind == "c" else 1)
        part = vector[at : at + width].copy()
        at += width
        part = part.view(complex).reshape(a.shape) if a.dtype.kind == "c" else part.reshape(a.shape)
        if isinstance(value, np.ndarray):
            out.append(part.astype(a.dtype) if exact else part)
        else:
            kind = type(value) if exact or not isinstance(value, np.generic) else np.result_type(a.dtype, float).type
            out.append(kind(part[()]))
        # a 0-d array and a scalar stay what they are: functions may tell them apart
    return out


def entry(values: list[Leaf], k: int) -> str:
    """Names entry `k` of the flat vector of `values`."""
    for path, value in values:
        a = np.asarray(value)
        parts = 2 if a.dtype.kind == "c" else 1
        if k < a.size * parts:
            index = ", ".join(map(str, np.unravel_index(k // parts, a.shape)))
            name = f"{path}[{index}]" if index else path
            return name if parts == 1 else f"the {('real', 'imaginary')[k % 2]} part of {name}"
        k -= a.size * parts
    return "?"


class Case:
    """`f` at one point: its floating arguments as one flat vector, integers and other leaves held constant."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.f, self.args = f, args
        everything = [leaf for k, arg in enumerate(args) for leaf in leaves(arg, f"args[{k}]")]
        self.varies = [inexact(leaf.value) for leaf in everything]
        self.constants = [leaf.value for leaf in everything]
        self.inputs = [leaf for leaf, on in zip(everything, self.varies, strict=True) if on]
        if not self.inputs:
            raise TypeError("none of the arguments is a floating number or array, so there is no derivative to check")
        self.values = [leaf.value for leaf in self.inputs]
        self.x = flat(self.values)
        self.outputs = [Leaf(leaf.path, _core.value(leaf.value)) for leaf in leaves(f(*args), "result") if inexact(leaf.value)]
        self.y = flat(leaf.value for leaf in self.outputs)
        kinds = [np.asarray(value).dtype for value in [*self.values, *(leaf.value for leaf in self.outputs)]]
        self.rtol = max((LOOSE.get(kind.char, 1e-6) for kind in kinds), default=1e-6)
        self.eps = max(float(np.finfo(kind).eps) for kind in kinds)
        self.rng = np.random.default_rng(0)
        self._reversed: dict[bytes, np.ndarray] = {}

    def call(self, *values: Any) -> tuple[Any, ...]:
        """The floating results of `f` as a flat tuple, from the floating arguments."""
        left = iter(values)
        filled = iter([next(left) if on else constant for on, constant in zip(self.varies, self.constants, strict=True)])
        result = self.f(*(rebuild(arg, filled) for arg in self.args))
        return tuple(leaf.value for leaf in leaves(result, "result") if inexact(leaf.value))

    def differences(self, v: np.ndarray) -> Differences:
        """The derivative along `v` by differences, in double precision."""
        return directional(lambda x: flat(self.call(*split(x, self.values, exact=False))), self.x, v, self._noise)

    @property
    def _noise(self) -> float:
        doubled = self.call(*split(self.x, self.values, exact=False))
        return float(max((np.finfo(np.asarray(y).dtype).eps for y in doubled), default=2.0**-52))

    def forward(self, v: np.ndarray) -> np.ndarray:
        """The derivative along `v` by `jvp`."""
        _, tangents = transforms.jvp(self.call, tuple(self.values), tuple(split(v, self.values)))
        self._same_kind(tangents, self.outputs, "tangent", "result")
        return flat(tangents)

    def reverse(self, u: np.ndarray) -> np.ndarray:
        """The cotangents of the arguments for `u` by `vjp`, computed once for each `u`."""
        if (key := u.tobytes()) not in self._reversed:
            self._reversed[key] = self._pulled(u)
        return self._reversed[key]

    def _pulled(self, u: np.ndarray) -> np.ndarray:
        _, pull = transforms.vjp(self.call, *self.values)
        cotangents = pull(tuple(split(u, [leaf.value for leaf in self.outputs])))
        self._same_kind(cotangents, self.inputs, "cotangent", "argument")
        return flat(cotangents)

    def traced_values(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The results as the two modes compute them."""
        zeros = tuple(split(np.zeros(self.x.size), self.values))
        yield "forward mode", transforms.jvp(self.call, tuple(self.values), zeros)[0]
        yield "reverse mode", transforms.vjp(self.call, *self.values)[0]

    def _same_kind(self, got: Any, expected: list[Leaf], what: str, of: str) -> None:
        for value, leaf in zip(got, expected, strict=True):
            a, b = np.asarray(value), np.asarray(leaf.value)
            if a.shape != b.shape or a.dtype != b.dtype:
                raise AssertionError(
                    f"the {what} of {leaf.path} has shape {a.shape} and dtype {a.dtype}, the {of} has {b.shape} and {b.dtype}"
                )

    def directions(self) -> list[np.ndarray]:
        """Every unit vector, or for a large input two random directions."""
        n = self.x.size
        return list(np.eye(n)) if n <= EVERY else [self._random(n) for _ in range(2)]

    def weights(self) -> list[np.ndarray]:
        """Two random cotangents of the result (one when it is a single number)."""
        m = self.y.size
        return [self._random(m) for _ in range(2 if m > 1 else 1)]

    def _random(self, n: int) -> np.ndarray:
        return self.rng.uniform(0.5, 1.5, n) * self.rng.choice([-1.0, 1.0], n)
