# Long regions: split over threads, and into pieces between which Ctrl-C is heard.

cdef enum:
    PIECE_NS = 40_000_000      # a piece of work between two looks at signals
    THREADS_FROM_NS = 150_000  # handing work to threads costs some 50 us

cdef double EXACT_NS = 0.25    # an operation on one lane, roughly
cdef double INEXACT_NS = 2.0   # an elementary function

cdef object _pool = None
cdef int _pool_pid = 0
cdef int _threads = 0


def set_num_threads(n):
    """The number of threads on which long programs run.

    Parameters
    ----------
    n : int
        At least 1. By default ``DUALAD_NUM_THREADS`` if that is set, else the processors that this process may use. Results do not depend on it.

    Raises
    ------
    ValueError
        For anything but a positive integer.

    Examples
    --------
    >>> import dualad as da
    >>> da.set_num_threads(2)
    >>> da.get_num_threads()
    2
    """
    global _threads, _pool
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"the number of threads must be a positive integer, not {n!r}")
    _threads = n
    _pool = None


def get_num_threads():
    """The number of threads on which long programs run (see `set_num_threads`).

    Examples
    --------
    >>> import dualad as da
    >>> da.get_num_threads() >= 1
    True
    """
    global _threads
    if _threads == 0:
        given = _os.environ.get("DUALAD_NUM_THREADS", "")
        if given and not (given.isdigit() and int(given)):
            raise ValueError(f"DUALAD_NUM_THREADS={given!r}: it must be a positive integer")
        _threads = int(given) if given else len(_os.sched_getaffinity(0)) if hasattr(_os, "sched_getaffinity") else _os.cpu_count() or 1
    return _threads


cdef object pool():
    """The shared threads; made anew in a forked process."""
    global _pool, _pool_pid
    if _pool is None or _pool_pid != _os.getpid():
        from concurrent.futures import ThreadPoolExecutor
        _pool = ThreadPoolExecutor(get_num_threads() - 1, "dualad")
        _pool_pid = _os.getpid()
    return _pool


@cython.final
cdef class Task:
    """The units of one region while they run. It borrows what it points to from its caller, who waits for it."""
    cdef const da_lanes *lanes
    cdef const da_region *region
    cdef const da_span *spans
    cdef void *partials
    cdef int64_t units, piece
    cdef bint stopped

    def range(self, int64_t first, int64_t last):
        """Runs units first..last-1 with scratch memory of its own."""
        cdef cnp.ndarray memory = np.empty(da_lanes_scratch(self.lanes) + 64, np.uint8)
        cdef void *scratch = <void *>rounded(<size_t>cnp.PyArray_DATA(memory))
        cdef int64_t stop
        while first < last and not self.stopped:
            stop = min(last, first + self.piece)
            with nogil:
                da_lanes_run(self.lanes, self.region, self.spans, first, stop, scratch, self.partials)
            first = stop
            try:
                PyErr_CheckSignals()
            except BaseException:
                self.stopped = True
                raise


cdef double region_ns(const da_lanes *lanes, const da_region *region) noexcept nogil:
    """About how long a region takes on one thread."""
    cdef double ns = 0
    cdef int32_t k
    cdef int code
    for k in range(region.n_micros):
        code = region.micros[k].code
        ns += INEXACT_NS if code < DA_N_OPS and not da_ops[code].flags & DA_EXACT else EXACT_NS
    return ns * da_lanes_units(lanes, region) * da_lanes_unit_size(lanes, region)


cdef int run_long(const da_lanes *lanes, const da_region *region, const da_span *spans, void *partials) except -1:
    """Runs a region in pieces, on several threads where that pays."""
    cdef Task t = Task.__new__(Task)
    cdef double ns = region_ns(lanes, region)
    cdef int64_t k, n, share
    t.lanes = lanes
    t.region = region
    t.spans = spans
    t.partials = partials
    t.units = da_lanes_units(lanes, region)
    t.piece = max(<int64_t>1, <int64_t>(t.units * PIECE_NS / max(ns, 1.0)))
    n = min(<int64_t>get_num_threads(), t.units) if ns > THREADS_FROM_NS else 1
    share = (t.units + n - 1) // n
    futures = [pool().submit(t.range, k * share, min(t.units, (k + 1) * share)) for k in range(1, n)]
    try:
        t.range(0, min(t.units, share))
    finally:
        for f in futures:
            f.exception()
    for f in futures:
        f.result()
    da_lanes_finish(lanes, region, spans, partials)
    return 0
