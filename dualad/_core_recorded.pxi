# Recording a program: plain values computed from traced ones stay nodes, so that a replay computes them again.

class Slot:
    """The place of a node in the arguments of a recorded call: `k` counts its operands."""
    __slots__ = ("k",)

    def __init__(self, k):
        self.k = k

    def __repr__(self):
        return f"Slot({self.k})"


cdef inline bint programming() noexcept:
    """True while this thread records a program."""
    return da_get_current() != NULL and (<Tape>da_get_current()).program


class Recorded(_numpy.lib.mixins.NDArrayOperatorsMixin):
    """A plain value under recording: a comparison, an index, a shape-like or detached number. It stays part of the program until
    Python needs to know it (`if`, `int()`, an index into a plain array); then the program guards it."""
    __slots__ = ("held", "node", "tape", "viewed")

    def __init__(self, tape, node, held):
        self.tape = tape
        self.node = node
        self.held = held
        self.viewed = False    # a view of another one, or that has views

    @property
    def __class__(self):
        """The type it stands for, as for traced values."""
        return type(self.held)

    def __repr__(self):
        return f"Recorded({self.held!r})"

    def __array__(self, dtype=None, copy=None):
        return np.array(known(self), dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any_traced(inputs) or any_traced(kwargs.get("out", ())):
            return array_ufunc(ufunc, method, inputs, kwargs)
        function = ufunc if method == "__call__" else _UfuncMethod(ufunc, method)
        if method == "at" and type(inputs[0]) is Recorded:
            written(inputs[0], _InPlace(function), inputs[1:], kwargs)
            return None
        return recorded_into(function, inputs, kwargs, kwargs.get("out", (None,)))

    def __array_function__(self, func, types, args, kwargs):
        if any_traced(args) or any_traced(tuple(kwargs.values())):
            return call_function(func, args, kwargs)
        if func in CHANGING and args and type(args[0]) is Recorded:
            written(args[0], _InPlace(func), args[1:], kwargs)
            return None
        return recorded_into(func, args, kwargs, (kwargs.get("out"),))

    def __getattr__(self, name):
        if name in ("shape", "ndim", "size", "dtype", "itemsize", "nbytes"):
            return getattr(self.held, name)
        if name.startswith("__"):  # protocols that NumPy and Python probe for
            raise AttributeError(name)
        found = getattr(self.held, name)
        if name in ("item", "tolist", "tobytes"):
            return getattr(known(self), name)
        if callable(found):
            return _BoundCall(name, self)
        return noted_views(record_call(getattr, (self, name), {}), (self,))

    def __getitem__(self, index):
        return noted_views(record_call(_operator.getitem, (self, index), {}), (self,))

    def __setitem__(self, index, new):
        written(self, _InPlace(_operator.setitem), (index, new), {})

    def __iter__(self):
        return iter([self[k] for k in range(len(self.held))])

    def __len__(self):
        return len(self.held)

    def __hash__(self):
        return hash(known(self))

    def __bool__(self):
        return bool(known(self))

    def __int__(self):
        return int(known(self))

    def __index__(self):
        return _operator.index(known(self))

    def __float__(self):
        return float(known(self))

    def __complex__(self):
        return complex(known(self))

    def __round__(self, digits=None):
        return round(known(self)) if digits is None else round(known(self), digits)

    def __format__(self, spec):
        return format(self.held, spec)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise errors.EscapedError("a value of a live recording cannot be pickled; convert it with np.asarray or float first")


class _UfuncMethod:
    """A ufunc's reduce, outer, ... as a function."""
    __slots__ = ("method", "ufunc")

    def __init__(self, ufunc, method):
        self.ufunc = ufunc
        self.method = method

    def __call__(self, *args, **kwargs):
        return getattr(self.ufunc, self.method)(*args, **kwargs)


class _MethodCall:
    """A method of an array as a function of the array."""
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __call__(self, x, *args, **kwargs):
        return getattr(x, self.name)(*args, **kwargs)


class _BoundCall:
    """A method of a recorded value."""
    __slots__ = ("name", "x")

    def __init__(self, name, x):
        self.name = name
        self.x = x

    def __call__(self, *args, **kwargs):
        if self.name in ("fill", "partition", "put", "sort"):
            written(self.x, _InPlace(_MethodCall(self.name)), args, kwargs)
            return None
        return recorded_into(_MethodCall(self.name), (self.x,) + args, kwargs, (kwargs.get("out"),))


class _InPlace:
    """A function that changes its first argument, as one that returns a changed copy."""
    __slots__ = ("function",)

    def __init__(self, function):
        self.function = function

    def __call__(self, x, *args, **kwargs):
        x = x.copy()
        self.function(x, *args, **kwargs)
        return x


class _Into:
    """A function that writes to its `out`, as one that returns a changed copy of it."""
    __slots__ = ("function",)

    def __init__(self, function):
        self.function = function

    def __call__(self, out, *args, **kwargs):
        out = out.copy()
        self.function(*args, out=out, **kwargs)
        return out


# Functions that change their first argument.
CHANGING = {np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask}


cdef object written(object r, object function, tuple args, dict kwargs):
    """Lets a recorded array stand for what `function` makes of it from now on."""
    if r.viewed or any_traced(args):
        raise errors.NoRuleError("while a program is recorded, an array computed without derivative (a mask, an index) cannot take a traced value, and "
                                 "not be changed while there are views of it; build it anew with np.where, or copy it first")
    out = record_call(function, (r,) + args, kwargs)
    r.node = out.node
    r.held = out.held
    return r


cdef object recorded_into(object function, tuple args, dict kwargs, tuple out):
    """A recorded call with its `out`: a recorded array follows; a plain one takes the numbers, which become guards."""
    if all([o is None or not isinstance(o, ndarray) for o in out]):    # NumPy's scalars are replaced, not changed
        return noted_views(record_call(function, args, {k: v for k, v in kwargs.items() if k != "out"}), args)
    kwargs = {k: v for k, v in kwargs.items() if k != "out"}
    if len(out) == 1 and type(out[0]) is Recorded:
        return written(out[0], _Into(function), args, kwargs)
    if any([type(o) is Recorded for o in out]):
        raise errors.NoRuleError("while a program is recorded, a function with several results cannot write to arrays computed without derivative; "
                                 "leave out= away")
    for x in args:
        if type(x) is Recorded:
            known(x)
    return function(*bare(args), out=out if len(out) > 1 else out[0], **bare(kwargs))


cdef object noted_views(object out, tuple args):
    """The result of a call; where it shares memory with an operand, neither may be changed in place."""
    for r in out if isinstance(out, (tuple, list)) else (out,):
        if type(r) is Recorded and type(r.held) is ndarray and r.held.base is not None:
            for x in args:
                if type(x) is Recorded and type(x.held) is ndarray and np.may_share_memory(x.held, r.held):
                    r.viewed = x.viewed = True
    return out


cdef bint any_traced(object x):
    cdef object e
    if is_traced(x):
        return True
    if type(x) is tuple or type(x) is list:
        for e in x:
            if any_traced(e):
                return True
    return False


cdef object known(object r):
    """The content of a recorded value, which becomes plain here: the program holds only while it stays the same."""
    guard(<Tape>r.tape, r.node)
    return r.held


cdef int guard(Tape tape, node_t node) except -1:
    """Notes that the recording went on because of this node's value, and the user's line where it did."""
    check_tape(tape)
    if node not in tape.guards:
        tape.guards[node] = _user_place()
    return 0


cpdef note_error():
    """Notes that an operation raised. The user's code may catch that and go on, so that its course depends on the arguments: on all of
    them, to be safe."""
    cdef Tape tape
    cdef node_t k
    if programming():
        tape = <Tape>da_get_current()
        for k in range(tape.n_given):
            guard(tape, k)


cdef object _user_place():
    """(file, line) of the innermost Python frame outside dualad and NumPy."""
    try:
        frame = _sys._getframe(0)
        while frame.f_back is not None and frame.f_code.co_filename.startswith((_PACKAGE, _NUMPY)):
            frame = frame.f_back
        return frame.f_code.co_filename, frame.f_lineno
    except ValueError:
        return None


_NUMPY = _numpy.__file__[:-len("__init__.py")]


cdef object innermost_var(object x):
    """The Var inside the Duals around it, or the plain value."""
    while type(x) is Dual:
        x = dual_primal(<Dual>x)
    return x


cdef object slotted(object x, list nodes, Tape tape):
    """Arguments of a call with Slots for what the recording knows; `nodes` receives their nodes."""
    x = operand_part(x)
    if type(x) is Var:
        if (<Var>x).T != <PyObject *>tape:
            check_tape(<Tape>(<Var>x).T)
        nodes.append((<Var>x).node)
        return Slot(len(nodes) - 1)
    if type(x) is Recorded:
        nodes.append(x.node)
        return Slot(len(nodes) - 1)
    if type(x) is tuple or type(x) is list:
        return type(x)([slotted(e, nodes, tape) for e in x])
    if isinstance(x, tuple):
        return type(x)(*[slotted(e, nodes, tape) for e in x])
    if type(x) is dict:
        return {k: slotted(v, nodes, tape) for k, v in x.items()}
    return frozen(x) if isinstance(x, ndarray) else x


cdef object operand_part(object x):
    """An argument of a recorded call: object arrays packed, Duals taken off."""
    if type(x) is ndarray and cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_OBJECT:
        x = pack(x)
    return innermost_var(operand(x)) if is_traced(x) else x


cdef object bare(object x):
    """Arguments of a call with plain values in place of traced and recorded ones."""
    x = operand_part(x)
    if type(x) is Recorded:
        return x.held
    if type(x) is Var:
        return var_value(<Var>x)
    if type(x) is tuple or type(x) is list:
        return type(x)([bare(e) for e in x])
    if isinstance(x, tuple):
        return type(x)(*[bare(e) for e in x])
    if type(x) is dict:
        return {k: bare(v) for k, v in x.items()}
    return x


cpdef object record_call(object function, tuple args, dict kwargs):
    """Calls a function on the plain values; its numbers stay part of the program, without derivative."""
    cdef Tape tape = <Tape>da_get_current()
    cdef list nodes = []
    cdef Record rec
    try:
        result = function(*bare(args), **bare(kwargs))
    except Exception:
        note_error()
        raise
    tree = slotted((args, kwargs), nodes, tape)
    rec = Record.__new__(Record)
    rec.kind = R_CALL
    rec.x = function
    rec.args = tree
    rec.nodes = tuple(nodes)
    rec.value = result
    rec.a = rec.b = -1
    if not nodes:
        return result
    push_record(tape, rec)
    return call_results(tape, rec, result)


cdef object call_results(Tape tape, Record rec, object result):
    """What a recorded call returned, as recorded values; results that are not numbers make its operands guards."""
    if isinstance(result, (ndarray, generic, bool, int, float, complex)) and not (isinstance(result, ndarray) and result.dtype.kind in "OSUMmV"):
        return Recorded(tape, rec.node, result)
    if isinstance(result, (tuple, list)) and all([r is None or isinstance(r, (ndarray, generic, bool, int, float)) for r in result]):
        parts = [None if r is None else Recorded(tape, part_node(tape, rec, j, r), r) for j, r in enumerate(result)]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    for node in rec.nodes:
        guard(tape, node)
    return result


cdef node_t part_node(Tape tape, Record whole, int j, object value) except -1:
    """The node of one result among several of a recorded call."""
    cdef Record rec = Record.__new__(Record)
    rec.kind = R_CALL
    rec.x = _operator.getitem
    rec.args = ((Slot(0), j), {})
    rec.nodes = (whole.node,)
    rec.value = value
    rec.a = rec.b = -1
    return push_record(tape, rec)


cdef object detached(object r):
    """A recorded plain value as an operand: a Var through which no derivative passes."""
    cdef Tape tape = <Tape>r.tape
    check_tape(tape)
    v = r.held
    if isinstance(v, (bool, int)):
        return detached_as(r, float)
    if isinstance(v, generic) and v.dtype.kind in "iub":
        return detached_as(r, float64)
    if da_tape_at(&tape.t, <uint32_t>r.node).op == DA_ARRAY and record_of(tape, r.node).kind == R_CALL:
        return make_var(tape, r.node, v)
    return detached_as(r, _detach)


def _detach(x):
    """The same number or array, as a node without derivative."""
    return x.copy() if isinstance(x, ndarray) else x


cdef object detached_as(object r, object function):
    cdef object out = record_call(function, (r,), {})
    return make_var(<Tape>out.tape, out.node, out.held)


cdef object recorded_value(object x):
    """value(x) while a program is recorded: the plain value, still part of the program."""
    x = innermost_var(operand(x))
    return Recorded(<Tape>(<Var>x).T, (<Var>x).node, var_value(<Var>x)) if type(x) is Var else x


cdef object recorded_comparison(object l, object r, int how):
    """A comparison of traced values; of two real scalars it is a node of the operation table."""
    cdef double a, b
    cdef int ka, kb, op
    cdef object x = innermost_var(operand(l)), y = innermost_var(operand(r))
    cdef Tape tape = <Tape>da_get_current()
    cdef node_t node
    if not (scalar_of(x, &a, &ka) and scalar_of(y, &b, &kb)):
        return record_call(COMPARE_UFUNCS[how], (x, y), {})
    if how >= 4:
        x, y, a, b = y, x, b, a
    op = (DA_lt, DA_le, DA_eq, DA_ne, DA_lt, DA_le)[how]
    for v in (x, y):
        if type(v) is Var:
            check_tape(<Tape>(<Var>v).T)
    if type(x) is not Var and type(y) is not Var:
        out = da_value_of(op, a, b) != 0
        return bool(out) if ka == K_FLOAT and kb == K_FLOAT else np_bool(out)
    node = da_tape_op(&tape.t, op, (0 if type(x) is Var else DA_A_CONST) | (0 if type(y) is Var else DA_B_CONST),
                      (<Var>x).node if type(x) is Var else 0, (<Var>y).node if type(y) is Var else 0,
                      b if type(x) is Var else a, da_value_of(op, a, b))
    if node < 0:
        raise MemoryError("no memory for the tape")
    out = da_value_of(op, a, b) != 0
    return Recorded(tape, node, bool(out) if ka == K_FLOAT and kb == K_FLOAT else np_bool(out))


cdef object decided(object x, object function):
    """What a function makes of the plain value of a traced one where Python's course depends on it: a guard of the program that is being
    recorded."""
    if programming():
        x = record_call(function, (x,), {})
        return known(x) if type(x) is Recorded else x
    return function(plain_value(x))


cdef bint without_derivative(Tape tape, node_t node):
    """True for the node of a recorded call, or of an element of its result."""
    cdef da_node *d = da_tape_at(&tape.t, <uint32_t>node)
    if d.op == DA_ELEM:
        d = da_tape_at(&tape.t, d.a)
    return d.op == DA_ARRAY and (<Record>tape.records[d.aux]).kind == R_CALL


cdef bint whole_index(object index):
    """True for an index that holds recorded values."""
    cdef object i
    if type(index) is tuple:
        for i in index:
            if type(i) is Recorded:
                return True
        return False
    return type(index) is Recorded


# ---- the finished recording ----

RECORD_KINDS = ("input", "table", "primitive", "output", "get", "set", "pack", "move", "call")
MOVES = ("reshape", "transpose", "spread", "sum", "sum_kept")
NODE_DTYPE = np.dtype([("v", "f8"), ("c", "f8"), ("a", "u4"), ("b", "u4"), ("op", "u2"), ("flags", "u2"), ("aux", "u4")])
NODE_OPS = {"input": DA_INPUT, "elem": DA_ELEM, "array": DA_ARRAY}
NODE_FLAGS = {"a_const": DA_A_CONST, "b_const": DA_B_CONST, "f32": DA_F32, "libm": DA_LIBM}


def program_inputs(Tape tape, list leaves):
    """The inputs of a program as fresh variables; integer and boolean arrays as recorded values."""
    cdef list out = []
    cdef Record rec
    cdef object x
    for x in leaves:
        if isinstance(x, ndarray) and x.dtype.kind in "iub":
            rec = Record.__new__(Record)
            rec.kind = R_INPUT
            rec.value = own_copy(x)
            push_record(tape, rec)
            out.append(Recorded(tape, rec.node, rec.value))
        else:
            out.append(fresh(tape, x))
    tape.n_given = tape.t.n
    return out


def recorded_nodes(Tape tape):
    """The scalar memory of a tape as a structured array, one row a node (see `NODE_DTYPE`)."""
    cdef cnp.ndarray out = np.empty(tape.t.n, NODE_DTYPE)
    cdef char *to = <char *>cnp.PyArray_DATA(out)
    cdef uint32_t k
    assert sizeof(da_node) == NODE_DTYPE.itemsize
    for k in range(tape.t.n):
        memcpy(to + k * sizeof(da_node), da_tape_at(&tape.t, k), sizeof(da_node))
    return out


def recorded_step(Tape tape, Py_ssize_t k):
    """Array record k of a tape as a dict; plain operands where a node is -1."""
    cdef Record r = <Record>tape.records[k]
    return {"kind": RECORD_KINDS[r.kind], "op": r.op, "operator": r.by == BY_OPERATOR, "a": r.a, "b": r.b, "x": r.x, "y": r.y, "prim": r.prim, "args": r.args,
            "params": r.params, "nodes": r.nodes, "value": r.value, "memory": r.memory or memory_of(r.value), "node": r.node}


def forget_guards(Tape tape):
    """Starts the recording over: what an earlier attempt depended on does not count."""
    tape.guards.clear()


def allow_conversions(Tape tape):
    """From now on float() of a value outside inner transforms is a guard of the program, no error."""
    tape.converts = True


def recorded_steps():
    """The number of array steps of the live recording."""
    return len((<Tape>da_get_current()).records)


def elementwise_since(Py_ssize_t start):
    """Whether all array steps from that one on compute element by element."""
    cdef Record r
    for r in (<Tape>da_get_current()).records[start:]:
        if not (r.kind == R_TABLE or (r.kind == R_CALL and isinstance(r.x, _numpy.ufunc)) or (r.kind == R_PRIMITIVE and r.prim.name in ELEMENTWISE)):
            return False
    return True


ELEMENTWISE = frozenset(("clip", "complex_abs", "complex_size", "copy", "round", "where"))


def table_operation(ufunc):
    """The operation of the table that a ufunc is; -1 for others."""
    return UFUNC_OP.get(ufunc, -1)


def recorded_guards(Tape tape):
    """The nodes on whose values the course of the recording depended: node -> (file, line) or None."""
    return dict(tape.guards)


def bare_value(x):
    """The plain value of a traced or recorded one, not copied."""
    return bare(x)


def is_recorded(x):
    """True for a value of a recording that is not traced: an index, a mask, a detached number."""
    return type(x) is Recorded


def holds_recorded(x):
    """True for a tree that holds such values."""
    if type(x) is Recorded:
        return True
    if isinstance(x, (tuple, list)):
        return any([holds_recorded(e) for e in x])
    return type(x) is dict and any([holds_recorded(e) for e in x.values()])


def fill(tree, list operands):
    """The arguments of a recorded call with operands in place of the Slots."""
    if type(tree) is Slot:
        return operands[tree.k]
    if type(tree) is dict:
        return {k: fill(v, operands) for k, v in tree.items()}
    if isinstance(tree, (tuple, list)):
        parts = [fill(e, operands) for e in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def table_call(int op):
    """A table operation as a function of arrays of any dtype."""
    return UFUNC[op]


def operator_call(int op):
    """A table operation as Python's operator; None where there is no such operator."""
    return OPERATOR[op]


def node_of(Tape tape, object x):
    """The node of a Var or Recorded of this tape; -1 for anything else."""
    if type(x) is Var and (<Var>x).T == <PyObject *>tape:
        return (<Var>x).node
    return x.node if type(x) is Recorded and x.tape is tape else -1
