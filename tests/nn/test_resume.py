"""Trainings that are killed and go on end bit for bit as those that are not."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dualad import nn
from dualad.errors import SavedFileError, SaveError
from dualad.nn.saving import files

WORKER = Path(__file__).with_name("resume_worker.py")


class Server:
    """The process that forks the trainings."""

    def __init__(self):
        # one BLAS thread: a process with several must not fork
        env = {**os.environ, "PYTHONWARNINGS": "error", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen([sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def start(self, folder, case, kill_at=-1, save_freq="epoch", name="result"):
        print(case, folder / f"{name}.ckpt", folder / name, kill_at, save_freq, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def status(self):
        return int(self.process.stdout.readline())

    def run(self, *args, **kwargs):
        self.start(*args, **kwargs)
        return self.status()


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.process.stdin.close()
    assert made.process.wait(60) == 0
    made.process.stdout.close()


def results(folder, name):
    with np.load(folder / f"{name}.npz") as file:
        found = {key: file[key] for key in file.files}
    return found, (folder / f"{name}.csv").read_text()


def same(a, b):
    assert a[1] == b[1]
    assert a[0].keys() == b[0].keys()
    for key, x in a[0].items():
        assert x.dtype == b[0][key].dtype
        assert x.tobytes() == b[0][key].tobytes(), key


@pytest.mark.parametrize(("case", "save_freq"), [("dropout", "epoch"), ("dropout", 3), ("normalised", "epoch"), ("normalised", 4), ("doubles", 1),
                                                 ("iterable", 5), ("endless", "epoch"), ("endless", 4), ("sampled", 3), ("second_order", 3),
                                                 ("variational", 4), ("recurrent", 2)])
def test_killed_at_batches_and_resumed_twice(tmp_path, server, case, save_freq):
    rng = random.Random(f"{case} {save_freq}")
    assert server.run(tmp_path, case, name="whole") == 0
    for at in (rng.randint(1, 6), rng.randint(7, 11)):
        assert server.run(tmp_path, case, at, save_freq) == -signal.SIGKILL
    assert server.run(tmp_path, case, -1, save_freq) == 0
    same(results(tmp_path, "whole"), results(tmp_path, "result"))
    assert not (tmp_path / "result.ckpt").exists()


def test_killed_from_outside_at_any_moment(tmp_path, server):
    rng = random.Random(0)
    begun = time.perf_counter()
    assert server.run(tmp_path, "dropout", name="whole") == 0
    usual = time.perf_counter() - begun
    killed = 0
    for _ in range(25):
        pid = server.start(tmp_path, "dropout", save_freq=1)
        time.sleep(rng.uniform(0, usual))
        with contextlib.suppress(ProcessLookupError):  # it was faster
            os.kill(pid, signal.SIGKILL)
        if server.status() == 0:
            break
        killed += 1
    else:
        assert server.run(tmp_path, "dropout", save_freq=1) == 0
    same(results(tmp_path, "whole"), results(tmp_path, "result"))
    assert killed > 0
    assert not [name for name in os.listdir(tmp_path) if name.endswith(files.SUFFIX)]


# ---- in one process ----


def made(units=5, optimizer="adam"):
    nn.utils.set_random_seed(0)
    model = nn.Sequential([nn.Input((4,)), nn.Dense(units, "tanh"), nn.Dropout(0.3), nn.Dense(4)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


DATA = np.random.default_rng(0).random((40, 4), dtype="float32")


class FailAt(nn.callbacks.Callback):
    def __init__(self, at):
        self.at, self.seen = at, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.at:
            raise ZeroDivisionError("mine")


@pytest.mark.parametrize("at", [3, 5, 7, 8])
@pytest.mark.parametrize("anew", [False, True])
def test_callback_that_raises(tmp_path, at, anew):
    whole = made()
    expected = whole.fit(DATA, epochs=5, batch_size=16, verbose=0)
    model = made()
    backup = nn.callbacks.BackupAndRestore(tmp_path / "run.ckpt", save_freq=2)
    with pytest.raises(ZeroDivisionError, match="mine"):
        model.fit(DATA, epochs=5, batch_size=16, verbose=0, callbacks=[backup, FailAt(at)])
    assert np.isfinite(model.predict(DATA, verbose=0)).all()
    if anew:  # as a new process would; otherwise the very model, whose compiled steps have drawn numbers
        model = made()
    resumed = model.fit(DATA, epochs=5, batch_size=16, verbose=0, callbacks=[backup])
    assert resumed.history == expected.history
    for a, b in zip(whole.get_weights(), model.get_weights()):
        assert np.array_equal(a, b)


def test_stop_within_an_epoch_is_kept(tmp_path):
    class Stop(nn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.loop.epoch == 1 and batch == 1:
                self.model.stop_training = True

    def fit(*more):
        model = made()
        backup = nn.callbacks.BackupAndRestore(tmp_path / "run.ckpt", save_freq=1)
        return model.fit(DATA, epochs=5, batch_size=16, verbose=0, validation_split=0.5, callbacks=[Stop(), backup, *more]), model

    expected, whole = fit()

    class Fail(nn.callbacks.Callback):
        def on_test_begin(self, logs=None):
            if self.loop.epoch == 1:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(Fail())
    resumed, model = fit()
    assert resumed.history == expected.history
    assert len(resumed.epoch) == 2
    assert all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), model.get_weights()))


def interrupted(tmp_path, model=None, data=DATA, **options):
    model = made() if model is None else model
    backup = nn.callbacks.BackupAndRestore(tmp_path / "run.ckpt", save_freq=1)
    options = {"epochs": 3, "batch_size": 16, "verbose": 0, **options}
    with pytest.raises(ZeroDivisionError):
        model.fit(data, callbacks=[backup, FailAt(4), *options.pop("more", [])], **options)
    return backup


@pytest.mark.parametrize(("model", "data", "options", "message"), [
    (lambda: made(6), DATA, {}, r"weight number 0 is .*'dense/kernel', \[4, 5\]"),
    (lambda: made(optimizer="sgd"), DATA, {}, "optimizer, class_name is 'Adam' there and 'SGD' here"),
    (lambda: made(optimizer=nn.optimizers.Adam(amsgrad=True)), DATA, {}, "optimizer, config, amsgrad is False there and True here"),
    (made, DATA[:-1], {}, "data, samples is 40 there and 39 here"),
    (made, DATA[::-1], {}, "first and last sample"),
    (made, DATA, {"batch_size": 20}, "batch_size is 16 there and 20 here"),
    (made, DATA, {"validation_data": (DATA, DATA)}, "validation data is None there"),
    (made, DATA, {"shuffle": False}, "shuffle is True there and False here"),
])
def test_checkpoint_of_another_training(tmp_path, model, data, options, message):
    backup, other = interrupted(tmp_path), model()
    before = other.get_weights()
    with pytest.raises(SavedFileError, match=message):
        other.fit(data, callbacks=[backup], **{"epochs": 3, "batch_size": 16, "verbose": 0, **options})
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights()))


def test_callback_missing_when_resumed(tmp_path):
    backup = interrupted(tmp_path, more=[nn.callbacks.EarlyStopping(monitor="loss")])
    with pytest.raises(SavedFileError, match="EarlyStopping, which is not among"):
        made().fit(DATA, callbacks=[backup], epochs=3, batch_size=16, verbose=0)


def test_iterable_that_is_shorter_when_resumed(tmp_path):
    def batches(n):
        return ((DATA[:8], DATA[:8]) for _ in range(n))

    backup = interrupted(tmp_path, data=batches(100), batch_size=None, steps_per_epoch=3)
    with pytest.raises(ValueError, match="the iterable ends after 2 batches"):
        made().fit(batches(2), callbacks=[backup], epochs=3, steps_per_epoch=3, verbose=0)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text"])
def test_damaged_checkpoint(tmp_path, damage):
    backup = interrupted(tmp_path)
    raw = bytearray(Path(backup.path).read_bytes())
    if damage == "flipped":
        raw[raw.index(b"NUMPY") + 140] ^= 8  # among the numbers of an array
    Path(backup.path).write_bytes(b"text" if damage == "text" else bytes(raw[: len(raw) // 2]) if damage == "truncated" else bytes(raw))
    with pytest.raises(SavedFileError, match=r"run\.ckpt is damaged"):
        made().fit(DATA, callbacks=[backup], epochs=3, batch_size=16, verbose=0)


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_full_disk(tmp_path, monkeypatch, failing):
    backup = interrupted(tmp_path)
    before = Path(backup.path).read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        if failing == "write":
            patched.setattr(np.lib.format, "write_array", full)
        else:
            patched.setattr(os, failing, full)
        with pytest.raises(SaveError, match=r"cannot write .*run\.ckpt: No space left on device; the file that was there is unchanged"):
            made().fit(DATA, callbacks=[backup], epochs=3, batch_size=16, verbose=0)
    assert Path(backup.path).read_bytes() == before
    assert os.listdir(tmp_path) == ["run.ckpt"]
    assert made().fit(DATA, callbacks=[backup], epochs=3, batch_size=16, verbose=0).epoch == [0, 1, 2]


def test_disk_that_is_full_indeed(tmp_path):
    """The system refuses to let the file grow; run in a process of its own, whose limit it is."""
    code = f"""
