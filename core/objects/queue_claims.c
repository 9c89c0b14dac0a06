/* queue_claims.c: one pass over all claims. What a process that was killed has left half done (a claim without its count, a
 * count without its claim) is put right by counting, never by adding and subtracting: so it can be repeated, and killed. */
#include "queue.h"

#include <errno.h>

bool queue_is_one_of(const struct queue_dead *d, uint64_t id)
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

/* Past what makes no sense, to the next segment: what is lost there was lost when it was damaged. */
static bool skip_segment(struct toc_queue *q, uint64_t *at)
{
    const struct toc_segment *s = toc_log_segment(&q->log, q->s.half, *at);
    uint64_t before = *at;
    if (s)
        *at = toc_segment_end(s);
    return *at > before;
}

int queue_survey(struct toc_queue *q, const struct queue_dead *dead, struct queue_found *found)
{
    struct toc_queue_state was = q->s, *s = &q->s;
    struct pass p = {{UINT64_MAX, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}, queue_now_ms(), UINT64_MAX, false};
    uint64_t at = s->low;
    int rc = 0;
    *found = (struct queue_found){.best = NULL};
    s->held = s->back = s->back_bytes = s->delayed = 0;
    while (at < s->head) {
        struct toc_record *r = toc_log_at(&q->log, s->half, &at, s->head, TOC_NEAR_LOW, &rc);
        if (!r && rc == -EUCLEAN && skip_segment(q, &at))
            continue;
        if (!r)
            break;
        uint64_t claim = atom_load_relax(&r->claim);
        if (claim_what(claim) == TOC_LEASED && queue_is_one_of(dead, claim_whose(claim))) {
            claim = claim_of(TOC_READY, claim_attempt(claim), queue_back_at(s));
            atom_store_rel(&r->claim, claim);
        }
        if (claim_what(claim) == TOC_LEASED)
            s->held++;
        else if (claim_what(claim) != TOC_DONE)
            count_back(s, &p, r, at, found);
        at += toc_record_size(r->length);
    }
    if (rc < 0 && rc != -EUCLEAN) { /* too few descriptors, say: what was not seen must not count as gone */
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
