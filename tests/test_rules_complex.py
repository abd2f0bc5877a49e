"""Complex values: parts, modulus, argument; the direction of steepest descent; polynomials and their roots."""

import numpy as np
import pytest
from rule_checks import array, check, check_same

import dualad as da

PARTS = [np.real, np.imag, np.conj, np.conjugate, np.abs, np.absolute, np.angle, np.sign, lambda z: z.real, lambda z: z.imag,
         lambda z: z.conj(), lambda z: abs(z), lambda z: np.angle(z, deg=True)]


@pytest.mark.parametrize("function", PARTS)
def test_parts(rng, function):
    check(lambda z: function(z), array(rng, 3, kind="D"))
    check(lambda z: function(z), array(rng, 2, 2, kind="D"))
    check_same(lambda z: function(z), array(rng, 3, kind="F"))
    check_same(lambda z: function(z), array(rng, 3))


@pytest.mark.parametrize("function", [np.exp, np.log, np.sin, np.tanh, np.sqrt, lambda z: z**2, lambda z: z**2.5, lambda z: 1 / z,
                                      lambda z: z * np.conj(z), np.square, lambda z: np.power(z, 1 + 1j)])
def test_elementwise(rng, function):
    check(lambda z: function(z), array(rng, 3, kind="D") + 2)


def test_origin():
    for f in (np.abs, np.sign):
        assert da.jvp(f, (0j,), (1 + 2j,))[1] == 0
    assert da.grad(lambda z: np.abs(z[0]) + np.real(z[1]))(np.zeros(2, complex)).tolist() == [0, 1]


def test_steepest_descent():
    def f(z):
        return np.abs(z - (1 + 2j)) ** 2

    z = 3 - 1j
    g = da.grad(f)(z)
    assert abs(g - 2 * (z - (1 + 2j))) < 1e-12
    assert f(z - 0.1 * g) < f(z)


def test_holomorphic(rng):
    z = array(rng, kind="D")[()]
    assert abs(da.grad(lambda z: np.sin(z) * z, holomorphic=True)(z) - (np.cos(z) * z + np.sin(z))) < 1e-12


def test_real_input_complex_inside(rng):
    check(lambda x: np.abs(np.exp(1j * x) + x) ** 2, array(rng, 3))
    check(lambda x: np.real(x * (1 + 2j)), array(rng, 3))
    check(lambda x: np.real_if_close(x + 0j), array(rng, 3))


def test_no_order_no_rule(rng):
    with pytest.raises(da.errors.NoRuleError, match="maximum"):
        da.grad(lambda z: np.abs(np.maximum(z, z + 1)))(1 + 1j)


# ---- polynomials ----


@pytest.mark.parametrize("kind", "dD")
def test_evaluation_and_calculus(rng, kind):
    p, x, q = array(rng, 4, kind=kind), array(rng, 2, 2, kind=kind), array(rng, 2, kind=kind)
    check(np.polyval, p, x)
    check(lambda x: np.polyval([1, 2, 3], x), x)
    for f in (np.polyder, np.polyint, lambda p: np.polyder(p, 2), lambda p: np.polyint(p, 2, k=[1, 2]),
              lambda p: np.polyint(p, 2, 3.0)):
        check(lambda p, f=f: f(p), p)
    for f in (np.polyadd, np.polysub, np.polymul):
        check(lambda p, q, f=f: f(p, q), p, q)
        check(lambda q, p, f=f: f(q, p), q, p)
    check(lambda p, q: np.polydiv(p, q)[0], p, q)
    check(lambda p, q: np.polydiv(p, q)[1], p, q)
    check(lambda p, r: np.polyint(p, 1, r), p, q[:1])


def test_roots(rng):
    check(lambda p: np.sum(np.real(np.roots(p) ** 2) * np.array([1, 2, 4])), np.array([1.0, -7, 14, -8]), rtol=1e-5)
    check(lambda p: np.real(np.roots(np.concatenate((p, [0.0])))), np.array([2.0, -6.0, 1.0]))
    check(lambda p: np.roots(p), np.array([2.0, 1 + 1j, -3, 1j]), rtol=1e-5)
    at_zero = da.jvp(np.roots, (np.array([2.0, -6.0, 4.0, 0.0]),), (np.array([0.0, 0, 0, 1]),))[1]
    np.testing.assert_allclose(at_zero[-1], -0.25)
    check(lambda p: np.poly(np.roots(p)), np.array([1.0, 2.0, 5.0]))
    check(lambda z: np.poly(z), array(rng, 3))
    check(lambda z: np.poly(z), array(rng, 3, kind="D"))
    check(lambda a: np.poly(a), np.diag([1.0, 2.0, 4.0]) + 0.1 * array(rng, 3, 3))


def test_vander(rng):
    for kind in "dD":
        for args in ((), (2,), (1,), (5, True)):
            check(lambda x, args=args: np.vander(x, *args), array(rng, 3, kind=kind))
    check(lambda x: np.vander(x, 4), np.array([0.0, 1.0]))


def test_polyfit(rng):
    x, y = np.linspace(0, 1, 7) + 0.05 * array(rng, 7), array(rng, 7)
    check(lambda x, y: np.polyfit(x, y, 2), x, y)
    check(lambda x, y, w: np.polyfit(x, y, 1, w=w), x, y, np.abs(array(rng, 7)) + 1)
    check(lambda y: np.polyfit(x, y, 1), array(rng, 7, 2))
    check(lambda x, y: np.polyfit(x, y, 1, cov=True)[1], x, y, order=1)
    check(lambda x, y: np.polyfit(x, y, 1, full=True)[1], x, y, order=1)


# ---- sinc, i0, covariance ----


def test_sinc(rng):
    check(np.sinc, 3 * array(rng, 4))
    check(np.sinc, array(rng, 2, kind="D"))
    assert da.derivative(np.sinc)(0.0) == 0
    np.testing.assert_allclose(da.hessian(np.sinc)(0.0), -np.pi**2 / 3, rtol=1e-13)
    np.testing.assert_allclose(da.grad(da.grad(da.grad(da.grad(np.sinc))))(0.0), np.pi**4 / 5, rtol=1e-12)


def test_i0(rng):
    check(np.i0, 3 * array(rng, 4))
    np.testing.assert_allclose(da.grad(da.grad(np.i0))(0.0), 0.5, rtol=1e-14)
    np.testing.assert_allclose(da.grad(np.i0)(np.array(1.0)), 0.5651591039924850, rtol=1e-14)  # I1(1)
    check_same(np.i0, array(rng, 3, kind="f"))


def test_covariance(rng):
    m, y = array(rng, 2, 5), array(rng, 2, 5)
    for f in (np.cov, np.corrcoef, lambda m: np.cov(m, rowvar=False), lambda m: np.cov(m, bias=True), lambda m: np.cov(m[0]),
              lambda m: np.cov(m, fweights=[1, 2, 1, 0, 1]), lambda m: np.cov(m, ddof=0)):
        check(lambda m, f=f: f(m), m)
    check(lambda m, y: np.cov(m, y), m, y)
    check(lambda m, y: np.corrcoef(m, y), m, y)
    check(lambda m, w: np.cov(m, aweights=w), m, np.abs(array(rng, 5)) + 1)
    check(np.cov, array(rng, 2, 4, kind="D"))
