"""Ratings predicted by an autoencoder of films (AutoRec), against the mean rating of each film.

A film is the vector of the ratings that people gave it, mostly unknown; what comes out is known for all of them (Sedhain, Menon, Sanner and Xie, 2015).
MovieLens 100k may be used for research only; it is read from the package recbole: pip install --no-deps recbole
"""

import common
import numpy as np

from dualad import nn

MEAN = "film's mean"


class AutoRec(nn.Autoencoder):
    """An autoencoder whose loss counts only what is known; 0 stands for unknown."""

    def compute_loss(self, x, y, y_pred, sample_weight=None):
        known = y != 0
        return np.sum(known * (y_pred - y) ** 2) / np.sum(known)


def matrix(users, films, ratings, shape):
    """Ratings as an array with a row for each film; 0 is unknown."""
    out = np.zeros(shape, np.float32)
    out[films, users] = ratings
    return out


def run(units=256, epochs=60, seed=0):
    """Root mean squared errors, and the predictions."""
    users, films, ratings = nn.datasets.movielens_100k()
    order = np.random.default_rng(0).permutation(len(ratings))
    train, test = order[10_000:], order[:10_000]
    shape = films.max() + 1, users.max() + 1
    table = matrix(users[train], films[train], ratings[train], shape)
    counts = (table > 0).sum(axis=1)
    overall = ratings[train].mean()
    means = (table.sum(axis=1) + overall * 5) / (counts + 5)  # of films with few ratings drawn to the mean of all
    nn.utils.set_random_seed(seed)
    penalty = nn.regularizers.L2(2e-4)
    model = AutoRec([nn.Input((shape[1],)), nn.Dropout(0.3), nn.Dense(units, "sigmoid", kernel_regularizer=penalty)],
                    [nn.Dense(shape[1], kernel_regularizer=penalty)])
    model.compile(nn.optimizers.Adam(1e-3), "mse")
    centred = np.where(table > 0, table - means[:, np.newaxis] + 1e-6, 0).astype(np.float32)
    model.fit(centred, batch_size=64, epochs=epochs, verbose=0)
    predicted = np.clip(model.predict(centred, verbose=0) + means[:, np.newaxis], 1, 5)[films[test], users[test]]
    wrong = {MEAN: means[films[test]], "autoencoder": predicted}
    errors = {name: float(np.sqrt(np.mean((p - ratings[test]) ** 2))) for name, p in wrong.items()}
    baseline, found = errors.values()
    print(f"10,000 held-out ratings: root mean squared error {found:.4f} (the film's mean: {baseline:.4f}, {1 - found / baseline:.1%} better)")
    return errors, predicted, ratings[test]


def draw(errors, predicted, truth):
    """The predictions for each true rating."""
    from matplotlib.figure import Figure

    from dualad.nn.plots._figure import COLOURS, INK, tidy

    ax = Figure(figsize=(5.5, 3.8), layout="constrained").subplots()
    parts = ax.violinplot([predicted[truth == k] for k in range(1, 6)], range(1, 6), showmedians=True, widths=0.8)
    for body in parts["bodies"]:
        body.set(facecolor=COLOURS[0], alpha=0.5)
    for name in ("cmins", "cmaxes", "cbars", "cmedians"):
        parts[name].set(color=INK, linewidth=1.0)
    ax.plot([1, 5], [1, 5], ":", color=COLOURS[6])
    ax.set(xlabel="rating", ylabel="prediction", xticks=range(1, 6),
           title=f"root mean squared error {errors['autoencoder']:.3f}; the film's mean {errors[MEAN]:.3f}")
    return tidy(ax)


if __name__ == "__main__":
    given = common.options(__doc__, __file__, epochs=60)
    common.save(draw(*run(epochs=given.epochs, seed=given.seed)), given.output)
