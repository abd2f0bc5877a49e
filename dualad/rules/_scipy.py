"""How the rules of SciPy's elementwise functions are written down: a partial derivative for each argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from .._core import is_traced, pack, smul, spread
from ..errors import NoRuleError
from ..primitive import Primitive, implements
from ._util import conj, lead, ndim, shape, unbroadcast, widen
from .ufuncs import call

Slope = Callable[..., Any]


def elementwise(name: str, impl: Callable[..., Any], *slopes: Slope | None) -> Primitive:
    """A primitive from one ``slope(ans, *args, **params)`` for each argument; None for an argument that is never traced.

    Slopes may be smaller than the result as long as they broadcast to it; the products with them are strong.
    """

    def partial(i: int, ans: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        return slopes[i](ans, *map(_signed, args), **params)

    def jvp(i: int, t: Any, ans: Any, *args: Any, **params: Any) -> Any:
        x, to = args[i], shape(t)[: lead(t, args[i])] + shape(ans)
        return spread(smul(widen(t, x, ndim(ans)), partial(i, ans, args, params)), to)

    def vjp(i: int, g: Any, ans: Any, *args: Any, **params: Any) -> Any:
        return unbroadcast(smul(g, conj(partial(i, ans, args, params))), args[i], ans)

    return Primitive(name, impl, jvp, vjp)


def _signed(x: Any) -> Any:
    """Unsigned and boolean operands as integers from which one can be subtracted."""
    return x.astype(int) if getattr(x, "dtype", None) is not None and x.dtype.kind in "bu" else x


def derivatives(name: str, impl: Callable[[Any, int], Any]) -> Primitive:
    """The primitive of all derivatives of a function at once: ``impl(x, order)`` is the one of that order."""
    found = elementwise(name, impl, lambda ans, x, order: found(x, order=order + 1))
    return found


def rule(name: str, arguments: str, *slopes: Slope | None) -> None:
    """Registers the partials of ``scipy.special.<name>``, if this SciPy has it; None for an argument without one."""
    ufunc = getattr(special, name, None)
    if ufunc is not None:
        register(ufunc, name, arguments, *slopes)


def register(ufunc: np.ufunc, name: str, arguments: str, *slopes: Slope | None, primitive: Any = None, **params: Any) -> None:
    """Registers the partials of a ufunc, or a primitive that stands for it; `name` and `arguments` are for messages."""
    bound = elementwise(f"scipy.special.{name}", ufunc, *slopes) if primitive is None else primitive
    fixed = [(i, argument) for i, (argument, slope) in enumerate(zip(arguments.split(), slopes, strict=True)) if slope is None]

    def handler(*inputs: Any, **kwargs: Any) -> Any:
        if kwargs:
            return call(ufunc, *inputs, **kwargs)
        operands = [pack(x) for x in inputs]
        for i, argument in fixed:
            require_plain(operands[i], name, argument)
        return bound(*[np.asarray(x) if isinstance(x, (list, tuple)) else x for x in operands], **params)

    implements(ufunc)(handler)


def require_plain(x: Any, name: str, argument: str) -> None:
    """Refuses a traced value for an argument in which there is no rule."""
    if is_traced(x) or is_traced(pack(x)):
        raise NoRuleError(
            f"scipy.special.{name} has no derivative rule in dualad for its argument {argument!r}, only for the others. Where it is a constant, "
            f"pass dualad.value({argument}); otherwise add a rule: decorate a function that calls scipy.special.{name} with "
            "@dualad.primitive and give it .defvjp(...) or .defjvp(...)"
        )
