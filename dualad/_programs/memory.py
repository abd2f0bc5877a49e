"""Where values live while a program runs: one arena, in which values share a place when their lives do not overlap."""

from __future__ import annotations

from bisect import insort
from typing import Any

from .ir import Value
from .schedule import Schedule, consumers

ALIGN = 64


def lifetimes(schedule: Schedule, plan: Any, roots: list[Any]) -> dict[Value, list[int]]:
    """The slots that read each value from memory."""
    reads = consumers(schedule.slots)
    buffers = schedule.buffers

    def note(buffer: Any, at: int) -> None:
        if buffer in buffers:
            reads.setdefault(buffers[buffer], []).append(at)

    for at, slot in enumerate(schedule.slots):
        for first, count in slot.groups:
            for buffer in plan.reads(first, count):
                note(buffer, at)
        for step in slot.steps:
            for place in schedule.places[step]:
                note(place.buffer, at)
    for place in roots:
        if place is not None:
            note(place.buffer, len(schedule.slots))
    return reads


class Memory:
    """First fit: values come in the order in which they are made. Without `reuse` each has a place of its own."""

    def __init__(self, reuse: bool = True) -> None:
        self.reuse = reuse
        self.size = 0
        self.offsets: dict[Value, int] = {}
        self.taken: list[tuple[int, int, int]] = []  # (offset, end, last slot), by offset

    def place(self, value: Value, made: int, last: int) -> None:
        """Gives a value that is made in slot `made` and read until slot `last` its place."""
        self.taken = [t for t in self.taken if t[2] >= made or not self.reuse]
        size = -(-max(value.size * value.dtype.itemsize, 1) // ALIGN) * ALIGN
        at = 0
        for offset, end, _ in self.taken:
            if offset - at >= size:
                break
            at = max(at, end)
        self.offsets[value] = at
        self.size = max(self.size, at + size)
        insort(self.taken, (at, at + size, last))
