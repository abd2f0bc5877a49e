"""Images: samples, their reconstructions, and the weights that see them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DataError, LayerError
from ._figure import COLOURS, SIGNED, as_images, brightness, centres, mosaic, needed_images, new_figure, show, tidy

SERIES = 6  # samples that are drawn as lines where they are no images


def reconstructions(model: Any, x: Any, n: int = 10, inputs: Any = None, shape: Any = None) -> Any:
    """Samples above what the model makes of them, with the mean squared error of each.

    Parameters
    ----------
    model : Autoencoder, or any model whose outputs have the shape of its targets
    x : array
        The samples as they should come out. The first `n` are drawn: as images where they are images, else as lines.
    n : int
    inputs : array, optional
        What is given to the model in their place: damaged samples.
    shape : (height, width), optional
        Of flat images that are not square.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        No samples.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Autoencoder.dense(16, [3])
    >>> figure = nn.plots.reconstructions(model, np.random.default_rng(0).random((5, 16), dtype="float32"))
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['original', 'reconstruction']
    """
    x = np.asarray(x)[:n]
    if not len(x):
        raise DataError("there are no samples to draw")
    given = x if inputs is None else np.asarray(inputs)[:n]
    out = np.asarray(model.predict(given, verbose=0)).reshape(x.shape)
    errors = np.mean((out - x).reshape(len(x), -1) ** 2, axis=1)
    pictures = as_images(x, shape)
    if pictures is None:
        return _lines(x, given, out, errors)
    rows = {"original": pictures, **({} if inputs is None else {"input": as_images(given, shape)}), "reconstruction": as_images(out, shape)}
    height, width = pictures.shape[1:3]
    figure = new_figure(max(4.0, 0.95 * len(x) + 1.1), (0.95 * height / width) * len(rows) + 0.5)
    for ax, (name, these) in zip(figure.subplots(len(rows), squeeze=False).ravel(), rows.items()):
        assert these is not None
        show(ax, mosaic(these, len(x)), brightness(pictures))
        ax.set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    ax.set_xticks(centres(len(x), width), [f"{e:.2g}" for e in errors])
    ax.set_xlabel("mean squared error", fontsize=9)
    return figure


def _lines(x: np.ndarray, given: np.ndarray, out: np.ndarray, errors: np.ndarray) -> Any:
    """Samples that are no images, as lines over the number of the element."""
    n = min(len(x), SERIES)
    columns = min(n, 3)
    rows = -(-n // columns)
    figure = new_figure(3.4 * columns, 2.2 * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for k in range(n):
        ax = tidy(panels[k])
        if given is not x:
            ax.plot(given[k].ravel(), ".", color=COLOURS[3], markersize=4, label="input")
        ax.plot(x[k].ravel(), color=COLOURS[0], label="original")
        ax.plot(out[k].ravel(), "--", color=COLOURS[6], label="reconstruction")
        ax.set_title(f"mean squared error {errors[k]:.2g}", fontsize=9)
        if k >= n - columns:
            ax.set_xlabel("element of the sample")
    for ax in panels[n:]:
        ax.remove()
    panels[0].legend(frameon=False, fontsize=8)
    return figure


def images(x: Any, columns: int | None = None, shape: Any = None, title: str | None = None) -> Any:
    """Samples side by side: what a model has drawn, say.

    Parameters
    ----------
    x : array
    columns : int, optional
        By default so many that the picture is about square.
    shape : (height, width), optional
        Of flat images that are not square.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        The samples are no images.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> figure = nn.plots.images(np.random.default_rng(0).random((9, 64)))
    >>> figure.axes[0].images[0].get_array().shape
    (26, 26)
    """
    pictures = needed_images(x, shape, "samples")
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    whole = mosaic(pictures, columns)
    figure = new_figure(5.0, 5.0 * whole.shape[0] / whole.shape[1] + (0.3 if title else 0.0))
    ax = figure.subplots()
    show(ax, whole, brightness(pictures))
    if title:
        ax.set_title(title, fontsize=10)
    return figure


def filters(model: Any, n: int = 64, layer: Any = None, shape: Any = None) -> Any:
    """The weights of a layer as images: what each unit looks for. The strongest come first.

    Parameters
    ----------
    model : Model
    n : int
        How many units at most.
    layer : str or Layer, optional
        By default the first with a kernel of two or four dimensions (Dense, Conv2D).
    shape : (height, width), optional
        Of the inputs of a Dense layer, where they are no square images.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    LayerError
        There is no such kernel.
    ShapeError
        The inputs of the layer are no images.

    Examples
    --------
    >>> from dualad import nn
    >>> figure = nn.plots.filters(nn.Sequential([nn.Input((16,)), nn.Dense(4, name="seen")]))
    >>> figure.axes[0].get_title()
    'Weights of seen, 4 units'
    """
    found, kernel = _kernel(model, layer)
    units = np.moveaxis(kernel, -1, 0)
    if units.ndim == 4:  # over several channels: their mean
        units = units.mean(axis=3)
    pictures = needed_images(units, shape, f"the {len(units)} units of {found.name}")
    strength = np.sum(pictures.reshape(len(pictures), -1) ** 2, axis=1)
    pictures = pictures[np.argsort(-strength, kind="stable")][:n]
    if pictures.ndim == 4:
        pictures = pictures.mean(axis=3)
    columns = math.ceil(math.sqrt(len(pictures) * 1.6))
    whole = mosaic(pictures, columns)
    figure = new_figure(6.4, 5.6 * whole.shape[0] / whole.shape[1] + 0.5)
    ax = figure.subplots()
    top = float(np.nanmax(np.abs(whole))) or 1.0
    shown = show(ax, whole, (-top, top), SIGNED)
    figure.colorbar(shown, ax=ax, label="weight", shrink=0.8, pad=0.02).outline.set_visible(False)
    more = "" if len(pictures) == len(units) else f" of {len(units)}, the strongest"
    ax.set_title(f"Weights of {found.name}, {len(pictures)} units{more}", fontsize=10)
    return figure


def _kernel(model: Any, layer: Any) -> tuple[Any, np.ndarray]:
    """The layer, and its kernel as an array."""
    inner = [x for x in model.sublayers() if getattr(getattr(x, "kernel", None), "ndim", 0) in (2, 4)]
    if layer is not None and not isinstance(layer, str):
        inner = [x for x in inner if x is layer]
    elif layer is not None:
        from .._names import lookup

        inner = [lookup("layer with a kernel", layer, {x.name: x for x in inner})]
    if not inner:
        which = "such" if layer is not None else "built"
        raise LayerError(f"{model.name} has no {which} layer whose kernel has two or four dimensions, as Dense and Conv2D have")
    return inner[0], inner[0].kernel.numpy()
