"""Recurrent layers against loops over samples, steps and units, in the order of gates of Keras."""

import math
import re

import numpy as np
import pytest

import dualad as da
from dualad import nn
from dualad._programs import listing
from dualad.nn.layers.recurrent import unstacked

L = nn.layers
sigmoid = lambda a: 1 / (1 + math.exp(-a))


def simple(x, layer):
    (w, u, b), h = (v.array for v in layer.weights), np.zeros(layer.units)
    out = []
    for row in x:
        h = np.array([math.tanh(row @ w[:, k] + h @ u[:, k] + b[k]) for k in range(layer.units)])
        out.append((h,))
    return out


def lstm(x, layer):
    n = layer.units
    (w, u, b), h, c = (v.array for v in layer.weights), np.zeros(n), np.zeros(n)
    out = []
    for row in x:
        z = [row @ w[:, k] + h @ u[:, k] + b[k] for k in range(4 * n)]
        i, f, g, o = ([z[part * n + k] for k in range(n)] for part in range(4))
        c = np.array([sigmoid(f[k]) * c[k] + sigmoid(i[k]) * math.tanh(g[k]) for k in range(n)])
        h = np.array([sigmoid(o[k]) * math.tanh(c[k]) for k in range(n)])
        out.append((h, c))
    return out


def gru(x, layer):
    n = layer.units
    (w, u, b), h = (v.array for v in layer.weights), np.zeros(n)
    a, s = (b[0], b[1]) if layer.reset_after else (b, np.zeros(3 * n))
    out = []
    for row in x:
        z = np.array([sigmoid(row @ w[:, k] + a[k] + h @ u[:, k] + s[k]) for k in range(n)])
        r = np.array([sigmoid(row @ w[:, n + k] + a[n + k] + h @ u[:, n + k] + s[n + k]) for k in range(n)])
        if layer.reset_after:
            new = [math.tanh(row @ w[:, 2 * n + k] + a[2 * n + k] + r[k] * (h @ u[:, 2 * n + k] + s[2 * n + k])) for k in range(n)]
        else:
            new = [math.tanh(row @ w[:, 2 * n + k] + a[2 * n + k] + (r * h) @ u[:, 2 * n + k]) for k in range(n)]
        h = z * h + (1 - z) * np.array(new)
        out.append((h,))
    return out


KINDS = {"simple": (L.SimpleRNN, {}, simple), "lstm": (L.LSTM, {}, lstm), "gru": (L.GRU, {}, gru), "gru before": (L.GRU, {"reset_after": False}, gru)}
kinds = pytest.mark.parametrize("kind", KINDS)


def make(kind, rng, **options):
    cls, more, loop = KINDS[kind]
    layer = cls(4, dtype="float64", **more, **options)
    layer(np.zeros((1, 2, 3)))
    layer.set_weights([rng.standard_normal(v.shape) for v in layer.weights])
    return layer, loop


@kinds
@pytest.mark.parametrize("backwards", [False, True])
def test_outputs_and_states(kind, backwards, rng):
    layer, loop = make(kind, rng, return_sequences=True, return_state=True, go_backwards=backwards)
    x = rng.standard_normal((2, 6, 3))
    out, *states = layer(x)
    want = [loop(sample[::-1] if backwards else sample, layer) for sample in x]
    np.testing.assert_allclose(out, [[h for h, *_ in steps] for steps in want], rtol=1e-12, atol=1e-13)
    for k, state in enumerate(states):
        np.testing.assert_allclose(state, [steps[-1][k] for steps in want], rtol=1e-12, atol=1e-13)
    layer.return_sequences = layer.return_state = False
    np.testing.assert_array_equal(layer(x), out[:, -1])


