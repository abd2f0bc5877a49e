"""Every layer and autoencoder comes back from a file as it was."""

from __future__ import annotations

import numpy as np
import pytest

from dualad import nn
from dualad.errors import LayerError

L = nn.layers
RNG = np.random.default_rng(0)
IMAGE, SEQUENCE, FLAT = (6, 6, 2), (5, 4), (4,)


def halved(x, by=2.0):
    return x / by


CASES = [
    (lambda: L.Dense(3, "relu", kernel_regularizer="l1", bias_constraint="non_neg", kernel_initializer=nn.initializers.HeNormal(seed=3)), FLAT),
    (lambda: L.Activation("tanh"), FLAT), (lambda: L.Dropout(0.25, seed=4), FLAT), (lambda: L.GaussianNoise(0.3), FLAT),
    (lambda: L.GaussianDropout(0.3), FLAT),
    (lambda: L.AlphaDropout(0.3), FLAT), (lambda: L.SpatialDropout1D(0.3), SEQUENCE), (lambda: L.SpatialDropout2D(0.3), IMAGE),
    (lambda: L.BatchNormalization(axis=1, momentum=0.8, epsilon=0.1), IMAGE), (lambda: L.LayerNormalization(axis=[1, 2], center=False), SEQUENCE),
    (L.UnitNormalization, FLAT), (lambda: L.Rescaling(0.5, 2.0), FLAT), (lambda: L.Normalization(mean=[1.0, 2.0, 3.0, 4.0],
    variance=[1.0, 4.0, 1.0, 4.0]), FLAT),
    (L.Normalization, FLAT), (lambda: L.ActivityRegularization(0.1, 0.2), FLAT), (L.Flatten, IMAGE), (lambda: L.Reshape((2, -1)), FLAT),
    (lambda: L.Permute((2, 1)), SEQUENCE), (lambda: L.RepeatVector(3), FLAT), (lambda: L.ReLU(2.0, 0.1, 0.2), FLAT), (lambda: L.LeakyReLU(0.1), FLAT),
    (lambda: L.PReLU("ones", shared_axes=[1]), SEQUENCE), (lambda: L.ELU(0.3), FLAT), (lambda: L.Softmax(axis=[1, 2]), SEQUENCE),
    (lambda: L.Conv1D(3, 2, padding="causal"), SEQUENCE), (lambda: L.Conv2D(4, 3, strides=2, padding="same", groups=2), IMAGE),
    (lambda: L.DepthwiseConv2D(2, depth_multiplier=2), IMAGE), (lambda: L.SeparableConv2D(3, 2), IMAGE), (lambda: L.Conv1DTranspose(2, 3, strides=2), SEQUENCE),
    (lambda: L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1), IMAGE), (lambda: L.MaxPooling2D(2), IMAGE),
    (lambda: L.AveragePooling2D(2, 1, "same"), IMAGE), (lambda: L.MaxPooling1D(2), SEQUENCE), (lambda: L.AveragePooling1D(2), SEQUENCE),
    (lambda: L.GlobalAveragePooling1D(keepdims=True), SEQUENCE), (L.GlobalMaxPooling2D, IMAGE), (L.GlobalAveragePooling2D, IMAGE),
    (L.GlobalMaxPooling1D, SEQUENCE),
    (lambda: L.UpSampling2D((2, 1), interpolation="bilinear"), IMAGE), (lambda: L.UpSampling1D(2), SEQUENCE), (lambda: L.ZeroPadding2D(2), IMAGE),
    (lambda: L.ZeroPadding1D((1, 0)), SEQUENCE), (lambda: L.Cropping2D(1), IMAGE), (lambda: L.Cropping1D((1, 2)), SEQUENCE),
    (lambda: L.LSTM(3, unit_forget_bias=False, return_sequences=True, recurrent_dropout=0.1), SEQUENCE), (lambda: L.GRU(3, reset_after=False), SEQUENCE),
    (lambda: L.SimpleRNN(3, "relu", return_state=True), SEQUENCE), (lambda: L.Bidirectional(L.GRU(3), merge_mode="sum"), SEQUENCE),
    (lambda: L.Bidirectional(L.LSTM(3), backward_layer=L.LSTM(3, go_backwards=True)), SEQUENCE), (lambda: L.TimeDistributed(L.Dense(2, "tanh")), SEQUENCE),
    (lambda: L.TimeDistributed(nn.Sequential([nn.Input((4,)), L.Dense(3), L.Dense(2)])), SEQUENCE), (lambda: L.Lambda(halved, arguments={"by": 4.0}), FLAT),
]


def fresh(model, x):
    """Random weights and what they give."""
    for v in model.weights:
        v.assign(RNG.uniform(0.1, 0.9, v.shape).astype(v.dtype))
    return model.predict(x, verbose=0)


