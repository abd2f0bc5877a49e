# Every operation that the scalar fast paths do not take: nesting, arrays, primitives.

FUNCTIONS = {}          # NumPy function or non-table ufunc -> handler
METHODS = {}            # method name -> function of the traced value
da_set_methods(METHODS)
DIRECT = {}             # NumPy function -> Direct: what its plain calls come to
OUT_AT = {}             # function or method name -> position of its `out` argument
UFUNC_METHODS = {}      # "reduce", "outer", ... -> handler(ufunc, *inputs, **kwargs)
UNKNOWN_UFUNC = []      # asked with a ufunc that has no handler: True when it has one now
cdef dict _functions = FUNCTIONS, _direct = DIRECT, _out_at = OUT_AT    # the same, found without looking up their names


cpdef bint is_traced(object x):
    """True when `x` carries a derivative: a `Dual` or `Var`.

    Examples
    --------
    >>> import dualad as da
    >>> da.is_traced(2.0), da.is_traced(da.Dual(2.0, 1.0))
    (False, True)
    """
    return type(x) is Dual or type(x) is Var


cdef object plain_value(object x):
    """The plain value of anything, without copying."""
    while type(x) is Dual:
        x = dual_primal(<Dual>x)
    return var_value(<Var>x) if type(x) is Var else x


def value(x):
    """The plain number or array behind a traced value, for printing, logging and decisions; others are returned as they are.

    Parameters
    ----------
    x : any
        A traced value, or an object array of traced scalars.

    Returns
    -------
    float, NumPy scalar or ndarray
        A copy; no derivative passes through it.

    Examples
    --------
    >>> import dualad as da
    >>> da.grad(lambda x: x * da.value(x))(3.0)
    3.0
    """
    x = pack(x)
    if not is_traced(x):
        return x
    if programming():
        return recorded_value(x)
    x = plain_value(x)
    return x.copy() if type(x) is ndarray else x


cdef inline int64_t level_of(object x):
    return (<Dual>x).level if type(x) is Dual else -1


cpdef inline tuple shape_of(object x):
    """Shape of a plain or traced value; () for numbers."""
    if type(x) is Var:
        if (<Var>x).kind < K_OBJECT:
            return ()
        x = var_value(<Var>x)
    elif type(x) is Dual:
        if (<Dual>x).kind < K_OBJECT:
            return ()
        x = plain_value(x)
    if type(x) is ndarray:
        return array_shape(<cnp.ndarray>x)
    return x.shape if hasattr(x, "shape") else np.shape(x)


cdef inline tuple array_shape(cnp.ndarray x):
    """The shape of an array, without looking up the attribute."""
    cdef int k, n = cnp.PyArray_NDIM(x)
    cdef tuple out = PyTuple_New(n)
    for k in range(n):
        fill_tuple(out, k, <Py_ssize_t>cnp.PyArray_DIM(x, k))
    return out


cpdef inline Py_ssize_t ndim_of(object x):
    """Number of axes of a plain or traced value."""
    if is_traced(x):
        x = plain_value(x)
    return cnp.PyArray_NDIM(<cnp.ndarray>x) if type(x) is ndarray else PyTuple_GET_SIZE(shape_of(x))


cdef object _normal_axis = __import__("numpy.lib.array_utils", fromlist=["array_utils"]).normalize_axis_index


cpdef object neg_axis(object axis, Py_ssize_t n):
    """The axis counted from the end, so that it names the same axis when a seed axis stands before it."""
    cdef Py_ssize_t k
    if PyLong_CheckExact(axis):
        k = axis
        if -n <= k < n:
            return k if k < 0 else k - n
    return _normal_axis(axis, n) - n


cdef object dtype_of(object x):
    x = plain_value(x)
    return x.dtype if hasattr(x, "dtype") else np.result_type(x) if not isinstance(x, float) else np.dtype(float)


