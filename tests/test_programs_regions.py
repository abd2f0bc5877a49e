"""What becomes of whole models: which operations their regions are made of, and that the results stay those of eager code."""

import numpy as np
import pytest
from program_checks import assert_same, check

import dualad as da
from dualad._programs.build import parts_of
from dualad._programs.capture import capture
from dualad._replay import CODES, OPS

CODE_NAMES = {v: k for k, v in {**OPS, **CODES}.items()}
RNG = np.random.default_rng(11)


def regions(f, *args):
    """The names of the micro-operations of each region of a program."""
    parts = parts_of(capture(f, lambda leaves: f(*leaves), list(args)))
    return [[CODE_NAMES[m["code"]] for m in r.micros] for r in parts["regions"]]


def operations(f, *args):
    """The same of all regions together."""
    return [name for region in regions(f, *args) for name in region]


def nearest(centres, points):
    return np.sum(np.min(np.sum((points[:, None, :] - centres) ** 2, axis=2), axis=1))


def curvature(centres, points):
    return da.jvp(lambda c: da.grad(nearest)(c, points), (centres,), (np.ones_like(centres),))


@pytest.mark.parametrize("d", [3, 16])
def test_nearest_centres(d):
    """Cotangents of a minimum, which are zero nearly everywhere: ties, infinities and NaNs among the points too."""
    centres, points = RNG.normal(size=(40, d)), RNG.normal(size=(700, d))
    points[5] = (centres[3] + centres[7]) / 2
    centres[9] = centres[8]
    other = points.copy()
    other[300:310] = centres[:10]
    wild = points.copy()
    wild[17], wild[18, 0] = np.inf, np.nan
    check(da.compile(curvature), curvature, (centres, points), (centres[::-1].copy(), other))
    with np.errstate(all="ignore"):
        assert_same(da.compile(curvature)(centres, wild), curvature(centres, wild))


def test_a_mask_is_chosen_by_where_it_multiplies():
    """The cotangents themselves, an array of the size of the distances, never go through memory."""
    found = regions(curvature, RNG.normal(size=(40, 16)), RNG.normal(size=(700, 16)))
    chosen = [r for r in found if "select" in r]
    assert len(chosen) == 1
    assert chosen[0].count("reduce") == 2
    assert "store" not in chosen[0]
    assert all(found), "a region without operations"


def test_ties_are_one_operation():
    found = regions(da.grad(np.max), RNG.normal(size=40_000))
    assert sum(r.count("same") for r in found) == 1
    assert not any({"eq", "ne", "and", "or", "copy"} & set(r) for r in found)


