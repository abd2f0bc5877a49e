# What the transforms call: points in, tangents in, sweeps.

cpdef object as_point(object x, str what):
    """A leaf as a point of differentiation: float or complex scalar, or an array owned by the engine; integers become float64."""
    cdef double v
    cdef int kind
    if constant_of(x, &v, &kind):
        return v if kind == K_FLOAT else x
    x = pack(x)
    if type(x) is Recorded:
        return as_point(undecided(x), what)
    if is_traced(x):
        return fresh_copy(x)
    if isinstance(x, (bool, np_bool)):
        raise errors.DtypeError(f"{what} is the boolean {x!r}; a derivative needs a floating number (write 1.0 or 0.0)")
    if isinstance(x, ndarray):
        if type(x) is not ndarray:
            x = base_array(x)
        if x.dtype.kind in "iu":
            return np.array(x, dtype=float64, order="K", subok=False)
        if x.dtype.kind in "fc":
            return own_copy(x)
        raise errors.DtypeError(f"{what} is an array of dtype {x.dtype}; a derivative needs floating values (x.astype(float))")
    if isinstance(x, generic) and x.dtype.kind in "fciu":
        return float64(x) if x.dtype.kind in "iu" else x
    if isinstance(x, complex):
        return x
    if isinstance(x, int):
        return float(x)
    if hasattr(x, "__array__") and not isinstance(x, type):
        return as_point(np.asarray(x), what)
    raise errors.DtypeError(f"{what} is {_short(x)} of type {type(x).__name__}; a derivative needs numbers or arrays of numbers "
                            "(to pass other arguments, leave them out of argnums)")


cdef object undecided(object r):
    """A recorded plain value as a point or tangent that stays part of the program; booleans, which are refused, as they are."""
    kind = np.asarray(r.held).dtype.kind
    if kind == "b":
        return r.held
    return detached(r if kind in "fc" else record_call(_as_float64, (r,), {}))


def _as_float64(x):
    """Integers as a point of differentiation."""
    return np.array(x, dtype=float64, order="K")[()]


cdef object own_copy(object x):
    """A copy in native byte order and the same order of axes: where NumPy walks backwards, its results can differ in the last bit. While a
    program is recorded, with the very layout: what NumPy computes from a column is not always what it computes from a packed copy."""
    cdef int k
    cdef bint backwards = False
    cdef cnp.ndarray out
    if type(x) is ndarray and cnp.PyArray_ISCARRAY(<cnp.ndarray>x) and cnp.PyArray_ISNUMBER(<cnp.ndarray>x):
        out = empty_like(<cnp.ndarray>x, cnp.PyArray_TYPE(<cnp.ndarray>x))  # the usual ones without NumPy's copying machine
        memcpy(cnp.PyArray_DATA(out), cnp.PyArray_DATA(<cnp.ndarray>x), cnp.PyArray_NBYTES(<cnp.ndarray>x))
        return out
    if not cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>x):
        return own_copy(x.astype(x.dtype.newbyteorder("=")))
    if programming() and type(x) is ndarray and x.dtype.kind in "biufc":
        return laid_out(x, layout(x.shape, x.strides, x.itemsize))
    for k in range(cnp.PyArray_NDIM(<cnp.ndarray>x)):
        backwards = backwards or cnp.PyArray_STRIDE(<cnp.ndarray>x, k) < 0
    if backwards:
        flip = tuple([slice(None, None, -1 if s < 0 else 1) for s in x.strides])
        return own_copy(x[flip])[flip]
    return cnp.PyArray_NewCopy(<cnp.ndarray>x, cnp.NPY_KEEPORDER) if type(x) is ndarray else np.array(x, order="K", subok=False)


def points(list leaves, describe):
    """The leaves of an argument as points; `describe(k)` names leaf k in errors."""
    cdef list out = []
    cdef Py_ssize_t k
    cdef object x
    for k in range(len(leaves)):
        x = leaves[k]
        if PyFloat_CheckExact(x) or da_same_type(x, float64):
            out.append(x)
            continue
        try:
            out.append(as_point(x, "it"))
        except errors.DtypeError:
            out.append(as_point(x, describe(k)))
    return out


