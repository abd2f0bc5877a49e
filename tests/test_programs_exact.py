"""Exact programs where a bit depends on how something is computed: the layout of arrays, the library, Python's operators."""

import math
import operator

import numpy as np
import pytest
from program_checks import assert_same, check, perturbed

import dualad as da

RNG = np.random.default_rng(11)
BIG, COLUMNS = RNG.normal(size=(60, 7)), RNG.normal(size=(60, 3))
SMALL = RNG.normal(size=(5, 4))


def same_bits(f, *args, moves=6):
    """A compiled function at several points, none of which needs another recording."""
    compiled = da.compile(f, exact=True)
    check(compiled, f, args, *[perturbed(args, 1e-2, k) for k in range(moves)], exact=True)
    assert compiled.stats()["reasons"] == []
    assert compiled.stats()["recordings"] == 1


def windows(x):
    return np.lib.stride_tricks.sliding_window_view(x, 3)


LAYOUTS = {
    "columns": lambda A: np.dot(A[:, 0], A[:, 1]),
    "column and row": lambda A: A[:, 1] @ A[:4, :].sum(axis=0)[:1].repeat(len(A)),
    "transposed": lambda A: A.T @ A[:, 0],
    "its own transpose": lambda A: A.T @ A,
    "a copy's transpose": lambda A: A.copy().T @ A,
    "transposed by a copy": lambda A: A.T.copy() @ A,
    "own transpose of a part": lambda A: A[1:, :2] @ A[1:, :2].T,
    "backwards": lambda A: np.dot(A[::-1, 0], A[:, 2]) + A[::-1].sum(),
    "every other": lambda A: A[::2].T @ A[::2, 1],
    "sum of a transposed result": lambda A: np.exp(A.T).sum(axis=0),
    "sum of everything, transposed": lambda A: (A.T * 1.1).sum() + np.var(np.sin(A.T)),
    "picked columns": lambda A: A[:, [2, 0, 1]].sum(axis=1) + A[:, [2, 0, 1]].T.mean(axis=0),
    "a sum kept": lambda A: np.asfortranarray(A).sum(axis=1, keepdims=True),
    "einsum": lambda A: np.einsum("ij,ik->jk", A, A) + np.einsum("ij,ij->", A.T, A.T),
    "a solution": lambda A: np.linalg.solve(A.T @ A + np.eye(A.shape[1]), A.T) @ A,
    "norms": lambda A: np.linalg.norm(A.T, axis=0) + np.linalg.norm(A.T),
    "windows": lambda A: np.dot(windows(A[:, 0])[:, 1], windows(A[:, 0])[:, 2]) + windows(A[0]) @ A[:3, 1],
    "complex": lambda A: (A.T * 1j + A.T)[:2] @ (A * 2j)[:, 1] + (A + 1j * A).real.T[:2] @ A[:, 0].astype(complex),
    "single precision": lambda A: A.astype(np.float32).T @ A.astype(np.float32)[:, 1],
    "comparison": lambda A: np.cumsum((A.T > 0) * A.T, axis=1)[:, -1],
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("A", [SMALL, BIG], ids=["small", "large"])
def test_layouts(name, A):
    same_bits(LAYOUTS[name], A)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_of_arguments(name):
    """An argument in another layout is another program, if NumPy can tell the two apart."""
    f = LAYOUTS[name]
    compiled = da.compile(f, exact=True)
    views = (BIG, np.asfortranarray(BIG), BIG.T[:, :30], RNG.normal(size=(60, 14))[:, ::2], BIG[::-1])
    for _ in range(2):
        for A in views:
            assert_same(compiled(A), f(A), exact=True)
    assert compiled.stats()["recordings"] == len(views)


def test_a_column_for_a_column():
    compiled = da.compile(np.dot, exact=True)
    for A in (BIG, COLUMNS, RNG.normal(size=(60, 2))):  # gaps of any size are the same layout
        assert_same(compiled(A[:, 0], A[:, 1]), np.dot(A[:, 0], A[:, 1]), exact=True)
    assert compiled.stats()["recordings"] == 1


def stored_in_views(A):
    Q = np.array(A)
    for j in range(Q.shape[1]):
        column = Q[:, j]
        column /= np.sqrt(np.dot(column, Q[:, 0]) ** 2 + 1)
        Q[1:, j] += np.dot(Q[1:, j], Q[:-1, j])
    return Q.T @ Q[:, 1], Q


@pytest.mark.parametrize("A", [SMALL, BIG], ids=["small", "large"])
def test_stores_into_views(A):
    same_bits(stored_in_views, A)
    same_bits(lambda A: stored_in_views(np.asfortranarray(A)), A)


@pytest.mark.parametrize("constant", [BIG.T[0], BIG.T, BIG[::-2].T, np.asfortranarray(BIG).T], ids=["column", "transposed", "gaps", "rows"])
def test_constants_keep_their_layout(constant):
    n = constant.shape[-1]
    same_bits(lambda x: np.dot(constant, x) + constant.sum() * x[0], RNG.normal(size=n))
    same_bits(lambda x: np.dot(constant, x[:, 0]), RNG.normal(size=(n, 2)))


MATH = {
    "tanh": (-2, 2), "sin": (-9, 9), "cos": (-9, 9), "tan": (-1.5, 1.5), "exp": (-9, 9), "expm1": (-2, 2), "log": (0.01, 9), "log2": (0.01, 9),
    "log10": (0.01, 9), "log1p": (-0.9, 9), "sinh": (-3, 3), "cosh": (-3, 3), "asin": (-1, 1), "acos": (-1, 1), "atan": (-9, 9),
    "asinh": (-9, 9), "acosh": (1, 9), "atanh": (-1, 1), "sqrt": (0, 9), "degrees": (-9, 9), "radians": (-9, 9),
}  # fmt: skip


@pytest.mark.parametrize("name", MATH)
def test_functions_of_math_and_of_numpy(name):
    """Both in one program: the C library's and NumPy's need not agree to the last bit."""
    ufunc = "arc" + name[1:] if name.startswith("a") else name
    f = eval(f"lambda x: (math.{name}(x), np.{ufunc}(x), math.pow(abs(x), 0.37), math.atan2(x, 0.7), abs(x) ** x, np.power(abs(x), x))")
    compiled = da.compile(f, exact=True)
    for x in RNG.uniform(*MATH[name], 200).tolist():
        assert_same(compiled(x), f(x), exact=True)
    assert compiled.stats()["recordings"] == 1


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_squares_of_numbers(kind):
    """x**2 is a power of the C library, which differs from x * x once in a thousand numbers; np.power and arrays multiply."""
    def f(x):
        return x**2, x * x, np.square(x), np.power(x, 2), (x * np.ones(3)) ** 2, x**1, x**3, x**-1

    compiled = da.compile(f, exact=True)
    for x in RNG.uniform(0.1, 9, 3000):
        assert_same(compiled(kind(x)), f(kind(x)), exact=True)
    assert compiled.stats()["recordings"] == 1


def test_the_library_is_recorded():
    """A program calls what the function called, whether or not the two differ on this machine."""
    def names(f, x):
        compiled = da.compile(f, exact=True)
        compiled(x)
        (version,) = compiled.direct
        return [c["function"].function for c in version.machine.parts["calls"]]

    assert names(lambda x: math.tanh(x) + np.tanh(x), 0.3) == [math.tanh, np.tanh]
    assert names(lambda x: x**0.3 + np.power(x, 0.3), 0.3) == [math.pow, np.power]
    assert names(lambda x: x**0.3, np.float32(0.3)) == [operator.pow]


def test_errors_of_math():
    compiled = da.compile(math.exp, exact=True)
    assert compiled(1.0) == math.exp(1.0)
    with pytest.raises(OverflowError):
        compiled(1000.0)
    compiled = da.compile(lambda x: x**-0.5, exact=True)
    assert compiled(2.0) == 2.0**-0.5
    with pytest.raises(ZeroDivisionError):
        compiled(0.0)


ERRORS = {
    "quotient": lambda x, A: np.exp(1 / x), "quotient before a call": lambda x, A: np.linalg.det(A) * np.exp(-1 / x),
    "remainder": lambda x, A: np.exp(A[0, 0] * (2.5 % x)), "whole quotient": lambda x, A: np.exp(2.5 // x), "power": lambda x, A: x**-1.5,
    "overflow": lambda x, A: (x + 1e200) ** 2,
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("exact", [False, True])
def test_errors_of_python_numbers(name, exact):
    """Where Python raises, so does the program, also if calls of NumPy follow."""
    f, A = ERRORS[name], np.eye(3)
    compiled = da.compile(f, exact=exact)
    x, error = (1.0, OverflowError) if name == "overflow" else (0.0, ZeroDivisionError)
    start = 1.5 if name != "overflow" else -1e200
    assert_same(compiled(start, A), f(start, A), exact)
    with pytest.raises(error):
        compiled(x, A)
    with np.errstate(all="ignore"):  # NumPy's numbers do not raise
        assert_same(da.compile(f, exact=exact)(np.float64(x), A), f(np.float64(x), A), exact)


OPERATORS = {
    "quotient": lambda z, x: 1j * x / z,
    "by a number": lambda z, x: z / x + (2 + 1j) / x,
    "products": lambda z, x: (z * z * x + z) * (1 - 2j),
    "powers": lambda z, x: z**2 + z**3 + z**1 + z**x + z**0.5,
    "from numbers": lambda z, x: complex(0.5, -1) * x - z + x,
    "size": lambda z, x: abs(z * x) + abs(z) ** 2,
}  # fmt: skip
KINDS = {
    "Python": (complex, float), "NumPy": (np.complex128, np.float64), "complex and float64": (complex, np.float64),
    "complex128 and float": (np.complex128, float), "single": (np.complex64, np.float32),
    "arrays": (lambda z: np.full(3, z), lambda x: np.full(3, x)), "array and float": (lambda z: np.full((2, 9), z), float),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("kinds", KINDS)
def test_operators_of_complex_numbers(name, kinds):
    f, (z, x) = OPERATORS[name], KINDS[kinds]
    compiled = da.compile(f, exact=True)
    for a, b, c in RNG.uniform(-2, 2, (60, 3)):
        assert_same(compiled(z(complex(a, b)), x(c)), f(z(complex(a, b)), x(c)), exact=True)
    assert compiled.stats()["recordings"] == 1
    assert compiled.stats()["reasons"] == []


@pytest.mark.parametrize("shape", [(3,), (50,), (4, 30)])
@pytest.mark.parametrize("dtype", [float, np.float32])
def test_operators_of_arrays(shape, dtype):
    """x ** 0.5 is a square root, x ** y and np.power are the same."""
    x = RNG.uniform(0.1, 3, shape).astype(dtype)
    same_bits(lambda x: (x**0.5, np.power(x, 0.5), x**3, x**-1, x**-0.5, x % 0.7, x // 0.7, x**x.T.copy().T), x)


def test_products_of_arrays_made_of_numbers():
    """np.array([...]) of traced numbers is an array of numbers, and its products are BLAS's."""
    def f(x):
        R = np.array([[np.cos(x[k] * j) for k in range(9)] for j in range(9)])
        return BIG[:9].T @ R @ np.array([v * 2 for v in x])

    same_bits(f, RNG.normal(size=9))


def test_half_precision_numbers():
    same_bits(lambda x, y: (x * y + x) / 3, np.float16(0.7), 0.3)
