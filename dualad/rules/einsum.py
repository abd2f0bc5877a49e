"""Einstein summation: each cotangent is itself an einsum of the result's cotangent with the other operands."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from operator import index
from typing import Any

import numpy as np

from .._core import einsumming
from ..primitive import Primitive, implements, plain
from ._matrix import conj, operand
from ._util import lead, ndim, reshape, shape, undispatched

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # the order in which NumPy reads integer labels
_OPTIMIZE_FROM = 1 << 14  # multiplications; below, looking for a contraction order costs more than it saves

# ---- subscripts ----


def _spell_out(subscripts: str, ndims: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """One letter for every axis of every operand and of the result: ellipses and the implied output spelled out."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    unused = [c for c in _LETTERS if c not in text]
    counts = [n - len(term) + 3 for term, n in zip(terms, ndims, strict=True) if "..." in term]
    dots = "".join(unused[: max(counts, default=0)])
    full = tuple(term.replace("...", dots[len(dots) - (n - len(term) + 3) :]) for term, n in zip(terms, ndims, strict=True))
    if arrow:
        return full, right.replace("...", dots)
    named = left.replace(",", "").replace("...", "")
    return full, dots + "".join(sorted(c for c in set(named) if named.count(c) == 1))


_explicit = lru_cache(maxsize=512)(_spell_out)


def _from_lists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Subscripts and operands of a call in the interleaved form ``einsum(a, [0, 1], b, [1, 2], [0, 2])``."""

    def letters(labels: Any) -> str:
        return "".join("..." if k is Ellipsis else _LETTERS[index(k)] for k in labels)

    n = len(args) // 2
    text = ",".join(letters(args[2 * k + 1]) for k in range(n))
    if len(args) % 2:
        text += "->" + letters(args[-1])
    return text, [args[2 * k] for k in range(n)]


def _spare(terms: tuple[str, ...], out: str) -> str:
    """A letter for the seed axis."""
    used = "".join(terms) + out
    return next(c for c in _LETTERS if c not in used)


# ---- rules ----


def _sizes(terms: tuple[str, ...], arrays: Any) -> dict[str, int]:
    """Length of each label; an axis of length one stretches to the others of its label."""
    sizes: dict[str, int] = {}
    for term, x in zip(terms, arrays, strict=True):
        for c, n in zip(term, shape(x), strict=True):
            if sizes.get(c, 1) == 1:
                sizes[c] = n
    return sizes


def _sum_products(terms: list[str], out: str, arrays: list[Any]) -> Any:
    """The einsum with the cheaper of NumPy's two ways."""
    cost = prod(_sizes(tuple(terms), arrays).values())
    return np.einsum(",".join(terms) + "->" + out, *arrays, optimize=len(arrays) > 1 and cost >= _OPTIMIZE_FROM)


_plain_einsum = undispatched(np.einsum)
try:  # what it calls when nothing else is asked for
    from numpy._core.multiarray import c_einsum as _short_einsum
except ImportError:
    _short_einsum = _plain_einsum


def _einsum_impl(*arrays: Any, text: str, options: dict[str, Any]) -> Any:
    return _plain_einsum(text, *arrays, **options)


def _einsum_jvp(i: int, t: Any, ans: Any, *arrays: Any, text: str, options: dict[str, Any]) -> Any:
    replaced = [*arrays[:i], t, *arrays[i + 1 :]]
    if not lead(t, arrays[i]):
        return np.einsum(text, *replaced, **options)
    terms, out = _explicit(text, tuple(ndim(x) for x in arrays))
    seed = _spare(terms, out)
    text = ",".join(seed + term if k == i else term for k, term in enumerate(terms)) + "->" + seed + out
    return np.einsum(text, *replaced, **options)


def _einsum_vjp(i: int, g: Any, ans: Any, *arrays: Any, text: str, options: dict[str, Any]) -> Any:
    terms, out = _explicit(text, tuple(ndim(x) for x in arrays))
    seed, seeds = ("", ()) if not lead(g, ans) else (_spare(terms, out), shape(g)[:1])
    others = [k for k in range(len(arrays)) if k != i]
    known = set(out).union(*(terms[k] for k in others))
    sizes, mine = _sizes(terms, arrays), _sizes(terms[i : i + 1], arrays[i : i + 1])
    stretched = {c for c, n in mine.items() if n == 1 and sizes[c] != 1}
    target = "".join(c for c in mine if c in known and c not in stretched)
    inputs, labels = [g, *(conj(arrays[k]) for k in others)], [seed + out, *(terms[k] for k in others)]
    if seed + out == seed + target and not others:
        r = g
    else:
        r = _sum_products(labels, seed + target, inputs)
    return _place(r, terms[i], target, mine, seeds)


def _place(r: Any, term: str, target: str, mine: dict[str, int], seeds: tuple[int, ...]) -> Any:
    """Brings a cotangent over the labels `target` to all axes of the operand: repeated over summed axes, placed on diagonals."""
    have = iter(shape(r)[len(seeds) :])
    thin = tuple(next(have) if c in target else 1 for c in mine)
    dims = tuple(mine.values())
    if thin != shape(r)[len(seeds) :]:
        r = reshape(r, seeds + thin)
    if thin != dims:
        r = np.broadcast_to(r, seeds + dims)
    if len(mine) == len(term):
        return r
    first = [term.index(c) == k for k, c in enumerate(term)]
    r = reshape(r, seeds + tuple(mine[c] if new else 1 for c, new in zip(term, first, strict=True)))
    on = np.ones((), bool)
    places = np.ogrid[tuple(slice(mine[c]) for c in term)]
    for k, c in enumerate(term):
        if not first[k]:
            on = on & (places[k] == places[term.index(c)])
    return np.where(on, r, 0)


_NO_OPTIONS: dict[str, Any] = {}  # of every call without any
einsum_p = Primitive("einsum", _einsum_impl, _einsum_jvp, _einsum_vjp)


def _general(*operands: Any, optimize: Any = False, **kwargs: Any) -> Any:
    if isinstance(operands[0], str):
        text, arrays = operands[0], operands[1:]
    else:
        text, arrays = _from_lists(operands)
    options = {k: v for k, v in kwargs.items() if v is not None} if kwargs else _NO_OPTIONS
    if optimize is not False:
        options = {**options, "optimize": optimize}
    return einsum_p(*map(operand, arrays), text=text, options=options)


implements(np.einsum)(einsumming(einsum_p, _short_einsum, _general))


plain(np.einsum_path)
