# Long regions: split over threads, and into pieces between which Ctrl-C is heard.

cdef enum:
    WATCH_NS = 40_000_000      # work between two looks at signals
    THREADS_FROM_NS = 150_000  # waking a thread takes some 50 us
    SAMPLE_NS = 8_000          # long enough to tell how long the rest takes
    PIECES = 32                # of work for each thread, so that none waits long for the last one,
    PIECE_NS = 20_000          # but long ones: to begin one takes 1 or 2 us
    PATIENCE = 2000            # looks at what another thread does before going to sleep: 20 to 50 ns each
    ROUNDS = 8                 # of so many looks, in which a helper waits for the next call: about 0.4 ms, as loops of solvers make them

cdef double EXACT_NS = 0.25    # an operation on one lane, roughly
cdef double INEXACT_NS = 2.0   # an elementary function

cdef list _idle = []      # helpers that wait for work, of the process _pid
cdef int _pid = 0
cdef int _wanted = 0      # helpers there should be; 0: none have been started
cdef int _generation = 0  # of helpers: the number of threads has been set so often
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
    global _threads
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"the number of threads must be a positive integer, not {n!r}")
    _threads = n
    dismiss_helpers()


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


def uses_machine_code():
    """Whether programs join arithmetic to machine code: the processor and the system can, and it is not switched off."""
    return not without_machine_code() and da_machine_works() != 0


cdef bint without_machine_code() except -1:
    """Whether $DUALAD_MACHINE_CODE switches it off."""
    given = _os.environ.get("DUALAD_MACHINE_CODE", "")
    if given not in ("", "0", "1"):
        raise ValueError(f"DUALAD_MACHINE_CODE={given!r}: it must be 0 (never) or 1 (where the system can)")
    return given == "0"


cdef extern from "pythread.h" nogil:
    ctypedef void *PyThread_type_lock
    PyThread_type_lock PyThread_allocate_lock()
    void PyThread_free_lock(PyThread_type_lock)
    int PyThread_acquire_lock(PyThread_type_lock, int wait)
    void PyThread_release_lock(PyThread_type_lock)


cdef extern from *:
    """
    /* Raises *next by n; what it was before. */
    static int64_t da_take(int64_t *next, int64_t n) { return __atomic_fetch_add(next, n, __ATOMIC_RELAXED); }
    static int da_turn(int *state, int from, int to) {
        return __atomic_compare_exchange_n(state, &from, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    /* Whether a state is seen within so many looks. */
    static int da_watch(const int *state, int wanted, int looks) {
        for (; looks > 0; looks--) {
            if (__atomic_load_n(state, __ATOMIC_ACQUIRE) == wanted) return 1;
    #if defined(__x86_64__)
            __builtin_ia32_pause();
    #endif
        }
        return 0;
    }
    #include <sched.h>
    #include <time.h>
    static double da_now_ns(void) { /* of this thread: interruptions are not work */
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
    }
    """
    int64_t da_take(int64_t *next, int64_t n) noexcept nogil
    bint da_turn(int *state, int before, int after) noexcept nogil
    bint da_watch(const int *state, int wanted, int looks) noexcept nogil
    double da_now_ns() noexcept nogil
    int sched_yield() noexcept nogil


cdef struct Work:
    # The units of one region while they run; of the caller, who waits for all who help.
    const da_lanes *lanes
    const da_region *region
    const da_span *spans
    void *partials
    int64_t units, piece
    int64_t next          # units before it are done or being done; atomic


cdef bint work_on(Work *w, void *scratch, int64_t units) noexcept nogil:
    """Runs pieces, so many units at least; whether there may be more. A thread that comes late, or whose core is busy, takes fewer."""
    cdef int64_t done = 0, first
    while done < units:
        first = da_take(&w.next, w.piece)
        if first >= w.units:
            return False
        da_lanes_run(w.lanes, w.region, w.spans, first, min(w.units, first + w.piece), scratch, w.partials)
        done += w.piece
    return True


cdef double sample(Work *w, void *scratch) noexcept nogil:
    """Runs a little, before others join in; about how long the rest takes on one thread. Where zeros are passed over, or sums compute for
    themselves, only the clock knows."""
    cdef double ns = 0, start
    cdef int64_t n = 1, end
    # the first unit finds nothing in the caches: only where even a quarter of its time says that the rest is long it is enough
    while w.next < w.units and (ns < SAMPLE_NS if n > 2 else ns * (w.units - w.next) < 4 * THREADS_FROM_NS):
        end = min(w.units, w.next + n)
        start = da_now_ns()
        da_lanes_run(w.lanes, w.region, w.spans, w.next, end, scratch, w.partials)
        ns = da_now_ns() - start
        w.next = end
        n *= 2
    return 2 * ns / n * (w.units - w.next)


cdef enum:
    IDLE
    ASKED
    BUSY
    DONE