@kinds
def test_states_carry_on(kind, rng):
    layer, _ = make(kind, rng, return_sequences=True, return_state=True)
    x = rng.standard_normal((2, 7, 3))
    whole, *last = layer(x)
    first, *states = layer(x[:, :3])
    second, *end = layer(x[:, 3:], initial_state=states)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, rtol=1e-12)
    for a, b in zip(end, last, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_initial_weights():
    layer = L.LSTM(5)
    layer(np.ones((1, 2, 3), "float32"))
    assert [(v.name, v.shape) for v in layer.weights] == [("kernel", (3, 20)), ("recurrent_kernel", (5, 20)), ("bias", (20,))]
    np.testing.assert_array_equal(layer.bias.array, np.repeat([0, 1, 0, 0], 5))
    u = layer.recurrent_kernel.array
    np.testing.assert_allclose(u @ u.T, np.eye(5), atol=1e-5)
    plain = L.LSTM(5, unit_forget_bias=False)
    plain(np.ones((1, 2, 3), "float32"))
    assert not plain.bias.array.any()
    gru = L.GRU(5)
    gru(np.ones((1, 2, 3), "float32"))
    assert gru.bias.shape == (2, 15)


@pytest.mark.parametrize("cls", [L.SimpleRNN, L.LSTM, L.GRU])
def test_without_bias(cls, rng):
    x = rng.standard_normal((2, 4, 3))
    bare, with_zeros = cls(4, use_bias=False, dtype="float64"), cls(4, dtype="float64")
    bare(x)
    with_zeros(x)
    assert len(bare.weights) == 2
    with_zeros.set_weights([*bare.get_weights(), np.zeros(with_zeros.bias.shape)])
    np.testing.assert_allclose(bare(x), with_zeros(x), rtol=1e-12)


@kinds
def test_dropout_is_the_same_for_all_steps(kind, rng):
    """Where inputs of 1 meet a kernel that copies them, the dropped ones are the same in every step."""
    layer, _ = make(kind, rng, dropout=0.5, seed=2)
    x = rng.standard_normal((3, 5, 3))
    seen = []
    layer._projected = lambda x: (seen.append(x), type(layer)._projected(layer, x))[1]
    layer(x, training=True)
    ratio = seen[0] / x
    assert set(np.round(np.unique(ratio), 12)) == {0.0, 2.0}
    assert (ratio == ratio[:, :1]).all()
    layer(x)
    np.testing.assert_array_equal(seen[1], x)


@kinds
def test_recurrent_dropout(kind, rng):
    layer, _ = make(kind, rng, recurrent_dropout=0.5, seed=2)
    x = rng.standard_normal((30, 5, 3))
    first, second = layer(x, training=True), layer(x, training=True)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(layer(x), layer(x))
    one = layer(x[:, :1], training=True)  # the first state is zero: nothing to drop
    np.testing.assert_allclose(one, layer(x[:, :1]), rtol=1e-12)


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("sequences", [False, True])
def test_bidirectional(mode, sequences, rng):
    x = rng.standard_normal((2, 5, 3))
    layer = L.Bidirectional(L.LSTM(4, return_sequences=sequences, dtype="float64"), merge_mode=mode, dtype="float64")
    out = layer(x)
    a, b = layer.forward_rnn, layer.backward_rnn
    assert not np.array_equal(a.kernel.array, b.kernel.array)
    assert len(layer.weights) == 6
    forward = L.LSTM(4, return_sequences=sequences, dtype="float64")
    forward(x)
    forward.set_weights(a.get_weights())
    first = forward(x)
    forward.set_weights(b.get_weights())
    second = forward(x[:, ::-1])
    second = second[:, ::-1] if sequences else second
    want = {"concat": lambda: np.concatenate([first, second], -1), "sum": lambda: first + second, "mul": lambda: first * second,
            "ave": lambda: (first + second) / 2, None: lambda: [first, second]}[mode]()
    for p, q in zip(out if mode is None else [out], want if mode is None else [want], strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-12)


def test_bidirectional_states(rng):
    x = rng.standard_normal((2, 5, 3))
    layer = L.Bidirectional(L.LSTM(4, return_state=True, return_sequences=True, dtype="float64"), dtype="float64")
    out, *states = layer(x)
    assert [s.shape for s in states] == [(2, 4)] * 4
    np.testing.assert_array_equal(states[0], out[:, -1, :4])
    np.testing.assert_array_equal(states[2], out[:, 0, 4:])
    again, *_ = layer(x, initial_state=states)
    assert not np.allclose(again, out)
    assert layer.compute_output_shape((None, 5, 3)) == [(None, 5, 8), *[(None, 4)] * 4]


def test_parts_of_a_sequence(rng):
    x = rng.standard_normal((11, 2))
    np.testing.assert_array_equal(unstacked(x), x)
    np.testing.assert_array_equal(da.grad(lambda x: sum((k + 1) * np.sum(p) for k, p in enumerate(unstacked(x))))(x), np.outer(np.arange(1, 12), [1, 1]))


def test_work_of_a_step_does_not_grow_with_the_square_of_the_length(rng, monkeypatch):
    """The adjoint of taking one part writes zeros of the whole size, so parts are not taken one by one."""
    monkeypatch.setattr(listing.shortened, "__defaults__", (10**6,))
    work = {}
    for steps in (8, 64):
        layer = L.SimpleRNN(16)
        x = rng.standard_normal((16, steps, 16)).astype("float32")
        layer(x)
        program = da.record(da.grad(lambda x: np.sum(np.square(layer(x)))), x)
        sizes = re.findall(r"region over \(([\d, ]+)\)", str(program))
        work[steps] = sum(math.prod(int(n) for n in size.split(",") if n.strip()) for size in sizes)
    assert work[64] < 20 * work[8]  # 14 times; 55 times if one by one


def test_sequence_autoencoder_learns(rng):
    nn.utils.set_random_seed(1)
    x = np.sin(np.linspace(0, 6, 12)[:, None] + rng.uniform(0, 6, (64, 1, 1))).astype("float32")
    model = nn.Sequential([nn.Input((12, 1)), L.LSTM(16), L.RepeatVector(12), L.GRU(16, return_sequences=True), L.TimeDistributed(nn.Dense(1))])
    model.compile(nn.optimizers.Adam(0.02), "mse")
    history = model.fit(x, epochs=30, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < 0.3 * history.history["loss"][0]


def test_encoder_and_decoder_with_states_in_one_graph(rng):
    source, target = nn.Input((5, 3)), nn.Input((4, 2))
    _, h, c = L.LSTM(6, return_state=True)(source)
    out = L.LSTM(6, return_sequences=True)(target, initial_state=[h, c])
    model = nn.Model([source, target], nn.Dense(2)(out))
    model.compile("adam", "mse")
    a, b = (rng.standard_normal((8, *s)).astype("float32") for s in ((5, 3), (4, 2)))
    first = model.train_on_batch([a, b], b)
    for _ in range(30):
        last = model.train_on_batch([a, b], b)
    assert last < first
    moved = model.predict([a + 1, b], verbose=0)
    assert not np.allclose(moved, model.predict([a, b], verbose=0))
