"""The base of optimizers that look at the loss around a point, not at one gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...errors import GradientError, ParameterError
from .._names import Configured, undefined
from .core import not_negative

Evaluate = Callable[[np.ndarray], tuple[float, np.ndarray]]  # theta to value and gradient, an array of its own
Product = Callable[[np.ndarray, np.ndarray], np.ndarray]  # the Hessian at theta times a vector


def count(owner: Any, name: str, x: Any) -> int:
    """A whole number of at least 1, else ParameterError."""
    if isinstance(x, bool) or not isinstance(x, (int, np.integer)) or x < 1:
        raise ParameterError(f"{type(owner).__name__}({name}={x!r}); {name} must be a whole number of at least 1")
    return int(x)


class WholeBatchOptimizer(Configured):
    """An optimizer that evaluates the loss several times on the same batch; `fit` gives it all data as one batch, unless
    `batch_size` is given.

    `iterations` counts the iterations, `evaluations` the values with gradients and `products` the Hessian-vector products so far.
    `converged` says whether the largest element of the gradient was within `tolerance` at the last iteration, which then changed
    nothing.
    """

    whole_batch = True
    learning_rate = 1.0  # for callbacks that read or set it; Newton-CG has no use for it

    def __init__(self, tolerance: float, name: str | None) -> None:
        self.tolerance = not_negative(self, "tolerance", tolerance)
        self.name = name or type(self).__name__.lower()
        self.iterations = self.evaluations = self.products = 0
        self.converged = False

    def minimize_step(self, evaluate: Evaluate, product: Product, theta: np.ndarray) -> float:
        """One iteration.

        Parameters
        ----------
        evaluate : callable
            ``evaluate(theta)`` is the value and the gradient, an array that stays as it is.
        product : callable
            ``product(theta, v)``, the Hessian there times `v`.
        theta : array (n,)
            The parameters, changed in place; they may be used by `evaluate`.

        Returns
        -------
        float
            The value before the iteration.
        """
        at = theta.copy()
        value, gradient = evaluate(at)
        self.converged = bool(np.max(np.abs(gradient), initial=0.0) <= self.tolerance)
        new = None
        if not self.converged and bool(np.isfinite(value)) and bool(np.all(np.isfinite(gradient))):
            new = self._iterated(evaluate, product, at, value, gradient)
        theta[...] = at if new is None else new
        self.iterations += 1
        return value

    def _iterated(self, evaluate: Evaluate, product: Product, theta: np.ndarray, value: float, gradient: np.ndarray) -> np.ndarray | None:
        """The new parameters; None where none are better."""
        raise undefined(self, "_iterated(self, evaluate, product, theta, value, gradient)")

    def minimize(self, f: Callable[[Any], Any], x0: Any, iterations: int = 100) -> np.ndarray:
        """The minimum of a function of one array, from a start.

        Parameters
        ----------
        f : callable
            Plain NumPy code that returns one number; derivatives come from dualad.
        x0 : array
        iterations : int
            At most; fewer where it has `converged`.

        Returns
        -------
        array

        Examples
        --------
        >>> import numpy as np
        >>> from dualad.nn import optimizers
        >>> rosenbrock = lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
        >>> optimizers.LBFGS().minimize(rosenbrock, np.zeros(5)).round(6)
        array([1., 1., 1., 1., 1.])
        """
        from ...compiled import compile as compiled
        from ...transforms import hvp, value_and_grad

        x0 = np.asarray(x0)
        theta = np.array(x0 if x0.dtype.kind == "f" else x0.astype(float)).reshape(-1)
        both, second = compiled(value_and_grad(f)), compiled(hvp(f))

        def evaluate(at: np.ndarray) -> tuple[float, np.ndarray]:
            if known and np.array_equal(at, known[0]):
                return known[1], known[2]
            self.evaluations += 1
            value, gradient = both(at.reshape(x0.shape))
            known[:] = at.copy(), float(value), np.reshape(gradient, -1)
            return known[1], known[2]

        def product(at: np.ndarray, v: np.ndarray) -> np.ndarray:
            self.products += 1
            return np.reshape(second(at.reshape(x0.shape), v.reshape(x0.shape)), -1)

        known: list[Any] = []  # the point evaluated last, its value and gradient
        for _ in range(iterations):
            self.minimize_step(evaluate, product, theta)
            if self.converged:
                break
        return theta.reshape(x0.shape)

    def build(self, variables: Iterable[Any]) -> None:
        """Nothing: there for code written for other optimizers."""

    def apply_gradients(self, grads_and_vars: Any) -> int:
        """Raises: one gradient is not enough."""
        raise GradientError(f"{type(self).__name__} evaluates the loss at several points and cannot use one gradient: use model.fit, or minimize(f, x0)")

    def state(self) -> dict[str, Any]:
        """Everything that changes while training, for checkpoints: numbers and copies of arrays."""
        return {"iterations": self.iterations, "evaluations": self.evaluations, "products": self.products}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave.

        Raises
        ------
        ParameterError
            The state is that of another kind of optimizer.
        """
        wanted = set(self.state())
        if set(state) != wanted:
            raise ParameterError(f"the state holds {sorted(state)}; that of {type(self).__name__} holds {sorted(wanted)}")
        self._set_counts(state)

    def _set_counts(self, state: dict[str, Any]) -> None:
        self.iterations, self.evaluations, self.products = (int(state[name]) for name in ("iterations", "evaluations", "products"))
