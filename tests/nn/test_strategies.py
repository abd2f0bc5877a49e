"""Strategies: the same bits on any number of threads and processes, and what one step without them gives up to rounding."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mpi_worker
import numpy as np
import pytest

from dualad import errors, nn
from dualad._info import openblas
from dualad.nn.strategies.shards import Row, add, ranges, tree
from dualad.nn.strategies.threads import Threads

HERE = Path(__file__).parent
BITS = ("metrics", "noise", "rows", "float64")  # cases of mpi_worker


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in zip(a, b))


# ---- shards and the order of sums ----


@pytest.mark.parametrize("n", [1, 3, 7, 8, 9, 64, 103])
@pytest.mark.parametrize("shards", [1, 3, 8])
def test_ranges_cover_the_batch_in_order(n, shards):
    found = ranges(n, shards)
    assert [i for a, b in found for i in range(a, b)] == list(range(n))
    sizes = [b - a for a, b in found]
    assert len(found) == min(n, shards)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13])
def test_tree_adds_each_part_once_and_in_pairs(n):
    parts = {k: frozenset([k]) for k in range(n)}
    for k, j in tree(n):
        assert k < j
        parts[k] |= parts.pop(j)
    assert parts == {0: frozenset(range(n))}


def test_rows_are_added_pairwise(rng):
    """The sum of five rows, in the order that `tree` states, longer than one chunk."""
    gradient = rng.normal(size=40_000).astype("float32")
    rows = {k: Row(2, gradient, [np.zeros(3), np.zeros((), "int64")]) for k in range(5)}
    parts = rng.normal(size=(5, 40_000)).astype("float32")
    for k, row in rows.items():
        row.gradient[:] = parts[k]
        row.losses[:] = k
        row.states[0][:] = k
        row.states[1][...] = 7
    add(rows, tree(5))
    assert np.array_equal(rows[0].gradient, ((parts[0] + parts[1]) + (parts[2] + parts[3])) + parts[4])
    assert rows[0].losses.tolist() == [10, 10]
    assert rows[0].states[0].tolist() == [10] * 3
    assert rows[0].states[1] == 7


# ---- threads ----


@pytest.mark.parametrize("case", BITS)
def test_threads_give_the_bits_of_one(case):
    one = mpi_worker.trained(case, Threads(workers=1))
    for workers in (2, 4):
        several = mpi_worker.trained(case, Threads(workers=workers))
        assert same(one[0], several[0])
        assert one[1] == several[1]


@pytest.mark.parametrize(("case", "tolerance"), [("metrics", 2e-6), ("rows", 2e-6), ("float64", 1e-13)])
def test_threads_train_as_no_strategy(case, tolerance):
    """Batches that are no multiple of the shards, a last partial one, a regularizer, losses that are sums or means."""
    plain, threads = (mpi_worker.trained(case, strategy) for strategy in (None, "threads"))
    for a, b in zip(plain[0], threads[0]):
        np.testing.assert_allclose(b, a, rtol=0, atol=tolerance)
    assert plain[1].keys() == threads[1].keys()
    for name, values in plain[1].items():
        np.testing.assert_allclose(threads[1][name], values, rtol=10 * tolerance)


def two_outputs():
    nn.utils.set_random_seed(5)
    x = nn.Input((6,), dtype="float64")
    code = nn.Dense(4, activation="tanh", dtype="float64")(x)
    outputs = [nn.Dense(6, name="same", dtype="float64")(code), nn.Dense(1, name="number", activity_regularizer="l1", dtype="float64")(code)]
    model = nn.Model(x, outputs)
    model.compile("sgd", {"same": "mse", "number": nn.losses.MeanAbsoluteError(reduction="sum")}, loss_weights={"same": 1.0, "number": 0.25})
    return model


def test_several_outputs_and_sample_weights(rng):
    """One whole step: gradient and single losses against those of the undivided batch."""
    x, weights = rng.random((21, 6)), rng.random(21)
    y = [x, rng.normal(size=(21, 1))]
    found = []
    for strategy in (None, Threads(workers=2, shards=4)):
        model = two_outputs()
        history = model.fit(x, y, batch_size=21, shuffle=False, verbose=0, sample_weight=weights, strategy=strategy).history
        found.append((history, model.flat_gradient.copy()))
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-12, atol=1e-14)
    assert set(found[0][0]) == {"loss", "same_loss", "number_loss"}
    for name, values in found[0][0].items():
        np.testing.assert_allclose(found[1][0][name], values, rtol=1e-12)


def noisy(seed=0):
    nn.utils.set_random_seed(seed)
    layer = mpi_worker.Noise()
    model = nn.Sequential([nn.Input((12,)), layer])
    model.compile(nn.optimizers.SGD(0.0), "mse", metrics=[])
    return model, layer


def test_states_are_averages_over_shards():
    """A moving average becomes the mean of those of the shards, weighted by their sizes; a counter that of any of them."""
    model, layer = noisy()
    x = mpi_worker.data(10)
    model.fit(x, batch_size=10, shuffle=False, verbose=0, strategy=Threads(workers=2, shards=4))
    np.testing.assert_allclose(layer.mean.numpy(), 0.1 * x.mean(axis=0), rtol=1e-5)
    assert layer.count.numpy() == 1
    assert layer.count.dtype == "int64"


def test_each_shard_and_step_has_random_numbers_of_its_own():
    """Noise on zeros shows the numbers: equal ones would mean that two streams overlap."""
    seen = []

    class Watch(nn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            layout = next(iter(self.model._steps.values()))
            seen.extend(part.draws[1][2].copy() for k, part in layout.parts.items())

    model, _ = noisy()
    model.fit(np.zeros((8, 12), "float32"), batch_size=4, epochs=2, shuffle=False, verbose=0, strategy=Threads(workers=1, shards=4), callbacks=[Watch()])
    assert len(seen) == 16
    assert len({x.tobytes() for x in seen}) == 16
    assert abs(np.mean(seen)) < 0.3
    assert 0.8 < np.std(seen) < 1.2


def test_a_model_that_cannot_be_compiled_trains_too():
    class Plain(nn.Layer):
        def call(self, inputs):
            return inputs * 2.0

    found = []
    for eagerly, strategy in ((True, Threads(workers=2)), (False, Threads(workers=1)), (True, None)):
        nn.utils.set_random_seed(0)
        model = nn.Sequential([nn.Input((12,)), nn.Dense(12), Plain()])
        model.compile("sgd", "mse", run_eagerly=eagerly)
        model.fit(mpi_worker.data(), batch_size=50, verbose=0, strategy=strategy)
        found.append(model.get_weights())
    for weights in found[:2]:
        for a, b in zip(weights, found[2]):
            np.testing.assert_allclose(a, b, atol=2e-6)


def test_fit_leaves_nothing_behind_when_a_callback_raises():
    class Stop(nn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            assert self.model.strategy is strategy
            raise KeyError("stop")

    strategy = Threads(workers=2)
    threads = openblas("num_threads", ctypes.c_int)
    model = mpi_worker.model_for("metrics")
    with pytest.raises(KeyError, match="stop"):
        model.fit(mpi_worker.data(), verbose=0, strategy=strategy, callbacks=[Stop()])
    assert model.strategy is None
    assert openblas("num_threads", ctypes.c_int) == threads
    model.fit(mpi_worker.data(), verbose=0, strategy=strategy)  # both can be used again
    assert np.isfinite(model.evaluate(mpi_worker.data(), verbose=0)[0])


def test_programs_are_kept_between_calls_of_fit():
    model = mpi_worker.model_for("noise")
    x = mpi_worker.data()
    model.fit(x, verbose=0, strategy="threads")
    before = dict(model._steps)
    model.fit(x, verbose=0, strategy="threads")
    assert before
    assert model._steps.keys() == before.keys()
    assert all(model._steps[key] is layout for key, layout in before.items())


def test_weights_may_move_while_training():
    """Another model takes a layer into its own flat array after the first epoch."""
    x = mpi_worker.data()

    class Borrow(nn.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            other = nn.Sequential([nn.Input((12,)), self.model.layers[0]])
            other.compile("sgd", "mse")
            other.train_on_batch(x[:4], np.zeros((4, 9)))

    found = []
    for strategy in (None, "threads"):
        model = mpi_worker.model_for("rows")
        model.fit(x, epochs=3, verbose=0, strategy=strategy, callbacks=[Borrow()])
        found.append(model.get_weights())
    for a, b in zip(*found):
        np.testing.assert_allclose(b, a, atol=2e-6)


def test_losses_with_names_and_options_that_change(rng):
    """The parts of a variational autoencoder's loss; its beta is a constant of programs, which a change must reach."""
    x = rng.random((64, 12)).astype("float32")

    class Warm(nn.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.beta = 0.5 * epoch

    def trained(strategy):
        nn.utils.set_random_seed(0)
        model = nn.VAE(nn.Sequential([nn.Dense(8, activation="relu")]), nn.Sequential([nn.Dense(12)]), latent_dim=2)
        model.compile("adam", "mse")
        history = model.fit(x, epochs=3, verbose=0, strategy=strategy, callbacks=[Warm()]).history
        return model.get_weights(), history

    one, two = trained(Threads(workers=1)), trained(Threads(workers=2))
    assert same(one[0], two[0])
    history = one[1]
    for epoch in range(3):
        expected = history["reconstruction_loss"][epoch] + 0.5 * epoch * history["kl_loss"][epoch]
        assert history["loss"][epoch] == pytest.approx(expected, rel=1e-5)


# ---- errors ----


def test_errors_say_what_to_do():
    x = mpi_worker.data()
    model = mpi_worker.model_for("metrics")
    with pytest.raises(errors.UnknownNameError, match="unknown strategy 'thread'; did you mean 'threads'"):
        model.fit(x, verbose=0, strategy="thread")
    with pytest.raises(errors.StrategyError, match=r"strategy=3; it is 'threads', 'mpi', or an instance"):
        model.fit(x, verbose=0, strategy=3)
    with pytest.raises(errors.StrategyError, match=r"Threads\(workers=4, shards=2\); more workers than shards"):
        Threads(workers=4, shards=2)
    for bad in ({"workers": 0}, {"shards": 1.5}, {"blas_threads": True}):
        with pytest.raises(errors.StrategyError, match="a whole number of at least 1 is needed"):
            Threads(**bad)
    model.compile("sgd", nn.losses.MeanSquaredError(reduction="mean_with_sample_weight"))
    with pytest.raises(errors.StrategyError, match=r"mean_with_sample_weight.*use 'sum_over_batch_size'"):
        model.fit(x, verbose=0, strategy="threads")


def test_optimizers_of_the_whole_batch_are_refused():
    class Whole(nn.optimizers.SGD):
        whole_batch = True

    model = mpi_worker.model_for("metrics")
    model.compile(Whole(), "mse")
    with pytest.raises(errors.StrategyError, match="Whole evaluates the loss several times a step"):
        model.fit(mpi_worker.data(), verbose=0, strategy="threads")


def test_missing_mpi_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(errors.MissingExtraError, match=r"dualad\[mpi\]"):
        nn.strategies.Mpi()


def test_the_package_does_not_load_mpi():
    code = "import sys; from dualad import nn; nn.strategies; sys.exit(any(m in sys.modules for m in ('mpi4py', 'concurrent.futures', 'sklearn')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- processes ----


def launcher():
    beside = Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else shutil.which("mpiexec")


def mpi_missing():
    try:
        import mpi4py  # noqa: F401
    except ImportError:
        return "mpi4py is not installed"
    return "" if launcher() else "there is no mpiexec"


mpi = pytest.mark.skipif(bool(mpi_missing()), reason=mpi_missing() or "MPI is there")


def run_mpi(processes, case, how, folder):
    # Open MPI asks for consent to run as root and with more processes than processors; MPICH does not look at these
    consent = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
               "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    command = [launcher(), "-n", str(processes), sys.executable, str(HERE / "mpi_worker.py"), case, how, str(folder)]
    # a process that waits for ever is what the time limit is for
    return subprocess.run(command, env={**os.environ, **consent}, capture_output=True, text=True, timeout=120)


def trained_by(processes, case, how, folder):
    done = run_mpi(processes, case, how, folder)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "weights.npz") as file:
        weights = list(file.values())
    return weights, json.loads((folder / "history.json").read_text())


