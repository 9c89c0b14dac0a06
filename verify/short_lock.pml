/* short_lock.pml: the short lock of core/parts/short_lock.c: {owner id, CONTENDED}. Its holder may be killed anywhere; who has slept
 * for 20 ms asks the kernel whether the owner lives, and takes over by CAS on the exact word.
 *
 * Claims: never two inside. Nobody sleeps on when all the others sleep as well or are gone. And where nobody died
 * (KILLS=0), nobody needs the 20 ms. */
#ifndef USERS
#define USERS 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#define EARS 1
#include "ground.pml"

#define CONTENDED 1
#define MINE (id * 2)
#define OWNER(w) ((w) / 2)             /* 0: free */
#define BIT(n) (1 << (n))

byte inside;
byte living;                           /* by id: whose byte of the owners' file the kernel keeps locked */
byte gone;                             /* by process: done or dead */
#define LIVES(id) (living & BIT(id))
#define ALL_OTHERS_STILL(me) ((asleep | gone | BIT(me)) == BIT(USERS) - 1)

#define WOKEN(one) asleep & BIT(one) -> asleep = asleep & (255 - BIT(one))
#define WAKE_ONE atomic { if :: !asleep :: WOKEN(0) :: WOKEN(1) :: WOKEN(2) :: WOKEN(3) fi }

proctype User(byte me; byte id; byte before)
{
    short w;
    bool hit;
    byte round;

    STEP { !before || !LIVES(before) -> living = living | BIT(id) };
again:
    skip;
    STEP { if :: word == 0 -> word = MINE; inside++; hit = true; assert(inside == 1) :: else -> hit = false fi };
    do
    :: hit -> break
    :: else ->
        w = word;
        MAY_DIE;
        if
        :: w == 0 ->                            /* CONTENDED: others may sleep whom the last wake did not reach */
            STEP {
                if
                :: word == 0 ->
#ifdef TAKES_UNCONTENDED
                    word = MINE;                /* mutant: the wakes end here */
#else
                    word = MINE | CONTENDED;
#endif
                    inside++; hit = true; assert(inside == 1)
                :: else -> hit = false
                fi
            }
        :: else ->
            if
            :: !(w & CONTENDED) ->
                STEP { if :: word == w -> word = w | CONTENDED; w = word; hit = true :: else -> hit = false fi }
            :: else -> hit = true
            fi;
            if
            :: hit ->
                hit = false;
                MAY_DIE;
                FUTEX_WAIT(me, w);
                if
                :: !IS_ASLEEP(me)
#if KILLS && !defined(NO_TIMER)
                :: STEP { IS_ASLEEP(me) -> asleep = asleep & (255 - BIT(me)) };     /* 20 ms are over */
                   w = word;
                   MAY_DIE;
                   if
                   :: w != 0 && !LIVES(OWNER(w)) ->
                       MAY_DIE;
                       STEP {
                           if
#ifdef TAKE_OVER_BY_STORE
                           :: true ->                   /* mutant: it may be another's by now */
#else
                           :: word == w ->
#endif
                               word = MINE | CONTENDED; inside++; hit = true; assert(inside == 1)
                           :: else
                           fi
                       }
                   :: STEP { w != 0 && LIVES(OWNER(w)) -> assert(!ALL_OTHERS_STILL(me) || word != w) }
                   :: w == 0
                   fi
#endif
                fi
            :: else
            fi
        fi;
        w = 0
    od;
    MAY_DIE;                                    /* inside */
    STEP { w = word; word = 0; inside--; hit = false };
    MAY_DIE;
    if :: w & CONTENDED -> WAKE_ONE :: else fi;
    w = 0;
    round++;
    if :: round < ROUNDS -> goto again :: else fi;
dead:
    skip;
    STEP {
        if :: hit -> inside-- :: else fi;
        living = living & (255 - BIT(id)); gone = gone | BIT(me);
        w = 0; hit = false; round = 0
    }
}

init {
    byte i;
    atomic {
        do
        :: i < USERS ->
#ifdef REUSED_IDS
            run User(i, (i == USERS - 1 -> 1 : i + 1), (i == USERS - 1 -> 1 : 0));  /* the last is born as the first dies */
#else
            run User(i, i + 1, 0);
#endif
            i++
        :: else -> break
        od;
        i = 0
    }
}
