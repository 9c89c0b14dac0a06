/* check_topic.c: is a topic, the log behind a named bus, sound? All that it retains is whole, and in order. */
#include "check.h"

#include "../sys/sys.h"
#include "topic.h"

#include <errno.h>
#include <string.h>

#define AT(field) offsetof(struct toc_topic_file, field)

struct look {
    struct toc_image *m;
    struct toc_tape tape;
    struct toc_topic_state s;
    uint64_t word;
};

static int snapshot(struct look *l)
{
    static const struct toc_states states = {AT(state), sizeof l->s, offsetof(struct toc_topic_state, half)};
    return toc_tape_snapshot(&l->tape, &states, &l->s, &l->word);
}

static const char *state_fault(const struct look *l)
{
    const struct toc_topic_state *s = &l->s;
    const struct toc_table *t = l->tape.table;
    uint64_t bytes = 0;
    if (s->low > s->tail || s->low_sequence < 1 || s->low_sequence > s->tail_sequence + 1 || s->half > 1 || s->tail % 8
        || s->low % TOC_PAGE || s->slot_pages > TOC_SLOTS_MORE / TOC_SLOTS_PAGE || s->tail - s->low >= 1ull << 48)
        return "its state makes no sense";
    if (toc_table_fault(t) < 0 || t->change != s->changes)
        return "its table of segments makes no sense";
    if (s->low < s->tail && (t->count == 0 || toc_segment_end(&t->segment[t->count - 1]) < s->tail))
        return "its table lacks the segment of its last emit";
    for (uint32_t i = 0; i < t->count; i++)
        bytes += (uint64_t)t->segment[i].pages * TOC_PAGE;
    return bytes == s->bytes ? NULL : "it counts other bytes than its segments have";
}

static int look_at_records(struct look *l)
{
    uint64_t at = l->s.low, sequence = l->s.low_sequence - 1, first = 0, lost = 0;
    for (int moved = 0;;) {
        struct toc_record *r;
        uint64_t was = at;
        int rc = toc_tape_record(&l->tape, &at, l->s.tail, &r);
        if (rc < 0 && rc != -EUCLEAN)
            return rc;
        if (rc == 1 && r->sequence == sequence + 1) {
            sequence++;
            at += toc_record_size(r->length);
            continue;
        }
        if (rc == 0 && sequence == l->s.tail_sequence)
            break;
        struct toc_topic_state then = l->s;
        rc = snapshot(l);
        if (rc < 0)
            return rc;
        if (state_fault(l))
            return -EBUSY;
        if (l->s.low_sequence > sequence + 1) { /* it has fallen out meanwhile */
            if (++moved > TOC_CHECK_TRIES)
                return -EBUSY;
            at = l->s.low;
            sequence = l->s.low_sequence - 1;
            continue;
        }
        uint64_t next = toc_tape_next_whole(&l->tape, was - 8, then.tail, sequence + 1, then.tail_sequence);
        bool any = next < then.tail && toc_tape_record(&l->tape, &next, then.tail, &r) == 1;
        uint64_t follows = any ? r->sequence : then.tail_sequence + 1;
        if (lost == 0)
            first = sequence + 1;
        lost += follows - sequence - 1;
        sequence = follows - 1;
        at = any ? next : then.tail;
        if (!any && l->s.tail_sequence == then.tail_sequence)
            break;
    }
    if (lost) {
        toc_finding *f = toc_image_say(l->m, TOC_MEND_ITSELF, "emits are damaged: who listens is told how many, until they fall out");
        f->many = lost;
        f->sequence = first;
    }
    return 0;
}

static bool is_used(void *context, const char *rest)
{
    struct look *l = context;
    if (toc_tape_names(&l->tape, rest))
        return true;
    return snapshot(l) < 0 || toc_tape_names(&l->tape, rest);
}

static int look(struct look *l)
{
    const char *fault = NULL;
    for (int i = 0; i < TOC_CHECK_TRIES; i++) {
        uint64_t word = l->word;
        int rc = snapshot(l);
        if (rc < 0)
            return rc;
        fault = state_fault(l);
        if (!fault || (i > 0 && word == l->word))
            break;
    }
    if (fault) {
        toc_image_say(l->m, TOC_MEND_REMOVE, fault);
        return 0;
    }
    int rc = look_at_records(l);
    if (rc == 0 && (rc = snapshot(l)) == 0)
        rc = toc_image_parts(l->m, is_used, l, "segments that it does not name lie beside it");
    return rc;
}

int toc_check_topic(struct toc_image *m)
{
    struct look l = {.m = m};
    struct toc_topic_setup setup;
    int rc = toc_image_read(m, AT(setup), &setup, sizeof setup);
    if (rc < 0)
        return rc;
    uint64_t sum = (uint64_t)setup.max_bytes * 0x9e3779b97f4a7c15ull + 0x70636974ull;
    if (setup.check != (uint32_t)(sum ^ sum >> 29) || setup.max_bytes < (int64_t)TOC_TOPIC_BYTES_MIN) {
        toc_image_say(m, TOC_MEND_REMOVE, "what was fixed when it was made is damaged");
        return 0;
    }
    toc_image_is_zero(m, AT(setup.spare2), sizeof setup.spare2);
    toc_image_is_zero(m, AT(spare), sizeof ((struct toc_topic_file *)0)->spare);
    toc_image_is_zero(m, AT(spare2), sizeof ((struct toc_topic_file *)0)->spare2);
    toc_image_is_zero(m, AT(spare3), sizeof ((struct toc_topic_file *)0)->spare3);
    rc = toc_tape_begin(&l.tape, m, AT(half[0]), AT(half[1]));
    if (rc == 0)
        rc = look(&l);
    toc_tape_end(&l.tape);
    return rc == -EBUSY ? 0 : rc;
}
