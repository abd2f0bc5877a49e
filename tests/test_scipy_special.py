"""SciPy's special functions by plain import: values bit for bit, derivatives in both modes to second order and against mpmath."""

import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
from compare import assert_close, assert_identical

import dualad as da
from dualad import errors
from dualad.testing import check_grads, check_primitive

special = pytest.importorskip("scipy.special")
from scipy.special import comb, erf, factorial, log_softmax, logsumexp, softmax  # noqa: E402

X = np.array([0.3, 0.7, 0.45])
A, B = np.array([0.4, 1.2, 2.0]), np.array([1.3, 0.8, 0.5])
ONE = [
    "erf", "erfc", "erfi", "erfinv", "erfcinv", "erfcx", "dawsn", "ndtr", "log_ndtr", "ndtri", "gamma", "gammaln", "loggamma",
    "rgamma", "psi", "digamma", "expit", "logit", "log_expit", "entr", "exprel", "exp2", "exp10", "cbrt", "log1p", "expm1", "cosm1",
    "sindg", "cosdg", "tandg", "cotdg", "sinc", "j0", "j1", "y0", "y1", "i0", "i0e", "i1", "i1e", "k0", "k0e", "k1", "k1e", "ellipk",
    "ellipkm1", "ellipe", "spence", "exp1", "expi", "wrightomega",
]  # fmt: skip
TWO = [
    "xlogy", "xlog1py", "rel_entr", "kl_div", "huber", "pseudo_huber", "beta", "betaln", "binom", "poch", "boxcox", "boxcox1p",
]  # fmt: skip
FIXED = {
    "jv": (1.5,), "yv": (1.5,), "iv": (1.5,), "kv": (0.5,), "ive": (1.5,), "kve": (1.5,), "jn": (3,), "yn": (2,), "kn": (2,), "expn": (1,),
    "zeta": (2.5,), "gammainc": (1.5,), "gammaincc": (2.5,), "gammaincinv": (2.0,), "gammainccinv": (2.0,), "betainc": (1.5, 2.0),
    "betaincc": (1.5, 2.0), "betaincinv": (1.5, 2.0), "betainccinv": (1.5, 2.0), "hyp0f1": (1.5,), "hyp1f1": (0.5, 1.5),
    "hyp2f1": (0.5, 0.7, 1.5), "hyperu": (0.5, 1.5), "polygamma": (1,), "spherical_jn": (2,), "spherical_yn": (0,), "spherical_in": (1,),
    "spherical_kn": (1,),
}  # fmt: skip


def known(names):
    return [name for name in names if hasattr(special, name)]


@pytest.mark.parametrize("name", known(ONE))
def test_functions_of_one_argument(name):
    check_primitive(getattr(special, name), X)


@pytest.mark.parametrize("name", known(TWO))
def test_functions_of_two_arguments(name):
    f = getattr(special, name)
    check_primitive(f, A, B)
    check_grads(f, (A[:, None], B[:2]), order=1)
    assert_identical(da.vjp(f, A, B)[0], f(A, B))


@pytest.mark.parametrize("name", known(FIXED))
def test_functions_with_parameters(name):
    def f(x):
        return getattr(special, name)(*FIXED[name], x)

    check_grads(f, (X,))
    assert_identical(da.vjp(f, X)[0], f(X))


@pytest.mark.parametrize("f", [
    lambda x: special.lambertw(x).real, lambda x: special.lambertw(-0.3 * x, -1).real, lambda x: special.ellipkinc(x, 0.3),
    lambda x: special.ellipeinc(x, 0.3), lambda x: special.ndtri_exp(-x), lambda x: special.multigammaln(x + 2, 3),
    lambda x: special.comb(x + 3, x), lambda x: special.comb(x + 3, 2, repetition=True), lambda x: special.perm(x + 3, 2),
    lambda x: special.factorial(x), lambda x: special.expn(np.arange(3), x), lambda x: special.spherical_jn(np.arange(3), x, True),
    lambda x: special.logsumexp(x), lambda x: special.logsumexp(np.outer(x, x), axis=1, keepdims=True),
    lambda x: special.logsumexp(x, b=x * x - 0.3), lambda x: special.logsumexp(x, b=x * x - 0.5, return_sign=True)[0],
    lambda x: special.softmax(np.outer(x, x), axis=0), lambda x: special.log_softmax(np.outer(x, x), axis=-1),
    lambda x: special.erf([x[0], x[1]]), lambda x: special.xlogy.outer(x, x), lambda x: special.erf(x, out=0 * x),
    lambda x: logsumexp(x), lambda x: softmax(x), lambda x: log_softmax(x),
    lambda x: comb(x + 2, 2), lambda x: factorial(x), lambda x: erf([x[2]]), lambda x: factorial(x[0]),
])  # fmt: skip
def test_python_functions_and_ways_to_call(f):
    check_grads(f, (X,))


def test_nothing_stays_replaced():
    before = special.logsumexp, special.erf, logsumexp
    assert_close(da.grad(lambda x: logsumexp(x))(X), softmax(X))
    assert (special.logsumexp, special.erf, logsumexp) == before
    assert isinstance(special.erf, np.ufunc)


