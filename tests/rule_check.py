"""Checks a NumPy function in every way that its rules can be used: value, both modes, many seeds, second order, float32."""

import numpy as np

import dualad as da


def leaves(y):
    """Arrays and numbers of a result, lists and tuples flattened; what carries no derivative is left out."""
    if isinstance(y, (tuple, list)):
        return [e for part in y for e in leaves(part)]
    return [y] if np.asarray(da.value(y)).dtype.kind in "fc" else []


def draw(rng, like):
    """A random direction in the shape and dtype of `like`."""
    v = rng.normal(size=np.shape(like))
    if np.asarray(like).dtype.kind == "c":
        v = v + 1j * rng.normal(size=np.shape(like))
    return np.asarray(v, np.asarray(like).dtype)[()]


def raised(call, *xs):
    """The exception that the plain call raises."""
    try:
        call(*xs)
    except Exception as error:
        return (ValueError, IndexError) if isinstance(error, np.exceptions.AxisError) else type(error)
    raise AssertionError("the plain call raises nothing")


def inner(a, b):
    return float(sum(np.sum((np.conj(x) * y).real) for x, y in zip(a, b, strict=True)))


def same(a, b):
    """Equal bit for bit, NaN equal to NaN, with equal shapes and dtypes."""
    assert np.shape(a) == np.shape(b), (np.shape(a), np.shape(b))
    assert np.asarray(a).dtype == np.asarray(b).dtype, (np.asarray(a).dtype, np.asarray(b).dtype)
    np.testing.assert_array_equal(a, b)


def near(a, b, rtol=1e-9, atol=1e-10):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol * (1 + np.max(np.abs(y), initial=0)))


def check(f, *xs, value=True, second=True, single=True, seeds=True):
    """All checks of `f` at `xs`.

    The flags leave out what does not apply: `value` for uninitialised results, `second` at kinks, `single` where float32
    changes a decision, `seeds` where a lone traced argument is not seen by NumPy's dispatcher.
    """
    rng = np.random.default_rng(0)
    xs = tuple(np.asarray(x)[()] if np.ndim(x) == 0 else np.asarray(x) for x in xs)
    before = [np.array(x) for x in xs]

    def listed(*args):
        return leaves(f(*args))

    y = listed(*[np.copy(x) if np.ndim(x) else x for x in xs])
    v = tuple(draw(rng, x) for x in xs)
    traced, dy = da.jvp(listed, xs, v)
    recorded, pull = da.vjp(listed, *xs)
    for a, b in zip(traced, y, strict=True):
        same(a, b) if value else None
    for a, b in zip(recorded, y, strict=True):
        same(a, b) if value else None
    for x, b in zip(xs, before, strict=True):
        same(x, b[()] if np.ndim(x) == 0 else b)
    w = [draw(rng, a) for a in y]
    back = pull(w)
    back = back if isinstance(back, tuple) else (back,)
    np.testing.assert_allclose(inner(w, dy), inner(back, v), rtol=1e-9, atol=1e-9)
    h = 1e-6
    ahead, behind = (listed(*[x + s * t for x, t in zip(xs, v, strict=True)]) for s in (h, -h))
    near(dy, [(a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)], rtol=2e-5, atol=2e-7)
    real = all(np.asarray(a).dtype.kind == "f" for a in (*xs, *y))
    if seeds and real:
        many_seeds(listed, xs, y)
    if second and real:
        second_order(listed, xs, v, w)
    if single:
        single_precision(f, xs, value)


def many_seeds(listed, xs, y):
    """Jacobians by forward and reverse sweeps with many seeds agree with each other and with single sweeps."""
    for k in range(len(xs)):
        forward = da.jacobian(listed, argnums=k, mode="forward")(*xs)
        reverse = da.jacobian(listed, argnums=k, mode="reverse")(*xs)
        near(forward, reverse)
        if np.size(xs[k]) == 0:
            continue
        one = np.zeros(np.shape(xs[k]))
        one.flat[-1] = 1
        rest = [np.zeros_like(x) for x in xs]
        rest[k] = one[()] if np.ndim(xs[k]) == 0 else one
        column = da.jvp(listed, xs, tuple(rest))[1]
        near([np.reshape(j, (*np.shape(a), np.size(xs[k])))[..., -1] for j, a in zip(forward, y, strict=True)], column)


def second_order(listed, xs, v, w):
    """Derivative of the gradient and of the jvp, against differences of first derivatives."""

    def gradient(*args):
        back = da.vjp(listed, *args)[1](w)
        return leaves(back)

    def slope(*args):
        return leaves(da.jvp(listed, args, v)[1])

    h = 1e-5
    for first in (gradient, slope):
        _, dg = da.jvp(first, xs, v)
        ahead, behind = (first(*[x + s * t for x, t in zip(xs, v, strict=True)]) for s in (h, -h))
        near(dg, [(a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)], rtol=2e-4, atol=2e-6)
    g, pull = da.vjp(gradient, *xs)
    u = [draw(np.random.default_rng(1), a) for a in g]
    back = leaves(pull(u))
    np.testing.assert_allclose(inner(u, da.jvp(gradient, xs, v)[1]), inner(back, v), rtol=1e-8, atol=1e-8)


def single_precision(f, xs, value):
    """float32 (complex64) operands: the same values and dtypes as NumPy gives, and gradients of the operands' dtype."""
    small = tuple(np.asarray(x, "c8" if np.asarray(x).dtype.kind == "c" else "f4")[()] if np.ndim(x) == 0
                  else x.astype("c8" if x.dtype.kind == "c" else "f4") for x in xs)
    y = leaves(f(*small))
    recorded, pull = da.vjp(lambda *args: leaves(f(*args)), *small)
    for a, b in zip(recorded, y, strict=True):
        same(a, b) if value else None
    back = pull([np.ones_like(a) for a in y])
    for g, x in zip(back if isinstance(back, tuple) else (back,), small, strict=True):
        assert np.asarray(g).dtype == np.asarray(x).dtype, (np.asarray(g).dtype, np.asarray(x).dtype)
