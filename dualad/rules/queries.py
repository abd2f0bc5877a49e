"""Functions without a derivative: questions about values and shapes, indices, text; and arrays made in the image of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import is_traced, pack, value
from ..primitive import implements, plain
from ._util import flat, is_inexact, ndim, shape, size

# shapes and types
implements(np.shape)(shape)
implements(np.ndim)(ndim)
plain(np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast, np.min_scalar_type, np.common_type)

# truth and comparison
plain(
    np.all, np.any, np.isclose, np.allclose, np.array_equal, np.array_equiv, np.isneginf, np.isposinf, np.isreal, np.iscomplex,
    np.isin,
)

# positions and counts
plain(
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort, np.argwhere, np.nonzero,
    np.flatnonzero, np.searchsorted, np.digitize, np.count_nonzero, np.diag_indices_from, np.tril_indices_from,
    np.triu_indices_from, np.ix_, np.unravel_index, np.ravel_multi_index, np.packbits, np.unpackbits,
)

# memory, text and files
plain(
    np.may_share_memory, np.shares_memory, np.array2string, np.array_repr, np.array_str, np.save, np.savez,
    np.savez_compressed, np.savetxt,
)


@implements(np.size)
def size_of(a: Any, axis: Any = None) -> int:
    if axis is None:
        return size(a)
    n = 1
    for k in axis if isinstance(axis, tuple) else (axis,):
        n *= shape(a)[k]
    return n


# Arrays in the image of a traced one stay in the trace, so that traced values can be stored into them.
image_p = flat("image", lambda x, function, options: function(x, **options))


def _image(function: Any) -> Any:
    def handler(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None) -> Any:
        options = {"dtype": dtype, "order": order, "shape": shape}
        if (dtype is not None and not is_inexact(dtype)) or not is_traced(a):
            return function(value(a), **options)
        return image_p(a, function=function, options=options)

    return implements(function)(handler)


zeros_like, ones_like, empty_like = _image(np.zeros_like), _image(np.ones_like), _image(np.empty_like)


@implements(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    fill = pack(fill_value)
    if dtype is not None and not is_inexact(dtype):
        return np.full_like(value(a), value(fill), dtype=dtype, shape=shape)
    base = zeros_like(a, dtype, order, subok, shape) if is_traced(a) else np.zeros_like(a, dtype, shape=shape)
    if not is_traced(fill):
        return image_p(a, function=np.full_like, options={"fill_value": fill, "dtype": dtype, "order": order, "shape": shape})
    fill = fill if fill.dtype == base.dtype else fill.astype(base.dtype)
    return np.copy(np.broadcast_to(fill, base.shape))


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", **axis: Any) -> Any:
    filt = pack(filt)
    places = np.arange(1, size(filt) + 1).reshape(shape(filt))
    kept = np.trim_zeros(np.where(value(filt) != 0, places, 0), trim, **axis)
    if kept.shape == shape(filt) or not kept.size:
        return filt if kept.size else filt[:0]
    corner = np.argwhere(value(filt) != 0).min(axis=0) if "f" in trim.lower() else np.zeros(kept.ndim, int)
    return filt[tuple(slice(int(k), int(k) + n) for k, n in zip(corner, kept.shape, strict=True))]
