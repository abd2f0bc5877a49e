"""K.gradients and its like, batch_jacobian, value_and_gradients and the gradient tape, against transforms of plain functions and
closed forms."""

import numpy as np
import pytest

import dualad as da
from dualad import nn
from dualad.errors import DetachedError, DualadError, GradientError, ShapeError
from dualad.nn import K
from dualad.nn.gradients import batch_jacobian


def network(dtype="float64", out=2):
    """A model 4-3-out, its inner tensors, and the same as a plain function of (x, weights)."""
    nn.utils.set_random_seed(1)
    x = nn.Input((4,), dtype=dtype)
    h = nn.Dense(3, "tanh", bias_initializer="random_normal", dtype=dtype)(x)
    y = nn.Dense(out, "sigmoid", bias_initializer="random_normal", dtype=dtype)(h)
    return nn.Model(x, y), x, h, y


def plain(x, w):
    return 1 / (1 + np.exp(-(np.tanh(x @ w[0] + w[1]) @ w[2] + w[3])))


TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


@pytest.fixture(params=["float32", "float64"])
def case(request, rng):
    model, x, h, y = network(request.param)
    return model, x, h, y, rng.normal(size=(5, 4)).astype(request.param), TOLERANCE[request.param]


# ---- K.gradients ----


def test_gradients_of_tensors_and_of_models(case):
    model, x, _, y, a, tol = case
    want = da.grad(lambda a: np.sum(plain(a, model.get_weights())))(a)
    (tensor,) = K.gradients(y, x)
    assert isinstance(tensor, nn.Tensor)
    assert tensor.shape == (None, 4)
    for got in (K.function([x], [tensor])([a])[0], K.gradients(model, a)[0], K.function(x, tensor)(a)):
        assert got.dtype == a.dtype
        np.testing.assert_allclose(got, want, rtol=tol, atol=tol)


def test_gradients_for_inner_tensors_and_weights_at_once(case):
    """Each as if the others were computed as always: through the later ones too."""
    model, x, h, y, a, tol = case
    w = model.get_weights()
    by_x, by_w = da.grad(lambda a, w: np.sum(plain(a, w)), argnums=(0, 1))(a, w)
    by_h = da.grad(lambda h: np.sum(1 / (1 + np.exp(-(h @ w[2] + w[3])))))(np.tanh(a @ w[0] + w[1]))
    got = K.function([x], K.gradients(y, [x, h, *model.trainable_weights]))([a])
    for g, want in zip(got, [by_x, by_h, *by_w], strict=True):
        np.testing.assert_allclose(g, want, rtol=tol, atol=tol)


def test_inner_tensors_alone_can_be_given_values(case, rng):
    model, _, h, y, a, tol = case
    w, code = model.get_weights(), rng.normal(size=(6, 3)).astype(a.dtype)
    want = da.grad(lambda h: np.sum(1 / (1 + np.exp(-(h @ w[2] + w[3])))))(code)
    np.testing.assert_allclose(K.function([h], K.gradients(y, h))([code])[0], want, rtol=tol, atol=tol)


def test_several_ys_are_summed(case):
    model, x, h, y, a, tol = case
    got = K.function([x], K.gradients([y, h], x))([a])[0]
    w = model.get_weights()
    want = da.grad(lambda a: np.sum(plain(a, w)) + np.sum(np.tanh(a @ w[0] + w[1])))(a)
    np.testing.assert_allclose(got, want, rtol=tol, atol=tol)


def test_gradients_go_on_in_the_graph(case):
    """As in pictures of what a filter sees: the normalised gradient of a loss."""
    model, x, _, y, a, tol = case
    (g,) = K.gradients(np.mean(y[:, 0]), x)
    normal = g / (np.sqrt(np.mean(np.square(g))) + 1e-5)
    want = da.grad(lambda a: np.mean(plain(a, model.get_weights())[:, 0]))(a)
    want = want / (np.sqrt(np.mean(want**2)) + 1e-5)
    np.testing.assert_allclose(K.function([x], [normal])([a])[0], want, rtol=100 * tol)


def test_second_derivatives(case):
    model, x, _, y, a, tol = case
    (g,) = K.gradients(y, x)
    got = K.function([x], K.gradients(np.sum(g**2), x))([a])[0]
    f = lambda a: np.sum(plain(a, model.get_weights()))
    want = 2 * da.hvp(f)(a, da.grad(f)(a))
    np.testing.assert_allclose(got, want, rtol=100 * tol, atol=10 * tol)


