/* change.pml: set and clear, as core/objects/event.c does them. Killed at any step, or alive.
 *
 * The rule: what is announced and what is changed become visible together, or the kernel does the second half for the
 * dead. A sleeper is woken by the very system call that sets (FUTEX_WAKE_OP); a listener by a bell that was open before
 * the change. A bell that cannot be opened is the same as a death before the change: nothing happened. */
proctype Set()
{
    short seen;
    bool hit, open, early;

again:
    skip;
    READ_AS_CHANGER;
    if
    :: (seen & REMOVED) -> goto dead
    :: !(seen & (REMOVED | SLEEPERS | BELL)) ->     /* nobody waits: an exact CAS proves that it is still so */
        if :: seen & SET -> goto dead :: else fi;
        CAS(seen, seen | SET, goto again);
        goto dead
    :: else
    fi;
#ifndef OPEN_AFTER_CHANGE
    if :: seen & (HASBELL | BELL) -> OPEN :: else fi;
#endif
    MAY_DIE;
    if
    :: !(seen & SLEEPERS) -> CAS(seen, seen | SET, goto again)
    :: else ->                                      /* unconditional: the kernel offers no more */
#ifdef STORE_THEN_WAKE
        STEP { word = word | SET };
        MAY_DIE;
        STEP { WAKE_ALL }
#else
        STEP { word = word | SET; WAKE_ALL }
#endif
    fi;
    MAY_DIE;
    seen = word;                                    /* a listener may have come meanwhile */
    if :: seen & BELL -> OPEN; MAY_DIE :: else fi;
    CLOSE;                                          /* the ring */
    MAY_DIE;
    /* Only a word with SET: whoever arms or falls asleep while it stands looks at that SET. If a clearer was here, the
     * bits may already be those of the next waiters, who are not told by us. */
#ifndef DROP_WITHOUT_SET
    if :: seen & SET :: else -> goto dead fi;
#endif
#ifdef BELL_CLEARED_UNCONDITIONALLY
    STEP { word = WITHOUT(word, SLEEPERS | BELL) };
#else
    CAS(seen, WITHOUT(seen, SLEEPERS | BELL), skip);
#endif
dead:
    skip;
    CLOSE_OF_THE_DEAD;
    CHANGER_IS_GONE
}

proctype Clear()
{
    short seen;
    bool hit, open, early;

again:
    skip;
    READ_AS_CHANGER;
    if :: !(seen & SET) || (seen & REMOVED) -> goto dead :: else fi;
    if :: seen & CBELL -> OPEN; MAY_DIE :: else fi;
    CAS(seen, WITHOUT(seen, SET) + CLEAR1, goto again);
    if :: !(seen & CBELL) -> goto dead :: else fi;  /* exact: nobody waited for this at that instant */
    MAY_DIE;
    CLOSE;                                          /* the ring */
    MAY_DIE;
    seen = WITHOUT(seen, SET) + CLEAR1;
    CAS(seen, WITHOUT(seen, CBELL), skip);          /* as written, without SET: the same argument as in Set */
dead:
    skip;
    CLOSE_OF_THE_DEAD;
    CHANGER_IS_GONE
}
