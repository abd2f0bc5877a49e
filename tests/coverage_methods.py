"""Sample calls of ndarray's methods, of creation with ``like=``, and of what NumPy does not dispatch."""

import numpy as np
from coverage_samples import COUNTS, NAMED, C, M, P, S, V, Z, along, buffered
from rule_inputs import MASK, ROW


def bound(name, *args, **options):
    """A sample function that calls a method."""
    return lambda x, *operands: getattr(x, name)(*operands, *args, **options)


ARRAY = {
    **{name: [(bound(name), M), (bound(name, axis=1), M), (bound(name, axis=(0, 2), keepdims=True), C)]
       for name in ("sum", "mean", "prod", "std", "var", "max", "min")},
    **{name: along(lambda x, axis=None, name=name: getattr(x, name)(axis)) for name in ("cumsum", "cumprod")},
    "astype": [(bound("astype", complex), M), (bound("astype", float), M)], "choose": [(lambda x, y: MASK.astype(int).choose([x, y]), M, P)],
    "clip": [(bound("clip", -0.5, 0.5), M), (lambda x, low: x.clip(low, 1.5), M, ROW - 1)],
    "compress": [(lambda x: x.compress([True, False, True], axis=0), M)], "conj": [(bound("conj"), Z)],
    "conjugate": [(bound("conjugate"), Z)], "copy": [(bound("copy"), M)], "diagonal": [(bound("diagonal", 1), M)],
    "dot": [(bound("dot"), M, M.T)], "fill": [(buffered(lambda y, v: y.fill(v)), M, 0.3)], "flatten": [(bound("flatten"), C)],
    "item": [(bound("item", 3), M), (bound("item"), 1.3)], "partition": [(buffered(lambda y: y.partition(1, axis=0)), M)],
    "put": [(buffered(lambda y, v: y.put([0, 7], v)), M, S[0, :2])], "ravel": [(bound("ravel"), C)],
    "repeat": [(bound("repeat", COUNTS, 0), M)], "reshape": [(bound("reshape", 4, -1), M), (bound("reshape", (2, 12)), C)],
    "round": [(bound("round", 1), M)], "sort": [(buffered(lambda y: y.sort(axis=0)), M)], "squeeze": [(bound("squeeze"), M[None])],
    "swapaxes": [(bound("swapaxes", 0, 2), C)], "take": [(bound("take", [3, 0, 3], axis=1), M)], "to_device": [(bound("to_device", "cpu"), M)],
    "tolist": [(bound("tolist"), M)], "trace": [(bound("trace"), M)], "transpose": [(bound("transpose", 1, 0, 2), C)],
    "view": [(bound("view"), M), (bound("view", complex), M), (bound("view", float), Z)],
    "T": [(lambda x: x.T, C)], "mT": [(lambda x: x.mT, C)], "flat": [(lambda x: x.flat[3:7], M)], "real": [(lambda x: x.real, Z)],
    "imag": [(lambda x: x.imag, Z)],
}

_BYTES, _INTEGER, _LAYOUT = "bytes", "integer result", "describes the memory"
ARRAY_REASONS = {
    **dict.fromkeys(("byteswap", "getfield", "setfield", "tobytes", "tofile", "dump", "dumps", "data", "ctypes"), _BYTES),
    **dict.fromkeys(("argmax", "argmin", "argsort", "argpartition", "nonzero", "searchsorted", "ndim", "shape", "size"), _INTEGER),
    **dict.fromkeys(("base", "device", "dtype", "flags", "itemsize", "nbytes", "strides", "setflags"), _LAYOUT),
    **dict.fromkeys(("itemset", "newbyteorder", "ptp", "tostring"), "gone from NumPy 2"),
    "all": "true or false", "any": "true or false", "resize": "changes the buffer's size in place; np.resize differentiates",
}

def _filled(out, x):
    for k in range(3):
        out[k] = x[k] * x[k + 1]
    return out


LIKE = {
    **{name: [(lambda x, make=make: make(x, like=x), M), (lambda x, make=make: make([x[0], 2 * x[1]], like=x), V)]
       for name, make in ((k, getattr(np, k)) for k in ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "require"))},
    "full": [(lambda x: np.full((2, 5), x, like=x), V)], "arange": [(lambda x: np.arange(x[0], 4.0, x[1], like=x), NAMED[[0, 3]])],
    **{name: [(lambda x, make=make: make((3, 4), like=x) * x, M)] for name, make in (("zeros", np.zeros), ("ones", np.ones))},
    "empty": [(lambda x: x * np.empty(3, like=x).size, V)],
    "eye": [(lambda x: np.eye(3, like=x) * x, S)], "identity": [(lambda x: np.identity(3, like=x) * x, S)],
    "tri": [(lambda x: np.tri(3, 4, like=x) * x, M)], "fromfunction": [(lambda x: np.fromfunction(lambda i, j: i * x[0] + j * x[1], (2, 3), like=x), V)],
}
LIKE_REASONS = dict.fromkeys(("frombuffer", "fromfile", "fromiter", "fromstring", "genfromtxt", "loadtxt"), "text, files or bytes")

PLAIN_NUMPY = {
    "r_": [(lambda x, y: np.r_[x, 0.5, y], V, ROW)], "c_": [(lambda x, y: np.c_[x, y], V, 2 * V)],
    "vectorize": [(lambda x: np.vectorize(lambda v: v * v if v > 0 else np.sin(v))(x), M)],
    "array": [(lambda x: np.array([[x[0], 1.0], [x[1] * x[2], x[3]]]), V)], "asarray": [(lambda x: np.asarray([x[0], x[1]]), V)],
    "zeros": [(lambda x: _filled(np.zeros(3), x), V)], "empty": [(lambda x: _filled(np.empty(3), x), V)],
    "poly1d": [(lambda p, x: np.poly1d(p)(x), NAMED, V)],
    "polynomial.polynomial.polyval": [(lambda x, c: np.polynomial.polynomial.polyval(x, c), V, ROW)],
    "polynomial.chebyshev.chebval": [(lambda x, c: np.polynomial.chebyshev.chebval(x, c), V, ROW)],
    "polynomial.Polynomial": [(lambda x: np.polynomial.Polynomial([1.0, 2.0, 0.5])(x), V)],
    "kaiser": [(lambda b: np.kaiser(5, b), 2.0)], "ndenumerate": [(lambda x: [v * i[0] for i, v in np.ndenumerate(x)], M)],
    "nditer": [(lambda x: [v * v for v in x.flat], M)], "asarray_chkfinite": [(lambda x: np.asarray_chkfinite(x), M)],
}
