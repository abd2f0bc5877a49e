"""Option pricing, bonds and portfolios.

J. C. Hull, Options, Futures, and Other Derivatives (2014); P. Glasserman, Monte Carlo Methods in Financial Engineering (2003).
"""

import math

import numpy as np

from .entry import Entry


def norm_cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def black_scholes(S, K, r, sigma, T):
    d1 = (math.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * math.sqrt(T))
    d2 = d1 - sigma * math.sqrt(T)
    return S * norm_cdf(d1) - K * math.exp(-r * T) * norm_cdf(d2)


def binomial_tree(S, K, r, sigma, T, n=12):
    """Cox-Ross-Rubinstein tree of a European call, values overwritten level by level."""
    dt = T / n
    u = math.exp(sigma * math.sqrt(dt))
    d = 1 / u
    p = (math.exp(r * dt) - d) / (u - d)
    disc = math.exp(-r * dt)
    values = np.zeros(n + 1)
    for j in range(n + 1):
        values[j] = max(0.0, S * u**j * d ** (n - j) - K)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1):
            values[j] = disc * (p * values[j + 1] + (1 - p) * values[j])
    return values[0]


def american_put(S, K, r, sigma, T, n=8):
    """Early exercise by np.maximum on whole levels."""
    dt = T / n
    u = np.exp(sigma * np.sqrt(dt))
    p = (np.exp(r * dt) - 1 / u) / (u - 1 / u)
    prices = S * u ** (2 * np.arange(n + 1) - n)
    values = np.maximum(K - prices, 0)
    for _ in range(n):
        prices = prices[1:] / u
        values = np.exp(-r * dt) * (p * values[1:] + (1 - p) * values[:-1])
        values = np.maximum(values, K - prices)
    return values[0]


def asian_monte_carlo(S0, K, r, sigma, T, draws):
    """Arithmetic average along paths with fixed normal draws."""
    paths, steps = draws.shape
    dt = T / steps
    S = np.full(paths, S0)
    total = np.zeros(paths)
    for k in range(steps):
        S = S * np.exp((r - 0.5 * sigma**2) * dt + sigma * np.sqrt(dt) * draws[:, k])
        total += S
    payoff = np.maximum(total / steps - K, 0.0)
    return np.exp(-r * T) * payoff.mean()


def heston_paths(v0, kappa, theta, xi, rho, z1, z2):
    """Full truncation Euler scheme; the variance array is clipped through a mask."""
    S = np.ones(z1.shape[1])
    v = np.full(z1.shape[1], v0)
    dt = 0.1
    for t in range(z1.shape[0]):
        vp = np.copy(v)
        vp[vp < 0] = 0.0
        w = rho * z1[t] + np.sqrt(1 - rho**2) * z2[t]
        S *= np.exp(-0.5 * vp * dt + np.sqrt(vp * dt) * z1[t])
        v = v + kappa * (theta - vp) * dt + xi * np.sqrt(vp * dt) * w
    return S


def implied_volatility(price, S, K, r, T):
    sigma = 0.3
    for _ in range(50):
        diff = black_scholes(S, K, r, sigma, T) - price
        if abs(diff) < 1e-11:
            break
        d1 = (math.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * math.sqrt(T))
        vega = S * math.sqrt(T) * math.exp(-(d1**2) / 2) / math.sqrt(2 * math.pi)
        sigma -= diff / vega
    return sigma


def yield_to_maturity(price, coupon, years=5, face=100.0):
    y = 0.05
    for _ in range(30):
        value = sum(coupon / (1 + y) ** t for t in range(1, years + 1)) + face / (1 + y) ** years
        slope = -sum(t * coupon / (1 + y) ** (t + 1) for t in range(1, years + 1)) - years * face / (1 + y) ** (years + 1)
        step = (value - price) / slope
        y -= step
        if abs(step) < 1e-12:
            break
    return y


