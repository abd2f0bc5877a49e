"""Training epochs of the same autoencoder by other libraries, each as people normally write it there.

Run as a script, ``training_peers.py <library> <sizes> <batch> <samples>``, it is a worker: it trains an epoch for each line it reads, and answers
with the seconds; libraries that set up threads of their own do not meet in one process that way.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np

NEEDS = {"NumPy by hand": ("numpy",), "torch": ("torch",), "jax.jit": ("jax",), "Keras fit (jax)": ("keras", "jax"),
         "Keras fit (tensorflow)": ("keras", "tensorflow"), "dualad": ("dualad",)}


def data(samples: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).random((samples, d), dtype=np.float32)


def initial(sizes: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    pairs = itertools.pairwise(sizes)
    return [(rng.uniform(-(lim := (6 / (a + b)) ** 0.5), lim, (a, b)).astype(np.float32), np.zeros(b, np.float32)) for a, b in pairs]


def by_hand(sizes: list[int], batch: int, x: np.ndarray) -> Callable[[], Any]:
    """Backpropagation and Adam in NumPy, in place where that is natural."""
    params = [p for pair in initial(sizes) for p in pair]
    m, v = ([np.zeros_like(p) for p in params] for _ in range(2))
    rng, t = np.random.default_rng(2), 0

    def step(b: np.ndarray) -> float:
        nonlocal t
        acts = [b]
        for k in range(0, len(params), 2):
            z = acts[-1] @ params[k] + params[k + 1]
            acts.append(np.maximum(z, 0) if k + 2 < len(params) else z)
        z = acts[-1]
        e = np.exp(-np.abs(z))
        loss = float(np.mean(np.maximum(z, 0) - z * b + np.log1p(e)))
        delta = (np.where(z >= 0, 1 / (1 + e), e / (1 + e)) - b) / np.float32(b.size)
        grads: list[np.ndarray] = [np.empty(0)] * len(params)
        for k in range(len(params) - 2, -1, -2):
            grads[k], grads[k + 1] = acts[k // 2].T @ delta, delta.sum(axis=0)
            if k:
                delta = (delta @ params[k].T) * (acts[k // 2] > 0)
        t += 1
        rate = np.float32(1e-3 * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t))
        for p, g, a, c in zip(params, grads, m, v):
            a += np.float32(0.1) * (g - a)
            c += np.float32(0.001) * (g * g - c)
            p -= rate * a / (np.sqrt(c) + np.float32(1e-7))
        return loss

    def epoch() -> float:
        order = rng.permutation(len(x))
        return sum(step(x[order[k : k + batch]]) for k in range(0, len(x), batch))

    return epoch


def with_torch(sizes: list[int], batch: int, x: np.ndarray) -> Callable[[], Any]:
    import torch

    torch.manual_seed(0)
    parts: list[Any] = []
    for k, (a, b) in enumerate(itertools.pairwise(sizes)):
        parts += [torch.nn.Linear(a, b), torch.nn.ReLU() if k + 2 < len(sizes) else torch.nn.Sigmoid()]
    model = torch.nn.Sequential(*parts)
    optimizer, loss = torch.optim.Adam(model.parameters()), torch.nn.BCELoss()
    whole = torch.from_numpy(x)

    def epoch() -> float:
        order, total = torch.randperm(len(x)), 0.0
        for k in range(0, len(x), batch):
            b = whole[order[k : k + batch]]
            optimizer.zero_grad()
            value = loss(model(b), b)
            value.backward()
            optimizer.step()
            total += value.item()
        return total

    return epoch


def with_jax(sizes: list[int], batch: int, x: np.ndarray) -> Callable[[], Any]:
    """One jitted function a step, parameters donated; batches gathered in NumPy, as data loaders do."""
    import jax
    import jax.numpy as jnp

    params = [(jnp.asarray(w), jnp.asarray(b)) for w, b in initial(sizes)]
    zeros = jax.tree.map(jnp.zeros_like, params)

    def loss(params: Any, b: Any) -> Any:
        h = b
        for w, c in params[:-1]:
            h = jax.nn.relu(h @ w + c)
        z = h @ params[-1][0] + params[-1][1]
        return jnp.mean(jnp.maximum(z, 0) - z * b + jnp.log1p(jnp.exp(-jnp.abs(z))))

    def step(params: Any, m: Any, v: Any, t: Any, b: Any) -> Any:
        value, g = jax.value_and_grad(loss)(params, b)
        m = jax.tree.map(lambda m, g: m + 0.1 * (g - m), m, g)
        v = jax.tree.map(lambda v, g: v + 0.001 * (g * g - v), v, g)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), params, m, v)
        return params, m, v, t + 1, value

    jitted = jax.jit(step, donate_argnums=(0, 1, 2, 3))
    state: list[Any] = [params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.float32(1)]
    rng = np.random.default_rng(2)

    def epoch() -> float:
        order, total = rng.permutation(len(x)), 0.0
        for k in range(0, len(x), batch):
            *state[:], value = jitted(*state, x[order[k : k + batch]])
            total += float(value)
        return total

    return epoch


def with_keras(sizes: list[int], batch: int, x: np.ndarray, backend: str) -> Callable[[], Any]:
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    return _fit(keras, keras.layers.Dense, sizes, batch, x)


def with_dualad(sizes: list[int], batch: int, x: np.ndarray) -> Callable[[], Any]:
    from dualad import nn

    return _fit(nn, nn.Dense, sizes, batch, x)


def _fit(library: Any, dense: Any, sizes: list[int], batch: int, x: np.ndarray) -> Callable[[], Any]:
    t = given = library.Input(shape=(sizes[0],))
    for n in sizes[1:-1]:
        t = dense(n, activation="relu")(t)
    model = library.Model(given, dense(sizes[-1], activation="sigmoid")(t))
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return lambda: model.fit(x, x, batch_size=batch, epochs=1, verbose=0)


MAKE: dict[str, Callable[[list[int], int, np.ndarray], Callable[[], Any]]] = {
    "NumPy by hand": by_hand, "torch": with_torch, "jax.jit": with_jax, "dualad": with_dualad,
    "Keras fit (jax)": lambda sizes, batch, x: with_keras(sizes, batch, x, "jax"),
    "Keras fit (tensorflow)": lambda sizes, batch, x: with_keras(sizes, batch, x, "tensorflow")}


class Worker:
    """A library in a process of its own, which trains an epoch when it is asked to."""

    def __init__(self, library: str, sizes: list[int], batch: int, samples: int, **environment: str) -> None:
        self.steps = samples // batch
        command = [sys.executable, __file__, library, ",".join(map(str, sizes)), str(batch), str(samples)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env={**os.environ, **environment})

    def seconds(self) -> float:
        """Of one step, in an epoch that it trains now."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("epoch\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer.strip():
            raise RuntimeError(f"the worker {self.process.args} ended")
        return float(answer) / self.steps

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def available() -> list[str]:
    return [name for name, modules in NEEDS.items() if all(find_spec(m) is not None for m in modules)]


def main() -> None:
    library, sizes, batch, samples = sys.argv[1], [int(n) for n in sys.argv[2].split(",")], int(sys.argv[3]), int(sys.argv[4])
    epoch = MAKE[library](sizes, batch, data(samples, sizes[0]))
    for _ in sys.stdin:
        start = perf_counter()
        epoch()
        print(perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
