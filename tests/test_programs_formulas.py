"""Functions that programs compute by formulas in place of calls: values, gradients and second derivatives, without a call of NumPy left."""

import numpy as np
import pytest
from program_checks import assert_same, check

import dualad as da

RNG = np.random.default_rng(11)
MASK = RNG.random((6, 11)) > 0.3
LINE = np.linspace(-1, 1, 11)
AXES = {"all": {}, "last": {"axis": -1}, "first": {"axis": 0}, "both": {"axis": (0, -1)},
        "kept": {"axis": -1, "keepdims": True}, "kept, all": {"keepdims": True}}  # fmt: skip


def along(function, **options):
    return {f"{function.__name__}, {name}": lambda x, f=function, kw=kw: f(x, **kw, **options) for name, kw in AXES.items()}


MOMENTS = {
    **along(np.mean), **along(np.var), **along(np.std), **along(np.nanmean), **along(np.nanvar), **along(np.nanstd), **along(np.nansum),
    "x.var()": lambda x: x.var(), "x.std(axis, ddof)": lambda x: x.std(axis=1, ddof=1), "x.mean(two axes)": lambda x: x.mean((0, 1)),
    "var, ddof": lambda x: np.var(x, 0, ddof=2.5), "nanstd, ddof": lambda x: np.nanstd(x, 1, ddof=1),
    "var, mean given": lambda x: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)),
    "mean, where": lambda x: np.mean(x, axis=1, where=MASK),
    "std, where": lambda x: np.std(x, axis=0, where=MASK, keepdims=True),
    "var, where computed": lambda x: np.var(x, axis=1, where=x > -0.5), "sum, where": lambda x: np.sum(x, axis=1, where=x > 0),
    "standardised": lambda x: (x - np.mean(x, 0)) / np.std(x, 0),
    "layer": lambda x: (x - np.mean(x, 1, keepdims=True)) / np.sqrt(np.var(x, 1, keepdims=True) + 1e-3),
}  # fmt: skip
NORMS = {
    "norm": np.linalg.norm, "norm, rows": lambda x: np.linalg.norm(x, axis=1), "norm, kept": lambda x: np.linalg.norm(x, axis=0, keepdims=True),
    "norm, 2": lambda x: np.linalg.norm(x, 2, axis=-1), "norm, 1": lambda x: np.linalg.norm(x, 1, axis=1), "norm, 3": lambda x: np.linalg.norm(x, 3, axis=1),
    "norm, inf": lambda x: np.linalg.norm(x, np.inf, axis=1), "norm, -inf": lambda x: np.linalg.norm(x, -np.inf, axis=0),
    "norm, fro": lambda x: np.linalg.norm(x, "fro", axis=(0, 1)), "norm, fro kept": lambda x: np.linalg.norm(x, "fro", keepdims=True),
    "norm, matrix 1": lambda x: np.linalg.norm(x, 1), "vector_norm": lambda x: np.linalg.vector_norm(x, axis=(0, 1), keepdims=True),
    "matrix_norm": lambda x: np.linalg.matrix_norm(x), "normalised": lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
}  # fmt: skip
CHOICES = {
    "clip": lambda x: np.clip(x, -0.5, 0.75), "clip, ints": lambda x: np.clip(x, -1, 1), "clip, below": lambda x: np.clip(x, -0.5, None),
    "clip, above": lambda x: x.clip(max=0.25), "clip, arrays": lambda x: np.clip(x, np.minimum(x[:1], 0), np.abs(x[:, :1])),
    "clip, constant arrays": lambda x: np.clip(x, np.arange(-5, 6), x.dtype.type(2) * np.abs(LINE).astype(x.dtype)),
    "relu": lambda x: x * (x > 0), "relu, method": lambda x: x * (x > 0).astype(x.dtype), "max, initial": lambda x: np.max(x, axis=1, initial=0.3),
    "min, initial": lambda x: np.min(x, initial=0.3, keepdims=True), "max, where": lambda x: np.max(x, axis=0, initial=-9.0, where=MASK),
    "nanmax": lambda x: np.nanmax(x, axis=1), "nanmin": lambda x: np.nanmin(x), "fmax.reduce": lambda x: np.fmax.reduce(x, axis=0, keepdims=True),
    "isfinite": lambda x: np.where(np.isfinite(x), x * x, 0), "isinf": lambda x: np.where(np.isinf(x) ^ (x > 0), x * x, 0),
    "any": lambda x: np.where(np.any(x > 1, axis=1)[:, None], x * x, 0), "all": lambda x: np.where((x > -1).all(axis=(0,), keepdims=True), x * x, 0),
    "any of all": lambda x: np.where(np.any(x > 2), x * x, x),
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x, axis=1), "logaddexp.reduce, kept": lambda x: np.logaddexp.reduce(x, axis=None, keepdims=True),
}  # fmt: skip
PRODUCTS = {
    "vdot": lambda x: np.vdot(x, np.sin(x)), "outer, sum": lambda x: np.outer(x[0], np.sin(x[1]))[:, ::2],
    "vecdot": lambda x: np.vecdot(x[:, 1:], np.cos(x[0, 1:])),
    "cross": lambda x: np.cross(x[:, :3], x[:, 3:6]), "cross, broadcast": lambda x: np.cross(x[:, 2:5], x[0, :3]),
    "cross, axes": lambda x: np.cross(x[:3], x[3:], axis=0), "trace": lambda x: np.trace(x), "trace, offset": lambda x: np.trace(x, 3),
    "trace, below": lambda x: np.trace(x, -2) + np.trace(x[:, :6] * x[:, 1:7]), "diag": lambda x: np.diag(x[0], 1)[:5] * x[0, 0],
    "trace, stacked": lambda x: np.trace(x.reshape(2, 3, 11), axis1=2, axis2=0), "diff": lambda x: np.diff(x), "diff, first": lambda x: np.diff(x, axis=0),
    "diff, twice": lambda x: np.diff(x, 2, axis=1, prepend=0.0), "triu": lambda x: np.triu(x, 1), "tril": lambda x: np.tril(x, -1),
    "triu, stacked": lambda x: np.triu(x.reshape(2, 3, 11)),
    "astype": lambda x: x.astype(np.float64) / 3,
}  # fmt: skip
ALL = {**MOMENTS, **NORMS, **CHOICES, **PRODUCTS}


