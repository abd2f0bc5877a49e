"""A recording made into a program: lowered, optimised, scheduled, given memory, encoded."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import EXACT, OPS, PASSES, Plan
from . import ALL_PASSES, encode, exact
from .capture import Capture
from .ir import COPIED, NATIVE, Assemble, Call, Elementwise, Gathered, Scalar, Value, View, whole
from .lower import Lowering
from .memory import Memory, lifetimes
from .recompute import recompute
from .schedule import Schedule


class Output:
    """Where a leaf of the result comes from: a constant, a scalar root, or an array."""

    __slots__ = ("constant", "kind", "root", "view")

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.constant: Any = None
        self.root = -1
        self.view: View | None = None


class Builder:
    """Builds one program from a recording; `parts` is what the machine is made of."""

    def __init__(self, recorded: Capture, exact: bool = False, passes: frozenset[str] = ALL_PASSES) -> None:
        self.recorded, self.exact, self.passes = recorded, exact, passes
        self.low = Lowering(recorded, exact, passes=passes)
        self.roots = 0
        self.results: list[Value] = []

    def build(self) -> dict[str, Any]:
        low = self.low
        low.run()
        self.guards = [(g, [self._root(x.node) if isinstance(x, Scalar) else x for x in g.operands]) for g in low.guards()]
        self.outputs = [self._output(o) for o in self.recorded.outputs]
        for view in [o.view for o in self.outputs] + [x for _, xs in self.guards for x in xs]:
            if isinstance(view, View) and view.value.step is not None:
                self._root(view.value.step.node)
        for step in low.steps:
            if isinstance(step, Call) and step.decides:
                self._root(step.node)
        options = sum(PASSES[p] for p in self.passes if p in PASSES) | (EXACT if self.exact else 0)
        low.graph.optimise(options)
        self.plan = Plan(low.graph, options, {v.buffer: NATIVE.get(v.dtype, 0) for v in low.values})
        self.schedule = Schedule(low.steps, self.plan, "fusion" in self.passes)
        self.places = self.plan.roots()
        if "recompute" in self.passes:
            recompute(self.schedule, self._kept())
        self._memory()
        return self._encode()

    def _root(self, node: int) -> int:
        self.low.graph.root(node)
        self.roots += 1
        return self.roots - 1

    def _output(self, recorded: Any) -> Output:
        out, low = Output(recorded.kind), self.low
        x = low.operand(recorded.node, recorded.value)
        if isinstance(x, Scalar):
            out.root = self._root(x.node)
        elif isinstance(x, (np.ndarray, np.generic, bool, int, float, complex)):
            out.constant = recorded.value
        else:
            view = low.view_of(x)
            if view.value.step is None or view.value in self.results or not view.whole():
                view = self._copied(view)
            self.results.append(view.value)
            out.view = view
        return out

    def _copied(self, view: View) -> View:
        """An array of its own for a result."""
        if view.dtype not in COPIED:
            return self.low.call(np.array, "copy", ((view,), {}), np.empty(view.shape, view.dtype))
        out = self.low.new_value(view.shape, view.dtype)
        self.low.add(Elementwise(OPS["copy"], out, [view]))
        return whole(out)

    # ---- memory ----

    def _kept(self) -> set[Value]:
        """Values that somebody outside the regions reads."""
        kept = {o.view.value for o in self.outputs if o.view is not None}
        kept |= {x.value for _, xs in self.guards for x in xs if isinstance(x, View)}
        buffers = self.schedule.buffers
        places = [p for step in self.schedule.places.values() for p in step] + [p for p in self.places if p is not None]
        kept |= {buffers[p.buffer] for p in places if p.buffer in buffers}
        for slot in self.schedule.slots:
            for first, count in slot.groups:
                kept |= {buffers[b] for b in self.plan.reads(first, count) if b in buffers}
        return kept

    def _memory(self) -> None:
        schedule, end = self.schedule, len(self.schedule.slots)
        self.reads = lifetimes(schedule, self.plan, self.places)
        for o in self.outputs:
            if o.view is not None:
                self.reads.setdefault(o.view.value, []).append(end)
        for _, xs in self.guards:
            for x in xs:
                if isinstance(x, View):
                    self.reads.setdefault(x.value, []).append(end)
        self.memory = Memory("reuse" in self.passes)
        for value, made in sorted(schedule.made.items(), key=lambda item: item[1]):
            if value in self.reads and value not in self.results:
                self.memory.place(value, made, max(self.reads[value]))

    def _constant(self, array: np.ndarray) -> int:
        """The buffer of a constant array of places."""
        return self.low.constant(np.asarray(array, np.int64, order="C")).value.buffer

    # ---- encoding ----

    def _encode(self) -> dict[str, Any]:
        self.steps: list[tuple[str, int, int]] = []
        self.regions: list[Any] = []
        self.calls: list[dict[str, Any]] = []
        self.own: list[np.ndarray] = []
        self.lists: list[int] = []
        alone = [slot.kind for slot in self.schedule.slots if slot.steps] == ["region"]
        for slot in self.schedule.slots:
            if slot.kind == "scalars":
                self.steps += [("groups", first, count) for first, count in slot.groups]
            elif slot.kind == "region":
                if slot.steps:  # else all of them are computed elsewhere
                    self._region(encode.RegionBuilder(slot, self.schedule.places, set(self.reads), self._constant).build(alone))
            else:
                self._step(slot.steps[0])
        return {
            "plan": self.plan, "steps": self.steps, "regions": self.regions, "calls": self.calls,
            "own": np.concatenate(self.own) if self.own else np.zeros(0, encode.GROUP), "lists": np.array(self.lists, np.int32),
            "arena": self.memory.size, "buffers": [self._buffer(v) for v in self.low.values],
            "counts": self.low.graph.stats, "inputs": self._inputs(), "outputs": [self._result(o) for o in self.outputs],
            "layouts": exact.input_layouts(self.recorded) if self.exact else None, **self._guards(),
        }

    def _region(self, region: Any) -> None:
        self.steps.append(("region", len(self.regions), 1))
        self.regions.append(region)

    def _step(self, step: Any) -> None:
        places = self.schedule.places[step]
        if not isinstance(step, Call) and step.out[0] not in self.reads:  # without the pass that drops dead steps
            return
        if isinstance(step, Assemble):
            for region in encode.assemble(step, places, self._constant):
                self._region(region)
        elif isinstance(step, Gathered):
            groups = encode.gathered(step, places, self.lists)
            self.steps.append(("own", sum(len(g) for g in self.own), len(groups)))
            self.own.append(groups)
        else:
            self._call(step, iter(places))

    def _call(self, step: Call, places: Any) -> None:
        operands = [next(places) if isinstance(x, Scalar) else self._array(x) for x in step.operands]
        outs = [self._array(whole(v)) if v in self.reads else None for v in step.out]
        self.steps.append(("call", len(self.calls), 1))
        self.calls.append({"function": step.function, "name": step.name, "tree": step.tree, "operands": operands, "outs": outs,
                           "shapes": [(v.shape, v.dtype) for v in step.out], "several": step.several, "forms": step.forms})

    @staticmethod
    def _array(x: View) -> tuple[Any, ...]:
        """(buffer, dtype, shape, strides and offset in bytes, places or None) of a view."""
        size = x.dtype.itemsize
        return x.value.buffer, x.dtype, x.shape, tuple(s * size for s in x.strides), x.offset * size, x.index

    def _buffer(self, value: Value) -> tuple[Any, ...]:
        size = value.size * value.dtype.itemsize
        if value.constant is not None:
            return "constant", size, value.constant
        if value.given >= 0:
            return "input", size, value.given
        if value in self.results:
            return "output", size, next(k for k, o in enumerate(self.outputs) if o.view is not None and o.view.value is value)
        return ("arena", size, self.memory.offsets[value]) if value in self.memory.offsets else ("none", 0, 0)

    def _inputs(self) -> list[tuple[Any, ...]]:
        """How each leaf comes in: as number k of the scalar inputs, or as the array of a buffer."""
        out: list[tuple[Any, ...]] = []
        arrays = {v.given: v for v in self.low.values if v.given >= 0}
        for k in range(len(self.recorded.inputs)):
            if k in arrays:
                out.append(("array", arrays[k].buffer, arrays[k].dtype, arrays[k].shape))
            else:
                out.append(("scalar", self.low.scalar_inputs.index(k), self.recorded.kinds[k], None))
        return out

    def _result(self, o: Output) -> tuple[Any, ...]:
        if o.root >= 0:
            return "scalar", self.places[o.root], o.kind
        if o.view is not None:
            return "array", o.view.value.buffer, o.kind, o.view.dtype, o.view.shape
        return "constant", o.constant, o.kind

    def _guards(self) -> dict[str, Any]:
        places, expected, lines, arrays = [], [], [], []
        for guard, xs in self.guards:
            if isinstance(xs[0], View):
                arrays.append((xs[0].value.buffer, np.asarray(guard.expected, order="C"), guard.line))
                continue
            places += [self.places[x] for x in xs]
            expected += guard.expected.reshape(-1).tolist()
            lines += [guard.line] * len(xs)
        return {"guard_places": places, "guard_values": np.array(expected, float), "guard_lines": lines, "guard_arrays": arrays}


def parts_of(recorded: Capture, exact: bool = False, passes: frozenset[str] = ALL_PASSES) -> dict[str, Any]:
    """What the machine of a recording is made of."""
    return {**Builder(recorded, exact, passes).build(), "by_kernels": "machine" not in passes}
