/* lock.c: one at a time, between processes, threads and loops; given back by the holder's death, never by his slowness.
 * Floor 4; lock.h has the rules, verify/lock.pml is this file as a model. */
#include "lock.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

/* A short hold is over before a sleep would have begun. On one shared processor this is lost, once. */
#define SPINS 60

/* 0: who comes just now. */
static bool is_hungry(int64_t since) { return since && sys_now() - since >= TOC_LOCK_HUNGRY_NS; }

static int verdict(struct toc_lock *l) { return toc_handle_verdict(&l->h, atom_load_acq(&l->h.o.head->word)); }

/* What a release does: free the claim, then see who waits. `left`: ABANDONED, or nothing. */
static int give(struct toc_lock *l, uint64_t left)
{
    struct toc_head *head = l->h.o.head;
    struct toc_held ring = TOC_HELD_NONE;
    uint64_t claim = atom_load_acq(&head->claim), mine = claim_owner(l->claim);
    do
        if (claim_owner(claim) != mine)
            return -ENOLCK; /* this process looked dead (owner.h), and another has it now */
    while (!atom_cas_acqrel(&head->claim, &claim, (claim & (TOC_HUNGRY | TOC_TURNS)) | left)); /* releases; pairs with the swap in take */
    TOC_STEP("lock.release.before_bell");
    uint64_t word = atom_load_acq(&head->word);
    while (!atom_cas_acqrel(&head->word, &word, word & ~TOC_BELL)) /* also when it is off: this is what orders us with who arms */
        ;
    if (!(word & TOC_BELL) || (word & TOC_REMOVED)) /* whoever removed it has told them */
        return 0;
    TOC_STEP("lock.release.before_ring");
    if (toc_bell_open(&l->h.o.bell, &ring) == 0) {
        if (atom_load_acq(&head->word) & TOC_REMOVED)
            toc_bell_forget(&l->h.o.bell);
        toc_held_close(&ring); /* this is the ring */
    } else { /* no descriptor left, say: the one in our hand rings as well */
        toc_lock_drop_ring(l);
        toc_lock_take_ring(l, (uint64_t)sys_now_coarse());
    }
    return 0;
}

/* Another thread that closes the handle either finds `held`, or we see that it is closed. */
static bool keep(struct toc_lock *l)
{
    uint64_t me = toc_lock_user();
    atom_store_rel(&l->held, me);
    atom_fence(); /* pairs with the fence between `closed` and let_go, in toc_close */
    if (!atom32_load_acq(&l->h.o.closed) || !atom_cas_acqrel(&l->held, &me, 0))
        return true;
    give(l, 0);
    return false;
}

/* Once, without waiting. 1 it is ours; 0 it is not. `asks`: who waits and is hungry leaves word. */
static int take(struct toc_lock *l, bool hungry, bool asks)
{
    struct toc_head *head = l->h.o.head;
    struct toc_owner *me;
    uint64_t now = (uint64_t)sys_now_coarse();
    int rc = toc_object_ready_at(&l->h.o, now);
    if (rc < 0 || (rc = verdict(l)) < 0 || (rc = toc_handle_owner(&l->h, now, &me)) < 0 || (rc = toc_lock_take_ring(l, now)) < 0)
        return rc;
    uint64_t mine = me->id << TOC_CLAIM_BITS, claim = atom_load_acq(&head->claim);
    for (;;) {
        if (claim_owner(claim) && toc_owner_lives(me, claim_owner(claim))) {
            if (!hungry || !asks || (claim & TOC_HUNGRY))
                return 0;
            TOC_STEP("lock.acquire.before_hungry");
            if (atom_cas_acqrel(&head->claim, &claim, claim | TOC_HUNGRY))
                return 0;
        } else if (!claim_owner(claim) && (claim & TOC_HUNGRY) && !hungry) {
            return 0;
        } else {
            /* Free, or a dead one's: his id is never used again, so these very bits can't mean a living one by now. */
            TOC_STEP("lock.acquire.before_claim");
            uint64_t was = claim;
            if (atom_cas_acqrel(&head->claim, &claim, mine | ((claim + TOC_TURN) & TOC_TURNS))) { /* acquires; pairs with give */
                TOC_STEP("lock.acquire.before_who");
                l->claim = mine;
                atom_store_relax(&l->abandoned, claim_owner(was) || (was & TOC_ABANDONED));
                if (toc_who_last(head) != mine)
                    toc_who_write(head, mine, l->command);
                return keep(l) ? 1 : -ESHUTDOWN;
            }
        }
    }
}

