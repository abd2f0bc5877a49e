# Scalar arithmetic: the fast paths. A scalar Dual is two C doubles, a scalar Var a node and its value.

cdef int OP_ARITY[256]
cdef int OP_FLAGS[256]


cdef inline bint constant_of(object o, double *v, int *kind) noexcept:
    """True when `o` is a plain real scalar; its value and kind."""
    v[0] = 0
    kind[0] = K_FLOAT
    if PyFloat_CheckExact(o):
        v[0] = PyFloat_AS_DOUBLE(o)
        return True
    if PyLong_CheckExact(o):
        v[0] = PyLong_AsDouble(o)
        kind[0] = K_FLOAT
        if v[0] == -1.0 and cython_error_clear():
            return False
        return True
    if da_same_type(o, float64):
        v[0] = PyFloat_AS_DOUBLE(o)
        kind[0] = K_DOUBLE
        return True
    if da_same_type(o, float32):
        v[0] = <double>o
        kind[0] = K_SINGLE
        return True
    return False


cdef extern from *:
    """
    static int cython_error_clear(void) { if (!PyErr_Occurred()) return 0; PyErr_Clear(); return 1; }
    """
    bint cython_error_clear()


cdef inline object box(double v, int kind):
    """The plain number a scalar stands for."""
    if kind == K_FLOAT:
        return v
    return float64(v) if kind == K_DOUBLE else float32(v)


cdef object report(int op, int by, int kind, double x, double y):
    """The operation in plain Python or NumPy, which raises, warns or returns a complex number as it does there."""
    if by == BY_OPERATOR and OPERATOR[op] is not None:
        return OPERATOR[op](box(x, kind)) if OP_ARITY[op] == 1 else OPERATOR[op](box(x, kind), box(y, kind))
    return UFUNC[op](box(x, kind)) if OP_ARITY[op] == 1 else UFUNC[op](box(x, kind), box(y, kind))


cdef int scalar_value(int op, int by, int kind, double x, double y, double *z) except -1:
    """z = op(x, y) with the exceptions and warnings of the plain operation. 1 when the result is not a real number."""
    cdef object r
    if by == BY_RULE:
        z[0] = da_value_of(op, x, y)
        if kind == K_SINGLE:
            z[0] = <float>z[0]
        return 0
    if OP_FLAGS[op] & DA_EXACT:
        z[0] = da_value_of(op, x, y)
        if kind == K_SINGLE:
            z[0] = <float>z[0]
        if z[0] - z[0] == 0 and (z[0] != 0 or kind == K_FLOAT or x == 0 or (op != DA_mul and op != DA_div)):
            return 0
        if (kind == K_FLOAT and op != DA_div) or x != x or y != y:
            return 0
    elif op == DA_pow and by == BY_OPERATOR:
        z[0] = da_value_of(op, x, y)
        if kind != K_SINGLE and z[0] - z[0] == 0 and (x > 0 or y == floor(y)) and (z[0] != 0 or (x == 0 and y > 0)):
            return 0
    elif kind == K_DOUBLE and LOOP_D[op] != NULL:
        da_fp_clear()
        numpy_loop(op, x, y, z)
        if not unreported(da_fp_events()):
            return 0
    try:
        r = report(op, by, kind, x, y)
    except Exception:
        note_error()
        raise
    if isinstance(r, complex) and not isinstance(r, float):
        note_error()    # as much as an error, the type of the result depends on the value
        return 1
    z[0] = <double>r if PyFloat_CheckExact(r) else <double>float(r)
    return 0


cdef bint unreported(int events):
    """True when NumPy would report what happened in the floating-point unit."""
    return events == 2 or (events == 1 and np.geterr()["under"] != "ignore")


cdef inline Dual new_dual(double p, double t, int64_t level, int kind):
    cdef Dual d = <Dual>da_traced_new(Dual)
    d.p = p
    d.t = t
    d.level = level
    d.kind = kind
    return d


cdef inline Var new_var(Tape tape, node_t node, double v, int kind):
    cdef Var r = <Var>da_traced_new(Var)
    r.p = v
    r.kind = kind
    r.node = <uint32_t>node
    Py_INCREF(tape)
    r.T = <PyObject *>tape
    return r


cdef inline object dual_scalar(int op, int by, double x, double tx, double y, double ty, int kind, int64_t level):
    """A table operation on scalar Duals of one level; an exactly zero tangent contributes zero."""
    cdef double z, t = 0
    if kind == K_FLOAT and by == BY_UFUNC:
        kind = K_DOUBLE
    if not simple(op, kind, x, y, &z) and scalar_value(op, by, kind, x, y, &z):
        return None
    if op == DA_mul:
        if tx != 0:
            t = tx * y
        if ty != 0:
            t += ty * x
    elif op == DA_pow and ty == 0 and 0 <= y <= 2 and y == floor(y):
        t = tx * (2 * x if y == 2 else y) if tx != 0 else 0
    else:
        if tx != 0:
            t = tx * da_partial0_of(op, x, y, z)
        if ty != 0:
            t += ty * da_partial1_of(op, x, y, z)
    return new_dual(z, t, level, kind)


