# Table operations on plain values: NumPy's own loops where IEEE does not fix the result, table kernels where it does.

cdef list UFUNC = [None] * 256          # by operation: the NumPy ufunc, or the table's own function
cdef list OPERATOR = [None] * 256       # by operation: the Python operator, if there is one
cdef dict UFUNC_OP = {}                 # ufunc -> operation
cdef cnp.PyUFuncGenericFunction LOOP_D[256]
cdef void *LOOP_D_DATA[256]
cdef cnp.PyUFuncGenericFunction LOOP_F[256]
cdef void *LOOP_F_DATA[256]
cdef bint OWN_KERNEL[256]               # operations whose values come from the table's kernels, not from NumPy's loops
cdef dict OP_NAMES = {}                 # name -> operation
COMPLEX = {}                            # name of a ufunc, or "abs" -> function used where an operand is complex and the table does not hold


cdef void find_loops(int op, object ufunc):
    """Captures NumPy's own float64 and float32 inner loops of a ufunc."""
    cdef numpy_ufunc *u = <numpy_ufunc *><PyObject *>ufunc
    cdef int k, j, n = u.nin + u.nout
    for k in range(u.ntypes):
        if all([u.types[k * n + j] == cnp.NPY_DOUBLE for j in range(n)]) and LOOP_D[op] == NULL:
            LOOP_D[op] = u.functions[k]
            LOOP_D_DATA[op] = u.data[k]
        if all([u.types[k * n + j] == cnp.NPY_FLOAT for j in range(n)]) and LOOP_F[op] == NULL:
            LOOP_F[op] = u.functions[k]
            LOOP_F_DATA[op] = u.data[k]


cdef void run_loop(cnp.PyUFuncGenericFunction loop, void *data, int arity, cnp.npy_intp n, char *x, cnp.npy_intp sx,
                   char *y, cnp.npy_intp sy, char *o, cnp.npy_intp so) noexcept:
    cdef char *args[3]
    cdef cnp.npy_intp steps[3]
    args[0] = x
    steps[0] = sx
    args[1] = y if arity == 2 else o
    steps[1] = sy if arity == 2 else so
    args[2] = o
    steps[2] = so
    loop(args, &n, steps, data)


cdef inline bint numpy_loop(int op, double x, double y, double *z):
    """z = op(x, y) by NumPy's own loop for one float64 element, as its scalars compute it."""
    if LOOP_D[op] == NULL:
        return False
    run_loop(LOOP_D[op], LOOP_D_DATA[op], OP_ARITY[op], 1, <char *>&x, 8, <char *>&y, 0 if op == DA_pow else 8, <char *>z, 8)
    return True


cdef inline int float_type(object a):
    """NPY_DOUBLE or NPY_FLOAT for a contiguous native ndarray of that type that kernels can read; -1 otherwise."""
    cdef cnp.ndarray arr
    cdef int t
    if not da_same_type(a, ndarray):
        return -1
    arr = <cnp.ndarray>a
    t = cnp.PyArray_TYPE(arr)
    if (t == cnp.NPY_DOUBLE or t == cnp.NPY_FLOAT) and cnp.PyArray_ISCARRAY_RO(arr):
        return t
    return -1


cdef inline bint same_shape(cnp.ndarray a, cnp.ndarray b):
    cdef int k, n = cnp.PyArray_NDIM(a)
    if cnp.PyArray_NDIM(b) != n:
        return False
    for k in range(n):
        if cnp.PyArray_DIM(a, k) != cnp.PyArray_DIM(b, k):
            return False
    return True


cdef inline cnp.ndarray empty_like(cnp.ndarray a, int t):
    return cnp.PyArray_EMPTY(cnp.PyArray_NDIM(a), cnp.PyArray_DIMS(a), t, 0)


# One operand of a kernel: where it is and whether it moves (1) or stays (0).
cdef struct Feed:
    double d
    float f
    char *p
    Py_ssize_t s


