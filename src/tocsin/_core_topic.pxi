# Topic: the log behind a named bus. Bytes in and out; `_bus` knows what they mean.

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport EOVERFLOW, EUCLEAN
from libc.string cimport memcpy

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_topic:
        pass
    ctypedef struct toc_topic_options:
        toc_options common
        int64_t max_bytes
    ctypedef struct toc_heard:
        uint64_t sequence
        size_t offset, length
    ctypedef struct toc_topic_stat:
        uint64_t emits, oldest, next, segments, file_bytes
        int64_t max_bytes
    int toc_topic_open(toc_topic **, const char *, const toc_topic_options *)
    int toc_topic_attach(toc_topic **, int, int)
    void toc_topic_free(toc_topic *)
    int toc_topic_listen(toc_topic *, uint64_t)
    int toc_topic_emit(toc_topic *, const void *, size_t, int64_t, uint64_t *)
    int toc_topic_emit_many(toc_topic *, const toc_item *, size_t, int64_t, size_t *, uint64_t *)
    int toc_topic_emit_quick(toc_topic *, const void *, size_t, uint64_t *)
    int64_t toc_topic_read(toc_topic *, void *, size_t, toc_heard *, size_t, uint64_t *, int64_t)
    int64_t toc_topic_subscribers(toc_topic *)
    uint64_t toc_topic_slowest(toc_topic *)
    int toc_topic_state(toc_topic *, toc_topic_stat *)

DEF SMALL_EMIT = 8192  # what is not larger is read without being asked for its size first
DEF CHUNK = 65536  # bytes that read_many takes at once, unless one alone is larger
DEF CHUNK_COUNT = 1024

cdef enum Shape:
    ONE, LIST, LINES


cdef object lines_of(const char *data, const toc_heard *heard, Py_ssize_t n):
    """The payloads as lines of one piece, which cost a decoder one call; None if that could not be undone."""
    cdef size_t length = 0
    cdef Py_ssize_t i
    cdef char *to
    for i in range(n):
        if heard[i].length == 0 or memchr(data + heard[i].offset, c'\n', heard[i].length) != NULL:
            return None
        length += heard[i].length + 1
    lines = PyBytes_FromStringAndSize(NULL, length - 1)
    to = PyBytes_AS_STRING(lines)
    for i in range(n):
        if i > 0:
            to[0] = c'\n'
            to += 1
        memcpy(to, data + heard[i].offset, heard[i].length)
        to += heard[i].length
    return lines


