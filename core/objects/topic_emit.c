/* topic_emit.c: emitting, for nobody in particular and everybody who listens. */
#include "topic.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

/* How often an emitter that waits looks by itself who has died: nobody rings for a dead subscriber. */
#define LOOK_NS 100000000ll

static uint64_t size_of(const struct toc_segment *s) { return (uint64_t)s->pages * TOC_PAGE; }

/* How many of the first segments have to go, with `bytes` in all and one that must stay. */
static uint32_t too_many(const struct toc_table *table, uint64_t bytes, uint64_t max_bytes)
{
    uint32_t n = 0;
    while (n + 1 < table->count && bytes > max_bytes)
        bytes -= size_of(&table->segment[n++]);
    return n;
}

/* The sequence of the record that a segment begins with. A lie of the file's only makes a reader say more or less is lost. */
static uint64_t first_in(struct toc_topic *t, const struct toc_segment *segment)
{
    int rc;
    uint64_t sequence = 0;
    if (segment->base >= t->s.tail)
        return t->s.tail_sequence + 1; /* that of the record that is being written */
    const unsigned char *at = toc_log_map(&t->log, segment, false, &rc);
    if (at)
        sequence = ((const struct toc_record *)(const void *)at)->sequence;
    return sequence < t->s.low_sequence || sequence > t->s.tail_sequence ? t->s.low_sequence : sequence;
}

static void release(struct toc_topic *t, uint64_t low)
{
    toc_log_release(&t->log, &t->s.half, low);
    const struct toc_table *table = t->log.half[t->s.half];
    t->s.bytes = 0;
    for (uint32_t i = 0; i < table->count; i++)
        t->s.bytes += size_of(&table->segment[i]);
    if (table->count == 0 || table->segment[0].base == t->s.low)
        return; /* no room to let it go now; the next emit does */
    t->s.low_sequence = first_in(t, &table->segment[0]);
    t->s.low = table->segment[0].base;
}

/* Room in a segment of its own or a new one, and the oldest ones go for it. -EAGAIN: a living subscriber has not read what
 * would go, `wanted` is what it must have read. */
static struct toc_record *room_in_new(struct toc_topic *t, uint64_t *tail, uint32_t length, bool polite, uint64_t *wanted, int *rc)
{
    uint64_t max_bytes = (uint64_t)topic_file(t)->setup.max_bytes;
    struct toc_record *r = toc_log_room(&t->log, &t->s.half, tail, length, *tail - t->s.low, false, rc);
    if (!r)
        return NULL;
    const struct toc_table *table = t->log.half[t->s.half];
    t->s.bytes += size_of(&table->segment[table->count - 1]);
    uint32_t go = too_many(table, t->s.bytes, max_bytes);
    if (go == 0)
        return r;
    *wanted = first_in(t, &table->segment[go]) - 1;
    if (polite && toc_topic_is_behind(t, &t->s, *wanted)) {
        *rc = -EAGAIN;
        return NULL;
    }
    release(t, table->segment[go].base);
    return r;
}

/* One more behind the tail. -EAGAIN as above; -EBUSY: not without a new segment, and `quick`, or this change has one. */
static int append(struct toc_topic *t, const toc_item *item, uint64_t hash, bool quick, bool polite, uint64_t *wanted)
{
    int rc;
    uint64_t tail = t->s.tail;
    struct toc_record *r = toc_log_room(&t->log, &t->s.half, &tail, (uint32_t)item->length, 0, true, &rc);
    if (!r && rc == -EAGAIN) {
        /* One in each change: what this change lets go is read until it is true. */
        if (quick || t->log.copy >= 0)
            return -EBUSY;
        r = room_in_new(t, &tail, (uint32_t)item->length, polite, wanted, &rc);
    }
    if (!r)
        return rc;
    struct toc_record header = {.length = (uint32_t)item->length, .sequence = t->s.tail_sequence + 1};
    header.check = toc_record_seal(hash, header.length, header.sequence, tail);
    atom_put_bytes((uint64_t *)(void *)r, &header, sizeof header);
    atom_put_bytes((uint64_t *)(void *)r->payload, item->data, item->length);
    t->s.tail = tail + toc_record_size(header.length);
    t->s.tail_sequence = header.sequence;
    return 0;
}

