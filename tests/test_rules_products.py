"""dot, matmul, einsum and the other products: every combination of axes, real and complex, single precision, empty."""

import warnings

import numpy as np
import pytest
from rule_checks import array, check, check_same

import dualad as da

MATMUL = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((3, 3), (3, 3)), ((2, 2, 3), (3, 4)), ((2, 3), (2, 3, 4)),
    ((2, 2, 3), (2, 3, 2)), ((1, 2, 3), (2, 3, 2)), ((2, 1, 2, 3), (2, 3, 1)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)),
    ((2, 2, 2), (2, 2)),
]
DOT = [
    ((), ()), ((), (3,)), ((3, 2), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((2, 2, 3), (3,)),
    ((2, 2, 3), (2, 3, 2)), ((3,), (2, 3, 2)), ((2, 2, 2), (2, 2)),
]
INNER = [((), ()), ((), (3,)), ((3, 2), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 3), (4, 3)), ((2, 2, 3), (2, 3))]
KINDS = ["dd", "DD", "dD", "Dd"]


SINCE_2_2 = hasattr(np, "matvec")


@pytest.mark.parametrize(("function", "shapes"), [
    *((np.matmul, s) for s in MATMUL), *((np.dot, s) for s in DOT), *((np.inner, s) for s in INNER),
    *((np.vdot, s) for s in [((), ()), ((3,), (3,)), ((2, 3), (3, 2))]),
    *((np.outer, s) for s in [((), ()), ((3,), (2,)), ((2, 3), (2, 2))]),
    *((np.kron, s) for s in [((), (2,)), ((3,), (2,)), ((2, 3), (2,)), ((2, 1), (3, 2)), ((2, 1, 2), (3, 2))]),
    *((np.vecdot, s) for s in [((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1, 3), (2, 3))]),
    *((np.matvec, s) for s in [((2, 3), (3,)), ((2, 2, 3), (3,)), ((2, 3), (2, 3)), ((2, 1, 2, 3), (2, 3))] if SINCE_2_2),
    *((np.vecmat, s) for s in [((2,), (2, 3)), ((2, 2), (2, 3)), ((2,), (2, 2, 3)), ((2, 1, 2), (2, 2, 3))] if SINCE_2_2),
    *((np.cross, s) for s in [((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1, 3), (2, 3)), ((3, 3), (3, 3))]),
])
def test_two_operands(rng, function, shapes):
    for kinds in KINDS:
        a, b = (array(rng, *s, kind=k) for s, k in zip(shapes, kinds, strict=True))
        check(lambda a, b: function(a, b), a, b, order=2 if kinds == "dd" else 1)
    a, b = (array(rng, *s, kind="f") for s in shapes)
    check_same(lambda a, b: function(a, b), a, b)
    pulled = da.vjp(lambda a, b: np.sum(function(a, b)), a, b)[1](np.float32(1))
    assert [g.dtype for g in pulled] == [np.float32] * 2


def test_one_operand_plain(rng):
    a, b = array(rng, 3, 4), array(rng, 4, 2)
    check(lambda a: a @ b, a)
    check(lambda b: a @ b, b)
    check(lambda a: a.dot([1.0, 2.0, 3.0, 4.0]), a)
    check(lambda a: [1.0, 2.0, 3.0] @ a, a)
    check(lambda a: np.dot(a, 2), a)


def test_same_array_on_both_sides(rng):
    check(lambda a: a @ a.T @ a, array(rng, 3, 2))
    check(lambda a: np.einsum("ij,ij,ik->k", a, a, a), array(rng, 2, 3))


