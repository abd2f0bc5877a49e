"""Gaussian process regression: hyperparameters by the exact gradient of the marginal likelihood, through Cholesky's factors.

Passengers of airlines by month (needs the file of river: pip install --no-deps river): a trend, a yearly wave, and noise; the last two years are predicted.
"""

import common
import numpy as np

import dualad as da
from dualad import nn

START = {"level": 0.0, "far": 1.5, "wave": -1.0, "shape": 0.0, "fade": 2.5, "noise": -2.5}  # logarithms


def kernel(p, a, b):
    """Covariances of the values at times a and b, in years: a smooth trend and a yearly wave that slowly changes its shape."""
    d = a[:, np.newaxis] - b
    trend = np.exp(2 * p["level"] - 0.5 * (d / np.exp(p["far"])) ** 2)
    wave = np.exp(2 * p["wave"] - 2 * (np.sin(np.pi * d) / np.exp(p["shape"])) ** 2 - 0.5 * (d / np.exp(p["fade"])) ** 2)
    return trend + wave


def surprise(p, t, y):
    """The negative logarithm of the marginal likelihood (Rasmussen and Williams, 2006, equation 2.30), for each value, with a weak prior about the start."""
    K = kernel(p, t, t) + np.exp(2 * p["noise"]) * np.eye(len(t))
    L = np.linalg.cholesky(K)
    prior = sum((p[name] - START[name]) ** 2 for name in p) / 8
    return (0.5 * y @ np.linalg.solve(K, y) + np.sum(np.log(np.diagonal(L))) + 0.5 * len(t) * np.log(2 * np.pi) + prior) / len(t)


def fitted(t, y, steps):
    """Hyperparameters by Adam, and the course of the objective."""
    names = list(START)
    step = da.compile(da.value_and_grad(surprise))
    p, adam = np.array([START[name] for name in names]), nn.optimizers.Adam(0.05)
    course = []
    for _ in range(steps):
        value, g = step({name: float(x) for name, x in zip(names, p)}, t, y)
        course.append(float(value))
        adam.apply_flat(p, np.array([float(g[name]) for name in names]))
    return {name: float(x) for name, x in zip(names, p)}, course


def run(steps=150, held_out=24):
    """Errors of the prediction, and what is needed to draw."""
    passengers = nn.datasets.airline_passengers()
    t = np.arange(len(passengers)) / 12
    n = len(t) - held_out
    level = np.polyfit(t[:n], np.log(passengers[:n]), 1)  # grows by a constant rate; the process is what differs from that
    y = np.log(passengers) - np.polyval(level, t)
    spread = y[:n].std()
    p, course = fitted(t[:n], y[:n] / spread, steps)
    K = kernel(p, t[:n], t[:n]) + np.exp(2 * p["noise"]) * np.eye(n)
    across = kernel(p, t, t[:n])
    mean = across @ np.linalg.solve(K, y[:n] / spread)
    variance = np.diagonal(kernel(p, t, t)) - np.sum(across * np.linalg.solve(K, across.T).T, axis=1) + np.exp(2 * p["noise"])
    middle, width = np.polyval(level, t) + mean * spread, 1.96 * spread * np.sqrt(np.maximum(variance, 0))
    predicted = np.exp(middle)
    last_year = passengers[n - 12 + np.arange(held_out) % 12]
    wrong = {"process": predicted[n:], "same month of the last year": last_year}
    errors = {name: float(np.sqrt(np.mean((q - passengers[n:]) ** 2))) for name, q in wrong.items()}
    inside = float(np.mean(np.abs(np.log(passengers[n:]) - middle[n:]) < width[n:]))
    print(f"objective {course[0]:.3f} -> {course[-1]:.3f}; two years ahead: root mean squared error {errors['process']:.1f} thousand passengers "
          f"(the last year again: {errors['same month of the last year']:.1f}), {inside:.0%} within the 95 % band")
    return errors, course, (1949 + t, passengers, n, predicted, np.exp(middle - width), np.exp(middle + width))


def draw(errors, course, found):
    """The prediction with its band."""
    from matplotlib.figure import Figure

    from dualad.nn.plots._figure import COLOURS, INK, tidy

    years, passengers, n, predicted, low, high = found
    ax = Figure(figsize=(8, 4), layout="constrained").subplots()
    ax.fill_between(years, low, high, color=COLOURS[0], alpha=0.25, linewidth=0, label="95 % band")
    ax.plot(years, predicted, color=COLOURS[0], label="Gaussian process")
    ax.plot(years[:n], passengers[:n], ".", color=INK, markersize=4, label="seen")
    ax.plot(years[n:], passengers[n:], "x", color=COLOURS[6], markersize=5, label="held out")
    ax.set(xlabel="year", ylabel="thousands of passengers a month", title=f"root mean squared error {errors['process']:.1f} thousand, two years ahead")
    ax.legend(frameon=False, loc="upper left")
    return tidy(ax)


if __name__ == "__main__":
    given = common.options(__doc__, __file__, steps=150)
    common.save(draw(*run(given.steps)), given.output)
