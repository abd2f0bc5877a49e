"""What each sample of the coverage table is put to: value, forward, reverse, second order, seed axis."""

import numpy as np

import dualad as da

# first and second differences carry errors of about h**2 and eps/h
STEP, DIFFERENCES, EXACT = 1e-5, 2e-5, 1e-8


def leaves(y):
    """The floating arrays and numbers of a result, lists and tuples flattened."""
    if isinstance(y, (tuple, list)):
        return [e for part in y for e in leaves(part)]
    return [y] if np.asarray(da.value(y)).dtype.kind in "fc" else []


def _draw(rng, like):
    """A random direction in the shape and dtype of `like`."""
    like = np.asarray(like)
    v = rng.normal(size=like.shape)
    return np.asarray(v + 1j * rng.normal(size=like.shape) if like.dtype.kind == "c" else v, like.dtype)[()]


def _inner(a, b):
    return sum(np.sum(np.real(np.conj(x) * y)) for x, y in zip(a, b, strict=True))


def _near(a, b, tolerance):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * (1 + np.max(np.abs(y), initial=0)))


class Sample:
    """A function at a point, with directions and weights to test it along; `ulps`: by how much its value may differ."""

    def __init__(self, function, *operands, ulps=0):
        self.ulps = ulps
        self.rng = np.random.default_rng(7)
        self.function = function
        self.xs = tuple(np.array(x)[()] for x in operands)
        self.ts = tuple(_draw(self.rng, x) for x in self.xs)
        self.y = self.call(*self.xs)
        self.ws = [_draw(self.rng, y) for y in self.y]

    def call(self, *xs):
        return leaves(self.function(*xs))

    def moved(self, h):
        return [x + h * t for x, t in zip(self.xs, self.ts, strict=True)]

    def _value(self, got):
        for a, b in zip(got, self.y, strict=True):
            np.testing.assert_array_max_ulp(a, b, self.ulps) if self.ulps else np.testing.assert_array_equal(a, b)
            assert np.asarray(a).dtype == np.asarray(b).dtype
            assert np.shape(a) == np.shape(b)

    def forward(self):
        """NumPy's value; the tangent against central differences."""
        y, dy = da.jvp(self.call, self.xs, self.ts)
        self._value(y)
        ahead, behind = self.call(*self.moved(STEP)), self.call(*self.moved(-STEP))
        _near(dy, [(a - b) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)], DIFFERENCES)

    def reverse(self):
        """NumPy's value; <w, J t> = <J* w, t>."""
        y, pull = da.vjp(self.call, *self.xs)
        self._value(y)
        back = pull(self.ws)
        for g, x in zip(leaves(back), self.xs, strict=True):
            assert np.shape(g) == np.shape(x)
            assert np.asarray(g).dtype == np.asarray(x).dtype
        dy = da.jvp(self.call, self.xs, self.ts)[1]
        _near([_inner(leaves(back), self.ts)], [_inner(self.ws, dy)], EXACT)

    def along(self, n):
        """The sample as a function of `n` real numbers with `n` real results, through random directions and weights."""
        rng = np.random.default_rng(n)
        ts = [np.stack([_draw(rng, x) for _ in range(n)]) for x in self.xs]
        ws = [[_draw(rng, y) for y in self.y] for _ in range(n)]

        def function(s):
            y = self.call(*(x + np.tensordot(s, t, 1) for x, t in zip(self.xs, ts, strict=True)))
            return np.stack([_inner(w, y) for w in ws])

        return function

    def second(self):
        """Hessian-vector products against differences of gradients, and against the reverse of the gradient."""
        parts, s, v = self.along(3), np.zeros(3), self.rng.normal(size=3)

        def f(s):
            return np.sum(parts(s) ** 2)  # so that the cotangents of linear functions depend on s too

        first, product = da.grad(f), da.hvp(f)(s, v)
        _near([product], [(first(STEP * v) - first(-STEP * v)) / (2 * STEP)], 10 * DIFFERENCES)
        _near(da.vjp(first, s)[1](v), [product], EXACT)

    def seeds(self):
        """Whole Jacobians by sweeps with as many seeds as an axis has elements, where a wrong broadcast would go unnoticed."""
        lengths = {n for x in (*self.xs, *self.y) for n in np.shape(x) if n} | {1}
        for n in sorted(lengths):
            f, s = self.along(n), np.zeros(n)
            columns = np.stack([da.jvp(f, (s,), (e,))[1] for e in np.eye(n)], axis=1)
            _near([da.jacobian(f, mode=mode)(s) for mode in ("forward", "reverse")], [columns, columns], EXACT)


CHECKS = ("forward", "reverse", "second", "seeds")


def status(samples, ulps=0):
    """For each check: None when all samples pass it, else what went wrong first."""
    return {check: next(filter(None, (_failure(check, sample, ulps) for sample in samples)), None) for check in CHECKS}


def _failure(check, sample, ulps):
    try:
        getattr(Sample(*sample, ulps=ulps), check)()
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return None
