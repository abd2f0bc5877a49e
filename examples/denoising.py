"""Noise taken off images: a denoising autoencoder sees damaged digits, and learns to give the whole ones.

    python examples/denoising.py --data mnist --noise salt_and_pepper
"""

import common
import numpy as np

from dualad import nn


def run(data="digits", noise="gaussian", level=0.4, epochs=100, seed=0):
    """Errors before and after on held-out digits, the model, and what is needed to draw."""
    x, y = nn.datasets.load_digits() if data == "digits" else nn.datasets.mnist_5k()
    (x, _), (test, _) = common.split(x, y)
    nn.utils.set_random_seed(seed)
    model = nn.DenoisingAutoencoder.dense(x.shape[1], [256, 64], noise=noise, level=level)
    model.compile(nn.optimizers.Adam(1e-3), "binary_crossentropy")
    model.fit(x, batch_size=64, epochs=epochs, verbose=0)
    noisy = np.clip(model.corrupt(test), 0, 1).astype(test.dtype)
    clean = model.reconstruct(noisy)
    errors = {"noisy": float(np.mean((noisy - test) ** 2)), "cleaned": float(np.mean((clean - test) ** 2))}
    print(f"mean squared error of held-out digits: {errors['noisy']:.4f} with {noise} noise of {level}, {errors['cleaned']:.4f} cleaned")
    return errors, model, test, noisy


if __name__ == "__main__":
    given = common.options(__doc__, __file__, data=("digits", "mnist"), noise=("gaussian", "masking", "salt_and_pepper"), level=0.4, epochs=0)
    _, model, test, noisy = run(given.data, given.noise, given.level, given.epochs or (100 if given.data == "digits" else 20), given.seed)
    common.save(nn.plots.reconstructions(model, test, inputs=noisy), given.output)
