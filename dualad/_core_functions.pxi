# NumPy functions whose handlers are compiled, because their plain calls do little more than to be recorded.

cdef object plain_concatenate = getattr(np.concatenate, "_implementation", np.concatenate)
cdef dict _along = {}    # axis -> Along


@cython.final
cdef class Along:
    """Concatenation of plain arrays along an axis counted from the end, and its primitive's parameters, which all calls share."""
    cdef object axis
    cdef dict params

    def __init__(self, axis):
        self.axis = axis
        self.params = {"axis": axis}

    def __call__(self, *arrays):
        return plain_concatenate(arrays, self.axis)


cdef Along along(object axis):
    cdef Along how = _along.get(axis) if PyLong_CheckExact(axis) else None
    if how is None:
        how = Along(axis)
        if PyLong_CheckExact(axis) and len(_along) < 64:
            _along[axis] = how
    return how


cdef tuple array_operands(object arrays):
    """The arrays of a list as NumPy reads them."""
    cdef tuple given = as_operands(arrays if type(arrays) is tuple else tuple(arrays))
    cdef object x
    for x in given:
        if not (type(x) is ndarray or is_traced(x)):
            return tuple([array_operand(x) for x in given])
    return given


def joining(Primitive prim):
    """The handler of np.concatenate as a call of `prim`, which is given the axis counted from the end."""

    def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
        cdef tuple parts = array_operands(arrays)
        cdef Along how
        if axis is None:
            parts = tuple([reshape(x, -1) for x in parts])
            axis = -1
        elif parts and ndim_of(parts[0]):
            axis = neg_axis(axis, ndim_of(parts[0]))
        how = along(axis)
        if dtype is not None:
            return bind(prim, parts, cast_to(how.params, dtype, casting))
        return apply_primitive(prim, parts, how.params, how)

    return concatenate


def stacking(Primitive prim):
    """The handler of np.stack as a call of `prim`."""

    def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
        cdef tuple parts = array_operands(arrays)
        cdef Along how = along(neg_axis(axis, ndim_of(parts[0]) + 1) if parts else axis)
        return bind(prim, parts, how.params if dtype is None else cast_to(how.params, dtype, casting))

    return stack


cdef dict cast_to(dict params, object dtype, object casting):
    """The parameters of a function that joins arrays in another dtype."""
    return {**params, "kind": np.dtype(dtype), "casting": casting}


def concatenate_arrays(*arrays, axis, kind=None, casting="same_kind"):
    """np.concatenate of plain arrays."""
    return plain_concatenate(arrays, axis) if kind is None else np.concatenate(arrays, axis, dtype=kind, casting=casting)


def stack_arrays(*arrays, Py_ssize_t axis, kind=None, casting="same_kind"):
    """np.stack of plain arrays along an axis counted from the end."""
    cdef list parts = []
    cdef tuple shape = None, to = None
    cdef Py_ssize_t at
    for x in arrays:
        if kind is not None or type(x) is not ndarray or shape is not None and shape != x.shape:
            return np.stack(arrays, axis, dtype=kind, casting=casting)
        if shape is None:
            shape = x.shape
            at = len(shape) + 1 + axis
            to = shape[:at] + (1,) + shape[at:]
        parts.append(x.reshape(to))
    return plain_concatenate(parts, axis)


cdef object _whole = slice(None)
cdef object _back = slice(None, None, -1)
cdef object _normal_axes = __import__("numpy.lib.array_utils", fromlist=["array_utils"]).normalize_axis_tuple


def flip(m, axis=None):
    """np.flip: a view."""
    cdef Py_ssize_t n
    cdef object axes
    m = array_operand(m)
    n = ndim_of(m)
    if n == 1 and axis is None:
        return m[_back]
    axes = range(n) if axis is None else _normal_axes(axis, n)
    return m[tuple([_back if k in axes else _whole for k in range(n)])] if n else m


def einsumming(Primitive prim, object shortcut, object general):
    """The handler of np.einsum as a call of `prim`. `shortcut` computes the value where there are no options; the others go to
    `general`."""
    cdef dict usual = {}    # subscripts -> parameters, function of the arrays

    def einsum(*operands, **kwargs):
        cdef object text = operands[0] if operands else None
        cdef tuple known
        if kwargs or type(text) is not str:
            return general(*operands, **kwargs)
        known = usual.get(text)
        if known is None:
            if len(usual) >= 512:
                usual.clear()
            known = usual[text] = ({"text": text, "options": NO_KWARGS}, _partial(shortcut, text))
        return apply_primitive(prim, operands[1:], <dict>known[0], known[1])

    return einsum


cdef object _partial = __import__("functools").partial


def sorted_copy(x):
    """np.sort of a plain array along its last axis."""
    if type(x) is not ndarray:
        return np.sort(x)
    cdef cnp.ndarray out = cnp.PyArray_NewCopy(<cnp.ndarray>x, cnp.NPY_KEEPORDER)
    out.sort()
    return out
