"""What cannot be seen from outside: functions that are errors, and the change that each message asks for.

A name bound by `from numpy import zeros` is out of anybody's reach, and so is a plain buffer that was not made by a call of NumPy's in the
function. The message names the line; with the change the function differentiates.
"""

import math
from math import exp
from numbers import Number

import numpy as np
from numpy import array, empty, zeros

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


def slice_of_plain(x):
    y = TEMPLATE[::-1]
    y[:2] = x[1:] ** 2
    return y


def float_cast(x):
    total = 0.0
    for v in x:
        total += float(v) ** 2
    return total


CORPUS = [
    Entry(imported_zeros, (np.array([0.5, 1.5, -2.0]),), "from numpy import zeros", line="out[i] = x[i] ** 2", says="np.zeros", change=("= zeros(", "= np.zeros(")),
]
