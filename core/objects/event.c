/* event.c: a latch that everyone in reach can set, clear and wait for. Floor 4; the protocol of word.h and
 * bell.h put together. docs/design/word.md tells why each line stands where it stands; verify/ checks it. */
#include "event.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>

/* Somebody waits: the change and the wake must be one, or the kernel's when we die in between. */
static int set_and_wake(struct toc_event *e, uint64_t w)
{
    uint64_t *word = &e->h.o.head->word;
    struct toc_held ring = TOC_HELD_NONE;
    for (;;) {
        if (w & TOC_REMOVED) {
            if (ring.fd >= 0)
                toc_bell_forget(&e->h.o.bell);
            toc_held_close(&ring);
            return -EIDRM;
        }
        if ((w & (TOC_HASBELL | TOC_BELL)) && ring.fd < 0) {
            int rc = toc_bell_open(&e->h.o.bell, &ring); /* before the change: if it fails, nothing has happened */
            if (rc < 0)
                return rc;
        }
        TOC_STEP("event.set.before_change");
        if (w & TOC_SLEEPERS) {
            int rc = sys_futex_or_wake(word, TOC_SET); /* releases; pairs with the acquire in toc_event_wait */
            if (rc < 0) {
                toc_held_close(&ring);
                return rc;
            }
            break;
        }
        if (atom_cas_acqrel(word, &w, (w | TOC_SET) & ~TOC_OWNED)) /* releases, as above */
            break;
    }
    TOC_STEP("event.set.before_ring");
    w = atom_load_acq(word);
    if ((w & TOC_REMOVED) && ring.fd >= 0)
        toc_bell_forget(&e->h.o.bell); /* its remover may have tidied up before we made it anew */
    if (w & TOC_BELL) {
        /* Not open yet: the bell was made between our two looks, so it is young, and its listener looks
         * once more (bell.h). That is why neither a kill nor a failed open matters here. */
        if (ring.fd < 0 && toc_bell_open(&e->h.o.bell, &ring) < 0)
            return 0;
    }
    TOC_STEP("event.set.before_close");
    toc_held_close(&ring); /* this is the ring */
    /* Only while SET is on: without it, the listener whom we have just rung may have armed anew without changing
     * the word, and this CAS would drop its bit. One try: if the word moved, somebody else is telling, or somebody new is waiting. */
    if (w & TOC_SET)
        atom_cas_acqrel(word, &w, w & ~(TOC_SLEEPERS | TOC_BELL | TOC_OWNED));
    return 0;
}

static int set_alone(struct toc_event *e)
{
    int rc = toc_object_ready(&e->h.o);
    if (rc < 0)
        return rc;
    uint64_t *word = &e->h.o.head->word;
    uint64_t w = atom_load_acq(word);
    while (!(w & (TOC_SLEEPERS | TOC_BELL | TOC_REMOVED))) {
        if (w & TOC_SET) {
            /* Already set: still a release, so that whoever is released by this set sees what we wrote. */
            w = atom_or_acqrel(word, 0);
            if ((w & TOC_SET) && !(w & (TOC_SLEEPERS | TOC_BELL | TOC_REMOVED)))
                return 1;
        } else if (atom_cas_acqrel(word, &w, (w | TOC_SET) & ~TOC_OWNED)) {
            return 1;
        }
    }
    return 0;
}

int toc_event_set_quiet(toc_event *e) { return atom_load_relax(&e->claimed) ? 0 : set_alone(e); }

int toc_event_set(toc_event *e)
{
    uint64_t claimed = atom_load_relax(&e->claimed); /* before the set, which ends this claim and no later one */
    int rc = set_alone(e);
    if (rc == 0)
        rc = set_and_wake(e, atom_load_acq(&e->h.o.head->word));
    if (rc >= 0 && claimed)
        toc_event_open_hand(e, claimed);
    return rc < 0 ? rc : 0;
}

static uint64_t cleared(uint64_t w) { return (w + TOC_CLEAR1) & ~(TOC_SET | TOC_OWNED); }

int toc_event_clear_quiet(toc_event *e)
{
    int rc = toc_object_ready(&e->h.o);
    if (rc < 0)
        return rc;
    uint64_t *word = &e->h.o.head->word;
    uint64_t w = atom_load_acq(word);
    while (!(w & (TOC_CBELL | TOC_REMOVED)) && !atom_load_relax(&e->h.listening)) {
        if (!(w & TOC_SET))
            return !(w & TOC_OWNED); /* else its owner may be dead */
        if (atom_cas_acqrel(word, &w, cleared(w)))
            return 1;
    }
    return 0;
}

