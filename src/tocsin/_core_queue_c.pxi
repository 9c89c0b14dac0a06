# The queue of the C core, as core/tocsin.h declares it.

cdef extern from "tocsin.h" nogil:
    ctypedef struct toc_queue:
        pass
    ctypedef struct toc_queue_options:
        toc_options common
        int64_t maxsize, max_bytes
        int max_deliveries, codec, durable
    ctypedef struct toc_item:
        const void *data
        size_t length
    ctypedef struct toc_taken:
        uint64_t sequence, position
        size_t offset, length
        uint32_t attempt, held
    ctypedef struct toc_queue_stat:
        uint64_t ready, delayed, held, unfinished, bytes, puts, segments, file_bytes
        int64_t maxsize, max_bytes
        int max_deliveries, codec, durable, shut
    int toc_queue_open(toc_queue **, const char *, const toc_queue_options *)
    int toc_queue_attach(toc_queue **, int, int)
    void toc_queue_free(toc_queue *)
    int toc_queue_put(toc_queue *, const void *, size_t, int64_t)
    int toc_queue_put_many(toc_queue *, const toc_item *, size_t, size_t *, int64_t)
    int toc_queue_put_quick(toc_queue *, const void *, size_t)
    int toc_queue_get(toc_queue *, void *, size_t, toc_taken *, int64_t)
    int toc_queue_get_quick(toc_queue *, void *, size_t, toc_taken *)
    int toc_queue_get_many(toc_queue *, void *, size_t, toc_taken *, size_t, int64_t)
    int toc_queue_receive(toc_queue *, void *, size_t, toc_taken *, int64_t)
    int toc_queue_ack(toc_queue *, const toc_taken *)
    int toc_queue_nack(toc_queue *, const toc_taken *, int64_t)
    int toc_queue_task_done(toc_queue *)
    int toc_queue_join(toc_queue *, int64_t)
    int toc_queue_shutdown(toc_queue *, int)
    int toc_queue_peek(toc_queue *, void *, size_t, toc_taken *)
    int64_t toc_queue_purge(toc_queue *)
    int toc_queue_state(toc_queue *, toc_queue_stat *)
    int64_t toc_queue_due(toc_queue *)
