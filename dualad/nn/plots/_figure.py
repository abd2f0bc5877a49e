"""What all pictures share: figures, colours, and samples as images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import MissingExtraError, ShapeError

# M. A. Petroff (2021), "Accessible color sequences for data visualization": ten that stay apart in all common forms of colour blindness
COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
SIGNED = "PuOr_r"  # a diverging map, told apart without red and green
INK = "#333333"
GAP = 1  # pixels between images of a mosaic


def new_figure(width: float, height: float) -> Any:
    """A figure of so many inches that belongs to no window."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("pictures need matplotlib: pip install 'dualad[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def readable_on(colour: str) -> str:
    """White or dark, whichever is read more easily on a colour ``#rrggbb``."""
    r, g, b = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return "white" if 0.299 * r + 0.587 * g + 0.114 * b < 140 else INK


def axes_of(ax: Any, width: float = 6.0, height: float = 4.0) -> Any:
    """The given axes, or those of a new figure."""
    return new_figure(width, height).subplots() if ax is None else ax


def tidy(ax: Any) -> Any:
    """Axes without what says nothing: a frame on two sides only, and a light grid behind the lines."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def as_images(x: Any, shape: Any = None) -> np.ndarray | None:
    """Samples as images ``(n, height, width)`` or ``(n, height, width, 3)``; None where they are none.

    Parameters
    ----------
    x : array
        Flat samples are taken for square images where the number of elements allows it.
    shape : (height, width) or (height, width, channels), optional
        Of flat samples.

    Raises
    ------
    ShapeError
        The samples do not have so many elements.
    """
    a = np.asarray(x)
    if shape is not None:
        if math.prod(shape) != a[0].size:
            raise ShapeError(f"shape={tuple(shape)}: samples have {a[0].size} elements, not {math.prod(shape)}")
        a = a.reshape(len(a), *shape)
    elif a.ndim == 2:
        side = math.isqrt(a.shape[1])
        if side * side != a.shape[1] or side < 4:
            return None
        a = a.reshape(len(a), side, side)
    if a.ndim == 4 and a.shape[-1] == 1:
        a = a[..., 0]
    return a if a.ndim == 3 or (a.ndim == 4 and a.shape[-1] in (3, 4)) else None


def needed_images(x: Any, shape: Any, what: str) -> np.ndarray:
    """As `as_images`, or an error."""
    found = as_images(x, shape)
    if found is None:
        raise ShapeError(f"{what} of shape {np.shape(x)} are no images; give shape=(height, width), which must multiply to the elements of a sample")
    return found


def mosaic(images: np.ndarray, columns: int) -> np.ndarray:
    """Images in rows as one, with gaps of NaN; the last row is filled with them."""
    n, h, w = images.shape[:3]
    rows = -(-n // columns)
    out = np.full((rows * (h + GAP) - GAP, columns * (w + GAP) - GAP, *images.shape[3:]), np.nan, np.result_type(images, np.float32))
    for k, image in enumerate(images):
        top, left = k // columns * (h + GAP), k % columns * (w + GAP)
        out[top : top + h, left : left + w] = image
    return out


def centres(count: int, size: int) -> np.ndarray:
    """Where the images of a mosaic have their middles."""
    return np.arange(count) * (size + GAP) + (size - 1) / 2


def show(ax: Any, picture: np.ndarray, limits: Any = None, cmap: str = "gray") -> Any:
    """Draws a mosaic without scales; gaps stay white."""
    low, high = limits or (np.nanmin(picture), np.nanmax(picture))
    if picture.ndim == 3:  # colours are given in [0, 1]
        picture = np.where(np.isnan(picture), 1.0, np.clip((picture - low) / max(high - low, 1e-30), 0, 1))
    shown = ax.imshow(picture, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labelsize=8, labelcolor=INK)
    return shown


def brightness(images: np.ndarray) -> tuple[float, float]:
    """The scale of original images: 0 to 1 where they keep to it, else their own limits."""
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    return (0.0, 1.0) if low >= 0 and 0.2 < high <= 1 else (low, high)
