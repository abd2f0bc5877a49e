# The machine: runs the parts of a program in C; only steps that call Python hold the GIL.

cdef enum:
    STEP_GROUPS, STEP_OWN, STEP_REGION, STEP_PRODUCT, STEP_LONG, STEP_CALL
    BUFFER_FIXED, BUFFER_ARENA, BUFFER_INPUT, BUFFER_OUTPUT, BUFFER_NONE

cdef enum:
    FRESH = 0                 # as the memory of a new object
    HAS_RUN, JOINS, JOINED, NOT_JOINED

STEP_KINDS = {"groups": STEP_GROUPS, "own": STEP_OWN, "region": STEP_REGION, "call": STEP_CALL}
BUFFER_KINDS = {"constant": BUFFER_FIXED, "arena": BUFFER_ARENA, "input": BUFFER_INPUT, "output": BUFFER_OUTPUT, "none": BUFFER_NONE}

cdef extern from "numpy/arrayobject.h":
    object new_array "PyArray_NewFromDescr" (type subtype, cnp.dtype descr, int nd, cnp.npy_intp *dims, cnp.npy_intp *strides, void *data,
                                             int flags, void *obj)

cdef struct Step:
    int32_t kind, first, count

cdef struct Buffer:
    int32_t kind, number      # number: of the input or output leaf
    int64_t bytes, offset     # offset: in the arena
    void *fixed

cdef struct Spot:             # where a scalar result or guard stands
    int32_t buffer            # -1: `value`
    int32_t type
    int64_t offset
    double value


cdef enum:
    MAX_DIMS = 64
    GIL_FROM_NS = 5000        # programs that take longer run without the GIL
    ANY_LENGTH = -1           # of a leaf's dimension

# How a leaf of the arguments comes in, or of the result goes out.
cdef struct Leaf:
    int32_t kind, where       # where: number of the scalar input, or buffer
    int32_t typenum, ndim
    int64_t *dims

cdef enum:
    LEAF_FLOAT, LEAF_DOUBLE, LEAF_SINGLE, LEAF_ARRAY, LEAF_NUMBER, LEAF_ITEM, LEAF_CONSTANT

cdef object float64 = np.float64
cdef object float32 = np.float32
cdef object ndarray = np.ndarray
LEAF_KINDS = {float: LEAF_FLOAT, np.float64: LEAF_DOUBLE, np.float32: LEAF_SINGLE}


# Compiled code: arguments and results by pointers, numbers as doubles; 0, or the number of the guard that failed.
ctypedef int (*native_t)(const void *const *inputs, void *const *outputs, void *work) noexcept nogil


class Mismatch(Exception):
    """A step of a program gave something of another shape or type than when it was recorded."""


@cython.final
cdef class Workspace:
    """The memory of one running call."""
    cdef double *bank
    cdef double *scalars
    cdef da_span *spans
    cdef char *scratch
    cdef char *partials
    cdef object arena, bases    # the arrays that own the memory
    cdef void **pointers        # of compiled code: arguments, then results
    cdef int code               # what compiled code returned
    cdef bint raised            # a division by zero or the like, before NumPy's calls, which forget it

    def __dealloc__(self):
        free(self.spans)
        free(self.pointers)


