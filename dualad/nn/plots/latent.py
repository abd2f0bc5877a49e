"""The space of codes: where samples lie in it, and what lies where."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DataError, GraphError, ShapeError
from ._figure import COLOURS, INK, axes_of, brightness, centres, mosaic, needed_images, new_figure, readable_on, show, tidy

CLASSES = 10  # so many labels have colours of their own; more are a scale
RANGE = (5, 95)  # percentiles of the codes between which pictures move


def encoder_of(model: Any) -> Any:
    """The model that makes codes."""
    if hasattr(model, "encoder"):
        return model.encoder
    raise GraphError(f"{getattr(model, 'name', model)!r} has no encoder; give an nn.Autoencoder, or the codes themselves")


def codes_of(model: Any, x: Any) -> np.ndarray:
    """The codes of samples, as vectors."""
    found = model.encode(x) if hasattr(model, "encode") else encoder_of(model).predict(x, verbose=0)
    found = found[0] if isinstance(found, (list, tuple)) else found
    return np.asarray(found)


def decoder_of(model: Any) -> Any:
    """The model that takes codes: an autoencoder's decoder, or the model itself."""
    return getattr(model, "decoder", model)


def latent_scatter(model: Any, x: Any = None, labels: Any = None, ax: Any = None, names: Any = None) -> Any:
    """The codes of samples as points; of longer codes the two principal components.

    Parameters
    ----------
    model : Autoencoder; or array
        An array is taken for the codes.
    x : array, optional
        Samples to encode.
    labels : array, optional
        Integers give a colour for each class, whose name stands in its middle; other numbers, a scale.
    ax : matplotlib.axes.Axes, optional
    names : list of str, optional
        Of the classes.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    GraphError
        The model has no encoder.
    DataError
        Labels and samples differ in number.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> codes = np.random.default_rng(0).normal(size=(100, 2))
    >>> nn.plots.latent_scatter(codes, labels=np.arange(100) % 3).get_xlabel()
    'code 1'
    """
    codes = np.asarray(model) if isinstance(model, np.ndarray) else codes_of(model, x)
    codes = codes.reshape(len(codes), -1)
    if labels is not None and len(labels) != len(codes):
        raise DataError(f"{len(labels)} labels for {len(codes)} samples")
    points, titles = flattened(codes)
    ax = axes_of(ax, 6.0, 5.0)
    size = float(np.clip(12000 / max(len(points), 1), 4, 30))
    if labels is None:
        ax.scatter(*points.T, s=size, color=COLOURS[0], alpha=0.6, linewidths=0)
    else:
        _labelled(ax, points, np.asarray(labels), size, names)
    ax.set(xlabel=titles[0], ylabel=titles[1])
    return tidy(ax)


def _labelled(ax: Any, points: np.ndarray, labels: np.ndarray, size: float, names: Any) -> None:
    kinds = np.unique(labels)
    if labels.dtype.kind == "f" or len(kinds) > CLASSES:
        values = labels if labels.dtype.kind in "biuf" else np.searchsorted(kinds, labels)
        shown = ax.scatter(*points.T, s=size, c=values, cmap="viridis", alpha=0.7, linewidths=0)
        ax.figure.colorbar(shown, ax=ax, label="label").solids.set_alpha(1)
        return
    for k, kind in enumerate(kinds):
        ax.scatter(*points[labels == kind].T, s=size, color=COLOURS[k], alpha=0.7, linewidths=0)
    for k, (kind, place) in enumerate(zip(kinds, _apart(points, labels, kinds))):  # after the points, so that they lie on top
        ax.annotate(str(kind if names is None else names[k]), place, color=readable_on(COLOURS[k]), fontsize=9, fontweight="bold", ha="center",
                    va="center", bbox={"boxstyle": "round,pad=0.25", "facecolor": COLOURS[k], "edgecolor": INK, "linewidth": 0.6})


