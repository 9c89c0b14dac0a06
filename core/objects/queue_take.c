/* queue_take.c: taking items out: to keep (get), to hold until they are acked (receive), to look at (peek). */
#include "queue.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <string.h>

/* The room first, then the check, and that of the copy: a large item is brought from the other processor's cache once, and
 * who has no room for it has not waited for a sum of it. -EBADMSG: what was copied is not what was put. */
static int hand_out(const struct toc_record *r, uint64_t position, void *buffer, size_t capacity, toc_taken *out)
{
    uint32_t length = r->length;
    *out = (toc_taken){.sequence = r->sequence, .position = position, .length = length, .attempt = 1};
    if (length > capacity)
        return -ENOBUFS;
    memcpy(buffer, r->payload, length);
    return r->check == toc_record_seal(toc_payload_hash(buffer, length), length, out->sequence, position) ? 0 : -EBADMSG;
}

/* -- the low end */

/* Is everything that the segment holds done? */
static bool is_done(struct toc_queue *q, uint64_t base, uint64_t end)
{
    uint64_t at = base;
    int rc = 0;
    while (at < end) {
        struct toc_record *r = toc_log_at(&q->log, q->s.half, &at, end, TOC_NEAR_LOW, &rc);
        if (!r)
            return rc == 0;
        if (claim_what(atom_load_relax(&r->claim)) != TOC_DONE)
            return false;
        at += toc_record_size(r->length);
    }
    return true;
}

/* One item that is held for long costs its segment, not all that came after it. */
static void sweep_middle(struct toc_queue *q)
{
    const struct toc_segment *s = toc_log_segment(&q->log, q->s.half, q->s.low);
    uint64_t at = s ? toc_segment_end(s) : q->s.head;
    if (q->swept > at)
        at = q->swept;
    for (int i = 0; i < 32; i++) {
        s = toc_log_segment(&q->log, q->s.half, at);
        if (!s || toc_segment_end(s) > q->s.head) {
            q->swept = 0; /* all seen: from the beginning the next time */
            return;
        }
        uint64_t base = s->base, end = toc_segment_end(s);
        if (is_done(q, base, end))
            toc_log_release_one(&q->log, &q->s.half, base);
        q->swept = at = end;
    }
}

void toc_queue_recycle(struct toc_queue *q)
{
    struct toc_queue_state *s = &q->s;
    int rc = 0;
    if (s->held == 0 && s->back == 0) {
        s->low = s->head; /* nothing before head lives */
    } else {
        for (int i = 0; i < 1024 && s->low < s->head; i++) {
            uint64_t at = s->low;
            struct toc_record *r = toc_log_at(&q->log, s->half, &at, s->head, TOC_NEAR_LOW, &rc);
            if (!r && rc == -EUCLEAN)
                r = toc_queue_next(q, &at, s->head, &rc);
            if (rc == 0)
                s->low = at;
            if (!r || claim_what(atom_load_relax(&r->claim)) != TOC_DONE)
                break;
            s->low += toc_record_size(r->length);
        }
        if (s->low > s->head)
            s->low = s->head;
    }
    toc_log_release(&q->log, &s->half, s->low);
}

/* -- what came back */

static bool may_have_back(const struct toc_queue_state *s)
{
    if (s->back == 0)
        return false;
    return (s->back > s->delayed && (s->head_sequence >= s->back_after || s->head == s->tail))
        || (s->delayed && toc_queue_now_ms() >= s->due_ms);
}

