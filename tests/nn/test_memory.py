"""Training takes the memory of a batch, whatever the number of steps and the size of the data."""

import tracemalloc

import numpy as np
import pytest

from dualad import nn


def model_of(d):
    x = nn.Input((d,))
    model = nn.Model(x, nn.Dense(d, activation="sigmoid")(nn.Dropout(0.2)(nn.BatchNormalization()(nn.Dense(8, activation="relu")(x)))))
    model.compile("adam", "mse", metrics=["mae"])
    return model


def peak(run):
    """The most bytes that were allocated at once while it ran, beyond those before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_steps_leave_nothing_behind():
    x = np.random.default_rng(0).random((640, 16), dtype=np.float32)
    model = model_of(16)
    model.fit(x, batch_size=32, verbose=0)  # records
    few = peak(lambda: model.fit(x, batch_size=32, epochs=2, verbose=0))
    many = peak(lambda: model.fit(x, batch_size=32, epochs=40, verbose=0))
    assert many - few < 16_000, f"{many - few} bytes more for 760 steps more"


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_mapped_files_are_read_in_batches(tmp_path, dtype):
    d, n = 256, 64 * 312
    data = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", dtype, (n, d))
    data[...] = np.arange(d) % 2
    data.flush()
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    model = model_of(d)
    model.fit(mapped[:64], batch_size=64, verbose=0)
    used = peak(lambda: model.fit(mapped, batch_size=64, verbose=0))
    assert used < 8 * n + 2_500_000 < mapped.nbytes, used  # 8 bytes a sample: their order
    model.evaluate(mapped[:64], batch_size=64, verbose=0)
    used = peak(lambda: model.evaluate(mapped, batch_size=64, verbose=0))
    assert used < 2_500_000, used


def test_targets_are_no_second_copy():
    x = np.random.default_rng(0).random((64 * 1000, 64), dtype=np.float32)
    model = model_of(64)
    model.fit(x[:64], batch_size=64, verbose=0)
    assert peak(lambda: model.fit(x, batch_size=64, verbose=0)) < x.nbytes / 4
