"""Callbacks: when they act, what they write, and what they say when they cannot."""

from __future__ import annotations

import csv
import io
import os
import re
import sys

import numpy as np
import pytest

from dualad import nn
from dualad.errors import CallbackError, ParameterError, TrainingWarning

cb = nn.callbacks
X = np.random.default_rng(0).random((20, 4), dtype="float32")


def model(optimizer="sgd", metrics=None):
    nn.utils.set_random_seed(0)
    made = nn.Sequential([nn.Input((4,)), nn.Dense(4, name="only")])
    made.compile(optimizer, "mse", metrics=metrics)
    return made


class Scripted(cb.Callback):
    """Puts numbers into the logs before the callbacks after it see them."""

    def __init__(self, **numbers):
        self.numbers = numbers

    def on_epoch_end(self, epoch, logs=None):
        logs.update({name: values[epoch] for name, values in self.numbers.items()})


def fit(watchers, epochs=10, optimizer="sgd", **options):
    made = model(optimizer)
    history = made.fit(X, epochs=epochs, batch_size=10, verbose=0, callbacks=watchers, **options)
    return made, history


# ---- EarlyStopping: the rule of Keras 3, written down independently ----


def stopping_epoch(values, patience=0, min_delta=0.0, baseline=None, start=0):
    best, wait = np.inf, 0
    for epoch, value in enumerate(values):
        if epoch < start:
            continue
        wait += 1
        if value < best - min_delta:
            best = value
            if baseline is None or value < baseline - min_delta:
                wait = 0
            continue
        if wait >= patience and epoch > 0:
            return epoch
    return None


SERIES = [[5, 4, 3, 3, 3, 3, 3, 3, 3, 3], [5, 6, 4, 5, 4.5, 3, 4, 4, 4, 4],
          [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [3, np.nan, 2, np.nan, np.nan, 1, 1, 1, 1, 1]]


@pytest.mark.parametrize("values", SERIES)
@pytest.mark.parametrize("options", [{}, {"patience": 2}, {"patience": 1, "min_delta": 1.5}, {"patience": 2, "baseline": 3.5}, {"patience": 1, "start": 4}])
@pytest.mark.parametrize("sign", [1, -1])
def test_early_stopping(values, options, sign):
    given = {("start_from_epoch" if k == "start" else k): v for k, v in options.items()}
    if sign < 0 and "baseline" in given:
        given["baseline"] = -given["baseline"]
    stop = cb.EarlyStopping("score", mode="min" if sign > 0 else "max", **given)
    _, history = fit([Scripted(score=[sign * v for v in values]), stop])
    expected = stopping_epoch(values, **options)
    assert len(history.epoch) == (10 if expected is None else expected + 1)
    assert stop.stopped_epoch == (expected or 0)


def test_early_stopping_restores_the_best_weights(capsys):
    kept = []
    watch = cb.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(made.get_weights()))
    made = model()
    stop = cb.EarlyStopping("score", patience=2, restore_best_weights=True, verbose=1)
    made.fit(X, epochs=10, verbose=0, callbacks=[Scripted(score=[3, 2, 1, 2, 3, 4, 0, 0, 0, 0]), watch, stop])
    assert len(kept) == 5
    assert stop.best_epoch == 2
    assert all(np.array_equal(a, b) for a, b in zip(made.get_weights(), kept[2]))
    assert not np.array_equal(kept[2][0], kept[4][0])
    assert capsys.readouterr().out == "Epoch 5: early stopping\nRestoring model weights from the end of the best epoch: 3.\n"


def test_modes_by_name():
    for name in ("accuracy", "val_acc", "auc", "val_precision", "r2_score", "f1_score", "cosine_similarity"):
        assert cb.EarlyStopping(name).rising
    for name in ("loss", "val_loss", "mae", "error"):
        assert not cb.EarlyStopping(name).rising
    with pytest.raises(CallbackError, match=r"EarlyStopping\(mode='up'\); it is 'auto', 'min' or 'max'"):
        cb.EarlyStopping(mode="up")


@pytest.mark.parametrize("make", [cb.EarlyStopping, cb.ReduceLROnPlateau, lambda **k: cb.ModelCheckpoint("m.npz", save_best_only=True, **k)])
def test_monitored_name_that_is_not_there(make):
    with pytest.raises(CallbackError, match=r"monitors 'val_loss', but fit has neither validation_data nor validation_split; give one, or monitor='loss'"):
        fit([make()])
    with pytest.raises(CallbackError, match="monitors 'lost', which the logs do not have; they have 'loss', 'val_loss'"):
        fit([make(monitor="lost")], validation_split=0.5)


