"""Transforms, filters and sequence comparison written out."""

import cmath
import math

import numpy as np

from .entry import Entry


def dft_loops(x):
    """Real and imaginary parts by two loops."""
    n = len(x)
    re, im = np.zeros(n), np.zeros(n)
    for k in range(n):
        for t in range(n):
            angle = 2 * math.pi * k * t / n
            re[k] += x[t] * math.cos(angle)
            im[k] -= x[t] * math.sin(angle)
    return np.stack((re, im))


def power_spectrum(x):
    """Recursive radix-2 transform on complex arrays."""

    def fft(x):
        n = len(x)
        if n == 1:
            return x
        even, odd = fft(x[::2]), fft(x[1::2])
        twiddled = np.exp(-2j * np.pi * np.arange(n // 2) / n) * odd
        return np.concatenate([even + twiddled, even - twiddled])

    return np.abs(fft(x)) ** 2


def complex_store(x):
    """A complex buffer filled by loops with cmath."""
    n = len(x)
    X = np.zeros(n, dtype=complex)
    for k in range(n):
        for t in range(n):
            X[k] += x[t] * cmath.exp(-2j * cmath.pi * k * t / n)
    return np.abs(X[1 : n // 2])


def dtw(a, b):
    """Dynamic time warping: a table of infinities, cells by min."""
    n, m = len(a), len(b)
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = (a[i - 1] - b[j - 1]) ** 2
            D[i, j] = cost + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D[n, m]


def soft_dtw(a, b, gamma=0.5):
    """M. Cuturi, M. Blondel 2017: the minimum softened."""
    R = [[math.inf] * (len(b) + 1) for _ in range(len(a) + 1)]
    R[0][0] = 0.0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            three = [R[i - 1][j], R[i][j - 1], R[i - 1][j - 1]]
            low = min(three)
            soft = low - gamma * math.log(sum(math.exp(-(r - low) / gamma) for r in three))
            R[i][j] = (a[i - 1] - b[j - 1]) ** 2 + soft
    return R[-1][-1]


def iir_biquad(x, b, a):
    y = np.zeros(len(x))
    for n in range(len(x)):
        y[n] = b[0] * x[n]
        if n >= 1:
            y[n] += b[1] * x[n - 1] - a[0] * y[n - 1]
        if n >= 2:
            y[n] += b[2] * x[n - 2] - a[1] * y[n - 2]
    return y


def haar(x):
    """Wavelet transform in place, through views of a shrinking front part."""
    w = x.copy()
    n = len(w)
    while n > 1:
        half = n // 2
        front = w[:n]
        mean, diff = (front[0::2] + front[1::2]) / math.sqrt(2), (front[0::2] - front[1::2]) / math.sqrt(2)
        front[:half] = mean
        front[half:] = diff
        n = half
    return w


def goertzel(x, freq):
    s1 = s2 = 0.0
    coeff = 2 * math.cos(freq)
    for v in x:
        s1, s2 = v + coeff * s1 - s2, s1
    return s1**2 + s2**2 - coeff * s1 * s2


def lms_filter(x, d, mu):
    """Adaptive filter whose weights are updated in place."""
    w = np.zeros(3)
    errors = []
    for n in range(2, len(x)):
        u = x[n - 2 : n + 1][::-1]
        e = d[n] - np.dot(w, u)
        w += mu * e * u
        errors.append(e)
    return np.array(errors)


def envelope(x, attack, release):
    y = np.zeros_like(x)
    level = 0.0
    for i, v in enumerate(np.abs(x)):
        rate = attack if v > level else release
        level += rate * (v - level)
        y[i] = level
    return y


def moving_rms(x, width=3):
    out = np.zeros(len(x) - width + 1)
    for i in range(len(out)):
        out[i] = math.sqrt(np.mean(x[i : i + width] ** 2))
    return out


def interpolate_loops(x, xp, fp):
    """Piecewise linear by searching the cell."""
    result = np.empty(len(x))
    for k, v in enumerate(x):
        i = 0
        while i < len(xp) - 2 and v > xp[i + 1]:
            i += 1
        w = (v - xp[i]) / (xp[i + 1] - xp[i])
        result[k] = (1 - w) * fp[i] + w * fp[i + 1]
    return result


def dct_vectorize(x):
    """Matrix of the cosine transform by np.fromfunction, a chirp by np.vectorize."""
    n = len(x)
    C = np.fromfunction(lambda k, t: np.cos(np.pi * k * (2 * t + 1) / (2 * n)), (n, n))
    squash = np.vectorize(lambda v: math.copysign(math.log1p(abs(v)), v))
    return squash(C @ x)


def dft_jacobian(x):
    n = len(x)
    angle = 2 * np.pi * np.outer(np.arange(n), np.arange(n)) / n
    return np.vstack([np.cos(angle), -np.sin(angle)])


_rng = np.random.default_rng(14)
_x = _rng.normal(size=8)
CORPUS = [
    Entry(dft_loops, (_x,), "loop-store, +=, math of plain", dft_jacobian),
    Entry(power_spectrum, (_x,), "recursion, complex, abs"),
    Entry(complex_store, (_x,), "complex buffer, cmath of plain, +="),
    Entry(dtw, (_x[:5], _rng.normal(size=4)), "full of inf, loop-store, min", "mpmath", (0, 1), order=1),
    Entry(soft_dtw, (_x[:4], _rng.normal(size=4)), "nested lists, math, min", "mpmath", (0, 1)),
    Entry(iir_biquad, (_x, np.array([0.2, 0.4, 0.2]), np.array([-0.5, 0.3])), "loop-store, +=, branches", "mpmath", (0, 1, 2)),
    Entry(haar, (_x,), "while, view-store, views of views", "complex"),
    Entry(goertzel, (_x, 0.9), "swap, math", "mpmath", (0, 1)),
    Entry(lms_filter, (_x, _rng.normal(size=8), 0.1), "+= into zeros, append", "mpmath", (0, 1, 2)),
    Entry(envelope, (_x, 0.6, 0.2), "loop-store, conditional expression, abs", "mpmath", (0, 1, 2), order=1),
    Entry(moving_rms, (_x,), "loop-store, math of NumPy result"),
    Entry(interpolate_loops, (np.array([0.3, 1.7, 2.2]), np.array([0.0, 1.0, 2.1, 3.0]), _x[:4]), "while, loop-store, empty",
          "mpmath", (0, 1, 2)),
    Entry(dct_vectorize, (_x[:5],), "fromfunction, vectorize, math.copysign"),
]
