"""What the tests of `strategies.Mpi` run under mpirun: trains a small model, and process 0 writes weights and history.

``mpi_worker.py case exact folder``; the case says what is special.
"""

import json
import sys

import numpy as np

from dualad import nn

CASES = ("float64", "noise", "metrics", "rows", "raises", "uncaught", "differs", "stops", "evaluates")


def data(n=103, d=12, dtype="float32"):
    return np.random.default_rng(7).random((n, d)).astype(dtype)


class Noise(nn.Layer):
    """Draws twice a step, and keeps a moving average and a counter."""

    def build(self, input_shape):
        self.mean = self.add_weight(input_shape[1:], "zeros", "mean", trainable=False)
        self.count = nn.variables.Variable(np.zeros((), "int64"), "count", trainable=False)

    def call(self, inputs, training=False):
        if not training:
            return inputs - self.mean.value
        self.mean.assign(0.9 * self.mean.value + 0.1 * np.mean(inputs, axis=0))
        self.count.assign(self.count.value + 1)
        kept = np.where(self.draw("uniform", inputs.shape) > 0.3, inputs, 0.0)
        return kept + 0.1 * self.draw("normal", inputs.shape)


def model_for(case, seed=11):
    dtype = "float64" if case == "float64" else "float32"
    nn.utils.set_random_seed(seed)
    layers = [nn.Input((12,), dtype=dtype), nn.Dense(9, activation="relu", kernel_regularizer="l2", dtype=dtype)]
    if case == "noise":
        layers += [Noise()]
    layers += [nn.Dense(12, activation="sigmoid", dtype=dtype)]
    model = nn.Sequential(layers)
    loss = nn.losses.MeanSquaredError(reduction="sum") if case == "rows" else "binary_crossentropy"
    model.compile("adam", loss, metrics=["mae"] if case == "metrics" else None)
    return model


class Special(nn.callbacks.Callback):
    """Does in process 1 what the case is about."""

    def __init__(self, case, rank):
        self.case, self.rank = case, rank

    def on_train_batch_end(self, batch, logs=None):
        if self.case == "raises" and self.rank == 1 and batch == 1:
            raise ValueError("the disk of process 1 is full")

    def on_epoch_end(self, epoch, logs=None):
        if self.case == "stops" and self.rank == 1 and epoch == 1:
            self.model.stop_training = True

    def on_epoch_begin(self, epoch, logs=None):
        if self.case == "evaluates" and self.rank == 1:
            self.model.evaluate(data(), verbose=0)


class Writer(nn.callbacks.Callback):
    """Stands for callbacks that write."""

    calls = 0

    def on_epoch_end(self, epoch, logs=None):
        self.calls += self.loop.leads


def trained(case, strategy, rank=0, epochs=3):
    """Weights and history; also without MPI, for comparison."""
    # processes with seeds of their own: they must start from process 0's weights and streams
    model = model_for(case, seed=11 + rank)
    n = 101 + rank if case == "differs" else 103
    writer = Writer()
    history = model.fit(data(n, dtype=model.dtype), epochs=epochs, batch_size=5 if case == "rows" else 24, verbose=0, strategy=strategy,
                        validation_split=0.2, callbacks=[Special(case, rank), writer])
    assert writer.calls == (0 if rank else len(history.epoch))
    return model.get_weights(), history.history


def main():
    case, exact, folder = sys.argv[1:4]
    strategy = nn.strategies.Mpi(exact=exact == "exact")
    rank = strategy.rank
    if case == "uncaught" and rank == 1:
        raise RuntimeError("something in process 1 went wrong")
    weights, history = trained(case, strategy, rank)
    sums = strategy.comm.gather([w.tobytes() for w in weights], root=0)
    if rank == 0:
        assert all(other == sums[0] for other in sums), "processes end with different weights"
        np.savez(f"{folder}/weights.npz", *weights)
        with open(f"{folder}/history.json", "w") as f:
            json.dump(history, f)


if __name__ == "__main__":
    main()