def _short(x):
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."


cpdef object as_tangent(object t, object point, str what):
    """A tangent or cotangent for `point`: the same shape, in the point's dtype."""
    cdef object tv, pv
    if float_type(t) >= 0 and float_type(point) == float_type(t) and same_shape(<cnp.ndarray>t, <cnp.ndarray>point):
        return t.copy()
    if PyFloat_CheckExact(t) and PyFloat_CheckExact(point):
        return t
    pv = plain_value(point)
    t = pack(t)
    if type(t) is Recorded:
        t = undecided(t)
    if isinstance(t, (list, tuple)):
        t = np.asarray(t)
    tv = plain_value(t)
    if isinstance(tv, (bool, np_bool)) or not (isinstance(tv, (float, int, complex, np_number)) or
                                               (isinstance(tv, ndarray) and tv.dtype.kind in "fciu")):
        raise errors.DtypeError(f"{what} is {_short(tv)} of type {type(tv).__name__}; it must be a number or array like the point")
    if shape_of(tv) != shape_of(pv):
        raise errors.ShapeError(f"{what} has shape {shape_of(tv)}, but the value it belongs to has shape {shape_of(pv)}; they must be equal")
    if is_complex(tv) and not is_complex(pv):
        raise errors.DtypeError(f"{what} is complex, but the value it belongs to is real")
    if is_traced(t):
        return match_dtype(t, pv)
    if isinstance(pv, ndarray):
        return np.array(t, dtype=pv.dtype)
    if isinstance(pv, generic):
        return pv.dtype.type(t)
    return type(pv)(t)


cdef object fresh(Tape tape, object x):
    """A new independent variable: a leaf, or a copy of an outer Var, inside the Duals of outer levels."""
    cdef double v
    cdef int kind
    cdef node_t node
    cdef da_node *d
    cdef Record rec
    if type(x) is Dual:
        return make_dual((<Dual>x).level, fresh(tape, dual_primal(<Dual>x)), dual_tangent(<Dual>x))
    if type(x) is Var:
        check_tape(<Tape>(<Var>x).T)
        if (<Var>x).kind < K_OBJECT:
            node = da_tape_op(&tape.t, DA_copy, DA_F32 if (<Var>x).kind == K_SINGLE else 0, (<Var>x).node, 0, 0, (<Var>x).p)
            if node < 0:
                raise MemoryError("no memory for the tape")
            return new_var(tape, node, (<Var>x).p, (<Var>x).kind)
        rec = Record.__new__(Record)
        rec.kind = R_TABLE
        rec.op = DA_copy
        rec.a = (<Var>x).node
        rec.b = -1
        rec.x = rec.value = var_value(<Var>x)
        push_record(tape, rec)
        return array_handle(tape, rec)
    if constant_of(x, &v, &kind):
        d = da_tape_push(&tape.t)
        if d == NULL:
            raise MemoryError("no memory for the tape")
        memset(d, 0, sizeof(da_node))
        d.v = v
        d.op = DA_INPUT
        d.flags = DA_F32 if kind == K_SINGLE else 0
        return new_var(tape, tape.t.n - 1, v, kind)
    rec = Record.__new__(Record)
    rec.kind = R_INPUT
    rec.value = x
    push_record(tape, rec)
    return array_handle(tape, rec)


cdef Var array_handle(Tape tape, Record rec):
    """The Var of an array node, also where the value is a complex scalar."""
    cdef Var r = <Var>da_traced_new(Var)
    r.kind = K_OBJECT
    r.node = rec.node
    Py_INCREF(tape)
    r.T = <PyObject *>tape
    Py_INCREF(rec.value)
    r.P = <PyObject *>rec.value
    return r


def fresh_all(Tape tape, list leaves):
    """New variables for checked points; returns them and the first node. Their nodes are consecutive."""
    cdef node_t start = tape.t.n
    return [fresh(tape, x) for x in leaves], start


def handles(list variables):
    """Variables as the user's function gets them: it may store into its arguments, and may have to run twice."""
    return [fresh_copy(v) for v in variables]


