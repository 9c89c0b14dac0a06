/* wait_all.pml: one who waits until all of three flags are set at the same time, while their setters flicker.
 *
 * Setting and its ring are one step here: that this is allowed is what event.pml and listen.pml are about. The claims: who
 * returns can name an instant during the call at which all were set; and who sleeps when nobody can take a step any more
 * sleeps rightly. */
#define N 3
#ifndef FLICKERS
#define FLICKERS 2
#endif
#define ALL ((1 << N) - 1)

byte flags;         /* which are set */
byte armed, edges;  /* who is listened to; whose bell has rung */
byte count[N];      /* how often each became set: its ticket */
bool together;      /* the witness: all were set at one instant */

#define STEP d_step
#define IS(i, bits) ((bits) & (1 << (i)))

proctype Setter(byte me)
{
    byte left = FLICKERS;
    do
    :: left == 0 -> break
    :: left > 0 ->
        STEP {
            flags = flags | (1 << me);
            count[me]++;
            if :: IS(me, armed) -> armed = armed & ~(1 << me); edges = edges | (1 << me) :: else fi;
            if :: flags == ALL -> together = true :: else fi
        };
        left--;
        if
        :: STEP { flags = flags & ~(1 << me) }
        :: left = 0                               /* and it stays set */
        fi
    od
}

/* One look: arm and judge in one step, for the arming returns the word by which it is judged. */
#ifdef ARM_AFTER_LOOK
#define LOOK(i) STEP { ready = IS(i, flags) != 0; ticket = count[i] }; STEP { armed = armed | (1 << i) }
#else
#define LOOK(i) STEP { armed = armed | (1 << i); ready = IS(i, flags) != 0; ticket = count[i] }
#endif

proctype WaitAll()
{
    byte i, ticket, rung, lacking = 0;
    byte seen[N];
    bool ready;
again:
    i = 0;
    do
    :: i == N -> break
    :: i < N ->
        LOOK(i);
        seen[i] = ticket;
        if :: !ready -> lacking = lacking | (1 << i) :: else fi;
        i++
    od;
    if :: lacking -> goto asleep :: else fi;
#ifndef SINGLE_COLLECT
    /* The last was set at an instant between the two looks at each other one. */
#ifdef FIRST_IS_SPARED
    i = 1;
#else
    i = 0;
#endif
    do
#ifdef FIRST_IS_SPARED
    :: i == N -> break
    :: i < N ->
#else
    :: i == N - 1 -> break
    :: i < N - 1 ->
#endif
        LOOK(i);
        if :: !ready -> lacking = lacking | (1 << i); goto asleep :: else fi;
#ifndef TICKETS_NOT_COMPARED
        if :: ticket != seen[i] -> goto again :: else fi;
#endif
        i++
    od;
#endif
    assert(together);
    goto done;
asleep:
    if
    :: STEP { edges -> rung = edges; edges = 0 }
    :: timeout -> assert(flags != ALL); goto done
    fi;
    i = 0;
    do
    :: i == N -> break
    :: i < N ->
        if
        :: IS(i, rung & lacking) -> LOOK(i); if :: ready -> lacking = lacking & ~(1 << i) :: else fi
        :: else
        fi;
        i++
    od;
    rung = 0;
    if :: lacking -> goto asleep :: else -> goto again fi;
done:
    skip
}

init {
    atomic { run WaitAll(); run Setter(0); run Setter(1); run Setter(2) }
}