import resource, numpy as np
from dualad import nn
model = nn.Sequential([nn.Input((100,)), nn.Dense(100)])
model.save({str(tmp_path / "model.npz")!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    model.save({str(tmp_path / "model.npz")!r})
except nn.saving.files.SaveError as error:
    print(error)
nn.load_model({str(tmp_path / "model.npz")!r})
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "File too large; the file that was there is unchanged" in out
    assert os.listdir(tmp_path) == ["model.npz"]


def test_folder_and_kept_checkpoint(tmp_path):
    backup = nn.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    model = made()
    first = model.fit(DATA, epochs=2, verbose=0, callbacks=[backup])
    assert os.listdir(tmp_path / "backup") == ["checkpoint.npz"]
    again = made().fit(DATA, epochs=2, verbose=0, callbacks=[backup])  # nothing is left to do
    assert again.history == first.history
    longer = made().fit(DATA, epochs=4, verbose=0, callbacks=[backup]).history
    assert longer == made().fit(DATA, epochs=4, verbose=0).history


def test_bad_options(tmp_path):
    for freq in (0, "batch", True, 1.5):
        with pytest.raises(ValueError, match="it is 'epoch' or a number of batches"):
            nn.callbacks.BackupAndRestore(tmp_path / "a.ckpt", save_freq=freq)


@pytest.mark.parametrize("at", [4, 6])
def test_training_on_threads(tmp_path, at):
    def fit(*watchers, **options):
        model = made()
        return model.fit(DATA, epochs=4, batch_size=16, verbose=0, strategy=nn.strategies.Threads(workers=2, shards=4), callbacks=list(watchers)), model

    expected, whole = fit()
    backup = nn.callbacks.BackupAndRestore(tmp_path / "run.ckpt", save_freq=1)
    with pytest.raises(ZeroDivisionError):
        fit(backup, FailAt(at))
    resumed, model = fit(backup)
    assert resumed.history == expected.history
    assert all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), model.get_weights()))
