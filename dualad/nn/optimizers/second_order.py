"""L-BFGS, and Newton's method with conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ParameterError
from .core import not_negative
from .line_search import Point, strong_wolfe
from .whole import Evaluate, Product, WholeBatchOptimizer, count


class LBFGS(WholeBatchOptimizer):
    """The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno, with a line search.

    Parameters
    ----------
    learning_rate : float
        The first step that a line search tries, in units of the quasi-Newton step.
    memory : int
        Pairs of differences of parameters and gradients that are kept.
    tolerance : float
        Converged when no element of the gradient is larger.
    max_evaluations : int
        Of the loss in one line search.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import nn
    >>> nn.utils.set_random_seed(0)
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(1)])
    >>> model.compile(optimizer="lbfgs", loss="mse")
    >>> x = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")
    >>> history = model.fit(x, x @ [[1.0], [2.0], [3.0]], epochs=15, verbose=0)
    >>> model.layers[0].kernel.numpy().round(3).tolist()
    [[1.0], [2.0], [3.0]]

    Notes
    -----
    Nocedal and Wright (2006), *Numerical Optimization*, algorithms 7.4 (two loops) and 3.5 (line search). The gradients of a pair
    come from the same batch, so batches may change from iteration to iteration.
    """

    fields = ("learning_rate", "memory", "tolerance", "max_evaluations", "name")

    def __init__(self, learning_rate: float = 1.0, memory: int = 10, tolerance: float = 1e-7, max_evaluations: int = 20, name: str | None = None) -> None:
        super().__init__(tolerance, name)
        self.learning_rate = not_negative(self, "learning_rate", learning_rate)
        self.memory, self.max_evaluations = count(self, "memory", memory), count(self, "max_evaluations", max_evaluations)
        self._pairs: list[tuple[np.ndarray, np.ndarray, float]] = []  # s, y, 1 / (s @ y); the oldest first

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Minus the approximate inverse Hessian times the gradient."""
        q, kept = gradient.copy(), []
        for s, y, rho in reversed(self._pairs):
            alpha = rho * float(s @ q)
            q -= alpha * y
            kept.append(alpha)
        if self._pairs:
            _, y, rho = self._pairs[-1]
            q *= 1 / (rho * float(y @ y))
        for (s, y, rho), alpha in zip(self._pairs, reversed(kept)):
            q += (alpha - rho * float(y @ q)) * s
        return -q

    def _iterated(self, evaluate: Evaluate, product: Product, theta: np.ndarray, value: float, gradient: np.ndarray) -> np.ndarray | None:
        if self._pairs and self._pairs[0][0].shape != theta.shape:
            raise ParameterError(f"the memory of {self.name} is that of {self._pairs[0][0].size} parameters, not of {theta.size}: make a new optimizer")
        found = self._searched(evaluate, theta, value, gradient)
        if found is None and self._pairs:  # what it remembers misleads: steepest descent
            self._pairs = []
            found = self._searched(evaluate, theta, value, gradient)
        if found is None:
            return None
        step, point = found
        change = point.gradient - gradient
        curvature = float(step @ change)
        if curvature > np.finfo(theta.dtype).eps * float(change @ change):
            self._pairs = [*self._pairs, (step, change, 1 / curvature)][-self.memory :]
        return theta + step

    def _searched(self, evaluate: Evaluate, theta: np.ndarray, value: float, gradient: np.ndarray) -> tuple[np.ndarray, Point] | None:
        """The step along the direction, and the point to which it leads."""
        d = self.direction(gradient)
        slope = float(d @ gradient)
        if not slope < 0:
            return None

        def along(t: float) -> Point:
            f, g = evaluate(theta + theta.dtype.type(t) * d)
            return Point(t, f, float(g @ d), g)

        first = self.learning_rate if self._pairs else self.learning_rate * min(1.0, 1 / float(np.sum(np.abs(gradient))))
        noise = 4 * float(np.finfo(theta.dtype).eps) * abs(value)
        point = strong_wolfe(along, Point(0.0, value, slope, gradient), first, self.max_evaluations, noise)
        return None if point is None else (theta.dtype.type(point.step) * d, point)

    def state(self) -> dict[str, Any]:
        arrays = {f"{name}/{k}": x.copy() for k, (s, y, _) in enumerate(self._pairs) for name, x in (("s", s), ("y", y))}
        return {**super().state(), "learning_rate": self.learning_rate, "pairs": len(self._pairs), **arrays}

    def set_state(self, state: dict[str, Any]) -> None:
        n = int(state.get("pairs", 0))
        counts = ("iterations", "evaluations", "products", "learning_rate", "pairs")
        if set(state) != {*counts, *(f"{name}/{k}" for k in range(n) for name in ("s", "y"))}:
            raise ParameterError(f"the state holds {sorted(state)}; that of LBFGS holds {', '.join(counts)}, and as many arrays s/k and y/k as pairs")
        self._set_counts(state)
        pairs = [(np.array(state[f"s/{k}"]), np.array(state[f"y/{k}"])) for k in range(n)]
        self._pairs = [(s, y, 1 / float(s @ y)) for s, y in pairs]
        self.learning_rate = float(state["learning_rate"])


