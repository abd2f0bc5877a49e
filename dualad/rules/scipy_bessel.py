"""Partial derivatives of SciPy's Bessel functions in their argument; in the order there is no rule, and an error says so.

``f_v' = (f_(v-1) +- f_(v+1)) / 2`` throughout: unlike ``f_v' = f_(v-1) - v f_v / z`` it is finite and exact at z = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ..errors import NoRuleError
from ._scipy import rule
from ._util import is_complex

Function = Callable[[Any, Any], Any]


def _mean(f: Function, v: Any, z: Any, sign: float) -> Any:
    return 0.5 * (f(v - 1, z) + sign * f(v + 1, z))


rule("jv", "v z", None, lambda ans, v, z: _mean(special.jv, v, z, -1.0))
rule("yv", "v z", None, lambda ans, v, z: _mean(special.yv, v, z, -1.0))
rule("hankel1", "v z", None, lambda ans, v, z: _mean(special.hankel1, v, z, -1.0))
rule("hankel2", "v z", None, lambda ans, v, z: _mean(special.hankel2, v, z, -1.0))
rule("yn", "n x", None, lambda ans, n, x: _mean(special.yn, n, x, -1.0))
rule("iv", "v z", None, lambda ans, v, z: _mean(special.iv, v, z, 1.0))
rule("kv", "v z", None, lambda ans, v, z: -_mean(special.kv, v, z, 1.0))
rule("kn", "n x", None, lambda ans, n, x: -_mean(special.kn, n, x, 1.0))

rule("j0", "x", lambda ans, x: -special.j1(x))
rule("y0", "x", lambda ans, x: -special.y1(x))
rule("i0", "x", lambda ans, x: special.i1(x))
rule("k0", "x", lambda ans, x: -special.k1(x))
rule("j1", "x", lambda ans, x: 0.5 * (special.j0(x) - special.jv(2, x)))
rule("y1", "x", lambda ans, x: 0.5 * (special.y0(x) - special.yn(2, x)))
rule("i1", "x", lambda ans, x: 0.5 * (special.i0(x) + special.iv(2, x)))
rule("k1", "x", lambda ans, x: -0.5 * (special.k0(x) + special.kn(2, x)))

# ---- with exp(-|x|) or exp(x) taken out ----


def _real(x: Any, name: str) -> Any:
    if is_complex(x):
        raise NoRuleError(f"scipy.special.{name} of a complex traced value has no derivative rule: exp(-|Re z|) is not holomorphic")
    return x


rule("ive", "v z", None, lambda ans, v, z: _mean(special.ive, v, _real(z, "ive"), 1.0) - np.sign(z) * ans)
rule("i0e", "x", lambda ans, x: special.i1e(x) - np.sign(x) * ans)
rule("i1e", "x", lambda ans, x: 0.5 * (special.i0e(x) + special.ive(2, x)) - np.sign(x) * ans)
rule("kve", "v z", None, lambda ans, v, z: ans - _mean(special.kve, v, z, 1.0))
rule("k0e", "x", lambda ans, x: ans - special.k1e(x))
rule("k1e", "x", lambda ans, x: ans - 0.5 * (special.k0e(x) + special.kve(2, x)))
