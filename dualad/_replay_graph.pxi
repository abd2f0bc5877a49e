# The graph of a recording, built from the tape.

PASSES = {"fold": DA_OPT_FOLD, "cse": DA_OPT_CSE, "dead": DA_OPT_DEAD, "sums": DA_OPT_SUMS, "fuse": DA_OPT_FUSE, "reroll": DA_OPT_GROUPS}
EXACT = DA_OPT_EXACT
FOR_LANES = DA_OPT_LANES
OPS = {(<bytes>da_ops[k].name).decode(): k for k in range(DA_N_OPS)}
CODES = {"and": DA_L_AND, "or": DA_L_OR, "not": DA_L_NOT, "same": DA_L_SAME, "select": DA_L_SELECT, "scalars": DA_L_SCALARS, "load": DA_L_LOAD,
         "store": DA_L_STORE, "reduce": DA_L_REDUCE, "muladd": DA_L_MULADD, "mulsub": DA_L_MULSUB, "nmuladd": DA_L_NMULADD, "addmul": DA_L_ADDMUL,
         "submul": DA_L_SUBMUL, "mulmul": DA_L_MULMUL, "smuladd": DA_L_SMULADD, "smulsub": DA_L_SMULSUB, "nsmuladd": DA_L_NSMULADD}
TYPES = {"float64": DA_T_F64, "float32": DA_T_F32, "bool": DA_T_BOOL, "int64": DA_T_I64, "int32": DA_T_I32}
REDUCTIONS = {"sum": DA_SUM, "prod": DA_PROD, "max": DA_MAX, "min": DA_MIN}
AXES = {"all": DA_AXIS_ALL, "last": DA_AXIS_LAST, "first": DA_AXIS_FIRST}
SCALAR_FORMS = {"single": DA_L_F32, "pack": DA_L_PACK, "gathered": DA_L_GATHERED, "chained": DA_L_CHAINED, "lanes": DA_PACK}
LANES = {"value": DA_LANE_VALUE, "affine": DA_LANE_AFFINE, "indexed": DA_LANE_INDEXED}
SIZES = {"micro": sizeof(da_micro), "operand": sizeof(da_operand), "splat": sizeof(da_splat), "reduction": sizeof(da_reduction),
         "lane": sizeof(da_lane), "group": sizeof(da_group)}
NAMES = [(<bytes>da_ops[k].name).decode() for k in range(DA_N_OPS)]
ARITY = [da_ops[k].arity for k in range(DA_N_OPS)]
da_ops_init()

# How the elements of an array node are found by the scalar nodes that read them.
cdef enum:
    FOUND_IDS = 1      # graph nodes: ids[at + element]
    FOUND_LEAF = 2     # element `at + element` of a buffer
    FOUND_OFFSETS = 3  # element ids[at + element] of a buffer


cdef int32_t checked(int32_t node) except -1:
    if node < 0:
        raise MemoryError("no memory for the program's graph")
    return node


