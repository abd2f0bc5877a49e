"""What compiled functions take and give: any memory layout and dtype in, fresh arrays of the function's own types out."""

import numpy as np
import pytest
from program_checks import assert_same, check

import dualad as da
from dualad import errors

RNG = np.random.default_rng(5)
SMALL, LARGE = RNG.normal(size=(3, 4)), RNG.normal(size=(40, 60))


def energy(x):
    return np.sum(np.sin(x) * x) + x[0, 0]


def misaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    out = raw[1:].view(a.dtype).reshape(a.shape)
    out[...] = a
    assert not out.flags.aligned
    return out


def locked(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "fortran": np.asfortranarray,
    "negative strides": lambda a: a[::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "misaligned": misaligned,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "read-only": locked,
    "transposed": lambda a: a.T.copy().T,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("a", [SMALL, LARGE], ids=["small", "large"])
def test_any_layout(layout, a):
    """A program recorded from plain memory takes any other, and the other way round."""
    other = LAYOUTS[layout](a)
    f = da.value_and_grad(energy)
    for first, second in ((a, other), (other, a)):
        compiled = da.compile(f)
        for x in (first, second, first):
            before = x.copy()
            assert_same(compiled(x), f(np.ascontiguousarray(x, float)))
            np.testing.assert_array_equal(x, before)
        assert compiled.stats()["recordings"] == 1
        assert compiled.stats()["eager"] == 0


EMPTY = [np.zeros(0), np.zeros((0, 3)), np.zeros((3, 0))]


@pytest.mark.parametrize("x", EMPTY, ids=lambda x: str(x.shape))
@pytest.mark.parametrize("f", [np.sum, np.sin, lambda x: x * 2 + 1, np.prod, lambda x: x.T, lambda x: np.concatenate([x, x])])
def test_empty_arrays(f, x):
    check(da.compile(f), f, (x,), (x,))
    g = da.grad(lambda x: np.sum(f(x)))
    check(da.compile(g), g, (x,), (x,))


@pytest.mark.parametrize("x", [np.array(1.5), np.array(2.5, np.float32), np.array(1 + 2j)], ids=lambda x: str(x.dtype))
@pytest.mark.parametrize("f", [lambda x: x * 2, lambda x: x[()] + 1, lambda x: x.copy(), np.sin, lambda x: x.reshape(1)])
def test_zero_dimensional_arrays(f, x):
    check(da.compile(f), f, (x,), (np.array(x * 2),), (np.array(x * 3),))


TYPES = [
    1.5, np.float64(1.5), np.float32(1.5), np.float16(1.5), np.longdouble(1.5), 1 + 2j, np.complex128(1 + 2j), np.complex64(1 + 2j),
]  # fmt: skip
OPERATIONS = {
    "product": lambda x: x * x, "constant": lambda x: 2.0 * x + 1, "ufunc": lambda x: np.sin(x), "integer": lambda x: x * 2,
    "single": lambda x: np.float32(2) * x, "identity": lambda x: x, "power": lambda x: x**2, "negative": lambda x: -x,
    "array": lambda x: np.array([x, x]), "absolute": abs, "comparison": lambda x: x == x, "pair": lambda x: (x + 1, x),
    "double": lambda x: np.float64(2) * x, "sum": lambda x: np.sum(x), "stack": lambda x: np.stack([x, 2 * x]),
}


@pytest.mark.parametrize("x", TYPES, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("name", OPERATIONS)
def test_numbers_keep_their_types(name, x):
    f = OPERATIONS[name]
    if type(x) is complex and name in ("absolute", "comparison"):
        x = np.complex128(x)  # a traced Python complex counts as one of NumPy's
    check(da.compile(f), f, (x,), (x,), (x * 2,))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", "F", "D", "G", "i1", "i4", "i8", "u2", "u8", "?"])
@pytest.mark.parametrize("shape", [(5,), (50,)], ids=str)
def test_arrays_keep_their_dtypes(dtype, shape):
    x = (np.arange(np.prod(shape)).reshape(shape) % 7).astype(dtype)

    def f(x):
        return x + x, x * 2, np.sin(x), x[1:3], np.sum(x), x > 2, np.where(x > 2, x, 0), x.T, x[x > 1], np.float32(2) * x, x / 3

    with np.errstate(all="ignore"):
        check(da.compile(f), f, (x,), (x,), (x[::-1].copy(),))


def test_integers_and_masks_beside_real_arrays():
    def f(x, index, mask, n):
        return np.sum(x[index] * n) + np.sum(x[mask]), np.where(mask, x, 0.0), x * n[0]

    points = [
        (RNG.normal(size=6), np.array([0, 3, 3]), np.array([1, 0, 1, 1, 0, 0], bool), np.array([1, 2, 3])),
        (RNG.normal(size=6), np.array([5, 1, 2]), np.array([0, 0, 1, 1, 1, 0], bool), np.array([4, 0, -3])),
    ]
    check(da.compile(f), f, *points, points[0])
    g = da.grad(lambda *a: f(*a)[0])
    compiled = da.compile(g)
    check(compiled, g, *points, points[0])


@pytest.mark.parametrize("x", [np.array([1.0, None]), np.array(["a"]), np.array(["2020-01-01"], "M8[D]")])
def test_arrays_of_other_things_are_errors(x):
    with pytest.raises(errors.DtypeError):
        da.compile(lambda x: x)(x)


# ---- memory ----


def test_results_share_no_memory():
    def f(x, y):
        return x, x, y[1:], x + 1, x + 1, CONSTANT, CONSTANT, y.T, x[0]

    compiled = da.compile(f)
    x, y = LARGE[0].copy(), LARGE.copy()
    seen = [x, y, CONSTANT]
    for _ in range(3):
        for r in compiled(x, y):
            if isinstance(r, np.ndarray):
                assert not any(np.shares_memory(r, s) for s in seen)
                seen.append(r)


CONSTANT = np.arange(50.0)


def test_results_stay_as_they_are():
    compiled = da.compile(lambda x: (np.sin(x), np.sum(x), x, x[1:]))
    first = compiled(SMALL)
    kept = [np.array(r) for r in first]
    compiled(SMALL * 2)
    for r in first[:1] + first[2:]:
        r[...] = 0.0
    for a, b in zip(compiled(SMALL), kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n", [8, 5000])
def test_overlapping_and_repeated_arguments(n):
    x = RNG.normal(size=n + 3)
    f = da.value_and_grad(lambda a, b: np.sum(a * np.exp(b)), argnums=(0, 1))
    check(da.compile(f), f, (x[:-3], x[3:]), (x[:-3], x[:-3]), (x[3:], x[:-3][::-1]))


def test_a_constant_that_the_caller_changes():
    """A result that is a constant comes as a copy each time."""
    compiled = da.compile(lambda x: CONSTANT)
    compiled(1.0)[:] = 7.0
    np.testing.assert_array_equal(compiled(1.0), np.arange(50.0))
    np.testing.assert_array_equal(CONSTANT, np.arange(50.0))


def test_arguments_that_the_function_writes_to():
    """Stores into arguments happen in the caller's array in plain NumPy, never in a compiled function."""

    def f(x):
        x = np.array(x)
        x[1] = x[0] * 2
        x *= 2
        return x

    check(da.compile(f), f, (LARGE,), (2 * LARGE,), (SMALL,), (2 * SMALL,))


def test_keyword_arguments_and_defaults():
    def f(x, *, shift=1.0, **more):
        return x + shift + sum(more.values())

    compiled = da.compile(f)
    for kwargs in ({}, {"shift": 2.0}, {"shift": np.ones(3)}, {"a": 1.0, "b": 2.0}, {"b": 1.0, "a": 2.0}):
        for scale in (1.0, 2.0):
            moved = {k: v * scale for k, v in kwargs.items()}
            assert_same(compiled(np.arange(3.0) * scale, **moved), f(np.arange(3.0) * scale, **moved))


def test_missing_arguments_are_the_functions_own_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        da.compile(lambda x, y: x)(1.0)
