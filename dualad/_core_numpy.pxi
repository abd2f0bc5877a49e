# NumPy's protocols, attributes and conversions of traced values.

cdef dict COMPARE_UFUNCS = {0: np.less, 1: np.less_equal, 2: np.equal, 3: np.not_equal, 4: np.greater, 5: np.greater_equal}
ATTRIBUTES = ("itemsize", "nbytes", "strides", "flags")


cdef object array_ufunc(object ufunc, str method, tuple inputs, dict kwargs):
    """`__array_ufunc__` of both types."""
    cdef object op
    cdef Direct direct
    if method == "__call__" and not kwargs:
        op = UFUNC_OP.get(ufunc)
        if op is not None:
            if len(inputs) == 2:
                return binary(op, inputs[0], inputs[1], BY_UFUNC)
            if is_traced(inputs[0]):
                return unary(op, inputs[0], BY_UFUNC)
        else:
            direct = _direct.get(ufunc)
            if direct is not None and direct.takes(inputs):
                return apply_primitive(direct.prim, inputs, direct.params, direct.call)
    return ufunc_general(ufunc, method, inputs, kwargs)


cdef object ufunc_general(object ufunc, str method, tuple inputs, dict kwargs):
    """A ufunc with keyword arguments, through a method, or outside the operation table."""
    cdef object out = kwargs.pop("out", None), result
    if out is not None and any([o is not None for o in out]):
        where = kwargs.get("where", True) if method == "__call__" else True
        return store_out(array_ufunc_plain_args(ufunc, method, inputs, kwargs), out, where)
    if method == "__call__":
        if ufunc in FUNCTIONS:
            return FUNCTIONS[ufunc](*inputs, **kwargs)
        if ufunc in UFUNC_OP and "__call__" in UFUNC_METHODS:
            return UFUNC_METHODS["__call__"](ufunc, *inputs, **kwargs)
    elif method in UFUNC_METHODS:
        return UFUNC_METHODS[method](ufunc, *inputs, **kwargs)
    if method == "__call__" and UNKNOWN_UFUNC and UNKNOWN_UFUNC[0](ufunc):
        return FUNCTIONS[ufunc](*inputs, **kwargs)
    no_rule(ufunc_name(ufunc) + ("" if method == "__call__" else f".{method}"))


cdef str ufunc_name(object ufunc):
    """The name by which users know a ufunc; ufuncs do not say where they come from."""
    for module in ("numpy", "scipy.special"):
        if getattr(_sys.modules.get(module), ufunc.__name__, None) is ufunc:
            return f"{module}.{ufunc.__name__}"
    return f"the ufunc {ufunc.__name__}"


cdef object array_ufunc_plain_args(object ufunc, str method, tuple inputs, dict kwargs):
    if any([is_traced(operand(x)) for x in inputs]) or any([is_traced(v) for v in kwargs.values()]):
        return array_ufunc(ufunc, method, inputs, kwargs)
    return getattr(ufunc, method)(*inputs, **kwargs)


cdef object store_out(object result, tuple out, object where):
    """Puts results into the arrays given as `out=`, where the mask `where` is true."""
    results = result if isinstance(result, tuple) else (result,)
    for o, r in zip(out, results):
        if o is None:
            continue
        if where is not True:
            r = call_function(np.where, (where, r, o), {})
        if is_traced(o):
            set_item(o, Ellipsis, r)
        elif is_traced(r):
            message = f"a traced value stored into a plain array of shape {np.shape(o)} would lose its derivative{user_line()}"
            swap_refusal(message)
            raise errors.DetachedError(message)
        else:
            o[...] = r
    returned = tuple([r if o is None else o for o, r in zip(out, results)])
    return returned if isinstance(result, tuple) else returned[0]


cdef object call_function(object func, tuple args, dict kwargs):
    """`__array_function__`: the handler of a NumPy function."""
    cdef object handler, out
    cdef Direct direct
    if not kwargs:
        direct = _direct.get(func)
        if direct is not None and direct.takes(args):
            return apply_primitive(direct.prim, args, direct.params, direct.call)
    handler = _functions.get(func)
    if handler is None:
        no_rule(f"{getattr(func, '__module__', 'numpy')}.{getattr(func, '__name__', func)}")
    if kwargs or len(args) > 1:
        args, kwargs, out = take_out(func, args, kwargs)
        if out is not None:
            traced = any([is_traced(pack(a)) for a in args]) or any([is_traced(pack(v)) for v in kwargs.values()])
            result = handler(*args, **kwargs) if traced else func(*args, **kwargs)
            return store_out(result, out if isinstance(out, tuple) else (out,), True)
    return PyObject_Call(handler, args, <PyObject *>kwargs if kwargs else NULL)


def storing(key, handler):
    """A method whose handler leaves `out=` to the engine."""

    def method(*args, **kwargs):
        args, kwargs, out = take_out(key, args, kwargs)
        result = handler(*args, **kwargs)
        return result if out is None else store_out(result, out if isinstance(out, tuple) else (out,), True)

    return method


cdef tuple take_out(object key, tuple args, dict kwargs):
    """The arguments without `out`, and what it was."""
    cdef object at, out
    if kwargs and kwargs.get("out") is not None:
        return args, {k: v for k, v in kwargs.items() if k != "out"}, kwargs["out"]
    if len(args) > 1:
        at = _out_at.get(key)
        if at is not None and len(args) > <Py_ssize_t>at:
            out = args[at]
            return args[:at] + (None,) + args[at + 1:], kwargs, out
    return args, kwargs, None


