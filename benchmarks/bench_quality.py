"""Reconstruction error after training, against Keras with the same architecture, epochs and initial distributions: five seeds each.

Run as a script with a library's name, it trains and prints the errors of its seeds: libraries that set up threads of their own do not meet in one
process that way.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
from timing import Row, main

SEEDS = range(5)
# data, sizes, epochs
CASES = {"digits": ((64, 32, 64), 50), "MNIST, 5,000 images": ((784, 128, 32, 128, 784), 20)}


def data(case: str) -> tuple[np.ndarray, np.ndarray]:
    """Images to train on and images to measure on."""
    from dualad import nn

    images = nn.datasets.load_digits()[0] if case == "digits" else nn.datasets.mnist_5k()[0]
    images = np.random.default_rng(0).permutation(images)
    return images[: len(images) * 4 // 5], images[len(images) * 4 // 5 :]


def errors(library: Any, case: str) -> list[float]:
    """The mean squared error on the second part of the data, for each seed."""
    sizes, epochs = CASES[case]
    train, test = data(case)
    found = []
    for seed in SEEDS:
        library.utils.set_random_seed(seed)
        x = given = library.Input(shape=(sizes[0],))
        for n in sizes[1:-1]:
            x = library.layers.Dense(n, activation="relu")(x)
        model = library.Model(given, library.layers.Dense(sizes[-1], activation="sigmoid")(x))
        model.compile(optimizer="adam", loss="binary_crossentropy")
        model.fit(train, train, batch_size=64, epochs=epochs, verbose=0)
        found.append(float(np.mean((model.predict(test, verbose=0) - test) ** 2)))
    return found


def by_itself(library: str, case: str) -> list[float]:
    run = subprocess.run([sys.executable, __file__, library, case], capture_output=True, text=True, check=True)
    return [float(text) for text in run.stdout.split()]


def measure(quick: bool = False) -> list[Row]:
    rows = []
    for case in list(CASES)[: 1 if quick or find_spec("mlxtend") is None else 2]:
        found = {name: by_itself(name, case) for name in ("dualad", "keras") if find_spec(name) is not None}
        means = {name: float(np.mean(e)) for name, e in found.items()}
        title = f"error on {case}, mean of {len(SEEDS)} seeds"
        note = "; ".join(f"{name} {min(e):.5f} to {max(e):.5f}" for name, e in found.items())
        if "keras" in found:  # within the spread of Keras's own seeds
            bar = max(found["keras"]) / means["keras"]
            rows.append(Row(title, means["dualad"], unit="", base="Keras", base_value=means["keras"], bar=bar, note=note))
        else:
            rows.append(Row(title, means["dualad"], unit="", note=note))
    return rows


def work(library: str, case: str) -> None:
    if library == "keras":
        os.environ.setdefault("KERAS_BACKEND", "jax")
        import keras as used
    else:
        from dualad import nn as used
    print(*errors(used, case))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in ("dualad", "keras"):
        work(sys.argv[1], sys.argv[2])
    else:
        raise SystemExit(main(measure, "quality of training"))
