/* wait.pml: a blocking wait for SET, in the futex.
 *
 * Its claim: asleep when nobody can take a step any more means rightly so: SET is off, there was no pulse since the
 * wait began, and SLEEPERS is on, so that the next setter will wake it. */
proctype Wait(byte me)
{
    short seen, entry;
    bool hit;

    entry = CLEARS(word);
again:
    skip;
    seen = word;
    if
    :: seen & (SET | REMOVED) -> goto done
#ifndef BIT_ONLY_PULSE
    :: !(seen & (SET | REMOVED)) && CLEARS(seen) != entry -> goto done
#endif
    :: else
    fi;
    CAS(seen, seen | SLEEPERS | SLEPT, goto again);
    if :: true :: goto done fi;         /* killed, or its time is up: SLEEPERS stays on for nobody */
    FUTEX_WAIT(me, (seen | SLEEPERS | SLEPT));
    if
    :: !IS_ASLEEP(me) -> goto again     /* woken, or the word had moved; a spurious wake takes the same path */
    :: timeout -> assert(!(word & (SET | REMOVED)) && CLEARS(word) == entry && (word & SLEEPERS))
    fi;
done:
    seen = 0; entry = 0; hit = false
}