def _apart(points: np.ndarray, labels: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Places for the names of classes: their medians, moved until none covers another."""
    places = np.array([np.median(points[labels == kind], axis=0) for kind in kinds])
    scale = np.ptp(points, axis=0) * (0.055, 0.065)
    scale[scale == 0] = 1.0
    for _ in range(200):
        away = (places[:, np.newaxis] - places) / scale
        distance = np.hypot(*away.transpose(2, 0, 1)) + np.eye(len(places)) * 9
        if distance.min() >= 1:
            break
        away[distance < 1e-9] = (0.0, 1.0)
        push = np.where(distance < 1, (1 - distance) / np.maximum(distance, 1e-9), 0)[..., np.newaxis] * away
        places = places + 0.3 * push.sum(axis=1) * scale
    return places


def flattened(codes: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Codes in the plane, and what its axes are."""
    if codes.shape[1] == 1:
        return np.column_stack([codes[:, 0], np.linspace(0, 1, len(codes))]), ["code 1", "place in the data"]
    if codes.shape[1] == 2:
        return codes, ["code 1", "code 2"]
    centred = codes - codes.mean(axis=0)
    _, s, v = np.linalg.svd(centred, full_matrices=False)
    share = s**2 / max(float(np.sum(s**2)), 1e-30)
    return centred @ v[:2].T, [f"principal component {k + 1} of the code ({share[k]:.0%} of the variance)" for k in (0, 1)]


def _decoded(model: Any, codes: np.ndarray, shape: Any) -> np.ndarray:
    decoder = decoder_of(model)
    out = decoder.predict(codes.astype(decoder.dtype), verbose=0)
    return needed_images(out, shape, "decoded samples")


def latent_traversal(model: Any, x: Any, dimensions: Any = None, steps: int = 9, start: int = 0, shape: Any = None) -> Any:
    """What each number of the code does: one sample's code is decoded with one number changed, a row for each.

    Parameters
    ----------
    model : Autoencoder
    x : array
        Samples, whose codes give the range: from the 5th percentile of each number to the 95th.
    dimensions : list of int, optional
        Which numbers; by default those eight that vary most.
    steps : int
    start : int
        Which of the samples is changed.
    shape : (height, width), optional
        Of flat images that are not square.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        What is decoded are no images.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Autoencoder.dense(16, [3])
    >>> figure = nn.plots.latent_traversal(model, np.random.default_rng(0).random((9, 16), dtype="float32"))
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['code 1', 'code 2', 'code 3']
    """
    codes = codes_of(model, x)
    if codes.ndim != 2:
        raise ShapeError(f"codes are vectors, one in each row; these have shape {codes.shape}")
    if dimensions is None:
        dimensions = np.sort(np.argsort(-codes.std(axis=0), kind="stable")[:8])
    low, high = np.percentile(codes, RANGE, axis=0)
    moved = np.repeat(codes[start][np.newaxis], len(dimensions) * steps, axis=0).reshape(len(dimensions), steps, -1)
    for row, j in zip(moved, dimensions):
        row[:, j] = np.linspace(low[j], high[j], steps)
    pictures = _decoded(model, moved.reshape(-1, codes.shape[1]), shape)
    whole = mosaic(pictures, steps)
    figure = new_figure(0.62 * steps + 0.9, 0.62 * steps * whole.shape[0] / whole.shape[1] + 0.7)
    ax = figure.subplots()
    show(ax, whole, brightness(pictures))
    ax.set_yticks(centres(len(dimensions), pictures.shape[1]), [f"code {j + 1}" for j in dimensions])
    at = centres(steps, pictures.shape[2])
    ax.set_xticks(at[[0, steps // 2, -1]] if steps > 2 else at, ["5th percentile", "middle", "95th percentile"] if steps > 2 else ["5th", "95th"][:steps])
    ax.set_title(f"Codes of sample {start} with one number changed", fontsize=10)
    return figure


def latent_grid(model: Any, x: Any = None, n: int = 11, dimensions: tuple[int, int] = (0, 1), shape: Any = None) -> Any:
    """What lies where in the plane of two numbers of the code.

    Parameters
    ----------
    model : Autoencoder
    x : array, optional
        Samples, whose codes give the range, and the other numbers of the code by their median. Without them the code is taken for one of a `VAE`: the numbers
        are quantiles of the standard normal distribution, the others 0.
    n : int
        Images along each side.
    dimensions : (int, int)
    shape : (height, width), optional
        Of flat images that are not square.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        What is decoded are no images; the code has only one number.

    Examples
    --------
    >>> from dualad import nn
    >>> figure = nn.plots.latent_grid(nn.VAE.dense(16, [8, 2]), n=4)
    >>> figure.axes[0].get_xlabel()
    'code 1'
    """
    first, second = dimensions
    if x is None:
        from statistics import NormalDist

        width = int(decoder_of(model).input_shape[-1])
        ticks = np.array([round(NormalDist().inv_cdf(q), 12) for q in np.linspace(0.05, 0.95, n)])
        across, up, middle = ticks, ticks, np.zeros(width)
    else:
        codes = codes_of(model, x)
        width, middle = codes.shape[1], np.median(codes, axis=0)
        low, high = np.percentile(codes, RANGE, axis=0)
        across, up = (np.linspace(low[j], high[j], n) for j in (first % width, second % width))
    if max(dimensions) >= width:
        raise ShapeError(f"dimensions={dimensions}; the code has {width} numbers")
    grid = np.tile(middle, (n, n, 1))
    grid[..., first], grid[..., second] = across, up[::-1, np.newaxis]  # upwards
    pictures = _decoded(model, grid.reshape(n * n, width), shape)
    figure = new_figure(5.6, 5.6 * pictures.shape[1] / pictures.shape[2])
    ax = figure.subplots()
    show(ax, mosaic(pictures, n), brightness(pictures))
    marks = np.unique(np.linspace(0, n - 1, min(n, 5)).round().astype(int))
    ax.set_xticks(centres(n, pictures.shape[2])[marks], [f"{across[k]:.2g}" for k in marks])
    ax.set_yticks(centres(n, pictures.shape[1])[n - 1 - marks], [f"{up[k]:.2g}" for k in marks])
    ax.set(xlabel=f"code {first + 1}", ylabel=f"code {second + 1}")
    return figure
