"""``python -m dualad demo``: derivatives in both modes checked against each other, and an autoencoder on real digits."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

import dualad as da
from dualad import nn

HELD_OUT = 297  # images kept from training
BATCH = 64
RATE = 1e-2
HIDDEN = 32


# ---- 1. derivatives -------------------------------------------------------------------------------------------------


def rosenbrock(x):
    """Rosenbrock's valley as a plain Python loop over scalars."""
    s = 0.0
    for i in range(len(x) - 1):
        s = s + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return s


def populations(p):
    """Prey and predators over time, by 200 Runge-Kutta steps, from p = (two start values, four rates) (Lotka, Volterra)."""

    def slope(u):
        return np.array([u[0] * (p[2] - p[3] * u[1]), u[1] * (p[4] * u[0] - p[5])])

    u, h, seen = np.array([p[0], p[1]]), 0.05, []
    for step in range(200):
        a = slope(u)
        b = slope(u + h / 2 * a)
        c = slope(u + h / 2 * b)
        d = slope(u + h * c)
        u = u + h / 6 * (a + 2 * b + 2 * c + d)
        if step % 20 == 19:
            seen.append(u)
    return np.concatenate(seen)


def lennard_jones(x):
    """Energy of atoms at the rows of x that attract and repel each other: sum over pairs of 4 (r^-12 - r^-6)."""
    i, j = np.triu_indices(len(x), 1)
    r2 = np.sum((x[i] - x[j]) ** 2, axis=1)
    return np.sum(4 * (r2**-6 - r2**-3))


def along(f, e):
    """The derivative of f in direction e, in forward mode, as a function."""
    return lambda x: da.jvp(f, (x,), (e,))[1]


def units(x):
    """One array of the shape of x for each of its elements, with a one there."""
    return np.eye(x.size).reshape(x.size, *x.shape)


def difference(a, b):
    """The largest difference, relative to the largest entry."""
    return float(np.max(np.abs(a - b)) / np.max(np.abs(a)))


def derivatives() -> float:
    """Three derivatives, each in both modes, printed; the largest difference between the modes."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=100)
    gradient = difference(da.grad(rosenbrock)(x), np.array([along(rosenbrock, e)(x) for e in units(x)]))

    p = np.array([10.0, 5.0, 1.1, 0.4, 0.1, 0.4])
    jacobian = difference(da.jacobian(populations, mode="reverse")(p), da.jacobian(populations, mode="forward")(p))

    atoms = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * 1.15 + rng.normal(size=(8, 3)) * 0.03
    twice = np.array([[along(along(lennard_jones, a), b)(atoms) for a in units(atoms)] for b in units(atoms)])
    hessian = difference(da.hessian(lennard_jones)(atoms).reshape(24, 24), twice)

    print(f"gradient  Rosenbrock as a Python loop, 100 variables       reverse - forward: {gradient:.1e}")
    print(f"Jacobian  predators and prey, 200 Runge-Kutta steps, 20x6  reverse - forward: {jacobian:.1e}")
    print(f"Hessian   energy of 8 atoms (Lennard-Jones), 24x24         reverse - forward: {hessian:.1e}")
    return max(gradient, jacobian, hessian)


# ---- 2. autoencoder -------------------------------------------------------------------------------------------------


def load_digits():
    """The 1,797 digits, one a row, pixels between 0 and 1, in a fixed random order."""
    return np.random.default_rng(0).permutation(nn.datasets.load_digits()[0])


def autoencoder(seed: int):
    """64 pixels -> 32 numbers -> 64 pixels."""
    nn.utils.set_random_seed(seed)
    encoder = nn.Sequential([nn.Input((64,)), nn.Dense(HIDDEN, activation="tanh")])
    decoder = nn.Sequential([nn.Input((HIDDEN,)), nn.Dense(64, activation="sigmoid")])
    return nn.Autoencoder(encoder, decoder)


class Progress(nn.callbacks.Callback):
    """Tells how far training is."""

    def on_epoch_end(self, epoch, logs=None):
        progress(epoch + 1, self.params["epochs"], logs["loss"])


def train(model, images, epochs: int) -> None:
    """Adam with a learning rate that falls to zero, on the mean squared error; each step is one compiled program."""
    steps = epochs * -(-len(images) // BATCH)
    model.compile(optimizer=nn.optimizers.Adam(nn.schedules.PolynomialDecay(RATE, steps, 0.0)), loss="mse")
    model.fit(images, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Progress()])


def progress(done: int, total: int, value: float) -> None:
    """A bar that is redrawn on a terminal; now and then a line elsewhere."""
    if sys.stdout.isatty():
        filled = 30 * done // total
        end = "\n" if done == total else ""
        print(f"\repoch {done:3d}/{total} [{'#' * filled}{'.' * (30 - filled)}] loss {value:.5f}", end=end, flush=True)
    elif done == 1 or done == total or done % max(1, total // 8) == 0:
        print(f"epoch {done:3d}/{total}  loss {value:.5f}", flush=True)


def principal_components(train_set, test_set):
    """The error of the best linear code of the same size: what the autoencoder is up against."""
    mean = train_set.mean(axis=0)
    axes = np.linalg.svd(train_set - mean, full_matrices=False)[2][:HIDDEN]
    return np.mean(((test_set - mean) @ axes.T @ axes + mean - test_set) ** 2)


# ---- pictures -------------------------------------------------------------------------------------------------------


def draw(originals, copies, path: Path) -> bool:
    """Originals above reconstructions as a PNG; False without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(len(originals), 2.2), layout="constrained")
    axes = figure.subplots(2, len(originals))
    for row, images, name in ((axes[0], originals, "original"), (axes[1], copies, "reconstruction")):
        for axis, image in zip(row, images, strict=True):
            axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
        row[0].set_title(name, loc="left", fontsize=9)
    figure.savefig(path, dpi=120)
    return True


