# The numeric reverse sweep: scalar nodes in C, array records with their rules. Adjoints are freed as soon as they are used.

cdef object conj(object p):
    return np.conjugate(p) if is_complex(plain_value(p)) else p


cdef tuple with_lead(object index, bint ellipsis_end):
    """The index behind a leading seed axis; at the front, or (for advanced indexing) the seed axis at the end."""
    cdef tuple full = index if isinstance(index, tuple) else (index,)
    if not ellipsis_end:
        return (slice(None),) + full
    return full + (slice(None),) if any([i is Ellipsis for i in full]) else full


cdef bint is_basic(object index):
    """True for slices, integers, None and Ellipsis: no element can occur twice."""
    if isinstance(index, slice) or PyLong_CheckExact(index):
        return True
    if isinstance(index, tuple):
        return all([is_basic(i) for i in index])
    return index is None or index is Ellipsis or isinstance(index, (slice, int, np_integer)) and not isinstance(index, (bool, np_bool))


cdef object take_lead(object x, object index, bint lead):
    """x[index], behind a leading seed axis if there is one."""
    if not is_traced(x) and programming() and whole_index(index):
        return operand(record_call(_take_lead, (x, index, lead), {}))
    if not lead:
        return x[index]
    if is_basic(index):
        return x[with_lead(index, False)]
    moved = call_function(np.moveaxis, (x, 0, -1), {}) if is_traced(x) else np.moveaxis(x, 0, -1)
    moved = moved[with_lead(index, True)]
    return call_function(np.moveaxis, (moved, -1, 0), {}) if is_traced(moved) else np.moveaxis(moved, -1, 0)


def _take_lead(x, index, lead):
    """The same of plain values."""
    return take_lead(x, index, lead)


cdef inline bint is_vector(object x) noexcept:
    """True for a one-dimensional float64 array that C can walk along in steps of whole elements."""
    return (da_same_type(x, ndarray) and cnp.PyArray_NDIM(<cnp.ndarray>x) == 1
            and cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_DOUBLE and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>x) and cnp.PyArray_STRIDE(<cnp.ndarray>x, 0) % 8 == 0)


cdef bint add_into(object buffer, object g):
    """buffer += g for float64 arrays of one shape that are contiguous or vectors; False when it does not apply."""
    cdef double *to
    cdef double *more
    cdef Py_ssize_t i, s, t
    if is_vector(buffer) and is_vector(g) and cnp.PyArray_DIM(<cnp.ndarray>buffer, 0) == cnp.PyArray_DIM(<cnp.ndarray>g, 0):
        to = <double *>cnp.PyArray_DATA(<cnp.ndarray>buffer)
        more = <double *>cnp.PyArray_DATA(<cnp.ndarray>g)
        s = cnp.PyArray_STRIDE(<cnp.ndarray>buffer, 0) // 8
        t = cnp.PyArray_STRIDE(<cnp.ndarray>g, 0) // 8
        for i in range(cnp.PyArray_DIM(<cnp.ndarray>g, 0)):
            to[i * s] += more[i * t]
        return True
    if float_type(buffer) != cnp.NPY_DOUBLE or float_type(g) != cnp.NPY_DOUBLE or not same_shape(<cnp.ndarray>buffer, <cnp.ndarray>g):
        return False
    to = <double *>cnp.PyArray_DATA(<cnp.ndarray>buffer)
    more = <double *>cnp.PyArray_DATA(<cnp.ndarray>g)
    for i in range(cnp.PyArray_SIZE(<cnp.ndarray>g)):
        to[i] += more[i]
    return True


cdef inline bint is_mask(object index):
    return isinstance(index, ndarray) and index.dtype.kind == "b"


cdef object winners(object index, tuple shape):
    """Where a store with repeated indices is the last one at its place, so that its value stays; None when all are."""
    cdef object places, order, last
    if is_basic(index) or is_mask(index):
        return None
    places = np.zeros(shape, dtype=np.intp)
    order = np.arange(1, places[index].size + 1).reshape(places[index].shape)
    places[index] = order
    last = places[index] == order
    return None if last.all() else last


cdef int add_at(object buffer, object index, object g, bint lead) except -1:
    """buffer[index] += g, with repeated indices added up."""
    cdef object part
    if is_basic(index):
        index = with_lead(index, False) if lead else index
        part = buffer[index]
        if isinstance(part, ndarray):
            np.add(part, g, out=part)
        else:
            buffer[index] = part + g
    elif lead:
        np.add.at(np.moveaxis(buffer, 0, -1), with_lead(index, True), np.moveaxis(g, 0, -1))
    else:
        np.add.at(buffer, index, g)
    return 0