def buffer(object x, int64_t level):
    """A plain array (owned by the caller, who gives it up) as one that traced values can be stored into."""
    cdef Record rec
    if da_get_current() == NULL:
        return make_dual(level, x, np.zeros(x.shape, x.dtype))
    rec = Record.__new__(Record)
    rec.kind = R_INPUT
    rec.value = x
    push_record(<Tape>da_get_current(), rec)
    return array_handle(<Tape>da_get_current(), rec)


def valued(str name, object value, *args):
    """A table operation on traced Python floats whose value was computed elsewhere (by `math`)."""
    return valued_op(OP_NAMES[name], value, args[0], args[1] if len(args) > 1 else None)


cdef object valued_op(int op, object value, object x, object y):
    cdef int64_t level = max(level_of(x), level_of(y))
    cdef object xp = x, yp = y, xt = None, yt = None, t = None, z
    cdef int flags
    cdef node_t i
    if level >= 0:
        if level_of(x) == level:
            xp = dual_primal(<Dual>x)
            xt = dual_tangent(<Dual>x)
        if level_of(y) == level:
            yp = dual_primal(<Dual>y)
            yt = dual_tangent(<Dual>y)
        z = valued_op(op, value, xp, yp)
        if xt is not None:
            t = tangent_term(op, 0, xp, yp, z, xt)
        if yt is not None:
            s = tangent_term(op, 1, xp, yp, z, yt)
            t = s if t is None else rule_op(DA_add, t, s)
        return make_dual(level, z, match_dtype(t, value))
    if type(x) is not Var and type(y) is not Var:
        return value
    x = as_scalar_node(x)
    y = as_scalar_node(y)
    tape = tape_of(x, y)
    flags = DA_LIBM if type(x) is Var else DA_LIBM | DA_A_CONST
    if OP_ARITY[op] == 2 and type(y) is not Var:
        flags |= DA_B_CONST
    i = da_tape_op(&(<Tape>tape).t, op, flags, (<Var>x).node if type(x) is Var else 0, (<Var>y).node if type(y) is Var else 0,
                   float(y) if flags & DA_B_CONST else float(x) if flags & DA_A_CONST else 0.0, value)
    if i < 0:
        raise MemoryError("no memory for the tape")
    return new_var(tape, i, value, K_FLOAT)


def lift(list points, list tangents, int64_t level):
    """Points and tangents as Duals of a level."""
    return [make_dual(level, p, t) for p, t in zip(points, tangents)]


def split(object y, int64_t level):
    """Primal and tangent of a result at `level`; the tangent of what does not depend on it is zero."""
    y = operand(y)
    if level_of(y) == level:
        return dual_primal(<Dual>y), dual_tangent(<Dual>y)
    return y, zeros_for(y)


def owned_parts(list results, int64_t level):
    """Primals and tangents of results at `level`; arrays are the caller's own."""
    cdef list primals = [], tangents = []
    for y in results:
        p, t = split(y, level)
        primals.append(p.copy() if type(p) is ndarray else p)
        tangents.append(t.copy() if type(t) is ndarray else t)
    return primals, tangents


def usual_result(object y, list live):
    """True for one live traced value, the commonest result of a function; `live` are the levels of running transforms."""
    if type(y) is Dual:
        while type(y) is Dual:
            if (<Dual>y).level not in live:
                return False
            y = dual_primal(<Dual>y)
        return type(y) is not Var or (<Tape>(<Var>y).T).t.owner == da_me()
    return type(y) is Var and (<Tape>(<Var>y).T).t.owner == da_me()


def parts(object y):
    """(level, primal, tangent) of a Dual, else None: how the transforms take nested results apart."""
    y = operand(y)
    if type(y) is Dual:
        return (<Dual>y).level, dual_primal(<Dual>y), dual_tangent(<Dual>y)
    return None


def join(int64_t level, object p, object t):
    """The Dual with these parts."""
    return make_dual(level, p, t)


def new_level():
    """A level for one forward transform call; later calls are outside earlier ones."""
    global LEVELS
    LEVELS += 1
    return LEVELS


LEVELS = 0


def on_tape(object y, Tape tape, node_t lo):
    """True when `y` is a Var of `tape` recorded at or after node `lo`."""
    return type(y) is Var and (<Var>y).T == <PyObject *>tape and (<Var>y).node >= lo


