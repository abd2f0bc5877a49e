"""Lines: the course of training, and how a decoder stretches its code."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DataError, ShapeError
from .._names import lookup
from ..gradients import batch_jacobian
from ._figure import COLOURS, INK, axes_of, new_figure, tidy
from .latent import codes_of, decoder_of

STEEP = 30.0  # ratio of the largest to the smallest value from which a logarithmic scale shows more


def history(given: Any, names: Any = None, ax: Any = None) -> Any:
    """The losses and metrics of all epochs, those of the validation data beside them.

    Parameters
    ----------
    given : History, model or dict
        What `fit` returned; or a model that was trained; or lists by name.
    names : str or list of str, optional
        Which to draw, without ``val_``; by default all.
    ax : matplotlib.axes.Axes, optional
        For one name.

    Returns
    -------
    matplotlib.figure.Figure with a panel for each name, or `ax`

    Raises
    ------
    DataError
        There is nothing to draw; several names for one `ax`.
    UnknownNameError
        A name that was not measured.

    Examples
    --------
    >>> from dualad import nn
    >>> figure = nn.plots.history({"loss": [3, 2, 1], "val_loss": [4, 3, 3]})
    >>> [line.get_label() for line in figure.axes[0].lines[:2]]
    ['training', 'validation']
    """
    lists = _lists(given)
    known = {name: name for name in lists if not name.startswith("val_") or name[4:] not in lists}
    wanted = [lookup("measure", name, known) for name in ([names] if isinstance(names, str) else names or known)]
    if ax is not None:
        if len(wanted) > 1 and names is not None:
            raise DataError(f"one ax shows one of {wanted}; give its name, or no ax")
        return _panel(ax, lists, wanted[0])
    columns = min(len(wanted), 3)
    rows = -(-len(wanted) // columns)
    figure = new_figure(max(5.0, 4.0 * columns), 3.2 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, name in zip(panels, wanted):
        _panel(panel, lists, name)
    for panel in panels[len(wanted) :]:
        panel.remove()
    return figure


def _lists(given: Any) -> dict[str, Any]:
    found = given if isinstance(given, dict) else getattr(given, "history", None)
    found = found if isinstance(found, dict) or found is None else found.history
    if not found or not any(len(values) for values in found.values()):
        raise DataError("there is no history to draw: call model.fit first, and give what it returns")
    return dict(found)


def _panel(ax: Any, lists: dict[str, Any], name: str) -> Any:
    """One measure, for training and validation."""
    drawn = []
    for label, key, colour, style in (("training", name, COLOURS[0], "-"), ("validation", f"val_{name}", COLOURS[6], "--")):
        values = np.asarray(lists.get(key, []), float)
        if values.size:
            # a measure that is not taken in every epoch has fewer values than there are epochs, the last of them in the last one
            total = len(lists[name])
            epochs = np.linspace(total / len(values), total, len(values)) if len(values) <= total else np.arange(1, len(values) + 1)
            ax.plot(epochs, values, style, color=colour, label=label, marker="o" if len(values) < 8 else None, markersize=4)
            drawn.append(values)
    if len(drawn) == 2 and drawn[1].ndim == 1:
        best = int(np.nanargmin(drawn[1])) if name == "loss" else None
        if best is not None and np.isfinite(drawn[1][best]):
            ax.plot(ax.lines[1].get_xdata()[best], drawn[1][best], "o", color=COLOURS[6], markersize=7, fillstyle="none", label="lowest validation")
    every = np.concatenate(drawn)
    if np.all(every > 0) and every.max() > STEEP * every.min():
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel=name.replace("_", " "))
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(drawn) == 2:
        ax.legend(frameon=False, fontsize=8)
    return tidy(ax)


def jacobian_spectrum(model: Any, x: Any = None, codes: Any = None, ax: Any = None) -> Any:
    """The singular values of the decoder's Jacobian: how much the output changes along each direction of the code.

    Directions with values near zero do nothing: as many as the others are the dimensions that the code uses.

    Parameters
    ----------
    model : Autoencoder, or a decoder
    x : array, optional
        Samples at whose codes the derivative is taken.
    codes : array, optional
        In their place the codes themselves.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError
        Neither `x` nor `codes` was given; or codes are no vectors.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Autoencoder.dense(16, [3])
    >>> ax = nn.plots.jacobian_spectrum(model, np.random.default_rng(0).random((5, 16), dtype="float32"))
    >>> ax.get_xlabel()
    'direction of the code, by strength'
    """
    values = singular_values(model, x, codes)
    ax = axes_of(ax)
    at = np.arange(1, values.shape[1] + 1)
    for row in values:
        ax.plot(at, row, color=COLOURS[0], alpha=max(0.15, min(0.6, 6.0 / len(values))), linewidth=0.8)
    ax.plot(at, np.median(values, axis=0), color=INK, marker="o", markersize=4, linewidth=1.6, label=f"median of {len(values)} samples")
    positive = values[values > 0]
    if positive.size and positive.max() > STEEP * positive.min():
        ax.set_yscale("log")
        ax.set_ylim(bottom=positive.max() * 1e-6 if positive.min() < positive.max() * 1e-6 else None)
    ax.set(xlabel="direction of the code, by strength", ylabel="change of output per change of code", title="Singular values of the decoder's Jacobian")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False, fontsize=8)
    return tidy(ax)


def singular_values(model: Any, x: Any = None, codes: Any = None) -> np.ndarray:
    """Those of the decoder's Jacobian, for each sample from the largest down: shape ``(samples, size of the code)``."""
    if codes is None:
        if x is None:
            raise ShapeError("give samples x, or codes=..., at which the decoder is to be differentiated")
        codes = codes_of(model, x)
    codes = np.asarray(codes)
    if codes.ndim != 2:
        raise ShapeError(f"codes are vectors, one in each row; these have shape {codes.shape}")
    jacobians = np.asarray(batch_jacobian(decoder_of(model), codes))
    return np.linalg.svd(jacobians.reshape(len(codes), -1, codes.shape[1]), compute_uv=False)
