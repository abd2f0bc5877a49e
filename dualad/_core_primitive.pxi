# What a derivative rule is.

# Implementations of dualad's own primitives, and helpers of rules that a program may call, by name and in the order in which they were
# made: program files name them so.
IMPLEMENTATIONS = {}
_OWN = ("dualad.rules.", "dualad._core", "dualad._hook_math")


cdef int note_own(str name, object function) except -1:
    if (getattr(function, "__module__", None) or "").startswith(_OWN):
        IMPLEMENTATIONS.setdefault(name, []).append(function)
    return 0


@cython.final
cdef class Primitive:
    """A function with derivative rules, the unit that the engine records.

    Parameters
    ----------
    name : str
        Shown in listings and error messages.
    impl : callable
        ``impl(*args, **params)`` on plain arrays; `params` are never differentiated.
    jvp, vjp : callable or tuple of callables, optional
        ``jvp(i, t, ans, *args, **params)``: the tangent of the result caused by tangent `t` of argument `i`.
        ``vjp(i, g, ans, *args, **params)``: the cotangent of argument `i` caused by cotangent `g` of the result, the adjoint of
        the jvp under <a, b> = Re(sum(conj(a) * b)). A tuple holds one function per argument, without the leading `i`.
        `t` and `g` may carry one leading seed axis more than `args[i]` and `ans`.
    linear : bool
        The function is linear in all its arguments together; forward mode then applies it to the tangents and needs no `jvp`. The
        values of the arguments mean nothing to its rules, so plain ones are not copied: a rule reads their shapes and types only.
    looped : bool
        The rules cannot take a seed axis; the engine calls them once a seed.
    outputs : int
        Number of results; with more than one, `ans`, tangents and cotangents are tuples.
    """
    cdef readonly object name, impl, jvp, vjp
    cdef readonly bint linear, looped
    cdef readonly int outputs

    def __init__(self, name, impl, jvp=None, vjp=None, *, bint linear=False, bint looped=False, int outputs=1):
        self.name = name
        self.impl = getattr(impl, "_implementation", impl)  # NumPy's function itself: with plain arguments nobody has to be asked
        self.linear = linear
        self.looped = looped
        self.outputs = outputs
        self.jvp = by_index(jvp)
        self.vjp = by_index(vjp)
        note_own(name, impl)

    def __call__(self, *args, **params):
        return bind(self, args, params)

    def __repr__(self):
        return f"Primitive({self.name!r})"


@cython.final
cdef class Direct:
    """What a plain call of a NumPy function comes to without preparation.

    Parameters
    ----------
    prim : Primitive
        What is called.
    arguments : int
        The number of arguments of such a call, all positional.
    masks : int
        So many of the first are boolean arrays.
    ndim : int, optional
        The number of axes of the first argument, where the parameters hold for no other.
    call : callable, optional
        Computes the value from the plain arguments alone as the primitive does with these parameters, bit for bit, but quicker.
    **params
        The primitive's parameters; every recorded call shares this one dictionary.
    """
    cdef Primitive prim
    cdef Py_ssize_t arguments, masks, ndim
    cdef object call
    cdef dict params

    def __init__(self, Primitive prim, Py_ssize_t arguments, *, Py_ssize_t masks=0, Py_ssize_t ndim=-1, call=None, **params):
        self.prim = prim
        self.arguments = arguments
        self.masks = masks
        self.ndim = ndim
        self.call = getattr(call, "_implementation", call)
        self.params = params

    cdef bint takes(self, tuple args):
        """True for arguments that need no preparation: floats, traced values, floating and boolean arrays."""
        cdef Py_ssize_t k
        cdef object a
        if PyTuple_GET_SIZE(args) != self.arguments:
            return False
        for k in range(self.arguments):
            a = <object>PyTuple_GET_ITEM(args, k)
            if type(a) is ndarray:
                if not (cnp.PyArray_ISBOOL(<cnp.ndarray>a) or k >= self.masks and is_inexact(a)):
                    return False
            elif k < self.masks or not (is_traced(a) or PyFloat_CheckExact(a)):
                return False
        return self.ndim < 0 or ndim_of(<object>PyTuple_GET_ITEM(args, 0)) == self.ndim


cdef object by_index(object rule):
    """One rule that takes the argument's number first, of a rule or a tuple of them."""
    if not isinstance(rule, tuple):
        return rule
    return lambda i, *args, **params: rule[i](*args, **params)
