"""Pictures: what they show, checked in their numbers; and the numbers themselves against closed forms and differences."""

import sys

import numpy as np
import pytest

from dualad import errors, nn
from dualad.nn import plots
from dualad.nn.plots import _figure
from dualad.nn.plots.curves import singular_values

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def digits():
    return nn.datasets.load_digits()


@pytest.fixture(scope="module")
def model(digits):
    nn.utils.set_random_seed(0)
    made = nn.Autoencoder.dense(64, [24, 6])
    made.compile("adam", "binary_crossentropy", metrics=["mae"])
    made.fit(digits[0][:512], batch_size=64, epochs=3, validation_split=0.25, verbose=0)
    return made


def drawn(figure):
    """Draws it, as saving does: warnings (glyphs, layouts that do not fit) are errors here."""
    from io import BytesIO

    figure.savefig(BytesIO(), format="png")
    return figure


# ---- curves ----


def test_history(model):
    figure = drawn(model.history.plot())
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "mae"]
    loss = figure.axes[0]
    assert loss.get_xlabel() == "epoch"
    np.testing.assert_allclose(loss.lines[0].get_ydata(), model.history.history["loss"])
    np.testing.assert_allclose(loss.lines[1].get_ydata(), model.history.history["val_loss"])
    assert loss.lines[0].get_xdata().tolist() == [1, 2, 3]
    best = loss.lines[2]
    assert best.get_label() == "lowest validation"
    assert best.get_ydata()[0] == min(model.history.history["val_loss"])


def test_history_into_given_axes(model):
    ax = matplotlib.figure.Figure().subplots()
    assert plots.history(model, "mae", ax=ax) is ax
    assert ax.get_ylabel() == "mae"
    with pytest.raises(errors.DataError, match="one ax"):
        plots.history(model, ["loss", "mae"], ax=ax)


def test_history_of_rare_validation():
    figure = plots.history({"loss": [8, 4, 2, 1], "val_loss": [5, 3]})
    assert figure.axes[0].lines[1].get_xdata().tolist() == [2, 4]


def test_history_scale():
    assert plots.history({"loss": [100.0, 10.0, 1.0]}).axes[0].get_yscale() == "log"
    assert plots.history({"loss": [3.0, 2.0, 1.0]}).axes[0].get_yscale() == "linear"
    assert plots.history({"loss": [100.0, 0.0, -1.0]}).axes[0].get_yscale() == "linear"


def test_history_errors():
    for nothing in ({}, {"loss": []}, nn.callbacks.History(), nn.Sequential([nn.Dense(1)])):
        with pytest.raises(errors.DataError, match=r"call model.fit first"):
            plots.history(nothing)
    with pytest.raises(errors.UnknownNameError, match="did you mean 'loss'"):
        plots.history({"loss": [1]}, "los")


def test_singular_values_of_a_linear_decoder():
    nn.utils.set_random_seed(1)
    made = nn.Autoencoder([nn.Input((5,)), nn.Dense(3, dtype="float64")], [nn.Dense(7, dtype="float64")], dtype="float64")
    found = singular_values(made, np.random.default_rng(0).normal(size=(4, 5)))
    want = np.linalg.svd(made.decoder.layers[-1].kernel.numpy(), compute_uv=False)
    np.testing.assert_allclose(found, np.tile(want, (4, 1)), rtol=1e-12)


def test_singular_values_against_differences(model, digits):
    codes = model.encode(digits[0][:2]).astype(np.float32)
    step = 1e-2 * np.eye(6, dtype=np.float32)
    for code, found in zip(codes, singular_values(model, codes=codes)):
        J = (model.decode(code + step) - model.decode(code - step)) / 2e-2
        np.testing.assert_allclose(found, np.linalg.svd(J.T, compute_uv=False), rtol=2e-2, atol=1e-4)


def test_jacobian_spectrum(model, digits):
    ax = plots.jacobian_spectrum(model, digits[0][:20])
    drawn(ax.figure)
    assert len(ax.lines) == 21
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), np.median(singular_values(model, digits[0][:20]), axis=0))
    with pytest.raises(errors.ShapeError, match="give samples x"):
        plots.jacobian_spectrum(model)


# ---- images ----


