"""compile, fit, evaluate, predict: against training loops written by hand in NumPy."""

import numpy as np
import pytest

import dualad as da
from dualad import errors, nn

RNG = np.random.default_rng(2)


def autoencoder(d=6, k=3, dtype="float64", **options):
    x = nn.Input((d,), dtype=dtype)
    code = nn.Dense(k, activation="tanh", dtype=dtype, **options)(x)
    return nn.Model(x, nn.Dense(d, activation="sigmoid", dtype=dtype)(code))


def by_hand(weights, x, y, batches, rate, loss, w=None):
    """Plain gradient descent on copies of the weights."""
    weights = [a.copy() for a in weights]
    losses = []
    for rows in batches:
        value, grads = da.value_and_grad(loss)(weights, x[rows], y[rows], None if w is None else w[rows])
        losses.append((value, len(x[rows])))
        weights = [a - rate * g for a, g in zip(weights, grads)]
    return weights, sum(v * n for v, n in losses) / sum(n for _, n in losses)


def cross_entropy(weights, x, y, w):
    a, b, c, d = weights
    z = np.tanh(x @ a + b) @ c + d
    each = np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))), axis=1)
    return np.mean(each if w is None else each * w)


@pytest.mark.parametrize("weighted", [False, True])
def test_fit_is_gradient_descent(weighted):
    """Also the last batch, which is smaller."""
    model = autoencoder()
    model.compile(nn.optimizers.SGD(0.5), "binary_crossentropy")
    x = RNG.random((22, 6))
    w = RNG.random(22) if weighted else None
    start = model.get_weights()
    history = model.fit(x, x, batch_size=8, epochs=2, shuffle=False, sample_weight=w, verbose=0)
    batches = [slice(0, 8), slice(8, 16), slice(16, 22)]
    weights = start
    for epoch in range(2):
        weights, loss = by_hand(weights, x, x, batches, 0.5, cross_entropy, w)
        np.testing.assert_allclose(history.history["loss"][epoch], loss, rtol=1e-10)
    for got, want in zip(model.get_weights(), weights):
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-12)


def test_targets_are_the_inputs_by_default():
    x = RNG.random((20, 6))
    one, two = autoencoder(), autoencoder()
    two.set_weights(one.get_weights())
    for model, args in ((one, (x,)), (two, (x, x))):
        model.compile("sgd", "mse")
        model.fit(*args, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_regularizers_and_activity():
    model = autoencoder(kernel_regularizer=nn.regularizers.L2(0.1), activity_regularizer=nn.regularizers.L1(0.2))
    model.compile(nn.optimizers.SGD(0.1), "mse")
    x = RNG.random((10, 6))
    start = model.get_weights()

    def loss(weights, x, y, w):
        a, b, c, d = weights
        code = np.tanh(x @ a + b)
        out = 1 / (1 + np.exp(-(code @ c + d)))
        return np.mean((out - y) ** 2) + 0.1 * np.sum(a**2) + 0.2 * np.sum(np.abs(code)) / len(x)

    value = model.train_on_batch(x, x)
    weights, want = by_hand(start, x, x, [slice(0, 10)], 0.1, loss)
    np.testing.assert_allclose(value, want, rtol=1e-10)
    for got, want in zip(model.get_weights(), weights):
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-12)


def test_constraints_hold_after_each_update():
    model = autoencoder(kernel_constraint=nn.constraints.NonNeg())
    model.compile(nn.optimizers.SGD(0.5), "mse")
    model.fit(RNG.random((20, 6)), epochs=1, verbose=0)
    assert model.get_weights()[0].min() == 0.0


def test_evaluate_and_predict():
    model = autoencoder()
    model.compile("sgd", "mse", metrics=["mae"])
    x = RNG.random((23, 6))
    out = model.predict(x, batch_size=5, verbose=0)
    np.testing.assert_allclose(out, model(x), rtol=1e-12)
    loss, mae = model.evaluate(x, x, batch_size=5, verbose=0)
    np.testing.assert_allclose([loss, mae], [np.mean((out - x) ** 2), np.mean(np.abs(out - x))], rtol=1e-10)
    assert model.evaluate(x, x, verbose=0, return_dict=True).keys() == {"loss", "mae"}
    assert model.metrics_names == ["loss", "mae"]


def test_validation():
    model = autoencoder()
    model.compile("sgd", "mse")
    x = RNG.random((50, 6))
    history = model.fit(x, x, epochs=3, validation_split=0.2, verbose=0)
    np.testing.assert_allclose(history.history["val_loss"][-1], model.evaluate(x[40:], x[40:], verbose=0), rtol=1e-10)
    again = model.fit(x, x, epochs=4, validation_data=(x[:7], x[:7]), validation_freq=2, verbose=0)
    assert len(again.history["val_loss"]) == 2


