"""Derivative rules by the user: `primitive` for a function with its own rules, `from_jacobian` for an opaque one."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

from . import _core, _derive, _hook
from ._arguments import Arguments, holds_traced
from .errors import NoRuleError
from .primitive import Primitive

Rule = Callable[..., Any]


class CustomFunction:
    """A function with derivative rules of its own; made by `primitive` and `from_jacobian`.

    Called with plain numbers it is the function itself. Called with traced values it is one node of the recording: the function
    runs on plain arrays, its derivative comes from the rules. Positional arguments are differentiated, keyword-only ones static.
    """

    def __init__(self, fun: Callable[..., Any], outputs: int | None = None, batched: bool = False) -> None:
        functools.update_wrapper(self, fun)
        self.__name__ = getattr(fun, "__name__", type(fun).__name__)  # partial objects and instances have none
        self.__qualname__ = getattr(fun, "__qualname__", self.__name__)
        self._fun, self._outputs, self._batched = fun, outputs, batched
        self._rules: dict[str, _derive.Source] = {}
        self._primitive: Primitive | None = None
        self._arguments = Arguments(fun, self.__name__)

    def __call__(self, *args: Any, **params: Any) -> Any:
        packed = [_core.pack(a) for a in args]
        if not any(map(_core.is_traced, packed)) and not any(map(holds_traced, params.values())):
            return self._run(*args, **params)
        packed, params = self._arguments.bind(packed, params)
        if any(source.needs_call for source in self._rules.values()):
            params["_call"] = _derive.Call()
        return self._engine(packed, params)(*packed, **params)

    def defjvp(self, *rules: Rule | None) -> Rule | None:
        """Sets the forward rules: one per positional argument.

        Parameters
        ----------
        *rules : callable or None
            ``rule(t, ans, *args, **params)``: the tangent of the result that tangent `t` of the rule's argument causes. `None`
            states that the derivative is zero. An argument without rule here uses its `defvjp` rule.

        Returns
        -------
        callable or None
            The rule when there is one, so that the method also works as a decorator.

        Examples
        --------
        >>> import numpy as np, dualad as da
        >>> @da.primitive
        ... def scale(x, k):
        ...     return x * k
        >>> scale.defjvp(lambda t, ans, x, k: t * k, lambda t, ans, x, k: x * t)
        >>> da.jvp(scale, (3.0, 2.0), (1.0, 0.0))
        (6.0, 2.0)
        """
        return self._define("jvp", rules)

    def defvjp(self, *rules: Rule | None) -> Rule | None:
        """Sets the reverse rules: one per positional argument.

        Parameters
        ----------
        *rules : callable or None
            ``rule(g, ans, *args, **params)``: the cotangent of the rule's argument that cotangent `g` of the result causes, in
            the argument's shape. `None` states that the derivative is zero. An argument without rule here uses its `defjvp` rule.

        Returns
        -------
        callable or None
            The rule when there is one.

        Examples
        --------
        >>> import numpy as np, dualad as da
        >>> @da.primitive
        ... def cube(x):
        ...     return x**3
        >>> _ = cube.defvjp(lambda g, ans, x: g * 3 * x**2)
        >>> float(da.grad(cube)(2.0))
        12.0
        """
        return self._define("vjp", rules)

    def defjvp_all(self, rule: Rule) -> Rule:
        """Sets one forward rule for all arguments: ``rule(tangents, ans, *args, **params)``, linear in the tuple `tangents`.

        It is called once for every argument that varies, with zeros for the other tangents.
        """
        self._rules["jvp"] = _derive.Whole(self.__name__, "jvp", rule)
        return rule

    def defvjp_all(self, rule: Rule) -> Rule:
        """Sets one reverse rule for all arguments: ``rule(g, ans, *args, **params)`` returns a tuple, one cotangent per argument.

        Use it where the cotangents share work (an adjoint solve, say): one cotangent of the result costs one call. An entry of
        the tuple may be None: a zero derivative.
        """
        self._rules["vjp"] = _derive.Whole(self.__name__, "vjp", rule)
        return rule

    def _define(self, kind: str, rules: tuple[Rule | None, ...]) -> Rule | None:
        names = self._arguments.names
        if not rules or (names is not None and len(rules) > len(names)):
            expected = "one per positional argument" + (f" ({', '.join(names)})" if names else "")
            raise TypeError(f"{self.__name__}.def{kind} got {len(rules)} rules, expected {expected}")
        self._rules[kind] = _derive.PerArgument(self.__name__, kind, rules, self._arguments.defaults)
        return rules[0] if len(rules) == 1 else None

    def bound(self, args: Sequence[Any], params: dict[str, Any]) -> Primitive:
        """The engine's view of this function, as a call with these arguments uses it."""
        return self._engine(*self._arguments.bind([_core.pack(a) for a in args], params))

    def _engine(self, args: list[Any], params: dict[str, Any]) -> Primitive:
        if not self._rules:
            raise NoRuleError(
                f"{self.__name__} has no derivative rule: add one with {self.__name__}.defvjp(lambda g, ans, *args: ...) "
                f"or {self.__name__}.defjvp(lambda t, ans, *args: ...)"
            )
        if self._primitive is None:
            if self._outputs is None:
                result = self._run(*map(_core.value, args), **params)
                self._outputs = len(result) if isinstance(result, tuple) else 1
            jvp, vjp = functools.partial(self._derivative, "jvp"), functools.partial(self._derivative, "vjp")
            looped = not self._batched
            self._primitive = Primitive(self.__name__, self._run, jvp, vjp, looped=looped, outputs=self._outputs)
        return self._primitive

    def _run(self, *args: Any, _call: Any = None, **params: Any) -> Any:
        with _hook.suspended():
            return self._fun(*args, **params)

    def _derivative(self, kind: str, i: int, seed: Any, ans: Any, *args: Any, _call: Any = None, **params: Any) -> Any:
        node = _derive.Node(ans, args, params, _call)
        if holds_traced(args) or holds_traced(seed):
            return _derive.derivative(self.__name__, self._rules, kind, i, seed, node)
        with _hook.suspended():
            return _derive.derivative(self.__name__, self._rules, kind, i, seed, node)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<primitive {self.__name__} with {' and '.join(sorted(self._rules)) or 'no rules'}>"

    def __reduce__(self) -> Any:
        if _named(self) is self:
            return self.__qualname__  # by reference, as functions are
        return _rebuild, (self._fun, self._outputs, self._batched, self._rules)


