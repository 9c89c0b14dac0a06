/* own.pml: ownership. An owner promises to set, and may be killed at any step; those who wait by the futex or by the bell
 * must be told, unless somebody sets; and nobody is told who need not be.
 *
 * Two owners that take turns, each with an id of its own; a setter, a clearer, who also ends the claims of the dead; sleepers,
 * who go over to the bell when OWNED is on. The bell is there, and old: its first 100 ms are event.pml's. */
#ifndef WAITS
#define WAITS 1
#endif
#ifndef LISTENS
#define LISTENS 1
#endif
#ifndef OWNERS
#define OWNERS 1
#endif
#ifndef SETS
#define SETS 0
#endif
#ifndef CLEARERS
#define CLEARERS 0
#endif
#define EARS (WAITS + LISTENS)
#define PENS 0

#include "ground.pml"
#include "word.pml"
#define OWNED 32

/* The head's claim: the id of an owner, and the generation for which it was made. What a real id is, the lock that the kernel
 * takes from the dead, is one bit here; it goes before the dead one's ring (exit_files before exit_task_work). */
byte claim_id, claim_gen;
byte dead_ids;   /* one bit per owner */
bool has_owned;  /* some own has returned for the present claim: then OWNED must be on */
#define IS_DEAD(id) ((dead_ids >> (id)) & 1)
#define FITS(id, gen, w) ((id) && !((w) & SET) && (gen) == CLEARS(w))
#define LEFT_BEHIND (FITS(claim_id, claim_gen, word) && IS_DEAD(claim_id) && ((word & OWNED) || has_owned))

/* The judge, after the arming: 1 in `gone` if the claim's owner is dead. */
#ifdef JUDGED_ONCE
#define REREAD STEP { assert(!gone || FITS(id, gen, word)) } /* nobody else sets where this mutant runs */
#else
#define REREAD STEP { gone = gone && FITS(id, gen, word) }; STEP { gone = gone && claim_id == id && claim_gen == gen }
#endif
#define JUDGE \
    gone = false; \
    if \
    :: (seen & OWNED) && !(seen & SET) -> \
        STEP { id = claim_id; gen = claim_gen }; \
        if \
        :: FITS(id, gen, seen) -> gone = IS_DEAD(id); REREAD \
        :: else \
        fi \
    :: else \
    fi

/* A blocking wait: in the futex, and by the bell while somebody owns. */
proctype Wait(byte me)
{
    short seen, entry;
    byte id, gen;
    bool hit, gone;

    entry = CLEARS(word);
again:
    skip;
    seen = word;
    if :: (seen & SET) || CLEARS(seen) != entry -> goto done :: else fi;
    JUDGE;
    if :: gone -> goto done :: else fi;
#ifdef OWNED_DROPPED_BY_LOOKERS
    if
    :: (seen & OWNED) && !FITS(claim_id, claim_gen, seen) -> CAS(seen, WITHOUT(seen, OWNED), goto again); goto again
    :: else
    fi;
#endif
#ifndef OWNED_SLEEPS_IN_FUTEX
    if :: seen & OWNED -> goto listen :: else fi;
#endif
    CAS(seen, seen | SLEEPERS | SLEPT, goto again);
    FUTEX_WAIT(me, (seen | SLEEPERS | SLEPT));
    if
    :: !IS_ASLEEP(me) -> goto again
    :: timeout -> assert(!(word & SET) && CLEARS(word) == entry && (word & SLEEPERS) && !LEFT_BEHIND); goto done
    fi;
listen:
    skip;
    STEP { word = word | HASBELL };
rearm:
    skip;
#ifdef JUDGED_BEFORE_CONSUMING
    STEP { seen = word; word = word | BELL };
#else
    CONSUME(me);
    STEP { seen = word; word = word | BELL };
#endif
    if :: (seen & SET) || CLEARS(seen) != entry -> goto done :: else fi;
    JUDGE;
    if :: gone -> goto done :: !gone && !(seen & OWNED) -> goto again :: else fi;
#ifdef JUDGED_BEFORE_CONSUMING
    CONSUME(me);
#endif
    if
    :: EDGE(me) -> goto rearm
    :: timeout -> assert(!(word & SET) && CLEARS(word) == entry && (word & BELL) && !LEFT_BEHIND)
    fi;
done:
    seen = 0; entry = 0; id = 0; gen = 0; hit = false; gone = false
}

