# Event: a latched flag. Its calls are the fastest of all, so nothing stands between them and the core.

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_event:
        pass
    ctypedef struct toc_owner_info:
        uint32_t pid, alive
        char *command
    enum:
        TOC_COMMAND_MAX
    int toc_event_own(toc_event *, const char *)
    int toc_event_disown(toc_event *)
    int toc_event_owner(toc_event *, toc_owner_info *)
    int toc_event_open(toc_event **, const char *, const toc_options *)
    int toc_event_attach(toc_event **, int, int)
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
    int toc_event_arm(toc_event *, int, uint64_t *)
    int toc_event_arm_later(toc_event *, uint64_t *)


COMMAND_MAX = TOC_COMMAND_MAX


cdef class Event(Object):
    def __dealloc__(self):
        if self.h != NULL:
            toc_event_free(<toc_event *>self.h)

    def _open(self, name, at, int mode, bint create, int64_t spin_ns):
        cdef toc_options options = options_of(at, mode, create, spin_ns)
        self.unopened()
        return toc_event_open(<toc_event **>&self.h, or_null(name), &options)

    def _attach(self, int memory, int pipe):
        self.unopened()
        return toc_event_attach(<toc_event **>&self.h, memory, pipe)

    # -- the state

    def set(self):
        """Latch it and wake everyone who waits, here and elsewhere. Never waits for anyone; idempotent.

        Unlike threading.Event.set it may be called from a signal handler. Fails (OSError, ObjectRemoved, ValueError
        after close) before it changed anything, or not at all.
        """
        cdef int rc
        if self.h == NULL:
            return self.elsewhere().set()
        rc = toc_event_set_quiet(<toc_event *>self.h)
        if rc == 0:  # whoever wakes will want the GIL at once
            with nogil:
                rc = toc_event_set(<toc_event *>self.h)
        if rc < 0:
            self._fail(rc)

    def clear(self):
        """Unlatch it. Those who were waiting when it was set are released all the same. Idempotent; errors as `set`."""
        cdef int rc
        if self.h == NULL:
            return self.elsewhere().clear()
        rc = toc_event_clear_quiet(<toc_event *>self.h)
        if rc == 0:
            with nogil:
                rc = toc_event_clear(<toc_event *>self.h)
        if rc < 0:
            self._fail(rc)

    def is_set(self):
        """Is it set now? Consumes the edge of `fileno` when it is not. ObjectRemoved, or ValueError after close."""
        cdef int rc
        if self.h == NULL:
            return self.elsewhere().is_set()
        rc = toc_event_is_set(<toc_event *>self.h)
        if rc < 0:
            self._fail(rc)
        return rc == 1

    @property
    def generation(self):
        """How many times it became set. It only grows: who compares it misses no pulse."""
        cdef uint64_t generation = 0
        cdef int rc = toc_event_generation(<toc_event *>self.handle(), &generation)
        if rc < 0:
            self._fail(rc)
        return generation

    # -- waiting; a signal's handlers run between two sleeps, and `since` bridges them

    def wait(self, timeout=None, *, since=None):
        """Wait until it is set, or was set since this call began: True. False after `timeout` seconds.

        None and inf wait for ever; 0 or less looks once. With `since=n`: until there was a set after generation n,
        so `g = e.generation; ...; e.wait(since=g)` has no gap. threading.Event.wait returns False for a set that was
        cleared at once; this returns True. Costs no processor while it waits. Ctrl-C and handlers run at once.
        OwnerDied: who had promised to set it (`own`) is dead.
        """
        cdef toc_event *e = <toc_event *>self.h
        if e == NULL:
            return self.elsewhere().wait(timeout, since=since)
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
        cdef toc_event *e = <toc_event *>self.h
        if e == NULL:
            return self.elsewhere().wait_clear(timeout)
        cdef int64_t until = deadline_of(timeout)
        cdef uint64_t after = toc_event_clears(e)
        cdef int rc = toc_event_wait_clear(e, after, 0)
        if rc == 0 and until != 0:
            if may_stop_a_loop():
                self._before_blocking("wait_clear_async")
            while True:
                hold_signals()
                with nogil:
                    rc = toc_event_wait_clear(e, after, until)
                    toc_signals_give()
                if rc != -EINTR:
                    break
        if rc < 0:
            self._fail(rc)
        return rc == 1

    # -- ownership

    def _own(self, command):
        cdef toc_event *e = <toc_event *>self.handle()
        cdef const char *text = command
        cdef int rc
        with nogil:
            rc = toc_event_own(e, text)
        return rc

    def _disown(self):
        return toc_event_disown(<toc_event *>self.handle())

    def _owner(self):
        """None, a reason, or (pid, command, alive)."""
        cdef toc_owner_info who
        cdef int rc = toc_event_owner(<toc_event *>self.handle(), &who)
        if rc <= 0:
            return None if rc == 0 else rc
        return who.pid, <bytes>who.command, bool(who.alive)

    # -- loops: tickets that grow, so that a wait is over when the ticket is greater than what it saw

    def _clears(self):
        return toc_event_clears(<toc_event *>self.handle())

    def _arm(self, int side):
        """Listen for a set (side 0; the ticket is the generation) or a clear (1; clears, and one more if it is clear)."""
        cdef uint64_t word = 0
        cdef int rc = toc_event_arm(<toc_event *>self.handle(), side, &word)
        if rc < 0:
            self._fail(rc)
        return (word >> 8) + ((word & 1) ^ (side != 0))

    def _arm_later(self, int side, ticket):
        """Who waits for a set after the present one must hear of the clear first, and of the owner's death."""
        cdef uint64_t word = 0
        cdef int rc
        if side:
            return ticket
        rc = toc_event_arm_later(<toc_event *>self.handle(), &word)
        if rc < 0:
            self._fail(rc)
        return (word >> 8) + (word & 1)

    cdef int64_t judge(self, uint64_t seen) except? -1:
        """As Object's; the tickets are generations, and a pulse after `seen` counts."""
        cdef uint64_t word = 0
        cdef int ready = self.look_ready(&word)
        cdef uint64_t ticket = (word >> 8) + (word & 1)
        return <int64_t>ticket if ready or ticket > seen else ~<int64_t>ticket
