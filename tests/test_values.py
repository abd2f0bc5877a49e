"""Traced values behave like the floats and arrays that they stand for: operators, methods, indexing, stores, NumPy calls."""

import operator

import numpy as np
import pytest
from compare import assert_close, assert_identical

import dualad as da

forward = lambda f: lambda x: da.jvp(f, (x,), (np.ones(np.shape(x)),))[1]
reverse = lambda f: lambda x: da.vjp(f, x)[1](np.ones(np.shape(f(x))))[0]
BOTH = pytest.mark.parametrize("d", [forward, reverse], ids=["forward", "reverse"])


def gradients(f, x):
    """The Jacobian by both modes."""
    return da.jacobian(f, mode="forward")(x), da.jacobian(f, mode="reverse")(x)


# ---- values behave like floats and arrays ---------------------------------------------------------------------------
OTHERS = [2, 1.5, True, np.float64(1.5), np.float32(1.5), np.int64(2), np.array(1.5), np.array([1.5, 2.5]), np.array([2, 3])]
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.floordiv]


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_operators_and_their_reflections(op, other):
    for x in (0.8, np.float64(0.8), np.array([0.8, 1.7])):
        for f in (lambda x: op(x, other), lambda x: op(other, x)):
            want = f(x)
            one = np.ones(np.shape(x))
            y, dy = da.jvp(f, (x,), (one,))
            assert_identical(y, want)
            assert_identical(da.vjp(f, x)[0], want)
            g = da.vjp(f, x)[1](np.ones(np.shape(want), np.asarray(want).dtype))[0]
            assert_close(np.sum(g), np.sum(dy), rtol=1e-6 if np.asarray(want).dtype == np.float32 else 1e-14)
            if op not in (operator.mod, operator.floordiv) and np.asarray(want).dtype == np.float64:
                h = 1e-6
                assert_close(dy, (f(x + h) - f(x - h)) / (2 * h), rtol=1e-8)


@pytest.mark.parametrize("op", [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow])
def test_augmented_assignment_leaves_the_input_alone(op):
    def f(x):
        y = x
        y = op(y, 2.0)
        return y * 1.0

    for x in (1.5, np.array([1.5, -0.5])):
        kept = np.copy(x)
        want = {"iadd": 1.0, "isub": 1.0, "imul": 2.0, "itruediv": 0.5, "ipow": 2 * x}[op.__name__]
        for g in gradients(f, x):
            assert_close(g, np.diag(want * np.ones(2)) if np.ndim(x) else want)
        assert_identical(da.vjp(f, x)[0], op(np.copy(x), 2.0) if np.ndim(x) else op(x, 2.0))
        assert np.array_equal(x, kept)


def test_attributes_and_methods_are_those_of_arrays(rng):
    a = rng.standard_normal((2, 3))
    seen = []

    def f(x):
        seen.append((x.shape, x.ndim, x.size, x.dtype, len(x), x.T.shape, x.nbytes))
        parts = [x.sum(), x.mean(), x.max(), x.min(), x.prod(), x.var(), x.std(), x.dot(np.ones(3)).sum(), x.reshape(3, 2)[0, 0]]
        parts += [x.ravel()[1], x.flatten()[2], x.transpose()[1, 1], x.T[0, 1], x.real[0, 0], x.copy()[1, 2], x.squeeze()[0, 1]]
        parts += [x.cumsum()[3], x.clip(-0.5, 0.5).sum(), x.trace(), x.swapaxes(0, 1)[2, 0], x.item(3)]
        parts += [x.astype(np.float64)[0, 0], x.diagonal().sum(), x.round(1).sum(), x.take([1, 0]).sum(), x.repeat(2).sum()]
        parts += [x.conj()[0, 0], x.imag[0, 0]]
        return np.stack(parts)

    want = f(a)
    jac = da.jacobian(f)(a)
    assert seen[1] == seen[0]
    assert_identical(da.vjp(f, a)[0], want)
    assert_identical(da.jvp(f, (a,), (a,))[0], want)
    assert_close(da.jacobian(f, mode="forward")(a), jac, rtol=1e-13)
    h = 1e-6
    differences = [(f(a + h * e) - f(a - h * e)) / (2 * h) for e in np.eye(6).reshape(6, 2, 3)]
    assert_close(jac, np.stack(differences, axis=-1).reshape(jac.shape), rtol=1e-7)


