"""Batches: a function of one sample over many, in lanes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._calls import function_name
from ._programs import ALL_PASSES
from ._programs.capture import capture
from .compiled import Compiled
from .errors import DualadError, ShapeError
from .program import Program, Signature
from .tree import flatten, unflatten

if TYPE_CHECKING:
    from ._programs.lanes import Lanes

MAX_VERSIONS = 8  # courses of the function, and kinds of constants in one batch, that get a program
MAX_KINDS = 64  # kinds of arguments and constants whose programs are kept


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


class Vectorized:
    """A function over batches (see `vectorize`)."""

    label = "vectorize"

    def __init__(self, f: Callable[..., Any], in_axes: Any, out_axes: int, passes: frozenset[str]) -> None:
        self.f, self.in_axes, self.out_axes, self.passes = f, in_axes, out_axes, passes
        self.exact = isinstance(f, Compiled) and f.exact
        self.sample = f.f if isinstance(f, Compiled) else f.function or f if isinstance(f, Program) else f
        self.versions: dict[Any, list[Lanes]] = {}
        self.one = self.sample if isinstance(self.sample, Program) else Compiled(self.sample, self.exact, False, MAX_VERSIONS, passes)
        self.counts = {"calls": 0, "recordings": 0, "samples": 0, "one by one": 0}
        functools.update_wrapper(self, self.sample, updated=())

    def __repr__(self) -> str:
        return f"<dualad.vectorize of {function_name(self.sample)}>"

    def __reduce__(self) -> Any:
        return Vectorized, (self.f, self.in_axes, self.out_axes, self.passes)

    def __call__(self, *args: Any) -> Any:
        name = function_name(self.sample)
        axes = Axes(self.in_axes, args, name)
        self.counts["calls"] += 1
        self.counts["samples"] += axes.size
        leaves, structure = flatten(args)
        batch = [_front(x, a) for x, a in zip(leaves, axes.axes, strict=True)]
        if _core.tracing() or any(_core.is_traced(x) for x in leaves):
            return self._stacked([self._eager(structure, batch, axes, k) for k in range(axes.size)])
        out = _Results(self, structure, batch, axes).run()
        if self.out_axes:
            moved = flatten(out)
            out = unflatten(moved[1], [np.moveaxis(x, 0, self.out_axes) for x in moved[0]])
        return out

    def _eager(self, structure: Any, batch: list[Any], axes: Axes, k: int) -> Any:
        return self.sample(*unflatten(structure, [x if a is None else x[k] for x, a in zip(batch, axes.axes, strict=True)]))

    @staticmethod
    def _stacked(results: list[Any]) -> Any:
        parts = [flatten(r) for r in results]
        return unflatten(parts[0][1], [np.stack(column) for column in zip(*[p[0] for p in parts], strict=True)])

    def stats(self) -> dict[str, Any]:
        """Calls, samples, recordings, samples that were computed one by one, and the programs' sizes."""
        return {**self.counts, "versions": [v.batch.stats for kept in self.versions.values() for v in kept]}


def _front(x: Any, axis: int | None) -> Any:
    """A leaf with its samples in front, as the machine reads it."""
    if axis is None:
        return x
    a = np.moveaxis(np.asarray(x), axis, 0)
    return np.ascontiguousarray(a, a.dtype.newbyteorder("=")) if a.dtype.kind in "biufc" else a


