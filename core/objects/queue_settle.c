/* queue_settle.c: the end of a claim: ack, nack, task_done, and what becomes of the claims of the dead. */
#include "queue.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

#define LOOK_NS 900000000ull /* "once a second" of several sleepers, whose timers differ a little */
#define WHOSE (1ull << 46)

/* The record that `taken` speaks of, if it is still ours. */
static struct toc_record *find_ours(struct toc_queue *q, const toc_taken *taken, int *rc)
{
    uint64_t at = taken->position;
    struct toc_holder *mine;
    if ((*rc = toc_queue_my_holder(q, &mine)) < 0) /* found where it was: who has a claim has an entry */
        return NULL;
    *rc = -ESTALE;
    if (at < q->s.low || at >= q->s.head)
        return NULL;
    int found = 0;
    struct toc_record *r = toc_log_at(&q->log, q->s.half, &at, q->s.head, TOC_NEAR_LOW, &found);
    if (!r || at != taken->position || r->sequence != taken->sequence
        || atom_load_relax(&r->claim) != claim_of(TOC_LEASED, taken->attempt, toc_me(&q->h)->id))
        return NULL;
    *rc = 0;
    return r;
}

/* From LEASED to `claim`; the commit's failure undoes it. */
static int settle(struct toc_queue *q, struct toc_record *r, uint64_t claim, const struct toc_queue_state *before, uint64_t rings,
                  enum toc_wake wake)
{
    struct toc_holder *mine = toc_queue_holder(q, q->holder);
    uint64_t was = r->claim;
    atom_store_rel(&r->claim, claim);
    TOC_STEP("queue.settle.before_commit");
    toc_queue_recycle(q);
    int rc = toc_queue_commit(q, rings | toc_queue_cbell(q, before), wake);
    if (rc < 0)
        atom_store_rel(&r->claim, was);
    else if (mine->id == toc_me(&q->h)->id && mine->leased) /* after the end of the claim */
        atom_store_rel(&mine->leased, mine->leased - 1);
    return rc;
}

int toc_queue_ack(toc_queue *q, const toc_taken *taken)
{
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc < 0)
        return rc;
    struct toc_queue_state before = q->s;
    struct toc_record *r = find_ours(q, taken, &rc);
    if (r) {
        q->s.held -= q->s.held > 0;
        rc = settle(q, r, claim_of(TOC_DONE, 0, 0), &before, 0, TOC_WAKE_NONE);
    }
    toc_queue_leave(q);
    return rc;
}

int toc_queue_nack(toc_queue *q, const toc_taken *taken, int64_t delay_ns)
{
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc < 0)
        return rc;
    struct toc_queue_state before = q->s, *s = &q->s;
    struct toc_record *r = find_ours(q, taken, &rc);
    if (r) {
        uint64_t due = ((uint64_t)sys_now() + (uint64_t)delay_ns + 999999) / 1000000, claim; /* never early */
        if (delay_ns > 0) {
            claim = claim_of(TOC_DELAYED, taken->attempt, due % WHOSE);
            s->due_ms = s->delayed == 0 || due < s->due_ms ? due : s->due_ms;
            s->delayed++;
        } else {
            claim = claim_of(TOC_READY, taken->attempt, queue_back_at(s));
            s->back_after = s->back == s->delayed || queue_back_at(s) < s->back_after ? queue_back_at(s) : s->back_after;
        }
        s->held -= s->held > 0;
        s->back++;
        s->back_bytes += r->length;
        /* Of something delayed, all sleepers hear: each reckons until when it sleeps. */
        rc = settle(q, r, claim, &before, TOC_BELL, delay_ns > 0 ? TOC_WAKE_ALL : TOC_WAKE_ONE);
    }
    toc_queue_leave(q);
    return rc;
}

