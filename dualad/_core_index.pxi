# Indexing, stores, views, and arrays made of traced scalars.

cdef object _floor = __import__("math").floor
cdef object _ceil = __import__("math").ceil
cdef object _trunc = __import__("math").trunc


cdef object frozen_index(object index):
    """The index with everything that the caller could overwrite copied."""
    if isinstance(index, slice):
        return plain_slice(index) if programming() else index
    if PyLong_CheckExact(index) or index is None or index is Ellipsis:
        return index
    if isinstance(index, tuple):
        return tuple([frozen_index(i) for i in index])
    if type(index) is Recorded:
        return index
    if isinstance(index, (ndarray, list)):
        index = pack(index)
        return own_copy(index) if type(index) is ndarray else np.array(index)
    return index


cdef object plain_slice(object s):
    """A slice of a recording with plain bounds, which the program guards."""
    return slice(*[_index(k) if type(k) is Recorded else k for k in (s.start, s.stop, s.step)])


cdef inline int64_t flat_offset(tuple shape, object index):
    """C-order offset of one element; -1 when `index` is not one integer an axis, or is out of bounds."""
    cdef int64_t offset = 0, i, n
    cdef Py_ssize_t k
    if PyLong_CheckExact(index):
        if len(shape) != 1:
            return -1
        i = index
        n = shape[0]
        i = i + n if i < 0 else i
        return i if 0 <= i < n else -1
    if type(index) is not tuple or len(<tuple>index) != len(shape):
        return -1
    for k in range(len(shape)):
        if not PyLong_CheckExact((<tuple>index)[k]):
            return -1
        i = (<tuple>index)[k]
        n = shape[k]
        i = i + n if i < 0 else i
        if not 0 <= i < n:
            return -1
        offset = offset * n + i
    return offset


cdef inline bint element(object a, object index, int64_t *offset, double *v, int *kind) except? 0:
    """True when `a[index]` is one float64 or float32 element of a native array."""
    cdef cnp.ndarray arr
    cdef int t
    cdef int64_t i
    offset[0] = 0
    v[0] = 0
    kind[0] = K_DOUBLE
    if not da_same_type(a, ndarray):
        return False
    arr = <cnp.ndarray>a
    t = cnp.PyArray_TYPE(arr)
    if (t != cnp.NPY_DOUBLE and t != cnp.NPY_FLOAT) or not cnp.PyArray_ISBEHAVED_RO(arr):
        return False
    if cnp.PyArray_NDIM(arr) == 1 and PyLong_CheckExact(index):
        i = index
        if i < 0:
            i += cnp.PyArray_DIM(arr, 0)
        if not 0 <= i < cnp.PyArray_DIM(arr, 0):
            return False
        offset[0] = i
        v[0] = (<double *>cnp.PyArray_GETPTR1(arr, i))[0] if t == cnp.NPY_DOUBLE else (<float *>cnp.PyArray_GETPTR1(arr, i))[0]
    else:
        offset[0] = flat_offset(a.shape, index)
        if offset[0] < 0:
            return False
        v[0] = a[index]
    kind[0] = K_DOUBLE if t == cnp.NPY_DOUBLE else K_SINGLE
    return True


cdef object get_item(object x, object index):
    """x[index] of a traced value."""
    cdef Var v
    cdef Dual d
    cdef int64_t offset
    cdef double a, b
    cdef int kind
    x = operand(x)
    if type(x) is Var:
        v = <Var>x
        if v.kind < K_OBJECT:
            return scalar_item(x, index)
        if element(<object>v.P, index, &offset, &a, &kind):
            check_tape(<Tape>v.T)
            return read_scalar(<Tape>v.T, v.node, offset, a, kind)
        return get_part(v, plain_index(index))
    d = <Dual>x
    if d.kind < K_OBJECT:
        return scalar_item(x, index)
    if da_same_type(<object>d.P, ndarray) and da_same_type(<object>d.T, ndarray):
        if element(<object>d.P, index, &offset, &a, &kind) and element(<object>d.T, index, &offset, &b, &kind):
            return new_dual(a, b, d.level, kind)
    index = plain_index(index)
    out = make_dual(d.level, (<object>d.P)[index], (<object>d.T)[index])
    set_view(out, x, None, index, is_basic(index))
    return out