@pytest.mark.parametrize("n", [5, 31, 33, 40_000])
@pytest.mark.parametrize("extremum", [np.max, np.min])
def test_ties_and_nans(n, extremum):
    x = np.round(RNG.normal(size=n), 1)
    f = da.grad(extremum)
    g = da.compile(f)
    for bad in (None, np.nan, np.inf, -np.inf, 0.0, -0.0):
        y = x.copy()
        if bad is not None:
            y[[1, n // 2]] = bad
        assert_same(g(y), f(y))


CONTRACTIONS = [("kij,nkj->nki", (7, 8, 9), (60, 7, 9)), ("nki,nkj->kij", (60, 7, 8), (60, 7, 9)), ("nki,kij->nkj", (60, 7, 8), (7, 8, 9)),
                ("ij,jk->ik", (30, 20), (20, 10)), ("ij,kj->ik", (30, 20), (10, 20)), ("ji,jk->ki", (20, 30), (20, 10)),
                ("bij,bjk->ikb", (5, 30, 20), (5, 20, 10))]
OTHERS = [("ij,ij->i", (40, 30), (40, 30)), ("ij,j->i", (40, 30), (30,)), ("ii,ij->j", (30, 30), (30, 40)), ("nij,njk->nik", (300, 3, 3), (300, 3, 3)),
          ("i,j->ij", (40,), (50,)), ("ijk,jkl->il", (20, 6, 7), (6, 7, 20))]


@pytest.mark.parametrize(("text", "a", "b"), CONTRACTIONS + OTHERS, ids=lambda x: str(x))
def test_contractions(text, a, b):
    """Matrix products of views where that is what they are; exact programs call np.einsum itself."""
    f = da.value_and_grad(lambda x, y: np.sum(np.sin(np.einsum(text, x, y))), argnums=(0, 1))
    args = RNG.normal(size=a), RNG.normal(size=b)
    check(da.compile(f), f, args, (args[0] * 1.1, args[1] - 0.1))
    plain = [c["name"] for c in parts_of(capture(f, lambda leaves: f(*leaves), list(args)))["calls"]]
    assert plain.count("matmul") == (3 if (text, a, b) in CONTRACTIONS else 0), plain
    exact = [c["name"] for c in parts_of(capture(f, lambda leaves: f(*leaves), list(args)), exact=True)["calls"]]
    assert "matmul" not in exact


def test_contractions_of_other_types():
    def f(x, y):
        return np.einsum("ij,jk->ik", x, y)

    x, y = RNG.normal(size=(30, 20)), RNG.normal(size=(20, 10))
    for a, b in ((x.astype(np.float32), y.astype(np.float32)), (x.astype(np.float32), y), (x + 1j, y), (np.arange(600).reshape(30, 20), y)):
        check(da.compile(f), f, (a, b), (a * 2, b))


# ---- algebra on array steps ----

WILD = np.array([0.0, -0.0, 1.5, -2.0, 1e-320, 1e300, np.inf, -np.inf, np.nan] * 8)
SIGNS = [
    lambda x, y: x + (-y),
    lambda x, y: (-x) + y,
    lambda x, y: x - (-y),
    lambda x, y: np.negative(x) - (-y),
    lambda x, y: (-x) + (-x),
    lambda x, y: x + (-x) * y,
    lambda x, y: x * (-y) + y,
    lambda x, y: x - y * (-x),
    lambda x, y: (-x) * (-y),
    lambda x, y: (-x) / (-y),
    lambda x, y: (-x) * 3.0 + 2.0 / (-y),
    lambda x, y: -(x * 3.0) + y * -1.0,
    lambda x, y: np.negative(-x) * y,
    lambda x, y: (x + (-y[::-1])) - (-x)[::2].repeat(2),
]


@pytest.mark.parametrize("k", range(len(SIGNS)))
@pytest.mark.parametrize("dtype", [float, np.float32])
def test_signs_are_taken_in_with_the_same_bits(k, dtype):
    f = SIGNS[k]
    with np.errstate(all="ignore"):
        points = [(WILD.astype(dtype), np.roll(WILD, n).astype(dtype)) for n in range(9)]
        check(da.compile(f, exact=True), f, *points, exact=True)
        for point in points:
            got, want = da.compile(f)(*point), f(*point)
            assert np.array_equal(got, want, equal_nan=True)
            assert np.array_equal(np.signbit(got[got == got]), np.signbit(want[want == want]))
        found = operations(f, *points[0])
    assert found.count("neg") <= (1 if k in (4, 13) else 0), found


def test_signs_and_doubles_of_cotangents():
    """The derivative of -x * x adds -g * x twice: one product, taken away twice."""
    x = RNG.normal(size=3000)
    h = da.value_and_grad(lambda x: np.sum(np.sin(x) * np.exp(-x * x) + np.tanh(x) / (1 + x * x)))
    found = regions(h, x)
    assert len(found) == 1
    assert found[0].count("neg") == 1
    assert len(found[0]) == 22
    assert {"nmuladd", "smulsub", "smuladd"} <= set(found[0])
    check(da.compile(h), h, (x,), (x[::-1].copy(),))


@pytest.mark.parametrize("c", [3.0, np.inf])
def test_strong_products_with_a_constant_are_products(c):
    """Only a zero cotangent is strong; this one is not."""
    h = da.grad(lambda x: np.sum(c * np.tanh(x)))
    x = RNG.normal(size=3000)
    with np.errstate(all="ignore"):
        found = operations(h, x)
        assert not any("smul" in name for name in found), found
        assert_same(da.compile(h)(x), h(x))


def test_a_constant_that_is_zero_in_single_precision_is_strong():
    h = da.grad(lambda x: 1e-60 * np.sum(np.log(x)))
    x = np.zeros(3000, np.float32)
    with np.errstate(all="ignore"):
        assert_same(da.compile(h)(x), h(x))


def test_factors_are_one_factor():
    def f(x):
        return np.sin(3.0 * (x * 0.1)) * 2.0

    x = RNG.normal(size=3000)
    assert operations(f, x).count("mul") == 2
    check(da.compile(f), f, (x,), (-x,))
    check(da.compile(f, exact=True), f, (x,), (-x,))


def cross_entropy(w, x):
    z = x @ w
    return np.mean(np.maximum(z, 0) - z * x + np.log1p(np.exp(-np.abs(z))))


def test_what_one_later_region_reads_is_computed_there():
    """The gradient of z * x by z needs no forward pass: no region of its own scales x."""
    w, x = RNG.normal(size=(40, 40)), RNG.normal(size=(60, 40))
    found = regions(da.value_and_grad(cross_entropy), w, x)
    assert len(found) == 1, found
    h = da.value_and_grad(cross_entropy)
    check(da.compile(h), h, (w, x), (w[::-1].copy(), x[::-1].copy()))


def test_weak_constants_leave_single_precision():
    """The cotangent of the mean, a Python number, does not make arrays of double precision."""
    x, w = RNG.normal(size=(8, 8, 16)).astype("f"), RNG.normal(size=(16, 16)).astype("f")
    g = da.grad(lambda w: 0.01 * np.mean(np.sum(np.reshape(x @ w, (8, -1)) ** 2, axis=1)))
    parts = parts_of(capture(g, lambda leaves: g(*leaves), [w]))
    assert all(r.operands["type"].tolist() == [parts["regions"][0].operands["type"][0]] * len(r.operands) for r in parts["regions"])
    assert [c["name"] for c in parts["calls"]] == ["matmul", "matmul"]
    got, want = da.compile(g)(w), g(w)
    assert got.dtype == want.dtype == np.float32
    np.testing.assert_array_max_ulp(got, want, 4)


SIGNS_AND_FACTORS = [
    lambda x: (x + 2.0) + 2.0, lambda x: (x - 2.0) - 2.0, lambda x: (x + np.sum(x)) + np.sum(x), lambda x: (2.0 - x) - 2.0, lambda x: -(3.0 * x) + 1.0,
    lambda x: 1.0 - (-x), lambda x: (x - x[0]) - x[0], lambda x: (x + x[:1]) + x[:1], lambda x: x * -1.0 * 2.0, lambda x: (-x) * (-2.0),
    lambda x: -x / (-x[0]), lambda x: (x + x) + x, lambda x: (x - x[::-1]) - x[::-1], lambda x: np.negative(-x)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", range(len(SIGNS_AND_FACTORS)))
def test_signs_and_factors_of_all_kinds_of_operands(k, dtype):
    f, x = SIGNS_AND_FACTORS[k], np.random.default_rng(k).normal(size=1000).astype(dtype)
    rtol = 1e-4 if dtype == np.float32 else 1e-12
    for g in (f, da.grad(lambda x: np.sum(np.sin(f(x))))):
        got, want = da.record(g, x)(x), g(x)
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)
        assert got.dtype == want.dtype


EDGES = [0.0, -0.0, 1.5, -2.5, np.inf, -np.inf, np.nan, 1e-200, -1e-200, 1e100, -1e160, 3.3e153]


@pytest.mark.parametrize("exponent", [-2.0, -1.0, 0.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("dtype", [float, np.float32])
def test_small_powers_of_arrays_are_multiplied_out(exponent, dtype):
    def f(x, b):
        y = np.abs(x) if exponent == 0.5 else x
        return y**exponent, np.power(y, np.full((2, 1), exponent, dtype)), da.grad(lambda x: np.sum((x * x + 1) ** exponent))(b)

    with np.errstate(all="ignore"):
        x = np.array(EDGES * 4).astype(dtype)
        points = [(x, np.linspace(-2, 2, 48).astype(dtype)), (x[::-1].copy(), np.linspace(-3, 1, 48).astype(dtype))]
        check(da.compile(f), f, *points)
        check(da.compile(f, exact=True), f, *points)
        assert "pow" not in names(lambda x, b: f(x, b)[:2], points[0])
        assert "pow" in names(lambda x, b: x**2.5, points[0])


def test_the_derivative_of_a_quotient_divides_once_more():
    """Its reciprocal gives both partial derivatives."""

    def f(x, y):
        return da.value_and_grad(lambda x, y: np.sum(x / y), argnums=(0, 1))(x, y)

    x = np.linspace(-3, 3, 100)
    points = [(x, x + 4), (x + 1, x - 5)]
    check(da.compile(f), f, *points)
    made = [name for region in regions(f, *points[0]) for name in region]
    assert (made.count("div"), made.count("reciprocal") + made.count("recip")) == (1, 1)


def names(f, args):
    """The names of all micro-operations of a program."""
    return {name for region in regions(f, *args) for name in region}


def test_axes_of_length_one_do_not_cut_a_chain():
    """What follows a reduction with its axes kept is one region, as it is without them."""
    x = RNG.normal(size=(40, 50))
    for keepdims in (False, True):
        found = regions(lambda x, k=keepdims: np.sqrt(np.sum(x * x, axis=1, keepdims=k) / 3 + 1), x)
        assert len(found) == 2, found
