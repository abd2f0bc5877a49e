"""Sample calls, continued: linear algebra, Fourier transforms, polynomials, statistics, and functions without a derivative."""

import coverage_samples as base
import numpy as np
from coverage_samples import BETWEEN, C, M, P, S, V, Z, buffered
from rule_inputs import MASK, ROW, rows

SPD = S @ S.T + 3 * np.eye(3)
SYM = S + S.T
PAIR = rows((2, 3, 3), 4)
HERMITIAN = Z[:, :3] + Z[:, :3].conj().T
SPREAD = np.array([0.1, 0.35, 0.62, 0.9])
X, Y = np.linspace(0.1, 0.9, 7), np.linspace(0.15, 0.8, 7)


def definite(a):
    """A positive definite matrix that moves with `a`."""
    return np.swapaxes(a, -1, -2) @ a + 2 * np.eye(3)


def hermitian(a):
    return a + np.conj(np.swapaxes(a, -1, -2))


def outer_of(v):
    """What a set of eigenvectors determines uniquely: phases drop out."""
    return np.abs(v) ** 2


LINALG = {
    "solve": [(np.linalg.solve, S, S.T), (np.linalg.solve, PAIR, V[:3]), (np.linalg.solve, Z[:, :3], S)],
    "inv": [(np.linalg.inv, S), (np.linalg.inv, PAIR), (np.linalg.inv, Z[:, :3])],
    "pinv": [(np.linalg.pinv, M), (np.linalg.pinv, PAIR), (np.linalg.pinv, Z)], "det": [(np.linalg.det, S), (np.linalg.det, PAIR)],
    "slogdet": [(np.linalg.slogdet, S), (np.linalg.slogdet, PAIR)],
    "cholesky": [(lambda a: np.linalg.cholesky(definite(a)), S), (lambda a: np.linalg.cholesky(definite(a)), PAIR)],
    "qr": [(lambda a, mode=mode: np.linalg.qr(a, mode), M.T) for mode in ("reduced", "r")]
    + [(lambda a: np.linalg.qr(a, "complete"), S), (np.linalg.qr, M), (np.linalg.qr, PAIR)],
    "eig": [(lambda a: np.linalg.eig(a)[0], S), (lambda a: outer_of(np.linalg.eig(a)[1]), S)],
    "eigvals": [(np.linalg.eigvals, S), (np.linalg.eigvals, PAIR)],
    "eigh": [(lambda a: np.linalg.eigh(hermitian(a)), S), (lambda a: np.linalg.eigh(hermitian(a))[0], Z[:, :3]),
             (lambda a: np.linalg.eigh(a, "U"), SYM)],
    "eigvalsh": [(lambda a: np.linalg.eigvalsh(hermitian(a)), S), (np.linalg.eigvalsh, PAIR)],
    "svd": [(lambda a: np.linalg.svd(a, full_matrices=False), M), (lambda a: np.linalg.svd(a, compute_uv=False), Z), (np.linalg.svd, S)],
    "svdvals": [(np.linalg.svdvals, M), (np.linalg.svdvals, PAIR)],
    "lstsq": [(lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], M.T, ROW),
              (lambda a, b: np.linalg.lstsq(a, b, rcond=None)[:2], M.T, P.T)],
    "norm": [(np.linalg.norm, M), (lambda x: np.linalg.norm(x, axis=1), M),
             *((lambda x, ord=ord: np.linalg.norm(x, ord), V) for ord in (1, 2, 3, -1, 0.5, np.inf, -np.inf)),
             *((lambda x, ord=ord: np.linalg.norm(x, ord), M) for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf))],
    "matrix_norm": [(np.linalg.matrix_norm, C), (lambda x: np.linalg.matrix_norm(x, ord="nuc"), M)],
    "vector_norm": [(np.linalg.vector_norm, M), (lambda x: np.linalg.vector_norm(x, axis=0, ord=3), M)],
    "cond": [(lambda a, p=p: np.linalg.cond(a, p), S) for p in (None, 1, "fro", np.inf, -2)],
    "matrix_power": [(lambda a, n=n: np.linalg.matrix_power(a, n), S) for n in (0, 1, 3, -2)],
    "multi_dot": [(lambda a, b, c: np.linalg.multi_dot([a, b, c]), S, M, ROW)],
    "tensorsolve": [(np.linalg.tensorsolve, rows((2, 3, 6), 5), rows((2, 3), 6))],
    "tensorinv": [(lambda a: np.linalg.tensorinv(a, ind=1), rows((6, 2, 3), 5))],
    "matmul": [(np.linalg.matmul, M, M.T)], "outer": [(np.linalg.outer, V, ROW)],
    "tensordot": [(lambda a, b: np.linalg.tensordot(a, b, axes=1), S, M)], "vecdot": [(np.linalg.vecdot, Z, M)],
    "cross": [(np.linalg.cross, S, S.T)], "diagonal": [(lambda x: np.linalg.diagonal(x, offset=1), C)],
    "trace": [(np.linalg.trace, C)], "matrix_transpose": [(np.linalg.matrix_transpose, C)],
}


