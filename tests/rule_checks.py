"""What every array rule must pass: values, both modes to second order, and whole Jacobians (a seed axis) in both directions."""

import numpy as np

import dualad as da
from dualad.testing import check_grads


def array(rng, *shape, kind="d"):
    """Normal random entries of a given dtype character."""
    x = rng.normal(size=shape)
    return np.asarray(x + 1j * rng.normal(size=shape) if kind in "FD" else x).astype(kind)


def check(f, *args, order=2, **tolerances):
    """`check_grads`, then the Jacobian of a real-valued view of `f` in both modes, seeds in chunks, against single directions."""
    check_grads(f, args, order=order, **tolerances)
    for i, x in enumerate(args):
        if np.asarray(x).dtype.kind == "f":
            check_jacobian(lambda v, i=i: parts(f(*args[:i], v, *args[i + 1 :])), x)


def parts(y):
    """The real and imaginary parts of all results in one vector."""
    pieces = []
    for a in y if isinstance(y, tuple) else (y,):
        pieces.append(np.ravel(np.real(a)))
        if np.iscomplexobj(a):
            pieces.append(np.ravel(np.imag(a)))
    return np.concatenate(pieces)


def check_jacobian(f, x):
    forward, reverse = da.jacobian(f, mode="forward")(x), da.jacobian(f, mode="reverse")(x)
    single = [da.jvp(f, (x,), (e.reshape(np.shape(x)),))[1] for e in np.eye(np.size(x), dtype=np.asarray(x).dtype)]
    eps = np.finfo(np.asarray(x).dtype).eps
    expected = np.stack(single, axis=-1).reshape(forward.shape) if single else np.zeros(forward.shape)
    scale = 1 + np.abs(expected).max(initial=0)
    np.testing.assert_allclose(forward, expected, rtol=0, atol=1e4 * eps * scale)
    np.testing.assert_allclose(reverse, expected, rtol=0, atol=1e4 * eps * scale)
    assert forward.dtype == reverse.dtype == np.asarray(x).dtype


def check_same(f, *args):
    """The value under each mode is what NumPy returns without dualad: bits, dtype and type of result."""
    plain = f(*args)
    floating = tuple(i for i, x in enumerate(args) if np.asarray(x).dtype.kind in "fc")
    tangents = tuple(np.ones_like(x) if i in floating else np.zeros(np.shape(x)) for i, x in enumerate(args))
    forward = da.jvp(f, args, tangents)[0]
    reverse = da.vjp(f, *args)[0]
    for got in (forward, reverse):
        for a, b in zip(_leaves(got), _leaves(plain), strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
            assert np.asarray(a).dtype == np.asarray(b).dtype


def _leaves(y):
    return list(y) if isinstance(y, tuple) else [y]
