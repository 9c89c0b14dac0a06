/* event.h: inside of an event handle. Floor 4; event.c, event_handle.c and event_own.c share it.
 *
 * Ownership. The head's claim is an owner's id (owner.h) and the low 18 bits of the generation for which it was made. It
 * COUNTS while the word is clear with OWNED, and its generation is the word's: so whoever sets ends it, and need not know.
 *
 *  - Who owns has a ring in his hand: the bell, opened for reading before the claim, kept open as long as it counts. His
 *    death closes it, which is an edge to everyone who listens (bell.h); by then the kernel has taken back the lock that
 *    said he lives. So a waiter that looks at each edge learns of every death, and nothing polls.
 *  - OWNED goes in by one FUTEX_WAKE_OP, which sends futex sleepers over to the bell. It goes only with a change of SET: by
 *    the swap that puts SET in, by the setter's exact swap while SET is on, by the clear of a set event. A looker who
 *    dropped one that he takes for stale might take a new owner's, as the word would be the same.
 *  - Who finds the owner dead reads word and claim once more before he says so: the owner may have set, or given up, and
 *    only then have died.
 */
#ifndef TOC_EVENT_H
#define TOC_EVENT_H

#include "handle.h"

#include "../parts/who.h"
#include "../parts/word.h"

_Static_assert(TOC_CLAIM_BITS + TOC_OWNER_BITS == 64, "a claim: an owner, and bits of the generation");

struct toc_event {
    struct toc_handle h;
    int64_t spin_ns;
    struct toc_held hand; /* the ring that says at our death that we died; a forked child's is closed */
    uint64_t claimed;     /* for which claim; 0: none. Both are changed between sys_enter and sys_leave */
};

static inline uint64_t claim_of(uint64_t id, uint64_t word)
{
    return id << TOC_CLAIM_BITS | (word_clears(word) & ~0ull >> TOC_OWNER_BITS);
}
/* Is it a claim of the present generation? To be read before the word: then it is stale for good if it is not. */
static inline bool claim_fits(uint64_t claim, uint64_t word)
{
    return claim_owner(claim) && !(word & TOC_SET) && claim == claim_of(claim_owner(claim), word);
}

static inline uint64_t claim_gone(uint64_t claim) { return TOC_CLAIM_GONE << TOC_CLAIM_BITS | (claim & ~0ull >> TOC_OWNER_BITS); }

/* Has it an owner that is dead, in the state `word`? 1; 0; -errno: that can't be found out. */
int toc_event_judge(struct toc_event *e, uint64_t word);
/* End the claim of the dead: what clear does to a clear event. */
int toc_event_end_claim(struct toc_event *e, uint64_t word);
/* Give back what is in the hand, if it still is for this claim. */
void toc_event_open_hand(struct toc_event *e, uint64_t claimed);
/* The handle closes: its owner is gone, though this process lives on. */
void toc_event_let_go(struct toc_handle *h);

#endif