def _transform(function, x):
    """One length kept, one cut, one padded, each norm."""
    return [(function, x), (lambda a: function(a, n=3), x), (lambda a: function(a, n=7, axis=0, norm="ortho"), x),
            (lambda a: function(a, norm="forward"), x)]


def _transforms(function, x):
    return [(function, x), (lambda a: function(a, s=(3, 5), axes=(0, 1), norm="ortho"), x)]


FFT = {
    **{name: _transform(getattr(np.fft, name), x) for name, x in
       {"fft": Z, "ifft": Z, "rfft": M, "irfft": Z, "hfft": Z, "ihfft": M}.items()},
    **{name: _transforms(getattr(np.fft, name), x) for name, x in
       {"fft2": Z, "ifft2": Z, "fftn": Z, "ifftn": Z, "rfft2": M, "rfftn": M, "irfft2": Z, "irfftn": Z}.items()},
    "fftshift": [(np.fft.fftshift, M)], "ifftshift": [(lambda x: np.fft.ifftshift(x, axes=0), V)],
}

POLYNOMIALS = {
    "polyval": [(np.polyval, V, M)], "polyder": [(lambda p: np.polyder(p, 2), V)],
    "polyint": [(lambda p, k: np.polyint(p, 1, k), V, 0.3)], "polyadd": [(np.polyadd, V, ROW)], "polysub": [(np.polysub, ROW, V)],
    "polymul": [(np.polymul, V, ROW)], "polydiv": [(np.polydiv, V, S[0])], "poly": [(np.poly, V), (np.poly, S)],
    "roots": [(np.roots, np.array([1.0, -6.5, 11.2, -6.1])), (np.roots, np.array([1.0, 0.3, 2.0]))],
    "polyfit": [(lambda x, y, w: np.polyfit(x, y, 2, w=w), np.arange(5.0), V, np.array([1.0, 2, 1, 0.5, 1]))],
    "vander": [(np.vander, V), (lambda x: np.vander(x, 3, increasing=True), V)],
}

INTERPOLATION = {
    "interp": [(np.interp, BETWEEN, np.arange(4.0), ROW), (lambda x, y: np.interp(x, np.arange(4.0), y, period=5.0), BETWEEN, ROW)],
    "linspace": [(lambda a, b: np.linspace(a, b, 5), 0.3, V), (lambda a, b: np.linspace(a, b, 4, endpoint=False, axis=1), V, 2.0)],
    "logspace": [(lambda a, b: np.logspace(a, b, 5), 0.3, 1.2)], "geomspace": [(lambda a, b: np.geomspace(a, b, 5), 0.3, 1.2)],
}

ELEMENTWISE = {
    "angle": [(np.angle, Z), (lambda z: np.angle(z, deg=True), Z)], "sinc": [(np.sinc, M), (np.sinc, np.array([0.0, 0.5, 1.0]))],
    "i0": [(np.i0, 3 * V)], "nan_to_num": [(lambda x: np.nan_to_num(x, nan=0.5), np.where(MASK, np.nan, M))],
    "round": [(lambda x: np.round(x, 1), M)], "around": [(lambda x: np.around(x, 1), M)], "fix": [(lambda x: np.fix(x), M)],
    "apply_along_axis": [(lambda x: np.apply_along_axis(lambda v: v * v[0], 1, x), M)],
}

HISTOGRAMS = {
    "histogram": [(lambda w: np.histogram(X, 3, weights=w)[0], Y), (lambda w: np.histogram(X, SPREAD, weights=w, density=True)[0], Y),
                  (lambda x: np.histogram(x, 4)[1], X)],
    "histogram2d": [(lambda w: np.histogram2d(X, Y, 2, weights=w)[0], X)],
    "histogramdd": [(lambda w: np.histogramdd(np.stack([X, Y], 1), 2, weights=w)[0], X)],
    "histogram_bin_edges": [(lambda x: np.histogram_bin_edges(x, 4), X)],
    "bincount": [(lambda w: np.bincount([0, 2, 2, 1, 4], weights=w), V)],
}

