"""A generative adversarial network on digits, with alternating steps written by hand.

The discriminator D learns to tell digits from what the generator G makes of random codes; G learns to deceive it (Goodfellow and
others, 2014, with the loss of section 3 that does not saturate). The picture needs matplotlib: python examples/gan.py gan.png
"""

import sys

import numpy as np

from dualad import nn

CODE, BATCH = 16, 64


def networks():
    """Generator and discriminator."""
    leaky = nn.activations.leaky_relu
    generator = nn.Sequential([nn.Input((CODE,)), nn.Dense(64, "relu"), nn.Dense(128, "relu"), nn.Dense(64, "sigmoid")])
    discriminator = nn.Sequential([nn.Input((64,)), nn.Dense(128, leaky), nn.Dense(64, leaky), nn.Dense(1)])
    return generator, discriminator


def train(x, epochs, seed=0):
    """The generator, and the losses of both after each epoch."""
    nn.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    generator, discriminator = networks()
    loss_of = nn.losses.BinaryCrossentropy(from_logits=True)
    for_g, for_d = (nn.optimizers.Adam(learning_rate=1e-3, beta_1=0.5) for _ in range(2))
    real, fake = np.ones((BATCH, 1), "float32"), np.zeros((BATCH, 1), "float32")
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - BATCH + 1, BATCH):
            batch = x[order[start : start + BATCH]]
            made = generator(rng.standard_normal((BATCH, CODE), "float32"))
            # 1. D: digits are real, what G made is not (`made` is plain numbers here, so G does not change)
            with nn.GradientTape() as tape:
                loss_d = loss_of(0.9 * real, discriminator(batch)) + loss_of(fake, discriminator(made))
            for_d.apply_gradients(zip(tape.gradient(loss_d, discriminator.trainable_weights), discriminator.trainable_weights))
            # 2. G: D should take what it makes for real (only G's weights are updated)
            codes = rng.standard_normal((BATCH, CODE), "float32")
            with nn.GradientTape() as tape:
                loss_g = loss_of(real, discriminator(generator(codes)))
            for_g.apply_gradients(zip(tape.gradient(loss_g, generator.trainable_weights), generator.trainable_weights))
        losses.append((f"{loss_d:.3f}", f"{loss_g:.3f}"))
    return generator, [tuple(map(float, pair)) for pair in losses]


def picture(samples, path):
    """Writes the samples as one image."""
    import matplotlib.pyplot as plt

    cells = np.pad(samples.reshape(64, 8, 8), ((0, 0), (1, 1), (1, 1)))
    rows = np.concatenate([np.concatenate(row, axis=1) for row in cells.reshape(8, 8, 10, 10)])
    plt.imsave(path, np.kron(1 - rows, np.ones((8, 8))), cmap="gray", vmin=0, vmax=1)


if __name__ == "__main__":
    digits, _ = nn.datasets.load_digits()
    generator, losses = train(digits, epochs=100)
    print("losses of discriminator and generator:", losses[::20])
    if len(sys.argv) > 1:
        picture(generator.predict(np.random.default_rng(1).standard_normal((64, CODE), "float32"), verbose=0), sys.argv[1])