def test_a_gradient_penalty_can_be_trained(rng):
    """The weights inside a derivative belong to the model."""
    model, x, _, y = network("float32")
    penalised = nn.Model(x, [y, K.gradients(y, x)[0]])
    assert {id(v) for v in penalised.trainable_weights} == {id(v) for v in model.trainable_weights}
    penalised.compile(optimizer=nn.optimizers.Adam(0.02), loss="mse")
    a = rng.normal(size=(20, 4)).astype("float32")
    history = penalised.fit(a, [np.full((20, 2), 0.3), np.zeros((20, 4))], epochs=60, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]


def test_gradients_of_functions(rng):
    a, b = rng.normal(size=(2, 3))
    got = K.gradients(lambda a, b: np.sin(a) * b, [a, b])
    np.testing.assert_allclose(got[0], np.cos(a) * b)
    np.testing.assert_allclose(got[1], np.sin(a))
    (g,) = K.gradients(np.exp, a)
    np.testing.assert_allclose(g, np.exp(a))


def test_new_weights_are_seen(case):
    model, x, _, y, a, tol = case
    f = K.function([x], K.gradients(y, x))
    f([a])
    model.compile(optimizer="adam", loss="mse")
    model.fit(a, np.zeros((5, 2)), epochs=3, verbose=0)
    np.testing.assert_allclose(f([a])[0], da.grad(lambda a: np.sum(plain(a, model.get_weights())))(a), rtol=tol, atol=tol)


# ---- Jacobians ----


def test_jacobians(case):
    model, x, _, y, a, tol = case
    f = lambda a: plain(a, model.get_weights())
    want = da.jacobian(f)(a)
    rows = np.stack([da.jacobian(lambda v: f(v[np.newaxis])[0])(row) for row in a])
    assert K.jacobian(y, x).shape == (None, 2, None, 4)
    assert K.batch_jacobian(y, x).shape == (None, 2, 4)
    for got in (K.function(x, K.jacobian(y, x))(a), K.jacobian(model, a)):
        np.testing.assert_allclose(got, want, rtol=tol, atol=tol)
    for got in (K.function(x, K.batch_jacobian(y, x))(a), K.batch_jacobian(model, a)):
        np.testing.assert_allclose(got, rows, rtol=tol, atol=tol)
    by_kernel = K.function(x, K.jacobian(y, model.trainable_weights[2]))(a)
    w = model.get_weights()
    np.testing.assert_allclose(by_kernel, da.jacobian(lambda k: plain(a, [w[0], w[1], k, w[3]]))(w[2]), rtol=tol, atol=tol)


@pytest.mark.parametrize(("n", "m"), [((3,), (7,)), ((7,), (3,)), ((2, 2), (3, 2)), ((3, 2), (2, 2)), ((), (2,)), ((4,), ())])
def test_batch_jacobian_of_functions(n, m, rng):
    """Fewer inputs than outputs, fewer outputs, equally many, numbers."""
    x = rng.normal(size=(5, *n))
    A = rng.normal(size=(*n, *m))
    f = lambda x: np.tanh(np.tensordot(x, A, len(n)))
    got = batch_jacobian(f, x)
    assert got.shape == (5, *m, *n)
    want = np.stack([np.reshape(da.jacobian(lambda row: f(np.reshape(row, (1, *n)))[0])(row), m + n) for row in x])
    np.testing.assert_allclose(got, want, atol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(3, 7), (7, 3)])
def test_batch_jacobian_is_differentiated_and_compiled(n, m, rng):
    x, A = rng.normal(size=(5, n)), rng.normal(size=(n, m))
    f = lambda A: np.sum(batch_jacobian(lambda x: np.tanh(x @ A), x) ** 2)
    h = np.tanh(x @ A)
    closed = lambda A: np.sum((1 - np.tanh(x @ A) ** 2) ** 2 @ np.sum(A**2, axis=0))
    np.testing.assert_allclose(f(A), np.sum((1 - h**2) ** 2 @ np.sum(A**2, axis=0)), rtol=1e-12)
    np.testing.assert_allclose(da.grad(f)(A), da.grad(closed)(A), rtol=1e-10)
    program = da.record(da.value_and_grad(f), A)
    np.testing.assert_allclose(program(2 * A)[1], da.grad(closed)(2 * A), rtol=1e-10)