@pytest.mark.parametrize(("shapes", "axes"), [
    (((2, 3), (3, 2)), 1), (((2, 3, 2), (3, 2, 2)), 2), (((2, 3, 2), (2, 3, 2)), ((1, 2), (1, 0))),
    (((2, 3, 2), (2, 3)), ([2, 1], [0, 1])),
    (((2, 3), (2,)), 0), (((2, 3), (2, 3)), 2), (((2, 3), (3, 2)), (1, 0)), (((2, 2, 2), (2, 2, 2)), ((-1,), (1,))),
])
def test_tensordot(rng, shapes, axes):
    for kind in "dD":
        a, b = (array(rng, *s, kind=kind) for s in shapes)
        check(lambda a, b: np.tensordot(a, b, axes), a, b)
        check_same(lambda a, b: np.linalg.tensordot(a, b, axes=axes), a, b)


def test_tensordot_rejects_as_numpy_does(rng):
    with pytest.raises(ValueError, match="shape-mismatch"):
        da.grad(lambda a: np.sum(np.tensordot(a, a, ((0,), (0, 1)))))(array(rng, 2, 2))


@pytest.mark.parametrize(("text", "shapes"), [
    ("ij,jk", [(2, 3), (3, 2)]), ("ij,jk->ik", [(3, 3), (3, 3)]), ("ii", [(3, 3)]), ("ii->i", [(3, 3)]), ("ij->", [(2, 3)]),
    ("ij->j", [(2, 3)]), ("ba", [(2, 3)]), ("i,i", [(3,), (3,)]), ("i,j->ij", [(2,), (3,)]),
    ("...ij,...jk->...ik", [(2, 2, 3), (3, 2)]),
    ("...ij,...jk", [(2, 2, 1), (2, 2, 1, 2)]), ("i...->...", [(2, 3, 2)]), ("ij,jk,kl->il", [(2, 3), (3, 2), (2, 2)]),
    ("iij,j->i", [(2, 2, 3), (3,)]), ("iij,j->ij", [(2, 2, 3), (3,)]), ("ijij", [(2, 3, 2, 3)]), ("ij,ij->ij", [(1, 3), (2, 1)]),
    ("ij,ij->", [(1, 3), (2, 3)]), ("...,...", [(3,), (2, 3)]), (",i->i", [(), (3,)]), (",", [(), ()]),
    ("bi,bj,bk->ijk", [(2, 2), (2, 2), (2, 3)]),
    (" i j , j k -> i k ", [(2, 3), (3, 2)]), ("iii->i", [(3, 3, 3)]), ("i,ij,j", [(3,), (3, 2), (2,)]), ("...", [(2, 3)]),
    ("a...b,b...->...a", [(2, 2, 3), (3, 2)]),
])
def test_einsum(rng, text, shapes):
    for kind in "dD":
        operands = [array(rng, *s, kind=kind) for s in shapes]
        check(lambda *xs: np.einsum(text, *xs), *operands, order=2 if kind == "d" else 1)
        check(lambda *xs: np.einsum(text, *xs, optimize=True), *operands, order=1)
    operands = [array(rng, *s, kind="f") for s in shapes]
    check_same(lambda *xs: np.einsum(text, *xs), *operands)


def test_einsum_with_lists_of_labels(rng):
    a, b = array(rng, 2, 3), array(rng, 3, 2)
    check(lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), a, b)
    check(lambda a, b: np.einsum(a, [30, 5], b, [5, 2]), a, b)
    check(lambda a, b: np.einsum(a, [..., 1], b, [1, ...], [...]), a, array(rng, 3, 2))


def test_einsum_large_operands_take_the_product_path(rng):
    a, b = array(rng, 30, 40), array(rng, 40, 50)
    g = array(rng, 30, 50)
    ga, gb = da.vjp(lambda a, b: np.einsum("ij,jk->ik", a, b), a, b)[1](g)
    np.testing.assert_allclose(ga, g @ b.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gb, a.T @ g, rtol=1e-12, atol=1e-12)


def test_einsum_path_is_plain(rng):
    def f(a):
        path = np.einsum_path("ij,jk,k", a, a, a[0])[0]
        assert path[0] == "einsum_path"
        return np.einsum("ij,jk,k", a, a, a[0], optimize=path)

    check(f, array(rng, 3, 3))