def points(shape, dtype):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape).astype(dtype) for _ in range(3)]


def total(f):
    """A number of a function's result that weighs all of it differently, with second derivatives that are no differences of equal numbers."""
    def g(x):
        y = f(x)
        return np.sum((y * y + y) * np.cos(np.arange(np.size(y))).reshape(np.shape(y)).astype(y.dtype))

    return g


def forms(f):
    """The value, the gradient and a second derivative along a direction."""
    gradient = da.grad(total(f))
    return [f, gradient, lambda x: da.jvp(gradient, (x,), (np.cos(x),))[1]]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ALL)
def test_formulas_are_the_functions(name, dtype):
    xs = points((6, 11), dtype)
    for h in forms(ALL[name]):
        program = da.record(h, xs[0])
        for x in xs:
            assert_same(program(x), h(x))
        assert {call["name"] for call in program.machine.parts["calls"]} <= {"matmul"}  # which runs without Python
        assert program.stats()["guards"] == name.startswith("nansum")  # whether there are NaN


@pytest.mark.parametrize("name", ALL)
def test_exact_programs_have_the_bits(name):
    xs = points((6, 11), np.float64)
    for h in forms(ALL[name])[:2]:
        check(da.compile(h, exact=True), h, *[(x,) for x in xs], exact=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n", [1, 2, 5, 40])
@pytest.mark.parametrize("f", [
    np.nanmax, lambda x: np.where(np.isfinite(x) & ~np.isinf(x), x * x, 0), lambda x: np.where((x > 0) ^ (x > 1) | (x < -1), x * x, 0),
    lambda x: np.where(np.any(x > 1), x * x, x), np.var, np.std,
    np.nanvar, np.nanmean, np.nansum, np.linalg.norm, lambda x: np.linalg.norm(x, np.inf), lambda x: np.linalg.norm(x, 3),
    lambda x: np.clip(x, -0.5, 0.5), lambda x: np.clip(x, None, np.abs(x[0])), lambda x: x * (x > 0), lambda x: np.outer(x, x).sum(0), lambda x: np.vdot(x, x),
    lambda x: np.diff(x, append=x[0]), lambda x: np.triu(x), lambda x: np.max(x, initial=0.1), np.logaddexp.reduce, lambda x: np.mean(x, where=x > -9),
])  # fmt: skip
def test_few_elements(f, n):
    for dtype in (np.float64, np.float32):
        for h in forms(f):
            check(da.compile(h), h, *[(x,) for x in points(n, dtype)])
        with np.errstate(all="ignore"):
            check(da.compile(f), f, *[(np.resize(np.array(numbers, dtype), n),) for numbers in ([1, 2], [np.inf, 1], [-np.inf], [-1, np.nan], [np.nan])])
    assert da.record(f, points(n, float)[0]).stats()["calls"] == 0


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e200, -0.5, 0.75]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", [name for name in ALL if name != "norm, 3"])
def test_values_that_are_not_finite(name, dtype):
    f, xs = ALL[name], points((6, 11), dtype)
    with np.errstate(all="ignore"):
        xs[1][np.arange(6), np.arange(6)] = SPECIAL[:6]
        xs[2][:, :8] = SPECIAL
        more = [np.full_like(xs[0], number) for number in (np.nan, 0, -np.inf)]
        check(da.compile(f), f, *[(x,) for x in (*xs, *more)])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["mean", "var", "std", "nanmean", "nanvar", "nanstd", "nansum"])
