/* queue_claims.c: one pass over all claims. What a process that was killed has left half done (a claim without its count, a
 * count without its claim) is put right by counting, never by adding and subtracting: so it can be repeated, and killed. */
#include "queue.h"

#include <errno.h>

bool toc_queue_is_one_of(const struct queue_dead *d, uint64_t id)
{
    for (uint32_t i = 0; d && i < d->count; i++)
        if (d->id[i] == id)
            return true;
    return false;
}

/* The lowest two of a series: what is left when the lowest is taken away. */
struct lowest {
    uint64_t first, second;
};

static void add(struct lowest *l, uint64_t n)
{
    if (n < l->first) {
        l->second = l->first;
        l->first = n;
    } else if (n < l->second) {
        l->second = n;
    }
}

struct pass {
    struct lowest after, due;
    uint64_t now, best_rank;
    bool best_is_late;
};

static void count_back(struct toc_queue_state *s, struct pass *p, struct toc_record *r, uint64_t at, struct queue_found *found)
{
    uint64_t claim = atom_load_relax(&r->claim), whose = claim_whose(claim);
    bool late = claim_what(claim) == TOC_DELAYED;
    s->back++;
    s->back_bytes += r->length;
    s->delayed += late;
    add(late ? &p->due : &p->after, whose);
    /* With nothing fresh, everything that came back is at the end of the queue. */
    bool may = late ? p->now >= whose : s->head_sequence >= whose || s->head_sequence == s->tail_sequence;
    uint64_t rank = late ? 0 : whose;
    if (may && rank < p->best_rank) {
        found->best = r;
        found->position = at;
        p->best_rank = rank;
        p->best_is_late = late;
    }
}

static bool is_whole(const struct toc_record *r, uint64_t at) { return r->check == toc_record_check(r, at); }

uint64_t toc_queue_next_whole(struct toc_queue *q, uint64_t at, uint64_t end, uint64_t least, int *rc)
{
    *rc = 0;
    for (at = (at + 8) & ~7ull; at < end; at += 8) {
        uint64_t found = at;
        const struct toc_segment *segment = toc_log_segment(&q->log, q->s.half, at);
        if (!segment)
            return end;
        struct toc_record *r = toc_log_at(&q->log, q->s.half, &found, end, TOC_NEAR_LOW, rc);
        if (*rc < 0 && *rc != -EUCLEAN)
            return end;
        *rc = 0;
        /* toc_log_at went on by itself where it met what looks like padding: here it may be anything. */
        if (r && found == at && r->sequence >= least && r->sequence <= q->s.tail_sequence && is_whole(r, at))
            return at;
        if (segment->base > at)
            at = segment->base - 8;
    }
    return end;
}

struct toc_record *toc_queue_next(struct toc_queue *q, uint64_t *at, uint64_t end, int *rc)
{
    struct toc_record *r = toc_log_at(&q->log, q->s.half, at, end, TOC_NEAR_LOW, rc);
    if (r && is_whole(r, *at))
        return r;
    if (!r && (*rc == 0 || *rc != -EUCLEAN))
        return NULL;
    if (r) { /* only its payload, if the next one is where its length says: then its claim is as good as any */
        uint64_t after = *at + toc_record_size(r->length), sequence = r->sequence;
        struct toc_record *next = toc_log_at(&q->log, q->s.half, &after, end, TOC_NEAR_LOW, rc);
        bool follows = next ? next->sequence == sequence + 1 && is_whole(next, after) : *rc == 0;
        if (follows)
            return toc_log_at(&q->log, q->s.half, at, end, TOC_NEAR_LOW, rc);
    }
    *at = toc_queue_next_whole(q, *at, end, 1, rc);
    return *at < end ? toc_log_at(&q->log, q->s.half, at, end, TOC_NEAR_LOW, rc) : NULL;
}

uint64_t toc_queue_drop_all(struct toc_queue *q)
{
    struct toc_queue_state *s = &q->s;
    uint64_t gone = s->tail_sequence - s->head_sequence + s->back, at = s->low;
    struct toc_record *r;
    int rc = 0;
    if (s->held || s->back)
        while (at < s->tail && (r = toc_queue_next(q, &at, s->tail, &rc))) {
            enum toc_claim what = claim_what(atom_load_relax(&r->claim));
            if (at >= s->head || what == TOC_READY || what == TOC_DELAYED)
                atom_store_rel(&r->claim, claim_of(TOC_DONE, 0, 0));
            at += toc_record_size(r->length);
        }
    s->head = s->tail;
    s->head_sequence = s->tail_sequence;
    s->bytes = s->back = s->back_bytes = s->delayed = 0;
    return gone;
}

int toc_queue_survey(struct toc_queue *q, const struct queue_dead *dead, struct queue_found *found)
{
    struct toc_queue_state was = q->s, *s = &q->s;
    struct pass p = {{UINT64_MAX, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}, toc_queue_now_ms(), UINT64_MAX, false};
    uint64_t at = s->low;
    int rc = 0;
    *found = (struct queue_found){.best = NULL};
    s->held = s->back = s->back_bytes = s->delayed = 0;
    while (at < s->head) {
        struct toc_record *r = toc_queue_next(q, &at, s->head, &rc);
        if (!r)
            break;
        uint64_t claim = atom_load_relax(&r->claim);
        if (claim_what(claim) == TOC_LEASED && toc_queue_is_one_of(dead, claim_whose(claim))) {
            claim = claim_of(TOC_READY, claim_attempt(claim), queue_back_at(s));
            atom_store_rel(&r->claim, claim);
        }
        if (claim_what(claim) == TOC_LEASED)
            s->held++;
        else if (claim_what(claim) != TOC_DONE)
            count_back(s, &p, r, at, found);
        at += toc_record_size(r->length);
    }
    if (rc < 0) { /* too few descriptors, say: what was not seen must not count as gone */
        q->s = was;
        return rc;
    }
    s->back_after = p.after.first;
    s->due_ms = p.due.first;
    found->next_after = found->best && !p.best_is_late && p.best_rank == p.after.first ? p.after.second : p.after.first;
    bool first_due = found->best && p.best_is_late && claim_whose(found->best->claim) == p.due.first;
    found->next_due = first_due ? p.due.second : p.due.first;
    return 0;
}
