"""Stores into arrays made inside the function: n stores must cost O(n)."""

from __future__ import annotations

from typing import Any

import numpy as np
from timing import Row, best, main

import dualad as da


def filter_loop(x: Any) -> Any:
    """A first-order recursive filter, as people write it."""
    y = np.zeros(len(x))
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = 0.9 * y[i - 1] + 0.1 * x[i]
    return np.sum(y**2)


def measure(quick: bool = False) -> list[Row]:
    rows = []
    points = {n: np.random.default_rng(0).normal(size=n) for n in (1000, 10_000)}
    modes = {
        "value": filter_loop,
        "grad": da.grad(filter_loop),
        "jvp": lambda x: da.jvp(filter_loop, (x,), (np.ones_like(x),)),
    }
    for name, run in modes.items():
        t = best({str(n): lambda x=x, run=run: run(x) for n, x in points.items()}, 0.3 if quick else 2.0)
        bar = None if name == "value" else 15.0
        rows.append(Row(f"loop of n stores: {name}, n = 1e4", t["10000"], base="n = 1e3", base_value=t["1000"], bar=bar))
    return rows


if __name__ == "__main__":
    raise SystemExit(main(measure, "stores"))
