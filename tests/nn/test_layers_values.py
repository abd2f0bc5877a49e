"""Outputs of layers against formulas written another way."""

import numpy as np
import pytest

from dualad import nn
from dualad.errors import LayerError

L = nn.layers


def close(a, b, tol=1e-12):
    a = np.asarray(a)
    assert a.shape == np.shape(b)
    np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


def test_dense(rng):
    x = rng.standard_normal((2, 3, 5))
    layer = L.Dense(4, activation="relu", dtype="float64")
    y = layer(x)
    assert layer.kernel.shape == (5, 4)
    layer.bias.assign(rng.standard_normal(4))
    want = np.zeros((2, 3, 4))
    for i, j, k in np.ndindex(want.shape):
        want[i, j, k] = max(0.0, sum(x[i, j, m] * layer.kernel.array[m, k] for m in range(5)) + layer.bias.array[k])
    close(layer(x), want)
    assert y.shape == want.shape
    assert len(L.Dense(4, use_bias=False)(x.astype("float32"))[0, 0]) == 4
    limit = np.sqrt(6 / (5 + 4))
    assert abs(layer.kernel.array).max() <= limit


def test_tied_kernel(rng):
    x, dense = rng.standard_normal((3, 6)), L.Dense(2, dtype="float64")
    tied = L.DenseTranspose(dense, dtype="float64")
    code = dense(x)
    close(tied(code), code @ dense.kernel.array.T)
    assert [v.path for v in tied.weights] == [f"{tied.name}/bias", dense.kernel.path, dense.bias.path]
    model = nn.Sequential([nn.Input((6,), dtype="float64"), dense, tied])
    assert model.count_params() == 6 * 2 + 2 + 6
    before = dense.kernel.numpy()
    model.compile("sgd", "mse")
    model.fit(x, x, epochs=1, verbose=0)
    assert not np.array_equal(before, dense.kernel.array)
    close(model.predict(x, verbose=0), (x @ dense.kernel.array + dense.bias.array) @ dense.kernel.array.T + tied.bias.array)


def test_tied_layer_that_is_called_first():
    dense = L.Dense(2)
    tied = L.DenseTranspose(dense, features=6)
    assert tied(np.ones((1, 2), "float32")).shape == (1, 6)
    assert dense(np.ones((1, 6), "float32")).shape == (1, 2)


def test_dropout_in_training_and_not(rng):
    x = np.ones((200, 100), "float32")
    layer = L.Dropout(0.3, seed=7)
    assert layer(x) is x
    y, z = layer(x, training=True), layer(x, training=True)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs((y == 0).mean() - 0.3) < 0.015
    assert not np.array_equal(y, z)
    np.testing.assert_array_equal(L.Dropout(0.3, seed=7)(x, training=True), y)
    assert not L.Dropout(1.0)(x, training=True).any()
    assert L.Dropout(0.0)(x, training=True) is x


@pytest.mark.parametrize(("layer", "shape"), [(L.SpatialDropout1D(0.5, seed=1), (50, 4, 3)), (L.SpatialDropout2D(0.5, seed=1), (50, 4, 4, 3)),
                                              (L.Dropout(0.5, (None, 1, 3), seed=1), (50, 4, 3))])
def test_shared_masks(layer, shape):
    y = layer(np.ones(shape, "float32"), training=True)
    flat = y.reshape(50, -1, 3)
    assert (flat == flat[:, :1]).all()
    assert 0.3 < (flat[:, 0] == 0).mean() < 0.7


def test_noise_has_the_moments_that_it_says(rng):
    x = (3 + 2 * rng.standard_normal((400, 250))).astype("float64")
    for layer, mean, variance in ((L.GaussianNoise(0.5, seed=1), 3, 4 + 0.25), (L.GaussianDropout(0.2, seed=1), 3, 4 + 0.25 * 13)):
        assert layer(x) is x
        y = layer(x, training=True)
        assert abs(y.mean() - mean) < 0.03
        assert abs(y.var() - variance) < 0.08
    z = (x - 3) / 2
    y = L.AlphaDropout(0.3, seed=1)(z, training=True)
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.02