def test_reconstructions(model, digits):
    x = digits[0][:5]
    figure = drawn(plots.reconstructions(model, x))
    above, below = figure.axes
    shown = below.images[0].get_array()
    np.testing.assert_allclose(shown[:8, 9:17], model.predict(x, verbose=0)[1].reshape(8, 8), atol=1e-6)
    assert shown.mask[:, 8].all()  # a gap
    np.testing.assert_allclose(above.images[0].get_array()[:8, :8], x[0].reshape(8, 8))
    errors_shown = [float(label.get_text()) for label in below.get_xticklabels()]
    np.testing.assert_allclose(errors_shown, np.mean((model.predict(x, verbose=0) - x) ** 2, axis=1), rtol=0.06)


def test_reconstructions_of_damaged_samples(model, digits):
    x = digits[0][:3]
    figure = drawn(plots.reconstructions(model, x, inputs=1 - x))
    assert [ax.get_ylabel() for ax in figure.axes] == ["original", "input", "reconstruction"]
    np.testing.assert_allclose(figure.axes[2].images[0].get_array()[:8, :8], model.predict(1 - x, verbose=0)[0].reshape(8, 8), atol=1e-6)


def test_reconstructions_that_are_no_images():
    x = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
    made = nn.Autoencoder.dense(7, [3], output_activation="linear")
    figure = drawn(plots.reconstructions(made, x))
    assert len(figure.axes) == 4
    np.testing.assert_allclose(figure.axes[2].lines[0].get_ydata(), x[2])
    np.testing.assert_allclose(figure.axes[2].lines[1].get_ydata(), made.predict(x, verbose=0)[2], atol=1e-6)


def test_shapes_of_images(digits):
    x = digits[0][:2]
    assert _figure.as_images(x).shape == (2, 8, 8)
    assert _figure.as_images(x, (4, 16)).shape == (2, 4, 16)
    assert _figure.as_images(x.reshape(2, 8, 8, 1)).shape == (2, 8, 8)
    assert _figure.as_images(np.zeros((2, 4, 4, 3))).shape == (2, 4, 4, 3)
    assert _figure.as_images(np.zeros((2, 60))) is None
    assert _figure.as_images(np.zeros((2, 9))) is None  # nine columns of a table
    with pytest.raises(errors.ShapeError, match="64 elements, not 50"):
        _figure.as_images(x, (5, 10))
    with pytest.raises(errors.ShapeError, match="give shape="):
        plots.images(np.zeros((2, 60)))


def test_colours(digits):
    figure = drawn(plots.images(np.random.default_rng(0).random((5, 6, 6, 3)), columns=3, title="five"))
    assert figure.axes[0].images[0].get_array().shape == (13, 20, 3)
    assert figure.axes[0].get_title() == "five"


def test_no_samples(model):
    with pytest.raises(errors.DataError, match="no samples"):
        plots.reconstructions(model, np.zeros((0, 64), np.float32))


def test_filters(model):
    figure = drawn(plots.filters(model, n=10))
    kernel = model.encoder.layers[0].kernel.numpy()
    strongest = kernel[:, np.argmax((kernel**2).sum(axis=0))]
    picture = figure.axes[0].images[0]
    np.testing.assert_allclose(picture.get_array()[:8, :8], strongest.reshape(8, 8))
    low, high = picture.get_clim()
    assert low == -high  # no weight is white
    assert "10 units of 24, the strongest" in figure.axes[0].get_title()
    named = plots.filters(model, layer=model.decoder.layers[-1].name, shape=(2, 12))
    assert named.axes[0].images[0].get_array().shape[1] > 12
    with pytest.raises(errors.UnknownNameError, match="layer with a kernel"):
        plots.filters(model, layer="nothing at all")
    with pytest.raises(errors.LayerError, match="kernel"):
        plots.filters(nn.Sequential([nn.Input((4,)), nn.Activation("relu")]))


def test_filters_of_convolutions():
    made = nn.Sequential([nn.Input((8, 8, 1)), nn.layers.Conv2D(5, 3)])
    figure = drawn(plots.filters(made))
    kernel = made.layers[0].kernel.numpy()
    strongest = kernel[:, :, 0, np.argmax((kernel**2).sum(axis=(0, 1, 2)))]
    np.testing.assert_allclose(figure.axes[0].images[0].get_array()[:3, :3], strongest)


