# Long regions: split over threads, and into pieces between which Ctrl-C is heard.

cdef enum:
    WATCH_NS = 40_000_000      # work between two looks at signals
    THREADS_FROM_NS = 250_000  # handing work to threads costs some 50 us, more on a busy machine
    PIECES = 8                 # of work for each thread
    SAMPLE_NS = 8_000          # long enough to tell how long the rest takes

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


cdef extern from *:
    """
    /* Raises *next by n; what it was before. */
    static int64_t da_take(int64_t *next, int64_t n) { return __atomic_fetch_add(next, n, __ATOMIC_RELAXED); }
    #include <time.h>
    static double da_now_ns(void) { /* of this thread: interruptions are not work */
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
    }
    """
    int64_t da_take(int64_t *next, int64_t n) noexcept nogil
    double da_now_ns() noexcept nogil


@cython.final
cdef class Task:
    """The units of one region while they run. It borrows what it points to from its caller, who waits for all who work on it."""
    cdef const da_lanes *lanes
    cdef const da_region *region
    cdef const da_span *spans
    cdef void *partials
    cdef int64_t units, piece, watch   # `watch`: units between two looks at signals
    cdef int64_t next                  # units before it are done or being done; atomic

    def work(self):
        """Runs pieces with scratch memory of its own until there are none left."""
        cdef cnp.ndarray memory = np.empty(da_lanes_scratch(self.lanes) + 64, np.uint8)
        self.run(<void *>rounded(<size_t>cnp.PyArray_DATA(memory)))

    cdef int run(self, void *scratch) except -1:
        """A thread that comes late, or whose core is busy, takes fewer pieces."""
        cdef int64_t first = 0, done
        while first < self.units:
            with nogil:
                done = 0
                while done < self.watch:
                    first = da_take(&self.next, self.piece)
                    if first >= self.units:
                        break
                    da_lanes_run(self.lanes, self.region, self.spans, first, min(self.units, first + self.piece), scratch, self.partials)
                    done += self.piece
            try:
                PyErr_CheckSignals()
            except BaseException:
                da_take(&self.next, self.units)
                raise
        return 0

    cdef double sample(self, void *scratch) noexcept nogil:
        """Runs a little, before others join in; about how long the rest takes on one thread. Where zeros are passed over, or sums compute for
        themselves, only the clock knows."""
        cdef double ns = 0, start
        cdef int64_t n = 1, end
        while self.next < self.units and ns < (SAMPLE_NS if n > 2 else 20 * SAMPLE_NS):  # the first unit finds nothing in the caches
            end = min(self.units, self.next + n)
            start = da_now_ns()
            da_lanes_run(self.lanes, self.region, self.spans, self.next, end, scratch, self.partials)
            ns = da_now_ns() - start
            self.next = end
            n *= 2
        return 2 * ns / n * (self.units - self.next)


cdef double region_ns(const da_lanes *lanes, const da_region *region) noexcept nogil:
    """About how long a region takes on one thread, at most."""
    cdef double ns = 0
    cdef int32_t k
    cdef int code
    for k in range(region.n_micros):
        code = region.micros[k].code
        ns += INEXACT_NS if code < DA_N_OPS and not da_ops[code].flags & DA_EXACT else EXACT_NS
    return ns * da_lanes_units(lanes, region) * da_lanes_unit_size(lanes, region)


cdef int run_long(const da_lanes *lanes, const da_region *region, const da_span *spans, void *scratch, void *partials) except -1:
    """Runs a region in pieces, on several threads where that pays."""
    cdef Task t = Task.__new__(Task)
    cdef double ns = region_ns(lanes, region)
    cdef int64_t n
    t.lanes = lanes
    t.region = region
    t.spans = spans
    t.partials = partials
    t.units = da_lanes_units(lanes, region)
    t.next = 0
    n = min(<int64_t>get_num_threads(), t.units) if ns > THREADS_FROM_NS else 1
    t.watch = max(<int64_t>1, <int64_t>(t.units * WATCH_NS / max(ns, 1.0)))
    t.piece = min(t.watch, max(<int64_t>1, t.units // (n * PIECES))) if n > 1 else t.watch
    if n > 1:
        with nogil:
            ns = t.sample(scratch)
        if ns < THREADS_FROM_NS:
            n = 1
    futures = [pool().submit(t.work) for _ in range(1, n)]
    try:
        t.run(scratch)
    finally:
        for f in futures:
            f.cancel() or f.exception()  # what has not begun has nothing left to do
    for f in futures:
        f.cancelled() or f.result()
    da_lanes_finish(lanes, region, spans, partials)
    return 0
