"""Checks of derivatives: `check_grads` for any function, `check_primitive` for a function with rules of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import transforms
from ._checking import Case, entry, flat, inexact, split
from ._differences import Differences
from ._rulecheck import check_rules

__all__ = ["check_grads", "check_primitive"]

MODES = {"fwd": "forward", "rev": "reverse"}


def check_grads(
    f: Callable[..., Any],
    args: Any,
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Compares the derivatives of `f` at `args` with extrapolated central differences, and the modes with each other.

    Parameters
    ----------
    f : callable
        Takes and returns numbers, arrays or trees of them (dict, list, tuple, namedtuple, dataclass), real or complex.
    args : tuple
        The positional arguments; anything but a tuple counts as the only one. Floating leaves are varied, all others held
        constant.
    order : int
        Highest order. Order n differentiates the derivatives of order n - 1 of both modes again in both modes.
    modes : sequence of {"fwd", "rev"}
        Which modes to check.
    rtol, atol : float, optional
        A derivative d passes when ``|d - expected| <= atol + rtol * |expected| + 4 * error``, `error` being the estimated error
        of the differences. Defaults: rtol 1e-6 (float32: 1e-3), atol a hundredth of that times the largest derivative in the
        same direction.

    Raises
    ------
    AssertionError
        Names the mode, the entry of the argument and of the result, both numbers and the step of the difference.

    Notes
    -----
    The differences are evaluated in double precision for float32 arguments also. At a kink they give the mean of both sides; at a
    jump or an infinite slope they do not settle, which fails too.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> from dualad.testing import check_grads
    >>> check_grads(lambda x: np.sum(np.sin(x) ** 2), (np.array([0.3, 1.2]),))
    """
    unknown = set(modes) - set(MODES)
    if unknown or not modes:
        raise ValueError(f"modes must be some of 'fwd' and 'rev', got {tuple(modes)!r}")
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")
    args = args if isinstance(args, tuple) and not hasattr(args, "_fields") else (args,)
    before = flat(Case(f, args).values)
    _check(Case(f, args), order, tuple(modes), _Tolerance(rtol, atol), ())
    if not np.array_equal(before, Case(f, args).x, equal_nan=True):
        raise AssertionError("the function or its derivative changed the arguments")


class _Tolerance:
    def __init__(self, rtol: float | None, atol: float | None) -> None:
        self.rtol, self.atol = rtol, atol

    def __call__(self, case: Case, expected: np.ndarray, got: np.ndarray, error: np.ndarray, scale: float) -> np.ndarray:
        rtol = case.rtol if self.rtol is None else self.rtol
        atol = 1e-2 * case.rtol * scale + 64 * case.eps * (scale or 1.0) if self.atol is None else self.atol
        return atol + rtol * np.maximum(np.abs(expected), np.abs(got)) + 4 * error


def _check(case: Case, order: int, modes: tuple[str, ...], tolerance: _Tolerance, chain: tuple[str, ...]) -> None:
    if not chain:
        _check_values(case)
    directions, weights = case.directions(), case.weights()
    for v in directions:
        expected = case.differences(v)
        _settled(case, v, expected, chain)
        if "fwd" in modes:
            _check_forward(case, v, expected, tolerance, chain)
        if "rev" in modes:
            for u in weights:
                _check_reverse(case, u, v, expected, tolerance, chain)
    if len(modes) == 2:
        _check_dot(case, directions[0] if len(directions) == 1 else case._random(case.x.size), weights[0], chain)
    if order > 1:
        for mode in modes:
            _check(_differentiated(case, mode), order - 1, modes, tolerance, (*chain, mode))


def _check_values(case: Case) -> None:
    for mode, values in case.traced_values():
        got = flat(values)
        if not np.array_equal(got, case.y, equal_nan=True):
            if got.shape != case.y.shape:
                raise AssertionError(f"{mode} computes {got.size} numbers, the function itself {case.y.size}")
            k = int(np.argmax((got != case.y) & ~(np.isnan(got) & np.isnan(case.y))))
            raise AssertionError(
                f"{mode} computes another value than the function itself: {entry(case.outputs, k)} "
                f"is {got[k]!r}, expected {case.y[k]!r}"
            )


