"""What transforms do with names, arguments, trees and auxiliary results, and how one looks inside a trace."""

import dataclasses
import pickle
from collections import namedtuple

import numpy as np
import pytest
from compare import assert_close

import dualad as da


# ---- what a transform keeps -----------------------------------------------------------------------------------------
def documented(x, scale=2.0):
    """Adds up scaled squares."""
    return scale * np.sum(x * x)


ALL = {
    "grad": da.grad,
    "value_and_grad": da.value_and_grad,
    "jacobian": da.jacobian,
    "value_and_jacobian": da.value_and_jacobian,
    "hessian": da.hessian,
    "hvp": da.hvp,
    "vhp": da.vhp,
    "derivative": da.derivative,
    "elementwise_grad": da.elementwise_grad,
}


@pytest.mark.parametrize("name", ALL)
def test_names_docstrings_and_pickles(name):
    made = ALL[name](documented)
    assert "documented" in made.__name__
    assert documented.__doc__ in made.__doc__
    assert made.__wrapped__ is documented
    again = pickle.loads(pickle.dumps(made))
    x = 1.5 if name == "derivative" else np.array([1.0, 2.0])
    args = (x, x) if name in ("hvp", "vhp") else (x,)
    for got, want in zip(_leaves(again(*args)), _leaves(made(*args)), strict=True):
        assert_close(got, want)
    nested_pickle = pickle.loads(pickle.dumps(da.jacobian(da.grad(documented, argnums="x"))))
    assert_close(nested_pickle(np.array([1.0, 2.0])), 4 * np.eye(2))
    assert_close(pickle.loads(pickle.dumps(da.grad(np.sin)))(0.5), np.cos(0.5))


def _leaves(value):
    return value if isinstance(value, tuple) else (value,)


def test_lambdas_can_be_transformed_but_not_pickled():
    made = da.grad(lambda x: x * x)
    assert made(3.0) == 6.0
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        pickle.dumps(made)


# ---- arguments ------------------------------------------------------------------------------------------------------
def three(x, y, z=1.0, *, w=2.0):
    return x * y**2 * z**3 * w


def test_argnums():
    assert da.grad(three)(2.0, 3.0) == 18.0
    assert da.grad(three, argnums=1)(2.0, 3.0) == 24.0
    assert da.grad(three, 1)(2.0, 3.0) == 24.0
    assert da.grad(three, argnums=-1)(2.0, 3.0) == 24.0
    assert da.grad(three, argnums=(0, 1))(2.0, 3.0) == (18.0, 24.0)
    assert da.grad(three, argnums=(1, 0))(2.0, 3.0) == (24.0, 18.0)
    assert da.grad(three, argnums=(1,))(2.0, 3.0) == (24.0,)
    assert da.grad(three, argnums="y")(2.0, y=3.0) == 24.0
    assert da.grad(three, argnums="z")(2.0, 3.0, z=1.0) == 108.0
    assert da.grad(three, argnums=("x", "w"))(x=2.0, y=3.0, w=2.0) == (18.0, 18.0)
    assert da.grad(three, argnums=(0, "w"))(2.0, 3.0, w=2.0) == (18.0, 18.0)
    assert da.grad(three)(2.0, 3.0, 2.0, w=1.0) == 72.0
    assert da.value_and_grad(three, argnums=(0, 1))(2.0, 3.0) == (36.0, (18.0, 24.0))


def test_argnums_of_jacobian_and_hessian(rng):
    f = lambda x, y: np.outer(x, y) @ y
    x, y = rng.standard_normal(2), rng.standard_normal(3)
    for mode in (None, "forward", "reverse"):
        jx, jy = da.jacobian(f, argnums=(0, 1), mode=mode)(x, y)
        assert_close(jx, np.eye(2) * (y @ y))
        assert_close(jy, 2 * np.outer(x, y))
        value, (jx, jy) = da.value_and_jacobian(f, argnums=(0, 1), mode=mode)(x, y)
        assert_close(value, f(x, y))
        assert_close(jy, 2 * np.outer(x, y))
    g = lambda x, y: np.sum(f(x, y))
    (xx, xy), (yx, yy) = da.hessian(g, argnums=(0, 1))(x, y)
    assert_close(xx, np.zeros((2, 2)))
    assert_close(xy, np.outer(np.ones(2), 2 * y))
    assert_close(yx, xy.T)
    assert_close(yy, 2 * np.sum(x) * np.eye(3))
    assert_close(da.hessian(g, argnums=1)(x, y), yy)