# ---- errors ----


def other():
    return nn.Input((4,), name="other")


@pytest.mark.parametrize(("call", "words"), [
    (lambda m, x, h, y, a: K.gradients(y, other()), "does not depend on <Tensor other"),
    (lambda m, x, h, y, a: K.gradients(h, m.trainable_weights[2]), "does not depend on <Variable dense"),
    (lambda m, x, h, y, a: K.gradients(a, x), "numbers do not know"),
    (lambda m, x, h, y, a: K.gradients(m, x), "model.output"),
    (lambda m, x, h, y, a: K.gradients(y, a), r"K.gradients\(model, x\)"),
    (lambda m, x, h, y, a: K.gradients(m, a.astype(int)), "astype"),
    (lambda m, x, h, y, a: K.jacobian([y, h], x), "call it for each"),
    (lambda m, x, h, y, a: K.batch_jacobian(y, m.trainable_weights[0]), "K.jacobian"),
    (lambda m, x, h, y, a: K.gradients(lambda: 1.0, m.trainable_weights), "value_and_gradients"),
    (lambda m, x, h, y, a: K.function([x], [y])([a, a]), "takes 1 arrays"),
    (lambda m, x, h, y, a: K.function([x], [y])([a[:, :3]]), r"\(batch, 3\)"),
    (lambda m, x, h, y, a: K.function([h], [x]), "not an input of this model"),
    (lambda m, x, h, y, a: K.batch_jacobian(lambda x: np.sum(x), a), "one row for each sample"),
    (lambda m, x, h, y, a: batch_jacobian(np.sin, np.float64(1.0)), r"shape \(b, n...\)"),
    (lambda m, x, h, y, a: nn.Model(x, K.gradients(y, x)[0]).to_json(), "cannot be written down"),
])
def test_bad_input(call, words, rng):
    model, x, h, y = network()
    with pytest.raises(DualadError, match=words):
        call(model, x, h, y, rng.normal(size=(5, 4)))


def test_integer_inputs_have_no_gradient():
    x = nn.Input((4,), dtype="int32")
    with pytest.raises(GradientError, match="holds integers"):
        K.gradients(np.sin(x * 1.0), x)


# ---- value_and_gradients ----


def test_value_and_gradients(case):
    model, _, _, _, a, tol = case
    value, grads = nn.value_and_gradients(lambda: np.mean(model(a) ** 2), model.trainable_weights)
    want = da.value_and_grad(lambda w: np.mean(plain(a, w) ** 2))(model.get_weights())
    np.testing.assert_allclose(value, want[0], rtol=tol)
    for g, x in zip(grads, want[1], strict=True):
        assert g.dtype == a.dtype
        np.testing.assert_allclose(g, x, rtol=10 * tol, atol=tol)


def test_order_and_unused_variables(case):
    model, _, h, _, a, _ = case
    encoder = nn.Model(model.input, h)
    variables = model.trainable_weights[::-1]
    _, grads = nn.value_and_gradients(lambda: np.sum(encoder(a)), variables)
    assert [g.shape for g in grads] == [v.shape for v in variables]
    assert not grads[0].any()
    assert grads[3].any()


class Centre(nn.Layer):
    """Takes off a moving average, which it moves in training."""

    def build(self, input_shape):
        self.mean = self.add_weight((input_shape[-1],), "zeros", "mean", trainable=False)
        self.scale = self.add_weight((input_shape[-1],), "ones", "scale")

    def call(self, inputs, training=False):
        if training:
            self.mean.assign(0.5 * self.mean.value + 0.5 * np.mean(inputs, axis=0))
        return (inputs - self.mean.value) * self.scale.value


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("by_tape", [False, True])
def test_moving_averages_move_in_training_only(training, by_tape, rng):
    layer, a = Centre(), rng.normal(size=(6, 3)).astype("float32")
    layer(a)
    if by_tape:
        with nn.GradientTape() as tape:
            loss = np.sum(layer(a, training=training) ** 2)
        (g,) = tape.gradient(loss, layer.trainable_weights)
    else:
        _, (g,) = nn.value_and_gradients(lambda: np.sum(layer(a) ** 2), layer.trainable_weights, training=training)
    mean = 0.5 * a.mean(axis=0) * training
    np.testing.assert_allclose(layer.mean.numpy(), mean, rtol=1e-6)
    np.testing.assert_allclose(g, 2 * np.sum((a - mean) ** 2, axis=0), rtol=1e-5)