def test_iteration_unpacking_and_indexing(rng):
    x = rng.standard_normal((3, 2))

    def f(x):
        (a, b), *rest = x
        total = a * b
        for row in rest:
            for v in row:
                total = total * 1.5 + v**2
        return total + x[-1][0] * x[..., 1][0] + x[1, ::-1][0] + x[x > 5].sum() + x[[0, 2], [1, 1]].sum() + (0.5 in x)

    h = 1e-6
    want = np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(6).reshape(6, 3, 2)]).reshape(3, 2)
    for g in gradients(f, x):
        assert_close(g, want, rtol=1e-7)


def test_basic_stores(rng):
    x = rng.standard_normal(4)

    def f(x):
        y = x * 1.0
        y[0] = y[1] * y[2]
        y[1:3] *= 2.0
        y[-1] += x[0]
        y[::2] = np.sin(y[::2])
        return y

    def by_hand(x):
        return np.stack([np.sin(x[1] * x[2]), 2 * x[1], np.sin(2 * x[2]), x[3] + x[0]])

    assert_close(f(x), by_hand(x))
    for mode in ("forward", "reverse"):
        assert_close(da.jacobian(f, mode=mode)(x), da.jacobian(by_hand)(x), rtol=1e-14)
    assert_close(da.hessian(lambda x: np.sum(f(x) ** 2))(x), da.hessian(lambda x: np.sum(by_hand(x) ** 2))(x), rtol=1e-13)


def test_object_arrays_of_traced_scalars(rng):
    x = rng.uniform(0.5, 1.5, 3)
    f = lambda x: np.array([x[0] * x[1], np.sin(x[2]), 2.0])
    want = np.array([[x[1], x[0], 0.0], [0, 0, np.cos(x[2])], [0, 0, 0]])
    for g in gradients(f, x):
        assert_close(g, want)
    matrix = lambda x: np.array([[x[0], x[1]], [x[1], x[2]]])
    for g in gradients(lambda x: np.sum(x[:2] * matrix(x)), x):
        assert_close(g, np.array([2 * x[0] + x[1], x[0] + 2 * x[1] + x[2], x[1]]))
    for g in gradients(lambda x: np.sum(np.exp(matrix(x)) @ np.array([1.0, 2.0])), x):
        assert_close(g, np.exp(x) * np.array([1.0, 3.0, 2.0]), rtol=1e-14)
    assert_close(da.hessian(lambda x: np.sum(f(x) ** 2))(x), da.hessian(lambda x: (x[0] * x[1]) ** 2 + np.sin(x[2]) ** 2)(x))


def test_ufunc_methods_and_keywords(rng):
    x, y = rng.uniform(0.5, 1.5, 4), rng.uniform(0.5, 1.5, 3)
    mask = np.array([True, False, True, True])
    cases = [
        lambda x: np.add.reduce(x),
        lambda x: np.multiply.reduce(x),
        lambda x: np.add.accumulate(x),
        lambda x: np.multiply.accumulate(x),
        lambda x: np.multiply.outer(x, y),
        lambda x: np.subtract.outer(y, x),
        lambda x: np.add.reduceat(x, [0, 2]),
        lambda x: np.maximum.accumulate(x),
        lambda x: np.logaddexp.reduce(x),
        lambda x: np.sin(x, dtype=np.float64),
        lambda x: np.where(mask, np.sin(x), 1.0),
        lambda x: np.multiply(x, 2.0, casting="same_kind", order="C"),
    ]
    for k, f in enumerate(cases):
        h = 1e-6
        want = np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(4)], axis=-1)
        assert_identical(da.vjp(f, x)[0], f(x))
        for g in gradients(f, x):
            try:
                assert_close(g, want, rtol=1e-8)
            except AssertionError as e:
                raise AssertionError(f"case {k}: {e}") from e


