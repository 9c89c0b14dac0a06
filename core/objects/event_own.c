/* event_own.c: who promises to set an event, and what becomes of the promise when he dies. Floor 4; event.h has the rules. */
#include "event.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <string.h>

/* Only the last bits of who is gone: his id went with his handle. */
static uint64_t same_who(uint64_t claim) { return claim_owner(claim) == TOC_CLAIM_GONE ? ~0ull >> TOC_OWNER_BITS : ~0ull; }

/* -- judging */

static int lives(struct toc_event *e, uint64_t claim)
{
    struct toc_owner *me;
    if (claim_owner(claim) == TOC_CLAIM_GONE)
        return 0;
    int rc = toc_handle_owner(&e->h, (uint64_t)sys_now_coarse(), &me);
    return rc < 0 ? rc : toc_owner_lives(me, claim_owner(claim));
}

int toc_event_judge(struct toc_event *e, uint64_t w)
{
    struct toc_head *head = e->h.o.head;
    if (!(w & TOC_OWNED) || (w & TOC_SET))
        return 0;
    uint64_t claim = atom_load_acq(&head->claim);
    if (!claim_fits(claim, w)) /* of the past; or of a later word, and then the bell has rung since */
        return 0;
    int rc = lives(e, claim);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    TOC_STEP("event.judge.before_reread");
    uint64_t now = atom_load_acq(&head->word);
    return claim_fits(claim, now) && atom_load_acq(&head->claim) == claim;
}

int toc_event_end_claim(struct toc_event *e, uint64_t w)
{
    uint64_t claim = atom_load_acq(&e->h.o.head->claim);
    int rc = toc_event_judge(e, w);
    if (rc > 0)
        atom_cas_acqrel(&e->h.o.head->claim, &claim, 0); /* fails: somebody else has ended it, or made it his */
    return rc < 0 ? rc : 0;
}

int toc_event_owner(toc_event *e, toc_owner_info *out)
{
    struct toc_head *head = e->h.o.head;
    struct toc_who who;
    *out = (toc_owner_info){0};
    if (atom32_load_acq(&e->h.o.closed))
        return -ESHUTDOWN;
    uint64_t claim = atom_load_acq(&head->claim), w = atom_load_acq(&head->word);
    if (!(w & TOC_OWNED) || !claim_fits(claim, w))
        return 0;
    out->alive = lives(e, claim) != 0; /* a doubt is alive */
    if (toc_who_read(head, claim, same_who(claim), &who)) {
        out->pid = who.pid;
        memcpy(out->command, who.command, who.length);
    }
    return 1;
}

/* -- the ring in the hand */

static void take_in_hand(struct toc_event *e, uint64_t claim, struct toc_held *ring)
{
    struct sys_mask saved;
    sys_enter(&saved);
    if (atom_load_acq(&e->h.o.head->claim) == claim) { /* else it is over, and another thread may hold the next in this hand */
        toc_held_close_entered(&e->hand);
        toc_held_move_entered(&e->hand, ring);
        atom_store_relax(&e->claimed, claim);
    }
    toc_held_close_entered(ring);
    sys_leave(&saved);
}

void toc_event_open_hand(struct toc_event *e, uint64_t claimed)
{
    struct sys_mask saved;
    sys_enter(&saved);
    if (e->claimed == claimed) { /* else another thread has claimed it anew */
        atom_store_relax(&e->claimed, 0);
        toc_held_close_entered(&e->hand);
    }
    sys_leave(&saved);
}

/* What is in the hand (or this claim, if it is) becomes nobody's, or the claim of the dead. A forked child's hand is empty. */
static void give_up(struct toc_event *e, uint64_t only, bool gone)
{
    struct sys_mask saved;
    sys_enter(&saved); /* of two threads, one: another handle of this process may have the event next, by the same claim */
    if (e->claimed && e->hand.fd >= 0 && (only == 0 || only == e->claimed)) {
        uint64_t claim = e->claimed, then = gone ? claim_gone(claim) : 0;
        atom_cas_acqrel(&e->h.o.head->claim, &claim, then); /* before the ring, or it would ring for nothing */
        TOC_STEP("event.disown.before_ring");
        atom_store_relax(&e->claimed, 0);
        toc_held_close_entered(&e->hand);
    }
    sys_leave(&saved);
}

/* -- own, disown */

/* One try. 0: the claim is ours, for the generation of `*w`. */
static int claim_it(struct toc_event *e, const struct toc_owner *me, uint64_t *w)
{
    struct toc_head *head = e->h.o.head;
    for (;;) {
        uint64_t claim = atom_load_acq(&head->claim); /* before the word (claim_fits) */
        *w = atom_load_acq(&head->word);
        int rc = toc_handle_verdict(&e->h, *w);
        if (rc < 0 && rc != -ECANCELED)
            return rc;
        if (*w & TOC_SET)
            return -EALREADY;
        if (claim_fits(claim, *w) && claim_owner(claim) != TOC_CLAIM_GONE && toc_owner_lives(me, claim_owner(claim)))
            return -EBUSY;
        TOC_STEP("event.own.before_claim");
        if (atom_cas_acqrel(&head->claim, &claim, claim_of(me->id, *w)))
            return 0;
    }
}

static int own(struct toc_event *e, const char *command)
{
    struct toc_head *head = e->h.o.head;
    struct toc_owner *me;
    int rc = toc_handle_owner(&e->h, (uint64_t)sys_now_coarse(), &me);
    while (rc == 0) {
        struct toc_held ring = TOC_HELD_NONE;
        uint64_t w = 0;
        rc = toc_bell_open(&e->h.o.bell, &ring); /* before the claim: from its first instant our death rings */
        if (rc == 0)
            rc = claim_it(e, me, &w);
        if (rc < 0) {
            if (rc == -EIDRM && ring.fd >= 0)
                toc_bell_forget(&e->h.o.bell);
            toc_held_close(&ring);
            return rc;
        }
        uint64_t claim = claim_of(me->id, w);
        take_in_hand(e, claim, &ring);
        TOC_STEP("event.own.before_who");
        toc_who_write(head, claim, command);
        TOC_STEP("event.own.before_owned");
        rc = sys_futex_or_wake(&head->word, TOC_OWNED); /* who sleeps in the futex goes over to the bell */
        w = atom_load_acq(&head->word);
        if (rc >= 0 && claim_fits(claim, w))
            rc = toc_handle_verdict(&e->h, w);
        else if (rc >= 0)
            rc = w & TOC_SET ? -EALREADY : 1; /* 1: it was set and cleared meanwhile, so the claim is of the past */
        if (rc == 0 || rc == -ECANCELED)
            return 0;
        give_up(e, claim, false);
        if (rc == 1)
            rc = 0;
    }
    return rc;
}

int toc_event_own(toc_event *e, const char *command)
{
    int rc = toc_object_ready(&e->h.o);
    if (rc < 0)
        return rc;
    toc_object_enter(&e->h.o); /* so that close waits for us, and finds what we have in hand */
    rc = toc_handle_verdict(&e->h, 0);
    if (rc == 0 || rc == -ECANCELED)
        rc = own(e, command);
    toc_object_leave(&e->h.o);
    return rc;
}

int toc_event_disown(toc_event *e)
{
    if (atom32_load_acq(&e->h.o.closed))
        return -ESHUTDOWN;
    give_up(e, 0, false);
    return 0;
}

void toc_event_let_go(struct toc_handle *h) { give_up((struct toc_event *)h, 0, true); } /* its first member */
