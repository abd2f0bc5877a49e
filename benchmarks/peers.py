"""The same functions by other libraries, for those that are installed (the `bench` extra); none is needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec, module_from_spec
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


# ---- peers of programs ----


def twin(module: Any) -> Any:
    """The functions of problems.py with `module` in the place of NumPy: the same source, another array library."""
    spec = find_spec("problems")
    copy = module_from_spec(spec)
    spec.loader.exec_module(copy)
    copy.np = module
    return copy


def jitted(make: Callable[[Any, Any], Callable[..., Any]], *args: Any, placed: bool = True) -> dict[str, Callable[[], Any]]:
    """`{"jax.jit": run}`, or {} without JAX. `make(jax, problems)` gives the function to compile; the result comes out as NumPy arrays.

    `placed`: the arguments are put on JAX's device beforehand, in JAX's favour; else they are given as they are.
    """
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)
    f = jax.jit(make(jax, twin(jnp)))
    given = [jnp.asarray(a) if placed else a for a in args]
    return {"jax.jit": lambda: jax.tree.map(np.asarray, f(*given))}


def torch_compiled(make: Callable[[Any], Callable[[Any], Any]], x: np.ndarray, threads: int) -> dict[str, Callable[[], Any]]:
    """`{"torch.compile": run}` for value and gradient of the function that `make(problems)` gives, or {} without PyTorch."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(threads)
    f = torch.compile(make(twin(torch)))
    t = torch.tensor(x, requires_grad=True)

    def run() -> tuple[Any, Any]:
        t.grad = None
        value = f(t)
        value.backward()
        return value.item(), t.grad.numpy()

    return {"torch.compile": run}


def casadi_gradient(f: Callable[[Any], Any], x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """The gradient of a scalar loop by CasADi: called plainly, and with buffers bound beforehand; {} without it."""
    try:
        import casadi
    except ImportError:
        return {}
    symbol = casadi.SX.sym("x", len(x))
    gradient = casadi.Function("gradient", [symbol], [casadi.gradient(f(casadi.vertsplit(symbol)), symbol)])
    out = np.empty_like(x)
    buffer, trigger = gradient.buffer()
    buffer.set_arg(0, memoryview(x))
    buffer.set_res(0, memoryview(out))

    def run() -> np.ndarray:
        trigger()
        return out

    run.buffer = buffer  # type: ignore[attr-defined]  # must outlive the trigger
    return {"CasADi buffers": run, "CasADi call": lambda: np.asarray(gradient(x)).reshape(-1)}


def casadi_scalar(f: Callable[[Any], Any], x: float) -> dict[str, Callable[[], Any]]:
    """A scalar function by CasADi, called plainly; {} without it."""
    try:
        import casadi
    except ImportError:
        return {}
    symbol = casadi.SX.sym("x")
    function = casadi.Function("f", [symbol], [f(symbol)])
    return {"CasADi call": lambda: float(function(x))}
