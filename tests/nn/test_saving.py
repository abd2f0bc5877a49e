"""Models, weights and structures in files."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from dualad import nn
from dualad.errors import LayerError, ParameterError, SavedFileError, SaveError, TrainingWarning, UnknownNameError
from dualad.nn import _document
from dualad.nn.saving.weights import named_weights

RNG = np.random.default_rng(0)
X = RNG.random((12, 4), dtype="float32")


class Scale(nn.Layer):
    """A layer of a user's own."""

    fields = ("start",)

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), nn.initializers.Constant(self.start), "factor")

    def call(self, inputs):
        return inputs * self.factor.value


class Net(nn.Model):
    """A model of a user's own."""

    fields = ("units",)

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner, self.outer = nn.Dense(units, "tanh"), nn.Dense(4)

    def call(self, inputs):
        return self.outer(self.inner(inputs))


def bent(x):
    return np.tanh(x) * 2


def simple():
    return nn.Sequential([nn.Input((4,)), nn.Dense(3, "relu", kernel_regularizer="l2"), nn.Dense(4, bias_constraint=nn.constraints.MaxNorm(3))])


def shared():
    """A shared layer, a nested model used twice, operators."""
    x = nn.Input((4,), name="data")
    layer = nn.Dense(4, "tanh", name="both")
    encoder = nn.Model(x, layer(layer(x)), name="encoder")
    a, b = nn.Input((4,), name="a"), nn.Input((4,), name="b")
    code = np.concatenate([encoder(a), encoder(b)], axis=1)
    return nn.Model({"a": a, "b": b}, [nn.Dense(2, name="p")(code[:, 1:]), layer(2 * a - np.float32(1)) / np.arange(1, 5, dtype="float32")])


def own():
    return nn.Sequential([nn.Input((4,)), Scale(2.0), nn.Dense(4, bent)])


def built_class():
    model = Net(3)
    model.build((None, 4))
    return model


def late():
    model = nn.Sequential([nn.Dense(3), nn.Dense(4)])
    model(X)
    return model


MODELS = {"simple": (simple, X), "shared": (shared, {"a": X, "b": X[::-1]}), "own": (own, X), "class": (built_class, X), "late": (late, X)}
OWN = {"Scale": Scale, "Net": Net, "bent": bent}


def outputs(model, x):
    out = model.predict(x, verbose=0)
    return out if isinstance(out, list) else [out]


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("name", MODELS)
def test_round_trip(tmp_path, name, suffix):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    make, x = MODELS[name]
    model = make()
    model.save(tmp_path / f"m.{suffix}")
    again = nn.load_model(tmp_path / f"m.{suffix}", OWN)
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    for a, b in zip(outputs(model, x), outputs(again, x), strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)
    assert len(again.weights) == len(model.weights)  # shared layers are still one


@pytest.mark.parametrize("name", MODELS)
def test_structure_alone(name):
    make, x = MODELS[name]
    model = make()
    with nn.saving.custom_object_scope(OWN):
        copies = [nn.model_from_json(model.to_json()), nn.clone_model(model), type(model).from_config(json.loads(json.dumps(model.get_config())))]
    for copy in copies:
        if not copy.built:
            copy.build((None, 4))
        copy.set_weights(model.get_weights())
        for a, b in zip(outputs(model, x), outputs(copy, x), strict=True):
            assert np.array_equal(a, b)
        copy.set_weights([w + 1 for w in copy.get_weights()])
        assert not np.array_equal(copy.weights[0].array, model.weights[0].array)  # weights of its own


def test_sharing_across_models():
    """A layer that stands in two nested models is one layer after loading."""
    layer = nn.Dense(4)
    a, b = nn.Sequential([nn.Input((4,)), layer]), nn.Sequential([nn.Input((4,)), nn.Activation("tanh"), layer])
    again = nn.model_from_json(nn.Sequential([a, b]).to_json())
    assert again.layers[0].layers[0] is again.layers[1].layers[1]
    assert len(again.weights) == 2


def test_training_goes_on_after_loading(tmp_path):
    def compiled():
        nn.utils.set_random_seed(1)
        model = simple()
        model.compile(nn.optimizers.Adam(nn.schedules.ExponentialDecay(0.1, 3, 0.5)), nn.losses.Huber(0.3), metrics=["mae", nn.metrics.R2Score()])
        return model

    first = compiled()
    first.fit(X, epochs=2, verbose=0, shuffle=False)
    first.save(tmp_path / "m.npz")
    second = nn.load_model(tmp_path / "m.npz")
    assert second.optimizer.iterations == 2
    histories = [model.fit(X, epochs=3, verbose=0, shuffle=False).history for model in (first, second)]
    assert histories[0] == histories[1]
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights()))
    assert nn.load_model(tmp_path / "m.npz", compile=False).optimizer is None
    first.save(tmp_path / "m.npz", include_optimizer=False)
    assert nn.load_model(tmp_path / "m.npz").optimizer is None


