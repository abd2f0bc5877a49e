"""Partial derivatives of SciPy's gamma and beta functions, incomplete integrals and hypergeometric functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from .._core import smul, value
from ..errors import NoRuleError
from ._scipy import elementwise, register, rule
from ._util import is_complex

# ---- polygamma ----


def _polygamma_slope(ans: Any, x: Any, n: Any) -> Any:
    if is_complex(x):
        raise NoRuleError("the derivative of scipy.special.psi is not known for complex values: SciPy's polygamma takes real ones")
    return polygamma(x, n=n + 1)


polygamma = elementwise("scipy.special.polygamma", lambda x, n: special.polygamma(n, x), _polygamma_slope)

rule("psi", "z", lambda ans, z: _polygamma_slope(ans, z, 0))
rule("gamma", "z", lambda ans, z: smul(ans, special.psi(z)))
rule("gammaln", "x", lambda ans, x: special.psi(x))
rule("loggamma", "z", lambda ans, z: special.psi(z))
register(special._ufuncs._zeta, "zeta", "x q", None, lambda ans, x, q: -x * special.zeta(x + 1, q))
register(special._ufuncs._riemann_zeta, "zeta", "x", None)
rule("zetac", "x", None)


def rgamma_slope(ans: Any, x: Any) -> Any:
    """By reflection on the left, where psi and gamma have the poles that 1/gamma has not."""
    left = value(x).real < 0.5
    y = np.where(left, 1 - x, 0.5)
    reflected = special.gamma(y) * (np.cos(np.pi * x) - np.sin(np.pi * x) * special.psi(y) / np.pi)
    return np.where(left, reflected, -smul(ans, special.psi(np.where(left, 0.5, x))))


rule("rgamma", "z", rgamma_slope)

# ---- beta and binomial ----

rule(
    "beta", "a b",
    lambda ans, a, b: smul(ans, special.psi(a) - special.psi(a + b)), lambda ans, a, b: smul(ans, special.psi(b) - special.psi(a + b)),
)  # fmt: skip
rule(
    "betaln", "a b",
    lambda ans, a, b: special.psi(a) - special.psi(a + b), lambda ans, a, b: special.psi(b) - special.psi(a + b),
)  # fmt: skip


def _pole(x: Any) -> Any:
    """Where 1/gamma is zero."""
    x = np.asarray(value(x))
    return (x <= 0) & (x == np.floor(x))


def _quotient(ans: Any, n: Any, a: Any, b: Any, da: float, db: float, dn: float) -> Any:
    """The derivative of ``gamma(n) / (gamma(a) gamma(b))`` along (dn, da, db), also where a or b stands at a pole of gamma."""
    poles = _pole(a) | _pole(b)
    safe = [np.where(poles, 1.0, x) for x in (n, a, b)]
    regular = smul(ans, dn * special.psi(safe[0]) - da * special.psi(safe[1]) - db * special.psi(safe[2]))
    if not poles.any():
        return regular
    n, a, b = (np.where(poles, x, 1.0) for x in (n, a, b))
    ra, rb = special.rgamma(a), special.rgamma(b)
    slope = dn * special.psi(n) * ra * rb + da * rgamma_slope(ra, a) * rb + db * ra * rgamma_slope(rb, b)
    return np.where(poles, special.gamma(n) * slope, regular)


rule(
    "binom", "n k",
    lambda ans, n, k: _quotient(ans, n + 1, k + 1, n - k + 1, 0.0, 1.0, 1.0),
    lambda ans, n, k: _quotient(ans, n + 1, k + 1, n - k + 1, 1.0, -1.0, 0.0),
)  # fmt: skip
rule(
    "poch", "z m",
    lambda ans, z, m: smul(ans, special.psi(z + m) - special.psi(z)), lambda ans, z, m: smul(ans, special.psi(z + m)),
)  # fmt: skip

# ---- incomplete integrals, in the variable of integration ----


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))


def _gamma_density(a: Any, x: Any) -> Any:
    return np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))


rule("betainc", "a b x", None, None, lambda ans, a, b, x: _beta_density(a, b, x))
rule("betaincc", "a b x", None, None, lambda ans, a, b, x: -_beta_density(a, b, x))
rule("betaincinv", "a b y", None, None, lambda ans, a, b, y: 1 / _beta_density(a, b, ans))
rule("betainccinv", "a b y", None, None, lambda ans, a, b, y: -1 / _beta_density(a, b, ans))
rule("gammainc", "a x", None, lambda ans, a, x: _gamma_density(a, x))
rule("gammaincc", "a x", None, lambda ans, a, x: -_gamma_density(a, x))
rule("gammaincinv", "a y", None, lambda ans, a, y: 1 / _gamma_density(a, ans))
rule("gammainccinv", "a y", None, lambda ans, a, y: -1 / _gamma_density(a, ans))

# ---- hypergeometric functions, in z ----

rule("hyp0f1", "v z", None, lambda ans, v, z: special.hyp0f1(v + 1, z) / v)
rule("hyp1f1", "a b x", None, None, lambda ans, a, b, x: (a / b) * special.hyp1f1(a + 1, b + 1, x))
rule("hyperu", "a b x", None, None, lambda ans, a, b, x: -a * special.hyperu(a + 1, b + 1, x))
rule("hyp2f1", "a b c z", None, None, None, lambda ans, a, b, c, z: (a * b / c) * special.hyp2f1(a + 1, b + 1, c + 1, z))