cdef inline object operand(object x):
    """An operand as the engine takes it: views brought up to date, object arrays and lists of traced scalars packed."""
    if type(x) is Var:
        if (<Var>x).kind == K_OBJECT and (<Var>x).base != NULL:
            refresh(x)
        return x
    if type(x) is Dual:
        if (<Dual>x).kind == K_OBJECT and (<Dual>x).base != NULL:
            refresh(x)
        return x
    if type(x) is ndarray:
        return pack(x) if cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_OBJECT else x
    if isinstance(x, (list, tuple)):
        return pack_list(x)
    if cnp.PyArray_Check(x):  # a Recorded only says that it is one
        return base_array(x)
    return detached(x) if programming() and type(x) is Recorded else x


cpdef object base_array(object x):
    """An array of a subclass as a plain one: what is computed from it could not be told from a constant otherwise. Refuses subclasses whose
    arithmetic is another one than that of arrays."""
    own = type(x).__array_ufunc__ is not ndarray.__array_ufunc__
    if own or any([c.__name__ in ("MaskedArray", "matrix") for c in type(x).__mro__]):
        raise errors.DtypeError(
            f"a {type(x).__name__} cannot be differentiated: its arithmetic differs from that of arrays; use a plain array "
            "(np.where(mask, 0, x) and weights for masked data, np.asarray for a matrix or for numbers without their units)")
    return x.view(ndarray)


cdef bint operable(object x):
    """False for what cannot be an operand at all (None, strings, dicts, ...): Python then tries the other side."""
    if type(x) is Var or type(x) is Dual or type(x) is ndarray or PyFloat_CheckExact(x):
        return True
    if is_traced(x) or isinstance(x, (float, int, complex, ndarray, generic, list, tuple)):
        return not isinstance(x, (np_str, np_bytes))
    if getattr(type(x), "__array_ufunc__", 0) is None or isinstance(x, (str, bytes)) or x is None:
        return False
    return hasattr(x, "__array__") or (hasattr(x, "__float__") and not hasattr(x, "__array_ufunc__"))


cdef object operate(int op, object l, object r):
    """A binary operator outside the scalar fast paths."""
    if not operable(l) or not operable(r):
        return NotImplemented
    return apply2(op, foreign(l), foreign(r), BY_OPERATOR)


cdef object foreign(object x):
    """Fractions, decimals, array-likes of other libraries: as a float or ndarray."""
    if type(x) is ndarray or is_traced(x) or isinstance(x, (float, int, complex, ndarray, generic, list, tuple)):
        return x
    return np.asarray(x) if hasattr(x, "__array__") else float(x)


cdef object in_place(int op, object x, object other):
    """x op= other: arrays store into themselves, scalars make a new value."""
    if not operable(other):
        return NotImplemented
    cdef object new = binary(op, x, foreign(other), BY_OPERATOR)
    if not isinstance(plain_value(x), ndarray):
        return new
    if shape_of(new) != shape_of(x):
        raise ValueError(f"non-broadcastable output operand with shape {shape_of(x)} doesn't match the broadcast shape {shape_of(new)}")
    set_item(x, Ellipsis, new)
    return x


cdef object apply2(int op, object l, object r, int by):
    """op(l, r) for any mixture of plain and traced operands."""
    cdef int64_t level
    l = operand(l)
    r = operand(r)
    level = max(level_of(l), level_of(r))
    if level >= 0:
        return dual_apply(op, l, r, 2, level, by)
    if type(l) is Var or type(r) is Var:
        return var_apply(op, l, r, 2, by)
    return plain2(op, l, r, by)


cdef object apply1(int op, object x, int by):
    x = operand(x)
    if type(x) is Dual:
        return dual_apply(op, x, None, 1, (<Dual>x).level, by)
    if type(x) is Var:
        return var_apply(op, x, None, 1, by)
    return plain1(op, x, by)


cdef object rule_op(int op, object x, object y):
    """A table operation inside derivative arithmetic."""
    if OP_ARITY[op] == 1:
        return unary(op, x, BY_RULE) if is_traced(x) else plain1(op, x, BY_RULE)
    if is_traced(x) or is_traced(y):
        return binary(op, x, y, BY_RULE)
    return plain2(op, x, y, BY_RULE)


