"""Adam and its relatives: running means of gradients and of their sizes, corrected for their start at zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Optimizer
from .core import Slots, fraction, not_negative
from .first_order import Update, one_minus_power


class Adam(Optimizer):
    """``m`` and ``v``, running means of the gradient and of its square; steps of ``m / sqrt(v)`` (Kingma and Ba, 2015).

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
    amsgrad : bool
        Divide by the largest ``v`` so far (Reddi, Kale and Kumar, 2018).
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0, 2.0])
    >>> optimizers.Adam(0.5).apply_flat(p, np.array([1.0, -30.0]))
    >>> p.round(4)
    array([0.5, 2.5])
    """

    fields = ("beta_1", "beta_2", "epsilon", "amsgrad", *Optimizer.fields)

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False,
                 **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = fraction(self, "beta_1", beta_1), fraction(self, "beta_2", beta_2)
        self.epsilon, self.amsgrad = not_negative(self, "epsilon", epsilon), bool(amsgrad)

    @property
    def slots(self) -> Slots:  # type: ignore[override]
        """The two running means, and the largest second one where it is used."""
        return (("momentum", 0.0), ("velocity", 0.0), *[("velocity_hat", 0.0)] * self.amsgrad)

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        rate = lr * np.sqrt(one_minus_power(self.beta_2, t)) / one_minus_power(self.beta_1, t)
        m = s["momentum"] + (g - s["momentum"]) * (1 - self.beta_1)
        v = s["velocity"] + (np.square(g) - s["velocity"]) * (1 - self.beta_2)
        new, largest = {"momentum": m, "velocity": v}, v
        if self.amsgrad:
            new["velocity_hat"] = largest = np.maximum(s["velocity_hat"], v)
        return p - m * rate / (np.sqrt(largest) + self.epsilon), new


class AdamW(Adam):
    """`Adam` with weight decay that the adaptive step does not touch (Loshchilov and Hutter, 2019).

    Parameters
    ----------
    learning_rate, weight_decay, beta_1, beta_2, epsilon, amsgrad
        As in `Adam`.
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0])
    >>> optimizers.AdamW(0.5, weight_decay=0.1).apply_flat(p, np.array([0.0]))
    >>> p
    array([0.95])
    """

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float | None = 0.004, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float = 1e-7, amsgrad: bool = False, **options: Any) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)


class Nadam(Optimizer):
    """`Adam` with Nesterov's look-ahead and a momentum that warms up (Dozat, 2016).

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0])
    >>> optimizers.Nadam(0.1).apply_flat(p, np.array([2.0]))
    >>> p.round(4)
    array([0.8937])
    """

    fields = ("beta_1", "beta_2", "epsilon", *Optimizer.fields)
    slots = (("momentum", 0.0), ("velocity", 0.0))
    numbers = (("u_product", 1.0),)

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = fraction(self, "beta_1", beta_1), fraction(self, "beta_2", beta_2)
        self.epsilon = not_negative(self, "epsilon", epsilon)

    def _warmed(self, t: Any) -> Any:
        """The momentum of update t."""
        return self.beta_1 * (1 - 0.5 * 0.96**t)

    def advance(self, numbers: dict[str, float], t: int) -> dict[str, float]:
        """The product of all momenta up to update t."""
        return {"u_product": numbers["u_product"] * self._warmed(t)}

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        u, following = self._warmed(t), self._warmed(t + 1)
        m = s["momentum"] + (g - s["momentum"]) * (1 - self.beta_1)
        v = s["velocity"] + (np.square(g) - s["velocity"]) * (1 - self.beta_2)
        m_hat = m * (following / (1 - s["u_product"] * following)) + g * ((1 - u) / (1 - s["u_product"]))
        v_hat = v / one_minus_power(self.beta_2, t)
        return p - m_hat * lr / (np.sqrt(v_hat) + self.epsilon), {"momentum": m, "velocity": v}


class Adamax(Optimizer):
    """`Adam` with a running maximum in place of the second mean (Kingma and Ba, 2015, section 7).

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0])
    >>> optimizers.Adamax(0.5).apply_flat(p, np.array([30.0]))
    >>> p.round(4)
    array([0.5])
    """

    fields = ("beta_1", "beta_2", "epsilon", *Optimizer.fields)
    slots = (("momentum", 0.0), ("largest", 0.0))

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = fraction(self, "beta_1", beta_1), fraction(self, "beta_2", beta_2)
        self.epsilon = not_negative(self, "epsilon", epsilon)

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        m = s["momentum"] + (g - s["momentum"]) * (1 - self.beta_1)
        u = np.maximum(self.beta_2 * s["largest"], np.abs(g))
        return p - m * (lr / one_minus_power(self.beta_1, t)) / (u + self.epsilon), {"momentum": m, "largest": u}


class Lion(Optimizer):
    """Steps of the learning rate in the direction of the sign of a mean gradient (Chen et al., 2023).

    Parameters
    ----------
    learning_rate, beta_1, beta_2 : float
    **options
        Those of `Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> p = np.array([1.0, 2.0])
    >>> optimizers.Lion(0.5).apply_flat(p, np.array([1.0, -30.0]))
    >>> p
    array([0.5, 2.5])
    """

    fields = ("beta_1", "beta_2", *Optimizer.fields)
    slots = (("momentum", 0.0),)

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = fraction(self, "beta_1", beta_1), fraction(self, "beta_2", beta_2)

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> Update:
        """The formula."""
        m = s["momentum"]
        return p - lr * np.sign(m * self.beta_1 + g * (1 - self.beta_1)), {"momentum": m * self.beta_2 + g * (1 - self.beta_2)}
