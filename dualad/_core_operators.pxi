# What floats and arrays can do, for both traced types.

cdef class Traced:
    """The common part of `Dual` and `Var`: operators and NumPy protocols. Not made by users."""
    # one struct serves both types; da_traced in _core_decl.pxi mirrors it and frees it
    cdef double p, t          # a real scalar's value, and a Dual's tangent
    cdef int64_t level        # Dual: the transform call the tangent belongs to; 0: made by the user
    cdef PyObject *P          # the value when kind is K_OBJECT
    cdef PyObject *T          # Dual: the tangent then; Var: its Tape, always
    cdef PyObject *base       # a view: the value it looks into, and how
    cdef PyObject *how
    cdef uint32_t node, version, base_version
    cdef uint32_t seen        # a view: the stores (STORES) that had happened when it was last compared with its base
    cdef int kind

    def __init__(self):
        raise TypeError("traced values are dualad.Dual (make one with dualad.Dual(primal, tangent)) or dualad.Var (made by the transforms)")

    def __add__(l, r):
        return binary(DA_add, l, r, BY_OPERATOR)

    def __sub__(l, r):
        return binary(DA_sub, l, r, BY_OPERATOR)

    def __mul__(l, r):
        return binary(DA_mul, l, r, BY_OPERATOR)

    def __truediv__(l, r):
        return binary(DA_div, l, r, BY_OPERATOR)

    def __floordiv__(l, r):
        return binary(DA_floordiv, l, r, BY_OPERATOR)

    def __mod__(l, r):
        return binary(DA_mod, l, r, BY_OPERATOR)

    def __divmod__(l, r):
        return l // r, l % r

    def __pow__(l, r, modulus):
        if modulus is not None:
            raise TypeError("pow() with a third argument is for integers only")
        return binary(DA_pow, l, r, BY_OPERATOR)

    def __matmul__(l, r):
        if not operable(l) or not operable(r):
            return NotImplemented
        return call_function(np_matmul, (l, r), NO_KWARGS)

    def __iadd__(self, other):
        return in_place(DA_add, self, other)

    def __isub__(self, other):
        return in_place(DA_sub, self, other)

    def __imul__(self, other):
        return in_place(DA_mul, self, other)

    def __itruediv__(self, other):
        return in_place(DA_div, self, other)

    def __ipow__(self, other):
        return in_place(DA_pow, self, other)

    def __ifloordiv__(self, other):
        return in_place(DA_floordiv, self, other)

    def __imod__(self, other):
        return in_place(DA_mod, self, other)

    def __neg__(self):
        return unary(DA_neg, self, BY_OPERATOR)

    def __pos__(self):
        return unary(DA_pos, self, BY_OPERATOR)

    def __abs__(self):
        return unary(DA_abs, self, BY_OPERATOR)

    def __richcmp__(self, other, int how):
        return compare(self, other, how)

    def __hash__(self):
        raise errors.UnhashableError(
            f"a traced value is not hashable: {self!r} compares by value, so a dict, set or cache (functools.lru_cache) would merge "
            "variables that happen to be equal; use dualad.value(x) as the key, or take the cache off the function")

    def __bool__(self):
        return decided(self, bool)

    def __int__(self):
        return decided(self, int)

    def __float__(self):
        return converted(self, float)

    def __complex__(self):
        return converted(self, complex)

    def __round__(self, digits=None):
        return round_value(self, digits)

    def __trunc__(self):
        return decided(self, _trunc)

    def __floor__(self):
        return decided(self, _floor)

    def __ceil__(self):
        return decided(self, _ceil)

    def __format__(self, spec):
        return format(plain_value(self), spec) if spec else repr(self)

    def __len__(self):
        return len(plain_value(self))

    def __iter__(self):
        return iterate(self)

    def __contains__(self, item):
        return value(item) in value(self)

    def __getitem__(self, index):
        return get_item(self, index)

    def __setitem__(self, index, new):
        set_item(self, index, new)

    def __delitem__(self, index):
        raise ValueError("cannot delete array elements")

    def __copy__(self):
        return fresh_copy(self)

    def __deepcopy__(self, memo):
        return fresh_copy(self)

    def __dir__(self):
        return sorted(set(object.__dir__(self)) | set(METHODS) | set(ATTRIBUTES))

    def __getattr__(self, str name):
        return get_attribute(self, name)

    def __setattr__(self, str name, new):
        set_attribute(self, name, new)

    @property
    def __class__(self):
        """The type it stands for, so that `isinstance(x, float)` and `isinstance(x, np.ndarray)` take the branch of the plain value."""
        return type(plain_value(self))

    @property
    def __array__(self):
        raise AttributeError("__array__")

    @property
    def __array_priority__(self):
        return 1000.0

    @property
    def shape(self):
        """Shape of the array it stands for; () for scalars."""
        return shape_of(self)

    @property
    def ndim(self):
        """Number of dimensions."""
        return len(shape_of(self))

    @property
    def size(self):
        """Number of elements."""
        return getattr(plain_value(self), "size", 1)

    @property
    def T(self):
        """The array with its axes reversed."""
        return transpose(self)

    @property
    def mT(self):
        """The array with its last two axes swapped."""
        return call_function(np.matrix_transpose, (self,), {})

    @property
    def real(self):
        """The real part."""
        return call_function(np.real, (self,), {})

    @property
    def imag(self):
        """The imaginary part."""
        return call_function(np.imag, (self,), {})

    @property
    def flat(self):
        """The elements as a vector."""
        return call_function(np.ravel, (self,), {})

    @property
    def dtype(self):
        """The NumPy dtype of the value."""
        return dtype_of(self)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return array_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func, types, args, kwargs):
        return call_function(func, args, kwargs)