cdef object partial(int op, int arg, object x, object y, object z):
    """The partial derivative of an operation, from its formula, on any values."""
    cdef const da_code *code = da_partial_code(op, arg)
    cdef list v = [floating(x, z), floating(y, z), z]
    cdef int k
    for k in range(code.n):
        if code.steps[k].op == DA_CONST:
            v.append(code.steps[k].c)
        else:
            v.append(rule_op(code.steps[k].op, v[code.steps[k].a], v[code.steps[k].b] if OP_ARITY[code.steps[k].op] == 2 else None))
    return v[code.result]


cdef object floating(object x, object z):
    """An operand as formulas need it: integers as floats, reals beside a complex result as complex."""
    cdef object v
    if x is None or PyFloat_CheckExact(x) and PyFloat_CheckExact(z):
        return x
    v = plain_value(x)
    if type(v) is ndarray or isinstance(v, generic):
        if v.dtype.kind in "iub":
            x = detached(record_call(_MethodCall("astype"), (x, float64), {})) if is_traced(x) else v.astype(float64)
    if is_complex(plain_value(z)) and not is_complex(v):
        return rule_op(DA_add, x, 0j)
    return x


cdef object chain(object g, object p):
    """The chain-rule product smul(g, p), without work for a constant factor of one."""
    if PyFloat_CheckExact(p):
        if p == 1.0:
            return g
        if p == -1.0:
            return rule_op(DA_neg, g, None)
    return rule_op(DA_smul, g, p)


cpdef object smul(object g, object p):
    """g * p, where an exactly zero g gives zero whatever p is (infinity and NaN included)."""
    return rule_op(DA_smul, operand(g), operand(p))


cpdef object sdiv(object g, object p):
    """g / p, where an exactly zero g gives zero whatever p is (zero included)."""
    return rule_op(DA_sdiv, operand(g), operand(p))


cdef object error_state                 # NumPy's context variable behind np.errstate
try:
    from numpy._core.umath import _extobj_contextvar as error_state, _make_extobj as _make_state
except ImportError:                     # a NumPy that keeps it elsewhere
    error_state = None
cdef tuple _ignoring = (None, None)     # a state (which holds the size of buffers too), and the same with everything ignored


cdef object ignoring_state():
    """What to set NumPy's error state to, remembered."""
    global _ignoring
    cdef object now = error_state.get()
    cdef tuple known = _ignoring
    if now is not known[0]:
        known = _ignoring = (now, _make_state(all="ignore"))
    return known[1]


@cython.final
cdef class quiet:
    """Derivative arithmetic runs without floating-point warnings; the primal operation has reported its own."""
    cdef object state

    def __enter__(self):
        if error_state is not None:
            self.state = error_state.set(ignoring_state())
            return
        self.state = np_errstate(all="ignore")
        self.state.__enter__()

    def __exit__(self, *args):
        if error_state is not None:
            error_state.reset(self.state)
        else:
            self.state.__exit__(*args)


@cython.final
cdef class Hush:
    """The same for a sweep, from its first NumPy call on: the kernels raise no warnings."""
    cdef quiet state

    cdef int now(self) except -1:
        if self.state is None:
            self.state = quiet()
            self.state.__enter__()
        return 0

    cdef int speak(self) except -1:
        if self.state is not None:
            self.state.__exit__(None, None, None)
            self.state = None
        return 0


cdef bint is_complex(object x):
    if type(x) is ndarray:
        return cnp.PyArray_ISCOMPLEX(<cnp.ndarray>x)
    return isinstance(x, (complex, np_complexfloating)) and not isinstance(x, float)


cdef object complex_override(int op, object l, object r, int arity, int by):
    """What to use instead of the table where an operand is complex; None when the table's formulas hold."""
    if OP_FLAGS[op] & DA_HOLO:
        return None
    if not (is_complex(plain_value(l)) or (arity == 2 and is_complex(plain_value(r)))):
        return None
    name = "abs" if op == DA_abs and by == BY_OPERATOR else (<bytes>da_ops[op].numpy).decode()
    if name not in COMPLEX:
        raise errors.NoRuleError(
            f"numpy.{name} of a complex traced value has no derivative rule; apply it to x.real and x.imag, or add the rule with "
            "@dualad.primitive")
    return COMPLEX[name]


