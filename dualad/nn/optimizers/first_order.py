"""First-order optimizers: the formulas, each of one parameter, its gradient and its slots. Defaults are those of Keras 3."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ParameterError
from .base import Optimizer
from .core import Slots, fraction, not_negative

Update = tuple[Any, dict[str, Any]]


def one_minus_power(beta: float, t: Any) -> Any:
    """``1 - beta**t`` without cancellation, which in float32 would cost a corrected second moment four digits.

    >>> one_minus_power(0.9, 2.0).round(12)
    np.float64(0.19)
    """
    return -np.expm1(t * math.log(beta)) if beta > 0 else 1.0


class SGD(Optimizer):
    """Gradient descent, with momentum: ``v = momentum * v - lr * g; p = p + v`` (Polyak, 1964; Nesterov, 1983).

    Parameters
    ----------
    learning_rate, momentum : float
    nesterov : bool
        Look ahead: ``p = p + momentum * v - lr * g``.
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0, 2.0])
    >>> optimizers.SGD(0.5).apply_flat(p, np.array([1.0, -1.0]))
    >>> p
    array([0.5, 2.5])
    """

    fields = ("momentum", "nesterov", *Optimizer.fields)

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        if isinstance(momentum, bool) or not 0 <= momentum <= 1:
            raise ParameterError(f"SGD(momentum={momentum!r}); momentum must be a number in [0, 1]")
        self.momentum, self.nesterov = float(momentum), bool(nesterov)

    @property
    def slots(self) -> Slots:  # type: ignore[override]
        """The velocity, where there is momentum."""
        return (("velocity", 0.0),) if self.momentum else ()

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        if not self.momentum:
            return p - lr * g, {}
        v = self.momentum * s["velocity"] - lr * g
        return p + (self.momentum * v - lr * g if self.nesterov else v), {"velocity": v}


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients (Duchi, Hazan and Singer, 2011).

    Parameters
    ----------
    learning_rate, initial_accumulator_value, epsilon : float
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0])
    >>> optimizers.Adagrad(0.5, initial_accumulator_value=0.0).apply_flat(p, np.array([2.0]))
    >>> p.round(4)
    array([0.5])
    """

    fields = ("initial_accumulator_value", "epsilon", *Optimizer.fields)

    def __init__(self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = not_negative(self, "initial_accumulator_value", initial_accumulator_value)
        self.epsilon = not_negative(self, "epsilon", epsilon)

    @property
    def slots(self) -> Slots:  # type: ignore[override]
        """The sum of squares."""
        return (("accumulator", self.initial_accumulator_value),)

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        a = s["accumulator"] + np.square(g)
        return p - lr * g / np.sqrt(a + self.epsilon), {"accumulator": a}


class Adadelta(Optimizer):
    """Steps in the ratio of the running sizes of past steps and gradients (Zeiler, 2012).

    Parameters
    ----------
    learning_rate, rho, epsilon : float
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0])
    >>> optimizers.Adadelta(1.0).apply_flat(p, np.array([2.0]))
    >>> p.round(4)
    array([0.9986])
    """

    fields = ("rho", "epsilon", *Optimizer.fields)
    slots = (("accumulated_grad", 0.0), ("accumulated_delta", 0.0))

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.epsilon = fraction(self, "rho", rho), not_negative(self, "epsilon", epsilon)

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        a = self.rho * s["accumulated_grad"] + (1 - self.rho) * np.square(g)
        step = np.sqrt(s["accumulated_delta"] + self.epsilon) * g / np.sqrt(a + self.epsilon)
        d = self.rho * s["accumulated_delta"] + (1 - self.rho) * np.square(step)
        return p - lr * step, {"accumulated_grad": a, "accumulated_delta": d}


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients (Tieleman and Hinton, 2012).

    Parameters
    ----------
    learning_rate, rho, momentum, epsilon : float
    centered : bool
        Divide by the running standard deviation.
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0])
    >>> optimizers.RMSprop(0.1, rho=0.75).apply_flat(p, np.array([2.0]))
    >>> p.round(4)
    array([0.8])
    """

    fields = ("rho", "momentum", "epsilon", "centered", *Optimizer.fields)

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7, centered: bool = False,
                 **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.momentum = fraction(self, "rho", rho), fraction(self, "momentum", momentum)
        self.epsilon, self.centered = not_negative(self, "epsilon", epsilon), bool(centered)

    @property
    def slots(self) -> Slots:  # type: ignore[override]
        """The running mean of squares; that of gradients and the momentum where they are used."""
        return (("velocity", 0.0), *[("average_gradient", 0.0)] * self.centered, *[("momentum", 0.0)] * (self.momentum > 0))

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        v = self.rho * s["velocity"] + (1 - self.rho) * np.square(g)
        new, variance = {"velocity": v}, v
        if self.centered:
            new["average_gradient"] = average = self.rho * s["average_gradient"] + (1 - self.rho) * g
            variance = np.maximum(v - np.square(average), 0)  # rounding can make it negative, beyond what epsilon lifts
        step = lr * g / np.sqrt(variance + self.epsilon)
        if self.momentum:
            new["momentum"] = step = self.momentum * s["momentum"] + step
        return p - step, new


class Ftrl(Optimizer):
    """Follow the regularized leader: L1 that gives exact zeros (McMahan et al., 2013).

    Parameters
    ----------
    learning_rate : float
    learning_rate_power : float
        At most 0.
    initial_accumulator_value, l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength, beta : float
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([0.001])
    >>> optimizers.Ftrl(1.0, l1_regularization_strength=5.0).apply_flat(p, np.array([0.01]))
    >>> p
    array([0.])
    """

    fields = ("learning_rate_power", "initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength",
              "l2_shrinkage_regularization_strength", "beta", *Optimizer.fields)

    def __init__(self, learning_rate: Any = 0.001, learning_rate_power: float = -0.5, initial_accumulator_value: float = 0.1,
                 l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0,
                 l2_shrinkage_regularization_strength: float = 0.0, beta: float = 0.0, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.learning_rate_power = -not_negative(self, "-learning_rate_power", -learning_rate_power)
        self.initial_accumulator_value = not_negative(self, "initial_accumulator_value", initial_accumulator_value)
        self.l1_regularization_strength = not_negative(self, "l1_regularization_strength", l1_regularization_strength)
        self.l2_regularization_strength = not_negative(self, "l2_regularization_strength", l2_regularization_strength)
        self.l2_shrinkage_regularization_strength = not_negative(
            self, "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)
        self.beta = not_negative(self, "beta", beta)

    @property
    def slots(self) -> Slots:  # type: ignore[override]
        """The sum of squares and the linear term."""
        return (("accumulator", self.initial_accumulator_value), ("linear", 0.0))

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        l1, power = self.l1_regularization_strength, -self.learning_rate_power
        l2 = self.l2_regularization_strength + self.beta / (2 * lr)
        a = s["accumulator"] + np.square(g)
        shrunk = g + 2 * self.l2_shrinkage_regularization_strength * p
        linear = s["linear"] + shrunk - (a**power - s["accumulator"] ** power) / lr * p
        beyond = np.minimum(np.maximum(linear, -l1), l1) - linear
        return beyond / (a**power / lr + 2 * l2), {"accumulator": a, "linear": linear}