@cython.final
cdef class Sweep:
    """The adjoints of one numeric reverse sweep over nodes lo..hi, for `lanes` seeds (0: one, without a seed axis)."""
    cdef Tape tape
    cdef node_t lo, hi
    cdef Py_ssize_t lanes, r0
    cdef da_adjoints adj       # of the scalar nodes
    cdef da_buffer *bufs
    cdef list arrays, owned
    cdef Hush hush

    def __cinit__(self, Tape tape, node_t hi, node_t lo, Py_ssize_t lanes):
        cdef Py_ssize_t n
        self.tape = tape
        self.lo = lo
        self.hi = hi
        self.lanes = lanes
        self.r0 = first_record(tape, lo)
        n = first_record(tape, hi + 1) - self.r0
        self.bufs = <da_buffer *>calloc(n + 1, sizeof(da_buffer))
        if self.bufs == NULL or da_adjoints_init(&self.adj, lo, hi, <int>(lanes if lanes else 1)):
            self.no_memory()
        self.hush = Hush.__new__(Hush)
        self.arrays = [None] * n
        self.owned = [False] * n

    def __dealloc__(self):
        da_adjoints_free(&self.adj)
        free(self.bufs)

    cdef int no_memory(self) except -1:
        raise MemoryError(f"no memory for the adjoints of {self.hi - self.lo + 1} nodes")

    cdef double *adjoint(self, node_t node) except NULL:
        """The adjoints of a scalar node, one a lane, to read or to add to."""
        cdef double *to = da_adjoint(&self.adj, node)
        if to == NULL:
            self.no_memory()
        return to

    cdef int give(self, node_t node, object g, bint owned) except -1:
        """Adds `g` to the adjoint of a node; `owned`: nothing else holds the array g."""
        cdef da_node *d
        cdef Py_ssize_t k
        cdef object have
        if node < self.lo:
            return 0
        d = da_tape_at(&self.tape.t, <uint32_t>node)
        if d.op != DA_ARRAY:
            return self.give_scalar(node, g)
        k = d.aux - self.r0
        have = self.arrays[k]
        if have is None:
            self.arrays[k] = g
            self.owned[k] = owned and type(g) is ndarray
        elif self.owned[k] and add_into(have, g):
            pass
        elif self.owned[k]:
            self.hush.now()
            np.add(have, g, out=have)
        else:
            self.hush.now()
            self.arrays[k] = np.add(have, g)
            self.owned[k] = type(self.arrays[k]) is ndarray
        return 0

    cdef int give_scalar(self, node_t node, object g) except -1:
        cdef Py_ssize_t k
        cdef double *to = self.adjoint(node)
        if is_complex(g):
            g = g.real
        if self.lanes == 0:
            to[0] += <double>(g if PyFloat_CheckExact(g) else float(g))
        else:
            for k in range(self.lanes):
                to[k] += <double>g[k]
        return 0

    cdef object buffer(self, node_t node):
        """The adjoint of an array node as an owned array that may be added into."""
        cdef Record rec = record_of(self.tape, node)
        cdef Py_ssize_t k = da_tape_at(&self.tape.t, <uint32_t>node).aux - self.r0
        cdef object have = self.arrays[k]
        if have is None:
            have = zeros_array(rec.value, self.lanes)
        elif not self.owned[k]:
            have = np.array(have)
        self.arrays[k] = have
        self.owned[k] = True
        return have

    cdef int open_buffer(self, node_t node) except -1:
        """Lets the C sweep add single elements to the adjoint of an array node: contiguous float64."""
        cdef Py_ssize_t k = da_tape_at(&self.tape.t, <uint32_t>node).aux - self.r0
        cdef object have = self.buffer(node)
        if float_type(have) != cnp.NPY_DOUBLE:
            have = np.array(have, dtype=float64, order="C")
            self.arrays[k] = have
        self.bufs[k].p = <double *>cnp.PyArray_DATA(<cnp.ndarray>have)
        self.bufs[k].size = cnp.PyArray_SIZE(<cnp.ndarray>have) // (self.lanes if self.lanes else 1)
        return 0

    cdef int run(self, node_t stop) except -1:
        """Sweeps down to node `stop`."""
        cdef int64_t i = self.hi
        cdef da_node *d
        while i >= stop:
            i = da_reverse(&self.tape.t, i, stop, &self.adj, self.bufs - self.r0)
            if i == DA_NO_MEMORY:
                self.no_memory()
            if i < stop:
                break
            d = da_tape_at(&self.tape.t, <uint32_t>i)
            if d.op == DA_ELEM:
                self.open_buffer(d.a)
                continue
            self.record(<Record>self.tape.records[d.aux], d.aux - self.r0)
            i -= 1
        return 0

    cdef int record(self, Record r, Py_ssize_t k) except -1:
        """Passes the adjoint of one array node on to its operands and frees it."""
        cdef object g = self.arrays[k], given = g, c
        if g is None:
            return 0
        self.arrays[k] = None
        self.bufs[k].p = NULL
        if r.kind != R_PRIMITIVE or r.prim.outputs == 1:
            if type(g) is ndarray and type(r.value) is ndarray:
                if cnp.PyArray_TYPE(<cnp.ndarray>g) != cnp.PyArray_TYPE(<cnp.ndarray>r.value):
                    g = match_dtype(g, r.value)
            else:
                g = match_dtype(g, r.value)
        if r.kind == R_TABLE:
            self.table(r, g)
        elif r.kind == R_GET:
            if r.a >= self.lo:
                self.spread(r, g)
        elif r.kind == R_MOVE:
            if r.a >= self.lo:
                c = move_back(r.op, g, r.params, node_shape(self.tape, r.a), self.lanes)
                self.give(r.a, c, r.op >= M_SUM or self.owned[k] or g is not given or r.op == M_SPREAD and c is not g)
        elif r.kind == R_PACK:
            self.unpack(r, g)
        elif r.kind == R_PRIMITIVE:
            self.primitive(r, g)
        elif r.kind == R_SET:
            self.store(r, g, self.owned[k] or g is not given)
        elif r.kind == R_OUTPUT:
            self.output(r, g)
        return 0

    cdef int spread(self, Record r, object g) except -1:
        """Adds into the part of the operand that was read."""
        cdef object buffer = self.buffer(r.a)
        if self.lanes == 0 and is_basic(r.params) and add_into(buffer[r.params], g):
            return 0
        self.hush.now()
        return add_at(buffer, r.params, g, self.lanes > 0)

    cdef int table(self, Record r, object g) except -1:
        cdef int arg
        cdef node_t node
        cdef object c, x
        for arg in range(OP_ARITY[r.op]):
            node = r.a if arg == 0 else r.b
            if node < self.lo:
                continue
            x = r.x if arg == 0 else r.y
            c = kernel_term(r.op, arg, r.x, r.y, r.value, g, self.lanes)
            if c is None:
                self.hush.now()
                p = partial(r.op, arg, r.x, r.y, r.value)
                if self.lanes and not PyFloat_CheckExact(p) and len(shape_of(p)) > len(shape_of(r.value)):
                    raise errors.RuleError("a partial has more axes than its result")
                gx = g
                if self.lanes and len(shape_of(g)) == 1 and len(shape_of(p)):
                    gx = g.reshape((self.lanes,) + (1,) * len(shape_of(p)))
                c = chain(gx, conj(p))
            c = sum_to(c, shape_of(x), self.lanes > 0)
            self.give(node, c, c is not g)
        return 0

    cdef int unpack(self, Record r, object g) except -1:
        cdef cnp.ndarray nodes = <cnp.ndarray>r.nodes
        cdef int64_t *to = <int64_t *>cnp.PyArray_DATA(nodes)
        cdef Py_ssize_t i, k, n = cnp.PyArray_SIZE(nodes), lanes = self.lanes if self.lanes else 1
        cdef cnp.ndarray flat = <cnp.ndarray>np.ascontiguousarray(g, dtype=float64)
        cdef double *p = <double *>cnp.PyArray_DATA(flat)
        cdef double *at
        for i in range(n):
            if to[i] >= self.lo:
                at = self.adjoint(to[i])
                for k in range(lanes):
                    at[k] += p[k * n + i]
        return 0

    cdef int store(self, Record r, object g, bint owned) except -1:
        """The stored value's adjoint is read off, the rest goes on in the same array: O(1) a store of one element."""
        cdef bint lead = self.lanes > 0
        self.hush.now()
        if r.b >= self.lo:
            part = take_lead(g, r.params, lead)
            last = winners(r.params, shape_of(r.value))
            if last is not None:
                part = np.where(last, part, 0)
            self.give(r.b, sum_to(part.copy() if isinstance(part, ndarray) else part, shape_of(r.y), lead), True)
        if r.a >= self.lo:
            g = g if owned else np.array(g)
            if not lead:
                g[r.params] = 0
            elif is_basic(r.params):
                g[with_lead(r.params, False)] = 0
            else:
                np.moveaxis(g, 0, -1)[with_lead(r.params, True)] = 0
            self.give(r.a, g, True)
        return 0

    cdef int output(self, Record r, object g) except -1:
        cdef Py_ssize_t k
        if r.a < self.lo:
            return 0
        k = da_tape_at(&self.tape.t, <uint32_t>r.a).aux - self.r0
        if self.arrays[k] is None:
            self.arrays[k] = [None] * len(record_of(self.tape, r.a).value)
        self.arrays[k][r.b] = g if self.arrays[k][r.b] is None else self.arrays[k][r.b] + g
        return 0

    cdef int primitive(self, Record r, object g) except -1:
        cdef Py_ssize_t i
        cdef object c
        self.hush.now()
        if r.prim.outputs > 1:
            g = tuple([gj if gj is not None else zeros_seed(zj, self.lanes) for gj, zj in zip(g, r.value)])
        for i in range(len(r.nodes)):
            if r.nodes[i] < self.lo:
                continue
            c = vjp_of(r.prim, i, g, r.value, r.args, r.params, self.lanes)
            if c is not None:
                self.give(r.nodes[i], c, False)
        return 0

    cdef object take(self, node_t node, int kind):
        """The finished adjoint of an input node, owned by the caller."""
        cdef da_node *d = da_tape_at(&self.tape.t, <uint32_t>node)
        cdef Py_ssize_t k
        cdef object g, v
        cdef double *at
        if d.op != DA_ARRAY:
            at = self.adjoint(node)
            if self.lanes == 0:
                return box(at[0], kind)
            return np.array([at[k] for k in range(self.lanes)], dtype=float32 if kind == K_SINGLE else float64)
        k = d.aux - self.r0
        v = (<Record>self.tape.records[d.aux]).value
        g = self.arrays[k]
        if g is None:
            return zeros_seed(v, self.lanes)
        g = match_dtype(g, v)
        return g if self.owned[k] or not isinstance(g, ndarray) else g.copy()