cdef object dual_apply(int op, object l, object r, int arity, int64_t level, int by):
    """A table operation with a Dual of `level` among the operands."""
    cdef object xp = l, xt = None, yp = r, yt = None, z, t = None, s
    other = complex_override(op, l, r, arity, by)
    if other is not None:
        return other(l) if arity == 1 else other(l, r)
    if level_of(l) == level:
        xp = dual_primal(<Dual>l)
        xt = dual_tangent(<Dual>l)
    if arity == 2 and level_of(r) == level:
        yp = dual_primal(<Dual>r)
        yt = dual_tangent(<Dual>r)
    if op == DA_pow and arity == 2 and yt is None and (is_exponent(yp, 0) or constant_power(yp) >= 0):
        z = apply2(op, xp, yp, by)
        t = zeros_for(z) if is_exponent(yp, 0) else conform(tangent_term(constant_power(yp), 0, xp, None, z, xt), z)
        return make_dual(level, z, t)
    z = apply2(op, xp, yp, by) if arity == 2 else apply1(op, xp, by)
    if is_complex(plain_value(z)) and not (OP_FLAGS[op] & DA_HOLO):
        raise errors.NoRuleError(f"{(<bytes>da_ops[op].name).decode()} gave a complex result and has no derivative rule there")
    if xt is not None:
        t = tangent_term(op, 0, xp, yp, z, xt)
    if yt is not None:
        s = tangent_term(op, 1, xp, yp, z, yt)
        t = s if t is None else rule_op(DA_add, t, s)
    return make_dual(level, z, conform(t, z))


cdef bint is_exponent(object y, double wanted):
    """True for a constant exponent of that value."""
    cdef double v
    cdef int kind
    return constant_of(y, &v, &kind) and v == wanted


cdef int constant_power(object y):
    """The simpler operation that x**y is for a constant exponent of 1 or 2, -1 for others. With x**0, which is a constant, it keeps the
    higher derivatives finite at 0."""
    return DA_square if is_exponent(y, 2) else DA_pos if is_exponent(y, 1) else -1


cdef object tangent_term(int op, int arg, object x, object y, object z, object t):
    """smul(t, partial): one kernel when everything is a plain array of one type."""
    cdef object out = kernel_term(op, arg, x, y, z, t, 0)
    if out is not None:
        return out
    with quiet():
        return chain(t, partial(op, arg, x, y, z))


cdef object kernel_term(int op, int arg, object x, object y, object z, object g, Py_ssize_t lanes):
    """smul(g, partial(x, y, z)) in one pass over contiguous arrays, for each of `lanes` seeds (0: no seed axis); None when it does
    not apply."""
    cdef const da_code *code = da_partial_code(op, arg)
    cdef int t = float_type(z)
    cdef cnp.ndarray like, out
    cdef Feed fx, fy
    cdef char *pg
    cdef char *po
    cdef Py_ssize_t k, n
    if t < 0 or float_type(g) != t:
        return None
    like = <cnp.ndarray>z
    if lanes == 0 and not same_shape(<cnp.ndarray>g, like):
        return None
    if lanes and cnp.PyArray_SIZE(<cnp.ndarray>g) != lanes * cnp.PyArray_SIZE(like):
        return None
    if code.n == 1 and code.steps[0].op == DA_CONST and code.result == DA_REF_STEP and code.steps[0].c == 1:
        return g
    fx.p = fy.p = <char *>cnp.PyArray_DATA(like)
    fx.s = fy.s = 0
    if code.needs & 1 and not feed(x, t, like, &fx):
        return None
    if code.needs & 2 and not feed(y, t, like, &fy):
        return None
    out = empty_like(<cnp.ndarray>g, t)
    n = cnp.PyArray_SIZE(like)
    pg = <char *>cnp.PyArray_DATA(<cnp.ndarray>g)
    po = <char *>cnp.PyArray_DATA(out)
    for k in range(lanes if lanes else 1):
        if t == cnp.NPY_DOUBLE:
            da_seed_kernel_d(op, arg)(n, <double *>fx.p, fx.s, <double *>fy.p, fy.s, <double *>cnp.PyArray_DATA(like),
                                      <double *>pg + k * n, <double *>po + k * n)
        else:
            da_seed_kernel_f(op, arg)(n, <float *>fx.p, fx.s, <float *>fy.p, fy.s, <float *>cnp.PyArray_DATA(like),
                                      <float *>pg + k * n, <float *>po + k * n)
    return out


