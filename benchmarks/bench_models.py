"""Programs of whole models, with the threads they take by themselves, against jax.jit (which does too) and hand-written C++ (one thread)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import native
import numpy as np
import peers
import problems as p
from timing import SAMPLE, Row, best, main

import dualad as da

Runs = dict[str, Callable[[], Any]]


def measure(quick: bool = False) -> list[Row]:
    seconds = 0.2 if quick else 3.0
    rows = bundle(1000 if quick else 31_843, seconds) + mixture(100 if quick else 1000, seconds) + log_sum_exp(80_000, seconds)
    rows += clusters(200 if quick else 1000, seconds) + least_squares(4096, 128, seconds)
    for n in (5,) if quick else (5, 6, 7, 8):
        rows += determinant(n, seconds)
    for n, steps in ((4, 20),) if quick else ((4, 20), (8, 20), (20, 20), (80, 20)):
        rows += runge_kutta(n, steps, seconds)
    return rows


def compared(case: str, runs: Runs, seconds: float, bar: float | None = 1.0, rtol: float = 1e-9, sample: float = SAMPLE) -> list[Row]:
    """Checks that all give the same leaves, then times them side by side; "eager" is dualad without a program, and has no bar."""
    want = leaves(next(iter(runs.values()))())
    for name, run in runs.items():
        for got, right in zip(leaves(run()), want, strict=True):
            np.testing.assert_allclose(got, right, rtol=rtol, atol=rtol * float(np.max(np.abs(right))), err_msg=f"{case}: {name}")
    t = best(runs, seconds, sample=sample)
    ours = t.pop("dualad")
    return [Row(case, ours, base=k, base_value=v, bar=None if k == "eager" else bar) for k, v in t.items()]


def programmed(f: Callable[..., Any], *args: Any, backend: str = "interpreter") -> Runs:
    """`f` as a program and eagerly."""
    compiled = da.compile(f, backend=backend)
    return {"eager": lambda: f(*args), "dualad": lambda: compiled(*args)}


def backends(operations: int) -> tuple[str, ...]:
    """The backends worth a row: the C compiler takes seconds for ten thousand scalar operations."""
    return ("interpreter", "c") if operations < 10_000 and native.library() is not None else ("interpreter",)


def leaves(result: Any) -> list[np.ndarray]:
    return [np.asarray(x) for x in da.tree.flatten(result)[0]]


def by_hand(name: str, inputs: tuple[Any, ...], *outputs: np.ndarray) -> Runs:
    """The C++ function `name`, if there is a compiler: it fills `outputs`, which its run returns."""
    if native.library() is None:
        return {}
    run = native.bound(name, *inputs, *outputs)
    return {"C++ by hand": lambda: (run(), outputs)[1]}


def bundle(count: int, seconds: float) -> list[Row]:
    """Jacobians of all observations of a bundle adjustment: one sample's derivative, written for one sample, over the batch."""
    rng = np.random.default_rng(2)
    samples = rng.uniform(0.5, 1.5, (count, 15))
    samples[:, :3] *= 0.3
    samples[:, 13] += 4.0  # in front of the camera
    samples[:, 9:11] *= 1e-2
    features = rng.uniform(-1, 1, (count, 2))

    def derivatives(sample: Any, feature: Any) -> Any:
        return da.jacobian(p.reprojection)(sample, feature), da.grad(p.weight_residual)(sample[14])

    batch = da.vectorize(derivatives, in_axes=0)
    runs: Runs = {"dualad": lambda: batch(samples, features)}
    runs |= by_hand("bundle", (samples, features, count), np.empty((count, 2, 15)), np.empty(count))
    rows = compared(f"bundle adjustment, {count} observations", runs, seconds, bar=0.5, sample=20e-3)
    rows += compared(f"bundle adjustment, {count} observations, one call at a time", runs, seconds, bar=0.5)  # a helper sleeps before each
    threads = da.get_num_threads()
    da.set_num_threads(1)
    rows += compared(f"bundle adjustment, {count} observations, one thread", runs, seconds, bar=None, sample=20e-3)
    da.set_num_threads(threads)
    return rows