def escaped(object y):
    """True for a Var whose tape has ended or is another thread's."""
    return type(y) is Var and (<Tape>(<Var>y).T).t.owner != da_me()


def is_real_scalar(object y):
    """True for a live traced real scalar: the usual result of a function whose gradient is taken."""
    return type(y) is Var and (<Var>y).kind < K_OBJECT and (<Tape>(<Var>y).T).t.owner == da_me()


def innermost(list values):
    """The Vars inside the Duals of outer levels."""
    cdef list out = []
    cdef object v
    for v in values:
        while type(v) is Dual:
            v = dual_primal(<Dual>v)
        out.append(v)
    return out


def highest_level(object values):
    """The newest level among the Duals in a list; -1 when there is none."""
    cdef int64_t level = -1
    cdef object v
    for v in values:
        if type(v) is Dual:
            level = max(level, (<Dual>v).level)
    return level


cdef bint watched(Tape tape, node_t lo, node_t hi):
    """True when somebody outside the transform that began at `lo` records on the tape and the recording depends on them."""
    cdef Py_ssize_t k
    cdef Record r
    cdef object node
    if tape.t.owner != da_me():
        return False
    if tape.program:
        return True
    if da_depends_below(&tape.t, lo, hi):
        return True
    for k in range(first_record(tape, lo), first_record(tape, hi + 1)):
        r = <Record>tape.records[k]
        if r.kind in (R_TABLE, R_GET, R_SET, R_MOVE):
            if 0 <= r.a < lo or (r.kind in (R_TABLE, R_SET) and 0 <= r.b < lo):
                return True
        elif r.kind == R_PRIMITIVE or r.kind == R_PACK:
            for node in (r.nodes if r.kind == R_PRIMITIVE else r.nodes.tolist()):
                if 0 <= node < lo:
                    return True
    return False


def pull(Tape tape, node_t lo, list inputs, list outputs, list given, Py_ssize_t lanes):
    """The reverse sweep: cotangents of the `inputs` (consecutive Vars from node `lo`) caused by cotangents `given` of the outputs.
    Outputs that this recording did not make count for nothing."""
    cdef node_t hi = lo + len(inputs) - 1, n
    cdef object y, g
    cdef bint live, traced = False
    cdef list nodes = [], cotangents = []
    for y, g in zip(outputs, given):
        if not (type(y) is Var and (<Var>y).T == <PyObject *>tape and (<Var>y).node >= lo):
            continue
        n = (<Var>y).node
        nodes.append(n)
        cotangents.append(g)
        hi = max(hi, n)
        traced = traced or is_traced(g)
    live = watched(tape, lo, hi)
    if live or traced:
        return pull_emitting(tape, lo, hi, inputs, nodes, cotangents, lanes, live)
    return pull_numeric(tape, lo, hi, inputs, nodes, cotangents, lanes)


cdef list pull_numeric(Tape tape, node_t lo, node_t hi, list inputs, list nodes, list cotangents, Py_ssize_t lanes):
    cdef Sweep s = Sweep.__new__(Sweep, tape, hi, lo, lanes)
    cdef Py_ssize_t k
    for k in range(len(nodes)):
        s.give(nodes[k], cotangents[k], False)
    try:
        s.run(lo + len(inputs))
    finally:
        s.hush.speak()
    return [s.take(lo + k, (<Var>inputs[k]).kind) for k in range(len(inputs))]


cdef list pull_emitting(Tape tape, node_t lo, node_t hi, list inputs, list nodes, list cotangents, Py_ssize_t lanes, bint live):
    cdef bint fast = live and lanes == 0
    cdef Py_ssize_t k
    cdef Emitter e
    cdef object g
    cdef list out = []
    for g in cotangents:
        if type(g) is Dual or (type(g) is Var and (<Var>g).T != <PyObject *>tape):
            fast = False
    e = Emitter.__new__(Emitter, tape, hi, lo, lanes, live, fast and not any([is_complex(g) for g in cotangents]))
    with quiet():
        for k in range(len(nodes)):
            e.give(nodes[k], cotangents[k])
        e.run(hi, lo + len(inputs))
        for k in range(len(inputs)):
            g = e.adjoint(lo + k)
            v = box((<Var>inputs[k]).p, (<Var>inputs[k]).kind) if (<Var>inputs[k]).kind < K_OBJECT else record_of(tape, lo + k).value
            out.append(zeros_seed(v, lanes) if g is None else of_kind(match_dtype(g, v), inputs[k]) if lanes == 0 else g)
    return out


