"""The harness of the benchmarks: interleaved best-of timing, rows with a bar, one table.

Everything that is compared is timed in turns within one run (A B C A B C ...), so a change of clock speed or a busy neighbour
hits all of them; the best sample of each counts, because noise only ever adds time.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from time import perf_counter
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
if find_spec("dualad") is None:  # not installed: what was built in place
    sys.path.append(os.path.dirname(HERE))
DUALAD = find_spec("dualad")
SAMPLE = 2e-3  # seconds that one sample lasts at least: far above the clock's resolution, far below a scheduler slice


@dataclass
class Row:
    """One line of the table: `value` in `unit`, divided by `base_value` when there is a `base`, judged by `bar`.

    `judged` says what the bar applies to: the quotient ("x") or the value itself. `at_least` turns the bar round.
    """

    case: str
    value: float
    unit: str = "s"
    base: str = ""
    base_value: float = float("nan")
    bar: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def figure(self) -> float:
        return self.value / self.base_value if self.base else self.value

    @property
    def ok(self) -> bool | None:
        if self.bar is None:
            return None
        return self.figure >= self.bar if self.at_least else self.figure <= self.bar


def best(functions: dict[str, Callable[[], Any]], seconds: float = 1.0, repeats: int = 200, sample: float = SAMPLE) -> dict[str, float]:
    """Best time of one call of each function in seconds, sampled in turns for about `seconds` in all. Calls of one sample follow on one another."""
    counts = {name: _calls_per_sample(fn, sample) for name, fn in functions.items()}
    times = dict.fromkeys(functions, float("inf"))
    enabled = gc.isenabled()
    gc.disable()
    try:
        stop = perf_counter() + seconds
        for turn in range(repeats):
            for name, fn in functions.items():
                times[name] = min(times[name], _sample(fn, counts[name]))
            if turn >= 4 and perf_counter() > stop:
                break
    finally:
        if enabled:
            gc.enable()
    return times


def _sample(fn: Callable[[], Any], count: int) -> float:
    turns = range(count)
    start = perf_counter()
    for _ in turns:
        fn()
    return (perf_counter() - start) / count


def _calls_per_sample(fn: Callable[[], Any], sample: float) -> int:
    fn()
    count = 1
    while _sample(fn, count) * count < sample and count < 1 << 20:
        count *= 2
    return count


def unrolled(statement: str, times: int = 100, **names: Any) -> Callable[[], Any]:
    """A function that runs `statement` `times` times without a loop, to time operations as short as the loop itself."""
    body = "\n    ".join([statement] * times)
    space: dict[str, Any] = {}
    exec(f"def run({', '.join(f'{n}={n}' for n in names)}):\n    {body}\n", names, space)
    return space["run"]


def fresh(code: str, *flags: str, count: int = 1, **variables: str) -> list[subprocess.CompletedProcess[str]]:
    """Runs `code` in new interpreters, one after the other, with environment `variables` (an empty text removes one)."""
    command = [sys.executable, *flags, "-c", code]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.path.dirname(os.path.dirname(DUALAD.origin)), HERE]), **variables}
    return [subprocess.run(command, capture_output=True, text=True, check=True, env=env) for _ in range(count)]


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned text."""
    lines = [("case", "value", "against", "value", "figure", "bar", "")]
    for r in rows:
        against = (r.base, _quantity(r.base_value, r.unit)) if r.base else ("", "")
        figure = f"{r.figure:.2f}x" if r.base else _quantity(r.value, r.unit)
        sign = ">=" if r.at_least else "<="
        bar = "" if r.bar is None else f"{sign} {r.bar:g}x" if r.base else f"{sign} {_quantity(r.bar, r.unit)}"
        verdict = {None: "", True: "ok", False: "MISSED"}[r.ok]
        lines.append((r.case, _quantity(r.value, r.unit), *against, figure, bar, f"{verdict} {r.note}".strip()))
    widths = [max(len(line[k]) for line in lines) for k in range(7)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _quantity(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.3g} {unit}"
    for scale, name in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= scale:
            return f"{value / scale:.3g} {name}"
    return f"{value / 1e-9:.3g} ns"


def main(measure: Callable[[bool], list[Row]], title: str) -> int:
    """Command line of a benchmark file: ``--json`` for machines, ``--quick`` for smaller sizes, ``--strict`` to fail on a bar."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer repeats: a smoke run, not a measurement")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args()
    rows = measure(options.quick)
    if options.json:
        print(json.dumps({"machine": machine(), "rows": [{**asdict(r), "figure": r.figure, "ok": r.ok} for r in rows]}, indent=1))
    else:
        print(f"{title}\n{machine()}\n\n{table(rows)}")
    return int(options.strict and any(r.ok is False for r in rows))


def machine() -> str:
    """The processor, the Python and the NumPy of this run."""
    import numpy

    return f"{_processor()}, {os.cpu_count()} cpus; Python {platform.python_version()}, NumPy {numpy.__version__}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as info:
            return next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
