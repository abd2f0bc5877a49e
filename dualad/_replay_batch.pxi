# Batches: one scalar program over many samples; a register is a block of samples.

cdef enum:
    KEPT_BYTES = 1 << 22   # of workspaces of one batch, at most, while nobody uses them


class Unfit(Exception):
    """A graph that cannot run in lanes."""


@cython.final
cdef class Batch:
    """A program without array steps, for any number of samples."""
    cdef da_lane_program p
    cdef da_region region
    cdef da_lanes *lanes
    cdef da_splat *splats
    cdef da_operand *operands
    cdef list free_workspaces

    def __cinit__(self, Graph graph, object operand_of, list roots, bint by_kernels):
        """An operand is (number of an array, type, offset of its element, stride from sample to sample): `operand_of` a leaf's buffer and element, and
        those of the roots. `by_kernels`: without machine code."""
        cdef int status = da_graph_lanes(&graph.g, &self.p)
        cdef int32_t k
        if status == DA_LANES_UNFIT:
            raise Unfit("the program mixes single and double precision, or needs too many registers, and cannot run in lanes")
        if status:
            raise MemoryError("no memory for the batched program")
        self.free_workspaces = []
        self.splats = <da_splat *>allocated(self.p.n_splats, sizeof(da_splat))
        for k in range(self.p.n_splats):
            self.splats[k].value = self.p.splats[k]
            self.splats[k].operand = -1
        self.region.type = self.p.type
        self.region.ndim = 1
        self.region.by_kernels = by_kernels or without_machine_code()
        self.region.n_regs = self.p.n_regs
        self.region.n_micros = self.p.n_micros
        self.region.n_operands = self.p.n_leaves + self.p.n_roots
        self.region.n_splats = self.p.n_splats
        self.region.micros = self.p.micros
        self.region.splats = self.splats
        self.operands = <da_operand *>allocated(self.region.n_operands, sizeof(da_operand))
        for k in range(self.p.n_leaves):
            set_operand(&self.operands[k], operand_of(self.p.leaf_buffer[k], self.p.leaf_element[k]))
        for k in range(self.p.n_roots):
            set_operand(&self.operands[self.p.n_leaves + k], roots[k])
        self.region.operands = self.operands
        self.lanes = da_lanes_new(&self.region)
        if self.lanes == NULL:
            raise MemoryError("no memory for the batched program")

    def __dealloc__(self):
        if self.lanes != NULL:
            da_lanes_free(self.lanes)
        free(self.splats)
        free(self.operands)
        da_lane_program_free(&self.p)

    @property
    def stats(self):
        return {"operations": self.p.n_micros, "registers": self.p.n_regs, "leaves": self.p.n_leaves, "roots": self.p.n_roots,
                "joined": da_lanes_joined(self.lanes)}

    def run(self, list arrays, int64_t samples):
        """Runs all samples."""
        cdef da_region region = self.region
        cdef size_t room = rounded(len(arrays) * sizeof(da_span)) + da_lanes_scratch(self.lanes) + 64
        cdef cnp.ndarray memory
        cdef da_span *spans
        cdef int status
        cdef Py_ssize_t k
        memory = <cnp.ndarray>self.free_workspaces.pop() if self.free_workspaces else np.empty(room, np.uint8)
        spans = <da_span *>rounded(<size_t>cnp.PyArray_DATA(memory))
        for k in range(len(arrays)):
            spans[k].data = cnp.PyArray_DATA(<cnp.ndarray>arrays[k])
            spans[k].bytes = cnp.PyArray_NBYTES(<cnp.ndarray>arrays[k])
        region.shape[0] = samples
        status = da_region_check_operands(&region, spans, len(arrays))
        if status != DA_LANES_OK:
            raise ValueError((<bytes>da_lanes_error(status)).decode())
        run_long(self.lanes, &region, spans, <char *>spans + rounded(len(arrays) * sizeof(da_span)), NULL)
        if (len(self.free_workspaces) + 1) * room <= KEPT_BYTES:
            self.free_workspaces.append(memory)


cdef int set_operand(da_operand *to, tuple operand) except -1:
    to.buffer, to.type, to.offset, to.stride[0] = operand
    to.index_buffer = -1
    return 0


cpdef object samples_first(object x, int axis):
    """An array with this axis in front; numbers as the machine reads them."""
    a = x if type(x) is ndarray else base_array(x) if cnp.PyArray_Check(x) else np.asarray(x)
    if axis:
        a = np.moveaxis(a, axis, 0)
    if type(a) is not ndarray or cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>a) or a.dtype.kind not in "biufc":
        return a
    return np.array(a, a.dtype.newbyteorder("="), order="C")


@cython.final
cdef class Kind:
    """What calls have in common that are for the same programs: the structure of the arguments, shapes and dtypes of samples, equal constants."""
    cdef object structure
    cdef Leaf *leaves               # arrays, with any number of samples; numbers of one type; constants
    cdef int n
    cdef list examples
    cdef readonly list axes, batched, versions   # batched: by input

    def __cinit__(self, object structure, list leaves, list axes, list where, list versions):
        """`where` are the leaves that programs take as inputs. What has samples is an input, and an array."""
        cdef int k
        self.structure = structure
        self.n = len(leaves)
        self.leaves = <Leaf *>allocated(self.n, sizeof(Leaf))
        self.examples = [None if type(x) is ndarray else x for x in leaves]
        self.axes = axes
        self.batched = [axes[k] is not None for k in where]
        self.versions = versions
        for k in range(self.n):
            self.leaves[k].where = 0 if axes[k] is None else axes[k]
            if type(leaves[k]) is ndarray:
                self.leaves[k].kind = LEAF_ARRAY
                set_leaf(&self.leaves[k], self.leaves[k].where, leaves[k].dtype, leaves[k].shape)
                if axes[k] is not None:
                    self.leaves[k].dims[self.leaves[k].where] = ANY_LENGTH
            else:
                self.leaves[k].kind = LEAF_NUMBER if k in where else LEAF_CONSTANT

    def __dealloc__(self):
        cdef int k
        for k in range(self.n if self.leaves != NULL else 0):
            free(self.leaves[k].dims)
        free(self.leaves)

    def take(self, object structure, list leaves):
        """(the inputs as arrays with samples in front, number of samples) of arguments of this kind; None of others."""
        cdef int k
        cdef Leaf *leaf
        cdef int64_t samples = -1, length
        cdef list inputs = []
        if len(leaves) != self.n or structure != self.structure:
            return None
        for k in range(self.n):
            leaf, x = &self.leaves[k], leaves[k]
            if leaf.kind != LEAF_ARRAY:
                example = self.examples[k]
                if type(x) is not type(example) or (leaf.kind == LEAF_CONSTANT and not (x is example or x == example)):
                    return None
                if leaf.kind == LEAF_NUMBER:
                    inputs.append(np.asarray(x))
                continue
            if type(x) is not ndarray or not same_kind(leaf, <cnp.ndarray>x):
                return None
            if self.axes[k] is not None:
                length = cnp.PyArray_DIM(<cnp.ndarray>x, leaf.where)
                if samples < 0:
                    samples = length
                elif samples != length:
                    return None
            inputs.append(samples_first(x, leaf.where))
        return inputs, samples