def mixture(n: int, seconds: float, k: int = 10, d: int = 10) -> list[Row]:
    rng = np.random.default_rng(3)
    args = rng.normal(size=k), rng.normal(size=(k, d)), 0.3 * rng.normal(size=(k, d * (d + 1) // 2)), rng.normal(size=(n, d))
    runs = programmed(da.grad(p.mixture, argnums=(0, 1, 2)), *args)
    runs |= peers.jitted(lambda jax, problems: jax.grad(problems.mixture, argnums=(0, 1, 2)), *args)
    return compared(f"Gaussian mixture, d = {d}, K = {k}, N = {n}", runs, seconds)


def log_sum_exp(n: int, seconds: float) -> list[Row]:
    x = np.random.default_rng(4).normal(size=n)
    runs = programmed(da.grad(p.log_sum_exp), x)
    runs |= peers.jitted(lambda jax, problems: jax.grad(problems.log_sum_exp), x)
    runs |= by_hand("log_sum_exp", (x, n), np.empty(n))
    return compared(f"log-sum-exp, n = {n}", runs, seconds)


def clusters(n: int, seconds: float, k: int = 100, d: int = 16) -> list[Row]:
    """Gradient and diagonal of the Hessian of the cost of k-means: the Hessian is diagonal, so that its product with ones is all of it."""
    rng = np.random.default_rng(5)
    centres, points = rng.normal(size=(k, d)), rng.normal(size=(n, d))

    def newton(centres: Any, points: Any) -> Any:
        return da.jvp(lambda c: da.grad(p.clusters)(c, points), (centres,), (np.ones_like(centres),))

    def traced(jax: Any, problems: Any) -> Any:
        return lambda c, x: jax.jvp(lambda c: jax.grad(problems.clusters)(c, x), (c,), (c * 0 + 1,))

    runs = programmed(newton, centres, points)
    runs |= peers.jitted(traced, centres, points)
    runs |= by_hand("clusters", (centres, points, k, n, d), np.empty((k, d)), np.empty((k, d)))
    return compared(f"k-means, k = {k}, n = {n}, d = {d}", runs, seconds)


def least_squares(n: int, m: int, seconds: float) -> list[Row]:
    rng = np.random.default_rng(6)
    args = rng.normal(size=m), rng.normal(size=(n, m)), rng.normal(size=n)
    runs = programmed(da.grad(p.least_squares), *args)
    runs |= peers.jitted(lambda jax, problems: jax.grad(problems.least_squares), *args)
    runs |= by_hand("least_squares", (*args, n, m), np.empty(m))
    return compared(f"least squares, n = {n}, m = {m}", runs, seconds)


def determinant(n: int, seconds: float) -> list[Row]:
    a = np.random.default_rng(7).normal(size=(n, n))
    others: Runs = {}
    if n <= 5:  # 6 takes JAX a minute to compile
        others |= peers.jitted(lambda jax, problems: jax.grad(problems.determinant), a)
    others |= by_hand("determinant", (a, n), np.empty((n, n)))
    rows: list[Row] = []
    for backend in backends(n**5):
        runs = programmed(da.grad(p.determinant), a, backend=backend) | others
        rows += compared(f"determinant by minors, n = {n}, {backend}", runs, seconds)
    return rows


def runge_kutta(n: int, steps: int, seconds: float) -> list[Row]:
    y = np.random.default_rng(8).normal(size=n)

    def traced(jax: Any, problems: Any) -> Any:  # a loop that stays a loop: unrolled, JAX compiles for minutes
        def final(y: Any) -> Any:
            y, _ = jax.lax.scan(lambda y, _: (problems.runge_kutta_step(y), None), y, None, steps)
            return (y * y).sum()

        return jax.grad(final)

    others = peers.jitted(traced, y) | by_hand("runge_kutta", (y, n, steps, 0.01), np.empty(n))
    rows: list[Row] = []
    for backend in backends(45 * n * steps):
        runs = programmed(da.grad(lambda y: p.runge_kutta(y, steps)), y, backend=backend) | others
        rows += compared(f"Runge-Kutta, n = {n}, {steps} steps, {backend}", runs, seconds)
    return rows


if __name__ == "__main__":
    raise SystemExit(main(measure, "programs of whole models"))