def as_text(images) -> str:
    """Images side by side, two characters a pixel."""
    shades = np.array(list(" .:-=+*#%@"))
    rows = []
    for r in range(8):
        pixels = np.concatenate([np.append(image.reshape(8, 8)[r], 0.0) for image in images])
        rows.append("".join(shade * 2 for shade in shades[np.rint(np.clip(pixels, 0, 1) * 9).astype(int)]))
    return "\n".join(row.rstrip() for row in rows)


def show(images, copies, path: Path) -> None:
    """Some held-out digits and their reconstructions, drawn or as text."""
    if draw(images[:12], copies[:12], path):
        print(f"held-out digits and their reconstructions: {path.resolve()}")
        return
    print("held-out digits (matplotlib would draw them: pip install matplotlib):")
    print(as_text(images[:6]))
    print("their reconstructions:")
    print(as_text(copies[:6]))


def run(epochs: int, seed: int, output: Path) -> int:
    """The whole demo; the exit status."""
    start = time.perf_counter()
    print("Derivatives in both modes (largest relative difference)\n")
    worst = derivatives()

    print(f"\nAutoencoder 64-{HIDDEN}-64 on 1,797 real digits\n")
    images = load_digits()
    held_out, images = images[:HELD_OUT], images[HELD_OUT:]
    model = autoencoder(seed)
    before = np.mean((model.reconstruct(held_out) - held_out) ** 2)
    train(model, images, epochs)
    copies = model.reconstruct(held_out)
    after = np.mean((copies - held_out) ** 2)
    print(f"\nheld-out digits: error {before:.5f} before, {after:.5f} after training", end="")
    print(f" (the best linear code of {HIDDEN} numbers: {principal_components(images, held_out):.5f})")
    show(held_out, copies, output)
    print(f"\n{time.perf_counter() - start:.1f} s in all")
    if worst > 1e-9 or not after < before:
        print("something is wrong: the modes differ, or the loss did not fall", file=sys.stderr)
        return 1
    return 0