def test_epochs_without_validation_do_not_count():
    stop = cb.EarlyStopping(patience=2)
    made = model(nn.optimizers.SGD(0.0))
    assert len(made.fit(X, epochs=20, verbose=0, validation_split=0.5, validation_freq=3, callbacks=stop).epoch) == 9


# ---- learning rates ----


def plateau(values, rate, factor=0.1, patience=10, min_delta=1e-4, cooldown=0, min_lr=0.0):
    best, wait, cooling, rates = np.inf, 0, 0, []
    for value in values:
        rates.append(rate)
        if cooling > 0:
            cooling, wait = cooling - 1, 0
        if value < best - min_delta:
            best, wait = value, 0
        elif cooling <= 0:
            wait += 1
            if wait >= patience and rate > min_lr:
                rate, cooling, wait = max(rate * factor, min_lr), cooldown, 0
    return rates


@pytest.mark.parametrize("values", SERIES)
@pytest.mark.parametrize("options", [{"patience": 1}, {"patience": 2, "factor": 0.5}, {"patience": 1, "cooldown": 2},
                                     {"patience": 1, "min_lr": 0.03, "factor": 0.5},
                                     {"patience": 2, "min_delta": 1.5}])
def test_reduce_on_plateau(values, options):
    _, history = fit([Scripted(score=values), cb.ReduceLROnPlateau("score", **options)], optimizer=nn.optimizers.SGD(0.1))
    assert history.history["learning_rate"] == plateau(values, 0.1, **options)


def test_reduce_on_plateau_refuses_to_raise():
    with pytest.raises(CallbackError, match=r"factor=1\.0"):
        cb.ReduceLROnPlateau(factor=1.0)


def test_schedule_that_counts_epochs():
    rates = []
    watch = cb.LambdaCallback(on_train_batch_begin=lambda batch, logs: rates.append(made.optimizer.learning_rate))
    made = model(nn.optimizers.SGD(nn.schedules.ExponentialDecay(0.1, 1, 0.5).per_epoch()))
    made.fit(X, epochs=3, batch_size=10, verbose=0, callbacks=watch)
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]


def test_learning_rate_scheduler(capsys):
    _, history = fit([cb.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1), verbose=1)], epochs=2)
    assert history.history["learning_rate"] == [0.1, 0.05]
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.05." in capsys.readouterr().out
    _, history = fit([cb.LearningRateScheduler(nn.schedules.ExponentialDecay(0.1, 1, 0.5))], epochs=3)
    assert history.history["learning_rate"] == [0.1, 0.05, 0.025]
    _, history = fit([cb.LearningRateScheduler(lambda epoch, rate: rate / 2)], epochs=2, optimizer=nn.optimizers.SGD(0.4))
    assert history.history["learning_rate"] == [0.2, 0.1]
    for bad, message in ((lambda epoch: None, "gave None in epoch 0"), (lambda epoch: -1.0, "gave -1.0 in epoch 0")):
        with pytest.raises(CallbackError, match=message):
            fit([cb.LearningRateScheduler(bad)])
    with pytest.raises(CallbackError, match="is a function of the epoch"):
        cb.LearningRateScheduler(0.1)
    with pytest.raises((CallbackError, ParameterError), match="follows"):
        fit([cb.LearningRateScheduler(lambda epoch: 0.1)], optimizer=nn.optimizers.SGD(nn.schedules.ExponentialDecay(0.1, 1, 0.5)))


# ---- ModelCheckpoint ----


def test_checkpoints_by_epoch_and_metric(tmp_path):
    made, history = fit([cb.ModelCheckpoint(tmp_path / "m-{epoch:02d}-{val_loss:.2f}.npz")], epochs=2, validation_split=0.5)
    assert sorted(os.listdir(tmp_path)) == [f"m-{k + 1:02d}-{v:.2f}.npz" for k, v in enumerate(history.history["val_loss"])]
    last = nn.load_model(tmp_path / sorted(os.listdir(tmp_path))[-1])
    assert np.array_equal(last.predict(X, verbose=0), made.predict(X, verbose=0))


