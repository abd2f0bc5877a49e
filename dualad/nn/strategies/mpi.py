"""A step on several processes, connected by MPI."""

from __future__ import annotations

import sys
import zlib
from typing import Any

import numpy as np

from ...errors import MissingExtraError, StrategyError
from ..callbacks.base import Callback
from ..data import ArraySource, Batch
from ..step import TEST, TRAIN
from .base import Layout, Strategy, whole
from .shards import Row, add, tree

PHASES = {TRAIN: 0, TEST: 1, "epoch": 2, "end": 3, "failed": 4}  # what processes meet for; a failure is the largest
CHECKED = 1 << 16  # bytes of the data that processes compare
KNOWN = "dualad_known_to_all"  # mark of exceptions of which the other processes know


class Mpi(Strategy):
    """Computes the shards of each batch on the processes of ``mpirun -n N python script.py``.

    All processes run the same script with the same data; they start from the weights, optimizer and random streams of process 0. In each step a
    process computes its shards of the batch, and one flat array a shard (gradient, losses, new states) is added up along a fixed tree over all
    shards: 1, 2 and 4 processes give the same bits. Callbacks run in all processes; those of the package write and show things where ``self.loop.leads``,
    in process 0 alone, and yours should do so, too. An exception in one process ends `fit` in all, with its message; one that nobody catches ends
    all processes, from the moment an `Mpi` is made.

    Parameters
    ----------
    shards : int, optional
        Parts of a batch; at least as many as processes, better a multiple. By default 8, or the number of processes where not `exact`.
    exact : bool
        False: sums by ``Allreduce``, in an order that MPI chooses; results then depend on the number of processes.
    comm : mpi4py.MPI.Comm, optional
        By default ``MPI.COMM_WORLD``.
    blas_threads : int or None
        Threads of OpenBLAS in each process while `fit` runs (the rounding may depend on them); None: as they are.

    Raises
    ------
    MissingExtraError
        mpi4py is not installed.
    StrategyError
        Fewer shards than processes; later: processes that differ in model, options or data, or go different ways.

    Notes
    -----
    Iterables must give the same batches in all processes. ``model.stop_training`` may be set in one process alone at the end of an epoch.

    Examples
    --------
    ``mpirun -n 4 python train.py`` with

    >>> def train(model, x):
    ...     return model.fit(x, epochs=10, strategy="mpi")
    """

    def __init__(self, shards: int | None = None, exact: bool = True, comm: Any = None, blas_threads: int | None = 1) -> None:
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py without an MPI library
            raise MissingExtraError(f"strategy='mpi' needs mpi4py and an MPI library: pip install 'dualad[mpi]' ({error})") from None
        self.mpi, self.comm = MPI, MPI.COMM_WORLD if comm is None else comm
        self.rank, self.size = self.comm.Get_rank(), self.comm.Get_size()
        self.exact = bool(exact)
        self.shards = (8 if exact else self.size) if shards is None else whole(self, "shards", shards)
        self.blas_threads = None if blas_threads is None else whole(self, "blas_threads", blas_threads)
        if self.shards < self.size:
            raise StrategyError(f"Mpi(shards={self.shards}) for {self.size} processes; some would have nothing to do: give shards={self.size} or a multiple")
        if self.size > 1:
            abort_at_errors(self.comm)

    def owner(self, k: int, count: int) -> int:
        return k * self.size // count

    # ---- beginning and end ----

    def begin(self, fit: Any) -> None:
        super().begin(fit)
        self._agree(fit)
        self._same_start()
        fit.watchers.active["on_epoch_end"].append(_Meeting(self))

    def _agree(self, fit: Any) -> None:
        """Raises in all processes where they are not doing the same."""
        weights = [(v.path.rpartition("/")[2], v.shape, str(v.dtype)) for v in fit.model.weights]
        source = fit.source
        facts = {"the weights": weights, "the optimizer": type(fit.model.optimizer).__name__, "the number of samples": source.size,
                 "the batch size": getattr(source, "batch_size", None), "epochs": (fit.epoch, fit.epochs), "shuffle": fit.shuffle,
                 "the strategy": (self.shards, self.exact), "the data": checksum(source)}
        for rank, other in enumerate(self.comm.allgather(facts)):
            for what, value in facts.items():
                if other[what] != value:
                    raise known(StrategyError(f"{what} must be the same in all processes: {value!r} in process {self.rank}, {other[what]!r} in process "
                                                    f"{rank}; do they run the same script, with data that is read or drawn from one seed?"))

    def _same_start(self) -> None:
        """Weights, optimizer and random streams of process 0 for all."""
        model = self.model
        for a in (model.flat_weights, *(v.array for v in model.non_trainable_weights)):
            self.comm.Bcast(a, root=0)
        streams = [model.shuffle_stream, *(layer.random for layer in model.sublayers())]  # made in this order without a strategy, too
        optimizer, states = self.comm.bcast((model.optimizer.state(), [s.state for s in streams]), root=0)
        model.optimizer.set_state(optimizer)
        for stream, state in zip(streams, states):
            stream.state = state

    def failed(self, error: BaseException) -> None:
        if not getattr(error, KNOWN, False):
            known(error)
            self._meet("failed", text=f"{type(error).__name__}: {error}")

    def finish(self) -> None:
        self._meet("end")

    # ---- meetings ----

    def _meet(self, phase: str, n: int = 0, stop: bool = False, text: str | None = None) -> bool:
        """Waits for all processes; raises in all where they came for different things. Whether one of them wants to stop."""
        steps = int(self.model.optimizer.iterations)
        mine = np.array([PHASES[phase], -PHASES[phase], n, -n, steps, -steps, stop], np.int64)
        most = np.empty_like(mine)
        self.comm.Allreduce(mine, most, op=self.mpi.MAX)
        if most[0] == PHASES["failed"]:
            texts = self.comm.allgather(text)
            failures = [f"process {rank} failed with {t}" for rank, t in enumerate(texts) if t is not None]
            if text is None:
                raise known(StrategyError(f"{'; '.join(failures)}. All processes have left fit"))
            return True
        if most[0] != -most[1]:
            phases = {v: k for k, v in PHASES.items()}
            ways = ", ".join(f"{phases[p]} in process {rank}" for rank, p in enumerate(self.comm.allgather(PHASES[phase])))
            raise known(StrategyError(f"the processes go different ways ({ways}): callbacks that evaluate or stop within an epoch must do so in all"))
        if most[2] != -most[3]:
            raise known(StrategyError(f"batches have {-most[3]} samples in one process, {most[2]} in another; iterables must give the same in all"))
        if most[4] != -most[5]:
            raise known(StrategyError(f"one process has made {-most[5]} steps, another {most[4]}; do all find the same checkpoint?"))
        return bool(most[6])

    # ---- steps ----

    def compute(self, layout: Layout, batch: Batch) -> None:
        super().compute(layout, batch)
        self._meet(layout.kind, layout.n)

    def combine(self, layout: Layout) -> Row:
        total = self._tree(layout) if self.exact else self._allreduce(layout)
        owners = [self.owner(k, len(layout.ranges)) for k in range(len(layout.ranges))]
        for y in layout.outputs:
            rows = [sum(b - a for (a, b), r in zip(layout.ranges, owners) if r == rank) for rank in range(self.size)]
            counts = [n * y[:1].nbytes for n in rows]
            self.comm.Allgatherv(self.mpi.IN_PLACE, [y.reshape(-1).view(np.uint8), counts, np.cumsum([0, *counts[:-1]]).tolist(), self.mpi.BYTE])
        return total

    def _tree(self, layout: Layout) -> Row:
        """The sum in process 0, sent to all."""
        rows, count, local = layout.rows, len(layout.ranges), []
        for k, j in tree(count):
            to, by = self.owner(k, count), self.owner(j, count)
            if self.rank not in (to, by):
                continue
            if to == by:
                local.append((k, j))
                continue
            add(rows, local)
            local = []
            if by == self.rank:
                self.comm.Send(rows[j].bytes, dest=to, tag=j)
            else:
                self.comm.Recv(layout.received.bytes, source=by, tag=j)
                add({k: rows[k], j: layout.received}, [(k, j)])
        add(rows, local)
        self.comm.Bcast(rows[0].bytes, root=0)
        return rows[0]

    def _allreduce(self, layout: Layout) -> Row:
        """The sum in whatever order MPI takes."""
        mine, total = layout.mine, layout.received
        add(layout.rows, [(mine[k], mine[j]) for k, j in tree(len(mine))])
        own = layout.rows[mine[0] if mine else 0]
        if not mine:
            own.bytes[...] = 0
        for a, b in zip(own.summed, total.summed):
            self.comm.Allreduce(a, b, op=self.mpi.SUM)
        for a, b in zip(own.kept, total.kept):
            b[...] = a
            self.comm.Bcast(b, root=0)
        return total


