#include "change.h"

#include "../sys/atom.h"
#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

#define EVERYONE 0x7fffffff

/* FUTEX_WAKE_OP adds to the low half without a carry into the high one, so the plain way does the same. */
static uint64_t add(uint64_t w, int64_t delta)
{
    return (w & ~0xffffffffull) | (uint32_t)((uint32_t)w + (uint32_t)delta);
}

static int64_t step(uint64_t w, uint64_t rings, enum toc_wake wake, int *count)
{
    int64_t delta = (int64_t)TOC_COUNT1 - (int64_t)(w & rings);
    *count = 0;
    if (wake == TOC_WAKE_NONE || !(w & TOC_ANY_SLEEPERS) || (wake == TOC_WAKE_GUARD && (w & TOC_GUARD)))
        return delta;
    if (wake == TOC_WAKE_ONE && (w & TOC_GUARD)) {
        *count = 1;
        return w & TOC_MANY ? delta : delta - (int64_t)TOC_SLEEPERS;
    }
    *count = EVERYONE;
    return delta - (int64_t)(w & TOC_ANY_SLEEPERS) + (wake == TOC_WAKE_ALL ? 0 : (int64_t)TOC_GUARD);
}

int toc_change_commit(struct toc_head *head, const struct toc_bell *bell, uint64_t rings, enum toc_wake wake)
{
    uint64_t *word = &head->word, w = atom_load_acq(word), after;
    struct toc_held ring = TOC_HELD_NONE;
    int count, woken = 0;
    for (;;) {
        if (w & TOC_REMOVED) {
            if (ring.fd >= 0)
                toc_bell_forget(bell);
            toc_held_close(&ring);
            return -EIDRM;
        }
        int64_t delta = step(w, rings, wake, &count);
        /* The addition below is unconditional: a listener who arms between our look and it must find the bell open. Those
         * who wait for room don't look at a young bell twice, so for the rare changes that end their waits it is made. */
        bool may_come = count && rings && ((w & TOC_HASBELL) || (wake == TOC_WAKE_ALL && (rings & TOC_CBELL)));
        if (((w & rings) || may_come) && ring.fd < 0) {
            int rc = toc_bell_open(bell, &ring);
            if (rc < 0)
                return rc;
        }
        TOC_STEP("change.before_commit");
        if (count) {
            woken = sys_futex_add_wake(word, (int32_t)delta, count); /* releases; pairs with the look of whoever wakes */
            if (woken < 0) {
                toc_held_close(&ring);
                return woken;
            }
            after = add(w, delta);
            break;
        }
        after = add(w, delta);
        if (atom_cas_acqrel(word, &w, after)) /* releases, as above */
            break;
    }
    TOC_STEP("change.before_ring");
    w = atom_load_acq(word);
    if ((w & rings & ~after) && ring.fd < 0) /* armed in between, at a bell that is young: its listener looks again (bell.h) */
        toc_bell_open(bell, &ring);
    toc_held_close(&ring); /* this is the ring */
    /* Nobody was asleep. The bits may go if nobody came meanwhile; nobody falls asleep while something is ready, and who
     * takes it moves the count. */
    if (count == 1 && woken == 0 && change_count(w) == change_count(after))
        atom_cas_acqrel(word, &w, w & ~TOC_ANY_SLEEPERS);
    return 0;
}
