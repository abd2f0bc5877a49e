"""Lane groups and scalar code of an exported program as C functions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .._replay import CODES, REDUCTIONS
from .export_loops import C_TYPES, LEAF, converted, indented, position, reducer_name
from .formulas import Dialect, arity, formula, literal, plain
from .scalarcode import Operation, live, operations

CHUNK = 400  # scalar operations or groups in one function: compilers take more than linear time
RUNS = 8  # an index list of so few evenly spaced runs becomes as many loops
_REDUCE, _SCALARS = CODES["reduce"], CODES["scalars"]
_OPS = {v: k for k, v in REDUCTIONS.items()}


def operands_of(g: Any) -> list[Any]:
    """The operand lanes that a group's code reads."""
    return [g[n] for n in "abc"][: 1 if g["code"] == _REDUCE else arity(int(g["code"]))]


def lane_places(lane: Any, n: int, lists: np.ndarray) -> np.ndarray:
    """The elements that a lane names."""
    at = int(lane["offset"])
    return at + np.arange(n) * int(lane["stride"]) if lane["kind"] == 1 else lists[at : at + n]


def in_bank(lane: Any) -> bool:
    return lane["kind"] != 0 and lane["buffer"] in (-1, 0)


Span = tuple[int, int, int]


def span(lane: Any) -> Span:
    """What makes two lanes of the bank the same."""
    return int(lane["kind"]), int(lane["offset"]), int(lane["stride"])


class Cluster:
    """Consecutive groups of one length that share a loop. Its lanes may run in any order: a place that one lane writes, no other lane
    of the cluster reads or writes."""

    def __init__(self, n: int, lists: np.ndarray, is_written: np.ndarray, reads: np.ndarray) -> None:
        self.n, self.lists = n, lists
        self.groups: list[Any] = []
        self.written: set[Span] = set()
        self.operands: dict[Span, int] = {}
        self.is_written, self.reads = (
            is_written,
            reads,
        )  # by place of the bank: whether, and by how many operands; zeros now and after `close`

    def takes(self, g: Any) -> bool:
        """Whether a group may join; it has joined then."""
        if g["n"] != self.n or len(self.groups) >= CHUNK:
            return False
        lanes = [x for x in operands_of(g) if in_bank(x)]
        if any(span(x) not in self.written and self.is_written[self._places(x)].any() for x in lanes):
            return False
        if in_bank(g["dst"]) and not self._may_write(g["dst"], lanes):
            return False
        for lane in lanes:
            self.reads[self._places(lane)] += 1
            self.operands[span(lane)] = self.operands.get(span(lane), 0) + 1
        if in_bank(g["dst"]):
            self.written.add(span(g["dst"]))
            self.is_written[self._places(g["dst"])] = True
        self.groups.append(g)
        return True

    def close(self) -> list[Any]:
        """The groups."""
        for g in self.groups:
            for lane in (*operands_of(g), g["dst"]):
                if in_bank(lane):
                    self.is_written[self._places(lane)] = False
                    self.reads[self._places(lane)] = 0
        return self.groups

    def _places(self, lane: Any) -> np.ndarray:
        return lane_places(lane, self.n, self.lists)

    def _may_write(self, dst: Any, lanes: list[Any]) -> bool:
        key, places = span(dst), self._places(dst)
        if key not in self.written and self.is_written[places].any():
            return False
        if (self.reads[places] > self.operands.get(key, 0)).any():
            return False
        return not any(span(x) != key and np.isin(self._places(x), places).any() for x in lanes)


