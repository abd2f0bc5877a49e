"""Seed axes of derivative rules: many seeds at once must give what one seed at a time gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import transforms
from .custom import CustomFunction
from .jacobians import jacobian
from .primitive import Primitive


def check_rules(p: Callable[..., Any], args: tuple[Any, ...], params: dict[str, Any], varying: list[int]) -> None:
    """Compares batched with looped rules where the primitive is at hand, and the modes of `jacobian` with single seeds."""
    made = p.bound(args, params) if isinstance(p, CustomFunction) else p
    if isinstance(made, Primitive) and not made.looped:
        _check_seed_axis(made, args, params, varying)
    _check_jacobian(p, args, params, varying)


def _check_seed_axis(p: Primitive, args: tuple[Any, ...], params: dict[str, Any], varying: list[int]) -> None:
    ans = p.impl(*args, **params)
    lengths = sorted({1, 3, *(n for a in (*args, *_parts(ans)) for n in np.shape(a) if n)})
    rng = np.random.default_rng(0)
    for i in varying:
        for kind, rule, like in (("jvp", p.jvp, args[i]), ("vjp", p.vjp, ans)):
            if rule is None:
                continue
            for n in lengths:
                seeds = [_draw(rng, like) for _ in range(n)]
                batched = rule(i, _stack(seeds), ans, *args, **params)
                looped = _stack([rule(i, seed, ans, *args, **params) for seed in seeds])
                _compare(f"the {kind} rule of {p.name} for argument {i} with {n} seeds at once", batched, looped, p.name)


def _compare(what: str, batched: Any, looped: Any, name: str) -> None:
    for b, s in zip(_parts(batched), _parts(looped), strict=True):
        if np.shape(b) != np.shape(s):
            hint = f"let it keep the leading axis, or have {name} called seed by seed (looped=True, batched=False)"
            raise AssertionError(f"{what} gives shape {np.shape(b)}, one by one {np.shape(s)}: {hint}")
        tolerance = 1e-12 * np.abs(s[np.isfinite(s)]).max(initial=0.0)
        bad = ~((np.abs(b - s) <= tolerance) | (b == s) | (np.isnan(b) & np.isnan(s)))
        if bad.any():
            k = tuple(int(index) for index in np.argwhere(bad)[0])
            raise AssertionError(f"{what} gives {b[k]:.10g} at seed {k[0]}, entry {list(k[1:])}, one by one {s[k]:.10g}")


def _parts(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def _draw(rng: np.random.Generator, like: Any) -> Any:
    if isinstance(like, tuple):
        return tuple(_draw(rng, part) for part in like)
    kind = np.result_type(like)
    values = rng.standard_normal(np.shape(like))
    if kind.kind == "c":
        values = values + 1j * rng.standard_normal(np.shape(like))
    return np.asarray(values).astype(kind if kind.kind in "fc" else float)


def _stack(parts: list[Any]) -> Any:
    if isinstance(parts[0], tuple):
        return tuple(np.stack(column) for column in zip(*parts, strict=True))
    return np.stack(parts)


def _check_jacobian(p: Callable[..., Any], args: tuple[Any, ...], params: dict[str, Any], varying: list[int]) -> None:
    """Both modes of `jacobian` against columns by `jvp`: the engine's own seed axis."""
    result = p(*args, **params)
    if isinstance(result, (tuple, list)) or any(np.result_type(a).kind == "c" for a in [result, *(args[i] for i in varying)]):
        return  # several results and complex derivatives are compared by dot products, not as one array
    for i in varying:

        def f(x: Any, i: int = i) -> Any:
            return p(*args[:i], x, *args[i + 1 :], **params)

        columns = np.zeros(np.shape(result) + np.shape(args[i]))
        for index in np.ndindex(np.shape(args[i])):
            unit = np.zeros(np.shape(args[i]), np.result_type(args[i], np.float32))
            unit[index] = 1.0
            columns[(..., *index)] = transforms.jvp(f, (args[i],), (unit if index else float(unit),))[1]
        for mode in ("forward", "reverse"):
            got = jacobian(f, mode=mode)(args[i])
            if not np.allclose(got, columns, rtol=1e-9, atol=1e-12 * np.abs(columns).max(initial=0.0), equal_nan=True):
                raise AssertionError(
                    f"jacobian(mode={mode!r}) for argument {i} differs from its columns by jvp: a rule mixes up seeds"
                )
