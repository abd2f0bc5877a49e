"""One recording over many samples: all of it in scalar nodes, which become lanes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import EXACT, FOR_LANES, OPS, PASSES, Batch, Unfit
from . import ALL_PASSES
from .capture import Capture, Output
from .ir import NATIVE, Ids, Scalar, View
from .lower import Lowering

LARGEST = 1 << 14  # elements of one array of a sample


class Unsuitable(Exception):
    """The recording has steps that cannot run in lanes."""


class Lanes:
    """A batched program. The leaves of its result come with an axis of samples in front."""

    def __init__(self, recorded: Capture, inputs: list[tuple[np.ndarray, bool]], passes: frozenset[str] = ALL_PASSES, exact: bool = False) -> None:
        """`inputs` are those of one sample, and whether other samples have others."""
        self.low = low = Lowering(recorded, exact, LARGEST)
        low.run()
        if low.steps:
            raise Unsuitable(f"{getattr(low.steps[0], 'name', 'an array step')} cannot run in lanes")
        self.structure = recorded.structure
        self.inputs = [(x.dtype, x.size if batched else 0) for x, batched in inputs]
        self.results: list[tuple[tuple[int, ...], np.dtype[Any]]] = []  # shape of a sample, dtype
        self.constants: list[tuple[int, Any]] = []  # (result, value)
        self.roots: list[tuple[int, int, int, int]] = []  # the operands where they go
        for o in recorded.outputs:
            self._result(o)
        self._guards()
        low.graph.optimise(sum(PASSES[p] for p in passes if p in PASSES) | FOR_LANES | (EXACT if exact else 0))
        self.given = {v.buffer: v.given for v in low.values if v.given >= 0}
        try:
            self.batch = Batch(low.graph, self._operand, self.roots, "machine" not in passes)
        except Unfit as error:
            raise Unsuitable(str(error)) from None

    def _operand(self, buffer: int, element: int) -> tuple[int, int, int, int]:
        """Where a leaf of the graph comes from: see `Batch`."""
        number, offset = (self.low.scalar_inputs[element], 0) if buffer == 1 else (self.given[buffer], element)
        dtype, size = self.inputs[number]
        return number, NATIVE[dtype], offset, size

    def _result(self, o: Output) -> None:
        """A leaf of the result: roots or a constant."""
        x, value = self.low.operand(o.node, o.value), np.asarray(o.value)
        number = len(self.results)
        self.results.append((value.shape, value.dtype))
        if not isinstance(x, (Scalar, Ids, View)):
            self.constants.append((number, value))
            return
        if value.dtype not in NATIVE:
            raise Unsuitable(f"a {value.dtype} result cannot come from lanes")
        for j, node in enumerate(self.low.nodes_of(x).reshape(-1)):
            self.low.graph.root(int(node))
            self.roots.append((len(self.inputs) + number, NATIVE[value.dtype], j, value.size))

    def _guards(self) -> None:
        """One more root: not zero for samples for which the recording does not hold."""
        low, total = self.low, None
        for guard in low.guards():
            for x, expected in zip(guard.operands, guard.expected.reshape(-1), strict=False):
                nodes = low.nodes_of(x)
                values = low.graph.constants(guard.expected.astype(float) if nodes.shape else np.array(float(expected)))
                wrong = low.graph.apply(OPS["ne"], 0, nodes, np.broadcast_to(values, nodes.shape))
                for node in wrong.reshape(-1):
                    one = np.array(node, np.int32)
                    total = one if total is None else low.graph.apply(OPS["maximum"], 0, total, one)
        self.guarded = total is not None
        if total is not None:
            low.graph.root(int(total))
            self.roots.append((len(self.inputs) + len(self.results), NATIVE[np.dtype(bool)], 0, 1))

    def run(self, inputs: list[np.ndarray], n: int) -> tuple[list[np.ndarray], np.ndarray | None]:
        """Results for n samples, and for which of them the recording does not hold; None: it holds for all. `inputs` are contiguous."""
        results = [np.empty((n, *shape), dtype) for shape, dtype in self.results]
        failed = np.empty(n if self.guarded else 0, bool)
        if n:
            self.batch.run([*inputs, *results, failed], n)
        for k, value in self.constants:
            results[k][...] = value
        return results, failed if np.count_nonzero(failed) else None
