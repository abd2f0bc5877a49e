"""State-space models and series that run through time.

J. D. Hamilton, Time Series Analysis (1994).
"""

import math

import numpy as np

from .entry import Entry


def hmm_forward(log_pi, log_A, log_B, obs):
    """Forward algorithm in log space, table filled cell by cell."""
    T, N = len(obs), len(log_pi)
    alpha = np.zeros((T, N))
    for s in range(N):
        alpha[0, s] = log_pi[s] + log_B[s, obs[0]]
    for t in range(1, T):
        for s in range(N):
            terms = [alpha[t - 1, r] + log_A[r, s] for r in range(N)]
            top = max(terms)
            alpha[t, s] = top + math.log(sum(math.exp(v - top) for v in terms)) + log_B[s, obs[t]]
    top = max(alpha[-1])
    return top + math.log(sum(math.exp(v - top) for v in alpha[-1]))


def hmm_forward_scaled(pi, A, B, obs):
    """The scaled recursion in vectors."""
    alpha = pi * B[:, obs[0]]
    loglik = 0.0
    for o in obs[1:]:
        c = alpha.sum()
        loglik += np.log(c)
        alpha = (alpha / c) @ A * B[:, o]
    return loglik + np.log(alpha.sum())


def viterbi_score(log_A, log_B, obs):
    """Best path's score: ties do not occur, the derivative counts the transitions on the path."""
    delta = log_B[:, obs[0]].copy()
    for o in obs[1:]:
        new = np.empty(len(delta))
        for s in range(len(delta)):
            new[s] = np.max(delta + log_A[:, s]) + log_B[s, o]
        delta = new
    return delta.max()


def kalman_filter(F, Q, H, R, zs):
    """Log likelihood of a linear state-space model."""
    n = F.shape[0]
    x, P = np.zeros(n), np.eye(n)
    loglik = 0.0
    for z in zs:
        x = F @ x
        P = F @ P @ F.T + Q
        y = z - H @ x
        S = H @ P @ H.T + R
        K = P @ H.T @ np.linalg.inv(S)
        x = x + K @ y
        P = (np.eye(n) - K @ H) @ P
        loglik += -0.5 * (y @ np.linalg.solve(S, y) + np.log(np.linalg.det(S)) + len(y) * np.log(2 * np.pi))
    return loglik


def local_level(sigmas, ys):
    """Scalar Kalman filter with the states kept in preallocated arrays."""
    q, r = sigmas[0] ** 2, sigmas[1] ** 2
    n = len(ys)
    m, P = np.zeros(n + 1), np.zeros(n + 1)
    P[0] = 10.0
    for t in range(n):
        prior = P[t] + q
        gain = prior / (prior + r)
        m[t + 1] = m[t] + gain * (ys[t] - m[t])
        P[t + 1] = (1 - gain) * prior
    return m


def garch(omega, alpha, beta, returns):
    """GARCH(1, 1) log likelihood (T. Bollerslev 1986)."""
    T = len(returns)
    sigma2 = np.empty(T)
    sigma2[0] = np.var(returns)
    for t in range(1, T):
        sigma2[t] = omega + alpha * returns[t - 1] ** 2 + beta * sigma2[t - 1]
    return -0.5 * np.sum(np.log(2 * np.pi * sigma2) + returns**2 / sigma2)


def arma_residuals(phi, theta, y):
    e = np.zeros_like(y)
    for t in range(len(y)):
        ar = sum(phi[i] * y[t - 1 - i] for i in range(min(len(phi), t)))
        ma = sum(theta[i] * e[t - 1 - i] for i in range(min(len(theta), t)))
        e[t] = y[t] - ar - ma
    return e


def holt_winters(alpha, beta, gamma, y, period=3):
    """Additive seasonality; the seasonal array is reused in place."""
    level = sum(y[:period]) / period
    trend = 0.0
    season = np.array([y[i] - level for i in range(period)])
    sse = 0.0
    for t in range(period, len(y)):
        s = season[t % period]
        sse += (y[t] - (level + trend + s)) ** 2
        last = level
        level = alpha * (y[t] - s) + (1 - alpha) * (level + trend)
        trend = beta * (level - last) + (1 - beta) * trend
        season[t % period] = gamma * (y[t] - level) + (1 - gamma) * s
    return sse


def particle_weights(theta, y, noise):
    """Bootstrap filter with fixed draws and no resampling."""
    x = np.zeros(noise.shape[1])
    logw = np.zeros(noise.shape[1])
    for t in range(len(y)):
        x = theta[0] * x + theta[1] * noise[t]
        logw += -0.5 * (y[t] - x) ** 2
    m = max(logw)
    return m + np.log(np.mean(np.exp(logw - m)))


def autocorrelation(y, lags=3):
    y = y - y.mean()
    return np.array([np.sum(y[: len(y) - k] * y[k:]) / np.sum(y**2) for k in range(1, lags + 1)])


_rng = np.random.default_rng(8)
_y = _rng.normal(size=9)
_logA = np.log(_rng.dirichlet(np.ones(3), 3))
_logB = np.log(_rng.dirichlet(np.ones(2), 3))
_obs = [0, 1, 1, 0, 1]
_F = np.array([[1.0, 0.3], [0.0, 0.9]])
CORPUS = [
    Entry(hmm_forward, (np.log([0.5, 0.3, 0.2]), _logA, _logB, _obs), "loop-store, math, max, sum of generator", "mpmath", (0, 1,
          2)),
    Entry(hmm_forward_scaled, (np.array([0.5, 0.3, 0.2]), np.exp(_logA), np.exp(_logB), _obs), "vectorised, +=", "complex", (0,
          1, 2)),
    Entry(viterbi_score, (_logA, _logB, _obs), "loop-store, max, copy", "mpmath", (0, 1), order=1),
    Entry(kalman_filter, (_F, 0.1 * np.eye(2), np.array([[1.0, 0.2]]), np.array([[0.5]]), _rng.normal(size=(4, 1))),
          "inv, det, solve, +=",
          "complex", (0, 1, 2, 3)),
    Entry(local_level, (np.array([0.4, 0.9]), _y), "loop-store, zeros"),
    Entry(garch, (0.1, 0.15, 0.7, _y), "loop-store, empty, var of plain", "mpmath", (0, 1, 2)),
    Entry(arma_residuals, (np.array([0.5, -0.2]), np.array([0.3]), _y), "loop-store, sum of generator, min", "mpmath", (0, 1)),
    Entry(holt_winters, (0.3, 0.1, 0.4, _y), "store into list-made array, sum", "mpmath", (0, 1, 2, 3)),
    Entry(particle_weights, (np.array([0.8, 0.5]), _y, _rng.normal(size=(9, 5))), "+= into zeros, max"),
    Entry(autocorrelation, (_y,), "list to array, slices", "complex"),
]