int toc_queue_task_done(toc_queue *q)
{
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc < 0)
        return rc;
    struct toc_holder *h;
    rc = toc_queue_my_holder(q, &h);
    /* One process may get and another finish, as with multiprocessing's JoinableQueue. */
    for (uint32_t i = 0; rc == 0 && h->taken == 0 && i < queue_holders(&q->s); i++)
        h = toc_queue_holder(q, i)->id ? toc_queue_holder(q, i) : h;
    if (rc == 0 && h->taken == 0)
        rc = -ERANGE;
    if (rc == 0) {
        struct toc_queue_state before = q->s;
        atom_store_rel(&h->taken, h->taken - 1);
        rc = toc_queue_commit(q, toc_queue_cbell(q, &before), TOC_WAKE_NONE);
        if (rc < 0)
            atom_store_rel(&h->taken, h->taken + 1);
    }
    toc_queue_leave(q);
    return rc;
}

/* -- the dead */

static void find_dead(const struct toc_queue *q, const struct toc_queue_state *s, struct queue_dead *d)
{
    d->count = 0;
    for (uint32_t i = 0; i < queue_holders(s) && d->count < sizeof d->id / sizeof d->id[0]; i++) {
        const struct toc_holder *h = toc_queue_holder(q, i);
        uint64_t id = atom_load_acq(&h->id);
        bool holds = atom_load_relax(&h->leased) || atom_load_relax(&h->taken);
        if (id && holds && !toc_owner_lives(toc_me(&q->h), id))
            d->id[d->count++] = id;
    }
}

static int put_back(struct toc_queue *q, const struct queue_dead *d)
{
    struct queue_found found;
    int rc = toc_queue_survey(q, d, &found);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < queue_holders(&q->s); i++) /* of the dead it counts for nothing, commit or no commit */
        if (toc_queue_is_one_of(d, toc_queue_holder(q, i)->id))
            atom_store_rel(&toc_queue_holder(q, i)->taken, 0);
    TOC_STEP("queue.bury.before_commit");
    toc_queue_recycle(q);
    rc = toc_queue_commit(q, TOC_BELL | TOC_CBELL, TOC_WAKE_ALL);
    TOC_STEP("queue.bury.before_forgetting");
    for (uint32_t i = 0; rc == 0 && i < queue_holders(&q->s); i++) {
        struct toc_holder *h = toc_queue_holder(q, i);
        if (toc_queue_is_one_of(d, h->id)) { /* only now: whoever is killed before it leaves the dead to the next who looks */
            atom_store_rel(&h->leased, 0);
            atom_store_rel(&h->id, 0);
        }
    }
    return rc;
}

int toc_queue_bury_here(struct toc_queue *q)
{
    struct queue_dead d;
    int rc = 0;
    do {
        find_dead(q, &q->s, &d);
        if (d.count)
            rc = put_back(q, &d);
    } while (rc == 0 && d.count == sizeof d.id / sizeof d.id[0]); /* a whole container may have died at once */
    return rc;
}

int64_t toc_queue_next_look(const struct toc_queue *q)
{
    /* Counted from the last look, whoever's: who slept a second of his own after another's look would be late. */
    uint64_t now = (uint64_t)sys_now(), last = atom_load_relax(&queue_file(q)->looked_ns);
    return (int64_t)((last <= now && now - last < TOC_GUARD_NS ? last : now) + TOC_GUARD_NS);
}

bool toc_queue_look_is_due(struct toc_queue *q)
{
    uint64_t now = atom_load_relax(&q->now);
    if (now - atom_load_relax(&q->buried) < LOOK_NS)
        return false;
    atom_store_relax(&q->buried, now);
    return true;
}

int toc_queue_bury(struct toc_queue *q)
{
    uint64_t *looked = &queue_file(q)->looked_ns, now = (uint64_t)sys_now(), last = atom_load_relax(looked);
    struct toc_queue_state s;
    struct queue_dead d;
    /* One of all who wait looks; a time in the future is another boot's. */
    if ((last <= now && now - last < LOOK_NS) || !atom_cas_acqrel(looked, &last, now))
        return 0;
    toc_queue_snapshot(q, &s);
    find_dead(q, &s, &d); /* without the lock: asking costs a system call each */
    if (d.count == 0)
        return 0;
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc == 0) {
        rc = toc_queue_bury_here(q);
        toc_queue_leave(q);
    }
    if (rc < 0)
        atom_store_relax(looked, 0); /* not done: the next may try at once */
    return rc;
}
