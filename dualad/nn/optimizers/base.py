"""The base of optimizers: variables, gradients and state around the flat update."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import GradientError, ParameterError
from .core import FlatOptimizer
from .flat import Flat


class Optimizer(FlatOptimizer):
    """An optimizer whose update is a formula of each parameter, its gradient and its slots.

    Derive from it and give `slots` and `update`; all the rest - the formula as a program over one flat array, weight decay, clipping, averages,
    state - is here. `FlatOptimizer` lists the parameters. All but the learning rate are constants of the program: what is changed after the first
    step has no effect.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.nn import optimizers
    >>> class Sign(optimizers.Optimizer):
    ...     def update(self, p, g, s, lr, t):
    ...         return p - lr * np.sign(g), {}
    >>> p = np.array([1.0, 2.0])
    >>> Sign(learning_rate=0.5).apply_flat(p, np.array([3.0, -4.0]))
    >>> p
    array([0.5, 2.5])
    """

    _excluded: tuple[set[int], list[str]] = (set(), [])
    _flat: Flat | None = None

    def exclude_from_weight_decay(self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None) -> None:
        """Takes variables out of weight decay; before `build`.

        Parameters
        ----------
        var_list : sequence of variables, optional
        var_names : sequence of str, optional
            Regular expressions, searched for in the names.
        """
        if self._flat is not None:
            raise ParameterError("exclude_from_weight_decay must be called before the optimizer is built")
        self._excluded = ({id(v) for v in var_list or ()}, list(var_names or ()))

    @property
    def variables(self) -> list[Any]:
        """The variables that the optimizer was built with."""
        return [] if self._flat is None else list(self._flat.variables)

    def build(self, variables: Iterable[Any]) -> None:
        """Takes the variables to train; `apply` does that at its first call. Given other variables than before, the slots start anew.

        Parameters
        ----------
        variables : iterable
            Objects with ``value`` (an array), ``name``, ``shape`` and ``assign(array)``.
        """
        flat = Flat(list(variables))
        if self._flat is not None and list(self._flat.places) != list(flat.places):
            self._arrays.clear()
        self._flat = flat
        self._slices = flat.slices
        self._programs.clear()
        ids, patterns = self._excluded
        out = [id(v) in ids or any(re.search(pattern, v.name) for pattern in patterns) for v in flat.variables]
        self._decayed = None
        if any(out):
            self._decayed = np.ones(flat.size, flat.dtype)
            for where, excluded in zip(flat.slices, out):
                self._decayed[where] = 0 if excluded else 1
        self._allocate(flat.size, flat.dtype)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> int:
        """One step.

        Parameters
        ----------
        grads_and_vars : iterable of (gradient, variable)
            As ``zip(gradients, variables)`` makes it. Variables without gradient (None) are left alone, with a warning.

        Returns
        -------
        int
            The steps made so far.

        Raises
        ------
        GradientError
            No gradient at all.
        ShapeError
            A gradient of another shape than its variable.
        ParameterError
            A variable that the optimizer was not built with.
        """
        pairs = list(grads_and_vars)
        return self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def apply(self, grads: Sequence[Any], variables: Sequence[Any] | None = None) -> int:
        """One step from gradients in the order of `variables`, by default of those the optimizer was built with (see `apply_gradients`)."""
        if self._flat is None:
            if variables is None:
                raise ParameterError("the optimizer does not know its variables yet: give them, or call build(variables)")
            self.build(variables)
        flat = self._flat
        assert flat is not None
        variables = flat.variables if variables is None else list(variables)
        given = self._given(list(grads), variables, flat)
        rest = [where for k, where in enumerate(flat.slices) if k not in given]
        p, g = flat.parameters(), flat.gradient(given)
        kept = [(a, where, a[where].copy()) for a in (p, *self._arrays.values()) for where in rest]
        self.apply_flat(p, g)
        for a, where, before in kept:
            a[where] = before
        flat.scatter(p)
        for k in given:
            constraint = getattr(flat.variables[k], "constraint", None)
            if constraint is not None:
                flat.variables[k].assign(constraint(flat.variables[k].value))
        return self._steps

    def _given(self, grads: list[Any], variables: Sequence[Any], flat: Flat) -> dict[int, Any]:
        """The gradients that are there, by the places of their variables."""
        if len(grads) != len(variables):
            raise GradientError(f"{len(grads)} gradients for {len(variables)} variables; give one for each, in the same order")
        for v in variables:
            if id(v) not in flat.places:
                raise ParameterError(f"the optimizer was not built with the variable {v.name}; make a new one, or call build with all variables")
        missing = [v.name for g, v in zip(grads, variables) if g is None]
        if len(missing) == len(variables):
            raise GradientError(f"no gradients provided for any variable: {', '.join(missing) or 'there are none'}")
        if missing:
            warnings.warn(f"there are no gradients for {', '.join(missing)}; does the loss depend on them?", UserWarning, stacklevel=4)
        return {flat.places[id(v)]: g for g, v in zip(grads, variables) if g is not None}

    def finalize_variable_values(self, variables: Any = None) -> None:
        """Installs the averages of `use_ema` as the values of the variables; without `use_ema` nothing.

        Parameters
        ----------
        variables : ignored
            There for code written for Keras: it is always those that the optimizer was built with.
        """
        if self.use_ema and self._flat is not None:
            p = self._flat.parameters()
            p[...] = self._arrays["ema"]
            self._flat.scatter(p)

    # ---- state, for checkpoints ----

    def state(self) -> dict[str, Any]:
        """Everything that changes while training, as numbers and copies of arrays.

        Returns
        -------
        dict
            ``iterations`` (steps), ``learning_rate`` (None: from a schedule), one number for each of `numbers`, one array ``slot/<name>`` for each slot.
        """
        rate = None if callable(self._learning_rate) else self._learning_rate
        arrays = {f"slot/{name}": a.copy() for name, a in self._arrays.items()}
        return {"iterations": self._steps, "learning_rate": rate, **self._numbers, **arrays}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave.

        Raises
        ------
        ParameterError
            The state is that of another kind of optimizer, or of other variables.
        """
        names = {key[5:] for key in state if key.startswith("slot/")}
        wanted = {name for name, _ in self._wanted()}
        numbers = {key for key in state if not key.startswith("slot/")}
        if (names and names != wanted) or numbers != {"iterations", "learning_rate", *self._numbers}:
            raise ParameterError(f"the state holds {sorted(state)}; {type(self).__name__} has the slots {sorted(wanted)}: was it written with other options?")
        arrays = {name: np.array(state[f"slot/{name}"]) for name in names}
        for name, have in self._arrays.items():
            if name in arrays and (have.shape != arrays[name].shape or have.dtype != arrays[name].dtype):
                raise ParameterError(f"slot {name} of the state is {arrays[name].dtype} {arrays[name].shape}; the optimizer's is {have.dtype} {have.shape}")
        for name, a in arrays.items():
            if name in self._arrays:
                self._arrays[name][...] = a
            else:
                self._arrays[name] = a
        self._steps = int(state["iterations"])
        self._numbers = {name: float(state[name]) for name in self._numbers}
        if state["learning_rate"] is not None:
            self.learning_rate = float(state["learning_rate"])
