"""Likelihoods and estimators.

C. M. Bishop, Pattern Recognition and Machine Learning (2006), unless named otherwise.
"""

import functools
import math

import numpy as np

from .entry import Entry


def gmm_loglik(weights, means, stds, data):
    """Gaussian mixture, observation by observation, with math."""
    total = 0.0
    for x in data:
        p = 0.0
        for w, m, s in zip(weights, means, stds):
            p += w / (s * math.sqrt(2 * math.pi)) * math.exp(-0.5 * ((x - m) / s) ** 2)
        total += math.log(p)
    return total


def gmm_loglik_nd(logits, means, log_chol, X):
    """Full covariances through Cholesky factors filled in by index, log-sum-exp over the components."""
    n, d = X.shape
    K = len(logits)
    log_w = logits - np.log(np.sum(np.exp(logits)))
    comp = np.zeros((n, K))
    for k in range(K):
        L = np.zeros((d, d))
        L[np.tril_indices(d)] = log_chol[k]
        L[np.diag_indices(d)] = np.exp(np.diag(L))
        z = np.linalg.solve(L, (X - means[k]).T)
        comp[:, k] = log_w[k] - 0.5 * np.sum(z**2, axis=0) - np.sum(np.log(np.diag(L))) - 0.5 * d * np.log(2 * np.pi)
    m = comp.max(axis=1, keepdims=True)
    return np.sum(m[:, 0] + np.log(np.sum(np.exp(comp - m), axis=1)))


def gp_marginal(theta, X, y):
    """Log marginal likelihood of a Gaussian process with a squared-exponential kernel."""
    amp, length, noise = np.exp(theta)
    n = len(y)
    K = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            K[i, j] = K[j, i] = amp**2 * np.exp(-0.5 * (X[i] - X[j]) ** 2 / length**2)
    K[np.diag_indices(n)] += noise**2
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return -0.5 * y @ alpha - np.log(np.diag(L)).sum() - 0.5 * n * np.log(2 * np.pi)


def logistic_loglik(beta, X, y):
    z = X @ beta
    return np.sum(y * z - np.log1p(np.exp(z)))


def student_t_loglik(mu, sigma, nu, data):
    c = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi) - math.log(sigma)
    return sum(c - (nu + 1) / 2 * math.log1p(((x - mu) / sigma) ** 2 / nu) for x in data)


def weibull_censored(shape, scale, times, observed):
    """Right-censored survival times: density where observed, survival where not."""
    logp = np.zeros(len(times))
    z = (times / scale) ** shape
    logp[observed] = np.log(shape / scale) + (shape - 1) * np.log(times[observed] / scale) - z[observed]
    logp[~observed] = -z[~observed]
    return logp.sum()


def cox_partial(beta, X, times, event):
    """Partial likelihood of proportional hazards (D. R. Cox 1972); risk sets by sorting."""
    order = np.argsort(-times)
    eta = (X @ beta)[order]
    running, total = 0.0, 0.0
    for e, d in zip(eta, event[order]):
        running += math.exp(e)
        if d:
            total += e - math.log(running)
    return total


def kde(points, bandwidth, grid):
    dens = np.zeros(len(grid))
    for k, g in enumerate(grid):
        u = (g - points) / bandwidth
        dens[k] = np.mean(np.exp(-0.5 * u * u)) / (bandwidth * np.sqrt(2 * np.pi))
    return dens


def poisson_glm(beta, X, counts):
    mu = np.exp(X.dot(beta))
    return (counts * np.log(mu) - mu - np.array([math.lgamma(c + 1) for c in counts])).sum()


def dirichlet_entropy(alpha):
    """Log normaliser with math.lgamma over the entries, combined by functools.reduce."""
    return functools.reduce(lambda a, b: a + b, [math.lgamma(a) for a in alpha]) - math.lgamma(sum(alpha))


def huber_regression(theta, x, y, delta=0.5):
    r = y - (theta[0] + theta[1] * x)
    small = np.abs(r) <= delta
    loss = np.empty_like(r)
    loss[small] = 0.5 * r[small] ** 2
    loss[~small] = delta * (np.abs(r[~small]) - 0.5 * delta)
    return loss.mean()


