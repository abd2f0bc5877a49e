"""Random initializers. They draw in float64 whatever the weight's type, so that the type changes rounding alone."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from ...errors import ParameterError, ShapeError
from .._names import undefined
from ._plain import Initializer, Shape

Seed: TypeAlias = "int | np.random.Generator | None"  # a string: numpy.random takes 8 ms to load, and not every program needs it
_TRUNCATED_STD = 0.87962566103423978  # standard deviation of a normal variable within two of them


class RandomInitializer(Initializer):
    """Base of random initializers.

    Parameters
    ----------
    seed : int, numpy.random.Generator or None
        With an int, each call gives the same numbers, as in Keras. With None, they come from the stream that `drawn_by` was given, else from
        one of the initializer's own.
    """

    fields: tuple[str, ...] = ("seed",)

    def __init__(self, seed: Seed = None) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer, np.random.Generator)) or
                                 (not isinstance(seed, np.random.Generator) and seed < 0)):
            raise ParameterError(f"seed={seed!r}; a seed is None, an integer of at least 0 or a numpy.random.Generator")
        self.seed = seed
        self._own: np.random.Generator | None = None

    @property
    def generator(self) -> np.random.Generator:
        """The stream that unguided calls draw from."""
        if isinstance(self.seed, np.random.Generator):
            return self.seed
        if self.seed is not None:
            return np.random.Generator(np.random.Philox(int(self.seed)))
        if self._own is None:
            self._own = np.random.Generator(np.random.Philox())
        return self._own

    def values(self, shape: Shape, generator: np.random.Generator | None) -> np.ndarray:
        """The numbers in float64."""
        return self.sample(self.generator if generator is None or self.seed is not None else generator, shape)

    def sample(self, generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """Numbers drawn from a stream."""
        raise undefined(self, "sample(self, generator, shape)")


def truncated_normal(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    """Standard normal numbers within two standard deviations: the others are drawn again."""
    z = generator.standard_normal(shape)
    while (outside := np.abs(z) > 2).any():
        z[outside] = generator.standard_normal(np.count_nonzero(outside))
    return z


class RandomNormal(RandomInitializer):
    """Normally distributed numbers.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> initializers.RandomNormal(stddev=0.1, seed=1)((3, 2)).shape
    (3, 2)
    """

    fields = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        if not stddev >= 0:
            raise ParameterError(f"{type(self).__name__}(stddev={stddev!r}); it must be at least 0")
        self.mean, self.stddev = mean, stddev

    def sample(self, generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """Numbers drawn from a stream."""
        return self.mean + self.stddev * generator.standard_normal(shape)


class TruncatedNormal(RandomNormal):
    """Normally distributed numbers within two standard deviations of the mean.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> bool(abs(initializers.TruncatedNormal(stddev=0.1, seed=1)((100,))).max() <= 0.2)
    True
    """

    def sample(self, generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """Numbers drawn from a stream."""
        return self.mean + self.stddev * truncated_normal(generator, shape)


class RandomUniform(RandomInitializer):
    """Uniformly distributed numbers.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> x = initializers.RandomUniform(0.0, 1.0, seed=1)((100,))
    >>> bool(x.min() >= 0 and x.max() < 1)
    True
    """

    fields = ("minval", "maxval", "seed")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        if not minval <= maxval:
            raise ParameterError(f"RandomUniform(minval={minval!r}, maxval={maxval!r}); minval must not exceed maxval")
        self.minval, self.maxval = minval, maxval

    def sample(self, generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """Numbers drawn from a stream."""
        return generator.uniform(self.minval, self.maxval, shape)


class Orthogonal(RandomInitializer):
    """`gain` times a random matrix with orthonormal rows or columns; further axes are folded into the rows (Saxe et al., 2014).

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import initializers
    >>> q = initializers.Orthogonal(seed=1)((3, 2), "float64")
    >>> np.allclose(q.T @ q, np.eye(2))
    True
    """

    fields = ("gain", "seed")

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def sample(self, generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """Numbers drawn from a stream."""
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal needs a shape of at least two axes, not {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # makes the distribution uniform (Mezzadri, 2007)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


def fans(shape: Shape) -> tuple[int, int]:
    """The numbers of inputs and outputs of one unit: ``(..., in, out)`` with the axes before as a receptive field."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class VarianceScaling(RandomInitializer):
    """Variance ``scale / n``, with n from the weight's shape.

    Parameters
    ----------
    scale : float
    mode : {"fan_in", "fan_out", "fan_avg"}
        What n is.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
    seed : int, numpy.random.Generator or None

    Raises
    ------
    ParameterError
        Another mode or distribution, a scale that is not positive.

    Examples
    --------
    >>> from dualad.nn import initializers
    >>> float(initializers.VarianceScaling(mode="fan_out", seed=1)((1000, 100), "float64").std().round(2))
    0.1
    """

    fields = ("scale", "mode", "distribution", "seed")

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Seed = None) -> None:
        super().__init__(seed)
        if not scale > 0:
            raise ParameterError(f"VarianceScaling(scale={scale!r}); it must be positive")
        for name, given, known in (("mode", mode, ("fan_in", "fan_out", "fan_avg")),
                                   ("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform"))):
            if given not in known:
                raise ParameterError(f"VarianceScaling({name}={given!r}); it is one of {', '.join(known)}")
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def sample(self, generator: np.random.Generator, shape: Shape) -> np.ndarray:
        """Numbers drawn from a stream."""
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        std = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            return generator.uniform(-math.sqrt(3) * std, math.sqrt(3) * std, shape)
        if self.distribution == "untruncated_normal":
            return std * generator.standard_normal(shape)
        return std / _TRUNCATED_STD * truncated_normal(generator, shape)


def _scaled(name: str, source: str, scale: float, mode: str, distribution: str) -> type[VarianceScaling]:
    """A `VarianceScaling` of which only the seed is left to choose."""

    def __init__(self: VarianceScaling, seed: Seed = None) -> None:
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    doc = (f"``VarianceScaling(scale={scale}, mode={mode!r}, distribution={distribution!r})`` ({source}).\n\n"
           f"    >>> {name}(seed=1)((3, 2)).shape\n    (3, 2)\n    ")
    return type(name, (VarianceScaling,), {"__init__": __init__, "fields": ("seed",), "__doc__": doc, "__module__": __name__})


GlorotUniform = _scaled("GlorotUniform", "Glorot and Bengio, 2010", 1.0, "fan_avg", "uniform")
GlorotNormal = _scaled("GlorotNormal", "Glorot and Bengio, 2010", 1.0, "fan_avg", "truncated_normal")
HeUniform = _scaled("HeUniform", "He et al., 2015", 2.0, "fan_in", "uniform")
HeNormal = _scaled("HeNormal", "He et al., 2015", 2.0, "fan_in", "truncated_normal")
LecunUniform = _scaled("LecunUniform", "LeCun et al., 1998", 1.0, "fan_in", "uniform")
LecunNormal = _scaled("LecunNormal", "LeCun et al., 1998", 1.0, "fan_in", "truncated_normal")