_BELOW = np.array([-0.4, 0.3, 1.7, -2.1])

EMATH = {
    **{name: [(getattr(np.emath, name), _BELOW)] for name in ("sqrt", "log", "log2", "log10", "arccos", "arcsin", "arctanh")},
    "logn": [(lambda n, x: np.emath.logn(n, x), 2.5, _BELOW)], "power": [(lambda x: np.emath.power(x, 1.5), _BELOW)],
}

WINDOWS = {"sliding_window_view": [(lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1), M)]}

MAKING = {
    "zeros_like": [(buffered(lambda y, v: y.__setitem__(slice(2), v)), V, 0.7), (lambda x: np.zeros_like(x) + x, M)],
    "ones_like": [(lambda x: np.ones_like(x) * x, M)], "full_like": [(lambda x, v: np.full_like(x, v), M, 0.7)],
    "empty_like": [(lambda x: np.multiply(x, 2, out=np.empty_like(x)), M)],
}

# What has no derivative, and why.
INTEGER, TRUTH, TEXT, DATES = "integer result", "true or false", "text or files", "dates"
REASONS = {
    **dict.fromkeys(("argmax", "argmin", "nanargmax", "nanargmin", "argsort", "argpartition", "argwhere", "flatnonzero", "nonzero",
                     "lexsort", "searchsorted", "digitize", "count_nonzero", "unravel_index", "ravel_multi_index", "ix_",
                     "diag_indices_from", "tril_indices_from", "triu_indices_from", "packbits", "unpackbits", "ndim", "shape", "size",
                     "linalg.matrix_rank"), INTEGER),
    **dict.fromkeys(("all", "any", "allclose", "array_equal", "array_equiv", "isclose", "iscomplex", "iscomplexobj", "isin", "in1d",
                     "isneginf", "isposinf", "isreal", "isrealobj", "can_cast", "may_share_memory", "shares_memory"), TRUTH),
    **dict.fromkeys(("array2string", "array_repr", "array_str", "save", "savetxt", "savez", "savez_compressed"), TEXT),
    **dict.fromkeys(("busday_count", "busday_offset", "is_busday", "datetime_as_string"), DATES),
    **dict.fromkeys(("result_type", "common_type", "min_scalar_type"), "a dtype"),
    "einsum_path": "an order of contraction",
}

# Those that take floating operands run on the plain values; how they are called, where the operand alone does not do.
PASSING = {
    **{name: None for name, why in REASONS.items() if why in (TEXT, DATES)},
    **dict.fromkeys(("unravel_index", "ravel_multi_index", "packbits", "unpackbits", "ix_", "in1d"), None),
    **{name: (lambda f, x: f(x, x)) for name in
       ("allclose", "array_equal", "array_equiv", "isclose", "isin", "may_share_memory", "shares_memory", "lexsort")},
    "argpartition": lambda f, x: f(x, 1), "digitize": lambda f, x: f(x, [0.0, 1.0]), "searchsorted": lambda f, x: f(np.sort(x[0]), 0.3),
    "can_cast": lambda f, x: f(x.dtype, "f4"), "diag_indices_from": lambda f, x: f(x[:, :3]), "lexsort": lambda f, x: f((x[0], x[1])),
    "einsum_path": lambda f, x: f("ij,ik", x, x), "array2string": lambda f, x: f(x), "array_repr": lambda f, x: f(x),
    "array_str": lambda f, x: f(x),
}

FAMILIES = {
    "elementwise": ("", ELEMENTWISE), "reductions": ("", base.REDUCTIONS), "cumulative": ("", base.CUMULATIVE),
    "shape": ("", base.SHAPES), "joining and splitting": ("", base.JOINING), "indexing and selection": ("", base.INDEXING),
    "sorting and sets": ("", base.SORTING), "products": ("", base.PRODUCTS), "linear algebra": ("linalg.", LINALG),
    "Fourier transforms": ("fft.", FFT), "polynomials": ("", POLYNOMIALS), "interpolation and ranges": ("", INTERPOLATION),
    "histograms": ("", HISTOGRAMS), "arrays like others": ("", MAKING), "complex domain": ("emath.", EMATH),
    "windows": ("lib.stride_tricks.", WINDOWS),
}
