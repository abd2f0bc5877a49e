"""Compiled functions: recorded when they are called with arguments of a new kind, and replayed in C after that."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import _core
from ._calls import function_name
from ._programs.capture import Capture, capture
from ._replay import Dispatcher, Machine, Mismatch, Version
from .errors import CheckError, CompileWarning, DualadError, ExportError
from .program import Signature, chosen_passes, describe, machine_of
from .tree import LEAF, flatten, unflatten

MAX_VERSIONS = 16
COURSES = 64  # recordings of one kind of call, hardly ever replayed, after which it is not recorded any more
BACKENDS = ("interpreter", "c")


class Compiled(Dispatcher):
    """A function that is recorded when it is called with arguments of a new kind, and replayed in C after that (see `compile`)."""

    label = "compile"

    def __init__(self, f: Callable[..., Any], exact: bool, check: bool, max_versions: int, passes: frozenset[str],
                 backend: str = "interpreter") -> None:
        super().__init__()
        self.f, self.exact, self.check, self.max_versions, self.passes, self.backend = f, exact, check, max_versions, passes, backend
        self.versions: dict[Any, list[Version]] = {}
        self.counts = {"calls": 0, "recordings": 0, "eager": 0}
        self.eager: dict[Any, str] = {}
        self.made: dict[Any, int] = {}  # recordings, by signature
        self.lock = threading.Lock()
        functools.update_wrapper(self, f, updated=())

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<dualad.compile of {function_name(self.f)}>"

    def __reduce__(self) -> Any:
        return _compiled, (self.f, self.exact, self.check, self.max_versions, self.passes, self.backend)

    rebuilt: Any = staticmethod(unflatten)

    def general(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Every call that no version took at once."""
        self.counts["calls"] += 1
        given, structure = flatten((args, kwargs))
        if _core.tracing() or any(_core.is_traced(x) for x in given):
            return self.f(*args, **kwargs)
        signature = Signature(self.f, given, structure)
        if signature.key in self.eager:
            return self._eagerly(signature)
        bound = signature.bound()
        for version in self.versions.get(signature.key, ()):
            try:
                leaves = version.machine(bound)
            except Mismatch:
                continue
            except Exception:
                return self._eagerly(signature)
            if leaves is NotImplemented:
                return self._eagerly(signature)
            if leaves is not None:
                version.replays += 1
                return self._checked(signature, unflatten(version.extra, leaves))
        return self._recorded(signature, bound)

    def _eagerly(self, signature: Signature) -> Any:
        self.counts["eager"] += 1
        return signature.call(signature.dynamic)

    def _recorded(self, signature: Signature, bound: list[Any]) -> Any:
        """Records a new version and runs it."""
        self.counts["recordings"] += 1
        try:
            recorded = capture(self.f, signature.call, signature.dynamic, self.exact)
        except DualadError as error:
            result = self._eagerly(signature)
            self._give_up(signature, str(error))
            return result
        version = _version(recorded, self.exact, self.passes)
        if self.backend == "c":
            self._attach(version.machine)
        with self.lock:
            kept = self.versions.setdefault(signature.key, [])
            kept.insert(0, version)
            self._forget()
            if signature.plain and not self.check:
                self.direct = [version, *self.direct][: self.max_versions]
        try:
            leaves = version.machine(bound)
        except Mismatch:
            leaves = None
        except Exception:  # a step failed that went well when it was recorded: Python's power of a number of NumPy's, for one
            leaves = NotImplemented
        if leaves is None:
            self._give_up(signature, "a decision depends on a number that a replay does not give to the last bit; exact=True keeps the bits")
        elif self._changes_course(signature):
            self._give_up(signature, f"{self.made[signature.key]} calls took courses of their own; where that is a float() or an index that Python uses, "
                                     "stay in arrays (np.where, x[np.argmax(x)])")
        if leaves is None or leaves is NotImplemented:
            return self._eagerly(signature)
        return self._checked(signature, unflatten(recorded.structure, leaves))

    def _changes_course(self, signature: Signature) -> bool:
        """Whether calls of this kind were recorded over and over, and hardly ever replayed."""
        made = self.made[signature.key] = self.made.get(signature.key, 0) + 1
        return made >= max(COURSES, 2 * self.max_versions) and sum(v.replays for v in self.versions.get(signature.key, ())) < made

    def _give_up(self, signature: Signature, reason: str) -> None:
        """Calls of this kind run the function itself from now on."""
        self.eager[signature.key] = reason
        warnings.warn(f"{function_name(self.f)} runs without a program: {reason}", CompileWarning, stacklevel=5)

    def _attach(self, machine: Machine) -> None:
        """Compiles a version's program; where a step has no C form the interpreter runs it."""
        try:
            from ._programs import native

            native.attach(machine, function_name(self.f))
        except ExportError as error:
            warnings.warn(f"{function_name(self.f)} runs with the interpreter: {error}", CompileWarning, stacklevel=5)

    def _forget(self) -> None:
        """Drops the oldest versions beyond the limit."""
        while sum(map(len, self.versions.values())) > self.max_versions:
            key = next(k for k, v in self.versions.items() if v)
            self.versions[key].pop()
            if not self.versions[key]:
                del self.versions[key]
                self.made.pop(key, None)

    def _checked(self, signature: Signature, result: Any) -> Any:
        if self.check:
            compare(result, signature.call(signature.dynamic), function_name(self.f))
        return result

    def stats(self) -> dict[str, Any]:
        """Calls, recordings, versions and what the passes did.

        Returns
        -------
        dict
            ``calls`` that no version took at once, ``recordings``, ``eager`` runs, ``reasons`` for those, and ``versions``: one dict each with
            its replays, guards and sizes.
        """
        versions = [v for kept in self.versions.values() for v in kept]
        return {**self.counts, "reasons": list(self.eager.values()), "versions": [describe(v.machine) | {"replays": v.replays} for v in versions]}