@BOTH
def test_out_and_where_and_at(d, rng):
    x = rng.uniform(0.5, 1.5, 4)
    mask = np.array([True, False, True, True])

    def with_out(x):
        y = x * 0.0
        np.multiply(x, x, out=y)
        return y

    def with_where(x):
        y = x * 3.0
        np.sin(x, out=y, where=mask)
        return y

    def with_at(x):
        y = x * 1.0
        np.add.at(y, [0, 0, 2], x[1:])
        return y

    assert_close(d(with_out)(x), 2 * x)
    assert_close(d(with_where)(x), np.where(mask, np.cos(x), 3.0))
    want = np.array([1.0, 2.0, 2.0, 2.0]) if d is reverse else np.array([3.0, 1.0, 2.0, 1.0])
    assert_close(d(with_at)(x), want)


def test_linear_algebra_and_everyday_functions(rng):
    a = rng.standard_normal((3, 3)) + 3 * np.eye(3)
    b = rng.standard_normal(3)
    cases = {
        "solve": lambda x: np.linalg.solve(x, b),
        "inv": np.linalg.inv,
        "det": np.linalg.det,
        "einsum": lambda x: np.einsum("ij,kj,k->i", x, x, b),
        "stack": lambda x: np.stack([x[0], x[1] * x[2]], axis=1),
        "concatenate": lambda x: np.concatenate([x, x**2], axis=1),
        "mean": lambda x: np.mean(x, axis=0),
        "var": lambda x: np.var(x, axis=1),
        "std": lambda x: np.std(x, axis=1, ddof=1),
        "cumsum": lambda x: np.cumsum(x, axis=1),
        "norm": np.linalg.norm,
        "trace": np.trace,
        "broadcast_to": lambda x: np.broadcast_to(x[0], (2, 3)) * x[:2],
        "extremes": lambda x: np.max(x, axis=0) - np.min(x, axis=1),
        "roll": lambda x: np.roll(x, 1) * x,
        "tensordot": lambda x: np.tensordot(x, x, axes=([0], [1])),
        "outer": lambda x: np.outer(x[0], x[1]),
        "diag": lambda x: np.diag(x) * np.diag(x[0]),
    }
    for name, f in cases.items():
        h = 1e-6
        columns = [(f(a + h * e) - f(a - h * e)) / (2 * h) for e in np.eye(9).reshape(9, 3, 3)]
        want = np.stack(columns, axis=-1).reshape(np.shape(f(a)) + (3, 3))
        assert_identical(da.vjp(f, a)[0], f(a))
        for g in gradients(f, a):
            try:
                assert_close(g, want, rtol=1e-7)
            except AssertionError as e:
                raise AssertionError(f"{name}: {e}") from e
        second = da.jacobian(da.jacobian(f, mode="reverse"), mode="forward")(a)
        assert_close(da.jacobian(da.jacobian(f, mode="forward"), mode="reverse")(a), second, rtol=1e-11)


EXPONENTS = [-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, np.float64(0.5), np.float64(2.0), np.int64(2), np.array(0.5)]


@pytest.mark.parametrize("exponent", EXPONENTS, ids=repr)
def test_values_of_powers_are_those_of_numpy(exponent, rng):
    """NumPy has short cuts for some exponents (square, sqrt, reciprocal), whose last bit differs from that of pow."""
    x = rng.uniform(0.1, 3.0, 500)
    for f in (lambda x: x**exponent, lambda x: np.power(x, exponent)):
        assert_identical(da.jvp(f, (x,), (x,))[0], f(x))
        assert_identical(da.vjp(f, x)[0], f(x))
        for kind in (float, np.float64, np.array):
            for v in map(kind, x[:100]):
                assert_identical(da.jvp(f, (v,), (1.0,))[0], f(v))
                assert_identical(da.vjp(f, v)[0], f(v))
