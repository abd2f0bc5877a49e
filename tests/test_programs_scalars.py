"""Scalar code and small groups as machine code, from the second run on: the bits of the interpreter, in any form, from many threads."""

import threading

import numpy as np
import pytest

import dualad as da
from dualad._programs.build import ALL_PASSES
from dualad._replay import uses_machine_code

KERNELS = ALL_PASSES - {"machine"}


def lorenz(y, steps=6, h=0.01):
    """Lorenz's model, written with scalars: neighbours on a ring."""
    n = len(y)
    y = [y[i] for i in range(n)]
    for _ in range(steps):
        k = [(y[(i + 1) % n] - y[i - 2]) * y[i - 1] - y[i] + 8.0 for i in range(n)]
        y = [y[i] + h * k[i] for i in range(n)]
    return sum(v * v for v in y)


def minors(a):
    if len(a) == 1:
        return a[0][0]
    return sum((-1) ** k * a[0][k] * minors([[*row[:k], *row[k + 1 :]] for row in a[1:]]) for k in range(len(a)))


def mixed(x):
    """Branches, functions and roots between arithmetic."""
    s = x[0]
    for k in range(1, len(x)):
        s = np.where(x[k] > s, np.sin(s) * x[k], np.sqrt(s * s + 1) / (x[k] - 0.1)) + np.maximum(s, x[k]) * np.floor(x[k])
    return s


def matrix(n):
    return np.random.default_rng(n).normal(size=(n, n))


CASES = {
    **{f"ring of {n}": (da.grad(lorenz), lambda n=n: np.random.default_rng(n).normal(size=n)) for n in (4, 5, 8, 11, 20, 70)},
    **{f"determinant of {n}": (da.grad(minors), lambda n=n: matrix(n)) for n in (3, 4, 5)},
    "mixed": (da.value_and_grad(mixed), lambda: np.linspace(-1, 2, 13)),
    "single": (da.grad(lambda x: mixed(x) * np.float32(3)), lambda: np.linspace(-1, 2, 13).astype(np.float32)),
}


def same_bits(a, b):
    for x, y in zip(da.tree.flatten(a)[0], da.tree.flatten(b)[0], strict=True):
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


def joined(f):
    return f.stats()["versions"][0]["joined"]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_same_bits(name, exact):
    f, make = CASES[name]
    machine, kernels = da.compile(f, exact=exact), da.compile(f, exact=exact, passes=KERNELS)
    x = make()
    for _ in range(4):
        same_bits(machine(x), kernels(x))
        x = x + x.dtype.type(0.01)
    assert joined(kernels) == 0
    if name.startswith(("ring", "determinant")) and uses_machine_code():
        assert joined(machine) > 20


def test_the_first_run_writes_no_code():
    f = da.compile(da.grad(lorenz))
    f(np.ones(4))
    assert joined(f) == 0


def test_not_where_it_is_switched_off(monkeypatch):
    monkeypatch.setenv("DUALAD_MACHINE_CODE", "0")
    f = da.compile(da.grad(lorenz))
    for _ in range(3):
        f(np.ones(4))
    assert joined(f) == 0


def test_guards_are_seen():
    """A guard may stand in a place that nobody reads but the check."""
    f = da.compile(lambda x: x[0] * 2 + x[1] if sum(v * v for v in x) > 1 else -x[0])
    for x in (np.full(9, 1.0), np.full(9, 2.0), np.full(9, 0.01), np.full(9, 3.0)):
        assert f(x) == (x[0] * 3 if x[0] > 0.5 else -x[0])
    assert f.stats()["recordings"] == 2


def test_second_run_in_many_threads():
    x = np.random.default_rng(1).normal(size=20)
    want = da.compile(da.grad(lorenz), passes=KERNELS)(x)
    for _ in range(10):
        f = da.compile(da.grad(lorenz))
        f(x)
        out, start = [None] * 8, threading.Barrier(8)

        def work(k, f=f, out=out, start=start):
            start.wait()
            out[k] = [f(x) for _ in range(20)]

        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert all(np.array_equal(y, want) for ys in out for y in ys)


def test_saved_programs_are_the_same_before_and_after(tmp_path):
    program = da.record(da.grad(lorenz), np.ones(5))
    before = str(program)
    program.save(tmp_path / "before")
    for _ in range(3):
        program(np.linspace(0, 1, 5))
    program.save(tmp_path / "after")
    assert str(program) == before
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()
