"""Autoencoder models: parts, noise, penalties against closed forms, the variational loss against formulas, files and bad
input."""

import numpy as np
import pytest

import dualad as da
from dualad import nn
from dualad.errors import DualadError, GraphError, LayerError, ParameterError, ShapeError, UnknownNameError
from dualad.nn.autoencoders.variational import divergence

KINDS = {
    "plain": lambda **o: nn.Autoencoder.dense(8, [6, 4], **o),
    "denoising": lambda **o: nn.DenoisingAutoencoder.dense(8, [6, 4], noise="masking", level=0.3, seed=1, **o),
    "sparse l1": lambda **o: nn.SparseAutoencoder.dense(8, [6, 4], weight=1e-2, **o),
    "sparse kl": lambda **o: nn.SparseAutoencoder.dense(8, [6, 4], code_activation="sigmoid", sparsity="kl", target=0.2, **o),
    "contractive": lambda **o: nn.ContractiveAutoencoder.dense(8, [6, 4], activation="sigmoid", weight=1e-2, **o),
    "variational": lambda **o: nn.VAE.dense(8, [6, 4], seed=1, **o),
}


@pytest.fixture
def x(rng):
    """Samples on a curved line, with noise."""
    t = rng.random((60, 1))
    return (0.5 + 0.4 * np.sin(3 * t + np.arange(8)) + 0.02 * rng.normal(size=(60, 8))).astype("float32")


def made(kind):
    nn.utils.set_random_seed(4)
    model = KINDS[kind]()
    model.compile(optimizer=nn.optimizers.Adam(0.01), loss="mse")
    return model


# ---- all of them ----


