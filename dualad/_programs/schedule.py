"""Fusion: array steps over the same domain share a region, which runs in blocks that stay in the cache; everything else keeps its order."""

from __future__ import annotations

from typing import Any

import numpy as np

from .ir import Elementwise, Reduce, Step, Value, View


class Slot:
    """What runs at one time: scalar items of the plan, one region of fused steps, or one other step."""

    __slots__ = ("columns", "groups", "how", "kind", "shape", "single", "steps")

    def __init__(self, kind: str) -> None:
        self.kind = kind  # "scalars", "region" or "step"
        self.steps: list[Step] = []
        self.groups: list[tuple[int, int]] = []  # ranges of the plan's groups
        self.shape: tuple[int, ...] = ()
        self.single = False  # registers in single precision
        self.how: str | None = None  # what all reductions of the region take together
        self.columns = 0


def domain(step: Step) -> tuple[int, ...]:
    """The shape over which an elementwise step or reduction runs."""
    return step.operands[0].shape if isinstance(step, Reduce) else step.out[0].shape


def is_single(step: Step) -> bool:
    """Whether a step computes in single precision."""
    found = [v.dtype for v in step.out] + [x.dtype for x in step.operands if isinstance(x, View)]
    return np.dtype(np.float64) not in found and np.dtype(np.float32) in found


class Schedule:
    """Slots in the order of execution, and in which slot each value is made."""

    def __init__(self, steps: list[Step], plan: Any, fuse: bool = True) -> None:
        self.steps, self.plan, self.fuse = steps, plan, fuse
        self.slots: list[Slot] = []
        self.made: dict[Value, int] = {}
        self.bank = np.full(plan.bank, -1, np.int32)  # the slot that writes a place of the bank
        self.last_scalars = -1
        self.read = np.full(plan.bank, -1, np.int32)  # the last slot that reads a place; scalars after it may reuse the place
        self.buffers = {v.buffer: v for step in steps for v in step.out}
        self.places: dict[Step, list[Any]] = {}  # of a step's scalar operands, in their order
        for number, first, count in plan.units():
            if number < 0:
                self._scalars(first, count)
            else:
                self.places[steps[number]] = [p for p in plan.places(first, count) if p is not None]
                self._step(steps[number])

    def _scalars(self, first: int, count: int) -> None:
        reads = [self.made[self.buffers[b]] + 1 for b in self.plan.reads(first, count) if b in self.buffers]
        at = max([self.last_scalars, self.plan.latest(first, count, self.read) + 1, *reads])
        if at != self.last_scalars or at < 0:
            at = self._append("scalars")
        self.slots[at].groups.append((first, count))
        self.last_scalars = at
        self.plan.mark(first, count, self.bank, at)

    def _append(self, kind: str) -> int:
        self.slots.append(Slot(kind))
        return len(self.slots) - 1

    def _step(self, step: Step) -> None:
        """Puts a step into the first slot that can take it."""
        earliest = 0
        for place in self.places[step]:
            if place.buffer == 0:
                earliest = max(earliest, int(self.bank[place.offset]) + 1)
            elif place.buffer in self.buffers:
                earliest = max(earliest, self.made[self.buffers[place.buffer]] + 1)
        fusable = isinstance(step, (Elementwise, Reduce))
        shape, single = (domain(step), is_single(step)) if fusable else ((), False)
        for x in step.operands:
            if isinstance(x, View) and x.value in self.made:
                slot = self.made[x.value]
                inside = self.fuse and fusable and self.slots[slot].kind == "region" and _same_element(x, shape) and _is_elementwise(x.value)
                earliest = max(earliest, slot if inside else slot + 1)
        at = self._find(step, earliest, shape, single) if self.fuse and fusable else None
        if at is None:
            at = self._append("region" if fusable else "step")
            self.slots[at].shape, self.slots[at].single = shape, single
        self.slots[at].steps.append(step)
        for place in self.places[step]:
            if place.buffer == 0:
                self.read[place.offset] = max(self.read[place.offset], at)
        if isinstance(step, Reduce):
            self.slots[at].how, self.slots[at].columns = step.how, step.columns
        for v in step.out:
            self.made[v] = at

    def _find(self, step: Step, earliest: int, shape: tuple[int, ...], single: bool) -> int | None:
        for at in range(earliest, len(self.slots)):
            slot = self.slots[at]
            if slot.kind != "region" or slot.shape != shape or slot.single != single:
                continue
            if isinstance(step, Reduce) and slot.how is not None and (slot.how, slot.columns) != (step.how, step.columns):
                continue
            return at
        return None


def _same_element(x: View, shape: tuple[int, ...]) -> bool:
    """Whether an operand reads, for each element of the domain, the element that was just computed there."""
    return x.shape == shape and x.whole()


def _is_elementwise(value: Value) -> bool:
    return isinstance(value.step, Elementwise)


def consumers(slots: list[Slot]) -> dict[Value, list[int]]:
    """The slots that read each value from memory: all but those that find it in a register."""
    out: dict[Value, list[int]] = {}
    for at, slot in enumerate(slots):
        made = {v for step in slot.steps for v in step.out}
        for step in slot.steps:
            for x in step.operands:
                if isinstance(x, View) and not (slot.kind == "region" and x.value in made):
                    out.setdefault(x.value, []).append(at)
    return out
