"""One multiplication: Dual by Dual and Dual by float, against float by float."""

from __future__ import annotations

import numpy as np
from timing import Row, best, main, unrolled

import dualad as da

TIMES = 100


def measure(quick: bool = False) -> list[Row]:
    d, e = da.Dual(1.25, 1.0), da.Dual(0.75, 0.5)
    runs = {
        "float * float": unrolled("r = a * b", TIMES, a=1.25, b=0.75),
        "Dual * Dual": unrolled("r = a * b", TIMES, a=d, b=e),
        "Dual * float": unrolled("r = a * b", TIMES, a=d, b=0.75),
        "float * Dual": unrolled("r = a * b", TIMES, a=1.25, b=e),
        "float64 * float64": unrolled("r = a * b", TIMES, a=np.float64(1.25), b=np.float64(0.75)),
    }
    t = {name: value / TIMES for name, value in best(runs, 0.2 if quick else 2.0).items()}
    base = "float * float"
    bars = {"Dual * Dual": 2.0, "Dual * float": 2.0, "float * Dual": 2.0, "float64 * float64": None}
    return [Row(f"scalar {name}", t[name], base=base, base_value=t[base], bar=bar) for name, bar in bars.items()]


if __name__ == "__main__":
    raise SystemExit(main(measure, "scalar dual numbers"))
