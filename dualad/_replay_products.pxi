# Matrix products of a program, through NumPy's own inner loops: its BLAS, without a call of Python (2 us each) and without the GIL.

ctypedef void (*inner_loop)(char **args, const cnp.npy_intp *dimensions, const cnp.npy_intp *steps, void *data) noexcept nogil

cdef extern from "numpy/ufuncobject.h":
    ctypedef struct numpy_ufunc "PyUFuncObject":
        inner_loop *functions
        void **data
        int ntypes
        const char *types

cdef struct Product:          # (batch, n, k) @ (batch, k, m)
    inner_loop loop
    void *data
    int32_t buffers[3]        # a, b, result
    int64_t offsets[3]        # in bytes
    cnp.npy_intp dims[4]      # batch, n, k, m
    cnp.npy_intp steps[9]     # between batches of a, b, result; then rows and columns of each


cdef bint product_of(dict c, Product *p) except -1:
    """Whether a call is a matrix product of arrays in memory; then also how to run it."""
    cdef numpy_ufunc *u = <numpy_ufunc *><PyObject *>np.matmul
    cdef int k, d
    cdef cnp.dtype dtype
    out = c["outs"][0]
    args, options = c["tree"]
    if c["function"] is not np.matmul or out is None or options or c.get("forms") or [type(x) is Slot and x.k for x in args] != [0, 1]:
        return False
    operands = [*c["operands"], out]
    if any([type(x) is Place or x[5] is not None or x[1] != out[1] or len(x[2]) not in (2, 3) for x in operands]):
        return False
    dtype = out[1]
    for k in range(u.ntypes):
        if u.types[3 * k] == u.types[3 * k + 1] == u.types[3 * k + 2] == dtype.num:
            break
    else:
        return False
    p.loop, p.data = u.functions[k], u.data[k]
    shape = out[2]
    p.dims[0] = shape[0] if len(shape) == 3 else 1
    inner = operands[0][2]
    p.dims[1], p.dims[2], p.dims[3] = shape[len(shape) - 2], inner[len(inner) - 1], shape[len(shape) - 1]
    for k, x in enumerate(operands):
        p.buffers[k], p.offsets[k] = x[0], x[4]
        p.steps[k] = x[3][0] if len(x[2]) == 3 and x[2][0] != 1 else 0
        for d in range(2):
            p.steps[3 + 2 * k + d] = x[3][len(x[2]) - 2 + d]
    return True


cdef int run_product(const Product *p, const da_span *spans) noexcept nogil:
    cdef char *args[3]
    cdef int k
    for k in range(3):
        args[k] = <char *>spans[p.buffers[k]].data + p.offsets[k]
    p.loop(args, p.dims, p.steps, p.data)
    return 0
