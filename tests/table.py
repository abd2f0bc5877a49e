"""The operation table as the tests see it, and operands inside the domain that each line states."""

import numpy as np

from dualad import _core

TABLE = _core.operations()
OPS = {op["numpy"]: op for op in TABLE if op["numpy"]}
UNARY = [n for n, op in OPS.items() if op["arity"] == 1]
BINARY = [n for n, op in OPS.items() if op["arity"] == 2]
HOLO = [n for n, op in OPS.items() if op["holo"]]


def draw(name, shapes, rng, dtype=np.float64):
    """One array (or Python float, for shape None) per operand, inside the domain of the table."""
    op = OPS[name]
    made = [rng.uniform(lo, hi, shape or ()) for lo, hi, shape in zip(op["lo"], op["hi"], shapes, strict=True)]
    return [float(v) if shape is None else np.asarray(v, dtype) for v, shape in zip(made, shapes, strict=True)]


def points(name, rng, count=4):
    return [tuple(draw(name, [None] * OPS[name]["arity"], rng)) for _ in range(count)]


def complex_points(name, rng, shape):
    lo, hi = OPS[name]["lo"], OPS[name]["hi"]
    return [rng.uniform(a, b, shape) + 1j * rng.uniform(0.1, 0.8, shape) for a, b in zip(lo, hi, strict=True)]


def unit(i, n, one=1):
    return tuple(one if i == k else 0 * one for k in range(n))