cdef object conform(object t, object z):
    """A tangent in the shape and type of its primal `z`."""
    cdef object zv, tv
    if float_type(z) >= 0 and float_type(t) == float_type(z) and same_shape(<cnp.ndarray>z, <cnp.ndarray>t):
        return t
    zv = plain_value(z)
    tv = plain_value(t)
    if shape_of(tv) != shape_of(zv):
        t = spread(t, shape_of(zv))
    return match_dtype(t, zv)


cdef inline int type_number(object x) noexcept:
    """NumPy's number of the type of a plain array in native byte order or a float64; -1 for others."""
    if type(x) is ndarray:
        return cnp.PyArray_TYPE(<cnp.ndarray>x) if cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>x) else -1
    return cnp.NPY_DOUBLE if da_same_type(x, float64) else -1


cdef object match_dtype(object t, object z):
    """`t` in the dtype of `z` (traced values through astype); a real `z` drops the imaginary part."""
    cdef object dt, dz
    cdef int t_type = type_number(t)
    if t_type >= 0 and t_type == type_number(z):
        return t
    if not hasattr(z, "dtype"):
        if is_complex(z):
            return t
        return real_part(t) if is_complex(plain_value(t)) else t
    dz = z.dtype
    dt = dtype_of(t)
    if dt == dz:
        return t
    if dt.kind == "c" and dz.kind != "c":
        t = real_part(t)
    if PyFloat_CheckExact(t):
        return dz.type(t)
    if is_traced(t):
        return call_method("astype", t, dz)
    return t.astype(dz) if hasattr(t, "astype") else dz.type(t)


cdef object real_part(object t):
    return t.real


cdef object var_apply(int op, object l, object r, int arity, int by):
    """A table operation with a Var among plain operands: recorded."""
    cdef Tape tape
    cdef object z, x, y = None, exponent = None
    cdef Record rec
    other = complex_override(op, l, r, arity, by)
    if other is not None:
        return other(l) if arity == 1 else other(l, r)
    tape = tape_of(l, r)
    x = var_value(<Var>l) if type(l) is Var else l
    if arity == 2:
        y = var_value(<Var>r) if type(r) is Var else r
        z = plain2(op, x, y, by)
    else:
        z = plain1(op, x, by)
    if type(z) is not ndarray:
        l = as_scalar_node(l)
        r = as_scalar_node(r)
        x = var_value(<Var>l) if type(l) is Var else l
        y = var_value(<Var>r) if type(r) is Var else r
    if op == DA_pow and type(r) is not Var and is_exponent(y, 0):
        return z
    if op == DA_pow and type(r) is not Var and constant_power(y) >= 0:
        exponent = y
        op = constant_power(y)
        arity = 1
        y = None
        r = None
    if not isinstance(z, (ndarray, generic, float, complex)) or not is_inexact(z):
        return z
    if is_complex(z) and not (OP_FLAGS[op] & DA_HOLO):
        raise errors.NoRuleError(f"{(<bytes>da_ops[op].name).decode()} gave a complex result and has no derivative rule there")
    rec = Record.__new__(Record)
    rec.kind = R_TABLE
    rec.op = op
    rec.by = by
    rec.a = (<Var>l).node if type(l) is Var else -1
    rec.b = (<Var>r).node if type(r) is Var else -1
    keep_operands(rec, x, y, arity)
    rec.params = exponent
    rec.value = z
    push_record(tape, rec)
    return make_var(tape, rec.node, z)


