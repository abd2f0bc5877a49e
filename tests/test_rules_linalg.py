"""Linear algebra: solves, inverses, determinants, decompositions, norms; stacked, complex, singular and degenerate matrices."""

import warnings

import numpy as np
import pytest
from rule_checks import array, check, check_same, parts

import dualad as da


def well(rng, *shape, kind="d"):
    """Matrices far from singular."""
    return np.eye(shape[-1]) * 3 + array(rng, *shape, kind=kind)


def hermitian(rng, *shape, kind="d"):
    a = array(rng, *shape, kind=kind)
    return a + np.conj(np.swapaxes(a, -1, -2)) + np.diag(3.0 * np.arange(shape[-1]))


def singular(rng, n, kind="d", rank=None):
    u, s, vh = np.linalg.svd(array(rng, n, n, kind=kind))
    s[n - 1 if rank is None else rank :] = 0
    return (u * s) @ vh


# ---- solve and inverses ----


@pytest.mark.parametrize("shapes", [
    ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 2), (2, 2)), ((2, 2, 2), (2,)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 2)),
    ((2, 1, 2, 2), (2, 2, 1)),
])
def test_solve(rng, shapes):
    for ka, kb in ("dd", "DD", "dD", "Dd"):
        a, b = well(rng, *shapes[0], kind=ka), array(rng, *shapes[1], kind=kb)
        check(np.linalg.solve, a, b, order=2 if ka == kb else 1)
    check_same(np.linalg.solve, well(rng, *shapes[0]).astype("f"), array(rng, *shapes[1], kind="f"))


def test_solve_plain_sides(rng):
    a, b = well(rng, 3, 3), array(rng, 3)
    check(lambda a: np.linalg.solve(a, b), a)
    check(lambda b: np.linalg.solve(a, b), b)
    check(lambda b: np.linalg.solve([[2, 1], [1, 3]], b), b[:2])


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1)])
def test_inv(rng, shape):
    for kind in "dD":
        check(np.linalg.inv, well(rng, *shape, kind=kind))


def test_singular_matrices_raise_as_in_numpy(rng):
    for f in (np.linalg.inv, lambda a: np.linalg.solve(a, np.ones(2))):
        with pytest.raises(np.linalg.LinAlgError):
            da.grad(lambda a, f=f: np.sum(f(a)))(np.ones((2, 2)))
    with pytest.raises(np.linalg.LinAlgError):
        da.grad(lambda a: np.linalg.slogdet(a)[1])(np.ones((2, 2)))


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3), (2, 3, 2)])
def test_pinv(rng, shape):
    for kind in "dD":
        check(np.linalg.pinv, array(rng, *shape, kind=kind), order=2 if kind == "d" else 1)


def test_pinv_of_hermitian_and_cut(rng):
    check(lambda a: np.linalg.pinv(a, hermitian=True), hermitian(rng, 3, 3), order=1)
    check(lambda a: np.linalg.pinv(a, rtol=1e-10), array(rng, 3, 2))
    a = array(rng, 4, 2) @ array(rng, 2, 3)  # rank two; along directions that keep it
    left, right = array(rng, 4, 4), array(rng, 3, 3)
    moved = da.jvp(lambda h: np.linalg.pinv((np.eye(4) + h * left) @ a @ (np.eye(3) + h * right), rcond=1e-9), (0.0,), (1.0,))[1]
    step = 1e-5
    ends = [np.linalg.pinv((np.eye(4) + h * left) @ a @ (np.eye(3) + h * right), rcond=1e-9) for h in (step, -step)]
    np.testing.assert_allclose(moved, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-7)


def test_tensor_forms(rng):
    a = array(rng, 2, 3, 6)
    check(lambda a, b: np.linalg.tensorsolve(a, b), a, array(rng, 2, 3))
    check(lambda a, b: np.linalg.tensorsolve(a, b, axes=(0,)), array(rng, 6, 2, 3), array(rng, 2, 3))
    check(lambda a: np.linalg.tensorinv(a), array(rng, 2, 3, 6), order=1)
    check(lambda a: np.linalg.tensorinv(a, ind=1), array(rng, 4, 2, 2), order=1)


@pytest.mark.parametrize("shapes", [((5, 3), (5,)), ((4, 2), (4, 2)), ((2, 4), (2,)), ((3, 3), (3, 2))])
def test_lstsq(rng, shapes):
    for kind in "dD":
        a, b = array(rng, *shapes[0], kind=kind), array(rng, *shapes[1], kind=kind)
        check(lambda a, b: np.linalg.lstsq(a, b)[0], a, b, order=2 if kind == "d" else 1)
        check(lambda a, b: np.linalg.lstsq(a, b)[1], a, b, order=1)
        check(lambda a, b=b: np.linalg.lstsq(a, b)[3], a, order=1)


