"""Where batches come from: arrays (in memory or mapped from files), and iterables of batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import DataError

Batch = tuple[list[Any], list[Any], list[Any]]  # inputs, targets, sample weights (None where there are none)
PIECE = 1 << 20  # bytes of samples that a gather takes at once


def as_data(x: Any, what: str) -> np.ndarray:
    """An array of numbers, one sample in each row."""
    a = x if isinstance(x, np.ndarray) else np.asarray(x)
    if a.dtype.kind not in "biuf":
        raise DataError(f"{what} is an array of {a.dtype}; numbers are needed" + (": pad samples of different lengths" if a.dtype == object else ""))
    if a.ndim == 0:
        raise DataError(f"{what} is one number; a batch of samples is needed, such as {what}[np.newaxis]")
    return a


class ArraySource:
    """Batches of arrays.

    Rows are gathered into buffers that the next batch overwrites; in order, rows of the right type are handed out as they lie, without a copy.
    """

    taken = 0  # batches that cannot be had again

    def __init__(self, xs: list[Any], ys: list[Any], weights: list[Any], batch_size: int, dtypes: list[Any]) -> None:
        self.arrays = [*xs, *ys, *weights]
        self.counts = len(xs), len(ys)
        self.size = len(self.arrays[0])
        self.batch_size = min(batch_size, self.size)
        self.dtypes = [np.dtype(d) for d in dtypes]
        self._buffers: dict[tuple[int, int], np.ndarray] = {}
        for a in self.arrays:
            if a is not None and len(a) != self.size:
                raise DataError(f"the arrays have {self.size} and {len(a)} samples; inputs, targets and weights need equally many")
        if self.size == 0:
            raise DataError("the data holds no samples")

    def __len__(self) -> int:
        return -(-self.size // self.batch_size)

    def skip(self, count: int) -> None:
        """Nothing: batches are found by their number."""

    def batch(self, k: int, order: np.ndarray | None) -> Batch:
        """Batch k, of the samples in `order`."""
        first, last = k * self.batch_size, min((k + 1) * self.batch_size, self.size)
        made: dict[int, Any] = {}
        rows: list[Any] = []
        for number, a in enumerate(self.arrays):
            if a is None:
                rows.append(None)
                continue
            key = id(a)
            if key not in made or made[key].dtype != self.dtypes[number]:
                made[key] = self._rows(number, a, first, last, order)
            rows.append(made[key])
        n, m = self.counts
        return rows[:n], rows[n : n + m], rows[n + m :]

    def _rows(self, number: int, a: np.ndarray, first: int, last: int, order: np.ndarray | None) -> np.ndarray:
        dtype = self.dtypes[number]
        if order is None and a.dtype == dtype and a.flags.c_contiguous:
            return np.asarray(a[first:last])
        out = self._buffer(number, (last - first, *a.shape[1:]), dtype)
        if order is None:
            out[...] = a[first:last]
        elif a.dtype == dtype:
            np.take(a, order[first:last], axis=0, out=out, mode="clip")
        else:
            piece = max(1, PIECE // max(1, a[:1].nbytes))
            for at in range(first, last, piece):
                stop = min(at + piece, last)
                out[at - first : stop - first] = a[order[at:stop]]
        return out

    def _buffer(self, number: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        key = (number, shape[0])
        if key not in self._buffers:
            self._buffers[key] = np.empty(shape, dtype)
        return self._buffers[key]


class IterableSource:
    """Batches from a generator, or from an object with ``__len__`` and ``__getitem__`` (a `Sequence`)."""

    size: int | None = None

    def __init__(self, given: Any, steps: int | None, dtypes: Any) -> None:
        self.given, self.steps, self.dtypes = given, steps, dtypes
        self.indexed = hasattr(given, "__getitem__") and hasattr(given, "__len__")
        self.iterator: Iterator[Any] | None = None
        self.taken = 0  # batches since the iterator began

    def __len__(self) -> int:
        if self.steps is not None:
            return self.steps
        return len(self.given) if self.indexed else 0

    def batch(self, k: int, order: np.ndarray | None) -> Batch | None:
        """The next batch; None where there are no more."""
        if self.indexed:
            if k >= len(self.given):
                return None
            return self._parts(self.given[k if order is None else int(order[k])])
        if self.iterator is None:
            self.iterator = iter(self.given)
        try:
            item = next(self.iterator)
            self.taken += 1
            return self._parts(item)
        except StopIteration:
            self.iterator, self.taken = None, 0
            return None

    def skip(self, count: int) -> None:
        """Takes batches that a training that goes on has had before."""
        while self.taken < count:
            self.iterator = iter(self.given) if self.iterator is None else self.iterator
            if next(self.iterator, self) is self:
                raise DataError(f"the iterable ends after {self.taken} batches; the training that is to go on had taken {count} from it")
            self.taken += 1

    def _parts(self, item: Any) -> Batch:
        parts = item if isinstance(item, tuple) else (item,)
        if not 1 <= len(parts) <= 3:
            raise DataError(f"a batch is x, (x, y) or (x, y, sample_weight); the iterable gave a tuple of {len(parts)}")
        x, y, w = (*parts, None, None)[:3]
        xs, ys, ws = self.dtypes(x, y, w)
        if not len(xs[0]):
            raise DataError("the iterable gave a batch without samples")
        return xs, ys, ws
