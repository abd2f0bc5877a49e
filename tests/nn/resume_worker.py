"""Trainings for test_resume.py, each in a process of its own: forked here, so that dualad is loaded only once.

Each line of the input, ``case checkpoint result kill_at save_freq``, is a training that is killed before batch `kill_at`, counted over epochs.
The answers are the process's id and its exit status.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback

import numpy as np

from dualad import nn

cb = nn.callbacks


def data(dtype="float32"):
    return np.random.default_rng(1).random((70, 6)).astype(dtype)


class Batches:
    """An iterable that starts anew in each epoch."""

    def __iter__(self):
        rng = np.random.default_rng(5)
        for _ in range(6):
            x = rng.random((16, 6), dtype="float32")
            yield x, x


def stream():
    """A generator without end."""
    rng = np.random.default_rng(6)
    while True:
        x = rng.random((16, 6), dtype="float32")
        yield x, x


def dropout():
    model = nn.Sequential([nn.Input((6,)), nn.Dense(9, "relu"), nn.Dropout(0.3), nn.Dense(6)])
    model.compile(nn.optimizers.Adam(nn.schedules.CosineDecay(0.02, 25)), "mse", metrics=["mae"])
    return model, {"x": data(), "batch_size": 16, "epochs": 4, "validation_split": 0.2}, []


def normalised():
    x = nn.Input((6,))
    model = nn.Model(x, nn.Dense(6)(nn.BatchNormalization(momentum=0.8)(nn.Dense(5, "tanh")(x))))
    model.compile(nn.optimizers.SGD(0.5, momentum=0.9, nesterov=True), "mae")
    watchers = [cb.EarlyStopping(patience=2, restore_best_weights=True), cb.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.01)]
    return model, {"x": data(), "batch_size": 16, "epochs": 12, "validation_data": (data()[::-1], data()[::-1])}, watchers


def doubles():
    class Net(nn.Model):
        def __init__(self):
            super().__init__(dtype="float64")
            self.a, self.noise, self.b = (nn.Dense(7, "softplus", dtype="float64"), nn.GaussianNoise(0.1, dtype="float64"), nn.Dense(6, dtype="float64"))

        def call(self, inputs):
            return self.b(self.noise(self.a(inputs)))

    model = Net()
    model.compile(nn.optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=0.5, use_ema=True, ema_overwrite_frequency=5), "mse", weighted_metrics=["mse"])
    return model, {"x": data("float64"), "batch_size": 20, "epochs": 4, "sample_weight": np.linspace(0.1, 1, 70)}, []


def iterable():
    model = nn.Sequential([nn.Dense(6), nn.Dropout(0.2)])
    model.compile("rmsprop", "mse")
    return model, {"x": Batches(), "epochs": 4}, []


def endless():
    model = nn.Sequential([nn.Dense(6), nn.Dropout(0.2)])
    model.compile(nn.optimizers.Nadam(0.01, gradient_accumulation_steps=2), "mse")
    return model, {"x": stream(), "steps_per_epoch": 6, "epochs": 4, "validation_data": stream(), "validation_steps": 2}, []


def sampled():
    class Draw(nn.Layer):
        def call(self, inputs):
            return inputs + 0.1 * self.draw("normal", inputs.shape)  # in validation too

    model = nn.Sequential([nn.Input((6,)), nn.Dense(3), Draw(), nn.Dense(6)])
    model.compile("adam", "mse")
    return model, {"x": data(), "batch_size": 16, "epochs": 4, "validation_split": 0.2, "validation_freq": 2}, []


def second_order():
    model = nn.Autoencoder.dense(6, [3], output_activation="linear")
    model.compile("LBFGS", "mse")
    return model, {"x": data(), "batch_size": 35, "epochs": 6, "shuffle": False}, []


def variational():
    model = nn.VAE.dense(6, [5, 2], beta=0.1)
    model.compile("adam", "mse")
    return model, {"x": data(), "batch_size": 16, "epochs": 4, "validation_split": 0.3}, [cb.TerminateOnNaN()]


def recurrent():
    model = nn.Sequential([nn.Input((4, 6)), nn.LSTM(5, dropout=0.2, recurrent_dropout=0.2), nn.RepeatVector(4), nn.GRU(6, return_sequences=True)])
    model.compile(nn.optimizers.Lion(0.01), "mse")
    return model, {"x": np.random.default_rng(2).random((40, 4, 6), dtype="float32"), "batch_size": 16, "epochs": 5}, []


CASES = {f.__name__: f for f in (dropout, normalised, doubles, iterable, endless, sampled, second_order, variational, recurrent)}


class Killer(cb.Callback):
    """Kills the process before a batch."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def on_train_batch_begin(self, batch, logs=None):
        if self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen += 1

    def state(self):
        return {"seen": self.seen}

    def set_state(self, state):
        self.seen = state["seen"]


def main(case: str, checkpoint: str, result: str, kill_at: str, save_freq: str) -> None:
    nn.utils.set_random_seed(3)
    model, options, watchers = CASES[case]()
    backup = cb.BackupAndRestore(checkpoint, save_freq if save_freq == "epoch" else int(save_freq))
    history = model.fit(**options, verbose=0, callbacks=[backup, cb.CSVLogger(result + ".csv"), Killer(int(kill_at)), *watchers])
    state = {f"optimizer/{k}": v for k, v in model.optimizer.state().items() if v is not None}
    np.savez(result, **{f"weight/{k}": w for k, w in enumerate(model.get_weights())}, **state, epochs=history.epoch,
             **{f"history/{k}": v for k, v in history.history.items()})


def serve() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                main(*line.split())
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
