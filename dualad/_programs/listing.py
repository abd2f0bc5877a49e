"""A program for reading: arguments, results, guards, steps in order, sizes. Formulas come from the operation table."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import _short
from .._replay import CODES, REDUCTIONS, Place, plan_arrays
from .encode import GROUP
from .formulas import Readable, arity, formula, plain
from .ir import contiguous
from .scalarcode import Instruction, instructions

MOST = 120  # lines of one part
_SCALARS, _REDUCE, _LOAD, _STORE = (CODES[n] for n in ("scalars", "reduce", "load", "store"))
_OPS = {v: k for k, v in REDUCTIONS.items()}


def guard_lines(parts: dict[str, Any]) -> list[Any]:
    """(file, line) or None of each guard."""
    return [*parts["guard_lines"], *[line for _, _, line in parts["guard_arrays"]]]


def listing(program: Any) -> str:
    """The text of a program."""
    return Listing(program.machine.parts, program.name).text()


def shortened(lines: list[str], most: int = MOST) -> list[str]:
    """Without the middle where there are too many."""
    if len(lines) <= most:
        return lines
    head = most * 2 // 3
    tail = most - head
    return [*lines[:head], f"    ... {len(lines) - most} lines ...", *lines[-tail:]]


class Listing:
    """Writes the parts of one program."""

    def __init__(self, parts: dict[str, Any], name: str) -> None:
        self.parts, self.name = parts, name
        self.plan = plan_arrays(parts["plan"], GROUP)
        self.scalars = {x[1]: k for k, x in enumerate(parts["inputs"]) if x[0] == "scalar"}
        self.constant = dict(zip(self.plan["const_at"].tolist(), self.plan["const_value"].tolist()))
        self.readable = Readable()

    def text(self) -> str:
        steps: list[str] = []
        for k, (kind, first, count) in enumerate(self.parts["steps"]):
            steps += self._step(k, kind, first, count)
        lines = [f"program of {self.name}", *self._inputs(), *self._results(), *shortened(self._guards(), 24)]
        return "\n".join([*lines, "steps", *shortened(steps), self._sizes()])

    # ---- names ----

    def buffer(self, b: int) -> str:
        """Arguments are x0, x1, ...; results y0, ...; constants c4, ...; arrays in between a5, ... (by number of the buffer)."""
        kind, _, what = self.parts["buffers"][b - 2]
        return f"x{what}" if kind == "input" else f"y{what}" if kind == "output" else f"{'c' if kind == 'constant' else 'a'}{b}"

    def scalar(self, b: int, offset: int) -> str:
        if b in (-1, 0):
            return f"{self.constant[offset]:.17g}" if offset in self.constant else f"w[{offset}]"
        return f"x{self.scalars[offset]}" if b == 1 else f"{self.buffer(b)}[{offset}]"

    def place(self, p: Any) -> str:
        return f"{p.value:.17g}" if p.buffer is None else self.scalar(p.buffer, p.offset)

    # ---- parts ----

    def _inputs(self) -> list[str]:
        out = ["arguments"]
        for k, (kind, _, what, shape) in enumerate(self.parts["inputs"]):
            out.append(f"    x{k}: {_array(what, shape) if kind == 'array' else what.__name__}")
        return out

    def _results(self) -> list[str]:
        out = ["results"]
        for k, x in enumerate(self.parts["outputs"]):
            if x[0] == "array":
                out.append(f"    y{k}: {_array(x[3], x[4])}")
            else:
                out.append(
                    f"    y{k}: {x[2].__name__} = {self.place(x[1])}"
                    if x[0] == "scalar"
                    else f"    y{k}: the constant {_short(x[1])}"
                )
        return out

    def _guards(self) -> list[str]:
        parts = self.parts
        tests = [f"{self.place(p)} == {v:.17g}" for p, v in zip(parts["guard_places"], parts["guard_values"].tolist())]
        tests += [f"{self.buffer(b)} == {_short(a)}" for b, a, _ in parts["guard_arrays"]]
        made = ["" if line is None else f"  ({line[0]}:{line[1]})" for line in guard_lines(parts)]
        return ["guards"] * bool(tests) + [f"    {test}{line}" for test, line in zip(tests, made, strict=True)]

    def _step(self, k: int, kind: str, first: int, count: int) -> list[str]:
        if kind == "region":
            return self._region(k, self.parts["regions"][first])
        if kind == "call":
            return [f"{k:4} call {self._call(self.parts['calls'][first])}"]
        own = kind == "own"
        groups = (self.parts["own"] if own else self.plan["groups"])[first : first + count]
        lists = self.parts["lists"] if own else self.plan["lists"]
        lines = [line for g in groups for line in self._group(g, lists)]
        return [f"{k:4} {line}" if not j else f"     {line}" for j, line in enumerate(lines)]

    def _sizes(self) -> str:
        parts = self.parts
        kinds = [kind for kind, _, _ in parts["steps"]]
        held = sum(size for kind, size, _ in parts["buffers"] if kind == "constant")
        return (
            f"sizes: {kinds.count('region')} regions, {len(self.plan['groups'])} groups, {parts['plan'].operations} scalar operations, "
            f"{kinds.count('call')} calls; {8 * self.plan['numbers'][0]} bytes of scalars, {parts['arena']} of arrays, {held} of constants"
        )

    # ---- scalar code and lanes ----

    def _group(self, g: Any, lists: np.ndarray) -> list[str]:
        n = int(g["n"])
        if g["code"] == _SCALARS:
            return [self._scalar_code(s) for s in instructions(self.plan["scalars"], int(g["a"]["offset"]), n)]
        if g["code"] == _REDUCE:
            return [f"lanes {self._lane(g['dst'], 1, lists)} = {_OPS[int(g['op'])]}({self._lane(g['a'], n, lists)})"]
        operands = [self._lane(g[name], n, lists) for name in "abc"[: arity(int(g["code"]))]]
        return [f"lanes {self._lane(g['dst'], n, lists)} = {plain(formula(int(g['code']), operands, self.readable))}"]

    def _scalar_code(self, s: Instruction) -> str:
        value = formula(s.code, [self._positions(x) for x in s.operands], self.readable)
        return f"{self._positions(s.dst)} = {plain(value)}" + "  (float32)" * s.single

    def _positions(self, at: list[int]) -> str:
        """One position of the bank, or those of a pack."""
        names = [self.scalar(0, x) for x in at]
        if len(set(names)) == 1:
            return names[0]
        if any(x in self.constant for x in at):
            return f"[{', '.join(names)}]"
        is_range = at == list(range(at[0], at[0] + len(at)))
        return f"w[{at[0]}:{at[-1] + 1}]" if is_range else f"w[{', '.join(map(str, at))}]"

    def _lane(self, lane: Any, n: int, lists: np.ndarray) -> str:
        if lane["kind"] == 0:
            return f"{np.int64(lane['offset']).view(np.float64):.17g}"
        b, at, stride = int(lane["buffer"]), int(lane["offset"]), int(lane["stride"])
        name = "w" if b < 1 else self.buffer(b) if b > 1 else "x"
        if lane["kind"] == 2:
            places = lists[at : at + n].tolist()
            return f"{name}[{', '.join(map(str, places[:4]))}{', ...' if n > 4 else ''}]"
        if n == 1 or stride == 0:
            return self.scalar(b, at)
        return f"{name}[{at}:{at + n}]" if stride == 1 else f"{name}[{at}:{at + n * stride}:{stride}]"

    # ---- regions ----

    def _region(self, k: int, r: Any) -> list[str]:
        out = [f"{k:4} region over {tuple(r.shape)} in {'float32' if r.single else 'float64'}"]
        names: dict[int, str] = {}
        for j, (value, operand) in enumerate(r.splats.tolist()):
            names[r.n_regs + j] = f"{value:.17g}" if operand < 0 else self._element(r.operands[operand])
        for j, m in enumerate(r.micros):
            code, operand, args = int(m["code"]), int(m["operand"]), [int(m[a]) for a in "abc"]
            if code == _STORE:
                out.append(f"         {self._operand(r, operand)} = {names[args[0]]}")
            elif code == _REDUCE:
                op, to = r.reductions[operand].tolist()
                axis = ("", " of each row", " of each column")[r.axis]
                target = self.buffer(int(r.operands[to]["buffer"])) if r.axis else self._element(r.operands[to])
                out.append(f"         {target} = {_OPS[op]}({names[args[0]]}){axis}")
            elif code == _LOAD:
                names[int(m["dst"])] = self._operand(r, operand)
            else:
                out.append(f"         v{j} = {plain(formula(code, [names[a] for a in args[: arity(code)]], self.readable))}")
                names[int(m["dst"])] = f"v{j}"
        return out

    def _element(self, o: Any) -> str:
        b = int(o["buffer"])
        return self.scalar(b, int(o["offset"]))

    def _operand(self, r: Any, k: int) -> str:
        """An operand over the domain: its buffer, with offset and strides where it is not simply the whole."""
        o = r.operands[k]
        name = self.buffer(int(o["buffer"]))
        if o["index_buffer"] >= 0:
            return f"{name}[{self.buffer(int(o['index_buffer']))}]"
        strides = tuple(o["stride"][: len(r.shape)].tolist())
        if not o["offset"] and strides == contiguous(tuple(r.shape)):
            return name
        terms = [f"i{d}" if s == 1 else f"{s}*i{d}" for d, s in enumerate(strides) if s]
        return f"{name}[{' + '.join([str(o['offset']), *terms])}]"

    # ---- calls ----

    def _call(self, c: dict[str, Any]) -> str:
        operands = [self.place(x) if type(x) is Place else f"{self.buffer(x[0])} {_array(x[1], x[2])}" for x in c["operands"]]
        outs = [f"{self.buffer(x[0])} {_array(x[1], x[2])}" for x in c["outs"] if x is not None]
        return f"{', '.join(outs) or '(nothing)'} = {c['name']}({', '.join(operands)})"


def _array(dtype: Any, shape: Any) -> str:
    return f"{np.dtype(dtype)} {tuple(shape)}"
