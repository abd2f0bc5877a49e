"""Programs: a function recorded once and replayed in C, without Python.

What builds programs is imported with the first one, what files, listings and C texts need where they are made: half of the time of `import dualad`
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import _core
from ._calls import function_name
from ._programs import ALL_PASSES
from ._programs.capture import Capture, capture
from ._replay import Machine, Mismatch
from .errors import DtypeError, EscapedError, GuardError, TreeError
from .tree import flatten, unflatten

_DYNAMIC = (float, np.inexact, complex)


class Signature:
    """The arguments of a call: leaves that a program takes as inputs, and what it holds as constants."""

    __slots__ = ("dynamic", "f", "key", "leaves", "structure", "where")

    def __init__(self, f: Any, leaves: list[Any], structure: Any) -> None:
        """`leaves` and `structure` are those of ``(args, kwargs)``."""
        self.f, self.leaves, self.structure = f, leaves, structure
        self.where = [k for k, x in enumerate(leaves) if _is_input(x)]
        self.dynamic = [_native(leaves[k]) for k in self.where]
        inputs = set(self.where)
        static = tuple((k, type(x), x) for k, x in enumerate(leaves) if k not in inputs)
        self.key = (self.structure, static)
        try:
            hash(self.key)
        except TypeError:
            bad = next(x for _, _, x in static if type(x).__hash__ is None)
            raise DtypeError(f"a compiled function takes numbers, arrays, trees of them, and hashable options; {function_name(f)} got "
                             f"{_core._short(bad)} of type {type(bad).__name__}") from None

    def call(self, inputs: list[Any]) -> Any:
        """The function with other leaves in place of the inputs."""
        leaves = list(self.leaves)
        for k, x in zip(self.where, inputs, strict=True):
            leaves[k] = x
        args, kwargs = unflatten(self.structure, leaves)
        return self.f(*args, **kwargs)

    def bound(self) -> list[Any]:
        """The inputs as the machine takes them."""
        return [x if type(x) in (float, np.float64, np.float32, np.ndarray) else np.asarray(x) for x in self.dynamic]

    @property
    def plain(self) -> bool:
        """Whether the arguments are inputs and nothing else."""
        return len(self.where) == len(self.leaves) and self.structure == flatten(((0.0,) * len(self.leaves), {}))[1]


def _is_input(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "biufc"
    return isinstance(x, _DYNAMIC) and not _core.is_traced(x)


def _native(x: Any) -> Any:
    """An input as a plain array in the machine's byte order."""
    if isinstance(x, np.ndarray) and type(x) is not np.ndarray:
        x = _core.base_array(x)
    return x if not isinstance(x, np.ndarray) or x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def machine_of(recorded: Capture, exact: bool, passes: frozenset[str]) -> Machine:
    """What runs a recording."""
    from ._programs.build import parts_of

    return Machine(parts_of(recorded, exact, passes))


def describe(machine: Machine) -> dict[str, Any]:
    """Sizes of a program."""
    parts = machine.parts
    kinds = [kind for kind, _, _ in parts["steps"]]
    return {"guards": len(parts["guard_places"]) + len(parts["guard_arrays"]), "regions": kinds.count("region"), "calls": kinds.count("call"),
            "joined": machine.joined, "arena": parts["arena"], **parts["plan"].stats, **parts["counts"]}


def chosen_passes(passes: Iterable[str] | None) -> frozenset[str]:
    """The names of passes, checked; None: all of them."""
    chosen = ALL_PASSES if passes is None else frozenset(passes)
    if not chosen <= ALL_PASSES:
        raise ValueError(f"passes={sorted(chosen - ALL_PASSES)}; there are {sorted(ALL_PASSES)}")
    return chosen


