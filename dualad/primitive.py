"""What a derivative rule is, and the registers in which NumPy's functions find theirs."""

from __future__ import annotations

from typing import Any, Callable

from . import _core


class Primitive:
    """A function with derivative rules, the unit that the engine records.

    Parameters
    ----------
    name : str
        Shown in listings and error messages.
    impl : callable
        ``impl(*args, **params)`` on plain arrays; `params` are never differentiated.
    jvp, vjp : callable or tuple of callables, optional
        ``jvp(i, t, ans, *args, **params)``: the tangent of the result caused by tangent `t` of argument `i`.
        ``vjp(i, g, ans, *args, **params)``: the cotangent of argument `i` caused by cotangent `g` of the result, the adjoint of the
        jvp under <a, b> = Re(sum(conj(a) * b)). A tuple holds one function per argument, without the leading `i`.
        `t` and `g` may carry one leading seed axis more than `args[i]` and `ans`.
    linear : bool
        The function is linear in all its arguments together; forward mode then applies it to the tangents and needs no `jvp`.
    looped : bool
        The rules cannot take a seed axis; the engine calls them once a seed.
    outputs : int
        Number of results; with more than one, `ans`, tangents and cotangents are tuples.
    """

    __slots__ = ("impl", "jvp", "linear", "looped", "name", "outputs", "vjp")

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        jvp: Callable[..., Any] | tuple[Callable[..., Any], ...] | None = None,
        vjp: Callable[..., Any] | tuple[Callable[..., Any], ...] | None = None,
        *,
        linear: bool = False,
        looped: bool = False,
        outputs: int = 1,
    ) -> None:
        self.name, self.impl, self.linear, self.looped, self.outputs = name, impl, linear, looped, outputs
        self.jvp, self.vjp = _by_index(jvp), _by_index(vjp)

    def __call__(self, *args: Any, **params: Any) -> Any:
        return _core.bind(self, args, params)

    def __repr__(self) -> str:
        return f"Primitive({self.name!r})"


def _by_index(rule: Any) -> Any:
    if not isinstance(rule, tuple):
        return rule
    return lambda i, *args, **params: rule[i](*args, **params)


def implements(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the decorated handler for NumPy functions. `out=` never reaches it: the engine stores the result itself."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            _core.FUNCTIONS[function] = handler
            _note_out(function, handler)
        return handler

    return register


def _note_out(key: Any, handler: Callable[..., Any]) -> None:
    """Remembers where `out` stands among the positional arguments: the engine takes it out of there too."""
    code = getattr(handler, "__code__", None)
    if code is not None and "out" in code.co_varnames[: code.co_argcount]:
        _core.OUT_AT[key] = code.co_varnames.index("out")


def method(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the decorated function as a method (first argument: the traced value) of traced values."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            _core.METHODS[name] = handler
            _note_out(name, handler)
        return handler

    return register


def plain(*functions: Callable[..., Any]) -> None:
    """Registers functions whose result has no derivative (integers, booleans, shapes): they run on the plain values."""
    for function in functions:
        _core.FUNCTIONS[function] = _core.run_plain(function)
