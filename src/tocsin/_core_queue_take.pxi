# Queue: taking: get, receive, peek, and the end of a claim.


@cython.no_gc_clear  # it needs its queue until its end
cdef class Claim:
    """An item in hand: its bytes, and what the core needs to end the claim.

    One that is dropped goes back, also when it was dropped by a signal's exception before anybody had it: claims of a
    process that lives are never judged, so nobody else would ever put it back.
    """
    cdef toc_taken taken
    cdef readonly bytes data
    cdef QueueLife queue
    cdef bint open
    cdef object __weakref__

    def __dealloc__(self):
        cdef toc_queue *q
        cdef int rc = -EINTR
        if self.open and self.queue is not None and self.queue.h != NULL:
            q = <toc_queue *>self.queue.h
            with nogil:
                while rc == -EINTR:
                    rc = toc_queue_nack(q, &self.taken, 0)

    @property
    def sequence(self):
        return self.taken.sequence

    @property
    def attempt(self):
        return self.taken.attempt


cdef Claim claim_of(QueueLife queue, bytes data, const toc_taken *taken):
    cdef Claim claim = Claim.__new__(Claim)
    claim.queue = queue
    claim.data = data
    claim.taken = taken[0]
    claim.open = True
    return claim


cdef class QueueTake(QueuePut):
    def get(self, block=True, timeout=None):
        """Take the item that has waited longest. Arguments as `queue.Queue.get`.

        Blocks until there is one, at most `timeout` seconds, or not at all with block=False: then queue.Empty. The
        item is out of the queue for good when this returns: a worker that may be killed should `receive`. An item
        that can't be decoded goes to the dead letters (`dead`), and the next one is taken in its place.

        Raises ShutDown (shut down and empty), WaitCancelled, ObjectDamaged (once for what was passed over; the next
        get goes on).
        """
        cdef int64_t until = FOREVER
        if block is not True or timeout is not None:
            until = queue_deadline(block, timeout)
        return self.got(until)

    def get_nowait(self):
        """`get(block=False)`."""
        return self.got(0)

    cdef object got(self, int64_t until):
        cdef char small[SMALL_ITEM]
        cdef toc_taken taken
        cdef bytes data
        cdef int rc
        if self.dump is None:
            self._find_codec()
        if self.h == NULL:
            self.handle()
        while True:
            rc = toc_queue_get_quick(<toc_queue *>self.h, small, SMALL_ITEM, &taken)
            if rc == 1:
                data = PyBytes_FromStringAndSize(small + taken.offset, taken.length)
            elif rc == -EBADMSG:  # it has passed over them already, and will not say so again
                self._fail_take(rc, taken.length)
            else:
                data = self.fetch(GET, &taken, until, taken.length if rc == -ENOBUFS else 0)
                if taken.held and self._is_overdue(claim_of(self, data, &taken)):
                    continue
            if self.load is None:
                return data
            try:
                return self.load(data)
            except Exception as error:
                self._bury(data, taken.sequence, taken.attempt, error)

    cdef bytes fetch(self, Taking how, toc_taken *taken, int64_t until, size_t expected):
        """The bytes of the next item, whatever the size (0: nobody has asked yet), however long it takes."""
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef char small[SMALL_ITEM]
        cdef char *to = small
        cdef size_t capacity = SMALL_ITEM
        cdef bytes large = None
        cdef int64_t look = 0
        cdef int rc
        if expected > capacity:
            large = PyBytes_FromStringAndSize(NULL, expected)
            to = PyBytes_AS_STRING(large)
            capacity = expected
        while True:
            memset(taken, 0, sizeof(taken[0]))
            with nogil:
                if how == GET:
                    rc = toc_queue_get(q, to, capacity, taken, look)
                elif how == RECEIVE:
                    rc = toc_queue_receive(q, to, capacity, taken, look)
                else:
                    rc = toc_queue_peek(q, to, capacity, taken)
            if rc == -ENOBUFS:  # by the next look another consumer may have taken it, and the next one be larger
                large = PyBytes_FromStringAndSize(NULL, taken.length)
                to = PyBytes_AS_STRING(large)
                capacity = taken.length
            elif rc == -EINTR:
                PyErr_CheckSignals()
            elif (rc == -EAGAIN or rc == -ETIMEDOUT) and look != until:
                look = until
                if may_stop_a_loop():
                    self._before_blocking("get_async" if how == GET else "receive_async")
            else:
                break
        if rc < 0:
            self._fail_take(rc, taken.length)
        if large is not None and taken.offset == 0 and taken.length == capacity:
            return large
        return PyBytes_FromStringAndSize(to + taken.offset, taken.length)

    def get_many(self, max_items, block=True, timeout=None):
        """Take up to `max_items` of what is there, oldest first: a list, of one item at least. Waits as `get` does."""
        cdef int64_t until = queue_deadline(block, timeout), look = 0
        cdef Py_ssize_t most = PyNumber_Index(max_items)
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef size_t room, want
        cdef list found = []
        cdef bytes large = None  # for one that the buffer hasn't room for
        cdef toc_taken *taken = NULL
        cdef char *buffer = NULL
        cdef char *to
        cdef int rc = 0, i
        if most < 1:
            raise ValueError(f"bad max_items {max_items!r}: give 1 or more")
        if self.dump is None:
            self._find_codec()
        try:
            taken = <toc_taken *>malloc(min(most, <Py_ssize_t>BATCH) * sizeof(toc_taken))
            buffer = <char *>malloc(BATCH_BYTES)
            if taken == NULL or buffer == NULL:
                raise MemoryError
            while len(found) < most:
                want = 1 if large is not None else min(most - len(found), <Py_ssize_t>BATCH)
                to = buffer if large is None else PyBytes_AS_STRING(large)
                room = BATCH_BYTES if large is None else PyBytes_GET_SIZE(large)
                memset(taken, 0, sizeof(taken[0]))
                with nogil:
                    rc = toc_queue_get_many(q, to, room, taken, want, look)
                if rc > 0:
                    if large is None or taken[0].length != room:
                        for i in range(rc):
                            self.add(found, PyBytes_FromStringAndSize(to + taken[i].offset, taken[i].length), &taken[i])
                    else:
                        self.add(found, large, &taken[0])
                    large = None
                    look = until if not found else 0
                elif rc == -ENOBUFS:  # by the next look another consumer may have taken it
                    try:
                        large = PyBytes_FromStringAndSize(NULL, taken[0].length)
                    except MemoryError:
                        if found:
                            break
                        raise
                elif found:  # whatever it is, the next call will say it; what was taken is to be handed over
                    break
                elif rc == -EINTR:
                    PyErr_CheckSignals()
                elif (rc == -EAGAIN or rc == -ETIMEDOUT) and look != until:
                    look = until
                    if may_stop_a_loop():
                        self._before_blocking("get_many_async")
                else:
                    self._fail_take(rc, taken[0].length)
        finally:
            free(taken)
            free(buffer)
        return found

    cdef int add(self, list found, bytes data, toc_taken *taken) except -1:
        if taken.held and self._is_overdue(claim_of(self, data, taken)):
            return 0
        if self.load is None:
            found.append(data)
            return 0
        try:
            found.append(self.load(data))
        except Exception as error:
            self._bury(data, taken.sequence, taken.attempt, error)
        return 0

    def _receive(self, int64_t until):
        cdef toc_taken taken
        cdef bytes data = self.fetch(RECEIVE, &taken, until, 0)
        return claim_of(self, data, &taken)

    def _peek(self):
        cdef toc_taken taken
        return self.fetch(PEEK, &taken, 0, 0)

    def _decode(self, bytes data):
        if self.dump is None:
            self._find_codec()
        return data if self.load is None else self.load(data)

    def _end(self, Claim claim, int64_t delay_ns):
        """Ack (a delay below 0), or give back after the delay; the reason if that can't be."""
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int rc = -EINTR
        if not claim.open:
            return -ESTALE
        while rc == -EINTR:
            with nogil:
                rc = toc_queue_ack(q, &claim.taken) if delay_ns < 0 else toc_queue_nack(q, &claim.taken, delay_ns)
            if rc == -EINTR:
                PyErr_CheckSignals()
        if rc == 0 or rc == -ESTALE:
            claim.open = False
        return rc
