"""Sample calls of every ufunc and of its methods, made from NumPy's own list."""

import numpy as np
from coverage_samples import buffered
from rule_inputs import rows

METHODS = ("call", "reduce", "accumulate", "reduceat", "outer", "at")
# Operands lie inside the domain of every ufunc, away from kinks; those of SHIFT need others.
SHIFT = {"arccosh": 1.5, "acosh": 1.5}
X = np.abs(rows((3, 4), 8)) % 0.7 + 0.15
Y = np.abs(rows((3, 4), 9)) % 0.7 + 0.15
LINE, OTHER = X.ravel()[:5], Y.ravel()[:5]
MASK = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]], bool)
PLACES, ONCE = np.array([0, 3, 0]), np.array([0, 3])
# NumPy's SIMD loops round these differently for whole arrays and for one element at a time.
ULPS = dict.fromkeys(("power", "pow", "float_power", "arctan2", "atan2"), 4)
PRODUCTS = {"matmul": (X, Y.T), "vecdot": (X, Y), "matvec": (X, Y[0]), "vecmat": (X[:, 0], Y)}


def ufuncs():
    """All ufuncs of the namespace by name, aliases included."""
    return {name: f for name, f in sorted(vars(np).items()) if isinstance(f, np.ufunc)}


def reason(ufunc):
    """Why a ufunc has no derivative, or None when it has one."""
    loops = [loop for loop in ufunc.types if set(loop) <= set("fdgFDGe->l?i")]
    results = {loop.split("->")[1] for loop in loops if loop[0] in "dD"}
    if not results:
        return "integers or dates only"
    return None if any(set(r) & set("dD") for r in results) else "true or false" if results == {"?"} else "integer result"


def _operands(name, ufunc):
    shift = SHIFT.get(name, 0.0)
    return PRODUCTS.get(name) or (X + shift, Y + shift)[: 2 if name != "ldexp" and ufunc.nin == 2 else 1]


def _exponents(function):
    """ldexp takes integer exponents, which are not differentiated."""
    return lambda x, *_: function(x, np.arange(12).reshape(3, 4)[: x.shape[0]] if x.ndim == 2 else np.arange(x.size))


def samples(name, ufunc):
    """Samples by method, for what NumPy itself can do."""
    call = _exponents(ufunc) if name == "ldexp" else ufunc
    out = {"call": [(call, *_operands(name, ufunc))]}
    if ufunc.signature is not None:
        return out
    if ufunc.nout == 1 and name != "ldexp":
        out["call"] += [(lambda *xs: ufunc(*xs, where=MASK, out=np.zeros_like(xs[0])), *_operands(name, ufunc))]
        out["at"] = [(buffered(lambda y, *v: ufunc.at(y, PLACES if v else ONCE, *v)), *_line_operands(name, ufunc))]
    if ufunc.nin == 2 and name != "ldexp":
        out["outer"] = [(ufunc.outer, X, OTHER)]
        if ufunc.nout == 1:
            # not along the last axis: there NumPy's own power.reduce and arctan2.reduce are wrong on processors with AVX-512
            out["reduce"] = [(lambda x: ufunc.reduce(x, axis=0), X), (lambda x: ufunc.reduce(x, axis=0, keepdims=True), X)]
            out["accumulate"] = [(ufunc.accumulate, LINE), (lambda x: ufunc.accumulate(x, axis=1), X)]
            out["reduceat"] = [(lambda x: ufunc.reduceat(x, [0, 2, 1], axis=0), X)]
    return out


def _line_operands(name, ufunc):
    """The buffer and, for binary ufuncs, what is combined with it."""
    return (LINE + SHIFT.get(name, 0), OTHER[:3])[: ufunc.nin]
