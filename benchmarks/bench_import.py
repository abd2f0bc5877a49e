"""The time `import dualad` and `import dualad.nn` take beyond `import numpy`, in fresh processes."""

from __future__ import annotations

from statistics import median
from tempfile import TemporaryDirectory

from timing import Row, fresh, main

CODE = "import numpy; from time import perf_counter; s = perf_counter(); import {}; print(perf_counter() - s)"


def measure(quick: bool = False) -> list[Row]:
    with TemporaryDirectory() as cache:  # compiled once, as on a user's machine, wherever the sources may be
        env = {"PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        return [row for name, bar in (("dualad", 0.030), ("dualad.nn", 0.060)) for row in _rows(name, bar, 4 if quick else 16, env)]


def _rows(module: str, bar: float, count: int, env: dict[str, str]) -> list[Row]:
    times = [float(p.stdout) for p in fresh(CODE.format(module), count=count, **env)][1:]
    report = fresh(f"import numpy, {module}", "-X", "importtime", **env)[0].stderr
    names = ", ".join(f"{name} {us / 1000:.1f} ms" for us, name in sorted(_modules(report), reverse=True)[:3])
    return [
        Row(f"import {module} beyond numpy, best", min(times), bar=bar),
        Row(f"import {module} beyond numpy, median", median(times), note=f"most: {names}"),
    ]


def _modules(report: str) -> list[tuple[int, str]]:
    """(own microseconds, module) of all that is imported after numpy is complete."""
    lines = [line.removeprefix("import time:").split("|") for line in report.splitlines() if line.startswith("import time:")]
    names = [parts[2].strip() for parts in lines]
    last = names.index("numpy")
    return [(int(parts[0]), name) for parts, name in zip(lines[last + 1 :], names[last + 1 :], strict=True)]


if __name__ == "__main__":
    raise SystemExit(main(measure, "import"))
