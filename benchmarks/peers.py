"""The same gradients by other libraries, for those that are installed (the `bench` extra); none is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from problems import rosenbrock_loop


def gradients(x: np.ndarray, loop: bool) -> dict[str, Callable[[], Any]]:
    """Name to a function without arguments that computes the gradient of Rosenbrock's function at `x`."""
    found = {}
    for name, make in {"autograd": _autograd, "torch": _torch, "jax (eager)": _jax}.items():
        try:
            found[name] = make(x, loop)
        except ImportError:
            continue
    return found


def _autograd(x: np.ndarray, loop: bool) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp

    def vector(x: Any) -> Any:
        return anp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    g = autograd.grad(rosenbrock_loop if loop else vector)
    return lambda: g(x)


def _torch(x: np.ndarray, loop: bool) -> Callable[[], Any]:
    import torch

    def vector(x: Any) -> Any:
        return torch.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    torch.set_num_threads(1)  # 100 numbers: more threads only wait for each other
    f = rosenbrock_loop if loop else vector

    def run() -> Any:
        t = torch.tensor(x, requires_grad=True)
        f(t).backward()
        return t.grad

    return run


def _jax(x: np.ndarray, loop: bool) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def vector(x: Any) -> Any:
        return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    g = jax.grad(rosenbrock_loop if loop else vector)
    return lambda: np.asarray(g(x))
