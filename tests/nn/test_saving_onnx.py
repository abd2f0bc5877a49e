"""Models in the ONNX format, run by onnxruntime, give what `predict` gives."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dualad import nn
from dualad.errors import ExportError, MissingExtraError

pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
L = nn.layers
RNG = np.random.default_rng(0)
IMAGE, SEQUENCE = (7, 6, 3), (5, 4)


def exported(model, path, xs, opset=17, **options):
    model.export(path, opset, **options)
    settings = ort.SessionOptions()
    settings.log_severity_level, settings.intra_op_num_threads = 3, 1
    session = ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: x for i, x in zip(session.get_inputs(), xs)})


def compare(model, path, xs, **options):
    """With random weights, also of moving averages."""
    for v in model.weights:
        v.assign(RNG.uniform(0.1, 0.9, v.shape).astype(v.dtype) * RNG.choice([-1, 1] if "variance" not in v.name else [1], v.shape))
    expected = model.predict(xs if len(xs) > 1 else xs[0], verbose=0)
    got = exported(model, path, xs, **options)
    for a, b in zip(expected if isinstance(expected, list) else [expected], got, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(b, a, rtol=2e-5, atol=2e-5)


def one(layer, shape, n=3, dtype="float32"):
    x = nn.Input(shape, dtype=dtype)
    return nn.Model(x, layer(x)), [RNG.normal(size=(n, *shape)).astype(dtype)]


CASES = {
    "dense": (lambda: L.Dense(3, "tanh"), (4,)), "dense on sequences": (lambda: L.Dense(3, use_bias=False), SEQUENCE), "flatten": (L.Flatten, IMAGE),
    "reshape": (lambda: L.Reshape((-1, 2)), (4, 3)), "permute": (lambda: L.Permute((2, 1)), SEQUENCE), "repeat": (lambda: L.RepeatVector(3), (4,)),
    "dropout": (lambda: L.Dropout(0.5), (4,)), "noise": (lambda: L.GaussianNoise(1.0), (4,)), "batch norm": (L.BatchNormalization, (4,)),
    "batch norm of images": (L.BatchNormalization, IMAGE), "batch norm of another axis": (lambda: L.BatchNormalization(axis=1, scale=False), IMAGE),
    "layer norm": (L.LayerNormalization, SEQUENCE), "layer norm of axes": (lambda: L.LayerNormalization(axis=[1, 2]), IMAGE),
    "unit norm": (L.UnitNormalization, (4,)), "rescaling": (lambda: L.Rescaling(1 / 255, 0.5), (4,)), "normalization": (L.Normalization, (4,)),
    "relu": (lambda: L.ReLU(1.0, 0.1), (4,)), "leaky relu": (L.LeakyReLU, (4,)), "prelu": (lambda: L.PReLU(shared_axes=[1, 2]), IMAGE),
    "elu": (lambda: L.ELU(0.5), (4,)), "softmax": (lambda: L.Softmax(axis=1), SEQUENCE),
    "conv": (lambda: L.Conv2D(4, 3, activation="relu"), IMAGE), "conv same": (lambda: L.Conv2D(4, (3, 2), padding="same"), IMAGE),
    "conv strides": (lambda: L.Conv2D(4, 3, strides=2, padding="same"), IMAGE),
    "conv dilated": (lambda: L.Conv2D(2, 2, dilation_rate=2, padding="same"), IMAGE),
    "conv groups": (lambda: L.Conv2D(6, 3, groups=3), IMAGE), "conv1d": (lambda: L.Conv1D(3, 2, strides=2, padding="same"), SEQUENCE),
    "conv1d causal": (lambda: L.Conv1D(3, 3, padding="causal", dilation_rate=2), SEQUENCE),
    "depthwise": (lambda: L.DepthwiseConv2D(3, depth_multiplier=2), IMAGE),
    "separable": (lambda: L.SeparableConv2D(4, 3, padding="same"), IMAGE), "transposed": (lambda: L.Conv2DTranspose(4, 3, strides=2, padding="same"), IMAGE),
    "transposed valid": (lambda: L.Conv2DTranspose(4, (2, 3), strides=(3, 2)), IMAGE),
    "transposed large": (lambda: L.Conv2DTranspose(2, 5, strides=2, padding="same"), IMAGE),
    "transposed more": (lambda: L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1), IMAGE),
    "transposed 1d": (lambda: L.Conv1DTranspose(2, 4, strides=2, padding="same"), SEQUENCE), "max pool": (lambda: L.MaxPooling2D(2), IMAGE),
    "max pool same": (lambda: L.MaxPooling2D(3, 2, "same"), IMAGE), "average pool same": (lambda: L.AveragePooling2D(3, 2, "same"), IMAGE),
    "max pool 1d": (lambda: L.MaxPooling1D(2), SEQUENCE), "average pool 1d": (lambda: L.AveragePooling1D(2, padding="same"), SEQUENCE),
    "global average": (L.GlobalAveragePooling2D, IMAGE), "global max": (lambda: L.GlobalMaxPooling1D(keepdims=True), SEQUENCE),
    "enlarged": (lambda: L.UpSampling2D((2, 3)), IMAGE), "bilinear": (lambda: L.UpSampling2D(3, interpolation="bilinear"), IMAGE),
    "enlarged 1d": (lambda: L.UpSampling1D(3), SEQUENCE), "zeros": (lambda: L.ZeroPadding2D(((1, 2), (0, 3))), IMAGE),
    "zeros 1d": (lambda: L.ZeroPadding1D((2, 1)), SEQUENCE), "cropped": (lambda: L.Cropping2D(((1, 2), (0, 3))), IMAGE),
    "lstm": (lambda: L.LSTM(3), SEQUENCE), "lstm sequences": (lambda: L.LSTM(3, return_sequences=True, go_backwards=True), SEQUENCE),
    "lstm states": (lambda: L.LSTM(3, return_state=True, use_bias=False), SEQUENCE), "gru": (lambda: L.GRU(3, return_sequences=True), SEQUENCE),
    "gru before": (lambda: L.GRU(3, reset_after=False), SEQUENCE), "rnn": (lambda: L.SimpleRNN(3, "relu"), SEQUENCE),
    "gru hard": (lambda: L.GRU(3, recurrent_activation="softsign"), SEQUENCE),
    "both directions": (lambda: L.Bidirectional(L.GRU(3, return_sequences=True)), SEQUENCE),
    "both averaged": (lambda: L.Bidirectional(L.LSTM(3), merge_mode="ave"), SEQUENCE), "each step": (lambda: L.TimeDistributed(L.Conv1D(2, 2)), (3, 5, 4)),
}


@pytest.mark.parametrize("name", CASES)
def test_layers(tmp_path, name):
    layer, shape = CASES[name]
    model, xs = one(layer(), shape)
    compare(model, tmp_path / "m.onnx", xs)
    assert exported(model, tmp_path / "m.onnx", [xs[0][:1]])[0].shape[0] == 1  # any batch


@pytest.mark.parametrize("function", ["linear", "relu", "relu6", "hard_tanh", "gelu", "selu", "leaky_relu", "elu", "celu", "sigmoid", "tanh",
                         "softplus", "softsign",
                                      "exponential", "hard_sigmoid", "hard_silu", "silu", "mish", "softmax", "log_softmax", "log_sigmoid"])
def test_activations(tmp_path, function):
    x = nn.Input((9,))
    model = nn.Model(x, L.Activation(function)(x))
    compare(model, tmp_path / "m.onnx", [np.linspace(-8, 8, 18, dtype="float32").reshape(2, 9)])


@pytest.mark.parametrize("opset", [17, 18, 19, 20, 21])
def test_versions(tmp_path, opset):
    model = nn.Sequential([nn.Input((7, 6, 2)), L.Conv2D(2, 3), L.LayerNormalization(), L.UpSampling2D(2), L.GlobalAveragePooling2D(), L.Dense(2, "gelu")])
    compare(model, tmp_path / "m.onnx", [RNG.normal(size=(2, 7, 6, 2)).astype("float32")], opset=opset)


def test_images_of_any_size(tmp_path):
    x = nn.Input((None, None, 1))
    model = nn.Model(x, L.Conv2D(2, 3, strides=2, padding="same")(x))
    for size in (6, 7):
        compare(model, tmp_path / "m.onnx", [RNG.normal(size=(2, size, 9, 1)).astype("float32")])


@pytest.mark.parametrize("merge", [L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Concatenate, lambda: L.Concatenate(axis=1)])
def test_several_inputs(tmp_path, merge):
    inputs = [nn.Input(SEQUENCE), nn.Input(SEQUENCE)]
    compare(nn.Model(inputs, merge()(inputs)), tmp_path / "m.onnx", [RNG.normal(size=(3, *SEQUENCE)).astype("float32") for _ in inputs])


def test_graph_with_operators_nested_and_shared(tmp_path):
    x, y = nn.Input((6,), name="x"), nn.Input((6,), name="y")
    shared = L.Dense(6, "tanh")
    inner = nn.Sequential([nn.Input((6,)), shared, L.Dense(4)])
    a = inner(2 * x - 1) / np.sqrt(np.square(y).mean(axis=1, keepdims=True) + 1.5)
    b = np.concatenate([shared(y)[:, 1:5:2], np.exp(-x[:, ::-1])], axis=-1) ** 2
    c = np.transpose(y.reshape(-1, 2, 3), (0, 2, 1)).sum(axis=(1, 2)) * y[:, 0]
    model = nn.Model([x, y], [a, b, c])
    compare(model, tmp_path / "m.onnx", [RNG.uniform(0.5, 1, size=(4, 6)).astype("float32") for _ in range(2)])


def test_embedding_and_tied_weights(tmp_path):
    words = nn.Input((5,), dtype="int32")
    dense = L.Dense(3)
    code = dense(L.Flatten()(L.Embedding(11, 4)(words)))
    compare(nn.Model(words, L.DenseTranspose(dense)(code)), tmp_path / "m.onnx", [RNG.integers(0, 11, (3, 5)).astype("int32")])


def test_states_that_are_given(tmp_path):
    x, h, c = nn.Input(SEQUENCE), nn.Input((3,)), nn.Input((3,))
    model = nn.Model([x, h, c], L.LSTM(3, return_sequences=True)(x, initial_state=[h, c]))
    compare(model, tmp_path / "m.onnx", [RNG.normal(size=(2, *s)).astype("float32") for s in (SEQUENCE, (3,), (3,))])


def test_names_batch_and_doubles(tmp_path):
    import onnx

    x = nn.Input((4,), name="pixels", dtype="float64")
    model = nn.Model(x, nn.Dense(2, name="code", dtype="float64")(x))
    model.export(tmp_path / "m.onnx", batch_size=8)
    made = onnx.load(tmp_path / "m.onnx")
    assert ([i.name for i in made.graph.input], [o.name for o in made.graph.output]) == (["pixels"], ["code"])
    assert [d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim] == [8, 4]
    assert made.opset_import[0].version == 17
    compare(model, tmp_path / "m.onnx", [RNG.normal(size=(3, 4))])


def test_what_has_no_form(tmp_path, monkeypatch):
    class Mine(nn.Dense):
        pass

    for layer, message in ((L.Lambda(np.sin), r"lambda.* \(Lambda\) has no ONNX form"), (Mine(2), r"\(Mine\) has no ONNX form"),
                           (L.Sampling(), r"\(Sampling\) has no ONNX form"), (L.Dense(2, np.sin), "has the activation 'sin', which has no ONNX form"),
                           (L.ReLU(threshold=1.0), "threshold=1.0"), (L.Softmax(axis=[0, 1]), "several axes")):
        x = nn.Input((4,))
        model = nn.Model(x, layer([x, x] if isinstance(layer, L.Sampling) else x))
        with pytest.raises(ExportError, match=message):
            model.export(tmp_path / "m.onnx")
    x = nn.Input((4,))
    for made, message in ((np.cumsum(x, axis=1), "operation 'cumsum'"), (x[:, [0, 2]], "only slices and whole numbers")):
        with pytest.raises(ExportError, match=message):
            nn.Model(x, made).export(tmp_path / "m.onnx")
    with pytest.raises(ExportError, match="activation that ONNX's recurrent operators lack"):
        one(L.LSTM(2, "silu"), SEQUENCE)[0].export(tmp_path / "m.onnx")
    with pytest.raises(ExportError, match="opset=5; it is one of 17, 18"):
        one(L.Dense(2), (4,))[0].export(tmp_path / "m.onnx", opset=5)
    with pytest.raises(ExportError, match="has no graph of layers"):
        nn.Sequential([L.Dense(2)]).export(tmp_path / "m.onnx")
    assert not os.listdir(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"dualad\[onnx\]"):
        one(L.Dense(2), (4,))[0].export(tmp_path / "m.onnx")
