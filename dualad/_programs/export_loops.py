"""Regions of an exported program as C loops, and reductions."""

from __future__ import annotations

from typing import Any

from .._replay import AXES, CODES, OPS, REDUCTIONS
from .formulas import Dialect, arity, formula, literal, plain
from .ir import contiguous, size_of

LEAF = 128  # values of a sum that are taken together: DA_LEAF of csrc/da_lanes.h
C_TYPES = ("double", "float", "unsigned char", "int64_t", "int32_t")
_LOAD, _STORE, _REDUCE = (CODES[n] for n in ("load", "store", "reduce"))
_STEPS = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}
_EMPTY = {"sum": "0", "prod": "1", "max": "-INFINITY", "min": "INFINITY"}
_ABSENT = {**_EMPTY, "sum": "-0.0"}

# 16 partial results, then halves; leaves pairwise: the stack holds complete subtrees, one for each bit of their number.
REDUCER = """static {T} leaf_{name}(const {T} *x, int n) {{
    {T} p[16];
    int i = 16;
    for (int j = 0; j < 16; j++) p[j] = j < n ? x[j] : ({T}){absent};
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) p[j] = {step_x};
    for (int j = 0; i + j < n; j++) p[j] = {step_x};
    for (int w = 8; w; w /= 2)
        for (int j = 0; j < w; j++) p[j] = {step_p};
    return p[0];
}}

typedef struct {{
    {T} stack[64];
    size_t depth, leaves;
}} tree_{name};

static void push_{name}(tree_{name} *t, {T} value) {{
    for (size_t k = t->leaves++; k & 1; k >>= 1) {{
        const {T} before = t->stack[--t->depth];
        value = {step_push};
    }}
    t->stack[t->depth++] = value;
}}

static {T} finish_{name}(tree_{name} *t) {{
    if (!t->depth) return ({T}){empty};
    for (; t->depth > 1; t->depth--) {{
        const {T} before = t->stack[t->depth - 2], value = t->stack[t->depth - 1];
        t->stack[t->depth - 2] = {step_push};
    }}
    return t->stack[0];
}}

"""


def reducer_name(op: str, single: bool) -> str:
    return f"{op}_{'f' if single else 'd'}"


def step_text(op: str, before: str, value: str, single: bool, used: set[tuple[str, bool]]) -> str:
    """One step of a reduction; the operands of maximum and minimum stand in the order that keeps the first of equals."""
    return formula(OPS[_STEPS[op]], [value, before] if op in ("max", "min") else [before, value], Dialect(single, used))


def reducers(wanted: set[tuple[str, bool]], used: set[tuple[str, bool]]) -> str:
    """The functions that reduce."""
    out = ""
    for op, single in sorted(wanted):
        steps = {"step_x": ("p[j]", "x[i + j]"), "step_p": ("p[j]", "p[j + w]"), "step_push": ("before", "value")}
        out += REDUCER.format(
            T="float" if single else "double",
            name=reducer_name(op, single),
            absent=_ABSENT[op],
            empty=_EMPTY[op],
            **{k: step_text(op, a, b, single, used) for k, (a, b) in steps.items()},
        )
    return out


def position(offset: int, terms: list[tuple[str, int]]) -> str:
    """offset + sum of index * stride."""
    out = [str(offset)] if offset or not any(s for _, s in terms) else []
    for index, stride in terms:
        if stride:
            out.append(index if stride == 1 else f"{stride} * {index}")
    return " + ".join(out).replace("+ -", "- ")


def indented(lines: list[str], depth: int) -> str:
    return "".join("    " * depth + line + "\n" for line in lines)