def test_losses_of_ones_own(tmp_path):
    def worst(y, p):
        return np.max(np.abs(y - p), axis=-1)

    model = simple()
    model.compile("sgd", worst, metrics=[worst])
    model.save(tmp_path / "m.npz")
    with pytest.raises(UnknownNameError, match="unknown loss 'worst'"):
        nn.load_model(tmp_path / "m.npz")
    again = nn.load_model(tmp_path / "m.npz", {"worst": worst})
    assert again.evaluate(X, verbose=0) == model.evaluate(X, verbose=0)
    model.compile("sgd", lambda y, p: np.mean((y - p) ** 2))
    with pytest.raises(SaveError, match=r"give it a name.*include_optimizer=False"):
        model.save(tmp_path / "m.npz")
    model.save(tmp_path / "m.npz", include_optimizer=False)


def test_own_classes_need_to_be_given(tmp_path):
    own().save(tmp_path / "m.npz")
    with pytest.raises(ParameterError, match=r"class 'Scale', which is not part of dualad: give custom_objects=\{'Scale'"):
        nn.load_model(tmp_path / "m.npz")
    with pytest.raises(UnknownNameError, match="unknown activation 'bent'"):
        nn.load_model(tmp_path / "m.npz", {"Scale": Scale})

    class Dense(nn.Dense):
        """Has the name of one of dualad's."""

    model = nn.Sequential([nn.Input((4,)), Dense(2)])
    model.save(tmp_path / "m.npz")
    with pytest.raises(ParameterError, match="class 'Dense', which is not part of dualad"):
        nn.load_model(tmp_path / "m.npz")
    assert type(nn.load_model(tmp_path / "m.npz", {"Dense": Dense}).layers[0]) is Dense


def test_classes_that_would_lose_options(tmp_path):
    class Lossy(nn.Layer):
        def __init__(self, rate, **kwargs):
            super().__init__(**kwargs)
            self.rate = rate

        def call(self, inputs):
            return inputs * self.rate

    class Model(nn.Model):
        def __init__(self, units):
            super().__init__()
            self.inner = nn.Dense(units)

        def call(self, inputs):
            return self.inner(inputs)

    with pytest.raises(ParameterError, match=r"Lossy.__init__ takes 'rate'.*fields = \('rate',\)"):
        nn.Sequential([nn.Input((4,)), Lossy(2.0)]).save(tmp_path / "m.npz")
    model = Model(3)
    model(X)
    with pytest.raises(ParameterError, match=r"Model\.__init__ takes 'units', which its get_config does not write"):
        model.save(tmp_path / "m.npz")
    assert not os.listdir(tmp_path)


def test_class_without_arguments(tmp_path):
    class Plain(nn.Model):
        def __init__(self):
            super().__init__()
            self.inner = nn.Dense(4)

        def call(self, inputs):
            return self.inner(inputs)

    model = Plain()
    model(X)
    model.save(tmp_path / "m.npz")
    again = nn.load_model(tmp_path / "m.npz", {"Plain": Plain})
    assert again.name == model.name
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_register(tmp_path, monkeypatch):
    monkeypatch.setattr(_document, "_registered", {})

    @nn.register(name="Twice as much")
    class Twice(nn.Layer):
        def call(self, inputs):
            return 2 * inputs

    nn.Sequential([nn.Input((4,)), Twice()]).save(tmp_path / "m.npz")
    assert np.array_equal(nn.load_model(tmp_path / "m.npz").predict(X, verbose=0), 2 * X)
    with pytest.raises(ParameterError, match="'Twice as much' is registered already"):
        nn.register(Scale, name="Twice as much")


# ---- weights ----


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_weights_by_name(tmp_path, suffix):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    a, b = simple(), simple()  # the automatic names of b's layers are others
    assert a.layers[0].name != b.layers[0].name
    a.save_weights(tmp_path / f"w.{suffix}")
    b.load_weights(tmp_path / f"w.{suffix}")
    assert all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights()))
    a.compile("adam", "mse")
    a.fit(X, epochs=1, verbose=0)
    a.save(tmp_path / f"m.{suffix}")  # with the optimizer's arrays
    b = simple()
    b.load_weights(tmp_path / f"m.{suffix}")
    assert np.array_equal(a.predict(X, verbose=0), b.predict(X, verbose=0))


def test_numpy_and_safetensors_read_them(tmp_path):
    tensors = pytest.importorskip("safetensors.numpy")
    model = shared()
    model.save_weights(tmp_path / "w.npz")
    model.save_weights(tmp_path / "w.safetensors")
    with np.load(tmp_path / "w.npz", allow_pickle=False) as file:
        assert np.array_equal(file["weights/encoder/both/kernel"], model.get_layer("both").kernel.array)
    assert np.array_equal(tensors.load_file(tmp_path / "w.safetensors")["weights/p/bias"], model.get_layer("p").bias.array)


def test_safetensors_of_another_library(tmp_path):
    tensors = pytest.importorskip("safetensors.numpy")
    model = simple()
    given = {name: RNG.random(v.shape, dtype="float32") for name, v in named_weights(model).items()}
    tensors.save_file(given, tmp_path / "w.safetensors")
    model.load_weights(tmp_path / "w.safetensors")
    assert np.array_equal(model.layers[0].kernel.array, given["dense/kernel"])


