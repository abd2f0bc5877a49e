"""Programs: the call path, replay of loops and of fused array code, the first call, many threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
import peers
from problems import (
    elementwise,
    rational,
    reprojection,
    rosenbrock,
    rosenbrock_gradient,
    rosenbrock_loop,
    scalar_chain,
    start,
    weight_residual,
)
from timing import Row, best, main

import dualad as da

US = 1e6
SHORT = [float(k) for k in range(170)]  # 1 us to add up


def measure(quick: bool = False) -> list[Row]:
    seconds = 0.2 if quick else 3.0
    rows = call_path(seconds) + batches(seconds) + loop(seconds) + loop_against_arrays(1000 if quick else 10_000, seconds)
    for n in (10_000,) if quick else (100_000, 4_000_000):
        rows += fused(n, seconds if n < 1_000_000 else 5 * seconds)  # there all libraries together take 0.4 s: 3 s would be seven samples
    rows += fused(10_000 if quick else 100_000, seconds, np.float32)
    return rows + first_call(10_000 if quick else 100_000) + many_threads(seconds)


def call_path(seconds: float) -> list[Row]:
    """A compiled scalar function, a NumPy number in and out. Its 20 operations take some 10 ns: the rest is the call."""
    x = np.float64(0.7)
    f = da.compile(rational)
    runs: dict[str, Callable[[], Any]] = {"dualad": lambda: f(x)}
    runs |= peers.jitted(lambda jax, problems: problems.rational, x, placed=False)
    runs |= peers.casadi_scalar(rational, x)
    for run in runs.values():
        np.testing.assert_allclose(run(), rational(x), rtol=1e-12)
    runs["plain Python"] = lambda: rational(x)
    t = best(runs, seconds)
    ours = t.pop("dualad")
    rows = [Row("call of a compiled scalar function", ours * US, "us", bar=1.0)]
    return rows + [Row("call of a compiled scalar function", ours * US, "us", base=k, base_value=v * US) for k, v in t.items()]


def batches(seconds: float) -> list[Row]:
    """Batches of few samples: the derivatives of observations of a bundle adjustment. The work for 16 of them takes some 3 us."""

    def derivatives(sample: Any, feature: Any) -> Any:
        return da.jacobian(reprojection)(sample, feature), da.grad(weight_residual)(sample[14])

    def theirs(jax: Any, problems: Any) -> Callable[..., Any]:
        return jax.vmap(lambda sample, feature: (jax.jacobian(problems.reprojection)(sample, feature), jax.grad(problems.weight_residual)(sample[14])))

    rng, rows = np.random.default_rng(2), []
    batch, single = da.vectorize(derivatives), da.compile(derivatives)
    for n in (1, 16):
        args = rng.uniform(0.5, 1.5, (n, 15)), rng.uniform(-1, 1, (n, 2))
        runs: dict[str, Callable[[], Any]] = {"dualad": lambda args=args: batch(*args)}
        runs["compiled calls in a loop"] = lambda args=args: [np.stack(parts) for parts in zip(*map(single, *args), strict=True)]
        runs |= peers.jitted(theirs, *args, placed=False)
        for run in runs.values():
            for got, want in zip(run(), batch(*args), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
        t = best(runs, seconds)
        ours = t.pop("dualad")
        case = f"call of a batched function, samples: {n}"
        rows.append(Row(case, ours * US, "us", bar=25.0))
        rows += [Row(case, ours * US, "us", base=k, base_value=v * US) for k, v in t.items()]
    return rows


def loop(seconds: float) -> list[Row]:
    """Gradient of Rosenbrock's function as a Python loop, the call included, against CasADi, which has buffers bound beforehand or is called."""
    x = start(100)
    f = da.compile(da.grad(rosenbrock_loop))
    runs: dict[str, Callable[[], Any]] = {"dualad": lambda: f(x), **peers.casadi_gradient(rosenbrock_loop, x)}
    for run in runs.values():
        np.testing.assert_allclose(run(), rosenbrock_gradient(x), rtol=1e-12)
    t = best({**runs, "gradient by hand": lambda: rosenbrock_gradient(x)}, seconds)
    ours = t.pop("dualad")
    return [Row("gradient of a loop, n = 100", ours, base=k, base_value=v, bar=0.6 if k == "CasADi buffers" else None) for k, v in t.items()]


def loop_against_arrays(n: int, seconds: float) -> list[Row]:
    x = start(n)
    scalars, arrays = da.compile(da.grad(rosenbrock_loop)), da.compile(da.grad(rosenbrock))
    for f in (scalars, arrays):
        np.testing.assert_allclose(f(x), rosenbrock_gradient(x), rtol=1e-9, atol=1e-9)
    t = best({"loop": lambda: scalars(x), "arrays": lambda: arrays(x), "by hand": lambda: rosenbrock_gradient(x)}, seconds)
    return [
        Row(f"gradient of a loop, n = {n}", t["loop"], base="the same on arrays, replayed", base_value=t["arrays"], bar=2.0),
        Row(f"gradient on arrays, n = {n}", t["arrays"], base="NumPy by hand", base_value=t["by hand"]),
    ]