@pytest.mark.parametrize(("mode", "threshold", "expected"), [("min", None, [1, 3, 6]), ("max", None, [1, 2, 5]), ("min", 1.5, [6]), ("max", 2.5, [2, 5])])
def test_best_only(tmp_path, mode, threshold, expected, capsys):
    keep = cb.ModelCheckpoint(tmp_path / "{epoch}.npz", "score", 1, True, True, mode, initial_value_threshold=threshold)
    made, _ = fit([Scripted(score=[2, 3, 1.6, 2, 4, 1.2, 3, 2, 2, 2]), keep])
    assert sorted(int(name[:-4]) for name in os.listdir(tmp_path)) == expected
    assert capsys.readouterr().out.count("saving weights to") == len(expected)
    made.load_weights(tmp_path / f"{expected[0]}.npz")


def test_checkpoints_by_batch(tmp_path):
    fit([cb.ModelCheckpoint(tmp_path / "{epoch}-{batch}.npz", save_freq=3)], epochs=4)  # two batches an epoch
    assert sorted(os.listdir(tmp_path)) == ["2-1.npz", "3-2.npz"]


def test_checkpoint_options(tmp_path):
    with pytest.raises(CallbackError, match=r"files end in .npz or .safetensors"):
        cb.ModelCheckpoint("best.keras")
    with pytest.raises(CallbackError, match="needs 'val_loss'; there are epoch, loss"):
        fit([cb.ModelCheckpoint(tmp_path / "{val_loss}.npz")])


# ---- TerminateOnNaN ----


def overflowing(weight, optimizer="sgd"):
    made = nn.Sequential([nn.Input((1,)), nn.Dense(1, name="first"), nn.Dropout(0.1), nn.Dense(1, "exponential", name="growing"), nn.Dense(1, name="last")])
    made.compile(optimizer, "mse")
    made.get_layer("growing").kernel.assign([[weight]])
    made.get_layer("first").kernel.assign([[1.0]])
    return made


def test_nan_names_the_layer():
    made, stop = overflowing(1000.0), cb.TerminateOnNaN()
    message = r"the loss of batch 0 in epoch 1 is (inf|nan), training ends: the layer growing \(Dense\) is the first whose outputs"
    with np.errstate(all="ignore"), pytest.warns(TrainingWarning, match=message):
        history = made.fit(np.ones((8, 1), "float32"), np.zeros((8, 1)), epochs=5, batch_size=2, verbose=0, callbacks=stop)
    assert stop.layer == "growing"
    assert len(history.epoch) == 1
    assert made.optimizer.iterations == 1


def test_nan_in_the_weights_and_in_the_loss():
    made, stop = model(), cb.TerminateOnNaN()
    made.get_layer("only").bias.assign([0, np.inf, 0, 0])
    with np.errstate(all="ignore"), pytest.warns(TrainingWarning, match="the weights only/bias of the layer only hold inf already before this batch"):
        made.fit(X, epochs=1, verbose=0, callbacks=stop)
    assert stop.layer == "only"
    made = model()
    made.compile("sgd", lambda y, p: np.mean(np.log(p * 0 - 1.0), axis=-1))
    with np.errstate(all="ignore"), pytest.warns(TrainingWarning, match="the outputs of all layers are finite; the loss of them is not"):
        made.fit(X, epochs=1, verbose=0, callbacks=stop)
    assert stop.layer is None


def test_finite_training_is_left_alone():
    made, history = fit([cb.TerminateOnNaN()], epochs=3)
    other, expected = fit([], epochs=3)
    assert history.history == expected.history
    assert np.array_equal(made.get_weights()[0], other.get_weights()[0])


# ---- files of numbers ----


