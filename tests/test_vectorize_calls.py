"""Batched functions called again: what is kept between calls must not show, whatever the calls before were."""

import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from program_checks import assert_same

import dualad as da
from dualad import errors

RNG = np.random.default_rng(7)
BATCH = RNG.uniform(0.5, 1.5, (12, 4))


def f(x, y=2.0):
    return {"a": np.sin(x) * y, "b": (np.sum(x * x), 3.0)}


def locked(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def misaligned(x):
    out = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    out[...] = x
    return out


def swapped(x):
    return x.astype(x.dtype.newbyteorder())


class Named(np.ndarray):
    pass


FORMS = {
    "plain": lambda: BATCH,
    "one sample": lambda: BATCH[:1],
    "no sample": lambda: BATCH[:0],
    "other length": lambda: BATCH[:, :3].copy(),
    "numbers": lambda: BATCH[:, 0].copy(),
    "a column": lambda: BATCH[:, 0],
    "every other": lambda: BATCH[::2],
    "backwards": lambda: BATCH[::-1],
    "Fortran order": lambda: np.asfortranarray(BATCH),
    "read-only": lambda: locked(BATCH),
    "byte-swapped": lambda: swapped(BATCH),
    "misaligned": lambda: misaligned(BATCH),
    "single precision": lambda: BATCH.astype(np.float32),
    "half precision": lambda: BATCH.astype(np.float16),
    "complex": lambda: BATCH + 1j,
    "integers": lambda: np.arange(12).reshape(6, 2),
    "byte-swapped integers": lambda: swapped(np.arange(12).reshape(6, 2)),
    "constants": lambda: np.array([1, 2, 1, 3]),
    "truth": lambda: np.array([True, False]),
    "objects": lambda: np.array([0.5, 2.0, 1], object),
    "matrices": lambda: BATCH.reshape(3, 2, 2, 4),
    "a subclass": lambda: BATCH.view(Named),
    "a shorter subclass": lambda: BATCH[:, :3].view(Named),
    "a tree": lambda: {"u": BATCH, "v": [BATCH[:, 1]]},
    "another tree": lambda: {"v": BATCH, "u": [BATCH[:, 1]]},
}


def of_trees(x, y=2.0):
    return [f(leaf, y) for leaf in da.tree.flatten((x["u"], x["v"]) if isinstance(x, dict) else x)[0]]


@pytest.fixture(scope="module")
def alone():
    """The result of each form in a first call."""
    return {name: da.vectorize(of_trees)(make()) for name, make in FORMS.items()}


@pytest.mark.parametrize("seed", range(3))
def test_arguments_of_many_forms_in_turns(alone, seed):
    batched = da.vectorize(of_trees)
    for name in np.random.default_rng(seed).permutation([name for name in FORMS for _ in range(4)]):
        assert_same(batched(FORMS[name]()), alone[name], exact=True)
    assert batched.stats()["calls"] == 4 * len(FORMS)


UNLIKE = ["plain", "other length", "single precision", "integers", "constants", "objects"]


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(UNLIKE, 2)))
def test_one_form_after_another(alone, first, second):
    batched = da.vectorize(of_trees)
    for name in (first, first, second, second, first):
        assert_same(batched(FORMS[name]()), alone[name], exact=True)


OTHERS = [2.0, 3.0, np.float64(2.0), np.float32(3.0), 2, True, 3, 1j, BATCH[0], BATCH[1], swapped(BATCH[0]), misaligned(BATCH[2]), BATCH[:4, 0],
          np.array(2.0), BATCH[0].astype(np.float32), np.arange(4)]


def test_what_is_the_same_for_all_samples_changes_between_calls():
    batched = da.vectorize(f, in_axes=(0, None))
    for k in np.random.default_rng(0).permutation(np.repeat(np.arange(len(OTHERS)), 3)):
        assert_same(batched(BATCH, OTHERS[k]), da.vectorize(f, in_axes=(0, None))(BATCH, OTHERS[k]), exact=True)


