"""L-BFGS and Newton-CG: the line search, minima of functions against SciPy, training of models, state."""

import numpy as np
import pytest
from scipy import optimize

import dualad as da
from dualad import nn
from dualad.errors import GradientError, ParameterError
from dualad.nn.optimizers import LBFGS, NewtonCG
from dualad.nn.optimizers.line_search import CURVATURE, SUFFICIENT, Point, strong_wolfe


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


# ---- the line search ----

FUNCTIONS = {
    "far minimum": (lambda t: (t - 50) ** 2, 1.0),
    "near minimum": (lambda t: (t - 1e-3) ** 2 * 1e3, 1.0),
    "quartic": (lambda t: t**4 - 3 * t**2 - 2 * t, 0.01),
    "oscillating": (lambda t: -t / (t**2 + 2) + 0.1 * np.sin(5 * t), 3.0),  # like Moré and Thuente (1994), function 1
    "barrier": (lambda t: np.where(t < 2, -np.log(np.maximum(2 - t, 1e-300)) - 3 * t, np.inf), 5.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_steps_fulfil_the_strong_wolfe_conditions(name):
    f, first = FUNCTIONS[name]
    slope = lambda t: (float(f(t + 1e-6)) - float(f(t - 1e-6))) / 2e-6
    along = lambda t: Point(t, float(f(t)), slope(t))
    start = along(0.0)
    found = strong_wolfe(along, start, first, 40)
    assert found.value <= start.value + SUFFICIENT * found.step * start.slope
    assert abs(found.slope) <= CURVATURE * abs(start.slope) + 1e-6


def test_no_step_where_nothing_decreases():
    up = lambda t: Point(t, 1.0 + t, -1.0)  # the slope lies
    assert strong_wolfe(up, up(0.0), 1.0, 15) is None


def test_evaluations_are_limited():
    calls = []

    def along(t):
        calls.append(t)
        return Point(t, -t, -1.0)

    assert strong_wolfe(along, Point(0.0, 0.0, -1.0), 1.0, 7).step == max(calls)
    assert len(calls) == 7


# ---- functions ----


@pytest.mark.parametrize("make", [LBFGS, NewtonCG])
@pytest.mark.parametrize("n", [2, 10])
def test_rosenbrock(make, n):
    optimizer = make()
    x0 = np.full(n, -1.2)
    x = optimizer.minimize(rosenbrock, x0, 500)
    np.testing.assert_allclose(x, 1, atol=1e-6)
    assert optimizer.converged
    assert np.max(np.abs(da.grad(rosenbrock)(x))) <= optimizer.tolerance
    theirs = optimize.minimize(rosenbrock, x0, jac=da.grad(rosenbrock), method="L-BFGS-B" if make is LBFGS else "trust-ncg",
                               hess=None if make is LBFGS else da.hessian(rosenbrock), options={"maxiter": 500})
    assert optimizer.evaluations <= 2 * theirs.nfev + 20


def logistic(rng):
    x = rng.normal(size=(80, 6))
    y = np.where(x @ rng.normal(size=6) + rng.normal(size=80) > 0, 1.0, -1.0)
    return lambda w: np.sum(np.logaddexp(0, -y * (x @ w))) + 0.5 * np.sum(w**2)


@pytest.mark.parametrize("make", [LBFGS, NewtonCG])
def test_logistic_regression_as_scipy(make, rng):
    f = logistic(rng)
    theirs = optimize.minimize(f, np.zeros(6), jac=da.grad(f), hess=da.hessian(f), method="trust-exact", options={"gtol": 1e-10})
    np.testing.assert_allclose(make().minimize(f, np.zeros(6), 200), theirs.x, atol=1e-7)


def test_a_saddle_is_left():
    f = lambda x: x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4
    x = NewtonCG().minimize(f, np.array([1.0, 1e-3]), 100)
    np.testing.assert_allclose(f(x), -1, atol=1e-9)


def test_shape_and_type_are_kept():
    f = lambda x: np.sum((x - 2) ** 2 * (1 + x**2))
    x = LBFGS(tolerance=1e-4).minimize(f, np.zeros((2, 3), "float32"), 50)
    assert x.shape == (2, 3)
    assert x.dtype == np.float32
    np.testing.assert_allclose(da.grad(f)(x.astype(float)), 0, atol=1e-3)


def test_limited_memory_is_bfgs_while_it_lasts(rng):
    """With enough memory the direction is that of the full BFGS matrix from the same pairs."""
    optimizer = LBFGS(memory=20)
    A = rng.normal(size=(5, 5))
    A = A @ A.T + np.eye(5)
    f = lambda x: 0.5 * x @ A @ x + np.sum(x**4)
    optimizer.minimize(f, rng.normal(size=5), 4)
    pairs = optimizer._pairs
    s, y, rho = pairs[-1]
    H = np.eye(5) / (rho * (y @ y))
    for s, y, rho in pairs:
        V = np.eye(5) - rho * np.outer(y, s)
        H = V.T @ H @ V + rho * np.outer(s, s)
    g = rng.normal(size=5)
    np.testing.assert_allclose(optimizer.direction(g), -H @ g, rtol=1e-9)


# ---- models ----


def digits():
    return nn.datasets.load_digits()[0][:400]


def autoencoder(dtype=None, **options):
    nn.utils.set_random_seed(3)
    return nn.Autoencoder([nn.Input((64,), dtype=dtype), nn.Dense(12, "tanh", dtype=dtype)], [nn.Dense(64, dtype=dtype)], **options)


def test_a_linear_model_reaches_the_least_squares(rng):
    x, noise = rng.normal(size=(100, 4)), rng.normal(size=(100, 1))
    y = x @ rng.normal(size=(4, 1)) + 0.1 * noise
    model = nn.Sequential([nn.Input((4,), dtype="float64"), nn.Dense(1, use_bias=False, dtype="float64")])
    for optimizer in ("lbfgs", "newton_cg"):
        model.layers[0].kernel.assign(np.zeros((4, 1)))
        model.compile(optimizer=optimizer, loss="mse")
        model.fit(x, y, epochs=30, verbose=0)
        np.testing.assert_allclose(model.layers[0].kernel.numpy(), np.linalg.lstsq(x, y)[0], atol=1e-7)
        assert model.optimizer.converged


@pytest.mark.parametrize(("make", "epochs"), [(lambda: LBFGS(), 90), (lambda: NewtonCG(max_products=20), 25)])
def test_an_autoencoder_gets_lower_than_adam_on_full_batches(make, epochs):
    x = digits()
    model = autoencoder()
    model.compile(optimizer=make(), loss="mse")
    losses = model.fit(x, epochs=epochs, verbose=0).history["loss"]
    assert np.max(np.diff(losses)) <= 1e-6
    passes = model.optimizer.evaluations + 2 * model.optimizer.products
    other = autoencoder()
    other.compile(optimizer=nn.optimizers.Adam(0.01), loss="mse")
    other.fit(x, epochs=passes, batch_size=len(x), verbose=0)
    assert model.evaluate(x, verbose=0) < other.evaluate(x, verbose=0)


def test_one_evaluation_less_where_the_data_stay():
    x = digits()
    model = autoencoder("float64")
    model.compile(optimizer="lbfgs", loss="mse")
    history = model.fit(x, epochs=6, verbose=0).history["loss"]
    again = autoencoder("float64")
    again.compile(optimizer="lbfgs", loss="mse")
    losses = [again.train_on_batch(x) for _ in range(6)]
    np.testing.assert_array_equal(history, losses)
    assert again.optimizer.evaluations == model.optimizer.evaluations + 5


def test_new_data_are_seen():
    x = digits()
    model = autoencoder("float64")
    model.compile(optimizer="lbfgs", loss="mse")
    model.fit(x, epochs=3, verbose=0)
    before = model.evaluate(1 - x, verbose=0)
    assert model.fit(1 - x, epochs=1, verbose=0).history["loss"][0] == pytest.approx(before, rel=1e-12)


def test_batches_change_from_step_to_step():
    x = digits()
    model = autoencoder()
    model.compile(optimizer="lbfgs", loss="mse", metrics=["mae"])
    first = model.evaluate(x, verbose=0)[0]
    history = model.fit(x, epochs=10, batch_size=100, verbose=0).history
    assert model.optimizer.iterations == 40
    assert history["loss"][-1] < 0.5 * first
    assert history["mae"][-1] < history["mae"][0]


def test_random_numbers_stay_within_an_iteration(rng):
    x = digits()
    nn.utils.set_random_seed(5)
    model = nn.DenoisingAutoencoder([nn.Input((64,)), nn.Dense(12, "tanh")], [nn.Dense(64)], level=0.3, seed=1)
    model.compile(optimizer=LBFGS(max_evaluations=30), loss="mse")
    step_losses = []
    for _ in range(3):
        seen = []
        evaluate_of = model.optimizer.minimize_step

        def spy(evaluate, product, theta, seen=seen, evaluate_of=evaluate_of):
            at = theta.copy()
            seen += [evaluate(at)[0], evaluate(at)[0]]
            return evaluate_of(evaluate, product, theta)

        model.optimizer.minimize_step = spy
        model.train_on_batch(x)
        del model.optimizer.minimize_step
        assert seen[0] == seen[1]
        step_losses.append(seen[0])
    assert len(set(step_losses)) == 3


def test_hessian_products_are_exact(rng):
    from dualad.nn.whole_batch import WholeBatch

    x = rng.random((20, 64))
    model = autoencoder("float64")
    model.compile(optimizer="newton_cg", loss="mse")
    model.fit(x, epochs=1, verbose=0)
    batch = model.source(x, batch_size=20).batch(0, None)
    problem = WholeBatch(model, model.step("train", batch), batch)
    theta, v = model.flat_weights.copy(), rng.normal(size=model.flat_weights.size)
    h = 1e-5
    numeric = (problem.evaluate(theta + h * v)[1] - problem.evaluate(theta - h * v)[1]) / (2 * h)
    np.testing.assert_allclose(problem.product(theta, v), numeric, rtol=1e-5, atol=1e-8)


def test_constraints_hold():
    x = digits()
    nn.utils.set_random_seed(3)
    model = nn.Autoencoder([nn.Input((64,)), nn.Dense(12, "relu", kernel_constraint="non_neg")], [nn.Dense(64)])
    model.compile(optimizer="lbfgs", loss="mse")
    model.fit(x, epochs=3, verbose=0)
    assert model.trainable_weights[0].numpy().min() >= 0


# ---- state and bad input ----


@pytest.mark.parametrize("make", [LBFGS, NewtonCG])
def test_state_goes_on_bitwise(make):
    x = digits()
    whole = autoencoder()
    whole.compile(optimizer=make(), loss="mse")
    whole.fit(x, epochs=8, verbose=0)
    half = autoencoder()
    half.compile(optimizer=make(), loss="mse")
    half.fit(x, epochs=4, verbose=0)
    rest = autoencoder()
    rest.compile(optimizer=make(), loss="mse")
    rest.set_weights(half.get_weights())
    rest.optimizer.set_state(half.optimizer.state())
    rest.fit(x, epochs=8, initial_epoch=4, verbose=0)
    for a, b in zip(whole.get_weights(), rest.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert rest.optimizer.iterations == 8


@pytest.mark.parametrize("make", [LBFGS, NewtonCG])
def test_config_round_trip(make):
    optimizer = nn.optimizers.get({"class_name": make.__name__, "config": make(tolerance=1e-3).get_config()})
    assert type(optimizer) is make
    assert optimizer.get_config() == make(tolerance=1e-3).get_config()


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: LBFGS(memory=0), ParameterError, r"LBFGS\(memory=0\)"),
    (lambda: NewtonCG(radius=-1.0), ParameterError, "radius"),
    (lambda: NewtonCG(radius=5.0, max_radius=1.0), ParameterError, "max_radius"),
    (lambda: LBFGS(tolerance=float("nan")), ParameterError, "tolerance"),
    (lambda: LBFGS().apply_gradients([]), GradientError, "model.fit"),
    (lambda: LBFGS().set_state({"pairs": 1}), ParameterError, "s/k"),
    (lambda: NewtonCG().set_state({"iterations": 1}), ParameterError, "radius"),
])
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_nothing_happens_where_the_loss_is_not_a_number():
    model = autoencoder()
    model.compile(optimizer="lbfgs", loss=lambda y, p: np.sum(np.log(p - 1e9 * np.ones(64, "float32")), axis=-1))
    before = model.get_weights()
    with np.errstate(all="ignore"):
        model.train_on_batch(digits())
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
