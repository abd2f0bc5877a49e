"""Scalar code of a plan, taken apart: instructions, packs of several lanes among them (csrc/da_lanes.h)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._replay import SCALAR_FORMS
from .formulas import arity


class Instruction(NamedTuple):
    """A value code on lanes: `dst` and each of the operands are positions of the bank, lane by lane."""

    code: int
    single: bool
    dst: list[int]
    operands: list[list[int]]


class Operation(NamedTuple):
    """One lane of an instruction."""

    code: int
    single: bool
    dst: int
    operands: list[int]


def instructions(scalars: np.ndarray, first: int, n: int) -> list[Instruction]:
    """The instructions in n slots from `first` on."""
    slots = scalars[first : first + n].view(np.int32).reshape(n, -1)
    words, width = slots.ravel().tolist(), slots.shape[1]
    out, at = [], 0
    while at < n:
        code, dst = words[at * width : at * width + 2]
        code %= SCALAR_FORMS["chained"]
        op = code % SCALAR_FORMS["single"]
        pack, gathered = code >= SCALAR_FORMS["pack"], code >= SCALAR_FORMS["gathered"]
        lanes = SCALAR_FORMS["lanes"] if pack else 1
        count = arity(op) * (lanes if gathered else 1)
        positions = words[at * width + 2 : at * width + 2 + count]
        if gathered:
            operands = [positions[k : k + lanes] for k in range(0, count, lanes)]
        else:
            operands = [list(range(p, p + lanes)) for p in positions]
        single = code >= SCALAR_FORMS["single"] and not pack
        out.append(Instruction(op, single, list(range(dst, dst + lanes)), operands))
        at += -(-(2 + count) // width)
    return out


def operations(scalars: np.ndarray, first: int, n: int) -> list[Operation]:
    """The same lane by lane; no lane reads what another of its pack writes."""
    out = []
    for i in instructions(scalars, first, n):
        out += [Operation(i.code, i.single, dst, list(lane)) for dst, *lane in zip(i.dst, *i.operands, strict=True)]
    return out


def live(code: list[Operation], reads: np.ndarray) -> list[Operation]:
    """Without what nobody reads: a pack of three lanes computes one twice. `reads`: how often others read a position."""
    out: list[Operation] = []
    wanted: set[int] = set()
    for s in reversed(code):
        if s.dst in wanted or reads[s.dst]:
            wanted.discard(s.dst)
            wanted.update(s.operands)
            out.append(s)
    return out[::-1]
