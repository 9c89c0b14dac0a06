/* lock.h: inside of a lock's handle. Floor 4; lock.c and lock_handle.c share it.
 *
 *   the head's claim:  63 ... 18   17 ... 2   1          0
 *                      owner id    turns      ABANDONED  HUNGRY
 *
 * An owner id (owner.h): held by that process. None: free; ABANDONED then says that its last holder closed his handle
 * while he held it. Turns: how often it was taken, for who looks twice and must know whether it was free all the time
 * (wait_all). Of the word only BELL, HASBELL and REMOVED are used.
 *
 *  - Who takes part keeps a ring in his hand: the bell, opened for reading before his first claim, kept until his handle
 *    closes. Who dies closes it, which is an edge to everyone who listens (bell.h), and by then the kernel has taken
 *    back the lock that said he lives. So a waiter that looks at each edge learns of every death, and nothing polls.
 *  - Who waits arms (BELL) and then looks at the claim. Who releases frees the claim and then takes BELL out by one atomic
 *    operation, always: the word is what orders the two. Either the waiter sees the free claim, or the releaser sees BELL and
 *    rings. Killed between the two, his own ring rings.
 *  - HUNGRY: somebody has waited for longer than TOC_LOCK_HUNGRY_NS. A release leaves it, and a claim that is free and HUNGRY is
 *    for those who are hungry themselves, and for who tries without waiting. So who locks again at once, in a loop, leaves
 *    the lock to others once a millisecond. May be on spuriously: the others wait until they are hungry. May be missing:
 *    who takes drops it, and those who still wait were rung, and put it in again.
 */
#ifndef TOC_LOCK_H
#define TOC_LOCK_H

#include "handle.h"

#include "../parts/who.h"
#include "../parts/word.h"

#define TOC_LOCK_SIZE 4096u
#define TOC_HUNGRY (1ull << 0)
#define TOC_ABANDONED (1ull << 1)
#define TOC_TURN (1ull << 2)
#define TOC_TURNS ((1ull << TOC_CLAIM_BITS) - TOC_TURN)
_Static_assert(TOC_CLAIM_BITS + TOC_OWNER_BITS == 64, "a claim: an owner, and bits of the lock's own");

struct toc_lock {
    struct toc_handle h;
    struct toc_held ring;  /* says at our death that we died; a forked child's is closed. Changed between sys_enter and sys_leave */
    uint64_t ring_of;      /* whose it is, as in `held` */
    uint64_t ring_looked_ns;
    uint64_t held;         /* the forks of the process whose handle holds the lock, plus 1; 0: this one doesn't */
    uint64_t claim;        /* as whom: an owner id, in its place. The holder's */
    uint64_t abandoned;    /* 1: its last holder died, or closed. The holder's */
    char command[TOC_COMMAND_MAX + 1]; /* what this process is called, for people */
};

static inline uint64_t toc_lock_user(void) { return toc_held_forks() + 1ull; }

/* 1: there is nobody, or he is dead; 0: a living one has it, or it is for others who are hungry. */
int toc_lock_is_free(struct toc_lock *l, bool hungry);
/* The ring in the hand, before any claim. 0 or -errno. */
int toc_lock_take_ring(struct toc_lock *l, uint64_t now_coarse);
void toc_lock_drop_ring(struct toc_lock *l);
/* The handle closes: what it holds is free, and abandoned. */
void toc_lock_let_go(struct toc_handle *h);

#endif
