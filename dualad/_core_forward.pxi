# The numeric forward sweep over a recorded tape, for several seeds at once.

cdef class Push:
    """The tangents of one forward sweep over nodes lo..hi for `lanes` seeds."""
    cdef Tape tape
    cdef node_t lo, hi
    cdef Py_ssize_t lanes, r0
    cdef double *tan
    cdef da_buffer *bufs
    cdef Hush hush
    cdef list arrays, flat     # tangents of the records; the float64 copies that the C sweep reads

    def __cinit__(self, Tape tape, node_t hi, node_t lo, Py_ssize_t lanes):
        cdef Py_ssize_t n
        self.tape = tape
        self.lo = lo
        self.hi = hi
        self.lanes = lanes
        self.r0 = first_record(tape, lo)
        n = first_record(tape, hi + 1) - self.r0
        self.tan = <double *>calloc(<size_t>(hi - lo + 1) * lanes, sizeof(double))
        self.bufs = <da_buffer *>calloc(n + 1, sizeof(da_buffer))
        if self.tan == NULL or self.bufs == NULL:
            raise MemoryError(f"no memory for the tangents of {hi - lo + 1} nodes")
        self.hush = Hush.__new__(Hush)
        self.arrays = [None] * n
        self.flat = [None] * n

    def __dealloc__(self):
        free(self.tan)
        free(self.bufs)

    cdef int seed(self, node_t node, object t) except -1:
        """Sets the tangent of an input: shape (lanes,) + shape."""
        cdef da_node *d = da_tape_at(&self.tape.t, <uint32_t>node)
        cdef Py_ssize_t k
        if d.op == DA_ARRAY:
            return self.put(d.aux - self.r0, t)
        for k in range(self.lanes):
            self.tan[(node - self.lo) * self.lanes + k] = <double>t[k]
        return 0

    cdef int put(self, Py_ssize_t k, object t) except -1:
        cdef object c
        self.arrays[k] = t
        if isinstance(t, ndarray) and not cnp.PyArray_ISCOMPLEX(<cnp.ndarray>t):
            c = t if float_type(t) == cnp.NPY_DOUBLE else np.ascontiguousarray(t, dtype=float64)
            self.flat[k] = c
            self.bufs[k].p = <double *>cnp.PyArray_DATA(<cnp.ndarray>c)
            self.bufs[k].size = cnp.PyArray_SIZE(<cnp.ndarray>c) // self.lanes
        return 0

    cdef object tangent(self, node_t node):
        """The tangent of a node with its seed axis; None when it is zero."""
        cdef da_node *d
        cdef Py_ssize_t k
        cdef double *at
        if node < self.lo:
            return None
        d = da_tape_at(&self.tape.t, <uint32_t>node)
        if d.op == DA_ARRAY:
            return self.arrays[d.aux - self.r0]
        at = self.tan + (node - self.lo) * self.lanes
        out = np.empty(self.lanes, dtype=float32 if d.flags & DA_F32 else float64)
        for k in range(self.lanes):
            out[k] = at[k]
        return out

    cdef int run(self, node_t start) except -1:
        cdef int64_t i = start
        cdef da_node *d
        while i <= self.hi:
            i = da_forward(&self.tape.t, i, self.hi, self.lo, self.tan, <int>self.lanes, self.bufs - self.r0)
            if i > self.hi:
                break
            d = da_tape_at(&self.tape.t, <uint32_t>i)
            if d.op == DA_ARRAY:
                self.record(<Record>self.tape.records[d.aux], d.aux - self.r0)
            i += 1
        return 0

    cdef int record(self, Record r, Py_ssize_t k) except -1:
        cdef object t = None
        if r.kind != R_PACK:
            self.hush.now()
        if r.kind == R_TABLE:
            t = self.table(r)
        elif r.kind == R_GET:
            t = self.tangent(r.a)
            t = None if t is None else take_lead(t, r.params, True)
        elif r.kind == R_MOVE:
            t = self.tangent(r.a)
            t = None if t is None else move_tangent(r.op, t, r.params, len(node_shape(self.tape, r.a)), self.lanes)
        elif r.kind == R_PACK:
            t = self.packed(r)
        elif r.kind == R_SET:
            t = self.store(r)
        elif r.kind == R_PRIMITIVE:
            t = self.primitive(r)
        elif r.kind == R_OUTPUT:
            t = self.arrays[da_tape_at(&self.tape.t, <uint32_t>r.a).aux - self.r0] if r.a >= self.lo else None
            t = None if t is None else t[r.b]
        if t is None:
            return 0
        if (r.kind == R_GET or r.kind == R_MOVE) and self.is_store(r.a):
            t = t.copy()  # the next store overwrites what this is a view of
        if isinstance(t, tuple):
            self.arrays[k] = t
            return 0
        return self.put(k, match_dtype(t, r.value))

    cdef bint is_store(self, node_t node):
        cdef da_node *d = da_tape_at(&self.tape.t, <uint32_t>node)
        return d.op == DA_ARRAY and (<Record>self.tape.records[d.aux]).kind == R_SET

    cdef object table(self, Record r):
        cdef object total = None, t, c, p
        cdef tuple zs = shape_of(r.value)
        cdef int arg
        for arg in range(OP_ARITY[r.op]):
            t = self.tangent(r.a if arg == 0 else r.b)
            if t is None:
                continue
            c = kernel_term(r.op, arg, r.x, r.y, r.value, t, self.lanes) if t.shape[1:] == zs else None
            if c is None:
                p = partial(r.op, arg, r.x, r.y, r.value)
                t = t.reshape((self.lanes,) + (1,) * (len(zs) - t.ndim + 1) + t.shape[1:])
                c = chain(t, p)
            total = c if total is None else total + c
        if total is not None and total.shape[1:] != zs:
            total = np.broadcast_to(total, (self.lanes,) + zs)
        return total

    cdef object packed(self, Record r):
        cdef cnp.ndarray nodes = <cnp.ndarray>r.nodes
        cdef int64_t *src = <int64_t *>cnp.PyArray_DATA(nodes)
        cdef Py_ssize_t i, k, n = cnp.PyArray_SIZE(nodes)
        cdef cnp.ndarray out = np.zeros((self.lanes, n))
        cdef double *p = <double *>cnp.PyArray_DATA(out)
        for i in range(n):
            if src[i] >= self.lo:
                for k in range(self.lanes):
                    p[k * n + i] = self.tan[(src[i] - self.lo) * self.lanes + k]
        return np.asarray(out).reshape((self.lanes,) + shape_of(r.value))

    cdef object store(self, Record r):
        cdef object tx = self.tangent(r.a), tv = self.tangent(r.b)
        if tx is None and tv is None:
            return None
        if tx is None:
            tx = np.zeros((self.lanes,) + shape_of(r.value), r.value.dtype)
        elif not r.op:
            tx = np.array(tx)
        tv = np.zeros((self.lanes,) + shape_of(r.y)) if tv is None else tv
        if is_basic(r.params):
            at = with_lead(r.params, False)
            axes = len(shape_of(tx[at])) - len(shape_of(tv))
            tx[at] = tv.reshape((self.lanes,) + (1,) * axes + shape_of(tv)[1:])
            return tx
        for k in range(self.lanes):
            tx[k][r.params] = tv[k]
        return tx

    cdef object primitive(self, Record r):
        cdef list tangents = [self.tangent(node) for node in r.nodes]
        if all([t is None for t in tangents]):
            return None
        if r.prim.looped:
            parts = [jvp_of(r.prim, [None if t is None else t[k] for t in tangents], r.value, r.args, r.params)
                     for k in range(self.lanes)]
            if r.prim.outputs == 1:
                return None if parts[0] is None else np.stack([np.asarray(p) for p in parts])
            return tuple([None if p[0] is None else np.stack(p) for p in zip(*parts)])
        t = jvp_of(r.prim, tangents, r.value, r.args, r.params)
        if t is None:
            return None
        for tj, zj in zip(t if r.prim.outputs > 1 else (t,), r.value if r.prim.outputs > 1 else (r.value,)):
            if tj is not None and inexact_result(zj) and shape_of(tj) != (self.lanes,) + shape_of(zj):
                raise errors.RuleError(f"the jvp rule of {r.prim.name} returned shape {shape_of(tj)} for a result of shape "
                                       f"{shape_of(zj)} and {self.lanes} seeds; it must have shape {(self.lanes,) + shape_of(zj)}")
        return t
