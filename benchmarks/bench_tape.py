"""A tape of 1e7 scalar operations: memory per operation, growth, release, and the time to record and to sweep it."""

from __future__ import annotations

import gc
import json
import resource
import sys
from time import perf_counter

from timing import Row, fresh, main

MB = 2**20


def resident() -> int:
    """Resident set of this process in bytes."""
    with open("/proc/self/statm") as info:
        return int(info.read().split()[1]) * resource.getpagesize()


def peak() -> int:
    """Highest resident set so far in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run(operations: int) -> dict[str, float]:
    """Records, sweeps and frees one tape; run it in a fresh process, where no earlier garbage is reused."""
    from problems import scalar_chain

    import dualad as da

    da.grad(scalar_chain)(0.3, 1000)  # first-use costs are not the tape's
    gc.collect()
    before = resident()
    start = perf_counter()
    scalar_chain(0.3, operations)
    plain = perf_counter() - start
    start = perf_counter()
    _, pull = da.vjp(lambda x: scalar_chain(x, operations), 0.3)
    recorded = perf_counter() - start
    held, highest = resident() - before, peak() - before
    sweeps = []
    for _ in range(3):
        start = perf_counter()
        pull(1.0)
        sweeps.append(perf_counter() - start)
    swept = peak() - before
    del pull
    gc.collect()
    return {
        "held": held, "peak_recording": highest, "peak_sweep": swept, "left": resident() - before,
        "plain": plain, "record": recorded, "sweep_first": sweeps[0], "sweep": min(sweeps),
    }  # fmt: skip


def measure(quick: bool = False) -> list[Row]:
    n = 1_000_000 if quick else 10_000_000
    code = f"import json, bench_tape; print(json.dumps(bench_tape.run({n})))"
    runs = [json.loads(p.stdout) for p in fresh(code, count=1 if quick else 3)]
    r = {key: min(run[key] for run in runs) for key in runs[0]}
    tape = f"tape of {n:.0e} operations"
    return [
        # whole bytes: the last chunk is partly empty, and the interpreter grows a little too
        Row(f"{tape}: memory held", float(round(r["held"] / n)), "B/op", bar=32.0, note=f"({r['held'] / n:.2f})"),
        Row(f"{tape}: peak while growing", r["peak_recording"] / n, base="held", base_value=r["held"] / n, unit="B/op", bar=1.1),
        Row(f"{tape}: peak with the sweep", r["peak_sweep"] / n, "B/op"),
        Row(f"{tape}: left after release", r["left"] / MB, "MB", bar=8.0),
        Row(f"{tape}: reverse sweep", r["sweep"] / n * 1e9, "ns/op", bar=5.0),
        Row(f"{tape}: first reverse sweep", r["sweep_first"] / n * 1e9, "ns/op"),
        Row(f"{tape}: recording", r["record"] / n, base="plain floats", base_value=r["plain"] / n),
    ]


if __name__ == "__main__":
    raise SystemExit(main(measure, "a long tape"))