def test_alpha_dropout_values():
    q, alpha = 0.3, -1.6732632423543772 * 1.0507009873554805
    y = L.AlphaDropout(q, seed=1)(np.zeros((100, 100)), training=True)
    a = 1 / np.sqrt((1 - q) * (1 + q * alpha**2))
    b = -a * q * alpha
    assert abs((np.isclose(y, a * alpha + b)).mean() - q) < 0.02
    assert (np.isclose(y, a * alpha + b) | np.isclose(y, b)).all()


def test_sampling(rng):
    mean, log_var = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    noise = nn.layers.Sampling(seed=4)([np.zeros((2, 3)), np.zeros((2, 3))])
    close(nn.layers.Sampling(seed=4)([mean, log_var]), mean + np.sqrt(np.exp(log_var)) * noise)


def test_batch_normalization(rng):
    x = 3 + 2 * rng.standard_normal((6, 4, 5))
    layer = L.BatchNormalization(dtype="float64")
    close(layer(x), x / np.sqrt(1.001))
    gamma, beta = rng.standard_normal(5), rng.standard_normal(5)
    layer.set_weights([gamma, beta, np.zeros(5), np.ones(5)])
    y = layer(x, training=True)
    close(y, (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-3) * gamma + beta)
    close(layer.moving_mean.array, 0.01 * x.mean((0, 1)))
    close(layer.moving_variance.array, 0.99 + 0.01 * x.var((0, 1)))
    close(layer(x), (x - layer.moving_mean.array) / np.sqrt(layer.moving_variance.array + 1e-3) * gamma + beta)
    layer.trainable = False
    close(layer(x, training=True), layer(x, training=False))
    assert [v.name for v in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]


def test_batch_normalization_learns_its_averages(rng):
    x = (5 + 2 * rng.standard_normal((256, 3))).astype("float32")
    layer = L.BatchNormalization(momentum=0.5)
    model = nn.Sequential([nn.Input((3,)), layer, nn.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], batch_size=64, epochs=5, verbose=0)
    np.testing.assert_allclose(layer.moving_mean.array, x.mean(0), atol=0.6)
    before = layer.moving_mean.numpy()
    model.evaluate(x, x[:, :1], verbose=0)
    model.predict(x, verbose=0)
    np.testing.assert_array_equal(layer.moving_mean.array, before)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2], [-1, -2]])
def test_layer_normalization(axis, rng):
    x = rng.standard_normal((3, 4, 5))
    layer = L.LayerNormalization(axis=axis, dtype="float64")
    layer(x)
    axes = tuple(np.sort(np.atleast_1d(axis) % 3))
    shape = tuple(x.shape[a] for a in axes)
    gamma, beta = rng.standard_normal(shape), rng.standard_normal(shape)
    layer.set_weights([gamma, beta])
    spread = lambda w: np.expand_dims(w, tuple(a for a in range(3) if a not in axes))
    want = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3) * spread(gamma) + spread(beta)
    close(layer(x), want)


def test_layer_normalization_without_weights(rng):
    layer = L.LayerNormalization(center=False, scale=False, epsilon=0.0)
    y = layer(rng.standard_normal((3, 8)))
    assert layer.weights == []
    close(y.std(-1), np.ones(3), 1e-6)


def test_unit_normalization(rng):
    x = rng.standard_normal((3, 4))
    close(L.UnitNormalization()(x), x / np.linalg.norm(x, axis=1, keepdims=True))
    assert not L.UnitNormalization()(np.zeros((1, 4))).any()


@pytest.mark.parametrize("axis", [-1, None, (1, 2), (-1, 1)])
def test_normalization_adapts(axis, rng):
    x = 1e4 + rng.standard_normal((500, 3, 2)) * [1.0, 5.0]
    layer = L.Normalization(axis=axis, dtype="float64")
    layer.adapt(x)
    over = (0, 1, 2) if axis is None else tuple(a for a in range(3) if a not in np.atleast_1d(axis) % 3)
    want = (x - x.mean(over)) / x.std(over)
    close(layer(x), want, 1e-8)
    batches = L.Normalization(axis=axis, dtype="float64")
    batches.adapt(x[k : k + 100] for k in range(0, 500, 100))
    close(batches(x), want, 1e-8)
    back = L.Normalization(axis=axis, mean=layer.average.numpy(), variance=layer.spread.numpy(), invert=True, dtype="float64")
    close(back(layer(x)), x, 1e-8)


