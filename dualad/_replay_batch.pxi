# Batches: one scalar program over many samples; a register is a block of samples.

cdef enum:
    FIRST_RESULT = 1 << 20   # buffers of results, while only their neighbourhood counts


@cython.final
cdef class Batch:
    """A program without array steps, for any number of samples. Operand k of its region is leaf k of the graph, then come the roots."""
    cdef da_lane_program p
    cdef da_region region
    cdef da_lanes *lanes
    cdef da_splat *splats
    cdef readonly list leaves    # (buffer, element) of each leaf

    def __cinit__(self, Graph graph, list roots, bint by_kernels):
        """`roots` are (number of an array, element): neighbours are stored together. `by_kernels`: without machine code."""
        cdef int status = da_graph_lanes(&graph.g, &self.p)
        cdef int32_t k
        cdef cnp.ndarray operands
        cdef da_operand *to
        if status == DA_LANES_UNFIT:
            raise TypeError("the program mixes single and double precision, or needs too many registers, and cannot run in lanes")
        if status:
            raise MemoryError("no memory for the batched program")
        self.leaves = [(self.p.leaf_buffer[k], self.p.leaf_element[k]) for k in range(self.p.n_leaves)]
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
        operands = np.zeros(self.region.n_operands * sizeof(da_operand), np.uint8)
        to = <da_operand *>cnp.PyArray_DATA(operands)
        for k in range(self.p.n_leaves):
            to[k].buffer = self.p.leaf_buffer[k]
            to[k].offset = self.p.leaf_element[k]
            to[k].stride[0] = 2  # not the length of the sample yet, but no side-by-side samples
        for k in range(self.p.n_roots):
            to[self.p.n_leaves + k].buffer = FIRST_RESULT + <int32_t>roots[k][0]
            to[self.p.n_leaves + k].offset = roots[k][1]
            to[self.p.n_leaves + k].stride[0] = 2
        self.region.operands = to
        self.lanes = da_lanes_new(&self.region)
        self.region.operands = NULL  # each run has its own
        if self.lanes == NULL:
            raise MemoryError("no memory for the batched program")

    def __dealloc__(self):
        if self.lanes != NULL:
            da_lanes_free(self.lanes)
        free(self.splats)
        da_lane_program_free(&self.p)

    @property
    def stats(self):
        return {"operations": self.p.n_micros, "registers": self.p.n_regs, "leaves": self.p.n_leaves, "roots": self.p.n_roots,
                "joined": da_lanes_joined(self.lanes)}

    def run(self, list arrays, list operands, int64_t samples):
        """Runs all samples: operand k is (number of an array, type, offset of its element, stride from sample to sample)."""
        cdef da_region region = self.region
        cdef cnp.ndarray table = np.zeros(max(len(operands), 1) * sizeof(da_operand), np.uint8)
        cdef da_operand *to = <da_operand *>cnp.PyArray_DATA(table)
        cdef cnp.ndarray memory = np.empty(da_lanes_scratch(self.lanes) + 64, np.uint8)
        cdef da_span *spans = <da_span *>allocated(len(arrays), sizeof(da_span))
        cdef int status
        cdef Py_ssize_t k
        for k in range(len(arrays)):
            spans[k].data = cnp.PyArray_DATA(<cnp.ndarray>arrays[k])
            spans[k].bytes = cnp.PyArray_NBYTES(<cnp.ndarray>arrays[k])
        for k in range(len(operands)):
            to[k].buffer, to[k].type, to[k].offset, to[k].stride[0] = operands[k]
            to[k].index_buffer = -1
        region.shape[0] = samples
        region.operands = to
        try:
            status = da_region_check_operands(&region, spans, len(arrays))
            if status != DA_LANES_OK:
                raise ValueError((<bytes>da_lanes_error(status)).decode())
            run_long(self.lanes, &region, spans, <void *>rounded(<size_t>cnp.PyArray_DATA(memory)), NULL)
        finally:
            free(spans)
