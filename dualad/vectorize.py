"""Batches: a function of one sample over many, in lanes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._axes import Axes
from ._calls import function_name
from ._programs import ALL_PASSES
from ._programs.capture import capture
from ._replay import Kind, samples_first
from .compiled import Compiled
from .errors import DualadError, ShapeError
from .program import Program, Signature
from .tree import flatten, unflatten

if TYPE_CHECKING:
    from ._programs.lanes import Lanes

MAX_VERSIONS = 8  # courses of the function, and kinds of constants in one batch, that get a program
MAX_KINDS = 64  # kinds of arguments and constants whose programs are kept
RECENT = 8  # kinds that are looked through first
NONE = np.arange(0)  # no samples


class Vectorized:
    """A function over batches (see `vectorize`)."""

    label = "vectorize"

    def __init__(self, f: Callable[..., Any], in_axes: Any, out_axes: int, passes: frozenset[str]) -> None:
        self.f, self.in_axes, self.out_axes, self.passes = f, in_axes, out_axes, passes
        self.exact = isinstance(f, Compiled) and f.exact
        self.sample = f.f if isinstance(f, Compiled) else f.function or f if isinstance(f, Program) else f
        self.versions: dict[Any, list[Lanes]] = {}
        self.kinds: list[Kind] = []  # of recent calls
        self.one = self.sample if isinstance(self.sample, Program) else Compiled(self.sample, self.exact, False, MAX_VERSIONS, passes)
        self.counts = {"calls": 0, "recordings": 0, "samples": 0, "one by one": 0}
        functools.update_wrapper(self, self.sample, updated=())

    def __repr__(self) -> str:
        return f"<dualad.vectorize of {function_name(self.sample)}>"

    def __reduce__(self) -> Any:
        return Vectorized, (self.f, self.in_axes, self.out_axes, self.passes)

    def __call__(self, *args: Any) -> Any:
        leaves, structure = flatten(args)
        tracing = _core.tracing()
        call = None if tracing else self._like_another(leaves, structure)
        if call is None:
            axes = Axes(self.in_axes, args, function_name(self.sample))
            call = _Call(self, structure, leaves, axes.axes, axes.size)
        self.counts["calls"] += 1
        self.counts["samples"] += call.size
        if tracing or (call.kind is None and any(_core.is_traced(x) for x in leaves)):
            return self._stacked([self.sample(*call.arguments(k)) for k in range(call.size)])
        out = call.run()
        if self.out_axes:
            moved = flatten(out)
            out = unflatten(moved[1], [np.moveaxis(x, 0, self.out_axes) for x in moved[0]])
        return out

    def _like_another(self, leaves: list[Any], structure: Any) -> _Call | None:
        """A call of a kind that there was before."""
        for kind in self.kinds:
            taken = kind.take(structure, leaves)
            if taken is not None:
                return _Call(self, structure, leaves, kind.axes, taken[1], kind, taken[0])
        return None

    @staticmethod
    def _stacked(results: list[Any]) -> Any:
        parts = [flatten(r) for r in results]
        return unflatten(parts[0][1], [np.stack(column) for column in zip(*[p[0] for p in parts], strict=True)])

    def stats(self) -> dict[str, Any]:
        """Calls, samples, recordings, samples that were computed one by one, and the programs' sizes."""
        return {**self.counts, "versions": [v.batch.stats for kept in self.versions.values() for v in kept]}