def same(a, b):
    for x, y in zip(a if isinstance(a, list) else [a], b if isinstance(b, list) else [b], strict=True):
        assert x.dtype == y.dtype
        assert np.array_equal(x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", range(len(CASES)))
def test_layers(tmp_path, k, dtype):
    make, shape = CASES[k]
    x = nn.Input(shape, dtype=dtype)
    layer = make()
    if dtype == "float64":
        with nn.saving.custom_object_scope({"halved": halved}):
            layer = type(layer).from_config({**layer.get_config(), "dtype": dtype})
    model = nn.Model(x, layer(x))
    data = RNG.normal(size=(3, *shape)).astype(dtype)
    expected = fresh(model, data)
    model.save(tmp_path / "m.npz")
    again = nn.load_model(tmp_path / "m.npz", {"halved": halved})
    assert again.get_config() == model.get_config()
    same(again.predict(data, verbose=0), expected)


def test_all_layers_are_tried():
    tried = {type(make()) for make, _ in CASES}
    rest = {L.Layer, L.Embedding, L.DenseTranspose, L.Sampling, L.Masking, L.InputLayer, L.Dot, L.Concatenate, L.Add, L.Subtract, L.Multiply, L.Average,
            L.Maximum, L.Minimum}
    assert {getattr(L, name) for name in L.__all__} == tried | rest


@pytest.mark.parametrize("make", [L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum, lambda: L.Concatenate(axis=1),
                         lambda: L.Dot(axes=1, normalize=True)])
def test_merging(tmp_path, make):
    a, b = nn.Input(FLAT), nn.Input(FLAT)
    model = nn.Model([a, b], make()([a, b]))
    data = [RNG.normal(size=(3, 4)).astype("float32") for _ in range(2)]
    model.save(tmp_path / "m.npz")
    same(nn.load_model(tmp_path / "m.npz").predict(data, verbose=0), model.predict(data, verbose=0))


def test_tied_weights_stay_tied(tmp_path):
    encode = nn.Dense(3)
    encoder = nn.Sequential([nn.Input(FLAT), nn.Embedding(9, 2), nn.Flatten(), encode])
    model = nn.Sequential([encoder, nn.DenseTranspose(encode)])
    data = RNG.integers(0, 9, (5, 4))
    expected = fresh(model, data)
    model.save(tmp_path / "m.npz")
    again = nn.load_model(tmp_path / "m.npz")
    same(again.predict(data, verbose=0), expected)
    assert again.layers[1].dense is again.layers[0].layers[-1]
    assert len(again.weights) == len(model.weights) == 4


def test_lambda_needs_its_function(tmp_path):
    nn.Sequential([nn.Input(FLAT), nn.Lambda(halved)]).save(tmp_path / "m.npz")
    with pytest.raises(LayerError, match="give it when loading"):
        nn.load_model(tmp_path / "m.npz")


@pytest.mark.parametrize("make", [
    lambda: nn.Autoencoder.dense(6, [4, 2]), lambda: nn.Autoencoder([nn.Dense(2)], [nn.Dense(6)]),
    lambda: nn.DenoisingAutoencoder.dense(6, [4, 2], noise="masking", level=0.3), lambda: nn.SparseAutoencoder.dense(6, [4],
    sparsity="kl", code_activation="sigmoid"),
    lambda: nn.ContractiveAutoencoder.dense(6, [4], weight=0.1), lambda: nn.VAE.dense(6, [4, 2], beta=0.5),
])
def test_autoencoders(tmp_path, make):
    x = RNG.random((20, 6), dtype="float32")
    model = make()
    model.compile("adam", "binary_crossentropy" if "sigmoid" in str(model.get_config()) else "mse")
    model.fit(x, epochs=2, verbose=0)
    model.save(tmp_path / "m.npz")
    again = nn.load_model(tmp_path / "m.npz")
    assert type(again) is type(model)
    assert again.optimizer.iterations == model.optimizer.iterations == 2
    same(again.encode(x), model.encode(x))
    same(again.decode(model.encode(x)), model.decode(model.encode(x)))


@pytest.mark.parametrize("name", ["LBFGS", "NewtonCG"])
def test_optimizers_of_the_whole_batch(tmp_path, name):
    x = RNG.random((20, 6), dtype="float32")
    model = nn.Autoencoder.dense(6, [3], output_activation="linear")
    model.compile(name, "mse")
    model.fit(x, epochs=3, batch_size=20, verbose=0, shuffle=False)
    model.save(tmp_path / "m.npz")
    again = nn.load_model(tmp_path / "m.npz")
    first, second = (m.fit(x, epochs=3, batch_size=20, verbose=0, shuffle=False).history["loss"] for m in (model, again))
    assert first == second