def test_two_outputs_with_weights():
    x = nn.Input((4,), dtype="float64")
    model = nn.Model(x, [nn.Dense(1, name="a", dtype="float64")(x), nn.Dense(2, name="b", dtype="float64")(x)])
    model.compile("sgd", {"a": "mse", "b": "mae"}, loss_weights={"b": 3.0}, metrics={"a": ["mae"]})
    data, ya, yb = RNG.random((9, 4)), RNG.random((9, 1)), RNG.random((9, 2))
    pa, pb = model.predict(data, verbose=0)
    logs = model.evaluate(data, {"a": ya, "b": yb}, verbose=0, return_dict=True)
    a, b = np.mean((pa - ya) ** 2), np.mean(np.abs(pb - yb))
    np.testing.assert_allclose([logs["loss"], logs["a_loss"], logs["b_loss"], logs["a_mae"]], [a + 3 * b, a, b, np.mean(np.abs(pa - ya))], rtol=1e-10)
    assert list(model.fit(data, [ya, yb], verbose=0).history) == ["loss", "a_loss", "b_loss", "a_mae"]


def test_custom_loss_functions_and_compute_loss():
    def cubic(y, p):
        return np.mean(np.abs(y - p) ** 3, axis=-1)

    class Own(nn.Model):
        def compute_loss(self, x, y, y_pred, sample_weight=None):
            return np.mean(np.abs(y - y_pred) ** 3)

    x = nn.Input((4,), dtype="float64")
    out = nn.Dense(4, dtype="float64")(x)
    data = RNG.random((12, 4))
    values = []
    for model in (nn.Model(x, out), Own(x, out)):
        model.compile("sgd", cubic)
        values.append(model.evaluate(data, data, verbose=0))
    np.testing.assert_allclose(values[0], values[1], rtol=1e-12)
    np.testing.assert_allclose(values[0], np.mean(np.abs(data - model(data)) ** 3), rtol=1e-12)


def test_compiled_is_eager():
    x = RNG.random((30, 6))
    one, two = autoencoder(), autoencoder()
    two.set_weights(one.get_weights())
    one.compile("adam", "mse")
    two.compile("adam", "mse", run_eagerly=True)
    for model in (one, two):
        model.fit(x, x, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_a_layer_that_branches_on_values():
    class Branch(nn.Layer):
        def call(self, inputs):
            return inputs * 2 if np.sum(inputs) > 0 else inputs * 3

    model = nn.Sequential([nn.Input((2,), dtype="float64"), Branch()])
    for sign, factor in ((1, 2), (-1, 3), (1, 2)):
        x = sign * np.ones((4, 2))
        np.testing.assert_array_equal(model.predict(x, verbose=0), factor * x)


def test_generators_and_sequences():
    x = RNG.random((40, 6))
    whole = autoencoder()
    start = whole.get_weights()
    whole.compile("sgd", "mse")
    whole.fit(x, x, batch_size=10, shuffle=False, epochs=2, verbose=0)

    class Batches:
        def __len__(self):
            return 4

        def __getitem__(self, k):
            return x[10 * k : 10 * k + 10], x[10 * k : 10 * k + 10]

    def endless():
        while True:
            yield from (Batches()[k] for k in range(4))

    class Restarting:
        def __iter__(self):
            return (Batches()[k] for k in range(4))

    for given, options in ((Batches(), {"shuffle": False}), (endless(), {"steps_per_epoch": 4})):
        model = autoencoder()
        model.set_weights(start)
        model.compile("sgd", "mse")
        model.fit(given, epochs=2, verbose=0, **options)
        for a, b in zip(model.get_weights(), whole.get_weights()):
            np.testing.assert_array_equal(a, b)


def test_memory_maps_are_gathered(tmp_path):
    x = RNG.random((64, 6))
    np.save(tmp_path / "x.npy", x)
    one, two = autoencoder(), autoencoder()
    two.set_weights(one.get_weights())
    for model, given in ((one, x), (two, np.load(tmp_path / "x.npy", mmap_mode="r"))):
        nn.utils.set_random_seed(4)
        model.compile("sgd", "mse")
        model.fit(given, epochs=2, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights()):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int64, np.float32])
def test_images_of_integers(dtype):
    x = (RNG.random((20, 6)) * 2).astype(dtype)
    model = autoencoder()
    model.compile("sgd", "mse")
    model.fit(x, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x.astype(float)), rtol=1e-12)


