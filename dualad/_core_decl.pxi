# What csrc and CPython provide, and the constants that the other parts share.

cdef extern from "da_ops.h" nogil:
    enum: DA_N_OPS, DA_INPUT, DA_ELEM, DA_ARRAY, DA_EXACT, DA_STEP, DA_HOLO, DA_CONST
    enum: DA_REF_X, DA_REF_Y, DA_REF_Z, DA_REF_STEP
    enum: DA_copy, DA_pos, DA_neg, DA_abs, DA_add, DA_sub, DA_mul, DA_div, DA_pow, DA_floordiv, DA_mod, DA_smul, DA_sdiv
    enum: DA_square, DA_sqrt, DA_recip, DA_lt, DA_le, DA_eq, DA_ne
    ctypedef struct da_step:
        int16_t op, a, b
        double c
    ctypedef struct da_code:
        int16_t n, result
        uint8_t needs
        da_step *steps
    ctypedef struct da_op_info:
        const char *name
        const char *numpy
        const char *value_text
        const char **partial_text
        int arity, flags
        double *lo
        double *hi
    const da_op_info *da_ops
    void da_ops_init()
    const da_code *da_partial_code(int op, int arg)

cdef extern from "da_inline.h" nogil:
    double da_value_of(int op, double x, double y)
    double da_partial0_of(int op, double x, double y, double z)
    double da_partial1_of(int op, double x, double y, double z)

cdef extern from "da_kernels.h" nogil:
    ctypedef void (*da_value_d)(size_t n, const double *x, Py_ssize_t sx, const double *y, Py_ssize_t sy, double *o)
    ctypedef void (*da_value_f)(size_t n, const float *x, Py_ssize_t sx, const float *y, Py_ssize_t sy, float *o)
    ctypedef void (*da_seed_d)(size_t n, const double *x, Py_ssize_t sx, const double *y, Py_ssize_t sy, const double *z,
                               const double *g, double *o)
    ctypedef void (*da_seed_f)(size_t n, const float *x, Py_ssize_t sx, const float *y, Py_ssize_t sy, const float *z,
                               const float *g, float *o)
    da_value_d da_value_kernel_d(int op)
    da_value_f da_value_kernel_f(int op)
    da_seed_d da_seed_kernel_d(int op, int arg)
    da_seed_f da_seed_kernel_f(int op, int arg)
    const char *da_simd_level()
    const char *da_simd_levels()

cdef extern from "da_memory.h" nogil:
    const size_t DA_CHUNK_BYTES

cdef extern from "da_adjoint.h" nogil:
    ctypedef struct da_adjoints:
        int64_t lo
    int da_adjoints_init(da_adjoints *s, int64_t lo, int64_t hi, int lanes)
    void da_adjoints_free(da_adjoints *s)
    double *da_adjoint(da_adjoints *s, int64_t node)

cdef extern from "da_tape.h" nogil:
    enum: DA_A_CONST, DA_B_CONST, DA_F32, DA_LIBM, DA_REF_NONE, DA_REF_CONST, DA_REF_NODE, DA_NO_MEMORY
    ctypedef struct da_node:
        double v, c
        uint32_t a, b
        uint16_t op, flags
        uint32_t aux
    ctypedef struct da_tape:
        uint32_t n
        uint32_t n_chunks
        const void *owner
    ctypedef struct da_buffer:
        double *p
        int64_t size
    ctypedef struct da_ref:
        double c
        uint32_t node
        uint32_t kind
    void da_tape_init(da_tape *t)
    void da_tape_free(da_tape *t)
    da_node *da_tape_at(const da_tape *t, uint32_t i)
    da_node *da_tape_push(da_tape *t)
    int64_t da_tape_op(da_tape *t, int op, int flags, uint32_t a, uint32_t b, double c, double v)
    int64_t da_reverse(const da_tape *t, int64_t hi, int64_t stop, da_adjoints *adj, const da_buffer *bufs)
    int64_t da_forward(const da_tape *t, int64_t lo, int64_t hi, int64_t base, double *tan, int lanes, const da_buffer *bufs)
    int da_depends_below(const da_tape *t, int64_t lo, int64_t hi)
    int64_t da_emit_reverse(da_tape *t, int64_t hi, int64_t lo, da_ref *adj)
    int da_emit_add(da_tape *t, da_ref *adj, da_ref ref)

cdef extern from "da_taylor.h" nogil:
    ctypedef struct da_taylor:
        int n
    void da_taylor_init(da_taylor *w, int order)
    void da_taylor_free(da_taylor *w)
    int da_taylor_op(da_taylor *w, int op, const double *x, const double *y, double *z)