def test_normalization_refuses():
    with pytest.raises(LayerError, match="both mean and variance"):
        L.Normalization(mean=1.0)
    with pytest.raises(LayerError, match="got no data"):
        L.Normalization().adapt(np.zeros((0, 3)))
    with pytest.raises(LayerError, match="was given its mean"):
        L.Normalization(mean=1.0, variance=1.0).adapt(np.ones((2, 3)))


def test_rescaling_takes_pixels():
    y = L.Rescaling(1 / 127.5, -1)(np.array([[0, 255]], "uint8"))
    assert y.dtype == np.float32
    close(y, [[-1, 1]], 1e-6)


def test_embedding(rng):
    layer = L.Embedding(10, 4)
    x = rng.integers(0, 10, (3, 5)).astype("int32")
    y = layer(x)
    for i, j in np.ndindex(3, 5):
        np.testing.assert_array_equal(y[i, j], layer.embeddings.array[x[i, j]])
    np.testing.assert_array_equal(layer(x.astype("float32")), y)
    assert abs(layer.embeddings.array).max() <= 0.05
    table = rng.standard_normal((3, 2))
    close(L.Embedding(3, 2, weights=table, dtype="float64")(np.array([[2]])), table[[[2]]])


def test_embedding_is_trained_where_it_is_read():
    model = nn.Sequential([nn.Input((2,), dtype="int32"), L.Embedding(5, 3), L.Flatten(), nn.Dense(1)])
    model.compile(nn.optimizers.SGD(1.0), "mse")
    table = model.layers[0].embeddings
    before = table.numpy()
    for _ in range(2):
        model.train_on_batch(np.array([[1, 3], [3, 3]]), np.ones((2, 1)))
    changed = (table.array != before).any(1)
    assert changed.tolist() == [False, True, False, True, False]