cdef inline object var_scalar(int op, int by, Tape tape, int flags, uint32_t a, uint32_t b, double x, double y, int kind):
    """A table operation on scalar nodes, recorded. `flags` tells which operand is a constant."""
    cdef double z
    cdef node_t i
    if tape.t.owner != da_me():
        complain_tape(tape)
    if kind == K_FLOAT and by == BY_UFUNC:
        kind = K_DOUBLE
    if not simple(op, kind, x, y, &z) and scalar_value(op, by, kind, x, y, &z):
        return None
    if kind == K_SINGLE:
        flags |= DA_F32
    if by == BY_OPERATOR and not OP_FLAGS[op] & DA_EXACT:
        flags |= DA_LIBM
    if op == DA_pow and flags & DA_B_CONST and y == 0:
        return box(z, kind)
    if op == DA_pow and flags & DA_B_CONST and (y == 1 or y == 2):
        i = da_tape_op(&tape.t, DA_square if y == 2 else DA_pos, flags & ~DA_B_CONST, a, 0, 0, z)
    else:
        i = da_tape_op(&tape.t, op, flags, a, b, x if flags & DA_A_CONST else y, z)
    if i < 0:
        raise MemoryError("no memory for the tape")
    return new_var(tape, i, z, kind)


cdef inline int join_kinds(int a, int b):
    return a if a > b else b


cdef inline bint simple(int op, int kind, double x, double y, double *z) noexcept:
    """Sums, differences and products that need no report: the commonest case of scalar_value."""
    if op == DA_mul:
        z[0] = x * y
        if kind == K_DOUBLE and z[0] == 0:
            return False
    elif op == DA_add:
        z[0] = x + y
    elif op == DA_sub:
        z[0] = x - y
    else:
        return False
    return kind == K_FLOAT or (kind == K_DOUBLE and z[0] - z[0] == 0)


cdef object binary(int op, object l, object r, int by):
    """op(l, r) where at least one is traced; scalars first, everything else in apply2."""
    cdef double c
    cdef int kind
    cdef Dual dl, dr
    cdef Var vl, vr
    cdef object out
    if type(l) is Dual:
        dl = <Dual>l
        if dl.kind < K_OBJECT:
            if type(r) is Dual:
                dr = <Dual>r
                if dr.kind < K_OBJECT and dr.level == dl.level:
                    out = dual_scalar(op, by, dl.p, dl.t, dr.p, dr.t, join_kinds(dl.kind, dr.kind), dl.level)
                    if out is not None:
                        return out
            elif constant_of(r, &c, &kind):
                out = dual_scalar(op, by, dl.p, dl.t, c, 0, join_kinds(dl.kind, kind), dl.level)
                if out is not None:
                    return out
    elif type(l) is Var:
        vl = <Var>l
        if vl.kind < K_OBJECT:
            if type(r) is Var:
                vr = <Var>r
                if vr.kind < K_OBJECT and vr.T == vl.T:
                    out = var_scalar(op, by, <Tape>vl.T, 0, vl.node, vr.node, vl.p, vr.p, join_kinds(vl.kind, vr.kind))
                    if out is not None:
                        return out
            elif constant_of(r, &c, &kind):
                out = var_scalar(op, by, <Tape>vl.T, DA_B_CONST, vl.node, 0, vl.p, c, join_kinds(vl.kind, kind))
                if out is not None:
                    return out
    elif constant_of(l, &c, &kind):
        if type(r) is Dual:
            dr = <Dual>r
            if dr.kind < K_OBJECT:
                out = dual_scalar(op, by, c, 0, dr.p, dr.t, join_kinds(dr.kind, kind), dr.level)
                if out is not None:
                    return out
        elif type(r) is Var:
            vr = <Var>r
            if vr.kind < K_OBJECT:
                out = var_scalar(op, by, <Tape>vr.T, DA_A_CONST, 0, vr.node, c, vr.p, join_kinds(vr.kind, kind))
                if out is not None:
                    return out
    return operate(op, l, r) if by == BY_OPERATOR else apply2(op, l, r, by)


cdef object unary(int op, object x, int by):
    """op(x) of a traced value."""
    cdef object out
    if type(x) is Dual:
        if (<Dual>x).kind < K_OBJECT:
            out = dual_scalar(op, by, (<Dual>x).p, (<Dual>x).t, 0, 0, (<Dual>x).kind, (<Dual>x).level)
            if out is not None:
                return out
    elif type(x) is Var:
        if (<Var>x).kind < K_OBJECT:
            out = var_scalar(op, by, <Tape>(<Var>x).T, 0, (<Var>x).node, 0, (<Var>x).p, 0, (<Var>x).kind)
            if out is not None:
                return out
    return apply1(op, x, by)