cdef object of_kind(object g, Var x):
    """A scalar cotangent as the kind of number that its variable is."""
    if x.kind != K_FLOAT and x.kind != K_DOUBLE:
        return g
    if type(g) is Var and ((<Var>g).kind == K_FLOAT or (<Var>g).kind == K_DOUBLE):
        return new_var(<Tape>(<Var>g).T, (<Var>g).node, (<Var>g).p, x.kind)
    return box(g, x.kind) if isinstance(g, float) else g


def push(Tape tape, node_t lo, list inputs, list outputs, list seeds, Py_ssize_t lanes):
    """The forward sweep over a recording: tangents of the output Vars for `seeds` (one a input, with a leading seed axis)."""
    cdef node_t hi = lo + len(inputs) - 1
    cdef object y, t
    cdef Py_ssize_t k
    cdef Push s
    cdef list out = []
    for y in outputs:
        hi = max(hi, <node_t>(<Var>y).node)
    s = Push.__new__(Push, tape, hi, lo, lanes)
    for k in range(len(inputs)):
        s.seed(lo + k, seeds[k])
    try:
        s.run(lo + len(inputs))
    finally:
        s.hush.speak()
    for y in outputs:
        t = s.tangent((<Var>y).node)
        v = plain_value(y)
        out.append(zeros_seed(v if is_inexact(v) else float(v), lanes) if t is None else t)
    return out


# Seeds swept together: enough to fill vector registers, few enough that the adjoints of a chunk stay in the cache.
cdef enum:
    MIN_LANES = 8
    MAX_LANES = 64
    LANE_NUMBERS = 250_000


def jacobian_blocks(Tape tape, node_t lo, list inputs, object y, object mode):
    """The Jacobian of one result with respect to each input by numeric sweeps: (arrays of shape y.shape + input.shape, whether they came
    from forward sweeps); None for a result that was not recorded. `mode` is "forward", "reverse" or None: the cheaper one."""
    cdef Py_ssize_t n_in = total_size(inputs), n_out, seeds, lanes
    cdef bint forward
    if not on_tape(y, tape, lo):
        return None
    n_out = np_size(plain_value(y))
    forward = mode == "forward" if mode is not None else n_in <= n_out
    if is_complex(plain_value(y)) and not any_complex(inputs):
        forward = True
    seeds = n_in if forward else n_out
    lanes = LANE_NUMBERS // max(<Py_ssize_t>1, <Py_ssize_t>extent(tape, lo))
    lanes = max(MIN_LANES, min(MAX_LANES, lanes))
    return swept_blocks(tape, lo, inputs, y, forward, max(<Py_ssize_t>1, min(seeds, lanes))), forward


cdef list swept_blocks(Tape tape, node_t lo, list inputs, object y, bint forward, Py_ssize_t lanes):
    """jacobian_blocks in a given direction with a given number of seeds at a time."""
    cdef list points = [plain_value(v) for v in inputs], blocks, out = []
    cdef object result = plain_value(y), p, b
    cdef Py_ssize_t m = np_size(result), total = 0, k, a, start
    cdef list sizes = [np_size(p) for p in points]
    for k in range(len(sizes)):
        total += sizes[k]
    if forward:
        full = np.empty((m, total), dtype=result_dtype(result))
        for a in range(0, total, lanes):
            k = min(lanes, total - a)
            columns(full, a, push(tape, lo, inputs, [y], unit_seeds(k, a, points, sizes), k)[0].reshape(k, m))
        start = 0
        for p, size in zip(points, sizes):
            b = full if len(sizes) == 1 else full[:, start:start + size].copy()
            out.append(b.reshape(shape_of(result) + shape_of(p)))
            start += size
        return out
    blocks = [np.empty((m, size), dtype=result_dtype(p)) for p, size in zip(points, sizes)]
    for a in range(0, m, lanes):
        k = min(lanes, m - a)
        rows = pull(tape, lo, inputs, [y], unit_seeds(k, a, [result], [m]), k)
        for b, r, size in zip(blocks, rows, sizes):
            b[a:a + k] = r.reshape(k, size)
    return [b.reshape(shape_of(result) + shape_of(p)) for b, p in zip(blocks, points)]


