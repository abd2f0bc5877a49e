"""A step on several threads of one process."""

from __future__ import annotations

from typing import Any

from ... import _replay
from ...errors import StrategyError
from ..data import Batch
from .base import Layout, Strategy, whole


class Threads(Strategy):
    """Computes the shards of each batch on a pool of threads: compiled steps hold Python's lock only at their ends.

    Worth it where a step takes milliseconds; handing out the work costs some 100 us. Results do not depend on `workers`.

    Parameters
    ----------
    workers : int, optional
        By default `dualad.get_num_threads`.
    shards : int
        Parts of a batch; at least `workers`, better a multiple (see `Strategy`). Other numbers round otherwise.
    blas_threads : int or None
        Threads of OpenBLAS in each worker while `fit` runs; None: as they are.

    Raises
    ------
    StrategyError
        A number below 1, or more workers than shards.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((8,)), nn.Dense(2, activation="relu"), nn.Dense(8)])
    >>> model.compile("adam", "mse")
    >>> x = np.random.default_rng(0).random((64, 8), dtype="float32")
    >>> history = model.fit(x, epochs=2, verbose=0, strategy=nn.strategies.Threads(workers=2, shards=4))
    >>> len(history.history["loss"])
    2
    """

    def __init__(self, workers: int | None = None, shards: int = 8, blas_threads: int | None = 1) -> None:
        self.shards = whole(self, "shards", shards)
        self.workers = min(_replay.get_num_threads(), self.shards) if workers is None else whole(self, "workers", workers)
        self.blas_threads = None if blas_threads is None else whole(self, "blas_threads", blas_threads)
        if self.workers > self.shards:
            raise StrategyError(f"Threads(workers={self.workers}, shards={self.shards}); more workers than shards would have nothing to do: raise shards")
        self._pool: Any = None

    def begin(self, fit: Any) -> None:
        super().begin(fit)
        if self.workers > 1:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self.workers, "dualad-shards")

    def end(self, fit: Any) -> None:
        super().end(fit)
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def compute(self, layout: Layout, batch: Batch) -> None:
        if self._pool is None:
            super().compute(layout, batch)
            return
        # as many jobs as workers: handing out a job costs more than a small shard
        jobs = [self._pool.submit(self._several, layout, batch, layout.mine[first :: self.workers]) for first in range(self.workers)]
        errors = [job.exception() for job in jobs]  # of all: nothing runs on when the first is raised
        for error in errors:
            if error is not None:
                raise error

    def _several(self, layout: Layout, batch: Batch, numbers: list[int]) -> None:
        for k in numbers:
            self.one(layout, batch, k)
