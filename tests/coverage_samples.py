"""Sample calls of NumPy's array functions by family: what `docs/coverage.md` is made from and `test_coverage.py` checks.

A sample is ``(function, *operands)``: all operands are differentiated. `EXTRA` and the ufuncs are in the neighbouring modules.
"""

import warnings

import numpy as np
from rule_inputs import COMPLEX, CUBE, HOLED, MASK, MATRIX, POSITIVE, ROW, VECTOR, rows

M, C, P, Z, V = MATRIX, CUBE, POSITIVE, COMPLEX, VECTOR
S = rows((3, 3), 2)
NAMED = np.array([1.3, -0.4, 2.2, 0.7])
COUNTS = np.array([2, 0, 3])
BETWEEN = np.array([0.3, 1.7, 2.6])


def buffered(store):
    """A sample function that stores into a copy of its first operand."""

    def f(x, *others):
        y = np.copy(x)
        store(y, *others)
        return y

    return f


def reduction(function, *operands, where=True, initial=None):
    """The usual calls of a reduction: whole, along axes, kept axes, a mask, a start."""
    out = [
        (function, M), (lambda x: function(x, axis=1), M), (lambda x: function(x, axis=(0, -1), keepdims=True), C),
        *((function, x) for x in operands),
    ]
    if where:
        options = {} if initial is None else {"initial": initial}
        out.append((lambda x: function(x, axis=0, where=MASK, **options), M))
    if initial is not None:
        out.append((lambda x, start: function(x, axis=1, initial=start), M, initial))
    return out


def along(function):
    """Along the last, the first and no axis."""
    return [(function, V), (lambda x: function(x, axis=0), M), (lambda x: function(x, axis=-1), C)]


