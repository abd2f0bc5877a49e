"""Batches: a function of one sample over many, against a loop over the samples."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from program_checks import assert_same
from random_programs import Program

import dualad as da
from dualad import errors

RNG = np.random.default_rng(2)
LENGTHS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 70, 511, 512, 513, 1030]


def one_by_one(f, *batches, in_axes=0):
    axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(batches)
    n = next(np.shape(b)[a] for b, a in zip(batches, axes, strict=True) if a is not None)
    results = []
    for k in range(n):
        sample = [b if a is None else np.take(b, k, a) if np.ndim(b) > 1 else b[k] for b, a in zip(batches, axes, strict=True)]
        results.append(da.tree.flatten(f(*sample)))
    return da.tree.unflatten(results[0][1], [np.stack(column) for column in zip(*(r[0] for r in results), strict=True)])


def camera(p):
    """Scalar code without branches, with an array in between."""
    a, b, c = p[0], p[1], p[2]
    r = np.sqrt(a * a + b * b + 1.0)
    q = np.array([np.sin(a) * c / r, np.cos(b) * r, np.exp(-c * c)])
    return q * np.tanh(p[3:].sum()) + p[:3]


def matrix(m):
    return np.sum(np.sin(m) @ m.T), m[::-1, 1:] * 2, np.max(m)


FUNCTIONS = {
    "number": (lambda x: np.sin(x) * x + 1, [RNG.normal(size=70)]),
    "camera": (camera, [RNG.normal(size=(70, 6))]),
    "camera's jacobian": (da.jacobian(camera), [RNG.normal(size=(70, 6))]),
    "camera's hessian": (da.hessian(lambda p: np.sum(camera(p))), [RNG.normal(size=(70, 6))]),
    "matrix": (matrix, [RNG.normal(size=(70, 3, 4))]),
    "matrix gradient": (da.value_and_grad(lambda m: matrix(m)[0]), [RNG.normal(size=(70, 3, 4))]),
    "two arguments": (lambda x, y: x * np.sum(y), [RNG.normal(size=70), RNG.normal(size=(70, 5))]),
    "mask": (lambda x: np.where(x > 0, x, 0.0) * (x < 1), [RNG.normal(size=(70, 5))]),
    "single precision": (lambda x: np.sin(x) * 2 + np.sum(x), [RNG.normal(size=(70, 5)).astype(np.float32)]),
    "calls of NumPy": (lambda a: np.linalg.inv(a + 4 * np.eye(3)), [RNG.normal(size=(70, 3, 3))]),
    "sort": (lambda x: np.sort(x), [RNG.normal(size=(70, 5))]),
    "constant": (lambda x: (x, 2.0, np.arange(3.0)), [RNG.normal(size=70)]),
    "complex": (lambda z: z * z.conjugate() + 1j, [RNG.normal(size=70) + 1j * RNG.normal(size=70)]),
    "integers": (lambda x, i: x[i], [RNG.normal(size=(70, 5)), RNG.integers(0, 5, size=(70, 2))]),
    "large": (lambda x: np.sum(np.sin(x)) * x, [RNG.normal(size=(7, 2000))]),
    "tree": (lambda p: {"a": p["w"] * p["b"], "b": [p["b"]]}, [{"w": RNG.normal(size=(70, 3)), "b": RNG.normal(size=70)}]),
}


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "tree"])
def test_against_a_loop(name):
    f, batches = FUNCTIONS[name]
    batched = da.vectorize(f)
    with np.errstate(all="ignore"):
        for move in (1.0, 1.01):
            moved = [b if b.dtype.kind == "i" else (b * move).astype(b.dtype) for b in batches]
            assert_same(batched(*moved), one_by_one(f, *moved))
    stats = batched.stats()
    assert (stats["calls"], stats["samples"]) == (2, 2 * len(batches[0]))


def test_trees():
    f, (batch,) = FUNCTIONS["tree"]
    got = da.vectorize(f)(batch)
    np.testing.assert_allclose(got["a"], batch["w"] * batch["b"][:, None], rtol=1e-15)
    np.testing.assert_array_equal(got["b"][0], batch["b"])
    axes = ({"w": 0, "b": None},)
    got = da.vectorize(f, in_axes=axes)({"w": batch["w"], "b": 2.0})
    np.testing.assert_allclose(got["a"], batch["w"] * 2.0, rtol=1e-15)


LANES = ["number", "camera", "camera's jacobian", "matrix", "mask", "single precision"]


@pytest.mark.parametrize("name", LANES)
def test_lanes_are_used(name):
    f, batches = FUNCTIONS[name]
    batched = da.vectorize(f)
    batched(*batches)
    assert batched.stats()["one by one"] == 0
    assert batched.stats()["recordings"] == 1


# ---- same bits ----


@pytest.mark.parametrize("name", ["number", "camera's jacobian", "matrix gradient", "single precision", "mask"])
def test_a_sample_has_the_same_bits_in_any_batch(name):
    f, (batch,) = FUNCTIONS[name]
    batched = da.vectorize(f)
    many = np.concatenate([batch] * 15)[: max(LENGTHS)]
    whole = da.tree.flatten(batched(many))[0]
    for n in LENGTHS:
        for a, b in zip(da.tree.flatten(batched(many[:n]))[0], whole, strict=True):
            assert a.tobytes() == b[:n].tobytes(), n
    order = np.random.default_rng(0).permutation(len(many))
    for a, b in zip(da.tree.flatten(batched(many[order]))[0], whole, strict=True):
        assert a.tobytes() == b[order].tobytes()
    for n in (1, 5, 130):
        for a, b in zip(da.tree.flatten(batched(many[n:]))[0], whole, strict=True):
            assert a.tobytes() == b[n:].tobytes()


def test_the_number_of_threads_does_not_show():
    before = da.get_num_threads()
    batch = np.random.default_rng(1).normal(size=(20_011, 6))
    batched = da.vectorize(da.jacobian(camera))
    try:
        results = []
        for n in (1, 2, 3):
            da.set_num_threads(n)
            results.append(batched(batch))
        assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()
    finally:
        da.set_num_threads(before)


def test_many_threads_call_one_batched_function():
    batched = da.vectorize(da.jacobian(camera))
    data = [RNG.normal(size=(n, 6)) for n in (1, 17, 600) * 10]
    want = [da.vectorize(da.jacobian(camera))(x) for x in data]
    with ThreadPoolExecutor(8) as pool:
        for got, y in zip(pool.map(batched, data), want, strict=True):
            assert_same(got, y, exact=True)


def of_any_length(x):
    return np.tanh(np.sin(x) * np.exp(-x * x) + np.log1p(x * x)) * x / (1.1 + np.cos(x))


@pytest.mark.parametrize("n", [*range(1, 71), 511, 512, 513, 1023, 1024, 1025])
def test_a_compiled_array_has_the_same_bits_at_any_length(n):
    """Elements do not depend on their place in the array or on its length."""
    rng = np.random.default_rng(6)
    x, f = rng.normal(size=1200), of_any_length
    whole = da.compile(f)(x)
    for start in (0, 1, 100):
        assert_same(da.compile(f)(x[start : start + n]), whole[start : start + n], exact=True)


# ---- branches ----


def branching(x):
    if x > 0:
        return x * x if x > 1 else np.sin(x)
    return -x


def test_branches_split_the_batch():
    batch = RNG.normal(size=1000)
    batched = da.vectorize(da.grad(branching))
    want = one_by_one(da.grad(branching), batch)
    for _ in range(2):
        np.testing.assert_allclose(batched(batch), want, rtol=1e-14)
    assert batched.stats()["recordings"] == 3
    assert batched.stats()["one by one"] == 0
    np.testing.assert_array_equal(batched(batch[::-1].copy()), batched(batch)[::-1])


def test_more_courses_than_versions():
    f = lambda x: x * int(x)
    batch = np.arange(40) + 0.5
    batched = da.vectorize(f)
    np.testing.assert_array_equal(batched(batch), batch * np.arange(40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.CompileWarning)  # more than 64 courses
        for _ in range(2):
            np.testing.assert_array_equal(batched(batch), batch * np.arange(40))
    assert len(batched.stats()["versions"]) <= 8


def test_loops_that_take_another_number_of_steps():
    def f(x):
        n = 0.0
        while x < 10.0:
            x, n = x * 2.0, n + 1.0
        return n

    batch = np.exp(RNG.normal(size=200))
    np.testing.assert_array_equal(da.vectorize(f)(batch), one_by_one(f, batch))


@pytest.mark.parametrize("batch", [np.array([-1.0, 2.5, -3.0, 0.5]), np.array([2.5, -1.0]), np.array([-1.0, -2.0])])
def test_results_of_different_dtypes_are_promoted(batch):
    for f in (lambda x: 0 if x < 0 else x, lambda x: 1j * x if x < 0 else x, lambda x: x < 0 if x < 1 else x):
        batched = da.vectorize(f)
        for _ in range(2):
            assert_same(batched(batch), one_by_one(f, batch))


def test_shapes_that_depend_on_the_course():
    batched = da.vectorize(lambda x: np.ones(2) * x if x > 0 else np.ones(3) * x)
    for sign, n in ((1.0, 2), (-1.0, 3), (1.0, 2)):
        batch = sign * np.array([1.0, 2.0])
        np.testing.assert_array_equal(batched(batch), np.ones(n) * batch[:, None])
    with pytest.raises(errors.ShapeError, match="another structure or shape for sample 1"):
        batched(np.array([1.0, -1.0]))


def test_not_a_number_takes_its_own_course():
    batch = np.array([1.0, np.nan, -1.0, np.nan, 2.0])
    f = lambda x: x if x == x else -1.0
    np.testing.assert_array_equal(da.vectorize(f)(batch), [1.0, -1.0, -1.0, -1.0, 2.0])


# ---- axes ----


def test_axes_in_and_out():
    x, y = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 5))
    f = lambda x, y: np.outer(x, y)
    want = np.stack([np.outer(x[k], y[:, k]) for k in range(5)])
    np.testing.assert_array_equal(da.vectorize(f, in_axes=(0, 1))(x, y), want)
    np.testing.assert_array_equal(da.vectorize(f, in_axes=(0, -1), out_axes=1)(x, y), np.moveaxis(want, 0, 1))
    np.testing.assert_array_equal(da.vectorize(f, in_axes=(0, 1), out_axes=-1)(x, y), np.moveaxis(want, 0, -1))
    fixed = y[:, 0]
    want = np.stack([np.outer(x[k], fixed) for k in range(5)])
    np.testing.assert_array_equal(da.vectorize(f, in_axes=(0, None))(x, fixed), want)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: da.vectorize(np.sin)(2.0), "has no axis|no axis 0"),
    (lambda: da.vectorize(np.add)(np.ones(3), np.ones(4)), "argument 1 of add has 4 samples, those before it 3"),
    (lambda: da.vectorize(np.sin, in_axes=2)(np.ones(3)), "no axis 2"),
    (lambda: da.vectorize(np.add, in_axes=(0,))(np.ones(3), np.ones(3)), "in_axes has 1 entries"),
    (lambda: da.vectorize(np.sin, in_axes=None)(np.ones(3)), "no argument of sin has an axis of samples"),
    (lambda: da.vectorize(np.sin, in_axes=([0, 0],))([np.ones(3)]), "in_axes of argument 0 has another structure"),
])
def test_wrong_axes_are_errors(call, message):
    with pytest.raises(errors.ShapeError, match=message):
        call()


def test_results_that_differ_in_shape_are_errors():
    with pytest.raises(errors.ShapeError):
        da.vectorize(lambda x: np.ones(int(x)) * x)(np.array([1.0, 2.0]))


@pytest.mark.parametrize("name", ["number", "camera's jacobian", "matrix", "calls of NumPy", "constant"])
def test_empty_batches(name):
    f, batches = FUNCTIONS[name]
    got = da.vectorize(f)(*(b[:0] for b in batches))
    want = da.tree.flatten(one_by_one(f, *(b[:1] for b in batches)))[0]
    for a, b in zip(da.tree.flatten(got)[0], want, strict=True):
        assert (a.shape, a.dtype) == ((0, *b.shape[1:]), b.dtype)


def test_any_layout():
    batch = RNG.normal(size=(40, 6))
    batched = da.vectorize(da.jacobian(camera))
    want = batched(batch)
    swapped = batch.astype(batch.dtype.newbyteorder())
    locked = batch.copy()
    locked.flags.writeable = False
    for other in (np.asfortranarray(batch), np.repeat(batch, 2, 0)[::2], batch[::-1][::-1], swapped, locked):
        assert_same(batched(other), want, exact=True)
    assert_same(da.vectorize(da.jacobian(camera), in_axes=1)(batch.T), want, exact=True)


def test_results_share_no_memory():
    batch = RNG.normal(size=(40, 3))
    a, b, c = da.vectorize(lambda x: (x, x, x[0]))(batch)
    assert not any(np.shares_memory(x, y) for x, y in ((a, b), (a, batch), (b, batch), (c, batch)))
    np.testing.assert_array_equal(a, batch)


# ---- among others ----


def test_of_programs_and_compiled_functions():
    f, (batch,) = FUNCTIONS["camera"]
    want = one_by_one(f, batch)
    for g in (da.compile(f), da.record(f, batch[0])):
        np.testing.assert_allclose(da.vectorize(g)(batch), want, rtol=1e-13)


def test_inside_transforms_and_programs():
    f, (batch,) = FUNCTIONS["camera"]
    batched = da.vectorize(f)
    total = lambda b: np.sum(batched(b) ** 2)
    plain = lambda b: np.sum(np.stack([f(row) for row in b]) ** 2)
    assert_same(da.grad(total)(batch[:5]), da.grad(plain)(batch[:5]))
    assert_same(da.compile(da.grad(total))(batch[:5]), da.grad(plain)(batch[:5]))
    assert_same(da.jvp(total, (batch[:5],), (batch[5:10],)), da.jvp(plain, (batch[:5],), (batch[5:10],)))


def test_nested():
    a, b = RNG.normal(size=5), RNG.normal(size=4)
    outer = da.vectorize(da.vectorize(lambda x, y: x * np.sin(y), in_axes=(0, None)), in_axes=(None, 0))
    np.testing.assert_allclose(outer(a, b), a * np.sin(b)[:, None], rtol=1e-15)


def test_pickles():
    again = pickle.loads(pickle.dumps(da.vectorize(camera, in_axes=1, out_axes=1)))
    batch = RNG.normal(size=(6, 10))
    np.testing.assert_allclose(again(batch), one_by_one(camera, batch.T).T, rtol=1e-13)


@pytest.mark.parametrize("seed", range(10))
def test_random_programs(seed):
    program = Program(seed, scalars=seed % 2 == 1)
    f = program.function()
    rng = np.random.default_rng(seed)
    batches = [np.asarray(x) * (1 + 1e-3 * rng.uniform(-1, 1, (20, *np.shape(x)))) for x in program.point]
    for h in (f, da.jacobian(f, argnums=(0, 1, 2))):
        assert_same(da.vectorize(h)(*batches), one_by_one(h, *batches))


CONSTANTS = {
    "int": (lambda n, x: x * n, np.array([1, 2, 3, 2, 1])),
    "bool": (lambda b, x: x if b else -x, np.array([True, False, True, True, False])),
    "index": (lambda i, x: np.array([x, 2.0 * x, 3.0 * x])[i], np.array([0, 2, 1, 1, 0])),
    "text": (lambda t, x: x * x if t == "square" else x + 1.0, np.array(["square", "other", "square", "other", "more"])),
    "many": (lambda n, x: x + np.sin(n * x), np.arange(45)),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_of_the_samples(name):
    """What a program takes for a constant differs from sample to sample."""
    f, constants = CONSTANTS[name]
    x = RNG.uniform(0.5, 1.5, len(constants))
    batched = da.vectorize(f)
    for _ in range(2):
        assert_same(batched(constants, x), one_by_one(f, constants, x))
    assert_same(da.vectorize(da.grad(f, 1))(constants, x), one_by_one(da.grad(f, 1), constants, x))


def test_constants_that_keep_changing_are_not_all_kept():
    batched = da.vectorize(lambda n, x: x + n)
    for n in range(100):
        assert batched(np.array([n]), np.array([0.5]))[0] == n + 0.5
    assert len(batched.versions) <= 64


def test_the_options_of_a_compiled_function_hold():
    def f(x):
        return np.tanh(x) * np.exp(x) + np.sin(x) ** 3

    x = RNG.standard_normal(100)
    got = da.vectorize(da.compile(f, exact=True))(x)
    assert got.tobytes() == np.array([f(v) for v in x]).tobytes()
