"""Which parts of a sample an output depends on, by derivatives with respect to the inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ParameterError, ShapeError
from ...transforms import value_and_grad
from ._figure import SIGNED, brightness, mosaic, needed_images, new_figure, show

Output = Callable[[Any, Any], Any]


def gradients_of_inputs(model: Any, x: Any, output: Any = None) -> np.ndarray:
    """The derivative of a number for each sample with respect to the sample.

    Parameters
    ----------
    model : Model
    x : array
    output : int or function, optional
        Which output; or a function of (outputs, inputs) to one number for each sample. By default the squared error where outputs are reconstructions, else
        the largest output.

    Returns
    -------
    array of the shape of `x`

    Raises
    ------
    ParameterError
        There is no such output.
    ShapeError
        `output` does not give one number for each sample.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(1, kernel_initializer="ones")])
    >>> nn.plots.gradients_of_inputs(model, np.zeros((1, 3), "float32"), output=0).tolist()
    [[1.0, 1.0, 1.0]]
    """
    return _differentiated(model, np.asarray(x), output)[1]


def _differentiated(model: Any, x: np.ndarray, output: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the samples, and their derivatives."""
    x = x.astype(model.dtype, copy=False)
    choose = _output(model, x, output)

    def total(given: Any) -> tuple[Any, Any]:
        values = choose(model(given), given)
        if np.shape(values) != (len(x),):
            raise ShapeError(f"output gives shape {np.shape(values)} for {len(x)} samples; one number for each is needed")
        return np.sum(values), values

    (_, values), gradient = value_and_grad(total, has_aux=True)(x)
    return np.asarray(values), np.asarray(gradient)


def _output(model: Any, x: np.ndarray, output: Any) -> Output:
    """What is differentiated, as a function of outputs and inputs."""
    if callable(output):
        return output
    y = model(x[:1])
    if isinstance(y, (list, tuple, dict)):
        raise ParameterError(f"{model.name} has {len(y)} outputs; give output=lambda outputs, inputs: ..., which makes one number for each sample of them")
    if output is None:
        if np.shape(y)[1:] == x.shape[1:]:
            return lambda out, given: np.sum(np.reshape((out - given) ** 2, (len(x), -1)), axis=1)
        best = np.argmax(np.reshape(model.predict(x, verbose=0), (len(x), -1)), axis=1)
        return lambda out, given: np.reshape(out, (len(x), -1))[np.arange(len(x)), best]
    size = int(np.prod(np.shape(y)[1:]))
    if isinstance(output, bool) or not isinstance(output, (int, np.integer)) or not 0 <= output < size:
        raise ParameterError(f"output={output!r}; {model.name} has the outputs 0 to {size - 1} (or give a function of outputs and inputs)")
    return lambda out, given: np.reshape(out, (len(x), -1))[:, int(output)]


def attributions(model: Any, x: Any, output: Any = None, baseline: Any = 0.0, steps: int = 32) -> np.ndarray:
    r"""Integrated gradients: how much each element adds to the output, compared with a baseline.

    .. math:: (x - b) \int_0^1 \nabla f(b + t (x - b)) \, dt

    by Gauss and Legendre's rule; they add up to :math:`f(x) - f(b)`.

    Parameters
    ----------
    model, x, output
        As in `gradients_of_inputs`.
    baseline : number or array
        A sample without what is looked for, such as a black image.
    steps : int
        Points of the integral.

    Returns
    -------
    array of the shape of `x`

    Notes
    -----
    Sundararajan, Taly and Yan (2017), *Axiomatic attribution for deep networks*.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> model = nn.Sequential([nn.Input((2,)), nn.Dense(1, kernel_initializer="ones")])
    >>> nn.plots.attributions(model, np.array([[1.0, 3.0]], "float32"), output=0).tolist()
    [[1.0, 3.0]]
    """
    if steps < 1:
        raise ParameterError(f"steps={steps!r}; at least 1 is needed")
    x = np.asarray(x).astype(model.dtype, copy=False)
    if output is None and np.shape(model(x[:1]))[1:] != x.shape[1:]:  # along the whole path the output that is largest at its end
        choose = _output(model, x, None)
    else:
        choose = output
    b = np.broadcast_to(np.asarray(baseline, x.dtype), x.shape)
    points, weights = np.polynomial.legendre.leggauss(steps)
    mean = np.zeros(x.shape, np.float64)
    for t, w in zip((points + 1) / 2, weights / 2):
        mean += w * _differentiated(model, b + x.dtype.type(t) * (x - b), choose)[1]
    return ((x - b) * mean).astype(x.dtype)


def saliency(model: Any, x: Any, output: Any = None, n: int = 8, shape: Any = None) -> Any:
    """Samples above the derivatives of an output with respect to each pixel.

    Parameters
    ----------
    model, x, output
        As in `gradients_of_inputs`.
    n : int
        How many samples.
    shape : (height, width), optional
        Of flat images that are not square.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Simonyan, Vedaldi and Zisserman (2013), *Deep inside convolutional networks*.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> figure = nn.plots.saliency(nn.Autoencoder.dense(16, [3]), np.random.default_rng(0).random((5, 16), dtype="float32"))
    >>> len(figure.axes[0].images)
    1
    """
    x = np.asarray(x)[:n]
    return _pair(x, gradients_of_inputs(model, x, output), shape, "saliency", "derivative, relative to its largest")


def integrated_gradients(model: Any, x: Any, output: Any = None, baseline: Any = 0.0, steps: int = 32, n: int = 8, shape: Any = None) -> Any:
    """Samples above what each pixel adds to an output (see `attributions`).

    Parameters
    ----------
    model, x, output, baseline, steps
        As in `attributions`.
    n : int
        How many samples.
    shape : (height, width), optional
        Of flat images that are not square.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> figure = nn.plots.integrated_gradients(nn.Autoencoder.dense(16, [3]), np.random.default_rng(0).random((5, 16), dtype="float32"))
    >>> len(figure.axes[0].images)
    1
    """
    x = np.asarray(x)[:n]
    return _pair(x, attributions(model, x, output, baseline, steps), shape, "attribution", "part of the output, relative to the largest")


def _pair(x: np.ndarray, values: np.ndarray, shape: Any, name: str, label: str) -> Any:
    """Images above signed values, each sample's on a scale of its own."""
    pictures = needed_images(x, shape, "samples")
    maps = needed_images(values, shape, "samples")
    if maps.ndim == 4:
        maps = maps.mean(axis=3)
    largest = np.max(np.abs(maps), axis=(1, 2), keepdims=True)
    maps = maps / np.where(largest > 0, largest, 1)
    height, width = pictures.shape[1:3]
    figure = new_figure(max(4.0, 0.95 * len(x) + 1.4), 1.9 * height / width + 0.4)
    above, below = figure.subplots(2)
    show(above, mosaic(pictures, len(x)), brightness(pictures))
    shown = show(below, mosaic(maps, len(x)), (-1.0, 1.0), SIGNED)
    above.set_ylabel("sample", fontsize=9, rotation=0, ha="right", va="center")
    below.set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    figure.colorbar(shown, ax=[above, below], shrink=0.8, pad=0.02, ticks=[-1, 0, 1]).outline.set_visible(False)
    figure.axes[-1].set_ylabel(label.replace(", ", ",\n"), fontsize=8)
    return figure