class RegionText:
    """One region as a function."""

    def __init__(self, exporter: Any, region: Any, number: int) -> None:
        self.e, self.r, self.number = exporter, region, number
        self.single = bool(region.single)
        self.t = "float" if self.single else "double"
        self.dialect = Dialect(self.single, exporter.used)
        self.axis = {v: k for k, v in AXES.items()}[region.axis] if len(region.reductions) else None
        self.ops = [next(k for k, v in REDUCTIONS.items() if v == op) for op, _ in region.reductions.tolist()]
        self.partials = 0
        self.operands: set[int] = set()
        self.lists: set[int] = set()

    def text(self) -> str:
        shape = tuple(self.r.shape) or (1,)
        inner = self.r.n_inner if self.axis in ("last", "first") else len(shape)
        self.index = [f"i{k}" for k in range(len(shape))]
        outer, columns = shape[: len(shape) - inner], shape[len(shape) - inner :]
        body = self._body(len(outer))
        lines = self._loops(outer, columns, body)
        if self.axis != "first":
            self.e.reductions |= {(op, self.single) for op in self.ops}
        return (
            f"static void step{self.number}(const memory *m) {{\n"
            + indented(self._declarations() + self.splats, 1)
            + lines
            + "}\n"
        )

    # ---- operands ----

    def _name(self, k: int) -> str:
        self.operands.add(k)
        return f"p{k}"

    def _at(self, k: int, terms: list[tuple[str, int]]) -> str:
        """An element of an operand."""
        o = self.r.operands[k]
        name = self._name(k)
        if o["index_buffer"] < 0:
            return f"{name}[{position(int(o['offset']), terms)}]"
        self.lists.add(k)
        return f"{name}[{position(int(o['offset']), [])} + l{k}[{position(int(o['index_offset']), terms)}]]"

    def _read(self, k: int, terms: list[tuple[str, int]]) -> str:
        kind, text = int(self.r.operands[k]["type"]), self._at(k, terms)
        if kind == 2:
            return f"({self.t})({text} != 0)"
        return text if C_TYPES[kind] == self.t else f"({self.t}){text}"

    def _terms(self, k: int) -> list[tuple[str, int]]:
        return list(zip(self.index, self.r.operands[k]["stride"].tolist()))

    def _written(self, k: int, value: str) -> str:
        kind = int(self.r.operands[k]["type"])
        return converted(value, kind, self.single, self.e.used)

    def _declarations(self) -> list[str]:
        out = []
        for k in sorted(self.operands):
            o = self.r.operands[k]
            out.append(self._pointer(f"p{k}", int(o["buffer"]), C_TYPES[int(o["type"])]))
        for k in sorted(self.lists):
            o = self.r.operands[k]
            out.append(self._pointer(f"l{k}", int(o["index_buffer"]), C_TYPES[int(o["index_type"])]))
        return out

    def _pointer(self, name: str, buffer: int, c_type: str) -> str:
        const = "const " if self.e.memory.readonly(buffer) else ""
        return f"{const}{c_type} *const {name} = {self.e.memory.pointer(buffer, c_type)};"

    # ---- what happens to one element ----

    def _body(self, n_outer: int) -> list[str]:
        r, out = self.r, []
        names: dict[int, str] = {}
        self.splats = []
        self.reduced: dict[int, str] = {}
        for k, (value, operand) in enumerate(r.splats.tolist()):
            text = literal(value, self.single) if operand < 0 else self._read(operand, [])
            self.splats.append(f"const {self.t} s{k} = {text};")
            names[r.n_regs + k] = f"s{k}"
        for i, m in enumerate(r.micros):
            code, operand, args = int(m["code"]), int(m["operand"]), [int(m[n]) for n in "abc"]
            if code == _STORE:
                out.append(f"{self._at(operand, self._terms(operand))} = {self._written(operand, names[args[0]])};")
            elif code == _REDUCE:
                self.reduced[operand] = names[args[0]]
            else:
                if code == _LOAD:
                    text = self._read(operand, self._terms(operand))
                else:
                    text = formula(code, [names[a] for a in args[: arity(code)]], self.dialect)
                names[int(m["dst"])] = f"v{i}"
                out.append(f"const {self.t} v{i} = {plain(text)};")
        return out

    # ---- loops ----

    def _loops(self, outer: tuple[int, ...], columns: tuple[int, ...], body: list[str]) -> str:
        head = ""
        for k, n in enumerate(outer):
            head += "    " * (k + 1) + f"for (ptrdiff_t i{k} = 0; i{k} < {n}; i{k}++) {{\n"
        depth = len(outer) + 1
        tail = "".join("    " * (k + 1) + "}\n" for k in reversed(range(len(outer))))
        if self.axis is None:
            return head + self._plain(len(outer), columns, body, depth) + tail
        if self.axis == "first":
            return self._first(head, tail, outer, columns, body, depth)
        start = [f"{'tree_' + reducer_name(op, self.single)} t{k};" for k, op in enumerate(self.ops)]
        start += [f"{self.t} b{k}[{LEAF}];" for k in range(len(self.ops))] + ["int fill = 0;"]
        start += [f"t{k}.depth = t{k}.leaves = 0;" for k in range(len(self.ops))]
        end = []
        for k, op in enumerate(self.ops):
            name, operand = reducer_name(op, self.single), int(self.r.reductions["operand"][k])
            stride = int(self.r.operands[operand]["stride"][0])
            row = position(0, list(zip(self.index, contiguous(outer)))) if outer else "0"
            where = self._at(operand, [(f"({row})", stride)] if self.axis == "last" and outer else [])
            end += [
                f"if (fill) push_{name}(&t{k}, leaf_{name}(b{k}, fill));",
                f"{where} = {self._written(operand, f'finish_{name}(&t{k})')};",
            ]
        return head + indented(start, depth) + self._collected(len(outer), columns, body, depth) + indented(end, depth) + tail

    def _plain(self, first: int, shape: tuple[int, ...], body: list[str], depth: int) -> str:
        """The innermost loops, the last of them for the vector unit."""
        out = ""
        for j, n in enumerate(shape):
            each = "EACH " if j == len(shape) - 1 else ""
            out += "    " * (depth + j) + f"{each}for (ptrdiff_t i{first + j} = 0; i{first + j} < {n}; i{first + j}++) {{\n"
        out += indented(body, depth + len(shape))
        return out + "".join("    " * (depth + j) + "}\n" for j in reversed(range(len(shape))))

    def _collected(self, first: int, shape: tuple[int, ...], body: list[str], depth: int) -> str:
        """The same in pieces that end where a leaf of the reductions ends."""
        if not shape:
            shape = (1,)
            self.index.append("last")
        out, last = "", len(shape) - 1
        for j, n in enumerate(shape[:-1]):
            out += "    " * (depth + j) + f"for (ptrdiff_t i{first + j} = 0; i{first + j} < {n}; i{first + j}++) {{\n"
        at, i, n = depth + last, f"i{first + last}", shape[-1]
        kept = [f"b{k}[fill + k] = {self.reduced[k]};" for k in range(len(self.ops))]
        full = " ".join(
            f"push_{reducer_name(op, self.single)}(&t{k}, leaf_{reducer_name(op, self.single)}(b{k}, {LEAF}));"
            for k, op in enumerate(self.ops)
        )
        out += indented(
            [
                f"for (ptrdiff_t from = 0; from < {n};) {{",
                f"    const int some = {n} - from < {LEAF} - fill ? (int)({n} - from) : {LEAF} - fill;",
                "    EACH for (int k = 0; k < some; k++) {",
            ],
            at,
        )
        uses = any(i in line for line in body)
        out += indented([f"const ptrdiff_t {i} = from + k;"] * uses + body + kept, at + 2)
        out += indented(
            ["    }", "    from += some;", "    fill += some;", f"    if (fill == {LEAF}) {{ {full} fill = 0; }}", "}"], at
        )
        return out + "".join("    " * (depth + j) + "}\n" for j in reversed(range(last)))

    def _first(self, head: str, tail: str, outer: tuple[int, ...], columns: tuple[int, ...], body: list[str], depth: int) -> str:
        """Rows are added to partial results, one for each group of rows and column; then the groups pairwise."""
        rows, cols = size_of(outer), size_of(columns)
        groups = max(-(-rows // LEAF), 1)
        item = 4 if self.single else 8
        base = self.e.bank + self.e.parts["arena"]
        start, steps, end = [], [], []
        row = position(0, [(f"i{k}", s) for k, s in enumerate(contiguous(outer))]) if outer else "0"
        col = position(0, [(f"i{len(outer) + k}", s) for k, s in enumerate(contiguous(columns))]) if columns else "0"
        for k, op in enumerate(self.ops):
            offset = base - self.e.bank + self.partials
            start.append(f"{self.t} *const q{k} = ({self.t} *)(void *)(m->arena + {offset});")
            self.partials += -(-groups * cols * item // 64) * 64
            before = f"q{k}[row / {LEAF} * {cols} + {col}]"
            steps.append(
                f"{before} = row % {LEAF} ? {step_text(op, before, self.reduced[k], self.single, self.e.used)} : {self.reduced[k]};"
            )
            operand = int(self.r.reductions["operand"][k])
            stride = int(self.r.operands[operand]["stride"][0])
            if groups > 1:
                pair = step_text(op, f"q{k}[g * {cols} + c]", f"q{k}[(g + s) * {cols} + c]", self.single, self.e.used)
                end += [
                    f"for (ptrdiff_t s = 1; s < {groups}; s *= 2)",
                    f"    for (ptrdiff_t g = 0; g + s < {groups}; g += 2 * s)",
                    f"        EACH for (ptrdiff_t c = 0; c < {cols}; c++) q{k}[g * {cols} + c] = {pair};",
                ]
            value = f"q{k}[c]" if rows else f"({self.t}){_EMPTY[op]}"
            end.append(
                f"for (ptrdiff_t c = 0; c < {cols}; c++) {self._at(operand, [('c', stride)])} = {self._written(operand, value)};"
            )
        if not rows:
            start = []
        inner = indented([f"const ptrdiff_t row = {row};"], depth) + self._plain(len(outer), columns, body + steps, depth)
        return indented(start, 1) + head + inner + tail + indented(end, 1)


def converted(value: str, kind: int, single: bool, used: set[tuple[str, bool]]) -> str:
    """A register's value as an element in memory."""
    if kind == 2:
        return f"{value} != 0"
    if kind >= 3:
        return f"{Dialect(single, used).helper('to_i64' if kind == 3 else 'to_i32')}({value})"
    return value if kind == int(single) else f"({C_TYPES[kind]}){value}"