@cython.final
cdef class Helper:
    """A thread that helps with long regions. It never needs the GIL: who asks it does not wait until it has that, nor wakes up to be told that
    it is done, when that takes no longer than `PATIENCE`. A thread of Python's own pool takes 100 us and more for both."""
    cdef PyThread_type_lock wake, done
    cdef int state, generation
    cdef Work *work
    cdef char *scratch
    cdef size_t room

    def __cinit__(self):
        self.wake = PyThread_allocate_lock()
        self.done = PyThread_allocate_lock()
        self.generation = _generation
        if self.wake == NULL or self.done == NULL:
            raise MemoryError("no memory for a lock")
        PyThread_acquire_lock(self.wake, 1)
        PyThread_acquire_lock(self.done, 1)

    def __dealloc__(self):
        if self.wake != NULL:
            PyThread_free_lock(self.wake)
        if self.done != NULL:
            PyThread_free_lock(self.done)
        free(self.scratch)

    def serve(self):
        """The thread: until it is asked for no work."""
        with nogil:
            while True:
                if not self.is_asked_soon():
                    PyThread_acquire_lock(self.wake, 1)
                if not da_turn(&self.state, ASKED, BUSY):
                    continue  # the work was done before this thread woke
                if self.work == NULL:
                    break
                self.help()
                da_turn(&self.state, BUSY, DONE)
                PyThread_release_lock(self.done)

    cdef bint is_asked_soon(self) noexcept nogil:
        cdef int k
        for k in range(ROUNDS):
            if da_watch(&self.state, ASKED, PATIENCE):
                return True
            sched_yield()  # somebody else may need the core
        return False

    cdef void help(self) noexcept nogil:
        cdef size_t room = da_lanes_scratch(self.work.lanes) + 64
        if room > self.room:
            free(self.scratch)
            self.scratch = <char *>malloc(room)
            self.room = room if self.scratch != NULL else 0
        if self.scratch != NULL:  # else the others do without its help
            work_on(self.work, <void *>rounded(<size_t>self.scratch), self.work.units)

    cdef void ask(self, Work *work) noexcept nogil:
        self.work = work
        da_turn(&self.state, IDLE, ASKED)
        PyThread_release_lock(self.wake)

    cdef void wait(self) noexcept nogil:
        """Until it no longer needs the work."""
        if da_turn(&self.state, ASKED, IDLE):
            return
        da_watch(&self.state, DONE, PATIENCE)
        PyThread_acquire_lock(self.done, 1)
        da_turn(&self.state, DONE, IDLE)


cdef int dismiss_helpers() except -1:
    """Lets all idle helpers go; those at work go when they are done."""
    global _generation, _wanted
    cdef Helper h
    _generation += 1
    _wanted = 0
    for h in _idle:
        h.ask(NULL)
    _idle.clear()
    return 0


cdef list take_helpers(int64_t n):
    """Up to n idle helpers; fewer where other calls have them."""
    global _pid, _wanted
    cdef Helper h
    if _pid != _os.getpid():  # a forked process has no threads but its own
        _idle.clear()
        _pid = _os.getpid()
        _wanted = 0
    if not _wanted:
        _wanted = get_num_threads() - 1
        for _ in range(_wanted):
            h = Helper.__new__(Helper)
            try:
                _thread.start_new_thread(h.serve, ())
            except RuntimeError:  # the system has no more threads: the caller works alone
                break
            _idle.append(h)
    taken = []
    try:
        while len(taken) < n:
            taken.append(_idle.pop())
    except IndexError:
        pass
    return taken


cdef int give_back(list helpers) except -1:
    cdef Helper h
    for h in helpers:
        with nogil:
            h.wait()
        if h.generation == _generation:
            _idle.append(h)
        else:
            h.ask(NULL)
    return 0


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
    cdef double ns = region_ns(lanes, region)
    cdef int64_t units = da_lanes_units(lanes, region), watch = max(<int64_t>1, <int64_t>(units * WATCH_NS / max(ns, 1.0)))
    cdef int64_t n = min(<int64_t>get_num_threads(), units) if ns > THREADS_FROM_NS else 1
    cdef Work w = Work(lanes, region, spans, partials, units, watch, 0)
    cdef bint more = True
    cdef Helper h
    helpers = []
    if n > 1:
        with nogil:
            ns = sample(&w, scratch)
        if ns > THREADS_FROM_NS:
            units -= w.next
            w.piece = min(watch, max(<int64_t>1, units // (n * PIECES), <int64_t>(units * PIECE_NS / ns)))
            helpers = take_helpers(n - 1)
    for h in helpers:
        h.ask(&w)
    try:
        while more:
            with nogil:
                more = work_on(&w, scratch, watch)
            PyErr_CheckSignals()
    finally:
        da_take(&w.next, w.units)  # where a signal ended it: nobody begins another piece
        give_back(helpers)
    da_lanes_finish(lanes, region, spans, partials)
    return 0