cdef void keep_operands(Record rec, object x, object y, int arity):
    """Keeps the operands that a partial will read; shapes of the others; copies what the caller could overwrite."""
    cdef int needs = 0
    if rec.a >= 0:
        needs |= da_partial_code(rec.op, 0).needs
    if rec.b >= 0:
        needs |= da_partial_code(rec.op, 1).needs
    if programming():
        needs = 3
    rec.x = x if rec.a >= 0 else frozen(x) if needs & 1 else None
    rec.y = y if rec.b >= 0 else frozen(y) if needs & 2 else None


cdef object frozen(object x):
    """A plain operand that nobody can overwrite: arrays are copied unless they and their owner are read-only."""
    cdef object a = x
    if type(x) is not ndarray:
        return x if PyFloat_CheckExact(x) or not isinstance(x, (ndarray, list, tuple)) else np.array(x)
    if (cnp.PyArray_ISCARRAY(<cnp.ndarray>x) and cnp.PyArray_ISNUMBER(<cnp.ndarray>x) and da_get_current() != NULL
            and not programming()):
        return same_copy(<Tape>da_get_current(), <cnp.ndarray>x)
    while type(a) is ndarray:
        if cnp.PyArray_ISWRITEABLE(<cnp.ndarray>a):
            return own_copy(x)
        a = a.base
    return x if a is None else own_copy(x)


cdef object same_copy(Tape tape, cnp.ndarray x):
    """The copy of an array that the recording holds already, while the array has not changed; else a new one. A loop that uses the
    same constant n times so holds one copy of it, and comparing costs a tenth of copying."""
    cdef size_t k = (<size_t><void *>x >> 5) % (N_COPIES // 2) * 2    # a pair of places: the later one first
    cdef object copy
    if tape.copies is None:
        tape.copies = [None] * N_COPIES
    copy = tape.copies[k]
    if not is_copy(copy, x):
        copy = tape.copies[k + 1]
        if not is_copy(copy, x):
            copy = own_copy(x)
        tape.copies[k + 1] = tape.copies[k]
        tape.copies[k] = copy
    return copy


cdef inline bint is_copy(object copy, cnp.ndarray x):
    """True for a contiguous array that is the same as the contiguous `x` bit for bit."""
    return (type(copy) is ndarray and cnp.PyArray_TYPE(<cnp.ndarray>copy) == cnp.PyArray_TYPE(x) and same_shape(<cnp.ndarray>copy, x)
            and memcmp(cnp.PyArray_DATA(<cnp.ndarray>copy), cnp.PyArray_DATA(x), cnp.PyArray_NBYTES(x)) == 0)


cdef bint is_inexact(object z):
    if type(z) is ndarray:
        return cnp.PyArray_ISFLOAT(<cnp.ndarray>z) or cnp.PyArray_ISCOMPLEX(<cnp.ndarray>z)
    return isinstance(z, (float, complex, np_inexact))


cdef object as_scalar_node(object x):
    """A 0-d real array Var as the scalar it behaves like in arithmetic."""
    cdef object a
    if type(x) is Var and (<Var>x).kind == K_OBJECT:
        a = <object>(<Var>x).P
        if type(a) is ndarray and cnp.PyArray_NDIM(<cnp.ndarray>a) == 0 and cnp.PyArray_TYPE(<cnp.ndarray>a) in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT):
            return read_scalar(<Tape>(<Var>x).T, (<Var>x).node, 0, <double>a[()],
                               K_DOUBLE if cnp.PyArray_TYPE(<cnp.ndarray>a) == cnp.NPY_DOUBLE else K_SINGLE)
    return x


cdef Tape tape_of(object l, object r):
    """The tape that an operation appends to; both operands must be on it."""
    cdef Tape tape
    if type(l) is Var:
        tape = <Tape>(<Var>l).T
        if type(r) is Var and (<Var>r).T != (<Var>l).T:
            check_tape(<Tape>(<Var>r).T)
    else:
        tape = <Tape>(<Var>r).T
    check_tape(tape)
    return tape