cdef object plain_index(object index):
    """Traced index values (from `int(x)`-free code) as the plain ones; what may change is copied."""
    if isinstance(index, tuple):
        return tuple([plain_index(i) for i in index])
    return frozen_index(plain_value(index) if is_traced(index) else index)


cdef object scalar_item(object x, object index):
    """x[index] of a traced number: NumPy's are indexed as arrays without axes, Python's not at all."""
    v = plain_value(x)
    if not isinstance(v, generic):
        raise TypeError(f"'{type(v).__name__}' object is not subscriptable")
    v[bare(index)]  # raises as NumPy does
    return x if type(index) is tuple and not index else get_item(reshape(x, ()), index)


cpdef object number(object x):
    """A number, traced or not, as the Python number that NumPy's .item() gives."""
    cdef Record rec
    if type(x) is Dual:
        return make_dual((<Dual>x).level, number(dual_primal(<Dual>x)), number(dual_tangent(<Dual>x)))
    if type(x) is not Var:
        return x.item() if isinstance(x, generic) else x
    z = var_value(<Var>x)
    plain = number(z)
    if type(plain) is type(z):
        return x
    if z.dtype != np.dtype(type(plain)):
        return number(METHODS["astype"](x, type(plain)))
    check_tape(<Tape>(<Var>x).T)
    if (<Var>x).kind == K_DOUBLE:
        return new_var(<Tape>(<Var>x).T, (<Var>x).node, (<Var>x).p, K_FLOAT)
    rec = Record.__new__(Record)
    rec.kind = R_TABLE
    rec.op = DA_copy
    rec.by = BY_RULE
    rec.a = (<Var>x).node
    rec.b = -1
    rec.x = z
    rec.value = plain
    push_record(<Tape>(<Var>x).T, rec)
    return make_var(<Tape>(<Var>x).T, rec.node, plain)


cdef object get_part(Var v, object index):
    """A slice or gathered part, recorded."""
    cdef Tape tape = <Tape>v.T
    cdef Record rec
    z = (<object>v.P)[bare(index) if tape.program else index]
    rec = Record.__new__(Record)
    rec.memory = memory_of(z) if tape.program else None
    if v.version and type(z) is ndarray and cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>z):
        z = z.copy()  # leaves the buffer to the handle alone, so that the next store need not copy it
    check_tape(tape)
    rec.kind = R_GET
    rec.a = v.node
    rec.params = index
    rec.value = z
    push_record(tape, rec)
    out = make_var(tape, rec.node, z)
    set_view(out, v, None, index, is_basic(index))
    return out


cdef inline PyObject *owner_of(cnp.ndarray a) noexcept:
    """What owns the memory of an array."""
    cdef PyObject *o = <PyObject *>a
    while da_same_type(<object>o, ndarray) and cnp.PyArray_BASE(<cnp.ndarray>o) != NULL:
        o = cnp.PyArray_BASE(<cnp.ndarray>o)
    return o


cdef inline bint same_memory(cnp.ndarray a, object base) noexcept:
    """True when `a`, made of `base`, looks into its memory."""
    return cnp.PyArray_BASE(a) != NULL and type(base) is ndarray and owner_of(a) == owner_of(<cnp.ndarray>base)


cdef int set_view(object out, object base, object look, object params, bint sure) except -1:
    """Marks `out` as a view of `base` when that is sure, or their plain values share memory. `look` says how it was made: None by
    indexing, a number by that move, else by that primitive."""
    cdef object a
    if type(out) is Var:
        if (<Var>out).kind != K_OBJECT:
            return 0
    elif (<Dual>out).kind != K_OBJECT:
        return 0
    a = plain_value(out)
    if type(a) is not ndarray or not (sure or same_memory(<cnp.ndarray>a, plain_value(base))):
        return 0
    how = (look, params)
    Py_INCREF(how)
    Py_INCREF(base)
    if type(out) is Var:
        (<Var>out).base = <PyObject *>base
        (<Var>out).how = <PyObject *>how
        (<Var>out).base_version = version_of(base)
    else:
        (<Dual>out).base = <PyObject *>base
        (<Dual>out).how = <PyObject *>how
        (<Dual>out).base_version = version_of(base)
    return 0


cdef int mark_view(object out, tuple args, object prim, object params) except -1:
    if len(args) == 1 and is_traced(out):
        set_view(out, args[0], prim, params, False)
    return 0


cdef inline uint32_t version_of(object x):
    return (<Var>x).version if type(x) is Var else (<Dual>x).version


