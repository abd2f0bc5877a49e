"""Optimizers against trajectories of Keras (float32) and formulas written out by hand (float64)."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from dualad.errors import GradientError, ParameterError, ShapeError, UnknownNameError
from dualad.nn import optimizers, schedules

ORACLE = json.loads((Path(__file__).parent / "data" / "keras_oracle.json").read_text())


class Variable:
    """What an optimizer needs to know of a variable."""

    def __init__(self, value, name="w", constraint=None):
        self.value, self.name, self.constraint, self.trainable = value, name, constraint, True

    @property
    def shape(self):
        return self.value.shape

    def assign(self, value):
        self.value[...] = value


def gradient(k, dtype):
    return (np.sin(k + 1) * np.array([1, -2, 3])).astype(dtype)


def made(text):
    return eval(text, {**vars(optimizers), **vars(schedules)})


@pytest.mark.parametrize("text", ORACLE["optimizers"])
def test_keras_trajectories(text):
    v = Variable(np.array([1, -2, 0.5], np.float32))
    opt = made(text)
    for k, row in enumerate(ORACLE["optimizers"][text]):
        opt.apply_gradients([(gradient(k, np.float32), v)])
        np.testing.assert_allclose(v.value, row, rtol=2e-6, atol=2e-7)
    assert opt.iterations == 10


# ---- formulas in float64, one parameter at a time ----


def sgd(p, g, t, s, lr=0.01, momentum=0.0, nesterov=False):
    v = s["v"] = momentum * s.get("v", 0.0) - lr * g
    return p + (momentum * v - lr * g if nesterov else v)


def adagrad(p, g, t, s, lr=0.001):
    s["a"] = s.get("a", 0.1) + g**2
    return p - lr * g / (s["a"] + 1e-7) ** 0.5


def adadelta(p, g, t, s, lr=0.001, rho=0.95):
    s["a"] = rho * s.get("a", 0.0) + (1 - rho) * g**2
    d = -(((s.get("d", 0.0) + 1e-7) / (s["a"] + 1e-7)) ** 0.5) * g
    s["d"] = rho * s.get("d", 0.0) + (1 - rho) * d**2
    return p + lr * d


def rmsprop(p, g, t, s, lr=0.001, rho=0.9, momentum=0.0, centered=False):
    s["v"] = rho * s.get("v", 0.0) + (1 - rho) * g**2
    s["m"] = rho * s.get("m", 0.0) + (1 - rho) * g
    step = lr * g / (s["v"] - (s["m"] ** 2 if centered else 0) + 1e-7) ** 0.5
    s["b"] = momentum * s.get("b", 0.0) + step
    return p - s["b"]


def adam(p, g, t, s, lr=0.001, b1=0.9, b2=0.999, amsgrad=False, decay=0.0):
    p = p - lr * decay * p
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g**2
    s["h"] = max(s.get("h", 0.0), s["v"]) if amsgrad else s["v"]
    return p - lr * (1 - b2**t) ** 0.5 / (1 - b1**t) * s["m"] / (s["h"] ** 0.5 + 1e-7)


def nadam(p, g, t, s, lr=0.001, b1=0.9, b2=0.999):
    mu = lambda k: b1 * (1 - 0.5 * 0.96**k)
    s["u"] = s.get("u", 1.0) * mu(t)
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g**2
    m = mu(t + 1) * s["m"] / (1 - s["u"] * mu(t + 1)) + (1 - mu(t)) * g / (1 - s["u"])
    return p - lr * m / ((s["v"] / (1 - b2**t)) ** 0.5 + 1e-7)


def adamax(p, g, t, s, lr=0.001, b1=0.9, b2=0.999):
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["u"] = max(b2 * s.get("u", 0.0), abs(g))
    return p - lr / (1 - b1**t) * s["m"] / (s["u"] + 1e-7)


def lion(p, g, t, s, lr=0.001, b1=0.9, b2=0.99):
    direction = np.sign(b1 * s.get("m", 0.0) + (1 - b1) * g)
    s["m"] = b2 * s.get("m", 0.0) + (1 - b2) * g
    return p - lr * direction


def ftrl(p, g, t, s, lr=0.001, l1=0.0, l2=0.0, shrink=0.0, beta=0.0):
    before = s.get("n", 0.1)
    s["n"] = before + g**2
    s["z"] = s.get("z", 0.0) + g + 2 * shrink * p - (s["n"] ** 0.5 - before**0.5) / lr * p
    if abs(s["z"]) <= l1:
        return 0.0
    return (np.sign(s["z"]) * l1 - s["z"]) / (s["n"] ** 0.5 / lr + 2 * (l2 + beta / 2 / lr))


FORMULAS = {
    "SGD()": sgd,
    "SGD(0.1, momentum=0.9)": lambda *a: sgd(*a, lr=0.1, momentum=0.9),
    "SGD(0.1, momentum=0.9, nesterov=True)": lambda *a: sgd(*a, lr=0.1, momentum=0.9, nesterov=True),
    "Adagrad()": adagrad,
    "Adadelta()": adadelta,
    "RMSprop()": rmsprop,
    "RMSprop(0.01, rho=0.8, momentum=0.7, centered=True)": lambda *a: rmsprop(*a, lr=0.01, rho=0.8, momentum=0.7, centered=True),
    "Adam()": adam,
    "Adam(0.01, beta_1=0.8, beta_2=0.95, amsgrad=True)": lambda *a: adam(*a, lr=0.01, b1=0.8, b2=0.95, amsgrad=True),
    "Adam(beta_1=0.0)": lambda *a: adam(*a, b1=0.0),
    "AdamW()": lambda *a: adam(*a, decay=0.004),
    "Nadam()": nadam,
    "Adamax()": adamax,
    "Lion()": lion,
    "Ftrl(0.1)": lambda *a: ftrl(*a, lr=0.1),
    "Ftrl(0.1, l1_regularization_strength=1.5, l2_regularization_strength=0.2, l2_shrinkage_regularization_strength=0.1, beta=0.3)":
        lambda *a: ftrl(*a, lr=0.1, l1=1.5, l2=0.2, shrink=0.1, beta=0.3),
}


def test_every_optimizer_has_a_formula():
    of_one_gradient = {name for name, c in optimizers.OPTIMIZERS.items() if not getattr(c, "whole_batch", False)}
    assert {text.split("(")[0] for text in FORMULAS} == of_one_gradient


@pytest.mark.parametrize("n", [3, 100])  # programs of scalars, and of arrays
@pytest.mark.parametrize("text", FORMULAS)
def test_float64(text, n, rng):
    p = rng.standard_normal(n)
    want, states = p.copy(), [{} for _ in p]
    opt = made(text)
    for t in range(1, 31):
        g = rng.standard_normal(n)
        opt.apply_flat(p, g)
        want = np.array([FORMULAS[text](a, b, t, s) for a, b, s in zip(want, g, states)])
        np.testing.assert_allclose(p, want, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("text", FORMULAS)
def test_float32_follows_float64(text, rng):
    """The corrections for the start at zero must not cost digits: they come from a float32 step count."""
    double = rng.standard_normal(50)
    single = double.astype(np.float32)
    a, b = made(text), made(text)
    for _ in range(200):
        g = rng.standard_normal(50)
        a.apply_flat(double, g)
        b.apply_flat(single, g.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, atol=1e-4 * abs(double).max())


def test_slots_that_stay_zero_do_not_exist(rng):
    for text, names in (("SGD()", []), ("SGD(momentum=0.5)", ["velocity"]), ("RMSprop()", ["velocity"]), ("Adam()", ["momentum", "velocity"]),
                        ("Adam(amsgrad=True)", ["momentum", "velocity", "velocity_hat"])):
        opt = made(text)
        opt.apply_flat(np.ones(3), np.ones(3))
        assert [k[5:] for k in opt.state() if k.startswith("slot/")] == names


def test_centered_rmsprop_survives_equal_gradients():
    """The running variance of a constant is 0, in float32 a little below."""
    p = np.ones(40, np.float32)
    opt = optimizers.RMSprop(centered=True)
    for _ in range(300):
        opt.apply_flat(p, np.full(40, 12345.67, np.float32))
    assert np.isfinite(p).all()


# ---- variables ----


def consecutive(dtype=np.float64):
    buffer = np.arange(20, dtype=dtype)
    return buffer, [Variable(buffer[2:8].reshape(2, 3), "kernel"), Variable(buffer[8:10], "bias"), Variable(buffer[10:11].reshape(()), "scale")]


def apart(dtype=np.float64):
    return [Variable(np.array(v.value), v.name) for v in consecutive(dtype)[1]]


def grads_of(variables, rng):
    return [rng.standard_normal(v.shape).astype(v.value.dtype) for v in variables]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_views_and_separate_arrays_agree(dtype, rng):
    buffer, together = consecutive(dtype)
    separate, a, b = apart(dtype), optimizers.Adam(0.1), optimizers.Adam(0.1)
    views = [v.value for v in together]
    for _ in range(5):
        grads = grads_of(together, rng)
        copies = [g.copy() for g in grads]
        assert a.apply_gradients(zip(grads, together)) == b.apply_gradients(zip(grads, separate))
        for v, w, g, c in zip(together, separate, grads, copies):
            np.testing.assert_array_equal(v.value, w.value)
            np.testing.assert_array_equal(g, c)
    assert all(v.value is view for v, view in zip(together, views))
    assert buffer[:2].tolist() == [0, 1]
    assert buffer[11:].tolist() == list(range(11, 20))


def test_views_are_not_copied():
    from dualad.nn.optimizers.flat import Flat

    buffer, variables = consecutive()
    p = Flat(variables).parameters()
    assert p.base is buffer
    assert p.shape == (9,)
    assert Flat(apart()).parameters().base is None
    assert Flat(variables[::-1]).parameters().base is None
    assert Flat([Variable(np.arange(12.0).reshape(3, 4)[:, :2])]).parameters().tolist() == [0, 1, 4, 5, 8, 9]


def test_variables_may_move(rng):
    """A model that gathers its weights into one buffer after the optimizer was built."""
    variables, opt = apart(), optimizers.SGD(1.0)
    opt.build(variables)
    buffer, homes = consecutive()
    for v, home in zip(variables, homes):
        v.value = home.value
    opt.apply([np.ones(v.shape) for v in variables])
    assert buffer[2:11].tolist() == list(range(1, 10))


def test_some_gradients_missing(rng):
    for variables in (consecutive()[1], apart()):
        opt = optimizers.Adam(0.1)
        opt.apply_gradients(zip(grads_of(variables, rng), variables))
        before, slot = variables[1].value.copy(), opt.state()["slot/momentum"]
        grads = grads_of(variables, rng)
        grads[1] = None
        with pytest.warns(UserWarning, match="no gradients for bias"):
            opt.apply_gradients(zip(grads, variables))
        np.testing.assert_array_equal(variables[1].value, before)
        np.testing.assert_array_equal(opt.state()["slot/momentum"][6:8], slot[6:8])
        assert (opt.state()["slot/momentum"][:6] != slot[:6]).all()


def test_fewer_and_reordered_variables(rng):
    a, b = apart(), apart()
    one, two = optimizers.SGD(0.1, momentum=0.5), optimizers.SGD(0.1, momentum=0.5)
    grads = grads_of(a, rng)
    one.apply_gradients(zip(grads, a))
    two.build(b)
    two.apply_gradients(zip(grads[::-1], b[::-1]))
    for v, w in zip(a, b):
        np.testing.assert_array_equal(v.value, w.value)
    before = b[0].value.copy()
    two.apply([grads[2]], [b[2]])
    np.testing.assert_array_equal(b[0].value, before)


def test_constraints_are_applied():
    v = Variable(np.array([1.0, -1.0]), constraint=lambda w: np.maximum(w, 0))
    optimizers.SGD(1.0).apply_gradients([(np.array([0.5, 0.5]), v)])
    assert v.value.tolist() == [0.5, 0]


# ---- what all optimizers can do ----


def test_clipnorm_is_per_variable(rng):
    variables, opt = apart(), optimizers.SGD(1.0, clipnorm=2.0)
    grads = [g * scale for g, scale in zip(grads_of(variables, rng), (10, 0.1, 10))]
    before = [v.value.copy() for v in variables]
    opt.apply_gradients(zip(grads, variables))
    for v, old, g in zip(variables, before, grads):
        np.testing.assert_allclose(old - v.value, g * min(1, 2 / np.linalg.norm(g)), rtol=1e-12, atol=1e-14)


def test_global_clipnorm(rng):
    for scale in (0.01, 10.0):
        variables, opt = apart(), optimizers.SGD(1.0, global_clipnorm=2.0)
        grads = [g * scale for g in grads_of(variables, rng)]
        before = [v.value.copy() for v in variables]
        opt.apply_gradients(zip(grads, variables))
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        for v, old, g in zip(variables, before, grads):
            np.testing.assert_allclose(old - v.value, g * min(1, 2 / norm), rtol=1e-12, atol=1e-14)


def test_weight_decay_and_exclusions():
    variables, opt = apart(), optimizers.SGD(0.5, weight_decay=0.1)
    opt.exclude_from_weight_decay(var_list=[variables[2]], var_names=["^bi"])
    before = [v.value.copy() for v in variables]
    opt.apply_gradients([(np.zeros(v.shape), v) for v in variables])
    np.testing.assert_allclose(variables[0].value, before[0] * 0.95)
    np.testing.assert_array_equal(variables[1].value, before[1])
    np.testing.assert_array_equal(variables[2].value, before[2])
    with pytest.raises(ParameterError, match="before the optimizer is built"):
        opt.exclude_from_weight_decay(var_names=["x"])


def test_moving_average(rng):
    v, opt = Variable(rng.standard_normal(5)), optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8)
    average = None
    for _ in range(6):
        opt.apply_gradients([(rng.standard_normal(5), v)])
        average = v.value.copy() if average is None else 0.8 * average + 0.2 * v.value
    last = v.value.copy()
    opt.finalize_variable_values([v])
    np.testing.assert_allclose(v.value, average, rtol=1e-12)
    assert (v.value != last).all()


def test_moving_average_overwrites(rng):
    v, opt = Variable(np.zeros(4)), optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    g = np.ones(4)
    seen = []
    for _ in range(4):
        opt.apply_gradients([(g, v)])
        seen.append(v.value[0])
    # averages: -1, then (-1 - 2) / 2, then (-1.5 - 2.5) / 2, then (-2 - 3.5) / 2
    assert seen == [-1, -1.5, -2.5, -2.75]


def test_gradient_accumulation(rng):
    v, w = Variable(np.ones(4)), Variable(np.ones(4))
    one, two = optimizers.Adam(0.1, gradient_accumulation_steps=3, clipvalue=0.5), optimizers.Adam(0.1, clipvalue=0.5)
    for k in range(4):
        grads = [rng.standard_normal(4) for _ in range(3)]
        for j, g in enumerate(grads):
            assert (one.iterations, one._steps) == (k, 3 * k + j)
            one.apply_gradients([(g, v)])
        two.apply_gradients([(np.mean(grads, axis=0), w)])
        np.testing.assert_allclose(v.value, w.value, rtol=1e-12)


def test_accumulation_with_average(rng):
    """The average moves at every step, as in Keras, also where the parameters do not."""
    v, opt = Variable(np.zeros(1)), optimizers.SGD(1.0, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.5)
    averages = []
    for _ in range(5):
        opt.apply_gradients([(np.ones(1), v)])
        averages.append(float(opt.state()["slot/ema"][0]))
    assert averages == [0, -1, -1, -1.5, -1.75]


def test_learning_rates():
    opt = optimizers.SGD(schedules.PiecewiseConstantDecay([0], [1.0, 0.5]))
    p = np.zeros(2)
    for _ in range(3):
        opt.apply_flat(p, np.ones(2))
    assert p.tolist() == [-2, -2]
    with pytest.raises(ParameterError, match=r"follows PiecewiseConstantDecay.*cannot be set to 0.1"):
        opt.learning_rate = 0.1
    opt.learning_rate = schedules.ExponentialDecay(0.25, 1, 1.0)
    assert opt.learning_rate == 0.25
    rate = [0.5]
    opt = optimizers.SGD(lambda: rate[0])
    opt.apply_flat(p, np.ones(2))
    rate[0] = 2.0
    opt.apply_flat(p, np.ones(2))
    assert p.tolist() == [-4.5, -4.5]
    opt = optimizers.SGD(0.5)
    opt.learning_rate = 0.25
    opt.apply_flat(p, np.ones(2))
    assert p.tolist() == [-4.75, -4.75]


def test_lr_is_deprecated():
    with pytest.warns(DeprecationWarning, match="use learning_rate") as seen:
        opt = optimizers.Adam(lr=0.5)
    assert opt.learning_rate == 0.5
    assert seen[0].filename == __file__


# ---- state ----

OPTIONS = {"Adam(0.1)": {}, "Adam(0.1, amsgrad=True, use_ema=True)": {}, "SGD(0.1, momentum=0.9, nesterov=True, gradient_accumulation_steps=2)": {},
           "Nadam(0.1)": {}, "RMSprop(CosineDecay(0.1, 10), centered=True, global_clipnorm=1.0)": {}, "AdamW(0.1, clipnorm=1.0)": {}}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("text", OPTIONS)
def test_resumed_bit_for_bit(text, dtype, rng):
    v = Variable(rng.standard_normal((10, 7)).astype(dtype))
    grads = [rng.standard_normal((10, 7)).astype(dtype) for _ in range(9)]
    opt = made(text)
    for g in grads[:5]:
        opt.apply_gradients([(g, v)])
    state, w = opt.state(), Variable(v.value.copy())
    for g in grads[5:]:
        opt.apply_gradients([(g, v)])
    for early in (False, True):
        again, u = made(text), Variable(w.value.copy())
        if early:
            again.build([u])
        again.set_state(state)
        for g in grads[5:]:
            again.apply_gradients([(g, u)])
        np.testing.assert_array_equal(u.value, v.value)
        assert again.iterations == opt.iterations


def test_state_is_a_copy():
    opt, p = optimizers.Adam(), np.ones(3)
    opt.apply_flat(p, np.ones(3))
    state = opt.state()
    state["slot/momentum"][:] = 100
    assert (opt.state()["slot/momentum"] < 1).all()
    opt.learning_rate = 0.5
    other = optimizers.Adam()
    other.set_state(opt.state())
    assert other.learning_rate == 0.5


def test_foreign_state():
    opt = optimizers.Adam()
    opt.apply_flat(np.ones(3), np.ones(3))
    with pytest.raises(ParameterError, match=r"SGD has the slots \[\]"):
        optimizers.SGD().set_state(opt.state())
    with pytest.raises(ParameterError, match="other options"):
        optimizers.Nadam().set_state(opt.state())
    other = optimizers.Adam()
    other.build([Variable(np.ones(4))])
    with pytest.raises(ParameterError, match=r"slot momentum of the state is float64 \(3,\); the optimizer's is float64 \(4,\)"):
        other.set_state(opt.state())
    late = optimizers.Adam()
    late.set_state(opt.state())
    with pytest.raises(ShapeError, match="3 float64 parameters, not of 4 float32"):
        late.apply_flat(np.ones(4, np.float32), np.ones(4, np.float32))


def test_not_built_yet():
    opt = optimizers.Adam()
    opt.set_state(optimizers.Adam(0.5).state())
    assert (opt.iterations, opt.learning_rate) == (0, 0.5)


@pytest.mark.parametrize("text", [*FORMULAS, *OPTIONS, "Adam(weight_decay=0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3, name='mine')"])
def test_written_and_read(text):
    opt = made(text)
    again = optimizers.get(json.loads(json.dumps(optimizers.serialize(opt))))
    assert type(again) is type(opt)
    assert again.get_config() == opt.get_config()
    p, q = Variable(np.ones(3)), Variable(np.ones(3))
    opt.apply_gradients([(np.ones(3), p)])
    again.apply_gradients([(np.ones(3), q)])
    np.testing.assert_array_equal(p.value, q.value)


# ---- names and bad input ----


def test_get():
    for name in ("adam", "Adam", "ADAM", optimizers.Adam):
        assert type(optimizers.get(name)) is optimizers.Adam
    assert type(optimizers.get("rms_prop")) is optimizers.RMSprop
    assert optimizers.get("sgd").name == "sgd"
    with pytest.raises(UnknownNameError, match="unknown optimizer 'adem'; did you mean 'Adam'"):
        optimizers.get("adem")


def test_gradients_that_do_not_fit(rng):
    variables = apart()
    opt = optimizers.SGD()
    with pytest.raises(ParameterError, match="does not know its variables"):
        opt.apply(grads_of(variables, rng))
    with pytest.raises(GradientError, match="no gradients provided for any variable: kernel, bias, scale"):
        opt.apply_gradients([(None, v) for v in variables])
    with pytest.raises(ShapeError, match=r"the gradient of bias has the shape \(3,\); the variable's is \(2,\)"):
        opt.apply_gradients(zip([np.ones((2, 3)), np.ones(3), np.ones(())], variables))
    with pytest.raises(GradientError, match="2 gradients for 3 variables"):
        opt.apply([np.ones((2, 3)), np.ones(2)], variables)
    with pytest.raises(ParameterError, match="not built with the variable other"):
        opt.apply_gradients([(np.ones(2), Variable(np.ones(2), "other"))])
    with pytest.raises(ShapeError, match="must be flat, of one length and type"):
        opt.apply_flat(np.ones(9), np.ones(8))
    with pytest.raises(ShapeError, match="must be flat"):
        opt.apply_flat(np.ones(9), np.ones(9, np.float32))
    with pytest.raises(ParameterError, match="w is float64, w float32"):
        optimizers.SGD().build([Variable(np.ones(2, np.float32)), Variable(np.ones(2))])
    with pytest.raises(ParameterError, match="twice"):
        optimizers.SGD().build([variables[0]] * 2)
    with pytest.raises(ParameterError, match="at least one variable"):
        optimizers.SGD().build([])
    with pytest.raises(ParameterError, match=r"call build\(variables\) before apply_flat"):
        optimizers.SGD(clipnorm=1.0).apply_flat(np.ones(2), np.ones(2))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: optimizers.Adam(-1.0), r"Adam\(learning_rate=-1\.0\)"),
    (lambda: optimizers.Adam(np.nan), "learning_rate=nan"),
    (lambda: optimizers.Adam("fast"), "learning_rate='fast'"),
    (lambda: optimizers.Adam(beta_1=1.0), r"beta_1 must be a number in \[0, 1\)"),
    (lambda: optimizers.SGD(momentum=1.5), r"momentum=1\.5"),
    (lambda: optimizers.RMSprop(epsilon=-1e-7), "epsilon must be"),
    (lambda: optimizers.Ftrl(learning_rate_power=0.5), "learning_rate_power"),
    (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), "only one of .*, not clipnorm and clipvalue"),
    (lambda: optimizers.SGD(global_clipnorm=0), "global_clipnorm=0; it must be positive"),
    (lambda: optimizers.SGD(weight_decay=-0.1), "weight_decay must be"),
    (lambda: optimizers.SGD(ema_momentum=2), "ema_momentum must be"),
    (lambda: optimizers.SGD(ema_overwrite_frequency=0), "None or an integer of at least 1"),
    (lambda: optimizers.SGD(gradient_accumulation_steps=1), "None or an integer of at least 2"),
])
def test_bad_options(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_unknown_option():
    with pytest.raises(TypeError, match="beta1"):
        optimizers.Adam(beta1=0.9)


def test_a_step_that_fails_changes_nothing():
    opt, p = optimizers.Nadam(), np.ones(40)
    opt.apply_flat(p, np.ones(40))
    before, locked = opt.state(), p.copy()
    locked.flags.writeable = False
    for bad in (locked, np.ones(80)[::2]):
        with pytest.raises(ShapeError, match="writeable, contiguous"):
            opt.apply_flat(bad, np.ones(40))
    after = opt.state()
    for name, x in before.items():
        np.testing.assert_array_equal(after[name], x)


@pytest.mark.parametrize("text", OPTIONS)
def test_copies_go_on_by_themselves(text, rng):
    """Pickled and copied with their variables, as a model does it."""
    variables, opt = consecutive()[1], made(text)
    opt.apply_gradients(zip(grads_of(variables, rng), variables))
    for duplicate in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        again, theirs = duplicate((opt, variables))
        before = [v.value.copy() for v in variables]
        grads = [grads_of(variables, rng) for _ in range(2)]
        for g in grads:
            again.apply_gradients(zip(g, theirs))
        assert all((v.value == b).all() for v, b in zip(variables, before))
        expected, ours = copy.deepcopy((opt, variables))
        for g in grads:
            expected.apply_gradients(zip(g, ours))
        for v, w, b in zip(theirs, ours, before):
            np.testing.assert_array_equal(v.value, w.value)
            assert (v.value != b).all()


def test_built_again(rng):
    variables, opt = apart(), optimizers.Adam(0.1)
    assert opt.variables == []
    opt.apply_gradients(zip(grads_of(variables, rng), variables))
    assert opt.variables == variables
    kept = opt.state()["slot/momentum"]
    opt.build(variables)
    np.testing.assert_array_equal(opt.state()["slot/momentum"], kept)
    opt.build(variables[:2])
    assert opt.state()["slot/momentum"].tolist() == [0] * 8
    assert opt.iterations == 1
