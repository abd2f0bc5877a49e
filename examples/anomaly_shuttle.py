"""Anomalies among readings of nine instruments of a space shuttle (Statlog; needs the file of river: pip install --no-deps river).

The model sees normal readings only; the error of reconstruction is the score.
"""

import common
import numpy as np

from dualad import nn
from dualad.nn.scores import roc_auc


def scaled(x, train):
    """Each column by its median and the spread of its middle half, and what lies far out drawn in: the instruments have outliers of a thousand times that."""
    low, middle, high = np.percentile(train, (25, 50, 75), axis=0)
    return np.arcsinh((x - middle) / np.maximum(high - low, 1)).astype(np.float32)


def run(epochs=10, seed=0):
    """Areas under the curve, and scores with labels."""
    x, anomaly = nn.datasets.shuttle()
    normal = np.flatnonzero(anomaly == 0)
    order = np.random.default_rng(0).permutation(normal)
    train = x[order[: len(order) // 2]]
    held_out = np.ones(len(x), bool)
    held_out[order[: len(order) // 2]] = False
    test, anomaly = scaled(x[held_out], train), anomaly[held_out]
    train = scaled(train, train)
    nn.utils.set_random_seed(seed)
    model = nn.Autoencoder.dense(9, [32, 16, 3], activation="tanh", code_activation="linear", output_activation="linear")
    model.compile(nn.optimizers.Adam(2e-3), "mse")
    model.fit(train, batch_size=128, epochs=epochs, verbose=0)
    scores = model.anomaly_score(test, batch_size=4096)
    areas = {"autoencoder": roc_auc(anomaly, scores), "PCA": roc_auc(anomaly, common.PCA(train, 3).errors(test))}
    print(f"{len(test):,} readings, {anomaly.sum():,} of them anomalies: area under the ROC curve {areas['autoencoder']:.4f} "
          f"(3 principal components: {areas['PCA']:.4f})")
    return areas, scores, anomaly


def draw(areas, scores, anomaly):
    """The ROC curve, and the scores of both kinds."""
    from matplotlib.figure import Figure

    from dualad.nn.plots._figure import COLOURS, tidy

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    bins = np.geomspace(max(scores.min(), 1e-6), scores.max(), 60)
    for kind, colour, style, name in ((0, COLOURS[0], "-", "normal"), (1, COLOURS[6], "--", "anomaly")):
        left.hist(scores[anomaly == kind], bins, histtype="stepfilled", facecolor=colour + "55", edgecolor=colour, linestyle=style, linewidth=1.5, label=name)
    left.set(xscale="log", yscale="log", xlabel="anomaly score: mean squared error", ylabel="readings")
    left.legend(frameon=False, loc="upper left")
    order = np.argsort(-scores)
    hits = anomaly[order] == 1
    right.plot(np.cumsum(~hits) / np.sum(~hits), np.cumsum(hits) / np.sum(hits), color=COLOURS[0])
    right.plot([0, 1], [0, 1], ":", color=COLOURS[3])
    right.set(xlabel="false alarms, part of the normal readings", ylabel="anomalies found", title=f"area {areas['autoencoder']:.4f}")
    for ax in (left, right):
        tidy(ax)
    return figure


if __name__ == "__main__":
    given = common.options(__doc__, __file__, epochs=10)
    common.save(draw(*run(given.epochs, given.seed)), given.output)
