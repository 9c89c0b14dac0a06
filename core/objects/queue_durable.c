/* queue_durable.c: what put returned for survives a power cut.
 *
 * The order is data, table, return. A put writes its record and commits as always; then it waits until somebody has
 * called fdatasync(2) for it. Whoever gets the sync lock does that for all who have committed by then (group commit), so many
 * producers share one. New segments cost a sync of the directory and of the control file as well, before the first put
 * into them returns. Takes and acks are not synced: after a power cut, what was taken in the last seconds may come again.
 *
 * After a start of the kernel nothing in the control file is believed but the table of segments, and of that only what has
 * files: both copies of the state share a page, which the disk may have of any moment. The records themselves say how far
 * they are whole (their checks contain their positions and sequences): the tape is cut at the first that is not.
 */
#include "queue.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

#define GROUP 64

struct work {
    uint64_t sequence, position, change;
    uint32_t count, file[GROUP];
    bool more; /* there are more segments than that: another round */
};

/* What has to be written so that everything that is committed now survives. */
static int look(struct toc_queue *q, struct work *work)
{
    struct toc_queue_file *f = queue_file(q);
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc < 0)
        return rc;
    const struct toc_table *t = q->log.half[q->s.half & 1];
    *work = (struct work){.sequence = q->s.tail_sequence, .position = q->s.tail, .change = t->change};
    for (uint32_t i = 0; i < t->count && i < TOC_SEGMENTS_MAX; i++) {
        if (toc_segment_end(&t->segment[i]) <= f->synced_position)
            continue;
        if (work->count == GROUP) {
            work->position = t->segment[i].base;
            work->more = true;
            break;
        }
        work->file[work->count++] = t->segment[i].file;
    }
    toc_queue_leave(q);
    return 0;
}

static int sync_file(const char *path)
{
    int fd = sys_open(path, true);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd; /* let go of meanwhile: all of it was taken */
    int rc = sys_sync(fd);
    sys_close(fd);
    return rc;
}

static int write_out(struct toc_queue *q, const struct work *work)
{
    char path[TOC_PATH_MAX + 64];
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < work->count; i++) {
        rc = toc_log_file(&q->log, work->file[i], path);
        if (rc == 0)
            rc = sync_file(path);
    }
    TOC_STEP("queue.sync.before_control");
    if (rc == 0 && work->change != queue_file(q)->synced_change) {
        rc = sys_sync_dir(q->h.o.path);
        if (rc == 0)
            rc = sync_file(q->h.o.path);
    }
    return rc;
}

int toc_queue_sync(struct toc_queue *q, uint64_t sequence)
{
    struct toc_queue_file *f = queue_file(q);
    struct work work = {.count = 0};
    while (atom_load_acq(&f->synced) < sequence) {
        /* The item is in: an interruption must not be taken for a put that has not happened. */
        int rc = toc_short_take(&f->sync_lock, toc_me(&q->h), TOC_FOREVER);
        if (rc == -EINTR)
            continue;
        if (rc == 0 && atom_load_acq(&f->synced) >= sequence) {
            toc_short_give(&f->sync_lock);
            return 0;
        }
        if (rc == 0) {
            do
                rc = look(q, &work);
            while (rc == -EINTR);
            if (rc == 0)
                rc = write_out(q, &work);
            if (rc == 0) {
                f->synced_position = work.position;
                f->synced_change = work.change;
                if (!work.more)
                    atom_store_rel(&f->synced, work.sequence);
            }
            toc_short_give(&f->sync_lock);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* How far items were taken at least. A segment that is gone held only what was done, so all before it was taken from head, even
 * if the state on the disk is from before that. */
static uint64_t taken_at_least(struct toc_queue *q, uint64_t taken, uint64_t at, uint64_t end)
{
    struct toc_record *r;
    uint64_t last = 0;
    int rc = 0;
    while (at < end && (r = toc_log_at(&q->log, q->s.half, &at, end, TOC_NEAR_LOW, &rc))) {
        if (r->check != toc_record_check(r, at) || r->sequence <= last)
            break;
        if (r->sequence > last + 1 && r->sequence - 1 > taken)
            taken = r->sequence - 1;
        last = r->sequence;
        at += toc_record_size(r->length);
    }
    return taken;
}

/* The tape from its first segment on, as far as it is whole. Claims were those of processes that are gone. */
static int read_tape(struct toc_queue *q, uint64_t taken)
{
    struct toc_queue_state *s = &q->s;
    const struct toc_table *t = q->log.half[s->half & 1];
    uint64_t at = t->count ? t->segment[0].base : s->tail, last = 0;
    uint64_t end = t->count ? toc_segment_end(&t->segment[t->count - 1]) : s->tail;
    bool fresh = false;
    int rc = 0;
    taken = taken_at_least(q, taken, at, end);
    uint64_t low = s->low; /* what the disk has of it is an earlier one: nothing before it lives */
    *s = (struct toc_queue_state){.low = at, .head = at, .tail = at, .shut = s->shut, .half = s->half,
                                  .holder_pages = s->holder_pages, .head_sequence = taken};
    while (at < end) {
        struct toc_record *r = toc_log_at(&q->log, s->half, &at, end, TOC_NEAR_LOW, &rc);
        if (!r && rc < 0 && rc != -EUCLEAN)
            return rc;
        if (!r || r->check != toc_record_check(r, at) || r->sequence <= last)
            break;
        last = r->sequence;
        uint64_t claim = r->claim, after = at + toc_record_size(r->length);
        if (r->sequence > taken) {
            if (!fresh)
                s->head = at;
            fresh = true;
            s->bytes += r->length;
        } else {
            s->head = after;
            if (at < low)
                s->low = after;
            if (at >= low && claim_what(claim) != TOC_DONE) { /* held, or back, when the lights went out */
                atom_store_rel(&r->claim, claim_of(TOC_READY, claim_attempt(claim), 0));
                s->back++;
                s->back_bytes += r->length;
            }
        }
        s->tail = at = after;
    }
    if (s->head > s->tail)
        s->tail = s->head;
    s->tail_sequence = last > taken ? last : taken;
    return 0;
}

int toc_queue_recover(struct toc_queue *q)
{
    struct toc_queue_file *f = queue_file(q);
    uint64_t boot;
    int rc = sys_boot_id(&boot);
    if (rc < 0 || atom_load_acq(&f->boot) == boot)
        return 0; /* without /proc nobody knows; the same boot: the lock and the two copies hold */
    do
        rc = toc_queue_enter(q, TOC_FOREVER);
    while (rc == -EINTR);
    if (rc < 0)
        return rc;
    uint64_t was = atom_load_acq(&f->boot);
    if (was == boot) {
        toc_queue_leave(q);
        return 0;
    }
    if (was != 0) {
        uint32_t half = q->s.half;
        rc = toc_log_mend(&q->log, &half);
        q->s.half = half;
        if (rc == 0)
            rc = read_tape(q, q->s.head_sequence);
        for (uint32_t i = 0; rc == 0 && i < queue_holders(&q->s); i++)
            *toc_queue_holder(q, i) = (struct toc_holder){0, 0, 0, 0};
        if (rc == 0)
            rc = toc_queue_commit(q, TOC_BELL | TOC_CBELL, TOC_WAKE_ALL);
        if (rc == 0) {
            f->synced = f->synced_position = f->synced_change = 0; /* what is in memory now is written out once more */
            f->sync_lock = 0;
        }
    }
    if (rc == 0)
        atom_store_rel(&f->boot, boot);
    toc_queue_leave(q);
    return rc;
}