def test_shapes_of_samples(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    close(L.Flatten()(x), np.array([a.ravel() for a in x]))
    assert L.Flatten()(np.ones(3)).shape == (3, 1)
    close(L.Reshape((5, -1))(x), np.array([a.ravel().reshape(5, 12) for a in x]))
    close(L.Reshape(60)(x), np.array([a.ravel() for a in x]))
    close(L.Permute((3, 1, 2))(x), np.array([np.moveaxis(a, -1, 0) for a in x]))
    y = L.RepeatVector(3)(x[:, 0, 0])
    for k in range(3):
        close(y[:, k], x[:, 0, 0])
    y[0, 0, 0] = 9  # an array of its own
    assert y[0, 1, 0] != 9


def test_flatten_of_no_samples():
    assert L.Flatten()(np.ones((0, 3, 2))).shape == (0, 6)


def test_padding_and_cropping(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    y = L.ZeroPadding2D(((1, 2), (0, 3)))(x)
    want = np.zeros((2, 6, 7, 5))
    want[:, 1:4, :4] = x
    close(y, want)
    close(L.Cropping2D(((1, 2), (0, 3)))(y), x)
    assert L.ZeroPadding2D((1, 2))(x).shape == (2, 5, 8, 5)
    assert L.ZeroPadding2D(1)(x).shape == (2, 5, 6, 5)
    z = L.ZeroPadding1D((1, 2))(x[:, 0])
    assert z.shape == (2, 7, 5)
    close(L.Cropping1D((1, 2))(z), x[:, 0])


def test_upsampling(rng):
    x = rng.standard_normal((2, 3, 4, 2))
    close(L.UpSampling2D((2, 3))(x), np.kron(x, np.ones((1, 2, 3, 1))))
    close(L.UpSampling1D(3)(x[:, 0]), np.repeat(x[:, 0], 3, 1))
    y = L.UpSampling2D((2, 3), interpolation="bilinear")(x)
    middles = lambda n, s: (np.arange(n * s) + 0.5) / s - 0.5
    want = np.empty_like(y)
    for b, c in np.ndindex(2, 2):
        rows = np.array([[np.interp(q, np.arange(4), r) for q in middles(4, 3)] for r in x[b, :, :, c]])
        want[b, :, :, c] = np.array([[np.interp(q, np.arange(3), r) for q in middles(3, 2)] for r in rows.T]).T
    close(y, want)
    assert L.UpSampling2D(2, interpolation="bilinear")(np.ones((1, 1, 1, 1))).tolist() == np.ones((1, 2, 2, 1)).tolist()


def test_merging(rng):
    a, b, c = rng.standard_normal((3, 2, 4))
    close(L.add([a, b, c]), a + b + c)
    close(L.subtract([a, b]), a - b)
    close(L.multiply([a, b, c]), a * b * c)
    close(L.average([a, b, c]), np.mean([a, b, c], 0))
    close(L.maximum([a, b, c]), np.max([a, b, c], 0))
    close(L.minimum([a, b, c]), np.min([a, b, c], 0))
    close(L.concatenate([a, b, c]), np.hstack([a, b, c]))
    close(L.dot([a, b], axes=1), np.sum(a * b, 1, keepdims=True))
    close(L.dot([a, b], axes=-1, normalize=True)[:, 0], [p @ q / np.linalg.norm(p) / np.linalg.norm(q) for p, q in zip(a, b)])
    x, y = rng.standard_normal((2, 3, 5)), rng.standard_normal((2, 4, 3))
    close(L.dot([x, y], axes=(1, 2)), np.einsum("bki,bjk->bij", x, y))
    assert nn.Input((3,)).shape == L.add([nn.Input((3,)), nn.Input((1,))]).shape


def test_rectifiers(rng):
    x = rng.standard_normal((3, 5))
    close(L.ReLU(1.0, 0.1, 0.2)(x), np.where(x > 0.2, np.minimum(x, 1.0), 0.1 * (x - 0.2)))
    close(L.LeakyReLU()(x), np.where(x > 0, x, 0.3 * x))
    close(L.ELU(2.0)(x), np.where(x > 0, x, 2 * (np.exp(x) - 1)))
    prelu = L.PReLU(dtype="float64")
    prelu(x)
    slope = rng.standard_normal(5)
    prelu.set_weights([slope])
    close(prelu(x), np.maximum(x, 0) + slope * np.minimum(x, 0))
    e = np.exp(x)
    close(L.Softmax()(x), e / e.sum(1, keepdims=True))
    close(L.Softmax(axis=(0, 1))(x + 1000), e / e.sum())


def test_activity_regularization(rng):
    x = rng.standard_normal((4, 3)).astype("float32")
    layer = L.ActivityRegularization(l1=0.1, l2=0.2)
    assert layer(x) is x
    model = nn.Sequential([nn.Input((3,)), layer])
    model.compile("sgd", "mse")
    loss = model.evaluate(x, x, verbose=0)
    np.testing.assert_allclose(loss, (0.1 * abs(x).sum() + 0.2 * (x**2).sum()) / 4, rtol=1e-5)


def test_lambda(rng):
    x = rng.standard_normal((4, 3))
    close(L.Lambda(lambda x, n: x * n, arguments={"n": 3})(x), 3 * x)
    flags = L.Lambda(lambda x, training: x * 0 + training)
    assert flags(x).max() == 0
    assert flags(x, training=True).min() == 1
    assert L.Lambda(lambda x: x[:, :2])(nn.Input((3,))).shape == (None, 2)
    assert L.Lambda(lambda x: x[:, :2], output_shape=(2,))(nn.Input((3,))).shape == (None, 2)
    close(L.Lambda(lambda pair: pair[0] + pair[1])([x, x]), 2 * x)


def test_time_distributed(rng):
    x = rng.standard_normal((2, 3, 5, 5, 1))
    inner = L.Conv2D(4, 3, dtype="float64")
    y = L.TimeDistributed(inner)(x)
    for t in range(3):
        close(y[:, t], inner(x[:, t]))


def test_input_layer():
    for start in (L.InputLayer(shape=(4,)), L.InputLayer(input_shape=(4,), name="pixels")):
        assert nn.Sequential([start, L.Dense(3)]).output_shape == (None, 3)
