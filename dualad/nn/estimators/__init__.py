"""Estimators for scikit-learn (extra ``sklearn``): pipelines, cross-validation and searches train models of dualad.

`MLPRegressor` and `MLPClassifier` take the parameters of scikit-learn's classes of these names; `AutoencoderTransformer` reduces dimensions,
`AutoencoderDetector` finds outliers. `dualad.nn` does not import this package.
"""

from __future__ import annotations

from ...errors import MissingExtraError

try:
    import sklearn  # noqa: F401
except ImportError:
    raise MissingExtraError("dualad.nn.estimators needs scikit-learn: pip install 'dualad[sklearn]'") from None

from ._autoencoder import AutoencoderTransformer
from ._classifier import MLPClassifier
from ._detector import AutoencoderDetector
from ._mlp import MLPRegressor

__all__ = ["AutoencoderDetector", "AutoencoderTransformer", "MLPClassifier", "MLPRegressor"]
