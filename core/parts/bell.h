/* bell.h: one FIFO per object, an edge-triggered epoll per listener. Floor 2.
 *
 * Discipline. A ringer opens the FIFO for reading BEFORE it changes the word, changes it, and closes the FIFO:
 * the close is the ring. Linux wakes whoever polls a pipe's readers when one of them closes and there is no
 * writer (pipe_release in fs/pipe.c: readers, but no writers). So a ringer that is killed anywhere in between has
 * rung like a living one, by the kernel's close, and one that is stopped hides nobody else's ring. Nobody reads
 * or writes the FIFO: each listener consumes only the edge in an epoll of its own, and what the dead leave
 * behind is nothing. (Opening for writing, writing a byte and closing works as well, but it is three edges, the
 * first of them before the change: each set woke a loop three times, and the setter lost its processor to it.)
 *
 * A listener: toc_ear_open; then, as often as it looks: consume its edge, put its bit into the word by ONE
 * atomic operation and judge by the word which that operation returned. Judging by a later load loses a
 * wake-up: a setter may drop a BELL that it had rung for, a clearer may follow, and the load says "clear"
 * while BELL is off (verify/: the mutant LOOK_AFTER_RMW).
 *
 * The one byte that lies in the FIFO for good makes it readable, which turns a wake into an edge; its writer has
 * the FIFO open for writing for that instant, and then its own close is the ring of those whom it covered.
 * `tocsin doctor` tries an edge per close, by the living and the dead, on the machine at hand.
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

/* -- ringing: open, change the word, toc_held_close */
int toc_bell_open(const struct toc_bell *b, struct toc_held *ring); /* made anew if a cleaner took it */
/* The object is being removed, and its remover may have tidied up before we made the bell: take it away. */
void toc_bell_forget(const struct toc_bell *b);

/* -- listening */
struct toc_ear {
    struct toc_held fifo;
    struct toc_held epoll; /* of its own, or none: then the caller adds `fifo` to one */
    struct toc_ear *old;   /* the one that this replaced in its handle; freed with it, as threads may look at it */
};

#define TOC_EAR_NONE {TOC_HELD_NONE, TOC_HELD_NONE, 0}

int toc_ear_open(struct toc_ear *ear, const struct toc_bell *b, bool with_epoll); /* -EIDRM: no bell for the removed */
void toc_ear_close(struct toc_ear *ear);
static inline bool toc_ear_is_open(const struct toc_ear *ear) { return ear && ear->fifo.fd >= 0; }
/* Waits for an edge and consumes it: 1, 0 at the deadline, -EINTR. Deadline 0: look once. */
int toc_ear_edge(const struct toc_ear *ear, int64_t deadline);
/* The edge once more, for every thread that polls the epoll. */
void toc_ear_again(const struct toc_ear *ear);
/* Was its FIFO deleted (by a cleaner)? Then ringers use another one by now. */
bool toc_ear_is_deaf(const struct toc_ear *ear, const struct toc_bell *b);
/* Listen to the present FIFO, in the same epoll, which somebody may have in a loop. One caller at a time. */
int toc_ear_mend(struct toc_ear *ear, const struct toc_bell *b);

#endif