def _trapz(y):
    """The old name of trapezoid, with the warning that it is old."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return vars(np)["trapz"](y)


REDUCTIONS = {
    "sum": reduction(np.sum, Z, initial=0.3), "mean": reduction(np.mean, Z), "prod": reduction(np.prod, Z, initial=0.3),
    "std": [*reduction(np.std), (lambda x: np.std(x, axis=0, ddof=1), M)],
    "var": [*reduction(np.var, Z), (lambda x: np.var(x, axis=0, ddof=1), M)],
    "max": reduction(np.max, initial=-9.0), "min": reduction(np.min, initial=9.0),
    "amax": reduction(np.amax, initial=-9.0), "amin": reduction(np.amin, initial=9.0),
    "ptp": reduction(np.ptp, where=False),
    "average": [(np.average, M), (lambda x, w: np.average(x, axis=1, weights=w), M, P[0]),
                (lambda x, w: np.average(x, axis=0, weights=w, returned=True), M, P)],
    "median": [*along(np.median), (np.median, M)],
    "percentile": [(lambda x: np.percentile(x, [10, 50.5, 90]), V), (lambda x, q: np.percentile(x, q, axis=0), M, 37.0)],
    "quantile": [(lambda x: np.quantile(x, [0.1, 0.5, 0.93], axis=1), M), (lambda x, q: np.quantile(x, q), V, 0.37),
                 *((lambda x, how=how: np.quantile(x, 0.37, method=how), V) for how in ("hazen", "weibull", "nearest", "higher"))],
    "nansum": reduction(np.nansum, HOLED, initial=0.3), "nanprod": reduction(np.nanprod, HOLED, initial=0.3),
    "nanmean": reduction(np.nanmean, HOLED), "nanmax": reduction(np.nanmax, HOLED, initial=-9.0),
    "nanmin": reduction(np.nanmin, HOLED, initial=9.0),
    "nanstd": [(lambda x: np.nanstd(x, axis=0, ddof=1), HOLED), (np.nanstd, HOLED)],
    "nanvar": [(lambda x: np.nanvar(x, axis=1), HOLED), (np.nanvar, HOLED)],
    "nanmedian": [(lambda x: np.nanmedian(x, axis=1), HOLED), (np.nanmedian, HOLED)],
    "nanpercentile": [(lambda x: np.nanpercentile(x, [20, 70], axis=1), HOLED)],
    "nanquantile": [(lambda x: np.nanquantile(x, [0.2, 0.7], axis=0), HOLED)],
    "trapezoid": [(np.trapezoid, V), (lambda y, x: np.trapezoid(y, x, axis=1), M, np.arange(4.0) ** 1.5)],
    "trapz": [(_trapz, V)],
    "apply_over_axes": [(lambda x: np.apply_over_axes(np.sum, x, (0, 2)), C)],
    "corrcoef": [(np.corrcoef, M), (lambda x, y: np.corrcoef(x, y, rowvar=False), M, S[:, :1])],
    "cov": [(np.cov, M), (np.cov, V), (lambda x, w: np.cov(x, aweights=w, bias=True), M, P[0])],
}

CUMULATIVE = {
    "cumsum": [(np.cumsum, M), *along(np.cumsum)], "cumprod": [(np.cumprod, M), *along(np.cumprod)],
    "nancumsum": [(lambda x: np.nancumsum(x, axis=1), HOLED)], "nancumprod": [(lambda x: np.nancumprod(x, axis=0), HOLED)],
    "cumulative_sum": [(lambda x: np.cumulative_sum(x, axis=1, include_initial=True), M)],
    "cumulative_prod": [(lambda x: np.cumulative_prod(x, axis=0), M)],
    "diff": [*along(np.diff), (lambda x, a: np.diff(x, 2, prepend=a, append=1.0), M, 0.3)],
    "ediff1d": [(np.ediff1d, M), (lambda x, a: np.ediff1d(x, to_begin=a, to_end=[1.0, 2.0]), V, 0.3)],
    "gradient": [(np.gradient, V), (lambda x: np.gradient(x, 0.5, axis=1, edge_order=2), M),
                 (lambda y, x: np.gradient(y, x), V, np.arange(5.0) ** 1.5), (lambda x: np.gradient(x), M)],
    "unwrap": [(lambda x: np.unwrap(x, axis=0), 4 * M)],
}

SHAPES = {
    "reshape": [(lambda x: np.reshape(x, (4, -1)), M), (lambda x: np.reshape(x, (2, 12), order="F"), C)],
    "ravel": [(np.ravel, C), (lambda x: np.ravel(x, "F"), C)],
    "squeeze": [(np.squeeze, M[None]), (lambda x: np.squeeze(x, 1), M[:, None])],
    "expand_dims": [(lambda x: np.expand_dims(x, (0, -1)), M)],
    "transpose": [(np.transpose, C), (lambda x: np.transpose(x, (1, 0, 2)), C)],
    "permute_dims": [(lambda x: np.permute_dims(x, (1, 0, 2)), C)],
    "matrix_transpose": [(np.matrix_transpose, C)], "swapaxes": [(lambda x: np.swapaxes(x, 0, 2), C)],
    "moveaxis": [(lambda x: np.moveaxis(x, 0, -1), C)], "rollaxis": [(lambda x: np.rollaxis(x, 2), C)],
    "atleast_1d": [(np.atleast_1d, 1.3), (np.atleast_1d, V, 0.4)], "atleast_2d": [(np.atleast_2d, V)],
    "atleast_3d": [(np.atleast_3d, M)],
    "broadcast_to": [(lambda x: np.broadcast_to(x, (2, 3, 4)), M), (lambda x: np.broadcast_to(x, (3, 3)), S[:, :1])],
    "broadcast_arrays": [(np.broadcast_arrays, M, ROW, 0.3)],
    "meshgrid": [(np.meshgrid, V, ROW), (lambda x, y: np.meshgrid(x, y, indexing="ij", sparse=True), V, ROW)],
    "flip": [(np.flip, C), (lambda x: np.flip(x, 1), C)], "fliplr": [(np.fliplr, M)], "flipud": [(np.flipud, M)],
    "roll": [(lambda x: np.roll(x, 2), M), (lambda x: np.roll(x, (1, -1), (0, 2)), C)],
    "rot90": [(np.rot90, M), (lambda x: np.rot90(x, 3, (0, 2)), C)],
    "resize": [(lambda x: np.resize(x, (2, 4)), V)], "copy": [(np.copy, M)],
    "astype": [(lambda x: np.astype(x, "c16"), M), (lambda x: np.astype(x, float), M)],
    "pad": [(lambda x, mode=mode: np.pad(x, (2, 1), mode), M)
            for mode in ("constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap")],
    "real": [(np.real, Z), (np.real, M)], "imag": [(np.imag, Z)], "real_if_close": [(np.real_if_close, Z)],
}

JOINING = {
    "concatenate": [(lambda x, y: np.concatenate((x, y), axis=1), M, S), (lambda x, y: np.concatenate([x, y], None), M, V)],
    "concat": [(lambda x, y: np.concat((x, y)), V, ROW)],
    "stack": [(lambda x, y: np.stack((x, y, x), axis=-1), M, P)],
    "hstack": [(lambda x, y: np.hstack((x, y)), M, S)], "vstack": [(lambda x, y: np.vstack((x, y)), M, ROW)],
    "row_stack": [(lambda x, y: np.vstack((x, y)), M, ROW)],
    "dstack": [(lambda x, y: np.dstack((x, y)), M, P)], "column_stack": [(lambda x, y: np.column_stack((x, y)), S, S[0])],
    "block": [(lambda a, b, c: np.block([[a, b], [c, 1.0]]), S, S[:, :1], S[:1])],
    "append": [(np.append, M, V), (lambda x, y: np.append(x, y, axis=1), M, S)],
    "insert": [(lambda x, v: np.insert(x, 1, v, axis=1), M, S[0]), (lambda x, v: np.insert(x, [1, 3], v), V, S[0, :2])],
    "delete": [(lambda x: np.delete(x, 1, axis=1), M), (lambda x: np.delete(x, [0, 3]), V)],
    "tile": [(lambda x: np.tile(x, (2, 1, 3)), M)],
    "repeat": [(lambda x: np.repeat(x, 2, axis=1), M), (lambda x: np.repeat(x, COUNTS, axis=0), M), (lambda x: np.repeat(x, 3), M)],
    "split": [(lambda x: np.split(x, [1, 3], axis=1), M)], "array_split": [(lambda x: np.array_split(x, 3), V)],
    "hsplit": [(lambda x: np.hsplit(x, 2), M)], "vsplit": [(lambda x: np.vsplit(x, 3), M)], "dsplit": [(lambda x: np.dsplit(x, 2), C)],
    "unstack": [(lambda x: np.unstack(x, axis=1), M)],
}

INDEXING = {
    "take": [(lambda x: np.take(x, [3, 0, 3], axis=1), M), (lambda x: np.take(x, [[1, 5], [1, 2]]), M)],
    "take_along_axis": [(lambda x: np.take_along_axis(x, np.argsort(x, axis=0), axis=0), M)],
    "choose": [(lambda x, y: np.choose(MASK, [x, y]), M, P)],
    "compress": [(lambda x: np.compress([True, False, True], x, axis=0), M)], "extract": [(lambda x: np.extract(MASK, x), M)],
    "select": [(lambda x, y: np.select([x > 0.5, x < -0.5], [x, y], y * 2), M, P)],
    "where": [(lambda x, y: np.where(MASK, x, y), M, ROW), (lambda x: np.where(x > 0, x * x, 0.0), M)],
    "piecewise": [(lambda x: np.piecewise(x, [x < 0, x > 1], [np.sin, lambda v: v * v, 0.5]), M)],
    "diag": [(np.diag, V), (lambda x: np.diag(x, 1), M)], "diagflat": [(lambda x: np.diagflat(x, -1), V)],
    "diagonal": [(np.diagonal, M), (lambda x: np.diagonal(x, 1, 0, 2), C)],
    "trace": [(np.trace, M), (lambda x: np.trace(x, 1, 1, 2), C)], "tril": [(np.tril, M)], "triu": [(lambda x: np.triu(x, 1), C)],
    "put": [(buffered(lambda y, v: np.put(y, [0, 7], v)), M, S[0, :2])],
    "put_along_axis": [(buffered(lambda y, v: np.put_along_axis(y, np.array([[0, 2]] * 3), v, 1)), M, S[:, :2])],
    "place": [(buffered(lambda y, v: np.place(y, MASK, v)), M, V)], "putmask": [(buffered(lambda y, v: np.putmask(y, MASK, v)), M, P)],
    "copyto": [(buffered(lambda y, v: np.copyto(y, v, where=MASK)), M, ROW)],
    "fill_diagonal": [(buffered(np.fill_diagonal), S, 0.3)], "trim_zeros": [(lambda x: np.trim_zeros(x * [0, 1, 0, 2, 0]), V)],
}

SORTING = {
    "sort": along(np.sort), "partition": along(lambda x, axis=-1: np.partition(x, 1, axis=axis)),
    "sort_complex": [(np.sort_complex, V), (np.sort_complex, Z[0])],
    "unique": [(np.unique, M)], "unique_all": [(lambda x: np.unique_all(x).values, V)], "unique_values": [(np.unique_values, V)],
    "unique_counts": [(lambda x: np.unique_counts(x).values, V)], "unique_inverse": [(lambda x: np.unique_inverse(x).values, V)],
    "union1d": [(np.union1d, V, ROW)], "setdiff1d": [(lambda x: np.setdiff1d(x, NAMED), V)],
    "setxor1d": [(np.setxor1d, V, ROW)], "intersect1d": [(lambda x: np.intersect1d(x * x, x * x), V)],
    "clip": [(lambda x: np.clip(x, -0.5, 0.6), M), (np.clip, M, M - 0.3, ROW)],
}

PRODUCTS = {
    "dot": [(np.dot, M, M.T), (np.dot, C, ROW), (np.dot, Z, ROW), (np.dot, S, S.T)], "vdot": [(np.vdot, Z, Z[::-1]), (np.vdot, M, P)],
    "inner": [(np.inner, M, P), (np.inner, C, ROW)], "outer": [(np.outer, V, M)],
    "kron": [(np.kron, M, S), (np.kron, V, Z[0])],
    "tensordot": [(lambda x, y: np.tensordot(x, y, axes=([1, 2], [0, 1])), C, M), (lambda x, y: np.tensordot(x, y, 1), C, M.T)],
    "einsum": [(lambda x, y: np.einsum("ij,kj->ik", x, y), M, P), (lambda x: np.einsum("ii->i", x), S),
               (lambda x, y, z: np.einsum("...ij,j,kj->k...i", x, y, z), C, ROW, M), (lambda x, y: np.einsum("ii,ij", x, y), S, S.T)],
    "cross": [(np.cross, S, S.T), (lambda x, y: np.cross(x, y, axis=0), S, S.T)],
    "convolve": [(lambda x, y, mode=mode: np.convolve(x, y, mode), V, S[0]) for mode in ("full", "same", "valid")],
    "correlate": [(lambda x, y, mode=mode: np.correlate(x, y, mode), V, Z[0, :3]) for mode in ("full", "same", "valid")],
}
