"""Where the rules of a custom function come from: one per argument, one for all, a Jacobian, the transposed other mode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import _core
from .errors import DetachedError, DualadError, NoRuleError, RuleError
from .primitive import Primitive
from .rules._util import dtype, ndim, shape
from .transforms import vjp

Rule = Callable[..., Any]
MISSING = object()


class Call:
    """What the rules of one recorded call share, so that work for several arguments or seeds is done once.

    It belongs to one recorded call, whose arguments cannot change any more, and is used on plain values only.
    """

    __slots__ = ("jacobians", "last")

    def __init__(self) -> None:
        self.jacobians: tuple[Any, ...] | None = None
        self.last: tuple[Any, tuple[Any, ...]] | None = None


class Node(NamedTuple):
    """A recorded call: its result, arguments, static parameters."""

    ans: Any
    args: tuple[Any, ...]
    params: dict[str, Any]
    call: Call | None

    @property
    def plain(self) -> bool:
        """No outer transform looks at the arguments."""
        return self.call is not None and not any(map(_core.is_traced, self.args))


class Source(ABC):
    """Gives the rule of argument `i` in one direction (`kind` is "jvp" or "vjp"), or MISSING."""

    needs_call = False

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind

    @abstractmethod
    def apply(self, i: int, seed: Any, node: Node) -> Any:
        """The rule's result for argument `i`."""


class PerArgument(Source):
    """One function per argument; None states a zero derivative."""

    def __init__(self, name: str, kind: str, rules: tuple[Rule | None, ...], defaults: dict[str, Any]) -> None:
        super().__init__(name, kind)
        self.rules = [(rule, _named_defaults(rule, defaults)) for rule in rules]

    def apply(self, i: int, seed: Any, node: Node) -> Any:
        if i >= len(self.rules):
            return MISSING
        rule, defaults = self.rules[i]
        return None if rule is None else rule(seed, node.ans, *node.args, **{**defaults, **node.params})


def _named_defaults(rule: Rule | None, defaults: dict[str, Any]) -> dict[str, Any]:
    """The function's keyword defaults that the rule asks for by name without a default of its own."""
    if rule is None or not defaults:
        return {}
    import inspect

    wanted = {p.name for p in inspect.signature(rule).parameters.values() if p.default is p.empty}
    return {name: value for name, value in defaults.items() if name in wanted}


class Whole(Source):
    """One function for all arguments."""

    needs_call = True

    def __init__(self, name: str, kind: str, rule: Rule) -> None:
        super().__init__(name, kind)
        self.rule = rule

    def apply(self, i: int, seed: Any, node: Node) -> Any:
        if self.kind == "jvp":
            tangents = tuple(seed if k == i else _zeros(a, seed, node.args[i]) for k, a in enumerate(node.args))
            return self.rule(tangents, node.ans, *node.args, **node.params)
        return self._cotangents(seed, node)[i]

    def _cotangents(self, g: Any, node: Node) -> tuple[Any, ...]:
        parts = g if isinstance(g, tuple) else (g,)
        share = node.plain and not any(map(_core.is_traced, parts))
        call = node.call if share else None
        last = call.last if call is not None else None
        if last is not None and all(map(_same, last[0], parts)):
            return last[1]
        out = self.rule(g, node.ans, *node.args, **node.params)
        if not isinstance(out, (tuple, list)) or len(out) != len(node.args):
            got = f"{len(out)} results" if isinstance(out, (tuple, list)) else type(out).__name__
            raise RuleError(
                f"the vjp rule of {self.name} must return a tuple of {len(node.args)} cotangents, one per argument; got {got}"
            )
        if call is not None:
            call.last = tuple(np.array(p) for p in parts), tuple(out)
        return tuple(out)


def _same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.array_equal(a, b)


class FromJacobian(Source):
    """Rules from the array of partial derivatives."""

    needs_call = True

    def __init__(self, name: str, kind: str, jac: Rule) -> None:
        super().__init__(name, kind)
        self.jac = jac

    def apply(self, i: int, seed: Any, node: Node) -> Any:
        jacobian, arg = self._jacobians(node)[i], node.args[i]
        k = ndim(arg)
        if self.kind == "jvp":  # seed: (seeds +) arg.shape
            order = [*range(ndim(node.ans), ndim(jacobian)), *range(ndim(node.ans))]
            return np.tensordot(seed, np.transpose(jacobian, order), k)
        return np.tensordot(seed, np.conj(jacobian), ndim(node.ans))

    def _jacobians(self, node: Node) -> tuple[Any, ...]:
        if node.plain and node.call is not None and node.call.jacobians is not None:
            return node.call.jacobians
        found = self._checked(self._evaluate(node), node)
        if node.plain and node.call is not None:
            node.call.jacobians = found
        return found

    def _evaluate(self, node: Node) -> Any:
        if not any(map(_core.is_traced, node.args)):
            return self.jac(*node.args, **node.params)
        before = _core.swap_refusal(None)
        try:
            found, reason = self.jac(*node.args, **node.params), None
        except Exception as error:  # whatever an opaque function does with values it does not know
            found, reason = None, error
        refused = _core.swap_refusal(before)
        if reason is None and refused is None:
            return found
        return self._opaque(len(node.args), reason or DetachedError(refused))(*node.args, **node.params)

    def _opaque(self, count: int, reason: Exception) -> Primitive:
        def refuse(i: int, *_: Any, **__: Any) -> Any:
            raise NoRuleError(
                f"a second derivative of {self.name} needs the derivative of its Jacobian, which cannot be traced; write the "
                f"Jacobian in NumPy, or give its derivative too: dualad.from_jacobian(f, dualad.from_jacobian(jac, second))"
            ) from reason

        return Primitive(f"jacobian of {self.name}", self.jac, refuse, refuse, outputs=count)

    def _checked(self, jacobians: Any, node: Node) -> tuple[Any, ...]:
        found = jacobians if isinstance(jacobians, tuple) else (jacobians,)
        if len(found) != len(node.args):
            raise RuleError(
                f"the Jacobian of {self.name} must be a tuple of {len(node.args)} arrays, one per argument; got {len(found)}"
            )
        found = tuple(map(_core.pack, found))
        for i, (j, arg) in enumerate(zip(found, node.args, strict=True)):
            expected = shape(node.ans) + shape(arg)
            if shape(j) != expected:
                raise RuleError(
                    f"the Jacobian of {self.name} for argument {i} has shape {shape(j)}, expected {expected}: "
                    "the result's shape, then the argument's"
                )
        return found