def test_names_do_not_depend_on_the_process():
    names = ["both/kernel", "both/bias"]
    assert list(named_weights(shared())) == [*[f"encoder/{n}" for n in names], "p/kernel", "p/bias"]
    assert list(named_weights(nn.Sequential([simple(), simple()]))) == [
        f"{model}/{layer}/{v}" for model in ("sequential", "sequential_1") for layer in ("dense", "dense_1") for v in ("kernel", "bias")]


def test_weights_that_do_not_fit(tmp_path):
    simple().save_weights(tmp_path / "w.npz")
    wider = nn.Sequential([nn.Input((4,)), nn.Dense(5), nn.Dense(4)])
    before = wider.get_weights()
    with pytest.raises(SavedFileError, match=r"'dense/kernel' has shape \(4, 5\) in the model and \(4, 3\) in the file \(3 mismatches in all"):
        wider.load_weights(tmp_path / "w.npz")
    assert all(np.array_equal(a, b) for a, b in zip(before, wider.get_weights()))
    with pytest.warns(TrainingWarning, match="skipped while loading .*dense_1/kernel"):
        wider.load_weights(tmp_path / "w.npz", skip_mismatch=True)
    assert np.array_equal(wider.get_weights()[0], before[0])
    assert not wider.get_weights()[3].any()
    named = nn.Sequential([nn.Input((4,)), nn.Dense(3, name="denses"), nn.Dense(4)])
    with pytest.raises(SavedFileError, match=r"the file has no 'denses/kernel' of shape \(4, 3\) \(the nearest name is 'dense/kernel'\)"):
        named.load_weights(tmp_path / "w.npz")
    deeper = nn.Sequential([nn.Input((4,)), nn.Dense(3)])
    with pytest.raises(SavedFileError, match="the file holds 'dense_1/kernel', which"):
        deeper.load_weights(tmp_path / "w.npz")
    with pytest.raises(LayerError, match="has no weights yet"):
        nn.Sequential([nn.Dense(3)]).load_weights(tmp_path / "w.npz")
    with pytest.raises(LayerError, match="has no weights yet"):
        nn.Sequential([nn.Dense(3)]).save_weights(tmp_path / "x.npz")


def test_double_weights(tmp_path):
    model = nn.Sequential([nn.Input((4,), dtype="float64"), nn.Dense(3, dtype="float64")])
    model.save(tmp_path / "m.npz")
    again = nn.load_model(tmp_path / "m.npz")
    assert again.predict(X, verbose=0).dtype == np.float64
    assert np.array_equal(again.get_weights()[0], model.get_weights()[0])


def test_the_default_type_does_not_matter_when_loading(tmp_path):
    simple().save(tmp_path / "m.npz")
    nn.set_floatx("float64")
    try:
        model = nn.Sequential([nn.Input((4,)), nn.Dense(3)])
        model.save(tmp_path / "d.npz")
        assert nn.load_model(tmp_path / "m.npz").predict(X, verbose=0).dtype == np.float32
    finally:
        nn.set_floatx("float32")
    assert nn.load_model(tmp_path / "d.npz").predict(X, verbose=0).dtype == np.float64


def test_files_that_are_there(tmp_path):
    model = simple()
    model.save(tmp_path / "m.npz")
    model.save(tmp_path / "m.npz")
    with pytest.raises(SaveError, match="is there already; overwrite=True"):
        model.save(tmp_path / "m.npz", overwrite=False)
    with pytest.raises(SaveError, match=r"Keras's formats are not written; write model.save\('m.npz'\)"):
        model.save("m.keras")
    with pytest.raises(SaveError, match=r"ends in \.npz"):
        model.save("m")
    with pytest.raises(SaveError, match="No such file or directory"):
        model.save(tmp_path / "none" / "m.npz")
    with pytest.raises(SavedFileError, match=r"cannot read .*No such file"):
        nn.load_model(tmp_path / "none.npz")
    model.save_weights(tmp_path / "w.npz")
    with pytest.raises(SavedFileError, match="holds a 'weights'; a model is needed"):
        nn.load_model(tmp_path / "w.npz")


def test_equal_models_are_equal_files(tmp_path):
    model = simple()
    for name in ("a.npz", "b.npz"):
        model.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_clone_with_a_function():
    model = nn.Sequential([nn.Input((4,)), simple(), nn.Dense(2)])

    def wider(layer):
        return nn.Dense.from_config({**layer.get_config(), "activation": "tanh"}) if isinstance(layer, nn.Dense) else layer

    clone = nn.clone_model(model, clone_function=wider, recursive=True)
    assert [layer.activation.__name__ for layer in (*clone.layers[0].layers, clone.layers[1])] == ["tanh"] * 3
    graph = nn.clone_model(shared(), clone_function=lambda layer: type(layer).from_config(layer.get_config()))
    assert graph.predict({"a": X, "b": X}, verbose=0)[1].shape == (12, 4)