static int take_back(struct toc_queue *q, void *buffer, size_t capacity, toc_taken *out)
{
    struct toc_queue_state before = q->s, *s = &q->s;
    struct toc_holder *mine;
    struct queue_found found;
    int rc = toc_queue_survey(q, NULL, &found);
    if (rc < 0)
        return rc;
    struct toc_record *r = found.best;
    if (!r) { /* what somebody who was killed had left half done has been put right */
        rc = s->back != before.back || s->held != before.held ? toc_queue_commit(q, TOC_CBELL, TOC_WAKE_NONE) : 0;
        return rc < 0 ? rc : -EAGAIN;
    }
    rc = hand_out(r, found.position, buffer, capacity, out);
    if (rc == -EBADMSG) {
        *out = (toc_taken){.sequence = r->sequence, .length = 1};
        s->delayed -= claim_what(r->claim) == TOC_DELAYED;
        s->back--;
        s->back_bytes -= r->length;
        atom_store_rel(&r->claim, claim_of(TOC_DONE, 0, 0));
        rc = toc_queue_commit(q, toc_queue_cbell(q, &before), TOC_WAKE_NONE);
        return rc < 0 ? rc : -EBADMSG;
    }
    if (rc < 0) {
        q->s = before;
        return rc;
    }
    rc = toc_queue_my_holder(q, &mine);
    if (rc < 0)
        return rc;
    uint64_t claim = atom_load_relax(&r->claim);
    uint32_t attempt = claim_attempt(claim) < TOC_ATTEMPT_MAX ? claim_attempt(claim) + 1 : TOC_ATTEMPT_MAX;
    atom_store_rel(&mine->leased, mine->leased + 1); /* before the claim */
    TOC_STEP("queue.back.before_claim");
    atom_store_rel(&r->claim, claim_of(TOC_LEASED, attempt, toc_me(&q->h)->id));
    s->delayed -= claim_what(claim) == TOC_DELAYED;
    s->back--;
    s->back_bytes -= r->length;
    s->held++;
    s->back_after = found.next_after; /* of those that are left */
    s->due_ms = found.next_due;
    out->attempt = attempt;
    out->held = 1;
    TOC_STEP("queue.back.before_commit");
    rc = toc_queue_commit(q, toc_queue_cbell(q, &before), TOC_WAKE_GUARD);
    if (rc < 0) { /* nothing has happened */
        atom_store_rel(&r->claim, claim);
        atom_store_rel(&mine->leased, mine->leased - 1);
    }
    return rc;
}

/* -- what is fresh */

/* Damage at head: on to the next record that is whole, wherever it is. */
static int pass_over(struct toc_queue *q, uint64_t position, toc_taken *out)
{
    struct toc_queue_state before = q->s, *s = &q->s;
    int rc;
    uint64_t next = toc_queue_next_whole(q, position, s->tail, s->head_sequence + 1, &rc), at = next;
    if (rc < 0) /* it cannot be seen: not the same as gone */
        return rc;
    struct toc_record *r = next < s->tail ? toc_log_at(&q->log, s->half, &at, s->tail, TOC_NEAR_HEAD, &rc) : NULL;
    uint64_t reached = r ? r->sequence - 1 : s->tail_sequence;
    *out = (toc_taken){.sequence = s->head_sequence + 1, .length = reached - s->head_sequence};
    /* What lies between is nobody's: at head and beyond, that says nothing before the commit. */
    for (at = position; at < next && (r = toc_log_at(&q->log, s->half, &at, next, TOC_NEAR_LOW, &rc));) {
        atom_store_rel(&r->claim, claim_of(TOC_DONE, 0, 0));
        at += toc_record_size(r->length);
    }
    s->head = next;
    s->head_sequence = reached;
    if (s->head == s->tail)
        s->bytes = 0;
    toc_queue_recycle(q);
    rc = toc_queue_commit(q, toc_queue_cbell(q, &before), TOC_WAKE_NONE);
    return rc < 0 ? rc : -EBADMSG;
}

int toc_queue_take_fresh(struct toc_queue *q, enum queue_how how, bool commit, void *buffer, size_t capacity, toc_taken *out)
{
    struct toc_queue_state before = q->s, *s = &q->s;
    struct toc_holder *mine = NULL;
    uint64_t position = s->head;
    int rc = 0;
    struct toc_record *r = toc_log_at(&q->log, s->half, &position, s->tail, TOC_NEAR_HEAD, &rc);
    if (rc < 0 && rc != -EUCLEAN)
        return rc;
    rc = !r || r->sequence != s->head_sequence + 1 ? -EBADMSG : hand_out(r, position, buffer, capacity, out);
    if (rc == -EBADMSG) {
        *out = (toc_taken){.sequence = s->head_sequence + 1, .length = 1};
        return commit && how != QUEUE_PEEK ? pass_over(q, s->head, out) : -EBADMSG;
    }
    if (rc < 0 || how == QUEUE_PEEK)
        return rc;
    rc = toc_queue_my_holder(q, &mine);
    if (rc < 0)
        return rc;
    bool alone = s->held == 0 && s->back == 0;
    s->head = position + toc_record_size(r->length);
    s->head_sequence++;
    s->bytes -= r->length < s->bytes ? r->length : s->bytes;
    uint64_t *count = how == QUEUE_GET ? &mine->taken : &mine->leased;
    atom_store_rel(count, *count + 1); /* before the claim, and before the commit */
    TOC_STEP("queue.take.before_claim");
    /* Before the commit, neither says anything yet: at head and beyond, a claim doesn't count. */
    if (how == QUEUE_RECEIVE)
        atom_store_rel(&r->claim, claim_of(TOC_LEASED, 1, toc_me(&q->h)->id));
    else if (!alone)
        atom_store_rel(&r->claim, claim_of(TOC_DONE, 0, 0));
    s->held += how == QUEUE_RECEIVE;
    out->held = how == QUEUE_RECEIVE;
    toc_queue_recycle(q);
    uint64_t base = q->log.near[TOC_NEAR_HEAD].base;
    if (base != q->reading) { /* a switch of segments is the time to see what between low and head can go */
        q->reading = base;
        if (s->low < s->head)
            sweep_middle(q);
    }
    if (!commit)
        return 0;
    TOC_STEP("queue.take.before_commit");
    rc = toc_queue_commit(q, toc_queue_cbell(q, &before), how == QUEUE_RECEIVE ? TOC_WAKE_GUARD : TOC_WAKE_NONE);
    if (rc < 0)
        atom_store_rel(count, *count - 1);
    return rc;
}

