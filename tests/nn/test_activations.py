"""Activations against closed forms in higher precision, their derivatives against finite differences, and what happens at the edges."""

import threading

import numpy as np
import pytest
from scipy import special

import dualad as da
from dualad.errors import ParameterError, UnknownNameError
from dualad.nn import activations
from dualad.testing import check_grads

L = np.longdouble
REFERENCE = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.maximum(x, 0) + L("0.2") * np.minimum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x: np.maximum(x, 0) + np.expm1(np.minimum(x, 0)),
    "celu": lambda x: np.maximum(x, 0) + np.expm1(np.minimum(x, 0)),
    "selu": lambda x: L("1.0507009873554805") * (np.maximum(x, 0) + L("1.6732632423543772") * np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: special.ndtr(x.astype(float)) * x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "tanh": np.tanh,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "exponential": np.exp,
    "linear": lambda x: x,
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    "log_sigmoid": lambda x: -np.log1p(np.exp(-x)),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(abs(x) - L("0.5"), 0),
    "hard_shrink": lambda x: x * (abs(x) > 0.5),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}
KINKS = {"relu", "leaky_relu", "relu6", "elu", "celu", "selu", "hard_sigmoid", "hard_tanh", "hard_silu", "hard_swish", "soft_shrink", "hard_shrink"}


