"""A program as a C99 file: scalar code as statements, lane groups and regions as loops. Formulas come from the operation table;
reductions take the order that csrc/da_lanes.h gives."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .._replay import plan_arrays
from .._version import __version__
from ..errors import ExportError
from .encode import GROUP
from .export_groups import Groups
from .export_loops import RegionText, reducers
from .formulas import helper_source, literal

TYPES = {"f8": "double", "f4": "float", "b1": "unsigned char", "i8": "int64_t", "i4": "int32_t"}
_LINE = 100

HEADER = """/* {name}: {what}.
 * Written by dualad {version}. Needs only the C99 mathematics library.
 *
 *   int {signature}
 *
{parameters} *   work    {size} bytes, aligned as malloc does; not kept between calls
 *
 * Returns 0{guards}. No globals are written: calls may run in many threads at once, each with its own `work`. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* Iterations of the loops are independent of one another. */
#if defined(__GNUC__) && !defined(__clang__)
#define EACH _Pragma("GCC ivdep")
#else
#define EACH
#endif

"""


class Memory:
    """What the buffers of a program are called in C, and their types."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self.parts = parts
        self.inputs, self.outputs = parts["inputs"], parts["outputs"]
        self.scalars = [
            k for k, x in sorted(((k, x) for k, x in enumerate(self.inputs) if x[0] == "scalar"), key=lambda p: p[1][1])
        ]
        self.used_constants: set[int] = set()

    def type_of(self, dtype: Any, what: str) -> str:
        code = np.dtype(dtype).str[1:]
        if code not in TYPES:
            raise ExportError(
                f"{what} has dtype {np.dtype(dtype)}, for which there is no C form: double, float, bool, int64 and int32 have one"
            )
        return TYPES[code]

    def pointer(self, buffer: int, c_type: str) -> str:
        """The expression of a buffer's start as a pointer to `c_type`."""
        if buffer == 0:
            return "m->bank"
        if buffer == 1:
            return "m->numbers"
        kind, _, what = self.parts["buffers"][buffer - 2]
        if kind == "arena":
            return f"({c_type} *)(void *)(m->arena + {what})"
        if kind == "constant":
            self.used_constants.add(buffer)
            return f"c{buffer}"
        return f"m->{'x' if kind == 'input' else 'y'}{what}"

    def readonly(self, buffer: int) -> bool:
        return buffer == 1 or (buffer > 1 and self.parts["buffers"][buffer - 2][0] in ("constant", "input"))


