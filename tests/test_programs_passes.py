"""The passes of the optimiser: each off alone, each on alone, all and none give the same results."""

import itertools

import numpy as np
import pytest
from program_checks import assert_same, check, perturbed
from random_programs import Program
from test_programs_corpus import WORKING

import dualad as da
from dualad._programs.build import ALL_PASSES, Builder, parts_of
from dualad._programs.capture import capture
from dualad._replay import PASSES

ONE = [frozenset({p}) for p in sorted(ALL_PASSES)]
SELECTIONS = [ALL_PASSES, frozenset(), *(ALL_PASSES - p for p in ONE), *ONE]
names = pytest.mark.parametrize("passes", SELECTIONS, ids=lambda s: "+".join(s) if len(s) < 2 else "-" + "".join(ALL_PASSES - s))


def large(x, y):
    """Array code with broadcasting, reductions in every direction, views, stores and a scalar tail."""
    z = np.sin(x) * y + x[::-1] * 2.0
    w = np.exp(-z * z) / (1 + np.abs(x)) + np.sum(z, axis=0) - np.max(z, axis=1, keepdims=True)
    out = np.zeros_like(w)
    out[1:] = w[:-1] * 0.5
    out[:, ::2] += z[:, ::2]
    s = np.mean(out) * np.sum(np.where(x > 0, out, x))
    for k in range(5):
        s = s + np.tanh(s * x[0, k]) * y[k]
    return s


def rosenbrock(x):
    s = 0.0
    for k in range(len(x) - 1):
        s = s + 100 * (x[k + 1] - x[k] ** 2) ** 2 + (1 - x[k]) ** 2
    return s


RNG = np.random.default_rng(1)
ARRAYS = [(RNG.normal(size=(6, 11)), RNG.normal(size=11)) for _ in range(2)]


@names
def test_array_programs(passes):
    f = da.value_and_grad(large, argnums=(0, 1))
    check(da.compile(f, passes=passes), f, *ARRAYS, ARRAYS[0])


@names
def test_loops(passes):
    f = da.value_and_grad(rosenbrock)
    check(da.compile(f, passes=passes), f, *((RNG.normal(size=40),) for _ in range(3)))


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed):
    program = Program(seed, scalars=seed % 2 == 1)
    f = program.function()
    points = [program.point, perturbed(program.point, 1e-3), perturbed(program.point, 1e-2, 1)]
    for h in (f, da.jacobian(f, argnums=(0, 1, 2))):
        want = [h(*p) for p in points]
        for passes in SELECTIONS:
            compiled = da.compile(h, passes=passes)
            for point, y in zip(points, want, strict=True):
                assert_same(compiled(*point), y)


@pytest.mark.parametrize("seed", range(12, 24))
def test_second_derivatives_of_random_programs(seed):
    program = Program(seed, scalars=seed % 2 == 1)
    f = program.function()
    h = da.hessian(lambda *a: np.sum(f(*a)), argnums=2)
    check(da.compile(h), h, program.point, perturbed(program.point, 1e-3))


@pytest.mark.parametrize("seed", range(30))
def test_exact_random_programs(seed):
    """Bit for bit the function's own values, with any passes."""
    program = Program(seed, scalars=seed % 2 == 1)
    f = program.function()
    for passes in (ALL_PASSES, frozenset(), ALL_PASSES - {"fusion"}):
        check(da.compile(f, exact=True, passes=passes), f, program.point, perturbed(program.point, 1e-2), exact=True)


REDUCTIONS = [np.sum, np.prod, np.max, np.min, np.mean, np.var, np.cumsum]
SHAPES = [(3,), (9,), (200,), (3, 3), (4, 9), (9, 4), (40, 50), (2, 3, 40)]


@pytest.mark.parametrize("f", REDUCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [float, np.float32])
def test_exact_keeps_the_order_of_sums(f, dtype):
    rng = np.random.default_rng(3)
    for shape, axis in itertools.product(SHAPES, (None, 0, -1)):
        def g(x, axis=axis):
            return f(x * x + 1, axis=axis)

        points = [(rng.uniform(0.1, 0.3, shape).astype(dtype),) for _ in range(2)]
        check(da.compile(g, exact=True), g, *points, exact=True)


EXACT_UFUNCS = [
    "sin", "cos", "tan", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sinh", "cosh", "tanh", "arcsin", "arccos",
    "arctan", "arcsinh", "arctanh", "sqrt", "cbrt", "power", "arctan2", "hypot", "logaddexp", "add", "subtract", "multiply",
    "divide", "maximum", "fmod",
]  # fmt: skip