@mpi
@pytest.mark.parametrize("case", BITS)
def test_processes_give_the_bits_of_one(case, tmp_path):
    """1, 2 and 4 processes (3 once: shards that are no multiple), and threads: the same weights and history, bit for bit."""
    expected = mpi_worker.trained(case, Threads(workers=2))
    for processes in (1, 2, 3, 4) if case == "metrics" else (1, 2, 4):
        weights, history = trained_by(processes, case, "exact", tmp_path)
        assert same(weights, expected[0])
        assert history == expected[1]


@mpi
def test_sums_in_any_order_are_those_of_no_strategy_up_to_rounding(tmp_path):
    expected = mpi_worker.trained("float64", None)
    weights, history = trained_by(2, "float64", "loose", tmp_path)
    for a, b in zip(expected[0], weights):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-13)
    np.testing.assert_allclose(history["val_loss"], expected[1]["val_loss"], rtol=1e-12)


@mpi
@pytest.mark.parametrize(("case", "message"), [
    ("raises", "ValueError: the disk of process 1 is full"),
    ("uncaught", "something in process 1 went wrong"),
    ("differs", "the number of samples must be the same in all processes: 8"),
    ("evaluates", "the processes go different ways (train in process 0, test in process 1)"),
])
def test_errors_end_all_processes(case, message, tmp_path):
    done = run_mpi(2, case, "exact", tmp_path)
    assert done.returncode != 0
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


@mpi
def test_one_process_may_stop_all_after_an_epoch(tmp_path):
    _, history = trained_by(2, "stops", "exact", tmp_path)
    assert len(history["loss"]) == 2


def test_a_killed_training_resumes_bit_for_bit(tmp_path):
    """Random streams of shards follow from those of the layers, which checkpoints keep."""

    class Fail(nn.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1
            if self.batches == 6:
                raise KeyboardInterrupt

    def trained(*more):
        model = mpi_worker.model_for("noise")
        backup = nn.callbacks.BackupAndRestore(tmp_path / "run.npz", save_freq=1)
        history = model.fit(mpi_worker.data(), batch_size=24, epochs=3, verbose=0, strategy=Threads(workers=2), callbacks=[backup, *more])
        return model.get_weights(), history.history

    with pytest.raises(KeyboardInterrupt):
        trained(Fail())
    assert (tmp_path / "run.npz").exists()
    resumed, whole = trained(), trained()
    assert same(resumed[0], whole[0])
    assert resumed[1] == whole[1]
