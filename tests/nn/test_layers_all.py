"""Every layer: configuration, shapes, types, derivatives, programs."""

import json

import numpy as np
import pytest
from layer_cases import CASES, built, inputs, pure, squared

import dualad as da
from dualad import nn
from dualad.nn._document import custom_object_scope, layer_from, written
from dualad.nn.graph import leaves, mapped
from dualad.testing import check_grads

ALIASES = {"MaxPool1D", "MaxPool2D", "AvgPool1D", "AvgPool2D", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalMaxPool1D", "GlobalMaxPool2D"}
OTHERS = {"Layer", "InputLayer", "Masking"}  # no layers with outputs
every = pytest.mark.parametrize("name", CASES)
both = pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])


def test_every_layer_has_a_case():
    assert set(nn.layers.__all__) - ALIASES - OTHERS == set(CASES)
    for name in ALIASES:
        assert getattr(nn.layers, name).__name__ in CASES


@every
def test_configuration_makes_the_same_layer(name, rng):
    layer, x = built(name, rng), inputs(name, 2, rng)
    text = json.dumps(written(layer))
    with custom_object_scope({"squared": squared}):
        again = layer_from(json.loads(text))
    assert type(again) is type(layer)
    assert again.name == layer.name
    again(x)
    again.set_weights(layer.get_weights())
    assert json.dumps(written(again)) == text
    for a, b in zip(leaves(layer(x)), leaves(again(x)), strict=True):
        np.testing.assert_array_equal(a, b)


@every
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_and_types(name, batch, dtype, rng):
    layer, x = built(name, rng, dtype), inputs(name, batch, rng, dtype)
    shape = mapped(np.shape, x)
    for training in (False, True):
        out = layer(x, training=training)
        assert mapped(np.shape, out) == layer.compute_output_shape(shape)
        assert {y.dtype for y in leaves(out)} == {np.dtype(dtype)}
        assert all(np.isfinite(y).all() for y in leaves(out))


@every
def test_on_tensors(name, rng):
    layer = CASES[name][0]()
    tensors = [nn.Input(s, dtype="int32" if name == "Embedding" else None) for s in CASES[name][1]]
    out = layer(tensors if len(tensors) > 1 else tensors[0])
    model = nn.Model(tensors, out)
    x = inputs(name, 2, rng, "float32")
    results = leaves(model(x if isinstance(x, list) else [x]))
    assert [(None, *y.shape[1:]) for y in results] == [t.shape for t in leaves(out)]


@both
@every
def test_derivatives(name, training, rng):
    layer = built(name, rng)
    f, point = pure(layer, training, inputs(name, 2, rng))
    check_grads(f, point, order=1)


@both
@every
def test_programs(name, training, rng):
    """The program of value and gradient, recorded at one point, equals the plain derivative at another."""
    layer = built(name, rng)
    f, (values, given) = pure(layer, training, inputs(name, 2, rng))
    total = lambda values, given: sum(np.sum(np.sin(y)) for y in f(values, given))
    step = da.value_and_grad(total, argnums=(0, 1))
    program = da.record(step, values, given)
    for _ in range(2):
        values, given = ([a + 0.01 * rng.standard_normal(a.shape) for a in part] for part in (values, given))
        (loss, (by_weight, by_input)), (want, (w, x)) = program(values, given), step(values, given)
        np.testing.assert_allclose(loss, want, rtol=1e-12)
        for a, b in zip([*by_weight, *by_input], [*w, *x], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@every
def test_compiled_step_equals_the_eager_one(name, rng):
    x = leaves(inputs(name, 4, rng, "float32"))
    trained = []
    for eagerly in (False, True):
        nn.utils.set_random_seed(5)
        tensors = [nn.Input(s, dtype="int32" if name == "Embedding" else None) for s in CASES[name][1]]
        layer = CASES[name][0]()
        outputs = leaves(layer(tensors if len(tensors) > 1 else tensors[0]))
        flat = [nn.layers.Flatten()(y) for y in outputs]
        model = nn.Model(tensors, nn.Dense(2)(flat[0] if len(flat) == 1 else nn.layers.concatenate(flat)))
        model.compile("sgd", "mse", run_eagerly=eagerly)
        losses = [model.train_on_batch(x, np.ones((4, 2), "float32")) for _ in range(3)]
        trained.append((losses, model.get_weights()))
    (a, v), (b, w) = trained
    np.testing.assert_allclose(a, b, rtol=2e-5)
    for p, q in zip(v, w, strict=True):
        assert p.dtype == np.float32
        np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-5)