/* Who waits by descriptor from the beginning. */
proctype Listen(byte me)
{
    short seen, entry;
    byte id, gen;
    bool gone;

    entry = CLEARS(word);
    STEP { word = word | HASBELL };
again:
    skip;
    CONSUME(me);
    STEP { seen = word; word = word | BELL };
    if :: (seen & SET) || CLEARS(seen) != entry -> goto done :: else fi;
    JUDGE;
    if :: gone -> goto done :: else fi;
    if
    :: EDGE(me) -> goto again
    :: timeout -> assert(!(word & SET) && CLEARS(word) == entry && (word & BELL) && !LEFT_BEHIND)
    fi;
done:
    seen = 0; entry = 0; id = 0; gen = 0; gone = false
}

/* set: as in change.pml, and OWNED goes with SET. */
inline set_it()
{
    do
    :: seen = word;
        if :: (seen & (HASBELL | BELL)) && !open -> OPEN :: else fi;
        MAY_DIE;
        if
        :: seen & SLEEPERS -> STEP { word = word | SET; WAKE_ALL }; break
        :: else ->
            STEP { if :: word == seen -> word = WITHOUT(seen | SET, OWNED); hit = true :: else -> hit = false fi };
            if :: hit -> break :: else fi
        fi
    od;
    MAY_DIE;
    seen = word;
    if :: (seen & BELL) && !open -> OPEN :: else fi;
    MAY_DIE;
    CLOSE;
    if
    :: seen & SET -> STEP { if :: word == seen -> word = WITHOUT(seen, SLEEPERS | BELL | OWNED) :: else fi }
    :: else
    fi
}

proctype Set()
{
    short seen;
    bool open, hit;

    set_it();
dead:
    skip;
    CLOSE_OF_THE_DEAD;
    seen = 0; hit = false
}

/* clear: of a set event; of a clear one it ends the claim of the dead. */
proctype Clear()
{
    short seen;
    byte id, gen;
    bool hit, gone;

again:
    skip;
    seen = word;
    if
    :: seen & SET -> CAS(seen, WITHOUT(seen, SET | OWNED) + CLEAR1, goto again)
    :: else ->
        JUDGE;
        if :: gone -> STEP { if :: claim_id == id && claim_gen == gen -> claim_id = 0; has_owned = false :: else fi } :: else fi
    fi;
    seen = 0; id = 0; gen = 0; hit = false; gone = false
}

/* own, and then set, disown, or nothing; killed anywhere. `hand` is the ring that it keeps. */
proctype Own(byte me)
{
    short seen;
    byte id, gen;
    bool open, hit, hand;

#ifndef HAND_OPENED_LATE
    hand = true;
#endif
again:
    skip;
    STEP { id = claim_id; gen = claim_gen };
    seen = word;
    if :: seen & SET -> goto dead :: else fi;
    if :: FITS(id, gen, seen) && !IS_DEAD(id) && id != me -> goto dead :: else fi;
    MAY_DIE;
    STEP {
        if
        :: claim_id == id && claim_gen == gen -> claim_id = me; claim_gen = CLEARS(seen); has_owned = false; hit = true
        :: else -> hit = false
        fi };
    if :: hit :: else -> goto again fi;
    MAY_DIE;
    hand = true;
#ifdef OWNED_WITHOUT_WAKE
    STEP { word = word | OWNED };
#else
    STEP { word = word | OWNED; WAKE_ALL };
#endif
    MAY_DIE;
    seen = word;
    if
    :: !FITS(me, claim_gen, seen) || claim_id != me -> goto giveup
    :: else -> STEP { if :: claim_id == me && FITS(me, claim_gen, word) -> has_owned = true :: else fi }
    fi;
    MAY_DIE;
    if
    :: true -> set_it()
    :: true -> goto giveup
    :: true ->
end_lives_on:
        false
    fi;
    goto dead;
giveup:
    skip;
    STEP { if :: claim_id == me -> claim_id = 0; has_owned = false :: else fi };
dead:
    skip;
    STEP { dead_ids = dead_ids | (1 << me) };
    CLOSE_OF_THE_DEAD;
#ifndef HAND_NOT_KEPT
    STEP { if :: hand -> hand = false; edges = ALL_EARS :: else fi };
#endif
    seen = 0; id = 0; gen = 0; hit = false
}

#define MANY(how_many, start) i = 0; do :: i < how_many -> run start; i++ :: else -> break od

init {
    byte i;
    atomic {
#ifdef BEGINS_OWNED
        word = HASBELL | OWNED;        /* an owner of the past has left it */
#else
        word = HASBELL;
#endif
        MANY(WAITS, Wait(i));
        MANY(LISTENS, Listen(WAITS + i));
        MANY(OWNERS, Own(1 + i));
        MANY(SETS, Set());
        MANY(CLEARERS, Clear());
        i = 0
    }
}
