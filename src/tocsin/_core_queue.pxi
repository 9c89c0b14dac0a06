# Queue: items to whoever takes them first. Put and get go from a Python object to the core without a Python frame.

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EBADMSG, EMSGSIZE, ESTALE, ETIMEDOUT
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memset

include "_core_queue_c.pxi"

DEF SMALL_ITEM = 8192  # an item of this size is taken without being asked for its size first
DEF BATCH = 1024  # items that get_many takes in one call
DEF BATCH_BYTES = 65536  # and their bytes, unless one alone is larger

cdef enum Taking:
    GET, RECEIVE, PEEK

cdef object generic_alias = type(list[int])


cdef int64_t queue_deadline(object block, object timeout) except -2:
    """queue.Queue's pair of arguments as a point in time."""
    if timeout is None or not block:
        return FOREVER if block else 0
    return data_deadline_of(timeout)


@cython.no_gc_clear  # it needs its queue until its end
cdef class Claim:
    """An item in hand: its bytes, and what the core needs to end the claim.

    One that is dropped goes back, also when it was dropped by a signal's exception before anybody had it: claims of a
    process that lives are never judged, so nobody else would ever put it back.
    """
    cdef toc_taken taken
    cdef readonly bytes data
    cdef Queue queue
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


cdef Claim claim_of(Queue queue, bytes data, const toc_taken *taken):
    cdef Claim claim = Claim.__new__(Claim)
    claim.queue = queue
    claim.data = data
    claim.taken = taken[0]
    claim.open = True
    return claim


