"""What differentiation adds to one NumPy call on a small array: recording it, its reverse sweep, its forward derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from timing import Row, best, main, unrolled

import dualad as da

CALLS = 50  # in one recording, so that the cost of starting a transform does not count
US = 1e6

# Each statement maps x to an array of the same shape, or adds a scalar to s: so the calls form a chain, and all of them are swept.
VECTOR = {
    "x[0:9]": "x = x[0:9]", "x[2]": "s = s + x[2]", "np.reshape(x, (3, 3)), and back": "x = np.reshape(np.reshape(x, (3, 3)), (9,))",
    "x.reshape(3, 3), and back": "x = x.reshape(3, 3).reshape(9)", "np.broadcast_to(x, (2, 9))": "x = np.broadcast_to(x, (2, 9))[0]",
    "np.sum(x)": "s = s + np.sum(x)", "x.sum()": "s = s + x.sum()", "np.mean(x)": "s = s + np.mean(x)", "x.mean()": "s = s + x.mean()",
    "x + y": "x = x + y", "x * y": "x = x * y", "np.sin(x)": "x = np.sin(x)", "np.tanh(x)": "x = np.tanh(x)",
    "np.maximum(x, 0.5)": "x = np.maximum(x, 0.5)", "np.where(m, x, y)": "x = np.where(m, x, y)", "np.clip(x, 0.1, 0.9)": "x = np.clip(x, 0.1, 0.9)",
    "np.max(x)": "s = s + np.max(x)", "np.prod(x)": "s = s + np.prod(x)", "np.std(x)": "s = s + np.std(x)", "np.var(x)": "s = s + np.var(x)",
    "np.linalg.norm(x)": "s = s + np.linalg.norm(x)", "np.dot(x, y)": "s = s + np.dot(x, y)", "x @ y": "s = s + x @ y",
    "np.cumsum(x)": "x = np.cumsum(x)", "np.diff(x, prepend=0.0)": "x = np.diff(x, prepend=0.0)", "np.roll(x, 1)": "x = np.roll(x, 1)",
    "x[i]": "x = x[i]", "np.take(x, i)": "x = np.take(x, i)", "np.sort(x)": "x = np.sort(x)", "np.flip(x)": "x = np.flip(x)",
    "np.concatenate((x, y))": "x = np.concatenate((x, y))[0:9]", "np.stack((x, y))": "x = np.stack((x, y))[0]",
    "np.outer(x, y)": "x = np.outer(x, y)[0]", "np.interp(x, g, h)": "x = np.interp(x, g, h)",
}
MATRIX = {
    "x.T": "x = x.T", "np.transpose(x)": "x = np.transpose(x)", "np.swapaxes(x, 0, 1)": "x = np.swapaxes(x, 0, 1)", "x[1, 2]": "s = s + x[1, 2]",
    "x[1] (row)": "s = s + x[1][2]", "np.sum(x, axis=0)": "s = s + np.sum(x, axis=0)[2]", "np.mean(x, axis=1)": "s = s + np.mean(x, axis=1)[2]",
    "x @ b": "x = x @ b", "np.einsum('ij,jk->ik', x, b)": "x = np.einsum('ij,jk->ik', x, b)", "np.trace(x)": "s = s + np.trace(x)",
    "np.linalg.solve(b, x)": "x = np.linalg.solve(b, x)", "np.linalg.inv(x)": "x = np.linalg.inv(x)", "np.linalg.det(x)": "s = s + np.linalg.det(x)",
}
# C kernels or a few lines of them: recording and sweep together stay below the second bar.
CHEAP = ("x[0", "x[1", "x[2", "np.reshape", "x.reshape", "np.transpose", "x.T", "np.swapaxes", "np.broadcast_to", "np.sum", "x.sum", "np.mean",
         "x.mean")
RECORDING, SWEPT = 1.0, 2.0


def point(shape: tuple[int, ...]) -> Any:
    """The x that the statements start with; a regular one where it is a matrix."""
    x = np.linspace(0.2, 1.3, 9).reshape(shape)
    return x + np.eye(3) if len(shape) == 2 else x


def operands() -> dict[str, Any]:
    """What the statements name."""
    rng = np.random.default_rng(3)
    return {
        "np": np, "y": rng.uniform(0.9, 1.1, 9), "m": np.arange(9) % 2 > 0, "i": rng.permutation(9), "g": np.linspace(0, 2, 5),
        "h": np.linspace(0, 2, 5), "b": np.linalg.qr(rng.normal(size=(3, 3)))[0],
    }  # fmt: skip


def chained(statement: str) -> Callable[[Any], Any]:
    """A function of x that runs the statement `CALLS` times."""
    names = operands()
    body = "\n    ".join([statement] * CALLS)
    exec(f"def run(x):\n    s = 0.0\n    {body}\n    return {'x' if statement.startswith('x') else 's'}\n", names)
    return names["run"]


class Passive:
    """An array-like with NumPy's protocols and nothing behind them."""

    def __array_function__(self, *args: Any) -> None: ...

    def __array_ufunc__(self, *args: Any) -> None: ...


def asking(call: str, seconds: float) -> float | None:
    """Microseconds of a function of NumPy's that finds a class which does nothing: the part of a recorded call that is NumPy's own
    way to dualad. None for methods and operators, which go straight there."""
    if not call.startswith("np."):
        return None
    run = unrolled(call.removesuffix(", and back"), CALLS, **{**operands(), "x": Passive()})
    return best({"asked": run}, seconds)["asked"] / CALLS * US


def added(statement: str, shape: tuple[int, ...], seconds: float) -> dict[str, float]:
    """Microseconds of one plain call, and what each use adds to it."""
    f, x = chained(statement), point(shape)
    weight = np.ones_like(f(x)) if statement.startswith("x") else 1.0

    def both() -> Any:
        return da.vjp(f, x)[1](weight)

    times = best({"plain": lambda: f(x), "record": lambda: da.vjp(f, x), "swept": both, "jvp": lambda: da.jvp(f, (x,), (x,))}, seconds)
    plain = times.pop("plain")
    return {"plain": plain / CALLS * US, **{name: (t - plain) / CALLS * US for name, t in times.items()}}


def rows(call: str, cost: dict[str, float], asked: float | None) -> list[Row]:
    cheap = call.startswith(CHEAP)
    note = f"(plain {cost['plain']:.2f} us" + ("" if asked is None else f", asking a class {asked:.2f}") + ")"
    return [
        Row(f"{call}: recording adds", cost["record"], "us", bar=RECORDING, note=note),
        Row(f"{call}: and its reverse sweep", cost["swept"], "us", bar=SWEPT if cheap else None),
        Row(f"{call}: jvp adds", cost["jvp"], "us"),
    ]


def measure(quick: bool = False) -> list[Row]:
    seconds = 0.05 if quick else 0.4
    out: list[Row] = []
    first = added("x = x[0:9]", (9,), seconds)
    for table, shape in ((VECTOR, (9,)), (MATRIX, (3, 3))):
        for call, statement in table.items():
            cost = added(statement, shape, seconds)
            asked = asking(call, seconds / 8)
            if "and back" in call:
                cost = {name: t / 2 for name, t in cost.items()}
            if statement.endswith((")[0]", ")[0:9]")):  # the index that closes the chain is another call
                cost = {name: t - first[name] for name, t in cost.items()}
            out += rows(call, cost, asked)
    return out


if __name__ == "__main__":
    raise SystemExit(main(measure, "what differentiation adds to a NumPy call (9 elements)"))
