# Plans as arrays for program files and exports, the check of programs from files, and the texts of formulas.

cdef extern from *:
    """
    #define DA_TEXT_(x) #x
    #define DA_TEXT(x) DA_TEXT_(x)
    static const char *const da_texts[][4] = {
    #define LANE1(NAME, value) {"code", #NAME, "1", #value},
    #define LANE2(NAME, value) {"code", #NAME, "2", #value},
    #define LANE3(NAME, value) {"code", #NAME, "3", #value},
    #include "da_lanes_codes.inc"
    #undef LANE1
    #undef LANE2
    #undef LANE3
    #define HELPER(R, name, params, ...) {"helper " #R, #name, #params, #__VA_ARGS__},
    #include "da_helpers.def"
    #undef HELPER
    #define VECTOR(minor, operands, fn) {"vector", #fn, #operands, #minor},
    #include "da_mvec.def"
    #undef VECTOR
        {"constant", "DA_LN2", "", DA_TEXT(DA_LN2)},
        {"constant", "DA_LN10", "", DA_TEXT(DA_LN10)},
        {"constant", "DA_PI", "", DA_TEXT(DA_PI)},
    };
    enum { DA_N_TEXTS = sizeof da_texts / sizeof da_texts[0] };
    """
    enum: DA_N_TEXTS
    const char *da_texts[1][4]


def texts():
    """What the formulas of the operation table refer to, as C text: (kind, name, parameters or arity, text)."""
    return [tuple([(<bytes>da_texts[k][j]).decode() for j in range(4)]) for k in range(DA_N_TEXTS)]


# ---- plans ----

SCALAR_DTYPE = np.dtype([("code", "i4"), ("dst", "i4"), ("a", "i4"), ("b", "i4"), ("c", "i4")])
PLAN_NUMBERS = ("bank", "levels", "groups", "gathered", "lanes")


cdef object bytes_of(const void *data, Py_ssize_t n, object dtype):
    """A copy of C memory as an array."""
    cdef cnp.ndarray out = np.empty(n, dtype)
    if n:
        memcpy(cnp.PyArray_DATA(out), data, cnp.PyArray_NBYTES(out))
    return out


def plan_arrays(Plan plan, group_dtype):
    """What a plan executes, as arrays: a plan made of them by `plan_of` runs alike."""
    cdef da_plan *p = &plan.p
    return {"groups": bytes_of(p.groups, p.n_groups, group_dtype), "scalars": bytes_of(p.scalars, p.n_scalars, SCALAR_DTYPE),
            "lists": bytes_of(p.lists, p.n_lists, np.int32), "const_at": bytes_of(p.const_at, p.n_consts, np.int32),
            "const_value": bytes_of(p.const_value, p.n_consts, np.float64),
            "numbers": [p.bank_size, p.levels, p.wide, p.gathered, p.lanes]}


cdef void *copy_of(object array) except NULL:
    """A copy of an array's memory that the plan owns."""
    cdef cnp.ndarray a = array
    cdef void *p = allocated(cnp.PyArray_NBYTES(a) + 1, 1)
    memcpy(p, cnp.PyArray_DATA(a), cnp.PyArray_NBYTES(a))
    return p


def plan_of(dict arrays):
    """The plan of arrays that `plan_arrays` gave; they are not checked here."""
    cdef Plan plan = Plan.__new__(Plan)
    cdef da_plan *p = &plan.p
    p.groups = <da_group *>copy_of(arrays["groups"])
    p.n_groups = len(arrays["groups"])
    p.scalars = <da_scalar *>copy_of(arrays["scalars"])
    p.n_scalars = len(arrays["scalars"])
    p.lists = <int32_t *>copy_of(arrays["lists"])
    p.n_lists = len(arrays["lists"])
    p.const_at = <int32_t *>copy_of(arrays["const_at"])
    p.const_value = <double *>copy_of(arrays["const_value"])
    p.n_consts = len(arrays["const_at"])
    p.bank_size, p.levels, p.wide, p.gathered, p.lanes = arrays["numbers"]
    return plan


# ---- checks ----

cdef da_span *spans_of(list given, int64_t bank, int64_t scalars) except NULL:
    """Buffers for a check: constants where they are, for all others an address that is aligned and never read."""
    cdef Py_ssize_t k
    cdef da_span *spans = <da_span *>allocated(len(given) + 2, sizeof(da_span))
    for k in range(len(given) + 2):
        spans[k].data = <void *><size_t>64
    spans[0].bytes = bank * sizeof(double)
    spans[1].bytes = scalars * sizeof(double)
    for k in range(len(given)):
        kind, size, what = given[k]
        spans[k + 2].bytes = size
        if kind == "constant":
            spans[k + 2].data = cnp.PyArray_DATA(<cnp.ndarray>what)
    return spans


cdef int fill_region(da_region *r, object g) except -1:
    """A region as C sees it."""
    cdef Py_ssize_t d
    memset(r, 0, sizeof(da_region))
    r.type = DA_T_F32 if g.single else DA_T_F64
    r.ndim = len(g.shape)
    r.n_inner = g.n_inner
    r.axis = g.axis
    r.n_regs = g.n_regs
    r.n_micros = len(g.micros)
    r.n_operands = len(g.operands)
    r.n_splats = len(g.splats)
    r.n_reductions = len(g.reductions)
    for d in range(r.ndim):
        r.shape[d] = g.shape[d]
    r.micros = <da_micro *>cnp.PyArray_DATA(<cnp.ndarray>g.micros)
    r.operands = <da_operand *>cnp.PyArray_DATA(<cnp.ndarray>g.operands)
    r.splats = <da_splat *>cnp.PyArray_DATA(<cnp.ndarray>g.splats)
    r.reductions = <da_reduction *>cnp.PyArray_DATA(<cnp.ndarray>g.reductions)
    return 0


def check_code(list regions, dict plan, cnp.ndarray own, cnp.ndarray lists, list buffers, int64_t scalars):
    """What is wrong with the regions and groups of a program from a file, or None. The caller has made sure of dtypes, of buffers' sizes, of at
    most DA_MAX_DIMS dimensions, and that index lists are constants."""
    cdef da_region region
    cdef da_groups env
    cdef da_lanes_status status
    cdef int k
    cdef da_span *spans = spans_of(buffers, plan["numbers"][0], scalars)
    try:
        for k in range(len(regions)):
            fill_region(&region, regions[k])
            status = da_region_check(&region, spans, len(buffers) + 2)
            if status != DA_LANES_OK:
                return f"region {k}: {(<bytes>da_lanes_error(status)).decode()}"
        memset(&env, 0, sizeof(env))
        env.bank_size = plan["numbers"][0]
        env.bank = <double *>spans[0].data
        env.spans = spans
        env.n_spans = len(buffers) + 2
        env.scalars = <da_scalar *>cnp.PyArray_DATA(<cnp.ndarray>plan["scalars"])
        env.n_scalars = len(plan["scalars"])
        for groups, used in ((plan["groups"], plan["lists"]), (own, lists)):
            env.lists = <int32_t *>cnp.PyArray_DATA(<cnp.ndarray>used)
            env.n_lists = len(used)
            status = da_groups_check(<da_group *>cnp.PyArray_DATA(<cnp.ndarray>groups), len(groups), &env)
            if status != DA_LANES_OK:
                return f"groups: {(<bytes>da_lanes_error(status)).decode()}"
        return None
    finally:
        free(spans)


MAX_REGION_DIMS = DA_MAX_DIMS
