"""The check of a program from a file: what passes touches no memory outside its buffers, and writes into no argument or constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import CODES, MAX_REGION_DIMS, Place, check_code
from .encode import LANE
from .ir import NATIVE, size_of
from .memory import ALIGN
from .plainvalues import integer, require

LIMIT = 1 << 46  # of sizes: products of one of them with an element's size stay far below 2^63
LARGEST = 1 << 40  # elements of a region's domain, and 2^16 reductions: partial results stay below 2^52 bytes
SIZES = [t.itemsize for t in NATIVE]
_SCALARS, _STORE, _REDUCE = CODES["scalars"], CODES["store"], CODES["reduce"]


class Checker:
    """Checks the parts of a program; `plan` holds its arrays (see `plan_arrays`)."""

    def __init__(self, parts: dict[str, Any], plan: dict[str, Any]) -> None:
        self.parts, self.plan = parts, plan
        self.buffers: list[tuple[Any, ...]] = parts["buffers"]
        self.n = len(self.buffers) + 2
        self.scalars = sum(kind == "scalar" for kind, _, _, _ in parts["inputs"])
        # by buffer: the memory type that code must use, -1 any, -2 none; and whether it may be written
        self.types = np.full(self.n, -1)
        self.types[:2] = 0
        self.writable = np.zeros(self.n, bool)
        self.constant = np.zeros(self.n, bool)

    def run(self) -> None:
        self._buffers()
        self._inputs()
        self._outputs()
        self._steps()
        self._index_lists()
        wrong = check_code(self.parts["regions"], self.plan, self.parts["own"], self.parts["lists"], self.buffers, self.scalars)
        require(wrong is None, wrong or "")
        for r in self.parts["regions"]:
            self._region(r)
        for groups in (self.plan["groups"], self.parts["own"]):
            self._groups(groups)
        at, bank = self.plan["const_at"], self.plan["numbers"][0]
        require(
            len(at) == len(self.plan["const_value"]) and (not len(at) or (at.min() >= 0 and at.max() < bank)),
            "constants of the plan",
        )
        for c in self.parts["calls"]:
            self._call(c)
        self._guards()

    def _buffers(self) -> None:
        end = 0
        for k, (kind, size, what) in enumerate(self.buffers):
            if kind == "arena":
                require(what % ALIGN == 0, "an offset in the arena")
                end = max(end, what + -(-max(size, 1) // ALIGN) * ALIGN)
            elif kind == "constant":
                self.types[k + 2] = NATIVE.get(what.dtype, -2)
                self.constant[k + 2] = True
            elif kind == "none":
                require(size == 0, "an unused buffer")
            self.writable[k + 2] = kind in ("arena", "output")
        require(end == self.parts["arena"], "the size of the arena")

    def _bound(self, k: int, kind: str, leaf: int, dtype: Any, shape: Any) -> None:
        """Leaf number `leaf` is buffer k."""
        integer(k, 2, self.n, f"the buffer of an {kind}")
        require(self.buffers[k - 2] == (kind, size_of(shape) * dtype.itemsize, leaf), f"the buffer of an {kind}")
        self.types[k] = NATIVE.get(dtype, -2)

    def _inputs(self) -> None:
        where = []
        for leaf, (kind, k, what, shape) in enumerate(self.parts["inputs"]):
            if kind == "array":
                self._bound(k, "input", leaf, what, shape)
            else:
                where.append(k)
        require(sorted(where) == list(range(self.scalars)), "the scalar arguments")
        self._all_bound("input")

    def _outputs(self) -> None:
        for leaf, x in enumerate(self.parts["outputs"]):
            if x[0] == "array":
                self._bound(x[1], "output", leaf, x[3], x[4])
            elif x[0] == "scalar":
                self._place(x[1])
        self._all_bound("output")

    def _all_bound(self, kind: str) -> None:
        """Every buffer of this kind belongs to a leaf, each to one."""
        used = [x[1] for x in self.parts[f"{kind}s"] if x[0] == "array"]
        require(sorted(used) == [k + 2 for k, b in enumerate(self.buffers) if b[0] == kind], f"the {kind} buffers")

    def _place(self, p: Place) -> None:
        """A place is a constant or a number in memory."""
        if p.buffer is None:
            return
        k = integer(p.buffer, 0, self.n, "a place")
        size = (self.plan["numbers"][0], self.scalars)[k] if k < 2 else self.buffers[k - 2][1] // SIZES[p.type]
        require(p.offset < size and self.types[k] in (p.type, -1), "a place")

    def _steps(self) -> None:
        sizes = {
            "groups": len(self.plan["groups"]),
            "own": len(self.parts["own"]),
            "region": len(self.parts["regions"]),
            "call": len(self.parts["calls"]),
        }
        for kind, first, count in self.parts["steps"]:
            require(kind in sizes and first + count <= sizes[kind] and (kind in ("groups", "own") or count == 1), "a step")

    # ---- code ----

    def _index_lists(self) -> None:
        """Index lists are constants: nothing can change them after the check."""
        for r in self.parts["regions"]:
            require(
                len(r.shape) <= MAX_REGION_DIMS and size_of(r.shape) <= LARGEST and len(r.reductions) <= 1 << 16,
                "the shape of a region",
            )
            lists = r.operands["index_buffer"][r.operands["index_buffer"] >= 0]
            require(not (lists >= self.n).any() and self.constant[lists].all(), "an index list")

    def _region(self, r: Any) -> None:
        o = r.operands
        require(self._typed(o["buffer"], o["type"]), "the type of an operand")
        listed = o["index_buffer"] >= 0
        require(self._typed(o["index_buffer"][listed], o["index_type"][listed]), "the type of an index list")
        stored = r.micros["operand"][r.micros["code"] == _STORE]
        for operands in (stored, r.reductions["operand"]):
            require(self.writable[o["buffer"][operands]].all(), "a region writes into an argument or a constant")

    def _typed(self, buffers: np.ndarray, types: np.ndarray) -> bool:
        wanted = self.types[buffers]
        return bool(((wanted == types) | (wanted == -1)).all())

    def _groups(self, groups: np.ndarray) -> None:
        groups = groups[groups["code"] != _SCALARS]
        for name in ("dst", "a", "b", "c"):
            lanes: np.ndarray = groups[name]
            assert lanes.dtype == LANE
            lanes = lanes[(lanes["kind"] != 0) & (lanes["buffer"] >= 0)]
            require(
                not (lanes["buffer"] >= self.n).any() and self._typed(lanes["buffer"], lanes["type"]), "the type of an operand"
            )
            if name == "dst":
                require(self.writable[lanes["buffer"]].all(), "a group writes into an argument or a constant")

    # ---- calls and guards ----

    def _call(self, c: dict[str, Any]) -> None:
        for x in c["operands"]:
            if type(x) is Place:
                self._place(x)
            else:
                self._view(x)
        for x, (shape, _) in zip(c["outs"], c["shapes"], strict=True):
            if x is not None:
                self._view(x)
                require(self.writable[x[0]] and x[5] is None and x[2] == shape, "a call writes into an argument or a constant")
        require(c["several"] or len(c["shapes"]) == 1, "the results of a call")

    def _view(self, x: tuple[Any, ...]) -> None:
        """A view stays inside its buffer."""
        k, dtype, shape, strides, offset, index = x
        kind, size, _ = self.buffers[integer(k, 2, self.n, "an operand of a call") - 2]
        require(kind != "none" and len(shape) == len(strides), "an operand of a call")
        if index is not None:
            require(not index.size or (index.min() >= 0 and index.max() < size // dtype.itemsize), "an index list of a call")
            return
        size_of(shape)
        reach = [(n - 1) * s for n, s in zip(shape, strides, strict=True)] if 0 not in shape else []
        low, high = offset + sum(r for r in reach if r < 0), offset + sum(r for r in reach if r > 0)
        need = 0 if 0 in shape else dtype.itemsize
        require(
            low >= 0 and high + need <= size and not any(s % dtype.itemsize for s in (*strides, offset)), "an operand of a call"
        )

    def _guards(self) -> None:
        for p in self.parts["guard_places"]:
            self._place(p)
        for k, expected, _ in self.parts["guard_arrays"]:
            integer(k, 2, self.n, "a guard")
            require(expected.nbytes <= self.buffers[k - 2][1], "a guard")