EXACT = {
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), [-3, 0.99, 1.01, 100, 1e4], 1e-14),
    "dawsn": (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), [0, 3, 5.9, 7.1, -30], 1e-11),
    "exprel": (lambda x: mp.hyp1f1(1, 2, x), [-300, -30, 0, 1e-9, 22, 300], 1e-12),
    "spence": (lambda x: mp.polylog(2, 1 - x), [0.01, 0.9999, 1, 8.9, 9.1], 1e-12),
    "ellipk": (mp.ellipk, [-100, -0.4, 0, 1e-7, 0.51, 0.9999], 1e-13),
    "ellipe": (mp.ellipe, [-100, -0.4, 0, 1e-7, 0.51, 0.9999], 1e-13),
    "log_ndtr": (lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2), [-1000, -8, 0, 5, 30], 1e-12),
    "rgamma": (mp.rgamma, [-3, -2, 0, 0.5, 5], 1e-13),
    "j1": (lambda x: mp.besselj(1, x), [0, 1, 30], 1e-13),
    "i1e": (lambda x: mp.exp(-x) * mp.besseli(1, x), [0.1, 30], 1e-11),
    "psi": (mp.digamma, [-2.5, 0.1, 50], 1e-13),
}


@pytest.mark.parametrize("name", EXACT)
def test_against_mpmath_where_formulas_lose_digits(name):
    exact, points, rtol = EXACT[name]
    f = getattr(special, name)
    with mp.workdps(60):
        for x in points:
            for order, d in enumerate((da.grad(f), da.grad(da.grad(f))), 1):
                expected = float(mp.re(mp.diff(exact, mp.mpf(x), order, h=mp.mpf(10) ** -16 * max(abs(x), 1))))
                np.testing.assert_allclose(d(float(x)), expected, rtol=rtol, atol=1e-18, err_msg=f"order {order} at {x}")


def test_limits():
    assert da.grad(special.xlogy, argnums=1)(0.0, 0.0) == 0.0
    assert da.grad(lambda y: special.xlog1py(0.0, y))(-1.0) == 0.0
    assert da.grad(lambda x: special.lambertw(x).real)(0.0) == 1.0
    assert da.grad(special.pseudo_huber, argnums=(0, 1))(0.0, 0.0) == (0.0, 0.0)
    assert_close(da.grad(special.binom, argnums=1)(3.0, 5.0), 1 / 20)
    assert_identical(da.grad(lambda x: special.logsumexp(x))(np.array([1.0, -np.inf])), np.array([1.0, 0.0]))
    assert_identical(np.abs(da.hessian(lambda x: special.logsumexp(x))(np.array([1e3, -1e3]))), np.zeros((2, 2)))
    masked = da.grad(lambda x: np.sum(np.where(x > 0, special.gammaln(x), 0.0)))(np.array([0.0, 1.0]))
    assert_close(masked, [0.0, special.psi(1.0)])
    assert [da.grad(special.huber, argnums=1)(1.0, r) for r in (-3.0, 0.5, 3.0)] == [-1.0, 0.5, 1.0]


def test_where():
    mask = np.array([True, False, True])
    g = da.grad(lambda x: np.sum(special.erf(x, where=mask)))(X)
    assert_close(g, np.where(mask, 2 / np.sqrt(np.pi) * np.exp(-X * X), 0.0))


def test_high_orders():
    assert_close(da.derivative(special.erf, order=5)(0.5), float(mp.diff(mp.erf, 0.5, 5)), rtol=1e-10)
    assert_close(np.array(da.taylor(special.gammaln, 2.0, 4)), np.array(mp.taylor(mp.loggamma, 2, 4), float), rtol=1e-10)


def test_single_precision_stays():
    x = X.astype("f4")
    g = da.grad(lambda x: special.logsumexp(x) + np.sum(special.jv(1, x) + special.binom(x, 2)))(x)
    assert g.dtype == np.float32
    assert_identical(da.vjp(lambda x: special.log_softmax(x), x)[0], special.log_softmax(x))


@pytest.mark.parametrize("name", ["erf", "erfcx", "dawsn", "gamma", "rgamma", "loggamma", "log1p", "exp1", "spence", "wofz"])
def test_complex(name):
    check_grads(getattr(special, name), (np.array([0.4 + 0.3j, 1.2 - 0.5j]),), order=1)


@pytest.mark.parametrize(("f", "message"), [
    (lambda x: special.jv(x, 1.0), r"scipy\.special\.jv .*argument 'v'"),
    (lambda x: special.betainc(1.0, x, 0.5), r"betainc .*argument 'b'"),
    (lambda x: special.gammainc(x, 1.0), r"gammainc .*argument 'a'"),
    (lambda x: special.zeta(x), r"zeta .*argument 'x'"),
    (lambda x: special.agm(x, 1.0), r"scipy\.special\.agm has no derivative rule"),
    (lambda x: np.bitwise_count(x), r"numpy\.bitwise_count"),
])  # fmt: skip
def test_errors_name_what_has_no_rule(f, message):
    with pytest.raises(errors.NoRuleError, match=message):
        da.grad(f)(2.0)


def test_complex_errors():
    with pytest.raises(errors.NoRuleError, match="psi"):
        da.vjp(special.psi, 1 + 2j)[1](1 + 0j)
    with pytest.raises(errors.NoRuleError, match="ive"):
        da.vjp(lambda z: special.ive(1, z), 1 + 2j)[1](1 + 0j)
    with pytest.raises(errors.NoRuleError, match="return_sign"):
        da.vjp(lambda x: special.logsumexp(x, return_sign=True)[0], X + 1j)


def test_scipy_is_optional():
    code = "import sys; sys.modules['scipy'] = None; import dualad as da, math, numpy as np; print(da.grad(lambda x: math.erf(x))(0.0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1.128")