cdef int columns(object full, Py_ssize_t first, object rows) except -1:
    """full[:, first:first + k] = rows.T for k rows."""
    cdef Py_ssize_t i, j, k = cnp.PyArray_DIM(<cnp.ndarray>rows, 0), m = cnp.PyArray_DIM(<cnp.ndarray>rows, 1)
    cdef Py_ssize_t n = cnp.PyArray_DIM(<cnp.ndarray>full, 1)
    cdef double *to
    cdef double *source
    if float_type(full) != cnp.NPY_DOUBLE or float_type(rows) != cnp.NPY_DOUBLE:
        full[:, first:first + k] = rows.T
        return 0
    to = <double *>cnp.PyArray_DATA(<cnp.ndarray>full) + first
    source = <double *>cnp.PyArray_DATA(<cnp.ndarray>rows)
    for i in range(m):
        for j in range(k):
            to[i * n + j] = source[j * m + i]
    return 0


cdef Py_ssize_t np_size(object x):
    return cnp.PyArray_SIZE(<cnp.ndarray>x) if isinstance(x, cnp.ndarray) else 1


cdef object result_dtype(object x):
    return (<object>x).dtype if isinstance(x, (cnp.ndarray, generic)) else np.result_type(x)


def any_complex(list values):
    """True when a value is complex."""
    for v in values:
        if is_complex(plain_value(v)):
            return True
    return False


def total_size(list values):
    """The number of elements of the values together."""
    cdef Py_ssize_t n = 0
    for v in values:
        n += np_size(plain_value(v))
    return n


def unit_seeds(Py_ssize_t k, Py_ssize_t first, list values, list sizes):
    """`k` unit seeds for values laid end to end: row r has its one at flat element ``first + r``."""
    cdef Py_ssize_t start = 0, size, r, at
    cdef bint fast
    cdef list out = []
    for v, size in zip(values, sizes):
        s = np.zeros((k,) + shape_of(v), dtype=result_dtype(v))
        fast = float_type(s) == cnp.NPY_DOUBLE
        flat = s if fast else s.reshape(k, size)
        for r in range(k):
            at = first + r - start
            if 0 <= at < size and fast:
                (<double *>cnp.PyArray_DATA(<cnp.ndarray>s))[r * size + at] = 1
            elif 0 <= at < size:
                flat[r, at] = 1
        out.append(s)
        start += size
    return out


# The share of scalar nodes from which on a Jacobian is emitted row by row: scalar sweeps run in C.
cdef enum:
    SCALARS_A_RECORD = 8


def mostly_scalars(Tape tape, node_t lo):
    """True when a recording consists of scalar nodes rather than array operations."""
    return tape.t.n - lo > SCALARS_A_RECORD * <node_t>(len(tape.records) - first_record(tape, lo))


def depends_outside(Tape tape, node_t lo):
    """True when the recording from `lo` on depends on somebody outside who is recording too."""
    return watched(tape, lo, tape.t.n - 1)


cdef extern from *:
    long CYTHON_HEX_VERSION


cython_version = ".".join([str((CYTHON_HEX_VERSION >> shift) & 255) for shift in (24, 16, 8)])
def plain(x):
    """The plain value of anything, not copied: for looking at shapes and types."""
    return plain_value(x)


def extent(Tape tape, node_t lo):
    """Numbers recorded from node `lo` on: how much memory one seed of a sweep needs."""
    cdef Py_ssize_t k
    cdef int64_t total = tape.t.n - lo
    for k in range(first_record(tape, lo), len(tape.records)):
        v = (<Record>tape.records[k]).value
        if type(v) is ndarray:
            total += cnp.PyArray_SIZE(<cnp.ndarray>v)
    return total
