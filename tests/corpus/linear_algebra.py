"""Linear algebra written out in loops, as in the textbooks.

G. H. Golub, C. F. Van Loan, Matrix Computations (2013).
"""

import math

import numpy as np

from .entry import Entry


def thomas(a, b, c, d):
    """Tridiagonal solver that overwrites its arguments."""
    n = len(d)
    for i in range(1, n):
        w = a[i - 1] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    x = np.zeros(n)
    x[-1] = d[-1] / b[-1]
    for i in range(n - 2, -1, -1):
        x[i] = (d[i] - c[i] * x[i + 1]) / b[i]
    return x


def lu_in_place(A):
    """Doolittle without pivoting; L and U share the matrix."""
    A = A.copy()
    n = A.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            A[i, k] /= A[k, k]
            for j in range(k + 1, n):
                A[i, j] -= A[i, k] * A[k, j]
    return A


def lu_factors(A):
    n = len(A)
    L, U = np.eye(n), np.zeros((n, n))
    for j in range(n):
        for i in range(j + 1):
            U[i, j] = A[i, j] - sum(L[i, k] * U[k, j] for k in range(i))
        for i in range(j + 1, n):
            L[i, j] = (A[i, j] - sum(L[i, k] * U[k, j] for k in range(j))) / U[j, j]
    return np.stack([L, U])


def determinant(A):
    """By minors, recursively."""
    n = A.shape[0]
    if n == 1:
        return A[0, 0]
    total = 0
    for j in range(n):
        minor = np.delete(A[1:], j, axis=1)
        total += (-1) ** j * A[0, j] * determinant(minor)
    return total