/* An item that came back and was asked for by get: claimed first, done after, so that a kill gives it back. */
static void keep(struct toc_queue *q, toc_taken *out)
{
    uint32_t most = queue_file(q)->setup.max_deliveries;
    struct toc_holder *mine;
    int rc = 0;
    if (most && out->attempt > most)
        return; /* it stays held: the caller buries it among the dead letters, and acks */
    uint64_t position = out->position;
    struct toc_record *r = toc_log_at(&q->log, q->s.half, &position, q->s.head, TOC_NEAR_LOW, &rc);
    if (!r || toc_queue_my_holder(q, &mine) < 0)
        return; /* held: the caller acks */
    struct toc_queue_state before = q->s;
    uint64_t claim = r->claim;
    atom_store_rel(&mine->taken, mine->taken + 1);
    atom_store_rel(&r->claim, claim_of(TOC_DONE, 0, 0));
    q->s.held -= q->s.held > 0;
    toc_queue_recycle(q);
    if (toc_queue_commit(q, toc_queue_cbell(q, &before), TOC_WAKE_NONE) == 0) {
        atom_store_rel(&mine->leased, mine->leased - 1);
        out->held = 0;
        return;
    }
    atom_store_rel(&r->claim, claim);
    atom_store_rel(&mine->taken, mine->taken - 1);
}

int toc_queue_take(struct toc_queue *q, enum queue_how how, bool quick, void *buffer, size_t capacity, toc_taken *out)
{
    if (may_have_back(&q->s) && how != QUEUE_PEEK) {
        if (quick)
            return -EBUSY;
        int rc = take_back(q, buffer, capacity, out);
        if (rc == 0 && how == QUEUE_GET)
            keep(q, out);
        if (rc != -EAGAIN)
            return rc;
    }
    if (q->s.head_sequence == q->s.tail_sequence)
        return q->s.shut && !q->s.back ? -EPIPE : -EAGAIN;
    return toc_queue_take_fresh(q, how, true, buffer, capacity, out);
}

int toc_queue_get_quick(toc_queue *q, void *buffer, size_t capacity, toc_taken *out)
{
    int rc;
    if (!toc_queue_try(q, &rc))
        return rc;
    /* The wake of those who wait for room is for the full call; so is everything that is rare. */
    const struct toc_queue_state *s = &q->s;
    bool rings = atom_load_acq(&queue_file(q)->head.word) & TOC_CBELL;
    bool look = s->held && atom_load_relax(&q->now) - atom_load_relax(&q->buried) > 1000000000ull; /* for the dead */
    if (s->head_sequence == s->tail_sequence || s->back || rings || look)
        rc = -EBUSY;
    else
        rc = toc_queue_take_fresh(q, QUEUE_GET, true, buffer, capacity, out);
    toc_queue_leave(q);
    return rc == 0 ? 1 : rc == -EBUSY ? 0 : rc;
}

int toc_queue_peek(toc_queue *q, void *buffer, size_t capacity, toc_taken *out)
{
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc < 0)
        return rc;
    struct queue_found found = {.best = NULL};
    if (may_have_back(&q->s))
        rc = toc_queue_survey(q, NULL, &found);
    if (rc < 0 || found.best)
        rc = rc < 0 ? rc : hand_out(found.best, found.position, buffer, capacity, out);
    else
        rc = toc_queue_take(q, QUEUE_PEEK, false, buffer, capacity, out);
    toc_queue_leave(q);
    return rc == -EPIPE ? -EAGAIN : rc;
}
