# The tape and its array records.

cdef enum:
    N_COPIES = 16   # of plain operands that a tape remembers

# Kinds of array records.
cdef enum:
    R_INPUT = 0     # a leaf
    R_TABLE = 1     # elementwise operation of the table
    R_PRIMITIVE = 2 # a Primitive with rules
    R_OUTPUT = 3    # one result of a primitive with several
    R_GET = 4       # basic or advanced indexing
    R_SET = 5       # a store: args are the array and the stored value
    R_PACK = 6      # an array made of scalar nodes
    R_MOVE = 7      # rearranged, repeated or added up: see _core_moves.pxi
    R_CALL = 8      # a call without derivative, recorded for a program: see _core_recorded.pxi


@cython.final
@cython.freelist(256)
cdef class Record:
    """One array node: what was done to what. Values are plain; `nodes` has -1 for constants."""
    cdef int kind, op
    cdef int by               # R_TABLE: the operator, the ufunc or a rule
    cdef node_t a, b          # operand nodes of R_TABLE, R_GET, R_SET, R_OUTPUT, R_MOVE
    cdef object x, y          # plain operand values (R_TABLE, R_SET: None where no partial needs them)
    cdef Primitive prim
    cdef object args, params, nodes    # params of R_TABLE: the exponent that made a power a square or nothing
    cdef object value
    cdef object memory        # (strides, address) that the value had in the function, where it is another array now
    cdef uint32_t node


cdef class Tape:
    """The recording of one outermost transform: scalar nodes in flat C memory, array nodes as records beside it."""
    cdef da_tape t
    cdef list records
    cdef int depth            # transforms recording on it now
    cdef bint program         # a program is recorded: nothing computed from the inputs may be taken for a constant
    cdef bint converts        # a program that could not be recorded otherwise: float(x) is a guard
    cdef node_t n_given       # nodes of the program's inputs, the first of the tape
    cdef list copies          # of plain operands, by their addresses: see same_copy
    cdef dict guards          # its nodes on whose values the recording depended: node -> (file, line)

    def __cinit__(self):
        da_tape_init(&self.t)
        self.records = []
        self.guards = {}

    def __dealloc__(self):
        da_tape_free(&self.t)

    @property
    def nodes(self):
        """Number of nodes."""
        return self.t.n

    @property
    def nbytes(self):
        """Bytes of the node memory."""
        return self.t.n_chunks * DA_CHUNK_BYTES

    @property
    def recording(self):
        """True while a transform records on it in this thread."""
        return self.t.owner == da_me()

    def __reduce__(self):
        raise errors.EscapedError("a tape cannot be pickled: it is the live recording of a transform; pickle the function instead")


cdef int complain_tape(Tape tape) except -1:
    if tape.t.owner == NULL:
        raise errors.EscapedError(
            "a traced value was used after its transform had ended (kept in a global, a closure or an attribute?); "
            "return it from the differentiated function, or keep dualad.value(x), the plain number")
    raise errors.EscapedError(
        "a traced value was used in another thread than the one its transform runs in; call the transform inside that thread")


cdef inline int check_tape(Tape tape) except -1:
    if tape.t.owner != da_me():
        return complain_tape(tape)
    return 0


cdef inline Record record_of(Tape tape, node_t i):
    return <Record>tape.records[da_tape_at(&tape.t, <uint32_t>i).aux]


cdef inline tuple node_shape(Tape tape, node_t i):
    """The shape of a node's value."""
    return shape_of(record_of(tape, i).value) if da_tape_at(&tape.t, <uint32_t>i).op == DA_ARRAY else ()


cdef node_t push_record(Tape tape, Record r) except -1:
    """Appends an array node."""
    cdef da_node *d = da_tape_push(&tape.t)
    if d == NULL:
        raise MemoryError("no memory for the tape")
    memset(d, 0, sizeof(da_node))
    d.op = DA_ARRAY
    d.aux = <uint32_t>len(tape.records)
    r.node = tape.t.n - 1
    tape.records.append(r)
    return r.node


def begin():
    """Starts a transform that records: joins the thread's live tape, or makes a new one."""
    cdef Tape tape
    if da_get_current() != NULL:
        tape = <Tape>da_get_current()
    else:
        tape = Tape.__new__(Tape)
        tape.t.owner = da_me()
        Py_INCREF(tape)
        da_set_current(<PyObject *>tape)
    tape.depth += 1
    return tape


def begin_program():
    """Starts the recording of a program; no transform may be recording in this thread."""
    cdef Tape tape = begin()
    tape.program = True
    return tape


def tracing():
    """True while a transform records in this thread."""
    return da_get_current() != NULL


def end(Tape tape):
    """Ends a transform; the last one to end closes the tape for recording."""
    tape.depth -= 1
    if tape.depth == 0:
        tape.t.owner = NULL
        da_set_current(NULL)
        Py_DECREF(tape)