cdef class Topic(Object):
    def __dealloc__(self):
        if self.h != NULL:
            toc_topic_free(<toc_topic *>self.h)

    def _open(self, name, at, int mode, bint create, int64_t max_bytes):
        cdef toc_topic_options options
        memset(&options, 0, sizeof(options))
        options.common = options_of(at, mode, create, 0)
        options.max_bytes = max_bytes
        self.unopened()
        return toc_topic_open(<toc_topic **>&self.h, or_null(name), &options)

    def _attach(self, int memory, int pipe):
        self.unopened()
        return toc_topic_attach(<toc_topic **>&self.h, memory, pipe)

    def _subscribe(self, uint64_t replay):
        cdef toc_topic *t = <toc_topic *>self.handle()
        cdef int rc
        while True:
            with nogil:
                rc = toc_topic_listen(t, replay)
            if rc != -EINTR:
                return rc
            PyErr_CheckSignals()

    # What floor P4 does in its place.

    def _fail_read(self, rc, missed):
        self._fail(rc)

    def _fail_emit(self, rc, done):
        self._fail(rc)

    # -- emitting

    def emit(self, bytes payload not None, *, wait=0.0):
        """Emit: whoever listens hears it. Its number, 1 for the first ever.

        Waits for nobody with wait=0: who is too slow loses the oldest, and is told. Else until every living listener
        has read what would have to go, at most `wait` seconds (None: for ever), then TimeoutError. An exception means
        that it was not emitted: OSError (the disk is full), MessageTooLarge, ObjectRemoved, ValueError after close.
        """
        cdef const char *data = PyBytes_AS_STRING(payload)
        cdef size_t length = PyBytes_GET_SIZE(payload)
        cdef uint64_t sequence = 0
        if self.h == NULL:
            self.handle()
        if toc_topic_emit_quick(<toc_topic *>self.h, data, length, &sequence) == 1:
            return sequence
        cdef toc_item item
        item.data = data
        item.length = length
        self.emit_vector(&item, 1, deadline_of(wait), &sequence)
        return sequence

    def emit_many(self, payloads, *, wait=0.0):
        """Emit them in their order, in as few changes as possible: the number of the last. Much faster than as many emits.

        An exception says how many were emitted before it (`done`).
        """
        cdef list all_of_them = payloads if type(payloads) is list else list(payloads)
        cdef size_t count = len(all_of_them), i
        cdef uint64_t sequence = 0
        cdef toc_item *vector
        for payload in all_of_them:
            if not isinstance(payload, bytes):
                raise TypeError(f"a payload must be bytes, not {type(payload).__name__}")
        if count == 0:
            self.handle()
            return self.head
        vector = <toc_item *>PyMem_Malloc(count * sizeof(toc_item))
        if vector == NULL:
            raise MemoryError
        try:
            for i in range(count):
                vector[i].data = PyBytes_AS_STRING(all_of_them[i])
                vector[i].length = PyBytes_GET_SIZE(all_of_them[i])
            self.emit_vector(vector, count, deadline_of(wait), &sequence)
        finally:
            PyMem_Free(vector)
        return sequence

    cdef int emit_vector(self, const toc_item *vector, size_t count, int64_t until, uint64_t *sequence) except -1:
        cdef toc_topic *t = <toc_topic *>self.handle()
        cdef size_t done = 0, more = 0
        cdef int64_t look = 0 if until == 0 else 1  # 1: long past. It looks whether it would have to wait
        cdef int rc
        while done < count:
            more = 0
            with nogil:
                rc = toc_topic_emit_many(t, vector + done, count - done, look, &more, sequence)
            done += more
            if rc == -EINTR:
                PyErr_CheckSignals()
            elif rc == -EAGAIN and look != until:
                look = until
                if may_stop_a_loop():
                    self._before_blocking("emit_async")
            elif rc < 0:
                self._fail_emit(rc, done)
        return 0

    def _emit_now(self, bytes payload not None):
        """For loops: emit if nobody has to be waited for. Its number, or -EAGAIN."""
        cdef toc_topic *t = <toc_topic *>self.handle()
        cdef const char *data = PyBytes_AS_STRING(payload)
        cdef size_t length = PyBytes_GET_SIZE(payload)
        cdef uint64_t sequence = 0
        cdef int rc
        while True:
            with nogil:
                rc = toc_topic_emit(t, data, length, 1, &sequence)
            if rc == 0:
                return sequence
            if rc == -EAGAIN:
                return rc
            if rc != -EINTR:
                self._fail_emit(rc, 0)
            PyErr_CheckSignals()

    # -- hearing

    cdef object hear(self, size_t limit, Shape shape, int64_t until, object twin):
        """ONE: (number, bytes), or None at the deadline. LIST: of these. LINES: the number of the first, how many, and
        the bytes of all as lines; a LIST if there is nothing, or nothing that can be lines."""
        cdef toc_topic *t = <toc_topic *>self.handle()
        cdef char small[SMALL_EMIT]
        cdef toc_heard one
        cdef toc_heard *out = &one
        cdef char *to = small
        cdef char *taken = NULL
        cdef size_t capacity = SMALL_EMIT
        cdef uint64_t missed = 0
        cdef int64_t look = 0, n
        cdef Py_ssize_t i
        cdef list found
        if shape != ONE:
            limit = min(limit, CHUNK_COUNT)
            capacity = CHUNK
            taken = <char *>PyMem_Malloc(limit * sizeof(toc_heard) + capacity)
            if taken == NULL:
                raise MemoryError
            out = <toc_heard *>taken
            to = taken + limit * sizeof(toc_heard)
        try:
            while True:
                if look == 0:
                    n = toc_topic_read(t, to, capacity, out, limit, &missed, 0)
                else:
                    with nogil:
                        n = toc_topic_read(t, to, capacity, out, limit, &missed, look)
                if n > 0 or (n == 0 and look == until):
                    break
                if n == -ENOBUFS:  # it may be another one by the next look, and that larger still
                    capacity = out.length
                    limit = 1
                    if taken != NULL:
                        PyMem_Free(taken)
                    taken = <char *>PyMem_Malloc(sizeof(toc_heard) + capacity)
                    if taken == NULL:
                        raise MemoryError
                    out = <toc_heard *>taken
                    to = taken + sizeof(toc_heard)
                elif n == -EINTR:
                    PyErr_CheckSignals()
                elif n < 0:
                    self._fail_read(n, missed)
                    return None
                else:
                    look = until
                    if may_stop_a_loop():
                        self._before_blocking(twin)
            if shape == ONE:
                return None if n == 0 else (out.sequence, PyBytes_FromStringAndSize(to + out.offset, out.length))
            if shape == LINES and n > 0:
                lines = lines_of(to, out, n)
                if lines is not None:
                    return out.sequence, n, lines
            found = []
            for i in range(n):
                found.append((out[i].sequence, PyBytes_FromStringAndSize(to + out[i].offset, out[i].length)))
            return found
        finally:
            PyMem_Free(taken)

    def _read(self, int64_t until):
        return self.hear(1, ONE, until, "read_async")

    def _read_many(self, limit, int64_t until):
        cdef size_t most = limit
        return self.hear(most, LIST, until, "read_many_async")

    def _read_lines(self, limit, int64_t until):
        """For those who decode: the number of the first, how many, and their payloads as lines (or as a list, if one of
        them can't be a line). The numbers have no gap. None at the deadline."""
        cdef size_t most = limit
        found = self.hear(most, LINES, until, "read_many_async")
        if type(found) is tuple:
            return found
        return (found[0][0], len(found), [payload for _, payload in found]) if found else None

    # -- what it tells

    @property
    def subscribers(self):
        """How many handles listen, in all living processes together."""
        cdef toc_topic *t = <toc_topic *>self.handle()
        cdef int64_t n
        with nogil:
            n = toc_topic_subscribers(t)
        if n < 0:
            self._fail(n)
        return n

    def _slowest(self):
        """The last number that the slowest living listener has read."""
        return toc_topic_slowest(<toc_topic *>self.handle())

    def _figures(self):
        cdef toc_topic_stat s
        cdef int rc = toc_topic_state(<toc_topic *>self.handle(), &s)
        if rc < 0:
            self._fail(rc)
        return {"emits": s.emits, "oldest": s.oldest, "next": s.next, "segments": s.segments,
                "file_bytes": s.file_bytes, "max_bytes": s.max_bytes}

    def _is_behind(self):
        """Is there more to be read at this moment?"""
        cdef toc_topic_stat s
        return toc_topic_state(<toc_topic *>self.handle(), &s) == 0 and s.next <= s.emits

    @property
    def head(self):
        """The number of the last emit; 0: there was none."""
        return self._figures()["emits"]

    @property
    def cursor(self):
        """The number of the last emit that this handle has heard, or begins behind; None: it does not listen."""
        upcoming = self._figures()["next"]
        return None if upcoming == 0 else upcoming - 1