def test_has_aux(rng):
    x = rng.standard_normal(3)

    def f(x):
        y = np.sin(x)
        return np.sum(y), {"y": y, "note": "text", "n": 3}

    gradient, aux = da.grad(f, has_aux=True)(x)
    assert_close(gradient, np.cos(x))
    (value, aux2), gradient2 = da.value_and_grad(f, has_aux=True)(x)
    assert_close(gradient2, np.cos(x))
    assert_close(value, np.sum(np.sin(x)))
    jac, aux3 = da.jacobian(lambda x: (np.sin(x), f(x)[1]), has_aux=True)(x)
    assert_close(jac, np.diag(np.cos(x)))
    hess, aux4 = da.hessian(f, has_aux=True)(x)
    assert_close(hess, -np.diag(np.sin(x)))
    _, pull, aux5 = da.vjp(f, x, has_aux=True)
    assert_close(pull(1.0)[0], np.cos(x))
    for a in (aux, aux2, aux3, aux4, aux5):
        assert (a["note"], a["n"]) == ("text", 3)
        assert_close(a["y"], np.sin(x))  # plain again: nothing traced leaves a transform


def test_extra_arguments_are_passed_through(rng):
    x = rng.standard_normal(3)
    names = []

    def f(x, data, label, *rest, flag=None, **more):
        names.append((label, rest, flag, more))
        return np.sum(x * data["weights"])

    data = {"weights": np.arange(3), "junk": None, "text": "abc"}
    assert_close(da.grad(f)(x, data, "label", 1, None, flag="yes", extra=[1]), np.arange(3.0))
    assert names[0] == ("label", (1, None), "yes", {"extra": [1]})


Pair = namedtuple("Pair", "left right")


@dataclasses.dataclass
class Layer:
    weights: np.ndarray
    bias: float


def leaves_of(tree):
    if isinstance(tree, dict):
        return [leaf for k in tree for leaf in leaves_of(tree[k])]
    if dataclasses.is_dataclass(tree):
        return [leaf for f in dataclasses.fields(tree) for leaf in leaves_of(getattr(tree, f.name))]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves_of(part)]
    return [tree]


def total(tree):
    return sum(np.sum(k * leaf**2) for k, leaf in enumerate(leaves_of(tree), 1))


W = np.array([[0.5, -1.0], [2.0, 0.25]])
TREES = {
    "dict": {"b": W, "a": 2.0},
    "list": [W, 2.0],
    "tuple": (W, 2.0),
    "namedtuple": Pair(W, 2.0),
    "dataclass": Layer(W, 2.0),
    "nested": {"layers": [Layer(W, 1.5), Layer(2 * W, -0.5)], "pair": Pair((3.0, [4.0]), {"deep": np.array([1.0])}), "empty": []},
}


def same_structure(got, want):
    assert type(got) is type(want)
    if isinstance(want, dict):
        assert list(got) == list(want)
        for k in want:
            same_structure(got[k], want[k])
    elif dataclasses.is_dataclass(want):
        for f in dataclasses.fields(want):
            same_structure(getattr(got, f.name), getattr(want, f.name))
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            same_structure(g, w)


def check_tree(got, tree, factor):
    want = [factor(k) * leaf for k, leaf in enumerate(leaves_of(tree), 1)]
    for g, w in zip(leaves_of(got), want, strict=True):
        assert_close(g, w)


@pytest.mark.parametrize("name", TREES)
def test_trees(name):
    tree = TREES[name]
    for gradient in (da.grad(total)(tree), da.value_and_grad(total)(tree)[1], da.vjp(total, tree)[1](1.0)[0]):
        check_tree(gradient, tree, lambda k: 2 * k)
        if name != "nested":
            same_structure(gradient, tree)
    value, slope = da.jvp(total, (tree,), (tree,))
    assert_close(value, total(tree))
    assert_close(slope, 2 * total(tree))
    check_tree(da.hvp(total)(tree, tree), tree, lambda k: 2 * k)
    assert_close(da.linearize(total, tree)[1](tree), 2 * total(tree))


