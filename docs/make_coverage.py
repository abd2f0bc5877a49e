"""Writes coverage.md: for every function of NumPy's namespaces what dualad does with it, found out by calling it.

    python docs/make_coverage.py            # writes docs/coverage.md
    python docs/make_coverage.py --check    # exit code 1 when the file is out of date
"""

from __future__ import annotations

import argparse
import functools
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))

import coverage_methods as methods  # noqa: E402
import coverage_ufuncs as ufuncs  # noqa: E402
from coverage_checks import CHECKS, status  # noqa: E402
from coverage_samples_more import FAMILIES, REASONS  # noqa: E402

FILE = ROOT / "docs" / "coverage.md"
NAMESPACES = ("", "linalg.", "fft.", "emath.", "lib.stride_tricks.")
TITLES = {"forward": "forward", "reverse": "reverse", "second": "second order", "seeds": "many seeds"}
INTRODUCTION = f"""# Coverage of NumPy

Made by `docs/make_coverage.py` from the namespaces of NumPy {np.__version__}; `tests/test_coverage.py` fails when a function is missing here.
Each *yes* comes from sample calls (`tests/coverage_*.py`) that were run:

- **forward**: the value is NumPy's, bit for bit, and the tangent agrees with central differences;
- **reverse**: the value again, and the cotangents agree with the tangents (<w, Jt> = <J*w, t>);
- **second order**: Hessian-vector products agree with differences of gradients, and with the reverse of the gradient;
- **many seeds**: whole Jacobians, swept both ways, with as many seeds as an axis has elements.

All operands of a sample are differentiated, complex ones included.
"""


def functions() -> dict[str, Any]:
    """Every function with `__array_function__` dispatch, by its name below ``numpy.``."""
    found = {}
    for space in NAMESPACES:
        module = functools.reduce(getattr, [part for part in space.split(".") if part], np)
        for name in sorted(vars(module)):
            function = None if name.startswith("_") else getattr(module, name)
            if hasattr(function, "_implementation"):
                found[space + name] = function
    return found


def creators() -> list[str]:
    """Functions that take ``like=``, which dispatches too."""
    names = (name for name in sorted(vars(np)) if not name.startswith("_"))
    made = [name for name in names if callable(getattr(np, name)) and not hasattr(getattr(np, name), "_implementation")]
    return [name for name in made if any(word in (getattr(np, name).__doc__ or "") for word in ("like : array_like", "like=None"))]


def sampled() -> dict[str, tuple[str, list[Any]]]:
    """Family and samples of each function."""
    return {space + name: (family, samples) for family, (space, table) in FAMILIES.items() for name, samples in table.items()}


def attributes() -> list[str]:
    """Methods and attributes of ndarray."""
    return [name for name in dir(np.ndarray) if not name.startswith("_")]


def without_rule() -> list[str]:
    """What has neither a sample nor a reason."""
    known = {*sampled(), *REASONS}
    missing = [f"numpy.{name}" for name in functions() if name not in known]
    missing += [f"numpy.{name}(like=)" for name in creators() if name not in {*methods.LIKE, *methods.LIKE_REASONS}]
    return missing + [f"ndarray.{name}" for name in attributes() if name not in {*methods.ARRAY, *methods.ARRAY_REASONS}]


# ---- the tables ----


def cell(failure: str | None) -> str:
    return "yes" if failure is None else "**no**"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    return ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows)] + [""]


def checked(prefix: str, samples: dict[str, list[Any]]) -> list[str]:
    """One line a function, one column a check."""
    rows = [[f"`{prefix}{name}`", *map(cell, status(calls).values())] for name, calls in sorted(samples.items())]
    return table(("", *(TITLES[check] for check in CHECKS)), rows)


def reasoned(prefix: str, reasons: dict[str, str]) -> list[str]:
    """One line a reason."""
    by_reason: dict[str, list[str]] = {}
    for name, why in sorted(reasons.items()):
        by_reason.setdefault(why, []).append(f"`{prefix}{name}`")
    return table(("because of", "functions"), ([why, ", ".join(names)] for why, names in sorted(by_reason.items())))


def ufunc_rows() -> list[list[str]]:
    rows = []
    for name, ufunc in ufuncs.ufuncs().items():
        if ufuncs.reason(ufunc) is None:
            calls, ulps = ufuncs.samples(name, ufunc), ufuncs.ULPS.get(name, 0)
            passed = {method: not any(status(samples, ulps).values()) for method, samples in calls.items()}
            rows.append([f"`{name}`", *("" if m not in passed else "yes" if passed[m] else "**no**" for m in ufuncs.METHODS)])
    return rows


def text() -> str:
    """The whole page."""
    here, lines = functions(), [INTRODUCTION]
    for family, (space, samples) in FAMILIES.items():
        present = {name: calls for name, calls in samples.items() if space + name in here}
        lines += [f"## {family.capitalize() if family[0].islower() else family}", "", *checked(f"np.{space}", present)]
    lines += ["## Ufuncs and their methods", "", "*Yes* means all four checks; no entry: NumPy has no such call.", ""]
    lines += table(("", "call", *(f"`.{m}`" for m in ufuncs.METHODS[1:])), ufunc_rows())
    lines += ["## Methods and attributes of arrays", "", *checked("x.", methods.ARRAY)]
    lines += ["## Creation with `like=`", "", *checked("np.", methods.LIKE)]
    lines += ["## What NumPy does not dispatch", "", "Reached through object arrays, through operators, or by a second run under a hook.", ""]
    lines += checked("np.", methods.PLAIN_NUMPY)
    lines += ["## Without a derivative", "", "These give what NumPy gives for the plain values.", ""]
    lines += reasoned("np.", {name: why for name, why in REASONS.items() if name in here})
    plain = {name: why for name, f in ufuncs.ufuncs().items() if (why := ufuncs.reason(f))}
    lines += ["Ufuncs:", "", *reasoned("np.", plain)]
    present = {name: why for name, why in methods.ARRAY_REASONS.items() if hasattr(np.ndarray, name)}
    lines += ["Methods and attributes:", "", *reasoned("x.", present)]
    lines += ["With `like=`:", "", *reasoned("np.", methods.LIKE_REASONS)]
    lines += ["`np.random`: draws have no derivative; what is computed from them has. `np.strings`, `np.char`: text.", ""]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    missing = without_rule()
    if missing:
        print("neither rule nor reason:", ", ".join(missing))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = text()
    if check:
        return int(bool(missing) or FILE.read_text(encoding="utf-8") != page)
    FILE.write_text(page, encoding="utf-8")
    return int(bool(missing))


if __name__ == "__main__":
    raise SystemExit(main())
