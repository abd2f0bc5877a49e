"""Programs to files and back: what the machine is made of as JSON and arrays, every part checked on the way in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._replay import Machine, Place, plan_arrays, plan_of
from .._version import __version__
from ..errors import DualadError, ProgramFileError
from .callables import ATTRIBUTES
from .container import VERSION, packed, read, unpacked, write
from .encode import GROUP, Region
from .ir import NATIVE
from .plainvalues import (
    DTYPES,
    RECORDS,
    TYPES,
    Arrays,
    decoded,
    decoded_structure,
    encoded,
    encoded_structure,
    integer,
    listed,
    require,
)
from .validate import LIMIT, Checker

__all__ = ["VERSION", "dumped", "loaded", "packed", "read", "unpacked", "write"]
_PLAN = {"groups": "group", "scalars": "scalar", "lists": "i4", "const_at": "i4", "const_value": "f8"}
_REGION = {"micros": "micro", "operands": "operand", "splats": "splat", "reductions": "reduction"}


# ---- saving ----


class _Writer:
    """Puts the parts of a machine into JSON and arrays."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self.parts, self.arrays = parts, Arrays()

    def content(self) -> dict[str, Any]:
        parts, add = self.parts, self.arrays.add
        plan = plan_arrays(parts["plan"], GROUP)
        return {
            "inputs": [self._input(x) for x in parts["inputs"]],
            "outputs": [self._output(x) for x in parts["outputs"]],
            "buffers": [
                [kind, size, add(what, "the program") if kind == "constant" else what] for kind, size, what in parts["buffers"]
            ],
            "arena": parts["arena"],
            "steps": [list(s) for s in parts["steps"]],
            "regions": [
                {
                    "single": r.single,
                    "shape": list(r.shape),
                    "axis": r.axis,
                    "n_inner": r.n_inner,
                    "n_regs": r.n_regs,
                    **{name: add(getattr(r, name), "the program") for name in _REGION},
                }
                for r in parts["regions"]
            ],
            "calls": [self._call(c) for c in parts["calls"]],
            "plan": {**{name: add(plan[name], "the program") for name in _PLAN}, "numbers": plan["numbers"]},
            "own": add(parts["own"], "the program"),
            "lists": add(parts["lists"], "the program"),
            "guards": {
                "places": [place_out(p) for p in parts["guard_places"]],
                "values": add(parts["guard_values"], "the program"),
                "lines": [line_out(line) for line in parts["guard_lines"]],
                "arrays": [[b, add(a, "a guard"), line_out(line)] for b, a, line in parts["guard_arrays"]],
            },
            "counts": parts["counts"],
        }

    def _input(self, x: Any) -> list[Any]:
        kind, where, what, shape = x
        return [kind, where, type_out(what) if shape is None else dtype_out(what, "an argument"), shape and list(shape)]

    def _output(self, x: Any) -> list[Any]:
        if x[0] == "scalar":
            return ["scalar", place_out(x[1]), type_out(x[2])]
        if x[0] == "array":
            return ["array", x[1], type_out(x[2]), dtype_out(x[3], "a result"), list(x[4])]
        return ["constant", encoded(x[1], self.arrays, "a result")]

    def _call(self, c: dict[str, Any]) -> dict[str, Any]:
        what = f"the step {c['name']}"
        if c["function"] is getattr and c["tree"][0][1] not in ATTRIBUTES:
            raise ProgramFileError(f"{what} reads the attribute {c['tree'][0][1]!r} of an array, which a program file must not")
        return {
            "name": c["name"],
            "function": encoded(c["function"], self.arrays, what),
            "tree": encoded(c["tree"], self.arrays, what),
            "several": c["several"],
            "operands": [place_out(x) if type(x) is Place else self._view(x, what) for x in c["operands"]],
            "outs": [None if x is None else self._view(x, what) for x in c["outs"]],
            "shapes": [[list(shape), None if dtype.hasobject else dtype_out(dtype, what)] for shape, dtype in c["shapes"]],
        }

    def _view(self, x: Any, what: str) -> list[Any]:
        buffer, dtype, shape, strides, offset, index = x
        return [
            buffer,
            dtype_out(dtype, what),
            list(shape),
            list(strides),
            offset,
            None if index is None else self.arrays.add(index, what),
        ]


def place_out(p: Any) -> list[Any]:
    return [None, 0, float(p.value).hex(), 0] if p.buffer is None else [p.buffer, p.offset, "0", p.type]


def line_out(line: Any) -> list[Any] | None:
    return None if line is None else [str(line[0]), int(line[1])]


def type_out(t: Any) -> str | None:
    return None if t is None else next(name for name, x in TYPES.items() if x is t)


