# Looking at objects from outside, for those who show many of them (`tocsin ls`, `stat`, `top`): no handle, and nothing made.

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_taker:
        uint64_t owner, held, taken, heard
        uint32_t alive
    ctypedef struct toc_look:
        toc_stat stat
        uint64_t dev, ino, size
        uint32_t file_mode, uid
        uint64_t count, bytes, claim
        toc_owner_info who
        uint32_t abandoned
        toc_queue_stat queue
        toc_topic_stat topic
        toc_taker *taker
        uint32_t room, takers
    int toc_look_at(toc_look *, const char *, toc_taker *, uint32_t)
    enum:
        TOC_KIND_QUEUE
        TOC_KIND_LOCK
        TOC_KIND_TOPIC

DEF TAKERS = 1136  # as many as a queue can have; a topic has fewer


def look_at(path):
    """What the file of any object says, or a reason. `takers`: (owner id, held, taken, heard, alive) of a queue's or topic's peers."""
    cdef toc_taker takers[TAKERS]
    cdef toc_look s
    cdef int rc
    cdef uint32_t i
    cdef const char *raw = path
    with nogil:
        rc = toc_look_at(&s, raw, takers, TAKERS)
    if rc < 0:
        return rc
    cdef dict found = as_dict(&s.stat)
    found.update(dev=s.dev, ino=s.ino, size=s.size, file_mode=s.file_mode, uid=s.uid, count=s.count, bytes=s.bytes,
                 claim=s.claim)
    if s.claim:
        found["who"] = (s.who.pid, <bytes>s.who.command, bool(s.who.alive))
    if s.stat.kind == TOC_KIND_LOCK:
        found["abandoned"] = bool(s.abandoned)
    elif s.stat.kind == TOC_KIND_QUEUE:
        found.update(ready=s.queue.ready, delayed=s.queue.delayed, held=s.queue.held, unfinished=s.queue.unfinished,
                     maxsize=s.queue.maxsize, max_bytes=s.queue.max_bytes, max_deliveries=s.queue.max_deliveries,
                     codec=s.queue.codec, durable=bool(s.queue.durable), shut=s.queue.shut)
    elif s.stat.kind == TOC_KIND_TOPIC:
        found.update(oldest=s.topic.oldest, max_bytes=s.topic.max_bytes)
    if s.takers:
        found["takers"] = [(takers[i].owner, takers[i].held, takers[i].taken, takers[i].heard,
                            bool(takers[i].alive))
                           for i in range(min(s.takers, TAKERS))]
    return found
