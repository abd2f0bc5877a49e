"""Jacobians and second derivatives that do not come from `dualad`."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from . import multiprecision
from .entry import Entry


def leaves(tree: Any) -> list[Any]:
    """The numbers and arrays of nested dictionaries, lists and tuples."""
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def rebuilt(tree: Any, values: Any) -> Any:
    """The structure of `tree` with the leaves of the iterator `values`."""
    if isinstance(tree, dict):
        return {key: rebuilt(part, values) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(rebuilt(part, values) for part in tree)
    return next(values)


def flat(tree: Any) -> np.ndarray:
    """All leaves in one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in leaves(tree)])


def shaped(tree: Any, vector: np.ndarray) -> Any:
    """The inverse of `flat`: scalars stay scalars, arrays arrays."""
    parts, start = [], 0
    for leaf in leaves(tree):
        size = np.size(leaf)
        part = vector[start : start + size]
        parts.append(part.reshape(leaf.shape) if isinstance(leaf, np.ndarray) else part[0])
        start += size
    return rebuilt(tree, iter(parts))


def point(entry: Entry) -> tuple[Any, ...]:
    """The differentiated arguments."""
    nums = entry.argnums if isinstance(entry.argnums, tuple) else (entry.argnums,)
    return tuple(entry.args[k] for k in nums)


def on_point(entry: Entry, f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` as a function of the differentiated arguments alone."""
    nums = entry.argnums if isinstance(entry.argnums, tuple) else (entry.argnums,)

    def call(*parts: Any) -> Any:
        args = list(entry.args)
        for k, part in zip(nums, parts):
            args[k] = part
        return f(*args)

    return call


def _on_vector(entry: Entry, f: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    tree, call = point(entry), on_point(entry, f)
    return lambda vector: flat(call(*shaped(tree, vector.copy())))


def jacobian(entry: Entry) -> np.ndarray:
    """The Jacobian matrix at the entry's point: all outputs by all differentiated numbers."""
    if callable(entry.reference):
        return np.atleast_2d(np.asarray(entry.reference(*entry.args), dtype=float))
    x = flat(point(entry))
    return complex_step(_on_vector(entry, entry.f), x) if entry.reference == "complex" else multiprecision_jacobian(entry)


def complex_step(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """J. R. R. A. Martins, P. Sturdza, J. J. Alonso, The complex-step derivative approximation,
          ACM Trans. Math. Softw. 29 (2003)."""
    h = 1e-40
    return np.stack([f(x + 1j * h * e).imag / h for e in np.eye(x.size)], axis=1)


def multiprecision_jacobian(entry: Entry) -> np.ndarray:
    with mpmath.workprec(multiprecision.BITS):
        f = _on_vector(entry, multiprecision.function(entry.f))
        x, h = multiprecision.lift(flat(point(entry)).astype(float)), mpmath.mpf(2) ** -60
        steps = [h * e for e in np.eye(x.size, dtype=int).astype(object)]
        return np.stack([((f(x + s) - f(x - s)) / (2 * h)).astype(float) for s in steps], axis=1)


def second(entry: Entry, weights: np.ndarray, u: np.ndarray, v: np.ndarray) -> float:
    """u' H v for H the Hessian of weights . f, by mixed central differences in high precision."""
    with mpmath.workprec(multiprecision.BITS):
        f = _on_vector(entry, multiprecision.function(entry.f))
        x, h = multiprecision.lift(flat(point(entry)).astype(float)), mpmath.mpf(2) ** -45
        u, v = h * multiprecision.lift(u), h * multiprecision.lift(v)
        four = f(x + u + v) - f(x + u - v) - f(x - u + v) + f(x - u - v)
        return float(np.dot(multiprecision.lift(weights), four) / (4 * h**2))
