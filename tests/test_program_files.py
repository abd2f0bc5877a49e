"""Programs printed, saved, loaded and pickled; damaged and hostile files."""

import hashlib
import pickle
import re
import struct
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from program_cases import ALL, assert_same, record

import dualad as da
from dualad._programs import files
from dualad._replay import CODES, SCALAR_FORMS
from dualad.errors import ProgramFileError

Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize("name", ALL)
def test_a_saved_program_runs_alike(name, tmp_path):
    prog, arguments = record(name)
    prog.save(tmp_path / "f.dad")
    again = da.load_program(tmp_path / "f.dad")
    assert_same(again(*arguments), prog(*arguments))
    assert files.dumped(again) == files.dumped(prog)
    assert str(again) == str(prog)
    assert again.stats() == prog.stats()


@pytest.mark.parametrize("name", ["loop", "packs", "region", "solve"])
def test_pickle(name):
    prog, arguments = record(name)
    assert_same(pickle.loads(pickle.dumps(prog))(*arguments), prog(*arguments))


def test_a_program_loads_in_another_process(tmp_path):
    prog, (x,) = record("loop")
    prog.save(tmp_path / "f.dad")
    code = f"import dualad as da, numpy as np; print(repr(da.load_program({str(tmp_path / 'f.dad')!r})(np.linspace(0, 1, 100)).tolist()))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(out) == prog(x).tolist()


def test_guards_keep_their_lines(tmp_path):
    prog, _ = record("branch")
    prog.save(tmp_path / "f.dad")
    with pytest.raises(da.errors.GuardError, match="program_cases"):
        da.load_program(tmp_path / "f.dad")(-1.0)


def test_options_are_part_of_a_file():
    prog = da.record(lambda x, n=2, mode="a": x**n, np.arange(3.0), n=3, mode="b")
    again = pickle.loads(pickle.dumps(prog))
    assert_same(again(np.arange(3.0), n=3, mode="b"), np.arange(3.0) ** 3)
    with pytest.raises(da.errors.GuardError, match="other options"):
        again(np.arange(3.0), n=2, mode="b")


# ---- what a file cannot hold ----


def test_classes_are_refused(tmp_path):
    prog = da.record(lambda x: Pair(x, 2 * x), 1.0)
    with pytest.raises(ProgramFileError, match="Pair"):
        prog.save(tmp_path / "f.dad")


def test_foreign_functions_are_refused(tmp_path):
    @da.primitive
    def twice(x):
        return 2 * x

    twice.defvjp(lambda g, ans, x: 2 * g)
    prog = da.record(lambda x: twice(x), np.ones(50))
    with pytest.raises(ProgramFileError, match="cannot name"):
        prog.save(tmp_path / "f.dad")
    assert not list(tmp_path.iterdir())


# ---- damaged files ----


def sealed(data):
    """Bytes of a file with a checksum that fits."""
    rest = data[48:]
    return data[:16] + hashlib.sha256(rest).digest() + rest


def test_the_container_is_checked(tmp_path):
    data = files.dumped(record("loop")[0])
    assert sealed(data) == data
    for bad, message in [(b"", "not a program file"), (b"\x80\x04K\x01." * 20, "not a program file"), (data[:-1], "checksum"), (data[:30], "cut short"),
                         (data[:60] + b"x" + data[61:], "checksum"), (sealed(data[:100]), "damaged")]:
        with pytest.raises(ProgramFileError, match=message):
            files.loaded(bad)
    newer = data[:8] + struct.pack("<I", files.VERSION + 1) + data[12:]
    with pytest.raises(ProgramFileError, match="newer dualad"):
        files.loaded(newer)
    with pytest.raises(ProgramFileError, match="cannot read"):
        da.load_program(tmp_path / "missing.dad")
    with pytest.raises(ProgramFileError, match="cannot read"):
        da.load_program(tmp_path)


def edited(name, change):
    """The bytes of a program's file after ``change(content, arrays)``."""
    content, arrays = files.unpacked(files.dumped(record(name)[0]))
    change(content, arrays)
    return files.packed(content, arrays)


def set_at(path, value):
    def change(content, arrays):
        at = content
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


def scalar_code(change):
    return lambda content, arrays: change(arrays.all[content["plan"]["scalars"]])


