/* word.h: a latch in eight bytes. Floor 1.
 *
 *   63 ............ 8   7      6        5      4        3      2     1         0
 *   count of clears     SLEPT  HASBELL  OWNED  REMOVED  CBELL  BELL  SLEEPERS  SET
 *
 * Each bit has a rule in both directions:
 *   SET       the state. Whoever puts it in tells everyone in the same instant, or the kernel does.
 *   SLEEPERS  somebody may sleep in the futex for SET.     May be on spuriously; must not be missing.
 *   BELL      somebody may listen to the bell for SET.     May be on spuriously; must not be missing.
 *   CBELL     somebody may listen to the bell for a clear. May be on spuriously; must not be missing.
 *   REMOVED   the object is gone for good. Never dropped while the file has users.
 *   OWNED     look at the claim in the head; says something only while SET is off, and then nobody sleeps in the futex.
 *             May be on spuriously; must not be missing while a claim counts. Goes only with a change of SET (event_own.h).
 *   HASBELL   a bell was made. Never dropped; may be on without a bell (it is then made anew).
 *   SLEPT     goes in with the first SLEEPERS and stays: some setter may be on its way to an unconditional
 *             FUTEX_WAKE_OP. Without it there can be none, and a young bell needs no second look (bell.h).
 *   clears    how often SET went off. generation = clears + SET counts the sets, and only grows, so that a
 *             pulse (set, clear) is seen by everyone who waited, however late the scheduler runs them.
 *
 * The futex is the low half: a sleeper's value is wrong by accident only after exactly 2^24 clears between
 * its last look and its sleep, and then until the next set or its next look, a minute at most.
 */
#ifndef TOC_WORD_H
#define TOC_WORD_H

#include <stdbool.h>
#include <stdint.h>

#define TOC_SET      (1ull << 0)
#define TOC_SLEEPERS (1ull << 1)
#define TOC_BELL     (1ull << 2)
#define TOC_CBELL    (1ull << 3)
#define TOC_REMOVED  (1ull << 4)
#define TOC_OWNED    (1ull << 5)
#define TOC_HASBELL  (1ull << 6)
#define TOC_SLEPT    (1ull << 7)
#define TOC_CLEAR1   (1ull << 8) /* one clear */

static inline uint64_t word_clears(uint64_t w) { return w / TOC_CLEAR1; }
static inline uint64_t word_generation(uint64_t w) { return w / TOC_CLEAR1 + (w & TOC_SET); }
static inline bool word_set_after(uint64_t w, uint64_t since) { return word_generation(w) > since; }
static inline bool word_clear_after(uint64_t w, uint64_t since) { return !(w & TOC_SET) || word_clears(w) != since; }

#endif
