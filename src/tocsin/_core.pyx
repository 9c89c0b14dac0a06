# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False, binding=False, auto_pickle=False
"""The binding: one def per C call, the GIL off where a call sleeps, data or a reason.

A reason is a negative number that goes to ``self._fail``, which floor P4 overrides: exceptions are made in
Python, where names and places are known. The memory of a handle lives as long as its object, so a thread
that is inside a call can never meet an unmapped page; ``close`` only marks, wakes and gives descriptors back.

One extension module for all objects, and so ``include`` and not a module each: the core is linked in, and keeps
a table of open bells, its fork handlers and this process's owner id, of which a process must have one.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.number cimport PyNumber_Index
from libc.errno cimport EINTR, ENOBUFS
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "errno.h" nogil:
    int ECANCELED  # which Cython's libc.errno has not

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_handle:
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
    void toc_signals_hold()
    void toc_signals_give()
    const char *toc_name_fault(const char *)
    const char *toc_place_fault(const char *)
    int toc_path(char *, const char *, const char *)
    int toc_place_dir(char *, const char **, const char *)
    int toc_peek(toc_stat *, const char *)
    int toc_unlink(const char *)
    const char *toc_strerror(int)
    enum:
        TOC_PATH_MAX
        TOC_MESSAGE_MAX

DEF FOREVER = -1
DEF LONGEST = 3.0e9  # seconds; beyond it an int64 of ns would overflow soon, and nobody lives to see it

MESSAGE_MAX = TOC_MESSAGE_MAX


cdef int hold_signals() except -1:
    """Run what handlers are due, and hold signals back until the sleep, which one that comes from now on ends at once.
    `toc_signals_give` has to follow."""
    PyErr_CheckSignals()
    toc_signals_hold()
    try:
        PyErr_CheckSignals()  # for one that came between these two: its handler alone runs with the others on hold
    except BaseException:
        toc_signals_give()
        raise
    return 0


cdef int64_t deadline_of(object timeout) except -2:
    """Seconds from now as a point of the monotonic clock in ns; 0 or less looks once; -1 is never."""
    cdef double seconds
    if timeout is None:
        return FOREVER
    try:
        seconds = timeout
    except TypeError:
        raise TypeError(f"a timeout is a number of seconds, or None, not {type(timeout).__name__}") from None
    if seconds != seconds:
        raise ValueError("timeout is NaN: give seconds, or None to wait for ever")
    if seconds >= LONGEST:
        return FOREVER
    return 0 if seconds <= 0 else toc_now() + <int64_t>(seconds * 1e9)


cdef int64_t data_deadline_of(object timeout) except -2:
    """The same for a wait that gives data: there is no bool to say "not now", and queue refuses it, too."""
    cdef int64_t until = deadline_of(timeout)
    if until == 0 and timeout < 0:
        raise ValueError(f"'timeout' must be a non-negative number, not {timeout!r}")
    return until


cdef uint64_t since_of(object since) except? 1:
    number = PyNumber_Index(since)
    if not 0 <= number < (1 << 64):
        raise ValueError(f"bad since {since!r}: give a generation, 0 or more")
    return number


def deadline(timeout):
    return deadline_of(timeout)


def data_deadline(timeout):
    return data_deadline_of(timeout)


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


cdef toc_options options_of(object at, int mode, bint create, int64_t spin_ns) except *:
    cdef toc_options options
    options.at = or_null(at)
    options.mode = mode
    options.create = create
    options.spin_ns = spin_ns
    return options


include "_core_object.pxi"
include "_core_event.pxi"
include "_core_signal.pxi"
include "_core_data.pxi"
include "_core_queue.pxi"
include "_core_topic.pxi"
include "_core_lock.pxi"
include "_core_watch.pxi"
include "_core_wait.pxi"
include "_core_look.pxi"
include "_core_check.pxi"


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
