/* topic_read.c: hearing what was emitted. A handle's cursor is its own, its threads share it; the topic knows nothing of it
 * but how far it is, for emitters who want to wait. */
#include "topic.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <string.h>

/* -- a lock among the threads of one handle. A fork's child finds one that a thread of the parent had, and takes it over:
 * that thread is not here. Held for a copy, or for the mapping of a segment. */

#define WANTED 1u

void toc_topic_lock_threads(struct toc_topic *t)
{
    uint64_t mine = ((uint64_t)toc_held_forks() + 1) << 1, with = mine;
    for (;;) {
        uint64_t seen = 0;
        if (atom_cas_acqrel(&t->busy, &seen, with))
            return;
        if (seen && (seen & ~(uint64_t)WANTED) != mine) {
            if (atom_cas_acqrel(&t->busy, &seen, with))
                return;
            continue;
        }
        if (!seen || (!(seen & WANTED) && !atom_cas_acqrel(&t->busy, &seen, mine | WANTED)))
            continue;
        sys_futex_wait(&t->busy, (uint32_t)(mine | WANTED), ~0u, SYS_FOREVER);
        with = mine | WANTED; /* others may sleep whom the last holder's wake did not reach */
    }
}

void toc_topic_unlock_threads(struct toc_topic *t)
{
    if (atom_swap_acqrel(&t->busy, 0) & WANTED)
        sys_futex_wake(&t->busy, 1);
}

/* -- */

bool toc_topic_has_news(const struct toc_handle *h, uint64_t word)
{
    const struct toc_topic *t = (const struct toc_topic *)h;
    struct toc_topic_state s;
    (void)word;
    return atom_load_acq(&t->listens) && (!toc_topic_snapshot(t, &s) || s.tail_sequence >= topic_next(t));
}

/* A forked child is a subscriber of its own: it has its parent's cursor, and takes a slot when it first reads. */
static int be_subscriber(struct toc_topic *t)
{
    if (t->slot_forks == toc_held_forks())
        return 0;
    int rc = toc_topic_enter(t, TOC_FOREVER);
    if (rc < 0)
        return rc;
    rc = toc_topic_take_slot(t, topic_next(t) - 1);
    toc_topic_leave(t);
    return rc;
}

/* It was written over, or is about to be: to the oldest that is there. How many are lost goes to *missed. */
static int fall_behind(struct toc_topic *t, uint64_t *missed)
{
    struct toc_topic_state s;
    uint64_t next = topic_next(t), wanted = next > t->from ? next : t->from;
    atom_fence_acq(); /* after the look at the floor; pairs with the release in raise_floor */
    if (!toc_topic_snapshot(t, &s))
        return -EBUSY;
    if (s.low_sequence < next || s.low <= topic_position(t))
        return -EUCLEAN; /* the floor says one thing, and the state another */
    *missed = s.low_sequence > wanted ? s.low_sequence - wanted : 0;
    t->view.tail = s.tail;
    topic_move(t, s.low_sequence, s.low);
    return *missed ? -EOVERFLOW : 0;
}

/* What makes no sense is passed over, up to the next record that is whole, or to the end. */
static int pass_over(struct toc_topic *t, uint64_t *missed)
{
    struct toc_topic_state s;
    struct toc_record header;
    const uint64_t *payload;
    uint64_t was = topic_next(t), next, position;
    if (!toc_topic_snapshot(t, &s))
        return -EBUSY;
    next = s.tail_sequence + 1;
    t->view.tail = s.tail;
    for (position = (topic_position(t) | 7) + 1; position < s.tail; position += 8) {
        int rc = toc_view_record(t, &position, &header, &payload);
        if (rc == -ESTALE)
            return fall_behind(t, missed);
        if (rc == 0 || (rc < 0 && (rc != -EUCLEAN || !t->view.at)))
            break; /* nor a segment to look in */
        if (rc < 0 || header.sequence <= was || header.sequence >= next)
            continue;
        uint64_t hash = toc_payload_hash(payload, header.length);
        if (toc_record_seal(hash, header.length, header.sequence, position) == header.check && topic_is_intact(t, position)) {
            next = header.sequence;
            s.tail = position;
        }
    }
    *missed = next > was ? next - was : 0;
    topic_move(t, next, s.tail);
    return -EUCLEAN;
}

/* Is there anything behind the cursor? 1, 0, or why that can't be said. */
static int look(struct toc_topic *t, uint64_t position)
{
    struct toc_topic_state s;
    if (position < t->view.tail)
        return 1;
    if (!toc_topic_snapshot(t, &s))
        return -EBUSY;
    if (s.tail_sequence < topic_next(t))
        return 0;
    if (s.low > position)
        return -ESTALE;
    t->view.tail = s.tail;
    return s.tail > position ? 1 : -EUCLEAN;
}

