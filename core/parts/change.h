/* change.h: how a locked object's change becomes true, and how everyone hears of it. Floor 2.
 *
 *   63 ......... 8   7      6        5      4        3      2     1         0
 *   count            SLEPT  HASBELL  GUARD  REMOVED  CBELL  BELL  SLEEPERS  MANY
 *
 * The word of an object whose state is changed under a lock (short_lock.h). The holder prepares the new state beside the
 * present one and then adds one to the count, whose lowest bit says which of the two is current: that one store, or one
 * FUTEX_WAKE_OP when somebody sleeps, is the change, and drops the bits of those whom it tells. Only the holder
 * changes the count and drops bits of waiters, so adding and subtracting is exact; others only put bits in.
 *   MANY      more than one may sleep: a wake of one leaves SLEEPERS on.  May be on spuriously; must not be missing.
 *   SLEEPERS  somebody may sleep in the futex.                            May be on spuriously; must not be missing.
 *   BELL      somebody may listen for data.                               May be on spuriously; must not be missing.
 *   CBELL     somebody may listen for room, or for the end of all work.   May be on spuriously; must not be missing.
 *   GUARD     sleepers sleep a second at most, then look who died. Put in and dropped under the lock only; dropped
 *             by who has slept a second and found nothing that a death could leave behind.
 * A wake of one is lost when the one who was woken dies before it took what it was woken for. GUARD is for that, and for
 * items that died with their receivers: the first to put something while all sleep without it wakes everyone,
 * and they sleep on by the second; when a second has passed without anything, GUARD goes, and sleep is long again.
 */
#ifndef TOC_CHANGE_H
#define TOC_CHANGE_H

#include "bell.h"
#include "word.h"

#define TOC_MANY  (1ull << 0)
#define TOC_GUARD (1ull << 5)
#define TOC_COUNT1 (1ull << 8)
#define TOC_ANY_SLEEPERS (TOC_SLEEPERS | TOC_MANY)

enum toc_wake {
    TOC_WAKE_NONE,
    TOC_WAKE_GUARD, /* everyone, with GUARD put in, unless it is on: from now on there is something that a death leaves behind */
    TOC_WAKE_ONE,   /* the same, but one when GUARD is on: something is ready */
    TOC_WAKE_ALL,
};

/* The count's low 24 bits: what a sleeper compares, and what tells the current copy. */
static inline uint32_t change_count(uint64_t w) { return (uint32_t)w / (uint32_t)TOC_COUNT1; }

/* Make the prepared change true and tell: those in the futex (`wake`), and those at the bell whose bits are in `rings`.
 * 0, or why it could not be, and then nothing has changed: -EIDRM, or the failed open of the bell. The caller holds the
 * lock. */
int toc_change_commit(struct toc_head *head, const struct toc_bell *bell, uint64_t rings, enum toc_wake wake);
/* May the commit be made without a system call? */
static inline bool toc_change_is_quiet(uint64_t w, uint64_t rings, enum toc_wake wake)
{
    bool silent = wake == TOC_WAKE_NONE || (wake == TOC_WAKE_GUARD && (w & TOC_GUARD)) || !(w & TOC_ANY_SLEEPERS);
    return silent && !(w & (rings | TOC_REMOVED));
}

#endif