def test_options_are_constants_of_a_kind():
    batched = da.vectorize(lambda x, how: x * x if how == "square" else x * len(how), in_axes=(0, None))
    for how in ("square", "sq", "square", "other", "sq", "square"):
        np.testing.assert_allclose(batched(BATCH, how), BATCH * BATCH if how == "square" else BATCH * len(how), rtol=1e-15)
    assert batched.stats()["recordings"] == 3


def test_axes_other_than_the_first():
    batched = da.vectorize(lambda p, y: p["w"] * y + p["b"], in_axes=({"w": -1, "b": None}, 1), out_axes=1)
    for n in (12, 12, 5, 12, 1):
        w, y = BATCH.T[:, :n], BATCH[:4, :1] + np.arange(n)
        for b in (1.0, 2.0, np.float64(3.0), BATCH[0]):
            np.testing.assert_allclose(batched({"w": w, "b": b}, y), w * y + np.reshape(b, (-1, 1)), rtol=1e-15)


def test_a_call_like_another_asks_nothing_again(monkeypatch):
    batched = da.vectorize(da.value_and_grad(lambda x, y: np.sum(np.sin(x)) * y), in_axes=(0, None))
    want = [batched(BATCH, y) for y in (2.0, 3.0)]
    for name in ("Axes", "Signature"):
        monkeypatch.setattr(sys.modules["dualad.vectorize"], name, None)
    for y, expected in zip((2.0, 3.0), want, strict=True):
        assert_same(batched(BATCH, y), expected, exact=True)
        assert_same(batched(BATCH[::-1][:3], y), tuple(r[::-1][:3] for r in expected), exact=True)
    assert batched.stats() == {"calls": 6, "recordings": 1, "samples": 2 * 12 + 2 * (12 + 3), "one by one": 0, "versions": batched.stats()["versions"]}


@pytest.mark.parametrize("args", [(BATCH.view(Named), 2.0), (BATCH, BATCH[0].view(Named))])
def test_a_type_that_says_nothing_of_the_shape_makes_no_kind(args):
    batched = da.vectorize(lambda x, y: np.sum(x), in_axes=(0, None))
    for _ in range(2):
        np.testing.assert_allclose(batched(*args), BATCH.sum(1), rtol=1e-15)
    assert not batched.kinds


def test_a_guard_fails_only_in_a_later_call():
    batched = da.vectorize(lambda x: x * x if x[0] > 0 else np.exp(x))
    signs = np.where(np.arange(12) % 3 == 1, -1.0, 1.0)[:, None]
    for batch in (BATCH, BATCH, BATCH * signs, BATCH, -BATCH, BATCH * signs, BATCH[:1], -BATCH[:1]):
        np.testing.assert_allclose(batched(batch), np.where(batch[:, :1] > 0, batch * batch, np.exp(batch)), rtol=1e-15)
    stats = batched.stats()
    assert (stats["recordings"], stats["one by one"], stats["calls"]) == (2, 0, 8)


def test_more_courses_than_programs_in_a_later_call():
    batched = da.vectorize(lambda x: x * int(x))
    for low in (0, 0, 4, 1):
        batch = np.arange(low, low + 14) + 0.5
        np.testing.assert_array_equal(batched(batch), batch * np.floor(batch))
    assert batched.stats()["one by one"] > 0


def test_results_of_calls_share_no_memory():
    batched = da.vectorize(lambda x: (x, 2.0, x[0] * 2))
    for batch in (BATCH, BATCH[:1]):
        results = [batched(batch * k) for k in range(1, 5)]
        for k, (a, b, c) in enumerate(results, 1):
            np.testing.assert_array_equal(a, batch * k)
            np.testing.assert_array_equal(b, np.full(len(batch), 2.0))
            np.testing.assert_array_equal(c, batch[:, 0] * k * 2)
        arrays = [x for r in results for x in r] + [batch]
        assert not any(np.shares_memory(x, y) for x, y in itertools.combinations(arrays, 2))
        assert all(x.flags.writeable and x.flags.c_contiguous for r in results for x in r)


def test_errors_are_the_same_after_good_calls():
    x, y = BATCH[:, 0], BATCH[:, 1]
    batched = da.vectorize(lambda x, y: x * y)
    for _ in range(2):
        batched(x, y)
        with pytest.raises(errors.ShapeError, match="argument 1 of <lambda> has 5 samples, those before it 12"):
            batched(x, y[:5])
        with pytest.raises(errors.ShapeError, match=r"argument 0 of <lambda> has shape \(\) and no axis 0"):
            batched(2.0, y)
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            batched(x)
        with pytest.raises(TypeError, match="unexpected keyword"):
            batched(x, y=y)
    assert batched.stats()["calls"] == 4


