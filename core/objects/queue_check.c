/* queue_check.c: is a queue sound? Every structure in it has a test of its own here, and whoever fails one is told which.
 * It changes nothing, takes the lock for as long as a look at every item takes, and never trusts what it looks at. */
#include "queue.h"

#include <errno.h>

static const char *state_fault(const struct toc_queue *q)
{
    const struct toc_queue_state *s = &q->s;
    if (s->low % 8 || s->head % 8 || s->tail % 8)
        return "a position of its state is none of a record";
    if (s->shut > 2)
        return "its state has an unknown shutdown";
    return s->head_sequence == s->tail_sequence && s->bytes ? "its state counts bytes of items that it does not have" : NULL;
}

static const char *table_fault(const struct toc_queue *q)
{
    const struct toc_table *t = q->log.half[q->s.half];
    if (toc_table_fault(t) < 0)
        return "its table of segments makes no sense";
    if (q->s.low < q->s.tail && (t->count == 0 || toc_segment_end(&t->segment[t->count - 1]) < q->s.tail))
        return "its table lacks the segment of its last item";
    return NULL;
}

/* Each fresh item is whole, and follows the one before. */
static int fresh_fault(struct toc_queue *q, const char **fault)
{
    const struct toc_queue_state *s = &q->s;
    uint64_t at = s->head, sequence = s->head_sequence, bytes = 0;
    struct toc_record *r;
    int rc = 0;
    while (at < s->tail && (r = toc_log_at(&q->log, s->half, &at, s->tail, TOC_NEAR_LOW, &rc))) {
        if (r->sequence != ++sequence || r->check != toc_record_check(r, at)) {
            *fault = "an item is damaged: a get passes over it, and says so";
            return 0;
        }
        bytes += r->length;
        at += toc_record_size(r->length);
    }
    if (rc < 0 && rc != -EUCLEAN)
        return rc;
    if (rc < 0)
        *fault = "a segment is missing, or an item is damaged: a get passes over it, and says so";
    else if (sequence != s->tail_sequence)
        *fault = "it has fewer items than it counts";
    else if (bytes != s->bytes)
        *fault = "its items have not the bytes that it counts";
    return 0;
}

/* What is claimed is counted. Counts may be too high while a holder is dead and not buried, never too low. */
static int claims_fault(struct toc_queue *q, const char **fault)
{
    struct toc_queue_state said = q->s;
    struct queue_found found;
    uint64_t leased = 0;
    bool dead = false;
    int rc = toc_queue_survey(q, NULL, &found);
    struct toc_queue_state counted = q->s;
    q->s = said;
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < queue_holders(&said); i++) {
        const struct toc_holder *h = toc_queue_holder(q, i);
        leased += h->id ? h->leased : 0;
        dead = dead || (h->id && (h->leased || h->taken) && !toc_owner_lives(toc_me(&q->h), h->id));
    }
    if (leased < counted.held)
        *fault = "an item is held by nobody whom it knows";
    else if (said.held + said.back < counted.held + counted.back)
        *fault = "it counts fewer claims than there are";
    else if (!dead && (said.held != counted.held || said.back != counted.back || said.delayed != counted.delayed))
        *fault = "it counts other claims than there are";
    return 0;
}

int toc_queue_check(toc_queue *q, const char **fault)
{
    *fault = NULL;
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc == -EUCLEAN) {
        *fault = "its state makes no sense";
        return 0;
    }
    if (rc < 0)
        return rc;
    *fault = state_fault(q);
    if (!*fault)
        *fault = table_fault(q);
    if (!*fault)
        rc = fresh_fault(q, fault);
    if (rc == 0 && !*fault)
        rc = claims_fault(q, fault);
    toc_queue_leave(q);
    return rc;
}