cdef int no_rule(str name) except -1:
    raise errors.NoRuleError(
        f"{name} has no derivative rule in dualad. Either write the step with functions that have one, or add a rule: decorate a function "
        f"that calls {name} with @dualad.primitive and give it .defvjp(...) or .defjvp(...)")


# Functions of dtypes and memory: their results are the same for all values.
STATIC = {np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast, np.min_scalar_type, np.common_type, np.may_share_memory,
          np.shares_memory}


def run_plain(function):
    """A handler that runs `function` on the plain values: for results that have no derivative (indices, booleans, shapes)."""
    note_own(getattr(function, "__qualname__", ""), function)

    def handler(*args, **kwargs):
        if programming() and function not in STATIC:
            return record_call(function, args, kwargs)
        return function(*[_plain_tree(a) for a in args], **{k: _plain_tree(v) for k, v in kwargs.items()})

    return handler


def _plain_tree(x):
    if isinstance(x, (list, tuple)) and holds_traced(x):
        return type(x)(_plain_tree(e) for e in x) if type(x) in (list, tuple) else type(x)(*[_plain_tree(e) for e in x])
    return plain_value(operand(x)) if is_traced(x) or isinstance(x, ndarray) else x


cdef object call_method(str name, object x, object arg):
    return METHODS[name](x, arg)


cdef object get_attribute(object x, str name):
    """What is neither a method nor a property of traced values."""
    if name in ATTRIBUTES:
        return getattr(np.asarray(plain_value(x)), name)
    raise AttributeError(f"a traced {type(plain_value(x)).__name__} has no attribute {name!r} (dualad.value(x) is the plain value)")


cdef int set_attribute(object x, str name, object new) except -1:
    if name in ("real", "imag", "flat", "shape"):
        raise AttributeError(f"a traced value's .{name} cannot be assigned; build the array anew (x.reshape(...), a + 1j*b, x[...] = v)")
    raise AttributeError(f"traced values take no attributes (tried to set {name!r})")


cdef object compare(object l, object r, int how):
    """Comparisons are made on the plain values; NumPy kinds give NumPy booleans."""
    cdef double a, b
    cdef int ka, kb
    cdef bint out
    if programming():
        if not operable(l) or not operable(r) or isinstance(l, list):
            return NotImplemented
        return recorded_comparison(foreign(l), foreign(r), how)
    if scalar_of(l, &a, &ka) and scalar_of(r, &b, &kb):
        if how == 0:
            out = a < b
        elif how == 1:
            out = a <= b
        elif how == 2:
            out = a == b
        elif how == 3:
            out = a != b
        elif how == 4:
            out = a > b
        else:
            out = a >= b
        if ka == K_FLOAT and kb == K_FLOAT:
            return out
        return np_true if out else np_false
    if not operable(l) or not operable(r):
        return NotImplemented
    l = plain_value(operand(foreign(l)))
    r = plain_value(operand(foreign(r)))
    return (l < r, l <= r, l == r, l != r, l > r, l >= r)[how] if not isinstance(l, list) else NotImplemented


cdef inline bint scalar_of(object x, double *v, int *kind) noexcept:
    """The value of a real scalar, traced or plain."""
    if type(x) is Dual and (<Dual>x).kind < K_OBJECT:
        v[0] = (<Dual>x).p
        kind[0] = (<Dual>x).kind
        return True
    if type(x) is Var and (<Var>x).kind < K_OBJECT:
        v[0] = (<Var>x).p
        kind[0] = (<Var>x).kind
        return True
    return constant_of(x, v, kind)


cdef object round_value(object x, object digits):
    """round(x) is an integer without derivative; round(x, n) a step function: derivative zero."""
    if digits is None or not isinstance(plain_value(x), ndarray):
        return decided(x, round) if digits is None else decided(x, lambda v: round(v, digits))
    return call_function(np.round, (x, digits), {})


cdef object converted(object x, object kind):
    """float(x) and complex(x): refused, but where nothing is differentiated they are a guard of the recorded program."""
    if programming() and (<Tape>da_get_current()).converts and (<Tape>da_get_current()).depth == 1:
        return decided(x, kind)
    refuse(x, kind.__name__)


cdef int refuse(object x, str kind) except -1:
    """A conversion to a plain number, which would lose the derivative."""
    frame = user_line()
    v = plain_value(x)
    if isinstance(v, ndarray) and v.size != 1:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
    message = (
        f"{kind}() of a traced value would lose its derivative{frame}: the value is {show(v)}. Where no derivative is wanted, write "
        "dualad.value(x)")
    swap_refusal(message)
    raise errors.DetachedError(message)


cpdef object swap_refusal(object message):
    """The message of the last conversion that was refused in this thread (None if there was none), replaced by another."""
    cdef PyObject *old = da_swap_refused(<PyObject *>message if message is not None else NULL)
    if old == NULL:
        return None
    out = <object>old
    Py_DECREF(out)
    return out


def watch():
    """Begins to watch for traced values that fail to become plain ones in this thread; what `unwatch` needs to end it."""
    return swap_refusal(None), da_swap_probed(0)


def unwatch(tuple before):
    """Ends the watch: (the message of the last refused conversion or None, whether NumPy asked a traced value if it was an array and
    may have put it into an object array)."""
    return swap_refusal(before[0]), bool(da_swap_probed(before[1]))


_PACKAGE = errors.__file__[:-len("errors.py")]


cdef str user_line():
    """' at file:line, in function: source text' of the innermost Python frame outside dualad."""
    try:
        frame = _sys._getframe(0)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
            frame = frame.f_back
        import linecache
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        return f" at {frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}" + (f": {text}" if text else "")
    except ValueError:
        return ""