def test_an_empty_batch_among_others():
    batched = da.vectorize(da.jacobian(lambda x: np.sin(x)))
    for n in (0, 3, 0, 1, 0):
        got = batched(BATCH[:n])
        assert_same(got, np.stack([np.diag(np.cos(row)) for row in BATCH])[:n])


def test_traced_arguments_after_plain_ones():
    batched = da.vectorize(lambda x: np.sum(np.sin(x)))
    batched(BATCH)
    total = lambda b: np.sum(batched(b) ** 2)
    want = 2 * np.sin(BATCH).sum(1)[:, None] * np.cos(BATCH)
    np.testing.assert_allclose(da.grad(total)(BATCH), want, rtol=1e-13)
    np.testing.assert_allclose(da.compile(da.grad(total))(BATCH), want, rtol=1e-13)


def test_plain_arguments_while_a_transform_records():
    """The function may see traced values elsewhere."""
    scale = [2.0]
    batched = da.vectorize(lambda x: np.sum(x) * scale[0])
    batched(BATCH)

    def total(s):
        scale[0] = s
        return np.sum(batched(BATCH))

    np.testing.assert_allclose(da.grad(total)(3.0), BATCH.sum(), rtol=1e-14)


@pytest.mark.parametrize("recent", [8, 100])
def test_kinds_that_are_forgotten_come_back(monkeypatch, recent):
    monkeypatch.setattr(sys.modules["dualad.vectorize"], "RECENT", recent)
    batched = da.vectorize(lambda x: x * x)
    for n in [*range(1, 81), *range(1, 81)]:
        batch = np.arange(2.0 * n).reshape(2, n)
        np.testing.assert_array_equal(batched(batch), batch * batch)
        assert all(any(kind.versions is kept for kept in batched.versions.values()) for kind in batched.kinds)
    assert len(batched.versions) == 64
    assert len(batched.kinds) == min(recent, 64)
    assert batched.stats()["recordings"] == 2 * 80


def test_two_threads_with_arguments_of_different_kinds():
    batched = da.vectorize(lambda x: (np.sin(x) * x if np.sum(x) > 0 else x, np.sum(x)))
    names = ["plain", "one sample", "a column", "single precision", "other length", "every other", "byte-swapped", "Fortran order"]
    batches = [FORMS[name]() for name in names] + [-BATCH, BATCH * np.where(np.arange(12) % 2, 1.0, -1.0)[:, None]]
    want = [da.vectorize(batched.f)(b) for b in batches]
    start = threading.Barrier(2)

    def work(seed):
        start.wait()
        for k in np.random.default_rng(seed).integers(0, len(batches), 300):
            assert_same(batched(batches[k]), want[k], exact=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert batched.stats()["calls"] == 600


@pytest.mark.parametrize("y", [swapped(BATCH[0]), misaligned(BATCH[0]), BATCH[:4, 0], swapped(np.arange(4))])
def test_an_array_for_all_samples_in_any_layout(y):
    np.testing.assert_array_equal(da.vectorize(lambda x, y: x * y, in_axes=(0, None))(BATCH, y), BATCH * y)


def test_arrays_of_objects():
    """Samples that are numbers of any type, or trees, are computed one by one."""
    pairs = np.empty(2, object)
    pairs[:] = [(1.0, 2.0), (3.0, 4.0)]
    batched = da.vectorize(lambda p, x: p[0] * x + p[1])
    for _ in range(2):
        np.testing.assert_array_equal(batched(pairs, np.array([5.0, 6.0])), [7.0, 22.0])
    numbers = da.vectorize(lambda x, y: x * y)
    for first in ([1.0, 2, 3.5], [1, 2.5, 3], [2.0, 2.0, 2.0]):
        np.testing.assert_array_equal(numbers(np.array(first, object), BATCH[:3, 0]), np.array(first) * BATCH[:3, 0])
