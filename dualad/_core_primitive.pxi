# What a derivative rule is.

# The implementations of dualad's own primitives by name, in the order in which they were made: program files call them by these.
IMPLEMENTATIONS = {}
_OWN = ("dualad.rules.", "dualad._core", "dualad._hook_math")

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
        The function is linear in all its arguments together; forward mode then applies it to the tangents and needs no `jvp`.
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
        if (getattr(impl, "__module__", None) or "").startswith(_OWN):
            IMPLEMENTATIONS.setdefault(name, []).append(impl)
        note_own(name, impl)

    def __call__(self, *args, **params):
        return bind(self, args, params)

    def __repr__(self):
        return f"Primitive({self.name!r})"


cdef object by_index(object rule):
    """One rule that takes the argument's number first, of a rule or a tuple of them."""
    if not isinstance(rule, tuple):
        return rule
    return lambda i, *args, **params: rule[i](*args, **params)
