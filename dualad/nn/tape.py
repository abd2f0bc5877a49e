"""The gradient tape: what is computed inside a ``with`` block is recorded, and differentiated afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _core
from .._recording import Recording
from ..errors import DetachedError, GradientError, ShapeError
from ..tree import flatten, unflatten
from .gradients import LOST
from .variables import Scope, Variable, run_in, scope

Source = tuple[Any, int]  # a traced value and its node on the tape


class _Watched(dict[Any, Any]):
    """The values of variables on a tape; asked for one that the tape does not watch yet, it begins to."""

    def __init__(self, tape: GradientTape) -> None:
        super().__init__()
        self.tape = tape

    def get(self, v: Any, default: Any = None) -> Any:
        if v not in self:
            if not (self.tape.automatic and v.trainable):
                return self.tape.outside(v)
            self.tape.add([v])
        return self[v]


class _TapeScope(Scope):
    """The scope inside a tape. The weights of a model are watched together as it is called: one sweep then serves all of them."""

    def __init__(self, tape: GradientTape, training: bool) -> None:
        super().__init__(training)
        self.values = _Watched(tape)
        self.tape = tape

    def entering(self, layer: Any) -> None:
        around = self.tape.around
        if around is not None:
            around.entering(layer)
        if self.tape.automatic:
            self.tape.add([v for v in layer.trainable_weights if v not in self.values])


class GradientTape:
    """Records what is computed inside a ``with`` block, to differentiate it afterwards.

    Variables that are used are watched by themselves. An array is watched through the value that `watch` returns: NumPy arrays
    cannot be changed into something that records.

    Parameters
    ----------
    persistent : ignored
        For code written for TensorFlow: every tape can be asked more than once.
    watch_accessed_variables : bool
        Whether trainable variables are watched as they are used; else only those given to `watch`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> layer = nn.Dense(1, use_bias=False, kernel_initializer="ones")
    >>> data = np.array([[1.0, 2.0]], "float32")
    >>> with nn.GradientTape() as tape:
    ...     x = tape.watch(data)
    ...     loss = np.sum(layer(x) ** 2)
    >>> [g.tolist() for g in tape.gradient(loss, [*layer.trainable_weights, x])]
    [[[6.0], [12.0]], [[6.0, 6.0]]]
    >>> print(f"loss {loss:.1f}")
    loss 9.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.automatic = watch_accessed_variables
        self._scope: _TapeScope | None = None
        self._arrays: dict[int, tuple[Any, Any, Source]] = {}  # by the ids of what was given and of what `watch` returned: both, and the source
        self._own: dict[Variable, Any] = {}  # variables as they stand on the tape
        self._open = False

    def __enter__(self) -> GradientTape:
        if self._scope is not None:
            raise GradientError("this tape was used before; make a new GradientTape for each with block")
        self.around = scope()
        self._tape = _core.begin()
        (self._zero,), _ = _core.fresh_all(self._tape, [0.0])
        self._before = _core.watch()
        self._scope = _TapeScope(self, False if self.around is None else self.around.training)
        self._running = run_in(self._scope)
        self._running.__enter__()
        self._open = True
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._open = False
        self._running.__exit__(None, None, None)
        _core.end(self._tape)
        refusal, _ = _core.unwatch(self._before)
        assert self._scope is not None
        if refusal is not None and not isinstance(error, DetachedError):
            raise DetachedError(f"{refusal}. Inside a GradientTape, build arrays from traced values with np.array, np.stack or np.concatenate, not by storing "
                                "into np.zeros") from error
        if error is None:
            for v, x in self._scope.updates.items():  # moving averages
                v.assign(x if self.around is not None else _core.value(x))

    # ---- watching ----

    def outside(self, v: Variable) -> Any:
        """A variable's value for the run around the tape."""
        around = self.around
        return v.array if around is None else around.updates.get(v, around.values.get(v, v.array))

    def add(self, variables: Sequence[Variable]) -> None:
        """Begins to watch variables, one after another on the tape."""
        assert self._scope is not None
        if variables:
            points = _core.points([self.outside(v) for v in variables], lambda k: variables[k].path)
            own = _core.fresh_all(self._tape, points)[0]
            self._own.update(zip(variables, own))
            self._scope.values.update(zip(variables, map(self._since_enter, own)))

    def _since_enter(self, x: Any) -> Any:
        """The same value, as one that depends on the beginning of the tape: a transform that runs inside the block and began
        before `x` was watched then knows that its result is differentiated."""
        return x - self._zero

    def watch(self, x: Any) -> Any:
        """Watches an array, a number, a variable, or a list of them.

        Returns
        -------
        traced value
            Compute with it in place of `x`. (For a variable: the variable, as it is.)
        """
        if self._scope is None or not self._open:
            raise GradientError("watch is called inside the with block of its tape")
        if isinstance(x, (list, tuple)):
            return type(x)(self.watch(e) for e in x)
        if isinstance(x, Variable):
            if x not in self._own:
                self.add([x])
            return x
        (own,), _ = _core.fresh_all(self._tape, _core.points([x], lambda k: "what a GradientTape watches"))
        handle = self._since_enter(own)
        self._arrays[id(x)] = self._arrays[id(handle)] = (x, handle, self._placed(own))
        return handle

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that are watched."""
        return tuple(self._own)

    @property
    def losses(self) -> list[Any]:
        """What layers added to the loss of the models that were called, such as activity penalties."""
        return [] if self._scope is None else list(self._scope.losses)

    # ---- differentiating ----

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none") -> Any:
        """The gradient of the target, or of the sum of its elements, for each source.

        Parameters
        ----------
        target : traced value, or list of them
        sources : Variable, array given to `watch`, its traced value, an intermediate value, or a tree (list, dict) of them
        output_gradients : array or list, optional
            Weights of the target's elements, 1 by default.
        unconnected_gradients : {"none", "zero"}
            What a variable gets that the tape has not seen.

        Returns
        -------
        array, or tree of them as `sources`

        Raises
        ------
        GradientError
            The target is a plain number; a source was not watched, or nothing was computed from the value that `watch` gave.
        """
        targets = self._targets(target)
        given: list[Any] = [None] * len(targets)
        if output_gradients is not None:
            given = flatten(output_gradients)[0] if isinstance(target, (list, tuple, dict)) else [np.asarray(output_gradients)]
        if len(given) != len(targets):
            raise GradientError(f"{len(given)} output_gradients for {len(targets)} targets")
        seeds = [_core.as_tangent(np.ones(np.shape(_core.plain(y))) if g is None else g, _core.plain(y), "an output gradient") for y, g in zip(targets, given)]
        leaves, structure = flatten(sources)
        found = [self._source(s) for s in leaves]
        pulled = iter(self._pull(targets, seeds, [s for s in found if s is not None]))
        out = [self._missing(s, unconnected_gradients) if f is None else next(pulled) for s, f in zip(leaves, found)]
        for s, f, g in zip(leaves, found, out):
            if f is not None and id(s) in self._arrays and not np.any(_core.plain(g)):
                self._need_used(self._placed(self._arrays[id(s)][1])[1])
        return unflatten(structure, out)

    def jacobian(self, target: Any, source: Any) -> Any:
        """The derivatives of all elements of the target: an array of shape ``target.shape + source.shape``, a list of them for a
        list of sources."""
        (y,) = self._targets(target)
        if isinstance(source, (list, tuple)):
            return [self.jacobian(target, s) for s in source]
        shape = np.shape(_core.plain(y))
        rows = []
        for k in range(int(np.prod(shape))):
            seed = np.zeros(shape, _core.plain(y).dtype)
            seed.flat[k] = 1
            rows.append(self.gradient(y, source, seed, "zero"))
        return np.stack(rows).reshape(shape + np.shape(rows[0]))

    def batch_jacobian(self, target: Any, source: Any) -> Any:
        """For each sample the Jacobian of its target: ``(b, m..., n...)`` for a target ``(b, m...)`` and a source ``(b, n...)``
        (see `K.batch_jacobian`)."""
        (y,) = self._targets(target)
        shape = np.shape(_core.plain(y))
        columns = []
        for index in np.ndindex(*shape[1:]):
            seed = np.zeros(shape, _core.plain(y).dtype)
            seed[(slice(None), *index)] = 1
            columns.append(self.gradient(y, source, seed, "zero"))
        stacked = np.stack(columns, axis=1)
        if stacked.shape[0] != shape[0]:
            raise ShapeError(f"a target of shape {shape} and a source of shape {np.shape(columns[0])} have not the same samples")
        return stacked.reshape(*shape, *np.shape(columns[0])[1:])

    def _targets(self, target: Any) -> list[Any]:
        if self._scope is None:
            raise GradientError("the tape has recorded nothing: compute the loss inside `with nn.GradientTape() as tape:`")
        if self._open:
            raise GradientError("the tape is still recording: ask it for gradients after its with block (second derivatives: a tape inside another)")
        leaves = [_core.pack(y) if isinstance(y, np.ndarray) else y for y in flatten(target)[0]]
        for y in leaves:
            if self._placed(y)[1] < 0:
                what = "a value of another tape" if _core.is_traced(y) else f"a plain value, {_core._short(y)}"
                raise GradientError(f"the target is {what}: nothing in it was recorded by this tape. Is it computed inside the with block? {LOST} "
                                    "(An array is watched through what watch returns: x = tape.watch(x).)")
        return leaves

    def _source(self, s: Any) -> Source | None:
        """A source on the tape; None for a variable that was never used."""
        if isinstance(s, Variable):
            own = self._own.get(s)
            return None if own is None else self._placed(own)
        if id(s) in self._arrays:
            return self._arrays[id(s)][2]
        node = self._placed(s)[1]
        if node < 0:
            raise GradientError(f"the source {_core._short(s)} is not watched by this tape: write x = tape.watch(x) inside the with block, compute with "
                                "this x, and give it as the source")
        return s, node

    def _placed(self, x: Any) -> Source:
        """A value and its node on the tape; -1 where it is none of the tape's."""
        return x, _core.node_of(self._tape, _core.innermost([x])[0]) if _core.is_traced(x) else -1

    def _missing(self, v: Variable, unconnected: str) -> Any:
        if unconnected not in ("none", "zero"):
            raise GradientError(f"unconnected_gradients={unconnected!r}; it is 'none' or 'zero'")
        return None if unconnected == "none" else np.zeros(v.shape, v.dtype)

    def _pull(self, targets: list[Any], seeds: list[Any], sources: list[Source]) -> list[Any]:
        """The gradients, from one sweep for each run of consecutive sources."""
        order = sorted(range(len(sources)), key=lambda k: sources[k][1])
        out: list[Any] = [None] * len(sources)
        at = 0
        while at < len(order):
            first = sources[order[at]][1]
            end = at + 1
            while end < len(order) and sources[order[end]][1] == first + end - at:
                end += 1
            group = order[at:end]
            for k, g in zip(group, _pulled(self._tape, first, [sources[k][0] for k in group], targets, seeds)):
                out[k] = g
            at = end
        return out

    def _need_used(self, node: int) -> None:
        """Raises where nothing was computed from the value at a node."""
        nodes = _core.recorded_nodes(self._tape)
        later = nodes[node + 1 :]
        scalars = later[(later["op"] != _core.NODE_OPS["array"]) & (later["op"] != _core.NODE_OPS["input"])]
        if np.any(scalars["a"] == node) or np.any(scalars["b"] == node):
            return
        for k in range(int(np.count_nonzero(nodes["op"] == _core.NODE_OPS["array"]))):
            step = _core.recorded_step(self._tape, k)
            if node in (step["nodes"] if step["nodes"] is not None else [step[operand] for operand in _OPERANDS.get(step["kind"], ())]):
                return
        raise GradientError("nothing was computed from the value that tape.watch returned: write x = tape.watch(x), and compute with this x; the array "
                            "itself records nothing")


_OPERANDS = {"table": ("a", "b"), "set": ("a", "b"), "get": ("a",), "move": ("a",)}  # of array steps: the fields that hold nodes


def _pulled(tape: Any, first: int, sources: list[Any], targets: list[Any], seeds: list[Any]) -> list[Any]:
    """Cotangents of consecutive values on a tape, from one sweep."""
    recording = Recording.__new__(Recording)
    recording.tape, recording.lo, recording.variables, recording.inputs = tape, first, sources, _core.innermost(sources)
    return recording.pull(targets, seeds)
