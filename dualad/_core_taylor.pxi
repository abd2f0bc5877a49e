# Taylor coefficients over a recorded tape. Coefficient 0 is the recorded value; coefficients 1..order pass through linear operations
# exactly as tangents do, so this is the forward sweep with the orders as its seeds and other rules for what is not linear.

cdef class Expansion(Push):
    cdef da_taylor work
    cdef int order
    cdef double *x
    cdef double *y
    cdef double *z

    def __cinit__(self, Tape tape, node_t hi, node_t lo, Py_ssize_t lanes):
        self.order = <int>lanes
        da_taylor_init(&self.work, self.order)
        self.x = <double *>calloc(3 * (lanes + 1), sizeof(double))
        if self.x == NULL:
            raise MemoryError("no memory for the coefficients")
        self.y = self.x + lanes + 1
        self.z = self.y + lanes + 1

    def __dealloc__(self):
        da_taylor_free(&self.work)
        free(self.x)

    cdef int run(self, node_t start) except -1:
        cdef node_t i
        cdef da_node *d
        for i in range(start, self.hi + 1):
            d = da_tape_at(&self.tape.t, <uint32_t>i)
            if d.op == DA_ARRAY:
                self.record(<Record>self.tape.records[d.aux], d.aux - self.r0)
            elif d.op == DA_ELEM:
                self.element(d, i)
            elif d.op != DA_INPUT:
                self.scalar(d, i)
        return 0

    cdef int element(self, da_node *d, node_t i) except -1:
        cdef da_buffer *b
        cdef int k
        if d.a >= self.lo:
            b = &self.bufs[da_tape_at(&self.tape.t, d.a).aux - self.r0]
            if b.p != NULL:
                for k in range(self.order):
                    self.tan[(i - self.lo) * self.order + k] = b.p[k * b.size + d.aux]
        return 0

    cdef void fill(self, double *to, double value, node_t node) noexcept:
        """Coefficients of a scalar operand; a constant has only the first."""
        to[0] = value
        if node >= self.lo:
            memcpy(to + 1, self.tan + (node - self.lo) * self.order, self.order * sizeof(double))
        else:
            memset(to + 1, 0, self.order * sizeof(double))

    cdef int scalar(self, da_node *d, node_t i) except -1:
        self.fill(self.x, d.c if d.flags & DA_A_CONST else da_tape_at(&self.tape.t, d.a).v, -1 if d.flags & DA_A_CONST else d.a)
        if OP_ARITY[d.op] == 2:
            self.fill(self.y, d.c if d.flags & DA_B_CONST else da_tape_at(&self.tape.t, d.b).v, -1 if d.flags & DA_B_CONST else d.b)
        self.z[0] = d.v
        if da_taylor_op(&self.work, d.op, self.x, self.y, self.z):
            raise MemoryError("no memory for the coefficients")
        memcpy(self.tan + (i - self.lo) * self.order, self.z + 1, self.order * sizeof(double))
        return 0

    cdef object coefficients(self, node_t node, object value, tuple shape):
        """Coefficients 0..order of an operand, broadcast to `shape`, elements last."""
        cdef object t = self.tangent(node) if node >= self.lo else None
        cdef tuple vs = shape_of(value)
        out = np.zeros((self.order + 1,) + shape)
        out[0] = value
        if t is not None:
            out[1:] = np.reshape(t, (self.order,) + (1,) * (len(shape) - len(vs)) + vs)
        return out

    cdef object table(self, Record r):
        cdef tuple shape = shape_of(r.value)
        if is_complex(r.value):
            raise errors.NoRuleError("Taylor coefficients of complex values are not supported; nest dualad.jvp instead")
        if (r.a < self.lo or self.tangent(r.a) is None) and (r.b < self.lo or self.tangent(r.b) is None):
            return None
        x = self.coefficients(r.a, r.x if r.x is not None else 0.0, shape)
        y = self.coefficients(r.b, r.y if r.y is not None else 0.0, shape) if OP_ARITY[r.op] == 2 else x
        out = np.empty((self.order + 1,) + shape)
        out[0] = r.value
        self.elementwise(r.op, <cnp.ndarray>x, <cnp.ndarray>y, <cnp.ndarray>out)
        return out[1:]

    cdef int elementwise(self, int op, cnp.ndarray x, cnp.ndarray y, cnp.ndarray out) except -1:
        cdef double *px = <double *>cnp.PyArray_DATA(x)
        cdef double *py = <double *>cnp.PyArray_DATA(y)
        cdef double *po = <double *>cnp.PyArray_DATA(out)
        cdef Py_ssize_t i, k, n = cnp.PyArray_SIZE(out) // (self.order + 1)
        for i in range(n):
            for k in range(self.order + 1):
                self.x[k] = px[k * n + i]
                self.y[k] = py[k * n + i]
            self.z[0] = po[i]
            if da_taylor_op(&self.work, op, self.x, self.y, self.z):
                raise MemoryError("no memory for the coefficients")
            for k in range(1, self.order + 1):
                po[k * n + i] = self.z[k]
        return 0

    cdef object primitive(self, Record r):
        cdef list tangents = [self.tangent(node) if node >= self.lo else None for node in r.nodes]
        if all([t is None for t in tangents]):
            return None
        if r.prim.linear:
            return Push.primitive(self, r)
        return nested_coefficients(r, tangents, self.order)


cdef object nested_coefficients(Record r, list tangents, int order):
    """Coefficients through a primitive without Taylor rules: its jvp rule on `order` nested Duals of one parameter t."""
    cdef object t = 0.0, z, a
    cdef list args = [], levels = [], out
    cdef int k
    for k in range(order):
        levels.append(new_level())
        t = make_dual(levels[k], t, 1.0)
    for plain, coefficients in zip(r.args, tangents):
        a = plain
        if coefficients is not None:
            power = t
            for k in range(order):
                a = rule_op(DA_add, a, rule_op(DA_mul, coefficients[k], power))
                power = rule_op(DA_mul, power, t)
        args.append(a)
    z = bind(r.prim, tuple(args), r.params)
    if r.prim.outputs == 1:
        return np.stack(chosen_parts(z, levels, order))
    return tuple([np.stack(chosen_parts(zj, levels, order)) if is_traced(zj) else None for zj in z])


cdef list chosen_parts(object z, list levels, int order):
    """The coefficients of orders 1.. from a nest of Duals: k tangents of the outermost levels, then primals; divided by k!."""
    cdef list out = []
    cdef double factorial = 1
    cdef int k, i
    for k in range(1, order + 1):
        factorial *= k
        v = z
        for i in range(order):
            p, t = split(v, levels[order - 1 - i])
            v = t if i < k else p
        out.append(np.asarray(plain_value(v)) / factorial)
    return out


def expand(Tape tape, node_t lo, list inputs, list outputs, list seeds, int order):
    """Taylor coefficients 1..order of the outputs (leading axis), for inputs that move as x + seed * t."""
    cdef node_t hi = lo + len(inputs) - 1
    cdef Py_ssize_t k
    cdef Expansion e
    cdef list out = []
    for y in outputs:
        hi = max(hi, <node_t>(<Var>y).node)
    e = Expansion.__new__(Expansion, tape, hi, lo, order)
    for k in range(len(inputs)):
        seed = np.zeros((order,) + shape_of(seeds[k]))
        seed[0] = seeds[k]
        e.seed(lo + k, seed)
    with quiet():
        e.run(lo + len(inputs))
    for y in outputs:
        t = e.tangent((<Var>y).node)
        out.append(np.zeros((order,) + shape_of(y)) if t is None else t)
    return out
