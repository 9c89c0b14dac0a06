# Waiting for many: what happens at every wake, and so without a Python frame. `_ready`, `_ears` and `_wait_set` do the rest.

from cpython.tuple cimport PyTuple_GET_ITEM
from libc.errno cimport errno

cdef extern from "sys/epoll.h" nogil:
    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_wait(int, epoll_event *, int, int)

DEF FEW_RINGS = 32  # so many are taken at once at first; there are rarely more
DEF MINUTE = 60000000000

FEW = FEW_RINGS


cdef class Member:
    """An object among those that are waited for. `seen`: the ticket of the last look, after which a pulse counts."""
    cdef public object key, get, held
    cdef public Py_ssize_t order
    cdef public int fd
    cdef public bint may_be_due
    cdef public uint64_t seen
    cdef object __weakref__

    cdef bint judged(self, bint now, bint anew) except -1:
        cdef Object handle = self.get()
        cdef int64_t ticket
        if handle is None:
            return False
        ticket = handle.judge(~<uint64_t>0 if now else <uint64_t>handle._ticket() if anew else self.seen)
        self.seen = ticket if ticket >= 0 else ~ticket
        return ticket >= 0

    def look(self):
        """Arm, and judge: is it ready now, or was it since the last look?"""
        return self.judged(False, False)

    def look_now(self):
        """The same for the present state alone."""
        return self.judged(True, False)


cdef class Hearing:
    """An epoll, and who may be ready. Its user holds the lock for all but `hear`, which takes it."""
    cdef public dict bells, timed, maybe
    cdef public list ended
    cdef public bint deaf, is_closed
    cdef public int64_t looked
    cdef public int fd

    def hear(self, double seconds, bint anew, object lock):
        """Sleep until something rings, at most so long: a list of the members that are ready. A tuple of the events
        instead: there is more to consider than what rang."""
        cdef epoll_event events[FEW_RINGS]
        cdef int ms = 0, n, i, why = 0, fd = self.fd
        cdef object row = None
        cdef bint simple
        if seconds <= 0:
            n = epoll_wait(fd, events, FEW_RINGS, 0)
            why = errno
        else:
            ms = <int>(seconds * 1000) + 1
            with nogil:
                n = epoll_wait(fd, events, FEW_RINGS, ms)
                why = errno
        if n < 0:
            if why != EINTR:
                raise OSError(why, toc_strerror(-why).decode())
            PyErr_CheckSignals()
            n = 0
        lock.acquire()
        try:
            simple = not (n == FEW_RINGS or self.is_closed or self.deaf or self.ended or self.timed)
            if simple and toc_now() - self.looked > MINUTE:
                simple = False
            if simple:
                for i in range(n):
                    row = self.bells.get(events[i].data.fd)
                    if row is None:
                        simple = False
                        break
                    self.maybe[row] = None
            if not simple:
                return tuple([(events[i].data.fd, events[i].events) for i in range(n)])
            return self.look(anew)
        except BaseException:
            self.deaf = True  # edges were taken, and may be lost
            raise
        finally:
            lock.release()

    cpdef list look(self, bint anew):
        """Who of those that may be ready is. The others are forgotten until they ring, or their time comes."""
        cdef list found = []
        cdef Member bell
        cdef object due
        for bell in list(self.maybe):
            if bell.judged(False, anew):
                found.append(bell)
                continue
            self.maybe.pop(bell, None)
            if bell.may_be_due:
                due = bell.get()
                due = 0 if due is None else due._due()
                if due:
                    self.timed[bell] = due
        return found


cdef class Same:
    """Is a tuple of arguments, object by object, the one of the call before? Whoever asks knows that none has gone since."""
    cdef Py_ssize_t count
    cdef void **seen

    def __cinit__(self, tuple objs):
        cdef Py_ssize_t i
        self.count = len(objs)
        self.seen = <void **>malloc((self.count + 1) * sizeof(void *))
        if self.seen == NULL:
            raise MemoryError
        for i in range(self.count):
            self.seen[i] = <void *>objs[i]

    def __dealloc__(self):
        free(self.seen)

    def are(self, tuple objs):
        cdef Py_ssize_t i
        if len(objs) != self.count:
            return False
        for i in range(self.count):
            if self.seen[i] != <void *>PyTuple_GET_ITEM(objs, i):
                return False
        return True
