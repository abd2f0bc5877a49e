"""What the examples share: options, pictures, and the linear method that they are measured against."""

import argparse
from pathlib import Path

import numpy as np


def options(doc, file, **more):
    """Options of the command line: --output, --seed, and `more` of them with their defaults (a tuple: choices, the first of which is the default)."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(file).with_suffix(".png")
    parser.add_argument("--output", type=Path, default=beside, metavar="PNG", help="where the picture goes (default: beside the example)")
    parser.add_argument("--seed", type=int, default=0, help="of initial weights and order (default: %(default)s)")
    for name, default in more.items():
        if isinstance(default, tuple):
            parser.add_argument(f"--{name}", choices=default, default=default[0], help="(default: %(default)s)")
        else:
            parser.add_argument(f"--{name}", type=type(default), default=default, help="(default: %(default)s)")
    return parser.parse_args()


def save(drawn, path):
    """Writes a figure, or that of axes, as a PNG."""
    figure = getattr(drawn, "figure", None) or drawn
    figure.savefig(path, dpi=120)
    print(f"picture: {path}")


def split(x, y, part=0.2):
    """Training and test data; the last samples serve to test."""
    n = len(x) - int(len(x) * part)
    return (x[:n], y[:n]), (x[n:], y[n:])


class PCA:
    """The best linear code: the first `k` principal components."""

    def __init__(self, x, k):
        self.mean = x.mean(axis=0)
        self.axes = np.linalg.svd(x - self.mean, full_matrices=False)[2][:k]

    def reconstruct(self, x):
        return (x - self.mean) @ self.axes.T @ self.axes + self.mean

    def errors(self, x):
        """The mean squared error of each sample."""
        return np.mean((self.reconstruct(x) - x) ** 2, axis=1)
