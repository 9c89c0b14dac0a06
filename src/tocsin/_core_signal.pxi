# Signal: a count that every listener follows with a cursor of its own, which lives in the handle.

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_signal:
        pass
    int toc_signal_open(toc_signal **, const char *, const toc_options *, int)
    int toc_signal_attach(toc_signal **, int, int, int)
    void toc_signal_free(toc_signal *)
    int toc_signal_signal(toc_signal *, uint64_t *)
    int toc_signal_count(toc_signal *, uint64_t *)
    int64_t toc_signal_wait(toc_signal *, int64_t)


cdef class Signal(Object):
    def __dealloc__(self):
        if self.h != NULL:
            toc_signal_free(<toc_signal *>self.h)

    def _open(self, name, at, int mode, bint create, bint replay):
        cdef toc_options options = options_of(at, mode, create, 0)
        self.unopened()
        return toc_signal_open(<toc_signal **>&self.h, or_null(name), &options, replay)

    def _attach(self, int memory, int pipe, bint replay):
        self.unopened()
        return toc_signal_attach(<toc_signal **>&self.h, memory, pipe, replay)

    def signal(self):
        """Signal: every listener hears it. Its number, 1 for the first ever. Waits for nobody.

        Fails (OSError, ObjectRemoved, ValueError after close) before it changed anything, or not at all.
        """
        cdef toc_signal *s = <toc_signal *>self.handle()
        cdef uint64_t sequence = 0
        cdef int rc
        with nogil:
            rc = toc_signal_signal(s, &sequence)
        if rc < 0:
            self._fail(rc)
        return sequence

    @property
    def count(self):
        """How many signals there have ever been, whoever heard them."""
        cdef uint64_t count = 0
        cdef int rc = toc_signal_count(<toc_signal *>self.handle(), &count)
        if rc < 0:
            self._fail(rc)
        return count

    cdef int64_t hear(self, object timeout, object twin) except -1:
        cdef toc_signal *s = <toc_signal *>self.handle()
        cdef int64_t until = FOREVER if timeout is None else deadline_of(timeout)
        cdef int64_t heard = toc_signal_wait(s, 0)
        if heard == 0 and until != 0:
            if may_stop_a_loop():
                self._before_blocking(twin)
            while True:
                hold_signals()
                with nogil:
                    heard = toc_signal_wait(s, until)
                    toc_signals_give()
                if heard != -EINTR:
                    break
        if heard < 0 and heard != -ECANCELED:
            self._fail(heard)
        return heard if heard >= 0 else -2  # cancelled

    def wait(self, timeout=None):
        """Wait for a signal: how many came since this handle's last wait. 0 after `timeout` seconds, or `cancel`.

        None and inf wait for ever; 0 or less looks once. What came between two waits is not lost, only counted
        together. Costs no processor while it waits. Ctrl-C and handlers run at once.
        """
        cdef int64_t heard = self.hear(timeout, "wait_async")
        return heard if heard > 0 else 0

    def _hear(self):
        """A wait for ever; WaitCancelled and not 0, so that an iteration knows its end."""
        cdef int64_t heard = self.hear(None, "async for")
        if heard < 0:
            self._fail(-ECANCELED)
        return heard

    def _look(self):
        """What a wait finds now; WaitCancelled as above."""
        cdef int64_t heard = toc_signal_wait(<toc_signal *>self.handle(), 0)
        if heard < 0:
            self._fail(heard)
        return heard
