/* lock.pml: the user's lock, core/objects/lock.c: a claim {owner id, HUNGRY}, and BELL in the word. Its holder, and who waits,
 * may be killed anywhere; the kernel takes back the dead one's byte lock, and then closes the ring in his hand.
 *
 * Claims: never two inside, of the living. And nobody sleeps for ever: who is done stays there, alive and silent, so a state in
 * which nobody can take a step has nobody asleep (Spin calls another one an invalid end state). */
#ifndef USERS
#define USERS 3
#endif
#ifndef TRIES
#define TRIES 0                         /* so many of them only try */
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#define EARS USERS
#include "ground.pml"

#define HUNGRY 1
#define MINE ((me + 1) * 2)
#define OWNER(c) ((c) / 2)              /* 0: free */
#define BIT(n) (1 << (n))
#define LIVES(owner) (living & BIT((owner) - 1))

short claim;
bool bell;
byte inside;
byte living = BIT(USERS) - 1;           /* whose byte of the owners' file the kernel keeps locked */

#define ARM STEP { bell = true }
#define READ c = claim

proctype User(byte me; bool tries)
{
    short c;
    bool hit, hungry, waits, mine;
    byte round;

again:
    hungry = false; waits = false;
look:
#ifdef JUDGE_BEFORE_ARM
    READ; MAY_DIE;                      /* mutant */
    if :: waits -> ARM :: else fi;
#else
    if :: waits -> ARM :: else fi;
    MAY_DIE;
    READ;
#endif
judge:
    MAY_DIE;
    if
    :: OWNER(c) && LIVES(OWNER(c)) ->
        if
        :: hungry && !(c & HUNGRY) ->
            STEP { if :: claim == c -> claim = c | HUNGRY; hit = true :: else -> READ; hit = false fi };
            if :: hit -> hit = false; goto sleep :: else -> goto judge fi
        :: else -> goto sleep
        fi
    :: !OWNER(c) && (c & HUNGRY) && !hungry && !tries -> goto sleep
    :: else ->
        STEP {
            if
#ifdef TAKE_OVER_BY_STORE
            :: claim == c || OWNER(c) ->    /* mutant: it may be another's by now */
#else
            :: claim == c ->
#endif
                claim = MINE; mine = true; inside++; assert(inside == 1)
            :: else -> READ
            fi
        };
        if :: mine -> goto has :: else -> goto judge fi
    fi;
sleep:
    MAY_DIE;
    if
    :: tries -> goto over
    :: !tries && !waits -> STEP { waits = true; CONSUME(me) }    /* its ear is open from here on */
    :: !tries && waits ->
        if
        :: STEP { EDGE(me) -> CONSUME(me) }
#ifndef NO_MILLISECOND
        :: !hungry -> hungry = true                 /* it is over, and nobody rings for that */
#else
        :: !hungry && OWNER(claim) -> hungry = true /* mutant: only beside a holder */
#endif
        fi
    fi;
    goto look;
has:
    MAY_DIE;                            /* inside */
#ifdef BELL_READ_FIRST
    STEP { hit = bell };                /* mutant: the word is not changed when it has no BELL */
    MAY_DIE;
    STEP { claim = claim & HUNGRY; mine = false; inside-- };
    STEP { if :: hit -> bell = false :: else fi };
#else
    STEP { claim = claim & HUNGRY; mine = false; inside-- };
    MAY_DIE;
    STEP { hit = bell; bell = false };
#endif
    MAY_DIE;
    STEP { if :: hit -> edges = ALL_EARS :: else fi; hit = false };
over:
    c = 0; round++;
    if :: round < ROUNDS -> goto again :: else fi;
end:
    false;                              /* done, and still there: its ring is silent */
dead:
    skip;
#ifdef RING_BEFORE_LOCKS
    edges = ALL_EARS;                   /* mutant: a kernel that closes first and unlocks afterwards */
    STEP { living = living & (255 - BIT(me)); if :: mine -> inside-- :: else fi };
#else
    STEP { living = living & (255 - BIT(me)); if :: mine -> inside-- :: else fi };
#ifndef RING_NOT_KEPT
    edges = ALL_EARS
#endif
#endif
}

init {
    byte i;
    atomic {
        do
        :: i < USERS -> run User(i, i >= USERS - TRIES); i++
        :: else -> break
        od;
        i = 0
    }
}
