"""Jacobians: 20 x 20 residuals written with scalars against their value, vectorised ones against SciPy's differences."""

from __future__ import annotations

import numpy as np
from problems import bratu, broyden, dense_layer, integral_equation, start
from timing import Row, best, main

import dualad as da


def measure(quick: bool = False) -> list[Row]:
    seconds = 0.2 if quick else 2.0
    rows = [row for f in (broyden, integral_equation) for row in _scalars(f, seconds)]
    for n in (50,) if quick else (50, 200, 500):
        rows += [row for f in (bratu, dense_layer) for row in _against_differences(f, n, seconds)]
    return rows


def _scalars(f, seconds: float) -> list[Row]:
    x = start(20)
    floats = x.tolist()
    exact = {mode: da.jacobian(f, mode=mode) for mode in (None, "forward", "reverse")}
    np.testing.assert_allclose(exact["forward"](x), exact["reverse"](x), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(exact[None](x), _differences(f, x), rtol=1e-5, atol=1e-5)
    runs = {"value on floats": lambda: f(floats)}
    runs |= {f"jacobian {mode or '(chosen mode)'}": lambda j=j: j(x) for mode, j in exact.items()}
    t = best(runs, seconds)
    base = "value on floats"
    bars = {"jacobian (chosen mode)": 8.0}
    return [Row(f"{f.__name__} 20x20: {k}", v, base=base, base_value=t[base], bar=bars.get(k)) for k, v in t.items() if k != base]


def _differences(f, x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    return np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))], axis=-1)


def _against_differences(f, n: int, seconds: float) -> list[Row]:
    try:
        from scipy.optimize._numdiff import approx_derivative
    except ImportError:
        return []
    x = 0.1 * start(n)
    jacobian = da.jacobian(f)
    np.testing.assert_allclose(jacobian(x), approx_derivative(f, x, method="3-point"), rtol=1e-5, atol=1e-4 * n)
    runs = {"jacobian": lambda: jacobian(x), "scipy": lambda: approx_derivative(f, x, method="3-point"), "value": lambda: f(x)}
    t = best(runs, seconds)
    base = "scipy 3-point"
    return [
        Row(f"{f.__name__} n={n}: jacobian", t["jacobian"], base=base, base_value=t["scipy"], bar=1.0),
        Row(f"{f.__name__} n={n}: jacobian", t["jacobian"], base="value", base_value=t["value"]),
    ]


if __name__ == "__main__":
    raise SystemExit(main(measure, "Jacobians"))