HOSTILE = {
    "huge arena": ("region", set_at(["arena"], 1 << 45)),
    "negative size": ("region", set_at(["buffers", 0, 1], -8)),
    "input too small": ("region", set_at(["inputs", 0, 3], [10])),
    "other dtype": ("region", set_at(["inputs", 0, 2], "f4")),
    "object dtype": ("region", set_at(["inputs", 0, 2], "O8")),
    "region number": ("region", set_at(["steps", 0, 1], 7)),
    "step kind": ("region", set_at(["steps", 0, 0], "python")),
    "shape": ("region", set_at(["regions", 0, "shape"], [100000])),
    "many dimensions": ("region", set_at(["regions", 0, "shape"], [1] * 9)),
    "registers": ("region", set_at(["regions", 0, "n_regs"], 1)),
    "bank": ("loop", set_at(["plan", "numbers", 0], 5)),
    "result buffer": ("loop", set_at(["outputs", 0, 1], 2)),
    "arena to constant": ("stores", set_at(["outputs", 0, 1], 99)),
    "function": ("solve", set_at(["calls", 0, "function"], {"function": ["numpy", "numpy.load"]})),
    "module": ("solve", set_at(["calls", 0, "function"], {"function": ["os", "system"]})),
    "attribute": ("complex", set_at(["calls", 0, "tree"], {"tuple": [{"tuple": [{"slot": 7}]}, {"dict": []}]})),
    "operand": ("solve", set_at(["calls", 0, "operands", 0, 4], 1 << 20)),
    "strides": ("solve", set_at(["calls", 0, "operands", 0, 3], [1 << 40, 8])),
    "deep": ("solve", set_at(["structure"], eval("[" * 90 + "]" * 90))),
    "leaves": ("solve", set_at(["structure"], ["tuple", None, 2])),
    "pack": ("packs", scalar_code(lambda code: code["dst"].__setitem__(code["code"] >= SCALAR_FORMS["pack"], 1 << 20))),
    "cut pack": ("packs", scalar_code(lambda code: code["code"].__setitem__(-1, SCALAR_FORMS["gathered"]))),
    "guards": ("branch", set_at(["guards", "places", 0, 1], 1000)),
    "name": ("branch", set_at(["name"], 3)),
    "missing": ("branch", lambda content, arrays: content.pop("plan")),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files(case):
    name, change = HOSTILE[case]
    with pytest.raises(ProgramFileError):
        files.loaded(edited(name, change))


def test_a_write_into_an_argument_is_refused():
    def change(content, arrays):
        region = content["regions"][0]
        operands, micros = arrays.all[region["operands"]], arrays.all[region["micros"]]
        operands["buffer"][micros["operand"][micros["code"] == CODES["store"]]] = 2

    with pytest.raises(ProgramFileError, match="writes into an argument"):
        files.loaded(edited("where", change))


# ---- mutations ----

FUZZ = """
import sys, numpy as np, hashlib
sys.path.insert(0, {here!r})
import dualad as da
from dualad._programs import files
from dualad.program import Program
from program_cases import record
from test_program_files import sealed, work
rng = np.random.default_rng({seed})
prog, arguments = record({name!r})
data = files.dumped(prog)
ran = 0
for trial in range({trials}):
    d = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        at, what = int(rng.integers(16 if trial % 4 else 0, len(d))), rng.integers(4)
        if what == 0: d[at] ^= 1 << rng.integers(8)
        elif what == 1: d[at] = int(rng.choice([0, 1, 2, 48, 49, 57, 127, 128, 255]))
        elif what == 2: del d[at:at + int(rng.integers(1, 9))]
        else: d[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 9)), dtype=np.uint8))
    try:
        machine, structure, key, name = files.loaded(sealed(bytes(d)) if trial % 8 else bytes(d))
    except da.errors.ProgramFileError:
        continue
    if work(machine.parts) > 1e7: continue
    again = Program(machine, structure, key, name)
    str(again)
    for _ in range(2):  # the second run is one of machine code
        try: again(*arguments)
        except Exception: pass
    ran += 1
print(ran)
"""


def work(parts):
    """Bytes and elements that a run of a program touches: a mutation may ask for more than a test has time for."""
    elements = sum(np.prod(r.shape, dtype=float) for r in parts["regions"])
    return elements + parts["arena"] + 8 * parts["plan"].bank + sum(size for _, size, _ in parts["buffers"])


@pytest.mark.parametrize("name", ["loop", "packs", "region", "solve", "argmax", "tree", "strided", "branch", "repeated index"])
def test_mutations_never_crash(name):
    """In a process of its own, which a write outside memory would end."""
    code = FUZZ.format(here=str(Path(__file__).parent), seed=11, name=name, trials=500)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 0


# ---- listings ----


def test_a_listing_shows_formulas_and_guards():
    text = str(record("branch")[0])
    assert "program_cases.py" in text
    assert "arguments\n    x0: float" in text
    text = str(record("region")[0])
    assert "= sin(x0)" in text
    assert "sum(" in text
    assert "region over (1000,) in float64" in text
    assert "solve(x0 float64 (5, 5), x1 float64 (5,))" in str(record("solve")[0])


def test_a_listing_shows_packs():
    text = str(record("packs")[0])
    assert re.search(r"w\[(\d+):\d+\] = sin\(w\[\d+:\d+\]\)", text)
    assert re.search(r"w\[\d+:\d+\] = .*\[2, 3, 4, 5\]", text)
    assert re.search(r"w\[\d+:\d+\] = .*w\[\d+, \d+, \d+, \d+\]", text)


def test_long_listings_are_shortened():
    prog = da.record(lambda x: [np.sin(x[i]) * x[i - 1] ** i for i in range(400)], LONG_POINT, passes=())
    text = str(prog)
    assert "... " in text
    assert text.count("\n") < 1000


LONG_POINT = np.linspace(0.1, 1, 400)