class Exporter:
    """Writes one program."""

    def __init__(self, parts: dict[str, Any], name: str) -> None:
        self.parts, self.name = parts, name
        for c in parts["calls"]:
            raise ExportError(f"the step {c['name']} is a call of NumPy, for which there is no C form")
        self.memory = Memory(parts)
        self.plan = plan_arrays(parts["plan"], GROUP)
        self.used: set[tuple[str, bool]] = set()  # helper functions
        self.reductions: set[tuple[str, bool]] = set()
        self.bank = -(-self.plan["numbers"][0] // 8) * 64  # bytes
        self.partials = 0

    def text(self, declarations: str = "") -> str:
        """The file; `declarations` come after the headers."""
        steps = self._steps()
        body = self._entry(len(steps))
        functions = "\n".join(steps)
        tables = self._tables()
        todo, helpers = set(self.used), ""
        while todo:
            found: set[tuple[str, bool]] = set()
            helpers = "".join(helper_source(n, s, found) for n, s in sorted(todo)) + helpers
            self.used |= todo
            todo = found - self.used
        return (
            self._header()
            + declarations
            + tables
            + helpers
            + reducers(self.reductions, self.used)
            + self._struct()
            + functions
            + "\n"
            + body
        )

    def size(self) -> int:
        """Bytes of workspace, known when the text is."""
        return max(self.bank + self.parts["arena"] + self.partials, 64)

    def wrapper(self) -> str:
        """A function that takes all arguments and results by pointers: numbers as doubles."""
        args = []
        for k, x in enumerate(self.memory.inputs):
            args.append(f"in[{k}]" if x[0] == "array" else f"{'(float)' if x[2] is np.float32 else ''}*(const double *)in[{k}]")
        args += [f"out[{k}]" for k in range(len(self.memory.outputs))] + ["work"]
        return f"\nint {self.name}_call(const void *const *in, void *const *out, void *work) {{\n    return {self.name}({', '.join(args)});\n}}\n"

    # ---- steps ----

    def _steps(self) -> list[str]:
        groups = Groups(self)
        out: list[str] = []
        for kind, first, count in self.parts["steps"]:
            if kind == "region":
                region = RegionText(self, self.parts["regions"][first], len(out))
                out.append(region.text())
                self.partials = max(self.partials, region.partials)
            else:
                out += groups.functions(kind == "own", first, count, len(out))
        return out

    def _entry(self, n: int) -> str:
        """The function itself."""
        m = self.memory
        lines = ["memory all, *const m = &all;", "m->bank = work;", f"m->arena = (unsigned char *)work + {self.bank};"]
        lines += [f"m->numbers[{k}] = x{leaf};" for k, leaf in enumerate(m.scalars)]
        lines += [f"m->x{k} = x{k};" for k, x in enumerate(m.inputs) if x[0] == "array"]
        lines += [f"m->y{k} = y{k};" for k, x in enumerate(m.outputs) if x[0] == "array"]
        lines += self._constants()
        lines += [f"step{k}(m);" for k in range(n)]
        lines += self._guards() + self._results() + ["return 0;"]
        return f"int {self._signature()} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"

    def _constants(self) -> list[str]:
        at = self.plan["const_at"]
        if not len(at):
            return []
        return [f"for (int k = 0; k < {len(at)}; k++) m->bank[const_at[k]] = const_value[k];"]

    def _place(self, p: Any) -> str:
        if p.buffer is None:
            return literal(p.value)
        if p.buffer < 2:
            return f"{self.memory.pointer(p.buffer, 'double')}[{p.offset}]"
        c_type = list(TYPES.values())[p.type]
        return f"(double)({self.memory.pointer(p.buffer, c_type)})[{p.offset}]"

    def _guards(self) -> list[str]:
        out: list[str] = []
        parts = self.parts
        for p, expected in zip(parts["guard_places"], parts["guard_values"]):
            x = self._place(p)
            test = f"{x} == {x}" if expected != expected else f"!({x} == {literal(expected)})"
            out.append(f"if ({test}) return {len(out) + 1};")
        for buffer, expected, _ in parts["guard_arrays"]:
            c_type, name = self.memory.type_of(expected.dtype, "a guard"), f"guard{len(out)}"
            if expected.size:
                out.append(
                    f"{{ const {c_type} *const x = {self.memory.pointer(buffer, c_type)}; for (size_t k = 0; k < {expected.size}; k++) "
                    f"if (!(x[k] == {name}[k])) return {len(out) + 1}; }}"
                )
        return out

    def _results(self) -> list[str]:
        out = []
        for k, x in enumerate(self.memory.outputs):
            if x[0] == "scalar":
                out.append(f"*y{k} = {self._place(x[1])};")
            elif x[0] == "constant" and np.size(x[1]):
                out.append(f"if (y{k}) for (size_t k = 0; k < {np.size(x[1])}; k++) y{k}[k] = result{k}[k];")
            elif x[0] == "constant":
                out.append(f"(void)y{k};")
        return out

    # ---- declarations ----

    def _parameters(self) -> list[tuple[str, str]]:
        """(declaration, description) of each."""
        m, out = self.memory, []
        for k, x in enumerate(m.inputs):
            if x[0] == "array":
                out.append((f"const {m.type_of(x[2], 'an argument')} *x{k}", f"argument {k + 1}: array of shape {x[3]}, C order"))
            else:
                out.append((f"{'float' if x[2] is np.float32 else 'double'} x{k}", f"argument {k + 1}: a number"))
        for k, x in enumerate(m.outputs):
            if x[0] == "array":
                out.append((f"{m.type_of(x[3], 'a result')} *y{k}", f"result {k + 1}: array of shape {x[4]}, C order"))
            elif x[0] == "scalar":
                out.append((f"double *y{k}", f"result {k + 1}: a number"))
            else:
                a = np.asarray(x[1])
                out.append((f"{m.type_of(a.dtype, 'a result')} *y{k}", f"result {k + 1}: constant, shape {a.shape}; or NULL"))
        return out

    def _signature(self) -> str:
        return f"{self.name}({', '.join([d for d, _ in self._parameters()] + ['void *work'])})"

    def _header(self) -> str:
        described = "".join(f" *   {d.split()[-1].lstrip('*'):7} {text}\n" for d, text in self._parameters())
        lines = [*self.parts["guard_lines"], *[line for _, _, line in self.parts["guard_arrays"]]]
        guards = f", or k when decision k of the recording would now go another way ({len(lines)} in all)" if lines else ""
        for k, line in enumerate(lines[:20]):
            guards += "" if line is None else f"\n *   {k + 1}: {re.sub(r'[^ -~]|[*]/', '?', str(line[0]))}:{line[1]}"
        return HEADER.format(
            name=self.name,
            what="a program recorded by dualad",
            version=__version__,
            signature=self._signature() + ";",
            parameters=described,
            size=self.size(),
            guards=guards,
        )

    def _struct(self) -> str:
        m = self.memory
        fields = ["double *bank;", "unsigned char *arena;", f"double numbers[{max(len(m.scalars), 1)}];"]
        fields += [f"const {m.type_of(x[2], 'an argument')} *x{k};" for k, x in enumerate(m.inputs) if x[0] == "array"]
        fields += [f"{m.type_of(x[3], 'a result')} *y{k};" for k, x in enumerate(m.outputs) if x[0] == "array"]
        return "typedef struct {\n" + "".join(f"    {f}\n" for f in fields) + "} memory;\n\n"

    def _tables(self) -> str:
        out = ""
        for buffer in sorted(self.memory.used_constants):
            out += array_text(f"c{buffer}", self.parts["buffers"][buffer - 2][2], self.memory)
        for name in ("const_at", "const_value"):
            out += array_text(name, self.plan[name], self.memory)
        count = len(self.parts["guard_places"])
        for k, (_, expected, _) in enumerate(self.parts["guard_arrays"]):
            out += array_text(f"guard{count + k}", expected, self.memory)
        for k, x in enumerate(self.memory.outputs):
            if x[0] == "constant":
                out += array_text(f"result{k}", np.asarray(x[1]), self.memory)
        return out


def array_text(name: str, a: np.ndarray, memory: Memory) -> str:
    """A constant array as C; nothing for an empty one."""
    if not a.size:
        return ""
    c_type = memory.type_of(a.dtype, "a constant")
    if c_type in ("double", "float"):
        items = [literal(x, c_type == "float") for x in a.reshape(-1).tolist()]
    else:
        items = [
            str(int(x)) if abs(int(x)) < 1 << 31 else f"(-INT64_C({-int(x) - 1}) - 1)" if x < 0 else f"INT64_C({int(x)})"
            for x in a.reshape(-1).tolist()
        ]
    lines, line = [], ""
    for item in items:
        if len(line) + len(item) > _LINE:
            lines.append(line)
            line = ""
        line += item + ", "
    return f"static const {c_type} {name}[{a.size}] = {{\n    " + "\n    ".join([*lines, line]).rstrip(", ") + "\n};\n\n"


def c_name(name: str) -> str:
    """A name as C allows it."""
    out = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "program"
    return f"f_{out}" if out[0].isdigit() or out in _KEYWORDS else out


_KEYWORDS = frozenset(
    (
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
        "main",
        "work",
        "memory",
        "sin",
        "cos",
        "tan",
        "exp",
        "log",
        "pow",
        "sqrt",
        "lambda",
    )
)


def exported(parts: dict[str, Any], name: str) -> str:
    """A program as C text; ExportError where a step has no C form."""
    return Exporter(parts, c_name(name)).text()
