# Queue: items to whoever takes them first. Put and get go from a Python object to the core without a Python frame.

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EBADMSG, EMSGSIZE, ESTALE, ETIMEDOUT
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memset

include "_core_queue_c.pxi"

DEF SMALL_ITEM = 8192  # an item of this size is taken without being asked for its size first
DEF BATCH = 1024  # items that get_many takes in one call
DEF BATCH_BYTES = 65536  # and their bytes, unless one alone is larger

cdef enum Taking:
    GET, RECEIVE, PEEK

cdef object generic_alias = type(list[int])


cdef int64_t queue_deadline(object block, object timeout) except -2:
    """queue.Queue's pair of arguments as a point in time."""
    if timeout is None or not block:
        return FOREVER if block else 0
    return data_deadline_of(timeout)


cdef class QueueLife(Object):
    """A queue's handle and its codec; the calls are those of `Queue`, which is all of this."""
    cdef object check, dump, proof, load, check_each, dump_lines  # of a Codec; no dump: it hasn't been needed yet

    def __dealloc__(self):
        if self.h != NULL:
            toc_queue_free(<toc_queue *>self.h)

    @classmethod
    def __class_getitem__(cls, item):
        return generic_alias(cls, item)

    def _open(self, name, at, int mode, bint create, int64_t maxsize, int64_t max_bytes, int max_deliveries, int codec,
              int durable):
        cdef toc_queue_options options
        memset(&options, 0, sizeof(options))
        options.common = options_of(at, mode, create, 0)
        options.maxsize = maxsize
        options.max_bytes = max_bytes
        options.max_deliveries = max_deliveries
        options.codec = codec
        options.durable = durable
        self.unopened()
        return toc_queue_open(<toc_queue **>&self.h, or_null(name), &options)

    def _attach(self, int memory, int pipe):
        self.unopened()
        return toc_queue_attach(<toc_queue **>&self.h, memory, pipe)

    def _use(self, codec):
        self.check = codec.check
        self.check_each = codec.check_each
        self.dump_lines = codec.dump_lines
        self.proof = codec.proof
        self.load = codec.load
        self.dump = codec.dump

    # What floor P4 does in their place.

    def _find_codec(self):
        raise NotImplementedError

    def _refuse(self, why):
        raise ValueError(why)

    def _bury(self, data, sequence, attempt, why):
        raise ValueError(why)

    def _is_overdue(self, claim):
        raise ValueError(claim)

    def _fail_take(self, rc, count):
        self._fail(rc)


include "_core_queue_put.pxi"
include "_core_queue_take.pxi"


cdef class Queue(QueueTake):
    # -- the rest of queue.Queue

    def task_done(self):
        """Say that an item which was taken with `get` is worked off; see `join`. ValueError: more often than items were."""
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int rc = -EINTR
        while rc == -EINTR:
            with nogil:
                rc = toc_queue_task_done(q)
            if rc == -EINTR:
                PyErr_CheckSignals()
        if rc < 0:
            self._fail(rc)

    def join(self, timeout=None):
        """Wait until every item is worked off: True; False after `timeout` seconds.

        Worked off is what was taken by `get` and reported by `task_done`, in any process, and what was received and
        acked. What a process had taken and not reported is subtracted when it dies, so no death can hang a join.
        """
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int64_t until = deadline_of(timeout), look = 0
        cdef int rc
        while True:
            hold_signals()
            with nogil:
                rc = toc_queue_join(q, look)
                toc_signals_give()
            if rc == -EINTR:
                continue
            elif rc == 0 and look != until:
                look = until
                if may_stop_a_loop():
                    self._before_blocking("join_async")
            else:
                break
        if rc < 0:
            self._fail(rc)
        return rc == 1

    def shutdown(self, immediate=False):
        """End the queue for everyone, as `queue.Queue.shutdown` of Python 3.13.

        `put` raises ShutDown from now on, and `get` does once the queue is empty; with immediate=True what is still
        in it is dropped, and counts as worked off. It can't be undone: unlink the queue and make it anew.
        """
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int at_once = bool(immediate)
        cdef int rc = -EINTR
        while rc == -EINTR:
            with nogil:
                rc = toc_queue_shutdown(q, at_once)
            if rc == -EINTR:
                PyErr_CheckSignals()
        if rc < 0:
            self._fail(rc)

    def purge(self):
        """Drop whatever is in the queue and in nobody's hands: how many items that were. They count as worked off."""
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int64_t dropped = -EINTR
        while dropped == -EINTR:
            with nogil:
                dropped = toc_queue_purge(q)
            if dropped == -EINTR:
                PyErr_CheckSignals()
        if dropped < 0:
            self._fail(dropped)
        return dropped

    def _figures(self):
        cdef toc_queue_stat s
        cdef int rc = toc_queue_state(<toc_queue *>self.handle(), &s)
        if rc < 0:
            self._fail(rc)
        return {"ready": s.ready, "delayed": s.delayed, "held": s.held, "unfinished": s.unfinished, "bytes": s.bytes,
                "puts": s.puts, "segments": s.segments, "file_bytes": s.file_bytes, "maxsize": s.maxsize,
                "max_bytes": s.max_bytes, "max_deliveries": s.max_deliveries, "codec": s.codec,
                "durable": bool(s.durable), "shut": s.shut}

    def qsize(self):
        """How many items are ready to be taken; what is held or delayed is not. Exact at the instant of the look."""
        cdef toc_queue_stat s
        cdef int rc = toc_queue_state(<toc_queue *>self.handle(), &s)
        if rc < 0:
            self._fail(rc)
        return s.ready

    def empty(self):
        """Is nothing ready to be taken?"""
        return self.qsize() == 0

    def _due(self):
        """When (ns) a consumer who found nothing should look again: an item that was put off, or a dead holder. 0: no need."""
        return toc_queue_due(<toc_queue *>self.handle())

    cdef int64_t judge(self, uint64_t seen) except? -1:
        """As Object's. A look that finds nothing puts back what the dead had in hand, as that of `get` does."""
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef uint64_t word = 0
        cdef int ready = self.look_ready(&word)
        cdef int64_t ticket
        if not ready and toc_queue_due(q):
            with nogil:
                toc_queue_join(q, 0)  # whatever it says: it buries the dead, and takes nothing
            ready = self.look_ready(&word)
        ticket = word >> 8
        return ticket if ready else ~ticket
