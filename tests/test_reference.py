"""The reference proved against mpmath and closed forms, so that it can be the oracle of the engine. No dualad in here."""

import itertools
import re
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import reference as R
import reference_numpy  # noqa: F401  (fills the table)
from compare import assert_close
from reference import contract, grad, hessian, jacobian, jvp, vjp

DOCS = Path(__file__).resolve().parents[1] / "docs"


def forward(f):
    return lambda x: jvp(f, (x,), (1.0,))[1]


MODES = {"R": grad, "F": forward}
WORDS = ["".join(w) for k in (1, 2, 3, 4) for w in itertools.product("RF", repeat=k)]

SCALAR = {
    "sin(x*x)*exp(x)": lambda m, x: m.sin(x * x) * m.exp(x),
    "x**4": lambda m, x: x * x * x * x,
    "quotient": lambda m, x: (1 - x) / (2 + m.cos(x) * x),
    "x**x": lambda m, x: x**x,
    "2.0**x - x**2.5": lambda m, x: 2.0**x - x**2.5,
    "log of sqrt": lambda m, x: m.log(1 + m.sqrt(x)) - x,
    "tanh": lambda m, x: m.tanh(x * m.tanh(x)),
    "loop": lambda m, x: sum(m.sin(k * x) / k for k in range(1, 5)),
}


def nested(f, word):
    for mode in word:
        f = MODES[mode](f)
    return f


@pytest.mark.parametrize("name", SCALAR)
def test_every_mix_of_modes_to_order_4(name):
    f = SCALAR[name]
    want = [mp.diff(lambda x: f(mp, x), mp.mpf("0.7"), k) for k in range(5)]
    for word in WORDS:
        assert_close(nested(lambda x: f(np, x), word)(0.7), float(want[len(word)]), rtol=1e-12)


@pytest.mark.parametrize("word", ["".join(w) for w in itertools.product("RF", repeat=3)])
def test_closures_over_three_levels(word):
    def tower(m, a, b, c):
        inner = lambda x, u, v: c(lambda w: m.sin(u * v * w) * x * w)(v * u)
        middle = lambda x, u: b(lambda v: v * v * inner(x, u, v))(u * x)
        return lambda x: a(lambda u: u * middle(x, u))(x)

    got = tower(np, *(MODES[c] for c in word))
    d = lambda f: lambda x: mp.diff(f, x)
    with mp.workdps(40):
        reference = tower(mp, d, d, d)
        want = [float(reference(mp.mpf("0.6"))), float(mp.diff(reference, mp.mpf("0.6")))]
    assert_close(got(0.6), want[0], rtol=1e-12)
    assert_close(grad(got)(0.6), want[1], rtol=1e-12)
    assert_close(forward(got)(0.6), want[1], rtol=1e-12)


@pytest.mark.parametrize("a", "RF")
@pytest.mark.parametrize("b", "RF")
def test_perturbations_are_not_confused(a, b):
    outer, inner = MODES[a], MODES[b]
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: x * y)(1.0))(4.0) == 8.0
    assert outer(lambda x: inner(lambda y: x * 1.0)(x))(1.0) == 0.0
    assert outer(lambda x: inner(lambda y: x * x * y * y)(x))(2.0) == 24.0
    assert outer(lambda x: inner(lambda y: y * y)(3.0))(2.0) == 0.0
    assert outer(inner(lambda x: 1.0))(2.0) == 0.0


