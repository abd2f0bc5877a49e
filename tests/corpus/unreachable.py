"""What cannot be seen from outside: functions that are errors, and the change that each message asks for.

A name bound by `from numpy import zeros` is out of anybody's reach, and so is a plain buffer that was not made by a call of
NumPy's in the function. The message names the line; with the change the function differentiates.
"""

import math  # noqa: F401  what the message asks for
from math import exp

import numpy as np
from numpy import empty, zeros

from .entry import Entry

TEMPLATE = np.ones(3)
SCRATCH = np.zeros(3)


def imported_zeros(x):
    out = zeros(3)
    for i in range(3):
        out[i] = x[i] ** 2
    return out


def imported_empty(x):
    out = empty((2, 2))
    out[0, :] = x[:2]
    out[1, :] = 2.0 * x[1:]
    return out


def imported_exp(x):
    return np.array([exp(x[0]), x[1] * x[2]])


def copy_of_captured(x):
    y = TEMPLATE.copy()
    y[1] = x[0] * x[1]
    return y * x


def arithmetic_on_plain(x):
    w = 0.5 * TEMPLATE
    w[0] = x[2] ** 3
    return w + x


def captured_buffer(x):
    SCRATCH[:] = 2.0
    SCRATCH[1] += x[1] * x[1]
    return SCRATCH * x


def copy_of_argument(x, start=TEMPLATE):
    y = start.copy()
    for _ in range(3):
        y += 0.1 * (x - y)
    return y


def index_of_plain(x):
    y = TEMPLATE[[2, 0, 1]]
    y[:2] = x[1:] ** 2
    return y


def random_start(x):
    y = np.random.default_rng(0).normal(size=3)
    y[y < 0] *= x[0]
    return y


def cast_type(x):
    y = np.arange(3).astype(float)
    np.multiply(y, x, out=y)
    return y


def float_cast(x):
    total = 0.0
    for v in x:
        total += float(v) ** 2
    return total


def float_of_result(x):
    norm = float(np.sqrt(np.sum(x**2)))
    return x / norm


def printed_progress(x):
    total = np.sum(x**2)
    message = "the sum is %.3f" % total  # noqa: UP031
    return total * x if message else x


_x = np.array([0.5, 1.5, -2.0])
CORPUS = [
    Entry(imported_zeros, (_x,), "from numpy import zeros", line="out[i] = x[i] ** 2", says="np.zeros", change=("= zeros(",
          "= np.zeros(")),
    Entry(imported_empty, (_x,), "from numpy import empty", line="out[0, :] = x[:2]", says="np.zeros", change=("= empty(",
          "= np.empty(")),
    Entry(imported_exp, (_x,), "from math import exp", line="return np.array([exp(x[0]), x[1] * x[2]])", says="math.sin",
          change=("[exp(", "[math.exp(")),
    Entry(copy_of_captured, (_x,), "captured buffer, copy", line="y[1] = x[0] * x[1]", says="np.array(x0)",
          change=("TEMPLATE.copy()", "np.array(TEMPLATE)")),
    Entry(arithmetic_on_plain, (_x,), "arithmetic on a plain array", line="w[0] = x[2] ** 3", says="np.array(x0)",
          change=("0.5 * TEMPLATE", "np.array(0.5 * TEMPLATE)")),
    Entry(captured_buffer, (_x,), "captured buffer", line="SCRATCH[1] += x[1] * x[1]", says="outside the function",
          change=("SCRATCH[:] = 2.0", "SCRATCH = np.full(3, 2.0)")),
    Entry(copy_of_argument, (_x,), "copy of another argument, +=", line="y += 0.1 * (x - y)", says="np.array(x0)",
          change=("start.copy()", "np.array(start)")),
    Entry(index_of_plain, (_x,), "advanced index of a plain array", line="y[:2] = x[1:] ** 2", says="np.array(x0)",
          change=("TEMPLATE[[2, 0, 1]]", "np.array(TEMPLATE[[2, 0, 1]])")),
    Entry(random_start, (_x,), "random buffer, mask *=", line="y[y < 0] *= x[0]", says="np.array(x0)",
          change=("np.random.default_rng(0).normal(size=3)", "np.array(np.random.default_rng(0).normal(size=3))")),
    Entry(cast_type, (_x,), "astype, out=", line="np.multiply(y, x, out=y)", says="np.array(x0)",
          change=("np.arange(3).astype(float)", "np.array(np.arange(3).astype(float))")),
    Entry(float_cast, (_x,), "float()", line="total += float(v) ** 2", says="float(x)", change=("float(v)", "v")),
    Entry(float_of_result, (_x,), "float()", line="norm = float(np.sqrt(np.sum(x**2)))", says="float(x)",
          change=("float(np.sqrt(np.sum(x**2)))", "np.sqrt(np.sum(x**2))")),
    Entry(printed_progress, (_x,), "% formatting", line='message = "the sum is %.3f" % total  # noqa: UP031', says="float(x)",
          change=('"the sum is %.3f" % total  # noqa: UP031', 'f"the sum is {total:.3f}"')),
]