static int too_large(const struct toc_topic *t, size_t length)
{
    bool fits = length <= TOC_MESSAGE_MAX && toc_record_size((uint32_t)length) <= (uint64_t)topic_file(t)->setup.max_bytes;
    return fits ? 0 : -EMSGSIZE;
}

int toc_topic_emit_quick(toc_topic *t, const void *data, size_t length, uint64_t *sequence)
{
    int rc = too_large(t, length);
    if (rc < 0)
        return rc;
    uint64_t hash = toc_payload_hash(data, length), unused; /* before the lock, which it would hold for half as long again */
    if (!toc_topic_try(t, &rc))
        return rc;
    toc_item item = {data, length};
    rc = -EBUSY;
    if (toc_change_is_quiet(atom_load_acq(&topic_file(t)->head.word), TOC_BELL, TOC_WAKE_ALL))
        rc = append(t, &item, hash, true, false, &unused);
    if (rc == 0)
        rc = toc_topic_commit(t);
    *sequence = t->s.tail_sequence;
    toc_topic_leave(t);
    return rc == 0 ? 1 : rc == -EBUSY ? 0 : rc;
}

/* As many as one change takes; at least one, or why not. */
static int emit_some(struct toc_topic *t, const toc_item *items, size_t count, bool polite, int64_t deadline, size_t *done,
                     uint64_t *sequence, uint64_t *wanted)
{
    uint64_t hash = toc_payload_hash(items->data, items->length);
    int rc = toc_topic_enter(t, deadline);
    size_t n = 0;
    if (rc < 0)
        return rc;
    while (rc == 0 && n < count) {
        /* Who may have to wait does so with nothing in hand. */
        rc = append(t, &items[n], hash, polite && n > 0, polite, wanted);
        if (rc == 0 && ++n < count)
            hash = toc_payload_hash(items[n].data, items[n].length);
    }
    if (n) {
        TOC_STEP("topic.emit.before_commit");
        rc = toc_topic_commit(t);
        if (rc == 0) {
            *done += n;
            *sequence = t->s.tail_sequence;
        }
    } else if (rc == -EAGAIN) {
        /* Before CBELL goes in, and under the lock: the lowest of those that emitters wait for. */
        struct toc_topic_file *f = topic_file(t);
        bool others = atom_load_acq(&f->head.word) & TOC_CBELL;
        atom_store_rel(&f->paced, 1);
        if (!others || atom_load_relax(&f->room_sequence) > *wanted)
            atom_store_rel(&f->room_sequence, *wanted);
    }
    toc_topic_leave(t);
    return rc;
}

static bool has_room(const struct toc_handle *h, uint64_t word, uint64_t wanted)
{
    const struct toc_topic *t = (const struct toc_topic *)h;
    struct toc_topic_state s;
    (void)word;
    atom_fence(); /* after the arming; pairs with the fence in tell_emitters */
    /* Others may have let go meanwhile what this one waited for. */
    return !toc_topic_snapshot(t, &s) || s.low_sequence > wanted || !toc_topic_is_behind(t, &s, wanted);
}

static int wait_for_room(struct toc_topic *t, uint64_t wanted, int64_t deadline)
{
    int64_t now = sys_now(), look = now + LOOK_NS;
    if (deadline != TOC_FOREVER && deadline <= now)
        return -EAGAIN;
    int rc = toc_handle_await(&t->h, TOC_CBELL, has_room, wanted, deadline == TOC_FOREVER || deadline > look ? look : deadline);
    return rc < 0 ? rc : 0; /* in time or not: the next attempt, or the deadline, tells */
}

int toc_topic_emit_many(toc_topic *t, const toc_item *items, size_t count, int64_t deadline, size_t *done, uint64_t *sequence)
{
    *done = 0;
    *sequence = 0;
    for (size_t i = 0; i < count; i++)
        if (too_large(t, items[i].length) < 0)
            return -EMSGSIZE;
    while (*done < count) {
        uint64_t wanted = 0;
        int rc = emit_some(t, items + *done, count - *done, deadline != 0, deadline, done, sequence, &wanted);
        if (rc == -EAGAIN)
            rc = wait_for_room(t, wanted, deadline);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int toc_topic_emit(toc_topic *t, const void *data, size_t length, int64_t deadline, uint64_t *sequence)
{
    size_t done;
    toc_item item = {data, length};
    return toc_topic_emit_many(t, &item, 1, deadline, &done, sequence);
}
