"""Cheap arrays are computed again where they are read, instead of going through memory: a large array costs more to store and load than a
few operations on what is there anyway."""

from __future__ import annotations

from typing import Any

from .._replay import CODES, OPS
from .ir import Elementwise, Step, Value, View, contiguous
from .schedule import Schedule, Slot

LARGE = 1 << 14  # elements from which on an array does not stay in the cache
DEPTH = 3  # operations on the way
RUN = 8  # elements along which a mask is the same: as many as let the machine skip (DA_MIN_RUN)
_CHEAP = {OPS[name] for name in ("add", "sub", "mul", "neg", "abs", "square", "copy", "smul", "maximum", "minimum", "lt", "le", "eq", "ne")}


def recompute(schedule: Schedule, kept: set[Value]) -> None:
    """Gives regions their own copies of cheap steps of earlier regions; `kept` are values that must be in memory."""
    for at, slot in enumerate(schedule.slots):
        if slot.kind == "region":
            _inline(schedule, slot, at, kept)
    _drop(schedule, kept)


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