cdef object zeros_seed(object v, Py_ssize_t lanes):
    """A zero adjoint for a value; None for results without derivative."""
    if not is_inexact(v):
        return None
    return zeros_array(v, lanes) if lanes or type(v) is ndarray else zeros_for(v)


cdef object zeros_array(object v, Py_ssize_t lanes):
    """Zeros in the shape and type of a value, behind the seed axis, as an array."""
    cdef int kind = type_number(v), k, n = 1 if lanes else 0
    cdef cnp.npy_intp dims[65]
    if kind < 0:
        return np.zeros((lanes,) + shape_of(v) if lanes else shape_of(v), np.result_type(v))
    dims[0] = lanes
    if type(v) is ndarray:
        for k in range(cnp.PyArray_NDIM(<cnp.ndarray>v)):
            dims[n] = cnp.PyArray_DIM(<cnp.ndarray>v, k)
            n += 1
    return cnp.PyArray_ZEROS(n, dims, kind, 0)


cdef Py_ssize_t first_record(Tape tape, node_t lo):
    """Index of the first array record at or above node `lo`."""
    cdef Py_ssize_t a = 0, b = len(tape.records), m
    while a < b:
        m = (a + b) // 2
        if (<Record>tape.records[m]).node < lo:
            a = m + 1
        else:
            b = m
    return a


