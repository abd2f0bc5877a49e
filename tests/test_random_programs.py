"""Random programs, each run as the same text under the reference and under dualad: values and derivatives to order 3 agree."""

import itertools

import numpy as np
import pytest
import reference as R
import reference_numpy  # noqa: F401  (fills the table)
from compare import assert_close, assert_identical
from random_programs import Program

import dualad as da

COUNT = 60
WEIGHTS = np.array([1.0, -0.6, 0.8])


def one_argument(f, point, i):
    return lambda x: f(*point[:i], x, *point[i + 1 :])


def weighted(f):
    return lambda *args: f(*args) @ WEIGHTS


def along(mod, f, i, v, mode):
    """The derivative of f along direction v of argument i, as a function of all arguments."""

    def derivative(*args):
        if mode == "R":
            return np.sum(mod.grad(f, i)(*args) * v)
        return mod.jvp(one_argument(f, args, i), (args[i],), (v,))[1]

    return derivative


@pytest.fixture(params=[(seed, scalars) for scalars in (False, True) for seed in range(COUNT if not scalars else COUNT // 2)])
def program(request):
    made = Program(*request.param, statements=14 if request.param[1] else 12)
    print(made.text)  # shown when a test fails
    return made


def test_values_are_those_of_numpy(program):
    f, traced = program.function(), program.function(objects=True)
    want = f(*program.point)
    for g in (f, traced):
        assert_identical(da.jvp(g, program.point, program.directions)[0], want)
        assert_identical(da.vjp(g, *program.point)[0], want)


def test_first_derivatives(program):
    f = program.function()
    for g, i in itertools.product((f, program.function(objects=True)), range(3)):
        x, v = program.point[i], program.directions[i]
        h, k = one_argument(f, program.point, i), one_argument(g, program.point, i)
        want = R.jacobian(h)(x)
        assert_close(da.jacobian(k, mode="reverse")(x), want)
        assert_close(da.jacobian(k, mode="forward")(x), want)
        assert_close(da.jacobian(k)(x), want)
        assert_close(da.grad(weighted(k))(x), R.grad(weighted(h))(x))
        assert_close(da.jvp(k, (x,), (v,))[1], R.jvp(h, (x,), (v,))[1])
        assert_close(da.linearize(k, x)[1](v), R.jvp(h, (x,), (v,))[1])


def test_all_arguments_at_once(program):
    f = program.function()
    energy = weighted(f)
    for got, want in zip(da.grad(energy, argnums=(0, 1, 2))(*program.point), R.vjp(energy, *program.point)[1](1.0), strict=True):
        assert_close(got, want)
    assert_close(da.jvp(f, program.point, program.directions)[1], R.jvp(f, program.point, program.directions)[1])
    seeds = np.arange(1.0, 10.0).reshape(3, 3) / 7
    pull, reference = da.vjp(f, *program.point)[1], R.vjp(f, *program.point)[1]
    for seed in seeds:
        for got, want in zip(pull(seed), reference(seed), strict=True):
            assert_close(got, want)


def test_hessians(program):
    f = program.function()
    for i in (0, 2):
        energy = weighted(one_argument(f, program.point, i))
        x, v = program.point[i], program.directions[i]
        want = R.hessian(energy)(x)
        assert_close(da.hessian(energy)(x), want, rtol=1e-10)
        assert_close(da.hvp(energy)(x, v), want @ v if np.ndim(x) else want * v, rtol=1e-10, atol=1e-13)
        for a, b in itertools.product(("forward", "reverse"), repeat=2):
            assert_close(da.jacobian(da.jacobian(energy, mode=a), mode=b)(x), want, rtol=1e-10)


@pytest.mark.parametrize("order", [2, 3])
def test_every_mix_of_modes(program, order):
    f = program.function()
    slots = program.rng.integers(0, 3, order)
    for word in itertools.product("RF", repeat=order):
        got, want = weighted(f), weighted(f)
        for i, mode in zip(slots, word, strict=True):
            got = along(da, got, i, program.directions[i], mode)
            want = along(R, want, i, program.directions[i], mode)
        assert_close(got(*program.point), want(*program.point), rtol=1e-10, atol=1e-13)
