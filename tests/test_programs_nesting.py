"""Compiled functions among transforms, in classes, in threads and processes; what they leave behind."""

import _thread
import functools
import multiprocessing
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from program_checks import assert_same, check

import dualad as da
from dualad import _core

X, Y = np.array([0.3, -1.2, 2.5]), np.array([1.3, 0.2, -0.5])


def energy(x):
    return np.sum(np.sin(x) * x**2) if x[0] > 0 else np.sum(x)


def long(x):
    return np.sum(np.sin(x) * np.exp(-x * x) + np.tanh(x) / (1 + x * x))


# ---- among transforms ----

compiled_energy = da.compile(energy)
COMBINED = {
    "grad of compiled": da.grad(compiled_energy),
    "compiled grad of compiled": da.compile(da.grad(compiled_energy)),
    "grad of compiled grad": da.jacobian(da.compile(da.grad(energy))),
    "compiled jacobian of compiled grad of compiled": da.compile(da.jacobian(da.compile(da.grad(compiled_energy)))),
    "hessian of compiled": da.hessian(compiled_energy),
    "compiled hessian": da.compile(da.hessian(energy)),
    "compiled twice": da.compile(compiled_energy),
}
PLAIN = {
    "grad of compiled": da.grad(energy), "compiled grad of compiled": da.grad(energy),
    "grad of compiled grad": da.hessian(energy),
    "compiled jacobian of compiled grad of compiled": da.hessian(energy), "hessian of compiled": da.hessian(energy),
    "compiled hessian": da.hessian(energy), "compiled twice": energy,
}


@pytest.mark.parametrize("name", COMBINED)
def test_compiled_functions_among_transforms(name):
    check(COMBINED[name], PLAIN[name], (X,), (Y,), (-X,), (2 * X,))


def test_jvp_and_vjp_through_compiled():
    assert_same(da.jvp(compiled_energy, (X,), (Y,)), da.jvp(energy, (X,), (Y,)))
    y, pull = da.vjp(compiled_energy, X)
    want, plain = da.vjp(energy, X)
    assert_same((y, pull(2.0)), (want, plain(2.0)))
    f = da.compile(lambda x, t: da.jvp(energy, (x,), (t,)))
    check(f, lambda x, t: da.jvp(energy, (x,), (t,)), (X, Y), (Y, X))
    g = da.compile(lambda x, w: da.vjp(np.sin, x)[1](w))
    check(g, lambda x, w: da.vjp(np.sin, x)[1](w), (X, Y), (Y, X))


def test_compiled_inside_compiled_is_recorded_into_it():
    inner = da.compile(lambda x: np.sum(x**3))
    outer = da.compile(lambda x: inner(x) * x + inner(2 * x))
    check(outer, lambda x: np.sum(x**3) * x + np.sum((2 * x) ** 3), (X,), (Y,))
    assert inner.stats()["recordings"] == 0


def test_a_program_inside_a_transform_says_what_to_do():
    program = da.record(energy, X)
    with pytest.raises(da.errors.DualadError):
        da.grad(program)(X)


def test_derivatives_of_order_three():
    f = da.compile(da.grad(da.grad(da.grad(lambda x: np.sin(x) * x))))
    check(f, da.grad(da.grad(da.grad(lambda x: np.sin(x) * x))), (0.3,), (1.3,), (np.float64(0.7),))


def test_a_newton_step_and_an_optimizer_loop():
    def step(x):
        g, h = da.grad(energy)(x), da.hessian(energy)(x)
        return x - np.linalg.solve(h, g)

    def descent(x, rate):
        m = np.zeros_like(x)
        for _ in range(5):
            m = 0.9 * m + da.grad(energy)(x)
            x = x - rate * m
        return x, m

    check(da.compile(step), step, (X,), (X * 1.1,), (X * 0.9,))
    check(da.compile(descent), descent, (X, 0.01), (Y, 0.02), (X * 0.9, 0.03))


# ---- callables ----


class Model:
    def __init__(self, scale):
        self.scale = scale

    @da.compile
    def decorated(self, x):
        return x * self.scale

    def method(self, x):
        return x * self.scale

    def __call__(self, x):
        return x + self.scale


def test_methods_partials_and_objects():
    model, other = Model(2.0), Model(5.0)
    for _ in range(2):
        assert_same(model.decorated(X), X * 2.0)
        assert_same(other.decorated(X), X * 5.0)
    check(da.compile(model.method), model.method, (X,), (Y,))
    check(da.compile(model), model, (X,), (Y,))
    check(da.compile(functools.partial(np.power, 2.0)), functools.partial(np.power, 2.0), (X,), (Y,))
    check(da.compile(np.linalg.inv), np.linalg.inv, (np.eye(3) + 1,), (np.eye(3) + 2,))
    assert repr(da.compile(model.method)).startswith("<dualad.compile of ")