def test_seeds_make_training_reproducible():
    x = RNG.random((40, 6))
    results = []
    for _ in range(2):
        nn.utils.set_random_seed(7)
        model = autoencoder()
        model.compile("adam", "mse")
        model.fit(x, epochs=2, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


def test_frozen_layers_stay():
    model = autoencoder()
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(RNG.random((20, 6)), verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[2] - after[2]).max() > 0


def test_unused_weights_have_zero_gradients():
    class Unused(nn.Layer):
        def build(self, input_shape):
            self.extra = self.add_weight((2,), "ones", "extra")

        def call(self, inputs):
            return inputs

    model = nn.Sequential([nn.Input((3,), dtype="float64"), Unused(dtype="float64"), nn.Dense(3, dtype="float64")])
    model.compile("sgd", "mse")
    model.fit(RNG.random((8, 3)), verbose=0)
    np.testing.assert_array_equal(model.layers[0].extra.numpy(), [1.0, 1.0])


def test_class_weights():
    x = nn.Input((3,), dtype="float64")
    model = nn.Model(x, nn.Dense(2, activation="softmax", dtype="float64")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    data, labels = RNG.random((10, 3)), np.array([0, 1] * 5)
    p = model.predict(data, verbose=0)
    each = -np.log(p[np.arange(10), labels])
    got = model.train_on_batch(data, labels, class_weight={0: 1.0, 1: 4.0})
    np.testing.assert_allclose(got, np.mean(each * np.where(labels, 4.0, 1.0)), rtol=1e-8)
    with pytest.raises(errors.DataError, match=r"no weight for the labels \[1\]"):
        model.train_on_batch(data, labels, class_weight={0: 1.0})


# ---- what is wrong ----


def compiled():
    model = autoencoder()
    model.compile("sgd", "mse")
    return model


X = RNG.random((10, 6))


@pytest.mark.parametrize(("run", "error", "message"), [
    (lambda: autoencoder().fit(X, X), errors.LossError, "not compiled"),
    (lambda: compiled().fit(X, X[:5]), errors.DataError, "10 and 5 samples"),
    (lambda: compiled().fit(X, X[:, :4]), errors.ShapeError, r"has shape \(None, 6\); its targets have shape \(10, 4\)"),
    (lambda: compiled().fit(X[:, :4]), errors.ShapeError, r"takes batches of shape \(None, 6\)"),
    (lambda: compiled().fit(X[:0]), errors.DataError, "no samples"),
    (lambda: compiled().fit(X, batch_size=0), errors.DataError, "batch_size=0"),
    (lambda: compiled().fit(X, epochs=0), errors.DataError, "epochs=0"),
    (lambda: compiled().fit(X, validation_split=1.5), errors.DataError, r"validation_split=1\.5"),
    (lambda: compiled().fit(X, callbacks=[3]), errors.CallbackError, "not 3"),
    (lambda: compiled().fit(np.array(["a"] * 10)), errors.DataError, "numbers are needed"),
    (lambda: compiled().fit(np.array([[1.0], [1.0, 2.0]], dtype=object)), errors.DataError, "pad samples"),
    (lambda: compiled().fit(np.where(X > 0.9, np.nan, X)), errors.DataError, r"the inputs hold nan .*nan_to_num"),
    (lambda: compiled().fit(iter([])), errors.DataError, "gave no batch"),
    (lambda: compiled().fit(iter([(X, X)]), epochs=2), errors.DataError, "no batch left for epoch 2"),
    (lambda: compiled().fit(iter([(X, X, X, X)])), errors.DataError, "a tuple of 4"),
    (lambda: autoencoder().compile("adma"), errors.UnknownNameError, "did you mean 'Adamax'"),
    (lambda: autoencoder().compile("adam", "mean_square_error"), errors.UnknownNameError, "did you mean"),
    (lambda: compiled().fit(), errors.DataError, "there is no data"),
    (lambda: compiled().fit(X, verbose=3), errors.CallbackError, "verbose=3"),
])
def test_wrong_calls(run, error, message):
    with pytest.raises(error, match=message):
        run()


@pytest.mark.parametrize("wrong", [{"loss": "bce2"}, {"loss": {"a": "mse2"}}, {"optimizer": "adma"}, {"loss": "mae", "metrics": ["maee"]}])
def test_a_failed_compile_changes_nothing(wrong):
    model = compiled()
    value = model.evaluate(X, verbose=0)
    with pytest.raises(errors.UnknownNameError, match="unknown"):
        model.compile(**wrong)
    assert model.evaluate(X, verbose=0) == value


def test_batches_larger_than_the_data():
    model = compiled()
    assert len(model.fit(X, batch_size=1000, verbose=0).history["loss"]) == 1


def test_targets_outside_the_unit_interval_warn_once():
    model = autoencoder()
    model.compile("sgd", "binary_crossentropy")
    with pytest.warns(UserWarning, match=r"\[0, 1\]"):
        model.fit(RNG.normal(size=(20, 6)), epochs=2, verbose=0)
    model.fit(RNG.normal(size=(20, 6)), epochs=2, verbose=0)  # another warning would be an error


def test_a_callback_that_raises_leaves_a_model_that_can_go_on():
    class Bomb(nn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise RuntimeError("bomb")

    model = compiled()
    with pytest.raises(RuntimeError, match="bomb"):
        model.fit(np.tile(X, (20, 1)), callbacks=[Bomb()], verbose=0)
    assert all(np.all(np.isfinite(a)) for a in model.get_weights())
    assert model.optimizer.iterations == 3
    model.fit(X, verbose=0)
