# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False, binding=False
"""The binding: one def per C call, the GIL off where a call sleeps, data or a reason.

A reason is a negative number that goes to ``self._fail``, which floor P4 overrides: exceptions are made in
Python, where names and places are known. The memory of a handle lives as long as its object, so a thread
that is inside a call can never meet an unmapped page; ``close`` only marks, wakes and gives descriptors back.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.number cimport PyNumber_Index
from libc.errno cimport EINTR
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_event:
        pass
    ctypedef struct toc_options:
        const char *at
        int mode
        int create
        int64_t spin_ns
    ctypedef struct toc_stat:
        uint64_t id, word, generation, created_ns
        uint32_t kind, mode, is_set, sleepers, listeners, removed, waiting_here, writable
    int64_t toc_now()
    const char *toc_name_fault(const char *)
    const char *toc_place_fault(const char *)
    int toc_path(char *, const char *, const char *)
    int toc_place_dir(char *, const char **, const char *)
    int toc_event_open(toc_event **, const char *, const toc_options *)
    int toc_event_attach(toc_event **, int, int)
    int toc_event_descriptors(const toc_event *, int *, int *)
    void toc_event_close(toc_event *)
    void toc_event_free(toc_event *)
    int toc_event_set(toc_event *)
    int toc_event_clear(toc_event *)
    int toc_event_set_quiet(toc_event *)
    int toc_event_clear_quiet(toc_event *)
    int toc_event_is_set(toc_event *)
    int toc_event_generation(toc_event *, uint64_t *)
    uint64_t toc_event_clears(const toc_event *)
    int toc_event_wait(toc_event *, uint64_t, int64_t)
    int toc_event_wait_clear(toc_event *, uint64_t, int64_t)
    int toc_event_fileno(toc_event *)
    int toc_event_listen(toc_event *)
    int toc_event_arm(toc_event *, int, uint64_t *)
    int toc_event_arm_later(toc_event *, uint64_t *)
    int64_t toc_event_look_again(toc_event *)
    int toc_event_check_name(toc_event *)
    int toc_event_stat(const toc_event *, toc_stat *)
    const char *toc_event_path(const toc_event *)
    int toc_event_unlink(toc_event *)
    int toc_peek(toc_stat *, const char *)
    int toc_unlink(const char *)
    const char *toc_strerror(int)
    enum:
        TOC_PATH_MAX

DEF FOREVER = -1
DEF LONGEST = 3.0e9  # seconds; beyond it an int64 of ns would overflow soon, and nobody lives to see it


cdef int64_t deadline_of(object timeout) except -2:
    """Seconds from now as a point of the monotonic clock in ns; 0 or less looks once; -1 is never."""
    cdef double seconds
    if timeout is None:
        return FOREVER
    seconds = timeout
    if seconds != seconds:
        raise ValueError("timeout is NaN: give seconds, or None to wait for ever")
    if seconds >= LONGEST:
        return FOREVER
    return 0 if seconds <= 0 else toc_now() + <int64_t>(seconds * 1e9)


cdef uint64_t since_of(object since) except? 1:
    number = PyNumber_Index(since)
    if not 0 <= number < (1 << 64):
        raise ValueError(f"bad since {since!r}: give a generation, 0 or more")
    return number


def deadline(timeout):
    return deadline_of(timeout)


def since(number):
    return since_of(number)


# A call that is about to block asks whether that would stop a loop; that must cost nothing where there is none.
cdef dict modules = __import__("sys").modules
cdef object running_loop = None


cdef bint may_stop_a_loop() except -1:
    global running_loop
    if "trio" in modules:
        return True  # floor P3 looks closer
    if "asyncio.events" not in modules:
        return False
    if running_loop is None:
        running_loop = modules["asyncio.events"]._get_running_loop
    return running_loop() is not None


def now():
    return toc_now()


cdef dict as_dict(const toc_stat *s):
    return {"id": s.id, "word": s.word, "generation": s.generation, "created_ns": s.created_ns, "kind": s.kind,
            "mode": s.mode, "is_set": bool(s.is_set), "sleepers": bool(s.sleepers), "listeners": bool(s.listeners),
            "removed": bool(s.removed), "waiting_here": s.waiting_here, "writable": bool(s.writable)}


cdef const char *or_null(object text) except? NULL:
    return NULL if text is None else <const char *>text


cdef class Event:
    cdef toc_event *e
    cdef object __weakref__

    def __dealloc__(self):
        if self.e != NULL:
            toc_event_free(self.e)

    cdef toc_event *handle(self) except NULL:
        if self.e == NULL:
            raise ValueError("this event was never opened: its __init__ did not run to its end")
        return self.e

    def _fail(self, reason):
        raise OSError(-reason, toc_strerror(reason).decode())

    def _before_blocking(self, twin):
        pass

    # -- life

    def _open(self, name, at, int mode, bint create, int64_t spin_ns):
        cdef toc_options options
        cdef const char *c_name = or_null(name)
        cdef int rc
        if self.e != NULL:
            raise ValueError("an event is initialised once")
        options.at = or_null(at)
        options.mode = mode
        options.create = create
        options.spin_ns = spin_ns
        return toc_event_open(&self.e, c_name, &options)

    def _attach(self, int memory, int pipe):
        if self.e != NULL:
            raise ValueError("an event is initialised once")
        return toc_event_attach(&self.e, memory, pipe)

    def _descriptors(self):
        cdef int memory = -1, pipe = -1
        toc_event_descriptors(self.handle(), &memory, &pipe)
        return memory, pipe

    def _close(self):
        cdef toc_event *e = self.e
        if e != NULL:
            with nogil:
                toc_event_close(e)

    def _unlink(self):
        return toc_event_unlink(self.handle())

    def _path(self):
        cdef const char *path = NULL if self.e == NULL else toc_event_path(self.e)
        return None if path == NULL else (<bytes>path)

    def _stat(self):
        cdef toc_stat s
        cdef int rc = toc_event_stat(self.handle(), &s)
        return rc if rc < 0 else as_dict(&s)

    # -- the state

    def set(self):
        """Latch it and wake everyone who waits, here and elsewhere. Never waits for anyone; idempotent.

        Unlike threading.Event.set it may be called from a signal handler. Fails (OSError, ObjectRemoved, ValueError
        after close) before it changed anything, or not at all.
        """
        cdef int rc
        if self.e == NULL:
            self.handle()
        rc = toc_event_set_quiet(self.e)
        if rc == 0:  # whoever wakes will want the GIL at once
            with nogil:
                rc = toc_event_set(self.e)
        if rc < 0:
            self._fail(rc)

    def clear(self):
        """Unlatch it. Those who were waiting when it was set are released all the same. Idempotent; errors as `set`."""
        cdef int rc
        if self.e == NULL:
            self.handle()
        rc = toc_event_clear_quiet(self.e)
        if rc == 0:
            with nogil:
                rc = toc_event_clear(self.e)
        if rc < 0:
            self._fail(rc)

    def is_set(self):
        """Is it set now? Consumes the edge of `fileno` when it is not. ObjectRemoved, or ValueError after close."""
        cdef int rc
        if self.e == NULL:
            self.handle()
        rc = toc_event_is_set(self.e)
        if rc < 0:
            self._fail(rc)
        return rc == 1

    @property
    def generation(self):
        """How many times it became set. It only grows: who compares it misses no pulse."""
        cdef uint64_t generation = 0
        cdef int rc = toc_event_generation(self.handle(), &generation)
        if rc < 0:
            self._fail(rc)
        return generation

    # -- waiting; a signal's handlers run between two sleeps, and `since` bridges them

    def wait(self, timeout=None, *, since=None):
        """Wait until it is set, or was set since this call began: True. False after `timeout` seconds.

        None and inf wait for ever; 0 or less looks once. With `since=n`: until there was a set after generation n,
        so `g = e.generation; ...; e.wait(since=g)` has no gap. threading.Event.wait returns False for a set that was
        cleared at once; this returns True. Costs no processor while it waits. Ctrl-C and handlers run at once.
        """
        cdef toc_event *e = self.e if self.e != NULL else self.handle()
        cdef int64_t until = FOREVER if timeout is None else deadline_of(timeout)
        cdef uint64_t after = toc_event_clears(e) if since is None else since_of(since)
        cdef int rc = toc_event_wait(e, after, 0)
        if rc == 0 and until != 0:
            if may_stop_a_loop():
                self._before_blocking("wait_async")
            while True:
                with nogil:
                    rc = toc_event_wait(e, after, until)
                if rc != -EINTR:
                    break
                PyErr_CheckSignals()
        if rc < 0:
            self._fail(rc)
        return rc == 1

    def wait_clear(self, timeout=None):
        """Wait until it is clear, or was cleared since this call began: True. False after `timeout` seconds.

        threading has no such call; the loop that people write in its place polls.
        """
        cdef toc_event *e = self.handle()
        cdef int64_t until = deadline_of(timeout)
        cdef uint64_t after = toc_event_clears(e)
        cdef int rc = toc_event_wait_clear(e, after, 0)
        if rc == 0 and until != 0:
            if may_stop_a_loop():
                self._before_blocking("wait_clear_async")
            while True:
                with nogil:
                    rc = toc_event_wait_clear(e, after, until)
                if rc != -EINTR:
                    break
                PyErr_CheckSignals()
        if rc < 0:
            self._fail(rc)
        return rc == 1

    # -- descriptors and loops

    def fileno(self):
        """A descriptor that select, poll, epoll and loops find readable while the event is set.

        A hint: look with `is_set`, `wait` or `generation`, which consume the edge of a pulse that is over. Threads that
        poll for pulses open a handle each: those of one handle share its edges. The handle owns the descriptor. The first call may take 100 ms when others are waiting already (docs/design/bell.md).
        """
        cdef toc_event *e = self.handle()
        cdef int rc
        with nogil:
            rc = toc_event_fileno(e)
        if rc < 0:
            self._fail(rc)
        return rc

    def _clears(self):
        return toc_event_clears(self.handle())

    def _listen(self):
        cdef int rc = toc_event_listen(self.handle())
        if rc < 0:
            self._fail(rc)
        return rc

    def _arm_set(self):
        """Listen for a set; the generation of that instant."""
        cdef uint64_t word = 0
        cdef int rc = toc_event_arm(self.handle(), 0, &word)
        if rc < 0:
            self._fail(rc)
        return (word >> 8) + (word & 1)

    def _arm_later(self):
        """Listen for a set after the present one; the generation of that instant."""
        cdef uint64_t word = 0
        cdef int rc = toc_event_arm_later(self.handle(), &word)
        if rc < 0:
            self._fail(rc)
        return (word >> 8) + (word & 1)

    def _arm_clear(self):
        """Listen for a clear; the count of clears of that instant, or -1 if it is clear."""
        cdef uint64_t word = 0
        cdef int rc = toc_event_arm(self.handle(), 1, &word)
        if rc < 0:
            self._fail(rc)
        return <int64_t>(word >> 8) if word & 1 else -1

    def _look_again(self):
        return toc_event_look_again(self.handle())

    def _check_name(self):
        return toc_event_check_name(self.handle())


def name_fault(name):
    cdef const char *why = toc_name_fault(name)
    return None if why == NULL else why.decode()


def place_fault(at):
    cdef const char *why = toc_place_fault(or_null(at))
    return None if why == NULL else why.decode()


def path(at, name):
    cdef char out[TOC_PATH_MAX]
    cdef int rc = toc_path(out, or_null(at), name)
    return rc if rc < 0 else <bytes>out


def place_dir(at):
    cdef char out[TOC_PATH_MAX]
    cdef const char *prefix = NULL
    cdef int rc = toc_place_dir(out, &prefix, or_null(at))
    return rc if rc < 0 else (<bytes>out, (<bytes>prefix).decode())


def peek(path):
    cdef toc_stat s
    cdef int rc = toc_peek(&s, path)
    return rc if rc < 0 else as_dict(&s)


def unlink(path):
    return toc_unlink(path)


def reason(rc):
    return toc_strerror(rc).decode()
