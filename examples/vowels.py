"""Who says "ae"? Nine speakers told apart by features that an autoencoder has learned without knowing them (needs the file of aeon:
pip install --no-deps aeon).

25 steps of 12 coefficients become a code of 24 numbers; a softmax layer over the codes learns the speakers from few labels.
"""

import common
import numpy as np

from dualad import nn


def classifier(x, y, seed, epochs=200):
    """A softmax layer."""
    nn.utils.set_random_seed(seed)
    model = nn.Sequential([nn.Input(x.shape[1:]), nn.Dense(9, kernel_regularizer=nn.regularizers.L2(1e-3))])
    model.compile(nn.optimizers.Adam(1e-2), nn.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    return model


def accuracy(model, x, y):
    return float(np.mean(np.argmax(model.predict(x, verbose=0), axis=1) == y))


def run(latent=24, epochs=150, labels=90, seed=0):
    """Accuracies on 370 utterances, the codes, and their labels."""
    (x, y), (test, truth) = nn.datasets.japanese_vowels()
    mean, deviation = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    x, test = (x - mean) / deviation, (test - mean) / deviation
    nn.utils.set_random_seed(seed)
    model = nn.DenoisingAutoencoder.dense(x.shape[1:], [128, latent], activation="tanh", code_activation="linear", output_activation="linear", level=0.5)
    model.compile(nn.optimizers.Adam(1e-3), "mse")
    model.fit(x, batch_size=32, epochs=epochs, verbose=0)
    few = np.random.default_rng(seed).permutation(len(x))[:labels]
    codes, test_codes = model.encode(x), model.encode(test)
    scale = codes.std(axis=0)
    on_codes = classifier(codes[few] / scale, y[few], seed)
    flat = x.reshape(len(x), -1)
    on_raw = classifier(flat[few], y[few], seed)
    found = {"codes": accuracy(on_codes, test_codes / scale, truth), "raw": accuracy(on_raw, test.reshape(len(test), -1), truth)}
    print(f"370 utterances, learned from {labels} labels: {found['codes']:.1%} right by {latent} features, {found['raw']:.1%} by all {flat.shape[1]} numbers")
    return found, test_codes, truth


if __name__ == "__main__":
    given = common.options(__doc__, __file__, latent=24, epochs=150)
    found, codes, truth = run(given.latent, given.epochs, seed=given.seed)
    ax = nn.plots.latent_scatter(codes, labels=truth + 1)
    ax.set_title(f"Codes of held-out utterances by speaker; {found['codes']:.1%} recognised", fontsize=10)
    common.save(ax, given.output)
