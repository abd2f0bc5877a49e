# Moves: linear operations that rearrange, repeat or add up elements. The adjoint of a move is a move; so is what a tangent does.
# With seeds travelling together, the seed axis is one more axis in front.

cdef enum:
    M_RESHAPE = 0     # how: the new shape
    M_TRANSPOSE = 1   # how: the axes, counted from the end
    M_SPREAD = 2      # how: the shape it is broadcast to
    M_SUM = 3         # how: the summed axes, counted from the end, ascending; None for all
    M_SUM_KEPT = 4    # the same, with the summed axes kept as axes of length one

cdef object _index = _operator.index
cdef object add_reduce = np.add.reduce
cdef tuple BACKWARDS = tuple([tuple(range(-1, -n - 1, -1)) for n in range(65)])    # by number of axes: the axes of x.T


cdef object carry(int move, object x, object how, object z):
    """Records a move of a traced `x` whose moved plain value is `z`."""
    cdef Tape tape
    cdef Record rec
    if type(x) is Dual:
        t = moved(move, dual_tangent(<Dual>x), how)
        p = dual_primal(<Dual>x)
        out = make_dual((<Dual>x).level, carry(move, p, how, z) if is_traced(p) else z, t)
    else:
        tape = <Tape>(<Var>x).T
        check_tape(tape)
        rec = Record.__new__(Record)
        rec.kind = R_MOVE
        rec.op = move
        rec.a = (<Var>x).node
        rec.params = how
        rec.value = z
        push_record(tape, rec)
        out = make_var(tape, rec.node, z)
    if move <= M_SPREAD and (<Traced>x).kind == K_OBJECT:
        set_view(out, x, move, how, move != M_RESHAPE)
    return out


cdef object moved(int move, object x, object how):
    """A tangent or cotangent after a move: of plain ones the caller's own array, except where they only look different."""
    if is_traced(x):
        return carry(move, x, how, moved(move, plain_value(x), how))
    if type(x) is not ndarray:
        if programming() and type(x) is Recorded:
            return moved(move, detached(x), how)
        x = np.asarray(x)
    if move == M_RESHAPE:
        return x.reshape(how)
    if move == M_TRANSPOSE:
        return x.transpose(how)
    if move == M_SPREAD:
        return filled(<cnp.ndarray>x, how)
    return summed(x, how, move == M_SUM_KEPT)


cdef object filled(cnp.ndarray x, tuple shape):
    """`x` broadcast to a shape, as a fresh array."""
    cdef cnp.npy_intp dims[64]
    cdef int k, n = <int>len(shape)
    cdef cnp.ndarray out
    for k in range(n):
        dims[k] = shape[k]
    out = cnp.PyArray_EMPTY(n, dims, cnp.PyArray_TYPE(x), 0)
    cnp.PyArray_CopyInto(out, x)
    return out


cdef object summed(object x, object how, bint kept):
    """A sum that has no warnings to report: of everything by NumPy's own loop called directly."""
    cdef double total = 0
    if how is None and not kept and float_type(x) == cnp.NPY_DOUBLE:
        run_loop(LOOP_D[DA_add], LOOP_D_DATA[DA_add], 2, cnp.PyArray_SIZE(<cnp.ndarray>x), <char *>&total, 0,
                 cnp.PyArray_BYTES(<cnp.ndarray>x), 8, <char *>&total, 0)
        return float64(total)
    if type(how) is tuple and float_type(x) == cnp.NPY_DOUBLE:
        z = rows_summed(<cnp.ndarray>x, <tuple>how, kept)
        if z is not None:
            return z
    with quiet():
        return add_reduce(x, how, None, None, kept)


cdef object rows_summed(cnp.ndarray x, tuple how, bint kept):
    """The sum of a contiguous float64 array over its first axes, row by row as in NumPy; None for other axes or very short rows."""
    cdef int k, n = cnp.PyArray_NDIM(x), m = <int>len(how)
    cdef cnp.npy_intp rows = 1, length = 1, r
    cdef cnp.ndarray out
    cdef char *row = cnp.PyArray_BYTES(x)
    for k in range(m):
        if <int>how[k] != k - n:
            return None
    for k in range(n):
        rows *= cnp.PyArray_DIM(x, k) if k < m else 1
        length *= 1 if k < m else cnp.PyArray_DIM(x, k)
    if m == n or kept or length < 8 and rows > 16:
        return None
    out = cnp.PyArray_ZEROS(n - m, cnp.PyArray_DIMS(x) + m, cnp.NPY_DOUBLE, 0)
    for r in range(rows):
        run_loop(LOOP_D[DA_add], LOOP_D_DATA[DA_add], 2, length, cnp.PyArray_BYTES(out), 8, row + r * length * 8, 8,
                 cnp.PyArray_BYTES(out), 8)
    return out