def test_a_decorator_with_options():
    @da.compile(check=True, max_versions=2)
    def f(x):
        """Doubles."""
        return 2 * x

    assert f.__doc__ == "Doubles."
    assert f.__name__ == "f"
    assert f(2.0) == 4.0
    assert f.check
    assert f.max_versions == 2


# ---- threads and processes ----


def test_many_threads_call_one_function():
    f = da.value_and_grad(long)
    compiled = da.compile(f)
    rng = np.random.default_rng(0)
    data = [rng.normal(size=n) for n in (7, 3000) * 40]
    serial = [da.compile(f)(x) for x in data]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(compiled, data * 3))
    for got, want in zip(results, serial * 3, strict=True):
        assert_same(got, want, exact=True)
    assert compiled.stats()["reasons"] == []


def test_functions_with_calls_of_numpy_in_many_threads():
    f = da.grad(lambda a: np.sum(np.linalg.solve(a, np.sort(a[0])) ** 2))
    compiled = da.compile(f)
    rng = np.random.default_rng(0)
    data = [np.eye(5) * 3 + rng.normal(size=(5, 5)) for _ in range(100)]
    want = [f(a) for a in data]
    with ThreadPoolExecutor(8) as pool:
        for got, y in zip(pool.map(compiled, data), want, strict=True):
            assert_same(got, y)


def test_recording_in_two_threads_at_once():
    barrier = threading.Barrier(4)
    compiled = da.compile(da.grad(lambda x: np.sum(np.sin(x) * int(np.sum(x) > 0))))

    def run(k):
        barrier.wait()
        return [compiled((X if j % 2 else -X) * (k + j + 1)) for j in range(20)]

    f = da.grad(lambda x: np.sum(np.sin(x) * int(np.sum(x) > 0)))
    with ThreadPoolExecutor(4) as pool:
        for k, got in enumerate(pool.map(run, range(4))):
            for j, y in enumerate(got):
                assert_same(y, f((X if j % 2 else -X) * (k + j + 1)))


def test_the_number_of_threads_does_not_show():
    before = da.get_num_threads()
    rng = np.random.default_rng(0)
    x = rng.normal(size=300_001)
    f = da.compile(da.value_and_grad(long))
    try:
        results = []
        for n in (1, 2, 3, 5):
            da.set_num_threads(n)
            results.append(f(x))
        for got in results[1:]:
            assert_same(got, results[0], exact=True)
    finally:
        da.set_num_threads(before)


def test_helpers_come_and_go():
    """Calls from several threads share the helpers, while their number changes; those no longer wanted end."""
    before, running = da.get_num_threads(), _thread._count()
    x = np.random.default_rng(0).normal(size=200_001)
    f = da.compile(da.value_and_grad(long))
    da.set_num_threads(1)
    want = f(x)
    try:
        with ThreadPoolExecutor(3) as pool:
            calls = [pool.submit(f, x) for _ in range(60)]
            for n in [1, 4, 2, 3] * 10:
                da.set_num_threads(n)
                f(x)
            for call in calls:
                assert_same(call.result(), want, exact=True)
        da.set_num_threads(1)
        f(x)
        end = time.monotonic() + 10
        while _thread._count() > running and time.monotonic() < end:
            time.sleep(0.01)
        assert _thread._count() <= running
    finally:
        da.set_num_threads(before)


def test_without_another_thread_the_caller_works_alone(monkeypatch):
    def refused(*_):
        raise RuntimeError("can't start new thread")

    before = da.get_num_threads()
    x = np.random.default_rng(0).normal(size=200_001)
    f = da.compile(da.value_and_grad(long))
    da.set_num_threads(1)
    want = f(x)
    monkeypatch.setattr(_thread, "start_new_thread", refused)
    try:
        da.set_num_threads(3)
        assert_same(f(x), want, exact=True)
    finally:
        da.set_num_threads(before)


def gradient_of(compiled, x):
    return compiled(x)


def child(pipe, compiled, x):
    pipe.send(compiled(x))
    pipe.close()