def test_lstsq_returns_what_numpy_returns(rng):
    a, b = array(rng, 4, 2) @ array(rng, 2, 3), array(rng, 4)
    seen = []
    da.grad(lambda a: (seen.append([da.value(x) for x in np.linalg.lstsq(a, b)]), np.sum(a))[1])(a)
    for got, expected in zip(seen[0], np.linalg.lstsq(a, b), strict=True):
        np.testing.assert_array_equal(got, expected)


# ---- determinants ----


def levi_civita():
    """The permutation symbol."""
    e = np.zeros((3, 3, 3))
    e[0, 1, 2] = e[1, 2, 0] = e[2, 0, 1] = 1
    e[0, 2, 1] = e[2, 1, 0] = e[1, 0, 2] = -1
    return e



@pytest.mark.parametrize("shape", [(3, 3), (2, 2), (1, 1), (2, 3, 3), (2, 2, 2, 2)])
def test_det(rng, shape):
    for kind in "dD":
        check(np.linalg.det, array(rng, *shape, kind=kind))
        check(lambda a: np.linalg.slogdet(a), well(rng, *shape, kind=kind))
        check(lambda a: np.linalg.slogdet(a).logabsdet, array(rng, *shape, kind=kind))


def test_det_of_singular_matrices(rng):
    for kind in "dD":
        mixed = np.stack((singular(rng, 3, kind), array(rng, 3, 3, kind=kind)))
        for a in (singular(rng, 3, kind), np.zeros((1, 1), kind), mixed):
            check(np.linalg.det, a, atol=1e-9)
    np.testing.assert_allclose(da.grad(np.linalg.det)(np.ones((2, 2))), [[1, -1], [-1, 1]], rtol=1e-14)
    low, (u, v) = singular(rng, 3, rank=1), array(rng, 2, 3, 3)
    np.testing.assert_allclose(da.grad(np.linalg.det)(low), np.zeros((3, 3)), atol=1e-14)
    second = np.einsum("ijk,lmn,il,jm,kn", *[levi_civita()] * 2, low, u, v)  # det is the full polarisation over 3!
    np.testing.assert_allclose(np.sum(da.hvp(np.linalg.det)(low, u) * v), second, rtol=1e-12)
    np.testing.assert_allclose(np.sum(da.hvp(np.linalg.det)(np.zeros((3, 3)), u) * v), 0)
    adjugate = da.grad(np.linalg.det)(np.arange(1.0, 10).reshape(3, 3)).T
    np.testing.assert_allclose(adjugate, [[-3, 6, -3], [6, -12, 6], [-3, 6, -3]], rtol=1e-11)


def test_slogdet_is_the_gradient_of_the_inverse(rng):
    a = well(rng, 3, 3)
    np.testing.assert_allclose(da.grad(lambda a: np.linalg.slogdet(a)[1])(a), np.linalg.inv(a).T, rtol=1e-12)
    result = []
    da.grad(lambda a: (result.append(np.linalg.slogdet(a)), np.sum(a))[1])(a)
    assert type(result[0]) is type(np.linalg.slogdet(np.eye(2)))


# ---- decompositions ----


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (1, 1), (2, 2, 2)])
def test_cholesky(rng, shape, upper):
    for kind in "dD":
        a = array(rng, *shape, kind=kind)
        a = a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1])
        check(lambda a: np.linalg.cholesky(a, upper=upper), a)


def test_cholesky_reads_one_triangle(rng):
    a = array(rng, 3, 3)
    a = a @ a.T + np.eye(3)
    assert np.all(np.triu(da.grad(lambda a: np.sum(np.linalg.cholesky(a)))(a), 1) == 0)
    assert np.all(np.tril(da.grad(lambda a: np.sum(np.linalg.cholesky(a, upper=True)))(a), -1) == 0)
    with pytest.raises(np.linalg.LinAlgError):
        da.grad(lambda a: np.sum(np.linalg.cholesky(a)))(-a)


@pytest.mark.parametrize("mode", ["reduced", "complete", "r", "raw"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (1, 1), (5, 1)])
def test_qr(rng, shape, mode):
    for kind in "dD":
        order = 2 if kind == "d" and mode != "raw" else 1
        check(lambda a: np.linalg.qr(a, mode), array(rng, *shape, kind=kind), order=order, rtol=1e-5)


@pytest.mark.parametrize("uplo", ["L", "U"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1)])
def test_eigh(rng, shape, uplo):
    for kind in "dD":
        a = hermitian(rng, *shape, kind=kind)
        check(lambda a: np.linalg.eigh(a, uplo), a)
        check(lambda a: np.linalg.eigvalsh(a, uplo), a)