cdef object vjp_of(Primitive prim, Py_ssize_t i, object g, object ans, object args, dict params, Py_ssize_t lanes):
    """The cotangent of argument `i`, in its shape and type."""
    cdef object c
    if prim.vjp is None:
        if not prim.linear:
            raise errors.NoRuleError(f"{prim.name} has no reverse rule; add one with {prim.name}.defvjp(...)")
    if prim.looped and lanes:
        parts = [vjp_of(prim, i, pick_seed(g, k), ans, args, params, 0) for k in range(lanes)]
        if parts[0] is None:
            return None
        return np.stack(parts) if not any([is_traced(p) for p in parts]) else call_function(np.stack, (parts,), {})
    c = prim.vjp(i, g, ans, *args, **params)
    if c is None:
        return None
    a = plain_value(args[i])
    want = ((lanes,) if lanes else ()) + shape_of(a)
    if shape_of(c) != want:
        raise errors.RuleError(f"the vjp rule of {prim.name} returned a cotangent of shape {shape_of(c)} for argument {i} of shape "
                               f"{shape_of(a)}" + (f" and {lanes} seeds" if lanes else "") + f"; it must have shape {want}")
    return match_dtype(c, a)


cdef object pick_seed(object g, Py_ssize_t k):
    if isinstance(g, tuple):
        return tuple([None if gj is None else gj[k] for gj in g])
    return g[k]
