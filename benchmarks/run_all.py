"""Every benchmark in one table."""

from __future__ import annotations

import bench_calls
import bench_import
import bench_jacobian
import bench_loop
import bench_models
import bench_programs
import bench_scalar
import bench_stores
import bench_tape
import bench_taylor
import bench_training
import bench_vector
from timing import Row, main

EAGER = (bench_scalar, bench_calls, bench_loop, bench_vector, bench_jacobian, bench_stores, bench_taylor, bench_tape, bench_import)
PROGRAMS = (bench_programs, bench_models, bench_training)


def measure(quick: bool = False) -> list[Row]:
    return [row for file in EAGER + PROGRAMS for row in file.measure(quick)]


if __name__ == "__main__":
    raise SystemExit(main(measure, "dualad benchmarks"))