def gauss_solve(A, b):
    """Elimination with partial pivoting and row swaps."""
    A = np.array(A, dtype=float)
    b = np.array(b, dtype=float)
    n = len(b)
    for k in range(n):
        p = k + np.argmax(np.abs(A[k:, k]))
        if p != k:
            A[[k, p]] = A[[p, k]]
            b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            m = A[i, k] / A[k, k]
            A[i, k:] -= m * A[k, k:]
            b[i] -= m * b[k]
    x = np.zeros(n)
    for i in reversed(range(n)):
        x[i] = (b[i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
    return x


def cholesky_loops(S):
    n = S.shape[0]
    L = np.zeros_like(S)
    for i in range(n):
        for j in range(i + 1):
            s = S[i, j]
            for k in range(j):
                s -= L[i, k] * L[j, k]
            if i == j:
                L[i, j] = math.sqrt(s)
            else:
                L[i, j] = s / L[j, j]
    return L


def gram_schmidt(A):
    Q = np.array(A)
    for j in range(Q.shape[1]):
        for k in range(j):
            Q[:, j] -= np.dot(Q[:, k], Q[:, j]) * Q[:, k]
        Q[:, j] /= np.sqrt(np.sum(Q[:, j] ** 2))
    return Q


def power_method(A, tol=1e-9):
    v = np.ones(A.shape[0])
    lam_old, lam = 0.0, 1.0
    while abs(lam - lam_old) > tol * abs(lam):
        w = A @ v
        v = w / np.linalg.norm(w)
        lam_old, lam = lam, v @ A @ v
    return lam


def gauss_seidel(A, b, tol=1e-10, max_iter=200):
    x = np.zeros_like(b)
    for _ in range(max_iter):
        x_old = x.copy()
        for i in range(len(b)):
            s = 0.0
            for j in range(len(b)):
                if j != i:
                    s += A[i][j] * x[j]
            x[i] = (b[i] - s) / A[i][i]
        if np.linalg.norm(x - x_old, ord=np.inf) < tol:
            break
    return x


def conjugate_gradient(A, b):
    x = np.zeros(len(b))
    r = b - A @ x
    p = r.copy()
    rs = r @ r
    for _ in range(len(b)):
        Ap = A @ p
        alpha = rs / (p @ Ap)
        x += alpha * p
        r -= alpha * Ap
        rs_new = r @ r
        p = r + (rs_new / rs) * p
        rs = rs_new
    return x


def expm_taylor(A, t):
    """Scaling and squaring with a series that stops at its tolerance."""
    X = A * t / 8
    E = np.eye(len(A))
    term = np.eye(len(A))
    k = 1
    while np.abs(term).max() > 1e-12:
        term = term @ X / k
        E = E + term
        k += 1
    for _ in range(3):
        E = E @ E
    return E


def givens_triangle(A):
    """QR by rotations of pairs of rows, in place."""
    R = A.copy()
    m, n = R.shape
    for j in range(n):
        for i in range(m - 1, j, -1):
            r = math.hypot(R[i - 1, j], R[i, j])
            c, s = R[i - 1, j] / r, R[i, j] / r
            G = np.array([[c, s], [-s, c]])
            R[i - 1 : i + 1, j:] = G @ R[i - 1 : i + 1, j:]
    return R


def matvec_loops(A, x):
    y = [0.0] * len(A)
    for i, row in enumerate(A):
        for a, b in zip(row, x):
            y[i] += a * b
    return np.array(y)


def levinson_toeplitz(r, y):
    """Levinson recursion for a symmetric Toeplitz system."""
    n = len(y)
    f = np.array([1.0 / r[0]])
    x = np.array([y[0] / r[0]])
    for k in range(1, n):
        e = np.dot(r[k:0:-1], f)
        padded = np.append(f, 0.0)
        f_new = (padded - e * padded[::-1]) / (1 - e**2)
        ex = np.dot(r[k:0:-1], x)
        x = np.append(x, 0.0) + (y[k] - ex) * f_new[::-1]
        f = f_new
    return x


def gauss_jacobian(A, b):
    inv = np.linalg.inv(A)
    x = inv @ b
    return np.hstack([-np.einsum("ij,k->ijk", inv, x).reshape(len(b), -1), inv])


def determinant_jacobian(A):
    return (np.linalg.det(A) * np.linalg.inv(A).T).reshape(1, -1)


_rng = np.random.default_rng(3)
_A = _rng.normal(size=(4, 4)) + 4 * np.eye(4)
_S = _A @ _A.T
_b = _rng.normal(size=4)
_P = np.array([[0.1, 2.0, 1.0], [3.0, -1.0, 0.5], [1.0, 1.5, -2.0]])
CORPUS = [
    Entry(thomas, (_rng.normal(size=4), _rng.uniform(4, 5, 5), _rng.normal(size=4), _rng.normal(size=5)),
          "in-place arguments, loop-store, -=",
          "mpmath", (0, 1, 2, 3)),
    Entry(lu_in_place, (_A,), "copy, loop-store, /=, -=", "complex"),
    Entry(lu_factors, (_A,), "loop-store, sum of generator, eye"),
    Entry(determinant, (_A,), "recursion, delete", determinant_jacobian),
    Entry(gauss_solve, (_P, np.array([1.0, -2.0, 0.5])), "row-swap, argmax, slices, array(dtype=float)", gauss_jacobian, (0, 1)),
    Entry(cholesky_loops, (_S,), "loop-store, math, zeros_like"),
    Entry(gram_schmidt, (_rng.normal(size=(5, 3)),), "column-store, -=, /=", "complex"),
    Entry(power_method, (_S,), "while, tolerance, norm", rtol=1e-8),
    Entry(gauss_seidel, (_A, _b), "loop-store, break, chained index", "mpmath", (0, 1)),
    Entry(conjugate_gradient, (_S, _b), "+=, -=, copy", "mpmath", (0, 1), rtol=1e-7),
    Entry(expm_taylor, (_A / 4, 0.7), "while, max, eye", "mpmath", (0, 1)),
    Entry(givens_triangle, (_rng.normal(size=(4, 3)),), "math, view-store, array of scalars"),
    Entry(matvec_loops, (_A, _b), "list of numbers, enumerate, zip", lambda A, x: np.hstack([np.kron(np.eye(4), x), A]), (0, 1)),
    Entry(levinson_toeplitz, (np.array([4.0, 1.0, 0.5, -0.3]), _b), "append, negative steps", "complex", (0, 1)),
]