@pytest.mark.parametrize("name", EXACT_UFUNCS)
@pytest.mark.parametrize("dtype", [float, np.float32])
def test_exact_uses_numpys_own_functions(name, dtype):
    ufunc = getattr(np, name)
    rng = np.random.default_rng(4)
    for shape in ((), (3,), (9,), (100,), (7, 30)):
        points = [tuple(np.asarray(rng.uniform(0.1, 0.9, shape), dtype)[()] for _ in range(ufunc.nin)) for _ in range(3)]
        check(da.compile(lambda *x: ufunc(*x) * 2, exact=True), lambda *x: ufunc(*x) * 2, *points, exact=True)


def test_the_graph_stays_well_formed():
    """The verifier after all passes, for every function of the corpus and its Jacobian."""
    for entry in WORKING[::4]:
        for h in (entry.f, da.jacobian(entry.f, argnums=entry.argnums)):
            leaves, structure = da.tree.flatten(entry.args)
            where = [k for k, x in enumerate(leaves) if isinstance(x, (float, np.floating, np.ndarray)) and np.asarray(x).dtype == float]

            def call(inputs, h=h, leaves=leaves, structure=structure, where=where):
                given = list(leaves)
                for k, x in zip(where, inputs, strict=True):
                    given[k] = x
                return h(*da.tree.unflatten(structure, given))

            builder = Builder(capture(h, call, [leaves[k] for k in where]))
            builder.low.run()
            builder.low.graph.optimise(sum(PASSES.values()))
            assert builder.low.graph.verify() is None, entry.name


# ---- what the passes are for ----


def sizes(f, *args, passes=ALL_PASSES):
    """Statistics of one program."""
    compiled = da.compile(f, passes=passes)
    compiled(*args)
    return compiled.stats()["versions"][0]


def test_fusion_makes_one_region():
    x = np.ones(5000)

    def f(x):
        return np.sum(np.sin(x) * np.exp(-x * x) + np.tanh(x) / (1 + x * x))

    assert sizes(f, x)["regions"] == 1
    assert sizes(da.value_and_grad(f), x)["regions"] == 1
    assert sizes(f, x, passes=ALL_PASSES - {"fusion"})["regions"] > 5


def test_numbers_between_arrays_do_not_cut_regions():
    """As in AdamW: numbers that depend on no array are computed before the arrays that use other numbers."""
    def update(p, m, rate, t):
        p = p - p * (rate * 0.01)
        scale = rate * np.sqrt(1 - 0.9**t) / (1 - 0.99**t)
        m = m * 0.9 + p * (1 - rate)
        return p - scale * m / (np.abs(m) + rate * t), m

    x = np.linspace(1, 2, 5000)
    assert sizes(update, x, x[::-1].copy(), 0.1, 3.0)["regions"] == 1
    check(da.compile(update), update, (x, x[::-1].copy(), 0.1, 3.0), (x + 1, x, 0.2, 4.0))


def test_numbers_wait_for_arrays_that_read_what_they_replace():
    """Many numbers, few places: each array step reads a number whose place a later one takes."""
    def f(x, a):
        total = x
        for k in range(30):
            a = a * 1.01 + np.float64(k) / (a + 2)
            total = total + x * a
            if k % 7 == 0:
                a = a + np.sum(total) * 1e-3
        return total, a

    x = np.linspace(1, 2, 500)
    g = da.grad(lambda x, a: np.sum(f(x, a)[0]), argnums=(0, 1))
    for h in (f, g):
        check(da.compile(h), h, (x, np.float64(0.3)), (x[::-1].copy(), np.float64(0.7)))


def test_equal_operations_are_merged_and_dead_ones_dropped():
    def f(x):
        unused = [np.cosh(x * k) for k in range(5)]
        return np.sin(x) * np.sin(x) + np.sin(x) if unused else x

    full, none = sizes(f, 0.5), sizes(f, 0.5, passes=())
    assert full["live"] <= 5 < 9 < none["live"]


def test_constants_are_folded():
    assert sizes(lambda x: x * (np.sin(2.0) + 3.0) ** 2 * 1.0 + 0 * 5.0, 0.5)["live"] <= 5


def test_loops_become_lanes():
    x = np.linspace(0, 1, 100)
    rolled, plain = sizes(da.grad(rosenbrock), x), sizes(da.grad(rosenbrock), x, passes=ALL_PASSES - {"reroll"})
    assert rolled["groups"] <= 12
    assert rolled["groups"] < plain["groups"] or plain["scalar code"] > 10 * rolled["scalar code"]


def test_parts_are_the_same_each_time():
    """Building is deterministic: no order of a set or an address in it."""
    def parts():
        p = parts_of(capture(large, lambda leaves: large(*leaves), list(ARRAYS[0])))
        return repr(p["steps"]), p["arena"], p["own"].tobytes(), [r.micros.tobytes() for r in p["regions"]]

    assert parts() == parts()
