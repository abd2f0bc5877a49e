"""One recording over many samples: all of it in scalar nodes, which become lanes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import EXACT, FOR_LANES, OPS, PASSES, Batch
from . import ALL_PASSES
from .capture import Capture
from .ir import NATIVE, Ids, Scalar, View
from .lower import Lowering

LARGEST = 1 << 14  # elements of one array of a sample


class Unsuitable(Exception):
    """The recording has steps that cannot run in lanes."""


class Lanes:
    """A batched program. The leaves of its result come with an axis of samples in front."""

    def __init__(self, recorded: Capture, passes: frozenset[str] = ALL_PASSES, exact: bool = False) -> None:
        self.low = low = Lowering(recorded, exact, LARGEST)
        low.run()
        if low.steps:
            raise Unsuitable(f"{getattr(low.steps[0], 'name', 'an array step')} cannot run in lanes")
        self.structure = recorded.structure
        self.leaves = [self._leaf(o) for o in recorded.outputs]
        self.roots: list[tuple[int, int]] = []  # (result, element) of each root
        for k, (nodes, _, _) in enumerate(self.leaves):
            for j, node in enumerate([] if nodes is None else nodes.reshape(-1)):
                low.graph.root(int(node))
                self.roots.append((k, j))
        self._guards()
        low.graph.optimise(sum(PASSES[p] for p in passes if p in PASSES) | FOR_LANES | (EXACT if exact else 0))
        try:
            guard = [(len(self.leaves), 0)] if self.guarded else []
            self.batch = Batch(low.graph, self.roots + guard, "machine" not in passes)
        except TypeError as error:
            raise Unsuitable(str(error)) from None
        self.given = {v.buffer: v for v in low.values if v.given >= 0}

    def _leaf(self, o: Any) -> tuple[Any, np.dtype[Any], Any]:
        """(nodes or None, dtype, constant) of a leaf of the result."""
        x = self.low.operand(o.node, o.value)
        dtype = np.asarray(o.value).dtype
        if isinstance(x, (Scalar, Ids, View)):
            if dtype not in NATIVE:
                raise Unsuitable(f"a {dtype} result cannot come from lanes")
            return self.low.nodes_of(x), dtype, None
        return None, dtype, np.asarray(o.value)

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

    def run(self, inputs: list[Any], batched: list[bool], n: int) -> tuple[list[np.ndarray], np.ndarray]:
        """Results for n samples, and for which of them the recording does not hold. `inputs` are the leaves of the arguments."""
        arrays = [np.asarray(x, order="C") for x in inputs]
        results = [np.empty((n, *c.shape), dtype) if nodes is None else np.empty((n, *nodes.shape), dtype) for nodes, dtype, c in self.leaves]
        failed = np.zeros(n, bool)
        operands = []
        for buffer, element in self.batch.leaves:
            leaf = self.low.scalar_inputs[element] if buffer == 1 else self.given[buffer].given
            offset = 0 if buffer == 1 else element
            stride = arrays[leaf].size // max(n, 1) if batched[leaf] else 0
            operands.append((leaf, NATIVE[arrays[leaf].dtype], offset, stride))
        first = len(arrays)
        for k, j in self.roots:
            operands.append((first + k, NATIVE[results[k].dtype], j, results[k].size // max(n, 1)))
        if self.guarded:
            operands.append((first + len(results), NATIVE[failed.dtype], 0, 1))
        if n:
            self.batch.run([*arrays, *results, failed], operands, n)
        for r, (nodes, _, constant) in zip(results, self.leaves, strict=True):
            if nodes is None:
                r[...] = constant
        return results, failed