cdef object base_of(object x):
    cdef PyObject *b = (<Var>x).base if type(x) is Var else (<Dual>x).base
    return <object>b if b != NULL else None


cdef object how_of(object x):
    return <object>((<Var>x).how if type(x) is Var else (<Dual>x).how)


cdef uint32_t base_version_of(object x):
    return (<Var>x).base_version if type(x) is Var else (<Dual>x).base_version


cdef int refresh(object x) except -1:
    """A view whose base was stored into since looks again; bases first, without recursion."""
    cdef list chain = []
    cdef object v = x, base
    if (<Traced>x).seen == da_stores:
        return 0
    while base_of(v) is not None and (<Traced>v).seen != da_stores:
        chain.append(v)
        v = base_of(v)
    chain.reverse()
    for v in chain:
        (<Traced>v).seen = da_stores
        base = base_of(v)
        if version_of(base) != base_version_of(v):
            rebind(v, looked(base, how_of(v)))
            set_base_version(v, version_of(base))
    return 0


cdef object looked(object base, object how):
    """A view derived again."""
    look, params = how
    if look is None:
        return get_item(base, params)
    if type(look) is int:
        return carry(look, base, params, moved(look, plain_value(base), params))
    return bind(look, (base,), params)


cdef void set_base_version(object x, uint32_t version):
    if type(x) is Var:
        (<Var>x).base_version = version
    else:
        (<Dual>x).base_version = version


cdef void rebind(object x, object new):
    """Makes the handle `x` stand for the value of `new`, which nobody else holds."""
    da_traced_swap(x, new)
    if type(x) is Var:
        (<Var>x).version += 1
    else:
        (<Dual>x).version += 1


cdef object set_item(object x, object index, object new):
    """x[index] = new: recorded; the handle `x`, its base and its views follow."""
    x = operand(x)
    if not isinstance(plain_value(x), cnp.ndarray):
        raise TypeError(f"'{type(plain_value(x)).__name__}' object does not support item assignment")
    new = operand(foreign(new) if operable(new) else new)
    index = plain_index(index)
    rebind(x, stored(x, index, new, True))
    set_stores(da_stores + 1)
    base = base_of(x)
    if base is not None:
        Py_EnterRecursiveCall(" in a store through views of views")
        try:
            store_through(x, base)
        finally:
            Py_LeaveRecursiveCall()


cdef int store_through(object x, object base) except -1:
    """The base of a view takes over what was stored into the view."""
    cdef object places
    look, params = how_of(x)
    if look is None:
        set_item(base, params, fresh_copy(x))
    else:
        places = np.arange(plain_value(base).size).reshape(shape_of(base))
        places = moved(look, places, params) if type(look) is int else look.impl(places, **params)
        set_item(base, np.unravel_index(places, shape_of(base)), fresh_copy(x))
    set_base_version(x, version_of(base))
    (<Traced>x).seen = da_stores
    return 0


cdef inline bint sole_buffer(PyObject *a, Py_ssize_t holders):
    """True when an array owns its memory and has no other holders (records, views, handles) than those counted."""
    return (Py_REFCNT(a) == holders and da_same_type(<object>a, ndarray) and cnp.PyArray_ISWRITEABLE(<cnp.ndarray>a)
            and cnp.PyArray_BASE(<cnp.ndarray>a) == NULL)


cdef object stored(object x, object index, object new, bint mine):
    """`x` (plain or traced) with `new` stored at `index`. Where the caller gives up `x` (`mine`) and nothing else refers to its buffer,
    that is overwritten, so a loop of n stores costs O(n); else it is copied."""
    cdef int64_t level = max(level_of(x), level_of(new))
    cdef object vp = new, vt = 0.0, p, t
    if level >= 0:
        if level_of(new) == level:
            vp = dual_primal(<Dual>new)
            vt = dual_tangent(<Dual>new)
        if level_of(x) == level:
            p = stored_part((<Dual>x).P, index, vp, mine)
            t = stored_part((<Dual>x).T, index, vt, mine)
        else:
            t = stored(zeros_for(x), index, vt, False)
            p = stored(x, index, vp, False)
        return make_dual(level, p, t)
    if type(x) is Var or type(new) is Var:
        return stored_var(x, index, new, mine)
    z = x.copy()
    z[index] = new
    return z


