"""What every ufunc of the operation table means, written once more in mpmath: the independent side of the table tests."""

import mpmath as mp


def _mod(x, y):
    return x - y * mp.floor(x / y)


def _truncated(x):
    return mp.floor(x) if mp.re(x) >= 0 else mp.ceil(x)


def _round(x):
    return mp.nint(x)


FUNCTIONS = {
    "positive": lambda x: x,
    "negative": lambda x: -x,
    "absolute": abs,
    "fabs": abs,
    "sign": mp.sign,
    "rint": _round,
    "floor": mp.floor,
    "ceil": mp.ceil,
    "trunc": _truncated,
    "square": lambda x: x * x,
    "sqrt": mp.sqrt,
    "cbrt": lambda x: mp.sign(x) * mp.root(abs(x), 3),
    "reciprocal": lambda x: 1 / x,
    "exp": mp.exp,
    "exp2": lambda x: mp.mpf(2) ** x,
    "expm1": lambda x: mp.exp(x) - 1,
    "log": mp.log,
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "log1p": lambda x: mp.log(1 + x),
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "degrees": lambda x: x * 180 / mp.pi,
    "rad2deg": lambda x: x * 180 / mp.pi,
    "radians": lambda x: x * mp.pi / 180,
    "deg2rad": lambda x: x * mp.pi / 180,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "floor_divide": lambda x, y: mp.floor(x / y),
    "remainder": _mod,
    "fmod": lambda x, y: x - y * _truncated(x / y),
    "power": lambda x, y: x**y,
    "float_power": lambda x, y: x**y,
    "hypot": lambda x, y: mp.sqrt(x * x + y * y),
    "arctan2": mp.atan2,
    "copysign": lambda x, y: abs(x) if y >= 0 else -abs(x),
    "heaviside": lambda x, y: y if x == 0 else mp.mpf(x > 0),
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "logaddexp2": lambda x, y: mp.log(mp.mpf(2) ** x + mp.mpf(2) ** y) / mp.log(2),
    "maximum": max,
    "minimum": min,
    "fmax": max,
    "fmin": min,
}

# Functions of the grid of floating-point numbers: stated derivatives instead of a definition over the reals.
STATED = {"spacing": (0.0,), "nextafter": (1.0, 0.0)}


def derivative(name, point, orders):
    """A mixed partial derivative as a float (or complex) correct to double precision."""
    if name in STATED:
        return STATED[name][orders.index(1)] if sum(orders) == 1 else 0.0
    f = FUNCTIONS[name]
    with mp.workdps(40):
        if len(orders) == 1:
            value = mp.diff(f, mp.mpmathify(point[0]), orders[0])
        else:
            value = mp.diff(f, tuple(map(mp.mpmathify, point)), orders)
    return complex(value) if isinstance(value, mp.mpc) and any(isinstance(p, complex) for p in point) else float(mp.re(value))