# ---- codes ----


def test_latent_scatter(model, digits):
    x, y = digits[0][:200], digits[1][:200]
    ax = plots.latent_scatter(model, x, y)
    drawn(ax.figure)
    assert sorted(text.get_text() for text in ax.texts) == [str(k) for k in range(10)]
    points = np.concatenate([c.get_offsets() for c in ax.collections])
    codes = model.encode(x)
    gram = (codes - codes.mean(axis=0)) @ (codes - codes.mean(axis=0)).T
    assert points.var(axis=0).sum() * len(x) == pytest.approx(np.sort(np.linalg.eigvalsh(gram.astype(float)))[-2:].sum(), rel=1e-4)  # the best plane
    assert "of the variance" in ax.get_xlabel()


def test_names_of_classes_do_not_cover_each_other():
    rng = np.random.default_rng(0)
    ax = plots.latent_scatter(rng.normal(size=(300, 2)), labels=np.arange(300) % 10)
    at = np.array([text.xyann for text in ax.texts]) / np.ptp(np.concatenate([c.get_offsets() for c in ax.collections]), axis=0)
    apart = np.hypot(*(at[:, np.newaxis] - at).T) + np.eye(10)
    assert apart.min() > 0.04


def test_latent_scatter_kinds():
    rng = np.random.default_rng(0)
    plane = plots.latent_scatter(rng.normal(size=(50, 2)))
    assert (plane.get_xlabel(), plane.get_ylabel()) == ("code 1", "code 2")
    drawn(plots.latent_scatter(rng.normal(size=(50, 1))).figure)
    scale = plots.latent_scatter(rng.normal(size=(50, 2)), labels=rng.random(50))
    assert len(scale.figure.axes) == 2  # with a scale of colours
    many = plots.latent_scatter(rng.normal(size=(50, 2)), labels=np.array([f"name {k % 25}" for k in range(50)]))
    drawn(many.figure)
    named = plots.latent_scatter(rng.normal(size=(50, 2)), labels=np.arange(50) % 2, names=["no", "yes"])
    assert {text.get_text() for text in named.texts} == {"no", "yes"}
    with pytest.raises(errors.DataError, match="3 labels for 50 samples"):
        plots.latent_scatter(rng.normal(size=(50, 2)), labels=[1, 2, 3])
    with pytest.raises(errors.GraphError, match="no encoder"):
        plots.latent_scatter(nn.Sequential([nn.Dense(2)]), rng.normal(size=(5, 2)))


def test_latent_traversal(model, digits):
    x = digits[0][:50]
    figure = drawn(plots.latent_traversal(model, x, dimensions=[4, 1], steps=5, start=3))
    codes = model.encode(x)
    moved = codes[3].copy()
    moved[1] = np.percentile(codes[:, 1], 95)
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shown[9:17, 36:44], model.decode(moved[np.newaxis])[0].reshape(8, 8), atol=1e-5)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["code 5", "code 2"]


def test_latent_grid(model, digits):
    vae = nn.VAE.dense(64, [8, 2], seed=0)
    figure = drawn(plots.latent_grid(vae, n=3))
    shown = figure.axes[0].images[0].get_array()
    q = 1.6448536269514722  # of the standard normal distribution at 0.95
    np.testing.assert_allclose(shown[:8, :8], vae.decode(np.array([[-q, q]], np.float32))[0].reshape(8, 8), atol=1e-5)  # top left: first low, second high
    np.testing.assert_allclose(shown[-8:, -8:], vae.decode(np.array([[q, -q]], np.float32))[0].reshape(8, 8), atol=1e-5)
    x = digits[0][:50]
    codes = model.encode(x)
    corner = np.median(codes, axis=0)
    corner[[0, 2]] = np.percentile(codes[:, [0, 2]], 5, axis=0)
    shown = plots.latent_grid(model, x, n=3, dimensions=(0, 2)).axes[0].images[0].get_array()
    np.testing.assert_allclose(shown[-8:, :8], model.decode(corner[np.newaxis])[0].reshape(8, 8), atol=1e-5)
    with pytest.raises(errors.ShapeError, match="the code has 2 numbers"):
        plots.latent_grid(vae, dimensions=(0, 2))