cdef object move_tangent(int move, object t, object how, Py_ssize_t axes, Py_ssize_t lanes):
    """What a move of an operand with so many axes does to its tangents for `lanes` seeds."""
    cdef tuple shape
    if move == M_TRANSPOSE:
        return moved(move, t, (-1 - len(how),) + how)
    if move >= M_SUM:
        return moved(move, t, tuple(range(-axes, 0)) if how is None else how)
    if move == M_SPREAD:
        shape = shape_of(t)
        t = moved(M_RESHAPE, t, (lanes,) + (1,) * (len(how) - axes) + shape[1:])
    return moved(move, t, (lanes,) + how)


cdef object move_back(int move, object g, object how, tuple shape, Py_ssize_t lanes):
    """The cotangent of a moved operand of `shape`, from that of the result."""
    cdef tuple lead = (lanes,) if lanes else ()
    if move == M_RESHAPE:
        return moved(move, g, lead + shape)
    if move == M_TRANSPOSE:
        return moved(move, g, ((-1 - len(how),) if lanes else ()) + inverse_axes(how))
    if move == M_SPREAD:
        return sum_to(g, shape, lanes > 0)
    if shape_of(g) != lead:
        g = moved(M_RESHAPE, g, lead + kept_shape(shape, how))
    elif lanes:
        g = moved(M_RESHAPE, g, lead + (1,) * len(shape))
    return moved(M_SPREAD, g, lead + shape)


cdef tuple inverse_axes(tuple axes):
    """The transposition that undoes another one."""
    cdef Py_ssize_t k, n = len(axes)
    cdef list out
    if n <= 2 or axes == BACKWARDS[n]:
        return axes
    out = [0] * n
    for k in range(n):
        out[<Py_ssize_t>axes[k] + n] = k - n
    return tuple(out)


cdef tuple kept_shape(tuple shape, object how):
    """A shape with the summed axes of length one."""
    cdef list out = [1] * len(shape) if how is None else list(shape)
    if how is not None:
        for k in how:
            out[<Py_ssize_t>k + len(out)] = 1
    return tuple(out)


# ---- the moves as NumPy's functions ----

cdef inline object array_of(object x):
    """The plain array of an operand."""
    cdef object v = plain_value(x)
    return v if type(v) is ndarray else np.asarray(v)


cpdef object reshape(object x, object shape):
    """`x` in another shape, in C order; one entry may be -1."""
    cdef object z
    if type(x) is ndarray:
        return x.reshape(shape)
    x = operand(x)
    z = array_of(x).reshape(shape)
    return carry(M_RESHAPE, x, z.shape, z) if is_traced(x) else z


cdef object reshape_as(object x, object shape, object order, object copy):
    """The same in any order, as NumPy's function and method have it."""
    cdef object v
    if order == "C" and copy is None:
        return reshape(x, shape)
    x = operand(x)
    v = array_of(x)
    shape = v.reshape(shape, order=order).shape if copy is None else np.reshape(v, shape, order, copy=copy).shape
    if order in ("F", "f") or order in ("A", "a") and v.flags.fnc:
        x = transpose(reshape(transpose(x), shape[::-1]))
    else:
        x = reshape(x, shape)
    return METHODS["copy"](x) if copy else x


def np_reshape(a, /, shape, order="C", *, copy=None):
    """np.reshape."""
    return reshape_as(a, shape, order, copy)


def reshape_method(a, *shape, order="C", copy=None):
    """ndarray.reshape."""
    return reshape_as(a, shape[0] if len(shape) == 1 else shape, order, copy)


cpdef object transpose(object a, object axes=None):
    """np.transpose."""
    cdef object z
    a = operand(a)
    z = array_of(a).transpose(axes)
    if not is_traced(a):
        return z
    return carry(M_TRANSPOSE, a, BACKWARDS[z.ndim] if axes is None else axes_from_end(axes, z.ndim), z)


def transpose_method(a, *axes):
    """ndarray.transpose."""
    return transpose(a, None if not axes else axes[0] if len(axes) == 1 else axes)