@pytest.mark.parametrize("kind", KINDS)
def test_fit_needs_x_alone_and_learns(kind, x):
    model = made(kind)
    before = model.evaluate(x, verbose=0)
    history = model.fit(x, epochs=30, verbose=0, validation_data=(x, x)).history
    after = model.evaluate(x, verbose=0, return_dict=True)
    assert after["loss"] < (before if np.ndim(before) == 0 else before[0])
    assert history["val_loss"][-1] == pytest.approx(after["loss"], rel=1e-6)
    assert model.encode(x).shape == (60, 4)
    assert model.reconstruct(x).shape == x.shape
    np.testing.assert_array_equal(model.decode(model.encode(x)), model.reconstruct(x))
    np.testing.assert_allclose(model(x), model.reconstruct(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_steps_are_eager_steps(kind, x):
    results = []
    for eagerly in (False, True):
        nn.utils.set_random_seed(4)
        model = KINDS[kind]()
        model.compile(optimizer="sgd", loss="mse", run_eagerly=eagerly)
        results.append([[model.train_on_batch(x[:20]) for _ in range(3)], *model.get_weights()])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_against_differences(kind, rng):
    """Of the whole loss with its penalty, in float64."""
    nn.utils.set_random_seed(4)
    nn.set_floatx("float64")
    try:
        model = KINDS[kind]()
    finally:
        nn.set_floatx("float32")
    model.compile(optimizer=nn.optimizers.SGD(0.0), loss="mse")
    a = rng.random((7, 8))
    batch = model.source(a, batch_size=7).batch(0, None)
    step = model.step("train", batch)

    def loss_at(theta):
        model.flat_weights[...] = theta
        step.fresh = True  # the same noise
        return step.run(batch)[0]

    theta = model.flat_weights.copy()
    loss_at(theta)
    gradient, v = model.flat_gradient.copy(), rng.normal(size=theta.size)
    numeric = (loss_at(theta + 1e-6 * v) - loss_at(theta - 1e-6 * v)) / 2e-6
    assert gradient @ v == pytest.approx(numeric, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_files_keep_everything(kind, x, tmp_path):
    model = made(kind)
    model.fit(x, verbose=0)
    model.save(tmp_path / "model.npz")
    again = nn.load_model(tmp_path / "model.npz")
    assert type(again) is type(model)
    config, other = model.get_config(), again.get_config()
    for name in set(config) - {"encoder", "decoder"}:
        assert config[name] == other[name]
    np.testing.assert_array_equal(model.reconstruct(x), again.reconstruct(x))
    np.testing.assert_array_equal(model.encode(x), again.encode(x))


@pytest.mark.parametrize("kind", KINDS)
def test_one_sample_and_float64_data(kind, x):
    model = made(kind)
    model.fit(x[:1].astype("float64"), verbose=0)
    assert model.reconstruct(x[:1].astype("float64")).dtype == np.float32


def test_parts_share_their_weights_with_the_whole(x):
    """Predictions of the encoder before, between and after trainings of the autoencoder, and one of its own."""
    model = made("plain")
    for _ in range(2):
        code = model.encode(x)
        model.fit(x, verbose=0)
        assert not np.allclose(model.encode(x), code)
        np.testing.assert_allclose(model.encode(x), model.encoder(x), rtol=1e-5, atol=1e-6)
    model.encoder.compile(optimizer="adam", loss="mse")
    model.encoder.fit(x, np.zeros((60, 4)), verbose=0)
    np.testing.assert_allclose(model.reconstruct(x), model(x), rtol=1e-5, atol=1e-6)
    before = [v.numpy() for v in model.encoder.weights]
    model.fit(x, verbose=0)
    assert not np.array_equal(before[0], model.encoder.weights[0].numpy())
    np.testing.assert_allclose(model.reconstruct(x), model(x), rtol=1e-5, atol=1e-6)


# ---- parts ----


def functional():
    i, c = nn.Input((8,)), nn.Input((3,))
    return nn.Model(i, nn.Dense(3, "relu")(i)), nn.Model(c, nn.Dense(8)(c))


PARTS = {
    "lists": lambda: ([nn.Dense(3, "relu")], [nn.Dense(8)]),
    "layers": lambda: (nn.Dense(3, "relu"), nn.Dense(8)),
    "sequentials": lambda: (nn.Sequential([nn.Input((8,)), nn.Dense(3, "relu")]), nn.Sequential([nn.Dense(8)])),
    "functional": functional,
    "Input in a list": lambda: ([nn.Input((8,)), nn.Dense(3, "relu")], [nn.Input((3,)), nn.Dense(8)]),
}


@pytest.mark.parametrize("parts", PARTS)
def test_parts(parts, x):
    model = nn.Autoencoder(*PARTS[parts]())
    model.build(input_shape=(None, 8))
    assert model.output_shape == (None, 8)
    assert len(model.trainable_weights) == 4
    w = model.get_weights()
    np.testing.assert_allclose(model.reconstruct(x), np.maximum(x @ w[0] + w[1], 0) @ w[2] + w[3], rtol=1e-4, atol=1e-5)
    assert model.layers == [model.encoder, model.decoder]


def test_without_build_the_first_batch_tells(x):
    model = nn.Autoencoder([nn.Dense(3)], [nn.Dense(8)])
    model.compile()
    model.fit(x, verbose=0)
    assert model.encode(x).shape == (60, 3)


class Doubling(nn.Model):
    """An encoder written as a class."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Dense(3)

    def call(self, inputs):
        return self.inner(2 * inputs)


def test_an_encoder_of_a_class_of_its_own(x):
    model = nn.Autoencoder(Doubling(), [nn.Dense(8)])
    model.build((None, 8))
    model.compile()
    assert model.fit(x, epochs=5, verbose=0).history["loss"][-1] < model.fit(x[::-1], epochs=1, verbose=0).history["loss"][0] * 2
    w = model.encoder.get_weights()
    np.testing.assert_allclose(model.encode(x), 2 * x @ w[0] + w[1], rtol=1e-4, atol=1e-5)


def test_shapes_of_samples(rng):
    model = nn.Autoencoder.dense((4, 2), [5])
    model.compile()
    a = rng.random((10, 4, 2), dtype="float32")
    model.fit(a, verbose=0)
    assert model.reconstruct(a).shape == (10, 4, 2)
    np.testing.assert_allclose(model.anomaly_score(a), np.mean((a - model.reconstruct(a)) ** 2, axis=(1, 2)), rtol=1e-5)


def test_anomaly_scores(x):
    model = made("plain")
    model.fit(x, epochs=150, verbose=0)
    odd = np.concatenate([x, 1 - x[:3]])
    scores = model.anomaly_score(odd)
    assert set(np.argsort(scores)[-3:]) == {60, 61, 62}
    np.testing.assert_allclose(scores, np.mean((odd - model.reconstruct(odd)) ** 2, axis=1), rtol=1e-5)
    np.testing.assert_allclose(model.anomaly_score(odd, "mae"), np.mean(np.abs(odd - model.reconstruct(odd)), axis=1), rtol=1e-5)
    np.testing.assert_allclose(model.anomaly_score(odd, lambda x, y: np.max(np.abs(x - y), axis=1)), np.max(np.abs(odd - model.reconstruct(odd)), axis=1),
                               rtol=1e-5)


def test_anomaly_scores_in_pieces(x, monkeypatch):
    model = made("plain")
    whole = model.anomaly_score(x)
    monkeypatch.setattr("dualad.nn.autoencoders.base.CHUNK", 25)
    np.testing.assert_allclose(model.anomaly_score(x), whole, rtol=1e-6)


# ---- noise ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise(dtype):
    a = np.full((400, 8), 0.5, dtype)

    def noisy(**options):
        nn.set_floatx(dtype)
        try:
            return nn.DenoisingAutoencoder.dense(8, [4], seed=3, **options).corrupt(a)
        finally:
            nn.set_floatx("float32")

    gauss = noisy(noise="gaussian", level=0.2)
    assert gauss.dtype == dtype
    assert abs(gauss.std() - 0.2) < 0.01
    assert abs(gauss.mean() - 0.5) < 0.01
    masked = noisy(noise="masking", level=0.3)
    assert masked.dtype == dtype
    assert set(np.unique(masked)) == {0, 0.5}
    assert abs((masked == 0).mean() - 0.3) < 0.03
    salted = noisy(noise="salt_and_pepper", level=0.3, limits=(-1, 2))
    assert salted.dtype == dtype
    assert set(np.unique(salted)) == {-1, 0.5, 2}
    assert abs((salted == -1).mean() - 0.15) < 0.02
    assert abs((salted == 2).mean() - 0.15) < 0.02
    np.testing.assert_array_equal(noisy(noise="gaussian", level=0.2), gauss)  # the seed


def test_noise_is_new_in_each_step_and_only_in_training(x):
    nn.utils.set_random_seed(1)
    model = nn.DenoisingAutoencoder.dense(8, [4], noise="masking", level=0.5, seed=2)
    model.compile(optimizer=nn.optimizers.SGD(0.0), loss="mse")
    assert len({model.train_on_batch(x[:20]) for _ in range(4)}) == 4
    clean = np.mean((model(x[:20]) - x[:20]) ** 2)
    assert model.test_on_batch(x[:20]) == pytest.approx(clean, rel=1e-5)
    assert model.test_on_batch(x[:20]) == pytest.approx(clean, rel=1e-5)


def test_targets_are_clean(x):
    """With all inputs masked the best output is the mean of the data."""
    model = nn.DenoisingAutoencoder([nn.Input((8,)), nn.Dense(2)], [nn.Dense(8)], noise="masking", level=1.0)
    model.compile(optimizer=nn.optimizers.Adam(0.05), loss="mse")
    model.fit(x, epochs=200, batch_size=60, verbose=0)
    np.testing.assert_allclose(model.reconstruct(np.zeros((1, 8), "float32"))[0], x.mean(axis=0), atol=1e-3)


# ---- penalties ----


def parts_of(model, x):
    logs = model.test_on_batch(x, return_dict=True)
    return logs["loss"], logs["reconstruction_loss"], logs[model.penalty_name]


def test_l1_sparsity_is_the_formula(x):
    model = nn.SparseAutoencoder.dense(8, [4], weight=0.05)
    model.compile(loss="mse")
    loss, reconstruction, penalty = parts_of(model, x)
    assert penalty == pytest.approx(np.abs(model.encode(x)).sum() / 60, rel=1e-5)
    assert reconstruction == pytest.approx(np.mean((model(x) - x) ** 2), rel=1e-5)
    assert loss == pytest.approx(reconstruction + 0.05 * penalty, rel=1e-6)


def test_kl_sparsity_is_the_formula(x):
    model = nn.SparseAutoencoder.dense(8, [4], code_activation="sigmoid", sparsity="kl", target=0.1, weight=0.5)
    model.compile(loss="mse")
    loss, reconstruction, penalty = parts_of(model, x)
    a = model.encode(x).astype(float).mean(axis=0)
    assert penalty == pytest.approx(np.sum(0.1 * np.log(0.1 / a) + 0.9 * np.log(0.9 / (1 - a))), rel=1e-4)
    assert loss == pytest.approx(reconstruction + 0.5 * penalty, rel=1e-6)


def test_sparsity_reaches_its_target(x):
    nn.utils.set_random_seed(0)
    model = nn.SparseAutoencoder.dense(8, [6], code_activation="sigmoid", sparsity="kl", target=0.1, weight=1.0)
    model.compile(optimizer=nn.optimizers.Adam(0.05), loss="mse")
    model.fit(x, epochs=60, batch_size=60, verbose=0)
    np.testing.assert_allclose(model.encode(x).mean(axis=0), 0.1, atol=0.02)


@pytest.mark.parametrize("units", [3, 12])
def test_contraction_is_the_closed_form_of_one_sigmoid_layer(units, x):
    """Rifai et al. (2011), equation 6: sum over j of (h_j (1 - h_j))^2 sum over i of W_ij^2; with codes smaller and larger than
    the input."""
    model = nn.ContractiveAutoencoder([nn.Input((8,)), nn.Dense(units, "sigmoid")], [nn.Dense(8)], weight=0.3)
    model.compile(loss="mse")
    h, W = model.encode(x), model.encoder.layers[0].kernel.numpy()
    closed = np.sum((h * (1 - h)) ** 2 * np.sum(W**2, axis=0), axis=1)
    np.testing.assert_allclose(model.contraction(x), closed, rtol=1e-4)
    loss, reconstruction, penalty = parts_of(model, x)
    assert penalty == pytest.approx(closed.mean(), rel=1e-4)
    assert loss == pytest.approx(reconstruction + 0.3 * penalty, rel=1e-5)


def test_contraction_trains_as_the_closed_form(rng):
    """The gradient through the Jacobian is that of the formula."""
    nn.set_floatx("float64")
    try:
        model = nn.ContractiveAutoencoder([nn.Input((5,)), nn.Dense(3, "sigmoid")], [nn.Dense(5)], weight=0.5)
    finally:
        nn.set_floatx("float32")
    model.compile(optimizer=nn.optimizers.SGD(0.0), loss="mse")
    a = rng.normal(size=(6, 5))
    model.train_on_batch(a)

    def loss(W, b, V, c):
        h = 1 / (1 + np.exp(-(a @ W + b)))
        return np.mean((h @ V + c - a) ** 2) + 0.5 * np.mean(np.sum((h * (1 - h)) ** 2 * np.sum(W**2, axis=0), axis=1))

    want = da.grad(loss, argnums=(0, 1, 2, 3))(*model.get_weights())
    np.testing.assert_allclose(model.flat_gradient, np.concatenate([g.ravel() for g in want]), rtol=1e-9, atol=1e-12)


def test_contraction_of_a_deep_encoder(x):
    model = nn.ContractiveAutoencoder.dense(8, [6, 4], activation="tanh")
    J = np.stack([da.jacobian(lambda v: model.encoder(v[np.newaxis])[0])(row) for row in x])
    np.testing.assert_allclose(model.contraction(x), np.sum(J**2, axis=(1, 2)), rtol=1e-4)


def test_weight_flattens_the_code(x):
    jacobians = []
    for weight in (0.0, 1.0):
        nn.utils.set_random_seed(0)
        model = nn.ContractiveAutoencoder.dense(8, [4], activation="sigmoid", weight=weight)
        model.compile(optimizer=nn.optimizers.Adam(0.02), loss="mse")
        model.fit(x, epochs=30, verbose=0)
        jacobians.append(model.contraction(x).mean())
    assert jacobians[1] < 0.1 * jacobians[0]


# ---- variational ----


def test_divergence_is_that_of_normal_distributions(rng):
    """Against the mean of log p/q over many draws."""
    mean, log_var = rng.normal(size=(1, 3)), 0.5 * rng.normal(size=(1, 3))
    z = mean + np.exp(log_var / 2) * rng.normal(size=(400_000, 3))
    log_q = -0.5 * ((z - mean) ** 2 / np.exp(log_var) + log_var)
    assert divergence(mean, log_var) == pytest.approx(np.mean(np.sum(log_q + 0.5 * z**2, axis=1)), abs=0.02)


@pytest.mark.parametrize(("beta", "capacity"), [(1.0, 0.0), (4.0, 0.0), (2.0, 5.0)])
def test_the_loss_is_the_formula(beta, capacity, x):
    nn.utils.set_random_seed(2)
    model = nn.VAE.dense(8, [6, 2], beta=beta, capacity=capacity)
    model.compile(loss="binary_crossentropy")
    loss, reconstruction, kl = parts_of(model, x)
    mean, log_var = (a.astype(float) for a in model.encoder.predict(x, verbose=0))
    p = model(x).astype(float)
    assert reconstruction == pytest.approx(np.mean(np.sum(-x * np.log(p) - (1 - x) * np.log(1 - p), axis=1)), rel=1e-4)
    assert kl == pytest.approx(np.mean(-0.5 * np.sum(1 + log_var - mean**2 - np.exp(log_var), axis=1)), rel=1e-4)
    assert loss == pytest.approx(reconstruction + beta * abs(kl - capacity), rel=1e-5)


def test_codes_are_drawn_in_training_only(x):
    nn.utils.set_random_seed(2)
    model = nn.VAE.dense(8, [6, 2], seed=1)
    model.compile(optimizer=nn.optimizers.SGD(0.0), loss="mse")
    assert len({model.train_on_batch(x[:20])[0] for _ in range(4)}) == 4
    assert model.test_on_batch(x[:20]) == model.test_on_batch(x[:20])
    np.testing.assert_array_equal(model.encode(x), model.encoder.predict(x, verbose=0)[0])


def test_draws_have_the_variance_of_the_encoder():
    """An identity decoder shows the codes."""
    i = nn.Input((2,))
    heads = nn.Model(i, [nn.Dense(2, use_bias=False, kernel_initializer="identity")(i),
                         nn.Dense(2, kernel_initializer="zeros", bias_initializer=nn.initializers.Constant(np.log(0.09)))(i)])
    model = nn.VAE(heads, [nn.Dense(2, use_bias=False, kernel_initializer="identity")], seed=5)
    z = model(np.tile(np.array([[1.0, -2.0]], "float32"), (20_000, 1)), training=True)
    np.testing.assert_allclose(z.mean(axis=0), [1, -2], atol=0.01)
    np.testing.assert_allclose(z.std(axis=0), 0.3, rtol=0.03)
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.03


def test_beta_can_change_between_epochs(x):
    model = made("variational")
    for beta, capacity in ((0.0, 0.0), (3.0, 0.0), (1.0, 2.0)):
        model.beta, model.capacity = beta, capacity
        model.fit(x, verbose=0)
        loss, reconstruction, kl = parts_of(model, x)
        assert loss == pytest.approx(reconstruction + beta * abs(kl - capacity), rel=1e-5)


def test_beta_draws_codes_together(x):
    spread = []
    for beta in (0.01, 10.0):
        nn.utils.set_random_seed(0)
        model = nn.VAE.dense(8, [8, 2], beta=beta)
        model.compile(optimizer=nn.optimizers.Adam(0.02), loss="mse")
        model.fit(x, epochs=60, verbose=0)
        spread.append(model.encode(x).std())
    assert spread[1] < 0.1 * spread[0]


def test_samples(x):
    model = made("variational")
    model.fit(x, epochs=2, verbose=0)
    assert model.sample(7).shape == (7, 8)
    assert not np.array_equal(model.sample(3), model.sample(3))
    np.testing.assert_array_equal(model.sample(3, seed=1), model.sample(3, seed=1))


@pytest.mark.parametrize("make", [
    lambda: nn.VAE([nn.Dense(6, "relu")], [nn.Dense(8)], latent_dim=3),
    lambda: nn.VAE(nn.Sequential([nn.Input((8,)), nn.Dense(6, "relu")]), [nn.Dense(8)], latent_dim=3),
])
def test_features_get_heads(make, x):
    model = make()
    model.build((None, 8))
    assert model.encoder.output_shape == [(None, 3), (None, 3)]
    assert len(model.trainable_weights) == 8
    model.compile()
    assert set(model.fit(x, verbose=0).history) == {"loss", "reconstruction_loss", "kl_loss"}
    assert model.sample(2).shape == (2, 8)


# ---- bad input ----


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: nn.Autoencoder(3, [nn.Dense(8)]), GraphError, "encoder is a model, a layer or a list of layers; got 3"),
    (lambda: nn.Autoencoder([nn.Dense(3)], []), GraphError, "decoder"),
    (lambda: nn.Autoencoder(nn.Input((8,)), nn.Dense(8)), GraphError, r"Model\(inputs, outputs\)"),
    (lambda: nn.Autoencoder([nn.Input((8,)), nn.Dense(3)], [nn.Input((4,)), nn.Dense(8)]), ShapeError, r"decoder 'decoder' does not take.*\(None, 3\)"),
    (lambda: nn.DenoisingAutoencoder.dense(8, [4], noise="gausian"), UnknownNameError, "did you mean 'gaussian'"),
    (lambda: nn.DenoisingAutoencoder.dense(8, [4], noise="masking", level=1.5), ParameterError, "level=1.5"),
    (lambda: nn.DenoisingAutoencoder.dense(8, [4], level=-1), ParameterError, "level=-1"),
    (lambda: nn.DenoisingAutoencoder.dense(8, [4], limits=(1, 0)), ParameterError, "limits"),
    (lambda: nn.SparseAutoencoder.dense(8, [4], sparsity="l2"), UnknownNameError, "sparsity 'l2'"),
    (lambda: nn.SparseAutoencoder.dense(8, [4], sparsity="kl"), ParameterError, "ends in 'relu'.*sigmoid"),
    (lambda: nn.SparseAutoencoder.dense(8, [4], target=1.0), ParameterError, "target=1.0"),
    (lambda: nn.SparseAutoencoder.dense(8, [4], weight=-0.1), ParameterError, "weight=-0.1"),
    (lambda: nn.ContractiveAutoencoder.dense(8, [4], weight=float("nan")), ParameterError, "weight=nan"),
    (lambda: nn.VAE([nn.Input((8,)), nn.Dense(4)], [nn.Dense(8)]), LayerError, "latent_dim"),
    (lambda: nn.VAE([nn.Dense(4)], [nn.Dense(8)]).build((None, 8)), DualadError, "latent_dim"),
    (lambda: nn.VAE.dense(8, [4], beta=-1), ParameterError, "beta=-1"),
    (lambda: nn.VAE.dense(8, [4]).sample(0), ParameterError, "n=0"),
    (lambda: nn.VAE([nn.Dense(4)], [nn.Dense(8)], latent_dim=2).sample(1), LayerError, "not built"),
    (lambda: nn.Autoencoder.dense(8, [4]).anomaly_score(np.ones((2, 8)), "msee"), UnknownNameError, "did you mean 'mse'"),
    (lambda: nn.Autoencoder.dense(8, [4]).reconstruct(np.ones((2, 7))), ShapeError, r"\(None, 8\).*\(batch, 7\)"),
    (lambda: nn.Autoencoder.dense(8, [4]).decode(np.ones((2, 8))), ShapeError, r"\(None, 4\)"),
])
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ---- with other layers ----


def convolutional():
    encoder = [nn.Input((8, 8, 1)), nn.Conv2D(4, 3, activation="relu", padding="same", strides=2), nn.Flatten(),
               nn.Dense(6, activation="sigmoid")]
    decoder = [nn.Input((6,)), nn.Dense(64, activation="relu"), nn.Reshape((4, 4, 4)),
               nn.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")]
    return encoder, decoder


@pytest.mark.parametrize("make", [nn.Autoencoder, nn.ContractiveAutoencoder, nn.DenoisingAutoencoder,
                                  lambda e, d: nn.SparseAutoencoder(e, d, sparsity="kl"), lambda e, d: nn.VAE(e, d, latent_dim=6)])
def test_convolutions(make):
    x = nn.datasets.load_digits()[0][:64].reshape(-1, 8, 8, 1)
    nn.utils.set_random_seed(0)
    model = make(*convolutional())
    model.compile(optimizer=nn.optimizers.Adam(0.005), loss="binary_crossentropy")
    losses = model.fit(x, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.reconstruct(x).shape == x.shape
    assert model.anomaly_score(x).shape == (64,)


def test_contraction_through_convolutions(rng):
    x = rng.random((3, 8, 8, 1), dtype="float32")
    model = nn.ContractiveAutoencoder(*convolutional())
    want = [np.sum(nn.K.jacobian(model.encoder, x[k : k + 1]) ** 2) for k in range(3)]
    np.testing.assert_allclose(model.contraction(x), want, rtol=1e-4)


def test_sequences(rng):
    x = rng.random((32, 5, 3), dtype="float32")
    model = nn.Autoencoder([nn.LSTM(4)], [nn.RepeatVector(5), nn.GRU(3, return_sequences=True)])
    for optimizer in ("adam", "lbfgs"):
        model.compile(optimizer=optimizer)
        losses = model.fit(x, epochs=4, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
    assert model.encode(x).shape == (32, 4)


def test_an_encoder_that_draws_by_itself(x):
    """Keras's pattern: [mean, log_var, z]; the first two are used."""
    i = nn.Input((8,))
    mean, log_var = nn.Dense(2)(i), nn.Dense(2)(i)
    model = nn.VAE(nn.Model(i, [mean, log_var, nn.Sampling()([mean, log_var])]), [nn.Dense(8)])
    model.compile()
    model.fit(x, verbose=0)
    np.testing.assert_array_equal(model.encode(x), model.encoder.predict(x, verbose=0)[0])
