# Queue: putting, one by one and many at once.


cdef class QueuePut(QueueLife):
    cdef bytes encoded(self, object item):
        if self.dump is None:
            self._find_codec()
        if self.check is not None:
            why = self.check(item)
            if why is not None:
                self._refuse(why)
        elif self.load is None and type(item) is bytes:
            return item
        try:
            data = self.dump(item)
            if self.proof is not None:
                self.proof(data)
        except Exception as error:
            self._refuse(error)
            raise
        return data

    def _encode(self, item):
        return self.encoded(item)

    def put(self, item, block=True, timeout=None):
        """Put an item in, for one of those who take. Arguments as `queue.Queue.put`, whose races it hasn't.

        Blocks while the queue is full (`maxsize`, `max_bytes`), at most `timeout` seconds, or not at all with
        block=False: then queue.Full. When it returns, the item survives the death of any process, this one included;
        with `durable` a power cut, too. An exception means that the item isn't in.

        Raises ShutDown, InvalidMessage (not JSON, or not of the queue's type), MessageTooLarge (64 MiB),
        WaitCancelled, OSError (the disk is full).
        """
        cdef bytes data = self.encoded(item)
        cdef int64_t until = FOREVER
        if block is not True or timeout is not None:
            until = queue_deadline(block, timeout)
        if self.h == NULL:
            self.handle()
        # A large one is summed and copied without the GIL, and once: the quick call would do it for nothing if it can't be quick.
        if (PyBytes_GET_SIZE(data) > SMALL_ITEM
                or toc_queue_put_quick(<toc_queue *>self.h, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)) != 1):
            self.put_bytes(data, until)

    def put_nowait(self, item):
        """`put(item, block=False)`."""
        cdef bytes data = self.encoded(item)
        if self.h == NULL:
            self.handle()
        if (PyBytes_GET_SIZE(data) > SMALL_ITEM
                or toc_queue_put_quick(<toc_queue *>self.h, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)) != 1):
            self.put_bytes(data, 0)

    cdef int put_bytes(self, bytes data, int64_t until) except -1:
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef const char *bytes_of = PyBytes_AS_STRING(data)
        cdef size_t length = PyBytes_GET_SIZE(data)
        cdef int64_t look = 0
        cdef int rc
        while True:
            with nogil:
                rc = toc_queue_put(q, bytes_of, length, look)
            if rc == -EINTR:
                PyErr_CheckSignals()
            elif (rc == -EAGAIN or rc == -ETIMEDOUT) and look != until:
                look = until
                if may_stop_a_loop():
                    self._before_blocking("put_async")
            else:
                break
        if rc < 0:
            self._fail(rc)
        return 0

    def _put_bytes(self, bytes data, int64_t until):
        """What is encoded already: the async twins, and dead letters on their way back."""
        self.put_bytes(data, until)

    def put_many(self, items, block=True, timeout=None):
        """Put items in, in their order, with one look for room for as many as fit. How many are in.

        All are encoded first: one that is no JSON raises InvalidMessage before anything is in. Fewer than were given
        means that time or room ran out, or the queue was shut down, in the middle; where not even one got in, the
        exception says so, as `put` does. Much faster than as many puts.
        """
        cdef int64_t until = queue_deadline(block, timeout)
        cdef list all_of_them = items if type(items) is list else list(items)
        if self.dump is None:
            self._find_codec()
        if not all_of_them:
            return 0
        if self.dump_lines is not None:
            return self.put_lines(all_of_them, until)
        return self._put_bytes_many([self.encoded(item) for item in all_of_them], until)

    cdef object put_lines(self, list items, int64_t until):
        """Encoded by one call into one object, of which each item is a line: half of what it costs one by one."""
        cdef size_t count = len(items), i
        cdef const char *at
        cdef const char *end
        cdef bytes lines
        cdef toc_item *vector
        why = self.check_each(items)
        if why is not None:
            self._refuse(why)
        try:
            lines = self.dump_lines(items)
        except Exception as error:
            self._refuse(error)
            raise
        at = PyBytes_AS_STRING(lines)
        end = at + PyBytes_GET_SIZE(lines)
        vector = <toc_item *>malloc(count * sizeof(toc_item))
        if vector == NULL:
            raise MemoryError
        try:
            for i in range(count):
                vector[i].data = at
                at = <const char *>memchr(at, b"\n", end - at)
                if at == NULL:
                    raise RuntimeError("msgspec wrote fewer lines than there are items")
                vector[i].length = at - <const char *>vector[i].data
                at += 1
            return self.put_vector(vector, count, until)
        finally:
            free(vector)

    def _put_bytes_many(self, list encoded, int64_t until):
        cdef size_t count = len(encoded), i
        cdef toc_item *vector = <toc_item *>malloc(count * sizeof(toc_item))
        if vector == NULL:
            raise MemoryError
        try:
            for i in range(count):
                vector[i].data = PyBytes_AS_STRING(encoded[i])
                vector[i].length = PyBytes_GET_SIZE(encoded[i])
            return self.put_vector(vector, count, until)
        finally:
            free(vector)

    cdef object put_vector(self, const toc_item *vector, size_t count, int64_t until):
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef size_t done = 0, more = 0, i
        cdef int64_t look = 0
        cdef int rc = 0
        for i in range(count):
            if vector[i].length > TOC_MESSAGE_MAX:
                self._fail(-EMSGSIZE)
        while done < count:
            more = 0
            with nogil:
                rc = toc_queue_put_many(q, vector + done, count - done, &more, look)
            done += more
            if rc == -EINTR:
                PyErr_CheckSignals()
            elif (rc == -EAGAIN or rc == -ETIMEDOUT) and look != until:
                look = until
                if may_stop_a_loop():
                    self._before_blocking("put_many_async")
            elif rc < 0:
                break
        if done == 0:
            self._fail(rc)
        return done