def rows(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_csv(tmp_path):
    path = tmp_path / "log.csv"
    _, history = fit([cb.CSVLogger(path, separator=";")], epochs=3, validation_split=0.5)
    found = rows(path, ";")
    assert found[0] == ["epoch", "loss", "val_loss"]
    assert [[float(x) for x in row] for row in found[1:]] == [[k, history.history["loss"][k], history.history["val_loss"][k]] for k in range(3)]
    fit([cb.CSVLogger(path, separator=";", append=True)], epochs=2, validation_split=0.5)
    assert [row[0] for row in rows(path, ";")] == ["epoch", "0", "1", "2", "0", "1"]
    fit([cb.CSVLogger(path)], epochs=3, validation_split=0.5, validation_freq=2)
    assert [row[2] == "NA" for row in rows(path)] == [False, True, False, True]


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    _, history = fit([cb.TensorBoard(tmp_path, histogram_freq=1, update_freq="batch")], epochs=2, validation_split=0.5)
    assert sorted(os.listdir(tmp_path)) == ["train", "validation"]
    raw = b"".join(p.read_bytes() for p in (tmp_path / "train").iterdir())
    assert raw.count(b"epoch_loss") == 2
    assert raw.count(b"batch_loss") == 2
    assert raw.count(b"only/kernel") == 2
    assert np.float32(history.history["loss"][1]).tobytes() in raw


# ---- functions, lists of callbacks ----


def test_lambda_callback_and_order():
    told = []
    names = ["on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_test_begin", "on_test_end", "on_epoch_end", "on_train_end"]
    hooks = {name: (lambda *args, name=name: told.append((name, *args[:-1]))) for name in names}
    fit([cb.LambdaCallback(**hooks)], epochs=1, validation_split=0.5)
    assert told == [("on_train_begin",), ("on_epoch_begin", 0), ("on_train_batch_begin", 0), ("on_train_batch_end", 0), ("on_test_begin",), ("on_test_end",),
                    ("on_epoch_end", 0), ("on_train_end",)]
    with pytest.raises(ValueError, match="unknown hook 'on_epoch_ends'; did you mean 'on_epoch_end'"):
        cb.LambdaCallback(on_epoch_ends=print)
    with pytest.raises(CallbackError, match="it is a function"):
        cb.LambdaCallback(on_epoch_end=3)


def test_things_that_are_no_callbacks():
    with pytest.raises(CallbackError, match=r"write EarlyStopping\(\)"):
        fit([cb.EarlyStopping])
    with pytest.raises(CallbackError, match="verbose=3"):
        model().fit(X, verbose=3)


def test_logs_within_an_epoch_are_running_means():
    seen = []
    watch = cb.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    _, history = fit([watch], epochs=1)
    assert len(seen) == 2
    assert seen[-1] == history.history["loss"][0] != seen[0]


# ---- the progress bar ----


def shown(verbose, terminal=False, monkeypatch=None, action=None):
    class Output(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return terminal

    out = Output()
    monkeypatch.setattr(sys, "stdout", out)
    (action or (lambda made: made.fit(X, epochs=2, batch_size=5, verbose=verbose, validation_split=0.5)))(model(metrics=["mae"]))
    return out.getvalue()


TIME = r"\d+s \d+(s|ms|us)/step"


def test_progress_off_a_terminal(monkeypatch):
    assert shown("auto", monkeypatch=monkeypatch) == shown(0, terminal=True, monkeypatch=monkeypatch) == ""
    lines = shown(1, monkeypatch=monkeypatch).splitlines()
    assert [lines[0], lines[2], len(lines)] == ["Epoch 1/2", "Epoch 2/2", 4]
    for line in lines[1::2]:
        assert re.fullmatch(rf"2/2 ━{{20}} {TIME} - loss: \d\.\d{{4}} - mae: \d\.\d{{4}} - val_loss: \d\.\d{{4}} - val_mae: \d\.\d{{4}}", line)
    lines = shown(2, monkeypatch=monkeypatch).splitlines()
    for line in lines[1::2]:
        assert re.fullmatch(r"2/2 - \d+s - \d+(s|ms|us)/step - loss: \d\.\d{4} - mae: .*", line)


def test_progress_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("dualad.nn.callbacks.progress.PAUSE", 0)
    text = shown("auto", terminal=True, monkeypatch=monkeypatch)
    drawn = text.split("\n")[1].split("\r")[1:]
    assert [line.split()[0] for line in drawn] == ["1/2", "2/2", "2/2"]
    assert "━━━━━━━━━━──────────" in drawn[0]
    assert "val_loss" not in drawn[0]
    assert "val_loss" in drawn[2]
    assert all(len(line) == 119 for line in drawn[:2])
    assert text.count("\n") == 4


def test_progress_of_evaluate_and_predict(monkeypatch):
    text = shown(1, monkeypatch=monkeypatch, action=lambda made: (made.evaluate(X, batch_size=7, verbose=1), made.predict(X, batch_size=10, verbose=2)))
    first, second = text.splitlines()
    assert re.fullmatch(rf"3/3 ━{{20}} {TIME} - loss: \d\.\d{{4}} - mae: \d\.\d{{4}}", first)
    assert re.fullmatch(r"2/2 - \d+s - \d+(s|ms|us)/step", second)