# ---- primitives ----

cpdef object bind(Primitive prim, tuple args, dict params):
    """Applies a Primitive to plain or traced arguments."""
    return apply_primitive(prim, args, params, None)


cdef object apply_primitive(Primitive prim, tuple args, dict params, object call):
    """The same. `call`: a function of the plain arguments alone that computes the value as the implementation does with these
    parameters, only quicker; or None."""
    cdef int64_t level = -1
    cdef bint var = False
    cdef object a
    cdef Py_ssize_t k
    args = as_operands(args)
    for k in range(PyTuple_GET_SIZE(args)):
        a = <object>PyTuple_GET_ITEM(args, k)
        if type(a) is Dual:
            level = max(level, (<Dual>a).level)
        elif type(a) is Var:
            var = True
    if level >= 0:
        return bind_dual(prim, args, params, level, call)
    if var:
        return bind_var(prim, args, params, call)
    return record_call(prim.impl, args, params) if programming() else implemented(prim, args, params, call)


cdef inline object implemented(Primitive prim, tuple args, dict params, object call):
    """The value of a primitive of plain arguments."""
    if call is not None:
        return PyObject_Call(call, args, NULL)
    return PyObject_Call(prim.impl, args, <PyObject *>params if params else NULL)


cdef tuple as_operands(tuple args):
    """Arguments as the engine takes them; the tuple itself where all are so."""
    cdef Py_ssize_t k
    cdef object a, b
    cdef list out = None
    for k in range(PyTuple_GET_SIZE(args)):
        a = <object>PyTuple_GET_ITEM(args, k)
        b = operand(a)
        if b is not a:
            out = list(args) if out is None else out
            out[k] = b
    return args if out is None else tuple(out)


cdef inline void fill_tuple(tuple t, Py_ssize_t k, object x) noexcept:
    Py_INCREF(x)
    PyTuple_SET_ITEM(t, k, x)


cdef object bind_dual(Primitive prim, tuple args, dict params, int64_t level, object call):
    cdef list primals = [], tangents = []
    cdef object a, z, t
    for a in args:
        if level_of(a) == level:
            primals.append(dual_primal(<Dual>a))
            tangents.append(dual_tangent(<Dual>a))
        else:
            primals.append(a)
            tangents.append(None)
    z = apply_primitive(prim, tuple(primals), params, call)
    with quiet():
        t = jvp_of(prim, tangents, z, primals, params)
    if prim.outputs == 1:
        if t is None or not inexact_result(z):
            return z
        out = make_dual(level, z, checked_tangent(prim, t, z))
        mark_view(out, args, prim, params)
        return out
    return tuple([zj if tj is None or not inexact_result(zj) else make_dual(level, zj, checked_tangent(prim, tj, zj))
                  for zj, tj in zip(z, t)])


cdef bint inexact_result(object z):
    return is_inexact(plain_value(z))


cdef object checked_tangent(Primitive prim, object t, object z):
    if shape_of(plain_value(t)) != shape_of(plain_value(z)):
        raise errors.RuleError(f"the jvp rule of {prim.name} returned a tangent of shape {shape_of(plain_value(t))} for a result of "
                               f"shape {shape_of(plain_value(z))}; it must have the result's shape")
    return match_dtype(t, plain_value(z))


