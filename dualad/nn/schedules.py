"""Learning rates that depend on the step: a schedule is called with the number of updates made so far, and gives a float."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import MissingExtraError, ParameterError
from ._names import Configured, deserialize, undefined
from ._names import serialize as serialize


class LearningRateSchedule(Configured):
    """Base of schedules. Derive from it and define ``__call__(step) -> float``."""

    def __call__(self, step: float) -> float:
        """The learning rate of a step, counted from 0."""
        raise undefined(self, "__call__(self, step)")

    def per_epoch(self, steps_per_epoch: int | None = None) -> PerEpoch:
        """This schedule with epochs in place of steps (see `PerEpoch`)."""
        return PerEpoch(self, steps_per_epoch)

    def plot(self, steps: int, ax: Any = None) -> Any:
        """Draws the learning rate of steps 0 to ``steps - 1``.

        Parameters
        ----------
        steps : int
        ax : matplotlib.axes.Axes, optional
            A new figure's, if not given.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        """
        if ax is None:
            try:
                from matplotlib.figure import Figure
            except ImportError:
                raise MissingExtraError("plots need matplotlib: pip install 'dualad[plot]'") from None
            ax = Figure(layout="constrained").subplots()
        ax.plot(range(steps), [self(step) for step in range(steps)])
        ax.set(xlabel="step", ylabel="learning rate", title=type(self).__name__)
        return ax


def _positive(owner: Any, **values: Any) -> None:
    for name, x in values.items():
        if not x > 0:
            raise ParameterError(f"{type(owner).__name__}({name}={x!r}); it must be positive")


