# Object: what the handles of all kinds have in common (core/tocsin.h, toc_handle). A subclass opens, frees and acts.

cdef extern from "tocsin.h" nogil:
    void toc_close(toc_handle *)
    void toc_cancel(toc_handle *)
    int toc_fileno(toc_handle *)
    int toc_listen(toc_handle *)
    int toc_arm(toc_handle *, int, uint64_t *)
    uint64_t toc_ticket(const toc_handle *)
    int64_t toc_look_again(toc_handle *)
    int toc_look_ready(toc_handle *, uint64_t *)
    int toc_check_name(toc_handle *)
    int toc_descriptors(const toc_handle *, int *, int *)
    const char *toc_handle_path(const toc_handle *)
    int toc_handle_stat(const toc_handle *, toc_stat *)
    int toc_handle_unlink(toc_handle *)


cdef class Object:
    cdef toc_handle *h
    cdef bint cancelled
    cdef public bint is_far  # on a server: floor P4 does in Python what the core does here
    cdef object __weakref__

    cdef toc_handle *handle(self) except NULL:
        if self.h == NULL:
            raise ValueError("this object was never opened: its __init__ did not run to its end")
        return self.h

    cdef object elsewhere(self):
        """Itself, where its class is a server's, for those who call a method by its class here: `Event.set(event)`."""
        if not self.is_far:
            self.handle()
        return self

    cdef int unopened(self) except -1:
        if self.h != NULL:
            raise ValueError("an object is initialised once")
        return 0

    def _fail(self, reason):
        raise OSError(-reason, toc_strerror(reason).decode())

    def _before_blocking(self, twin):
        pass

    # -- life

    def _descriptors(self):
        cdef int memory = -1, pipe = -1
        toc_descriptors(self.handle(), &memory, &pipe)
        return memory, pipe

    def _close(self):
        cdef toc_handle *h = self.h
        if h != NULL:
            with nogil:
                toc_close(h)

    def _cancel(self):
        cdef toc_handle *h = self.handle()
        self.cancelled = True
        with nogil:
            toc_cancel(h)

    def _unlink(self):
        return toc_handle_unlink(self.handle())

    def _path(self):
        cdef const char *path = NULL if self.h == NULL else toc_handle_path(self.h)
        return None if path == NULL else (<bytes>path)

    def _stat(self):
        cdef toc_stat s
        cdef int rc = toc_handle_stat(self.handle(), &s)
        return rc if rc < 0 else as_dict(&s)

    def _check_name(self):
        return toc_check_name(self.handle())

    # -- descriptors and loops

    def fileno(self):
        """A descriptor that select, poll, epoll and loops find readable while the object is ready for this handle.

        A hint: look with the object's own calls, which consume the edge when they find it not ready. Threads that
        poll open a handle each: those of one handle share its edges. The handle owns the descriptor. The first call
        may take 100 ms when others are waiting already (docs/design/bell.md).
        """
        cdef toc_handle *h = self.h
        cdef int rc
        if h == NULL:
            return self.elsewhere().fileno()
        with nogil:
            rc = toc_fileno(h)
        if rc < 0:
            self._fail(rc)
        return rc

    def _listen(self):
        cdef int rc = toc_listen(self.handle())
        if rc < 0:
            self._fail(rc)
        return rc

    def _arm(self, int side):
        """Listen on a side (0: something to take, 1: room, or all done); the ticket of that instant."""
        cdef uint64_t ticket = 0
        cdef int rc = toc_arm(self.handle(), side, &ticket)
        if self.cancelled:  # after the arming: who cancels marks first, and then looks for those who listen
            rc = -ECANCELED
        if rc < 0:
            self._fail(rc)
        return ticket

    def _arm_later(self, int side, ticket):
        """Is there more to listen for, for those whom `ticket` doesn't pass? The ticket then. Event's alone."""
        return ticket

    def _ticket(self):
        """The count of changes now; who waits takes it before the look."""
        return toc_ticket(self.handle())

    def _look_again(self):
        return toc_look_again(self.handle())

    # -- waiting for many: a look that takes nothing

    cdef int look_ready(self, uint64_t *word) except -1:
        """Arm and judge: 1 or 0. What has ended is ready, for its own next call tells."""
        cdef int rc = toc_look_ready(self.handle(), word)
        if self.cancelled:  # after the arming, as in _arm
            return 1
        if rc < 0:
            self._fail(rc)
        return rc

    cdef int64_t judge(self, uint64_t seen) except? -1:
        """The ticket of this instant if it is ready (or was, since the ticket `seen`); else the ticket's complement (~)."""
        cdef uint64_t word = 0
        cdef int ready = self.look_ready(&word)
        cdef int64_t ticket = word >> 8
        return ticket if ready else ~ticket

    def _is_ready(self, seen):
        return self.judge(seen) >= 0
