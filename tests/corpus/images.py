"""Image processing with loops over pixels, slices and masks."""

import math

import numpy as np

from .entry import Entry


def convolve_loops(image, kernel):
    kh, kw = kernel.shape
    h, w = image.shape
    out = np.zeros((h - kh + 1, w - kw + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.sum(image[i : i + kh, j : j + kw] * kernel)
    return out


def sobel_magnitude(image):
    gx, gy = np.zeros_like(image), np.zeros_like(image)
    gx[1:-1, 1:-1] = image[:-2, 2:] + 2 * image[1:-1, 2:] + image[2:, 2:]
    gx[1:-1, 1:-1] -= image[:-2, :-2] + 2 * image[1:-1, :-2] + image[2:, :-2]
    gy[1:-1, 1:-1] = image[2:, :-2] + 2 * image[2:, 1:-1] + image[2:, 2:]
    gy[1:-1, 1:-1] -= image[:-2, :-2] + 2 * image[:-2, 1:-1] + image[:-2, 2:]
    return np.sqrt(gx**2 + gy**2 + 1e-6)


def bilateral_filter(image, sigma_s=1.0, sigma_r=0.4, radius=1):
    h, w = image.shape
    result = np.empty((h, w))
    for i in range(h):
        for j in range(w):
            total = norm = 0.0
            for di in range(-radius, radius + 1):
                for dj in range(-radius, radius + 1):
                    y, x = i + di, j + dj
                    if 0 <= y < h and 0 <= x < w:
                        d = image[y, x] - image[i, j]
                        weight = math.exp(-(di**2 + dj**2) / (2 * sigma_s**2) - d**2 / (2 * sigma_r**2))
                        total += weight * image[y, x]
                        norm += weight
            result[i, j] = total / norm
    return result


def total_variation(u, eps=1e-3):
    dx = np.diff(u, axis=1)[:-1, :]
    dy = np.diff(u, axis=0)[:, :-1]
    return np.sum(np.sqrt(dx**2 + dy**2 + eps))


def bilinear_sample(image, y, x):
    """Sub-pixel value; the cell is found with int(), the position inside it differentiates."""
    i, j = int(np.floor(y)), int(np.floor(x))
    a, b = y - i, x - j
    top = (1 - b) * image[i, j] + b * image[i, j + 1]
    bottom = (1 - b) * image[i + 1, j] + b * image[i + 1, j + 1]
    return (1 - a) * top + a * bottom


def gaussian_blur(image, sigma):
    """Separable blur with a kernel that depends on sigma."""
    r = 2
    k = np.array([math.exp(-0.5 * (i / sigma) ** 2) for i in range(-r, r + 1)])
    k /= k.sum()
    padded = np.pad(image, r, mode="edge")
    rows = np.zeros((image.shape[0] + 2 * r, image.shape[1]))
    for i in range(2 * r + 1):
        rows += k[i] * padded[:, i : i + image.shape[1]]
    out = np.zeros(image.shape)
    for i in range(2 * r + 1):
        out += k[i] * rows[i : i + image.shape[0], :]
    return out


def gamma_and_threshold(image, gamma, floor):
    """Dark pixels are lifted through a mask, bright ones compressed through another."""
    out = image**gamma
    dark = image < 0.3
    out[dark] = floor + 0.1 * image[dark]
    out[image > 0.8] *= 0.5
    out[~dark & (image < 0.5)] += floor
    return out


def perona_malik(u, kappa, dt=0.1, steps=3):
    """Anisotropic diffusion with periodic neighbours."""
    u = u.copy()
    for _ in range(steps):
        flow = np.zeros_like(u)
        for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
            d = np.roll(u, shift, axis=axis) - u
            flow += np.exp(-((d / kappa) ** 2)) * d
        u += dt * flow
    return u


def integral_image(image):
    """Summed-area table in place, and box sums from its corners."""
    S = np.zeros((image.shape[0] + 1, image.shape[1] + 1))
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            S[i + 1, j + 1] = image[i, j] + S[i, j + 1] + S[i + 1, j] - S[i, j]
    return S[2:, 2:] - S[:-2, 2:] - S[2:, :-2] + S[:-2, :-2]


def warp_affine(image, M):
    """Inverse warping, pixel by pixel; the outside stays zero."""
    h, w = image.shape
    out = np.zeros((h, w))
    for r in range(h):
        for c in range(w):
            y = M[0, 0] * r + M[0, 1] * c + M[0, 2]
            x = M[1, 0] * r + M[1, 1] * c + M[1, 2]
            i, j = math.floor(y), math.floor(x)
            if 0 <= i < h - 1 and 0 <= j < w - 1:
                out[r, c] = bilinear_sample(image, y, x)
    return out


_rng = np.random.default_rng(5)
_I = _rng.uniform(0.05, 0.95, size=(5, 6))
CORPUS = [
    Entry(convolve_loops, (_I, _rng.normal(size=(3, 3))), "loop-store, slices", "mpmath", (0, 1)),
    Entry(sobel_magnitude, (_I,), "slice-store, -=, zeros_like", "complex"),
    Entry(bilateral_filter, (_I[:4, :4],), "loop-store, math, empty, chained comparison"),
    Entry(total_variation, (_I,), "diff, slices", "complex"),
    Entry(bilinear_sample, (_I, 1.3, 2.6), "int, floor", "mpmath", (0, 1, 2)),
    Entry(gaussian_blur, (_I, 1.1), "math, list to array, /=, +=, pad", "mpmath", (0, 1)),
    Entry(gamma_and_threshold, (_I, 0.7, 0.2), "mask-store, *=, +=", "mpmath", (0, 1, 2)),
    Entry(perona_malik, (_I[:4, :4], 0.4), "+=, roll, copy", "complex", (0, 1)),
    Entry(integral_image, (_I,), "loop-store, recurrence"),
    Entry(warp_affine, (_I, np.array([[0.9, 0.1, 0.31], [-0.1, 0.95, 0.43]])), "loop-store, math.floor, branches", "mpmath", (0,
          1)),
]
