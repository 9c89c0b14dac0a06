/* short_lock.h: a short lock between processes that survives its holder. Floor 3.
 *
 *   63 ......... 2   1   0
 *   owner id         0   CONTENDED
 *
 * Zero: free. CONTENDED may be on spuriously; must not be missing while somebody sleeps. Who has slept 20 ms asks
 * whether the owner lives (owner.h), and takes over by CAS on the exact word if not: ids are never used again, so the
 * word cannot mean a living one by then. What the lock protects needs no repair, because each change of it becomes true
 * by one store (change.h): a take-over finds the state before or after, never between.
 *
 * It is a lock between threads as well: the word is taken from zero only, whoever asks. Inside: nothing that waits,
 * no call back into a binding. A holder that is stopped (SIGSTOP) lives and is never robbed: others wait up to their
 * deadlines.
 */
#ifndef TOC_SHORT_LOCK_H
#define TOC_SHORT_LOCK_H

#include "owner.h"

#define TOC_CONTENDED 1ull
#define TOC_SHORT_PATIENCE_NS 20000000ll
/* How long a call that waits for nothing else waits for the lock. A holder that was preempted on a crowded machine gives it
 * back in time (1.0 s, the longest seen with 24 busy threads on two processors); only one that is stopped uses it up. */
#define TOC_SHORT_LEAST_NS 5000000000ll

/* 0; -ETIMEDOUT; -EINTR (call again). Deadline as everywhere; 0 still tries, once. */
int toc_short_take(uint64_t *lock, const struct toc_owner *me, int64_t deadline);
/* For a call whose deadline is for something else, or that looks once: it still needs the lock. */
int toc_short_enter(uint64_t *lock, const struct toc_owner *me, int64_t deadline);
/* Without sleeping: for callers that hold something themselves, like an interpreter's lock. */
bool toc_short_try(uint64_t *lock, const struct toc_owner *me);
void toc_short_give(uint64_t *lock);
static inline uint64_t toc_short_holder(uint64_t word) { return word >> 2; } /* an owner id; 0: free */

#endif