def test_nothing_to_add_up(name):
    f = getattr(np, name)
    with np.errstate(all="ignore"):
        for shape, axis in (((0,), None), ((0, 3), 0), ((3, 0), 0), ((50, 0), 1), ((1, 60), 0)):
            for options in ({}, {"ddof": 1}) if name.endswith(("var", "std")) else ({},):
                x = np.ones(shape)
                assert_same(da.record(lambda x, a=axis, o=options: f(x, axis=a, **o), x)(x), f(x, axis=axis, **options))


def test_the_bounds_of_clip_are_inside():
    for dtype in (np.float64, np.float32):
        for n in (4, 40):
            x = np.resize(np.array([0.1, 0.7, 0.5, 0.9], dtype), n)
            f = da.grad(lambda x: np.sum(np.clip(x, 0.1, 0.7) ** 2))
            assert_same(da.record(f, x)(x), f(x), exact=True)
            assert np.count_nonzero(f(x)) == 3 * n // 4


@pytest.mark.parametrize("n", [7, 70])
def test_single_precision_rounds(n):
    f = lambda x: np.sin(x).astype(np.float32).astype(np.float64) * 2
    for h in forms(f):
        check(da.compile(h), h, *[(x,) for x in points(n, float)])
    x = points(n, float)[0]
    assert np.any(da.compile(f)(x) != np.sin(x) * 2)


def test_other_operands_keep_the_call():
    x = RNG.normal(size=40)
    traces = lambda x: np.trace(np.outer(x, x), dtype=complex).real
    for f in (lambda x: np.var(x + 1j), lambda x: np.var(x, dtype=np.float32), lambda x: np.linalg.norm(x * 1j), traces):
        for h in (f, da.grad(f)):
            check(da.compile(h), h, (x,), (x[::-1].copy(),))
    assert da.record(lambda x: np.var(x + 1j), x).stats()["calls"] > 0
