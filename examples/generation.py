"""Digits drawn by a variational autoencoder, and the plane of its codes.

    python examples/generation.py --data mnist
"""

import common
import numpy as np

from dualad import nn


def run(data="digits", latent=2, epochs=150, seed=0):
    """The evidence lower bound of held-out digits in nats, and the model."""
    x, y = nn.datasets.load_digits() if data == "digits" else nn.datasets.mnist_5k()
    (x, _), (test, labels) = common.split(x, y)
    nn.utils.set_random_seed(seed)
    model = nn.VAE.dense(x.shape[1], [256, 128, latent], activation="relu")
    model.compile(nn.optimizers.Adam(1e-3), "binary_crossentropy")
    model.fit(x, batch_size=64, epochs=epochs, verbose=0)
    found = model.evaluate(test, verbose=0, return_dict=True)
    mean = np.clip(x.mean(axis=0), 1e-3, 1 - 1e-3)  # what can be said without a code
    without = float(-np.mean(np.sum(test * np.log(mean) + (1 - test) * np.log(1 - mean), axis=1)))
    figures = {"bound": -found["loss"], "kl": found["kl_loss"], "reconstruction": found["reconstruction_loss"], "without a code": -without}
    print(f"held-out digits: evidence lower bound {figures['bound']:.2f} nats at the mean code (without a code {figures['without a code']:.2f}); "
          f"divergence {figures['kl']:.2f} nats")
    return figures, model, test, labels


def draw(model, test, labels):
    """Samples, or the plane of codes with where the classes lie."""
    if model.latent_dim != 2:
        return nn.plots.images(model.sample(64, seed=0), title="64 samples")
    from matplotlib.figure import Figure

    from dualad.nn.plots._figure import brightness, mosaic, show

    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    nn.plots.latent_scatter(model, test, labels, ax=left)
    left.set_title("codes of held-out digits", fontsize=10)
    side = int(test.shape[1] ** 0.5)
    drawn = model.sample(100, seed=0).reshape(-1, side, side)
    show(right, mosaic(drawn, 10), brightness(drawn))
    right.set_title("100 new digits, from codes drawn at random", fontsize=10)
    return figure


if __name__ == "__main__":
    given = common.options(__doc__, __file__, data=("digits", "mnist"), latent=2, epochs=0)
    _, *shown = run(given.data, given.latent, given.epochs or (150 if given.data == "digits" else 30), given.seed)
    common.save(draw(*shown), given.output)
