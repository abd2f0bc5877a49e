"""From slots to what the machine runs: micro-operations with registers, operands with strides, copies, calls, places in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._replay import AXES, CODES, LANES, NAMES, OPS, REDUCTIONS, TYPES
from .ir import NATIVE, Assemble, Elementwise, Gathered, Reduce, Scalar, Step, Value, View, whole
from .schedule import Slot

MICRO = np.dtype([("code", "u2"), ("dst", "u2"), ("a", "u2"), ("b", "u2"), ("c", "u2"), ("unused", "u2"), ("operand", "i4")])
OPERAND = np.dtype([("buffer", "i4"), ("index_buffer", "i4"), ("type", "u1"), ("index_type", "u1"), ("offset", "i8"),
                    ("index_offset", "i8"), ("stride", "i8", 8)], align=True)
SPLAT = np.dtype([("value", "f8"), ("operand", "i4")], align=True)
REDUCTION = np.dtype([("op", "i4"), ("operand", "i4")])
LANE = np.dtype([("offset", "i8"), ("stride", "i4"), ("buffer", "i2"), ("kind", "u1"), ("type", "u1")])
GROUP = np.dtype([("code", "u2"), ("op", "u2"), ("n", "i4"), ("dst", LANE), ("a", LANE), ("b", LANE), ("c", LANE)])
_AFFINE, _INDEXED = LANES["affine"], LANES["indexed"]
SPLAT_BASE = 1 << 14  # splats are numbered from here until the number of registers is known
# (operation, operation of its single-use operand, which operand) -> superinstruction
_PAIRS = {("add", "mul", 0): "muladd", ("add", "mul", 1): "muladd", ("sub", "mul", 0): "mulsub", ("sub", "mul", 1): "nmuladd",
          ("mul", "add", 0): "addmul", ("mul", "add", 1): "addmul", ("mul", "sub", 0): "submul", ("mul", "sub", 1): "submul",
          ("mul", "mul", 0): "mulmul", ("add", "smul", 0): "smuladd", ("add", "smul", 1): "smuladd",
          ("sub", "smul", 0): "smulsub", ("sub", "smul", 1): "nsmuladd"}


class Region:
    """One fused region, encoded."""

    __slots__ = ("axis", "micros", "n_inner", "n_regs", "operands", "reductions", "shape", "single", "splats")

    def __init__(self, shape: tuple[int, ...], single: bool) -> None:
        self.shape, self.single = shape, single
        self.axis = self.n_inner = self.n_regs = 0
        self.micros: Any = []
        self.operands: Any = []
        self.splats: Any = []
        self.reductions: Any = []


class _Op:
    """A micro-operation with virtual registers."""

    __slots__ = ("args", "code", "dst", "operand")

    def __init__(self, code: int, dst: int, args: list[int], operand: int = -1) -> None:
        self.code, self.dst, self.args, self.operand = code, dst, args, operand


class RegionBuilder:
    """Encodes the steps of one slot."""

    def __init__(self, slot: Slot, places: dict[Step, list[Any]], stored: set[Value], constant: Callable[[np.ndarray], int]) -> None:
        self.slot, self.places, self.stored, self.constant = slot, places, stored, constant
        self.region = Region(slot.shape, slot.single)
        self.ops: list[_Op] = []
        self.strides: list[tuple[int, ...]] = []  # of each operand over the domain
        self.regs: dict[Value, int] = {}
        self.loads: dict[Any, int] = {}
        self.splat_of: dict[Any, int] = {}
        self.next = 0

    def build(self, alone: bool) -> Region:
        """The region; one that is `alone` stores at its end, so that a result may lie where an argument does (`Machine.into`)."""
        for step in self.slot.steps:
            scalars = iter(self.places[step])
            args = [self._read(x, scalars) for x in step.operands]
            if isinstance(step, Reduce):
                self._reduce(step, args[0])
            else:
                assert isinstance(step, Elementwise)
                self._compute(step, args)
        fuse_pairs(self.ops)
        if alone:
            self.ops.sort(key=lambda op: op.code == CODES["store"])
        n = allocate(self.ops)
        self._finish(n)
        return self.region

    def _compute(self, step: Elementwise, args: list[int]) -> None:
        out = step.out[0]
        if _renamed(step) and args[0] < SPLAT_BASE:
            self.regs[out] = args[0]
        else:
            self.regs[out] = self._new()
            self.ops.append(_Op(step.code, self.regs[out], args))
        if out in self.stored:
            operand = self._operand(whole(out))
            self.ops.append(_Op(CODES["store"], -1, [self.regs[out]], operand))

    def _reduce(self, step: Reduce, arg: int) -> None:
        out = step.out[0]
        if out not in self.stored:
            return
        operand = self._operand(View(out, 0, (), ()), (1,) + (0,) * 7)
        self.ops.append(_Op(CODES["reduce"], -1, [arg], len(self.region.reductions)))
        self.region.reductions.append((REDUCTIONS[step.op], operand))
        self.region.axis = AXES[step.how]

    def _new(self) -> int:
        self.next += 1
        return self.next - 1

    def _read(self, x: Any, scalars: Any) -> int:
        """The register (or splat) of an operand."""
        if isinstance(x, float):
            return self._splat(("value", x, np.signbit(x)), (x, -1))
        if isinstance(x, Scalar):
            place = next(scalars)
            if place.buffer is None:
                return self._splat(("value", place.value, np.signbit(place.value)), (place.value, -1))
            key = ("place", place.buffer, place.offset)
            return self.splat_of[key] if key in self.splat_of else self._splat(key, (0.0, self._element(place)))
        if x.value in self.regs:
            return self.regs[x.value]
        if x.size and not any(x.strides) and x.index is None:  # the same element everywhere
            return self._splat(x.key(), (0.0, self._operand(x)))
        if x.key() not in self.loads:
            self.loads[x.key()] = self._new()
            self.ops.append(_Op(CODES["load"], self.loads[x.key()], [], self._operand(x)))
        return self.loads[x.key()]

    def _splat(self, key: Any, splat: tuple[float, int]) -> int:
        if key not in self.splat_of:
            self.splat_of[key] = SPLAT_BASE + len(self.region.splats)
            self.region.splats.append(splat)
        return self.splat_of[key]

    def _element(self, place: Any) -> int:
        self.region.operands.append((place.buffer, -1, place.type, 0, place.offset, 0, (0,) * 8))
        self.strides.append(())
        return len(self.region.operands) - 1

    def _operand(self, x: View, strides: tuple[int, ...] | None = None) -> int:
        kind, given = NATIVE[x.dtype], x.strides if strides is None else strides
        if x.index is not None:
            self.region.operands.append((x.value.buffer, self.constant(x.index), kind, TYPES["int64"], 0, 0, given))
        else:
            self.region.operands.append((x.value.buffer, -1, kind, 0, x.offset, 0, given))
        self.strides.append(() if strides is not None else given)
        return len(self.region.operands) - 1

    def _finish(self, n_regs: int) -> None:
        region, slot = self.region, self.slot
        region.n_regs = max(n_regs, 1)
        inner = 0
        if region.axis:
            count, inner = 1, 0
            while count < slot.columns and inner < len(slot.shape):
                inner += 1
                count *= slot.shape[-inner]
            if slot.columns == 1:
                inner = 1 if slot.shape and slot.shape[-1] == 1 else 0
        region.shape, region.n_inner, strides = collapse(slot.shape, inner, [s for s in self.strides if s], bool(region.axis))
        operands = np.zeros(len(region.operands), OPERAND)
        moved = iter(strides)
        for k, (buffer, index_buffer, kind, index_type, offset, index_offset, given) in enumerate(region.operands):
            s = next(moved) if self.strides[k] else given
            operands[k] = (buffer, index_buffer, kind, index_type, offset, index_offset, tuple(s) + (0,) * (8 - len(s)))
        region.operands = operands
        region.splats = np.array(region.splats, SPLAT) if region.splats else np.zeros(0, SPLAT)
        region.reductions = np.array(region.reductions, REDUCTION) if region.reductions else np.zeros(0, REDUCTION)
        micros = np.zeros(len(self.ops), MICRO)
        for k, op in enumerate(self.ops):
            a, b, c = [self._number(r) for r in op.args] + [0] * (3 - len(op.args))
            micros[k] = (op.code, max(op.dst, 0), a, b, c, 0, op.operand)
        region.micros = micros

    def _number(self, r: int) -> int:
        return r - SPLAT_BASE + self.region.n_regs if r >= SPLAT_BASE else r


def _renamed(step: Elementwise) -> bool:
    """Whether a copy leaves the register as it is: truth values are numbers there."""
    source = step.operands[0]
    return step.code == OPS["copy"] and isinstance(source, View) and source.dtype in (step.out[0].dtype, np.dtype(bool))


def fuse_pairs(ops: list[_Op]) -> None:
    """Two operations become one superinstruction where the first has no other reader: one pass through L1 less, the same bits."""
    uses: dict[int, int] = {}
    for op in ops:
        for r in op.args:
            uses[r] = uses.get(r, 0) + 1
    made = {op.dst: op for op in ops if op.dst >= 0}
    gone: set[int] = set()
    for op in ops:
        if op.code >= len(NAMES) or len(op.args) != 2:
            continue
        for which in (0, 1):
            first = made.get(op.args[which])
            if first is None or uses[first.dst] != 1 or first.code >= len(NAMES) or len(first.args) != 2:
                continue
            name = _PAIRS.get((NAMES[op.code], NAMES[first.code], which))
            if name is not None:
                op.code, op.args = CODES[name], [*first.args, op.args[1 - which]]
                gone.add(id(first))
                break
    ops[:] = [op for op in ops if id(op) not in gone]


def allocate(ops: list[_Op]) -> int:
    """Gives virtual registers real ones, each free again after its last use; how many there are."""
    last = {r: k for k, op in enumerate(ops) for r in op.args}
    real: dict[int, int] = {}
    free: list[int] = []
    n = 0
    for k, op in enumerate(ops):
        args = [real.get(r, r) for r in op.args]
        for r in set(op.args):
            if r in real and last[r] == k:
                free.append(real[r])
        op.args = args
        if op.dst >= 0:
            if free:
                real[op.dst] = free.pop()
            else:
                real[op.dst], n = n, n + 1
            if op.dst not in last:
                free.append(real[op.dst])
            op.dst = real[op.dst]
    return n


def collapse(shape: tuple[int, ...], inner: int, strides: list[tuple[int, ...]],
             keep: bool) -> tuple[tuple[int, ...], int, list[tuple[int, ...]]]:
    """The domain with as few dimensions as all operands allow; the last `inner` ones stay apart from the others."""
    dims = [[k] for k in range(len(shape)) if shape[k] != 1]
    border = len(shape) - inner
    merged: list[list[int]] = []
    for d in dims:
        k = d[0]
        before = merged[-1] if merged else None
        if before is not None and (not keep or (before[-1] < border) == (k < border)) and all(
                s[before[-1]] == s[k] * shape[k] for s in strides):
            before.append(k)
        else:
            merged.append([k])
    out = tuple(int(np.prod([shape[k] for k in m])) for m in merged)
    n_inner = sum(1 for m in merged if m[0] >= border)
    return out, n_inner, [tuple(s[m[-1]] for m in merged) for s in strides]


def assemble(step: Assemble, places: list[Any], constant: Callable[[np.ndarray], int]) -> list[Region]:
    """The parts of an array, one region each."""
    scalars, out = iter(places), []
    for place, source in step.parts:
        slot = Slot("region")
        slot.shape, slot.single = place.shape, place.dtype == np.float32
        builder = RegionBuilder(slot, {}, set(), constant)
        register = builder._read(source, scalars)
        builder.ops.append(_Op(CODES["store"], -1, [register], builder._operand(place)))
        builder._finish(allocate(builder.ops))
        out.append(builder.region)
    return out


def gathered(step: Gathered, places: list[Any], lists: list[int]) -> np.ndarray:
    """Copies of scalars into an array as groups: runs of one source each; scattered places go to `lists`."""
    groups, at, kind = [], 0, NATIVE[step.out[0].dtype]
    while at < len(places):
        n, source = _run(places, at, lists)
        group = np.zeros((), GROUP)
        group["code"], group["n"] = OPS["copy"], n
        group["dst"] = (at, 1, step.out[0].buffer, _AFFINE, kind)
        group["a"] = source
        group["b"] = group["c"] = (0, 0, 0, 0, 0)
        groups.append(group)
        at += n
    return np.array(groups, GROUP)


def _run(places: list[Any], at: int, lists: list[int]) -> tuple[int, Any]:
    """How many places from `at` on one copy can take, and its source."""
    first = places[at]
    same = next((k for k in range(at, len(places)) if places[k].buffer != first.buffer), len(places))
    if first.buffer is None:
        stop = next((k for k in range(at, same) if places[k].value != first.value), same)
        lane = np.zeros((), LANE)
        lane["offset"] = np.array(first.value).view(np.int64)
        return max(stop - at, 1), tuple(lane.tolist())
    buffer = -1 if first.buffer == 0 else first.buffer
    stride = places[at + 1].offset - first.offset if at + 1 < same else 1
    stop = at + 1
    while stop < same and places[stop].offset == first.offset + (stop - at) * stride:
        stop += 1
    if stop - at >= min(8, same - at):
        return stop - at, (first.offset, stride, buffer, _AFFINE, first.type)
    lists.extend(p.offset for p in places[at:same])
    return same - at, (len(lists) - (same - at), 1, buffer, _INDEXED, first.type)