@cython.final
cdef class Machine:
    """An immutable program, ready to run. Calls may come from many threads; each takes a workspace."""
    cdef Plan plan
    cdef Step *steps
    cdef Buffer *buffers
    cdef da_region *regions
    cdef da_lanes **lanes
    cdef Product *products      # of calls
    cdef Spot *guards
    cdef Spot *results
    cdef double *guard_values
    cdef da_group *own
    cdef int32_t *own_lists
    cdef da_joined_groups code  # groups with machine code in them, in place of the plan's and `own`
    cdef Step *joined_steps     # on those
    cdef int state              # FRESH ...; see current_steps
    cdef Leaf *ins
    cdef Leaf *outs
    cdef set over               # (argument's buffer, result's): each element is read before it is written in its place
    cdef bint brief             # runs under the GIL: handing it to another thread and back would take longer
    cdef bint pythonic          # Python floats come in: 1 / 0 and its like are errors
    cdef int n_steps, n_buffers, n_regions, n_guards, n_inputs, n_scalars, n_outputs, n_own_lists
    cdef size_t arena_bytes, scratch_bytes, partial_bytes
    cdef readonly dict parts    # what it was made of
    cdef list inputs, outputs, calls, guard_arrays, free_workspaces, layouts

    cdef native_t native        # compiled code that takes the place of the steps
    cdef object library         # keeps it loaded

    def __cinit__(self, dict parts):
        cdef Py_ssize_t k
        self.parts = parts
        self.plan = parts["plan"]
        self.inputs = parts["inputs"]
        self.outputs = parts["outputs"]
        self.calls = parts["calls"]
        self.guard_arrays = parts["guard_arrays"]
        self.layouts = parts.get("layouts")
        self.free_workspaces = []
        self.n_inputs = len(self.inputs)
        self.n_outputs = len(self.outputs)
        self.n_scalars = sum([1 for kind, _, _, _ in self.inputs if kind == "scalar"])
        self.arena_bytes = parts["arena"]
        self.set_steps()
        self.set_buffers()
        self.set_regions()
        for k in range(self.n_steps):
            if self.steps[k].kind == STEP_REGION:
                if region_ns(self.lanes[self.steps[k].first], &self.regions[self.steps[k].first]) > THREADS_FROM_NS:
                    self.steps[k].kind = STEP_LONG
        self.over = self.overwritable()
        self.brief = self.whole_ns() < GIL_FROM_NS
        self.set_spots()
        self.set_leaves()
        own = parts["own"]
        self.own = <da_group *>cnp.PyArray_DATA(<cnp.ndarray>own)
        self.own_lists = <int32_t *>cnp.PyArray_DATA(<cnp.ndarray>parts["lists"])
        self.n_own_lists = len(parts["lists"])
        if parts.get("by_kernels", False) or without_machine_code():
            self.state = NOT_JOINED

    cdef double whole_ns(self) noexcept:
        """About how long the steps take."""
        cdef double ns = 2.0 * self.plan.p.n_scalars
        cdef int k
        for k in range(self.plan.p.n_groups):
            ns += 10 + 0.5 * self.plan.p.groups[k].n
        for k in range(self.n_regions):
            ns += region_ns(self.lanes[k], &self.regions[k])
        for k in range(self.n_steps):
            if self.steps[k].kind == STEP_PRODUCT:
                ns += 2 * GIL_FROM_NS
        return ns

    cdef int set_steps(self) except -1:
        cdef Py_ssize_t k
        steps = self.parts["steps"]
        self.n_steps = len(steps)
        self.steps = <Step *>allocated(self.n_steps, sizeof(Step))
        for k in range(self.n_steps):
            self.steps[k].kind = STEP_KINDS[steps[k][0]]
            self.steps[k].first = steps[k][1]
            self.steps[k].count = steps[k][2]
        self.products = <Product *>allocated(len(self.calls), sizeof(Product))
        for k in range(self.n_steps):
            if self.steps[k].kind == STEP_CALL and product_of(self.calls[self.steps[k].first], &self.products[self.steps[k].first]):
                self.steps[k].kind = STEP_PRODUCT
        return 0

    cdef int set_buffers(self) except -1:
        cdef Py_ssize_t k
        cdef Buffer *b
        given = self.parts["buffers"]
        self.n_buffers = len(given) + 2
        self.buffers = <Buffer *>allocated(self.n_buffers, sizeof(Buffer))
        for k in range(2, self.n_buffers):
            b = &self.buffers[k]
            kind, size, what = given[k - 2]
            b.kind = BUFFER_KINDS[kind]
            b.bytes = size
            if b.kind == BUFFER_FIXED:
                b.fixed = cnp.PyArray_DATA(<cnp.ndarray>what)
            elif b.kind == BUFFER_ARENA:
                b.offset = what
            else:
                b.number = what
        return 0

    cdef int set_regions(self) except -1:
        cdef Py_ssize_t k
        cdef da_region *r
        given = self.parts["regions"]
        by_kernels = self.parts.get("by_kernels", False) or without_machine_code()
        self.n_regions = len(given)
        self.regions = <da_region *>allocated(self.n_regions, sizeof(da_region))
        self.lanes = <da_lanes **>allocated(self.n_regions, sizeof(da_lanes *))
        for k in range(self.n_regions):
            r = &self.regions[k]
            fill_region(r, given[k])
            r.by_kernels = by_kernels
            self.lanes[k] = da_lanes_new(r)
            if self.lanes[k] == NULL:
                raise MemoryError("no memory for the program")
            self.scratch_bytes = max(self.scratch_bytes, da_lanes_scratch(self.lanes[k]))
            self.partial_bytes = max(self.partial_bytes, da_lanes_partials(self.lanes[k], r))
        return 0

    cdef Step *current_steps(self) noexcept:
        """The steps of a run. The second one puts machine code in the place of groups, where there is some: most programs of one call would
        not get the time back that it takes to write."""
        if da_watch(&self.state, JOINED, 1):
            return self.joined_steps
        if da_turn(&self.state, HAS_RUN, JOINS):
            da_turn(&self.state, JOINS, JOINED if self.join_groups() else NOT_JOINED)
            return self.joined_steps if self.state == JOINED else self.steps
        da_turn(&self.state, FRESH, HAS_RUN)
        return self.steps

    cdef bint join_groups(self) noexcept:
        cdef int k, n = 0, end = 0, done = 0
        cdef Step *s
        cdef da_joined_bank bank
        cdef uint8_t *outside = NULL
        cdef da_groups_part *parts = <da_groups_part *>calloc(self.n_steps + 1, sizeof(da_groups_part))
        self.joined_steps = <Step *>calloc(self.n_steps + 1, sizeof(Step))
        if parts != NULL and self.joined_steps != NULL:
            for k in range(self.n_steps):
                s = &self.steps[k]
                if s.kind == STEP_GROUPS or s.kind == STEP_OWN:
                    parts[n].groups = (self.plan.p.groups if s.kind == STEP_GROUPS else self.own) + s.first
                    parts[n].lists = self.plan.p.lists if s.kind == STEP_GROUPS else self.own_lists
                    parts[n].n = s.count
                    n += 1
            bank.scalars = self.plan.p.scalars
            bank.size = self.plan.p.bank_size
            bank.outside = outside = self.read_outside() if n == self.n_steps else NULL
            done = da_groups_join(&self.code, parts, n, &bank)
            free(outside)
        n = 0
        for k in range(self.n_steps if done else 0):
            s = &self.joined_steps[k]
            s[0] = self.steps[k]
            if s.kind == STEP_GROUPS or s.kind == STEP_OWN:
                s.first, s.count, end = end, parts[n].end - end, parts[n].end
                n += 1
        free(parts)
        return done

    cdef uint8_t *read_outside(self) noexcept:
        """Which positions of the bank hold results and guards; NULL: there is no memory for it."""
        cdef int k
        cdef uint8_t *read = <uint8_t *>calloc(self.plan.p.bank_size + 1, 1)
        for k in range(self.n_guards if read != NULL else 0):
            self.note_spot(&self.guards[k], read)
        for k in range(self.n_outputs if read != NULL else 0):
            if self.outputs[k][0] == "scalar":
                self.note_spot(&self.results[k], read)
        return read

    cdef void note_spot(self, const Spot *s, uint8_t *read) noexcept:
        if s.buffer == 0 and s.type == DA_T_F64 and 0 <= s.offset < self.plan.p.bank_size:
            read[s.offset] = 1

    cdef set overwritable(self):
        """Which results may be written over which arguments, where the program is one pass over arrays that lie alike."""
        if not elementwise(self.parts):
            return set()
        region = self.parts["regions"][0]
        moves = {int(code): [(int(region.operands[k]["buffer"]), int(k)) for k in region.micros["operand"][region.micros["code"] == code]]
                 for code in (DA_L_LOAD, DA_L_STORE)}
        read_first = {int(region.operands[k]["buffer"]) for k in region.splats["operand"] if k >= 0}  # by each thread, for all elements
        pairs = {(a, b) for a, _ in moves[DA_L_LOAD] for b, _ in moves[DA_L_STORE] if a not in read_first}
        late = {(a, b) for a, i in moves[DA_L_LOAD] for b, j in moves[DA_L_STORE] if not da_lanes_may_overwrite(self.lanes[0], i, j)}
        return pairs - late

    @property
    def joined(self):
        """Operations that run as machine code: those on arrays, and from the second run on those of scalar code and groups, lane by lane."""
        cdef int k
        return sum([da_lanes_joined(self.lanes[k]) for k in range(self.n_regions)]) + self.code.n_joined

    cdef int set_spots(self) except -1:
        cdef Py_ssize_t k
        places = self.parts["guard_places"]
        self.n_guards = len(places)
        self.guards = <Spot *>allocated(self.n_guards, sizeof(Spot))
        self.guard_values = <double *>cnp.PyArray_DATA(<cnp.ndarray>self.parts["guard_values"])
        for k in range(self.n_guards):
            set_spot(&self.guards[k], places[k])
        self.results = <Spot *>allocated(self.n_outputs, sizeof(Spot))
        for k in range(self.n_outputs):
            if self.outputs[k][0] == "scalar":
                set_spot(&self.results[k], self.outputs[k][1])
        return 0

    cdef int set_leaves(self) except -1:
        cdef Py_ssize_t k
        self.ins = <Leaf *>allocated(self.n_inputs, sizeof(Leaf))
        self.outs = <Leaf *>allocated(self.n_outputs, sizeof(Leaf))
        for k in range(self.n_inputs):
            kind, where, what, shape = self.inputs[k]
            self.ins[k].kind = LEAF_ARRAY if kind == "array" else LEAF_KINDS[what]
            self.pythonic = self.pythonic or self.ins[k].kind == LEAF_FLOAT
            set_leaf(&self.ins[k], where, what, shape)
        for k in range(self.n_outputs):
            out = self.outputs[k]
            if out[0] == "array":
                self.outs[k].kind = LEAF_ARRAY if out[2] is None else LEAF_ITEM
                set_leaf(&self.outs[k], out[1], out[3], out[4])
            elif out[0] == "scalar":
                self.outs[k].kind = LEAF_KINDS.get(out[2], LEAF_NUMBER)
            else:
                self.outs[k].kind = LEAF_CONSTANT
        return 0

    def __dealloc__(self):
        cdef int k
        for k in range(self.n_inputs if self.ins != NULL else 0):
            free(self.ins[k].dims)
        for k in range(self.n_outputs if self.outs != NULL else 0):
            free(self.outs[k].dims)
        free(self.ins)
        free(self.outs)
        if self.lanes != NULL:
            for k in range(self.n_regions):
                if self.lanes[k] != NULL:
                    da_lanes_free(self.lanes[k])
        free(self.lanes)
        da_joined_groups_free(&self.code)
        free(self.joined_steps)
        free(self.regions)
        free(self.steps)
        free(self.products)
        free(self.buffers)
        free(self.guards)
        free(self.results)

    # ---- compiled code ----

    def use_native(self, size_t address, size_t work, object library):
        """Runs the function at `address` (see `native_t`) in place of the steps, before the first call. `work` bytes are its workspace; results
        that are numbers go to the bank."""
        cdef int k
        self.native = <native_t>address
        self.library = library
        self.arena_bytes = work
        self.scratch_bytes = self.partial_bytes = 0
        for k in range(self.n_outputs):
            self.results[k].buffer = 0
            self.results[k].offset = k
            self.results[k].type = DA_T_F64

    @property
    def compiled(self):
        """Whether compiled code runs in place of the steps."""
        return self.native != NULL

    cdef int run_compiled(self, Workspace w) except -1:
        cdef int k
        cdef Leaf *leaf
        cdef void **outs = w.pointers + self.n_inputs
        for k in range(self.n_inputs):
            leaf = &self.ins[k]
            w.pointers[k] = w.spans[leaf.where].data if leaf.kind == LEAF_ARRAY else &w.scalars[leaf.where]
        for k in range(self.n_outputs):
            leaf = &self.outs[k]
            if leaf.kind == LEAF_ARRAY or leaf.kind == LEAF_ITEM:
                outs[k] = w.spans[leaf.where].data
            else:
                outs[k] = NULL if leaf.kind == LEAF_CONSTANT else &w.bank[k]
        with nogil:
            w.code = self.native(<const void *const *>w.pointers, outs, w.partials)
        return 0

    # ---- workspaces ----

    cdef Workspace workspace(self):
        """A free workspace, or a new one."""
        if self.free_workspaces:
            return <Workspace>self.free_workspaces.pop()
        cdef Workspace w = Workspace.__new__(Workspace)
        cdef size_t bank = rounded((<size_t>max(self.plan.p.bank_size, self.n_outputs) + 16) * 8), scalars = rounded((<size_t>self.n_scalars + 16) * 8)
        cdef char *at
        cdef int k
        w.arena = np.empty(bank + scalars + self.arena_bytes + rounded(self.scratch_bytes) + self.partial_bytes + 128, np.uint8)
        at = <char *>(rounded(<size_t>cnp.PyArray_DATA(<cnp.ndarray>w.arena)))
        w.bank = <double *>at
        w.scalars = <double *>(at + bank)
        w.scratch = at + bank + scalars
        w.partials = w.scratch + rounded(self.scratch_bytes)
        at = w.partials + rounded(self.partial_bytes)
        w.spans = <da_span *>allocated(self.n_buffers, sizeof(da_span))
        if self.native != NULL:
            w.pointers = <void **>allocated(self.n_inputs + self.n_outputs, sizeof(void *))
        memset(w.bank, 0, bank + scalars)
        for k in range(self.plan.p.n_consts):
            w.bank[self.plan.p.const_at[k]] = self.plan.p.const_value[k]
        w.spans[0].data = w.bank
        w.spans[0].bytes = bank
        w.spans[1].data = w.scalars
        w.spans[1].bytes = scalars
        for k in range(2, self.n_buffers):
            w.spans[k].bytes = self.buffers[k].bytes
            if self.buffers[k].kind == BUFFER_ARENA:
                w.spans[k].data = at + self.buffers[k].offset
            elif self.buffers[k].kind == BUFFER_FIXED:
                w.spans[k].data = self.buffers[k].fixed
        return w

    # ---- running ----

    def __call__(self, leaves):
        """The leaves of the result for the leaves (list or tuple) of the arguments; None where a guard fails. NotImplemented where Python's
        numbers may have an error to report."""
        if not self.accepts(leaves):
            return None
        cdef Workspace w = self.workspace()
        return self.finished(w, self.bind(w, leaves))

    def into(self, leaves, list results):
        """As a call, with the arrays of the result given: None in `results` stands for a number. An array may be an argument as well."""
        cdef Workspace w
        if not self.accepts(leaves):
            return None
        self.check_results(results)
        w = self.workspace()
        self.bind_leaves(w, leaves, results)
        self.bind_results(w, results)
        return self.finished(w, results)

    cdef object finished(self, Workspace w, list results):
        """Runs what is bound; the results, or why there are none."""
        cdef object out = results
        cdef bint doubtful
        if self.pythonic:
            feclearexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID)
        w.raised = False
        self.run(w)
        doubtful = self.pythonic and (w.raised or fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID))
        if not self.holds(w):
            out = None
        elif doubtful:
            out = NotImplemented
        else:
            self.collect(w, results)
        w.bases = None
        self.free_workspaces.append(w)
        return out

    def takes(self, leaves):
        """Whether the leaves have the types and shapes for which the program was recorded."""
        return self.accepts(leaves)

    def wants(self):
        """What the leaves of the arguments must be, in words."""
        return ", ".join([f"{np.dtype(what)} array of shape {shape}" if kind == "array" else what.__name__ for kind, _, what, shape in self.inputs])

    cdef bint accepts(self, object leaves):
        """Whether the leaves have the types and shapes for which the program was recorded."""
        cdef int k
        cdef Leaf *leaf
        if len(leaves) != self.n_inputs:
            return False
        for k in range(self.n_inputs):
            leaf = &self.ins[k]
            x = leaves[k]
            if leaf.kind == LEAF_FLOAT:
                if type(x) is not float:
                    return False
            elif leaf.kind == LEAF_ARRAY:
                if type(x) is not ndarray:
                    return False
                if not same_kind(leaf, <cnp.ndarray>x) or (self.layouts is not None and not lies(<cnp.ndarray>x, self.layouts[k])):
                    return False
            elif type(x) is not (float64 if leaf.kind == LEAF_DOUBLE else float32):
                return False
        return True

    cdef list bind(self, Workspace w, object leaves):
        """Puts arguments in their places and makes the arrays of the result."""
        cdef list results = [None] * self.n_outputs
        cdef int k
        cdef Leaf *leaf
        self.bind_leaves(w, leaves, None)
        for k in range(self.n_outputs):
            leaf = &self.outs[k]
            if leaf.kind == LEAF_ARRAY or leaf.kind == LEAF_ITEM:
                results[k] = cnp.PyArray_EMPTY(leaf.ndim, <cnp.npy_intp *>leaf.dims, leaf.typenum, 0)
        self.bind_results(w, results)
        return results

    cdef int check_results(self, list results) except -1:
        """Given arrays must be as the program would make them."""
        cdef int k
        cdef Leaf *leaf
        if len(results) != self.n_outputs:
            raise ShapeError(f"the program has {self.n_outputs} results, not {len(results)}")
        for k in range(self.n_outputs):
            leaf, x = &self.outs[k], results[k]
            if (leaf.kind == LEAF_ARRAY) != (type(x) is ndarray):
                raise DtypeError(f"result {k} must be " + ("an array" if leaf.kind == LEAF_ARRAY else "None: it is a number, or always the same"))
            if leaf.kind == LEAF_ARRAY and not (same_kind(leaf, <cnp.ndarray>x) and cnp.PyArray_ISCARRAY(<cnp.ndarray>x)):
                what = self.outputs[k]
                raise ShapeError(f"result {k} must be a writeable, contiguous {np.dtype(what[3])} array of shape {what[4]}, not "
                                 f"{x.dtype} of shape {x.shape}, {'' if x.flags.writeable else 'read-only, '}strides {x.strides}")
            if leaf.kind == LEAF_ITEM:
                results[k] = np.empty((), self.outputs[k][3])
        return 0

    cdef bint in_the_way(self, int where, cnp.ndarray x, list results) except -1:
        """Whether a result overwrites the argument, which is buffer `where`, before it is read to the end."""
        cdef int k
        cdef char *a = <char *>cnp.PyArray_DATA(x)
        cdef char *b
        cdef Py_ssize_t n = cnp.PyArray_NBYTES(x), m
        for k, y in enumerate(results):
            if type(y) is ndarray:
                b, m = <char *>cnp.PyArray_DATA(<cnp.ndarray>y), cnp.PyArray_NBYTES(<cnp.ndarray>y)
                if a < b + m and b < a + n and not (a == b and n == m and (where, self.outs[k].where) in self.over):
                    return True
        return False

    cdef int bind_results(self, Workspace w, list results) except -1:
        cdef int k
        cdef Leaf *leaf
        for k in range(self.n_outputs):
            leaf = &self.outs[k]
            if leaf.kind == LEAF_ARRAY or leaf.kind == LEAF_ITEM:
                w.spans[leaf.where].data = cnp.PyArray_DATA(<cnp.ndarray>results[k])
        return 0

    cdef int bind_leaves(self, Workspace w, object leaves, list results) except -1:
        """Puts arguments in their places; those that `results` would overwrite too early as copies."""
        cdef int k
        cdef Leaf *leaf
        w.bases = leaves
        for k in range(self.n_inputs):
            leaf = &self.ins[k]
            x = leaves[k]
            if leaf.kind != LEAF_ARRAY:
                w.scalars[leaf.where] = x
                continue
            if not cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>x) or (results is not None and self.in_the_way(leaf.where, <cnp.ndarray>x, results)):
                x = np.array(x, (<object>x).dtype.newbyteorder("="), order="C")
                w.bases = (w.bases, x)
            w.spans[leaf.where].data = cnp.PyArray_DATA(<cnp.ndarray>x)
        return 0

    cdef int collect(self, Workspace w, list results) except -1:
        """The numbers and constants of the result."""
        cdef int k, kind
        for k in range(self.n_outputs):
            kind = self.outs[k].kind
            if kind == LEAF_ARRAY:
                continue
            if kind == LEAF_FLOAT:
                results[k] = spot_value(w, &self.results[k])
            elif kind == LEAF_DOUBLE:
                results[k] = float64(spot_value(w, &self.results[k]))
            elif kind == LEAF_CONSTANT:
                x = self.outputs[k][1]
                results[k] = x.copy() if type(x) is ndarray else x
            elif kind == LEAF_ITEM:
                results[k] = boxed_item(self.outputs[k][2], results[k])
            else:
                results[k] = boxed(self.outputs[k][2], spot_value(w, &self.results[k]))
        return 0

    cdef int run(self, Workspace w) except -1:
        cdef int k = 0
        cdef Step *steps
        if self.native != NULL:
            return self.run_compiled(w)
        steps = self.steps if self.state == NOT_JOINED else self.current_steps()
        while k < self.n_steps:
            if steps[k].kind == STEP_CALL:
                w.raised = w.raised or fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID)
                call = self.calls[self.steps[k].first]
                self.call(w, call)
                if not isinstance(call["function"], np.ufunc) or call["shapes"][0][0] != ():  # an operation on numbers raises what Python raises for
                    feclearexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID)
                k += 1
            elif self.steps[k].kind == STEP_LONG:
                run_long(self.lanes[self.steps[k].first], &self.regions[self.steps[k].first], w.spans, w.scratch, w.partials)
                k += 1
            elif self.brief:
                k = self.run_native(w, steps, k)
            else:
                with nogil:
                    k = self.run_native(w, steps, k)
        return 0

    cdef int run_native(self, Workspace w, Step *steps, int k) noexcept nogil:
        """Runs steps from k on until one needs Python; that one's number."""
        cdef da_groups env
        cdef Step *s
        cdef const da_group *groups
        cdef int64_t units
        while k < self.n_steps:
            s = &steps[k]
            if s.kind == STEP_CALL or s.kind == STEP_LONG:
                break
            if s.kind == STEP_REGION:
                units = da_lanes_units(self.lanes[s.first], &self.regions[s.first])
                da_lanes_run(self.lanes[s.first], &self.regions[s.first], w.spans, 0, units, w.scratch, w.partials)
                da_lanes_finish(self.lanes[s.first], &self.regions[s.first], w.spans, w.partials)
            elif s.kind == STEP_PRODUCT:
                run_product(&self.products[s.first], w.spans)
            else:
                env.bank = w.bank
                env.bank_size = self.plan.p.bank_size
                env.spans = w.spans
                env.n_spans = self.n_buffers
                env.scalars = self.plan.p.scalars
                env.n_scalars = self.plan.p.n_scalars
                env.code = &self.code.code
                if s.kind == STEP_GROUPS:
                    env.lists = self.plan.p.lists
                    env.n_lists = self.plan.p.n_lists
                    groups = self.plan.p.groups
                else:
                    env.lists = self.own_lists
                    env.n_lists = self.n_own_lists
                    groups = self.own
                if steps != self.steps:
                    groups = self.code.groups
                da_groups_run(groups + s.first, s.count, &env)
            k += 1
        return k

    cdef int call(self, Workspace w, dict c) except -1:
        """Calls a Python function on arrays and keeps what it returns."""
        number = float32 if all([dtype.num == cnp.NPY_FLOAT for _, dtype in c["shapes"]]) else float64  # as it was when this came out
        cdef list operands = [self.argument(w, x, number) for x in c["operands"]]
        if c.get("forms") is not None:
            formed(operands, c["forms"])
        args, kwargs = filled(c["tree"], operands)
        function, where = c["function"], c["outs"][0]
        if isinstance(function, np.ufunc) and where is not None and not kwargs and not c["several"]:
            kwargs = {"out": self.view(w, where, True)}  # straight into place
        with np.errstate(all="ignore"):
            result = function(*args, **kwargs)
        if not c["several"]:
            result = (result,)
        shapes = c["shapes"]
        if not isinstance(result, (tuple, list)) or len(result) != len(shapes):
            raise Mismatch(f"{c['name']} gave other results than when it was recorded")
        for r, where, (shape, dtype) in zip(result, c["outs"], shapes):
            a = np.asarray(r)
            if a.shape != shape or a.dtype != dtype:
                raise Mismatch(f"{c['name']} gave a {a.dtype} array of shape {a.shape}; {dtype} and {shape} were recorded")
            if where is not None and r is not kwargs.get("out"):
                self.view(w, where, True)[...] = a
        return 0

    cdef object argument(self, Workspace w, object x, object number):
        if type(x) is Place:
            return number(x.value if x.buffer is None else spot_at(w, x))
        out = self.view(w, x, False)
        return out if x[5] is None else out.reshape(-1)[x[5]]

    cdef object view(self, Workspace w, tuple x, bint writeable):
        """An array in the memory of the workspace."""
        cdef int buffer = x[0]
        cdef cnp.dtype dtype = x[1]
        cdef cnp.npy_intp dims[64]
        cdef cnp.npy_intp strides[64]
        cdef int k, n
        cdef cnp.ndarray out
        shape = x[2]
        if x[5] is not None:  # a list of places: the whole value, to be indexed
            shape = (w.spans[buffer].bytes // dtype.itemsize,)
        n = len(shape)
        for k in range(n):
            dims[k] = shape[k]
            strides[k] = x[3][k] if x[5] is None else dtype.itemsize
        Py_INCREF(dtype)  # the array takes a reference
        out = new_array(np.ndarray, dtype, n, dims, strides, <char *>w.spans[buffer].data + (<int64_t>x[4] if x[5] is None else 0),
                        cnp.NPY_ARRAY_WRITEABLE if writeable else 0, NULL)
        cnp.set_array_base(out, w)
        return out

    cdef bint holds(self, Workspace w):
        """Whether all guards have the values they had when the program was recorded."""
        cdef int k
        cdef double v
        if self.native != NULL:
            return w.code == 0
        for k in range(self.n_guards):
            v = spot_value(w, &self.guards[k])
            if memcmp(&v, &self.guard_values[k], sizeof(double)) and not (v == self.guard_values[k] == 0):
                return False
        for buffer, expected, _ in self.guard_arrays:
            if memcmp(w.spans[<int>buffer].data, cnp.PyArray_DATA(<cnp.ndarray>expected), cnp.PyArray_NBYTES(<cnp.ndarray>expected)):
                return False
        return True
