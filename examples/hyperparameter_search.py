"""The options of an autoencoder by random search with cross-validation, in plain NumPy (Bergstra and Bengio, 2012).

    python examples/hyperparameter_search.py --trials 30
"""

import common
import numpy as np

from dualad import nn

CODE = 8


def draw_options(rng):
    """Options at random: rates by their order of magnitude."""
    return {"rate": float(10 ** rng.uniform(-3.5, -1.5)), "units": int(2 ** rng.uniform(4, 8)), "activation": str(rng.choice(["relu", "tanh", "gelu"])),
            "batch": int(rng.choice([32, 64, 128]))}


def fitted(options, x, epochs, seed):
    """A model with these options, trained."""
    nn.utils.set_random_seed(seed)
    model = nn.Autoencoder.dense(x.shape[1], [options["units"], CODE], activation=options["activation"], code_activation="linear")
    model.compile(nn.optimizers.Adam(options["rate"]), "mse")
    model.fit(x, batch_size=options["batch"], epochs=epochs, verbose=0)
    return model


def cross_validated(options, x, folds, epochs, seed):
    """The mean error over folds, each held out once."""
    parts = np.array_split(np.random.default_rng(0).permutation(len(x)), folds)
    errors = []
    for k, held_out in enumerate(parts):
        train = np.concatenate([part for j, part in enumerate(parts) if j != k])
        errors.append(fitted(options, x[train], epochs, seed).evaluate(x[held_out], verbose=0))
    return float(np.mean(errors))


def run(trials=12, folds=3, epochs=10, final=60, seed=0):
    """The trials from best to worst, and the error of the best on data that took no part in the search."""
    (x, _), (test, _) = common.split(*nn.datasets.load_digits())
    rng = np.random.default_rng(seed)
    tried = []
    for _ in range(trials):
        options = draw_options(rng)
        tried.append((cross_validated(options, x, folds, epochs, seed), options))
    tried.sort(key=lambda pair: pair[0])
    for error, options in tried[:5]:
        print(f"{error:.5f}  " + ", ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in options.items()))
    model = fitted(tried[0][1], x, final, seed)
    found = {"search": tried[0][0], "test": float(model.evaluate(test, verbose=0)), "PCA": float(np.mean(common.PCA(x, CODE).errors(test)))}
    print(f"the best of {trials}, trained for {final} epochs: mean squared error {found['test']:.5f} on held-out digits (PCA: {found['PCA']:.5f})")
    return tried, found


def draw(tried, found):
    """Errors over rates, by activation; the size of a mark is the number of units."""
    from matplotlib.figure import Figure

    from dualad.nn.plots._figure import COLOURS, tidy

    ax = Figure(figsize=(6, 4), layout="constrained").subplots()
    for activation, colour, mark in (("relu", COLOURS[0], "o"), ("tanh", COLOURS[6], "s"), ("gelu", COLOURS[4], "^")):
        these = [(options["rate"], error, options["units"]) for error, options in tried if options["activation"] == activation]
        if these:
            rates, errors, units = zip(*these)
            ax.scatter(rates, errors, s=np.array(units), color=colour, marker=mark, alpha=0.8, label=activation)
    ax.set(xscale="log", xlabel="learning rate (size of a mark: units)", ylabel="mean squared error, cross-validated")
    ax.legend(frameon=False)
    return tidy(ax)


if __name__ == "__main__":
    given = common.options(__doc__, __file__, trials=12)
    common.save(draw(*run(given.trials, seed=given.seed)), given.output)
