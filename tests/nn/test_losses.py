"""Losses against Keras's numbers and closed forms; weights, reductions, logits, derivatives, programs, targets."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import special

import dualad as da
from dualad.errors import ParameterError, ShapeError, UnknownNameError
from dualad.nn import activations, losses
from dualad.testing import check_grads

ORACLE = json.loads((Path(__file__).parent / "data" / "keras_oracle.json").read_text())
IN = ORACLE["loss_inputs"]
MADE = {
    "mse": losses.MeanSquaredError, "mae": losses.MeanAbsoluteError, "huber": lambda **k: losses.Huber(0.1, **k), "logcosh": losses.LogCosh,
    "kld": losses.KLDivergence, "bce": losses.BinaryCrossentropy, "bce_smooth0.1": lambda **k: losses.BinaryCrossentropy(label_smoothing=0.1, **k),
    "bce_logits": lambda **k: _Clipped(**k), "cosine": losses.CosineSimilarity, "poisson": losses.Poisson,
}


class _Clipped(losses.BinaryCrossentropy):
    """What the oracle holds for logits: the probabilities of the logits, kept 1e-7 away from 0 and 1, as Keras's NumPy backend computes them. For
    the logit 100 that is 16 in place of 100, without derivative; `from_logits` is exact here, see `test_logits_are_not_clipped`."""

    def call(self, y_true, y_pred):
        return super().call(y_true, activations.sigmoid(y_pred))


def data(name, dtype):
    return np.array(IN["y_true"], dtype), np.array(IN["logits" if "logits" in name else "y_pred"], dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ORACLE["losses"])
def test_keras_values(name, dtype):
    t, y = data(name, dtype)
    want = ORACLE["losses"][name]
    # probabilities end at 1 - 1e-7, which float32 rounds: log(1e-7) = -16.1 is -15.9 there, and float64 differs from the oracle by that
    rtol = 2e-6 if dtype == np.float32 or "bce" not in name else 5e-3
    each = MADE[name](reduction=None)(t, y)
    assert each.dtype == dtype
    np.testing.assert_allclose(each, want["per_sample"], rtol=rtol, atol=1e-7)
    assert float(MADE[name]()(t, y)) == pytest.approx(want["mean"], rel=rtol, abs=1e-7)
    assert float(MADE[name]()(t, y, IN["sample_weight"])) == pytest.approx(want["weighted"], rel=rtol, abs=1e-7)
    assert float(MADE[name](reduction="sum")(t, y)) == pytest.approx(2 * want["mean"], rel=rtol, abs=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_are_not_clipped(dtype):
    t, x = data("bce_logits", dtype)
    exact = np.where(x > 0, x * (1 - t), -x * t) + np.log1p(np.exp(-abs(x.astype(float))))
    np.testing.assert_allclose(losses.binary_crossentropy(t, x, from_logits=True), exact.mean(-1), rtol=1e-6)
    clipped = ORACLE["losses"]["bce_logits"]["per_sample"]
    np.testing.assert_allclose(exact.mean(-1)[0], clipped[0], rtol=1e-6)  # no logit here where the limits of 1e-7 matter
    assert exact.mean(-1)[1] - clipped[1] == pytest.approx((30 + 0.3 * np.log(2.0**-23)) / 3, rel=1e-6)


def xlogy(a, b):
    return special.xlogy(a, b)


P = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
T = np.array([[0.0, 1.0, 0.0], [0.6, 0.0, 0.4]])
SIGNS = np.array([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])
FORMS = {  # in float64, written independently
    "mean_absolute_percentage_error": (T + 1, P, lambda t, y: 100 * (abs(t - y) / abs(t)).mean(-1)),
    "mean_squared_logarithmic_error": (T + 1, P, lambda t, y: (np.log((1 + t) / (1 + y)) ** 2).mean(-1)),
    "log_cosh": (T, P, lambda t, y: np.log(np.cosh(y - t)).mean(-1)),
    "kl_divergence": (P[::-1], P, lambda t, y: special.rel_entr(t, y).sum(-1)),
    "binary_crossentropy": (T, P, lambda t, y: -(xlogy(t, y) + special.xlog1py(1 - t, -y)).mean(-1)),
    "binary_focal_crossentropy": (SIGNS > 0, P, lambda t, y: (-np.where(t, 1 - y, y) ** 2 * np.log(np.where(t, y, 1 - y))).mean(-1)),
    "categorical_crossentropy": (T, 2 * P, lambda t, y: -xlogy(t, y / 2).sum(-1)),
    "hinge": (SIGNS, 3 * P, lambda t, y: np.maximum(1 - t * y, 0).mean(-1)),
    "squared_hinge": (SIGNS, 3 * P, lambda t, y: (np.maximum(1 - t * y, 0) ** 2).mean(-1)),
    "categorical_hinge": (np.eye(3)[[0, 2]], P, lambda t, y: np.maximum(1 + np.max(np.where(t, 0, y), -1) - y[t > 0], 0)),
    "cosine_similarity": (T, P, lambda t, y: -(t * y).sum(-1) / np.linalg.norm(t, axis=-1) / np.linalg.norm(y, axis=-1)),
    "huber": (T, P, lambda t, y: special.huber(1.0, y - t).mean(-1)),
    "poisson": (T, P, lambda t, y: (y - xlogy(t, y)).mean(-1)),
    "mean_squared_error": (T, P, lambda t, y: ((y - t) ** 2).mean(-1)),
    "mean_absolute_error": (T, P, lambda t, y: abs(y - t).mean(-1)),
}


@pytest.mark.parametrize("name", FORMS)
def test_closed_forms(name):
    t, y, form = FORMS[name]
    np.testing.assert_allclose(getattr(losses, name)(t, y), form(t.astype(float), y), rtol=3e-6)


@pytest.mark.parametrize("name", FORMS)
def test_derivatives_and_programs(name):
    t, y, _ = FORMS[name]
    loss = losses.get(name)
    w = np.array([0.5, 2.0])
    f = lambda y: loss(t, y, w)
    check_grads(f, (y,), order=1)
    program = da.record(da.value_and_grad(f), y)
    np.testing.assert_allclose(program(y * 0.9)[1], da.grad(f)(y * 0.9), rtol=1e-12, atol=1e-14)
    both = da.record(da.value_and_grad(loss, argnums=1), t.astype(float), y)  # targets as inputs of the program
    np.testing.assert_allclose(both(t.astype(float), y)[0], loss(t, y), rtol=1e-12)
    single = da.record(da.value_and_grad(loss, argnums=1), t.astype(np.float32), y.astype(np.float32))
    value, gradient = single(t.astype(np.float32), y.astype(np.float32))
    assert value.dtype == gradient.dtype == np.float32
    assert float(value) == pytest.approx(float(loss(t, y)), rel=1e-4)


# ---- labels ----


def test_sparse_is_categorical(rng):
    x = rng.standard_normal((6, 5, 4))
    labels = rng.integers(0, 4, (6, 5))
    for from_logits, y in ((True, x), (False, activations.softmax(x))):
        want = losses.categorical_crossentropy(np.eye(4)[labels], y, from_logits=from_logits)
        np.testing.assert_allclose(losses.sparse_categorical_crossentropy(labels, y, from_logits=from_logits), want, rtol=1e-6)
        np.testing.assert_allclose(losses.sparse_categorical_crossentropy(labels[..., None].astype(float), y, from_logits=from_logits), want, rtol=1e-6)
    np.testing.assert_allclose(losses.sparse_categorical_crossentropy(labels, np.moveaxis(x, -1, 1), from_logits=True, axis=1),
                               losses.sparse_categorical_crossentropy(labels, x, from_logits=True))


def test_sparse_program_takes_new_labels(rng):
    x, labels = rng.standard_normal((6, 4)), np.array([0, 1, 2, 3, 0, 1])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    program = da.record(da.value_and_grad(loss, argnums=1), labels, x)
    other = labels[::-1].copy()
    np.testing.assert_allclose(program(other, x)[1], (special.softmax(x, -1) - np.eye(4)[other]) / 6, atol=1e-15)


def test_ignored_class_does_not_count(rng):
    x, labels = rng.standard_normal((4, 3)), np.array([0, -1, 2, -1])
    some = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)(labels, x)
    assert some == pytest.approx(losses.SparseCategoricalCrossentropy(from_logits=True)(labels[::2], x[::2]))
    total = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1, reduction="sum")(labels, x)
    assert total == pytest.approx(2 * some)


def test_label_smoothing():
    got = losses.categorical_crossentropy(np.eye(3)[[1]], P[:1], label_smoothing=0.3)
    np.testing.assert_allclose(got, -np.log(P[:1]) @ [0.1, 0.8, 0.1], rtol=1e-6)


def test_focal_balancing():
    plain = losses.binary_focal_crossentropy(np.array([[1.0], [0.0]]), np.array([[0.3], [0.3]]))
    balanced = losses.binary_focal_crossentropy(np.array([[1.0], [0.0]]), np.array([[0.3], [0.3]]), apply_class_balancing=True, alpha=0.2)
    np.testing.assert_allclose(balanced / plain, [0.2, 0.8])
    np.testing.assert_allclose(losses.binary_focal_crossentropy(T, special.logit(P), gamma=0.0, from_logits=True), losses.binary_crossentropy(T, P), rtol=1e-6)


def test_hinge_converts_zeros_and_ones():
    np.testing.assert_array_equal(losses.hinge((SIGNS + 1) / 2, P), losses.hinge(SIGNS, P))


# ---- logits ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_and_crossentropy_become_one(dtype):
    x = np.array([[-1000.0, -40.0, 0.5, 40.0, 1000.0]], dtype)
    t = np.array([[1.0, 1.0, 0.3, 0.0, 0.0]], dtype)

    def loss(x):
        with activations.keeping_logits():
            return losses.BinaryCrossentropy()(t, activations.sigmoid(x))

    value, gradient = da.value_and_grad(loss)(x)
    assert float(value) == pytest.approx((1000 + 40 + np.log1p(np.exp(0.5)) - 0.15 + 40 + 1000) / 5, rel=1e-6)
    np.testing.assert_allclose(gradient, (special.expit(x.astype(float)) - t) / 5, rtol=1e-6)
    np.testing.assert_allclose(da.record(da.grad(loss), x)(x), gradient, rtol=1e-6)
    assert da.grad(lambda x: losses.BinaryCrossentropy()(t, activations.sigmoid(x)))(x)[0, 0] == 0  # outside the context, as in Keras


@pytest.mark.parametrize("sparse", [False, True])
def test_softmax_and_crossentropy_become_one(sparse):
    x = np.array([[1000.0, 0.0, -1000.0], [0.0, 1.0, 2.0]])
    labels = np.array([2, 0])
    loss = losses.SparseCategoricalCrossentropy() if sparse else losses.CategoricalCrossentropy()
    t = labels if sparse else np.eye(3)[labels]

    def f(x):
        with activations.keeping_logits():
            return loss(t, activations.softmax(x))

    assert f(x) == pytest.approx((2000 + 2 + np.log1p(np.exp(-1) + np.exp(-2))) / 2)
    np.testing.assert_allclose(da.grad(f)(x), (special.softmax(x, -1) - np.eye(3)[labels]) / 2, atol=1e-15)


def test_only_the_fitting_logits_are_used():
    with activations.keeping_logits():
        y = activations.softmax(np.array([[0.0, 1.0, 2.0]]))
        np.testing.assert_array_equal(losses.binary_crossentropy(T[:1], y), losses.binary_crossentropy(T[:1], y.copy()))
        z = activations.sigmoid(np.array([[0.0, 1.0, 2.0]]))
        np.testing.assert_array_equal(losses.categorical_crossentropy(T[:1], z), losses.categorical_crossentropy(T[:1], z.copy()))


def test_gradient_of_logits_everywhere():
    """Also at 0, in second order: the usual formula with max and abs has a kink there."""
    loss = losses.BinaryCrossentropy(from_logits=True, reduction="sum")
    x = np.zeros((1, 3))
    np.testing.assert_array_equal(da.hvp(lambda x: loss(np.ones((1, 3)), x))(x, np.ones((1, 3))), np.full((1, 3), 0.25 / 3))


# ---- shapes, weights, reductions ----


def test_reductions():
    t, y, w = np.zeros((3, 2)), np.array([[1.0, 1], [2, 2], [3, 3]]), [1.0, 0.0, 2.0]
    of = lambda reduction: losses.MeanSquaredError(reduction=reduction)
    assert of("sum_over_batch_size")(t, y, w) == pytest.approx(19 / 3)
    assert of("mean")(t, y, w) == pytest.approx(19 / 3)
    assert of("mean_with_sample_weight")(t, y, w) == pytest.approx(19 / 3)
    assert of("mean_with_sample_weight")(t, y, [1.0, 0.0, 1.0]) == pytest.approx(5)
    assert of("mean_with_sample_weight")(t, y, [0.0] * 3) == 0
    assert of("sum")(t, y, w) == 19
    assert of(None)(t, y, w).tolist() == [1, 0, 18]
    assert of("none")(t, y).tolist() == [1, 4, 9]


def test_weights_of_further_axes(rng):
    t, y = rng.standard_normal((2, 4, 3)), rng.standard_normal((2, 4, 3))
    each = losses.mean_squared_error(t, y)
    w = np.array([1.0, 3.0])
    assert losses.MeanSquaredError()(t, y, w) == pytest.approx((each * w[:, None]).mean())
    assert losses.MeanSquaredError()(t, y, w[:, None]) == pytest.approx((each * w[:, None]).mean())
    assert losses.MeanSquaredError()(t, y, np.ones((2, 4))) == pytest.approx(each.mean())
    with pytest.raises(ShapeError, match=r"weights of shape \(3,\) .*\(2, 4\): give one weight a sample"):
        losses.MeanSquaredError()(t, y, np.ones(3))


def test_missing_axis_of_one():
    assert losses.mean_squared_error([1.0, 2.0], [[1.0], [4.0]]).tolist() == [0, 4]
    assert losses.mean_squared_error([[1.0], [2.0]], [1.0, 4.0]).tolist() == [0, 4]
    assert losses.mean_squared_error(np.ones((2, 3, 1)), np.zeros((2, 3))).shape == (2,)


@pytest.mark.parametrize("name", FORMS)
def test_shape_mismatch(name):
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(2, 4\)"):
        getattr(losses, name)(np.ones((2, 3)), np.ones((2, 4)))


def test_label_shapes():
    with pytest.raises(ShapeError, match=r"labels of shape \(2, 3\) do not fit predictions of shape \(2, 3\): .*categorical_crossentropy for one-hot"):
        losses.sparse_categorical_crossentropy(T, P)


def test_types():
    assert losses.mean_squared_error(np.zeros((1, 2)), np.ones((1, 2), np.float32)).dtype == np.float32
    assert losses.binary_crossentropy(np.array([[True, False]]), np.full((1, 2), 0.5, np.float32)).dtype == np.float32
    assert losses.mean_squared_error(np.zeros((1, 2), np.uint8), [[1, 2]]).tolist() == [2.5]


def test_empty():
    assert losses.MeanSquaredError()(np.zeros((0, 2)), np.zeros((0, 2))) == 0


# ---- names, configs ----


def test_get():
    for name in ("mse", "MSE", "MeanSquaredError", "mean_squared_error", losses.mean_squared_error, losses.MeanSquaredError):
        assert type(losses.get(name)) is losses.MeanSquaredError
    assert losses.get(None) is None
    mine = losses.get(lambda t, y: np.max(abs(t - y), axis=-1))
    assert mine(np.zeros((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]]), [1, 0]) == 1
    with pytest.raises(UnknownNameError, match=r"unknown loss 'mean_square_error'; did you mean 'MeanSquaredError'"):
        losses.get("mean_square_error")
    with pytest.raises(UnknownNameError, match="did you mean 'BinaryCrossentropy'"):
        losses.get("binary_cross_entropy_loss")


@pytest.mark.parametrize("made", [losses.Huber(0.5, "sum", "h"), losses.BinaryFocalCrossentropy(gamma=3.0, label_smoothing=0.1), losses.MeanSquaredError(),
                                  losses.SparseCategoricalCrossentropy(True, ignore_class=2), losses.CosineSimilarity(axis=0)], ids=repr)
def test_written_and_read(made):
    again = losses.get(json.loads(json.dumps(losses.serialize(made))))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


def test_own_functions_written_and_read():
    def fourth(t, y):
        return np.mean((t - y) ** 4, axis=-1)

    text = json.loads(json.dumps(losses.serialize(losses.FunctionLoss(fourth, "sum"))))
    again = losses.get(text, custom_objects={"fourth": fourth})
    assert again(np.zeros((2, 1)), np.full((2, 1), 2.0)) == 32
    with pytest.raises(ParameterError, match="custom_objects"):
        losses.get(text)


def test_bad_options():
    with pytest.raises(ParameterError, match=r"reduction='avg'.*sum_over_batch_size"):
        losses.MeanSquaredError(reduction="avg")
    with pytest.raises(ParameterError, match=r"label_smoothing=1\.5"):
        losses.BinaryCrossentropy(label_smoothing=1.5)
    with pytest.raises(ParameterError, match="delta=0"):
        losses.Huber(0)


# ---- targets ----


def test_check_targets():
    check = losses.check_targets
    assert check("bce", np.array([0.0, 1.0])) is None
    assert check("bce", np.array([True, False])) is None
    assert "[-2, 3], but binary_crossentropy takes targets in [0, 1]: scale the data" in check("bce", np.array([-2.0, 3.0]))
    assert "[0, 255]" in check("binary_crossentropy", np.array([0, 255], np.uint8))
    assert "of at least 0" in check("poisson", np.array([-1.0]))
    assert check("mse", np.array([-5.0, 1e9])) is None
    assert check(lambda t, y: t, np.array([-5.0])) is None
    assert check("mse", np.array([[0.0, np.nan], [np.nan, 0.0]])) == "the targets hold 2 values that are NaN or infinite, the first at (0, 1)"
    assert "1 values that are NaN or infinite" in check("mse", np.array([np.inf, 0.0]))
    assert check("mse", np.zeros((0, 2))) == "the targets are empty"
    sparse = "sparse_categorical_crossentropy"
    assert check(sparse, np.array([0, 9]), classes=10) is None
    assert "go from 0 to 10" in check(sparse, np.array([0, 10]), classes=10)
    assert "from -1 to 3" in check(sparse, np.array([-1, 3]))
    assert check(losses.SparseCategoricalCrossentropy(ignore_class=-1), np.array([-1, 3])) is None
    assert "integer labels, but the targets hold 0.5" in check(sparse, np.array([0.5, 1.0]))