@pytest.mark.parametrize("call", [
    lambda a, b: np.matmul(a, b, axes=[(1, 0), (0, 1), (2, 0)]),
    *[lambda a, b: np.matvec(a, b[:, 0, 0], axes=[(1, 0), 0, 0]), lambda a, b: np.vecmat(b[:, 0, 0], a, axes=[0, (0, 1), -1])][: 2 * SINCE_2_2],
])
def test_axes(rng, call):
    check(call, array(rng, 2, 3, 2), array(rng, 2, 3, 2))


def test_vecdot_axis_and_keepdims(rng):
    a, b = array(rng, 3, 2, kind="D"), array(rng, 3, 2, kind="D")
    check(lambda a, b: np.vecdot(a, b, axis=0), a, b)
    check(lambda a, b: np.vecdot(a, b, axis=0, keepdims=True), a, b)
    check(lambda a, b: np.linalg.vecdot(a, b, axis=0), a, b)


def test_matmul_dtype(rng):
    a, b = array(rng, 2, 3), array(rng, 3, 2)
    check_same(lambda a, b: np.matmul(a, b, dtype=np.float32), a, b)


def test_cross_axes_and_planes(rng):
    a, b = array(rng, 3, 2), array(rng, 3, 2)
    check(lambda a, b: np.cross(a, b, axis=0), a, b)
    check(lambda a, b: np.cross(a, b, axisa=0, axisb=0, axisc=0), a, b)
    check(lambda a, b: np.linalg.cross(a, b, axis=0), a, b)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for sa, sb in [((2,), (2,)), ((3, 2), (2,)), ((2,), (3, 3)), ((3, 3), (2,))]:
            check(lambda a, b: np.cross(a, b), array(rng, *sa), array(rng, *sb))


@pytest.mark.parametrize("shapes", [
    [(2, 3), (3, 2)], [(3,), (3, 2), (2,)], [(2, 3), (3, 2), (2, 3), (3, 2)], [(2,), (2, 3), (3, 2)],
])
def test_multi_dot(rng, shapes):
    for kind in "dD":
        check(lambda *xs: np.linalg.multi_dot(xs), *(array(rng, *s, kind=kind) for s in shapes))


@pytest.mark.parametrize("n", [-3, -2, -1, 0, 1, 2, 3, 5])
def test_matrix_power(rng, n):
    check(lambda a: np.linalg.matrix_power(a, n), np.eye(3) * 2 + 0.3 * array(rng, 3, 3))
    check(lambda a: np.linalg.matrix_power(a, n), np.eye(2) * 2 + 0.3 * array(rng, 2, 2, 2, kind="D"), order=1)


def test_array_api_spellings(rng):
    a, b = array(rng, 2, 3, 3), array(rng, 3)
    check(lambda a: np.linalg.diagonal(a, offset=1), a)
    check(lambda a: np.linalg.trace(a, offset=-1), a)
    check(np.linalg.matrix_transpose, a)
    check(lambda b: np.linalg.outer(b, b), b)
    check(lambda a: np.linalg.matmul(a, a), a)


@pytest.mark.parametrize("shapes", [((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 0, 3), (3, 2)), ((0,), (0,)), ((0, 2, 3), (3,))])
def test_empty(rng, shapes):
    a, b = (array(rng, *s) for s in shapes)
    ga, gb = da.grad(lambda a, b: np.sum(a @ b), (0, 1))(a, b)
    assert ga.shape == a.shape
    assert gb.shape == b.shape
    check_same(lambda a, b: np.dot(a, b), a, b)


def test_shape_errors_are_those_of_numpy(rng):
    for f in (np.matmul, np.dot, np.inner, lambda a, b: np.einsum("ij,jk", a, b)):
        with pytest.raises(ValueError):  # noqa: PT011
            da.grad(lambda a, f=f: np.sum(f(a, np.ones((5, 7)))))(array(rng, 2, 3))