def bootstrap_curve(rates):
    """Discount factors from par swap rates, one year at a time."""
    df = np.zeros(len(rates))
    for i in range(len(rates)):
        df[i] = (1 - rates[i] * df[:i].sum()) / (1 + rates[i])
    return df


def portfolio_sharpe(w, mu, cov, rf=0.01):
    return (np.dot(w, mu) - rf) / np.sqrt(np.dot(w, np.dot(cov, w)))


def max_drawdown(returns):
    wealth = peak = 1.0
    worst = 0.0
    for r in returns:
        wealth *= 1 + r
        peak = max(peak, wealth)
        worst = min(worst, wealth / peak - 1)
    return worst


def crank_nicolson(sigma, r, K=1.0, n=10, steps=6):
    """Black-Scholes equation on a grid, tridiagonal matrices filled in by loops."""
    S = np.linspace(0, 2, n + 1)
    dt = 1.0 / steps
    A = np.zeros((n - 1, n - 1))
    for i in range(1, n):
        a = 0.5 * dt * (0.5 * sigma**2 * i**2 - 0.5 * r * i)
        b = -0.5 * dt * (sigma**2 * i**2 + r)
        c = 0.5 * dt * (0.5 * sigma**2 * i**2 + 0.5 * r * i)
        if i > 1:
            A[i - 1, i - 2] = a
        A[i - 1, i - 1] = b
        if i < n - 1:
            A[i - 1, i] = c
    I = np.eye(n - 1)
    V = np.maximum(K - S[1:-1], 0)
    for _ in range(steps):
        V = np.linalg.solve(I - A, (I + A) @ V)
    return V


def black_scholes_greeks(S, K, r, sigma, T):
    d1 = (math.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * math.sqrt(T))
    d2 = d1 - sigma * math.sqrt(T)
    pdf, disc = math.exp(-(d1**2) / 2) / math.sqrt(2 * math.pi), math.exp(-r * T)
    theta = S * pdf * sigma / (2 * math.sqrt(T)) + r * K * disc * norm_cdf(d2)
    return np.array([[norm_cdf(d1), -disc * norm_cdf(d2), K * T * disc * norm_cdf(d2), S * pdf * math.sqrt(T), theta]])


_rng = np.random.default_rng(9)
_option = (100.0, 95.0, 0.03, 0.25, 0.8)
_cov = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.16]])
_FIVE = (0, 1, 2, 3, 4)
CORPUS = [
    Entry(black_scholes, _option, "math, math.erf", black_scholes_greeks, _FIVE),
    Entry(binomial_tree, _option, "loop-store, math, max, powers", "mpmath", _FIVE),
    Entry(american_put, _option, "maximum, slices, integer powers", "mpmath", _FIVE, order=1),
    Entry(asian_monte_carlo, (*_option, _rng.normal(size=(20, 5))), "full, += into zeros, fixed draws", "mpmath", _FIVE, order=1),
    Entry(heston_paths, (0.04, 1.5, 0.05, 0.3, -0.6, _rng.normal(size=(5, 4)), _rng.normal(size=(5, 4))),
          "full, ones *=, mask-store, np.copy",
          "mpmath", _FIVE),
    Entry(implied_volatility, (12.0, 100.0, 95.0, 0.03, 0.8), "newton, math.erf, break", "mpmath", _FIVE, rtol=1e-9),
    Entry(yield_to_maturity, (98.0, 4.0), "newton, sum of generator, break", "mpmath", (0, 1), rtol=1e-9),
    Entry(bootstrap_curve, (np.array([0.01, 0.015, 0.02, 0.022]),), "loop-store, partial sums"),
    Entry(portfolio_sharpe, (np.array([0.2, 0.5, 0.3]), np.array([0.05, 0.07, 0.12]), _cov), "vectorised", "complex", (0, 1, 2)),
    Entry(max_drawdown, (0.1 * _rng.normal(size=8),), "max, min, *=", order=1),
    Entry(crank_nicolson, (0.3, 0.02), "loop-store, solve, branches", "mpmath", (0, 1)),
]