# ---- attribution ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_against_differences(dtype):
    nn.utils.set_random_seed(0)
    made = nn.Sequential([nn.Input((5,), dtype=dtype), nn.Dense(4, "tanh", dtype=dtype), nn.Dense(3, dtype=dtype)])
    x = np.random.default_rng(0).normal(size=(6, 5)).astype(dtype)
    found = plots.gradients_of_inputs(made, x, output=1)
    assert found.dtype == dtype
    h = 1e-2 if dtype == "float32" else 1e-5
    for k in range(5):
        e = np.zeros(5, dtype)
        e[k] = h
        np.testing.assert_allclose(found[:, k], (made(x + e) - made(x - e))[:, 1] / (2 * h), rtol=1e-2 if dtype == "float32" else 1e-8, atol=1e-4)


def test_default_outputs(model, digits):
    x = digits[0][:4]
    by_hand = plots.gradients_of_inputs(model, x, lambda out, given: np.sum((out - given) ** 2, axis=1))
    np.testing.assert_allclose(plots.gradients_of_inputs(model, x), by_hand, rtol=1e-5, atol=1e-7)
    best = np.argmax(model.encoder.predict(x, verbose=0), axis=1)
    found = plots.gradients_of_inputs(model.encoder, x)
    for k in range(4):
        np.testing.assert_allclose(found[k], plots.gradients_of_inputs(model.encoder, x, int(best[k]))[k], rtol=1e-5, atol=1e-7)


def test_attributions_add_up():
    nn.utils.set_random_seed(0)
    made = nn.Sequential([nn.Input((5,), dtype="float64"), nn.Dense(16, "tanh", dtype="float64"), nn.Dense(2, dtype="float64")])
    x = np.random.default_rng(0).normal(size=(6, 5))
    found = plots.attributions(made, x, output=1, baseline=0.5)
    np.testing.assert_allclose(found.sum(axis=1), (made(x) - made(np.full_like(x, 0.5)))[:, 1], rtol=1e-9, atol=1e-10)
    linear = nn.Sequential([nn.Input((3,)), nn.Dense(1, kernel_initializer="ones")])
    np.testing.assert_allclose(plots.attributions(linear, np.array([[1.0, -2.0, 3.0]], "float32"), output=0), [[1, -2, 3]], rtol=1e-6)


def test_attribution_errors(model, digits):
    x = digits[0][:2]
    with pytest.raises(errors.ParameterError, match="outputs 0 to 5"):
        plots.gradients_of_inputs(model.encoder, x, output=6)
    with pytest.raises(errors.ShapeError, match="one number for each"):
        plots.gradients_of_inputs(model, x, lambda out, given: out)
    with pytest.raises(errors.ParameterError, match="steps=0"):
        plots.attributions(model, x, steps=0)
    with pytest.raises(errors.ParameterError, match="2 outputs"):
        plots.gradients_of_inputs(nn.VAE.dense(64, [8, 2]).encoder, x)


@pytest.mark.parametrize("draw", [plots.saliency, plots.integrated_gradients])
def test_attribution_pictures(draw, model, digits):
    figure = drawn(draw(model, digits[0], n=3))
    above, below = figure.axes[:2]
    np.testing.assert_allclose(above.images[0].get_array()[:8, :8], digits[0][0].reshape(8, 8))
    shown = below.images[0].get_array()
    assert below.images[0].get_clim() == (-1, 1)
    for k in range(3):
        assert np.abs(shown[:, 9 * k : 9 * k + 8]).max() == pytest.approx(1)


# ---- without matplotlib ----


@pytest.mark.parametrize("draw", [lambda m, x: plots.reconstructions(m, x), lambda m, x: plots.history({"loss": [1]}), lambda m, x: plots.latent_scatter(m, x),
                                  lambda m, x: plots.filters(m), lambda m, x: m.report("nowhere.html", x)])
def test_missing_matplotlib(draw, model, digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(errors.MissingExtraError, match=r"dualad\[plot\]"):
        draw(model, digits[0][:3])
