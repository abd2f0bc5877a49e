"""An update of all parameters by one elementwise formula, on flat arrays."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ParameterError, ShapeError
from ...program import Program, record
from .. import schedules
from .._names import Configured, undefined
from . import clipping

Slots = tuple[tuple[str, float], ...]


def write(program: Program, out: Sequence[np.ndarray], *args: Any) -> None:
    """Runs a program and writes its results into arrays, which may be among its arguments."""
    program.machine.into(args, list(out))


def fraction(owner: Any, name: str, x: Any) -> float:
    """A number in [0, 1), else ParameterError."""
    if isinstance(x, bool) or not isinstance(x, (int, float, np.number)) or not 0 <= x < 1:
        raise ParameterError(f"{type(owner).__name__}({name}={x!r}); {name} must be a number in [0, 1)")
    return float(x)


def not_negative(owner: Any, name: str, x: Any) -> float:
    """A finite number of at least 0, else ParameterError."""
    if isinstance(x, bool) or not isinstance(x, (int, float, np.number)) or not 0 <= x < math.inf:
        raise ParameterError(f"{type(owner).__name__}({name}={x!r}); {name} must be a finite number of at least 0")
    return float(x)


def _count(owner: Any, name: str, x: Any, least: int) -> int | None:
    if x is not None and (isinstance(x, bool) or not isinstance(x, (int, np.integer)) or x < least):
        raise ParameterError(f"{type(owner).__name__}({name}={x!r}); {name} must be None or an integer of at least {least}")
    return None if x is None else int(x)


class FlatOptimizer(Configured):
    """The part of an optimizer that knows flat arrays only: hyperparameters, slots, the program of an update (see `Optimizer`).

    Parameters
    ----------
    learning_rate : float, schedule or callable
        A schedule is called with the number of updates made; any other callable without arguments.
    weight_decay : float, optional
        Each update first takes this fraction, times the learning rate, off the parameters (Loshchilov and Hutter, 2019).
    clipnorm, clipvalue, global_clipnorm : float, optional
        The largest norm of each variable's gradient; the largest absolute value; the largest norm of all gradients together. At most one.
    use_ema : bool
        Keep an exponential moving average of the parameters (Polyak and Juditsky, 1992); `finalize_variable_values` installs it.
    ema_momentum : float
    ema_overwrite_frequency : int, optional
        Install the average every so many steps.
    gradient_accumulation_steps : int, optional
        Update once in so many steps, with the mean of their gradients.
    name : str, optional
    lr : float
        Deprecated spelling of `learning_rate`.

    Raises
    ------
    ParameterError
        A value outside its range, or two ways of clipping.
    """

    fields: tuple[str, ...] = ("name", "learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum",
                               "ema_overwrite_frequency", "gradient_accumulation_steps")
    slots: Slots = ()  # arrays beside the parameters: (name, initial value)
    numbers: Slots = ()  # numbers that change from update to update: (name, initial value)

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, lr: Any = None) -> None:
        if lr is not None:
            warnings.warn("lr is deprecated, use learning_rate", DeprecationWarning, stacklevel=3)
            learning_rate = lr
        clipping.check(clipnorm, clipvalue, global_clipnorm)
        self.name = name or type(self).__name__.lower()
        self._learning_rate = self._checked_rate(learning_rate)
        self.weight_decay = None if weight_decay is None else not_negative(self, "weight_decay", weight_decay)
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = bool(use_ema), fraction(self, "ema_momentum", ema_momentum)
        self.ema_overwrite_frequency = _count(self, "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.gradient_accumulation_steps = _count(self, "gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self._steps = 0
        self._slices: list[slice] | None = None  # of the variables
        self._decayed: np.ndarray | None = None  # 1 where weights decay, 0 where not; None: everywhere
        self._arrays: dict[str, np.ndarray] = {}
        self._numbers = dict(self.numbers)
        self._programs: dict[tuple[int, int], Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_programs": {}}  # recorded again where needed

    def update(self, p: Any, g: Any, s: dict[str, Any], lr: Any, t: Any) -> tuple[Any, dict[str, Any]]:
        """The formula.

        Parameters
        ----------
        p, g : array (n,)
            Parameters and gradient, traced.
        s : dict
            Slots by name, arrays (n,); and `numbers`, scalars.
        lr, t : scalar
            Learning rate, and the number of this update, from 1; of the parameters' type.

        Returns
        -------
        p : array (n,)
        slots : dict
            New values of all slots.
        """
        raise undefined(self, "update(self, p, g, s, lr, t)")

    def advance(self, numbers: dict[str, float], t: int) -> dict[str, float]:
        """The `numbers` of update t, from those of the one before."""
        return numbers

    # ---- learning rate and count ----

    def _checked_rate(self, rate: Any) -> Any:
        rate = schedules.get(rate) if isinstance(rate, dict) else rate
        return rate if callable(rate) else not_negative(self, "learning_rate", rate)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next update. It can be set, unless it follows a schedule; to a schedule always."""
        rate = self._learning_rate
        if isinstance(rate, schedules.LearningRateSchedule):
            return float(rate(self._steps))
        return float(rate()) if callable(rate) else rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        rate = self._checked_rate(rate)
        if isinstance(self._learning_rate, schedules.LearningRateSchedule) and not callable(rate):
            raise ParameterError(f"the learning rate of {self.name} follows {self._learning_rate!r} and cannot be set to {rate!r}; make the optimizer with a "
                                 "number, or set another schedule")
        self._learning_rate = rate

    @property
    def iterations(self) -> int:
        """Updates made so far."""
        return self._steps // (self.gradient_accumulation_steps or 1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain JSON values."""
        config = super().get_config()
        if isinstance(self._learning_rate, Configured):
            config["learning_rate"] = schedules.serialize(self._learning_rate)
        return config

    # ---- one update ----

    def _wanted(self) -> Slots:
        """All arrays beside the parameters."""
        return (*self.slots, *[("ema", 0.0)] * self.use_ema, *[("accumulated", 0.0)] * (self.gradient_accumulation_steps is not None))

    def _allocate(self, size: int, dtype: np.dtype[Any]) -> None:
        for name, initial in self._wanted():
            if name not in self._arrays:
                self._arrays[name] = np.full(size, initial, dtype)
            elif self._arrays[name].shape != (size,) or self._arrays[name].dtype != dtype:
                have = self._arrays[name]
                raise ShapeError(f"the state of {self.name} is that of {have.size} {have.dtype} parameters, not of {size} {dtype}: make a new optimizer")

    def apply_flat(self, p: np.ndarray, g: np.ndarray) -> None:
        """One step on flat arrays; `p` is changed in place.

        Parameters
        ----------
        p, g : array (n,)
            Parameters and gradient, of one type. `g` is not changed.
        """
        if p.ndim != 1 or p.shape != g.shape or p.dtype != g.dtype:
            raise ShapeError(f"parameters {p.dtype} {p.shape} and gradient {g.dtype} {g.shape} must be flat, of one length and type")
        key = (p.size, p.dtype.num)
        if key not in self._programs:
            self._allocate(p.size, p.dtype)
            self._programs[key] = self._recorded(p)
        program, names, norms = self._programs[key]
        every = self.gradient_accumulation_steps
        if every:
            accumulated = self._arrays["accumulated"]
            accumulated += g
            if (self._steps + 1) % every:
                return self._between(p)
            g = accumulated / every
            accumulated[...] = 0
        arrays = [self._arrays[name] for name in names]
        fixed = [self._decayed] if self._decayed is not None else []
        numbers = self.advance(self._numbers, self.iterations + 1)
        write(program, [p, *arrays], p, self._clipped(g, norms), *arrays, *fixed, *self._scalars(p.dtype, g, norms), *map(p.dtype.type, numbers.values()))
        self._numbers = numbers  # not before: a call that fails changes nothing
        self._counted(p)

    def _clipped(self, g: np.ndarray, norms: Any) -> np.ndarray:
        return norms.clipped(g) if self.clipnorm is not None else g

    def _scalars(self, dtype: np.dtype[Any], g: np.ndarray, norms: Any) -> list[Any]:
        """What changes from update to update: learning rate, count, clipping factor, weight of the average."""
        scale = [norms.factors(g)[0]] if self.global_clipnorm is not None else []
        keep = [self._keep()] if self.use_ema else []
        return [dtype.type(x) for x in (self.learning_rate, self.iterations + 1, *scale, *keep)]

    def _keep(self) -> float:
        """The first average is the parameters themselves."""
        return self.ema_momentum if self.iterations else 0.0

    def _recorded(self, p: np.ndarray) -> tuple[Program, list[str], Any]:
        """The program of one update, the names of its slots, and the norms for clipping."""
        names = [name for name, _ in self._wanted() if name != "accumulated"]
        numbers = list(self._numbers)

        def step(p: Any, g: Any, *rest: Any) -> tuple[Any, ...]:
            left = iter(rest)
            s = {name: next(left) for name in names}
            decayed = next(left) if self._decayed is not None else None
            lr, t = next(left), next(left)
            if self.global_clipnorm is not None:
                g = g * next(left)
            keep = next(left) if self.use_ema else None
            s |= {name: next(left) for name in numbers}
            if self.clipvalue is not None:
                g = np.minimum(np.maximum(g, -self.clipvalue), self.clipvalue)
            if self.weight_decay:
                taken = p * (lr * self.weight_decay)
                p = p - (taken if decayed is None else taken * decayed)
            p, new = self.update(p, g, s, lr, t)
            if keep is not None:
                new["ema"] = s["ema"] + (1 - keep) * (p - s["ema"])
            return (p, *(new[name] for name in names))

        one, norms = p.dtype.type(1), self._norms(p)
        arrays = [self._arrays[name] for name in names] + ([self._decayed] if self._decayed is not None else [])
        count = 2 + (self.global_clipnorm is not None) + self.use_ema
        # as numbers in (0, 1), so that no formula divides by zero while it is recorded
        return record(step, p, p, *arrays, *[one / 2] * count, *[one / 2 for _ in numbers]), names, norms

    def _norms(self, p: np.ndarray) -> Any:
        if self.global_clipnorm is not None:
            return clipping.Norms(self.global_clipnorm, [slice(0, p.size)], p)
        if self.clipnorm is None:
            return None
        if self._slices is None:
            raise ParameterError("clipnorm limits the norm of each variable's gradient: call build(variables) before apply_flat")
        return clipping.Norms(self.clipnorm, self._slices, p)

    def _between(self, p: np.ndarray) -> None:
        """A step that only collects its gradient."""
        if self.use_ema:
            ema = self._arrays["ema"]
            ema += (1 - self._keep()) * (p - ema)
        self._counted(p)

    def _counted(self, p: np.ndarray) -> None:
        self._steps += 1
        if self.use_ema and self.ema_overwrite_frequency and self._steps % self.ema_overwrite_frequency == 0:
            p[...] = self._arrays["ema"]
