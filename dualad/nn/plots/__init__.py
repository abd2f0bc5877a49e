"""Pictures of models, with matplotlib (the extra ``plot``), which is imported when one is drawn.

Those of one panel take `ax` and return it; those of several return a figure. Figures are made without pyplot: save them with ``figure.savefig(path)``, or leave
one as the last line of a notebook's cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attributes

if TYPE_CHECKING:
    from .attribution import attributions, gradients_of_inputs, integrated_gradients, saliency
    from .curves import history, jacobian_spectrum
    from .gallery import filters, images, reconstructions
    from .latent import latent_grid, latent_scatter, latent_traversal

__all__ = ["attributions", "filters", "gradients_of_inputs", "history", "images", "integrated_gradients", "jacobian_spectrum", "latent_grid",
           "latent_scatter", "latent_traversal", "reconstructions", "saliency"]

__getattr__ = attributes(__name__, {
    **dict.fromkeys(("attributions", "gradients_of_inputs", "integrated_gradients", "saliency"), ".attribution"),
    **dict.fromkeys(("history", "jacobian_spectrum"), ".curves"), **dict.fromkeys(("filters", "images", "reconstructions"), ".gallery"),
    **dict.fromkeys(("latent_grid", "latent_scatter", "latent_traversal"), ".latent")})
