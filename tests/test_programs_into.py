"""Results into given arrays (`Program.into`), also over the arguments."""

import numpy as np
import pytest

import dualad as da
from dualad import errors
from dualad._programs import ALL_PASSES

RNG = np.random.default_rng(3)


def adam(p, g, m, v, rate, t):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return p - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7), m, v


def product(a, b):
    return a @ b, np.sum(a)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 1000, 300_000])
def test_in_place_has_the_bits_of_a_call(n, dtype):
    p, g, m, v = (RNG.random(n).astype(dtype) for _ in range(4))
    prog = da.record(adam, p, g, m, v, dtype(0.01), dtype(3))
    want = prog(p, g, m, v, dtype(0.01), dtype(3))
    out = p.copy(), m.copy(), v.copy()
    got = prog.into(out, out[0], g, out[1], out[2], dtype(0.01), dtype(3))
    for x, y, z in zip(want, got, out, strict=True):
        assert y is z
        np.testing.assert_array_equal(x, z)


@pytest.mark.parametrize("f", [lambda p, m: (p + m, p * m), lambda p, m: (p + m[::-1], p * m), lambda p, m: (p + np.sum(m), p * m),
                               lambda p, m: (np.sort(p), p * m), lambda p, m: (p * m, np.roll(p, 3)),
                               lambda p, m: (np.tanh(p), m / np.cosh(p) ** 2), lambda p, m: (p * m[-1], m + 1)])
@pytest.mark.parametrize("passes", [None, ALL_PASSES - {"machine"}], ids=["machine code", "kernels"])
@pytest.mark.parametrize("n", [1000, 1024, 200_000])
def test_over_the_arguments(f, n, passes):
    """In place where every element is read before it is written, through copies otherwise; crosswise too."""
    p, m = RNG.random(n), RNG.random(n)
    prog = da.record(f, p, m, passes=passes)
    want = prog(p, m)
    for order in ((0, 1), (1, 0)):
        given = p.copy(), m.copy()
        got = prog.into(tuple(given[k] for k in order), *given)
        for x, y in zip(want, got, strict=True):
            np.testing.assert_array_equal(x, y)


def test_shifted_arguments_are_copied():
    buffer = RNG.random(1001)
    prog = da.record(lambda x: 2 * x, buffer[:-1])
    want = 2 * buffer[:-1]
    np.testing.assert_array_equal(prog.into(buffer[1:], buffer[:-1]), want)


def test_matrix_product_over_its_own_operand():
    a, b = RNG.random((30, 30)), RNG.random((30, 30))
    want, total = a @ b, np.sum(a)
    out, s = da.record(product, a, b).into((a, 0.0), a, b)
    assert out is a
    np.testing.assert_allclose(a, want, rtol=1e-14)
    np.testing.assert_allclose(s, total, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128, np.int64])
@pytest.mark.parametrize(("a", "b"), [((30, 40), (40, 50)), ((2, 30, 40), (2, 40, 50)), ((1, 30, 40), (2, 40, 50)), ((2, 30, 40), (40, 50)),
                                      ((400,), (400, 5)), ((30, 40), (40,)), ((0, 4), (4, 5)), ((3, 0), (0, 5)), ((2, 2, 30, 40), (40, 5))])
def test_products_are_those_of_numpy(a, b, dtype):
    """Matrix products run through NumPy's inner loop, with its own bits, also transposed and sliced."""
    x, y = (RNG.integers(-5, 5, s).astype(dtype) if dtype == np.int64 else RNG.normal(size=s).astype(dtype) for s in (a, b))
    np.testing.assert_array_equal(da.record(np.matmul, x, y)(x, y), x @ y, strict=True)
    if len(a) > 1 and len(b) > 1:
        big = np.repeat(np.repeat(x, 2, -1), 2, -2)
        prog = da.record(lambda big, y: big[..., ::2, ::2] @ np.swapaxes(y * y, -1, -2).swapaxes(-1, -2), big, y)
        np.testing.assert_array_equal(prog(big, y), x @ (y * y), strict=True)


def test_wrong_results():
    a = RNG.random((3, 3))
    prog = da.record(product, a, a)
    locked = a.copy()
    locked.flags.writeable = False
    for bad in (np.ones((3, 2)), np.ones((3, 3), np.float32), np.ones((3, 6))[:, ::2], locked):
        with pytest.raises(errors.ShapeError, match=r"contiguous float64 array of shape \(3, 3\), not"):
            prog.into((bad, 0.0), a, a)
    with pytest.raises(errors.TreeError, match="structure of the result of product"):
        prog.into((a,), a, a)
    with pytest.raises(errors.DtypeError, match="result 0 must be an array"):
        prog.into((1.0, 0.0), a, a)
    with pytest.raises(errors.DtypeError, match="result 1 must be None"):
        prog.into((a.copy(), a), a, a)
    with pytest.raises(errors.GuardError, match="other shapes or types"):
        prog.into((a.copy(), 0.0), a[:2], a)
