"""Random numbers: one Philox stream a layer, so that the draws of one do not depend on the others; their states can be saved and set."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ParameterError

_state: dict[str, Any] = {"seed": None, "made": 0}


def set_random_seed(seed: int) -> None:
    """Makes what follows reproducible: initial weights of layers built from now on, their dropout, the order of samples.

    Parameters
    ----------
    seed : int
        0 or above.

    Examples
    --------
    >>> from dualad import nn
    >>> a, b = nn.Dense(2), nn.Dense(2)
    >>> nn.utils.set_random_seed(1); a.build((None, 3))
    >>> nn.utils.set_random_seed(1); b.build((None, 3))
    >>> bool((a.kernel.numpy() == b.kernel.numpy()).all())
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ParameterError(f"seed={seed!r}; a seed is a whole number of at least 0")
    _state["seed"], _state["made"] = int(seed), 0


class Stream:
    """A stream of random numbers with a state. `seed` None: the next stream of the global seed (or of the system's entropy)."""

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            if _state["seed"] is None:
                _state["seed"] = int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
            _state["made"] += 1
            words: Any = np.random.SeedSequence(_state["seed"], spawn_key=(_state["made"],))
        else:
            words = np.random.SeedSequence(seed)
        self.generator = np.random.Generator(np.random.Philox(words))

    def draw(self, kind: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """New numbers: ``"uniform"`` in [0, 1) or ``"normal"``."""
        out = np.empty(shape, dtype)
        self.fill(kind, out)
        return out

    def fill(self, kind: str, out: np.ndarray) -> None:
        """Draws into an array."""
        if kind == "uniform":
            self.generator.random(out=out, dtype=out.dtype.type)
        else:
            self.generator.standard_normal(out=out, dtype=out.dtype.type)

    def permutation(self, n: int) -> np.ndarray:
        """0 to n - 1 in random order."""
        return self.generator.permutation(n)

    @property
    def state(self) -> dict[str, Any]:
        """What `state =` takes again: plain numbers and lists."""
        s = self.generator.bit_generator.state
        return {"counter": s["state"]["counter"].tolist(), "key": s["state"]["key"].tolist(), "buffer": s["buffer"].tolist(),
                "buffer_pos": int(s["buffer_pos"]), "has_uint32": int(s["has_uint32"]), "uinteger": int(s["uinteger"])}

    @state.setter
    def state(self, s: dict[str, Any]) -> None:
        words = {name: np.array(s[name], np.uint64) for name in ("counter", "key", "buffer")}
        self.generator.bit_generator.state = {"bit_generator": "Philox", "state": {"counter": words["counter"], "key": words["key"]},
                                              "buffer": words["buffer"], "buffer_pos": int(s["buffer_pos"]), "has_uint32": int(s["has_uint32"]),
                                              "uinteger": int(s["uinteger"])}


def global_state() -> dict[str, Any]:
    """The global seed, and how many streams were made of it."""
    return dict(_state)


def set_global_state(state: dict[str, Any]) -> None:
    """Goes on from what `global_state` gave."""
    _state.update(seed=None if state["seed"] is None else int(state["seed"]), made=int(state["made"]))
