"""Machine code: the same bits as kernels, everywhere; where there is none, or none is wanted, kernels do the work."""

import os
import subprocess
import sys

import numpy as np
import pytest

import dualad as da
from dualad._programs import ALL_PASSES
from dualad._replay import uses_machine_code

RNG = np.random.default_rng(11)
KERNELS = ALL_PASSES - {"machine"}
needs_machine_code = pytest.mark.skipif(not uses_machine_code(), reason="no machine code on this system")


def mixed(x, y):
    """Arithmetic with functions, comparisons and selections between."""
    a = np.where(x > y, x * y - 3, np.exp(-x * x) / (1 + y * y))
    b = np.maximum(a, 0.1) * np.sqrt(np.abs(y)) - np.floor(x) + np.minimum(x, y) ** 2
    return np.sum(a * np.sin(b) + b / (2 + a * a)), a - b, np.abs(b)


def long_sum(x, y):
    """More values alive at once than there are registers."""
    terms = [x * (k + 1) - y / (k + 2) for k in range(40)]
    total = x
    for t in terms[::-1]:
        total = total * 0.5 + t * t
    return np.sum(total), total


def same(got, want):
    for a, b in zip(da.tree.flatten(got)[0], da.tree.flatten(want)[0], strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0,), (33,), (1000,), (4096,), (150_000,), (7, 300), (3, 5, 40)], ids=str)
@pytest.mark.parametrize("f", [mixed, long_sum, lambda x, y: da.grad(lambda x, y: mixed(x, y)[0], argnums=(0, 1))(x, y)],
                         ids=["mixed", "long", "gradient"])
def test_bits_are_those_of_kernels(f, shape, dtype):
    x, y = (RNG.uniform(-2, 2, shape).astype(dtype) for _ in range(2))
    same(da.compile(f)(x, y), da.compile(f, passes=KERNELS)(x, y))
    x, y = x[..., ::2], np.broadcast_to(y[..., :1], shape)[..., ::2]
    same(da.compile(f)(x, y), da.compile(f, passes=KERNELS)(x, y))


def test_batches():
    def f(p):
        return da.jacobian(lambda p: np.array([p[0] * p[1] / p[2], np.sin(p[0]) - p[2] ** 3, np.hypot(p[1], p[2])]))(p)

    points = RNG.uniform(0.5, 2, (3001, 3))
    with_code, without = da.vectorize(da.compile(f)), da.vectorize(da.compile(f, passes=KERNELS))
    want = without(points)
    same(with_code(points), want)
    for first, last in ((0, 1), (5, 6), (17, 80), (100, 1500)):
        same(with_code(points[first:last]), want[first:last])
    assert without.stats()["versions"][0]["joined"] == 0
    assert (with_code.stats()["versions"][0]["joined"] > 10) == uses_machine_code()


@needs_machine_code
def test_arithmetic_is_joined():
    x = np.ones(5000)
    counts = []
    for passes in (ALL_PASSES, KERNELS):
        compiled = da.compile(da.value_and_grad(lambda x: np.sum(x * x * x - x / (1 + x * x))), passes=passes)
        compiled(x)
        counts.append(compiled.stats()["versions"][0]["joined"])
    assert counts[0] > 5
    assert counts[1] == 0


PROGRAM = """
import ctypes, sys
import numpy as np, dualad as da
from dualad._replay import uses_machine_code
if sys.argv[1] == "deny" and ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE: nothing that was written becomes executable
    sys.exit("cannot deny")
compiled = da.compile(lambda x: x * x + 3 * x - 1 / x)
x = np.linspace(1, 2, 1000)
assert np.array_equal(compiled(x), x * x + 3 * x - 1 / x)
print(uses_machine_code(), compiled.stats()["versions"][0]["joined"])
"""


def run(argument, **variables):
    return subprocess.run([sys.executable, "-c", PROGRAM, argument], env={**os.environ, **variables}, capture_output=True, text=True)


def test_switched_off():
    assert run("", DUALAD_MACHINE_CODE="0").stdout.split() == ["False", "0"]


def test_the_switch_is_checked():
    assert "DUALAD_MACHINE_CODE='no': it must be 0 (never) or 1" in run("", DUALAD_MACHINE_CODE="no").stderr


@pytest.mark.skipif(sys.platform != "linux", reason="a system call of Linux")
def test_a_system_that_denies_executable_memory():
    done = run("deny", DUALAD_MACHINE_CODE="1")
    if "cannot deny" in done.stderr:
        pytest.skip("the system cannot deny executable memory")
    assert done.stdout.split() == ["False", "0"], done.stderr