module_level = da.compile(da.value_and_grad(long))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method):
    """A program with threads at work keeps working in a forked process; a spawned one gets the function pickled."""
    before = da.get_num_threads()
    da.set_num_threads(2)
    try:
        x = np.linspace(0, 1, 200_000)
        want = module_level(x)
        context = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        given = (da.compile(energy), X) if method == "spawn" else (module_level, x)
        process = context.Process(target=child, args=(theirs, *given))
        process.start()
        assert ours.poll(30)
        got = ours.recv()
        process.join(30)
        assert process.exitcode == 0
        assert_same(got, energy(X) if method == "spawn" else want, exact=method == "fork")
        assert_same(module_level(x), want, exact=True)
    finally:
        da.set_num_threads(before)


def test_pickles():
    again = pickle.loads(pickle.dumps(da.compile(energy, exact=True, max_versions=3)))
    assert (again.exact, again.max_versions) == (True, 3)
    assert again(X) == energy(X)
    program = pickle.loads(pickle.dumps(da.record(da.grad(energy), X)))
    assert_same(program(Y), da.grad(energy)(Y))
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(da.compile(lambda x: x))


def waves(x):
    for _ in range(600):
        x = np.sin(x + 0.1)
    return x


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_is_heard(threads):
    """In the middle of one long replay, of which the whole takes two seconds or more; the next call is right."""
    before = da.get_num_threads()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts tests in the background ignores it
    da.set_num_threads(threads)
    batched = da.vectorize(waves)
    few = np.linspace(0, 1, 1000)
    want = batched(few)
    many = np.full(8_000_000, 0.5)
    try:
        threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,)).start()
        start = time.process_time()  # of all threads, not of the clock: other processes may have the core
        with pytest.raises(KeyboardInterrupt):
            batched(many)
        assert time.process_time() - start < 0.8 * threads
        assert_same(batched(few), want, exact=True)
    finally:
        da.set_num_threads(before)
        signal.signal(signal.SIGINT, handler)


# ---- what is left behind ----


def test_no_reference_cycles(no_garbage):
    def inverse(x):
        return np.linalg.inv(np.outer(x, x) + np.eye(3))

    for f in (energy, da.grad(energy), da.jacobian(np.sin), inverse, lambda x: x * int(x[0] > 0)):
        compiled = da.compile(f)
        for x in (X, Y, -X):
            compiled(x)
        da.vectorize(f)(np.stack([X, Y, -X]))
        del compiled
    program = da.record(da.grad(energy), X)
    program(Y)
    del program


def test_arguments_and_results_are_not_held():
    compiled = da.compile(lambda x: (np.sum(x), x + 1))
    x = np.ones(50)
    compiled(x)
    before = sys.getrefcount(x)
    results = [compiled(x) for _ in range(3)]
    after, kept = sys.getrefcount(x), sys.getrefcount(results[0][1])
    assert (after, kept) == (before, 2)


def test_a_failed_recording_leaves_the_thread_free():
    compiled = da.compile(lambda x: x.no_such_attribute)
    for _ in range(2):
        with pytest.raises(AttributeError):
            compiled(X)
    assert not _core.tracing()
    assert_same(compiled_energy(X), energy(X))


@pytest.fixture
def never(monkeypatch):
    """Threads that never come: the list of those that were asked for."""
    asked = []
    monkeypatch.setattr(_thread, "start_new_thread", lambda *task: asked.append(task))
    return asked


def test_work_that_zeros_make_short_stays_in_one_thread(never):
    """What a program skips shows only when it runs: the same one takes threads, or none."""
    before = da.get_num_threads()
    x = np.random.default_rng(0).normal(size=(1000, 16))
    run = da.compile(da.grad(lambda c, mask: np.sum(np.where(mask[:, :, None], (x[:, None, :] - c) ** 2, 0.0))))

    def asked(mask):
        never.clear()
        da.set_num_threads(2)  # helpers are started when one is wanted for the first time
        run(x[:100], mask)
        return len(never)

    try:
        few = np.zeros((1000, 100), bool)
        few[:, 7] = True
        assert min(asked(few) for _ in range(20)) == 0  # one run without an interruption is enough
        assert asked(~few) > 0
    finally:
        da.set_num_threads(before)


def test_a_thread_that_never_starts_holds_nobody_up(never):
    """The caller does all the work that others do not take."""
    before = da.get_num_threads()
    x = np.linspace(-3, 3, 200_000)
    want = np.tanh(x) * np.exp(x)
    got = []
    try:
        da.set_num_threads(3)
        run = da.compile(lambda x: np.tanh(x) * np.exp(x))
        got.extend(run(x) for _ in range(3))
        assert len(never) == 2
    finally:
        da.set_num_threads(before)
    assert len(got) == 3
    for y in got:
        np.testing.assert_allclose(y, want, rtol=1e-14)
