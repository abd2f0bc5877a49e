"""Operands that the rule tests share: every rank, empty, complex, with zeros, ties and NaN."""

import numpy as np

_rng = np.random.default_rng(1)

SCALAR = np.array(1.3)
VECTOR = _rng.normal(size=5)
MATRIX = _rng.normal(size=(3, 4))
CUBE = _rng.normal(size=(2, 3, 4))
COMPLEX = _rng.normal(size=(3, 4)) + 1j * _rng.normal(size=(3, 4))
POSITIVE = np.abs(_rng.normal(size=(3, 4))) + 0.5
ROW = _rng.normal(size=4)
EMPTY = np.zeros((0, 3))
ZEROS = np.array([[1.0, 0, 2], [0, 0, 3.0], [1.5, 2, 3]])
MASK = np.arange(12).reshape(3, 4) % 3 > 0
HOLED = np.where(np.arange(12).reshape(3, 4) % 5 == 1, np.nan, MATRIX)

REAL = {"vector": VECTOR, "matrix": MATRIX, "cube": CUBE}
ARRAYS = {**REAL, "complex": COMPLEX}
ALL = {"scalar": SCALAR, **ARRAYS}


def at(**arrays):
    """Pairs of name and operand for `pytest.mark.parametrize`."""
    return list(arrays.items())


def rows(value, seed=0):
    """A random array in the given shape."""
    return np.random.default_rng(seed).normal(size=value)


def products(functions, operands):
    """Every function at every operand, with readable test names."""
    import pytest

    return [pytest.param(f, x, id=f"{name}-{kind}") for name, f in functions.items() for kind, x in operands.items()]


def cases(**entries):
    """Tests of (function, operand, ...) by name."""
    import pytest

    return [pytest.param(f, xs, id=name) for name, (f, *xs) in entries.items()]