cdef inline bint feed(object a, int t, cnp.ndarray like, Feed *out):
    """Makes an operand readable by kernels of type `t` beside arrays shaped as `like`."""
    cdef int kind
    cdef double v
    if float_type(a) == t:
        if cnp.PyArray_NDIM(<cnp.ndarray>a) and not same_shape(<cnp.ndarray>a, like):
            return False
        out.p = <char *>cnp.PyArray_DATA(<cnp.ndarray>a)
        out.s = 1 if cnp.PyArray_NDIM(<cnp.ndarray>a) else 0
        return True
    if not constant_of(a, &v, &kind) or (t == cnp.NPY_FLOAT and kind == K_DOUBLE):
        return False
    out.d = v
    out.f = <float>v
    out.p = <char *>&out.d if t == cnp.NPY_DOUBLE else <char *>&out.f
    out.s = 0
    return True


cdef object array_value(int op, object x, object y):
    """The operation on contiguous arrays of one float type without NumPy's call path; None when it does not apply."""
    cdef int t = float_type(x), ty, arity = OP_ARITY[op]
    cdef cnp.ndarray like, out
    cdef Feed fx, fy
    cdef cnp.npy_intp n, item
    if t >= 0 and cnp.PyArray_NDIM(<cnp.ndarray>x):
        like = <cnp.ndarray>x
    elif arity == 2:
        t = float_type(y)
        if t < 0 or not cnp.PyArray_NDIM(<cnp.ndarray>y):
            return None
        like = <cnp.ndarray>y
    else:
        return None
    if not feed(x, t, like, &fx):
        return None
    fy.p = NULL
    fy.s = 0
    if arity == 2 and not feed(y, t, like, &fy):
        return None
    n = cnp.PyArray_SIZE(like)
    item = 8 if t == cnp.NPY_DOUBLE else 4
    if not OWN_KERNEL[op] and (LOOP_D[op] if t == cnp.NPY_DOUBLE else LOOP_F[op]) == NULL:
        return None
    out = empty_like(like, t)
    da_fp_clear()
    if OWN_KERNEL[op]:
        if t == cnp.NPY_DOUBLE:
            da_value_kernel_d(op)(n, <double *>fx.p, fx.s, <double *>fy.p, fy.s, <double *>cnp.PyArray_DATA(out))
        else:
            da_value_kernel_f(op)(n, <float *>fx.p, fx.s, <float *>fy.p, fy.s, <float *>cnp.PyArray_DATA(out))
    elif t == cnp.NPY_DOUBLE:
        run_loop(LOOP_D[op], LOOP_D_DATA[op], arity, n, fx.p, fx.s * item, fy.p, fy.s * item, cnp.PyArray_BYTES(out), item)
    else:
        run_loop(LOOP_F[op], LOOP_F_DATA[op], arity, n, fx.p, fx.s * item, fy.p, fy.s * item, cnp.PyArray_BYTES(out), item)
    return out


cdef object plain2(int op, object x, object y, int by):
    """op(x, y) on plain values, with the exceptions and warnings of the way it was written."""
    cdef double a, b
    cdef int ka, kb
    cdef object z
    if by == BY_RULE and constant_of(x, &a, &ka) and constant_of(y, &b, &kb):
        return box(da_value_of(op, a, b), join_kinds(ka, kb))
    if not (op == DA_pow and by == BY_OPERATOR):
        z = array_value(op, x, y)
        if z is not None and (by == BY_RULE or not unreported(da_fp_events())):
            return z
    elif is_exponent(y, 2) and float_type(x) >= 0 and not da_same_type(y, float64):
        z = array_value(DA_square, x, None)  # as NumPy's operator does
        if z is not None and not unreported(da_fp_events()):
            return z
    if by == BY_OPERATOR and OPERATOR[op] is not None:
        return OPERATOR[op](x, y)
    return UFUNC[op](x, y)


cdef object plain1(int op, object x, int by):
    cdef double a
    cdef int ka
    cdef object z
    if by == BY_RULE and constant_of(x, &a, &ka):
        return box(da_value_of(op, a, 0), ka)
    z = array_value(op, x, None)
    if z is not None and (by == BY_RULE or not unreported(da_fp_events())):
        return z
    if by == BY_OPERATOR and OPERATOR[op] is not None:
        return OPERATOR[op](x)
    return UFUNC[op](x)


