# The plan of a graph: lane groups and scalar code between the steps on arrays.

class Place:
    """Where a scalar of the plan stands: a constant (`buffer` None), or an element of a buffer (0: the bank) of memory type `type`."""
    __slots__ = ("buffer", "offset", "type", "value")

    def __init__(self, buffer, offset, value, type=DA_T_F64):
        self.buffer = buffer
        self.offset = offset
        self.value = value
        self.type = type


cdef object place_of(const da_lane *lane, dict types):
    if lane.kind == DA_LANE_VALUE:
        return Place(None, 0, lane.value)
    if lane.buffer == DA_LANE_BANK:
        return Place(0, lane.offset, 0.0)
    return Place(lane.buffer, lane.offset, 0.0, types.get(lane.buffer, DA_T_F64))


@cython.final
cdef class Plan:
    """What the scalar part of a program executes (csrc/da_graph.h): groups of lanes, and scalar code for what is narrow."""
    cdef da_plan p
    cdef readonly dict types     # memory type of buffers

    def __cinit__(self, Graph graph=None, int options=0, dict types=None):
        """`types` gives the memory type of buffers that scalars read. Without a graph an empty plan."""
        cdef int status
        cdef int32_t k
        self.types = types
        if graph is None:
            return
        status = da_plan_make(&graph.g, options, &self.p)
        if status == DA_PLAN_BUFFERS:
            raise OverflowError("more than 32,767 arrays are read element by element")
        if status:
            raise MemoryError("no memory for the program's plan")
        for k in range(self.p.n_groups):
            for lane in range(4):
                self.retype(&self.p.groups[k], lane, types)

    cdef int retype(self, da_group *g, int which, dict types) except -1:
        cdef da_lane *lane = &g.dst if which == 0 else &g.a if which == 1 else &g.b if which == 2 else &g.c
        if lane.kind != DA_LANE_VALUE and lane.buffer > 0:  # 1, the scalar inputs, are doubles whatever they stand for
            lane.type = types[lane.buffer] if lane.buffer > 1 else DA_T_F64
        return 0

    def __dealloc__(self):
        da_plan_free(&self.p)

    @property
    def bank(self):
        """Doubles in the bank."""
        return self.p.bank_size

    @property
    def operations(self):
        """Of scalar code."""
        cdef int32_t k, at, count = 0
        cdef da_scalar_form f
        for k in range(self.p.n_groups):
            at = 0
            while self.p.groups[k].code == DA_L_SCALARS and at < self.p.groups[k].n:
                f = da_scalar_form_of(self.p.scalars[self.p.groups[k].a.offset + at].code)
                count += f.lanes
                at += f.slots
        return count

    @property
    def stats(self):
        return {"levels": self.p.levels, "groups": self.p.wide, "gathered": self.p.gathered, "lanes": self.p.lanes,
                "scalar code": self.operations, "bank": self.p.bank_size}

    def units(self):
        """The order of execution: (-1, first group, groups) or (number of a step, first of its operands' places, operands)."""
        cdef int32_t k, at = 0
        out = []
        for k in range(self.p.n_steps):
            if self.p.steps[k].n_groups > at:
                out.append((-1, at, self.p.steps[k].n_groups - at))
                at = self.p.steps[k].n_groups
            out.append((self.p.steps[k].number, self.p.steps[k].first_dep, self.p.steps[k].n_deps))
        if self.p.n_groups > at:
            out.append((-1, at, self.p.n_groups - at))
        return out

    def reads(self, int32_t first, int32_t count):
        """The buffers that groups read."""
        cdef int32_t k
        cdef set out = set()
        for k in range(first, first + count):
            for lane in (self.p.groups[k].a, self.p.groups[k].b, self.p.groups[k].c):
                if lane.kind != DA_LANE_VALUE and lane.buffer > 1:
                    out.add(lane.buffer)
        return out

    def mark(self, int32_t first, int32_t count, cnp.ndarray bank, int slot):
        """Writes `slot` (int32) to the places of the bank that groups fill."""
        self.pass_over(first, count, <int32_t *>cnp.PyArray_DATA(bank), slot)

    def latest(self, int32_t first, int32_t count, cnp.ndarray bank):
        """The largest number (int32) at the places of the bank that groups fill."""
        return self.pass_over(first, count, <int32_t *>cnp.PyArray_DATA(bank), -1)

    cdef int32_t pass_over(self, int32_t first, int32_t count, int32_t *at, int32_t slot) noexcept:
        """The largest number at the places that groups fill; then `slot`, if it is not negative, stands there."""
        cdef int32_t k, i, j, n, place, most = -1
        cdef da_group *g
        cdef da_scalar *s
        cdef da_scalar_form f
        for k in range(first, first + count):
            g = &self.p.groups[k]
            if g.code == DA_L_SCALARS:
                i = 0
                while i < g.n:
                    s = &self.p.scalars[g.a.offset + i]
                    f = da_scalar_form_of(s.code)
                    for j in range(f.lanes):
                        most = max(most, at[s.dst + j])
                        if slot >= 0:
                            at[s.dst + j] = slot
                    i += f.slots
                continue
            n = 1 if g.code == DA_L_REDUCE else g.n
            for i in range(n):
                place = <int32_t>(g.dst.offset + i * g.dst.stride) if g.dst.kind == DA_LANE_AFFINE else self.p.lists[g.dst.offset + i]
                most = max(most, at[place])
                if slot >= 0:
                    at[place] = slot
        return most

    def places(self, int32_t first, int32_t count):
        """Places of operands of steps: None for arrays."""
        cdef int32_t k
        return [None if self.p.dep_places[k].buffer == DA_PLACE_ARRAY and self.p.dep_places[k].kind != DA_LANE_VALUE
                else place_of(&self.p.dep_places[k], self.types) for k in range(first, first + count)]

    def roots(self):
        """Places of the roots, in their order; None for array steps."""
        cdef int32_t k
        return [None if self.p.root_places[k].buffer == DA_PLACE_ARRAY and self.p.root_places[k].kind != DA_LANE_VALUE
                else place_of(&self.p.root_places[k], self.types) for k in range(self.p.n_roots)]

    def arrays(self):
        """The plan's groups, scalar code and index lists as arrays of bytes and of int32 (copies)."""
        return (copied(self.p.groups, self.p.n_groups * sizeof(da_group), np.uint8), copied(self.p.scalars, self.p.n_scalars * sizeof(da_scalar), np.int32),
                copied(self.p.lists, self.p.n_lists * sizeof(int32_t), np.int32))


cdef object copied(const void *p, size_t size, object dtype):
    cdef cnp.ndarray out = np.empty(size, np.uint8)
    memcpy(cnp.PyArray_DATA(out), p, size)
    return (<object>out).view(dtype)