def _differentiated(case: Case, mode: str) -> Case:
    """The derivative in a fixed random direction, as a function of the same arguments."""
    v = tuple(split(case._random(case.x.size), case.values))
    u = tuple(split(case._random(case.y.size), [leaf.value for leaf in case.outputs]))

    def forward(*values: Any) -> Any:
        return transforms.jvp(case.call, values, _alike(v, values))[1]

    def reverse(*values: Any) -> Any:
        y, pull = transforms.vjp(case.call, *values)
        return pull(_alike(u, y))

    made = Case(forward if mode == "fwd" else reverse, tuple(case.values))
    names = iter(case.inputs)
    made.inputs = [leaf._replace(path=next(names).path) for leaf in made.inputs]
    return made


def _alike(vectors: tuple[Any, ...], values: Sequence[Any]) -> tuple[Any, ...]:
    """Seeds in the precision of the values: differences run in double."""
    both = zip(vectors, values, strict=True)
    return tuple(np.asarray(v).astype(y.dtype) if hasattr(y, "dtype") and hasattr(v, "dtype") else v for v, y in both)


def _settled(case: Case, v: np.ndarray, d: Differences, chain: tuple[str, ...]) -> None:
    scale = np.abs(d.derivative[np.isfinite(d.derivative)]).max(initial=0.0)
    bad = ~(d.error <= 0.01 * scale + 16 * d.noise) & np.isfinite(case.y)
    if bad.any():
        k = int(np.argmax(bad))
        raise AssertionError(
            f"{_title(chain, '')}no step of the differences settles for {entry(case.outputs, k)} {_along(case, v)}: "
            f"estimate {d.derivative[k]:.6g} with error {d.error[k]:.2g}; is the function differentiable at this point?"
        )


def _check_forward(case: Case, v: np.ndarray, d: Differences, tolerance: _Tolerance, chain: tuple[str, ...]) -> None:
    got = case.forward(v)
    bad = _wrong(case, d, got, tolerance)
    if bad.any():
        if np.count_nonzero(v) > 1:
            v = _narrowed(v, lambda part: bool(_wrong(case, case.differences(part), case.forward(part), tolerance).any()))
            d, got = case.differences(v), case.forward(v)
            bad = _wrong(case, d, got, tolerance)
        k = int(np.argmax(bad))
        numbers = d.derivative[k], got[k], d.step[k], d.error[k]
        raise AssertionError(_message(case, _title(chain, "fwd"), v, entry(case.outputs, k), *numbers))


def _wrong(case: Case, d: Differences, got: np.ndarray, tolerance: _Tolerance) -> np.ndarray:
    scale = np.abs(d.derivative[np.isfinite(d.derivative)]).max(initial=0.0)
    return ~(np.abs(got - d.derivative) <= tolerance(case, d.derivative, got, d.error, scale)) & np.isfinite(case.y)


def _check_reverse(
    case: Case, u: np.ndarray, v: np.ndarray, d: Differences, tolerance: _Tolerance, chain: tuple[str, ...]
) -> None:
    if not _mismatch(case, u, v, d, tolerance):
        return
    if np.count_nonzero(v) > 1:
        v = _narrowed(v, lambda part: _mismatch(case, u, part, case.differences(part), tolerance))
    if np.count_nonzero(u) > 1:
        d = case.differences(v)
        u = _narrowed(u, lambda part: _mismatch(case, part, v, d, tolerance))
    d = case.differences(v)
    on = u != 0
    k = int(np.argmax(on))
    where = entry(case.outputs, k) if on.sum() == 1 else "a weighted sum of the results"
    unit = u[k] if on.sum() == 1 else 1.0
    expected, got = float(u[on] @ d.derivative[on]) / unit, float(case.reverse(u) @ v) / unit
    raise AssertionError(_message(case, _title(chain, "rev"), v, where, expected, got, d.step[k], d.error[on].max()))


def _mismatch(case: Case, u: np.ndarray, v: np.ndarray, d: Differences, tolerance: _Tolerance) -> bool:
    on = (u != 0) & np.isfinite(case.y)
    terms = u[on] * d.derivative[on]
    got = case.reverse(np.where(on, u, 0.0))[v != 0] @ v[v != 0]
    error, scale = np.abs(u[on]) @ d.error[on], np.abs(terms).sum()
    return not abs(got - terms.sum()) <= tolerance(case, terms.sum(), got, error, scale)


