"""Parts of a batch: which samples each has, where its results go, and the order in which they are added."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np

from ...errors import CompileWarning, DualadError
from ...program import Program, record
from ..data import Batch
from ..random import Stream
from ..step import MAX_PROGRAMS, TRAIN, Replay, Step
from ..variables import moves

CHUNK = 1 << 14  # elements that are added at once: those of all shards stay in the cache
ALIGNED = 64  # bytes


def ranges(n: int, shards: int) -> list[tuple[int, int]]:
    """Where the shards of n samples begin and end. Their sizes differ by one at most; fewer samples than shards are one shard each.

    Examples
    --------
    >>> ranges(10, 4)
    [(0, 3), (3, 6), (6, 8), (8, 10)]
    """
    count = min(n, shards)
    least, longer = divmod(n, count)
    ends = [least * (k + 1) + min(k + 1, longer) for k in range(count)]
    return list(zip([0, *ends], ends))


def tree(n: int) -> list[tuple[int, int]]:
    """The order in which n parts are added in pairs, in place: ``(k, j)`` adds part j to part k; the sum ends in part 0.

    Examples
    --------
    >>> tree(5)
    [(0, 1), (2, 3), (0, 2), (0, 4)]
    """
    out, gap = [], 1
    while gap < n:
        out += [(k, k + gap) for k in range(0, n - gap, 2 * gap)]
        gap *= 2
    return out


class Row:
    """What a shard gives, in one piece of memory that can be sent: losses, gradient, new states.

    `summed` are the arrays that are added over shards. States that are integers (counters) are the same in all shards and stay those of the first.
    """

    def __init__(self, losses: int, gradient: np.ndarray, states: list[np.ndarray]) -> None:
        like = [np.empty(losses), gradient, *states]
        ends = np.cumsum([-(-a.nbytes // ALIGNED) * ALIGNED for a in like]).tolist()
        self.bytes = np.zeros(ends[-1], np.uint8)
        arrays = [self.bytes[at : at + a.nbytes].view(a.dtype).reshape(a.shape) for at, a in zip([0, *ends], like)]
        self.losses, self.gradient, self.states = arrays[0], arrays[1], arrays[2:]
        self.summed = [a for a in arrays if a.dtype.kind == "f" and a.size]
        self.kept = [a for a in arrays if a.dtype.kind != "f"]

    def scale(self, factor: float) -> None:
        """Multiplies by a number."""
        for a in self.summed:
            a *= a.dtype.type(factor)


def add(rows: dict[int, Row], pairs: list[tuple[int, int]]) -> None:
    """Adds rows in the order of `pairs`, chunk by chunk: each element is added in that order."""
    used = sorted({k for pair in pairs for k in pair})
    for arrays in zip(*(rows[k].summed for k in used)):
        flat = {k: a.reshape(-1) for k, a in zip(used, arrays)}
        for at in range(0, arrays[0].size, CHUNK):
            for k, j in pairs:
                part = flat[k][at : at + CHUNK]
                part += flat[j][at : at + CHUNK]


class Shared:
    """What shards of one shape have in common: the programs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.programs: list[Program] = []
        self.eagerly = False


class Part(Step):
    """The step of one shard: as a step of a whole model, with results in a row, and random numbers of its own.

    Shard k draws from the stream of each layer 2**128 (k + 1) numbers ahead, whoever computes it: results do not depend on threads or processes.
    """

    def __init__(self, model: Any, kind: str, batch: Batch, shared: Shared) -> None:
        self.shared = shared
        kept = [(layer.random, layer.random.state) for layer in model.sublayers()]
        super().__init__(model, kind, batch, model.run_eagerly)
        for stream, state in kept:  # not every process makes this part
            stream.state = state
        self.streams = {id(stream): stream for stream, _, _ in self.draws}
        self.own = {key: Stream(0) for key in self.streams}
        self.draws = [(self.own[id(stream)], what, x) for stream, what, x in self.draws]

    def _bind(self) -> None:
        """The arrays that are read before the batch; results go to a row (see `write_to`)."""
        self.before = ([v.array for v in self.variables], [v.array for v in self.states], [x for _, _, x in self.draws])
        self.first = 1 + len(self.variables) + len(self.updated)
        self.bound_at = moves[0]

    def row(self) -> Row:
        """A new row for results of this kind."""
        gradient = self.model.flat_gradient if self.kind == TRAIN else np.empty(0, self.model.dtype)
        return Row(1 + self.n_parts, gradient, [v.array for v in self.updated])

    def write_to(self, row: Row, outputs: list[np.ndarray]) -> None:
        """Says where results go."""
        self.result, gradients, at = row, [], 0
        for v in self.variables:
            gradients.append(row.gradient[at : at + v.size].reshape(v.shape))
            at += v.size
        self.targets = [None, *gradients, *row.states, *[None] * self.n_parts, *outputs]
        self.programs = []

    def compute(self, k: int, batch: Batch) -> None:
        """Runs as shard k."""
        if self.bound_at != moves[0]:
            self._bind()
        for key, stream in self.streams.items():
            state: Any = stream.generator.bit_generator.state
            state["state"]["counter"][2] += np.uint64(k + 1)
            self.own[key].generator.bit_generator.state = emptied(state)
        for own, what, x in self.draws:
            own.fill(what, x)
        results = None if self.eagerly or self.shared.eagerly else self._replayed(batch)
        if results is None:
            results = self._eager(batch)
        n = self.first
        self.result.losses[:] = [float(x) for x in (results[0], *results[n : n + self.n_parts])]

    def _replayed(self, batch: Batch) -> list[Any] | None:
        flat = [x for part in (*self.before, *batch) for x in part if x is not None]
        results = self._first_fit(flat)
        if results is not None:
            return results
        with self.shared.lock:  # another shard may have recorded it meanwhile
            results = self._first_fit(flat)
            if results is None and len(self.shared.programs) < MAX_PROGRAMS and not self.shared.eagerly:
                self._record(batch)
        return self._first_fit(flat) if results is None else results

    def _first_fit(self, flat: list[Any]) -> list[Any] | None:
        """The results of the first program that takes these values."""
        known = self.shared.programs
        self.programs += [Replay(program, self.targets) for program in known[len(self.programs) :]]
        for program in self.programs:
            results = program.run(flat)
            if results is not None:
                return results
        return None

    def _record(self, batch: Batch) -> None:
        try:
            self.shared.programs.append(record(self._all, *self.before, *batch))
        except DualadError as error:
            self.shared.eagerly = True
            warnings.warn(f"the {self.kind} step of {self.model.name} runs as plain Python: {error}", CompileWarning, stacklevel=2)


def emptied(state: Any) -> dict[str, Any]:
    """The state of a Philox generator without the numbers that it has made in advance."""
    return {**state, "buffer_pos": 4, "has_uint32": 0, "uinteger": 0}


def advance(stream: Stream) -> None:
    """Moves a layer's stream past all that the shards of one step may have drawn: by 2**64."""
    state: Any = stream.generator.bit_generator.state
    state["state"]["counter"][1] += np.uint64(1)
    stream.generator.bit_generator.state = emptied(state)
