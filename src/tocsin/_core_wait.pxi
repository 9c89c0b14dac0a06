# Waiting for many: what happens at every wake, and so without a Python frame. `_ready`, `_ears` and `_wait_set` do the rest.

from libc.errno cimport errno
from libc.string cimport memcmp, memcpy
cimport cython

cdef extern from "Python.h":
    ctypedef struct PyTupleObject:
        void **ob_item

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
        cdef Object handle = self.held if self.held is not None else self.get()
        cdef int64_t ticket
        if handle is None:
            return False
        if handle.is_far:
            ticket = handle._judge(~<uint64_t>0 if now else handle._ticket() if anew else self.seen)
        else:
            ticket = handle.judge(~<uint64_t>0 if now else toc_ticket(handle.handle()) if anew else self.seen)
        self.seen = ticket if ticket >= 0 else ~ticket
        return ticket >= 0

    def look(self):
        """Arm, and judge: is it ready now, or was it since the last look?"""
        return self.judged(False, False)

    def look_now(self):
        """The same for the present state alone."""
        return self.judged(True, False)


cdef class Hearing:
    """An epoll, and who may be ready. Its user holds the lock for all but `wait` and `hear`, which take it."""
    cdef public dict bells, timed, maybe
    cdef public list ended
    cdef public bint deaf, is_closed, is_forked, is_exposed, is_far
    cdef public int64_t looked
    cdef public int fd, waiters
    cdef public object lock

    # -- a whole wait, where nothing but bells is in the way

    def wait(self, timeout):
        """What is ready, in order; [] when it is too late. A number instead, the deadline: `hear` has to go on."""
        cdef int64_t until = FOREVER if timeout is None else deadline_of(timeout)
        found = self.among_bells(until, False)
        return things(<list>found) if type(found) is list else until

    cdef object among_bells(self, int64_t until, bint anew):
        """The members that are ready. If not only bells rang: is it still the start, before which a pulse doesn't count?
        Then nothing is lost: what rang is in `maybe`, and all else stays readable."""
        cdef object lock = self.lock
        lock.acquire()
        self.waiters += 1
        try:
            return self.listen(until, anew, lock)
        except BaseException:
            self.deaf = True  # edges may be lost, and another thread may have been meant
            self.poke()
            raise
        finally:
            if self.waiters > 0:  # else a handler forked, and this is the child
                self.waiters -= 1
            if self.is_closed and self.waiters == 0:
                self.give_back()
            lock.release()

    cdef object listen(self, int64_t until, bint anew, object lock):
        cdef epoll_event events[FEW_RINGS]
        cdef int n, ms, why, fd = self.fd
        if fd < 0 or self.is_forked or self.is_far:  # of a server there is more to ask at the deadline
            return anew
        found = self.after(events, epoll_wait(fd, events, FEW_RINGS, 0), anew)
        if found is None:
            return anew
        if not found and until != 0 and may_stop_a_loop():
            return False  # floor P3 looks closer
        while not found and until != 0:
            ms = self.patience(until)
            lock.release()
            try:
                with nogil:
                    n = epoll_wait(fd, events, FEW_RINGS, ms)
                    why = errno
                if n < 0:
                    if why != EINTR:
                        raise OSError(why, toc_strerror(-why).decode())
                    PyErr_CheckSignals()
            finally:
                take_back(lock)
            found = self.after(events, n, False)
            if found is None:
                return False
            if 0 <= until <= toc_now():
                break
        if found and (self.waiters > 1 or self.is_exposed):
            self.poke()  # the others look, too; and the descriptor is readable while something is ready
        return found

    cdef int patience(self, int64_t until):
        """ms to sleep: to the deadline, or to the minute's look. At least one, so that it is over by then."""
        cdef int64_t now = toc_now(), end = self.looked + MINUTE
        if 0 <= until < end:
            end = until
        return 1 if end <= now else <int>((end - now) // 1000000) + 1

    cdef object after(self, epoll_event *events, int n, bint anew):
        """Who is ready, after so many rang; None if that is not all that is to be considered."""
        cdef bint simple = n < FEW_RINGS and not (self.is_closed or self.is_forked or self.deaf or self.ended or self.timed)
        cdef int i
        for i in range(n):
            row = self.bells.get(events[i].data.fd)
            if row is None:
                simple = False
            else:
                self.maybe[row] = None
        return self.look(anew) if simple and toc_now() - self.looked <= MINUTE else None

    # -- one step of a wait in which more than that is to be considered

    def hear(self, double seconds, bint anew):
        """Sleep until something rings, at most so long: a list of the members that are ready. A tuple of the events
        instead: there is more to consider than what rang."""
        cdef epoll_event events[FEW_RINGS]
        cdef int ms = 0, n, i, why = 0, fd = self.fd
        cdef object row = None, lock
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
        lock = self.lock
        try:
            take_back(lock)
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


cdef int take_back(object lock) except -1:
    """Take it, whatever handlers raise meanwhile; then raise that."""
    interrupted = None
    while True:
        try:
            lock.acquire()
            break
        except BaseException as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted
    return 0


cdef list things(list found):
    if len(found) > 1:
        found.sort(key=order_of)
    return [(<Member>one).get() for one in found]


def order_of(Member one):
    return one.order


# -- wait_any: a loop around it is with the same arguments each time

cdef class Same:
    """The arguments of a call, object by object, and who waits for them. They are not held, so that nothing lives longer
    than its program wants: `owner.spoilt` says that one has gone."""
    cdef Py_ssize_t count
    cdef void **seen
    cdef list spoilt
    cdef Hearing ears
    cdef bint plain
    cdef readonly object owner

    def __cinit__(self, tuple objs, owner):
        self.count = len(objs)
        self.seen = <void **>malloc((self.count + 1) * sizeof(void *))
        if self.seen == NULL:
            raise MemoryError
        memcpy(self.seen, (<PyTupleObject *>objs).ob_item, self.count * sizeof(void *))
        self.owner, self.spoilt, self.ears = owner, owner.spoilt, owner._ears
        self.plain = len(owner.places) == self.count  # nobody is in it twice

    def __dealloc__(self):
        free(self.seen)

    cpdef bint are(self, tuple objs):
        """Is it the same call again, and can its set be used for it?"""
        return (self.count and len(objs) == self.count and not self.spoilt and not self.ears.is_forked
                and memcmp(self.seen, (<PyTupleObject *>objs).ob_item, self.count * sizeof(void *)) == 0)


cdef class Slot:
    """What a thread's last call left to its next one. Empty while somebody uses it: a handler needs one of its own."""
    cdef public Same kept


cdef object local = __import__("_thread")._local()  # threading.local, without a module that costs a command its start
cdef object any_slowly = None


def use_any(slowly):
    """What `wait_any` calls when the first look doesn't answer (arguments, deadline, Same or None, is it the start)."""
    global any_slowly
    any_slowly = slowly


cpdef Slot slot():
    """This thread's."""
    cdef Slot found = getattr(local, "slot", None)
    if found is None:
        found = local.slot = Slot()
    return found


@cython.binding(True)
def wait_any(*objs, timeout=None):
    """Wait until one of `objs` is ready: those that are, in the order of the arguments. [] after `timeout` seconds.

    `objs` are tocsin objects of every kind, named or anonymous, in any mix with sockets, pipes, connections and
    whatever else has a ``fileno()``, and with descriptors (an int: a pidfd, the sentinel of a process). Ready is: an
    event that is set, or was after the start of the call (a pulse counts); a signal or value that this handle hasn't
    had; a queue with an item, or at its end; a lock that is free; a descriptor that can be read. What was removed or
    cancelled, and an event whose owner died, is ready as well: its own next call tells. An object that is given twice
    is in the answer twice.

    The race it removes: nothing is consumed, so nothing is lost for those who were not looked at; and who was faster is
    told by each object's own call, with a timeout of 0.

    Unlike ``multiprocessing.connection.wait`` it takes its objects one by one and not as a list, and it knows events.
    None and inf wait for ever; 0 or less looks once. Waiting again for the same objects costs far less than the first
    time; for many that come and go there is `WaitSet`.

    Raises:
        TypeError: what nobody can wait for; it names the argument. ValueError: one that is closed, a plain file, or
        nothing to wait for at all and no timeout. OSError: no descriptor is left. Unreachable: nothing was ready in
        time, and a server could not be asked.
    """
    cdef int64_t until = FOREVER if timeout is None else deadline_of(timeout)
    cdef Slot mine = slot()
    cdef Same kept = mine.kept
    if kept is None or not kept.are(objs):
        return any_slowly(objs, until, None, True)
    mine.kept = None
    try:
        found = kept.ears.among_bells(until, True)
    except BaseException:
        kept.owner.close()
        raise
    if type(found) is not list:
        return any_slowly(objs, until, kept, found)
    answer = things(<list>found) if kept.plain else kept.owner._answer(found)
    if mine.kept is None and not kept.spoilt:
        mine.kept = kept
    else:
        kept.owner.close()
    return answer