struct wait {
    int64_t since;
    int result;
};

static bool taken(const struct toc_handle *h, uint64_t word, uint64_t wait)
{
    struct wait *w = (struct wait *)(uintptr_t)wait;
    (void)word;
    w->result = take((struct toc_lock *)(uintptr_t)h, is_hungry(w->since), true);
    return w->result != 0;
}

static int spin(struct toc_lock *l)
{
    for (int i = 0; i < SPINS; i++) {
        uint64_t claim = atom_load_relax(&l->h.o.head->claim);
        if (claim & TOC_HUNGRY)
            return 0;
        if (!claim_owner(claim))
            return take(l, false, false);
        atom_pause();
    }
    return 0;
}

/* By the bell and not in the futex: the dead don't wake futexes. */
static int sleep_for(struct toc_lock *l, int64_t since, int64_t deadline)
{
    struct wait w = {since, 0};
    for (;;) {
        /* Who is not hungry yet looks again when he is, once, as nobody would ring him for that. */
        int64_t full = since + TOC_LOCK_HUNGRY_NS;
        bool early = (deadline == TOC_FOREVER || full < deadline) && sys_now() < full;
        int rc = toc_handle_await(&l->h, TOC_BELL, taken, (uint64_t)(uintptr_t)&w, early ? full : deadline);
        if (w.result)
            return w.result;
        if (rc < 0 || !early)
            return rc;
    }
}

/* The descriptor of who has looked is readable while the lock can be taken, and not from an edge of the past. */
static int looked(struct toc_lock *l, int rc)
{
    if (rc == 1)
        toc_handle_looked(&l->h, 0);
    else if (rc == 0)
        toc_handle_settle(&l->h, 0);
    return rc;
}

int toc_lock_try(toc_lock *l) { return looked(l, take(l, true, false)); }

int toc_lock_acquire(toc_lock *l, int64_t since, int64_t deadline)
{
    int rc = take(l, is_hungry(since), true);
    if (rc == 0 && deadline != 0) {
        rc = spin(l);
        if (rc == 0)
            rc = sleep_for(l, since ? since : sys_now(), deadline);
    }
    return looked(l, rc);
}

int toc_lock_release(toc_lock *l)
{
    uint64_t me = toc_lock_user();
    if (atom32_load_acq(&l->h.o.closed))
        return -ESHUTDOWN;
    if (!atom_cas_acqrel(&l->held, &me, 0)) /* of two threads that release, one */
        return -EPERM;
    int rc = give(l, 0);
    if (atom_load_relax(&l->h.listening))
        toc_handle_look(&l->h);
    return rc;
}

int toc_lock_release_quick(toc_lock *l)
{
    if ((atom_load_relax(&l->h.o.head->word) & TOC_BELL) || atom_load_relax(&l->h.listening))
        return 0;
    int rc = toc_lock_release(l);
    return rc < 0 ? rc : 1;
}

void toc_lock_let_go(struct toc_handle *h)
{
    struct toc_lock *l = (struct toc_lock *)h; /* its first member */
    uint64_t me = toc_lock_user();
    if (atom_cas_acqrel(&l->held, &me, 0))
        give(l, TOC_ABANDONED);
    toc_lock_drop_ring(l);
}