cdef object table_function(int op):
    """The array form of a table operation that NumPy does not have (real operands by the kernels, complex by formula)."""
    name = (<bytes>da_ops[op].name).decode()
    formulas = {
        "copy": np.array, "eqz": lambda x: np.equal(x, 0).astype(np.result_type(x)),
        "smul": lambda x, y: strong(np.multiply(x, y), x), "sdiv": lambda x, y: strong(np.divide(x, y), x),
        "lt": as_numbers(np.less), "le": as_numbers(np.less_equal), "eq": as_numbers(np.equal), "ne": as_numbers(np.not_equal),
        "diff": lambda x, y: np.where(np.equal(x, y), np.zeros_like(x), np.subtract(x, y)),
    }

    def on_arrays(*args):
        if name in formulas:
            return formulas[name](*args)
        if name == "sech2" and np.iscomplexobj(args[0]):
            return np.square(np.reciprocal(np.cosh(args[0])))
        args = np.broadcast_arrays(*typed(args))
        out = array_value(op, np.array(args[0], order="C").reshape(-1), np.array(args[len(args) - 1], order="C").reshape(-1))
        return out.reshape(args[0].shape)[()]

    return on_arrays


def as_numbers(comparison):
    """A comparison that gives ones and zeros in the operands' type."""
    return lambda x, y: comparison(x, y).astype(np.result_type(x, y))


def typed(args):
    dtype = np.result_type(*args)
    return [np.asarray(a, dtype=dtype if dtype in (float32, float64) else float64) for a in args]


def strong(product, first):
    """Zero wherever the first factor is exactly zero, whatever the other was."""
    if np.isfinite(product).all():
        return product
    return np.where(np.equal(first, 0), np.zeros((), product.dtype), product)[()]


cdef void fill_tables():
    cdef int op
    da_ops_init()
    for op in range(DA_N_OPS):
        OP_ARITY[op] = da_ops[op].arity
        OP_FLAGS[op] = da_ops[op].flags
        OP_NAMES[(<bytes>da_ops[op].name).decode()] = op
        numpy_name = (<bytes>da_ops[op].numpy).decode()
        if numpy_name:
            UFUNC[op] = getattr(np, numpy_name)
            UFUNC_OP[UFUNC[op]] = op
            find_loops(op, UFUNC[op])
        else:
            UFUNC[op] = table_function(op)
        OWN_KERNEL[op] = OP_FLAGS[op] & DA_EXACT or not numpy_name
    for op, function in ((DA_add, _operator.add), (DA_sub, _operator.sub), (DA_mul, _operator.mul), (DA_div, _operator.truediv),
                         (DA_floordiv, _operator.floordiv), (DA_mod, _operator.mod), (DA_pow, _operator.pow),
                         (DA_neg, _operator.neg), (DA_pos, _operator.pos), (DA_abs, abs)):
        OPERATOR[op] = function


fill_tables()


def operations():
    """The operation table as data: one dict an operation (what the generated tests and listings are made of)."""
    return [{
        "name": (<bytes>da_ops[op].name).decode(), "numpy": (<bytes>da_ops[op].numpy).decode(), "arity": da_ops[op].arity,
        "exact": bool(da_ops[op].flags & DA_EXACT), "step": bool(da_ops[op].flags & DA_STEP),
        "holo": bool(da_ops[op].flags & DA_HOLO), "value": (<bytes>da_ops[op].value_text).decode(),
        "partials": tuple([(<bytes>da_ops[op].partial_text[k]).decode() for k in range(da_ops[op].arity)]),
        "lo": tuple([da_ops[op].lo[k] for k in range(da_ops[op].arity)]),
        "hi": tuple([da_ops[op].hi[k] for k in range(da_ops[op].arity)]),
    } for op in range(DA_N_OPS)]


def simd_level():
    """The instruction set that the array kernels use on this machine."""
    return (<bytes>da_simd_level()).decode()


def simd_levels():
    """The instruction sets compiled in."""
    return (<bytes>da_simd_levels()).decode().split()
