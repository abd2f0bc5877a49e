# The two traced types; their operators and protocols are in _core_operators.pxi.

@cython.final
cdef class Dual(Traced):
    """A value with its derivative along one direction: forward mode.

    Parameters
    ----------
    primal : float or array
        The value.
    tangent : float or array, optional
        The derivative, of the same shape; zero by default.

    Examples
    --------
    >>> import numpy as np, dualad as da
    >>> x = da.Dual(2.0, 1.0)
    >>> x * x
    Dual(primal=4.0, tangent=4.0)
    >>> float(np.exp(x).tangent / np.exp(2.0))
    1.0

    Notes
    -----
    Arithmetic on dual numbers a + b*eps with eps**2 = 0 (Clifford 1873; Griewank & Walther, *Evaluating Derivatives*, ch. 3).
    """

    def __init__(self, primal, tangent=None):
        fill_dual(self, primal, tangent)

    @property
    def primal(self):
        """The value (a `Dual` or `Var` of an outer transform when nested)."""
        return dual_primal(self)

    @property
    def tangent(self):
        """The derivative, of the primal's shape."""
        return dual_tangent(self)

    def __repr__(self):
        if self.level:
            return f"Dual(primal={show(dual_primal(self))}, tangent={show(dual_tangent(self))}, level={self.level})"
        return f"Dual(primal={show(dual_primal(self))}, tangent={show(dual_tangent(self))})"

    def __reduce__(self):
        if self.level or is_traced(dual_primal(self)) or is_traced(dual_tangent(self)):
            raise errors.EscapedError("a live Dual of a transform cannot be pickled; pickle dualad.value(x) or the function")
        return Dual, (dual_primal(self), dual_tangent(self))



@cython.final
cdef class Var(Traced):
    """A value recorded on a tape: reverse mode. Made by the transforms (`grad`, `vjp`, `jacobian`, ...), never by hand.

    Behaves like the float or array it stands for. `dualad.value(x)` is the plain number.
    """

    def __init__(self, *args, **kwargs):
        raise TypeError("Var values are made by the transforms (dualad.grad, vjp, jacobian, ...); for a dual number use dualad.Dual")

    def __repr__(self):
        cdef Tape tape = <Tape>self.T if self.T != NULL else None
        if tape is None:
            return "Var(<empty>)"
        state = f"node={self.node}" if tape.t.owner != NULL else f"node={self.node}, ended"
        return f"Var(primal={show(var_value(self))}, {state})"

    def __reduce__(self):
        raise errors.EscapedError("a live Var of a transform cannot be pickled; pickle dualad.value(x) or the function")



cdef str show(object x):
    """Numbers as Python floats print, arrays as NumPy's."""
    if is_traced(x):
        return repr(x)
    if isinstance(x, (float, complex)) and not isinstance(x, np_longdouble):
        return repr(complex(x) if isinstance(x, complex) else float(x))
    if isinstance(x, ndarray):
        return repr(x)
    return repr(x.item()) if isinstance(x, generic) else repr(x)


cdef inline object dual_primal(Dual d):
    if d.kind < K_OBJECT:
        return box(d.p, d.kind)
    if d.base != NULL:
        refresh(d)
    return <object>d.P


cdef inline object dual_tangent(Dual d):
    if d.kind < K_OBJECT:
        return box(d.t, d.kind)
    if d.base != NULL:
        refresh(d)
    return <object>d.T


cdef inline object var_value(Var v):
    if v.kind < K_OBJECT:
        return box(v.p, v.kind)
    if v.base != NULL:
        refresh(v)
    return <object>v.P


cdef object make_dual(int64_t level, object p, object t):
    """A Dual of plain or traced parts; scalars of real kind become the fast form."""
    cdef double a, b
    cdef int kp, kt
    if constant_of(p, &a, &kp) and constant_of(t, &b, &kt):
        return new_dual(a, b, level, kp)
    cdef Dual d = <Dual>da_traced_new(Dual)
    d.level = level
    d.kind = K_OBJECT
    Py_INCREF(p)
    d.P = <PyObject *>p
    Py_INCREF(t)
    d.T = <PyObject *>t
    return d


cdef object make_var(Tape tape, node_t node, object value):
    """The Var of an array node; a real scalar value is read into a scalar node."""
    cdef double v
    cdef int kind
    if constant_of(value, &v, &kind):
        return read_scalar(tape, node, 0, v, kind)
    cdef Var r = <Var>da_traced_new(Var)
    r.kind = K_OBJECT
    r.node = <uint32_t>node
    Py_INCREF(tape)
    r.T = <PyObject *>tape
    Py_INCREF(value)
    r.P = <PyObject *>value
    return r


cdef object read_scalar(Tape tape, node_t array_node, int64_t offset, double v, int kind):
    """The scalar node that reads an array node at a flat offset."""
    cdef da_node *d = da_tape_push(&tape.t)
    if d == NULL:
        raise MemoryError("no memory for the tape")
    d.v = v
    d.c = 0
    d.a = <uint32_t>array_node
    d.b = 0
    d.op = DA_ELEM
    d.flags = DA_F32 if kind == K_SINGLE else 0
    d.aux = <uint32_t>offset
    return new_var(tape, tape.t.n - 1, v, kind)


cdef int fill_dual(Dual self, object primal, object tangent) except -1:
    """Checks and stores what the user gave to Dual(primal, tangent)."""
    cdef double a, b
    cdef int ka, kb
    primal = as_point(np.asarray(primal) if isinstance(primal, (list, tuple)) else primal, "the primal of a Dual")
    if tangent is None:
        tangent = zeros_for(primal)
    tangent = as_tangent(tangent, primal, "the tangent of a Dual")
    if constant_of(primal, &a, &ka) and constant_of(tangent, &b, &kb):
        self.p = a
        self.t = b
        self.kind = ka
        return 0
    self.kind = K_OBJECT
    Py_INCREF(primal)
    self.P = <PyObject *>primal
    Py_INCREF(tangent)
    self.T = <PyObject *>tangent
    return 0


cdef Tape _layout = Tape.__new__(Tape)

if da_traced_setup(Dual, Var, &_layout.t, _layout):
    raise ImportError("dualad was built with another layout of its values than it expects; build it anew (pip install --force-reinstall)")