class ExponentialDecay(LearningRateSchedule):
    """``initial_learning_rate * decay_rate**(step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate, decay_steps, decay_rate : float
    staircase : bool
        Whole numbers of `decay_steps` only.
    name : str, optional

    Examples
    --------
    >>> from dualad.nn import schedules
    >>> halving = schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> halving(0), halving(10), halving(20)
    (0.1, 0.05, 0.025)
    """

    fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False, name: str | None = None) -> None:
        _positive(self, decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def progress(self, step: float) -> float:
        """Steps in units of `decay_steps`."""
        p = step / self.decay_steps
        return math.floor(p) if self.staircase else p

    def __call__(self, step: float) -> float:
        """The learning rate of a step."""
        return float(self.initial_learning_rate * self.decay_rate ** self.progress(step))


class InverseTimeDecay(ExponentialDecay):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate, decay_steps, decay_rate : float
    staircase : bool
        Whole numbers of `decay_steps` only.
    name : str, optional

    Examples
    --------
    >>> from dualad.nn import schedules
    >>> schedules.InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(30)
    0.025
    """

    def __call__(self, step: float) -> float:
        """The learning rate of a step."""
        return float(self.initial_learning_rate / (1 + self.decay_rate * self.progress(step)))


class PiecewiseConstantDecay(LearningRateSchedule):
    """Constant between boundaries: ``values[0]`` up to and including ``boundaries[0]``, and so on.

    Parameters
    ----------
    boundaries : sequence of n increasing numbers
    values : sequence of n + 1 floats
    name : str, optional

    Examples
    --------
    >>> from dualad.nn import schedules
    >>> steps = schedules.PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> steps(100), steps(101), steps(500)
    (0.1, 0.01, 0.001)
    """

    fields = ("boundaries", "values", "name")

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str | None = None) -> None:
        self.boundaries, self.values, self.name = list(boundaries), list(values), name
        if len(self.values) != len(self.boundaries) + 1:
            raise ParameterError(f"PiecewiseConstantDecay has {len(self.boundaries)} boundaries and {len(self.values)} values; it takes one value more than "
                                 "boundaries")
        if any(a >= b for a, b in zip(self.boundaries, self.boundaries[1:])):
            raise ParameterError(f"PiecewiseConstantDecay(boundaries={self.boundaries}); they must increase")

    def __call__(self, step: float) -> float:
        """The learning rate of a step."""
        return float(self.values[sum(step > b for b in self.boundaries)])


class PolynomialDecay(LearningRateSchedule):
    """From one rate to another along ``(1 - step / decay_steps)**power``.

    Parameters
    ----------
    initial_learning_rate, decay_steps, end_learning_rate, power : float
    cycle : bool
        After `decay_steps` start again, stretched to the next multiple of it; otherwise stay at the end.
    name : str, optional

    Examples
    --------
    >>> from dualad.nn import schedules
    >>> line = schedules.PolynomialDecay(0.2, decay_steps=100, end_learning_rate=0.0)
    >>> line(0), line(50), line(1000)
    (0.2, 0.1, 0.0)
    """

    fields = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")

    def __init__(self, initial_learning_rate: float, decay_steps: float, end_learning_rate: float = 0.0001, power: float = 1.0, cycle: bool = False,
                 name: str | None = None) -> None:
        _positive(self, decay_steps=decay_steps)
        self.initial_learning_rate, self.decay_steps, self.end_learning_rate = initial_learning_rate, decay_steps, end_learning_rate
        self.power, self.cycle, self.name = power, cycle, name

    def __call__(self, step: float) -> float:
        """The learning rate of a step."""
        length = self.decay_steps * (max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1)
        left = 1 - min(step, length) / length
        return float((self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate)


def _cosine(fraction: float, alpha: float) -> float:
    return (1 - alpha) * 0.5 * (1 + math.cos(math.pi * fraction)) + alpha


class CosineDecay(LearningRateSchedule):
    """Half a cosine wave from the initial rate to `alpha` times it, after a linear warm-up (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    initial_learning_rate, decay_steps : float
    alpha : float
        What remains, as a fraction.
    name : str, optional
    warmup_target : float, optional
        Rise linearly from the initial rate to this one within `warmup_steps`, then decay from there.
    warmup_steps : int

    Examples
    --------
    >>> from dualad.nn import schedules
    >>> wave = schedules.CosineDecay(0.0, decay_steps=100, warmup_target=0.1, warmup_steps=10)
    >>> wave(5), round(wave(60), 12), wave(110)
    (0.05, 0.05, 0.0)
    """

    fields = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")

    def __init__(self, initial_learning_rate: float, decay_steps: float, alpha: float = 0.0, name: str | None = None,
                 warmup_target: float | None = None, warmup_steps: float = 0) -> None:
        _positive(self, decay_steps=decay_steps)
        if warmup_target is not None:
            _positive(self, warmup_steps=warmup_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = initial_learning_rate, decay_steps, alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: float) -> float:
        """The learning rate of a step."""
        if self.warmup_target is None:
            return float(self.initial_learning_rate * _cosine(min(step, self.decay_steps) / self.decay_steps, self.alpha))
        if step <= self.warmup_steps:
            return float(self.initial_learning_rate + (self.warmup_target - self.initial_learning_rate) * (step / self.warmup_steps))
        return float(self.warmup_target * _cosine(min(step - self.warmup_steps, self.decay_steps) / self.decay_steps, self.alpha))


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosine waves, each `t_mul` times as long and `m_mul` times as high as the one before (SGDR: Loshchilov and Hutter, 2017).

    Parameters
    ----------
    initial_learning_rate, first_decay_steps : float
    t_mul, m_mul : float
    alpha : float
        What remains at the end of a wave, as a fraction.
    name : str, optional

    Examples
    --------
    >>> from dualad.nn import schedules
    >>> waves = schedules.CosineDecayRestarts(0.1, first_decay_steps=10, m_mul=0.5)
    >>> waves(0), waves(10), waves(30)
    (0.1, 0.05, 0.025)
    """

    fields = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(self, initial_learning_rate: float, first_decay_steps: float, t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0,
                 name: str | None = None) -> None:
        _positive(self, first_decay_steps=first_decay_steps)
        if not t_mul >= 1:
            raise ParameterError(f"CosineDecayRestarts(t_mul={t_mul!r}); waves cannot become shorter: it must be at least 1")
        self.initial_learning_rate, self.first_decay_steps, self.t_mul, self.m_mul = initial_learning_rate, first_decay_steps, t_mul, m_mul
        self.alpha, self.name = alpha, name

    def __call__(self, step: float) -> float:
        """The learning rate of a step."""
        wave, length, rest = 0, float(self.first_decay_steps), float(step)
        if self.t_mul == 1:
            wave, rest = int(step // length), step % length
        while rest >= length:
            wave, length, rest = wave + 1, length * self.t_mul, rest - length
        return float(self.initial_learning_rate * self.m_mul**wave * _cosine(rest / length, self.alpha))


class PerEpoch(LearningRateSchedule):
    """A schedule that counts epochs: constant within each.

    Parameters
    ----------
    schedule : LearningRateSchedule
        Called with the number of the epoch, from 0.
    steps_per_epoch : int, optional
        Until it is set, as a model's `fit` does, there is only the use with an epoch's number in place of the step: as the `schedule` of a
        `LearningRateScheduler`.

    Examples
    --------
    >>> from dualad.nn import schedules
    >>> halving = schedules.ExponentialDecay(0.1, 1, 0.5).per_epoch(100)
    >>> halving(99), halving(100), halving(250)
    (0.1, 0.05, 0.025)
    """

    fields = ("schedule", "steps_per_epoch")

    def __init__(self, schedule: Any, steps_per_epoch: int | None = None) -> None:
        self.schedule = get(schedule)
        if steps_per_epoch is not None:
            _positive(self, steps_per_epoch=steps_per_epoch)
        self.steps_per_epoch = steps_per_epoch

    def __call__(self, step: float, learning_rate: float | None = None) -> float:
        """The learning rate of a step; `learning_rate` is what a `LearningRateScheduler` passes, and not used."""
        return float(self.schedule(step // (self.steps_per_epoch or 1)))


SCHEDULES: dict[str, Any] = {c.__name__: c for c in (
    ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts, PerEpoch)}


def get(identifier: Any) -> Any:
    """The schedule of a config dict; schedules and other callables are returned as they are.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    ParameterError
        It is none of these, or the config does not fit.

    Examples
    --------
    >>> from dualad.nn import schedules
    >>> schedules.get({"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 10}})(0)
    0.1
    """
    return deserialize("schedule", identifier, SCHEDULES)
