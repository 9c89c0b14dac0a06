# DataEvent: the latest value and its version. Bytes in and out; `_data` knows what they mean.

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_data:
        pass
    int toc_data_open(toc_data **, const char *, const toc_options *, int)
    int toc_data_attach(toc_data **, int, int, int)
    void toc_data_free(toc_data *)
    int toc_data_signal(toc_data *, const void *, size_t, int64_t, int64_t, uint64_t *)
    int toc_data_version(toc_data *, uint64_t *)
    int toc_data_latest(toc_data *, void *, size_t, size_t *, uint64_t *)
    int toc_data_wait(toc_data *, void *, size_t, size_t *, uint64_t *, int64_t)

DEF SMALL = 4096  # a value of this size is read without being asked for its size first


cdef class DataEvent(Object):
    def __dealloc__(self):
        if self.h != NULL:
            toc_data_free(<toc_data *>self.h)

    def _open(self, name, at, int mode, bint create, bint replay):
        cdef toc_options options = options_of(at, mode, create, 0)
        self.unopened()
        return toc_data_open(<toc_data **>&self.h, or_null(name), &options, replay)

    def _attach(self, int memory, int pipe, bint replay):
        self.unopened()
        return toc_data_attach(<toc_data **>&self.h, memory, pipe, replay)

    def _signal(self, bytes data, int64_t if_version, int64_t until):
        """The new version, or a reason; a contended lock waits up to `until`."""
        cdef toc_data *d = <toc_data *>self.handle()
        cdef const char *bytes_of = data
        cdef size_t length = len(data)
        cdef uint64_t version = 0
        cdef int rc
        while True:
            with nogil:
                rc = toc_data_signal(d, bytes_of, length, if_version, until, &version)
            if rc != -EINTR:
                break
            PyErr_CheckSignals()
        return rc if rc < 0 else version

    @property
    def version(self):
        """How many values there have been: the number of the present one, 0 if there is none."""
        cdef uint64_t version = 0
        cdef int rc = toc_data_version(<toc_data *>self.handle(), &version)
        if rc < 0:
            self._fail(rc)
        return version

    cdef object read(self, bint latest, int64_t until):
        """The next value, or the latest; or a reason: 0 at the deadline."""
        cdef toc_data *d = <toc_data *>self.handle()
        cdef char small[SMALL]
        cdef char *to = small
        cdef size_t capacity = SMALL, length = 0
        cdef uint64_t version = 0
        cdef bytes large = None
        cdef int rc
        while True:
            with nogil:
                if latest:
                    rc = toc_data_latest(d, to, capacity, &length, &version)
                else:
                    rc = toc_data_wait(d, to, capacity, &length, &version, until)
            if rc == -ENOBUFS:  # the next writer may outgrow this one, too, so it may take several
                large = PyBytes_FromStringAndSize(NULL, length)
                to = PyBytes_AS_STRING(large)
                capacity = length
            elif rc == -EINTR:
                PyErr_CheckSignals()
            else:
                break
        if rc < 0 or (rc == 0 and not latest):
            return rc
        if large is None:
            return PyBytes_FromStringAndSize(small, length)
        return large if length == capacity else large[:length]

    def _latest(self):
        """The latest value; or a reason, -ENODATA if there is none."""
        return self.read(True, 0)

    def _look(self):
        """The value that a wait finds now; or a reason, 0 if there is none."""
        return self.read(False, 0)

    def _wait(self, timeout, twin):
        cdef int64_t until = FOREVER if timeout is None else data_deadline_of(timeout)
        found = self.read(False, 0)
        if until == 0 or isinstance(found, bytes) or found < 0:
            return found
        if may_stop_a_loop():
            self._before_blocking(twin)
        return self.read(False, until)