def test_lost_derivatives_are_errors(rng):
    model, *_ = network("float32")
    a = rng.normal(size=(5, 4)).astype("float32")
    value = float(np.sum(model(a)))
    with pytest.raises(GradientError, match=r"not model.predict\(x\)"):
        nn.value_and_gradients(lambda: value, model.trainable_weights)
    with pytest.raises(GradientError, match="trainable_weights"):
        nn.value_and_gradients(lambda: np.sum(model(a)), model.get_weights())
    with pytest.raises(DetachedError, match="float"):
        nn.value_and_gradients(lambda: float(np.sum(model(a))), model.trainable_weights)
    with pytest.raises(ShapeError, match="scalar"):
        nn.value_and_gradients(lambda: model(a), model.trainable_weights)


# ---- the tape ----


def test_tape_gives_what_value_and_gradients_gives(case):
    model, _, _, _, a, _ = case
    with nn.GradientTape() as tape:
        loss = np.mean((model(a) - 0.5) ** 2)
    value, grads = nn.value_and_gradients(lambda: np.mean((model(a) - 0.5) ** 2), model.trainable_weights)
    assert da.value(loss) == value
    for g, x in zip(tape.gradient(loss, model.trainable_weights), grads, strict=True):
        np.testing.assert_array_equal(g, x)
    assert {id(v) for v in tape.watched_variables()} == {id(v) for v in model.trainable_weights}


def test_weights_of_a_model_lie_together_on_the_tape(case):
    model, _, _, _, a, _ = case
    with nn.GradientTape() as tape:
        model(a)
    nodes = [tape._source(v)[1] for v in model.trainable_weights]
    assert nodes == list(range(nodes[0], nodes[0] + 4))


def test_watched_arrays_intermediates_trees_and_weights_of_elements(rng):
    a, b = rng.normal(size=(2, 3))
    with nn.GradientTape(persistent=True) as tape:
        x, y = tape.watch(a), tape.watch(b)
        z = x * y
        w = np.sin(z)
    grads = tape.gradient(w, {"a": a, "zy": [z, y]})
    np.testing.assert_allclose(grads["a"], np.cos(a * b) * b)
    np.testing.assert_allclose(grads["zy"][0], np.cos(a * b))
    np.testing.assert_allclose(grads["zy"][1], np.cos(a * b) * a)
    np.testing.assert_allclose(tape.gradient([w, z], x), np.cos(a * b) * b + b)
    np.testing.assert_allclose(tape.gradient(w, x, output_gradients=[1.0, 2.0, 0.0]), np.cos(a * b) * b * [1, 2, 0])


def test_tape_jacobians(case):
    model, _, _, _, a, tol = case
    with nn.GradientTape() as tape:
        x = tape.watch(a)
        y = model(x)
    f = lambda a: plain(a, model.get_weights())
    np.testing.assert_allclose(tape.jacobian(y, x), da.jacobian(f)(a), rtol=tol, atol=tol)
    np.testing.assert_allclose(tape.batch_jacobian(y, x), K.batch_jacobian(model, a), rtol=tol, atol=tol)
    assert [J.shape for J in tape.jacobian(y, model.trainable_weights)] == [(5, 2, *v.shape) for v in model.trainable_weights]


def test_nested_tapes_give_second_derivatives(rng):
    v = nn.layers.Layer(dtype="float64").add_weight((3,), "random_normal", "v")
    with nn.GradientTape() as outer, nn.GradientTape() as inner:
        loss = np.sum(v**3)
    np.testing.assert_allclose(outer.gradient(loss, v), inner.gradient(loss, v))
    with nn.GradientTape() as outer:
        with nn.GradientTape() as inner:
            loss = np.sum(v**3) + v[0] * v[1]
        g = inner.gradient(loss, v)
    x = v.numpy()
    np.testing.assert_allclose(outer.gradient(g, v), 6 * x + [1, 1, 0])
    H = outer.jacobian(g, v)
    np.testing.assert_allclose(H, np.diag(6 * x) + np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))


