"""Anomalies among images: an autoencoder that has seen only faces reconstructs other pictures badly (needs scikit-image, for its data).

How well the error tells them apart is the area under the ROC curve (0.5: not at all, 1: always). Many of the other pictures are dark: part of it is that.
"""

import common
import numpy as np

from dualad import nn
from dualad.nn.scores import roc_auc


def run(epochs=150, seed=0):
    """Areas under the curve, the scores, and what is needed to draw."""
    images, face = nn.datasets.lfw_subset()
    x = images.reshape(len(images), -1)
    faces = x[face == 1]
    train, test = faces[:60], np.concatenate([faces[60:], x[face == 0]])
    anomaly = np.arange(len(test)) >= 40
    nn.utils.set_random_seed(seed)
    model = nn.DenoisingAutoencoder.dense(x.shape[1], [128, 16], noise="gaussian", level=0.1)  # noise makes more of 60 samples
    model.compile(nn.optimizers.Adam(1e-3), "mse")
    model.fit(train, batch_size=20, epochs=epochs, verbose=0)
    scores = model.anomaly_score(test)
    areas = {"autoencoder": roc_auc(anomaly, scores), "PCA": roc_auc(anomaly, common.PCA(train, 16).errors(test))}
    print(f"40 faces and 100 other pictures: area under the ROC curve {areas['autoencoder']:.3f} (16 principal components: {areas['PCA']:.3f})")
    return areas, scores, anomaly, test, model


def draw(areas, scores, anomaly, test, model):
    """The scores of both kinds, and what is most and least like a face."""
    from matplotlib.figure import Figure

    from dualad.nn.plots._figure import COLOURS, mosaic, show, tidy

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
    bins = np.geomspace(scores.min(), scores.max(), 25)
    for kind, colour, style, name in ((False, COLOURS[0], "-", "faces"), (True, COLOURS[6], "--", "other pictures")):
        left.hist(scores[anomaly == kind], bins, histtype="stepfilled", facecolor=colour + "55", edgecolor=colour, linestyle=style, linewidth=1.5, label=name)
    left.set(xscale="log", xlabel="anomaly score: mean squared error", ylabel="pictures", title=f"area under the ROC curve {areas['autoencoder']:.3f}")
    left.legend(frameon=False)
    tidy(left)
    order = np.argsort(scores)
    rows = np.concatenate([test[order[:10]], model.reconstruct(test[order[:10]]), test[order[-10:]], model.reconstruct(test[order[-10:]])])
    show(right, mosaic(rows.reshape(-1, 25, 25), 10), (0, 1))
    right.set_yticks([26 * r + 12 for r in range(4)], ["lowest scores", "reconstructed", "highest scores", "reconstructed"])
    return figure


if __name__ == "__main__":
    given = common.options(__doc__, __file__, epochs=150)
    common.save(draw(*run(given.epochs, given.seed)), given.output)