def known(error: BaseException) -> BaseException:
    """Marks an exception that all processes know of."""
    setattr(error, KNOWN, True)
    return error


class _Meeting(Callback):
    """Lets all processes stop after the same epoch."""

    def __init__(self, strategy: Mpi) -> None:
        self.strategy = strategy

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        model = self.strategy.model
        model.stop_training = self.strategy._meet("epoch", epoch, bool(model.stop_training))


def checksum(source: Any) -> list[int] | None:
    """Numbers that tell whether processes have the same arrays: of the first rows of each."""
    if not isinstance(source, ArraySource):
        return None
    rows = [None if a is None else a[: max(1, CHECKED // max(1, a[:1].nbytes))] for a in source.arrays]
    return [0 if a is None else zlib.crc32(np.ascontiguousarray(a).tobytes()) for a in rows]


_hooked = [False]


def abort_at_errors(comm: Any) -> None:
    """From now on an exception that ends one process ends all: the others would wait for it for ever."""
    if _hooked[0]:
        return
    _hooked[0] = True
    before = sys.excepthook

    def hook(kind: Any, error: BaseException, trace: Any) -> None:
        before(kind, error, trace)
        if not getattr(error, KNOWN, False):
            sys.stderr.flush()
            comm.Abort(1)

    sys.excepthook = hook
