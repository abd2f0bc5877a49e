"""Histograms: linear in the weights, constant in the positions, with bin edges that may follow the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack, value
from ..primitive import Primitive, implements
from ._util import lead, plain_array, reshape, shape, size
from .indexing import gather_p, scatter_p

# ---- bincount ----


def _bincount_jvp(i: int, t: Any, ans: Any, weights: Any, x: Any, minlength: int) -> Any:
    return scatter_p(t, index=x, axis=-1, length=shape(ans)[0])


def _bincount_vjp(i: int, g: Any, ans: Any, weights: Any, x: Any, minlength: int) -> Any:
    return gather_p(g, index=x, axis=-1, length=shape(ans)[0])


bincount_p = Primitive("bincount", lambda weights, x, minlength: np.bincount(x, weights, minlength), _bincount_jvp, _bincount_vjp)


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    x, weights = np.array(value(pack(x))), pack(weights)
    return bincount_p(weights, x=x, minlength=minlength) if is_traced(weights) else np.bincount(x, weights, minlength)


# ---- histograms of weights ----


def _weighted_jvp(i: int, t: Any, ans: Any, weights: Any, place: Any, cell: Any, count: Any) -> Any:
    seeds = shape(t)[: lead(t, weights)]
    t = gather_p(reshape(t, (*seeds, -1)), index=place, axis=-1, length=size(weights))
    return reshape(scatter_p(t, index=cell, axis=-1, length=size(ans)), seeds + shape(ans))


def _weighted_vjp(i: int, g: Any, ans: Any, weights: Any, place: Any, cell: Any, count: Any) -> Any:
    seeds = shape(g)[: lead(g, ans)]
    g = gather_p(reshape(g, (*seeds, -1)), index=cell, axis=-1, length=size(ans))
    return reshape(scatter_p(g, index=place, axis=-1, length=size(weights)), seeds + shape(weights))


weighted_p = Primitive("histogram", lambda weights, place, cell, count: count(weights), _weighted_jvp, _weighted_vjp)


def _cells(samples: list[Any], edges: list[Any]) -> tuple[Any, Any]:
    """Positions of the samples that lie in some bin, and the flat number of that bin (the last edge belongs to its bin)."""
    inside, cell = np.ones(samples[0].shape, bool), np.zeros(samples[0].shape, np.intp)
    for x, e in zip(samples, edges, strict=True):
        k = np.searchsorted(e, x, "right") - 1
        k = np.where(x == e[-1], len(e) - 2, k)
        inside &= (k >= 0) & (k < len(e) - 1)
        cell = cell * (len(e) - 1) + k
    place = np.flatnonzero(inside)
    return place, cell[place]


def _count(weights: Any, samples: list[Any], edges: list[Any], count: Any) -> Any:
    if not is_traced(weights):
        return count(weights)
    place, cell = _cells(samples, edges)
    return weighted_p(weights, place=place, cell=cell, count=count)


def _edges(x: Any, bins: Any, range: Any, found: Any) -> Any:
    """The bin edges `found` by NumPy, with the derivative they have where data or range determine them."""
    bins = pack(bins)
    if np.ndim(value(bins)):
        return bins if is_traced(bins) else found
    low, high = (np.min(x), np.max(x)) if range is None and size(x) else (pack(range[0]), pack(range[1])) if range else (0.0, 1.0)
    if not (is_traced(low) or is_traced(high)):
        return found
    if value(low) == value(high):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, len(found))


def _plain_range(range: Any) -> Any:
    return None if range is None else tuple(value(pack(k)) for k in range)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    a = pack(a)
    found = np.histogram_bin_edges(value(a), value(pack(bins)), _plain_range(range), value(pack(weights)))
    return _edges(a, bins, range, found)


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    a, weights = pack(a), pack(weights)
    x, plain_bins, plain_range = plain_array(a), value(pack(bins)), _plain_range(range)

    def count(w: Any) -> Any:
        return np.histogram(x, plain_bins, plain_range, weights=w)[0]

    found = np.histogram_bin_edges(x, plain_bins, plain_range)
    hist = _count(weights, [x.ravel()], [found], count)
    edges = _edges(a, bins, range, found)
    return (hist / np.diff(edges) / np.sum(hist) if density else hist), edges


@implements(np.histogramdd)
def histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    weights = pack(weights)
    if isinstance(sample, (list, tuple)):
        columns = [pack(x) for x in sample]
    else:
        sample = np.atleast_2d(pack(sample)) if np.ndim(value(sample)) != 1 else np.reshape(pack(sample), (-1, 1))
        columns = [sample[:, k] for k in np.arange(shape(sample)[1])]
    n = len(columns)
    each = list(bins) if np.ndim(bins) or isinstance(bins, (list, tuple)) else [bins] * n
    ranges = [None] * n if range is None else list(range)
    plain = [np.asarray(value(x)) for x in columns]
    plain_bins = [value(pack(b)) for b in each]
    plain_ranges = None if range is None else [_plain_range(r) for r in ranges]

    def run(w: Any) -> Any:
        return np.histogramdd(tuple(plain), plain_bins, plain_ranges, weights=w)

    found = run(None)[1]
    hist = _count(weights, plain, list(found), lambda w: run(w)[0])
    edges = [_edges(x, b, r, e) for x, b, r, e in zip(columns, each, ranges, found, strict=True)]
    if density:
        total = np.sum(hist)
        for k, e in enumerate(edges):
            hist = hist / reshape(np.diff(e), (-1,) + (1,) * (n - 1 - k))
        hist = hist / total
    return hist, tuple(edges)


@implements(np.histogram2d)
def histogram2d(x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if np.ndim(bins) == 1 and len(bins) not in (1, 2):
        bins = [np.asarray(value(bins))] * 2
    hist, edges = histogramdd([x, y], bins, range, density, weights)
    return hist, edges[0], edges[1]