def fused(n: int, seconds: float, dtype: type = np.float64) -> list[Row]:
    """Value and gradient of a chain of elementwise functions, on two threads."""
    x = np.random.default_rng(1).uniform(-3, 3, n).astype(dtype)
    single = dtype is np.float32
    da.set_num_threads(2)
    f = da.compile(da.value_and_grad(elementwise))
    runs: dict[str, Callable[[], Any]] = {"dualad": lambda: f(x)}
    runs |= peers.torch_compiled(lambda problems: problems.elementwise, x, 2)
    runs |= peers.jitted(lambda jax, problems: jax.value_and_grad(problems.elementwise), x)
    value, gradient = da.value_and_grad(elementwise)(x)
    for run in runs.values():
        v, g = run()
        np.testing.assert_allclose(v, value, rtol=1e-4 if single else 1e-10)
        np.testing.assert_allclose(g, gradient, rtol=1e-10, atol=1e-5 if single else 1e-12)
    t = best({**runs, "NumPy, value only": lambda: elementwise(x)}, seconds)
    ours = t.pop("dualad")
    bars = dict.fromkeys(t, 1.0) if single else {"NumPy, value only": 0.2, "torch.compile": 0.4, "jax.jit": 0.2}
    return [Row(f"value and gradient, elementwise, n = {n}{', float32' if single else ''}", ours, base=k, base_value=v, bar=bars[k]) for k, v in t.items()]


def first_call(operations: int) -> list[Row]:
    """Recording, differentiation, compilation and the first run."""
    rows = []
    for name, f, x in (
        ("one long chain", da.grad(lambda x: scalar_chain(x, operations)), 1.5),
        ("a loop over an array", da.grad(rosenbrock_loop), start(operations // 7)),
    ):
        times = []
        for _ in range(3):
            compiled = da.compile(f)
            begin = perf_counter()
            result = compiled(x)
            times.append(perf_counter() - begin)
        np.testing.assert_allclose(result, f(x), rtol=1e-9, atol=1e-9)
        rows.append(Row(f"first call, {operations} scalar operations: {name}", min(times), bar=0.5 * operations / 1e5))
    return rows


def many_threads(seconds: float) -> list[Row]:
    """Eight threads call one program: the time of all calls together against the same calls one after the other.

    Two things are measured beside them, sample by sample. What two cores are worth, by plain NumPy on two threads: on a virtual or busy machine it
    is less than two. And what threads that take turns at the GIL cost: a Python function that takes as long as the short call.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    x, y = np.linspace(-3, 3, 100_000), start(100)
    da.set_num_threads(1)  # one call uses one core: eight of them may use all
    long, short = da.compile(da.value_and_grad(elementwise)), da.compile(da.grad(rosenbrock_loop))
    plain, arrays = _together({
        f"{cores} threads, plain NumPy": (lambda: elementwise(x), 8, cores),
        "8 threads, one program, long calls": (lambda: long(x), 4, 8),
    }, seconds)
    arrays.bar = 1.25 * max(plain.figure, 1 / cores)
    turns, calls = _together({
        "8 threads, a Python function as short": (lambda: sum(SHORT), 2500, 8),
        "8 threads, one program, short calls": (lambda: short(y), 2500, 8),
    }, 4 * seconds)
    calls.bar = 1.1  # under the GIL: no gain to be had, no loss allowed
    da.set_num_threads(cores)
    return [plain, arrays, turns, calls]


def _together(cases: dict[str, tuple[Callable[[], Any], int, int]], seconds: float) -> list[Row]:
    """Each case is (call, how often each thread calls it, threads). The calls of one sample last 20 ms: the 0.2 ms in which a pool hands out eight
    tasks must not count, and longer samples meet other processes."""
    runs: dict[str, Callable[[], Any]] = {}
    with ThreadPoolExecutor(max(threads for _, _, threads in cases.values())) as pool:
        for case, (call, calls, threads) in cases.items():
            want = [np.array(a) for a in da.tree.flatten(call())[0]]

            def work(_: int, call: Callable[[], Any] = call, calls: int = calls) -> Any:
                for _ in range(calls):
                    out = call()
                return out

            for result in pool.map(work, range(threads)):
                for a, b in zip(da.tree.flatten(result)[0], want, strict=True):
                    np.testing.assert_array_equal(a, b)
            runs[case] = lambda work=work, threads=threads: list(pool.map(work, range(threads)))
            runs[f"{case}, in turn"] = lambda work=work, threads=threads: [work(k) for k in range(threads)]
        t = best(runs, seconds)
    return [Row(case, t[case], base="one thread", base_value=t[f"{case}, in turn"]) for case in cases]


if __name__ == "__main__":
    raise SystemExit(main(measure, "programs"))
