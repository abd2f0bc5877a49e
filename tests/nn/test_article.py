"""The article's listings and the GAN run as they stand, and say what they should."""

import pathlib
import runpy
import warnings

import numpy as np
import pytest

from dualad import nn
from dualad.errors import DataError, GraphError, LossError, ShapeError

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
SAID = {
    "01_functional_model": ["error: the outputs are computed from the input 'input", "decoded = decoder(encoder(x))",
                            "reconstructions (297, 64) codes (297, 32)"],
    "02_autoencoder_class": ["weights before build: 0", "weights after build: 8", "Total params: 4,744", "decode(encode(x)) is reconstruct(x): True"],
    "03_gradients": ["a tensor: <Tensor", "the same: True", "for the code (5, 3) and the first kernel (4, 3)", "jacobian (5, 4, 5, 4) batch_jacobian (5, 4, 4)",
                     "[[6.0, 16.0], [1.0, 4.0]]"],
    "04_training_loop": ["loss with a tape: 0.6", "after another epoch: 0.3"],
    "05_old_names": ["DeprecationWarning: ", "use learning_rate", "UserWarning: the targets lie in [-4", "takes targets in [0, 1]"],
}


def test_every_listing_is_tested():
    assert sorted(p.stem for p in (EXAMPLES / "article").glob("*.py")) == sorted(SAID)


@pytest.mark.parametrize("name", SAID)
def test_listing(name, capsys):
    runpy.run_path(str(EXAMPLES / "article" / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().out
    for words in SAID[name]:
        assert words in said
    assert said.count("Warning") == (2 if name.startswith("05") else 0)


def test_losses_fall_in_the_listings(capsys):
    out = runpy.run_path(str(EXAMPLES / "article" / "01_functional_model.py"))["history"].history
    assert out["loss"][-1] < 0.32
    assert out["val_loss"][-1] < 0.32


def test_gan_learns_what_digits_look_like():
    """Each pixel's mean comes nearer to that of the digits, and samples differ."""
    gan = runpy.run_path(str(EXAMPLES / "gan.py"))
    x, _ = nn.datasets.load_digits()

    def made(generator):
        return generator.predict(np.random.default_rng(1).standard_normal((200, 16), "float32"), verbose=0)

    likeness = lambda samples: np.corrcoef(samples.mean(axis=0), x.mean(axis=0))[0, 1]
    generator, losses = gan["train"](x, epochs=12)
    assert np.isfinite(losses).all()
    assert likeness(made(gan["networks"]()[0])) < 0.3
    assert likeness(made(generator)) > 0.6
    assert made(generator).std(axis=0).mean() > 0.05


# ---- what the listings rely on ----


def test_wrong_connection_names_both_inputs():
    x, code = nn.Input((64,), name="picture"), nn.Input((32,), name="code")
    decoded = nn.Dense(64)(code)
    with pytest.raises(GraphError, match=r"'code' with shape \(None, 32\).*'picture' with shape \(None, 64\).*decoder\(encoder\(x\)\)"):
        nn.Model(x, decoded)


def test_one_warning_about_targets():
    x = np.random.default_rng(0).normal(size=(64, 10)).astype("float32")
    model = nn.Autoencoder.dense(10, [4])
    model.compile(loss="binary_crossentropy")
    with pytest.warns(UserWarning, match=r"\[0, 1\]") as caught:
        model.fit(x, epochs=2, verbose=0)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, verbose=0)  # once is enough
        model.compile(loss="mse")
        model.fit(x, verbose=0)


def test_gradients_of_another_shape_are_refused():
    model = nn.Autoencoder.dense(10, [4])
    gradients = [np.zeros(v.shape, "float32") for v in model.trainable_weights]
    gradients[0] = gradients[0].T
    with pytest.raises(ShapeError, match=r"\(4, 10\).*\(10, 4\)"):
        nn.optimizers.Adam().apply_gradients(zip(gradients, model.trainable_weights))


def test_errors_of_listing_2():
    model = nn.Autoencoder.dense(10, [4])
    with pytest.raises(LossError, match="compile"):
        model.loss(np.zeros((2, 10)), np.zeros((2, 10)))
    with pytest.raises(LossError, match="compile"):
        model.train_on_batch(np.zeros((2, 10)))
    model.compile()
    with pytest.raises(ShapeError, match=r"\(None, 10\).*\(batch, 9\)"):
        model.train_on_batch(np.zeros((2, 9)))
    with pytest.raises(DataError, match="no samples"):
        model.evaluate(np.zeros((0, 10)), verbose=0)