class _Call:
    """One call: every version runs over the samples that no other has taken; those that none takes are computed one by one."""

    def __init__(self, owner: Vectorized, structure: Any, leaves: list[Any], axes: list[int | None], size: int, kind: Kind | None = None,
                 inputs: list[np.ndarray] | None = None) -> None:
        self.owner, self.structure, self.leaves, self.axes, self.size = owner, structure, leaves, axes, size
        self.kind, self.inputs = kind, inputs or []
        self.out: list[np.ndarray] | None = None
        self.shape: Any = None

    @functools.cached_property
    def batch(self) -> list[Any]:
        """The leaves with samples in front."""
        return [x if a is None else samples_first(x, a) for x, a in zip(self.leaves, self.axes, strict=True)]

    @functools.cached_property
    def signature(self) -> Signature:
        return self._signature(0)

    def arguments(self, k: int) -> Any:
        """Those of one sample."""
        return unflatten(self.structure, [x if a is None else x[k] for x, a in zip(self.batch, self.axes, strict=True)])

    def _signature(self, k: int) -> Signature:
        args = self.arguments(k) if self.size else unflatten(self.structure, [x if a is None else _ones(x) for x, a in zip(self.batch, self.axes, strict=True)])
        return Signature(self.owner.sample, *flatten((args, {})))

    def run(self) -> Any:
        for number, samples in enumerate(self._groups() if self.kind is None else [None]):
            rest = samples
            if number < MAX_VERSIONS and self._find(samples):
                rest = self._in_lanes(samples)
            for k in range(self.size) if rest is None else rest.tolist():  # an empty array is slower to go through than an empty list
                self._one(k)
        if self.out is None:
            self._one_for_shape()
        assert self.out is not None
        return unflatten(self.shape, self.out)

    def _groups(self) -> list[Any]:
        """The samples, those together that agree in what a program takes for a constant (an int, a bool, a text of each sample). None: all."""
        pairs = enumerate(zip(self.batch, self.axes, strict=True))
        constants = [x.tolist() for k, (x, axis) in pairs if axis is not None and k not in self.signature.where]
        groups: dict[Any, list[int]] = {}
        for k, values in enumerate(zip(*constants, strict=True)):
            groups.setdefault(values, []).append(k)
        return [np.array(samples) for samples in groups.values()] or [None]

    def _find(self, samples: np.ndarray | None) -> bool:
        """Finds the programs for samples like the first one; whether there can be any."""
        if samples is not None:
            self.signature = self._signature(int(samples[0]))
        elif self.kind is not None:
            return True
        where = self.signature.where
        if len(self.signature.leaves) != len(self.leaves):
            return False  # arrays of objects that hold several leaves
        self.inputs = [samples_first(self.batch[k], 0) for k in where]
        if any(x.dtype.kind not in "biufc" for x in self.inputs):
            return False  # numbers of any type
        self.kind = Kind(self.structure, self.leaves, self.axes, where, self._versions())
        if samples is None and self.size and all(map(_is_plain, self.leaves, self.axes)):
            self.owner.kinds = [self.kind, *self.owner.kinds][:RECENT]
        return True

    def _in_lanes(self, todo: np.ndarray | None) -> np.ndarray | None:
        """Runs the programs over samples with the same constants; those that none takes."""
        assert self.kind is not None
        versions = self.kind.versions
        for version in list(versions):
            if todo is None or todo.size:
                todo = self._over(version, todo)
        while (todo is None or todo.size) and len(versions) < MAX_VERSIONS:
            new = self._new(0 if todo is None else int(todo[0]))
            if new is None:
                break
            versions.append(new)
            before, todo = todo, self._over(new, todo)
            if todo.size == (self.size if before is None else before.size):
                break
        return todo

    def _versions(self) -> list[Lanes]:
        """The programs for samples like the first one; the oldest kinds are forgotten."""
        key = (self.signature.key, tuple(_kind(x) for x in self.signature.dynamic), tuple(self.axes))
        owner, kept = self.owner, self.owner.versions
        if key not in kept and len(kept) >= MAX_KINDS:
            forgotten = kept.pop(next(iter(kept)), None)
            owner.kinds = [kind for kind in owner.kinds if kind.versions is not forgotten]
        return kept.setdefault(key, [])

    def _new(self, k: int) -> Lanes | None:
        """A program recorded for sample k; None where it cannot run in lanes."""
        owner, signature = self.owner, self._signature(k)
        if isinstance(owner.sample, Program):  # loaded from a file: it can only be replayed
            return None
        from ._programs.lanes import Lanes, Unsuitable

        assert self.kind is not None
        owner.counts["recordings"] += 1
        try:
            recorded = capture(owner.sample, signature.call, signature.dynamic)
            return Lanes(recorded, list(zip(map(np.asarray, signature.dynamic), self.kind.batched, strict=True)), owner.passes, owner.exact)
        except (Unsuitable, DualadError):
            return None

    def _over(self, version: Lanes, todo: np.ndarray | None) -> np.ndarray:
        """Runs a version over samples; those for which it does not hold."""
        inputs, n = self.inputs, self.size
        if todo is not None and todo.size < n:
            assert self.kind is not None
            inputs, n = [x[todo] if batched else x for x, batched in zip(inputs, self.kind.batched, strict=True)], todo.size
        results, failed = version.run(inputs, n)
        if failed is None:
            self._keep(todo, results, version.structure)
            return NONE
        rest, held = _those(todo, failed), ~failed
        if rest.size < n:
            self._keep(_those(todo, held), [r[held] for r in results], version.structure)
        return rest

    def _one(self, k: int) -> None:
        """One sample by itself."""
        self.owner.counts["one by one"] += 1
        leaves, structure = flatten(self.owner.one(*self.arguments(k)))
        self._keep(np.array([k]), [np.asarray(x)[None] for x in leaves], structure)

    def _keep(self, samples: np.ndarray | None, results: list[np.ndarray], structure: Any) -> None:
        """Puts the results of some samples (None: all) among the others; dtypes that differ are promoted, as np.stack does it."""
        if self.out is None:
            self.shape = structure
            if samples is None or samples.size == self.size:
                self.out = results
                return
            self.out = [np.empty((self.size, *r.shape[1:]), r.dtype) for r in results]
        assert samples is not None
        if structure != self.shape or any(r.shape[1:] != to.shape[1:] for to, r in zip(self.out, results, strict=True)):
            raise ShapeError(f"{function_name(self.owner.sample)} returned results of another structure or shape for sample {samples[0]} than for "
                             "those before it")
        for k, r in enumerate(results):
            if r.dtype != self.out[k].dtype:
                self.out[k] = self.out[k].astype(np.result_type(self.out[k], r), copy=False)
            self.out[k][samples] = r

    def _one_for_shape(self) -> None:
        """The result of an empty batch: its shape is found at a sample of ones."""
        leaves, self.shape = flatten(self.signature.call(self.signature.dynamic))
        self.out = [np.empty((0, *np.shape(x)), np.asarray(x).dtype) for x in leaves]


def _ones(x: Any) -> Any:
    return np.ones(x.shape[1:], x.dtype)[()]


def _those(samples: np.ndarray | None, mask: np.ndarray) -> np.ndarray:
    """Some of the samples (None: all)."""
    return mask.nonzero()[0] if samples is None else samples[mask]


def _is_plain(x: Any, axis: int | None) -> bool:
    """Whether the type, shape and dtype of a leaf say what its samples are."""
    return x.dtype.kind in "biufc" if type(x) is np.ndarray else axis is None and not isinstance(x, np.ndarray)


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