def projector(v, columns):
    v = v[..., columns]
    return v @ np.conj(np.swapaxes(v, -1, -2))


def test_eigh_with_coinciding_eigenvalues(rng):
    q = np.linalg.qr(array(rng, 4, 4))[0]
    for a in (np.eye(4), q @ np.diag([1.0, 1, 1, 5]) @ q.T, np.diag([2.0, 2, 3, 3])):
        np.testing.assert_allclose(da.grad(lambda a: np.sum(np.linalg.eigvalsh(a)))(a), np.eye(4), atol=1e-12)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            squares = da.grad(lambda a: np.sum(np.linalg.eigh(a)[0] ** 2))(a)
        np.testing.assert_allclose(squares, 2 * np.tril(a + a.T) - 2 * np.diag(np.diag(a)), atol=1e-11)
    a = q @ np.diag([1.0, 1, 1, 5]) @ q.T
    weights = array(rng, 4, 4)

    def eigenspace(a):
        return np.sum(weights * projector(np.linalg.eigh(a)[1], slice(3)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        got = da.grad(eigenspace)(a)
    step = 1e-6
    direction = array(rng, 4, 4)
    expected = (eigenspace(a + step * direction) - eigenspace(a - step * direction)) / (2 * step)
    np.testing.assert_allclose(np.sum(got * direction), expected, rtol=1e-6)
    with pytest.warns(RuntimeWarning, match="coinciding"):
        da.grad(lambda a: np.sum(weights * np.linalg.eigh(a)[1]))(a)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1)])
def test_eig(rng, shape):
    for kind in "dD":
        a = np.diag(3.0 * np.arange(shape[-1])) + 0.5 * array(rng, *shape, kind=kind)
        check(lambda a: np.linalg.eig(a), a, rtol=1e-5)
        check(lambda a: np.linalg.eigvals(a), a, rtol=1e-5)


def test_eig_with_complex_pairs(rng):
    a = np.array([[1.0, -2, 0.3], [2, 1, 0.1], [0.2, 0.1, 4]])
    check(lambda a: np.linalg.eigvals(a), a, rtol=1e-5)
    check(lambda a: np.abs(np.linalg.eig(a)[1]), a, rtol=1e-5)
    g = da.grad(lambda a: np.sum(np.real(np.linalg.eigvals(a))))(a)
    np.testing.assert_allclose(g, np.eye(3), atol=1e-12)


def invariant(a, full):
    """What does not depend on the signs or phases of singular vectors."""
    u, s, vh = np.linalg.svd(a, full)
    v, k = np.conj(np.swapaxes(vh, -1, -2)), s.shape[-1]
    thin = (u[..., :k] * np.exp(s)[..., None, :]) @ vh[..., :k, :]
    return s, thin, *(projector(x, columns) for x in (u, v) for columns in (slice(1), slice(k, None)))


SVD = [(3, 3), (4, 2), (2, 4), (2, 3, 2), (1, 1)]


@pytest.mark.parametrize("shape", SVD)
def test_svd(rng, shape):
    for kind in "dD":
        a = array(rng, *shape, kind=kind)
        check(lambda a: np.linalg.svd(a, compute_uv=False), a)
        check(lambda a: np.linalg.svdvals(a), a)

        for full in (False, True):
            check(lambda a, full=full: invariant(a, full), a, rtol=1e-5, order=2 if kind == "d" else 1)
    check(lambda a: np.linalg.svd(a, full_matrices=False), array(rng, *shape), rtol=1e-5)


def test_svd_of_hermitian(rng):
    a = hermitian(rng, 3, 3) - 4 * np.eye(3)
    check(lambda a: np.linalg.svd(a, hermitian=True), a, order=1)
    check(lambda a: np.linalg.svd(a, compute_uv=False, hermitian=True), a)


def test_svd_degenerate(rng):
    a = np.diag([2.0, 2, 1])
    np.testing.assert_allclose(da.grad(lambda a: np.linalg.norm(a, "nuc"))(a), np.eye(3), atol=1e-14)
    low = array(rng, 5, 2) @ array(rng, 2, 4)
    g = da.grad(lambda a: np.sum(projector(np.linalg.svd(a, full_matrices=False)[0], slice(1)) * np.arange(5)))(low)
    assert np.all(np.isfinite(g))
    with pytest.warns(RuntimeWarning, match="coinciding"):
        da.grad(lambda a: np.sum(np.linalg.svd(a)[0]))(np.eye(3) + 0 * a)


# ---- norms ----

VECTOR = [None, 1, 2, 3, 2.5, 0.5, -1, -2, np.inf, -np.inf]
MATRIX = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