class _Results:
    """One call: every version runs over the samples that no other has taken; those that none takes are computed one by one."""

    def __init__(self, owner: Vectorized, structure: Any, batch: list[Any], axes: Axes) -> None:
        self.owner, self.structure, self.batch, self.axes = owner, structure, batch, axes
        self.signature = self._signature(0)
        self.out: list[np.ndarray] | None = None
        self.shape: Any = None

    def _signature(self, k: int) -> Signature:
        leaves = [x if a is None else x[k] if self.axes.size else _ones(x) for x, a in zip(self.batch, self.axes.axes, strict=True)]
        return Signature(self.owner.sample, *flatten((unflatten(self.structure, leaves), {})))

    def run(self) -> Any:
        for number, samples in enumerate(self._groups()):
            self.signature = self._signature(int(samples[0]) if samples.size else 0)
            for k in self._in_lanes(samples) if number < MAX_VERSIONS else samples:
                self._one(int(k))
        if self.out is None:
            self._one_for_shape()
        assert self.out is not None
        return unflatten(self.shape, self.out)

    def _groups(self) -> list[np.ndarray]:
        """The samples, those together that agree in what a program takes for a constant (an int, a bool, a text of each sample)."""
        pairs = enumerate(zip(self.batch, self.axes.axes, strict=True))
        constants = [x.tolist() for k, (x, axis) in pairs if axis is not None and k not in self.signature.where]
        if not constants:
            return [np.arange(self.axes.size)]
        groups: dict[Any, list[int]] = {}
        for k, values in enumerate(zip(*constants, strict=True)):
            groups.setdefault(values, []).append(k)
        return [np.array(samples) for samples in groups.values()] or [np.arange(0)]

    def _in_lanes(self, todo: np.ndarray) -> np.ndarray:
        """Runs the programs over samples with the same constants; those that none takes."""
        n = self.axes.size
        versions = self._versions()
        for version in list(versions):
            if todo.size or self.out is None:
                todo = self._over(version, todo)
        while (todo.size or self.out is None) and len(versions) < MAX_VERSIONS:
            new = self._new(int(todo[0]) if n else 0)
            if new is None:
                break
            versions.append(new)
            before = todo.size
            todo = self._over(new, todo)
            if todo.size == before and n:
                break
        return todo

    def _versions(self) -> list[Lanes]:
        """The programs for samples like the first one; the oldest kinds are forgotten."""
        key = (self.signature.key, tuple(_kind(x) for x in self.signature.dynamic), tuple(self.axes.axes))
        kept = self.owner.versions
        if key not in kept and len(kept) >= MAX_KINDS:
            kept.pop(next(iter(kept)), None)
        return kept.setdefault(key, [])

    def _new(self, k: int) -> Lanes | None:
        """A program recorded for sample k; None where it cannot run in lanes."""
        owner, signature = self.owner, self._signature(k)
        if isinstance(owner.sample, Program):  # loaded from a file: it can only be replayed
            return None
        from ._programs.lanes import Lanes, Unsuitable

        owner.counts["recordings"] += 1
        try:
            return Lanes(capture(owner.sample, signature.call, signature.dynamic), owner.passes, owner.exact)
        except (Unsuitable, DualadError):
            return None

    def _over(self, version: Lanes, todo: np.ndarray) -> np.ndarray:
        """Runs a version over samples; those for which it does not hold."""
        n = self.axes.size
        everything = todo.size == n
        where = [self.signature.where.index(k) if k in self.signature.where else -1 for k in range(len(self.batch))]
        inputs: list[Any] = [None] * len(self.signature.where)
        batched: list[bool] = [False] * len(self.signature.where)
        for x, a, k in zip(self.batch, self.axes.axes, where, strict=True):
            if k >= 0:
                inputs[k] = np.asarray(x) if a is None or everything else x[todo]
                batched[k] = a is not None
        results, failed = version.run(inputs, batched, todo.size)
        if not failed.all() or not n:
            self._keep(todo[~failed], [r[~failed] for r in results] if failed.any() else results, version.structure)
        return todo[failed]

    def _one(self, k: int) -> None:
        """One sample by itself."""
        self.owner.counts["one by one"] += 1
        args = unflatten(self.structure, [x if a is None else x[k] for x, a in zip(self.batch, self.axes.axes, strict=True)])
        leaves, structure = flatten(self.owner.one(*args))
        self._keep(np.array([k]), [np.asarray(x)[None] for x in leaves], structure)

    def _keep(self, samples: np.ndarray, results: list[np.ndarray], structure: Any) -> None:
        """Puts the results of some samples among the others; dtypes that differ are promoted, as np.stack does it."""
        n = self.axes.size
        if self.out is None:
            self.shape = structure
            self.out = results if samples.size == n else [np.empty((n, *r.shape[1:]), r.dtype) for r in results]
        if self.out is results:
            return
        if structure != self.shape or any(r.shape[1:] != to.shape[1:] for to, r in zip(self.out, results, strict=True)):
            raise ShapeError(f"{function_name(self.owner.sample)} returned results of another structure or shape for sample {samples[0]} than for "
                             "those before it")
        for k, r in enumerate(results):
            self.out[k] = self.out[k].astype(np.result_type(self.out[k], r), copy=False)
            self.out[k][samples] = r

    def _one_for_shape(self) -> None:
        """The result of an empty batch: its shape is found at a sample of ones."""
        leaves, self.shape = flatten(self.signature.call(self.signature.dynamic))
        self.out = [np.empty((0, *np.shape(x)), np.asarray(x).dtype) for x in leaves]


def _ones(x: Any) -> Any:
    return np.ones(x.shape[1:], x.dtype)[()]


def _kind(x: Any) -> Any:
    return (x.shape, x.dtype.str) if isinstance(x, np.ndarray) else type(x)


def vectorize(f: Any, in_axes: Any = 0, out_axes: int = 0) -> Vectorized:
    """A function of one sample as a function of batches.

    Parameters
    ----------
    f : callable or Program
        Plain NumPy code for one sample, or a transform of it, or a recorded or compiled one.
    in_axes : int, None, or a tuple of them
        The axis of each argument that counts the samples; None for an argument that is the same for all. An entry may have the structure of
        its argument.
    out_axes : int
        Where results have their axis of samples.

    Returns
    -------
    callable
        Returns what `f` returns, with an axis of samples.

    Raises
    ------
    ShapeError
        Arguments differ in the number of samples, or have no such axis.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> J = da.vectorize(da.jacobian(lambda x: np.array([x[0] * x[1], x[1]])))
    >>> J(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[[2., 1.],
            [0., 1.]],
    <BLANKLINE>
           [[4., 3.],
            [0., 1.]]])

    Notes
    -----
    The function is recorded at one sample, which it sees as NumPy scalars and arrays; its scalars, and the elements of its arrays, become
    lanes. A branch that depends on a sample splits the batch: each course of the function is a program of its own, and so is each value of
    an int, bool or text that differs between samples (they are constants of a program). A sample's result has the same bits whatever the
    batch and the number of threads. What cannot run in lanes (calls of NumPy such as `np.linalg.solve`) is replayed sample by sample. Where
    samples give results of different dtypes, those of the batch are promoted, as `np.stack` does it. ``.stats()`` tells what was recorded
    and how it ran.
    """
    return Vectorized(f, in_axes, out_axes, f.passes if isinstance(f, Compiled) else ALL_PASSES)