def dtype_out(dtype: Any, what: str) -> str:
    code = np.dtype(dtype).str[1:]
    if code not in DTYPES:
        raise ProgramFileError(f"{what} is an array of dtype {dtype}, which a program file cannot hold")
    return code


def dumped(program: Any) -> bytes:
    """The bytes of a program."""
    writer = _Writer(program.machine.parts)
    structure, static = program.key
    content = writer.content() | {
        "dualad": __version__,
        "name": program.name,
        "structure": encoded_structure(program.structure, writer.arrays, "the result"),
        "key": [
            encoded_structure(structure, writer.arrays, "the argument"),
            [[k, encoded(x, writer.arrays, "an option of the call")] for k, _, x in static],
        ],
    }
    return packed(content, writer.arrays)


# ---- loading ----


class _Reader:
    """Makes the parts of a machine from a file's content, and checks them."""

    def __init__(self, content: dict[str, Any], arrays: Arrays) -> None:
        self.content, self.arrays = content, arrays

    def parts(self) -> dict[str, Any]:
        c, get = self.content, self.arrays.get
        plan: dict[str, Any] = {
            name: get(c["plan"][name], "the plan", RECORDS.get(t) or DTYPES[t], 1) for name, t in _PLAN.items()
        }
        plan["numbers"] = [
            integer(n, 0, 1 << 31, "sizes of the plan") for n in listed(c["plan"]["numbers"], "sizes of the plan", 5)
        ]
        parts = {
            "inputs": [self._input(x) for x in listed(c["inputs"], "the arguments")],
            "outputs": [self._output(x) for x in listed(c["outputs"], "the results")],
            "buffers": [self._buffer(x) for x in listed(c["buffers"], "the buffers")],
            "arena": integer(c["arena"], 0, LIMIT, "the size of the arena"),
            "steps": [self._step(x) for x in listed(c["steps"], "the steps")],
            "regions": [self._region(x) for x in listed(c["regions"], "the regions")],
            "calls": [self._call(x) for x in listed(c["calls"], "the calls")],
            "own": get(c["own"], "the copies", GROUP, 1),
            "lists": get(c["lists"], "the copies", DTYPES["i4"], 1),
            "counts": {str(k): integer(n, 0, LIMIT, "the counts") for k, n in dict(c["counts"]).items()},
            **self._guards(c["guards"]),
        }
        Checker(parts, plan).run()
        parts["plan"] = plan_of(plan)
        return parts

    def _input(self, x: Any) -> tuple[Any, ...]:
        kind, where, what, shape = listed(x, "an argument", 4)
        require(kind in ("array", "scalar"), "an argument")
        where = integer(where, 0, LIMIT, "an argument")
        if kind == "scalar":
            require(what in ("float", "numpy.float64", "numpy.float32"), "the type of an argument")
            return kind, where, TYPES[what], None
        return kind, where, self._dtype(what), self._shape(shape)

    @staticmethod
    def _dtype(code: Any) -> np.dtype[Any]:
        require(type(code) is str and code in DTYPES, "a dtype")
        return DTYPES[code]

    @staticmethod
    def _shape(shape: Any, most: int = 32) -> tuple[int, ...]:
        require(len(listed(shape, "a shape")) <= most, "a shape")
        return tuple(integer(n, 0, LIMIT, "a shape") for n in shape)

    @staticmethod
    def _type(name: Any) -> Any:
        require(name is None or (type(name) is str and name in TYPES), "the type of a number")
        return None if name is None else TYPES[name]

    def _output(self, x: Any) -> tuple[Any, ...]:
        if x[0] == "scalar":
            _, place, kind = listed(x, "a result", 3)
            require(kind is not None, "a result")
            return "scalar", self._place(place), self._type(kind)
        if x[0] == "array":
            _, buffer, kind, dtype, shape = listed(x, "a result", 5)
            shape = self._shape(shape)
            require(kind is None or shape == (), "a result")
            return "array", integer(buffer, 2, LIMIT, "a result"), self._type(kind), self._dtype(dtype), shape
        value = decoded(listed(x, "a result", 2)[1], self.arrays)
        require(isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)), "a constant result")
        return "constant", value, None if isinstance(value, np.ndarray) else type(value)

    def _buffer(self, x: Any) -> tuple[Any, ...]:
        kind, size, what = listed(x, "a buffer", 3)
        size = integer(size, 0, LIMIT, "the size of a buffer")
        if kind == "constant":
            array = self.arrays.get(what, "a constant")
            require(array.nbytes == size, "the size of a constant")
            return kind, size, array
        require(kind in ("arena", "input", "output", "none"), "a buffer")
        return kind, size, integer(what, 0, LIMIT, "a buffer")

    @staticmethod
    def _step(x: Any) -> tuple[Any, ...]:
        kind, first, count = listed(x, "a step", 3)
        return kind, integer(first, 0, LIMIT, "a step"), integer(count, 0, LIMIT, "a step")

    def _region(self, x: Any) -> Region:
        require(type(x["single"]) is bool, "a region")
        r = Region(self._shape(x["shape"], 8), x["single"])
        r.axis, r.n_inner = integer(x["axis"], 0, 3, "a region"), integer(x["n_inner"], 0, 9, "a region")
        r.n_regs = integer(x["n_regs"], 0, 1 << 16, "a region")
        for name, t in _REGION.items():
            setattr(r, name, self.arrays.get(x[name], "a region", RECORDS[t], 1))
        return r

    def _call(self, x: Any) -> dict[str, Any]:
        operands = [
            self._place(o) if len(listed(o, "an operand")) == 4 else self._view(o) for o in listed(x["operands"], "operands")
        ]
        function = decoded(x["function"], self.arrays)
        tree = decoded(x["tree"], self.arrays, len(operands))
        require(
            callable(function) and type(tree) is tuple and len(tree) == 2 and type(tree[0]) is tuple and type(tree[1]) is dict,
            "a call",
        )
        require(all(type(k) is str for k in tree[1]) and type(x["several"]) is bool and type(x["name"]) is str, "a call")
        shapes = [
            (self._shape(s[0]), np.dtype(object) if s[1] is None else self._dtype(s[1]))
            for s in listed(x["shapes"], "results of a call")
        ]
        outs = [None if o is None else self._view(o) for o in listed(x["outs"], "results of a call", len(shapes))]
        require(all(not dtype.hasobject or o is None for o, (_, dtype) in zip(outs, shapes, strict=True)), "results of a call")
        return {
            "function": function,
            "name": x["name"],
            "tree": tree,
            "operands": operands,
            "outs": outs,
            "shapes": shapes,
            "several": x["several"],
        }

    def _view(self, x: Any) -> tuple[Any, ...]:
        buffer, dtype, shape, strides, offset, index = listed(x, "an operand", 6)
        strides = tuple(integer(s, -LIMIT, LIMIT, "strides") for s in listed(strides, "strides", len(listed(shape, "a shape"))))
        if index is not None:
            index = self.arrays.get(index, "an index list", DTYPES["i8"])
        return (
            integer(buffer, 2, LIMIT, "an operand"),
            self._dtype(dtype),
            self._shape(shape),
            strides,
            integer(offset, 0, LIMIT, "an operand"),
            index,
        )

    @staticmethod
    def _place(x: Any) -> Place:
        buffer, offset, value, kind = listed(x, "a place", 4)
        if buffer is not None:
            buffer = integer(buffer, 0, LIMIT, "a place")
        return Place(buffer, integer(offset, 0, LIMIT, "a place"), float.fromhex(value), integer(kind, 0, len(NATIVE), "a place"))

    def _guards(self, x: Any) -> dict[str, Any]:
        places = [self._place(p) for p in listed(x["places"], "guards")]
        values = self.arrays.get(x["values"], "guards", DTYPES["f8"], 1)
        lines = [self._line(line) for line in listed(x["lines"], "guards", len(places))]
        require(len(values) == len(places), "guards")
        arrays = [
            (integer(b, 2, LIMIT, "a guard"), self.arrays.get(a, "a guard"), self._line(line))
            for b, a, line in listed(x["arrays"], "guards")
        ]
        return {"guard_places": places, "guard_values": values, "guard_lines": lines, "guard_arrays": arrays}

    @staticmethod
    def _line(x: Any) -> Any:
        require(x is None or (type(x) is list and len(x) == 2 and type(x[0]) is str and type(x[1]) is int), "a line of a guard")
        return None if x is None else tuple(x)


def loaded(data: bytes) -> tuple[Machine, Any, Any, str]:
    """Machine, structure of the result, key of the arguments and name of a program's bytes."""
    try:
        return _loaded(data)
    except DualadError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise ProgramFileError(f"the program file is damaged: {type(error).__name__}: {error}") from None


def _loaded(data: bytes) -> tuple[Machine, Any, Any, str]:
    content, arrays = unpacked(data)
    parts = _Reader(content, arrays).parts()
    structure, count = decoded_structure(content["structure"], arrays)
    require(count == len(parts["outputs"]), "the structure of the result")
    given, static = listed(content["key"], "the arguments", 2)
    given, count = decoded_structure(given, arrays)
    pairs = [(integer(k, 0, count, "an option"), decoded(x, arrays)) for k, x in static]
    require(len({k for k, _ in pairs}) == len(pairs) == count - len(parts["inputs"]), "the arguments")
    key = given, tuple((k, type(x), x) for k, x in pairs)
    hash(key)
    require(type(content["name"]) is str, "the name")
    return Machine(parts), structure, key, content["name"]