@pytest.mark.parametrize("ord", VECTOR)
def test_vector_norms(rng, ord):
    for kind in "dD":
        check(lambda x: np.linalg.norm(x, ord), array(rng, 4, kind=kind), rtol=1e-5)
        for axis in (0, -1):
            check(lambda x: np.linalg.norm(x, ord, axis), array(rng, 2, 3, kind=kind), order=1)
            check(lambda x: np.linalg.norm(x, ord, axis, True), array(rng, 2, 3, kind=kind), order=1)
        if ord is not None:
            check(lambda x: np.linalg.vector_norm(x, ord=ord, axis=(0, 2)), array(rng, 2, 2, 2, kind=kind), order=1)
            check(lambda x: np.linalg.vector_norm(x, ord=ord, keepdims=True), array(rng, 2, 2, kind=kind), order=1)


@pytest.mark.parametrize("ord", MATRIX)
def test_matrix_norms(rng, ord):
    for kind in "dD":
        grow = np.array([[1, 2], [5, 10]])  # keeps rows and columns apart, away from ties
        x = (array(rng, 3, 2, kind=kind) + 1) * np.array([[1, 3], [6, 18], [36, 90]])
        cube = (array(rng, 2, 2, 2, kind=kind) + 4) * grow
        check(lambda x: np.linalg.norm(x, ord), x, rtol=1e-5)
        check(lambda x: np.linalg.norm(x, ord, (2, 0), True), np.moveaxis(cube, 0, 1), order=1)
        if ord is not None:
            check(lambda x: np.linalg.matrix_norm(x, ord=ord), cube, order=1)


def test_norms_of_zero():
    for ord in (None, 1, 2, 3, np.inf):
        assert np.all(da.grad(lambda x, ord=ord: np.linalg.norm(x, ord))(np.zeros(3)) == 0)
        assert da.jvp(lambda x, ord=ord: np.linalg.norm(x, ord), (np.zeros(3),), (np.ones(3),))[1] == 0
    for ord in MATRIX:
        assert np.all(da.grad(lambda x, ord=ord: np.linalg.norm(x, ord))(np.zeros((2, 2))) == 0)
    assert np.all(da.grad(lambda x: np.sum(np.linalg.norm(x, axis=1)))(np.array([[0.0, 0], [3, 4]])) == [[0, 0], [0.6, 0.8]])


def test_norm_of_everything(rng):
    check(lambda x: np.linalg.norm(x), array(rng, 2, 2, 2))
    check(lambda x: np.linalg.norm(x, keepdims=True), array(rng, 2, 2, 2))
    assert da.grad(lambda x: np.linalg.norm(x, 0) + np.sum(x))(np.array([1.0, 0])).tolist() == [1, 1]
    np.testing.assert_array_equal(da.grad(lambda x: np.linalg.norm(x, np.inf))(np.array([3.0, -3, 1])), [0.5, -0.5, 0])


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, np.inf, "fro", "nuc"])
def test_cond(rng, p):
    check(lambda a: np.linalg.cond(a, p), well(rng, 3, 3), rtol=1e-5)
    check(lambda a: np.linalg.cond(a, p), well(rng, 2, 2, 2), order=1)


def test_cond_of_singular_matrices():
    assert da.jvp(np.linalg.cond, (np.zeros((2, 2)),), (np.ones((2, 2)),))[0] == np.inf


def test_rank_is_plain(rng):
    assert da.grad(lambda a: np.sum(a) * np.linalg.matrix_rank(a))(np.eye(3)).tolist() == (3 * np.ones((3, 3))).tolist()


# ---- single precision and empty matrices ----

FUNCTIONS = [
    np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.pinv, np.linalg.cholesky, np.linalg.qr, np.linalg.eigh,
    np.linalg.eigvalsh, np.linalg.eig, np.linalg.eigvals, np.linalg.svd, np.linalg.svdvals, np.linalg.norm, np.linalg.cond,
]
STACKED = [np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.eigvalsh, np.linalg.eigvals, np.linalg.svdvals]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_single_precision_is_kept(rng, function):
    a = array(rng, 3, 3, kind="f")
    a = a @ a.T + np.eye(3, dtype="f")

    def f(a):
        y = function(a)
        return tuple(y) if isinstance(y, tuple) else y

    check_same(f, a)
    assert da.grad(lambda a: np.sum(parts(f(a))))(a).dtype == np.float32


@pytest.mark.parametrize("function", STACKED)
def test_empty(function):
    for shape in ((0, 0), (0, 2, 2)):
        a = np.zeros(shape)
        assert da.grad(lambda a: np.sum(parts(function(a))))(a).shape == shape
        check_same(function, a)