cdef class Queue(Object):
    cdef object check, dump, proof, load, check_each, dump_lines  # of a Codec; no dump: it hasn't been needed yet

    def __dealloc__(self):
        if self.h != NULL:
            toc_queue_free(<toc_queue *>self.h)

    @classmethod
    def __class_getitem__(cls, item):
        return generic_alias(cls, item)

    def _open(self, name, at, int mode, bint create, int64_t maxsize, int64_t max_bytes, int max_deliveries, int codec,
              int durable):
        cdef toc_queue_options options
        memset(&options, 0, sizeof(options))
        options.common = options_of(at, mode, create, 0)
        options.maxsize = maxsize
        options.max_bytes = max_bytes
        options.max_deliveries = max_deliveries
        options.codec = codec
        options.durable = durable
        self.unopened()
        return toc_queue_open(<toc_queue **>&self.h, or_null(name), &options)

    def _attach(self, int memory, int pipe):
        self.unopened()
        return toc_queue_attach(<toc_queue **>&self.h, memory, pipe)

    def _use(self, codec):
        self.check = codec.check
        self.check_each = codec.check_each
        self.dump_lines = codec.dump_lines
        self.proof = codec.proof
        self.load = codec.load
        self.dump = codec.dump

    # What floor P4 does in their place.

    def _find_codec(self):
        raise NotImplementedError

    def _refuse(self, why):
        raise ValueError(why)

    def _bury(self, data, sequence, attempt, why):
        raise ValueError(why)

    def _is_overdue(self, claim):
        raise ValueError(claim)

    def _fail_take(self, rc, count):
        self._fail(rc)

    # -- putting

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
        if toc_queue_put_quick(<toc_queue *>self.h, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)) != 1:
            self.put_bytes(data, until)

    def put_nowait(self, item):
        """`put(item, block=False)`."""
        cdef bytes data = self.encoded(item)
        if self.h == NULL:
            self.handle()
        if toc_queue_put_quick(<toc_queue *>self.h, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)) != 1:
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

    # -- taking

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
                data = self.fetch(GET, &taken, until)
                if taken.held and self._is_overdue(claim_of(self, data, &taken)):
                    continue
            if self.load is None:
                return data
            try:
                return self.load(data)
            except Exception as error:
                self._bury(data, taken.sequence, taken.attempt, error)

    cdef bytes fetch(self, Taking how, toc_taken *taken, int64_t until):
        """The bytes of the next item, whatever the size, however long it takes."""
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef char small[SMALL_ITEM]
        cdef char *to = small
        cdef size_t capacity = SMALL_ITEM
        cdef bytes large = None
        cdef int64_t look = 0
        cdef int rc
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
        cdef size_t capacity = BATCH_BYTES, want
        cdef list found = []
        cdef toc_taken *taken = NULL
        cdef char *buffer = NULL
        cdef int rc = 0, i
        if most < 1:
            raise ValueError(f"bad max_items {max_items!r}: give 1 or more")
        if self.dump is None:
            self._find_codec()
        try:
            taken = <toc_taken *>malloc(min(most, <Py_ssize_t>BATCH) * sizeof(toc_taken))
            buffer = <char *>malloc(capacity)
            if taken == NULL or buffer == NULL:
                raise MemoryError
            while len(found) < most:
                want = min(most - len(found), <Py_ssize_t>BATCH)
                memset(taken, 0, sizeof(taken[0]))
                with nogil:
                    rc = toc_queue_get_many(q, buffer, capacity, taken, want, look)
                if rc > 0:
                    for i in range(rc):
                        self.add(found, PyBytes_FromStringAndSize(buffer + taken[i].offset, taken[i].length), &taken[i])
                    look = until if not found else 0
                elif found:  # whatever it is, the next call will say it; what was taken is to be handed over
                    break
                elif rc == -ENOBUFS:
                    capacity = taken[0].length
                    free(buffer)
                    buffer = <char *>malloc(capacity)
                    if buffer == NULL:
                        raise MemoryError
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
        cdef bytes data = self.fetch(RECEIVE, &taken, until)
        return claim_of(self, data, &taken)

    def _peek(self):
        cdef toc_taken taken
        return self.fetch(PEEK, &taken, 0)

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

    # -- the rest of queue.Queue

    def task_done(self):
        """Say that an item which was taken with `get` is worked off; see `join`. ValueError: more often than items were."""
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int rc = -EINTR
        while rc == -EINTR:
            with nogil:
                rc = toc_queue_task_done(q)
            if rc == -EINTR:
                PyErr_CheckSignals()
        if rc < 0:
            self._fail(rc)

    def join(self, timeout=None):
        """Wait until every item is worked off: True; False after `timeout` seconds.

        Worked off is what was taken by `get` and reported by `task_done`, in any process, and what was received and
        acked. What a process had taken and not reported is subtracted when it dies, so no death can hang a join.
        """
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int64_t until = deadline_of(timeout), look = 0
        cdef int rc
        while True:
            with nogil:
                rc = toc_queue_join(q, look)
            if rc == -EINTR:
                PyErr_CheckSignals()
            elif rc == 0 and look != until:
                look = until
                if may_stop_a_loop():
                    self._before_blocking("join_async")
            else:
                break
        if rc < 0:
            self._fail(rc)
        return rc == 1

    def shutdown(self, immediate=False):
        """End the queue for everyone, as `queue.Queue.shutdown` of Python 3.13.

        `put` raises ShutDown from now on, and `get` does once the queue is empty; with immediate=True what is still
        in it is dropped, and counts as worked off. It can't be undone: unlink the queue and make it anew.
        """
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int at_once = bool(immediate)
        cdef int rc = -EINTR
        while rc == -EINTR:
            with nogil:
                rc = toc_queue_shutdown(q, at_once)
            if rc == -EINTR:
                PyErr_CheckSignals()
        if rc < 0:
            self._fail(rc)

    def purge(self):
        """Drop whatever is in the queue and in nobody's hands: how many items that were. They count as worked off."""
        cdef toc_queue *q = <toc_queue *>self.handle()
        cdef int64_t dropped = -EINTR
        while dropped == -EINTR:
            with nogil:
                dropped = toc_queue_purge(q)
            if dropped == -EINTR:
                PyErr_CheckSignals()
        if dropped < 0:
            self._fail(dropped)
        return dropped

    def _figures(self):
        cdef toc_queue_stat s
        cdef int rc = toc_queue_state(<toc_queue *>self.handle(), &s)
        if rc < 0:
            self._fail(rc)
        return {"ready": s.ready, "delayed": s.delayed, "held": s.held, "unfinished": s.unfinished, "bytes": s.bytes,
                "puts": s.puts, "segments": s.segments, "file_bytes": s.file_bytes, "maxsize": s.maxsize,
                "max_bytes": s.max_bytes, "max_deliveries": s.max_deliveries, "codec": s.codec,
                "durable": bool(s.durable), "shut": s.shut}

    def qsize(self):
        """How many items are ready to be taken; what is held or delayed is not. Exact at the instant of the look."""
        cdef toc_queue_stat s
        cdef int rc = toc_queue_state(<toc_queue *>self.handle(), &s)
        if rc < 0:
            self._fail(rc)
        return s.ready

    def empty(self):
        """Is nothing ready to be taken?"""
        return self.qsize() == 0

    def _due(self):
        """When (ns) a consumer who found nothing should look again: an item that was put off, or a dead holder. 0: no need."""
        return toc_queue_due(<toc_queue *>self.handle())