class Groups:
    """Writes lane groups and scalar code as functions."""

    def __init__(self, exporter: Any) -> None:
        self.e = exporter
        self.reads = self._reads()
        self.scratch = np.zeros(len(self.reads), bool), np.zeros(len(self.reads), np.int32)
        self.constant = dict(zip(exporter.plan["const_at"].tolist(), exporter.plan["const_value"].tolist()))

    def _reads(self) -> np.ndarray:
        """How often each place of the bank is read in memory: by anything but scalar code of the same function."""
        e = self.e
        reads = np.zeros(e.plan["numbers"][0] + 1, np.int64)
        for groups, lists in ((e.plan["groups"], e.plan["lists"]), (e.parts["own"], e.parts["lists"])):
            for g in groups:
                for lane in operands_of(g) if g["code"] != _SCALARS else ():
                    if in_bank(lane):
                        reads[lane_places(lane, int(g["n"]), lists)] += 1
        for r in e.parts["regions"]:
            for o in r.operands[r.operands["buffer"] == 0]:
                reads[o["offset"]] += 1
        for p in [*e.parts["guard_places"], *[x[1] for x in e.parts["outputs"] if x[0] == "scalar"]]:
            if p.buffer == 0:
                reads[p.offset] += 1
        for chunk in self._chunks():
            reads[list(chunk)] += 1
        return reads

    def _pieces(self, g: Any) -> list[list[Operation]]:
        """The scalar code that a group runs, at most CHUNK operations each."""
        code = operations(self.e.plan["scalars"], int(g["a"]["offset"]), int(g["n"]))
        return [code[at : at + CHUNK] for at in range(0, len(code), CHUNK)]

    def _chunks(self) -> list[set[int]]:
        """What each piece of scalar code reads before it writes it."""
        out = []
        for g in self.e.plan["groups"]:
            for piece in self._pieces(g) if g["code"] == _SCALARS else ():
                written: set[int] = set()
                before: set[int] = set()
                for s in piece:
                    before |= set(s.operands) - written
                    written.add(s.dst)
                out.append(before)
        return out

    def functions(self, own: bool, first: int, count: int, number: int) -> list[str]:
        """Functions for a range of groups, numbered from `number` on."""
        groups = (self.e.parts["own"] if own else self.e.plan["groups"])[first : first + count]
        lists = self.e.parts["lists"] if own else self.e.plan["lists"]
        bodies: list[list[str]] = []
        at = 0
        while at < len(groups):
            g = groups[at]
            if g["code"] == _SCALARS:
                bodies += [self._scalars(piece) for piece in self._pieces(g)]
                at += 1
            elif g["code"] == _REDUCE:
                bodies.append(_Loop(self, int(g["n"]), lists).reduction(g))
                at += 1
            else:
                cluster = Cluster(int(g["n"]), lists, *self.scratch)
                while at < len(groups) and groups[at]["code"] not in (_SCALARS, _REDUCE) and cluster.takes(groups[at]):
                    at += 1
                bodies.append(_Loop(self, cluster.n, lists).values(cluster.close()))
        return [
            f"static void step{number + k}(const memory *m) {{\n" + indented(body, 1) + "}\n" for k, body in enumerate(bodies)
        ]

    def _scalars(self, piece: list[Operation]) -> list[str]:
        """Scalar code as statements; values that only they read need no place in memory."""
        names: dict[int, str] = {}
        out = []
        for i, (code, single, dst, args) in enumerate(live(piece, self.reads)):
            operands = []
            for a in args:
                text = names.get(a) or (literal(self.constant[a], single) if a in self.constant else f"w[{a}]")
                operands.append(f"(float){text}" if single and a not in self.constant else text)
            value = plain(formula(code, operands, Dialect(single, self.e.used)))
            names[dst] = f"v{i}"
            out.append(f"const double v{i} = {'(double)(' + value + ')' if single else value};")
            if self.reads[dst]:
                out.append(f"w[{dst}] = v{i};")
        used = "w[" in "".join(out)
        return ["double *const w = m->bank;" if used else "(void)m;", *out]


