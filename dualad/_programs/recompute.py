"""Cheap arrays are computed again where they are read, instead of going through memory: a large array costs more to store and load than a
few operations on what is there anyway. And what a single later region reads is computed there, if it comes from what is in memory anyway."""

from __future__ import annotations

from typing import Any

from .._replay import CODES, OPS
from .ir import Elementwise, Step, Value, View, contiguous, whole
from .schedule import Schedule, Slot, is_single

LARGE = 1 << 14  # elements from which on an array does not stay in the cache
DEPTH = 3  # operations on the way
RUN = 8  # elements along which a mask is the same: as many as let the machine skip (DA_MIN_RUN)
_CHEAP = {OPS[name] for name in ("add", "sub", "mul", "neg", "abs", "square", "copy", "smul", "maximum", "minimum", "lt", "le", "eq", "ne")}


# what of a zero makes a zero that the machine knows of (da_lanes_skip.c)
_ZEROS = {OPS["smul"], OPS["neg"], OPS["copy"], CODES["select"]}


def recompute(schedule: Schedule, kept: set[Value]) -> None:
    """Gives regions their own copies of cheap steps of earlier regions; `kept` are values that must be in memory."""
    if schedule.fuse:
        Late(schedule, kept).move()
    for at, slot in enumerate(schedule.slots):
        if slot.kind == "region":
            _inline(schedule, slot, at, kept)
    _drop(schedule, kept)


class Late:
    """Moves steps into the one later region that reads their result, over its domain: an array less goes through memory, and often a region less
    runs (scaled targets in the gradient of a loss, which need no forward pass)."""

    def __init__(self, schedule: Schedule, kept: set[Value]) -> None:
        self.schedule, self.kept = schedule, kept
        self.readers: dict[Value, list[tuple[int, Step, int]]] = {}  # (slot, step, which operand)
        for at, slot in enumerate(schedule.slots):
            for step in slot.steps:
                for k, x in enumerate(step.operands):
                    if isinstance(x, View):
                        self.readers.setdefault(x.value, []).append((at, step, k))

    def move(self) -> None:
        for at, slot in enumerate(self.schedule.slots):
            if slot.kind == "region":
                for step in slot.steps[::-1]:
                    to = self._only_reader(step, at)
                    chain = None if to is None else self._chain(step, at, to)
                    if to is not None and chain is not None and sum(self._loads(s, chain) for s in chain) <= 1:
                        self._into(self.schedule.slots[to], to, chain)
                        slot.steps = [s for s in slot.steps if s not in chain]

    def _only_reader(self, step: Step, at: int) -> int | None:
        """The later region that alone reads a step's result, each element where it computes the same one."""
        found = self.readers.get(step.out[0], [])
        to = found[0][0] if found else at
        slot = self.schedule.slots[to]
        if to == at or slot.kind != "region" or step.out[0] in self.kept or is_single(step) != slot.single:
            return None
        for where, reader, k in found:
            zeros = isinstance(reader, Elementwise) and reader.code == OPS["smul"] and k == 0
            if where != to or not _flat(reader.operands[k], slot.shape) or (zeros and getattr(step, "code", -1) not in _ZEROS):
                return None
        return to

    def _chain(self, step: Step, at: int, to: int) -> list[Elementwise] | None:
        """The steps of a slot, in their order, that lead from what is in memory to the result of one; None where that cannot move."""
        if not isinstance(step, Elementwise) or self.schedule.places[step]:
            return None
        chain: list[Elementwise] = []
        for x in step.operands:
            if not isinstance(x, View):
                continue
            if x.like(lambda a: a.reshape(self.schedule.slots[to].shape)) is None:
                return None
            if self.schedule.made.get(x.value) == at and not self._in_memory(x.value, at):
                if x.value.step is None or not x.whole() or any(s is not step for _, s, _ in self.readers[x.value]):
                    return None
                before = self._chain(x.value.step, at, to)
                if before is None:
                    return None
                chain += [s for s in before if s not in chain]
        return [*chain, step]

    def _in_memory(self, value: Value, at: int) -> bool:
        return value in self.kept or any(where != at for where, _, _ in self.readers[value])

    @staticmethod
    def _loads(step: Elementwise, chain: list[Elementwise]) -> int:
        """How many large operands a step loads."""
        made = {s.out[0] for s in chain}
        return len({x.key() for x in step.operands if isinstance(x, View) and x.value not in made and x.value.size * 8 >= step.out[0].size})

    def _into(self, slot: Slot, to: int, chain: list[Elementwise]) -> None:
        moved: dict[Value, View] = {}
        for k, step in enumerate(chain):
            out = Value(-1, slot.shape, step.out[0].dtype)
            operands = [moved.get(x.value) or x.like(lambda a: a.reshape(slot.shape)) if isinstance(x, View) else x for x in step.operands]
            new = Elementwise(step.code, out, operands)
            self.schedule.made[out], self.schedule.places[new] = to, []
            moved[step.out[0]] = whole(out)
            self.readers[out] = [(to, r, n) for _, r, n in self.readers[step.out[0]]] if step is chain[-1] else []
            slot.steps.insert(k, new)
            for n, x in enumerate(operands):
                if isinstance(x, View):
                    found = [r for r in self.readers.get(x.value, []) if r[1] is not step]
                    self.readers[x.value] = [*found, (to, new, n)]
        for _, reader, n in self.readers[chain[-1].out[0]]:
            reader.operands[n] = moved[chain[-1].out[0]]


