# The call path of compiled functions: from arguments to a version that takes them, without Python in between.

@cython.final
cdef class Version:
    """One program of a compiled function, and how its result is put together: `structure` None is a single leaf."""
    cdef readonly Machine machine
    cdef readonly object structure
    cdef readonly int size         # > 0: a tuple of so many leaves
    cdef readonly object extra     # what else is known of it
    cdef public int64_t replays

    def __init__(self, Machine machine, object structure, int size, object extra):
        self.machine = machine
        self.structure = structure
        self.size = size
        self.extra = extra


cdef class Dispatcher:
    """A function with programs. `direct` are the versions whose arguments are plain leaves; `general` takes every other call."""
    cdef public list direct

    def __init__(self):
        self.direct = []

    def __call__(self, *args, **kwargs):
        cdef Version v
        if not kwargs:
            for v in self.direct:
                try:
                    leaves = v.machine(args)
                except Exception:  # a step of the program failed: the function itself knows best how
                    break
                if leaves is not None:
                    if leaves is NotImplemented:
                        break
                    v.replays += 1
                    if v.structure is None:
                        return (<list>leaves)[0] if v.size == 0 else tuple(<list>leaves)
                    return self.rebuilt(v.structure, leaves)
        return self.general(args, kwargs)
