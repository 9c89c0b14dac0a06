/* bell.h: one FIFO per object, an edge-triggered epoll per listener. Floor 2.
 *
 * Discipline. A ringer opens the FIFO for reading and writing BEFORE it changes the word, changes it,
 * rereads it, writes one byte if somebody listens, closes. Killed anywhere in between, the kernel's close of
 * the last writer is an edge in every epoll: the dead have rung. So nobody ever keeps a bell open for
 * writing. Nobody reads the FIFO either (a ringer that finds it full makes room): each listener consumes
 * only the edge in an epoll of its own, and what a dead listener leaves behind is nothing.
 *
 * A listener: toc_ear_open; then, as often as it looks: consume its edge, put its bit into the word by ONE
 * atomic operation and judge by the word which that operation returned. Judging by a later load loses a
 * wake-up: a setter may drop a BELL that it had rung for, a clearer may follow, and the load says "clear"
 * while BELL is off (verify/: the mutant LOOK_AFTER_RMW).
 *
 * Depends on: Linux wakes an edge-triggered epoll at every write to a FIFO, also one that has data, and at
 * the last writer's close (5.5 to 5.13 without the stable fix lacked the first; `tocsin doctor` tries both).
 */
#ifndef TOC_BELL_H
#define TOC_BELL_H

#include "format.h"
#include "held.h"

#include <stdbool.h>
#include <stdint.h>

struct toc_bell {
    const char *path; /* of the FIFO; an anonymous object's is /proc/self/fd/N of its pipe */
    bool anonymous;
    struct toc_head *head;
};

/* For its first 100 ms there may be setters alive that read SLEEPERS when there was no bell, and would not ring
 * if they died after their FUTEX_WAKE_OP. So who listens for SET asks here after toc_ear_open and before it
 * arms, and looks once more when the answer has passed. SLEEPERS itself is no guide (another setter may have
 * dropped it meanwhile); SLEPT is. The age counts from HASBELL, so HASBELL goes in before the stamp, and the
 * clock is read before the arming (verify/: NO_SECOND_LOOK and its neighbours).
 * What remains: a setter that was kept from running for 100 ms between those two, and was then killed before it
 * ran ten instructions more. Its listener finds out at its next look. */
#define TOC_BELL_YOUNG_NS 100000000ll
int64_t toc_bell_young(struct toc_head *head); /* ns that are left; 0: it is old, or nobody ever slept */

/* -- ringing: open, change the word, ring if a listener's bit is on, toc_held_close */
int toc_bell_open(const struct toc_bell *b, struct toc_held *ring); /* made anew if a cleaner took it */
void toc_bell_ring(const struct toc_held *ring);

/* -- listening */
struct toc_ear {
    struct toc_held fifo;
    struct toc_held epoll; /* of its own, or none: then the caller adds `fifo` to one */
};

#define TOC_EAR_NONE {TOC_HELD_NONE, TOC_HELD_NONE}

int toc_ear_open(struct toc_ear *ear, const struct toc_bell *b, bool with_epoll);
void toc_ear_close(struct toc_ear *ear);
static inline bool toc_ear_is_open(const struct toc_ear *ear) { return ear && ear->fifo.fd >= 0; }
/* Waits for an edge and consumes it: 1, 0 at the deadline, -EINTR. Deadline 0: look once. */
int toc_ear_edge(const struct toc_ear *ear, int64_t deadline);
/* The edge once more, for every thread that polls the epoll. */
void toc_ear_again(const struct toc_ear *ear);
/* Was its FIFO deleted (by a cleaner)? Then ringers use another one by now. */
bool toc_ear_is_deaf(const struct toc_ear *ear, const struct toc_bell *b);

#endif