def probit(beta, X, y):
    """Normal distribution function by math.erf, through np.vectorize."""
    phi = np.vectorize(lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2))))
    p = phi(X @ beta)
    return np.sum(np.where(y == 1, np.log(p), np.log(1 - p)))


def welford(data):
    """Running mean, variance and skewness in one pass."""
    n, mean, m2, m3 = 0, 0.0, 0.0, 0.0
    for x in data:
        n += 1
        delta = x - mean
        dn = delta / n
        term = delta * dn * (n - 1)
        mean += dn
        m3 += term * dn * (n - 2) - 3 * dn * m2
        m2 += term
    return mean, m2 / (n - 1), math.sqrt(n) * m3 / m2**1.5


def trimmed_mean(x, k=1):
    ordered = sorted(x)
    kept = ordered[k:-k]
    return sum(kept) / len(kept)


def irls_step(beta, X, y):
    """One step of iteratively reweighted least squares."""
    p = 1 / (1 + np.exp(-X @ beta))
    W = np.diag(p * (1 - p))
    return beta + np.linalg.solve(X.T @ W @ X, X.T @ (y - p))


def em_step(means, data):
    """E and M step of a mixture with unit variances, responsibilities stored row by row."""
    R = np.zeros((len(data), len(means)))
    for i, x in enumerate(data):
        R[i] = np.exp(-0.5 * (x - means) ** 2)
        R[i] /= R[i].sum()
    return R.T @ data / R.sum(axis=0)


def logistic_gradient(beta, X, y):
    return ((y - 1 / (1 + np.exp(-X @ beta))) @ X).reshape(1, -1)


_rng = np.random.default_rng(6)
_X, _y = _rng.normal(size=(8, 3)), _rng.integers(0, 2, 8)
_d = _rng.normal(size=8)
_times = _rng.uniform(0.5, 3, 8)
CORPUS = [
    Entry(gmm_loglik, (np.array([0.3, 0.7]), np.array([-1.0, 1.0]), np.array([0.5, 0.8]), _d), "math, zip, +=", "mpmath", (0, 1,
          2)),
    Entry(gmm_loglik_nd, (np.array([0.2, -0.1]), _rng.normal(size=(2, 2)), 0.3 * _rng.normal(size=(2, 3)), _X[:, :2]),
          "tril_indices, diag_indices, column-store, solve", "mpmath", (0, 1, 2)),
    Entry(gp_marginal, (np.array([0.1, -0.2, -1.0]), np.linspace(0, 2, 6), _d[:6]),
          "loop-store, chained assignment, diag +=, cholesky",
          rtol=1e-9),
    Entry(logistic_loglik, (_rng.normal(size=3), _X, _y), "vectorised", logistic_gradient),
    Entry(student_t_loglik, (0.1, 1.2, 4.0, _d), "math.lgamma, sum of generator", "mpmath", (0, 1, 2)),
    Entry(weibull_censored, (1.4, 2.0, _times, _y == 1), "mask-store, bool masks", "mpmath", (0, 1)),
    Entry(cox_partial, (_rng.normal(size=3), _X, _times, _y), "argsort, math, branches"),
    Entry(kde, (_d, 0.4, np.linspace(-1, 1, 4)), "loop-store, enumerate", "mpmath", (0, 1)),
    Entry(poisson_glm, (0.3 * _rng.normal(size=3), _X, _rng.poisson(2.0, 8)), "plain math among traced", "complex"),
    Entry(dirichlet_entropy, (np.array([0.8, 2.5, 1.7]),), "math.lgamma, reduce, sum"),
    Entry(huber_regression, (np.array([0.2, 0.9]), _d, _rng.normal(size=8)), "mask-store, empty_like"),
    Entry(probit, (0.4 * _rng.normal(size=3), _X, _y), "vectorize, math.erf, where"),
    Entry(welford, (_d,), "math, tuple result, +="),
    Entry(trimmed_mean, (_d,), "sorted, sum", order=1),
    Entry(irls_step, (0.3 * _rng.normal(size=3), _X, _y), "solve, diag"),
    Entry(em_step, (np.array([-0.7, 0.9]), _d), "row-store, /=, enumerate"),
]