class _Loop:
    """The loop of some groups of one length."""

    def __init__(self, groups: Groups, n: int, lists: np.ndarray) -> None:
        self.g, self.e, self.n, self.lists = groups, groups.e, n, lists
        self.pointers: dict[tuple[int, str], str] = {}
        self.tables: dict[tuple[int, ...], str] = {}

    def values(self, groups: list[Any]) -> list[str]:
        """Statements for lane i; those that nobody reads in memory stay in registers."""
        known: dict[Span, int] = {}
        inside: list[np.ndarray] = []
        for k, g in enumerate(groups):
            for lane in operands_of(g):
                if in_bank(lane) and span(lane) in known:
                    inside.append(lane_places(lane, self.n, self.lists))
            if in_bank(g["dst"]):
                known[span(g["dst"])] = k
        for places in inside:
            self.g.reads[places] -= 1
        out: list[str] = []
        for start, stop in self._runs(groups):
            out += self._part(groups, start, stop)
        for places in inside:
            self.g.reads[places] += 1
        return [*self._declarations(), *out]

    def _part(self, groups: list[Any], start: int, stop: int) -> list[str]:
        names: dict[Span, str] = {}
        last = {span(g["dst"]): k for k, g in enumerate(groups) if in_bank(g["dst"])}
        body = []
        for k, g in enumerate(groups):
            operands = [(names.get(span(x), "") if in_bank(x) else "") or self._read(x, start) for x in operands_of(g)]
            value = plain(formula(int(g["code"]), operands, Dialect(False, self.e.used)))
            body.append(f"const double v{k} = {value};")
            key = span(g["dst"])
            if not in_bank(g["dst"]) or (last[key] == k and self.g.reads[lane_places(g["dst"], self.n, self.lists)].any()):
                body.append(
                    f"{self._at(g['dst'], False, start)} = {converted(f'v{k}', int(g['dst']['type']), False, self.e.used)};"
                )
            if in_bank(g["dst"]):
                names[key] = f"v{k}"
        return [f"EACH for (ptrdiff_t i = {start}; i < {stop}; i++) {{", *[f"    {line}" for line in body], "}"]

    def _runs(self, groups: list[Any]) -> list[tuple[int, int]]:
        """The lanes in one range, or in a few in which all index lists are evenly spaced."""
        self.even = False
        listed = [lane for g in groups for lane in [*operands_of(g), g["dst"]] if lane["kind"] == 2]
        ends = {self.n}
        for lane in listed:
            steps = np.diff(lane_places(lane, self.n, self.lists).astype(np.int64))
            ends |= _ends(steps)
            if len(ends) > RUNS:
                return [(0, self.n)]
        self.even = True
        bounds = [0, *sorted(ends)]
        return list(pairwise(bounds))

    def _read(self, lane: Any, start: int) -> str:
        if lane["kind"] == 0:
            return literal(np.int64(lane["offset"]).view(np.float64))
        kind, text = int(lane["type"]), self._at(lane, True, start)
        return text if kind == 0 else f"(double)({text} != 0)" if kind == 2 else f"(double){text}"

    def _at(self, lane: Any, const: bool, start: int) -> str:
        """Lane i of an operand."""
        name = self._pointer(max(int(lane["buffer"]), 0), C_TYPES[int(lane["type"])])
        if lane["kind"] == 1:
            return f"{name}[{position(int(lane['offset']), [('i', int(lane['stride']))])}]"
        places = lane_places(lane, self.n, self.lists)
        if self.even:
            step = int(places[start + 1]) - int(places[start]) if start + 1 < self.n else 0
            return f"{name}[{position(int(places[start]) - start * step, [('i', step)])}]"
        return f"{name}[{self.tables.setdefault(tuple(places.tolist()), f'l{len(self.tables)}')}[i]]"

    def _pointer(self, buffer: int, c_type: str) -> str:
        return self.pointers.setdefault((buffer, c_type), "w" if buffer == 0 else f"p{len(self.pointers)}")

    def _declarations(self) -> list[str]:
        out = []
        for (buffer, c_type), name in self.pointers.items():
            const = "const " if self.e.memory.readonly(buffer) else ""
            out.append(f"{const}{c_type} *const {name} = {self.e.memory.pointer(buffer, c_type)};")
        for places, name in self.tables.items():
            out.append(f"static const int32_t {name}[{self.n}] = {{{', '.join(map(str, places))}}};")
        return out

    def reduction(self, g: Any) -> list[str]:
        """A sum, product, maximum or minimum of all lanes."""
        self.even = False
        op = _OPS[int(g["op"])]
        self.e.reductions.add((op, False))
        name, n, x = reducer_name(op, False), self.n, self._read(g["a"], 0)
        i = "const ptrdiff_t i = from + k; " if "[i" in x or " i" in x else ""
        self.even, self.n = True, 1
        target = self._at(g["dst"], False, 0).replace(" * i]", " * 0]").replace("[i]", "[0]").replace(" + i]", "]")
        self.n = n
        return [
            *self._declarations(),
            f"tree_{name} t;",
            f"double b[{LEAF}];",
            "t.depth = t.leaves = 0;",
            f"for (ptrdiff_t from = 0; from < {n}; from += {LEAF}) {{",
            f"    const int some = {n} - from < {LEAF} ? (int)({n} - from) : {LEAF};",
            f"    for (int k = 0; k < some; k++) {{ {i}b[k] = {x}; }}",
            f"    push_{name}(&t, leaf_{name}(b, some));",
            "}",
            f"{target} = {converted(f'finish_{name}(&t)', int(g['dst']['type']), False, self.e.used)};",
        ]


def _ends(steps: np.ndarray) -> set[int]:
    """Where runs of evenly spaced lanes end. A run of two only is two of one: the second may start a longer one."""
    ends, at = set(), 0
    for c in [*(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]:
        if c < at:
            continue
        at = c + (0 if c == at + 1 and c < len(steps) else 1)
        ends.add(at)
        if len(ends) > RUNS:
            break
    return ends
