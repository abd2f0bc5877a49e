"""The tenth derivative of a scalar expression of 20 operations: Taylor arithmetic against nested duals and against the value."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from problems import rational, transcendental
from timing import Row, best, main

import dualad as da


def nested(f: Callable[..., Any], order: int) -> Callable[..., Any]:
    """`order` levels of forward mode inside each other: work grows exponentially with `order`."""
    for _ in range(order):
        f = _once(f)
    return f


def _once(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: da.jvp(f, (x,), (1.0,))[1]


def measure(quick: bool = False) -> list[Row]:
    return [
        row
        for f in (rational, transcendental)
        for row in _compare(f, 5 if quick else 10, 0.2 if quick else 1.0, judged=not quick)
    ]


def _compare(f: Callable[..., Any], order: int, seconds: float, judged: bool) -> list[Row]:
    x = 0.7
    d, slow = da.derivative(f, order=order), nested(f, order)
    start = perf_counter()
    expected = slow(x)
    slow_time = perf_counter() - start  # once is enough: it takes long
    np.testing.assert_allclose(d(x), expected, rtol=1e-9)
    t = best({"value": lambda: f(x), "derivative": lambda: d(x)}, seconds)
    name, fast = f"{f.__name__}: derivative order {order}", t["derivative"]
    return [
        Row(name, fast, base="value", base_value=t["value"], bar=150.0 if judged else None),
        Row(f"{name}, nested duals", slow_time, base="Taylor", base_value=fast, bar=50.0 if judged else None, at_least=True),
    ]


if __name__ == "__main__":
    raise SystemExit(main(measure, "high-order derivatives"))