def derivative(name: str, rules: dict[str, Source], kind: str, i: int, seed: Any, node: Node) -> Any:
    """Applies the rule of argument `i` in direction `kind`, or transposes the rule of the other direction."""
    out = rules[kind].apply(i, seed, node) if kind in rules else MISSING
    if out is MISSING:
        out = _transposed(name, rules, kind, i, seed, node)
    base, like = (node.ans, node.args[i]) if kind == "vjp" else (node.args[i], node.ans)
    if out is None:
        return _zeros_of(like, _lead(seed, base))
    return out


def _transposed(name: str, rules: dict[str, Source], kind: str, i: int, seed: Any, node: Node) -> Any:
    """The derivative in one direction from the linear rule of the other one.

    A vjp rule is linear in g, and its transpose is the jvp; a jvp rule is linear in t, and its transpose is the vjp. The engine
    transposes either by recording it as a function of that argument and sweeping once in reverse.
    """
    other = "vjp" if kind == "jvp" else "jvp"
    if other not in rules:
        raise _no_rule(name, kind, i)
    source, target = (node.ans, node.args[i]) if kind == "jvp" else (node.args[i], node.ans)
    lead = _lead(seed, target)
    if lead:
        slices = [seed[s] if not isinstance(seed, tuple) else tuple(part[s] for part in seed) for s in range(lead[0])]
        return _stacked([_transposed(name, rules, kind, i, each, node) for each in slices])
    many = isinstance(source, tuple)

    def linear(*parts: Any) -> Any:
        out = rules[other].apply(i, parts if many else parts[0], node)
        if out is MISSING:
            raise _no_rule(name, kind, i)
        return _fitted(name, other, out, target)

    try:
        _, pull = vjp(linear, *(_zeros_of(s) for s in (source if many else (source,))))
        out = pull(seed)
    except (NoRuleError, RuleError):
        raise
    except DualadError as reason:
        raise NoRuleError(
            f"{name} has no {kind} rule, and none could be derived from its {other} rule ({reason}); "
            f"add one with {name}.def{kind}(...)"
        ) from reason
    return out if many else out[0]


def _no_rule(name: str, kind: str, i: int) -> NoRuleError:
    return NoRuleError(
        f"{name} has no derivative rule for argument {i}: add one with {name}.defvjp(...) or {name}.defjvp(...), "
        "one rule per positional argument (None where the result does not depend on it)"
    )


def _fitted(name: str, kind: str, out: Any, target: Any) -> Any:
    """The result of a rule with the target's shape and kind of numbers (a real target takes the real part)."""
    if isinstance(target, tuple):
        return tuple(_fitted(name, kind, o, t) for o, t in zip(out, target, strict=True))
    if out is None:
        return _zeros_of(target)
    if shape(out) != shape(target):
        raise RuleError(f"the {kind} rule of {name} returned shape {shape(out)}, expected {shape(target)}")
    return np.real(out) if dtype(out).kind == "c" and dtype(target).kind != "c" else out


def _stacked(parts: list[Any]) -> Any:
    if isinstance(parts[0], tuple):
        return tuple(np.stack(column) for column in zip(*parts, strict=True))
    return np.stack(parts)


def _lead(seed: Any, base: Any) -> tuple[int, ...]:
    """The seed axis of `seed`, which `base` does not have; () without one."""
    if isinstance(seed, tuple):
        return _lead(seed[0], base[0])
    return shape(seed)[: ndim(seed) - ndim(base)]


def _zeros_of(like: Any, lead: tuple[int, ...] = ()) -> Any:
    if isinstance(like, tuple):
        return tuple(_zeros_of(part, lead) for part in like)
    kind = dtype(like)
    return np.zeros(lead + shape(like), kind if kind.kind in "fc" else float)


def _zeros(like: Any, seed: Any, base: Any) -> Any:
    return _zeros_of(like, _lead(seed, base))