# ---- arrays ---------------------------------------------------------------------------------------------------------
A, B = np.array([[0.3, -0.8, 1.1], [0.4, 0.9, -0.2]]), np.array([[1.2, -0.7], [0.5, 0.1], [-0.6, 0.8]])
INDEX, MASK = np.array([[2, 0], [2, 2]]), np.array([True, False, True])
ARRAYS = {
    "broadcast": lambda x: x[:, None] * x + np.sin(x) / (2.0 + x * x),
    "column and row": lambda x: np.stack([x, x * x]) * np.reshape(x[:2], (2, 1)),
    "sum axis": lambda x: np.sum(np.exp(x[:, None] * A.T), axis=0) * x[1],
    "sum axes": lambda x: np.sum((x * A)[:, :, None] * x, axis=(0, -1)),
    "matmul mm": lambda x: (A * x) @ np.reshape(np.concatenate([x, x * x]), (3, 2)),
    "matmul mv": lambda x: (A * x) @ np.cos(x),
    "matmul vm": lambda x: np.cos(x) @ (B * x[:2]),
    "dot vv": lambda x: np.dot(x, np.exp(x)),
    "constant matmul": lambda x: np.dot(B, A @ x),
    "transpose": lambda x: (A * x).T @ np.transpose(B * x[1:]) * x,
    "einsum": lambda x: np.einsum("ij,jk,k->i", A * x, B * x[0], np.sin(x[:2])),
    "basic index": lambda x: x[1:] * x[::-2] - x[-1] * x[..., 0],
    "index array": lambda x: x[INDEX] * x[[1, 1]] + 1.0,
    "mask": lambda x: np.exp(x)[MASK] * x[0],
    "concatenate": lambda x: np.concatenate([A * x, np.reshape(x, (1, 3)) ** 2.0]),
    "stack of scalars": lambda x: np.stack([x[0] * x[1], np.sin(x[2]), x.sum()]),
    "iteration": lambda x: np.stack([a * b for a, b in zip(x, x[::-1], strict=True)], axis=-1),
    "power": lambda x: (x * x + 0.5) ** x,
    "elementary": lambda x: np.sqrt(np.square(x) + 1) + np.log1p(x * x) * np.expm1(x) + np.tanh(x) - np.arctan(+x),
}
X0 = np.array([0.7, -0.4, 1.3])


def complex_step(f, x):
    """The Jacobian of a real analytic function to full precision: Im f(x + ih)/h has no subtraction (Squire and Trapp 1998)."""
    columns = [np.imag(f(x + 1e-40j * e)) / 1e-40 for e in np.eye(x.size).reshape(-1, *x.shape)]
    return np.stack(columns, axis=-1).reshape(np.shape(columns[0]) + x.shape)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobian_of_arrays(name, mode):
    f = ARRAYS[name]
    assert_close(jacobian(f, mode)(X0), complex_step(f, X0), rtol=1e-13)
    assert_close(vjp(f, X0)[0], f(X0), rtol=1e-14)


@pytest.mark.parametrize("name", ARRAYS)
def test_second_and_third_order_agree_in_all_modes(name):
    f = ARRAYS[name]
    second = {(a, b): jacobian(jacobian(f, a), b)(X0) for a, b in itertools.product(("forward", "reverse"), repeat=2)}
    want = second["forward", "forward"]
    assert_close(want, np.swapaxes(want, -1, -2), rtol=1e-13)
    for got in second.values():
        assert_close(got, want, rtol=1e-13)
    total = lambda x: np.sum(f(x))
    third = [jacobian(jacobian(grad(total), a), b)(X0) for a, b in itertools.product(("forward", "reverse"), repeat=2)]
    along = lambda g: lambda x: jvp(g, (x,), (np.array([1.0, -2.0, 0.5]),))[1]
    v = np.array([1.0, -2.0, 0.5])
    for got in third:
        assert_close(got, third[0], rtol=1e-12)
        assert_close(np.einsum("ijk,i,j,k", got, v, v, v), along(along(along(total)))(X0), rtol=1e-12)


def several(m, x, y, z):
    return m.sin(x * y) * m.exp(z) / (1 + y * y) + x**z - m.log(2 + x * z) * y


@pytest.mark.parametrize("orders", [o for o in itertools.product(range(3), repeat=3) if 1 <= sum(o) <= 3])
def test_mixed_partials_of_several_arguments(orders):
    point = 0.8, -0.3, 1.4
    want = float(mp.diff(lambda *a: several(mp, *a), tuple(map(mp.mpf, point)), orders))
    slots = [i for i, n in enumerate(orders) for _ in range(n)]
    one = lambda f, i: lambda *a: jvp(lambda x: f(*a[:i], x, *a[i + 1 :]), (a[i],), (1.0,))[1]
    for word in itertools.product("RF", repeat=len(slots)):
        f = lambda *a: several(np, *a)
        for i, mode in zip(slots, word, strict=True):
            f = grad(f, i) if mode == "R" else one(f, i)
        assert_close(f(*point), want, rtol=1e-12)