/* The next one's header: 1, 0, -ESTALE, -EUCLEAN ... Those before the replay are passed over. */
static int find_next(struct toc_topic *t, uint64_t *position, struct toc_record *header, const uint64_t **payload)
{
    *position = topic_position(t);
    for (;;) {
        int rc = look(t, *position);
        if (rc == 1)
            rc = toc_view_record(t, position, header, payload);
        if (rc == 0 && *position > topic_position(t) && look(t, *position) == 1)
            continue; /* only padding was left of what was known */
        if (rc != 1)
            return rc;
        uint64_t next = topic_next(t);
        if (header->sequence != next)
            return -EUCLEAN;
        if (next >= t->from)
            return 1;
        *position += toc_record_size(header->length);
        topic_move(t, next + 1, *position);
    }
}

/* One record, or why not: 1, 0, -ENOBUFS (out->length), -ESTALE, -EUCLEAN ... */
static int read_one(struct toc_topic *t, char *buffer, size_t capacity, toc_heard *out)
{
    struct toc_record header;
    const uint64_t *payload;
    uint64_t position;
    int rc = find_next(t, &position, &header, &payload);
    if (rc != 1)
        return rc;
    out->length = header.length;
    out->sequence = header.sequence;
    if (header.length > capacity)
        return -ENOBUFS;
    atom_get_bytes(buffer, payload, header.length);
    if (!topic_is_intact(t, position))
        return -ESTALE;
    if (toc_record_seal(toc_payload_hash(buffer, header.length), header.length, header.sequence, position) != header.check)
        return -EUCLEAN;
    topic_move(t, header.sequence + 1, position + toc_record_size(header.length));
    return 1;
}

/* What is there now: how many, 0, or a reason. What came before a reason is handed over first. */
static int64_t read_some(struct toc_topic *t, char *buffer, size_t capacity, toc_heard *out, size_t max, uint64_t *missed)
{
    size_t n = 0, used = 0;
    int rc = be_subscriber(t);
    while (rc == 0 && n < max) {
        rc = read_one(t, buffer + used, capacity - used, &out[n]);
        if (rc == 1) {
            out[n].offset = used;
            used += out[n++].length;
        } else if (n == 0 && rc == -ESTALE) {
            rc = fall_behind(t, missed);
            if (rc == 0)
                continue; /* what is lost was not wanted */
        } else if (n == 0 && rc == -EUCLEAN) {
            rc = pass_over(t, missed);
        } else if (rc == 0) {
            break;
        }
        if (rc == 1)
            rc = 0;
    }
    if (n || rc == -EOVERFLOW || rc == -EUCLEAN) {
        TOC_STEP("topic.read.before_publish");
        toc_topic_publish(t, topic_next(t) - 1);
    }
    return n ? (int64_t)n : rc;
}

static int64_t read_now(struct toc_topic *t, void *buffer, size_t capacity, toc_heard *out, size_t max, uint64_t *missed)
{
    toc_topic_lock_threads(t);
    int64_t n = read_some(t, buffer, capacity, out, max, missed);
    toc_topic_unlock_threads(t);
    return n;
}

int64_t toc_topic_read(toc_topic *t, void *buffer, size_t capacity, toc_heard *out, size_t max, uint64_t *missed, int64_t deadline)
{
    uint64_t *word = &topic_file(t)->head.word;
    int slept = 0, rc = toc_object_ready(&t->h.o);
    if (rc < 0 || max == 0 || !atom_load_acq(&t->listens))
        return rc < 0 ? rc : max ? -ENOTCONN : 0;
    for (;;) {
        uint64_t w = atom_load_acq(word);
        if ((rc = toc_handle_verdict(&t->h, w)) < 0)
            return rc;
        int64_t n = read_now(t, buffer, capacity, out, max, missed);
        if (n != 0) {
            toc_handle_looked(&t->h, w); /* had, so the descriptor must not stay readable from it */
            return n;
        }
        if (slept == -EINTR)
            return slept;
        int64_t now = sys_now();
        if (deadline != TOC_FOREVER && deadline <= now) {
            toc_handle_looked(&t->h, w);
            return read_now(t, buffer, capacity, out, max, missed);
        }
        if (now >= toc_handle_next_look(&t->h)) {
            toc_object_check_name(&t->h.o);
            continue;
        }
        if (!(w & TOC_SLEEPERS) && !atom_cas_acqrel(word, &w, w | TOC_SLEEPERS | TOC_SLEPT))
            continue;
        w |= TOC_SLEEPERS | TOC_SLEPT;
        TOC_STEP("topic.read.before_sleep");
        toc_object_enter(&t->h.o); /* before the last look at `closed`, or close would not know that it has to wake us */
        slept = toc_handle_verdict(&t->h, w);
        if (slept == 0)
            slept = sys_futex_wait(word, (uint32_t)w, t->h.o.mask, toc_handle_sleep_until(&t->h, deadline));
        toc_object_leave(&t->h.o);
    }
}
