/* listen.pml: waiting by descriptor. Consume the edge, arm, judge by the word that arming returned, sleep until an edge.
 *
 * Their claim: without an edge when nobody can take a step any more means rightly so: the state is not the one waited
 * for, nothing happened since the wait began, and the listener's bit is on, so that the next changer rings. */
#ifdef LOOK_AFTER_RMW
#define ARM(bit) STEP { word = word | bit }; seen = word
#else
#define ARM(bit) STEP { seen = word; word = word | bit }
#endif

#ifdef LOOK_BEFORE_CONSUME
#define ARM_AND_LOOK(me, bit) ARM(bit); CONSUME(me)
#else
#define ARM_AND_LOOK(me, bit) CONSUME(me); ARM(bit)
#endif

#ifdef AGE_AFTER_ARMING
#define LOOK(me, bit) ARM_AND_LOOK(me, bit); ASK_AGE
#else
#define LOOK(me, bit) ASK_AGE; ARM_AND_LOOK(me, bit)
#endif

#define MUST_LOOK_AGAIN (young && bell == OLD)

/* A wait that begins and ends: wait_any, wait_async, and every wait for a clear. */
proctype Listen(byte me; bool for_set)
{
    short seen, entry;
    bool young, pen;

    entry = CLEARS(word);
    FILL;
    MAKE_BELL;
again:
    skip;
    LOOK(me, (for_set -> BELL : CBELL));
    if :: (seen & REMOVED) || CLEARS(seen) != entry || (seen & SET) == for_set -> goto dead :: else fi;
    MAY_DIE;                                        /* or its time is up: the bit stays on for nobody */
    if
    :: EDGE(me) -> goto again
    :: MUST_LOOK_AGAIN -> goto again
    :: timeout ->
        assert(!(word & REMOVED) && CLEARS(word) == entry && (word & SET) != for_set);
        assert(word & (for_set -> BELL : CBELL))
    fi;
dead:
    PEN_OF_THE_DEAD;
    seen = 0; entry = 0; young = false
}

/* fileno(): no beginning, so it knows no pulses; it is readable while SET is on. Whoever finds it readable looks, or
 * goes away; found ready it raises its own edge again, for everyone who polls it. */
proctype Fileno(byte me)
{
    short seen;
    bool young, pen;

    FILL;
    MAKE_BELL;
again:
    skip;
    LOOK(me, BELL);
    if :: seen & (SET | REMOVED) -> RAISE(me) :: else fi;
    if
    :: EDGE(me) -> if :: goto again :: goto dead fi
    :: MUST_LOOK_AGAIN -> goto again
    :: timeout -> assert(!(word & (SET | REMOVED)) && (word & BELL))
    fi;
dead:
    PEN_OF_THE_DEAD;
    seen = 0; young = false
}

/* A wait for a later set than the present one (since=). While SET is on, a setter may drop the BELL of a listener whom it
 * takes for served, so this one listens for the clear as well, and arms anew when it has come. */
proctype Later(byte me; byte since)
{
    short seen;
    bool young, pen;

    FILL;
    MAKE_BELL;
again:
    skip;
    ASK_AGE;
    CONSUME(me);
rearm:
    skip;
    ARM(BELL);
    if :: (seen & REMOVED) || GENERATION(seen) > since -> goto dead :: else fi;
#ifndef LATER_TRUSTS_ITS_BELL
    if
    :: seen & SET ->
        ARM(CBELL);
        if :: (seen & REMOVED) || GENERATION(seen) > since -> goto dead :: else fi;
        if :: seen & SET :: else -> goto rearm fi
    :: else
    fi;
#endif
    MAY_DIE;
    if
    :: EDGE(me) -> goto again
    :: MUST_LOOK_AGAIN -> goto again
    :: timeout -> assert(!(word & REMOVED) && GENERATION(word) <= since)
    fi;
dead:
    PEN_OF_THE_DEAD;
    seen = 0; young = false
}