cdef object jvp_of(Primitive prim, list tangents, object z, object primals, dict params):
    """The tangent of the result(s): the sum of the arguments' contributions."""
    cdef object total = None, t
    cdef Py_ssize_t i
    if prim.linear:
        return bind(prim, tuple([t if t is not None else zeros_beside(p, tangents, primals) for p, t in zip(primals, tangents)]), params)
    if prim.jvp is None:
        raise errors.NoRuleError(f"{prim.name} has no forward rule; add one with {prim.name}.defjvp(...)")
    for i in range(len(tangents)):
        if tangents[i] is None:
            continue
        t = prim.jvp(i, tangents[i], z, *primals, **params)
        if t is None:
            continue
        if total is None:
            total = t
        elif prim.outputs == 1:
            total = rule_op(DA_add, operand(total), operand(t))
        else:
            total = tuple([b if a is None else a if b is None else rule_op(DA_add, operand(a), operand(b)) for a, b in zip(total, t)])
    if total is None and prim.outputs == 1:
        return zeros_for(z)
    if total is None:
        return tuple([zeros_for(zj) if inexact_result(zj) else None for zj in z])
    return total


cdef object zeros_beside(object p, list tangents, object primals):
    """A zero tangent for argument `p`, with the seed axis that the other tangents have."""
    cdef object t, q
    for q, t in zip(primals, tangents):
        if t is not None and len(shape_of(t)) > len(shape_of(q)):
            return np.zeros((shape_of(t)[0],) + shape_of(p), dtype_of(p) if dtype_of(p).kind in "fc" else float)
    return zeros_for(p)


cdef object zeros_for(object x):
    """A zero tangent for `x` (any value)."""
    cdef object v = plain_value(x)
    if PyFloat_CheckExact(v) or isinstance(v, int):
        return 0.0
    if isinstance(v, generic):
        return v.dtype.type(0)
    if isinstance(v, complex):
        return 0j
    return np.zeros(v.shape, v.dtype if v.dtype.kind in "fc" else float)


cdef object bind_var(Primitive prim, tuple args, dict params, object call):
    """Records a primitive with a Var among its arguments."""
    cdef Tape tape = None
    cdef Py_ssize_t k, n = PyTuple_GET_SIZE(args)
    cdef tuple plain = PyTuple_New(n), nodes = PyTuple_New(n)
    cdef object a, z
    cdef Record rec
    cdef bint program = programming(), shape_only = prim.linear and not program    # of linear functions rules need only shapes
    for k in range(n):
        a = <object>PyTuple_GET_ITEM(args, k)
        if type(a) is Var:
            if tape is None or <PyObject *>tape != (<Var>a).T:
                tape = <Tape>(<Var>a).T
                check_tape(tape)
            fill_tuple(plain, k, var_value(<Var>a))
            fill_tuple(nodes, k, (<Var>a).node)
        else:
            fill_tuple(plain, k, a if shape_only and type(a) is ndarray else frozen(a))
            fill_tuple(nodes, k, -1)
    try:
        z = implemented(prim, plain, params if not program else bare(params), call)
    except Exception:
        note_error()
        raise
    if is_traced(z):
        raise errors.RuleError(f"{prim.name} was given plain values and returned a traced one ({z!r})")
    rec = Record.__new__(Record)
    rec.kind = R_PRIMITIVE
    rec.prim = prim
    rec.args = plain
    rec.nodes = nodes
    rec.params = params
    rec.value = z
    if prim.outputs == 1:
        if not is_inexact(z):
            return record_call(prim.impl, args, params) if programming() else z
        if n != 1 and type(z) is ndarray and cnp.PyArray_BASE(<cnp.ndarray>z) != NULL:
            z = rec.value = own_copy(z) if program else z.copy()
        push_record(tape, rec)
        out = make_var(tape, rec.node, z)
        mark_view(out, args, prim, params)
        return out
    rec.value = tuple(z)
    push_record(tape, rec)
    return tuple([output_var(tape, rec.node, j, zj) if is_inexact(zj) else output_plain(tape, rec, j, zj) for j, zj in enumerate(rec.value)])


cdef object output_plain(Tape tape, Record rec, int j, object z):
    """A result without derivative."""
    return Recorded(tape, part_node(tape, rec, j, z), z) if tape.program else z


cdef object output_var(Tape tape, node_t node, int j, object z):
    cdef Record rec = Record.__new__(Record)
    rec.kind = R_OUTPUT
    rec.a = node
    rec.b = j
    rec.value = z
    push_record(tape, rec)
    return make_var(tape, rec.node, z)