# NumPy's own declarations of this struct come and go with its versions; the struct itself is public and stable.
cdef extern from "numpy/ufuncobject.h":
    ctypedef struct numpy_ufunc "PyUFuncObject":
        int nin, nout, ntypes
        cnp.PyUFuncGenericFunction *functions
        void **data
        const char *types

cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char *where) except -1
    void Py_LeaveRecursiveCall()
    object PyObject_Call(object function, object args, PyObject *kwargs)

cdef extern from *:
    """
    #include <fenv.h>
    #include "_core_fast.h"
    /* The tape that this thread's transforms record on (borrowed), and why a conversion to a plain number was refused. */
    DA_TLS PyObject *da_current;
    DA_TLS PyObject *da_refused;
    static inline PyObject *da_get_current(void) { return da_current; }
    static inline void da_set_current(PyObject *t) { da_current = t; }
    /* Takes the message of the last refused conversion and puts another (or NULL) in its place. */
    static inline PyObject *da_swap_refused(PyObject *message) {
        PyObject *old = da_refused;
        Py_XINCREF(message);
        da_refused = message;
        return old;
    }
    enum { DA_FP_EVENTS = FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID | FE_UNDERFLOW };
    static inline void da_fp_clear(void) { if (fetestexcept(DA_FP_EVENTS)) feclearexcept(FE_ALL_EXCEPT); }
    /* 0: nothing happened; 1: underflow only, which NumPy ignores unless told otherwise; 2: what it warns of. */
    static inline int da_fp_events(void) {
        int e = fetestexcept(DA_FP_EVENTS);
        return !e ? 0 : e == FE_UNDERFLOW ? 1 : 2;
    }
    /* A read-only view of an array with other dimensions and strides. */
    static inline PyObject *da_strided(PyObject *a, int n, npy_intp *dims, npy_intp *strides) {
        PyArray_Descr *d = PyArray_DESCR((PyArrayObject *)a);
        Py_INCREF(d);
        PyObject *o = PyArray_NewFromDescr(&PyArray_Type, d, n, dims, strides, PyArray_DATA((PyArrayObject *)a), 0, NULL);
        if (o && PyArray_SetBaseObject((PyArrayObject *)o, Py_NewRef(a)) < 0) Py_CLEAR(o);
        return o;
    }
    static inline int da_same_type(PyObject *o, PyObject *t) { return (PyObject *)Py_TYPE(o) == t; }
    """
    const void *da_me() nogil
    PyObject *da_get_current() nogil
    void da_set_current(PyObject *t) nogil
    PyObject *da_swap_refused(PyObject *message)
    void da_fp_clear() nogil
    int da_fp_events() nogil
    object da_strided(object a, int n, cnp.npy_intp *dims, cnp.npy_intp *strides)
    bint da_same_type(object o, object t) noexcept
    void da_set_methods(object methods)
    object da_traced_new(object type)
    void da_traced_swap(object x, object y)
    Py_ssize_t Py_REFCNT(PyObject *o)
    int da_swap_probed(int value) nogil
    uint32_t da_stores
    void set_stores "da_set_stores"(uint32_t n)
    int da_traced_setup(object dual, object var, const da_tape *tape_offset, object a_tape)

ctypedef int64_t node_t

# What a traced scalar stands for; a mixed operation takes the larger. K_OBJECT: the value is an object (array, complex, traced).
cdef enum:
    K_FLOAT = 0     # Python float (weak)
    K_SINGLE = 1    # np.float32
    K_DOUBLE = 2    # np.float64
    K_OBJECT = 3

# How an operation was written; decides exceptions, warnings and the kind of the result.
cdef enum:
    BY_OPERATOR = 0    # a * b
    BY_UFUNC = 1       # np.multiply(a, b)
    BY_RULE = 2        # derivative arithmetic: never raises or warns

# names that hot code uses, looked up once
cdef object float64 = np.float64
cdef object float32 = np.float32
cdef object ndarray = np.ndarray
cdef object generic = np.generic
cdef object np_inexact = np.inexact
cdef object np_complexfloating = np.complexfloating
cdef object np_integer = np.integer
cdef object np_number = np.number
cdef object np_bool = np.bool_
cdef object np_str = np.str_
cdef object np_bytes = np.bytes_
cdef object np_longdouble = np.longdouble
cdef object np_errstate = np.errstate
cdef object np_matmul = np.matmul
cdef dict NO_KWARGS = {}
cdef object np_true = np.True_
cdef object np_false = np.False_
