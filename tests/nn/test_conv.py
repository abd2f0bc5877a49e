"""Convolutions and pooling against scipy.signal, dense matrices and loops; sizes as in Keras."""

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

import dualad as da
from dualad import nn
from dualad.nn.layers._convolve import convolve, depthwise, margins, spread

L = nn.layers


def reference(x, kernel, strides=(1, 1), dilation=(1, 1)):
    """Correlation of each channel by scipy, then every stride-th place."""
    kh, kw, c, f = kernel.shape
    wide = np.zeros(((kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1, c, f))
    wide[:: dilation[0], :: dilation[1]] = kernel
    out = [[sum(correlate2d(image[:, :, m], wide[:, :, m, k], "valid") for m in range(c)) for k in range(f)] for image in x]
    return np.moveaxis(np.array(out), 1, -1)[:, :: strides[0], :: strides[1]]


SIZES = [((3, 3), (1, 1), (1, 1), 1), ((3, 3), (1, 1), (1, 1), 5), ((2, 3), (2, 1), (1, 1), 2), ((3, 2), (1, 3), (1, 1), 7), ((3, 3), (1, 1), (2, 3), 3),
         ((1, 1), (1, 1), (1, 1), 4), ((1, 1), (2, 2), (1, 1), 4), ((2, 2), (3, 3), (1, 1), 3), ((3, 1), (2, 2), (2, 1), 1), ((8, 9), (1, 1), (1, 1), 2)]


@pytest.mark.parametrize(("size", "strides", "dilation", "channels"), SIZES)
def test_convolution(size, strides, dilation, channels, rng):
    x, kernel = rng.standard_normal((2, 8, 9, channels)), rng.standard_normal((*size, channels, 4))
    np.testing.assert_allclose(convolve(x, kernel, strides, dilation), reference(x, kernel, strides, dilation), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("size", "strides", "dilation", "channels"), SIZES)
def test_depthwise(size, strides, dilation, channels, rng):
    x, kernel = rng.standard_normal((2, 8, 9, channels)), rng.standard_normal((*size, channels, 2))
    out = depthwise(x, kernel, strides, dilation)
    for c in range(channels):
        want = reference(x[..., c : c + 1], kernel[:, :, c : c + 1], strides, dilation)
        np.testing.assert_allclose(out[..., 2 * c : 2 * c + 2], want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides", "dilation", "channels"), [s for s in SIZES if s[0] != (8, 9)])
def test_conv2d_layer(size, strides, dilation, channels, padding, rng):
    x = rng.standard_normal((2, 8, 9, channels))
    layer = L.Conv2D(4, size, strides, padding, dilation_rate=dilation, activation="tanh", dtype="float64")
    y = layer(x)
    layer.bias.assign(rng.standard_normal(4))
    if padding == "same":
        added = [_tensorflow_same(n, k, s, d) for n, k, s, d in zip((8, 9), size, strides, dilation)]
        x_padded = np.pad(x, ((0, 0), *added, (0, 0)))
        assert y.shape == (2, -(-8 // strides[0]), -(-9 // strides[1]), 4)
    else:
        x_padded = x
    want = np.tanh(reference(x_padded, layer.kernel.array, strides, dilation) + layer.bias.array)
    np.testing.assert_allclose(layer(x), want, rtol=1e-10, atol=1e-12)


def _tensorflow_same(n, kernel, stride, dilation):
    """As its documentation words it: by the remainder of the size and the stride."""
    span = (kernel - 1) * dilation + 1
    total = max(span - stride, 0) if n % stride == 0 else max(span - n % stride, 0)
    return total // 2, total - total // 2


@pytest.mark.parametrize("n", range(1, 12))
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_margins(n, kernel, stride):
    assert margins(n, kernel, stride, 1, "same") == _tensorflow_same(n, kernel, stride, 1)


def test_groups(rng):
    x = rng.standard_normal((2, 6, 6, 4))
    layer = L.Conv2D(6, 3, groups=2, dtype="float64")
    y = layer(x)
    assert layer.kernel.shape == (3, 3, 2, 6)
    for g in range(2):
        want = reference(x[..., 2 * g : 2 * g + 2], layer.kernel.array[..., 3 * g : 3 * g + 3])
        np.testing.assert_allclose(y[..., 3 * g : 3 * g + 3], want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 3)])
def test_conv1d(padding, stride, dilation, rng):
    x = rng.standard_normal((2, 11, 3))
    layer = L.Conv1D(4, 3, stride, padding, dilation_rate=dilation, dtype="float64")
    y = layer(x)
    before, after = {"valid": (0, 0), "same": _tensorflow_same(11, 3, stride, dilation), "causal": (2 * dilation, 0)}[padding]
    z = np.pad(x, ((0, 0), (before, after), (0, 0)))
    steps = range(0, z.shape[1] - 2 * dilation, stride)
    want = [[sum(z[b, t + k * dilation] @ layer.kernel.array[k] for k in range(3)) for t in steps] for b in range(2)]
    np.testing.assert_allclose(y, want, rtol=1e-10, atol=1e-12)


def test_causal_outputs_do_not_see_the_future(rng):
    x = rng.standard_normal((1, 10, 2)).astype("float32")
    layer = L.Conv1D(3, 4, padding="causal")
    y, z = layer(x), x.copy()
    z[:, 6:] = 100
    np.testing.assert_array_equal(layer(z)[:, :6], y[:, :6])


# ---- transposed ----


@pytest.mark.parametrize(("size", "strides", "dilation"), [
    ((3, 3), (1, 1), (1, 1)), ((3, 2), (2, 3), (1, 1)), ((2, 4), (3, 2), (1, 1)), ((3, 3), (1, 1), (2, 3)), ((1, 1), (2, 2), (1, 1)), ((5, 3), (2, 1), (1, 2))])
def test_spread_is_what_the_kernels_add_up_to(size, strides, dilation, rng):
    x, kernel = rng.standard_normal((2, 4, 5, 3)), rng.standard_normal((*size, 2, 3))
    out = spread(x, kernel, strides, dilation)
    full = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip((4, 5), strides, size, dilation)]
    want = np.zeros((2, *(max(a, b) for a, b in zip(full, out.shape[1:3])), 2))
    for b, i, j, p, q in np.ndindex(2, 4, 5, *size):
        want[b, i * strides[0] + p * dilation[0], j * strides[1] + q * dilation[1]] += kernel[p, q] @ x[b, i, j]
    np.testing.assert_allclose(out, want, rtol=1e-10, atol=1e-12)


def test_transposed_convolution_by_scipy(rng):
    x = rng.standard_normal((1, 4, 5, 2))
    layer = L.Conv2DTranspose(1, 3, dtype="float64")
    y = layer(x)
    want = sum(convolve2d(x[0, :, :, c], layer.kernel.array[:, :, 0, c]) for c in range(2))
    np.testing.assert_allclose(y[0, :, :, 0], want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_transposed_is_the_adjoint_of_the_convolution(padding, kernel, stride, rng):
    """The gradient of Conv2D with respect to its images, for the size that the transposed layer gives."""
    small = rng.standard_normal((1, 4, 5, 2))
    back = L.Conv2DTranspose(3, kernel, stride, padding, dtype="float64")
    large = back(small)
    want = [n * stride if padding == "same" else n * stride + max(kernel - stride, 0) for n in (4, 5)]
    assert large.shape == (1, *want, 3)
    there = L.Conv2D(2, kernel, stride, padding, use_bias=False, dtype="float64")
    there(np.zeros_like(large))
    there.kernel.assign(back.kernel.array)
    by_rule = da.grad(lambda x: np.sum(there(x)[:, :4, :5] * small))(np.zeros_like(large))
    np.testing.assert_allclose(large, by_rule, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("padding", "kernel", "stride", "output_padding", "size"), [
    ("valid", 3, 2, None, 9), ("valid", 3, 2, 0, 9), ("valid", 3, 2, 1, 10), ("valid", 2, 3, None, 12), ("valid", 2, 3, 0, 11), ("same", 3, 2, None, 8),
    ("same", 3, 2, 0, 7), ("same", 3, 2, 1, 8), ("same", 4, 2, 1, 7), ("same", 5, 3, 2, 12)])
def test_transposed_sizes(padding, kernel, stride, output_padding, size):
    """As keras.src.backend.common.backend_utils computes them for 4 cells."""
    layer = L.Conv1DTranspose(2, kernel, stride, padding, output_padding)
    x = np.ones((1, 4, 3), "float32")
    assert layer(x).shape == (1, size, 2) == layer.compute_output_shape(x.shape)


def test_output_padding_adds_at_the_end(rng):
    x = rng.standard_normal((1, 4, 3))
    first, second = (L.Conv1DTranspose(2, 3, 2, "valid", p, dtype="float64") for p in (0, 1))
    y = first(x)
    second(x)
    second.set_weights(first.get_weights())
    np.testing.assert_allclose(second(x)[:, :-1], y)


# ---- pooling ----


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [((2, 2), None), ((3, 2), (1, 2)), ((2, 3), (3, 1)), ((1, 1), (2, 2))])
def test_pooling(size, strides, padding, rng):
    x = rng.standard_normal((2, 7, 6, 3))
    steps = strides or size
    z = x
    if padding == "same":
        z = np.pad(x, ((0, 0), *(_tensorflow_same(n, k, s, 1) for n, k, s in zip((7, 6), size, steps)), (0, 0)), constant_values=np.nan)
    places = [range(0, n - k + 1, s) for n, k, s in zip(z.shape[1:3], size, steps)]
    for layer, function in ((L.MaxPooling2D, np.nanmax), (L.AveragePooling2D, np.nanmean)):
        want = np.stack([np.stack([function(z[:, i : i + size[0], j : j + size[1]], axis=(1, 2)) for j in places[1]], 1) for i in places[0]], 1)
        np.testing.assert_allclose(layer(size, strides, padding)(x), want, rtol=1e-12)
        one = layer(size, strides, padding)(x.astype("float32"))
        assert one.dtype == np.float32


def test_pooling_of_sequences(rng):
    x = rng.standard_normal((2, 7, 3))
    np.testing.assert_array_equal(L.MaxPooling1D(2)(x), np.maximum(x[:, :6:2], x[:, 1:6:2]))
    np.testing.assert_allclose(L.AveragePooling1D(2, padding="same")(x)[:, -1], x[:, -1])


def test_global_pooling(rng):
    x = rng.standard_normal((2, 7, 6, 3))
    np.testing.assert_allclose(L.GlobalAveragePooling2D()(x), x.mean((1, 2)))
    np.testing.assert_allclose(L.GlobalMaxPooling2D(keepdims=True)(x), x.max((1, 2), keepdims=True))
    np.testing.assert_allclose(L.GlobalAveragePooling1D()(x[:, 0]), x[:, 0].mean(1))
    np.testing.assert_allclose(L.GlobalMaxPooling1D()(x[:, 0]), x[:, 0].max(1))


def test_ties_share_the_derivative():
    x = np.zeros((1, 4, 4, 1))
    g = da.grad(lambda x: np.sum(L.MaxPooling2D(2)(x)))(x)
    np.testing.assert_array_equal(g, np.full_like(x, 0.25))


# ---- in a model ----


def test_slices_of_large_images_compile(rng):
    """More than 65536 numbers in a layer: the adjoint of its slices has to be blocks, not lists of places."""
    x = rng.standard_normal((16, 24, 24, 16)).astype("float32")
    assert x.size > 65536
    kernel = rng.standard_normal((3, 3, 16, 4)).astype("float32")
    step = da.value_and_grad(lambda x, k: np.sum(np.sin(convolve(x, k))), argnums=(0, 1))
    program = da.record(step, x, kernel)
    assert "scatter" not in str(program)
    (value, grads), (want, expected) = program(x, kernel), step(x, kernel)
    np.testing.assert_allclose(value, want, rtol=1e-4)
    for a, b in zip(grads, expected):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-3)


def test_convolutional_autoencoder_learns(rng):
    nn.utils.set_random_seed(2)
    x = np.zeros((128, 8, 8, 1), "float32")
    for k, (i, j) in enumerate(rng.integers(0, 6, (128, 2))):
        x[k, i : i + 3, j : j + 3] = 1
    model = nn.Sequential([nn.Input((8, 8, 1)), L.Conv2D(8, 3, activation="relu", padding="same"), L.MaxPooling2D(2),
                           L.Conv2D(8, 3, activation="relu", padding="same"),
                           L.BatchNormalization(), L.UpSampling2D(2), L.Conv2DTranspose(8, 3, activation="relu", padding="same"),
                           L.Conv2D(1, 3, activation="sigmoid", padding="same")])
    model.compile("adam", "binary_crossentropy")
    history = model.fit(x, epochs=15, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert model.predict(x[:1], verbose=0).shape == (1, 8, 8, 1)