KINKED = {
    "hypot": (lambda x, y: np.hypot(x, y), lambda x, y: mp.sqrt(x * x + y * y)),
    "arctan2": (lambda x, y: np.arctan2(x, y), lambda x, y: mp.atan2(x, y)),
    "logaddexp": (lambda x, y: np.logaddexp(x, y), lambda x, y: mp.log(mp.exp(x) + mp.exp(y))),
    "maximum": (lambda x, y: np.maximum(x, y) * y, lambda x, y: max(x, y) * y),
    "minimum": (lambda x, y: np.minimum(x, y) * y, lambda x, y: min(x, y) * y),
    "absolute": (lambda x, y: np.abs(x) * x * y, lambda x, y: abs(x) * x * y),
    "where": (lambda x, y: np.where(x > y, x * y, y * y), lambda x, y: x * y if x > y else y * y),
}


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("point", [(0.6, 1.1), (1.3, -0.4)])
def test_functions_that_are_not_analytic(name, point):
    f, exact = KINKED[name]
    g = lambda x: f(x[0], x[1])
    want = [float(mp.diff(exact, point, o)) for o in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))]
    assert_close(grad(g)(np.array(point)), want[:2], rtol=1e-12)
    assert_close(hessian(g)(np.array(point)), [[want[2], want[3]], [want[3], want[4]]], rtol=1e-12)


def test_ties_share():
    for f in (np.maximum, np.minimum):
        assert_close(grad(lambda x, f=f: f(x[0], x[1]))(np.array([2.0, 2.0])), [0.5, 0.5])


# ---- seeds, cotangents, lifetimes -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_seed_axis_is_a_stack_of_sweeps(name, count, rng):
    y, pull = vjp(ARRAYS[name], X0)
    seeds = rng.standard_normal((count, *np.shape(y)))
    assert_close(pull(seeds)[0], np.stack([pull(s)[0] for s in seeds]), rtol=1e-14)


@pytest.mark.parametrize("name", ARRAYS)
def test_cotangents_may_be_dual(name, rng):
    f = ARRAYS[name]
    c = rng.standard_normal(np.shape(f(X0)))
    u, w = rng.standard_normal(3), rng.standard_normal(np.shape(c))
    pulled = lambda x, c: vjp(f, x)[1](c)[0]
    second, first = jacobian(jacobian(f))(X0), jacobian(f)(X0)
    axes = np.ndim(c)
    moved = np.tensordot(c, second @ u, axes) + np.tensordot(w, first, axes)
    assert_close(jvp(pulled, (X0, c), (u, w))[1], moved, rtol=1e-12)
    assert_close(jvp(lambda c: pulled(X0, c), (c,), (w,))[1], np.tensordot(w, first, axes), rtol=1e-12)
    assert_close(grad(lambda c: np.dot(pulled(X0, c), u))(c), first @ u, rtol=1e-12)


def test_pullbacks_outlive_and_interleave():
    _, one = vjp(lambda x: np.sin(x) * x, 0.7)
    _, two = vjp(lambda x: np.exp(x) * x, 0.2)
    want = np.cos(0.7) * 0.7 + np.sin(0.7), np.exp(0.2) * 1.2
    for pull, w in ((two, want[1]), (one, want[0]), (two, want[1])):
        assert_close(pull(1.0)[0], w, rtol=1e-14)
    crossed = grad(lambda z: one(two(z)[0])[0] * z)(3.0)
    assert_close(crossed, 2 * 3.0 * want[0] * want[1], rtol=1e-14)


def test_results_are_plain_and_recording_ends():
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: x * (1 // 0))(1.0)
    assert R.recording == 0
    assert isinstance(jvp(grad(np.sin), (0.3,), (1.0,))[1], float)
    assert isinstance(vjp(forward(np.sin), 0.3)[0], float)


def test_contract_is_its_own_family(rng):
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((3, 4))
    f = lambda x: R.apply(contract, x, b, terms=("ij", "jk", "ki"))
    assert_close(jacobian(f)(a), np.einsum("il,jk->kilj", np.eye(2), b), rtol=1e-15)


def test_the_tutorial_runs():
    text = (DOCS / "how-it-works.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len(blocks) >= 8
    scope = {}
    for block in blocks:
        exec(block, scope)