cdef object stored_part(PyObject *part, object index, object new, bint mine):
    """The same for the primal or tangent of a Dual."""
    mine = mine and Py_REFCNT(part) == 1
    if mine and not is_traced(new) and sole_buffer(part, 1):
        (<object>part)[index] = new
        return <object>part
    return stored(<object>part, index, new, mine)


cdef object stored_var(object x, object index, object new, bint mine):
    """A store into or of a Var: recorded."""
    cdef Record rec, before
    cdef Tape tape = tape_of(x, new)
    cdef bint over = mine and type(x) is Var and sole_buffer((<Var>x).P, 2)
    if over:
        before = record_of(tape, (<Var>x).node)
        over = before.kind == R_SET or before.kind == R_INPUT
        if tape.program:  # what the program starts from must stay
            over = before.kind == R_SET and before.a >= 0
    z = plain_value(x)
    if not over:
        z = own_copy(z) if tape.program else z.copy()
    z[bare(index) if tape.program else index] = plain_value(new)
    if over:
        before.memory = memory_of(z)
        before.value = no_value(z)
    rec = Record.__new__(Record)
    rec.kind = R_SET
    rec.op = over
    rec.a = (<Var>x).node if type(x) is Var else -1
    rec.b = (<Var>new).node if type(new) is Var else -1
    rec.y = frozen(plain_value(new)) if tape.program and rec.b < 0 else plain_value(new)
    rec.params = index
    rec.value = z
    push_record(tape, rec)
    return make_var(tape, rec.node, z)


cdef object no_value(object z):
    """Shape and dtype of an array whose contents have been overwritten; NaN, so that a wrong use would show."""
    return np.broadcast_to(np.array(np.nan, dtype=z.dtype), shape_of(z))


cdef object fresh_copy(object x):
    """Another handle on the same value, not a view."""
    cdef Var v
    if programming() and type(x) is Recorded:
        return x
    x = operand(x)
    if type(x) is Var and (<Var>x).kind == K_OBJECT:
        return make_var(<Tape>(<Var>x).T, (<Var>x).node, <object>(<Var>x).P)
    if type(x) is Dual and (<Dual>x).kind == K_OBJECT:
        return make_dual((<Dual>x).level, <object>(<Dual>x).P, <object>(<Dual>x).T)
    return x


cdef object iterate(object x):
    cdef Py_ssize_t i
    v = plain_value(x)
    if not isinstance(v, ndarray):
        raise TypeError(f"'{type(v).__name__}' object is not iterable")
    if v.ndim == 0:
        raise TypeError("iteration over a 0-d array")
    return iter([get_item(x, i) for i in range(v.shape[0])])


# ---- arrays of traced scalars ----

cpdef object pack(object x):
    """Object arrays, lists and tuples that hold traced values become one traced array; anything else is returned unchanged."""
    cdef object e
    if type(x) is ndarray:
        if cnp.PyArray_TYPE(<cnp.ndarray>x) != cnp.NPY_OBJECT:
            return x
        e = pack_vars(<cnp.ndarray>x)
        if e is not None:
            return e
        flat = x.ravel().tolist()
        for e in flat:
            if is_traced(e):
                return pack_elements(flat, x.shape)
        return x
    if isinstance(x, (list, tuple)) and holds_traced(x):
        return pack_list(x)
    return x


cpdef object array_operand(object x):
    """An argument as NumPy reads it: traced values as they are, lists and object arrays of them packed, the rest as arrays."""
    x = operand(x)
    return x if type(x) is ndarray or is_traced(x) else np.asarray(x)


cpdef object floating_operand(object x):
    """The same, with plain integers and booleans as float64 (what LAPACK wrappers compute in)."""
    x = array_operand(x)
    return x.astype(float64) if type(x) is ndarray and not is_inexact(x) and x.dtype.kind in "iub" else x


cdef object pack_vars(cnp.ndarray x):
    """A contiguous object array of float64 scalar Vars of one tape as an array node; None when it holds anything else."""
    cdef Py_ssize_t k, n = cnp.PyArray_SIZE(x)
    cdef PyObject **items = <PyObject **>cnp.PyArray_DATA(x)
    cdef cnp.ndarray nodes, values
    cdef int64_t *to
    cdef double *v
    cdef Var e
    cdef Record rec
    if n == 0 or not cnp.PyArray_ISCARRAY_RO(x) or type(<object>items[0]) is not Var:
        return None
    tape = (<Var>items[0]).T
    nodes = np.empty(n, dtype=np.int64)
    values = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), cnp.NPY_DOUBLE, 0)
    to = <int64_t *>cnp.PyArray_DATA(nodes)
    v = <double *>cnp.PyArray_DATA(values)
    for k in range(n):
        if type(<object>items[k]) is not Var:
            return None
        e = <Var>items[k]
        if e.kind >= K_OBJECT or e.kind == K_SINGLE or e.T != tape:
            return None
        to[k] = e.node
        v[k] = e.p
    check_tape(<Tape>tape)
    rec = Record.__new__(Record)
    rec.kind = R_PACK
    rec.nodes = nodes
    rec.value = values
    push_record(<Tape>tape, rec)
    return array_handle(<Tape>tape, rec)