def _compiled(*options: Any) -> Compiled:
    return Compiled(*options)


def _version(recorded: Capture, exact: bool, passes: frozenset[str]) -> Version:
    machine = machine_of(recorded, exact, passes)
    structure, leaves = recorded.structure, len(recorded.outputs)
    if structure is LEAF:
        return Version(machine, None, 0, structure)
    if structure == (tuple, None, leaves) and leaves:
        return Version(machine, None, leaves, structure)
    return Version(machine, structure, 0, structure)


def compare(got: Any, want: Any, name: str) -> None:
    """Raises CheckError where the leaves of two results differ by more than rounding."""
    for a, b in zip(flatten(got)[0], flatten(want)[0], strict=True):
        a, b = np.asarray(a), np.asarray(b)
        tolerance = 1e-4 if b.dtype in (np.float32, np.complex64) else 1e-9
        scale = np.max(np.abs(b), initial=0.0, where=np.isfinite(b)) if b.dtype.kind in "fc" else 0.0
        if a.dtype != b.dtype or a.shape != b.shape or not np.allclose(a, b, tolerance, tolerance * scale, equal_nan=True):
            raise CheckError(f"the program of {name} gave {_core._short(a)}, the function itself {_core._short(b)}: does it read a global, closure or "
                             "attribute that has changed, or random numbers? A program holds those as constants")


def compile(f: Callable[..., Any] | None = None, *, exact: bool = False, check: bool = False, max_versions: int = MAX_VERSIONS,
            passes: Iterable[str] | None = None, backend: str = "interpreter") -> Any:
    """A function that runs as a program in C: recorded at the first call, replayed after that.

    Parameters
    ----------
    f : callable
        Plain NumPy code, or a transform of it: ``compile(grad(f))``, ``compile(value_and_grad(f))``, a whole optimizer step. Without `f` a
        decorator.
    exact : bool
        The same bits as the function itself: no reordering of sums, elementary functions and operators of the same library (NumPy, or C's for Python
        and `math`), arrays that lie in memory as they did. Arguments that lie otherwise (a transposed matrix, a column) are recorded anew.
    check : bool
        Every call is compared with the function itself (slow, for tests).
    max_versions : int
        Programs kept, at least 1: one for each combination of shapes, dtypes and branches taken.
    passes : iterable of str, optional
        The optimiser passes to run, all by default: ``"fold"`` (constants, identities), ``"cse"`` (equal operations), ``"dead"`` (what nobody
        reads), ``"sums"`` (chains as trees), ``"fuse"`` (pairs of scalar operations), ``"reroll"`` (loops as lanes), ``"fusion"`` (of array
        operations), ``"machine"`` (arithmetic as machine code, x86-64 with AVX2), ``"reuse"``, ``"recompute"`` (memory).
    backend : {"interpreter", "c"}
        ``"c"``: each program is compiled by the system's C compiler (``$CC``, cc, gcc or clang) and kept in the user's cache (``$DUALAD_CACHE``,
        else ``dualad`` in ``$XDG_CACHE_HOME`` or ``~/.cache``). It pays for small programs that are called often, where there is no machine code.
        A program with a step that has no C form runs with the interpreter, and a `CompileWarning` says which step.

    Returns
    -------
    callable
        Takes what `f` takes. Numbers and arrays are inputs; ints, strings and other options are constants of a program, and each new value is
        recorded anew. ``.stats()`` tells what was recorded.

    Raises
    ------
    DtypeError
        An argument is neither a number, an array, nor hashable.
    CheckError
        Under ``check=True``.
    ValueError
        There is no such pass or backend, or `max_versions` is not positive.
    CompilerError
        Under ``backend="c"``: there is no C compiler, or it failed.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> step = da.compile(da.value_and_grad(lambda x: np.sum(x**2)))
    >>> step(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))

    Another course of the function is another program:

    >>> f = da.compile(lambda x: x * x if x > 0 else -x)
    >>> f(3.0), f(-2.0), f(5.0)
    (9.0, 2.0, 25.0)
    >>> f.stats()["recordings"]
    2

    Notes
    -----
    Whatever the function reads from globals, closures or attributes is a constant of the program. A branch (``if x > 0``), a length or an index
    that depends on the arguments is a guard: where it turns out otherwise, the function is recorded again and both versions are kept. Where
    Python floats come in, a division by zero is the error it is without `compile`. What `argmax`, `argsort`, comparisons and their like give is
    computed again in each replay and no guard, as long as it stays in arrays (`np.where`, ``x[np.argmax(x)]``, `np.take_along_axis`).

    A function that cannot be recorded, or that takes another course with almost every call, runs by itself: a `CompileWarning` says why.
    """
    if f is None:
        return functools.partial(compile, exact=exact, check=check, max_versions=max_versions, passes=passes, backend=backend)
    if not callable(f):
        raise TypeError(f"compile needs a function, not {_core._short(f)} of type {type(f).__name__}")
    if isinstance(max_versions, bool) or not isinstance(max_versions, int) or max_versions < 1:
        raise ValueError(f"max_versions must be a positive integer, not {_core._short(max_versions)}")
    if backend not in BACKENDS:
        raise ValueError(f"backend={_core._short(backend)}; there are {', '.join(BACKENDS)}")
    if backend == "c":
        from ._programs import native

        native.compiler()
    return Compiled(f, exact, check, max_versions, chosen_passes(passes), backend)
