"""Jacobians and Hessians: one recording, swept with many seeds at once in the cheaper direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _core
from ._calls import Argnums, Selected, function_name
from ._recording import Recording
from .errors import DtypeError
from .transforms import Grad, Transform, _map_any, _need_complex
from .tree import unflatten

MODES = (None, "forward", "reverse")
# Seeds swept together: enough to fill vector registers, few enough that the adjoints of a chunk stay in the cache.
MIN_LANES, MAX_LANES, LANE_ELEMENTS = 8, 64, 250_000


class ValueAndJacobian(Transform):
    label = "value_and_jacobian"

    def __init__(self, f: Callable[..., Any], argnums: Argnums = 0, mode: str | None = None, has_aux: bool = False,
                 holomorphic: bool = False) -> None:
        if mode not in MODES:
            raise ValueError(f"mode={mode!r}; use 'forward', 'reverse', or None to let dualad choose")
        super().__init__(f, argnums, has_aux, holomorphic)
        self.mode = mode

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value, jacobian, aux = self.compute(args, kwargs)
        return ((value, aux), jacobian) if self.has_aux else (value, jacobian)

    def compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
        """(value, Jacobian, auxiliary data)."""
        selected = Selected(self.f, self.argnums, args, kwargs)
        if self.holomorphic:
            _need_complex(selected.leaves, self.f)
        recording = Recording(selected.leaves)
        results, structure, aux = recording.run(selected, self._leaves)
        blocks = Blocks(recording, selected.leaves, results, self)
        rows = [unflatten(selected.structure, blocks.of(y)) for y in results]
        if aux is not None:
            aux = _map_any(recording.finish, aux)
        return unflatten(structure, [recording.finish(y) for y in results]), unflatten(structure, rows), aux


class Jacobian(ValueAndJacobian):
    label = "jacobian"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _, jacobian, aux = self.compute(args, kwargs)
        return (jacobian, aux) if self.has_aux else jacobian


class Blocks:
    """The Jacobian blocks d(result)/d(leaf) of one recording."""

    def __init__(self, recording: Recording, leaves: list[Any], results: list[Any], transform: ValueAndJacobian) -> None:
        self.recording, self.transform = recording, transform
        plain = [_core.plain(x) for x in leaves]
        self.shapes = [np.shape(x) for x in plain]
        self.sizes = [int(np.size(x)) for x in plain]
        self.dtypes = [np.result_type(x) for x in plain]
        self.complex_in = any(d.kind == "c" for d in self.dtypes)
        self.nested = _core.depends_outside(recording.tape, recording.lo)
        self._check(results)

    def _check(self, results: list[Any]) -> None:
        if self.complex_in and not self.transform.holomorphic:
            raise DtypeError(f"an argument of {function_name(self.transform.f)} is complex: a Jacobian has a meaning there only for a holomorphic "
                             "function (holomorphic=True); otherwise differentiate with respect to real and imaginary parts")

    def of(self, y: Any) -> list[Any]:
        """The blocks of one result, one a leaf, of shape ``y.shape + leaf.shape``."""
        parts = _core.parts(y)
        if parts is not None:
            return [_core.join(parts[0], p, t) for p, t in zip(self.of(parts[1]), self.of(parts[2]))]
        value = _core.plain(y)
        shape, size = np.shape(value), int(np.size(value))
        dtype = np.result_type(value)
        if not _core.on_tape(y, self.recording.tape, self.recording.lo):
            return [_block(np.zeros(shape + s, d if dtype.kind != "c" else dtype)) for s, d in zip(self.shapes, self.dtypes)]
        if self._forward(size, dtype):
            return self._push(y, shape)
        return self._pull(y, shape, size, dtype)

    def _forward(self, size: int, dtype: Any) -> bool:
        if self.nested:
            return False
        if dtype.kind == "c" and not self.complex_in:
            return True
        mode = self.transform.mode
        return mode == "forward" or (mode is None and sum(self.sizes) <= size)

    def _lanes(self, seeds: int) -> int:
        extent = max(1, _core.extent(self.recording.tape, self.recording.lo))
        return min(seeds, max(MIN_LANES, min(MAX_LANES, LANE_ELEMENTS // extent)))

    def _push(self, y: Any, shape: tuple[int, ...]) -> list[Any]:
        r, total = self.recording, sum(self.sizes)
        starts = np.cumsum([0, *self.sizes])
        lanes = self._lanes(total) if total else 1
        columns = []
        for a in range(0, total, lanes):
            k = min(lanes, total - a)
            seeds = [_units(k, a - int(start), n, s, d) for start, n, s, d in zip(starts, self.sizes, self.shapes, self.dtypes)]
            columns.append(_core.push(r.tape, r.lo, r.inputs, [y], seeds, k)[0])
        if not total:
            return [_block(np.zeros(shape + s)) for s in self.shapes]
        full = np.concatenate(columns)
        return [_block(np.ascontiguousarray(np.moveaxis(full[a : a + n], 0, -1)).reshape(shape + s))
                for a, n, s in zip(starts, self.sizes, self.shapes)]

    def _pull(self, y: Any, shape: tuple[int, ...], size: int, dtype: Any) -> list[Any]:
        r = self.recording
        if not size:
            return [_block(np.zeros(shape + s, d)) for s, d in zip(self.shapes, self.dtypes)]
        lanes = size if self.nested else self._lanes(size)
        chunks = []
        for a in range(0, size, lanes):
            k = min(lanes, size - a)
            chunks.append(_core.pull(r.tape, r.lo, r.inputs, [y], [_units(k, a, size, shape, dtype)], k))
        rows = [np.concatenate(c) if len(c) > 1 else c[0] for c in zip(*chunks)]
        if self.transform.holomorphic:
            rows = [np.conj(c) for c in rows]
        return [_block(c.reshape(shape + s)) for c, s in zip(rows, self.shapes)]


def _block(x: Any) -> Any:
    """A block; that of a scalar by a scalar is a scalar."""
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x


def _units(k: int, first: int, size: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """`k` unit seeds, of which row r has its one at flat element ``first + r`` (none outside the array)."""
    out = np.zeros((k, size), dtype if dtype.kind in "fc" else float)
    rows = np.arange(max(0, -first), min(k, size - first))
    out[rows, rows + first] = 1
    return out.reshape((k, *shape))


def value_and_jacobian(f: Callable[..., Any], argnums: Argnums = 0, mode: str | None = None, has_aux: bool = False,
                       holomorphic: bool = False) -> ValueAndJacobian:
    """A function that returns the value of `f` and its Jacobian, from one run. Parameters as in `jacobian`.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.value_and_jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    (array([1., 4.]), array([[2., 0.],
           [0., 4.]]))
    """
    return ValueAndJacobian(f, argnums, mode, has_aux, holomorphic)


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, mode: str | None = None, has_aux: bool = False,
             holomorphic: bool = False) -> Jacobian:
    """The matrix of all first derivatives of a function.

    Parameters
    ----------
    f : callable
        Plain NumPy code returning numbers, arrays or a tree of them.
    argnums : int, str, or tuple of them
        Which arguments to differentiate.
    mode : {None, 'forward', 'reverse'}
        Direction of the sweeps; by default forward when there are not more inputs than outputs.
    has_aux : bool
        `f` returns ``(result, other)``; the result is ``(jacobian, other)``.
    holomorphic : bool
        Complex derivative of a holomorphic function of complex arguments.

    Returns
    -------
    callable
        Returns an array of shape ``result.shape + argument.shape`` (trees of arrays for trees).

    Raises
    ------
    DtypeError
        A complex argument without ``holomorphic=True``.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.jacobian(lambda x: np.array([x[0] * x[1], np.sin(x[1])]))(np.array([2.0, 0.0]))
    array([[0., 2.],
           [0., 1.]])

    Notes
    -----
    The function runs once; its tape is swept for 8 to 64 unit seeds at a time (vector mode; Griewank & Walther, *Evaluating
    Derivatives*, ch. 3).
    """
    return Jacobian(f, argnums, mode, has_aux, holomorphic)


class Hessian(Transform):
    label = "hessian"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Jacobian(Grad(self.f, self.argnums, self.has_aux), self.argnums, has_aux=self.has_aux)(*args, **kwargs)


def hessian(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Hessian:
    """The matrix of second derivatives of a scalar function.

    Returns
    -------
    callable
        Returns an array of shape ``argument.shape + argument.shape`` (a tree of trees for tree arguments).

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> da.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])

    Notes
    -----
    The gradient is recorded once as ordinary nodes of the tape, which is then swept with many seeds.
    """
    return Hessian(f, argnums, has_aux)
