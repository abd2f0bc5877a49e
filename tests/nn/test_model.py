"""Models: graphs of tensors, shapes, weights, what is wrong and what the errors say."""

import numpy as np
import pytest

from dualad import errors, nn

RNG = np.random.default_rng(1)


def data(*shape, dtype="float32"):
    return RNG.normal(size=shape).astype(dtype)


def test_a_graph_is_the_composition_of_its_layers():
    x = nn.Input((5,))
    hidden, out = nn.Dense(4, activation="tanh"), nn.Dense(3)
    model = nn.Model(x, out(hidden(x)))
    a = data(7, 5)
    want = np.tanh(a @ hidden.kernel.numpy() + hidden.bias.numpy()) @ out.kernel.numpy() + out.bias.numpy()
    np.testing.assert_allclose(model(a), want, rtol=1e-6)
    np.testing.assert_allclose(model.predict(a, batch_size=3, verbose=0), want, rtol=1e-5, atol=1e-6)
    assert model.output_shape == (None, 3)
    assert model.count_params() == 5 * 4 + 4 + 4 * 3 + 3
    assert [layer.name for layer in model.layers] == [hidden.name, out.name]
    assert model.get_layer(out.name) is out
    assert model.get_layer(index=0) is hidden


def test_several_inputs_and_outputs():
    a, b = nn.Input((3,), name="a"), nn.Input((2,), name="b")
    both = np.concatenate([a, b], axis=1)
    model = nn.Model({"a": a, "b": b}, [nn.Dense(1, name="one")(both), 2 * both + a[:, :1]])
    x = {"b": data(6, 2), "a": data(6, 3)}
    one, two = model.predict(x, verbose=0, batch_size=4)
    joined = np.concatenate([x["a"], x["b"]], axis=1)
    np.testing.assert_allclose(two, 2 * joined + x["a"][:, :1], rtol=1e-6)
    assert one.shape == (6, 1)
    named = nn.Model([a, b], {"sum": both.sum(axis=1)})
    np.testing.assert_allclose(named.predict([x["a"], x["b"]], verbose=0)["sum"], joined.sum(axis=1), rtol=1e-5)


def test_shared_layers_have_one_set_of_weights():
    x, y = nn.Input((3,)), nn.Input((3,))
    shared = nn.Dense(2)
    model = nn.Model([x, y], shared(x) - shared(y))
    assert len(model.weights) == 2
    a = data(4, 3)
    np.testing.assert_array_equal(model([a, a]), np.zeros((4, 2)))


def test_nested_models():
    encoder = nn.Sequential([nn.Input((6,)), nn.Dense(2)])
    decoder = nn.Sequential([nn.Input((2,)), nn.Dense(6)])
    x = nn.Input((6,))
    whole = nn.Model(x, decoder(encoder(x)))
    a = data(5, 6)
    np.testing.assert_allclose(whole(a), decoder(encoder(a)), rtol=1e-6)
    assert len(whole.trainable_weights) == 4
    encoder.trainable = False
    assert [v.path for v in whole.trainable_weights] == [v.path for v in decoder.weights]
    assert len(whole.non_trainable_weights) == 2


def test_sequential_without_input_is_built_by_data():
    model = nn.Sequential([nn.Dense(3), nn.Dense(2)])
    assert model.weights == []
    assert model.predict(data(4, 5), verbose=0).shape == (4, 2)
    assert model.count_params() == 5 * 3 + 3 + 3 * 2 + 2
    other = nn.Sequential([nn.Dense(3)])
    other.build((None, 5))
    assert other.count_params() == 18
    other.add(nn.Dense(1))
    assert other.output_shape == (None, 1)
    other.pop()
    assert other.output_shape == (None, 3)