int toc_event_clear(toc_event *e)
{
    int rc = toc_event_clear_quiet(e);
    if (rc)
        return rc < 0 ? rc : 0;
    uint64_t *word = &e->h.o.head->word;
    uint64_t w = atom_load_acq(word), after;
    struct toc_held ring = TOC_HELD_NONE;
    do {
        rc = w & TOC_REMOVED ? -EIDRM : 0;
        if (rc == 0 && (w & TOC_SET) && (w & TOC_CBELL) && ring.fd < 0)
            rc = toc_bell_open(&e->h.o.bell, &ring);
        if (rc < 0 || !(w & TOC_SET)) {
            if (rc == -EIDRM && ring.fd >= 0)
                toc_bell_forget(&e->h.o.bell);
            toc_held_close(&ring);
            if (rc == 0)
                rc = toc_event_end_claim(e, w);
            if (rc == 0 && atom_load_relax(&e->h.listening))
                toc_handle_look(&e->h);
            return rc;
        }
        TOC_STEP("event.clear.before_change");
        after = cleared(w);
    } while (!atom_cas_acqrel(word, &w, after)); /* releases; pairs with the acquire in toc_event_wait_clear */
    if (after & TOC_CBELL) {
        TOC_STEP("event.clear.before_ring");
        toc_held_close(&ring);
        atom_cas_acqrel(word, &after, after & ~TOC_CBELL);
    } else if (ring.fd >= 0) {
        toc_held_close(&ring);
    }
    if (atom_load_relax(&e->h.listening))
        toc_handle_look(&e->h); /* our own descriptor must not stay readable */
    return 0;
}

static bool spun(struct toc_event *e, uint64_t since, int64_t deadline)
{
    int64_t now = sys_now(), until = now + e->spin_ns;
    if (deadline != TOC_FOREVER && deadline < until)
        until = deadline;
    do
        for (int i = 0; i < 64; i++) {
            if (word_set_after(atom_load_acq(&e->h.o.head->word), since))
                return true;
            atom_pause();
        }
    while (sys_now() < until);
    return false;
}

/* For who can't sleep in the futex, because somebody owns it: set, or judged, or owned no more. */
static bool set_or_judged(const struct toc_handle *h, uint64_t w, uint64_t since)
{
    return word_set_after(w, since) || (w & TOC_SET) || !(w & TOC_OWNED) || h->kind->ready(h, w);
}

int toc_event_wait(toc_event *e, uint64_t since, int64_t deadline)
{
    uint64_t *word = &e->h.o.head->word;
    bool spin = e->spin_ns > 0;
    int rc = toc_object_ready(&e->h.o);
    if (rc < 0)
        return rc;
    for (uint64_t w = atom_load_acq(word);; w = atom_load_acq(word)) {
        rc = toc_handle_verdict(&e->h, w);
        if (rc < 0 || word_set_after(w, since))
            return rc < 0 ? rc : 1;
        if ((rc = toc_event_judge(e, w)) != 0)
            return rc < 0 ? rc : -EOWNERDEAD;
        if (deadline == 0)
            break;
        if (spin) {
            spin = false;
            if (spun(e, since, deadline))
                return 1;
            continue;
        }
        int64_t now = sys_now();
        if (deadline != TOC_FOREVER && deadline <= now)
            break;
        if (now >= toc_handle_next_look(&e->h)) {
            toc_object_check_name(&e->h.o);
            continue;
        }
        if (w & TOC_SET) { /* set, but not after `since`: nobody sleeps in the futex while SET is on */
            rc = toc_event_wait_clear(e, word_clears(w), deadline);
            if (rc < 1)
                return rc;
            continue;
        }
        if (w & TOC_OWNED) { /* a death rings the bell; the futex it does not reach */
            rc = toc_handle_await(&e->h, TOC_BELL, set_or_judged, since, deadline);
            if (rc < 1)
                return rc < 0 ? rc : word_set_after(toc_handle_looked(&e->h, atom_load_acq(word)), since);
            continue;
        }
        if (!(w & TOC_SLEEPERS) && !atom_cas_acqrel(word, &w, w | TOC_SLEEPERS | TOC_SLEPT))
            continue;
        w |= TOC_SLEEPERS | TOC_SLEPT;
        TOC_STEP("event.wait.before_sleep");
        toc_object_enter(&e->h.o); /* before the last look at `closed`, or close would not know that it has to wake us */
        rc = toc_handle_verdict(&e->h, w);
        if (rc == 0)
            rc = sys_futex_wait(word, (uint32_t)w, e->h.o.mask, toc_handle_sleep_until(&e->h, deadline));
        toc_object_leave(&e->h.o);
        if (rc == -EINTR) {
            w = atom_load_acq(word);
            return word_set_after(w, since) ? 1 : -EINTR;
        }
    }
    /* The caller has looked, so a descriptor that is readable from a pulse of the past must not stay so. */
    return word_set_after(toc_handle_looked(&e->h, atom_load_acq(word)), since);
}

static bool cleared_after(const struct toc_handle *h, uint64_t word, uint64_t since)
{
    (void)h;
    return word_clear_after(word, since);
}

int toc_event_wait_clear(toc_event *e, uint64_t since, int64_t deadline)
{
    int rc = toc_object_ready(&e->h.o);
    if (rc < 0)
        return rc;
    uint64_t w = atom_load_acq(&e->h.o.head->word);
    if ((rc = toc_handle_verdict(&e->h, w)) < 0 || word_clear_after(w, since))
        return rc < 0 ? rc : 1;
    if (deadline != TOC_FOREVER && deadline <= sys_now())
        return 0;
    /* By the bell and not in the futex: a clearer that is killed between its change and its wake would leave
     * a futex sleeper asleep; the bell of the dead rings. */
    return toc_handle_await(&e->h, TOC_CBELL, cleared_after, since, deadline);
}
