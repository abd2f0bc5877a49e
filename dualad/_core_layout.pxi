# How arrays lie in memory. BLAS and NumPy's loops add up in an order that follows it, so the last bit of a result does.

def layout(tuple shape, tuple strides, Py_ssize_t itemsize):
    """Strides, in bytes, of an array that NumPy and BLAS walk through in the same way as one with these: it may have smaller gaps."""
    cdef Py_ssize_t k, s, span = 0, room = 0, unit = 0
    cdef list out = list(strides)
    for k in sorted([k for k in range(len(shape)) if strides[k]], key=[abs(s) for s in strides].__getitem__):
        s = abs(strides[k])
        if s % itemsize or s < span:    # between elements, or elements that overlap: as it is
            return strides
        if not unit:
            out[k] = unit = itemsize if s == itemsize else 2 * itemsize
        else:
            out[k] = room if s == span else room + unit
        span = s * <Py_ssize_t>shape[k]
        room = <Py_ssize_t>out[k] * <Py_ssize_t>shape[k]
        if strides[k] < 0:
            out[k] = -out[k]
    return tuple(out)


def laid_out(x, tuple strides):
    """A copy of an array with given strides."""
    cdef Py_ssize_t n, s, start = 0, stop = x.itemsize
    if not x.size:
        return x.copy()
    for n, s in zip(x.shape, strides):
        if s < 0:
            start -= (n - 1) * s
        else:
            stop += (n - 1) * s
    out = ndarray(x.shape, x.dtype, np.empty(start + stop, np.uint8), start, strides)
    out[...] = x
    return out


cdef object memory_of(object x):
    """(strides, address) of an array; None for anything else."""
    return (x.strides, <size_t>cnp.PyArray_DATA(<cnp.ndarray>x)) if type(x) is ndarray else None
