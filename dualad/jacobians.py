"""Jacobians and Hessians: one recording, swept with many seeds at once in the cheaper direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _core
from ._calls import Argnums, Selected, StandIn, function_name
from ._recording import Recording
from .errors import DtypeError
from .transforms import Grad, Transform, _map_any, _need_complex, jvp
from .tree import unflatten

MODES = (None, "forward", "reverse")


class ValueAndJacobian(Transform):
    label = "value_and_jacobian"

    def __init__(self, f: Callable[..., Any], argnums: Argnums = 0, mode: str | None = None, has_aux: bool = False,
                 holomorphic: bool = False) -> None:
        if mode not in MODES:
            raise ValueError(f"mode={mode!r}; use 'forward', 'reverse', or None to let dualad choose")
        super().__init__(f, argnums, has_aux, holomorphic)
        self.mode = mode

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value, jacobian, aux = self.compute(args, kwargs, True)
        return ((value, aux), jacobian) if self.has_aux else (value, jacobian)

    def compute(self, args: tuple[Any, ...], kwargs: dict[str, Any], with_value: bool) -> tuple[Any, Any, Any]:
        """(value if wanted, Jacobian, auxiliary data)."""
        selected = Selected(self.f, self.argnums, args, kwargs)
        if self.holomorphic:
            _need_complex(selected.leaves, self.f)
        recording = Recording(selected.leaves)
        results, structure, aux = recording.run(self.f, selected, self._leaves)
        blocks = Blocks(recording, selected.leaves, self)
        if blocks.nested and self._forward(results, selected.leaves):
            columns = self._columns(selected, len(results))
            rows = [unflatten(selected.structure, [_column_block(c[j], y, x) for c, x in zip(columns, selected.leaves)]) for j, y in enumerate(results)]
        else:
            rows = [unflatten(selected.structure, blocks.of(y)) for y in results]
        if aux is not None:
            aux = _map_any(recording.finish, aux)
        value = unflatten(structure, [recording.finish(y) for y in results]) if with_value else None
        return value, unflatten(structure, rows), aux


    def _forward(self, results: list[Any], leaves: list[Any]) -> bool:
        """Whether a Jacobian that others differentiate or record goes forwards: by running the function once for each input."""
        if self.holomorphic or _core.any_complex(leaves) or _core.any_complex(results):
            return False
        inputs, outputs = _core.total_size(leaves), _core.total_size(results)
        return self.mode == "forward" or (self.mode is None and inputs < outputs and inputs <= MOST_RUNS)

    def _columns(self, selected: Selected, n: int) -> list[list[list[Any]]]:
        """By input leaf and result, the derivatives with respect to each element of the leaf."""
        leaves = selected.leaves
        f = StandIn(lambda tree: tuple(self._leaves(selected(list(tree)))[0]), self.f)
        out: list[list[list[Any]]] = []
        for k, x in enumerate(leaves):
            runs = []
            for at in range(_core.total_size([x])):
                seeds = [np.zeros(np.shape(_core.plain(v))) for v in leaves]
                seeds[k].reshape(-1)[at] = 1
                runs.append(jvp(f, (tuple(leaves),), (tuple(s if s.ndim else float(s) for s in seeds),))[1])
            out.append([[run[j] for run in runs] for j in range(n)])
        return out


# A Jacobian inside a recording goes forwards for up to so many inputs.
MOST_RUNS = 64


def _column_block(columns: list[Any], y: Any, x: Any) -> Any:
    """A block of shape ``y.shape + x.shape`` from its columns."""
    shape = np.shape(_core.plain(x))
    if not shape:
        return _block(columns[0], x)
    if not columns:
        return np.zeros(np.shape(_core.plain(y)) + shape)
    return np.stack(columns, axis=-1).reshape(np.shape(_core.plain(y)) + shape)


class Jacobian(ValueAndJacobian):
    label = "jacobian"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _, jacobian, aux = self.compute(args, kwargs, False)
        return (jacobian, aux) if self.has_aux else jacobian


class Blocks:
    """The Jacobian blocks d(result)/d(leaf) of one recording."""

    __slots__ = ("leaves", "nested", "recording", "transform")

    def __init__(self, recording: Recording, leaves: list[Any], transform: ValueAndJacobian) -> None:
        self.recording, self.transform = recording, transform
        self.leaves = leaves
        self.nested = _core.depends_outside(recording.tape, recording.lo)
        if not transform.holomorphic and _core.any_complex(leaves):
            raise DtypeError(f"an argument of {function_name(self.transform.f)} is complex: a Jacobian has a meaning there only for a holomorphic "
                             "function (holomorphic=True); otherwise differentiate with respect to real and imaginary parts")

    def of(self, y: Any) -> list[Any]:
        """The blocks of one result, one a leaf, of shape ``y.shape + leaf.shape``."""
        parts = _core.parts(y)
        if parts is not None:
            return [_core.join(parts[0], p, t) for p, t in zip(self.of(parts[1]), self.of(parts[2]))]
        r = self.recording
        if self.nested and _core.on_tape(y, r.tape, r.lo):
            blocks, forward = self._emit(y), False
        elif (found := _core.jacobian_blocks(r.tape, r.lo, r.inputs, y, self.transform.mode)) is not None:
            blocks, forward = found
        else:
            return [self._zeros(y, x) for x in self.leaves]
        if self.transform.holomorphic and not forward:
            blocks = [np.conj(b) for b in blocks]
        return [_block(b, x) for b, x in zip(blocks, self.leaves)]

    @staticmethod
    def _zeros(y: Any, x: Any) -> Any:
        """The block of a result that does not depend on the arguments."""
        a, b = np.asarray(_core.plain(y)), np.asarray(_core.plain(x))
        return _block(np.zeros(a.shape + b.shape, a.dtype if a.dtype.kind == "c" else b.dtype), x)

    def _emit(self, y: Any) -> list[Any]:
        """All rows by sweeps that record themselves: one for all where arrays were recorded, one a row where scalars were."""
        r, value, size = self.recording, _core.plain(y), _core.total_size([y])
        if size == 1 or _core.mostly_scalars(r.tape, r.lo):
            return self._emit_rows(y, np.shape(value))
        rows = _core.pull(r.tape, r.lo, r.inputs, [y], _core.unit_seeds(size, 0, [value], [size]), size)
        return [c.reshape(np.shape(value) + np.shape(_core.plain(x))) for c, x in zip(rows, self.leaves)]

    def _emit_rows(self, y: Any, shape: tuple[int, ...]) -> list[Any]:
        r = self.recording
        rows = [_core.pull(r.tape, r.lo, r.inputs, [y[at] if shape else y], [1.0], 0) for at in np.ndindex(*shape)]
        if not shape:
            return rows[0]
        return [np.stack(block).reshape(shape + np.shape(_core.plain(x))) for block, x in zip(zip(*rows), self.leaves)]


def _block(block: Any, x: Any) -> Any:
    """A block; that of a scalar by a scalar is a scalar, and by a Python float a Python number."""
    if not isinstance(block, np.ndarray) or block.ndim:
        return block
    return block.item() if type(_core.plain(x)) is float else block[()]


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
        Direction of the sweeps; by default forward when there are not more inputs than outputs. Inside another transform or recording that
        depends on the result, forward means one run of `f` an input.
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
