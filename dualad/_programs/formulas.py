"""Formulas as text: the operation table's values with operands in place of X, Y, W, as C or for reading."""

from __future__ import annotations

import functools
import re

from .. import _core
from .._replay import ARITY, CODES, NAMES, texts

_TOKENS = re.compile(r"M\((\w+)\)|VFN\((\w+)\)|\(T\)|\b([XYW])\b|\bDA_\w+")
_SIMPLE = re.compile(r"[\w.]+(\[[^\[\]]*\])?")


@functools.cache
def _values() -> dict[int, str]:
    own = {CODES[name.lower()]: text for kind, name, _, text in texts() if kind == "code"}
    return {k: op["value"] for k, op in enumerate(_core.operations())} | own


@functools.cache
def helpers() -> dict[str, tuple[str, str, str]]:
    """What values call beyond the C library: name -> (type of the result, parameters, body)."""
    return {
        name: (kind.removeprefix("helper "), params, body) for kind, name, params, body in texts() if kind.startswith("helper")
    }


@functools.cache
def constants() -> dict[str, str]:
    """The numbers that values name."""
    return {name: text for kind, name, _, text in texts() if kind == "constant"}


@functools.cache
def arity(code: int) -> int:
    """How many operands a value code has."""
    if code < len(NAMES):
        return ARITY[code]
    return next(int(n) for kind, name, n, _ in texts() if kind == "code" and CODES[name.lower()] == code)


class Dialect:
    """How a formula is written. `used` collects the helper functions that it calls."""

    def __init__(self, single: bool, used: set[tuple[str, bool]]) -> None:
        self.single, self.used = single, used

    def function(self, name: str) -> str:
        """A function of the C library."""
        return name + "f" if self.single else name

    def helper(self, name: str) -> str:
        self.used.add((name, self.single))
        return helper_name(name, self.single)

    def cast(self) -> str:
        return "(float)" if self.single else "(double)"

    def constant(self, name: str) -> str:
        return constants()[name]


class Readable(Dialect):
    """For listings."""

    def __init__(self) -> None:
        super().__init__(False, set())

    def helper(self, name: str) -> str:
        return {"lae": "logaddexp", "logistic_of": "logistic", "sech2_of": "sech2"}.get(name, name)

    def cast(self) -> str:
        return ""

    def constant(self, name: str) -> str:
        return {"DA_PI": "pi", "DA_LN2": "log(2)", "DA_LN10": "log(10)"}[name]


def helper_name(name: str, single: bool) -> str:
    return f"{name}_{'f' if single else 'd'}"


def literal(x: float, single: bool = False) -> str:
    """A number as C."""
    x = float(x)
    if x != x:
        return "NAN"
    if x in (float("inf"), float("-inf")):
        return "INFINITY" if x > 0 else "-INFINITY"
    return repr(x) + ("f" if single else "")


def formula(code: int, operands: list[str], dialect: Dialect) -> str:
    """The value of an operation of these operands."""
    return substituted(_values()[code], dict(zip("XYW", map(_bracketed, operands))), dialect)


def _bracketed(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) or _enclosed(text) else f"({text})"


def plain(text: str) -> str:
    """A formula without brackets around the whole."""
    return text[1:-1] if _enclosed(text) else text


def _enclosed(text: str) -> bool:
    """Whether one pair of brackets holds all of a text."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if not depth:
            return c == ")" and k == len(text) - 1
    return False


def substituted(text: str, operands: dict[str, str], dialect: Dialect) -> str:
    """A text of the operation table in a dialect."""
    out, at = "", 0
    while (found := _TOKENS.search(text, at)) is not None:
        out += text[at : found.start()]
        at = found.end()
        function, helper, operand = found.groups()
        if function:
            out += dialect.function(function)
        elif helper and helper.startswith("v_"):
            args, at = _arguments(text, at)
            code = NAMES.index(helper[2:])
            out += "(" + formula(code, [substituted(a, operands, dialect) for a in args], dialect) + ")"
        elif helper:
            out += dialect.helper(helper)
        elif operand:
            out += operands.get(operand, operand)
        else:
            out += dialect.cast() if found.group() == "(T)" else dialect.constant(found.group())
    return out + text[at:]


def _arguments(text: str, at: int) -> tuple[list[str], int]:
    """The arguments of a call whose opening bracket stands at `at`, and where it ends."""
    depth, start, args = 0, at + 1, []
    for k in range(at, len(text)):
        depth += (text[k] == "(") - (text[k] == ")")
        if (text[k] == "," and depth == 1) or depth == 0:
            args.append(text[start:k].strip())
            start = k + 1
        if depth == 0:
            return args, k + 1
    raise AssertionError(text)


def helper_source(name: str, single: bool, used: set[tuple[str, bool]]) -> str:
    """The C definition of a helper function."""
    result, params, body = helpers()[name]
    dialect = Dialect(single, used)
    t = "float" if single else "double"
    parts = [re.sub(r"\bT\b", t, substituted(text, {}, dialect)) for text in (result, params, body)]
    return f"static {parts[0]} {helper_name(name, single)}{parts[1]} {_lines(parts[2])}\n"


def _lines(body: str) -> str:
    """One statement a line."""
    statements = [s.strip() for s in re.sub(r"\s+", " ", body.strip()[1:-1]).split(";")]
    return "{\n" + "".join(f"    {s};\n" for s in statements if s) + "}"