@cython.final
cdef class Graph:
    """Scalar operations and opaque array steps of one program, operands before users (csrc/da_graph.h)."""
    cdef da_graph g
    cdef readonly dict stats

    def __cinit__(self):
        da_graph_init(&self.g)
        self.stats = {}

    def __dealloc__(self):
        da_graph_free(&self.g)

    def __len__(self):
        return self.g.n

    def constants(self, cnp.ndarray values, int flags=0):
        """Nodes of constants: int32 array of the same shape."""
        cdef cnp.ndarray v = np.asarray(values, float, order="C")
        cdef cnp.ndarray out = np.empty((<object>values).shape, np.int32)
        cdef Py_ssize_t k
        for k in range(cnp.PyArray_SIZE(v)):
            (<int32_t *>cnp.PyArray_DATA(out))[k] = checked(da_graph_const(&self.g, (<double *>cnp.PyArray_DATA(v))[k], flags))
        return out

    def leaves(self, int buffer, cnp.ndarray offsets, int array, int flags=0):
        """Nodes that read elements (int64 offsets) of a buffer filled by array step node `array` (-1: an input)."""
        cdef cnp.ndarray o = np.asarray(offsets, np.int64, order="C")
        cdef cnp.ndarray out = np.empty((<object>offsets).shape, np.int32)
        cdef Py_ssize_t k
        for k in range(cnp.PyArray_SIZE(o)):
            (<int32_t *>cnp.PyArray_DATA(out))[k] = checked(
                da_graph_leaf(&self.g, buffer, <int32_t>(<int64_t *>cnp.PyArray_DATA(o))[k], array, flags))
        return out

    def apply(self, int op, int flags, cnp.ndarray a, cnp.ndarray b=None):
        """One operation on arrays of nodes of one shape."""
        cdef cnp.ndarray x = np.asarray(a, np.int32, order="C"), y = x if b is None else np.asarray(b, np.int32, order="C")
        cdef cnp.ndarray out = np.empty((<object>a).shape, np.int32)
        cdef Py_ssize_t k
        for k in range(cnp.PyArray_SIZE(x)):
            (<int32_t *>cnp.PyArray_DATA(out))[k] = checked(da_graph_op(
                &self.g, op, flags, (<int32_t *>cnp.PyArray_DATA(x))[k], -1 if b is None else (<int32_t *>cnp.PyArray_DATA(y))[k]))
        return out

    def array(self, int number, deps):
        """The node of an opaque array step with its operands."""
        cdef da_gnode node
        cdef int32_t k
        node.op = DA_G_ARRAY
        node.flags = 0
        node.c = 0
        node.a = number
        node.b = len(deps)
        node.aux = self.g.n_deps
        for k in deps:
            checked(da_graph_dep(&self.g, k))
        return checked(da_graph_push(&self.g, node))

    def root(self, int32_t node):
        """Marks a node whose value somebody outside reads; its number among the roots."""
        return checked(da_graph_root(&self.g, node))

    def tape(self, cnp.ndarray nodes, int64_t lo, int64_t hi, cnp.ndarray ids, cnp.ndarray found, cnp.ndarray pool):
        """Adds the scalar nodes lo..hi-1 of a recorded tape; `ids` (int32, by tape node) receives their graph nodes.

        `found` (int32, four columns by tape node) says for array nodes how their elements are found: (how, at, buffer, array step)."""
        cdef da_node *d = <da_node *>cnp.PyArray_DATA(nodes)
        cdef int32_t *to = <int32_t *>cnp.PyArray_DATA(ids)
        cdef int32_t *f = <int32_t *>cnp.PyArray_DATA(found)
        cdef int32_t *p = <int32_t *>cnp.PyArray_DATA(pool)
        cdef int64_t i
        cdef int flags
        cdef int32_t a, b
        for i in range(lo, hi):
            flags = d[i].flags & DA_F32
            if d[i].op < DA_N_OPS:
                a = da_graph_const(&self.g, d[i].c, flags) if d[i].flags & DA_A_CONST else to[d[i].a]
                b = -1
                if da_ops[d[i].op].arity == 2:
                    b = da_graph_const(&self.g, d[i].c, flags) if d[i].flags & DA_B_CONST else to[d[i].b]
                to[i] = checked(da_graph_op(&self.g, d[i].op, flags, a, b))
            elif d[i].op == DA_ELEM:
                a = d[i].a
                if f[4 * a] == FOUND_IDS:
                    to[i] = p[f[4 * a + 1] + <int64_t>d[i].aux]
                elif f[4 * a] == FOUND_LEAF:
                    to[i] = checked(da_graph_leaf(&self.g, f[4 * a + 2], f[4 * a + 1] + <int32_t>d[i].aux, f[4 * a + 3], flags))
                else:
                    to[i] = checked(da_graph_leaf(&self.g, f[4 * a + 2], p[f[4 * a + 1] + <int64_t>d[i].aux], f[4 * a + 3], flags))
            elif d[i].op == DA_INPUT and to[i] < 0:
                to[i] = checked(da_graph_const(&self.g, d[i].v, flags))

    def optimise(self, int options):
        """Runs the passes that `options` names; counts go to `stats`."""
        cdef da_graph_stats s
        memset(&s, 0, sizeof(s))
        if da_graph_optimise(&self.g, options, &s):
            raise MemoryError("no memory for the passes over the program's graph")
        self.stats = {"recorded": s.recorded, "merged": s.merged, "live": s.live, "summed": s.summed,
                      "fused": s.fused}

    def verify(self):
        """What is wrong with the graph, or None."""
        cdef const char *text = da_graph_verify(&self.g)
        return None if text == NULL else (<bytes>text).decode()

    def as_array(self):
        """A copy of the nodes as a structured array."""
        cdef cnp.ndarray out = np.empty(self.g.n, GRAPH_DTYPE)
        memcpy(cnp.PyArray_DATA(out), self.g.nodes, self.g.n * sizeof(da_gnode))
        return out


GRAPH_DTYPE = np.dtype([("c", "f8"), ("a", "i4"), ("b", "i4"), ("op", "u2"), ("flags", "u2"), ("aux", "i4")])