def test_a_derived_class():
    class Residual(nn.Model):
        def __init__(self):
            super().__init__()
            self.inner = [nn.Dense(4, activation="tanh"), nn.Dense(4)]

        def call(self, inputs):
            x = inputs
            for layer in self.inner:
                x = layer(x)
            return inputs + x

    model = Residual()
    a = data(3, 4)
    want = a + model.inner[1](model.inner[0](a))
    np.testing.assert_allclose(model(a), want, rtol=1e-6)
    assert len(model.weights) == 4
    model.compile("sgd", "mse")
    model.fit(a, a, epochs=1, verbose=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_stay(dtype):
    x = nn.Input((3,), dtype=dtype)
    model = nn.Model(x, nn.Dense(2, dtype=dtype, activation="gelu")(x))
    model.compile("adam", "mse")
    a = data(8, 3)
    model.fit(a, a[:, :2], verbose=0)
    assert model.predict(a, verbose=0).dtype == dtype
    assert {v.dtype.name for v in model.weights} == {dtype}
    assert model.flat_gradient.dtype == dtype


def test_set_weights_changes_all_or_nothing():
    model = nn.Sequential([nn.Input((3,)), nn.Dense(2)])
    before = model.get_weights()
    with pytest.raises(errors.ShapeError, match=r"dense.*/bias has shape \(2,\), not \(3,\)"):
        model.set_weights([np.ones((3, 2)), np.ones(3)])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    with pytest.raises(errors.ShapeError, match="has 2 weights, not 1"):
        model.set_weights([np.ones((3, 2))])
    model.set_weights([np.ones((3, 2)), np.zeros(2)])
    np.testing.assert_array_equal(model(np.ones((1, 3))), [[3.0, 3.0]])


# ---- what is wrong ----


def test_the_articles_disconnected_decoder():
    x = nn.Input((100,), name="image")
    encoded = nn.Dense(32, activation="relu")(x)
    code = nn.Input((32,), name="code")
    decoded = nn.Dense(100, activation="sigmoid")(code)
    with pytest.raises(errors.GraphError, match=r"input 'code' with shape \(None, 32\).*'image' with shape \(None, 100\).*decoded = decoder\(encoder\(x\)\)"):
        nn.Model(x, decoded)
    assert nn.Model(x, encoded).output_shape == (None, 32)


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: nn.Input(5), errors.ShapeError, r"write Input\(shape=\(5,\)\)"),
    (lambda: nn.Dense(3)(nn.Input(())), errors.ShapeError, r"takes batches of samples"),
    (lambda: nn.Input((0,)), errors.ShapeError, r"shape=\(0,\)"),
    (lambda: nn.Input((2,), dtype="float16"), errors.ParameterError, "float32 or float64"),
    (lambda: nn.Dense(0), errors.LayerError, "units=0"),
    (lambda: nn.Dense(2.5), errors.LayerError, r"units=2\.5"),
    (lambda: nn.Dense(3, activation="rleu"), errors.UnknownNameError, "did you mean 'relu'"),
    (lambda: nn.Dense(3, kernel_initializer="glorot"), errors.UnknownNameError, "unknown initializer"),
    (lambda: nn.Model(nn.Input((2,))), errors.GraphError, "inputs and outputs"),
    (lambda: nn.Model(nn.Input((2,)), 3.0), errors.GraphError, "got float"),
    (lambda: nn.Sequential([3]), errors.GraphError, "got int"),
    (lambda: bool(nn.Input((2,))), errors.DetachedError, "np.where"),
    (lambda: list(nn.Input((2,))), errors.DetachedError, "cannot be iterated"),
    (lambda: nn.Dense(2).output, errors.LayerError, "not called on tensors"),
])
def test_wrong_parts(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_wrong_shapes_name_the_layer():
    layer = nn.Dense(2, name="code")
    layer(np.ones((1, 3)))
    with pytest.raises(errors.ShapeError, match=r"code takes inputs with 3 numbers in the last axis; got the shape \(None, 4\)"):
        layer(np.ones((1, 4)))
    model = nn.Model(x := nn.Input((3,), name="pixels"), layer(x))
    with pytest.raises(errors.ShapeError, match=r"'pixels'; got \(batch, 4\)"):
        model(np.ones((2, 4)))


def test_layers_must_call_super_first():
    class Early(nn.Layer):
        def __init__(self):
            self.units = 3

    with pytest.raises(errors.LayerError, match=r"super\(\).__init__\(\)"):
        Early()


@pytest.mark.parametrize(("base", "use", "method"), [
    (nn.Layer, lambda cls: cls()(np.ones((2, 2))), r"call\(self, inputs\)"),
    (nn.losses.Loss, lambda cls: cls()(np.ones((2, 2)), np.ones((2, 2))), r"call\(self, y_true, y_pred\)"),
    (nn.metrics.Metric, lambda cls: cls(), r"initial\(self\)"),
    (nn.optimizers.Optimizer, lambda cls: cls().apply_flat(np.ones(3), np.ones(3)), r"update\(self, p, g, s, lr, t\)"),
    (nn.schedules.LearningRateSchedule, lambda cls: cls()(0), r"__call__\(self, step\)"),
    (nn.regularizers.Regularizer, lambda cls: cls()(np.ones(2)), r"__call__\(self, x\)"),
    (nn.constraints.Constraint, lambda cls: cls()(np.ones(2)), r"__call__\(self, w\)"),
])
def test_derived_classes_are_told_what_to_define(base, use, method):
    with pytest.raises(NotImplementedError, match=f"Own has no .*: define {method}"):
        use(type("Own", (base,), {}))
