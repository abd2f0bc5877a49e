# The emitting reverse sweep: adjoints are traced values, so the sweep records itself (or flows into Duals and other tapes).

@cython.final
cdef class Emitter:
    """Adjoints as objects. `live`: the swept nodes are still recorded on, so the rules see them as Vars, else as plain values.
    `fast`: scalar adjoints are references into the tape and the scalar sweep runs in C."""
    cdef Tape tape
    cdef node_t lo, n_refs
    cdef Py_ssize_t lanes
    cdef bint live, fast
    cdef dict adj, pending      # adjoint by node; elements read from an array: node -> [(offset, adjoint)]
    cdef da_ref *refs

    def __cinit__(self, Tape tape, node_t hi, node_t lo, Py_ssize_t lanes, bint live, bint fast):
        self.tape = tape
        self.lo = lo
        self.lanes = lanes
        self.live = live
        self.fast = fast
        self.adj = {}
        self.pending = {}
        if fast:
            self.n_refs = hi - lo + 1
            self.refs = <da_ref *>calloc(self.n_refs, sizeof(da_ref))
            if self.refs == NULL:
                raise MemoryError("no memory for the adjoints")

    def __dealloc__(self):
        free(self.refs)

    cdef object var(self, node_t node):
        """A node as a Var (or, on an ended tape, its plain value)."""
        cdef da_node *d = da_tape_at(&self.tape.t, <uint32_t>node)
        if d.op == DA_ARRAY:
            v = (<Record>self.tape.records[d.aux]).value
            return self.array_var(node, v) if self.live else v
        kind = K_SINGLE if d.flags & DA_F32 else K_DOUBLE
        return new_var(self.tape, node, d.v, kind) if self.live else box(d.v, kind)

    cdef object array_var(self, node_t node, object v):
        if isinstance(v, tuple):
            return tuple([output_var(self.tape, node, j, vj) if is_inexact(vj) else vj for j, vj in enumerate(v)])
        return make_var(self.tape, node, v)

    cdef object operand(self, node_t node, object plain):
        return self.var(node) if node >= 0 and self.live else plain

    cdef int give(self, node_t node, object g) except -1:
        cdef object have
        cdef da_ref r
        if node < self.lo or without_derivative(self.tape, node):
            return 0
        if type(g) is Recorded:
            g = detached(g)
        if self.fast and da_tape_at(&self.tape.t, <uint32_t>node).op != DA_ARRAY:
            if as_ref(self.tape, g, &r):
                if da_emit_add(&self.tape.t, &self.refs[node - self.lo], r):
                    raise MemoryError("no memory for the tape")
                return 0
            raise errors.RuleError(f"a scalar's cotangent is {g!r}")
        have = self.adj.get(node)
        self.adj[node] = g if have is None else rule_op(DA_add, have, g)
        return 0

    cdef object adjoint(self, node_t node):
        """Takes the adjoint of a node; None when it is zero."""
        cdef object g = self.adj.pop(node, None), e
        cdef da_ref r
        if self.fast and da_tape_at(&self.tape.t, <uint32_t>node).op != DA_ARRAY:
            r = self.refs[node - self.lo]
            if r.kind == DA_REF_NONE:
                return None
            return r.c if r.kind == DA_REF_CONST else self.var(r.node)
        e = self.pending.pop(node, None)
        if e is not None:
            e = self.gathered(e, shape_of(record_of(self.tape, node).value))
            g = e if g is None else rule_op(DA_add, g, e)
        return g

    cdef object gathered(self, list elements, tuple shape):
        """The adjoint of an array from adjoints of single elements."""
        cdef dict total = {}
        cdef Py_ssize_t n = 1
        for offset, g in elements:
            total[offset] = g if offset not in total else rule_op(DA_add, total[offset], g)
        for k in shape:
            n *= k
        if self.lanes == 0:
            return pack_elements([total.get(k, 0.0) for k in range(n)], shape)
        zero = np.zeros(self.lanes)
        out = call_function(np.stack, ([total.get(k, zero) for k in range(n)],), {"axis": -1})
        return out.reshape((self.lanes,) + shape)

    cdef int run(self, node_t hi, node_t stop) except -1:
        cdef int64_t i = hi
        cdef da_node *d
        cdef object g
        while i >= stop:
            if self.fast:
                i = da_emit_reverse(&self.tape.t, i, self.lo, self.refs)
                if i == -2:
                    raise MemoryError("no memory for the tape")
                if i < stop:
                    break
            d = da_tape_at(&self.tape.t, <uint32_t>i)
            g = self.adjoint(i)
            if g is not None:
                if d.op == DA_ARRAY:
                    self.record(<Record>self.tape.records[d.aux], i, g)
                elif d.op == DA_ELEM:
                    if d.a >= self.lo:
                        self.pending.setdefault(<node_t>d.a, []).append((d.aux, g))
                elif d.op != DA_INPUT:
                    self.scalar(d, i, g)
            i -= 1
        return 0

    cdef int scalar(self, da_node *d, node_t i, object g) except -1:
        cdef int op = d.op, arg
        cdef da_node n = d[0]
        cdef object x, y = None, z = self.var(i)
        x = n.c if n.flags & DA_A_CONST else self.var(n.a)
        if OP_ARITY[op] == 2:
            y = n.c if n.flags & DA_B_CONST else self.var(n.b)
        for arg in range(OP_ARITY[op]):
            if n.flags & (DA_A_CONST if arg == 0 else DA_B_CONST):
                continue
            node = n.a if arg == 0 else n.b
            if node >= self.lo:
                self.give(node, chain(g, partial(op, arg, x, y, z)))
        return 0

    cdef int record(self, Record r, node_t i, object g) except -1:
        cdef bint lead = self.lanes > 0
        if (r.kind != R_PRIMITIVE or r.prim.outputs == 1) and not is_traced(g):
            g = match_dtype(g, r.value)  # as in the numeric sweep: constants of double precision do not make arrays of it
        if r.kind == R_TABLE:
            self.table(r, i, g)
        elif r.kind == R_GET:
            if r.a >= self.lo:
                shape = shape_of(record_of(self.tape, r.a).value)
                self.give(r.a, bind(SCATTER, (g,), {"index": r.params, "shape": shape, "lead": lead}))
        elif r.kind == R_MOVE:
            if r.a >= self.lo:
                self.give(r.a, move_back(r.op, g, r.params, node_shape(self.tape, r.a), self.lanes))
        elif r.kind == R_PACK:
            for k, node in enumerate(r.nodes.tolist()):
                if node >= self.lo and not (lead or shape_of(r.value)):
                    self.give(node, g)
                elif node >= self.lo:
                    at = np.unravel_index(k, shape_of(r.value))
                    self.give(node, g[((Ellipsis,) if lead else ()) + tuple([int(j) for j in at])])
        elif r.kind == R_PRIMITIVE:
            self.primitive(r, i, g)
        elif r.kind == R_SET:
            self.store(r, g)
        elif r.kind == R_OUTPUT:
            if r.a >= self.lo:
                have = self.adj.setdefault(r.a, [None] * len(record_of(self.tape, r.a).value))
                have[r.b] = g if have[r.b] is None else rule_op(DA_add, have[r.b], g)
        return 0

    cdef int table(self, Record r, node_t i, object g) except -1:
        cdef int arg
        cdef object x = self.operand(r.a, r.x), y = self.operand(r.b, r.y), z = self.operand(i, r.value), p, c
        for arg in range(OP_ARITY[r.op]):
            node = r.a if arg == 0 else r.b
            if node < self.lo or without_derivative(self.tape, node):
                continue
            p = partial(r.op, arg, x, y, z)
            c = g
            if self.lanes and len(shape_of(g)) == 1 and len(shape_of(p)):
                c = g.reshape((self.lanes,) + (1,) * len(shape_of(p)))
            c = chain(c, conj(p))
            want = shape_of(r.x if arg == 0 else r.y)
            self.give(node, match_dtype(sum_to(c, want, self.lanes > 0), r.x if arg == 0 else r.y))
        return 0

    cdef int store(self, Record r, object g) except -1:
        cdef bint lead = self.lanes > 0
        if r.b >= self.lo:
            part = take_lead(g, r.params, lead)
            if whole_index(r.params) and not is_mask(r.params):
                part = rule_op(DA_mul, part, operand(record_call(_last_stores, (shape_of(r.value), r.params), {})))
            elif (last := winners(r.params, shape_of(r.value))) is not None:
                part = rule_op(DA_mul, part, last.astype(float))
            self.give(r.b, match_dtype(sum_to(part, shape_of(r.y), lead), r.y))
        if r.a >= self.lo:
            if not lead:
                g = stored(g, r.params, 0.0, False)
            else:
                mask = (shape_of(r.value), r.params)
                mask = record_call(_cleared, mask, {}) if whole_index(r.params) else _cleared(*mask)
                g = rule_op(DA_mul, g, mask)
            self.give(r.a, g)
        return 0

    cdef int primitive(self, Record r, node_t i, object g) except -1:
        cdef Py_ssize_t k
        cdef list args = [self.operand(node, a) for node, a in zip(r.nodes, r.args)]
        cdef object ans = self.operand(i, r.value), c
        if r.prim.outputs > 1:
            g = tuple([gj if gj is not None else zeros_seed(zj, self.lanes) for gj, zj in zip(g, r.value)])
        for k in range(len(r.nodes)):
            if r.nodes[k] >= self.lo and not without_derivative(self.tape, r.nodes[k]):
                c = vjp_of(r.prim, k, g, ans, args, r.params, self.lanes)
                if c is not None:
                    self.give(r.nodes[k], c)
        return 0


