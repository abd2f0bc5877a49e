# What the machine needs to find its numbers, arrays and operands, and to hand results over.

cdef void *allocated(Py_ssize_t n, size_t size) except NULL:
    cdef void *p = calloc(max(n, 1), size)
    if p == NULL:
        raise MemoryError("no memory for the program")
    return p


cdef inline bint same_kind(const Leaf *leaf, cnp.ndarray a) noexcept:
    """Whether the array has the leaf's type and shape."""
    cdef int d
    if cnp.PyArray_TYPE(a) != leaf.typenum or cnp.PyArray_NDIM(a) != leaf.ndim:
        return False
    for d in range(leaf.ndim):
        if cnp.PyArray_DIM(a, d) != leaf.dims[d] != ANY_LENGTH:
            return False
    return True


cdef inline size_t rounded(size_t n) noexcept nogil:
    return (n + 63) // 64 * 64


cdef bint elementwise(dict parts) except -1:
    """Whether a program is one pass, after work on numbers, over arrays that lie alike."""
    kinds = [kind for kind, _, _ in parts["steps"]]
    if not kinds or kinds.pop() != "region" or set(kinds) - {"groups"}:
        return False
    region = parts["regions"][0]
    codes = region.micros["code"]
    moves = region.operands[region.micros["operand"][(codes == DA_L_LOAD) | (codes == DA_L_STORE)]]
    return (len(region.shape) == 1 and len(region.reductions) == 0
            and bool(np.all((moves["stride"][:, 0] == 1) & (moves["offset"] == 0) & (moves["index_buffer"] < 0))))


cdef int set_spot(Spot *s, object place) except -1:
    s.buffer = -1 if place.buffer is None else place.buffer
    s.offset = place.offset
    s.value = place.value
    s.type = place.type
    return 0


cdef inline double spot_value(Workspace w, const Spot *s) noexcept:
    if s.buffer < 0:
        return s.value
    cdef void *at = w.spans[s.buffer].data
    if s.type == DA_T_F64:
        return (<double *>at)[s.offset]
    if s.type == DA_T_F32:
        return (<float *>at)[s.offset]
    if s.type == DA_T_BOOL:
        return (<uint8_t *>at)[s.offset]
    return <double>((<int64_t *>at)[s.offset]) if s.type == DA_T_I64 else (<int32_t *>at)[s.offset]


cdef double spot_at(Workspace w, object place):
    cdef Spot s
    set_spot(&s, place)
    return spot_value(w, &s)


cdef int set_leaf(Leaf *leaf, int where, object what, object shape) except -1:
    cdef Py_ssize_t d
    leaf.where = where
    if shape is None:
        return 0
    leaf.typenum = np.dtype(what).num
    leaf.ndim = len(shape)
    leaf.dims = <int64_t *>allocated(leaf.ndim, sizeof(int64_t))
    for d in range(leaf.ndim):
        leaf.dims[d] = shape[d]
    return 0


cdef object boxed(object kind, double v):
    """A scalar result as the number that Python had."""
    return kind(v != 0) if kind is bool or kind is np.bool_ else kind(v)


cdef object boxed_item(object kind, object a):
    """A 0-d array result as the number that Python had."""
    return a[()] if issubclass(kind, np.generic) else kind(a.item())


cdef int formed(list operands, tuple forms) except -1:
    """Makes operands what they were in the function: see _programs/exact.py."""
    cdef Py_ssize_t k
    for k, form in enumerate(forms):
        if form is None:
            continue
        if isinstance(form, type):
            operands[k] = form(operands[k][()])
        elif form and type(form[len(form) - 1]) is tuple:
            operands[k] = operands[<Py_ssize_t>form[0]].transpose(form[1])
        else:
            operands[k] = laid_out(operands[k], form)
    return 0


cdef bint lies(cnp.ndarray x, object strides) except -1:
    """Whether an array lies in memory as an exact program wants it: in C order (None), or in the layout of these strides."""
    if strides is None:
        return cnp.PyArray_IS_C_CONTIGUOUS(x)
    return layout((<object>x).shape, (<object>x).strides, (<object>x).itemsize) == strides


cdef object filled(object tree, list operands):
    """The arguments of a call with arrays in place of the slots."""
    if type(tree) is Slot:
        return operands[tree.k]
    if type(tree) is dict:
        return {k: filled(v, operands) for k, v in tree.items()}
    if isinstance(tree, (tuple, list)):
        parts = [filled(e, operands) for e in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree
