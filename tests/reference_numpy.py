"""More of NumPy for `reference.py`: what a longer table looks like. Nothing here knows of tapes, levels or modes."""

import numpy as np
from reference import FUNCTIONS, PARTIALS, TRANSPOSES, Traced, apply, collapse, contract, elementwise, plain

PARTIALS |= {
    np.positive: [lambda z, x: 1.0],
    np.square: [lambda z, x: 2 * x],
    np.sqrt: [lambda z, x: 0.5 / z],
    np.expm1: [lambda z, x: np.exp(x)],
    np.log1p: [lambda z, x: 1 / (1 + x)],
    np.tanh: [lambda z, x: 1 - z * z],
    np.arctan: [lambda z, x: 1 / (1 + x * x)],
    np.hypot: [lambda z, x, y: x / z, lambda z, x, y: y / z],
    np.arctan2: [lambda z, x, y: y / (x * x + y * y), lambda z, x, y: -x / (x * x + y * y)],
    np.logaddexp: [lambda z, x, y: np.exp(x - z), lambda z, x, y: np.exp(y - z)],
    np.absolute: [lambda z, x: np.sign(x)],
    np.maximum: [lambda z, x, y: (x > y) + 0.5 * (x == y), lambda z, x, y: (x < y) + 0.5 * (x == y)],
    np.minimum: [lambda z, x, y: (x < y) + 0.5 * (x == y), lambda z, x, y: (x > y) + 0.5 * (x == y)],
    np.where: [None, lambda z, c, x, y: 1.0 * c, lambda z, c, x, y: 1.0 - c],
}


# ---- linear functions on the trailing axes, each with its transpose; axes before them are seeds ----------------------
def reshaped(x, old, new):
    return np.reshape(x, np.shape(x)[: np.ndim(x) - len(old)] + new)


def getitem(x, key, shape):
    lead = np.shape(x)[: np.ndim(x) - len(shape)]
    return np.reshape([x[seed][key] for seed in np.ndindex(lead)], lead + np.empty(shape)[key].shape)


def scatter(x, key, shape):
    """Zeros of a shape with x added in at key: the transpose of getitem."""
    lead = np.shape(x)[: np.ndim(x) - np.empty(shape)[key].ndim]
    out = np.zeros(lead + shape)
    for seed in np.ndindex(lead):
        np.add.at(out[seed], key, x[seed])
    return out


TRANSPOSES |= {
    reshaped: lambda g, old, new: apply(reshaped, g, old=new, new=old),
    getitem: lambda g, key, shape: apply(scatter, g, key=key, shape=shape),
    scatter: lambda g, key, shape: apply(getitem, g, key=key, shape=shape),
}


# ---- NumPy's functions in terms of the table -------------------------------------------------------------------------
def sum_(x, axis=None):
    axes = {i % x.ndim for i in (range(x.ndim) if axis is None else np.atleast_1d(axis))}
    kept = apply(collapse, x, old=x.shape, new=tuple(1 if i in axes else n for i, n in enumerate(x.shape)))
    return reshape_(kept, tuple(n for i, n in enumerate(x.shape) if i not in axes))


def reshape_(x, shape):
    return apply(reshaped, x, old=x.shape, new=np.reshape(plain(x), shape).shape)


def transpose(x):
    letters = "abcdefgh"[: x.ndim]
    return apply(contract, x, terms=(letters, letters[::-1]))


def matmul(a, b):
    left, right = "ij"[2 - np.ndim(plain(a)) :], "jk"[: np.ndim(plain(b))]
    return apply(contract, a, b, terms=(left, right, (left + right).replace("j", "")))


def einsum(subscripts, *args):
    inputs, out = subscripts.split("->")
    return apply(contract, *args, terms=(*inputs.split(","), out))


def concatenate(parts, axis=0):
    """Each part scattered into zeros, and the sum of it."""
    ends, axis = np.cumsum([np.shape(plain(p))[axis] for p in parts]), axis % np.ndim(plain(parts[0]))
    shape = tuple(int(ends[-1]) if i == axis else n for i, n in enumerate(np.shape(plain(parts[0]))))
    keys = ((slice(None),) * axis + (slice(e - np.shape(plain(p))[axis], e),) for p, e in zip(parts, ends, strict=True))
    return sum(apply(scatter, p, key=key, shape=shape) for p, key in zip(parts, keys, strict=True))


def stack(parts, axis=0):
    shape, axis = np.shape(plain(parts[0])), axis % (np.ndim(plain(parts[0])) + 1)
    new = shape[:axis] + (1,) + shape[axis:]
    return concatenate([apply(reshaped, p, old=shape, new=new) for p in parts], axis)


FUNCTIONS |= {
    np.sum: sum_, np.reshape: reshape_, np.transpose: transpose, np.matmul: matmul, np.dot: matmul, np.einsum: einsum,
    np.concatenate: concatenate, np.stack: stack, np.where: lambda c, x, y: elementwise(np.where, plain(c), x, y),
    np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim,
}  # fmt: skip

Traced.T = property(transpose)
Traced.sum = sum_
Traced.reshape = lambda self, *shape: reshape_(self, shape[0] if isinstance(shape[0], tuple) else shape)
Traced.__getitem__ = lambda self, key: apply(getitem, self, key=key, shape=self.shape)
Traced.__iter__ = lambda self: (self[i] for i in range(self.shape[0]))
Traced.__len__ = lambda self: self.shape[0]