cdef bint holds_traced(object x):
    cdef object e
    for e in x:
        if is_traced(e) or (isinstance(e, (list, tuple)) and holds_traced(e)):
            return True
        if type(e) is ndarray and cnp.PyArray_TYPE(<cnp.ndarray>e) == cnp.NPY_OBJECT and is_traced(pack(e)):
            return True
    return False


cdef object pack_list(object x):
    """A (nested) list as one array."""
    cdef list items
    if not holds_traced(x):
        return np.asarray(x)
    items = [pack_list(e) if isinstance(e, (list, tuple)) else operand(e) for e in x]
    shape = shape_of(items[0])
    for e in items:
        if shape_of(e) != shape:
            raise ValueError(f"setting an array element with a sequence. The elements have inhomogeneous shapes {shape} and {shape_of(e)}")
    if shape == ():
        return pack_elements(items, (len(items),))
    return call_function(np.stack, (items,), {})


cdef object pack_elements(list flat, tuple shape):
    """Scalars (plain or traced) as one array of `shape`."""
    cdef int64_t level = -1
    cdef bint var = False
    cdef object e
    flat = [as_scalar_node(operand(e)) for e in flat]
    for e in flat:
        if type(e) is Dual:
            level = max(level, (<Dual>e).level)
        elif type(e) is Var:
            var = True
    if level >= 0:
        return make_dual(level, pack_elements([dual_primal(<Dual>e) if level_of(e) == level else e for e in flat], shape),
                         pack_elements([dual_tangent(<Dual>e) if level_of(e) == level else zeros_for(e) for e in flat], shape))
    if not var:
        return np.array(flat).reshape(shape)
    if any([len(shape_of(e)) for e in flat]):
        return call_function(np.stack, (flat,), {}).reshape(shape + shape_of(flat[0]))
    return pack_scalars(flat, shape)


cdef object pack_scalars(list flat, tuple shape):
    """One array node that gathers scalar nodes; complex ones go through the general primitive."""
    cdef Py_ssize_t k, n = len(flat)
    cdef cnp.ndarray nodes = np.full(n, -1, dtype=np.int64)
    cdef int64_t *to = <int64_t *>cnp.PyArray_DATA(nodes)
    cdef Tape tape = None
    cdef Record rec
    cdef object e
    cdef list plain = []
    for k in range(n):
        e = flat[k]
        if type(e) is Var:
            if (<Var>e).kind == K_OBJECT:
                return bind(GATHER, tuple(flat), {"shape": shape})
            if tape is None or <PyObject *>tape != (<Var>e).T:
                tape = <Tape>(<Var>e).T
                check_tape(tape)
            to[k] = (<Var>e).node
            plain.append(var_value(<Var>e))
        else:
            plain.append(e)
    z = np.array(plain).reshape(shape)
    if z.dtype.kind == "c":
        return bind(GATHER, tuple(flat), {"shape": shape})
    rec = Record.__new__(Record)
    rec.kind = R_PACK
    rec.nodes = nodes
    rec.value = z
    push_record(tape, rec)
    return make_var(tape, rec.node, z)


def _gather(*args, shape):
    """The general form of pack_scalars: scalars of any type into one array."""
    return np.array(args).reshape(shape)


def _gather_jvp(i, t, ans, *args, shape):
    parts = [np.zeros(shape_of(t)) if k != i else t for k in range(len(args))]
    out = call_function(np.stack, (parts,), {"axis": -1})
    return reshape(out, shape_of(t) + shape)


def _gather_vjp(i, g, ans, *args, shape):
    return g[(Ellipsis,) + tuple([int(k) for k in np.unravel_index(i, shape)])]


cdef Primitive GATHER = Primitive("array", _gather, _gather_jvp, _gather_vjp)
