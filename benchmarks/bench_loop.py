"""Gradient of a Python loop over scalars, n = 100, against running the loop on floats."""

from __future__ import annotations

import numpy as np
import peers
from problems import rosenbrock_gradient, rosenbrock_loop, start
from timing import Row, best, main

import dualad as da


def measure(quick: bool = False) -> list[Row]:
    x = start(100)
    floats = x.tolist()
    gradient = da.grad(rosenbrock_loop)
    np.testing.assert_allclose(gradient(x), rosenbrock_gradient(x), rtol=1e-12)
    np.testing.assert_allclose(gradient(floats), rosenbrock_gradient(x), rtol=1e-12)
    runs = {
        "loop on floats": lambda: rosenbrock_loop(floats),
        "grad, list of floats": lambda: gradient(floats),
        "grad, ndarray": lambda: gradient(x),
        "loop on an ndarray": lambda: rosenbrock_loop(x),
    }
    t = best(runs, 0.2 if quick else 3.0)
    t |= {f"grad by {name}": value for name, value in best(peers.gradients(x, loop=True), 0.2 if quick else 2.0).items()}
    base = "loop on floats"
    bars = {"grad, list of floats": 4.0, "grad, ndarray": 5.0}
    return [Row(f"loop n=100: {k}", v, base=base, base_value=t[base], bar=bars.get(k)) for k, v in t.items() if k != base]


if __name__ == "__main__":
    raise SystemExit(main(measure, "a Python loop over scalars"))