class Program:
    """One recording as a program: for arguments of the recorded shapes and types, and the branches taken then (see `record`).

    A call takes what the recorded function takes and returns what it returns. `GuardError` says where the arguments would take another course.
    ``print`` shows the operations. Programs are immutable; many threads may call one.
    """

    def __init__(self, machine: Machine, structure: Any, key: Any, name: str, function: Callable[..., Any] | None = None) -> None:
        self.machine, self.name = machine, name
        self.function = function  # what was recorded; None after loading
        self.structure, self.key = structure, key

    def __repr__(self) -> str:
        return f"<dualad program of {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(args, kwargs, self.machine)

    def into(self, out: Any, *args: Any, **kwargs: Any) -> Any:
        """A call that writes its arrays into given ones.

        Parameters
        ----------
        out : tree
            As the result of the recorded function: contiguous, writeable arrays of the same shapes and types; what stands for a number is ignored. An
            array may be an argument as well: the program reads it as it was.
        *args, **kwargs
            The arguments.

        Returns
        -------
        tree
            `out`, with the numbers of the result in their places.

        Raises
        ------
        GuardError
            As in a call; the arrays of `out` then hold no result.
        ShapeError, DtypeError, TreeError
            An array of `out` has another shape or type or cannot be written; `out` is built otherwise than the result.

        Examples
        --------
        >>> import dualad as da, numpy as np
        >>> prog = da.record(lambda p, g: p - 0.1 * g, np.zeros(3), np.ones(3))
        >>> p = np.array([1.0, 2.0, 3.0])
        >>> prog.into(p, p, np.ones(3)) is p
        True
        >>> p
        array([0.9, 1.9, 2.9])
        """
        given, structure = flatten(out)
        if structure != self.structure:
            raise TreeError(f"out must have the structure of the result of {self.name}")
        results = [x if isinstance(x, np.ndarray) else None for x in given]
        return self._run(args, kwargs, lambda bound: self.machine.into(bound, results))

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[[list[Any]], Any]) -> Any:
        signature = Signature(self.name, *flatten((args, kwargs)))
        if signature.key != self.key:
            raise GuardError(f"the program of {self.name} was recorded for arguments of another structure or with other options; record it again, "
                             "or use dualad.compile, which does that by itself")
        bound = signature.bound()
        try:
            leaves = run(bound)
        except Mismatch:
            leaves = None
        if leaves is None:
            raise GuardError(self._why(bound))
        if leaves is NotImplemented:
            raise GuardError(f"a division by zero, overflow or invalid operation happened in the program of {self.name}, which with Python floats may "
                             "be an error; run the function itself to see, or pass np.float64 numbers")
        return unflatten(self.structure, leaves)

    def _why(self, bound: list[Any]) -> str:
        if not self.machine.takes(bound):
            return f"the program of {self.name} was recorded for arguments of other shapes or types: {self.machine.wants()}"
        from ._programs.listing import guard_lines

        lines = list(dict.fromkeys(f"{file}:{line}" for file, line in filter(None, guard_lines(self.machine.parts))))
        return (f"the program of {self.name} was recorded for another course of the function, which depends on the arguments at "
                f"{', '.join(lines[:3]) or 'a result of another shape'}; record it again, or use dualad.compile, which keeps both versions")

    def stats(self) -> dict[str, Any]:
        """Sizes of the program and what the passes did."""
        return describe(self.machine)

    def __str__(self) -> str:
        from ._programs.listing import listing

        return listing(self)

    def __reduce__(self) -> Any:
        from ._programs import files

        return _loaded, (files.dumped(self),)

    def save(self, path: Any) -> None:
        """Writes the program to a file, for `load_program`.

        Parameters
        ----------
        path : path-like
            The file; an existing one is replaced.

        Raises
        ------
        ProgramFileError
            The program calls a function that a file cannot name (one of another module than NumPy, a custom primitive), or takes or returns a
            class of its own (namedtuple, dataclass).

        Examples
        --------
        >>> import dualad as da, numpy as np, tempfile, os
        >>> prog = da.record(da.grad(lambda x: np.sum(x**3)), np.ones(2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     prog.save(os.path.join(folder, "f.dad"))
        ...     again = da.load_program(os.path.join(folder, "f.dad"))
        >>> again(np.array([1.0, 2.0]))
        array([ 3., 12.])
        """
        from ._programs import files

        files.write(path, files.dumped(self))

    def to_c(self, path: Any, name: str | None = None) -> None:
        """Writes the program as a C99 file that needs only the mathematics library.

        Parameters
        ----------
        path : path-like
            The file; an existing one is replaced.
        name : str, optional
            The function's name; by default the recorded function's, as far as C allows it.

        Raises
        ------
        ExportError
            A step has no C form: a call of a NumPy function (`numpy.linalg.solve`, a sort). The message names it.

        Examples
        --------
        >>> import dualad as da, numpy as np, tempfile, pathlib
        >>> prog = da.record(da.grad(lambda x: np.sum(x**3)), np.ones(2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "cubes.c")
        ...     prog.to_c(file, "cubes")
        ...     text = file.read_text()
        >>> "int cubes(const double *x0, double *y0, void *work)" in text
        True
        """
        from ._programs import files
        from ._programs.export_c import exported

        files.write(path, exported(self.machine.parts, name or self.name).encode())


def load_program(path: Any) -> Program:
    """Reads a program that `Program.save` wrote.

    Parameters
    ----------
    path : path-like
        The file. It is checked in full before anything runs; nothing in it is executed or imported.

    Returns
    -------
    Program

    Raises
    ------
    ProgramFileError
        The file cannot be read, is damaged, was written by a newer version of the format, or asks for what a program file may not.

    Examples
    --------
    >>> import dualad as da, numpy as np, tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "f.dad")
    ...     da.record(da.jacobian(np.sin), np.zeros(2)).save(file)
    ...     prog = da.load_program(file)
    >>> prog(np.zeros(2))
    array([[1., 0.],
           [0., 1.]])
    """
    from ._programs import files

    return _loaded(files.read(path))


def _loaded(data: bytes) -> Program:
    from ._programs import files

    return Program(*files.loaded(data))


def record(f: Callable[..., Any], *args: Any, exact: bool = False, passes: Iterable[str] | None = None, **kwargs: Any) -> Program:
    """Records one call as a program.

    Parameters
    ----------
    f : callable
        Plain NumPy code or a transform of it.
    *args, **kwargs
        The arguments; the program takes others of the same shapes and types.
    exact, passes
        As in `compile`.

    Returns
    -------
    Program

    Raises
    ------
    EscapedError
        When a transform is recording in this thread.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> prog = da.record(da.jacobian(lambda x: x**2), np.array([1.0, 2.0]))
    >>> prog(np.array([3.0, 4.0]))
    array([[6., 0.],
           [0., 8.]])
    """
    if _core.tracing():
        raise EscapedError(f"a transform is recording in this thread, and a program cannot be recorded inside it; record {function_name(f)} outside")
    signature = Signature(f, *flatten((args, kwargs)))
    recorded = capture(f, signature.call, signature.dynamic)
    return Program(machine_of(recorded, exact, chosen_passes(passes)), recorded.structure, signature.key, function_name(f), f)