cpdef object swapaxes(object a, object axis1, object axis2):
    """np.swapaxes."""
    cdef Py_ssize_t k, n
    a = operand(a)
    z = array_of(a).swapaxes(axis1, axis2)
    if not is_traced(a):
        return z
    n = ndim_of(z)
    axis1 = neg_axis(axis1, n)
    axis2 = neg_axis(axis2, n)
    return carry(M_TRANSPOSE, a, tuple([axis2 if k == axis1 else axis1 if k == axis2 else k for k in range(-n, 0)]), z)


cdef tuple axes_from_end(object axes, Py_ssize_t n):
    """Checked axes as negative numbers, which name the same axes when a seed axis stands in front."""
    if not isinstance(axes, (tuple, list)):
        axes = (axes,)
    return tuple([k if k < 0 else k - n for k in map(_index, axes)])


def broadcast_to(array, shape, subok=False):
    """np.broadcast_to."""
    cdef object x = operand(array)
    cdef tuple to = tuple(shape) if isinstance(shape, (tuple, list)) else (_index(shape),)
    return carry(M_SPREAD, x, to, repeated(<cnp.ndarray>array_of(x), to)) if is_traced(x) else np.broadcast_to(x, to, subok)


cdef object repeated(cnp.ndarray x, tuple shape):
    """np.broadcast_to of the array of a traced value: a read-only view."""
    cdef cnp.npy_intp dims[64]
    cdef cnp.npy_intp strides[64]
    cdef int k, n = <int>len(shape), extra = n - cnp.PyArray_NDIM(x)
    if extra < 0:
        return np.broadcast_to(x, shape)  # raises
    for k in range(n):
        dims[k] = shape[k]
        strides[k] = 0
        if k >= extra and dims[k] == cnp.PyArray_DIM(x, k - extra):
            strides[k] = cnp.PyArray_STRIDE(x, k - extra)
        elif dims[k] < 0 or k >= extra and cnp.PyArray_DIM(x, k - extra) != 1:
            return np.broadcast_to(x, shape)  # raises
    return da_strided(x, n, dims, strides)


cpdef object spread(object x, tuple shape):
    """`x` repeated to a shape; a plain one as a fresh array unless it has that shape."""
    return x if shape_of(x) == shape else moved(M_SPREAD, x, shape)


cpdef object add_up(object x, object axis, bint keepdims):
    """The sum of a value along one axis, several or all (None)."""
    cdef object z, how = None
    cdef Py_ssize_t n
    x = operand(x)
    if is_traced(x) and (<Traced>x).kind < K_OBJECT and axis is None:
        return unary(DA_pos, x, BY_UFUNC)
    v = plain_value(x)
    z = add_reduce(v, axis, None, None, keepdims)
    if not is_traced(x):
        return z
    if axis is not None:
        n = len(shape_of(v))
        how = (axis if axis < 0 else axis - n,) if type(axis) is int else tuple(sorted(axes_from_end(axis, n)))
    return carry(M_SUM_KEPT if keepdims else M_SUM, x, how, z)


def quotient_mean(x, axis, bint keepdims):
    """The mean of a traced real array along one axis or all, which NumPy computes as the sum divided by the number of elements;
    None where it does otherwise."""
    cdef int64_t n
    cdef object v
    x = operand(x)
    v = plain_value(x)
    if not is_traced(x) or type(v) is not ndarray or cnp.PyArray_TYPE(<cnp.ndarray>v) not in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT):
        return None
    if axis is None:
        n = cnp.PyArray_SIZE(<cnp.ndarray>v)
    elif type(axis) is int and -v.ndim <= axis < v.ndim:
        n = v.shape[axis]
    else:
        return None
    if not 0 < n < 1 << 24:
        return None
    return binary(DA_div, add_up(x, axis, keepdims), n, BY_OPERATOR)


cpdef object sum_to(object g, tuple shape, bint lead):
    """Sums a cotangent over the axes along which an operand of `shape` was broadcast; `lead`: behind its seed axis."""
    cdef tuple have = shape_of(g)
    cdef Py_ssize_t extra = len(have) - len(shape) - lead, k
    cdef list axes
    if len(have) == len(shape) + lead and have[lead:] == shape:
        return g
    axes = list(range(-len(have) + lead, -len(shape)))
    axes.extend([k - len(shape) for k in range(len(shape)) if shape[k] == 1 and have[lead + extra + k] != 1])
    return moved(M_RESHAPE, moved(M_SUM, g, tuple(axes)), have[:lead] + shape)