class NewtonCG(WholeBatchOptimizer):
    """Newton's method in a trust region; each step by conjugate gradients with exact Hessian-vector products, so that no Hessian
    is stored.

    Parameters
    ----------
    radius : float
        The longest first step.
    max_radius : float
        The longest step at all.
    max_products : int
        Hessian-vector products for one step.
    tolerance : float
        Converged when no element of the gradient is larger.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> optimizers.NewtonCG().minimize(lambda x: np.sum((x - [1.0, 2.0]) ** 4 + x**2), np.zeros(2)).round(4)
    array([0.4102, 1.1649])

    Notes
    -----
    Steihaug (1983); Nocedal and Wright (2006), *Numerical Optimization*, algorithms 4.1 and 7.2. Directions of negative curvature
    are followed to the boundary.
    """

    fields = ("radius", "max_radius", "max_products", "tolerance", "name")
    ACCEPTED, TRIES = 1e-4, 10  # the least part of the predicted decrease; radii tried in one iteration

    def __init__(self, radius: float = 1.0, max_radius: float = 1000.0, max_products: int = 50, tolerance: float = 1e-7, name: str | None = None) -> None:
        super().__init__(tolerance, name)
        self.radius, self.max_radius = not_negative(self, "radius", radius), not_negative(self, "max_radius", max_radius)
        if not 0 < self.radius <= self.max_radius:
            raise ParameterError(f"NewtonCG(radius={radius!r}, max_radius={max_radius!r}); 0 < radius <= max_radius is needed")
        self.max_products = count(self, "max_products", max_products)
        self._radius = self.radius

    def _iterated(self, evaluate: Evaluate, product: Product, theta: np.ndarray, value: float, gradient: np.ndarray) -> np.ndarray | None:
        noise = 4 * float(np.finfo(theta.dtype).eps) * abs(value)
        for _ in range(self.TRIES):
            step, predicted = self._step(gradient, lambda v: product(theta, v))
            length = float(np.linalg.norm(step))
            if not predicted > 0 or not length > 0:
                return None
            after = evaluate(theta + step)[0]
            ratio = (value - after + noise) / (predicted + noise) if math.isfinite(after) else -1.0
            if ratio < 0.25:
                self._radius = 0.25 * length
            elif ratio > 0.75 and length > 0.99 * self._radius:
                self._radius = min(2 * self._radius, self.max_radius)
            if ratio > self.ACCEPTED:
                return theta + step
        return None

    def _step(self, gradient: np.ndarray, product: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, float]:
        """A step within the radius, and how much it would decrease the value of the quadratic model."""
        norm = float(np.linalg.norm(gradient))
        enough = min(0.5, math.sqrt(norm)) * norm
        p, r = np.zeros_like(gradient), gradient.copy()  # r = gradient + Hessian @ p
        d, square = -r, norm * norm
        for _ in range(self.max_products):
            Hd = product(d)
            curvature = float(d @ Hd)
            alpha = square / curvature if curvature > 0 else math.inf
            if not alpha < math.inf or float(np.linalg.norm(p + alpha * d)) >= self._radius:
                alpha = _to_boundary(p, d, self._radius)
                p, r = p + gradient.dtype.type(alpha) * d, r + gradient.dtype.type(alpha) * Hd
                break
            p, r = p + gradient.dtype.type(alpha) * d, r + gradient.dtype.type(alpha) * Hd
            new = float(r @ r)
            if math.sqrt(new) <= enough:
                break
            d = gradient.dtype.type(new / square) * d - r
            square = new
        return p, -0.5 * float(p @ (gradient + r))

    def state(self) -> dict[str, Any]:
        return {**super().state(), "radius": self._radius}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self._radius = float(state["radius"])


def _to_boundary(p: np.ndarray, d: np.ndarray, radius: float) -> float:
    """The positive t at which ``p + t * d`` is as long as the radius."""
    a, b, c = float(d @ d), 2 * float(p @ d), float(p @ p) - radius * radius
    return (-b + math.sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
