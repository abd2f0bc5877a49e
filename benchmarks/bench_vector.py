"""Gradient and jvp of a vectorised function, eager, against its NumPy value; n = 100 and, for the trend, longer."""

from __future__ import annotations

import numpy as np
import peers
from problems import rosenbrock, rosenbrock_gradient, start
from timing import Row, best, main

import dualad as da


def measure(quick: bool = False) -> list[Row]:
    rows = []
    for n in (100,) if quick else (100, 10_000, 1_000_000):
        rows += _size(n, 0.2 if quick else 2.0)
    return rows


def _size(n: int, seconds: float) -> list[Row]:
    x, v = start(n), np.cos(np.arange(n))
    gradient = da.grad(rosenbrock)
    np.testing.assert_allclose(gradient(x), rosenbrock_gradient(x), rtol=1e-10)
    np.testing.assert_allclose(da.jvp(rosenbrock, (x,), (v,))[1], rosenbrock_gradient(x) @ v, rtol=1e-10)
    runs = {
        "value": lambda: rosenbrock(x),
        "grad": lambda: gradient(x),
        "value_and_grad": lambda: da.value_and_grad(rosenbrock)(x),
        "jvp": lambda: da.jvp(rosenbrock, (x,), (v,)),
        "gradient by hand": lambda: rosenbrock_gradient(x),
    }
    runs |= {f"grad by {name}": fn for name, fn in peers.gradients(x, loop=False).items()}
    t = best(runs, seconds)
    bars = {"grad": 5.0, "jvp": 3.0} if n == 100 else {}
    base = t.pop("value")
    return [Row(f"vector n={n}: {k}", v, base="value", base_value=base, bar=bars.get(k)) for k, v in t.items()]


if __name__ == "__main__":
    raise SystemExit(main(measure, "a vectorised function"))
