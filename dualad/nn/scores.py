"""How well scores tell two kinds of samples apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DataError


def roc_auc(labels: Any, scores: Any) -> float:
    """The area under the receiver operating characteristic: how often a positive sample scores higher than a negative one.

    Parameters
    ----------
    labels : array (n,)
        True or not 0 for positive samples.
    scores : array (n,)

    Returns
    -------
    float
        From 0 to 1; 0.5 is chance. Equal scores count half.

    Raises
    ------
    DataError
        Numbers of labels and scores differ, or all samples are of one kind.

    Notes
    -----
    Exact, by ranks (Mann and Whitney, 1947); the metric `nn.metrics.AUC` sums over a grid of thresholds, batch by batch.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    positive, values = np.asarray(labels).astype(bool), np.asarray(scores, float)
    if positive.shape != values.shape or positive.ndim != 1:
        raise DataError(f"labels of shape {positive.shape} and scores of shape {values.shape}; one of each is needed for every sample")
    n = int(positive.sum())
    if n in (0, len(positive)):
        raise DataError("all samples have the same label; both kinds are needed to tell how well they are told apart")
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]  # equal values share the mean of their ranks
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n)))