def _flat(x: View, shape: tuple[int, ...]) -> bool:
    """Whether a view has, in C order and over this shape, all elements of its value."""
    return x.index is None and x.offset == 0 and x.shape == shape and x.size == x.value.size and x.strides == contiguous(shape)


def _inline(schedule: Schedule, slot: Slot, at: int, kept: set[Value]) -> None:
    own: dict[Value, Value] = {}
    masked: dict[Any, Value] = {}
    steps: list[Step] = []
    for step in slot.steps:
        if isinstance(step, Elementwise) and step.code == OPS["smul"]:
            _select_again(schedule, step, at, kept, masked, steps)
        for k, x in enumerate(step.operands):
            if isinstance(x, View) and schedule.made.get(x.value, at) != at and x.shape == slot.shape and x.whole():
                if x.value not in own and x.value not in kept and _cheap(x.value, schedule, 0) is not None:
                    _copy(x.value, schedule, at, own, steps)
                if x.value in own:
                    step.operands[k] = View(own[x.value], 0, x.shape, x.strides)
        steps.append(step)
    slot.steps = steps


def _cheap(value: Value, schedule: Schedule, depth: int) -> int | None:
    """How many operations it takes to compute a value from what is in memory; None for too many."""
    step = value.step
    if not isinstance(step, Elementwise) or step.code not in _CHEAP or value.size < LARGE or schedule.places[step]:
        return None
    total = 1
    for x in step.operands:
        if isinstance(x, View) and x.value in schedule.made:
            if x.value.size * 8 < value.size:  # small: read again
                continue
            inner = _cheap(x.value, schedule, depth + 1) if x.whole() and x.shape == value.shape else None
            if inner is None:
                return None
            total += inner
    return total if total <= DEPTH else None


def _copy(value: Value, schedule: Schedule, at: int, own: dict[Value, Value], steps: list[Step]) -> None:
    """Appends a copy of the step that makes a value, and of those before it."""
    step = value.step
    assert isinstance(step, Elementwise)
    operands: list[Any] = []
    for x in step.operands:
        if isinstance(x, View) and x.value in schedule.made and x.value.size * 8 >= value.size:
            if x.value not in own:
                _copy(x.value, schedule, at, own, steps)
            x = View(own[x.value], 0, x.shape, x.strides)
        operands.append(x)
    copy = Value(-1, value.shape, value.dtype)
    own[value] = copy
    schedule.made[copy] = at
    schedule.places[(new := Elementwise(step.code, copy, operands))] = []
    steps.append(new)


def _select_again(schedule: Schedule, step: Elementwise, at: int, kept: set[Value], masked: dict[Any, Value], steps: list[Step]) -> None:
    """A cotangent that is chosen by a mask, else zero, and broadcast: chosen again in the region that multiplies by it. The machine sees by the mask
    alone where the product is zero and passes over that."""
    x = step.operands[0]
    if not isinstance(x, View) or x.value in kept or x.value.size < LARGE or schedule.made.get(x.value, at) == at:
        return
    made = x.value.step
    if not isinstance(made, Elementwise) or made.code != CODES["select"] or made.operands[2] != 0.0 or schedule.places[made]:
        return
    if x.key() not in masked:
        spread = [_composed(o, x) if isinstance(o, View) else o for o in made.operands[:2]]
        if any(o is None for o in spread):
            return
        copy = Value(-1, x.shape, x.dtype)
        schedule.made[copy] = at
        schedule.places[(new := Elementwise(made.code, copy, [*spread, 0.0]))] = []
        steps.append(new)
        masked[x.key()] = copy
    step.operands[0] = View(masked[x.key()], 0, x.shape, contiguous(x.shape))


def _composed(operand: View, x: View) -> View | None:
    """An operand of the step that makes the value of `x`, as `x` broadcasts it along its last axes; None for other views."""
    shape, n = x.value.shape, len(x.value.shape)
    broadcast = (*contiguous(shape), *(0,) * (len(x.shape) - n))
    if x.index is not None or operand.index is not None or x.offset or x.shape[:n] != shape or x.strides != broadcast or x.size < RUN * x.value.size:
        return None
    return View(operand.value, operand.offset, x.shape, (*operand.strides, *broadcast[n:]))


def _drop(schedule: Schedule, kept: set[Value]) -> None:
    """Takes out elementwise steps whose values nobody reads any more."""
    read = set(kept)
    for slot in reversed(schedule.slots):
        if slot.kind == "region":
            slot.steps = [s for s in reversed(slot.steps) if _needed(s, read)][::-1]
        else:
            for s in slot.steps:
                _needed(s, read)


def _needed(step: Step, read: set[Value]) -> bool:
    if isinstance(step, Elementwise) and step.out[0] not in read:
        return False
    read.update(x.value for x in step.operands if isinstance(x, View))
    return True
