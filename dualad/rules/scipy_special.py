"""Partial derivatives of SciPy's ufuncs: elementary and error functions, information measures, integrals.

Importing it also registers the gamma and Bessel families. Values are SciPy's own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from .._core import run_plain, sdiv, smul
from ..primitive import implements
from . import scipy_bessel, scipy_gamma  # noqa: F401 - imported for their registrations
from ._scipy import elementwise, register, rule
from .scipy_series import dawsn, ellipe_of_p, ellipkm1, erfcx, exprel, logrel
from .special import gaussian

_LN10, _DEGREE, _ROOT_PI, _ROOT_2PI = math.log(10), math.pi / 180, math.sqrt(math.pi), math.sqrt(2 * math.pi)

# ---- elementary ----

rule("exp2", "x", lambda ans, x: math.log(2) * ans)
rule("exp10", "x", lambda ans, x: _LN10 * ans)
rule("expm1", "x", lambda ans, x: np.exp(x))
rule("log1p", "x", lambda ans, x: 1 / (1 + x))
rule("cbrt", "x", lambda ans, x: 1 / (3 * ans * ans))
rule("cosm1", "x", lambda ans, x: -np.sin(x))
rule("sindg", "x", lambda ans, x: _DEGREE * special.cosdg(x))
rule("cosdg", "x", lambda ans, x: -_DEGREE * special.sindg(x))
rule("tandg", "x", lambda ans, x: _DEGREE * (1 + ans * ans))
rule("cotdg", "x", lambda ans, x: -_DEGREE * (1 + ans * ans))
rule("expit", "x", lambda ans, x: ans * special.expit(-x))
rule("log_expit", "x", lambda ans, x: special.expit(-x))
rule("logit", "p", lambda ans, p: 1 / (p * (1 - p)))
rule("boxcox", "x lmbda", lambda ans, x, k: np.exp((k - 1) * np.log(x)), lambda ans, x, k: np.log(x) ** 2 * exprel(k * np.log(x), order=1))
rule(
    "boxcox1p", "x lmbda",
    lambda ans, x, k: np.exp((k - 1) * np.log1p(x)), lambda ans, x, k: np.log1p(x) ** 2 * exprel(k * np.log1p(x), order=1),
)  # fmt: skip
register(special.exprel, "exprel", "x", lambda ans, x: None, primitive=exprel, order=0)

for _step in ("round", "gammasgn"):
    implements(getattr(special, _step))(run_plain(getattr(special, _step)))

# ---- error functions, the normal distribution ----


def _mills_slope(ans: Any, x: Any) -> Any:
    """Of ``phi(x) / Phi(x)``: nothing cancels for x << 0, nothing overflows for x >> 0."""
    return smul(ans, smul(ans, erfcx(x * -math.sqrt(0.5), order=1))) * (_ROOT_PI / 2)


_mills = elementwise("phi/Phi", lambda x: math.sqrt(2 / math.pi) / special.erfcx(x * -math.sqrt(0.5)), _mills_slope)

rule("erf", "x", lambda ans, x: gaussian(x))
rule("erfc", "x", lambda ans, x: -gaussian(x))
rule("erfi", "x", lambda ans, x: (2 / _ROOT_PI) * np.exp(x * x))
rule("erfinv", "y", lambda ans, y: (_ROOT_PI / 2) * np.exp(ans * ans))
rule("erfcinv", "y", lambda ans, y: (-_ROOT_PI / 2) * np.exp(ans * ans))
rule("wofz", "z", lambda ans, z: -2 * z * ans + 2j / _ROOT_PI)
rule("ndtr", "x", lambda ans, x: np.exp(-0.5 * x * x) / _ROOT_2PI)
rule("log_ndtr", "x", lambda ans, x: _mills(x))
rule("ndtri", "p", lambda ans, p: _ROOT_2PI * np.exp(0.5 * ans * ans))
rule("ndtri_exp", "y", lambda ans, y: 1 / _mills(ans))
register(special.erfcx, "erfcx", "x", lambda ans, x: None, primitive=erfcx, order=0)
register(special.dawsn, "dawsn", "x", lambda ans, x: None, primitive=dawsn, order=0)

# ---- information, losses ----

rule("xlogy", "x y", lambda ans, x, y: np.log(y), lambda ans, x, y: sdiv(x, y))
rule("xlog1py", "x y", lambda ans, x, y: np.log1p(y), lambda ans, x, y: sdiv(x, 1 + y))
rule("entr", "x", lambda ans, x: -np.log(x) - 1)
rule("rel_entr", "x y", lambda ans, x, y: np.log(x / y) + 1, lambda ans, x, y: -sdiv(x, y))
rule("kl_div", "x y", lambda ans, x, y: np.log(x / y), lambda ans, x, y: 1 - sdiv(x, y))
rule(
    "huber", "delta r",
    lambda ans, d, r: np.where(np.abs(r) <= d, 0.0, np.abs(r) - d), lambda ans, d, r: np.clip(r, -d, d),
)  # fmt: skip


def _pseudo_huber_slope(ans: Any, d: Any, r: Any) -> Any:
    h = np.hypot(d, r)
    return sdiv(r, h) * r * sdiv(r, d + h) ** 2


rule("pseudo_huber", "delta r", _pseudo_huber_slope, lambda ans, d, r: sdiv(r, np.hypot(d, r)) * d)

# ---- integrals and inverses ----

rule("expi", "x", lambda ans, x: np.exp(x) / x)
rule("exp1", "z", lambda ans, z: -np.exp(-z) / z)
rule("spence", "z", lambda ans, z: -logrel(z - 1, order=0))


def _expn_slope(ans: Any, n: Any, x: Any) -> Any:
    first = np.asarray(n) < 1
    if not first.any():
        return -special.expn(n - 1, x)
    return -np.where(first, np.exp(-x) * (1 + 1 / x) / x, special.expn(np.maximum(n - 1, 0), x))


rule("expn", "n x", None, _expn_slope)
rule("ellipkinc", "phi m", lambda ans, phi, m: 1 / np.sqrt(1 - m * np.sin(phi) ** 2), None)
rule("ellipeinc", "phi m", lambda ans, phi, m: np.sqrt(1 - m * np.sin(phi) ** 2), None)
rule("ellipk", "m", lambda ans, m: -ellipkm1(1 - m, order=1))
rule("ellipe", "m", lambda ans, m: -ellipe_of_p(1 - m, order=1))
register(special.ellipkm1, "ellipkm1", "p", lambda ans, p: None, primitive=ellipkm1, order=0)
rule("wrightomega", "z", lambda ans, z: ans / (1 + ans))
register(special._ufuncs._lambertw, "lambertw", "z k tol", lambda ans, z, *_: np.exp(-ans) / (1 + ans), None, None)