def _narrowed(v: np.ndarray, wrong: Callable[[np.ndarray], bool]) -> np.ndarray:
    """Halves the support of `v` as long as one half alone is still wrong: ends at one entry, in log2(n) steps."""
    while (on := np.flatnonzero(v)).size > 1:
        halves = [np.where(np.isin(np.arange(v.size), part), v, 0.0) for part in np.array_split(on, 2)]
        half = next((h for h in halves if wrong(h)), None)
        if half is None:  # the error is in the combination, say a rule that is not linear
            break
        v = half
    return v


def _check_dot(case: Case, v: np.ndarray, u: np.ndarray, chain: tuple[str, ...]) -> None:
    jv, ju = case.forward(v), case.reverse(u)
    if not (np.isfinite(jv).all() and np.isfinite(ju).all()):
        return
    bound = (1e-10 if case.eps < 1e-12 else 1e3 * case.eps) * (np.abs(u) @ np.abs(jv) + np.abs(ju) @ np.abs(v)) + 64 * case.eps
    if not abs(u @ jv - ju @ v) <= bound:
        products = f"<u, J v> = {u @ jv:.15g}, <J' u, v> = {ju @ v:.15g}"
        raise AssertionError(f"{_title(chain, '')}forward and reverse mode disagree: {products}")


def _title(chain: tuple[str, ...], mode: str) -> str:
    over = " over ".join(MODES[m] for m in reversed((*chain, mode) if mode else chain))
    return f"order {len(chain) + 1}, {over}: " if over else f"order {len(chain) + 1}: "


def _along(case: Case, v: np.ndarray) -> str:
    on = np.flatnonzero(v)
    return f"with respect to {entry(case.inputs, int(on[0]))}" if on.size == 1 else f"along a direction over {on.size} arguments"


def _message(case: Case, title: str, v: np.ndarray, where: str, expected: float, got: float, step: float, error: float) -> str:
    unit = float(v[np.flatnonzero(v)[0]]) if np.count_nonzero(v) == 1 else 1.0
    expected, got = expected / unit, got / unit
    ratio = f" (got / expected = {got / expected:.6g})" if expected else ""
    return (
        f"{title}wrong derivative of {where} {_along(case, v)}: expected {expected:.10g} by central differences "
        f"(step {step:.2g}, estimated error {error:.1g}), got {got:.10g}{ratio}"
    )


def check_primitive(p: Callable[..., Any], *args: Any, order: int = 2, **params: Any) -> None:
    """Tries the derivative rules of a primitive at one point.

    The value, shape and dtype under tracing against the plain call, bit for bit; jvp against differences; vjp against jvp; each
    argument traced alone; rules with a seed axis against the rules called seed by seed, also with as many seeds as some axis is
    long; both Jacobian modes; orders up to `order`; the same in float32, whose derivatives must stay float32.

    Parameters
    ----------
    p : callable
        Made by `dualad.primitive` or `dualad.from_jacobian`, or any function that dualad has a rule for (``np.cumsum``).
    *args
        The point; floating arguments are varied.
    order : int
        Highest order to check.
    **params
        Static keyword arguments.

    Raises
    ------
    AssertionError
        Says which rule is wrong, and where.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.testing import check_primitive
    >>> check_primitive(np.cumsum, np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    """

    def f(*a: Any) -> Any:
        return p(*a, **params)

    check_grads(f, args, order)
    varying = [k for k, a in enumerate(args) if inexact(a)]
    for k in varying if len(varying) > 1 else ():
        check_grads(lambda x, k=k: f(*args[:k], x, *args[k + 1 :]), (args[k],), 1)
    check_rules(p, args, params, varying)
    single = tuple(_single(a) for a in args)
    if any(a is not b for a, b in zip(single, args, strict=True)):
        check_grads(f, single, 1)


def _single(a: Any) -> Any:
    kind = getattr(a, "dtype", None)
    if kind == np.float64:
        return a.astype(np.float32)
    return a.astype(np.complex64) if kind == np.complex128 else a