def test_trees_as_results(rng):
    x = rng.standard_normal(3)
    f = lambda x: {"s": np.sin(x), "pair": Pair(x[0] * x[1], [x])}
    y, dy = da.jvp(f, (x,), (np.ones(3),))
    same_structure(y, f(x))
    assert_close(dy["s"], np.cos(x))
    assert_close(dy["pair"].left, x[0] + x[1])
    assert_close(dy["pair"].right[0], np.ones(3))
    y, pull = da.vjp(f, x)
    assert_close(pull({"s": np.ones(3), "pair": Pair(1.0, [np.zeros(3)])})[0], np.cos(x) + np.array([x[1], x[0], 0.0]))
    jac = da.jacobian(f)(x)
    assert_close(jac["s"], np.diag(np.cos(x)))
    assert_close(jac["pair"].right[0], np.eye(3))


def test_jacobian_and_hessian_of_trees():
    x = {"a": np.array([1.0, 2.0]), "b": 3.0}
    f = lambda t: t["a"] * t["b"] ** 2
    for mode in (None, "forward", "reverse"):
        jac = da.jacobian(f, mode=mode)(x)
        assert_close(jac["a"], 9.0 * np.eye(2))
        assert_close(jac["b"], 6.0 * x["a"])
    hess = da.hessian(lambda t: np.sum(f(t)))(x)
    assert_close(hess["a"]["a"], np.zeros((2, 2)))
    assert_close(hess["a"]["b"], np.array([6.0, 6.0]))
    assert_close(hess["b"]["a"], np.array([6.0, 6.0]))
    assert_close(hess["b"]["b"], 6.0)


def test_lists_of_floats_are_trees():
    def energy(x):
        s = 0.0
        for i in range(len(x) - 1):
            s = s + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
        return s

    x = np.array([0.3, -0.8, 1.2, 0.5])
    slope = np.zeros(4)
    slope[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    slope[1:] += 200 * (x[1:] - x[:-1] ** 2)
    gradient = da.grad(energy)(x.tolist())
    assert isinstance(gradient, list)
    assert all(isinstance(g, float) for g in gradient)
    assert_close(np.array(gradient), slope, rtol=1e-14)
    assert_close(da.grad(energy)(x), slope, rtol=1e-14)
    assert_close(da.hessian(energy)(x), da.jacobian(da.grad(energy))(x), rtol=1e-14)


# ---- looking inside -------------------------------------------------------------------------------------------------
def test_value_and_is_traced_and_stop_gradient():
    seen = []

    def f(x):
        seen.append((da.is_traced(x), da.value(x), da.value(x * 2)))
        return da.stop_gradient(x * x) * x

    assert da.grad(f)(3.0) == 9.0
    assert da.jvp(f, (3.0,), (1.0,))[1] == 9.0
    assert da.grad(da.grad(f))(3.0) == 0.0
    assert da.derivative(f, order=2)(3.0) == 0.0
    assert seen[0] == (True, 3.0, 6.0)
    assert all(isinstance(v, (float, np.floating)) for _, v, _ in seen)
    assert not da.is_traced(3.0)
    assert da.value(3.0) == 3.0
    assert da.stop_gradient(3.0) == 3.0
    tree = {"a": np.ones(2), "b": (1.0,)}
    assert_close(da.stop_gradient(tree)["a"], np.ones(2))
    assert_close(da.grad(lambda x: np.sum(da.stop_gradient(x) * x))(np.array([1.0, 2.0])), np.array([1.0, 2.0]))


def test_duals_by_hand():
    d = da.Dual(2.0, 1.0)
    y = np.sin(d) * d
    assert_close(y.primal, np.sin(2.0) * 2)
    assert_close(y.tangent, np.cos(2.0) * 2 + np.sin(2.0))
    assert "1.81" in repr(y)
    assert "0.077" in repr(y)
    assert repr(y).startswith("Dual(primal=")
    a = da.Dual(np.array([1.0, 2.0]), np.array([0.5, 0.0]))
    assert_close((a @ a).tangent, 1.0)
    value, slope = da.jvp(lambda x: x * d, (3.0,), (1.0,))  # the newer level is outside: both results are Duals like d
    assert (value.primal, value.tangent) == (6.0, 3.0)
    assert (slope.primal, slope.tangent) == (2.0, 1.0)
    gradient = da.grad(lambda x: x * x * d)(3.0)
    assert (gradient.primal, gradient.tangent) == (12.0, 6.0)