cdef bint as_ref(Tape tape, object g, da_ref *out):
    """An adjoint as a reference into the tape; False when it is something else."""
    cdef double v
    cdef int kind
    if type(g) is Var and (<Var>g).kind == K_OBJECT:
        g = as_scalar_node(g)
    if type(g) is Var and (<Var>g).kind < K_OBJECT and (<Var>g).T == <PyObject *>tape:
        out.kind = DA_REF_NODE
        out.node = (<Var>g).node
        return True
    if type(g) is ndarray and g.ndim == 0:
        g = g[()]
    if constant_of(g, &v, &kind):
        out.kind = DA_REF_CONST
        out.c = v
        return True
    return False


def _last_stores(shape, index):
    """Ones where a store at an index is the last one at its place, else zeros."""
    last = winners(index, shape)
    return np.ones(np.empty(shape)[index].shape) if last is None else last.astype(float)


def _cleared(shape, index):
    """Ones with zeros at an index."""
    mask = np.ones(shape)
    mask[index] = 0
    return mask


def _scatter(g, index, shape, lead):
    """The adjoint of indexing: g added into zeros of `shape` at `index`."""
    out = np.zeros(((len(g),) if lead else ()) + shape, np.result_type(g))
    add_at(out, index, g, lead)
    return out


def _scatter_vjp(i, g, ans, x, index, shape, lead):
    return take_lead(g, index, lead)


cdef Primitive SCATTER = Primitive("scatter", _scatter, None, _scatter_vjp, linear=True, looped=True)