def _named(function: CustomFunction) -> Any:
    """What the module holds under the function's name."""
    try:
        place = importlib.import_module(function.__module__)
        return functools.reduce(getattr, function.__qualname__.split("."), place)
    except (AttributeError, ImportError, TypeError):
        return None


def _rebuild(fun: Any, outputs: Any, batched: bool, rules: dict[str, Any]) -> CustomFunction:
    made = CustomFunction(fun, outputs, batched)
    made._rules = rules
    return made


def primitive(
    fun: Callable[..., Any] | None = None, *, jacobian: Rule | None = None, outputs: int | None = None, batched: bool = False
) -> Any:
    """Gives a function derivative rules of its own instead of looking inside it; a decorator.

    Parameters
    ----------
    fun : callable
        ``fun(*args, **params)``, called on plain numbers and arrays. Positional arguments are differentiated; keyword-only
        parameters are static. It returns a number, an array or a tuple of them.
    jacobian : callable, optional
        Makes the rules from a Jacobian, see `from_jacobian`.
    outputs : int, optional
        Number of results. Without it, the function runs once more at the first traced call to find out.
    batched : bool, optional
        The rules also serve a leading seed axis in `t` and `g`, ahead of the axes of the argument and the result (elementwise
        formulas do by broadcasting). Jacobians are faster then; otherwise the rules are called once per seed.

    Returns
    -------
    CustomFunction
        Has the methods `defvjp`, `defjvp`, `defvjp_all`, `defjvp_all`. One direction is enough; the other one is derived by
        transposition.

    Raises
    ------
    NoRuleError
        When a traced value arrives and there is no rule.
    RuleError
        When a rule returns something of a wrong shape.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> @da.primitive
    ... def log1pexp(x):
    ...     return np.logaddexp(0.0, x)
    >>> _ = log1pexp.defvjp(lambda g, ans, x: g / (1 + np.exp(-x)))
    >>> float(da.grad(log1pexp)(0.0))
    0.5
    """
    if fun is None:
        return functools.partial(primitive, jacobian=jacobian, outputs=outputs, batched=batched)
    if jacobian is not None:
        return from_jacobian(fun, jacobian)
    return CustomFunction(fun, outputs, batched)


def from_jacobian(fun: Callable[..., Any], jac: Rule) -> CustomFunction:
    """Makes an opaque function (a C library, a simulator) differentiable by its Jacobian.

    Parameters
    ----------
    fun : callable
        ``fun(*args, **params)`` returns one number or array.
    jac : callable
        ``jac(*args, **params)`` returns the array of partial derivatives d fun / d arg of shape ``out.shape + arg.shape``; a
        tuple of them for several arguments. For complex arguments the function must be holomorphic. It is called once per
        recorded call of `fun`.

    Returns
    -------
    CustomFunction
        Second derivatives work when `jac` can itself be differentiated: plain NumPy code, or made by `from_jacobian` again.

    Raises
    ------
    RuleError
        When `jac` returns arrays of a wrong shape or number.
    NoRuleError
        When a second derivative needs the derivative of an opaque `jac`.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> rotate = da.from_jacobian(lambda x: np.array([x[1], -x[0]]), lambda x: np.array([[0.0, 1.0], [-1.0, 0.0]]))
    >>> da.vjp(rotate, np.array([1.0, 2.0]))[1](np.array([1.0, 0.0]))
    (array([0., 1.]),)
    """
    made = CustomFunction(fun, outputs=1, batched=True)
    made._rules = {kind: _derive.FromJacobian(made.__name__, kind, jac) for kind in ("jvp", "vjp")}
    return made
