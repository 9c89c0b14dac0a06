/* queue_put.c: putting items in. */
#include "queue.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One more behind the tail, of which nobody knows before the commit. -EAGAIN: it is full; -EBUSY: not without a system call. */
static int append(struct toc_queue *q, const void *data, size_t length, uint64_t hash, bool quick)
{
    struct toc_queue_state *s = &q->s;
    if (toc_queue_is_full(q, s, length))
        return -EAGAIN;
    int rc;
    uint32_t half = s->half;
    uint64_t tail = s->tail;
    struct toc_record *r = toc_log_room(&q->log, &half, &tail, (uint32_t)length, tail - s->low, quick, &rc);
    if (!r)
        return rc == -EAGAIN ? -EBUSY : rc;
    memcpy(r->payload, data, length);
    r->length = (uint32_t)length;
    r->sequence = s->tail_sequence + 1;
    r->claim = claim_of(TOC_READY, 0, 0);
    r->check = toc_record_seal(hash, r->length, r->sequence, tail);
    s->half = half;
    s->tail = tail + toc_record_size((uint32_t)length);
    s->tail_sequence++;
    s->bytes += length;
    return 0;
}

int toc_queue_put_quick(toc_queue *q, const void *data, size_t length)
{
    int rc;
    if (length > TOC_MESSAGE_MAX)
        return -EMSGSIZE;
    if (queue_file(q)->setup.durable)
        return 0;
    uint64_t hash = toc_payload_hash(data, length); /* before the lock, which it would hold for half as long again */
    if (!toc_queue_try(q, &rc))
        return rc;
    if (q->s.shut)
        rc = -EPIPE;
    else if (!toc_change_is_quiet(atom_load_acq(&queue_file(q)->head.word), TOC_BELL, TOC_WAKE_ONE))
        rc = -EAGAIN; /* somebody must be woken */
    else
        rc = append(q, data, length, hash, true);
    if (rc == 0)
        rc = toc_queue_commit(q, TOC_BELL, TOC_WAKE_ONE);
    toc_queue_leave(q);
    return rc == 0 ? 1 : rc == -EAGAIN || rc == -EBUSY ? 0 : rc;
}

static bool has_room(const struct toc_handle *h, uint64_t word, uint64_t more_bytes)
{
    const struct toc_queue *q = (const struct toc_queue *)h;
    struct toc_queue_state s;
    (void)word;
    toc_queue_snapshot(q, &s);
    return s.shut || !toc_queue_is_full(q, &s, more_bytes);
}

/* As many as there is room for; at least one, or why not. */
static int put_some(struct toc_queue *q, const toc_item *items, const uint64_t *hash, size_t count, size_t *done, int64_t deadline)
{
    uint64_t sequence = 0;
    int rc = toc_queue_enter(q, deadline);
    size_t n = 0;
    if (rc < 0)
        return rc;
    if (q->s.shut)
        rc = -EPIPE;
    while (rc == 0 && n < count) {
        rc = append(q, items[n].data, items[n].length, hash[n], false);
        n += rc == 0;
    }
    if (n) {
        TOC_STEP("queue.put.before_commit");
        int committed = toc_queue_commit(q, TOC_BELL, n == 1 ? TOC_WAKE_ONE : TOC_WAKE_ALL);
        if (committed == 0)
            *done += n;
        sequence = q->s.tail_sequence;
        rc = committed;
    }
    toc_queue_leave(q);
    /* Beyond the lock: others go on, and whoever comes meanwhile shares the next one. */
    return n && rc == 0 && queue_file(q)->setup.durable && q->h.o.path ? toc_queue_sync(q, sequence) : rc;
}

static int put_hashed(struct toc_queue *q, const toc_item *items, const uint64_t *hash, size_t count, size_t *done, int64_t deadline)
{
    while (*done < count) {
        int rc = put_some(q, items + *done, hash + *done, count - *done, done, deadline);
        if (rc == 0)
            continue;
        if (rc != -EAGAIN)
            return rc;
        /* Full. By the bell and not in the futex: a consumer that is killed after it made room rings all the same. */
        if (deadline != TOC_FOREVER && deadline <= sys_now())
            return -EAGAIN;
        rc = toc_handle_await(&q->h, TOC_CBELL, has_room, items[*done].length, deadline);
        if (rc <= 0)
            return rc < 0 ? rc : -EAGAIN;
    }
    return 0;
}

int toc_queue_put_many(toc_queue *q, const toc_item *items, size_t count, size_t *done, int64_t deadline)
{
    *done = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i].length > TOC_MESSAGE_MAX)
            return -EMSGSIZE;
    uint64_t *hash = malloc((count + 1) * sizeof *hash);
    if (!hash)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) /* before the lock, which they would hold for half as long again */
        hash[i] = toc_payload_hash(items[i].data, items[i].length);
    int rc = put_hashed(q, items, hash, count, done, deadline);
    free(hash);
    return rc;
}

int toc_queue_put(toc_queue *q, const void *data, size_t length, int64_t deadline)
{
    if (length > TOC_MESSAGE_MAX)
        return -EMSGSIZE;
    size_t done = 0;
    toc_item item = {data, length};
    uint64_t hash = toc_payload_hash(data, length);
    return put_hashed(q, &item, &hash, 1, &done, deadline);
}

int toc_queue_shutdown(toc_queue *q, int immediate)
{
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc < 0)
        return rc;
    if (!q->s.shut || immediate) {
        q->s.shut = immediate ? 2 : 1;
        if (immediate) {
            toc_queue_drop_all(q);
            toc_queue_recycle(q);
        }
        rc = toc_queue_commit(q, TOC_BELL | TOC_CBELL, TOC_WAKE_ALL);
    }
    toc_queue_leave(q);
    return rc;
}
