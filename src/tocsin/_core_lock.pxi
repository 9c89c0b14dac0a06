# Lock: mutual exclusion. Taking and giving it back are as short as they can be; floor P4 says what went wrong.

from cpython.pythread cimport PyThread_get_thread_ident

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_lock:
        pass
    enum:
        TOC_LOCK_HUNGRY_NS
    int toc_lock_open(toc_lock **, const char *, const toc_options *, const char *)
    int toc_lock_attach(toc_lock **, int, int, const char *)
    void toc_lock_free(toc_lock *)
    int toc_lock_try(toc_lock *)
    int toc_lock_acquire(toc_lock *, int64_t, int64_t)
    int toc_lock_release(toc_lock *)
    int toc_lock_release_quick(toc_lock *)
    int toc_lock_locked(toc_lock *)
    int toc_lock_is_mine(const toc_lock *)
    int toc_lock_holder(toc_lock *, toc_owner_info *)
    int toc_lock_arm(toc_lock *, int, uint64_t *)
    uint64_t toc_lock_turns(const toc_lock *)

LOCK_HUNGRY_NS = TOC_LOCK_HUNGRY_NS

cdef object FOR_EVER = -1  # what threading.Lock calls it


cdef int64_t lock_deadline_of(object blocking, object timeout) except -2:
    """By the rules of threading.Lock, and None is for ever as well."""
    if not blocking:
        if timeout is not None and timeout != FOR_EVER:
            raise ValueError("can't specify a timeout for a non-blocking call")
        return 0
    if timeout is None or timeout == FOR_EVER:
        return FOREVER
    cdef int64_t until = deadline_of(timeout)
    if until == 0 and timeout < 0:
        raise ValueError(f"timeout value must be a non-negative number, -1 or None, not {timeout!r}")
    return until


def lock_deadline(blocking, timeout):
    return lock_deadline_of(blocking, timeout)


cdef class Lock(Object):
    # Who took it by this handle, written after that and wiped before it is given back: so what another thread finds here
    # may be missing, but is never a lie about itself.
    cdef unsigned long thread
    cdef object task

    def __dealloc__(self):
        if self.h != NULL:
            toc_lock_free(<toc_lock *>self.h)

    def _open(self, name, at, int mode, bint create, command):
        cdef toc_options options = options_of(at, mode, create, 0)
        self.unopened()
        return toc_lock_open(<toc_lock **>&self.h, or_null(name), &options, or_null(command))

    def _attach(self, int memory, int pipe, command):
        self.unopened()
        return toc_lock_attach(<toc_lock **>&self.h, memory, pipe, or_null(command))

    cdef bint taken(self, int rc) except -1:
        """What a look brought; whoever took it is noted, to tell him from others who come by this handle."""
        if rc == 1:
            self.thread = PyThread_get_thread_ident()
            self.task = self._current_task() if may_stop_a_loop() else None
            return True
        if rc < 0:
            self._fail(rc)
        return False

    def _refuse_recursion(self):
        """RuntimeError when this very thread and task holds it by this handle: it would wait for itself."""
        if (toc_lock_is_mine(<toc_lock *>self.handle()) and self.thread == PyThread_get_thread_ident()
                and self.task is (self._current_task() if may_stop_a_loop() else None)):
            self._fail_recursion()

    def acquire(self, blocking=True, timeout=FOR_EVER):
        """Take it: True; False when somebody else has it, after `timeout` seconds. -1, None and inf wait for ever.

        ``acquire(False)`` looks once. Freed by its holder's `release` or death, whichever comes, and by nothing else:
        a holder that is slow, or stopped by SIGSTOP, keeps it. Who waits for longer than a millisecond has precedence
        over those who come. Costs no processor while it waits. Ctrl-C and handlers run at once.

        Raises:
            RuntimeError: this thread (and task) holds it by this handle already. Another thread that comes by the same
                handle waits. ObjectRemoved: it was unlinked. ValueError: closed; or arguments that contradict.
        """
        cdef toc_lock *l = <toc_lock *>(self.h if self.h != NULL else self.handle())
        cdef int64_t until = FOREVER
        cdef int64_t since
        cdef int rc
        if blocking is not True or timeout is not FOR_EVER:
            until = lock_deadline_of(blocking, timeout)
        if not blocking:
            return self.taken(toc_lock_try(l))
        rc = toc_lock_acquire(l, 0, 0)
        if rc != 0 or until == 0:
            return self.taken(rc)
        self._refuse_recursion()
        if may_stop_a_loop():
            self._before_blocking("acquire_async")
        since = toc_now()
        while True:
            hold_signals()
            with nogil:
                rc = toc_lock_acquire(l, since, until)
                toc_signals_give()
            if rc != -EINTR:
                return self.taken(rc)

    def _attempt(self, int64_t since):
        """One look of a task that has waited since then; 0: it comes just now."""
        return self.taken(toc_lock_acquire(<toc_lock *>self.handle(), since, 0))

    def release(self):
        """Give it back, and tell those who wait. Any thread or task of this process may, by the handle that took it.

        Raises:
            RuntimeError: this handle doesn't hold it. ValueError: closed. After `unlink` it is as good as before.
        """
        cdef toc_lock *l = <toc_lock *>(self.h if self.h != NULL else self.handle())
        cdef int rc
        self.thread = 0
        self.task = None
        rc = toc_lock_release_quick(l)
        if rc == 0:  # whoever wakes will want the GIL at once
            with nogil:
                rc = toc_lock_release(l)
        if rc < 0:
            self._fail_release(rc)

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, kind, value, trace):
        self.release()

    def locked(self):
        """Does a living process hold it? A look, no promise: it may be another's by the time one has the answer."""
        cdef int rc = toc_lock_locked(<toc_lock *>self.handle())
        if rc < 0:
            self._fail(rc)
        return rc == 1

    def _mine(self):
        """0: this handle doesn't hold it; 1: it does; 2: and its last holder had died, or closed."""
        return 0 if self.h == NULL else toc_lock_is_mine(<toc_lock *>self.h)

    def _holder(self):
        """None, a reason, or (pid, command, alive)."""
        cdef toc_owner_info who
        cdef int rc = toc_lock_holder(<toc_lock *>self.handle(), &who)
        if rc <= 0:
            return None if rc == 0 else rc
        return who.pid, <bytes>who.command, bool(who.alive)

    def _arm(self, int side):
        """Listen; 1 if it can be taken now by who has waited long (side 0), or just came (1), else 0."""
        cdef uint64_t ticket = 0
        cdef int rc = toc_lock_arm(<toc_lock *>self.handle(), side, &ticket)
        if rc < 0:
            self._fail(rc)
        return ticket

    def _ticket(self):
        return 0

    cdef int64_t judge(self, uint64_t seen) except? -1:
        """As Object's; the tickets say how often it was taken. Read before the look: of two looks that find it free, the
        second one's then says that nobody took it since the first."""
        cdef uint64_t word = 0
        cdef int64_t turns = toc_lock_turns(<toc_lock *>self.handle())
        return turns if self.look_ready(&word) else ~turns