def test_transforms_inside_a_tape(case):
    """Weights that the tape comes to watch only while another transform is running."""
    model, _, _, _, a, tol = case
    w = model.get_weights()
    f = lambda w: np.sum(da.grad(lambda a: np.sum(plain(a, w)))(a) ** 2)
    with nn.GradientTape() as tape:
        by_grad = np.sum(da.grad(lambda a: np.sum(model(a)))(a) ** 2)
    with nn.GradientTape() as tape_2:
        by_k = np.sum(K.gradients(model, a)[0] ** 2)
    with nn.GradientTape() as tape_3:
        _, grads = nn.value_and_gradients(lambda: np.sum(model(a)), model.trainable_weights[1:2])
        by_weights = np.sum(grads[0] ** 2)
    for t, y in ((tape, by_grad), (tape_2, by_k)):
        for g, want in zip(t.gradient(y, model.trainable_weights), da.grad(f)(w), strict=True):
            np.testing.assert_allclose(g, want, rtol=100 * tol, atol=100 * tol)
    f = lambda w: np.sum(da.grad(lambda b: np.sum(plain(a, [w[0], b, w[2], w[3]])))(w[1]) ** 2)
    for g, want in zip(tape_3.gradient(by_weights, model.trainable_weights), da.grad(f)(w), strict=True):
        np.testing.assert_allclose(g, want, rtol=100 * tol, atol=100 * tol)


def test_signs_of_zeros_and_types_are_kept():
    with nn.GradientTape() as tape:
        x = tape.watch(np.array([-0.0, 0.0, 1.0], "float32"))
        n = tape.watch(2.0)
    assert np.signbit(da.value(x)).tolist() == [True, False, False]
    assert da.value(x).dtype == np.float32
    assert type(da.value(n)) is float


def test_gradient_penalty_by_tapes(case):
    model, _, _, _, a, tol = case
    with nn.GradientTape() as outer:
        with nn.GradientTape() as inner:
            x = inner.watch(a)
            y = np.sum(model(x))
        penalty = np.sum(inner.gradient(y, x) ** 2)
    f = lambda w: np.sum(da.grad(lambda a: np.sum(plain(a, w)))(a) ** 2)
    for g, want in zip(outer.gradient(penalty, model.trainable_weights), da.grad(f)(model.get_weights()), strict=True):
        np.testing.assert_allclose(g, want, rtol=100 * tol, atol=100 * tol)


def test_the_past_does_not_change(case):
    """Updates after the block do not change what was recorded."""
    model, _, _, _, a, _ = case
    with nn.GradientTape() as tape:
        loss = np.sum(model(a) ** 2)
    before = tape.gradient(loss, model.trainable_weights)
    nn.optimizers.SGD(0.5).apply_gradients(zip(before, model.trainable_weights))
    for g, x in zip(tape.gradient(loss, model.trainable_weights), before):
        np.testing.assert_array_equal(g, x)


def test_unused_variables_get_none(case):
    model, _, _, _, a, _ = case
    idle = nn.Dense(2)
    idle.build((None, 4))
    with nn.GradientTape() as tape:
        loss = np.sum(model(a))
    assert tape.gradient(loss, idle.trainable_weights) == [None, None]
    assert not tape.gradient(loss, idle.kernel, unconnected_gradients="zero").any()
    with pytest.raises(GradientError, match="no gradients provided"):
        nn.optimizers.SGD().apply_gradients(zip(tape.gradient(loss, idle.trainable_weights), idle.trainable_weights))


def test_training_reaches_inner_layers(rng):
    nn.utils.set_random_seed(0)
    a = rng.normal(size=(50, 4)).astype("float32")
    model = nn.Sequential([nn.Input((4,)), nn.Sequential([nn.Dropout(0.5)]), nn.BatchNormalization()])
    with nn.GradientTape():
        quiet = model(a)
    assert not np.array_equal(da.value(quiet), model(a, training=True))
    np.testing.assert_allclose(da.value(quiet), a / np.sqrt(1.001), rtol=1e-5)
    assert model.layers[1].moving_mean.numpy().any()
    moved = model.layers[1].moving_mean.numpy()
    with nn.GradientTape() as tape:
        y = np.sum(model(a, training=True) ** 2)
    assert all(isinstance(g, np.ndarray) for g in tape.gradient(y, model.trainable_weights))
    assert not np.array_equal(model.layers[1].moving_mean.numpy(), moved)