def test_every_name_has_a_reference():
    assert set(REFERENCE) == set(activations.FUNCTIONS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", REFERENCE)
def test_values(name, dtype, rng):
    x = (6 * rng.standard_normal((5, 7))).astype(dtype)
    y = activations.get(name)(x)
    assert y.dtype == dtype
    assert y.shape == x.shape
    np.testing.assert_allclose(y, REFERENCE[name](x.astype(L)).astype(float), rtol=20 * np.finfo(dtype).eps, atol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", REFERENCE)
def test_programs_give_the_same(name, dtype, rng):
    f = activations.get(name)
    x, w = ((3 * rng.standard_normal((4, 16))).astype(dtype) for _ in range(2))
    loss = da.value_and_grad(lambda x: np.sum(w * f(x)))
    program = da.record(loss, x)
    value, gradient = program(x)
    assert gradient.dtype == value.dtype == dtype
    np.testing.assert_allclose(gradient, loss(x)[1], rtol=50 * np.finfo(dtype).eps, atol=50 * np.finfo(dtype).eps)
    np.testing.assert_allclose(value, loss(x)[0], rtol=50 * np.finfo(dtype).eps, atol=50 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", REFERENCE)
def test_derivatives(name, rng):
    x = 2 * rng.standard_normal((3, 4))
    order = 1 if name in KINKS else 2
    check_grads(activations.get(name), (x,), order=order)


@pytest.mark.parametrize("name", [n for n in REFERENCE if n not in ("exponential", "softmax", "log_softmax")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out(name, dtype):
    """Neither values nor derivatives overflow on the way; warnings are errors here."""
    f = activations.get(name)
    x = np.array([-30000, -750, -100, 100, 750, 30000], dtype)
    assert np.isfinite(f(x)).all()
    gradient = da.grad(lambda x: np.sum(f(x)))(x)
    assert np.isfinite(gradient).all()
    assert (abs(gradient) <= 1.2).all()
    assert np.isfinite(da.hvp(lambda x: np.sum(f(x)))(x, np.ones_like(x))).all()


@pytest.mark.parametrize("name", REFERENCE)
def test_nan_passes(name):
    with np.errstate(invalid="ignore"):  # np.logaddexp warns
        assert np.isnan(activations.get(name)(np.array([[np.nan, 1.0]]))[0, 0])


def test_kinks():
    for name, where, slope in (("relu", 0.0, 0), ("relu6", 0.0, 0), ("leaky_relu", 0.0, 0.2), ("elu", 0.0, 1), ("hard_tanh", 1.0, 0),
                               ("hard_sigmoid", -3.0, 0)):
        assert da.grad(activations.get(name))(where) == slope, name


def test_sigmoid_has_all_digits():
    for dtype in (np.float32, np.float64):
        x = np.linspace(-80, 80, 1001).astype(dtype)
        want = (1 / (1 + np.exp(-x.astype(L)))).astype(float)
        np.testing.assert_allclose(activations.sigmoid(x), want, rtol=8 * np.finfo(dtype).eps)
        slope = (np.exp(-abs(x).astype(L)) / (1 + np.exp(-abs(x).astype(L))) ** 2).astype(float)
        np.testing.assert_allclose(da.grad(lambda x: np.sum(activations.sigmoid(x)))(x), slope, rtol=16 * np.finfo(dtype).eps)
        np.testing.assert_allclose(da.record(activations.sigmoid, x)(x), want, rtol=8 * np.finfo(dtype).eps)


def test_sigmoid_of_detached_values():
    x = np.linspace(-3, 3, 40)
    program = da.record(lambda x: x * activations.sigmoid(da.stop_gradient(2 * x)), x)
    np.testing.assert_allclose(program(x + 1), (x + 1) / (1 + np.exp(-2 * (x + 1))), rtol=1e-14)


def test_relu_options():
    x = np.array([-2.0, 0.5, 1.0, 3.0, 9.0])
    np.testing.assert_array_equal(activations.relu(x, threshold=1.0), [0, 0, 0, 3, 9])
    np.testing.assert_allclose(activations.relu(x, negative_slope=0.1, threshold=1.0, max_value=5.0), [-0.3, -0.05, 0, 3, 5])
    np.testing.assert_array_equal(da.grad(lambda x: np.sum(activations.relu(x, 0.5, 5.0, 1.0)))(x), [0.5, 0.5, 0.5, 1, 0])


def test_gelu_by_tanh(rng):
    x = 3 * rng.standard_normal(100)
    assert 1e-6 < abs(activations.gelu(x, approximate=True) - activations.gelu(x)).max() < 1e-3


def test_erf_without_scipy(monkeypatch):
    import sys

    x = np.linspace(-3, 3, 7)
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    np.testing.assert_allclose(activations.gelu(x), x * special.ndtr(x), rtol=1e-13)
    assert activations.gelu(x.astype(np.float32)).dtype == np.float32


def test_softmax_axis(rng):
    x = rng.standard_normal((3, 4, 5))
    np.testing.assert_allclose(activations.softmax(x, axis=1).sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(activations.log_softmax(x, axis=0)), activations.softmax(x, axis=0))
    assert activations.softmax(np.array([1e4, 0.0])).tolist() == [1, 0]


def test_logits_are_kept():
    x = np.zeros((2, 3))
    with activations.keeping_logits() as outer:
        y = activations.sigmoid(x)
        with activations.keeping_logits() as inner:
            z = activations.softmax(x)
            assert activations.logits_of(z) == ("softmax", x)
            assert activations.logits_of(y) is None
        assert activations.logits_of(y) == ("sigmoid", x)
        other = activations.softmax(x, axis=0)
    kind, logits = outer.of(y)
    assert (kind, logits is x) == ("sigmoid", True)
    assert inner.of(z)[1] is x
    assert outer.of(other) is None
    assert outer.of(y.copy()) is None
    assert activations.logits_of(y) is None


def test_logits_of_each_thread():
    seen = []
    with activations.keeping_logits():
        y = activations.sigmoid(np.zeros(2))
        thread = threading.Thread(target=lambda: seen.append(activations.logits_of(y)))
        thread.start()
        thread.join()
    assert seen == [None]


def test_context_ends_with_an_error():
    with pytest.raises(KeyError), activations.keeping_logits():
        raise KeyError
    assert activations.logits_of(activations.sigmoid(np.zeros(2))) is None


def test_names():
    assert activations.get(None) is activations.linear
    assert activations.get("LeakyReLU") is activations.leaky_relu
    assert activations.get(np.tanh) is np.tanh
    assert activations.get(activations.serialize(activations.gelu)) is activations.gelu
    with pytest.raises(UnknownNameError, match="unknown activation 'rleu'; did you mean 'relu'"):
        activations.get("rleu")
    with pytest.raises(ParameterError, match="not 3 of type int"):
        activations.get(3)
    with pytest.raises(ParameterError, match="custom_objects"):
        activations.serialize(lambda x: x)