def test_only_what_is_watched(case):
    model, _, _, _, a, _ = case
    kernel = model.trainable_weights[0]
    with nn.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(kernel)
        loss = np.sum(model(a))
    assert tape.watched_variables() == (kernel,)
    assert tape.gradient(loss, model.trainable_weights)[1:] == [None] * 3


def test_losses_of_layers(rng):
    layer, a = nn.Dense(3, activity_regularizer="l2"), rng.normal(size=(4, 2)).astype("float32")
    with nn.GradientTape() as tape:
        loss = np.sum(layer(a)) * 0 + sum(tape.losses)
    (g, _) = tape.gradient(loss, layer.trainable_weights)
    np.testing.assert_allclose(g, 2 * 0.01 / 4 * a.T @ (a @ layer.kernel.numpy()), rtol=1e-5)


def test_a_loop_by_hand_learns(rng):
    nn.utils.set_random_seed(0)
    x = rng.random((64, 8), dtype="float32")
    model, optimizer = nn.Autoencoder.dense(8, [4]), nn.optimizers.Adam(0.01)
    losses = []
    for _ in range(100):
        with nn.GradientTape() as tape:
            loss = np.mean((model(x) - x) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_weights), model.trainable_weights))
        losses.append(da.value(loss))
    assert losses[-1] < 0.8 * losses[0]


def misuse_array(tape, a):
    tape.watch(a)
    return np.sum(a * nn.Dense(4, dtype="float64")(a)), a


MISUSES = {
    "the array in place of what watch returned": (misuse_array, "x = tape.watch"),
    "a plain target": (lambda tape, a: (np.sum(a), a), "plain value"),
    "an array that was not watched": (lambda tape, a: (np.sum(tape.watch(a)), a.copy()), "not watched"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_lost_derivatives_on_a_tape(name, rng):
    make, words = MISUSES[name]
    with nn.GradientTape() as tape:
        target, source = make(tape, rng.normal(size=(2, 4)))
    with pytest.raises(GradientError, match=words):
        tape.gradient(target, source)


def test_a_zero_gradient_of_a_used_array_is_zero():
    with nn.GradientTape() as tape:
        x = tape.watch(np.array([-1.0, -2.0]))
        y = np.sum(np.maximum(x, 0))
    np.testing.assert_array_equal(tape.gradient(y, x), [0, 0])


def test_use_at_the_wrong_time(rng):
    tape = nn.GradientTape()
    with pytest.raises(GradientError, match="inside the with block"):
        tape.watch(np.ones(2))
    with pytest.raises(GradientError, match="recorded nothing"):
        tape.gradient(1.0, np.ones(2))
    with tape:
        x = tape.watch(np.ones(2))
        y = np.sum(x)
        with pytest.raises(GradientError, match="still recording"):
            tape.gradient(y, x)
    np.testing.assert_array_equal(tape.gradient(y, x), [1, 1])
    with pytest.raises(GradientError, match="used before"):
        tape.__enter__()
    with pytest.raises(GradientError, match="inside the with block"):
        tape.watch(np.ones(2))
    with pytest.raises(GradientError, match="unconnected_gradients"):
        tape.gradient(y, nn.layers.Layer().add_weight((2,)), unconnected_gradients="None")
    with pytest.raises(GradientError, match="2 output_gradients for 1"):
        tape.gradient([y], x, output_gradients=[1.0, 2.0])


@pytest.mark.parametrize("swallowed", [False, True])
def test_plain_buffers_are_refused(swallowed):
    def body(tape):
        x, out = tape.watch(np.ones(2)), np.zeros(2)
        try:
            out[0] = x[0]
        except Exception:
            if not swallowed:
                raise

    with pytest.raises(DetachedError, match=r"np.stack"), nn.GradientTape() as tape:
        body(tape)


def test_after_an_error_everything_is_as_before(case):
    model, _, _, _, a, _ = case

    def failing():
        model(a)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), nn.GradientTape():
        failing()
    assert isinstance(model(a), np.ndarray)
    assert nn.value_and_gradients(lambda: np.sum(model(a)), model.trainable_weights)[1][0].shape == (4, 3)
